"""A forest by index: what needs no labels."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, NO_MEMBER, FlagArray, IndexArray, MinorArray, readonly
from fenxiao._kernels.trees import ancestors, nearest_marked, subtree_sums
from fenxiao.errors import InputError, MoneyOverflowError

if TYPE_CHECKING:
    from fenxiao._arrays import AnyArray
    from fenxiao._labels import Labelled

_INDICES: Final = "indices"
_MASK: Final = "mask"
_VALUES: Final = "values"
_SUBTREE_SUMS: Final = "subtree sums"
_LEVELS: Final = "levels"


@attrs.frozen(eq=False, kw_only=True, repr=False)
class Forest:
    """Members in preorder: sponsors come first, a downline is the slice that follows its member."""

    parent: IndexArray
    depth: IndexArray
    size: IndexArray
    ids: AnyArray

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.parent)

    @cached_property
    def deepest(self) -> int:
        """The depth of the deepest member, 0 in an empty tree."""
        return int(self.depth.max(initial=0))

    @cached_property
    def sponsor_pointer(self) -> IndexArray:
        """int32 [n + 1]: the sponsor's index, n for roots and at n, so that no hop needs a mask."""
        n = len(self)
        pointer = np.empty(n + 1, dtype=INDEX)
        pointer[:n] = self.parent
        pointer[n] = NO_MEMBER
        pointer[pointer == NO_MEMBER] = n
        frozen: IndexArray = readonly(pointer)
        return frozen

    def checked(self, indices: Labelled) -> IndexArray:
        """Return `indices` as int32 [m] once each is known to be a member or -1."""
        at = np.asarray(indices)
        if at.ndim != 1 or (len(at) and at.dtype.kind not in "iu"):
            raise InputError(
                _INDICES,
                "are not integers in one dimension",
                value=str(at.dtype),
                allowed="a list of indices",
            )
        if len(at) and not (at.min() >= NO_MEMBER and at.max() < len(self)):
            rows = np.flatnonzero((at < NO_MEMBER) | (at >= len(self)))
            allowed = f"0 to {len(self) - 1}, or -1 for nobody"
            raise InputError(_INDICES, "are not members", allowed=allowed, rows=rows)
        return at.astype(INDEX, copy=False)

    def ancestors(self, indices: Labelled, k: int) -> IndexArray:
        """Return the index k levels up, -1 where nobody stands there (and for -1).

        Parameters
        ----------
        indices : integers [m], each in ``-1 .. n - 1``
        k : levels, 0 or more

        Examples
        --------
        >>> from fenxiao.tree import ReferralTree
        >>> ReferralTree.from_parents([-1, 0, 1]).ancestors([2, 1, 0], 1).tolist()
        [1, 0, -1]
        """
        at = self.checked(indices)
        if levels(k) > self.deepest:
            return np.full(len(at), NO_MEMBER, dtype=INDEX)
        return ancestors(self.sponsor_pointer, at, k)

    def nearest_ancestor(self, mask: FlagArray) -> IndexArray:
        """Return for every member the nearest strict ancestor for whom `mask` is True.

        Parameters
        ----------
        mask : bool [n]

        Returns
        -------
        int32 [n + 1], n where there is none and at n

        Examples
        --------
        >>> from fenxiao.tree import ReferralTree
        >>> tree = ReferralTree.from_parents([-1, 0, 1])
        >>> tree.nearest_ancestor(np.array([True, False, False])).tolist()
        [3, 0, 0, 3]
        """
        marked = np.asarray(mask)
        if marked.dtype != FLAG or marked.shape != self.parent.shape:
            value = f"{marked.dtype} {marked.shape}"
            raise InputError(_MASK, "is not one flag a member", value=value, allowed=f"bool ({len(self)},)")
        return nearest_marked(self.sponsor_pointer, marked)

    def subtree_sum(self, values: MinorArray) -> MinorArray:
        """Return each member's sum over himself and his downline, exactly.

        Parameters
        ----------
        values : int64 [n], by index, of any sign

        Raises
        ------
        MoneyOverflowError
            A sum that does not fit into 64 bits; running sums that do not are no obstacle.

        Examples
        --------
        >>> from fenxiao.tree import ReferralTree
        >>> ReferralTree.from_parents([-1, 0, 1]).subtree_sum(np.array([1, 10, 100])).tolist()
        [111, 110, 100]
        """
        own = np.asarray(values)
        if own.dtype != MINOR or own.shape != self.parent.shape:
            value = f"{own.dtype} {own.shape}"
            raise InputError(
                _VALUES, "are not one amount a member", value=value, allowed=f"int64 ({len(self)},)"
            )
        sums, over = subtree_sums(own, self.size)
        if over is not None:
            at = np.flatnonzero(over)
            problem = f"of {len(at):,} members do not fit into 64 bits"
            hint = "Use a coarser unit for this volume"
            raise MoneyOverflowError(_SUBTREE_SUMS, problem, hint=hint, labels=self.ids[at].tolist())
        return sums


def levels(k: int) -> int:
    """Return `k` once it is known to be a number of levels."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 0:
        raise InputError(_LEVELS, "is not a number of levels", value=k, allowed="0 or more")
    return int(k)
