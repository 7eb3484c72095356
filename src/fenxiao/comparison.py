"""`compare`: what two plans pay on the same facts, member by member and policy by policy (what-if)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MinorArray, readonly
from fenxiao._kernels.tally import exact_add, exact_sum
from fenxiao.errors import InputError, PlanError, is_one_of, what
from fenxiao.money import format_minor
from fenxiao.plan import Plan
from fenxiao.settlement import Settlement, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.facts import Facts
    from fenxiao.money import Currency
    from fenxiao.periods import Period
    from fenxiao.state import State
    from fenxiao.tree import ReferralTree

_REPORT: Final = (
    ("margin of orders", "budget"),
    ("claimed", "claimed"),
    ("withheld", "withheld"),
    ("paid on orders", "order_pay"),
    ("paid on the period", "period_pay"),
    ("kept", "kept"),
    ("planned without a payee", "breakage"),
)
"""Rows of the margin reports that are shown side by side: words and field."""


@final
@attrs.frozen(kw_only=True)
class Change:
    """What one member is paid by two plans, in minor units."""

    member: Any
    first: int
    second: int

    @property
    def difference(self) -> int:
        """Return ``second - first``."""
        return self.second - self.first


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Comparison:
    """What two plans pay on the same facts; see `compare`.

    Amounts are what the settled periods earn (``allowed``), in minor units; a policy that only one plan has
    pays 0 in the other.

    Attributes
    ----------
    first, second : tuple of Settlement
        The runs of each plan, one a period.
    """

    first: tuple[Settlement, ...]
    second: tuple[Settlement, ...]
    _kept: dict[Any, tuple[MinorArray, MinorArray]] = attrs.field(init=False, factory=dict)

    @property
    def tree(self) -> ReferralTree:
        """Return the tree whose members are compared."""
        return self.first[0].facts.tree

    @property
    def currency(self) -> Currency:
        """Return the currency of both plans."""
        return self.first[0].plan.currency

    @property
    def policies(self) -> tuple[str, ...]:
        """Return the names of all policies: the first plan's in its order, then the second's alone."""
        plans = (self.first[0].plan, self.second[0].plan)
        return tuple(dict.fromkeys(policy.name for plan in plans for policy in plan.policies))

    def amounts(self, policy: str | None = None) -> tuple[MinorArray, MinorArray]:
        """Return what each plan pays, by one policy or by all (two int64 [members], in tree order).

        Raises
        ------
        PlanError
            Neither plan has a policy of that name.
        """
        if policy is not None and not is_one_of(policy, self.policies):
            raise PlanError("policy", "is in neither plan", value=policy, allowed=", ".join(self.policies))
        if policy not in self._kept:
            self._kept[policy] = (_paid(self.first, policy), _paid(self.second, policy))
        return self._kept[policy]

    def difference(self, policy: str | None = None) -> MinorArray:
        """Return what the second plan pays more than the first (int64 [members]), by one policy or by all.

        Raises
        ------
        PlanError
            Neither plan has a policy of that name.
        """
        first, second = self.amounts(policy)
        # Both are from 0, so that their difference fits.
        return second - first

    def totals(self, policy: str | None = None) -> tuple[int, int]:
        """Return the sums of what each plan pays, by one policy or by all, as Python integers.

        Raises
        ------
        PlanError
            Neither plan has a policy of that name.
        """
        first, second = self.amounts(policy)
        return exact_sum(first), exact_sum(second)

    def gains(self, n: int = 10, policy: str | None = None) -> list[Change]:
        """Return who gains most by the second plan, at most `n` members; of equal ones the first label first.

        Raises
        ------
        PlanError
            Neither plan has a policy of that name.
        """
        return self._most(-self.difference(policy), n, policy)

    def losses(self, n: int = 10, policy: str | None = None) -> list[Change]:
        """Return who loses most by the second plan, at most `n` members; of equal ones the first label first.

        Raises
        ------
        PlanError
            Neither plan has a policy of that name.
        """
        return self._most(self.difference(policy), n, policy)

    def _most(self, worse: MinorArray, n: int, policy: str | None) -> list[Change]:
        """Return the first members by a column and label, of those where it is below 0."""
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise InputError("n", "is no number of members", value=n, allowed="0, 1, 2, ...")
        rows = np.flatnonzero(worse < 0)
        rows = rows[np.lexsort((self.tree.label_rank[rows], worse[rows]))][:n]
        first, second = self.amounts(policy)
        return [
            Change(member=self.tree.label(row), first=int(first[row]), second=int(second[row]))
            for row in rows.tolist()
        ]

    def columns(self, policy: str | None = None) -> dict[str, Any]:
        """Return every member's amounts by name, ready for a data frame; money in minor units.

        Raises
        ------
        PlanError
            Neither plan has a policy of that name.
        """
        first, second = self.amounts(policy)
        return {
            "member": self.tree.ids,
            "first_minor": first,
            "second_minor": second,
            "difference_minor": second - first,
        }

    def policy_columns(self) -> dict[str, Any]:
        """Return every policy's sums by name, ready for a data frame; money in minor units."""
        sums = [self.totals(name) for name in self.policies]
        return {
            "policy": list(self.policies),
            "first_minor": [first for first, _ in sums],
            "second_minor": [second for _, second in sums],
            "difference_minor": [second - first for first, second in sums],
        }

    def margin_columns(self) -> dict[str, Any]:
        """Return the margin reports side by side, added up over the periods; money in minor units."""
        reports = [[run.margin_report() for run in runs] for runs in (self.first, self.second)]
        sums = [[sum(getattr(report, name) for report in each) for each in reports] for _, name in _REPORT]
        return {
            "figure": [words for words, _ in _REPORT],
            "first_minor": [first for first, _ in sums],
            "second_minor": [second for _, second in sums],
            "difference_minor": [second - first for first, second in sums],
        }

    def __str__(self) -> str:
        gaining, losing = (int(np.count_nonzero(sign * self.difference() > 0)) for sign in (1, -1))
        names = [runs[0].plan.name or word for runs, word in ((self.first, "first"), (self.second, "second"))]
        rows = [("", *names, "difference")]
        for table in (self.policy_columns(), self.margin_columns()):
            head, *columns = table.values()
            money = (
                (format_minor(each, self.currency.decimals) for each in row)
                for row in zip(*columns, strict=True)
            )
            rows += [(word, *cells) for word, cells in zip(head, money, strict=True)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        lines = [repr(self)]
        for name, *cells in rows:
            right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            lines.append("  ".join((name.ljust(widths[0]), *right)).rstrip())
        return "\n".join([*lines, f"members who gain: {gaining:,}, who lose: {losing:,}"])

    def __repr__(self) -> str:
        (first, second), decimals = self.totals(), self.currency.decimals
        first_money, second_money, more = (
            format_minor(each, decimals) for each in (first, second, second - first)
        )
        return f"Comparison({first_money} and {second_money} {self.currency.code}, difference {more})"


def _paid(runs: Sequence[Settlement], policy: str | None) -> MinorArray:
    """Return what the runs of one plan pay each member."""
    size, plan = len(runs[0].facts.tree), runs[0].plan
    if policy is not None and policy not in [each.name for each in plan.policies]:
        return np.zeros(size, dtype=MINOR)
    paid: MinorArray = readonly(
        exact_add([run.totals(policy).allowed for run in runs], size, "a member's total")
    )
    return paid


def compare(
    first: Plan,
    second: Plan,
    facts: Facts,
    *,
    period: Period | Sequence[Period] | None = None,
    state: State | None = None,
    workers: int = 1,
) -> Comparison:
    """Settle the same facts by two plans and say who is paid what by each.

    Parameters
    ----------
    first, second : Plan
        In one currency. Policies are told by their names.
    facts : Facts
    period : Period, or several one after the other, optional
        Each plan goes from period to period with a state of its own. All orders if left out.
    state : State, optional
        What both start from; it has to fit both plans.
    workers : int
        Threads, as in `settle`.

    Raises
    ------
    InputError
        The currencies differ; otherwise as `settle`.

    Examples
    --------
    >>> import fenxiao as fx
    >>> tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})
    >>> facts = fx.Facts(
    ...     tree=tree,
    ...     orders=fx.Orders.from_records([{"order_id": 1, "member": "cai", "paid": "100.00"}]),
    ... )
    >>> now, then = (
    ...     fx.Plan(
    ...         currency="CNY",
    ...         margin=fx.Margin.rate("25%", of="paid"),
    ...         policies=[fx.LevelCommission("referral", base="paid", rates=rates, if_not="company")],
    ...     )
    ...     for rates in (["10%", "5%"], ["8%", "8%"])
    ... )
    >>> found = compare(now, then, facts)
    >>> found
    Comparison(15.00 and 16.00 CNY, difference 1.00)
    >>> found.gains(1), found.losses(1)
    ([Change(member='ann', first=500, second=800)], [Change(member='bo', first=1000, second=800)])
    """
    for name, plan in (("first", first), ("second", second)):
        if not isinstance(plan, Plan):
            raise InputError(name, what(plan), allowed="Plan", hint="Read data with Plan.from_dict(data)")
    if first.currency != second.currency:
        raise PlanError(
            "plans",
            "are in different currencies",
            value=second.currency.code,
            allowed=first.currency.code,
            hint="Compare plans in one currency",
        )
    periods = tuple(period) if isinstance(period, list | tuple) else (period,)
    if not periods:
        raise InputError("period", "is an empty list", allowed="a Period, several, or None")

    return Comparison(
        first=_runs(facts, first, periods, state, workers),
        second=_runs(facts, second, periods, state, workers),
    )


def _runs(
    facts: Facts, plan: Plan, periods: Sequence[Period | None], state: State | None, workers: int
) -> tuple[Settlement, ...]:
    """Settle one period after the other by one plan."""
    runs: list[Settlement] = []
    for period in periods:
        before = runs[-1].state if runs else state
        runs.append(settle(facts, plan, period=period, state=before, workers=workers))
    return tuple(runs)
