"""The second check of a whole run: both ways of adding up agree, and no money appeared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao.audit.arithmetic import fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao._arrays import MinorArray


def check_totals(pay_by_member: int, pay_by_order: int, budget: int, claimed: int, taken: int) -> None:
    """Verify law 3 over a run: both ways of adding up agree and no money appeared.

    Parameters
    ----------
    pay_by_member : sum over members' totals
    pay_by_order : sum over orders' pay
    budget : sum of the orders' budgets
    claimed, taken : sums of claims and of cuts

    Raises
    ------
    InvariantError
        They do not agree.
    """
    if pay_by_member != pay_by_order:
        raise fail("the totals", "by member and by order differ")
    if pay_by_order > budget:
        raise fail("the totals", "exceed the sum of the budgets")
    if claimed != pay_by_order + taken:
        raise fail("the totals", "do not conserve claimed = allowed + withheld")


def check_period(period_pay: int, handed: int, funds: int, pots: Sequence[tuple[int, int]] = ()) -> None:
    """Verify that period claims stay within what orders handed over, the funds and what pots brought.

    Parameters
    ----------
    pots : of each pool, what earlier periods carried over for it and what it pays

    Raises
    ------
    InvariantError
        They do not.
    """
    of_pots = sum(min(brought, paid) for brought, paid in pots)
    if period_pay - of_pots > max(handed + funds, 0):
        raise fail("the period", "pays more than its orders left and the funds")


def check_taken(before: MinorArray, after: MinorArray, margins: MinorArray, paid: int) -> None:
    """Verify law 2 over several runs: what all of them took from an order is within its margin.

    Parameters
    ----------
    before, after : int64 [orders], what runs took up to this one, and with it
    margins : int64 [orders], negative for a loss
    paid : what this run pays of margins, and keeps back for what it defers

    Raises
    ------
    InvariantError
        More was taken than there is, something was given back, or not all is accounted for.
    """
    if (after > np.maximum(margins, before)).any():
        raise fail("the runs", "take more than the margin of an order")
    if (after < before).any():
        raise fail("the runs", "give back what was taken from an order")
    if sum(after.tolist()) - sum(before.tolist()) != paid:
        raise fail("the runs", "do not account for all that they pay")
