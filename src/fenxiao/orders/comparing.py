"""Which orders differ between two tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fenxiao._arrays import FLAG, INDEX, ROW, AnyArray, FlagArray, RowArray
from fenxiao._columns import Categories, Column
from fenxiao._labels import Labels
from fenxiao.errors import OrdersError
from fenxiao.orders.keys import expanded, first_and_last, once, row_of_line
from fenxiao.orders.laws import mask_of

if TYPE_CHECKING:
    from fenxiao.orders import Orders
    from fenxiao.orders.assembly import Parts


class Looked(NamedTuple):
    """Lines that are looked at: their rows, ascending and of whole orders, and the order that each is of.

    Orders are numbered from 0 on, alike in both tables.
    """

    rows: RowArray
    order: RowArray


def touched_rows(now: Orders, then: Orders) -> tuple[RowArray, RowArray]:
    """Return the rows of the orders that differ between two tables: theirs in the one, and in the other.

    The rows ascend, and are all lines of these orders.

    Raises
    ------
    OrdersError
        The tables have other columns, or columns of another kind.
    """
    if not len(now) or not len(then):
        # What an empty table would have held is not known.
        return np.arange(len(now), dtype=ROW), np.arange(len(then), dtype=ROW)
    if now.sold is then.sold:
        return _differing(now, then, *_of_changes(now, then))
    ids = _ids_apart(now, then)
    everything = distinct(now.order_id, then.order_id) if ids is None else ids
    return _differing(now, then, *_of_ids(now, then, everything))


def rows_that_may_differ(now: Orders, then: Orders) -> tuple[RowArray, RowArray]:
    """Return the rows of `touched_rows`, and of orders of which changes tell nothing new.

    Where tables were made from the same ones, no column is read for it.

    Raises
    ------
    OrdersError
        The tables have other columns, or columns of another kind.
    """
    if not len(now) or not len(then):
        return touched_rows(now, then)
    if now.sold is then.sold:
        here, there, _ = _of_changes(now, then)
        return here.rows, there.rows
    ids = _ids_apart(now, then)
    return touched_rows(now, then) if ids is None else (now.rows_of(ids), then.rows_of(ids))


def _apart(now: Orders, then: Orders) -> list[tuple[Orders, slice]]:
    """Return the tables whose changes tell them apart, and which of these changes do."""
    longer, shorter = (now, then) if len(now.changes) >= len(then.changes) else (then, now)
    if longer.changes.begins_with(shorter.changes):
        return [(longer, slice(len(shorter.changes), None))]
    return [(longer, slice(None)), (shorter, slice(None))]


def _ids_apart(now: Orders, then: Orders) -> Labels | None:
    """Return the ids of late orders and of changed ones; None where the tables have no piece in common."""
    shared = [piece for piece in now.pieces if any(piece is other for other in then.pieces)]
    if not shared:
        return None
    late = [piece for piece in (*now.pieces, *then.pieces) if not any(piece is other for other in shared)]
    changed = [orders.changes.order_id.take(since) for orders, since in _apart(now, then)]
    return distinct(*changed, *late)


def _of_changes(now: Orders, then: Orders) -> tuple[Looked, Looked, RowArray]:
    """Return the lines of changed orders, and which of `then` each of `now` is, -1 for none.

    Both tables were made from the same lines, among which the changes are known to stand.
    """
    found = [orders.places.orders_of(since) for orders, since in _apart(now, then)]
    rows = found[0] if len(found) == 1 else once(np.concatenate(found))
    order = np.arange(len(rows), dtype=ROW)
    if now.sold.order_of_row is not None:
        order = np.cumsum(np.diff(now.sold.order_of_row[rows], prepend=-1) != 0) - 1
    if not len(now.places.gone) and not len(then.places.gone):
        return Looked(rows, order), Looked(rows, order), np.arange(len(rows), dtype=ROW)
    here, there = now.places.left(rows), then.places.left(rows)
    line = np.where(there, np.cumsum(there) - 1, ROW(-1))[here]
    looked, others = (
        Looked(orders.places.net(rows[left]), order[left]) for orders, left in ((now, here), (then, there))
    )
    return looked, others, line


def _of_ids(now: Orders, then: Orders, ids: Labels) -> tuple[Looked, Looked, RowArray]:
    """Return the lines of some orders, and which of `then` each of `now` is, -1 for none."""
    ranges = [first_and_last(orders.order_id, ids) for orders in (now, then)]
    here, there = (
        Looked(expanded(low, high), np.repeat(np.arange(len(ids), dtype=ROW), high - low))
        for low, high in ranges
    )
    length = ranges[1][1] - ranges[1][0]
    last = np.cumsum(length)
    first = last - length
    line = row_of_line(then.line[there.rows], first[here.order], last[here.order], now.line[here.rows])
    return here, there, line


def _differing(
    now: Orders, then: Orders, here: Looked, there: Looked, line: RowArray
) -> tuple[RowArray, RowArray]:
    """Return the rows of those orders of which a line differs, or is in one table only.

    Parameters
    ----------
    line : int64 [here], which line of `there` is the same one, -1 for none
    """
    _check_alike(now.parts(), then.parts())
    both = line >= 0
    differs, alone = np.ones(len(here.rows), dtype=FLAG), np.ones(len(there.rows), dtype=FLAG)
    differs[both] = _unlike_rows(now.parts(), here.rows[both], then.parts(), there.rows[line[both]])
    alone[line[both]] = False
    found = np.concatenate([here.order[differs], there.order[alone]])
    touched = mask_of(found, 1 + max(int(each.order.max(initial=-1)) for each in (here, there)))
    return here.rows[touched[here.order]], there.rows[touched[there.order]]


def distinct(*columns: Labels) -> Labels:
    """Return the labels of some columns without nulls, sorted and each once."""
    joined = columns[0]
    for column in columns[1:]:
        joined = joined.joined(column, thing="orders column 'order_id'")
    return Labels(values=once(joined.values), kind=joined.kind)


def _check_alike(now: Parts, then: Parts) -> None:
    kinds = [
        {
            name: (type(column), _unit(column))
            for name, column in zip(each["names"], each["columns"], strict=True)
        }
        for each in (now, then)
    ]
    buyers = [each["buyer"] is not None for each in (now, then)]
    if kinds[0] != kinds[1] or buyers[0] != buyers[1]:
        raise OrdersError(
            "orders",
            "have other columns in each of the two tables",
            value=f"{sorted(now['names'])} and {sorted(then['names'])}",
            allowed="tables read alike",
            hint="Read both tables with the same columns and options",
        )


def _unit(column: Column) -> int:
    return 0 if isinstance(column, Categories) else column.unit


def _unlike_rows(now: Parts, left: RowArray, then: Parts, right: RowArray) -> FlagArray:
    unlike = np.zeros(len(left), dtype=FLAG)
    same_rows = np.array_equal(left, right)
    for mine, theirs in ((now["member"], then["member"]), (now["buyer"], then["buyer"])):
        if mine is not None and theirs is not None and not (same_rows and mine is theirs):
            unlike |= _unlike_labels(mine.take(left), theirs.take(right))
    others = dict(zip(then["names"], then["columns"], strict=True))
    for name, column in zip(now["names"], now["columns"], strict=True):
        if not (same_rows and column is others[name]):
            unlike |= _unlike(column.take(left), others[name].take(right))
    return unlike


def _unlike_labels(mine: Labels, theirs: Labels) -> FlagArray:
    unlike: FlagArray = (mine.values != theirs.values).astype(FLAG)
    if mine.null is not None or theirs.null is not None:
        empty = [
            np.zeros(len(each), dtype=FLAG) if each.null is None else each.null for each in (mine, theirs)
        ]
        unlike = np.where(empty[0] | empty[1], empty[0] != empty[1], unlike)
    return unlike


def _unlike(mine: Column, theirs: Column) -> FlagArray:
    if not isinstance(mine, Categories) or not isinstance(theirs, Categories):
        return np.not_equal(_values(mine), _values(theirs))
    place = {value: code for code, value in enumerate(theirs.values)}
    # The null code -1 picks the last entry, which stays -1.
    table = np.array([*(place.get(value, -2) for value in mine.values), -1], dtype=INDEX)
    return np.not_equal(table[mine.codes], theirs.codes)


def _values(column: Column) -> AnyArray:
    return column.codes if isinstance(column, Categories) else column.values
