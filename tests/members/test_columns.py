"""Typed columns: which kind values make, what each kind keeps, and what is refused."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._columns import Amounts, Categories, Days, Flags, Instants, Numbers, column_of
from fenxiao.errors import FenxiaoError, InputError, MoneyError, OrdersError, TimeError
from fenxiao.money import Rate

NOON = dt.datetime(2026, 10, 5, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))
DAY = dt.date(2026, 10, 5)
TICKS = 1791172800000000


class Grade(enum.StrEnum):
    """Texts whose hash is not that of their text."""

    GOLD = "gold"


class Level(enum.IntEnum):
    """Integers with names."""

    TOP = 3


READ = [
    ([True, False], {}, Flags, [True, False]),
    ((np.True_, False), {}, Flags, [True, False]),
    (np.array([True, False]), {}, Flags, [True, False]),
    (pd.Series([True, False], dtype="boolean"), {}, Flags, [True, False]),
    (pl.Series([True, False]), {}, Flags, [True, False]),
    ([3, -(2**63)], {}, Numbers, [3, -(2**63)]),
    ([Level.TOP, np.int8(2)], {}, Numbers, [3, 2]),
    (np.array([3, 2], dtype=np.uint64), {}, Numbers, [3, 2]),
    (pd.Series([3, 2], dtype="Int64"), {}, Numbers, [3, 2]),
    (iter([3, 2]), {}, Numbers, [3, 2]),
    (range(2), {}, Numbers, [0, 1]),
    (["1.50", "2"], {"decimals": 2}, Amounts, [Decimal("1.50"), Decimal("2.00")]),
    (np.array(["1.5", "2"], dtype=object), {"decimals": 1}, Amounts, [Decimal("1.5"), Decimal("2.0")]),
    (iter(["1.5"]), {"decimals": 1}, Amounts, [Decimal("1.5")]),
    ([150, 2], {"minor": True}, Amounts, [Decimal("1.50"), Decimal("0.02")]),
    ([150, 2], {"minor": True, "decimals": 0}, Amounts, [Decimal(150), Decimal(2)]),
    (["b", None, "a"], {}, Categories, ["b", None, "a"]),
    (["b", float("nan"), "a"], {}, Categories, ["b", None, "a"]),
    ([Grade.GOLD, np.str_("a"), "gold", None], {}, Categories, ["gold", "a", "gold", None]),
    (np.array(["b", "a"]), {}, Categories, ["b", "a"]),
    (np.array(["b", "a"], dtype=np.dtypes.StringDType()), {}, Categories, ["b", "a"]),
    (np.array([b"b", b"a"]), {}, Categories, [b"b", b"a"]),
    (np.ma.masked_array(["b", "x"], mask=[False, True]), {}, Categories, ["b", None]),
    (np.ma.masked_array([3, 2]), {}, Numbers, [3, 2]),
    (np.ma.masked_array([150, 2]), {"minor": True}, Amounts, [Decimal("1.50"), Decimal("0.02")]),
    (["b", pd.NA, float("nan")], {}, Categories, ["b", None, None]),
    (pd.Series(["b", None]), {}, Categories, ["b", None]),
    (pd.Series(["b", pd.NA], dtype=object), {}, Categories, ["b", None]),
    (pd.Series(pd.Categorical(["b", None])), {}, Categories, ["b", None]),
    (pl.Series(["b", None]), {}, Categories, ["b", None]),
    ([np.bytes_(b"b"), b"a"], {}, Categories, [b"b", b"a"]),
    ([UUID(int=2), UUID(int=1)], {}, Categories, [UUID(int=2), UUID(int=1)]),
    ([Fraction(1, 3), None], {}, Categories, [Fraction(1, 3), None]),
    ([Rate.of("12.5%"), Rate.of("5%")], {}, Categories, [Rate.of("12.5%"), Rate.of("5%")]),
    (
        [Decimal("0.10"), Decimal("-0.00"), Decimal("1E+2")],
        {},
        Categories,
        [Decimal("0.1"), Decimal(0), Decimal(100)],
    ),
    ([5, None, 7], {"category": True}, Categories, [5, None, 7]),
    ([5, 10**30], {"category": True}, Categories, [5, 10**30]),
    ([Level.TOP, 1], {"category": True}, Categories, [3, 1]),
    (np.array([7, 5, 7]), {"category": True}, Categories, [7, 5, 7]),
    (np.array([-(2**63), 2**63 - 1]), {"category": True}, Categories, [-(2**63), 2**63 - 1]),
    (np.zeros(0, dtype=np.int64), {"category": True}, Categories, []),
    (pl.Series([5, None]), {"category": True}, Categories, [5, None]),
    ([], {}, Categories, []),
    ([None, None], {}, Categories, [None, None]),
    ([NOON], {}, Instants, [NOON]),
    ([pd.Timestamp(NOON)], {}, Instants, [NOON]),
    (pd.Series([NOON]), {}, Instants, [NOON]),
    (pl.Series([NOON.astimezone(dt.UTC)]), {}, Instants, [NOON]),
    ([DAY], {}, Days, [DAY]),
    ([np.datetime64("2026-10-05")], {}, Days, [DAY]),
    (np.array(["2026-10-05"], dtype="datetime64[D]"), {}, Days, [DAY]),
    (pl.Series([DAY]), {}, Days, [DAY]),
]


@pytest.mark.parametrize("case", range(len(READ)))
def test_values_make_their_kind_of_column(case):
    """Each kind of value makes its kind of column and comes back as a Python value, also after a take."""
    values, options, kind, expected = READ[case]
    column = column_of("x", values, **options)
    assert type(column) is kind
    assert len(column) == len(expected)
    assert [column.value(row) for row in range(len(column))] == expected
    backward = column.take(np.arange(len(column))[::-1])
    assert type(backward) is kind
    assert [backward.value(row) for row in range(len(column))] == expected[::-1]
    array = column.codes if kind is Categories else column.values
    assert not array.flags.writeable
    if kind is Categories:
        assert list(column.values) == sorted(column.values)
        assert {type(value) for value in column.values} <= {type(v) for v in expected}


REFUSED = {
    "floats": ([1.5, 2.0], {}, InputError, (0, 1), "holds floats"),
    "float array": (np.array([1.5]), {}, InputError, (), "holds floats"),
    "frame floats": (pl.Series([1.5]), {}, InputError, (0,), "holds floats"),
    "mixed": (["a", None, 5, "b"], {}, InputError, (2,), "mixes int and str"),
    "bool and int": ([True, 1], {}, InputError, (1,), "mixes bool and int"),
    "missing int": ([1, None], {}, InputError, (1,), "has missing int values"),
    "frame's missing int": (pd.Series([1, None], dtype="Int64"), {}, InputError, (1,), "missing int"),
    "missing bool": (pl.Series([None, True]), {}, InputError, (0,), "has missing bool values"),
    "beyond 64 bits": ([1, 2**63], {}, InputError, (1,), "does not fit into 64 bits"),
    "unsigned beyond": (
        np.array([2**63], dtype=np.uint64),
        {},
        InputError,
        (0,),
        "does not fit into 64 bits",
    ),
    "naive": ([NOON.replace(tzinfo=None)], {}, TimeError, (0,), "has naive times"),
    "naive array": (np.array(["2026-10-05T12:00"], dtype="datetime64[s]"), {}, TimeError, (0,), "naive"),
    "missing day": (np.array(["NaT"], dtype="datetime64[D]"), {}, InputError, (0,), "missing datetime"),
    "missing time": ([NOON, pd.NaT], {}, InputError, (1,), "has missing datetime values"),
    "no number": ([Decimal(1), Decimal("NaN")], {}, InputError, (1,), "not numbers"),
    "another class": ([dt.timedelta(1)], {}, InputError, (), "no rule can read, got 'timedelta'"),
    "a time span": ([np.timedelta64(1, "D")], {}, InputError, (), "no rule can read, got 'timedelta64'"),
    "masked int": (np.ma.masked_array([1, 2], mask=[False, True]), {}, InputError, (1,), "missing int"),
    "masked time": (
        np.ma.masked_array(np.array([5, 6], dtype="datetime64[ns]"), mask=[False, True]),
        {"category": True},
        InputError,
        (1,),
        "missing datetime",
    ),
    "masked, two dimensions": (np.ma.zeros((1, 1)), {}, InputError, (), "more than one dimension"),
    "another dtype": (np.array([1j]), {}, InputError, (), "complex128"),
    "two dimensions": (np.zeros((1, 1)), {}, InputError, (), "more than one dimension, got (1, 1)"),
    "no dimension": (np.array(5), {}, InputError, (), "is a single value"),
    "a text": ("abc", {}, InputError, (), "is a single str"),
    "a dict": ({"a": 1}, {}, InputError, (), "is a single dict"),
    "a number": (5, {"decimals": 2}, InputError, (), "is a single int"),
    "int as money": ([100], {"decimals": 2}, MoneyError, (0,), ""),
    "own class": ([1.5], {"error": OrdersError}, OrdersError, (0,), "orders"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_column_is_refused(case):
    """Floats, mixtures, missing values and naive times raise with their rows."""
    values, options, error, rows, part = REFUSED[case]
    with pytest.raises(FenxiaoError) as caught:
        column_of("x", values, thing="orders column 'x'", **options)
    assert type(caught.value) is error
    assert caught.value.rows == rows
    assert part in str(caught.value)
    assert str(caught.value).startswith("orders column 'x': ")


def test_a_suffix_says_the_unit():
    """A name that ends in _minor reads integers as minor units, of two decimals unless told otherwise."""
    assert column_of("paid_minor", [150]).value(0) == Decimal("1.50")
    assert column_of("pv_minor", [150], decimals=3).value(0) == Decimal("0.150")
    with pytest.raises(InputError, match="column 'x'"):
        column_of("x", [0.5])


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=20))
@settings(max_examples=60, deadline=None)
def test_categories_give_back_what_they_were_given(values):
    """Codes point into sorted distinct values, whatever the order of the rows."""
    column = column_of("x", values)
    assert [column.value(row) for row in range(len(values))] == values
    assert column.values == tuple(sorted({value for value in values if value is not None}))
    assert column.codes.dtype == np.int32


@given(st.lists(st.decimals(-(10**9), 10**9, places=3), max_size=8))
@settings(max_examples=60, deadline=None)
def test_equal_decimals_are_one_category(values):
    """How many zeros a decimal ends in does not show, so that row order cannot."""
    doubled = column_of("x", [*values, *(value.quantize(Decimal("0.0001")) for value in values)])
    assert [str(value) for value in doubled.values] == [str(value) for value in column_of("x", values).values]
    assert doubled.codes[: len(values)].tolist() == doubled.codes[len(values) :].tolist()


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9), max_size=30))
@settings(max_examples=60, deadline=None)
def test_integer_categories_agree_however_they_are_found(values):
    """Arrays, by table or by sorting, make the same categories as lists."""
    array, plain = (column_of("x", v, category=True) for v in (np.array(values, dtype=np.int64), values))
    assert array.values == plain.values
    assert array.codes.tolist() == plain.codes.tolist()


def test_columns_take_masks_and_slices():
    """Rows are selected by numbers, by a mask or by a slice."""
    column = Numbers(np.array([1, 2, 3]))
    assert column.take([2, 0]).values.tolist() == [3, 1]
    assert column.take(np.array([True, False, True])).values.tolist() == [1, 3]
    assert column.take(slice(1, None)).values.tolist() == [2, 3]
    assert Instants([TICKS]).value(0) == NOON


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (Numbers([1, 2]), Numbers([1, 2]), True),
        (Numbers([1, 2]), Numbers([2, 1]), False),
        (Numbers([1, 2]), Days([1, 2]), False),
        (Amounts([1, 2], 2), Amounts([1, 2], 2), True),
        (Amounts([1, 2], 2), Amounts([1, 2], 0), False),
        (Categories([0, -1], ("a",)), Categories([1, -1], ("A", "a")), True),
        (Categories([0, -1], ("a",)), Categories([0, 0], ("a",)), False),
        (Categories([0, -1], ("a",)), Categories([0], ("a",)), False),
        (Categories([0, -1], ("a",)), Categories([0, -1], ("b",)), False),
        (Categories([0, -1], ("a",)), Numbers([0, -1]), False),
    ],
)
def test_columns_are_the_same_if_kind_unit_and_values_are(one, two, same):
    """Columns are compared by what they hold: codes may differ, units may not."""
    assert one.same_as(two) is same
    assert two.same_as(one) is same


def test_arrays_of_another_dtype_are_not_bent():
    """Floats cannot slip into a column of integers."""
    with pytest.raises(TypeError):
        Numbers(np.array([1.5]))
    assert Categories(np.array([0, 1]), ("a", "b")).codes.dtype == np.int32
