"""Allocation: a total split by weights into whole minor units that add up to it exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN, ROW, segment_sum
from fenxiao._kernels.groups import group_sums, hand_out, shares
from fenxiao.errors import InputError, MoneyError, MoneyOverflowError, is_listing, what
from fenxiao.money.amounts import column_to_minor
from fenxiao.money.grouping import check_not_negative, group_column, refuse_negative, rows_of
from fenxiao.money.rounding import FLOOR, Rounding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from fenxiao._arrays import MinorArray
    from fenxiao.money.rounding import RoundingLike

_TOTAL: Final = "total"
_WEIGHTS: Final = "weights"
_FEW: Final = 64
"""Up to this many weights Python integers are faster than arrays; both give the same result."""


def allocate(total: int, weights: Sequence[int | Fraction] | MinorArray) -> MinorArray:
    """Split a total by weights with the largest remainder method (Hamilton).

    Parameters
    ----------
    total
        Minor units. The parts of a negative total are those of its opposite with the sign changed.
    weights : [n]
        Not negative; not all zero unless the total is zero.

    Returns
    -------
    int64 [n]
        Each exact share rounded down, plus one for the largest remainders until the parts sum to `total`;
        ties go to the earlier weight. A larger total may lower a part by one unit.

    Raises
    ------
    MoneyError
        If a weight is negative, or the weights sum to zero and the total does not.
    MoneyOverflowError
        If the total does not fit into 64 bits.

    Examples
    --------
    >>> allocate(100, [1, 2, 3, 5]).tolist()
    [9, 18, 27, 46]
    """
    total = _check_total(total)
    scaled = _scaled(weights)
    if len(scaled) > _FEW and max(scaled) <= MINOR_MAX:
        group = np.zeros(len(scaled), dtype=ROW)
        return allocate_many(np.array([total], dtype=MINOR), np.array(scaled, dtype=MINOR), group)
    if total and not any(scaled):
        _refuse_lost()
    return np.array(_allocate_integers(total, scaled), dtype=MINOR)


def allocate_many(totals: MinorArray, weights: MinorArray, group: npt.NDArray[np.integer[Any]]) -> MinorArray:
    """Split many totals by weights with the largest remainder method, all at once.

    Parameters
    ----------
    totals : int64 [g]
        Minor units; see `allocate` for negative ones.
    weights : int64 [n]
        Not negative; not all zero in a group whose total is not zero.
    group : integer [n]
        Which total a weight belongs to, ``0 .. g - 1``; rows need not be sorted.

    Returns
    -------
    int64 [n]
        The parts, the same as `allocate` gives group by group.

    Raises
    ------
    MoneyError
        If a weight is negative, or a total has no weights; with the rows, or the numbers of the groups.
    InputError
        If the columns do not fit together.

    Examples
    --------
    >>> allocate_many(np.array([10, -3]), np.array([6, 1, 6, 2]), np.array([0, 1, 0, 0])).tolist()
    [4, -3, 4, 2]
    """
    totals = column_to_minor(totals, 0, thing="totals", minor=True)
    weights = column_to_minor(weights, 0, thing=_WEIGHTS, minor=True)
    owner = group_column(group, len(weights), len(totals))
    check_not_negative(weights, _WEIGHTS)
    sums, beyond = group_sums(weights, owner, len(totals))
    sums[beyond] = MINOR_MAX
    lost = (totals != 0) & (sums == 0)
    if lost.any():
        _refuse_lost(np.flatnonzero(lost))
    # The most negative int64 has no opposite; such a total is split with Python integers.
    beyond |= totals == MINOR_MIN
    sizes = np.where(beyond, 0, np.abs(totals))
    parts, rests = shares(weights, np.take(sizes, owner), np.maximum(np.take(sums, owner), 1))
    hand_out(parts, rests, owner, sizes - segment_sum(parts, owner, len(totals)))
    np.negative(parts, out=parts, where=np.take(totals < 0, owner))
    if beyond.any():
        for rows in rows_of(owner, beyond):
            parts[rows] = _allocate_integers(int(totals[owner[rows[0]]]), weights[rows].tolist())
    return parts


def cumulative_split(
    total: int, weights: Sequence[int | Fraction] | MinorArray, rounding: RoundingLike = FLOOR
) -> MinorArray:
    """Split a total by rounding the running sums of the exact shares.

    Parameters
    ----------
    total
        Minor units, a multiple of the rounding's step.
    weights : [n]
        Not negative; not all zero unless the total is zero. Their order matters.
    rounding
        How running sums are rounded; floor by default.

    Returns
    -------
    int64 [n]
        ``round(prefix[i]) - round(prefix[i - 1])``: the parts sum to `total` in every beginning as well as it
        can be done, and no part has the wrong sign. A larger total may lower a part by one step.

    Raises
    ------
    MoneyError
        If a weight is negative, or the weights sum to zero and the total does not.
    MoneyOverflowError
        If the total does not fit into 64 bits.
    InputError
        If the total is not a multiple of the rounding's step.

    Examples
    --------
    >>> cumulative_split(100, [1, 2, 3, 5], "half_up").tolist()
    [9, 18, 28, 45]
    """
    rounding = Rounding.of(rounding)
    total = _check_total(total)
    if total % rounding.step:
        raise InputError(
            _TOTAL,
            "is not a multiple of the rounding step",
            value=total,
            allowed=f"multiples of {rounding.step}",
            hint="Round the total first",
        )
    scaled = _scaled(weights)
    whole = sum(scaled)
    if total and not whole:
        _refuse_lost()
    ends = [
        rounding.round_fraction(Fraction(total * end, whole or 1)) for end in accumulate(scaled, initial=0)
    ]
    return np.array([end - start for start, end in pairwise(ends)], dtype=MINOR)


def _allocate_integers(total: int, weights: Sequence[int]) -> list[int]:
    size, whole = abs(total), sum(weights) or 1
    pairs = [divmod(weight * size, whole) for weight in weights]
    parts = [part for part, _ in pairs]
    order = sorted(range(len(parts)), key=lambda row: -pairs[row][1])
    # A zero total has no units left; otherwise the weights are not all zero and the rests cover what is left.
    for row in order[: size - sum(parts)]:
        parts[row] += 1
    return [-part for part in parts] if total < 0 else parts


def _scaled(weights: Sequence[int | Fraction] | MinorArray) -> list[int]:
    """Return weights as integers in the same proportion."""
    if not is_listing(weights):
        raise MoneyError(_WEIGHTS, what(weights), allowed="a list, one weight a part")
    exact = weights.tolist() if isinstance(weights, np.ndarray) else list(weights)
    wrong = [row for row, weight in enumerate(exact) if not isinstance(weight, int | Fraction | np.integer)]
    if wrong:
        raise MoneyError(
            _WEIGHTS,
            "are not exact numbers",
            value=exact[wrong[0]],
            rows=wrong,
            allowed="integers or Fractions",
            hint="Write Fraction(1, 3) for a third",
        )
    negative = [row for row, weight in enumerate(exact) if weight < 0]
    if negative:
        refuse_negative(_WEIGHTS, negative)
    # Integers, numpy's among them, and Fractions all have these two attributes.
    scale = math.lcm(*{int(weight.denominator) for weight in exact})
    return [int(weight.numerator) * (scale // int(weight.denominator)) for weight in exact]


def _check_total(total: int) -> int:
    if isinstance(total, bool) or not isinstance(total, int | np.integer):
        raise MoneyError(_TOTAL, "is not an integer", value=total, allowed="minor units", hint="Use to_minor")
    if not MINOR_MIN <= total <= MINOR_MAX:
        raise MoneyOverflowError(
            _TOTAL,
            "does not fit into 64-bit minor units",
            value=total,
            allowed=f"{MINOR_MIN} to {MINOR_MAX} minor units",
            hint="Check the amount, or use a currency with fewer decimals",
        )
    return int(total)


def _refuse_lost(rows: Iterable[int] = ()) -> NoReturn:
    """Raise because a total has nobody to go to."""
    raise MoneyError(
        _TOTAL,
        "has no weight above zero to go to",
        rows=rows,
        allowed="weights above zero wherever the total is not zero",
        hint="Decide who gets it before allocating",
    )
