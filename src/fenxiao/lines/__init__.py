"""Order lines: claims, guarded block by block, as totals and as batches of lines."""

from fenxiao.lines.batch import NO_CUT, NO_ORDER, CutBatch, LineBatch, LineTerms
from fenxiao.lines.blocks import GuardedBlock, OrderRun
from fenxiao.lines.stream import WideSplit, batches_of, cuts_of, empty_batch, joined
from fenxiao.lines.totals import OrderTotals, Sums, withheld_totals

__all__ = [
    "NO_CUT",
    "NO_ORDER",
    "CutBatch",
    "GuardedBlock",
    "LineBatch",
    "LineTerms",
    "OrderRun",
    "OrderTotals",
    "Sums",
    "WideSplit",
    "batches_of",
    "cuts_of",
    "empty_batch",
    "joined",
    "withheld_totals",
]
