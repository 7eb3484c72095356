"""Differentials, same-rank bonuses, ceilings and price gaps against their slow twin, line by line."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from tests.oracles import cascades as slow
from tests.oracles.engine_rules import forest_shapes
from tests.strategies import cascades as worlds
from tests.strategies.cascades import (
    BASES,
    RANKS,
    SHARES,
    built_bonus,
    built_cascade,
    built_differential,
    built_gap,
)

QUICK = settings(max_examples=40, deadline=None)


def claimed(run):
    """Return what each line claims for whom, by policy: {(order, line, policy, payee): [minor units]}."""
    found = Counter()
    for batch in run.lines():
        columns = batch.columns()
        names = ("order_id", "line", "policy", "payee", "claimed_minor")
        for key in zip(*(list(columns[name]) for name in names), strict=True):
            found[key] += 1
    return found


def expected(world, policy, claims):
    """Return the same of the twin, given a function from an order line to its claims."""
    found = Counter()
    for line in world["lines"]:
        for payee, amount in claims(line):
            if amount:
                found[line["order_id"], line["line"], policy["name"], payee, amount] += 1
    return found


def of_line(policy, line):
    """Return a differential with the rates of one line's product, None where it does not count."""
    if policy["where"] is not None and line["product"] != policy["where"]:
        return None
    return policy | {"rates": policy["by_product"].get(line["product"], policy["rates"])}


def differential_claims(world, policy):
    """Return the twin's claims of a differential by line."""

    def claims(line):
        mine = of_line(policy, line)
        base = BASES[policy["base"]](line)
        return [] if mine is None else slow.differential(world, line["member"], base, mine)

    return claims


def bonus_claims(world, policy):
    """Return the twin's claims of a same-rank bonus by line."""

    def claims(line):
        of = of_line(policy["of"], line)
        base = None if policy["base"] is None else BASES[policy["base"]](line)
        step_base = BASES[policy["of"]["base"]](line)
        if of is None:
            return []
        return slow.same_rank(world, line["member"], step_base, base, policy | {"of": of}, RANKS)

    return claims


def prices_of(policy, line):
    """Return the price of every rank on a line."""
    return policy["prices"] or {rank: line[f"price {rank}"] for rank in RANKS}


def cascade_claims(world, policy):
    """Return the twin's claims of a ceiling cascade by line."""
    return lambda line: slow.cascade(world, line["member"], BASES[policy["base"]](line), policy)


def gap_claims(world, policy):
    """Return the twin's claims of a price gap by line."""
    return lambda line: slow.price_gap(
        world, line["member"], line["quantity"], prices_of(policy, line), policy
    )


def settled(world, *policies, **more):
    """Settle a world; its plan survives the way to plain data and back."""
    plan = worlds.plan_of(*policies, **more)
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    return fx.settle(worlds.facts_of(world), plan)


@QUICK
@given(world=worlds.worlds(), policy=worlds.differentials(), data=st.data())
def test_differential_and_same_rank_like_the_twin(world, policy, data):
    """Every line of a differential and of the bonus on it is the slow twin's; blocked steps are breakage."""
    bonus = data.draw(worlds.bonuses(policy))
    run = settled(world, built_bonus(bonus), built_differential(policy))
    wanted = expected(world, policy, differential_claims(world, policy))
    wanted += expected(world, bonus, bonus_claims(world, bonus))
    assert claimed(run) == wanted
    lost = 0
    for line in world["lines"]:
        mine = of_line(policy, line)
        if mine is not None:
            lost += slow.blocked(world, line["member"], BASES[policy["base"]](line), mine)
    assert run.margin_report().breakage == lost
    totals = run.totals(policy["name"])
    assert sum(totals.allowed.tolist()) == sum(key[-1] * n for key, n in wanted.items() if key[2] == "career")


@QUICK
@given(world=worlds.worlds(), policy=worlds.cascades())
def test_cascade_like_the_twin(world, policy):
    """Every line of a ceiling cascade is the slow twin's."""
    run = settled(world, built_cascade(policy))
    assert claimed(run) == expected(world, policy, cascade_claims(world, policy))


@QUICK
@given(world=worlds.worlds(), policy=worlds.gaps())
def test_price_gap_like_the_twin(world, policy):
    """Every line of a price gap is the slow twin's, and so are the sellers' mark-ups."""
    run = settled(world, built_gap(policy))
    assert claimed(run) == expected(world, policy, gap_claims(world, policy))
    shown = Counter()
    for line in world["lines"]:
        if line["member"] is not None:
            shown[line["member"]] += slow.markup(world, line, prices_of(policy, line))
    found = dict(zip(run.shown().members.tolist(), run.shown().allowed.tolist(), strict=True))
    assert found == {member: shown[member] for member in found}


# ------------------------------------------------------------------------------------------ all small trees


def small_trees(most):
    """Yield the sponsors of every tree of 1 to `most` members, whose sponsors stand before them."""
    for size in range(1, most + 1):
        for ups in product(*(range(place) for place in range(1, size))):
            yield dict(enumerate([None, *ups]))


RISING = {"plain": Fraction(1, 20), "silver": Fraction(1, 3), "gold": Fraction(1, 2)}
PLAIN = {"name": "career", "base": "paid", "rates": RISING, "by_product": {}, "seller": None, "ceiling": None,
         "start": 0, "eligible": "active", "blocks": False, "rounding": "half_up", "where": None}  # fmt: skip
BONUS = {"name": "peers", "of": PLAIN, "base": None, "rates": [Fraction(1, 2), Fraction(1, 3)],
         "eligible": None, "rounding": "floor"}  # fmt: skip
LIMITS = dict(zip(worlds.ROLES, SHARES[1:4], strict=True))
MALL = {"name": "mall", "base": "paid", "ceilings": LIMITS,
        "users": [Fraction(1, 20), Fraction(1, 20)], "start": 0, "eligible": "active",
        "rounding": "floor"}  # fmt: skip
STOCK = {"name": "stock", "prices": {"plain": 9, "silver": 8, "gold": 6}, "eligible": "active"}
PAID = (0, 1, 2, 3, 19, 20, 21)
"""Around where 5 % and a third round to something else."""


def everywhere(sponsors, turn):
    """Return a world in which everybody buys once; columns and amounts go round with `turn`."""
    members = {
        label: {
            "rank": RANKS[(turn + label * label) % 3],
            "role": (*worlds.USERS, *worlds.ROLES)[(turn * 3 + label) % 5],
            "active": (turn + label) % 4 != 1,
            "fit": True,
            "contract": SHARES[(turn + label) % 6],
            "own": Fraction(0),
        }
        for label in sponsors
    }
    lines = [
        {
            "order_id": label,
            "line": 0,
            "member": label,
            "paid": PAID[(turn + label) % 7],
            "pv": label,
            "quantity": (turn + label) % 3,
            "product": "other",
            **dict.fromkeys((f"price {rank}" for rank in RANKS), 0),
        }
        for label in sponsors
    ]
    return {"sponsors": sponsors, "members": members, "lines": lines}


@pytest.mark.parametrize("blocks", [False, True])
def test_all_small_trees(blocks):
    """On every tree of up to five members, and every forest of six, all families pay what the twin pays."""
    career = PLAIN | {"blocks": blocks}
    bonus = BONUS | {"of": career}
    plan = worlds.plan_of(
        built_differential(career), built_bonus(bonus), built_cascade(MALL), built_gap(STOCK)
    )
    for turn, sponsors in enumerate([*small_trees(5), *forest_shapes(6)]):
        world = everywhere(sponsors, turn)
        run = fx.settle(worlds.facts_of(world), plan)
        wanted = expected(world, career, differential_claims(world, career))
        wanted += expected(world, bonus, bonus_claims(world, bonus))
        wanted += expected(world, MALL, cascade_claims(world, MALL))
        wanted += expected(world, STOCK, gap_claims(world, STOCK))
        assert claimed(run) == wanted


# ------------------------------------------------------------------------------------------------------ laws


def by_line(run, policy):
    """Return what a policy claims for each order line."""
    sums = Counter()
    for (order, line, name, _, amount), n in claimed(run).items():
        if name == policy["name"]:
            sums[order, line] += amount * n
    return sums


@QUICK
@given(world=worlds.worlds(), policy=worlds.differentials())
def test_differential_pays_the_highest_rate_rounded_once(world, policy):
    """If everybody is eligible, the lines of an order line add up to the highest rate on its path."""
    policy |= {"eligible": None, "blocks": False, "by_product": {}, "where": None, "seller": None}
    sums = by_line(settled(world, built_differential(policy)), policy)
    ceiling = policy["ceiling"] if policy["ceiling"] is not None else Fraction(1)
    for line in world["lines"]:
        people = [world["members"][who] for who in slow.climb(world, line["member"], policy["start"])]
        rates = [
            his[policy["rates"]] if isinstance(policy["rates"], str) else policy["rates"][his["rank"]]
            for his in people
        ]
        highest = min(max(rates, default=Fraction(0)), ceiling)
        whole = slow.rounded(highest * BASES[policy["base"]](line), policy["rounding"])
        assert sums[line["order_id"], line["line"]] == whole


@QUICK
@given(world=worlds.worlds(), policy=worlds.cascades())
def test_cascade_stays_below_its_top(world, policy):
    """A cascade pays at most the highest ceiling, or the user rates' sum, rounded once."""
    sums = by_line(settled(world, built_cascade(policy)), policy)
    top = max(*policy["ceilings"].values(), sum(policy["users"], Fraction(0)))
    for line in world["lines"]:
        limit = slow.rounded(top * BASES[policy["base"]](line), policy["rounding"])
        assert sums[line["order_id"], line["line"]] <= limit


@QUICK
@given(world=worlds.worlds(), policy=worlds.gaps())
def test_price_gaps_telescope(world, policy):
    """What a line pays is the seller's price less the lowest price on the path, times the quantity."""
    policy |= {"eligible": None}
    sums = by_line(settled(world, built_gap(policy)), policy)
    for line in world["lines"]:
        prices = prices_of(policy, line)
        path = [prices[world["members"][who]["rank"]] for who in slow.climb(world, line["member"], 0)]
        gap = path[0] - min(path) if path else 0
        assert sums[line["order_id"], line["line"]] == gap * line["quantity"]


@QUICK
@given(world=worlds.worlds(), policy=worlds.differentials(), data=st.data())
def test_guard_holds_with_all_of_them(world, policy, data):
    """However small the margins, an order pays at most its margin, and claimed is allowed plus withheld."""
    bonus, mall, stock = (
        data.draw(drawn) for drawn in (worlds.bonuses(policy), worlds.cascades(), worlds.gaps())
    )
    margin = data.draw(st.integers(0, 30))
    plan = worlds.plan_of(
        built_bonus(bonus), built_differential(policy), built_cascade(mall), built_gap(stock)
    )
    run = fx.settle(worlds.facts_of(world, margin), plan)
    sizes, paid = Counter(line["order_id"] for line in world["lines"]), Counter()
    for batch in run.lines():
        columns = batch.columns()
        for order, amount in zip(list(columns["order_id"]), list(columns["allowed_minor"]), strict=True):
            paid[order] += int(amount)
    assert all(amount <= margin * sizes[order] for order, amount in paid.items())
    report = run.margin_report()
    assert report.claimed == report.used + report.withheld


@QUICK
@given(world=worlds.worlds(), policy=worlds.differentials(), data=st.data())
def test_same_rank_bonus_is_on_top(world, policy, data):
    """A differential pays the same with and without a same-rank bonus beside it."""
    alone = settled(world, built_differential(policy))
    both = settled(world, built_differential(policy), built_bonus(data.draw(worlds.bonuses(policy))))
    assert by_line(alone, policy) == by_line(both, policy)


@QUICK
@given(world=worlds.worlds(), policy=worlds.differentials(), data=st.data())
def test_trace_agrees_with_the_lines(world, policy, data):
    """Explanations claim what the lines claim, and tell everybody on the path a reason of his own."""
    bonus, mall, stock = (
        data.draw(drawn) for drawn in (worlds.bonuses(policy), worlds.cascades(), worlds.gaps())
    )
    run = settled(
        world, built_bonus(bonus), built_differential(policy), built_cascade(mall), built_gap(stock)
    )
    wanted = Counter()
    for (order, line, name, payee, amount), n in claimed(run).items():
        wanted[order, line, name, payee] += amount * n
    found = Counter()
    for order, member in product({line["order_id"] for line in world["lines"]}, world["sponsors"]):
        for verdict in run.explain(member, order).verdicts:
            found[order, verdict.line, verdict.policy, member] += verdict.claimed
            assert verdict.text(2)
            if not verdict.claimed:
                assert verdict.reason is not fx.Reason.PAID
    assert +found == wanted
