"""Totals of order claims by policy and member, added up block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

from fenxiao._arrays import INDEX, MINOR, FlagArray, IndexArray, MinorArray, blocks
from fenxiao._kernels.packing import PackedTally
from fenxiao._kernels.tally import Tally, exact_sum
from fenxiao.cells import NONE, Cells
from fenxiao.errors import OrdersError
from fenxiao.sheets import exact_total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fenxiao.lines.blocks import GuardedBlock
    from fenxiao.policies.base import Claims
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.sheets import Sheet

_PARTS_KEPT = 32


@final
class Sums:
    """Counts and sums over everything that was settled; money in minor units, as Python integers.

    ``net`` is the sum of the orders' budgets with losses as negative, ``budget`` without losses. ``taken``
    maps the place of a cap to what it cut.
    """

    __slots__ = (
        "above_paid", "bound_orders", "breakage", "budget", "claimed", "guests", "lines", "loss_orders",
        "net", "orders", "pay", "taken",
    )  # fmt: skip

    def __init__(self) -> None:
        self.orders = self.lines = self.guests = 0
        self.loss_orders = self.bound_orders = self.above_paid = 0
        self.net = self.budget = self.claimed = self.pay = self.breakage = 0
        self.taken: dict[int, int] = {}

    def count(self, guarded: GuardedBlock, *, compare: bool) -> None:
        """Count a block, and add up its budgets, cuts and breakage, but not its claims and pay.

        Parameters
        ----------
        compare : whether orders are compared with what was paid
        """
        block, budget = guarded.block, guarded.budget
        self.lines += len(block)
        self.orders += block.n_orders
        self.guests += int(np.count_nonzero(block.member == block.setting.size))
        net = limit = exact_sum(budget.net_by_order)
        if budget.by_order is not budget.net_by_order:
            losses = budget.net_by_order[budget.net_by_order < 0]
            limit = exact_sum(budget.by_order)
            net = limit + exact_sum(losses)
            self.loss_orders += len(losses)
        self.net += net
        self.budget += limit
        if compare and "paid" in block.facts.orders.names:
            paid = _by_order(block, block.amounts("paid"))
            self.above_paid += int(np.count_nonzero(budget.net_by_order > paid))
        for cap, amount in guarded.taken.items():
            self.taken[cap] = self.taken.get(cap, 0) + amount
        margin = guarded.margin_place
        for sheet in guarded.sheets:
            self.breakage += sum(claims.breakage for _, claims in sheet.claims)
        bound = [cut.lines for sheet in guarded.sheets for cut in sheet.cuts if cut.cap == margin]
        if bound:
            lines = bound[0] if len(bound) == 1 else np.unique(np.concatenate(bound))
            order = block.order_of_line()
            self.bound_orders += len(lines) if order is None else len(np.unique(order[lines]))

    def plus(self, other: Sums) -> Sums:
        """Return the sums of two disjoint batches."""
        total = Sums()
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if name == "taken":
                total.taken = {k: mine.get(k, 0) + theirs.get(k, 0) for k in sorted({*mine, *theirs})}
            else:
                setattr(total, name, mine + theirs)
        return total


class _Sources(NamedTuple):
    """Sums by credited member (or another source) and level, and the way from there to the payees."""

    tally: PackedTally
    length: int
    route: Callable[[IndexArray], IndexArray]


@final
class OrderTotals:
    """Adds up guarded blocks.

    Parameters
    ----------
    size : number of members
    policies : number of policies of the plan
    keys : keys of the wide caps' cells; none where policy and payee are enough
    most : how many lines credit one member at the most; it may be a guess, see `sound`
    margin_may_exceed_paid : whether orders are to be compared with what was paid
    """

    def __init__(
        self, size: int, policies: int, keys: Sequence[str], *, most: int, margin_may_exceed_paid: bool
    ) -> None:
        self.size = size
        self.keys = tuple(keys)
        self.sums = Sums()
        self._allowed: list[Tally | None] = [None] * policies
        self._sources: dict[int, _Sources] = {}
        self._most = most
        self._packed = self._unpacked = 0
        self._parts: list[Cells] = []
        self._compare = margin_may_exceed_paid

    def add(self, guarded: GuardedBlock) -> None:
        """Add one block."""
        self.sums.count(guarded, compare=self._compare)
        for sheet in guarded.sheets:
            self._add_sheet(sheet)
            if self.keys:
                self._parts.append(_cells_of(sheet, self.keys))
        if len(self._parts) >= _PARTS_KEPT:
            self._parts = [Cells.joined(self._parts)]

    def _add_sheet(self, sheet: Sheet) -> None:
        whole = 0
        for policy, claims, slots in sheet.parts():
            amounts = sheet.allowed[slots]
            pay = exact_total(amounts, sheet.bound)
            whole += pay
            if claims.route is not None and self._by_source(policy, claims, sheet.block, amounts):
                self._packed += pay
                continue
            payees = claims.payees(sheet.block)
            for payee, amount in zip(payees, amounts, strict=True):
                self._tally(policy).add(payee, amount, claims.bound)
        self.sums.pay += whole
        if sheet.allowed is not sheet.claimed:
            whole = exact_total(sheet.claimed, sheet.bound)
        self.sums.claimed += whole

    def _by_source(self, policy: int, claims: Claims, block: OrderBlock, amounts: MinorArray) -> bool:
        """Add up by credited member, to climb once a member and not once an order; say whether it fits."""
        known = self._sources.get(policy)
        if known is None or claims.bound > known.tally.bound:
            if not PackedTally.fits(claims.bound, self._most):
                return False
            self._spread(policy)
            length = self.size + 1 if claims.source is None else claims.sources
            tally = PackedTally(length, len(amounts), claims.bound, self._most)
            known = self._sources[policy] = _Sources(tally, length, claims.route)  # type: ignore[arg-type]  # the caller has checked it
        known.tally.add(block.member if claims.source is None else claims.source, amounts)
        return True

    def _spread(self, policy: int) -> None:
        """Hand the sums by credited member on to their payees."""
        known = self._sources.pop(policy, None)
        if known is None:
            return
        tally = self._tally(policy)
        for low, high in blocks(known.length):
            # Of few orders most members have none.
            owners = known.tally.owners(low, high)
            if not len(owners):
                continue
            columns = known.tally.columns(owners)
            self._unpacked += sum(exact_sum(column) for column in columns)
            payees = known.route(owners)
            for payee, column in zip(payees, columns, strict=True):
                tally.add(payee, column)

    def _tally(self, policy: int) -> Tally:
        tally = self._allowed[policy]
        if tally is None:
            self._allowed[policy] = tally = Tally(self.size + 1)
        return tally

    def allowed(self, policy: int) -> MinorArray | None:
        """Return what a policy pays each member (int64 [members]); None for nothing at all."""
        self._spread(policy)
        tally = self._allowed[policy]
        return None if tally is None else tally.sums("a member's total")[: self.size]

    def sound(self) -> bool:
        """Return whether the guess of `most` was large enough, once `allowed` was asked of every policy.

        A sum that is too large for its part of a word carries into the next part, or falls off the word's
        end. Either makes the parts add up to less than what was packed, never to as much.
        """
        return self._packed == self._unpacked

    def cells(self) -> Cells:
        """Return what wide caps cut."""
        if self.keys:
            return Cells.joined([Cells.empty(self.keys), *self._parts])
        parts = [Cells.empty(())]
        for policy in range(len(self._allowed)):
            amounts = self.allowed(policy)
            if amounts is not None:
                payee = np.flatnonzero(amounts).astype(INDEX)
                place = np.full(len(payee), policy, dtype=INDEX)
                parts.append(Cells(policy=place, payee=payee, keys={}, amount=amounts[payee]))
        return Cells.joined(parts)


def withheld_totals(run: Iterable[GuardedBlock], size: int, policies: int) -> tuple[MinorArray | None, ...]:
    """Return what scope 1 withheld from each member by policy (int64 [members]), None for nothing at all.

    Parameters
    ----------
    run : all blocks of a settlement
    size, policies : number of members and of policies
    """
    tallies: list[Tally | None] = [None] * policies
    for guarded in run:
        for sheet in guarded.sheets:
            lines = sheet.touched()
            if not len(lines):
                continue
            withheld = np.take(sheet.claimed, lines, axis=1) - np.take(sheet.allowed, lines, axis=1)
            for slot, policy in enumerate(sheet.policy):
                tally = tallies[policy] = tallies[policy] or Tally(size + 1)
                tally.add(sheet.payee[slot][lines], withheld[slot], sheet.bound)
    return tuple(None if tally is None else tally.sums("a member's total")[:size] for tally in tallies)


def _by_order(block: OrderBlock, values: MinorArray) -> MinorArray:
    order = block.order_of_line()
    if order is None:
        return values
    tally = Tally(block.n_orders)
    tally.add(order, values)
    return tally.saturated()


def entry_columns(sheet: Sheet, keys: Sequence[str], chosen: FlagArray) -> list[IndexArray]:
    """Return policy, payee and keys of the chosen entries (bool [slots, lines]) of a sheet."""
    slot, line = np.nonzero(chosen)
    block = sheet.block
    policy = np.array(sheet.policy, dtype=INDEX)[slot]
    columns = [policy, sheet.payee[slot, line]]
    for key in keys:
        if key == "level":
            levels = np.stack([sheet.levels(number) for number in range(sheet.slots)])
            columns.append(levels[slot, line].astype(INDEX))
        elif key == "source":
            # Guests are nobody's source.
            columns.append(np.where(block.member == block.setting.size, INDEX(NONE), block.member)[line])
        else:
            codes, _ = block.codes(key)
            if (codes[line] < 0).any():
                raise OrdersError(
                    f"orders column {key!r}",
                    "is missing on lines that a cap by that column limits",
                    hint="Fill it, with a name of your own where there is none",
                    rows=block.facts.orders.caller_rows(block.row_numbers[np.unique(line[codes[line] < 0])]),
                )
            columns.append(codes[line])
    return columns


def _cells_of(sheet: Sheet, keys: Sequence[str]) -> Cells:
    chosen = sheet.allowed > 0
    if sheet.slots == 0 or not chosen.any():
        return Cells.empty(keys)
    policy, payee, *rest = entry_columns(sheet, keys, chosen)
    amount = sheet.allowed[chosen].astype(MINOR)
    return Cells.joined(
        [Cells(policy=policy, payee=payee, keys=dict(zip(keys, rest, strict=True)), amount=amount)]
    )
