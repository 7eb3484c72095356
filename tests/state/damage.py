"""Ways in which stored data goes bad, for the tests of everything that is stored."""

from __future__ import annotations

import copy

from hypothesis import strategies as st

from fenxiao._stored.sealing import _digest

DROP = object()


def deep(depth=100_000):
    """Return lists inside one another, deeper than any recursion gets."""
    data = []
    for _ in range(depth):
        data = [data]
    return data


def _itself():
    data = []
    data.append(data)
    return data


STRANGE = {
    "drop": DROP,
    "null": None,
    "true": True,
    "minus": -1,
    "zero": 0,
    "huge": 2**80,
    "whole float": 5.0,
    "nan": float("nan"),
    "infinite": float("inf"),
    "text": "x",
    "number as text": "5",
    "list": [],
    "list of lists": [[]],
    "mapping": {},
    "mapping of numbers": {1: 2},
    "set": {1},
    "bytes": b"x",
    "object": object(),
    "nested": deep(),
    "circle": _itself(),
}


def places(data, path=()):
    """Yield the path of every value in plain data, the whole left out."""
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in steps:
        yield (*path, step)
        yield from places(value, (*path, step))


def changed(data, path, to):
    """Return a copy of the data with one value changed, dropped, or added."""
    data = copy.deepcopy(data)
    here = data
    for step in path[:-1]:
        here = here[step]
    if to is DROP:
        del here[path[-1]]
    else:
        here[path[-1]] = to
    return data


def sealed_again(data):
    """Return the data with a checksum that fits, as far as it can have one."""
    body = {key: value for key, value in data.items() if key != "sha256"}
    try:
        return body | {"sha256": _digest(body)}
    except (TypeError, ValueError, RecursionError):
        return data


@st.composite
def damaged(draw, data):
    """Draw data of which one value is changed for a strange one or for another of its own."""
    paths = list(places(data))
    path = draw(st.sampled_from(paths))
    kind = draw(st.sampled_from([*STRANGE, "other"]))
    if kind != "other":
        return changed(data, path, STRANGE[kind])
    value = data
    for step in draw(st.sampled_from(paths)):
        value = value[step]
    return changed(data, path, value)
