"""The second check fires where runs would use a margin twice."""

from __future__ import annotations

import numpy as np
import pytest

import fenxiao as fx
from fenxiao import audit
from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN
from fenxiao.margin.budget import Budget
from fenxiao.margin.inside import OrderGuard
from fenxiao.settlement import cadences
from fenxiao.taken import Taken
from tests.cadences.shop import DAILY, MONTHLY, OCT1, OCTOBER, facts, order, paid, plan, settled, taken


def check(before, after, margins, paid):
    """Run the check on columns."""
    columns = (np.array(each, dtype=MINOR) for each in (before, after, margins))
    audit.check_taken(*columns, paid)


def test_what_is_within_margins_passes():
    """Up to the margin, and not less than before; a margin that fell, or a loss, gives no more."""
    check([0, 5, 9, 3], [7, 5, 9, 3], [7, 9, 4, -8], 7)
    check([], [], [], 0)
    check([MINOR_MAX - 1] * 3, [MINOR_MAX] * 3, [MINOR_MAX] * 3, 3)


BROKEN = {
    "above the margin": ([0], [8], [7], 8, "more than the margin"),
    "above a margin that fell": ([9], [10], [7], 1, "more than the margin"),
    "above a loss": ([0], [1], [-1], 1, "more than the margin"),
    "back": ([5, 0], [4, 1], [9, 9], 0, "give back"),
    "unseen": ([5], [7], [9], 3, "account for all"),
    "too much": ([5], [7], [9], 1, "account for all"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_law_of_runs_is_found(name):
    """More than a margin, money given back, money that no order gave."""
    *columns, words = BROKEN[name]
    with pytest.raises(fx.InvariantError, match=words):
        check(*columns)


def forgetful(change):
    """Return a way to find budgets that does something to those of the guard."""
    real = OrderGuard.budget

    def budget(self, block):
        found = real(self, block)
        return Budget(found.by_line, change(found), found.net_by_order)

    return budget


LINES = [order("A1", "cai", "50.00", "2026-10-01", line=n) for n in (0, 1)]
CHANGES = {
    "all of the margin": lambda found: np.maximum(found.net_by_order, 0),
    "the margins themselves": lambda found: found.net_by_order,
    "one more": lambda found: found.by_order + 1,
    "nothing": lambda found: np.zeros_like(found.by_order),
    "one less": lambda found: found.by_order - 1,
}


@pytest.mark.parametrize("orders", [None, LINES], ids=["orders of one line", "of two"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_guard_that_forgets_what_was_taken_is_found(monkeypatch, name, orders):
    """The month may not have what the day took, nor a cent more or less than the rest."""
    given = facts(*(orders or ()))
    state = settled(plan(DAILY, MONTHLY), OCT1, given=given)[-1].state
    monkeypatch.setattr(OrderGuard, "budget", forgetful(CHANGES[name]))
    with pytest.raises(fx.InvariantError, match="less what was taken"):
        fx.settle(given, plan(DAILY, MONTHLY), period=OCTOBER, state=state)


def test_a_guard_that_leaves_something_of_nothing_is_found(monkeypatch):
    """Where all of a margin was taken, a budget of 0 is right and any other is not."""
    state = fx.State(taken=Taken(order_ids=["A1"], minor=[2500]))
    assert paid(fx.settle(facts(), plan(), period=OCT1, state=state)) == {}
    monkeypatch.setattr(OrderGuard, "budget", forgetful(CHANGES["one more"]))
    with pytest.raises(fx.InvariantError, match="less what was taken"):
        fx.settle(facts(), plan(), period=OCT1, state=state)


def test_a_run_that_forgets_its_own_pay_is_found(monkeypatch):
    """What a run takes is what it pays, added up in two ways."""
    monkeypatch.setattr(cadences, "ration", lambda handed, charge: np.zeros_like(handed))
    with pytest.raises(fx.InvariantError, match="account for all"):
        fx.settle(facts(), plan(DAILY, MONTHLY), period=OCTOBER)


def test_margins_at_the_ends_of_64_bits_are_exact():
    """The largest margin is used up to its last unit over two runs, beside the largest loss."""
    given = facts(
        order("A1", "cai", "40000000000000000.00", "2026-10-01", margin_minor=MINOR_MAX),
        order("A2", "cai", "40000000000000000.00", "2026-10-01", margin_minor=MINOR_MIN + 1),
    )
    state = fx.State(taken=Taken(order_ids=["A1", "A2"], minor=[MINOR_MAX - 7, MINOR_MAX]))
    whole = plan(DAILY, MONTHLY, margin=fx.Margin.column("margin"))
    day, month = settled(whole, OCT1, OCTOBER, given=given, state=state)
    assert paid(day) == {"ann": "0.02", "bo": "0.05"}
    assert day.state.taken == Taken(order_ids=["A1", "A2"], minor=[MINOR_MAX, MINOR_MAX])
    assert (paid(month), taken(month)) == ({}, {})
