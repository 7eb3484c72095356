"""The table of orders and what can be asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Unpack, cast

import attrs
import numpy as np

from fenxiao._arrays import AnyArray, RowArray, readonly
from fenxiao._columns import Amounts, Column, Input, Instants
from fenxiao._labels import Labels, readonly_or_none
from fenxiao._tables import (
    Layout,
    TableOptions,
    columns_of_frame,
    columns_of_records,
    layout_of,
    stem,
)
from fenxiao.changes import Changes
from fenxiao.changes.table import changes_like, changes_of
from fenxiao.errors import OrdersError, what
from fenxiao.orders.assembly import WHAT, Parts, concat, empty, read, take
from fenxiao.orders.columnar import Columnar
from fenxiao.orders.comparing import distinct, touched_rows
from fenxiao.orders.keys import first_and_last
from fenxiao.orders.netting import net_of, patched
from fenxiao.orders.places import Places
from fenxiao.periods import to_instants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_UNCHANGED: Final = Changes.empty()
_NOWHERE: Final = Places()


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Orders(Columnar):
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
    changes : Changes
        What happened to the orders since they were sold; the columns are net of it.
    places : Places
        Where these changes stand among the lines as they were sold.

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
    changes: Changes = _UNCHANGED
    places: Places = _NOWHERE
    _sold: Orders | None = None
    _pieces: tuple[Labels, ...] = ()

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

    def read_changes(self, records: Iterable[Mapping[str, Any]]) -> Changes:
        """Read changes whose columns mean what they mean here.

        Raises
        ------
        ChangesError, MoneyError, MoneyOverflowError, OrdersError, TimeError
            As `Changes.from_columns`.

        Examples
        --------
        >>> here = Orders.from_records([{"order_id": 7, "member": 3, "pv": "1.5"}], volumes={"pv": 1})
        >>> here.read_changes([{"kind": "cancellation", "order_id": 7, "at": "2026-10-09T12:00:00Z"}])
        Changes(1 change: 1 cancellation)
        """
        return changes_like(self.layout, records)

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
        tables = [_orders(each) for each in (first, second)]
        sold = [table.sold for table in tables]
        pieces = [piece for table in sold for piece in table.pieces]
        joined = cls(**concat(*(table.parts() for table in sold)), pieces=tuple(pieces))
        return joined.after(Changes.concat(*(table.changes for table in tables)))

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
    def sold(self) -> Orders:
        """The orders as they were sold, before anything happened to them."""
        return self if self._sold is None else self._sold

    @property
    def pieces(self) -> tuple[Labels, ...]:
        """The order ids of each table that these orders were put together from; they tell tables apart."""
        return self._pieces or (self.sold.order_id,)

    def after(self, changes: Changes) -> Orders:
        """Return the net orders after further changes; columns that do not differ are shared.

        A line has what it had when it was sold, or what the latest adjustment by ``at`` states, less all
        that refunds give back. Money, margin, volumes and quantity that a refund states come off first.
        Pieces given back without money share what that leaves, floor(paid * pieces left / pieces); what is
        not stated follows what is paid, floor(x * net paid / paid). A line that is cancelled, charged back,
        refunded without an amount, or left with neither money nor pieces is not there any more. The order
        in which changes come does not matter, nor what happened first.

        Raises
        ------
        ChangesError
            An order or a line is not there, more is given back than was sold, a change of an order of
            several lines states amounts without a line, a line is adjusted twice at one time, a change is
            known before its order, amounts that the orders do not have.
        MoneyOverflowError
            A net amount does not fit into 64 bits.

        Examples
        --------
        >>> orders = Orders.from_records([{"order_id": 7, "member": 3, "paid": "100.00", "margin": "25.00"}])
        >>> refund = {"kind": "refund", "order_id": 7, "paid": "40.00", "at": "2026-10-09T12:00:00Z"}
        >>> net = orders.after(Changes.from_records([refund]))
        >>> net.amounts("paid").value(0), net.amounts("margin").value(0)
        (Decimal('60.00'), Decimal('15.00'))
        """
        if not len(changes_of(changes)):
            return self
        sold, both = self.sold, Changes.concat(self.changes, changes)
        parts = sold.parts()
        net = net_of(parts, both, self.places)
        return Orders(**patched(parts, net), changes=both, places=net.places, sold=sold, pieces=sold.pieces)

    def known(self, at: object, *, by: str | None = "known_at") -> Orders:
        """Return the orders as they were known at an instant: sold and changed then or before.

        Parameters
        ----------
        at : aware datetime or ISO text with an offset; naive times need the table's ``zone=``
        by : the column of times that says since when an order is known; None if all of them always were

        Raises
        ------
        OrdersError, TimeError
            There is no such column of times, or `at` is no instant.
        """
        instant = to_instants([at], zone=self.layout.zone, thing="known at")[0]
        sold = self.sold
        seen = None if by is None else sold.instants(by).values <= instant
        orders = sold if seen is None or seen.all() else sold.take(seen)
        return orders.after(self.changes.take(self.changes.known_at <= instant))

    def touched_since(self, earlier: Orders) -> Labels:
        """Return the ids of the orders that differ from an earlier table, or are in one of the two only.

        Cheap where one table was made from the other, or both from a third, by changes and late orders;
        other tables are compared row by row.

        Raises
        ------
        OrdersError
            The tables have other columns.
        """
        rows, others = touched_rows(self, _orders(earlier))
        return distinct(self.order_id.take(rows), earlier.order_id.take(others))

    def take(self, rows: AnyArray) -> Orders:
        """Return the table of the given rows (row numbers or a mask), in canonical order.

        Of net orders it is made from the lines as they were sold, with the changes of these lines.

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
        if self._sold is None:
            return Orders(**take(self.parts(), rows))
        chosen, sold = take(self.parts(), rows), self._sold
        kept = Orders(**take(sold.parts(), sold.rows_of_lines(chosen["order_id"], chosen["line"])))
        line = self.changes.line
        here = kept.rows_of_lines(self.changes.order_id, np.where(line.given, line.values, 0)) >= 0
        low, high = first_and_last(kept.order_id, self.changes.order_id)
        return kept.after(self.changes.take(np.where(line.given, here, low < high)))

    def parts(self) -> Parts:
        """Return the fields by which a table is put together, without what has happened to it."""
        return cast("Parts", {name: getattr(self, name) for name in Parts.__annotations__})


def _orders(value: object) -> Orders:
    if not isinstance(value, Orders):
        raise OrdersError(WHAT, what(value), allowed="Orders", hint="Read them with Orders.from_records")
    return value
