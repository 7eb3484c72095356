"""Reported defects of other engines, each on the least numbers that show it."""

from __future__ import annotations

from decimal import Decimal

import pytest

import fenxiao as fx
from fenxiao.corrections import Book, correct

CHAIN = fx.ReferralTree.from_mapping({"top": None, "mid": "top", "buyer": "mid"})
AT = "2026-02-10T00:00:00Z"


def facts_of(*orders):
    """Return facts with orders of the buyer: (order id, paid), all sold on the same day."""
    records = [
        {"order_id": key, "member": "buyer", "paid": paid, "paid_at": "2026-01-05T00:00:00Z"}
        for key, paid in orders
    ]
    return fx.Facts(tree=CHAIN, orders=fx.Orders.from_records(records, times=["paid_at"]))


def plan_of(*rates, **options):
    """Return a level commission at these rates."""
    level = fx.LevelCommission("levels", base="paid", rates=rates or ("10%",), if_not="company")
    whole = fx.Margin.rate("100%", of="paid")
    return fx.Plan(currency="CNY", margin=whole, policies=[level], anchor="paid_at", zone="UTC", **options)


def money(**amounts):
    """Return amounts by member as exact money."""
    return {member: Decimal(amount) for member, amount in amounts.items()}


@pytest.mark.parametrize("rule", ["recompute", "own_lines", "pro_rata"])
def test_refund_with_the_wrong_sign(rule):
    """A credit note of 200 on 1000 raised the commission of 4 % to 48 instead of lowering it to 32."""
    plan, sold = plan_of("4%", refunds=fx.Refunds(rule)), facts_of((1, "1000.00"))
    run = fx.settle(sold, plan, period=fx.month(2026, 1))
    correction = correct(run, sold.refund(1, paid="200.00", at=AT), plan)
    assert correction.totals() == money(mid="-8.00")
    assert correction.book.earned("2026-01").order_pay == 32_00


def test_refund_of_a_refund_is_no_credit():
    """Refunds only ever take back: two of them take more than one, and none makes what is due positive."""
    plan, facts = plan_of(), facts_of((1, "100.00"))
    book = Book.of(fx.settle(facts, plan))
    for paid, posted in (("30.00", "-3.00"), ("70.00", "-7.00")):
        facts = facts.refund(1, paid=paid, at=AT)
        correction = correct(book, facts, plan)
        book = correction.book
        assert correction.totals() == money(mid=posted)
    assert book.earned().order_pay == 0


@pytest.mark.parametrize("rule", ["recompute", "own_lines", "pro_rata"])
def test_clawback_counted_twice(rule):
    """80 that were paid for a refunded sale were taken off 720 again; the second run takes nothing."""
    plan, sold = plan_of("80%", refunds=fx.Refunds(rule)), facts_of((1, "1000.00"), (2, "100.00"))
    later = sold.refund(2, at=AT)
    first = correct(fx.settle(sold, plan), later, plan)
    second = correct(Book.from_dict(first.book.to_dict()), later, plan)
    assert (first.totals(), second.totals()) == (money(mid="-80.00"), {})
    assert second.book.earned().order_pay == 800_00


def test_clawback_counted_twice_by_two_notices():
    """A refund and a chargeback of one order take it back once: there is no more than what it earned."""
    plan, sold = plan_of(), facts_of((1, "100.00"))
    refunded = sold.refund(1, at=AT)
    first = correct(fx.settle(sold, plan), refunded, plan)
    second = correct(first.book, refunded.charge_back(1, at="2026-03-01T00:00:00Z"), plan)
    assert (first.total_minor, second.total_minor) == (-10_00, 0)


def test_clawback_limited_to_the_balance_and_then_forgotten():
    """With 5 of 20 left on the account 5 were taken back and the rest was lost: here 20 are posted."""
    plan, sold = plan_of("20%"), facts_of((1, "100.00"))
    withdrawn = Decimal("15.00")
    run = fx.settle(sold, plan)
    posted = correct(run, sold.cancel(1, at=AT), plan).totals()["mid"]
    assert posted == Decimal("-20.00")
    assert run.payout("mid") - withdrawn + posted == Decimal("-15.00")


def test_commission_on_charged_back_orders():
    """An order whose payment was taken back earns nobody anything, on no level, whenever it becomes known."""
    plan, sold = plan_of("10%", "5%"), facts_of((1, "100.00"), (2, "40.00"))
    charged = sold.charge_back(1, at=AT)
    assert fx.settle(charged, plan).totals().to_dict() == money(mid="4.00", top="2.00")
    correction = correct(fx.settle(sold, plan), charged, plan)
    assert correction.totals() == money(mid="-10.00", top="-5.00")
    assert correction.book.earned() == fx.settle(charged, plan).earned()


def test_debt_tripled_by_a_join():
    """Three events of one order, joined to its line, tripled what was owed: it is owed once."""
    plan, sold = plan_of(), facts_of((1, "30.00"))
    later = sold
    for day in ("10", "11", "12"):
        later = later.refund(1, paid="10.00", at=f"2026-02-{day}T00:00:00Z")
    correction = correct(fx.settle(sold, plan), later, plan)
    assert correction.totals() == money(mid="-3.00")
    assert len(correction.differences[""]) == 1


def test_debt_tripled_by_lines():
    """The three lines of an order are taken back as they were earned, not each of them three times."""
    records = [
        {"order_id": 1, "line": line, "member": "buyer", "paid": "10.00", "paid_at": "2026-01-05T00:00:00Z"}
        for line in range(3)
    ]
    sold = fx.Facts(tree=CHAIN, orders=fx.Orders.from_records(records, times=["paid_at"]))
    for rule in ("recompute", "own_lines"):
        plan = plan_of(refunds=fx.Refunds(rule))
        correction = correct(fx.settle(sold, plan), sold.refund(1, at=AT), plan)
        assert correction.totals() == money(mid="-3.00")


def test_late_order_paid_twice():
    """An order that becomes known after its month was settled is paid once, in the month that earned it."""
    plan, early = plan_of(), facts_of((1, "100.00"))
    runs, book = early, None
    for month in (fx.month(2026, 1), fx.month(2026, 2)):
        run = fx.settle(runs, plan, period=month, state=None if book is None else book.state)
        book = Book.of(run) if book is None else book.then(run)
    late = early.added(facts_of((2, "50.00")).orders)
    first = correct(book, late, plan)
    assert {key: found.total_minor for key, found in first.differences.items()} == {"2026-01": 5_00}
    assert correct(first.book, late, plan).totals() == {}
    assert correct(Book.from_dict(first.book.to_dict()), late, plan).totals() == {}


def lost_and_won(n, rule, *changes, **options):
    """Return what `mid` gets back or gives back for changes of n orders of 100.00, settled by month."""
    plan = plan_of("10%", refunds=fx.Refunds(rule, **options))
    sold = facts_of(*((number, "100.00") for number in range(n)))
    facts = sold
    for act, *told, at in changes:
        facts = getattr(facts, act)(*told, at=f"{at}T00:00:00Z")
    return correct(fx.settle(sold, plan, period=fx.month(2026, 1)), facts, plan).totals()


def test_a_reinstatement_of_a_line_that_is_gone_acts_on_no_other():
    """After the horizon only own lines give back: reinstating order 0 does not undo the refund of order 1."""
    lost = ("cancel", 0, "2026-01-18"), ("refund", 1, "2026-03-23")
    again = "reinstate", 0, 0, "2026-03-27"
    for rule, options in (("own_lines", {"horizon_days": 14}), ("pro_rata", {})):
        assert lost_and_won(2, rule, *lost, **options) == money(mid="-20.00")
    # The period was closed without order 0, which stays gone under the horizon.
    assert lost_and_won(2, "own_lines", *lost, again, horizon_days=14) == money(mid="-20.00")
    assert lost_and_won(2, "pro_rata", *lost, again) == money(mid="-10.00")
    assert lost_and_won(1, "own_lines", lost[0], again, horizon_days=14) == money(mid="-10.00")


@pytest.mark.parametrize("rule", ["recompute", "own_lines", "pro_rata", "none"])
def test_a_dispute_that_is_won_after_the_period_costs_nothing(rule):
    """The order was lost within its month and came back later: it counts again, whatever the rule."""
    lost, won = ("charge_back", 0, "2026-01-20"), ("reinstate", 0, "2026-03-20")
    assert lost_and_won(1, rule, lost, won) == {}


def test_refunds_without_amounts_take_their_band_of_what_a_cancellation_left():
    """20 % of 10.00 for a cancellation after 25 days, then all that is left for a refund in full."""
    bands = {"bands": {0: "100%", 25: "20%", 40: "0%"}, "in_full": ["refund"]}
    gone = "cancel", 0, "2026-02-01"
    assert lost_and_won(1, "bands", gone, **bands) == money(mid="-2.00")
    assert lost_and_won(1, "bands", gone, ("refund", 0, "2026-02-07"), **bands) == money(mid="-10.00")


def test_revival_gives_back_what_its_cancellation_took():
    """2,133,000 less 40 % for a cancellation in month 7; a reinstatement posts the 853,200 again."""
    bands = fx.Refunds("bands", unit="months", bands={0: "70%", 7: "40%", 13: "0%"})
    plan, sold = plan_of("100%", refunds=bands), facts_of((1, "21330.00"))
    cancelled = correct(fx.settle(sold, plan), sold.cancel(1, at="2026-08-05T00:00:00Z"), plan)
    assert cancelled.totals() == money(mid="-8532.00")
    assert correct(cancelled.book, sold, plan).totals() == money(mid="8532.00")
    revived = sold.cancel(1, at="2026-08-05T00:00:00Z").reinstate(1, at="2026-09-01T00:00:00Z")
    assert correct(cancelled.book, revived, plan).totals() == money(mid="8532.00")
