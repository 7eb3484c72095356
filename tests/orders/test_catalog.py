"""The catalog: products found by label, margin rates by product over category over default."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao._columns import Categories, column_of
from fenxiao.catalog import Catalog
from fenxiao.errors import InputError, MoneyError, OrdersError, RateError
from fenxiao.money import Rate
from tests.strategies.orders import label_types

RECORDS = [
    {"product": "tea", "category": "food", "price": "30.00", "cost": "12.50", "margin_rate": "12.5%"},
    {"product": "jam", "category": "food", "price": "8.00", "cost": "4.00"},
    {"product": "pen", "price": "2.00", "cost": "1.00"},
]


def test_margin_rates_by_product_over_category_over_default():
    """A product's own rate counts first, then its category's, then the default, else there is none."""
    catalog = Catalog.from_records(RECORDS, category_margins={"food": "20%"}, default_margin=Fraction(1, 3))
    assert catalog.products == ("jam", "pen", "tea")
    assert catalog.margin_rates == (Rate("20%"), Rate("1/3"), Rate("12.5%"))
    assert catalog.category_margins == (("food", Rate("20%")),)
    assert Catalog.from_records(RECORDS).margin_rates == (None, None, Rate("12.5%"))
    assert Catalog.from_records([{"product": 1}]).margin_rates == (None,)
    whole = Catalog.from_records([{"product": 1}], default_margin="100%")
    assert whole.margin_rates == (Rate("100%"),)


def test_columns_follow_the_products():
    """Columns are typed and stand in the order of the product labels."""
    catalog = Catalog.from_records(RECORDS)
    assert repr(catalog) == "Catalog(3 products; category, price, cost, margin_rate)"
    assert [catalog.column("price").value(row) for row in range(3)] == [Decimal(8), Decimal(2), Decimal(30)]
    assert [catalog.column("category").value(row) for row in range(3)] == ["food", None, "food"]
    assert [catalog.column("margin_rate").value(row) for row in range(3)] == [None, None, Rate("12.5%")]
    frame = pd.DataFrame(RECORDS)
    masked = np.ma.masked_array(["5%", "9%"], [False, True])
    assert Catalog.from_columns({"product": [1, 2], "margin_rate": masked}).margin_rates == (Rate("5%"), None)
    assert Catalog.from_columns(frame).margin_rates == catalog.margin_rates
    minor = Catalog.from_columns({"product": [1], "cost_minor": [5]}, currency="JPY", unit="minor")
    assert minor.column("cost").value(0) == Decimal(5)
    assert repr(minor) == "Catalog(1 product; cost)"


@given(st.data(), st.sampled_from(sorted(label_types)))
def test_lookup_finds_each_product(data, kind):
    """Every row of a product column is led to the catalog row of that product."""
    products = data.draw(st.lists(label_types[kind], unique=True, min_size=1, max_size=6))
    rows = data.draw(st.lists(st.sampled_from(products), max_size=9))
    catalog = Catalog.from_columns({"product": products})
    found = catalog.lookup(column_of("product", rows, category=True)) if rows else []
    assert [catalog.products[row] for row in found] == rows
    assert list(catalog.products) == sorted(products)


def test_unknown_products_are_refused():
    """Products that are missing or not in the catalog are an error with their rows and labels aside."""
    catalog = Catalog.from_records(RECORDS)
    with pytest.raises(OrdersError) as caught:
        catalog.lookup(column_of("product", ["tea", None, "SECRET", "SECRET"]))
    assert caught.value.rows == (1, 2, 3)
    assert caught.value.labels == (None, "SECRET")
    assert "SECRET" not in str(caught.value)
    assert "orders column 'product'" in str(caught.value)
    with pytest.raises(OrdersError):
        Catalog.from_records([{"product": 5}]).lookup(Categories([0], ("5",)))


def test_an_empty_catalog():
    """A catalog without products knows no product."""
    catalog = Catalog.from_records([])
    assert (len(catalog), catalog.margin_rates, repr(catalog)) == (0, (), "Catalog(0 products)")
    assert catalog.lookup(column_of("product", [])).tolist() == []


@pytest.mark.parametrize(
    ("make", "error", "rows"),
    [
        (lambda: Catalog.from_records([{"price": "1"}]), OrdersError, ()),
        (lambda: Catalog.from_records([{"product": "SECRET"}] * 2), OrdersError, (0, 1)),
        (lambda: Catalog.from_records([{"product": 1}, {"product": None}]), OrdersError, (1,)),
        (lambda: Catalog.from_records([{"product": 1, "price": 5}]), MoneyError, None),
        (lambda: Catalog.from_records([{"product": 1, "cost": "-5"}]), MoneyError, (0,)),
        (lambda: Catalog.from_records([{"product": 1, "margin_rate": 0.5}]), RateError, None),
        (lambda: Catalog.from_records([{"product": 1, "margin_rate": "101%"}]), RateError, (0,)),
        (lambda: Catalog.from_records([{"product": 1, "margin_rate": "-1%"}]), RateError, None),
        (lambda: Catalog.from_records(RECORDS, category_margins={"foood": "5%"}), OrdersError, ()),
        (lambda: Catalog.from_records([{"product": 1}], category_margins={"food": "5%"}), OrdersError, ()),
        (lambda: Catalog.from_records(RECORDS, category_margins={"food": 0.2}), RateError, None),
        (lambda: Catalog.from_records(RECORDS, default_margin="120%"), RateError, ()),
        (lambda: Catalog.from_records(RECORDS).column("weight"), OrdersError, ()),
        (lambda: Catalog.from_records([{"product": 1}]).column("weight"), OrdersError, ()),
        (lambda: Catalog.from_columns([1]), OrdersError, ()),
    ],
)
def test_mistakes_are_named(make, error, rows):
    """Each mistake is a typed error that says what is allowed and the next step, without labels."""
    with pytest.raises(InputError) as caught:
        make()
    assert type(caught.value) is error
    assert rows is None or caught.value.rows == rows
    assert caught.value.hint
    assert "SECRET" not in str(caught.value)
