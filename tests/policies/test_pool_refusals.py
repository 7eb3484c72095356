"""Pools and dividends: what is refused and in which words, limits of 64 bits, and what people are told."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import (
    InputError,
    MoneyError,
    MoneyOverflowError,
    OrdersError,
    PlanError,
    RateError,
    Reason,
)
from fenxiao.policies import LevelBonus, Pool, RatedPool
from fenxiao.policies.dividing import divided, levelled
from fenxiao.volumes import group, organisation, own
from tests.oracles import pools as twin
from tests.policies.test_pools import ACTIVE, PAY, SPLITS, claimed, run_of
from tests.strategies.volume_worlds import RANKS, paid, plan_of, settled, some, text


def pool(name="pool", **more):
    """Return a pool, changed by the options; None leaves a field out."""
    given = {"amount": "10.00", "equal": True} | more
    return Pool(name, **{name: value for name, value in given.items() if value is not None})


def rated(**more):
    """Return a pool of rates, changed by the options."""
    return RatedPool("pool", **({"amount": "10.00", "rates": {"gold": "10%"}} | more))


NONE = {"amount": None}
ON = {"equal": None, "on": own("pv")}
REFUSED = [
    (lambda: pool(amount=None), PlanError, "exactly one source"),
    (lambda: pool(base="bv", rate="1%"), PlanError, "exactly one source"),
    (lambda: pool(**NONE, base="bv", figure="profit", rate="1%"), PlanError, "exactly one source"),
    (lambda: pool(**NONE, base="bv"), PlanError, "needs a rate"),
    (lambda: pool(rate="1%"), PlanError, "none beside an amount"),
    (lambda: pool(**NONE, base="bv", rate="101%"), RateError, "above 100"),
    (lambda: pool(**NONE, base="bv", rate="-1%"), RateError, "negative"),
    (lambda: pool(**NONE, base="bv", rate=0.5), RateError, "float"),
    (lambda: pool(**NONE, base=5, rate="1%"), PlanError, "a base"),
    (lambda: pool(**NONE, of=5, rate="1%"), PlanError, "no list of policies"),
    (lambda: pool(**NONE, figure="", rate="1%"), PlanError, "figure"),
    (lambda: pool(**NONE, figure=5, rate="1%"), PlanError, "figure"),
    (lambda: pool(**NONE, inside="", rate="1%"), PlanError, "inside"),
    (lambda: pool(amount=10), PlanError, "amount: is no amount"),
    (lambda: pool(amount="-10.00"), PlanError, "amount: is no amount"),
    (lambda: pool(where={"kind": ["retail"]}), PlanError, "for no base"),
    (lambda: pool(counting="claimed"), PlanError, "pay of no policy"),
    (lambda: pool(counting="all"), PlanError, "counting"),
    (lambda: pool(split="up"), PlanError, "split"),
    (lambda: pool(paid="no"), PlanError, "paid"),
    (lambda: pool(eligible="gold"), PlanError, "a condition"),
    (lambda: pool(equal=None), PlanError, "one way to hold shares"),
    (lambda: pool(on=own("pv")), PlanError, "one way to hold shares"),
    (lambda: pool(equal=1), PlanError, "equal"),
    (lambda: pool(equal=None, by_rank={"gold": "1"}), PlanError, "no number of shares"),
    (lambda: pool(equal=None, by_rank={"gold": -1}), PlanError, "no number of shares"),
    (lambda: pool(equal=None, by_rank={"gold": True}), PlanError, "no number of shares"),
    (lambda: pool(equal=None, by_rank={"gold": 2**63}), PlanError, "no number of shares"),
    (lambda: pool(equal=None, by_rank=["gold"]), PlanError, "not a table"),
    (lambda: pool(equal=None, by_rank={"gold": 1}, rank_column=""), PlanError, "rank_column"),
    (lambda: pool(per="10"), PlanError, "a measure that is not given"),
    (lambda: pool(above=own("pv")), PlanError, "a measure that is not given"),
    (lambda: pool(**ON, per="0"), PlanError, "no number above 0"),
    (lambda: pool(**ON, per=10), PlanError, "no number above 0"),
    (lambda: pool(total_shares=0), PlanError, "total_shares"),
    (lambda: pool(total_shares=True), PlanError, "total_shares"),
    (lambda: pool(total_shares="5"), PlanError, "total_shares"),
    (lambda: pool(share_value="half_up"), PlanError, "more than the pot"),
    (lambda: pool(share_value="up"), InputError, "rounding mode"),
    (lambda: pool(per_person=5), PlanError, "per_person"),
    (lambda: pool(per_person="0"), PlanError, "per_person"),
    (lambda: pool(excess="share"), PlanError, "above a cap"),
    (lambda: pool(excess="share", per_person="5.00", share_value="floor"), PlanError, "above a cap"),
    (lambda: pool(excess="drop"), PlanError, "excess"),
    (lambda: pool(if_empty="drop"), PlanError, "if_empty"),
    (lambda: pool(if_empty="carry", paid=False), PlanError, "does not pay"),
    (lambda: rated(rates={}), PlanError, "are empty"),
    (lambda: rated(rates={"gold": "101%"}), RateError, "above 100"),
    (lambda: rated(rates={"gold": 0.1}), RateError, "float"),
    (lambda: rated(rank_column=""), PlanError, "rank_column"),
    (lambda: rated(scale_decimals=0), PlanError, "out of range"),
    (lambda: rated(scale_decimals=19), PlanError, "out of range"),
    (lambda: rated(scale_decimals="3"), PlanError, "scale_decimals"),
    (lambda: plan_of(pool(**NONE, inside="x", rate="1%")), PlanError, "no pool of the same"),
    (lambda: plan_of(PAY, pool(**NONE, inside="pay", rate="1%")), PlanError, "no pool of the same"),
    (
        lambda: plan_of(pool("a", stage=2), pool("b", amount=None, inside="a", rate="1%")),
        PlanError,
        "no pool of the same",
    ),
    (lambda: plan_of(pool("a", amount=None, inside="a", rate="1%")), PlanError, "'a > a'"),
    (
        lambda: plan_of(
            pool("a", amount=None, inside="b", rate="1%"), pool("b", amount=None, inside="a", rate="1%")
        ),
        PlanError,
        "'a > b > a'",
    ),
    (
        lambda: plan_of(
            pool("a"),
            pool("b", amount=None, inside="a", rate="60%"),
            pool("c", amount=None, inside="a", rate="41%"),
        ),
        PlanError,
        "got '101%'",
    ),
    (lambda: plan_of(pool(**NONE, of="pay", rate="1%"), PAY), PlanError, "not in an earlier stage"),
    (
        lambda: plan_of(pool(paid=False), caps=[fx.Cap.per_payee("5.00", on=["pool"])]),
        PlanError,
        "a policy that is not paid",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "words"), REFUSED, ids=range(len(REFUSED)))
def test_bad_fields_are_refused_when_they_are_written(make, error, words):
    """Every mistake in a field, and pools that do not fit together, raise at once and are named."""
    with pytest.raises(error) as raised:
        make()
    assert words in str(raised.value)


CHAIN = {
    "parents": {"a": None, "b": "a", "c": "b"}, "rank": dict.fromkeys("abc", "gold"),
    "active": dict.fromkeys("abc", True),
    "orders": [{"member": member, "pv": Fraction(100), "bv": Fraction(1000)} for member in "abc"],
}  # fmt: skip
LATE = [
    (pool(equal=None, by_rank={"none": 1}), PlanError, "by_rank"),
    (pool(equal=None, by_rank={"gold": 1}, rank_column="active"), PlanError, "not text"),
    (pool(equal=None, by_rank={"gold": 1}, rank_column="title"), InputError, "title"),
    (rated(rates={"none": "10%"}), PlanError, "rates"),
    (pool(**NONE, figure="profit", rate="1%"), InputError, "figure 'profit'"),
    (pool(**NONE, base="cv", rate="1%"), OrdersError, "cv"),
    (pool(amount="0.001"), MoneyError, "pot"),
    (pool(per_person="0.001"), MoneyError, "per_person"),
    (pool(total_shares=2), PlanError, "allowed: 3 or more"),
    (pool(equal=None, on=own("bv"), total_shares=2999), PlanError, "allowed: 3000.000 or more"),
    (pool(**ON, above=own("bv")), PlanError, "another unit"),
    (pool(equal=None, on=own("bv"), above=own("orders")), PlanError, "another unit"),
]


@pytest.mark.parametrize(("policy", "error", "words"), LATE, ids=range(len(LATE)))
def test_what_does_not_fit_the_facts_is_refused_when_it_is_settled(policy, error, words):
    """Ranks without a row, missing figures, too many shares and measures of two units are named."""
    with pytest.raises(error) as raised:
        settled(CHAIN, policy)
    assert words in str(raised.value)


def test_plans_hold_every_field_as_plain_data():
    """Plain data keeps all fields of both policies."""
    plan = plan_of(
        PAY,
        pool("base", amount=None, base=fx.Base("bv") * "40%", rate="2%", where=fx.Where(kind="retail")),
        pool("figure", amount=None, figure="profit", rate="1/3", split="floor", paid=False),
        pool("of", amount=None, of="pay", rate="5%", counting="claimed", stage=2, eligible=ACTIVE),
        pool("inside", amount=None, inside="base", rate="5%", share_value=fx.Rounding("floor", step=10)),
        pool("ranks", equal=None, by_rank={"none": 0, "gold": 5}, rank_column="title", total_shares=50),
        pool("growth", **ON, above=own("pv").each_of(2), per="1000", per_person="5.00", excess="share"),
        RatedPool("rated", amount="5.00", rates={"gold": "10%"}, rank_column="title", scale_decimals=3),
    )
    assert plan.policies[4].share_value == fx.Rounding("floor", step=10)
    assert plan.to_dict()["policies"][5]["by_rank"] == {"none": 0, "gold": 5}
    assert len(plan.recorded_measures) == 1


# ------------------------------------------------------------------------- beyond 64 bits on the way


@pytest.mark.parametrize("held", [[2**63 - 1, 2**63 - 2, 5, 2**62], [10**12 + 1, 3 * 10**12, 7, 10**11 + 3]])
def test_shares_whose_products_are_beyond_64_bits_are_exact(held):
    """Large volumes are divided exactly, with and without a cap, whether or not their sum fits."""
    weights = np.array(held, dtype=np.int64)
    shares = dict(enumerate(weights.tolist()))
    value = Fraction(10**9, sum(shares.values()))
    for split in SPLITS:
        wanted = twin.parts(10**9, shares, split=split)
        leftover = split == "largest_remainder"
        assert divided(weights, value, leftover=leftover).tolist() == list(wanted.values())
        assert divided(weights.astype(object), value, leftover=leftover).tolist() == list(wanted.values())
        wanted = twin.parts(10**9, shares, split=split, most=3 * 10**8, excess="share")
        assert levelled(weights, value, 3 * 10**8, leftover=leftover).tolist() == list(wanted.values())


def test_rates_whose_common_denominator_is_beyond_64_bits_are_exact():
    """Rates of large prime denominators are paid to the cent."""
    primes = [999_999_999_989, 999_999_999_961, 999_999_999_937]
    table = dict(zip(RANKS, (Fraction(10**11, prime) for prime in primes), strict=True))
    world = CHAIN | {"rank": dict(zip("abc", RANKS, strict=True))}
    texts = {rank: text(rate) for rank, rate in table.items()}
    run = run_of(world, rated(rates=texts, eligible=ACTIVE))
    rates = {member: table[rank] for member, rank in world["rank"].items()}
    assert claimed(run, "pool") == some(twin.rated(1000, rates))


def test_a_pot_must_fit():
    """A pot beyond 64-bit minor units is refused, also where each member's part would fit."""
    world = CHAIN | {"orders": [order | {"bv": Fraction(9 * 10**15)} for order in CHAIN["orders"]] * 4}
    with pytest.raises(MoneyOverflowError, match="64"):
        settled(world, pool(**NONE, base=fx.Base("bv") * "1", rate="100%", total_shares=10**9))


def test_parts_beyond_64_bits_are_refused():
    """What one holder would get has to fit."""
    with pytest.raises(MoneyOverflowError, match="64"):
        divided(np.array([2**40]), Fraction(2**40), leftover=True)


# ---------------------------------------------------------------------------------------------- words


def told(policy, member, world=CHAIN, **more):
    """Return reason and words for a member who gets nothing."""
    verdict = run_of(world, policy, **more).explain_period(member).verdicts[-1]
    assert verdict.claimed == 0
    return verdict.reason, verdict.detail


def test_everybody_without_a_part_is_told_why():
    """Not eligible, no shares, an empty pot, a part that rounds to nothing, and nobody at all."""
    ranks = CHAIN | {"rank": {"a": "gold", "b": "silver", "c": "none"}}
    table = {"none": 0, "silver": 1, "gold": 5}
    by_rank = pool(equal=None, by_rank=table)
    assert told(by_rank, "c", ranks) == (Reason.NOT_ENTITLED, "rank none has no share")
    gold = fx.column("rank") == "gold"
    assert told(pool(eligible=gold), "b", ranks) == (Reason.NOT_ELIGIBLE, "rank silver is not gold")
    some_have = CHAIN | {"orders": CHAIN["orders"][:2]}
    assert told(pool(**ON), "c", some_have) == (Reason.NOT_ENTITLED, "own pv 0 gives no share")
    lucky = CHAIN | {"orders": [*CHAIN["orders"], CHAIN["orders"][0]]}
    assert told(pool(**ON, per="150"), "c", lucky) == (
        Reason.NOT_ENTITLED, "own pv 100; one share for each 150",
    )  # fmt: skip
    above = pool(equal=None, on=organisation("pv"), above=own("pv"))
    assert told(above, "c") == (
        Reason.NOT_ENTITLED, "organisation pv 100 above own pv 100 gives no share",
    )  # fmt: skip
    assert told(pool(**NONE, figure="profit", rate="5%"), "a", figures={"profit": "-1.00"}) == (
        Reason.ZERO_RATE, "1 of 3 shares of 0.00, 0.00 a share",
    )  # fmt: skip
    assert told(pool(amount="0.02"), "c") == (
        Reason.ROUNDED_TO_ZERO, "1 of 3 shares of 0.02, 0.00 a share",
    )  # fmt: skip
    nobody = pool(eligible=fx.column("rank") == "silver")
    assert told(nobody, "a") == (
        Reason.EMPTY_POOL,
        "nobody has a share, so that 10.00 stay with the company; rank gold is not silver",
    )
    rates = {"none": "0%", "silver": "60%", "gold": "70%"}
    assert told(rated(rates=rates), "c", ranks) == (Reason.NOT_ENTITLED, "rank none has no share")
    assert told(rated(rates=rates, amount="0.01", split="floor"), "b", ranks) == (
        Reason.ROUNDED_TO_ZERO, "60% of 0.01, all rates scaled by 10/13",
    )  # fmt: skip
    assert told(rated(rates=rates, amount="0.01"), "b", ranks | {"rank": dict.fromkeys("abc", "none")}) == (
        Reason.EMPTY_POOL, "nobody has a share, so that 0.01 stay with the company; rank none has no share",
    )  # fmt: skip
    assert told(pool(paid=False), "a") == (
        Reason.BASE_ONLY, "3.34: 1 of 3 shares of 10.00, 3.33 a share",
    )  # fmt: skip


def test_parts_are_told_in_words():
    """Statements say shares, pot and what a share is worth, and what the cap did."""

    def parts(policy, member="a"):
        return run_of(CHAIN, policy).explain_period(member).verdicts[0].parts

    assert parts(pool()) == ("3.34: 1 of 3 shares of 10.00, 3.33 a share",)
    assert parts(pool(total_shares=4)) == ("2.50: 1 of 4 shares of 10.00, 2.50 a share",)
    assert parts(pool(equal=None, on=own("bv"), total_shares=5000)) == (
        "2.00: 1000.000 of 5000.000 shares of 10.00, 0.00 a share",
    )
    stepped = pool(share_value=fx.Rounding("floor", step=100))
    assert parts(stepped) == ("3.00: 1 of 3 shares of 10.00, 3.00 a share",)
    assert parts(pool(per_person="2.00")) == (
        "2.00: 1 of 3 shares of 10.00, 3.33 a share, at most 2.00 each",
    )
    assert parts(pool(per_person="2.00", excess="share")) == (
        "2.00: 1 of 3 shares of 10.00, 3.33 a share, at most 2.00 each and what others have above it",
    )
    rest = {"none": "0%", "silver": "0%"}
    assert parts(rated(rates=rest | {"gold": "30%"})) == ("3.00: 30 % of 10.00",)
    assert parts(rated(rates=rest | {"gold": "50%"}, scale_decimals=2)) == (
        "3.30: 50 % of 10.00, all rates scaled by 66%",
    )


def test_a_level_bonus_of_the_same_volume_is_another_thing_than_a_pool():
    """Levels of a volume pay sponsors; a pool by that volume pays whoever has it."""
    level = LevelBonus("levels", on=own("bv"), rates=["1%"], if_not="company")
    run = run_of(CHAIN, pool(**NONE, base="bv", rate="1%", on=own("bv"), equal=None), level)
    assert paid(run, "pool") == dict.fromkeys("abc", 1000)
    assert paid(run, "levels") == {"a": 1000, "b": 1000}


def test_a_pool_reads_what_its_shares_and_conditions_read():
    """Columns and measures of shares, of what is taken off, and of who is eligible."""
    leaders = group("pv", breaks=fx.column("leader") == True)  # noqa: E712  # builds a condition
    policy = pool(equal=None, on=leaders, above=own("pv", first_days=30), eligible=own("bv") >= "1")
    assert set(policy.member_columns()) == {"leader", "joined"}
    assert {"own('bv')", repr(leaders)} <= {repr(measure) for measure in policy.measures()}
    assert pool(equal=None, by_rank={"gold": 1}, rank_column="title").member_columns() == ("title",)
    assert rated(rank_column="title", eligible=ACTIVE).member_columns() == ("active", "title")


def test_a_pool_is_computed_once_in_a_settlement():
    """Its pot and parts are kept, so that explanations cost no pass over the orders each."""
    run = run_of(CHAIN, pool(**NONE, base="bv", rate="1%"))
    view = run.views[1]
    assert run.plan.policies[0].amounts(view) is run.plan.policies[0].amounts(view)
