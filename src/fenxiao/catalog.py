"""The catalog: what is known of products, and the share of the paid amount that their sale may pay out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import numpy as np

from fenxiao._arrays import INDEX, ROW, RowArray
from fenxiao._columns import Categories, Column, Input
from fenxiao._labels import Label, read_labels, unmasked
from fenxiao._tables import Layout, columns_of_frame, columns_of_records, read_columns
from fenxiao.errors import OrdersError, RateError, what
from fenxiao.money import Rate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fenxiao.money import Currency

_WHAT: Final = "catalog"
_PRODUCT: Final = "product"
_RATE: Final = "margin_rate"
_MONEY: Final = ("price", "cost")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Catalog:
    """Products, one a row in the order of their labels, and their margin rates.

    Attributes
    ----------
    products : tuple
        Labels of the products: int, str, bytes or UUID, sorted.
    names : tuple of str
        The other columns.
    category_margins : tuple of (category, Rate)
        Margin rates of categories, sorted by category.
    default_margin : Rate or None
        Margin rate of products for which neither the product nor its category names one.

    Examples
    --------
    >>> catalog = Catalog.from_records(
    ...     [
    ...         {"product": "tea", "category": "food", "price": "30.00"},
    ...         {"product": "pen", "price": "2.00", "margin_rate": "5%"},
    ...     ],
    ...     category_margins={"food": "20%"},
    ... )
    >>> catalog.products, catalog.margin_rates
    (('pen', 'tea'), (Rate("5%"), Rate("20%")))
    """

    products: tuple[Label, ...]
    names: tuple[str, ...]
    _columns: tuple[Column, ...]
    category_margins: tuple[tuple[Label, Rate], ...]
    default_margin: Rate | None
    _row: dict[Label, int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Index the products by label."""
        object.__setattr__(self, "_row", {label: row for row, label in enumerate(self.products)})

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        *,
        category_margins: Mapping[Label, Input] | None = None,
        default_margin: Input = None,
        currency: Currency | str | None = None,
        unit: str | None = None,
    ) -> Self:
        """Read products from records; see `from_columns`. Only categories and margin rates may be missing.

        Examples
        --------
        >>> Catalog.from_records([{"product": 7, "cost": "1.50"}]).column("cost").value(0)
        Decimal('1.50')
        """
        raw = columns_of_records(records, what=_WHAT) or {_PRODUCT: []}
        return cls._read(raw, category_margins, default_margin, currency, unit)

    @classmethod
    def from_columns(
        cls,
        columns: Input,
        *,
        category_margins: Mapping[Label, Input] | None = None,
        default_margin: Input = None,
        currency: Currency | str | None = None,
        unit: str | None = None,
    ) -> Self:
        """Read products from a mapping of columns or a data frame.

        Parameters
        ----------
        columns
            ``product`` is required. ``price`` and ``cost`` are money, ``margin_rate`` is the share of the
            paid amount that may be paid out (``"12.5%"``); every other column is typed by what it holds.
        category_margins
            Margin rates by category.
        default_margin
            Margin rate where neither product nor category has one.
        currency, unit
            As for orders.

        Raises
        ------
        OrdersError
            A product comes twice or has no label; a category with a margin rate has no product.
        RateError
            A rate is not exact, is negative or above 100 %.
        MoneyError, MoneyOverflowError
            An amount is not exact, negative, or beyond 64 bits.
        """
        raw = columns_of_frame(columns, what=_WHAT)
        return cls._read(raw, category_margins, default_margin, currency, unit)

    @classmethod
    def _read(
        cls,
        raw: Mapping[str, Any],
        category_margins: Mapping[Label, Input] | None,
        default_margin: Input,
        currency: Currency | str | None,
        unit: str | None,
    ) -> Self:
        if _PRODUCT not in raw:
            raise OrdersError(
                _WHAT,
                "lacks a required column",
                value=_PRODUCT,
                allowed=", ".join(raw),
                hint="Name the products",
            )
        money = [name for name in _MONEY if name in raw or f"{name}_minor" in raw]
        layout = Layout.of(_WHAT, currency=currency, unit=unit, money=money)
        columns = read_columns(raw, layout, reserved={_PRODUCT, _RATE})
        labels = read_labels(raw[_PRODUCT], thing=f"{_WHAT} column {_PRODUCT!r}", error=OrdersError)
        products = labels.values.tolist()
        order = sorted(range(len(products)), key=products.__getitem__)
        _check_unique(products, order)
        if _RATE in raw:
            columns[_RATE] = _rate_column(list(unmasked(raw[_RATE])))
        taken = np.array(order, dtype=ROW)
        return cls(
            products=tuple(products[row] for row in order),
            names=tuple(columns),
            columns=tuple(column.take(taken) for column in columns.values()),
            category_margins=_category_rates(
                {} if category_margins is None else category_margins, columns.get("category")
            ),
            default_margin=None
            if default_margin is None
            else _share(default_margin, f"{_WHAT} default_margin"),
        )

    def __len__(self) -> int:
        """Return the number of products."""
        return len(self.products)

    def __repr__(self) -> str:
        """Return the number of products and the columns."""
        size = f"{len(self):,} product{'' if len(self) == 1 else 's'}"
        return f"Catalog({'; '.join([size, *filter(None, [', '.join(self.names)])])})"

    def column(self, name: str) -> Column:
        """Return a column by name, one row a product.

        Raises
        ------
        OrdersError
            There is no such column; the message lists the ones there are.
        """
        if name not in self.names:
            raise OrdersError(
                _WHAT,
                "has no such column",
                value=name,
                allowed=", ".join(sorted(self.names)) or "no column besides the product",
                hint="Add the column to the catalog or correct the name",
            )
        return self._columns[self.names.index(name)]

    def lookup(self, product: Categories, *, thing: str = "orders column 'product'") -> RowArray:
        """Return the catalog row of each row of a column of products (int64 [n]).

        Raises
        ------
        OrdersError
            A product is missing or not in the catalog; the rows are those of `product`.

        Examples
        --------
        >>> catalog = Catalog.from_records([{"product": "tea"}, {"product": "pen"}])
        >>> catalog.lookup(Categories([0, 0], ("tea",))).tolist()
        [1, 1]
        """
        # The null code -1 picks the last entry, which finds nothing.
        table = np.array([*(self._row.get(label, -1) for label in product.values), -1], dtype=ROW)
        rows: RowArray = table[product.codes]
        unknown = np.flatnonzero(rows < 0)
        if len(unknown):
            raise OrdersError(
                thing,
                "names products that are not in the catalog",
                rows=unknown,
                labels=dict.fromkeys(product.value(row) for row in unknown.tolist()),
                allowed=f"one of {len(self):,} products",
                hint="Add the products to the catalog or correct the orders",
            )
        return rows

    @property
    def margin_rates(self) -> tuple[Rate | None, ...]:
        """The margin rate of each product: its own, else its category's, else the default."""
        by_category = dict(self.category_margins)
        own = self.column(_RATE) if _RATE in self.names else None
        category = self.column("category") if "category" in self.names else None
        rates: list[Rate | None] = []
        for row in range(len(self)):
            rate = None if own is None else own.value(row)
            if not isinstance(rate, Rate):
                rate = None if category is None else by_category.get(category.value(row))
            rates.append(self.default_margin if rate is None else rate)
        return tuple(rates)


def _check_unique(products: list[Label], order: list[int]) -> None:
    twice = {row for one, two in pairwise(order) if products[one] == products[two] for row in (one, two)}
    if twice:
        raise OrdersError(
            f"{_WHAT} column {_PRODUCT!r}",
            "names a product more than once",
            rows=sorted(twice),
            labels={products[row] for row in twice},
            allowed="one row a product",
            hint="Drop the repeated rows",
        )


def _share(value: Input, thing: str, rows: tuple[int, ...] = ()) -> Rate:
    """Return a margin rate, which is a share of what was paid: 0 to 100 %."""
    rate = Rate.of(value)
    if rate.numerator > rate.denominator:
        raise RateError(
            thing,
            "is more than what was paid",
            value=str(rate),
            rows=rows,
            allowed='"0%" to "100%"',
            hint="State money beyond the paid amount as a fund",
        )
    return rate


def _rate_column(values: list[Any]) -> Categories:
    thing = f"{_WHAT} column {_RATE!r}"
    # Frames write a missing value as NaN.
    rates = [
        None
        if value is None or (isinstance(value, float) and value != value)
        else _share(value, thing, (row,))
        for row, value in enumerate(values)
    ]
    distinct = sorted({rate for rate in rates if rate is not None})
    code: dict[Rate | None, int] = {rate: number for number, rate in enumerate(distinct)}
    codes = [code.get(rate, -1) for rate in rates]
    return Categories(np.array(codes, dtype=INDEX), tuple(distinct))


def _category_rates(
    margins: Mapping[Label, Input], category: Column | None
) -> tuple[tuple[Label, Rate], ...]:
    if not isinstance(margins, Mapping):
        raise OrdersError(f"{_WHAT} category_margins", what(margins), allowed='such as {"food": "20%"}')
    known = category.values if isinstance(category, Categories) else ()
    unused = sorted(str(name) for name in margins if name not in known)
    if unused:
        raise OrdersError(
            f"{_WHAT} category_margins",
            "names categories that no product has",
            value=unused,
            allowed=", ".join(map(str, known)) or "no category",
            hint="Correct the name of the category, or leave it out",
        )
    return tuple(
        (name, _share(margins[name], f"{_WHAT} category_margins")) for name in known if name in margins
    )
