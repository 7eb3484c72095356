"""Level commission through the public API, against the twin: drawn cases, and every small forest."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._arrays import MINOR_MAX
from tests.engine.bridge import Case, agree, level_policy, lines_of
from tests.oracles.engine import all_forests
from tests.oracles.engine_levels import level_claims
from tests.strategies.facts import forests, member_columns, order_lines
from tests.strategies.plans import IF_NOT, SELF_PURCHASE, level_policies

WIDE_OPEN = {"margin": {"kind": "column", "name": "room"}}
"""Margins that the tests make too large to bind."""


@st.composite
def level_cases(draw, high=3000, room=10**12):
    """Draw one or two level policies on any tree, with margins that never bind."""
    parents = draw(forests())
    orders = [order | {"room": room} for order in draw(order_lines(parents, high=high))]
    policies = [draw(level_policies(name)) for name in draw(st.sampled_from([["a"], ["b", "a"]]))]
    return Case(parents, orders, WIDE_OPEN | {"policies": policies}, draw(member_columns(parents)))


@settings(max_examples=100, deadline=None)
@given(level_cases())
def test_level_commission_agrees_with_the_twin(case):
    """Every combination of options pays every line to the same people in the same amounts."""
    agree(case)


@settings(max_examples=60, deadline=None)
@given(level_cases(high=MINOR_MAX, room=MINOR_MAX // 3))
def test_level_commission_is_exact_up_to_the_bound(case):
    """Amounts near 64 bits are exact, or a typed error says that a number of the answer does not fit."""
    agree(case)


# ------------------------------------------------------------ every small forest

BASE = [("paid", 1, 2)]
RATES = [Fraction(50, 100), Fraction(30, 100), Fraction(15, 100)]
EVERY_WAY = list(product(IF_NOT, SELF_PURCHASE, (0, 1, 2)))


def walk_policy(if_not, self_purchase, start_level, **fields):
    """Write a policy of three levels whose amounts tell the levels apart."""
    policy = {
        "kind": "level",
        "name": f"{if_not} {self_purchase} {start_level}",
        "base": BASE,
        "if_not": if_not,
        "self_purchase": self_purchase,
        "start_level": start_level,
    }
    return policy | fields


class Grove:
    """Many small forests side by side in one tree, each with members' columns and orders of its own."""

    def __init__(self):
        self.parents, self.members, self.orders = {}, {}, []

    def plant(self, forest, columns, sales):
        """Add a forest whose member v has `columns[v]`, and orders of (member, buyer)."""
        first = len(self.parents)
        for member, parent in forest.items():
            self.parents[first + member] = None if parent is None else first + parent
            self.members[first + member] = columns[member]
        for member, buyer in sales:
            self.orders.append(
                {
                    "order_id": len(self.orders),
                    "line": 0,
                    "member": first + member,
                    "buyer": None if buyer is None else first + buyer,
                    "paid": 1000,
                    "room": 10**9,
                }
            )

    def check(self, policies):
        """Compare every claim of every policy with the twin's."""
        facts = fx.Facts(
            tree=fx.ReferralTree.from_mapping(self.parents),
            orders=fx.Orders.from_records(self.orders, unit="minor", money=("room",)),
            members=fx.Members.from_records(
                [{"member": label, **columns} for label, columns in self.members.items()]
            ),
        )
        plan = fx.Plan(
            currency="CNY", margin=fx.Margin.column("room"), policies=[level_policy(one) for one in policies]
        )
        found = lines_of(fx.settle(facts, plan))
        expected = {}
        for policy in policies:
            slow = policy | ({"eligible": lambda member: member["active"]} if "eligible" in policy else {})
            for order_id, line, payee, level, amount in level_claims(
                slow, self.parents, self.orders, self.members
            ):
                expected[order_id, line, policy["name"], level, payee] = (amount, amount)
        assert found == expected
        return len(expected)


def test_every_forest_of_up_to_4_members_under_every_mask_and_buyer():
    """All forests x all eligibility masks x all buyers x if_not x self_purchase x start level agree."""
    grove = Grove()
    for size in range(5):
        for forest in all_forests(size):
            for mask in product((True, False), repeat=size):
                sales = product(range(size), [None, *range(size)])
                grove.plant(forest, [{"active": active} for active in mask], sales)
    policies = [walk_policy(*way, rates=RATES, eligible="active") for way in EVERY_WAY]
    assert grove.check(policies) > 100_000


def test_every_forest_of_up_to_6_members():
    """All forests of 5 and 6 members agree, with masks and buyers that take turns."""
    grove, turn = Grove(), 0
    for size in (5, 6):
        for forest in all_forests(size):
            turn += 1
            mask = [{"active": bool((turn * 29 >> member) & 1)} for member in range(size)]
            grove.plant(forest, mask, [(member, (member * turn) % size) for member in range(size)])
            grove.plant(forest, [{"active": True}] * size, [(size - 1, None), (size - 1, turn % size)])
    policies = [walk_policy(*way, rates=RATES, eligible="active") for way in EVERY_WAY]
    assert grove.check(policies) > 100_000


@pytest.mark.parametrize("if_not", IF_NOT)
def test_every_forest_of_up_to_4_members_under_every_assignment_of_ranks(if_not):
    """Rows of different lengths by rank agree on all forests under all assignments of three ranks."""
    grove = Grove()
    for size in range(5):
        for forest in all_forests(size):
            for ranks in product(("gold", "silver", "plain"), repeat=size):
                columns = [{"active": rank != "silver" or size < 4, "rank": rank} for rank in ranks]
                grove.plant(forest, columns, [(size - 1, None)] if size else [])
    by_rank = {"gold": RATES, "silver": [Fraction(1, 4)], "plain": []}
    policies = [
        walk_policy(if_not, "pay", start, by_rank=by_rank, name=f"{start} {gate}", **gate)
        for start in (0, 1)
        for gate in ({}, {"eligible": "active"})
    ]
    assert grove.check(policies) > 1_000


@pytest.mark.parametrize("if_not", IF_NOT)
def test_every_forest_of_up_to_5_members_by_length(if_not):
    """Rates by the number of levels that found a payee agree on all forests."""
    grove = Grove()
    for size in range(6):
        for turn, forest in enumerate(all_forests(size)):
            mask = [{"active": bool((turn * 7 >> member) & 1) or turn % 3 == 0} for member in range(size)]
            grove.plant(forest, mask, [(member, (member + turn) % size) for member in range(size)])
    by_length = {1: [Fraction(1, 2)], 2: [Fraction(1, 5), Fraction(1, 7)], 3: RATES}
    policies = [
        walk_policy(if_not, self_purchase, start, by_length=by_length, eligible="active")
        for self_purchase in SELF_PURCHASE
        for start in (0, 1)
    ]
    assert grove.check(policies) > 500
