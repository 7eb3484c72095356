"""Typed columns of facts: the kinds, and how a kind is inferred from what the caller hands in."""

from fenxiao._columns.inference import column_of
from fenxiao._columns.kinds import (
    Amounts,
    Categories,
    Column,
    Days,
    Flags,
    Input,
    Instants,
    Numbers,
    Ranks,
    Rows,
)

__all__ = [
    "Amounts",
    "Categories",
    "Column",
    "Days",
    "Flags",
    "Input",
    "Instants",
    "Numbers",
    "Ranks",
    "Rows",
    "column_of",
]
