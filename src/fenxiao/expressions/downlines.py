"""Measures of downlines: organisations, groups, legs, volumes that move up, shares of volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast, final

import attrs

from fenxiao.errors import ExpressionError, instance_of
from fenxiao.expressions.comparisons import COMPARE, Test, in_units
from fenxiao.expressions.measures import (
    DEPTH_MAX,
    Derived,
    Measure,
    as_measure,
    brief,
    is_condition,
    shown,
    whole_number,
)
from fenxiao.money import Rate, is_amount

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray
    from fenxiao._columns import Amounts, Numbers
    from fenxiao.expressions.comparisons import Scalar
    from fenxiao.expressions.predicates import MemberSource, Predicate


def _share(value: Any) -> Rate:
    return Rate.of(value)


@final
@attrs.frozen(eq=False, repr=False)
class Organisation(Derived):
    """A member's volume with his whole downline's, or with so many levels of it."""

    kind: ClassVar[str] = "organisation"

    depth: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(whole_number("depth", 0, DEPTH_MAX))
    )

    def options(self) -> dict[str, Any]:
        """Return the depth."""
        return {} if self.depth is None else {"depth": self.depth}


@final
@attrs.frozen(eq=False, repr=False)
class Downline(Derived):
    """The volume of a member's downline without his own, whole or so many levels of it."""

    kind: ClassVar[str] = "downline"

    depth: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(whole_number("depth", 1, DEPTH_MAX))
    )

    def options(self) -> dict[str, Any]:
        """Return the depth."""
        return {} if self.depth is None else {"depth": self.depth}


@final
@attrs.frozen(eq=False, repr=False)
class Group(Derived):
    """A member's volume with his downline's down to the next break.

    A leg breaks away where its leader meets `breaks`, and where his own group volume reaches `breaks_at`;
    where both are given, both are needed.
    """

    kind: ClassVar[str] = "group"

    breaks: Predicate | None = attrs.field(default=None, kw_only=True, validator=is_condition(optional=True))
    breaks_at: str | int | None = attrs.field(
        default=None, kw_only=True, validator=instance_of(str, int, optional=True, error=ExpressionError)
    )

    def __attrs_post_init__(self) -> None:
        if self.breaks is None and self.breaks_at is None:
            raise ExpressionError(
                repr(self),
                "says nothing of where legs break away",
                allowed='breaks=column("rank") == "director", or breaks_at="10000", or both',
                hint=f"Write organisation({shown(self.of)}) where none does",
            )
        at = self.breaks_at
        if at is not None and not (is_amount(at) if isinstance(at, str) else at >= 0):
            raise ExpressionError(
                "group, breaks_at", "is no volume or count from 0", value=at, allowed='such as "10000", or 3'
            )

    def conditions(self) -> tuple[Predicate, ...]:
        """Return the condition of a break."""
        return () if self.breaks is None else (self.breaks,)

    def options(self) -> dict[str, Any]:
        """Return where legs break."""
        given = {"breaks": self.breaks, "breaks_at": self.breaks_at}
        return {name: value for name, value in given.items() if value is not None}


@final
@attrs.frozen(eq=False, repr=False)
class RolledUp(Derived):
    """Volumes after those of unqualified members have moved to their nearest qualified sponsor.

    What finds no qualified sponsor counts for nobody. Unqualified members have 0.
    """

    kind: ClassVar[str] = "rolled_up"

    to: Predicate = attrs.field(kw_only=True, validator=is_condition(optional=False))

    def conditions(self) -> tuple[Predicate, ...]:
        """Return who is qualified."""
        return (self.to,)

    def options(self) -> dict[str, Any]:
        """Return who is qualified."""
        return {"to": self.to}


@final
@attrs.frozen(eq=False, repr=False)
class Leg(Derived):
    """The organisation volume of a member's k-th largest leg; his own volume is a leg of its own."""

    kind: ClassVar[str] = "leg"

    k: int = attrs.field(default=1, kw_only=True, validator=whole_number("k", 1, 1000))
    own_leg: bool = attrs.field(
        default=True, kw_only=True, validator=instance_of(bool, error=ExpressionError)
    )

    def options(self) -> dict[str, Any]:
        """Return which leg."""
        return {"k": self.k} | ({} if self.own_leg else {"own_leg": False})


@final
@attrs.frozen(eq=False, repr=False)
class OtherLegs(Derived):
    """A member's organisation volume without his largest leg, which counts as 0 where it is negative."""

    kind: ClassVar[str] = "other_legs"

    own_leg: bool = attrs.field(
        default=True, kw_only=True, validator=instance_of(bool, error=ExpressionError)
    )

    def options(self) -> dict[str, Any]:
        """Return whether one's own volume is a leg."""
        return {} if self.own_leg else {"own_leg": False}


@final
@attrs.frozen(eq=False, repr=False)
class LegShare(Derived):
    """An organisation volume to which each leg gives at most a share of the *requirement*, and at least 0.

    Only ``>=`` has a meaning for it: the requirement is what it is compared with.
    """

    kind: ClassVar[str] = "balanced"
    adds_up: ClassVar[bool] = False

    per_leg: Rate = attrs.field(kw_only=True, converter=_share)

    def __attrs_post_init__(self) -> None:
        if not 0 < self.per_leg.fraction <= 1:
            raise ExpressionError(
                "balanced, per_leg",
                "is no share of a requirement",
                value=str(self.per_leg),
                allowed="above 0 to 100%",
            )

    def options(self) -> dict[str, Any]:
        """Return the share."""
        return {"per_leg": str(self.per_leg)}

    def without_requirement(self) -> ExpressionError:
        """Return the error that there is nothing of which a leg could give a share."""
        return ExpressionError(
            repr(self),
            "clips legs at a share of a requirement that it does not have",
            allowed=f'a comparison: {self!r} >= "6000"',
            hint=f"Write organisation({shown(self.of)}) for the whole volume",
        )

    def check(self, test: Test) -> None:
        """Refuse everything but a requirement."""
        if test.operator != "at_least":
            raise test.misfit("clips legs at a share of a requirement that it does not have", ">=")

    def _required(self, test: Test, source: MemberSource) -> int:
        return int(in_units(test, self.of.read(source), cast("Scalar", test.value)))

    def compare(self, test: Test, source: MemberSource) -> FlagArray:
        """Return who reaches the requirement with no leg above its share."""
        required = self._required(test, source)
        return source.balanced(self, required) >= required

    def against(self, test: Test, source: MemberSource) -> Amounts | Numbers:
        """Return what counts towards the requirement."""
        column = self.of.read(source)
        return attrs.evolve(column, values=source.balanced(self, self._required(test, source)))


@final
@attrs.frozen(eq=False, repr=False)
class Ratio(Measure):
    """One measure as a share of another; a share of nothing or of less is 0 %, a part below zero is 0."""

    kind: ClassVar[str] = "ratio"
    adds_up: ClassVar[bool] = False

    part: Measure = attrs.field(converter=as_measure)
    whole: Measure = attrs.field(converter=as_measure)

    def inner(self) -> tuple[Measure, ...]:
        """Return both measures."""
        return (self.part, self.whole)

    def __repr__(self) -> str:
        return f"ratio({shown(self.part)}, {shown(self.whole)})"

    def as_data(self) -> dict[str, Any]:
        """Return the measure as plain data."""
        return {"ratio": [brief(self.part), brief(self.whole)]}

    def text(self) -> str:
        """Return what explanations call the ratio."""
        return f"{self.part.text()} / {self.whole.text()}, in thousandths"

    def check(self, test: Test) -> None:
        """Refuse what is no rate."""
        if test.operator not in COMPARE or isinstance(test.value, bool | tuple):
            raise test.misfit("compares a ratio with something else", 'a rate such as "70%"')
        Rate.of(test.value)

    def compare(self, test: Test, source: MemberSource) -> FlagArray:
        """Return whose ratio is as wanted, compared exactly."""
        return source.ratio_holds(self, test.operator, Rate.of(cast("str", test.value)).fraction)
