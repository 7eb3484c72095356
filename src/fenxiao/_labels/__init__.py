"""Labels of members, orders and products: how a column of them is read, kept and searched."""

from __future__ import annotations

from fenxiao._labels.column import LABEL, Label, Labels, array_of_kind, readonly_or_none
from fenxiao._labels.lookup import (
    LabelTable,
    ascending,
    label_bytes,
    label_table,
    order_of_labels,
    rank_of_labels,
)
from fenxiao._labels.reading import ALLOWED, Labelled, read_labels, unmasked
from fenxiao._labels.values import plain_label

__all__ = [
    "ALLOWED",
    "LABEL",
    "Label",
    "LabelTable",
    "Labelled",
    "Labels",
    "array_of_kind",
    "ascending",
    "label_bytes",
    "label_table",
    "order_of_labels",
    "plain_label",
    "rank_of_labels",
    "read_labels",
    "readonly_or_none",
    "unmasked",
]
