"""The generated shop: a random recursive tree with shuffled labels, orders, and margins that bind a given share."""

from __future__ import annotations

import attrs
import numpy as np

import fenxiao as fx

RATES = (10, 5, 3)
"""Whole percent of what was paid, by level above the buyer."""
PLAN = fx.Plan(
    currency="CNY",
    margin=fx.Margin.column("margin"),
    policies=[
        fx.LevelCommission("referral", base="paid", rates=[f"{rate}%" for rate in RATES], if_not="company")
    ],
)


@attrs.frozen(eq=False)
class Shop:
    """Raw columns, the same for all competitors.

    Attributes
    ----------
    label : int64 [members], shuffled
    parent : int64 [members], row of the sponsor, -1 for the root
    member : int64 [orders], label of the credited member
    paid, margin : int64 [orders], minor units
    """

    label: np.ndarray
    parent: np.ndarray
    member: np.ndarray
    paid: np.ndarray
    margin: np.ndarray


def random_parents(members: int) -> np.ndarray:
    """Return a random recursive tree: every member's sponsor is one of those before him."""
    rng = np.random.default_rng(1)
    parent = (rng.random(members) * np.arange(members)).astype(np.int64)
    parent[:1] = -1
    return parent


def shop(orders: int, members: int, binding: float) -> Shop:
    """Return a shop in which about `binding` of the orders have less margin than their commissions."""
    rng = np.random.default_rng(2)
    label = rng.permutation(members).astype(np.int64) + 1_000_000
    member = label[rng.integers(0, members, orders)]
    paid = rng.integers(100, 100_000, orders)
    short = rng.random(orders) < binding
    # From 2 % to 9 % of what was paid does not even cover level 1; 30 % covers all three.
    margin = paid * np.where(short, rng.integers(2, 10, orders), 30) // 100
    return Shop(label, random_parents(members), member, paid, margin)


def tree_of(raw: Shop) -> fx.ReferralTree:
    """Return the library's tree."""
    parents = np.where(raw.parent < 0, -1, raw.label[raw.parent])
    return fx.ReferralTree.from_parents(parents, raw.label)


def orders_of(raw: Shop) -> fx.Orders:
    """Return the library's orders."""
    columns = {
        "order_id": np.arange(len(raw.member)),
        "member": raw.member,
        "paid_minor": raw.paid,
        "margin_minor": raw.margin,
    }
    return fx.Orders.from_columns(columns)


def ours(facts: fx.Facts) -> np.ndarray:
    """Settle and return totals in minor units by index in the tree."""
    return fx.settle(facts, PLAN).totals().allowed
