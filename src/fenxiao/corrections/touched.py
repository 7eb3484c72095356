"""Which orders a correction has to look at, where the facts before are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao._arrays import FLAG, MINOR_MIN
from fenxiao.orders import Orders
from fenxiao.orders.assembly import take
from fenxiao.orders.keys import expanded, first_and_last
from fenxiao.periods import Period

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray
    from fenxiao._labels import Labels
    from fenxiao.facts import Facts
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


def touched_in(then: Facts, now: Facts, plan: Plan, key: str) -> Labels:
    """Return the ids of changed orders that what a period pays may depend on.

    These are the orders of the period; where a plan looks at more than single orders, such as at who bought
    before, also those of the time before it.
    """
    ids = now.orders.touched_since(then.orders)
    if not key or not len(ids) or plan.anchor is None or plan.zone is None:
        return ids
    start, end = Period.parse(key).instants(plan.zone)
    if not plan.is_order_local:
        start = MINOR_MIN
    seen = np.zeros(len(ids), dtype=FLAG)
    for orders in (then.orders, now.orders):
        seen |= _within(orders, ids, plan.anchor, start, end)
    return ids.take(np.flatnonzero(seen))


def sub_facts(then: Facts, now: Facts, ids: Labels) -> tuple[Facts, Facts]:
    """Return facts with some of their orders, as they were and as they are, as if they had been sold so."""
    rows = now.orders.rows_of(ids)
    others = rows if then.orders.order_id is now.orders.order_id else then.orders.rows_of(ids)
    before, after = (
        facts.with_orders(Orders(**take(facts.orders.parts(), its)))
        for facts, its in ((then, others), (now, rows))
    )
    return before, after


def _within(orders: Orders, ids: Labels, anchor: str, start: int, end: int) -> FlagArray:
    """Return which orders have a line in a half-open range of instants."""
    low, high = first_and_last(orders.order_id, ids)
    found = np.zeros(len(ids), dtype=FLAG)
    if len(orders):
        owner = np.repeat(np.arange(len(ids)), high - low)
        times = orders.instants(anchor).values[expanded(low, high)]
        found[owner[(times >= start) & (times < end)]] = True
    return found
