"""Columns of times: anything that names an instant, to int64 microseconds since 1970-01-01T00:00Z."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from fenxiao._arrays import FLAG, INSTANT
from fenxiao.errors import TimeError, class_name
from fenxiao.periods.zones import (
    DAY_SECONDS,
    DAY_US,
    EPOCH_DAY,
    SECOND_US,
    day_start,
    localise,
    naive_us,
    zone_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from fenxiao._arrays import AnyArray, FlagArray, InstantArray, RowArray

TimesLike: TypeAlias = Any
"""A list, array or frame column of times; `to_instants` finds out which."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_US: Final = timedelta(microseconds=1)
_DATE_TEXT: Final = 10
"""The length of the longest ISO text without a time."""
_EARLIEST: Final = np.datetime64("0001-01-01T00:00:00.000000", "us")
_LATEST: Final = np.datetime64("9999-12-31T23:59:59.999999", "us")
_COARSE_UNITS: Final = frozenset({"Y", "M", "W", "D", "h", "m", "s", "ms", "us"})
_DATE_UNITS: Final = frozenset({"Y", "M", "W", "D"})
_OUTSIDE: Final = "lies outside the years 1 to 9999"
_TIMES: Final = "datetime, ISO text, date or datetime64, in the years 1 to 9999"
_ALLOWED: Final = "times with an offset, or naive times together with a zone"
_ZONE_HINT: Final = 'Pass zone="Asia/Shanghai" (or another IANA name), or give every time its offset'

_AWARE, _NAIVE, _DATE = 0, 1, 2


def to_instants(values: TimesLike, *, zone: str | None = None, thing: str = "times") -> InstantArray:
    """Return a column of times as instants.

    Parameters
    ----------
    values
        A list or column of `datetime` objects, ISO texts (``"2026-10-05T12:00:00+08:00"``) or
        ``datetime64``, also from a pandas or polars frame. Aware times keep their meaning whatever `zone`
        is. Anything finer than a microsecond is floored.
    zone
        IANA name of the zone whose clock naive times were read from. A plain date then means the start of
        that local date.
    thing
        What to call the column in messages.

    Returns
    -------
    int64 [n]
        Microseconds since 1970-01-01T00:00Z.

    Raises
    ------
    TimeError
        A time is missing, naive without a zone, shown twice or never by the zone's clock, out of the years
        1 to 9999, or not a time at all.

    Examples
    --------
    >>> to_instants(["1970-01-01T08:00:00.000001+08:00"]).tolist()
    [1]
    >>> to_instants(["1970-01-01 09:00"], zone="Asia/Shanghai").tolist()
    [3600000000]
    """
    found = None if zone is None else zone_of(zone)
    if np.ma.is_masked(values):
        raise _missing(np.flatnonzero(np.ma.getmaskarray(values)), thing)
    if not isinstance(values, (list, tuple)):
        aware = _is_aware_column(values)
        array = _as_array(values, thing)
        if not len(array):
            return np.empty(0, dtype=INSTANT)
        if array.dtype.kind == "M":
            return _from_datetime64(array, found, thing, aware=aware)
        values = array.tolist() if array.dtype.kind in "OU" else _refuse_dtype(array, thing)
    return _from_objects(values, found, thing)


def _is_aware_column(values: TimesLike) -> bool:
    """Say whether a frame's column carries a zone, in which case its ``datetime64`` values are UTC."""
    dtype = getattr(values, "dtype", None) or getattr(values, "type", None)
    return (getattr(dtype, "tz", None) or getattr(dtype, "time_zone", None)) is not None


def _as_array(values: TimesLike, thing: str) -> AnyArray:
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "tz", None) is not None:
        # A pandas column with a zone turns into objects unless it is asked for its UTC values.
        values = values.to_numpy(dtype="datetime64[us]")
    array = np.asarray(values)
    if array.ndim != 1:
        raise TimeError(thing, "is not a column", value=array.shape, allowed="one dimension")
    return array


def _refuse_dtype(array: AnyArray, thing: str) -> list[Any]:
    raise TimeError(
        thing,
        "holds numbers or other things that are not times",
        value=str(array.dtype),
        allowed=_ALLOWED,
        hint='Seconds since 1970 become times by numpy.asarray(column, "datetime64[s]") and zone="UTC"',
    )


def _missing(rows: RowArray | list[int], thing: str) -> TimeError:
    return TimeError(
        thing, "has missing times", rows=rows, allowed=_ALLOWED, hint="Leave these rows out or fill them in"
    )


def _outside_calendar(array: AnyArray) -> FlagArray:
    """Return which times lie outside the years 1 to 9999, compared in the column's own unit."""
    if np.datetime_data(array.dtype)[0] not in _COARSE_UNITS:
        return np.zeros(len(array), dtype=FLAG)
    outside: FlagArray = (array < _EARLIEST.astype(array.dtype)) | (array > _LATEST.astype(array.dtype))
    return outside


def _from_datetime64(array: AnyArray, zone: ZoneInfo | None, thing: str, *, aware: bool) -> InstantArray:
    missing = np.isnat(array)
    if missing.any():
        raise _missing(np.flatnonzero(missing), thing)
    outside = _outside_calendar(array)
    if outside.any():
        raise _unreadable(_OUTSIDE, np.flatnonzero(outside), thing)
    local: InstantArray = array.astype("datetime64[us]").view(INSTANT)
    if aware:
        return local
    if zone is None:
        raise _naive(range(len(local)), thing)
    if np.datetime_data(array.dtype)[0] in _DATE_UNITS:
        return _date_starts(local // DAY_US, zone)
    return _localised(local, np.arange(len(local)), zone, thing)


def _naive(rows: Iterable[int], thing: str) -> TimeError:
    return TimeError(thing, "has times without a zone", rows=rows, allowed=_ALLOWED, hint=_ZONE_HINT)


def _date_starts(days: InstantArray, zone: ZoneInfo) -> InstantArray:
    distinct, where = np.unique(days, return_inverse=True)
    starts = [day_start(date.fromordinal(EPOCH_DAY + number), zone) for number in distinct.tolist()]
    column: InstantArray = np.array(starts, dtype=INSTANT)[where]
    return column


def _localised(local: InstantArray, rows: RowArray, zone: ZoneInfo, thing: str) -> InstantArray:
    """Return the instants of naive times; `rows` are the caller's row numbers of these times."""
    instants, ambiguous, skipped = localise(local, zone)
    for wrong, problem in ((ambiguous, "shown twice"), (skipped, "never shown")):
        if wrong.any():
            raise TimeError(
                thing,
                f"has times that are {problem} by the clock of {zone.key}",
                rows=rows[wrong],
                allowed="times that name one instant",
                hint="Give these times their offset, for example 2026-10-05T12:00:00+08:00",
            )
    return instants


def _from_objects(values: list[Any] | tuple[Any, ...], zone: ZoneInfo | None, thing: str) -> InstantArray:
    if len(values) == 1 and isinstance(values[0], datetime) and values[0].tzinfo is UTC:
        # One order at the checkout: spare the bookkeeping of a column.
        return np.array([(values[0] - _EPOCH) // _ONE_US], dtype=INSTANT)
    read: list[tuple[int, int]] = []
    wrong: dict[str, list[int]] = {}
    missing: list[int] = []
    for row, value in enumerate(values):
        if is_missing(value):
            missing.append(row)
            continue
        found = _read_one(value)
        if isinstance(found, str):
            wrong.setdefault(found, []).append(row)
        else:
            read.append(found)
    if missing:
        raise _missing(missing, thing)
    for problem, rows in wrong.items():
        first = values[rows[0]]
        raise _unreadable(problem, rows, thing, first if isinstance(first, str) else class_name(first))
    if not read:
        return np.empty(0, dtype=INSTANT)
    kinds, instants = np.array(read, dtype=INSTANT).T
    local = np.flatnonzero(kinds != _AWARE)
    if len(local):
        if zone is None:
            raise _naive(local, thing)
        naive, dated = np.flatnonzero(kinds == _NAIVE), np.flatnonzero(kinds == _DATE)
        instants[naive] = _localised(instants[naive], naive, zone, thing)
        instants[dated] = _date_starts(instants[dated], zone)
    return np.ascontiguousarray(instants)


def _unreadable(problem: str, rows: Iterable[int], thing: str, *value: str) -> TimeError:
    shown = {"value": value[0]} if value else {}
    hint = "Convert these cells, for example to datetime.datetime with an offset"
    return TimeError(thing, problem, rows=rows, allowed=_TIMES, hint=hint, **shown)


def is_missing(value: object) -> bool:
    """Say whether a cell is empty: None, or one of the not-a-time and not-available objects of frames."""
    if value is None:
        return True
    if type(value).__name__ in {"NaTType", "NAType"}:
        return True
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return isinstance(value, float) and value != value  # only NaN differs from itself.


def _read_one(value: object) -> tuple[int, int] | str:
    """Return how to read a cell and its number (instant, wall clock or local day), or what is wrong."""
    if isinstance(value, str):
        try:
            # An ISO text with a time is longer than one of a date alone.
            value = (date if len(value) <= _DATE_TEXT else datetime).fromisoformat(value)
        except ValueError:
            return "holds text that is not an ISO date and time"
    elif isinstance(value, np.datetime64):
        column = value.reshape(1)
        if _outside_calendar(column).any():
            return _OUTSIDE
        local = int(column.astype("datetime64[us]").view(INSTANT)[0])
        is_date = np.datetime_data(value.dtype)[0] in _DATE_UNITS
        return (_DATE, local // DAY_US) if is_date else (_NAIVE, local)
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            return _NAIVE, naive_us(value)
        since = value - _EPOCH
        return _AWARE, (since.days * DAY_SECONDS + since.seconds) * SECOND_US + since.microseconds
    if isinstance(value, date):
        return _DATE, value.toordinal() - EPOCH_DAY
    return "holds something that is not a time"
