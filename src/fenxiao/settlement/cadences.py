"""Runs of several cadences: which part of the state each reads, and what it takes from each order."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from fenxiao import audit
from fenxiao._arrays import FLAG, MINOR, FlagArray, MinorArray
from fenxiao.errors import StateError
from fenxiao.lines import batches_of
from fenxiao.margin import OF_PERIOD
from fenxiao.margin.groups import column_sums, orders_of
from fenxiao.money import ration
from fenxiao.periods import period_key
from fenxiao.settlement.wide import put_off, split_of, terms_of
from fenxiao.taken import Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.lines import GuardedBlock, LineTerms, OrderRun, WideSplit
    from fenxiao.margin import WideOutcome
    from fenxiao.plan import Plan
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting
    from fenxiao.state import State

_EPOCH: Final = date(1970, 1, 1).toordinal()


def share_of(state: State, plan: Plan, due: Plan) -> State:
    """Return the part of a state that a run reads: without what belongs to policies of other cadences.

    Parameters
    ----------
    plan, due : the plan, and the part of it that is settled
    """
    if due is plan:
        return state
    mine = _belonging(state, plan, due, mine=True)
    return attrs.evolve(state, **mine | {"pots": dict(mine["pots"])})


def rejoined(after: State, before: State, plan: Plan, due: Plan) -> State:
    """Return a run's state with what it did not read put back, in an order that tells nothing of the runs.

    Parameters
    ----------
    after : the state as the run left its own part
    before : the whole state of the run before
    plan, due : the plan, and the part of it that was settled
    """
    if due is plan:
        return after
    kept = _belonging(before, plan, due, mine=False)
    policies = {policy.name: place for place, policy in enumerate(plan.policies)}
    ladders = {each.name: place for place, each in enumerate(plan.qualifications)}
    return attrs.evolve(
        after,
        deferred=[*kept["deferred"], *after.deferred],
        pots=dict(sorted((*kept["pots"], *after.pots.items()), key=lambda pot: policies[pot[0]])),
        carries=sorted((*kept["carries"], *after.carries), key=lambda carry: policies[carry.policy]),
        standings=sorted((*kept["standings"], *after.standings), key=lambda each: ladders[each.ladder]),
    )


def _belonging(state: State, plan: Plan, due: Plan, *, mine: bool) -> dict[str, list[Any]]:
    """Return what of a state belongs to the policies of a run, or else to those of other cadences."""
    policies = {policy.name for policy in plan.policies} - {policy.name for policy in due.policies}
    ladders = {each.name for each in plan.qualifications} - {each.name for each in due.qualifications}
    return {
        "deferred": [entry for entry in state.deferred if (entry.policy not in policies) == mine],
        "carries": [carry for carry in state.carries if (carry.policy not in policies) == mine],
        "pots": [pair for pair in state.pots.items() if (pair[0] not in policies) == mine],
        "standings": [each for each in state.standings if (each.ladder not in ladders) == mine],
    }


def check_open(setting: Setting, plan: Plan) -> None:
    """Refuse a run of what is due per order on orders whose periods have all been settled.

    Of these the state no longer knows what was taken from their margins.

    Raises
    ------
    StateError
        There are such orders.
    """
    if setting.period is not None or len(plan.cadences) < 2:
        return
    closed = np.flatnonzero(_closed(setting.everything, plan, setting.before.settled))
    if len(closed):
        raise StateError(
            "State",
            "has settled all periods of some orders before what is due per order",
            allowed="orders of which a period is still to be settled",
            hint="Pass the new orders only, and settle them before their last period",
            rows=setting.facts.orders.caller_rows(setting.everything.row_numbers[closed]),
        )


def _closed(block: OrderBlock, plan: Plan, settled: Sequence[str]) -> FlagArray:
    """Return for each line whether every period of its date in which policies are due has been settled."""
    if len(block) == 0:
        return np.zeros(0, dtype=FLAG)
    of_line = block.local_days("a plan with cadences")
    days = np.unique(of_line)
    done, kinds = set(settled), [kind for kind in plan.cadences if kind != "order"]
    dates = [date.fromordinal(_EPOCH + int(each)) for each in days]
    closed = [all(period_key(each, kind) in done for kind in kinds) for each in dates]
    return np.array(closed, dtype=FLAG)[np.searchsorted(days, of_line)]


def taken_after(
    run: OrderRun, plan: Plan, due: Plan, wide: WideOutcome | None, order_pay: int, settled: Sequence[str]
) -> Taken | None:
    """Return what all runs up to this one took from orders' margins; None where nobody needs to know.

    An order gives what its own lines are paid. What the period's claims use, what caps defer and what empty
    pools carry over is first of all to pay of what was carried over before and of the funds; the rest is
    divided among the run's orders by what each handed over, with largest remainders, ties by order id. Orders
    whose periods have all been settled are left out.

    Parameters
    ----------
    plan, due : the plan, and the part of it that was settled
    order_pay : what claims on orders are paid, by the totals of members
    settled : keys of the periods that have been settled, this one included

    Raises
    ------
    InvariantError
        The second check finds that an order gave more than its margin.
    """
    block = run.setting.everything
    known = run.setting.before.taken
    if len(plan.cadences) < 2 or len(block) == 0:
        return known
    terms, split = terms_of(run.setting.facts, due, run.setting.period), split_of(run, due, wide)
    found = [
        (guarded.budget.by_order, guarded.budget.net_by_order, _order_pay(guarded, terms, split))
        for guarded in run
    ]
    budget, margins, pay = (np.concatenate(columns) for columns in zip(*found, strict=True))
    beside = 0
    if wide is not None:
        carried_on = sum(wide.state.pots.values())
        beside = wide.pay(OF_PERIOD) + put_off(wide, run.setting.before) + carried_on - wide.from_pots
    charge = max(beside - run.setting.facts.fund_total(), 0)
    before = block.taken()
    before = np.zeros(len(pay), dtype=MINOR) if before is None else before
    after = before + pay + ration(budget - pay, charge)
    audit.check_taken(before, after, margins, order_pay + charge)
    open_orders = orders_of(block).sums((~_closed(block, plan, settled)).astype(MINOR)) > 0
    first = block.row_numbers if block.starts is None else block.row_numbers[block.starts[:-1]]
    entries = Taken(order_ids=[], minor=[]) if known is None else known
    ids = run.setting.facts.orders.order_id.values[first]
    return entries.followed_by(ids, np.where(open_orders, after, MINOR(0)))


def _order_pay(guarded: GuardedBlock, terms: LineTerms, split: WideSplit | None) -> MinorArray:
    """Return what each order of a block pays for its lines (int64 [orders])."""
    block, rows = guarded.block, guarded.block.row_numbers
    by_line = np.zeros(len(block), dtype=MINOR)
    if split is None:
        for sheet in guarded.sheets:
            by_line += column_sums(sheet.allowed, sheet.bound)
    else:
        for batch in batches_of(guarded, terms, split):
            np.add.at(by_line, np.searchsorted(rows, batch.order_row), batch.allowed)
    return orders_of(block).sums(by_line)
