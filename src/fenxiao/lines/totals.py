"""Totals of order claims by policy and member, added up block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np

from fenxiao._arrays import INDEX, MINOR, FlagArray, IndexArray, MinorArray
from fenxiao._kernels.tally import Tally, exact_sum
from fenxiao.errors import OrdersError
from fenxiao.margin.cells import Cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.lines.blocks import GuardedBlock
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.sheets import Sheet

_PARTS_KEPT = 32


@final
class Sums:
    """Counts and sums over everything that was settled; money in minor units, as Python integers.

    ``net`` is the sum of the orders' margins with losses as negative, ``budget`` without losses, ``paid`` is
    None where the orders have no column of that name. ``taken`` maps the place of a cap to what it cut.
    """

    __slots__ = (
        "above_paid", "bound_orders", "breakage", "budget", "claimed", "guests", "lines", "loss_orders",
        "net", "orders", "paid", "pay", "taken",
    )  # fmt: skip

    def __init__(self) -> None:
        self.orders = self.lines = self.guests = 0
        self.loss_orders = self.bound_orders = self.above_paid = 0
        self.paid: int | None = None
        self.net = self.budget = self.claimed = self.pay = self.breakage = 0
        self.taken: dict[int, int] = {}

    def plus(self, other: Sums) -> Sums:
        """Return the sums of two disjoint batches."""
        total = Sums()
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if name == "taken":
                total.taken = {k: mine.get(k, 0) + theirs.get(k, 0) for k in sorted({*mine, *theirs})}
            elif name == "paid" and (mine is None or theirs is None):
                total.paid = mine if theirs is None else theirs
            else:
                setattr(total, name, mine + theirs)
        return total


@final
class OrderTotals:
    """Adds up guarded blocks.

    Parameters
    ----------
    size : number of members
    policies : number of policies of the plan
    keys : keys of the wide caps' cells; none where policy and payee are enough
    margin_may_exceed_paid : whether orders are to be compared with what was paid
    """

    def __init__(
        self, size: int, policies: int, keys: Sequence[str], *, margin_may_exceed_paid: bool
    ) -> None:
        self.size = size
        self.keys = tuple(keys)
        self.sums = Sums()
        self._allowed: list[Tally | None] = [None] * policies
        self._withheld: list[Tally | None] = [None] * policies
        self._parts: list[Cells] = []
        self._compare = margin_may_exceed_paid

    def add(self, guarded: GuardedBlock) -> None:
        """Add one block."""
        self._count(guarded)
        for sheet in guarded.sheets:
            self._add_sheet(sheet)
            if self.keys:
                self._parts.append(_cells_of(sheet, self.keys))
        if len(self._parts) >= _PARTS_KEPT:
            self._parts = [Cells.joined(self._parts)]

    def _count(self, guarded: GuardedBlock) -> None:
        sums, block, budget = self.sums, guarded.block, guarded.budget
        sums.lines += len(block)
        sums.orders += block.n_orders
        sums.guests += int(np.count_nonzero(block.member == self.size))
        net, limit = exact_sum(budget.net_by_order), exact_sum(budget.by_order)
        sums.net += net
        sums.budget += limit
        if net != limit:
            sums.loss_orders += int(np.count_nonzero(budget.net_by_order < 0))
        if "paid" in block.facts.orders.names:
            paid = block.amounts("paid")
            sums.paid = (sums.paid or 0) + exact_sum(paid)
            if self._compare:
                sums.above_paid += int(np.count_nonzero(budget.net_by_order > _by_order(block, paid)))
        for cap, amount in guarded.taken.items():
            sums.taken[cap] = sums.taken.get(cap, 0) + amount
            sums.claimed += amount
        margin = guarded.margin_place
        for sheet in guarded.sheets:
            sums.breakage += sum(claims.breakage for _, claims in sheet.claims)
        bound = [cut.lines for sheet in guarded.sheets for cut in sheet.cuts if cut.cap == margin]
        if bound:
            lines = bound[0] if len(bound) == 1 else np.unique(np.concatenate(bound))
            order = block.order_of_line()
            sums.bound_orders += len(lines) if order is None else len(np.unique(order[lines]))

    def _add_sheet(self, sheet: Sheet) -> None:
        touched = sheet.touched()
        for slot, policy in enumerate(sheet.policy):
            allowed, payee = sheet.allowed[slot], sheet.payee[slot]
            pay = int(allowed.sum()) if sheet.bound * len(allowed) < 1 << 62 else exact_sum(allowed)
            self.sums.pay += pay
            self.sums.claimed += pay
            self._tally(self._allowed, policy).add(payee, allowed, sheet.bound)
            if len(touched):
                withheld = sheet.claimed[slot, touched] - allowed[touched]
                self._tally(self._withheld, policy).add(payee[touched], withheld, sheet.bound)

    def _tally(self, tallies: list[Tally | None], policy: int) -> Tally:
        tally = tallies[policy]
        if tally is None:
            tallies[policy] = tally = Tally(self.size + 1)
        return tally

    def allowed(self, policy: int) -> MinorArray | None:
        """Return what a policy pays each member (int64 [members]); None for nothing at all."""
        return self._sums_of(self._allowed[policy])

    def withheld(self, policy: int) -> MinorArray | None:
        """Return what scope 1 withheld of a policy from each member; None for nothing at all."""
        return self._sums_of(self._withheld[policy])

    def _sums_of(self, tally: Tally | None) -> MinorArray | None:
        return None if tally is None else tally.sums("a member's total")[: self.size]

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
            columns.append(block.member[line])
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
