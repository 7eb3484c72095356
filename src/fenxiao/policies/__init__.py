"""Policies: what a plan pays, one module a family, and the protocol for policies of your own."""

from fenxiao.policies.base import (
    Claims,
    Hop,
    OrderBlock,
    OrderPolicy,
    PeriodPolicy,
    PeriodView,
    PreparedPolicy,
    Setting,
)
from fenxiao.policies.levels import Fixed, LevelCommission

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
]
