"""Ordered legs by index: what needs no labels."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np

from fenxiao._arrays import (
    BLOCK_ROWS,
    INDEX,
    MINOR,
    NO_MEMBER,
    ROW,
    FlagArray,
    IndexArray,
    MinorArray,
    blocks,
    readonly,
)
from fenxiao._kernels.placing import Places
from fenxiao._kernels.trees import ancestors, subtree_sums
from fenxiao.errors import InputError, MoneyOverflowError
from fenxiao.tree.forest import levels

if TYPE_CHECKING:
    from fenxiao._labels import Labelled
    from fenxiao.tree import ReferralTree

_VALUES: Final = "values"
_SUBTREE_SUMS: Final = "subtree sums"
_LEG_SUMS: Final = "leg sums"


@attrs.frozen(eq=False, kw_only=True, repr=False)
class OrderedLegs:
    """Members in legs: arrays by the index of the referral tree, sums along the legs' own preorder."""

    tree: ReferralTree
    width: int
    parent: IndexArray
    leg: IndexArray
    placed: FlagArray
    depth: IndexArray
    size: IndexArray
    order: IndexArray

    def __len__(self) -> int:
        """Return the number of placed members."""
        return len(self.order)

    @cached_property
    def deepest(self) -> int:
        """The depth of the deepest member, 0 where nobody is placed."""
        return max(int(self.depth.max(initial=0)), 0)

    @cached_property
    def up(self) -> IndexArray:
        """int32 [n + 1]: the parent's index, n for nobody and at n, so that no hop needs a mask."""
        n = len(self.tree)
        pointer = np.append(self.parent, INDEX(NO_MEMBER))
        pointer[pointer == NO_MEMBER] = n
        frozen: IndexArray = readonly(pointer)
        return frozen

    @cached_property
    def _position(self) -> IndexArray:
        position = np.empty(len(self.tree), dtype=INDEX)
        position[self.order] = np.arange(len(self), dtype=INDEX)
        return position

    @cached_property
    def _spans(self) -> IndexArray:
        """Return how many members stand in each placed member's subtree, in the order of the placement."""
        return readonly(np.take(self.size, self.order, mode="clip"))  # type: ignore[no-any-return]  # readonly keeps the kind

    def subtree_sum(self, values: MinorArray) -> MinorArray:
        """Return each member's sum over himself and everybody below him in the placement, exactly.

        Whoever is unplaced has 0, and his value counts nowhere.

        Parameters
        ----------
        values : int64 [n], by index, of any sign

        Raises
        ------
        MoneyOverflowError
            A sum that does not fit into 64 bits; running sums that do not are no obstacle.

        Examples
        --------
        >>> from fenxiao.placement import Placement
        >>> from fenxiao.tree import ReferralTree
        >>> tree = ReferralTree.from_parents([-1, 0, 0, 0])
        >>> placement = Placement.auto(tree, [0, 1, 2], rule="breadth", width=1)
        >>> placement.subtree_sum(np.array([1, 10, 100, 1000])).tolist()
        [111, 110, 100, 0]
        """
        sums, over = self._sums(values)
        if over is not None:
            raise self._overflow(_SUBTREE_SUMS, self.order[over])
        by_member = np.zeros(len(self.tree), dtype=MINOR)
        by_member[self.order] = sums
        return by_member

    def leg_sums(self, values: MinorArray) -> MinorArray:
        """Return for each leg of each member the sum over everybody in it: int64 [width, n].

        An empty leg has 0. With his own value the legs of a member make his `subtree_sum`.

        Parameters
        ----------
        values : int64 [n], by index, of any sign

        Raises
        ------
        MoneyOverflowError
            A leg's sum that does not fit into 64 bits.

        Examples
        --------
        >>> from fenxiao.placement import Placement
        >>> from fenxiao.tree import ReferralTree
        >>> tree = ReferralTree.from_parents([-1, 0, 0, 0])
        >>> placement = Placement.auto(tree, [0, 1, 2, 3], rule="weaker")
        >>> placement.leg_sums(np.array([1, 10, 100, 1000])).tolist()
        [[1010, 1000, 0, 0], [100, 0, 0, 0]]
        """
        sums, over = self._sums(values)
        if over is not None:
            above = self.parent[self.order[over]]
            if (above != NO_MEMBER).any():
                raise self._overflow(_LEG_SUMS, above[above != NO_MEMBER])
        n = len(self.tree)
        by_member = np.zeros(n, dtype=MINOR)
        by_member[self.order] = sums
        by_leg = np.zeros((self.width, n), dtype=MINOR)
        # Members are read in their own order; only where a sum goes is anywhere.
        place = by_leg.reshape(-1)
        for low, high in blocks(n, BLOCK_ROWS):
            below = np.flatnonzero(self.parent[low:high] != NO_MEMBER) + low
            place[self.leg[below] * ROW(n) + self.parent[below]] = by_member[below]
        return by_leg

    def _sums(self, values: MinorArray) -> tuple[MinorArray, FlagArray | None]:
        own = np.asarray(values)
        if own.dtype != MINOR or own.shape != self.parent.shape:
            value, allowed = f"{own.dtype} {own.shape}", f"int64 ({len(self.tree)},)"
            raise InputError(_VALUES, "are not one amount a member", value=value, allowed=allowed)
        return subtree_sums(np.take(own, self.order, mode="clip"), self._spans)

    def _overflow(self, thing: str, members: IndexArray) -> MoneyOverflowError:
        at = np.unique(members)
        problem = f"of {len(at):,} members do not fit into 64 bits"
        hint = "Use a coarser unit for this volume"
        return MoneyOverflowError(thing, problem, hint=hint, labels=self.tree.ids[at].tolist())

    def ancestors(self, indices: Labelled, k: int) -> IndexArray:
        """Return the index k levels up in the placement, -1 where nobody stands there (and for -1).

        >>> from fenxiao.placement import Placement
        >>> from fenxiao.tree import ReferralTree
        >>> tree = ReferralTree.from_parents([-1, 0, 0])
        >>> Placement.auto(tree, [0, 1, 2], rule="breadth", width=1).ancestors([2, 1, 0], 1).tolist()
        [1, 0, -1]
        """
        at = self.tree.checked(indices)
        if levels(k) > self.deepest:
            return np.full(len(at), NO_MEMBER, dtype=INDEX)
        return ancestors(self.up, at, k)


def places_in(legs: OrderedLegs, tree: ReferralTree) -> Places:
    """Return the places by the index of another tree, which has at least the placed members.

    Raises
    ------
    UnknownMemberError
        A placed member is not in the tree.
    """
    roots = legs.order[legs.parent[legs.order] == NO_MEMBER]
    if legs.tree is tree:
        return Places(legs.parent, legs.leg, roots)
    at = np.full(len(legs.tree) + 1, NO_MEMBER, dtype=INDEX)
    at[legs.order] = tree.indices(legs.tree.ids[legs.order], thing="placement start")
    parent, leg = (np.full(len(tree), NO_MEMBER, dtype=INDEX) for _ in range(2))
    parent[at[legs.order]] = at[legs.parent[legs.order]]
    leg[at[legs.order]] = legs.leg[legs.order]
    return Places(parent, leg, at[roots])
