"""Names and tables of plans, read alike from Python and from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from fenxiao.errors import ExpressionError, PlanError, what

if TYPE_CHECKING:
    from fenxiao.errors import InputError

Pairs: TypeAlias = tuple[tuple[str, Any], ...]
"""A table as pairs of key and row, in the order in which it was written."""


def column_name(value: object, thing: str, whose: str) -> str:
    """Return the name of a column, or raise where `value` is none; `whose` column, the message says."""
    if not isinstance(value, str) or not value:
        raise ExpressionError(
            thing, f"needs the name of {whose} column", value=value, allowed="a str that is not empty"
        )
    return value


def pairs_of(
    table: object, thing: str, *, allowed: str, numbers: bool = False, error: type[InputError] = PlanError
) -> Pairs:
    """Return a table, or the pairs that one was read into, as pairs with distinct keys.

    Parameters
    ----------
    table : mapping, or tuple of pairs
    thing, allowed : for messages
    numbers : whether keys may be integers; they become text, as plain data has them
    error : the class that is raised

    Raises
    ------
    InputError
        Not a table, a key that is no name, two rows for one key.
    """
    pairs = tuple(table.items()) if isinstance(table, Mapping) else table
    if not isinstance(pairs, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise error(thing, f"{what(table)}, not a table", allowed=allowed)
    kinds = str | int if numbers else str
    strange = [key for key, _ in pairs if isinstance(key, bool) or not isinstance(key, kinds) or key == ""]
    if strange:
        raise error(thing, "has keys that it may not have", value=strange, allowed=allowed)
    keys = [str(key) for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise error(thing, "has two rows for one key", value=keys, allowed=allowed)
    return tuple(zip(keys, (row for _, row in pairs), strict=True))
