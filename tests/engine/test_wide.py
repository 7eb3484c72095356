"""Wide caps, period policies and what goes from run to run: against the twin, and their laws."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._arrays import MINOR_MAX
from fenxiao.errors import CapRejectedError, InputError, PlanError, StateError
from fenxiao.state import Deferred
from tests.engine.bridge import (
    Case,
    Scripted,
    ScriptedPool,
    agree,
    facts_of,
    money,
    orders_of,
    plan_of,
    settle,
    slow,
    sums_by_payee,
    totals_by_payee,
    twin_totals,
)
from tests.oracles.engine import EVERYTHING, SlowRejectedError
from tests.strategies.facts import forests, member_columns, order_lines
from tests.strategies.money import amounts
from tests.strategies.plans import IN_ORDER, RULES, WIDE, caps, level_policies, margins, scripted_policies

BY_ORDER_ONLY = ("source", "product", "region")


@st.composite
def wide_cases(draw, *, high=3000, most=400, scopes=WIDE, rules=RULES, max_caps=3, pools=True, local=False):
    """Draw order and period policies in up to two stages, wide caps and some inside orders, and funds."""
    parents = draw(forests(max_size=6, min_size=1))
    orders = draw(order_lines(parents, high=high, nulls=False))
    stages = draw(st.sampled_from([(1,), (1, 1), (1, 2), (2, 1)]))
    of_order = ["z", "a"][: len(stages)]
    policies = [
        draw(scripted_policies(parents, orders, name=name, stage=stage, high=most))
        for name, stage in zip(of_order, stages, strict=True)
    ]
    if draw(st.booleans()):
        of_order.append("levels")
        policies.append(draw(level_policies("levels", stage=draw(st.sampled_from([1, 2])))))
    names, period_claims = list(of_order), []
    if pools:
        for name in draw(st.sampled_from([[], ["pool"], ["pool", "bonus"]])):
            names.append(name)
            policies.insert(
                draw(st.integers(0, len(policies))),
                {"kind": "period", "name": name, "stage": draw(st.sampled_from([1, 2]))},
            )
            claims = st.tuples(st.sampled_from(sorted(parents)), amounts(0, most))
            period_claims += [
                {"policy": name, "payee": payee, "amount": amount}
                for payee, amount in draw(st.lists(claims, max_size=4))
            ]
    its = []
    for place in range(draw(st.integers(1, max_caps))):
        scope = draw(st.sampled_from(scopes))
        targets = of_order if scope in BY_ORDER_ONLY else names
        its.append(draw(caps(targets, name=f"cap {place}", scopes=[scope], rules=rules, high=high)))
    if draw(st.booleans()):
        its.append(draw(caps(names, name="inner", scopes=IN_ORDER, high=high)))
    plan = draw(margins()) | {"policies": policies, "caps": its}
    return Case(
        parents,
        orders,
        plan,
        draw(member_columns(parents, high=high)),
        funds=draw(st.sampled_from([0, 0, 1, 500, high])),
        period_claims=period_claims,
    )


@settings(max_examples=110, deadline=None)
@given(wide_cases())
def test_wide_caps_agree_with_the_twin(case):
    """Totals, lines by payee and the report agree; lines sum to totals after wide cuts."""
    agree(case, wide=True)


@settings(max_examples=80, deadline=None)
@given(wide_cases(high=MINOR_MAX // 7, most=MINOR_MAX // 5))
def test_wide_caps_are_exact_up_to_the_bound(case):
    """Totals near 64 bits are exact, or a typed error says that a number of the answer does not fit."""
    agree(case, wide=True)


def test_a_cap_begins_anew_on_anniversaries():
    """The first date of a period decides: ann's anniversary is on it, bo's a day later, cai joins that month.

    All earn 3.00 in each of two months under a cap of 5.00, so that whoever begins a year gets the second in
    full.
    """
    claims = [dict.fromkeys(("ann", "bo", "cai"), 300)] * 2
    entries, records = [], []
    for month, its in zip((11, 12), claims, strict=True):
        more = month_of_orders(month, its, year=2025)
        records, entries = records + more[0], entries + more[1]
    joined = {"ann": date(2020, 12, 1), "bo": date(2020, 12, 2), "cai": date(2025, 12, 15)}
    members = fx.Members.from_records([{"member": who, "joined": day} for who, day in joined.items()])
    facts = attrs.evolve(facts_with(records), members=members)
    cap = fx.Cap.per_payee("5.00", window="anniversary", name="cap")
    plan, state, pay = yearly_plan(entries, cap), None, []
    for month in (11, 12):
        run = fx.settle(facts, plan, period=fx.month(2025, month), state=state)
        state = fx.State.from_dict(run.state.to_dict())
        pay.append([str(run.payout(who)) for who in joined])
    assert pay == [["3.00", "3.00", "3.00"], ["3.00", "2.00", "2.00"]]
    assert state.usage == {
        ("cap", "anniversary 4"): {"ann": 300, "bo": 500},
        ("cap", "anniversary 5"): {"ann": 300},
        ("cap", "anniversary 0"): {"cai": 500},
    }


def test_a_cap_by_anniversary_needs_a_period_and_dates_of_joining():
    """Neither a run without a period nor members without dates say which year it is."""
    records, entries = month_of_orders(11, {"ann": 300}, year=2025)
    plan = yearly_plan(entries, fx.Cap.per_payee("5.00", window="anniversary"))
    with pytest.raises(PlanError, match="holds for a year and no period is given"):
        fx.settle(facts_with(records), plan)
    with pytest.raises(InputError, match="'joined'"):
        fx.settle(facts_with(records), plan, period=fx.month(2025, 11))


@settings(max_examples=40, deadline=None)
@given(wide_cases(rules=("reject", *RULES)))
def test_a_wide_cap_that_rejects_settles_nothing(case):
    """A wide cap with rule "reject" raises exactly where the twin's does, and names the groups."""
    rejected, run = agree(case, wide=True)
    scope_of = {cap["name"]: cap["scope"] for cap in case.plan["caps"]}
    if isinstance(rejected, SlowRejectedError) and scope_of[rejected.cap] in WIDE:
        assert run is None
        with pytest.raises(CapRejectedError, match=f"cap {rejected.cap!r}") as caught:
            settle(case)
        groups = ["" if group == EVERYTHING else group for group in rejected.groups]
        assert sorted(caught.value.labels) == sorted(groups)


@pytest.mark.parametrize("scope", WIDE)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_each_wide_scope_holds_its_limit_and_agrees(scope, data):
    """Groups of the one cap of a scope get at most its money, and the twin agrees on the rest."""
    case = data.draw(wide_cases(scopes=[scope], max_caps=1, high=600))
    _, run = agree(case, wide=True)
    cap = case.plan["caps"][0]
    if run is None or cap["limit"][0] != "money" or cap["scope"] not in ("payee", "policy", "company"):
        return
    groups = {}
    for (policy, payee), (_, allowed) in sums_by_payee(run).items():
        if cap["on"] is None or policy in cap["on"]:
            key = {"payee": payee, "policy": policy, "company": ""}[scope]
            groups[key] = groups.get(key, 0) + allowed
    assert all(amount <= cap["limit"][1] for amount in groups.values())


# ------------------------------------------------------------ from run to run


@st.composite
def windowed_cases(draw):
    """Draw a case whose wide caps in money hold over a lifetime, and its orders in up to three batches."""
    case = draw(wide_cases(high=600))
    its = [
        cap | {"window": "lifetime"} if cap["limit"][0] == "money" and cap["scope"] in WIDE else cap
        for cap in case.plan["caps"]
    ]
    ids = draw(st.permutations(range(1, 5)))
    batches = [
        [order for order in case.orders if order["order_id"] in part] for part in (ids[:2], ids[2:3], ids[3:])
    ]
    return replace(case, plan=case.plan | {"caps": its}), batches


def used_by_group(cap, result, case):
    """Add up what a cap's policies, and those that only count, were allowed by group in the twin's cells."""
    names = [policy["name"] for policy in case.plan["policies"]]
    orderly = [policy["name"] for policy in case.plan["policies"] if policy["kind"] != "period"]
    on = cap["on"] or (orderly if cap["scope"] in BY_ORDER_ONLY else names)
    mine = {*on, *(cap["counting"] or on)}
    used = {}
    for (policy, payee, _, product, region, source), cell in result.cells.items():
        if policy in mine:
            group = {
                "payee": payee,
                "owner": case.members[payee]["owner"],
                "source": source,
                "policy": policy,
                "product": product,
                "region": region,
            }.get(cap["scope"], "all")
            if group is not None:
                used[group] = used.get(group, 0) + cell["allowed"]
    return used


def only(case, batch):
    """Return the case of some orders and the claims on them."""
    keys = {(order["order_id"], order["line"]) for order in batch}
    policies = [
        policy | {"claims": [claim for claim in policy["claims"] if claim[:2] in keys]}
        if policy["kind"] == "arbitrary"
        else policy
        for policy in case.plan["policies"]
    ]
    return replace(case, orders=batch, plan=case.plan | {"policies": policies})


@settings(max_examples=50, deadline=None)
@given(windowed_cases())
def test_caps_over_a_lifetime_go_on_where_the_last_run_stopped(drawn):
    """Batch after batch with the state handed on agrees with the twin that is told what was used."""
    case, batches = drawn
    facts, plan, state, usage = facts_of(case), plan_of(case), None, {}
    for batch in batches:
        now = only(case, batch)
        expected = slow(now, usage)
        run = fx.settle(
            facts.with_orders(orders_of(batch) if batch else facts.orders.take([])), plan, state=state
        )
        assert totals_by_payee(run, [policy.name for policy in plan.policies]) == twin_totals(expected)
        assert sums_by_payee(run) == twin_totals(expected)
        state = run.state
        for cap in now.plan["caps"]:
            if cap.get("window"):
                for group, amount in used_by_group(cap, expected, now).items():
                    usage[cap["name"], group] = usage.get((cap["name"], group), 0) + amount


TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})


def month_of_orders(month, amount_by_payee, *, year=2026, margin=10**6):
    """One order a payee in a month, whose whole claim goes to him: records and entries."""
    records, entries = [], []
    for number, (payee, amount) in enumerate(sorted(amount_by_payee.items())):
        key = year * 10_000 + month * 100 + number
        records.append(
            {
                "order_id": key,
                "member": "cai",
                "paid": margin,
                "margin": margin,
                "paid_at": f"{year}-{month:02d}-15T12:00:00Z",
            }
        )
        entries.append((key, 0, payee, 1, amount))
    return records, entries


def yearly_plan(entries, cap, pool=()):
    """Make a plan of scripted claims by month under one wide cap."""
    policies = [Scripted("script", entries=entries)]
    if pool:
        policies.append(ScriptedPool("pool", entries=pool))
    return fx.Plan(
        currency="CNY", margin=fx.Margin.column(), policies=policies, caps=[cap], anchor="paid_at", zone="UTC"
    )


MONTHS = [(2025, 11), (2025, 12), (2026, 1), (2026, 2)]
monthly_claims = st.lists(
    st.dictionaries(st.sampled_from(["ann", "bo", "cai"]), st.integers(1, 300), max_size=3),
    min_size=4,
    max_size=4,
)


def months_of(claims_by_month):
    """All months' orders and entries."""
    records, entries = [], []
    for (year, month), claims in zip(MONTHS, claims_by_month, strict=True):
        its = month_of_orders(month, claims, year=year)
        records, entries = records + its[0], entries + its[1]
    return records, entries


def facts_with(records):
    """Facts of some orders, maybe none."""
    orders = fx.Orders.from_records(records, unit="minor") if records else fx.Orders.empty(unit="minor")
    return fx.Facts(tree=TREE, orders=orders)


@settings(max_examples=20, deadline=None)
@given(monthly_claims, st.integers(0, 400))
def test_a_cap_over_a_year_begins_anew_in_january(claims_by_month, limit):
    """A payee gets at most the limit from his claims of one calendar year, and in full up to it."""
    records, entries = months_of(claims_by_month)
    plan = yearly_plan(entries, fx.Cap.per_payee(money(limit), window="year"))
    facts, state, paid = facts_with(records), None, {}
    for (year, month), claims in zip(MONTHS, claims_by_month, strict=True):
        run = fx.settle(facts, plan, period=fx.month(year, month), state=state)
        state = run.state
        for payee, claim in claims.items():
            expected = min(claim, limit - paid.get((year, payee), 0))
            paid[year, payee] = paid.get((year, payee), 0) + expected
            assert run.payout(payee) * 100 == expected
            assert run.statement(payee).total_minor == expected
    with pytest.raises(StateError, match="settled this period already"):
        fx.settle(facts, plan, period=fx.month(2025, 12), state=state)


@settings(max_examples=40, deadline=None)
@given(monthly_claims, st.integers(0, 400))
def test_what_is_deferred_is_paid_later_oldest_first(claims_by_month, limit):
    """Waiting pay comes first and oldest first; a month pays at most the limit; no minor unit is lost."""
    records, entries = months_of(claims_by_month)
    plan = yearly_plan(entries, fx.Cap.per_payee(money(limit), cut="defer"))
    facts, state = facts_with(records), None
    waiting = {payee: [] for payee in ("ann", "bo", "cai")}
    for (year, month), claims in zip(MONTHS, claims_by_month, strict=True):
        period = fx.month(year, month)
        run = fx.settle(facts, plan, period=period, state=state)
        state = run.state
        released = deferred = 0
        for payee, queue in waiting.items():
            room = limit
            for entry in queue:
                paid = min(entry[1], room)
                entry[1], room, released = entry[1] - paid, room - paid, released + paid
            waiting[payee] = queue = [entry for entry in queue if entry[1]]
            now = min(claims.get(payee, 0), room)
            if claims.get(payee, 0) > now:
                queue.append([str(period), claims[payee] - now])
                deferred += claims[payee] - now
            totals = run.totals()
            index = TREE.index(payee)
            assert totals.allowed[index] == now
            assert now + totals.released[index] <= limit
            assert run.payout(payee) * 100 == now + int(totals.released[index])
            assert run.statement(payee).total_minor == now + int(totals.released[index])
        report = run.margin_report()
        assert (report.released, report.deferred) == (released, deferred)
        assert report.kept >= report.deferred
        found = {}
        for entry in state.deferred:
            found.setdefault(entry.payee, []).append([entry.earning_period, entry.amount])
        assert found == {payee: queue for payee, queue in waiting.items() if queue}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["ann", "bo"]), st.integers(1, 500)), min_size=1, max_size=4),
    st.integers(0, 300),
    st.integers(0, 300),
    st.sampled_from(["payee", "policy", "period", "company"]),
)
def test_what_is_deferred_is_backed_by_what_the_period_kept(pool, limit, margin, scope):
    """A pool that asks for more than there is defers no more than the period keeps."""
    records, entries = month_of_orders(1, {"ann": 1}, margin=margin)
    cap = fx.Cap(scope=scope, money=money(limit), on="pool", cut="defer")
    run = fx.settle(facts_with(records), yearly_plan(entries, cap, pool), period=fx.month(2026, 1))
    report = run.margin_report()
    waiting = sum(entry.amount for entry in run.state.deferred)
    assert waiting == report.deferred <= report.kept
    assert report.kept == margin - report.used
    asked = sum(amount for _, amount in pool)
    assert report.period_pay <= min(asked, limit if scope != "payee" else 2 * limit)
    assert waiting <= asked - report.period_pay


def waiting_state(**fields):
    """Make a state in which something waits for ann."""
    entry = {
        "cap": "payee 1",
        "keys": (),
        "policy": "script",
        "payee": "ann",
        "earning_period": "2025-12",
        "amount": 70,
    }
    return fx.State(deferred=[Deferred(**(entry | fields))])


@pytest.mark.parametrize(
    "fields",
    [{"cap": "gone"}, {"policy": "gone"}, {"payee": "zoe"}],
    ids=["cap", "policy", "payee"],
)
def test_a_state_of_another_plan_or_tree_is_refused(fields):
    """Deferred pay of a cap, policy or member that is not there is a typed error, never a guess."""
    plan = yearly_plan([], fx.Cap.per_payee("1.00", cut="defer"))
    state = waiting_state(**fields)
    with pytest.raises(StateError) as caught:
        fx.settle(facts_with([]), plan, period=fx.month(2026, 1), state=state)
    assert "zoe" not in str(caught.value)


def test_a_release_is_a_line_of_its_own_earning_period():
    """What was deferred in December and is paid in January is shown under December, and not as earned now."""
    records, entries = month_of_orders(1, {"ann": 50})
    plan = yearly_plan(entries, fx.Cap.per_payee("1.00", cut="defer"))
    run = fx.settle(facts_with(records), plan, period=fx.month(2026, 1), state=waiting_state())
    lines = run.lines_of("ann")
    assert sorted(zip(lines.earning_period, lines.allowed.tolist(), strict=True)) == [
        ("2025-12", 70),
        ("2026-01", 30),
    ]
    assert run.margin_report().used == 30
    assert run.margin_report().released == 70
    assert [(entry.earning_period, entry.amount) for entry in run.state.deferred] == [("2026-01", 20)]
    assert sums_by_payee(run)
