"""Worlds and policies of running totals: ranks, contract rates, roles, prices; and what both engines read."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.policies import CeilingCascade, PriceGap, RankDifferential, SameRankBonus
from fenxiao.qualification import GivenRanks
from tests.strategies.facts import forests

RANKS = ("plain", "silver", "gold")
"""Lowest first."""
ROLES = ("staff", "agent", "dept")
USERS = (None, "user")
PRODUCTS = ("term", "whole")
MODES = ("floor", "half_up", "half_even", "ceiling")
SHARES = (Fraction(0), Fraction(1, 20), Fraction(1, 3), Fraction(2, 5), Fraction(1, 2), Fraction(1))
BASES = {
    "paid": lambda line: Fraction(line["paid"]),
    "a third": lambda line: Fraction(line["paid"], 3),
    "points": lambda line: Fraction(line["pv"] * 14),
}
"""What each base is worth in minor units; points have one decimal."""
WRITTEN = {"paid": "paid", "a third": {"paid": "1/3"}, "points": {"pv": "7/5"}}

shares = st.sampled_from(SHARES)
modes = st.sampled_from(MODES)
conditions = st.sampled_from([None, "active", "fit"])
rank_rates = st.fixed_dictionaries(dict.fromkeys(RANKS, shares))


@st.composite
def people(draw, sponsors):
    """Draw the columns of every member."""
    return {
        label: {
            "rank": draw(st.sampled_from(RANKS)),
            "role": draw(st.sampled_from(USERS + ROLES)),
            "active": draw(st.booleans()),
            "fit": draw(st.sampled_from([True, True, False])),
            "contract": draw(shares),
            "own": draw(st.sampled_from(SHARES[:3])),
        }
        for label in sponsors
    }


@st.composite
def lines(draw, sponsors, max_size=4, min_size=0):
    """Draw order lines; guests, and orders of several lines, among them."""
    members = st.none() | st.sampled_from(sorted(sponsors)) if sponsors else st.none()
    keys = draw(
        st.lists(
            st.tuples(st.integers(1, 3), st.integers(0, 2)), unique=True, min_size=min_size, max_size=max_size
        )
    )
    cents = st.integers(0, 40) | st.integers(0, 10**6)
    return [
        {
            "order_id": order,
            "line": line,
            "member": draw(members),
            "paid": draw(cents),
            "pv": draw(st.integers(0, 500)),
            "quantity": draw(st.integers(0, 3)),
            "product": draw(st.sampled_from(("other", *PRODUCTS))),
            **{f"price {rank}": draw(st.integers(0, 300)) for rank in RANKS},
        }
        for order, line in keys
    ]


@st.composite
def worlds(draw, max_size=7):
    """Draw sponsors, members and order lines."""
    sponsors = draw(forests(max_size=max_size, min_size=1))
    return {"sponsors": sponsors, "members": draw(people(sponsors)), "lines": draw(lines(sponsors))}


@st.composite
def differentials(draw):
    """Draw a rank differential as the twin reads it."""
    by_column = draw(st.booleans())
    eligible = draw(conditions)
    return {
        "name": "career",
        "base": draw(st.sampled_from(sorted(BASES))),
        "rates": "contract" if by_column else draw(rank_rates),
        "by_product": {} if by_column else draw(st.dictionaries(st.sampled_from(PRODUCTS), rank_rates)),
        "seller": draw(st.sampled_from([None, "own"]) | rank_rates),
        "ceiling": draw(st.none() | shares),
        "start": draw(st.integers(0, 1)),
        "eligible": eligible,
        "blocks": eligible is not None and draw(st.booleans()),
        "rounding": draw(modes),
        "where": draw(st.sampled_from([None, "term"])),
    }


@st.composite
def bonuses(draw, of):
    """Draw a same-rank bonus on a differential."""
    row = st.lists(shares, min_size=1, max_size=2)
    return {
        "name": "peers",
        "of": of,
        "base": draw(st.sampled_from([None, *sorted(BASES)])),
        "rates": draw(row | st.fixed_dictionaries(dict.fromkeys(RANKS, row))),
        "eligible": draw(conditions),
        "rounding": draw(modes),
    }


@st.composite
def cascades(draw):
    """Draw a ceiling cascade."""
    return {
        "name": "mall",
        "base": draw(st.sampled_from(sorted(BASES))),
        "ceilings": draw(st.fixed_dictionaries(dict.fromkeys(ROLES, shares))),
        "users": draw(st.lists(st.sampled_from(SHARES[:4]), max_size=3)),
        "start": draw(st.integers(0, 1)),
        "eligible": draw(conditions),
        "rounding": draw(modes),
    }


@st.composite
def gaps(draw):
    """Draw a price gap, with one price list or a price list a line."""
    fixed = draw(st.booleans())
    prices = draw(st.fixed_dictionaries(dict.fromkeys(RANKS, st.integers(0, 300)))) if fixed else None
    return {"name": "stock", "prices": prices, "eligible": draw(conditions)}


def text(share):
    """Write a share as plans do."""
    return str(fx.Rate(share))


def table(rates):
    """Write shares by rank as plans do."""
    return {rank: text(rate) for rank, rate in rates.items()}


def condition(name):
    """Write a condition as plans do."""
    return None if name is None else fx.column(name) == True  # noqa: E712  # builds a condition


def where(product):
    """Write a selection of one product as plans do."""
    return None if product is None else fx.Where(product=product)


def built_differential(policy):
    """Return the policy that the twin's data describes."""
    rates, seller = policy["rates"], policy["seller"]
    more = {"rate_column": rates} if isinstance(rates, str) else {"rates": table(rates)}
    if seller is not None:
        more |= {"seller_rate_column": seller} if isinstance(seller, str) else {"seller_rates": table(seller)}
    return RankDifferential(
        policy["name"],
        base=WRITTEN[policy["base"]],
        by_product={product: table(row) for product, row in policy["by_product"].items()},
        ceiling=None if policy["ceiling"] is None else text(policy["ceiling"]),
        start_level=policy["start"],
        eligible=condition(policy["eligible"]),
        blocks=policy["blocks"],
        rounding=policy["rounding"],
        where=where(policy["where"]),
        **more,
    )


def built_bonus(policy):
    """Return the policy that the twin's data describes."""
    rates = policy["rates"]
    by_rank = isinstance(rates, dict)
    lists = {rank: [text(each) for each in row] for rank, row in rates.items()} if by_rank else {}
    return SameRankBonus(
        policy["name"],
        of=policy["of"]["name"],
        base="step" if policy["base"] is None else WRITTEN[policy["base"]],
        eligible=condition(policy["eligible"]),
        rounding=policy["rounding"],
        **({"by_rank": lists} if by_rank else {"rates": [text(each) for each in rates]}),
    )


def built_cascade(policy):
    """Return the policy that the twin's data describes."""
    return CeilingCascade(
        policy["name"],
        base=WRITTEN[policy["base"]],
        ceilings=table(policy["ceilings"]),
        user_rates=[text(rate) for rate in policy["users"]],
        user_role="user",
        start_level=policy["start"],
        eligible=condition(policy["eligible"]),
        rounding=policy["rounding"],
    )


def built_gap(policy):
    """Return the policy that the twin's data describes."""
    prices = policy["prices"]
    more = (
        {"price_columns": {rank: f"price {rank}" for rank in RANKS}}
        if prices is None
        else {"prices": {rank: money(price) for rank, price in prices.items()}}
    )
    return PriceGap(policy["name"], eligible=condition(policy["eligible"]), **more)


def money(minor):
    """Write minor units as plans do."""
    return f"{minor // 100}.{minor % 100:02d}"


def facts_of(world, margin=10**9):
    """Return the facts of a world; every line has the same margin."""
    records = [
        {
            "order_id": line["order_id"],
            "line": line["line"],
            "member": line["member"],
            "paid": money(line["paid"]),
            "margin": money(margin),
            "pv": Decimal(line["pv"]).scaleb(-1),
            "quantity": line["quantity"],
            "product": line["product"],
            **{f"price {rank}": money(line[f"price {rank}"]) for rank in RANKS},
        }
        for line in world["lines"]
    ]
    members = [
        {"member": label} | columns | {name: fx.Rate(columns[name]) for name in ("contract", "own")}
        for label, columns in world["members"].items()
    ]
    return fx.Facts(
        tree=fx.ReferralTree.from_mapping(world["sponsors"]),
        orders=fx.Orders.from_records(records, volumes={"pv": 1}, money=[f"price {rank}" for rank in RANKS]),
        members=fx.Members.from_records(members) if members else None,
    )


def plan_of(*policies, **more):
    """Return a plan of policies on ordered ranks."""
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=policies,
        qualifications=[GivenRanks("rank", order=RANKS)],
        **more,
    )
