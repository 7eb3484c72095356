"""Settlement: the steps in order, and their result."""

from fenxiao.settlement.result import Settlement
from fenxiao.settlement.run import Quote, merge, quote, settle

__all__ = ["Quote", "Settlement", "merge", "quote", "settle"]
