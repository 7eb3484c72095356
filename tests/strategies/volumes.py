"""Order lines, measures, conditions and ladders as the plain data that both the library and its twin read."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

DECIMALS = {"paid": 2, "margin": 2, "pv": 1, "quantity": None}
VOLUMES = ("pv", "pv", "paid", "margin", "quantity", "orders")
SHARES = ("50%", "1/3", "100%", "1%", "2/7", "60%")
SIGNS = ("at_least", "at_least", "at_least", "above", "at_most", "below", "is")
NAMES = ("silver", "gold", "jade", "ruby")
GRADES = ("a", "b", "c")


@st.composite
def lines(draw, members, month=1, max_size=8, high=6):
    """Draw order lines of one month: several lines an order, guests, losses, small amounts."""
    keys = draw(
        st.lists(st.tuples(st.integers(1, 5), st.integers(0, 2)), unique=True, min_size=1, max_size=max_size)
    )
    people = st.none() | st.sampled_from(sorted(members)) if members else st.none()
    found = []
    days = {}
    for order_id, line in keys:
        day = days.setdefault(order_id, draw(st.integers(1, 28)))
        found.append(
            {
                "order_id": month * 100 + order_id,
                "line": line,
                "member": draw(people),
                "buyer": draw(people),
                "paid": draw(st.integers(0, high)) * 50,
                "margin": draw(st.integers(-high, high)) * 50,
                "pv": draw(st.integers(0, high)) * 5,
                "quantity": draw(st.integers(0, 3)),
                "kind": draw(st.sampled_from(["retail", "own"])),
                "product": draw(st.none() | st.sampled_from(["tea", "pen"])),
                "customer": draw(st.none() | st.sampled_from(["x", "y", "z"])),
                "day": dt.date(2026, month, day),
                "late": draw(st.booleans()),
            }
        )
    return [line | {"late": found[0]["late"]} for line in found]


@st.composite
def columns(draw, members):
    """Draw what is given of each member."""
    return {
        member: {
            "grade": draw(st.sampled_from(GRADES)),
            "joined": dt.date(2025, 12, 25) + dt.timedelta(days=draw(st.integers(0, 60))),
        }
        for member in members
    }


def unit_of(measure):
    """Return a measure's decimals, None for counts."""
    if isinstance(measure, str):
        return DECIMALS.get(measure)
    kind = next(iter(measure))
    return None if kind in ("distinct", "frontline", "legs", "ratio") else unit_of(measure[kind])


def written(draw, unit, low=-1):
    """Draw a threshold as plans write it."""
    number = draw(st.integers(low, 14))
    if unit is None:
        return number
    text = f"{abs(number) // 2}.{5 * (number % 2)}"
    return f"-{text}" if number < 0 else text


@st.composite
def own_volumes(draw):
    """Draw own volumes and counts of orders or of customers."""
    where = draw(
        st.sampled_from(
            [None, None, None, {"kind": ["retail"]}, {"product": ["tea"]}, {"minimum": {"paid": "3.00"}}]
        )
    )
    extra = {} if where is None else {"where": where}
    if draw(st.integers(0, 5)) == 0:
        return {"distinct": draw(st.sampled_from(["customer", "buyer", "product"])), **extra}
    if draw(st.integers(0, 5)) == 0:
        extra["first_days"] = draw(st.integers(1, 40))
    return {"own": draw(st.sampled_from(VOLUMES)), **extra}


@st.composite
def measures(draw, below, depth=2, windows=True, compared=False):
    """Draw a measure; `below` draws conditions on members of the downline."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(own_volumes())
    kinds = ["organisation", "downline", "group", "rolled_up", "leg", "other_legs", "frontline", "legs"]
    kinds += ["window"] * windows + ["balanced", "ratio"] * compared
    kind = draw(st.sampled_from(kinds))
    if kind in ("frontline", "legs"):
        return {kind: draw(st.none() | below)}
    if kind == "ratio":
        part = draw(measures(below, depth - 1, windows))
        unit = unit_of(part)
        whole = draw(measures(below, depth - 1, windows).filter(lambda measure: unit_of(measure) == unit))
        return {"ratio": [part, whole]}
    if kind == "window":  # a window does not look at a window
        below = joined(columns_hold())
    inner = draw(st.sampled_from(VOLUMES) | measures(below, depth - 1, windows and kind != "window"))
    return {kind: inner} | draw_options(draw, kind, inner, below)


def draw_options(draw, kind, inner, below):
    """Draw what else a measure says."""
    if kind in ("organisation", "downline"):
        depth = draw(st.none() | st.integers(int(kind == "downline"), 3))
        return {} if depth is None else {"depth": depth}
    if kind == "group":
        given = draw(st.sampled_from([("breaks",), ("breaks_at",), ("breaks", "breaks_at")]))
        found = {"breaks": lambda: draw(below), "breaks_at": lambda: written(draw, unit_of(inner), low=0)}
        return {name: found[name]() for name in given}
    if kind == "rolled_up":
        return {"to": draw(below)}
    if kind == "leg":
        return {"k": draw(st.integers(1, 3))} | draw(st.sampled_from([{}, {"own_leg": False}]))
    if kind == "other_legs":
        return draw(st.sampled_from([{}, {"own_leg": False}]))
    if kind == "balanced":
        return {"per_leg": draw(st.sampled_from(SHARES))}
    return {"periods": draw(st.integers(1, 3)), "how": draw(st.sampled_from(["sum", "least"]))}


@st.composite
def comparisons(draw, below, depth=2, windows=True):
    """Draw a measure against a value."""
    measure = draw(measures(below, depth, windows, compared=True))
    if "balanced" in measure:
        return measure | {"at_least": written(draw, unit_of(measure))}
    if "ratio" in measure:
        return measure | {draw(st.sampled_from(SIGNS)): draw(st.sampled_from(["0%", "50%", "1/3", "100%"]))}
    if draw(st.integers(0, 7)) == 0:
        return measure | {"in": [written(draw, unit_of(measure)) for _ in range(2)]}
    return measure | {draw(st.sampled_from(SIGNS)): written(draw, unit_of(measure))}


def joined(leaves):
    """Draw conditions made of others."""
    return st.recursive(
        leaves,
        lambda parts: st.one_of(
            st.lists(parts, min_size=1, max_size=3).map(lambda each: {"all": each}),
            st.lists(parts, min_size=1, max_size=3).map(lambda each: {"any": each}),
            parts.map(lambda part: {"not": part}),
        ),
        max_leaves=3,
    )


@st.composite
def columns_hold(draw, ranks=(), titles=()):
    """Draw a comparison of a given column, or of a ladder's."""
    asked = draw(st.sampled_from(["grade", *ranks, *ranks, *titles]))
    order = GRADES if asked == "grade" else ("none", *NAMES[:2])
    if draw(st.booleans()):
        extra = {"order": list(order)} if asked == "grade" else {}
        return {"column": asked, **extra, draw(st.sampled_from(SIGNS)): draw(st.sampled_from(order))}
    return {"column": asked, "in": draw(st.lists(st.sampled_from(order), min_size=1, max_size=2))}


def conditions(depth=1, windows=True, ranks=(), titles=(), below_ranks=()):
    """Draw conditions on a member: his columns, and measures whose conditions are one level shallower."""
    names = below_ranks or ranks
    if depth == 0:
        return joined(
            columns_hold(ranks, titles) | comparisons(joined(columns_hold(names, titles)), 1, windows)
        )
    below = st.deferred(lambda: conditions(depth - 1, windows, names, titles, names))
    return joined(columns_hold(ranks, titles) | comparisons(below, depth, windows))


@st.composite
def ladders(draw, name="rank", windows=True):
    """Draw a ladder whose steps may read the ladder's ranks of the downline, and the member's own title."""
    steps = draw(st.integers(2, 4))
    below = conditions(1, windows, (name,), (f"{name}_title",), (name,))
    hanging = st.one_of(
        st.builds(
            lambda kind, condition, number: {kind: condition, "at_least": number},
            st.sampled_from(["legs", "frontline"]),
            below | columns_hold((name,)),
            st.integers(0, 2),
        ),
        st.builds(
            lambda condition, number: {"group": "pv", "breaks": condition, "at_least": f"{number}.0"},
            columns_hold((name,)),
            st.integers(0, 8),
        ),
    )
    free = columns_hold((), (f"{name}_title",)) | comparisons(
        conditions(0, windows, (), (f"{name}_title",)), 1, windows
    )
    return {
        "kind": "ladder",
        "name": name,
        "steps": [{"name": NAMES[step], "when": draw(joined(free | hanging))} for step in range(steps)],
        "demotion": draw(st.sampled_from(["at_once", "one_step", "never"])),
        "grace": draw(st.integers(0, 2)),
    }
