"""Claims rules: who gives way, and by how much, when claims exceed what there is."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias, get_args

import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, ROW, segment_sum
from fenxiao._kernels.groups import class_limits, group_sums, hand_out, shares, water_level
from fenxiao._kernels.rationing import Leftover
from fenxiao.errors import InputError, MoneyError, is_listing, is_one_of, what
from fenxiao.money.amounts import column_to_minor
from fenxiao.money.grouping import check_not_negative, group_column, refuse_negative, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from fenxiao._arrays import MinorArray, RowArray

Rule: TypeAlias = Literal["proportional", "priority", "equal_awards", "equal_losses", "talmud"]
RULES: Final = get_args(Rule)
_LEFTOVERS: Final = get_args(Leftover)

_RULE: Final = "claims rule"
_LEFTOVER: Final = "leftover"
_CLAIMS: Final = "claims"
_CLASSES: Final = "classes"
_LIMIT: Final = "limit of the claims"
_FEW: Final = 64
"""Up to this many claims Python integers are faster than arrays; both give the same result."""


def ration_exact(
    claims: Sequence[Fraction | int],
    limit: Fraction | int,
    rule: Rule = "proportional",
    *,
    classes: Sequence[int] | None = None,
) -> list[Fraction]:
    """Solve one claims problem exactly.

    Parameters
    ----------
    claims
        Not negative.
    limit
        Not negative. If it covers all claims, everybody gets what they claim.
    rule
        ``"proportional"``; ``"priority"``: lower classes first, in proportion inside a class;
        ``"equal_awards"``: everybody the same, at most the claim; ``"equal_losses"``: everybody loses the
        same, at most the claim; ``"talmud"``: equal awards on half claims, and equal losses beyond half of
        the sum.
    classes
        One integer per claim, for ``"priority"`` only.

    Returns
    -------
    list of Fraction
        What each claim gets.

    Raises
    ------
    MoneyError
        If a claim or the limit is negative, or neither an int nor a Fraction.
    InputError
        If the rule is unknown, or the classes are missing, surplus or of another length.

    Examples
    --------
    >>> [str(part) for part in ration_exact([100, 200, 300], 200, "talmud")]
    ['50', '75', '75']
    """
    _check_listing(claims)
    kinds = _check_rule(rule, "floor", classes, len(claims))
    wrong = [row for row, claim in enumerate(claims) if not _is_exact(claim)]
    if wrong:
        _refuse_inexact(_CLAIMS, claims[wrong[0]], wrong)
    if not _is_exact(limit):
        _refuse_inexact(_LIMIT, limit)
    exact = [Fraction(claim) for claim in claims]
    ceiling = Fraction(limit)
    negative = [row for row, claim in enumerate(exact) if claim < 0]
    if negative:
        refuse_negative(_CLAIMS, negative)
    if ceiling < 0:
        refuse_negative(_LIMIT)
    scale = math.lcm(ceiling.denominator, *(claim.denominator for claim in exact))
    numbers = [claim.numerator * (scale // claim.denominator) for claim in exact]
    awards, divisor = _solve(numbers, ceiling.numerator * (scale // ceiling.denominator), rule, kinds)
    return [Fraction(award, divisor * scale) for award in awards]


def ration(
    claims: Sequence[int] | MinorArray,
    limit: int,
    rule: Rule = "proportional",
    *,
    leftover: Leftover = "largest_remainder",
    classes: Sequence[int] | RowArray | None = None,
) -> MinorArray:
    """Solve one claims problem in whole minor units.

    Parameters
    ----------
    claims : int [n]
        Minor units, not negative.
    limit
        Minor units, not negative, of any size.
    rule, classes
        See `ration_exact`.
    leftover
        The exact solution is rounded down. ``"largest_remainder"`` then hands the units that are left to the
        largest remainders, ties to the earlier claim; ``"floor"`` keeps them.

    Returns
    -------
    int64 [n]
        Each between 0 and its claim. They sum to the lesser of `limit` and the sum of the claims, or with
        ``"floor"`` to at most that.

    Raises
    ------
    MoneyError
        If a claim or the limit is negative or not an integer.
    MoneyOverflowError
        If a claim does not fit into 64 bits.
    InputError
        As in `ration_exact`.

    Examples
    --------
    >>> ration([101, 101, 101], 200).tolist()
    [67, 67, 66]
    >>> ration([120, 80, 50], 200, "equal_losses", leftover="floor").tolist()
    [103, 63, 33]
    """
    _check_listing(claims)
    kinds = _check_rule(rule, leftover, classes, len(claims))
    column = _minor_column(claims, _CLAIMS)
    if isinstance(limit, bool) or not isinstance(limit, int | np.integer):
        raise MoneyError(_LIMIT, "is not an integer", value=limit, allowed="minor units", hint="Use to_minor")
    limit = int(limit)
    if limit < 0:
        refuse_negative(_LIMIT)
    numbers = column.tolist()
    if sum(numbers) <= limit:
        return column
    if len(numbers) <= _FEW or limit > MINOR_MAX:
        return np.array(_ration_integers(numbers, limit, rule, leftover, kinds), dtype=MINOR)
    group = np.zeros(len(numbers), dtype=ROW)
    return ration_many(column, group, np.array([limit], dtype=MINOR), rule, leftover=leftover, classes=kinds)


def ration_many(
    claims: MinorArray,
    group: npt.NDArray[np.integer[Any]],
    limits: MinorArray,
    rule: Rule = "proportional",
    *,
    leftover: Leftover = "largest_remainder",
    classes: npt.NDArray[np.integer[Any]] | None = None,
) -> MinorArray:
    """Solve many claims problems at once, in whole minor units.

    Parameters
    ----------
    claims : int64 [n]
        Not negative. The sum of a group may exceed 64 bits.
    group : integer [n]
        Which problem a claim belongs to, ``0 .. g - 1``; rows need not be sorted.
    limits : int64 [g]
        Not negative.
    rule, classes, leftover
        See `ration`; ties go to the earlier row of the group.

    Returns
    -------
    int64 [n]
        What each claim gets, the same as `ration` gives group by group.

    Raises
    ------
    MoneyError
        If a claim or a limit is negative; with its rows.
    InputError
        If the columns do not fit together, or as in `ration_exact`.

    Examples
    --------
    >>> ration_many(np.array([5, 9, 5]), np.array([0, 1, 0]), np.array([7, 10])).tolist()
    [4, 9, 3]
    """
    kinds = _check_rule(rule, leftover, classes, len(claims))
    claims, limits = _minor_column(claims, _CLAIMS), _minor_column(limits, "limits")
    owner = group_column(group, len(claims), len(limits))
    sums, beyond = group_sums(claims, owner, len(limits))
    bound = beyond | (sums > limits)
    result = claims.copy()
    if beyond.any():
        for rows in rows_of(owner, beyond):
            order = None if kinds is None else kinds[rows]
            limit = int(limits[owner[rows[0]]])
            result[rows] = _ration_integers(claims[rows].tolist(), limit, rule, leftover, order)
        bound &= ~beyond
    rows = np.flatnonzero(np.take(bound, owner))
    if rows.size == 0:
        return result
    some, place = np.take(claims, rows), np.take(owner, rows)
    kinds = None if kinds is None else np.take(kinds, rows)
    ceilings = np.where(bound, limits, 0)
    parts, rests = _solve_many(some, place, ceilings, np.where(bound, sums, 0), rule, kinds)
    if leftover == "largest_remainder":
        hand_out(parts, rests, place, ceilings - segment_sum(parts, place, ceilings.size))
    result[rows] = parts
    return result


def _solve_many(
    claims: MinorArray,
    group: RowArray,
    limits: MinorArray,
    sums: MinorArray,
    rule: Rule,
    classes: RowArray | None,
) -> tuple[MinorArray, MinorArray]:
    """Return the exact solutions rounded down, and their remainders over one denominator inside a group."""
    if classes is not None:
        # Only one class of a group is served in part, so remainders of different classes never meet.
        group, limits, sums = class_limits(claims, group, classes, limits)
    if rule in {"proportional", "priority"}:
        divisors = np.maximum(np.take(sums, group), 1)
        return shares(claims, np.take(limits, group), divisors)
    if rule == "equal_awards":
        whole, rest, _ = water_level(claims, group, limits)
        level = np.take(whole, group)
        return np.minimum(claims, level), np.where(claims > level, np.take(rest, group), 0)
    if rule == "equal_losses":
        whole, rest, divisor = water_level(claims, group, sums - limits)
        level = np.take(whole, group)
        lost, over = np.minimum(claims, level), np.where(claims > level, np.take(rest, group), 0)
        return _what_remains(claims, lost, over, np.take(divisor, group))
    return _talmud_many(claims, group, limits, sums)


def _talmud_many(
    claims: MinorArray, group: RowArray, limits: MinorArray, sums: MinorArray
) -> tuple[MinorArray, MinorArray]:
    """Share the lesser of limit and shortfall equally on half claims; beyond half it is the loss."""
    short = limits <= sums - limits
    # Claims and estate are doubled, so that half claims are whole; the estate is at most the sum, so it fits.
    estate = np.where(short, limits, sums - limits) * 2
    whole, rest, divisor = water_level(claims, group, estate)
    level, by = np.take(whole, group), np.take(divisor, group)
    twice, over = np.minimum(claims, level), np.where(claims > level, np.take(rest, group), 0)
    part, rest_of_part = twice // 2, (twice % 2) * by + over
    kept, rest_of_kept = _what_remains(claims, part, rest_of_part, 2 * by)
    awarded = np.take(short, group)
    return np.where(awarded, part, kept), np.where(awarded, rest_of_part, rest_of_kept)


def _what_remains(
    claims: MinorArray, lost: MinorArray, over: MinorArray, divisor: MinorArray
) -> tuple[MinorArray, MinorArray]:
    """Return what claims keep after losing ``lost + over / divisor``, rounded down, and its remainder."""
    broken = over > 0
    return claims - lost - broken, np.where(broken, divisor - over, 0)


def _solve(claims: Sequence[int], limit: int, rule: Rule, classes: RowArray | None) -> tuple[list[int], int]:
    """Solve one problem of integers exactly: numerators over one denominator."""
    total = sum(claims)
    if total <= limit:
        return list(claims), 1
    if classes is not None:
        return _solve_priority(claims, limit, classes.tolist())
    if rule == "proportional":
        return [claim * limit for claim in claims], total
    if rule == "equal_awards":
        return _solve_equal_awards(claims, limit)
    if rule == "equal_losses":
        losses, divisor = _solve_equal_awards(claims, total - limit)
        return [claim * divisor - loss for claim, loss in zip(claims, losses, strict=True)], divisor
    halves, divisor = _solve_equal_awards(claims, 2 * min(limit, total - limit))
    if 2 * limit <= total:
        return halves, 2 * divisor
    kept = [2 * claim * divisor - half for claim, half in zip(claims, halves, strict=True)]
    return kept, 2 * divisor


def _solve_equal_awards(claims: Sequence[int], limit: int) -> tuple[list[int], int]:
    left, others = limit, len(claims)
    for claim in sorted(claims):
        if claim * others > left:
            return [min(each * others, left) for each in claims], others
        left, others = left - claim, others - 1
    return list(claims), 1


def _solve_priority(claims: Sequence[int], limit: int, classes: Sequence[int]) -> tuple[list[int], int]:
    totals: dict[int, int] = {}
    for claim, kind in zip(claims, classes, strict=True):
        totals[kind] = totals.get(kind, 0) + claim
    kinds = sorted(totals)
    ends = accumulate(totals[kind] for kind in kinds)
    # The claims exceed the limit, so one class is the first that is not served in full.
    last, end = next((kind, end) for kind, end in zip(kinds, ends, strict=True) if end > limit)
    total = totals[last]
    left = limit - (end - total)
    awards = []
    for claim, kind in zip(claims, classes, strict=True):
        awards.append(claim * total if kind < last else claim * left if kind == last else 0)
    return awards, total


def _ration_integers(
    claims: list[int], limit: int, rule: Rule, leftover: Leftover, classes: RowArray | None
) -> list[int]:
    """Solve one problem in whole units with Python integers."""
    awards, divisor = _solve(claims, limit, rule, classes)
    parts = [award // divisor for award in awards]
    if leftover == "largest_remainder":
        left = min(limit, sum(claims)) - sum(parts)
        order = sorted(range(len(parts)), key=lambda row: -(awards[row] % divisor))
        for row in order[:left]:
            parts[row] += 1
    return parts


def _check_rule(
    rule: str, leftover: str, classes: Sequence[int] | npt.NDArray[np.integer[Any]] | None, claims: int
) -> RowArray | None:
    """Check the options that every form of the rules has; return the classes as a column."""
    if not is_one_of(rule, RULES):
        raise InputError(_RULE, "is unknown", value=rule, allowed=", ".join(RULES), hint="Name one of these")
    if not is_one_of(leftover, _LEFTOVERS):
        allowed = ", ".join(_LEFTOVERS)
        raise InputError(_LEFTOVER, "is unknown", value=leftover, allowed=allowed, hint="Name one of these")
    if (rule == "priority") != (classes is not None):
        raise InputError(
            f"classes of claims rule {rule!r}",
            "are missing" if classes is None else "are not used by this rule",
            allowed='one integer per claim for "priority", none for other rules',
            hint="Give classes=... or leave it out",
        )
    if classes is None:
        return None
    column = np.asarray(classes)
    if column.shape != (claims,) or (claims and column.dtype.kind not in "iu"):
        raise InputError(
            _CLASSES,
            "do not match the claims",
            value=(column.dtype.name, column.shape),
            allowed=f"{claims} integers",
            hint="Give one class number per claim",
        )
    return column.astype(ROW)


def _check_listing(claims: object) -> None:
    if not is_listing(claims) or not hasattr(claims, "__len__"):
        raise MoneyError(_CLAIMS, what(claims), allowed="a list, one amount a claim")


def _is_exact(value: object) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def _refuse_inexact(thing: str, value: object, rows: Iterable[int] = ()) -> NoReturn:
    raise MoneyError(
        thing,
        "is not exact",
        value=value,
        rows=rows,
        allowed="ints and Fractions",
        hint="Write Fraction(1, 3) for a third",
    )


def _minor_column(values: Sequence[int] | MinorArray, thing: str) -> MinorArray:
    """Return integers as a fresh int64 column, not negative."""
    column = column_to_minor(values, 0, thing=thing, minor=True)
    check_not_negative(column, thing)
    return column
