"""How a column of labels is read from whatever the caller holds, without a float on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from fenxiao._arrays import FLAG, MINOR_MAX, MINOR_MIN, AnyArray, FlagArray
from fenxiao._labels.column import FILL, LABEL, Labels, array_of_kind, some
from fenxiao._labels.values import NULL, kinds_in, mixed_rows, plain_values
from fenxiao.errors import InputError, class_name, is_listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Labelled: TypeAlias = Any
"""What a caller hands in as labels: any list, array or series; `read_labels` finds out."""

ALLOWED: Final = "int, str, bytes or UUID labels, one kind a column"
_CONVERT: Final = 'Convert the column to integers (in pandas .astype("Int64") keeps missing ones) or to text'
_NAME_ALL: Final = "Label every row, or leave the row out"


def read_labels(
    values: Labelled,
    *,
    thing: str,
    error: type[InputError] = InputError,
    nullable: bool = False,
    hint: str = _NAME_ALL,
) -> Labels:
    """Read a column of labels.

    Parameters
    ----------
    values
        n labels: a list, an array, a frame's column, any iterable of int, str, bytes or UUID. None, a
        frame's missing value, NaN among objects and masked entries are nulls.
    thing
        How messages call the column.
    error
        The class raised.
    nullable
        Whether nulls are legal.
    hint
        The next step where a null is not.

    Returns
    -------
    Labels
        An int64 array is not copied: the caller must not change it afterwards.

    Raises
    ------
    InputError
        Of class `error`: floats, bools, other classes, mixed kinds, integers beyond 64 bits, more than one
        dimension, nulls where none are legal.

    Examples
    --------
    >>> column = read_labels(["ann", None], thing="column 'member'", nullable=True)
    >>> column.kind, column.value(0), column.value(1)
    ('str', 'ann', None)
    """
    read = _of_sequence if isinstance(values, list | tuple) else _of_other
    labels = read(values, thing, error)
    if labels.null is not None and not nullable:
        raise error(
            thing,
            "has missing labels",
            rows=np.flatnonzero(labels.null),
            allowed="a label in every row",
            hint=hint,
        )
    return labels


def unmasked(values: Labelled) -> Any:
    """Return the cells of a masked array, as objects with None where some are masked; others stay.

    Masked times and time spans are NaT, because as objects some of them would be plain integers.

    >>> unmasked(np.ma.masked_array([5, 6], [False, True])).tolist()
    [5, None]
    """
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not np.ma.is_masked(values):
        return np.ma.getdata(values)
    cells, is_time = np.ma.getdata(values), values.dtype.kind in "mM"
    cells = cells.copy() if is_time else cells.astype(object)
    cells[np.ma.getmaskarray(values)] = "NaT" if is_time else None
    return cells


def _of_other(values: Labelled, thing: str, error: type[InputError]) -> Labels:
    if not is_listing(values):
        raise error(
            thing,
            f"is a single {class_name(values)}",
            allowed="one label a row",
            hint="Put it into a list",
        )
    if not hasattr(values, "__array__"):
        return _of_sequence(list(values), thing, error)
    array, null, explicit = _array_of(values)
    if array.ndim != 1:
        raise error(
            thing,
            "does not have one dimension",
            value=array.shape,
            allowed="one label a row",
            hint="Hand in each of its columns by itself",
        )
    kind = array.dtype.kind
    if kind in "iu":
        return _of_integers(array, null, thing, error, explicit=explicit)
    if kind == "f" and not isinstance(getattr(values, "dtype", None), np.dtype):
        # A frame's column of nulls reaches numpy as floats; one by one its values are what they were.
        return _of_sequence(list(values), thing, error)
    if len(array) == 0 or kind in "OUST":
        return _of_sequence(array.tolist(), thing, error)
    raise _refused(thing, error, [str(array.dtype)])


def _array_of(values: Labelled) -> tuple[AnyArray, FlagArray | None, bool]:
    """Return a column as an array, where it is an integer column its nulls, and if it could hold any."""
    if isinstance(values, np.ma.MaskedArray):
        if values.dtype.kind in "iu":
            return np.ma.filled(values, 0), np.ma.getmaskarray(values), True
        return unmasked(values), None, True
    dtype = getattr(values, "dtype", None)
    if hasattr(values, "fill_null") and getattr(dtype, "is_integer", bool)():
        # A polars column of integers with nulls would turn into floats.
        return values.fill_null(0).to_numpy(), np.asarray(values.is_null().to_numpy()), True
    numpy_dtype = getattr(dtype, "numpy_dtype", None)
    if numpy_dtype is not None and numpy_dtype.kind in "iu":
        # A pandas column of nullable integers would turn into objects.
        return np.asarray(values.fillna(0).to_numpy(numpy_dtype)), np.asarray(values.isna()), True
    return np.asarray(values), None, False


def _of_integers(
    array: AnyArray, null: FlagArray | None, thing: str, error: type[InputError], *, explicit: bool
) -> Labels:
    if array.dtype.kind == "u" and len(array) and int(array.max()) > MINOR_MAX:
        rows = np.flatnonzero(array > np.array(MINOR_MAX, dtype=array.dtype))
        raise _too_wide(thing, error, rows.tolist(), array[rows].tolist())
    return Labels(
        values=array.astype(LABEL, copy=False),
        null=None if null is None else some(null),
        kind="int",
        explicit=explicit,
    )


def _of_sequence(values: Sequence[Any], thing: str, error: type[InputError]) -> Labels:
    values, kinds, found = kinds_in(values)
    wrong = [kind for kind in found if kind not in FILL]
    if wrong:
        rows = [row for row, value in enumerate(values) if kinds[type(value)] in wrong]
        raise _refused(thing, error, wrong, rows)
    if len(found) > 1:
        raise error(
            thing,
            f"mixes {' and '.join(found)} labels",
            rows=mixed_rows(values, kinds),
            allowed=ALLOWED,
            hint="Convert the column to one of these kinds",
        )
    kind = found[0] if found else "int"
    values = plain_values(values, kinds)
    null = None
    if NULL in kinds.values():
        null = np.array([value is None for value in values], dtype=FLAG)
        fill = FILL[kind]
        values = [fill if value is None else value for value in values]
    try:
        return Labels(values=array_of_kind(values, kind), null=null, kind=kind)
    except OverflowError:
        rows = [row for row, value in enumerate(values) if not MINOR_MIN <= value <= MINOR_MAX]
        raise _too_wide(thing, error, rows, [values[row] for row in rows]) from None


def _refused(
    thing: str, error: type[InputError], kinds: Sequence[str], rows: Iterable[int] = ()
) -> InputError:
    return error(thing, f"has {' and '.join(kinds)} labels", allowed=ALLOWED, hint=_CONVERT, rows=rows)


def _too_wide(thing: str, error: type[InputError], rows: Sequence[int], labels: Sequence[int]) -> InputError:
    return error(
        thing,
        "has integer labels beyond 64 bits",
        rows=rows,
        labels=labels,
        allowed=f"{MINOR_MIN} to {MINOR_MAX}",
        hint="Keep such numbers as text",
    )
