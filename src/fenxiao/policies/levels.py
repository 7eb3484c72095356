"""Level commission (层级佣金, 二级/三级分销): a rate by level up the sponsors."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs

from fenxiao.errors import PlanError, RateError, instance_of
from fenxiao.expressions import Base, Predicate, Where, pairs_of, predicate_from_data
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import DEPTH_MAX, OrderPolicy
from fenxiao.policies.level_walk import PreparedLevels
from fenxiao.policies.schedules import Cell, Fixed, Schedule, fixed_of
from fenxiao.routes import IF_NOT, SELF_PURCHASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.expressions import Measure
    from fenxiao.policies.blocks import Setting

_ONE: Final = Fraction(1)


def _cell(value: object) -> Cell:
    return fixed_of(value) if isinstance(value, Fixed | dict) else Rate.of(value)  # type: ignore[arg-type]  # refuses what it cannot read


def _schedule(values: object) -> Schedule:
    if isinstance(values, str | Rate | Fixed | Fraction) or not hasattr(values, "__iter__"):
        raise PlanError(
            "rates", "are not a list", value=values, allowed='a list by level, such as ["10%", "5%"]'
        )
    return tuple(_cell(value) for value in values)


def _schedules(table: object, name: str, allowed: str) -> tuple[tuple[str, Schedule], ...]:
    return tuple((key, _schedule(row)) for key, row in pairs_of(table, name, allowed=allowed, numbers=True))


def _by_rank(table: object) -> tuple[tuple[str, Schedule], ...]:
    return _schedules(table, "by_rank", 'such as {"gold": ["10%", "5%"]}')


def _by_product(table: object) -> tuple[tuple[str, Schedule], ...]:
    return _schedules(table, "by_product", 'such as {"tea": ["10%", "5%"]}')


def _by_category(table: object) -> tuple[tuple[str, Schedule], ...]:
    return _schedules(table, "by_category", 'such as {"food": ["10%", "5%"]}')


def _by_length(table: object) -> tuple[tuple[int, Schedule], ...]:
    allowed = 'keys 1, 2, 3, ... as in {1: ["10%"], 2: ["6%", "4%"]}'
    rows = _schedules(table, "by_length", allowed)
    words = [key for key, _ in rows if not (key.isascii() and key.isdecimal())]
    if words:
        raise PlanError("by_length", "has keys that are no lengths", value=words, allowed=allowed)
    return tuple(sorted(((int(key), row) for key, row in rows), key=lambda pair: pair[0]))


def _base(value: object) -> Base:
    return Base.from_data(value)


def _predicate(value: object) -> Predicate | None:
    return None if value is None else predicate_from_data(value)


def _where(value: object) -> Where | None:
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


def _choice(allowed: Sequence[str], missing: str) -> Any:
    def check(instance: LevelCommission, attribute: attrs.Attribute[Any], value: object) -> None:
        if value not in allowed:
            raise PlanError(
                f"policy {instance.name!r}, {attribute.name}",
                "is not one of the choices",
                value=value,
                allowed=", ".join(allowed),
                hint=missing,
            )

    return check


@final
@attrs.frozen(kw_only=True)
class LevelCommission(OrderPolicy):
    """A rate (or fixed money) for each level above the credited member of an order line.

    Level 0 is the credited member, level 1 his sponsor. Each line pays
    ``round(base * rate)`` at each level, rounded once, `floor` unless the plan says otherwise.

    Parameters
    ----------
    name : str
        Unique in the plan.
    base : str or Base
        What the rates are rates of: ``"paid"``, ``Base("cv") * "40%"``.
    rates : list
        A rate, or `Fixed` money per unit of quantity, by level.
    by_rank : mapping
        In place of `rates`: a list by the payee's rank; beyond its end he is not entitled. Every rank that
        occurs needs a row, an empty one if it earns nothing.
    by_length : mapping
        In place of `rates`: a list by the number of levels that have a payee; keys 1, 2, ... without a gap.
    by_product, by_category : mapping
        Beside `rates`: a list that replaces it for lines of that product, else of that category.
    rank_column : str
        The members' column that `by_rank` reads.
    start_level : int
        Level of the first rate: 1 the sponsor (default), 0 the credited member himself.
    if_not : {"company", "roll_up", "stop", "last_payee"}
        What happens where nobody stands at a level, or somebody who does not qualify. Always written.
    eligible : Predicate
        Who qualifies; everybody if left out.
    self_purchase : {"pay", "skip", "stop"}
        What happens where the payee is the buyer.
    where : Where
        Which order lines count; all if left out.
    rounding : Rounding or str
        ``floor`` (default), ``half_up``, ``half_even``, ``ceiling``.
    above_100 : bool
        Allow rates above 100 %.

    Raises
    ------
    PlanError
        Missing or contradictory parameters, more than 64 levels.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company").depth
    2
    """

    kind: ClassVar[str] = "level_commission"
    tables: ClassVar[tuple[str, ...]] = ("by_rank", "by_length", "by_product", "by_category")

    base: Base = attrs.field(converter=_base)
    rates: Schedule = attrs.field(default=(), converter=_schedule)
    by_rank: tuple[tuple[str, Schedule], ...] = attrs.field(default=(), converter=_by_rank)
    by_length: tuple[tuple[int, Schedule], ...] = attrs.field(default=(), converter=_by_length)
    by_product: tuple[tuple[str, Schedule], ...] = attrs.field(default=(), converter=_by_product)
    by_category: tuple[tuple[str, Schedule], ...] = attrs.field(default=(), converter=_by_category)
    rank_column: str = attrs.field(default="rank", validator=instance_of(str, filled=True, error=PlanError))
    start_level: int = 1
    if_not: str = attrs.field(
        default="", validator=_choice(IF_NOT, 'Write if_not="company" to leave the money with the company')
    )
    eligible: Predicate | None = attrs.field(default=None, converter=_predicate)
    self_purchase: str = attrs.field(default="pay", validator=_choice(SELF_PURCHASE, ""))
    where: Where | None = attrs.field(default=None, converter=_where)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        given = [name for name in ("rates", "by_rank", "by_length") if getattr(self, name)]
        if len(given) != 1:
            raise self._error("needs exactly one table", value=given, allowed="rates, by_rank or by_length")
        if (self.by_product or self.by_category) and not self.rates:
            raise self._error(
                "combines products with ranks or lengths",
                hint="Write one policy a product with where=Where(product=...)",
            )
        lengths = [key for key, _ in self.by_length]
        if lengths != list(range(1, len(lengths) + 1)):
            raise self._error("has gaps in by_length", value=lengths, allowed="1, 2, 3, ... without a gap")
        if lengths and len(lengths) != self.depth:
            raise self._error(
                "has a row in by_length that nobody reaches, or a length without a row",
                value=lengths,
                allowed=f"one row for each length up to the longest row's, here {self.depth}",
            )
        if (
            not isinstance(self.start_level, int)
            or isinstance(self.start_level, bool)
            or self.start_level < 0
        ):
            raise self._error(
                "has a start_level that is no level", value=self.start_level, allowed="0, 1, 2, ..."
            )
        if self.depth < 1 or self.depth + self.start_level - 1 > DEPTH_MAX:
            raise self._error(
                "reaches too far", value=self.depth + self.start_level - 1, allowed="levels up to 64"
            )
        self._check_rates()

    def _error(self, problem: str, **more: Any) -> PlanError:
        return PlanError(f"policy {self.name!r}", problem, **more)

    def _check_rates(self) -> None:
        for schedule in self.schedules:
            for cell in schedule:
                if isinstance(cell, Rate) and cell.fraction > _ONE and not self.above_100:
                    raise RateError(
                        f"policy {self.name!r}, rates",
                        "hold one above 100 %",
                        value=str(cell),
                        allowed="0 to 100 %",
                        hint="Pass above_100=True if the plan means it",
                    )

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """Return every list of rates, the default one first."""
        tables = (*self.by_product, *self.by_category, *self.by_rank, *self.by_length)
        return ((self.rates,) if self.rates else ()) + tuple(row for _, row in tables)

    @property
    def depth(self) -> int:
        """Return the number of levels."""
        return max(map(len, self.schedules))

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order."""
        reasons = []
        if self.measures():
            read = ", ".join(dict.fromkeys(map(repr, self.measures())))
            reasons.append(f"policy {self.name!r}: reads {read}")
        if self.where is not None and self.where.first_order:
            reasons.append(f"policy {self.name!r}: where asks for the buyer's first order")
        return tuple(reasons)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.eligible is None else self.eligible.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        read = () if self.eligible is None else self.eligible.member_columns()
        return (*read, *((self.rank_column,) if self.by_rank else ()))

    def prepare(self, setting: Setting) -> PreparedLevels:
        """Return the policy made ready for one setting: masks, pointers and tables."""
        return PreparedLevels.of(self, setting)
