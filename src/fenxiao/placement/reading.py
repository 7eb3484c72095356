"""Given places: from a table of members, parents and legs to checked places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fenxiao._arrays import FLAG, INDEX, NO_MEMBER, ROW, FlagArray, IndexArray
from fenxiao._kernels.placing import Layout, Places, lay_out
from fenxiao._kernels.trees import cycle_rows
from fenxiao._labels import read_labels
from fenxiao._tables import columns_of_frame, columns_of_records
from fenxiao.errors import OrdersError, PlacementError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._labels import Labelled, Labels
    from fenxiao.tree import ReferralTree

    Input = Any

_WHAT: Final = "placement"
_COLUMNS: Final = ("member", "parent", "leg")
_MEMBER, _PARENT, _LEG = (f"placement column {name!r}" for name in _COLUMNS)
_SIDES: Final = {"left": 0, "right": 1}


def frame_of_places(columns: Input) -> dict[str, Any]:
    """Return the raw columns of a mapping of columns or a data frame."""
    return _table(columns_of_frame, columns)


def records_of_places(records: Input) -> dict[str, Any]:
    """Return the raw columns of one mapping a member; none at all is a table without rows."""
    return _table(columns_of_records, records) or {name: [] for name in _COLUMNS}


def _table(read: Callable[..., dict[str, Any]], source: Input) -> dict[str, Any]:
    try:
        return read(source, what=_WHAT)
    except OrdersError as error:
        shown: dict[str, Any] = {} if error.value is None else {"value": error.value}
        raise PlacementError(
            error.thing, error.problem, allowed=error.allowed, hint=error.hint, rows=error.rows, **shown
        ) from None


def given_places(tree: ReferralTree, raw: dict[str, Any], width: int) -> tuple[Places, Layout]:
    """Return places as a table gives them, once they are known to be a forest.

    Raises
    ------
    PlacementError, UnknownMemberError
        See `fenxiao.placement.Placement.from_columns`.
    """
    lacking = [name for name in _COLUMNS if name not in raw]
    if lacking:
        hint = "Name the member, the parent in the placement and the leg in every row"
        raise PlacementError(_WHAT, "lacks columns", value=lacking, allowed=", ".join(_COLUMNS), hint=hint)
    member = tree.indices(raw["member"], thing=_MEMBER)
    row = rows_once(member, tree, _MEMBER, "Keep one row for each member")
    parent = _parents(tree, raw["parent"])
    leg = read_legs(raw["leg"], width, _LEG)
    _check_rows(tree, member, parent, leg, row, width)
    n = len(tree)
    above, side = np.full(n, NO_MEMBER, dtype=INDEX), np.full(n, NO_MEMBER, dtype=INDEX)
    above[member], side[member] = parent, leg
    places = Places(above, side, np.sort(member[parent == NO_MEMBER]))
    layout = lay_out(places)
    if len(layout.order) < len(member):
        reached = np.ones(n, dtype=FLAG)
        reached[member] = False
        reached[layout.order] = True
        found = cycle_rows(above, np.flatnonzero(reached).astype(INDEX))
        first = int(np.argmin(row[found]))
        cycle = found[first:] + found[:first]
        problem = f"form a cycle of {len(cycle)} members"
        hint = "Break the cycle: one of its members needs another parent or none"
        raise PlacementError(_PARENT, problem, hint=hint, rows=row[cycle], labels=tree.ids[cycle].tolist())
    return places, layout


def rows_once(member: IndexArray, tree: ReferralTree, thing: str, hint: str) -> IndexArray:
    """Return the row of each member, the number of rows for whoever is in none: int32 [n + 1].

    Raises
    ------
    PlacementError
        A member stands in two rows.
    """
    number = np.arange(len(member), dtype=INDEX)
    row = np.full(len(tree) + 1, len(member), dtype=INDEX)
    row[member[::-1]] = number[::-1]  # of several rows the first stays
    again = np.flatnonzero(row[member] != number)
    if len(again):
        labels = tree.ids[member[again]].tolist()
        raise PlacementError(thing, "names members a second time", hint=hint, rows=again, labels=labels)
    return row


def _parents(tree: ReferralTree, given: Labelled) -> IndexArray:
    """Return each row's parent, -1 for roots: None, or -1 where that is nobody's label."""
    column = read_labels(given, thing=_PARENT, error=PlacementError, nullable=True)
    root = np.zeros(len(column), dtype=FLAG) if column.null is None else column.null
    if column.kind == "int":
        minus = (column.values == NO_MEMBER) & ~root
        if NO_MEMBER not in tree:
            root = root | minus
        elif minus.any() and not column.explicit:
            hint = "Mark roots with None in a list or with a masked array, so that -1 can name its member"
            raise PlacementError(
                _PARENT, "uses -1, which is also a member's label", hint=hint, rows=np.flatnonzero(minus)
            )
    return tree.indices(column.values, thing=_PARENT, null=root)


def read_legs(given: Labelled, width: int, thing: str) -> IndexArray:
    """Return legs as int32 [m], -1 for None and -1: numbers, or "left" and "right" where there are two.

    Raises
    ------
    PlacementError
        Floats, truth values, other text, numbers outside 0 to width - 1.

    Examples
    --------
    >>> read_legs(["left", None, "right"], 2, "leg").tolist()
    [0, -1, 1]
    """
    allowed = f"0 to {width - 1}" + (', or "left" and "right"' if width == 2 else "")
    try:
        column = read_labels(given, thing=thing, error=PlacementError, nullable=True)
    except PlacementError as error:
        problem = error.problem.replace(" labels", " values")
        raise PlacementError(thing, problem, allowed=allowed, rows=error.rows) from None
    null = np.zeros(len(column), dtype=FLAG) if column.null is None else column.null
    numbers, wrong = _numbers(column, null, width)
    if wrong.any():
        problem = f"names legs that there are not in legs of {width}"
        raise PlacementError(thing, problem, allowed=allowed, rows=np.flatnonzero(wrong))
    legs: IndexArray = np.where(null, NO_MEMBER, numbers).astype(INDEX)
    return legs


def _numbers(column: Labels, null: FlagArray, width: int) -> tuple[Any, FlagArray]:
    """Return a column of legs as numbers, and which of them are none."""
    values = column.values
    if column.kind == "int":
        return values, ~null & ((values < NO_MEMBER) | (values >= width))
    if column.kind != "str" or width != len(_SIDES):
        return NO_MEMBER, ~null
    numbers = np.array([_SIDES.get(value, NO_MEMBER) for value in values.tolist()], dtype=ROW)
    return numbers, ~null & (numbers == NO_MEMBER)


def _check_rows(
    tree: ReferralTree,
    member: IndexArray,
    parent: IndexArray,
    leg: IndexArray,
    row: IndexArray,
    width: int,
) -> None:
    """Check what can be seen without following parents."""

    def refuse(wrong: FlagArray, thing: str, problem: str, hint: str) -> None:
        rows = np.flatnonzero(wrong)
        if len(rows):
            labels = tree.ids[member[rows]].tolist()
            raise PlacementError(thing, problem, hint=hint, rows=rows, labels=labels)

    root = parent == NO_MEMBER
    refuse(
        parent == member,
        _PARENT,
        "names members as their own parent",
        "Give members at the top no parent: None, or -1 in an integer array",
    )
    refuse(
        ~root & (row[parent] == len(member)),
        _PARENT,
        "names parents who are not placed",
        "Give each parent a row of his own; one at the top has no parent",
    )
    refuse(~root & (leg == NO_MEMBER), _LEG, "is missing below a parent", f"Name a leg from 0 to {width - 1}")
    refuse(
        root & (leg != NO_MEMBER),
        _LEG,
        "is given to members without a parent",
        "Members at the top stand in no leg: leave it empty, or -1 in an integer array",
    )
    place = parent.astype(ROW) * width + leg
    order = np.argsort(place, kind="stable")
    twice = np.zeros(len(place), dtype=FLAG)
    twice[order[1:]] = place[order[1:]] == place[order[:-1]]
    refuse(
        twice & ~root,
        _LEG,
        "names places that an earlier row has taken",
        "Place each of these members in a free leg",
    )
