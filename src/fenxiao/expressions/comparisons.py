"""Comparisons: a member's column or measure against a value."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast, final, get_args

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR_MAX, MINOR_MIN, FlagArray
from fenxiao._columns import Amounts, Categories, Column, Days, Flags, Numbers, Ranks
from fenxiao.errors import ExpressionError, RateError
from fenxiao.expressions.predicates import Not, Predicate
from fenxiao.expressions.tables import column_name
from fenxiao.money import Rate, to_minor

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao.expressions.measures import Measure
    from fenxiao.expressions.predicates import MemberSource

Operator = Literal["is", "in", "at_least", "above", "at_most", "below"]
OPERATORS: Final[tuple[str, ...]] = get_args(Operator)
SIGNS: Final[dict[str, str]] = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<", "is": "=="}
COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "at_least": np.greater_equal,
    "above": np.greater,
    "at_most": np.less_equal,
    "below": np.less,
    "is": np.equal,
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


class Subject:
    """The left side of a comparison: a member column, or a measure.

    ``==``, ``>=`` and the like build conditions, so that two subjects are told apart by `identity`, never
    by ``==``.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # == builds a condition, so hashing would lie

    def __eq__(self, value: object) -> Predicate:  # type: ignore[override]  # == builds a condition
        return Test(self, "is", value)

    def __ne__(self, value: object) -> Predicate:  # type: ignore[override]  # != builds a condition
        return Not(Test(self, "is", value))

    def __ge__(self, value: object) -> Predicate:
        return Test(self, "at_least", value)

    def __gt__(self, value: object) -> Predicate:
        return Test(self, "above", value)

    def __le__(self, value: object) -> Predicate:
        return Test(self, "at_most", value)

    def __lt__(self, value: object) -> Predicate:
        return Test(self, "below", value)

    def __bool__(self) -> bool:
        raise ExpressionError(repr(self), "is not a condition yet", hint="Compare it: column(...) == True")

    def isin(self, *values: Scalar) -> Predicate:
        """Return the condition that the subject has one of `values`."""
        return Test(self, "in", values)

    def as_data(self) -> dict[str, Any]:
        """Return the subject as plain data."""
        raise NotImplementedError

    def text(self) -> str:
        """Return what explanations call the subject."""
        raise NotImplementedError

    def read(self, source: MemberSource) -> Column:
        """Return the subject's value for each member."""
        raise NotImplementedError

    def check(self, test: Test) -> None:
        """Refuse a comparison that has no meaning for the subject."""

    def against(self, test: Test, source: MemberSource) -> Column:  # noqa: ARG002  # some depend on it
        """Return what each member has towards a comparison."""
        return self.read(source)

    def compare(self, test: Test, source: MemberSource) -> FlagArray:
        """Return for each member whether a comparison of this subject holds."""
        return holds(test, self.read(source))

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read, this one and those inside it."""
        return ()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return ()


def identity(subject: Subject | None) -> str:
    """Return a text that is the same for equal subjects and differs for different ones."""
    return "" if subject is None else json.dumps(subject.as_data(), sort_keys=True)


@final
@attrs.frozen(repr=False)
class Test(Predicate):
    """One comparison of a member column, or of a measure, with a value.

    Thresholds are inside: ``at_least`` 100.00 holds at exactly 100.00. Text columns are compared in the
    given order of their values, never alphabetically; rates are compared exactly, ``"3.0%"`` being ``"3%"``.
    """

    __test__ = False  # keeps pytest from collecting the class

    subject: Subject = attrs.field(eq=identity)
    operator: Operator
    value: Scalar | tuple[Scalar, ...] = attrs.field(converter=_scalars)

    def __attrs_post_init__(self) -> None:
        if (self.operator == "in") != isinstance(self.value, tuple) or self.value == ():
            raise ExpressionError(
                repr(self.subject),
                "is compared with the wrong number of values",
                value=self.value,
                allowed="one value, or isin(...) with one or more",
            )
        self.subject.check(self)

    def __repr__(self) -> str:
        if isinstance(self.value, tuple):
            return f"{self.subject!r}.isin({', '.join(map(repr, self.value))})"
        return f"({self.subject!r} {SIGNS[self.operator]} {self.value!r})"

    def subjects(self) -> tuple[Subject, ...]:
        """Return the subject."""
        return (self.subject,)

    def as_data(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {**self.subject.as_data(), self.operator: value}

    def mask(self, source: MemberSource) -> FlagArray:
        """Return for each member whether the comparison holds.

        Raises
        ------
        ExpressionError
            The column is of a kind that the operator or the value does not fit.
        """
        return self.subject.compare(self, source)

    def misfit(self, problem: str, allowed: str) -> ExpressionError:
        """Return the error that the value or the operator does not fit the column."""
        return ExpressionError(f"condition {self!r}", problem, allowed=allowed)

    def describe(self, source: MemberSource, member: int) -> str:
        """Say what the member has and what was wanted."""
        wanted = ", ".join(map(str, self.value)) if isinstance(self.value, tuple) else self.value
        name, has = self.subject.text(), self.subject.against(self, source).value(member)
        if self.operator in ("is", "in"):
            text = f"{name} {has} {'is not' if self.operator == 'is' else 'is none of'} {wanted}"
        else:
            text = f"{name} {has} of {wanted}"
        more = source.told(self.subject.name, member) if isinstance(self.subject, MemberColumn) else ""
        return f"{text} ({more})" if more else text


def holds(test: Test, column: Column) -> FlagArray:
    """Return for each value of a column whether a comparison holds."""
    if isinstance(column, Categories):
        return _holds_of_categories(test, column)
    wanted = test.value if isinstance(test.value, tuple) else (test.value,)
    values = [in_units(test, column, each) for each in wanted]
    if test.operator in ("is", "in"):
        return np.isin(column.values, np.array(values, dtype=column.values.dtype))
    if isinstance(column, Flags):
        raise test.misfit("a yes-or-no column has no order", "== True or == False")
    return cast("FlagArray", COMPARE[test.operator](column.values, values[0]))


def in_units(test: Test, column: Column, value: Scalar) -> int | bool:
    """Return a comparison's value in the smallest unit of a column."""
    if isinstance(column, Flags):
        if not isinstance(value, bool):
            raise test.misfit("compares a yes-or-no column with something else", "True or False")
        return value
    if isinstance(value, bool):
        raise test.misfit("compares with a bool", "a value of the column's own kind")
    if isinstance(column, Numbers):
        if not isinstance(value, int) or not MINOR_MIN <= value <= MINOR_MAX:
            raise test.misfit("compares a count with something else", "an int of 64 bits")
        return value
    if isinstance(column, Amounts):
        return to_minor(value, column.decimals, thing=f"condition {test!r}")
    return _day(test, column, value)


def _day(test: Test, column: Column, value: int | str) -> int:
    if not isinstance(column, Days):
        raise test.misfit("compares a moment with something else", "a column of dates")
    try:
        day = dt.date.fromisoformat(value)  # type: ignore[arg-type]  # a number is refused below
    except (TypeError, ValueError):
        raise test.misfit("compares a date with something else", 'a date such as "2026-10-05"') from None
    return (day - dt.date(1970, 1, 1)).days


def _holds_of_categories(test: Test, column: Categories) -> FlagArray:
    if column.values and all(isinstance(value, Rate) for value in column.values):
        table = _rated_table(test, column)
    elif test.operator in ("is", "in"):
        wanted = test.value if isinstance(test.value, tuple) else (test.value,)
        if any(isinstance(each, bool) for each in wanted):
            raise test.misfit("compares a name with a bool", "a value of the column's own kind")
        names = {str(each) for each in wanted}
        if isinstance(column, Ranks) and not names <= set(column.values):
            raise test.misfit("compares with a rank that there is not", ", ".join(column.values))
        table = [str(value) in names for value in column.values]
    else:
        table = _ranked_table(test, column)
        if isinstance(column, Ranks) and table == sorted(table):
            # From one rank on; a comparison of codes reads no table.
            return column.codes >= INDEX(table.index(True) if any(table) else len(table))
    # Null has code -1 and thus reads the last entry: it satisfies nothing.
    return cast("FlagArray", np.array([*table, False], dtype=FLAG)[column.codes])


def _rated_table(test: Test, column: Categories) -> list[bool]:
    """Return which rates of a column compare as wanted: by what they are, however they are written."""
    if isinstance(test.subject, MemberColumn) and test.subject.order:
        raise test.misfit("gives an order to rates, which have one", "a column of rates without order=")
    wanted = []
    for value in test.value if isinstance(test.value, tuple) else (test.value,):
        try:
            wanted.append(Rate.of(value))
        except RateError:
            raise test.misfit("compares a rate with something else", 'a rate such as "3%"') from None
    if test.operator in ("is", "in"):
        return [rate in wanted for rate in column.values]
    compare = COMPARE[test.operator]
    return [bool(compare(rate.fraction, wanted[0].fraction)) for rate in column.values]


def _ranked_table(test: Test, column: Categories) -> list[bool]:
    order = test.subject.order if isinstance(test.subject, MemberColumn) else ()
    if not order and isinstance(column, Ranks):
        order = column.values
    place = {name: rank for rank, name in enumerate(order)}
    strange = [value for value in (*column.values, test.value) if value not in place]
    if strange and isinstance(column, Ranks):
        raise test.misfit("compares with a rank that there is not", ", ".join(column.values))
    if strange:
        raise test.misfit(
            f"{len(strange)} value(s) of the column have no place in the order",
            f'{test.subject.text()} with order=("lowest", ..., "highest"), every value of the column',
        )
    compare = COMPARE[test.operator]
    return [bool(compare(place[value], place[cast("str", test.value)])) for value in column.values]


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
@attrs.frozen(eq=False, repr=False)
class MemberColumn(Subject):
    """A column of the members, or what a gate or a ladder of the plan computes under that name."""

    name: str
    order: tuple[str, ...] = attrs.field(default=(), converter=_order)

    def __attrs_post_init__(self) -> None:
        column_name(self.name, "column", "a member")

    def __repr__(self) -> str:
        extra = f", order={self.order!r}" if self.order else ""
        return f"column({self.name!r}{extra})"

    def as_data(self) -> dict[str, Any]:
        """Return the column as plain data."""
        return {"column": self.name} | ({"order": list(self.order)} if self.order else {})

    def text(self) -> str:
        """Return what explanations call the column."""
        return self.name

    def read(self, source: MemberSource) -> Column:
        """Return the column in tree order."""
        return source.member_column(self.name)

    def member_columns(self) -> tuple[str, ...]:
        """Return the column's name."""
        return (self.name,)


def column(name: str, *, order: tuple[str, ...] | list[str] = ()) -> MemberColumn:
    """Return a member column to compare with a value.

    Parameters
    ----------
    name
        A column of the members table (``active``, ``rank``, ``joined``, ...), or a gate or ladder of the
        plan.
    order
        For ``>=``, ``>``, ``<=``, ``<`` on text: every value of the column, lowest first. Ladders and
        `fenxiao.qualification.GivenRanks` have an order of their own, and rates are compared as rates.

    Examples
    --------
    >>> (column("active") == True) & column("rank").isin("gold", "silver")
    ((column('active') == True) & column('rank').isin('gold', 'silver'))
    """
    return MemberColumn(name, order)
