"""Laws of level pay: bounds, what compression and pass-up leave alone, matches, burns, the guard."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.policies import GenerationBonus, LevelBonus, MatchingBonus, Pair, PassUp
from fenxiao.volumes import own
from tests.oracles.climbs import candidates, first_recruits, lower, pay_by_level
from tests.oracles.engine_rules import round_to
from tests.oracles.walks import own_volume
from tests.strategies.networks import RANKS, pay, rates, settled, text, worlds
from tests.strategies.plans import IF_NOT

ACTIVE = {"column": "active", "is": True}
SILVER = {"column": "rank", "at_least": "silver"}
ROUNDINGS = ("floor", "half_up", "half_even", "ceiling")
many = settings(max_examples=40, deadline=None)
more = settings(max_examples=150, deadline=None)
full = worlds(least=4, orders=12)
tables = st.lists(rates, min_size=1, max_size=3)
by_rank = st.fixed_dictionaries({rank: st.lists(rates, max_size=3) for rank in RANKS}).filter(
    lambda table: any(table.values())
)


@st.composite
def options(draw, depth, *, ranked):
    """Draw the fields that level policies share, as plain data."""
    if_not = draw(st.sampled_from(IF_NOT))
    conditions = st.sampled_from([None, ACTIVE, SILVER])
    pass_up = {
        "first": draw(st.integers(1, 2)),
        "whole_branch": draw(st.booleans()),
        "qualified": draw(conditions),
    }
    return {
        "if_not": if_not,
        "start_level": draw(st.sampled_from([0, 1, 2])),
        "compress": draw(conditions),
        "eligible": draw(conditions),
        "source": draw(conditions),
        "unlocks": draw(st.just([]) | st.lists(conditions, min_size=depth, max_size=depth)),
        "pass_up": draw(st.none() | st.just(pass_up)),
        "burn": ranked and draw(st.booleans()),
        "only_if": None
        if if_not == "roll_up"
        else draw(st.none() | st.sampled_from([Pair("joined", ">=", "joined"), Pair("rank", "<=", "rank")])),
        "rounding": draw(st.sampled_from(ROUNDINGS)),
    }


def meets(world, condition, member):
    """Return whether somebody meets one of the conditions that are drawn."""
    if condition is None:
        return True
    if condition is ACTIVE:
        return world["active"][member]
    return RANKS.index(world["rank"][member]) >= RANKS.index("silver")


def fits(world, pair, payee, source):
    """Return whether a payee may be paid for a source."""
    if pair is None:
        return True
    if pair.payee == "joined":
        return world["joined"][payee] >= world["joined"][source]
    return RANKS.index(world["rank"][payee]) <= RANKS.index(world["rank"][source])


def slow_lines(world, table, given, source, base):
    """Return (level, payee, amount) of one source by the slow twin.

    Parameters
    ----------
    table : rates by level, or by rank
    """
    if not meets(world, given["source"], source):
        return []
    ranked = isinstance(table, dict)
    depth = max(map(len, table.values())) if ranked else len(table)
    passed, whole = set(), False
    if given["pass_up"] is not None:
        chosen = given["pass_up"]
        whole = chosen["whole_branch"]
        passed = first_recruits(
            world["parents"], chosen["first"], world["joined"],
            lambda member: meets(world, chosen["qualified"], member),
        )  # fmt: skip
    people = candidates(
        world["parents"], source, start_level=given["start_level"], passed=passed, whole_branch=whole,
        on={member for member in world["parents"] if meets(world, given["compress"], member)},
    )  # fmt: skip

    def row(payee):
        rank = world["rank"][payee]
        return table[lower(rank, world["rank"][source], RANKS) if given["burn"] else rank]

    def may(person, level):
        entitled = not ranked or len(table[world["rank"][person]]) > level
        unlocked = not given["unlocks"] or meets(world, given["unlocks"][level], person)
        return (
            entitled
            and unlocked
            and meets(world, given["eligible"], person)
            and fits(world, given["only_if"], person, source)
        )

    def rate_at(level):
        return lambda payee: row(payee)[level] if level < len(row(payee)) else Fraction(0)

    cells = [rate_at(level) for level in range(depth)] if ranked else table
    return [
        (given["start_level"] + level, payee, amount)
        for level, payee, amount in pay_by_level(base, people, cells, given["if_not"], may, given["rounding"])
    ]


def table_options(table):
    """Return a table as a field of a policy."""
    if isinstance(table, dict):
        return {"by_rank": {rank: [text(rate) for rate in row] for rank, row in table.items()}}
    return {"rates": [text(rate) for rate in table]}


def lines(run, policy):
    """Return (order, level, payee, amount) of a policy's lines."""
    found = set()
    for batch in run.lines():
        columns = batch.columns()
        names = ("policy", "order_id", "level", "payee", "allowed_minor")
        for name, *line in zip(*(list(columns[name]) for name in names), strict=True):
            if name == policy:
                found.add(tuple(int(value) for value in line))
    return found


def totals(entries):
    """Return the sums by payee of (payee, amount) pairs, without those of nothing."""
    sums = {}
    for payee, amount in entries:
        sums[payee] = sums.get(payee, 0) + amount
    return {payee: amount for payee, amount in sums.items() if amount}


@more
@given(full, tables | by_rank, st.data())
def test_every_option_of_level_commissions_together_pays_like_plain_loops(world, table, data):
    """Any options at once: every line's order, level, payee and amount are those of the slow climb."""
    depth = max(map(len, table.values())) if isinstance(table, dict) else len(table)
    given_options = data.draw(options(depth, ranked=isinstance(table, dict)))
    policy = fx.LevelCommission("levels", base="paid", **table_options(table), **given_options)
    run = settled(world, policy)
    wanted = {
        (order["id"], *line)
        for order in world["orders"]
        if order["member"] is not None
        for line in slow_lines(world, table, given_options, order["member"], order["paid"])
        if line[-1]
    }
    assert lines(run, "levels") == wanted
    for order in world["orders"]:
        for member in world["parents"]:
            found = run.explain(member, order["id"])
            paid = {(v.level, v.claimed) for v in found.verdicts if v.claimed}
            mine = {
                (level, amount)
                for number, level, payee, amount in wanted
                if (number, payee) == (order["id"], member)
            }
            assert paid == mine


@more
@given(full, tables | by_rank, rates.filter(bool), st.data())
def test_every_option_of_level_bonuses_together_pays_like_plain_loops(world, table, factor, data):
    """Any options at once, on members: sums of amounts that are rounded once a source and level."""
    depth = max(map(len, table.values())) if isinstance(table, dict) else len(table)
    given_options = data.draw(options(depth, ranked=isinstance(table, dict)))
    bonus = LevelBonus("bonus", on=own("paid"), factor=text(factor), **table_options(table), **given_options)
    run = settled(world, bonus)
    wanted = totals(
        (payee, amount)
        for source, volume in own_volume(world).items()
        for _, payee, amount in slow_lines(world, table, given_options, source, volume * factor)
    )
    assert pay(run, "bonus") == wanted
    for member in world["parents"]:
        index = run.facts.tree.index(member)
        parts = bonus.details(run.views[1], index) if run.views else ()
        assert sum(part.amount for part in parts) == wanted.get(member, 0)
        assert str(run.explain_period(member))


@many
@given(worlds(), tables, st.sampled_from(IF_NOT), st.booleans(), st.sampled_from(ROUNDINGS))
def test_an_order_never_claims_more_than_each_level_s_rate_once(world, table, if_not, compressed, rounding):
    """Path-sum bound: at most one claim a level, so at most the sum of the rates, each rounded."""
    policy = fx.LevelCommission(
        "levels", base="paid", rates=[text(rate) for rate in table], if_not=if_not, rounding=rounding,
        compress=ACTIVE if compressed else None,
    )  # fmt: skip
    found = lines(settled(world, policy), "levels")
    for order in world["orders"]:
        claimed = sum(amount for number, _, _, amount in found if number == order["id"])
        assert claimed <= sum(round_to(order["paid"] * rate, rounding) for rate in table)


def with_somebody_inactive(world, below):
    """Return a world in which an inactive newcomer stands between a member and his sponsor."""
    newcomer = len(world["parents"])
    parents = {**world["parents"], newcomer: world["parents"][below], below: newcomer}
    more = {"rank": "jade", "active": False, "joined": 0, "role": None}
    return {
        **world,
        "parents": parents,
        **{name: {**world[name], newcomer: value} for name, value in more.items()},
    }


@many
@given(worlds(), tables, st.sampled_from(IF_NOT), st.data())
def test_somebody_inactive_in_a_chain_changes_nothing(world, table, if_not, data):
    """Inactive-only compression: whoever is off the route might as well not be there."""
    policy = fx.LevelCommission(
        "levels", base="paid", rates=[text(rate) for rate in table], if_not=if_not, compress=ACTIVE,
        start_level=data.draw(st.sampled_from([0, 1, 2])),
    )  # fmt: skip
    longer = with_somebody_inactive(world, data.draw(st.sampled_from(sorted(world["parents"]))))
    assert lines(settled(longer, policy), "levels") == lines(settled(world, policy), "levels")


@many
@given(worlds(), rates, st.booleans(), st.integers(1, 2))
def test_passing_more_recruits_up_never_pays_their_sponsor_more_for_them(world, rate, whole, first):
    """At level 1, for the orders of his own recruits; what his recruits pass up to him is another matter."""

    def for_recruits(first):
        policy = fx.LevelCommission(
            "levels", base="paid", rates=[text(rate)], if_not="company",
            pass_up=PassUp(first=first, whole_branch=whole),
        )  # fmt: skip
        seller = {order["id"]: order["member"] for order in world["orders"]}
        return totals(
            (payee, amount)
            for number, _, payee, amount in lines(settled(world, policy), "levels")
            if world["parents"][seller[number]] == payee
        )

    fewer, more = for_recruits(first), for_recruits(first + 1)
    assert all(amount <= fewer.get(payee, 0) for payee, amount in more.items())


@many
@given(worlds(), rates, st.sampled_from(ROUNDINGS))
def test_a_match_of_one_level_is_the_sum_of_rounded_shares(world, rate, rounding):
    """Every member of the front line is matched by himself."""
    seller = fx.LevelCommission("seller", base="paid", rates=["1/7"], start_level=0, if_not="company")
    match = MatchingBonus(
        "match", of="seller", rates=[text(rate)], if_not="company", stage=2, rounding=rounding
    )
    run = settled(world, seller, match)
    earned = pay(run, "seller")
    assert pay(run, "match") == totals(
        (sponsor, round_to(earned.get(member, 0) * rate, rounding))
        for member, sponsor in world["parents"].items()
        if sponsor is not None
    )


@many
@given(worlds(high=3000), tables, st.integers(0, 30), st.data())
def test_the_guard_holds_for_every_level_policy(world, table, percent, data):
    """No order pays more than its margin, and the period no more than what the orders leave."""
    given_options = data.draw(options(len(table), ranked=False))
    written = [text(rate) for rate in table]
    run = settled(
        world,
        fx.LevelCommission("levels", base="paid", rates=written, **given_options),
        GenerationBonus(
            "generations", base="paid", rates=written, from_rank="silver", boundary="own_rank",
            if_not="roll_up",
        ),
        LevelBonus("bonus", on=own("paid"), rates=written, **given_options),
        MatchingBonus(
            "match", of=["levels", "bonus"], counting="claimed", rates=written, stage=2, **given_options
        ),
        margin=fx.Margin.rate(f"{percent}%", of="paid"),
    )  # fmt: skip
    found = [line for name in ("levels", "generations") for line in lines(run, name)]
    for order in world["orders"]:
        paid = sum(amount for number, _, _, amount in found if number == order["id"])
        assert paid <= order["paid"] * percent // 100
    report = run.margin_report()
    assert report.order_pay + report.period_pay <= report.budget
    assert report.claimed == report.used + report.withheld


GROWING = {0: None} | {member: member - 1 for member in range(1, 10)}
CAREERS = ["none", *(rank for rank in ("silver", "gold", "jade") for _ in range(3))]


@pytest.mark.parametrize(
    ("boundary", "margin", "cost"),
    [("any", "100%", 18_00), ("own_rank", "100%", 54_00), ("own_rank", "35%", 35_00), ("own_rank", "0%", 0)],
)
def test_generations_by_own_rank_cost_the_table_once_a_rank(boundary, margin, cost):
    """Three ranks and a table of 10 + 5 + 3 % cost up to 54 % of an order, not 18 %; the guard cuts them."""
    ranks = dict(zip(reversed(GROWING), CAREERS, strict=True))
    world = {
        "parents": GROWING, "rank": ranks, "active": dict.fromkeys(GROWING, True),
        "joined": dict.fromkeys(GROWING, 0), "role": dict.fromkeys(GROWING),
        "orders": [{"id": 1, "member": 9, "paid": 100_00, "quantity": 1}],
    }  # fmt: skip
    policy = GenerationBonus(
        "generations", base="paid", rates=["10%", "5%", "3%"], from_rank="silver", boundary=boundary,
        if_not="company",
    )  # fmt: skip
    run = settled(world, policy, margin=fx.Margin.rate(margin, of="paid"))
    assert sum(pay(run, "generations").values()) == cost
    assert run.margin_report().claimed == (18_00 if boundary == "any" else 54_00)
