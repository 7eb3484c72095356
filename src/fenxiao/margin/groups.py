"""Groups of lines, and exact sums and comparisons by group."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, FlagArray, MinorArray, RowArray
from fenxiao._kernels.tally import Tally, halves, halves_exceed

if TYPE_CHECKING:
    from fenxiao.policies.blocks import OrderBlock


@final
@attrs.frozen(eq=False)
class Groups:
    """Which group each line of a block belongs to; None means that every line is a group of its own."""

    of_line: RowArray | None
    count: int

    def sums(self, values: MinorArray) -> MinorArray:
        """Return the sum of `values` by group."""
        if self.of_line is None:
            return values
        tally = Tally(self.count)
        tally.add(self.of_line, values)
        return tally.sums("the sum over an order's lines")

    def limits(self, values: MinorArray) -> MinorArray:
        """Return sums by group, saturated where 64 bits would overflow."""
        if self.of_line is None:
            return values
        tally = Tally(self.count)
        tally.add(self.of_line, values)
        return tally.saturated()

    def lines_of(self, over: FlagArray) -> RowArray:
        """Return the lines of the marked groups."""
        return np.flatnonzero(over if self.of_line is None else over[self.of_line])


def orders_of(block: OrderBlock) -> Groups:
    """Return the block's orders as groups."""
    return Groups(block.order_of_line(), block.n_orders)


def saturating_add(left: MinorArray, right: MinorArray) -> MinorArray:
    """Return the sum of two arrays that are not negative, 64-bit maximum where it would overflow."""
    total = left + right
    return np.where(total < 0, MINOR(MINOR_MAX), total)


def column_sums(entries: MinorArray, bound: int) -> MinorArray:
    """Return the sums over slots, by line; saturated where 64 bits would overflow."""
    if bound <= MINOR_MAX:
        sums: MinorArray = np.add.reduce(entries, axis=0)
        return sums
    total = np.zeros(entries.shape[1], dtype=MINOR)
    for row in entries:
        total = saturating_add(total, row)
    return total


def exceeds(entries: MinorArray, groups: Groups, room: MinorArray, bound: int) -> FlagArray:
    """Return for each group whether its entries sum to more than `room`, exactly."""
    lines = entries.shape[1] if groups.of_line is not None else 1
    if bound * lines <= MINOR_MAX:
        return groups.sums(np.add.reduce(entries, axis=0)) > room
    low, high = (np.add.reduce(half, axis=0) for half in halves(entries))
    if groups.of_line is not None:
        low, high = groups.sums(low), groups.sums(high)
    return halves_exceed(low, high, room)
