"""Policies due per order, day, week and month: no order pays more than its margin over all runs together."""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.policies import Pool, QualifiedBonus
from fenxiao.policies.base import CADENCES
from fenxiao.qualification import Ladder
from fenxiao.volumes import own
from tests.oracles.cadences import SlowMargins, keys_of
from tests.policies.test_catalogue_guard import EVERYTHING
from tests.strategies.networks import ORDER, PLACES, facts_of, worlds

TOGETHER = ({"career", "peers"}, {"levels", "level bonus", "match"}, {"volume", "generation match"})
"""Policies of which one looks at another: they are due in the same runs."""
FIRST = dt.date(2026, 1, 22)
MARGINS = st.integers(-300, 3000)
POT = Pool("pot", base="paid", rate="40%", equal=True, eligible=own("paid") >= "30", if_empty="carry")
"""What nobody earns waits for a later run of its cadence."""
ON_ORDERS = {policy.name for policy in EVERYTHING if isinstance(policy, fx.OrderPolicy)}


@st.composite
def catalogues(draw):
    """Draw some policies of the catalogue with a cadence each, at least two in all."""
    names = draw(st.sets(st.sampled_from([policy.name for policy in EVERYTHING]), min_size=2))
    for group in TOGETHER:
        names |= group if names & group else set()
    due = {}
    for name in sorted(names):
        group = next((group for group in TOGETHER if name in group), {name})
        cadences = CADENCES if group <= ON_ORDERS else CADENCES[1:]
        due[name] = next((due[each] for each in group if each in due), None) or draw(
            st.sampled_from(cadences)
        )
    found = [attrs.evolve(each, due=due[each.name]) for each in EVERYTHING if each.name in due]
    if draw(st.booleans()):
        found += [attrs.evolve(POT, name=f"pot of the {due}", due=due) for due in CADENCES[1:]]
    return found


@st.composite
def caps_of(draw, policies):
    """Draw a cap on one cadence and one on all of them for life, or none."""
    cadence = draw(st.sampled_from(sorted({policy.due for policy in policies})))
    some = [policy.name for policy in policies if policy.due == cadence]
    most = st.sampled_from(["0.50", "3.00", "20.00"])
    cut = st.sampled_from(["forfeit", "defer"])
    caps = [
        fx.Cap.per_payee(draw(most), on=some, cut=draw(cut), name="now"),
        fx.Cap.per_payee(draw(most), window="lifetime", cut=draw(cut), name="ever"),
        fx.Cap.per_order("40%", of="paid", on=some),
    ]
    return [cap for cap in caps if draw(st.booleans())]


def dated(draw, world, *, lines, margin=MARGINS):
    """Return the facts of a world with orders over six weeks, of one line or of two, and their margins."""
    records, margins, dates = [], {}, {}
    for order in world["orders"]:
        key, line = (order["id"] // 2, order["id"] % 2) if lines else (order["id"], 0)
        on = dates.setdefault(key, FIRST + dt.timedelta(days=draw(st.integers(0, 41))))
        here = draw(margin)
        margins[key] = margins.get(key, 0) + here
        records.append(
            {
                "order_id": key,
                "line": line,
                "member": order["member"],
                "paid_minor": order["paid"],
                "margin_minor": here,
                "quantity": order["quantity"],
                "region": PLACES[order["id"] % len(PLACES)],
                "paid_at": f"{on}T23:30:00+08:00",
            }
        )
    facts = facts_of(world)
    orders = fx.Orders.from_records(records, times=["paid_at"]) if records else fx.Orders.empty()
    return facts.with_orders(orders), margins, dates


def runs_of(draw, cadences, dates):
    """Return the keys of all periods in which something is due, and None for what is due per order, mixed."""
    keys = {keys_of(on)[kind] for on in dates.values() for kind in cadences if kind != "order"}
    return draw(st.permutations([*sorted(keys), *([None] if "order" in cadences else [])]))


def paid_by(run):
    """Return what a run pays by order, for claims on the period, and of what was deferred before."""
    orders, on_period, released = {}, 0, 0
    period = "" if run.period is None else str(run.period)
    for batch in run.lines():
        assert (batch.claimed == batch.allowed + batch.withheld).all()
        columns = (batch.order_row.tolist(), batch.allowed.tolist(), batch.earning_period)
        for row, amount, earned in zip(*columns, strict=True):
            if row >= 0:
                key = run.facts.orders.order_id.value(row)
                orders[key] = orders.get(key, 0) + amount
            elif earned == period:
                on_period += amount
            else:
                released += amount
    return orders, on_period, released


def not_of(run, state):
    """Return what a state holds of policies that a run does not settle."""
    mine = {policy.name for policy in run.due.policies}
    pots = [pot for pot in state.pots.items() if pot[0] not in mine]
    return [*pots, *(entry for entry in (*state.carries, *state.deferred) if entry.policy not in mine)]


def waiting(state):
    """Return the sum of what is deferred, and of pots that nobody has earned."""
    return sum(entry.amount for entry in state.deferred) + sum(state.pots.values())


def lost_of_pots(run, state):
    """Return what of pots that waited is neither paid nor waits on: caps took it from the pool."""
    mine = [name for name in state.pots if name in {policy.name for policy in run.due.policies}]
    paid = {name: int(run.totals(name).allowed.sum()) for name in mine if name not in run.state.pots}
    return sum(max(state.pots[name] - amount, 0) for name, amount in paid.items())


def known(state):
    """Return what a state says was taken, by order."""
    taken = state.taken
    return {} if taken is None else dict(zip(taken.order_ids.tolist(), taken.minor.tolist(), strict=True))


@settings(max_examples=80, deadline=None)
@given(st.data(), worlds(orders=8), catalogues(), st.booleans(), st.booleans())
def test_no_order_pays_more_than_its_margin_over_all_runs(data, world, policies, offset, lines):
    """Whatever is due when, and in whatever order runs come, law 2 holds for orders and for all money."""
    facts, margins, dates = dated(data.draw, world, lines=lines)
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin", losses="offset" if offset else "ignore"),
        policies=policies,
        caps=data.draw(caps_of(policies)),
        qualifications=[ORDER],
        anchor="paid_at",
        zone="Asia/Shanghai",
    )
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    several, twin = len(plan.cadences) > 1, SlowMargins(margins, dates, plan.cadences)
    state, pay, extra, by_member = fx.State(), 0, 0, 0
    for key in runs_of(data.draw, plan.cadences, dates):
        funds = data.draw(st.sampled_from([0, 0, 700]))
        now = attrs.evolve(facts, funds={"bonus": f"{funds // 100}.00"} if funds else {})
        period = None if key is None else fx.Period.parse(key)
        if key is None and several and any(map(twin.closed, dates)):
            continue
        run = fx.settle(now, plan, period=period, state=state)
        orders, on_period, released = paid_by(run)
        assert all(amount <= twin.budget(order) for order, amount in orders.items())
        handed = sum(map(twin.budget, twin.inside(key))) - sum(orders.values())
        carried = sum(
            pot for name, pot in state.pots.items() if name in {each.name for each in run.due.policies}
        )
        assert run.margin_report().carried_in == carried
        assert on_period <= max(handed - (twin.losses(key) if offset else 0) + funds, 0) + carried
        put_off = waiting(run.state) - waiting(state) + released + lost_of_pots(run, state)
        twin.run(key, orders, on_period + put_off, funds)
        assert known(run.state) == (twin.open if several else {})
        by_member = by_member + run.totals().payable
        assert not_of(run, run.state) == not_of(run, state)
        state, pay, extra = run.state, pay + sum(orders.values()) + on_period + released, extra + funds
    for cap in plan.caps:
        if cap.window == "lifetime":
            assert np.max(by_member) <= int(fx.Rate.of(cap.money).fraction * 100)
    assert all(twin.taken[order] <= max(margins[order], 0) for order in margins)
    assert pay + waiting(state) <= sum(max(margin, 0) for margin in margins.values()) + extra


LADDER = Ladder("title", {"high": own("paid").over(2) >= "30"}, demotion="one_step")


@settings(max_examples=40, deadline=None)
@given(st.data(), worlds(orders=6), catalogues(), st.sampled_from(CADENCES[1:]))
def test_cadences_meet_in_margins_only(data, world, policies, cadence):
    """Where margins cut nothing, a cadence pays and remembers what it would if the others were not there."""
    facts, _, dates = dated(data.draw, world, lines=False, margin=st.just(10**9))
    ranked = QualifiedBonus("ranked", amount="1.00", when=fx.column("title") == "high", due=cadence)
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=[*policies, ranked],
        qualifications=[ORDER, LADDER],
        anchor="paid_at",
        zone="Asia/Shanghai",
    )
    together, alone = fx.State(), dict.fromkeys(plan.cadences, fx.State())
    # What is due per order comes before the last period of any order.
    keys = sorted(runs_of(data.draw, plan.cadences, dates), key=lambda key: key is not None)
    for key in keys:
        period = None if key is None else fx.Period.parse(key)
        kind = "order" if period is None else period.kind
        part = plan.due_in(kind)
        ours = fx.settle(facts, plan, period=period, state=together)
        own_run = fx.settle(facts, part, period=period, state=alone[kind])
        for policy in part.policies:
            assert ours.totals(policy.name).to_dict() == own_run.totals(policy.name).to_dict()
        together, alone[kind] = ours.state, own_run.state
    assert together.pots == {name: pot for state in alone.values() for name, pot in state.pots.items()}
    for name in ("carries", "standings", "records"):
        apart = [entry for state in alone.values() for entry in getattr(state, name)]
        assert sorted(map(repr, getattr(together, name))) == sorted(map(repr, apart))
