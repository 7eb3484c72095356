"""Cadences: policies due per order, day, week or month, each settled by runs of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from fenxiao.errors import PlanError
from fenxiao.expressions import identity
from fenxiao.policies import OrderPolicy, PeriodPolicy, Policy
from fenxiao.policies.base import CADENCES
from fenxiao.qualification import GivenRanks, Ladder, Qualification
from fenxiao.qualification.ladders import TITLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fenxiao.limits import Cap
    from fenxiao.plan.plan import Plan

_BY_ORDER: Final = CADENCES[0]


def computed_by(qualifications: Iterable[Qualification]) -> dict[str, Qualification]:
    """Return the member columns that qualifications compute, and which of them computes each."""
    return {
        name: each
        for each in qualifications
        for name in (each.name, each.name + TITLE if isinstance(each, Ladder) else each.name)
    }


def part_of(plan: Plan, kind: str) -> Plan:
    """Return the part of a plan that is due in runs of a kind; see `Plan.due_in`."""
    cadences = plan.cadences
    if cadences and kind not in cadences:
        raise PlanError(
            "plan",
            "has nothing that is due in such a run",
            value=kind,
            allowed=", ".join(cadences),
            hint="Pass the period that is due, settle(..., period=month(2026, 10)), or none for what is due "
            "per order",
        )
    if len(cadences) < 2:
        return plan
    policies = [policy for policy in plan.policies if policy.due == kind]
    names = {policy.name for policy in policies}
    caps = [_narrowed(cap, names) for cap in plan.caps if not names.isdisjoint(_cut_by(cap, plan.policies))]
    return attrs.evolve(
        plan, policies=policies, caps=caps, qualifications=_read_by(plan.qualifications, policies, caps)
    )


def check_cadences(plan: Plan) -> None:
    """Refuse cadences that do not go together.

    Raises
    ------
    PlanError
        Some policies are due and others are not; periods without a time; a cap, a match, a ladder or a window
        that would have to look into runs of another cadence.
    """
    cadences = plan.cadences
    if not cadences:
        return
    undue = [policy.name for policy in plan.policies if policy.due is None]
    if undue:
        raise PlanError(
            "Plan, policies",
            "are due for some and not for others",
            value=undue,
            allowed="a cadence for all of them, or for none",
            hint='Write due="month", for instance, to each of these',
        )
    if plan.anchor is None and cadences != (_BY_ORDER,):
        raise PlanError(
            "Plan, policies",
            "are due by periods, and no time puts orders into them",
            value=", ".join(cadences),
            hint='Write Plan(anchor="paid_at", zone="Asia/Shanghai")',
        )
    for cap in plan.caps:
        _check_cap(cap, plan)
    if len(cadences) > 1:
        if plan.margin.guard == "line":
            raise PlanError(
                "Margin, guard",
                "is by line, while runs of several cadences share the margin of whole orders",
                value="line",
                allowed="order",
                hint="Leave guard out, or settle all policies in one cadence",
            )
        for policy in plan.policies:
            _check_named(policy, plan)
    _check_reads(plan)


def _cut_by(cap: Cap, policies: Sequence[Policy]) -> tuple[str, ...]:
    """Return the policies that a cap cuts: claims on periods have no order, product, region or source."""
    if cap.on is not None:
        return cap.on
    of_orders = cap.in_order or cap.scope in ("product", "region", "source")
    return tuple(policy.name for policy in policies if isinstance(policy, OrderPolicy) or not of_orders)


def _narrowed(cap: Cap, names: set[str]) -> Cap:
    """Return a cap for some of its policies."""
    on, counting = (
        tuple(name for name in each if name in names) if each else None for each in (cap.on, cap.counting)
    )
    # What a cap cuts always counts, so that nothing else need be named.
    return attrs.evolve(cap, on=on, counting=counting or None)


def _check_cap(cap: Cap, plan: Plan) -> None:
    due = {policy.name: policy.due for policy in plan.policies}
    cut = {due[name] for name in _cut_by(cap, plan.policies)}
    counted = {due[name] for name in cap.counting or ()}
    all_of_them = ", ".join(cadence for cadence in CADENCES if cadence in cut | counted)
    if len(cut | counted) > 1 and cap.window == "period":
        raise PlanError(
            f"cap {cap.name!r}",
            "is on policies of several cadences, and no run sees them all",
            value=all_of_them,
            allowed='policies of one cadence; with window="year" or "lifetime" of any',
            hint="Write a cap for each cadence and name its policies in on=",
        )
    if counted - cut:
        raise PlanError(
            f"cap {cap.name!r}",
            "counts policies of a cadence in which it cuts none",
            value=", ".join(sorted(map(str, counted - cut))),
            allowed=", ".join(sorted(map(str, cut))),
            hint="Count policies that are due when those in on= are",
        )
    if cap.window in ("year", "anniversary") and _BY_ORDER in cut:
        raise PlanError(
            f"cap {cap.name!r}",
            "holds for a year and cuts what is due per order, in runs without a date",
            value=_BY_ORDER,
            allowed=", ".join(CADENCES[1:]),
            hint='Write window="lifetime", or name policies of other cadences in on=',
        )


def _check_named(policy: Policy, plan: Plan) -> None:
    """Refuse a policy that looks at one of another cadence: its pay, its steps, or its pot."""
    due = {each.name: each.due for each in plan.policies}
    # Same-rank bonuses follow a differential (`of`), pools lie inside others (`inside`).
    fields = (getattr(policy, name, None) for name in ("of", "inside"))
    named = [name for name in fields if isinstance(name, str)]
    named += policy.matched() if isinstance(policy, PeriodPolicy) else ()
    for name in named:
        if due.get(name, policy.due) != policy.due:
            raise PlanError(
                f"policy {policy.name!r}",
                "looks at a policy of another cadence, which its own runs do not settle",
                value=f"{name}, due per {due[name]}",
                allowed=f"policies due per {policy.due}",
                hint="Give both the same cadence",
            )


def _columns_of(policies: Iterable[Policy], caps: Iterable[Cap]) -> list[str]:
    """Return the member columns that policies and caps read."""
    columns = [name for policy in policies for name in policy.member_columns()]
    # Owners and money limits of members, which caps read as well, are never computed.
    return columns + [cap.rank_column for cap in caps if cap.by_rank]


def _read_by(
    qualifications: Sequence[Qualification], policies: Iterable[Policy], caps: Iterable[Cap]
) -> tuple[Qualification, ...]:
    """Return the qualifications that policies and caps read, and those that these read in turn.

    Given ranks are computed of nothing, so that they always stay.
    """
    found, read = computed_by(qualifications), set[str]()
    columns = _columns_of(policies, caps)
    while columns:
        each = found.get(columns.pop())
        if each is not None and each.name not in read:
            read.add(each.name)
            columns += each.member_columns()
    return tuple(each for each in qualifications if each.name in read or isinstance(each, GivenRanks))


def _check_reads(plan: Plan) -> None:
    """Refuse ladders and windows that runs of other cadences would move on, or none."""
    parts = {cadence: part_of(plan, cadence) for cadence in plan.cadences}
    for each in plan.qualifications:
        read = [
            cadence
            for cadence, part in parts.items()
            if each.name in {found.name for found in part.qualifications}
        ]
        if not read:
            raise PlanError(
                f"{each.kind} {each.name!r}",
                "is read by no policy and no cap, so that no run would compute it",
                hint="Leave it out, or name it in member_columns() of the policy that reads it",
            )
        if isinstance(each, Ladder):
            _check_memory(f"{each.kind} {each.name!r}", read)
    measures = {
        identity(measure): repr(measure) for part in parts.values() for measure in part.recorded_measures
    }
    for key, name in measures.items():
        read = [
            cadence
            for cadence, part in parts.items()
            if key in {identity(measure) for measure in part.recorded_measures}
        ]
        _check_memory(f"the windows of {name}", read)


def _check_memory(thing: str, read: list[str]) -> None:
    """Refuse what goes on from period to period where periods of several kinds, or none, would move it."""
    if len(read) > 1 or _BY_ORDER in read:
        raise PlanError(
            thing,
            "goes on from period to period and is read by policies of other cadences",
            value=", ".join(read),
            allowed=f"one cadence: {', '.join(CADENCES[1:])}",
            hint="Give what other cadences read as a column of the members",
        )
