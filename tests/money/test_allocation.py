"""Allocation: parts that sum to the whole."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN
from fenxiao.errors import InputError, MoneyError, MoneyOverflowError
from fenxiao.money import Rounding, allocate, allocate_many, cumulative_split
from tests.oracles import rationing as twin
from tests.strategies.money import amounts

WEIGHTS = st.lists(amounts(0), min_size=1, max_size=7).filter(any)
MODES = ["floor", "ceiling", "half_up", "half_even"]


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [47000, 16000, 15900, 12000, 6000, 3100], [5, 2, 1, 1, 1, 0]),
        (10, [6, 6, 2], [4, 4, 2]),
        (11, [6, 6, 2], [5, 5, 1]),
        (100, [1, 2, 3, 5], [9, 18, 27, 46]),
        (4, [Fraction(1, 3), Fraction(2, 3)], [1, 3]),
        (-100, [1, 2, 3, 5], [-9, -18, -27, -46]),
        (1, [1, 1], [1, 0]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
    ],
)
def test_largest_remainder_examples(total: int, weights: list, parts: list[int]) -> None:
    """Published apportionments, the Alabama paradox among them, and small edges."""
    assert allocate(total, weights).tolist() == parts


@settings(max_examples=100, deadline=None)
@given(total=amounts(), weights=WEIGHTS)
def test_parts_sum_to_the_total(total: int, weights: list[int]) -> None:
    """Parts are the twin's, sum to the total and lie within one unit of the exact share."""
    parts = allocate(total, weights).tolist()
    assert parts == twin.allocate(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


@settings(max_examples=80, deadline=None)
@given(problems=st.lists(st.tuples(amounts(), WEIGHTS), max_size=5), data=st.data())
def test_many_totals_are_each_total(problems: list[tuple[int, list[int]]], data: st.DataObject) -> None:
    """Splitting many totals at once, rows mixed, gives what splitting each alone gives."""
    rows = [(weight, number) for number, (_, weights) in enumerate(problems) for weight in weights]
    rows = data.draw(st.permutations(rows))
    totals = np.array([total for total, _ in problems] + [0], dtype=MINOR)
    weights = np.array([weight for weight, _ in rows], dtype=MINOR)
    group = np.array([number for _, number in rows], dtype=MINOR)
    parts = allocate_many(totals, weights, group)
    for number, total in enumerate(totals.tolist()):
        mine = group == number
        assert parts[mine].tolist() == twin.allocate(total, weights[mine].tolist())


@pytest.mark.parametrize("top", [3, 10**6, MINOR_MAX])
@pytest.mark.parametrize("total", [1000, MINOR_MAX, MINOR_MIN])
def test_many_weights(top: int, total: int) -> None:
    """One total over many weights is split alike with arrays and with Python integers."""
    weights = np.random.default_rng(3).integers(0, top, 100)
    assert allocate(total, weights).tolist() == twin.allocate(total, weights.tolist())


def test_many_huge_weights() -> None:
    """Weights beyond 64 bits are exact too."""
    weights = [Fraction(10**30 + row, 7) for row in range(70)]
    parts = allocate(1234, weights)
    assert parts.sum() == 1234
    assert parts.tolist() == twin.allocate(1234, [10**30 + row for row in range(70)])


def test_cumulative_rounding_example() -> None:
    """Prefix rounding half up of 100 over 1, 2, 3, 5."""
    assert cumulative_split(100, [1, 2, 3, 5], "half_up").tolist() == [9, 18, 28, 45]


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=60, deadline=None)
@given(steps=amounts(-(MINOR_MAX // 5), MINOR_MAX // 5), step=st.sampled_from([1, 5]), weights=WEIGHTS)
def test_prefixes_are_rounded_once(mode: str, steps: int, step: int, weights: list[int]) -> None:
    """Every beginning of the parts sums to the rounded exact share of that beginning; no sign is wrong."""
    total, rounding = steps * step, Rounding(mode, step=step)
    parts = cumulative_split(total, weights, rounding).tolist()
    for end in range(len(weights) + 1):
        exact = Fraction(total * sum(weights[:end]), sum(weights))
        assert sum(parts[:end]) == rounding.round_fraction(exact)
    assert sum(parts) == total
    assert all(part * total >= 0 for part in parts)


def test_an_empty_split_of_nothing() -> None:
    """Nothing can be split among nobody."""
    assert cumulative_split(0, []).tolist() == []
    assert allocate_many(np.array([0]), np.array([0, 0]), np.array([0, 0])).tolist() == [0, 0]


INVALID = [
    (lambda: allocate(1, [0, 0]), MoneyError, "no weight above zero"),
    (lambda: allocate(1, []), MoneyError, "no weight above zero"),
    (lambda: allocate(1, [1, -1]), MoneyError, "row 1"),
    (lambda: allocate(1, [1, 0.5]), MoneyError, "row 1"),
    (lambda: allocate(1.0, [1]), MoneyError, "total"),
    (lambda: allocate(True, [1]), MoneyError, "total"),
    (lambda: allocate(2**63, [1]), MoneyOverflowError, "64-bit"),
    (lambda: allocate_many(np.array([1, 1]), np.array([1, 0]), np.array([0, 1])), MoneyError, "row 1"),
    (lambda: allocate_many(np.array([1]), np.array([-1]), np.array([0])), MoneyError, "weights"),
    (lambda: allocate_many(np.array([1.5]), np.array([1]), np.array([0])), MoneyError, "totals"),
    (lambda: allocate_many(np.array([1]), np.array([1]), np.array([2])), InputError, "group"),
    (lambda: cumulative_split(1, [0]), MoneyError, "no weight above zero"),
    (lambda: cumulative_split(7, [1], Rounding("floor", step=5)), InputError, "multiple"),
]


@pytest.mark.parametrize(("call", "error", "text"), INVALID)
def test_invalid_allocations_are_refused(call: object, error: type[Exception], text: str) -> None:
    """A malformed allocation raises the typed error that names what is wrong."""
    with pytest.raises(error, match=text) as caught:
        call()
    assert type(caught.value) is error
    assert caught.value.allowed
    assert caught.value.hint
