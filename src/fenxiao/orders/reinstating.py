"""Which changes count: whatever took back all of a line that was reinstated later does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from fenxiao._arrays import FLAG, ROW, RowArray
from fenxiao.changes import REINSTATEMENT, Changes, Stated
from fenxiao.orders.keys import first_and_last, row_of_line

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray
    from fenxiao._labels import Labels


def stating(changes: Changes) -> FlagArray:
    """Return which changes state amounts; the others are of all there is."""
    stated = changes.quantity.given.copy()
    for column in changes.amounts:
        stated |= column.given
    return stated


def in_force(order_id: Labels, line: RowArray, changes: Changes) -> tuple[Changes, RowArray]:
    """Return the changes that count, without reinstatements and what they undo, and the number of each.

    A reinstatement undoes what took back all of its lines before it, by `at` and then `known_at`; at the same
    instant it does not. What took back a whole order, of which only some lines were reinstated, becomes one
    change for each of the others. Changes stay in their order.

    Parameters
    ----------
    order_id, line : of the orders as they were sold, in their order
    """
    if not (changes.kind == REINSTATEMENT).any():
        return changes, np.arange(len(changes), dtype=ROW)
    low, high = first_and_last(order_id, changes.order_id)
    named = changes.line.given
    row = row_of_line(line, low, high, np.where(named, changes.line.values, 0))
    low, high = np.where(named, row, low), np.where(named, row + 1, high)
    source, rows = _counting(changes, low, high, len(line))
    left = changes.take(source)
    values, given = left.line.values.copy(), left.line.given.copy()
    split = rows >= 0
    values[split], given[split] = line[rows[split]], True
    return attrs.evolve(left, line=Stated(values, given)), source


def _counting(changes: Changes, low: RowArray, high: RowArray, lines: int) -> tuple[RowArray, RowArray]:
    """Return the number of each change that counts, and the line that is left of it, -1 for all of its own.

    Parameters
    ----------
    low, high : int64 [changes], the lines of each, half-open
    lines : how many there are in all
    """
    _, rank = np.unique(np.stack([changes.at, changes.known_at]), axis=1, return_inverse=True)
    rank = rank.ravel().astype(ROW)
    again = np.flatnonzero(changes.kind == REINSTATEMENT)
    latest = np.full(lines, -1, dtype=ROW)
    rows, owner = _pairs(again, low, high)
    np.maximum.at(latest, rows, rank[owner])
    back = np.flatnonzero(~stating(changes) & (changes.kind != REINSTATEMENT))
    rows, owner = _pairs(back, low, high)
    stays = rank[owner] >= latest[rows]
    touched = np.unique(owner[~stays])
    whole = np.ones(len(changes), dtype=FLAG)
    whole[again], whole[touched] = False, False
    parts = stays & np.isin(owner, touched)
    source = np.concatenate([np.flatnonzero(whole), owner[parts]])
    left = np.concatenate([np.full(int(whole.sum()), -1, dtype=ROW), rows[parts]])
    order = np.argsort(source, kind="stable")
    return source[order], left[order]


def _pairs(which: RowArray, low: RowArray, high: RowArray) -> tuple[RowArray, RowArray]:
    """Return each line of some changes, and beside it the change."""
    length = (high - low)[which]
    owner = np.repeat(which, length)
    ends = np.cumsum(length)
    return np.arange(len(owner)) - np.repeat(ends - length, length) + low[owner], owner
