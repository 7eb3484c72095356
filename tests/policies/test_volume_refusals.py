"""Policies on volumes: what is refused and in which words, limits of 64 bits, and defects that were found."""

from __future__ import annotations

from fractions import Fraction

import attrs
import pytest

import fenxiao as fx
from fenxiao.errors import MoneyError, MoneyOverflowError, PlanError, RateError, Reason, UnsupportedError
from fenxiao.expressions import Brackets
from fenxiao.policies import (
    LeadershipBonus,
    QualifiedBonus,
    StairstepOverride,
    VolumeCommission,
    VolumeDifferential,
)
from fenxiao.volumes import group, organisation, own
from tests.oracles import volume_pay as slow
from tests.strategies.volume_worlds import paid, plan_of, settled

LEADER = fx.column("rank") == "gold"
GROUP = group("bv", breaks=LEADER)
LINE = {"100": "3%", "300": "6%"}


def volume(kind=VolumeCommission, **options):
    """Return a policy on volumes, changed by the options; None leaves a field out."""
    given = {"rate_on": own("pv"), "pay_on": own("bv"), "brackets": LINE} | options
    return kind("pay", **{name: value for name, value in given.items() if value is not None})


def leadership(**options):
    """Return a leadership bonus, changed by the options."""
    return LeadershipBonus("lead", **({"on": GROUP, "rate": "4%", "leaders": LEADER} | options))


def stairs(**options):
    """Return a stairstep override, changed by the options."""
    return StairstepOverride("stairs", **({"on": GROUP, "leaders": LEADER} | options))


def bonus(**options):
    """Return a bonus for a condition, changed by the options."""
    return QualifiedBonus("bonus", **options)


REFUSED = [
    (lambda: volume(by_rank={"gold": "5%"}), PlanError, "exactly one table"),
    (lambda: volume(brackets=None), PlanError, "exactly one table"),
    (lambda: volume(rate_on=None), PlanError, "looked up on together"),
    (lambda: volume(brackets=None, by_rank={"gold": "5%"}), PlanError, "looked up on together"),
    (lambda: volume(brackets={}), PlanError, "are empty"),
    (lambda: volume(brackets={"abc": "3%"}), PlanError, "no number from 0"),
    (lambda: volume(brackets={"-1": "3%"}), PlanError, "no number from 0"),
    (lambda: volume(brackets={"1e3": "3%"}), PlanError, "no number from 0"),
    (lambda: volume(brackets={"100": "3%", "100.0": "6%"}), PlanError, "one threshold twice"),
    (lambda: volume(brackets={"stepped": {"100": "3%"}}), PlanError, ""),
    (lambda: volume(brackets=[("100", "3%")]), PlanError, "cannot be read"),
    (lambda: volume(brackets={"100": 0.03}), RateError, "float"),
    (lambda: volume(brackets={"100": "-3%"}), RateError, "negative"),
    (lambda: volume(brackets={"100": "103%"}), RateError, "above 100"),
    (lambda: volume(rate_on=None, brackets=None, by_rank={"gold": "103%"}), RateError, "above 100"),
    (lambda: volume(factor="-1%"), RateError, "negative"),
    (lambda: volume(pay_on=None), TypeError, "pay_on"),
    (lambda: volume(rank_column=""), PlanError, "rank_column"),
    (lambda: volume(above_100="yes"), PlanError, "above_100"),
    (lambda: volume(stage=0), PlanError, "stage"),
    (lambda: volume(rounding="up"), fx.FenxiaoError, "rounding mode"),
    (lambda: volume(VolumeDifferential, brackets={"300": "3%", "100": "6%"}), PlanError, "fall"),
    (lambda: volume(VolumeDifferential, pay_on=GROUP.over(3)), UnsupportedError, "several periods"),
    (lambda: leadership(guarantee="-1"), PlanError, "is no volume"),
    (lambda: leadership(guarantee=10_000), PlanError, "is no volume"),
    (lambda: leadership(rate="104%"), RateError, "above 100"),
    (lambda: leadership(leaders=None), PlanError, "leaders"),
    (stairs, PlanError, "exactly one way"),
    (lambda: stairs(tiers=["5%"], by_rank={"gold": "5%"}), PlanError, "exactly one way"),
    (lambda: stairs(tiers=["5%"], minimum="2%"), PlanError, "beside differential only"),
    (lambda: stairs(tiers=["5%"], generations={2: "2%"}), PlanError, "beside differential only"),
    (lambda: stairs(tiers=["5%"], gates=[LEADER, LEADER]), PlanError, "another number of gates"),
    (lambda: stairs(by_rank={"gold": "5%"}, gates=[LEADER]), PlanError, "another number of gates"),
    (lambda: stairs(tiers=["1%"] * 65), PlanError, "reaches too far"),
    (lambda: stairs(differential={"gold": "5%"}, generations={65: "1%"}), PlanError, "reaches too far"),
    (lambda: stairs(differential={"gold": "5%"}, generations={1: "1%"}), PlanError, "keys that are none"),
    (lambda: stairs(differential={"gold": "5%"}, generations={"b": "1%"}), PlanError, "keys that are none"),
    (lambda: stairs(tiers=[fx.Fixed("1.00")]), PlanError, "fixed money"),
    (lambda: stairs(tiers=["101%"]), RateError, "above 100"),
    (bonus, PlanError, "one amount or a table"),
    (lambda: bonus(amount="5.00", by_rank={"gold": "5.00"}, when=LEADER), PlanError, "one amount or a table"),
    (lambda: bonus(amount="5.00"), PlanError, "pays everybody"),
    (lambda: bonus(amount=5, when=LEADER), PlanError, "no amount of money"),
    (lambda: bonus(amount="-5.00", when=LEADER), PlanError, "no amount of money"),
    (lambda: bonus(by_rank={"gold": "-5.00"}), PlanError, "is no amount"),
    (lambda: bonus(by_rank={"gold": 5}), PlanError, "is no amount"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "words"), REFUSED, ids=range(len(REFUSED)))
def test_bad_fields_are_refused_when_they_are_written(make, error, words):
    """Every mistake in a field raises at once and is named."""
    with pytest.raises(error) as raised:
        make()
    assert words in str(raised.value)


def world_of(*, parents, pv=100, bv=Fraction(1000), rank="gold"):
    """Return a world in which everybody has one order."""
    orders = [{"member": member, "pv": Fraction(pv), "bv": Fraction(bv)} for member in parents]
    ranks, active = dict.fromkeys(parents, rank), dict.fromkeys(parents, True)
    return {"parents": parents, "rank": ranks, "active": active, "orders": orders}


CHAIN = {"a": None, "b": "a", "c": "b"}
LATE = [
    (volume(brackets={"0.5": "3%"}), MoneyError, "threshold"),
    (volume(rate_on=None, brackets=None, by_rank={"none": "5%"}), PlanError, "by_rank"),
    (
        volume(rate_on=None, brackets=None, by_rank={"gold": "5%"}, rank_column="active"),
        PlanError,
        "not text",
    ),
    (leadership(guarantee="0.0001"), MoneyError, "guarantee"),
    (stairs(by_rank={"none": "5%"}), PlanError, "by_rank"),
    (bonus(by_rank={"none": "5.00"}), PlanError, "by_rank"),
    (bonus(amount="0.001", when=LEADER), MoneyError, "policy 'bonus'"),
]


@pytest.mark.parametrize(("policy", "error", "words"), LATE, ids=range(len(LATE)))
def test_what_does_not_fit_the_facts_is_refused_when_it_is_settled(policy, error, words):
    """Ranks without a row, units too coarse for a threshold and columns of another kind are named."""
    with pytest.raises(error) as raised:
        settled(world_of(parents=CHAIN), policy)
    assert words in str(raised.value)


def test_plans_hold_every_field_as_plain_data():
    """Plain data keeps all fields of every policy on volumes."""
    plan = plan_of(
        volume(brackets=Brackets.marginal(LINE), factor="40%", eligible=LEADER, rounding="half_up"),
        attrs_named(
            volume(VolumeDifferential, rate_on=None, brackets=None, by_rank={"gold": "5%"}), "ranked"
        ),
        leadership(guarantee="100", factor="1/3", eligible=LEADER),
        stairs(differential={"gold": "5%"}, minimum="2%", generations={3: "1%", 2: "2%"}),
        attrs_named(stairs(tiers=["5%", "3%"], gates=[None, LEADER]), "tiers"),
        bonus(by_rank={"gold": "5.00"}, when=LEADER, stage=2),
    )
    assert plan.policies[3].generations == ((2, fx.Rate("2%")), (3, fx.Rate("1%")))


def attrs_named(policy, name):
    """Return a policy under another name."""
    return attrs.evolve(policy, name=name)


# ------------------------------------------------------------------------- beyond 64 bits on the way

PRIMES = [999_999_999_989, 999_999_999_961, 999_999_999_937, 999_999_999_899]


def test_rates_whose_common_denominator_is_beyond_64_bits_are_exact():
    """Rates of large prime denominators are paid to the cent, in slices and by the stairs."""
    world = world_of(parents=CHAIN, pv=400, bv=Fraction(10**9))
    rates = sorted(Fraction(1, prime) * 10**6 for prime in PRIMES)
    rows = list(zip([0, 100, 200, 300], rates, strict=True))
    table = {threshold: f"{rate.numerator}/{rate.denominator}" for threshold, rate in rows}
    run = settled(
        world,
        volume(brackets=Brackets.marginal(table)),
        stairs(tiers=list(table.values())),
    )
    gross = slow.gross_of(Fraction(10**9), Fraction(400), rows, "marginal", Fraction(1), ("floor", 1))
    assert paid(run, "pay") == dict.fromkeys("abc", gross)
    wanted = slow.override(
        world, slow.own(world, "bv"), set("abc"),
        {"tiers": rates, "gates": [set("abc")] * 4}, Fraction(1), ("floor", 1),
    )  # fmt: skip
    assert paid(run, "stairs") == {member: amount for member, amount in wanted.items() if amount}
    difference = settled(
        world,
        stairs(
            differential={"gold": table[0], "silver": "0%", "none": "0%"},
            minimum=table[100],
            generations={2: table[200]},
        ),
    )
    way = {"differential": {"gold": rates[0]}, "minimum": rates[1], "generations": {2: rates[2]}}
    wanted = slow.override(world, slow.own(world, "bv"), set("abc"), way, Fraction(1), ("floor", 1))
    assert paid(difference, "stairs") == {member: amount for member, amount in wanted.items() if amount}


def test_what_leaders_receive_must_fit():
    """Leadership that adds up to more than 64 bits hold is refused."""
    parents = {"a": None} | {f"b{number}": "a" for number in range(12)}
    world = world_of(parents=parents, bv=Fraction(9 * 10**15))
    with pytest.raises(MoneyOverflowError, match="64"):
        settled(world, leadership(rate="1000%", above_100=True))


# ---------------------------------------------------------------------------------------------- words


def why(policy, world, member):
    """Return the reason and the words for a member who gets nothing from a policy."""
    run = settled(world, policy)
    assert run.payout(member) == 0
    verdict = run.explain_period(member).verdicts[0]
    return verdict.reason, verdict.detail


def test_everybody_without_pay_is_told_why():
    """Below the first threshold, at a rate of 0, by rounding, by a gate, and where legs are owed as much."""
    one = {"a": None}
    assert why(volume(), world_of(parents=one, pv=99), "a") == (
        Reason.NOT_ENTITLED, "own pv 99; rates start at 100",
    )  # fmt: skip
    unordered = volume(brackets={"300": "6%", "100": "3%"})
    assert why(unordered, world_of(parents=one, pv=99), "a")[1].endswith("rates start at 100")
    assert why(volume(brackets={"0": "0%"}), world_of(parents=one), "a") == (
        Reason.ZERO_RATE, "0% of own bv 1000.000",
    )  # fmt: skip
    assert why(volume(), world_of(parents=one, bv=Fraction(1, 1000)), "a") == (
        Reason.ROUNDED_TO_ZERO, "3% of own bv 0.001",
    )  # fmt: skip
    assert why(volume(brackets=Brackets.marginal({0: "3%"})), world_of(parents=one, pv=0), "a") == (
        Reason.ZERO_RATE, "0% of own bv 1000.000",
    )  # fmt: skip
    assert why(volume(eligible=LEADER), world_of(parents=one, rank="none"), "a")[0] is Reason.NOT_ELIGIBLE
    ranked = volume(rate_on=None, brackets=None, by_rank={"none": "0%", "silver": "1%", "gold": "5%"})
    assert why(ranked, world_of(parents=one, rank="none"), "a")[0] is Reason.ZERO_RATE
    gated = volume(VolumeDifferential, eligible=LEADER)
    assert why(gated, world_of(parents=one, rank="none"), "a")[0] is Reason.NOT_ELIGIBLE
    below = {"parents": {"a": None, "b": "a"}, "rank": dict.fromkeys("ab", "gold"),
             "active": dict.fromkeys("ab", True),
             "orders": [{"member": "b", "pv": Fraction(100), "bv": Fraction(1000)}]}  # fmt: skip
    chain = volume(VolumeDifferential, rate_on=organisation("pv"), pay_on=organisation("bv"))
    assert why(chain, below, "a") == (Reason.PAID_BELOW, "his legs are owed as much as his own gross")


def test_leaders_and_others_are_told_why_they_get_nothing():
    """No leader, not eligible, nobody below, a gate of the first tier."""
    one = world_of(parents={"a": None})
    nobody = world_of(parents={"a": None}, rank="none")
    assert why(leadership(), nobody, "a")[0] is Reason.COMPRESSED
    assert why(leadership(eligible=fx.column("active") == False), one, "a")[0] is Reason.NOT_ELIGIBLE  # noqa: E712  # builds a condition
    assert why(leadership(), one, "a") == (Reason.ZERO_RATE, "no leader below generates any")
    assert why(stairs(tiers=["5%"]), nobody, "a")[0] is Reason.COMPRESSED
    gated = stairs(tiers=["5%"], gates=[own("pv") >= "500"])
    assert why(gated, one, "a")[0] is Reason.NOT_ELIGIBLE
    assert (
        why(stairs(by_rank={"gold": "5%", "silver": "1%", "none": "0%"}), nobody, "a")[0] is Reason.ZERO_RATE
    )
    assert why(bonus(amount="5.00", when=own("pv") >= "500"), one, "a")[0] is Reason.NOT_ELIGIBLE
    assert why(bonus(amount="0", when=LEADER), one, "a") == (Reason.ZERO_RATE, "the amount is 0")
    assert why(bonus(by_rank={"none": "0", "silver": "1.00", "gold": "5.00"}), nobody, "a") == (
        Reason.ZERO_RATE, "rank none has no amount",
    )  # fmt: skip


def test_a_differential_rounded_up_can_owe_legs_more_than_the_whole():
    """Two legs of half a cent are paid a cent each; their sponsor has a cent, and is told so."""
    world = world_of(parents={"a": None, "b": "a", "c": "a"}, bv=Fraction(1, 2))
    world["orders"] = world["orders"][1:]
    policy = volume(
        VolumeDifferential, rate_on=organisation("pv"), pay_on=organisation("bv"),
        brackets={"0": "1%"}, rounding="half_up",
    )  # fmt: skip
    run = settled(world, policy)
    assert paid(run, "pay") == {"b": 1, "c": 1}
    assert (
        why(policy, world, "a")[1] == "his legs are owed more than his own gross; the difference counts as 0"
    )
