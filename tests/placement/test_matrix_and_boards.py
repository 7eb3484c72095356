"""How many places a full matrix has, and boards that split."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao.placement import Boards, Cycle, capacity, split_boards
from tests.oracles.placing import slow_boards
from tests.strategies.trees import LABELS


@pytest.mark.parametrize("width", range(1, 6))
@pytest.mark.parametrize("depth", range(6))
def test_capacity_is_the_sum_of_its_levels(width, depth):
    """A full matrix has width to the power of each level, the top included."""
    assert capacity(width, depth) == sum(width**level for level in range(depth + 1))


def test_capacities_of_published_matrices():
    """4 x 4 without its top has 4 + 16 + 64 + 256 places; level 7 of a width of 3 has 2187."""
    assert capacity(4, 4) - 1 == 4 + 16 + 64 + 256 == 340
    assert capacity(3, 7) - capacity(3, 6) == 3**7 == 2187


def test_capacity_is_exact_beyond_64_bits():
    """Large matrices are counted exactly."""
    assert capacity(10, 30) == int("1" * 31)
    assert capacity(1, 65_536) == 65_537


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_boards_are_their_slow_twin(data):
    """Cycles and open boards agree with dicts from place to member, re-entries included."""
    width, depth, reenter = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 3)))
    kind = data.draw(st.sampled_from(sorted(LABELS)))
    entrants = data.draw(st.lists(LABELS[kind], max_size=40, unique=True))
    found = split_boards(width, depth, entrants, reenter=reenter)
    cycles, boards = slow_boards(width, depth, entrants, reenter)
    assert [tuple(cycle) for cycle in found.cycles] == cycles
    shown = [
        {(row, place): member for row, members in enumerate(board) for place, member in enumerate(members)}
        for board in found.open
    ]
    assert shown == boards


@given(st.integers(2, 4), st.integers(1, 3), st.integers(0, 300))
@settings(max_examples=80, deadline=None)
def test_nobody_is_lost(width, depth, n):
    """Who entered has cycled or stands on exactly one open board; the first to enter leave first."""
    found = split_boards(width, depth, range(n))
    left = [cycle.member for cycle in found.cycles]
    standing = [member for board in found.open for row in board for member in row]
    assert sorted([*left, *standing]) == list(range(n))
    assert left == sorted(left)
    # Each split needs a full bottom row, the first board also the rows above it.
    above = capacity(width, depth) - width**depth
    assert len(left) == max(n - above, 0) // width**depth


def test_a_board_of_three_splits():
    """The third entrant fills the board: its top cycles, its two sides head boards of their own."""
    found = split_boards(2, 1, ["a", "b", "c"])
    assert found == Boards((Cycle("a", 2),), ((("b",),), (("c",),)))
    assert split_boards(2, 1, []).open == ((),)


def test_rows_below_the_top_keep_their_sides():
    """In a board of seven the left half follows the left head, the right half the right one."""
    found = split_boards(2, 2, "abcdefg".replace("", " ").split())
    assert found.cycles == (("a", 6),)
    assert found.open == ((("b",), ("d", "e")), (("c",), ("f", "g")))


def test_whoever_cycles_re_enters_so_many_times():
    """With one re-entry the first top enters again at once, and does not after his second cycle."""
    once = split_boards(2, 1, "abcdefghi".replace("", " ").split(), reenter=1)
    assert [cycle.member for cycle in once.cycles].count("a") == 2
    assert once.cycles[:2] == (("a", 2), ("b", 3))
    lines = split_boards(1, 1, ["a", "b", "c"], reenter=2)
    assert [cycle.member for cycle in lines.cycles] == ["a", "b", "a", "b", "a", "b"]
