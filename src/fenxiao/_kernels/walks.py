"""Positions along chains of any length: stretches followed from many starts at once, then doubling."""

from __future__ import annotations

from typing import Final

import numpy as np

from fenxiao._arrays import INDEX, ROW, AnyArray, blocks

STRIDE: Final = 64
"""One element in so many starts a stretch of the long walk."""
STRETCH_LIMIT: Final = STRIDE * STRIDE
"""A stretch longer than this means an unlucky numbering; doubling then bounds the work."""

_GOLDEN: Final = 40503
"""2 ** 16 by the golden ratio: its multiples spread evenly over 16 bits."""


def walk_positions(after: AnyArray, head: int) -> AnyArray:
    """Return each element's position on the chain from `head` to the last element; -1 for those elsewhere.

    Every `STRIDE`-th element, shifted a little, starts a stretch that is followed until it meets the start
    of another; the stretches, far fewer, are then put in order by doubling.

    Parameters
    ----------
    after : integer [m + 1], the element that follows; element m is the end and follows itself. No other
        element follows two elements.
    head : the element that follows none

    Examples
    --------
    >>> walk_positions(np.array([2, 0, 3, 3]), 1).tolist()
    [1, 0, 2]
    """
    end = len(after) - 1
    starts = np.arange(0, end, STRIDE, dtype=ROW)
    starts += np.arange(len(starts), dtype=ROW) * _GOLDEN % (1 << 16) * STRIDE >> 16
    np.minimum(starts, end - 1, out=starts)
    starts[head // STRIDE] = head
    stretch = np.full(end + 1, -1, dtype=INDEX)
    offset = np.zeros(end, dtype=after.dtype)
    number = np.arange(len(starts), dtype=INDEX)
    stretch[starts] = number
    stretch[end] = len(starts)
    following = np.empty(len(starts) + 1, dtype=INDEX)
    following[-1] = len(starts)
    length = np.zeros(len(starts) + 1, dtype=ROW)
    current: AnyArray = starts
    for step in range(1, STRETCH_LIMIT):
        current = after[current]
        met = stretch[current]
        going = met < 0
        ended = number[~going]
        following[ended] = met[~going]
        length[ended] = step
        current, number = current[going], number[going]
        if len(current) == 0:
            break
        stretch[current] = number
        offset[current] = step
    else:
        left = distance_to_end(after, np.append(np.ones(end, dtype=ROW), ROW(0)))[:-1]
        return np.where(left >= 0, left[head] - left, -1)
    left = distance_to_end(following, length)
    first = left[stretch[head]] - left
    # Stretches of a cycle have no distance; elements that no stretch met are on a cycle as well.
    lost = left < 0
    for low, high in blocks(end):
        mine = stretch[low:high]
        offset[low:high] += first[mine]
        offset[low:high][lost[mine] | (mine < 0)] = -1
    return offset


def distance_to_end(following: AnyArray, length: AnyArray) -> AnyArray:
    """Return the total length from each element to the last one, -1 for elements that never get there.

    >>> distance_to_end(np.array([1, 3, 2, 3]), np.array([5, 7, 1, 0])).tolist()
    [12, 7, -1, 0]
    """
    end = len(following) - 1
    total = length.copy()
    pointer = following
    for _ in range(max(end, 1).bit_length()):
        total += total[pointer]
        pointer = pointer[pointer]
    total[pointer != end] = -1
    return total
