"""``Where``: which order lines a policy looks at."""

from __future__ import annotations

from typing import Any, Final, Protocol, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR_MAX, MINOR_MIN, FlagArray, MinorArray
from fenxiao._columns import Categories, Column, Flags, Numbers
from fenxiao.errors import ExpressionError, instance_of
from fenxiao.expressions.tables import pairs_of
from fenxiao.money import to_minor

_NAMED: Final = ("kind", "product", "category", "region")


class OrderSource(Protocol):
    """Rows of orders that a `Where` selects from."""

    def column(self, name: str) -> Column:
        """Return an order column."""
        ...

    def amounts_of(self, name: str) -> tuple[MinorArray, int, int]:
        """Return a column's values, its decimals and an upper bound of its absolute values."""
        ...

    def order_sum(self, values: MinorArray) -> MinorArray:
        """Return for each line the sum of `values` over the lines of its order."""
        ...

    def first_orders(self) -> FlagArray:
        """Return for each line whether its order is its buyer's first."""
        ...


def _wanted(value: object) -> tuple[Any, ...]:
    values = (value,) if isinstance(value, str | int) else value
    listed = tuple(values) if isinstance(values, list | tuple) else ()
    if not listed or not all(isinstance(each, str | int) for each in listed):
        raise ExpressionError(
            "Where", "wants a value or a list of values", value=value, allowed="str, int, bool"
        )
    return listed


def _wanted_if_any(value: object) -> tuple[Any, ...] | None:
    return None if value is None else _wanted(value)


def _wanted_map(table: object) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    allowed = '{"channel": ("app", "web")}'
    pairs = pairs_of(table, "Where, other", allowed=allowed, error=ExpressionError)
    return tuple((name, _wanted(value)) for name, value in pairs)


def _minimum_map(table: object) -> tuple[tuple[str, str], ...]:
    pairs = pairs_of(table, "Where, minimum", allowed='{"paid": "100.00"}', error=ExpressionError)
    for name, value in pairs:
        if not isinstance(value, str):
            raise ExpressionError(
                f"Where, minimum {name!r}", "must be text", value=value, allowed='such as "100.00"'
            )
    return pairs


@final
@attrs.frozen(kw_only=True)
class Where:
    """Selects order lines; every named condition must hold.

    Parameters
    ----------
    kind, product, category, region
        One value or several of the order column of that name.
    other
        Further columns: ``other={"channel": ("app", "web")}``.
    minimum
        Least sums over the whole order, the threshold itself inside: ``minimum={"paid": "100.00"}``.
    first_order
        Only the buyer's first order among the facts (by the plan's anchor time, then by order id); the
        credited member stands for the buyer where the orders name none.

    Examples
    --------
    >>> Where(kind="retail", minimum={"paid": "100.00"}).as_data()
    {'kind': ['retail'], 'minimum': {'paid': '100.00'}}
    """

    kind: tuple[Any, ...] | None = attrs.field(default=None, converter=_wanted_if_any)
    product: tuple[Any, ...] | None = attrs.field(default=None, converter=_wanted_if_any)
    category: tuple[Any, ...] | None = attrs.field(default=None, converter=_wanted_if_any)
    region: tuple[Any, ...] | None = attrs.field(default=None, converter=_wanted_if_any)
    other: tuple[tuple[str, tuple[Any, ...]], ...] = attrs.field(default=(), converter=_wanted_map)
    minimum: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_minimum_map)
    first_order: bool = attrs.field(default=False, validator=instance_of(bool, error=ExpressionError))

    def _equal(self) -> list[tuple[str, tuple[Any, ...]]]:
        named = [(name, getattr(self, name)) for name in _NAMED if getattr(self, name)]
        return [*named, *self.other]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the order columns that are read."""
        return (*(name for name, _ in self._equal()), *(name for name, _ in self.minimum))

    def mask(self, source: OrderSource) -> FlagArray | None:
        """Return for each line whether it is selected, or None where nothing is asked."""
        masks = [_equal_mask(source.column(name), name, wanted) for name, wanted in self._equal()]
        for name, least in self.minimum:
            values, decimals, _ = source.amounts_of(name)
            masks.append(
                source.order_sum(values) >= to_minor(least, decimals, thing=f"Where, minimum {name!r}")
            )
        if self.first_order:
            masks.append(source.first_orders())
        return np.logical_and.reduce(masks) if masks else None

    def as_data(self) -> dict[str, Any]:
        """Return the selection as plain data, only what is asked."""
        data: dict[str, Any] = {name: list(getattr(self, name)) for name in _NAMED if getattr(self, name)}
        if self.other:
            data["other"] = {name: list(wanted) for name, wanted in self.other}
        if self.minimum:
            data["minimum"] = dict(self.minimum)
        return data | ({"first_order": True} if self.first_order else {})

    @classmethod
    def from_data(cls, data: object) -> Where:
        """Read what `as_data` wrote.

        Raises
        ------
        ExpressionError
            Not a mapping, or a key that is not one of the parameters.
        """
        if isinstance(data, Where):
            return data
        known = [field.name for field in attrs.fields(cls)]
        strange = sorted(map(str, set(data) - set(known))) if isinstance(data, dict) else [data]
        if strange:
            raise ExpressionError("Where", "has what cannot be read", value=strange, allowed=", ".join(known))
        return cls(**data)  # type: ignore[arg-type]  # checked before


def _equal_mask(column: Column, name: str, wanted: tuple[Any, ...]) -> FlagArray:
    if not isinstance(column, Categories | Flags | Numbers):
        raise ExpressionError(
            f"Where, column {name!r}",
            "is not one that can be compared for being equal",
            allowed="text, counts, yes or no",
            hint="Use minimum= for money",
        )
    kinds = _kinds(column)
    strange = [value for value in wanted if kinds and type(value) not in kinds]
    if strange or (isinstance(column, Numbers) and not MINOR_MIN <= min(wanted) <= max(wanted) <= MINOR_MAX):
        raise ExpressionError(
            f"Where, column {name!r}",
            "is compared with values that it cannot have",
            value=strange or wanted,
            allowed=" or ".join(sorted(kind.__name__ for kind in kinds)) + " of 64 bits" * (int in kinds),
        )
    if isinstance(column, Categories):
        # Null has code -1 and thus reads the last entry: it is never selected.
        return np.array([*(value in wanted for value in column.values), False], dtype=FLAG)[column.codes]
    return np.isin(column.values, np.array(wanted, dtype=column.values.dtype))


def _kinds(column: Categories | Flags | Numbers) -> set[type[Any]]:
    """Return the kinds of a column's values, none where it has no values."""
    if isinstance(column, Categories):
        return {type(value) for value in column.values}
    return {bool} if isinstance(column, Flags) else {int}
