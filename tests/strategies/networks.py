"""Small worlds of members with ranks, activity and orders, for the policies that pay along the tree."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.placement import Placement
from fenxiao.qualification import GivenRanks
from tests.oracles.walks import RANKS

RATES = [Fraction(1, 10), Fraction(1, 20), Fraction(1, 3), Fraction(3, 20), Fraction(1, 7), Fraction(0)]
"""What pays comes first: examples are drawn from the front more often than not."""
rates = st.sampled_from(RATES)
REGIONS = {"hill": "city", "port": "city", "city": "province", "province": None}
PLACES = (None, *REGIONS)
ORDER = GivenRanks("rank", order=list(RANKS))


@st.composite
def worlds(draw, *, least=1, most=8, fewest=0, orders=6, high=5000):
    """Draw members in a random forest, with ranks, activity, joining numbers and orders."""
    size = draw(st.integers(least, most))
    parents = {}
    for member in range(size):
        # Every second forest would be flat if each member had even chances of no sponsor.
        sponsor = draw(st.integers(0, 3 * member)) // 3
        parents[member] = None if sponsor == member else sponsor
    everybody = st.sampled_from(sorted(parents))
    ranks = st.sampled_from(RANKS)
    return {
        "parents": parents,
        "rank": {member: draw(ranks) for member in parents},
        "active": {member: draw(st.booleans()) for member in parents},
        "joined": {member: draw(st.integers(0, 3)) for member in parents},
        "role": {member: draw(st.sampled_from([None, "staff", "agent", "dept"])) for member in parents},
        "orders": [
            {
                "id": number,
                "member": draw(st.none() | everybody) if draw(st.booleans()) else draw(everybody),
                "paid": draw(st.sampled_from([100, 101, 99, 1, 0]) | st.integers(0, high)),
                "quantity": draw(st.integers(0, 3)),
            }
            for number in range(draw(st.integers(fewest, orders)))
        ],
    }


def facts_of(world):
    """Return the facts of a world."""
    parents = world["parents"]
    columns = {
        "member": list(parents),
        "agent_region": [PLACES[(member + world["joined"][member]) % len(PLACES)] for member in parents],
        "joined": [date(2026, 1, 1 + world["joined"][member]) for member in parents],
        **{name: [world[name][member] for member in parents] for name in ("rank", "active", "role")},
    }
    records = [
        {
            "order_id": order["id"],
            "member": order["member"],
            "paid_minor": order["paid"],
            "region": PLACES[(order["id"] + order["paid"]) % len(PLACES)],
            "margin_minor": 1_000_000,
            "quantity": order["quantity"],
            "paid_at": f"2026-01-{1 + order['id'] % 3:02d}T00:00:00Z",
        }
        for order in world["orders"]
    ]
    tree = fx.ReferralTree.from_mapping(parents)
    return fx.Facts(
        tree=tree,
        placements={"binary": Placement.auto(tree, tree.ids, width=2, rule="breadth")},
        members=fx.Members.from_columns(columns),
        orders=fx.Orders.from_records(records, times=["paid_at"]) if records else fx.Orders.empty(),
        events=fx.Events.from_columns(
            {
                "kind": ["board"] * len(parents),
                "member": list(parents),
                "at": ["2026-01-02T00:00:00Z"] * len(parents),
            }
        ),
    )


def settled(world, *policies, margin=None, qualifications=(), **options):
    """Settle a world with margins that cut nothing, unless `margin` says otherwise."""
    plan = fx.Plan(
        currency="CNY",
        margin=margin or fx.Margin.column("margin"),
        policies=list(policies),
        qualifications=[ORDER, *qualifications],
        **options,
    )
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    return fx.settle(facts_of(world), plan)


def pay(run, policy):
    """Return what a policy pays each member in minor units, those with nothing left out."""
    totals = run.totals(policy)
    labels = totals.members.tolist()
    return {label: amount for label, amount in zip(labels, totals.allowed.tolist(), strict=True) if amount}


def text(fraction):
    """Return a rate as plans write it."""
    return f"{fraction.numerator}/{fraction.denominator}"


def plus(target, source):
    """Add amounts by member into a dict, and return it."""
    for member, amount in source.items():
        target[member] = target.get(member, 0) + amount
    return {member: amount for member, amount in target.items() if amount}
