"""Same-rank bonus (平级奖): for uplines of the rank that took a differential's step."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, FlagArray, IndexArray, MinorArray
from fenxiao._kernels.tally import greatest
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.expressions import Base, Exact
from fenxiao.money import FLOOR, Rate, Rounding, mul_div
from fenxiao.policies.base import DEPTH_MAX, Claims, Hop, OrderPolicy
from fenxiao.policies.differentials import PreparedDifferential, RankDifferential
from fenxiao.policies.fields import check_rates, condition_of, rounding_of, schedule_of
from fenxiao.policies.schedules import Fixed

if TYPE_CHECKING:
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting

_ONE: Final = Fraction(1)
_STEP: Final = "step"


def _rates(values: Any) -> tuple[Rate, ...]:
    cells = schedule_of(values)
    if not cells or any(isinstance(cell, Fixed) for cell in cells):
        raise PlanError("rates", "are none, or fixed money", value=values, allowed="a rate a person")
    return cells  # type: ignore[return-value]  # checked right above


def _base(value: object) -> Base | str:
    return _STEP if value == _STEP else Base.from_data(value)


@final
@attrs.frozen(kw_only=True)
class SameRankBonus(OrderPolicy):
    """Pays the next uplines of the same rank, on top of a differential, to so many people.

    For each step of the differential, the next people above who took it who have its taker's rank, and who
    are met before anybody of a higher rank, get ``rates[0]``, ``rates[1]``, ... of the base. Nothing of it
    is taken off the next step.

    Parameters
    ----------
    name : str
        Unique in the plan.
    of : str
        Name of the `RankDifferential` whose steps are followed; ranks are those of its `rank_column`, which
        needs an order.
    base : str or Base
        What the rates are rates of: an order's base, or ``"step"`` for what the step claims. Always written.
    rates : list
        A rate for the first person of the same rank, the second, ...: as many as are paid.
    eligible : Predicate
        Who may be paid; everybody if left out. The others are passed over.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        No rates, or more than 64 steps and people; a differential that the plan does not have.

    Examples
    --------
    >>> SameRankBonus("peers", of="career", base="step", rates=["10%"]).rates
    (Rate("10%"),)
    """

    kind: ClassVar[str] = "same_rank_bonus"

    of: str = attrs.field(validator=instance_of(str, filled=True, error=PlanError))
    base: Base | str = attrs.field(converter=_base)
    rates: tuple[Rate, ...] = attrs.field(converter=_rates)
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        if len(self.rates) > DEPTH_MAX:
            raise PlanError(
                f"policy {self.name!r}", "pays too many people", value=len(self.rates), allowed="64"
            )
        check_rates(self.name, self.rates, above_100=self.above_100)

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order."""
        if not self.measures():
            return ()
        return (f"policy {self.name!r}: reads {', '.join(dict.fromkeys(map(repr, self.measures())))}",)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.eligible is None else self.eligible.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return () if self.eligible is None else self.eligible.member_columns()

    def prepare(self, setting: Setting) -> _PreparedPeers:
        """Return the policy made ready for one setting: who of the same rank comes next above whom."""
        return _PreparedPeers.of(self, setting)


@final
@attrs.frozen(eq=False, kw_only=True)
class _PreparedPeers:
    """A `SameRankBonus` made ready for one setting.

    ``peer`` leads to the next of the same rank before any higher one (int32 [members + 1]).
    """

    policy: SameRankBonus
    setting: Setting
    steps: PreparedDifferential
    peer: IndexArray
    eligible: FlagArray

    @classmethod
    def of(cls, policy: SameRankBonus, setting: Setting) -> _PreparedPeers:
        thing = f"policy {policy.name!r}, of"
        followed = setting.policy(policy.of, RankDifferential, thing)
        ranks = setting.ranks(followed.rank_column, thing)
        everybody = np.ones(setting.size, dtype=FLAG)
        eligible = everybody if policy.eligible is None else setting.mask_of(policy.eligible)
        nobody = INDEX(setting.size)
        peer = np.full(setting.size + 1, nobody, dtype=INDEX)
        codes = np.append(ranks.codes, INDEX(-1))
        for rank in range(len(ranks.values)):
            mine = np.flatnonzero(ranks.codes == rank)
            if len(mine):
                same = (ranks.codes == rank) & eligible
                above = nearest_marked(setting.tree.sponsor_pointer, same | (ranks.codes > rank))[mine]
                peer[mine] = np.where(codes[above] == rank, above, nobody)
        steps = PreparedDifferential.of(followed, setting)
        return cls(policy=policy, setting=setting, steps=steps, peer=peer, eligible=eligible)

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a step and person."""
        exact = None if isinstance(self.policy.base, str) else self.policy.base.value(block)
        payees, amounts = list[IndexArray](), list[MinorArray]()
        for taker, worth in self.steps.takers_and_worth(block):
            here = taker
            for rate in self.policy.rates:
                here = np.take(self.peer, here, mode="clip")
                payees.append(here)
                amounts.append(self._amounts(rate, worth, here, exact))
        slots, people = len(payees), len(self.policy.rates)
        shape = (slots, len(block))
        amount = np.stack(amounts) if slots else np.zeros(shape, dtype=MINOR)
        return Claims(
            amount=amount,
            levels=tuple(range(1, people + 1)) * (slots // people),
            payee=np.stack(payees) if slots else np.full(shape, INDEX(self.setting.size)),
            bound=greatest(amount.ravel()),
            base_of=None if exact is None else (lambda: exact.times(_ONE)),
            rate_of=lambda slot, _: str(self.policy.rates[slot % people]),
        )

    def _amounts(self, rate: Rate, worth: MinorArray, here: IndexArray, exact: Exact | None) -> MinorArray:
        if exact is None:
            paid = mul_div(worth, rate.numerator, rate.denominator, self.policy.rounding)
        else:
            paid = exact.times(rate.fraction, self.policy.rounding)
        # A step that is worth nothing has no peers to reward.
        return np.where((here == self.setting.size) | (worth == 0), MINOR(0), paid)

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:  # noqa: ARG002  # protocol
        """Return why a peer who is found claims nothing."""
        return Reason.ROUNDED_TO_ZERO

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the people of the same rank above each step of one line."""
        member, nobody = int(block.member[line]), self.setting.size
        if member == nobody:
            return [Hop(1, nobody, nobody, Reason.NO_MEMBER)]
        hops, sponsors = list[Hop](), self.setting.tree.sponsor_pointer
        for taker, worth in self.steps.takers_and_worth(block):
            if not worth[line]:
                continue
            here = int(taker[line])
            for person in range(1, len(self.policy.rates) + 1):
                peer, at = int(self.peer[here]), int(sponsors[here])
                while at not in (peer, nobody):
                    hops.append(Hop(person, at, nobody, *self._why_passed(at)))
                    at = int(sponsors[at])
                if peer == nobody:
                    break
                hops.append(Hop(person, peer, peer, Reason.PAID))
                here = peer
        return hops or [Hop(1, nobody, nobody, Reason.NO_UPLINE)]

    def _why_passed(self, person: int) -> tuple[Reason, str]:
        condition = self.policy.eligible
        if condition is not None and not self.eligible[person]:
            return Reason.NOT_ELIGIBLE, condition.describe(self.setting, person)
        rank = self.setting.member_column(self.steps.policy.rank_column).value(person)
        return Reason.NOT_ENTITLED, f"rank {rank} is not the rank that took the step"
