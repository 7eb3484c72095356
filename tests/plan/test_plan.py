"""`Plan`: its constructor and what it knows of itself."""

from __future__ import annotations

import pytest

import fenxiao as fx
from fenxiao.errors import FenxiaoError, MoneyError, PlanError, TimeError
from tests.expressions.refusals import refused
from tests.policies.samples import Prize, Share, levels, plan

Cap = fx.Cap


def test_the_least_plan_and_the_fullest_are_built():
    """Policies and caps may be lists, tuples or one object; a plan may have none."""
    assert plan().policies == (levels(),)
    assert fx.Plan(currency="JPY", margin=fx.Margin.catalog()).policies == ()
    assert fx.Plan(currency="CNY", margin=fx.Margin.column(), policies=levels()).policies == (levels(),)
    assert plan(caps=Cap.per_order("1")).caps[0].name == "order 1"
    assert plan(caps=(Cap.per_order("1"),)).caps[0].money == "1"
    assert plan(currency=fx.Currency("POINTS", 0)).currency.decimals == 0
    assert plan(currency={"code": "X", "decimals": 3}).currency == fx.Currency("X", 3)
    assert plan(anchor="paid_at", zone="Asia/Shanghai").zone == "Asia/Shanghai"


def test_plans_compare_by_value_without_their_name():
    """The name is for people: it changes neither equality nor the hash."""
    assert plan(name="a") == plan(name="b")
    assert plan(name="a").hash == plan().hash
    assert hash(plan()) == hash(plan(name="b"))
    assert plan() != plan(anchor="paid_at", zone="UTC")
    assert eval(repr(plan()), vars(fx)) == plan()


def test_caps_without_a_name_are_numbered_by_scope():
    """The name of a cap depends on earlier caps of its scope alone."""
    caps = [
        Cap.per_order("1"),
        Cap.per_line("1"),
        Cap.per_order("2"),
        Cap.per_payee("1", name="ours"),
        Cap.per_payee("2"),
    ]
    assert [cap.name for cap in plan(caps=caps).caps] == ["order 1", "line 1", "order 2", "ours", "payee 2"]


INVALID = {
    "currency none": (lambda: plan(currency=None), MoneyError, "ISO 4217"),
    "currency unknown": (lambda: plan(currency="cny"), MoneyError, "capitals"),
    "currency dict": (lambda: plan(currency={"code": "X"}), FenxiaoError, "urrency"),
    "currency dict key": (
        lambda: plan(currency={"code": "X", "decimals": 1, "sign": "x"}),
        FenxiaoError,
        "urrency",
    ),
    "margin number": (lambda: plan(margin=3), PlanError, "Margin"),
    "margin text": (lambda: plan(margin="25%"), PlanError, "Margin"),
    "policies number": (
        lambda: fx.Plan(currency="CNY", margin=fx.Margin.column(), policies=3),
        PlanError,
        "policies",
    ),
    "policies hold a number": (lambda: plan(3), PlanError, "policies"),
    "policies hold a class": (lambda: plan(fx.LevelCommission), PlanError, "policies"),
    "policies share a name": (lambda: plan(levels(), levels()), PlanError, "referral"),
    "caps number": (lambda: plan(caps=3), PlanError, "caps"),
    "caps hold data": (lambda: plan(caps=[{"scope": "order"}]), PlanError, "caps"),
    "caps share a name": (
        lambda: plan(caps=[Cap.per_order("1", name="a"), Cap.per_line("1", name="a")]),
        PlanError,
        "name",
    ),
    "cap on nobody": (lambda: plan(caps=[Cap.per_order("1", on="refferal")]), PlanError, "referral"),
    "cap counts nobody": (
        lambda: plan(caps=[Cap.per_order("1", counting=["x", "referral"])]),
        PlanError,
        "'x'",
    ),
    "anchor alone": (lambda: plan(anchor="paid_at"), PlanError, "zone="),
    "zone alone": (lambda: plan(zone="UTC"), PlanError, "anchor="),
    "anchor number": (lambda: plan(anchor=3, zone="UTC"), PlanError, "anchor"),
    "zone number": (lambda: plan(anchor="paid_at", zone=3), FenxiaoError, "zone"),
    "anchor empty": (lambda: plan(anchor="", zone="UTC"), PlanError, "anchor"),
    "zone unknown": (lambda: plan(anchor="paid_at", zone="Mars/Base"), TimeError, "IANA"),
    "name number": (lambda: plan(name=3), PlanError, "name"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_no_plan_is_refused_in_words(name):
    """Every argument is seen to be refused with a typed error that says what is allowed."""
    make, kind, part = INVALID[name]
    refused(make, kind, part)


def test_a_plan_knows_whether_its_orders_settle_by_themselves():
    """Own volumes, first orders, wide caps and period policies are reasons; caps in an order are not."""
    assert plan(caps=[Cap.per_order("1"), Cap.per_line("1")]).is_order_local
    assert plan(levels(), Share("mine")).is_order_local
    full = plan(
        levels(eligible=(fx.own("paid") >= "1") & (fx.own("pv") >= "1"), where=fx.Where(first_order=True)),
        Prize("prize"),
        caps=[Cap.per_payee("1"), Cap.per_order("1")],
    )
    assert not full.is_order_local
    assert full.not_local == (
        "policy 'prize': claims on the period",
        "policy 'referral': reads own('paid'), own('pv')",
        "policy 'referral': where asks for the buyer's first order",
        "cap 'payee 1': is wider than an order (payee)",
    )
