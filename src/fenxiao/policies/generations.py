"""Generation bonuses (代数奖): rates by how many leaders stand between, not by how many members."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, FlagArray, IndexArray
from fenxiao._kernels.tally import exact_sum
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import DEPTH_MAX, Claims, Hop, OrderPolicy
from fenxiao.policies.fields import (
    base_of,
    check_rates,
    choice,
    condition_of,
    rounding_of,
    schedule_of,
    where_of,
)
from fenxiao.policies.schedules import Fixed

if TYPE_CHECKING:
    from fenxiao.expressions import Base, Measure, Predicate, Where
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting

_BOUNDARY: Final = ("any", "own_rank")
_IF_NOT: Final = ("company", "roll_up")
_ONE: Final = Fraction(1)
_NAME: Final = instance_of(str, filled=True, error=PlanError)


def generation_rates(values: Any) -> tuple[Rate, ...]:
    """Return rates by generation."""
    cells = schedule_of(values)
    if any(isinstance(cell, Fixed) for cell in cells):
        raise PlanError("rates", "hold fixed money", allowed="rates by generation")
    return cells  # type: ignore[return-value]  # checked right above


@final
@attrs.frozen(kw_only=True)
class GenerationBonus(OrderPolicy):
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
    rates: tuple[Rate, ...] = attrs.field(converter=generation_rates)
    from_rank: str = attrs.field(validator=_NAME)
    rank_column: str = attrs.field(default="rank", validator=_NAME)
    boundary: str = attrs.field(default="any", validator=choice(_BOUNDARY))
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    if_not: str = attrs.field(
        default="", validator=choice(_IF_NOT, 'Write if_not="company" or if_not="roll_up"')
    )
    where: Where | None = attrs.field(default=None, converter=where_of)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        check_generations(self.name, self.rates, above_100=self.above_100)

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order."""
        reasons = []
        if self.measures():
            read = ", ".join(dict.fromkeys(map(repr, self.measures())))
            reasons.append(f"policy {self.name!r}: reads {read}")
        if self.where is not None and self.where.first_order:
            reasons.append(f"policy {self.name!r}: where asks for the buyer's first order")
        return tuple(reasons)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.eligible is None else self.eligible.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        read = () if self.eligible is None else self.eligible.member_columns()
        return (*read, self.rank_column)

    def prepare(self, setting: Setting) -> _PreparedGenerations:
        """Return the policy made ready for one setting: one pointer array a boundary."""
        return _PreparedGenerations.of(self, setting)


def check_generations(name: str, rates: tuple[Rate, ...], *, above_100: bool) -> None:
    """Refuse no generations, too many of them, and rates that the plan does not mean."""
    if not 1 <= len(rates) <= DEPTH_MAX:
        raise PlanError(
            f"policy {name!r}, rates", "are none or too many", value=len(rates), allowed="1 to 64"
        )
    check_rates(name, rates, above_100=above_100)


@final
@attrs.frozen(eq=False, kw_only=True)
class _Track:
    """Generations counted along one pointer array.

    ``up`` leads to the next leader (int32 [members + 1]); ``paid`` says which of them this track pays.
    """

    up: IndexArray
    paid: FlagArray


@final
@attrs.frozen(eq=False, kw_only=True)
class _PreparedGenerations:
    """A `GenerationBonus` made ready for one setting: slots by track, then by generation."""

    policy: GenerationBonus
    setting: Setting
    tracks: tuple[_Track, ...]
    leader: FlagArray
    eligible: FlagArray

    @classmethod
    def of(cls, policy: GenerationBonus, setting: Setting) -> _PreparedGenerations:
        ranks = setting.ranks(policy.rank_column, f"policy {policy.name!r}")
        if policy.from_rank not in ranks.values:
            raise PlanError(
                f"policy {policy.name!r}, from_rank",
                "is not one of the ranks",
                value=policy.from_rank,
                allowed=", ".join(ranks.values),
            )
        least = ranks.values.index(policy.from_rank)
        everybody = np.ones(setting.size, dtype=FLAG)
        eligible = everybody if policy.eligible is None else setting.mask_of(policy.eligible)
        closes = everybody if policy.if_not == "company" else eligible
        starts = [least] if policy.boundary == "any" else list(range(least, len(ranks.values)))
        tracks = []
        for rank in starts:
            on = (ranks.codes >= rank) & closes
            paid = eligible & ((ranks.codes == rank) if policy.boundary == "own_rank" else on)
            up = setting.tree.nearest_ancestor(on)
            tracks.append(_Track(up=up, paid=np.append(paid, [False])))
        return cls(
            policy=policy,
            setting=setting,
            tracks=tuple(tracks),
            leader=ranks.codes >= least,
            eligible=eligible,
        )

    def _payees(self, member: IndexArray) -> IndexArray:
        nobody = INDEX(self.setting.size)
        rows = []
        for track in self.tracks:
            here = member
            for _ in self.policy.rates:
                here = np.take(track.up, here, mode="clip")
                rows.append(np.where(np.take(track.paid, here, mode="clip"), here, nobody))
        return np.stack(rows)

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a track and generation."""
        payees, exact = self._payees(block.member), self.policy.base.value(block)
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
            if len(self.tracks) == 1:
                breakage += exact_sum(amount[slot][lost & planned])
            amount[slot][lost] = 0
        most = max(rate.fraction for rate in self.policy.rates)
        share = -(-exact.bound * exact.numerator * most.numerator // (exact.denominator * most.denominator))
        return Claims(
            amount=amount,
            levels=tuple(range(1, generations + 1)) * len(self.tracks),
            route=self._payees,
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
        return [hop for track in self.tracks for hop in self._walk(track, member)]

    def _walk(self, track: _Track, member: int) -> list[Hop]:
        nobody, sponsors = self.setting.size, self.setting.tree.sponsor_pointer
        hops, here = list[Hop](), member
        for generation in range(1, len(self.policy.rates) + 1):
            person, at = int(track.up[here]), int(sponsors[here])
            while at != person:
                hops.append(Hop(generation, at, nobody, *self._why_passed(at)))
                at = int(sponsors[at])
            paid = bool(track.paid[person])
            reason, detail = (Reason.PAID, "") if paid else self._why_unpaid(person)
            hops.append(Hop(generation, person, person if paid else nobody, reason, detail))
            if person == nobody:
                break
            here = person
        return hops

    def _rank(self, person: int) -> str:
        return f"rank {self.setting.member_column(self.policy.rank_column).value(person)}"

    def _why_passed(self, person: int) -> tuple[Reason, str]:
        condition = self.policy.eligible
        if self.leader[person] and condition is not None and not self.eligible[person]:
            return Reason.NOT_ELIGIBLE, condition.describe(self.setting, person)
        return Reason.COMPRESSED, f"{self._rank(person)} closes no generation here"

    def _why_unpaid(self, person: int) -> tuple[Reason, str]:
        if person == self.setting.size:
            return Reason.NO_UPLINE, ""
        condition = self.policy.eligible
        if condition is not None and not self.eligible[person]:
            return Reason.NOT_ELIGIBLE, condition.describe(self.setting, person)
        return Reason.NOT_ENTITLED, f"{self._rank(person)} is counted among its own"
