"""Columns of rates in conditions: what tiers compute, and what the members' table gives."""

from __future__ import annotations

import json

import pytest

import fenxiao as fx
from fenxiao.errors import ExpressionError
from fenxiao.qualification import Gate, Ladder, Tiers

TIER, GIVEN = fx.column("tier"), fx.column("contract")
TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo", "dan": "cai"})
SOLD = {"ann": "200.00", "bo": "100.00", "cai": "10.00"}
TIERS = Tiers("tier", on="paid", brackets={"100": "3.0%", "200": "1/3"})
"""Nobody's rates but: ann 1/3, bo 3 %, cai and dan 0 %."""


def settle(*conditions):
    """Settle with a gate for each condition; return who passes which."""
    orders = [{"order_id": n, "member": name, "paid": paid} for n, (name, paid) in enumerate(SOLD.items())]
    rates = {"ann": fx.Rate("1/3"), "bo": fx.Rate("3%"), "cai": fx.Rate("0%"), "dan": None}
    members = [{"member": name, "contract": rate} for name, rate in rates.items()]
    gates = [Gate(f"gate{n}", condition) for n, condition in enumerate(conditions)]
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("10%", of="paid"), qualifications=[TIERS, *gates])
    plan = fx.Plan.from_dict(json.loads(json.dumps(plan.to_dict())))
    facts = fx.Facts(
        tree=TREE, orders=fx.Orders.from_records(orders), members=fx.Members.from_records(members)
    )
    run = fx.settle(facts, plan)
    table = run.members_table(*(gate.name for gate in gates))
    who = table["member"].tolist()
    return [{name for name, holds in zip(who, table[gate.name], strict=True) if holds} for gate in gates]


@pytest.mark.parametrize("written", ["3%", "3.0%", "0.03", "3/100", " 3 %"])
@pytest.mark.parametrize(("rates", "low"), [(TIER, {"cai", "dan"}), (GIVEN, {"cai"})], ids=["tiers", "given"])
def test_rates_are_compared_as_rates(rates, low, written):
    """However a rate is written, all comparisons mean the same; null satisfies none, not even <."""
    everybody = {"ann", "bo", "cai", "dan"}
    assert settle(
        rates == written, rates >= written, rates > written, rates <= written, rates < written,
        rates.isin(written, "33%"), rates != written,
    ) == [{"bo"}, {"ann", "bo"}, {"ann"}, {"bo", *low}, low, {"bo"}, everybody - {"bo"}]  # fmt: skip


def test_rates_that_nobody_has_are_compared_all_the_same():
    """A rate between two brackets, above all, or of whole numbers is as good as any other."""
    assert settle(TIER >= "4%", TIER < "4%", TIER > "100%", TIER == "4%", TIER <= 1, TIER == 0) == [
        {"ann"},
        {"bo", "cai", "dan"},
        set(),
        set(),
        {"ann", "bo", "cai", "dan"},
        {"cai", "dan"},
    ]
    assert settle(TIER > "33.3333333333%", TIER < "33.3333333334%")[0] == {"ann"}


@pytest.mark.parametrize(
    "condition",
    [
        TIER == "gold",
        TIER >= "three",
        TIER == True,  # noqa: E712  # builds a condition
        TIER >= "-3%",
        TIER.isin("3%", "x"),
        TIER == "2026-10-05",
    ],
    ids=repr,
)
def test_what_is_no_rate_is_refused(condition):
    """A word, a bool, a date and a rate below nothing are no rates."""
    with pytest.raises(
        ExpressionError, match='compares a rate with something else; allowed: a rate such as "3%"'
    ):
        settle(condition)


def test_rates_need_no_order():
    """An order of texts means nothing for rates."""
    with pytest.raises(ExpressionError, match="gives an order to rates"):
        settle(fx.column("tier", order=("3%", "5%")) >= "3%")


def test_ladders_and_words_read_rates():
    """A step may ask for a rate, and what is missing is said as a rate."""
    ladder = Ladder("rank", [("star", TIER >= "10%")])
    orders = fx.Orders.from_records([{"order_id": 1, "member": "bo", "paid": "100.00"}])
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("10%", of="paid"), qualifications=[TIERS, ladder])
    run = fx.settle(fx.Facts(tree=TREE, orders=orders), plan)
    assert str(run.rank_gap("bo")) == "rank: none; for star:\n  star: tier 3% of 10%"
