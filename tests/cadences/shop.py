"""A shop with daily, weekly and monthly policies, and how its runs are settled one after the other."""

from __future__ import annotations

from decimal import Decimal

import fenxiao as fx
from fenxiao.policies import Pool, QualifiedBonus
from fenxiao.volumes import own

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})
DAILY = fx.LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company", due="day")
WEEKLY = Pool("team", base="paid", rate="5%", equal=True, due="week")
MONTHLY = QualifiedBonus("star", amount="50.00", when=own("paid") >= "100", due="month")
AT_ONCE = fx.LevelCommission(
    "thanks", base="paid", rates=["2%"], if_not="company", start_level=0, due="order"
)
OCT1, OCT2, W40, OCTOBER = fx.day(2026, 10, 1), fx.day(2026, 10, 2), fx.week(2026, 40), fx.month(2026, 10)
SEP30, SEPTEMBER = fx.day(2026, 9, 30), fx.month(2026, 9)


def plan(*policies, **options):
    """Return a plan on a quarter of what was paid."""
    given = {"margin": fx.Margin.rate("25%", of="paid"), "anchor": "paid_at", "zone": "Asia/Shanghai"}
    return fx.Plan(currency="CNY", policies=policies or (DAILY, WEEKLY, MONTHLY), **(given | options))


def order(key, member, paid, on, **more):
    """Return an order of a day, at ten in the morning in Shanghai."""
    return {"order_id": key, "member": member, "paid": paid, "paid_at": f"{on}T10:00:00+08:00"} | more


ORDERS = (
    order("A1", "cai", "100.00", "2026-10-01"),
    order("A2", "bo", "60.00", "2026-10-02"),
    order("A3", "cai", "30.00", "2026-09-30"),
)


def facts(*orders, tree=TREE, members=None, funds=None):
    """Return the facts of the shop's orders, or of others."""
    read = fx.Orders.from_records(orders or ORDERS, times=["paid_at"])
    return fx.Facts(tree=tree, orders=read, members=members, funds=funds or {})


def settled(plan, *periods, given=None, state=None):
    """Settle periods one after the other; return their runs."""
    runs = []
    for period in periods:
        before = runs[-1].state if runs else state
        runs.append(fx.settle(given or facts(), plan, period=period, state=before))
    return runs


def taken(run):
    """Return what the state says was taken, in whole units by order."""
    found = run.state.taken
    if found is None:
        return {}
    return {
        key: Decimal(minor) / 100
        for key, minor in zip(found.order_ids.tolist(), found.minor.tolist(), strict=True)
    }


def paid(run):
    """Return what members get in a run, as text."""
    return {member: str(amount) for member, amount in run.totals().to_dict().items()}
