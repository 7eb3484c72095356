"""`Settlement`: the result of a run, with totals at hand and everything else on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MinorArray
from fenxiao._kernels.tally import exact_add, exact_sum
from fenxiao.errors import PlanError, is_one_of
from fenxiao.lines import (
    CutBatch,
    LineBatch,
    LineTerms,
    OrderRun,
    WideSplit,
    batches_of,
    cuts_of,
    joined,
    withheld_totals,
)
from fenxiao.margin import OF_ORDERS, OF_PERIOD, RELEASED
from fenxiao.money import format_minor, to_decimal
from fenxiao.policies.blocks import OrderBlock
from fenxiao.settlement.showing import shown_totals
from fenxiao.settlement.standing import columns_of, rank_gap_of
from fenxiao.settlement.steps import Added, losses_of
from fenxiao.settlement.wide import by_member, orderless_lines, pay_of, put_off, split_of, terms_of, wide_cuts
from fenxiao.statements import MarginReport, MemberTotals, html_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from fenxiao.earned import Earned
    from fenxiao.expressions import Measure
    from fenxiao.facts import Facts
    from fenxiao.margin import WideOutcome
    from fenxiao.periods import Period
    from fenxiao.plan import Plan
    from fenxiao.policies.base import PeriodView
    from fenxiao.settlement.standing import RankGap
    from fenxiao.state import State
    from fenxiao.statements import Explanation, PeriodExplanation, Statement


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Settlement:
    """The result of `settle`.

    Attributes
    ----------
    facts, plan, period
        What was settled.
    due : Plan
        The part of the plan that was settled: all of it, but where policies are due in several cadences.
    state : State
        What the next run needs: pass it as ``settle(..., state=run.state)``.

    Examples
    --------
    ``run.totals().to_dict()`` is what to pay to whom; ``run.statement(member)``, ``run.explain(member,
    order_id)`` and ``run.margin_report()`` say why; ``run.lines()`` streams every line.
    """

    facts: Facts
    plan: Plan
    due: Plan
    period: Period | None
    state: State
    run: OrderRun
    added: Added
    wide: WideOutcome | None
    views: Mapping[int, PeriodView]
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
        return self._kept[key]  # type: ignore[no-any-return]  # what is kept is what was made

    def _totals(self, policy: str | None) -> MemberTotals:
        names = [each.name for each in self.due.policies]
        if policy is not None and not is_one_of(policy, names):
            raise PlanError("policy", "is not one of the plan's", value=policy, allowed=", ".join(names))
        places = [place for place, name in enumerate(names) if policy in (None, name)]
        size = len(self.facts.tree)
        return MemberTotals(
            tree=self.facts.tree,
            currency=self.due.currency,
            allowed=_added([self._allowed_of(place) for place in places], size),
            withheld_of=lambda: _added([self._withheld_of(place) for place in places], size),
            released=_added([self._released_of(place) for place in places], size),
        )

    def _allowed_of(self, place: int) -> MinorArray | None:
        """Return what a policy is allowed, by member; None for nothing."""
        if self.wide is None:
            return self.added.allowed[place]
        new = np.where(self.wide.kind == RELEASED, MINOR(0), self.wide.allowed)
        return pay_of(self.added, self.wide.cells, new, place, len(self.facts.tree))

    def _released_of(self, place: int) -> MinorArray | None:
        """Return what is released of a policy, by member; None for nothing."""
        if self.wide is None or not len(self.wide.earning_periods):
            return None
        old = np.where(self.wide.kind == RELEASED, self.wide.allowed, MINOR(0))
        return by_member(self.wide.cells, old, place, len(self.facts.tree))

    def _withheld_of(self, place: int) -> MinorArray | None:
        """Return what is withheld of a policy, by member; None for nothing."""
        size = len(self.facts.tree)
        inside = self._withheld_inside()[place]
        if self.wide is None:
            return inside
        cut = np.where(self.wide.kind == RELEASED, MINOR(0), self.wide.cells.amount - self.wide.allowed)
        return _added([by_member(self.wide.cells, cut, place, size), inside], size)

    def _withheld_inside(self) -> tuple[MinorArray | None, ...]:
        """Return what scope 1 withheld; the orders are gone through once more when it is first asked for."""
        policies = len(self.due.policies)
        if not self.added.sums.taken:
            return (None,) * policies
        if "withheld" not in self._kept:
            self._kept["withheld"] = withheld_totals(self.run, len(self.facts.tree), policies)
        return self._kept["withheld"]  # type: ignore[no-any-return]  # what is kept is what was made

    def shown(self, policy: str | None = None) -> MemberTotals:
        """Return money that others pay, of one policy or of all: retail mark-ups, for instance.

        It is shown beside the settlement: the guard does not know it, and no total contains it.

        Raises
        ------
        PlanError
            The plan has no policy of that name.
        """
        return shown_totals(self.due, self.run.setting, policy)

    def payout(self, member: Any) -> Decimal:
        """Return what is payable to one member, what earlier runs deferred included.

        Raises
        ------
        UnknownMemberError
            There is no such member.
        """
        index = self.facts.tree.index(member)
        return to_decimal(int(self.totals().payable[index]), self.due.currency.decimals)

    # ------------------------------------------------------------------------------------------- lines

    @property
    def terms(self) -> LineTerms:
        """Return what the numbers in lines stand for."""
        return terms_of(self.facts, self.due, self.period)

    def lines(self, *, workers: int = 1) -> Iterator[LineBatch]:
        """Yield all lines in batches: order lines block by block, then period claims and releases.

        The lines are computed again from the facts, so that none of them has to be kept. Within a block they
        stand by stage, policy, level, then order.

        Parameters
        ----------
        workers : int
            Threads that prepare blocks ahead. The batches and their order are the same for any number; a
            policy of your own is then called from several threads.
        """
        terms, split = self.terms, self.split()
        yield from self.run.each_block(lambda guarded: list(batches_of(guarded, terms, split)), workers)
        if self.wide is not None:
            yield from orderless_lines(self.wide, terms)

    def cuts(self) -> Iterator[CutBatch]:
        """Yield what each cap took from whom: caps inside orders line by line, wide caps total by total."""
        terms, wide = self.terms, self.wide
        for guarded in self.run:
            yield from cuts_of(guarded, terms)
        if wide is not None:
            yield from wide_cuts(wide, terms)

    def lines_of(self, member: Any) -> LineBatch:
        """Return one member's lines, by order."""
        index = self.facts.tree.index(member)
        mine = (batch.take(batch.payee_index == index) for batch in self.lines())
        batch = joined(mine, self.terms)
        return batch.take(np.lexsort((batch.level, batch.policy_place, batch.order_row)))

    def split(self) -> WideSplit | None:
        """Return the split of wide cuts to order lines; None where nothing was cut."""
        if "split" not in self._kept:
            self._kept["split"] = split_of(self.run, self.due, self.wide)
        return self._kept["split"]  # type: ignore[no-any-return]  # what is kept is what was made

    # ------------------------------------------------------------------------------------------- words

    def statement(self, member: Any) -> Statement:
        """Return one member's lines in words.

        Raises
        ------
        UnknownMemberError
            There is no such member.
        """
        from fenxiao.settlement.explaining import statement_of

        return statement_of(self.lines_of(member), self.run, member, self.due, self.views)

    def explain(self, member: Any, order_id: Any) -> Explanation:
        """Say what every policy did for a member on an order, also where it passed him over.

        Raises
        ------
        UnknownMemberError, OrdersError
            There is no such member or order.
        """
        from fenxiao.settlement.explaining import explain_order

        rows = self.facts.orders.find(order_id)
        settled = self.run.setting.rows
        inside = rows if isinstance(settled, slice) else rows[np.isin(rows, settled)]
        guarded = self.run.guarded(OrderBlock(self.run.setting, inside)) if len(inside) else None
        batch = None if guarded is None else joined(batches_of(guarded, self.terms, self.split()), self.terms)
        return explain_order(self.run, guarded, batch, member, order_id, self.due)

    def explain_period(self, member: Any) -> PeriodExplanation:
        """Say what every policy that claims on the period did for a member, and what his claims are made of.

        Raises
        ------
        UnknownMemberError
            There is no such member.
        """
        from fenxiao.settlement.explaining import explain_period_of

        lines = self.lines_of(member)
        return explain_period_of(self.due, self.views, lines, member, self.run.setting)

    def rank_gap(self, member: Any, ladder: str | None = None) -> RankGap:
        """Return where a member stands on a ladder and what is missing for the next rank.

        Raises
        ------
        PlanError
            The plan has no ladder of that name, or several and none is named.
        UnknownMemberError
            There is no such member.
        """
        return rank_gap_of(self.run.setting, self.due, member, ladder)

    def members_table(self, *parts: str | Measure) -> dict[str, Any]:
        """Return member columns, given or computed by the plan, and measures, in tree order.

        ``run.members_table("rank", own("pv"))`` is ready for a data frame; volumes are integers in their
        smallest unit under names that end in ``_minor``.

        Raises
        ------
        InputError
            There is no such column.
        """
        return columns_of(self.run.setting, parts)

    def margin_report(self) -> MarginReport:
        """Return what was used of the margins, and what was kept."""
        sums, plan, wide = self.added.sums, self.due, self.wide
        order_pay, period_pay, period_claims, released = sums.pay, 0, 0, 0
        names = [f"cap {cap.name!r}" for cap in plan.caps]
        cuts = [
            ([*names, "the margin of orders"][place], amount) for place, amount in sorted(sums.taken.items())
        ]
        deferred, carried_on = 0, 0
        if wide is not None:
            order_pay, period_pay, released = wide.pay(OF_ORDERS), wide.pay(OF_PERIOD), wide.pay(RELEASED)
            period_claims = exact_sum(wide.cells.amount[wide.kind == OF_PERIOD])
            by_cap: dict[int, int] = {}
            for cut in wide.cuts:
                by_cap[cut.cap] = by_cap.get(cut.cap, 0) + exact_sum(cut.amount)
            cuts += [
                ([*names, "what the period's orders leave"][place], n) for place, n in sorted(by_cap.items())
            ]
            deferred, carried_on = put_off(wide, self.run.setting.before), sum(wide.state.pots.values())
        losses, taken = losses_of(plan, sums), self.run.setting.everything.taken()
        funds, claimed = self.facts.fund_total(), sums.claimed + period_claims
        carried_in = sum(self.run.setting.before.pots.values())
        handed = sums.budget - losses - order_pay
        return MarginReport(
            currency=plan.currency,
            orders=sums.orders,
            lines=sums.lines,
            guest_lines=sums.guests,
            bound_orders=sums.bound_orders,
            loss_orders=sums.loss_orders,
            above_paid=sums.above_paid,
            paid=self._paid(),
            taken_before=0 if taken is None else exact_sum(taken),
            budget=sums.budget,
            losses=losses,
            claimed=claimed,
            withheld=claimed - order_pay - period_pay,
            order_pay=order_pay,
            period_pay=period_pay,
            handed_over=handed,
            funds=funds,
            carried_in=carried_in,
            kept=handed + funds + carried_in - period_pay,
            deferred=deferred,
            carried_on=carried_on,
            released=released,
            breakage=sums.breakage,
            cuts=tuple((name, amount) for name, amount in cuts if amount),
        )

    def _paid(self) -> int | None:
        """Return the sum of what was paid, None where the orders do not say."""
        if "paid" not in self.facts.orders.names:
            return None
        return exact_sum(self.run.setting.everything.amounts("paid"))

    def earned(self) -> Earned:
        """Return what was paid, as data to store and compare; policies of your own need a ``kind``."""
        from fenxiao.settlement.earning import earned_of

        return earned_of(self)

    def fingerprint(self) -> str:
        """Return a SHA-256 of the result: equal for equal facts, plan and state, whatever the row order."""
        import hashlib

        digest = hashlib.sha256()
        tree = self.facts.tree
        order = tree.by_label
        for part in (self.plan.hash, tree.fingerprint(), str(self.period)):
            digest.update(part.encode())
        for policy in self.due.policies:
            totals = self.totals(policy.name)
            for column in (totals.allowed, totals.withheld, totals.released):
                digest.update(np.ascontiguousarray(column[order]).astype("<i8").tobytes())
        digest.update(str(self.margin_report()).encode())
        usage = sorted((key, sorted(groups.items(), key=repr)) for key, groups in self.state.usage.items())
        digest.update(repr((usage, self.state.deferred, self.state.pots)).encode())
        kept = [record.fingerprint() for record in self.state.records]
        kept += [standing.fingerprint() for standing in self.state.standings]
        kept += [carry.fingerprint() for carry in self.state.carries]
        kept += [self.state.taken.fingerprint()] if self.state.taken is not None else []
        digest.update(repr(kept).encode())
        return digest.hexdigest()

    def __repr__(self) -> str:
        report = self.margin_report()
        paid = format_minor(report.used, self.due.currency.decimals)
        period = "" if self.period is None else f" in {self.period}"
        code = self.due.currency.code
        orders = f"{report.orders:,} order{'s' * (report.orders != 1)}"
        return f"Settlement({orders}{period}: {paid} {code} paid, see margin_report())"

    def _repr_html_(self) -> str:
        totals, decimals = self.totals(), self.due.currency.decimals
        top = np.argsort(-totals.payable, kind="stable")[:10].tolist()
        rows = [
            (
                totals.tree.label(i),
                *(format_minor(int(c[i]), decimals) for c in (totals.claimed, totals.allowed)),
            )
            for i in top
            if totals.claimed[i] or totals.released[i]
        ]
        head = ("member", f"claimed {self.due.currency.code}", "allowed")
        return self.margin_report()._repr_html_() + html_table(head, rows)  # notebook protocol


def _added(columns: list[MinorArray | None], size: int) -> MinorArray:
    present = [column for column in columns if column is not None]
    return exact_add(present, size, "a member's total")
