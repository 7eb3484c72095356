"""A year and a half of real purchases, of which some come back in part, months later.

Each month the shop corrects what it has settled by what it has learnt, and settles the next one. In the end
every month has earned what one settlement of the net purchases gives.
"""

from __future__ import annotations

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.corrections import Book, correct
from tests.real.test_cdnow import FILE, MONTHLY_LIMIT, MONTHS, ZONE, facts, plan_with, purchases

__all__ = ["facts", "purchases"]

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the purchases are not beside the project")

SHARE = 0.05
LATEST_DAYS = 300


@pytest.fixture(scope="module")
def refunds(purchases):
    """Return refunds of parts of one purchase in twenty, up to ten months later, by day."""
    draw = np.random.default_rng(1997)
    found = []
    for purchase in purchases:
        if purchase.paid and draw.random() < SHARE:
            day = np.datetime64(f"{purchase.day[:4]}-{purchase.day[4:6]}-{purchase.day[6:]}")
            known = day + int(draw.integers(1, LATEST_DAYS))
            found.append((str(known), purchase.number, int(draw.integers(1, purchase.paid + 1))))
    return sorted(found)


def changes_of(refunds, since, until):
    """Return the refunds that became known in a half-open range of days."""
    records = [
        {"kind": "refund", "order_id": number, "paid_minor": paid, "at": f"{day} 12:00"}
        for day, number, paid in refunds
        if since <= day < until
    ]
    return fx.Changes.from_records(records, currency="USD", zone=ZONE)


def settled(book, run_of):
    """Return a book with one more run, made from the state of the book."""
    run = run_of(None if book is None else book.state)
    return Book.of(run) if book is None else book.then(run)


@pytest.mark.parametrize(
    "caps",
    [(), (fx.Cap.per_payee(f"{MONTHLY_LIMIT // 100}.00"),)],
    ids=["order by order", "with a monthly limit"],
)
def test_months_that_were_corrected_earn_what_the_net_facts_earn(facts, refunds, caps):
    """Eighteen months one after the other, against one settlement of what is left in the end."""
    plan, book, known, since = plan_with(*caps), None, facts, ""
    assert plan.is_order_local == (not caps)
    posted = 0
    for month in MONTHS:
        period = fx.month(*month)
        known = known.after(changes_of(refunds, since, str(period.end)))
        since = str(period.end)
        if book is not None:
            correction = correct(book, known, plan)
            posted += correction.total_minor
            book = correction.book
        book = settled(book, lambda state, at=period, its=known: fx.settle(its, plan, period=at, state=state))
    net = known.after(changes_of(refunds, since, "9"))
    last = correct(book, net, plan)
    once = None
    for month in MONTHS:
        once = settled(once, lambda state, at=month: fx.settle(net, plan, period=fx.month(*at), state=state))
    assert last.book == once
    assert correct(last.book, net, plan).totals() == {}
    assert 3_000 < len(refunds) < 4_000
    assert posted + last.total_minor < -100_00
