"""How old orders are when money goes back: whole days or calendar months between local dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import MINOR, MinorArray
from fenxiao.periods.zones import local_days, months_between

if TYPE_CHECKING:
    from fenxiao._arrays import InstantArray


def ages_of(since: InstantArray, until: InstantArray, zone: str, unit: str) -> MinorArray:
    """Return whole days or months from one local date to another (int64 [n]), 0 where it comes first.

    A month is over on the same date of the next one; where that does not have the date, on its last one.

    Parameters
    ----------
    since, until : int64 [n], microseconds since 1970-01-01T00:00Z
    zone : IANA zone of the dates
    unit : ``"days"`` or ``"months"``

    Examples
    --------
    >>> from fenxiao.periods import to_instants
    >>> one, other = to_instants(["2026-01-31T00:00:00Z"]), to_instants(["2026-02-28T09:00:00Z"])
    >>> ages_of(one, other, "UTC", "days").tolist(), ages_of(one, other, "UTC", "months").tolist()
    ([28], [1])
    """
    first, last = local_days(since, zone), local_days(until, zone)
    age = last - first if unit == "days" else months_between(first, last)
    return np.asarray(np.maximum(age, 0), dtype=MINOR)
