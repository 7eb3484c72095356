"""Rounding and exact products: one result, whichever path computes it."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN
from fenxiao._kernels.wide import WIDE, div_wide, leading_zeros, mul_div_wide, mul_wide
from fenxiao.errors import InputError, MoneyOverflowError
from fenxiao.money import CEILING, FLOOR, HALF_EVEN, HALF_UP, Rounding, mul_div, mul_div_arrays
from tests.strategies.money import amounts, columns

MODES = ["floor", "ceiling", "half_up", "half_even"]
STEPS = st.sampled_from([1, 1, 1, 2, 5, 10, 100, 2**33, MINOR_MAX])
TERMS = st.one_of(st.integers(1, 1000), amounts(1), st.integers(1, 10**40))


def rounded(exact: Fraction, mode: str, step: int) -> int:
    """Round by definition."""
    steps = exact / step
    if mode == "floor":
        return step * floor(steps)
    if mode == "ceiling":
        return step * ceil(steps)
    if mode == "half_up":
        return step * floor(steps + Fraction(1, 2))
    return step * round(steps)


def check(values: np.ndarray, exact: list[Fraction], mode: str, step: int, call: object) -> None:
    """Compare with exact results, or expect the rows that do not fit."""
    expected = [rounded(each, mode, step) for each in exact]
    beyond = tuple(row for row, each in enumerate(expected) if not MINOR_MIN <= each <= MINOR_MAX)
    if beyond:
        with pytest.raises(MoneyOverflowError, match="commission") as caught:
            call()
        assert caught.value.rows == beyond
    else:
        assert call().tolist() == expected


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=120, deadline=None)
@given(values=columns(), numerator=TERMS, denominator=TERMS, sign=st.sampled_from([1, -1]), step=STEPS)
def test_mul_div(
    mode: str, values: np.ndarray, numerator: int, denominator: int, sign: int, step: int
) -> None:
    """Products are rounded exactly wherever the result fits, and only other rows raise."""
    numerator, before = numerator * sign, values.tolist()
    exact = [Fraction(value * numerator, denominator) for value in before]
    rounding = Rounding(mode, step=step)
    check(
        values,
        exact,
        mode,
        step,
        lambda: mul_div(values, numerator, denominator, rounding, thing="commission"),
    )
    check(
        values,
        exact,
        mode,
        step,
        lambda: mul_div(values, -numerator, -denominator, rounding, thing="commission"),
    )
    assert values.tolist() == before


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=60, deadline=None)
@given(
    values=columns(-(10**6), 10**6),
    numerator=st.integers(-50, 50),
    denominator=st.integers(1, 60),
    step=STEPS,
)
def test_bound_and_out_change_nothing(
    mode: str, values: np.ndarray, numerator: int, denominator: int, step: int
) -> None:
    """A known bound, a loose bound and writing in place all give the plain result."""
    rounding = Rounding(mode, step=step)
    plain = mul_div(values, numerator, denominator, rounding)
    assert plain is not values
    for bound in (10**6, MINOR_MAX):
        assert mul_div(values, numerator, denominator, rounding, bound=bound).tolist() == plain.tolist()
    assert mul_div(values, numerator, denominator, rounding, out=values) is values
    assert values.tolist() == plain.tolist()


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(amounts(), amounts(), amounts(1)), max_size=6),
    small=st.booleans(),
    step=STEPS,
)
def test_mul_div_arrays(mode: str, rows: list[tuple[int, int, int]], small: bool, step: int) -> None:
    """Row by row the product is the exact one, at any size."""
    if small:
        rows = [(value % 1000 - 500, factor % 2000 - 1000, by % 100 + 1) for value, factor, by in rows]
        step = min(step, 100)
    table = np.array(rows, dtype=MINOR).reshape(-1, 3)
    values, factors, divisors = (column.copy() for column in table.T)
    exact = [Fraction(value * factor, by) for value, factor, by in rows]
    rounding = Rounding(mode, step=step)
    check(
        values,
        exact,
        mode,
        step,
        lambda: mul_div_arrays(values, factors, divisors, rounding, thing="commission"),
    )


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(amounts(), amounts()), max_size=6), denominator=TERMS)
def test_mul_div_arrays_by_one_denominator(mode: str, rows: list[tuple[int, int]], denominator: int) -> None:
    """One denominator for all rows may be of any size."""
    table = np.array(rows, dtype=MINOR).reshape(-1, 2)
    values, factors = (column.copy() for column in table.T)
    exact = [Fraction(value * factor, denominator) for value, factor in rows]
    check(
        values, exact, mode, 1, lambda: mul_div_arrays(values, factors, denominator, mode, thing="commission")
    )


@pytest.mark.parametrize(
    ("exact", "results"),
    [
        (Fraction(1, 2), (0, 1, 1, 0)),
        (Fraction(-1, 2), (-1, 0, 0, 0)),
        (Fraction(3, 2), (1, 2, 2, 2)),
        (Fraction(-3, 2), (-2, -1, -1, -2)),
        (Fraction(5, 3), (1, 2, 2, 2)),
        (Fraction(-5, 3), (-2, -1, -2, -2)),
        (Fraction(7), (7, 7, 7, 7)),
        (Fraction(10**30) + Fraction(1, 3), (10**30, 10**30 + 1, 10**30, 10**30)),
    ],
)
def test_modes(exact: Fraction, results: tuple[int, ...]) -> None:
    """Each mode rounds positive and negative amounts in its stated direction."""
    for rounding, result in zip((FLOOR, CEILING, HALF_UP, HALF_EVEN), results, strict=True):
        assert rounding.round_fraction(exact) == result
        assert Rounding(rounding.mode, step=10).round_fraction(exact * 10) == result * 10


def test_rounding_of() -> None:
    """A mode's name means the rounding to one minor unit."""
    assert Rounding.of("half_even") == HALF_EVEN
    assert Rounding.of(FLOOR) is FLOOR
    assert FLOOR.step == 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Rounding("up"), "half_even"),
        (lambda: Rounding.of(None), "rounding mode"),
        (lambda: Rounding("floor", step=0), "rounding step"),
        (lambda: Rounding("floor", step=True), "rounding step"),
        (lambda: Rounding("floor", step=1.5), "rounding step"),
        (lambda: mul_div(np.array([1]), 1, 0), "is zero"),
        (lambda: mul_div_arrays(np.array([1]), np.array([1]), 0), "not positive"),
        (lambda: mul_div_arrays(np.array([1, 1]), np.array([1, 1]), np.array([1, -1])), "row 1"),
    ],
)
def test_invalid_roundings_are_refused(call: object, text: str) -> None:
    """An unknown mode, an impossible step or denominator raise an error with the next step."""
    with pytest.raises(InputError, match=text) as caught:
        call()
    assert caught.value.allowed
    assert caught.value.hint


def test_overflow_tells_the_next_step() -> None:
    """The message counts the rows and names what to do."""
    with pytest.raises(
        MoneyOverflowError, match=r"amount: does not fit.*rows 0, 1, 2, 3, 4 and 2 more.*Check"
    ):
        mul_div(np.full(7, MINOR_MAX), 2, 1)


WORDS = st.lists(
    st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(1, 2**63 - 1)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(rows=WORDS)
def test_words_multiply_and_divide_exactly(rows: list[tuple[int, int, int]]) -> None:
    """Two-word products and their quotients are those of Python integers."""
    a, b, divisor = (np.array(column, dtype=WIDE) for column in zip(*rows, strict=True))
    high, low = mul_wide(a, b)
    products = [x * y for x, y, _ in rows]
    assert [(h << 64) | w for h, w in zip(high.tolist(), low.tolist(), strict=True)] == products
    quotient, rest = div_wide(high % divisor, low, divisor)
    for row, (x, y, d) in enumerate(rows):
        dividend = ((x * y >> 64) % d << 64) | (x * y & (2**64 - 1))
        assert (int(quotient[row]), int(rest[row])) == divmod(dividend, d)
    fits = b % divisor
    quotient, rest = mul_div_wide(a, fits, divisor)
    for row, (x, _, d) in enumerate(rows):
        assert (int(quotient[row]), int(rest[row])) == divmod(x * int(fits[row]), d)


def test_leading_zeros() -> None:
    """Every bit length is counted."""
    words = np.array([1 << bit for bit in range(64)], dtype=WIDE)
    assert leading_zeros(words).tolist() == list(range(63, -1, -1))
    assert words[0] == 1
