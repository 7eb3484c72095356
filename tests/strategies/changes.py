"""Sold lines and changes of them, small enough to meet often, with amounts at both ends now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

EPOCH = datetime(2026, 10, 1, tzinfo=UTC)
BOUND = 2**63 - 1
amounts = st.integers(0, 12) | st.integers(0, 1000)
large = st.sampled_from([BOUND, BOUND - 1, BOUND // 3]) | st.integers(0, BOUND)


@st.composite
def sold_lines(draw, *, values=amounts, max_orders=3):
    """Draw a dict of lines by (order_id, line)."""
    lines = {}
    for order_id in range(draw(st.integers(1, max_orders))):
        for line in draw(st.sampled_from([(0,), (4,), (0, 1), (3, 5, 8)])):
            lines[order_id, line] = {
                "paid": draw(values),
                "quantity": draw(st.integers(0, 4)),
                "margin": draw(values) * draw(st.sampled_from([1, -1])),
                "pv": draw(values),
                "price": draw(st.integers(0, 50)),
            }
    return lines


KINDS = ["refund"] * 5 + ["adjustment"] * 2 + ["cancellation", "chargeback"] + ["reinstatement"] * 2


def _optional(draw, strategy):
    return draw(st.none() | strategy)


@st.composite
def changes_of(draw, lines, *, values=amounts, max_size=5):
    """Draw changes of given lines: most of them fit, each by itself."""
    changes = []
    for _ in range(draw(st.integers(0, max_size))):
        key = draw(st.sampled_from(sorted(lines)))
        alone = sum(order == key[0] for order, _ in lines) == 1
        kind = draw(st.sampled_from(KINDS))
        at = draw(st.integers(0, 5))
        change = {
            "kind": kind,
            "order_id": key[0],
            "line": None if draw(st.sampled_from([True, False] if alone else [False])) else key[1],
            "at": EPOCH + timedelta(hours=at),
            "known_at": EPOCH + timedelta(hours=draw(st.sampled_from([at, at + 1, at + 4]))),
        }
        if kind == "refund":
            line = lines[key]
            change["paid"] = _optional(draw, st.integers(0, max(line["paid"] // 2, 1)))
            change["quantity"] = _optional(draw, st.integers(0, max(line["quantity"] // 2, 1)))
            if change["paid"] is not None:
                change["margin"] = _optional(draw, st.integers(-10, 10))
                change["pv"] = _optional(draw, st.integers(0, max(line["pv"] // 3, 1)))
        elif kind == "adjustment":
            change |= {
                "paid": draw(values),
                "quantity": _optional(draw, st.integers(0, 4)),
                "margin": _optional(draw, st.integers(-100, 100)),
                "pv": _optional(draw, values),
                "price": _optional(draw, st.integers(0, 50)),
            }
        if kind in {"cancellation", "chargeback", "reinstatement"} and draw(st.booleans()):
            change["line"] = None
        changes.append(change)
    return changes
