"""Periods: one name a range, neighbours, half-open instants."""

from __future__ import annotations

import calendar
import pickle
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fenxiao.errors import TimeError
from fenxiao.periods import Period, day, month, months_after, to_instants, week, year
from tests.oracles.periods import first_instant_of
from tests.strategies.orders import local_days, zones

DAY = timedelta(days=1)
dates = st.dates(date(1, 1, 1), date(9998, 12, 31))


@pytest.mark.parametrize(
    ("period", "key", "kind", "start", "end"),
    [
        (month(2026, 10), "2026-10", "month", date(2026, 10, 1), date(2026, 11, 1)),
        (month(2026, 12), "2026-12", "month", date(2026, 12, 1), date(2027, 1, 1)),
        (month(2024, 2), "2024-02", "month", date(2024, 2, 1), date(2024, 3, 1)),
        (week(2026, 41), "2026-W41", "week", date(2026, 10, 5), date(2026, 10, 12)),
        (week(2026, 53), "2026-W53", "week", date(2026, 12, 28), date(2027, 1, 4)),
        (week(1, 1), "0001-W01", "week", date(1, 1, 1), date(1, 1, 8)),
        (day(2026, 10, 5), "2026-10-05", "day", date(2026, 10, 5), date(2026, 10, 6)),
        (year(2026), "2026", "year", date(2026, 1, 1), date(2027, 1, 1)),
        (year(1), "0001", "year", date(1, 1, 1), date(2, 1, 1)),
        (
            Period.between(date(2026, 10, 1), date(2026, 10, 15)),
            "2026-10-01/2026-10-15",
            "span",
            date(2026, 10, 1),
            date(2026, 10, 15),
        ),
        (
            Period.between(date(2026, 1, 1), date(2026, 4, 1)),
            "2026-01-01/2026-04-01",
            "span",
            date(2026, 1, 1),
            date(2026, 4, 1),
        ),
        (
            Period.between(date(2026, 7, 1), date(2027, 7, 1)),
            "2026-07-01/2027-07-01",
            "span",
            date(2026, 7, 1),
            date(2027, 7, 1),
        ),
        (
            Period.between(date(2026, 10, 6), date(2026, 10, 13)),
            "2026-10-06/2026-10-13",
            "span",
            date(2026, 10, 6),
            date(2026, 10, 13),
        ),
    ],
)
def test_named_periods(period, key, kind, start, end):
    """Each constructor gives the calendar's dates, the documented key and kind."""
    assert (period.key, str(period), period.kind, period.start, period.end) == (key, key, kind, start, end)
    assert Period.parse(key) == period


@given(dates, st.integers(1, 800))
@example(date(2026, 1, 1), 365)
@example(date(2026, 2, 1), 28)
@example(date(2026, 10, 5), 7)
@example(date(2026, 10, 5), 1)
def test_equal_ranges_have_equal_keys(start, length):
    """A period is its range: parsing the key gives it back, and no other range has that key."""
    if start + length * DAY > date(9999, 12, 31):
        return
    period = Period.between(start, start + length * DAY)
    assert Period.parse(period.key) == period
    assert Period.parse(period.key).key == period.key
    assert hash(Period.parse(period.key)) == hash(period)
    assert pickle.loads(pickle.dumps(period)) == period


@given(dates, st.sampled_from(["day", "week", "month", "year"]))
def test_neighbours_touch_and_come_back(start, kind):
    """The next period starts where this one ends, has the same kind, and its previous one is this one."""
    iso = start.isocalendar()
    made = {
        "day": lambda: day(start.year, start.month, start.day),
        "week": lambda: week(iso.year, iso.week),
        "month": lambda: month(start.year, start.month),
        "year": lambda: year(start.year),
    }[kind]()
    if made.end >= date(9998, 12, 1):
        return
    following = made.next()
    assert following.start == made.end
    assert following.kind == kind
    assert following.previous() == made
    assert made < following


def test_periods_sort_by_start_then_end():
    """Periods are ordered by their start, then by their end."""
    periods = [month(2026, 11), year(2026), month(2026, 10), day(2026, 10, 1)]
    assert [period.key for period in sorted(periods)] == ["2026", "2026-10-01", "2026-10", "2026-11"]


def test_period_is_frozen():
    """No attribute of a period can be set."""
    with pytest.raises(AttributeError):
        month(2026, 10).start = date(2026, 1, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: month(2026, 13),
        lambda: month(2026, 0),
        lambda: month(0, 1),
        lambda: month(9999, 12),
        lambda: month(2026, "10"),
        lambda: week(2025, 53),
        lambda: week(2026, 0),
        lambda: week(9999, 52),
        lambda: week("2026", 1),
        lambda: day(2026, 2, 29),
        lambda: day(9999, 12, 31),
        lambda: day(2026, 2, None),
        lambda: year(0),
        lambda: year(9999),
        lambda: year(10**30),
        lambda: month(9999, 11).next(),
        lambda: month(1, 1).previous(),
        lambda: year(1).previous(),
        lambda: year(9998).next(),
        lambda: day(9999, 12, 30).next(),
        lambda: day(1, 1, 1).previous(),
        lambda: week(1, 1).previous(),
        lambda: Period.between(date(2026, 1, 1), date(2026, 1, 15)).next(),
        lambda: Period.between(date(2026, 1, 1), date(2026, 1, 15)).previous(),
        lambda: Period.between(date(2026, 1, 2), date(2026, 1, 2)),
        lambda: Period.between(date(2026, 1, 2), date(2026, 1, 1)),
        lambda: Period.between(datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 2)),
        lambda: Period.between(date(2026, 1, 1), "2026-01-02"),
        lambda: Period.parse("2026-W54"),
        lambda: Period.parse("2025-W53"),
        lambda: Period.parse("2026-13"),
        lambda: Period.parse("2026-02-30"),
        lambda: Period.parse("2026-02-30/2026-03-01"),
        lambda: Period.parse("2026-03-01/2026-02-01"),
        lambda: Period.parse("0000"),
        lambda: Period.parse("２０２６"),
        lambda: Period.parse("2026-1"),
        lambda: Period.parse(" 2026"),
        lambda: Period.parse("2026\n"),
        lambda: Period.parse(""),
        lambda: Period.parse(None),
        lambda: Period.parse(2026),
        lambda: month(2026, 1).instants("Nowhere/Land"),
        lambda: month(2026, 1).instants("Asia"),
        lambda: month(2026, 1).instants("../Asia/Shanghai"),
        lambda: month(2026, 1).instants(""),
        lambda: month(2026, 1).instants(None),
        lambda: month(2026, 1).instants("zone\0"),
    ],
)
def test_what_is_no_period_is_refused(make):
    """Dates outside the calendar, empty ranges and unknown zones are typed errors with a next step."""
    with pytest.raises(TimeError) as caught:
        make()
    assert "; allowed: " in str(caught.value)
    assert ". " in str(caught.value)


@given(local_days, zones)
@example(date(2018, 11, 4), "America/Sao_Paulo")
@example(date(2017, 10, 15), "America/Sao_Paulo")
@example(date(2018, 2, 18), "America/Sao_Paulo")
@example(date(2011, 12, 30), "Pacific/Apia")
@example(date(2011, 12, 31), "Pacific/Apia")
@example(date(1993, 8, 21), "Pacific/Kwajalein")
@example(date(2006, 10, 29), "America/St_Johns")
@example(date(2006, 4, 2), "America/St_Johns")
@example(date(2021, 3, 28), "Asia/Beirut")
@example(date(2014, 8, 1), "Africa/Cairo")
@example(date(1919, 3, 31), "America/Toronto")
@example(date(1972, 1, 7), "Africa/Monrovia")
@example(date(2023, 11, 5), "America/Havana")
@example(date(2023, 3, 12), "America/Havana")
@settings(max_examples=25, deadline=None)
def test_a_day_starts_with_its_first_instant(start, zone):
    """A period starts at the first instant whose local date is not before its start date."""
    period = Period.between(start, start + DAY)
    assert period.instants(zone) == (first_instant_of(start, zone), first_instant_of(start + DAY, zone))


def test_a_date_that_the_zone_skips_is_empty():
    """Apia had no 30 December 2011: that day holds no instant and its neighbours touch."""
    start, end = day(2011, 12, 30).instants("Pacific/Apia")
    assert start == end == day(2011, 12, 29).instants("Pacific/Apia")[1]


@given(st.integers(1, 9998), st.integers(1, 12), zones)
def test_consecutive_periods_leave_no_gap(number, which, zone):
    """One month ends at the instant at which the next one starts."""
    assert month(number, which).instants(zone)[1] == month(number, which).next().instants(zone)[0]


@given(zones, st.integers(-1, 1))
def test_contains_is_half_open(zone, shift):
    """The first instant is inside, the one before it and the end are not."""
    period = month(2026, 10)
    start, end = period.instants(zone)
    inside = period.contains(np.array([start + shift, end + shift]), zone)
    assert inside.tolist() == [shift >= 0, shift < 0]
    assert inside.dtype == bool


def test_contains_agrees_with_the_local_date():
    """An instant is in a month exactly if its date on the zone's clock is."""
    # Shanghai is eight hours ahead: its 1 November begins at 16:00 UTC on 31 October.
    times = [f"2026-10-31T{hour:02d}:00:00Z" for hour in range(24)]
    inside = month(2026, 10).contains(to_instants(times), "Asia/Shanghai")
    assert inside.tolist() == [hour < 16 for hour in range(24)]


@pytest.mark.parametrize(
    "make",
    [lambda: day(True, 1, 1), lambda: month(2026, True), lambda: week(2026, True), lambda: year(True)],
    ids=["day", "month", "week", "year"],
)
def test_truth_values_are_no_dates(make):
    """True is neither the first month nor the year 1."""
    with pytest.raises(TimeError, match="calendar"):
        make()


@given(st.dates(date(1900, 1, 1), date(2999, 12, 31)), st.integers(0, 600))
def test_months_later_are_those_of_the_calendar(start, months):
    """The same day of a later month, or its last one."""
    number = start.year * 12 + start.month - 1 + months
    later, in_year = number // 12, number % 12 + 1
    wanted = date(later, in_year, min(start.day, calendar.monthrange(later, in_year)[1]))
    days = np.array([(start - date(1970, 1, 1)).days])
    assert months_after(days, months).tolist() == [(wanted - date(1970, 1, 1)).days]
