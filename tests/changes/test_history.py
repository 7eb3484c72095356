"""What was known when, which orders differ, and net orders as parts of other tables and of facts."""

from __future__ import annotations

import pickle
from datetime import timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.changes import Changes
from fenxiao.errors import ChangesError, OrdersError
from fenxiao.orders import Orders
from tests.changes.world import OPTIONS, changes_table, lines_of, orders_of
from tests.oracles.changes import Refused, net
from tests.strategies.changes import EPOCH, changes_of, sold_lines

HOURS = st.integers(-1, 10).map(lambda hours: EPOCH + timedelta(hours=hours))


@st.composite
def worlds(draw):
    """Draw sold lines and changes that fit: every further one that does not is left out."""
    lines = draw(sold_lines())
    kept = []
    for change in draw(changes_of(lines, max_size=6)):
        try:
            net(lines, [*kept, change])
        except Refused:
            continue
        kept.append(change)
    return lines, kept


def keys_of(orders):
    """Return the keys of a table."""
    return list(zip(orders.order_id.values.tolist(), orders.line.tolist(), strict=True))


def differing(first, second):
    """Return the orders whose lines differ between two plain tables."""
    return sorted({key[0] for key in first.keys() | second.keys() if first.get(key) != second.get(key)})


@given(worlds(), HOURS)
def test_what_was_known_is_a_prefix_of_the_log(world, instant):
    """Orders as known at an instant are the sold ones after the changes that were known by then."""
    lines, changes = world
    seen = [change for change in changes if change["known_at"] <= instant]
    try:
        wanted = net(lines, seen)
    except Refused:  # an adjustment that was known later made room for a refund
        return
    orders = orders_of(lines).after(changes_table(changes))
    assert lines_of(orders.known(instant, by=None)) == wanted
    assert len(orders.changes.known(instant)) == len(seen)


@given(worlds(), st.data())
def test_late_orders_are_not_known_before(world, data):
    """An order is known from its own instant on; a settlement of what was known can be repeated."""
    lines, _ = world
    known = {key: data.draw(st.integers(0, 3)) for key in lines}
    instant = data.draw(st.integers(-1, 3))
    orders = fx.Orders.from_records(
        [
            {
                "order_id": key[0],
                "line": key[1],
                "member": "bo",
                "known_at": EPOCH + timedelta(hours=known[key]),
            }
            | values
            for key, values in lines.items()
        ],
        **OPTIONS,
    )
    seen = orders.known(EPOCH + timedelta(hours=instant))
    assert keys_of(seen) == [key for key in sorted(lines) if known[key] <= instant]


@given(worlds(), st.integers(0, 6), st.integers(0, 6))
def test_touched_orders_are_those_that_differ(world, first, second):
    """Between two nets of the same orders exactly the orders whose lines differ are told."""
    lines, changes = world
    orders = orders_of(lines)
    one, two = (orders.after(changes_table(part)) for part in (changes[:first], changes[:second]))
    wanted = differing(lines_of(one), lines_of(two))
    assert two.touched_since(one).values.tolist() == wanted
    assert one.touched_since(two).values.tolist() == wanted
    # Read anew, the tables have nothing in common and are compared row by row.
    again = orders_of(lines).after(changes_table(changes[:second]))
    assert again.touched_since(one).values.tolist() == wanted


@given(worlds(), worlds(), st.integers(0, 6))
def test_late_orders_are_touched(world, other, cut):
    """Orders that were added differ, and so do those that changed; lines may join an order that was there."""
    lines, changes = world
    late = {(order + 1, line + 10): values for (order, line), values in other[0].items()}
    earlier = orders_of(lines).after(changes_table(changes[:cut]))
    everything = lines | late
    try:
        wanted = net(everything, changes)
    except Refused:  # the order of a change has several lines now
        with pytest.raises(ChangesError):
            fx.Orders.concat(earlier, orders_of(late)).after(changes_table(changes[cut:]))
        return
    now = fx.Orders.concat(earlier, orders_of(late)).after(changes_table(changes[cut:]))
    assert lines_of(now) == wanted
    told = now.touched_since(earlier).values.tolist()
    assert set(differing(wanted, lines_of(earlier))) <= set(told)
    assert set(told) <= {key[0] for key in late} | {change["order_id"] for change in changes}
    assert earlier.touched_since(now).values.tolist() == told


@given(worlds(), st.data())
def test_taken_rows_keep_their_history(world, data):
    """Some lines of net orders are the net lines, and remember what they were sold for."""
    lines, changes = world
    orders = orders_of(lines).after(changes_table(changes))
    rows = data.draw(st.lists(st.sampled_from(range(len(orders))), unique=True)) if len(orders) else []
    taken = orders.take(rows)
    keys = [keys_of(orders)[row] for row in sorted(rows)]
    assert lines_of(taken) == {key: lines_of(orders)[key] for key in keys}
    assert lines_of(taken.sold) == {key: lines[key] for key in keys}
    mask = np.isin(np.arange(len(orders)), rows)
    assert lines_of(orders.take(mask)) == lines_of(taken)


@given(worlds(), worlds())
def test_joined_tables_join_their_histories(first, second):
    """The net of two tables together is the two nets together, and what was sold stays known."""
    moved = {(order + 10, line): values for (order, line), values in second[0].items()}
    changes = [change | {"order_id": change["order_id"] + 10} for change in second[1]]
    tables = (
        orders_of(first[0]).after(changes_table(first[1])),
        orders_of(moved).after(changes_table(changes)),
    )
    joined = fx.Orders.concat(*tables)
    assert lines_of(joined) == net(first[0], first[1]) | net(moved, changes)
    assert lines_of(joined.sold) == first[0] | moved
    assert len(joined.changes) == len(first[1]) + len(changes)


LINE = {"paid": 10000, "quantity": 2, "margin": 2500, "pv": 90, "price": 5000}
SOLD = orders_of({(1, 0): LINE, (2, 0): LINE, (2, 1): LINE})


def refund(order_id=1, **stated):
    """Return one refund as a table."""
    return changes_table([{"kind": "refund", "order_id": order_id, "line": 0, "at": EPOCH, **stated}])


def test_changes_without_effect_touch_nothing():
    """A refund of nothing, or an adjustment to what is there, touches no order."""
    same = {"kind": "adjustment", "order_id": 2, "line": 0, "at": EPOCH, "paid": 10000}
    later = SOLD.after(changes_table([same])).after(refund(paid=0, quantity=0))
    assert later.touched_since(SOLD).values.tolist() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("member", "cai"),
        ("member", None),
        ("buyer", "cai"),
        ("buyer", None),
        ("product", "pen"),
        ("product", None),
    ],
)
def test_any_column_may_differ(column, value):
    """Tables read apart are compared in every column, nulls and categories included."""
    record = {"order_id": 7, "member": "bo", "buyer": "bo", "product": "tea", "paid": "1.00"}
    other = {**record, "order_id": 8, "member": "cai", "buyer": None}
    one = Orders.from_records([record, other])
    two = Orders.from_records([record | {column: value}, other])
    assert two.touched_since(one).values.tolist() == [7]
    assert one.touched_since(Orders.from_records([record, other])).values.tolist() == []


def test_categories_are_compared_by_value():
    """A category that the other table does not have is not the same as none."""
    record = {"order_id": 7, "member": "bo", "product": "tea"}
    one, two = Orders.from_records([record]), Orders.from_records([record | {"product": None}])
    assert one.touched_since(two).values.tolist() == [7]
    assert two.touched_since(one).values.tolist() == [7]


def test_tables_with_other_columns_are_not_compared():
    """Tables that were not read alike are refused, whatever differs."""
    record = {"order_id": 7, "member": "bo", "paid": "1.00"}
    one = Orders.from_records([record])
    for other in (
        Orders.from_records([record | {"buyer": None}]),
        Orders.from_records([record | {"paid": "1"}], currency="JPY"),
        Orders.from_records([record | {"note": "x"}]),
    ):
        with pytest.raises(OrdersError, match="have other columns in each of the two tables"):
            one.touched_since(other)


def test_empty_cells_of_frames():
    """Missing cells of pandas, polars and masked arrays state nothing."""
    times = ["2026-10-09T12:00:00Z"] * 3
    later = ["2026-10-10T12:00:00Z", None, None]
    rows = {"kind": ["refund"] * 3, "order_id": [1, 2, 3], "at": times}
    paid, quantity = ["1.00", None, None], [None, 1, 0]
    frames = [
        rows | {"paid": paid, "quantity": quantity, "known_at": later, "line": [0, None, None]},
        pd.DataFrame(rows).assign(
            paid=paid,
            quantity=pd.array(quantity, "Int64"),
            known_at=pd.to_datetime(pd.Series(later), utc=True),
            line=pd.array([0, None, None], "Int64"),
        ),
        pl.DataFrame(rows | {"paid": paid, "quantity": quantity, "line": [0, None, None]}).with_columns(
            known_at=pl.Series(later).str.to_datetime(time_zone="UTC")
        ),
        rows
        | {
            "paid": paid,
            "quantity": np.ma.masked_array([9, 1, 0], [True, False, False]),
            "known_at": later,
            "line": np.ma.masked_array([0, 9, 9], [False, True, True]),
        },
    ]
    for frame in frames:
        read = Changes.from_columns(frame)
        assert read.stated("paid").values.tolist() == [100, 0, 0]
        assert read.stated("paid").given.tolist() == [True, False, False]
        assert read.quantity.given.tolist() == [False, True, True]
        assert read.line.given.tolist() == [True, False, False]
        assert (read.known_at - read.at).tolist() == [86_400_000_000, 0, 0]
        assert read.stated("pv").given.tolist() == [False] * 3


def test_arrays():
    """Integer and time arrays are read as they are; a missing time is a change known when it happened."""
    day = np.array(["2026-10-09", "2026-10-10"], dtype="datetime64[s]")
    columns = {
        "kind": ["refund"] * 2,
        "order_id": np.array([1, 2]),
        "at": day,
        "paid_minor": np.array([5, 6]),
    }
    read = Changes.from_columns(
        columns | {"quantity": np.array([1, 0]), "known_at": np.array([day[1], "NaT"], dtype=day.dtype)},
        zone="Asia/Shanghai",
    )
    assert read.stated("paid").values.tolist() == [5, 6]
    assert read.quantity.values.tolist() == [1, 0]
    assert read.quantity.given.all()
    assert (read.known_at - read.at).tolist() == [86_400_000_000, 0]


def test_empty_tables():
    """A table without rows is read from no records and from empty columns, and joins any other."""
    assert len(Changes.from_records([])) == 0
    assert Changes.empty(money=("bonus",), volumes={"pv": 1}).names == ("paid", "bonus", "pv")
    columns = {name: [] for name in ("kind", "order_id", "at", "line", "quantity", "paid", "known_at")}
    none = Changes.from_columns(columns)
    assert len(none) == 0
    assert SOLD.after(none) is SOLD
    assert Changes.concat(none, refund()) is not none
    assert len(Changes.concat(refund(), none)) == 1


@given(worlds(), st.integers(0, 6), st.data())
def test_what_came_later_is_found(world, cut, data):
    """A log is the beginning of what was put below it; one that differs anywhere is not."""
    changes = world[1]
    whole, part = changes_table(changes), changes_table(changes[:cut])
    later = whole.beyond(part)
    assert len(later) == len(changes[cut:])
    assert later.order_id.values.tolist() == [change["order_id"] for change in changes[cut:]]
    if 0 < cut <= len(changes):
        name, value = data.draw(
            st.sampled_from(
                [
                    ("order_id", 99),
                    ("at", EPOCH - timedelta(hours=1)),
                    ("known_at", EPOCH - timedelta(hours=1)),
                ]
            )
        )
        row = data.draw(st.integers(0, cut - 1))
        other = [dict(change) for change in changes[:cut]]
        other[row][name] = value
        assert whole.beyond(changes_table(other)) is None
    assert len(changes) == 0 or part.beyond(Changes.concat(whole, whole)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (refund(paid=1), refund(paid=2)),
        (refund(paid=0), refund(quantity=0)),
        (refund(paid=0), refund()),
        (refund(paid=1), refund(paid=1, pv=0)),
        (refund(quantity=1), refund(quantity=2)),
        (refund(line=0), refund(line=None)),
        (refund(), refund(kind="cancellation")),
        (refund(order_id="1"), refund(order_id=b"1")),
    ],
)
def test_logs_that_differ_anywhere_begin_nothing(one, other):
    """Whatever is stated otherwise makes another log."""
    assert one.beyond(other) is None
    assert other.beyond(one) is None
    assert len(one.beyond(one)) == 0


def test_repr_counts_kinds():
    """The table says how many changes of each kind it has."""
    log = Changes.concat(refund(paid=1), Changes.concat(refund(2), refund(2)))
    assert repr(log) == "Changes(3 changes: 3 refunds)"
    assert repr(refund()) == "Changes(1 change: 1 refund)"


def test_columns_of_two_logs_may_differ():
    """A log that knows a column and one that does not are joined; the gap states nothing."""
    plain = Changes.from_records([{"kind": "refund", "order_id": 1, "at": EPOCH, "quantity": 1}])
    for pair in ((plain, refund(paid=5)), (refund(paid=5), plain)):
        joined = Changes.concat(*pair)
        assert sorted(joined.stated("paid").values.tolist()) == [0, 5]
        assert joined.stated("paid").decimals == 2


def test_net_orders_are_pickled_whole():
    """A copy through pickle has the same lines and history."""
    orders = SOLD.after(refund(paid=4000))
    again = pickle.loads(pickle.dumps(orders))  # what it reads it has just written
    assert lines_of(again) == lines_of(orders)
    assert lines_of(again.sold) == lines_of(SOLD)
    assert again.touched_since(orders).values.tolist() == []


TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
PLAN = fx.Plan(
    currency="CNY",
    margin=fx.Margin.column("margin"),
    policies=[
        fx.LevelCommission("referral", base="paid", rates=["10%"], if_not="company"),
        fx.LevelCommission("pieces", base="paid", rates=[fx.Fixed("1.00")], if_not="company"),
    ],
)


def facts():
    """Return facts with two orders, one of them of two lines."""
    records = [
        {"order_id": "A17", "line": line, "member": "bo", "paid": "90.00", "margin": "30.00", "quantity": 3}
        for line in (0, 1)
    ]
    records.append(
        {"order_id": "A18", "line": 0, "member": "bo", "paid": "5.00", "margin": "1.00", "quantity": 1}
    )
    options = {"currency": "CNY", "zone": "Asia/Shanghai"}
    return fx.Facts(
        tree=TREE,
        orders=fx.Orders.from_records(records, **options),
        members=fx.Members.from_records(
            [{"member": "ann", "active": True}, {"member": "bo", "active": True}]
        ),
    )


def pay(given):
    """Return what ann is paid."""
    return str(fx.settle(given, PLAN).payout("ann"))


def test_facts_after_each_kind_of_change():
    """Each method gives new facts that settle as the law says; the old ones stay."""
    sold = facts()
    assert pay(sold) == "25.00"
    cases = {
        "one piece": (sold.refund("A17", line=0, quantity=1, at="2026-10-09 12:00"), "21.00"),
        "money and margin": (
            sold.refund("A17", 0, paid="30.00", margin="59.00", quantity=0, at="2026-10-09"),
            "2.00",
        ),
        "an order": (sold.refund("A18", at="2026-10-09"), "24.00"),
        "a line is cancelled": (sold.cancel("A17", line=1, at="2026-10-09"), "13.00"),
        "an order is cancelled": (sold.cancel("A17", at="2026-10-09"), "1.00"),
        "charged back": (sold.charge_back("A17", 1, at="2026-10-09"), "13.00"),
        "another price": (sold.adjust("A17", 0, paid="60.00", at="2026-10-09"), "22.00"),
        "other pieces": (sold.adjust("A17", 0, quantity=1, margin="40.00", at="2026-10-09"), "23.00"),
    }
    for name, (later, wanted) in cases.items():
        assert (name, pay(later)) == (name, wanted)
        assert later.members is sold.members
        assert later.tree is sold.tree
    assert pay(sold) == "25.00"


@given(worlds(), st.randoms(use_true_random=False))
def test_net_orders_settle_as_if_sold_so(world, random):
    """Whatever way the facts came about, they settle to the same bytes as orders that were sold like that."""
    lines, changes = world
    given_facts = fx.Facts(tree=TREE, orders=orders_of(lines)).after(changes_table(changes))
    wanted = fx.settle(given_facts, PLAN)
    random.shuffle(changes)
    later = fx.Facts(tree=TREE, orders=orders_of(lines))
    for change in changes:
        try:
            later = later.after(changes_table([change]))
        except ChangesError:  # what made room for it comes later
            return
    assert fx.settle(later, PLAN).fingerprint() == wanted.fingerprint()
    sold = net(lines, changes)
    if sold:
        plain = fx.settle(fx.Facts(tree=TREE, orders=orders_of(sold)), PLAN)
        assert plain.totals().to_dict() == wanted.totals().to_dict()
        assert plain.margin_report().kept == wanted.margin_report().kept


def test_facts_know_volumes_and_late_changes():
    """Volumes may be stated, and a change may be known later than it happened."""
    given = fx.Facts(tree=TREE, orders=orders_of({(1, 0): LINE}, known_at=EPOCH))
    later = given.refund(1, paid=1000, volumes={"pv": 90}, at=EPOCH, known_at=EPOCH + timedelta(hours=2))
    assert later.orders.amounts("pv").values.tolist() == [0]
    assert later.known(EPOCH + timedelta(hours=1)).orders.amounts("pv").values.tolist() == [90]
    assert later.known(EPOCH + timedelta(hours=2)).orders.amounts("pv").values.tolist() == [0]
    assert len(later.known(EPOCH - timedelta(hours=1)).orders) == 0


def test_events_are_known_too():
    """Events that were known later are left out; those that do not say are always known."""
    rows = [
        {"kind": "join", "member": "bo", "counterparty": None, "event_id": number, "at": EPOCH}
        for number in (1, 2)
    ]
    told = [row | {"known_at": EPOCH + timedelta(hours=2 * row["event_id"])} for row in rows]
    for events, wanted in ((told[::-1], [1]), (told, [1]), (rows, [1, 2])):
        given = fx.Facts(tree=TREE, orders=facts().orders, events=fx.Events.from_records(events))
        seen = given.known(EPOCH + timedelta(hours=2), by=None)
        assert seen.events.event_id.values.tolist() == wanted
        assert len(given.events) == 2
    plain = fx.Events.from_records([{"kind": "join", "member": "bo", "at": EPOCH, "known_at": EPOCH}])
    assert len(plain.known("2026-10-01 00:00", zone="UTC")) == 1
    assert len(plain.known("2026-10-01 00:00", zone="Asia/Shanghai")) == 0
    assert facts().cancel("A17", at=EPOCH).events is not None


def test_late_orders_are_added():
    """Late orders join those that are there, net as they are; facts without orders take any."""
    sold = facts().cancel("A18", at="2026-10-09")
    late = facts().orders.like(
        [{"order_id": "A19", "line": 0, "member": "bo", "paid": "10.00", "margin": "9.00", "quantity": 1}]
    )
    added = sold.added(late)
    assert pay(added) == "26.00"
    assert added.orders.touched_since(sold.orders).values.tolist() == ["A19"]
    assert pay(fx.Facts(tree=TREE).added(late)) == "2.00"
    emptied = facts().cancel("A17", at="2026-10-09").cancel("A18", at="2026-10-09")
    assert pay(emptied) == "0.00"
    assert len(emptied.added(late).orders.sold) == 4
    with pytest.raises(OrdersError):
        sold.added(facts().orders)


def test_batches_of_net_orders_merge():
    """Two settlements of net orders merge to the settlement of both, histories included."""
    sold = facts()
    first = sold.with_orders(sold.orders.take([0, 1])).cancel("A17", 0, at="2026-10-09")
    second = sold.with_orders(sold.orders.take([2])).refund("A18", paid="4.00", quantity=0, at="2026-10-09")
    whole = sold.cancel("A17", 0, at="2026-10-09").refund("A18", paid="4.00", quantity=0, at="2026-10-09")
    merged = fx.merge(fx.settle(first, PLAN), fx.settle(second, PLAN))
    assert merged.payout("ann") == fx.settle(whole, PLAN).payout("ann")
    assert merged.facts.orders.touched_since(whole.orders).values.tolist() == []
    assert len(merged.facts.orders.changes) == 2
    gone = second.cancel("A18", at="2026-10-09")
    assert len(fx.merge(fx.settle(first, PLAN), fx.settle(gone, PLAN)).facts.orders.changes) == 3
    with pytest.raises(fx.errors.MergeError, match="are in both batches"):
        fx.merge(fx.settle(gone, PLAN), fx.settle(second, PLAN))


def test_quotes_read_net_orders():
    """A quote on net facts reads further orders as before."""
    given = facts().cancel("A17", at="2026-10-09")
    quoted = fx.quote(
        given, PLAN, {"order_id": "B1", "member": "bo", "paid": "10.00", "margin": "9.00", "quantity": 2}
    )
    assert {who: str(amount) for who, amount in quoted.payouts().items()} == {"ann": "3.00"}


def test_explanations_read_net_orders():
    """What a net order pays is explained on its net amounts; one that is gone is not among the orders."""
    run = fx.settle(facts().refund("A17", 0, quantity=1, at=EPOCH).cancel("A18", at=EPOCH), PLAN)
    assert "10 % of 60.00" in str(run.statement("ann"))
    assert "line 0: level 1, 6.00 of 6.00 claimed" in str(run.explain("ann", "A17"))
    with pytest.raises(OrdersError, match="not among the orders"):
        run.explain("ann", "A18")


def test_rows_of_many_orders():
    """The rows of many orders come sorted and once, unknown orders have none."""
    rows = SOLD.rows_of(orders_of({(2, 0): LINE, (9, 0): LINE}).order_id)
    assert rows.tolist() == [1, 2]
    assert SOLD.rows_of(facts().orders.order_id).tolist() == []
    assert SOLD.rows_of_lines(SOLD.order_id, np.array([1, 0, 1])).tolist() == [-1, 1, 2]
