"""Referral trees whose members join one after the other, and places that are given."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.strategies.trees import labelled

RULES_OF_TWO = ("weaker", "left_right", "outer")
RULES_OF_ANY = ("breadth", "global")


@st.composite
def joined(draw, max_size=25, everybody=False):
    """Draw who sponsors whom, and members in an order in which sponsors come first; some may stay out."""
    sponsors = draw(labelled(max_size=max_size))
    below = {member: [] for member in sponsors}
    ready = []
    for member, sponsor in sponsors.items():
        (ready if sponsor is None else below[sponsor]).append(member)
    order = []
    while ready:
        member = ready.pop(draw(st.integers(0, len(ready) - 1)))
        order.append(member)
        ready += below[member]
    return sponsors, order if everybody else order[: draw(st.integers(len(order) // 2, len(order)))]


@st.composite
def rule_and_width(draw, of_two=RULES_OF_TWO):
    """Draw a rule and a width that it takes."""
    rule = draw(st.sampled_from([*of_two, *RULES_OF_ANY]))
    return rule, 2 if rule in RULES_OF_TWO else draw(st.integers(1, 4))


@st.composite
def given_rows(draw, members, width):
    """Draw rows (member, parent, leg) for some members, with gaps, lines and several roots."""
    waiting = list(draw(st.permutations(list(members))))[: draw(st.integers(0, len(members)))]
    deep = draw(st.booleans())
    rows, free = [], []
    for member in waiting:
        at = draw(st.integers(-1, len(free) - 1)) if not deep or not free else len(free) - 1
        rows.append((member, None, None) if at < 0 else (member, *free.pop(at)))
        free += [(member, leg) for leg in range(width)]
    return rows


def legs_for(order):
    """Return a strategy of one leg, 0 or 1, for each member of an order."""
    return st.lists(st.integers(0, 1), min_size=len(order), max_size=len(order))
