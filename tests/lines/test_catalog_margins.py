"""Margins by line from the catalog, from a column and from a rate, against fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import OrdersError
from fenxiao.margin.budget import line_margins
from fenxiao.policies import Setting
from tests.expressions.refusals import refused
from tests.policies.samples import facts, plan

Margin = fx.Margin


def block_of(given):
    """Return all lines of some facts as one block."""
    return Setting(facts=given, currency=fx.Currency.of("CNY"), rows=slice(0, len(given.orders))).everything


def money(minor):
    """Return minor units as text."""
    return f"{minor // 100}.{minor % 100:02}"


RATES = ["0%", "5%", "1/3", "100%"]


@st.composite
def shops(draw):
    """Draw a catalog with costs, own rates, rates of categories and a default, and lines of its products."""
    products = ["tea", "pen", "cup"]
    rows = {
        name: {
            "cost": draw(st.integers(0, 200)),
            "rate": draw(st.none() | st.sampled_from(RATES)),
            "category": draw(st.sampled_from(["food", "office"])),
        }
        for name in products
    }
    used = sorted({row["category"] for row in rows.values()})
    by_category = {name: draw(st.sampled_from(RATES)) for name in used if draw(st.booleans())}
    default = draw(st.none() | st.sampled_from(RATES))
    lines = draw(
        st.lists(
            st.tuples(st.sampled_from(products), st.integers(0, 500), st.integers(0, 3)),
            min_size=1,
            max_size=6,
        )
    )
    return rows, by_category, default, lines, draw(st.booleans())


@settings(deadline=None)
@given(shops())
def test_a_share_comes_before_the_cost(drawn):
    """A line's margin is floor(paid × share) by product, category or default, else paid − cost × quantity."""
    rows, by_category, default, lines, counted = drawn
    catalog = fx.Catalog.from_records(
        [
            {
                "product": name,
                "cost": money(row["cost"]),
                "category": row["category"],
                "margin_rate": row["rate"],
            }
            for name, row in rows.items()
        ],
        category_margins=by_category,
        default_margin=default,
    )
    records = [
        {"product": name, "paid": money(paid)} | ({"quantity": count} if counted else {})
        for name, paid, count in lines
    ]
    wanted = []
    for name, paid, count in lines:
        row = rows[name]
        rate = row["rate"] or by_category.get(row["category"]) or default
        if rate is None:
            wanted.append(paid - row["cost"] * (count if counted else 1))
        else:
            wanted.append(floor(paid * fx.Rate.of(rate).fraction))
    given = facts(*records, catalog=catalog)
    assert line_margins(Margin.catalog(), block_of(given)).tolist() == wanted
    report = fx.settle(given, plan(margin=Margin.catalog())).margin_report()
    assert report.budget == sum(max(margin, 0) for margin in wanted)
    assert report.loss_orders == sum(margin < 0 for margin in wanted)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(-300, 300)), min_size=1, max_size=5))
def test_columns_are_taken_as_they_are_and_rates_are_floored(lines):
    """A margin column may be negative; a rate of a base is floored line by line and never negative."""
    given = facts(
        *({"paid": money(paid), "margin": f"{'-' * (room < 0)}{money(abs(room))}"} for paid, room in lines)
    )
    assert line_margins(Margin.column(), block_of(given)).tolist() == [room for _, room in lines]
    third = line_margins(Margin.rate("1/3", of=fx.Base("paid") - fx.Base("margin")), block_of(given))
    assert third.tolist() == [floor(max(Fraction(paid - room, 3), 0)) for paid, room in lines]


PEN = fx.Catalog.from_records([{"product": "pen"}, {"product": "tea"}])
COSTS = fx.Catalog.from_records([{"product": "pen", "cost": "1.00"}])
REFUSED = {
    "no product column": (Margin.catalog(), facts(catalog=COSTS), "'product'"),
    "no catalog": (Margin.catalog(), facts({"product": "pen"}), "Facts(catalog="),
    "neither share nor cost": (Margin.catalog(), facts({"product": "pen"}, catalog=PEN), "default_margin"),
    "product unknown": (Margin.catalog(), facts({"product": "cup"}, catalog=COSTS), "catalog"),
    "product a flag": (Margin.catalog(), facts({"product": True}, catalog=COSTS), "product"),
    "no column": (Margin.column(), facts(), "'margin'"),
    "column of words": (Margin.column("product"), facts({"product": "pen"}), "money"),
    "column of points": (Margin.column("pv"), facts({"pv": "1.5"}, volumes={"pv": 1}), "money"),
    "column of counts": (Margin.column("n"), facts({"n": 3}), "money"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_margin_that_the_facts_do_not_give_is_refused(name):
    """A missing catalog, product, cost or column, and columns that are not money, are errors in words."""
    margin, given, part = REFUSED[name]
    refused(lambda: fx.settle(given, plan(margin=margin)), OrdersError, part, absent=("ann", "cai"))


def test_costs_without_shares_name_the_lines():
    """The caller's rows of products without share and cost are in the message."""
    error = refused(
        lambda: fx.settle(
            facts({"product": "pen", "order_id": 9}, {"product": "tea", "order_id": 3}, catalog=PEN),
            plan(margin=Margin.catalog()),
        ),
        OrdersError,
    )
    assert sorted(error.rows) == [0, 1]
