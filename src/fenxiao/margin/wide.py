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
from fenxiao.cells import Cells
from fenxiao.errors import CapRejectedError, StateError, UnknownMemberError, UnsupportedError
from fenxiao.limits import WIDE, Cap, Margin
from fenxiao.margin.groups import saturating_add
from fenxiao.margin.outcome import OF_ORDERS, OF_PERIOD, RELEASED, WideCut, WideOutcome
from fenxiao.margin.scopes import (
    KeyLabels,
    ScopeGroups,
    groups_of_cells,
    limits_of_groups,
    windows_of_groups,
)
from fenxiao.money import ration, ration_many
from fenxiao.state import Deferred, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fenxiao.policies.setting import Setting

NO_CAP: Final = -1
_KEYED: Final = ("product", "region", "source")


@final
class WideGuard:
    """Runs the wide caps of one settlement.

    What earlier runs deferred takes part like any claim: every cap counts it and may cut it again. Only the
    cap that defers serves it first, oldest first. What is not released goes on waiting.

    Parameters
    ----------
    setting : what is settled
    caps : all caps of the plan
    margin : the plan's margin, for how period claims give way
    policies, stages, of_period : name, stage, and whether it claims on the period, of each policy
    state : of the run before
    cells : claims on orders
    order_pay : what claims on orders pay that have no cells
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
        cells: Cells,
        order_pay: int = 0,
    ) -> None:
        self.setting = setting
        self.order_pay = order_pay
        self.caps = caps
        self.margin = margin
        self.policies = policies
        self.stages = np.array(stages, dtype=INDEX)
        self.of_period = of_period
        self.state = state
        self.labels = KeyLabels(setting, tuple(cells.keys), state.deferred)
        waiting = self._waiting_cells(tuple(cells.keys))
        self.cells = cells.followed_by(waiting)
        self.kind = np.repeat(np.array((OF_ORDERS, RELEASED), dtype=INDEX), (len(cells), len(waiting)))
        self.allowed: MinorArray = self.cells.amount.copy()
        self._cut = np.zeros(len(self.cells), dtype=MINOR)
        self._largest = np.full(len(self.cells), NO_CAP, dtype=INDEX)
        self._cuts: list[WideCut] = []
        self._put_off: list[WideCut] = []
        self._group_of: dict[int, ScopeGroups] = {}
        for place, cap in enumerate(caps):
            if not cap.in_order:
                # A column that a cap needs and the facts lack is an error whether or not anybody is paid.
                limits_of_groups(cap, self._groups(place, cap), setting, self.labels)

    def _waiting_cells(self, keys: tuple[str, ...]) -> Cells:
        place = {name: number for number, name in enumerate(self.policies)}
        waiting = self.state.deferred
        strange = sorted({entry.policy for entry in waiting} - set(place))
        if strange:
            raise StateError("State", "deferred pay of policies that the plan does not have", value=strange,
                             allowed=", ".join(place))  # fmt: skip
        try:
            payee = self.setting.facts.tree.indices([entry.payee for entry in waiting])
            columns = {n: np.array([self._code(entry, n) for entry in waiting], dtype=INDEX) for n in keys}
        except UnknownMemberError as error:
            raise StateError(
                "State",
                "deferred pay of members who are not in the tree",
                hint="Settle with the tree that the state comes from, or drop their entries",
                labels=error.labels,
            ) from None
        return Cells(
            policy=np.array([place[entry.policy] for entry in waiting], dtype=INDEX),
            payee=payee,
            keys=columns,
            amount=np.array([entry.amount for entry in waiting], dtype=MINOR),
        )

    def _code(self, entry: Deferred, name: str) -> int:
        found = dict(entry.keys)
        return self.labels.code(name, found[name]) if name in found else NO_CAP

    def extend(self, more: Cells) -> None:
        """Add the claims of a period policy."""
        self.cells = self.cells.followed_by(more)
        self.kind = np.concatenate((self.kind, np.full(len(more), OF_PERIOD, dtype=INDEX)))
        self.allowed = np.concatenate((self.allowed, more.amount))
        self._cut = np.concatenate((self._cut, np.zeros(len(more), dtype=MINOR)))
        self._largest = np.concatenate((self._largest, np.full(len(more), NO_CAP, dtype=INDEX)))
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
            and without what pots brought, which is theirs alone
        """
        self._run_all("period")
        on, reserved = self.kind == OF_PERIOD, self._from_pots()
        claimed = self.allowed - reserved
        room = max(room_of_period - self.order_pay - exact_sum(self.allowed[self.kind == OF_ORDERS]), 0)
        if exact_sum(claimed[on]) > room:
            group = ScopeGroups(np.zeros(len(self.cells), dtype=ROW), ("",), np.zeros(1, dtype=ROW))
            limit = np.array([min(room, MINOR_MAX)], dtype=MINOR)
            self.allowed = claimed
            self._cut_cells(len(self.caps), self.margin.rule, self.margin.leftover, on, group, limit)
            self.allowed = self.allowed + reserved

    def _from_pots(self) -> MinorArray:
        """Return what of each cell's pay earlier periods carried over for its policy (int64 [cells])."""
        found = np.zeros(len(self.cells), dtype=MINOR)
        for name, pot in self.state.pots.items():
            mine = np.flatnonzero((self.kind == OF_PERIOD) & (self.cells.policy == self.policies.index(name)))
            mine = mine[np.lexsort((*reversed(self._tie_order(mine)),))]
            found[mine] = ration(self.allowed[mine], pot)
        return found

    def run_company(self) -> None:
        """Run scope 5: company caps in plan order."""
        self._run_all("company")

    def _run_all(self, scope: str) -> None:
        everything, nothing = np.ones(len(self.cells), dtype=FLAG), np.zeros(len(self.cells), dtype=FLAG)
        for place, cap in enumerate(self.caps):
            if cap.scope == scope:
                self._run(place, cap, everything, nothing)

    def finish(self, room_of_period: int, left_over: Mapping[str, int]) -> WideOutcome:
        """Return the outcome; what was put off, then what is left over, is limited to what the period keeps.

        What pots brought backs nothing but themselves.

        Parameters
        ----------
        left_over : policy -> minor units that nobody could be paid and that wait for the next run
        """
        paid = exact_sum(self.allowed[self.kind != RELEASED])
        of_pots = exact_sum(self._from_pots())
        kept = max(room_of_period - self.order_pay - (paid - of_pots), 0)
        usage = dict(self.state.usage)
        for place, cap in enumerate(self.caps):
            if cap.window != "period" and not cap.in_order:
                usage |= self._usage_after(place, cap)
        released = self.kind == RELEASED
        left = (self.cells.amount - self.allowed)[released].tolist()
        waiting = [
            attrs.evolve(entry, amount=n) for entry, n in zip(self.state.deferred, left, strict=True) if n
        ]
        deferred = self._deferred(kept)
        brought = {name: min(self.state.pots.get(name, 0), amount) for name, amount in left_over.items()}
        fresh = ration(
            [amount - brought[name] for name, amount in left_over.items()],
            kept - sum(entry.amount for entry in deferred),
        )
        pots = {name: brought[name] + more for name, more in zip(left_over, fresh.tolist(), strict=True)}
        return WideOutcome(
            cells=self.cells,
            kind=self.kind,
            allowed=self.allowed,
            largest_cut=self._largest,
            cuts=tuple(self._cuts),
            earning_periods=tuple(entry.earning_period for entry in self.state.deferred),
            state=attrs.evolve(self.state, usage=usage, deferred=(*waiting, *deferred), pots=pots),
            order_pay=self.order_pay,
            from_pots=of_pots + sum(brought.values()),
        )

    def _on(self, cap: Cap) -> FlagArray:
        names = self._names(cap)
        on: FlagArray = np.array([name in names for name in self.policies], dtype=FLAG)[self.cells.policy]
        if cap.scope in _KEYED:
            on &= self.cells.keys[cap.scope] != NO_CAP
        return on

    def _names(self, cap: Cap) -> frozenset[str]:
        of_orders = frozenset(
            n for n, period in zip(self.policies, self.of_period, strict=True) if not period
        )
        if cap.scope not in _KEYED:
            return frozenset(self.policies if cap.on is None else cap.on)
        if cap.on is not None and not of_orders.issuperset(cap.on):
            raise UnsupportedError(
                f"cap {cap.name!r}",
                f"is by {cap.scope} and cuts a period policy, which has none",
                value=sorted(set(cap.on) - of_orders),
                allowed=", ".join(sorted(of_orders)),
            )
        return of_orders if cap.on is None else frozenset(cap.on)

    def _counting(self, cap: Cap) -> FlagArray:
        names = self._names(cap) if cap.counting is None else frozenset(cap.counting)
        counting: FlagArray = np.array([name in names for name in self.policies], dtype=FLAG)[
            self.cells.policy
        ]
        return counting

    def _groups(self, place: int, cap: Cap) -> ScopeGroups:
        if place not in self._group_of:
            self._group_of[place] = groups_of_cells(cap, self.cells, self.setting, self.policies, self.labels)
        return self._group_of[place]

    def _run(self, place: int, cap: Cap, now: FlagArray, before: FlagArray) -> None:
        member_of_cap = self._on(cap)
        on = member_of_cap & now
        if not on.any():
            return
        groups = self._groups(place, cap)
        limit = limits_of_groups(cap, groups, self.setting, self.labels)
        used = (member_of_cap & before) | (self._counting(cap) & ~member_of_cap & (now | before))
        room = np.maximum(limit - np.minimum(self._used(cap, groups, used), limit), 0)
        if cap.cut == "defer":
            waiting = on & (self.kind == RELEASED)
            self._cut_cells(place, "oldest_first", cap.leftover, waiting, groups, room)
            room = room - self._tally(groups, waiting).sums("released pay")
            on &= ~waiting
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
        cut = self._cut_cells(place, cap.rule, cap.leftover, on, groups, room)
        if cap.cut == "defer":
            self._put_off.append(cut)

    def _used(self, cap: Cap, groups: ScopeGroups, cells: FlagArray) -> MinorArray:
        """Return what is used up by group, now and in the window before."""
        now = self._tally(groups, cells).saturated()
        if cap.window == "period":
            return now
        windows, place = windows_of_groups(cap, groups, self.setting)
        used = [self.state.used(cap.name, window) for window in windows]
        pairs = zip(place.tolist(), groups.names, strict=True)
        earlier = [min(used[window].get(name, 0), MINOR_MAX) for window, name in pairs]
        return saturating_add(now, np.array(earlier, dtype=MINOR))

    def _tally(self, groups: ScopeGroups, cells: FlagArray) -> Tally:
        """Return the allowed amounts of some cells, summed by group."""
        chosen = np.flatnonzero(cells)
        tally = Tally(len(groups.names))
        tally.add(groups.of_cell[chosen], self.allowed[chosen])
        return tally

    def _cut_cells(
        self, place: int, rule: str, leftover: str, on: FlagArray, groups: ScopeGroups, room: MinorArray
    ) -> WideCut:
        """Cut some cells to the room of their groups by a rule; return what was taken from new claims."""
        chosen = np.flatnonzero(on)
        chosen = chosen[np.lexsort((*reversed(self._tie_order(chosen)),))]
        classes: AnyArray | None = None
        if rule == "priority":
            by_level = self._key("level", chosen)
            _, classes = np.unique(
                np.stack((self.cells.policy[chosen], by_level)), axis=1, return_inverse=True
            )
        elif rule == "oldest_first":
            rule, classes = "priority", self._ages()[chosen]
        before = self.allowed[chosen]
        after = ration_many(before, groups.of_cell[chosen], room, rule, leftover=leftover, classes=classes)  # type: ignore[arg-type]  # validated names
        taken = before - after
        self.allowed = self.allowed.copy()
        self.allowed[chosen] = after
        more = chosen[taken > self._cut[chosen]]
        self._largest[more] = place
        self._cut[chosen] = np.maximum(self._cut[chosen], taken)
        new = (taken > 0) & (self.kind[chosen] != RELEASED)
        self._cuts.append(WideCut(cap=place, cell=chosen[new].astype(ROW), amount=taken[new]))
        return self._cuts[-1]

    def _tie_order(self, chosen: RowArray) -> list[AnyArray]:
        """Return the columns that break ties, the first first: policy, level, payee's label, other keys."""
        by_label = np.append(self.setting.facts.tree.label_rank, INDEX(NO_CAP))
        rest = [
            by_label[column[chosen]] if name == "source" else column[chosen]
            for name, column in self.cells.keys.items()
            if name != "level"
        ]
        return [
            self.cells.policy[chosen],
            self._key("level", chosen),
            by_label[self.cells.payee[chosen]],
            *rest,
        ]

    def _key(self, name: str, chosen: RowArray) -> IndexArray:
        column = self.cells.keys.get(name)
        return np.zeros(len(chosen), dtype=INDEX) if column is None else column[chosen]

    def _ages(self) -> RowArray:
        """Return for each released cell how old its earning period is, 0 the oldest."""
        order: dict[str, int] = {}
        ages = [order.setdefault(entry.earning_period, len(order)) for entry in self.state.deferred]
        column = np.zeros(len(self.cells), dtype=ROW)
        column[self.kind == RELEASED] = ages
        return column

    def _deferred(self, backing: int) -> list[Deferred]:
        """Return what caps put off, as far as it is backed, in the order in which they did."""
        amounts = [amount for cut in self._put_off for amount in cut.amount.tolist()]
        if sum(amounts) > backing:
            amounts = ration(amounts, backing).tolist()
        cells = [(cut.cap, cell) for cut in self._put_off for cell in cut.cell.tolist()]
        period = "" if self.setting.period is None else str(self.setting.period)
        tree, names = self.setting.facts.tree, tuple(self.cells.keys)
        return [
            Deferred(
                cap=self.caps[place].name,
                policy=self.policies[int(self.cells.policy[cell])],
                payee=tree.label(int(self.cells.payee[cell])),
                keys=tuple(
                    (n, self.labels.label(n, code))
                    for n in names
                    if (code := int(self.cells.keys[n][cell])) != NO_CAP
                ),
                earning_period=period,
                amount=amount,
            )
            for (place, cell), amount in zip(cells, amounts, strict=True)
            if amount
        ]

    def _usage_after(self, place: int, cap: Cap) -> dict[tuple[str, str], dict[Any, int]]:
        """Return what is used up of a cap over more than the period, by window."""
        groups = self._groups(place, cap)
        windows, window_of = windows_of_groups(cap, groups, self.setting)
        usage = [dict(self.state.used(cap.name, window)) for window in windows]
        now = self._tally(groups, self._on(cap) | self._counting(cap)).sums("the usage of a cap").tolist()
        for name, amount, window in zip(groups.names, now, window_of.tolist(), strict=True):
            if amount:
                usage[window][name] = usage[window].get(name, 0) + amount
        return {(cap.name, window): used for window, used in zip(windows, usage, strict=True)}
