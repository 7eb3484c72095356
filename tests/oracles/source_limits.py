"""The slow twin of source limits: line after line, with dates and Python's integers."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from math import floor


def window_of(window, day, joined):
    """Return what the state calls the window that a date falls into.

    Parameters
    ----------
    window : "lifetime", "year" or "anniversary"
    day, joined : datetime.date
    """
    if window == "year":
        return str(day.year)
    return "lifetime" if window == "lifetime" else f"anniversary {anniversaries(joined, day)}"


def anniversaries(joined, day):
    """Count the anniversaries of joining up to a date, one after the other."""
    number = 0
    while anniversary(joined, number + 1) <= day:
        number += 1
    return number


def anniversary(joined, number):
    """Return an anniversary: 29 February has 28 February where there is none."""
    try:
        return joined.replace(year=joined.year + number)
    except ValueError:
        return date(joined.year + number, 3, 1) - timedelta(days=1)


def counted_slowly(lines, share, limit_of, window, joined, used):
    """Return what counts of each line, by (order_id, line); `used` grows by what counts.

    Parameters
    ----------
    lines : dicts with order_id, line, member (None for guests), paid (minor units), at (datetime)
    share : Fraction of paid that counts
    limit_of : minor units by member
    window : as `window_of`, or "period": then nothing is used before
    joined : date by member
    used : minor units by (window, member), which earlier periods left
    """
    counts, used = {}, {} if window == "period" else used
    for line in sorted(lines, key=lambda line: (line["at"], line["order_id"], line["line"])):
        worth = floor(share * Fraction(line["paid"]))
        member = line["member"]
        if member is not None:
            name = "" if window == "period" else window_of(window, line["at"].date(), joined[member])
            left = limit_of[member] - used.get((name, member), 0)
            worth = min(worth, max(left, 0))
            used[name, member] = used.get((name, member), 0) + worth
        counts[line["order_id"], line["line"]] = worth
    return counts
