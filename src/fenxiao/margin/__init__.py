"""The guard: claims and limits in, allowed amounts out. It knows no policy and holds for any claims."""

from fenxiao.cells import Cells
from fenxiao.margin.inside import OrderGuard
from fenxiao.margin.rejecting import together
from fenxiao.margin.wide import OF_ORDERS, OF_PERIOD, RELEASED, WideCut, WideGuard, WideOutcome

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
