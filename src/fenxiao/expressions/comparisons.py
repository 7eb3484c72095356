"""Comparisons: a member's column or own volume against a value, and how conditions are written and read."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR_MAX, MINOR_MIN, FlagArray
from fenxiao._columns import Amounts, Categories, Column, Days, Flags, Numbers
from fenxiao.errors import ExpressionError
from fenxiao.expressions.predicates import AllOf, AnyOf, Not, Predicate
from fenxiao.expressions.tables import column_name
from fenxiao.money import to_minor

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao.expressions.predicates import MemberSource

Operator = Literal["is", "in", "at_least", "above", "at_most", "below"]
_SIGNS: Final[dict[str, str]] = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<", "is": "=="}
_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "at_least": np.greater_equal,
    "above": np.greater,
    "at_most": np.less_equal,
    "below": np.less,
}
Scalar: TypeAlias = bool | int | str


def _scalar(value: object) -> Scalar:
    """Return a value as conditions keep it: dates as text, as plain data has them."""
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    raise ExpressionError(
        "a condition's value",
        "is of a kind that conditions do not compare",
        value=value,
        allowed='bool, int, date, or a str such as "100.00" or "gold"',
        hint="Write money as text",
    )


def _scalars(given: Any) -> Scalar | tuple[Scalar, ...]:
    return tuple(map(_scalar, given)) if isinstance(given, tuple | list) else _scalar(given)


def _order(values: object) -> tuple[str, ...]:
    listed = values if isinstance(values, tuple | list) else None
    if (
        listed is None
        or not all(isinstance(value, str) for value in listed)
        or len(set(listed)) < len(listed)
    ):
        raise ExpressionError(
            "a condition's order",
            "is not a list of different texts",
            value=values,
            allowed='every value of the column, lowest first: order=("silver", "gold")',
        )
    return tuple(listed)


@final
@attrs.frozen(repr=False)
class Test(Predicate):
    """One comparison of a member column, or of a member's own volume, with a value.

    Thresholds are inside: ``at_least`` 100.00 holds at exactly 100.00. Text columns are compared in the
    given `order` of their values, never alphabetically.
    """

    __test__ = False  # keeps pytest from collecting the class

    kind: Literal["column", "own"]
    name: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...] = attrs.field(converter=_scalars)
    order: tuple[str, ...] = attrs.field(default=(), converter=_order)

    def __attrs_post_init__(self) -> None:
        thing, whose = f"{self.kind}({self.name!r})", "a member" if self.kind == "column" else "an order"
        column_name(self.name, thing, whose)
        if (self.operator == "in") != isinstance(self.value, tuple) or self.value == ():
            raise ExpressionError(
                thing,
                "is compared with the wrong number of values",
                value=self.value,
                allowed="one value, or isin(...) with one or more",
            )

    def _left(self) -> str:
        extra = f", order={self.order!r}" if self.order else ""
        return f"{self.kind}({self.name!r}{extra})"

    def __repr__(self) -> str:
        if isinstance(self.value, tuple):
            return f"{self._left()}.isin({', '.join(map(repr, self.value))})"
        return f"({self._left()} {_SIGNS[self.operator]} {self.value!r})"

    def measures(self) -> tuple[str, ...]:
        """Return the order column whose own sum is compared."""
        return (self.name,) if self.kind == "own" else ()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member column that is compared."""
        return (self.name,) if self.kind == "column" else ()

    def as_data(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        data: dict[str, Any] = {self.kind: self.name, self.operator: value}
        return data | ({"order": list(self.order)} if self.order else {})

    def _read(self, source: MemberSource) -> Column:
        return source.member_column(self.name) if self.kind == "column" else source.own(self.name)

    def mask(self, source: MemberSource) -> FlagArray:
        """Return for each member whether the comparison holds.

        Raises
        ------
        ExpressionError
            The column is of a kind that the operator or the value does not fit.
        """
        column = self._read(source)
        if isinstance(column, Categories):
            return self._mask_categories(column)
        wanted = self.value if isinstance(self.value, tuple) else (self.value,)
        values = [self._in_units(column, each) for each in wanted]
        if self.operator in ("is", "in"):
            return np.isin(column.values, np.array(values, dtype=column.values.dtype))
        if isinstance(column, Flags):
            raise self._misfit("a yes-or-no column has no order", "== True or == False")
        return cast("FlagArray", _COMPARE[self.operator](column.values, values[0]))

    def _misfit(self, problem: str, allowed: str) -> ExpressionError:
        return ExpressionError(f"condition {self!r}", problem, allowed=allowed)

    def _in_units(self, column: Column, value: Scalar) -> int | bool:
        if isinstance(column, Flags):
            if not isinstance(value, bool):
                raise self._misfit("compares a yes-or-no column with something else", "True or False")
            return value
        if isinstance(value, bool):
            raise self._misfit("compares with a bool", "a value of the column's own kind")
        if isinstance(column, Numbers):
            if not isinstance(value, int) or not MINOR_MIN <= value <= MINOR_MAX:
                raise self._misfit("compares a count with something else", "an int of 64 bits")
            return value
        if isinstance(column, Amounts):
            return to_minor(value, column.decimals, thing=f"condition {self!r}")
        return self._instant(column, value)

    def _instant(self, column: Column, value: int | str) -> int:
        if not isinstance(column, Days):
            raise self._misfit("compares a moment with something else", "a column of dates")
        try:
            day = dt.date.fromisoformat(value)  # type: ignore[arg-type]  # a number is refused below
        except (TypeError, ValueError):
            raise self._misfit("compares a date with something else", 'a date such as "2026-10-05"') from None
        return (day - dt.date(1970, 1, 1)).days

    def _mask_categories(self, column: Categories) -> FlagArray:
        if self.operator in ("is", "in"):
            wanted = self.value if isinstance(self.value, tuple) else (self.value,)
            if any(isinstance(each, bool) for each in wanted):
                raise self._misfit("compares a name with a bool", "a value of the column's own kind")
            names = {str(each) for each in wanted}
            table = [str(value) in names for value in column.values]
        else:
            table = self._ranked_table(column)
        # Null has code -1 and thus reads the last entry: it satisfies nothing.
        return cast("FlagArray", np.array([*table, False], dtype=FLAG)[column.codes])

    def _ranked_table(self, column: Categories) -> list[bool]:
        place = {name: rank for rank, name in enumerate(self.order)}
        strange = [value for value in (*column.values, self.value) if value not in place]
        if strange:
            raise self._misfit(
                f"{len(strange)} value(s) of the column have no place in the order",
                f'column({self.name!r}, order=("lowest", ..., "highest")) with every value of the column',
            )
        return [
            bool(_COMPARE[self.operator](place[value], place[cast("str", self.value)]))
            for value in column.values
        ]

    def describe(self, source: MemberSource, member: int) -> str:
        """Say what the member has and what was wanted."""
        wanted = ", ".join(map(str, self.value)) if isinstance(self.value, tuple) else self.value
        sign = {"is": "is not", "in": "is none of"}.get(
            self.operator, f"{_SIGNS.get(self.operator, '')} fails:"
        )
        name = self.name if self.kind == "column" else f"own {self.name}"
        has = self._read(source).value(member)
        if self.operator in ("is", "in"):
            return f"{name} {has} {sign} {wanted}"
        return f"{name} {has} of {wanted}"


@final
@attrs.frozen(eq=False)
class Subject:
    """The left side of a comparison; see `column` and `own`."""

    kind: Literal["column", "own"]
    name: str
    order: tuple[str, ...] = attrs.field(default=(), converter=_order)

    def __attrs_post_init__(self) -> None:
        column_name(self.name, self.kind, "a member" if self.kind == "column" else "an order")

    __hash__ = None  # type: ignore[assignment]  # == builds a condition, so hashing would lie

    def __eq__(self, value: object) -> Predicate:  # type: ignore[override]  # == builds a condition
        return Test(self.kind, self.name, "is", value, self.order)

    def __ne__(self, value: object) -> Predicate:  # type: ignore[override]  # != builds a condition
        return Not(Test(self.kind, self.name, "is", value, self.order))

    def __ge__(self, value: object) -> Predicate:
        return Test(self.kind, self.name, "at_least", value, self.order)

    def __gt__(self, value: object) -> Predicate:
        return Test(self.kind, self.name, "above", value, self.order)

    def __le__(self, value: object) -> Predicate:
        return Test(self.kind, self.name, "at_most", value, self.order)

    def __lt__(self, value: object) -> Predicate:
        return Test(self.kind, self.name, "below", value, self.order)

    def __bool__(self) -> bool:
        raise ExpressionError(
            f"{self.kind}({self.name!r})", "is not a condition yet", hint="Compare it: column(...) == True"
        )

    def isin(self, *values: Scalar) -> Predicate:
        """Return the condition that the column has one of `values`."""
        return Test(self.kind, self.name, "in", values, self.order)


def column(name: str, *, order: tuple[str, ...] | list[str] = ()) -> Subject:
    """Return a member column to compare with a value.

    Parameters
    ----------
    name
        A column of the members table: ``active``, ``rank``, ``joined``, ...
    order
        For ``>=``, ``>``, ``<=``, ``<`` on text: every value of the column, lowest first.

    Examples
    --------
    >>> (column("active") == True) & column("rank").isin("gold", "silver")
    ((column('active') == True) & column('rank').isin('gold', 'silver'))
    """
    return Subject("column", name, order)


def own(name: str) -> Subject:
    """Return a member's own volume: the sum of an order column over the orders credited to the member.

    ``own("orders")`` counts those orders. The orders are those of the period that is settled.

    Examples
    --------
    >>> own("paid") >= "100.00"
    (own('paid') >= '100.00')
    """
    return Subject("own", name)


_OPERATORS: Final = ("is", "in", *_COMPARE)
_FORMS: Final = (
    '{"column": "active", "is": true}, {"own": "paid", "at_least": "100.00"}, '
    'or these under "all", "any", "not"'
)


def predicate_from_data(data: object) -> Predicate:
    """Read what a predicate's ``as_data`` wrote.

    Raises
    ------
    ExpressionError
        The data is none of the known forms.
    """
    if isinstance(data, Predicate):
        return data
    if isinstance(data, dict):
        if set(data) == {"all"} and isinstance(data["all"], list):
            return AllOf(tuple(predicate_from_data(part) for part in data["all"]))
        if set(data) == {"any"} and isinstance(data["any"], list):
            return AnyOf(tuple(predicate_from_data(part) for part in data["any"]))
        if set(data) == {"not"}:
            return Not(predicate_from_data(data["not"]))
        kinds = [kind for kind in ("column", "own") if isinstance(data.get(kind), str)]
        operators = [name for name in _OPERATORS if name in data]
        if len(kinds) == len(operators) == 1 and not set(data) - {kinds[0], operators[0], "order"}:
            kind, operator = cast("Literal['column', 'own']", kinds[0]), cast("Operator", operators[0])
            return Test(kind, data[kind], operator, data[operator], data.get("order", ()))
        strange = sorted(map(str, set(data) - {"all", "any", "not", "column", "own", "order", *_OPERATORS}))
        if strange:
            raise ExpressionError("a condition", "has unknown keys", value=strange, allowed=_FORMS)
    raise ExpressionError(
        "a condition",
        "cannot be read",
        value=data,
        allowed=_FORMS,
    )
