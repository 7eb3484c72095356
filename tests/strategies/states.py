"""States of any content, as runs could leave them or somebody could build them."""

from __future__ import annotations

from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.qualification import Standing
from fenxiao.state import Deferred
from fenxiao.volumes import Carry, Record
from tests.strategies.trees import INT64, LABELS

NAMES = st.text(max_size=4)
DECIMALS = st.none() | st.integers(0, 12)
USED = st.integers(0, 2**70)
FROM_ZERO = st.integers(0, 2**63 - 1)


@st.composite
def columns(draw, labels, *cells, max_size=4):
    """Draw different labels and as many cells of each kind."""
    drawn = draw(st.lists(labels, unique=True, max_size=max_size))
    return [drawn, *([draw(cell) for _ in drawn] for cell in cells)]


@st.composite
def usages(draw):
    """Draw what caps have used up; labels of one kind a cap, None among them."""
    usage = {}
    for key in draw(st.lists(st.tuples(NAMES, NAMES), unique=True, max_size=3)):
        labels = draw(st.sampled_from(list(LABELS.values())))
        groups, used = draw(columns(st.none() | labels, USED))
        usage[key] = dict(zip(groups, used, strict=True))
    return usage


@st.composite
def deferreds(draw, labels):
    """Draw pay that was put off, with keys of any kind."""
    some = st.none() | st.one_of(*LABELS.values())
    keys = draw(st.lists(st.tuples(NAMES, some), max_size=3))
    return Deferred(
        draw(NAMES), draw(NAMES), draw(labels), tuple(keys), draw(NAMES), draw(st.integers(1, 2**63 - 1))
    )


@st.composite
def records(draw, labels, key):
    """Draw what a period measured."""
    found, values = draw(columns(labels, INT64))
    return Record(measure=key, period="2026-10", labels=found, values=values, decimals=draw(DECIMALS))


@st.composite
def standings(draw, labels, key):
    """Draw where members stand."""
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    code = st.integers(0, len(names) - 1)
    found, title, paid, missed = draw(columns(labels, code, code, st.integers(0, 2**31 - 2)))
    return Standing(ladder=key, names=names, labels=found, title=title, paid=paid, missed=missed)


@st.composite
def carries(draw, labels, key):
    """Draw what a pairing carries."""
    found, left, right, paired = draw(columns(labels, FROM_ZERO, FROM_ZERO, st.booleans()))
    return Carry(policy=key, labels=found, left=left, right=right, paired=paired, decimals=draw(DECIMALS))


@st.composite
def states(draw):
    """Draw a state whose members have labels of one kind."""
    labels = draw(st.sampled_from(list(LABELS.values())))

    def some(kind):
        return [draw(kind(labels, key)) for key in draw(st.lists(NAMES, unique=True, max_size=2))]

    return fx.State(
        usage=draw(usages()),
        deferred=draw(st.lists(deferreds(labels), max_size=3)),
        settled=draw(st.lists(NAMES, max_size=3)),
        records=some(records),
        standings=some(standings),
        carries=some(carries),
        pots=draw(st.dictionaries(NAMES, FROM_ZERO, max_size=2)),
    )
