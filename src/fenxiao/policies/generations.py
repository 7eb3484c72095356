"""Generation bonuses (代数奖): rates by how many leaders stand between, not by how many members."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR
from fenxiao._kernels.tally import exact_sum
from fenxiao.errors import Reason
from fenxiao.policies.base import Claims, Hop, OrderPolicy
from fenxiao.policies.fields import base_of, beyond_an_order, where_of
from fenxiao.policies.generation_tracks import GenerationFields, GenerationTracks

if TYPE_CHECKING:
    from fenxiao.expressions import Base, Where
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting

_ONE: Final = Fraction(1)


@final
@attrs.frozen(kw_only=True)
class GenerationBonus(GenerationFields, OrderPolicy):
    """A rate of an order's base for each generation of leaders above the credited member.

    Each line is ``round(base * rate)``. Generation 1 is the nearest leader above the credited member.

    Parameters
    ----------
    name : str
        Unique in the plan.
    base : str or Base
        What the rates are rates of.
    rates : list
        A rate by generation.
    from_rank : str
        Who is a leader: this rank or a higher one.
    rank_column : str
        The column of ranks; it needs an order (`Ladder`, `GivenRanks`).
    boundary : {"any", "own_rank"}
        ``any``: every leader closes a generation. ``own_rank``: generations are counted anew for each rank;
        a payee is paid as the k-th among the leaders of his own rank or a higher one. Then an order may cost
        the table once for every rank.
    eligible : Predicate
        Which leaders may be paid; all if left out.
    if_not : {"company", "roll_up"}
        ``company``: a leader who is not eligible closes his generation unpaid. ``roll_up``: he closes none.
    where : Where
        Which order lines count; all if left out.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        No rates or more than 64, fixed money, an unknown choice; a rank that there is not.

    Examples
    --------
    >>> bonus = GenerationBonus(
    ...     "generations", base="cv", rates=["5%", "3%"], from_rank="director", if_not="company"
    ... )
    >>> bonus.boundary
    'any'
    """

    kind: ClassVar[str] = "generation_bonus"

    base: Base = attrs.field(converter=base_of)
    where: Where | None = attrs.field(default=None, converter=where_of)

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order."""
        return beyond_an_order(self.name, self.measures(), self.where)

    def prepare(self, setting: Setting) -> _PreparedGenerations:
        """Return the policy made ready for one setting: one pointer array a boundary."""
        return _PreparedGenerations(policy=self, setting=setting, walk=GenerationTracks.of(self, setting))


@final
@attrs.frozen(eq=False, kw_only=True)
class _PreparedGenerations:
    """A `GenerationBonus` made ready for one setting."""

    policy: GenerationBonus
    setting: Setting
    walk: GenerationTracks

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a track and generation."""
        payees, exact = self.walk.payees(block.member), self.policy.base.value(block)
        selected = None if self.policy.where is None else self.policy.where.mask(block)
        generations = len(self.policy.rates)
        amount = np.empty(payees.shape, dtype=MINOR)
        for generation, rate in enumerate(self.policy.rates):
            paid = exact.times(rate.fraction, self.policy.rounding)
            if selected is not None:
                paid = np.where(selected, paid, MINOR(0))
            amount[generation::generations] = paid
        planned = block.member != self.setting.size
        breakage = 0
        for slot, payee in enumerate(payees):
            lost = payee == self.setting.size
            if len(self.walk.tracks) == 1:
                breakage += exact_sum(amount[slot][lost & planned])
            amount[slot][lost] = 0
        most = max(rate.fraction for rate in self.policy.rates)
        share = -(-exact.bound * exact.numerator * most.numerator // (exact.denominator * most.denominator))
        return Claims(
            amount=amount,
            levels=tuple(range(1, generations + 1)) * len(self.walk.tracks),
            route=self.walk.payees,
            breakage=breakage,
            bound=share + self.policy.rounding.step,
            base_of=lambda: exact.times(_ONE),
            rate_of=lambda slot, _: str(self.policy.rates[slot % generations]),
        )

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:
        """Return why a generation that has a payee claims nothing."""
        worth = self.policy.rates[level - 1].fraction * self.policy.base.value(block).fraction(line)
        return Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the walk of one line along every track, also of those who are passed over."""
        member, nobody = int(block.member[line]), self.setting.size
        if member == nobody:
            return [Hop(1, nobody, nobody, Reason.NO_MEMBER)]
        selected = None if self.policy.where is None else self.policy.where.mask(block)
        if selected is not None and not selected[line]:
            return [Hop(1, nobody, nobody, Reason.NOT_SELECTED)]
        return self.walk.hops(member)
