"""`settle`, `quote` and `merge`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import ROW
from fenxiao.errors import InputError, MergeError, OrdersError, UnsupportedError, is_listing, what
from fenxiao.facts import Facts
from fenxiao.lines import OrderRun, batches_of, joined
from fenxiao.margin import OF_ORDERS
from fenxiao.money import Currency, format_minor, to_decimal
from fenxiao.orders import Orders
from fenxiao.periods import Period
from fenxiao.plan import Plan
from fenxiao.policies.blocks import OrderBlock
from fenxiao.settlement.cadences import check_open, rejoined, share_of, taken_after
from fenxiao.settlement.result import Settlement
from fenxiao.settlement.states import advanced, check_state, check_usage, counted_usage
from fenxiao.settlement.steps import (
    Added,
    add_up,
    check_currency,
    needs_cells,
    needs_wide,
    setting_of,
    verify,
    whole_setting,
)
from fenxiao.settlement.wide import carried, run_wide, terms_of
from fenxiao.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from fenxiao.lines import LineBatch
    from fenxiao.placement import Placement

    _Placements = tuple[tuple[str, Placement], ...]

_PREPARED: Final = "prepared for quotes"


def _checked(name: str, value: object, kind: type[Any], hint: str) -> None:
    if not isinstance(value, kind):
        raise InputError(name, what(value), allowed=kind.__name__, hint=hint)


def _checked_pair(facts: object, plan: object) -> None:
    _checked("facts", facts, Facts, "Pass Facts(tree=..., orders=...)")
    _checked("plan", plan, Plan, "Read data with Plan.from_dict(data)")


def settle(
    facts: Facts,
    plan: Plan,
    *,
    period: Period | None = None,
    state: State | None = None,
    workers: int = 1,
) -> Settlement:
    """Compute what a plan pays on the facts; payouts never exceed margins and caps.

    Parameters
    ----------
    facts : Facts
        The tree, the orders and what else the plan reads.
    plan : Plan
        What is paid and what limits it.
    period : Period, optional
        Settle the orders whose anchor time lies in it: ``month(2026, 10)``. All orders if left out. Of a
        plan with cadences the policies are settled that are due in periods of its kind, without a period
        those due per order.
    state : State, optional
        ``run.state`` of the run before; nothing was settled before if left out.
    workers : int
        Threads that settle blocks of orders ahead. The result is the same for any number; a policy of your
        own is then called from several threads.

    Returns
    -------
    Settlement
        Totals, and on request lines, statements, explanations and the margin report.

    Raises
    ------
    InputError
        Facts and plan do not fit; every subclass names the thing, its value and the next step.
    MoneyOverflowError
        A result does not fit into 64-bit minor units.
    CapRejectedError
        A cap with ``rule="reject"`` is exceeded.
    InvariantError
        The second check found the guard wrong. Nothing is returned.

    Examples
    --------
    >>> import fenxiao as fx
    >>> tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})
    >>> plan = fx.Plan(
    ...     currency="CNY",
    ...     margin=fx.Margin.rate("25%", of="paid"),
    ...     policies=[fx.LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company")],
    ... )
    >>> orders = fx.Orders.from_records([{"order_id": 1, "member": "cai", "paid": "100.00"}])
    >>> run = fx.settle(fx.Facts(tree=tree, orders=orders), plan)
    >>> print(run.statement("bo"))
    10.00: level 1 of order 1, 10 % of 100.00
    >>> print(run.margin_report())
    15.00 of 25.00 used, 10.00 kept
    """
    before = State() if state is None else state
    _check_arguments(facts, plan, period, before, workers)
    check_state(before, plan, period)
    check_usage(before, plan, facts)
    due = plan.due_in("order" if period is None else period.kind)
    share = share_of(before, plan, due)
    setting = setting_of(facts, due, period, share)
    check_open(setting, plan)
    setting.check_computed()
    run = OrderRun.prepare(setting, due.policies, due.margin, due.caps)
    added = add_up(run, due, cells=needs_cells(due, share), workers=workers)
    return _finished(run, added, plan, due, before)


def _check_arguments(facts: object, plan: object, period: object, state: object, workers: object) -> None:
    """Check that the arguments of a settlement are of the kinds that they should be."""
    _checked_pair(facts, plan)
    _checked("state", state, State, "Pass run.state of the run before")
    if period is not None:
        _checked("period", period, Period, "Pass month(2026, 10) or Period.parse(text)")
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InputError("workers", "is no number of threads", value=workers, allowed="1, 2, 3, ...")


def _finished(run: OrderRun, added: Added, plan: Plan, due: Plan, before: State) -> Settlement:
    """Run what looks at more than single orders, and wrap up."""
    setting, share = run.setting, run.setting.before
    wide, views = run_wide(run, due, added, share) if needs_wide(due, share) else (None, {})
    after = share if wide is None else attrs.evolve(wide.state, carries=carried(due, views))
    after = attrs.evolve(after, usage=after.usage | counted_usage(setting))
    if setting.period is not None:
        after = advanced(after, share, setting, due)
    order_pay = added.sums.pay if wide is None else wide.pay(OF_ORDERS)
    taken = taken_after(run, plan, due, wide, order_pay, after.settled)
    after = rejoined(attrs.evolve(after, taken=taken), before, plan, due)
    return Settlement(
        facts=setting.facts,
        plan=plan,
        due=due,
        period=setting.period,
        state=after,
        run=run,
        added=added,
        wide=wide,
        views=views,
        state_before=before,
    )


def merge(first: Settlement, second: Settlement) -> Settlement:
    """Return the settlement of two disjoint batches of orders as if they had been settled together.

    For an order-local plan totals are added. Otherwise claims are joined and the wide caps run once more,
    on all of them.

    Parameters
    ----------
    first, second : Settlement
        Of the same plan, tree, genealogy, members, placements, period and state, with different orders.

    Raises
    ------
    MergeError
        Plan, tree, genealogy, members, placements, period or state differ, or both have lines of one order.
    UnsupportedError
        A policy's claims read more than their own order, so that the batches would have to be settled
        together.
    """
    for each in (first, second):
        _checked("merge", each, Settlement, "Merge what settle returned")
    if first.plan != second.plan:
        raise MergeError("plans", "differ", hint="Settle both batches with one plan")
    if (
        first.facts.tree is not second.facts.tree
        and first.facts.tree.fingerprint() != second.facts.tree.fingerprint()
    ):
        raise MergeError("referral trees", "differ", hint="Settle both batches against one tree")
    for name in ("members", "catalog", "events", "placements", "genealogy"):
        if not _same_table(first, second, name):
            raise MergeError(name, "differ", hint="Settle both batches with the same")
    if first.period != second.period or first.state_before != second.state_before:
        raise MergeError(
            "period or state", "differ", hint="Settle both batches for one period, from one state"
        )
    if first.facts.funds != second.facts.funds or first.facts.figures != second.facts.figures:
        raise MergeError("funds or figures", "differ", hint="Give both batches the same")
    reasons = first.due.order_claims_not_local
    if reasons:
        raise UnsupportedError(
            "merge",
            "cannot join claims that read more than their order",
            value=reasons[0],
            hint="Settle all orders in one run",
        )
    if first.facts.orders.sold.shares_orders_with(second.facts.orders.sold):
        raise MergeError(
            "orders", "are in both batches", hint="Split batches by order, each order in one of them"
        )
    facts = first.facts.with_orders(_all_orders(first.facts.orders, second.facts.orders))
    due = first.due
    setting = setting_of(facts, due, first.period, first.run.setting.before)
    run = OrderRun.prepare(setting, due.policies, due.margin, due.caps)
    parts = [each.added.told_by(each.facts, facts) for each in (first, second)]
    return _finished(run, parts[0].plus(parts[1]), first.plan, due, first.state_before)


def _same_table(first: Settlement, second: Settlement, name: str) -> bool:
    """Return whether both runs had the same members, catalog, events, placements or genealogy."""
    one, two = getattr(first.facts, name), getattr(second.facts, name)
    if name == "placements":
        return _same_placements(one, two)
    if one is two or one is None or two is None:
        return one is two
    if name == "genealogy":
        return bool(one.fingerprint() == two.fingerprint())
    if sorted(one.names) != sorted(two.names) or len(one) != len(two):
        return False
    here = there = np.arange(len(one), dtype=ROW)
    if name == "members":
        here, there = (each.facts.tree.by_label.astype(ROW) for each in (first, second))
    pairs = [(one.column(column).take(here), two.column(column).take(there)) for column in one.names]
    same_rows = name != "catalog" or (one.products, one.margin_rates) == (two.products, two.margin_rates)
    return same_rows and all(left.same_as(right) for left, right in pairs)


def _same_placements(first: _Placements, second: _Placements) -> bool:
    """Return whether both name the same placements and everybody stands in the same place in them."""
    if [name for name, _ in first] != [name for name, _ in second]:
        return False
    pairs = zip(first, second, strict=True)
    return all(one is two or one.fingerprint() == two.fingerprint() for (_, one), (_, two) in pairs)


def _all_orders(first: Orders, second: Orders) -> Orders:
    """Return two disjoint tables of orders as one; an empty one need not have the same columns."""
    if not len(second.sold):
        return first
    return Orders.concat(first, second) if len(first.sold) else second


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Quote:
    """What one order would pay, with nothing booked; see `quote`.

    Attributes
    ----------
    lines : LineBatch
    budget_minor, used_minor : int
        The order's budget and what of it would be paid, in minor units.
    notes : tuple of str
        Why the settlement may still pay less: caps and policies that look at more than the order.
    """

    currency: Currency
    lines: LineBatch
    budget_minor: int
    notes: tuple[str, ...]

    @property
    def used_minor(self) -> int:
        """Return what the order would pay in all, in minor units."""
        return sum(self.lines.allowed.tolist())

    def payouts(self) -> dict[Any, Decimal]:
        """Return what each payee would get."""
        paid: dict[int, int] = {}
        for payee, amount in zip(self.lines.payee_index.tolist(), self.lines.allowed.tolist(), strict=True):
            paid[payee] = paid.get(payee, 0) + amount
        tree, decimals = self.lines.terms.facts.tree, self.currency.decimals
        return {tree.label(payee): to_decimal(amount, decimals) for payee, amount in paid.items() if amount}

    def __repr__(self) -> str:
        used, budget = (
            format_minor(each, self.currency.decimals) for each in (self.used_minor, self.budget_minor)
        )
        return f"Quote({used} of {budget} {self.currency.code} to {len(self.payouts())} payee(s))"


def quote(facts: Facts, plan: Plan, order: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Quote:
    """Compute what one order would pay, at the checkout; nothing is booked and nothing changes.

    Caps inside the order and its margin are applied. Caps and policies that look at more than the order
    cannot be: `Quote.notes` names them. Of a plan with cadences all policies on orders are quoted together,
    on the whole margin, of which the first run to come takes its part first.

    Parameters
    ----------
    facts : Facts
        Tree, members and catalog; its orders are only read by conditions on members' own volume.
    plan : Plan
    order : mapping, or a list of mappings
        One line, or all lines, as `Orders.from_records` takes them. Columns mean what they mean in the
        facts' orders.

    Raises
    ------
    OrdersError
        Not the lines of exactly one order.
    InputError
        As `settle`.

    Examples
    --------
    >>> import fenxiao as fx
    >>> tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    >>> plan = fx.Plan(
    ...     currency="CNY",
    ...     margin=fx.Margin.rate("25%", of="paid"),
    ...     policies=[fx.LevelCommission("referral", base="paid", rates=["10%"], if_not="company")],
    ... )
    >>> fx.quote(fx.Facts(tree=tree), plan, {"order_id": 1, "member": "bo", "paid": "100.00"})
    Quote(10.00 of 25.00 CNY to 1 payee(s))
    """
    _checked_pair(facts, plan)
    given: Any = order
    if not isinstance(given, Mapping) and not is_listing(given):
        raise OrdersError("quote", what(given), allowed="a mapping, or a list of them")
    records: list[Mapping[str, Any]] = [order] if isinstance(order, Mapping) else list(order)
    orders = facts.orders.like(records)
    if orders.n_orders != 1:
        raise OrdersError("quote", "takes the lines of one order", value=orders.n_orders, allowed="1 order")
    quoted = facts.with_orders(orders)
    check_currency(quoted, plan)
    setting = whole_setting(quoted, plan, State())
    run = _prepared(facts, plan, quoted).at(setting)
    guarded = run.guarded(OrderBlock(setting, setting.rows))
    verify(guarded, plan)
    terms = terms_of(quoted, plan, None)
    return Quote(
        currency=plan.currency,
        lines=joined(batches_of(guarded, terms, None), terms),
        budget_minor=int(guarded.budget.by_order[0]),
        notes=plan.not_local,
    )


def _prepared(facts: Facts, plan: Plan, quoted: Facts) -> OrderRun:
    """Return the plan made ready for the facts; the one used last is kept, as a shop quotes one plan."""
    kept: dict[str, tuple[Plan, OrderRun]] = facts.keep(_PREPARED, dict)
    last = kept.get("last")
    if last is not None and last[0] is plan:
        return last[1]
    # Conditions read the facts' own orders; where these are empty their columns are unknown, so the
    # quoted order's stand in for them.
    base = facts if len(facts.orders) else quoted
    rows = slice(0, len(facts.orders)) if len(facts.orders) else np.zeros(0, dtype=ROW)
    setting = attrs.evolve(whole_setting(base, plan, State()), rows=rows)
    run = OrderRun.prepare(setting, plan.policies, plan.margin, plan.caps)
    kept["last"] = (plan, run)
    return run
