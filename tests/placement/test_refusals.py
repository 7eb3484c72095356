"""Places that cannot be are refused with the error's class, rows and a next step, and without labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.errors import InputError, PlacementError, UnknownMemberError
from fenxiao.placement import Placement, capacity, split_boards
from tests.placement.comparing import tree_of
from tests.strategies.placing import joined

SPONSORS = {"secret": None, "a": "secret", "b": "secret", "c": "a"}
TREE = tree_of(SPONSORS)
NUMBERS = tree_of({5: None, 6: 5})
ALL = ["secret", "a", "b", "c"]


def table(*rows, width=2, tree=TREE, **columns):
    """Read rows (member, parent, leg) with columns replaced."""
    names = dict(zip(("member", "parent", "leg"), map(list, zip(*rows, strict=True)), strict=True))
    return lambda: Placement.from_columns(tree, names | columns, width=width)


def auto(order=ALL, tree=TREE, rule="weaker", **options):
    """Place by rule."""
    return lambda: Placement.auto(tree, order, rule=rule, **options)


START = table(("secret", None, None))()
OK = (("secret", None, None), ("a", "secret", 0))

REFUSED = {
    "unknown member": (table(*OK, ("zoe", "a", 0)), UnknownMemberError, (2,), "not in the tree"),
    "unknown parent": (table(*OK, ("b", "zoe", 0)), UnknownMemberError, (2,), "not in the tree"),
    "member missing": (table(*OK, (None, "a", 0)), UnknownMemberError, (2,), "missing labels"),
    "member of another kind": (table((5, None, None)), UnknownMemberError, (0,), "Convert the labels"),
    "member twice": (table(*OK, ("a", "secret", 1)), PlacementError, (2,), "a second time"),
    "place twice": (table(*OK, ("b", "secret", 0), ("c", "secret", 0)), PlacementError, (2, 3), "has taken"),
    "leg too high": (table(*OK, ("b", "secret", 2)), PlacementError, (2,), '0 to 1, or "left" and'),
    "leg too low": (table(*OK, ("b", "secret", -2)), PlacementError, (2,), "legs that there are not"),
    "leg of another width": (table(*OK, ("b", "a", 3), width=3), PlacementError, (2,), "allowed: 0 to 2."),
    "leg missing": (table(*OK, ("b", "a", None)), PlacementError, (2,), "is missing below a parent"),
    "leg minus one": (table(*OK, ("b", "a", -1)), PlacementError, (2,), "is missing below a parent"),
    "leg of a root": (table(*OK, ("b", None, 1)), PlacementError, (2,), "without a parent"),
    "leg in other words": (
        table(("secret", None, None), ("b", "secret", "Left")), PlacementError, (1,), 'or "left" and'
    ),
    "words in wide legs": (
        table(("secret", None, None), ("b", "secret", "left"), width=3), PlacementError, (1,), "0 to 2"
    ),
    "words in one leg": (
        table(("secret", None, None), ("b", "secret", "left"), width=1), PlacementError, (1,), "0 to 0"
    ),
    "bytes as legs": (
        table(("secret", None, None), ("b", "secret", b"left")), PlacementError, (1,), "0 to 1"
    ),
    "float leg": (table(*OK, ("b", "a", 1.0)), PlacementError, (2,), "has float values"),
    "float legs": (table(*OK, leg=np.array([-1.0, 0.0])), PlacementError, (), "has float64 values"),
    "bool leg": (table(*OK, ("b", "a", True)), PlacementError, (2,), "bool"),
    "mixed legs": (table(*OK, ("b", "a", "left")), PlacementError, (2,), "mixes int and str"),
    "cycle": (
        table(*OK, ("b", "c", 0), ("c", "b", 0)), PlacementError, (2, 3), "form a cycle of 2 members"
    ),
    "own parent": (table(*OK, ("b", "b", 0)), PlacementError, (2,), "their own parent"),
    "parent unplaced": (table(*OK, ("b", "c", 0)), PlacementError, (2,), "who are not placed"),
    "float parents": (table((5, 6.0, 0), tree=NUMBERS), PlacementError, (0,), "has float labels"),
    "no leg column": (
        lambda: Placement.binary(TREE, {"member": [], "parent": []}), PlacementError, (), "['leg']"
    ),
    "lengths": (table(*OK, leg=[None]), PlacementError, (), "columns of different lengths"),
    "no table": (lambda: Placement.binary(TREE, 5), PlacementError, (), "is not a table"),
    "no records": (lambda: Placement.from_records(TREE, [5]), PlacementError, (0,), "not records"),
    "empty records": (lambda: Placement.from_records(TREE, [{}]), PlacementError, (0,), "say nothing"),
    "no tree": (lambda: Placement.binary({}, {}), PlacementError, (), "ReferralTree"),
    "no tree to fill": (auto(tree=None), PlacementError, (), "is None"),
    "width zero": (table(*OK, width=0), PlacementError, (), "1 to 65,536"),
    "width one too many": (table(*OK, width=65_537), PlacementError, (), "1 to 65,536"),
    "width bool": (auto(width=True, rule="global"), PlacementError, (), "got True"),
    "width float": (auto(width=2.0), PlacementError, (), "got 2.0"),
    "width text": (auto(width="2"), PlacementError, (), "got '2'"),
    "rule unknown": (auto(rule="random"), PlacementError, (), "weaker, left_right, outer, breadth, global"),
    "rule None": (auto(rule=None), PlacementError, (), "got None"),
    "rule listed": (auto(rule=["weaker"]), PlacementError, (), "is not known"),
    **{
        f"{rule} in legs of 3": (auto(rule=rule, width=3), PlacementError, (), "width=2")
        for rule in ("weaker", "left_right", "outer")
    },
    "joins twice": (auto([*ALL, "a"]), PlacementError, (4,), "a second time"),
    "joins unknown": (auto(["secret", "zoe"]), UnknownMemberError, (1,), "not in the tree"),
    "joins before": (auto(["secret", "c", "a"]), PlacementError, (1,), "not placed before"),
    "sponsor left out": (auto(["a", "b"]), PlacementError, (0, 1), "not placed before"),
    "joins again": (auto(ALL, start=START), PlacementError, (0,), "placed already"),
    "a placed one joins again": (
        auto(["b", "a"], start=table(*OK)()), PlacementError, (1,), "placed already"
    ),
    "start is no placement": (auto(start={}), PlacementError, (), "Placement or None"),
    "start of another width": (
        auto(["a"], start=START, width=3, rule="global"), PlacementError, (), "placement.extended"
    ),
    "start of strangers": (
        lambda: START.extended(NUMBERS, [], rule="weaker"), UnknownMemberError, (0,), "placement start"
    ),
    "outer without legs": (auto(rule="outer"), PlacementError, (), "are missing"),
    "too few legs": (auto(rule="outer", legs=[0]), PlacementError, (), "1 legs for 4 members"),
    "legs with gaps": (auto(rule="outer", legs=[0, 1, None, 0]), PlacementError, (2,), "below a sponsor"),
    "legs out of range": (auto(rule="outer", legs=[0, 1, 2, 0]), PlacementError, (2,), "0 to 1"),
    "legs not read": (auto(legs=[0, 1, 1, 0]), PlacementError, (), "not read by this rule"),
    "depth negative": (lambda: capacity(2, -1), PlacementError, (), "depth"),
    "depth float": (lambda: capacity(2, 1.0), PlacementError, (), "depth"),
    "depth bool": (lambda: capacity(2, True), PlacementError, (), "depth"),
    "depth endless": (lambda: capacity(2, 10**9), PlacementError, (), "65,536"),
    "capacity of no width": (lambda: capacity(0, 1), PlacementError, (), "width"),
    "boards of no depth": (lambda: split_boards(2, 0, []), PlacementError, (), "depth"),
    "boards of no width": (lambda: split_boards(0, 1, []), PlacementError, (), "width"),
    "entrant twice": (lambda: split_boards(2, 1, ["a", "secret", "a"]), PlacementError, (2,), "second time"),
    "entrant missing": (lambda: split_boards(2, 1, ["a", None]), PlacementError, (1,), "missing labels"),
    "entrants float": (lambda: split_boards(2, 1, [1.5]), PlacementError, (0,), "float"),
    "re-entry negative": (lambda: split_boards(2, 1, [], reenter=-1), PlacementError, (), "reenter"),
    "re-entry bool": (lambda: split_boards(2, 1, [], reenter=True), PlacementError, (), "reenter"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_in_words(case):
    """Each mistake raises exactly its class, with the rows of the input, and no label in its text."""
    call, kind, rows, part = REFUSED[case]
    with pytest.raises(InputError) as error:
        call()
    assert type(error.value) is kind
    assert error.value.rows == rows
    assert part in str(error.value)
    assert "secret" not in str(error.value)
    assert "zoe" not in str(error.value)


def test_labels_are_on_the_error():
    """Whoever is concerned is named on the error's attribute."""
    for case, labels in {
        "member twice": ("a",),
        "place twice": ("b", "c"),
        "cycle": ("b", "c"),
        "joins before": ("c",),
        "legs with gaps": ("b",),
        "joins again": ("secret",),
        "entrant twice": ("a",),
        "unknown member": ("zoe",),
    }.items():
        with pytest.raises(InputError) as error:
            REFUSED[case][0]()
        assert error.value.labels == labels


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_orders_in_which_sponsors_come_later_are_refused(data):
    """Any order is placed if and only if every sponsor in it comes first."""
    sponsors, order = data.draw(joined(max_size=8))
    order = data.draw(st.permutations(order))
    late = [
        row
        for row, member in enumerate(order)
        if sponsors[member] is not None and sponsors[member] not in order[:row]
    ]
    if late:
        with pytest.raises(PlacementError, match="not placed before") as error:
            Placement.auto(tree_of(sponsors), order, rule="breadth")
        assert list(error.value.rows) == late
    else:
        assert len(Placement.auto(tree_of(sponsors), order, rule="breadth")) == len(order)
