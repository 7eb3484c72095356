"""Changes that are malformed or do not fit: each refused with a typed error that names the caller's rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.changes import Changes
from fenxiao.errors import ChangesError, MoneyError, MoneyOverflowError, OrdersError, TimeError
from fenxiao.orders import Orders
from tests.changes.world import orders_of

AT = datetime(2026, 10, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINE = {"paid": 10000, "quantity": 3, "margin": 2500, "pv": 90, "price": 3000}
SOLD = orders_of({(1, 0): LINE, (2, 0): LINE, (2, 1): LINE})
TREE = fx.ReferralTree.from_mapping({"bo": None})
FACTS = fx.Facts(tree=TREE, orders=SOLD)


def change(kind="refund", order_id=1, line=0, at=AT, **stated):
    """Return one plain change."""
    return {"kind": kind, "order_id": order_id, "line": line, "at": at, **stated}


def read(*changes, **options):
    """Read plain changes, with money in minor units."""
    return Changes.from_records(list(changes), unit="minor", volumes={"pv": 0}, **options)


GOOD = change(paid=1)
MALFORMED = {
    "no kind": (lambda: read({"order_id": 1, "at": AT}), "lack required columns, got ['kind']", ()),
    "kind unknown": (
        lambda: read(GOOD, change("return")),
        "column 'kind': is of no kind, got 'return'",
        (1,),
    ),
    "kind missing": (lambda: read(GOOD, change(None)), "is of no kind, got None", (1,)),
    "kind a number": (lambda: read(change(3)), "is of no kind, got 3", (0,)),
    "kind a truth": (lambda: read(change(True)), "is of no kind, got True", (0,)),  # a value
    "order missing": (
        lambda: read(GOOD, change(order_id=None)),
        "column 'order_id': has missing labels",
        (1,),
    ),
    "line a text": (
        lambda: read(change(line="a")),
        "column 'line': does not hold integers, got 'Categories'",
        (),
    ),
    "quantity a text": (lambda: read(change(quantity="2")), "column 'quantity': does not hold integers", ()),
    "quantity negative": (lambda: read(GOOD, change(quantity=-1)), "column 'quantity': is negative", (1,)),
    "column unknown": (lambda: read(change(note="x")), "column 'note': is not known", ()),
    "a column twice": (
        lambda: read(change(paid=1, paid_minor=1)),
        "name the same thing twice, got 'paid_minor'",
        (),
    ),
    "a key in minor units": (
        lambda: read(change(at_minor=1)),
        "name the same thing twice, got 'at_minor'",
        (),
    ),
    "a cancellation of money": (
        lambda: read(GOOD, change("cancellation", paid=1)),
        "states amounts of a cancellation, chargeback or reinstatement",
        (1,),
    ),
    "a chargeback of pieces": (lambda: read(change("chargeback", quantity=0)), "states amounts", (0,)),
    "an adjustment of nothing": (lambda: read(change("adjustment")), "adjustments that state nothing", (0,)),
    "a margin without money": (
        lambda: read(GOOD, change(quantity=1, margin=5)),
        "state a margin or a volume without the money",
        (1,),
    ),
    "a volume without money": (
        lambda: read(change(pv=5)),
        "state a margin or a volume without the money",
        (0,),
    ),
    "no table": (lambda: SOLD.after([GOOD]), "changes: is a list; allowed: Changes", ()),
    "no table to join": (lambda: Changes.concat(read(GOOD), None), "changes: is None; allowed: Changes", ()),
    "currencies to join": (
        lambda: Changes.concat(read(GOOD, currency="USD"), read(GOOD, currency="CNY")),
        "changes: are of another currency in each of the two tables",
        (),
    ),
    "units to join": (
        lambda: Changes.concat(read(GOOD), Changes.from_records([change(paid="1")], currency="JPY")),
        "column 'paid': has other decimals in each of the two tables, got [0, 2]",
        (),
    ),
}


@pytest.mark.parametrize(("make", "text", "rows"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_changes_are_refused(make, text, rows):
    """A table that is malformed is refused, with the rows concerned."""
    with pytest.raises(ChangesError) as caught:
        make()
    assert text in str(caught.value)
    assert caught.value.rows == rows


def fit(*changes, orders=SOLD):
    """Take changes in at once."""
    return orders.after(read(*changes, unit_prices=("price",)))


LATE = orders_of({(1, 0): LINE}, known_at=AT)
ODD = {
    "order unknown": (
        lambda: fit(GOOD, change(order_id=7, paid=1)),
        "are of orders that are not there",
        (1,),
    ),
    "order of another kind": (lambda: fit(change(order_id="1")), "are of orders that are not there", (0,)),
    "line unknown": (
        lambda: fit(GOOD, change(line=4, paid=1)),
        "are of lines that their orders do not have",
        (1,),
    ),
    "line beyond the last": (lambda: fit(change(order_id=2, line=2)), "are of lines that", (0,)),
    "line before the first": (lambda: fit(change(order_id=2, line=-1)), "are of lines that", (0,)),
    "which line": (
        lambda: fit(GOOD, change(order_id=2, line=None, paid=1)),
        "state amounts of an order that has several lines",
        (1,),
    ),
    "too much money": (
        lambda: fit(change(paid=6000), change(order_id=2, paid=1), change(paid=4001)),
        "give back more of 'paid' than was sold",
        (0, 2),
    ),
    "too many pieces": (
        lambda: fit(change(quantity=2), change(quantity=2)),
        "give back more of 'quantity' than was sold",
        (0, 1),
    ),
    "too many priced pieces": (
        lambda: fit(change(quantity=4, paid=0)),
        "give back more of 'quantity' than was sold",
        (0,),
    ),
    "pieces and priced pieces": (
        lambda: fit(change(quantity=2, paid=0), change(quantity=2)),
        "give back more of 'quantity' than was sold",
        (0, 1),
    ),
    "too much volume": (lambda: fit(change(paid=1, pv=91)), "give back more of 'pv' than was sold", (0,)),
    "far too much money": (
        lambda: fit(*[change(paid=2**63 - 1)] * 5),
        "give back more of 'paid' than was sold",
        (0, 1, 2, 3, 4),
    ),
    "more than the adjusted line": (
        lambda: fit(change(paid=5000), change("adjustment", paid=4999, at=AT + HOUR)),
        "give back more of 'paid' than was sold",
        (0, 1),
    ),
    "more although it is cancelled": (
        lambda: fit(change(paid=10001), change("cancellation")),
        "give back more of 'paid' than was sold",
        (0,),
    ),
    "adjusted twice": (
        lambda: fit(change("adjustment", paid=1), GOOD, change("adjustment", paid=2)),
        "adjust a line twice at one time",
        (0, 2),
    ),
    "from nothing": (
        lambda: fit(change("adjustment", paid=1, pv=0), orders=orders_of({(1, 0): LINE | {"paid": 0}})),
        "adjust what was paid from nothing and leave 'margin' open",
        (0,),
    ),
    "a price of a piece": (lambda: fit(change(paid=0, price=1)), "gives back a price of one piece", (0,)),
    "an amount unknown": (
        lambda: fit(change(paid=1, tax=1)),
        "column 'tax': is not an amount of the orders, or of another unit there",
        (0,),
    ),
    "another unit": (
        lambda: SOLD.after(Changes.from_records([change(paid="1")], currency="JPY")),
        "column 'paid': is not an amount of the orders, or of another unit there",
        (0,),
    ),
    "another currency": (
        lambda: Orders.from_records([{"order_id": 1, "member": "bo", "paid": "1"}], currency="USD").after(
            Changes.from_records([change(paid="1")], currency="CNY")
        ),
        "changes: are of another currency than the orders",
        (),
    ),
    "known before its order": (
        lambda: fit(GOOD, change(paid=1, at=AT - HOUR), orders=LATE),
        "are known before their orders are",
        (1,),
    ),
    "no orders to add": (lambda: FACTS.added([GOOD]), "orders to add: is a list; allowed: Orders", ()),
    "volumes a list": (lambda: FACTS.refund(1, at=AT, paid=1, volumes=["pv"]), "volumes: is a list", ()),
    "volumes twice": (
        lambda: FACTS.refund(1, at=AT, paid=1, volumes={"paid": 1}),
        "volumes: have an argument of their own, got ['paid']",
        (),
    ),
    "no order": (lambda: FACTS.cancel(None, at=AT), "has missing labels", (0,)),
    "no such order": (lambda: FACTS.charge_back(7, at=AT), "are of orders that are not there", (0,)),
    "adjusted to nothing stated": (lambda: FACTS.adjust(1, at=AT), "adjustments that state nothing", (0,)),
}


@pytest.mark.parametrize(("make", "text", "rows"), ODD.values(), ids=ODD)
def test_changes_that_do_not_fit_are_refused(make, text, rows):
    """Changes that contradict the orders are refused, with the rows concerned."""
    with pytest.raises(ChangesError) as caught:
        make()
    assert text in str(caught.value)
    assert caught.value.rows == rows


def test_changes_may_happen_before_their_orders_are_known():
    """What counts is when a change was known: an order that comes in late may be cancelled already."""
    assert len(fit(change("cancellation", at=AT - HOUR, known_at=AT), orders=LATE)) == 0


def test_only_new_changes_are_named():
    """What does not fit together with earlier changes is told by the rows of the new ones."""
    before = fit(change(paid=6000), change(order_id=2, paid=1))
    with pytest.raises(ChangesError) as caught:
        before.after(read(change(order_id=2, line=1, paid=1), change(paid=4001)))
    assert caught.value.rows == (1,)
    assert caught.value.labels == (1,)
    assert len(before.changes) == 2


def test_labels_stay_out_of_messages():
    """The id of an order is on the error, not in its text."""
    orders = Orders.from_records([{"order_id": "SECRET-1", "member": "bo", "paid": "1.00"}])
    for record in (
        change(order_id="SECRET-1", paid="2.00"),
        change(order_id="SECRET-2"),
        change(order_id="SECRET-1", line=3),
    ):
        with pytest.raises(ChangesError) as caught:
            orders.after(Changes.from_records([record]))
        assert "SECRET" not in str(caught.value)
        assert caught.value.labels == (record["order_id"],)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: read(change(paid=-1)), MoneyError),
        (lambda: read(change(paid=1, pv=-1)), MoneyError),
        (lambda: Changes.from_records([change(paid=1)]), MoneyError),
        (lambda: Changes.from_records([change(paid=1.5)]), MoneyError),
        (lambda: read(change(at="2026-10-09 12:00")), TimeError),
        (lambda: read(change(at=None)), TimeError),
        (lambda: read(change(known_at="2026-10-09 12:00")), TimeError),
        (lambda: read(change(known_at=5)), TimeError),
        (lambda: read(change(), colour="red"), OrdersError),
        (lambda: SOLD.known("yesterday", by=None), TimeError),
        (lambda: SOLD.known(AT), OrdersError),
        (lambda: SOLD.known(AT, by="paid"), OrdersError),
        (lambda: FACTS.known(AT), OrdersError),
        (lambda: FACTS.refund(1, at="soon"), TimeError),
        (lambda: FACTS.refund(1, at=AT, paid="0.001"), MoneyError),
        (lambda: SOLD.touched_since(None), OrdersError),
        (lambda: SOLD.touched_since(LATE), OrdersError),
        (lambda: SOLD.read_changes(5), OrdersError),
    ],
)
def test_other_refusals(make, error):
    """Amounts, times and options are refused as those of orders are."""
    with pytest.raises(error):
        make()


@pytest.mark.parametrize("value", [None, True, 1.5, float("nan"), "x", b"x", [1], {1: 2}, object(), 10**30])
@pytest.mark.parametrize(
    "call",
    [
        lambda value: FACTS.refund(value, at=AT, paid=1),
        lambda value: FACTS.refund(1, line=[value], at=AT, paid=1),
        lambda value: FACTS.refund(1, 0, at=[value], paid=1),
        lambda value: FACTS.refund(1, 0, at=AT, paid=[value]),
        lambda value: FACTS.refund(1, 0, at=AT, quantity=[value]),
        lambda value: FACTS.refund(1, 0, at=AT, paid=1, volumes={value: 1} if value.__hash__ else value),
        lambda value: FACTS.adjust(1, 0, at=AT, known_at=[value]),
        FACTS.after,
        FACTS.added,
        lambda value: SOLD.known(AT, by=value) if value is not None else FACTS.known(value, by=None),
        SOLD.touched_since,
        lambda value: Changes.from_columns({"kind": [value], "order_id": [1], "at": [AT]}),
        Changes.from_columns,
        Changes.from_records,
    ],
)
def test_values_of_any_kind_end_in_a_typed_error(call, value):
    """Whatever is handed in instead of what belongs there, the error is one of the library's."""
    with pytest.raises(fx.FenxiaoError):
        call(value)


def test_net_amounts_beyond_64_bits_are_refused():
    """A margin that grows beyond 64 bits is refused, naming the changes; one that fits is exact."""
    top = 2**63 - 1
    orders = orders_of({(1, 0): LINE | {"margin": top}, (2, 0): LINE})
    with pytest.raises(MoneyOverflowError, match="leave more of 'margin' than 64 bits hold") as caught:
        fit(change(order_id=2, paid=1), change(paid=0, margin=-1), orders=orders)
    assert caught.value.rows == (1,)
    with pytest.raises(MoneyOverflowError, match="leave more of 'margin' than 64 bits hold") as caught:
        fit(GOOD | {"order_id": 2}, change("adjustment", paid=20000), orders=orders)
    assert caught.value.rows == (1,)
    exact = fit(
        change(paid=0, quantity=0, margin=top),
        change(paid=0, quantity=0, margin=top),
        orders=orders_of({(1, 0): LINE | {"margin": top}}),
    )
    assert exact.amounts("margin").values.tolist() == [-top]


def test_refused_facts_stay_as_they_were():
    """A refused change leaves the facts alone."""
    with pytest.raises(ChangesError):
        FACTS.refund(1, at=AT, paid=10001)
    assert np.array_equal(FACTS.orders.amounts("paid").values, [10000] * 3)
    assert len(FACTS.orders.changes) == 0
