"""Exact sums by owner, also where 64 bits would overflow on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, MINOR_MAX, MINOR_MIN
from fenxiao.errors import MoneyOverflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from fenxiao._arrays import FlagArray, MinorArray, RowArray

_HALF: Final = 32
_LOW: Final = (1 << _HALF) - 1


class Tally:
    """Sums of int64 values by owner, added batch by batch.

    As long as all absolute values added so far are known to sum to less than 2**63 one array of sums does;
    from then on upper and lower halves are summed apart.

    Parameters
    ----------
    length
        Number of owners.
    """

    __slots__ = ("_bound", "_high", "_low")

    def __init__(self, length: int) -> None:
        self._bound = 0
        self._low: MinorArray = np.zeros(length, dtype=MINOR)
        self._high: MinorArray | None = None

    def add(
        self, owner: npt.NDArray[np.integer[Any]], values: MinorArray, largest: int | None = None
    ) -> None:
        """Add one value to each owner; an owner may occur any number of times.

        Parameters
        ----------
        owner : integer [n]
        values : int64 [n]
        largest : an upper bound of the absolute values, found out if left out
        """
        if largest is None:
            largest = greatest(values)
        self._bound += largest * len(values)
        if self._high is None and self._bound > MINOR_MAX:
            self._low, self._high = halves(self._low)
        if self._high is None:
            np.add.at(self._low, owner, values)
        else:
            low, high = halves(values)
            np.add.at(self._low, owner, low)
            np.add.at(self._high, owner, high)

    def sums(self, thing: str) -> MinorArray:
        """Return the sums.

        Raises
        ------
        MoneyOverflowError
            A sum does not fit into 64 bits.
        """
        if self._high is None:
            return self._low
        return joined(self._low, self._high, thing)

    def exceeds(self, limits: MinorArray) -> FlagArray:
        """Return for each owner whether his sum is above his limit, exactly, whatever fits."""
        if self._high is None:
            return self._low > limits
        return halves_exceed(self._low, self._high, limits)

    def saturated(self) -> MinorArray:
        """Return the sums, the 64-bit maximum or minimum where they do not fit."""
        if self._high is None:
            return self._low
        high, low = carried(self._low, self._high)
        end = 1 << (_HALF - 1)
        fitting = (np.clip(high, -end, end - 1) << _HALF) | low
        return np.where(high >= end, MINOR(MINOR_MAX), np.where(high < -end, MINOR(MINOR_MIN), fitting))


def nonzero_sums(
    owner: npt.NDArray[np.integer[Any]], values: MinorArray, length: int, thing: str
) -> tuple[RowArray, MinorArray]:
    """Return the owners whose values do not add up to 0, ascending, and what they add up to.

    Parameters
    ----------
    owner : integer [n], from 0 to ``length - 1``
    values : int64 [n]
    length : how many owners there could be

    Raises
    ------
    MoneyOverflowError
        A sum does not fit into 64 bits.

    Examples
    --------
    >>> owners, sums = nonzero_sums(np.array([7, 2, 7, 3]), np.array([1, 2, 3, 0]), 9, "a sum")
    >>> owners.tolist(), sums.tolist()
    ([2, 7], [2, 4])
    """
    # However many there could be, of each there is no more than a mark and a number.
    there = np.zeros(length, dtype=FLAG)
    there[owner] = True
    owners = np.flatnonzero(there)
    number = np.empty(length, dtype=INDEX)
    number[owners] = np.arange(len(owners), dtype=INDEX)
    tally = Tally(len(owners))
    tally.add(number[owner], values)
    sums = tally.sums(thing)
    # Flags are found several times as fast as numbers that are not 0.
    some = np.flatnonzero(sums != 0)
    return owners[some], sums[some]


def exact_add(columns: Sequence[MinorArray], length: int, thing: str) -> MinorArray:
    """Return the sum of columns, entry by entry.

    Raises
    ------
    MoneyOverflowError
        A sum does not fit into 64 bits.
    """
    if len(columns) == 1:
        return columns[0]
    tally, everybody = Tally(length), np.arange(length)
    for column in columns:
        tally.add(everybody, column)
    return tally.sums(thing)


def greatest(values: MinorArray) -> int:
    """Return the largest absolute value as a Python integer, 0 of nothing."""
    return max(int(values.max()), -int(values.min())) if len(values) else 0


def carried(low: MinorArray, high: MinorArray) -> tuple[MinorArray, MinorArray]:
    """Return upper and lower halves after what overflows the lower ones has moved up."""
    return high + (low >> _HALF), low & _LOW


def halves(values: MinorArray) -> tuple[MinorArray, MinorArray]:
    """Return the lower and the upper halves of values."""
    return values & _LOW, values >> _HALF


def halves_exceed(low: MinorArray, high: MinorArray, limits: MinorArray) -> FlagArray:
    """Return where sums given as halves are above 64-bit limits."""
    high, low = carried(low, high)
    above: FlagArray = (high > limits >> _HALF) | ((high == limits >> _HALF) & (low > (limits & _LOW)))
    return above


def joined(low: MinorArray, high: MinorArray, thing: str) -> MinorArray:
    """Return the values that halves stand for.

    Raises
    ------
    MoneyOverflowError
        A value does not fit into 64 bits.
    """
    high, low = carried(low, high)
    _refuse((high >= 1 << (_HALF - 1)) | (high < -(1 << (_HALF - 1))), thing)
    return (high << _HALF) | low


def _refuse(bad: FlagArray, thing: str) -> None:
    if bad.any():
        raise MoneyOverflowError(
            thing,
            f"does not fit into 64-bit minor units for {np.count_nonzero(bad)} of {len(bad)}",
            hint="Settle fewer orders at a time, or in a unit with fewer decimals",
        )


def exact_map(values: MinorArray, sums: Callable[[MinorArray], MinorArray], thing: str) -> MinorArray:
    """Return sums of values, exactly, also where 64 bits would overflow on the way.

    Parameters
    ----------
    values : int64 [n]
    sums : a function that adds up some of the values for each entry of its result, none of them twice
    thing : for messages

    Raises
    ------
    MoneyOverflowError
        A sum does not fit into 64 bits.

    Examples
    --------
    >>> values = np.array([MINOR_MAX, -MINOR_MAX, MINOR_MAX])
    >>> (exact_map(values, np.cumsum, "a sum") == [MINOR_MAX, 0, MINOR_MAX]).all()
    np.True_
    """
    if greatest(values) * len(values) <= MINOR_MAX:
        return sums(values)
    # Halves of 32 bits cannot overflow their sums, and sums of halves are halves of sums.
    low, high = halves(values)
    return joined(sums(low), sums(high), thing)


def exact_minus(left: MinorArray, right: MinorArray, thing: str) -> MinorArray:
    """Return the difference of two columns.

    Raises
    ------
    MoneyOverflowError
        A difference does not fit into 64 bits.

    Examples
    --------
    >>> exact_minus(np.array([5, 5]), np.array([7, -7]), "a difference").tolist()
    [-2, 12]
    """
    result = left - right
    # What has wrapped round has the wrong sign.
    _refuse(((left ^ right) & (left ^ result)) < 0, thing)
    return result


def exact_sum(values: MinorArray) -> int:
    """Return the sum of int64 values as a Python integer, exactly."""
    if greatest(values) * len(values) <= MINOR_MAX:
        return int(values.sum())
    return (int((values >> _HALF).sum()) << _HALF) + int((values & _LOW).sum())
