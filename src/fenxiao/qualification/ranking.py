"""Ranks of a period: every step of a ladder, round by round, until nothing changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, FlagArray, IndexArray, MinorArray
from fenxiao._columns import Ranks
from fenxiao.expressions.predicates import AllOf, AnyOf, Not
from fenxiao.qualification.climbing import Climb
from fenxiao.qualification.ladders import TITLE
from fenxiao.volumes import Volumes, VolumeSource

if TYPE_CHECKING:
    from fractions import Fraction

    from fenxiao._columns import Amounts, Column, Numbers
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.expressions.downlines import LegShare, Ratio
    from fenxiao.periods import Period
    from fenxiao.qualification.ladders import Ladder
    from fenxiao.qualification.standing import Standing
    from fenxiao.tree import ReferralTree
    from fenxiao.volumes import History
    from fenxiao.volumes.orders import OrderLines

_ROUNDS: Final = 64
"""So many rounds over all members at once; then ranks are found member by member, from the bottom up."""


class RankSource(VolumeSource, Protocol):
    """What ranks are computed from."""

    @property
    def size(self) -> int:
        """Return the number of members."""
        ...

    def told(self, name: str, member: int) -> str:
        """Return what more there is to say of a member's column."""
        ...

    def balanced(self, share: LegShare, required: int) -> MinorArray:
        """Return the volume to which each leg gives at most a share of a requirement, rounded down."""
        ...

    def ratio_holds(self, ratio: Ratio, operator: str, wanted: Fraction) -> FlagArray:
        """Return whose ratio of two measures compares with a rate as wanted."""
        ...


@final
class RankView:
    """The source as a ladder sees it: with the ranks found so far in the ladder's own column."""

    def __init__(self, source: RankSource, ladder: Ladder, paid: IndexArray, held: IndexArray) -> None:
        self.source, self.ladder = source, ladder
        self.volumes = Volumes(self)
        self._ranks = {
            ladder.name: Ranks(paid, ladder.names),
            ladder.name + TITLE: Ranks(held, ladder.names),
        }
        self._masks: dict[str, FlagArray] = {}

    @property
    def size(self) -> int:
        """Return the number of members."""
        return self.source.size

    @property
    def tree(self) -> ReferralTree:
        """Return the tree."""
        return self.source.tree

    @property
    def lines(self) -> OrderLines:
        """Return the order lines that are settled."""
        return self.source.lines

    @property
    def history(self) -> History:
        """Return what earlier periods measured."""
        return self.source.history

    @property
    def period(self) -> Period | None:
        """Return the settled period."""
        return self.source.period

    def member_column(self, name: str) -> Column:
        """Return a member column; of the ladder the ranks found so far, and the titles held before."""
        return self._ranks[name] if name in self._ranks else self.source.member_column(name)

    def hangs_on_ranks(self, part: Predicate | Measure) -> bool:
        """Return whether a condition or a measure reads the ranks that are being found."""
        return self.ladder.name in part.member_columns()

    def _reads_ladder(self, part: Predicate | Measure) -> bool:
        return not self._ranks.keys().isdisjoint(part.member_columns())

    def measure(self, measure: Measure) -> Amounts | Numbers:
        """Return a measure, computed anew only where it depends on the ladder."""
        return self.volumes.column(measure) if self._reads_ladder(measure) else self.source.measure(measure)

    def mask_of(self, condition: Predicate) -> FlagArray:
        """Return for each member whether a condition holds, computed anew only where it has to be."""
        if not self._reads_ladder(condition):
            return self.source.mask_of(condition)
        key = json.dumps(condition.as_data(), sort_keys=True)
        if key not in self._masks:
            self._masks[key] = self._mask(condition)
        return self._masks[key]

    def _mask(self, condition: Predicate) -> FlagArray:
        if isinstance(condition, AllOf):
            return np.logical_and.reduce([self.mask_of(part) for part in condition.parts])  # type: ignore[no-any-return]  # flags stay flags
        if isinstance(condition, AnyOf):
            return np.logical_or.reduce([self.mask_of(part) for part in condition.parts])  # type: ignore[no-any-return]  # flags stay flags
        if isinstance(condition, Not):
            return ~self.mask_of(condition.part)
        return condition.mask(self)

    def told(self, name: str, member: int) -> str:
        """Return what more there is to say of a member's column."""
        return self.source.told(name, member)

    def balanced(self, share: LegShare, required: int) -> MinorArray:
        """Return the volume to which each leg gives at most a share of a requirement, rounded down."""
        return self.volumes.balanced(share, required)

    def ratio_holds(self, ratio: Ratio, operator: str, wanted: Fraction) -> FlagArray:
        """Return whose ratio of two measures compares with a rate as wanted."""
        return self.volumes.ratio_holds(ratio, operator, wanted)


@final
@attrs.frozen(eq=False, kw_only=True)
class LadderRanks:
    """The ranks of one period, as places in the ladder's names (int32 [members] each).

    ``earned`` is the highest step whose condition holds, ``paid`` the paid-as rank, ``title`` the highest
    paid-as rank ever reached, ``held`` the title before the period, ``missed`` for how many periods the
    paid-as rank was not earned.
    """

    earned: IndexArray
    paid: IndexArray
    title: IndexArray
    held: IndexArray
    missed: IndexArray


def ladder_standing(ladder: Ladder, source: RankSource, before: Standing | None) -> LadderRanks:
    """Return the ranks of the period.

    A rank depends on the ranks of those below alone, so that after as many rounds as the tree is deep
    nothing can change any more; it mostly settles after about as many rounds as there are ranks. Where it
    does not, one walk from the bottom up finds the same ranks.
    """
    size = source.size
    none = np.zeros(size, dtype=INDEX)
    title, paid, missed = (none, none, none) if before is None else before.on(source.tree, ladder.names)
    found = _standing(ladder, none, title, paid, missed)
    itself = any(ladder.name in step.when.member_columns() for step in ladder.steps)
    for _ in range(min(source.tree.deepest + 1, _ROUNDS)):
        view = RankView(source, ladder, found.paid, title)
        earned = np.zeros(size, dtype=INDEX)
        for place, step in enumerate(ladder.steps, start=1):
            earned[view.mask_of(step.when)] = place
        found, last = _standing(ladder, earned, title, paid, missed), found
        if not itself or np.array_equal(found.paid, last.paid):
            return found
    if source.tree.deepest < _ROUNDS:
        return found
    paid_if = [
        _standing(ladder, np.full(size, place, dtype=INDEX), title, paid, missed).paid.tolist()
        for place in range(len(ladder.names))
    ]
    climb = Climb(RankView(source, ladder, found.paid, title))
    return _standing(ladder, climb.earned(paid_if), title, paid, missed)


def _standing(
    ladder: Ladder, earned: IndexArray, title: IndexArray, paid: IndexArray, missed: IndexArray
) -> LadderRanks:
    """Return paid-as ranks and titles from what is earned now and what was held before."""
    highest = np.maximum(title, earned)
    if ladder.demotion == "never":
        return LadderRanks(
            earned=earned, paid=highest, title=highest, held=title, missed=np.zeros_like(missed)
        )
    below = earned < paid
    count = np.where(below, missed + INDEX(1), INDEX(0))
    falls = below & (count > ladder.grace)
    lower = earned if ladder.demotion == "at_once" else np.maximum(earned, paid - INDEX(1))
    now = np.where(below, np.where(falls, lower, paid), earned)
    count = np.where(falls, INDEX(0), count)
    return LadderRanks(earned=earned, paid=now, title=np.maximum(highest, now), held=title, missed=count)
