"""Plans: margin, policies and caps as one frozen object, and as plain data."""

from fenxiao.plan.data import Policy
from fenxiao.plan.plan import VERSION, Plan

__all__ = ["VERSION", "Plan", "Policy"]
