"""Logs of members who join, move and leave: possible ones, and ones that contradict themselves."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from tests.oracles.genealogies import KINDS, possible

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def moment(time):
    """Return a whole number of microseconds as a time."""
    return EPOCH + dt.timedelta(microseconds=time)


def records_of(entries):
    """Return entries of the slow twin as the library reads them."""
    return [
        {
            "kind": entry["kind"],
            "member": entry["member"],
            "sponsor": entry["sponsor"],
            "at": moment(entry["at"]),
            "known_at": moment(entry.get("known_at", entry["at"])),
            "leg": entry["leg"] if entry["kind"] == "transfer" else None,
        }
        for entry in entries
    ]


def entry(kind, member, sponsor=None, at=0, leg=True, **more):
    """Return one entry."""
    return {"kind": kind, "member": member, "sponsor": sponsor, "at": at, "leg": leg, **more}


@st.composite
def any_entries(draw, members=4, most=8, times=4):
    """Draw entries that need not make sense; most do not."""
    names = st.integers(0, members - 1)
    found = []
    for _ in range(draw(st.integers(0, most))):
        kind = draw(st.sampled_from(KINDS))
        sponsor = None if kind == "exit" else draw(st.none() | names)
        leg = draw(st.booleans()) if kind == "transfer" else True
        found.append(entry(kind, draw(names), sponsor, draw(st.integers(0, times)), leg))
    return found


@st.composite
def logs(draw, members=7, most=18, times=9, base=100):
    """Draw entries that can all be true, in any order of the rows, with ties of time.

    Members' labels are spread, so that their order is not that in which they join.
    """
    labels = draw(st.permutations(range(base, base + members)))
    entries, time = [], 0
    for place in range(draw(st.integers(0, members - 1))):
        sponsor = draw(st.sampled_from([None, *labels[:place]]))
        entries.append(entry("join", labels[place], sponsor, draw(st.integers(0, 1)), known_at=1))
        if not possible(entries):
            entries.pop()
    for _ in range(draw(st.integers(1, most))):
        time = min(time + draw(st.integers(0, 2)), times)
        kind = draw(st.sampled_from(("join", "join", "transfer", "transfer", "exit")))
        sponsor = None if kind == "exit" else draw(st.sampled_from([None, *labels]))
        leg = draw(st.booleans()) if kind == "transfer" else True
        late = draw(st.integers(0, 3))
        new = entry(kind, draw(st.sampled_from(labels)), sponsor, time, leg, known_at=time + late)
        if possible([*entries, new]):
            entries.append(new)
    return draw(st.permutations(entries))
