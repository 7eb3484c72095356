"""From parents or edges, however they are labelled, to a checked forest in preorder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from fenxiao._arrays import FLAG, INDEX, NO_MEMBER, ROW, AnyArray, IndexArray
from fenxiao._kernels.labels import ABSENT
from fenxiao._kernels.trees import Preorder, cycle_rows, preorder
from fenxiao._labels import ALLOWED, LABEL, Labels, array_of_kind, label_table, read_labels
from fenxiao.errors import TreeError, is_listing, what

if TYPE_CHECKING:
    from fenxiao._labels import Labelled, LabelTable

MEMBERS_MAX: Final = 2**31 - 2
"""More members would not fit into the 32-bit index, which keeps one number for "beyond the last"."""


_PARENTS: Final = "parents"
_EDGES: Final = "edges"
_ROOTS: Final = "roots"
_TREE: Final = "tree"
_NAME_ROOTS: Final = "Name members without a sponsor in roots="
_PAIRS: Final = "(sponsor, member) tuples or an [n, 2] array"


class LabelledForest(NamedTuple):
    """A forest in preorder and the label of each member in the same order."""

    forest: Preorder
    ids: AnyArray
    kind: str


def forest_of_parents(parents: Labelled, ids: Labelled | None) -> LabelledForest:
    """Build from one parent a member; without `ids` members and parents are row numbers."""
    above = read_labels(parents, thing=_PARENTS, error=TreeError, nullable=True)
    if ids is None:
        if above.kind != "int":
            hint = "Pass the members' labels as ids=, one for each parent"
            raise TreeError(
                _PARENTS, f"are {above.kind} labels without ids", allowed="row numbers", hint=hint
            )
        names = None
        up = _up_of_rows(above)
    else:
        names = read_labels(ids, thing="ids", error=TreeError)
        table = _distinct(names, "ids", "Keep one row for each member")
        if len(names) != len(above):
            value = f"{len(above)} parents and {len(names)} ids"
            raise TreeError(_PARENTS, "do not match ids", value=value, allowed="one parent for each id")
        _one_kind(names, above, _PARENTS)
        up = _up_of_labels(above, names, table)
    own = np.flatnonzero(up == np.arange(len(up), dtype=INDEX))
    if len(own):
        labels = own if names is None else names.pick(own)
        hint = "Give members without a sponsor no parent: None, or -1 in an integer array"
        raise TreeError(_PARENTS, "name members as their own sponsor", hint=hint, rows=own, labels=labels)
    return _ordered(up, names)


def forest_of_edges(edges: Labelled, roots: Labelled) -> LabelledForest:
    """Build from (sponsor, member) pairs and the labels of members who stand alone."""
    sponsor, member = _columns_of_edges(edges)
    above = read_labels(sponsor, thing="sponsors", error=TreeError, hint=_NAME_ROOTS)
    below = read_labels(member, thing="members", error=TreeError)
    table = _distinct(below, "members", "Each member has one sponsor and stands in one edge")
    alone = read_labels(roots, thing=_ROOTS, error=TreeError)
    _distinct(alone, _ROOTS, "Name each root once")
    _one_kind(below, above, "sponsors")
    _one_kind(below if len(below) else alone, alone, _ROOTS)
    up, tops = _join(above, table)
    sponsored = np.flatnonzero(table.find(alone.values) != ABSENT) if alone.kind == below.kind else up[:0]
    if len(sponsored):
        hint = "Leave members who have a sponsor out of roots="
        raise TreeError(
            _ROOTS, "have a sponsor in the edges", hint=hint, rows=sponsored, labels=alone.pick(sponsored)
        )
    own = np.flatnonzero(up == np.arange(len(up), dtype=INDEX))
    if len(own):
        hint = _NAME_ROOTS
        raise TreeError(
            _EDGES, "name members as their own sponsor", hint=hint, rows=own, labels=below.pick(own)
        )
    more = alone.values
    if len(tops) and len(more):
        more = more[label_table(tops)[0].find(more) == ABSENT]
    parts = [part for part in (below.values, tops, more) if len(part)]
    names = np.concatenate(parts) if parts else np.zeros(0, dtype=LABEL)
    top_up = np.full(len(names) - len(up), NO_MEMBER, dtype=INDEX)
    kind = (below if len(below) else alone).kind
    return _ordered(np.concatenate((up, top_up)), Labels(values=names, kind=kind))


def _columns_of_edges(edges: Labelled) -> tuple[Labelled, Labelled]:
    if not isinstance(edges, np.ndarray):
        if not is_listing(edges) and not isinstance(edges, set | frozenset):
            raise TreeError(_EDGES, what(edges), allowed=_PAIRS)
        edges = list(edges)
        sizes = np.fromiter(
            (len(edge) if isinstance(edge, tuple | list) else 0 for edge in edges),
            dtype=ROW,
            count=len(edges),
        )
        wrong = np.flatnonzero(sizes != 2)
        if len(wrong):
            raise TreeError(_EDGES, "are not pairs", allowed=_PAIRS, rows=wrong)
        return [edge[0] for edge in edges], [edge[1] for edge in edges]
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise TreeError(_EDGES, "are not pairs", value=edges.shape, allowed=_PAIRS)
    return np.ascontiguousarray(edges[:, 0]), np.ascontiguousarray(edges[:, 1])


def _join(above: Labels, table: LabelTable) -> tuple[IndexArray, AnyArray]:
    """Return the row of each edge's sponsor, and the labels of sponsors who have none themselves.

    Those come in order of their labels and are counted on from the last row.
    """
    up = table.find(above.values)
    missing = np.flatnonzero(up == ABSENT)
    if len(missing) == 0:
        return up, above.values[:0]
    labels = above.values[missing]
    is_int = above.kind == "int"
    tops = np.unique(labels) if is_int else array_of_kind(sorted(set(labels.tolist())), above.kind)
    up[missing] = label_table(tops)[0].find(labels) + INDEX(len(up))
    return up, tops


def _distinct(column: Labels, thing: str, hint: str) -> LabelTable:
    table, twice = label_table(column.values)
    if len(twice):
        raise TreeError(
            thing, "names members a second time", hint=hint, rows=twice, labels=column.pick(twice)
        )
    return table


def _one_kind(names: Labels, others: Labels, thing: str) -> None:
    if others.kind != names.kind and not others.is_void:
        problem = f"are {others.kind} labels while members are {names.kind}"
        rows = np.flatnonzero(~others.null)[:1] if others.null is not None else [0]
        raise TreeError(
            thing, problem, allowed=ALLOWED, hint="Convert one side to the other's kind", rows=rows
        )


def _up_of_rows(above: Labels) -> IndexArray:
    values = above.values
    n = _checked_length(len(values))
    if n and not (int(values.min()) >= NO_MEMBER and int(values.max()) < n):
        rows = np.flatnonzero((values < NO_MEMBER) | (values >= n))
        allowed = f"row numbers 0 to {n - 1}, or -1 for a root"
        raise TreeError(
            _PARENTS, "are not rows of this tree", allowed=allowed, rows=rows, labels=above.pick(rows)
        )
    up = values.astype(INDEX)
    if above.null is not None:
        up[above.null] = NO_MEMBER
    return up


def _up_of_labels(above: Labels, names: Labels, table: LabelTable) -> IndexArray:
    _checked_length(len(names))
    if above.is_void:
        return np.full(len(above), NO_MEMBER, dtype=INDEX)
    up = table.find(above.values)
    root = np.zeros(len(up), dtype=FLAG) if above.null is None else above.null
    if names.kind == "int":
        if table.find_one(NO_MEMBER) == ABSENT:
            root = root | (above.values == NO_MEMBER)
        elif not above.explicit:
            hint = "Mark roots with None in a list or with a masked array, so that -1 can name its member"
            raise TreeError(
                _PARENTS,
                "use -1, which is also a member's label",
                hint=hint,
                rows=np.flatnonzero(above.values == NO_MEMBER),
            )
    unknown = np.flatnonzero((up == ABSENT) & ~root)
    if len(unknown):
        hint = "Add the missing members, or give members without a sponsor no parent"
        raise TreeError(
            _PARENTS,
            f"name {len(unknown)} sponsors who are not members",
            hint=hint,
            rows=unknown,
            labels=above.pick(unknown),
        )
    up[root] = NO_MEMBER
    return up


def _checked_length(n: int) -> int:
    if n > MEMBERS_MAX:
        raise TreeError(_TREE, "has too many members", value=n, allowed=f"at most {MEMBERS_MAX}")
    return n


def _ordered(up: IndexArray, names: Labels | None) -> LabelledForest:
    _checked_length(len(up))
    forest = preorder(up)
    lost = len(up) - len(forest.order)
    if lost:
        rows = cycle_rows(up, forest.order)
        labels = rows if names is None else names.pick(np.array(rows))
        problem = f"form a cycle of {len(rows)} members, {lost} of {len(up)} members are on or below cycles"
        hint = "Break the cycle: one of its members needs another sponsor or none"
        raise TreeError(_PARENTS, problem, hint=hint, rows=rows, labels=labels)
    if names is None:
        return LabelledForest(forest, forest.order.astype(LABEL), "int")
    return LabelledForest(forest, names.values[forest.order], names.kind)
