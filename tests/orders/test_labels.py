"""Label columns: one kind, nulls told apart from labels, nothing guessed."""

from __future__ import annotations

import enum
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao._labels import Labels, read_labels
from fenxiao._tables import ranks
from fenxiao.errors import InputError, OrdersError
from tests.strategies.orders import BOUND, label_types

U = uuid.UUID(int=7)


class Text(str):
    __slots__ = ()


class Number(enum.IntEnum):
    ONE = 1


def read(values, *, nullable=True):
    """Read a column of members."""
    return read_labels(values, thing="orders column 'member'", error=OrdersError, nullable=nullable)


@given(st.data(), st.sampled_from(sorted(label_types)))
def test_labels_come_back(data, kind):
    """Whatever labels and nulls go in come out again, row by row, with the plain Python type."""
    values = data.draw(st.lists(st.none() | label_types[kind], max_size=8))
    column = read(values)
    assert [column.value(row) for row in range(len(column))] == values
    assert not column.values.flags.writeable
    if any(value is not None for value in values):
        assert column.kind == kind
    assert (column.null is None) == (None not in values)
    rows = data.draw(st.lists(st.integers(0, max(len(values) - 1, 0)), max_size=5)) if values else []
    taken = column.take(np.array(rows, dtype=int))
    assert [taken.value(row) for row in range(len(rows))] == [values[row] for row in rows]


@given(st.data(), st.sampled_from(sorted(label_types)))
def test_ranks_order_like_labels(data, kind):
    """Ranks compare exactly as the labels do."""
    values = data.draw(st.lists(label_types[kind], max_size=8))
    rank = ranks(read(values)).tolist()
    for i, one in enumerate(values):
        for j, two in enumerate(values):
            assert (rank[i] < rank[j]) == (one < two)
            assert (rank[i] == rank[j]) == (one == two)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, -1], "int", [1, -1]),
        ((1, 2), "int", [1, 2]),
        ([-(2**63), BOUND], "int", [-(2**63), BOUND]),
        ([np.int32(4), None], "int", [4, None]),
        (np.array([1, -1], dtype="int8"), "int", [1, -1]),
        (np.array([1, BOUND], dtype="uint64"), "int", [1, BOUND]),
        (np.array([1, 2], dtype=">i8"), "int", [1, 2]),
        (np.array([3, None], dtype=object), "int", [3, None]),
        ([3, float("nan")], "int", [3, None]),
        ([pd.NA, 3, pd.NaT], "int", [None, 3, None]),
        (np.ma.masked_array([5, 6], [False, True]), "int", [5, None]),
        (np.ma.masked_array([5, 6]), "int", [5, 6]),
        (np.ma.masked_array(["a", "b"], [False, True]), "str", ["a", None]),
        (pd.Series([5, None], dtype="Int64"), "int", [5, None]),
        (pd.Series([5, 6], dtype="UInt8", index=[9, 8]), "int", [5, 6]),
        (pd.Series(["a", None]), "str", ["a", None]),
        (pd.Series(["a", None], dtype="category"), "str", ["a", None]),
        (pl.Series([2**53 + 1, None]), "int", [2**53 + 1, None]),
        (pl.Series([5, 6]), "int", [5, 6]),
        (pl.Series([], dtype=pl.Int64), "int", []),
        (pl.Series([None, None]), "int", [None, None]),
        (pd.Series([2**63 - 1, None], dtype="UInt64"), "int", [2**63 - 1, None]),
        (pd.Series(["a", pd.NA], dtype="string"), "str", ["a", None]),
        (np.ma.masked_array([1.5], [True]), "int", [None]),
        (np.ma.masked_array(np.array([5, 2**63], dtype="uint64"), [False, True]), "int", [5, None]),
        ([pd.NA, float("nan"), "a"], "str", [None, None, "a"]),
        ([Number.ONE, np.uint64(2), None], "int", [1, 2, None]),
        (iter(["a", None]), "str", ["a", None]),
        (pl.Series(["a", None]), "str", ["a", None]),
        (np.array(["a", "bc"]), "str", ["a", "bc"]),
        (np.array([b"a", b"bc"]), "bytes", [b"a", b"bc"]),
        ([Text("a"), np.str_("b"), None], "str", ["a", "b", None]),
        ([np.bytes_(b"a"), None], "bytes", [b"a", None]),
        ([U, None], "UUID", [U, None]),
        ([None, None], "int", [None, None]),
        ([], "int", []),
        (np.array([]), "int", []),
        ([""], "str", [""]),
    ],
)
def test_accepted_columns(values, kind, expected):
    """Lists, arrays, masked arrays and frame columns are read with their nulls and nothing else changed."""
    column = read(values)
    found = [column.value(row) for row in range(len(column))]
    assert (column.kind, found) == (kind, expected)
    assert [type(label) for label in found] == [type(label) for label in expected]


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ([1.5, 2], (0,)),
        ([1, 2.0], (1,)),
        ([True, False], (0, 1)),
        ([1, True], (1,)),
        ([np.True_], (0,)),
        ([1, "SECRET", 2], (1,)),
        (["SECRET", b"SECRET", None], (1,)),
        ([U, "SECRET"], (1,)),
        ([("SECRET",)], (0,)),
        ([None, object()], (1,)),
        ([1, 2**63], (1,)),
        ([None, -(2**63) - 1], (1,)),
        (np.array([1, 2**63], dtype="uint64"), (1,)),
        (np.array([1.0, np.nan]), ()),
        ([pd.NA, 1.5, float("nan")], (1,)),
        ([np.float32(1.5)], (0,)),
        ([np.timedelta64(1, "D")], (0,)),
        ([np.uint64(2**63)], (0,)),
        (pl.Series([1.0, None]), (0,)),
        (np.zeros((1, 1), dtype=int), ()),
        (np.ma.zeros((2, 2), dtype=int), ()),
        (np.array(5), ()),
        ("SECRET", ()),
        (5, ()),
        (np.ma.masked_array(np.array([5, 6], dtype="datetime64[ns]"), [False, True]), ()),
        (np.array([True]), ()),
        (np.array(["2026-10-05"], dtype="datetime64[D]"), ()),
    ],
)
def test_what_is_no_label_column_is_refused(values, rows):
    """Floats, truth values, mixed types and integers beyond 64 bits are typed errors without labels."""
    with pytest.raises(OrdersError) as caught:
        read(values)
    assert caught.value.rows == rows
    assert "SECRET" not in str(caught.value)
    assert caught.value.allowed
    assert caught.value.hint


@pytest.mark.parametrize(
    "values",
    [[1, None], pd.Series([1, None], dtype="Int64"), np.ma.masked_array([1, 2], [False, True]), ["a", None]],
)
def test_nulls_are_refused_where_none_are_legal(values):
    """A missing label is an error with its row wherever the column does not allow nulls."""
    with pytest.raises(OrdersError, match=r"missing labels \(row 1\)"):
        read(values, nullable=False)


def test_integers_are_not_copied():
    """An int64 array is viewed, not copied, and stays writable for its owner."""
    mine = np.arange(5)
    column = read(mine)
    assert np.shares_memory(column.values, mine)
    assert mine.flags.writeable


@pytest.mark.parametrize(
    ("values", "explicit"),
    [
        ([5], True),
        (np.array([5]), False),
        (pd.Series([5]), False),
        (np.ma.masked_array([5]), True),
        (pd.Series([5], dtype="Int64"), True),
        (pl.Series([5]), True),
    ],
)
def test_a_column_says_whether_it_could_have_held_nulls(values, explicit):
    """Only plain arrays of integers cannot say null; taking rows changes nothing about that."""
    column = read(values)
    assert column.explicit is explicit
    assert column.take(np.array([0])).explicit is explicit


def test_the_caller_chooses_the_error_and_the_next_step():
    """The error class and the hint for missing labels are the caller's; labels travel beside the text."""
    with pytest.raises(InputError, match="Name the roots") as caught:
        read_labels(["a", None], thing="ids", hint="Name the roots")
    assert type(caught.value) is InputError
    for values in ([987654321, 2**63], np.array([987654321, 2**63], dtype="uint64")):
        with pytest.raises(OrdersError, match="beyond 64 bits") as caught:
            read(values)
        assert caught.value.labels == (2**63,)
        assert "987654321" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1], [2, None], [1, 2, None]),
        ([None], ["a"], [None, "a"]),
        (["a"], [None], ["a", None]),
        ([U], [], [U]),
        ([], [b"a"], [b"a"]),
        ([None], [None], [None, None]),
    ],
)
def test_joining_columns(first, second, expected):
    """Joined labels follow each other; a side without labels takes the other's kind."""
    column = read(first).joined(read(second), thing="orders column 'member'")
    assert [column.value(row) for row in range(len(column))] == expected
    assert isinstance(column, Labels)


def test_joining_different_kinds_is_refused():
    """Labels of two kinds cannot stand in one column."""
    with pytest.raises(OrdersError, match="another kind of labels"):
        read([1]).joined(read(["SECRET"]), thing="orders column 'member'")
