"""Law 6 over the whole catalogue: histories that end in the same facts end in the same earnings."""

from __future__ import annotations

from datetime import date
from operator import attrgetter

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._kernels.tally import exact_sum
from fenxiao.corrections import Book, correct
from fenxiao.limits import WINDOWS, SourceLimit
from fenxiao.periods import Period, period_key
from fenxiao.policies import Pool
from fenxiao.volumes import own
from tests.cadences.test_law import catalogues
from tests.corrections.worlds import (
    MONTHS,
    facts_of,
    frame_of,
    orders_of,
    pay_of,
    plan_of,
    settled_once,
    shops,
)
from tests.limits.test_source_limits import reading_counts
from tests.policies.test_catalogue_guard import EVERYTHING, chosen

NAMES = [policy.name for policy in EVERYTHING]
law = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


FIRST = fx.LevelCommission(
    "first", base="paid", rates=["50%"], if_not="company", where=fx.Where(first_order=True)
)
"""Pays for a member's first order: it looks at orders of earlier periods."""
ORDER_WISE = [
    policy for policy in EVERYTHING if isinstance(policy, fx.OrderPolicy) and not policy.not_local()
]
"""Alone in a plan, these settle order by order, so that corrections look at changed orders only."""
order_wise_plans = st.builds(
    plan_of,
    st.sets(st.sampled_from([policy.name for policy in ORDER_WISE]), min_size=1).map(chosen),
    rate=st.sampled_from([None, "1/7", "100%"]),
)
plans_of_first_orders = st.builds(plan_of, st.just([FIRST]), rate=st.just("100%"))


plans = st.builds(
    plan_of,
    st.sets(st.sampled_from(NAMES), min_size=1).map(chosen),
    rate=st.sampled_from([None, "1/7", "12%", "100%"]),
    guard=st.just("order"),
    losses=st.just("ignore"),
    caps=st.sampled_from(
        [
            [],
            [fx.Cap.per_payee("3.00")],
            [fx.Cap.per_payee("5.00", cut="defer")],
            [fx.Cap.per_payee("9.00", window="lifetime")],
            [fx.Cap.per_source("9.00", window="anniversary")],
            [fx.Cap.company("10%", of="paid")],
        ]
    ),
)


source_limits = st.builds(
    SourceLimit,
    st.just("counts"),
    of=st.sampled_from(["paid", fx.Base("paid") * "1/3"]),
    money=st.sampled_from(["2.00", "20.00"]),
    window=st.sampled_from(WINDOWS),
)
plans_of_limits = st.builds(lambda plan, limit: reading_counts(plan, [limit]), plans, source_limits)
"""Pay by what counts until a limit of its source, which earlier orders and months use up."""


WAITING = Pool(
    "waiting", base="paid", rate="50%", equal=True, eligible=own("paid") >= "40", if_empty="carry", stage=3
)
plans_of_pots = st.builds(lambda plan: attrs.evolve(plan, policies=(*plan.policies, WAITING)), plans)
"""Beside other pay a pot that often nobody earns, so that it waits for later months."""


@st.composite
def histories(draw, world):
    """Draw in which order a shop learns of its orders and changes, settles months, and corrects.

    Yields steps: an order number, a change, ``"settle"`` or ``"correct"``. A change is known after its order.
    """
    numbers = sorted({line["order_id"] for line in world["lines"]})
    waiting = [*numbers, *range(-len(world["changes"]), 0), *["settle"] * len(MONTHS), *["correct"] * 2]
    steps, known, held = [], set(), []
    for step in draw(st.permutations(waiting)):
        change = world["changes"][step] if isinstance(step, int) and step < 0 else None
        if change is not None and change["order_id"] not in known:
            held.append(change)
            continue
        steps.append(step if change is None else change)
        if isinstance(step, int) and step >= 0:
            known.add(step)
            steps += [each for each in held if each["order_id"] == step]
            held = [each for each in held if each["order_id"] != step]
    return steps


def lived(world, plan, steps, *, stored, incremental):
    """Return the book after a history, and what was posted by period, policy and member along the way.

    Parameters
    ----------
    stored : whether the book goes to plain data and back at every step
    incremental : whether facts are made of the facts before, or read anew each time
    """
    facts, lines, changes = frame_of(world), [], []
    book, months, posted = None, iter(MONTHS), {}
    for step in [*steps, "correct"]:
        if stored and book is not None:
            book = Book.from_dict(book.to_dict())
        if step == "settle":
            run = fx.settle(facts, plan, period=next(months), state=None if book is None else book.state)
            book = Book.of(run) if book is None else book.then(run)
            for key, amount in pay_of(Book.of(run)).items():
                posted[key] = posted.get(key, 0) + amount
        elif step == "correct":
            if book is not None:
                correction = correct(book, facts, plan)
                book = correction.book
                for period, found in correction.differences.items():
                    columns = found.columns()
                    for policy, label, amount in zip(
                        columns["policy"],
                        columns["member"].tolist(),
                        columns["difference_minor"].tolist(),
                        strict=True,
                    ):
                        key = period, policy, label
                        posted[key] = posted.get(key, 0) + amount
        elif isinstance(step, dict):
            changes.append(step)
            facts = (
                facts.after(fx.Changes.from_records([step]))
                if incremental
                else facts_of(world, lines, changes)
            )
        else:
            late = [line for line in world["lines"] if line["order_id"] == step]
            lines += late
            facts = facts.added(orders_of(late)) if incremental else facts_of(world, lines, changes)
    return book, {key: amount for key, amount in posted.items() if amount}


@law
@given(shops(), plans | plans_of_limits | plans_of_pots, st.booleans(), st.booleans(), st.data())
def test_any_history_ends_in_the_earnings_of_its_facts(world, plan, stored, incremental, data):
    """Events, arrivals, periods and corrections in any order: what counts is what is known at the end."""
    steps = data.draw(histories(world))
    book, posted = lived(world, plan, steps, stored=stored, incremental=incremental)
    whole = facts_of(world, world["lines"], world["changes"])
    once = settled_once(whole, plan)
    assert pay_of(book) == pay_of(once) == posted
    assert book == once
    assert not correct(book, whole, plan).totals()


@law
@given(shops(), order_wise_plans | plans_of_first_orders, st.booleans(), st.data())
def test_any_history_of_orders_by_themselves_ends_there_too(world, plan, incremental, data):
    """Where changed orders alone are settled again, or orders of earlier periods count, it is the same."""
    assert plan.is_order_local == (plan.policies[0].name != "first")
    steps = data.draw(histories(world))
    book, posted = lived(world, plan, steps, stored=False, incremental=incremental)
    whole = facts_of(world, world["lines"], world["changes"])
    once = settled_once(whole, plan)
    assert pay_of(book) == pay_of(once) == posted
    assert book == once


def chained(facts, plan, periods):
    """Return the book of settling periods one after the other."""
    book = Book.of(fx.settle(facts, plan, period=periods[0]))
    for period in periods[1:]:
        book = book.then(fx.settle(facts, plan, period=period, state=book.state))
    return book


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shops(orders=5), catalogues(), st.booleans())
def test_cadences_share_margins_also_after_corrections(world, policies, stored):
    """Weekly and monthly runs on the same orders end in the earnings of their facts, margins and all."""
    due = {policy.name: "week" if policy.due in ("order", "day") else policy.due for policy in policies}
    plan = plan_of([attrs.evolve(policy, due=due[policy.name]) for policy in policies], rate="100%")
    dates = sorted({date.fromisoformat(line["paid_at"][:10]) for line in world["lines"]})
    keys = {period_key(day, kind) for day in dates for kind in plan.cadences}
    periods = sorted(map(Period.parse, keys), key=attrgetter("end", "start"))
    before = facts_of(world, world["lines"], [])
    after = facts_of(world, world["lines"], world["changes"])
    book = chained(before, plan, periods)
    correction = correct(Book.from_dict(book.to_dict()) if stored else book, after, plan)
    once = chained(after, plan, periods)
    assert correction.book == once
    assert not correct(correction.book, after, plan).totals()
    margin = exact_sum(after.amounts_of("paid")[0]) if len(after.orders) else 0
    assert sum(pay_of(correction.book).values()) <= margin


def test_a_cancelled_first_order_makes_a_later_one_the_first():
    """The order of February is paid for once that of January is gone, though no order of February changed."""
    tree = fx.ReferralTree.from_mapping({0: None, 1: 0})
    rows = [("january", "100.00", "2026-01-10"), ("february", "60.00", "2026-02-10")]
    records = [
        {"order_id": key, "member": 1, "paid": paid, "paid_at": f"{on}T00:00:00Z"} for key, paid, on in rows
    ]
    members = fx.Members.from_columns({"member": [0, 1], "rank": ["none", "none"]})
    facts = fx.Facts(tree=tree, members=members, orders=fx.Orders.from_records(records, times=["paid_at"]))
    plan = plan_of([FIRST], rate="100%")
    book = settled_once(facts, plan)
    assert pay_of(book) == {("2026-01", "first", 0): 50_00}
    later = facts.cancel("january", at="2026-03-05T00:00:00Z")
    correction = correct(book, later, plan)
    assert pay_of(correction.book) == {("2026-02", "first", 0): 30_00}
    assert correction.book == settled_once(later, plan)
