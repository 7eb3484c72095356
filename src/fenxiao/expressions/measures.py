"""Measures: whole numbers a member that a plan computes from orders and the tree, as data.

They are computed by `fenxiao.volumes`; here stands only what is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs

from fenxiao.errors import ExpressionError, instance_of, is_one_of
from fenxiao.expressions.comparisons import Subject
from fenxiao.expressions.predicates import Predicate
from fenxiao.expressions.tables import column_name
from fenxiao.expressions.where import Where

if TYPE_CHECKING:
    from fenxiao._columns import Amounts, Numbers
    from fenxiao.expressions.predicates import MemberSource

WINDOW_MAX: Final = 12
"""The longest window, in periods."""
DEPTH_MAX: Final = 64
_JOINED: Final = "joined"


@attrs.frozen(eq=False, repr=False)
class Measure(Subject):
    """A whole number a member: a volume in its smallest unit, or a count."""

    kind: ClassVar[str] = ""
    adds_up: ClassVar[bool] = True
    """Whether it is a number that sums, legs and tables of rates can be made of."""

    def read(self, source: MemberSource) -> Amounts | Numbers:
        """Return the measure of each member."""
        return source.measure(self)

    def conditions(self) -> tuple[Predicate, ...]:
        """Return the conditions on members that the measure depends on."""
        return ()

    def inner(self) -> tuple[Measure, ...]:
        """Return the measures that this one is made of."""
        return ()

    def measures(self) -> tuple[Measure, ...]:
        """Return this measure, and all that it is made of or that its conditions read."""
        below = (
            *(each.measures() for each in self.inner()),
            *(each.measures() for each in self.conditions()),
        )
        return (self, *(measure for part in below for measure in part))

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read on the way."""
        names = [name for each in self.inner() for name in each.member_columns()]
        return (*names, *(name for each in self.conditions() for name in each.member_columns()))

    def over(self, periods: int) -> Window:
        """Return the sum of the measure over the last `periods` periods, the settled one included.

        >>> Own("pv").over(3)
        own('pv').over(3)
        """
        return Window(self, periods, "sum")

    def each_of(self, periods: int) -> Window:
        """Return the least value of the last `periods` periods: at least x in *each* of them.

        >>> Own("pv").each_of(2) >= "2500"
        (own('pv').each_of(2) >= '2500')
        """
        return Window(self, periods, "least")


def measure_of(value: object, thing: str) -> Measure:
    """Return a measure; the name of an order column stands for a member's own volume."""
    if isinstance(value, str):
        return Own(value)
    if not isinstance(value, Measure):
        raise ExpressionError(
            thing, "is no measure", value=value, allowed='such as own("pv"), group("pv"), organisation("pv")'
        )
    return value


def as_measure(value: object, thing: str = "a measure's volume") -> Measure:
    """Return a measure that another one, or a table of rates, is made of."""
    measure = measure_of(value, thing)
    if not measure.adds_up:
        raise ExpressionError(
            thing,
            "can only be compared with a value",
            value=measure,
            allowed='a volume or a count: own("pv"), group("pv", ...), legs(...)',
        )
    return measure


def brief(measure: Measure) -> Any:
    """Return the plain data of an inner measure, only its name where it is a plain own volume."""
    data = measure.as_data()
    return data["own"] if set(data) == {"own"} else data


def shown(measure: Measure) -> str:
    """Return how an inner measure is written: by its name where it is a plain own volume."""
    return repr(measure.name) if isinstance(measure, Own) and measure.plain else repr(measure)


def is_condition(*, optional: bool) -> Any:
    """Return an attrs validator that wants a condition."""
    return instance_of(Predicate, optional=optional, error=ExpressionError)


def whole_number(thing: str, low: int, high: int) -> Any:
    """Return an attrs validator that wants a whole number in a range."""

    def check(instance: Measure, _: object, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ExpressionError(
                f"{instance.kind}, {thing}", "is out of range", value=value, allowed=f"{low} to {high}"
            )

    return check


@final
@attrs.frozen(eq=False, repr=False)
class Own(Measure):
    """A member's own volume: an order column summed over the orders credited to him."""

    kind: ClassVar[str] = "own"

    name: str
    where: Where | None = attrs.field(
        default=None, kw_only=True, validator=instance_of(Where, optional=True, error=ExpressionError)
    )
    first_days: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(whole_number("first_days", 1, 36600))
    )

    def __attrs_post_init__(self) -> None:
        column_name(self.name, "own", "an order")

    @property
    def plain(self) -> bool:
        """Return whether all orders count."""
        return self.where is None and self.first_days is None

    def __repr__(self) -> str:
        extra = "" if self.where is None else f", where={self.where!r}"
        extra += "" if self.first_days is None else f", first_days={self.first_days}"
        return f"own({self.name!r}{extra})"

    def as_data(self) -> dict[str, Any]:
        """Return the measure as plain data."""
        data: dict[str, Any] = {"own": self.name}
        if self.where is not None:
            data["where"] = self.where.as_data()
        return data | ({} if self.first_days is None else {"first_days": self.first_days})

    def text(self) -> str:
        """Return what explanations call the volume."""
        return f"own {self.name}"

    def member_columns(self) -> tuple[str, ...]:
        """Return the column of joining dates where it is read."""
        return () if self.first_days is None else (_JOINED,)


@final
@attrs.frozen(eq=False, repr=False)
class Distinct(Measure):
    """How many different values an order column has among the orders credited to a member."""

    kind: ClassVar[str] = "distinct"

    name: str
    where: Where | None = attrs.field(
        default=None, kw_only=True, validator=instance_of(Where, optional=True, error=ExpressionError)
    )

    def __attrs_post_init__(self) -> None:
        column_name(self.name, "distinct", "an order")

    def __repr__(self) -> str:
        return f"distinct({self.name!r}{'' if self.where is None else f', where={self.where!r}'})"

    def as_data(self) -> dict[str, Any]:
        """Return the measure as plain data."""
        return {"distinct": self.name} | ({} if self.where is None else {"where": self.where.as_data()})

    def text(self) -> str:
        """Return what explanations call the count."""
        return f"distinct {self.name}"


@attrs.frozen(eq=False, repr=False)
class Derived(Measure):
    """A measure made of another one."""

    of: Measure = attrs.field(converter=as_measure)

    def inner(self) -> tuple[Measure, ...]:
        """Return the other measure."""
        return (self.of,)

    def options(self) -> dict[str, Any]:
        """Return what else is said, by name, as it is written in Python."""
        return {}

    def __repr__(self) -> str:
        extra = "".join(f", {name}={value!r}" for name, value in self.options().items())
        return f"{self.kind}({shown(self.of)}{extra})"

    def as_data(self) -> dict[str, Any]:
        """Return the measure as plain data."""
        options = self.options().items()
        return {self.kind: brief(self.of)} | {
            name: value.as_data() if isinstance(value, Predicate) else value for name, value in options
        }

    def text(self) -> str:
        """Return what explanations call the measure."""
        return f"{self.kind.replace('_', ' ')} {self.of.text().removeprefix('own ')}"


@final
@attrs.frozen(eq=False, repr=False)
class Window(Derived):
    """A measure over the last periods, the settled one included; periods without a record count 0."""

    kind: ClassVar[str] = "window"

    periods: int = attrs.field(validator=whole_number("periods", 1, WINDOW_MAX))
    how: str = attrs.field(default="sum")

    def __attrs_post_init__(self) -> None:
        if not is_one_of(self.how, ("sum", "least")):
            raise ExpressionError("window, how", "is unknown", value=self.how, allowed="sum, least")
        if any(isinstance(inner, Window) for inner in self.of.measures()):
            raise ExpressionError("window", "looks at a window", hint="Give one window the whole length")

    def __repr__(self) -> str:
        return f"{self.of!r}.{'over' if self.how == 'sum' else 'each_of'}({self.periods})"

    def options(self) -> dict[str, Any]:
        """Return the length and how periods are joined."""
        return {"periods": self.periods, "how": self.how}

    def text(self) -> str:
        """Return what explanations call the measure."""
        joined = "over" if self.how == "sum" else "in each of"
        return f"{self.of.text()} {joined} {self.periods} periods"


@attrs.frozen(eq=False, repr=False)
class Heads(Measure):
    """How many members, or legs, meet a condition."""

    condition: Predicate | None = attrs.field(default=None, validator=is_condition(optional=True))

    def conditions(self) -> tuple[Predicate, ...]:
        """Return the condition."""
        return () if self.condition is None else (self.condition,)

    def __repr__(self) -> str:
        return f"{self.kind}({'' if self.condition is None else repr(self.condition)})"

    def as_data(self) -> dict[str, Any]:
        """Return the measure as plain data."""
        return {self.kind: None if self.condition is None else self.condition.as_data()}

    def text(self) -> str:
        """Return what explanations call the count."""
        return f"{self.kind} with {self.condition!r}" if self.condition is not None else self.kind


@final
@attrs.frozen(eq=False, repr=False)
class FrontLine(Heads):
    """How many members whom one sponsored meet a condition, or how many there are."""

    kind: ClassVar[str] = "frontline"


@final
@attrs.frozen(eq=False, repr=False)
class Legs(Heads):
    """How many legs contain a member who meets a condition, the leg's leader included."""

    kind: ClassVar[str] = "legs"
