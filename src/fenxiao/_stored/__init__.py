"""What is stored between runs as plain data: how values are written and read, and the seal around them."""

from __future__ import annotations

from fenxiao._stored.codecs import (
    FLAGS,
    GROUPS,
    LABEL,
    LABELS,
    TEXT,
    TEXTS,
    Codec,
    each,
    fields_of,
    listed,
    mapped,
    optional,
    refused,
    table_of,
    whole,
    wholes,
)
from fenxiao._stored.sealing import seal, unseal

__all__ = [
    "FLAGS",
    "GROUPS",
    "LABEL",
    "LABELS",
    "TEXT",
    "TEXTS",
    "Codec",
    "each",
    "fields_of",
    "listed",
    "mapped",
    "optional",
    "refused",
    "seal",
    "table_of",
    "unseal",
    "whole",
    "wholes",
]
