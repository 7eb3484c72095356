"""Scope 1 of the guard: caps on lines, products, policies and the order, then the order's margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR, ROW, MinorArray, RowArray
from fenxiao._kernels.rationing import priority_columns, ration_columns
from fenxiao.errors import OrdersError
from fenxiao.limits import IN_ORDER, Cap, Margin
from fenxiao.margin.budget import Budget, line_margins
from fenxiao.margin.groups import Groups, column_sums, exceeds, orders_of, saturating_add
from fenxiao.margin.rejecting import rejected
from fenxiao.money import ration_many, to_minor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.sheets import Sheet

_DENSE_SLOTS: Final = 64

_Parts: TypeAlias = tuple[tuple[frozenset[str] | None, frozenset[str] | None], ...]
"""Names of policies that a limit cuts, and of those that use it up; None for all."""


@final
@attrs.frozen(eq=False)
class _Limit:
    """One limit on a block: its place in the plan, its groups, and what each of them may get.

    The policies of a part share a group's money; parts know nothing of one another.
    """

    place: int
    groups: Groups
    most: MinorArray
    parts: _Parts


@final
@attrs.frozen(eq=False, kw_only=True)
class OrderGuard:
    """The limits inside an order, made ready for one plan.

    Parameters
    ----------
    margin : the plan's margin
    caps : the plan's caps, all of them; a cap's place is its number in reports
    policies : names of the plan's policies, in plan order
    """

    margin: Margin
    caps: tuple[Cap, ...]
    policies: tuple[str, ...]

    def in_sequence(self) -> list[tuple[int, Cap]]:
        """Return the caps inside an order in the sequence in which they run, with their places."""
        return [
            (place, cap) for scope in IN_ORDER for place, cap in enumerate(self.caps) if cap.scope == scope
        ]

    def budget(self, block: OrderBlock) -> Budget:
        """Return what the block's lines and orders may pay."""
        by_line = line_margins(self.margin, block)
        starts = block.starts
        net = by_line
        if starts is not None:
            groups = orders_of(block)
            net = groups.sums(by_line)
        # Without a loss the budgets are the margins themselves.
        by_order = net if int(net.min(initial=0)) >= 0 else np.maximum(net, 0)
        taken = block.taken()
        if taken is not None:
            by_order = np.maximum(by_order - taken, 0)
        return Budget(by_line, by_order, net)

    def apply(self, sheet: Sheet, earlier: Sequence[Sheet], budget: Budget) -> dict[int, int]:
        """Cut a stage's sheet to the limits of scope 1; return the sum taken by each cap's place.

        Raises
        ------
        CapRejectedError
            A limit with ``rule="reject"`` is exceeded.
        """
        taken: dict[int, int] = {}
        if sheet.slots == 0 or len(sheet.block) == 0:
            return taken
        for step, limit in enumerate(self._sequence(sheet.block, budget)):
            if self._rule(limit.place)[0] == "reject":
                self._reject(sheet, earlier, limit, (len(earlier), step))
                continue
            for on, counting in limit.parts:
                self._cut_groups(sheet, earlier, limit, on, counting, taken)
        return taken

    def _sequence(self, block: OrderBlock, budget: Budget) -> Iterator[_Limit]:
        """Yield the limits of a block in the sequence in which they run."""
        sequence = self.in_sequence()
        margin: _Parts = ((None, None),)
        yield from (self._limit(block, place, cap) for place, cap in sequence if cap.scope == "line")
        if self.margin.guard == "line":
            by_line = np.maximum(budget.by_line, 0)
            yield _Limit(self.caps_place, Groups(None, len(by_line)), by_line, margin)
        yield from (self._limit(block, place, cap) for place, cap in sequence if cap.scope != "line")
        yield _Limit(self.caps_place, orders_of(block), budget.by_order, margin)

    @property
    def caps_place(self) -> int:
        """Return the place that stands for the order margin."""
        return len(self.caps)

    def _limit(self, block: OrderBlock, place: int, cap: Cap) -> _Limit:
        groups = groups_of(cap, block)
        on = frozenset(self.policies if cap.on is None else cap.on)
        counting = on if cap.counting is None else frozenset(cap.counting)
        parts: _Parts = ((on, counting),)
        if cap.scope == "policy_in_order":
            parts = tuple((frozenset({n}), frozenset({n})) for n in self.policies if n in on)
        return _Limit(place, groups, limits_of(cap, block, groups), parts)

    def _rule(self, place: int) -> tuple[str, str]:
        """Return a limit's rule and what becomes of the cents that do not divide."""
        its = self.margin if place == self.caps_place else self.caps[place]
        return its.rule, its.leftover

    def _reject(self, sheet: Sheet, earlier: Sequence[Sheet], limit: _Limit, step: tuple[int, int]) -> None:
        """Raise where any group of any policy asks too much, naming the orders of all of them."""
        over = np.zeros(limit.groups.count, dtype=FLAG)
        for on, counting in limit.parts:
            slots = self._slots(sheet, on)
            if len(slots):
                room = self._room(sheet, earlier, limit, on, counting)
                over |= exceeds(sheet.allowed[slots], limit.groups, room, sheet.bound)
        if over.any():
            its = limit.place
            name = "the order margin" if its == self.caps_place else f"cap {self.caps[its].name!r}"
            raise rejected(name, sheet.block, limit.groups.lines_of(over), step)

    def _cut_groups(
        self,
        sheet: Sheet,
        earlier: Sequence[Sheet],
        limit: _Limit,
        on: frozenset[str] | None,
        counting: frozenset[str] | None,
        taken: dict[int, int],
    ) -> None:
        groups, place = limit.groups, limit.place
        slots = self._slots(sheet, on)
        if len(slots) == 0:
            return
        room = self._room(sheet, earlier, limit, on, counting)
        entries = sheet.allowed if len(slots) == sheet.slots else sheet.allowed[slots]
        over = exceeds(entries, groups, room, sheet.bound)
        if not over.any():
            return
        rule, leftover = self._rule(place)
        lines = groups.lines_of(over)
        entries = np.take(entries, lines, axis=1)
        if (
            groups.of_line is None
            and sheet.uniform
            and len(slots) <= _DENSE_SLOTS
            # Served slot by slot, claims of one level would not give way together.
            and (rule == "proportional" or (rule == "priority" and sheet.rising))
        ):
            limits = room[lines]
            if rule == "priority":
                new = priority_columns(entries, limits)
            else:
                new = ration_columns(entries, limits, leftover=leftover)  # type: ignore[arg-type]  # validated
        else:
            new = _ragged(sheet, slots, lines, entries, groups, room, rule, leftover)
        taken[place] = taken.get(place, 0) + sheet.cut(place, slots, lines, entries, new)

    def _slots(self, sheet: Sheet, names: frozenset[str] | None) -> RowArray:
        return np.array(
            [
                slot
                for slot, place in enumerate(sheet.policy)
                if names is None or self.policies[place] in names
            ],
            dtype=ROW,
        )

    def _room(
        self,
        sheet: Sheet,
        earlier: Sequence[Sheet],
        limit: _Limit,
        on: frozenset[str] | None,
        counting: frozenset[str] | None,
    ) -> MinorArray:
        """Return what the limits leave after earlier stages and after policies that only count."""
        used: MinorArray | None = None
        for other in (*earlier, sheet):
            names = counting if other is not sheet else (counting or frozenset()) - (on or frozenset())
            if other is sheet and not names:
                continue
            wanted = self._slots(other, names)
            if other is not sheet and on is not None:
                wanted = self._slots(other, (counting or frozenset()) | on)
            if len(wanted):
                spent = column_sums(other.allowed[wanted], other.bound)
                sums = limit.groups.sums(spent)
                used = sums if used is None else saturating_add(used, sums)
        most = limit.most
        return most if used is None else np.maximum(most - np.minimum(used, most), 0)


def _ragged(
    sheet: Sheet,
    slots: RowArray,
    lines: RowArray,
    entries: MinorArray,
    groups: Groups,
    room: MinorArray,
    rule: str,
    leftover: str,
) -> MinorArray:
    """Solve the marked groups where they span several lines or the rule is not a simple one."""
    block = sheet.block
    group = lines if groups.of_line is None else groups.of_line[lines]
    level = np.stack([sheet.levels(int(slot))[lines] for slot in slots])
    policy = np.array([sheet.policy[int(slot)] for slot in slots], dtype=ROW)
    policies = np.broadcast_to(policy[:, None], entries.shape).ravel()
    spread = np.broadcast_to(lines, entries.shape).ravel()
    payee = sheet.payee[np.ix_(slots, lines)].ravel()
    rank = np.append(block.facts.tree.label_rank, len(block.facts.tree))[payee]
    order = np.lexsort((rank, spread, level.ravel(), policies))
    flat = entries.ravel()[order]
    unique, compact = np.unique(np.broadcast_to(group, entries.shape).ravel()[order], return_inverse=True)
    classes = None
    if rule == "priority":
        _, classes = np.unique(np.stack((policies[order], level.ravel()[order])), axis=1, return_inverse=True)
    solved = ration_many(flat, compact, room[unique], rule, leftover=leftover, classes=classes)  # type: ignore[arg-type]  # validated
    new = np.empty_like(flat)
    new[order] = solved
    return new.reshape(entries.shape)


def groups_of(cap: Cap, block: OrderBlock) -> Groups:
    """Return the groups of a cap inside an order."""
    if cap.scope == "line":
        return Groups(None, len(block))
    if cap.scope != "product_in_order":
        return orders_of(block)
    codes = product_codes(block, "product", cap)
    order = block.order_of_line()
    if order is None:
        return Groups(None, len(block))
    pairs, of_line = np.unique(np.stack((order, codes.astype(ROW))), axis=1, return_inverse=True)
    return Groups(of_line.astype(ROW).ravel(), pairs.shape[1])


def product_codes(block: OrderBlock, name: str, cap: Cap) -> Any:
    """Return the codes of a category column that a cap groups by; nobody may be missing."""
    codes, _ = block.codes(name)
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise OrdersError(
            f"orders column {name!r}",
            f"is missing where cap {cap.name!r} needs it",
            hint="Fill it, with a name of your own where there is none",
            rows=block.facts.orders.caller_rows(block.row_numbers[missing]),
        )
    return codes


def limits_of(cap: Cap, block: OrderBlock, groups: Groups) -> MinorArray:
    """Return the limit of each group in minor units."""
    if cap.money is not None:
        limit = to_minor(cap.money, block.decimals, thing=f"cap {cap.name!r}")
        return np.full(groups.count, limit, dtype=MINOR)
    if cap.column is not None:
        return np.maximum(groups.limits(block.money(cap.column, f"cap {cap.name!r}")), 0)
    exact = cap.of.value(block)  # type: ignore[union-attr]  # a cap has exactly one kind of limit
    summed = exact if groups.of_line is None else exact.grouped(groups.of_line, groups.count)
    return summed.limit(cap.rate.fraction)  # type: ignore[union-attr]  # the only kind left here
