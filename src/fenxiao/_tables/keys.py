"""The canonical row order of a keyed table, and which keys two tables share."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao._arrays import FLAG, ROW
from fenxiao.errors import OrdersError

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray, RowArray
    from fenxiao._labels import Labels

_KEY_LIMIT: Final = 1 << 63
_INT64: Final = range(-_KEY_LIMIT, _KEY_LIMIT)


def ranks(labels: Labels) -> RowArray:
    """Return integers in the order of the labels, equal where the labels are equal.

    Integers are ordered as numbers, text by code point, bytes by value, UUIDs by their number.
    """
    if labels.kind == "int":
        return labels.values
    distinct = sorted(set(labels.values.tolist()))
    rank = dict(zip(distinct, range(len(distinct)), strict=True))
    return np.fromiter(map(rank.__getitem__, labels.values), dtype=ROW, count=len(labels.values))


def key_order(
    labels: Labels, line: RowArray | None, input_row: RowArray | None, *, thing: str, key: str, hint: str
) -> RowArray | None:
    """Return the rows in the order of (label, line), or None where they stand in it already.

    Raises
    ------
    OrdersError
        A key comes twice; the rows named are the caller's.
    """
    values = labels.values
    if len(values) < 2 or bool((values[1:] > values[:-1]).all()):
        return None
    rank = ranks(labels)
    packed = rank if line is None else _packed(rank, line)
    if packed is None:
        order = np.lexsort((line, rank))  # type: ignore[arg-type]  # checked before
        same = _equal_neighbours(rank[order]) & _equal_neighbours(line[order])  # type: ignore[index]  # as before
    else:
        if bool((packed[1:] > packed[:-1]).all()):
            return None
        order, packed = _sorted(packed)
        same = _equal_neighbours(packed)
    if same.any():
        hit = np.flatnonzero(same)
        rows = np.unique(np.concatenate([order[hit], order[hit + 1]]))
        raise OrdersError(
            thing,
            f"have the same key {key} more than once",
            rows=rows if input_row is None else np.sort(input_row[rows]),
            labels=[labels.value(row) for row in rows.tolist()],
            allowed="one row a key",
            hint=hint,
        )
    return order


def _packed(rank: RowArray, line: RowArray) -> RowArray | None:
    """Return one integer a row that orders like (rank, line), or None where 64 bits cannot hold it."""
    low, high = int(rank.min()), int(rank.max())
    first, last = int(line.min()), int(line.max())
    width = last - first + 1
    if (high - low + 1) * width >= _KEY_LIMIT:
        return None
    return (rank - low) * width + (line - first)


def _sorted(keys: RowArray) -> tuple[RowArray, RowArray]:
    """Return the row numbers that sort `keys`, equal ones in row order, and the sorted keys."""
    bits = len(keys).bit_length()
    low = int(keys.min())
    if (int(keys.max()) - low).bit_length() + bits < _KEY_LIMIT.bit_length():
        # Sorting numbers that carry their row is several times as fast as sorting row numbers.
        carried = ((keys - low) << bits) | np.arange(len(keys), dtype=ROW)
        carried.sort()
        return carried & ((1 << bits) - 1), carried >> bits
    order = np.argsort(keys, kind="stable")
    return order, keys[order]


def _equal_neighbours(values: RowArray) -> FlagArray:
    same: FlagArray = values[1:] == values[:-1]
    return same


def rows_of(labels: Labels, label: object) -> tuple[int, int]:
    """Return the half-open range of rows that a label has in a sorted column, empty where it has none."""
    values = labels.values
    if labels.kind == "int":
        if not isinstance(label, int | np.integer) or isinstance(label, bool) or int(label) not in _INT64:
            return 0, 0
        return int(np.searchsorted(values, label)), int(np.searchsorted(values, label, side="right"))
    if not len(values) or not isinstance(label, type(values[0])):
        return 0, 0
    return bisect_left(values, label), bisect_right(values, label)


def _members_of(values: RowArray, other: RowArray) -> FlagArray:
    """Return which `values` occur in `other`; both are sorted and `other` is not empty."""
    place = np.minimum(np.searchsorted(other, values), len(other) - 1)
    found: FlagArray = other[place] == values
    return found


def same_keys(
    first: Labels, first_line: RowArray, second: Labels, second_line: RowArray, *, with_line: bool
) -> tuple[RowArray, RowArray]:
    """Return the rows of two tables in canonical order whose keys both have.

    With `with_line` a key is (label, line), otherwise the label alone.
    """
    nothing = np.empty(0, dtype=ROW)
    if first.kind != second.kind or not len(first) or not len(second):
        return nothing, nothing
    left, right = first.values, second.values
    if left[-1] < right[0] or right[-1] < left[0]:
        return nothing, nothing
    if first.kind != "int":
        shared = np.array(sorted(set(left.tolist()) & set(right.tolist())), dtype=object)
        if not len(shared):
            return nothing, nothing
        left_rows = np.flatnonzero(_members_of(left, shared))
        right_rows = np.flatnonzero(_members_of(right, shared))
    else:
        left_rows = np.flatnonzero(_members_of(left, right))
        right_rows = np.flatnonzero(_members_of(right, left))
    if not with_line or not len(left_rows):
        return left_rows, right_rows
    left_keys = set(zip(left[left_rows].tolist(), first_line[left_rows].tolist(), strict=True))
    right_keys = set(zip(right[right_rows].tolist(), second_line[right_rows].tolist(), strict=True))
    both = left_keys & right_keys
    return (
        _rows_with(left_rows, left, first_line, both),
        _rows_with(right_rows, right, second_line, both),
    )


def _rows_with(rows: RowArray, values: RowArray, line: RowArray, keys: set[tuple[object, int]]) -> RowArray:
    held = zip(values[rows].tolist(), line[rows].tolist(), strict=True)
    return rows[np.fromiter((key in keys for key in held), dtype=FLAG, count=len(rows))]
