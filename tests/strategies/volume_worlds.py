"""Members in a forest with orders that carry points and volume, for policies that pay on volumes.

``pv`` are points without decimals, ``bv`` a volume of three decimals: finer than the currency, so that
rounding shows.
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.qualification import GivenRanks

RANKS = ("none", "silver", "gold")
ORDER = GivenRanks("rank", order=list(RANKS))
VOLUMES = {"pv": 0, "bv": 3}
POINTS = [100, 101, 99, 200, 199, 201, 50, 49, 51, 1, 0]


@st.composite
def volume_worlds(draw, *, most=8, orders=8):
    """Draw members in a random forest, their ranks and activity, and orders."""
    size = draw(st.integers(1, most))
    parents = {}
    for member in range(size):
        # Every second forest would be flat if each member had even chances of no sponsor.
        sponsor = draw(st.integers(0, 3 * member)) // 3
        parents[member] = None if sponsor == member else sponsor
    points = st.sampled_from(POINTS) | st.integers(0, 400)
    volume = st.sampled_from([12_345, 1000, 999, 5, 1, 0]) | st.integers(0, 400_000)
    somebody = st.sampled_from(sorted(parents))
    return {
        "parents": parents,
        "rank": {member: draw(st.sampled_from(RANKS)) for member in parents},
        "active": {member: draw(st.booleans()) for member in parents},
        "orders": [
            {
                "member": draw(somebody if draw(st.integers(0, 5)) else st.none()),
                "pv": Fraction(draw(points)),
                "bv": Fraction(draw(volume), 1000),
            }
            for _ in range(draw(st.integers(0, orders)))
        ],
    }


def joined(worlds):
    """Return one world of several, whose members are called ``number:member``."""
    together = {"parents": {}, "rank": {}, "active": {}, "orders": []}
    for number, world in enumerate(worlds):
        name = {member: f"{number}:{member}" for member in world["parents"]} | {None: None}
        together["parents"] |= {name[member]: name[above] for member, above in world["parents"].items()}
        for column in ("rank", "active"):
            together[column] |= {name[member]: value for member, value in world[column].items()}
        together["orders"] += [order | {"member": name[order["member"]]} for order in world["orders"]]
    return together


def volume_facts(world, margin=None):
    """Return the facts of a world; each order has a margin that cuts nothing, or the one given."""
    parents = list(world["parents"])
    records = [
        {
            "order_id": number,
            "member": order["member"],
            "pv": order["pv"],
            "bv": order["bv"],
            "margin_minor": 10**9 if margin is None else margin,
        }
        for number, order in enumerate(world["orders"])
    ]
    columns = {name: [world[name][member] for member in parents] for name in ("rank", "active")}
    orders = fx.Orders.from_records(records, volumes=VOLUMES) if records else fx.Orders.empty(volumes=VOLUMES)
    return fx.Facts(
        tree=fx.ReferralTree.from_mapping(world["parents"]),
        members=fx.Members.from_columns({"member": parents, **columns}),
        orders=orders,
    )


def plan_of(*policies, **options):
    """Return a plan of policies, after its way to plain data and back."""
    given = {"currency": "CNY", "margin": fx.Margin.column("margin"), "qualifications": [ORDER]} | options
    plan = fx.Plan(policies=list(policies), **given)
    again = fx.Plan.from_dict(plan.to_dict())
    assert again == plan
    return again


def settled(world, *policies, margin=None, **options):
    """Settle a world."""
    return fx.settle(volume_facts(world, margin), plan_of(*policies, **options))


def paid(run, policy):
    """Return what a policy is allowed for each member in minor units, those with nothing left out."""
    totals = run.totals(policy)
    pairs = zip(totals.members.tolist(), totals.allowed.tolist(), strict=True)
    return {label: amount for label, amount in pairs if amount}


def some(amounts):
    """Return amounts above zero."""
    return {member: amount for member, amount in amounts.items() if amount > 0}


def text(fraction):
    """Return a number as plans write it."""
    return f"{fraction.numerator}/{fraction.denominator}"


def check_words(run):
    """Check that parts add up to each claim, and that everybody who has none can be told why."""
    for policy in run.plan.policies:
        view = run.views[policy.stage]
        payees, amounts = policy.checked_claims(view)
        claims = dict(zip(payees.tolist(), amounts.tolist(), strict=True))
        assert len(claims) == len(payees), "a member has two claims"
        for index in range(len(run.facts.tree)):
            parts = policy.details(view, index)
            assert sum(part.amount for part in parts) == claims.get(index, 0)
            assert all(part.amount for part in parts)
            if index not in claims:
                reason, words = policy.why_nothing(view, index)
                assert reason > 0
                assert words
