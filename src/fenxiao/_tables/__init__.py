"""Tables of facts: records or frames read into labels, typed columns and a canonical row order."""

from __future__ import annotations

from fenxiao._tables.keys import key_order, ranks, rows_of, same_keys
from fenxiao._tables.labels import Label, Labels, labels_of, readonly_or_none, unmasked
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
    "Label",
    "Labels",
    "Layout",
    "TableOptions",
    "columns_of_frame",
    "columns_of_records",
    "empty_column",
    "join_columns",
    "key_order",
    "labels_of",
    "layout_of",
    "ranks",
    "read_columns",
    "readonly_or_none",
    "rows_of",
    "same_keys",
    "stem",
    "unmasked",
]
