"""Order-local plans: settling the changed orders alone ends where settling everything does."""

from __future__ import annotations

from uuid import UUID

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.corrections import Book, correct
from fenxiao.corrections.touched import same_frame
from fenxiao.genealogy import Genealogy

AT = "2026-10-09T12:00:00Z"
KINDS = {"int": lambda i: i * 7 - 3, "str": lambda i: f"m{i}", "UUID": lambda i: UUID(int=99 - i)}
PLAN = fx.Plan(
    currency="CNY",
    margin=fx.Margin.rate("12%", of="paid"),
    policies=[
        fx.LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company"),
        fx.LevelCommission("second", base="paid", rates=["1%"], start_level=0, if_not="roll_up"),
    ],
)


def lines_of(draw, label, ids, size):
    """Return one or two lines of each order; guests buy, too."""
    member, paid = st.sampled_from([None, *range(size)]), st.integers(0, 5_000)
    return [
        {
            "order_id": order,
            "line": line,
            "member": None if (who := draw(member)) is None else label(who),
            "paid_minor": draw(paid),
        }
        for order in ids
        for line in range(draw(st.integers(1, 2)))
    ]


@st.composite
def shops(draw):
    """Return facts, and the same facts after refunds, cancellations and late orders."""
    label = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    size = draw(st.integers(2, 8))
    above = {label(i): label(draw(st.integers(0, i - 1))) if i else None for i in range(size)}
    sold = lines_of(draw, label, range(draw(st.integers(1, 6))), size)
    late = lines_of(draw, label, range(10, 10 + draw(st.integers(0, 2))), size)
    facts = fx.Facts(tree=fx.ReferralTree.from_mapping(above), orders=fx.Orders.from_records(sold))
    later = facts.added(facts.orders.like(late)) if late else facts
    for line in draw(
        st.lists(st.sampled_from(sold), unique_by=lambda line: (line["order_id"], line["line"]))
    ):
        key = line["order_id"], line["line"]
        if draw(st.booleans()):
            later = later.cancel(*key, at=AT)
        else:
            back = draw(st.integers(0, line["paid_minor"]))
            later = later.refund(*key, paid=f"{back // 100}.{back % 100:02d}", at=AT)
    return facts, later


@settings(max_examples=60, deadline=None)
@given(shops(), st.booleans())
def test_changed_orders_alone_end_where_everything_does(shop, back):
    """Earnings and differences are those of a fresh settlement, forth and back again."""
    then, now = reversed(shop) if back else shop
    before = fx.settle(then, PLAN)
    correction = correct(before, now, PLAN)
    after = fx.settle(now, PLAN).earned()
    assert correction.book.earned() == after
    expected = after.minus(before.earned())
    found = correction.differences.get("")
    rows = [] if found is None else list(map(str, zip(*found.columns().values(), strict=True)))
    assert rows == list(map(str, zip(*expected.columns().values(), strict=True)))
    again = correct(correction.book, then, PLAN)
    assert again.book.earned() == before.earned()


@pytest.mark.parametrize(
    "other",
    [
        {"members": fx.Members.from_columns({"member": ["ann"], "rank": ["gold"]})},
        {"funds": {"extra": "5.00"}},
        {"figures": {"profit": "5.00"}},
        {"catalog": fx.Catalog.from_records([{"product": "tea", "price": "5.00"}])},
        {"events": fx.Events.from_records([{"kind": "task", "member": "ann", "at": AT}])},
    ],
    ids=lambda other: next(iter(other)),
)
def test_other_facts_are_seen(other):
    """Only facts that share everything but orders are corrected order by order."""
    tree = fx.ReferralTree.from_mapping({"ann": None})
    plain = fx.Facts(tree=tree)
    assert same_frame(plain, plain.with_orders(plain.orders))
    assert not same_frame(plain, fx.Facts(tree=tree, **other))


def test_transfers_are_corrected():
    """The same tree and orders with another genealogy pay others."""
    log = [
        {"kind": "join", "member": member, "at": "2026-01-01"} | ({"sponsor": above} if above else {})
        for member, above in (("ann", None), ("bo", None), ("cai", "ann"))
    ]
    moved = [{"kind": "transfer", "member": "cai", "sponsor": "bo", "at": "2026-01-05"}]
    back = [{"kind": "transfer", "member": "cai", "sponsor": "ann", "at": "2026-01-09"}]
    stayed = Genealogy.from_records(log, zone="UTC")
    went = stayed.extended([*moved, *back], zone="UTC")
    orders = fx.Orders.from_records(
        [{"order_id": 1, "member": "cai", "paid": "100.00", "paid_at": "2026-01-06"}], zone="UTC"
    )
    tree = went.as_of("2026-01-31", zone="UTC")
    plan = attrs.evolve(
        PLAN, anchor="paid_at", zone="UTC", attribution="order_time", policies=PLAN.policies[:1]
    )
    first, then = (fx.Facts(tree=tree, orders=orders, genealogy=each) for each in (stayed, went))
    book = Book.of(fx.settle(first, plan, period=fx.month(2026, 1)))
    correction = correct(book, then, plan)
    assert {who: str(money) for who, money in correction.totals().items()} == {"ann": "-10.00", "bo": "10.00"}


def test_a_late_order_may_be_the_first_that_pays():
    """Earnings of nobody are patched like any others, also where labels are text."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    guests = fx.Orders.from_records([{"order_id": 1, "member": None, "paid": "9.00"}])
    facts = fx.Facts(tree=tree, orders=guests)
    later = facts.added(guests.like([{"order_id": 2, "member": "bo", "paid": "100.00"}]))
    correction = correct(fx.settle(facts, PLAN), later, PLAN)
    assert correction.book.earned() == fx.settle(later, PLAN).earned()
    assert correction.total_minor == 1_100
