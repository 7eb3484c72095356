"""Leadership after a breakaway (育成): a rate of each leader's group for the leader above him."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, IndexArray, MinorArray
from fenxiao._columns import Amounts
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import MoneyOverflowError, PlanError, Reason, instance_of
from fenxiao.expressions import Measure, Predicate, identity
from fenxiao.money import FLOOR, Rate, Rounding, is_amount, to_minor
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.fields import check_rates, condition_of, measure_field, rate_of, rounding_of
from fenxiao.policies.level_bonus import money_at, money_of

if TYPE_CHECKING:
    from fenxiao.policies.setting import Setting

_WHOLE: Final = Rate.of("100%")
_CONDITION: Final = instance_of(Predicate, error=PlanError)


def _guarantee(_: object, __: object, value: Any) -> None:
    if value is not None and not is_amount(value):
        raise PlanError("guarantee", "is no volume", value=value, allowed='such as "10000"')


@final
@attrs.frozen(kw_only=True)
class LeadershipBonus(PeriodPolicy):
    """Pays each leader a rate of the groups of the leaders next below, with a guarantee for those above.

    Every leader's group generates ``round(on * factor * rate)`` for the next leader above him. With a
    `guarantee`, whoever is himself below a leader hands on at least ``round(guarantee * factor * rate)``:
    what his own group lacks of it is taken out of what he receives, not more. It is computed from the
    bottom up. All that is paid adds up to what the groups generate that have a leader above, unless a leader
    at the top is not `eligible`: what he receives stays with the company.

    Parameters
    ----------
    name : str
        Unique in the plan.
    on : Measure
        The volume of each leader's own group: ``group("bv", breaks=...)``.
    rate : Rate
        What is paid of it.
    leaders : Predicate
        Who is a leader: whose group generates, and who receives.
    guarantee : str, optional
        The volume whose bonus the next leader above is guaranteed.
    factor : Rate
        A rate of `on` that is paid on; 100 % if left out.
    eligible : Predicate
        Which leaders keep anything; the others hand on all that they receive, and their own group's share.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        A guarantee that is no volume.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> from fenxiao.expressions import column
    >>> from fenxiao.volumes import group
    >>> LeadershipBonus(
    ...     "leadership",
    ...     on=group("bv", breaks=column("leader") == True),
    ...     rate="4%",
    ...     leaders=column("leader") == True,
    ...     guarantee="10000",
    ... ).rate
    Rate("4%")
    """

    kind: ClassVar[str] = "leadership_bonus"

    on: Measure = attrs.field(converter=measure_field, eq=identity)
    rate: Rate = attrs.field(converter=rate_of)
    leaders: Predicate = attrs.field(converter=condition_of, validator=_CONDITION)
    guarantee: str | None = attrs.field(default=None, validator=_guarantee)
    factor: Rate = attrs.field(default=_WHOLE, converter=rate_of)
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        check_rates(self.name, [self.rate], "rate", above_100=self.above_100)
        check_rates(self.name, [self.factor], "factor", above_100=self.above_100)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        more = () if self.eligible is None else self.eligible.measures()
        return (*self.on.measures(), *self.leaders.measures(), *more)

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        more = () if self.eligible is None else self.eligible.member_columns()
        return (*self.on.member_columns(), *self.leaders.member_columns(), *more)

    def _least(self, setting: Setting) -> int:
        """Return what the next leader above is guaranteed, in minor units."""
        if self.guarantee is None:
            return 0
        column = setting.measure(self.on)
        unit = column.decimals if isinstance(column, Amounts) else 0
        volume = to_minor(self.guarantee, unit, thing=f"policy {self.name!r}, guarantee")
        scale = self.factor.fraction * self.rate.fraction * Fraction(10) ** (setting.decimals - unit)
        return self.rounding.round_fraction(volume * scale)

    def _flows(self, setting: Setting) -> _Flows:
        return setting.keep(("leadership", self.name), lambda: self._computed(setting))

    def _computed(self, setting: Setting) -> _Flows:
        leader = setting.mask_of(self.leaders)
        who = np.flatnonzero(leader).astype(INDEX)
        above = nearest_marked(setting.tree.sponsor_pointer, leader)[:-1]
        place = np.full(setting.size + 1, len(who), dtype=INDEX)
        place[who] = np.arange(len(who), dtype=INDEX)
        up = place[above[who]].tolist()
        exact = money_of(setting.measure(self.on), setting.decimals, self.factor.fraction)
        generated = (
            attrs.evolve(exact, values=exact.values[who]).times(self.rate.fraction, self.rounding).tolist()
        )
        keeps = [True] * len(who) if self.eligible is None else setting.mask_of(self.eligible)[who].tolist()
        least, nobody = self._least(setting), len(who)
        received, kept, handed = [0] * (nobody + 1), [0] * nobody, [0] * nobody
        # Preorder has sponsors first, so that going backwards those below are settled.
        for at in range(nobody - 1, -1, -1):
            got, target = received[at], up[at]
            passed = 0
            if target != nobody:
                lacks = max(least - generated[at], 0)
                passed = got if not keeps[at] else min(got, lacks)
                received[target] += generated[at] + passed
            kept[at] = got - passed if keeps[at] else 0
            handed[at] = passed
        if max(received, default=0) > MINOR_MAX:
            raise MoneyOverflowError(f"policy {self.name!r}", "pays more than 64 bits hold")
        columns = (np.array(each, dtype=MINOR) for each in (generated, received[:-1], handed, kept))
        return _Flows(who, np.array(up, dtype=INDEX), place, *columns)

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim what every leader keeps."""
        flows = self._flows(view.setting)
        paid = np.flatnonzero(flows.kept)
        return flows.who[paid], flows.kept[paid]

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return what comes from each leader next below, and what is handed on."""
        setting = view.setting
        flows = self._flows(setting)
        at = int(flows.place[member])
        if at == len(flows.who) or not flows.kept[at]:
            return ()
        column, factor = setting.measure(self.on), self.factor.fraction
        parts = []
        for leg in np.flatnonzero(flows.up == at).tolist():
            source = int(flows.who[leg])
            generated, passed = int(flows.generated[leg]), int(flows.handed[leg])
            base = int(money_at(column, source, setting.decimals, factor))
            if generated:
                parts.append(Detail(amount=generated, source=source, level=1, base=base, rate=str(self.rate)))
            if passed:
                parts.append(Detail(amount=passed, source=source, level=1, note="handed on from below"))
        if flows.handed[at]:
            parts.append(Detail(amount=-int(flows.handed[at]), note="handed on, to make up the guarantee"))
        return tuple(parts)

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that a member is no leader, keeps nothing, or has no leader below."""
        setting = view.setting
        if not setting.mask_of(self.leaders)[member]:
            return Reason.COMPRESSED, self.leaders.describe(setting, member)
        if self.eligible is not None and not setting.mask_of(self.eligible)[member]:
            return Reason.NOT_ELIGIBLE, self.eligible.describe(setting, member)
        flows = self._flows(setting)
        at = int(flows.place[member])
        if flows.received[at]:
            return (
                Reason.PAID_BELOW,
                f"all {flows.received[at]} minor units that he received make up the guarantee",
            )
        return Reason.ZERO_RATE, "no leader below generates any"


@final
@attrs.frozen(eq=False)
class _Flows:
    """What passes between leaders, by leader in tree order; money in minor units.

    ``up`` is the place of the next leader above, the number of leaders for none; ``place`` finds a member's.
    """

    who: IndexArray
    up: IndexArray
    place: IndexArray
    generated: MinorArray
    received: MinorArray
    handed: MinorArray
    kept: MinorArray
