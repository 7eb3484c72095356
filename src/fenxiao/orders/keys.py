"""Orders by their keys: which rows an order, a line of it, or many of them have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao._arrays import FLAG, ROW, AnyArray, RowArray
from fenxiao._labels import ascending
from fenxiao._tables import rows_of, same_keys
from fenxiao.errors import OrdersError, what
from fenxiao.orders.assembly import WHAT, caller_rows

if TYPE_CHECKING:
    from fenxiao._labels import Label, Labels

_LINE: Final = "is not a line of this order"


class Keyed:
    """What a table of orders in the order of (order_id, line) answers about its keys."""

    __slots__ = ()

    order_id: Labels
    line: RowArray
    input_row: RowArray | None
    start: RowArray | None

    def __len__(self) -> int:
        """Return the number of rows, which are order lines."""
        return len(self.order_id)

    @property
    def n_orders(self) -> int:
        """The number of orders."""
        return (len(self) + 1 if self.start is None else len(self.start)) - 1

    @property
    def single_line(self) -> bool:
        """Whether every order has one line."""
        return self.start is None

    def order_id_of(self, order: int) -> Label:
        """Return the order id of the order number `order`, 0 to ``n_orders - 1``.

        Examples
        --------
        >>> from fenxiao.orders import Orders
        >>> Orders.from_columns({"order_id": ["B", "A"], "member": [5, 5]}).order_id_of(0)
        'A'
        """
        whole = isinstance(order, int | np.integer) and not isinstance(order, bool)
        if not whole or not 0 <= order < self.n_orders:
            raise OrdersError(f"{WHAT}, number", "is none", value=order, allowed=f"0 to {self.n_orders - 1}")
        return self.order_id.value(order if self.start is None else int(self.start[:-1][order]))

    def caller_rows(self, rows: AnyArray) -> RowArray:
        """Return the caller's row numbers of rows of this table, for messages."""
        numbers: RowArray = caller_rows(self.input_row, len(self))[rows]
        return numbers

    def __contains__(self, order_id: object) -> bool:
        """Say whether there is an order of this id."""
        low, high = rows_of(self.order_id, order_id)
        return low < high

    def find(self, order_id: Label, line: int | None = None) -> RowArray:
        """Return the rows of an order, or the one row of a line of it.

        Raises
        ------
        OrdersError
            There is no such order or line; the id is on the exception's `labels`.

        Examples
        --------
        >>> from fenxiao.orders import Orders
        >>> orders = Orders.from_columns({"order_id": [7, 7, 8], "line": [0, 1, 0], "member": [5, 5, 5]})
        >>> orders.find(7).tolist(), orders.find(7, line=1).tolist()
        ([0, 1], [1])
        """
        low, high = rows_of(self.order_id, order_id)
        if low == high:
            raise OrdersError(
                f"{WHAT} key",
                "is not among the orders",
                labels=[order_id],
                allowed=f"one of {self.n_orders:,} {self.order_id.kind} ids",
                hint="Check the id and its type",
            )
        if line is None:
            return np.arange(low, high, dtype=ROW)
        whole = isinstance(line, int | np.integer) and not isinstance(line, bool)
        row = low + int(np.searchsorted(self.line[low:high], line)) if whole else high
        if row == high or self.line[row] != line:
            raise OrdersError(
                f"{WHAT} line",
                _LINE,
                value=line,
                labels=[order_id],
                allowed=f"one of its {high - low:,} lines",
                hint="Check the line number",
            )
        return np.array([row], dtype=ROW)

    def rows_of(self, order_ids: Labels) -> RowArray:
        """Return the rows of many orders, sorted; orders that are not there have none.

        Examples
        --------
        >>> from fenxiao.orders import Orders
        >>> orders = Orders.from_columns({"order_id": [7, 7, 8, 9], "line": [0, 1, 0, 0], "member": [5] * 4})
        >>> orders.rows_of(orders.order_id.take([0, 3])).tolist()
        [0, 1, 3]
        """
        return expanded(*first_and_last(self.order_id, order_ids))

    def rows_of_lines(self, order_ids: Labels, line: RowArray) -> RowArray:
        """Return the row of each line of an order (int64 [k]), -1 where there is none."""
        low, high = first_and_last(self.order_id, order_ids)
        return row_of_line(self.line, low, high, line)

    def shares_keys_with(self, other: Keyed) -> bool:
        """Say whether some (order_id, line) is in both tables.

        Examples
        --------
        >>> from fenxiao.orders import Orders
        >>> one = Orders.from_columns({"order_id": [7], "line": [0], "member": [5]})
        >>> two = Orders.from_columns({"order_id": [7], "line": [1], "member": [5]})
        >>> one.shares_keys_with(two), one.shares_orders_with(two)
        (False, True)
        """
        rows, _ = same_keys(self.order_id, self.line, _keyed(other).order_id, other.line, with_line=True)
        return len(rows) > 0

    def shares_orders_with(self, other: Keyed) -> bool:
        """Say whether some order has lines in both tables, the same ones or not."""
        rows, _ = same_keys(self.order_id, self.line, _keyed(other).order_id, other.line, with_line=False)
        return len(rows) > 0


def _keyed(value: object) -> Keyed:
    if not isinstance(value, Keyed):
        raise OrdersError(WHAT, what(value), allowed="Orders", hint="Read them with Orders.from_records")
    return value


def first_and_last(sorted_ids: Labels, order_ids: Labels) -> tuple[RowArray, RowArray]:
    """Return the half-open range of rows of each order id in a sorted column, empty where there is none."""
    if sorted_ids.kind != order_ids.kind or not len(order_ids):
        nothing = np.zeros(len(order_ids), dtype=ROW)
        return nothing, nothing
    if ascending(order_ids.values):
        return _ranges(sorted_ids.values, order_ids.values)
    # Searching in ascending order walks through memory once; at random every step waits for it.
    wanted, place = np.unique(order_ids.values, return_inverse=True)
    low, high = _ranges(sorted_ids.values, wanted)
    return low[place], high[place]


def _ranges(values: AnyArray, wanted: AnyArray) -> tuple[RowArray, RowArray]:
    """Return the half-open range of rows of each wanted value; both are sorted, the wanted ones distinct."""
    low = np.searchsorted(values, wanted).astype(ROW)
    found = np.flatnonzero(low < len(values))
    found = found[values[low[found]] == wanted[found]]
    high = low.copy()
    high[found] += 1
    # Where the next row has the value as well, there are more of them.
    more = found[high[found] < len(values)]
    more = more[values[high[more]] == wanted[more]]
    high[more] = np.searchsorted(values, wanted[more], side="right")
    return low, high


def row_of_line(line: RowArray, low: RowArray, high: RowArray, wanted: RowArray) -> RowArray:
    """Return the row with the wanted line in each range of rows that is sorted by line, -1 if it has none."""
    first, last = low.copy(), high.copy()
    while (open_ := first < last).any():
        middle = (first + last) // 2
        below = open_.copy()
        below[open_] = line[middle[open_]] < wanted[open_]
        first = np.where(below, middle + 1, first)
        last = np.where(open_ & ~below, middle, last)
    inside = first < high
    found = inside.copy()
    found[inside] = line[first[inside]] == wanted[inside]
    return np.where(found, first, ROW(-1))


def expanded(low: RowArray, high: RowArray) -> RowArray:
    """Return the rows of half-open ranges, sorted and each once."""
    filled = low < high
    low, high = low[filled], high[filled]
    if (high == low + 1).all():
        return low if ascending(low) else once(low)
    longest = np.lexsort((-high, low))
    low, where = np.unique(low[longest], return_index=True)
    length = high[longest][where] - low
    steps = np.ones(int(length.sum()), dtype=ROW)
    first = np.cumsum(length) - length
    steps[first] = low
    steps[first[1:]] -= (low + length - 1)[:-1]
    return once(np.cumsum(steps))


def once(values: AnyArray) -> AnyArray:
    """Return the values sorted and each once; numpy's own way is several times as slow where most differ."""
    values = np.sort(values)
    fresh = np.ones(len(values), dtype=FLAG)
    np.not_equal(values[1:], values[:-1], out=fresh[1:])
    kept: AnyArray = values[fresh]
    return kept
