"""Changes that are told several times under one id count once; one id for two changes is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.changes import Changes
from fenxiao.errors import ChangesError, OrdersError
from tests.changes.world import changes_table, lines_of, orders_of
from tests.expressions.refusals import refused
from tests.oracles.changes import Refused, net
from tests.strategies.changes import EPOCH, changes_of, sold_lines

HOUR = timedelta(hours=1)
KINDS_OF_ID = {
    "int": lambda number: number,
    "str": lambda number: f"ev-{number}",
    "bytes": lambda number: b"%d" % number,
}


def told(number, **stated):
    """Return a refund of an order, with an id."""
    usual = {"kind": "refund", "order_id": 1, "line": 0, "at": EPOCH, "known_at": EPOCH, "paid": 100}
    return usual | {"change_id": number} | stated


@st.composite
def deliveries(draw):
    """Draw lines, changes of them of which some have ids, and in which order they are told, some again."""
    lines = draw(sold_lines())
    changes = draw(changes_of(lines))
    name = KINDS_OF_ID[draw(st.sampled_from(sorted(KINDS_OF_ID)))]
    named = [
        change | {"change_id": name(number) if draw(st.booleans()) else None}
        for number, change in enumerate(changes)
    ]
    again = [
        change | {"known_at": change["known_at"] + draw(st.sampled_from([0, 1, 7])) * HOUR}
        for change in named
        if change["change_id"] is not None and draw(st.booleans())
    ]
    return lines, changes, draw(st.permutations([*named, *again]))


@given(deliveries(), st.integers(0, 6))
def test_what_is_told_again_counts_once(world, cut):
    """In one table or in two, in any order, the net is that of every change told once."""
    lines, changes, log = world
    try:
        wanted = net(lines, changes)
    except Refused:
        return
    at_once = orders_of(lines).after(changes_table(log))
    assert lines_of(at_once) == wanted
    assert len(at_once.changes) == len(changes)
    known = at_once.changes.known_at.view("datetime64[us]").astype(object).tolist()
    assert sorted(known) == sorted(change["known_at"].replace(tzinfo=None) for change in changes)
    both = Changes.concat(changes_table(log[:cut]), changes_table(log[cut:]))
    assert len(both) == len(changes)
    assert lines_of(orders_of(lines).after(both)) == wanted


def test_an_event_that_comes_twice_takes_back_once():
    """A payment service tells a refund again a day later: facts, and what is posted, stay what they were."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    orders = fx.Orders.from_records([{"order_id": "A1", "member": "bo", "paid": "100.00"}])
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("25%", of="paid"),
        policies=[fx.LevelCommission("referral", base="paid", rates=["10%"], if_not="company")],
    )
    facts = fx.Facts(tree=tree, orders=orders)
    at = "2026-10-09T12:00:00Z"
    once = facts.refund("A1", paid="40.00", at=at, change_id="re_1")
    twice = once.refund("A1", paid="40.00", at=at, known_at="2026-10-10T12:00:00Z", change_id="re_1")
    assert twice.orders.amounts("paid").value(0) == once.orders.amounts("paid").value(0)
    first = fx.correct(fx.settle(facts, plan), once, plan)
    assert {who: str(amount) for who, amount in first.totals().items()} == {"ann": "-4.00"}
    assert fx.correct(first.book, twice, plan).totals() == {}
    # Without an id there is no telling it from a second refund.
    other = once.refund("A1", paid="40.00", at=at)
    assert str(other.orders.amounts("paid").value(0)) == "20.00"


def test_every_way_of_changing_facts_takes_an_id():
    """Cancelled, charged back, reinstated or adjusted twice under one id is once."""
    orders = fx.Orders.from_records([{"order_id": 1, "member": 2, "paid": "9.00"}])
    facts = fx.Facts(tree=fx.ReferralTree.from_mapping({2: None}), orders=orders)
    for act, stated in (("cancel", {}), ("charge_back", {}), ("reinstate", {}), ("adjust", {"paid": "8.00"})):
        changed = facts
        for _ in range(2):
            changed = getattr(changed, act)(1, at="2026-10-09T12:00:00Z", change_id=7, **stated)
        assert len(changed.orders.changes) == 1


WRONG = {
    "another amount": ([told("x7"), told("x7", paid=101)], (1,), ("x7",)),
    "nothing stated": ([told("x7"), told("x7", paid=None)], (1,), ("x7",)),
    "another order": ([told("x7"), told("x7", order_id=2)], (1,), ("x7",)),
    "another line": ([told("x7"), told("x7", line=None)], (1,), ("x7",)),
    "another kind": ([told("x7", paid=None), told("x7", paid=None, kind="cancellation")], (1,), ("x7",)),
    "another time": ([told("x7"), told("x7", at=EPOCH + HOUR)], (1,), ("x7",)),
    "pieces beside": ([told("x7"), told("y"), told("x7", quantity=1)], (2,), ("x7",)),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_id_for_two_changes_is_refused(name):
    """Whatever they differ in, in one table and across two."""
    records, rows, labels = WRONG[name]
    error = refused(lambda: changes_table(records), ChangesError, "'change_id'", "two changes by one id")
    assert (error.rows, tuple(error.labels)) == (rows, labels)
    first, second = changes_table(records[:-1]), changes_table(records[-1:])
    error = refused(lambda: Changes.concat(first, second), ChangesError, "'change_id'")
    assert (error.rows, tuple(error.labels)) == ((0,), labels)


def test_ids_are_labels():
    """A float is no id, and ids of two kinds do not go together."""
    refused(lambda: changes_table([told(1.5)]), ChangesError, "'change_id'")
    one, other = changes_table([told(1)]), changes_table([told("a")])
    refused(lambda: Changes.concat(one, other), OrdersError, "'change_id'", "int and str")
