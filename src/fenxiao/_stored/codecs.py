"""How the values of stored objects are written as plain data, and read back strictly.

Columns stay columns: one list for all members, not one dict a member. Errors name the path of a value and the
rows of a column, never what stands there, as it may be a member's label.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, final
from uuid import UUID

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR, MINOR_MAX, MINOR_MIN, FlagArray, MinorArray
from fenxiao._labels import Label, read_labels
from fenxiao.errors import InputError, StateError, class_name, what

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@final
@attrs.frozen(eq=False)
class Codec:
    """How one kind of value is written, and how it is read: `read` takes plain data and its path."""

    write: Callable[[Any], Any]
    read: Callable[[Any, str], Any]


def refused(path: str, problem: str, allowed: str, rows: Iterable[int] = ()) -> StateError:
    """Return the error for what cannot be read."""
    return StateError(path, problem, allowed=allowed, hint="Compare with what to_dict writes", rows=rows)


# --------------------------------------------------------------------------------------------- containers


def mapped(data: object, path: str, keys: Iterable[str] | None) -> dict[str, Any]:
    """Return a mapping that has exactly these keys; any keys if none are given."""
    if type(data) is not dict:
        raise refused(path, what(data), "a dict")
    if keys is not None:
        allowed = tuple(keys)
        missing = [key for key in allowed if key not in data]
        if missing:
            raise refused(f"{path}.{missing[0]}", "is missing", ", ".join(allowed))
        if len(data) > len(allowed):
            problem = f"has {len(data) - len(allowed)} key(s) that are not known"
            raise refused(path, problem, ", ".join(allowed))
    return data


def listed(data: object, path: str) -> list[Any]:
    """Return a list; a tuple is as good as one."""
    if type(data) not in (list, tuple):
        raise refused(path, what(data), "a list")
    return list(data)  # type: ignore[call-overload, no-any-return]  # its class was looked at


def _column(data: object, path: str, *kinds: type[Any]) -> list[Any]:
    """Return a list whose values are of one of these very classes, so that no bool passes for an int."""
    values = listed(data, path)
    if set(map(type, values)) - set(kinds):
        rows = [row for row, value in enumerate(values) if type(value) not in kinds]
        raise refused(path, f"has values that are {class_name(values[rows[0]])}", _names(kinds), rows)
    return values


def _names(kinds: Iterable[type[Any]]) -> str:
    return " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)


def each(codec: Codec) -> Codec:
    """Return the codec of a sequence of such values."""

    def read(data: Any, path: str) -> list[Any]:
        return [codec.read(value, f"{path}[{place}]") for place, value in enumerate(listed(data, path))]

    return Codec(lambda values: [codec.write(value) for value in values], read)


def optional(codec: Codec) -> Codec:
    """Return the codec of such a value or None."""
    return Codec(
        lambda value: None if value is None else codec.write(value),
        lambda data, path: None if data is None else codec.read(data, path),
    )


def fields_of(kind: type[Any], **codecs: Codec) -> Codec:
    """Return the codec of an attrs class, field by field."""

    def write(value: Any) -> dict[str, Any]:
        return {name: codec.write(getattr(value, name)) for name, codec in codecs.items()}

    def read(data: Any, path: str) -> Any:
        return _made(kind, _read_fields(data, path, codecs), path)

    return Codec(write, read)


def table_of(kind: type[Any], **columns: Codec) -> Codec:
    """Return the codec of a sequence of an attrs class as columns; each codec is that of a whole column."""

    def write(values: Sequence[Any]) -> dict[str, Any]:
        return {
            name: codec.write([getattr(value, name) for value in values]) for name, codec in columns.items()
        }

    def read(data: Any, path: str) -> list[Any]:
        found = _read_fields(data, path, columns)
        same_length(found, path)
        rows = zip(*found.values(), strict=True)
        return [
            _made(kind, dict(zip(found, row, strict=True)), path, (number,))
            for number, row in enumerate(rows)
        ]

    return Codec(write, read)


def same_length(columns: Mapping[str, Sequence[Any]], path: str) -> None:
    """Refuse columns of different lengths."""
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise refused(path, "has columns of different lengths", "one value of every column a row")


def _read_fields(data: Any, path: str, codecs: Mapping[str, Codec]) -> dict[str, Any]:
    fields = mapped(data, path, codecs)
    return {name: codec.read(fields[name], f"{path}.{name}") for name, codec in codecs.items()}


def _made(kind: type[Any], fields: dict[str, Any], path: str, rows: Sequence[int] = ()) -> Any:
    """Return an object of its fields; what its class refuses is an error about the path."""
    try:
        return kind(**fields)
    except InputError as error:
        raise StateError(
            path,
            str(error).removesuffix("."),
            hint="Compare with what to_dict writes",
            rows=rows or error.rows,
            labels=error.labels,
        ) from None


# ------------------------------------------------------------------------------------------------- values


def _read_text(data: Any, path: str) -> str:
    if type(data) is not str:
        raise refused(path, what(data), "str")
    return data


TEXT: Final = Codec(str, _read_text)
TEXTS: Final = Codec(list, lambda data, path: _column(data, path, str))


def whole(low: int, high: int | None = None) -> Codec:
    """Return the codec of an integer in a range without an upper end, or with one."""

    def read(data: Any, path: str) -> int:
        if type(data) is not int:
            raise refused(path, what(data), "int")
        if data < low or (high is not None and data > high):
            raise refused(path, "is out of range", f"{low} or more" if high is None else f"{low} to {high}")
        return data

    return Codec(int, read)


def wholes(low: int = MINOR_MIN, high: int | None = MINOR_MAX) -> Codec:
    """Return the codec of a column of integers: int64 [n] as it is read, Python integers without an end."""

    def read(data: Any, path: str) -> MinorArray | list[int]:
        values = _column(data, path, int)
        if values and (min(values) < low or (high is not None and max(values) > high)):
            rows = [row for row, n in enumerate(values) if n < low or (high is not None and n > high)]
            allowed = f"{low} or more" if high is None else f"{low} to {high}"
            raise refused(path, "has values out of range", allowed, rows)
        return values if high is None else np.array(values, dtype=MINOR)

    return Codec(_plain_list, read)


def _plain_list(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _read_flags(data: Any, path: str) -> FlagArray:
    return np.array(_column(data, path, bool), dtype=FLAG)


FLAGS: Final = Codec(_plain_list, _read_flags)


# ------------------------------------------------------------------------------------------------- labels

_TO_TEXT: Final[Mapping[str, Callable[[Any], str]]] = {"bytes": bytes.hex, "UUID": str}
_FROM_TEXT: Final[Mapping[str, Callable[[str], Any]]] = {"bytes": bytes.fromhex, "UUID": UUID}
"""Labels that JSON has no kind for are written as text."""
_KINDS: Final = ("int", "str", *_TO_TEXT)


def _write_labels(values: Any, *, nullable: bool = True) -> dict[str, Any]:
    labels = read_labels(values, thing="labels to store", error=StateError, nullable=nullable)
    cells = labels.values.tolist()
    if labels.kind in _TO_TEXT:
        cells = list(map(_TO_TEXT[labels.kind], cells))
    if labels.null is not None:
        for row in np.flatnonzero(labels.null).tolist():
            cells[row] = None
    return {"kind": labels.kind, "values": cells}


def _reader_of_labels(*null: type[Any]) -> Callable[[Any, str], list[Label]]:
    def read(data: Any, path: str) -> list[Label]:
        fields = mapped(data, path, ("kind", "values"))
        kind = fields["kind"]
        if type(kind) is not str or kind not in _KINDS:
            raise refused(f"{path}.kind", "is not known", ", ".join(_KINDS))
        path = f"{path}.values"
        cells = _column(fields["values"], path, int if kind == "int" else str, *null)
        labels = [cell if cell is None else _label_of(kind, cell) for cell in cells]
        wrong = [row for row, label in enumerate(labels) if label is _UNREADABLE]
        if wrong:
            raise refused(path, f"has labels that are no {kind}", "what to_dict wrote", wrong)
        return labels

    return read


_UNREADABLE: Final = object()


def _label_of(kind: str, cell: Any) -> Any:
    """Return the label that was written so; each label has one way to be written."""
    if kind == "str":
        return cell
    if kind == "int":
        return cell if MINOR_MIN <= cell <= MINOR_MAX else _UNREADABLE
    try:
        label = _FROM_TEXT[kind](cell)
    except ValueError:
        return _UNREADABLE
    return label if _TO_TEXT[kind](label) == cell else _UNREADABLE


LABELS: Final = Codec(partial(_write_labels, nullable=False), _reader_of_labels())
GROUPS: Final = Codec(_write_labels, _reader_of_labels(type(None)))
"""Labels of which some may be None."""


def _write_label(label: Any) -> Any:
    column = _write_labels([label])
    return {column["kind"]: column["values"][0]} if column["kind"] in _TO_TEXT else column["values"][0]


def _read_label(data: Any, path: str) -> Label:
    if data is None or type(data) is str:
        return data
    kind = "int"
    if type(data) is dict and len(data) == 1:
        ((kind, data),) = data.items()
        if kind not in _TO_TEXT:
            raise refused(path, "is of a kind that is not known", ", ".join(_TO_TEXT))
    return LABELS.read({"kind": kind, "values": [data]}, path)[0]


LABEL: Final = Codec(_write_label, _read_label)
"""A single label: an integer, text and None as they are, else ``{"bytes": hex}`` or ``{"UUID": text}``."""
