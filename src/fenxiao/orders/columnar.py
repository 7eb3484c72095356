"""Columns of a table of orders by name, typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import ROW, RowArray
from fenxiao._columns import Amounts, Column, Instants, Numbers
from fenxiao._tables import Layout, empty_column
from fenxiao.errors import OrdersError, is_one_of
from fenxiao.orders.assembly import WHAT
from fenxiao.orders.keys import Keyed

if TYPE_CHECKING:
    from fenxiao.money import Currency


class Columnar(Keyed):
    """What a table of orders answers about its columns."""

    __slots__ = ()

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    layout: Layout

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
        >>> from fenxiao.orders import Orders
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
        >>> from fenxiao.orders import Orders
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
        >>> from fenxiao.orders import Orders
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


def _wrong_kind(name: str, column: Column, wanted: str, hint: str) -> OrdersError:
    kind = type(column).__name__
    return OrdersError(f"orders column {name!r}", f"is not {wanted}", value=kind, allowed=wanted, hint=hint)
