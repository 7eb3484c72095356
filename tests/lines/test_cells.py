"""Cells of wide caps: numbering of distinct rows, and finding them again."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._arrays import INDEX, MINOR, MINOR_MAX
from fenxiao.cells import CellFinder, Cells, group_rows, keys_needed, pack, radices
from fenxiao.errors import MoneyOverflowError, UnsupportedError
from tests.expressions.refusals import refused

Cap = fx.Cap

rows = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-1, 2), st.integers(0, 100)), max_size=12
)


def cells_of(entries):
    """Return cells with one key, in the given order."""
    columns = [np.array(column, dtype=INDEX) for column in zip(*entries, strict=True)] or [
        np.zeros(0, dtype=INDEX)
    ] * 4
    return Cells(
        policy=columns[0], payee=columns[1], keys={"product": columns[2]}, amount=columns[3].astype(MINOR)
    )


@settings(deadline=None)
@given(rows, rows)
def test_joined_cells_are_sorted_sums(first, second):
    """Joining tables adds entries of one cell and sorts by policy, payee and keys."""
    found = Cells.joined([cells_of(first), Cells.empty(("product",)), cells_of(second)])
    wanted = {}
    for *key, amount in (*first, *second):
        wanted[tuple(key)] = wanted.get(tuple(key), 0) + amount
    names = zip(found.policy.tolist(), found.payee.tolist(), found.keys["product"].tolist(), strict=True)
    assert list(zip(names, found.amount.tolist(), strict=True)) == sorted(wanted.items())
    assert len(found) == len(wanted)


@settings(deadline=None)
@given(rows.filter(bool), st.randoms())
def test_every_entry_finds_its_cell(entries, random):
    """The finder returns the number of the cell that an entry belongs to, whatever the order of cells."""
    distinct = sorted({entry[:3] for entry in entries})
    random.shuffle(distinct)
    cells = cells_of([(*key, 1) for key in distinct])
    columns = [
        np.array(column, dtype=INDEX) for column in zip(*(entry[:3] for entry in entries), strict=True)
    ]
    assert [distinct[cell] for cell in CellFinder(cells).find(columns)] == [entry[:3] for entry in entries]


@settings(deadline=None)
@given(rows.filter(bool))
def test_packed_rows_order_like_the_rows(entries):
    """One integer a row orders rows as the columns do, first column first."""
    columns = [
        np.array(column, dtype=INDEX) for column in zip(*(entry[:3] for entry in entries), strict=True)
    ]
    packed = pack(columns, radices(columns))
    keys = [entry[:3] for entry in entries]
    for one, left in zip(packed.tolist(), keys, strict=True):
        for two, right in zip(packed.tolist(), keys, strict=True):
            assert (one < two, one == two) == (left < right, left == right)
    group, first = group_rows(columns)
    assert [keys[row] for row in first] == sorted(set(keys))
    assert [sorted(set(keys))[number] for number in group] == keys


def test_more_combinations_than_64_bits_are_refused():
    """Three columns of two thousand million values each cannot be numbered."""
    wide = np.array([2**31 - 1], dtype=INDEX)
    refused(lambda: radices([wide, wide, wide]), UnsupportedError, "64 bits", "fewer")
    assert radices([np.zeros(0, dtype=INDEX)]) == [1]


def test_sums_of_cells_that_do_not_fit_are_refused():
    """A payee's total beyond 64 bits is an error."""
    big = Cells(
        policy=np.zeros(2, dtype=INDEX),
        payee=np.zeros(2, dtype=INDEX),
        keys={},
        amount=np.full(2, MINOR_MAX, dtype=MINOR),
    )
    refused(lambda: Cells.joined([big]), MoneyOverflowError, "payee's total")


def test_only_the_keys_of_wide_caps_are_kept():
    """Caps inside an order need none; wide ones their own; priority needs the level, in one fixed order."""
    assert keys_needed([Cap.per_order("1", rule="priority"), Cap.per_payee("1")]) == ()
    caps = [Cap.per_source("1"), Cap.per_region("1", rule="priority"), Cap.per_product("1", within="period")]
    assert keys_needed(caps) == ("level", "product", "region", "source")
