"""The sponsor route: pointer arrays against a naive climb, on every small forest with every mask."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._arrays import FLAG, INDEX
from fenxiao.errors import Reason
from fenxiao.routes import IF_NOT, SELF_PURCHASE, SponsorRoute
from fenxiao.tree import ReferralTree
from tests.oracles.engine_rules import forest_shapes
from tests.routes.climb import climb
from tests.strategies.trees import parents

MODES = list(itertools.product(IF_NOT, SELF_PURCHASE))


def shapes(size):
    """Yield one parent list of every unlabelled forest, sponsors before their members."""
    for forest in forest_shapes(size):
        yield tuple(-1 if sponsor is None else sponsor for sponsor in forest.values())


def chain_of(up, member):
    """Return the members from one upwards."""
    chain = [member]
    while up[chain[-1]] >= 0:
        chain.append(up[chain[-1]])
    return chain


def tree_of(up):
    """Return the tree of a parent list, and the tree's index of each row."""
    tree = ReferralTree.from_mapping({row: None if parent < 0 else parent for row, parent in enumerate(up)})
    return tree, [tree.index(row) for row in range(len(up))]


def masks_of(level_masks, index):
    """Return masks over tree indices; levels with one mask share one array, as policies do."""
    made = {}
    for mask in level_masks:
        if mask is not None and mask not in made:
            array = np.zeros(len(index), dtype=FLAG)
            for row, holds in enumerate(mask):
                array[index[row]] = holds
            made[mask] = array
    return [None if mask is None else made[mask] for mask in level_masks]


def problems_of(up):
    """Return every (credited member, buyer) of a forest: guests and unknown buyers included."""
    rows = range(len(up))
    return [(member, buyer) for member in (*rows, None) for buyer in (*rows, None)]


def expected_payee(up, level_masks, member, buyer, start_level, mode):
    """Return the payees' rows by level, None for nobody, from the naive climb."""
    if member is None:
        return [None] * len(level_masks)
    chain = chain_of(up, member)
    marks = tuple(tuple(mask is None or mask[row] for row in chain) for mask in level_masks)
    place = chain.index(buyer) if buyer in chain else None
    found = climb(marks, place, start_level, *mode)
    return [None if distance is None else chain[distance] for distance in found]


def check(up, level_masks, start_level, mode, problems, told):
    """Compare one route's walk with the climb, and each new kind of walk with its trace."""
    tree, index = tree_of(up)
    if_not, self_purchase = mode
    route = SponsorRoute.prepare(
        tree,
        masks_of(level_masks, index),
        start_level=start_level,
        if_not=if_not,
        self_purchase=self_purchase,
    )
    nobody = len(up)
    members = np.array([nobody if member is None else index[member] for member, _ in problems], dtype=INDEX)
    buyers = np.array([-1 if buyer is None else index[buyer] for _, buyer in problems], dtype=INDEX)
    walked = route.walk(members, buyers if self_purchase != "pay" else None)
    assert walked.shape == (len(level_masks), len(problems))
    wanted = np.full(walked.shape, nobody)
    for column, (member, buyer) in enumerate(problems):
        for level, row in enumerate(expected_payee(up, level_masks, member, buyer, start_level, mode)):
            if row is not None:
                wanted[level, column] = index[row]
    assert (walked == wanted).all(), (up, level_masks, start_level, mode)
    for column, (member, buyer) in enumerate(problems):
        if member is None:
            continue
        chain = chain_of(up, member)
        kind = (
            tuple(tuple(mask is None or mask[row] for row in chain) for mask in level_masks),
            chain.index(buyer) if buyer in chain else None,
            start_level,
            mode,
        )
        if kind not in told:
            told.add(kind)
            steps = route.trace(int(members[column]), None if buyer is None else int(buyers[column]))
            check_trace(route, steps, walked[:, column].tolist(), int(buyers[column]))


def check_trace(route, steps, payees, buyer):
    """Check that the told walk pays whom the arrays pay, and that every reason is true."""
    nobody = len(route.up) - 1
    paid = [nobody] * route.levels
    assert [step.level for step in steps] == sorted(step.level for step in steps)
    for place, step in enumerate(steps):
        assert 0 <= step.level < route.levels
        if step.payee != nobody:
            assert paid[step.level] == nobody
            paid[step.level] = step.payee
        mask = route.qualified[step.level]
        if step.reason is Reason.PAID:
            assert step.payee == step.person != nobody
        elif step.reason is Reason.NO_UPLINE:
            assert step.person == nobody
        elif step.reason is Reason.NOT_ELIGIBLE:
            assert mask is not None
            assert not mask[step.person]
        elif step.reason is Reason.SELF_PURCHASE:
            assert route.self_purchase != "pay"
            assert step.person == buyer
        else:
            assert step.reason is Reason.STOPPED
            assert place == len(steps) - 1
            assert (step.person, step.payee) == (nobody, nobody)
    assert paid == payees


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5])
def test_every_small_forest_with_every_mask_walks_like_the_naive_climb(size):
    """For all forests of up to five members, all masks and modes, walk, climb and trace agree."""
    told = set()
    for up in shapes(size):
        problems = problems_of(up)
        for mask in itertools.product((False, True), repeat=size):
            for mode in MODES:
                check(up, (mask,) * (2 + sum(mask) % 2), sum(mask) % 3, mode, problems, told)


@pytest.mark.parametrize("start_level", [0, 1, 2, 3])
def test_every_start_level_on_chains_with_every_mask(start_level):
    """A walk depends on its chain alone: all masks of all chains of up to five members, from every level."""
    told = set()
    for size in range(6):
        up = tuple(range(-1, size - 1))
        problems = problems_of(up)
        for mask in itertools.product((False, True), repeat=size):
            for mode in MODES:
                check(up, (mask,) * 3, start_level, mode, problems, told)
    for mode in MODES:
        check((-1, 0, 1), (None, None), start_level, mode, problems_of((-1, 0, 1)), told)


def test_levels_with_their_own_masks_walk_like_the_naive_climb():
    """Where higher levels ask for more, as ranks do, every pair of nested masks of four members agrees."""
    told = set()
    for up in shapes(4):
        problems = problems_of(up)
        for wide in itertools.product((False, True), repeat=4):
            for extra in itertools.product((False, True), repeat=4):
                narrow = tuple(one and two for one, two in zip(wide, extra, strict=True))
                if extra != narrow:
                    continue
                for mode in MODES[sum(wide) % 3 :: 3] if wide != narrow else MODES:
                    check(up, (wide, narrow, narrow), 1, mode, problems, told)


@settings(deadline=None)
@given(parents(max_size=25), st.data())
def test_larger_forests_walk_like_the_naive_climb(up, data):
    """Deep, broad and mixed forests with any masks, up to six levels."""
    size = len(up)
    draw = data.draw
    flags = st.lists(st.booleans(), min_size=size, max_size=size).map(tuple)
    first = draw(st.none() | flags)
    second = draw(flags)
    second = second if first is None else tuple(one and two for one, two in zip(first, second, strict=True))
    levels = (first,) * draw(st.integers(1, 3)) + (second,) * draw(st.integers(0, 3))
    rows = st.none() | st.integers(0, size - 1) if size else st.none()
    problems = draw(st.lists(st.tuples(rows, rows), max_size=10))
    check(up, levels, draw(st.integers(0, 5)), draw(st.sampled_from(MODES)), problems, set())


def test_levels_that_share_a_condition_share_its_arrays():
    """A condition is turned into one pointer array, however many levels ask for it."""
    tree, _ = tree_of((-1, 0, 1))
    mask, other = np.array([True, False, True]), np.array([True, False, False])
    route = SponsorRoute.prepare(
        tree, [mask, mask, other, None], start_level=1, if_not="roll_up", self_purchase="pay"
    )
    assert route.nearest[0] is route.nearest[1]
    assert route.nearest[3] is tree.sponsor_pointer
    assert route.qualified[0] is route.qualified[1]
    assert route.qualified[3] is None
    assert [len(each) for each in route.qualified[:3]] == [4, 4, 4]


def test_a_guest_is_walked_to_nobody():
    """The number of members, which stands for a guest, leads to nobody at every level."""
    tree, _ = tree_of((-1, 0))
    for mode in MODES:
        route = SponsorRoute.prepare(tree, [None, None], start_level=0, if_not=mode[0], self_purchase=mode[1])
        guest = np.array([2], dtype=INDEX)
        assert route.walk(guest, guest * 0).tolist() == [[2], [2]]
