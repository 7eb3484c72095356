"""A column of labels: the caller's own names of members, orders and products, of one kind a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from uuid import UUID

import attrs
import numpy as np

from fenxiao._arrays import FLAG, ROW, AnyArray, FlagArray, readonly
from fenxiao.errors import OrdersError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Label: TypeAlias = Any
"""An int, str, bytes or UUID; None where a label is missing."""

LABEL: Final = ROW
"""Labels that are integers are stored as wide as row numbers."""

FILL: Final[Mapping[str, Label]] = {"int": 0, "str": "", "bytes": b"", "UUID": UUID(int=0)}
"""What stands under a null, by kind."""


def readonly_or_none(array: AnyArray | None) -> AnyArray | None:
    """Return `array` with writing switched off, None as it is."""
    return None if array is None else cast("AnyArray", readonly(array))


def array_of_kind(values: Sequence[Label], kind: str) -> AnyArray:
    """Return plain labels of one kind, none of them null, as an array.

    Raises
    ------
    OverflowError
        An integer beyond 64 bits.
    """
    if kind == "int":
        return np.array(values, dtype=LABEL)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@attrs.frozen(kw_only=True, eq=False)
class Labels:
    """Labels of one kind, one a row; some may be null.

    Attributes
    ----------
    values : int64 [n] or object [n]
        Integers as int64, everything else as Python objects. Under a null stands a filler of the same kind.
    null : bool [n] or None
        Where the label is missing; None if nowhere. An integer -1 is a label like any other.
    kind : str
        ``"int"``, ``"str"``, ``"bytes"`` or ``"UUID"``; ``"int"`` where there is no label at all.
    explicit : bool
        Whether nulls could have been written as such, which a plain array of integers cannot.

    Examples
    --------
    >>> column = Labels(values=np.array([7, 0]), null=np.array([False, True]), kind="int")
    >>> column.value(0), column.value(1)
    (7, None)
    """

    values: AnyArray = attrs.field(converter=readonly)
    null: FlagArray | None = attrs.field(converter=readonly_or_none, default=None)
    kind: str
    explicit: bool = True

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def value(self, row: int) -> Label:
        """Return the label of one row, None where it is null."""
        if self.null is not None and self.null[row]:
            return None
        label = self.values[row]
        return int(label) if self.kind == "int" else label

    def pick(self, rows: AnyArray) -> list[Label]:
        """Return the labels of some rows, none of them null, for the attribute of an error."""
        return list(self.values[rows].tolist())

    def take(self, rows: AnyArray | slice) -> Labels:
        """Return the labels of the given rows (row numbers, a mask or a slice)."""
        null = None if self.null is None else some(self.null[rows])
        return Labels(values=self.values[rows], null=null, kind=self.kind, explicit=self.explicit)

    def joined(self, other: Labels, *, thing: str) -> Labels:
        """Return these labels followed by those of `other`; both need one kind.

        Raises
        ------
        OrdersError
            The kinds differ and neither side is empty or all null.
        """
        first, second = self, other
        if first.kind != second.kind:
            if second.is_void:
                second = second.refilled(first.kind)
            elif first.is_void:
                first = first.refilled(second.kind)
            else:
                raise OrdersError(
                    thing,
                    "has another kind of labels in each of the two tables",
                    value=f"{first.kind} and {second.kind}",
                    allowed="one kind",
                    hint="Convert one of the two columns first",
                )
        null = None
        if first.null is not None or second.null is not None:
            null = np.concatenate([_flags(first), _flags(second)])
        return Labels(values=np.concatenate([first.values, second.values]), null=null, kind=first.kind)

    @property
    def is_void(self) -> bool:
        """Whether there is no label at all: no rows, or nulls only."""
        return len(self.values) == 0 or (self.null is not None and bool(self.null.all()))

    def refilled(self, kind: str) -> Labels:
        """Return a column without labels as one of another kind."""
        values = array_of_kind([FILL[kind]] * len(self.values), kind)
        return Labels(values=values, null=self.null, kind=kind, explicit=self.explicit)


def some(null: FlagArray) -> FlagArray | None:
    """Return the flags, None if none of them is set."""
    return null if null.any() else None


def _flags(labels: Labels) -> FlagArray:
    return np.zeros(len(labels.values), dtype=FLAG) if labels.null is None else labels.null
