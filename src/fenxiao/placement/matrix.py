"""Widths and depths, and how many places they make."""

from __future__ import annotations

from typing import Final

import numpy as np

from fenxiao.errors import PlacementError

WIDTH_MAX: Final = 1 << 16
"""A wider matrix is none: everybody would stand right below his sponsor."""
DEPTH_MAX: Final = 1 << 16
"""Deeper full matrices have numbers of places that nobody can read."""


def whole(thing: str, value: object, low: int, high: int) -> int:
    """Return an integer from `low` to `high`.

    Raises
    ------
    PlacementError
        It is no integer, or lies outside.

    Examples
    --------
    >>> whole("width", np.int8(2), 1, 9)
    2
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise PlacementError(
            thing, "is not a whole number in range", value=value, allowed=f"{low} to {high:,}"
        )
    return int(value)


def checked_width(width: object) -> int:
    """Return a number of legs: 1 to 65,536."""
    return whole("width", width, 1, WIDTH_MAX)


def capacity(width: int, depth: int) -> int:
    """Return the number of places of a full matrix down to a depth, its top included, exactly.

    Parameters
    ----------
    width : places right below each member
    depth : levels below the top, which has 0

    Raises
    ------
    PlacementError
        Not whole numbers, or out of range.

    Examples
    --------
    >>> capacity(2, 3)  # 1 + 2 + 4 + 8
    15
    >>> capacity(3, 7) - capacity(3, 6)  # level 7 alone
    2187
    """
    legs, levels = checked_width(width), whole("depth", depth, 0, DEPTH_MAX)
    if legs == 1:
        return levels + 1
    full: int = (legs ** (levels + 1) - 1) // (legs - 1)
    return full
