"""The second check: the guard's promise verified by other arithmetic, before anything is returned.

The guard divides, compares sums with limits and scatters; this module multiplies out, subtracts running
remainders and adds up from the other end. It may not import the guard. A violation raises `InvariantError`
and nothing is settled; it is never an ``assert``, which ``python -O`` would remove.
"""

from fenxiao.audit.counted import check_counted
from fenxiao.audit.inside import check_block
from fenxiao.audit.totals import check_period, check_taken, check_totals
from fenxiao.audit.wide import check_wide

__all__ = ["check_block", "check_counted", "check_period", "check_taken", "check_totals", "check_wide"]
