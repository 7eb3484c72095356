"""What one run paid as plain data that outlives it, and what two runs pay differently."""

from fenxiao.earned.differences import Differences
from fenxiao.earned.totals import Earned, PolicyPay

__all__ = ["Differences", "Earned", "PolicyPay"]
