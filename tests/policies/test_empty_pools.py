"""Pools that nobody holds a share of and that are carried over: what waits, what backs it, who gets it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import InvariantError, MoneyOverflowError, Reason, StateError
from fenxiao.margin import WideGuard
from fenxiao.policies import Pool
from fenxiao.state import State
from fenxiao.volumes import own
from tests.cadences.shop import W40, facts, order, paid, plan, settled, taken
from tests.corrections.worlds import MONTHS, frame_of, orders_of, plan_of, shops
from tests.expressions.refusals import refused

STARS = Pool(
    "stars", base="paid", rate="10%", equal=True, eligible=own("paid") >= "50", if_empty="carry", stage=2
)


def bought(members):
    """Return what each member bought in minor units."""
    totals = {}
    for line in members:
        if line["member"] is not None:
            totals[line["member"]] = totals.get(line["member"], 0) + line["paid_minor"]
    return totals


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    shops(),
    st.sampled_from(["0%", "1/20", "12%", "100%"]),
    st.lists(st.sampled_from([Fraction(1, 10), Fraction(1), Fraction(1, 3)]), min_size=1, max_size=2),
    st.sampled_from([0, 700, 3000]),
    st.booleans(),
)
def test_what_waits_is_what_the_twin_keeps(world, rate, shares, funds, levels):
    """An empty pot waits as far as the margin that is left backs it; else its holders have it."""
    least = {f"pool {place}": 2000 * (place + 1) for place in range(len(shares))}
    pools = [
        attrs.evolve(STARS, name=name, rate=share, eligible=own("paid") >= f"{least[name] // 100}.00")
        for name, share in zip(least, shares, strict=True)
    ]
    referral = fx.LevelCommission("referral", base="paid", rates=["5%"], if_not="company")
    policies = [*pools, *([referral] if levels else [])]
    whole = plan_of(policies, rate=rate)
    assert fx.Plan.from_dict(whole.to_dict()) == whole
    frame = attrs.evolve(frame_of(world), funds={"extra": f"{funds // 100}.00"} if funds else {})
    state, waits = None, dict.fromkeys((pool.name for pool in pools), 0)
    for month in MONTHS:
        lines = [line for line in world["lines"] if line["paid_at"].startswith(str(month))]
        run = fx.settle(frame.with_orders(orders_of(lines)), whole, period=month, state=state)
        report = run.margin_report()
        turnover, volumes = sum(line["paid_minor"] for line in lines), bought(lines)
        room = report.budget - report.order_pay + funds
        holders = {name: [who for who, much in volumes.items() if much >= least[name]] for name in least}
        own_pots = {pool.name: floor(turnover * pool.share) for pool in pools}
        brought = sum(waits[name] for name in least if holders[name])
        fresh = min(sum(own_pots[name] for name in least if holders[name]), room)
        assert report.carried_in == sum(waits.values())
        assert report.period_pay == brought + fresh
        assert report.kept == room + report.carried_in - report.period_pay
        for name, its in holders.items():
            totals = run.totals(name)
            assert int(totals.claimed.sum()) == (own_pots[name] + waits[name] if its else 0)
            assert int(totals.allowed.sum()) >= (waits[name] if its else 0)
            assert int((totals.claimed > 0).sum()) <= len(its)
        found, empty = run.state.pots, [name for name in least if not holders[name]]
        total, left = sum(own_pots[name] for name in empty), room - fresh
        assert report.carried_on == sum(found.values())
        assert report.carried_on == sum(waits[name] for name in empty) + min(total, left)
        assert set(found) <= set(empty)
        for name in empty:
            # What waited before waits on; of the rest each has its part of what is left, to the cent.
            exact = Fraction(own_pots[name] * min(total, left), total) if total else Fraction(0)
            assert abs(found.get(name, 0) - waits[name] - exact) < 1
        state = State.from_dict(run.state.to_dict())
        assert state == run.state
        earned = run.earned()
        assert (earned.carried_in, earned.carried_on) == (report.carried_in, report.carried_on)
        waits = {pool.name: found.get(pool.name, 0) for pool in pools}


def three_months(*amounts, **options):
    """Settle months in each of which cai buys for an amount, and return the runs."""
    whole = plan(attrs.evolve(STARS, due=None), **options)
    runs = []
    for number, amount in enumerate(amounts, 1):
        given = facts(order(f"A{number}", "cai", amount, f"2026-0{number}-05"))
        state = runs[-1].state if runs else None
        runs.append(fx.settle(given, whole, period=fx.month(2026, number), state=state))
    return runs


def test_two_empty_months_are_paid_in_the_third():
    """1.00 and 2.00 wait; in the third month cai has bought enough and gets them with his own 6.00."""
    runs = three_months("10.00", "20.00", "60.00")
    assert [run.state.pots for run in runs] == [{"stars": 100}, {"stars": 300}, {}]
    assert [str(run.payout("cai")) for run in runs] == ["0.00", "0.00", "9.00"]
    assert str(runs[1].margin_report()).splitlines()[1:] == [
        "  carried over from earlier periods: 1.00",
        "  carried over to the next, of what is kept: 3.00",
    ]
    verdict = runs[1].explain_period("cai").verdicts[-1]
    assert verdict.reason is Reason.EMPTY_POOL
    assert "3.00 wait for the next run, as far as the margin that is left backs them" in verdict.detail
    assert repr(runs[2].earned()).endswith("of 18.00 in 2026-03)")


def test_what_caps_defer_is_backed_first():
    """Of 13.00 that are kept 8.00 back what a cap defers, so that of a pot of 10.00 only 5.00 can wait."""
    pay = fx.LevelCommission("referral", base="paid", rates=["20%"], if_not="company")
    cap = fx.Cap.per_payee("12.00", on=["referral"], cut="defer")
    whole = plan(pay, attrs.evolve(STARS, eligible=own("paid") >= "500"), caps=[cap])
    run = fx.settle(facts(order("A1", "cai", "100.00", "2026-10-01")), whole, period=fx.month(2026, 10))
    report = run.margin_report()
    assert (report.order_pay, report.kept, report.deferred, report.carried_on) == (1200, 1300, 800, 500)
    assert run.state.pots == {"stars": 500}


def test_a_pot_of_the_week_is_taken_from_its_orders():
    """What waits is no longer there for the month: 50.00 of margin back the week's pot of 10.00."""
    weekly = attrs.evolve(STARS, due="week", eligible=own("paid") >= "500")
    monthly = Pool("team", base="paid", rate="100%", equal=True, due="month")
    whole = plan(weekly, monthly)
    given = facts(order("A1", "cai", "100.00", "2026-10-01"))
    week, month = settled(whole, W40, fx.month(2026, 10), given=given)
    assert taken(week) == {"A1": 10}
    assert week.state.pots == {"stars": 1000}
    report = month.margin_report()
    assert (report.taken_before, report.period_pay, report.carried_in) == (1000, report.budget, 0)
    # The month neither spends nor drops what belongs to the week.
    assert month.state.pots == week.state.pots
    later = facts(order("A2", "cai", "500.00", "2026-11-03"))
    run = fx.settle(later, whole, period=fx.week(2026, 45), state=month.state)
    assert paid(run) == {"cai": "60.00"}
    assert taken(run) == {"A2": 50}
    assert run.state.pots == {}


def test_what_waits_on_is_not_taken_twice():
    """Two weeks in a row nobody earns the pot: each takes its own 10.00 of its order, and 20.00 wait."""
    weekly = attrs.evolve(STARS, due="week", eligible=own("paid") >= "500")
    whole = plan(weekly, Pool("team", base="paid", rate="100%", equal=True, due="month"))
    given = facts(*(order(f"A{n}", "cai", "100.00", f"2026-10-{day}") for n, day in ((1, "01"), (2, "07"))))
    first, second = settled(whole, W40, fx.week(2026, 41), given=given)
    assert (first.state.pots, second.state.pots) == ({"stars": 1000}, {"stars": 2000})
    assert taken(second) == {"A1": 10, "A2": 10}


def test_a_pool_that_keeps_has_nothing_waiting():
    """Without the option the pot stays with the company, as ever."""
    keeping = attrs.evolve(STARS, if_empty="keep")
    given = facts(order("A1", "cai", "10.00", "2026-10-01"))
    run = fx.settle(given, plan(keeping), period=fx.month(2026, 10))
    assert run.state.pots == {}
    assert run.margin_report().carried_on == 0


def test_a_refund_changes_what_waits_and_who_gets_it():
    """Half of January goes back: its pot of 1.00 becomes 0.50, and cai's 9.00 of March 8.50."""
    whole = plan(STARS)
    amounts = ("10.00", "20.00", "60.00")
    orders = [order(f"A{n}", "cai", amount, f"2026-0{n}-05") for n, amount in enumerate(amounts, 1)]
    given, book = facts(*orders), None
    for number in (1, 2, 3):
        run = fx.settle(
            given, whole, period=fx.month(2026, number), state=None if book is None else book.state
        )
        book = fx.corrections.Book.of(run) if book is None else book.then(run)
    later = given.refund("A1", paid="5.00", at="2026-04-01T00:00:00Z")
    correction = fx.correct(book, later, whole)
    assert {who: str(amount) for who, amount in correction.totals().items()} == {"cai": "-0.50"}
    assert correction.book.earned("2026-01").carried_on == 50


NOT_STATES = {
    "no mapping": (lambda: State(pots=[1]), "State, pots", "minor units"),
    "no name": (lambda: State(pots={1: 1}), "State, pots", "cannot be read"),
    "below zero": (lambda: State(pots={"a": -1}), "State, pots", "0 or more"),
    "text": (lambda: State(pots={"a": "1"}), "State, pots", "0 or more"),
    "unknown policy": (
        lambda: fx.settle(facts(), plan(STARS), state=State(pots={"moons": 1})),
        "carries pots of what is no policy on the period",
        "stars",
    ),
    "policy on orders": (
        lambda: fx.settle(
            facts(),
            plan(fx.LevelCommission("referral", base="paid", rates=["1%"], if_not="company")),
            state=State(pots={"referral": 1}),
        ),
        "carries pots of what is no policy on the period",
    ),
}


@pytest.mark.parametrize("name", NOT_STATES)
def test_pots_that_fit_nothing_are_refused_in_words(name):
    """Amounts below zero, names of others, what is no mapping."""
    make, *parts = NOT_STATES[name]
    refused(make, StateError, *parts)


def test_nothing_waiting_is_nothing_kept():
    """A pot of 0 is none."""
    assert State(pots={"a": 0}) == State()


def test_a_pot_that_waited_is_nobody_elses():
    """20.00 wait for the stars; a greedy bonus takes all of November's margin and nothing of them."""
    greedy = fx.policies.QualifiedBonus("big", amount="900.00", when=own("paid") >= "500")
    stars = attrs.evolve(STARS, rate="5%", eligible=own("paid") >= "500", stage=1)
    whole = plan(stars, greedy, margin=fx.Margin.rate("10%", of="paid"))
    october = fx.settle(facts(order("A1", "ann", "400.00", "2026-10-05")), whole, period=fx.month(2026, 10))
    assert october.state.pots == {"stars": 2000}
    given = facts(order("A2", "bo", "500.00", "2026-11-05"))
    november = fx.settle(given, whole, period=fx.month(2026, 11), state=october.state)
    assert november.totals("stars").to_dict() == {"bo": Decimal("21.35")}
    assert november.totals("big").to_dict() == {"bo": Decimal("48.65")}
    assert november.margin_report().kept == 0
    # Nobody but the greedy one qualifies: the pot goes on waiting, untouched.
    nobody = attrs.evolve(whole, policies=[attrs.evolve(stars, eligible=own("paid") >= "5000"), greedy])
    state = State(pots={"stars": 2000})
    run = fx.settle(given, nobody, period=fx.month(2026, 11), state=state)
    assert run.totals("big").to_dict() == {"bo": Decimal("50.00")}
    assert run.state.pots == {"stars": 2000}
    assert run.margin_report().carried_on == run.margin_report().kept == 2000


def test_a_pot_that_is_paid_leaves_the_margin_to_others():
    """The stars are paid 20.00 that waited and 5.00 of their own; 45.00 are left to back the moons."""
    stars = attrs.evolve(STARS, rate="5%", eligible=own("paid") >= "50")
    moons = attrs.evolve(STARS, name="moons", rate="45%", eligible=own("paid") >= "5000")
    given = facts(order("A1", "ann", "100.00", "2026-10-05"))
    whole = plan(stars, moons, margin=fx.Margin.rate("50%", of="paid"))
    run = fx.settle(given, whole, period=fx.month(2026, 10), state=State(pots={"stars": 2000}))
    assert paid(run) == {"ann": "25.00"}
    assert run.state.pots == {"moons": 4500}


def test_what_a_cap_takes_from_a_pot_stays_with_the_company():
    """Of the 10.00 that waited ann may have 6.00; what is left is neither paid nor carried."""
    whole = plan(attrs.evolve(STARS, eligible=own("paid") >= "1"), caps=[fx.Cap.per_payee("6.00")])
    given = facts(order("A1", "ann", "1.00", "2026-10-05"))
    run = fx.settle(given, whole, period=fx.month(2026, 10), state=State(pots={"stars": 1000}))
    report = run.margin_report()
    assert (report.period_pay, report.carried_in, report.carried_on, report.kept) == (600, 1000, 0, 425)


def test_second_check_finds_pots_that_pay_for_others(monkeypatch):
    """A guard that reserves more for a pool than was carried over for it is found."""
    monkeypatch.setattr(WideGuard, "_from_pots", lambda guard: guard.allowed.copy())
    given = facts(order("A1", "cai", "100.00", "2026-10-05"))
    greedy = fx.policies.QualifiedBonus("big", amount="900.00", when=own("paid") >= "50")
    with pytest.raises(InvariantError, match="the period"):
        fx.settle(given, plan(STARS, greedy), period=fx.month(2026, 10))


def test_pots_beyond_64_bits_are_refused():
    """What waits fits into an amount; with the pot of the period it may not, and dividing it says so."""
    refused(lambda: State(pots={"stars": 1 << 63}), StateError, "State, pots", "64-bit")
    refused(
        lambda: fx.settle(facts(), plan(STARS), state=State(pots={"stars": (1 << 63) - 1})),
        MoneyOverflowError,
        "policy 'stars', pot",
    )
