"""Zones the slow way: walk the zone's clock minute by minute and look."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def microseconds(instant: datetime) -> int:
    """Return microseconds since 1970-01-01T00:00Z of an aware time."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def first_instant_of(day: date, zone: str) -> int:
    """Return the first instant at which the zone's clock shows `day` or a later date."""
    clock = ZoneInfo(zone)
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=28)
    while instant.astimezone(clock).date() < day:
        instant += MINUTE
    while (instant - SECOND).astimezone(clock).date() >= day:
        instant -= SECOND
    return microseconds(instant)


def instants_showing(local: datetime, zone: str) -> list[int]:
    """Return every instant at which the zone's clock shows the wall-clock time `local`."""
    clock = ZoneInfo(zone)
    near = [local.replace(tzinfo=UTC) + timedelta(hours=hours) for hours in range(-30, 31)]
    offsets = {instant.astimezone(clock).utcoffset() for instant in near}
    found = {local.replace(tzinfo=UTC) - offset for offset in offsets}
    return sorted(
        microseconds(instant) for instant in found if instant.astimezone(clock).replace(tzinfo=None) == local
    )
