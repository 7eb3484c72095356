"""`Margin`, `Cap` and `SourceLimit`: the limits of a plan, as data."""

from __future__ import annotations

from fenxiao.limits.cap import Cap
from fenxiao.limits.choices import (
    IN_ORDER,
    LEFTOVERS,
    ORDER_MARGIN,
    PERIOD_MARGIN,
    REASON_OF_SCOPE,
    RULES,
    SCOPES,
    WIDE,
    WINDOWS,
    Leftover,
    Rule,
    Scope,
    Window,
    anniversary,
    window_of,
)
from fenxiao.limits.margin import Margin
from fenxiao.limits.source import SourceLimit

__all__ = [
    "IN_ORDER",
    "LEFTOVERS",
    "ORDER_MARGIN",
    "PERIOD_MARGIN",
    "REASON_OF_SCOPE",
    "RULES",
    "SCOPES",
    "WIDE",
    "WINDOWS",
    "Cap",
    "Leftover",
    "Margin",
    "Rule",
    "Scope",
    "SourceLimit",
    "Window",
    "anniversary",
    "window_of",
]
