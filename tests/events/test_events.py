"""Events: canonical rows whatever order they came in, typed columns, every mistake named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao.errors import InputError, MoneyError, OrdersError, TimeError
from fenxiao.events import Events

AT = datetime(2026, 10, 5, 12, tzinfo=UTC)
BASE = {"kind": ["join", "service"], "member": ["SECRET-a", "SECRET-b"], "at": [AT, AT]}
event_records = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["join", "service", "task"]),
            "member": st.sampled_from(["ann", "bo", "cai"]),
            "counterparty": st.none() | st.sampled_from(["dee", ""]),
            "at": st.integers(0, 2).map(lambda hours: AT + timedelta(hours=hours)),
            "value": st.sampled_from(["0", "1.00", "2.50"]),
            "note": st.none() | st.sampled_from(["x", "y"]),
        }
    ),
    max_size=8,
)


def rows_of(events):
    """Return a table of events as plain rows."""
    return [
        {
            "member": events.member.value(row),
            "counterparty": None if events.counterparty is None else events.counterparty.value(row),
            **{name: events.column(name).value(row) for name in events.names},
        }
        for row in range(len(events))
    ]


@given(event_records, st.randoms(use_true_random=False))
def test_row_order_never_matters(records, random):
    """Shuffled events make the same table, in the order of time, kind, member, counterparty and the rest."""
    shuffled = list(records)
    random.shuffle(shuffled)
    rows = rows_of(Events.from_records(shuffled))
    assert rows == rows_of(Events.from_records(records))
    keys = [
        (row["at"], row["kind"], row["member"], row["counterparty"] is not None, row["counterparty"] or "")
        for row in rows
    ]
    assert keys == sorted(keys)


@given(event_records)
def test_values_and_callers_rows(records):
    """Every event keeps its values and knows the caller's row."""
    events = Events.from_records(records)
    numbers = range(len(records)) if events.input_row is None else events.input_row.tolist()
    assert sorted(numbers) == list(range(len(records)))
    for row, number in enumerate(numbers):
        record = records[number]
        assert events.kind.value(row) == record["kind"]
        assert events.member.value(row) == record["member"]
        assert events.counterparty is None or events.counterparty.value(row) == record["counterparty"]
        assert events.at.value(row) == record["at"]
        assert events.value.value(row) == Decimal(record["value"])
        assert events.column("note").value(row) == record["note"]


def test_optional_columns():
    """Counterparty, event_id and value are None where they are not given."""
    events = Events.from_columns(BASE)
    assert (events.counterparty, events.event_id, events.value, events.input_row) == (None, None, None, None)
    assert repr(events) == "Events(2 events; kind, at)"
    numbered = Events.from_columns({**BASE, "event_id": [2, 1], "kind": ["join", "join"], "member": [1, 1]})
    assert numbered.event_id.values.tolist() == [1, 2]
    assert numbered.input_row.tolist() == [1, 0]
    integers = Events.from_columns({**BASE, "kind": [2, 1], "value_minor": [5, 6]}, currency="JPY")
    assert (integers.kind.values, integers.value.values.tolist()) == ((1, 2), [6, 5])


def test_options_type_further_columns():
    """Options declare money, volumes, times and categories as they do for orders."""
    columns = {
        **BASE,
        "at": ["2026-10-05 12:00"] * 2,
        "pv": ["1.5", "2"],
        "seen": [AT, AT],
        "value": ["1", "2"],
    }
    events = Events.from_columns(
        columns, volumes={"pv": 1, "value": 0}, times=("seen",), zone="Asia/Shanghai"
    )
    assert events.amounts("pv").values.tolist() == [15, 20]
    assert events.value.decimals == 0
    assert events.instants("seen").value(0) == AT
    assert events.at.value(0) == AT - timedelta(hours=8)


def test_empty_tables():
    """No events make a table with the known columns and those that options declare."""
    for events in (Events.empty(volumes={"pv": 2}), Events.from_records([], volumes={"pv": 2})):
        assert (len(events), events.names) == (0, ("at", "kind", "value", "pv"))
        assert len(events.kind) == len(events.at) == len(events.value) == len(events.amounts("pv")) == 0


def test_equal_events_count_twice():
    """Without ids two equal events are two facts."""
    record = {"kind": "task", "member": 1, "at": AT, "value": "1.00"}
    assert len(Events.from_records([record, record])) == 2


READ = Events.from_columns
REFUSED = {
    "no columns": (lambda: READ({"member": [1]}), OrdersError, "lack required columns", ()),
    "null member": (lambda: READ({**BASE, "member": ["SECRET", None]}), OrdersError, "missing labels", (1,)),
    "null kind": (lambda: READ({**BASE, "kind": ["join", None]}), OrdersError, "missing values", (1,)),
    "kind of flags": (lambda: READ({**BASE, "kind": [True, False]}), OrdersError, "not a category", ()),
    "id twice": (
        lambda: READ({**BASE, "event_id": ["SECRET"] * 2}),
        OrdersError,
        "event_id more than once",
        (0, 1),
    ),
    "naive": (
        lambda: READ({**BASE, "at": ["2026-10-05 12:00"] * 2}),
        TimeError,
        "events column 'at'",
        (0, 1),
    ),
    "int value": (lambda: READ({**BASE, "value": [1, 2]}), MoneyError, "events column 'value'", None),
    "negative value": (lambda: READ({**BASE, "value": ["1", "-2"]}), MoneyError, "negative", (1,)),
    "unknown option": (lambda: READ(BASE, zones="UTC"), OrdersError, "not known", ()),
    "no column": (lambda: READ(BASE).column("value"), OrdersError, "no such column", ()),
    "no amount": (lambda: READ(BASE).amounts("kind"), OrdersError, "is not an amount", ()),
    "no time": (lambda: READ(BASE).instants("kind"), OrdersError, "is not a time", ()),
    "label unit": (lambda: READ({**BASE, "member_minor": [1, 2]}), OrdersError, "a unit", ()),
    "one dict": (lambda: Events.from_records(BASE), OrdersError, "are not records", ()),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistakes_are_named(case):
    """Each mistake is a typed error with rows, what is allowed and a next step, and without any label."""
    make, error, problem, rows = REFUSED[case]
    with pytest.raises(InputError) as caught:
        make()
    assert type(caught.value) is error
    assert problem in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert rows is None or caught.value.rows == rows
    assert caught.value.allowed
    assert caught.value.hint


def test_events_are_read_only():
    """Neither attributes nor arrays of a table of events can be written."""
    events = READ({**BASE, "at": [AT, AT - timedelta(1)]})
    with pytest.raises(AttributeError):
        events.names = ()
    for array in (events.at.values, events.member.values, events.input_row, events.kind.codes):
        assert not array.flags.writeable
    assert isinstance(events.input_row, np.ndarray)
