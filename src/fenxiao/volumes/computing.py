"""Measures of one settlement, computed when they are first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast, final

import numpy as np

from fenxiao._arrays import FLAG, MINOR, MINOR_MAX, NO_MEMBER, FlagArray, MinorArray
from fenxiao._columns import Amounts, Numbers
from fenxiao._kernels.downline import at_depths, breaks_by_itself, heads, legs_with, ranked_legs
from fenxiao._kernels.tally import Tally, exact_add, greatest
from fenxiao.errors import ExpressionError, MoneyOverflowError
from fenxiao.expressions import identity
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
        tree, part = self.source.tree, share.per_leg.fraction * required
        own = _plus(self.column(share.of).values)
        whole = _plus(self.column(Organisation(share.of)).values)
        limit = part.numerator // part.denominator
        counted = np.zeros(len(tree), dtype=MINOR)
        clipped = np.zeros(len(tree), dtype=MINOR)
        below = np.flatnonzero(tree.parent != NO_MEMBER)
        for owner, volume in ((tree.parent[below], whole[below]), (np.arange(len(tree)), own)):
            over = volume > limit
            np.add.at(counted, owner[~over], volume[~over])
            np.add.at(clipped, owner[over], MINOR(1))
        # A leg above the limit gives the limit, which need not be whole.
        whole_part, rest = divmod(part.numerator, part.denominator)
        most = max(
            greatest(counted) + greatest(clipped) * (whole_part + 1), greatest(clipped) * part.denominator
        )
        if most <= MINOR_MAX:
            return counted + clipped * whole_part + clipped * rest // part.denominator
        exact = zip(counted.tolist(), clipped.tolist(), strict=True)
        sums = (small + large * part.numerator // part.denominator for small, large in exact)
        return np.array([min(each, MINOR_MAX) for each in sums], dtype=MINOR)

    def ratio_holds(self, ratio: Ratio, operator: str, wanted: Fraction) -> FlagArray:
        """Return whose ratio of two measures compares with a rate as wanted; a share of nothing is 0."""
        part, whole = self.column(ratio.part), self.column(ratio.whole)
        if _decimals(part) != _decimals(whole):
            raise ExpressionError(repr(ratio), "divides measures of different units", hint="Use one column")
        none = whole.values <= 0
        left, right = np.where(none, MINOR(0), part.values), np.where(none, MINOR(1), whole.values)
        kind: Any = MINOR
        if max(greatest(left) * wanted.denominator, greatest(right) * abs(wanted.numerator)) > MINOR_MAX:
            kind = object
        sides = left.astype(kind) * wanted.denominator, right.astype(kind) * wanted.numerator
        return cast("FlagArray", COMPARE[operator](*sides).astype(FLAG))


def _plus(values: MinorArray) -> MinorArray:
    """Return volumes with what is negative as 0, as in brackets and shares."""
    return np.maximum(values, MINOR(0))


def _decimals(column: Amounts | Numbers) -> int | None:
    return column.decimals if isinstance(column, Amounts) else None


def _like(column: Amounts | Numbers, values: MinorArray) -> Amounts | Numbers:
    return Amounts(values, column.decimals) if isinstance(column, Amounts) else Numbers(values)


def _own(volumes: Volumes, measure: Own) -> Amounts | Numbers:
    source = volumes.source
    return own_volume(source.lines, measure, len(source.tree), source.member_column)


def _distinct(volumes: Volumes, measure: Distinct) -> Numbers:
    return Numbers(count_distinct(volumes.source.lines, measure, len(volumes.source.tree)))


def _organisation(volumes: Volumes, measure: Organisation) -> Amounts | Numbers:
    inner, tree = volumes.column(measure.of), volumes.source.tree
    if measure.depth is None or measure.depth >= tree.deepest:
        return _like(inner, tree.subtree_sum(inner.values))
    if greatest(inner.values) * max(len(tree), 1) > MINOR_MAX:
        # The whole organisation bounds every level of it; where that does not fit, neither may this.
        tree.subtree_sum(np.abs(inner.values))
    return _like(inner, at_depths(inner.values, tree.parent, measure.depth))


def _downline(volumes: Volumes, measure: Downline) -> Amounts | Numbers:
    inner = volumes.column(measure.of)
    whole = volumes.column(Organisation(measure.of, depth=measure.depth))
    return _like(inner, whole.values - inner.values)


def _group(volumes: Volumes, measure: Group) -> Amounts | Numbers:
    inner, tree = volumes.column(measure.of), volumes.source.tree
    broken = broken_legs(volumes, measure)
    whole = tree.subtree_sum(inner.values)
    nearest = tree.nearest_ancestor(broken)[:-1]
    head = np.where(broken, np.arange(len(tree)), nearest)
    gone = Tally(len(tree) + 1)
    gone.add(head, inner.values)
    groups = np.where(broken, gone.sums("a group's volume")[:-1], MINOR(0))
    return _like(inner, whole - (tree.subtree_sum(groups) - groups))


def broken_legs(volumes: Volumes, measure: Group) -> FlagArray:
    """Return whose legs have broken away from those above."""
    tree = volumes.source.tree
    may = np.ones(len(tree), dtype=FLAG) if measure.breaks is None else volumes.source.mask_of(measure.breaks)
    if measure.breaks_at is None:
        return may
    inner = volumes.column(measure.of)
    if isinstance(inner, Amounts):
        threshold = to_minor(measure.breaks_at, inner.decimals, thing=f"{measure!r}, breaks_at")
    elif isinstance(measure.breaks_at, int):
        threshold = measure.breaks_at
    else:
        raise ExpressionError(
            f"{measure!r}, breaks_at", "is no count", value=measure.breaks_at, allowed="int"
        )
    return breaks_by_itself(tree.subtree_sum(_plus(inner.values)), tree.parent, may, threshold)


def _rolled_up(volumes: Volumes, measure: RolledUp) -> Amounts | Numbers:
    inner, tree = volumes.column(measure.of), volumes.source.tree
    qualified = volumes.source.mask_of(measure.to)
    taker = np.where(qualified, np.arange(len(tree)), tree.nearest_ancestor(qualified)[:-1])
    tally = Tally(len(tree) + 1)
    tally.add(taker, inner.values)
    return _like(inner, tally.sums("a volume after roll-up")[:-1])


def _leg(volumes: Volumes, measure: Leg) -> Amounts | Numbers:
    inner, tree = volumes.column(measure.of), volumes.source.tree
    whole = volumes.column(Organisation(measure.of)).values
    own = _plus(inner.values) if measure.own_leg else None
    return _like(inner, ranked_legs(_plus(whole), own, tree.parent, measure.k))


def _other_legs(volumes: Volumes, measure: OtherLegs) -> Amounts | Numbers:
    whole = volumes.column(Organisation(measure.of))
    largest = volumes.column(Leg(measure.of, own_leg=measure.own_leg)).values
    return _like(whole, whole.values - largest)


def _window(volumes: Volumes, measure: Window) -> Amounts | Numbers:
    source, now = volumes.source, volumes.column(measure.of)
    key = identity(measure.of)
    columns = [now.values, *source.history.earlier(key, source.period, measure.periods, source.tree)]
    if measure.how == "least":
        return _like(now, np.minimum.reduce(columns))
    return _like(now, exact_add(columns, len(source.tree), "a volume over several periods"))


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
    part, whole = volumes.column(measure.part), volumes.column(measure.whole)
    thousandths = np.zeros(len(whole), dtype=MINOR)
    for row in np.flatnonzero(whole.values > 0).tolist():
        share = int(part.values[row]) * 1000 // int(whole.values[row])
        if abs(share) > MINOR_MAX:
            raise MoneyOverflowError(repr(measure), "does not fit into 64 bits")
        thousandths[row] = share
    return Numbers(thousandths)


_COMPUTE: dict[type[Measure], Callable[[Volumes, Any], Amounts | Numbers]] = {
    Own: _own,
    Distinct: _distinct,
    Organisation: _organisation,
    Downline: _downline,
    Group: _group,
    RolledUp: _rolled_up,
    Leg: _leg,
    OtherLegs: _other_legs,
    Window: _window,
    Ratio: _ratio,
    FrontLine: _frontline,
    Legs: _legs,
}
