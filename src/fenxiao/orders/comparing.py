"""Which orders differ between two tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import FLAG, INDEX, AnyArray, FlagArray, RowArray
from fenxiao._columns import Categories, Column
from fenxiao._labels import Labels
from fenxiao.errors import OrdersError
from fenxiao.orders.keys import first_and_last, once, row_of_line

if TYPE_CHECKING:
    from fenxiao.orders.assembly import Parts


def differing(now: Parts, rows: RowArray, then: Parts, others: RowArray) -> Labels:
    """Return the ids of orders of which `rows` of one table differ from `others` of another.

    Rows that only one table has differ. The ids are sorted, each once.

    Raises
    ------
    OrdersError
        The tables have other columns, or columns of another kind.
    """
    _check_alike(now, then)
    mine, theirs = now["order_id"].take(rows), then["order_id"].take(others)
    low, high = first_and_last(theirs, mine)
    place = row_of_line(then["line"][others], low, high, now["line"][rows])
    both = place >= 0
    left, right = rows[both], others[place[both]]
    differs = np.ones(len(rows), dtype=FLAG)
    differs[both] = _unlike_rows(now, left, then, right)
    alone = np.ones(len(others), dtype=FLAG)
    alone[place[both]] = False
    return distinct(mine.take(differs), theirs.take(alone))


def distinct(*columns: Labels) -> Labels:
    """Return the labels of some columns without nulls, sorted and each once."""
    joined = columns[0]
    for column in columns[1:]:
        joined = joined.joined(column, thing="orders column 'order_id'")
    return Labels(values=once(joined.values), kind=joined.kind)


def _check_alike(now: Parts, then: Parts) -> None:
    kinds = [
        {
            name: (type(column), _unit(column))
            for name, column in zip(each["names"], each["columns"], strict=True)
        }
        for each in (now, then)
    ]
    buyers = [each["buyer"] is not None for each in (now, then)]
    if kinds[0] != kinds[1] or buyers[0] != buyers[1]:
        raise OrdersError(
            "orders",
            "have other columns in each of the two tables",
            value=f"{sorted(now['names'])} and {sorted(then['names'])}",
            allowed="tables read alike",
            hint="Read both tables with the same columns and options",
        )


def _unit(column: Column) -> int:
    return 0 if isinstance(column, Categories) else column.unit


def _unlike_rows(now: Parts, left: RowArray, then: Parts, right: RowArray) -> FlagArray:
    unlike = _unlike_labels(now["member"].take(left), then["member"].take(right))
    if now["buyer"] is not None and then["buyer"] is not None:
        unlike |= _unlike_labels(now["buyer"].take(left), then["buyer"].take(right))
    others = dict(zip(then["names"], then["columns"], strict=True))
    same_rows = np.array_equal(left, right)
    for name, column in zip(now["names"], now["columns"], strict=True):
        if not (same_rows and column is others[name]):
            unlike |= _unlike(column.take(left), others[name].take(right))
    return unlike


def _unlike_labels(mine: Labels, theirs: Labels) -> FlagArray:
    unlike: FlagArray = (mine.values != theirs.values).astype(FLAG)
    if mine.null is not None or theirs.null is not None:
        empty = [
            np.zeros(len(each), dtype=FLAG) if each.null is None else each.null for each in (mine, theirs)
        ]
        unlike = np.where(empty[0] | empty[1], empty[0] != empty[1], unlike)
    return unlike


def _unlike(mine: Column, theirs: Column) -> FlagArray:
    if not isinstance(mine, Categories) or not isinstance(theirs, Categories):
        return np.not_equal(_values(mine), _values(theirs))
    place = {value: code for code, value in enumerate(theirs.values)}
    # The null code -1 picks the last entry, which stays -1.
    table = np.array([*(place.get(value, -2) for value in mine.values), -1], dtype=INDEX)
    return np.not_equal(table[mine.codes], theirs.codes)


def _values(column: Column) -> AnyArray:
    return column.codes if isinstance(column, Categories) else column.values
