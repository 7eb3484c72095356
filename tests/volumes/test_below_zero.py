"""What measures below zero do in brackets, shares and legs: the words of the pages, one by one."""

from __future__ import annotations

from decimal import Decimal

import fenxiao as fx
from fenxiao.expressions import Brackets
from fenxiao.policies import VolumeCommission, VolumeDifferential
from fenxiao.qualification import Gate, Tiers
from fenxiao.volumes import balanced, leg, organisation, other_legs, own, ratio

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "ann"})


def settle(margins, *policies, qualifications=(), paid="100.00"):
    """Settle one order each with these margins, of which only money earned is paid out."""
    orders = [
        {"order_id": n, "member": name, "paid": paid, "margin": margin}
        for n, (name, margin) in enumerate(margins.items())
    ]
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=list(policies),
        qualifications=list(qualifications),
    )
    return fx.settle(fx.Facts(tree=TREE, orders=fx.Orders.from_records(orders)), plan)


def passed(margins, *conditions):
    """Return who meets each condition."""
    gates = [Gate(f"gate{n}", condition) for n, condition in enumerate(conditions)]
    table = settle(margins, qualifications=gates).members_table(*(gate.name for gate in gates))
    names = table["member"].tolist()
    return [{name for name, holds in zip(names, table[gate.name], strict=True) if holds} for gate in gates]


LOSS = {"ann": "10.00", "bo": "-5.00", "cai": "-1.00"}


def test_a_first_threshold_of_zero_is_reached_by_losses():
    """Brackets and tiers count a loss as 0; a loss that is paid on pays nothing."""
    tiers = Tiers("tier", on=own("margin"), brackets={"0": "1%", "5": "2%"})
    table = settle(LOSS, qualifications=[tiers]).members_table("tier")
    found = dict(zip(table["member"].tolist(), map(str, table["tier"]), strict=True))
    assert found == {"ann": "2%", "bo": "1%", "cai": "1%"}
    by_loss = VolumeCommission("p", rate_on=own("margin"), pay_on=own("paid"), brackets={"0": "1%"})
    assert settle(LOSS, by_loss).totals().to_dict() == dict.fromkeys(LOSS, Decimal("1.00"))
    on_loss = VolumeCommission("p", rate_on=own("paid"), pay_on=own("margin"), brackets={"0": "10%"})
    assert settle(LOSS, on_loss).totals().to_dict() == {"ann": Decimal("1.00")}
    slices = VolumeCommission(
        "p", rate_on=own("margin"), pay_on=own("paid"), brackets=Brackets.marginal({"0": "1%"})
    )
    assert settle(LOSS, slices).totals().to_dict() == {"ann": Decimal("1.00")}


def test_a_differential_takes_nothing_off_for_losses():
    """The gross of a leg that lost money is 0, so that nothing is taken off for it."""
    policy = VolumeDifferential(
        "p", rate_on=organisation("paid"), pay_on=own("margin"), brackets={"0": "10%"}
    )
    assert settle(LOSS, policy).totals().to_dict() == {"ann": Decimal("1.00")}


def test_shares_of_less_than_nothing():
    """A share of nothing or of less is 0 %, and a part below zero counts as 0."""
    margins = {"ann": "10.00", "bo": "-5.00", "cai": "0.00"}
    assert passed(margins, ratio("paid", "margin") == "0%", ratio("margin", "paid") == "0%") == [
        {"bo", "cai"},
        {"bo", "cai"},
    ]


def test_legs_below_zero():
    """A leg below zero counts as 0 towards a requirement, and the rest of the sum keeps it."""
    margins = {"ann": "10.00", "bo": "-50.00", "cai": "4.00"}
    assert passed(margins, balanced("margin", per_leg="100%") >= "14.00")[0] == {"ann"}
    run = settle(margins)
    table = run.members_table(
        leg("margin", own_leg=False), leg("margin", k=2, own_leg=False), other_legs("margin")
    )
    assert [table[name][0] for name in list(table)[1:]] == [400, 0, -4600]
    assert (
        settle({"bo": "-5.00"}).members_table(other_legs("margin"))["other_legs('margin')_minor"][0] == -500
    )
