"""The kernels: preorder by both ways, ancestors, sums, and integer tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._kernels import labels as label_kernels
from fenxiao._kernels import trees, walks
from tests.oracles.trees import SlowTree, has_cycle
from tests.strategies.trees import INT64, chain_up, every_up, parents, random_up


def slow(up):
    """Return the slow twin of parent rows."""
    return SlowTree({row: None if parent < 0 else parent for row, parent in enumerate(up)})


def both(up):
    """Return the preorder by walk and by level."""
    up = np.array(up, dtype=np.int32)
    walk = trees._preorder_by_walk(up, trees.children_of(up)) if len(up) else None
    level = trees._preorder_by_level(trees.children_of(up))
    return walk, level


def check(up):
    """Compare both ways with the slow twin."""
    twin = slow(up)
    order = twin.preorder()
    place = {row: index for index, row in enumerate(order)}
    for found in both(up):
        if found is None:
            continue
        assert all(array.dtype == np.int32 for array in found)
        assert found.order.tolist() == order
        assert found.depth.tolist() == [twin.depth(row) for row in order]
        assert found.size.tolist() == [1 + len(twin.downline(row)) for row in order]
        assert found.parent.tolist() == [place.get(twin.sponsors[row], -1) for row in order]


@given(parents())
@settings(max_examples=150, deadline=None)
def test_both_ways_give_the_preorder_of_the_slow_twin(up):
    """Level by level and along the walk, every generated forest gets the twin's preorder."""
    check(up)


@pytest.mark.parametrize("size", range(5))
def test_every_small_input_is_laid_out_or_has_a_cycle(size):
    """Of all parent columns up to four rows, those without a cycle match the twin; the others show one."""
    for up in every_up(size):
        if not has_cycle(up):
            check(up)
            continue
        column = np.array(up, dtype=np.int32)
        for found in both(up):
            assert len(found.order) < size
            rows = trees.cycle_rows(column, found.order)
            assert rows[0] == min(rows)
            assert [up[row] for row in rows] == rows[1:] + rows[:1]


@pytest.mark.parametrize("make", [random_up, chain_up])
def test_both_ways_agree_on_large_forests(make, monkeypatch):
    """Twenty thousand members get the same preorder either way, whatever the depth."""
    up = make(20_000)
    walk, level = trees._preorder_by_walk(up, trees.children_of(up)), trees.preorder(up)
    monkeypatch.setattr(trees, "LEVELS_FREE", 10**9)
    slow_level = trees._preorder_by_level(trees.children_of(up))
    for one, two, three in zip(walk, level, slow_level, strict=True):
        assert one.tolist() == two.tolist() == three.tolist()


def test_a_deep_forest_leaves_the_level_way():
    """A chain longer than the free levels is not walked level by level."""
    up = chain_up(2_000)
    assert trees._preorder_by_level(trees.children_of(up)) is None
    assert trees.preorder(up).depth.tolist() == list(range(2_000))


def test_an_unlucky_numbering_is_bounded_by_doubling(monkeypatch):
    """Where stretches grow beyond the limit, doubling finds the same positions."""
    up = chain_up(3_000)
    expected = trees.preorder(up)
    monkeypatch.setattr(walks, "STRETCH_LIMIT", 3)
    for one, two in zip(trees.preorder(up), expected, strict=True):
        assert one.tolist() == two.tolist()
    cyclic = np.array([1, 0, -1], dtype=np.int32)
    assert trees._preorder_by_walk(cyclic, trees.children_of(cyclic)).order.tolist() == [2]


def test_the_walk_of_a_forest_without_roots_reaches_nobody():
    """Where everybody stands on a cycle the preorder is empty."""
    up = np.array([1, 0], dtype=np.int32)
    found = trees._preorder_by_walk(up, trees.children_of(up))
    assert [len(array) for array in found] == [0, 0, 0, 0]


@given(parents(max_size=60), st.randoms(use_true_random=False), st.integers(2, 7))
@settings(max_examples=150, deadline=None)
def test_nearest_marked_is_the_twins(up, random, block):
    """The nearest marked ancestor is the first marked one of the upline, whatever the block size."""
    forest = trees.preorder(np.array(up, dtype=np.int32))
    twin = slow(up)
    n = len(up)
    mask = np.array([random.random() < 0.3 for _ in range(n)], dtype=bool)
    pointer = np.append(np.where(forest.parent < 0, n, forest.parent), n).astype(np.int32)
    before = pointer.copy()
    whole = trees.nearest_marked(pointer, mask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "BLOCK_ROWS", block)
        assert trees.nearest_marked(pointer, mask).tolist() == whole.tolist()
    order = forest.order.tolist()
    marked = {order[index] for index in np.flatnonzero(mask)}
    expected = [twin.nearest(marked, row) for row in order]
    assert [None if at == n else order[at] for at in whole[:n].tolist()] == expected
    assert whole[n] == n
    assert whole.dtype == np.int32
    assert pointer.tolist() == before.tolist()


@given(parents(), st.integers(0, 50), st.booleans())
@settings(max_examples=100, deadline=None)
def test_ancestors_are_the_twins(up, k, doubled):
    """K levels up stands whom the twin finds there, by single hops and by doubled jumps."""
    forest = trees.preorder(np.array(up, dtype=np.int32))
    n = len(up)
    pointer = np.append(np.where(forest.parent < 0, n, forest.parent), n).astype(np.int32)
    members = np.append(np.tile(np.arange(n), 3), -1).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "HOPS_WALKED", 0 if doubled else 64)
        found = trees.ancestors(pointer, members, k).tolist()
    twin, order = slow(up), forest.order.tolist()
    assert [None if at < 0 else order[at] for at in found[:n]] == [twin.level_up(row, k) for row in order]
    assert found[-1] == -1


@given(parents(max_size=12), st.data())
@settings(max_examples=150, deadline=None)
def test_subtree_sums_are_exact_wherever_they_fit(up, data):
    """Sums that fit into 64 bits are exact though running sums overflow; the others are marked."""
    forest = trees.preorder(np.array(up, dtype=np.int32))
    values = data.draw(st.lists(INT64, min_size=len(up), max_size=len(up)))
    sums, over = trees.subtree_sums(np.array(values, dtype=np.int64), forest.size)
    for index in range(len(up)):
        exact = sum(values[index : index + int(forest.size[index])])
        fits = -(2**63) <= exact < 2**63
        assert fits == (over is None or not over[index])
        if fits:
            assert int(sums[index]) == exact


@given(st.lists(INT64, max_size=40), st.lists(INT64, max_size=20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_integer_tables_find_what_a_dict_finds(labels, asked, hashed):
    """Dense and hashed tables return a dict's rows for a column and for one label, and name repeats."""
    rows = {}
    repeats = [row for row, label in enumerate(labels) if rows.setdefault(label, row) != row]
    array = np.array(labels, dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        if hashed and labels:
            patch.setattr(label_kernels, "DENSE_SPREAD", -1)
            patch.setattr(label_kernels, "DENSE_FREE", 0)
        table, twice = label_kernels.integer_table(array)
    assert twice.tolist() == repeats
    if repeats:
        return
    asked = labels + asked
    expected = [rows.get(label, -1) for label in asked]
    assert table.find(np.array(asked, dtype=np.int64)).tolist() == expected
    assert [table.find_one(label) for label in asked] == expected


def test_hashing_goes_on_where_slots_collide():
    """Ten thousand sparse labels, with many collisions, are all found and their neighbours are not."""
    labels = np.unique(np.random.default_rng(3).integers(-(2**63), 2**63 - 1, 10_000))
    table, twice = label_kernels.integer_table(labels)
    assert isinstance(table, label_kernels.HashTable)
    assert len(twice) == 0
    assert (table.find(labels) == np.arange(len(labels))).all()
    others = np.setdiff1d(labels + 1, labels)
    assert (table.find(others) == -1).all()
    assert [table.find_one(label) for label in others[:500].tolist()] == [-1] * 500
    assert [table.find_one(label) for label in labels[:500].tolist()] == list(range(500))
    repeated = np.append(labels, labels[77])
    assert label_kernels.integer_table(repeated)[1].tolist() == [len(labels)]


@given(parents(), st.randoms(use_true_random=False), st.sampled_from([1, 2, 3, 1000]))
@settings(max_examples=100, deadline=None)
def test_nearest_marked_does_not_need_parents_first(up, random, block):
    """Members may stand in any order, as those of a placement do: the nearest marked one is the same."""
    size, twin = len(up), slow(up)
    place = list(range(size))
    random.shuffle(place)
    pointer = np.full(size + 1, size, dtype=np.int32)
    for row, parent in enumerate(up):
        pointer[place[row]] = size if parent < 0 else place[parent]
    marked = {row for row in range(size) if random.random() < 0.4}
    mask = np.zeros(size, dtype=bool)
    mask[[place[row] for row in marked]] = True
    nearest = (twin.nearest(marked, row) for row in range(size))
    expected = {place[row]: size if found is None else place[found] for row, found in enumerate(nearest)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trees, "BLOCK_ROWS", block)
        found = trees.nearest_marked(pointer, mask)
    assert found.tolist() == [*(expected[at] for at in range(size)), size]
