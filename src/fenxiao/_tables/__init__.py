"""Tables of facts: records or frames read into labels, typed columns and a canonical row order."""

from __future__ import annotations

from fenxiao._tables.keys import key_order, ranks, rows_of, same_keys
from fenxiao._tables.layout import (
    Layout,
    TableOptions,
    empty_column,
    join_columns,
    layout_of,
    read_columns,
    stem,
)
from fenxiao._tables.sources import columns_of_frame, columns_of_records

__all__ = [
    "Layout",
    "TableOptions",
    "columns_of_frame",
    "columns_of_records",
    "empty_column",
    "join_columns",
    "key_order",
    "layout_of",
    "ranks",
    "read_columns",
    "rows_of",
    "same_keys",
    "stem",
]
