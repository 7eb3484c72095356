"""Pools and dividends against slow twins: every pot, every way to hold shares, every option, and the laws."""

from __future__ import annotations

from fractions import Fraction

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import Reason
from fenxiao.policies import GenerationMatch, MatchingBonus, Pool, RatedPool, VolumeCommission
from fenxiao.volumes import organisation, own
from tests.oracles import pools as twin
from tests.oracles import volume_pay as slow
from tests.strategies.volume_worlds import (
    RANKS,
    check_words,
    paid,
    plan_of,
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


def test_a_match_on_a_pool_that_rounds_to_nothing_is_told():
    """A third of one cent is nothing, in words as well (once it was only a code)."""
    world = {
        "parents": {0: None, 1: 0}, "rank": dict.fromkeys(range(2), "none"),
        "active": dict.fromkeys(range(2), True),
        "orders": [{"member": 1, "pv": Fraction(100), "bv": Fraction(1, 100)}],
    }  # fmt: skip
    pool = Pool("pool", base="bv", rate="100%", on=own("pv"))
    match = MatchingBonus("match", of="pool", rates=["1/3"], if_not="company", stage=2)
    run = run_of(world, pool, match)
    check_words(run)
    assert "1/3 at level 1" in str(run.explain_period(0))
