"""IANA zones: where a local date begins, and local times turned into instants column by column."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from fenxiao._arrays import DATE, FLAG, INSTANT, MONTH
from fenxiao.errors import TimeError

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray, InstantArray, RowArray

SECOND_US: Final = 1_000_000
DAY_SECONDS: Final = 86_400
DAY_US: Final = DAY_SECONDS * SECOND_US
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MONTHS: Final = 12
_EPOCH_YEAR: Final = 1970

_THING: Final = "zone"
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # local wall-clock times are naive by nature.
_ONE_US: Final = timedelta(microseconds=1)
_TABLE_DAYS: Final = 1 << 22
"""Every day a `datetime` can name fits a table of this length."""


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA zone called `name`.

    Raises
    ------
    TimeError
        The name is not text, or no such zone is known.

    Examples
    --------
    >>> zone_of("Asia/Shanghai").key
    'Asia/Shanghai'
    """
    hint = 'Write an IANA name, for example zone="Asia/Shanghai" or zone="UTC"'
    if not isinstance(name, str):
        raise TimeError(_THING, "is not text", value=name, allowed="an IANA zone name", hint=hint)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as cause:
        raise TimeError(_THING, "is not known", value=name, allowed="an IANA zone name", hint=hint) from cause


def naive_us(local: datetime) -> int:
    """Return the microseconds between 1970-01-01T00:00 and a wall-clock time, whatever the zone."""
    return (local.replace(tzinfo=None) - _EPOCH) // _ONE_US


def _offsets_us(local: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """Return the UTC offset before and after, should a transition make `local` ambiguous or skip it.

    The two agree at ordinary times; the first is larger at a repeated time, smaller at a skipped one.
    """
    first = local.replace(tzinfo=zone, fold=0).utcoffset()
    second = local.replace(tzinfo=zone, fold=1).utcoffset()
    return (first or timedelta()) // _ONE_US, (second or timedelta()) // _ONE_US


def day_start(local_date: date, zone: ZoneInfo) -> int:
    """Return the instant at which `local_date` begins: the first one that is on that date or later.

    A repeated midnight counts at its first occurrence. Where midnight is skipped the day begins with the
    transition; a date that the zone skips altogether is empty.

    Examples
    --------
    >>> from datetime import date
    >>> day_start(date(1970, 1, 2), zone_of("Asia/Shanghai")) // 3_600_000_000
    16
    """
    midnight = datetime(local_date.year, local_date.month, local_date.day)  # noqa: DTZ001  # wall-clock time
    before, after = _offsets_us(midnight, zone)
    if before >= after:
        return naive_us(midnight) - before
    # Midnight is skipped: look for the first skipped second, which is where the clock jumped.
    low, high = -(after - before) // SECOND_US, 0
    while high - low > 1:
        middle = (low + high) // 2
        first, second = _offsets_us(midnight + timedelta(seconds=middle), zone)
        low, high = (low, middle) if first < second else (middle, high)
    return naive_us(midnight) + high * SECOND_US - before


def localise(local_us: InstantArray, zone: ZoneInfo) -> tuple[InstantArray, FlagArray, FlagArray]:
    """Turn wall-clock times of `zone` into instants.

    Parameters
    ----------
    local_us : int64 [n]
        Microseconds of the wall clock, years 1 to 9999.
    zone
        The zone whose clock it is.

    Returns
    -------
    instants : int64 [n]
        Where a time is ambiguous or skipped the value means nothing.
    ambiguous, skipped : bool [n]
        Times that the zone's clock shows twice, or never.

    Notes
    -----
    Days without a transition get one offset each. On the other days every distinct second is looked up, so
    the work in Python does not grow with the rows.
    """
    ambiguous = np.zeros(len(local_us), dtype=FLAG)
    skipped = np.zeros(len(local_us), dtype=FLAG)
    if not len(local_us):
        return local_us, ambiguous, skipped
    days = local_us // DAY_US
    first_day = int(days.min())
    days -= first_day
    present = np.zeros(int(days.max()) + 1, dtype=FLAG)
    present[days] = True
    offset = np.zeros(len(present), dtype=INSTANT)
    moving = np.zeros(len(present), dtype=FLAG)
    for number in np.flatnonzero(present).tolist():
        offset[number], moving[number] = _day_offset(first_day + number, zone)
    instants: InstantArray = local_us - np.take(offset, days)
    if moving.any():
        rows = np.flatnonzero(np.take(moving, days))
        _localise_seconds(local_us, zone, rows, instants, ambiguous, skipped)
    return instants, ambiguous, skipped


def _day_offset(number: int, zone: ZoneInfo) -> tuple[int, bool]:
    """Return a local day's UTC offset and whether the offset moves in the course of the day."""
    noon = datetime.fromordinal(EPOCH_DAY + number) + timedelta(hours=12)
    first, last = noon - timedelta(hours=12), noon + timedelta(hours=12) - _ONE_US
    seen = {*_offsets_us(first, zone), *_offsets_us(noon, zone), *_offsets_us(last, zone)}
    return next(iter(seen)), len(seen) > 1


def _localise_seconds(
    local_us: InstantArray,
    zone: ZoneInfo,
    rows: RowArray,
    instants: InstantArray,
    ambiguous: FlagArray,
    skipped: FlagArray,
) -> None:
    """Look up every distinct second of `rows`; transitions fall on whole seconds."""
    seconds, where = np.unique(local_us[rows] // SECOND_US, return_inverse=True)
    pairs = np.array(
        [_offsets_us(_EPOCH + timedelta(seconds=second), zone) for second in seconds.tolist()], dtype=INSTANT
    )
    before, after = pairs[where, 0], pairs[where, 1]
    instants[rows] = local_us[rows] - before
    ambiguous[rows] = before > after
    skipped[rows] = before < after


def local_days(instants: InstantArray, zone: str) -> InstantArray:
    """Return the local dates of instants, as days since 1970-01-01.

    A date begins where `day_start` says, so that periods and dates never disagree.

    Examples
    --------
    >>> local_days(np.array([0, 57_600_000_000]), "Asia/Shanghai").tolist()
    [0, 1]
    """
    if not len(instants):
        return instants
    found = zone_of(zone)
    days = instants // DAY_US
    first = int(days.min()) - 1
    present = np.zeros(int(days.max()) - first + 2, dtype=FLAG)
    # No clock is more than a day ahead of or behind UTC.
    for shift in range(3):
        present[days - (first + 1) + shift] = True
    listed = np.flatnonzero(present) + first
    listed = listed[(listed >= 1 - EPOCH_DAY) & (listed <= date.max.toordinal() - EPOCH_DAY)]
    starts = [day_start(date.fromordinal(EPOCH_DAY + number), found) for number in listed.tolist()]
    place = np.searchsorted(np.array(starts, dtype=INSTANT), instants, side="right")
    # Before the first date that there is stands the day before it.
    local: InstantArray = np.concatenate(([listed[0] - 1], listed)).astype(INSTANT)[place]
    return local


def months_after(days: InstantArray, months: int | InstantArray) -> InstantArray:
    """Return dates so many calendar months later, as days since 1970-01-01.

    A month that has no such day gives its last one.

    Examples
    --------
    >>> january_31, march_1 = 30, 59
    >>> months_after(np.array([january_31, march_1]), 1).tolist()
    [58, 90]
    """
    dates = days.astype(DATE)
    month = dates.astype(MONTH)
    into = (dates - month.astype(DATE)).astype(INSTANT)
    start, end = ((month + months + more).astype(DATE).astype(INSTANT) for more in (0, 1))
    after: InstantArray = np.minimum(start + into, end - 1)
    return after


def months_between(first: InstantArray, last: InstantArray) -> InstantArray:
    """Return how many whole calendar months later the last dates are, as `months_after` counts them.

    Examples
    --------
    >>> january_31, february_28, march_30 = 30, 58, 88
    >>> months_between(np.array([january_31, january_31]), np.array([february_28, march_30])).tolist()
    [1, 1]
    """
    number, since = (days.astype(DATE).astype(MONTH).astype(INSTANT) for days in (last, first))
    months = number - since
    whole: InstantArray = months - (months_after(first, months) > last)
    return whole


def anniversaries(first: InstantArray, last: InstantArray) -> InstantArray:
    """Return how many anniversaries of the first dates have come by the last ones, 0 before the first.

    That of 29 February is 28 February where there is none, as `months_after` counts.

    Examples
    --------
    >>> days = lambda *dates: np.array(dates, dtype="datetime64[D]").astype(np.int64)
    >>> anniversaries(
    ...     days("2024-02-29"), days("2024-01-01", "2025-02-27", "2025-02-28", "2028-02-28")
    ... ).tolist()
    [0, 0, 1, 3]
    """
    whole: InstantArray = np.maximum(months_between(first, last) // _MONTHS, 0)
    return whole


def years_of(days: InstantArray) -> InstantArray:
    """Return the calendar years of dates.

    Examples
    --------
    >>> years_of(np.array([-1, 0, 365])).tolist()
    [1969, 1970, 1971]
    """
    years: InstantArray = days.astype(DATE).astype(MONTH).astype(INSTANT) // _MONTHS + _EPOCH_YEAR
    return years
