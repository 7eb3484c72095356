"""What wide caps leave: the outcome of a run beyond single orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs

from fenxiao._kernels.tally import exact_sum

if TYPE_CHECKING:
    from fenxiao._arrays import IndexArray, MinorArray, RowArray
    from fenxiao.cells import Cells
    from fenxiao.state import State

OF_ORDERS, OF_PERIOD, RELEASED = range(3)
"""Kinds of cells: claims on orders, claims on the period, what earlier runs deferred."""


@final
@attrs.frozen(eq=False, kw_only=True)
class WideCut:
    """What one wide cap cut: numbers of cells and minor units taken from each."""

    cap: int
    cell: RowArray
    amount: MinorArray


@final
@attrs.frozen(eq=False, kw_only=True)
class WideOutcome:
    """What wide caps left of each cell, why, and what goes on to the next run.

    Attributes
    ----------
    cells : Cells
        Claims on orders first, if anything cuts them once more, then released pay and claims on the period.
    kind : int32 [cells]
        0 claims on orders, 1 claims on the period, 2 what earlier runs deferred.
    allowed : int64 [cells]
    largest_cut : int32 [cells]
        Place of the cap that cut most in the plan, -1 for none; the number of caps stands for what the
        period's orders leave.
    cuts : tuple of WideCut
    earning_periods : tuple of str
        Of the released cells.
    state : State
    order_pay : int
        What claims on orders pay that have no cells.
    from_pots : int
        What of the pots that earlier periods carried over is paid, or carried on.
    """

    cells: Cells
    kind: IndexArray
    allowed: MinorArray
    largest_cut: IndexArray
    cuts: tuple[WideCut, ...]
    earning_periods: tuple[str, ...]
    state: State
    order_pay: int = 0
    from_pots: int = 0

    def pay(self, kind: int) -> int:
        """Return what a kind pays altogether."""
        beside = self.order_pay if kind == OF_ORDERS else 0
        return beside + exact_sum(self.allowed[self.kind == kind])
