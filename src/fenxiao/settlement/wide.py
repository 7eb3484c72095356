"""What looks at more than single orders: period policies and the wide caps, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao import audit
from fenxiao._arrays import INDEX, MINOR, ROW, MinorArray
from fenxiao._kernels.tally import Tally, exact_add, exact_sum
from fenxiao.cells import keys_needed
from fenxiao.lines import NO_CUT, NO_ORDER, CutBatch, LineBatch, LineTerms, WideSplit, withheld_totals
from fenxiao.margin import OF_ORDERS, OF_PERIOD, RELEASED, Cells, WideGuard, WideOutcome
from fenxiao.policies.base import PeriodPolicy, PeriodView
from fenxiao.settlement.steps import losses_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fenxiao._arrays import IndexArray
    from fenxiao.facts import Facts
    from fenxiao.lines import OrderRun
    from fenxiao.periods import Period
    from fenxiao.plan import Plan
    from fenxiao.settlement.steps import Added
    from fenxiao.state import State
    from fenxiao.volumes import Carry


def run_wide(
    run: OrderRun, plan: Plan, added: Added, state: State
) -> tuple[WideOutcome, dict[int, PeriodView]]:
    """Run period policies and the wide caps, stage by stage, then period and company.

    Returns
    -------
    The outcome, and what the period policies of each stage saw.

    Raises
    ------
    CapRejectedError
        A cap with ``rule="reject"`` is exceeded.
    StateError
        The state knows policies or members that are not there.
    InvariantError
        The second check contradicts the guard.
    """
    stages = tuple(policy.stage for policy in plan.policies)
    periodic = tuple(isinstance(policy, PeriodPolicy) for policy in plan.policies)
    names = tuple(policy.name for policy in plan.policies)
    cells = added.cells if added.cells is not None else Cells.empty(keys_needed(plan.caps))
    setting = run.setting
    # Where nothing cuts them once more, claims on orders count with their sum alone.
    order_pay = added.sums.pay if added.cells is None else 0
    guard = WideGuard(setting, plan.caps, plan.margin, names, stages, periodic, state, cells, order_pay)
    views: dict[int, PeriodView] = {}
    credited: dict[str, MinorArray] = {}
    for stage in sorted(set(stages)):
        for place, policy in enumerate(plan.policies):
            if policy.stage == stage and isinstance(policy, PeriodPolicy):
                if stage not in views:
                    views[stage] = _view(run, plan, added, guard, stage, dict(credited))
                if policy.credits_only():
                    credited[policy.name] = _credited(policy, views[stage])
                else:
                    guard.extend(_period_cells(policy, place, views[stage], guard))
        guard.run_stage(stage)
    sums, funds = added.sums, setting.facts.fund_total()
    budget = sums.budget - losses_of(plan, sums)
    guard.run_period(budget + funds)
    guard.run_company()
    outcome = guard.finish(budget + funds, _left_over(plan, views))
    handed = budget - outcome.pay(OF_ORDERS)
    audit.check_period(outcome.pay(OF_PERIOD), handed, funds, _paid_of_pots(outcome, names, state))
    audit.check_wide(setting, plan.caps, names, stages, outcome.cells, outcome.allowed, state)
    return outcome, views


def _paid_of_pots(outcome: WideOutcome, names: tuple[str, ...], state: State) -> list[tuple[int, int]]:
    """Return of each pot that was carried over how much it brought, and what its policy pays."""
    on_period, policy = outcome.kind == OF_PERIOD, outcome.cells.policy
    return [
        (pot, exact_sum(outcome.allowed[on_period & (policy == names.index(name))]))
        for name, pot in state.pots.items()
    ]


def _left_over(plan: Plan, views: Mapping[int, PeriodView]) -> dict[str, int]:
    """Return what policies could give nobody and carry over, in plan order."""
    found = {
        policy.name: policy.left_over(views[policy.stage])
        for policy in plan.policies
        if isinstance(policy, PeriodPolicy)
    }
    return {name: amount for name, amount in found.items() if amount}


_WIDTH: Final = 1 << 16


def terms_of(facts: Facts, plan: Plan, period: Period | None) -> LineTerms:
    """Return what the numbers in lines stand for."""
    return LineTerms(
        facts=facts,
        currency=plan.currency,
        policies=tuple(policy.name for policy in plan.policies),
        stages=tuple(policy.stage for policy in plan.policies),
        caps=plan.caps,
        earning_period="" if period is None else str(period),
    )


def split_of(run: OrderRun, plan: Plan, wide: WideOutcome | None) -> WideSplit | None:
    """Return the split of wide cuts to order lines; None where nothing was cut."""
    if wide is None or not (wide.allowed < wide.cells.amount)[wide.kind == OF_ORDERS].any():
        return None
    mine = np.flatnonzero(wide.kind == OF_ORDERS)
    rules = [*(cap.rule for cap in plan.caps), plan.margin.rule]
    return WideSplit.of(run, wide.cells.take(mine), wide.allowed[mine], wide.largest_cut[mine], rules, _WIDTH)


def put_off(wide: WideOutcome, before: State) -> int:
    """Return what caps newly deferred: what waits now, less what has gone on waiting."""
    waiting = sum(entry.amount for entry in before.deferred) - wide.pay(RELEASED)
    return sum(entry.amount for entry in wide.state.deferred) - waiting


def carried(plan: Plan, views: Mapping[int, PeriodView]) -> tuple[Carry, ...]:
    """Return the volumes that period policies leave for the next period."""
    found = (
        policy.carried(views[policy.stage]) for policy in plan.policies if isinstance(policy, PeriodPolicy)
    )
    return tuple(carry for carry in found if carry is not None)


def _view(
    run: OrderRun,
    plan: Plan,
    added: Added,
    guard: WideGuard,
    stage: int,
    credited: dict[str, MinorArray],
) -> PeriodView:
    """Return what period policies of a stage see: facts, and what earlier stages claimed and were allowed.

    Parameters
    ----------
    credited : by policy, what members are credited with that is not paid
    """
    size, cells = run.setting.size, guard.cells
    place_of = {policy.name: place for place, policy in enumerate(plan.policies) if policy.stage < stage}
    new, claimed = (
        np.where(guard.kind == RELEASED, MINOR(0), column) for column in (guard.allowed, cells.amount)
    )
    allowed = {name: pay_of(added, cells, new, place, size) for name, place in place_of.items()} | credited

    def claimed_of(name: str) -> MinorArray:
        if name in credited:
            return credited[name]
        # Cells hold what the caps inside orders left; what these took is added again.
        place = place_of[name]
        cut = withheld_totals(run, size, len(plan.policies))[place] if added.sums.taken else None
        columns = [pay_of(added, cells, claimed, place, size), *([] if cut is None else [cut])]
        return exact_add(columns, size, "a member's claims")

    return PeriodView(setting=run.setting, allowed=allowed, claimed_of=claimed_of)


def _period_cells(policy: PeriodPolicy, place: int, view: PeriodView, guard: WideGuard) -> Cells:
    """Return the claims of a period policy, which sees what earlier stages were allowed."""
    payee, amount = policy.checked_claims(view)
    if not amount.all():
        keep = np.flatnonzero(amount)
        payee, amount = payee[keep], amount[keep]
    none = np.full(len(payee), -1, dtype=INDEX)
    keys = dict.fromkeys(guard.cells.keys, none)
    cells = Cells(policy=np.full(len(payee), place, dtype=INDEX), payee=payee, keys=keys, amount=amount)
    # Most policies name each payee once, in order; then there is nothing to add up.
    return cells if (payee[1:] > payee[:-1]).all() else Cells.joined([cells])


def _credited(policy: PeriodPolicy, view: PeriodView) -> MinorArray:
    """Return what a policy credits members with that is not paid (int64 [members])."""
    payee, amount = policy.checked_claims(view)
    tally = Tally(view.setting.size)
    tally.add(payee, amount)
    return tally.sums(f"policy {policy.name!r}")


def by_member(cells: Cells, amounts: MinorArray, policy: int, size: int) -> MinorArray:
    """Return a policy's cells added up by member (int64 [members])."""
    mine = np.flatnonzero(cells.policy == policy)
    tally = Tally(size)
    tally.add(cells.payee[mine], amounts[mine])
    return tally.sums("a member's total")


def pay_of(added: Added, cells: Cells, amounts: MinorArray, policy: int, size: int) -> MinorArray:
    """Return what a policy pays by member (int64 [members]): of its cells, or what orders added up to."""
    of_orders = added.allowed[policy] if added.cells is None else None
    return by_member(cells, amounts, policy, size) if of_orders is None else of_orders


def orderless_lines(wide: WideOutcome, terms: LineTerms) -> Iterator[LineBatch]:
    """Yield lines without an order: claims on the period, then what is released."""
    for kind in (OF_PERIOD, RELEASED):
        mine = np.flatnonzero(wide.kind == kind)
        claimed, allowed = wide.cells.amount[mine], wide.allowed[mine]
        periods = None
        if kind == RELEASED:
            # What goes on waiting is no claim of this run.
            paid = np.flatnonzero(allowed)
            mine, claimed, allowed = mine[paid], allowed[paid], allowed[paid]
            periods = tuple(wide.earning_periods[number] for number in paid.tolist())
        cut = np.where(allowed < claimed, wide.largest_cut[mine], INDEX(NO_CUT))
        if len(mine):
            yield _orderless(terms, wide.cells.take(mine), claimed, allowed, cut, periods)


def wide_cuts(wide: WideOutcome, terms: LineTerms) -> Iterator[CutBatch]:
    """Yield what each wide cap took from whom, total by total."""
    for cut in wide.cuts:
        if len(cut.cell):
            cells = wide.cells.take(cut.cell)
            allowed = wide.allowed[cut.cell]
            place = np.full(len(cells), cut.cap, dtype=INDEX)
            lines = _orderless(terms, cells, cells.amount, allowed, place, None)
            yield CutBatch(lines=lines, cap=terms.cap_name(cut.cap, in_order=False), amount=cut.amount)


def _orderless(
    terms: LineTerms,
    cells: Cells,
    claimed: MinorArray,
    allowed: MinorArray,
    cut: IndexArray,
    periods: tuple[str, ...] | None,
) -> LineBatch:
    none = np.full(len(cells), NO_ORDER, dtype=ROW)
    return LineBatch(
        terms=terms,
        order_row=none,
        payee_index=cells.payee,
        policy_place=cells.policy,
        level=none.astype(INDEX),
        claimed=claimed,
        allowed=allowed,
        cut_of=lambda: cut,
        earning_periods=periods,
    )
