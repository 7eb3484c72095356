"""Order tables as lists of records, with keys of every label type and amounts up to the bound."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

BOUND = 2**63 - 1

label_types = {
    "int": st.integers(-3, 9) | st.integers(-(2**63), BOUND),
    "str": st.text(alphabet="abz\u4e2d\U0001f600", max_size=3),
    "bytes": st.binary(max_size=2),
    "UUID": st.integers(0, 5).map(lambda number: uuid.UUID(int=number << 60)) | st.uuids(),
}
lines = st.integers(0, 3) | st.integers(-(2**63), BOUND)
minor_amounts = st.integers(0, 500) | st.sampled_from([BOUND - 1, BOUND]) | st.integers(0, BOUND)
instants = st.integers(0, 2**52).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))
local_days = st.dates(date(1985, 1, 1), date(2037, 12, 31))
zones = st.sampled_from(
    [
        "UTC",
        "Asia/Shanghai",
        "Asia/Kathmandu",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "America/St_Johns",
        "America/Havana",
        "Asia/Beirut",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Antarctica/Troll",
        "Pacific/Apia",
        "Pacific/Kwajalein",
    ]
)


@st.composite
def order_records(draw, *, order_ids=None, members=None, max_size=12, with_line=None):
    """Draw records with distinct keys: order_id, member and paid_minor always, the rest sometimes."""
    order_ids = label_types[draw(st.sampled_from(sorted(label_types)))] if order_ids is None else order_ids
    members = label_types[draw(st.sampled_from(sorted(label_types)))] if members is None else members
    has_line = draw(st.booleans()) if with_line is None else with_line
    key = st.tuples(order_ids, lines if has_line else st.just(0))
    keys = draw(st.lists(key, unique=True, max_size=max_size))
    records = []
    for order_id, line in keys:
        record = {
            "order_id": order_id,
            "member": draw(st.none() | members),
            "buyer": draw(st.none() | members),
            "paid_minor": draw(minor_amounts),
            "margin_minor": draw(minor_amounts.flatmap(lambda value: st.sampled_from([value, -value]))),
            "paid_at": draw(instants),
            "product": draw(st.none() | st.sampled_from(["tea", "pen", "cup"])),
            "quantity": draw(st.integers(0, 5)),
        }
        if has_line:
            record["line"] = line
        records.append(record)
    return records
