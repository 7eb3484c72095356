"""Level commission along a placement: the walk of a tree whose sponsors are the places above."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import InputError, PlanError
from fenxiao.placement import Placement
from fenxiao.policies import PassUp
from tests.expressions.refusals import refused
from tests.policies.test_binary import ACTIVE, binary_worlds

IF_NOT = ("company", "roll_up", "stop", "last_payee")


def facts_of(world, sponsors, placement=None):
    """Return facts of one order a member, on a tree of these sponsors."""
    tree = fx.ReferralTree.from_mapping(sponsors)
    members = list(sponsors)
    return fx.Facts(
        tree=tree,
        orders=fx.Orders.from_columns(
            {
                "order_id": members,
                "member": members,
                "paid_minor": [100 + 37 * member for member in members],
                "margin_minor": [1_000_000] * len(members),
            }
        ),
        members=fx.Members.from_columns(
            {"member": members, "active": [world["active"][member] for member in members]}
        ),
        placements={} if placement is None else {"matrix": placement(tree)},
    )


def paid(facts, policy):
    """Return every line of a policy."""
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column("margin"), policies=[policy])
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    run = fx.settle(facts, plan)
    lines = set()
    for batch in run.lines():
        columns = batch.columns()
        names = ("order_id", "level", "payee", "allowed_minor")
        lines |= set(zip(*(map(int, columns[name]) for name in names), strict=True))
    for member in facts.tree.ids.tolist():
        for order in facts.tree.ids.tolist():
            assert str(run.explain(member, order))
    return lines


@settings(max_examples=60, deadline=None)
@given(
    binary_worlds(periods=1), st.sampled_from(IF_NOT), st.sampled_from([0, 1, 2]), st.booleans(),
    st.booleans(), st.randoms(use_true_random=False),
)  # fmt: skip
def test_places_are_climbed_like_sponsors(world, if_not, start, gated, compressed, random):
    """Whoever sponsored whom, the walk along a placement is that of its own tree."""
    options = {
        "base": "paid", "rates": ["10%", "5%", "3%"], "if_not": if_not, "start_level": start,
        "eligible": ACTIVE if gated else None, "compress": ACTIVE if compressed else None,
    }  # fmt: skip
    places = world["places"]
    above = {member: None if place is None else place[0] for member, place in places.items()}
    rows = [
        {"member": member, "parent": place[0], "leg": place[1]}
        for member, place in places.items()
        if place is not None
    ]
    # Any sponsors will do, in any order of members: the walk does not look at them.
    shuffled = list(places)
    random.shuffle(shuffled)
    sponsors = {member: random.choice([None, *shuffled[:at]]) for at, member in enumerate(shuffled)}
    policy = fx.LevelCommission("depth", along="matrix", **options)
    found = paid(facts_of(world, sponsors, lambda tree: Placement.from_records(tree, rows)), policy)
    assert found == paid(facts_of(world, above), fx.LevelCommission("depth", **options))


def test_a_chain_of_places_against_the_tree():
    """A placement that stands upside down in the referral tree is climbed all the same."""
    size = 300
    world = {"active": {member: member % 7 == 0 for member in range(size)}}
    sponsors = {member: member - 1 if member else None for member in range(size)}
    upside = [
        {
            "member": member,
            "parent": None if member == size - 1 else member + 1,
            "leg": None if member == size - 1 else 0,
        }
        for member in range(size)
    ]
    options = {"base": "paid", "rates": ["10%", "5%"], "if_not": "roll_up", "eligible": ACTIVE}
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=[fx.LevelCommission("depth", along="matrix", **options)],
    )
    facts = facts_of(world, sponsors, lambda tree: Placement.from_records(tree, upside))
    run = fx.settle(facts, plan)
    orders = {member: 100 + 37 * member for member in range(size)}
    wanted = {}
    for member, amount in orders.items():
        people = [above for above in range(member + 1, size) if above % 7 == 0][:2]
        for person, rate in zip(people, (10, 5), strict=False):
            wanted[person] = wanted.get(person, 0) + amount * rate // 100
    totals = run.totals()
    assert dict(zip(totals.members.tolist(), totals.allowed.tolist(), strict=True)) == {
        member: wanted.get(member, 0) for member in range(size)
    }


def test_a_matrix_pays_by_depth():
    """3 x 3 with spill-over (mlmforge, matrix.md): the root's recruit D stands under A, who is paid first."""
    tree = fx.ReferralTree.from_mapping({"Root": None, "A": "Root", "B": "Root", "C": "Root", "D": "Root"})
    placement = Placement.auto(tree, ["Root", "A", "B", "C", "D"], width=3, rule="breadth")
    assert placement.upline("D") == ["A", "Root"]
    orders = fx.Orders.from_records([{"order_id": 1, "member": "D", "paid": "100.00"}])
    members = fx.Members.from_records(
        [{"member": name, "rank": rank} for name, rank in
         [("Root", "gold"), ("A", "silver"), ("B", "member"), ("C", "member"), ("D", "member")]]
    )  # fmt: skip
    policy = fx.LevelCommission(
        "matrix", base=fx.Base("paid") * "40%", along="matrix", if_not="company",
        by_rank={"member": ["5%"], "silver": ["5%", "5%"], "gold": ["5%", "5%", "5%"]},
    )  # fmt: skip
    facts = fx.Facts(tree=tree, orders=orders, members=members, placements={"matrix": placement})
    plan = fx.Plan(currency="USD", margin=fx.Margin.rate("40%", of="paid"), policies=[policy])
    totals = fx.settle(facts, plan).totals().to_dict()
    assert {name: str(pay) for name, pay in totals.items() if pay} == {"A": "2.00", "Root": "2.00"}


def test_what_cannot_be_climbed_is_refused():
    """A placement that the facts do not have, pass-ups, and what is no name."""
    world = {"active": {0: True}}
    policy = fx.LevelCommission("depth", base="paid", rates=["1%"], if_not="company", along="tree")
    refused(lambda: paid(facts_of(world, {0: None}), policy), InputError, "tree")
    options = {"base": "paid", "rates": ["1%"], "if_not": "company"}
    with pytest.raises(PlanError, match="along"):
        fx.LevelCommission("depth", along="", **options)
    with pytest.raises(PlanError, match="recruit"):
        fx.LevelCommission("depth", along="matrix", pass_up=PassUp(first=1), **options)
