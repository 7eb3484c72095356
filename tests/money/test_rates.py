"""Rates."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.errors import RateError
from fenxiao.money import Rate

RATES = st.one_of(
    st.fractions(max_denominator=10**6),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-1000, max_value=1000).map(
        Fraction
    ),
).map(lambda exact: Rate.of(exact, allow_negative=True))


@pytest.mark.parametrize(
    ("value", "exact", "text"),
    [
        ("12.5%", Fraction(1, 8), "12.5%"),
        ("1/3", Fraction(1, 3), "1/3"),
        (" 2 / 6 ", Fraction(1, 3), "1/3"),
        ("0.125", Fraction(1, 8), "12.5%"),
        (".5", Fraction(1, 2), "50%"),
        ("+5 %", Fraction(1, 20), "5%"),
        ("0", Fraction(0), "0%"),
        ("150%", Fraction(3, 2), "150%"),
        (1, Fraction(1), "100%"),
        (np.int64(2), Fraction(2), "200%"),
        (Fraction(2, 7), Fraction(2, 7), "2/7"),
        (Decimal("0.0001"), Fraction(1, 10000), "0.01%"),
        (Rate.of("21%"), Fraction(21, 100), "21%"),
    ],
)
def test_what_is_a_rate(value: object, exact: Fraction, text: str) -> None:
    """Every accepted spelling has one exact value and one text."""
    rate = Rate.of(value)
    assert rate.fraction == exact == rate.as_fraction
    assert (rate.numerator, rate.denominator) == (exact.numerator, exact.denominator)
    assert str(rate) == text
    assert repr(rate) == f'Rate("{text}")'
    assert eval(repr(rate)) == rate == Rate(value)


@given(rate=RATES)
def test_text_round_trip(rate: Rate) -> None:
    """The text of a rate reads back as the rate, and copies are equal."""
    assert Rate.of(str(rate), allow_negative=True) == rate
    assert pickle.loads(pickle.dumps(rate)) == rate == copy.copy(rate)


@given(one=RATES, other=RATES)
def test_order_and_hash(one: Rate, other: Rate) -> None:
    """Rates are ordered and hashed like their exact values."""
    assert (one < other) == (one.fraction < other.fraction)
    assert (one >= other) == (one.fraction >= other.fraction)
    assert (one == other) == (one.fraction == other.fraction)
    assert one != other or hash(one) == hash(other)


def test_rates_compare_with_rates_only() -> None:
    """A rate is not ordered against a number, which might be a percentage."""
    with pytest.raises(TypeError):
        _ = Rate.of("5%") < 1
    assert Rate.of("5%") != Fraction(1, 20)


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        np.float64(0.1),
        True,
        None,
        "",
        "abc",
        "nan",
        "inf",
        "1e-3",
        "1/0",
        "1/-3",
        "5.%",
        "1/3%",
        "１%",
        "1" * 500,
        Decimal("nan"),
        Decimal("inf"),
        Decimal("1e999999"),
        -1,
        "-5%",
        Fraction(-1, 3),
        "--5%",
        [],
        1 + 2j,
    ],
)
def test_what_is_not_a_rate(value: object) -> None:
    """Floats, negative rates and unreadable texts raise an error with the next step."""
    with pytest.raises(RateError) as caught:
        Rate.of(value)
    assert caught.value.allowed
    assert caught.value.hint


def test_a_float_is_told_to_be_text() -> None:
    """The hint for a float shows how a rate is written."""
    with pytest.raises(RateError, match=r'is a float.*"12\.5%"'):
        Rate.of(0.125)


def test_negative_rates_on_request() -> None:
    """A negative rate is accepted where it is asked for."""
    assert str(Rate.of("-0.5%", allow_negative=True)) == "-0.5%"
    assert str(Rate("-1/3", allow_negative=True)) == "-1/3"
