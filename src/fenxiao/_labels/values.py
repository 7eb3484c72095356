"""What kinds of values a list holds, and how subclasses and foreign nulls become plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

import numpy as np

from fenxiao._arrays import FLAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kinds: TypeAlias = tuple[tuple[type[Any] | tuple[type[Any], ...], str], ...]
"""Classes and the name of the kind that they and their subclasses make; the first that fits decides."""

NULL: Final = "null"
_NULL_NAMES: Final = frozenset({"NoneType", "NAType", "NaTType"})
_EXACT: Final[Mapping[type[Any], str]] = {
    int: "int",
    str: "str",
    bytes: "bytes",
    UUID: "UUID",
    type(None): NULL,
}
_KINDS: Final[Kinds] = (
    # A subclass stands before its base: bool is an int, numpy's time spans are numpy integers.
    ((bool, FLAG), "bool"),
    (np.timedelta64, "timedelta64"),
    ((int, np.integer), "int"),
    ((float, np.floating), "float"),
    (str, "str"),
    (bytes, "bytes"),
    (UUID, "UUID"),
)
_SUBCLASSED: Final = frozenset({"int", "str", "bytes", NULL})
"""Kinds whose subclasses may hash, compare or print in ways of their own."""


def kind_of(cls: type[Any], further: Kinds = ()) -> str:
    """Return the kind of value that a class makes, "null", or the class's own name where it is of no kind.

    >>> kind_of(np.int8), kind_of(type(None)), kind_of(complex)
    ('int', 'null', 'complex')
    """
    if cls in _EXACT:
        return _EXACT[cls]
    if cls.__name__ in _NULL_NAMES:
        return NULL
    return next((kind for classes, kind in (*_KINDS, *further) if issubclass(cls, classes)), cls.__name__)


def kinds_in(
    values: Sequence[Any], further: Kinds = ()
) -> tuple[Sequence[Any], dict[type[Any], str], list[str]]:
    """Return the values with None for every NaN, the kind of each class among them, and the kinds sorted.

    Frames write a missing value as NaN, so NaN is a null and not a float. Nulls are not among the kinds.

    >>> kinds_in([5, float("nan")])[0], kinds_in([5, None, "a"])[2]
    ([5, None], ['int', 'str'])
    """
    kinds = {cls: kind_of(cls, further) for cls in set(map(type, values))}
    if "float" in kinds.values():
        # Only NaN differs from itself.
        values = [None if kinds[type(value)] == "float" and value != value else value for value in values]
        kinds = {cls: kind_of(cls, further) for cls in set(map(type, values))}
    return values, kinds, sorted(set(kinds.values()) - {NULL})


def mixed_rows(values: Sequence[Any], kinds: Mapping[type[Any], str]) -> list[int]:
    """Return the rows of another kind than the first value that is not null."""
    first = next(kinds[type(value)] for value in values if kinds[type(value)] != NULL)
    return [row for row, value in enumerate(values) if kinds[type(value)] not in {first, NULL}]


def plain_values(values: Sequence[Any], kinds: Mapping[type[Any], str]) -> Sequence[Any]:
    """Return the values without what subclasses add to int, str and bytes, and None for every null.

    >>> plain_values([np.str_("a"), None], {np.str_: "str", type(None): "null"})
    ['a', None]
    """
    if all(cls in _EXACT or kind not in _SUBCLASSED for cls, kind in kinds.items()):
        return values
    return [_plain(value, kinds[type(value)]) for value in values]


def plain_label(label: object, kind: str) -> Any:
    """Return the label as the exact built-in class, None where it is not of this kind.

    >>> plain_label(np.int8(5), "int"), plain_label(True, "int")
    (5, None)
    """
    return _plain(label, kind) if kind_of(type(label)) == kind else None


def _plain(value: Any, kind: str) -> Any:
    if kind == "str":
        return str.__str__(value)  # members of a str enumeration hash by their own names
    if kind == "bytes":
        return bytes(value)
    if kind == "int":
        return int(value)
    return None if kind == NULL else value
