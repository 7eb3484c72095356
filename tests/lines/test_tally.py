"""Exact sums by owner: one word while it fits, two halves from then on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, MINOR_MIN
from fenxiao._kernels.tally import (
    Tally,
    exact_add,
    exact_sum,
    greatest,
    halves,
    halves_exceed,
    nonzero_sums,
)
from fenxiao.errors import MoneyOverflowError
from tests.expressions.refusals import refused
from tests.strategies.money import amounts


def minor(values):
    """Return a column of minor units."""
    return np.array(values, dtype=MINOR)


batches = st.lists(st.lists(st.tuples(st.integers(0, 3), amounts()), max_size=5), max_size=4)


@settings(deadline=None)
@given(batches, st.lists(amounts(), min_size=4, max_size=4), st.booleans())
def test_sums_comparisons_and_overflow_are_exact(parts, limits, told):
    """Sums equal Python's, comparisons never wrap, and a sum that does not fit is an error."""
    tally, wanted = Tally(4), [0, 0, 0, 0]
    for part in parts:
        owner = np.array([who for who, _ in part], dtype=INDEX)
        values = minor([value for _, value in part])
        tally.add(owner, values, greatest(values) if told else None)
        for who, value in part:
            wanted[who] += value
    assert tally.exceeds(minor(limits)).tolist() == [
        one > two for one, two in zip(wanted, limits, strict=True)
    ]
    if all(MINOR_MIN <= value <= MINOR_MAX for value in wanted):
        assert tally.sums("a total").tolist() == wanted
    else:
        refused(lambda: tally.sums("a total"), MoneyOverflowError, "a total", "of 4")


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), amounts(0)), max_size=5), max_size=4))
def test_saturated_sums_stop_at_the_largest_amount(parts):
    """Where a sum of amounts from 0 does not fit, the largest amount stands for it."""
    tally, wanted = Tally(4), [0, 0, 0, 0]
    for part in parts:
        tally.add(np.array([who for who, _ in part], dtype=INDEX), minor([value for _, value in part]))
        for who, value in part:
            wanted[who] += value
    assert tally.saturated().tolist() == [min(value, MINOR_MAX) for value in wanted]


def test_the_switch_to_halves_keeps_what_was_added():
    """Sums added in one word before the switch, negative ones too, are part of the halves after it."""
    tally = Tally(2)
    tally.add(np.array([0, 1]), minor([5, -7]))
    assert tally.sums("x").tolist() == [5, -7]
    tally.add(np.array([0, 1]), minor([MINOR_MAX - 5, MINOR_MIN + 7]))
    assert tally.sums("x").tolist() == [MINOR_MAX, MINOR_MIN]
    tally.add(np.array([0]), minor([1]))
    refused(lambda: tally.sums("x"), MoneyOverflowError, "1 of 2")
    assert tally.exceeds(minor([MINOR_MAX, MINOR_MIN])).tolist() == [True, False]
    tally.add(np.array([0]), minor([-1]))
    assert tally.sums("x").tolist() == [MINOR_MAX, MINOR_MIN]


@settings(deadline=None)
@given(st.lists(amounts(), max_size=8))
def test_whole_columns_are_summed_exactly(values):
    """The sum of a column is a Python integer of any size; halves compare like the whole."""
    assert exact_sum(minor(values)) == sum(values)
    assert greatest(minor(values)) == max(map(abs, values), default=0)
    low, high = halves(minor(values))
    assert halves_exceed(low, high, minor([0] * len(values))).tolist() == [value > 0 for value in values]


@settings(deadline=None)
@given(st.lists(st.lists(amounts(), min_size=2, max_size=2), max_size=4))
def test_columns_are_added_exactly(columns):
    """Sums of columns fit or raise."""
    wanted = [sum(column[row] for column in columns) for row in (0, 1)]
    if all(MINOR_MIN <= value <= MINOR_MAX for value in wanted):
        assert exact_add([minor(column) for column in columns], 2, "a total").tolist() == wanted
    else:
        with pytest.raises(MoneyOverflowError):
            exact_add([minor(column) for column in columns], 2, "a total")


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 7, 99]), amounts()), max_size=6))
def test_few_owners_among_many(pairs):
    """Those whose values add up to something are told in order, with their sums; the others are not there."""
    owner = np.array([who for who, _ in pairs], dtype=INDEX)
    values = minor([value for _, value in pairs])
    wanted = {}
    for who, value in pairs:
        wanted[who] = wanted.get(who, 0) + value
    if not all(MINOR_MIN <= value <= MINOR_MAX for value in wanted.values()):
        refused(lambda: nonzero_sums(owner, values, 100, "a sum"), MoneyOverflowError, "a sum")
        return
    owners, sums = nonzero_sums(owner, values, 100, "a sum")
    assert list(zip(owners.tolist(), sums.tolist(), strict=True)) == sorted(
        (who, value) for who, value in wanted.items() if value
    )
