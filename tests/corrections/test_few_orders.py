"""Order-local plans: settling the changed orders alone ends where settling everything does."""

from __future__ import annotations

from unittest import mock
from uuid import UUID

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.corrections import Book, correct
from fenxiao.corrections.touched import same_frame
from fenxiao.errors import TimeError
from fenxiao.genealogy import Genealogy
from fenxiao.orders.comparing import rows_that_may_differ, touched_rows
from fenxiao.qualification import GivenRanks

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


LEVELS = fx.LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company")
RANKED = fx.LevelCommission(
    "ranked",
    base="paid",
    by_rank={"plain": ["1%"], "gold": ["9%", "4%"]},
    rank_column="rank",
    eligible=fx.column("active") == True,  # noqa: E712  # a predicate, not a comparison
    self_purchase="skip",
    if_not="roll_up",
)
BY_PRODUCT = fx.LevelCommission(
    "products",
    base="paid",
    rates=["10%"],
    by_product={"tea": ["30%", "7%"]},
    where=fx.Where(product=["tea", "pen", "new"]),
    if_not="company",
)


def local_plan(*policies, **options):
    """Return an order-local plan for shops over two months."""
    defaults = {"currency": "CNY", "anchor": "paid_at", "zone": "UTC", "margin": fx.Margin.column("margin")}
    plan = fx.Plan(policies=policies, **(defaults | options))
    assert plan.is_order_local
    return plan


PLANS = {
    "caps": local_plan(
        LEVELS,
        BY_PRODUCT,
        caps=[fx.Cap.per_order("5%", of="paid"), fx.Cap.per_product("4%", within="order", of="paid")],
    ),
    "losses": local_plan(LEVELS, margin=fx.Margin.column("margin", losses="offset")),
    "lines": local_plan(LEVELS, margin=fx.Margin.column("margin", guard="line")),
    "ranks": local_plan(
        attrs.evolve(LEVELS, stage=2), RANKED, qualifications=[GivenRanks("rank", order=["plain", "gold"])]
    ),
    "catalog": local_plan(BY_PRODUCT, margin=fx.Margin.catalog()),
    "due": local_plan(attrs.evolve(LEVELS, due="month"), attrs.evolve(BY_PRODUCT, due="month")),
    "nothing": local_plan(),
}
MONTHS = [fx.month(2026, 9), fx.month(2026, 10)]
PRODUCTS = ["cup", "pen", "tea"]


@st.composite
def histories(draw):
    """Return facts of one shop: as sold, then changed and added to, each after any of those before it."""
    size = draw(st.integers(2, 6))
    who = st.sampled_from([None, *range(size)])

    def line(order, number, product, day):
        paid = draw(st.integers(0, 3_000))
        return {
            "order_id": order,
            "line": number,
            "member": draw(who),
            "buyer": draw(who),
            "product": product,
            "paid_minor": paid,
            "margin_minor": draw(st.integers(-500, paid)) if paid else 0,
            "paid_at": day,
        }

    def lines(orders, products):
        days = {order: draw(st.sampled_from(["2026-09-30", "2026-10-01", "2026-10-31"])) for order in orders}
        return [
            line(order, number, draw(st.sampled_from(products)), day)
            for order, day in days.items()
            for number in range(draw(st.integers(1, 2)))
        ]

    sold = lines(range(draw(st.integers(1, 5))), PRODUCTS)
    members = {
        "member": list(range(size)),
        "rank": [draw(st.sampled_from(["plain", "gold"])) for _ in range(size)],
        "active": [draw(st.booleans()) for _ in range(size)],
    }
    facts = fx.Facts(
        tree=fx.ReferralTree.from_parents([-1, *(draw(st.integers(0, i - 1)) for i in range(1, size))]),
        orders=fx.Orders.from_records(sold, zone="UTC"),
        members=fx.Members.from_columns(members),
        catalog=fx.Catalog.from_records(
            [{"product": name, "margin_rate": "20%"} for name in (*PRODUCTS, "new")]
        ),
    )
    found = [(facts, {(each["order_id"], each["line"]): each["paid_minor"] for each in sold})]
    for step in range(draw(st.integers(1, 3))):
        facts, left = draw(st.sampled_from(found))
        late = lines(range(step * 10 + 10, step * 10 + 10 + draw(st.integers(0, 1))), ["cup", "new"])
        facts = facts.added(facts.orders.like(late)) if late else facts
        left = left | {(each["order_id"], each["line"]): each["paid_minor"] for each in late}
        for key in draw(st.lists(st.sampled_from(sorted(left)), unique=True)) if left else ():
            back = draw(st.integers(0, left[key]) | st.just(left[key]))
            facts = facts.refund(*key, paid=f"{back // 100}.{back % 100:02d}", at=AT)
            left[key] -= back
            if not left[key]:
                left.pop(key)
        found.append((facts, left))
    return [facts for facts, _ in found]


def settled(facts, plan, months):
    """Return the runs of a plan on facts, month by month, or of all orders at once."""
    runs = []
    for month in months:
        runs.append(fx.settle(facts, plan, period=month, state=runs[-1].state if runs else None))
    return runs or [fx.settle(facts, plan)]


def lines_of_member(runs, member):
    """Return what a member's lines of each run pay, those of nothing left out."""
    found = []
    for run in runs:
        batch = run.lines_of(member)
        keys = zip(batch.order_id, batch.line.tolist(), batch.policy, batch.level.tolist(), strict=True)
        found.append({key: paid for key, paid in zip(keys, batch.allowed.tolist(), strict=True) if paid})
    return found


@settings(max_examples=150, deadline=None)
@given(histories(), st.sampled_from(sorted(PLANS)), st.booleans(), st.data())
def test_chains_of_corrections_never_settle_the_whole(history, name, by_month, data):
    """From book to book, forth and back: the short way alone is taken, and ends where a fresh run does."""
    plan = PLANS[name]
    months = MONTHS if by_month or name == "due" else []
    runs = {number: settled(facts, plan, months) for number, facts in enumerate(history)}
    book, at = Book.of(*runs[0]), 0
    for to in data.draw(st.lists(st.sampled_from(range(len(history))), min_size=1, max_size=4)):
        with mock.patch(
            "fenxiao.corrections.outcome.settle", side_effect=AssertionError("settled as a whole")
        ):
            correction = correct(book, history[to], plan)
        assert [entry.earned for entry in correction.book.entries] == [run.earned() for run in runs[to]]
        for was, now in zip(runs[at], runs[to], strict=True):
            key = "" if now.period is None else str(now.period)
            wanted = now.earned().minus(was.earned())
            found = correction.differences.get(key, wanted)
            for column in ("policy", "labels", "before", "after"):
                assert getattr(found, column).tolist() == getattr(wanted, column).tolist()
            assert key in correction.differences or not len(wanted)
            if key in correction.differences:
                member = data.draw(st.integers(0, len(history[0].tree) - 1))
                (old,), (new,) = (lines_of_member([run], member) for run in (was, now))
                told = correction.lines_of(member, key)
                changed = sorted(
                    (each for each in old.keys() | new.keys() if old.get(each) != new.get(each)), key=repr
                )
                assert [tuple(row.values())[:4] for row in told] == changed
                assert [row["after_minor"] for row in told] == [new.get(each, 0) for each in changed]
        book, at = correction.book, to


@settings(max_examples=60, deadline=None)
@given(histories())
def test_what_may_differ_holds_what_differs(history):
    """Rows that may differ are whole orders, and hold those that do, of unrelated tables as well."""
    first, last = history[0].orders, history[-1].orders
    # Read anew, orders have nothing in common with what was there.
    again = first.take(np.arange(len(first)))
    for now, then in ((last, first), (first, last), (last, again)):
        for told, surely, orders in zip(
            rows_that_may_differ(now, then), touched_rows(now, then), (now, then), strict=True
        ):
            assert set(surely.tolist()) <= set(told.tolist())
            for rows in (told, surely):
                assert rows.tolist() == orders.rows_of(orders.order_id.take(rows)).tolist()


@settings(max_examples=60, deadline=None)
@given(histories(), st.data())
def test_facts_of_rows_are_facts_of_these_lines(history, data):
    """Some orders alone are what reading them alone gives, whether columns are shared or not."""
    then, now = history[0], history[-1]
    numbers = (
        data.draw(st.lists(st.sampled_from(range(now.orders.n_orders)), unique=True))
        if len(now.orders)
        else []
    )
    ids = now.orders.order_id.take(np.flatnonzero(np.isin(now.orders.order_id.values, numbers)))
    rows, others = (facts.orders.rows_of(ids) for facts in (now, then))
    before = then.of_rows(others)
    beside = (then, before) if rows.tolist() == others.tolist() else None
    for whole, part, chosen in ((then, before, others), (now, now.of_rows(rows, beside=beside), rows)):
        wanted = whole.with_orders(whole.orders.take(chosen))
        assert part.member_index.tolist() == wanted.member_index.tolist()
        assert part.buyer_index.tolist() == wanted.buyer_index.tolist()
        assert part.orders.touched_since(wanted.orders).values.tolist() == []
        assert part.orders.line.tolist() == wanted.orders.line.tolist()
        assert part.orders.n_orders == wanted.orders.n_orders
        assert (
            part.orders.caller_rows(np.arange(len(chosen))).tolist()
            == whole.orders.caller_rows(chosen).tolist()
        )


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


def test_an_entry_with_other_earnings_is_settled_as_a_whole():
    """What is kept of a run is of its earnings: an entry that was given others does not use it."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    orders = fx.Orders.from_records([{"order_id": 1, "member": "bo", "paid": "100.00"}])
    facts = fx.Facts(tree=tree, orders=orders)
    run, later = fx.settle(facts, PLAN), facts.refund(1, paid="40.00", at=AT)
    less = fx.settle(facts.refund(1, paid="90.00", at=AT), PLAN).earned()
    entry = attrs.evolve(Book.of(run).entries[0], earned=less)
    correction = correct(Book(entries=[entry], state=run.state), later, PLAN)
    assert correction.book.earned() == fx.settle(later, PLAN).earned()
    assert correction.differences[""].before.tolist() == [100, 10]


def test_a_cap_that_rejects_names_the_changed_orders():
    """The short way rejects what the whole would, and changes nothing."""
    plan = attrs.evolve(PLAN, caps=[fx.Cap.per_order("5.00", rule="reject")])
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    orders = fx.Orders.from_records([{"order_id": 1, "member": "bo", "paid": "10.00"}])
    facts = fx.Facts(tree=tree, orders=orders)
    later = facts.added(orders.like([{"order_id": 2, "member": "bo", "paid": "100.00"}]))
    book = Book.of(fx.settle(facts, plan))
    correction = correct(book, later, plan)
    assert correction.rejected == ((2, 0),)
    assert correction.book is book


def test_who_is_paid_may_change_places():
    """One payee comes as another goes: what is kept of the run knows it, and serves once more."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": None, "cai": "ann", "dan": "bo"})
    orders = fx.Orders.from_records([{"order_id": 1, "member": "cai", "paid": "100.00"}])
    facts = fx.Facts(tree=tree, orders=orders)
    plan = attrs.evolve(PLAN, policies=PLAN.policies[:1])
    moved = facts.added(orders.like([{"order_id": 2, "member": "dan", "paid": "100.00"}])).cancel(1, at=AT)
    later = moved.refund(2, paid="50.00", at=AT)
    book = Book.of(fx.settle(facts, plan))
    with mock.patch("fenxiao.corrections.outcome.settle", side_effect=AssertionError("as a whole")):
        first = correct(book, moved, plan)
        second = correct(first.book, later, plan)
    assert {who: str(money) for who, money in first.totals().items()} == {"ann": "-10.00", "bo": "10.00"}
    assert {who: str(money) for who, money in second.totals().items()} == {"bo": "-5.00"}


def test_a_late_order_in_two_periods_is_refused():
    """Lines of one order in different months are refused on the short way as in a settlement."""
    plan = local_plan(LEVELS, margin=fx.Margin.rate("12%", of="paid"))
    record = {"order_id": 1, "line": 0, "member": 1, "paid": "9.00", "paid_at": "2026-09-30"}
    orders = fx.Orders.from_records([record], zone="UTC")
    facts = fx.Facts(tree=fx.ReferralTree.from_parents([-1, 0]), orders=orders)
    late = [record | {"order_id": 2}, record | {"order_id": 2, "line": 1, "paid_at": "2026-10-01"}]
    later = facts.added(orders.like(late))
    for month in MONTHS:
        book = Book.of(fx.settle(facts, plan, period=month))
        with pytest.raises(TimeError, match="lines of one order into different periods"):
            correct(book, later, plan)


def test_changes_in_any_order_on_two_branches():
    """Each of two later states has changes that the other lacks; an order is changed twice, out of order."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    records = [{"order_id": number, "member": "bo", "paid": "100.00"} for number in range(1, 5)]
    facts = fx.Facts(tree=tree, orders=fx.Orders.from_records(records))
    one, two = facts, facts
    for number in (4, 1, 4):
        one = one.refund(number, paid="10.00", at=AT)
    two = two.refund(3, paid="10.00", at=AT)
    for now, then, wanted in ((one, facts, [0, 3]), (one, two, [0, 2, 3]), (two, one, [0, 2, 3])):
        found = rows_that_may_differ(now.orders, then.orders)
        assert [rows.tolist() for rows in found] == [wanted, wanted]
        correction = correct(fx.settle(then, PLAN), now, PLAN)
        assert correction.book.earned() == fx.settle(now, PLAN).earned()
