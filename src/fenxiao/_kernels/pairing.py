"""Pairing of two legs: how many cycles their volumes make. Pure functions of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX

if TYPE_CHECKING:
    from fenxiao._arrays import MinorArray

    Cycles = tuple[MinorArray, MinorArray, MinorArray]


def cycles_of(
    left: MinorArray,
    right: MinorArray,
    strong: int,
    weak: int,
    *,
    reevaluate: bool,
    most: MinorArray | None = None,
) -> Cycles:
    """Return how many cycles two legs make, and what is taken from the left and from the right leg.

    A cycle takes `strong` from the stronger leg and `weak` from the weaker one; of equal legs the left one
    is the stronger. With `reevaluate` the stronger leg is found anew before every cycle.

    Parameters
    ----------
    left, right : int64 [n], 0 or more
    strong, weak : volumes of a cycle, ``strong >= weak >= 1``, together at most a quarter of 64 bits
    most : int64 [n], how many cycles there may be; None for any number

    Returns
    -------
    Cycles, taken from the left leg, taken from the right leg: int64 [n] each

    Examples
    --------
    >>> one = np.array([500]), np.array([400])
    >>> [int(found[0]) for found in cycles_of(*one, 200, 100, reevaluate=True)]
    [3, 500, 400]
    >>> [int(found[0]) for found in cycles_of(*one, 200, 100, reevaluate=False)]
    [2, 400, 200]
    """
    rest = np.full(len(left), MINOR_MAX, dtype=MINOR) if most is None else most.copy()
    if strong == weak or not reevaluate:
        first = left >= right
        count = np.minimum(np.where(first, left, right) // strong, np.where(first, right, left) // weak)
        count = np.minimum(count, rest)
        taken = np.where(first, strong, weak) * count, np.where(first, weak, strong) * count
        return count, *taken
    now = [left.copy(), right.copy()]
    count, turn = np.zeros(len(left), dtype=MINOR), 0
    while True:
        first = now[0] >= now[1]
        big, small = np.where(first, now[0], now[1]), np.where(first, now[1], now[0])
        gap, step = big - small, strong - weak
        # While it is ahead, the leg stays the stronger one; the left one also where both are equal.
        stays = np.where(first, gap // step + 1, -(-gap // step))
        more = np.minimum(np.minimum(stays, rest), np.minimum(big // strong, small // weak))
        if turn == 2:
            # By now the legs take turns: two cycles take the same from both, and leave the gap as it is.
            more = np.zeros_like(more)
            double = np.minimum(small // (strong + weak), rest // 2)
            for leg in now:
                leg -= double * (strong + weak)
            count += 2 * double
            rest -= 2 * double
        elif not more.any():
            break
        now[0] -= np.where(first, strong, weak) * more
        now[1] -= np.where(first, weak, strong) * more
        count += more
        rest -= more
        turn += 1
    return count, left - now[0], right - now[1]
