"""Settlement periods: half-open ranges of local dates with one name each."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from fenxiao.errors import TimeError
from fenxiao.periods.zones import day_start, zone_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import FlagArray, InstantArray

_THING: Final = "period"
_ONE_DAY: Final = timedelta(days=1)
_KEYS_ALLOWED: Final = '"2026", "2026-10", "2026-W41", "2026-10-05" or "2026-10-01/2026-10-15"'
_DAY: Final = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_YEAR_KEY: Final = re.compile(r"([0-9]{4})")
_MONTH_KEY: Final = re.compile(r"([0-9]{4})-([0-9]{2})")
_WEEK_KEY: Final = re.compile(r"([0-9]{4})-W([0-9]{2})")
_DAY_KEY: Final = re.compile(_DAY)
_SPAN_KEY: Final = re.compile(f"{_DAY}/{_DAY}")


def _plain_date(value: object, thing: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TimeError(thing, "is not a date", value=value, allowed="datetime.date", hint="Drop the time")
    return value


def _kind_of(start: date, end: date) -> str:
    if end == start + _ONE_DAY:
        return "day"
    if end - start == 7 * _ONE_DAY and start.isoweekday() == 1:
        return "week"
    if start.day == 1 and end.day == 1:
        months = (end.year - start.year) * 12 + end.month - start.month
        if months == 1:
            return "month"
        if months == 12 and start.month == 1:
            return "year"
    return "span"


def _key_of(start: date, end: date, kind: str) -> str:
    if kind == "day":
        return start.isoformat()
    if kind == "week":
        iso = start.isocalendar()
        return f"{iso.year:04d}-W{iso.week:02d}"
    if kind == "month":
        return start.isoformat()[:7]
    if kind == "year":
        return start.isoformat()[:4]
    return f"{start.isoformat()}/{end.isoformat()}"


def period_key(on: date, kind: str) -> str:
    """Return the key of the day, ISO week, month or year that a date lies in.

    Examples
    --------
    >>> [period_key(date(2026, 1, 1), kind) for kind in ("day", "week", "month")]
    ['2026-01-01', '2026-W01', '2026-01']
    """
    return _key_of(on, on, kind)


@attrs.frozen(order=True)
class Period:
    """A half-open range of local dates: `start` is inside, `end` is not.

    One range has one name: a range that is exactly a calendar day, ISO week, month or year is called that,
    however it was made, so that equal periods always have equal keys.

    Parameters
    ----------
    start, end
        Dates; `start` is before `end`.

    Attributes
    ----------
    kind : str
        ``"day"``, ``"week"``, ``"month"``, ``"year"`` or ``"span"``.
    key : str
        ``"2026-10-05"``, ``"2026-W41"``, ``"2026-10"``, ``"2026"`` or ``"2026-10-01/2026-10-15"``.

    Raises
    ------
    TimeError
        An end is not a plain date, or the period would be empty.

    Examples
    --------
    >>> from datetime import date
    >>> october = Period(date(2026, 10, 1), date(2026, 11, 1))
    >>> print(october, october == month(2026, 10), october.next())
    2026-10 True 2026-11
    """

    start: date
    end: date
    kind: str = attrs.field(init=False, eq=False, repr=False)
    key: str = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the ends and name the range."""
        _plain_date(self.start, "period start")
        _plain_date(self.end, "period end")
        if self.start >= self.end:
            raise TimeError(
                f"{_THING} end",
                "is not after the start",
                value=self.end,
                allowed=f"a date after {self.start}",
                hint="The end is exclusive: give the first date that is no longer inside",
            )
        kind = _kind_of(self.start, self.end)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "key", _key_of(self.start, self.end, kind))

    @classmethod
    def between(cls, start: date, end: date) -> Period:
        """Return the period from `start` (inside) to `end` (outside).

        Examples
        --------
        >>> from datetime import date
        >>> Period.between(date(2026, 10, 1), date(2026, 10, 15)).key
        '2026-10-01/2026-10-15'
        """
        return cls(start, end)

    @classmethod
    def parse(cls, key: str) -> Period:
        """Return the period that has this key.

        Raises
        ------
        TimeError
            The text is not the key of a period.

        Examples
        --------
        >>> Period.parse("2026-W41") == week(2026, 41)
        True
        """
        if isinstance(key, str):
            for pattern, make in _MAKERS:
                match = pattern.fullmatch(key)
                if match:
                    return make(*(int(part) for part in match.groups()))
        raise TimeError(
            f"{_THING} key",
            "is not a period",
            value=key,
            allowed=_KEYS_ALLOWED,
            hint="Write it like one of these",
        )

    def __str__(self) -> str:
        """Return the key."""
        return self.key

    def instants(self, zone: str) -> tuple[int, int]:
        """Return the half-open range of instants that the period covers in an IANA zone.

        The range starts with the first instant of `start` there: at local midnight, at its first occurrence
        where the clock shows midnight twice, at the transition where midnight is skipped.

        Returns
        -------
        start_us, end_us : int
            Microseconds since 1970-01-01T00:00Z. They are equal only when the zone skips the whole date.

        Raises
        ------
        TimeError
            The zone is not known.

        Examples
        --------
        >>> day(1970, 1, 1).instants("Asia/Shanghai")
        (-28800000000, 57600000000)
        """
        found = zone_of(zone)
        return day_start(self.start, found), day_start(self.end, found)

    def contains(self, instants: InstantArray, zone: str) -> FlagArray:
        """Return which of the `instants` (int64 microseconds UTC) fall into the period in this zone.

        Examples
        --------
        >>> import numpy as np
        >>> day(1970, 1, 1).contains(np.array([-1, 0, 86_400_000_000]), "UTC").tolist()
        [False, True, False]
        """
        start, end = self.instants(zone)
        inside: FlagArray = (instants >= start) & (instants < end)
        return inside

    def next(self) -> Period:
        """Return the day, week, month or year after this one.

        Raises
        ------
        TimeError
            The period is a span without a calendar name, or nothing follows 9999.

        Examples
        --------
        >>> print(month(2026, 12).next())
        2027-01
        """
        return self._step(1)

    def previous(self) -> Period:
        """Return the day, week, month or year before this one.

        Raises
        ------
        TimeError
            The period is a span without a calendar name, or nothing comes before year 1.

        Examples
        --------
        >>> print(week(2026, 1).previous())
        2025-W52
        """
        return self._step(-1)

    def _step(self, by: int) -> Period:
        if self.kind == "month":
            number = self.start.year * 12 + self.start.month - 1 + by
            return month(number // 12, number % 12 + 1)
        if self.kind == "year":
            return year(self.start.year + by)
        if self.kind == "span":
            raise TimeError(
                _THING,
                "has no calendar neighbours",
                value=self.key,
                allowed="a day, week, month or year",
                hint="Name the neighbour with Period.between(start, end)",
            )
        length = self.end - self.start
        return _checked(lambda: Period(self.start + by * length, self.end + by * length), self.key)


def _checked(make: Callable[[], Period], value: object) -> Period:
    """Run a constructor and name the calendar as the culprit where `datetime` refuses the numbers."""
    try:
        if any(isinstance(part, bool) for part in (value if isinstance(value, tuple) else (value,))):
            raise TypeError(value)
        return make()
    except TimeError:
        raise
    except (ValueError, OverflowError, TypeError) as cause:
        raise TimeError(
            _THING,
            "is not in the calendar",
            value=value,
            allowed="existing dates from 0001-01-01 up to an end of 9999-12-31",
            hint=f"Keys look like {_KEYS_ALLOWED}",
        ) from cause


def day(year: int, month: int, day: int) -> Period:
    """Return one local date as a period.

    Raises
    ------
    TimeError
        There is no such date.

    Examples
    --------
    >>> print(day(2026, 10, 5))
    2026-10-05
    """
    return _checked(
        lambda: Period(date(year, month, day), date(year, month, day) + _ONE_DAY), (year, month, day)
    )


def week(year: int, week: int) -> Period:
    """Return an ISO week, Monday to Sunday; `year` is the ISO year, which may differ at the ends.

    Raises
    ------
    TimeError
        The ISO year has no such week.

    Examples
    --------
    >>> week(2026, 41).start.isoformat()
    '2026-10-05'
    """

    def make() -> Period:
        start = date.fromisocalendar(year, week, 1)
        return Period(start, start + 7 * _ONE_DAY)

    return _checked(make, (year, week))


def month(year: int, month: int) -> Period:
    """Return a calendar month.

    Raises
    ------
    TimeError
        There is no such month.

    Examples
    --------
    >>> month(2026, 10).end.isoformat()
    '2026-11-01'
    """
    return _checked(
        lambda: Period(date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)), (year, month)
    )


def year(year: int) -> Period:
    """Return a calendar year.

    Raises
    ------
    TimeError
        There is no such year.

    Examples
    --------
    >>> print(year(2026))
    2026
    """
    return _checked(lambda: Period(date(year, 1, 1), date(year + 1, 1, 1)), year)


def _span(*parts: int) -> Period:
    def make() -> Period:
        return Period(date(*parts[:3]), date(*parts[3:]))

    return _checked(make, parts)


_MAKERS: Final[tuple[tuple[re.Pattern[str], Callable[..., Period]], ...]] = (
    (_MONTH_KEY, month),
    (_WEEK_KEY, week),
    (_DAY_KEY, day),
    (_YEAR_KEY, year),
    (_SPAN_KEY, _span),
)
