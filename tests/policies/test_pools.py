"""Pools and dividends against slow twins: every pot, every way to hold shares, every option, and the laws."""

from __future__ import annotations

from fractions import Fraction

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from fenxiao.policies import (
    GenerationMatch,
    LevelBonus,
    MatchingBonus,
    PeriodView,
    Pool,
    RatedPool,
    VolumeCommission,
)
from fenxiao.policies.dividing import divided, levelled
from fenxiao.volumes import group, organisation, own
from tests.oracles import pools as twin
from tests.oracles import volume_pay as slow
from tests.strategies.volume_worlds import (
    RANKS,
    check_words,
    paid,
    plan_of,
    settled,
    some,
    text,
    volume_facts,
    volume_worlds,
)

many = settings(max_examples=80, deadline=None)
few = settings(max_examples=30, deadline=None)
RATES = [Fraction(0), Fraction(1, 50), Fraction(1, 16), Fraction(1, 7), Fraction(1)]
MONEY = ["0", "0.01", "0.07", "1.00", "99.99", "10000.00"]
SPLITS = ["largest_remainder", "floor"]
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
PAY = VolumeCommission("pay", rate_on=own("bv"), pay_on=own("bv"), brackets={"0": "10%"})
PAY_CAP = fx.Cap.per_payee("3.00", on=["pay"])


def cents(money):
    """Return an amount in minor units."""
    return int(Fraction(money) * 100)


def run_of(world, *policies, figures=None, caps=(), margin=None):
    """Settle a world with figures."""
    facts = attrs.evolve(volume_facts(world, margin), figures=figures or {})
    return fx.settle(facts, plan_of(*policies, caps=list(caps)))


def claimed(run, policy):
    """Return what a policy claims for each member in minor units, those with nothing left out."""
    totals = run.totals(policy)
    pairs = zip(totals.members.tolist(), totals.claimed.tolist(), strict=True)
    return {label: amount for label, amount in pairs if amount}


def eligible_in(world, gated):
    """Return who may hold anything."""
    return {member for member in world["parents"] if world["active"][member] or not gated}


@st.composite
def pots(draw, world):
    """Draw a pot: its fields, figures of the facts, and minor units."""
    kind = draw(st.sampled_from(["base", "where", "figure", "of", "amount"]))
    rate = draw(st.sampled_from(RATES))
    fields, figures = {"rate": text(rate)}, {}
    if kind == "amount":
        money = draw(st.sampled_from(MONEY))
        return {"amount": money}, figures, cents(money)
    if kind == "figure":
        money = draw(st.sampled_from(["-5.00", "0", "0.99", "12345.67"]))
        fields, figures, exact = fields | {"figure": "profit"}, {"profit": money}, cents(money)
    elif kind == "of":
        counting = draw(st.sampled_from(["allowed", "claimed"]))
        claims = [int(volume * 10) for volume in slow.own(world, "bv").values()]
        fields |= {"of": "pay", "counting": counting, "stage": 2}
        exact = sum(min(claim, 300) if counting == "allowed" else claim for claim in claims)
    else:
        orders = [order for order in world["orders"] if kind == "base" or order["pv"] >= 100]
        third = draw(st.booleans())
        fields |= {"base": fx.Base("bv") * "1/3" - fx.Base("pv") * "1%" if third else "bv"}
        fields |= {"where": fx.Where(minimum={"pv": "100"})} if kind == "where" else {}
        worth = [max(order["bv"] / 3 - order["pv"] / 100, 0) if third else order["bv"] for order in orders]
        exact = sum(worth, Fraction(0)) * 100
    return fields, figures, twin.pot_of(Fraction(exact), rate)


@st.composite
def holdings(draw, world):
    """Draw a way to hold shares: its fields, and what each member holds."""
    way = draw(st.sampled_from(["by_rank", "equal", "on", "fine", "per", "above", "growth"]))
    if way == "by_rank":
        table = {rank: draw(st.sampled_from([0, 1, 5, 10])) for rank in RANKS}
        if not any(table.values()):
            table["gold"] = 3
        return {"by_rank": table}, {member: table[rank] for member, rank in world["rank"].items()}
    if way == "equal":
        return {"equal": True}, dict.fromkeys(world["parents"], 1)
    points, whole = slow.own(world, "pv"), slow.organisation(world, slow.own(world, "pv"))
    if way == "on":
        return {"on": organisation("pv")}, whole
    if way == "fine":
        return {"on": own("bv")}, slow.own(world, "bv")
    per = draw(st.sampled_from(["1", "50", "1000", "0.5", "33.3"]))
    if way == "per":
        volume = slow.own(world, "bv")
        shares = {member: volume[member] // Fraction(per) for member in volume}
        return {"on": own("bv"), "per": per}, shares
    fields = {"on": organisation("pv"), "above": own("pv")}
    shares = {member: max(whole[member] - points[member], 0) for member in whole}
    if way == "above":
        return fields, shares
    return fields | {"per": per}, {member: shares[member] // Fraction(per) for member in shares}


@st.composite
def options(draw, shares):
    """Draw how a pot is split: the fields, and the options of the twin."""
    fields, said = {}, {}
    if draw(st.booleans()):
        total = int(sum(shares.values())) + 1 + draw(st.integers(0, 50))
        fields, said = {"total_shares": total}, {"total": total}
    split = draw(st.sampled_from(SPLITS))
    fields, said = fields | {"split": split}, said | {"split": split}
    if draw(st.booleans()):
        most = draw(st.sampled_from(["0.01", "0.50", "7.77", "500.00"]))
        fields, said = fields | {"per_person": most}, said | {"most": cents(most)}
        if draw(st.booleans()):
            return fields | {"excess": "share"}, said | {"excess": "share"}
    if draw(st.booleans()):
        step = draw(st.sampled_from([1, 10]))
        fields, said = fields | {"share_value": fx.Rounding("floor", step=step)}, said | {"step": step}
    return fields, said


@many
@given(volume_worlds(), st.booleans(), st.data())
def test_pools_agree_with_the_twin(world, gated, data):
    """Any pot, any shares, any split: the same parts, which the options bound, and words for everybody."""
    pot_fields, figures, pot = data.draw(pots(world))
    holding, shares = data.draw(holdings(world))
    may = eligible_in(world, gated)
    shares = {member: number if member in may else 0 for member, number in shares.items()}
    fields, said = data.draw(options(shares))
    policy = Pool("pool", **pot_fields, **holding, **fields, eligible=ACTIVE if gated else None)
    run = run_of(world, PAY, policy, figures=figures, caps=[PAY_CAP])
    wanted = twin.parts(pot, shares, **said)
    assert claimed(run, "pool") == some(wanted)
    check_words(run)
    total, held = sum(wanted.values()), sum(number > 0 for number in shares.values())
    assert total <= pot
    most = said.get("most")
    if most is not None:
        assert max(wanted.values(), default=0) <= most
    exact = "step" not in said and said["split"] == "largest_remainder"
    if exact and "total" not in said and held:
        if most is None:
            assert total == pot
        elif said.get("excess") == "share":
            assert total == min(pot, most * held)
    if not held:
        for member in world["parents"]:
            verdict = run.explain_period(member).verdicts[-1]
            assert verdict.reason is Reason.EMPTY_POOL
            assert f"{pot // 100}.{pot % 100:02} stay with the company" in verdict.detail


@many
@given(
    volume_worlds(),
    st.fixed_dictionaries(
        {rank: st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 3), Fraction(1)]) for rank in RANKS}
    ),
    st.none() | st.integers(1, 4),
    st.sampled_from(SPLITS),
    st.booleans(),
    st.data(),
)
def test_rates_are_scaled_down_to_the_pot(world, table, decimals, split, gated, data):
    """Rates above 100 % together are scaled, exactly or by a factor that is cut; never above the pot."""
    pot_fields, figures, pot = data.draw(pots(world))
    policy = RatedPool(
        "pool", **pot_fields, rates={rank: text(rate) for rank, rate in table.items()}, split=split,
        scale_decimals=decimals, eligible=ACTIVE if gated else None,
    )  # fmt: skip
    run = run_of(world, PAY, policy, figures=figures, caps=[PAY_CAP])
    may = eligible_in(world, gated)
    rates = {member: table[world["rank"][member]] for member in may}
    wanted = twin.rated(pot, rates, decimals=decimals, split=split)
    assert claimed(run, "pool") == some(wanted)
    check_words(run)
    assert sum(wanted.values()) <= pot
    if decimals is None and split == "largest_remainder" and sum(rates.values()) >= 1:
        assert sum(wanted.values()) == pot


@few
@given(
    volume_worlds(), st.sampled_from(MONEY), st.lists(st.sampled_from(RATES[:4]), max_size=3), st.booleans()
)
def test_pools_inside_take_their_share_first(world, money, rates, deep):
    """Inner pools get a rate of the whole, the outer divides what is left; the parts add up to it."""
    inner = [
        Pool(f"in {place}", inside="out", rate=text(rate), equal=True, stage=1 + place)
        for place, rate in enumerate(rates)
    ]
    deepest = RatedPool("deep", inside="in 0", rate="50%", rates=dict.fromkeys(RANKS, "100%"), stage=4)
    more = [deepest] if deep and rates else []
    run = run_of(world, *more, *inner, Pool("out", amount=money, equal=True))
    whole, everybody = cents(money), dict.fromkeys(world["parents"], 1)
    takes = [twin.pot_of(Fraction(whole), rate) for rate in rates]
    assert claimed(run, "out") == some(twin.parts(whole - sum(takes), everybody))
    below = twin.pot_of(Fraction(takes[0]), Fraction(1, 2)) if more else 0
    for place, took in enumerate(takes):
        left = took - below if place == 0 else took
        assert claimed(run, f"in {place}") == some(twin.parts(left, everybody))
    if more:
        assert claimed(run, "deep") == some(twin.rated(below, dict.fromkeys(everybody, Fraction(1))))
    assert run.totals().claimed.sum() == whole
    check_words(run)


@few
@given(volume_worlds(), st.sampled_from([Fraction(1, 3), Fraction(1, 20)]), st.booleans())
def test_later_stages_take_shares_of_a_pool(world, rate, pays):
    """A pool is the base of a level walk, whether its parts are paid or are only that base."""
    pool = Pool("pool", base="bv", rate="100%", on=own("pv"), paid=pays)
    again = Pool("again", of="pool", rate="50%", counting="claimed", equal=True, stage=2)
    match = MatchingBonus("match", of="pool", rates=[text(rate), "10%"], if_not="company", stage=2)
    never = own("pv") >= "100000"
    line = GenerationMatch("line", of="pool", rates=["10%"], boundary=never, counting="claimed", stage=3)
    run = run_of(world, pool, again, match, line)
    pot = twin.pot_of(sum((order["bv"] for order in world["orders"]), Fraction(0)) * 100, Fraction(1))
    parts = twin.parts(pot, slow.own(world, "pv"))
    wanted = dict.fromkeys(world["parents"], 0)
    for source, part in parts.items():
        for level, payee in zip((rate, Fraction(1, 10)), slow.upline(world, source), strict=False):
            wanted[payee] += twin.pot_of(Fraction(part), level)
    assert paid(run, "match") == some(wanted)
    assert paid(run, "pool") == (some(parts) if pays else {})
    everybody = dict.fromkeys(world["parents"], 1)
    assert claimed(run, "again") == some(twin.parts(sum(parts.values()) // 2, everybody))
    below = slow.downline(world, {member: Fraction(parts.get(member, 0)) for member in everybody})
    assert claimed(run, "line") == some(
        {member: int(sum_ * Fraction(1, 10)) for member, sum_ in below.items()}
    )
    if pays:
        check_words(run)
    for source, part in parts.items():
        verdict = run.explain_period(source).verdicts[0]
        assert (verdict.reason is Reason.BASE_ONLY) == (not pays and part > 0)


@few
@given(volume_worlds(), st.integers(0, 500))
def test_the_guard_holds_for_greedy_pools(world, margin):
    """However large the pots, the period pays at most what its orders leave."""
    run = run_of(
        world,
        Pool("fixed", amount="99999.00", equal=True),
        Pool("all", base="bv", rate="100%", equal=True),
        RatedPool("rated", amount="99999.00", rates=dict.fromkeys(RANKS, "100%")),
        margin=margin,
    )
    assert run.totals().allowed.sum() <= margin * len(world["orders"])
    report = run.margin_report()
    assert report.handed_over + report.funds == report.period_pay + report.kept


@few
@given(volume_worlds(), st.randoms(use_true_random=False), st.data())
def test_rows_and_labels_do_not_matter(world, random, data):
    """Orders and members in another sequence change nothing; other labels move a cent between equals."""
    holding, shares = data.draw(holdings(world))
    policy = Pool("pool", amount="100.01", **holding, per_person="70.00", excess="share")
    parts = claimed(run_of(world, policy), "pool")
    mixed = dict(world)
    for column in ("parents", "rank", "active"):
        mixed[column] = dict(random.sample(sorted(world[column].items()), len(world[column])))
    mixed["orders"] = random.sample(world["orders"], len(world["orders"]))
    assert claimed(run_of(mixed, policy), "pool") == parts
    name = {member: -member for member in world["parents"]} | {None: None}
    other = {"parents": {name[member]: name[above] for member, above in world["parents"].items()}}
    other |= {column: {name[m]: value for m, value in world[column].items()} for column in ("rank", "active")}
    other["orders"] = [order | {"member": name[order["member"]]} for order in world["orders"]]
    renamed = claimed(run_of(other, policy), "pool")
    assert sorted(parts.values()) == sorted(renamed.values())
    for member, part in parts.items():
        moved = abs(part - renamed.get(name[member], 0))
        equals = [each for each, number in shares.items() if number == shares[member]]
        assert moved == 0 or (moved == 1 and len(equals) > 1)


@few
@given(st.integers(1, 5), st.integers(0, 400), st.integers(0, 400))
def test_growth_is_what_a_period_has_above_the_last_one(per, last, this):
    """Above the lesser of the last two periods is growth, and a fall gives no share."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": None})

    def facts(day, volumes):
        records = [
            {"order_id": f"{day} {who}", "member": who, "pv": str(pv), "margin": "1000.00", "paid_at": day}
            for who, pv in volumes.items()
        ]
        return fx.Facts(
            tree=tree, orders=fx.Orders.from_records(records, volumes={"pv": 0}, money=("margin",))
        )

    pool = Pool("pool", amount="10.00", on=own("pv"), above=own("pv").each_of(2), per=str(per))
    plan = fx.Plan(
        currency="CNY", margin=fx.Margin.column("margin"), policies=[pool], anchor="paid_at", zone="UTC"
    )
    first = fx.settle(facts("2026-01-10T00:00:00Z", {"ann": last, "bo": 0}), plan, period=fx.month(2026, 1))
    second = fx.settle(
        facts("2026-02-10T00:00:00Z", {"ann": this, "bo": 10}), plan,
        period=fx.month(2026, 2), state=first.state,
    )  # fmt: skip
    shares = {"ann": max(this - last, 0) // per, "bo": 10 // per}
    assert claimed(second, "pool") == some(twin.parts(1000, shares))
    check_words(second)


# ------------------------------------------------------------------------------------------ refusals


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


def test_shares_that_add_up_to_more_than_64_bits_are_exact():
    """Volumes near the limit are divided exactly, with and without a cap."""
    weights = np.array([2**63 - 1, 2**63 - 2, 5, 2**62], dtype=np.int64)
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
    assert isinstance(view, PeriodView)
    assert run.plan.policies[0].amounts(view) is run.plan.policies[0].amounts(view)
