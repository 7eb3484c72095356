"""Net orders: what refunds, cancellations, chargebacks and adjustments leave, whatever order they come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fenxiao.changes import Changes
from fenxiao.errors import ChangesError, MoneyOverflowError
from fenxiao.orders import Orders
from fenxiao.orders.reinstating import in_force
from tests.changes.world import changes_table, lines_of, orders_of
from tests.oracles.changes import Refused, adjusted, net
from tests.strategies.changes import changes_of, large, sold_lines

AT = datetime(2026, 10, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINE = {"paid": 10000, "quantity": 3, "margin": 2500, "pv": 90, "price": 3000}
SOLD = {(1, 0): LINE, (2, 0): LINE, (2, 1): LINE}


def change(kind="refund", order_id=1, line=0, at=AT, **stated):
    """Return one plain change."""
    return {"kind": kind, "order_id": order_id, "line": line, "at": at, "known_at": at, **stated}


@st.composite
def worlds(draw, **options):
    """Draw sold lines and changes of them."""
    lines = draw(sold_lines(**options))
    return lines, draw(changes_of(lines, **options))


def slow(lines, changes):
    """Return the net lines of the slow twin, None where it refuses."""
    try:
        return net(lines, changes)
    except Refused:
        return None


def fast(orders, changes):
    """Return the net orders as plain lines, None where they are refused."""
    try:
        return lines_of(orders.after(changes_table(changes)))
    except ChangesError:
        return None


@given(worlds())
def test_net_orders_follow_the_law(world):
    """The vectorised law and the plain one agree, refusals included."""
    lines, changes = world
    assert fast(orders_of(lines), changes) == slow(lines, changes)


@given(worlds(values=large))
def test_large_amounts_are_exact(world):
    """Amounts near 64 bits are netted exactly; what does not fit in the end is refused."""
    lines, changes = world
    wanted = slow(lines, changes)
    try:
        assert fast(orders_of(lines), changes) == wanted
    except MoneyOverflowError:
        states = [adjusted(line, adjustments_of(key, changes)) for key, line in lines.items()]
        numbers = [value for line in [*states, *(wanted or {}).values()] for value in line.values()]
        assert wanted is None or not all(-(2**63) <= value < 2**63 for value in numbers)


def adjustments_of(key, changes):
    """Return the adjustments of a line."""
    found = [change for change in changes if change["kind"] == "adjustment" and change["order_id"] == key[0]]
    return [change for change in found if change["line"] in {None, key[1]}]


@given(worlds(), st.randoms(use_true_random=False), st.integers(0, 5))
def test_order_of_arrival_never_matters(world, random, cut):
    """Shuffled changes, taken in at once or in two batches, leave the same."""
    lines, changes = world
    wanted = slow(lines, changes)
    shuffled = list(changes)
    random.shuffle(shuffled)
    orders = orders_of(lines)
    assert fast(orders, shuffled) == wanted
    first, second = shuffled[:cut], shuffled[cut:]
    if wanted is not None and slow(lines, first) is not None:
        step = orders.after(changes_table(first))
        assert lines_of(step.after(changes_table(second))) == wanted


@given(worlds())
def test_lines_that_no_change_names_stay(world):
    """A line that no change is of is what it was, to the last column."""
    lines, changes = world
    orders = orders_of(lines)
    left = fast(orders, changes)
    named = {(change["order_id"], change["line"]) for change in changes}
    if left is not None:
        for key, line in lines.items():
            if key not in named and (key[0], None) not in named:
                assert left[key] == line


@given(st.integers(1, 10**6), st.integers(1, 60), st.data())
def test_pieces_given_back_one_by_one_add_up(paid, quantity, data):
    """Given back and left are the whole at every step; all pieces give back all money, with nothing left."""
    lines = {(1, 0): {"paid": paid, "quantity": quantity, "margin": paid // 3, "pv": 7, "price": 1}}
    net_orders, left = orders_of(lines), quantity
    while left:
        back = data.draw(st.integers(1, left))
        net_orders = net_orders.after(changes_table([change(quantity=back, at=AT)]))
        left -= back
        paid_left = sum(net_orders.amounts("paid").values.tolist())
        assert paid_left == paid * left // quantity
        if left:
            assert net_orders.amounts("margin").values.tolist() == [paid // 3 * paid_left // paid]
            assert net_orders.amounts("pv").values.tolist() == [7 * paid_left // paid]
            assert net_orders.quantity.tolist() == [left]
    assert len(net_orders) == 0


def left_of(*changes, sold=SOLD, key=(1, 0)):
    """Return what changes leave of a line, as (paid, quantity, margin, pv), None where nothing is."""
    line = lines_of(orders_of(sold).after(changes_table(changes))).get(key)
    return None if line is None else tuple(line[name] for name in ("paid", "quantity", "margin", "pv"))


LAWS = {
    "one of three pieces": ([change(quantity=1)], (6666, 2, 1666, 59)),
    "two of three, one by one": ([change(quantity=1), change(quantity=1)], (3333, 1, 833, 29)),
    "a piece and its money": ([change(quantity=1, paid=4000)], (6000, 2, 1500, 54)),
    "money alone takes its pieces along": ([change(paid=4000)], (6000, 1, 1500, 54)),
    "money for nothing back": ([change(paid=4000, quantity=0)], (6000, 3, 1500, 54)),
    "a stated margin": ([change(paid=4000, margin=900)], (6000, 1, 1600, 54)),
    "a loss stays": ([change(paid=4000, margin=3000)], (6000, 1, -500, 54)),
    "a stated volume": ([change(paid=4000, pv=80)], (6000, 1, 1500, 10)),
    "a stated margin, then a piece": (
        [change(paid=4000, quantity=1, margin=900), change(quantity=1)],
        (3000, 1, 800, 27),
    ),
    "all money, no piece": ([change(paid=10000, quantity=0)], (0, 3, 0, 0)),
    "all money": ([change(paid=10000)], None),
    "all pieces": ([change(quantity=3)], None),
    "all pieces, a fee is kept": ([change(quantity=3, paid=9000)], (1000, 0, 250, 9)),
    "a refund without amounts": ([change()], None),
    "a cancellation": ([change("cancellation")], None),
    "a chargeback after a refund": ([change("chargeback"), change(paid=4000)], None),
    "another price": ([change("adjustment", paid=9000)], (9000, 3, 2250, 81)),
    "another price and margin": ([change("adjustment", paid=9000, margin=1500)], (9000, 3, 1500, 81)),
    "more than was paid": ([change("adjustment", paid=12000)], (12000, 3, 3000, 108)),
    "another number of pieces": ([change("adjustment", quantity=5)], (10000, 5, 2500, 90)),
    "another number of pieces and money back": (
        [change("adjustment", quantity=5), change(paid=4000)],
        (6000, 3, 1500, 54),
    ),
    "the latest adjustment": (
        [change("adjustment", paid=1, at=AT + HOUR), change("adjustment", paid=9000, at=AT + 2 * HOUR)],
        (9000, 3, 2250, 81),
    ),
    "the latest adjustment comes first": (
        [change("adjustment", paid=9000, at=AT + 2 * HOUR), change("adjustment", paid=1, at=AT + HOUR)],
        (9000, 3, 2250, 81),
    ),
    "a refund before an adjustment": (
        [change(paid=3000, quantity=1), change("adjustment", paid=9000, at=AT + HOUR)],
        (6000, 2, 1500, 54),
    ),
    "a refund after an adjustment": (
        [change(paid=3000, quantity=1, at=AT + HOUR), change("adjustment", paid=9000)],
        (6000, 2, 1500, 54),
    ),
    "a dispute that was won": (
        [change("chargeback"), change("reinstatement", at=AT + HOUR)],
        (10000, 3, 2500, 90),
    ),
    "a dispute that was won and lost again": (
        [change("chargeback"), change("reinstatement", at=AT + HOUR), change("chargeback", at=AT + 2 * HOUR)],
        None,
    ),
    "a reinstatement at the instant of a cancellation": (
        [change("reinstatement"), change("cancellation")],
        None,
    ),
    "a reinstatement before a cancellation": (
        [change("reinstatement"), change("cancellation", at=AT + HOUR)],
        None,
    ),
    "a reinstatement of what was never gone": ([change("reinstatement")], (10000, 3, 2500, 90)),
    "a reinstatement leaves what was refunded": (
        [change(paid=4000), change("cancellation"), change("reinstatement", at=AT + HOUR)],
        (6000, 1, 1500, 54),
    ),
    "an order is reinstated, its lines too": (
        [change("cancellation"), change("reinstatement", line=None, at=AT + HOUR)],
        (10000, 3, 2500, 90),
    ),
    "an adjustment to nothing": ([change("adjustment", paid=0)], (0, 3, 0, 0)),
    "an adjustment to neither money nor pieces": (
        [change("adjustment", paid=0, quantity=0)],
        (0, 0, 0, 0),
    ),
    "nothing": ([change(paid=0, quantity=0)], (10000, 3, 2500, 90)),
}


def test_a_refund_of_a_volume_fits_an_adjusted_line_that_is_cancelled():
    """The volume that an adjustment leaves open follows what is paid, also where the line is gone."""
    sold = {(1, 0): {"paid": 1, "quantity": 0, "margin": 0, "pv": 1, "price": 0}}
    changes = [change("cancellation"), change(paid=0, pv=1), change("adjustment", paid=1)]
    assert left_of(*changes, sold=sold) is None
    assert slow(sold, changes) == {}


def test_a_line_of_a_cancelled_order_is_reinstated_alone():
    """Of an order that was cancelled as a whole one line comes back; the other stays gone."""
    gone = change("cancellation", 2, None)
    back = change("reinstatement", 2, 1, at=AT + HOUR)
    left = orders_of(SOLD).after(changes_table([gone, back]))
    assert sorted(lines_of(left)) == [(1, 0), (2, 1)]
    assert sorted(
        lines_of(left.after(changes_table([change("reinstatement", 2, 0, at=AT + HOUR)])))
    ) == sorted(SOLD)


PARTLY = [change("cancellation", 2, None), change("reinstatement", 2, 1, at=AT + HOUR), change(paid=4000)]


@example((SOLD, PARTLY))
@given(worlds())
def test_what_counts_stays_in_the_order_of_the_log(world):
    """Changes that count, parts of those of whole orders too, stand as they did, each with its number."""
    lines, changes = world
    orders, table = orders_of(lines), changes_table(changes)
    counting, number = in_force(orders.order_id, orders.line, table)
    assert (np.diff(number) >= 0).all()
    assert counting.at.tolist() == table.at[number].tolist()
    assert counting.kind.tolist() == table.kind[number].tolist()
    if "reinstatement" not in {change["kind"] for change in changes}:
        assert counting is table


def test_errors_still_name_the_new_rows_after_a_reinstatement():
    """What is wrong with a later table is told by its own rows."""
    first = [change("cancellation"), change("reinstatement", at=AT + HOUR), change(paid=4000)]
    orders = orders_of(SOLD).after(changes_table(first))
    with pytest.raises(ChangesError, match=r"more of 'paid' .*\(row 1\)"):
        orders.after(changes_table([change(order_id=2, paid=1), change(paid=7000)]))


@pytest.mark.parametrize(("changes", "wanted"), LAWS.values(), ids=LAWS)
def test_laws(changes, wanted):
    """What each kind of change leaves, worked out by hand; whatever order they come in."""
    assert left_of(*changes) == wanted
    assert left_of(*changes[::-1]) == wanted


@pytest.mark.parametrize(
    ("line", "changes", "wanted"),
    [
        ({"margin": -2500}, [change(paid=3333)], (6667, 2, -1667, 60)),
        ({"paid": 0}, [change(quantity=1)], (0, 2, 1666, 60)),
        ({"paid": 0}, [change(quantity=1, paid=0, margin=500)], (0, 2, 2000, 60)),
        ({"paid": 0}, [change(paid=0)], (0, 3, 2500, 90)),
        ({"paid": 0}, [change(quantity=3)], None),
        ({"quantity": 0}, [change(paid=4000)], (6000, 0, 1500, 54)),
        ({"quantity": 0}, [change(paid=10000)], None),
        ({"paid": 0}, [change("adjustment", paid=500, margin=100, pv=1)], (500, 3, 100, 1)),
        ({"paid": 0, "margin": 0, "pv": 0}, [change("adjustment", paid=500)], (500, 3, 0, 0)),
    ],
)
def test_edges(line, changes, wanted):
    """Losses are floored; where nothing was paid the pieces say what share is left."""
    assert left_of(*changes, sold={(1, 0): LINE | line}) == wanted


def test_prices_of_one_piece_stay():
    """A refund leaves a price of one piece alone; an adjustment may state another."""
    orders = orders_of(SOLD)
    net_orders = orders.after(changes_table([change(quantity=1), change("adjustment", price=2900)]))
    assert net_orders.amounts("price").values.tolist() == [2900, 3000, 3000]


def test_lines_and_orders_go():
    """A cancelled line leaves its order with the others, a cancelled order takes all its lines along."""
    orders = orders_of(SOLD)
    one = orders.after(changes_table([change("cancellation", 2, 0)]))
    assert (one.order_id.values.tolist(), one.line.tolist(), one.n_orders) == ([1, 2], [0, 1], 2)
    assert one.single_line
    assert one.order_of_row is None
    assert one.caller_rows([0, 1]).tolist() == [0, 2]
    none = orders.after(changes_table([change("chargeback", 2, None), change("cancellation", 2, 1)]))
    assert none.order_id.values.tolist() == [1]
    other = orders.after(changes_table([change("chargeback", 1, None)]))
    assert (other.start.tolist(), other.order_of_row.tolist()) == ([0, 2], [0, 0])


def test_untouched_columns_are_shared():
    """Columns that no change touches are the ones that were sold, not copies; the sold ones stay."""
    orders = orders_of(SOLD)
    net_orders = orders.after(changes_table([change(paid=4000, quantity=0)]))
    assert net_orders.member is orders.member
    assert net_orders.column("quantity") is orders.column("quantity")
    assert net_orders.column("price") is orders.column("price")
    assert lines_of(orders) == SOLD
    assert net_orders.sold is orders
    assert len(net_orders.changes) == 1
    assert orders.after(Changes.empty()) is orders
    with pytest.raises(ValueError, match="read-only"):
        net_orders.amounts("paid").values[0] = 1


def test_orders_without_columns():
    """Orders without a quantity have one piece a line, which a refund may give back."""
    orders = Orders.from_records([{"order_id": 1, "member": "bo", "pv": "3"}], volumes={"pv": 0})
    back = {"kind": "refund", "order_id": 1, "at": AT}
    assert len(orders.after(Changes.from_records([{**back, "quantity": 1}]))) == 0
    assert len(orders.after(Changes.from_records([{**back, "quantity": 0}]))) == 1
    with pytest.raises(ChangesError, match="adjust a quantity that the orders do not have"):
        orders.after(Changes.from_records([{**back, "kind": "adjustment", "quantity": 2}]))
