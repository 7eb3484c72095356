"""What goes from run to run: caps of months, years and a lifetime together, some of which defer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.state import Deferred
from tests.engine.bridge import (
    Scripted,
    check_cuts,
    check_reasons,
    check_report,
    facts_of,
    lines_of,
    members_of,
    money,
    orders_of,
    plan_of,
    released_by_payee,
    sums_by_payee,
    totals_by_payee,
    twin_lines,
    twin_orders,
    twin_plan,
    twin_totals,
)
from tests.engine.test_wide import wide_cases
from tests.oracles.engine_state import SlowState
from tests.oracles.source_limits import anniversaries
from tests.strategies.plans import WIDE

MONTHS = [(2025, 11), (2025, 12), (2026, 1), (2026, 2)]
KEYS = ("level", "product", "region", "source")
JOINED = [date(2024, 12, 1), date(2024, 12, 2), date(2025, 1, 31), date(2026, 1, 15), date(2020, 6, 1)]
"""Dates of joining, whose anniversaries lie on and between the months' first dates."""


@st.composite
def years(draw, *, rules=None, pools=True):
    """Draw a case with up to three wide caps of any windows, of which one defers, and its four months."""
    options = {} if rules is None else {"rules": rules}
    case = draw(wide_cases(high=600, most=400, max_caps=3, pools=pools, **options))
    caps, defers = [], False
    for cap in case.plan["caps"]:
        changed = dict(cap)
        if cap["scope"] in WIDE:
            windows = ["period"] if cap["limit"][0] == "rate" else ["period", "year", "lifetime"]
            if cap["limit"][0] != "rate" and cap["scope"] in ("payee", "source"):
                windows.append("anniversary")
            changed["window"] = draw(st.sampled_from(windows))
            if draw(st.booleans()) or not defers:
                changed["cut"], defers = "defer", True
        caps.append(changed)
    month_of = {order_id: draw(st.sampled_from(MONTHS)) for order_id in range(1, 5)}
    members = {who: its | {"joined": draw(st.sampled_from(JOINED))} for who, its in case.members.items()}
    return replace(case, members=members, plan=case.plan | {"caps": caps, "anchor": "paid_at"}), month_of


def month_case(case, month_of, month):
    """Return the case of one month's orders and the claims on them."""
    batch = [order for order in case.orders if month_of[order["order_id"]] == month]
    keys = {(order["order_id"], order["line"]) for order in batch}
    policies = [
        policy | {"claims": [claim for claim in policy["claims"] if claim[:2] in keys]}
        if policy["kind"] == "arbitrary"
        else policy
        for policy in case.plan["policies"]
    ]
    return replace(case, orders=batch, plan=case.plan | {"policies": policies})


def dated(orders, month):
    """Return the orders with a time in a month."""
    return [order | {"paid_at": f"{month[0]}-{month[1]:02d}-15T12:00:00Z"} for order in orders]


def written(entries):
    """Return the library's deferred entries as the twin writes them."""
    return [
        {
            "cap": entry.cap,
            "policy": entry.policy,
            "payee": entry.payee,
            "keys": dict(entry.keys),
            "amount": entry.amount,
            "earning_period": entry.earning_period,
        }
        for entry in entries
    ]


def used(usage):
    """Return usage without groups that nothing can be cut in, and without zeros."""
    found = {
        key: {group: amount for group, amount in groups.items() if group is not None and amount}
        for key, groups in usage.items()
    }
    return {key: groups for key, groups in found.items() if groups}


def one_group(usage):
    """Return the twin's usage with the library's name of the one group of periods and companies."""
    return used(
        {
            key: {("" if group == "all" else group): amount for group, amount in groups.items()}
            for key, groups in usage.items()
        }
    )


def check_limits(case, paid):
    """Check law 2 on what was paid so far: (cap, window, group) -> minor units, for limits in money."""
    limit = {cap["name"]: cap["limit"][1] for cap in case.plan["caps"] if cap["limit"][0] == "money"}
    assert all(amount <= limit[name] for (name, _, _), amount in paid.items() if name in limit)


def add_paid(case, run, month, paid):
    """Add what a run pays, releases included, to the groups of every cap by its window."""
    now = {key: allowed for key, (_, allowed) in sums_by_payee(run).items()}
    for key, amount in released_by_payee(run).items():
        now[key] = now.get(key, 0) + amount
    for cap in case.plan["caps"]:
        if cap["scope"] not in ("payee", "owner", "policy", "period", "company"):
            continue
        for (policy, payee), amount in now.items():
            window = {"year": month[0], "lifetime": "ever"}.get(cap["window"], month)
            if cap["window"] == "anniversary":
                window = anniversaries(case.members[payee]["joined"], date(*month, 1))
            if cap["on"] is None or policy in cap["on"]:
                owner = case.members[payee]["owner"]
                group = {"payee": payee, "owner": owner, "policy": policy}.get(cap["scope"], "")
                key = (cap["name"], window, group)
                paid[key] = paid.get(key, 0) + amount


@settings(max_examples=100, deadline=None)
@given(years())
def test_years_of_caps_that_defer_agree_with_the_twin(drawn):
    """Month by month totals, lines, releases, cuts, usage and what waits agree, and every limit holds."""
    case, month_of = drawn
    facts, plan, state, twin, paid = facts_of(case), None, None, SlowState(), {}
    names = [policy["name"] for policy in case.plan["policies"]]
    for month in MONTHS:
        now = month_case(case, month_of, month)
        period = fx.month(*month)
        expected = twin.settle(
            now.parents,
            twin_orders(now.orders),
            twin_plan(now.plan),
            now.members,
            start=date(*month, 1),
            period=str(period),
            funds=now.funds,
            period_claims=now.period_claims,
        )
        # The plan of a month lists its own claims only, which is what its policies would say.
        plan = plan_of(now)
        run = fx.settle(
            facts.with_orders(orders_of(dated(now.orders, month))), plan, period=period, state=state
        )
        state = run.state
        assert totals_by_payee(run, names) == twin_totals(expected)
        assert sums_by_payee(run) == twin_totals(expected)
        assert released_by_payee(run) == expected.released
        assert {key: claimed for key, (claimed, _) in lines_of(run).items()} == {
            key: claimed for key, (claimed, _) in twin_lines(expected).items()
        }
        check_cuts(expected, run)
        check_reasons(now, expected, run)
        check_report(now, expected, run)
        assert written(state.deferred) == twin.waiting
        assert used(state.usage) == one_group(twin.usage)
        for name in names:
            found = run.totals(name)
            assert dict(zip(found.members.tolist(), found.released.tolist(), strict=True)) == {
                member: expected.released.get((name, member), 0) for member in found.members.tolist()
            }
        for member in now.parents:
            statement = run.statement(member)
            assert statement.total_minor == int(run.totals().payable[run.facts.tree.index(member)])
            assert str(statement)
        report = run.margin_report()
        assert report.deferred <= max(report.kept, 0)
        assert report.deferred == sum(
            entry["amount"] for entry in twin.waiting if entry["earning_period"] == str(period)
        )
        add_paid(now, run, month, paid)
        check_limits(now, paid)


@settings(max_examples=100, deadline=None)
@given(years(pools=False), st.data())
def test_merging_and_row_order_with_pay_that_waits(drawn, data):
    """From one state, batches merge to the settlement of all, and the order of rows does not matter."""
    case, month_of = drawn
    first, second = MONTHS[0], MONTHS[1]
    facts, state = facts_of(case), None
    now = month_case(case, month_of, first)
    run = fx.settle(
        facts.with_orders(orders_of(dated(now.orders, first))), plan_of(now), period=fx.month(*first)
    )
    state = run.state
    now = month_case(case, dict.fromkeys(month_of, second), second)
    plan, period = plan_of(now), fx.month(*second)
    records = dated(now.orders, second)
    if not records:
        return
    together = fx.settle(facts.with_orders(orders_of(records)), plan, period=period, state=state)
    shuffled = data.draw(st.permutations(records))
    rows = data.draw(st.permutations(sorted(case.parents, key=str)))
    other = fx.Facts(
        tree=fx.ReferralTree.from_mapping({row: case.parents[row] for row in rows}),
        orders=orders_of(shuffled),
        members=members_of({row: case.members[row] for row in rows}),
        funds={"extra": money(case.funds)} if case.funds else {},
    )
    again = fx.settle(other, plan, period=period, state=state)
    assert again.state == together.state
    assert lines_of(again) == lines_of(together)
    assert again.fingerprint() == together.fingerprint()
    ids = data.draw(st.sets(st.integers(1, 4)))
    parts = [[order for order in records if (order["order_id"] in ids) == side] for side in (True, False)]
    runs = [fx.settle(facts.with_orders(orders_of(part)), plan, period=period, state=state) for part in parts]
    merged = fx.merge(*runs)
    assert merged.state == together.state
    assert merged.fingerprint() == together.fingerprint()
    assert released_by_payee(merged) == released_by_payee(together)


# ------------------------------------------------------------ by hand

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})


def january(caps, waiting, claims, *, month=1, usage=None):
    """Settle claims of payees in a month, with (earning period, policy, payee, amount) waiting."""
    records = [
        {
            "order_id": number,
            "member": "bo",
            "paid": 10**6,
            "margin": 10**6,
            "paid_at": f"2026-{month:02d}-15T12:00:00Z",
        }
        for number in range(len(claims))
    ]
    entries = [(number, 0, payee, 1, amount) for number, (payee, amount) in enumerate(claims)]
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.column(),
        policies=[Scripted("script", entries=entries)],
        caps=caps,
        anchor="paid_at",
        zone="UTC",
    )
    state = fx.State(
        usage=usage or {},
        deferred=[
            Deferred(caps[0].name, "script", payee, (), period, amount) for period, payee, amount in waiting
        ],
    )
    orders = fx.Orders.from_records(records, unit="minor") if records else fx.Orders.empty(unit="minor")
    return fx.settle(fx.Facts(tree=TREE, orders=orders), plan, period=fx.month(2026, month), state=state)


def queue(run):
    """Return what waits: (earning period, payee, amount)."""
    return [(entry.earning_period, entry.payee, entry.amount) for entry in run.state.deferred]


def test_a_month_cap_that_defers_and_a_year_cap_that_forfeits():
    """The month releases 70 and 30 of 100; the year has room for 80 and cuts both in proportion.

    What the year takes of the old 70 goes on waiting; what it takes of the new 30 is lost.
    """
    caps = [
        fx.Cap.per_payee("1.00", name="month", cut="defer"),
        fx.Cap.per_payee("2.00", name="year", window="year"),
    ]
    run = january(
        caps, [("2025-12", "ann", 70)], [("ann", 50)], month=2, usage={("year", "2026"): {"ann": 120}}
    )
    report = run.margin_report()
    assert (report.used, report.released) == (24, 56)
    assert queue(run) == [("2025-12", "ann", 14), ("2026-02", "ann", 20)]
    assert report.cuts == (("cap 'month'", 20), ("cap 'year'", 6))
    assert run.state.usage == {("year", "2026"): {"ann": 200}}


def test_a_cap_before_the_deferring_one_cuts_what_waits_as_well():
    """Pay that waits is cut to the company's money like any claim, and is not lost."""
    caps = [fx.Cap.per_payee("9.00", name="month", cut="defer"), fx.Cap.company("0.50", name="company")]
    run = january(caps, [("2025-12", "ann", 60), ("2025-11", "bo", 20)], [("ann", 20)])
    assert released_by_payee(run) == {("script", "ann"): 30, ("script", "bo"): 10}
    assert run.totals("script").allowed.tolist() == [10, 0]
    assert queue(run) == [("2025-12", "ann", 30), ("2025-11", "bo", 10)]


def test_entries_of_one_earning_period_share_in_proportion():
    """Older entries first; inside a period 30 are shared 20 to 10, the larger remainder first."""
    caps = [fx.Cap.company("1.00", name="all", cut="defer")]
    waiting = [("2025-11", "bo", 70), ("2025-12", "ann", 40), ("2025-12", "bo", 20), ("2026-01", "ann", 5)]
    run = january(caps, waiting, [("ann", 50)], month=2)
    assert released_by_payee(run) == {("script", "ann"): 20, ("script", "bo"): 80}
    assert queue(run) == [
        ("2025-12", "ann", 20),
        ("2025-12", "bo", 10),
        ("2026-01", "ann", 5),
        ("2026-02", "ann", 50),
    ]


def test_the_age_is_the_place_in_the_state_and_not_the_text():
    """Earning periods are as old as their first entry in the state says, however they are written."""
    caps = [fx.Cap.company("0.10", name="all", cut="defer")]
    run = january(caps, [("2026-W01", "ann", 10), ("2025-12", "bo", 10)], [])
    assert released_by_payee(run) == {("script", "ann"): 10}


@pytest.mark.parametrize("cap", [fx.Cap.per_payee, fx.Cap.per_policy, fx.Cap.per_period, fx.Cap.company])
def test_pay_that_waits_is_released_where_there_are_no_orders(cap):
    """A month without orders still pays what earlier months put off."""
    more = {"within": "period"} if cap == fx.Cap.per_policy else {}
    run = january([cap("0.30", name="its", cut="defer", **more)], [("2025-12", "ann", 50)], [])
    assert released_by_payee(run) == {("script", "ann"): 30}
    assert queue(run) == [("2025-12", "ann", 20)]
    assert (run.margin_report().used, run.margin_report().released, run.margin_report().kept) == (0, 30, 0)
    assert str(run.statement("ann")).startswith("0.30: script, earned in 2025-12")
