"""The slow twin of plan versions: a linear search over dates."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo


def place_at(starts, end, zone, instant):
    """Return the place of the last start that is not after the instant's local date; None outside.

    `starts` are dates in ascending order, `instant` microseconds since 1970.
    """
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=instant)
    local = moment.astimezone(ZoneInfo(zone)).date()
    if end is not None and local >= end:
        return None
    found = None
    for place, start in enumerate(starts):
        if start <= local:
            found = place
    return found


def parts_of(starts, end, first, last):
    """Return (place, first date, date after the last) of the parts of a range of dates, day by day."""
    parts, date = [], first
    while date < last:
        place = max(place for place, start in enumerate(starts) if start <= date)
        assert end is None or date < end
        after = date + dt.timedelta(days=1)
        if parts and parts[-1][0] == place:
            parts[-1] = (place, parts[-1][1], after)
        else:
            parts.append((place, date, after))
        date = after
    return parts
