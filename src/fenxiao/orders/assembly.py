"""How a table of orders is put together: read, checked, put into canonical order, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np

from fenxiao._arrays import ROW, AnyArray, FlagArray, RowArray
from fenxiao._columns import Column, Input, Numbers, column_of
from fenxiao._labels import Labels, read_labels
from fenxiao._tables import Layout, empty_column, join_columns, key_order, read_columns
from fenxiao.errors import OrdersError

if TYPE_CHECKING:
    from collections.abc import Mapping

WHAT: Final = "orders"
_KEYS: Final = frozenset({"order_id", "line", "member", "buyer"})


class Parts(TypedDict):
    """The fields of a table of orders, checked and in canonical order."""

    order_id: Labels
    line: RowArray
    member: Labels
    buyer: Labels | None
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    layout: Layout
    input_row: RowArray | None
    order_of_row: RowArray | None
    start: RowArray | None


def read(raw: Mapping[str, Any], layout: Layout) -> Parts:
    """Read raw columns in the caller's row order, then put the rows into canonical order."""
    missing = [name for name in ("order_id", "member") if name not in raw]
    if missing:
        raise OrdersError(
            WHAT,
            "lack required columns",
            value=missing,
            allowed="order_id and member",
            hint="Give guests the member None",
        )
    columns = read_columns(raw, layout, reserved=_KEYS)
    if "quantity" in columns:
        columns["quantity"] = Numbers(_whole(columns["quantity"], "quantity", least=0))
    return arrange(
        order_id=_labels(raw["order_id"], "order_id", nullable=False),
        line=_line(raw["line"]) if "line" in raw else None,
        member=_labels(raw["member"], "member", nullable=True),
        buyer=_labels(raw["buyer"], "buyer", nullable=True) if "buyer" in raw else None,
        columns=columns,
        layout=layout,
        input_row=None,
    )


def _labels(values: Input, name: str, *, nullable: bool) -> Labels:
    return read_labels(values, thing=f"orders column {name!r}", error=OrdersError, nullable=nullable)


def _line(values: Input) -> RowArray:
    return _whole(
        column_of("line", values, thing="orders column 'line'", error=OrdersError), "line", least=None
    )


def _whole(column: Column, name: str, *, least: int | None) -> RowArray:
    """Return the integers of a column that has to hold some, none of them below `least`."""
    thing = f"orders column {name!r}"
    if not len(column):
        # An empty list does not tell what it would have held.
        return np.empty(0, dtype=ROW)
    if not isinstance(column, Numbers):
        raise OrdersError(
            thing,
            "does not hold integers",
            value=type(column).__name__,
            allowed="integers",
            hint="Convert the column to integers",
        )
    if least is not None and int(column.values.min()) < least:
        raise OrdersError(
            thing,
            "has values that are too small",
            rows=np.flatnonzero(column.values < least),
            allowed=f"{least} or more",
            hint="State returned goods as a refund (facts.refund)",
        )
    return column.values


def empty(layout: Layout) -> Parts:
    """Return a table without rows: ``paid`` and every column that the layout declares."""
    void = read_labels([], thing=WHAT)
    found = {name: empty_column(name, layout) for name in dict.fromkeys(["paid", *layout.declared])}
    return arrange(
        order_id=void,
        line=None,
        member=void,
        buyer=None,
        columns={name: column for name, column in found.items() if column is not None},
        layout=layout,
        input_row=None,
    )


def arrange(
    *,
    order_id: Labels,
    line: RowArray | None,
    member: Labels,
    buyer: Labels | None,
    columns: Mapping[str, Column],
    layout: Layout,
    input_row: RowArray | None,
) -> Parts:
    """Put rows into the order of (order_id, line) and find the rows of each order.

    `input_row` names the caller's rows, None where they are numbered as they stand.
    """
    order = key_order(
        order_id,
        line,
        input_row,
        thing=WHAT,
        key="(order_id, line)",
        hint="Drop the repeated rows, or number the lines of an order in a column 'line'",
    )
    if order is not None:
        order_id, member = order_id.take(order), member.take(order)
        buyer = None if buyer is None else buyer.take(order)
        line = None if line is None else line[order]
        columns = {name: column.take(order) for name, column in columns.items()}
        input_row = order if input_row is None else input_row[order]
    start, order_of_row = _groups(order_id)
    return Parts(
        order_id=order_id,
        line=np.broadcast_to(ROW(0), len(order_id)) if line is None else line,
        member=member,
        buyer=buyer,
        names=tuple(columns),
        columns=tuple(columns.values()),
        layout=layout,
        input_row=input_row,
        order_of_row=order_of_row,
        start=start,
    )


def _groups(order_id: Labels) -> tuple[RowArray | None, RowArray | None]:
    """Return where each order starts and the order of each row; None twice if rows are orders."""
    return _runs(order_id.values)


def _runs(values: AnyArray) -> tuple[RowArray | None, RowArray | None]:
    """Return where each run of equal values starts and the run of each value; None twice if all differ."""
    if len(values) < 2:
        return None, None
    begins = values[1:] != values[:-1]
    if begins.all():
        return None, None
    start = np.concatenate([[0], np.flatnonzero(begins) + 1, [len(values)]]).astype(ROW)
    order_of_row = np.zeros(len(values), dtype=ROW)
    np.cumsum(begins, out=order_of_row[1:])
    return start, order_of_row


def own_line(line: RowArray) -> RowArray | None:
    """Return the line numbers, None where the table was given none: zeros that take no memory."""
    return None if line.strides == (0,) else line


def take(parts: Parts, rows: AnyArray) -> Parts:
    """Return the given rows (row numbers or a mask) of a table, in canonical order."""
    chosen = np.asarray(rows)
    if chosen.dtype.kind != "b":
        chosen = chosen.astype(ROW)
    line, buyer = own_line(parts["line"]), parts["buyer"]
    return arrange(
        order_id=parts["order_id"].take(chosen),
        line=None if line is None else line[chosen],
        member=parts["member"].take(chosen),
        buyer=None if buyer is None else buyer.take(chosen),
        columns={
            name: column.take(chosen) for name, column in zip(parts["names"], parts["columns"], strict=True)
        },
        layout=parts["layout"],
        input_row=_caller_rows_of(parts, chosen),
    )


def kept(parts: Parts, keep: FlagArray | RowArray, fresh: Mapping[str, Column]) -> Parts:
    """Return a table of the rows that are kept, a mask or ascending numbers of them.

    Columns in `fresh` have just these rows already.
    """
    line, buyer, order_of_row = own_line(parts["line"]), parts["buyer"], parts["order_of_row"]
    order_id = parts["order_id"].take(keep)
    start, order_of_row = (None, None) if order_of_row is None else _runs(order_of_row[keep])
    return Parts(
        order_id=order_id,
        line=np.broadcast_to(ROW(0), len(order_id)) if line is None else line[keep],
        member=parts["member"].take(keep),
        buyer=None if buyer is None else buyer.take(keep),
        names=parts["names"],
        columns=tuple(
            fresh[name] if name in fresh else column.take(keep)
            for name, column in zip(parts["names"], parts["columns"], strict=True)
        ),
        layout=parts["layout"],
        input_row=_caller_rows_of(parts, keep),
        order_of_row=order_of_row,
        start=start,
    )


def same_people(parts: Parts, other: Parts) -> bool:
    """Return whether two tables have the very same keys, members and buyers, row by row."""
    return all(parts[name] is other[name] for name in ("order_id", "member", "buyer"))


def kept_beside(parts: Parts, rows: RowArray, other: Parts, taken: Parts) -> Parts:
    """Return rows of a table that `taken` has of another one with the same people, sharing columns of both.

    Parameters
    ----------
    rows : int64 [n], ascending
    """
    shared = {id(column): its for column, its in zip(other["columns"], taken["columns"], strict=True)}
    fresh = taken.copy()
    fresh["names"] = parts["names"]
    fresh["columns"] = tuple(
        shared[id(column)] if id(column) in shared else column.take(rows) for column in parts["columns"]
    )
    return fresh


def caller_rows(input_row: RowArray | None, length: int) -> RowArray:
    """Return the caller's row of each row, which is its own number where the table keeps none."""
    return np.arange(length, dtype=ROW) if input_row is None else input_row


def _caller_rows_of(parts: Parts, chosen: AnyArray) -> RowArray:
    """Return the caller's rows of some rows (row numbers or a mask), without numbering all of them."""
    rows = np.flatnonzero(chosen) if chosen.dtype.kind == "b" else chosen
    return rows if parts["input_row"] is None else parts["input_row"][rows]


def concat(first: Parts, second: Parts) -> Parts:
    """Return the rows of two tables as one, in canonical order."""
    for field, of_first, of_second in (
        ("columns", sorted(first["names"]), sorted(second["names"])),
        ("buyer", first["buyer"] is not None, second["buyer"] is not None),
        ("currency", first["layout"].currency, second["layout"].currency),
    ):
        if of_first != of_second:
            raise OrdersError(
                f"orders {field}",
                "differ between the two tables",
                value=f"{of_first} and {of_second}",
                allowed="tables read alike",
                hint="Read both tables with the same columns and options",
            )
    seconds = dict(zip(second["names"], second["columns"], strict=True))
    columns = {
        name: join_columns(column, seconds[name], thing=f"orders column {name!r}")
        for name, column in zip(first["names"], first["columns"], strict=True)
    }
    unnumbered = own_line(first["line"]) is None and own_line(second["line"]) is None
    buyers = first["buyer"], second["buyer"]
    return arrange(
        order_id=first["order_id"].joined(second["order_id"], thing="orders column 'order_id'"),
        line=None if unnumbered else np.concatenate([first["line"], second["line"]]),
        member=first["member"].joined(second["member"], thing="orders column 'member'"),
        buyer=None
        if buyers[0] is None or buyers[1] is None
        else buyers[0].joined(buyers[1], thing="orders column 'buyer'"),
        columns=columns,
        layout=first["layout"],
        input_row=_stacked_rows(first, second),
    )


def _stacked_rows(first: Parts, second: Parts) -> RowArray | None:
    """Return the caller's rows of two tables laid one below the other, None where they only count up."""
    upper, lower = first["input_row"], second["input_row"]
    if upper is None and lower is None:
        return None
    above = caller_rows(upper, len(first["order_id"]))
    below = caller_rows(lower, len(second["order_id"]))
    offset = int(above.max()) + 1 if len(above) else 0
    return np.concatenate([above, below + offset])
