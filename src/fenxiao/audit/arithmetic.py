"""Sums by group as differences of a running sum, and the error that every check raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fenxiao.errors import InvariantError

if TYPE_CHECKING:
    from fenxiao._arrays import AnyArray, RowArray

_HINT: Final = "This is a defect of the library or of a policy; please report it with the plan"


def fail(thing: str, problem: str, rows: Any = ()) -> InvariantError:
    """Return the error of a broken promise."""
    return InvariantError(thing, problem, hint=_HINT, rows=np.asarray(rows).ravel().tolist())


class ByGroup:
    """Adds up lines by group as differences of a running sum over lines sorted by group."""

    __slots__ = ("_ends", "_order", "count", "number")

    def __init__(self, number: RowArray) -> None:
        self._order = np.argsort(number, kind="stable")
        ordered = number[self._order]
        self._ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
        self.number = ordered[self._ends]
        self.count = len(self._ends)

    def sums(self, values: AnyArray) -> AnyArray:
        """Return the sum of each group, in the order of `number`."""
        running = np.cumsum(values[self._order])[self._ends]
        return np.concatenate((running[:1], running[1:] - running[:-1]))

    def of(self, values: AnyArray, numbers: AnyArray) -> AnyArray:
        """Return the sums of the given group numbers, 0 of those that have no entry."""
        found = dict(zip(self.number.tolist(), self.sums(values).tolist(), strict=True))
        return np.array([found.get(number, 0) for number in numbers.tolist()], dtype=object)
