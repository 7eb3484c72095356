"""Dated columns of members give at every time what reading the records one after the other gives."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.errors import InputError
from fenxiao.genealogy import DatedMembers
from fenxiao.tree import ReferralTree
from tests.strategies.genealogies import moment

FILL = {"rank": "none", "active": False, "bonus": "0.00"}


@st.composite
def changes(draw):
    """Draw records of four members; no two of one member share both of their times."""
    found = {}
    for _ in range(draw(st.integers(0, 12))):
        at = draw(st.integers(0, 5))
        key = draw(st.integers(1, 4)), at, at + draw(st.integers(0, 3))
        found[key] = {
            "rank": draw(st.sampled_from([None, "silver", "gold"])),
            "active": draw(st.sampled_from([None, True, False])),
            "bonus": draw(st.sampled_from([None, "1.50", "2.00"])),
        }
    return [
        {"member": member, "at": at, "known_at": known, **values}
        for (member, at, known), values in draw(st.permutations(list(found.items())))
    ]


def records_of(records):
    """Return records whose times are times."""
    return [each | {name: moment(each[name]) for name in ("at", "known_at")} for each in records]


def read(records, time, known=99):
    """Return the columns of each member, from one record after the other."""
    table = {}
    for each in sorted(records, key=lambda each: (each["at"], each["known_at"])):
        if each["at"] <= time and each["known_at"] <= known:
            row = table.setdefault(each["member"], dict(FILL))
            row.update({name: each[name] for name in FILL if each[name] is not None})
    return table


def told(members):
    """Return the columns of each member as the table has them."""
    return {
        label: {
            name: value
            if not isinstance(value := members.column(name).value(row), Decimal)
            else f"{value:.2f}"
            for name in members.names
        }
        for row, label in enumerate(members.labels.tolist())
    }


@given(changes(), st.integers(-1, 6), st.integers(-1, 9))
def test_columns_are_those_of_the_time(records, time, known):
    """The latest value in force counts, of one instant the one known later; `known` reads a part of it."""
    table = DatedMembers.from_records(
        records_of(records), fill=FILL if records else {}, money=["bonus"] if records else []
    )
    assert told(table.as_of(moment(time))) == read(records, time)
    assert told(table.known(moment(known)).as_of(moment(time))) == read(records, time, known)


@given(changes(), st.integers(-1, 6))
def test_without_a_default_everybody_needs_a_value(records, time):
    """Where somebody named by then has no value of a column there is an error, otherwise the same table."""
    every = [{"member": 9, "at": 9, "known_at": 9, "rank": "jade", "active": True, "bonus": "9.00"}, *records]
    table = DatedMembers.from_records(records_of(every), money=["bonus"])
    named = {each["member"] for each in records if each["at"] <= time}
    had = {
        (each["member"], name)
        for each in records
        for name in FILL
        if each["at"] <= time and each[name] is not None
    }
    if all((member, name) in had for member in named for name in FILL):
        assert told(table.as_of(moment(time))) == read(records, time)
    else:
        with pytest.raises(InputError):
            table.as_of(moment(time))


def test_the_default_stands_for_whoever_is_not_named():
    """Members of a tree whom no record names by then have the default, without one they are an error."""
    tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    record = {"member": "bo", "at": moment(1), "rank": "gold"}
    aligned = DatedMembers.from_records([record], fill={"rank": "none"}).as_of(moment(1)).align(tree)
    assert [aligned.column("rank").value(tree.index(name)) for name in ("ann", "bo")] == ["none", "gold"]
    early = DatedMembers.from_records([record], fill={"rank": "none"}).as_of(moment(0)).align(tree)
    assert early.column("rank").value(tree.index("bo")) == "none"
    with pytest.raises(InputError):
        DatedMembers.from_records([record]).as_of(moment(1)).align(tree)


def test_columns_from_arrays():
    """Arrays and masked arrays are read like lists; a column that only the default knows is one."""
    table = DatedMembers.from_columns(
        {
            "member": np.array([7, 8, 7]),
            "at": np.array(["2026-01-01", "2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
            "grade": np.ma.masked_array([1, 2, 3], [False, False, True]),
            "paid_minor": np.array([5, 6, 7]),
            "note": [None, None, None],
        },
        zone="UTC",
        fill={"grade": 0, "paid_minor": 0, "note": "x"},
    )
    assert table.names == ("grade", "paid", "note")
    members = table.as_of("2026-01-02", zone="UTC")
    assert members.column("grade").values.tolist() == [1, 2]
    assert members.column("paid").values.tolist() == [7, 6]
    assert [members.column("note").value(row) for row in (0, 1)] == ["x", "x"]
