"""Matching by generation: a share of what the downline earned, for every member of the upline."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, IndexArray, MinorArray
from fenxiao._kernels.tally import Tally
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.expressions import Predicate
from fenxiao.money import FLOOR, Rate, Rounding, mul_div
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.fields import choice, condition_of, rounding_of
from fenxiao.policies.generations import check_generations, generation_rates
from fenxiao.policies.level_bonus import names_of, pay_of

if TYPE_CHECKING:
    from fenxiao.expressions import Measure

_CONDITION: Final = instance_of(Predicate, error=PlanError)


@final
@attrs.frozen(kw_only=True)
class GenerationMatch(PeriodPolicy):
    """A share of what the downline earned, by generation, for every member of the upline.

    A member's generation 1 is his downline down to and with the first members who meet `boundary`, his
    generation 2 what is below these down to the next, and so on. One amount a payee and generation,
    ``round(earned * rate)``.

    Parameters
    ----------
    name : str
        Unique in the plan.
    of : str or list of str
        The policies whose pay is matched; they stand in earlier stages.
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
        No rates or more than 64; a matched policy that is not in an earlier stage.

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

    of: tuple[str, ...] = attrs.field(converter=names_of)
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

    def matched(self) -> tuple[str, ...]:
        """Return the policies whose pay is read."""
        return self.of

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        more = () if self.eligible is None else self.eligible.measures()
        return (*self.boundary.measures(), *more)

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        more = () if self.eligible is None else self.eligible.member_columns()
        return (*self.boundary.member_columns(), *more)

    def _generations(self, view: PeriodView) -> list[MinorArray]:
        """Return what each member's generations earned, generation by generation (int64 [members])."""
        tree = view.setting.tree
        earned = pay_of(view, self.of, self.counting)
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
        return found

    def _amounts(self, view: PeriodView) -> list[MinorArray]:
        eligible = None if self.eligible is None else view.setting.mask_of(self.eligible)
        amounts = []
        for base, rate in zip(self._generations(view), self.rates, strict=True):
            paid = mul_div(base, rate.numerator, rate.denominator, self.rounding)
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
            Detail(amount=int(paid[member]), level=level, base=int(base[member]), rate=str(rate))
            for level, (base, paid, rate) in enumerate(pairs, start=1)
            if paid[member]
        )

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that the member is not eligible, or that nobody earned anything below him."""
        if self.eligible is not None and not view.setting.mask_of(self.eligible)[member]:
            return Reason.NOT_ELIGIBLE, self.eligible.describe(view.setting, member)
        return Reason.ZERO_RATE, "nobody in his generations earned enough"
