"""A shop of three people, as small as the tests of one thing need it."""

from __future__ import annotations

from uuid import UUID

import fenxiao as fx
from fenxiao.corrections import Book

MONTHS = [fx.month(2026, 1), fx.month(2026, 2)]
LABELS = [
    ("zoe", "kim", "raj"),
    (1, 2**60, 3),
    (b"t", b"\x00m", b"l"),
    tuple(UUID(int=number) for number in (7, 8, 9)),
]
"""Labels of every kind: of the top, of whom he sponsors, and of whom that one does."""


def tree_of(labels=LABELS[0], more=()):
    """Return a chain of three, and further members below the last one."""
    top, middle, low = labels
    return fx.ReferralTree.from_mapping({top: None, middle: top, low: middle} | dict.fromkeys(more, low))


def orders_of(*rows, labels=LABELS[0], **options):
    """Return orders of the lowest member: (order id, number of the month, paid)."""
    options = {"times": ["paid_at"], "currency": "CNY"} | options
    records = [
        {"order_id": key, "member": labels[2], "paid": paid, "paid_at": f"2026-0{month}-05T00:00:00Z"}
        for key, month, paid in rows
    ]
    return fx.Orders.from_records(records, **options) if rows else fx.Orders.empty(**options)


def facts_of(*rows, labels=LABELS[0], tree=None, currency="CNY", **more):
    """Return facts with such orders."""
    orders = orders_of(*rows, labels=labels, currency=currency)
    return fx.Facts(tree=tree or tree_of(labels), orders=orders, **more)


def plan_of(*policies, **options):
    """Return a plan of two levels, 10 % and 5 %, if no policies are given; margins cut nothing."""
    levels = fx.LevelCommission("levels", base="paid", rates=["10%", "5%"], if_not="company")
    defaults = {
        "currency": "CNY",
        "margin": fx.Margin.rate("100%", of="paid"),
        "anchor": "paid_at",
        "zone": "UTC",
    }
    return fx.Plan(policies=policies or [levels], **(defaults | options))


def book_of(facts, plan, months=MONTHS):
    """Return the book of settling the same facts month by month."""
    book = None
    for month in months:
        run = fx.settle(facts, plan, period=month, state=None if book is None else book.state)
        book = Book.of(run) if book is None else book.then(run)
    return book


def forgetful(book):
    """Return a book that does not know any more what it was settled on."""
    return Book.from_dict(book.to_dict())
