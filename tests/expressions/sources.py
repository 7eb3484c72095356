"""Hand-made sources of columns, so that expressions are tested without tree and settlement."""

from __future__ import annotations

import datetime as dt

import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR
from fenxiao._columns import Amounts, Categories, Days, Flags, Numbers

EPOCH = dt.date(1970, 1, 1)


def column_of(kind, values, decimals=2):
    """Return a column of a kind from Python values; money and volumes in minor units, None for a null."""
    if kind == "flags":
        return Flags(np.array(values, dtype=FLAG))
    if kind == "numbers":
        return Numbers(np.array(values, dtype=MINOR))
    if kind == "amounts":
        return Amounts(np.array(values, dtype=MINOR), decimals)
    if kind == "days":
        return Days(np.array([(day - EPOCH).days for day in values], dtype=MINOR))
    distinct = sorted({value for value in values if value is not None})
    codes = [-1 if value is None else distinct.index(value) for value in values]
    return Categories(np.array(codes, dtype=INDEX), tuple(distinct))


class Columns:
    """Columns by name; stands for order lines as well as for members.

    `table` maps a name to (kind, Python values) or (kind, Python values, decimals); `orders` gives the order
    of each line, `firsts` whether the line's order is the buyer's first, `own` columns of own volumes.
    """

    def __init__(self, table, *, decimals=2, orders=None, firsts=None, own=None):
        self.columns = {name: column_of(*entry) for name, entry in table.items()}
        self.decimals = decimals
        self.orders = orders
        self.firsts = firsts
        self.volumes = {name: column_of(*entry) for name, entry in (own or {}).items()}

    @property
    def size(self):
        return len(next(iter(self.columns.values())))

    def column(self, name):
        return self.columns[name]

    member_column = column

    def told(self, name, member):
        return ""

    def measure(self, measure):
        return self.volumes[measure.name]

    def amounts_of(self, name):
        column = self.columns[name]
        values = column.values
        bound = max((abs(int(value)) for value in values), default=0)
        return values, column.decimals if isinstance(column, Amounts) else 0, bound

    def order_sum(self, values):
        sums = {}
        for order, value in zip(self.orders, values.tolist(), strict=True):
            sums[order] = sums.get(order, 0) + value
        return np.array([sums[order] for order in self.orders], dtype=MINOR)

    def first_orders(self):
        return np.array(self.firsts, dtype=FLAG)
