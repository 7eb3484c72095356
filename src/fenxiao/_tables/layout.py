"""How a table's columns are read: which are money, volumes, times or categories, by name and by option."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, TypedDict

import attrs
import numpy as np

from fenxiao._arrays import INDEX, INSTANT, MINOR, MinorArray
from fenxiao._columns import Amounts, Categories, Column, Input, Instants, column_of
from fenxiao._labels import unmasked
from fenxiao.errors import InputError, MoneyError, OrdersError, class_name, is_one_of
from fenxiao.money import Currency
from fenxiao.periods import to_instants

MINOR_SUFFIX: Final = "_minor"
TIME_SUFFIX: Final = "_at"
DECIMALS_DEFAULT: Final = 2
"""Decimals of money while no currency is named."""

_KNOWN_MONEY: Final = frozenset({"paid", "margin", "list_price", "tax", "cost", "freight", "discount"})
_KNOWN_CATEGORIES: Final = frozenset({"product", "category", "region", "kind", "currency"})
_MAY_BE_NEGATIVE: Final = frozenset({"margin"})
"""Loss-making orders are facts; every other negative amount is a refund in disguise."""


class TableOptions(TypedDict, total=False):
    """Options that say how the columns of orders or events are read.

    currency
        Currency or ISO code; None (default) means two decimals.
    unit
        ``"minor"``: money and volumes are integers in minor units. None: texts or decimals.
    money
        Further money columns besides ``paid``, ``margin``, ``list_price``, ``tax``, ``cost``, ``freight``,
        ``discount`` and every name that ends in ``_minor`` (the suffix is dropped: ``paid_minor`` is read as
        ``paid``).
    volumes
        Volume columns and their decimals, for example ``{"pv": 2}``.
    unit_prices
        Further money columns that are the price of one piece, not of the line: a partial refund leaves them
        as they are. ``cost`` may be among them.
    times
        Further columns of times besides the names that end in ``_at``.
    categories
        Further columns whose integers are names, besides ``product``, ``category``, ``region``, ``kind``
        and ``currency``.
    zone
        IANA zone of naive times.
    """

    currency: Currency | str | None
    unit: str | None
    money: Collection[str]
    volumes: Mapping[str, int]
    unit_prices: Collection[str]
    times: Collection[str]
    categories: Collection[str]
    zone: str | None


def _names(value: Input, option: str, what: str) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise OrdersError(
            f"{what} option {option!r}",
            "is not a collection of column names",
            value=class_name(value),
            allowed="a tuple or list of texts",
            hint=f'Write {option}=("name",)',
        )
    names = frozenset(value)
    odd = sorted(class_name(name) for name in names if not isinstance(name, str) or not name)
    if odd:
        raise OrdersError(
            f"{what} option {option!r}",
            "holds something that is not a column name",
            value=odd[0],
            allowed="non-empty texts",
            hint=f'Write {option}=("name",)',
        )
    return names


@attrs.frozen(kw_only=True)
class Layout:
    """What the options of a table say about its columns.

    Attributes
    ----------
    what : str
        How messages call the table: ``"orders"``, ``"events"``.
    currency : Currency or None
    decimals : int
        Decimals of money columns: the currency's, or 2.
    minor : bool
        Whether money and volumes are given as integers in minor units.
    money, unit_prices, times, categories : names that the options declare, without the suffix ``_minor``
    volumes : names of volume columns and their decimals
    zone : IANA zone of naive times, or None
    """

    what: str
    currency: Currency | None
    decimals: int
    minor: bool
    money: frozenset[str]
    volumes: Mapping[str, int]
    unit_prices: frozenset[str]
    times: frozenset[str]
    categories: frozenset[str]
    zone: str | None

    @classmethod
    def of(
        cls,
        what: str,
        *,
        currency: Currency | str | None = None,
        unit: str | None = None,
        money: Collection[str] = (),
        volumes: Mapping[str, int] | None = None,
        unit_prices: Collection[str] = (),
        times: Collection[str] = (),
        categories: Collection[str] = (),
        zone: str | None = None,
    ) -> Layout:
        """Check the options of a table and return them as a layout.

        Raises
        ------
        OrdersError
            An option is of the wrong kind, or two options claim one column.
        MoneyError
            The currency is not known.
        """
        if unit is not None and not is_one_of(unit, ("minor",)):
            raise OrdersError(
                f"{what} option 'unit'",
                "is not a unit",
                value=unit,
                allowed='None or "minor"',
                hint='Write unit="minor" for integers in minor units',
            )
        found = None if currency is None else Currency.of(currency)
        layout = cls(
            what=what,
            currency=found,
            decimals=DECIMALS_DEFAULT if found is None else found.decimals,
            minor=unit == "minor",
            money=frozenset(map(stem, _names(money, "money", what))) if money else frozenset(),
            volumes=_volumes(volumes, what) if volumes else {},
            unit_prices=frozenset(map(stem, _names(unit_prices, "unit_prices", what)))
            if unit_prices
            else frozenset(),
            times=_names(times, "times", what) if times else frozenset(),
            categories=_names(categories, "categories", what) if categories else frozenset(),
            zone=zone,
        )
        layout.check_overlap()
        return layout

    @property
    def declared(self) -> list[str]:
        """Every column that an option names, sorted."""
        return sorted([*self.money, *self.volumes, *self.unit_prices, *self.times, *self.categories])

    @property
    def error(self) -> type[InputError]:
        """What is raised for columns that are wrong: those of members are not about orders."""
        return InputError if self.what == "members" else OrdersError

    def limited_to(self, names: Collection[str]) -> Layout:
        """Return the layout without options for columns that are not among `names`."""
        present = frozenset(names)
        return attrs.evolve(
            self,
            money=self.money & present,
            volumes={name: decimals for name, decimals in self.volumes.items() if name in present},
            unit_prices=self.unit_prices & present,
            times=self.times & present,
            categories=self.categories & present,
        )

    def check_overlap(self) -> None:
        """Raise `OrdersError` if two options claim one column."""
        declared = self.declared
        twice = sorted({one for one, two in pairwise(declared) if one == two})
        if twice:
            raise OrdersError(
                f"{self.what} options",
                "give one column two kinds",
                value=twice,
                allowed="one of money, volumes, unit_prices, times and categories a column",
                hint="Name the column in one option",
            )

    def class_name(self, name: str) -> str:
        """Return how a column of this name is read: an option counts before the name."""
        if name in self.volumes:
            return "volume"
        if name in self.money or name in self.unit_prices:
            return "money"
        if name in self.times:
            return "time"
        if name in self.categories:
            return "category"
        if name in _KNOWN_MONEY:
            return "money"
        if name in _KNOWN_CATEGORIES:
            return "category"
        return "time" if name.endswith(TIME_SUFFIX) else "other"

    def decimals_of(self, name: str) -> int:
        """Return the decimals of a money or volume column."""
        return self.volumes.get(name, self.decimals)


def layout_of(what: str, options: Mapping[str, Any]) -> Layout:
    """Check the options of a table (see `TableOptions`) and return them as a layout.

    Raises
    ------
    OrdersError
        An option is unknown, of the wrong kind, or two options claim one column.
    MoneyError
        The currency is not known.
    """
    unknown = sorted(set(options) - set(TableOptions.__annotations__))
    if unknown:
        raise OrdersError(
            f"{what} options",
            "are not known",
            value=unknown,
            allowed=", ".join(TableOptions.__annotations__),
            hint="Correct the name of the option",
        )
    return Layout.of(what, **options)


def _volumes(volumes: Input, what: str) -> dict[str, int]:
    if not isinstance(volumes, Mapping):
        raise OrdersError(
            f"{what} option 'volumes'",
            "does not say the decimals",
            value=class_name(volumes),
            allowed="a mapping of names to decimals",
            hint='Write volumes={"pv": 2}',
        )
    _names(volumes, "volumes", what)
    # A currency of one's own checks the decimals in the same words.
    return {stem(name): Currency(name, decimals=decimals).decimals for name, decimals in volumes.items()}


def stem(name: str) -> str:
    """Return the canonical name of a column: without the suffix that says its unit."""
    return name[: -len(MINOR_SUFFIX)] if name.endswith(MINOR_SUFFIX) and name != MINOR_SUFFIX else name


def read_columns(raw: Mapping[str, Any], layout: Layout, *, reserved: Collection[str]) -> dict[str, Column]:
    """Read the raw columns of a table into typed ones under their canonical names.

    Parameters
    ----------
    raw
        Column names as given and their values; names in `reserved` are left out, they are read elsewhere.
    layout
        What the options say.
    reserved
        Names that cannot be ordinary columns: keys and labels.

    Raises
    ------
    InputError
        A column is given twice, an option names a column that is not there, or a column is of no kind; of
        orders, events and the catalog an OrdersError.
    MoneyError, MoneyOverflowError
        Floats, plain integers, negative amounts, results beyond 64 bits.
    TimeError
        Naive, ambiguous or missing times.
    """
    what = layout.what
    columns: dict[str, Column] = {}
    for given, values in raw.items():
        if given in reserved:
            continue
        name = stem(given)
        if name in columns or name in reserved:
            raise layout.error(
                f"{what} columns",
                "name the same thing twice" if name in columns else "give a key or a label a unit",
                value=f"{name} and {name}{MINOR_SUFFIX}" if name in columns else given,
                allowed="either a column or its twin in minor units",
                hint=f"Drop one of them: {name}{MINOR_SUFFIX} is read as {name}",
            )
        columns[name] = _read_column(given, name, values, layout)
    absent = [name for name in layout.declared if name not in columns]
    if absent:
        raise layout.error(
            f"{what} options",
            "name columns that are not in the table",
            value=absent,
            allowed=", ".join(sorted(columns)) or "no column",
            hint="Correct the name or drop it from the options",
        )
    return columns


def _read_column(given: str, name: str, values: Input, layout: Layout) -> Column:
    thing = f"{layout.what} column {given!r}"
    values = unmasked(values)
    kind = layout.class_name(name)
    if given != name or kind in {"money", "volume"}:
        minor, decimals = layout.minor or given != name, layout.decimals_of(name)
        column: Column
        if minor and isinstance(values, np.ndarray) and values.dtype == MINOR:
            # Already what it has to become: a view spares the copy of a long column.
            column = Amounts(values, decimals)
        else:
            column = column_of(given, values, decimals=decimals, minor=minor, thing=thing, error=layout.error)
        if isinstance(column, Amounts) and name not in _MAY_BE_NEGATIVE:
            _check_not_negative(column.values, thing)
        return column
    if kind == "time":
        return Instants(to_instants(values, zone=layout.zone, thing=thing))
    return column_of(given, values, category=kind == "category", thing=thing, error=layout.error)


def _check_not_negative(values: MinorArray, thing: str) -> None:
    if len(values) and values.min() < 0:
        raise MoneyError(
            thing,
            "has negative amounts",
            rows=np.flatnonzero(values < 0),
            allowed="0 or more",
            hint="Keep the sale as it was and state the refund as a fact of its own (facts.refund)",
        )


def empty_column(name: str, layout: Layout) -> Column | None:
    """Return the column of that name in a table without rows, None where its name does not say its kind."""
    kind = layout.class_name(name)
    if kind in {"money", "volume"}:
        return Amounts(np.empty(0, dtype=MINOR), layout.decimals_of(name))
    if kind == "time":
        return Instants(np.empty(0, dtype=INSTANT))
    return Categories(np.empty(0, dtype=INDEX), ()) if kind == "category" else None


def join_columns(first: Column, second: Column, *, thing: str) -> Column:
    """Return the rows of one column followed by those of another of the same kind.

    Raises
    ------
    OrdersError
        The kinds differ, or the decimals, or the types of the categories.
    """
    if isinstance(first, Categories) and isinstance(second, Categories):
        return _join_categories(first, second, thing)
    same_unit = not isinstance(first, Amounts) or (
        isinstance(second, Amounts) and first.decimals == second.decimals
    )
    if type(first) is not type(second) or not same_unit or isinstance(second, Categories):
        raise OrdersError(
            thing,
            "is of another kind or unit in each of the two tables",
            value=f"{_kind_text(first)} and {_kind_text(second)}",
            allowed="one kind and unit",
            hint="Read both tables with the same options",
        )
    return attrs.evolve(first, values=np.concatenate([first.values, second.values]))  # type: ignore[arg-type]  # one kind, see above


def _kind_text(column: Column) -> str:
    decimals = f" of {column.decimals} decimals" if isinstance(column, Amounts) else ""
    return type(column).__name__ + decimals


def _join_categories(first: Categories, second: Categories, thing: str) -> Categories:
    if first.values == second.values:
        return Categories(np.concatenate([first.codes, second.codes]), first.values)
    try:
        values = tuple(sorted({*first.values, *second.values}))
    except TypeError:
        raise OrdersError(
            thing,
            "has categories of another type in each of the two tables",
            value=f"{type(first.values[0]).__name__} and {type(second.values[0]).__name__}",
            allowed="one type",
            hint="Convert one of the two columns first",
        ) from None
    place = {value: code for code, value in enumerate(values)}
    recoded = []
    for column in (first, second):
        # The null code -1 picks the last entry, which stays -1.
        table = np.array([*(place[value] for value in column.values), -1], dtype=INDEX)
        recoded.append(table[column.codes])
    return Categories(np.concatenate(recoded), values)
