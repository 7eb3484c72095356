"""Trees, members and orders as the plain data that both engines read."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.strategies.money import amounts
from tests.strategies.trees import parents

MONEY = ("tax", "room")
"""Money columns of the orders besides `paid` and `margin`."""
VOLUMES = {"pv": 1}
RANKS = ("gold", "silver", "plain")
PRODUCTS = ("tea", "pen", "cup")
CATEGORIES = ("drinks", "office")
REGIONS = ("north", "south")
KINDS = ("retail", "own", "gift")
OWNERS = ("wang", "li")


@st.composite
def forests(draw, max_size=9, min_size=0):
    """Draw {label: sponsor's label or None}: int or str labels in an order unlike that of the tree."""
    up = draw(parents(max_size=max_size).filter(lambda up: len(up) >= min_size))
    labels = list(range(len(up)))
    if draw(st.booleans()):
        labels.reverse()
    if draw(st.booleans()):
        labels = [f"m{label}" for label in labels]
    return {label: None if parent < 0 else labels[parent] for label, parent in zip(labels, up, strict=True)}


@st.composite
def member_columns(draw, parents, high=300):
    """Draw every column that the tests' plans read."""
    return {
        label: {
            "rank": draw(st.sampled_from(RANKS)),
            "active": draw(st.booleans()),
            "score": draw(st.integers(0, 4)),
            "owner": draw(st.sampled_from(OWNERS)),
            "wallet": draw(st.integers(0, high)),
        }
        for label in parents
    }


@st.composite
def order_lines(draw, parents, *, max_size=6, high=3000, guests=True, nulls=True):
    """Draw order lines with every column, several lines an order now and then, shuffled rows."""
    people = st.sampled_from(sorted(parents)) if parents else st.none()
    member = (st.none() | people) if guests else people
    ids = st.integers(1, 4)
    size = max_size if parents or guests else 0
    keys = draw(st.lists(st.tuples(ids, st.integers(0, 2)), unique=True, max_size=size))
    null = st.none() if nulls else st.nothing()
    quantity = draw(st.booleans())
    orders = []
    for order_id, line in keys:
        margin = draw(amounts(-(high // 2), high))
        orders.append(
            {
                "order_id": order_id,
                "line": line,
                "member": draw(member),
                "buyer": draw(st.none() | people),
                "paid": draw(amounts(0, high)),
                "margin": margin,
                "tax": draw(amounts(0, high)),
                "room": draw(amounts(0, high)),
                "pv": draw(st.integers(0, 200)),
                "quantity": draw(st.integers(0, 3)) if quantity else None,
                "product": draw(null | st.sampled_from(PRODUCTS)),
                "category": draw(null | st.sampled_from(CATEGORIES)),
                "region": draw(null | st.sampled_from(REGIONS)),
                "kind": draw(null | st.sampled_from(KINDS)),
            }
        )
    return orders
