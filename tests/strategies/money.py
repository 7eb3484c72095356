"""Amounts, ratios and claims problems, with a bias to the edges of int64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN, ROW

if TYPE_CHECKING:
    from fractions import Fraction

EDGES = sorted(
    {
        0,
        *(
            sign * (1 << bits) + step
            for bits in (0, 1, 8, 31, 32, 33, 52, 53, 62)
            for sign in (1, -1)
            for step in (-1, 0, 1)
        ),
        MINOR_MAX,
        MINOR_MAX - 1,
        MINOR_MIN,
        MINOR_MIN + 1,
    }
)


def amounts(low: int = MINOR_MIN, high: int = MINOR_MAX) -> st.SearchStrategy[int]:
    """Minor units from `low` to `high`: everyday ones, any ones, and the edges of machine words."""
    edges = [edge for edge in EDGES if low <= edge <= high]
    everyday = st.integers(max(low, -100_000), min(high, 100_000))
    anywhere = st.integers(low, high)
    return st.one_of(everyday, anywhere, st.sampled_from(edges)) if edges else anywhere


def columns(
    low: int = MINOR_MIN, high: int = MINOR_MAX, *, max_size: int = 8
) -> st.SearchStrategy[np.ndarray]:
    """Columns of minor units."""
    return st.lists(amounts(low, high), max_size=max_size).map(lambda values: np.array(values, dtype=MINOR))


def fractions(*, max_value: int = 1000) -> st.SearchStrategy[Fraction]:
    """Exact numbers from 0 to `max_value` with small denominators."""
    return st.fractions(min_value=0, max_value=max_value, max_denominator=12)


@st.composite
def problems(draw: st.DrawFn, *, high: int = MINOR_MAX, max_size: int = 7) -> tuple[list[int], int]:
    """One claims problem: claims and a limit, often one that binds."""
    top = draw(st.sampled_from([3, 100, 10**6, 2**32, high]))
    claims = draw(st.lists(amounts(0, min(top, high)), min_size=1, max_size=max_size))
    total = sum(claims)
    limit = draw(
        st.one_of(st.integers(0, total), st.sampled_from([0, total // 2, (total + 1) // 2, total, total + 1]))
    )
    return claims, limit


@st.composite
def grouped_problems(draw: st.DrawFn, *, high: int = MINOR_MAX) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Many claims problems with their rows mixed: claims, group numbers and limits; groups may be empty."""
    parts = draw(st.lists(problems(high=high, max_size=5), max_size=5))
    rows = [(claim, number) for number, (claims, _) in enumerate(parts) for claim in claims]
    rows = draw(st.permutations(rows))
    limits = [min(limit, MINOR_MAX) for _, limit in parts] + draw(st.sampled_from([[], [0], [7]]))
    return (
        np.array([claim for claim, _ in rows], dtype=MINOR),
        np.array([number for _, number in rows], dtype=ROW),
        np.array(limits, dtype=MINOR),
    )


@st.composite
def bound_columns(draw: st.DrawFn, *, max_rows: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Claims [k, n] and limits [n] in which every column's sum exceeds its limit."""
    k = draw(st.integers(1, max_rows))
    top = draw(st.sampled_from([3, 100_000, 2**33, MINOR_MAX]))
    claims, limits = [], []
    for _ in range(draw(st.integers(1, 5))):
        column = draw(st.lists(amounts(0, top), min_size=k, max_size=k))
        column[0] = max(column[0], 1)
        claims.append(column)
        limits.append(draw(st.integers(0, min(sum(column) - 1, MINOR_MAX))))
    return np.array(claims, dtype=MINOR).T.copy(), np.array(limits, dtype=MINOR)
