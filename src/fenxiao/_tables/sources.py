"""What callers hand in: records, mappings of columns, data frames, all turned into raw named columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from fenxiao.errors import OrdersError, class_name

if TYPE_CHECKING:
    from fenxiao._columns import Input

_RECORDS_HINT: Final = 'Give a list of dicts, one a row: [{"order_id": 1, "member": "cai"}]'


def columns_of_records(records: Iterable[Mapping[str, Any]], *, what: str) -> dict[str, Any]:
    """Turn records into columns; a key that a record lacks becomes None there.

    Raises
    ------
    OrdersError
        `records` is not an iterable of mappings with text keys.

    Examples
    --------
    >>> columns_of_records([{"a": 1}, {"a": 2, "b": 3}], what="orders")
    {'a': [1, 2], 'b': [None, 3]}
    """
    single = isinstance(records, Mapping | str | bytes) or getattr(records, "ndim", 1) == 0
    if single or not isinstance(records, Iterable):
        kind = class_name(records)
        raise OrdersError(what, "are not records", value=kind, allowed="a list of dicts", hint=_RECORDS_HINT)
    rows = records if isinstance(records, list) else list(records)
    odd = [row for row, record in enumerate(rows) if not isinstance(record, Mapping)]
    if odd:
        kind = class_name(rows[odd[0]])
        raise OrdersError(
            what, "has rows that are not records", value=kind, rows=odd, allowed="dicts", hint=_RECORDS_HINT
        )
    if not rows:
        return {}
    first = rows[0].keys()
    if len(rows) == 1:
        columns: dict[str, Any] = {name: [value] for name, value in rows[0].items()}
    elif all(record.keys() == first for record in rows):
        columns = {name: [record[name] for record in rows] for name in first}
    else:
        names = dict.fromkeys(name for record in rows for name in record)
        columns = {name: [record.get(name) for record in rows] for name in names}
    if not columns:
        raise OrdersError(
            what, "has rows that say nothing", rows=range(len(rows)), allowed="dicts", hint=_RECORDS_HINT
        )
    for name in columns:
        _check_name(name, what)
    return columns


def columns_of_frame(source: Input, *, what: str) -> dict[str, Any]:
    """Turn a mapping of columns or a data frame into raw columns of one length.

    Raises
    ------
    OrdersError
        The source has no named columns, a column is not one-dimensional, or lengths differ.

    Examples
    --------
    >>> sorted(columns_of_frame({"a": [1, 2], "b": (3, 4)}, what="orders"))
    ['a', 'b']
    """
    names = list(source) if isinstance(source, Mapping) else _frame_names(source, what)
    if len(set(names)) < len(names):
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        hint = "Rename one of them"
        raise OrdersError(what, "has two columns of one name", value=twice, allowed="one of each", hint=hint)
    columns: dict[str, Any] = {}
    for name in names:
        _check_name(name, what)
        columns[name] = _plain_column(source[name], f"{what} column {name!r}")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise OrdersError(
            what,
            "has columns of different lengths",
            value=lengths,
            allowed="one length",
            hint="Give every column one value a row",
        )
    return columns


def _frame_names(source: Input, what: str) -> list[Any]:
    names = getattr(source, "columns", None)
    if names is None or not hasattr(source, "__getitem__") or not hasattr(source, "__len__"):
        raise OrdersError(
            what,
            "is not a table",
            value=class_name(source),
            allowed="a mapping of column names to columns, or a data frame",
            hint="Collect lazy frames first; for a list of dicts use from_records",
        )
    return list(names)


def _check_name(name: object, what: str) -> None:
    if not isinstance(name, str) or not name:
        raise OrdersError(
            what,
            "has a column whose name is not text",
            value=class_name(name),
            allowed="non-empty text",
            hint="Rename the column",
        )


def _plain_column(column: Input, thing: str) -> Input:
    """Return what can be a column as it is."""
    if isinstance(column, (str, bytes, Mapping, AbstractSet)) or not isinstance(column, Sized):
        raise OrdersError(
            thing,
            "is not a column",
            value=class_name(column),
            allowed="a list or an array",
            hint="Give one value a row",
        )
    shape = getattr(column, "shape", None)
    if shape is not None and len(shape) != 1:
        raise OrdersError(
            thing,
            "is not one-dimensional",
            value=shape,
            allowed="one value a row",
            hint="Flatten it, or give each of its columns a name",
        )
    return column
