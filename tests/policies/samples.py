"""Small facts, plans and user-written policies that the unit tests share."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import attrs

import fenxiao as fx
from fenxiao.expressions import Base

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})
MEMBERS = fx.Members.from_records(
    [
        {"member": "ann", "rank": "gold", "active": True, "score": 3, "joined": dt.date(2026, 1, 1),
         "wallet": "1.00", "owner": "one"},
        {"member": "bo", "rank": "silver", "active": False, "score": 1, "joined": dt.date(2026, 2, 1),
         "wallet": "2.00", "owner": "one"},
        {"member": "cai", "rank": "silver", "active": True, "score": 2, "joined": dt.date(2026, 3, 1),
         "wallet": "3.00", "owner": "two"},
    ],
    money=("wallet",),
)  # fmt: skip


def orders(*records, **options):
    """Return orders of cai for 100.00 each, changed by the records."""
    rows = [
        {"order_id": number, "member": "cai", "paid": "100.00"} | record
        for number, record in enumerate(records, 1)
    ]
    return fx.Orders.from_records(rows, **options)


def facts(*records, members=None, catalog=None, tree=TREE, figures=(), funds=(), placements=(), **options):
    """Return facts with these orders, one plain order if none is given."""
    return fx.Facts(
        tree=tree,
        orders=orders(*(records or ({},)), **options),
        members=members,
        catalog=catalog,
        figures=dict(figures),
        funds=dict(funds),
        placements=dict(placements),
    )


def levels(name="referral", **options):
    """Return a level commission of 10 % and 5 % of paid, changed by the options."""
    return fx.LevelCommission(
        name, **({"base": "paid", "rates": ["10%", "5%"], "if_not": "company"} | options)
    )


def plan(*policies, **options):
    """Return a plan in CNY with a margin of 25 % of paid, changed by the options."""
    given = {"currency": "CNY", "margin": fx.Margin.rate("25%", of="paid")} | options
    return fx.Plan(policies=policies or [levels()], **given)


@attrs.frozen(kw_only=True)
class Scripted(fx.OrderPolicy):
    """Claims whatever a function returns for a block."""

    kind: ClassVar[str] = "scripted"

    script: Any = attrs.field(default=None, eq=False)

    def claims(self, block):
        return self.script(block)


@attrs.frozen(kw_only=True)
class ScriptedPeriod(fx.PeriodPolicy):
    """Claims whatever a function returns for the period."""

    script: Any = attrs.field(default=None, eq=False)

    def claims(self, view):
        return self.script(view)


@attrs.frozen(kw_only=True)
class Share(fx.OrderPolicy):
    """A policy of one's own with fields of every kind that plain data knows."""

    kind: ClassVar[str] = "share"

    base: Base = attrs.field(default="paid", converter=Base.from_data)
    rate: fx.Rate = attrs.field(default="1%", converter=fx.Rate.of)
    times: int = 3
    loud: bool = False
    title: str | None = None
    names: tuple[str, ...] = ()

    def claims(self, block):
        amounts = self.base.value(block).times(self.rate.fraction)
        return fx.Claims.of(block, line=range(len(block)), payee=block.member, amount_minor=amounts)


@attrs.frozen(kw_only=True)
class Prize(fx.PeriodPolicy):
    """A period policy of one's own: money for one member."""

    kind: ClassVar[str] = "prize"

    winner: str = "ann"
    amount_minor: int = 100

    def claims(self, view):
        return [view.facts.tree.index(self.winner)], [self.amount_minor]
