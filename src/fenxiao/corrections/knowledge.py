"""Which facts a period is settled on: what a plan's refunds make of what became known later."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG
from fenxiao.changes import ADJUSTMENT, Changes
from fenxiao.errors import UnsupportedError
from fenxiao.orders.keys import first_and_last
from fenxiao.orders.reinstating import in_force
from fenxiao.periods.zones import day_start, zone_of

if TYPE_CHECKING:
    from fenxiao.facts import Facts
    from fenxiao.orders import Orders
    from fenxiao.periods import Period
    from fenxiao.plan import Plan

_KNOWN: Final = "known_at"


@final
@attrs.frozen(eq=False)
class Knowledge:
    """What a period is settled on.

    Attributes
    ----------
    facts : Facts
        What counts for everything.
    later : Changes
        Money that went back and of which only the changed orders' own lines know.
    """

    facts: Facts
    later: Changes

    @classmethod
    def of(cls, facts: Facts, plan: Plan, period: Period | None) -> Knowledge:
        """Return what a plan's refunds make of all facts that are known now.

        Raises
        ------
        UnsupportedError
            A horizon, and no period whose end it counts from.
        """
        refunds, orders = plan.refunds, facts.orders
        days = refunds.horizon_days
        # What was reinstated by now never went back.
        changes, _ = in_force(orders.sold.order_id, orders.sold.line, orders.changes)
        back = changes.kind != ADJUSTMENT
        if refunds.rule == "pro_rata" and period is not None:
            # What went back before the period ended never counted: no pair was made of it.
            back &= changes.known_at >= period.instants(str(plan.zone))[1]
        nothing = changes.take(np.zeros(len(changes), dtype=FLAG))
        if days is None:
            if refunds.rule == "recompute" or not back.any():
                return cls(facts, nothing)
            rest = orders.sold.after(changes.take(~back))
            return cls(facts.with_orders(rest), nothing if refunds.rule == "none" else changes.take(back))
        if period is None or plan.zone is None:
            raise UnsupportedError(
                "correct",
                "cannot close a run that has no period",
                value=f"horizon_days={days}",
                hint="Settle periods: settle(facts, plan, period=month(2026, 10))",
            )
        # The first instant at which nothing more is taken in.
        closed = day_start(period.end + timedelta(days=days), zone_of(plan.zone))
        sold, changes = _seen(orders, closed)
        late = changes.known_at >= closed
        if len(sold) == len(orders.sold) and not late.any():
            return cls(facts, nothing)
        own_lines = late & (changes.kind != ADJUSTMENT) & (refunds.rule != "recompute")
        return cls(facts.with_orders(sold.after(changes.take(~late))), changes.take(own_lines))


def _seen(orders: Orders, closed: int) -> tuple[Orders, Changes]:
    """Return the orders, as they were sold, that were known before a period closed, and their changes."""
    sold, changes = orders.sold, orders.changes
    if _KNOWN not in sold.names:
        return sold, changes
    seen = sold.instants(_KNOWN).values < closed
    if seen.all():
        return sold, changes
    kept = sold.take(seen)
    low, high = first_and_last(kept.order_id, changes.order_id)
    return kept, changes.take(low < high)
