"""Plans: margin, policies and caps as one frozen object, and as plain data."""

from fenxiao.plan.plan import VERSION, Plan
from fenxiao.policies import Policy

__all__ = ["VERSION", "Plan", "Policy"]
