"""Which orders a correction has to look at, where the facts before are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao._arrays import MINOR_MIN
from fenxiao.orders.comparing import rows_that_may_differ, touched_rows
from fenxiao.periods import Period
from fenxiao.policies.blocks import starts_of

if TYPE_CHECKING:
    from fenxiao._arrays import RowArray
    from fenxiao.facts import Facts
    from fenxiao.orders import Orders
    from fenxiao.plan import Plan

_FRAME: Final = ("tree", "members", "catalog", "events", "figures", "funds", "placements", "genealogy")
"""What facts are made of besides orders."""


def same_frame(then: Facts, now: Facts) -> bool:
    """Return whether facts share everything but their orders: the very same tables, not equal ones."""
    for name in _FRAME:
        one, other = getattr(then, name), getattr(now, name)
        if one is not other and not (isinstance(one, tuple) and one == other):
            return False
    return True


def touched_in(then: Facts, now: Facts, plan: Plan, key: str) -> tuple[RowArray, RowArray]:
    """Return the rows of changed orders that what a period pays may depend on: then, and now.

    These are the orders of the period; where a plan looks at more than single orders, such as at who bought
    before, also those of the time before it. Single orders are settled again also where it changes nothing,
    as that costs less than to compare them; a whole period is not.
    """
    find = rows_that_may_differ if plan.is_order_local else touched_rows
    rows, others = find(now.orders, then.orders)
    if not key or plan.anchor is None or plan.zone is None:
        return others, rows
    start, end = Period.parse(key).instants(plan.zone)
    if not plan.is_order_local:
        start = MINOR_MIN
    span = plan.anchor, start, end
    return _within(then.orders, others, *span), _within(now.orders, rows, *span)


def of_these(then: Facts, now: Facts, others: RowArray, rows: RowArray) -> tuple[Facts, Facts]:
    """Return facts with some of their orders, as they were and as they are, as if they had been sold so."""
    before = then.of_rows(others)
    same = np.array_equal(others, rows)
    return before, now.of_rows(rows, beside=(then, before) if same else None)


def _within(orders: Orders, rows: RowArray, anchor: str, start: int, end: int) -> RowArray:
    """Return the rows of those orders, given with all their lines, that have one in a range of instants."""
    if not len(rows):
        return rows
    times = orders.instants(anchor).values[rows]
    inside = (times >= start) & (times < end)
    if orders.order_of_row is not None:
        starts = starts_of(orders.order_of_row[rows])
        inside = np.repeat(np.logical_or.reduceat(inside, starts[:-1]), np.diff(starts))
    return rows[inside]
