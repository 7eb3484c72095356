"""Columns of times: aware ones as they are, naive ones by a zone, everything else refused."""

# ruff: noqa: DTZ001  # naive times are what is tested here.

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fenxiao.errors import TimeError
from fenxiao.periods import day_start, to_instants, zone_of
from tests.oracles.periods import first_instant_of, instants_showing, microseconds
from tests.strategies.orders import local_days, zones

aware = st.datetimes(
    datetime(1, 1, 3),
    datetime(9999, 12, 29),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(seconds=-12345))]),
)
# Wall-clock times around the clock changes of the zones in use, besides arbitrary ones.
wall_clock = st.builds(
    lambda day, seconds, us: (
        datetime(day.year, day.month, day.day) + timedelta(seconds=seconds, microseconds=us)
    ),
    local_days
    | st.sampled_from(
        [
            *(
                date(2026, 3, 29),
                date(2026, 10, 25),
                date(2018, 11, 4),
                date(2018, 2, 17),
                date(2011, 12, 30),
            ),
            *(date(2006, 10, 28), date(2006, 10, 29), date(2026, 4, 5), date(2026, 10, 4), date(1993, 8, 21)),
        ]
    ),
    st.integers(0, 4 * 3600) | st.integers(0, 86_399),
    st.sampled_from([0, 1, 999_999]),
)
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 10, 5, 12, tzinfo=SHANGHAI)
NOON_US = microseconds(NOON)


@given(st.lists(aware, max_size=6))
def test_aware_times_keep_their_meaning(times):
    """Aware times become their instant, as objects and as ISO text, whatever zone is given."""
    expected = [microseconds(time) for time in times]
    for zone in (None, "America/New_York"):
        assert to_instants(times, zone=zone).tolist() == expected
        assert to_instants([time.isoformat() for time in times], zone=zone).tolist() == expected
        assert to_instants(np.array(times, dtype=object), zone=zone).tolist() == expected


@given(st.lists(wall_clock, max_size=6), zones)
@example([datetime(2026, 3, 29, 2, 30)], "Europe/Berlin")
@example([datetime(2026, 10, 25, 2, 30)], "Europe/Berlin")
@example([datetime(2026, 10, 25, 1, 59, 59), datetime(2026, 10, 25, 3)], "Europe/Berlin")
@example([datetime(2018, 11, 4, 0, 30)], "America/Sao_Paulo")
@example([datetime(2011, 12, 30, 12)], "Pacific/Apia")
@settings(max_examples=60, deadline=None)
def test_naive_times_are_read_off_the_zones_clock(times, zone):
    """A naive time is the one instant at which the clock shows it; shown twice or never, it is refused."""
    shown = [instants_showing(time, zone) for time in times]
    forms = [times, [time.isoformat() for time in times], np.array(times, dtype="datetime64[us]")]
    wrong = [row for row, instants in enumerate(shown) if len(instants) != 1]
    for form in forms:
        if not wrong:
            assert to_instants(form, zone=zone).tolist() == [instants[0] for instants in shown]
            continue
        with pytest.raises(TimeError) as caught:
            to_instants(form, zone=zone)
        assert set(caught.value.rows) <= set(wrong)
        assert "clock of" in str(caught.value)


@given(st.lists(local_days, min_size=1, max_size=5), zones)
@settings(max_examples=15, deadline=None)
def test_dates_mean_the_start_of_the_local_day(days, zone):
    """With a zone a plain date is the first instant of that date there, in every form of date."""
    expected = [first_instant_of(day, zone) for day in days]
    assert to_instants(days, zone=zone).tolist() == expected
    assert to_instants([day.isoformat() for day in days], zone=zone).tolist() == expected
    assert to_instants(np.array(days, dtype="datetime64[D]"), zone=zone).tolist() == expected
    assert to_instants(list(np.array(days, dtype="datetime64[D]")), zone=zone).tolist() == expected


def test_forms_of_one_column_agree():
    """Lists, object arrays, pandas and polars columns of the same times give the same instants."""
    times = [NOON + timedelta(hours=hours, microseconds=3) for hours in range(4)]
    naive = [time.replace(tzinfo=None) for time in times]
    expected = [NOON_US + 3 + hours * 3_600_000_000 for hours in range(4)]
    series = pd.Series(times)
    for form in (
        times,
        tuple(times),
        series,
        pd.DatetimeIndex(series),
        series.dt.as_unit("ns"),
        series.astype("datetime64[ms, Asia/Shanghai]") + pd.Timedelta(microseconds=3),
        np.asarray(series, dtype=object),
        pl.Series(times),
        pl.Series(naive).dt.replace_time_zone("Asia/Shanghai"),
        list(series),
        np.array([time.isoformat() for time in times]),
    ):
        assert to_instants(form).tolist() == expected
    for form in (naive, pd.Series(naive), pl.Series(naive), np.array(naive, dtype="datetime64[ns]")):
        assert to_instants(form, zone="Asia/Shanghai").tolist() == expected
    assert to_instants([np.datetime64(time) for time in naive], zone="Asia/Shanghai").tolist() == expected


def test_one_list_may_mix_forms():
    """Aware, naive, date and text cells of one list are each read by their own rule."""
    mixed = [NOON, datetime(2026, 10, 5, 12), date(2026, 10, 5), "2026-10-05T04:00:00Z", "20261005"]
    midnight = NOON_US - 12 * 3_600_000_000
    expected = [NOON_US, NOON_US, midnight, NOON_US, midnight]
    assert to_instants(mixed, zone="Asia/Shanghai").tolist() == expected


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps"])
def test_every_unit_is_read(unit):
    """A datetime64 column of any unit is floored to the microsecond, before 1970 too."""
    column = np.array(["1969-12-31T23:59:59.999999999", "1970-01-01"], dtype="datetime64[ns]")
    column = column.astype(f"datetime64[{unit}]")
    expected = column.astype("datetime64[us]").astype("int64").tolist()
    assert to_instants(column, zone="UTC").tolist() == expected
    assert to_instants(list(column), zone="UTC").tolist() == expected


@pytest.mark.parametrize("empty", [[], (), np.array([]), np.array([], dtype="datetime64[us]"), pd.Series([])])
def test_no_times_are_no_instants(empty):
    """A column without rows is read whatever its type, and needs no zone."""
    assert to_instants(empty).tolist() == []
    assert to_instants(empty).dtype == np.int64


def test_many_rows_on_a_day_of_transition():
    """A long column over a clock change agrees with reading each of its times alone."""
    start = np.datetime64("2026-03-28T00:00:00", "us")
    steps = start + np.arange(0, 3 * 86_400, 7).astype("timedelta64[s]")
    skipped = (steps >= np.datetime64("2026-03-29T02:00")) & (steps < np.datetime64("2026-03-29T03:00"))
    column = steps[~skipped]
    zone = ZoneInfo("Europe/Berlin")
    sample = slice(None, None, 97)
    expected = [microseconds(time.replace(tzinfo=zone)) for time in column[sample].tolist()]
    assert to_instants(column, zone="Europe/Berlin")[sample].tolist() == expected
    with pytest.raises(TimeError) as caught:
        to_instants(steps, zone="Europe/Berlin")
    assert caught.value.rows == tuple(np.flatnonzero(skipped).tolist())


REFUSED = {
    "naive": ([NOON, datetime(2026, 10, 5)], {}, (1,), "without a zone"),
    "naive column": (np.array(["2026-10-05T12:00"] * 2, dtype="datetime64[s]"), {}, (0, 1), "without a zone"),
    "naive text": (["2026-10-05T12:00:00"], {}, (0,), "without a zone"),
    "date": ([date(2026, 10, 5)], {}, (0,), "without a zone"),
    "date text": (["2026-10-05"], {}, (0,), "without a zone"),
    "date column": (np.array(["2026-10-05"], dtype="datetime64[D]"), {}, (0,), "without a zone"),
    "none": ([NOON, None, pd.NaT, pd.NA, float("nan"), np.datetime64("NaT")], {}, (1, 2, 3, 4, 5), "missing"),
    "not a time": (np.array(["2026", "NaT"], dtype="datetime64[us]"), {"zone": "UTC"}, (1,), "missing"),
    "mask": (np.ma.masked_array(["2026"], [True], dtype="datetime64[s]"), {"zone": "UTC"}, (0,), "missing"),
    "pandas hole": (pd.Series([NOON, None]), {}, (1,), "missing"),
    "polars hole": (pl.Series([NOON, None]), {}, (1,), "missing"),
    "text": (["noon", "2026-13-01T00:00:00Z", NOON], {}, (0, 1), "not an ISO date"),
    "short text": ([""], {}, (0,), "not an ISO date"),
    "number": ([NOON, 5, 5.5, b"2026"], {}, (1, 2, 3), "not a time"),
    "integers": (np.array([5]), {"zone": "UTC"}, (), "not times"),
    "floats": (np.array([5.0]), {"zone": "UTC"}, (), "not times"),
    "durations": (np.array([5], dtype="timedelta64[s]"), {"zone": "UTC"}, (), "not times"),
    "far future": (np.array([0, 10**6], dtype="datetime64[Y]"), {"zone": "UTC"}, (1,), "years 1 to 9999"),
    "before year 1": (
        np.array([-(10**17)], dtype="datetime64[us]"),
        {"zone": "UTC"},
        (0,),
        "years 1 to 9999",
    ),
    "far cell": ([np.datetime64(10**6, "Y")], {"zone": "UTC"}, (0,), "years 1 to 9999"),
    "square": (np.zeros((2, 2), dtype="datetime64[us]"), {"zone": "UTC"}, (), "not a column"),
    "scalar": (NOON, {}, (), "not a column"),
    "text scalar": ("2026-10-05T12:00:00Z", {}, (), "not a column"),
    "twice": ([datetime(2026, 10, 25, 2, 30)], {"zone": "Europe/Berlin"}, (0,), "shown twice"),
    "never": ([NOON, datetime(2026, 3, 29, 2, 30)], {"zone": "Europe/Berlin"}, (1,), "never shown"),
    "zone": ([NOON], {"zone": "Nowhere"}, (), "not known"),
    "zone kind": ([NOON], {"zone": 8}, (), "not text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_names_no_instant_is_refused(case):
    """Each mistake is a typed error that names the column, every row concerned and the next step."""
    values, options, rows, problem = REFUSED[case]
    with pytest.raises(TimeError) as caught:
        to_instants(values, **options, thing="orders column 'paid_at'")
    text = str(caught.value)
    assert problem in text
    assert caught.value.rows == rows
    assert text.startswith(("orders column 'paid_at': ", "zone: "))
    assert "; allowed: " in text


def test_the_naive_refusal_names_the_next_step():
    """The message about naive times shows how to pass a zone."""
    with pytest.raises(TimeError, match=r'zone="Asia/Shanghai"'):
        to_instants(["2026-10-05T12:00:00"])


def test_ambiguity_that_an_offset_resolves():
    """An ambiguous time is accepted as soon as it carries its offset."""
    both = ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]
    first, second = to_instants(both, zone="Europe/Berlin").tolist()
    assert second - first == 3_600_000_000


def test_day_start_takes_the_first_of_two_midnights():
    """Where the clock shows midnight twice the day starts at the first."""
    havana = zone_of("America/Havana")
    assert day_start(date(2023, 11, 5), havana) == microseconds(datetime(2023, 11, 5, 4, tzinfo=UTC))


def test_a_tzinfo_without_an_offset_is_naive():
    """A time whose zone does not know its offset counts as naive."""

    class Unsure(type(UTC).__base__):
        def utcoffset(self, when):
            return None

    with pytest.raises(TimeError, match="without a zone"):
        to_instants([datetime(2026, 10, 5, tzinfo=Unsure())])
