"""Plain lines and changes as the tables of the library, and back."""

from __future__ import annotations

from fenxiao.changes import Changes
from fenxiao.orders import Orders

OPTIONS = {"volumes": {"pv": 0}, "unit": "minor", "unit_prices": ("price",)}
NAMES = ("paid", "quantity", "margin", "pv", "price")


def orders_of(lines, **extra):
    """Return plain lines as a table of orders."""
    records = [
        {"order_id": order_id, "line": line, "member": "bo", **values, **extra}
        for (order_id, line), values in lines.items()
    ]
    return Orders.from_records(records, **OPTIONS)


def changes_table(changes):
    """Return plain changes as a table."""
    return Changes.from_records(changes, **OPTIONS)


def lines_of(orders):
    """Return a table of orders as plain lines."""
    columns = {name: orders.column(name).values.tolist() for name in NAMES}
    keys = zip(orders.order_id.values.tolist(), orders.line.tolist(), strict=True)
    return {key: {name: columns[name][row] for name in NAMES} for row, key in enumerate(keys)}
