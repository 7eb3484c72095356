"""From order lines to members: own volumes and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fenxiao._arrays import (
    MINOR,
    FlagArray,
    IndexArray,
    InstantArray,
    MinorArray,
    RowArray,
    segment_sum,
)
from fenxiao._columns import Amounts, Categories, Column, Days, Numbers
from fenxiao._kernels.tally import exact_map
from fenxiao.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao.expressions import OrderSource
    from fenxiao.expressions.measures import Distinct, Own

    class OrderLines(OrderSource, Protocol):
        """The order lines that measures are computed from."""

        member: IndexArray

        def __len__(self) -> int:
            """Return the number of lines."""
            ...

        def amounts(self, name: str) -> MinorArray:
            """Return a money, volume or count column in its smallest unit."""
            ...

        def codes(self, name: str) -> tuple[IndexArray, tuple[Any, ...]]:
            """Return a category column: codes (-1 for null) and the values they point to."""
            ...

        def buyer(self) -> IndexArray | None:
            """Return the buyers' indices, -1 where unknown; None where orders name no buyers."""
            ...

        def order_of_line(self) -> RowArray | None:
            """Return for each line the number of its order; None where each order has one line."""
            ...

        def local_days(self, purpose: str) -> InstantArray:
            """Return each line's local date by the plan's anchor, as days since 1970-01-01."""
            ...


_ORDERS = "orders"
"""Counts orders instead of adding up a column."""


def own_volume(
    lines: OrderLines, measure: Own, members: int, member_column: Callable[[str], Column]
) -> Amounts | Numbers:
    """Return an order column summed by credited member.

    Raises
    ------
    OrdersError
        The column is missing, or neither money, volume nor a count.
    MoneyOverflowError
        A sum does not fit into 64 bits.
    """
    values, decimals = line_volumes(lines, measure, members, member_column)

    def credited(part: MinorArray) -> MinorArray:
        return segment_sum(part, lines.member, members + 1)[:members]

    sums = exact_map(values, credited, f"own volume {measure.name!r}")
    return Numbers(sums) if decimals is None else Amounts(sums, decimals)


def line_volumes(
    lines: OrderLines, measure: Own, members: int, member_column: Callable[[str], Column]
) -> tuple[MinorArray, int | None]:
    """Return what each line gives to an own volume (int64 [n]), and its decimals; None for counts.

    Raises
    ------
    OrdersError
        The column is missing, or neither money, volume nor a count.
    """
    chosen = _selected(lines, measure, members, member_column)
    if measure.name == _ORDERS:
        return _first_lines(lines, chosen), None
    values, column = lines.amounts(measure.name), lines.column(measure.name)
    decimals = column.decimals if isinstance(column, Amounts) else None
    return values if chosen is None else np.where(chosen, values, MINOR(0)), decimals


def _selected(
    lines: OrderLines, measure: Own, members: int, member_column: Callable[[str], Column]
) -> FlagArray | None:
    """Return which lines count, None for all."""
    chosen = None if measure.where is None else measure.where.mask(lines)
    if measure.first_days is not None:
        joined = member_column("joined")
        if not isinstance(joined, Days):
            raise ExpressionError(
                repr(measure),
                "needs the members' column 'joined' as dates",
                value=type(joined).__name__,
                hint="Give dates, such as date(2026, 10, 5)",
            )
        since = lines.local_days(repr(measure)) - np.append(joined.values, MINOR(0))[lines.member]
        fresh = (since >= 0) & (since < measure.first_days) & (lines.member < members)
        chosen = fresh if chosen is None else chosen & fresh
    return chosen


def _first_lines(lines: OrderLines, chosen: FlagArray | None) -> MinorArray:
    """Return 1 on the first chosen line that each order has of each credited member, 0 elsewhere."""
    order = lines.order_of_line()
    if order is None:
        return np.ones(len(lines), dtype=MINOR) if chosen is None else chosen.astype(MINOR)
    rows = np.arange(len(lines)) if chosen is None else np.flatnonzero(chosen)
    # Nobody's index is the number of members, so that the pairs are told apart.
    pairs = order[rows] * (MINOR(lines.member.max(initial=0)) + 1) + lines.member[rows]
    marks = np.zeros(len(lines), dtype=MINOR)
    marks[rows[np.unique(pairs, return_index=True)[1]]] = 1
    return marks


def count_distinct(lines: OrderLines, measure: Distinct, members: int) -> MinorArray:
    """Return how many values an order column has among each member's orders (int64 [members])."""
    codes, values = _codes(lines, measure, members)
    counts = (codes >= 0) & (lines.member < members)
    chosen = None if measure.where is None else measure.where.mask(lines)
    if chosen is not None:
        counts &= chosen
    rows = np.flatnonzero(counts)
    pairs = np.unique(lines.member[rows].astype(MINOR) * values + codes[rows])
    return np.bincount(pairs // values, minlength=members).astype(MINOR)


def _codes(lines: OrderLines, measure: Distinct, members: int) -> tuple[IndexArray, int]:
    """Return what is told apart on each line, -1 for nothing, and how many different values there can be."""
    if measure.name == "buyer":
        buyers = lines.buyer()
        if buyers is None:
            raise ExpressionError(repr(measure), "counts buyers and the orders name none", hint="Add 'buyer'")
        return buyers, max(members, 1)
    column = lines.column(measure.name)
    if not isinstance(column, Categories):
        raise ExpressionError(
            repr(measure),
            "counts a column that is none of names",
            value=type(column).__name__,
            hint=f"Declare it: Orders.from_records(..., categories=({measure.name!r},))",
        )
    return lines.codes(measure.name)[0], max(len(column.values), 1)
