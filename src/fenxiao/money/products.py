"""The exact product of amounts and a ratio: split, wide or with Python integers, never inexact."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN
from fenxiao._kernels.wide import WIDE, div_wide, magnitude, mul_wide
from fenxiao.errors import InputError, MoneyOverflowError
from fenxiao.money.rounding import FLOOR, Rounding

if TYPE_CHECKING:
    from fenxiao._arrays import AnyArray, FlagArray, MinorArray
    from fenxiao._kernels.wide import WideArray
    from fenxiao.money.rounding import RoundingLike, RoundingMode


def mul_div(
    values: MinorArray,
    numerator: int,
    denominator: int,
    rounding: RoundingLike = FLOOR,
    *,
    thing: str = "amount",
    bound: int | None = None,
    out: MinorArray | None = None,
) -> MinorArray:
    """Return ``values * numerator / denominator``, rounded once, exact wherever the result fits.

    Parameters
    ----------
    values : int64 [n]
        Minor units, of either sign.
    numerator, denominator
        Python integers of any size; the denominator is not zero.
    rounding
        See `Rounding`; floor by default.
    thing
        What an error calls the result.
    bound
        A known upper bound of ``abs(values)``; saves looking for the largest. It must hold.
    out : int64 [n], optional
        Where to write the result; may be `values` itself.

    Returns
    -------
    int64 [n]
        Minor units, multiples of the rounding's step.

    Raises
    ------
    MoneyOverflowError
        If a result, not merely an intermediate, does not fit into 64 bits; with its rows.
    InputError
        If the denominator is zero.

    Examples
    --------
    >>> mul_div(np.array([1000, 333]), 1, 8).tolist()
    [125, 41]
    >>> mul_div(np.array([2**62]), 3 * 10**30, 3 * 10**30 + 1).tolist()
    [4611686018427387903]
    """
    rounding = Rounding.of(rounding)
    numerator, divisor = _lowest_terms(numerator, denominator, rounding.step, thing)
    if out is None:
        out = np.empty(values.shape, dtype=MINOR)
    if bound is None:
        bound = _reach(values)
    if bound == 0 or numerator == 0:
        out[...] = 0
        return out
    addend = int(_addend(divisor, rounding.mode))
    largest = bound * abs(numerator) + addend
    if divisor > MINOR_MAX or abs(numerator) > MINOR_MAX:
        out[...] = _with_python_ints(values, numerator, divisor, rounding, thing)
    elif largest <= MINOR_MAX and (largest // divisor + 1) * rounding.step <= MINOR_MAX:
        _direct(values, numerator, divisor, addend, rounding, out)
    else:
        negative = values < 0 if numerator > 0 else values > 0
        factor, by = np.array(abs(numerator), dtype=WIDE), np.array(divisor, dtype=WIDE)
        out[...] = _with_two_words(magnitude(values), factor, by, negative, rounding, thing)
    return out


def mul_div_arrays(
    values: MinorArray,
    numerators: MinorArray,
    denominators: MinorArray | int,
    rounding: RoundingLike = FLOOR,
    *,
    thing: str = "amount",
) -> MinorArray:
    """Return ``values * numerators / denominators`` row by row, rounded once, exact wherever the result fits.

    Parameters
    ----------
    values, numerators : int64 [n]
        Of either sign.
    denominators : int64 [n] or int
        Positive.
    rounding
        See `Rounding`; floor by default.
    thing
        What an error calls the result.

    Returns
    -------
    int64 [n]
        Minor units, multiples of the rounding's step.

    Raises
    ------
    MoneyOverflowError
        If a result does not fit into 64 bits; with its rows.
    InputError
        If a denominator is not positive; with its rows.

    Examples
    --------
    >>> mul_div_arrays(np.array([100, 100]), np.array([1, 2]), 3, "half_up").tolist()
    [33, 67]
    """
    rounding = Rounding.of(rounding)
    largest_divisor = rounding.step * _check_denominators(denominators, thing)
    if isinstance(denominators, int) or largest_divisor > MINOR_MAX:
        divisors = np.asarray(denominators, dtype=object) * rounding.step
    else:
        divisors = denominators * MINOR(rounding.step)
    if largest_divisor > MINOR_MAX:
        return _with_python_ints(values, numerators.astype(object), divisors, rounding, thing)
    divisors = np.asarray(divisors, dtype=MINOR)
    if _reach(values) * _reach(numerators) + largest_divisor <= MINOR_MAX:
        return _round_products(values * numerators, divisors, rounding)
    negative = (values < 0) != (numerators < 0)
    return _with_two_words(
        magnitude(values), magnitude(numerators), divisors.view(WIDE), negative, rounding, thing
    )


def _lowest_terms(numerator: int, denominator: int, step: int, thing: str) -> tuple[int, int]:
    """Return the ratio in steps, in lowest terms, its denominator positive."""
    if denominator == 0:
        raise InputError(
            f"denominator of {thing}", "is zero", allowed="any other integer", hint="Check the ratio"
        )
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    denominator *= step
    common = math.gcd(numerator, denominator)
    return numerator // common, denominator // common


def _check_denominators(denominators: MinorArray | int, thing: str) -> int:
    """Return the largest denominator; raise if one is not positive."""
    column = np.asarray(denominators)
    wrong = column <= 0
    if wrong.any():
        rows = np.flatnonzero(wrong) if column.ndim else ()
        raise InputError(
            f"denominator of {thing}",
            "is not positive",
            rows=rows,
            allowed="1 or more",
            hint="Check the ratio",
        )
    return int(column.max()) if column.size else 1


def _reach(values: MinorArray) -> int:
    """Return the largest absolute value, 0 for an empty column."""
    return max(int(values.max()), -int(values.min())) if values.size else 0


def _addend(divisor: AnyArray | int, mode: RoundingMode) -> AnyArray | int:
    """Return what to add to a product so that flooring the quotient rounds as `mode` says.

    ``half_even`` gets the addend of ``half_up``; its ties are put right afterwards.
    """
    if mode == "floor":
        return 0
    return divisor - 1 if mode == "ceiling" else divisor // 2


def _direct(
    values: MinorArray, numerator: int, divisor: int, addend: int, rounding: Rounding, out: MinorArray
) -> None:
    """Multiply and divide in `out`; every intermediate is known to fit."""
    if numerator != 1:
        np.multiply(values, numerator, out=out)
    elif out is not values:
        out[...] = values
    if addend:
        np.add(out, addend, out=out)
    if rounding.mode == "half_even" and divisor % 2 == 0:
        rest = out % divisor
        np.floor_divide(out, divisor, out=out)
        out -= (rest == 0) & (out & 1 == 1)
    elif divisor != 1:
        np.floor_divide(out, divisor, out=out)
    if rounding.step != 1:
        np.multiply(out, rounding.step, out=out)


def _round_products(products: AnyArray, divisors: AnyArray | int, rounding: Rounding) -> AnyArray:
    """Round ``products / divisors`` row by row: int64 known to fit, or Python integers."""
    raised = products + _addend(divisors, rounding.mode)
    quotients = raised // divisors
    if rounding.mode == "half_even":
        tie = (raised - quotients * divisors == 0) & (divisors % 2 == 0) & (quotients % 2 == 1)
        quotients = quotients - tie
    rounded: AnyArray = quotients * rounding.step
    return rounded


def _with_python_ints(
    values: MinorArray,
    numerators: AnyArray | int,
    divisors: AnyArray | int,
    rounding: Rounding,
    thing: str,
) -> MinorArray:
    """Multiply and divide row by row, for ratios whose terms do not fit into 64 bits."""
    exact = _round_products(values.astype(object) * numerators, divisors, rounding)
    _refuse_overflow((exact > MINOR_MAX) | (exact < MINOR_MIN), thing)
    return exact.astype(MINOR)


def _with_two_words(
    values: WideArray,
    numerators: WideArray,
    divisors: WideArray,
    negative: FlagArray,
    rounding: Rounding,
    thing: str,
) -> MinorArray:
    """Multiply and divide magnitudes in two words; the sign decides which way the magnitude rounds."""
    high, low = mul_wide(values, numerators)
    beyond = high >= divisors
    quotient, rest = div_wide(np.where(beyond, WIDE(0), high), low, divisors)
    gap = divisors - rest
    if rounding.mode == "floor":
        away = negative & (rest > 0)
    elif rounding.mode == "ceiling":
        away = ~negative & (rest > 0)
    elif rounding.mode == "half_up":
        away = (rest > gap) | ((rest == gap) & ~negative)
    else:
        away = (rest > gap) | ((rest == gap) & (quotient & WIDE(1) == 1))
    top = np.where(negative, WIDE(-MINOR_MIN // rounding.step), WIDE(MINOR_MAX // rounding.step))
    # The quotient is compared before it grows: the largest word would wrap to zero.
    beyond |= (quotient > top) | ((quotient == top) & away)
    _refuse_overflow(beyond, thing)
    result = ((quotient + away) * WIDE(rounding.step)).view(MINOR)
    np.negative(result, out=result, where=negative)
    return result


def _refuse_overflow(beyond: FlagArray, thing: str) -> None:
    if beyond.any():
        raise MoneyOverflowError(
            thing,
            "does not fit into 64-bit minor units",
            rows=np.flatnonzero(beyond),
            allowed=f"{MINOR_MIN} to {MINOR_MAX} minor units",
            hint="Check the amounts and the ratio, or use a currency with fewer decimals",
        )
