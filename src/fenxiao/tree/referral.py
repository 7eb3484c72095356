"""The referral tree: who referred whom, validated once and then read-only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import (
    INDEX,
    NO_MEMBER,
    FlagArray,
    IndexArray,
    readonly,
)
from fenxiao._labels import label_bytes, label_table, plain_label, rank_of_labels, read_labels
from fenxiao.errors import InputError, TreeError, UnknownMemberError, class_name, what
from fenxiao.tree.building import LabelledForest, forest_of_edges, forest_of_parents
from fenxiao.tree.forest import Forest, levels

if TYPE_CHECKING:
    from fenxiao._arrays import AnyArray
    from fenxiao._labels import Labelled, LabelTable

_GRAPH: Final = "graph"
_MEMBER: Final = "member"
_INDEX: Final = "index"

Graph: TypeAlias = Any
"""A networkx ``DiGraph``; the package is loaded only when a graph is asked for."""


def _built(forest: LabelledForest) -> ReferralTree:
    rows = forest.forest
    return ReferralTree(
        parent=readonly(rows.parent),
        depth=readonly(rows.depth),
        size=readonly(rows.size),
        ids=readonly(forest.ids),
        label_kind=forest.kind,
    )


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class ReferralTree(Forest):
    """A forest of members in preorder, from `from_parents`, `from_edges`, `from_mapping` or `from_networkx`.

    A member's *index* is his position in preorder: sponsors come first and the downline of index v is the
    slice ``v + 1 : v + size[v]``. Siblings keep the order in which the input names them. Depth is no limit:
    a chain of a million members is an ordinary tree.

    Attributes
    ----------
    parent : int32 [n], the sponsor's index, -1 (`NO_MEMBER`) for roots
    depth : int32 [n], levels below the root, who has 0
    size : int32 [n], members in the subtree, the member included
    ids : the labels by index: int64 [n], or objects where labels are str, bytes or UUID
    label_kind : "int", "str", "bytes" or "UUID"

    Examples
    --------
    >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})
    >>> tree
    ReferralTree(3 members, 1 root, depth 2, str labels)
    >>> tree.upline("cai")
    ['bo', 'ann']
    """

    label_kind: str

    @classmethod
    def from_parents(cls, parents: Labelled, ids: Labelled | None = None) -> ReferralTree:
        """Build from one parent a member.

        Parameters
        ----------
        parents
            The sponsor's label, one a member; for roots None (or a masked or missing entry) or, among
            integers, -1. Without `ids` parents are row numbers, counted from 0.
        ids
            The members' labels, all of one kind: int, str, bytes or UUID. Where -1 is itself the label
            of a member, only None and masked entries mark roots, and a plain integer array is refused.

        Raises
        ------
        TreeError
            A member twice, a sponsor who is not a member, a member who sponsors himself, a cycle, labels
            of mixed or other kinds. Rows are in the text, labels on the error's ``labels``.

        Examples
        --------
        >>> ReferralTree.from_parents([-1, 0, 0]).children(0)
        [1, 2]
        >>> ReferralTree.from_parents(["ann", None], ids=["bo", "ann"]).parent_of("bo")
        'ann'
        """
        return _built(forest_of_parents(parents, ids))

    @classmethod
    def from_edges(cls, edges: Labelled, roots: Labelled = ()) -> ReferralTree:
        """Build from (sponsor, member) pairs; sponsors who are nobody's member are roots.

        Parameters
        ----------
        edges : pairs, or an integer array [n, 2]
        roots : labels of further members without a sponsor; those of the edges may be repeated

        Raises
        ------
        TreeError
            As in `from_parents`; a member with two sponsors; a root with a sponsor.

        Examples
        --------
        >>> ReferralTree.from_edges([("ann", "bo"), ("bo", "cai")], roots=["dan"]).roots
        ['ann', 'dan']
        """
        return _built(forest_of_edges(edges, roots))

    @classmethod
    def from_mapping(cls, sponsors: Mapping[Any, Any]) -> ReferralTree:
        """Build from a mapping of each member to his sponsor, None for roots.

        >>> len(ReferralTree.from_mapping({"ann": None, "bo": "ann"}))
        2
        """
        if not isinstance(sponsors, Mapping):
            raise TreeError(
                "sponsors", what(sponsors), allowed='a mapping such as {"ann": None, "bo": "ann"}'
            )
        return _built(forest_of_parents(list(sponsors.values()), list(sponsors)))

    @classmethod
    def from_networkx(cls, graph: Graph) -> ReferralTree:
        """Build from a directed graph whose edges run from sponsor to member.

        >>> import networkx as nx
        >>> ReferralTree.from_networkx(nx.DiGraph([(1, 2), (1, 3)])).children(1)
        [2, 3]
        """
        if not hasattr(graph, "is_directed") or isinstance(graph, type) or not graph.is_directed():
            raise TreeError(_GRAPH, "is not directed", allowed="a DiGraph with edges from sponsor to member")
        return _built(forest_of_edges(list(graph.edges()), [v for v, d in graph.in_degree() if d == 0]))

    def to_networkx(self) -> Graph:
        """Return a directed graph with an edge from each sponsor to each of his members.

        >>> list(ReferralTree.from_parents([-1, 0]).to_networkx().edges)
        [(0, 1)]
        """
        graph = import_module("networkx").DiGraph()
        graph.add_nodes_from(self.ids.tolist())
        below = np.flatnonzero(self.parent != NO_MEMBER)
        pairs = zip(self.ids[self.parent[below]].tolist(), self.ids[below].tolist(), strict=True)
        graph.add_edges_from(pairs)
        return graph

    def __contains__(self, label: object) -> bool:
        """Return whether this is a member's label."""
        return self._find(label) >= 0

    def __repr__(self) -> str:
        """Return the counts that tell one tree from another."""
        n, roots = len(self), int(np.count_nonzero(self.parent == NO_MEMBER))
        counts = f"{n:,} member{'s' * (n != 1)}, {roots:,} root{'s' * (roots != 1)}"
        return f"ReferralTree({counts}, depth {self.deepest}, {self.label_kind} labels)"

    @cached_property
    def _table(self) -> LabelTable:
        return label_table(self.ids)[0]

    @cached_property
    def label_rank(self) -> IndexArray:
        """int32 [n]: the rank of each member's label (numbers by value, str by code point)."""
        rank: IndexArray = readonly(rank_of_labels(self.ids))
        return rank

    @cached_property
    def by_label(self) -> IndexArray:
        """int32 [n]: the members in the order of their labels."""
        order = np.empty(len(self), dtype=INDEX)
        order[self.label_rank] = np.arange(len(self), dtype=INDEX)
        by_label: IndexArray = readonly(order)
        return by_label

    def _find(self, label: Any) -> int:
        plain = plain_label(label, self.label_kind)
        return -1 if plain is None else self._table.find_one(plain)

    def index(self, label: Labelled) -> int:
        """Return the index of a member.

        Raises
        ------
        UnknownMemberError
            No such member; the label is on the error, not in its text.

        Examples
        --------
        >>> ReferralTree.from_mapping({"ann": None, "bo": "ann"}).index("bo")
        1
        """
        found = self._find(label)
        if found < 0:
            raise self._unknown(_MEMBER, label)
        return found

    def _unknown(self, thing: str, label: Labelled) -> UnknownMemberError:
        kind = class_name(label)
        hint = (
            "Add the member to the tree"
            if kind == self.label_kind
            else f"The label asked for is of class {kind}"
        )
        allowed = f"{self.label_kind} labels of the tree's {len(self):,} members"
        return UnknownMemberError(thing, "is not in the tree", allowed=allowed, hint=hint, labels=[label])

    def indices(
        self,
        labels: Labelled,
        *,
        thing: str = "member",
        null: FlagArray | None = None,
        allow_null: bool = False,
    ) -> IndexArray:
        """Return the index of each label, a whole column at a time.

        Parameters
        ----------
        labels : n labels: a list, an array, a series
        thing : how messages call the column
        null : bool [n], True where no member is named, whatever the label says
        allow_null : None and missing entries name no member instead of being an error

        Returns
        -------
        int32 [n], -1 (`NO_MEMBER`) where no member is named

        Raises
        ------
        UnknownMemberError
            Labels that are not in the tree, with their rows.

        Examples
        --------
        >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
        >>> tree.indices(["bo", None, "ann"], allow_null=True).tolist()
        [1, -1, 0]
        """
        column = read_labels(labels, thing=thing, error=UnknownMemberError, nullable=True)
        empty = null
        if column.null is not None:
            empty = column.null if null is None else column.null | null
            missing = np.flatnonzero(column.null if null is None else column.null & ~null)
            if len(missing) and not allow_null:
                hint = "Name a member in every row, or leave guests out"
                raise UnknownMemberError(thing, "has missing labels", hint=hint, rows=missing)
        if column.kind == self.label_kind:
            found = self._table.find(column.values)
        else:
            found = np.full(len(column), NO_MEMBER, dtype=INDEX)
        unknown = found < 0 if empty is None else (found < 0) & ~empty
        if unknown.any():
            rows = np.flatnonzero(unknown)
            kind = f"{self.label_kind} labels of the tree's {len(self):,} members"
            hint = "Add the members to the tree" if column.kind == self.label_kind else "Convert the labels"
            many = "1 label that is" if len(rows) == 1 else f"{len(rows):,} labels that are"
            problem = f"has {many} not in the tree"
            labels = column.pick(rows)
            raise UnknownMemberError(thing, problem, allowed=kind, hint=hint, rows=rows, labels=labels)
        if empty is not None:
            found[empty] = NO_MEMBER
        return found

    def label(self, index: int) -> Any:
        """Return the label of an index.

        >>> ReferralTree.from_mapping({"ann": None, "bo": "ann"}).label(1)
        'bo'
        """
        whole = isinstance(index, int | np.integer) and not isinstance(index, bool)
        if not whole or not 0 <= index < len(self):
            raise InputError(_INDEX, "is not a member's", value=index, allowed=f"0 to {len(self) - 1}")
        return self.ids.item(int(index))

    def labels(self, indices: Labelled) -> AnyArray:
        """Return the labels of many indices, None (and an array of objects) where the index is -1.

        >>> ReferralTree.from_parents([-1, 0]).labels([1, 0, 1]).tolist()
        [1, 0, 1]
        """
        at = self.checked(indices)
        nobody = at == NO_MEMBER
        if not nobody.any():
            return self.ids[at]
        labels = np.full(len(at), None, dtype=object)
        labels[~nobody] = self.ids[at[~nobody]]
        return labels

    @property
    def roots(self) -> list[Any]:
        """The labels of members without a sponsor."""
        return list(self.ids[self.parent == NO_MEMBER].tolist())

    def parent_of(self, label: Labelled) -> Any:
        """Return the sponsor's label, None for a root."""
        above = self.parent.item(self.index(label))
        return None if above == NO_MEMBER else self.ids.item(above)

    def children(self, label: Labelled) -> list[Any]:
        """Return the labels of the members whom this one sponsored."""
        return self.downline(label, depth=1)

    def upline(self, label: Labelled, depth: int | None = None) -> list[Any]:
        """Return the labels of the upline, the sponsor first, at most `depth` levels.

        >>> ReferralTree.from_parents([-1, 0, 1, 2]).upline(3, depth=2)
        [2, 1]
        """
        at = self.index(label)
        left = self.depth.item(at) if depth is None else min(levels(depth), self.depth.item(at))
        found = np.empty(left, dtype=INDEX)
        for step in range(left):
            at = self.parent.item(at)
            found[step] = at
        return list(self.ids[found].tolist())

    def downline(self, label: Labelled, depth: int | None = None) -> list[Any]:
        """Return the labels of the downline in preorder, at most `depth` levels.

        >>> ReferralTree.from_parents([-1, 0, 1, 2]).downline(0, depth=2)
        [1, 2]
        """
        at = self.index(label)
        below = slice(at + 1, at + self.size.item(at))
        found = self.ids[below]
        if depth is not None:
            found = found[self.depth[below] <= min(levels(depth), len(self)) + self.depth.item(at)]
        return list(found.tolist())

    def level_up(self, label: Labelled, k: int) -> Any:
        """Return the label k levels up (the sponsor is 1, the member 0), None beyond the root.

        >>> ReferralTree.from_parents([-1, 0, 1]).level_up(2, 2)
        0
        """
        above = self.ancestors(np.array([self.index(label)], dtype=INDEX), k).item(0)
        return None if above == NO_MEMBER else self.ids.item(above)

    def fingerprint(self) -> str:
        """Return the SHA-256 of who referred whom, whatever the order in which the input named them.

        >>> a = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
        >>> a.fingerprint() == ReferralTree.from_mapping({"bo": "ann", "ann": None}).fingerprint()
        True
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        import hashlib

        digest = hashlib.sha256(f"fenxiao tree 1 {self.label_kind} {len(self)}\n".encode())
        rank, order = self.label_rank, self.by_label
        above = np.append(rank, INDEX(NO_MEMBER))[self.sponsor_pointer[order]]
        digest.update(above.astype("<i4").tobytes())
        digest.update(label_bytes(self.ids[order], self.label_kind))
        return digest.hexdigest()
