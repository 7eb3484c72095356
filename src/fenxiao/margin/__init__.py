"""The guard: claims and limits in, allowed amounts out. It knows no policy and holds for any claims."""

from fenxiao.cells import Cells
from fenxiao.margin.inside import OrderGuard
from fenxiao.margin.outcome import OF_ORDERS, OF_PERIOD, RELEASED, WideCut, WideOutcome
from fenxiao.margin.rejecting import together
from fenxiao.margin.wide import WideGuard

__all__ = [
    "OF_ORDERS",
    "OF_PERIOD",
    "RELEASED",
    "Cells",
    "OrderGuard",
    "WideCut",
    "WideGuard",
    "WideOutcome",
    "together",
]
