"""The guard: claims and limits in, allowed amounts out. It knows no policy and holds for any claims."""

from fenxiao.margin.cells import Cells
from fenxiao.margin.inside import OrderGuard
from fenxiao.margin.wide import WideGuard, WideOutcome

__all__ = ["Cells", "OrderGuard", "WideGuard", "WideOutcome"]
