"""The second check: every alarm is seen to fire when its promise is broken."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

import fenxiao as fx
from fenxiao import audit
from fenxiao._arrays import INDEX, MINOR, MINOR_MAX
from fenxiao.errors import InvariantError
from fenxiao.margin import Cells
from fenxiao.policies import Setting
from fenxiao.sheets import Sheet
from tests.expressions.refusals import refused
from tests.policies.samples import MEMBERS, TREE

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
    none = np.zeros(0, dtype=MINOR)
    audit.check_block(empty, [], Margin.column("paid"), (), NAMES, line_margins=none, budgets=none)


LARGE = block_of([(1, 2**33, {}), (1, 2**33, {}), (2, 4, {})])


@pytest.mark.parametrize("first", [1, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**31 + 1, 3 * 2**30, 2**32 - 1])
def test_large_orders_of_several_lines_are_compared_to_the_minor_unit(first):
    """Sums around powers of two, where halves meet: the budget passes, one unit more does not."""
    budget = 2**32
    check(LARGE, [sheet_of(LARGE, [[first, budget - first, 1]])])
    refused(
        lambda: check(LARGE, [sheet_of(LARGE, [[first, budget - first + 1, 1]])]), InvariantError, "exceeded"
    )


@pytest.mark.parametrize("pay", [2**30, 2**30 + 1, 2**31 - 1, 2**31])
def test_large_orders_within_their_budget_pass(pay):
    """What is below the budget is no alarm, whatever its bits."""
    check(LARGE, [sheet_of(LARGE, [[pay, 0, 1]])])
    check(LARGE, [sheet_of(LARGE, [[pay, pay - 1, 1]])])


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
    "line without margin paid": lambda: check(
        DOUBLE, [sheet_of(DOUBLE, [[1, 5, 5]])], Margin.column("paid", guard="line"), margins=[0, 500, 500]
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


WIDE_FACTS = fx.Facts(
    tree=TREE,
    members=MEMBERS,
    orders=fx.Orders.from_records(
        [
            {"order_id": 1, "member": "cai", "paid": "1.00", "product": "tea", "region": "north"},
            {"order_id": 2, "member": "bo", "paid": "2.00", "product": "pen", "region": "north"},
            {"order_id": 3, "member": None, "paid": "4.00", "product": "pen", "region": "south"},
        ]
    ),
)
WIDE = Setting(facts=WIDE_FACTS, currency=fx.Currency.of("CNY"), rows=slice(0, 3))
ANN, BO, CAI = (TREE.index(name) for name in ("ann", "bo", "cai"))


def cells_of(*cells):
    """Return cells (policy, payee, product, region, source, amount)."""
    columns = [np.array(column, dtype=INDEX) for column in zip(*cells, strict=True)]
    keys = dict(zip(("product", "region", "source"), columns[2:5], strict=True))
    return Cells(policy=columns[0], payee=columns[1], keys=keys, amount=columns[5].astype(MINOR))


# Two policies, the second in stage 2; products are sorted by name, so pen is 0 and tea is 1.
CELLS = cells_of((0, ANN, 1, 0, CAI, 10), (0, BO, 0, 0, BO, 20), (1, BO, 1, 0, CAI, 30))

WIDE_CAPS = {
    "payee": (Cap.per_payee("0.50"), [10, 20, 30], 2),
    "payee by rank": (Cap.per_payee(by_rank={"gold": "0.10", "silver": "0.50"}), [10, 20, 30], 2),
    "payee by column": (Cap.per_payee(column="wallet"), [100, 150, 50], 1),
    "payee by rate": (Cap.per_payee("25%", of="paid"), [0, 20, 30], 2),
    "payee without orders by rate": (Cap.per_payee("100%", of="paid"), [0, 20, 30], 0),
    "owner": (Cap.per_owner("0.60"), [10, 20, 30], 0),
    "owner by rate": (Cap.per_owner("30%", of="paid"), [10, 20, 30], 2),
    "source": (Cap.per_source("0.40"), [10, 20, 30], 0),
    "source by rate": (Cap.per_source("10%", of="paid", on="one"), [10, 20, 30], 1),
    "policy": (Cap.per_policy("0.30", within="period"), [10, 20, 30], 1),
    "policy by rate": (Cap.per_policy("1/7", of=fx.Base("paid") * "30%", within="period"), [10, 20, 30], 2),
    "product": (Cap.per_product("0.40", within="period"), [10, 20, 30], 2),
    "product by rate": (Cap.per_product("40%", of="paid", within="period"), [10, 20, 30], 2),
    "region": (Cap.per_region("20%", of="paid"), [10, 20, 30], 0),
    "period": (Cap.per_period("0.60"), [10, 20, 30], 1),
    "company by rate": (Cap.company("60/700", of="paid"), [10, 20, 30], 1),
    "on one policy": (Cap.per_payee("0.20", on="one"), [10, 20, 30], 1),
    "counting": (Cap.per_payee("0.50", on="two", counting=("one",)), [10, 20, 30], 2),
}


def wide(cap, amounts, cells=CELLS, state=None):
    """Run the check of wide caps on what would be allowed."""
    bigger = Cells(
        policy=cells.policy, payee=cells.payee, keys=cells.keys, amount=np.maximum(cells.amount, amounts) + 1
    )
    allowed = np.array(amounts, dtype=MINOR)
    audit.check_wide(WIDE, [cap, Cap.per_order("0")], NAMES, (1, 2), bigger, allowed, state or fx.State())


@pytest.mark.parametrize("name", WIDE_CAPS)
def test_wide_caps_are_checked_by_group(name):
    """At its limit a group passes, one minor unit above it raises; other groups do not matter."""
    cap, amounts, which = WIDE_CAPS[name]
    cap = attrs.evolve(cap, name="ours")
    wide(cap, amounts)
    more = [amount + (place == which) for place, amount in enumerate(amounts)]
    refused(lambda: wide(cap, more), InvariantError, "'ours'", "report", absent=("ann", "cai"))


def test_what_earlier_runs_used_up_counts_in_its_window():
    """Usage of the window is taken off the limit, by the group's name; a window of another name is not."""
    for scope, group, limit in (
        ("payee", "bo", "0.60"),
        ("policy", "two", "0.40"),
        ("company", "", "0.70"),
        ("product", "tea", "0.50"),
        ("owner", "one", "0.70"),
    ):
        cap = Cap(scope=scope, money=limit, window="lifetime", name="ours")
        wide(
            cap,
            [10, 20, 30],
            state=fx.State(usage={("ours", "lifetime"): {group: 10}, ("ours", "2026"): {group: 99}}),
        )
        used = fx.State(usage={("ours", "lifetime"): {group: 11}})
        refused(lambda cap=cap, used=used: wide(cap, [10, 20, 30], state=used), InvariantError, "'ours'")


NUMBERED = attrs.evolve(
    WIDE,
    facts=fx.Facts(
        tree=TREE,
        orders=WIDE_FACTS.orders,
        members=fx.Members.from_records(
            [
                {"member": name, "owner": owner, "wallet": wallet}
                for name, owner, wallet in (("ann", 7, "0.60"), ("bo", 7, "0.60"), ("cai", 9, "9.00"))
            ],
            money=("wallet",),
        ),
    ),
)


def numbered(cap, amounts, setting=NUMBERED, **state):
    """Run the check where owners are numbers."""
    cells = attrs.evolve(CELLS, amount=np.full(3, 99, dtype=MINOR))
    audit.check_wide(setting, [cap], NAMES, (1, 2), cells, np.array(amounts, dtype=MINOR), fx.State(**state))


def test_owners_may_be_numbers():
    """Money, columns and usage of owners are found by their number."""
    for cap in (Cap.per_owner("0.60", name="ours"), Cap.per_owner(column="wallet", name="ours")):
        numbered(cap, [10, 20, 30])
        refused(lambda cap=cap: numbered(cap, [10, 20, 31]), InvariantError, "'ours'")
    cap = Cap.per_owner("0.70", window="lifetime", name="ours")
    numbered(cap, [10, 20, 30], usage={("ours", "lifetime"): {7: 10, 9: 99}})
    refused(
        lambda: numbered(cap, [10, 20, 30], usage={("ours", "lifetime"): {7: 11}}), InvariantError, "'ours'"
    )


def test_owners_that_are_not_named_are_an_alarm():
    """The guard refuses such a column before; the second check does not rely on it."""
    table = fx.Members.from_records([{"member": name, "owner": True} for name in ("ann", "bo", "cai")])
    odd = attrs.evolve(WIDE, facts=fx.Facts(tree=TREE, orders=WIDE_FACTS.orders, members=table))
    refused(lambda: numbered(Cap.per_owner("9.00"), [1, 1, 1], odd), InvariantError, "'owner'")


def test_a_calendar_year_is_a_window_of_its_own():
    """Usage of the period's year counts, that of another year does not."""
    cap = Cap.per_payee("0.60", window="year", name="ours")
    october = attrs.evolve(NUMBERED, period=fx.month(2026, 10))
    numbered(cap, [10, 20, 30], october, usage={("ours", "2026"): {"bo": 10}, ("ours", "2025"): {"bo": 99}})
    refused(
        lambda: numbered(cap, [10, 20, 30], october, usage={("ours", "2026"): {"bo": 11}}),
        InvariantError,
        "'ours'",
    )


def test_a_share_of_no_orders_is_nothing():
    """Where the period has no order lines, a cap by a rate leaves period claims nothing."""
    nothing = attrs.evolve(NUMBERED, rows=slice(0, 0))
    cap = Cap.per_payee("50%", of="paid", name="ours")
    numbered(cap, [0, 0, 0], nothing)
    refused(lambda: numbered(cap, [1, 0, 0], nothing), InvariantError, "'ours'")


def test_wide_caps_never_raise_a_payout():
    """No cell rises above what scope 1 allowed or turns negative; nothing at all is fine."""
    none = Cells.empty(())
    audit.check_wide(WIDE, [Cap.per_payee("0")], NAMES, (1, 2), none, none.amount, fx.State())
    for amounts in ([11, 20, 30], [-1, 20, 30]):
        refused(
            lambda amounts=amounts: audit.check_wide(
                WIDE, [], NAMES, (1, 2), CELLS, np.array(amounts, dtype=MINOR), fx.State()
            ),
            InvariantError,
            "raised a payout",
        )


def test_the_period_may_not_pay_more_than_was_left():
    """Period pay is at most what orders handed over and the funds."""
    audit.check_period(10, 5, 5)
    audit.check_period(0, -5, 0)
    refused(lambda: audit.check_period(11, 5, 5), InvariantError, "period")
    refused(lambda: audit.check_period(1, -5, 5), InvariantError, "period")
