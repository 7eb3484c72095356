"""Generations of leaders: the fields that policies share, and who is paid in which generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, FlagArray, IndexArray
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import DEPTH_MAX, Hop
from fenxiao.policies.fields import check_rates, choice, condition_of, rounding_of, schedule_of
from fenxiao.policies.schedules import Fixed

if TYPE_CHECKING:
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.policies.setting import Setting

_BOUNDARY: Final = ("any", "own_rank")
_IF_NOT: Final = ("company", "roll_up")
_NAME: Final = instance_of(str, filled=True, error=PlanError)


def generation_rates(values: Any) -> tuple[Rate, ...]:
    """Return rates by generation."""
    cells = schedule_of(values)
    if any(isinstance(cell, Fixed) for cell in cells):
        raise PlanError("rates", "hold fixed money", allowed="rates by generation")
    return cells  # type: ignore[return-value]  # checked right above


def check_generations(name: str, rates: tuple[Rate, ...], *, above_100: bool) -> None:
    """Refuse no generations, too many of them, and rates that the plan does not mean."""
    if not 1 <= len(rates) <= DEPTH_MAX:
        raise PlanError(
            f"policy {name!r}, rates", "are none or too many", value=len(rates), allowed="1 to 64"
        )
    check_rates(name, rates, above_100=above_100)


@attrs.frozen(kw_only=True, slots=False)  # two bases cannot both have slots
class GenerationFields:
    """Fields of policies that pay leaders by generation; see `GenerationBonus`."""

    rates: tuple[Rate, ...] = attrs.field(converter=generation_rates)
    from_rank: str = attrs.field(validator=_NAME)
    rank_column: str = attrs.field(default="rank", validator=_NAME)
    boundary: str = attrs.field(default="any", validator=choice(_BOUNDARY))
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    if_not: str = attrs.field(
        default="", validator=choice(_IF_NOT, 'Write if_not="company" or if_not="roll_up"')
    )
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        check_generations(self.name, self.rates, above_100=self.above_100)  # type: ignore[attr-defined]  # policies have a name

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.eligible is None else self.eligible.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        read = () if self.eligible is None else self.eligible.member_columns()
        return (*read, self.rank_column)


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
class GenerationTracks:
    """Who is paid in which generation, made ready for one setting: slots by track, then by generation.

    Attributes
    ----------
    tracks : one pointer array a boundary
    leader, eligible : bool [members]
    """

    policy: GenerationFields
    setting: Setting
    tracks: tuple[_Track, ...]
    leader: FlagArray
    eligible: FlagArray

    @classmethod
    def of(cls, policy: GenerationFields, setting: Setting) -> GenerationTracks:
        """Evaluate ranks and conditions, and build the pointers.

        Raises
        ------
        PlanError
            The ranks have no order, or the lowest leaders' rank is none of them.
        """
        name = f"policy {policy.name!r}"  # type: ignore[attr-defined]  # policies have a name
        ranks = setting.ranks(policy.rank_column, name)
        if policy.from_rank not in ranks.values:
            raise PlanError(
                f"{name}, from_rank",
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
        leader = ranks.codes >= least
        return cls(policy=policy, setting=setting, tracks=tuple(tracks), leader=leader, eligible=eligible)

    def payees(self, member: IndexArray) -> IndexArray:
        """Return the payees of every track and generation (int32 [slots, n])."""
        nobody = INDEX(self.setting.size)
        rows = []
        for track in self.tracks:
            here = member
            for _ in self.policy.rates:
                here = np.take(track.up, here, mode="clip")
                rows.append(np.where(np.take(track.paid, here, mode="clip"), here, nobody))
        return np.stack(rows)

    def hops(self, member: int) -> list[Hop]:
        """Tell the walk from a member along every track, also of those who are passed over."""
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
