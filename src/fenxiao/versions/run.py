"""`VersionedRun`: a period settled by the versions that pay it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, final

import attrs

from fenxiao._kernels.tally import exact_add
from fenxiao.errors import PlanError, UnsupportedError, is_one_of
from fenxiao.money import format_minor
from fenxiao.qualification import Ladder
from fenxiao.settlement import Settlement, settle
from fenxiao.settlement.states import check_state
from fenxiao.state import State
from fenxiao.statements import MemberTotals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao._arrays import MinorArray
    from fenxiao.earned import Earned
    from fenxiao.facts import Facts
    from fenxiao.periods import Period
    from fenxiao.plan import Plan


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class VersionedRun:
    """A period settled by one version of a plan, or by several, each the orders of its time.

    Attributes
    ----------
    period : Period
    runs : tuple of Settlement
        One for each version, by date. Each knows its plan and its part of the period, which is the earning
        period of its lines.
    state : State
        What the next period needs.
    """

    period: Period
    runs: tuple[Settlement, ...]
    state: State

    def totals(self, policy: str | None = None) -> MemberTotals:
        """Return what every member gets of all runs, of one policy or of all.

        Raises
        ------
        PlanError
            No plan has a policy of that name.
        """
        if policy is None:
            found = [run.totals() for run in self.runs]
        else:
            names = dict.fromkeys(each.name for run in self.runs for each in run.plan.policies)
            if not is_one_of(policy, names):
                raise PlanError("policy", "is in none of the plans", value=policy, allowed=", ".join(names))
            having = [run for run in self.runs if policy in (each.name for each in run.plan.policies)]
            found = [run.totals(policy) for run in having]

        def added(name: str) -> MinorArray:
            columns = [getattr(totals, name) for totals in found]
            return exact_add(columns, len(found[0].tree), "a member's total")

        return MemberTotals(
            tree=found[0].tree,
            currency=found[0].currency,
            allowed=added("allowed"),
            withheld_of=lambda: added("withheld"),
            released=added("released"),
        )

    def earned(self) -> tuple[Earned, ...]:
        """Return what each run paid, as data to store and compare: each keeps the hash of its plan."""
        return tuple(run.earned() for run in self.runs)

    def __repr__(self) -> str:
        paid = sum(run.margin_report().used for run in self.runs)
        currency = self.runs[0].plan.currency
        versions = f"{len(self.runs)} version{'s' * (len(self.runs) != 1)}"
        money = format_minor(paid, currency.decimals)
        return f"VersionedRun({self.period} by {versions}: {money} {currency.code} paid, see runs)"


def settled(
    facts: Facts, parts: Sequence[tuple[Plan, Period]], period: Period, state: State | None, workers: int
) -> VersionedRun:
    """Settle the parts of a period, each by its plan.

    Raises
    ------
    UnsupportedError
        There are several parts, and a plan looks at more than single orders.
    """
    if len(parts) > 1:
        _check_local(parts, period)
        if isinstance(state, State):
            for plan, _ in parts:
                check_state(state, plan, period)
    runs = tuple(settle(facts, plan, period=part, state=state, workers=workers) for plan, part in parts)
    after = runs[0].state
    if len(runs) > 1:
        # Plans that look at single orders leave nothing but the name of what was settled.
        before = runs[0].state_before
        after = attrs.evolve(before, settled=(*before.settled, str(period)))
    return VersionedRun(period=period, runs=runs, state=after)


def _check_local(parts: Sequence[tuple[Plan, Period]], period: Period) -> None:
    """Refuse parts of a period whose plans would have to see all of it."""
    for (before, _), (after, part) in pairwise(parts):
        reasons = [reason for plan in (before, after) for reason in _needs_whole_period(plan)]
        if reasons:
            raise UnsupportedError(
                f"period {period}",
                f"crosses the start of a version on {part.start} whose plan, or the one before, "
                "looks at more than single orders",
                value=reasons[0],
                hint="Start the version with a period, or settle "
                + " and ".join(str(each) for _, each in parts)
                + " one after the other",
            )


def _needs_whole_period(plan: Plan) -> list[str]:
    """Return why a plan cannot settle a period in parts."""
    ladders = [each for each in plan.qualifications if isinstance(each, Ladder)]
    reasons = [*plan.not_local]
    reasons += [f"ladder {each.name!r}: ranks go from period to period" for each in ladders]
    reasons += ["a window looks back at earlier periods"] * bool(plan.recorded_measures)
    return reasons
