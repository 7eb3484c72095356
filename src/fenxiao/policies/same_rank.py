"""Same-rank bonus (平级奖): what the next of a step's own rank get on top of a rank differential."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, FlagArray, IndexArray, MinorArray
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import PlanError, Reason, instance_of, is_one_of
from fenxiao.expressions import Base, Exact, pairs_of
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import DEPTH_MAX, Claims, Hop, OrderPolicy
from fenxiao.policies.checks import NO_LEVEL
from fenxiao.policies.differentials import PreparedDifferential, RankDifferential
from fenxiao.policies.fields import check_rates, rounding_of
from fenxiao.policies.schedules import RateTable
from fenxiao.policies.walk_fields import WalkFields

if TYPE_CHECKING:
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting

_ONE: Final = Fraction(1)
_STEP: Final = "step"
RateList = tuple[Rate, ...]


def _rates(values: object) -> RateList:
    if not isinstance(values, list | tuple):
        raise PlanError("rates", "are not a list", value=values, allowed='by person, such as ["10%", "5%"]')
    return tuple(Rate.of(value) for value in values)


def _by_rank(table: object) -> tuple[tuple[str, RateList], ...]:
    pairs = pairs_of(table, "by_rank", allowed='such as {"gold": ["10%", "5%"]}')
    return tuple((key, _rates(row)) for key, row in pairs)


def _base(value: object) -> Base | str:
    return _STEP if is_one_of(value, (_STEP,)) else Base.from_data(value)


@final
@attrs.frozen(kw_only=True)
class SameRankBonus(WalkFields, OrderPolicy):
    """Pays the next of the same rank above somebody who takes a step of a rank differential.

    For each step of the differential, the nearest above its payee who have his rank and stand below everybody
    of a higher rank are person 1, person 2, ...: each gets ``round(rate * base)``, on top of the differential
    and never deducted from it. Whoever is not there for the differential is not there for the bonus either. A
    step that is not paid (`RankDifferential.blocks`), or is worth nothing, has no bonus.

    A line's level counts through the steps: person 1 of the first step, person 2 of the first step, and so
    on, then person 1 of the second step.

    Parameters
    ----------
    name : str
        Unique in the plan.
    of : str
        Name of a `RankDifferential` of the same plan. Its rank column needs an order (a `Ladder`, or
        `GivenRanks`).
    base : str or Base
        What the rates are rates of: an order's base, or ``"step"`` for what the step's payee claims. Always
        written.
    rates : list
        By person; as many people are paid as there are rates.
    by_rank : mapping
        In place of `rates`: a list by rank; a rank that is left out has no bonus.
    eligible : Predicate
        Who may be paid; everybody if left out. The others are skipped.
    where : Where
        Which order lines count, beside the differential's own; all if left out.
    rounding : Rounding or str
        ``floor`` (default), ``half_up``, ``half_even``, ``ceiling``.
    above_100 : bool
        Allow rates above 100 %.

    Raises
    ------
    PlanError
        Not exactly one table, more than 64 people, no such differential, ranks without
        an order.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> SameRankBonus("peers", of="career", base="paid", rates=["1%", "0.5%"]).people
    2
    """

    kind: ClassVar[str] = "same_rank_bonus"
    tables: ClassVar[tuple[str, ...]] = ("by_rank",)

    of: str = attrs.field(validator=instance_of(str, filled=True, error=PlanError))
    base: Base | str = attrs.field(converter=_base)
    rates: RateList = attrs.field(default=(), converter=_rates)
    by_rank: tuple[tuple[str, RateList], ...] = attrs.field(default=(), converter=_by_rank)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        if bool(self.rates) == bool(self.by_rank):
            raise self.error("needs exactly one table", allowed="rates or by_rank")
        if not 1 <= self.people <= DEPTH_MAX:
            raise self.error("pays no or too many people", value=self.people, allowed="1 to 64 rates")
        cells = [rate for row in self._rows for rate in row]
        check_rates(self.name, cells, "rates" if self.rates else "by_rank", above_100=self.above_100)

    @property
    def _rows(self) -> tuple[RateList, ...]:
        return (self.rates, *(row for _, row in self.by_rank))

    @property
    def people(self) -> int:
        """Return how many people a step pays at the most."""
        return max(len(row) for row in self._rows)

    def prepare(self, setting: Setting) -> PreparedSameRank:
        """Return the policy made ready for one setting: who is next of the same rank."""
        return PreparedSameRank.of(self, setting)

    def table(self, ranks: tuple[str, ...]) -> list[RateList]:
        """Return the rates of each rank.

        Raises
        ------
        PlanError
            `by_rank` names a rank that the column does not have.
        """
        strange = [key for key, _ in self.by_rank if key not in ranks]
        if strange:
            raise self.error("names ranks that there are not", value=strange, allowed=", ".join(ranks))
        rows = dict(self.by_rank)
        return [rows.get(rank, ()) if self.by_rank else self.rates for rank in ranks]


@final
@attrs.frozen(eq=False, kw_only=True)
class PreparedSameRank:
    """A `SameRankBonus` made ready for one setting.

    Attributes
    ----------
    differential : the differential whose steps it follows
    ranks : names, lowest first
    rank : int32 [members + 1], the place of each member's rank; the number of ranks for nobody
    here : bool [members], who is there for the differential
    peer : int32 [members + 1], the next above of the same rank, below everybody of a higher one
    schedules : the rates of each rank as the plan writes them
    table : the rates by rank and person, a row for nobody at the end
    """

    policy: SameRankBonus
    setting: Setting
    differential: PreparedDifferential
    ranks: tuple[str, ...]
    rank: IndexArray
    here: FlagArray
    peer: IndexArray
    schedules: tuple[RateList, ...]
    table: RateTable

    @classmethod
    def of(cls, policy: SameRankBonus, setting: Setting) -> PreparedSameRank:
        """Find the differential and build the pointers."""
        wanted = setting.policy(policy.of, RankDifferential, f"{policy.thing}, of")
        column = setting.ranks(wanted.rank_column, policy.thing)
        ranks = tuple(map(str, column.values))
        schedules = policy.table(ranks)
        table = RateTable.of((*schedules, ()), policy.people, setting.decimals, policy.thing)
        here = np.ones(setting.size, dtype=FLAG)
        if wanted.eligible is not None and not wanted.blocks:
            here = setting.mask_of(wanted.eligible)
        may = here if policy.eligible is None else here & setting.mask_of(policy.eligible)
        return cls(
            policy=policy,
            setting=setting,
            differential=wanted.prepare(setting),
            ranks=ranks,
            rank=np.append(column.codes, INDEX(len(ranks))).astype(INDEX),
            here=here,
            peer=_peers(setting, column.codes, len(ranks), here, may),
            schedules=tuple(schedules),
            table=table,
        )

    @property
    def slots(self) -> int:
        """Return the number of slots: so many people for each step."""
        return self.differential.slots * self.policy.people

    def _peers_of(self, takers: IndexArray) -> IndexArray:
        """Return the people of each step (int32 [slots, n]), given who takes the steps."""
        found = []
        for here in self.differential.ascents[0].paid(takers):
            for _ in range(self.policy.people):
                here = np.take(self.peer, here, mode="clip")
                found.append(here)
        return np.array(found, dtype=INDEX).reshape(-1, takers.shape[1])

    def payees(self, member: IndexArray) -> IndexArray:
        """Return who is paid (int32 [slots, n]) where all lines have the differential's first rates."""
        return self._peers_of(self.differential.ascents[0].takers(member))

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a step and person."""
        takers, steps = self.differential.takers_and_worth(block)
        people, selected = self._peers_of(takers), self._selected(block)
        amount = np.zeros((self.slots, len(block)), dtype=MINOR)
        bound = 0
        for slot, payee in enumerate(people):
            step, person = divmod(slot, self.policy.people)
            rates = self.table.rates[np.take(self.rank, payee, mode="clip"), person]
            exact = self._exact(block, steps[step])
            amount[slot] = exact.at_rates(rates, self.table.denominator, self.policy.rounding)
            amount[slot][steps[step] == 0] = 0
            most = int(self.table.rates.max()) * exact.bound * exact.numerator
            bound = max(bound, -(-most // (self.table.denominator * exact.denominator)))
        if selected is not None:
            amount[:, ~selected] = 0
        given = self.differential.policy.by_product or not self.slots
        return Claims(
            amount=amount,
            levels=tuple(range(1, self.slots + 1)),
            payee=people if given else None,
            route=None if given else self.payees,
            bound=bound + self.policy.rounding.step,
            base_of=lambda: self._bases(block, steps),
            rate_of=lambda slot, line: self._rate_text(int(people[slot, line]), slot),
        )

    def _bases(self, block: OrderBlock, steps: MinorArray) -> MinorArray:
        """Return the floor of what the rates of each slot are rates of (int64 [slots, lines])."""
        bases = [self._exact(block, step).times(_ONE) for step in steps]
        return np.repeat(np.array(bases, dtype=MINOR), self.policy.people, axis=0)

    def _exact(self, block: OrderBlock, step: MinorArray) -> Exact:
        """Return what the rates are rates of, given what a step is worth."""
        if isinstance(self.policy.base, Base):
            return self.policy.base.value(block)
        return Exact(step, 1, 1, int(step.max(initial=0)))

    def _selected(self, block: OrderBlock) -> FlagArray | None:
        masks = [self.policy.selected(block), self.differential.selected(block)]
        given = [mask for mask in masks if mask is not None]
        return np.logical_and.reduce(given) if given else None

    def _rate_text(self, payee: int, slot: int) -> str:
        return str(self.schedules[int(self.rank[payee])][slot % self.policy.people])

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:
        """Return why somebody who stands in the place of a person claims nothing."""
        step, person = divmod(level - 1, self.policy.people)
        takers, steps = self.differential.takers_and_worth(block)
        payee = int(self._peers_of(takers)[level - 1, line])
        worth = self._exact(block, steps[step]).fraction(line) * int(
            self.table.rates[self.rank[payee], person]
        )
        return Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell for everybody from the credited member up whether he is a person of a step, or why not."""
        nobody, sponsors = self.setting.size, self.setting.tree.sponsor_pointer
        selected = self._selected(block)
        if int(block.member[line]) == nobody:
            return [Hop(NO_LEVEL, nobody, nobody, Reason.NO_MEMBER)]
        if selected is not None and not selected[line]:
            return [Hop(NO_LEVEL, nobody, nobody, Reason.NOT_SELECTED)]
        one = self.differential.ascent_of(block, line).takers(block.member[line : line + 1])
        takers = set(self.differential.ascents[0].paid(one)[:, 0].tolist())
        place = {payee: slot for slot, payee in reversed(list(enumerate(self._peers_of(one)[:, 0].tolist())))}
        at, below, hops = int(block.member[line]), list[int](), list[Hop]()
        while at != nobody:
            step, person = divmod(place.get(at, 0), self.policy.people)
            if at in place and person < len(self.schedules[self.rank[at]]):
                detail = f"person {person + 1} of rank {self.ranks[self.rank[at]]} above step {step + 1}"
                hops.append(Hop(place[at] + 1, at, at, Reason.PAID, detail))
            else:
                hops.append(Hop(NO_LEVEL, at, nobody, *self._why_passed(at, below, takers)))
            below.append(at)
            at = int(sponsors[at])
        return hops

    def _why_passed(self, person: int, below: list[int], takers: set[int]) -> tuple[Reason, str]:
        """Return why somebody is no paid person; `below` are those below him, upwards."""
        mine = [at for at, who in enumerate(below) if who in takers and self.rank[who] == self.rank[person]]
        if not mine:
            return Reason.NOT_ENTITLED, "nobody of his rank takes a paid step below him"
        for condition in (self.differential.policy.eligible, self.policy.eligible):
            if condition is not None and not self.setting.mask_of(condition)[person]:
                return Reason.NOT_ELIGIBLE, condition.describe(self.setting, person)
        between = below[mine[-1] :]
        if any(self.here[who] and self.rank[who] > self.rank[person] for who in between):
            return Reason.STOPPED, "somebody of a higher rank stands between"
        return Reason.BEYOND_DEPTH, f"paid people of his rank: {len(self.schedules[self.rank[person]])}"


def _peers(setting: Setting, rank: IndexArray, ranks: int, here: FlagArray, may: FlagArray) -> IndexArray:
    """Return who is next above of everybody's rank, below everybody of a higher one (int32 [members + 1]).

    Parameters
    ----------
    rank : int32 [members], in ``0 .. ranks - 1``
    here : bool [members], who is there at all
    may : bool [members], who may be paid
    """
    size = setting.size
    peer = np.full(size + 1, size, dtype=INDEX)
    for place in range(ranks):
        mine = np.flatnonzero(rank == place)
        if len(mine):
            marked = here & (rank > place) | may & (rank == place)
            above = nearest_marked(setting.tree.sponsor_pointer, marked)[mine]
            same = np.append(rank, INDEX(NO_LEVEL))[above] == place
            peer[mine] = np.where(same, above, INDEX(size))
    return peer
