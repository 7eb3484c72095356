"""The members table: read, aligned to a tree, filled, refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._columns import Amounts, Categories, Days, Flags, Instants, Numbers
from fenxiao.errors import FenxiaoError, InputError, UnknownMemberError
from fenxiao.members import Members
from fenxiao.tree import ReferralTree
from tests.strategies.trees import labelled

TREE = ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})
TABLE = {
    "member": ["cai", "ann", "bo"],
    "rank": ["gold", None, "silver"],
    "active": [True, False, True],
    "joined": [dt.date(2026, 1, 1), dt.date(2026, 2, 1), dt.date(2026, 3, 1)],
    "grade": [3, 1, 2],
}
KINDS = {"rank": Categories, "active": Flags, "joined": Days, "grade": Numbers}


def records():
    """Return the table as records."""
    return [dict(zip(TABLE, row, strict=True)) for row in zip(*TABLE.values(), strict=True)]


@pytest.mark.parametrize(
    "members",
    [
        Members.from_columns(TABLE),
        Members.from_records(records()),
        Members.from_columns(
            pd.DataFrame(TABLE).astype({"joined": "datetime64[s]"}).assign(joined=TABLE["joined"])
        ),
        Members.from_columns(pl.DataFrame(TABLE)),
    ],
    ids=["columns", "records", "pandas", "polars"],
)
def test_tables_of_every_make_align_to_the_tree(members):
    """Mappings, records and frames give the same typed columns in the tree's order."""
    aligned = members.align(TREE)
    assert {name: type(aligned.column(name)) for name in aligned.names} == KINDS
    assert aligned.labels.tolist() == ["ann", "bo", "cai"]
    assert aligned.tree is TREE
    assert members.tree is None
    for name, values in list(TABLE.items())[1:]:
        column = aligned.column(name)
        given_values = dict(zip(TABLE["member"], values, strict=True))
        assert [column.value(TREE.index(label)) for label in TREE.ids] == [given_values[m] for m in TREE.ids]
    assert aligned.align(TREE) is aligned
    assert len(aligned) == 3
    assert repr(aligned) == "Members(3 members; rank, active, joined, grade)"


@given(labelled(max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_row_order_does_not_matter(sponsors, random):
    """Shuffled rows align to the same columns, and realigning to a shuffled tree follows the labels."""
    tree = ReferralTree.from_mapping(sponsors)
    rows = [{"member": label, "n": position} for position, label in enumerate(sponsors)]
    one = Members.from_records(rows)
    random.shuffle(rows)
    two = Members.from_records(rows)
    if rows:
        assert two.align(tree).column("n").values.tolist() == one.align(tree).column("n").values.tolist()
        other = ReferralTree.from_mapping({row["member"]: sponsors[row["member"]] for row in rows})
        again = one.align(tree).align(other)
        assert dict(zip(other.ids.tolist(), again.column("n").values.tolist(), strict=True)) == {
            row["member"]: row["n"] for row in rows
        }


def test_options_say_what_names_do_not():
    """Money, volumes, times and categories are read as orders read them, the suffix dropped."""
    members = Members.from_columns(
        {
            "id": [7, 8],
            "bonus": ["1.50", "0"],
            "quota_minor": [250, 0],
            "pv": ["3", "4.5"],
            "joined_at": ["2026-10-05T12:00:00", "2026-10-05T13:00:00"],
            "owner": [70, 70],
        },
        id="id",
        money=("bonus",),
        volumes={"pv": 1},
        categories=("owner",),
        currency="CNY",
        zone="Asia/Shanghai",
    )
    assert members.names == ("bonus", "quota", "pv", "joined_at", "owner")
    assert members.column("bonus").value(0) == Decimal("1.50")
    assert members.column("quota").value(0) == Decimal("2.50")
    assert members.column("pv").value(1) == Decimal("4.5")
    assert isinstance(members.column("joined_at"), Instants)
    assert members.column("owner").values == (70,)
    assert isinstance(members.column("bonus"), Amounts)


def test_fill_stands_for_those_not_mentioned():
    """A value for every column fills members without a row, and only them."""
    fill = {"rank": "none", "active": False, "grade_minor": 0}
    table = {"member": ["cai"], "rank": ["gold"], "active": [True], "grade_minor": [100]}
    members = Members.from_columns(table, fill=fill)
    assert len(members) == 1
    assert members.column("rank").take([0]).value(0) == "gold"
    assert len(members.column("rank")) == 1
    aligned = members.align(TREE)
    assert [aligned.column("rank").value(row) for row in range(3)] == ["none", "none", "gold"]
    assert aligned.column("active").values.tolist() == [False, False, True]
    assert aligned.column("grade").values.tolist() == [0, 0, 100]
    by_stem = Members.from_columns({"member": [], "pv_minor": []}, fill={"pv": 5})
    assert by_stem.align(TREE).column("pv").values.tolist() == [5, 5, 5]
    nulls = Members.from_columns({"member": ["bo"], "rank": ["gold"]}, fill={"rank": None}).align(TREE)
    assert [nulls.column("rank").value(row) for row in range(3)] == [None, "gold", None]


def test_a_table_of_labels_alone_needs_no_rows():
    """Without columns nobody has to be mentioned."""
    for members in (Members.from_records([]), Members.from_columns({"member": ["bo"]})):
        aligned = members.align(TREE)
        assert len(aligned) == 3
        assert repr(aligned) == "Members(3 members; no columns)"
    assert repr(Members.from_columns({"member": [5], "a": [1]})) == "Members(1 member; a)"


C = Members.from_columns

REFUSED = {
    "no labels": (lambda: C({"id": [1]}), InputError, (), "lack the column of labels"),
    "twice": (lambda: C({"member": ["secret", "secret"]}), InputError, (1,), "a second time"),
    "missing": (lambda: C({"member": ["a", None]}), InputError, (1,), "has missing labels"),
    "mixed": (lambda: C({"member": ["secret", 5]}), InputError, (1,), "mixes int and str"),
    "unknown": (
        lambda: C({"member": ["secret"], "a": [1]}).align(TREE),
        UnknownMemberError, (0,), "has 1 label that is not in the tree",
    ),
    "not everybody": (
        lambda: C({"member": ["bo"], "a": [1], "b": [2]}).align(TREE),
        InputError, (), "2 of the tree's 3 members are not in the table",
    ),
    "fill lacks": (
        lambda: C({"member": [1], "a": [1], "b": [2]}, fill={"a": 0}),
        InputError, (), "has no value for columns, got ['b']",
    ),
    "fill beyond": (
        lambda: C({"member": [1], "a": [1]}, fill={"a": 0, "b": 0}),
        InputError, (), "names columns that are not in the table, got ['b']",
    ),
    "fill of another kind": (
        lambda: C({"member": [1], "a": [1]}, fill={"a": "none"}),
        FenxiaoError, (), "members fill 'a'",
    ),
    "float": (lambda: C({"member": [1], "a": [0.5]}), InputError, (0,), "holds floats"),
    "unknown option": (lambda: C({"member": [1]}, monney=("a",)), InputError, (), "monney"),
    "no column": (lambda: C(TABLE).column("rnak"), InputError, (), "allowed: rank, active"),
    "no columns": (lambda: C({"member": []}).column("a"), InputError, (), "labels only"),
}  # fmt: skip


@pytest.mark.parametrize("case", ["missing flag", "floats", "mixed", "two of one name", "declared in vain"])
def test_columns_of_members_are_not_about_orders(case):
    """What is wrong with a column of members is an error of the input, not of the orders."""
    columns, options = {
        "missing flag": ({"active": [True, None]}, {}),
        "floats": ({"score": [0.5, 1.5]}, {}),
        "mixed": ({"rank": ["gold", 1]}, {}),
        "two of one name": ({"pay": ["1", "2"], "pay_minor": [1, 2]}, {"money": ["pay"]}),
        "declared in vain": ({}, {"money": ["pay"]}),
    }[case]
    with pytest.raises(InputError) as caught:
        C({"member": ["bo", "cai"]} | columns, **options)
    assert type(caught.value) is InputError
    assert caught.value.thing.startswith("members")


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_members_table_is_refused(case):
    """Missing, repeated and unknown members and unknown names raise, labels never in the text."""
    make, error, rows, part = REFUSED[case]
    with pytest.raises(error) as caught:
        make()
    assert caught.value.rows == rows
    assert part in str(caught.value)
    assert "secret" not in str(caught.value)


def test_absent_members_are_on_the_error():
    """Who is not in the table is on the exception, and the next step names the columns to fill."""
    with pytest.raises(InputError) as caught:
        Members.from_columns({"member": ["bo"], "a": [1]}).align(TREE)
    assert caught.value.labels == ("ann", "cai")
    assert "fill={'a': …}" in str(caught.value)
    assert "ann" not in str(caught.value)


def test_members_are_frozen():
    """Labels and columns are read-only."""
    members = Members.from_columns({"member": np.array([5, 6]), "a": np.array([1, 2])})
    with pytest.raises(ValueError, match="read-only"):
        members.labels[0] = 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        members.names = ()
