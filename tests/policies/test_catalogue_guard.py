"""The promise over the whole catalogue: every built-in policy is here, greedy, on margins too small."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.policies import (
    BUILT_IN,
    BinaryPairing,
    BoardBonus,
    CeilingCascade,
    GenerationBonus,
    GenerationMatch,
    GenerationVolumeBonus,
    LeadershipBonus,
    LevelBonus,
    LevelCompletion,
    MatchingBonus,
    Pool,
    PriceGap,
    QualifiedBonus,
    RankDifferential,
    RatedPool,
    RegionAgency,
    RetailMarkup,
    SameRankBonus,
    StairstepOverride,
    VolumeCommission,
    VolumeDifferential,
    built_in,
)
from fenxiao.volumes import group, organisation, own
from tests.oracles.walks import RANKS
from tests.strategies.networks import REGIONS, settled, worlds

TOP, HALF = RANKS[-1], "50%"
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
TABLE = {rank: f"{10 * place}%" for place, rank in enumerate(RANKS)}
EVERYTHING = [
    fx.LevelCommission("levels", base="paid", rates=[HALF, HALF], if_not="last_payee"),
    GenerationBonus("generations", base="paid", rates=[HALF], from_rank=RANKS[0], if_not="company"),
    RankDifferential("career", base="paid", rates=TABLE),
    SameRankBonus("peers", of="career", base="paid", rates=[HALF, HALF]),
    CeilingCascade(
        "mall", base="paid", ceilings={"dept": "60%", "agent": "40%", "staff": "20%"}, user_rates=[HALF]
    ),
    PriceGap("gap", prices={rank: f"{50 - 10 * place}.00" for place, rank in enumerate(RANKS)}),
    RetailMarkup("markup", base="paid", rate=HALF),
    RegionAgency("regions", base="paid", split="full", rate=HALF, recruiter=HALF, regions=REGIONS),
    LevelBonus("level bonus", on=own("paid"), rates=[HALF], if_not="company", stage=2),
    GenerationVolumeBonus(
        "leaders", on=own("paid"), rates=[HALF], from_rank=RANKS[0], if_not="company", stage=2
    ),
    VolumeCommission(
        "volume", rate_on=own("paid"), pay_on=organisation("paid"), brackets={"0": HALF}, stage=2
    ),
    VolumeDifferential(
        "difference", rate_on=own("paid"), pay_on=organisation("paid"), brackets={"0": HALF}, stage=2
    ),
    LeadershipBonus("leadership", on=group("paid", breaks=ACTIVE), rate=HALF, leaders=ACTIVE, stage=2),
    StairstepOverride("stairs", on=group("paid", breaks=ACTIVE), leaders=ACTIVE, tiers=[HALF, HALF], stage=2),
    QualifiedBonus("structure", amount="50.00", when=own("paid") >= "0.01", stage=2),
    BinaryPairing("team", on=own("paid"), rate=HALF, leftover="carry", stage=2),
    LevelCompletion("matrix", placement="binary", amounts=["50.00", "50.00"], stage=2),
    BoardBonus("board", amount="50.00", width=1, depth=1, reenter=1, stage=2),
    Pool("pool", base="paid", rate="100%", equal=True, stage=2),
    RatedPool("dividend", amount="50.00", rates=dict.fromkeys(RANKS, HALF), stage=2),
    MatchingBonus("match", of=["level bonus", "levels"], rates=[HALF], if_not="roll_up", stage=3),
    GenerationMatch("generation match", of="volume", rates=[HALF], boundary=ACTIVE, stage=3),
]


NEEDED = {"peers": {"career"}, "match": {"levels", "level bonus"}, "generation match": {"volume"}}
"""What a policy looks at, and cannot do without."""


def chosen(names):
    """Return policies by name, with those that they need."""
    names = set(names).union(*(NEEDED.get(name, set()) for name in names))
    return [policy for policy in EVERYTHING if policy.name in names]


def test_every_policy_joins():
    """A policy that is new to the library has to be added here."""
    assert {type(policy) for policy in EVERYTHING} == {built_in(kind) for kind in BUILT_IN}


@settings(max_examples=60, deadline=None)
@given(
    worlds(),
    st.sets(st.sampled_from([policy.name for policy in EVERYTHING]), min_size=1),
    st.sampled_from(["0%", "1/7", "12%", "100%"]),
    st.sampled_from(["order", "line"]),
    st.none() | st.sampled_from(["0.00", "0.07", "3.00"]),
    st.booleans(),
)
def test_margins_and_caps_hold_for_any_choice_of_policies(world, names, rate, guard, most, offset):
    """Whatever is claimed, orders and the period pay at most their margin, and payees get at most a cap."""
    run = settled(
        world,
        *chosen(names),
        margin=fx.Margin.rate(rate, of="paid", guard=guard, losses="offset" if offset else "ignore"),
        caps=[] if most is None else [fx.Cap.per_payee(most)],
    )
    fraction = fx.Rate.of(rate).fraction
    budget = {order["id"]: int(order["paid"] * fraction) for order in world["orders"]}
    paid, total = dict.fromkeys(budget, 0), 0
    for batch in run.lines():
        assert (batch.claimed == batch.allowed + batch.withheld).all()
        total += int(batch.allowed.sum())
        orders = batch.order_row >= 0
        for row, amount in zip(batch.order_row[orders].tolist(), batch.allowed[orders].tolist(), strict=True):
            paid[world["orders"][row]["id"]] += amount
    assert all(paid[key] <= budget[key] for key in budget)
    assert total <= sum(budget.values())
    totals = run.totals()
    assert totals.allowed.sum() == total
    if most is not None:
        assert totals.allowed.max() <= int(fx.Rate.of(most).fraction * 100)
