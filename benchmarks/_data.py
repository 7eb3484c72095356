"""The generated shop: a random tree with shuffled labels, orders, and margins that bind a given share."""

from __future__ import annotations

import attrs
import numpy as np

import fenxiao as fx

RATES = (10, 5, 3)
"""Whole percent of what was paid, by level above the credited member."""


def plan(leftover: str = "largest_remainder") -> fx.Plan:
    """Return the plan of all rows: three levels, the order's margin as its budget."""
    rates = [f"{rate}%" for rate in RATES]
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin", leftover=leftover),
        policies=[fx.LevelCommission("referral", base="paid", rates=rates, if_not="company")],
    )


@attrs.frozen(eq=False)
class Shop:
    """Raw columns, the same for all competitors.

    Attributes
    ----------
    label : int64 [members], shuffled
    parent : int64 [members], label of the sponsor, -1 for roots
    order_id, member, paid, margin : int64 [orders]; money in minor units
    """

    label: np.ndarray
    parent: np.ndarray
    order_id: np.ndarray
    member: np.ndarray
    paid: np.ndarray
    margin: np.ndarray

    def head(self, orders: int) -> Shop:
        """Return the shop with its first orders only."""
        columns = {name: getattr(self, name)[:orders] for name in ("order_id", "member", "paid", "margin")}
        return attrs.evolve(self, **columns)


def random_sponsors(members: int) -> np.ndarray:
    """Return a random recursive tree by row: every sponsor is one of those before, -1 for the root."""
    rng = np.random.default_rng(1)
    sponsor = (rng.random(members) * np.arange(members)).astype(np.int64)
    sponsor[:1] = -1
    return sponsor


def chain_sponsors(members: int) -> np.ndarray:
    """Return a chain by row."""
    return np.arange(-1, members - 1)


def shop(sponsor: np.ndarray, orders: int | None, binding: float) -> Shop:
    """Return a shop in which about `binding` of the orders have less margin than their commissions.

    Parameters
    ----------
    sponsor : int64 [members], row of the sponsor, -1 for roots
    orders : their number; None for one a member
    binding : share of the orders whose margin is cut short
    """
    rng = np.random.default_rng(2)
    members = len(sponsor)
    label = rng.permutation(members) + 1_000_000
    parent = np.where(sponsor < 0, -1, label[sponsor])
    # Shuffled rows, so that neither labels nor rows tell anything about the tree.
    rows = rng.permutation(members)
    member = label if orders is None else label[rng.integers(0, members, orders)]
    paid = rng.integers(100, 100_000, len(member))
    short = rng.random(len(member)) < binding
    # From 2 % to 9 % of what was paid does not even cover level 1; 30 % covers all three.
    margin = paid * np.where(short, rng.integers(2, 10, len(member)), 30) // 100
    return Shop(label[rows], parent[rows], np.arange(len(member)), member, paid, margin)


def tree_of(raw: Shop) -> fx.ReferralTree:
    """Return the library's tree."""
    return fx.ReferralTree.from_parents(raw.parent, raw.label)


def orders_of(raw: Shop) -> fx.Orders:
    """Return the library's orders."""
    return fx.Orders.from_columns(
        {"order_id": raw.order_id, "member": raw.member, "paid_minor": raw.paid, "margin_minor": raw.margin}
    )


def facts_of(raw: Shop) -> fx.Facts:
    """Return the library's facts, labels mapped."""
    return fx.Facts(tree=tree_of(raw), orders=orders_of(raw))
