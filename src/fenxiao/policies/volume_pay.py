"""Pay on volumes: a rate that is looked up on one measure and paid on another."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, MINOR_MAX, FlagArray, IndexArray, MinorArray
from fenxiao._columns import Amounts
from fenxiao._kernels.tally import Tally, greatest
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import PlanError, Reason, UnsupportedError, instance_of
from fenxiao.expressions import Brackets, Exact, Measure, fit_minor, identity
from fenxiao.expressions.downlines import Group
from fenxiao.expressions.measures import Window
from fenxiao.money import FLOOR, Rate, Rounding, mul_div_arrays
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.cascade import rows_of_column
from fenxiao.policies.fields import check_rates, condition_of, measure_field, rate_of, rates_of, rounding_of
from fenxiao.policies.level_bonus import money_at, money_of
from fenxiao.volumes.computing import broken_legs

if TYPE_CHECKING:
    from fenxiao.expressions import Predicate
    from fenxiao.expressions.brackets import Steps
    from fenxiao.policies.setting import Setting

_WHOLE: Final = Rate.of("100%")


def _optional_measure(value: object) -> Measure | None:
    return None if value is None else measure_field(value)


def _optional_brackets(value: Any) -> Brackets | None:
    if value is None:
        return None
    plain = isinstance(value, dict) and not set(value) & {"whole", "marginal"}
    return Brackets.whole(value) if plain else Brackets.from_data(value)


@attrs.frozen(kw_only=True)
class _VolumePay(PeriodPolicy):
    """What policies share that pay each member a rate of a volume."""

    tables: ClassVar[tuple[str, ...]] = ("by_rank",)

    pay_on: Measure = attrs.field(converter=measure_field, eq=identity)
    rate_on: Measure | None = attrs.field(default=None, converter=_optional_measure, eq=identity)
    brackets: Brackets | None = attrs.field(default=None, converter=_optional_brackets)
    by_rank: tuple[tuple[str, Rate], ...] = attrs.field(default=(), converter=rates_of)
    rank_column: str = attrs.field(default="rank", validator=instance_of(str, filled=True, error=PlanError))
    factor: Rate = attrs.field(default=_WHOLE, converter=rate_of)
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        thing = f"policy {self.name!r}"
        if (self.brackets is None) == (not self.by_rank):
            raise PlanError(thing, "needs exactly one table of rates", allowed="brackets or by_rank")
        if (self.brackets is None) != (self.rate_on is None):
            raise PlanError(
                thing,
                "needs brackets and the measure they are looked up on together",
                allowed='rate_on=group("pv", ...), brackets={"100": "3%"}',
            )
        field, rows = ("by_rank", self.by_rank) if self.brackets is None else ("brackets", self.brackets.rows)
        check_rates(self.name, [rate for _, rate in rows], field, above_100=self.above_100)
        check_rates(self.name, [self.factor], "factor", above_100=self.above_100)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        rate_on = () if self.rate_on is None else self.rate_on.measures()
        eligible = () if self.eligible is None else self.eligible.measures()
        return (*self.pay_on.measures(), *rate_on, *eligible)

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        rate_on = () if self.rate_on is None else self.rate_on.member_columns()
        eligible = () if self.eligible is None else self.eligible.member_columns()
        ranks = (self.rank_column,) if self.by_rank else ()
        return (*self.pay_on.member_columns(), *rate_on, *eligible, *ranks)

    def base(self, setting: Setting) -> Exact:
        """Return what the rates are paid on, by member."""
        return money_of(setting.measure(self.pay_on), setting.decimals, self.factor.fraction)

    def _steps(self, setting: Setting) -> Steps:
        brackets: Brackets = self.brackets  # type: ignore[assignment]  # the caller has checked it
        column = setting.measure(self.rate_on)  # type: ignore[arg-type]  # given with brackets
        decimals = column.decimals if isinstance(column, Amounts) else 0
        return brackets.in_units(decimals, f"policy {self.name!r}")

    def gross(self, setting: Setting) -> MinorArray:
        """Return what each member's rate gives of his volume, rounded once (int64 [members])."""
        return setting.keep(("gross", self.name), lambda: self._gross(setting))

    def _gross(self, setting: Setting) -> MinorArray:
        exact = self.base(setting)
        if self.brackets is None:
            return self._at_rates(
                exact, self._rank_rows(setting), [rate.fraction for _, rate in self.by_rank]
            )
        looked_up = setting.measure(self.rate_on).values  # type: ignore[arg-type]  # given with brackets
        steps = self._steps(setting)
        if steps.mode == "whole":
            return self._at_rates(exact, steps.places(looked_up), list(steps.rates))
        return self._in_slices(exact, np.maximum(looked_up, MINOR(0)), steps)

    def _rank_rows(self, setting: Setting) -> IndexArray:
        keys, thing = [key for key, _ in self.by_rank], f"policy {self.name!r}, by_rank"
        return rows_of_column(setting.member_column(self.rank_column), self.rank_column, keys, thing)

    def _at_rates(self, exact: Exact, rows: Any, rates: list[Fraction]) -> MinorArray:
        found = np.zeros(len(exact.values), dtype=MINOR)
        for number, rate in enumerate(rates):
            mine = np.flatnonzero(rows == number)
            if rate and len(mine):
                found[mine] = attrs.evolve(exact, values=exact.values[mine]).times(rate, self.rounding)
        return found

    def _in_slices(self, exact: Exact, looked_up: MinorArray, steps: Steps) -> MinorArray:
        """Return pay_on * (slices of rate_on at their rates) / rate_on, as one fraction rounded once."""
        found = np.zeros(len(looked_up), dtype=MINOR)
        some = np.flatnonzero(looked_up >= max(int(steps.thresholds[0]), 1))
        values, paid = looked_up[some], exact.values[some]
        unit = lcm(*(rate.denominator for rate in steps.rates))
        numbers = [rate.numerator * unit // rate.denominator for rate in steps.rates]
        scale, by = exact.numerator, exact.denominator * unit
        if greatest(values) * max(max(numbers) * scale, by, 1) > MINOR_MAX:
            factor = Fraction(exact.numerator, exact.denominator)
            pairs = zip(values.tolist(), paid.tolist(), strict=True)
            exactly = (pay * factor * steps.sliced(value) * Fraction(1, value) for value, pay in pairs)
            found[some] = fit_minor(map(self.rounding.round_fraction, exactly), "a commission")
            return found
        sliced = np.zeros(len(values), dtype=MINOR)
        ends = [*steps.thresholds.tolist()[1:], MINOR_MAX]
        for low, high, number in zip(steps.thresholds.tolist(), ends, numbers, strict=True):
            sliced += np.maximum(np.minimum(values, high) - low, 0) * MINOR(number)
        found[some] = mul_div_arrays(paid, sliced * MINOR(scale), values * MINOR(by), self.rounding)
        return found

    def may(self, setting: Setting) -> FlagArray:
        """Return who is eligible."""
        if self.eligible is None:
            return setting.keep("everybody", lambda: np.ones(setting.size, dtype=FLAG))
        return setting.mask_of(self.eligible)

    def base_at(self, setting: Setting, member: int) -> Fraction:
        """Return what a member's rate is paid on, in minor units."""
        return money_at(setting.measure(self.pay_on), member, setting.decimals, self.factor.fraction)

    def rate_at(self, setting: Setting, member: int) -> Rate | None:
        """Return a member's rate, of slices what they come to; None below the first threshold."""
        if self.brackets is None:
            return dict(self.by_rank)[str(setting.member_column(self.rank_column).value(member))]
        value = max(int(setting.measure(self.rate_on).values[member]), 0)  # type: ignore[arg-type]  # given with brackets
        steps = self._steps(setting)
        place = int(steps.places(np.array([value], dtype=MINOR))[0])
        if place < 0:
            return None
        if steps.mode == "whole":
            return Rate.of(steps.rates[place])
        return Rate.of(steps.sliced(value) * Fraction(1, max(value, 1)))

    def part(self, setting: Setting, member: int, *, below: bool = False) -> Detail:
        """Return a member's gross as a part of a claim; of a leg `below`, as what is taken off."""
        amount = int(self.gross(setting)[member])
        return Detail(
            amount=-amount if below else amount,
            source=member if below else None,
            base=int(self.base_at(setting, member)),
            rate=str(self.rate_at(setting, member)),
            note="paid below" if below else self.pay_on.text(),
        )

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that a member is not eligible, or what he has and what was wanted."""
        setting = view.setting
        if self.eligible is not None and not self.may(setting)[member]:
            return Reason.NOT_ELIGIBLE, self.eligible.describe(setting, member)
        rate = self.rate_at(setting, member)
        if rate is None:
            brackets: Brackets = self.brackets  # type: ignore[assignment]  # a rank has a rate
            has = setting.measure(self.rate_on).value(member)  # type: ignore[arg-type]  # given with brackets
            least = brackets.ordered[0][0]
            return Reason.NOT_ENTITLED, f"{self.rate_on.text()} {has}; rates start at {least}"  # type: ignore[union-attr]  # as above
        tiny = rate.fraction * self.base_at(setting, member) > 0
        words = f"{rate} of {self.pay_on.text()} {setting.measure(self.pay_on).value(member)}"
        return Reason.ROUNDED_TO_ZERO if tiny else Reason.ZERO_RATE, words


@final
@attrs.frozen(kw_only=True)
class VolumeCommission(_VolumePay):
    """Pays each member a rate of a volume of his: ``round(pay_on * factor * rate)``.

    The rate is looked up on one measure (points) and paid on another (money).

    Parameters
    ----------
    name : str
        Unique in the plan.
    pay_on : Measure
        What the rate is paid on. One whole unit counts as one unit of the currency.
    rate_on : Measure
        What `brackets` are looked up on.
    brackets : Brackets or mapping
        ``Brackets.whole({"100": "3%", "300": "6%"})``: the rate of the highest threshold reached is paid on
        all of `pay_on`. ``Brackets.marginal(...)``: each unit of `rate_on` carries the same share of `pay_on`
        and is paid at the rate of its slice; where there are no units, nothing is paid. Below the first
        threshold nothing is paid. Both measures count as 0 where they are negative: a first threshold of 0 is
        reached by everybody, losses included, and a loss in `pay_on` pays nothing.
    by_rank : mapping
        In place of brackets: a rate for every rank.
    rank_column : str
        The members' column that `by_rank` reads.
    factor : Rate
        A rate of `pay_on` that is paid on; 100 % if left out.
    eligible : Predicate
        Who may be paid; everybody if left out.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        Missing or contradictory parameters.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> from fenxiao.volumes import own
    >>> month = VolumeCommission(
    ...     "override", rate_on=own("paid"), pay_on=own("paid"), brackets={"5000": "1%", "10000": "2%"}
    ... )
    >>> month.brackets
    Brackets.whole({'5000': '1%', '10000': '2%'})
    """

    kind: ClassVar[str] = "volume_commission"

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim every eligible member's share."""
        gross = self.gross(view.setting)
        payees = np.flatnonzero((gross > 0) & self.may(view.setting)).astype(INDEX)
        return payees, gross[payees]

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return the rate and what it is a rate of."""
        setting = view.setting
        if not self.gross(setting)[member] or not self.may(setting)[member]:
            return ()
        return (self.part(setting, member),)


@final
@attrs.frozen(kw_only=True)
class VolumeDifferential(_VolumePay):
    """Pays each member the gross of his volume less the gross of the legs below him (group 级差).

    Gross is ``round(pay_on * factor * rate)`` as in `VolumeCommission`. From a member's gross that of the
    nearest eligible members below him is taken off. Where `pay_on` is a group without broken-away legs, these
    legs are neither in the group nor taken off. With organisations as volumes and everybody eligible, all
    differences of a tree add up to the gross of its root.

    Parameters
    ----------
    name, pay_on, rate_on, brackets, by_rank, rank_column, factor, eligible, rounding, above_100
        As in `VolumeCommission`, also where measures are negative: a first threshold of 0 is reached by
        everybody, losses included. Brackets must rise; who is not eligible takes no step, so that those above
        are paid against the next below him.

    Raises
    ------
    PlanError
        As `VolumeCommission`; brackets whose rates fall.
    UnsupportedError
        `pay_on` adds up groups over several periods: what had broken away in the earlier ones is not known.

    Notes
    -----
    A difference can be below zero where a member below has a higher rate by rank, where measures shrink on
    the way up, or by leftovers of a rounding that is not floor. It then counts as 0, and explanations say so.

    Examples
    --------
    >>> from fenxiao.volumes import organisation
    >>> VolumeDifferential(
    ...     "performance",
    ...     rate_on=organisation("pv"),
    ...     pay_on=organisation("bv"),
    ...     brackets={"100": "3%", "300": "6%", "1000": "9%"},
    ... ).kind
    'volume_differential'
    """

    kind: ClassVar[str] = "volume_differential"

    def __attrs_post_init__(self) -> None:
        # Classes with slots are made anew, so that super() without arguments would name the old one.
        _VolumePay.__attrs_post_init__(self)
        if self.brackets is not None and not self.brackets.rising:
            raise PlanError(
                f"policy {self.name!r}, brackets",
                "fall, so that a leg could be owed more than the whole",
                value={key: str(rate) for key, rate in self.brackets.rows},
                allowed="rates that rise with their thresholds",
            )
        if isinstance(self.pay_on, Window) and isinstance(self.pay_on.of, Group):
            raise UnsupportedError(
                f"policy {self.name!r}, pay_on",
                "adds up groups of several periods, whose legs may have broken away in some of them",
                hint="Pay on the group of one period, or on the organisation",
            )

    def _broken(self, setting: Setting) -> FlagArray | None:
        """Return whose legs have broken away, None where none ever does."""
        if not isinstance(self.pay_on, Group):
            return None
        group = self.pay_on
        return setting.keep(("broken", self.name), lambda: broken_legs(setting.volumes, group))

    def _above(self, setting: Setting) -> IndexArray:
        """Return who is paid against each eligible member's gross (int32 [members]), nobody for nobody."""
        may, broken = self.may(setting), self._broken(setting)
        stops = may if broken is None else may | broken
        above = nearest_marked(setting.tree.sponsor_pointer, stops)[:-1]
        counts = may & np.append(may, [False])[above]
        if broken is not None:
            counts &= ~broken
        return np.where(counts, above, INDEX(setting.size))

    def _legs(self, setting: Setting, member: int) -> list[int]:
        """Return whose gross is taken off a member's, as `_above` has it, in tree order."""
        size, may, broken = setting.tree.size, self.may(setting), self._broken(setting)
        found, at, end = [], member + 1, member + int(size[member])
        while at < end:
            gone = broken is not None and bool(broken[at])
            if may[at] and not gone:
                found.append(at)
            at += int(size[at]) if may[at] or gone else 1
        return found

    def _net(self, setting: Setting) -> MinorArray:
        """Return gross less the gross below, of eligible members (int64 [members]); it may be negative."""
        gross, size = self.gross(setting), setting.size
        below = Tally(size + 1)
        below.add(self._above(setting), gross)
        net = gross - below.sums(f"policy {self.name!r}, what legs are owed")[:size]
        return np.where(self.may(setting), net, MINOR(0))

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim every difference that is above zero."""
        net = self._net(view.setting)
        payees = np.flatnonzero(net > 0).astype(INDEX)
        return payees, net[payees]

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return the gross, and below zero the gross of each leg that is taken off."""
        setting = view.setting
        if not self.may(setting)[member] or self._left(setting, member) <= 0:
            return ()
        gross = self.gross(setting)
        legs = [leg for leg in self._legs(setting, member) if gross[leg]]
        return (self.part(setting, member), *(self.part(setting, leg, below=True) for leg in legs))

    def _left(self, setting: Setting, member: int) -> int:
        """Return the gross of somebody eligible less that of his legs; it may be negative."""
        gross = self.gross(setting)
        return int(gross[member]) - sum(int(gross[leg]) for leg in self._legs(setting, member))

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that a difference is not above zero, or what `VolumeCommission` would say."""
        setting = view.setting
        if self.may(setting)[member]:
            left = self._left(setting, member)
            if left < 0:
                return (
                    Reason.PAID_BELOW,
                    "his legs are owed more than his own gross; the difference counts as 0",
                )
            if self.gross(setting)[member]:
                return Reason.PAID_BELOW, "his legs are owed as much as his own gross"
        return _VolumePay.why_nothing(self, view, member)
