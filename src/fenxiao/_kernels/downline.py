"""Sums and counts over downlines: groups, depths, legs. Pure functions of arrays in preorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import (
    BLOCK_ROWS,
    FLAG,
    INDEX,
    MINOR,
    MINOR_MIN,
    NO_MEMBER,
    ROW,
    FlagArray,
    IndexArray,
    MinorArray,
    blocks,
)
from fenxiao._kernels.trees import ends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao._arrays import InstantArray, RowArray


def breaks_by_itself(
    organisation: MinorArray, reach: FlagArray, parent: IndexArray, candidate: FlagArray, threshold: int
) -> FlagArray:
    """Return whose legs break away because their own group volume reaches a threshold.

    A group is an organisation without what has broken away below it, so that the answer for a member
    depends on those below him alone. Those who can reach the threshold are visited one by one, those below
    first.

    Parameters
    ----------
    organisation : int64 [n], each member's volume with his whole downline's
    reach : bool [n], whose organisation would reach the threshold without what is negative in it
    parent : int32 [n]
    candidate : bool [n], who may break at all
    threshold : the group volume at which a leg breaks, the threshold itself inside

    Examples
    --------
    >>> chain, all_of = np.array([-1, 0, 1], dtype=INDEX), np.ones(3, dtype=FLAG)
    >>> breaks_by_itself(np.array([130, 120, 100]), all_of, chain, all_of, 100).tolist()
    [False, False, True]
    """
    broken = np.zeros(len(parent), dtype=FLAG)
    # Whoever can reach the threshold has a sponsor who can too.
    who = np.flatnonzero(reach)
    if not len(who):
        return broken
    place = np.zeros(len(parent) + 1, dtype=INDEX)
    place[who] = np.arange(len(who), dtype=INDEX)
    above = parent[who]
    up = np.where(above == NO_MEMBER, INDEX(len(who)), place[above]).tolist()
    volume, may = organisation[who].tolist(), candidate[who].tolist()
    lost = [0] * (len(who) + 1)
    breaks = [False] * len(who)
    for at in range(len(who) - 1, -1, -1):
        gone = lost[at]
        if may[at] and volume[at] - gone >= threshold:
            breaks[at] = True
            gone = volume[at]
        lost[up[at]] += gone
    broken[who] = breaks
    return broken


def at_depths(values: MinorArray, parent: IndexArray, depth: int) -> MinorArray:
    """Return the sums over each member and `depth` levels of his downline; the caller bounds them.

    >>> at_depths(np.array([1, 10, 100]), np.array([-1, 0, 1], dtype=INDEX), 1).tolist()
    [11, 110, 100]
    """
    total, level = values.copy(), values
    below = np.flatnonzero(parent != NO_MEMBER)
    above = parent[below]
    for _ in range(depth):
        up = np.zeros(len(values), dtype=MINOR)
        np.add.at(up, above, level[below])
        if not up.any():
            break
        total += up
        level = up
    return total


def level_by_level(
    mask: FlagArray, dates: InstantArray | None, up: IndexArray, levels: int
) -> Iterator[tuple[MinorArray, InstantArray | None]]:
    """Yield for level 1, 2, ... how many marked members stand so far below each, and their latest date.

    It ends early where a level has nobody. The latest date of no members means nothing.

    Parameters
    ----------
    mask : bool [n], who counts
    dates : int64 [n], or None where no dates are wanted
    up : int32 [n + 1], the index right above, n for nobody and at n
    levels : the most levels

    Examples
    --------
    >>> line, everybody = np.array([3, 0, 1, 3], dtype=INDEX), np.ones(3, dtype=FLAG)
    >>> for count, latest in level_by_level(everybody, np.array([5, 9, 7]), line, 9):
    ...     print(count, latest[:1])
    [1 1 0] [9]
    [1 0 0] [7]
    """
    count = mask.astype(MINOR)
    latest = dates
    for _ in range(levels):
        has = np.flatnonzero(count)
        above = up[has]
        # The last place collects what stands above nobody.
        counted = np.zeros(len(up), dtype=MINOR)
        np.add.at(counted, above, count[has])
        if latest is not None:
            last = np.full(len(up), MINOR_MIN, dtype=MINOR)
            np.maximum.at(last, above, latest[has])
            latest = last[:-1]
        count = counted[:-1]
        if not count.any():
            return
        yield count, latest


def legs_with(mask: FlagArray, parent: IndexArray, size: IndexArray) -> MinorArray:
    """Return how many legs of each member contain somebody who is marked.

    >>> chain = np.array([-1, 0, 1], dtype=INDEX), np.array([3, 2, 1], dtype=INDEX)
    >>> legs_with(np.array([True, False, True]), *chain).tolist()
    [1, 1, 0]
    """
    running = np.empty(len(mask) + 1, dtype=INDEX)
    running[0] = 0
    np.cumsum(mask, out=running[1:], dtype=INDEX)
    if not running[-1]:
        return np.zeros(len(mask), dtype=MINOR)
    contains = np.empty(len(mask), dtype=FLAG)
    for low, high in blocks(len(mask), BLOCK_ROWS):
        np.greater(running[ends(size, low, high)], running[low:high], out=contains[low:high])
    return heads(contains, parent)


def heads(mask: FlagArray, parent: IndexArray) -> MinorArray:
    """Return how many of those whom each member sponsored are marked.

    >>> heads(np.array([True, False, True]), np.array([-1, 0, 0], dtype=INDEX)).tolist()
    [1, 0, 0]
    """
    above = parent[mask]
    return np.bincount(above[above != NO_MEMBER], minlength=len(parent)).astype(MINOR, copy=False)


def ranked_legs(organisation: MinorArray, own: MinorArray | None, parent: IndexArray, k: int) -> MinorArray:
    """Return the k-th largest leg of each member, 0 where he has fewer; `own` is a leg where it is given.

    >>> tree = np.array([-1, 0, 0], dtype=INDEX)
    >>> ranked_legs(np.array([35, 20, 10]), np.array([5, 20, 10]), tree, 3).tolist()
    [5, 0, 0]
    """
    n = len(parent)
    found = np.zeros(n, dtype=MINOR)
    below = np.flatnonzero(parent != NO_MEMBER)
    owner, volume = parent[below], organisation[below]
    if k == 1:
        np.maximum.at(found, owner, volume)
        return found if own is None else np.maximum(found, own)
    if own is not None:
        owner = np.concatenate((owner, np.arange(n, dtype=INDEX)))
        volume = np.concatenate((volume, own))
    order: RowArray = np.lexsort((-volume, owner))
    owner, volume = owner[order], volume[order]
    starts = np.searchsorted(owner, np.arange(n + 1, dtype=ROW))
    wanted = starts[:-1] + (k - 1)
    has = wanted < starts[1:]
    found[has] = volume[wanted[has]]
    return found
