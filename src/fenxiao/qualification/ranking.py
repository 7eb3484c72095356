"""Ranks of a period: every step of a ladder, round by round, until nothing changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, FlagArray, IndexArray, MinorArray
from fenxiao._columns import Ranks
from fenxiao.expressions import Measure, identity
from fenxiao.expressions.predicates import AllOf, AnyOf, Not
from fenxiao.qualification.climbing import Climb
from fenxiao.qualification.ladders import TITLE
from fenxiao.volumes import Volumes, VolumeSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from fenxiao._columns import Amounts, Column, Numbers
    from fenxiao.expressions import Predicate
    from fenxiao.expressions.comparisons import Subject
    from fenxiao.expressions.downlines import LegShare, Ratio
    from fenxiao.periods import Period
    from fenxiao.qualification.ladders import Ladder
    from fenxiao.qualification.standing import Standing
    from fenxiao.tree import ReferralTree
    from fenxiao.volumes import History
    from fenxiao.volumes.orders import OrderLines

Value = TypeVar("Value")

_ROUNDS: Final = 64
"""So many rounds over all members at once; then ranks are found member by member, from the bottom up."""


@final
@attrs.frozen(eq=False)
class _Found(Generic[Value]):
    """A mask or a measure, and the objects that it was made of."""

    value: Value
    parts: tuple[object, ...]


@final
@attrs.define(eq=False)
class _Round:
    """The masks and the measures of one round, by what they are."""

    masks: dict[str, _Found[FlagArray]] = attrs.field(factory=dict)
    measures: dict[str, _Found[Amounts | Numbers]] = attrs.field(factory=dict)


def _found(
    last: _Found[Value] | None,
    parts: tuple[object, ...],
    compute: Callable[[], Value],
    same: Callable[[Value, Value], bool],
) -> _Found[Value]:
    """Return what the last round found if it was made of the same objects; else compute it."""
    if last is None:
        return _Found(compute(), parts)
    if all(one is other for one, other in zip(last.parts, parts, strict=True)):
        return last
    # An equal value is the same object again, so that what is made of it need not be computed either.
    value = compute()
    return _Found(last.value if same(last.value, value) else value, parts)


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
    """The source as a ladder sees it: with the ranks found so far in the ladder's own column.

    Of what reads the ladder, a round computes only what is made of something that the last round found to be
    different: masks and measures that have not changed are the same objects from round to round.
    """

    def __init__(
        self,
        source: RankSource,
        ladder: Ladder,
        paid: IndexArray,
        titles: Ranks,
        last: RankView | None = None,
    ) -> None:
        self.source, self.ladder = source, ladder
        self.volumes = Volumes(self)
        self._ranks = {ladder.name: Ranks(paid, ladder.names), ladder.name + TITLE: titles}
        self.found = _Round()
        self._last = _Round() if last is None else last.found

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
        if not self._reads_ladder(measure):
            return self.source.measure(measure)
        key = identity(measure)
        if key not in self.found.measures:
            self.found.measures[key] = _found(
                self._last.measures.get(key),
                self._parts_of(measure),
                lambda: self.volumes.column(measure),
                lambda one, other: np.array_equal(one.values, other.values),
            )
        return self.found.measures[key].value

    def _parts_of(self, subject: Subject) -> tuple[object, ...]:
        """Return the columns and masks that a subject is made of."""
        if not isinstance(subject, Measure):
            return tuple(map(self.member_column, subject.member_columns()))
        return (*map(self.mask_of, subject.conditions()), *map(self.measure, subject.inner()))

    def mask_of(self, condition: Predicate) -> FlagArray:
        """Return for each member whether a condition holds, computed anew only where it has to be."""
        if not self._reads_ladder(condition):
            return self.source.mask_of(condition)
        key = json.dumps(condition.as_data(), sort_keys=True)
        if key not in self.found.masks:
            parts: list[object] = [self.mask_of(part) for part in condition.inner()]
            if not parts:
                parts = [part for subject in condition.subjects() for part in self._parts_of(subject)]
            self.found.masks[key] = _found(
                self._last.masks.get(key), tuple(parts), lambda: self._mask(condition), np.array_equal
            )
        return self.found.masks[key].value

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
    titles = Ranks(title, ladder.names)

    def standing(earned: IndexArray) -> LadderRanks:
        if before is None:
            return LadderRanks(earned=earned, paid=earned, title=earned, held=none, missed=none)
        return _standing(ladder, earned, title, paid, missed)

    found, view = standing(none), None
    itself = any(ladder.name in step.when.member_columns() for step in ladder.steps)
    for _ in range(min(source.tree.deepest + 1, _ROUNDS)):
        view = RankView(source, ladder, found.paid, titles, view)
        earned = np.zeros(size, dtype=INDEX)
        for place, step in enumerate(ladder.steps, start=1):
            np.putmask(earned, view.mask_of(step.when), INDEX(place))
        found, last = standing(earned), found
        if not itself or np.array_equal(found.paid, last.paid):
            return found
    if source.tree.deepest < _ROUNDS:
        return found
    paid_if = [
        standing(np.full(size, place, dtype=INDEX)).paid.tolist() for place in range(len(ladder.names))
    ]
    return standing(Climb(RankView(source, ladder, found.paid, titles)).earned(paid_if))


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
