"""Members who are placed by rule stand where the slow twin puts them one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.placement import RULES, Placement
from fenxiao.tree import ReferralTree
from tests.oracles.placing import SlowPlacement, slow_auto
from tests.oracles.trees import has_cycle
from tests.placement.comparing import check, check_sums, places_of, table_of, tree_of
from tests.strategies.placing import RULES_OF_ANY, RULES_OF_TWO, given_rows, joined, legs_for, rule_and_width
from tests.strategies.trees import every_up


def auto(tree, order, rule, width, legs=None, **options):
    """Place by a rule; legs are given only where they are read."""
    return Placement.auto(
        tree, order, rule=rule, width=width, legs=legs if rule == "outer" else None, **options
    )


def test_rules_are_those_of_the_tests():
    """Every rule is among those that are compared."""
    assert set(RULES) == {*RULES_OF_TWO, *RULES_OF_ANY}


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_every_rule_places_like_its_twin(data):
    """On random referral trees and joining orders each rule gives the twin's places and sums."""
    sponsors, order = data.draw(joined())
    rule, width = data.draw(rule_and_width())
    legs = data.draw(legs_for(order))
    tree = tree_of(sponsors)
    placement = auto(tree, order, rule, width, legs)
    twin = slow_auto(sponsors, order, width, rule, legs)
    check(placement, twin)
    assert tree.labels(placement.order).tolist() == [
        label for root in twin.roots for label in twin.below(root)
    ]
    values = data.draw(st.lists(st.integers(-(10**9), 10**9), min_size=len(tree), max_size=len(tree)))
    check_sums(placement, twin, np.array(values, dtype=np.int64))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_extending_gives_what_placing_at_once_gives(data):
    """Some members placed in a smaller tree, the rest later in the whole one: equal to all at once."""
    sponsors, order = data.draw(joined())
    rule, width = data.draw(rule_and_width())
    legs = data.draw(legs_for(order))
    cut = data.draw(st.integers(0, len(order)))
    first = {member: sponsors[member] for member in data.draw(st.permutations(order[:cut]))}
    # A tree without labels has no kind of its own, so that it goes on as any.
    early = auto(tree_of(first), order[:cut], rule, width, legs[:cut])
    tree = tree_of(sponsors)
    later = early.extended(tree, order[cut:], rule=rule, legs=legs[cut:] if rule == "outer" else None)
    whole = auto(tree, order, rule, width, legs)
    assert later.tree is tree
    for name in ("parent", "leg", "placed", "depth", "size", "order", "up"):
        assert getattr(later, name).tolist() == getattr(whole, name).tolist()
    assert later.fingerprint() == whole.fingerprint()


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_rules_go_on_from_any_given_places(data):
    """Given places with gaps, lines and several roots are filled the way the twin fills them."""
    sponsors, _ = data.draw(joined(max_size=20))
    rule, width = data.draw(rule_and_width())
    tree = tree_of(sponsors)
    rows = data.draw(given_rows(sponsors, width))
    start = Placement.from_columns(tree, table_of(rows), width=width)
    placed = {member for member, _, _ in rows}
    roots = {member for member, parent, _ in rows if parent is None}
    order = []
    for member in tree.ids.tolist():
        sponsor = sponsors[member]
        if member not in placed and (sponsor is None or sponsor in placed):
            order.append(member)
            placed.add(member)
    legs = data.draw(legs_for(order))
    twin = SlowPlacement(width, rows)
    twin.roots.sort(key=tree.index)
    assert set(twin.roots) == roots
    slow_auto(sponsors, order, width, rule, legs, start=twin)
    check(auto(tree, order, rule, width, legs, start=start), twin)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", range(6))
def test_every_small_referral_tree(rule, size):
    """All referral trees of up to five members, in every rule and small widths, are placed like the twin."""
    for up in every_up(size):
        # Rows whose sponsor has a lower number are an order in which sponsors come first.
        if any(parent >= row for row, parent in enumerate(up)):
            continue
        assert not has_cycle(up)
        sponsors = {row: None if parent < 0 else parent for row, parent in enumerate(up)}
        tree = ReferralTree.from_parents(np.array(up, dtype=np.int64))
        for width in (2,) if rule in RULES_OF_TWO else (1, 2, 3):
            for legs in ([row % 2 for row in range(size)], [1] * size):
                order = list(range(size))
                twin = slow_auto(sponsors, order, width, rule, legs)
                assert places_of(auto(tree, order, rule, width, legs)) == twin.above


def test_the_fourth_recruit_of_a_matrix_of_three_spills_over():
    """In a 3 x 3 matrix Root recruits A, B, C and D: D stands under A."""
    tree = tree_of({"Root": None, "A": "Root", "B": "Root", "C": "Root", "D": "Root"})
    placement = Placement.auto(tree, ["Root", "A", "B", "C", "D"], rule="breadth", width=3)
    assert placement.children("Root") == ["A", "B", "C"]
    assert placement.children("A") == ["D", None, None]
    assert (placement.parent_of("D"), placement.leg_of("D")) == ("A", 0)


def test_weaker_goes_where_fewer_stand():
    """The third recruit goes to the left, the one after into the leg that is smaller by then."""
    tree = tree_of({"r": None, "a": "r", "b": "r", "a1": "a", "c": "r", "d": "r"})
    placement = Placement.auto(tree, ["r", "a", "b", "a1", "c", "d"], rule="weaker")
    assert places_of(placement)["c"] == ("b", 0)
    assert places_of(placement)["d"] == ("a", 1)


def test_left_and_right_take_turns():
    """First left, second right, third to the outer end of the left, whoever else spilled there."""
    tree = tree_of({"r": None, "a": "r", "b": "r", "c": "r", "a1": "a", "d": "r"})
    placement = Placement.auto(tree, ["r", "a", "a1", "b", "c", "d"], rule="left_right")
    assert places_of(placement) == {
        "r": (None, None), "a": ("r", 0), "a1": ("a", 0), "b": ("r", 1), "c": ("a1", 0), "d": ("b", 1),
    }  # fmt: skip


def test_legs_that_are_named_are_power_legs():
    """Everybody who is sent to the right stands on the outer line of the right."""
    tree = tree_of({"r": None, "a": "r", "b": "r", "c": "a"})
    placement = Placement.auto(
        tree, ["r", "a", "b", "c"], rule="outer", legs=[None, "right", "right", "left"]
    )
    assert places_of(placement) == {"r": (None, None), "a": ("r", 1), "b": ("a", 1), "c": ("a", 0)}


def test_a_late_root_of_a_global_pool_catches_up():
    """A root that comes when others have filled two levels gets its own first, then all go on together."""
    sponsors = dict.fromkeys(range(20))
    sponsors |= dict.fromkeys((1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19), 0)
    order = list(range(20))
    placement = Placement.auto(tree_of(sponsors), order, rule="global", width=2)
    assert placement.children(5) == [6, 7]
    assert placement.children(10) == [11, 12]
    check(placement, slow_auto(sponsors, order, 2, "global"))


@pytest.mark.parametrize("rule", RULES)
def test_a_line_of_a_hundred_thousand_is_an_ordinary_placement(rule):
    """A chain of recruits, each the only one of his sponsor, is placed and summed without recursion."""
    n = 100_000
    tree = ReferralTree.from_parents(np.arange(n) - 1)
    legs = np.zeros(n, dtype=np.int64) if rule == "outer" else None
    width = 2 if rule != "global" else 1
    placement = Placement.auto(tree, np.arange(n), rule=rule, width=width, legs=legs)
    assert placement.deepest == n - 1
    ones = np.ones(n, dtype=np.int64)
    assert placement.subtree_sum(ones).tolist() == list(range(n, 0, -1))
    assert placement.leg_sums(ones)[0].tolist() == list(range(n - 1, -1, -1))
    assert placement.ancestors([n - 1, 0, 5], n - 2).tolist() == [1, -1, -1]
    assert len(placement.upline(n - 1)) == n - 1


@pytest.mark.parametrize("rule", RULES)
def test_a_star_of_twenty_thousand_is_placed(rule):
    """One sponsor of everybody: matrices stay flat, lines grow long."""
    n = 20_000
    tree = ReferralTree.from_parents([-1] + [0] * (n - 1))
    legs = np.ones(n, dtype=np.int64) if rule == "outer" else None
    deep = {"left_right": (n - 1 + 1) // 2, "outer": n - 1}
    placement = Placement.auto(tree, np.arange(n), rule=rule, legs=legs)
    assert placement.deepest == deep.get(rule, int(n).bit_length() - 1)


def test_wide_gaps_are_filled_from_the_left():
    """A given place in the last leg of a wide matrix leaves gaps, which are filled in their order."""
    n = 300
    tree = ReferralTree.from_parents([-1] + [0] * (n - 1))
    table = {"member": [0, 1, 2], "parent": [-1, 0, 0], "leg": [-1, 200, 1]}
    start = Placement.from_columns(tree, table, width=250)
    placement = start.extended(tree, np.arange(3, n), rule="breadth")
    free = [leg for leg in range(250) if leg not in (1, 200)]
    assert placement.leg[3 : 3 + 248].tolist() == free
    assert placement.parent[251:].tolist() == [3] * (n - 251)
