"""`Settlement`: the result of a run, with totals at hand and everything else on request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, ROW, IndexArray, MinorArray
from fenxiao._kernels.tally import exact_add, exact_sum
from fenxiao.errors import PlanError
from fenxiao.lines import NO_ORDER, LineBatch, LineTerms, OrderRun, WideSplit, batch_of, joined
from fenxiao.money import format_minor, to_decimal
from fenxiao.policies.blocks import OrderBlock
from fenxiao.settlement.explaining import explain_order, statement_of
from fenxiao.settlement.steps import Added, Wide, by_member, zeros
from fenxiao.statements import MarginReport, MemberTotals, html_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from fenxiao.facts import Facts
    from fenxiao.periods import Period
    from fenxiao.plan import Plan
    from fenxiao.state import State
    from fenxiao.statements import Explanation, Statement

_WIDTH = 1 << 16


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Settlement:
    """The result of `settle`.

    Attributes
    ----------
    facts, plan, period
        What was settled.
    state : State
        What the next run needs: pass it as ``settle(..., state=run.state)``.

    Examples
    --------
    ``run.totals().to_dict()`` is what to pay to whom; ``run.statement(member)``, ``run.explain(member,
    order_id)`` and ``run.margin_report()`` say why; ``run.lines()`` streams every line.
    """

    facts: Facts
    plan: Plan
    period: Period | None
    state: State
    run: OrderRun
    added: Added
    wide: Wide | None
    state_before: State
    _kept: dict[str, Any] = attrs.field(init=False, factory=dict)

    # ------------------------------------------------------------------------------------------ totals

    def totals(self, policy: str | None = None) -> MemberTotals:
        """Return what every member gets, of one policy or of all.

        Raises
        ------
        PlanError
            The plan has no policy of that name.
        """
        key = f"totals {policy}"
        if key not in self._kept:
            self._kept[key] = self._totals(policy)
        return self._kept[key]  # type: ignore[no-any-return]

    def _totals(self, policy: str | None) -> MemberTotals:
        names = [each.name for each in self.plan.policies]
        if policy is not None and policy not in names:
            raise PlanError("policy", "is not one of the plan's", value=policy, allowed=", ".join(names))
        places = [place for place, name in enumerate(names) if policy in (None, name)]
        size = len(self.facts.tree)
        columns = [self._of_policy(place) for place in places]
        allowed = _added([column[0] for column in columns], size)
        withheld = _added([column[1] for column in columns], size)
        released = zeros(size)
        for entry in self._released():
            if policy in (None, entry.policy):
                released[self.facts.tree.index(entry.payee)] += entry.amount
        return MemberTotals(
            tree=self.facts.tree,
            currency=self.plan.currency,
            claimed=_added([allowed, withheld], size),
            allowed=allowed,
            withheld=withheld,
            released=released,
        )

    def _of_policy(self, place: int) -> tuple[MinorArray | None, MinorArray | None]:
        """Return what a policy is allowed and what is withheld of it, by member; None for nothing."""
        if self.wide is None:
            return self.added.allowed[place], self.added.withheld[place]
        size, cells, after = len(self.facts.tree), self.wide.cells, self.wide.outcome.allowed
        withheld = by_member(cells, cells.amount - after, place, size)
        inside = self.added.withheld[place]
        return by_member(cells, after, place, size), _added([withheld, inside], size)

    def _released(self) -> tuple[Any, ...]:
        return () if self.wide is None else self.wide.outcome.released

    def payout(self, member: Any) -> Decimal:
        """Return what is payable to one member, what earlier runs deferred included.

        Raises
        ------
        UnknownMemberError
            There is no such member.
        """
        index = self.facts.tree.index(member)
        return to_decimal(int(self.totals().payable[index]), self.plan.currency.decimals)

    # ------------------------------------------------------------------------------------------- lines

    @property
    def terms(self) -> LineTerms:
        """Return what the numbers in lines stand for."""
        return LineTerms(
            facts=self.facts,
            currency=self.plan.currency,
            policies=tuple(policy.name for policy in self.plan.policies),
            stages=tuple(policy.stage for policy in self.plan.policies),
            caps=self.plan.caps,
            earning_period="" if self.period is None else str(self.period),
        )

    def lines(self) -> Iterator[LineBatch]:
        """Yield all lines in batches: order lines block by block, then period claims and releases.

        The lines are computed again from the facts, so that none of them has to be kept. Within a batch they
        stand by stage, policy, level, then order.
        """
        terms, split = self.terms, self._split()
        for guarded in self.run:
            batch = batch_of(guarded, terms, split)
            if len(batch):
                yield batch
        if self.wide is not None:
            yield from self._other_lines(terms)

    def lines_of(self, member: Any) -> LineBatch:
        """Return one member's lines, by order."""
        index = self.facts.tree.index(member)
        mine = (batch.take(batch.payee_index == index) for batch in self.lines())
        batch = joined(mine, self.terms)
        return batch.take(np.lexsort((batch.level, batch.policy_place, batch.order_row)))

    def _split(self) -> WideSplit | None:
        """Return the split of wide cuts to order lines; None where nothing was cut."""
        if self.wide is None or not (self.wide.outcome.allowed < self.wide.cells.amount).any():
            return None
        if "split" not in self._kept:
            wide = self.wide
            rules = [*(cap.rule for cap in self.plan.caps), self.plan.margin.rule]
            self._kept["split"] = WideSplit.of(
                self.run, wide.cells, wide.outcome.allowed, wide.outcome.largest_cut, rules, _WIDTH
            )
        return self._kept["split"]  # type: ignore[no-any-return]

    def _other_lines(self, terms: LineTerms) -> Iterator[LineBatch]:
        wide = self.wide
        cells = np.flatnonzero(wide.of_period) if wide is not None else np.zeros(0, dtype=ROW)
        if wide is not None and len(cells):
            yield self._orderless(
                terms,
                wide.cells.payee[cells],
                wide.cells.policy[cells],
                wide.cells.amount[cells],
                wide.outcome.allowed[cells],
                wide.outcome.largest_cut[cells],
                None,
            )
        released = self._released()
        if released:
            place = {policy.name: number for number, policy in enumerate(self.plan.policies)}
            amounts = np.array([entry.amount for entry in released], dtype=MINOR)
            yield self._orderless(
                terms,
                self.facts.tree.indices([entry.payee for entry in released]),
                np.array([place[entry.policy] for entry in released], dtype=INDEX),
                amounts,
                amounts,
                np.full(len(released), -1, dtype=INDEX),
                tuple(entry.earning_period for entry in released),
            )

    def _orderless(
        self,
        terms: LineTerms,
        payee: IndexArray,
        policy: IndexArray,
        claimed: MinorArray,
        allowed: MinorArray,
        cut: IndexArray,
        periods: tuple[str, ...] | None,
    ) -> LineBatch:
        none = np.full(len(payee), NO_ORDER, dtype=ROW)
        return LineBatch(
            terms=terms,
            order_row=none,
            payee_index=payee,
            policy_place=policy,
            level=none.astype(INDEX),
            claimed=claimed,
            allowed=allowed,
            largest_cut=cut,
            earning_periods=periods,
        )

    # ------------------------------------------------------------------------------------------- words

    def statement(self, member: Any) -> Statement:
        """Return one member's lines in words.

        Raises
        ------
        UnknownMemberError
            There is no such member.
        """
        return statement_of(self.lines_of(member), self.run, member, self.plan.currency)

    def explain(self, member: Any, order_id: Any) -> Explanation:
        """Say what every policy did for a member on an order, also where it passed him over.

        Raises
        ------
        UnknownMemberError, OrdersError
            There is no such member or order.
        """
        rows = self.facts.orders.find(order_id)
        settled = self.run.setting.rows
        inside = rows if isinstance(settled, slice) else rows[np.isin(rows, settled)]
        guarded = self.run.guarded(OrderBlock(self.run.setting, inside)) if len(inside) else None
        batch = None if guarded is None else batch_of(guarded, self.terms, self._split(), inside)
        return explain_order(self.run, guarded, batch, member, order_id, self.plan)

    def margin_report(self) -> MarginReport:
        """Return what was used of the margins, and what was kept."""
        sums, plan = self.added.sums, self.plan
        order_pay, period_pay, period_claims = sums.pay, 0, 0
        taken = dict(sums.taken)
        margin_name = "the margin of orders"
        names = [*(cap.name for cap in plan.caps), margin_name]
        cuts = [(names[place], amount) for place, amount in sorted(taken.items())]
        if self.wide is not None:
            outcome, periodic = self.wide.outcome, self.wide.of_period
            order_pay = exact_sum(outcome.allowed[~periodic])
            period_pay = exact_sum(outcome.allowed[periodic])
            period_claims = exact_sum(self.wide.cells.amount[periodic])
            names[-1] = "what the period's orders leave"
            cuts += [(names[place], amount) for place, amount in sorted(outcome.taken.items())]
        losses = sums.budget - sums.net if plan.margin.losses == "offset" else 0
        funds, claimed = self.facts.fund_total(), sums.claimed + period_claims
        handed = sums.budget - losses - order_pay
        new = sum(e.amount for e in self.state.deferred) + sum(e.amount for e in self._released())
        return MarginReport(
            currency=plan.currency,
            orders=sums.orders,
            lines=sums.lines,
            guest_lines=sums.guests,
            bound_orders=sums.bound_orders,
            loss_orders=sums.loss_orders,
            above_paid=sums.above_paid,
            paid=sums.paid,
            budget=sums.budget,
            losses=losses,
            claimed=claimed,
            withheld=claimed - order_pay - period_pay,
            order_pay=order_pay,
            period_pay=period_pay,
            handed_over=handed,
            funds=funds,
            kept=handed + funds - period_pay,
            deferred=new - sum(e.amount for e in self.state_before.deferred),
            released=sum(e.amount for e in self._released()),
            breakage=sums.breakage,
            cuts=tuple((name, amount) for name, amount in cuts if amount),
        )

    def fingerprint(self) -> str:
        """Return a SHA-256 of the result: equal for equal facts, plan and state, whatever the row order."""
        digest = hashlib.sha256()
        tree = self.facts.tree
        order = np.argsort(tree.label_rank)
        for part in (self.plan.hash, tree.fingerprint(), str(self.period)):
            digest.update(part.encode())
        for policy in self.plan.policies:
            totals = self.totals(policy.name)
            for column in (totals.allowed, totals.withheld, totals.released):
                digest.update(np.ascontiguousarray(column[order]).astype("<i8").tobytes())
        digest.update(str(self.margin_report()).encode())
        digest.update(repr((sorted(self.state.usage.items(), key=repr), self.state.deferred)).encode())
        return digest.hexdigest()

    def __repr__(self) -> str:
        report = self.margin_report()
        paid = format_minor(report.used, self.plan.currency.decimals)
        period = "" if self.period is None else f" in {self.period}"
        code = self.plan.currency.code
        return f"Settlement({report.orders:,} orders{period}: {paid} {code} paid, see margin_report())"

    def _repr_html_(self) -> str:
        totals, decimals = self.totals(), self.plan.currency.decimals
        top = np.argsort(-totals.payable, kind="stable")[:10].tolist()
        rows = [
            (
                totals.tree.label(i),
                *(format_minor(int(c[i]), decimals) for c in (totals.claimed, totals.allowed)),
            )
            for i in top
            if totals.claimed[i] or totals.released[i]
        ]
        head = ("member", f"claimed {self.plan.currency.code}", "allowed")
        return self.margin_report()._repr_html_() + html_table(head, rows)  # notebook protocol


def _added(columns: list[MinorArray | None], size: int) -> MinorArray:
    present = [column for column in columns if column is not None]
    return exact_add(present, size, "a member's total")
