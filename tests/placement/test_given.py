"""Given places: what is read, what it shows, and that nothing else shows in it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.errors import InputError, MoneyOverflowError, PlacementError
from fenxiao.placement import Placement
from fenxiao.tree import ReferralTree
from tests.oracles.placing import SlowPlacement
from tests.placement.comparing import check, check_sums, places_of, table_of, tree_of
from tests.strategies.placing import given_rows
from tests.strategies.trees import labelled

TREE = tree_of({"ann": None, "bo": "ann", "cai": "ann", "dan": "bo", "eve": None})
ROWS = [("ann", None, None), ("bo", "ann", 1), ("dan", "bo", 0), ("cai", "bo", 1)]
PLACEMENT = Placement.binary(TREE, table_of(ROWS))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_given_places_are_their_slow_twin(data):
    """Random placements in legs of 1 to 4, whoever sponsored whom, agree with dicts and loops."""
    sponsors = data.draw(labelled())
    width = data.draw(st.integers(1, 4))
    rows = data.draw(given_rows(sponsors, width))
    tree, twin = tree_of(sponsors), SlowPlacement(width, rows)
    placement = Placement.from_columns(tree, table_of(rows), width=width)
    check(placement, twin)
    amounts = st.integers(-(10**9), 10**9)
    values = data.draw(st.lists(amounts, min_size=len(tree), max_size=len(tree)))
    check_sums(placement, twin, np.array(values, dtype=np.int64))
    for k in range(4):
        found = placement.ancestors(np.arange(len(tree)), k).tolist()
        lines = [[label, *twin.upline(label)] for label in tree.ids.tolist()]
        assert found == [tree.index(line[k]) if k < len(line) else -1 for line in lines]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_every_placed_member_stands_in_exactly_one_leg(data):
    """Legs of all members together hold everybody who is placed and no root, each once."""
    sponsors = data.draw(labelled())
    width = data.draw(st.integers(1, 3))
    rows = data.draw(given_rows(sponsors, width))
    placement = Placement.from_columns(tree_of(sponsors), table_of(rows), width=width)
    held = [child for label in sponsors for child in placement.children(label) if child is not None]
    assert len(held) == len(set(held))
    roots = {member for member, parent, _ in rows if parent is None}
    assert set(held) | roots == {member for member, _, _ in rows}
    assert not set(held) & roots
    for member in held:
        assert placement.children(placement.parent_of(member))[placement.leg_of(member)] == member


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_row_order_and_labels_show_in_nothing(data):
    """Rows of the table or of the tree in another order, or members under other names, stand alike."""
    sponsors = data.draw(labelled(max_size=15))
    width = data.draw(st.integers(1, 3))
    rows = data.draw(given_rows(sponsors, width))
    tree = tree_of(sponsors)
    placement = Placement.from_columns(tree, table_of(rows), width=width)
    moved = Placement.from_columns(tree, table_of(data.draw(st.permutations(rows))), width=width)
    for name in ("parent", "leg", "placed", "depth", "size", "order"):
        assert getattr(moved, name).tolist() == getattr(placement, name).tolist()
    other = tree_of({label: sponsors[label] for label in data.draw(st.permutations(list(sponsors)))})
    twin = Placement.from_columns(other, table_of(rows), width=width)
    assert twin.fingerprint() == placement.fingerprint()
    aligned = placement.align(other)
    assert aligned.tree is other
    for name in ("parent", "leg", "placed", "depth", "size"):
        assert getattr(aligned, name).tolist() == getattr(twin, name).tolist()
    new = {label: f"m{number}" for number, label in enumerate(sponsors)} | {None: None}
    renamed = Placement.from_columns(
        tree_of({new[label]: new[sponsor] for label, sponsor in sponsors.items()}),
        table_of([(new[member], new[parent], leg) for member, parent, leg in rows]),
        width=width,
    )
    assert places_of(renamed) == {
        new[member]: (new[parent], leg) for member, (parent, leg) in places_of(placement).items()
    }


@pytest.mark.parametrize(
    "legs",
    [
        [None, "right", "left", "right"],
        [-1, 1, 0, 1],
        np.array([-1, 1, 0, 1], dtype=np.int8),
        pd.Series([None, 1, 0, 1], dtype="Int64"),
        np.ma.masked_array([7, 1, 0, 1], [True, False, False, False]),
    ],
    ids=["words", "numbers", "array", "nullable", "masked"],
)
def test_legs_are_read_from_whatever_holds_them(legs):
    """Words and numbers, lists, arrays and series say the same."""
    columns = table_of(ROWS) | {"leg": legs, "since": list("abcd")}
    assert places_of(Placement.binary(TREE, columns)) == places_of(PLACEMENT)
    if not isinstance(legs, np.ma.MaskedArray):  # pandas would make floats of it
        assert places_of(Placement.binary(TREE, pd.DataFrame(columns))) == places_of(PLACEMENT)


def test_records_are_read_like_columns():
    """A root's record may leave parent and leg out; no records place nobody."""
    records = [{"member": "ann"}, *({"member": m, "parent": p, "leg": leg} for m, p, leg in ROWS[1:])]
    assert places_of(Placement.from_records(TREE, records)) == places_of(PLACEMENT)
    assert len(Placement.from_records(TREE, [])) == 0


def test_minus_one_marks_roots_unless_it_is_a_member():
    """Among integers -1 is nobody; where a member is called -1, only None marks roots."""
    tree = ReferralTree.from_mapping({-1: None, 5: -1})
    table = {"member": [-1, 5], "parent": [None, -1], "leg": [None, 0]}
    assert Placement.from_columns(tree, table).parent_of(5) == -1
    rows = {"member": np.array([5, -1]), "parent": np.array([-1, 5]), "leg": np.array([-1, 0])}
    with pytest.raises(PlacementError, match="-1, which is also a member's label") as error:
        Placement.from_columns(tree, rows)
    assert error.value.rows == (0,)
    masked = np.ma.masked_array([0, 5], [True, False])
    assert Placement.from_columns(tree, rows | {"parent": masked}).parent_of(-1) == 5
    empty = {"member": ["ann"], "parent": np.array([-1]), "leg": [None]}
    assert Placement.from_columns(TREE, empty).parent_of("ann") is None


def test_a_placement_shows_what_it_holds():
    """Repr counts, singular and plural, and shows no labels."""
    assert repr(PLACEMENT) == "Placement(4 of 5 members in legs of 2; 1 root, 2 deep)"
    alone = ReferralTree.from_mapping({"ann": None})
    assert repr(Placement.auto(alone, [], rule="global", width=3)) == (
        "Placement(0 of 1 member in legs of 3; 0 roots, 0 deep)"
    )
    empty = ReferralTree.from_mapping({})
    assert repr(Placement.auto(empty, [], rule="weaker")) == (
        "Placement(0 of 0 members in legs of 2; 0 roots, 0 deep)"
    )


def test_whoever_is_unplaced_stands_nowhere():
    """An unplaced member has no parent, no leg, nobody below him and no sums; his value counts nowhere."""
    assert (PLACEMENT.parent_of("eve"), PLACEMENT.leg_of("eve"), PLACEMENT.upline("eve")) == (None, None, [])
    assert PLACEMENT.children("eve") == [None, None]
    assert "eve" not in PLACEMENT
    assert "zoe" not in PLACEMENT
    sums = PLACEMENT.subtree_sum(np.array([1, 10, 100, 1000, 10_000]))
    assert sums[TREE.index("eve")] == 0
    assert sums.max() == 1111


def test_upline_goes_up_so_many_levels():
    """At most `depth` levels, the parent first."""
    assert PLACEMENT.upline("dan") == ["bo", "ann"]
    assert PLACEMENT.upline("dan", depth=1) == ["bo"]
    assert PLACEMENT.upline("dan", depth=9) == ["bo", "ann"]


def test_nothing_inside_can_be_changed():
    """Arrays are read-only and fields are frozen."""
    for name in ("parent", "leg", "placed", "depth", "size", "order", "up"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(PLACEMENT, name)[0] = 0
    with pytest.raises(AttributeError):
        PLACEMENT.width = 3


def test_placements_can_be_pickled_and_copied():
    """What comes back has the same places."""
    for twin in (pickle.loads(pickle.dumps(PLACEMENT)), copy.deepcopy(PLACEMENT)):
        assert twin.fingerprint() == PLACEMENT.fingerprint()
        assert places_of(twin) == places_of(PLACEMENT)


def test_fingerprints_tell_placements_apart():
    """Another width, leg, parent, member or tree is another fingerprint."""

    def fingerprint(rows, width=2, tree=TREE):
        return Placement.from_columns(tree, table_of(rows), width=width).fingerprint()

    found = {
        PLACEMENT.fingerprint(),
        fingerprint(ROWS, width=3),
        fingerprint([*ROWS[:3], ("cai", "dan", 1)]),
        fingerprint([("ann", None, None), ("bo", "ann", 0), *ROWS[2:]]),
        fingerprint(ROWS[:3]),
        fingerprint([*ROWS, ("eve", None, None)]),
        fingerprint(ROWS, tree=tree_of(dict.fromkeys(TREE.ids.tolist()))),
    }
    assert len(found) == 7


def test_sums_that_do_not_fit_name_their_members_only_on_the_error():
    """A subtree beyond 64 bits is refused, and so is a leg; a root's own overflow is no leg's."""
    values = np.zeros(5, dtype=np.int64)
    values[[TREE.index("ann"), TREE.index("cai"), TREE.index("eve")]] = 2**63 - 1
    with pytest.raises(MoneyOverflowError, match="subtree sums: of 1 members") as error:
        PLACEMENT.subtree_sum(values)
    assert error.value.labels == ("ann",)
    assert "ann" not in str(error.value)
    legs = PLACEMENT.leg_sums(values)
    assert legs[:, TREE.index("ann")].tolist() == [0, 2**63 - 1]
    values[TREE.index("dan")] = 1
    with pytest.raises(MoneyOverflowError, match="leg sums: of 1 members") as error:
        PLACEMENT.leg_sums(values)
    assert error.value.labels == ("ann",)


@pytest.mark.parametrize("values", [np.zeros(5), np.zeros(4, dtype=np.int64), [True] * 5])
@pytest.mark.parametrize("name", ["subtree_sum", "leg_sums"])
def test_values_are_one_int64_a_member(values, name):
    """Floats, truth values and other lengths are refused."""
    with pytest.raises(InputError, match="are not one amount a member"):
        getattr(PLACEMENT, name)(values)


def test_an_equal_tree_takes_a_placement_and_another_does_not():
    """The same tree gives the same object; a tree that differs is refused."""
    assert PLACEMENT.align(TREE) is PLACEMENT
    with pytest.raises(PlacementError, match="over another referral tree"):
        PLACEMENT.align(tree_of({"ann": None, "bo": "ann"}))
    with pytest.raises(PlacementError, match="ReferralTree"):
        PLACEMENT.align(None)
