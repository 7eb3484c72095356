"""Policies: what a plan pays, one module a family, and the protocol for policies of your own."""

from typing import Final

from fenxiao.policies.base import Claims, Detail, Hop, OrderPolicy, PeriodPolicy, PeriodView, PreparedPolicy
from fenxiao.policies.blocks import OrderBlock, Setting
from fenxiao.policies.levels import LevelCommission, rounding_of
from fenxiao.policies.schedules import Fixed, fixed_of

BUILT_IN: Final[tuple[type[OrderPolicy | PeriodPolicy], ...]] = (LevelCommission,)
"""The policies that plain data may name without further ado."""

__all__ = [
    "BUILT_IN",
    "Claims",
    "Detail",
    "Fixed",
    "Hop",
    "LevelCommission",
    "OrderBlock",
    "OrderPolicy",
    "PeriodPolicy",
    "PeriodView",
    "PreparedPolicy",
    "Setting",
    "fixed_of",
    "rounding_of",
]
