"""Forests as parent rows, in any row order, and labels for them."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 2**31, 2**63 - 1]),
    st.integers(-50, 50),
)
LABELS = {
    "int": INT64,
    "str": st.text(max_size=6),
    "bytes": st.binary(max_size=6),
    "UUID": st.uuids(),
}


@st.composite
def parents(draw, max_size=40):
    """Draw the parent row of each member, -1 for roots: bushy, chains, stars, forests, shuffled."""
    size = draw(st.integers(0, max_size))
    shape = draw(st.sampled_from(["any", "chain", "star", "comb", "forest"]))
    up = []
    for row in range(size):
        if row == 0:
            up.append(-1)
        elif shape == "chain":
            up.append(row - 1)
        elif shape == "star":
            up.append(0)
        elif shape == "comb":
            up.append(row - 1 - row % 2 if row > 1 else 0)
        else:
            up.append(draw(st.integers(-1 if shape == "forest" else 0, row - 1)))
    return shuffled(up, draw(st.permutations(range(size))))


def shuffled(up, places):
    """Return the same forest with row v moved to row ``places[v]``."""
    moved = [-1] * len(up)
    for row, parent in enumerate(up):
        moved[places[row]] = -1 if parent < 0 else places[parent]
    return moved


@st.composite
def labelled(draw, max_size=25):
    """Draw a mapping from label to sponsor's label (None for roots) of one kind of label."""
    up = draw(parents(max_size=max_size))
    kind = draw(st.sampled_from(sorted(LABELS)))
    labels = draw(st.lists(LABELS[kind], min_size=len(up), max_size=len(up), unique=True))
    return {label: None if parent < 0 else labels[parent] for label, parent in zip(labels, up, strict=True)}


def every_up(size):
    """Yield every way to hang `size` rows under one another, cycles and self-parents included."""
    return itertools.product(range(-1, size), repeat=size)


def random_up(size, seed=1):
    """Return a shuffled random recursive tree as an int32 array."""
    rng = np.random.default_rng(seed)
    up = (rng.random(size) * np.arange(size)).astype(np.int64)
    places = rng.permutation(size)
    moved = np.full(size, -1, dtype=np.int32)
    moved[places[1:]] = places[up[1:]]
    return moved


def chain_up(size, seed=1):
    """Return a shuffled chain as an int32 array."""
    places = np.random.default_rng(seed).permutation(size)
    moved = np.full(size, -1, dtype=np.int32)
    moved[places[1:]] = places[:-1]
    return moved
