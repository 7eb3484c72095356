"""What the parts of a plan say of one another, checked when it is made; each raises `PlanError`."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from fenxiao.errors import PlanError
from fenxiao.periods import zone_of
from fenxiao.plan.cadences import computed_by
from fenxiao.policies import OrderPolicy, PeriodPolicy
from fenxiao.qualification import Ladder
from fenxiao.qualification.ladders import TITLE

if TYPE_CHECKING:
    from fenxiao.plan.plan import Plan


def check_names(plan: Plan) -> None:
    """Refuse names that are given twice, and caps on policies that are not there."""
    names = [policy.name for policy in plan.policies]
    named = {
        "policies": names,
        "caps": [cap.name for cap in plan.caps],
        "qualifications": [each.name for each in plan.qualifications]
        + [each.name + TITLE for each in plan.qualifications if isinstance(each, Ladder)],
        "source limits": [limit.name for limit in plan.source_limits],
    }
    for thing, found in named.items():
        if len(set(found)) < len(found):
            raise PlanError(f"Plan, {thing}", "share a name", value=found, hint="Give each its own")
    for cap in plan.caps:
        unknown = sorted({*(cap.on or ()), *(cap.counting or ())} - set(names))
        if unknown:
            raise PlanError(
                f"cap {cap.name!r}",
                "names a policy that is not there",
                value=unknown,
                allowed=", ".join(names),
            )


def check_circles(plan: Plan) -> None:
    """Refuse qualifications that read one another in a circle."""
    found = computed_by(plan.qualifications)
    reads = {
        each.name: [found[name].name for name in each.member_columns() if name in found]
        for each in plan.qualifications
    }
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        raise PlanError(
            f"{found[circle[0]].kind} {circle[0]!r}",
            "depends on itself",
            value=" > ".join(circle),
            hint="Read columns that do not read this one",
        ) from None


def check_matches(plan: Plan) -> None:
    """Refuse matches of pay that is not there yet, or is nobody's."""
    stages = {policy.name: policy.stage for policy in plan.policies}
    shows = {policy.name for policy in plan.policies if isinstance(policy, OrderPolicy) and policy.only_shows}
    for policy in plan.policies:
        if isinstance(policy, PeriodPolicy):
            for name in policy.matched():
                if stages.get(name, policy.stage) >= policy.stage:
                    raise PlanError(
                        f"policy {policy.name!r}",
                        "matches the pay of a policy that is not in an earlier stage",
                        value=name,
                        allowed=", ".join(n for n, stage in stages.items() if stage < policy.stage)
                        or "none so far",
                        hint="Write stage=2, or a later one, for what looks at pay",
                    )
                if name in shows:
                    raise PlanError(
                        f"policy {policy.name!r}",
                        "matches the pay of a policy that claims nothing, as others pay it",
                        value=name,
                        allowed=", ".join(n for n in stages if n not in {policy.name, *shows}) or "none",
                        hint="Match what the company pays",
                    )


def check_unpaid(plan: Plan) -> None:
    """Refuse caps on policies that pay nothing: they would limit nothing, in silence."""
    unpaid = {p.name for p in plan.policies if isinstance(p, PeriodPolicy) and p.credits_only()}
    for cap in plan.caps:
        named = sorted({*(cap.on or ()), *(cap.counting or ())} & unpaid)
        if named:
            raise PlanError(
                f"cap {cap.name!r}",
                "names a policy that is not paid",
                value=named,
                hint="Limit the policies that take shares of it",
            )


def check_times(plan: Plan) -> None:
    """Refuse half an anchor, an unknown zone, and refunds that count from a time that is not named."""
    if (plan.anchor is None) != (plan.zone is None):
        raise PlanError(
            "Plan",
            "needs anchor and zone together",
            allowed='anchor="paid_at", zone="Asia/Shanghai", or neither',
        )
    if plan.zone is not None:
        zone_of(plan.zone)
    elif plan.refunds.bands or plan.refunds.horizon_days is not None:
        raise PlanError(
            "Plan, refunds",
            "count from the time of an order",
            hint='Pass Plan(anchor="paid_at", zone="Asia/Shanghai")',
        )


def check_source_limits(plan: Plan) -> None:
    """Refuse limits without an order of lines, that read one another, or that several runs would count."""
    names = {limit.name for limit in plan.source_limits}
    both = sorted(names & {cap.name for cap in plan.caps})
    if both:
        raise PlanError(
            "Plan, source limits",
            "are called like caps, and the state tells them apart by name",
            value=both,
            hint="Rename one of the two",
        )
    for limit in plan.source_limits:
        thing = f"source limit {limit.name!r}"
        if plan.anchor is None:
            raise PlanError(
                thing,
                "counts orders by their time, and none is named",
                hint='Pass Plan(anchor="paid_at", zone="Asia/Shanghai")',
            )
        computed = sorted(names & set(limit.of.columns))
        if computed:
            raise PlanError(
                thing, "reads a column that a source limit computes", value=computed, allowed="given columns"
            )
        if len(plan.cadences) > 1:
            raise PlanError(
                thing,
                "would count an order once in the runs of each cadence",
                value=", ".join(plan.cadences),
                allowed="policies of one cadence",
                hint="Limit what one cadence pays with Cap.per_source, or give it a plan of its own",
            )
