"""Logs that cannot be true, or cannot be read, end in one typed error that names rows and no labels."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from fenxiao.errors import GenealogyError, InputError, OrdersError, TimeError, UnknownMemberError
from fenxiao.genealogy import DatedMembers, Genealogy
from fenxiao.periods import month
from fenxiao.tree import ReferralTree
from tests.errors.world import refused
from tests.strategies.genealogies import entry, moment, records_of

A, B, C = "zq-ann", "zq-bo", "zq-cai"
JOINS = [entry("join", A, None, 1), entry("join", B, A, 2), entry("join", C, B, 3)]


def of(*entries):
    """Read the three joins and what is added to them."""
    return Genealogy.from_records(records_of([*JOINS, *entries]))


CONTRADICTIONS = {
    "join twice": ([entry("join", B, A, 5)], "who are in", [3], [B]),
    "moves before joining": ([entry("transfer", "zq-x", A, 5)], "moves members", [3], ["zq-x"]),
    "moves too early": ([entry("transfer", B, None, 1)], "moves members", [3], [B]),
    "leaves twice": ([entry("exit", B, at=5), entry("exit", B, at=6)], "leave", [4], [B]),
    "moves after leaving": ([entry("exit", B, at=5), entry("transfer", B, A, 6)], "moves", [4], [B]),
    "sponsor unknown": ([entry("transfer", B, "zq-x", 5)], "nobody whom", [3], ["zq-x"]),
    "sponsor not yet in": ([entry("join", "zq-x", C, 2)], "not in at that time", [3], ["zq-x"]),
    "sponsor gone": ([entry("exit", B, at=5), entry("join", "zq-x", B, 6)], "not in", [4], ["zq-x"]),
    "own sponsor": ([entry("transfer", B, B, 5)], "himself", [3], [B]),
    "under his own leg": ([entry("transfer", A, C, 5)], "own downline", [3], [A]),
    "one instant": ([entry("transfer", B, None, 2)], "one instant", [1, 3], [B, B]),
    "joins in a circle": (
        [entry("join", "zq-x", "zq-y", 5), entry("join", "zq-y", "zq-x", 5)],
        "own downline",
        [3, 4],
        ["zq-x", "zq-y"],
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions(name):
    """What cannot be true is refused with the caller's rows and, on the exception alone, the labels."""
    more, words, rows, labels = CONTRADICTIONS[name]
    refused(lambda: of(*more), GenealogyError, words, rows=rows, labels=labels)


def test_of_two_cycles_the_first_is_named():
    """Where two transfers close a cycle, the message is about the one that comes first."""
    later, first = entry("transfer", A, C, 9), entry("transfer", B, C, 7)
    refused(lambda: of(later, first), GenealogyError, "own downline", rows=[4])
    refused(lambda: of(first, later), GenealogyError, "own downline", rows=[3])


def test_a_sponsor_who_leaves_at_that_instant_is_still_in():
    """Transfers come before exits: who is moved under somebody who leaves rolls up at once."""
    genealogy = of(entry("exit", B, at=5), entry("join", "zq-d", None, 4), entry("transfer", "zq-d", B, 5))
    assert genealogy.as_of(moment(5)).parent_of("zq-d") == A


COLUMNS = {"kind": ["join"], "member": [A], "at": [moment(1)]}
UNREADABLE = {
    "no time": ({"kind": ["join"], "member": [A]}, GenealogyError, "lacks columns"),
    "rank": (COLUMNS | {"rank": ["gold"]}, GenealogyError, "DatedMembers"),
    "kind": (COLUMNS | {"kind": ["joined"]}, GenealogyError, "join, transfer, exit"),
    "kind missing": (COLUMNS | {"kind": [None]}, GenealogyError, "none that there is"),
    "kind a number": (COLUMNS | {"kind": [1]}, GenealogyError, "none that there is"),
    "kind a flag": (COLUMNS | {"kind": [True]}, GenealogyError, "none that there is"),
    "no member": (COLUMNS | {"member": [None]}, GenealogyError, "missing labels"),
    "member a float": (COLUMNS | {"member": [1.5]}, GenealogyError, "float labels"),
    "sponsor of another kind": (COLUMNS | {"sponsor": [7]}, GenealogyError, "while members are str"),
    "sponsor of an exit": (COLUMNS | {"kind": ["exit"], "sponsor": [B]}, GenealogyError, "for exits"),
    "leg of a join": (COLUMNS | {"leg": [False]}, GenealogyError, "no transfer"),
    "leg in words": (COLUMNS | {"leg": ["yes"]}, GenealogyError, "yes or no"),
    "naive": (COLUMNS | {"at": ["2026-01-01"]}, TimeError, "zone"),
    "time missing": (COLUMNS | {"at": [None]}, TimeError, "missing times"),
    "known in words": (COLUMNS | {"known_at": ["soon"]}, TimeError, "known_at"),
    "lengths": (COLUMNS | {"member": [A, B]}, GenealogyError, "different lengths"),
    "no table": (5, GenealogyError, "not a table"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_columns(name):
    """Columns that are missing, unknown or hold other things are refused by name."""
    columns, kind, words = UNREADABLE[name]
    refused(lambda: Genealogy.from_columns(columns), kind, words)


def test_unreadable_records():
    """Records are a list of dicts; none at all are an empty genealogy."""
    refused(lambda: Genealogy.from_records([A]), GenealogyError, "not records", rows=[0])
    assert len(Genealogy.from_records([])) == 0
    assert len(Genealogy.from_records([]).as_of(moment(5))) == 0


def test_columns_are_read_from_arrays():
    """Arrays of labels, times and flags are read like lists; what is missing takes its default."""
    columns = {
        "kind": np.array(["join", "join", "transfer"]),
        "member": np.array([7, 8, 8]),
        "sponsor": np.ma.masked_array([0, 7, 0], [True, False, True]),
        "at": np.array(["2026-01-01", "2026-01-02", "2026-01-03"], dtype="datetime64[D]"),
        "known_at": np.array(["2026-01-05"] * 3, dtype="datetime64[D]"),
        "leg": np.array([True, True, False]),
    }
    genealogy = Genealogy.from_columns(columns, zone="UTC")
    assert genealogy.as_of("2026-01-02", zone="UTC").parent_of(8) == 7
    assert genealogy.as_of(dt.date(2026, 1, 3), zone="UTC").parent_of(8) is None
    assert len(genealogy.known("2026-01-04", zone="UTC")) == 0
    late = {"kind": "join", "member": 9, "at": "2026-01-01T00:00Z", "known_at": None}
    two = [late, late | {"member": 8, "known_at": "2026-01-03T00:00Z"}]
    assert Genealogy.from_records(two).known("2026-01-01T00:00Z").labels.tolist() == [9]


def test_what_is_added_cannot_change_what_was_known():
    """A new entry that claims to have been known before the last one is refused."""
    genealogy = of()
    early = records_of([entry("exit", C, at=2)])
    refused(lambda: genealogy.extended(early), GenealogyError, "known in the past", rows=[0], labels=[C])
    assert len(genealogy.extended(records_of([entry("exit", C, at=4, known_at=3)])).known(moment(2))) == 2


def test_added_entries_count_on():
    """Rows in messages about added entries count on from the log; their labels are of its kind."""
    more = records_of([entry("exit", C, at=5), entry("exit", C, at=6)])
    refused(lambda: of().extended(more), GenealogyError, "leave", rows=[4])
    refused(lambda: of().extended(records_of([entry("exit", 7, at=5)])), GenealogyError, "kind of labels")
    assert len(of().extended([])) == 3
    assert len(Genealogy.from_records([]).extended(records_of(JOINS))) == 3


def test_rows_survive_a_view_of_the_past():
    """What was known once may contradict itself; the rows named are those of the whole log."""
    odd = [
        entry("join", A, None, 1, known_at=9),
        entry("join", B, A, 2, known_at=3),
        entry("transfer", A, None, 4, known_at=9),
    ]
    genealogy = Genealogy.from_records(records_of(odd))
    refused(lambda: genealogy.known(moment(5)), GenealogyError, "nobody whom", rows=[1], labels=[A])


def test_a_time_is_one_time():
    """Times asked for are single, and not naive without a zone; periods are periods."""
    refused(lambda: of().as_of([moment(1)]), TimeError, "one time")
    refused(lambda: of().as_of(np.array(["2026-01-01"], dtype="datetime64[D]")), TimeError, "one time")
    refused(lambda: of().as_of("2026-01-01"), TimeError, "zone")
    refused(lambda: of().at_end_of("2026-10", "UTC"), InputError, "month(2026, 10)")
    refused(lambda: Genealogy.of({A: None}, moment(1)), InputError, "ReferralTree")
    assert of().at_end_of(month(1970, 1), "UTC").parent_of(C) == B
    assert len(of().at_end_of(month(1969, 12), "UTC")) == 0


def test_uplines_want_members_and_their_times():
    """Labels that never joined, and another number of times, are refused; guests have nobody above."""
    genealogy, one = of(), [moment(9)]
    refused(lambda: genealogy.uplines(["zq-x"], one, 1), UnknownMemberError, "never joined", rows=[0])
    refused(lambda: genealogy.uplines([7], one, 1), UnknownMemberError, "str labels", rows=[0])
    refused(lambda: genealogy.uplines([A, B], one, 1), InputError, "2 members and 1 times")
    refused(lambda: genealogy.uplines([A], one, -1), InputError, "levels")
    assert [each.tolist() for each in genealogy.uplines([None, C], one * 2, 2)] == [[None, B], [None, A]]
    assert genealogy.uplines([], [], 1)[0].tolist() == []


def test_a_tree_of_strangers():
    """Dated sponsors are for trees of members; who joined and is not in the tree is told by his time."""
    genealogy = of()
    strange = ReferralTree.from_mapping({A: None, "zq-x": A})
    error = refused(lambda: genealogy.dated_sponsors(strange, 0), GenealogyError, "1 of the tree's 2")
    assert error.labels == ("zq-x",)
    refused(lambda: genealogy.places(ReferralTree.from_parents([-1])), GenealogyError, "as_of")
    assert genealogy.dated_sponsors(genealogy.as_of(moment(2)), 0).absent == 3


def test_reprs():
    """Reprs count, and name columns."""
    assert repr(of(entry("exit", C, at=5))) == "Genealogy(3 members; 4 entries)"
    assert repr(DatedMembers.from_records([])) == "DatedMembers(0 records; no columns)"


CHANGE = {"member": A, "at": "2026-01-01T00:00Z", "grade": 3}
BAD_TABLES = {
    "no time": ([{"member": A}], {}, InputError, "lack columns"),
    "no member": ([CHANGE | {"member": None}], {}, InputError, "missing labels"),
    "nothing said": ([CHANGE | {"rank": None}], {}, InputError, "no value in any row"),
    "twice": ([CHANGE, CHANGE], {}, InputError, "two values of one member"),
    "two names": ([CHANGE | {"x": "1.00", "x_minor": 100}], {}, InputError, "same thing twice"),
    "option": ([CHANGE], {"money": ["bonus"]}, InputError, "not there"),
    "unknown option": ([CHANGE], {"colour": 1}, OrdersError, "not known"),
    "fill": ([CHANGE], {"fill": 5}, InputError, "fill"),
    "fill of others": ([CHANGE], {"fill": {"rank": "none"}}, InputError, "exactly the columns"),
    "fill of another kind": ([CHANGE], {"fill": {"grade": True}}, OrdersError, "another kind"),
    "float": ([CHANGE, CHANGE | {"grade": None}, CHANGE | {"grade": 1.5}], {}, InputError, "float"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_dated_columns(name):
    """Dated columns that cannot be read are refused by name."""
    records, options, kind, words = BAD_TABLES[name]
    refused(lambda: DatedMembers.from_records(records, **options), kind, words)


def test_rows_of_a_column_are_the_callers():
    """A value of the wrong kind is named by its row, also where other rows have no value."""
    records = [CHANGE, CHANGE | {"grade": None}, CHANGE | {"grade": 1.5}]
    assert refused(lambda: DatedMembers.from_records(records), InputError, "float").rows == (2,)


def test_a_value_has_to_be_in_force():
    """Who is named by a time and has no value of a column by then is told by number, not by name."""
    table = DatedMembers.from_records(
        [CHANGE, {"member": B, "at": "2026-01-01T00:00Z", "rank": "gold", "grade": None}]
    )
    refused(lambda: table.as_of("2026-01-02T00:00Z"), InputError, "for 1 of 2 members", labels=[B])
    refused(lambda: table.known(["2026-01-02T00:00Z"]), TimeError, "one time")
