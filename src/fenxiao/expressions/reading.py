"""Conditions and measures from plain data; nothing in the data is ever run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from fenxiao.errors import ExpressionError, UnsupportedError
from fenxiao.expressions.comparisons import COMPARE, OPERATORS, MemberColumn, Subject, Test
from fenxiao.expressions.downlines import (
    Downline,
    Group,
    Leg,
    LegShare,
    Organisation,
    OtherLegs,
    Ratio,
    RolledUp,
)
from fenxiao.expressions.measures import Distinct, FrontLine, Legs, Measure, Own, Window
from fenxiao.expressions.predicates import AllOf, AnyOf, Not, Predicate
from fenxiao.expressions.where import Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao.expressions.comparisons import Operator

_FORMS: Final = (
    '{"column": "active", "is": true}, {"own": "paid", "at_least": "100.00"}, '
    'or these under "all", "any", "not"'
)
_NOT_READABLE: Final = frozenset({"upline", "sponsor", "pool", "pay", "earned"})
"""What one might want to read: it depends on pay or on people above, so conditions may not."""
_MEASURES: Final[dict[str, type[Measure]]] = {
    kind.kind: kind
    for kind in (
        Own, Distinct, Organisation, Downline, Group, RolledUp, Leg, OtherLegs, LegShare, Window, Ratio,
        FrontLine, Legs,
    )
}  # fmt: skip
_CONDITIONS: Final = frozenset({"breaks", "to"})
_OPTIONS: Final[dict[str, frozenset[str]]] = {
    "own": frozenset({"where", "first_days"}),
    "distinct": frozenset({"where"}),
    "organisation": frozenset({"depth"}),
    "downline": frozenset({"depth"}),
    "group": frozenset({"breaks", "breaks_at"}),
    "rolled_up": frozenset({"to"}),
    "leg": frozenset({"k", "own_leg"}),
    "other_legs": frozenset({"own_leg"}),
    "balanced": frozenset({"per_leg"}),
    "window": frozenset({"periods", "how"}),
}
_NEEDED: Final[dict[str, frozenset[str]]] = {
    "rolled_up": frozenset({"to"}),
    "balanced": frozenset({"per_leg"}),
    "window": frozenset({"periods"}),
}


def measure_from_data(data: object) -> Measure:
    """Read what a measure's ``as_data`` wrote; the name of an order column stands for an own volume.

    Raises
    ------
    ExpressionError
        The data is none of the known forms.
    UnsupportedError
        The data asks for what conditions may not read.
    """
    if isinstance(data, Measure):
        return data
    if isinstance(data, str):
        return Own(data)
    kinds = [kind for kind in _MEASURES if isinstance(data, dict) and kind in data]
    if not isinstance(data, dict) or len(kinds) != 1:
        _refuse_upward(data)
        raise ExpressionError(
            "a measure", "cannot be read", value=data, allowed=f"one of {', '.join(_MEASURES)}, as a key"
        )
    kind = kinds[0]
    options = {name: _option(name, value) for name, value in data.items() if name != kind}
    strange = sorted(map(str, set(options) - _OPTIONS.get(kind, frozenset())))
    if strange:
        allowed = ", ".join(sorted(_OPTIONS.get(kind, ()))) or "none"
        raise ExpressionError(f"a measure, {kind}", "has unknown keys", value=strange, allowed=allowed)
    missing = sorted(_NEEDED.get(kind, frozenset()) - set(options))
    if missing:
        raise ExpressionError(
            f"a measure, {kind}", "lacks keys", value=missing, allowed=", ".join(sorted(_OPTIONS[kind]))
        )
    return _MEASURES[kind](*_arguments(kind, data[kind]), **options)


def _option(name: str, value: Any) -> Any:
    if name in _CONDITIONS:
        return predicate_from_data(value)
    return Where.from_data(value) if name == "where" else value


def _arguments(kind: str, value: Any) -> tuple[Any, ...]:
    if kind in ("own", "distinct"):
        return (value,)
    if kind in ("legs", "frontline"):
        return (None if value is None else predicate_from_data(value),)
    if kind == "ratio":
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ExpressionError("a measure, ratio", "is not of two measures", value=value, allowed="[a, b]")
        return tuple(measure_from_data(part) for part in value)
    return (measure_from_data(value),)


def _refuse_upward(data: object) -> None:
    asked = sorted(set(data) & _NOT_READABLE) if isinstance(data, dict) else []
    if asked:
        raise UnsupportedError(
            "a condition",
            "reads what depends on pay or on people above",
            value=asked,
            allowed="a member's own columns and volumes, and those of his downline",
            hint="Put what happened before into a member column",
        )


def _subject(data: dict[str, Any]) -> Subject | None:
    """Return the left side of a comparison, None where there is none that can be read."""
    if isinstance(data.get("column"), str) and not set(data) - {"column", "order"}:
        return MemberColumn(data["column"], data.get("order", ()))
    if set(data) & set(_MEASURES):
        return measure_from_data(data)
    return None


_JOINED: Final[dict[str, Callable[[tuple[Predicate, ...]], Predicate]]] = {"all": AllOf, "any": AnyOf}


def predicate_from_data(data: object) -> Predicate:
    """Read what a predicate's ``as_data`` wrote.

    Raises
    ------
    ExpressionError
        The data is none of the known forms.
    UnsupportedError
        The data asks for what conditions may not read.
    """
    if isinstance(data, Predicate):
        return data
    if not isinstance(data, dict):
        raise ExpressionError("a condition", "cannot be read", value=data, allowed=_FORMS)
    for key, join in _JOINED.items():
        if set(data) == {key} and isinstance(data[key], list):
            return join(tuple(predicate_from_data(part) for part in data[key]))
    if set(data) == {"not"}:
        return Not(predicate_from_data(data["not"]))
    operators = [name for name in OPERATORS if name in data]
    if len(operators) == 1:
        rest = {name: value for name, value in data.items() if name != operators[0]}
        subject = _subject(rest)
        if subject is not None:
            return Test(subject, cast("Operator", operators[0]), data[operators[0]])
    _refuse_upward(data)
    known = {"all", "any", "not", "column", "order", "in", *COMPARE, *_MEASURES}
    strange = sorted(map(str, set(data) - known.union(*_OPTIONS.values())))
    if strange:
        raise ExpressionError("a condition", "has unknown keys", value=strange, allowed=_FORMS)
    raise ExpressionError("a condition", "cannot be read", value=data, allowed=_FORMS)
