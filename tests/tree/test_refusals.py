"""Every input that is not a forest of distinctly labelled members is refused with rows and a next step."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from fenxiao.errors import TreeError
from fenxiao.tree import ReferralTree, building
from tests.oracles.trees import has_cycle
from tests.strategies.trees import every_up, parents

P, E, M = ReferralTree.from_parents, ReferralTree.from_edges, ReferralTree.from_mapping

REFUSED = {
    "row out of range": (lambda: P([-1, 2]), (1,), "are not rows of this tree"),
    "row below -1": (lambda: P([-2]), (0,), "allowed: row numbers 0 to 0, or -1 for a root"),
    "own row": (lambda: P([0]), (0,), "as their own sponsor"),
    "labels without ids": (lambda: P(["secret"]), (), "labels without ids"),
    "lengths": (lambda: P([None], ids=["secret", "b"]), (), "1 parents and 2 ids"),
    "member twice": (lambda: P([None, None, None], ["secret", "b", "secret"]), (2,), "a second time"),
    "member twice, sparse": (lambda: P([None] * 3, [10**15, 5, 10**15]), (2,), "a second time"),
    "unknown sponsor": (lambda: P([None, "secret"], ["a", "b"]), (1,), "name 1 sponsors who are not members"),
    "unknown int sponsor": (lambda: P([-1, 987654], [5, 6]), (1,), "name 1 sponsors"),
    "own label": (lambda: P(["secret"], ["secret"]), (0,), "as their own sponsor"),
    "cycle": (lambda: P(["c2", "c1", None], ["c1", "c2", "a"]), (0, 1), "form a cycle of 2 members, 2 of 3"),
    "cycle of rows": (lambda: P([1, 0, 0]), (0, 1), "3 of 3 members are on or below cycles"),
    "long cycle": (lambda: P([*range(1, 9), 0]), tuple(range(9)), "(rows 0, 1, 2, 3, 4 and 4 more)"),
    "id missing": (lambda: P([None, None], ["a", None]), (1,), "ids: has missing labels"),
    "ids mixed": (lambda: P([None, None], ["secret", 5]), (1,), "mixes int and str labels"),
    "ids and parents differ": (
        lambda: P([None, 5], ["a", "b"]),
        (1,),
        "are int labels while members are str",
    ),
    "parents of another kind": (lambda: P(np.array([1, 2]), ["a", "b"]), (0,), "int labels while"),
    "parents without members": (lambda: (M({}) and None) or P([5], []), (), "1 parents and 0 ids"),
    "bool ids": (lambda: P([None], [True]), (0,), "has bool labels"),
    "bool array": (lambda: P([None], np.array([True])), (), "has bool labels"),
    "float ids": (lambda: P([None], [1.5]), (0,), "has float labels"),
    "numpy float": (lambda: P([None], [np.float32(1.5)]), (0,), "has float labels"),
    "float array": (lambda: P(pd.Series([1.0, None]), [1, 2]), (), "has float64 labels"),
    "tuples": (lambda: P([None], [("secret",)]), (0,), "has tuple labels"),
    "beyond 64 bits": (lambda: P([None], [2**64]), (0,), "beyond 64 bits"),
    "beyond, unsigned": (lambda: P([None], np.array([2**63], dtype=np.uint64)), (0,), "beyond 64 bits"),
    "two dimensions": (lambda: P(np.zeros((2, 2), dtype=np.int64)), (), "does not have one dimension"),
    "masked, two dimensions": (lambda: P(np.ma.zeros((2, 2), dtype=np.int64)), (), "not have one dimension"),
    "a text": (lambda: P("secret"), (), "is a single str"),
    "a number": (lambda: P(5), (), "is a single int"),
    "-1 is a member": (
        lambda: P(np.array([-1, -1]), [-1, 5]),
        (0, 1),
        "use -1, which is also a member's label",
    ),
    "two sponsors": (lambda: E([("a", "secret"), ("b", "secret")]), (1,), "Each member has one sponsor"),
    "edge twice": (lambda: E(np.array([[1, 2], [1, 2]])), (1,), "members: names members a second time"),
    "own edge": (lambda: E([("secret", "secret")]), (0,), "edges: name members as their own sponsor"),
    "edge cycle": (lambda: E([(1, 2), (2, 1)]), (0, 1), "form a cycle of 2"),
    "not pairs": (lambda: E([(1, 2), (1, 2, 3), 7]), (1, 2), "edges: are not pairs"),
    "not an edge array": (lambda: E(np.zeros((2, 3), dtype=np.int64)), (), "got (2, 3)"),
    "no sponsor": (lambda: E([(None, "a")]), (0,), "sponsors: has missing labels"),
    "no member": (lambda: E([("a", None)]), (0,), "members: has missing labels"),
    "edge kinds": (lambda: E([("a", 5)]), (0,), "are str labels while members are int"),
    "root kinds": (lambda: E([("a", "b")], roots=[5]), (0,), "roots: are int labels"),
    "root twice": (lambda: E([], roots=["secret", "secret"]), (1,), "roots: names members a second time"),
    "root below": (lambda: E([("a", "secret")], roots=["secret"]), (0,), "have a sponsor in the edges"),
    "undirected": (lambda: ReferralTree.from_networkx(nx.Graph([(1, 2)])), (), "is not directed"),
    "graph with two sponsors": (
        lambda: ReferralTree.from_networkx(nx.DiGraph([(1, 3), (2, 3)])),
        (1,),
        "second",
    ),
    "graph with a cycle": (lambda: ReferralTree.from_networkx(nx.DiGraph([(1, 2), (2, 1)])), (0, 1), "cycle"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_forest_is_refused(case):
    """The error has the rows, its text the problem and never a label."""
    make, rows, part = REFUSED[case]
    with pytest.raises(TreeError) as caught:
        make()
    assert caught.value.rows == rows
    assert part in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "987654" not in str(caught.value)


def test_labels_travel_on_the_error():
    """The labels of a cycle, of repeats and of unknown sponsors are on the exception."""
    with pytest.raises(TreeError) as caught:
        P(["c", "a", "b", "b"], ["a", "b", "c", "d"])
    assert caught.value.labels == ("a", "c", "b")
    with pytest.raises(TreeError) as caught:
        P([None, "zoe"], ["a", "b"])
    assert caught.value.labels == ("zoe",)
    with pytest.raises(TreeError) as caught:
        P([None, None], ["a", "a"])
    assert caught.value.labels == ("a",)


def test_more_members_than_indices_are_refused(monkeypatch):
    """One member beyond the bound raises, the bound itself does not."""
    monkeypatch.setattr(building, "MEMBERS_MAX", 2)
    assert len(P([-1, 0])) == 2
    for make in (lambda: P([-1, 0, 0]), lambda: P([None] * 3, ["a", "b", "c"]), lambda: E([(1, 2), (3, 4)])):
        with pytest.raises(TreeError, match="too many members"):
            make()


@pytest.mark.parametrize("size", range(5))
def test_an_input_is_refused_exactly_where_it_has_a_cycle(size):
    """Of all parent columns up to four rows a tree is built from just those without a cycle."""
    for up in every_up(size):
        if has_cycle(up):
            with pytest.raises(TreeError):
                P(list(up))
        else:
            assert len(P(list(up))) == size


@given(parents(max_size=20))
@settings(max_examples=40, deadline=None)
def test_closing_a_root_into_a_cycle_is_found(up):
    """Hanging a root under the last of its own downline turns any forest into a refused one."""
    tree = P(up)
    deep = [row for row in range(len(up)) if tree.depth[tree.index(row)] > 0]
    if not deep:
        return
    up[tree.upline(deep[0])[-1]] = deep[0]
    with pytest.raises(TreeError, match="form a cycle") as caught:
        P(up)
    assert deep[0] in caught.value.rows
