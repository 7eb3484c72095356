"""`Placement`: who stands under whom and in which leg, validated once and then read-only."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, NO_MEMBER, readonly
from fenxiao._kernels.placing import Layout, Places, lay_out
from fenxiao.errors import PlacementError, what
from fenxiao.placement.automatic import nobody_placed, placed_by_rule
from fenxiao.placement.legs import OrderedLegs, places_in
from fenxiao.placement.matrix import checked_width
from fenxiao.placement.reading import frame_of_places, given_places, records_of_places
from fenxiao.tree import ReferralTree
from fenxiao.tree.forest import levels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fenxiao._columns import Input
    from fenxiao._labels import Labelled


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Placement(OrderedLegs):
    """Where members of a referral tree stand in ordered legs, from `binary`, `from_columns` or `auto`.

    A second forest over the same members: a binary tree, a forced matrix. Arrays are by the index that
    members have in the referral tree, as everywhere; sums run along the placement's own preorder, in which
    everybody below a member is one slice. Depth is no limit: a line of a million members is an ordinary
    placement. One owner of several positions is several members, with a members' column ``owner``.

    Attributes
    ----------
    tree : whose members are placed
    width : legs below each member, 2 for a binary tree
    parent : int32 [n], the parent's index, -1 (`NO_MEMBER`) for roots and for whoever is unplaced
    leg : int32 [n], 0 to width - 1, -1 for roots and for whoever is unplaced
    placed : bool [n]
    depth : int32 [n], levels below the root, who has 0; -1 for whoever is unplaced
    size : int32 [n], members in the placement's subtree, the member included; 0 for whoever is unplaced
    order : int32, the placed members in preorder, legs in order; roots in the order in which they were placed

    Notes
    -----
    `auto` finds free places by one of these rules; each member costs what is said, amortised.

    ``"weaker"``
        From the sponsor down, always into the leg with fewer placed members (the left one if equal), until
        a place is free. Legs of 2. O(log n) steps down, and at most as many up as members stand above:
        few in bushy placements and in plain lines.
    ``"left_right"``
        A sponsor's first recruit goes to the left, the second to the right, the third to the left and so
        on, each to the outermost free place on that side. Legs of 2; O(log n).
    ``"outer"``
        The outermost free place below the sponsor in the leg that is named (power leg). Legs of 2; O(log n).
    ``"breadth"``
        The first free place below the sponsor, level by level, left to right (forced matrix with
        spill-over). Legs of any number; O(log n).
    ``"global"``
        The first free place of the whole placement, level by level, left to right, whoever the sponsor is
        (auto-pool). Legs of any number; O(1).

    Examples
    --------
    >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "ann", "dan": "ann"})
    >>> placement = Placement.auto(tree, ["ann", "bo", "cai", "dan"], rule="weaker")
    >>> placement
    Placement(4 of 4 members in legs of 2; 1 root, 2 deep)
    >>> placement.children("ann"), placement.children("bo")
    (['bo', 'cai'], ['dan', None])
    """

    @classmethod
    def binary(cls, tree: ReferralTree, columns: Input) -> Self:
        """Read given places in a left and a right leg; see `from_columns`.

        >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "ann"})
        >>> table = {"member": ["ann", "cai"], "parent": [None, "ann"], "leg": [None, "right"]}
        >>> Placement.binary(tree, table).children("ann")
        [None, 'cai']
        """
        return cls.from_columns(tree, columns, width=2)

    @classmethod
    def from_columns(cls, tree: ReferralTree, columns: Input, *, width: int = 2) -> Self:
        """Read given places from a mapping of columns or a data frame, one row a placed member.

        Parameters
        ----------
        tree
            Whose members are placed. Those whom the table does not mention are unplaced.
        columns
            ``member``; ``parent``, the member right above in the placement, None (or -1 among integers) for
            roots; ``leg``, 0 to width - 1, where there are two also ``"left"`` and ``"right"``, None or -1
            for roots. Other columns are not read.
        width
            Legs below each member, 1 to 65,536.

        Raises
        ------
        PlacementError
            A member twice, a place taken twice, a leg that there is not, a parent who is not placed, a
            member as his own parent, a cycle, a column missing or of the wrong kind.
        UnknownMemberError
            A member or parent who is not in the tree.

        Examples
        --------
        >>> tree = ReferralTree.from_parents([-1, 0, 0])
        >>> table = {"member": [0, 2, 1], "parent": [-1, 0, 2], "leg": [-1, 2, 0]}
        >>> Placement.from_columns(tree, table, width=3).upline(1)
        [2, 0]
        """
        return cls._given(tree, frame_of_places, columns, width)

    @classmethod
    def from_records(
        cls, tree: ReferralTree, records: Iterable[Mapping[str, Any]], *, width: int = 2
    ) -> Self:
        """Read given places from one mapping a placed member; see `from_columns`.

        >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
        >>> rows = [{"member": "ann"}, {"member": "bo", "parent": "ann", "leg": "left"}]
        >>> Placement.from_records(tree, rows).leg_of("bo")
        0
        """
        return cls._given(tree, records_of_places, records, width)

    @classmethod
    def _given(cls, tree: ReferralTree, read: Any, source: Any, width: int) -> Self:
        legs = checked_width(width)
        _check_tree(tree)
        places, layout = given_places(tree, read(source), legs)
        return cls._of(tree, legs, places, layout)

    @classmethod
    def auto(
        cls,
        tree: ReferralTree,
        order: Labelled,
        *,
        rule: str,
        width: int = 2,
        legs: Labelled | None = None,
        start: Placement | None = None,
    ) -> Self:
        """Place members one after the other below their sponsors, by a rule.

        Members without a sponsor become roots; several roots are ordinary. The result depends on nothing
        but the arguments.

        Parameters
        ----------
        tree
            Whose members are placed. Those whom `order` does not name stay unplaced.
        order
            Labels, for example by joining time; sponsors come before those whom they sponsored.
        rule
            How the free place is found: ``"weaker"``, ``"left_right"``, ``"outer"``, ``"breadth"`` or
            ``"global"``, see above.
        width
            Legs below each member.
        legs
            For ``"outer"`` the leg of each member in `order`: 0 and 1 or ``"left"`` and ``"right"``. That
            of members without a sponsor is not read.
        start
            A placement to go on from, whose members all are in `tree`.

        Raises
        ------
        PlacementError
            A member twice or placed already, a sponsor who is not placed before, a rule that there is not
            or that does not fit the width, legs that are missing or not read.
        UnknownMemberError
            Somebody who is not in the tree.

        Examples
        --------
        >>> tree = ReferralTree.from_parents([-1, 0, 0, 0, 0])
        >>> placement = Placement.auto(tree, [0, 1, 2, 3, 4], rule="breadth", width=3)
        >>> placement.children(0), placement.children(1)
        ([1, 2, 3], [4, None, None])
        """
        _check_tree(tree)
        wide = checked_width(width)
        if start is None:
            before = nobody_placed(tree)
        elif not isinstance(start, Placement):
            raise PlacementError("placement start", what(start), allowed="Placement or None")
        elif start.width != wide:
            hint = "Go on with placement.extended, which keeps the width"
            raise PlacementError(
                "width", "is not that of start", value=wide, allowed=str(start.width), hint=hint
            )
        else:
            before = places_in(start, tree)
        places = placed_by_rule(tree, order, wide, rule, legs, before)
        return cls._of(tree, wide, places, lay_out(places))

    def extended(
        self, tree: ReferralTree, order: Labelled, *, rule: str, legs: Labelled | None = None
    ) -> Placement:
        """Place further members, in a tree that may have grown; nobody who is placed moves.

        Placing some members and extending by the others gives what placing all of them at once gives.

        >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})
        >>> first = Placement.auto(tree, ["ann", "bo"], rule="left_right")
        >>> first.extended(tree, ["cai"], rule="left_right").upline("cai")
        ['bo', 'ann']
        """
        return Placement.auto(tree, order, width=self.width, rule=rule, legs=legs, start=self)

    @classmethod
    def _of(cls, tree: ReferralTree, width: int, places: Places, layout: Layout) -> Self:
        placed = np.zeros(len(tree), dtype=FLAG)
        placed[layout.order] = True
        return cls(
            tree=tree,
            width=width,
            parent=readonly(places.parent),
            leg=readonly(places.leg),
            placed=readonly(placed),
            depth=readonly(layout.depth),
            size=readonly(layout.size),
            order=readonly(layout.order),
        )

    def align(self, tree: ReferralTree) -> Placement:
        """Return the same places by the index of an equal tree, whose rows came in another order.

        Raises
        ------
        PlacementError
            The tree differs: `fingerprint` tells.

        Examples
        --------
        >>> tree = ReferralTree.from_mapping({"ann": None, "bo": None})
        >>> twin = ReferralTree.from_mapping({"bo": None, "ann": None})
        >>> Placement.auto(tree, ["ann"], rule="global").align(twin).placed.tolist()
        [False, True]
        """
        if self.tree is tree:
            return self
        _check_tree(tree)
        if self.tree.fingerprint() != tree.fingerprint():
            hint = "Place the members of this very tree; extended() goes on in a tree that has grown"
            raise PlacementError("placement", "is over another referral tree", hint=hint)
        places = places_in(self, tree)
        return Placement._of(tree, self.width, places, lay_out(places))

    def __contains__(self, label: object) -> bool:
        """Return whether this is the label of a placed member."""
        return label in self.tree and self.placed.item(self.tree.index(label))

    def __repr__(self) -> str:
        """Return the counts that tell one placement from another."""
        n, roots = len(self.tree), int(np.count_nonzero(self.depth == 0))
        return (
            f"Placement({len(self):,} of {n:,} member{'s' * (n != 1)} in legs of {self.width}; "
            f"{roots:,} root{'s' * (roots != 1)}, {self.deepest:,} deep)"
        )

    def upline(self, label: Labelled, depth: int | None = None) -> list[Any]:
        """Return the labels above a member in the placement, his parent first, at most `depth` levels."""
        at = self.tree.index(label)
        above = max(self.depth.item(at), 0)
        found = np.empty(above if depth is None else min(levels(depth), above), dtype=INDEX)
        for step in range(len(found)):
            at = self.parent.item(at)
            found[step] = at
        return list(self.tree.ids[found].tolist())

    def parent_of(self, label: Labelled) -> Any:
        """Return the label of a member's parent in the placement, None for roots and the unplaced."""
        above = self.parent.item(self.tree.index(label))
        return None if above == NO_MEMBER else self.tree.ids.item(above)

    def leg_of(self, label: Labelled) -> int | None:
        """Return the leg of his parent in which a member stands, None for roots and the unplaced."""
        leg = self.leg.item(self.tree.index(label))
        return None if leg == NO_MEMBER else int(leg)

    def children(self, label: Labelled) -> list[Any]:
        """Return the labels right below a member by leg, None for each empty place."""
        member = self.tree.index(label)
        found: list[Any] = [None] * self.width
        if not self.placed.item(member):
            return found
        at, end = self._position.item(member) + 1, self._position.item(member) + self.size.item(member)
        while at < end:
            child = self.order.item(at)
            found[self.leg.item(child)] = self.tree.ids.item(child)
            at += self.size.item(child)
        return found

    def fingerprint(self) -> str:
        """Return the SHA-256 of tree, width and places, whatever the order in which the input named them.

        >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
        >>> both = [Placement.auto(tree, ["ann", "bo"], rule=rule) for rule in ("weaker", "global")]
        >>> both[0].fingerprint() == both[1].fingerprint()
        True
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        import hashlib

        digest = hashlib.sha256(f"fenxiao placement 1 {self.width} {self.tree.fingerprint()}\n".encode())
        rank = self.tree.label_rank
        order = np.empty(len(self.tree), dtype=INDEX)
        order[rank] = np.arange(len(self.tree), dtype=INDEX)
        above = np.append(rank, INDEX(NO_MEMBER))[self.up[order]]
        for column in (above, self.leg[order], self.placed[order].astype(INDEX)):
            digest.update(column.astype("<i4").tobytes())
        return digest.hexdigest()


def _check_tree(tree: object) -> None:
    if not isinstance(tree, ReferralTree):
        raise PlacementError("placement, tree", what(tree), allowed="ReferralTree")
