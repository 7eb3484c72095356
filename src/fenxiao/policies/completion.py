"""Money for full levels of a matrix, each once in a lifetime."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, MINOR_MAX, MINOR_MIN, IndexArray, MinorArray
from fenxiao._kernels.downline import level_by_level
from fenxiao._kernels.tally import greatest
from fenxiao.errors import MoneyOverflowError, PlanError, Reason, instance_of
from fenxiao.money import is_amount, to_minor
from fenxiao.policies.base import DEPTH_MAX, Detail, PeriodPolicy, PeriodView
from fenxiao.policies.fields import condition_of

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray, InstantArray
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.periods import Period
    from fenxiao.policies.setting import Setting

_NAME: Final = instance_of(str, filled=True, error=PlanError)
_FLAG: Final = instance_of(bool, error=PlanError)
_JOINED: Final = "joined"
_EPOCH: Final = dt.date(1970, 1, 1)


def _amounts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= DEPTH_MAX:
        allowed = f'1 to {DEPTH_MAX} amounts by level, such as ["100", "50"]'
        raise PlanError("amounts", "are no list of amounts by level", value=values, allowed=allowed)
    for level, money in enumerate(values, 1):
        if not is_amount(money):
            raise PlanError(f"amounts, level {level}", "is no amount", value=money, allowed='such as "100"')
    return tuple(values)


@final
@attrs.frozen(kw_only=True)
class LevelCompletion(PeriodPolicy):
    """Pays fixed money for each level of a member's matrix that is full, once in a lifetime.

    Level k of a member is full when ``width**k`` members stand exactly k levels below him in the placement.
    It is paid in the period in which the last of them joined, so that nothing has to be remembered between
    periods; of a settlement without a period every full level is paid. Levels do not wait for one another.

    Parameters
    ----------
    name : str
        Unique in the plan.
    placement : str
        The facts' placement: ``Facts(placements={"matrix": ...})``.
    amounts : list of str
        Money for level 1, 2, ..., in the plan's currency: for each member of the level, so that a full level
        k pays ``width**k`` times its amount, or with `per_level` for the level. 1 to 64 of them; nothing is
        rounded.
    per_level : bool
        Whether amounts are for whole levels.
    eligible : Predicate, optional
        Who is paid; everybody who is placed if left out. Levels of others that become full are lost.
    counts : Predicate, optional
        Who fills a place; everybody who is placed if left out. It is asked on the facts of the period: a
        level whose last member begins to count in a later period than he joined in is not paid.

    Raises
    ------
    PlanError
        What is no list of 1 to 64 amounts; when a period is settled, no members' column ``joined`` of dates.
    MoneyOverflowError
        When it is settled: a full level, or the levels of a member together, beyond 64 bits.

    Examples
    --------
    >>> LevelCompletion("matrix", amounts=["100", "50", "25", "10"]).placement
    'matrix'
    """

    kind: ClassVar[str] = "level_completion"

    placement: str = attrs.field(default="matrix", validator=_NAME)
    amounts: tuple[str, ...] = attrs.field(converter=_amounts)
    per_level: bool = attrs.field(default=False, validator=_FLAG)
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    counts: Predicate | None = attrs.field(default=None, converter=condition_of)

    def _conditions(self) -> tuple[Predicate, ...]:
        return tuple(each for each in (self.eligible, self.counts) if each is not None)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return tuple(measure for each in self._conditions() for measure in each.measures())

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read, the dates of joining included."""
        return (*(name for each in self._conditions() for name in each.member_columns()), _JOINED)

    def _prices(self, setting: Setting) -> list[int]:
        """Return what each level pays when it is full, in minor units."""
        width, prices = setting.facts.placement(self.placement).width, []
        for level, money in enumerate(self.amounts, 1):
            thing = f"policy {self.name!r}, level {level}"
            price = to_minor(money, setting.decimals, thing=thing) * (1 if self.per_level else width**level)
            if price > MINOR_MAX:
                places = f"{width}**{level} places of {money}"
                hint = "Name fewer levels, smaller amounts, or amounts of whole levels with per_level=True"
                raise MoneyOverflowError(thing, "pays more than 64 bits hold", value=places, hint=hint)
            prices.append(price)
        return prices

    def _dates(self, setting: Setting) -> InstantArray | None:
        """Return the days on which members joined, since 1970-01-01; None without a period."""
        if setting.period is None:
            return None
        return setting.joined(f"policy {self.name!r}, which tells in which period a level became full,")

    def _counting(self, setting: Setting) -> FlagArray:
        return np.ones(setting.size, dtype=FLAG) if self.counts is None else setting.mask_of(self.counts)

    def _pay(self, setting: Setting) -> MinorArray:
        return setting.keep(("full levels", self.name), lambda: self._computed(setting))

    def _computed(self, setting: Setting) -> MinorArray:
        placement, prices = setting.facts.placement(self.placement), self._prices(setting)
        dates, may = self._dates(setting), placement.placed
        if self.eligible is not None:
            may = may & setting.mask_of(self.eligible)
        pay, places = np.zeros(setting.size, dtype=MINOR), 1
        found = level_by_level(self._counting(setting), dates, placement.up, len(prices))
        for level, (filled, latest) in enumerate(found, 1):
            places *= placement.width
            if places > setting.size:
                break
            full = may & (filled == places)
            if latest is not None and setting.period is not None:
                full &= _inside(latest, setting.period)
            who = np.flatnonzero(full)
            if greatest(pay[who]) + prices[level - 1] > MINOR_MAX:
                thing = f"policy {self.name!r}, levels 1 to {level}"
                hint = "Name fewer levels, or smaller amounts"
                raise MoneyOverflowError(thing, "pay a member more than 64 bits hold", hint=hint)
            pay[who] += MINOR(prices[level - 1])
        return pay

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim the levels that became full."""
        pay = self._pay(view.setting)
        payees = np.flatnonzero(pay).astype(INDEX)
        return payees, pay[payees]

    def _standing(self, setting: Setting, member: int) -> tuple[list[int], list[bool]]:
        """Return of each level of one member how many places are filled, and whether it is due when full."""
        placement, dates = setting.facts.placement(self.placement), self._dates(setting)
        levels, start = len(self.amounts), int(np.flatnonzero(placement.order == member)[0])
        below = placement.order[start : start + int(placement.size[member])]
        depth = placement.depth[below] - placement.depth[member]
        near = (depth > 0) & (depth <= levels) & self._counting(setting)[below]
        below, level = below[near], depth[near] - 1
        filled = np.bincount(level, minlength=levels).tolist()
        if dates is None or setting.period is None:
            return filled, [True] * levels
        latest = np.full(levels, MINOR_MIN, dtype=MINOR)
        np.maximum.at(latest, level, dates[below])
        return filled, _inside(latest, setting.period).tolist()

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return the levels that became full, with what a place pays."""
        setting = view.setting
        if not self._pay(setting)[member]:
            return ()
        width, parts = setting.facts.placement(self.placement).width, []
        table = zip(self._prices(setting), self.amounts, *self._standing(setting, member), strict=True)
        for level, (price, money, filled, due) in enumerate(table, 1):
            if price and due and filled == width**level:
                note = f"{filled} place{'s' * (filled != 1)} full"
                note += "" if self.per_level else f", {money} each"
                parts.append(Detail(amount=price, level=level, note=note))
        return tuple(parts)

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that a member has no place, is not eligible, or which level is next and how full it is."""
        setting = view.setting
        placement = setting.facts.placement(self.placement)
        if not placement.placed[member]:
            return Reason.NOT_ENTITLED, f"has no place in {self.placement!r}"
        if self.eligible is not None and not setting.mask_of(self.eligible)[member]:
            return Reason.NOT_ELIGIBLE, self.eligible.describe(setting, member)
        levels = [
            (level, filled, filled == placement.width**level, due)
            for level, (filled, due) in enumerate(zip(*self._standing(setting, member), strict=True), 1)
        ]
        nothing = [str(level) for level, _, full, due in levels if full and due]
        if nothing:
            return Reason.ZERO_RATE, f"level {', '.join(nothing)} became full and pays 0"
        words = []
        if any(full for _, _, full, _ in levels):
            words.append(f"no level became full in {setting.period}")
        words += [
            f"level {level}: {filled} of {placement.width**level} places filled"
            for level, filled, full, _ in levels
            if not full
        ][:1]
        return Reason.NOT_ENTITLED, "; ".join(words)


def _inside(days: InstantArray, period: Period) -> FlagArray:
    """Return which days, since 1970-01-01, lie in a period: its start does, its end does not."""
    start, end = ((day - _EPOCH).days for day in (period.start, period.end))
    inside: FlagArray = (days >= start) & (days < end)
    return inside
