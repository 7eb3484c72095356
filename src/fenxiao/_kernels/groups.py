"""Dividing money inside groups of rows: exact sums, shares with remainders, levels, and the leftover units.

Every function takes claims or weights that are not negative, and a group number for each row; rows of a group
need not stand together. Earlier rows come first wherever remainders tie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao._arrays import FLAG, MINOR, MINOR_MAX, ROW, segment_sum
from fenxiao._kernels.wide import WIDE, mul_div_wide

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray, MinorArray, RowArray

_KEY_BITS: Final = 63
"""What a packed sort key may use of a signed word."""

_HALF_BITS: Final = 32


def group_sums(values: MinorArray, group: RowArray, count: int) -> tuple[MinorArray, FlagArray]:
    """Return the sum of each group, and which sums do not fit into 64 bits (their entry is then meaningless).

    Parameters
    ----------
    values : int64 [n]
        Not negative.
    group : int64 [n]
        Group numbers, ``0 .. count - 1``.
    count : how many groups there are
    """
    if values.size == 0 or int(values.max()) <= MINOR_MAX // values.size:
        return segment_sum(values, group, count), np.zeros(count, dtype=FLAG)
    low_word = (1 << _HALF_BITS) - 1
    low = segment_sum(values & low_word, group, count)
    high = segment_sum(values >> _HALF_BITS, group, count) + (low >> _HALF_BITS)
    return (high << _HALF_BITS) | (low & low_word), high > MINOR_MAX >> _HALF_BITS


def shares(values: MinorArray, factors: MinorArray, divisors: MinorArray) -> tuple[MinorArray, MinorArray]:
    """Return quotient and remainder of ``values * factors`` by `divisors`, row by row and exact.

    Parameters
    ----------
    values, factors : int64 [...]
        Not negative; each quotient must fit into 64 bits.
    divisors : int64 [...]
        Positive.
    """
    if values.size == 0 or int(values.max()) * int(factors.max()) <= MINOR_MAX:
        quotients = values * factors
        rests = np.empty_like(quotients)
        np.divmod(quotients, divisors, out=(quotients, rests))
        return quotients, rests
    wide, over = mul_div_wide(values.view(WIDE), factors.view(WIDE), divisors.view(WIDE))
    return wide.view(MINOR), over.view(MINOR)


def hand_out(parts: MinorArray, rests: MinorArray, group: RowArray, left: MinorArray) -> None:
    """Add one unit, in place, to the `left` rows of each group that have the largest remainders.

    Parameters
    ----------
    parts : int64 [n]
        Rounded-down parts; changed in place.
    rests : int64 [n]
        Their remainders, over one denominator inside a group.
    group : int64 [n]
    left : int64 [g]
        Units left in each group: at most as many as the group has remainders above zero.
    """
    rows = np.flatnonzero((rests > 0) & (np.take(left, group) > 0))
    if rows.size == 0:
        return
    owner, rest = np.take(group, rows), np.take(rests, rows)
    top = int(rest.max())
    rest_bits, row_bits = top.bit_length(), (rows.size - 1).bit_length()
    if (left.size - 1).bit_length() + rest_bits + row_bits <= _KEY_BITS:
        # One sort of packed keys is several times faster than an indirect sort by two columns.
        key = (((owner << rest_bits) | (top - rest)) << row_bits) | np.arange(rows.size, dtype=ROW)
        key.sort()
        order = key & ((1 << row_bits) - 1)
    else:
        order = np.lexsort((-rest, owner))
    owner = np.take(owner, order)
    place = np.arange(rows.size, dtype=ROW) - _group_starts(owner)
    chosen = np.take(rows, order[place < np.take(left, owner)])
    parts[chosen] += 1


def water_level(
    claims: MinorArray, group: RowArray, limits: MinorArray
) -> tuple[MinorArray, MinorArray, MinorArray]:
    """Return for each group the level at which cutting the claims off uses up its limit.

    Parameters
    ----------
    claims : int64 [n]
        Their group sums fit into 64 bits.
    group : int64 [n]
    limits : int64 [g]
        Not negative and not above the group's sum.

    Returns
    -------
    whole, rest, divisor : int64 [g]
        The level is ``whole + rest / divisor``. Where no claim is cut the level is out of reach.
    """
    count = limits.size
    owner, ordered = _sorted_in_groups(claims, group, count)
    place = np.arange(ordered.size, dtype=ROW)
    start = _group_starts(owner)
    size = segment_sum(np.ones_like(ordered), owner, count)
    # The running total may wrap round, but differences inside one group fit and are therefore exact.
    before = np.cumsum(ordered) - ordered
    before -= np.take(before, start)
    others = np.take(size, owner) - (place - start)
    whole_claim = ordered <= (np.take(limits, owner) - before) // others
    met = segment_sum(whole_claim.astype(MINOR), owner, count)
    paid = segment_sum(np.where(whole_claim, ordered, 0), owner, count)
    divisor = size - met
    uncut = divisor == 0
    divisor[uncut] = 1
    whole, rest = np.divmod(limits - paid, divisor)
    whole[uncut], rest[uncut] = MINOR_MAX, 0
    return whole, rest, divisor


def class_limits(
    claims: MinorArray, group: RowArray, classes: RowArray, limits: MinorArray
) -> tuple[RowArray, MinorArray, MinorArray]:
    """Split each group into its classes and serve lower classes first.

    Parameters
    ----------
    claims : int64 [n]
        Their group sums fit into 64 bits.
    group, classes : int64 [n]
    limits : int64 [g]

    Returns
    -------
    part : int64 [n]
        A number for the (group, class) of each row.
    limit, total : int64 [p]
        What each of these may use, and the sum of its claims.
    """
    order = np.lexsort((classes, group))
    owner, kind = np.take(group, order), np.take(classes, order)
    first = np.ones(order.size, dtype=FLAG)
    first[1:] = (owner[1:] != owner[:-1]) | (kind[1:] != kind[:-1])
    part = np.empty(order.size, dtype=ROW)
    part[order] = np.cumsum(first) - 1
    parts = owner[first]
    total = segment_sum(claims, part, parts.size)
    before = np.cumsum(total) - total
    before -= np.take(before, _group_starts(parts))
    limit = np.clip(np.take(limits, parts) - before, 0, total)
    return part, limit, total


def _group_starts(owner: RowArray) -> RowArray:
    """Return for each row of a sorted column where its run of equal values starts."""
    place = np.arange(owner.size, dtype=ROW)
    place[1:][owner[1:] == owner[:-1]] = 0
    return np.maximum.accumulate(place)


def _sorted_in_groups(values: MinorArray, group: RowArray, count: int) -> tuple[RowArray, MinorArray]:
    """Return group numbers and values, sorted by group and then by value."""
    value_bits = int(values.max()).bit_length() if values.size else 0
    if (count - 1).bit_length() + value_bits <= _KEY_BITS:
        key = (group << value_bits) | values
        key.sort()
        return key >> value_bits, key & ((1 << value_bits) - 1)
    order = np.lexsort((values, group))
    return np.take(group, order), np.take(values, order)
