"""One time, as callers write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fenxiao.errors import TimeError, what
from fenxiao.periods import to_instants

if TYPE_CHECKING:
    from fenxiao.periods.instants import TimesLike


def instant_of(time: TimesLike, zone: str | None, thing: str) -> int:
    """Return one time in microseconds since 1970-01-01T00:00Z.

    >>> instant_of("1970-01-01T00:00:00.000001Z", None, "as_of")
    1
    """
    if isinstance(time, list | tuple) or getattr(time, "ndim", False):
        raise TimeError(thing, what(time), allowed="one time, such as a datetime or an ISO text")
    return int(to_instants([time], zone=zone, thing=thing)[0])
