"""Dividing a pot by shares: rounded down, leftover units by largest remainders, and what is above a cap."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, ROW
from fenxiao._kernels.groups import hand_out, shares
from fenxiao._kernels.tally import exact_sum
from fenxiao.expressions import fit_minor

if TYPE_CHECKING:
    from fenxiao._arrays import AnyArray, MinorArray


def sum_of(values: AnyArray) -> int:
    """Return the sum of int64 values, or of an object array of Python integers, exactly."""
    return exact_sum(values) if values.dtype == MINOR else sum(values.tolist())


def divided(weights: AnyArray, value: Fraction, *, leftover: bool) -> MinorArray:
    """Return ``weights * value`` in whole units.

    Parameters
    ----------
    weights : int64 [n], or an object array of Python integers
        Not negative.
    value
        What one unit of weight is worth, in minor units; no part may be beyond 64 bits.
    leftover
        Whether the parts add up to their exact sum, rounded down: what rounding each of them down leaves is
        handed out to the largest remainders, ties to the earlier row.

    Returns
    -------
    int64 [n]

    Raises
    ------
    MoneyOverflowError
        A part does not fit into 64 bits.

    Examples
    --------
    >>> divided(np.array([1, 1, 1]), Fraction(100, 3), leftover=True).tolist()
    [34, 33, 33]
    >>> divided(np.array([1, 1, 1]), Fraction(100, 3), leftover=False).tolist()
    [33, 33, 33]
    """
    over, under = value.numerator, value.denominator
    whole = sum_of(weights) * over // under
    if weights.dtype == MINOR and max(over, under, whole) <= MINOR_MAX:
        parts, rests = shares(weights, np.full_like(weights, over), np.full_like(weights, under))
        if leftover:
            left = np.array([whole - exact_sum(parts)], dtype=MINOR)
            hand_out(parts, rests, np.zeros(len(parts), dtype=ROW), left)
        return parts
    pairs = [divmod(weight * over, under) for weight in weights.tolist()]
    found = [part for part, _ in pairs]
    if leftover:
        order = sorted(range(len(pairs)), key=lambda row: -pairs[row][1])
        for row in order[: whole - sum(found)]:
            found[row] += 1
    return fit_minor(found, "a share of a pot")


def levelled(weights: AnyArray, value: Fraction, most: int, *, leftover: bool) -> MinorArray:
    """Return ``weights * value`` in whole units, at most so much each; the others share what is above that.

    What is above goes to those below the cap in proportion to their weights, again and again, until nothing
    is left or everybody has reached it.

    Parameters
    ----------
    weights : int64 [n], or an object array of Python integers
        Positive.
    value
        What one unit of weight is worth before anything is shared once more.
    most
        The cap, in minor units.
    leftover
        As in `divided`.

    Examples
    --------
    >>> levelled(np.array([6, 3, 1]), Fraction(10), 40, leftover=True).tolist()
    [40, 40, 20]
    """
    falling = np.argsort(-weights, kind="stable")
    given = value * sum_of(weights)

    def too_few(capped: int) -> bool:
        """Return whether the next heaviest is above the cap as well, after so many have been cut."""
        others = weights[falling[capped:]]
        return (given - capped * most) * int(others[0]) > most * sum_of(others)

    # Who is below the cap stays below it if lighter ones are cut: the first such place is found by halving.
    low, high = 0, len(weights)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if too_few(middle) else (low, middle)
    parts = np.full(len(weights), most, dtype=MINOR)
    below = np.sort(falling[low:])
    if len(below):
        others = weights[below]
        parts[below] = divided(others, Fraction(given - low * most, sum_of(others)), leftover=leftover)
    return parts
