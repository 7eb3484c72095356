"""Integer labels to rows: a plain table where labels are dense, a hash table of arrays where not.

Both are built and asked a whole column at a time; ``find_one`` answers for a single label.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs
import numpy as np

from fenxiao._arrays import BLOCK_ROWS, INDEX, ROW, IndexArray, RowArray, blocks

DENSE_SPREAD: Final = 4
"""Labels are dense while they span at most this many times their number."""
DENSE_FREE: Final = 1024
ABSENT: Final = -1

_MIX: Final = 0x9E3779B97F4A7C15
_WORD: Final = (1 << 64) - 1
_BITS: Final = 64
_UNSIGNED: Final = np.uint64


@attrs.frozen(eq=False)
class DenseTable:
    """Row of each label in ``low .. low + len(rows) - 1``."""

    low: int
    rows: IndexArray

    def find(self, labels: RowArray) -> IndexArray:
        """Return the row of each label, `ABSENT` where there is none."""
        found = np.empty(len(labels), dtype=INDEX)
        span = len(self.rows)
        for low, high in blocks(len(labels)):
            # Seen as unsigned, a label below the range is far above it, so one comparison decides.
            offset = labels[low:high].view(_UNSIGNED) - _UNSIGNED(self.low & _WORD)
            block = np.take(self.rows, offset.view(ROW), mode="clip", out=found[low:high])
            outside = offset >= _UNSIGNED(span)
            if outside.any():
                block[outside] = ABSENT
        return found

    def find_one(self, label: int) -> int:
        """Return the row of one label, `ABSENT` where there is none."""
        offset = label - self.low
        return int(self.rows.item(offset)) if 0 <= offset < len(self.rows) else ABSENT


@attrs.frozen(eq=False)
class HashTable:
    """Open addressing: the slot of a label holds its row, or the search goes on one slot further."""

    labels: RowArray
    slots: IndexArray
    shift: int

    def find(self, labels: RowArray) -> IndexArray:
        """Return the row of each label, `ABSENT` where there is none."""
        found = np.empty(len(labels), dtype=INDEX)
        for low, high in blocks(len(labels), BLOCK_ROWS):
            self._find_block(labels[low:high], found[low:high])
        return found

    def _find_block(self, labels: RowArray, found: IndexArray) -> None:
        last = len(self.slots) - 1
        slot = _slots_of(labels, self.shift)
        np.take(self.slots, slot, out=found, mode="clip")
        # An empty slot reads as row -1, which "wrap" turns into some label; the row stays ABSENT.
        other = np.take(self.labels, found, mode="wrap") != labels
        other &= found != ABSENT
        todo = np.flatnonzero(other)
        slot = slot[todo]
        while len(todo):
            slot += 1
            slot &= last
            row = self.slots[slot]
            found[todo] = row
            going = (self.labels[row] != labels[todo]) & (row != ABSENT)
            todo, slot = todo[going], slot[going]

    def find_one(self, label: int) -> int:
        """Return the row of one label, `ABSENT` where there is none."""
        last = len(self.slots) - 1
        slot = ((label * _MIX) & _WORD) >> self.shift
        while (row := self.slots.item(slot)) != ABSENT and self.labels.item(row) != label:
            slot = (slot + 1) & last
        return int(row)


IntegerTable: TypeAlias = DenseTable | HashTable


def integer_table(labels: RowArray) -> tuple[IntegerTable, RowArray]:
    """Return a table from label to row, and the rows whose label another row has already.

    Parameters
    ----------
    labels : int64 [n], read and kept, not copied

    Examples
    --------
    >>> table, twice = integer_table(np.array([70, 5, 70]))
    >>> table.find(np.array([5, 6])).tolist(), twice.tolist()
    ([1, -1], [2])
    """
    n = len(labels)
    low = int(labels.min()) if n else 0
    span = int(labels.max()) - low + 1 if n else 1
    return _dense(labels, low, span) if span <= DENSE_SPREAD * n + DENSE_FREE else _hashed(labels)


def _dense(labels: RowArray, low: int, span: int) -> tuple[DenseTable, RowArray]:
    n = len(labels)
    rows = np.full(span, ABSENT, dtype=INDEX)
    for at, to in blocks(n):
        rows[labels[at:to] - low] = np.arange(at, to, dtype=INDEX)
    table = DenseTable(low, rows)
    kept = 0
    for at, to in blocks(span):
        kept += int(np.count_nonzero(rows[at:to] != ABSENT))
    return table, _repeats(labels) if kept < n else _none()


def _hashed(labels: RowArray) -> tuple[HashTable, RowArray]:
    n = len(labels)
    bits = (n + n // 2).bit_length()
    slots = np.full(1 << bits, ABSENT, dtype=INDEX)
    table = HashTable(labels, slots, _BITS - bits)
    last = len(slots) - 1
    for low, high in blocks(n):
        todo = np.arange(low, high, dtype=INDEX)
        slot = _slots_of(labels[low:high], table.shift)
        while len(todo):
            free = slots[slot] == ABSENT
            slots[slot[free]] = todo[free]
            holder = slots[slot]
            going = holder != todo
            # Whoever meets its own label in a slot is there a second time; the slot keeps one of them.
            if np.any(labels[holder[going]] == labels[todo[going]]):
                return table, _repeats(labels)
            todo, slot = todo[going], slot[going]
            slot += 1
            slot &= last
    return table, _none()


def _slots_of(labels: RowArray, shift: int) -> RowArray:
    mixed = labels.view(_UNSIGNED) * _UNSIGNED(_MIX)
    mixed >>= _UNSIGNED(shift)
    return mixed.view(ROW)


def _none() -> RowArray:
    return np.zeros(0, dtype=ROW)


def _repeats(labels: RowArray) -> RowArray:
    """Return the rows, ascending, whose label occurs in an earlier row."""
    by_label = np.argsort(labels, kind="stable")
    ordered = labels[by_label]
    return np.sort(by_label[1:][ordered[1:] == ordered[:-1]])
