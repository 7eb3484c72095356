"""`Sheet`: claims side by side, what was cut of them, and which cap cut most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, ROW
from fenxiao.policies import Setting
from fenxiao.sheets import Sheet, exact_total
from tests.policies.samples import facts


def block_of(lines):
    """Return a block of some orders of one line each."""
    given = facts(*({} for _ in range(lines)))
    return Setting(facts=given, currency=fx.Currency.of("CNY"), rows=slice(0, lines)).everything


def claims_of(amounts, levels, payee=0):
    """Return claims of a matrix of amounts."""
    matrix = np.array(amounts, dtype=MINOR)
    return fx.Claims(
        payee=np.full(matrix.shape, payee, dtype=INDEX),
        amount=matrix,
        levels=levels,
        bound=int(matrix.max(initial=0)),
    )


def test_policies_stand_side_by_side():
    """Slots of several policies follow each other; a level is one a slot or one a line."""
    by_line = np.array([[5, 6]], dtype=INDEX)
    sheet = Sheet(
        block_of(2), [4, 1], [claims_of([[1, 2], [3, 4]], (1, 2)), claims_of([[7, 8]], by_line, payee=1)]
    )
    assert (sheet.slots, sheet.policy, sheet.uniform) == (3, (4, 4, 1), False)
    assert sheet.claimed.tolist() == [[1, 2], [3, 4], [7, 8]]
    assert sheet.payee.tolist() == [[0, 0], [0, 0], [1, 1]]
    assert [sheet.levels(slot).tolist() for slot in range(3)] == [[1, 1], [2, 2], [5, 6]]
    assert sheet.bound == 2 * 4 + 8
    assert sheet.allowed is sheet.claimed
    with pytest.raises(IndexError):
        sheet.levels(3)


def test_one_policy_needs_no_copy_and_none_gives_no_slots():
    """A single policy's matrices are used as they are; a stage without order policies is empty."""
    claims = claims_of([[1, 2]], (1,))
    sheet = Sheet(block_of(2), [0], [claims])
    assert sheet.claimed is claims.amount
    assert sheet.uniform
    nothing = Sheet(block_of(2), [], [])
    assert (nothing.slots, nothing.claimed.shape, nothing.touched().tolist()) == (0, (0, 2), [])


@settings(deadline=None)
@given(st.data())
def test_cuts_are_recorded_and_the_largest_wins(data):
    """Allowed is claimed less all cuts; touched lines and the largest cut of each entry are known."""
    draw = data.draw
    slots, lines = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    amounts = st.lists(
        st.lists(st.integers(0, 50), min_size=lines, max_size=lines), min_size=slots, max_size=slots
    )
    sheet = Sheet(block_of(lines), [0], [claims_of(draw(amounts), tuple(range(slots)))])
    claimed = sheet.claimed.tolist()
    allowed = [list(row) for row in claimed]
    largest = {}
    touched = set()
    for cap in range(draw(st.integers(0, 3))):
        some = sorted(draw(st.sets(st.integers(0, slots - 1), min_size=1)))
        where = sorted(draw(st.sets(st.integers(0, lines - 1), min_size=1)))
        new = [[draw(st.integers(0, allowed[slot][line])) for line in where] for slot in some]
        before = np.array([[allowed[slot][line] for line in where] for slot in some], dtype=MINOR)
        taken = sheet.cut(
            cap, np.array(some, dtype=ROW), np.array(where, dtype=ROW), before, np.array(new, dtype=MINOR)
        )
        assert taken == sum(allowed[slot][line] for slot in some for line in where) - sum(map(sum, new))
        for row, slot in enumerate(some):
            for column, line in enumerate(where):
                less = allowed[slot][line] - new[row][column]
                allowed[slot][line] = new[row][column]
                if less > largest.get((slot, line), (0, -1))[0]:
                    largest[slot, line] = (less, cap)
        touched |= set(where)
    assert sheet.allowed.tolist() == allowed
    assert sheet.claimed.tolist() == claimed
    assert sheet.touched().tolist() == sorted(touched)
    place, most = sheet.largest_cut()
    cells = [[(slot, line) for line in range(lines)] for slot in range(slots)]
    assert place.tolist() == [[largest.get(cell, (0, -1))[1] for cell in row] for row in cells]
    assert most.tolist() == [[largest.get(cell, (0, -1))[0] for cell in row] for row in cells]


def test_totals_of_cuts_never_wrap():
    """The sum of a matrix is exact where its bound says that 64 bits may be too few."""
    big = np.full((2, 2), MINOR_MAX, dtype=MINOR)
    assert exact_total(big, 2 * MINOR_MAX) == 4 * MINOR_MAX
    assert exact_total(big // 8, MINOR_MAX // 4) == 4 * (MINOR_MAX // 8)
    assert exact_total(np.zeros((2, 0), dtype=MINOR), MINOR_MAX) == 0
