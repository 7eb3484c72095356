"""Worlds and policies of region agency: regions in regions, agents with tiers, orders that go somewhere."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.policies import RegionAgency
from tests.oracles import regions as slow
from tests.strategies.cascades import MODES, SHARES, WRITTEN, condition, lines, money, text, where
from tests.strategies.facts import forests

NAMES = ("bay", "city", "delta", "east", "fort")
TIERS = ("district", "city", "province")
FAR = "far"
"""A region that no table of regions names."""

shares = st.sampled_from(SHARES)
conditions = st.sampled_from([None, "active", "fit"])


@st.composite
def hierarchies(draw):
    """Draw regions that lie in others, or none at all."""
    size = draw(st.sampled_from([1, 2, 3, 4, 4, 5, 5]))
    # Most lie in the one before, so that ways up are long.
    parents = {
        name: draw(st.sampled_from([None, *NAMES[:place], *[NAMES[place - 1]] * 4])) if place else None
        for place, name in enumerate(NAMES[:size])
    }
    order = draw(st.permutations(sorted(parents)))
    return {name: parents[name] for name in order} if draw(st.integers(0, 3)) else {}


@st.composite
def policies(draw):
    """Draw a policy as the twin reads it."""
    regions = draw(hierarchies())
    rated = draw(st.sampled_from(["rates", "rate", "contract"]))
    column = draw(st.booleans())
    named = column or (bool(regions) and rated == "rates")
    if rated == "rates" and not named:
        rated = "rate"
    tiers = draw(st.permutations(TIERS))[: draw(st.sampled_from([1, 2, 3, 3, 3]))] if named else []
    differential = rated != "rate" and draw(st.booleans())
    split = draw(st.sampled_from(["exclusive", "equal", "weights", "full"]))
    if rated == "contract":
        split = "exclusive" if differential else draw(st.sampled_from(["exclusive", "full"]))
    if rated == "rate":
        rate = draw(shares)
        rates = dict.fromkeys(tiers or range(slow.layers(regions)), rate)
    else:
        rates = "contract" if rated == "contract" else {tier: draw(shares) for tier in tiers}
    eligible, recruiter = draw(conditions), draw(st.none() | shares)
    if_none = "roll_up" if rated == "contract" else draw(st.sampled_from(["company", "roll_up"]))
    return {
        "name": "region",
        "base": draw(st.sampled_from(sorted(WRITTEN))),
        "rated": rated,
        "rates": rates,
        "tiers": tiers,
        "tier": column,
        "regions": regions,
        "split": split,
        "differential": differential,
        "if_none": if_none if differential else None,
        "eligible": eligible,
        "unqualified": None if eligible is None else draw(st.sampled_from(["company", "others"])),
        "recruiter": recruiter,
        "recruiter_eligible": None if recruiter is None else draw(conditions),
        "rounding": draw(st.sampled_from(MODES)),
        "where": draw(st.sampled_from([None, None, None, "term"])),
    }


@st.composite
def worlds(draw, policy, max_size=8):
    """Draw sponsors, members and order lines that a policy accepts."""
    sponsors = draw(forests(max_size=max_size, min_size=draw(st.sampled_from([1, 3, 4]))))
    # The deepest last; without a table of regions a few are enough.
    names = sorted(policy["regions"]) or list(NAMES[:2])
    agents = st.sampled_from([None, *names * 2])
    members = {
        label: {
            "agent_region": draw(agents),
            "agent_tier": draw(st.sampled_from(policy["tiers"] or TIERS)),
            "parts": draw(st.integers(1, 4)),
            "contract": draw(shares),
            "active": draw(st.booleans()),
            "fit": draw(st.sampled_from([True, True, False])),
        }
        for label in sponsors
    }
    world = {"sponsors": sponsors, "members": members, "lines": draw(lines(sponsors, min_size=1))}
    kept = []
    for who in slow.agents(world):
        if slow.conflict(world, policy, who, kept):
            members[who]["agent_region"] = None
        else:
            kept.append(who)
    places = st.sampled_from([*names, *[names[-1]] * 4, None if policy["regions"] else FAR, None])
    for line in world["lines"]:
        line["region"] = draw(places)
    return world


@st.composite
def settings_of(draw):
    """Draw a policy and a world for it."""
    policy = draw(policies())
    return policy, draw(worlds(policy))


def built(policy, **more):
    """Return the policy that the twin's data describes."""
    rated = policy["rated"]
    if rated == "rates":
        source = {"rates": {tier: text(rate) for tier, rate in policy["rates"].items()}}
    elif rated == "rate":
        source = {"rate": text(next(iter(policy["rates"].values())))}
    else:
        source = {"rate_column": "contract"}
    recruiter = policy["recruiter"]
    given = source | {
        "base": WRITTEN[policy["base"]],
        "split": policy["split"],
        "tiers": policy["tiers"],
        "tier": "agent_tier" if policy["tier"] else None,
        "regions": policy["regions"],
        "weight_column": "parts" if policy["split"] == "weights" else None,
        "differential": policy["differential"],
        "if_none": policy["if_none"],
        "eligible": condition(policy["eligible"]),
        "unqualified": policy["unqualified"],
        "recruiter": None if recruiter is None else text(recruiter),
        "recruiter_eligible": condition(policy["recruiter_eligible"]),
        "rounding": policy["rounding"],
        "where": where(policy["where"]),
    }
    return RegionAgency(policy["name"], **(given | more))


def facts_of(world, margin=10**9, turn=lambda rows: rows):
    """Return the facts of a world; every line has the same margin, and rows stand as `turn` puts them."""
    records = [
        {
            "order_id": line["order_id"],
            "line": line["line"],
            "member": line["member"],
            "region": line["region"],
            "paid": money(line["paid"]),
            "margin": money(margin),
            "pv": Decimal(line["pv"]).scaleb(-1),
            "product": line["product"],
        }
        for line in world["lines"]
    ]
    members = [
        {"member": label} | columns | {"contract": fx.Rate(columns["contract"])}
        for label, columns in world["members"].items()
    ]
    return fx.Facts(
        tree=fx.ReferralTree.from_mapping(dict(turn(list(world["sponsors"].items())))),
        orders=fx.Orders.from_records(turn(records), volumes={"pv": 1}),
        members=fx.Members.from_records(turn(members)),
    )
