"""Amounts: what is read as money, what is refused, and how it is written."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN
from fenxiao.errors import FenxiaoError, MoneyError, MoneyOverflowError
from fenxiao.money import Currency, column_to_minor, format_minor, minor_from_float, to_decimal, to_minor
from fenxiao.money.plain import parse_plain
from tests.strategies.money import amounts

DECIMALS = st.integers(0, 12)


@pytest.mark.parametrize(
    ("value", "decimals", "minor"),
    [
        ("12.34", 2, 1234),
        ("12.340", 2, 1234),
        (" -0.05\n", 2, -5),
        ("+7", 2, 700),
        (".5", 2, 50),
        ("-0", 2, 0),
        ("000000000000000000000000012.3", 2, 1230),
        ("10.000000000000000000000", 0, 10),
        ("92233720368547758.07", 2, MINOR_MAX),
        ("-92233720368547758.08", 2, MINOR_MIN),
        (np.str_("1.10"), 2, 110),
        (Decimal("12.34"), 2, 1234),
        (Decimal("1E+3"), 2, 100_000),
        (Decimal("0E-999999"), 2, 0),
        (Decimal("12.3400"), 2, 1234),
        (Fraction(5, 4), 2, 125),
    ],
)
def test_what_is_an_amount(value: object, decimals: int, minor: int) -> None:
    """Texts, Decimals and exact Fractions are read without rounding, alone and in a column."""
    assert to_minor(value, decimals) == minor
    assert column_to_minor([value], decimals).tolist() == [minor]
    assert column_to_minor(["1"] * 99 + [value], decimals)[-1] == minor


NOT_AMOUNTS = [
    (100, MoneyError, "bare integer"),
    (np.int64(100), MoneyError, "bare integer"),
    (True, MoneyError, "truth value"),
    (np.bool_(0), MoneyError, "truth value"),
    (12.34, MoneyError, "minor_from_float"),
    (np.float64(12.34), MoneyError, "is a float"),
    (float("nan"), MoneyError, "missing"),
    (None, MoneyError, "missing"),
    (pd.NA, MoneyError, "missing"),
    (pd.NaT, MoneyError, "missing"),
    (Decimal("nan"), MoneyError, "missing"),
    (Decimal("inf"), MoneyError, "not an amount"),
    ("", MoneyError, "not an amount"),
    ("  ", MoneyError, "not an amount"),
    ("-", MoneyError, "not an amount"),
    (".", MoneyError, "not an amount"),
    ("5.", MoneyError, "not an amount"),
    ("nan", MoneyError, "not an amount"),
    ("inf", MoneyError, "not an amount"),
    ("1e3", MoneyError, "not an amount"),
    ("1,000.00", MoneyError, "thousands"),
    ("1_000", MoneyError, "not an amount"),
    ("¥5", MoneyError, "not an amount"),
    ("１２", MoneyError, "not an amount"),
    ("1.2.3", MoneyError, "not an amount"),
    ("--1", MoneyError, "not an amount"),
    ("1-", MoneyError, "not an amount"),
    ("1.0\0", MoneyError, "not an amount"),
    (b"1.00", MoneyError, "not an amount"),
    (["1"], MoneyError, "not an amount"),
    ("12.345", MoneyError, "more decimals"),
    (Decimal("0.001"), MoneyError, "more decimals"),
    (Decimal("1E-999999"), MoneyError, "more decimals"),
    (Fraction(1, 3), MoneyError, "more decimals"),
    ("92233720368547758.08", MoneyOverflowError, "64-bit"),
    ("-92233720368547758.09", MoneyOverflowError, "64-bit"),
    ("9" * 5000, MoneyOverflowError, "64-bit"),
    (Decimal("1E+999999"), MoneyOverflowError, "64-bit"),
    (Fraction(10**30), MoneyOverflowError, "64-bit"),
]


@pytest.mark.parametrize(("value", "error", "text"), NOT_AMOUNTS)
def test_what_is_not_an_amount(value: object, error: type[FenxiaoError], text: str) -> None:
    """Everything else is refused with the thing, its rows, what is allowed and the next step."""
    with pytest.raises(error, match=text) as caught:
        to_minor(value, 2, thing="orders column 'paid'", rows=[7])
    assert str(caught.value).startswith("orders column 'paid'")
    assert caught.value.rows == (7,)
    with pytest.raises(error, match=text) as caught:
        column_to_minor(["1"] * 99 + [value, "2", value], 2, thing="orders column 'paid'")
    assert caught.value.rows == (99, 101)
    assert caught.value.allowed
    assert caught.value.hint
    assert caught.value.labels == ()


def test_rows_with_other_mistakes_are_counted() -> None:
    """The message is about the first mistake and says how many rows have others."""
    with pytest.raises(MoneyError, match=r"missing.*rows 0, 3.*2 more rows have other mistakes") as caught:
        column_to_minor([None, "x", 5, None, "1"], 2)
    assert caught.value.rows == (0, 3)


@settings(max_examples=100, deadline=None)
@given(minor=amounts(), decimals=DECIMALS)
def test_text_round_trip(minor: int, decimals: int) -> None:
    """What is written reads back, as text and as Decimal, to the last minor unit."""
    text, exact = format_minor(minor, decimals), to_decimal(minor, decimals)
    assert to_minor(text, decimals) == minor == to_minor(exact, decimals)
    assert str(Fraction(exact) * 10**decimals) == str(minor)
    assert column_to_minor([text] * 70, decimals).tolist() == [minor] * 70


PIECES = st.text(alphabet="0123456789.-+ e\0１", max_size=8)
LONG = st.sampled_from(["0" * 30 + "1", "123456789012345678.9", "999999999999999999", "9223372036854775807"])


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.one_of(PIECES, LONG, amounts().map(lambda minor: format_minor(minor, 2))), max_size=9),
    decimals=DECIMALS,
)
def test_plain_reader_agrees_with_the_careful_one(texts: list[str], decimals: int) -> None:
    """Whatever the fast reader calls plain, the careful reader reads alike."""
    values, plain = parse_plain(texts, decimals)
    for text, value, is_plain in zip(texts, values.tolist(), plain.tolist(), strict=True):
        assert value == (to_minor(text, decimals) if is_plain else 0)


def test_ordinary_texts_are_plain() -> None:
    """The texts that shops write take the fast road."""
    _, plain = parse_plain(["0", "12", "12.3", "12.34", "-5.00", "007"], 2)
    assert plain.all()
    assert parse_plain([], 2)[0].size == 0


def test_texts_across_blocks() -> None:
    """A long column with a few rows that need care is read in the right places."""
    texts = [f"{row}.{row % 100:02d}" for row in range(70_000)]
    texts[5], texts[69_999] = " 1 ", "2.500"
    minor = column_to_minor(texts, 2)
    assert (minor[4], minor[5], minor[6], minor[69_998], minor[69_999]) == (404, 100, 606, 6_999_898, 250)


EXACT = ["12.34", "5.00", "-0.01"]


@pytest.mark.parametrize(
    "values",
    [
        EXACT,
        tuple(EXACT),
        np.array(EXACT),
        np.array(EXACT, dtype=object),
        np.array([Decimal(text) for text in EXACT]),
        pd.Series(EXACT),
        pd.Series(EXACT, dtype="string"),
        pd.Series([Decimal(text) for text in EXACT]),
        pd.Series([Decimal(text) for text in EXACT], dtype=pd.ArrowDtype(pa.decimal128(9, 2))),
        pd.Series(EXACT, index=[3, 4, 5]),
        pl.Series(EXACT),
        pl.Series([Decimal(text) for text in EXACT]),
        np.ma.MaskedArray(EXACT, mask=[False, False, False]),
    ],
    ids=lambda values: f"{type(values).__module__}-{getattr(values, 'dtype', '')}",
)
def test_exact_columns(values: object) -> None:
    """Columns of texts and Decimals are read alike, whatever holds them."""
    minor = column_to_minor(values, 2)
    assert minor.dtype == MINOR
    assert minor.tolist() == [1234, 500, -1]


@pytest.mark.parametrize(
    "values",
    [
        [1234, 500, -1],
        (1234, 500, -1),
        [np.int32(1234), 500, np.int64(-1)],
        np.array([1234, 500, -1]),
        np.array([1234, 500, -1], dtype="i2"),
        np.array([1234, 500, -1], dtype=object),
        pd.Series([1234, 500, -1]),
        pd.Series([1234, 500, -1], dtype="Int64"),
        pl.Series([1234, 500, -1]),
    ],
    ids=lambda values: f"{type(values).__module__}-{getattr(values, 'dtype', '')}",
)
def test_minor_columns(values: object) -> None:
    """Integers that count minor units are taken as they are, and refused where they do not say so."""
    minor = column_to_minor(values, 2, minor=True)
    assert minor.dtype == MINOR
    assert minor.tolist() == [1234, 500, -1]
    with pytest.raises(MoneyError, match="_minor"):
        column_to_minor(values, 2)


def test_a_fresh_column() -> None:
    """The result never shares memory with the input."""
    values = np.array([1, 2])
    column_to_minor(values, 2, minor=True)[0] = 9
    assert values.tolist() == [1, 2]


@pytest.mark.parametrize(
    "values", [[], (), np.array([]), np.array([], dtype=bool), pd.Series([], dtype=object)]
)
@pytest.mark.parametrize("minor", [False, True])
def test_empty_columns(values: object, minor: bool) -> None:
    """An empty column is a column of money, whatever numpy thinks its kind is."""
    assert column_to_minor(values, 2, minor=minor).tolist() == []


@pytest.mark.parametrize(
    ("values", "minor", "error", "text", "rows"),
    [
        (np.array([1.5, 2]), False, MoneyError, "minor_from_float", ()),
        (np.array([1.5, 2]), True, MoneyError, "is a float", ()),
        (np.array([True]), False, MoneyError, "truth value", ()),
        (np.array([True]), True, MoneyError, "truth value", ()),
        (np.array([1], dtype="u1"), False, MoneyError, "bare integer", ()),
        (np.array([1, 2**63], dtype="u8"), True, MoneyOverflowError, "64-bit", (1,)),
        ([1, 2**63], True, MoneyOverflowError, "64-bit", (1,)),
        ([1, MINOR_MIN - 1], True, MoneyOverflowError, "64-bit", (1,)),
        ([1, True], True, MoneyError, "truth value", (1,)),
        ([1, 2.0], True, MoneyError, "is a float", (1,)),
        ([1, "2"], True, MoneyError, "not an integer", (1,)),
        ([1, None, float("nan")], True, MoneyError, "missing", (1, 2)),
        (pd.Series([1, None]), True, MoneyError, "is a float", (0,)),
        (pd.Series([1, None], dtype="Int64"), True, MoneyError, "missing", (1,)),
        (pl.Series([1, None]), True, MoneyError, "missing", (1,)),
        (pl.Series(["1", None]), False, MoneyError, "missing", (1,)),
        (pl.Series([1.5, 2.5]), False, MoneyError, "is a float", (0, 1)),
        (np.ma.MaskedArray([1, 2], mask=[False, True]), True, MoneyError, "missing", (1,)),
        (np.array([["1"]]), False, MoneyError, "not one column", ()),
        ("12.34", False, MoneyError, "not one column", ()),
        (np.array(["2026-01-01"], dtype="M8[D]"), False, MoneyError, "not an amount", (0,)),
    ],
)
def test_invalid_columns(
    values: object, minor: bool, error: type[FenxiaoError], text: str, rows: tuple[int, ...]
) -> None:
    """Columns of another kind are refused with their rows and the next step."""
    with pytest.raises(error, match=text) as caught:
        column_to_minor(values, 2, minor=minor, thing="orders column 'paid'")
    assert caught.value.rows == rows
    assert caught.value.hint


@settings(max_examples=100, deadline=None)
@given(minor=st.lists(amounts(-(2**52), 2**52), max_size=6), decimals=DECIMALS)
def test_written_floats_convert_back(minor: list[int], decimals: int) -> None:
    """The float nearest to an amount converts to that amount, up to 2**52 minor units."""
    floats = [float(format_minor(each, decimals)) for each in minor]
    assert minor_from_float(np.array(floats, dtype=float), decimals).tolist() == minor


@settings(max_examples=200, deadline=None)
@given(value=st.floats(-1e14, 1e14), decimals=st.integers(0, 4))
def test_floats_convert_to_one_amount_or_not_at_all(value: float, decimals: int) -> None:
    """An accepted float is within the slack of its amount, or the nearest float to it alone."""
    try:
        minor = int(minor_from_float([value], decimals)[0])
    except MoneyError:
        return
    near = abs(Fraction(value) * 10**decimals - minor) <= Fraction(3, 2) / 10**6
    alone = [float(format_minor(minor + step, decimals)) == value for step in (-1, 0, 1)] == [
        False,
        True,
        False,
    ]
    assert near or alone


@pytest.mark.parametrize("currency", ["CNY", Currency.of("CNY"), 2])
def test_float_slack(currency: object) -> None:
    """Within a millionth of a minor unit is accepted; the currency may be given in any form."""
    assert minor_from_float([0.1 + 0.2, 1.00000000999, -12.34], currency).tolist() == [30, 100, -1234]
    assert minor_from_float([], currency).tolist() == []


@pytest.mark.parametrize(
    ("values", "text", "rows"),
    [
        ([1.0, float("nan"), float("inf")], "missing or infinite", (1, 2)),
        ([1.0, 1.005], "not a whole number", (1,)),
        ([1.0, 1.0000001], "not a whole number", (1,)),
        ([1e12 + 0.004], "not a whole number", (0,)),
        ([2**46 + 1 / 64, 2**46 + 0.25], "not a whole number", (0,)),
        ([1.0, 1e14], "2\\*\\*53", (1,)),
        ([1e308, -1e308], "2\\*\\*53", (0, 1)),
        ([1, 2], "not a column of floats", ()),
        (["1.0"], "not a column of floats", ()),
        (np.array([[1.0]]), "not a column of floats", ()),
    ],
)
def test_floats_that_are_no_amounts(values: object, text: str, rows: tuple[int, ...]) -> None:
    """Floats between minor units, infinite ones and huge ones are refused with their rows."""
    with pytest.raises(MoneyError, match=text) as caught:
        minor_from_float(values, 2)
    assert caught.value.rows == rows
    assert caught.value.hint


@pytest.mark.parametrize("decimals", [-1, 13, 2.0, True, "2", None])
def test_impossible_decimals(decimals: object) -> None:
    """Decimals are an integer from 0 to 12 everywhere."""
    for call in (
        lambda: to_minor("1", decimals),
        lambda: column_to_minor(["1"], decimals),
        lambda: format_minor(1, decimals),
        lambda: to_decimal(1, decimals),
    ):
        with pytest.raises(MoneyError, match="0 to 12"):
            call()


def test_decimals_beyond_the_context() -> None:
    """Large amounts become Decimals without the context's rounding."""
    assert str(to_decimal(10**40 + 1, 2)) == "1" + "0" * 38 + ".01"
