"""Periods in local dates, and exact instants: microseconds since 1970-01-01T00:00Z.

A period is a half-open range of local dates. Which instants it covers depends on an IANA zone, which the
plan names; nothing here reads the clock or the machine's own zone.
"""

from __future__ import annotations

from fenxiao.periods.instants import to_instants
from fenxiao.periods.period import Period, day, month, period_key, week, year
from fenxiao.periods.zones import (
    EPOCH_DAY,
    anniversaries,
    day_start,
    local_days,
    months_after,
    years_of,
    zone_of,
)

__all__ = [
    "EPOCH_DAY",
    "Period",
    "anniversaries",
    "day",
    "day_start",
    "local_days",
    "month",
    "months_after",
    "period_key",
    "to_instants",
    "week",
    "year",
    "years_of",
    "zone_of",
]
