"""Places in ordered legs: preorder with legs in order, and the loops that find free places.

Placing is sequential: where a member goes depends on who stands there already. The loops work on lists,
which are several times faster than arrays one element at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fenxiao._arrays import INDEX, NO_MEMBER, IndexArray
from fenxiao._kernels.trees import preorder


class Places(NamedTuple):
    """Who stands where, by member.

    ``parent`` and ``leg`` are int32 [n] with -1 for roots and for whoever is unplaced; ``roots`` names the
    roots from left to right.
    """

    parent: IndexArray
    leg: IndexArray
    roots: IndexArray


class Layout(NamedTuple):
    """A placement in preorder, legs in order.

    ``order`` holds members and is shorter than their number where some are on or below a cycle; ``depth``
    (-1) and ``size`` (0 where unplaced) are by member.
    """

    order: IndexArray
    depth: IndexArray
    size: IndexArray


def lay_out(places: Places) -> Layout:
    """Return the preorder of a placement: roots as they come, children by leg.

    Examples
    --------
    >>> parent, leg = np.array([-1, 0, 0, -1], dtype=INDEX), np.array([-1, 1, 0, -1], dtype=INDEX)
    >>> layout = lay_out(Places(parent, leg, np.array([0], dtype=INDEX)))
    >>> layout.order.tolist(), layout.depth.tolist(), layout.size.tolist()
    ([0, 2, 1], [0, 1, 1, -1], [3, 1, 1, 0])
    """
    parent, leg, roots = places
    n = len(parent)
    below = np.flatnonzero(parent != NO_MEMBER).astype(INDEX)
    # Siblings keep the order of their rows, so rows that are sorted by leg give legs in order.
    rows = np.concatenate((roots, below[np.argsort(leg[below], kind="stable")]))
    row = np.full(n + 1, NO_MEMBER, dtype=INDEX)
    row[rows] = np.arange(len(rows), dtype=INDEX)
    forest = preorder(row[parent[rows]])  # a root's -1 reads the last entry, which is -1
    order = rows[forest.order]
    depth = np.full(n, NO_MEMBER, dtype=INDEX)
    depth[order] = forest.depth
    size = np.zeros(n, dtype=INDEX)
    size[order] = forest.size
    return Layout(order, depth, size)


def place_weaker(places: Places, joining: IndexArray, above: IndexArray) -> Places:
    """Place each member under a sponsor by walking down into the smaller of two legs, the left if equal.

    A walk halves what is below it with every step. Counts above its sponsor are forgotten, and are added up
    again only where a later walk asks for them: whoever joins costs at most the number of members above him,
    and far less where few of those are asked about.

    Parameters
    ----------
    places : the start, in legs of 2
    joining : int32 [m], unplaced members in the order in which they join
    above : int32 [m], each one's sponsor, n for nobody; sponsors are placed before

    Examples
    --------
    >>> nobody = np.full(4, -1, dtype=INDEX)
    >>> start = Places(nobody, nobody, nobody[:0])
    >>> found = place_weaker(start, np.arange(4, dtype=INDEX), np.array([4, 0, 0, 0], dtype=INDEX))
    >>> found.parent.tolist(), found.leg.tolist()
    ([-1, 0, 0, 1], [-1, 0, 1, 0])
    """
    n = len(places.parent)
    left, right = (_child(places, side).tolist() for side in (0, 1))
    # Free places below each member: one more than members, so that those of two legs simply add up. The
    # empty leg n is a free place itself; 0 is unknown, and stands above the roots, where climbing ends.
    free = [0] * n + [1, 0]
    up = np.where(places.parent == NO_MEMBER, INDEX(n + 1), places.parent).tolist()
    parents, legs = [], []

    for one, sponsor in zip(joining.tolist(), above.tolist(), strict=True):
        free[one] = 2
        parents.append(sponsor)
        legs.append(NO_MEMBER)
        if sponsor == n:
            up[one] = n + 1
            continue
        at = sponsor
        while (first := left[at]) != n and (second := right[at]) != n:
            on_left = free[first] or _added_up(free, left, right, first)
            on_right = free[second] or _added_up(free, left, right, second)
            at = first if on_left <= on_right else second
            free[at] += 1
        up[one] = parents[-1] = at
        if first == n:
            left[at], legs[-1] = one, 0
        else:
            right[at], legs[-1] = one, 1
        # Below the sponsor counts were kept on the way; above whoever's is unknown nobody's is known.
        while free[sponsor]:
            free[sponsor] = 0
            sponsor = up[sponsor]
    return _with(places, joining, parents, legs)


def _added_up(free: list[int], left: list[int], right: list[int], top: int) -> int:
    """Return the free places below a member, adding up whatever is unknown below him."""
    unknown = [top]
    for at in unknown:  # grows on the way
        if not free[left[at]]:
            unknown.append(left[at])
        if not free[right[at]]:
            unknown.append(right[at])
    for at in reversed(unknown):
        free[at] = free[left[at]] + free[right[at]]
    return free[top]


def place_outer(places: Places, joining: IndexArray, above: IndexArray, side: IndexArray) -> Places:
    """Place each member at the end of the line that follows one leg down from a sponsor.

    Ends are found along pointers that are halved on the way, so that a line of any length costs
    O(log n) a member, amortised.

    Parameters
    ----------
    places : the start
    joining : int32 [m], unplaced members in the order in which they join
    above : int32 [m], each one's sponsor, n for nobody; sponsors are placed before
    side : int32 [m], the leg, 0 or more; that of members without a sponsor is not read

    Examples
    --------
    >>> nobody = np.full(3, -1, dtype=INDEX)
    >>> start, up = Places(nobody, nobody, nobody[:0]), np.array([3, 0, 0], dtype=INDEX)
    >>> found = place_outer(start, np.arange(3, dtype=INDEX), up, np.array([-1, 1, 1], dtype=INDEX))
    >>> found.parent.tolist(), found.leg.tolist()
    ([-1, 0, 1], [-1, 1, 1])
    """
    n = len(places.parent)
    own = np.arange(n + 1, dtype=INDEX)
    lines = []
    for each in range(int(side.max(initial=0)) + 1):
        child = _child(places, each)
        lines.append(np.where(child == n, own, child).tolist())
    parents, legs = [], []
    for one, at, leg in zip(joining.tolist(), above.tolist(), side.tolist(), strict=True):
        if at == n:
            parents.append(n)
            legs.append(NO_MEMBER)
            continue
        line = lines[leg]
        while (further := line[at]) != at:
            line[at] = at = line[further]
        line[at] = one
        parents.append(at)
        legs.append(leg)
    return _with(places, joining, parents, legs)


def place_breadth(places: Places, joining: IndexArray, above: IndexArray, width: int) -> Places:
    """Place each member at the first free place below a sponsor: level by level, left to right.

    A sponsor keeps the level that he is filling and how far he is in it. Somebody k levels below him is
    looked at only once k - 1 full levels lie between, so nobody is looked at for more than about log n
    (to the base of the width) sponsors: O(log n) a member, amortised. Legs of 1 are lines: see
    `place_outer`.

    Parameters
    ----------
    places : the start, in legs of `width`
    joining : int32 [m], unplaced members in the order in which they join
    above : int32 [m], each one's sponsor, n for nobody; sponsors are placed before
    width : 2 or more

    Examples
    --------
    >>> nobody = np.full(4, -1, dtype=INDEX)
    >>> start, up = Places(nobody, nobody, nobody[:0]), np.array([4, 0, 0, 0], dtype=INDEX)
    >>> place_breadth(start, np.arange(4, dtype=INDEX), up, 2).parent.tolist()
    [-1, 0, 0, 1]
    """
    n = len(places.parent)
    matrix = _Matrix(places, width)
    children, filled, seat = matrix.children, matrix.filled, matrix.seat
    level: list[list[int]] = [[]] * n
    reached = [0] * n
    parents, legs = [], []
    for one, sponsor in zip(joining.tolist(), above.tolist(), strict=True):
        at = sponsor
        if at != n and filled[at] == width:
            line, i = level[at] or children[at], reached[at]
            while filled[line[i]] == width:
                i += 1
                if i == len(line):
                    line, i = [below for member in line for below in children[member]], 0
            level[at], reached[at] = line, i
            at = line[i]
        parents.append(at)
        legs.append(NO_MEMBER if at == n else seat(at, one))
    return _with(places, joining, parents, legs)


def place_global(places: Places, joining: IndexArray, above: IndexArray, width: int) -> Places:
    """Place each member at the first free place of all, whoever the sponsor: level by level, left to right.

    Members without a sponsor become roots, to the right of those that there are. Everybody is looked at
    once: O(1) a member, amortised.

    Parameters
    ----------
    places : the start, in legs of `width`
    joining : int32 [m], unplaced members in the order in which they join
    above : int32 [m], each one's sponsor, n for nobody
    width : 1 or more

    Examples
    --------
    >>> nobody = np.full(4, -1, dtype=INDEX)
    >>> start, up = Places(nobody, nobody, nobody[:0]), np.array([4, 0, 1, 2], dtype=INDEX)
    >>> place_global(start, np.arange(4, dtype=INDEX), up, 2).parent.tolist()
    [-1, 0, 0, 1]
    """
    n = len(places.parent)
    matrix = _Matrix(places, width)
    children, filled, seat = matrix.children, matrix.filled, matrix.seat
    # A root that comes late has levels of its own to fill before it catches up with those on its left. So
    # there is a stack of (level, members reached in it, members of it), the highest level last.
    depths, reached, lines = [0], [0], [places.roots.tolist()]
    parents, legs = [], []
    for one, sponsor in zip(joining.tolist(), above.tolist(), strict=True):
        if sponsor == n:
            if depths[-1] == 0:
                lines[-1].append(one)
            else:
                depths.append(0)
                reached.append(0)
                lines.append([one])
            parents.append(n)
            legs.append(NO_MEMBER)
            continue
        line, i = lines[-1], reached[-1]
        while filled[line[i]] == width:
            i += 1
            if i < len(line):
                continue
            line, i = [below for member in line for below in children[member]], 0
            if len(depths) > 1 and depths[-1] + 1 == depths[-2]:
                depths.pop()
                reached.pop()
                lines.pop()
                lines[-1] += line
                line, i = lines[-1], reached[-1]
            else:
                depths[-1] += 1
                lines[-1] = line
        reached[-1] = i
        parents.append(line[i])
        legs.append(seat(line[i], one))
    return _with(places, joining, parents, legs)


class _Matrix:
    """The children of each member by leg, up to the last that is taken, with -1 where a place is free."""

    def __init__(self, places: Places, width: int) -> None:
        n = len(places.parent)
        nobody: list[int] = []
        self.children = [nobody] * n
        self.filled = [0] * n
        below = np.flatnonzero(places.parent != NO_MEMBER)
        rows = zip(below.tolist(), places.parent[below].tolist(), places.leg[below].tolist(), strict=True)
        for one, parent, leg in rows:
            taken = self.children[parent] = self.children[parent] or []
            taken += [NO_MEMBER] * (leg + 1 - len(taken))
            taken[leg] = one
            self.filled[parent] += 1
        self.searched: dict[int, int] = {}
        self.width = width

    def seat(self, parent: int, one: int) -> int:
        """Give a member the first free place under a parent, and return its leg."""
        taken = self.children[parent]
        leg = self.filled[parent]
        self.filled[parent] = leg + 1
        if not taken:
            self.children[parent] = [one]
        elif leg == len(taken):
            taken.append(one)
        else:
            # Only given places leave gaps; each parent is searched through once.
            leg = taken.index(NO_MEMBER, self.searched.get(parent, 0))
            self.searched[parent] = leg + 1
            taken[leg] = one
        return leg


def _child(places: Places, side: int) -> IndexArray:
    """Return who stands in one leg of each member: int32 [n + 1], n where nobody does and at n."""
    n = len(places.parent)
    child = np.full(n + 1, n, dtype=INDEX)
    here = np.flatnonzero(places.leg == side).astype(INDEX)
    child[places.parent[here]] = here
    return child


def _with(places: Places, joining: IndexArray, parents: list[int], legs: list[int]) -> Places:
    """Return the places with those of the members who joined; n stands for no parent."""
    n = len(places.parent)
    above = np.array(parents, dtype=INDEX)
    above[above == n] = NO_MEMBER
    parent, leg = places.parent.copy(), places.leg.copy()
    parent[joining] = above
    leg[joining] = np.array(legs, dtype=INDEX)
    return Places(parent, leg, np.concatenate((places.roots, joining[above == NO_MEMBER])))
