"""Policies: what a plan pays, one module a family, and the protocol for policies of your own."""

from typing import Final

from fenxiao.policies.base import Claims, Detail, Hop, OrderPolicy, PeriodPolicy, PeriodView, PreparedPolicy
from fenxiao.policies.blocks import OrderBlock
from fenxiao.policies.breakaway import LeadershipBonus
from fenxiao.policies.ceilings import CeilingCascade
from fenxiao.policies.differentials import RankDifferential
from fenxiao.policies.fields import rounding_of
from fenxiao.policies.generation_match import GenerationMatch
from fenxiao.policies.generation_volume import GenerationVolumeBonus
from fenxiao.policies.generations import GenerationBonus
from fenxiao.policies.level_bonus import LevelBonus, MatchingBonus
from fenxiao.policies.levels import LevelCommission
from fenxiao.policies.pairing import Pair
from fenxiao.policies.price_gap import PriceGap, RetailMarkup
from fenxiao.policies.qualified import QualifiedBonus
from fenxiao.policies.same_rank import SameRankBonus
from fenxiao.policies.schedules import Fixed, fixed_of
from fenxiao.policies.setting import Setting
from fenxiao.policies.stairstep import StairstepOverride
from fenxiao.policies.volume_pay import VolumeCommission, VolumeDifferential
from fenxiao.routes import PassUp

BUILT_IN: Final[tuple[type[OrderPolicy | PeriodPolicy], ...]] = (
    LevelCommission,
    LevelBonus,
    MatchingBonus,
    GenerationBonus,
    GenerationMatch,
    GenerationVolumeBonus,
    RankDifferential,
    CeilingCascade,
    SameRankBonus,
    PriceGap,
    RetailMarkup,
    VolumeCommission,
    VolumeDifferential,
    LeadershipBonus,
    StairstepOverride,
    QualifiedBonus,
)
"""The policies that plain data may name without further ado."""

__all__ = [
    "BUILT_IN",
    "CeilingCascade",
    "Claims",
    "Detail",
    "Fixed",
    "GenerationBonus",
    "GenerationMatch",
    "GenerationVolumeBonus",
    "Hop",
    "LeadershipBonus",
    "LevelBonus",
    "LevelCommission",
    "MatchingBonus",
    "OrderBlock",
    "OrderPolicy",
    "Pair",
    "PassUp",
    "PeriodPolicy",
    "PeriodView",
    "PreparedPolicy",
    "PriceGap",
    "QualifiedBonus",
    "RankDifferential",
    "RetailMarkup",
    "SameRankBonus",
    "Setting",
    "StairstepOverride",
    "VolumeCommission",
    "VolumeDifferential",
    "fixed_of",
    "rounding_of",
]
