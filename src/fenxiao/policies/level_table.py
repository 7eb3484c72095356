"""Who is paid at which level, and at what rate: what level policies on orders and on members share."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import (
    BITS,
    INDEX,
    INSTANT,
    MINOR_MIN,
    AnyArray,
    FlagArray,
    IndexArray,
    MinorArray,
    blocks,
)
from fenxiao._columns import Categories, Ranks
from fenxiao.errors import GenealogyError, PlanError, Reason
from fenxiao.genealogy import Spells
from fenxiao.policies.base import DEPTH_MAX, Hop
from fenxiao.policies.schedules import Cell, RateTable
from fenxiao.routes import DatedRoute, Path, SpellRoute, SponsorRoute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao._arrays import InstantArray
    from fenxiao.expressions import Exact
    from fenxiao.policies.level_fields import LevelFields
    from fenxiao.policies.schedules import Schedule
    from fenxiao.policies.setting import Setting
    from fenxiao.routes import Step


_SPELLS_MOST: Final = 2
"""With more spells a member, on the mean, of those who have several, each order climbs by itself."""


@final
@attrs.frozen(eq=False)
class FilledSpells:
    """Whom each source pays, and at which levels, as bits; one more bit marks members who are split.

    ``which`` (int32 [members + 1]) is the place of each of these among those who are split.
    """

    route: SpellRoute
    which: IndexArray
    filled: AnyArray
    mark: int

    @classmethod
    def of(cls, dated: DatedRoute, spells: Spells) -> FilledSpells:
        """Return whom a route of less than 64 levels pays."""
        size, mark = len(dated.path.sponsors.up), 1 << dated.plain.levels
        route = SpellRoute.of(dated, spells)
        filled = filled_of(route.payee, size - 1, mark.bit_length())
        filled[spells.who] |= filled.dtype.type(mark)
        which = np.zeros(size, dtype=INDEX)
        which[spells.who] = np.arange(len(spells.who), dtype=INDEX)
        return cls(route, which, filled, mark)

    def find(self, members: IndexArray, times: InstantArray) -> tuple[IndexArray, AnyArray]:
        """Return the source that each member is at each time (int32 [n]), and the levels that it pays."""
        # Most have one spell: the bits, of which few are kept, say who has not.
        filled = np.take(self.filled, members, mode="clip")
        rows = np.flatnonzero(filled >= self.mark)
        filled &= filled.dtype.type(self.mark - 1)
        which = np.take(self.which, np.take(members, rows, mode="clip"), mode="clip")
        spell = self.route.spells.find(which, np.take(times, rows, mode="clip"))
        firsts = len(self.route.spells.change)
        later = np.flatnonzero(spell >= firsts)
        rows = np.take(rows, later, mode="clip")
        source = np.take(spell, later, mode="clip") + INDEX(len(self.which) - firsts)
        found = members.copy()
        found[rows] = source
        filled[rows] = np.take(self.filled, source, mode="clip")
        return found, filled


@final
@attrs.frozen(eq=False, kw_only=True)
class LevelTable:
    """The route and the rates of a level policy, made ready for one setting.

    Attributes
    ----------
    route : who is paid at each level
    table : what each schedule pays at each level
    schedules : the same as the plan writes them
    rank_row : int32 [members + 1], the schedule of each member's rank; empty without ``by_rank``
    rank_code : int32 [members + 1], the place of each member's rank; only where the lower one counts
    source : bool [members + 1], for whom is paid at all; None for everybody
    """

    policy: LevelFields
    setting: Setting
    route: SponsorRoute
    table: RateTable
    schedules: tuple[Schedule, ...]
    rank_row: IndexArray
    rank_code: IndexArray | None
    source: FlagArray | None

    @classmethod
    def of(
        cls, policy: LevelFields, setting: Setting, schedules: Sequence[Schedule], self_purchase: str
    ) -> LevelTable:
        """Evaluate conditions and ranks, and build pointers and tables."""
        name = f"policy {policy.name!r}"  # type: ignore[attr-defined]  # policies have a name
        rank_row = _rank_rows(policy, setting, name) if policy.by_rank else np.zeros(0, dtype=INDEX)
        rank_code = None
        if policy.burn:
            codes = setting.ranks(policy.rank_column, f"{name}, burn").codes
            rank_code = np.append(codes, INDEX(0)).astype(INDEX)
        route = SponsorRoute.prepare(
            setting.tree,
            _masks(policy, setting, rank_row),
            start_level=policy.start_level,
            if_not=policy.if_not,  # type: ignore[arg-type]  # the validator has checked it
            self_purchase=self_purchase,  # type: ignore[arg-type]  # the validator has checked it
            path=_path(policy, setting),
            fits=None if policy.only_if is None else policy.only_if.test(setting),
        )
        source = None if policy.source is None else np.append(setting.mask_of(policy.source), [False])
        return cls(
            policy=policy,
            setting=setting,
            route=route,
            table=RateTable.of(schedules, policy.depth, setting.decimals, name),
            schedules=tuple(schedules),
            rank_row=rank_row,
            rank_code=rank_code,
            source=source,
        )

    @cached_property
    def filled(self) -> AnyArray:
        """Return the levels that have a payee for what each member causes, as bits of [members + 1]."""
        return filled_levels(self.route, self.setting.size)

    def dated(self, times: InstantArray) -> DatedRoute:
        """Return the route at the times of some orders.

        Raises
        ------
        GenealogyError
            Somebody who joined by then is not in the tree.
        """
        setting, since = self.setting, self._since(times)
        sponsors = setting.dated_sponsors(since)
        if sponsors.absent is not None and len(times) and int(times.max()) >= sponsors.absent:
            raise GenealogyError(
                "facts, tree",
                "lacks members who had joined by the time of an order",
                hint="Make the tree from the genealogy, as of the end of what is settled",
            )
        name = self.policy.name  # type: ignore[attr-defined]  # policies have a name
        return setting.keep(("dated", name, since), lambda: DatedRoute.of(self.route, sponsors))

    def _since(self, times: InstantArray) -> int:
        """Return the earliest time of the facts' orders: whoever moved before it counts as never moved."""
        facts, anchor = self.setting.facts, self.setting.anchor
        if anchor is None or not len(facts.orders):
            return MINOR_MIN
        first = facts.keep(("earliest", anchor), lambda: int(facts.orders.instants(anchor).values.min()))
        return MINOR_MIN if len(times) and int(times.min()) < first else first

    def spells(self, dated: DatedRoute) -> FilledSpells | None:
        """Return whom each spell of each member pays, None where it is no less work to climb from each order.

        That is where there are fewer orders than members, where changes have no greatest distance, because
        people are passed over, or where there are very many of them; and where no bit is left for a mark.
        """
        setting, route, sponsors = self.setting, self.route, dated.path.sponsors
        passes = route.path.on is not None or route.if_not == "roll_up"
        if passes or self._few or route.levels >= DEPTH_MAX:
            return None
        levels = max(route.start_level + route.levels - 1, 1)
        spells = setting.facts.keep(
            ("spells", sponsors.since, levels),
            lambda: Spells.of(sponsors, levels, _SPELLS_MOST * (setting.size + 1)),
        )
        if spells is None:
            return None

        name = self.policy.name  # type: ignore[attr-defined]  # policies have a name
        return setting.keep(("spells", name, sponsors.since), lambda: FilledSpells.of(dated, spells))

    @property
    def _few(self) -> bool:
        """Return whether there are fewer orders than members, so that it is less work to climb from them."""
        return len(self.setting.facts.orders) < self.setting.size

    def route_at(self, time: int) -> SponsorRoute:
        """Return the route over the sponsors of one time, for telling a single walk."""
        sponsors = self.dated(np.array([time], dtype=INSTANT)).path.sponsors
        return self.route.along(Path.of(sponsors.at(time), on=self.route.path.on))

    def filled_of(self, source: IndexArray) -> AnyArray:
        """Return the filled levels of what credited members (int32 [n]) cause, as bits (unsigned [n])."""
        if self._few:
            return filled_of(self.route.walk(source, None), self.setting.size)
        return np.take(self.filled, source, mode="clip")

    @property
    def by_payee(self) -> bool:
        """Return whether the rate depends on who is paid."""
        return len(self.rank_row) > 0

    def rows(self, payee: IndexArray, source: IndexArray) -> IndexArray:
        """Return the schedules of payees by rank (int32 [n]), the lower of both ranks where ranks burn."""
        own = np.take(self.rank_row, payee, mode="clip")
        if self.rank_code is None:
            return own
        theirs = np.take(self.rank_row, source, mode="clip")
        lower = np.take(self.rank_code, source, mode="clip") < np.take(self.rank_code, payee, mode="clip")
        return np.where(lower, theirs, own)

    def varying(self, level: int, rows: IndexArray, exact: Exact) -> MinorArray:
        """Return what a level pays where the schedule differs by line, rounded once."""
        rates = np.take(self.table.rates[:, level], rows, mode="clip")
        return exact.at_rates(rates, self.table.denominator, self.policy.rounding)

    def uniform(self, level: int, exact: Exact, out: MinorArray) -> None:
        """Write what a level pays where all lines have the first schedule, rounded once, to `out`."""
        rate = Fraction(int(self.table.rates[0, level]), self.table.denominator)
        exact.times(rate, self.policy.rounding, out=out)

    def cell(self, level: int, payee: int, source: int, row: int) -> Cell | None:
        """Return what a payee gets at a level (counted from 0), on a line with schedule `row`."""
        if self.by_payee:
            who = np.array([payee], dtype=INDEX), np.array([source], dtype=INDEX)
            row = int(self.rows(*who)[0])
        schedule = self.schedules[row]
        return schedule[level] if level < len(schedule) else None

    def burnt(self, payee: int, source: int) -> str:
        """Say whose rank a payee is paid by where it is not his own, nothing where it is."""
        if self.rank_code is None or self.rank_code[source] >= self.rank_code[payee]:
            return ""
        ranks = self.setting.member_column(self.policy.rank_column)
        return f"by rank {ranks.value(source)} of the source, below {ranks.value(payee)}"

    def hop(self, step: Step, source: int) -> Hop:
        """Return a step of a walk with the reason in words."""
        number, reason, detail = step.level + self.policy.start_level, step.reason, ""
        if reason is Reason.NOT_ELIGIBLE:
            reason, detail = self._why_not(step.level, step.person)
        elif reason is Reason.COMPRESSED and self.policy.compress is not None:
            detail = self.policy.compress.describe(self.setting, step.person)
        elif reason is Reason.NOT_FITTING and self.policy.only_if is not None:
            detail = self.policy.only_if.describe(self.setting, step.person, source)
        elif reason is Reason.PAID:
            detail = self.burnt(step.payee, source)
        return Hop(number, step.person, step.payee, reason, detail)

    def _why_not(self, level: int, person: int) -> tuple[Reason, str]:
        """Return which of the conditions of a level a person fails."""
        eligible = self.policy.eligible
        if eligible is not None and not self.setting.mask_of(eligible)[person]:
            return Reason.NOT_ELIGIBLE, eligible.describe(self.setting, person)
        unlock = self.policy.unlocks[level] if self.policy.unlocks else None
        if unlock is not None and not self.setting.mask_of(unlock)[person]:
            return Reason.NOT_ENTITLED, unlock.describe(self.setting, person)
        rank = self.setting.member_column(self.policy.rank_column).value(person)
        return Reason.NOT_ENTITLED, f"rank {rank} has no rate at this level"


def _path(policy: LevelFields, setting: Setting) -> Path:
    on = None if policy.compress is None else setting.mask_of(policy.compress)
    chosen = policy.pass_up
    if chosen is None or chosen.of == "sales":
        return Path.of(policy.uplines(setting), on=on)
    mask = None if chosen.qualified is None else setting.mask_of(chosen.qualified)
    passed = chosen.recruits(setting.tree, setting.member_column(chosen.order_by), mask)
    return Path.of(policy.uplines(setting), on=on, passed=passed, whole_branch=chosen.whole_branch)


def _masks(policy: LevelFields, setting: Setting, rank_row: IndexArray) -> list[FlagArray | None]:
    """Return who qualifies at each level; levels that ask the same share the array."""
    eligible = None if policy.eligible is None else setting.mask_of(policy.eligible)
    masks: list[FlagArray | None] = [eligible] * policy.depth
    if len(rank_row):
        masks = _rank_masks(policy, rank_row[:-1], eligible)
    made: dict[tuple[int, int], FlagArray] = {}
    for level, unlock in enumerate(policy.unlocks):
        if unlock is not None:
            both, one = masks[level], setting.mask_of(unlock)
            key = id(both), id(one)
            if key not in made:
                made[key] = one if both is None else one & both
            masks[level] = made[key]
    return masks


def filled_of(payees: IndexArray, nobody: int, bits: int = 0) -> AnyArray:
    """Return for each column of payees the levels that have one, as `bits` bits, or as many as needed."""
    kind = next(kind for kind in BITS if kind(0).nbytes * 8 >= max(bits, len(payees)))
    filled: AnyArray = np.zeros(payees.shape[1], dtype=kind)
    for level, payee in enumerate(payees):
        filled |= (payee != nobody).astype(kind) << kind(level)
    return filled


def filled_levels(route: SponsorRoute, members: int) -> AnyArray:
    """Return the filled levels of what every member causes; nobody's is empty."""
    everybody = np.arange(members, dtype=INDEX)
    parts = [filled_of(route.walk(everybody[low:high], None), members) for low, high in blocks(members)]
    return np.concatenate((*parts, filled_of(np.full((route.levels, 1), members, dtype=INDEX), members)))


def _rank_rows(policy: LevelFields, setting: Setting, name: str) -> IndexArray:
    column = setting.member_column(policy.rank_column)
    if not isinstance(column, Categories):
        raise PlanError(
            f"members column {policy.rank_column!r}", "is not text", hint='Ranks are names, such as "gold"'
        )
    row_of = {str(rank): place for place, (rank, _) in enumerate(policy.by_rank)}
    missing = [value for value in column.values if str(value) not in row_of]
    strange = [rank for rank in row_of if isinstance(column, Ranks) and rank not in column.values]
    if strange:
        raise PlanError(
            f"{name}, by_rank",
            "names ranks that there are not",
            value=strange,
            allowed=", ".join(column.values),
        )
    if missing or (column.codes < 0).any():
        raise PlanError(
            f"{name}, by_rank",
            "has no row for every rank that occurs",
            value=missing or None,
            allowed=", ".join(row_of),
            hint="Give a rank that earns nothing an empty list",
        )
    lookup = np.array([row_of[str(value)] for value in column.values], dtype=INDEX)
    # Nobody reads the last entry; any row does, since nobody is never paid.
    return np.append(lookup[column.codes], INDEX(0)).astype(INDEX)


def _rank_masks(
    policy: LevelFields, rank_row: IndexArray, eligible: FlagArray | None
) -> list[FlagArray | None]:
    lengths = np.array([len(row) for _, row in policy.by_rank], dtype=INDEX)[rank_row]
    by_reach: dict[int, FlagArray] = {}
    reaches = [sum(len(row) > level for _, row in policy.by_rank) for level in range(policy.depth)]
    masks: list[FlagArray | None] = []
    for level, reach in enumerate(reaches):
        # As rows only end, never begin, as many rows reaching a level means the same rows.
        if reach not in by_reach:
            mask = lengths > level
            by_reach[reach] = mask if eligible is None else mask & eligible
        masks.append(by_reach[reach])
    return masks
