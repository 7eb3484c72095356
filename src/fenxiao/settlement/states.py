"""What a settlement reads of the state of the run before, and what it leaves for the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from fenxiao import audit
from fenxiao._columns import Amounts
from fenxiao.errors import InputError, StateError
from fenxiao.expressions import identity
from fenxiao.limits import window_of
from fenxiao.policies.base import PeriodPolicy
from fenxiao.policies.counting import usage_after
from fenxiao.qualification import Ladder, Standing
from fenxiao.volumes import History, Record

if TYPE_CHECKING:
    from fenxiao.facts import Facts
    from fenxiao.periods import Period
    from fenxiao.plan import Plan
    from fenxiao.policies.setting import Setting
    from fenxiao.state import State

_SAME_PLAN: Final = "Settle with the plan that the state comes from, or take these entries out of the state"


def check_state(state: State, plan: Plan, period: Period | None) -> None:
    """Refuse a state that knows the period already, or caps that the plan does not have.

    Raises
    ------
    StateError
        The period was settled before, or a cap or a ladder is unknown.
    """
    if period is not None and str(period) in state.settled:
        raise StateError(
            "State",
            "has settled this period already",
            value=str(period),
            hint="Settle the next period, or start from the state before",
        )
    _check_known(
        {name for name, _ in state.usage} | {entry.cap for entry in state.deferred},
        {cap.name for cap in plan.caps} | {limit.name for limit in plan.source_limits},
        "knows caps or source limits that the plan does not have",
        "a state of a plan without caps",
    )
    windows = {cap.name: cap.window for cap in plan.caps}
    windows |= {limit.name: limit.window for limit in plan.source_limits}
    strange = sorted(window for name, window in state.usage if window_of(window) != windows[name])
    if strange:
        raise StateError(
            "State, usage",
            "is of windows that the plan's caps and source limits do not have",
            value=strange,
            allowed='"2026" of a year, "anniversary 3", "lifetime"',
            hint="A limit whose window changes needs another name, and its entries taken out of the state",
        )
    _check_known(
        {each.ladder for each in state.standings},
        {each.name for each in plan.qualifications if isinstance(each, Ladder)},
        "knows ladders that the plan does not have",
        "a state of a plan without ladders",
    )
    _check_known(
        {each.policy for each in state.carries},
        {policy.name for policy in plan.policies if isinstance(policy, PeriodPolicy)},
        "carries volumes of policies that the plan does not have",
        "a state of a plan that carries nothing",
    )
    _check_known(
        set(state.pots),
        {policy.name for policy in plan.policies if isinstance(policy, PeriodPolicy)},
        "carries pots of what is no policy on the period of the plan",
        "a state of a plan that carries nothing",
    )
    if state.taken is not None and len(plan.cadences) < 2:
        raise StateError(
            "State",
            "knows what runs of several cadences took from orders",
            value=", ".join(plan.cadences) or "a plan without cadences",
            allowed="a plan whose policies are due in several cadences",
            hint=_SAME_PLAN,
        )


def _check_known(named: set[str], known: set[str], problem: str, otherwise: str) -> None:
    """Refuse names of a state that the plan does not have."""
    if named - known:
        allowed = ", ".join(sorted(known)) or otherwise
        raise StateError("State", problem, value=sorted(named - known), allowed=allowed, hint=_SAME_PLAN)


def check_usage(state: State, plan: Plan, facts: Facts) -> None:
    """Refuse what caps have used up for groups that are not there: limits would start anew in silence.

    Raises
    ------
    StateError
        Somebody is not in the tree, or a policy not in the plan.
    """
    by_member = [(f"cap {cap.name!r}", cap.name) for cap in plan.caps if cap.scope in ("payee", "source")]
    by_member += [(f"source limit {limit.name!r}", limit.name) for limit in plan.source_limits]
    for thing, name in by_member:
        groups = _groups_of(name, state)
        try:
            facts.tree.indices([group for group in groups if group is not None])
        except InputError as error:
            raise StateError(
                f"State, usage of {thing}",
                "is of members who are not in the tree",
                allowed=f"{facts.tree.label_kind} labels of the tree",
                hint="Settle with the tree that the state comes from; read back, labels keep their kind",
                labels=error.labels or groups,
            ) from None
    names = [policy.name for policy in plan.policies]
    for cap in plan.caps:
        strange = set(_groups_of(cap.name, state)) - set(names)
        if cap.scope == "policy" and strange:
            raise StateError(
                f"State, usage of cap {cap.name!r}",
                "is of policies that the plan does not have",
                value=sorted(map(str, strange)),
                allowed=", ".join(names),
            )


def _groups_of(name: str, state: State) -> list[Any]:
    """Return the groups of which a cap or a source limit has used up something."""
    return [group for (found, _), used in state.usage.items() if found == name for group in used]


def counted_usage(setting: Setting) -> dict[tuple[str, str], dict[Any, int]]:
    """Return what has counted by now until the plan's source limits, checked again.

    Raises
    ------
    InvariantError
        The second check finds more counted than a limit leaves.
    """
    usage: dict[tuple[str, str], dict[Any, int]] = {}
    for limit in setting.source_limits:
        audit.check_counted(setting, limit)
        usage |= usage_after(limit, setting)
    return usage


def advanced(after: State, before: State, setting: Setting, plan: Plan) -> State:
    """Return the state with the period, and with what later periods look back at.

    Parameters
    ----------
    after : the state as the wide caps left it
    before : the state of the run before
    """
    tree, period = setting.tree, str(setting.period)
    records = []
    for measure in plan.recorded_measures:
        column = setting.measure(measure)
        had = np.flatnonzero(column.values)
        records.append(
            Record(
                measure=identity(measure),
                period=period,
                labels=tree.ids[had],
                values=column.values[had],
                decimals=column.decimals if isinstance(column, Amounts) else None,
            )
        )
    standings = []
    for ladder in plan.qualifications:
        if isinstance(ladder, Ladder):
            ranks = setting.standing(ladder)
            had = np.flatnonzero((ranks.title > 0) | (ranks.paid > 0))
            standings.append(
                Standing(
                    ladder=ladder.name,
                    names=ladder.names,
                    labels=tree.ids[had],
                    title=ranks.title[had],
                    paid=ranks.paid[had],
                    missed=ranks.missed[had],
                )
            )
    return attrs.evolve(
        after,
        settled=(*before.settled, period),
        records=History(before.records).followed_by(records),
        standings=tuple(standings),
    )
