"""Orders: canonical rows, lookups, taking and joining, and every mistake named."""

from __future__ import annotations

import pickle
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.errors import InputError, MoneyError, OrdersError, TimeError
from fenxiao.money import Currency
from fenxiao.orders import Orders
from tests.oracles.orders import canonical, shared_keys
from tests.strategies.orders import BOUND, label_types, order_records

AT = datetime(2026, 10, 5, 12, tzinfo=UTC)
COLUMNS = ("paid", "margin", "paid_at", "product", "quantity")


def rows_of(orders):
    """Return a table as plain rows."""
    return [
        {
            "order_id": orders.order_id.value(row),
            "line": int(orders.line[row]),
            "member": orders.member.value(row),
            "buyer": None if orders.buyer is None else orders.buyer.value(row),
            **{name: orders.column(name).value(row) for name in orders.names},
        }
        for row in range(len(orders))
    ]


@given(order_records())
def test_rows_stand_in_the_order_of_their_keys(records):
    """Rows are sorted by (order_id, line), keep their values, and know the caller's row."""
    orders = Orders.from_records(records)
    expected = canonical(records)
    assert len(orders) == len(records)
    caller = orders.caller_rows(np.arange(len(orders))).tolist()
    assert caller == [record["row"] for record in expected]
    for row, record in enumerate(expected):
        assert orders.order_id.value(row) == record["order_id"]
        assert orders.line[row] == record["line"]
        assert orders.member.value(row) == record["member"]
        assert orders.amounts("paid").values[row] == record["paid_minor"]
        assert orders.amounts("margin").values[row] == record["margin_minor"]
        assert orders.instants("paid_at").value(row) == record["paid_at"]
        assert orders.column("product").value(row) == record["product"]
        assert orders.quantity_or_one[row] == record["quantity"]


@given(order_records(), st.randoms(use_true_random=False))
def test_row_order_never_matters(records, random):
    """Shuffled records make the same table."""
    shuffled = list(records)
    random.shuffle(shuffled)
    assert rows_of(Orders.from_records(shuffled)) == rows_of(Orders.from_records(records))


@given(order_records())
def test_records_and_columns_agree(records):
    """The same facts as records, columns, pickled or through a pandas frame make the same table."""
    orders = Orders.from_records(records)
    assert rows_of(pickle.loads(pickle.dumps(orders))) == rows_of(orders)
    if not records:
        return
    columns = {name: [record[name] for record in records] for name in records[0]}
    assert rows_of(Orders.from_columns(columns)) == rows_of(orders)
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in columns.items()})
    assert rows_of(Orders.from_columns(frame)) == rows_of(orders)


@given(order_records())
def test_orders_and_their_lines(records):
    """The rows of each order are found by number and by id, and are counted once."""
    orders = Orders.from_records(records)
    ids = sorted({record["order_id"] for record in records})
    assert orders.n_orders == len(ids)
    assert [orders.order_id_of(number) for number in range(len(ids))] == ids
    assert orders.single_line == (len(ids) == len(records))
    assert (orders.start is None) == (orders.order_of_row is None) == orders.single_line
    for number, order_id in enumerate(ids):
        found = orders.find(order_id)
        assert [orders.order_id.value(row) for row in found.tolist()] == [order_id] * len(found)
        assert order_id in orders
        for row in found.tolist():
            assert orders.find(order_id, int(orders.line[row])).tolist() == [row]
        if orders.start is not None:
            assert orders.start[number : number + 2].tolist() == [found[0], found[-1] + 1]
            assert set(orders.order_of_row[found].tolist()) == {number}
    assert sum(len(orders.find(order_id)) for order_id in ids) == len(records)


@given(order_records(), st.data())
def test_taking_rows(records, data):
    """Taken rows are a table of their own that still names the original input's rows."""
    orders = Orders.from_records(records)
    chosen = data.draw(
        st.lists(st.sampled_from(range(len(records))), unique=True) if records else st.just([])
    )
    taken = orders.take(chosen)
    mask = np.isin(np.arange(len(orders)), chosen)
    every = rows_of(orders)
    assert rows_of(taken) == rows_of(orders.take(mask)) == [every[row] for row in sorted(chosen)]
    assert (
        taken.caller_rows(slice(None)).tolist() == orders.caller_rows(np.array(sorted(chosen), int)).tolist()
    )


@given(st.data(), st.sampled_from(sorted(label_types)))
def test_joining_tables(data, kind):
    """Disjoint tables join to the table of all their records; tables that share a key are refused."""
    records = data.draw(order_records(order_ids=label_types[kind], members=label_types["str"]))
    sides = data.draw(st.lists(st.sampled_from([0, 1]), min_size=len(records), max_size=len(records)))
    halves = [
        [record for record, side in zip(records, sides, strict=True) if side == which] for which in (0, 1)
    ]
    if not all(halves):
        return
    first, second = map(Orders.from_records, halves)
    joined = Orders.concat(first, second)
    stacked = Orders.from_records(halves[0] + halves[1])
    assert rows_of(joined) == rows_of(stacked)
    assert joined.caller_rows(slice(None)).tolist() == stacked.caller_rows(slice(None)).tolist()
    assert not first.shares_keys_with(second)
    ids = [{record["order_id"] for record in half} for half in halves]
    assert first.shares_orders_with(second) == bool(ids[0] & ids[1])
    with pytest.raises(OrdersError, match="same key"):
        Orders.concat(joined, first)


@given(order_records(order_ids=st.integers(0, 4)), order_records(order_ids=st.integers(0, 4)))
def test_shared_keys(first, second):
    """Two tables share keys exactly if some (order_id, line) is in both."""
    one, two = Orders.from_records(first), Orders.from_records(second)
    assert one.shares_keys_with(two) == two.shares_keys_with(one) == bool(shared_keys(first, second))


@pytest.mark.parametrize(
    ("ids", "others", "orders", "keys"),
    [
        (["a", "c"], ["b", "d"], False, False),
        (["a", "c"], ["b", "c"], True, False),
        (["a", "b"], ["c", "d"], False, False),
        (["a", "c"], [1, 2], False, False),
        (["a"], [], False, False),
        ([1, 3], [2, 3], True, False),
        ([1, 3], [0, 2, 4], False, False),
    ],
)
def test_shared_orders_of_all_labels(ids, others, orders, keys):
    """Orders are compared by label and type; other lines of the same order share no key."""
    one = Orders.from_columns({"order_id": ids, "member": ids, "line": [0] * len(ids)})
    two = Orders.from_columns({"order_id": others, "member": others, "line": [1] * len(others)})
    assert (one.shares_orders_with(two), one.shares_keys_with(two)) == (orders, keys)


def test_sorted_input_is_not_copied():
    """Integer columns in canonical order are views of the caller's arrays, and read-only."""
    ids, member, paid = np.arange(5), np.arange(5), np.arange(5)
    orders = Orders.from_columns({"order_id": ids, "member": member, "paid_minor": paid})
    for mine, kept in (
        (ids, orders.order_id.values),
        (member, orders.member.values),
        (paid, orders.amounts("paid").values),
    ):
        assert np.shares_memory(mine, kept)
        assert mine.flags.writeable
        assert not kept.flags.writeable
    assert orders.input_row is None
    with pytest.raises(ValueError, match="read-only"):
        orders.line[0] = 1
    with pytest.raises(AttributeError):
        orders.names = ()


def test_keys_too_wide_to_pack():
    """Order ids and lines at the bounds of 64 bits sort exactly."""
    ids = [BOUND, -(2**63), BOUND, -(2**63), 0]
    line = [BOUND, BOUND, -(2**63), -(2**63), 0]
    orders = Orders.from_columns({"order_id": ids, "line": line, "member": [1, 2, 3, 4, 5]})
    assert orders.member.values.tolist() == [4, 2, 5, 3, 1]
    again = Orders.from_columns({"order_id": [BOUND, 0, -(2**63)], "member": [1, 2, 3]})
    assert again.member.values.tolist() == [3, 2, 1]
    # Three orders of 2**62 possible lines are one third more than 64 bits hold.
    third = Orders.from_columns({"order_id": [2, 0, 1], "line": [2**62 - 1, 0, 5], "member": [1, 2, 3]})
    assert third.member.values.tolist() == [2, 3, 1]
    with pytest.raises(OrdersError, match=r"same key \(order_id, line\) more than once \(rows 0, 2\)"):
        Orders.from_columns(
            {"order_id": [BOUND, -5, BOUND], "line": [-(2**63), BOUND, -(2**63)], "member": ids[:3]}
        )


def test_sorted_lines_stay_where_they_are():
    """Rows that stand in the order of (order_id, line) already are not moved."""
    orders = Orders.from_columns({"order_id": [1, 1, 2], "line": [0, 4, 0], "member": [7, 7, 7]})
    assert orders.input_row is None
    assert orders.start.tolist() == [0, 2, 3]
    assert orders.order_of_row.tolist() == [0, 0, 1]


def test_canonical_names_and_units():
    """Suffixes, options and the currency decide how a column is read."""
    orders = Orders.from_records(
        [
            {
                "order_id": 1,
                "member": 2,
                "paid": "12.345",
                "margin_minor": -5,
                "fee": "0.001",
                "bonus_minor": 7,
                "pv": "1.5",
                "cv_minor": 3,
                "shipped": "2026-10-05 08:00",
                "paid_at": AT,
                "product": 17,
                "shelf": 4,
                "grade": 3,
                "gift": True,
                "rate": Decimal("0.5"),
                "due": date(2026, 10, 5),
                "note": None,
            }
        ],
        currency="KWD",
        money=("fee",),
        volumes={"pv": 1, "cv_minor": 2},
        times=["shipped"],
        categories={"shelf"},
        zone="Asia/Shanghai",
    )
    found = {
        name: (type(orders.column(name)).__name__, orders.column(name).value(0)) for name in orders.names
    }
    assert found == {
        "paid": ("Amounts", Decimal("12.345")),
        "margin": ("Amounts", Decimal("-0.005")),
        "fee": ("Amounts", Decimal("0.001")),
        "bonus": ("Amounts", Decimal("0.007")),
        "pv": ("Amounts", Decimal("1.5")),
        "cv": ("Amounts", Decimal("0.03")),
        "shipped": ("Instants", datetime(2026, 10, 5, 0, tzinfo=UTC)),
        "paid_at": ("Instants", AT),
        "product": ("Categories", 17),
        "shelf": ("Categories", 4),
        "grade": ("Numbers", 3),
        "gift": ("Flags", True),
        "rate": ("Categories", Decimal("0.5")),
        "due": ("Days", date(2026, 10, 5)),
        "note": ("Categories", None),
    }
    assert (orders.currency, orders.decimals) == (Currency.of("KWD"), 3)


def test_minor_unit_option():
    """With unit="minor" money and volumes are integers in minor units, in every integer type."""
    columns = {
        "order_id": [1, 2],
        "member": [5, 6],
        "paid": np.array([995, 5], dtype="int32"),
        "pv": [1, 2],
        "tax_minor": [3, 4],
    }
    orders = Orders.from_columns(columns, unit="minor", volumes={"pv": 1})
    assert orders.amounts("paid").values.tolist() == [995, 5]
    assert orders.amounts("pv").value(1) == Decimal("0.2")
    assert orders.amounts("tax").value(1) == Decimal("0.04")
    with pytest.raises(MoneyError):
        Orders.from_records([{"order_id": 1, "member": 2, "paid": "9.95"}], unit="minor")


def test_quantity():
    """Quantity is None where it is not given and counts as one; zero is legal."""
    without = Orders.from_columns({"order_id": [1, 2], "member": [5, 6]})
    assert without.quantity is None
    assert without.quantity_or_one.tolist() == [1, 1]
    given_ = Orders.from_columns({"order_id": [1, 2], "member": [5, 6], "quantity": [0, 3]})
    assert given_.quantity.tolist() == given_.quantity_or_one.tolist() == [0, 3]


def test_frames():
    """Pandas and polars frames are read by column name, with missing members as guests."""
    columns = {
        "order_id": ["b", "a"],
        "member": [2**53 + 1, None],
        "paid": ["1.00", "2.00"],
        "paid_at": [AT, AT],
    }
    for frame in (
        pd.DataFrame({**columns, "member": pd.Series(columns["member"], dtype="Int64")}).set_index([[7, 3]]),
        pl.DataFrame(columns),
    ):
        orders = Orders.from_columns(frame)
        assert [orders.member.value(row) for row in (0, 1)] == [None, 2**53 + 1]
        assert orders.amounts("paid").values.tolist() == [200, 100]
        assert orders.input_row.tolist() == [1, 0]
        assert orders.instants("paid_at").value(0) == AT


def test_masked_columns():
    """Masked cells are missing: legal for categories, an error for money."""
    base = {"order_id": [1, 2], "member": [5, 6]}
    region = np.ma.masked_array(["east", "west"], [False, True])
    assert Orders.from_columns({**base, "region": region}).column("region").value(1) is None
    whole = np.ma.masked_array(["east", "west"])
    assert Orders.from_columns({**base, "region": whole}).column("region").value(1) == "west"
    paid = np.ma.masked_array([5, 6], [False, True])
    with pytest.raises(MoneyError):
        Orders.from_columns({**base, "paid_minor": paid})
    kept = Orders.from_columns({**base, "paid_minor": np.ma.masked_array([5, 6])})
    assert kept.amounts("paid").values.tolist() == [5, 6]
    with pytest.raises(InputError):
        Orders.from_columns({**base, "quantity": paid})


def test_lines_may_span_all_of_the_integers():
    """Two lines of one order are sorted however far apart their numbers are."""
    for least, most in ((0, BOUND), (-1, BOUND - 1), (-(2**63), BOUND)):
        orders = Orders.from_columns({"order_id": ["a", "a"], "line": [most, least], "member": [1, 2]})
        assert orders.line.tolist() == [least, most]


def test_further_orders_are_read_like_those_that_are_there():
    """The options hold for the columns that come again, and the others may be missing."""
    records = [{"order_id": 7, "member": 3, "pv": "1.5", "seen": "2026-10-05T12:00+08:00", "shelf": 4}]
    options = {"volumes": {"pv": 1}, "times": ("seen",), "categories": ("shelf",)}
    here = Orders.from_records(records, **options)
    more = here.like([{"order_id": 8, "member": None, "pv_minor": 25, "shelf": 5}])
    assert more.amounts("pv").value(0) == Decimal("2.5")
    assert more.column("shelf").value(0) == 5
    assert sorted(more.names) == ["pv", "shelf"]
    assert repr(here.like([])) == "Orders(0 lines of 0 orders; paid)"


def test_empty_tables():
    """No records make a table with every declared column, and columns whose name tells their kind."""
    for orders in (
        Orders.empty(volumes={"pv": 2}, times=("seen",), categories=("shelf",), money=("fee",)),
        Orders.from_records([], volumes={"pv": 2}, times=("seen",), categories=("shelf",), money=("fee",)),
    ):
        assert repr(orders) == "Orders(0 lines of 0 orders; paid, fee, pv; seen; shelf)"
        assert (len(orders), orders.n_orders, orders.single_line) == (0, 0, True)
        assert (
            len(orders.amounts("margin"))
            == len(orders.instants("paid_at"))
            == len(orders.column("kind"))
            == 0
        )
        assert orders.quantity_or_one.tolist() == []
        assert 1 not in orders
        with pytest.raises(OrdersError, match="no such column"):
            orders.column("grade")
    assert (
        len(Orders.from_columns({"order_id": np.array([], int), "member": [], "grade": np.array([], int)}))
        == 0
    )
    one = Orders.from_records([{"order_id": "a", "member": "b", "paid": "1.00"}])
    assert (
        rows_of(Orders.concat(Orders.empty(), one))
        == rows_of(Orders.concat(one, Orders.empty()))
        == rows_of(one)
    )


def test_representation():
    """The text shows the size, money and volumes, times, then the other columns."""
    records = [
        {"order_id": number, "member": 1, "region": "east", "paid_at": AT, "pv": "1", "paid": "1"}
        for number in range(1234)
    ]
    orders = Orders.from_records(records, volumes={"pv": 0})
    assert repr(orders) == "Orders(1,234 lines of 1,234 orders; pv, paid; paid_at; region)"
    assert repr(orders.take([0])) == "Orders(1 line of 1 order; pv, paid; paid_at; region)"
    assert repr(Orders.from_columns({"order_id": [1], "member": [2]})) == "Orders(1 line of 1 order)"


def test_find_of_every_label_type():
    """Orders are found by their id and not by an equal-looking value of another type."""
    number = uuid.UUID(int=9)
    for ids, hit, misses in (
        ([3, 5], 5, [4, 6, "5", True, 2**70, 5.0, None]),
        ([3, 5], np.int64(5), [np.int64(4)]),
        (["a", "c"], "c", ["b", "d", b"c", 5, None]),
        ([b"a", b"c"], b"c", [b"b", "c"]),
        ([uuid.UUID(int=1), number], number, [uuid.UUID(int=2), str(number), 9]),
    ):
        orders = Orders.from_columns({"order_id": ids, "member": [1, 2]})
        assert orders.find(hit).tolist() == [1]
        assert orders.find(hit, line=0).tolist() == [1]
        for miss in misses:
            assert miss not in orders
            with pytest.raises(OrdersError, match="is not among the orders"):
                orders.find(miss)


@settings(max_examples=20)
@given(order_records(with_line=True))
def test_lines_that_are_not_there(records):
    """A line that the order does not have is a typed error."""
    orders = Orders.from_records(records)
    for record in records:
        absent = next(
            number for number in range(9) if (record["order_id"], number) not in shared_keys(records, records)
        )
        with pytest.raises(OrdersError, match="is not a line of this order"):
            orders.find(record["order_id"], absent)


BASE = {"order_id": [1, 2], "member": ["SECRET-a", "SECRET-b"]}
READ = Orders.from_columns
REFUSED = {
    "no keys": (lambda: READ({"paid": ["1"]}), OrdersError, "lack required columns", ()),
    "no columns": (lambda: READ({}), OrdersError, "lack required columns", ()),
    "key twice": (lambda: READ({**BASE, "order_id": ["SECRET"] * 2}), OrdersError, "more than once", (0, 1)),
    "key twice far apart": (
        lambda: READ({"order_id": [3, 2, 3, 1], "member": [1] * 4}),
        OrdersError,
        "more than once",
        (0, 2),
    ),
    "line twice": (
        lambda: READ({"order_id": [3, 3], "line": [2, 2], "member": [1, 1]}),
        OrdersError,
        "'line'",
        (0, 1),
    ),
    "null key": (lambda: READ({**BASE, "order_id": [1, None]}), OrdersError, "missing labels", (1,)),
    "float key": (
        lambda: READ({**BASE, "order_id": [1.0, 2.0]}),
        OrdersError,
        "has float labels",
        (0, 1),
    ),
    "mixed members": (
        lambda: READ({**BASE, "member": [987654321, "SECRET"]}),
        OrdersError,
        "mixes int and str labels",
        (1,),
    ),
    "mixed buyers": (lambda: READ({**BASE, "buyer": [987654321, "SECRET"]}), OrdersError, "'buyer'", (1,)),
    "line text": (lambda: READ({**BASE, "line": ["0", "1"]}), OrdersError, "does not hold integers", ()),
    "line null": (lambda: READ({**BASE, "line": [0, None]}), OrdersError, "missing int", (1,)),
    "negative quantity": (lambda: READ({**BASE, "quantity": [1, -1]}), OrdersError, "refund", (1,)),
    "quantity text": (lambda: READ({**BASE, "quantity": ["1", "1"]}), OrdersError, "integers", ()),
    "quantity float": (lambda: READ({**BASE, "quantity": [1.0, 1.5]}), OrdersError, "float", None),
    "negative paid": (lambda: READ({**BASE, "paid": ["1", "-0.01"]}), MoneyError, "facts.refund", (1,)),
    "negative volume": (
        lambda: READ({**BASE, "pv": ["-1", "1"]}, volumes={"pv": 2}),
        MoneyError,
        "refund",
        (0,),
    ),
    "int money": (lambda: READ({**BASE, "paid": [100, 5]}), MoneyError, "orders column 'paid'", None),
    "float money": (lambda: READ({**BASE, "paid": [1.0, 5.0]}), MoneyError, "float", None),
    "missing money": (lambda: READ({**BASE, "paid": ["1", None]}), MoneyError, "missing", (1,)),
    "text in minor": (lambda: READ({**BASE, "paid_minor": ["1", "2"]}), MoneyError, "'paid_minor'", None),
    "both units": (
        lambda: READ({**BASE, "paid": ["1", "2"], "paid_minor": [1, 2]}),
        OrdersError,
        "twice",
        (),
    ),
    "key in a unit": (lambda: READ({**BASE, "member_minor": [1, 2]}), OrdersError, "a unit", ()),
    "naive time": (lambda: READ({**BASE, "paid_at": ["2026-10-05 12:00"] * 2}), TimeError, "zone=", (0, 1)),
    "missing time": (lambda: READ({**BASE, "paid_at": [AT, None]}), TimeError, "missing", (1,)),
    "ragged": (lambda: READ({**BASE, "paid": ["1"]}), OrdersError, "different lengths", ()),
    "square": (
        lambda: READ({**BASE, "paid_minor": np.zeros((2, 2), int)}),
        OrdersError,
        "one-dimensional",
        (),
    ),
    "scalar array": (lambda: READ({**BASE, "grade": np.array(5)}), OrdersError, "one-dimensional", ()),
    "scalar": (lambda: READ({**BASE, "grade": 5}), OrdersError, "is not a column", ()),
    "text column": (lambda: READ({**BASE, "grade": "ab"}), OrdersError, "is not a column", ()),
    "set column": (lambda: READ({**BASE, "grade": {1, 2}}), OrdersError, "is not a column", ()),
    "generator": (lambda: READ({**BASE, "grade": (i for i in range(2))}), OrdersError, "is not a column", ()),
    "column name": (lambda: READ({**BASE, 5: [1, 2]}), OrdersError, "name is not text", ()),
    "no name": (lambda: READ({**BASE, "": [1, 2]}), OrdersError, "name is not text", ()),
    "no table": (lambda: READ([BASE]), OrdersError, "is not a table", ()),
    "lazy frame": (lambda: READ(object()), OrdersError, "is not a table", ()),
    "two of a name": (
        lambda: READ(pd.DataFrame([[1, 2]], columns=["order_id", "order_id"])),
        OrdersError,
        "two columns of one name",
        (),
    ),
    "mixed column": (lambda: READ({**BASE, "grade": [1, "SECRET"]}), OrdersError, "mixes", (1,)),
    "one dict": (lambda: Orders.from_records(BASE), OrdersError, "are not records", ()),
    "text records": (lambda: Orders.from_records("SECRET"), OrdersError, "are not records", ()),
    "no iterable": (lambda: Orders.from_records(5), OrdersError, "are not records", ()),
    "odd record": (
        lambda: Orders.from_records([{"order_id": 1}, ["SECRET"]]),
        OrdersError,
        "not records",
        (1,),
    ),
    "record name": (lambda: Orders.from_records([{5: 1}]), OrdersError, "name is not text", ()),
    "absent key": (
        lambda: Orders.from_records(
            [{"order_id": 1, "member": "x", "paid": "1"}, {"order_id": 2, "member": "y"}]
        ),
        MoneyError,
        "missing",
        (1,),
    ),
    "unknown option": (lambda: Orders.empty(currancy="CNY"), OrdersError, "are not known", ()),
    "unknown currency": (lambda: Orders.empty(currency="XYZ"), MoneyError, "Currency(", ()),
    "unit": (lambda: Orders.empty(unit="cents"), OrdersError, "is not a unit", ()),
    "money text": (lambda: Orders.empty(money="fee"), OrdersError, "not a collection", ()),
    "times number": (lambda: Orders.empty(times=5), OrdersError, "not a collection", ()),
    "categories of numbers": (lambda: Orders.empty(categories=(5,)), OrdersError, "not a column name", ()),
    "volumes without decimals": (lambda: Orders.empty(volumes=("pv",)), OrdersError, "decimals", ()),
    "volume decimals": (lambda: Orders.empty(volumes={"pv": 99}), MoneyError, "0 to 12", ()),
    "volume name": (lambda: Orders.empty(volumes={5: 2}), OrdersError, "not a column name", ()),
    "two kinds": (lambda: Orders.empty(money=("pv",), volumes={"pv": 2}), OrdersError, "two kinds", ()),
    "absent option": (lambda: READ(BASE, money=("fee",)), OrdersError, "not in the table", ()),
    "no column": (lambda: READ(BASE).column("grade"), OrdersError, "no such column", ()),
    "no amount": (
        lambda: READ({**BASE, "grade": [1, 2]}).amounts("grade"),
        OrdersError,
        "is not an amount",
        (),
    ),
    "no time": (lambda: READ({**BASE, "grade": [1, 2]}).instants("grade"), OrdersError, "is not a time", ()),
    "row taken twice": (lambda: READ(BASE).take([0, 0]), OrdersError, "more than once", (0, 0)),
    "other columns": (
        lambda: Orders.concat(READ(BASE), READ({**BASE, "grade": [1, 2]})),
        OrdersError,
        "columns: differ",
        (),
    ),
    "other buyer": (
        lambda: Orders.concat(READ(BASE), READ({**BASE, "buyer": [1, 2]})),
        OrdersError,
        "buyer: differ",
        (),
    ),
    "other currency": (
        lambda: Orders.concat(READ(BASE), READ(BASE, currency="CNY")),
        OrdersError,
        "currency: differ",
        (),
    ),
    "other kind": (
        lambda: Orders.concat(READ({**BASE, "grade": [1, 2]}), READ({**BASE, "grade": ["SECRET", "b"]})),
        OrdersError,
        "another kind",
        (),
    ),
    "other unit": (
        lambda: Orders.concat(
            READ({**BASE, "pv": ["1", "2"]}, volumes={"pv": 1}),
            READ({**BASE, "pv": ["1", "2"]}, volumes={"pv": 2}),
        ),
        OrdersError,
        "another kind or unit",
        (),
    ),
    "other category type": (
        lambda: Orders.concat(READ({**BASE, "product": [1, 2]}), READ({**BASE, "product": ["SECRET", "b"]})),
        OrdersError,
        "another type",
        (),
    ),
    "other id type": (
        lambda: Orders.concat(READ(BASE), READ({**BASE, "order_id": ["SECRET", "b"]})),
        OrdersError,
        "another kind of labels",
        (),
    ),
    "no order": (lambda: READ(BASE).find(987654321), OrdersError, "not among", ()),
    "no line": (lambda: READ(BASE).find(1, line=7), OrdersError, "not a line", ()),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistakes_are_named(case):
    """Each mistake is a typed error with rows, what is allowed and a next step, and without any label."""
    make, error, problem, rows = REFUSED[case]
    with pytest.raises(InputError) as caught:
        make()
    text = str(caught.value)
    assert type(caught.value) is error
    assert problem in text
    assert "SECRET" not in text
    assert "987654321" not in text
    assert rows is None or caught.value.rows == rows
    assert caught.value.allowed
    assert caught.value.hint or case in {"line null", "mixed column"}


def test_labels_travel_on_the_exception():
    """Order ids that a message may not show are on the exception."""
    with pytest.raises(OrdersError) as caught:
        READ({**BASE, "order_id": ["x", "x"]})
    assert caught.value.labels == ("x", "x")
    with pytest.raises(OrdersError) as caught:
        READ(BASE).find(77)
    assert caught.value.labels == (77,)


def test_messages_name_the_callers_rows():
    """After sorting and taking, a repeated key is still reported by the caller's row numbers."""
    orders = READ({"order_id": [9, 8, 7], "member": [1, 2, 3]})
    with pytest.raises(OrdersError) as caught:
        orders.take([2, 2, 1])
    assert caught.value.rows == (0, 0)


def test_joined_categories_are_recoded():
    """Joining tables with other products keeps every product and every null."""
    one = READ({**BASE, "product": ["tea", None]})
    two = READ({"order_id": [4, 3], "member": ["c", "d"], "product": ["ant", "tea"]})
    joined = Orders.concat(one, two)
    assert [joined.column("product").value(row) for row in range(4)] == ["tea", None, "tea", "ant"]
    assert joined.caller_rows([0, 1, 2, 3]).tolist() == [0, 1, 3, 2]
    again = Orders.concat(two, READ({**BASE, "product": ["tea", "ant"]}))
    assert again.column("product").values == ("ant", "tea")
    assert again.input_row.tolist() == [2, 3, 1, 0]
