"""The table of orders and what can be asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack, cast

import attrs
import numpy as np

from fenxiao._arrays import ROW, AnyArray, RowArray, readonly
from fenxiao._columns import Amounts, Column, Input, Instants, Numbers
from fenxiao._labels import Label, Labels, readonly_or_none
from fenxiao._tables import (
    Layout,
    TableOptions,
    columns_of_frame,
    columns_of_records,
    empty_column,
    layout_of,
    rows_of,
    same_keys,
    stem,
)
from fenxiao.errors import OrdersError, is_one_of, what
from fenxiao.orders.assembly import WHAT, Parts, caller_rows, concat, empty, read, take

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fenxiao.money import Currency


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Orders:
    """A table of order lines, checked once and then read-only.

    Rows stand in the order of (order_id, line) however they were given, so that row order never matters.
    Make one with `from_records`, `from_columns` or `empty`.

    Attributes
    ----------
    order_id : Labels [n]
    line : int64 [n]
        0 where the table has no lines.
    member : Labels [n]
        Who is credited; null for guests.
    buyer : Labels [n] or None
        Who bought; null where unknown.
    names : tuple of str
    columns : tuple of Column
        The other columns and what they are called.
    layout : Layout
        The options that the table was read with.
    input_row : int64 [n] or None
        The caller's row of each row, None where rows stand as they were given. After `take` it still names
        rows of the original input, after `concat` those of both inputs stacked.
    order_of_row : int64 [n] or None
    start : int64 [n_orders + 1] or None
        Order ``i`` has the rows ``start[i]`` to ``start[i + 1]``. Both are None if every order has one row.

    Examples
    --------
    >>> orders = Orders.from_records(
    ...     [
    ...         {"order_id": "B2", "member": None, "paid": "5.00"},
    ...         {"order_id": "A1", "member": "cai", "paid": "100.00"},
    ...     ]
    ... )
    >>> orders
    Orders(2 lines of 2 orders; paid)
    >>> orders.amounts("paid").values.tolist(), orders.member.value(1)
    ([10000, 500], None)
    """

    order_id: Labels
    line: RowArray = attrs.field(converter=readonly)
    member: Labels
    buyer: Labels | None
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    layout: Layout
    input_row: RowArray | None = attrs.field(converter=readonly_or_none)
    order_of_row: RowArray | None = attrs.field(converter=readonly_or_none)
    start: RowArray | None = attrs.field(converter=readonly_or_none)

    @classmethod
    def from_records(cls, records: Iterable[Mapping[str, Any]], **options: Unpack[TableOptions]) -> Orders:
        """Read orders from records, one a line. Options: see `TableOptions`.

        A key that some records lack is null there, which only labels of members and categories may be. No
        records at all make the table of `empty`.

        Raises
        ------
        OrdersError
            A required column is missing, a key comes twice, a column is of no kind, an option is unknown.
        MoneyError, MoneyOverflowError
            Amounts that are floats, plain integers, negative (`margin` may be) or beyond 64 bits.
        TimeError
            Times that are missing, naive without a zone, ambiguous or skipped.

        Examples
        --------
        >>> records = [{"order_id": 7, "member": 3, "paid_minor": 995, "pv": "1.5"}]
        >>> Orders.from_records(records, volumes={"pv": 1}).amounts("pv").value(0)
        Decimal('1.5')
        """
        layout = layout_of(WHAT, options)
        raw = columns_of_records(records, what=WHAT)
        return cls(**(read(raw, layout) if raw else empty(layout)))

    @classmethod
    def from_columns(cls, columns: Input, **options: Unpack[TableOptions]) -> Orders:
        """Read orders from a mapping of columns, or a data frame. Options: see `TableOptions`.

        Integer arrays of 64 bits are not copied when the rows stand in canonical order already: do not
        change them afterwards.

        Raises
        ------
        OrdersError, MoneyError, MoneyOverflowError, TimeError
            As `from_records`; also columns of different lengths or more than one dimension.

        Examples
        --------
        >>> Orders.from_columns({"order_id": [2, 1], "member": [5, 5]}).order_id.values.tolist()
        [1, 2]
        """
        return cls(**read(columns_of_frame(columns, what=WHAT), layout_of(WHAT, options)))

    @classmethod
    def empty(cls, **options: Unpack[TableOptions]) -> Orders:
        """Return a table without rows that has ``paid`` and every column that the options declare.

        Examples
        --------
        >>> Orders.empty(volumes={"pv": 2}).amounts("pv").values.tolist()
        []
        """
        return cls(**empty(layout_of(WHAT, options)))

    def like(self, records: Iterable[Mapping[str, Any]]) -> Orders:
        """Read further orders whose columns mean what they mean here; columns may be missing.

        Raises
        ------
        OrdersError, MoneyError, MoneyOverflowError, TimeError
            As `from_records`.

        Examples
        --------
        >>> here = Orders.from_records([{"order_id": 7, "member": 3, "pv": "1.5"}], volumes={"pv": 1})
        >>> here.like([{"order_id": 8, "member": 3, "pv": "2.5"}]).amounts("pv").value(0)
        Decimal('2.5')
        """
        raw = columns_of_records(records, what=WHAT)
        layout = self.layout.limited_to([stem(name) for name in raw])
        return Orders(**(read(raw, layout) if raw else empty(layout)))

    @classmethod
    def concat(cls, first: Orders, second: Orders) -> Orders:
        """Return the rows of two tables with the same columns and disjoint keys; keys may interleave.

        Raises
        ------
        OrdersError
            The tables share a key, or differ in columns, kinds, currency or label types.

        Examples
        --------
        >>> one, two = (Orders.from_columns({"order_id": [i], "member": [5]}) for i in (2, 1))
        >>> Orders.concat(one, two).order_id.values.tolist()
        [1, 2]
        """
        return cls(**concat(*(_orders(each)._parts() for each in (first, second))))  # noqa: SLF001  # of this class

    def __len__(self) -> int:
        """Return the number of rows, which are order lines."""
        return len(self.order_id)

    def __repr__(self) -> str:
        """Return the size and the columns: money and volumes first, then times, then the others."""
        groups: tuple[list[str], list[str], list[str]] = ([], [], [])
        for name, column in zip(self.names, self.columns, strict=True):
            groups[0 if isinstance(column, Amounts) else 1 if isinstance(column, Instants) else 2].append(
                name
            )
        lines = f"{len(self):,} line{'' if len(self) == 1 else 's'}"
        orders = f"{self.n_orders:,} order{'' if self.n_orders == 1 else 's'}"
        return f"Orders({'; '.join([f'{lines} of {orders}', *map(', '.join, filter(None, groups))])})"

    @property
    def n_orders(self) -> int:
        """The number of orders."""
        return (len(self) + 1 if self.start is None else len(self.start)) - 1

    @property
    def single_line(self) -> bool:
        """Whether every order has one line."""
        return self.start is None

    @property
    def currency(self) -> Currency | None:
        """The currency that the table was read with."""
        return self.layout.currency

    @property
    def decimals(self) -> int:
        """Decimals of money columns."""
        return self.layout.decimals

    @property
    def quantity(self) -> RowArray | None:
        """Pieces a line (int64 [n]), None where the table does not say."""
        return self.quantity_or_one if "quantity" in self.names else None

    @property
    def quantity_or_one(self) -> RowArray:
        """Pieces a line (int64 [n]), 1 where the table does not say."""
        column = self.column("quantity") if "quantity" in self.names else None
        return column.values if isinstance(column, Numbers) else np.broadcast_to(ROW(1), len(self))

    def column(self, name: str) -> Column:
        """Return a column by name, typed.

        A table without rows has every column whose name tells its kind.

        Raises
        ------
        OrdersError
            There is no such column; the message lists the ones there are.

        Examples
        --------
        >>> Orders.from_columns({"order_id": [1], "member": [5], "grade": [3]}).column("grade").value(0)
        3
        """
        if is_one_of(name, self.names):
            return self.columns[self.names.index(name)]
        found = None if len(self) or not isinstance(name, str) else empty_column(name, self.layout)
        if found is None:
            raise OrdersError(
                WHAT,
                "have no such column",
                value=name,
                allowed=", ".join(sorted(self.names)) or "no column besides the keys",
                hint="Add the column to the orders or correct the name",
            )
        return found

    def amounts(self, name: str) -> Amounts:
        """Return a column of money or volume, in minor units.

        Raises
        ------
        OrdersError
            There is no such column, or it is of another kind.

        Examples
        --------
        >>> orders = Orders.from_columns({"order_id": [1], "member": [5], "paid": ["9.95"]})
        >>> orders.amounts("paid").values.tolist()
        [995]
        """
        column = self.column(name)
        if not isinstance(column, Amounts):
            raise _wrong_kind(
                name, column, "an amount", f'Declare it: money=("{name}",) or volumes={{"{name}": 2}}'
            )
        return column

    def instants(self, name: str) -> Instants:
        """Return a column of times, as microseconds since 1970-01-01T00:00Z.

        Raises
        ------
        OrdersError
            There is no such column, or it is of another kind.

        Examples
        --------
        >>> orders = Orders.from_columns(
        ...     {"order_id": [1], "member": [5], "paid_at": ["1970-01-01T00:00:01Z"]}
        ... )
        >>> orders.instants("paid_at").values.tolist()
        [1000000]
        """
        column = self.column(name)
        if not isinstance(column, Instants):
            raise _wrong_kind(name, column, "a time", f'Declare it: times=("{name}",)')
        return column

    def order_id_of(self, order: int) -> Label:
        """Return the order id of the order number `order`, 0 to ``n_orders - 1``.

        Examples
        --------
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
                "is not a line of this order",
                value=line,
                labels=[order_id],
                allowed=f"one of its {high - low:,} lines",
                hint="Check the line number",
            )
        return np.array([row], dtype=ROW)

    def take(self, rows: AnyArray) -> Orders:
        """Return the table of the given rows (row numbers or a mask), in canonical order.

        Raises
        ------
        OrdersError
            A row is named twice.

        Examples
        --------
        >>> orders = Orders.from_columns({"order_id": [7, 8, 9], "member": [1, 2, 3]})
        >>> orders.take([2, 0]).member.values.tolist()
        [1, 3]
        """
        return Orders(**take(self._parts(), rows))

    def _parts(self) -> Parts:
        return cast("Parts", attrs.asdict(self, recurse=False))

    def shares_keys_with(self, other: Orders) -> bool:
        """Say whether some (order_id, line) is in both tables.

        Examples
        --------
        >>> one = Orders.from_columns({"order_id": [7], "line": [0], "member": [5]})
        >>> two = Orders.from_columns({"order_id": [7], "line": [1], "member": [5]})
        >>> one.shares_keys_with(two), one.shares_orders_with(two)
        (False, True)
        """
        rows, _ = same_keys(self.order_id, self.line, _orders(other).order_id, other.line, with_line=True)
        return len(rows) > 0

    def shares_orders_with(self, other: Orders) -> bool:
        """Say whether some order has lines in both tables, the same ones or not."""
        rows, _ = same_keys(self.order_id, self.line, _orders(other).order_id, other.line, with_line=False)
        return len(rows) > 0


def _orders(value: object) -> Orders:
    if not isinstance(value, Orders):
        raise OrdersError(WHAT, what(value), allowed="Orders", hint="Read them with Orders.from_records")
    return value


def _wrong_kind(name: str, column: Column, wanted: str, hint: str) -> OrdersError:
    kind = type(column).__name__
    return OrdersError(f"orders column {name!r}", f"is not {wanted}", value=kind, allowed=wanted, hint=hint)
