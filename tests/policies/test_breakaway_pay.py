"""Leadership with a guarantee, stairstep overrides and bonuses for a condition, against slow twins."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.policies import LeadershipBonus, QualifiedBonus, StairstepOverride
from fenxiao.volumes import balanced, group, organisation
from tests.oracles import volume_pay as slow
from tests.strategies.volume_worlds import RANKS, check_words, paid, settled, some, text, volume_worlds

many = settings(max_examples=40, deadline=None)
RATES = [Fraction(0), Fraction(1, 25), Fraction(1, 7), Fraction(1, 3)]
ROUNDINGS = [("floor", 1), ("half_up", 1), ("half_even", 1), ("ceiling", 1), ("floor", 10)]
rates, roundings = st.sampled_from(RATES), st.sampled_from(ROUNDINGS)
factors = st.sampled_from([Fraction(1), Fraction(2, 5)])
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
LEADER = fx.column("rank") >= "silver"


def leaders_of(world):
    """Return who is a leader: whose group has broken away."""
    return {member for member, rank in world["rank"].items() if rank != "none"}


def groups_of(world):
    """Return everybody's volume down to the next leaders."""
    return slow.group(world, slow.own(world, "bv"), leaders_of(world))


@many
@given(volume_worlds(), rates, factors, st.none() | st.integers(0, 300), roundings, st.booleans())
def test_leaders_keep_what_the_guarantee_leaves(world, rate, factor, guarantee, rounding, gated):
    """Bottom-up, what one's own group lacks of the guarantee is taken out of what one receives."""
    policy = LeadershipBonus(
        "leadership", on=group("bv", breaks=LEADER), rate=text(rate), leaders=LEADER, factor=text(factor),
        guarantee=None if guarantee is None else str(guarantee), eligible=ACTIVE if gated else None,
        rounding=fx.Rounding(rounding[0], step=rounding[1]),
    )  # fmt: skip
    leaders = leaders_of(world)
    keepers = {member for member in leaders if world["active"][member] or not gated}
    kept, made, handed = slow.leadership(
        world, groups_of(world), leaders, rate, factor, guarantee or 0, keepers, rounding
    )
    run = settled(world, policy)
    assert paid(run, "leadership") == some(kept)
    check_words(run)
    below = [leader for leader in leaders if slow.next_leader(world, leader, leaders) is not None]
    if keepers == leaders:
        assert sum(kept.values()) == sum(made[leader] for leader in below)
    least = slow.rounded((guarantee or 0) * rate * factor * 100, *rounding)
    for leader in below:
        if handed[leader]:
            assert kept[leader] == 0 or made[leader] + handed[leader] >= least


@many
@given(volume_worlds(), rates, st.integers(0, 300))
def test_leadership_pays_the_rate_of_all_volume_below_leaders(world, rate, guarantee):
    """What is paid is the rate of each group that has a leader above, rounded once, guarantee or not."""
    terms = {"on": group("bv", breaks=LEADER), "rate": text(rate), "leaders": LEADER}
    run = settled(
        world, LeadershipBonus("plain", **terms), LeadershipBonus("kept", **terms, guarantee=str(guarantee))
    )
    leaders, volume = leaders_of(world), groups_of(world)
    conserved = sum(
        slow.rounded(volume[leader] * rate * 100)
        for leader in leaders
        if slow.next_leader(world, leader, leaders) is not None
    )
    assert sum(paid(run, "plain").values()) == sum(paid(run, "kept").values()) == conserved


@st.composite
def ways(draw, world):
    """Draw one way of a stairstep override: its fields in the library, and the twin's."""
    way = draw(st.sampled_from(["by_rank", "differential", "tiers"]))
    if way == "by_rank":
        table = {rank: draw(rates) for rank in RANKS}
        return {"by_rank": {rank: text(rate) for rank, rate in table.items()}}, {"by_rank": table}
    if way == "differential":
        table = {rank: draw(rates) for rank in RANKS}
        minimum = draw(st.none() | rates)
        later = draw(st.dictionaries(st.integers(2, 4), rates, max_size=2))
        fields = {
            "differential": {rank: text(rate) for rank, rate in table.items()},
            "minimum": None if minimum is None else text(minimum),
            "generations": {number: text(rate) for number, rate in later.items()},
        }
        return fields, {"differential": table, "minimum": minimum or Fraction(0), "generations": later}
    tiers = draw(st.lists(rates, min_size=1, max_size=3))
    gold = {member for member, rank in world["rank"].items() if rank == "gold"}
    active = {member for member, flag in world["active"].items() if flag}
    gates = {
        "none": (None, set(world["parents"])),
        "gold": (fx.column("rank") == "gold", gold),
        "active": (ACTIVE, active),
    }
    chosen = [gates[draw(st.sampled_from(sorted(gates)))] for _ in tiers]
    given = [] if all(gate is None for gate, _ in chosen) else [gate for gate, _ in chosen]
    fields = {"tiers": [text(rate) for rate in tiers], "gates": given}
    return fields, {"tiers": tiers, "gates": [members for _, members in chosen]}


@many
@given(volume_worlds(), factors, roundings, st.data())
def test_stairsteps_pay_leaders_above_each_group(world, factor, rounding, data):
    """By rank of the sponsor, by difference and generation, or by tiers with gates of their own."""
    fields, way = data.draw(ways(world))
    policy = StairstepOverride(
        "override", on=group("bv", breaks=LEADER), leaders=LEADER, factor=text(factor),
        rounding=fx.Rounding(rounding[0], step=rounding[1]), **fields,
    )  # fmt: skip
    wanted = slow.override(world, groups_of(world), leaders_of(world), way, factor, rounding)
    run = settled(world, policy)
    assert paid(run, "override") == some(wanted)
    check_words(run)
    rows = way.get("tiers") or [
        max(way.get("by_rank", way.get("differential")).values()), *way.get("generations", {}).values()
    ]  # fmt: skip
    if rounding[0] == "floor":
        most = max(sum(rows), way.get("minimum", 0) + sum(rows[1:]))
        assert sum(wanted.values()) <= most * factor * sum(slow.own(world, "bv").values()) * 100


@many
@given(volume_worlds(), st.sampled_from(["0", "0.01", "50.00"]), st.integers(1, 300))
def test_a_bonus_is_paid_to_whoever_meets_its_condition(world, amount, least):
    """One amount for a condition, or an amount a rank, with and without a condition."""
    table = {"none": "0", "silver": amount, "gold": "100.00"}
    # A bonus is paid out of what orders leave.
    assume(world["orders"])
    enough = organisation("pv") >= str(least)
    run = settled(
        world,
        QualifiedBonus("structure", amount=amount, when=enough),
        QualifiedBonus("rank", by_rank=table),
        QualifiedBonus("both", by_rank=table, when=enough),
        QualifiedBonus("legs", amount="600.00", when=balanced("pv", per_leg="50%") >= str(least)),
    )
    volume = slow.own(world, "pv")
    whole = slow.organisation(world, volume)
    met = {member for member in whole if whole[member] >= least}
    cents = {rank: int(Fraction(money) * 100) for rank, money in table.items()}
    by_rank = {member: cents[rank] for member, rank in world["rank"].items()}
    assert paid(run, "structure") == some({member: int(Fraction(amount) * 100) for member in met})
    assert paid(run, "rank") == some(by_rank)
    assert paid(run, "both") == some({member: by_rank[member] for member in met})
    spread = {}
    for member in whole:
        legs = [whole[leg] for leg, above in world["parents"].items() if above == member]
        spread[member] = sum(min(leg, Fraction(least, 2)) for leg in [*legs, volume[member]])
    assert paid(run, "legs") == {member: 60_000 for member in whole if spread[member] >= least}
    check_words(run)


def test_a_chain_hands_a_guarantee_on_over_leaders_who_have_too_little():
    """The guarantee of 400 reaches everybody above as far as what is received makes it up."""
    world = {
        "parents": {"a": None, "b": "a", "c": "b", "d": "c"},
        "rank": dict.fromkeys("abcd", "gold"), "active": dict.fromkeys("abcd", True),
        "orders": [{"member": "d", "pv": Fraction(0), "bv": Fraction(9000)},
                   {"member": "c", "pv": Fraction(0), "bv": Fraction(1000)}],
    }  # fmt: skip
    policy = LeadershipBonus(
        "leadership", on=group("bv", breaks=LEADER), rate="4%", leaders=LEADER, guarantee="10000"
    )
    run = settled(world, policy)
    # d makes 360; c makes 40 and hands on all 360 that he received; b makes nothing and hands on 400.
    assert paid(run, "leadership") == {"a": 40_000}
    assert "make up the guarantee" in str(run.explain_period("c"))
    assert [verdict.parts for verdict in run.explain_period("a").verdicts] == [
        ("400.00: level 1, from b, handed on from below",)
    ]


def test_a_generation_without_a_rate_is_passed_over():
    """Rates of the third generation alone pay nobody of the second."""
    world = {
        "parents": {"a": None, "b": "a", "c": "b", "d": "c"},
        "rank": dict.fromkeys("abcd", "gold"), "active": dict.fromkeys("abcd", True),
        "orders": [{"member": "d", "pv": Fraction(0), "bv": Fraction(1000)}],
    }  # fmt: skip
    policy = StairstepOverride(
        "override", on=group("bv", breaks=LEADER), leaders=LEADER,
        differential={"none": "0%", "silver": "0%", "gold": "0%"}, minimum="2%", generations={3: "1%"},
    )  # fmt: skip
    run = settled(world, policy)
    assert paid(run, "override") == {"c": 20_00, "a": 10_00}
    check_words(run)


def line(*ranks, active=None):
    """Return members a, b, ... each sponsored by the one before, the last with 1,000 of volume."""
    names = "abcdef"[: len(ranks)]
    return {
        "parents": dict(zip(names, [None, *names], strict=False)),
        "rank": dict(zip(names, ranks, strict=True)),
        "active": dict.fromkeys(names, True) | (active or {}),
        "orders": [{"member": names[-1], "pv": Fraction(0), "bv": Fraction(1000)}],
    }


@pytest.mark.parametrize(
    ("world", "wanted"),
    [
        (line("gold", "gold", "gold"), {"b": 40_00}),
        # Who may not keep anything hands it on, and at the top it stays with the company.
        (line("gold", "gold", "gold", active={"b": False}), {"a": 40_00}),
        (line("gold", "gold", active={"a": False}), {}),
    ],
    ids=["everybody", "in between", "at the top"],
)
def test_a_leader_who_is_not_eligible_keeps_nothing(world, wanted):
    """Of 4 % of 1,000 nothing stays with somebody who may not keep it."""
    policy = LeadershipBonus(
        "leadership", on=group("bv", breaks=LEADER), rate="4%", leaders=LEADER, eligible=ACTIVE
    )
    run = settled(world, policy)
    assert paid(run, "leadership") == wanted
    check_words(run)


def test_each_tier_has_its_own_gate_and_number():
    """Tier 1 goes to the next leader, tier 2 to the next one who may have it, under its own number."""
    tiers = {"tiers": ["5%", "3%"], "gates": [None, fx.column("rank") == "gold"]}
    policy = StairstepOverride("override", on=group("bv", breaks=LEADER), leaders=LEADER, **tiers)
    run = settled(line("gold", "silver", "silver"), policy)
    assert paid(run, "override") == {"a": 30_00, "b": 50_00}
    assert "50.00: level 1, from c" in str(run.explain_period("b"))
    assert "30.00: level 2, from c" in str(run.explain_period("a"))
