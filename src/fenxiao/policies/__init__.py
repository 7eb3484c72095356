"""Policies: what a plan pays, one module a family, and the protocol for policies of your own."""

from fenxiao.policies.base import Claims, Hop, OrderPolicy, PeriodPolicy, PeriodView, PreparedPolicy
from fenxiao.policies.blocks import OrderBlock, Setting
from fenxiao.policies.levels import LevelCommission, rounding_of
from fenxiao.policies.schedules import Fixed, fixed_of

__all__ = [
    "Claims",
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
