"""Boards that split: a full board pays its top out and makes as many boards as it is wide."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from fenxiao._labels import label_table, read_labels
from fenxiao.errors import PlacementError
from fenxiao.placement.matrix import DEPTH_MAX, capacity, checked_width, whole

if TYPE_CHECKING:
    from fenxiao._labels import Labelled

_ENTRANTS: Final = "entrants"
_REENTER_MAX: Final = 1 << 31
Label: TypeAlias = Any


class Cycle(NamedTuple):
    """Somebody who left the top of a full board.

    ``entrant`` is the row of the entrant who filled the board, counted from 0.
    """

    member: Label
    entrant: int


class Boards(NamedTuple):
    """What became of the boards: who cycled, in order, and the open boards, the oldest first.

    An open board is a tuple of its rows, the top first; its last row may be short.
    """

    cycles: tuple[Cycle, ...]
    open: tuple[tuple[tuple[Label, ...], ...], ...]


def split_boards(width: int, depth: int, entrants: Labelled, *, reenter: int = 0) -> Boards:
    """Let members enter boards of ``1 + width + ... + width**depth`` places, which split when they are full.

    There is one board at first, which fills from the top, each row from left to right. When the bottom row
    is full, the top member cycles out and the board splits into `width` boards: each is headed by a member
    of row 1, in order, and has an empty bottom row. New entrants go to the oldest open board; boards of one
    split are as old as their order. A member may re-enter: right after he has cycled, before the next
    entrant. A board of `width` 2 or more costs O(1) an entrant, amortised.

    Parameters
    ----------
    width : places right below each member
    depth : rows below the top, 1 or more
    entrants : labels in the order of entering, each once; several positions of one owner are several members
    reenter : how many times each member re-enters

    Raises
    ------
    PlacementError
        Width, depth or `reenter` out of range, labels of other kinds, somebody twice.

    Examples
    --------
    >>> boards = split_boards(2, 1, ["ann", "bo", "cai", "dan", "eve"])
    >>> [tuple(cycle) for cycle in boards.cycles]
    [('ann', 2), ('bo', 4)]
    >>> boards.open
    ((('cai',),), (('dan',),), (('eve',),))
    """
    legs, rows = checked_width(width), whole("depth", depth, 1, DEPTH_MAX)
    times = whole("reenter", reenter, 0, _REENTER_MAX)
    column = read_labels(entrants, thing=_ENTRANTS, error=PlacementError)
    twice = label_table(column.values)[1]
    if len(twice):
        hint = "Let one member enter once and re-enter with reenter=; other positions are other members"
        raise PlacementError(
            _ENTRANTS, "name members a second time", hint=hint, rows=twice, labels=column.pick(twice)
        )
    full = capacity(legs, rows)
    boards: deque[list[Label]] = deque([[]])
    cycles: list[Cycle] = []
    entered: dict[Label, int] = {}
    for number, entrant in enumerate(column.values.tolist()):
        waiting = [entrant]
        while waiting:
            boards[0].append(waiting.pop())
            if len(boards[0]) < full:
                continue
            board = boards.popleft()
            boards.extend(_split(board, legs, rows))
            top = board[0]
            cycles.append(Cycle(top, number))
            again = entered.get(top, 0)
            if again < times:
                entered[top] = again + 1
                waiting.append(top)
    return Boards(tuple(cycles), tuple(_rows(board, legs) for board in boards))


def _split(board: list[Label], width: int, depth: int) -> list[list[Label]]:
    """Return the boards of a full one: row r of board j is the j-th part of row r + 1."""
    parts: list[list[Label]] = [[] for _ in range(width)]
    start, each = 1, 1
    for _ in range(depth):
        for part in parts:
            part += board[start : start + each]
            start += each
        each *= width
    return parts


def _rows(board: list[Label], width: int) -> tuple[tuple[Label, ...], ...]:
    rows, start, each = [], 0, 1
    while start < len(board):
        rows.append(tuple(board[start : start + each]))
        start += each
        each *= width
    return tuple(rows)
