"""Predicates: conditions on members, as small frozen objects that compare by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast, final

import attrs
import numpy as np

from fenxiao.errors import ExpressionError, what

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from fenxiao._arrays import FlagArray, MinorArray
    from fenxiao._columns import Amounts, Column, Numbers
    from fenxiao.expressions.comparisons import Subject
    from fenxiao.expressions.downlines import LegShare, Ratio
    from fenxiao.expressions.measures import Measure


class MemberSource(Protocol):
    """Members whose columns and own measures a predicate reads."""

    @property
    def size(self) -> int:
        """Return the number of members."""
        ...

    def member_column(self, name: str) -> Column:
        """Return a member column in tree order."""
        ...

    def measure(self, measure: Measure) -> Amounts | Numbers:
        """Return a measure of each member."""
        ...

    def told(self, name: str, member: int) -> str:
        """Return what more there is to say of a member's column: why a gate is closed."""
        ...

    def balanced(self, share: LegShare, required: int) -> MinorArray:
        """Return the volume to which each leg gives at most a share of a requirement, rounded down."""
        ...

    def ratio_holds(self, ratio: Ratio, operator: str, wanted: Fraction) -> FlagArray:
        """Return whose ratio of two measures compares with a rate as wanted."""
        ...


class Predicate:
    """A condition on a member; combine with ``&``, ``|`` and ``~``."""

    __slots__ = ()

    def __and__(self, other: Predicate) -> Predicate:
        return AllOf((*_parts(self, AllOf), *_parts(other, AllOf)))

    def __or__(self, other: Predicate) -> Predicate:
        return AnyOf((*_parts(self, AnyOf), *_parts(other, AnyOf)))

    def __invert__(self) -> Predicate:
        return Not(self)

    def __bool__(self) -> bool:
        raise ExpressionError(
            "a condition",
            "is neither true nor false before there are members",
            hint="Combine conditions with & | ~, not and, or, not; write 1 < x < 3 as (x > 1) & (x < 3)",
        )

    def mask(self, source: MemberSource) -> FlagArray:
        """Return for each member whether the condition holds."""
        raise NotImplementedError

    def subjects(self) -> tuple[Subject, ...]:
        """Return what is compared: the left sides of all comparisons in the condition."""
        raise NotImplementedError

    def inner(self) -> tuple[Predicate, ...]:
        """Return the conditions that this one is made of."""
        return ()

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that the condition reads, those inside others included."""
        return tuple(each for subject in self.subjects() for each in subject.measures())

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that the condition reads."""
        return tuple(name for subject in self.subjects() for name in subject.member_columns())

    def as_data(self) -> dict[str, Any]:
        """Return the condition as plain data."""
        raise NotImplementedError

    def describe(self, source: MemberSource, member: int) -> str:
        """Say how the condition stands for one member."""
        raise NotImplementedError


def _parts(predicate: Predicate, kind: type[AllOf | AnyOf]) -> tuple[Predicate, ...]:
    return predicate.parts if isinstance(predicate, kind) else (predicate,)


def _conditions(parts: Iterable[Predicate]) -> tuple[Predicate, ...]:
    if not isinstance(parts, tuple | list):
        raise ExpressionError("conditions", what(parts), allowed='such as [column("active") == True]')
    return tuple(parts)


def _is_predicates(_: object, attribute: attrs.Attribute[Any], value: tuple[Any, ...]) -> None:
    if not value or not all(isinstance(part, Predicate) for part in value):
        raise ExpressionError(
            attribute.name, "must be conditions", value=value, allowed='such as column("active") == True'
        )


@attrs.frozen(repr=False)
class _Several(Predicate):
    """What conditions made of several share."""

    key: ClassVar[str]
    sign: ClassVar[str]

    parts: tuple[Predicate, ...] = attrs.field(converter=_conditions, validator=_is_predicates)

    def __repr__(self) -> str:
        return "(" + f" {self.sign} ".join(map(repr, self.parts)) + ")"

    def subjects(self) -> tuple[Subject, ...]:
        """Return what the parts compare."""
        return tuple(subject for part in self.parts for subject in part.subjects())

    def inner(self) -> tuple[Predicate, ...]:
        """Return the parts."""
        return self.parts

    def as_data(self) -> dict[str, Any]:
        """Return the condition as plain data."""
        return {self.key: [part.as_data() for part in self.parts]}


@final
@attrs.frozen(repr=False)
class AllOf(_Several):
    """Every part holds."""

    key: ClassVar[str] = "all"
    sign: ClassVar[str] = "&"

    def mask(self, source: MemberSource) -> FlagArray:
        """Return for each member whether every part holds."""
        return cast("FlagArray", np.logical_and.reduce([part.mask(source) for part in self.parts]))

    def describe(self, source: MemberSource, member: int) -> str:
        """Name the parts that fail, or say that all hold."""
        failed = [part.describe(source, member) for part in self.parts if not part.mask(source)[member]]
        return " and ".join(failed) or "every condition holds"


@final
@attrs.frozen(repr=False)
class AnyOf(_Several):
    """At least one part holds."""

    key: ClassVar[str] = "any"
    sign: ClassVar[str] = "|"

    def mask(self, source: MemberSource) -> FlagArray:
        """Return for each member whether a part holds."""
        return cast("FlagArray", np.logical_or.reduce([part.mask(source) for part in self.parts]))

    def describe(self, source: MemberSource, member: int) -> str:
        """Say how each part stands."""
        return " or ".join(part.describe(source, member) for part in self.parts)


@final
@attrs.frozen(repr=False)
class Not(Predicate):
    """The part does not hold."""

    part: Predicate = attrs.field()

    @part.validator
    def _check(self, attribute: attrs.Attribute[Any], value: Predicate) -> None:
        _is_predicates(self, attribute, (value,))

    def __repr__(self) -> str:
        return f"~{self.part!r}" if isinstance(self.part, AllOf | AnyOf | Not) else f"~({self.part!r})"

    def mask(self, source: MemberSource) -> FlagArray:
        """Return for each member whether the part fails."""
        return ~self.part.mask(source)

    def subjects(self) -> tuple[Subject, ...]:
        """Return what the part compares."""
        return self.part.subjects()

    def inner(self) -> tuple[Predicate, ...]:
        """Return the part."""
        return (self.part,)

    def as_data(self) -> dict[str, Any]:
        """Return the condition as plain data."""
        return {"not": self.part.as_data()}

    def describe(self, source: MemberSource, member: int) -> str:
        """Say how the part stands."""
        return f"not ({self.part.describe(source, member)})"
