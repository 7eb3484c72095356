"""`Sheet`: the claims of all policies on one block of order lines, side by side."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, ROW, IndexArray, MinorArray, RowArray
from fenxiao._kernels.tally import exact_sum

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fenxiao.policies.base import Claims
    from fenxiao.policies.blocks import OrderBlock

_EMPTY: Final = np.zeros(0, dtype=ROW)


@final
@attrs.frozen(eq=False)
class Cut:
    """What one cap cut: minor units taken from the entries ``slots x lines`` of a sheet."""

    cap: int
    """Place of the cap in the plan; the number of caps stands for the order margin."""
    slots: RowArray
    lines: RowArray
    taken: MinorArray
    """int64 [slots, lines]"""


@final
class Sheet:
    """Claims and what the guard allows of them, for the policies of one stage and one block.

    Attributes
    ----------
    policy : int a slot
        Place of the slot's policy in the plan.
    claimed, allowed : int64 [slots, lines]
        Minor units.
    uniform : bool
        Whether every slot has one level for all its lines.
    rising : bool
        Whether these levels rise from slot to slot of a policy, so that no two slots share one.
    """

    __slots__ = (
        "_payee",
        "allowed",
        "block",
        "bound",
        "claimed",
        "claims",
        "cuts",
        "policy",
        "rising",
        "uniform",
    )

    def __init__(self, block: OrderBlock, policies: Sequence[int], claims: Sequence[Claims]) -> None:
        self.block = block
        self.claims = tuple(zip(policies, claims, strict=True))
        self.policy = tuple(place for place, found in self.claims for _ in range(len(found.amount)))
        self._payee: IndexArray | None = None
        if len(claims) == 1:
            self.claimed = claims[0].amount
        else:
            empty = np.empty((0, len(block)), dtype=MINOR)
            self.claimed = np.concatenate([empty, *(found.amount for found in claims)])
        self.allowed = self.claimed
        self.uniform = all(isinstance(found.levels, tuple) for found in claims)
        self.rising = all(_rise(found.levels) for found in claims)
        self.bound = sum(found.bound * len(found.amount) for found in claims)
        self.cuts: list[Cut] = []

    @property
    def slots(self) -> int:
        """Return the number of slots."""
        return len(self.policy)

    @property
    def payee(self) -> IndexArray:
        """Return the payees: totals by credited member do without them, so they are found on request."""
        if self._payee is None:
            parts = [found.payees(self.block) for _, found in self.claims]
            empty = np.empty((0, len(self.block)), dtype=INDEX)
            self._payee = parts[0] if len(parts) == 1 else np.concatenate([empty, *parts])
        return self._payee

    def parts(self) -> Iterator[tuple[int, Claims, slice]]:
        """Yield each policy's place in the plan, its claims, and its slots."""
        low = 0
        for place, found in self.claims:
            yield place, found, slice(low, low + len(found.amount))
            low += len(found.amount)

    def levels(self, slot: int) -> IndexArray:
        """Return the levels of one slot's lines."""
        for _, found in self.claims:
            if slot < len(found.amount):
                level = found.levels[slot]
                return np.broadcast_to(np.asarray(level, dtype=INDEX), (len(self.block),))
            slot -= len(found.amount)
        raise IndexError(slot)

    def cut(self, cap: int, slots: RowArray, lines: RowArray, before: MinorArray, allowed: MinorArray) -> int:
        """Lower the entries ``slots x lines`` from `before` to `allowed`; return what was taken.

        Both are int64 [slots, lines]; `before` is used up.
        """
        if self.allowed is self.claimed:
            self.allowed = self.claimed.copy()
        for slot, column in zip(slots.tolist(), allowed, strict=True):
            self.allowed[slot][lines] = column
        taken = np.subtract(before, allowed, out=before)
        self.cuts.append(Cut(cap, slots, lines, taken))
        return exact_total(taken, self.bound)

    def touched(self) -> RowArray:
        """Return the lines on which anything was cut, ascending."""
        if len(self.cuts) <= 1:
            return self.cuts[0].lines if self.cuts else _EMPTY
        return np.unique(np.concatenate([cut.lines for cut in self.cuts]))

    def largest_cut(self) -> tuple[IndexArray, MinorArray]:
        """Return for each entry the cap that cut most (first of equals, -1 for none) and what it cut."""
        most = np.zeros(self.claimed.shape, dtype=MINOR)
        place = np.full(self.claimed.shape, -1, dtype=INDEX)
        for cut in self.cuts:
            at = np.ix_(cut.slots, cut.lines)
            more = cut.taken > most[at]
            place[at] = np.where(more, INDEX(cut.cap), place[at])
            most[at] = np.maximum(most[at], cut.taken)
        return place, most


def _rise(levels: tuple[int, ...] | IndexArray) -> bool:
    return isinstance(levels, tuple) and all(low < high for low, high in pairwise(levels))


def exact_total(values: MinorArray, bound: int) -> int:
    """Return the sum of a matrix as a Python integer; `bound` is one of a column's sum."""
    if bound * max(values.shape[-1], 1) <= MINOR_MAX:
        return int(values.sum())
    return exact_sum(values.ravel())
