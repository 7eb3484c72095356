"""Column dtypes, written once, and the few array helpers that every module shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

MINOR: Final = np.int64
"""Money in minor units (分, cents) and volumes in their smallest unit."""
INDEX: Final = np.int32
"""A member's internal index, a row of a member column, a code of a category."""
ROW: Final = np.int64
"""A row number of an order or claim column, and offsets into one."""
INSTANT: Final = np.int64
DATE: Final = "datetime64[D]"
MONTH: Final = "datetime64[M]"
"""Microseconds since 1970-01-01T00:00Z."""
REASON: Final = np.int16
"""A `Reason` code."""
FLAG: Final = np.bool_
BITS: Final = (np.uint8, np.uint16, np.uint32, np.uint64)
"""Sets of small numbers as bits, the smallest kind first: a small table stays in the cache."""

MinorArray: TypeAlias = npt.NDArray[np.int64]
IndexArray: TypeAlias = npt.NDArray[np.int32]
RowArray: TypeAlias = npt.NDArray[np.int64]
InstantArray: TypeAlias = npt.NDArray[np.int64]
ReasonArray: TypeAlias = npt.NDArray[np.int16]
FlagArray: TypeAlias = npt.NDArray[np.bool_]
AnyArray: TypeAlias = npt.NDArray[Any]

NO_MEMBER: Final = -1
"""The null member index: the parent of a root, the member of a guest order."""

MINOR_MAX: Final = int(np.iinfo(MINOR).max)
MINOR_MIN: Final = int(np.iinfo(MINOR).min)

BLOCK_ROWS: Final = 1 << 17
"""Rows handled at a time: large enough to hide numpy's call overhead, small enough for the cache."""


def readonly(array: AnyArray) -> Any:
    """Return `array` with writing switched off (a view is taken, the caller's flag is left alone)."""
    view = array.view()
    view.flags.writeable = False
    return view


def segment_sum(values: MinorArray, owner: npt.NDArray[np.integer[Any]], length: int) -> MinorArray:
    """Sum `values` by `owner` into an array of `length`: exact, trailing empty owners included.

    Parameters
    ----------
    values : int64 [n]
    owner : integer [n], each in ``0 .. length - 1``
    length : how many sums to return
    """
    sums = np.zeros(length, dtype=MINOR)
    np.add.at(sums, owner, values)
    return sums


def bracket_index(thresholds: MinorArray, values: MinorArray) -> RowArray:
    """Return for each value the number of the bracket that holds it: -1 below the first threshold.

    Brackets are half-open with the lower end inside: a value equal to a threshold is in its bracket.
    """
    return np.searchsorted(thresholds, values, side="right").astype(ROW) - 1


def blocks(length: int, size: int = BLOCK_ROWS) -> Iterator[tuple[int, int]]:
    """Yield half-open ranges ``(low, high)`` that cover ``0 .. length`` in steps of `size`."""
    for low in range(0, length, size):
        yield low, min(low + size, length)
