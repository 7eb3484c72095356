"""A table of orders the slow way: a sorted list of dicts."""

from __future__ import annotations


def canonical(records):
    """Return records in the order of (order_id, line), each with the row it came from."""
    numbered = [{"line": 0, **record, "row": row} for row, record in enumerate(records)]
    return sorted(numbered, key=lambda record: (record["order_id"], record["line"]))


def shared_keys(first, second):
    """Return the (order_id, line) keys that two lists of records share."""
    keys = [
        {(record["order_id"], record.get("line", 0)) for record in records} for records in (first, second)
    ]
    return keys[0] & keys[1]
