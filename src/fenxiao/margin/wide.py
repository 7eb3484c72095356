"""Scopes 2 to 5 of the guard: payees, policies, the period and the company, on totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import (
    FLAG,
    INDEX,
    MINOR,
    MINOR_MAX,
    ROW,
    AnyArray,
    FlagArray,
    IndexArray,
    MinorArray,
    RowArray,
)
from fenxiao._kernels.tally import Tally, exact_sum
from fenxiao.errors import CapRejectedError, PlanError, UnsupportedError
from fenxiao.limits import WIDE, Cap, Margin
from fenxiao.margin.cells import Cells, group_rows
from fenxiao.margin.groups import saturating_add
from fenxiao.margin.scopes import ScopeGroups, groups_of_cells, limits_of_groups
from fenxiao.money import ration, ration_many
from fenxiao.state import Deferred, State

if TYPE_CHECKING:
    from fenxiao.policies.blocks import Setting

_NO_CAP: Final = -1


@final
@attrs.frozen(eq=False, kw_only=True)
class WideOutcome:
    """What wide caps left of each cell, why, and what goes on to the next run.

    Attributes
    ----------
    allowed : int64 [cells]
    largest_cut : int32 [cells]
        Place of the cap that cut most, -1 for none; the number of caps stands for the period margin.
    taken : dict
        Place of a cap -> minor units it cut.
    released : tuple of `Deferred`
        What earlier runs deferred and this one pays.
    state : State
    """

    allowed: MinorArray
    largest_cut: IndexArray
    taken: dict[int, int]
    released: tuple[Deferred, ...]
    state: State


@final
class WideGuard:
    """Runs the wide caps of one settlement.

    Parameters
    ----------
    setting : what is settled
    caps : all caps of the plan
    margin : the plan's margin, for how period claims give way
    policies : names of the plan's policies, in plan order
    stages : stage of each policy
    of_period : whether each policy claims on the period
    """

    def __init__(
        self,
        setting: Setting,
        caps: tuple[Cap, ...],
        margin: Margin,
        policies: tuple[str, ...],
        stages: tuple[int, ...],
        of_period: tuple[bool, ...],
        state: State,
    ) -> None:
        self.setting = setting
        self.caps = caps
        self.margin = margin
        self.policies = policies
        self.stages = np.array(stages, dtype=INDEX)
        self.of_period = np.array(of_period, dtype=FLAG)
        self.state = state
        self.cells = Cells.empty(())
        self.allowed: MinorArray = np.zeros(0, dtype=MINOR)
        self._cut: MinorArray = np.zeros(0, dtype=MINOR)
        self._largest: IndexArray = np.zeros(0, dtype=INDEX)
        self._taken: dict[int, int] = {}
        self._waiting = list(state.deferred)
        self._released: list[Deferred] = []
        self._deferred: list[Deferred] = []
        self._group_of: dict[int, ScopeGroups] = {}

    def start(self, cells: Cells) -> None:
        """Take up the cells; those of period policies may be added by later calls of `extend`."""
        self.cells = cells
        self.allowed = cells.amount.copy()
        self._cut = np.zeros(len(cells), dtype=MINOR)
        self._largest = np.full(len(cells), _NO_CAP, dtype=INDEX)

    def extend(self, more: Cells) -> None:
        """Add the cells of a period policy."""
        first = self.cells
        self.cells = Cells(
            policy=np.concatenate((first.policy, more.policy)),
            payee=np.concatenate((first.payee, more.payee)),
            keys={name: np.concatenate((column, more.keys[name])) for name, column in first.keys.items()},
            amount=np.concatenate((first.amount, more.amount)),
        )
        self.allowed = np.concatenate((self.allowed, more.amount))
        self._cut = np.concatenate((self._cut, np.zeros(len(more), dtype=MINOR)))
        self._largest = np.concatenate((self._largest, np.full(len(more), _NO_CAP, dtype=INDEX)))
        self._group_of.clear()

    def run_stage(self, stage: int) -> None:
        """Run scopes 2 and 3 on the policies of a stage."""
        now = self.stages[self.cells.policy] == stage
        before = self.stages[self.cells.policy] < stage
        for scopes in WIDE[:2]:
            for place, cap in enumerate(self.caps):
                if cap.scope in scopes:
                    self._run(place, cap, now, before)

    def run_period(self, room_of_period: int) -> None:
        """Run scope 4: period caps in plan order, then what the period leaves for period claims.

        Parameters
        ----------
        room_of_period : sum of the orders' budgets plus funds (less losses), before any pay
        """
        everything, nothing = np.ones(len(self.cells), dtype=FLAG), np.zeros(len(self.cells), dtype=FLAG)
        for place, cap in enumerate(self.caps):
            if cap.scope == "period":
                self._run(place, cap, everything, nothing)
        on = self.of_period[self.cells.policy]
        room = max(room_of_period - exact_sum(self.allowed[~on]), 0)
        if exact_sum(self.allowed[on]) > room:
            group = ScopeGroups(np.zeros(len(self.cells), dtype=ROW), ("",), np.zeros(1, dtype=ROW))
            limit = np.array([min(room, MINOR_MAX)], dtype=MINOR)
            self._cut_groups(len(self.caps), self.margin.rule, self.margin.leftover, on, group, limit)

    def run_company(self) -> None:
        """Run scope 5: company caps in plan order."""
        everything, nothing = np.ones(len(self.cells), dtype=FLAG), np.zeros(len(self.cells), dtype=FLAG)
        for place, cap in enumerate(self.caps):
            if cap.scope == "company":
                self._run(place, cap, everything, nothing)

    def final_rooms(self) -> list[tuple[str, RowArray, list[int]]]:
        """Return, for the second check, each cap's group by cell (-1 outside) and what it may pay in all."""
        rooms = []
        for place, cap in enumerate(self.caps):
            if cap.in_order or not len(self.cells):
                continue
            groups = self._groups(place, cap)
            limit = limits_of_groups(cap, groups, self.setting).tolist()
            spent = self.state.used(cap.name, self._window(cap)) if cap.window != "period" else {}
            released = self._released_by_group(cap)
            room = [
                max(most - spent.get(n, 0) - released.get(n, 0), 0)
                for most, n in zip(limit, groups.names, strict=True)
            ]
            rooms.append((f"cap {cap.name!r}", np.where(self._on(cap), groups.of_cell, ROW(_NO_CAP)), room))
        return rooms

    def finish(self, kept: int) -> WideOutcome:
        """Return the outcome; what was deferred is limited to what the period keeps, which backs it."""
        total = sum(entry.amount for entry in self._deferred)
        deferred = self._deferred
        if total > max(kept, 0):
            backed = ration([entry.amount for entry in deferred], max(kept, 0)).tolist()
            deferred = [
                attrs.evolve(e, amount=amount) for e, amount in zip(deferred, backed, strict=True) if amount
            ]
        usage = dict(self.state.usage)
        for place, cap in enumerate(self.caps):
            if cap.window != "period" and not cap.in_order:
                usage[(cap.name, self._window(cap))] = self._usage_after(place, cap)
        period = self.setting.period
        settled = (*self.state.settled, *(() if period is None else (str(period),)))
        state = State(usage=usage, deferred=(*self._waiting, *deferred), settled=settled)
        return WideOutcome(
            allowed=self.allowed,
            largest_cut=self._largest,
            taken=self._taken,
            released=tuple(self._released),
            state=state,
        )

    def _on(self, cap: Cap) -> FlagArray:
        names = self._names(cap)
        return np.array([name in names for name in self.policies], dtype=FLAG)[self.cells.policy]

    def _names(self, cap: Cap) -> frozenset[str]:
        by_order_only = cap.scope in ("product", "region", "source")
        if cap.on is not None:
            strange = [
                n for n, period in zip(self.policies, self.of_period, strict=True) if period and n in cap.on
            ]
            if by_order_only and strange:
                raise UnsupportedError(
                    f"cap {cap.name!r}", f"is by {cap.scope} and cuts a period policy", value=strange[0],
                    allowed="policies that claim on orders",
                )  # fmt: skip
            return frozenset(cap.on)
        if by_order_only:
            return frozenset(n for n, period in zip(self.policies, self.of_period, strict=True) if not period)
        return frozenset(self.policies)

    def _counting(self, cap: Cap) -> FlagArray:
        names = self._names(cap) if cap.counting is None else frozenset(cap.counting)
        return np.array([name in names for name in self.policies], dtype=FLAG)[self.cells.policy]

    def _groups(self, place: int, cap: Cap) -> ScopeGroups:
        if place not in self._group_of:
            self._group_of[place] = groups_of_cells(cap, self.cells, self.setting, self.policies)
        return self._group_of[place]

    def _run(self, place: int, cap: Cap, now: FlagArray, before: FlagArray) -> None:
        member_of_cap = self._on(cap)
        on = member_of_cap & now
        release = cap.cut == "defer" and any(entry.cap == cap.name for entry in self._waiting)
        if not on.any() and not release:
            return
        groups = self._groups(place, cap)
        if release:
            groups = groups.including(
                tuple(e.group for e in self._waiting if e.cap == cap.name), cap, self.setting
            )
            self._group_of[place] = groups
        limit = limits_of_groups(cap, groups, self.setting)
        used = (member_of_cap & before) | (self._counting(cap) & ~member_of_cap & (now | before))
        room = np.maximum(limit - np.minimum(self._used(cap, groups, used), limit), 0)
        if release:
            room = self._release(cap, groups, room)
        if not on.any():
            return
        over = self._tally(groups, on).exceeds(room)
        if not over.any():
            return
        if cap.rule == "reject":
            raise CapRejectedError(
                f"cap {cap.name!r}",
                f"is exceeded for {int(over.sum())} group(s) and rejects instead of cutting",
                hint="Nothing was settled; the groups are on the error's attribute 'labels'",
                labels=[groups.names[i] for i in np.flatnonzero(over)],
            )
        was = self.allowed
        self._cut_groups(place, cap.rule, cap.leftover, on, groups, room)
        if cap.cut == "defer":
            self._defer(cap, groups, was - self.allowed)

    def _used(self, cap: Cap, groups: ScopeGroups, cells: FlagArray) -> MinorArray:
        """Return what is used up by group: now, by what this run released, and in the window before."""
        before = {} if cap.window == "period" else self.state.used(cap.name, self._window(cap))
        released = self._released_by_group(cap)
        earlier = np.array(
            [min(before.get(n, 0) + released.get(n, 0), MINOR_MAX) for n in groups.names], dtype=MINOR
        )
        return saturating_add(self._tally(groups, cells).saturated(), earlier)

    def _released_by_group(self, cap: Cap) -> dict[Any, int]:
        released: dict[Any, int] = {}
        for entry in self._released:
            if entry.cap == cap.name:
                released[entry.group] = released.get(entry.group, 0) + entry.amount
        return released

    def _window(self, cap: Cap) -> str:
        if cap.window == "lifetime":
            return "lifetime"
        if self.setting.period is None:
            raise PlanError(
                f"cap {cap.name!r}",
                "holds for a year and no period is given",
                hint="Pass settle(..., period=month(2026, 10))",
            )
        return str(self.setting.period.start.year)

    def _tally(self, groups: ScopeGroups, cells: FlagArray) -> Tally:
        """Return the allowed amounts of some cells, summed by group."""
        chosen = np.flatnonzero(cells)
        amounts = self.allowed[chosen]
        tally = Tally(len(groups.names))
        tally.add(groups.of_cell[chosen], amounts)
        return tally

    def _cut_groups(
        self, place: int, rule: str, leftover: str, on: FlagArray, groups: ScopeGroups, room: MinorArray
    ) -> None:
        chosen = np.flatnonzero(on)
        cells = self.cells
        rank = self.setting.facts.tree.label_rank[cells.payee[chosen]]
        level = cells.keys["level"][chosen] if "level" in cells.keys else np.zeros(len(chosen), dtype=INDEX)
        rest = [column[chosen] for name, column in cells.keys.items() if name != "level"]
        chosen = chosen[np.lexsort((*reversed(rest), rank, level, cells.policy[chosen]))]
        classes = None
        if rule == "priority":
            by_level = (
                cells.keys["level"][chosen] if "level" in cells.keys else np.zeros(len(chosen), dtype=INDEX)
            )
            _, classes = np.unique(np.stack((cells.policy[chosen], by_level)), axis=1, return_inverse=True)
        before = self.allowed[chosen]
        after = ration_many(before, groups.of_cell[chosen], room, rule, leftover=leftover, classes=classes)  # type: ignore[arg-type]
        allowed = self.allowed.copy()
        allowed[chosen] = after
        taken = self.allowed - allowed
        self.allowed = allowed
        self._taken[place] = self._taken.get(place, 0) + exact_sum(taken)
        largest = taken > self._cut
        self._cut = np.maximum(self._cut, taken)
        self._largest = np.where(largest, INDEX(place), self._largest)

    def _release(self, cap: Cap, groups: ScopeGroups, room: MinorArray) -> MinorArray:
        """Pay what earlier runs deferred as far as there is room, oldest first; return the room left."""
        mine = [entry for entry in self._waiting if entry.cap == cap.name]
        place = {name: number for number, name in enumerate(groups.names)}
        ages: dict[str, int] = {}
        for entry in mine:
            ages.setdefault(entry.earning_period, len(ages))
        group = np.array([place[entry.group] for entry in mine], dtype=ROW)
        classes = np.array([ages[entry.earning_period] for entry in mine], dtype=ROW)
        claims = np.array([entry.amount for entry in mine], dtype=MINOR)
        paid = ration_many(claims, group, room, "priority", classes=classes)
        still: list[Deferred] = [entry for entry in self._waiting if entry.cap != cap.name]
        for entry, amount in zip(mine, paid.tolist(), strict=True):
            if amount:
                self._released.append(attrs.evolve(entry, amount=amount))
            if amount < entry.amount:
                still.append(attrs.evolve(entry, amount=entry.amount - amount))
        self._waiting = still
        tally = Tally(len(room))
        tally.add(group, paid)
        return room - tally.sums("released")

    def _defer(self, cap: Cap, groups: ScopeGroups, taken: MinorArray) -> None:
        """Put off what was cut, one entry a group, policy and payee, in plan order, then by payee's label."""
        tree = self.setting.facts.tree
        cells = np.flatnonzero(taken)
        columns: tuple[AnyArray, ...] = (
            self.cells.policy[cells],
            tree.label_rank[self.cells.payee[cells]],
            groups.of_cell[cells],
        )
        entry, first = group_rows([column.astype(INDEX) for column in columns])
        tally = Tally(len(first))
        tally.add(entry, taken[cells])
        for cell, amount in zip(cells[first].tolist(), tally.sums("deferred pay").tolist(), strict=True):
            self._deferred.append(
                Deferred(
                    cap=cap.name,
                    group=groups.names[int(groups.of_cell[cell])],
                    policy=self.policies[int(self.cells.policy[cell])],
                    payee=tree.label(int(self.cells.payee[cell])),
                    earning_period="" if self.setting.period is None else str(self.setting.period),
                    amount=amount,
                )
            )

    def _usage_after(self, place: int, cap: Cap) -> dict[Any, int]:
        groups = self._groups(place, cap)
        usage = dict(self.state.used(cap.name, self._window(cap)))
        now = self._tally(groups, self._on(cap) | self._counting(cap)).sums("the usage of a cap").tolist()
        for name, amount in zip(groups.names, now, strict=True):
            if amount:
                usage[name] = usage.get(name, 0) + amount
        for name, amount in self._released_by_group(cap).items():
            usage[name] = usage.get(name, 0) + amount
        return usage
