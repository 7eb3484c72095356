"""The second check: every alarm is seen to fire when its promise is broken."""

from __future__ import annotations

import numpy as np
import pytest

import fenxiao as fx
from fenxiao import audit
from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, ROW
from fenxiao.errors import InvariantError
from fenxiao.policies import Setting
from fenxiao.sheets import Sheet
from tests.expressions.refusals import refused
from tests.policies.samples import TREE

Cap, Margin = fx.Cap, fx.Margin
NAMES = ("one", "two")


def block_of(lines, **options):
    """Return a block; lines are (order id, paid in minor units, further columns)."""
    seen = {}
    records = []
    for order, paid, more in lines:
        seen[order] = seen.get(order, -1) + 1
        records.append({"order_id": order, "line": seen[order], "member": "cai", "paid_minor": paid} | more)
    given = fx.Facts(tree=TREE, orders=fx.Orders.from_records(records, **options))
    return Setting(facts=given, currency=fx.Currency.of("CNY"), rows=slice(0, len(given.orders))).everything


SINGLE = block_of([(1, 1000, {"product": "a"}), (2, 2000, {"product": "b"})])
CAPPED = block_of([(1, 1000, {"cap_minor": 10}), (2, 2000, {"cap_minor": 10})], money=("cap",))
DOUBLE = block_of([(1, 1000, {"product": "a"}), (1, 1000, {"product": "b"}), (2, 2000, {"product": "a"})])


def sheet_of(block, amounts, allowed=None, places=(0, 1)):
    """Return a sheet of two policies with one slot each."""
    claims = [
        fx.Claims(
            payee=np.zeros((1, len(block)), dtype=INDEX),
            amount=np.array([row], dtype=MINOR),
            levels=(1,),
            bound=max(map(abs, row)),
        )
        for row in amounts
    ]
    sheet = Sheet(block, places[: len(amounts)], claims)
    if allowed is not None:
        sheet.allowed = np.array(allowed, dtype=MINOR)
    return sheet


def check(block, sheets, margin=None, caps=(), *, margins=None, budgets=None):
    """Run the check with margins of 25 % of paid, or as given."""
    margin = Margin.rate("25%", of="paid") if margin is None else margin
    margins = block.amounts("paid") // 4 if margins is None else np.array(margins, dtype=MINOR)
    if budgets is None:
        order = block.order_of_line()
        budgets = np.maximum(margins if order is None else np.add.reduceat(margins, block.starts[:-1]), 0)
    audit.check_block(
        block, sheets, margin, caps, NAMES, line_margins=margins, budgets=np.array(budgets, dtype=MINOR)
    )


def test_what_keeps_every_promise_passes():
    """Blocks of one and of several lines an order, caps of every scope and kind, pass."""
    caps = [
        Cap.per_line("9.00"), Cap.per_order("50%", of="paid"), Cap.per_product("9.00", within="order"),
        Cap.per_policy("1/3", of="paid", within="order"), Cap.per_order(column="paid"), Cap.per_payee("0"),
        Cap.per_order("9.00", on="one", counting=("two",)),
    ]  # fmt: skip
    check(SINGLE, [sheet_of(SINGLE, [[100, 200], [100, 200]])], caps=caps)
    check(
        DOUBLE,
        [sheet_of(DOUBLE, [[100, 100, 200]]), sheet_of(DOUBLE, [[100, 100, 200]], places=(1,))],
        caps=caps,
    )
    check(DOUBLE, [sheet_of(DOUBLE, [[100, 100, 200]])], Margin.rate("25%", of="paid", guard="line"), caps)
    check(SINGLE, [sheet_of(SINGLE, [[5, 5]])], Margin.column("paid"), margins=[1000, 2000])
    empty = Setting(facts=SINGLE.facts, currency=fx.Currency.of("CNY"), rows=slice(0, 0)).everything
    check(empty, [], margins=[], budgets=[])


BROKEN = {
    "negative": lambda: check(SINGLE, [sheet_of(SINGLE, [[5, 5]], [[-1, 5]])]),
    "above the claim": lambda: check(SINGLE, [sheet_of(SINGLE, [[5, 5]], [[6, 5]])]),
    "margin too high": lambda: check(SINGLE, [], margins=[251, 500]),
    "margin too low": lambda: check(SINGLE, [], margins=[249, 500]),
    "budget too high": lambda: check(DOUBLE, [], budgets=[501, 500]),
    "budget too low": lambda: check(DOUBLE, [], budgets=[500, 499]),
    "order overspent": lambda: check(SINGLE, [sheet_of(SINGLE, [[200, 5], [51, 5]])]),
    "order overspent by stages": lambda: check(
        SINGLE, [sheet_of(SINGLE, [[200, 5]]), sheet_of(SINGLE, [[51, 5]])]
    ),
    "order of lines overspent": lambda: check(DOUBLE, [sheet_of(DOUBLE, [[300, 201, 5]])]),
    "line overspent": lambda: check(
        DOUBLE, [sheet_of(DOUBLE, [[251, 5, 5]])], Margin.rate("25%", of="paid", guard="line")
    ),
    "loss paid": lambda: check(SINGLE, [sheet_of(SINGLE, [[1, 0]])], Margin.column("paid"), margins=[-5, 10]),
}

BROKEN_CAPS = {
    "line": (SINGLE, [[11, 5]], Cap.per_line("0.10")),
    "order": (DOUBLE, [[6, 5, 5]], Cap.per_order("0.10")),
    "order by rate": (DOUBLE, [[11, 10, 5]], Cap.per_order("1%", of="paid")),
    "order by column": (CAPPED, [[11, 5]], Cap.per_order(column="cap")),
    "product": (DOUBLE, [[11, 5, 5]], Cap.per_product("0.10", within="order")),
    "policy": (SINGLE, [[5, 5], [5, 11]], Cap.per_policy("0.10", within="order")),
    "one policy": (SINGLE, [[11, 5], [50, 50]], Cap.per_order("0.10", on="one")),
    "counting": (SINGLE, [[5, 5], [6, 5]], Cap.per_order("0.10", on="one", counting=("two",))),
}


@pytest.mark.parametrize("name", BROKEN_CAPS)
def test_every_broken_cap_raises(name):
    """One minor unit above a cap of any kind: the alarm fires; at the cap it does not."""
    block, amounts, cap = BROKEN_CAPS[name]
    refused(lambda: check(block, [sheet_of(block, amounts)], caps=[cap]), InvariantError, "is exceeded in 1")
    most = max(max(row) for row in amounts)
    less = [[amount - (amount == most and most < 50) for amount in row] for row in amounts]
    less[0][0] = min(less[0][0], 10)
    check(block, [sheet_of(block, less)], caps=[cap])


def test_a_cap_holds_over_stages():
    """What earlier stages were allowed counts, whether their policy is cut or only counted."""
    stages = [sheet_of(SINGLE, [[6, 5]]), sheet_of(SINGLE, [[5, 5]], places=(1,))]
    for cap in (Cap.per_order("0.10"), Cap.per_order("0.10", on="two", counting=("one",))):
        refused(lambda cap=cap: check(SINGLE, stages, caps=[cap]), InvariantError, "is exceeded")
    check(SINGLE, stages, caps=[Cap.per_order("0.11"), Cap.per_order("0.05", on="two")])


@pytest.mark.parametrize("name", BROKEN)
def test_every_broken_promise_raises(name):
    """An amount one minor unit too high, a margin or budget one off: the alarm fires, free of labels."""
    refused(BROKEN[name], InvariantError, "report", absent=("ann", "cai"))


HUGE = block_of([(1, MINOR_MAX, {}), (1, MINOR_MAX, {}), (2, 4, {})])


def test_promises_are_checked_beyond_64_bits():
    """Sums that would wrap are still compared exactly, by order, by cap and by the floor of a margin."""
    one = block_of([(1, MINOR_MAX, {}), (2, MINOR_MAX, {})])
    third = Margin.rate("1/3", of="paid")
    floors = [MINOR_MAX // 3] * 2
    check(one, [], third, margins=floors)
    refused(
        lambda: check(one, [], third, margins=[MINOR_MAX // 3, MINOR_MAX // 3 + 1]), InvariantError, "floor"
    )
    refused(
        lambda: check(one, [], third, margins=[MINOR_MAX // 3 - 1, MINOR_MAX // 3]), InvariantError, "floor"
    )
    full = Margin.column("paid")
    small = [2, 2, 2]
    sheet = sheet_of(HUGE, [[MINOR_MAX, MINOR_MAX, 0]])
    refused(lambda: check(HUGE, [sheet], full, margins=small), InvariantError, "margin of an order")
    caps = [Cap.per_order("1.00")]
    refused(
        lambda: check(one, [sheet_of(one, [[MINOR_MAX, 1]])], full, caps, margins=[MINOR_MAX] * 2),
        InvariantError,
        "cap",
    )
    check(
        one,
        [sheet_of(one, [[MINOR_MAX, MINOR_MAX]])],
        full,
        [Cap.per_order("100%", of="paid")],
        margins=[MINOR_MAX] * 2,
    )
    sums = [Cap.per_order("1/7", of=fx.Base("paid") + fx.Base("paid") * 2)]
    refused(
        lambda: check(one, [sheet_of(one, [[MINOR_MAX, 1]])], full, sums, margins=[MINOR_MAX] * 2),
        InvariantError,
        "cap",
    )


TOTALS = {
    "by member": (7, 8, 10, 9, 1),
    "budget": (11, 11, 10, 12, 1),
    "conservation": (8, 8, 10, 10, 1),
}


@pytest.mark.parametrize("name", TOTALS)
def test_totals_must_agree(name):
    """By member and by order, within the budgets, claimed = allowed + withheld."""
    audit.check_totals(8, 8, 10, 9, 1)
    refused(lambda: audit.check_totals(*TOTALS[name]), InvariantError, "totals")


def test_wide_caps_are_checked_by_group():
    """No cell rises or turns negative, no group exceeds its room; cells outside a group are free."""
    before, group = np.array([5, 6, 7], dtype=MINOR), np.array([0, 0, -1], dtype=ROW)
    audit.check_wide(before, np.array([4, 6, 7], dtype=MINOR), [("cap 'a'", group, [10])])
    audit.check_wide(before[:0], before[:0], [])
    for after, room in (([5, 6, 8], 99), ([-1, 6, 7], 99), ([5, 6, 7], 10)):
        refused(
            lambda after=after, room=room: audit.check_wide(
                before, np.array(after, dtype=MINOR), [("cap 'a'", group, [room])]
            ),
            InvariantError,
        )


def test_the_period_may_not_pay_more_than_was_left():
    """Period pay is at most what orders handed over and the funds."""
    audit.check_period(10, 5, 5)
    audit.check_period(0, -5, 0)
    refused(lambda: audit.check_period(11, 5, 5), InvariantError, "period")
    refused(lambda: audit.check_period(1, -5, 5), InvariantError, "period")
