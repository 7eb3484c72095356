"""Level commission (层级佣金, 二级/三级分销): a rate by level up the sponsors."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, final

import attrs

from fenxiao.errors import PlanError, instance_of
from fenxiao.policies.base import OrderPolicy
from fenxiao.policies.blocks import OrderBlock
from fenxiao.policies.fields import base_of, beyond_an_order, choice, schedules_of, where_of
from fenxiao.policies.level_fields import LevelFields
from fenxiao.policies.level_walk import PreparedLevels
from fenxiao.routes import SELF_PURCHASE

if TYPE_CHECKING:
    from fenxiao._arrays import IndexArray, MinorArray
    from fenxiao.expressions import Base, Where
    from fenxiao.policies.schedules import Schedule
    from fenxiao.policies.setting import Setting

_JOINED = "joined"
FUNDED_BY = ("company", "seller")
SPAN_MAX: Final = 36_600
"""The longest time after joining, in days or months: no date lies further from another."""


def _by_product(table: object) -> tuple[tuple[str, Schedule], ...]:
    return schedules_of(table, "by_product", 'such as {"tea": ["10%", "5%"]}')


def _by_category(table: object) -> tuple[tuple[str, Schedule], ...]:
    return schedules_of(table, "by_category", 'such as {"food": ["10%", "5%"]}')


def _by_length(table: object) -> tuple[tuple[int, Schedule], ...]:
    allowed = 'keys 1, 2, 3, ... as in {1: ["10%"], 2: ["6%", "4%"]}'
    rows = schedules_of(table, "by_length", allowed)
    words = [key for key, _ in rows if not (key.isascii() and key.isdecimal())]
    if words:
        raise PlanError("by_length", "has keys that are no lengths", value=words, allowed=allowed)
    return tuple(sorted(((int(key), row) for key, row in rows), key=lambda pair: pair[0]))


_PLACEMENT: Final = instance_of(str, optional=True, filled=True, error=PlanError)


@final
@attrs.frozen(kw_only=True)
class LevelCommission(LevelFields, OrderPolicy):
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
    compress : Predicate
        Who stays on the route at all; the others are taken out of it and use up no level (inactive members,
        members below a rank). Everybody if left out.
    unlocks : list of Predicate or None
        By level, who may be paid there: so many direct members, a rank. Who fails does not qualify.
    pass_up : PassUp
        Which orders pass their sponsor by.
    source : Predicate
        Whose orders are paid for; everybody's if left out.
    first_days : int
        Only orders of the credited member's first so many days, by the plan's anchor and zone, his ``joined``
        date being the first of them.
    first_months : int
        The same in calendar months: pay that recurs for so many months and then ends. Where a month does not
        have the date, its last one stands for it.
    only_if : Pair
        A comparison between payee and credited member; where it fails the payee does not qualify.
    burn : bool
        The payee is paid by the lower of his own and the credited member's rank (烧伤); his own decides
        whether he is entitled. Needs `by_rank`, and ranks that have an order.
    self_purchase : {"pay", "skip", "stop"}
        What happens where the payee is the buyer.
    where : Where
        Which order lines count; all if left out.
    funded_by : {"company", "seller"}
        ``company`` (default): claims on the company's margin, which the guard limits. ``seller``: the
        credited member pays out of what his customer gave him; nothing is claimed, and ``Settlement.shown``
        has what the payees get and what he gives.
    along : str
        The facts' placement whose legs the walk climbs, instead of the sponsors: pay by depth of a matrix.
        Whoever has no place in it causes no pay above level 0.
    rounding : Rounding or str
        ``floor`` (default), ``half_up``, ``half_even``, ``ceiling``.
    above_100 : bool
        Allow rates above 100 %.

    Raises
    ------
    PlanError
        Missing or contradictory parameters, more than 64 levels.
    UnsupportedError
        `only_if` with ``if_not="roll_up"``: who fits depends on the source, so that nobody could be rolled up
        to.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company").depth
    2
    """

    kind: ClassVar[str] = "level_commission"
    tables: ClassVar[tuple[str, ...]] = ("by_rank", "by_length", "by_product", "by_category")

    base: Base = attrs.field(converter=base_of)
    by_length: tuple[tuple[int, Schedule], ...] = attrs.field(default=(), converter=_by_length)
    by_product: tuple[tuple[str, Schedule], ...] = attrs.field(default=(), converter=_by_product)
    by_category: tuple[tuple[str, Schedule], ...] = attrs.field(default=(), converter=_by_category)
    self_purchase: str = attrs.field(default="pay", validator=choice(SELF_PURCHASE))
    where: Where | None = attrs.field(default=None, converter=where_of)
    funded_by: str = attrs.field(default="company", validator=choice(FUNDED_BY))
    first_days: int | None = attrs.field(
        default=None, validator=instance_of(int, optional=True, error=PlanError)
    )
    first_months: int | None = attrs.field(
        default=None, validator=instance_of(int, optional=True, error=PlanError)
    )
    along: str | None = attrs.field(default=None, validator=_PLACEMENT)

    def __attrs_post_init__(self) -> None:
        given = [name for name in ("rates", "by_rank", "by_length") if getattr(self, name)]
        if len(given) != 1:
            raise self.error("needs exactly one table", value=given, allowed="rates, by_rank or by_length")
        if (self.by_product or self.by_category) and not self.rates:
            raise self.error(
                "combines products with ranks or lengths",
                hint="Write one policy a product with where=Where(product=...)",
            )
        lengths = [key for key, _ in self.by_length]
        if lengths != list(range(1, len(lengths) + 1)):
            raise self.error("has gaps", "by_length", value=lengths, allowed="1, 2, 3, ... without a gap")
        if lengths and len(lengths) != self.depth:
            raise self.error(
                "has a row that nobody reaches, or a length without a row",
                "by_length",
                value=lengths,
                allowed=f"one row for each length up to the longest row's, here {self.depth}",
            )
        for field in ("first_days", "first_months"):
            span = getattr(self, field)
            if span is not None and not 1 <= span <= SPAN_MAX:
                raise self.error(
                    "is no length of time", field, value=span, allowed=f"1, 2, 3, ... up to {SPAN_MAX}"
                )
        if self.along is not None and self.pass_up is not None:
            raise self.error(
                "passes up in a placement, where nobody is anybody's recruit",
                "along",
                hint="Write two policies, or leave out pass_up",
            )
        self.check_levels()

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """Return every list of rates, the default one first."""
        tables = (*self.by_product, *self.by_category, *self.by_rank, *self.by_length)
        return ((self.rates,) if self.rates else ()) + tuple(row for _, row in tables)

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order."""
        reasons = beyond_an_order(self.name, self.measures(), self.where)
        if self.pass_up is not None and self.pass_up.of == "sales":
            reasons += (f"policy {self.name!r}: passes up the first sales of each member",)
        return reasons

    def climbs_at_order_time(self) -> bool:
        """Return whether orders may be attributed to the upline of their own time."""
        by_recruits = self.pass_up is not None and self.pass_up.of != "sales"
        return self.along is None and not by_recruits

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return (
            *super().member_columns(),
            *(() if self.first_days is self.first_months is None else (_JOINED,)),
        )

    def uplines(self, setting: Setting) -> IndexArray:
        """Return who stands next above each member: his sponsor, or who is above him in the placement."""
        if self.along is None:
            return LevelFields.uplines(self, setting)
        return setting.facts.placement(self.along).up

    @property
    def only_shows(self) -> bool:
        """Return whether sellers pay and not the company."""
        return self.funded_by != "company"

    def shown(self, block: OrderBlock) -> tuple[IndexArray, MinorArray] | None:
        """Return what sellers give out of their own, and to whom, where they pay and not the company."""
        if self.funded_by == "company":
            return None
        return self.prepare(block.setting).given(block)

    def prepare(self, setting: Setting) -> PreparedLevels:
        """Return the policy made ready for one setting: masks, pointers and tables."""
        prepared = setting.keep(("levels", self.name), lambda: PreparedLevels.of(self, setting))
        if self.only_shows and len(setting.facts.orders):
            # Its claims read no column, and what is shown is computed later.
            prepared.given(OrderBlock(setting, slice(0, 0)))
        return prepared
