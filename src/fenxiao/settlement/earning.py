"""What a run paid, as the plain data that outlives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao.earned import Earned, PolicyPay

if TYPE_CHECKING:
    from fenxiao.settlement.result import Settlement


def earned_of(run: Settlement) -> Earned:
    """Return what a run paid by policy and member, and what of its margins it used."""
    report, tree = run.margin_report(), run.facts.tree
    policies = []
    for policy in run.due.policies:
        totals = run.totals(policy.name)
        # Row numbers pick several times as fast as a mask of which nobody can guess the next flag.
        had = tree.by_label[np.flatnonzero(((totals.allowed | totals.released) != 0)[tree.by_label])]
        policies.append(
            PolicyPay(
                policy=policy.name,
                labels=tree.ids[had],
                allowed=totals.allowed[had],
                released=totals.released[had],
            )
        )
    return Earned(
        period="" if run.period is None else str(run.period),
        plan=run.plan.hash,
        currency=run.plan.currency,
        policies=tuple(policies),
        budget=report.budget,
        losses=report.losses,
        funds=report.funds,
        order_pay=report.order_pay,
        period_pay=report.period_pay,
        released=report.released,
        deferred=report.deferred,
        carried_in=report.carried_in,
        carried_on=report.carried_on,
    )
