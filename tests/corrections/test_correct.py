"""`correct` piece by piece: what it takes, what it refuses, what it says, and the paths it may take."""

from __future__ import annotations

import importlib
from datetime import date
from decimal import Decimal

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.corrections import Book, correct
from fenxiao.corrections.touched import _FRAME, same_frame
from fenxiao.errors import (
    FenxiaoError,
    InputError,
    OrdersError,
    StateError,
    UnknownMemberError,
    UnsupportedError,
)
from fenxiao.genealogy import Genealogy
from fenxiao.placement import Placement
from fenxiao.policies import Pool
from fenxiao.versions import PlanVersion, PlanVersions
from tests.corrections.shop import LABELS, MONTHS, book_of, facts_of, forgetful, orders_of, plan_of, tree_of
from tests.corrections.worlds import MONTHS as QUARTER
from tests.corrections.worlds import facts_of as facts_of_world
from tests.corrections.worlds import plan_of as plan_of_world
from tests.corrections.worlds import settled_once, shops
from tests.expressions.refusals import refused
from tests.policies.test_catalogue_guard import HALF

PLAN = plan_of()
FACTS = facts_of((1, "1", "100.00"), (2, "1", "50.00"), (3, "2", "30.00"))
LATER = FACTS.refund(1, paid="40.00", at="2026-03-01T00:00:00Z")
RUN = fx.settle(FACTS, PLAN, period=MONTHS[0])
BOOK = book_of(FACTS, PLAN)
PERIODLESS = fx.settle(FACTS, PLAN)
FORTY = {"kim": Decimal("-4.00"), "zoe": Decimal("-2.00")}
"""What the refund of 40 takes back."""
POOL = Pool("pool", base="paid", rate="10%", equal=True, split="floor")
CLOSING = plan_of(refunds=fx.Refunds(horizon_days=9))
both = pytest.mark.parametrize("book", [BOOK, forgetful(BOOK)], ids=["with facts", "stored"])


def state_of(correction):
    """Return a correction as plain data."""
    return (
        correction.book.to_dict(),
        {key: repr(found.columns()) for key, found in correction.differences.items() if len(found)},
    )


@both
def test_what_is_posted(book):
    """Differences stand under the period that earned them, by policy and member."""
    correction = correct(book, LATER, PLAN)
    assert correction.totals() == FORTY
    assert correction.total_minor == -6_00
    columns = correction.columns()
    assert {name: list(values) for name, values in columns.items()} == {
        "earning_period": ["2026-01"] * 2,
        "policy": ["levels"] * 2,
        "member": ["kim", "zoe"],
        "before_minor": [15_00, 7_50],
        "after_minor": [11_00, 5_50],
        "difference_minor": [-4_00, -2_00],
    }
    assert all(columns[name].dtype == np.int64 for name in columns if name.endswith("_minor"))
    assert correction.rejected == ()
    assert correction.state == BOOK.state
    assert repr(correction) == "Correction(2 differences: -6.00 CNY)"


def test_nothing_to_post():
    """Facts that are the same post nothing, and the book is the same down to its entries."""
    for book in (BOOK, forgetful(BOOK)):
        correction = correct(book, FACTS, PLAN)
        assert correction.totals() == {}
        assert correction.total_minor == correction.unrecovered_minor == 0
        assert correction.columns()["member"] == []
        assert correction.columns()["after_minor"].dtype == np.int64
        assert correction.book == BOOK
        assert repr(correction) == "Correction(0 differences: 0.00 CNY)"
    assert correct(BOOK, FACTS, PLAN).differences == {}
    assert [entry.facts for entry in correct(forgetful(BOOK), FACTS, PLAN).book.entries] == [FACTS, FACTS]


def test_one_difference_is_one():
    """The repr counts."""
    facts = facts_of((1, "1", "1.00"))
    correction = correct(
        fx.settle(facts, PLAN), facts.refund(1, paid="0.10", at="2026-03-01T00:00:00Z"), PLAN
    )
    assert repr(correction) == "Correction(2 differences: -0.02 CNY)"
    small = correct(fx.settle(facts, PLAN), facts.refund(1, paid="0.01", at="2026-03-01T00:00:00Z"), PLAN)
    assert repr(small) == "Correction(2 differences: -0.02 CNY)"


@both
def test_facts_by_period(book):
    """A mapping may have more periods than the book; its keys are periods or their texts."""
    wanted = state_of(correct(book, LATER, PLAN))
    for facts in ({"2026-01": LATER, "2026-02": LATER}, dict.fromkeys(QUARTER, LATER)):
        assert state_of(correct(book, facts, PLAN)) == wanted
    assert correct(PERIODLESS, {"": LATER}, PLAN).totals() == FORTY


def test_what_periods_have_of_their_own():
    """Figures, funds, members and trees may differ from period to period: each is settled with its own."""
    plan = plan_of(POOL, margin=fx.Margin.rate("0%", of="paid"))
    own = {
        "2026-01": facts_of((1, "1", "100.00"), funds={"pot": "6.00"}),
        "2026-02": facts_of(
            (1, "1", "100.00"), (2, "2", "50.00"), funds={"pot": "3.00"}, tree=tree_of(more=["new"])
        ),
    }
    state, runs = None, []
    for month in MONTHS:
        runs.append(fx.settle(own[str(month)], plan, period=month, state=state))
        state = runs[-1].state
    book = Book.of(*runs)
    assert correct(book, own, plan).book == correct(forgetful(book), own, plan).book == book
    more = own | {"2026-01": attrs.evolve(own["2026-01"], funds={"pot": "9.00"})}
    correction = correct(book, more, plan)
    assert correction.totals() == correct(forgetful(book), more, plan).totals()
    assert {key: found.total_minor for key, found in correction.differences.items()} == {"2026-01": 3_00}


def test_several_plans_and_versions():
    """Each period is settled with its own plan: a list of them, or their versions."""
    dear = plan_of(fx.LevelCommission("levels", base="paid", rates=["20%"], if_not="company"))
    state = fx.settle(FACTS, PLAN, period=MONTHS[0]).state
    runs = [RUN, fx.settle(FACTS, dear, period=MONTHS[1], state=state)]
    versions = PlanVersions(
        versions=[
            PlanVersion(plan=PLAN, start=date(2026, 1, 1)),
            PlanVersion(plan=dear, start=date(2026, 2, 1)),
        ]
    )
    later = LATER.refund(3, paid="10.00", at="2026-03-02T00:00:00Z")
    wanted = {"kim": Decimal("-6.00"), "zoe": Decimal("-2.00")}
    for plans in ([PLAN, dear], (each for each in (dear, PLAN)), versions, [PLAN, dear, PLAN]):
        assert correct(Book.of(*runs), later, plans).totals() == wanted
    refused(lambda: correct(Book.of(*runs), later, PLAN), StateError, "2026-02", "all plans, of the book")


def test_tree_that_grows():
    """Who joins after a run may sell and earn in its late orders; the others keep what they had."""
    tree = tree_of(more=["new", "newer"])
    late = orders_of((9, "1", "10.00"), labels=("raj", "raj", "newer"))
    orders = fx.Orders.concat(FACTS.orders, late)
    for book in (BOOK, forgetful(BOOK)):
        correction = correct(book, fx.Facts(tree=tree, orders=orders), PLAN)
        assert correction.totals() == {"raj": Decimal("1.00"), "kim": Decimal("0.50")}


@pytest.mark.parametrize("labels", LABELS, ids=lambda labels: type(labels[0]).__name__)
def test_labels_of_every_kind(labels):
    """What is posted names members as the tree does."""
    facts = facts_of((1, "1", "100.00"), labels=labels)
    later = facts.refund(1, paid="40.00", at="2026-03-01T00:00:00Z")
    for book in (book_of(facts, PLAN), forgetful(book_of(facts, PLAN))):
        correction = correct(book, later, PLAN)
        assert correction.totals() == {labels[1]: Decimal("-4.00"), labels[0]: Decimal("-2.00")}
        assert set(correction.columns()["member"]) == set(labels[:2])


@both
def test_states_lead_on(book):
    """What January frees of a lifetime's cap is paid in February, and the state after it says so."""
    plan = plan_of(caps=[fx.Cap.per_payee("16.00", window="lifetime")])
    settled = book_of(FACTS, plan)
    settled = forgetful(settled) if book.entries[0].facts is None else settled
    correction = correct(settled, LATER, plan)
    assert {key: found.total_minor for key, found in correction.differences.items()} == {
        "2026-01": -6_00, "2026-02": 2_00,
    }  # fmt: skip
    assert correction.book == book_of(LATER, plan)


@both
def test_states_lead_on_where_no_order_changed(book):
    """Only the fund of January is another one: it leaves more of a lifetime's cap to February."""
    plan = plan_of(
        POOL, margin=fx.Margin.rate("0%", of="paid"), caps=[fx.Cap.per_payee("2.50", window="lifetime")]
    )
    own = {str(month): attrs.evolve(FACTS, funds={"pot": "6.00"}) for month in MONTHS}
    runs = [fx.settle(own["2026-01"], plan, period=MONTHS[0])]
    runs.append(fx.settle(own["2026-02"], plan, period=MONTHS[1], state=runs[0].state))
    settled = Book.of(*runs) if book.entries[0].facts is not None else forgetful(Book.of(*runs))
    less = own | {"2026-01": attrs.evolve(FACTS, funds={"pot": "4.50"})}
    correction = correct(settled, less, plan)
    assert {key: found.total_minor for key, found in correction.differences.items()} == {
        "2026-01": -1_50, "2026-02": 1_50,
    }  # fmt: skip


@both
def test_orders_that_do_not_say_when_they_were_known(book):
    """A horizon asks when orders were known; where they do not say, all of them were in time."""
    settled = book_of(FACTS, CLOSING)
    settled = settled if book.entries[0].facts is not None else forgetful(settled)
    assert correct(settled, LATER, CLOSING).totals() == {}
    assert (
        correct(settled, FACTS.refund(1, paid="40.00", at="2026-02-05T00:00:00Z"), CLOSING).totals() == FORTY
    )
    assert correct(settled, FACTS.added(orders_of((9, "1", "10.00"))), CLOSING).total_minor == 1_50


@pytest.mark.parametrize("rule", ["own_lines", "none"])
def test_departures_look_at_whole_periods(rule):
    """A run that was settled net is corrected as a whole, whether its facts are at hand or not."""
    plan = plan_of(refunds=fx.Refunds(rule))
    book = book_of(LATER, plan)
    later = LATER.refund(2, paid="10.00", at="2026-03-02T00:00:00Z")
    assert state_of(correct(book, later, plan)) == state_of(correct(forgetful(book), later, plan))


def test_what_is_not_recovered():
    """What is left with payees is shown; what recomputing would pay more is not set off against it."""
    where = fx.Where(first_order=True)
    first = fx.LevelCommission("levels", base="paid", rates=["10%"], if_not="company", where=where)
    plan = plan_of(first, refunds=fx.Refunds("none"))
    later = FACTS.cancel(1, at="2026-03-01T00:00:00Z").cancel(2, at="2026-03-01T00:00:00Z")
    correction = correct(book_of(FACTS, plan), later, plan)
    assert correction.totals() == {}
    assert {key: found.total_minor for key, found in correction.unrecovered().items()} == {"2026-01": 10_00}
    assert correction.unrecovered_minor == 10_00


def test_no_facts_at_all():
    """A shop that has sold nothing learns of its first order; one that never sold anything posts nothing."""
    empty = facts_of()
    for run in (fx.settle(empty, PLAN), fx.settle(empty, PLAN, period=MONTHS[0])):
        for book in (Book.of(run), forgetful(Book.of(run))):
            assert correct(book, empty, PLAN).totals() == {}
            assert correct(book, empty.added(orders_of((1, "1", "40.00"))), PLAN).totals() == {
                "kim": Decimal("4.00"), "zoe": Decimal("2.00"),
            }  # fmt: skip


@pytest.mark.parametrize(
    "book", [BOOK, forgetful(BOOK), Book.of(PERIODLESS)], ids=["facts", "stored", "whole"]
)
def test_orders_that_vanished(book):
    """An order that is not in the facts any more earned nothing, were it all of them."""
    wanted = {"kim": Decimal("-10.00"), "zoe": Decimal("-5.00")}
    assert correct(book, facts_of((2, "1", "50.00"), (3, "2", "30.00")), PLAN).totals() == wanted
    fewer = FACTS.with_orders(FACTS.orders.take(np.array([1, 2])))
    assert correct(book, fewer, PLAN).totals() == wanted
    for none in (facts_of(), FACTS.with_orders(orders_of())):
        assert correct(book, none, PLAN).totals() == {"kim": Decimal("-18.00"), "zoe": Decimal("-9.00")}


@both
def test_orders_read_again(book):
    """Orders may be read with further columns, or under other ids: what counts is what they earn."""
    more = fx.Orders.from_records(
        [
            {"order_id": key, "member": "raj", "paid": paid, "pv": "1", "paid_at": f"2026-0{month}-05T00:00Z"}
            for key, month, paid in (("a", 1, "110.00"), ("b", 1, "50.00"), ("c", 2, "30.00"))
        ],
        times=["paid_at"],
        volumes={"pv": 0},
    )  # fmt: skip
    correction = correct(book, FACTS.with_orders(more), PLAN)
    assert correction.totals() == {"kim": Decimal("1.00"), "zoe": Decimal("0.50")}


@pytest.mark.parametrize("rule", ["recompute", "own_lines"])
def test_lines_of_a_member(rule):
    """By line, for a member: orders that did not change are not among them."""
    plan = plan_of(refunds=fx.Refunds(rule))
    correction = correct(book_of(FACTS, plan), LATER, plan)
    line = {"order_id": 1, "line": 0, "policy": "levels"}
    assert correction.lines_of("kim", "2026-01") == [
        line | {"level": 1, "before_minor": 10_00, "after_minor": 6_00, "difference_minor": -4_00}
    ]
    assert correction.lines_of("zoe", MONTHS[0]) == [
        line | {"level": 2, "before_minor": 5_00, "after_minor": 3_00, "difference_minor": -2_00}
    ]
    assert correction.lines_of("raj", "2026-01") == []
    refused(lambda: correction.lines_of("nobody", "2026-01"), UnknownMemberError, absent=["nobody"])


def test_lines_come_and_go():
    """A late order is a line that was not there, a cancelled one a line that is not there any more."""
    later = FACTS.cancel(2, at="2026-03-01T00:00:00Z").added(orders_of((7, "1", "20.00")))
    lines = correct(RUN, later, PLAN).lines_of("kim", "2026-01")
    found = [(line["order_id"], line["before_minor"], line["after_minor"]) for line in lines]
    assert found == [(2, 5_00, 0), (7, 0, 2_00)]


def test_lines_of_pay_on_the_period():
    """Pay on the period has no order; the whole period is looked at then."""
    plan = plan_of(POOL)
    correction = correct(book_of(FACTS, plan), LATER, plan)
    (line,) = correction.lines_of("raj", "2026-01")
    assert (line["order_id"], line["policy"], line["before_minor"], line["after_minor"]) == (
        None,
        "pool",
        5_00,
        3_66,
    )
    assert sum(each["difference_minor"] for each in [line]) * 3 == correction.total_minor


def test_lines_are_not_at_hand():
    """Periods that were not settled again have no lines; stored books do not have those before."""
    correction = correct(BOOK, LATER, PLAN)
    refused(lambda: correction.lines_of("kim", "2026-02"), StateError, "not settled again", "2026-01")
    refused(lambda: correction.lines_of("kim"), StateError, "not settled again")
    stored = correct(forgetful(BOOK), LATER, PLAN)
    refused(lambda: stored.lines_of("kim", "2026-01"), StateError, "none", "runs themselves")
    without = correct(PERIODLESS, LATER, PLAN)
    assert without.lines_of("kim")[0]["difference_minor"] == -4_00
    refused(lambda: without.lines_of("kim", "2026-01"), StateError, 'allowed: ""')


REJECTS = {
    "inside orders": (fx.Cap.per_order("20.00", rule="reject"), ((9, 0),)),
    "on payees": (fx.Cap.per_payee("24.00", rule="reject"), ("kim",)),
    "on the company": (fx.Cap.company("40.00", rule="reject"), ("",)),
}


@pytest.mark.parametrize("name", REJECTS)
@pytest.mark.parametrize("stored", [False, True])
def test_what_a_cap_rejects(name, stored):
    """Nothing changes, and what is rejected is returned; it has no lines."""
    cap, wanted = REJECTS[name]
    plan = plan_of(caps=[cap])
    book = book_of(FACTS, plan)
    book = forgetful(book) if stored else book
    # February changes too, and comes first in neither: not a part of it is posted.
    later = LATER.refund(3, paid="10.00", at="2026-03-02T00:00:00Z").added(orders_of((9, "2", "300.00")))
    correction = correct(book, later, plan)
    assert correction.rejected == wanted
    assert correction.book is book
    assert correction.state is book.state
    assert (correction.differences, correction.totals(), correction.total_minor) == ({}, {}, 0)
    assert correction.unrecovered() == {}
    assert repr(correction) == "Correction(rejected on 1 order line(s) or group(s))"
    refused(lambda: correction.lines_of("kim", "2026-01"), StateError, "none")
    assert correct(book, LATER, plan).totals() == FORTY


@settings(max_examples=25, deadline=None)
@given(shops(), st.sampled_from([None, "1/7", "100%"]), st.booleans())
def test_the_short_way_is_the_long_way(world, rate, guard_line):
    """Order-local plans settle the touched orders alone: byte for byte what settling all of them gives."""
    levels = fx.LevelCommission("levels", base="paid", rates=[HALF, "10%"], if_not="roll_up")
    options = {"guard": "line"} if guard_line and rate is not None else {}
    plan = plan_of_world([levels], rate=rate, caps=[fx.Cap.per_order("7.00")], **options)
    assert plan.is_order_local
    sold = facts_of_world(world, world["lines"], [])
    now = facts_of_world(world, world["lines"], world["changes"])
    # The very same tree and members, other orders.
    now = sold.with_orders(now.orders)
    book = settled_once(sold, plan)
    short, long = correct(book, now, plan), correct(forgetful(book), now, plan)
    assert state_of(short) == state_of(long)
    assert short.book == settled_once(now, plan)
    for period in short.differences:
        for member in sorted(world["parents"]):
            lines = short.lines_of(member, period)
            whole = long.differences[period]
            mine = np.flatnonzero(whole.labels == member)
            assert sum(line["difference_minor"] for line in lines) == whole.take(mine).total_minor


def test_members_with_sparse_numbers_keep_what_they_had():
    """Numbers far apart are looked up in another way than dense ones: nobody gets lost."""
    numbers = [1 + 10**12 * (number * 7 % 50) for number in range(50)]
    sponsors = {number: numbers[place // 2] if place else None for place, number in enumerate(numbers)}
    records = [
        {"order_id": place, "member": number, "paid": "10.00", "paid_at": "2026-01-05T00:00:00Z"}
        for place, number in enumerate(numbers)
    ]
    orders = fx.Orders.from_records(records, times=["paid_at"], currency="CNY")
    facts = fx.Facts(tree=fx.ReferralTree.from_mapping(sponsors), orders=orders)
    later = facts.refund(49, at="2026-03-01T00:00:00Z").refund(48, at="2026-03-01T00:00:00Z")
    book = Book.of(fx.settle(facts, PLAN))
    assert state_of(correct(book, later, PLAN)) == state_of(correct(forgetful(book), later, PLAN))


@pytest.mark.parametrize("losses", ["ignore", "offset"])
def test_budgets_and_losses_are_patched_too(losses):
    """What a changed order was worth, gain or loss, leaves the sums of its period."""
    plan = plan_of(margin=fx.Margin.column("margin", losses=losses))
    rows = [(1, "50.00"), (2, "-5.00"), (3, "30.00"), (4, "-7.00")]
    records = [
        {
            "order_id": key,
            "member": "raj",
            "paid": "100.00",
            "margin": margin,
            "paid_at": "2026-01-05T00:00:00Z",
        }
        for key, margin in rows
    ]
    orders = fx.Orders.from_records(records, times=["paid_at"], currency="CNY")
    facts = fx.Facts(tree=tree_of(), orders=orders)
    later = facts.cancel(4, at="2026-03-01T00:00:00Z").refund(1, paid="40.00", at="2026-03-01T00:00:00Z")
    later = later.adjust(3, margin="-2.00", at="2026-03-01T00:00:00Z")
    book = Book.of(fx.settle(facts, plan, period=MONTHS[0]))
    earned = correct(book, later, plan).book.earned(MONTHS[0])
    assert earned == fx.settle(later, plan, period=MONTHS[0]).earned()
    assert (earned.budget, earned.losses) == (30_00, 7_00 if losses == "offset" else 0)


EDGES = [
    ("2026-01-01T00:00:00Z", "2026-01"),
    ("2026-01-31T23:59:59.999999Z", "2026-01"),
    ("2026-02-01T00:00:00Z", "2026-02"),
    ("2026-02-28T23:59:59.999999Z", "2026-02"),
]


@pytest.mark.parametrize(("when", "period"), EDGES)
def test_orders_at_the_edge_of_a_period(when, period):
    """The first instant of a period is inside, that of the next one is not: only that period is settled."""
    record = {"order_id": 9, "member": "raj", "paid": "10.00", "paid_at": when}
    facts = FACTS.added(fx.Orders.from_records([record], times=["paid_at"], currency="CNY"))
    later = facts.cancel(9, at="2026-03-01T00:00:00Z")
    correction = correct(book_of(facts, PLAN), later, PLAN)
    assert {key: found.total_minor for key, found in correction.differences.items()} == {period: -1_50}
    assert correction.book == book_of(later, PLAN)


@both
def test_an_order_that_moves_to_another_month(book):
    """The month that it leaves and the month that it comes to are both settled again."""
    moved = FACTS.with_orders(orders_of((1, "2", "100.00"), (2, "1", "50.00"), (3, "2", "30.00")))
    correction = correct(book, moved, PLAN)
    assert {key: found.total_minor for key, found in correction.differences.items()} == {
        "2026-01": -15_00, "2026-02": 15_00,
    }  # fmt: skip


@both
def test_what_was_bought_before_counts(book):
    """Where only first orders pay, a cancelled one makes an order of a later month the first."""
    where = fx.Where(first_order=True)
    first = fx.LevelCommission("levels", base="paid", rates=["10%"], if_not="company", where=where)
    plan = plan_of(first)
    assert not plan.is_order_local
    settled = book_of(FACTS, plan)
    later = FACTS.cancel(1, at="2026-03-01T00:00:00Z").cancel(2, at="2026-03-01T00:00:00Z")
    correction = correct(forgetful(settled) if book.entries[0].facts is None else settled, later, plan)
    assert {key: found.total_minor for key, found in correction.differences.items()} == {
        "2026-01": -10_00, "2026-02": 3_00,
    }  # fmt: skip


def test_the_short_way_is_taken(monkeypatch):
    """Of three orders one is settled again, before and after; not a period without changed orders."""
    seen = []
    for place, name in (("correcting", "few_paid"), ("outcome", "settle")):
        target = f"fenxiao.corrections.{place}"
        whole = getattr(importlib.import_module(target), name)

        def counted(*given, whole=whole, name=name, **more):
            seen.append((name, *(len(each.orders) for each in given if isinstance(each, fx.Facts))))
            return whole(*given, **more)

        monkeypatch.setattr(f"{target}.{name}", counted)
    correct(BOOK, LATER, PLAN)
    assert seen == [("few_paid", 1), ("few_paid", 1)]
    seen.clear()
    correct(forgetful(BOOK), LATER, PLAN)
    assert seen == [("settle", 3), ("settle", 3)]


def test_every_fact_is_compared():
    """Whatever facts are made of, besides orders, has to be the same for the short way to be taken."""
    given_ = {field.name for field in attrs.fields(fx.Facts) if field.init}
    assert set(_FRAME) == given_ - {"orders"}


def test_what_frames_share():
    """The very same tables, not equal ones; named money may be equal."""
    members = fx.Members.from_columns({"member": list(LABELS[0]), "rank": ["a"] * 3})
    full = attrs.evolve(
        FACTS, members=members, figures={"profit": "1.00"}, funds={"pot": "1.00"},
        placements={"binary": Placement.auto(FACTS.tree, FACTS.tree.ids, width=2, rule="breadth")},
    )  # fmt: skip
    assert same_frame(full, full)
    assert same_frame(full, full.with_orders(orders_of()))
    assert same_frame(full, attrs.evolve(full, figures={"profit": "1.00"}))
    others = {
        "members": None,
        "catalog": fx.Catalog.from_records([{"product": "tea", "price": "1.00"}]),
        "events": fx.Events.from_records([{"kind": "join", "member": "zoe", "at": "2026-01-01T00:00:00Z"}]),
        "figures": {"profit": "1.01"}, "funds": {}, "placements": {},
        "genealogy": Genealogy.of(FACTS.tree, at="2026-01-01T00:00:00Z"),
    }  # fmt: skip
    assert set(others) == set(_FRAME) - {"tree"}
    grown = attrs.evolve(FACTS, tree=tree_of(more=["new"]))
    assert not same_frame(FACTS, grown)
    for name, value in others.items():
        assert not same_frame(full, attrs.evolve(full, **{name: value})), name


REFUSED = {
    "no book": (lambda: correct(None, FACTS, PLAN), InputError, ["previous", "is None", "settle"]),
    "a stored book": (lambda: correct(BOOK.to_dict(), FACTS, PLAN), InputError, ["previous", "is a dict"]),
    "an entry": (lambda: correct(BOOK.entries[0], FACTS, PLAN), InputError, ["previous", "is a Entry"]),
    "no facts": (lambda: correct(BOOK, None, PLAN), InputError, ["facts", "is None", "mapping"]),
    "orders": (lambda: correct(BOOK, FACTS.orders, PLAN), InputError, ["facts", "is a Orders"]),
    "facts of a period": (
        lambda: correct(BOOK, {"2026-01": FACTS, "2026-02": None}, PLAN), InputError, ["facts", "is None"],
    ),
    "a missing period": (
        lambda: correct(BOOK, {"2026-01": FACTS}, PLAN),
        InputError, ["missing for a period", "2026-02", "2026-01, 2026-02"],
    ),
    "a missing run": (lambda: correct(PERIODLESS, {}, PLAN), InputError, ["missing for a period", '""']),
    "no plan": (lambda: correct(BOOK, FACTS, None), InputError, ["plan", "is None", "list of them"]),
    "text": (lambda: correct(BOOK, FACTS, "plan"), InputError, ["plan", "is a str"]),
    "a mapping": (lambda: correct(BOOK, FACTS, {"a": PLAN}), InputError, ["plan", "is a dict"]),
    "a list of none": (lambda: correct(BOOK, FACTS, [None]), InputError, ["plan", "holds what is None"]),
    "no plans": (lambda: correct(BOOK, FACTS, []), StateError, ["plan", "2026-01", "comparison"]),
    "another plan": (lambda: correct(BOOK, FACTS, plan_of(POOL)), StateError, ["plan", "hashes"]),
    "another plan of a run": (
        lambda: correct(PERIODLESS, FACTS, plan_of(POOL)), StateError, ["the run without a period"],
    ),
    "labels of another kind": (
        lambda: correct(BOOK, facts_of((1, "1", "9.00"), labels=LABELS[1]), PLAN),
        StateError, ["members", "mix kinds of labels", "int", "str"],
    ),
    "another currency": (
        lambda: correct(BOOK, facts_of((1, "1", "9.00"), currency="USD"), PLAN), OrdersError, ["USD", "CNY"],
    ),
    "no time": (
        lambda: correct(
            BOOK,
            FACTS.with_orders(fx.Orders.from_records([{"order_id": 1, "member": "raj", "paid": "1.00"}])),
            PLAN,
        ),
        OrdersError, ["paid_at"],
    ),
    "a horizon without a period": (
        lambda: correct(fx.settle(FACTS, CLOSING), LATER, CLOSING),
        UnsupportedError, ["no period", "horizon_days=9"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_corrected_is_refused(name):
    """Every refusal names the thing, what is allowed or the next step."""
    make, kind, parts = REFUSED[name]
    error = refused(make, kind, *parts)
    assert isinstance(error, FenxiaoError)


def test_members_that_left():
    """Who is not in the tree any more loses what he had; nobody's label is guessed."""
    facts = facts_of((1, "1", "100.00"), labels=("new", "kim", "raj"))
    correction = correct(RUN, facts, PLAN)
    assert correction.totals() == {"kim": Decimal("-5.00"), "new": Decimal("5.00"), "zoe": Decimal("-7.50")}


def test_merged_runs():
    """Runs of disjoint orders that were merged are one run, and are corrected as one."""
    parts = [FACTS.with_orders(FACTS.orders.take(np.array(rows))) for rows in ([0], [1, 2])]
    merged = fx.merge(*(fx.settle(part, PLAN) for part in parts))
    assert correct(merged, LATER, PLAN).totals() == FORTY
    assert correct(merged, FACTS, PLAN).totals() == {}
