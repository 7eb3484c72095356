"""Forests as arrays: preorder, sizes, ancestors. Pure functions, no recursion, no labels.

Two ways lead to the preorder. Level by level is fastest while levels are few and wide. A deep tree would
pay numpy's call overhead once a level, so it is laid out as one long walk (down into each member, back out
of him) whose positions are found from many starting points at once, whatever the depth.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from fenxiao._arrays import (
    BLOCK_ROWS,
    FLAG,
    INDEX,
    MINOR,
    MINOR_MAX,
    NO_MEMBER,
    ROW,
    AnyArray,
    FlagArray,
    IndexArray,
    MinorArray,
    RowArray,
    blocks,
)
from fenxiao._kernels.walks import walk_positions

LEVELS_FREE: Final = 256
"""Levels that are always handled one by one."""
MEMBERS_PER_LEVEL: Final = 256
"""A further level must bring this many members on average: about what the calls for one level cost."""
HOPS_WALKED: Final = 64
"""Up to so many levels are climbed one by one; beyond, jumps are doubled."""
_HALF: Final = 32
_LOW: Final = (1 << 32) - 1


class Preorder(NamedTuple):
    """A forest in preorder. Shorter than the input where members are on or below a cycle.

    ``order`` holds input rows; ``parent``, ``depth`` and ``size`` are by preorder index.
    """

    order: IndexArray
    parent: IndexArray
    depth: IndexArray
    size: IndexArray


class Children(NamedTuple):
    """The children of each row as a slice ``rows[start[v]:start[v + 1]]``, by row.

    The roots stand first in `rows`, before the children of row 0. `spare` is memory of 2 n integers that
    the sort has left behind: fresh pages cost more than most of the steps, so the layout reuses them.
    """

    rows: IndexArray
    start: IndexArray
    spare: IndexArray


def preorder(up: IndexArray) -> Preorder:
    """Return the preorder of the forest in which row v hangs under row ``up[v]``, roots under -1.

    Siblings keep the order of their rows. Time is O(n log n) for the one sort, else linear; memory is a
    few integers a row.

    Parameters
    ----------
    up : int32 [n], each in ``-1 .. n - 1``

    Examples
    --------
    >>> forest = preorder(np.array([1, -1, 1, 0], dtype=INDEX))
    >>> forest.order.tolist(), forest.depth.tolist(), forest.size.tolist()
    ([1, 0, 3, 2], [0, 1, 2, 1], [4, 2, 1, 1])
    """
    children = children_of(up)
    by_level = _preorder_by_level(children)
    return _preorder_by_walk(up, children) if by_level is None else by_level


def children_of(up: IndexArray) -> Children:
    """Group rows by parent with one sort of packed keys: half the time of a stable argsort."""
    n = len(up)
    keys = np.empty(n, dtype=ROW)
    for low, high in blocks(n):
        block = keys[low:high]
        block[:] = up[low:high]
        block <<= _HALF
        block |= np.arange(low, high, dtype=ROW)
    keys.sort()
    rows = np.empty(n, dtype=INDEX)
    start = np.zeros(n + 2, dtype=INDEX)
    for low, high in blocks(n):
        block = keys[low:high]
        rows[low:high] = block  # keeps the low half
        np.add.at(start, (block >> _HALF) + 2, INDEX(1))
    np.cumsum(start, out=start)
    return Children(rows, start[1:], keys.view(INDEX))


def _preorder_by_level(children: Children) -> Preorder | None:
    """Return the preorder found level by level, None if the forest is too deep for that."""
    rows, start, spare = children
    n = len(rows)
    by_level = spare[:n]  # rows, level after level, children of one parent together
    count = spare[n:]
    bounds = [0, int(start[0])]
    by_level[: bounds[1]] = rows[: bounds[1]]
    while bounds[-1] > bounds[-2]:
        low, high = bounds[-2:]
        if len(bounds) > LEVELS_FREE + high // MEMBERS_PER_LEVEL:
            return None
        filled = high
        for at in range(low, high, BLOCK_ROWS):
            to = min(at + BLOCK_ROWS, high)
            level = by_level[at:to]
            first = np.take(start, level, mode="clip")
            mine = np.take(start, level + INDEX(1), mode="clip", out=count[at:to])
            mine -= first
            ends = np.cumsum(mine, dtype=INDEX)
            width = int(ends[-1])
            ends -= mine
            first -= ends
            source = np.repeat(first, mine)
            source += np.arange(width, dtype=INDEX)
            np.take(rows, source, out=by_level[filled : filled + width], mode="clip")
            filled += width
        bounds.append(filled)
    return _lay_out(children, bounds[:-1])


def _lay_out(children: Children, bounds: list[int]) -> Preorder:
    """Turn level order into preorder, upward for sizes and downward for places; uses up `children`.

    In level order parents ascend, so that all is a sweep except the final scatter.
    """
    n = bounds[-1]
    by_level, count = children.spare[:n], children.spare[len(children.rows) :][:n]
    size = np.ones(n, dtype=INDEX)
    place = np.empty(n, dtype=INDEX)  # first the sizes to the left within the level, then the place
    running = np.zeros(n + 1 if len(bounds) < 3 else int(np.diff(bounds).max()) + 1, dtype=INDEX)
    for level in range(len(bounds) - 2, -1, -1):
        low, high = bounds[level : level + 2]
        np.cumsum(size[low:high], dtype=INDEX, out=running[1 : high - low + 1])
        place[low:high] = running[: high - low]
        if level:
            above = slice(bounds[level - 1], low)
            last = running[np.cumsum(count[above], dtype=INDEX)]
            size[above] += last
            size[above][1:] -= last[:-1]
    order, depth = children.rows[:n], children.start[:n]
    for level, (low, high) in enumerate(pairwise(bounds)):
        mine = place[low:high]
        order[mine] = by_level[low:high]
        depth[mine] = level
        if high < n:
            below = slice(high, bounds[level + 2])
            counts = count[low:high]
            ends = np.cumsum(counts, dtype=INDEX)
            # Parents at the end of a level without children would point past it: they repeat zero times.
            base = mine + INDEX(1)
            base -= np.take(place[below], ends - counts, mode="clip")
            place[below] += np.repeat(base, counts)
    # What the sort left behind now takes the results.
    parent = by_level
    parent[place[: bounds[min(1, len(bounds) - 1)]]] = NO_MEMBER
    for level in range(len(bounds) - 2):
        low, high, end = bounds[level : level + 3]
        parent[place[high:end]] = np.repeat(place[low:high], count[low:high])
    count[place] = size
    return Preorder(order, parent, depth, count)


def _preorder_by_walk(up: IndexArray, children: Children) -> Preorder:
    """Lay the forest out as one walk, entering v as element v and leaving him as element n + v."""
    rows, start, _ = children
    n = len(rows)
    if start[0] == 0:  # no root, so nobody is reached
        nobody = rows[:0]
        return Preorder(nobody, nobody, nobody, nobody)
    kind: type[Any] = INDEX if 2 * n < np.iinfo(INDEX).max else ROW
    after = np.empty(2 * n + 1, dtype=kind)
    after[2 * n] = 2 * n
    np.add(np.arange(n, dtype=kind), n, out=after[:n])
    has = np.flatnonzero(start[1:] > start[:-1])
    after[has] = rows[start[has]]
    above = up[rows]
    leave: AnyArray = above.astype(kind)
    leave[leave < 0] = n  # whoever leaves the last root is at the end
    leave += n
    sibling = above[1:] == above[:-1]
    leave[:-1][sibling] = rows[1:][sibling]
    after[n + rows.astype(kind)] = leave
    position = walk_positions(after, int(rows[0]))
    # Elements on cycles have position -1, which is the one place more than there are.
    walk = after
    walk[position] = np.arange(2 * n, dtype=kind)
    reached = int(np.count_nonzero(position >= 0))
    entered = np.flatnonzero(walk[:reached] < n)
    order = walk[entered].astype(INDEX)
    index = np.arange(len(order), dtype=ROW)
    size = position[n + order.astype(kind)] - entered
    size += 1
    size //= 2
    place = np.full(n + 1, NO_MEMBER, dtype=INDEX)
    place[order] = index
    place[n] = NO_MEMBER
    depth = 2 * index - entered
    return Preorder(order, place[up[order]], depth.astype(INDEX), size.astype(INDEX))


def cycle_rows(up: IndexArray, order: IndexArray) -> list[int]:
    """Return the rows of one cycle, from its lowest row upward along sponsors.

    Parameters
    ----------
    up : int32 [n]
    order : the rows that `preorder` reached, fewer than n

    Examples
    --------
    >>> cycle_rows(np.array([2, -1, 3, 2], dtype=INDEX), np.array([1]))
    [2, 3]
    """
    lost = np.ones(len(up), dtype=FLAG)
    lost[order] = False
    rows = np.flatnonzero(lost)
    pointer = up.copy()
    # After as many hops as there are rows everybody lost stands on a cycle.
    for _ in range(len(rows).bit_length()):
        pointer[rows] = pointer[pointer[rows]]
    first = int(pointer[rows].min())
    cycle = [first]
    while (row := int(up[cycle[-1]])) != first:
        cycle.append(row)
    return cycle


def nearest_marked(up: IndexArray, mask: FlagArray) -> IndexArray:
    """Return for every member the nearest strict ancestor that is marked.

    Parameters
    ----------
    up : int32 [n + 1], the parent's index, n for roots and at n. Where parents stand before their children,
        as in preorder, it is faster.
    mask : bool [n]

    Returns
    -------
    int32 [n + 1], n where no ancestor is marked and at n

    Examples
    --------
    >>> nearest_marked(np.array([3, 0, 1, 3], dtype=INDEX), np.array([True, False, True])).tolist()
    [3, 0, 0, 3]
    """
    n = len(mask)
    stop = np.ones(n + 1, dtype=FLAG)
    stop[:n] = mask
    pointer = up.copy()
    # Where parents come first, a block's ancestors in earlier blocks are settled, so that only chains inside
    # the block need doubling. In any other order a chain could lead through many blocks, hop by hop.
    for low, high in blocks(n, BLOCK_ROWS) if _parents_first(up) else [(0, n)]:
        todo = np.flatnonzero(~stop[pointer[low:high]])
        todo += low
        while len(todo):
            hop = pointer[pointer[todo]]
            pointer[todo] = hop
            todo = todo[~stop[hop]]
    return pointer


def _parents_first(up: IndexArray) -> bool:
    n = len(up) - 1
    return all(
        bool(((up[low:high] < np.arange(low, high)) | (up[low:high] == n)).all())
        for low, high in blocks(n, BLOCK_ROWS)
    )


def ancestors(up: IndexArray, members: IndexArray, k: int) -> IndexArray:
    """Return the index k levels above each member, -1 where nobody stands there (and for -1).

    Parameters
    ----------
    up : int32 [n + 1], the parent's index, n for roots and at n
    members : int32 [m], each in ``-1 .. n - 1``
    k : levels, 0 or more

    Examples
    --------
    >>> ancestors(np.array([2, 0, 2], dtype=INDEX), np.array([1, 0, -1], dtype=INDEX), 1).tolist()
    [0, -1, -1]
    """
    n = len(up) - 1
    at = np.where(members == NO_MEMBER, INDEX(n), members)
    if k <= HOPS_WALKED or len(at) * k <= n:
        for _ in range(k):
            at = up[at]
    else:
        while k:
            if k & 1:
                at = up[at]
            k >>= 1
            up = up[up] if k else up
    at[at == n] = NO_MEMBER
    return at


def subtree_sums(values: MinorArray, size: IndexArray) -> tuple[MinorArray, FlagArray | None]:
    """Return the sum over each member's subtree, and a mask of the sums that do not fit into 64 bits.

    Parameters
    ----------
    values : int64 [n], in preorder
    size : int32 [n], members of each subtree

    Returns
    -------
    int64 [n], and bool [n] or None where every sum fits

    Examples
    --------
    >>> subtree_sums(np.array([1, 10, 100]), np.array([3, 1, 1], dtype=INDEX))
    (array([111,  10, 100]), None)
    """
    n = len(values)
    largest = max(abs(int(values.min())), abs(int(values.max()))) if n else 0
    if largest * n <= MINOR_MAX:
        return _span_sums(values, size), None
    # Halves of 32 bits cannot overflow their running sums, so they tell which whole sums do.
    low = _span_sums(values & _LOW, size)
    high = _span_sums(values >> _HALF, size)
    high += low >> _HALF
    over = (high >= 1 << (_HALF - 1)) | (high < -(1 << (_HALF - 1)))
    high <<= _HALF
    high |= low & _LOW
    return high, over if over.any() else None


def _span_sums(values: MinorArray, size: IndexArray) -> MinorArray:
    running = np.empty(len(values) + 1, dtype=MINOR)
    running[0] = 0
    np.cumsum(values, out=running[1:])
    sums = np.empty(len(values), dtype=MINOR)
    for low, high in blocks(len(values), BLOCK_ROWS):
        np.subtract(running[ends(size, low, high)], running[low:high], out=sums[low:high])
    return sums


def ends(size: IndexArray, low: int, high: int) -> RowArray:
    """Return one past the last row of each subtree, for the rows from `low` to `high`.

    >>> ends(np.array([3, 1, 1], dtype=INDEX), 1, 3).tolist()
    [2, 3]
    """
    found: RowArray = np.arange(low, high, dtype=ROW)
    found += size[low:high]
    return found
