"""What is being settled, and its order lines as blocks of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR, ROW, IndexArray, MinorArray, RowArray
from fenxiao._columns import Amounts, Column, Numbers
from fenxiao._kernels.tally import Tally
from fenxiao.errors import OrdersError, PlanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import AnyArray, FlagArray
    from fenxiao.facts import Facts
    from fenxiao.money import Currency
    from fenxiao.periods import Period


@final
@attrs.frozen(eq=False, kw_only=True)
class Setting:
    """What is being settled: the facts, which of their order lines, in which currency.

    ``rows`` is a slice or ascending row numbers of whole orders.
    """

    facts: Facts
    currency: Currency
    rows: slice | RowArray
    anchor: str | None = None
    period: Period | None = None
    _kept: dict[Any, Any] = attrs.field(init=False, factory=dict)

    @property
    def size(self) -> int:
        """Return the number of members."""
        return len(self.facts.tree)

    @property
    def decimals(self) -> int:
        """Return the decimals of the currency."""
        return self.currency.decimals

    @property
    def everything(self) -> OrderBlock:
        """Return all lines that are settled as one block."""
        return OrderBlock(self, self.rows)

    def most_lines(self) -> int:
        """Return an upper bound of the number of settled lines that credit one member."""
        return self.facts.most_lines()

    def keep(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` gives, computing it once."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def member_column(self, name: str) -> Column:
        """Return a member column in tree order."""
        return self.facts.member_column(name)

    def own(self, name: str) -> Amounts | Numbers:
        """Return the sum of an order column over each member's own orders; ``orders`` counts them."""
        return self.keep(("own", name), lambda: self._own(name))  # type: ignore[no-any-return]

    def _own(self, name: str) -> Amounts | Numbers:
        block = self.everything
        if name == "orders":
            values = np.ones(len(block), dtype=MINOR) if block.starts is None else _first_lines(block.starts)
            decimals: int | None = None
        else:
            values = block.amounts(name)
            column = self.facts.order_column(name)
            decimals = column.decimals if isinstance(column, Amounts) else None
        tally = Tally(self.size + 1)
        tally.add(block.member, values)
        sums = tally.sums(f"own volume {name!r}")[: self.size]
        return Numbers(sums) if decimals is None else Amounts(sums, decimals)


def _first_lines(starts: RowArray) -> MinorArray:
    first = np.zeros(int(starts[-1]), dtype=MINOR)
    first[starts[:-1]] = 1
    return first


def starts_of(order: RowArray) -> RowArray:
    """Return where each run of equal numbers starts, and at the end how many numbers there are."""
    edges = np.flatnonzero(order[1:] != order[:-1]) + 1
    first = np.zeros(min(len(order), 1), dtype=ROW)
    return np.concatenate((first, edges, [len(order)])).astype(ROW)


@final
class OrderBlock:
    """Consecutive lines of whole orders, as columns.

    Attributes
    ----------
    member : int32 [n]
        Index of the credited member; the number of members for a guest.
    starts : int64 [orders + 1] or None
        Where each order's lines start; None where every order has one line.
    """

    __slots__ = ("_buyer", "member", "rows", "setting", "starts")

    def __init__(self, setting: Setting, rows: slice | RowArray) -> None:
        self.setting = setting
        self.rows = rows
        self.member: IndexArray = self._cut(setting.facts.member_index)
        orders = setting.facts.orders
        self.starts: RowArray | None = None
        if orders.order_of_row is not None:
            self.starts = starts_of(self._cut(orders.order_of_row))

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.member)

    @property
    def n_orders(self) -> int:
        """Return the number of orders."""
        return len(self.member) if self.starts is None else len(self.starts) - 1

    @property
    def decimals(self) -> int:
        """Return the decimals of the currency."""
        return self.setting.currency.decimals

    @property
    def facts(self) -> Facts:
        """Return the facts that the lines are part of."""
        return self.setting.facts

    def _cut(self, values: AnyArray) -> Any:
        return values[self.rows] if isinstance(self.rows, slice) else np.take(values, self.rows)

    @property
    def row_numbers(self) -> RowArray:
        """Return the lines' row numbers among all orders' lines."""
        if isinstance(self.rows, slice):
            return np.arange(*self.rows.indices(len(self.facts.orders)), dtype=ROW)
        return self.rows

    def buyer(self) -> IndexArray | None:
        """Return the buyers' indices, -1 where unknown; None where orders name no buyers."""
        found = self.facts.buyer_index
        return None if found is None else self._cut(found)

    def column(self, name: str) -> Column:
        """Return an order column of these lines."""
        return self.facts.order_column(name).take(self.rows)

    def amounts_of(self, name: str) -> tuple[MinorArray, int, int]:
        """Return a column as integers, its decimals, and a bound of its absolute values."""
        values, decimals, bound = self.facts.amounts_of(name)
        return self._cut(values), decimals, bound

    def amounts(self, name: str) -> MinorArray:
        """Return a money, volume or count column of these lines in its smallest unit."""
        return self.amounts_of(name)[0]

    def money(self, name: str, purpose: str) -> MinorArray:
        """Return a money column of these lines in minor units of the plan's currency.

        Raises
        ------
        OrdersError
            The column is not money, or has other decimals; `purpose` says what needed it.
        """
        column = self.facts.order_column(name)
        if not isinstance(column, Amounts) or column.decimals != self.decimals:
            raise OrdersError(
                f"orders column {name!r}",
                f"is not money of the plan's currency, as {purpose} needs",
                value=type(column).__name__,
                hint=f"Read it as money: Orders.from_records(..., money=({name!r},))",
            )
        values: MinorArray = self._cut(column.values)
        return values

    def codes(self, name: str) -> tuple[IndexArray, tuple[Any, ...]]:
        """Return a category column of these lines: codes (-1 for null) and the values they point to."""
        column = self.facts.category(name)
        return self._cut(column.codes), column.values

    def order_of_line(self) -> RowArray | None:
        """Return for each line the number of its order in the block; None where each order has one line."""
        if self.starts is None:
            return None
        return np.repeat(np.arange(self.n_orders, dtype=ROW), np.diff(self.starts))

    def order_sum(self, values: MinorArray) -> MinorArray:
        """Return for each line the sum of `values` over its order, saturated where 64 bits are too few."""
        if self.starts is None or len(self) == 0:
            return values
        tally = Tally(self.n_orders)
        tally.add(self.order_of_line(), values)  # type: ignore[arg-type]  # orders have several lines here
        return np.repeat(tally.saturated(), np.diff(self.starts))

    def first_orders(self) -> FlagArray:
        """Return for each line whether its order is its buyer's first among the facts."""
        marks = self.facts.keep(
            ("first orders", self.setting.anchor), lambda: _first_orders(self.facts, self.setting.anchor)
        )
        return self._cut(marks)  # type: ignore[no-any-return]  # what is kept is what was made


def _first_orders(facts: Facts, anchor: str | None) -> FlagArray:
    if anchor is None:
        raise PlanError(
            "Where(first_order=True)",
            "needs to know the time of an order",
            hint='Name it: Plan(anchor="paid_at")',
        )
    who = facts.member_index if facts.buyer_index is None else facts.buyer_index
    known = np.flatnonzero((who >= 0) & (who < len(facts.tree)))
    when = facts.orders.instants(anchor).values[known]
    # Rows are sorted by order id, so the row number breaks ties of time.
    ranked = known[np.lexsort((known, when, who[known]))]
    first = ranked[np.flatnonzero(np.diff(who[ranked], prepend=-1))]
    marks = np.zeros(len(who), dtype=FLAG)
    order = facts.orders.order_of_row
    if order is None:
        marks[first] = True
    else:
        marks[:] = np.isin(order, order[first])
    return marks
