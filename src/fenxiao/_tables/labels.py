"""Columns of labels: the caller's own names of members and orders, of one type a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from uuid import UUID

import attrs
import numpy as np

from fenxiao._arrays import FLAG, ROW, AnyArray, FlagArray, readonly
from fenxiao.errors import OrdersError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao._columns import Input
    from fenxiao.errors import InputError

Label: TypeAlias = Any
"""An int, str, bytes or UUID; None where a label is missing."""

INT_LABEL: Final = ROW
"""Labels that are integers are stored as wide as row numbers."""

_ALLOWED: Final = "int, str, bytes or UUID, one type a column"
_FILL: Final[dict[str, Any]] = {"int": 0, "str": "", "bytes": b"", "UUID": UUID(int=0)}
_EXACT: Final[dict[type, str]] = {int: "int", str: "str", bytes: "bytes", UUID: "UUID"}
_NULL_NAMES: Final = frozenset({"NoneType", "NAType", "NaTType"})


def readonly_or_none(array: AnyArray | None) -> AnyArray | None:
    """Return `array` with writing switched off, None as it is."""
    return None if array is None else cast("AnyArray", readonly(array))


@attrs.frozen(kw_only=True, eq=False)
class Labels:
    """Labels of one type, one a row; some may be null.

    Attributes
    ----------
    values : int64 [n] or object [n]
        Integers as int64, everything else as Python objects. Under a null stands a filler of the same type.
    null : bool [n] or None
        Where the label is missing; None if nowhere. An integer -1 is a label like any other.
    kind : str
        ``"int"``, ``"str"``, ``"bytes"`` or ``"UUID"``.

    Examples
    --------
    >>> column = labels_of(["ann", None], thing="column 'member'", nullable=True)
    >>> column.kind, column.value(0), column.value(1)
    ('str', 'ann', None)
    """

    values: AnyArray = attrs.field(converter=readonly)
    null: FlagArray | None = attrs.field(converter=readonly_or_none, default=None)
    kind: str

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def value(self, row: int) -> Label:
        """Return the label of one row, None where it is null."""
        if self.null is not None and self.null[row]:
            return None
        label = self.values[row]
        return int(label) if self.kind == "int" else label

    def take(self, rows: AnyArray) -> Labels:
        """Return the labels of the given rows (row numbers, a mask or a slice)."""
        null = None if self.null is None else _some(self.null[rows])
        return Labels(values=self.values[rows], null=null, kind=self.kind)

    def joined(self, other: Labels, *, thing: str) -> Labels:
        """Return these labels followed by those of `other`; both need one type.

        Raises
        ------
        OrdersError
            The types differ and neither side is empty or all null.
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
                    "has another type of labels in each of the two tables",
                    value=f"{first.kind} and {second.kind}",
                    allowed="one type",
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
        return Labels(values=_column([_FILL[kind]] * len(self.values), kind), null=self.null, kind=kind)


def _flags(labels: Labels) -> FlagArray:
    return np.zeros(len(labels.values), dtype=FLAG) if labels.null is None else labels.null


def _some(null: FlagArray) -> FlagArray | None:
    return null if null.any() else None


def _column(values: Sequence[Any], kind: str) -> AnyArray:
    if kind == "int":
        return np.array(values, dtype=INT_LABEL)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def labels_of(
    values: Input, *, thing: str, nullable: bool = False, error: type[InputError] = OrdersError
) -> Labels:
    """Read a column of labels.

    Parameters
    ----------
    values
        A list, an array or a frame's column of int, str, bytes or UUID. None, a frame's not-available
        value, NaN among objects and masked cells are nulls.
    thing
        What to call the column in messages.
    nullable
        Whether nulls are legal.
    error
        The error to raise.

    Returns
    -------
    Labels
        An int64 array is not copied: the caller must not change it afterwards.

    Raises
    ------
    OrdersError
        Floats, booleans, mixed types, integers beyond 64 bits, or nulls where none are legal.

    Examples
    --------
    >>> labels_of([3, -1], thing="orders column 'order_id'").values.tolist()
    [3, -1]
    """
    null: FlagArray | None = None
    if not isinstance(values, (list, tuple)):
        array, null = _whole_numbers(values)
        if not len(array):
            return Labels(values=np.empty(0, dtype=INT_LABEL), kind="int")
        if array.dtype.kind not in "iu":
            values = _objects(array, thing, error)
        elif array.dtype.kind == "u" and int(array.max()) > np.iinfo(INT_LABEL).max:
            rows = np.flatnonzero(array > np.uint64(np.iinfo(INT_LABEL).max))
            raise _too_wide(thing, rows.tolist(), error)
        else:
            _check_null(null, thing, nullable=nullable, error=error)
            return Labels(values=array.astype(INT_LABEL, copy=False), null=null, kind="int")
    types = set(map(type, values))
    if len(types) == 1 and (kind := _EXACT.get(next(iter(types)))) is not None:
        return Labels(values=_exact_column(values, kind, thing, error), kind=kind)
    return _mixed(values, thing, nullable=nullable, error=error)


def _whole_numbers(values: Input) -> tuple[AnyArray, FlagArray | None]:
    """Return a column as an array, with the nulls of the integer columns that frames and masks carry."""
    if isinstance(values, np.ma.MaskedArray):
        null = np.ma.getmaskarray(values)
        if values.dtype.kind in "iu":
            return np.ma.filled(values, 0), _some(null)
        return np.asarray(unmasked(values)), None
    dtype = getattr(values, "dtype", None)
    if hasattr(values, "fill_null") and getattr(dtype, "is_integer", bool)():
        # A polars column of integers with nulls would turn into floats.
        return values.fill_null(0).to_numpy(), _some(np.asarray(values.is_null().to_numpy()))
    numpy_dtype = getattr(dtype, "numpy_dtype", None)
    if numpy_dtype is not None and numpy_dtype.kind in "iu":
        # A pandas column of nullable integers would turn into objects.
        return np.asarray(values.fillna(0).to_numpy(numpy_dtype)), _some(np.asarray(values.isna()))
    return np.asarray(values), None


def unmasked(values: Input) -> Input:
    """Return the cells of a masked array as objects, None where they are masked; others stay."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not np.ma.is_masked(values):
        return np.ma.getdata(values)
    objects: AnyArray = np.ma.getdata(values).astype(object)
    objects[np.ma.getmaskarray(values)] = None
    return objects


def _objects(array: AnyArray, thing: str, error: type[InputError]) -> list[Any]:
    if array.dtype.kind not in "OUST":
        raise error(
            thing,
            "is not a column of labels",
            value=str(array.dtype),
            allowed=_ALLOWED,
            hint='Convert the column to integers (in pandas .astype("Int64") keeps missing labels) or text',
        )
    objects: list[Any] = array.tolist()
    return objects


def _exact_column(values: Sequence[Any], kind: str, thing: str, error: type[InputError]) -> AnyArray:
    try:
        return _column(values, kind)
    except OverflowError:
        limits = np.iinfo(INT_LABEL)
        rows = [row for row, value in enumerate(values) if not limits.min <= value <= limits.max]
        raise _too_wide(thing, rows, error) from None


def _too_wide(thing: str, rows: Sequence[int], error: type[InputError]) -> InputError:
    hint = "Keep such numbers as text"
    return error(thing, "has integers beyond 64 bits", rows=rows, allowed="-2**63 to 2**63 - 1", hint=hint)


def _check_null(null: FlagArray | None, thing: str, *, nullable: bool, error: type[InputError]) -> None:
    if null is not None and not nullable:
        rows = np.flatnonzero(null)
        raise error(
            thing,
            "has missing labels",
            rows=rows,
            allowed="a label in every row",
            hint="Leave these rows out or name them",
        )


def _kind_of(kind: type) -> str:
    """Return the label type that values of a class have, "null", or the name of what is no label."""
    if kind.__name__ in _NULL_NAMES:
        return "null"
    if issubclass(kind, (bool, FLAG)):
        return "bool"
    if issubclass(kind, (int, np.integer)):
        return "int"
    return next((name for base, name in _EXACT.items() if issubclass(kind, base)), kind.__name__)


def _mixed(values: Sequence[Any], thing: str, *, nullable: bool, error: type[InputError]) -> Labels:
    """Read labels value by value: nulls, numpy scalars and subclasses among them."""
    # Only NaN differs from itself; frames use it for missing labels.
    kinds = [
        "null" if isinstance(value, float) and value != value else _kind_of(type(value)) for value in values
    ]
    kind = next((kind for kind in kinds if kind in _FILL), "int")
    odd = [row for row, found in enumerate(kinds) if found not in {kind, "null"}]
    if odd:
        types = " and ".join(sorted(set(kinds) - {"null"}))
        raise error(
            thing,
            "is not of one label type",
            value=types,
            rows=odd,
            allowed=_ALLOWED,
            hint="Convert the column to one of these types",
        )
    null = _some(np.array([found == "null" for found in kinds], dtype=FLAG)) if "null" in kinds else None
    _check_null(null, thing, nullable=nullable, error=error)
    plain = [
        _FILL[kind] if found == "null" else _PLAIN[kind](value)
        for found, value in zip(kinds, values, strict=True)
    ]
    return Labels(values=_exact_column(plain, kind, thing, error), null=null, kind=kind)


_PLAIN: Final[dict[str, Any]] = {"int": int, "str": str.__str__, "bytes": bytes, "UUID": lambda label: label}
