"""Sums by owner of several values at once, packed into one word where they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fenxiao._arrays import MINOR

if TYPE_CHECKING:
    import numpy.typing as npt

    from fenxiao._arrays import MinorArray

WORD_BITS: Final = 63
"""Bits of a word that hold sums which are not negative."""


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

    __slots__ = ("_bits", "_columns", "_per_word", "_words", "bound")

    def __init__(self, length: int, columns: int, bound: int, most: int) -> None:
        self.bound = bound
        self._bits = max((bound * most).bit_length(), 1)
        self._columns = columns
        self._per_word = WORD_BITS // self._bits
        words = -(-columns // self._per_word)
        self._words = [np.zeros(length, dtype=MINOR) for _ in range(words)]

    @staticmethod
    def fits(bound: int, most: int) -> bool:
        """Return whether a sum fits into a word at all."""
        return (bound * most).bit_length() <= WORD_BITS

    def add(self, owner: npt.NDArray[np.integer[Any]], values: MinorArray) -> None:
        """Add ``values`` (int64 [columns, n], none negative) to their owners."""
        for word, first in zip(self._words, range(0, self._columns, self._per_word), strict=True):
            group = values[first : first + self._per_word]
            packed = group[-1]
            for place, column in enumerate(group[-2::-1]):
                # The first shift makes an array of our own, which the rest is done in.
                packed = np.left_shift(packed, self._bits, out=packed if place else None)
                packed += column
            np.add.at(word, owner, packed)

    def columns(self) -> list[MinorArray]:
        """Return the sums, one int64 [length] a column."""
        places = (divmod(number, self._per_word) for number in range(self._columns))
        mask = (1 << self._bits) - 1
        return [(self._words[word] >> (place * self._bits)) & mask for word, place in places]
