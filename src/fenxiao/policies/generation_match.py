"""Matching by generation: a share of what the downline earned, for every member of the upline."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, IndexArray, MinorArray
from fenxiao._columns import Amounts
from fenxiao._kernels.tally import Tally, greatest
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.expressions import Exact, Measure, Predicate, identity
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.fields import choice, condition_of, measure_field, rounding_of
from fenxiao.policies.generation_tracks import check_generations, generation_rates
from fenxiao.policies.level_bonus import money_of, names_of, pay_of

_ONE: Final = Fraction(1)


def _names(values: object) -> tuple[str, ...]:
    return () if isinstance(values, list | tuple) and not values else names_of(values)


def _measure(value: object) -> Measure | None:
    return None if value is None else measure_field(value)


@final
@attrs.frozen(kw_only=True)
class GenerationMatch(PeriodPolicy):
    """A share of what the downline earned or turned over, by generation, for every member of the upline.

    A member's generation 1 is his downline down to and with the first members who meet `boundary`, his
    generation 2 what is below these down to the next, and so on. One amount a payee and generation,
    ``round(earned * rate)``.

    Parameters
    ----------
    name : str
        Unique in the plan.
    of : str or list of str
        The policies whose pay is matched; they stand in earlier stages.
    on : Measure
        In place of `of`: what the downline turned over, ``own("bv")``. One whole unit counts as one unit of
        the currency; what is negative counts as 0.
    rates : list
        A rate by generation.
    boundary : Predicate
        Who closes a generation.
    eligible : Predicate
        Who is paid; everybody if left out.
    counting : {"allowed", "claimed"}
        As in `MatchingBonus`.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        No rates or more than 64; both or neither of `of` and `on`; a matched policy that is named twice, that
        claims nothing by its nature, or that is not in an earlier stage.

    Examples
    --------
    >>> from fenxiao.expressions import column
    >>> match = GenerationMatch(
    ...     "match", of="binary", rates=["3%", "3%"], boundary=column("rank") >= "gold", stage=2
    ... )
    >>> len(match.rates)
    2
    """

    kind: ClassVar[str] = "generation_match"

    of: tuple[str, ...] = attrs.field(default=(), converter=_names)
    on: Measure | None = attrs.field(default=None, converter=_measure, eq=identity)
    rates: tuple[Rate, ...] = attrs.field(converter=generation_rates)
    boundary: Predicate = attrs.field(
        converter=condition_of, validator=instance_of(Predicate, error=PlanError)
    )
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    counting: str = attrs.field(default="allowed", validator=choice(("allowed", "claimed")))
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        check_generations(self.name, self.rates, above_100=self.above_100)
        if bool(self.of) == (self.on is not None):
            raise PlanError(
                f"policy {self.name!r}", "needs one of two things to take shares of", allowed="of or on"
            )

    def matched(self) -> tuple[str, ...]:
        """Return the policies whose pay is read."""
        return self.of

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        more = () if self.eligible is None else self.eligible.measures()
        turned = () if self.on is None else self.on.measures()
        return (*self.boundary.measures(), *more, *turned)

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        more = () if self.eligible is None else self.eligible.member_columns()
        turned = () if self.on is None else self.on.member_columns()
        return (*self.boundary.member_columns(), *more, *turned)

    def _earned(self, view: PeriodView) -> Exact:
        """Return what each member earned or turned over."""
        setting = view.setting
        if self.on is None:
            return money_of(
                Amounts(pay_of(view, self.of, self.counting), setting.decimals), setting.decimals, _ONE
            )
        return money_of(setting.measure(self.on), setting.decimals, _ONE)

    def _generations(self, view: PeriodView) -> list[Exact]:
        """Return what each member's generations earned, generation by generation."""
        tree = view.setting.tree
        exact = self._earned(view)
        earned = exact.values
        closes = view.setting.mask_of(self.boundary)
        leaders = np.flatnonzero(closes)
        above = tree.nearest_ancestor(closes)[leaders]

        def below(values: MinorArray) -> MinorArray:
            """Return the sums of leaders' values over the first leaders below each member."""
            # A leader below another one must not count for those above both, so he is taken off again there.
            tally = Tally(len(tree) + 1)
            tally.add(above, values[leaders])
            net = np.zeros(len(tree), dtype=MINOR)
            net[leaders] = values[leaders] - tally.sums("a generation")[leaders]
            found: MinorArray = tree.subtree_sum(net) - net
            return found

        whole = tree.subtree_sum(earned)
        # Down to the first leaders below: all that is below without what is below these.
        first = whole - earned - below(whole - earned)
        found = [first]
        for _ in self.rates[1:]:
            found.append(below(found[-1]))
        return [Exact(each, exact.numerator, exact.denominator, greatest(each)) for each in found]

    def _amounts(self, view: PeriodView) -> list[MinorArray]:
        eligible = None if self.eligible is None else view.setting.mask_of(self.eligible)
        amounts = []
        for base, rate in zip(self._generations(view), self.rates, strict=True):
            paid = base.times(rate.fraction, self.rounding)
            amounts.append(paid if eligible is None else np.where(eligible, paid, MINOR(0)))
        return amounts

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim for every member the sum over his generations."""
        size = view.setting.size
        tally, everybody = Tally(size), np.arange(size)
        for amount in self._amounts(view):
            tally.add(everybody, amount)
        sums = tally.sums(f"policy {self.name!r}")
        payees = np.flatnonzero(sums).astype(INDEX)
        return payees, sums[payees]

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return a part for each generation."""
        pairs = zip(self._generations(view), self._amounts(view), self.rates, strict=True)
        return tuple(
            Detail(amount=int(paid[member]), level=level, base=int(base.fraction(member)), rate=str(rate))
            for level, (base, paid, rate) in enumerate(pairs, start=1)
            if paid[member]
        )

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that the member is not eligible, or that nobody earned anything below him."""
        if self.eligible is not None and not view.setting.mask_of(self.eligible)[member]:
            return Reason.NOT_ELIGIBLE, self.eligible.describe(view.setting, member)
        return Reason.ZERO_RATE, "nobody in his generations earned enough"
