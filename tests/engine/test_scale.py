"""Long chains, wide stars and nothing at all."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

import fenxiao as fx
from tests.engine.bridge import Scripted, ScriptedPool

SIZE = 10_000
EVERY_SCOPE = [
    fx.Cap.per_line("9.00"),
    fx.Cap.per_product("9.00", within="order"),
    fx.Cap.per_policy("9.00", within="order"),
    fx.Cap.per_order("50%", of="paid"),
    fx.Cap.per_payee("90.00"),
    fx.Cap.per_source("90.00"),
    fx.Cap.per_policy("900.00", within="period"),
    fx.Cap.per_product("900.00", within="period"),
    fx.Cap.per_region("900.00"),
    fx.Cap.per_period("50%", of="paid"),
    fx.Cap.company("9000.00"),
]


def orders_of(members):
    """One order of 10.00 for each member."""
    count = len(members)
    return fx.Orders.from_columns(
        {
            "order_id": np.arange(count),
            "member": members,
            "paid_minor": np.full(count, 1000),
            "product": ["tea"] * count,
            "region": ["north"] * count,
        }
    )


def plan_of(if_not, caps=()):
    """64 levels of 1 percent each on a margin of a third."""
    levels = fx.LevelCommission("levels", base="paid", rates=["1%"] * 64, if_not=if_not)
    return fx.Plan(currency="CNY", margin=fx.Margin.rate("1/3", of="paid"), policies=[levels], caps=caps)


@pytest.mark.parametrize("if_not", ["company", "roll_up", "stop", "last_payee"])
def test_a_chain_of_ten_thousand_settles(if_not):
    """The order at the bottom and all others pay what the guard leaves: 3.33 of 6.40, shared among 64."""
    tree = fx.ReferralTree.from_parents([None, *range(SIZE - 1)], ids=list(range(SIZE)))
    run = fx.settle(fx.Facts(tree=tree, orders=orders_of(np.arange(SIZE))), plan_of(if_not))
    report = run.margin_report()
    assert report.orders == SIZE
    shallow = sum(min(10 * depth, 333) for depth in range(64))
    if if_not == "last_payee":
        # The root takes every level that is left, so any order but its own binds.
        assert report.used == 333 * (SIZE - 1)
    else:
        assert report.used == shallow + 333 * (SIZE - 64)
    assert len(run.explain(SIZE - 65, SIZE - 1).verdicts) == 1
    assert run.explain(SIZE - 2, SIZE - 1).verdicts[0].level == 1
    assert sum(int(batch.allowed.sum()) for batch in run.lines()) == report.used


@pytest.mark.parametrize("if_not", ["company", "roll_up", "stop", "last_payee"])
def test_a_star_of_ten_thousand_settles(if_not):
    """The hub earns level 1 of every order, and with last_payee all that the margin allows."""
    tree = fx.ReferralTree.from_parents([None, *[0] * (SIZE - 1)], ids=list(range(SIZE)))
    run = fx.settle(fx.Facts(tree=tree, orders=orders_of(np.arange(SIZE))), plan_of(if_not))
    each = 333 if if_not == "last_payee" else 10
    assert run.totals().to_dict() == {0: Decimal(each * (SIZE - 1)) / 100}


def test_a_chain_of_ten_thousand_settles_under_every_scope():
    """All kinds of caps together on the chain: the product's limit of the period is the tightest."""
    tree = fx.ReferralTree.from_parents([None, *range(SIZE - 1)], ids=list(range(SIZE)))
    run = fx.settle(fx.Facts(tree=tree, orders=orders_of(np.arange(SIZE))), plan_of("company", EVERY_SCOPE))
    assert run.margin_report().used == 90_000
    assert sum(int(batch.allowed.sum()) for batch in run.lines()) == 90_000


FORESTS = {"no members": {}, "one member": {"ann": None}, "two": {"ann": None, "bo": "ann"}}


@pytest.mark.parametrize("caps", [(), EVERY_SCOPE], ids=["no caps", "every scope"])
@pytest.mark.parametrize("forest", FORESTS.values(), ids=FORESTS)
def test_no_orders_give_zeros(forest, caps):
    """Without orders every view works and says zero, whatever the tree."""
    run = fx.settle(fx.Facts(tree=fx.ReferralTree.from_mapping(forest)), plan_of("roll_up", caps))
    report = run.margin_report()
    assert (report.budget, report.used, report.kept, report.orders) == (0, 0, 0, 0)
    assert run.totals().to_dict() == {}
    assert list(run.lines()) == []
    assert run.fingerprint() == run.fingerprint()
    for member in forest:
        assert run.statement(member).total == 0
        assert str(run.statement(member))
        assert run.payout(member) == 0
    assert "0.00 of 0.00 used" in str(report)


def test_orders_of_guests_only_pay_nobody():
    """Orders that credit nobody leave their whole margin with the company, in an empty tree too."""
    orders = fx.Orders.from_records([{"order_id": 1, "member": None, "paid": "10.00"}])
    for forest in FORESTS.values():
        facts = fx.Facts(tree=fx.ReferralTree.from_mapping(forest), orders=orders)
        report = fx.settle(facts, plan_of("last_payee")).margin_report()
        assert (report.budget, report.used, report.kept, report.guest_lines) == (333, 0, 333, 1)
        assert report.breakage == 0


def test_a_plan_without_policies_pays_nothing():
    """No policies, or policies that claim nothing, keep every margin."""
    tree = fx.ReferralTree.from_mapping({"ann": None})
    orders = fx.Orders.from_records([{"order_id": 1, "member": "ann", "paid": "10.00"}])
    margin = fx.Margin.rate("1/3", of="paid")
    caps = [fx.Cap.per_order("1.00"), fx.Cap.per_payee("1.00"), fx.Cap.company("1.00")]
    for policies in ([], [Scripted("idle")], [ScriptedPool("idle")], [Scripted("a"), ScriptedPool("b")]):
        plan = fx.Plan(currency="CNY", margin=margin, policies=policies, caps=caps)
        run = fx.settle(fx.Facts(tree=tree, orders=orders), plan)
        assert (run.margin_report().used, run.margin_report().kept) == (0, 333)
        assert run.totals().to_dict() == {}
        assert list(run.lines()) == []


def test_a_period_policy_lives_on_funds_alone():
    """Without orders a pool gets what the funds hold, by largest remainder."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("1/3", of="paid"),
        policies=[ScriptedPool("pool", entries=[("ann", 200), ("bo", 100)])],
    )
    run = fx.settle(fx.Facts(tree=tree, funds={"extra": "1.00"}), plan)
    assert run.totals().to_dict() == {"ann": Decimal("0.67"), "bo": Decimal("0.33")}
    assert run.margin_report().kept == 0
