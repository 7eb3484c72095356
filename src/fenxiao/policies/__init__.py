"""Policies: what a plan pays, one module a family, and the protocol for policies of your own.

A family is loaded when one of its policies is first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fenxiao.policies.base import Claims, Detail, Hop, OrderPolicy, PeriodPolicy, PeriodView, PreparedPolicy
from fenxiao.policies.blocks import OrderBlock
from fenxiao.policies.fields import rounding_of
from fenxiao.policies.legs import Cycle
from fenxiao.policies.pairing import Pair
from fenxiao.policies.schedules import Fixed, fixed_of
from fenxiao.policies.setting import Setting
from fenxiao.routes import PassUp

if TYPE_CHECKING:
    from fenxiao.policies.binary import BinaryPairing
    from fenxiao.policies.boards import BoardBonus
    from fenxiao.policies.breakaway import LeadershipBonus
    from fenxiao.policies.ceilings import CeilingCascade
    from fenxiao.policies.completion import LevelCompletion
    from fenxiao.policies.differentials import RankDifferential
    from fenxiao.policies.drawing import Draw, Drawn, drawn
    from fenxiao.policies.generation_match import GenerationMatch
    from fenxiao.policies.generation_volume import GenerationVolumeBonus
    from fenxiao.policies.generations import GenerationBonus
    from fenxiao.policies.level_bonus import LevelBonus, MatchingBonus
    from fenxiao.policies.levels import LevelCommission
    from fenxiao.policies.pools import Pool
    from fenxiao.policies.price_gap import PriceGap, RetailMarkup
    from fenxiao.policies.qualified import QualifiedBonus
    from fenxiao.policies.rated_pool import RatedPool
    from fenxiao.policies.regions import RegionAgency
    from fenxiao.policies.same_rank import SameRankBonus
    from fenxiao.policies.stairstep import StairstepOverride
    from fenxiao.policies.volume_pay import VolumeCommission, VolumeDifferential

Policy: TypeAlias = OrderPolicy | PeriodPolicy

BUILT_IN: Final = {
    "level_commission": ("levels", "LevelCommission"),
    "level_bonus": ("level_bonus", "LevelBonus"),
    "matching_bonus": ("level_bonus", "MatchingBonus"),
    "generation_bonus": ("generations", "GenerationBonus"),
    "generation_match": ("generation_match", "GenerationMatch"),
    "generation_volume_bonus": ("generation_volume", "GenerationVolumeBonus"),
    "rank_differential": ("differentials", "RankDifferential"),
    "ceiling_cascade": ("ceilings", "CeilingCascade"),
    "same_rank_bonus": ("same_rank", "SameRankBonus"),
    "price_gap": ("price_gap", "PriceGap"),
    "retail_markup": ("price_gap", "RetailMarkup"),
    "region_agency": ("regions", "RegionAgency"),
    "volume_commission": ("volume_pay", "VolumeCommission"),
    "volume_differential": ("volume_pay", "VolumeDifferential"),
    "leadership_bonus": ("breakaway", "LeadershipBonus"),
    "stairstep_override": ("stairstep", "StairstepOverride"),
    "qualified_bonus": ("qualified", "QualifiedBonus"),
    "binary_pairing": ("binary", "BinaryPairing"),
    "level_completion": ("completion", "LevelCompletion"),
    "board_bonus": ("boards", "BoardBonus"),
    "pool": ("pools", "Pool"),
    "rated_pool": ("rated_pool", "RatedPool"),
}
"""The policies that plain data may name without further ado: module and class by `kind`."""

_MODULES: Final = {
    **{name: module for module, name in BUILT_IN.values()},
    **dict.fromkeys(("Draw", "Drawn", "drawn"), "drawing"),
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__


def built_in(kind: str) -> type[Policy] | None:
    """Return the built-in policy class of a kind; None where there is none.

    >>> built_in("level_commission").__name__, built_in("lottery")
    ('LevelCommission', None)
    """
    return __getattr__(BUILT_IN[kind][1]) if kind in BUILT_IN else None


__all__ = [
    "BUILT_IN",
    "BinaryPairing",
    "BoardBonus",
    "CeilingCascade",
    "Claims",
    "Cycle",
    "Detail",
    "Draw",
    "Drawn",
    "Fixed",
    "GenerationBonus",
    "GenerationMatch",
    "GenerationVolumeBonus",
    "Hop",
    "LeadershipBonus",
    "LevelBonus",
    "LevelCommission",
    "LevelCompletion",
    "MatchingBonus",
    "OrderBlock",
    "OrderPolicy",
    "Pair",
    "PassUp",
    "PeriodPolicy",
    "PeriodView",
    "Policy",
    "Pool",
    "PreparedPolicy",
    "PriceGap",
    "QualifiedBonus",
    "RankDifferential",
    "RatedPool",
    "RegionAgency",
    "RetailMarkup",
    "SameRankBonus",
    "Setting",
    "StairstepOverride",
    "VolumeCommission",
    "VolumeDifferential",
    "built_in",
    "drawn",
    "fixed_of",
    "rounding_of",
]
