"""How old orders are when money goes back: local dates, never less than nothing."""

from __future__ import annotations

import pytest

from fenxiao.corrections.ages import ages_of
from fenxiao.periods import to_instants

AGES = {
    "both ends are local": ("2026-01-01T17:00:00Z", "2026-01-02T17:00:00Z", "days", 1),
    "one local date": ("2026-01-01T17:00:00Z", "2026-01-02T15:00:00Z", "days", 0),
    "a month between local dates": ("2026-01-14T17:00:00Z", "2026-02-14T17:00:00Z", "months", 1),
    "a month less a day": ("2026-01-14T17:00:00Z", "2026-02-14T15:00:00Z", "months", 0),
    "a change that happened before the sale": ("2026-03-01T00:00:00Z", "2026-01-01T00:00:00Z", "days", 0),
    "the same in months": ("2026-03-01T00:00:00Z", "2026-01-01T00:00:00Z", "months", 0),
}


@pytest.mark.parametrize("name", AGES)
def test_ages_are_between_local_dates(name):
    """In Shanghai five in the afternoon of London is the next day."""
    since, until, unit, age = AGES[name]
    assert ages_of(to_instants([since]), to_instants([until]), "Asia/Shanghai", unit).tolist() == [age]
