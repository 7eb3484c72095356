"""Region agency (区域代理): the agents of the region that an order goes to."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs

from fenxiao.errors import PlanError, UnsupportedError, instance_of, is_listing
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import DEPTH_MAX, OrderPolicy
from fenxiao.policies.fields import (
    base_of,
    check_rates,
    choice,
    condition_of,
    optional_rate,
    rates_of,
    rounding_of,
)
from fenxiao.policies.region_pay import PreparedAgency
from fenxiao.policies.region_tree import Parents, parents_of
from fenxiao.policies.walk_fields import WalkFields

if TYPE_CHECKING:
    from fenxiao.expressions import Base, Measure, Predicate
    from fenxiao.policies.setting import Setting

_NAME: Final = instance_of(str, filled=True, error=PlanError)
_OPTIONAL_NAME: Final = instance_of(str, optional=True, filled=True, error=PlanError)
_FLAG: Final = instance_of(bool, error=PlanError)
_IF_NONE: Final = ("company", "roll_up")
_UNQUALIFIED: Final = ("company", "others")


def _tiers(values: object) -> tuple[str, ...]:
    names = tuple(values) if is_listing(values) else (None,)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise PlanError(
            "tiers", "are not names", value=values, allowed='a list from the finest up: ["district", "city"]'
        )
    return names


def _if_any(allowed: tuple[str, ...]) -> Any:
    wanted = choice(allowed)

    def check(instance: Any, attribute: Any, value: object) -> None:
        if value is not None:
            wanted(instance, attribute, value)

    return check


@final
@attrs.frozen(kw_only=True)
class RegionAgency(WalkFields, OrderPolicy):
    """Pays the agents of the region that an order goes to, and of every region that it lies in.

    An agent is a member whose column `agent_of` names his region. He is paid for the orders of the region,
    whoever bought: he need not stand above the buyer, and orders of guests count. Where he stands among the
    agents of an order is his tier. Each tier has a rate of the order's base; `split` says how the agents of
    one region and tier share it. An order without a region pays nobody.

    A line's level is the agent's tier, 1 for the finest. What a recruiter is paid for an agent has the number
    of tiers plus the agent's level: with three tiers 4, 5 and 6, so that recruiters give way before agents
    where a cap has ``rule="priority"``.

    Parameters
    ----------
    name : str
        Unique in the plan.
    base : str or Base
        What the rates are rates of.
    split : str
        The agents of one region and tier: ``"exclusive"``: there is one at the most, eligible or not;
        ``"equal"``: they share ``round(rate * base)`` by largest remainder, ties by label; ``"weights"``:
        they share it in the proportion of `weight_column`; ``"full"``: each gets the whole rate. In the last
        form the cost of an order grows with every agent, and only the guard bounds it. But for that form,
        the agents of one tier may not stand in two regions of which one lies in the other.
    rates : mapping
        A rate for each of the `tiers`; or
    rate : Rate
        one rate for every tier; or
    rate_column : str
        a members' column of each agent's own rate, where `split` is ``"exclusive"`` or ``"full"``.
    tiers : list
        Names of the tiers, from the finest up: ``["district", "city", "province"]``.
    tier : str
        The members' column of the agents' tiers. If left out, the depth of his region is an agent's tier:
        regions that lie in no other are of the last tier.
    regions : mapping
        The region that each lies in, None for none. If left out, every region stands by itself.
    region : str
        The orders' column of regions, the finest that is known.
    agent_of : str
        The members' column of the region that a member is agent of; null for none.
    weight_column : str
        With ``split="weights"``: a members' column of whole numbers.
    differential : bool
        Whether a tier's rate contains those of the finer tiers: it is paid ``round(rate * base) -
        round(rate below * base)``, so that the tiers of an order line add up to the highest rate, rounded
        once.
    if_none : str
        With `differential`, always written: what a tier without an agent would get stays with the
        ``"company"``, or is part of what the next tier above gets (``"roll_up"``).
    eligible : Predicate
        Which agents may be paid; all if left out.
    unqualified : str
        With `eligible`, always written: what the others would get stays with the ``"company"``, or they are
        as if they were not there and the ``"others"`` share it.
    recruiter : Rate
        The sponsor of each agent who is paid gets this rate of the same base, times the agent's share where a
        rate is shared, rounded once. If he has no sponsor it stays with the company.
    recruiter_eligible : Predicate
        Which sponsors may be paid as recruiters; the company keeps what the others would get.
    where : Where
        Which order lines count; all if left out.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        Not exactly one source of rates, a choice that is missing or goes with nothing, regions in a circle,
        agents without a tier or of unknown regions, two agents where one is meant.
    UnsupportedError
        More than 64 agents of one order; a rate of each agent's own that several share.
    OrdersError
        Orders go to regions that `regions` does not name.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> RegionAgency(
    ...     "region",
    ...     base="paid",
    ...     split="equal",
    ...     tiers=["city", "province"],
    ...     rates={"city": "3%", "province": "2%"},
    ...     regions={"Shenzhen": "Guangdong", "Guangdong": None},
    ... ).tiers
    ('city', 'province')
    """

    kind: ClassVar[str] = "region_agency"
    tables: ClassVar[tuple[str, ...]] = ("rates", "regions")

    base: Base = attrs.field(converter=base_of)
    split: str = attrs.field(validator=choice(("exclusive", "equal", "weights", "full")))
    rates: tuple[tuple[str, Rate], ...] = attrs.field(default=(), converter=rates_of)
    rate: Rate | None = attrs.field(default=None, converter=optional_rate)
    rate_column: str | None = attrs.field(default=None, validator=_OPTIONAL_NAME)
    tiers: tuple[str, ...] = attrs.field(default=(), converter=_tiers)
    tier: str | None = attrs.field(default=None, validator=_OPTIONAL_NAME)
    regions: Parents = attrs.field(default=(), converter=parents_of)
    region: str = attrs.field(default="region", validator=_NAME)
    agent_of: str = attrs.field(default="agent_region", validator=_NAME)
    weight_column: str | None = attrs.field(default=None, validator=_OPTIONAL_NAME)
    differential: bool = attrs.field(default=False, validator=_FLAG)
    if_none: str | None = attrs.field(default=None, validator=_if_any(_IF_NONE))
    unqualified: str | None = attrs.field(default=None, validator=_if_any(_UNQUALIFIED))
    recruiter: Rate | None = attrs.field(default=None, converter=optional_rate)
    recruiter_eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=_FLAG)

    def __attrs_post_init__(self) -> None:
        sources = (bool(self.rates), self.rate is not None, self.rate_column is not None)
        if sum(sources) != 1:
            raise self.error("needs exactly one source of rates", allowed="rates, rate or rate_column")
        self._check_tiers()
        self._check_choices()
        if self.rate_column is not None and self.divides:
            raise UnsupportedError(
                f"{self.thing}, split",
                "shares a rate that every agent has for himself",
                value=self.split,
                allowed="exclusive, full",
                hint="Name the rate of a tier in rates",
            )
        alone = self.split == "exclusive" and self.if_none == "roll_up"
        if self.differential and self.rate_column is not None and not alone:
            raise UnsupportedError(
                f"{self.thing}, differential",
                "reads rates of single agents, which a tier of none or several does not have",
                allowed='split="exclusive" with if_none="roll_up"',
                hint="Name the rate of a tier in rates",
            )
        given = [self.rate, self.recruiter, *(rate for _, rate in self.rates)]
        check_rates(self.name, [rate for rate in given if rate is not None], above_100=self.above_100)

    def _check_tiers(self) -> None:
        if len(self.tiers) > DEPTH_MAX:
            raise self.error("has too many tiers", value=len(self.tiers), allowed="up to 64")
        if self.rates and sorted(self.tiers) != sorted(name for name, _ in self.rates):
            raise self.error(
                "has rates for other tiers than it lists",
                value=[name for name, _ in self.rates],
                allowed=", ".join(self.tiers) or "tiers=[...], from the finest up",
            )
        if self.tier is not None and not self.tiers:
            raise self.error("has a column of tiers and does not say their order", allowed="tiers=[...]")
        if self.tiers and self.tier is None and not self.regions:
            raise self.error("does not say who is of which tier", allowed="tier, or regions")

    def _check_choices(self) -> None:
        """Check that every choice is written where it matters, and nowhere else."""
        for field, needed, what in (
            ("if_none", self.differential, "differential=True"),
            ("unqualified", self.eligible is not None, "eligible"),
            ("weight_column", self.split == "weights", 'split="weights"'),
        ):
            if (getattr(self, field) is not None) != needed:
                problem = f"needs {field} with {what}" if needed else f"has {field} without {what}"
                allowed = {"if_none": ", ".join(_IF_NONE), "unqualified": ", ".join(_UNQUALIFIED)}
                raise self.error(problem, allowed=allowed.get(field, "a members' column") if needed else "")
        if self.recruiter_eligible is not None and self.recruiter is None:
            raise self.error("has recruiter_eligible without recruiter")
        if self.differential and self.rate is not None:
            raise self.error("has one rate, between whose tiers there is no difference", allowed="rates")

    @property
    def divides(self) -> bool:
        """Return whether agents share a rate."""
        return self.split in ("equal", "weights")

    @property
    def one_rate(self) -> Fraction:
        """Return the rate of every tier, 0 where there is no such rate."""
        return Fraction(0) if self.rate is None else self.rate.fraction

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        conditions = [found for found in (self.eligible, self.recruiter_eligible) if found is not None]
        return tuple(measure for found in conditions for measure in found.measures())

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        conditions = [found for found in (self.eligible, self.recruiter_eligible) if found is not None]
        names = [self.agent_of, self.tier, self.rate_column, self.weight_column]
        return (
            *(name for found in conditions for name in found.member_columns()),
            *(name for name in names if name is not None),
        )

    def prepare(self, setting: Setting) -> PreparedAgency:
        """Return the policy made ready for one setting: who is paid what in which region."""
        return PreparedAgency.of(self, setting)
