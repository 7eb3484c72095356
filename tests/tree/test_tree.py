"""The referral tree against its slow twin, and what each method promises."""

from __future__ import annotations

import copy
import enum
import pickle
import subprocess
import sys
from uuid import UUID

import attrs
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.errors import InputError, MoneyOverflowError, UnknownMemberError
from fenxiao.tree import ReferralTree
from tests.oracles.trees import SlowTree
from tests.strategies.trees import LABELS, chain_up, labelled, random_up

ANN = {"ann": None, "bo": "ann", "cai": "bo", "dan": None}


class Colour(enum.StrEnum):
    """Labels whose hash is not that of their text."""

    RED = "red"


@given(labelled())
@settings(max_examples=120, deadline=None)
def test_the_tree_is_its_slow_twin(sponsors):
    """Every question about members has the answer that the twin finds by walking dicts."""
    tree, twin = ReferralTree.from_mapping(sponsors), SlowTree(sponsors)
    assert len(tree) == len(sponsors)
    assert tree.ids.tolist() == twin.preorder()
    assert tree.roots == twin.roots()
    for label in sponsors:
        index = tree.index(label)
        assert tree.label(index) == label
        assert label in tree
        assert tree.parent_of(label) == sponsors[label]
        assert tree.children(label) == twin.below[label]
        assert tree.upline(label) == twin.upline(label)
        assert tree.upline(label, depth=2) == twin.upline(label)[:2]
        assert tree.downline(label) == twin.downline(label)
        near = [one for one in twin.downline(label) if twin.depth(one) <= twin.depth(label) + 2]
        assert tree.downline(label, depth=2) == near
        assert [tree.level_up(label, k) for k in range(4)] == [twin.level_up(label, k) for k in range(4)]
        assert int(tree.depth[index]) == twin.depth(label)
    assert tree.indices(list(sponsors)).tolist() == [tree.index(label) for label in sponsors]
    assert tree.labels(np.arange(len(tree))).tolist() == tree.ids.tolist()


@given(labelled(), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_row_order_shows_in_nothing_that_labels_show(sponsors, random):
    """Shuffled rows give the same fingerprint, ranks and relatives; edges and graphs the same tree."""
    tree = ReferralTree.from_mapping(sponsors)
    rows = list(sponsors.items())
    random.shuffle(rows)
    shuffled = ReferralTree.from_mapping(dict(rows))
    edges = [(above, label) for label, above in rows if above is not None]
    roots = [label for label, above in rows if above is None]
    others = [shuffled, ReferralTree.from_networkx(tree.to_networkx())]
    if sponsors:
        others.append(ReferralTree.from_edges(edges, roots))
        leaves = [label for label in roots if not tree.children(label)]
        others.append(ReferralTree.from_edges(edges, leaves))
    for other in others:
        if sponsors:
            assert other.fingerprint() == tree.fingerprint()
        for label, above in rows:
            assert other.parent_of(label) == above
            assert set(other.downline(label)) == set(tree.downline(label))
            assert other.label_rank[other.index(label)] == tree.label_rank[tree.index(label)]
    ordered = sorted(sponsors)
    assert [ordered[rank] for rank in tree.label_rank.tolist()] == tree.ids.tolist()
    assert tree.ids[tree.by_label].tolist() == ordered


@given(labelled(), st.data())
@settings(max_examples=60, deadline=None)
def test_sums_and_marks_by_label_are_the_twins(sponsors, data):
    """Subtree sums and nearest marked ancestors agree with the twin label by label."""
    tree, twin = ReferralTree.from_mapping(sponsors), SlowTree(sponsors)
    values = {label: data.draw(st.integers(-100, 100)) for label in sponsors}
    marked = {label for label in sponsors if data.draw(st.booleans())}
    own = np.array([values[label] for label in tree.ids.tolist()], dtype=np.int64)
    sums = tree.subtree_sum(own)
    near = tree.nearest_ancestor(np.array([label in marked for label in tree.ids.tolist()], dtype=bool))
    for label in sponsors:
        at = tree.index(label)
        assert int(sums[at]) == twin.subtree_sum(values, label)
        expected = twin.nearest(marked, label)
        assert near[at] == (len(tree) if expected is None else tree.index(expected))
    assert near[-1] == len(tree)


def test_different_trees_have_different_fingerprints():
    """The kind of the labels, the labels and the sponsors all enter the fingerprint."""
    one = UUID(int=1)
    variants = [
        {1: None, 2: 1},
        {1: None, 2: None},
        {1: 2, 2: None},
        {1: None, 3: 1},
        {"1": None, "2": "1"},
        {b"1": None, b"2": b"1"},
        {"1": None, "2:1": "1"},
        {one: None, UUID(int=2): one},
        {},
    ]
    prints = [ReferralTree.from_mapping(sponsors).fingerprint() for sponsors in variants]
    assert len(set(prints)) == len(variants)
    assert all(len(text) == 64 for text in prints)
    narrow = ReferralTree.from_parents(np.array([-1, 1], dtype=np.int8), np.array([1, 2], dtype=np.uint16))
    assert narrow.fingerprint() == prints[0]


@pytest.mark.parametrize(
    ("parents", "ids"),
    [
        ([None, 7], [7, 8]),
        ([-1, 7], [7, 8]),
        (np.array([-1, 7]), np.array([7, 8], dtype=np.uint8)),
        (np.ma.masked_array([0, 7], mask=[True, False]), [7, 8]),
        (np.array([None, 7], dtype=object), (7, 8)),
        ([float("nan"), 7], [7, 8]),
        (pd.Series([None, 7], dtype="Int64"), pd.Series([7, 8])),
        (pl.Series([None, 7]), pl.Series([7, 8])),
        (iter([None, np.int64(7)]), range(7, 9)),
        ([-1, 0], None),
        ([None, 0], None),
        (np.ma.masked_array([9, 0], mask=[True, False]), None),
        ([None, "a"], ["a", "b"]),
        (pd.Series([None, "a"]), pd.Series(["a", "b"])),
        (pd.Categorical([None, "a"]), np.array(["a", "b"])),
        (pl.Series([None, "a"]), pl.Series(["a", "b"])),
        (np.ma.masked_array(["x", "a"], mask=[True, False]), ["a", "b"]),
        ([None, Colour.RED], [Colour.RED, "b"]),
        ([None, bytes(2)], [bytes(2), np.bytes_(b"b")]),
        ([None, UUID(int=5)], [UUID(int=5), UUID(int=4)]),
    ],
)
def test_parents_are_read_from_whatever_holds_them(parents, ids):
    """Lists, arrays, masks, frames and iterators name the same two members, the second under the first."""
    tree = ReferralTree.from_parents(parents, ids)
    assert tree.parent.tolist() == [-1, 0]
    assert tree.depth.tolist() == [0, 1]
    assert tree.size.tolist() == [2, 1]


def test_minus_one_may_be_a_member_where_roots_are_marked():
    """A member labelled -1 is a sponsor like any other once roots are None or masked."""
    tree = ReferralTree.from_parents([None, -1], [-1, 5])
    assert tree.parent_of(5) == -1
    masked = ReferralTree.from_parents(np.ma.masked_array([0, -1], mask=[True, False]), [-1, 5])
    assert masked.fingerprint() == tree.fingerprint()
    for frame in (pd.Series([None, -1], dtype="Int64"), pl.Series([None, -1])):
        assert ReferralTree.from_parents(frame, [-1, 5]).fingerprint() == tree.fingerprint()


def test_parents_that_are_all_null_make_roots_of_members_of_any_kind():
    """Nulls alone say nothing of the kind of labels, so everybody is a root."""
    for ids in ([7, 0], ["a", "b"], None):
        for parents in ([None, None], pl.Series([None, None]), np.ma.masked_array([5, 5], [True, True])):
            assert ReferralTree.from_parents(parents, ids).parent.tolist() == [-1, -1]


def test_no_members_is_a_tree():
    """The empty tree answers everything without members."""
    for tree in (
        ReferralTree.from_parents([]),
        ReferralTree.from_parents([], []),
        ReferralTree.from_edges([]),
        ReferralTree.from_edges(np.zeros((0, 2), dtype=np.int64)),
        ReferralTree.from_mapping({}),
        ReferralTree.from_networkx(nx.DiGraph()),
    ):
        assert len(tree) == 0
        assert tree.roots == []
        assert 0 not in tree
        assert tree.sponsor_pointer.tolist() == [0]
        assert tree.nearest_ancestor(np.zeros(0, dtype=bool)).tolist() == [0]
        assert tree.subtree_sum(np.zeros(0, dtype=np.int64)).tolist() == []
        assert tree.indices([]).tolist() == []
        assert tree.ancestors([], 0).tolist() == []
        assert tree.label_rank.tolist() == []
        assert len(tree.fingerprint()) == 64
        assert repr(tree) == "ReferralTree(0 members, 0 roots, depth 0, int labels)"


def test_the_tree_shows_what_it_holds():
    """The repr counts members, roots and levels and names the labels' kind."""
    assert repr(ReferralTree.from_mapping(ANN)) == "ReferralTree(4 members, 2 roots, depth 2, str labels)"
    assert repr(ReferralTree.from_parents([None])) == "ReferralTree(1 member, 1 root, depth 0, int labels)"


def test_nothing_inside_can_be_changed():
    """Attributes are frozen, arrays are read-only, and caches return the same object."""
    tree = ReferralTree.from_mapping(ANN)
    for array in (
        tree.parent,
        tree.depth,
        tree.size,
        tree.ids,
        tree.label_rank,
        tree.by_label,
        tree.sponsor_pointer,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        tree.parent = tree.depth
    assert tree.label_rank is tree.label_rank
    assert tree.sponsor_pointer.tolist() == [4, 0, 1, 4, 4]
    assert (tree.parent.dtype, tree.ids.dtype) == (np.int32, object)


def test_trees_can_be_pickled_and_copied():
    """A tree travels to another process with or without filled caches."""
    tree = ReferralTree.from_mapping(ANN)
    for _ in range(2):
        for other in (pickle.loads(pickle.dumps(tree)), copy.deepcopy(tree)):
            assert other.fingerprint() == tree.fingerprint()
            assert other.upline("cai") == ["bo", "ann"]


def test_the_callers_arrays_are_left_alone():
    """Neither the arrays handed in nor their flags change, and later changes do not reach the tree."""
    parents, ids = np.array([-1, 7]), np.array([7, 8])
    tree = ReferralTree.from_parents(parents, ids)
    assert parents.tolist() == [-1, 7]
    parents[:], ids[:] = 0, 1
    assert tree.ids.tolist() == [7, 8]
    assert tree.parent.tolist() == [-1, 0]


def test_a_chain_of_a_million_is_an_ordinary_tree():
    """Depth is no limit: the last member of a long chain has everybody above him."""
    tree = ReferralTree.from_parents(chain_up(10**6))
    last = tree.label(10**6 - 1)
    assert tree.depth.tolist()[-1] == 10**6 - 1
    assert tree.level_up(last, 10**6 - 1) == tree.roots[0]
    assert tree.level_up(last, 10**6) is None
    assert tree.ancestors(np.arange(10**6), 70).tolist()[:72] == [-1] * 70 + [0, 1]
    marked = np.zeros(10**6, dtype=bool)
    marked[0] = True
    assert (tree.nearest_ancestor(marked)[1:-1] == 0).all()
    assert int(tree.subtree_sum(np.ones(10**6, dtype=np.int64))[0]) == 10**6


def test_large_trees_agree_with_arithmetic():
    """In a shuffled random tree sums, sizes and depths satisfy their own equations."""
    up = random_up(50_000)
    tree = ReferralTree.from_parents(up)
    below = tree.parent >= 0
    assert (tree.parent[below] < np.flatnonzero(below)).all()
    assert (tree.depth[below] == tree.depth[tree.parent[below]] + 1).all()
    assert (tree.subtree_sum(np.ones(len(tree), dtype=np.int64)) == tree.size).all()
    rows = tree.ids.astype(np.int64)
    assert (up[rows[below]] == rows[tree.parent[below]]).all()


def test_columns_of_labels_become_indices():
    """Nulls give -1 where allowed or masked; masked rows may hold anything."""
    tree = ReferralTree.from_mapping({7: None, 8: 7})
    assert tree.indices([8, None], allow_null=True).tolist() == [1, -1]
    assert tree.indices(np.array([8, 99]), null=np.array([False, True])).tolist() == [1, -1]
    assert tree.indices([None, 7], null=np.array([True, False])).tolist() == [-1, 0]
    assert tree.indices([None, None], allow_null=True).tolist() == [-1, -1]
    assert tree.indices(np.zeros(0)).tolist() == []
    assert tree.indices([8]).dtype == np.int32


def test_index_arrays_become_labels():
    """Labels of many indices keep their kind; nobody's is None."""
    tree = ReferralTree.from_mapping({7: None, 8: 7})
    assert tree.labels([1, 0]).dtype == np.int64
    assert tree.labels([1, -1]).tolist() == [8, None]
    assert tree.ancestors([1, -1, 0], 0).tolist() == [1, -1, 0]


@pytest.mark.parametrize("label", [True, 7.0, "7", None, b"7", 2**70, (7,), [7], 9])
def test_what_is_no_member_is_not_in_the_tree(label):
    """Labels of other kinds are nobody's, booleans and floats included, and asking for them raises."""
    tree = ReferralTree.from_parents([None, 7], [7, 1])
    assert label not in tree
    with pytest.raises(UnknownMemberError) as caught:
        tree.index(label)
    assert caught.value.labels == (label,)


def test_equal_labels_of_subclasses_find_their_members():
    """Numpy integers and text enumerations find the members that their plain values name."""
    assert ReferralTree.from_mapping({7: None}).index(np.int16(7)) == 0
    tree = ReferralTree.from_mapping({"red": None})
    assert tree.index(Colour.RED) == 0
    assert tree.indices([Colour.RED, np.str_("red")]).tolist() == [0, 0]
    assert ReferralTree.from_mapping({b"x": None}).index(np.bytes_(b"x")) == 0


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda tree: tree.label(4), "index: is not a member's, got 4; allowed: 0 to 3"),
        (lambda tree: tree.label(-1), "got -1"),
        (lambda tree: tree.labels([0, 4]), "(row 1); allowed: 0 to 3, or -1 for nobody"),
        (lambda tree: tree.labels([[0]]), "one dimension"),
        (lambda tree: tree.ancestors([0.5], 1), "not integers"),
        (lambda tree: tree.ancestors([-2], 1), "(row 0)"),
        (lambda tree: tree.ancestors([0], -1), "levels: is not a number of levels, got -1"),
        (lambda tree: tree.ancestors([0], True), "got True"),
        (lambda tree: tree.upline("cai", depth=1.5), "got 1.5"),
        (lambda tree: tree.downline("ann", depth=-1), "allowed: 0 or more"),
        (lambda tree: tree.nearest_ancestor(np.zeros(3, dtype=bool)), "bool (4,)"),
        (lambda tree: tree.nearest_ancestor(np.zeros(4, dtype=np.int64)), "int64 (4,)"),
        (lambda tree: tree.subtree_sum(np.zeros(4)), "float64 (4,)"),
        (lambda tree: tree.subtree_sum(np.zeros(5, dtype=np.int64)), "int64 (5,)"),
    ],
)
def test_wrong_arguments_are_described(call, part):
    """Indices, levels, masks and values of the wrong kind raise with what is allowed."""
    tree = ReferralTree.from_mapping(ANN)
    with pytest.raises(InputError) as caught:
        call(tree)
    assert part in str(caught.value)


def test_sums_that_do_not_fit_name_their_members_only_on_the_error():
    """Only members whose own result overflows are counted; the text shows no label."""
    tree = ReferralTree.from_mapping({"secret-a": None, "secret-b": "secret-a", "secret-c": "secret-a"})
    top = 2**63 - 1
    with pytest.raises(MoneyOverflowError) as caught:
        tree.subtree_sum(np.array([1, top, 0], dtype=np.int64))
    assert caught.value.labels == ("secret-a",)
    assert "1 members" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert tree.subtree_sum(np.array([-1, top, 1], dtype=np.int64)).tolist() == [top, top, 1]


@pytest.mark.parametrize(
    ("labels", "options", "rows", "part"),
    [
        (["secret", "ann", "secret"], {}, (0, 2), "has 2 labels that are not in the tree"),
        (["ann", None], {}, (1,), "has missing labels"),
        ([5], {}, (0,), "Convert the labels"),
        ([True], {}, (0,), "has bool labels"),
        ([0.5, "ann"], {}, (0,), "has float labels"),
        (["ann", 5], {}, (1,), "mixes int and str labels"),
        (np.array([1.5]), {}, (), "has float64 labels"),
        (np.array([[1]]), {}, (), "one dimension"),
        ("ann", {}, (), "is a single str"),
        (5, {}, (), "is a single int"),
        ([None, "ann", "secret"], {"null": np.array([False, True, False])}, (0,), "missing"),
        ([None, "secret"], {"allow_null": True}, (1,), "has 1 label"),
    ],
)
def test_unknown_labels_are_counted_with_their_rows(labels, options, rows, part):
    """Every row at fault is on the error, the text shows rows and counts and no label."""
    tree = ReferralTree.from_mapping(ANN)
    with pytest.raises(UnknownMemberError) as caught:
        tree.indices(labels, thing="orders column 'member'", **options)
    assert caught.value.rows == rows
    assert part in str(caught.value)
    assert "secret" not in str(caught.value)
    assert str(caught.value).startswith("orders column 'member'")


@pytest.mark.parametrize("kind", sorted(LABELS))
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_columns_find_what_single_labels_find(kind, data):
    """A column of labels, members or not, gives the same as asking one by one."""
    labels = data.draw(st.lists(LABELS[kind], min_size=1, max_size=15, unique=True))
    tree = ReferralTree.from_mapping(dict.fromkeys(labels))
    asked = data.draw(st.lists(st.one_of(LABELS[kind], st.sampled_from(labels)), max_size=15))
    unknown = [label not in tree for label in asked]
    assert unknown == [label not in labels for label in asked]
    found = tree.indices(asked, null=np.array(unknown, dtype=bool))
    assert found.tolist() == [-1 if label not in labels else tree.index(label) for label in asked]


def test_networkx_is_loaded_only_when_a_graph_is_asked_for():
    """Importing and using a tree does not load networkx."""
    code = (
        "import sys; from fenxiao.tree import ReferralTree as T; t = T.from_parents([-1, 0]); "
        "t.index(1); assert 'networkx' not in sys.modules; t.to_networkx(); assert 'networkx' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_graphs_round_trip():
    """Nodes without edges stay, edges run from sponsor to member."""
    tree = ReferralTree.from_mapping(ANN)
    graph = tree.to_networkx()
    assert sorted(graph.edges) == [("ann", "bo"), ("bo", "cai")]
    assert sorted(graph.nodes) == ["ann", "bo", "cai", "dan"]
    assert ReferralTree.from_networkx(graph).fingerprint() == tree.fingerprint()
