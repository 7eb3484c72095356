"""Order lines as blocks of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np

from fenxiao._arrays import MINOR, ROW, IndexArray, MinorArray, RowArray
from fenxiao._columns import Amounts, Column
from fenxiao._kernels.tally import Tally
from fenxiao.errors import OrdersError, PlanError
from fenxiao.periods import local_days

if TYPE_CHECKING:
    from fenxiao._arrays import AnyArray, FlagArray, InstantArray
    from fenxiao.facts import Facts
    from fenxiao.policies.setting import Setting


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
        return self.setting.order_column(name).take(self.rows)

    def amounts_of(self, name: str) -> tuple[MinorArray, int, int]:
        """Return a column as integers, its decimals, and a bound of its absolute values."""
        values, decimals, bound = self.setting.amounts_of(name)
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
        column = self.setting.order_column(name)
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

    def taken(self) -> MinorArray | None:
        """Return what earlier runs took from the margin of each order (int64 [orders]); None for nothing."""
        taken = self.setting.before.taken
        if taken is None:
            return None
        of_line = self._cut(self.setting.keep("taken", lambda: taken.of(self.facts.orders.order_id)))
        return of_line if self.starts is None else of_line[self.starts[:-1]]  # type: ignore[no-any-return]  # what is kept is what was made

    def order_sum(self, values: MinorArray) -> MinorArray:
        """Return for each line the sum of `values` over its order, saturated where 64 bits are too few."""
        if self.starts is None or len(self) == 0:
            return values
        tally = Tally(self.n_orders)
        tally.add(self.order_of_line(), values)  # type: ignore[arg-type]  # orders have several lines here
        return np.repeat(tally.saturated(), np.diff(self.starts))

    def order_times(self) -> InstantArray | None:
        """Return each line's time for finding its upline: that of its order; None at the period's end.

        An order is as old as its oldest line, by the plan's anchor.
        """
        setting = self.setting
        if setting.anchor is None or not setting.at_order_time:
            return None
        times: InstantArray = self._cut(self.facts.orders.instants(setting.anchor).values)
        if self.starts is None or not len(times):
            return times
        return np.repeat(np.minimum.reduceat(times, self.starts[:-1]), np.diff(self.starts))

    def local_days(self, purpose: str) -> InstantArray:
        """Return each line's local date by the plan's anchor, as days since 1970-01-01.

        Raises
        ------
        PlanError
            The plan names no anchor and zone; `purpose` says what needed them.
        """
        anchor, zone = self.setting.anchor, self.setting.zone
        if anchor is None or zone is None:
            raise PlanError(
                purpose,
                "needs to know the time of an order",
                hint='Name it: Plan(anchor="paid_at", zone="Asia/Shanghai")',
            )
        days = self.facts.keep(
            ("days", anchor, zone), lambda: local_days(self.facts.orders.instants(anchor).values, zone)
        )
        return self._cut(days)  # type: ignore[no-any-return]  # what is kept is what was made

    def first_orders(self) -> FlagArray:
        """Return for each line whether its order is its buyer's first among the facts."""
        facts, purpose = self.facts, "Where(first_order=True)"
        who = facts.member_index if facts.buyer_index is None else facts.buyer_index
        before = facts.keep(
            ("orders before, buyers", self.setting.anchor),
            lambda: _orders_before(facts, self.setting.anchor, who, purpose),
        )
        first: FlagArray = self._cut(before) == 0
        return first

    def early_orders(self, first: int, purpose: str) -> FlagArray:
        """Return for each line whether its order is one of its credited member's first so many."""
        facts = self.facts
        before = facts.keep(
            ("orders before, members", self.setting.anchor),
            lambda: _orders_before(facts, self.setting.anchor, facts.member_index, purpose),
        )
        place = self._cut(before)
        early: FlagArray = (place >= 0) & (place < first)
        return early


def _orders_before(facts: Facts, anchor: str | None, who: IndexArray, purpose: str) -> MinorArray:
    """Return for each line how many orders of the same person came before its own; -1 for nobody's lines.

    Orders go by the anchor time, then by order id.
    """
    if anchor is None:
        raise PlanError(purpose, "needs to know the time of an order", hint='Name it: Plan(anchor="paid_at")')
    known = np.flatnonzero((who >= 0) & (who < len(facts.tree)))
    when = facts.orders.instants(anchor).values
    order = facts.orders.order_of_row
    if order is not None and len(order):
        # An order is as old as its oldest line.
        starts = starts_of(order)
        when = np.repeat(np.minimum.reduceat(when, starts[:-1]), np.diff(starts))
    number = known if order is None else order[known]
    # Rows are sorted by order id, so the order's number breaks ties of time.
    ranked = np.lexsort((number, when[known], who[known]))
    person, its = who[known][ranked], number[ranked]
    new_person = np.diff(person, prepend=-1) != 0
    opened = np.cumsum(new_person | (np.diff(its, prepend=-1) != 0))
    before = np.full(len(who), -1, dtype=MINOR)
    before[known[ranked]] = opened - np.maximum.accumulate(np.where(new_person, opened, 0))
    return before
