"""Money that others pay: shown beside a settlement, never guarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import MINOR
from fenxiao._kernels.tally import Tally
from fenxiao.errors import PlanError, is_one_of
from fenxiao.policies.base import OrderPolicy
from fenxiao.statements import MemberTotals

if TYPE_CHECKING:
    from fenxiao.plan import Plan
    from fenxiao.policies.setting import Setting


def shown_totals(plan: Plan, setting: Setting, policy: str | None) -> MemberTotals:
    """Return what policies show for every member, of one policy or of all.

    Raises
    ------
    PlanError
        The plan has no policy of that name.
    """
    names = [each.name for each in plan.policies]
    if policy is not None and not is_one_of(policy, names):
        raise PlanError(
            "policy", "is not one of the plan's", value=policy, allowed=", ".join(names) or "none"
        )
    tally = Tally(setting.size + 1)
    for each in plan.policies:
        if isinstance(each, OrderPolicy) and policy in (None, each.name):
            found = each.shown(setting.lines)
            if found is not None:
                tally.add(*found)
    nothing = np.zeros(setting.size, dtype=MINOR)
    return MemberTotals(
        tree=setting.tree,
        currency=plan.currency,
        allowed=tally.sums("what is shown")[: setting.size],
        released=nothing,
        withheld_of=lambda: nothing,
    )
