"""Labels of members: which kinds there are, how a column of them is read, and how one is found again.

A label is an int, a str, bytes or a UUID, one kind a tree. Integers live in int64 arrays and are found
through arrays; the others live in object arrays and are found through a dict.
"""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, INSTANT, MINOR_MAX, MINOR_MIN, ROW, AnyArray, FlagArray, IndexArray
from fenxiao._kernels.labels import ABSENT, integer_table
from fenxiao.errors import InputError, TreeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fenxiao._arrays import RowArray
    from fenxiao._kernels.labels import IntegerTable

LABEL: Final = INSTANT
"""Integer labels are 64-bit."""
Labelled: TypeAlias = Any
"""What a caller hands in as labels: any list, array or series; `read_labels` finds out."""

ALLOWED: Final = "int, str, bytes or UUID labels, one kind a tree"
_NULL_NAMES: Final = frozenset({"NoneType", "NAType", "NaTType"})
_NULL: Final = "null"
_KINDS: Final = (((int, np.integer), "int"), (str, "str"), (bytes, "bytes"), (UUID, "UUID"))
_EXACT: Final[dict[type[Any], str]] = {
    int: "int",
    str: "str",
    bytes: "bytes",
    UUID: "UUID",
    type(None): _NULL,
}


@attrs.frozen(eq=False)
class LabelColumn:
    """Labels of one kind; `kind` is empty where every row is null or there is none.

    ``explicit`` says that nulls could have been written as such, which a plain array of integers cannot.
    """

    kind: str
    values: AnyArray
    null: FlagArray | None = None
    explicit: bool = True

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def pick(self, rows: Labelled) -> list[Any]:
        """Return the labels of some rows as Python values, for the attribute of an error."""
        return list(self.values[rows].tolist())


def kind_of(cls: type[Any]) -> str:
    """Return the kind of label that a class makes, or the class's own name where it makes none."""
    if cls in _EXACT:
        return _EXACT[cls]
    if cls.__name__ in _NULL_NAMES:
        return _NULL
    if issubclass(cls, bool):
        return "bool"
    return next((kind for classes, kind in _KINDS if issubclass(cls, classes)), cls.__name__)


def plain_label(label: Labelled, kind: str) -> Labelled:
    """Return the label as the exact built-in class, None where it is not of this kind."""
    if kind_of(type(label)) != kind:
        return None
    if kind == "str":
        return str.__str__(label)  # members of a str enumeration hash by their own names
    if kind == "bytes":
        return bytes(label)
    return int(label) if kind == "int" else label


def read_labels(values: Labelled, *, thing: str, error: type[InputError] = TreeError) -> LabelColumn:
    """Read a column of labels with or without nulls (None, a frame's missing value, a masked entry).

    Parameters
    ----------
    values : n labels: a list, an array, a series, any iterable
    thing : how messages call the column
    error : the class raised

    Raises
    ------
    InputError
        Of class `error`: floats, bools, other classes, mixed kinds, integers beyond 64 bits, more than one
        dimension.

    Examples
    --------
    >>> read_labels(["ann", None], thing="parents").null.tolist()
    [False, True]
    """
    if isinstance(values, list | tuple):
        return _read_sequence(values, thing, error)
    if isinstance(values, np.ma.MaskedArray):
        if values.dtype.kind not in "iu" or values.ndim != 1:
            listed = [None if value is np.ma.masked else value for value in values]
            return _read_sequence(listed, thing, error)
        column = _read_integers(values.filled(0), thing, error)
        return LabelColumn(column.kind, column.values, np.ma.getmaskarray(values))
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        raise error(thing, f"is a single {type(values).__name__}", allowed="one label a row")
    if not hasattr(values, "__array__"):
        return _read_sequence(list(values), thing, error)
    array = np.asarray(values)
    if array.ndim != 1:
        raise error(thing, "does not have one dimension", value=array.shape, allowed="one label a row")
    if array.dtype.kind in "iu":
        return _read_integers(array, thing, error)
    if array.dtype.kind == "f" and not isinstance(getattr(values, "dtype", None), np.dtype):
        # A frame's integers with nulls reach numpy as floats; one by one they are what they were.
        return _read_sequence(list(values), thing, error)
    if len(array) == 0 or array.dtype.kind in "OUST":
        return _read_sequence(array.tolist(), thing, error)
    raise _refused(thing, error, [str(array.dtype)])


def _refused(
    thing: str, error: type[InputError], kinds: Sequence[str], rows: Iterable[int] = ()
) -> InputError:
    hint = "Turn whole numbers into integers first; missing integers need a list with None or a mask"
    return error(thing, f"has {' and '.join(kinds)} labels", allowed=ALLOWED, hint=hint, rows=rows)


def _read_integers(array: AnyArray, thing: str, error: type[InputError]) -> LabelColumn:
    if array.dtype.kind == "u" and len(array) and int(array.max()) > MINOR_MAX:
        rows = np.flatnonzero(array > np.array(MINOR_MAX, dtype=array.dtype))
        raise error(thing, "has integer labels beyond 64 bits", rows=rows, labels=array[rows].tolist())
    return LabelColumn("int", array.astype(LABEL, copy=False), explicit=False)


def _read_sequence(values: Sequence[Any], thing: str, error: type[InputError]) -> LabelColumn:
    kinds = {cls: kind_of(cls) for cls in set(map(type, values))}
    if "float" in kinds.values() or np.floating in {base for cls in kinds for base in cls.__mro__}:
        # Frames write a missing label as NaN, the one value that differs from itself.
        values = [None if value != value else value for value in values]
        kinds = {cls: kind_of(cls) for cls in set(map(type, values))}
    found = sorted(set(kinds.values()) - {_NULL})
    wrong = [kind for kind in found if kind not in {"int", "str", "bytes", "UUID"}]
    if wrong:
        rows = [row for row, value in enumerate(values) if kinds[type(value)] in wrong]
        raise _refused(thing, error, wrong, rows)
    if len(found) > 1:
        first = next(kinds[type(value)] for value in values if kinds[type(value)] != _NULL)
        rows = [row for row, value in enumerate(values) if kinds[type(value)] not in {first, _NULL}]
        raise error(thing, f"mixes {' and '.join(found)} labels", allowed=ALLOWED, rows=rows)
    kind = found[0] if found else ""
    null = None
    if _NULL in kinds.values():
        null = np.fromiter((kinds[type(value)] == _NULL for value in values), dtype=FLAG, count=len(values))
    if kind == "int":
        return LabelColumn(kind, _int_array(values, null, thing, error), null)
    if any(cls not in _EXACT for cls in kinds):
        values = [plain_label(value, kind) for value in values]
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return LabelColumn(kind, column, null)


def _int_array(
    values: Sequence[Any], null: FlagArray | None, thing: str, error: type[InputError]
) -> RowArray:
    if null is not None:
        values = [0 if missing else value for value, missing in zip(values, null.tolist(), strict=True)]
    try:
        return np.array(values, dtype=LABEL)
    except OverflowError:
        rows = [row for row, value in enumerate(values) if not MINOR_MIN <= value <= MINOR_MAX]
        labels = [values[row] for row in rows]
        raise error(thing, "has integer labels beyond 64 bits", rows=rows, labels=labels) from None


@attrs.frozen(eq=False)
class DictTable:
    """Row of each label that is not an integer."""

    rows: dict[Any, int]

    def find(self, labels: AnyArray) -> IndexArray:
        """Return the row of each label, `ABSENT` where there is none."""
        found = map(self.rows.get, labels.tolist(), repeat(ABSENT))
        return np.fromiter(found, dtype=INDEX, count=len(labels))

    def find_one(self, label: Labelled) -> int:
        """Return the row of one label, `ABSENT` where there is none."""
        return self.rows.get(label, ABSENT)


LabelTable: TypeAlias = "IntegerTable | DictTable"


def label_table(labels: AnyArray) -> tuple[LabelTable, RowArray]:
    """Return a table from label to row, and the rows whose label an earlier row has already."""
    if labels.dtype == LABEL:
        return integer_table(labels)
    listed = labels.tolist()
    rows = dict(zip(listed, range(len(listed)), strict=True))
    if len(rows) == len(listed):
        return DictTable(rows), np.zeros(0, dtype=ROW)
    seen: dict[Any, int] = {}
    twice = [row for row, label in enumerate(listed) if seen.setdefault(label, row) != row]
    return DictTable(seen), np.array(twice, dtype=ROW)


def rank_of_labels(labels: AnyArray) -> IndexArray:
    """Return each label's rank among all: integers by value, str by code point, bytes, UUIDs by number."""
    n = len(labels)
    if labels.dtype == LABEL:
        if n and int(labels.max()) - int(labels.min()) == n - 1:
            rank: IndexArray = (labels - labels.min()).astype(INDEX)
            return rank
        order: RowArray = np.argsort(labels, kind="stable")
    else:
        pairs = sorted(zip(labels.tolist(), range(n), strict=True), key=itemgetter(0))
        order = np.fromiter(map(itemgetter(1), pairs), dtype=ROW, count=n)
    rank = np.empty(n, dtype=INDEX)
    rank[order] = np.arange(n, dtype=INDEX)
    return rank


def label_bytes(labels: AnyArray, kind: str) -> bytes:
    """Return the labels as bytes that no other list of labels of this kind shares."""
    if kind == "int":
        return labels.astype("<i8").tobytes()
    if kind == "UUID":
        return b"".join(label.bytes for label in labels.tolist())
    listed = labels.tolist()
    raw = [label.encode("utf-8", "surrogatepass") for label in listed] if kind == "str" else listed
    return b"".join(b"%d:%b" % (len(label), label) for label in raw)
