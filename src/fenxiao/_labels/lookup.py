"""How labels are found again, ranked and written down: a table of rows, ranks, bytes.

Integers live in int64 arrays and are found through arrays; the others live in object arrays and are found
through a dict.
"""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import numpy as np

from fenxiao._arrays import INDEX, ROW, AnyArray, IndexArray
from fenxiao._kernels.labels import ABSENT, integer_table
from fenxiao._labels.column import LABEL

if TYPE_CHECKING:
    from fenxiao._arrays import RowArray
    from fenxiao._kernels.labels import IntegerTable
    from fenxiao._labels.column import Label


@attrs.frozen(eq=False)
class DictTable:
    """Row of each label that is not an integer."""

    rows: dict[Any, int]

    def find(self, labels: AnyArray) -> IndexArray:
        """Return the row of each label, `ABSENT` where there is none."""
        found = map(self.rows.get, labels.tolist(), repeat(ABSENT))
        return np.fromiter(found, dtype=INDEX, count=len(labels))

    def find_one(self, label: Label) -> int:
        """Return the row of one label, `ABSENT` where there is none."""
        return self.rows.get(label, ABSENT)


LabelTable: TypeAlias = "IntegerTable | DictTable"


def label_table(labels: AnyArray) -> tuple[LabelTable, RowArray]:
    """Return a table from label to row, and the rows whose label an earlier row has already."""
    if labels.dtype == LABEL:
        return integer_table(labels)
    listed = labels.tolist()
    rows = dict(zip(listed, range(len(listed)), strict=True))
    if len(rows) == len(listed):
        return DictTable(rows), np.zeros(0, dtype=ROW)
    seen: dict[Any, int] = {}
    twice = [row for row, label in enumerate(listed) if seen.setdefault(label, row) != row]
    return DictTable(seen), np.array(twice, dtype=ROW)


def ascending(values: AnyArray) -> bool:
    """Return whether labels, or rows, are sorted and distinct.

    Examples
    --------
    >>> ascending(np.array([3, 5])), ascending(np.array([3, 3]))
    (True, False)
    """
    return bool((values[1:] > values[:-1]).all())


def rank_of_labels(labels: AnyArray) -> IndexArray:
    """Return each label's rank among all: integers by value, str by code point, bytes, UUIDs by number."""
    n = len(labels)
    if labels.dtype == LABEL and n and int(labels.max()) - int(labels.min()) == n - 1:
        rank: IndexArray = (labels - labels.min()).astype(INDEX)
        return rank
    rank = np.empty(n, dtype=INDEX)
    rank[order_of_labels(labels)] = np.arange(n, dtype=INDEX)
    return rank


def order_of_labels(labels: AnyArray) -> RowArray:
    """Return the rows of distinct labels in the order of the labels."""
    if labels.dtype == LABEL:
        by_value: RowArray = np.argsort(labels)
        return by_value
    pairs = sorted(zip(labels.tolist(), range(len(labels)), strict=True), key=itemgetter(0))
    return np.fromiter(map(itemgetter(1), pairs), dtype=ROW, count=len(labels))


def label_bytes(labels: AnyArray, kind: str) -> bytes:
    """Return the labels as bytes that no other list of labels of this kind shares."""
    if kind == "int":
        return labels.astype("<i8").tobytes()
    if kind == "UUID":
        return b"".join(label.bytes for label in labels.tolist())
    listed = labels.tolist()
    raw = [label.encode("utf-8", "surrogatepass") for label in listed] if kind == "str" else listed
    return b"".join(b"%d:%b" % (len(label), label) for label in raw)
