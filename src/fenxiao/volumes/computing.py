"""Measures of one settlement, computed when they are first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast, final

import numpy as np

from fenxiao._arrays import FLAG, MINOR, MINOR_MAX, NO_MEMBER, FlagArray, MinorArray, segment_sum
from fenxiao._columns import Amounts, Numbers
from fenxiao._kernels.downline import at_depths, breaks_by_itself, heads, legs_with, ranked_legs
from fenxiao._kernels.tally import Tally, exact_add, exact_map, exact_minus, greatest
from fenxiao._kernels.trees import subtree_sums
from fenxiao.errors import ExpressionError
from fenxiao.expressions import fit_minor, identity
from fenxiao.expressions.comparisons import COMPARE
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
from fenxiao.expressions.measures import Distinct, FrontLine, Legs, Measure, Own, Window
from fenxiao.money import to_minor
from fenxiao.volumes.orders import count_distinct, own_volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from fenxiao._columns import Column
    from fenxiao.periods import Period
    from fenxiao.tree import ReferralTree
    from fenxiao.volumes.history import History
    from fenxiao.volumes.orders import OrderLines


class VolumeSource(Protocol):
    """What measures are computed from."""

    @property
    def tree(self) -> ReferralTree:
        """Return the tree."""
        ...

    @property
    def lines(self) -> OrderLines:
        """Return the order lines that are settled."""
        ...

    @property
    def history(self) -> History:
        """Return what earlier periods measured."""
        ...

    @property
    def period(self) -> Period | None:
        """Return the settled period."""
        ...

    def member_column(self, name: str) -> Column:
        """Return a member column in tree order."""
        ...

    def measure(self, measure: Measure) -> Amounts | Numbers:
        """Return a measure of each member."""
        ...

    def mask_of(self, condition: Any) -> FlagArray:
        """Return for each member whether a condition holds."""
        ...


@final
class Volumes:
    """The measures of one settlement: each is computed once."""

    __slots__ = ("_kept", "source")

    def __init__(self, source: VolumeSource) -> None:
        self.source = source
        self._kept: dict[str, Amounts | Numbers] = {}

    def column(self, measure: Measure) -> Amounts | Numbers:
        """Return a measure of each member: a volume with its decimals, or a count.

        Raises
        ------
        OrdersError
            The orders lack the column, or it is no volume.
        MoneyOverflowError
            A volume does not fit into 64 bits.
        PlanError, StateError
            A window without a period, or without a fitting state.
        """
        key = identity(measure)
        if key not in self._kept:
            self._kept[key] = _COMPUTE[type(measure)](self, measure)
        return self._kept[key]

    def balanced(self, share: LegShare, required: int) -> MinorArray:
        """Return the volume to which each leg gives at most a share of a requirement, rounded down.

        Whole units reach a whole requirement exactly where the unrounded sum does.

        Parameters
        ----------
        share : what is measured, and the share
        required : the requirement in the volume's smallest unit
        """
        source, tree = self.source, self.source.tree
        part = share.per_leg.fraction * max(required, 0)
        own = _plus(source.measure(share.of).values)
        whole = _plus(source.measure(Organisation(share.of)).values)
        limit = part.numerator // part.denominator
        counted, clipped = Tally(len(tree)), np.zeros(len(tree), dtype=MINOR)
        below = np.flatnonzero(tree.parent != NO_MEMBER)
        for owner, volume in ((tree.parent[below], whole[below]), (np.arange(len(tree)), own)):
            over = volume > limit
            counted.add(owner[~over], volume[~over])
            np.add.at(clipped, owner[over], MINOR(1))
        small, most = counted.saturated(), greatest(clipped)
        if not most:
            return small
        # A leg above the limit gives the limit, which need not be whole.
        rest = part.numerator - limit * part.denominator
        if max(greatest(small) + most * (limit + 1), most * part.denominator) <= MINOR_MAX:
            return small + clipped * limit + clipped * rest // part.denominator
        exact = zip(small.tolist(), clipped.tolist(), strict=True)
        sums = (few + many * part.numerator // part.denominator for few, many in exact)
        return np.array([min(each, MINOR_MAX) for each in sums], dtype=MINOR)

    def ratio_holds(self, ratio: Ratio, operator: str, wanted: Fraction) -> FlagArray:
        """Return whose ratio of two measures compares with a rate as wanted; a share of nothing is 0."""
        left, right = _ratio_sides(self, ratio)
        kind: Any = MINOR
        if max((greatest(left) + 1) * wanted.denominator, greatest(right) * wanted.numerator) > MINOR_MAX:
            kind = object
        sides = left.astype(kind) * wanted.denominator, right.astype(kind) * wanted.numerator
        return cast("FlagArray", COMPARE[operator](*sides).astype(FLAG))


def _plus(values: MinorArray) -> MinorArray:
    """Return volumes with what is negative as 0, as in brackets and shares."""
    return np.maximum(values, MINOR(0))


def _ratio_sides(volumes: Volumes, ratio: Ratio) -> tuple[MinorArray, MinorArray]:
    """Return part and whole of a ratio, 0 of 1 where the whole is nothing."""
    part, whole = volumes.source.measure(ratio.part), volumes.source.measure(ratio.whole)
    if _unit(part) != _unit(whole):
        raise ExpressionError(repr(ratio), "divides measures of different units", hint="Use one column")
    none = whole.values <= 0
    return np.where(none, MINOR(0), _plus(part.values)), np.where(none, MINOR(1), whole.values)


def _unit(column: Amounts | Numbers) -> int | None:
    return column.decimals if isinstance(column, Amounts) else None


def _like(column: Amounts | Numbers, values: MinorArray) -> Amounts | Numbers:
    return Amounts(values, column.decimals) if isinstance(column, Amounts) else Numbers(values)


def _own(volumes: Volumes, measure: Own) -> Amounts | Numbers:
    source = volumes.source
    return own_volume(source.lines, measure, len(source.tree), source.member_column)


def _distinct(volumes: Volumes, measure: Distinct) -> Numbers:
    return Numbers(count_distinct(volumes.source.lines, measure, len(volumes.source.tree)))


def _organisation(volumes: Volumes, measure: Organisation) -> Amounts | Numbers:
    inner, tree = volumes.source.measure(measure.of), volumes.source.tree
    if measure.depth is None or measure.depth >= tree.deepest:
        return _like(inner, tree.subtree_sum(inner.values))
    depth = measure.depth
    sums = exact_map(inner.values, lambda part: at_depths(part, tree.parent, depth), measure.text())
    return _like(inner, sums)


def _downline(volumes: Volumes, measure: Downline) -> Amounts | Numbers:
    inner = volumes.source.measure(measure.of)
    whole = volumes.source.measure(Organisation(measure.of, depth=measure.depth))
    return _like(inner, exact_minus(whole.values, inner.values, measure.text()))


def _group(volumes: Volumes, measure: Group) -> Amounts | Numbers:
    inner, tree = volumes.source.measure(measure.of), volumes.source.tree
    broken = broken_legs(volumes, measure)
    head = np.where(broken, np.arange(len(tree)), tree.nearest_ancestor(broken)[:-1])

    def inside(part: MinorArray) -> MinorArray:
        # From the whole organisation goes what belongs to groups whose leaders stand below.
        groups = segment_sum(part, head, len(tree) + 1)[:-1]
        return tree.subtree_sum(part) - (tree.subtree_sum(groups) - groups)

    return _like(inner, exact_map(inner.values, inside, measure.text()))


def broken_legs(volumes: Volumes, measure: Group) -> FlagArray:
    """Return whose legs have broken away from those above."""
    tree = volumes.source.tree
    may = np.ones(len(tree), dtype=FLAG) if measure.breaks is None else volumes.source.mask_of(measure.breaks)
    if measure.breaks_at is None:
        return may
    inner = volumes.source.measure(measure.of)
    threshold = break_threshold(measure, inner)
    whole = tree.subtree_sum(inner.values)
    reach = whole >= threshold
    if greatest(np.minimum(inner.values, MINOR(0))):
        positive, over = subtree_sums(_plus(inner.values), tree.size)
        reach = positive >= threshold if over is None else (positive >= threshold) | over
    return breaks_by_itself(whole, reach, tree.parent, may, threshold)


def break_threshold(measure: Group, inner: Amounts | Numbers) -> int:
    """Return the group volume at which legs break away, in the smallest unit of what the group adds up."""
    if isinstance(inner, Amounts):
        return to_minor(measure.breaks_at, inner.decimals, thing=f"{measure!r}, breaks_at")
    if not isinstance(measure.breaks_at, int):
        raise ExpressionError(
            f"{measure!r}, breaks_at", "is no count", value=measure.breaks_at, allowed="int"
        )
    return measure.breaks_at


def _rolled_up(volumes: Volumes, measure: RolledUp) -> Amounts | Numbers:
    inner, tree = volumes.source.measure(measure.of), volumes.source.tree
    qualified = volumes.source.mask_of(measure.to)
    taker = np.where(qualified, np.arange(len(tree)), tree.nearest_ancestor(qualified)[:-1])

    def moved(part: MinorArray) -> MinorArray:
        return segment_sum(part, taker, len(tree) + 1)[:-1]

    return _like(inner, exact_map(inner.values, moved, measure.text()))


def _leg(volumes: Volumes, measure: Leg) -> Amounts | Numbers:
    inner, tree = volumes.source.measure(measure.of), volumes.source.tree
    whole = volumes.source.measure(Organisation(measure.of)).values
    own = _plus(inner.values) if measure.own_leg else None
    return _like(inner, ranked_legs(_plus(whole), own, tree.parent, measure.k))


def _other_legs(volumes: Volumes, measure: OtherLegs) -> Amounts | Numbers:
    whole = volumes.source.measure(Organisation(measure.of))
    largest = volumes.source.measure(Leg(measure.of, own_leg=measure.own_leg)).values
    return _like(whole, exact_minus(whole.values, largest, measure.text()))


def _window(volumes: Volumes, measure: Window) -> Amounts | Numbers:
    source, now = volumes.source, volumes.source.measure(measure.of)
    columns = [now.values, *earlier_values(source, measure, now)]
    if measure.how == "least":
        return _like(now, np.minimum.reduce(columns))
    return _like(now, exact_add(columns, len(source.tree), measure.text()))


def earlier_values(source: VolumeSource, measure: Window, now: Amounts | Numbers) -> list[MinorArray]:
    """Return what a window's measure was in the earlier periods of the window, the nearest first."""
    return source.history.earlier(
        identity(measure.of), source.period, measure.periods, source.tree, _unit(now)
    )


def _frontline(volumes: Volumes, measure: FrontLine) -> Numbers:
    tree = volumes.source.tree
    everybody = np.ones(len(tree), dtype=FLAG)
    mask = everybody if measure.condition is None else volumes.source.mask_of(measure.condition)
    return Numbers(heads(mask, tree.parent))


def _legs(volumes: Volumes, measure: Legs) -> Numbers:
    tree = volumes.source.tree
    everybody = np.ones(len(tree), dtype=FLAG)
    mask = everybody if measure.condition is None else volumes.source.mask_of(measure.condition)
    return Numbers(legs_with(mask, tree.parent, tree.size))


def _ratio(volumes: Volumes, measure: Ratio) -> Numbers:
    """Return the floor of the ratio in thousandths, for words; comparisons are exact."""
    left, right = _ratio_sides(volumes, measure)
    if greatest(left) * 1000 <= MINOR_MAX:
        return Numbers(left * MINOR(1000) // right)
    exact = zip(left.tolist(), right.tolist(), strict=True)
    return Numbers(fit_minor([part * 1000 // whole for part, whole in exact], measure.text()))


def _leg_share(_: Volumes, measure: LegShare) -> Amounts | Numbers:
    raise measure.without_requirement()


_COMPUTE: dict[type[Measure], Callable[[Volumes, Any], Amounts | Numbers]] = {
    Own: _own,
    Distinct: _distinct,
    Organisation: _organisation,
    Downline: _downline,
    Group: _group,
    RolledUp: _rolled_up,
    Leg: _leg,
    OtherLegs: _other_legs,
    LegShare: _leg_share,
    Window: _window,
    Ratio: _ratio,
    FrontLine: _frontline,
    Legs: _legs,
}
