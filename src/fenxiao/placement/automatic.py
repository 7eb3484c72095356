"""Places by rule: members are placed one after the other below their sponsors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fenxiao._arrays import INDEX, NO_MEMBER, FlagArray, IndexArray
from fenxiao._kernels.placing import Places, place_breadth, place_global, place_outer, place_weaker
from fenxiao.errors import PlacementError, is_one_of
from fenxiao.placement.reading import read_legs, rows_once

if TYPE_CHECKING:
    from fenxiao._labels import Labelled
    from fenxiao.tree import ReferralTree

RULES: Final = ("weaker", "left_right", "outer", "breadth", "global")
"""The rules by which members are placed."""
_OF_TWO: Final = frozenset({"weaker", "left_right", "outer"})
_ORDER: Final = "placement order"
_LEGS: Final = "placement legs"


def nobody_placed(tree: ReferralTree) -> Places:
    """Return the places of a tree in which nobody is placed."""
    nobody = np.full(len(tree), NO_MEMBER, dtype=INDEX)
    return Places(nobody, nobody, nobody[:0])


def placed_by_rule(
    tree: ReferralTree, order: Labelled, width: int, rule: Any, legs: Labelled | None, start: Places
) -> Places:
    """Return the places after members have joined one by one; see `fenxiao.placement.Placement.auto`."""
    if not is_one_of(rule, RULES):
        hint = "Write how free places are found"
        raise PlacementError(
            "placement rule", "is not known", value=rule, allowed=", ".join(RULES), hint=hint
        )
    if rule in _OF_TWO and width != 2:
        hint = 'Use "breadth" or "global", which place in legs of any number'
        raise PlacementError(
            f"placement rule {rule!r}", "is for legs of 2", value=width, allowed="width=2", hint=hint
        )
    joining, above = _joining(tree, order, start)
    side = _sides(legs, rule, joining, above == len(tree), tree)
    if rule == "weaker":
        return place_weaker(start, joining, above)
    if rule == "left_right":
        return place_outer(start, joining, above, _alternating(tree, above, start))
    if rule == "outer":
        return place_outer(start, joining, above, side)
    if rule == "global":
        return place_global(start, joining, above, width)
    if width == 1:
        return place_outer(start, joining, above, np.zeros(len(joining), dtype=INDEX))
    return place_breadth(start, joining, above, width)


def _joining(tree: ReferralTree, order: Labelled, start: Places) -> tuple[IndexArray, IndexArray]:
    """Return who joins and each one's sponsor (n for nobody), once everybody can be placed."""
    n = len(tree)
    joining = tree.indices(order, thing=_ORDER)
    step = rows_once(joining, tree, _ORDER, "Name each member once")
    step[start.roots] = NO_MEMBER
    step[:n][start.parent != NO_MEMBER] = NO_MEMBER
    step[n] = NO_MEMBER
    _refuse(
        tree, joining, step[joining] == NO_MEMBER, "names members who are placed already", "Leave them out"
    )
    above = tree.sponsor_pointer[joining]
    late = step[above] >= np.arange(len(joining), dtype=INDEX)
    hint = "Place sponsors first: order members by the time when they joined"
    _refuse(tree, joining, late, "names members whose sponsor is not placed before them", hint)
    return joining, above


def _refuse(tree: ReferralTree, joining: IndexArray, wrong: FlagArray, problem: str, hint: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        raise PlacementError(_ORDER, problem, hint=hint, rows=rows, labels=tree.ids[joining[rows]].tolist())


def _sides(
    legs: Labelled | None, rule: str, joining: IndexArray, top: FlagArray, tree: ReferralTree
) -> IndexArray:
    """Return the legs that are given for "outer", one for each who joins; none for other rules."""
    if rule != "outer":
        if legs is not None:
            hint = 'Leave legs= out, or use rule="outer"'
            raise PlacementError(_LEGS, "are not read by this rule", value=rule, allowed="'outer'", hint=hint)
        return joining[:0]
    if legs is None:
        raise PlacementError(
            _LEGS, "are missing", hint='Give legs=, one for each in the order, for rule="outer"'
        )
    sides = read_legs(legs, 2, _LEGS)
    if len(sides) != len(joining):
        value = f"{len(sides)} legs for {len(joining)} members"
        raise PlacementError(_LEGS, "do not match the order", value=value, allowed="one leg for each member")
    missing = np.flatnonzero((sides == NO_MEMBER) & ~top)
    if len(missing):
        labels = tree.ids[joining[missing]].tolist()
        hint = "Name the leg of everybody who has a sponsor"
        raise PlacementError(_LEGS, "are missing below a sponsor", hint=hint, rows=missing, labels=labels)
    return sides


def _alternating(tree: ReferralTree, above: IndexArray, start: Places) -> IndexArray:
    """Return 0 for each sponsor's first recruit, 1 for the second and so on; those placed before count."""
    n = len(tree)
    before = np.concatenate((start.roots, np.flatnonzero(start.parent != NO_MEMBER).astype(INDEX)))
    sponsor = np.concatenate((tree.sponsor_pointer[before], above))
    by_sponsor = np.argsort(sponsor, kind="stable").astype(INDEX)
    recruits = np.bincount(sponsor, minlength=n + 1)
    first = np.cumsum(recruits) - recruits
    count = np.empty(len(sponsor), dtype=INDEX)
    count[by_sponsor] = np.arange(len(sponsor)) - first[sponsor[by_sponsor]]
    return count[len(before) :] & INDEX(1)
