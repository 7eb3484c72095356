"""Stairstep overrides: what a broken-away group still pays the leaders above it."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, AnyArray, FlagArray, IndexArray, MinorArray, RowArray
from fenxiao._kernels.tally import Tally
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.expressions import Measure, Predicate, identity, pairs_of
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import DEPTH_MAX, Detail, PeriodPolicy, PeriodView
from fenxiao.policies.cascade import rows_of_column
from fenxiao.policies.fields import (
    check_rates,
    condition_of,
    conditions_of,
    measure_field,
    optional_rate,
    rate_of,
    rates_of,
    rounding_of,
    schedule_of,
)
from fenxiao.policies.level_bonus import money_at, money_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.policies.setting import Setting

    Lines: TypeAlias = tuple[int, IndexArray, AnyArray]
    """Generation or tier, and each source's payee and rate."""
    Paid: TypeAlias = tuple[int, IndexArray, AnyArray, MinorArray]
    """Generation or tier, and each source's payee, rate and amount."""

_WHOLE: Final = Rate.of("100%")
_NAME: Final = instance_of(str, filled=True, error=PlanError)
_CONDITION: Final = instance_of(Predicate, error=PlanError)


def _tiers(values: Any) -> tuple[Rate, ...]:
    cells = schedule_of(values)
    if not all(isinstance(cell, Rate) for cell in cells):
        raise PlanError("tiers", "hold fixed money", allowed="rates, the nearest tier first")
    return cells  # type: ignore[return-value]  # checked right above


def _generations(table: Any) -> tuple[tuple[int, Rate], ...]:
    pairs = pairs_of(table, "generations", allowed='such as {2: "3%", 3: "1%"}', numbers=True)
    wrong = [key for key, _ in pairs if not (key.isascii() and key.isdecimal() and int(key) >= 2)]
    if wrong:
        raise PlanError("generations", "have keys that are none", value=wrong, allowed="2, 3, 4, ...")
    return tuple(sorted(((int(key), Rate.of(rate)) for key, rate in pairs), key=lambda pair: pair[0]))


@final
@attrs.frozen(kw_only=True)
class StairstepOverride(PeriodPolicy):
    """Pays leaders above a broken-away group a rate of its volume, in one of three ways.

    Every member who meets `leaders` is the source of his group's volume; those above him who meet
    `leaders` are his uplines, the nearest first. Each amount is ``round(on * factor * rate)``.

    Parameters
    ----------
    name : str
        Unique in the plan.
    on : Measure
        The volume of each leader's group: ``group("cv", breaks=...)``.
    leaders : Predicate
        Whose group has broken away, and who counts as an upline.
    by_rank : mapping
        Fixed: the direct sponsor of the leader is paid by his own rank, leader or not. A rate for every rank.
    differential : mapping
        The nearest upline is paid his rank's rate less the source's, at least `minimum`. A rate for every
        rank.
    minimum : Rate
        With `differential`: what is paid at least, also between equal ranks; nothing if left out.
    generations : mapping
        With `differential`: fixed rates for the second upline, the third, ...: ``{2: "3%", 3: "1%"}``.
    tiers : list
        Rates: tier k is paid to the nearest upline at a distance of k leaders or more who meets its gate.
    gates : list of Predicate or None
        With `tiers`: who may be paid by each tier.
    rank_column : str
        The members' column of ranks.
    factor : Rate
        A rate of `on` that is paid on; 100 % if left out.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        Not exactly one of `by_rank`, `differential` and `tiers`; parameters of another way.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> from fenxiao.expressions import column
    >>> from fenxiao.volumes import group
    >>> director = column("rank") >= "director"
    >>> StairstepOverride(
    ...     "override", on=group("cv", breaks=director), leaders=director, tiers=["5%", "3%"]
    ... ).kind
    'stairstep_override'
    """

    kind: ClassVar[str] = "stairstep_override"
    tables: ClassVar[tuple[str, ...]] = ("by_rank", "differential", "generations")

    on: Measure = attrs.field(converter=measure_field, eq=identity)
    leaders: Predicate = attrs.field(converter=condition_of, validator=_CONDITION)
    by_rank: tuple[tuple[str, Rate], ...] = attrs.field(default=(), converter=rates_of)
    differential: tuple[tuple[str, Rate], ...] = attrs.field(default=(), converter=rates_of)
    minimum: Rate | None = attrs.field(default=None, converter=optional_rate)
    generations: tuple[tuple[int, Rate], ...] = attrs.field(default=(), converter=_generations)
    tiers: tuple[Rate, ...] = attrs.field(default=(), converter=_tiers)
    gates: tuple[Predicate | None, ...] = attrs.field(default=(), converter=conditions_of)
    rank_column: str = attrs.field(default="rank", validator=_NAME)
    factor: Rate = attrs.field(default=_WHOLE, converter=rate_of)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        thing = f"policy {self.name!r}"
        ways = [name for name in ("by_rank", "differential", "tiers") if getattr(self, name)]
        if len(ways) != 1:
            raise PlanError(
                thing, "needs exactly one way", value=ways, allowed="by_rank, differential or tiers"
            )
        if (self.minimum is not None or self.generations) and not self.differential:
            raise PlanError(thing, "has a minimum or generations", allowed="beside differential only")
        if self.gates and len(self.gates) != len(self.tiers):
            problem = "has another number of gates than of tiers"
            raise PlanError(thing, problem, value=len(self.gates), allowed=str(len(self.tiers)))
        numbers = [number for number, _ in self.generations]
        if max(len(self.tiers), *numbers, 0) > DEPTH_MAX:
            raise PlanError(thing, "reaches too far", allowed="64 leaders")
        least = [] if self.minimum is None else [self.minimum]
        fields = {"tiers": self.tiers, "minimum": least, "factor": [self.factor]}
        fields |= {table: [rate for _, rate in getattr(self, table)] for table in self.tables}
        for field, rates in fields.items():
            check_rates(self.name, rates, field, above_100=self.above_100)

    def _all_rates(self) -> list[Rate]:
        rates = [rate for _, rate in (*self.by_rank, *self.differential)]
        rates += [rate for _, rate in self.generations]
        return [*rates, *self.tiers, *([] if self.minimum is None else [self.minimum])]

    def _conditions(self) -> tuple[Predicate, ...]:
        return (self.leaders, *(gate for gate in self.gates if gate is not None))

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        more = [measure for condition in self._conditions() for measure in condition.measures()]
        return (*self.on.measures(), *more)

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        names = [*self.on.member_columns()]
        names += [name for condition in self._conditions() for name in condition.member_columns()]
        return (*names, *(() if self.tiers else (self.rank_column,)))

    @property
    def _unit(self) -> int:
        """Return the common denominator of all rates."""
        return lcm(*(rate.denominator for rate in self._all_rates()))

    def _in_units(self, *rates: Rate | None) -> AnyArray:
        """Return rates in units of 1 / `_unit`: int64, or Python integers where one does not fit."""
        unit = self._unit
        numbers = [0 if rate is None else rate.numerator * unit // rate.denominator for rate in rates]
        return np.array(numbers, dtype=MINOR if max(numbers) <= MINOR_MAX else object)

    def _rank_rates(self, setting: Setting) -> AnyArray:
        """Return each member's rate by rank in units of 1 / `_unit`, nobody's last ([members + 1])."""
        table, column = (*self.by_rank, *self.differential), setting.member_column(self.rank_column)
        keys, field = [key for key, _ in table], "by_rank" if self.by_rank else "differential"
        rows = rows_of_column(column, self.rank_column, keys, f"policy {self.name!r}, {field}")
        return np.append(self._in_units(*(rate for _, rate in table))[rows], MINOR(0))

    def _lines(self, setting: Setting, sources: RowArray) -> Iterator[Lines]:
        """Yield for each generation or tier its number, and the payee and the rate of every source."""
        leader, up = setting.mask_of(self.leaders), setting.tree.sponsor_pointer

        def fixed(rate: Rate) -> AnyArray:
            return np.repeat(self._in_units(rate), len(sources))

        if self.by_rank:
            yield 1, up[sources], self._rank_rates(setting)[up[sources]]
            return
        above = nearest_marked(up, leader)
        here = above[sources]
        if self.differential:
            rates = self._rank_rates(setting)
            yield 1, here, np.maximum(rates[here] - rates[sources], self._in_units(self.minimum)[0])
            later = dict(self.generations)
            for number in range(2, max(later, default=1) + 1):
                here = above[here]
                if number in later:
                    yield number, here, fixed(later[number])
            return
        for number, rate in enumerate(self.tiers, start=1):
            gate = self.gates[number - 1] if self.gates else None
            payees = here if gate is None else _nearest_who_may(setting, leader, here, gate)
            yield number, payees, fixed(rate)
            here = above[here]

    def _paid(self, setting: Setting, sources: RowArray) -> Iterator[Paid]:
        exact = money_of(setting.measure(self.on), setting.decimals, self.factor.fraction)
        mine = attrs.evolve(exact, values=exact.values[sources])
        for number, payees, rates in self._lines(setting, sources):
            found = payees != setting.size
            # Nobody is paid at any rate, so that what he would get need not fit.
            amount = mine.at_rates(np.where(found, rates, 0), self._unit, self.rounding)
            yield number, payees, rates, amount

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim for every payee the sum over groups, each rounded once."""
        size, leader = view.setting.size, view.setting.mask_of(self.leaders)
        tally = Tally(size + 1)
        for _, payees, _, amount in self._paid(view.setting, np.flatnonzero(leader)):
            tally.add(payees, amount)
        sums = tally.sums(f"policy {self.name!r}")[:size]
        payees = np.flatnonzero(sums).astype(INDEX)
        return payees, sums[payees]

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return a part for each group that pays the member."""
        setting, leader = view.setting, view.setting.mask_of(self.leaders)
        end = member + int(setting.tree.size[member])
        below = member + np.flatnonzero(leader[member:end])
        column, factor, parts = setting.measure(self.on), self.factor.fraction, []
        for number, payees, rates, amount in self._paid(setting, below):
            for at in np.flatnonzero((payees == member) & (amount > 0)).tolist():
                source = int(below[at])
                parts.append(
                    Detail(
                        amount=int(amount[at]),
                        source=source,
                        level=number,
                        base=int(money_at(column, source, setting.decimals, factor)),
                        rate=str(Rate.of(Fraction(int(rates[at]), self._unit))),
                    )
                )
        return tuple(sorted(parts, key=lambda part: (part.level, part.source)))

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that a member is no upline, fails the first gate, or has no group below that pays him."""
        setting = view.setting
        if not self.by_rank and not setting.mask_of(self.leaders)[member]:
            return Reason.COMPRESSED, self.leaders.describe(setting, member)
        gate = self.gates[0] if self.gates else None
        if gate is not None and not setting.mask_of(gate)[member]:
            return Reason.NOT_ELIGIBLE, gate.describe(setting, member)
        return Reason.ZERO_RATE, "no group that has broken away below pays him"


def _nearest_who_may(setting: Setting, leader: FlagArray, here: IndexArray, gate: Predicate) -> IndexArray:
    """Return each upline himself if he may be paid, else the nearest above him who may."""
    may = leader & setting.mask_of(gate)
    nearest = nearest_marked(setting.tree.sponsor_pointer, may)
    return np.where(np.append(may, [False])[here], here, nearest[here])
