"""Generation bonuses on members: a rate by generation of leaders of what a member turned over."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, IndexArray, MinorArray, RowArray, blocks
from fenxiao._kernels.tally import Tally
from fenxiao.errors import Reason
from fenxiao.expressions import Exact, Measure, identity
from fenxiao.money import Rate
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.fields import check_rates, measure_field, rate_of
from fenxiao.policies.generation_tracks import GenerationFields, GenerationTracks
from fenxiao.policies.level_bonus import money_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.policies.setting import Setting

    Paid: TypeAlias = tuple[int, IndexArray, IndexArray, MinorArray]
    """Generation, sources, payees, amounts."""


@final
@attrs.frozen(kw_only=True)
class GenerationVolumeBonus(GenerationFields, PeriodPolicy):
    """A rate for each generation of leaders above a member, of what he turned over in the period.

    The same generations as in `GenerationBonus`, with members as sources instead of orders. Each amount is
    ``round(on * factor * rate)``, rounded once a source and generation.

    Parameters
    ----------
    name : str
        Unique in the plan.
    on : Measure
        What the rates are rates of, ``own("bv")``. One whole unit counts as one unit of the currency; what
        is negative counts as 0.
    factor : Rate
        A rate of `on` that is paid on.
    rates, from_rank, rank_column, boundary, eligible, if_not, rounding, above_100
        As in `GenerationBonus`.

    Raises
    ------
    PlanError
        No rates or more than 64, fixed money, an unknown choice; a rank that there is not.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> from fenxiao.volumes import own
    >>> bonus = GenerationVolumeBonus(
    ...     "generations", on=own("bv"), rates=["5%"], from_rank="director", if_not="company"
    ... )
    >>> bonus.boundary
    'any'
    """

    kind: ClassVar[str] = "generation_volume_bonus"

    on: Measure = attrs.field(converter=measure_field, eq=identity)
    factor: Rate = attrs.field(default=Rate.of("100%"), converter=rate_of)

    def __attrs_post_init__(self) -> None:
        GenerationFields.__attrs_post_init__(self)
        check_rates(self.name, [self.factor], "factor", above_100=self.above_100)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return (*GenerationFields.measures(self), *self.on.measures())

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return (*GenerationFields.member_columns(self), *self.on.member_columns())

    def _base(self, setting: Setting) -> Exact:
        return money_of(setting.measure(self.on), setting.decimals, self.factor.fraction)

    def _walk(self, setting: Setting) -> GenerationTracks:
        return setting.keep(("generations", self.name), lambda: GenerationTracks.of(self, setting))

    def _paid(self, setting: Setting, sources: RowArray) -> Iterator[Paid]:
        """Yield generation, sources, payees and amounts for some members who cause anything."""
        walk, exact = self._walk(setting), self._base(setting)
        causing: IndexArray = sources[exact.values[sources] > 0].astype(INDEX)
        for low, high in blocks(len(causing)):
            some = causing[low:high]
            mine = Exact(exact.values[some], exact.numerator, exact.denominator, exact.bound)
            amounts = [mine.times(rate.fraction, self.rounding) for rate in self.rates]
            for slot, payee in enumerate(walk.payees(some)):
                generation = slot % len(self.rates)
                paid = np.where(payee == setting.size, MINOR(0), amounts[generation])
                yield generation + 1, some, payee, paid

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim for every payee the sum of his generations' amounts, each rounded once a source."""
        size = view.setting.size
        tally = Tally(size + 1)
        for _, _, payee, amount in self._paid(view.setting, np.arange(size)):
            tally.add(payee, amount)
        sums = tally.sums(f"policy {self.name!r}")[:size]
        payees = np.flatnonzero(sums).astype(INDEX)
        return payees, sums[payees]

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return a part for each source and generation that pays the member."""
        exact = self._base(view.setting)
        below = np.arange(member + 1, member + int(view.setting.tree.size[member]))
        found = []
        for generation, sources, payee, amount in self._paid(view.setting, below):
            for at in np.flatnonzero((payee == member) & (amount > 0)).tolist():
                source, rate = int(sources[at]), str(self.rates[generation - 1])
                base = int(exact.fraction(source))
                found.append(
                    Detail(amount=int(amount[at]), source=source, level=generation, base=base, rate=rate)
                )
        return tuple(sorted(found, key=lambda part: (part.level, part.source)))

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return what the nearest source below the member has for him."""
        setting, walk, exact = view.setting, self._walk(view.setting), self._base(view.setting)
        below = np.arange(member + 1, member + int(setting.tree.size[member]))
        below = below[exact.values[below] > 0]
        if not len(below):
            return Reason.ZERO_RATE, "nobody below has any"
        nearest = int(below[np.argmin(setting.tree.depth[below])])
        mine = [hop for hop in walk.hops(nearest) if member in (hop.member, hop.payee)]
        paid = next((hop for hop in mine if hop.payee == member), None)
        if paid is not None:
            worth = self.rates[paid.level - 1].fraction * exact.fraction(nearest)
            return (Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE), ""
        return (mine[0].reason, mine[0].detail) if mine else (Reason.BEYOND_DEPTH, "")
