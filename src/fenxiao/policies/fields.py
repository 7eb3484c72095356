"""How fields of policies are read, alike from Python and from plain data."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from fenxiao.errors import PlanError, RateError, is_listing, is_one_of
from fenxiao.expressions import (
    Base,
    Measure,
    Predicate,
    Where,
    measure_from_data,
    pairs_of,
    predicate_from_data,
)
from fenxiao.expressions.measures import as_measure
from fenxiao.money import Rate, Rounding
from fenxiao.policies.schedules import Cell, Fixed, Schedule, fixed_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ONE: Final = Fraction(1)


def cell_of(value: object) -> Cell:
    """Return a rate, or fixed money."""
    return fixed_of(value) if isinstance(value, Fixed | dict) else Rate.of(value)  # type: ignore[arg-type]  # refuses what it cannot read


def schedule_of(values: object) -> Schedule:
    """Return cells by level."""
    if not is_listing(values):
        raise PlanError(
            "rates", "are not a list", value=values, allowed='a list by level, such as ["10%", "5%"]'
        )
    return tuple(cell_of(value) for value in values)


def schedules_of(table: object, name: str, allowed: str) -> tuple[tuple[str, Schedule], ...]:
    """Return cells by level, by key."""
    return tuple((key, schedule_of(row)) for key, row in pairs_of(table, name, allowed=allowed, numbers=True))


def by_rank_of(table: object) -> tuple[tuple[str, Schedule], ...]:
    """Return cells by level, by rank."""
    return schedules_of(table, "by_rank", 'such as {"gold": ["10%", "5%"]}')


def rates_of(table: object) -> tuple[tuple[str, Rate], ...]:
    """Return one rate a key."""
    pairs = pairs_of(table, "rates", allowed='such as {"gold": "10%", "none": "0%"}', numbers=True)
    return tuple((key, Rate.of(rate)) for key, rate in pairs)


def rate_of(value: Any) -> Rate:
    """Return a rate."""
    return Rate.of(value)


def optional_rate(value: Any) -> Rate | None:
    """Return a rate, or None."""
    return None if value is None else Rate.of(value)


def base_of(value: object) -> Base:
    """Return a base."""
    return Base.from_data(value)


def measure_field(value: object) -> Measure:
    """Return a measure that money can be a rate of: no share, which can only be compared."""
    return as_measure(measure_from_data(value), "a policy's volume")


def condition_of(value: object) -> Predicate | None:
    """Return a condition on members, or None."""
    return None if value is None else predicate_from_data(value)


def conditions_of(values: object) -> tuple[Predicate | None, ...]:
    """Return conditions on members, one a level."""
    if not isinstance(values, list | tuple):
        raise PlanError("unlocks", "are not a list", value=values, allowed="a condition, or None, by level")
    return tuple(condition_of(value) for value in values)


def where_of(value: object) -> Where | None:
    """Return a selection of order lines, or None."""
    return None if value is None else Where.from_data(value)


def rounding_of(value: Any) -> Rounding:
    """Return a rounding, of its name or of plain data."""
    if isinstance(value, dict):
        if not {"mode"} <= set(value) <= {"mode", "step"}:
            raise PlanError(
                "a rounding", "has other keys", value=sorted(map(str, value)), allowed="mode, step"
            )
        return Rounding(**value)
    return Rounding.of(value)


def choice(allowed: Sequence[str], hint: str = "") -> Any:
    """Return an attrs validator that wants one of some words."""

    def check(instance: Any, attribute: Any, value: object) -> None:
        if not is_one_of(value, allowed):
            raise PlanError(
                f"policy {instance.name!r}, {attribute.name}",
                "is not one of the choices",
                value=value,
                allowed=", ".join(allowed),
                hint=hint,
            )

    return check


def check_rates(name: str, cells: Iterable[Cell], field: str = "rates", *, above_100: bool) -> None:
    """Refuse rates above 100 % unless the plan means them.

    Raises
    ------
    RateError
        A rate is above 100 %.
    """
    for cell in cells:
        if isinstance(cell, Rate) and cell.fraction > _ONE and not above_100:
            raise RateError(
                f"policy {name!r}, {field}",
                "has a rate above 100 %",
                value=str(cell),
                allowed="0 to 100 %",
                hint="Pass above_100=True if the plan means it",
            )


def check_level(name: str, value: object, allowed: str = "0, 1, 2, ...") -> None:
    """Refuse a start level that is none.

    Raises
    ------
    PlanError
        Not a level.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PlanError(f"policy {name!r}, start_level", "is no level", value=value, allowed=allowed)


def beyond_an_order(name: str, measures: Iterable[Measure], where: Where | None) -> tuple[str, ...]:
    """Return why a policy's claims on an order need more than that order: what it measures, or selects by."""
    reasons = []
    read = dict.fromkeys(map(repr, measures))
    if read:
        reasons.append(f"policy {name!r}: reads {', '.join(read)}")
    if where is not None and where.first_order:
        reasons.append(f"policy {name!r}: where asks for the buyer's first order")
    return tuple(reasons)
