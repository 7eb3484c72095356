"""The steps of a settlement: check, prepare, add up, run the wide caps, check again."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao import audit
from fenxiao._arrays import INDEX, NO_MEMBER, FlagArray, IndexArray, MinorArray
from fenxiao._kernels.tally import exact_add, exact_sum
from fenxiao.cells import keys_needed
from fenxiao.errors import OrdersError, PlanError, TimeError
from fenxiao.lines import OrderRun, OrderTotals, Sums
from fenxiao.margin import Cells
from fenxiao.policies.base import PeriodPolicy
from fenxiao.policies.setting import Setting

if TYPE_CHECKING:
    from fenxiao.facts import Facts
    from fenxiao.lines import GuardedBlock
    from fenxiao.periods import Period
    from fenxiao.plan import Plan
    from fenxiao.state import State


def check_currency(facts: Facts, plan: Plan) -> None:
    """Check that the orders are in the plan's currency.

    Raises
    ------
    OrdersError
        They are in another one or have other decimals.
    """
    orders, currency = facts.orders, plan.currency
    if orders.currency is not None and orders.currency != currency:
        raise OrdersError(
            "orders",
            "are in another currency than the plan",
            value=orders.currency.code,
            allowed=currency.code,
            hint="Convert them before, with dated exact rates",
        )
    if orders.decimals != currency.decimals:
        raise OrdersError(
            "orders",
            "have other decimals than the plan's currency",
            value=orders.decimals,
            allowed=str(currency.decimals),
            hint=f"Read them with currency={currency.code!r}",
        )


def whole_setting(facts: Facts, plan: Plan, before: State) -> Setting:
    """Return all orders of the facts, with what the plan says of them; nothing is checked."""
    return Setting(
        facts=facts,
        currency=plan.currency,
        rows=slice(0, len(facts.orders)),
        anchor=plan.anchor,
        zone=plan.zone,
        qualifications=plan.qualifications,
        policies=plan.policies,
        attribution=plan.attribution,
        source_limits=plan.source_limits,
        before=before,
    )


def setting_of(facts: Facts, plan: Plan, period: Period | None, before: State) -> Setting:
    """Check that facts and plan fit, and find the order lines of the period.

    Parameters
    ----------
    before : the state of the run before

    Raises
    ------
    OrdersError
        The orders are in another currency or lack the plan's anchor.
    PlanError
        A period is given and the plan names no anchor.
    TimeError
        The lines of one order lie in different periods.
    """
    check_currency(facts, plan)
    orders = facts.orders
    if plan.anchor is not None and len(orders):
        orders.instants(plan.anchor)
    whole = whole_setting(facts, plan, before)
    if period is None:
        return whole
    if plan.anchor is None or plan.zone is None:
        raise PlanError(
            "plan",
            "names no time that puts orders into periods",
            hint='Pass Plan(anchor="paid_at", zone="Asia/Shanghai")',
        )
    if len(orders) == 0:
        return attrs.evolve(whole, period=period)
    inside = period.contains(orders.instants(plan.anchor).values, plan.zone)
    if orders.order_of_row is not None:
        _check_whole_orders(facts, inside, plan.anchor)
    rows = slice(0, len(orders)) if inside.all() else np.flatnonzero(inside)
    return attrs.evolve(whole, rows=rows, period=period)


def _check_whole_orders(facts: Facts, inside: FlagArray, anchor: str) -> None:
    order = facts.orders.order_of_row
    same = order[1:] == order[:-1]  # type: ignore[index]  # the caller has checked it
    split = np.flatnonzero(same & (inside[1:] != inside[:-1]))
    if len(split):
        raise TimeError(
            f"orders column {anchor!r}",
            "puts lines of one order into different periods",
            hint="Give all lines of an order one time",
            rows=facts.orders.caller_rows(split),
        )


@final
@attrs.frozen(eq=False, kw_only=True)
class Added:
    """Order claims of a run, added up: what merging needs.

    ``allowed`` holds int64 [members] by policy, None for nothing; ``cells`` the same as what wide caps cut,
    None where nothing cuts claims on orders once more.
    """

    allowed: tuple[MinorArray | None, ...]
    cells: Cells | None
    sums: Sums

    def told_by(self, facts: Facts, others: Facts) -> Added:
        """Return the same sums of `facts`, with members and categories numbered as `others` number them."""
        member = others.tree.indices(facts.tree.ids)
        back = np.empty_like(member)
        back[member] = np.arange(len(member), dtype=INDEX)
        cells = self.cells
        if cells is not None:
            keys = {name: _recoded(name, codes, facts, others, member) for name, codes in cells.keys.items()}
            cells = attrs.evolve(cells, payee=member[cells.payee], keys=keys)
        return attrs.evolve(
            self,
            allowed=tuple(None if column is None else column[back] for column in self.allowed),
            cells=cells,
        )

    def plus(self, other: Added) -> Added:
        """Return both together."""
        cells = None
        if self.cells is not None and other.cells is not None:
            cells = Cells.joined([self.cells, other.cells])
        return Added(
            allowed=tuple(_plus(a, b) for a, b in zip(self.allowed, other.allowed, strict=True)),
            cells=cells,
            sums=self.sums.plus(other.sums),
        )


def _recoded(name: str, codes: IndexArray, facts: Facts, others: Facts, member: IndexArray) -> IndexArray:
    if name == "source":
        # Guests are nobody's source: -1 stays -1.
        return np.append(member, INDEX(NO_MEMBER))[codes]
    if name == "level":
        return codes
    place = {value: code for code, value in enumerate(others.category(name).values)}
    return np.array([place[value] for value in facts.category(name).values], dtype=INDEX)[codes]


def _plus(left: MinorArray | None, right: MinorArray | None) -> MinorArray | None:
    if left is None or right is None:
        return right if left is None else left
    return exact_add((left, right), len(left), "a member's total")


def needs_cells(plan: Plan, state: State) -> bool:
    """Return whether anything cuts claims on orders once more, payee by payee."""
    return bool(state.deferred) or any(not cap.in_order for cap in plan.caps)


def needs_wide(plan: Plan, state: State) -> bool:
    """Return whether anything looks at more than single orders."""
    return needs_cells(plan, state) or any(isinstance(policy, PeriodPolicy) for policy in plan.policies)


def verify(guarded: GuardedBlock, plan: Plan) -> None:
    """Check a block again, by other arithmetic.

    Raises
    ------
    InvariantError
        The second check contradicts the guard.
    """
    audit.check_block(
        guarded.block,
        guarded.sheets,
        plan.margin,
        plan.caps,
        tuple(policy.name for policy in plan.policies),
        line_margins=guarded.budget.by_line,
        budgets=guarded.budget.by_order,
    )


def add_up(run: OrderRun, plan: Plan, *, cells: bool, workers: int) -> Added:
    """Settle every order by itself, verify each block, and add up.

    How many lines credit one member is first guessed, as counting would cost a pass; where the sums show
    that the guess was too low, it is counted and all is added up again.

    Raises
    ------
    InvariantError
        The second check contradicts the guard.
    """
    totals = _totals(run, plan, run.setting.usual_lines(), cells=cells, workers=workers)
    if not totals.sound():
        totals = _totals(run, plan, run.setting.most_lines(), cells=cells, workers=workers)
    sums = totals.sums
    added = Added(
        allowed=tuple(map(totals.allowed, range(len(plan.policies)))),
        cells=totals.cells() if cells else None,
        sums=sums,
    )
    by_member = sum(exact_sum(column) for column in added.allowed if column is not None)
    audit.check_totals(by_member, sums.pay, sums.budget, sums.claimed, sum(sums.taken.values()))
    return added


def _totals(run: OrderRun, plan: Plan, most: int, *, cells: bool, workers: int) -> OrderTotals:
    """Go through all blocks once; `most` is how many lines credit one member at the most."""
    by_rate_of_paid = plan.margin.of is not None and plan.margin.of.as_data() == "paid"
    totals = OrderTotals(
        len(run.setting.facts.tree),
        len(plan.policies),
        keys_needed(plan.caps) if cells else (),
        most=most,
        margin_may_exceed_paid=not by_rate_of_paid,
    )

    def verified(guarded: GuardedBlock) -> tuple[GuardedBlock]:
        verify(guarded, plan)
        return (guarded,)

    for guarded in run.each_block(verified, workers):
        totals.add(guarded)
    for place in range(len(plan.policies)):
        totals.allowed(place)
    return totals


def losses_of(plan: Plan, sums: Sums) -> int:
    """Return the losses that lower what the period may use."""
    return sums.budget - sums.net if plan.margin.losses == "offset" else 0
