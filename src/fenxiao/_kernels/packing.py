"""Sums by owner of several values at once, packed into one word where they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao._arrays import INDEX, MINOR

if TYPE_CHECKING:
    from fenxiao._arrays import IndexArray, MinorArray

WORD_BITS: Final = 63
"""Bits of a word that hold sums which are not negative."""
_GATHERED: Final = 1 << 21
"""Values that are gathered before they are added up: what a block does in between would drive the sums out of
the cache, so that adding block by block waits for memory at every owner."""


class PackedTally:
    """Sums of several columns of values by one owner; as many columns to a word as fit without carrying.

    One random access serves several columns, which is what adding up costs.

    Parameters
    ----------
    length : number of owners
    columns : number of columns
    bound : an upper bound of one value
    most : an upper bound of how often one owner occurs, over everything that will be added
    """

    __slots__ = ("_bits", "_columns", "_owner", "_per_word", "_rows", "_waiting", "_words", "bound")

    def __init__(self, length: int, columns: int, bound: int, most: int) -> None:
        self.bound = bound
        self._bits = max((bound * most).bit_length(), 1)
        self._columns = columns
        self._per_word = WORD_BITS // self._bits
        words = -(-columns // self._per_word)
        self._words = [np.zeros(length, dtype=MINOR) for _ in range(words)]
        self._rows = 0
        self._make_room(_GATHERED // max(words, 1))

    @staticmethod
    def fits(bound: int, most: int) -> bool:
        """Return whether a sum fits into a word at all."""
        return (bound * most).bit_length() <= WORD_BITS

    def _make_room(self, rows: int) -> None:
        self._owner = np.empty(rows, dtype=INDEX)
        self._waiting = [np.empty(rows, dtype=MINOR) for _ in self._words]

    def add(self, owner: IndexArray, values: MinorArray) -> None:
        """Add ``values`` (int64 [columns, n], none negative) to their owners (int32 [n])."""
        if self._rows + len(owner) > len(self._owner):
            self._add_up()
            if len(owner) > len(self._owner):
                self._make_room(len(owner))
        mine = slice(self._rows, self._rows + len(owner))
        self._owner[mine] = owner
        for waiting, first in zip(self._waiting, range(0, self._columns, self._per_word), strict=True):
            group, packed = values[first : first + self._per_word], waiting[mine]
            high = group[-1]
            for column in group[-2::-1]:
                np.left_shift(high, self._bits, out=packed)
                packed += column
                high = packed
            if high is not packed:
                packed[:] = high
        self._rows += len(owner)

    def _add_up(self) -> None:
        """Add what was gathered to the sums."""
        for word, waiting in zip(self._words, self._waiting, strict=True):
            np.add.at(word, self._owner[: self._rows], waiting[: self._rows])
        self._rows = 0

    def owners(self, low: int, high: int) -> IndexArray:
        """Return the owners from `low` to `high` who have any sum (int32 [n], ascending)."""
        self._add_up()
        some = np.flatnonzero(np.logical_or.reduce([word[low:high] for word in self._words]))
        return (some + low).astype(INDEX)

    def columns(self, owners: IndexArray) -> list[MinorArray]:
        """Return the sums of some owners (int32 [n]), one int64 [n] a column."""
        self._add_up()
        places = (divmod(number, self._per_word) for number in range(self._columns))
        mask = (1 << self._bits) - 1
        return [(self._words[word][owners] >> (place * self._bits)) & mask for word, place in places]
