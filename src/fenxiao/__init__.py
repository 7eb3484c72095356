"""fenxiao (分销): exact, guarded multi-level distribution economics.

Hand it a referral tree, orders and a commission plan; get back exact payouts with the reason for every cent,
and the guarantee that payouts never exceed the configured margins.
"""

import typing

from fenxiao.catalog import Catalog
from fenxiao.changes import Changes
from fenxiao.errors import FenxiaoError, InvariantError, Reason
from fenxiao.events import Events
from fenxiao.expressions import Base, Where, column, own
from fenxiao.facts import Facts
from fenxiao.limits import Cap, Margin
from fenxiao.members import Members
from fenxiao.money import Currency, Rate, Rounding, allocate, minor_from_float, ration, ration_exact
from fenxiao.orders import Orders
from fenxiao.periods import Period, day, month, week
from fenxiao.plan import Plan
from fenxiao.policies import Claims, Fixed, LevelCommission, OrderPolicy, PeriodPolicy
from fenxiao.refunds import Refunds
from fenxiao.settlement import Settlement, merge, quote, settle
from fenxiao.state import State
from fenxiao.tree import ReferralTree

if typing.TYPE_CHECKING:
    from fenxiao.corrections import correct

__version__ = "0.1.0"

__all__ = [
    "Base",
    "Cap",
    "Catalog",
    "Changes",
    "Claims",
    "Currency",
    "Events",
    "Facts",
    "FenxiaoError",
    "Fixed",
    "InvariantError",
    "LevelCommission",
    "Margin",
    "Members",
    "OrderPolicy",
    "Orders",
    "Period",
    "PeriodPolicy",
    "Plan",
    "Rate",
    "Reason",
    "ReferralTree",
    "Refunds",
    "Rounding",
    "Settlement",
    "State",
    "Where",
    "allocate",
    "column",
    "correct",
    "day",
    "merge",
    "minor_from_float",
    "month",
    "own",
    "quote",
    "ration",
    "ration_exact",
    "settle",
    "week",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    """Load what not every process needs when it is first named: corrections."""
    if name == "correct":
        from fenxiao.corrections import correct

        return correct
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
