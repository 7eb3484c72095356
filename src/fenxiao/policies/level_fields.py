"""What policies that pay level by level have in common: tables, route, and who is paid for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from fenxiao.errors import PlanError, UnsupportedError, instance_of
from fenxiao.money import FLOOR, Rounding
from fenxiao.policies.base import DEPTH_MAX
from fenxiao.policies.fields import (
    by_rank_of,
    check_level,
    check_rates,
    choice,
    condition_of,
    conditions_of,
    rounding_of,
    schedule_of,
)
from fenxiao.policies.pairing import Pair
from fenxiao.routes import IF_NOT, PassUp

if TYPE_CHECKING:
    from fenxiao._arrays import IndexArray
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.policies.schedules import Schedule
    from fenxiao.policies.setting import Setting


def _pair(value: object) -> Pair | None:
    return Pair.from_data(value)


def _pass_up(value: object) -> PassUp | None:
    return None if value is None else PassUp.from_data(value)


@attrs.frozen(kw_only=True, slots=False)  # two bases cannot both have slots
class LevelFields:
    """Fields of policies that pay level by level; see `LevelCommission` and `LevelBonus`."""

    tables: ClassVar[tuple[str, ...]] = ("by_rank",)

    rates: Schedule = attrs.field(default=(), converter=schedule_of)
    by_rank: tuple[tuple[str, Schedule], ...] = attrs.field(default=(), converter=by_rank_of)
    rank_column: str = attrs.field(default="rank", validator=instance_of(str, filled=True, error=PlanError))
    start_level: int = 1
    if_not: str = attrs.field(
        default="", validator=choice(IF_NOT, 'Write if_not="company" to leave the money with the company')
    )
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    compress: Predicate | None = attrs.field(default=None, converter=condition_of)
    unlocks: tuple[Predicate | None, ...] = attrs.field(default=(), converter=conditions_of)
    pass_up: PassUp | None = attrs.field(default=None, converter=_pass_up)
    source: Predicate | None = attrs.field(default=None, converter=condition_of)
    only_if: Pair | None = attrs.field(default=None, converter=_pair)
    burn: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def error(self, problem: str, field: str = "", **more: Any) -> PlanError:
        """Return an error that names the policy and, where it is about one, the field."""
        whose = f"policy {self.name!r}"  # type: ignore[attr-defined]  # policies have a name
        return PlanError(f"{whose}, {field}" if field else whose, problem, **more)

    def check_levels(self) -> None:
        """Check what the fields say together.

        Raises
        ------
        PlanError
            Too many levels, as many unlocks as there are no levels, options that contradict one another.
        UnsupportedError
            ``only_if`` with ``roll_up``.
        RateError
            A rate above 100 % without `above_100`.
        """
        check_level(self.name, self.start_level)  # type: ignore[attr-defined]  # policies have a name
        if self.depth > DEPTH_MAX:
            raise self.error("has too many levels", value=self.depth, allowed="1 to 64")
        if self.depth < 1 or self.depth + self.start_level - 1 > DEPTH_MAX:
            raise self.error(
                "reaches too far", value=self.depth + self.start_level - 1, allowed="levels up to 64"
            )
        if self.unlocks and len(self.unlocks) != self.depth:
            raise self.error(
                "has another number of unlocks than of levels",
                value=len(self.unlocks),
                allowed=str(self.depth),
            )
        if self.burn and not self.by_rank:
            raise self.error(
                "burns by rank and has no table by rank",
                hint='Write by_rank={"silver": [...], "gold": [...]}',
            )
        if self.only_if is not None and self.if_not == "roll_up":
            raise UnsupportedError(
                f"policy {self.name!r}",  # type: ignore[attr-defined]  # policies have a name
                "rolls up past people who do not fit their source",
                hint='Write if_not="company", or compress= for what does not depend on the source',
            )
        for field in ("rates", *self.tables):
            rows = (self.rates,) if field == "rates" else tuple(row for _, row in getattr(self, field))
            cells = (cell for row in rows for cell in row)
            check_rates(self.name, cells, field, above_100=self.above_100)  # type: ignore[attr-defined]  # policies have a name

    def uplines(self, setting: Setting) -> IndexArray:
        """Return who stands next above each member: int32 [members + 1], their number for nobody."""
        return setting.tree.sponsor_pointer

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """Return every list of rates, the default one first."""
        return ((self.rates,) if self.rates else ()) + tuple(row for _, row in self.by_rank)

    @property
    def depth(self) -> int:
        """Return the number of levels."""
        return max((len(schedule) for schedule in self.schedules), default=0)

    def _conditions(self) -> list[Predicate]:
        found = [self.eligible, self.compress, self.source, *self.unlocks]
        found.append(None if self.pass_up is None else self.pass_up.qualified)
        return [condition for condition in found if condition is not None]

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return tuple(measure for condition in self._conditions() for measure in condition.measures())

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        names = [name for condition in self._conditions() for name in condition.member_columns()]
        names += [self.rank_column] if self.by_rank else []
        if self.only_if is not None:
            names += [self.only_if.payee, self.only_if.source]
        if self.pass_up is not None and self.pass_up.of == "recruits":
            names.append(self.pass_up.order_by)
        return tuple(names)
