"""Ranks member by member from the bottom up, where they hang on one another through a deep tree."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast, final

import numpy as np

from fenxiao._arrays import INDEX
from fenxiao._columns import Ranks
from fenxiao.expressions import Measure, identity
from fenxiao.expressions.comparisons import MemberColumn, Test, holds, in_units
from fenxiao.expressions.downlines import (
    Downline,
    Group,
    Leg,
    LegShare,
    Organisation,
    OtherLegs,
    Ratio,
    RolledUp,
)
from fenxiao.expressions.measures import FrontLine, Legs, Window
from fenxiao.expressions.predicates import AllOf, AnyOf, Not
from fenxiao.money import Rate
from fenxiao.volumes.computing import break_threshold, earlier_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import IndexArray
    from fenxiao.expressions import Predicate
    from fenxiao.qualification.ranking import RankView

Value: TypeAlias = "Callable[[int], int]"
Holds: TypeAlias = "Callable[[int], bool]"

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "at_least": operator.ge,
    "above": operator.gt,
    "at_most": operator.le,
    "below": operator.lt,
    "is": operator.eq,
}


@final
class Climb:
    """One walk over all members, those below first, so that each is decided once.

    Conditions and measures that read the ladder's own ranks become functions of one member; what they need
    of those below is added up while the walk passes. All other ones are computed as columns before.
    """

    def __init__(self, view: RankView) -> None:
        self.view = view
        self.size = view.size
        self.up: list[int] = view.tree.sponsor_pointer.tolist()
        self.rank = [0] * self.size
        self.passed: list[Callable[[int], None]] = []
        """What is done with each member once his rank is known, inner measures first."""
        self._values: dict[str, Value] = {}

    def earned(self, paid_if: list[list[int]]) -> IndexArray:
        """Return the highest step that each member earns (int32 [members]).

        Parameters
        ----------
        paid_if : for each place of the ladder's names the paid-as rank by member, should he earn that place
        """
        steps = [self.condition(step.when) for step in self.view.ladder.steps]
        highest_first = list(enumerate(steps, start=1))[::-1]
        found = [0] * self.size
        for member in range(self.size - 1, -1, -1):
            place = next((place for place, holds_for in highest_first if holds_for(member)), 0)
            found[member] = place
            self.rank[member] = paid_if[place][member]
            for passed in self.passed:
                passed(member)
        return np.array(found, dtype=INDEX)

    def condition(self, condition: Predicate) -> Holds:
        """Return a condition as a function of one member."""
        if not self.view.hangs_on_ranks(condition):
            return self.view.mask_of(condition).tolist().__getitem__  # type: ignore[no-any-return]  # of a list of bool
        if isinstance(condition, AllOf | AnyOf):
            parts = list(map(self.condition, condition.parts))
            if isinstance(condition, AnyOf):
                return lambda member: any(part(member) for part in parts)
            return lambda member: all(part(member) for part in parts)
        if isinstance(condition, Not):
            part = self.condition(condition.part)
            return lambda member: not part(member)
        return self._comparison(cast("Test", condition))

    def _comparison(self, test: Test) -> Holds:
        subject, view = test.subject, self.view
        if isinstance(subject, MemberColumn):
            names = view.ladder.names
            table = holds(test, Ranks(np.arange(len(names)), names)).tolist()
            return lambda member: table[self.rank[member]]
        # Refuses what does not fit, as for columns.
        test.mask(view)
        if isinstance(subject, Ratio):
            return self._ratio(test, subject)
        if isinstance(subject, LegShare):
            return self._leg_share(test, subject)
        value, like = self.value(cast("Measure", subject)), view.measure(cast("Measure", subject))
        wanted = test.value if isinstance(test.value, tuple) else (test.value,)
        values = [in_units(test, like, each) for each in wanted]
        if test.operator == "in":
            return lambda member: value(member) in values
        compare, only = _COMPARE[test.operator], values[0]
        return lambda member: compare(value(member), only)

    def _ratio(self, test: Test, ratio: Ratio) -> Holds:
        part, whole = self.value(ratio.part), self.value(ratio.whole)
        wanted = Rate.of(cast("str", test.value)).fraction
        compare = _COMPARE[test.operator]

        def holds_for(member: int) -> bool:
            of = whole(member)
            left, right = (max(part(member), 0), of) if of > 0 else (0, 1)
            return compare(left * wanted.denominator, right * wanted.numerator)

        return holds_for

    def _leg_share(self, test: Test, share: LegShare) -> Holds:
        required = int(in_units(test, self.view.measure(share.of), cast("str", test.value)))
        part = share.per_leg.fraction * max(required, 0)
        legs = self._leg_volumes(share.of)
        top, scale = part.numerator, part.denominator
        return lambda member: sum(min(leg * scale, top) for leg in legs(member)) >= required * scale

    def value(self, measure: Measure) -> Value:
        """Return a measure as a function of one member."""
        key = identity(measure)
        if key not in self._values:
            if self.view.hangs_on_ranks(measure):
                self._values[key] = _VALUE[type(measure)](self, measure)
            else:
                self._values[key] = self.view.measure(measure).values.tolist().__getitem__
        return self._values[key]

    def _sum_below(self, adds: Callable[[int], int]) -> list[int]:
        """Return what is added up for each member from the members right below him as the walk passes."""
        below = [0] * (self.size + 1)
        up = self.up

        def passed(member: int) -> None:
            below[up[member]] += adds(member)

        self.passed.append(passed)
        return below

    def frontline(self, measure: FrontLine) -> Value:
        """Count members right below who meet a condition."""
        meets = self.condition(cast("Predicate", measure.condition))
        return self._sum_below(lambda member: 1 if meets(member) else 0).__getitem__

    def legs(self, measure: Legs) -> Value:
        """Count legs that contain somebody who meets a condition."""
        meets = self.condition(cast("Predicate", measure.condition))

        def adds(member: int) -> int:
            return 1 if count[member] or meets(member) else 0

        count = self._sum_below(adds)
        return count.__getitem__

    def group(self, measure: Group) -> Value:
        """Add up volumes down to the next break."""
        of = self.value(measure.of)
        breaks: Holds = (lambda _: True) if measure.breaks is None else self.condition(measure.breaks)
        at_least = None
        if measure.breaks_at is not None:
            at_least = break_threshold(measure, self.view.measure(measure.of))

        def value(member: int) -> int:
            return below[member] + of(member)

        def adds(member: int) -> int:
            volume = value(member)
            return 0 if breaks(member) and (at_least is None or volume >= at_least) else volume

        below = self._sum_below(adds)
        return value

    def organisation(self, measure: Organisation) -> Value:
        """Add up a member's and his downline's volumes."""
        of = self.value(measure.of)
        below = self._downline(of, measure.depth)
        return lambda member: below(member) + of(member)

    def downline(self, measure: Downline) -> Value:
        """Add up a downline's volumes."""
        return self._downline(self.value(measure.of), measure.depth)

    def _downline(self, of: Value, depth: int | None) -> Value:
        if depth is None:
            below = self._sum_below(lambda member: below[member] + of(member))
            return below.__getitem__
        levels: list[list[int]] = [[] for _ in range(self.size + 1)]

        def passed(member: int) -> None:
            above = levels[self.up[member]]
            mine = [of(member), *levels[member]][:depth]
            above.extend([0] * (len(mine) - len(above)))
            for place, volume in enumerate(mine):
                above[place] += volume

        self.passed.append(passed)
        return lambda member: sum(levels[member])

    def rolled_up(self, measure: RolledUp) -> Value:
        """Move volumes of unqualified members up."""
        of, qualified = self.value(measure.of), self.condition(measure.to)
        below = self._sum_below(lambda member: 0 if qualified(member) else below[member] + of(member))
        return lambda member: below[member] + of(member) if qualified(member) else 0

    def _leg_volumes(self, of: Measure, *, own_leg: bool = True) -> Callable[[int], list[int]]:
        own, whole = self.value(of), self.value(Organisation(of))
        below: list[list[int]] = [[] for _ in range(self.size + 1)]

        def passed(member: int) -> None:
            below[self.up[member]].append(max(whole(member), 0))

        self.passed.append(passed)
        if own_leg:
            return lambda member: [*below[member], max(own(member), 0)]
        return below.__getitem__

    def leg(self, measure: Leg) -> Value:
        """Return the k-th largest leg."""
        legs, place = self._leg_volumes(measure.of, own_leg=measure.own_leg), measure.k - 1
        return lambda member: [*sorted(legs(member), reverse=True), *([0] * (place + 1))][place]

    def other_legs(self, measure: OtherLegs) -> Value:
        """Return the organisation without the largest leg."""
        whole = self.value(Organisation(measure.of))
        legs = self._leg_volumes(measure.of, own_leg=measure.own_leg)
        return lambda member: whole(member) - max(legs(member), default=0)

    def window(self, measure: Window) -> Value:
        """Join a measure with its values in earlier periods."""
        of, join = self.value(measure.of), (sum if measure.how == "sum" else min)
        earlier = [
            values.tolist() for values in earlier_values(self.view, measure, self.view.measure(measure.of))
        ]
        return lambda member: cast("int", join([of(member), *(values[member] for values in earlier)]))


_VALUE: Final[dict[type[Measure], Callable[[Climb, Any], Value]]] = {
    FrontLine: Climb.frontline,
    Legs: Climb.legs,
    Group: Climb.group,
    Organisation: Climb.organisation,
    Downline: Climb.downline,
    RolledUp: Climb.rolled_up,
    Leg: Climb.leg,
    OtherLegs: Climb.other_legs,
    Window: Climb.window,
}
