"""Money for full levels of a matrix: against the slow twin, over successive periods, and in words."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import InputError, MoneyError, MoneyOverflowError, PlanError, Reason
from fenxiao.periods import Period
from fenxiao.placement import Placement
from fenxiao.policies import LevelCompletion
from fenxiao.volumes import own
from tests.expressions.refusals import refused
from tests.oracles import completion as slow

ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
PAYABLE = fx.column("payable") == True  # noqa: E712  # builds a condition
START = date(2026, 1, 1)
many = settings(max_examples=80, deadline=None)
often = st.sampled_from([True, True, True, True, True, False])


def day(number):
    """Return a date, so many days after the first of all."""
    return START + timedelta(days=number)


@st.composite
def matrices(draw, *, most=26):
    """Draw members in legs of 1 to 4, most of them in the first free place, so that levels fill up."""
    width = draw(st.integers(1, 4))
    free, places = [], {}
    for member in range(draw(st.integers(1, most))):
        where = draw(st.integers(0, 15))
        if member and where == 15:
            places[member] = None
        elif not free or where == 14:
            places[member] = (None, None)
        else:
            places[member] = free.pop(0 if where < 12 else draw(st.integers(0, len(free) - 1)))
        if places[member] is not None:
            free += [(member, leg) for leg in range(width)]
    waits = {member: draw(st.integers(0, 9)) for member in places}
    after = {}
    for member, place in places.items():
        parent = None if place is None else place[0]
        after[member] = day(waits[member]) + (timedelta() if parent is None else after[parent] - START)
    everybody_counts = draw(st.booleans())
    return {
        "width": width,
        "places": places,
        "active": {member: everybody_counts or draw(often) for member in places},
        "payable": {member: draw(often) for member in places},
        "waited": {member: day(3 * wait) for member, wait in waits.items()},
        "after": after,
    }


amounts = st.lists(st.sampled_from([100_00, 50_00, 1, 0, 33_33]), min_size=1, max_size=4)
periods = st.tuples(st.integers(-2, 30), st.integers(1, 20)).map(lambda pair: (pair[0], sum(pair)))


def facts_of(world, dates="waited", members=None):
    """Return the facts of a world, of some of its members."""
    places = {
        member: place for member, place in world["places"].items() if members is None or member in members
    }
    # Everybody is sponsored by the first one: levels have nothing to do with sponsors.
    top = min(places, default=None)
    tree = fx.ReferralTree.from_mapping({member: None if member == top else top for member in places})
    rows = [
        {"member": member, "parent": place[0], "leg": place[1]}
        for member, place in places.items()
        if place is not None
    ]
    columns = {"member": list(places), "joined": [world[dates][member] for member in places]}
    columns |= {name: [world[name][member] for member in places] for name in ("active", "payable")}
    return fx.Facts(
        tree=tree,
        members=fx.Members.from_columns(columns),
        placements={"matrix": Placement.from_records(tree, rows, width=world["width"])},
        funds={"matrix": "1000000.00"},
    )


def plan_of(*policies, **more):
    """Return a plan that pays what a fund gives."""
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("0%", of="paid"),
        policies=list(policies),
        **({"anchor": "paid_at", "zone": "Asia/Shanghai"} | more),
    )
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    return plan


def built(cents, **more):
    """Return the policy that pays these cents by level."""
    return LevelCompletion("full", amounts=[f"{each // 100}.{each % 100:02d}" for each in cents], **more)


def span(first, end):
    """Return the period from one day to another."""
    return Period.between(day(first), day(end))


def paid(run):
    """Return cents by member, those with nothing left out."""
    totals = run.totals("full")
    pairs = zip(totals.members.tolist(), totals.allowed.tolist(), strict=True)
    return {member: amount for member, amount in pairs if amount}


def twin(world, cents, period=None, *, gated, picky, per_level, dates="waited"):
    """Return what the twin pays, by member and level."""
    everybody = dict.fromkeys(world["places"], True)
    return slow.completed(
        {member: place[0] for member, place in world["places"].items() if place is not None},
        world["width"],
        cents,
        per_level=per_level,
        counts=world["active"] if picky else everybody,
        eligible=world["payable"] if gated else everybody,
        joined=world[dates],
        period=None if period is None else (day(period[0]), day(period[1])),
    )


def sums(found):
    """Return the twin's cents by member, those with nothing left out."""
    totals = {member: sum(levels.values()) for member, levels in found.items()}
    return {member: cents for member, cents in totals.items() if cents}


@many
@given(matrices(), amounts, st.none() | periods, st.booleans(), st.booleans(), st.booleans())
def test_full_levels_agree_with_the_twin(world, cents, period, gated, picky, per_level):
    """Money of every member, level by level, and a reason for everybody who gets none."""
    policy = built(
        cents, per_level=per_level, eligible=PAYABLE if gated else None, counts=ACTIVE if picky else None
    )
    run = fx.settle(facts_of(world), plan_of(policy), period=None if period is None else span(*period))
    wanted = twin(world, cents, period, gated=gated, picky=picky, per_level=per_level)
    assert paid(run) == sums(wanted)
    view = run.views[1]
    for member in world["places"]:
        index = run.facts.tree.index(member)
        levels = {part.level: part.amount for part in policy.details(view, index)}
        assert levels == {level: pay for level, pay in wanted.get(member, {}).items() if pay}
        if not levels:
            reason, words = policy.why_nothing(view, index)
            assert reason > Reason.PAID
            assert words
        assert str(run.explain_period(member))


@many
@given(matrices(), amounts, st.lists(st.integers(1, 12), max_size=5), st.booleans(), st.booleans())
def test_successive_periods_pay_every_full_level_once(world, cents, lengths, gated, picky):
    """Members join and nobody leaves: periods without a gap pay what the last tree pays without a period."""
    policy = built(cents, eligible=PAYABLE if gated else None, counts=ACTIVE if picky else None)
    plan, state, total, first = plan_of(policy), None, {}, 0
    last = max((each - START).days for each in world["after"].values())
    for length in [*lengths, last + 1]:
        here = {member for member, when in world["after"].items() if when < day(first + length)}
        if here:
            facts = facts_of(world, "after", here)
            run = fx.settle(facts, plan, period=span(first, first + length), state=state)
            state = run.state
            for member, pay in paid(run).items():
                total[member] = total.get(member, 0) + pay
        first += length
    whole = fx.settle(facts_of(world, "after"), plan)
    assert total == paid(whole)
    assert total == sums(twin(world, cents, gated=gated, picky=picky, per_level=False))


@many
@given(matrices(), amounts, st.none() | periods, st.randoms(use_true_random=False))
def test_rows_do_not_matter(world, cents, period, random):
    """Members in another order are paid the same."""
    mixed = list(world["places"])
    random.shuffle(mixed)
    other = world | {"places": {member: world["places"][member] for member in mixed}}
    chosen, plan = None if period is None else span(*period), plan_of(built(cents))
    runs = [fx.settle(facts_of(each), plan, period=chosen) for each in (world, other)]
    assert paid(runs[0]) == paid(runs[1])


def chain(*dates, width=1, **flags):
    """Return a world in which each member stands in the first leg below the one before."""
    size = len(dates)
    return {
        "width": width,
        "places": {member: (member - 1, 0) if member else (None, None) for member in range(size)},
        "waited": dict(enumerate(dates)),
        "active": dict.fromkeys(range(size), True) | flags.get("active", {}),
        "payable": dict.fromkeys(range(size), True) | flags.get("payable", {}),
    }


@pytest.mark.parametrize(("joined", "wanted"), [(9, {}), (10, {0: 5_00}), (19, {0: 5_00}), (20, {})])
def test_a_period_has_its_first_day_and_not_its_end(joined, wanted):
    """A level is paid when the last member joined on the first day, and not when he joined on the end."""
    world = chain(day(0), day(joined))
    assert paid(fx.settle(facts_of(world), plan_of(built([5_00])), period=span(10, 20))) == wanted


def test_what_is_not_eligible_when_a_level_is_full_is_lost():
    """Whoever becomes eligible in a later period is not paid for the level that was full before."""
    early, late = chain(day(0), day(1), payable={0: False}), chain(day(0), day(1))
    plan = plan_of(built([5_00], eligible=PAYABLE))
    assert paid(fx.settle(facts_of(early), plan, period=span(0, 10))) == {}
    assert paid(fx.settle(facts_of(late), plan, period=span(10, 20))) == {}


def test_levels_do_not_wait_for_one_another():
    """Level 2 is full although a member of level 1 does not count."""
    world = chain(day(0), day(1), day(2), active={1: False})
    run = fx.settle(facts_of(world), plan_of(built([5_00, 7_00], counts=ACTIVE)))
    assert paid(run) == {0: 7_00, 1: 5_00}


def test_a_whole_level_may_have_one_amount():
    """With amounts of whole levels a level of four pays its amount once."""
    tree = fx.ReferralTree.from_mapping({member: 0 if member else None for member in range(5)})
    matrix = Placement.auto(tree, range(5), rule="global", width=4)
    facts = fx.Facts(tree=tree, placements={"matrix": matrix}, funds={"matrix": "1000.00"})
    assert paid(fx.settle(facts, plan_of(built([100_00])))) == {0: 400_00}
    assert paid(fx.settle(facts, plan_of(built([100_00], per_level=True)))) == {0: 100_00}


def test_the_fund_limits_what_full_levels_pay():
    """Claims beyond margins and funds are cut like any other."""
    world = chain(day(0), day(1))
    run = fx.settle(facts_of(world), plan_of(built([1_000_000_01])))
    assert paid(run) == {0: 1_000_000_00}


def test_nobody_placed_and_nobody_at_all():
    """Without anybody in a matrix there is nothing to pay."""
    world = chain() | {"places": {}}
    assert paid(fx.settle(facts_of(world), plan_of(built([1_00])))) == {}
    world = chain(day(0)) | {"places": {0: None}}
    assert paid(fx.settle(facts_of(world), plan_of(built([1_00])), period=span(0, 9))) == {}


def words(world, member, period=None, **more):
    """Return what is told of a member's period."""
    cents = more.pop("cents", [5_00, 7_00])
    run = fx.settle(facts_of(world), plan_of(built(cents, **more)), period=period)
    return str(run.explain_period(member))


def test_a_period_is_told_level_by_level():
    """Statements name the levels that became full, and what is missing of the next one."""
    line = chain(day(0), day(1), day(12))
    nothing = "full: nothing: not entitled at this level"
    assert words(line, 0) == (
        "full: 12.00 of 12.00 claimed\n  5.00: level 1, 1 place full, 5.00 each\n"
        "  7.00: level 2, 1 place full, 7.00 each"
    )
    assert words(line, 0, span(10, 20)) == (
        "full: 7.00 of 7.00 claimed\n  7.00: level 2, 1 place full, 7.00 each"
    )
    assert words(line, 1, per_level=True).endswith("5.00: level 1, 1 place full")
    assert words(line, 0, span(20, 30)) == f"{nothing} (no level became full in 2026-01-21/2026-01-31)"
    assert words(line, 1, span(20, 30)) == (
        f"{nothing} (no level became full in 2026-01-21/2026-01-31; level 2: 0 of 1 places filled)"
    )
    assert words(line, 2) == f"{nothing} (level 1: 0 of 1 places filled)"
    wide = chain(day(0), day(1), width=4)
    assert words(wide, 0) == f"{nothing} (level 1: 1 of 4 places filled)"
    assert words(line, 1, cents=[0]) == (
        "full: nothing: the rate or the base is zero (level 1 became full and pays 0)"
    )
    closed = chain(day(0), day(1), payable={0: False})
    assert "payable False is not True" in words(closed, 0, eligible=PAYABLE)
    away = chain(day(0), day(1)) | {"places": {0: (None, None), 1: None}}
    assert "has no place in 'matrix'" in words(away, 1)


def test_what_it_reads_is_told():
    """Measures and columns of both conditions are named, and the dates of joining."""
    policy = built([1_00], eligible=own("paid") >= "1", counts=ACTIVE)
    assert [repr(measure) for measure in policy.measures()] == ["own('paid')"]
    assert policy.member_columns() == ("active", "joined")
    assert built([1_00]).member_columns() == ("joined",)


def settle(policy, *, period=None, columns=None, width=1):
    """Settle a line of two members with other columns."""
    tree = fx.ReferralTree.from_mapping({0: None, 1: 0})
    table = {"member": [0, 1]} | ({} if columns is None else columns)
    members = None if columns is None else fx.Members.from_columns(table)
    matrix = Placement.auto(tree, [0, 1], rule="global", width=width)
    facts = fx.Facts(tree=tree, members=members, placements={"matrix": matrix})
    return fx.settle(facts, plan_of(policy), period=period)


def full(*money, **more):
    """Return a policy of these amounts."""
    return LevelCompletion("full", **({"amounts": list(money)} | more))


LARGEST = "92233720368547758.07"
REFUSED = {
    "no amounts": (full, PlanError, "1 to 64 amounts"),
    "too many": (lambda: full(*["1"] * 65), PlanError, "1 to 64 amounts"),
    "one text": (lambda: full(amounts="100"), PlanError, "1 to 64 amounts"),
    "a number": (lambda: full("100", 50), PlanError, "amounts, level 2"),
    "a float": (lambda: full(0.1), PlanError, "amounts, level 1"),
    "negative": (lambda: full("-1"), PlanError, "amounts, level 1"),
    "whole levels": (lambda: full("1", per_level="yes"), PlanError, "per_level"),
    "no name of a placement": (lambda: full("1", placement=""), PlanError, "placement"),
    "no condition": (lambda: full("1", counts="active"), PlanError, "condition"),
    "of data": (
        lambda: fx.Plan.from_dict(plan_of().to_dict() | {"policies": [
            {"kind": "level_completion", "name": "full", "amounts": [100]}]}),
        PlanError, "policies[0]",
    ),
    "no such placement": (lambda: settle(full("1", placement="board")), InputError, "'board'"),
    "too fine": (lambda: settle(full("1", "0.001")), MoneyError, "level 2"),
    "a level beyond 64 bits": (
        lambda: settle(full("1", LARGEST), width=2), MoneyOverflowError, "level 2", "2**2 places",
    ),
    "deep levels beyond 64 bits": (
        lambda: settle(full(*["0.01"] * 64), width=2), MoneyOverflowError, "level 63",
    ),
    "levels beyond 64 bits together": (
        lambda: fx.settle(facts_of(chain(day(0), day(1), day(2))), plan_of(full(LARGEST, "0.01"))),
        MoneyOverflowError, "levels 1 to 2",
    ),
    "no members": (lambda: settle(full("1"), period=span(0, 9)), InputError, "'joined'"),
    "no dates of joining": (
        lambda: settle(full("1"), period=span(0, 9), columns={"active": [True, True]}), InputError, "joined",
    ),
    "numbers for dates": (
        lambda: settle(full("1"), period=span(0, 9), columns={"joined": [1, 2]}), PlanError, "as dates",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_paid_is_refused_in_words(name):
    """Every refusal names the thing, what is allowed or the next step."""
    make, kind, *parts = REFUSED[name]
    refused(make, kind, *parts)


def test_the_largest_amounts_are_paid():
    """What just fits into 64 bits is claimed."""
    run = settle(full(LARGEST))
    assert run.totals("full").claimed.tolist() == [2**63 - 1, 0]
    assert settle(full("0.01", "0.01", per_level=True), width=4).totals("full").claimed.sum() == 0
