"""What changed orders' own lines give back, while everything else stays as it was settled."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, ROW, FlagArray, IndexArray, MinorArray, RowArray
from fenxiao._columns import Amounts, Column, Numbers
from fenxiao._kernels.tally import Tally
from fenxiao.changes import KINDS
from fenxiao.corrections.ages import ages_of
from fenxiao.lines import batches_of, joined
from fenxiao.orders.keys import expanded, first_and_last
from fenxiao.orders.reinstating import in_force, stating
from fenxiao.policies.blocks import OrderBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.changes import Changes
    from fenxiao.lines import LineBatch
    from fenxiao.orders import Orders
    from fenxiao.settlement import Settlement

_QUANTITY: Final = "quantity"


@final
@attrs.frozen(eq=False)
class GivenBack:
    """What lines of a run give back, one row a line.

    Attributes
    ----------
    order_row : int64 [n]
        Row of the order line in the run's orders, -1 for pay on the period.
    policy_place, payee_index, level : int32 [n]
    amount : int64 [n]
        Minor units, from 0 to what the line was allowed.
    """

    order_row: RowArray
    policy_place: IndexArray
    payee_index: IndexArray
    level: IndexArray
    amount: MinorArray

    def plus(self, other: GivenBack) -> GivenBack:
        """Return both."""
        columns = {
            field.name: np.concatenate([getattr(each, field.name) for each in (self, other)])
            for field in attrs.fields(GivenBack)
        }
        return attrs.evolve(self, **columns)

    def by_member(self, place: int, size: int) -> MinorArray:
        """Return what a policy's lines give back by member (int64 [members])."""
        mine = np.flatnonzero(self.policy_place == place)
        tally = Tally(size)
        tally.add(self.payee_index[mine], self.amount[mine])
        return tally.sums("what lines give back")


_NOBODY: Final = np.zeros(0, dtype=INDEX)
_NOTHING: Final = GivenBack(np.zeros(0, dtype=ROW), _NOBODY, _NOBODY, _NOBODY, np.zeros(0, dtype=MINOR))


def given_back(run: Settlement, later: Changes) -> GivenBack:
    """Return what the own lines of changed orders give back.

    Let a line be allowed ``a`` within its order, ``w`` of it be left by wide caps, and ``b`` be what it would
    be allowed within its order once the money has gone back, ranks and all else being as they were settled.
    It gives back ``floor(w * (a - b) / a)``, nothing where ``b`` is more. With bands each change of an order,
    in the order of their times, takes ``floor(share * left * (a - b) / a)`` of what the line has left; one
    that takes back all there is takes its share also where nothing is allowed any more.

    Parameters
    ----------
    run : the settlement of everything else
    later : changes that give money back, none of which the run knows

    Raises
    ------
    ChangesError
        The changes do not fit the orders.
    """
    orders, setting = run.facts.orders, run.run.setting
    later, _ = in_force(orders.sold.order_id, orders.sold.line, later)
    rows = changed_rows(orders, later, setting.rows)
    if not len(rows):
        return _NOTHING
    block = OrderBlock(setting, rows)
    guarded = run.run.guarded(block)
    before = joined(batches_of(guarded, run.terms, None), run.terms)
    after_caps = joined(batches_of(guarded, run.terms, run.split()), run.terms)
    lines = _Lines.of(before, after_caps)
    claimed, left = lines.claimed, lines.left
    for step in _steps(run, later):
        net = beside(orders, orders.after(later.take(step.known)), rows)
        now = np.minimum(lines.same_lines(_claims(run, net, rows)), claimed)
        left = left - step.taken(left, claimed, now, lines.key[0])
        claimed = now
    return lines.giving(lines.left - left)


def changed_rows(orders: Orders, changes: Changes, settled: slice | RowArray = slice(None)) -> RowArray:
    """Return the rows of the orders that changes are of, as far as they are settled, ascending."""
    rows = np.unique(expanded(*first_and_last(orders.order_id, changes.order_id)))
    return rows if isinstance(settled, slice) else rows[np.isin(rows, settled, assume_unique=True)]


def beside(orders: Orders, net: Orders, rows: RowArray) -> Orders:
    """Return orders row by row with the net amounts of some rows; lines that are gone have none."""
    place = net.rows_of_lines(orders.order_id.take(rows), orders.line[rows])
    gone = place < 0
    columns: list[Column] = []
    for name, column in zip(orders.names, orders.columns, strict=True):
        if isinstance(column, Amounts) or (isinstance(column, Numbers) and name == _QUANTITY):
            now = net.column(name).take(np.maximum(place, 0)) if len(net) else column.take(rows)
            values = column.values.copy()
            values[rows] = np.where(gone, MINOR(0), now.values)
            column = attrs.evolve(column, values=values)
        columns.append(column)
    return attrs.evolve(orders, columns=tuple(columns))


def _claims(run: Settlement, orders: Orders, rows: RowArray) -> LineBatch:
    """Return what rows would claim within their orders, with the run's ranks and the like."""
    setting = run.run.setting.with_amounts_of(run.facts.with_orders(orders))
    guarded = run.run.at(setting).guarded(OrderBlock(setting, rows))
    return joined(batches_of(guarded, run.terms, None), run.terms)


@final
@attrs.frozen(eq=False)
class _Lines:
    """Lines that may give back: their keys (int64 [4, n], ascending), what they claimed and have left."""

    key: MinorArray
    claimed: MinorArray
    left: MinorArray

    @classmethod
    def of(cls, before: LineBatch, after_caps: LineBatch) -> _Lines:
        """Return the lines of a batch before and after wide caps, which has the same rows in both."""
        key, place = np.unique(_keys(before), axis=1, return_inverse=True)
        sums = []
        for batch in (before, after_caps):
            tally = Tally(key.shape[1])
            tally.add(place.ravel().astype(INDEX), batch.allowed)
            sums.append(tally.sums("a line"))
        return cls(key, *sums)

    def same_lines(self, batch: LineBatch) -> MinorArray:
        """Return what the same lines claim in another batch, 0 where they are not in it."""
        both = np.concatenate([self.key, _keys(batch)], axis=1)
        amounts = np.concatenate([np.zeros(self.key.shape[1], dtype=MINOR), batch.allowed])
        _, place = np.unique(both, axis=1, return_inverse=True)
        place = place.ravel()
        tally = Tally(int(place.max(initial=-1)) + 1)
        tally.add(place.astype(INDEX), amounts)
        return tally.sums("a line")[place[: self.key.shape[1]]]

    def giving(self, amount: MinorArray) -> GivenBack:
        """Return the lines that give something back."""
        some = np.flatnonzero(amount)
        row, place, payee, level = self.key[:, some]
        return GivenBack(row, place.astype(INDEX), payee.astype(INDEX), level.astype(INDEX), amount[some])


def _keys(batch: LineBatch) -> MinorArray:
    columns = (batch.order_row, batch.policy_place, batch.payee_index, batch.level)
    return np.stack([column.astype(MINOR) for column in columns])


@final
@attrs.frozen(eq=False)
class _Step:
    """One round of changes: one of each order, or all of them.

    Attributes
    ----------
    known : bool [changes]
        The changes up to this round.
    share : dict of order row -> Fraction
        What is taken of what would be given back; orders that are not in it do not change.
    whole : set of order rows
        Lines all of which is taken back, whatever is left of them.
    """

    known: FlagArray
    share: dict[int, Fraction]
    whole: frozenset[int]

    def taken(self, left: MinorArray, claimed: MinorArray, now: MinorArray, rows: MinorArray) -> MinorArray:
        """Return what the round takes of each line, in Python's integers, as products may be long."""
        found = []
        columns = (left.tolist(), claimed.tolist(), now.tolist(), rows.tolist())
        for has, before, after, row in zip(*columns, strict=True):
            share, lost, of = self.share.get(row), before - after, before
            if not before and row in self.whole:
                lost = of = 1
            if share is None or not lost:
                found.append(0)
            else:
                found.append(has * lost * share.numerator // (of * share.denominator))
        return np.array(found, dtype=MINOR)


def _steps(run: Settlement, later: Changes) -> Iterator[_Step]:
    """Yield the rounds of changes: all at once, or with bands one change of each order after the other."""
    orders, refunds = run.facts.orders, run.plan.refunds
    low, high = first_and_last(orders.order_id, later.order_id)
    if not refunds.bands:
        every = dict.fromkeys(np.unique(expanded(low, high)).tolist(), Fraction(1))
        yield _Step(np.ones(len(later), dtype=FLAG), every, frozenset())
        return
    ages = _ages(run, later, low, high)
    order = np.lexsort((later.input_row, later.known_at, later.at, low))
    begins = np.flatnonzero(np.diff(low[order], prepend=-1))
    number = np.empty(len(later), dtype=ROW)
    number[order] = np.arange(len(later)) - np.repeat(begins, np.diff(np.append(begins, len(later))))
    in_full = [KINDS[kind] in refunds.in_full for kind in later.kind.tolist()]
    of_part = stating(later)
    for turn in range(int(number.max(initial=-1)) + 1):
        share: dict[int, Fraction] = {}
        whole: set[int] = set()
        for change in np.flatnonzero(number == turn).tolist():
            its = range(int(low[change]), int(high[change]))
            share |= dict.fromkeys(its, Fraction(1) if in_full[change] else refunds.share(int(ages[change])))
            if not of_part[change]:
                line = later.line
                whole.update(
                    row for row in its if not line.given[change] or orders.line[row] == line.values[change]
                )
        yield _Step(number <= turn, share, frozenset(whole))


def _ages(run: Settlement, later: Changes, low: RowArray, high: RowArray) -> MinorArray:
    """Return how old the order of each change is, 0 where the run does not have it."""
    orders, plan = run.facts.orders, run.plan
    there = low < high
    sold_at = orders.instants(str(plan.anchor)).values[np.where(there, low, 0)]
    return ages_of(sold_at, later.at, str(plan.zone), plan.refunds.unit)
