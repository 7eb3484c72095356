"""The hottest loop of the library: many small claims problems at once, one problem a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from fenxiao._arrays import BLOCK_ROWS, MINOR, MINOR_MAX, ROW, blocks
from fenxiao._kernels.groups import shares

if TYPE_CHECKING:
    from fenxiao._arrays import MinorArray

Leftover: TypeAlias = Literal["largest_remainder", "floor"]

_COUNTER: Final = np.int8
"""Counts of claims in one problem; small, so that counting costs little memory traffic."""

_PAIRS_MAX: Final = 8
"""Up to so many claims, counting who has more is faster than sorting, though it is quadratic."""


def ration_columns(
    claims: MinorArray, limits: MinorArray, *, leftover: Leftover = "largest_remainder"
) -> MinorArray:
    """Cut each column of claims in proportion, so that it adds up to its limit.

    Parameters
    ----------
    claims : int64 [k, n]
        Not negative; `k` claims in each of `n` problems. Every column's sum exceeds its limit.
    limits : int64 [n]
        Not negative.
    leftover
        ``"largest_remainder"`` hands out the units that rounding down leaves, to the largest remainders
        first, ties to the lower row; ``"floor"`` keeps them.

    Returns
    -------
    int64 [k, n]
        Minor units, exact for every input.

    Examples
    --------
    >>> ration_columns(np.array([[101], [101], [101]]), np.array([200])).ravel().tolist()
    [67, 67, 66]
    """
    k, n = claims.shape
    result = np.empty_like(claims)
    # Small chunks keep the scratch columns in the cache and spare the cost of fresh memory pages.
    width = max(BLOCK_ROWS // max(k, 8), 1)
    rests = np.empty((k, min(width, n)), dtype=MINOR)
    for low, high in blocks(n, width):
        some, limit, parts = claims[:, low:high], limits[low:high], result[:, low:high]
        if int(some.max()) * max(int(limit.max()), k) <= MINOR_MAX:
            over = rests[:, : high - low]
            sums = some.sum(axis=0)
            np.multiply(some, limit, out=over)
            np.divmod(over, sums, out=(parts, over))
            if leftover == "largest_remainder":
                _hand_out(parts, over, limit)
        else:
            _ration_extremes(some, limit, parts, leftover)
    return result


def priority_columns(claims: MinorArray, limits: MinorArray) -> MinorArray:
    """Serve the rows of each column in order, each up to what is left of the limit.

    Parameters
    ----------
    claims : int64 [k, n]
        Not negative.
    limits : int64 [n]
        Not negative.

    Returns
    -------
    int64 [k, n]

    Examples
    --------
    >>> priority_columns(np.array([[5], [4], [3]]), np.array([7])).ravel().tolist()
    [5, 2, 0]
    """
    result = np.empty_like(claims)
    left = limits.copy()
    for claim, part in zip(claims, result, strict=True):
        np.minimum(claim, left, out=part)
        left -= part
    return result


def _hand_out(parts: MinorArray, rests: MinorArray, limits: MinorArray) -> None:
    """Add one unit, in place, to the largest remainders of each column until its limit is used up."""
    left = limits - parts.sum(axis=0)
    k = len(rests)
    if k > _PAIRS_MAX:
        ordered = np.sort(rests, axis=0)
        last = np.take_along_axis(ordered, np.minimum(k - left, k - 1)[np.newaxis], axis=0)
        above, level = rests > last, rests == last
        spare = left - above.sum(axis=0, dtype=ROW)
        parts += above | (level & (level.cumsum(axis=0, dtype=ROW) <= spare))
        return
    ahead = np.zeros(parts.shape, dtype=_COUNTER)
    for upper in range(1, k):
        for lower in range(upper):
            wins = rests[lower] >= rests[upper]
            ahead[upper] += wins
            ahead[lower] += ~wins
    parts += ahead < left.astype(_COUNTER)


def _ration_extremes(claims: MinorArray, limits: MinorArray, parts: MinorArray, leftover: Leftover) -> None:
    """Ration columns some of which do not fit: one extreme problem must not slow down its neighbours."""
    k = len(claims)
    tops = claims.max(axis=0)
    summable = tops <= MINOR_MAX // k
    ordinary = summable & (tops <= MINOR_MAX // np.maximum(limits, 1))
    for columns in (np.flatnonzero(ordinary), np.flatnonzero(summable & ~ordinary)):
        some, limit = np.take(claims, columns, axis=1), np.take(limits, columns)
        share, over = shares(some, limit, some.sum(axis=0))
        if leftover == "largest_remainder":
            _hand_out(share, over, limit)
        parts[:, columns] = share
    for column in np.flatnonzero(~summable).tolist():
        parts[:, column] = _ration_integers(claims[:, column].tolist(), int(limits[column]), leftover)


def _ration_integers(claims: list[int], limit: int, leftover: Leftover) -> list[int]:
    """Ration one problem whose sum does not fit, with Python integers."""
    total = sum(claims)
    pairs = [divmod(claim * limit, total) for claim in claims]
    parts = [part for part, _ in pairs]
    if leftover == "largest_remainder":
        order = sorted(range(len(claims)), key=lambda row: -pairs[row][1])
        for row in order[: limit - sum(parts)]:
            parts[row] += 1
    return parts
