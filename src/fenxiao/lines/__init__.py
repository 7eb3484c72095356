"""Order lines: claims, guarded block by block, as totals and as batches of lines."""

from fenxiao.lines.batch import NO_ORDER, LineBatch, LineTerms
from fenxiao.lines.blocks import GuardedBlock, OrderRun
from fenxiao.lines.stream import WideSplit, batch_of, empty_batch, joined
from fenxiao.lines.totals import OrderTotals, Sums

__all__ = [
    "NO_ORDER",
    "GuardedBlock",
    "LineBatch",
    "LineTerms",
    "OrderRun",
    "OrderTotals",
    "Sums",
    "WideSplit",
    "batch_of",
    "empty_batch",
    "joined",
]
