"""At which time a plan looks who stands above the member whom an order credits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fenxiao.errors import PlanError, UnsupportedError, is_one_of
from fenxiao.policies.base import PeriodPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.policies.base import OrderPolicy

PERIOD_END: Final = "period_end"
ORDER_TIME: Final = "order_time"
ATTRIBUTIONS: Final = (PERIOD_END, ORDER_TIME)

_THING: Final = "Plan, attribution"


def check_attribution(
    attribution: object, anchor: str | None, policies: Sequence[OrderPolicy | PeriodPolicy]
) -> None:
    """Check that a plan's policies can look at the upline of the time that it names.

    Raises
    ------
    PlanError
        The attribution is none that there is, or needs an anchor.
    UnsupportedError
        Policies that do not know the order's own time.
    """
    if not is_one_of(attribution, ATTRIBUTIONS):
        allowed = ", ".join(map(repr, ATTRIBUTIONS))
        raise PlanError(_THING, "is none that there is", value=attribution, allowed=allowed)
    if attribution == PERIOD_END:
        return
    if anchor is None:
        hint = 'Name it: Plan(anchor="paid_at", zone="Asia/Shanghai")'
        raise PlanError(_THING, "needs to know the time of an order", value=attribution, hint=hint)
    others = [
        policy.name
        for policy in policies
        if isinstance(policy, PeriodPolicy) or not policy.climbs_at_order_time()
    ]
    if others:
        raise UnsupportedError(
            _THING,
            "at the order's time is not known to some policies",
            value=others,
            allowed="LevelCommission along the sponsors, without a pass_up of recruits",
            hint="Attribute at the period's end, or settle these policies by a plan of their own",
        )
