"""What changes make of the orders: the net amounts of the lines that they touch, and the lines that go.

Everything is counted from the line as it was sold, or as the latest adjustment states it, and depends on
which changes there are, never on the order in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from fenxiao._columns import Amounts, Column, Numbers
from fenxiao.changes import ADJUSTMENT, Changes
from fenxiao.changes.table import same_currency
from fenxiao.errors import ChangesError, FenxiaoError
from fenxiao.orders.assembly import Parts, kept
from fenxiao.orders.keys import expanded, first_and_last, once, row_of_line
from fenxiao.orders.laws import Lines, mask_of
from fenxiao.orders.places import Places
from fenxiao.orders.reinstating import in_force, stating

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fenxiao._arrays import FlagArray, MinorArray, RowArray

WHAT: Final = "changes"


@attrs.frozen(eq=False)
class Net:
    """What changes make of a table of orders.

    Attributes
    ----------
    places : Places
        Where the changes stand, and which lines are gone.
    rows : int64 [m]
        Rows whose amounts may differ, sorted, none of them gone.
    columns : mapping of name to int64 [m]
        Their amounts, and their quantity.
    """

    places: Places
    rows: RowArray
    columns: Mapping[str, MinorArray]


def net_of(sold: Parts, changes: Changes, known: Places) -> Net:
    """Return what changes make of orders as they were sold.

    Parameters
    ----------
    sold : the fields of the orders as they were sold
    changes : all changes of them
    known : where the first of the changes stand, which are known to fit; messages name rows of the others

    Raises
    ------
    ChangesError
        An order or a line is not there, more is given back than was sold, a line is adjusted twice at one
        time, a change does not say which line it means, or is known before its order.
    MoneyOverflowError
        A net amount does not fit into 64 bits.
    """
    return _Netting(sold, changes, known).net()


def patched(sold: Parts, net: Net) -> Parts:
    """Return the fields of the net orders: columns that do not change are shared where no line goes."""
    gone, place = net.places.gone, net.places.net(net.rows)
    keep = ~mask_of(gone, len(sold["order_id"])) if len(gone) else None
    fresh: dict[str, Column] = {}
    for name, column in zip(sold["names"], sold["columns"], strict=True):
        amounts = net.columns.get(name)
        if amounts is None or not isinstance(column, Amounts | Numbers):
            continue
        if not np.array_equal(column.values[net.rows], amounts):
            # One copy, written to before it is frozen: new memory is what takes the time here.
            values = column.values.copy() if keep is None else column.values[keep]
            values[place] = amounts
            fresh[name] = attrs.evolve(column, values=values)
    if keep is not None:
        return kept(sold, keep, fresh)
    columns = tuple(
        fresh.get(name, column) for name, column in zip(sold["names"], sold["columns"], strict=True)
    )
    parts = sold.copy()
    parts["columns"] = columns
    return parts


class _Netting:
    """The work of `net_of`: which rows are meant, then the law of each line."""

    def __init__(self, sold: Parts, changes: Changes, known: Places) -> None:
        self.sold = sold
        self.changes = changes
        self.known = known
        self.fresh = len(known.low)
        self.columns: dict[str, Column] = dict(zip(sold["names"], sold["columns"], strict=True))

    def net(self) -> Net:
        changes = self.changes
        self._check_columns()
        low, high = self._orders()
        row = self._lines(low, high)
        counting, number = in_force(self.sold["order_id"], self.sold["line"], changes)
        if counting is not changes:
            known = number[: np.searchsorted(number, self.fresh)]
            net = _Netting(self.sold, counting, Places(low[known], high[known])).net()
            return attrs.evolve(net, places=Places(low, high, net.places.gone))
        whole = ~changes.line.given
        partial = stating(changes)
        self.refuse(
            partial & whole & (high - low > 1),
            "state amounts of an order that has several lines",
            allowed="the line that is meant",
            hint="State one change a line",
        )
        gone = expanded(np.where(whole, low, row)[~partial], np.where(whole, high, row + 1)[~partial])
        rows, owner = np.unique(np.where(whole, low, row)[partial], return_inverse=True)
        number = np.flatnonzero(partial)

        def refuse(wrong: FlagArray, problem: str, **told: Any) -> None:
            self.refuse(mask_of(number[wrong], len(changes)), problem, **told)

        lines = Lines(
            columns=self.columns,
            unit_prices=self.sold["layout"].unit_prices,
            rows=rows,
            owner=owner,
            part=changes.take(number),
            goes=np.isin(rows, gone),
            refuse=refuse,
        )
        columns, empty = lines.net()
        gone = once(np.concatenate([gone, rows[empty]]))
        left = ~np.isin(rows, gone)
        return Net(
            Places(low, high, gone), rows[left], {name: values[left] for name, values in columns.items()}
        )

    def refuse(
        self,
        wrong: FlagArray,
        problem: str,
        *,
        thing: str = WHAT,
        error: type[FenxiaoError] = ChangesError,
        **told: Any,
    ) -> None:
        """Raise an error if a change is wrong, naming those that are new."""
        hit = np.flatnonzero(wrong)
        if len(hit):
            hit = hit[hit >= self.fresh] if (hit >= self.fresh).any() else hit
            changes = self.changes
            raise error(
                thing,
                problem,
                rows=np.sort(changes.input_row[hit]),
                labels=changes.order_id.pick(hit),
                **told,
            )

    def _check_columns(self) -> None:
        """Raise `ChangesError` if the changes state what the orders do not have."""
        here, there = self.sold["layout"], self.changes.layout
        if not same_currency(here, there):
            raise ChangesError(
                WHAT,
                "are of another currency than the orders",
                value=there.currency,
                allowed=str(here.currency),
                hint="Convert the amounts before",
            )
        for name, stated in zip(self.changes.names, self.changes.amounts, strict=True):
            column = self.columns.get(name)
            if isinstance(column, Amounts) and column.decimals == stated.decimals:
                continue
            self.refuse(
                stated.given,
                "is not an amount of the orders, or of another unit there",
                thing=f"{WHAT} column {name!r}",
                allowed="amounts that the orders have, with their decimals",
                hint="Read orders and changes with the same options",
            )
        prices = self.sold["layout"].unit_prices & frozenset(self.changes.names)
        if "quantity" not in self.columns:
            self.refuse(
                self.changes.quantity.given & (self.changes.kind == ADJUSTMENT),
                "adjust a quantity that the orders do not have",
                thing=f"{WHAT} column 'quantity'",
                hint="Give the orders a column 'quantity'",
            )
        for name in sorted(prices):
            self.refuse(
                self.changes.stated(name).given & (self.changes.kind != ADJUSTMENT),
                "gives back a price of one piece",
                thing=f"{WHAT} column {name!r}",
                allowed="amounts of the line; prices of one piece in adjustments",
            )

    def _orders(self) -> tuple[RowArray, RowArray]:
        """Return the half-open range of rows of the order of each change."""
        changes, sold = self.changes, self.sold
        found = first_and_last(sold["order_id"], changes.order_id.take(slice(self.fresh, None)))
        low, high = (
            np.concatenate(parts) for parts in zip((self.known.low, self.known.high), found, strict=True)
        )
        self.refuse(
            low == high,
            "are of orders that are not there",
            allowed=f"{sold['order_id'].kind} ids of orders that are known",
            hint="Check the id and its type; an order that is late has to be added before its changes",
        )
        if "known_at" in self.columns and len(changes):
            since = self.columns["known_at"].values[low]
            self.refuse(
                changes.known_at < since,
                "are known before their orders are",
                allowed="known_at from that of the order on",
                hint="State when the change was known",
            )
        return low, high

    def _lines(self, low: RowArray, high: RowArray) -> RowArray:
        """Return the row of the line of each change, the first one of the order where it names none."""
        line = self.changes.line
        row = row_of_line(self.sold["line"], low, high, np.where(line.given, line.values, 0))
        self.refuse(
            line.given & (row < 0),
            "are of lines that their orders do not have",
            allowed="lines of the order",
            hint="Check the line number",
        )
        return np.where(line.given, row, low)
