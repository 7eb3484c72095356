"""What changes make of the orders: the net amounts of the lines that they touch, and the lines that go.

Everything is counted from the line as it was sold, or as the latest adjustment states it, and depends on
which changes there are, never on the order in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR, ROW, FlagArray, MinorArray, RowArray
from fenxiao._columns import Amounts, Column, Numbers
from fenxiao._kernels.tally import Tally
from fenxiao.changes import ADJUSTMENT, REFUND, Changes
from fenxiao.changes.table import same_currency
from fenxiao.errors import ChangesError, MoneyOverflowError
from fenxiao.money import mul_div_arrays
from fenxiao.orders.assembly import Parts, dropped
from fenxiao.orders.keys import expanded, first_and_last, once, row_of_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WHAT: Final = "changes"
_PAID: Final = "paid"
_QUANTITY: Final = "quantity"
_MAY_BE_NEGATIVE: Final = frozenset({"margin"})


@attrs.frozen(eq=False)
class Net:
    """What changes make of a table of orders.

    Attributes
    ----------
    gone : int64 [k]
        Rows of lines that are not sold any more, sorted.
    rows : int64 [m]
        Rows whose amounts may differ, sorted, none of them gone.
    columns : mapping of name to int64 [m]
        Their amounts, and their quantity.
    """

    gone: RowArray
    rows: RowArray
    columns: Mapping[str, MinorArray]


def net_of(sold: Parts, changes: Changes, *, fresh: int = 0) -> Net:
    """Return what changes make of orders as they were sold.

    Parameters
    ----------
    sold : the fields of the orders as they were sold
    changes : all changes of them
    fresh : how many of the changes are known to fit; messages name rows of the others

    Raises
    ------
    ChangesError
        An order or a line is not there, more is given back than was sold, a line is adjusted twice at one
        time, a change does not say which line it means, or is known before its order.
    MoneyOverflowError
        A net amount does not fit into 64 bits.
    """
    return _Netting(sold, changes, fresh).net()


def patched(sold: Parts, net: Net) -> Parts:
    """Return the fields of the net orders: columns that do not change are shared where no line goes."""
    parts = dropped(sold, net.gone)
    place = net.rows - np.searchsorted(net.gone, net.rows)
    columns = list(parts["columns"])
    for name, values in net.columns.items():
        number = parts["names"].index(name)
        column = columns[number]
        if isinstance(column, Amounts | Numbers) and not np.array_equal(column.values[place], values):
            fresh = column.values.copy()
            fresh[place] = values
            columns[number] = attrs.evolve(column, values=fresh)
    parts["columns"] = tuple(columns)
    return parts


class _Netting:
    """The work of `net_of`: which rows are meant, then the law of each line."""

    def __init__(self, sold: Parts, changes: Changes, fresh: int) -> None:
        self.sold = sold
        self.changes = changes
        self.fresh = fresh
        self.columns: dict[str, Column] = dict(zip(sold["names"], sold["columns"], strict=True))
        self.sold_amounts = {
            name: column.values for name, column in self.columns.items() if isinstance(column, Amounts)
        }

    def net(self) -> Net:
        changes = self.changes
        self._check_columns()
        low, high = self._orders()
        row = self._lines(low, high)
        whole = ~changes.line.given
        partial = self._partial()
        self.refuse(
            partial & whole & (high - low > 1),
            "state amounts of an order that has several lines",
            allowed="the line that is meant",
            hint="State one change a line",
        )
        gone = expanded(np.where(whole, low, row)[~partial], np.where(whole, high, row + 1)[~partial])
        rows, owner = np.unique(np.where(whole, low, row)[partial], return_inverse=True)
        columns, empty = self._amounts(rows, owner.astype(ROW), np.flatnonzero(partial))
        gone = once(np.concatenate([gone, rows[empty]]))
        left = ~np.isin(rows, gone)
        return Net(gone, rows[left], {name: values[left] for name, values in columns.items()})

    def refuse(self, wrong: FlagArray, problem: str, *, thing: str = WHAT, **told: Any) -> None:
        """Raise `ChangesError` if a change is wrong, naming those that are new."""
        hit = np.flatnonzero(wrong)
        if len(hit):
            hit = hit[hit >= self.fresh] if (hit >= self.fresh).any() else hit
            changes = self.changes
            raise ChangesError(
                thing,
                problem,
                rows=np.sort(changes.input_row[hit]),
                labels=changes.order_id.pick(hit),
                **told,
            )

    def _check_columns(self) -> None:
        """Raise `ChangesError` if the changes state what the orders do not have."""
        here, there = self.sold["layout"], self.changes.layout
        if not same_currency(here, there):
            raise ChangesError(
                WHAT,
                "are of another currency than the orders",
                value=there.currency,
                allowed=str(here.currency),
                hint="Convert the amounts before",
            )
        for name, stated in zip(self.changes.names, self.changes.amounts, strict=True):
            column = self.columns.get(name)
            if isinstance(column, Amounts) and column.decimals == stated.decimals:
                continue
            self.refuse(
                stated.given,
                "is not an amount of the orders, or of another unit there",
                thing=f"{WHAT} column {name!r}",
                allowed="amounts that the orders have, with their decimals",
                hint="Read orders and changes with the same options",
            )
        prices = self.sold["layout"].unit_prices & frozenset(self.changes.names)
        if "quantity" not in self.columns:
            self.refuse(
                self.changes.quantity.given & (self.changes.kind == ADJUSTMENT),
                "adjust a quantity that the orders do not have",
                thing=f"{WHAT} column 'quantity'",
                hint="Give the orders a column 'quantity'",
            )
        for name in sorted(prices):
            self.refuse(
                self.changes.stated(name).given & (self.changes.kind != ADJUSTMENT),
                "gives back a price of one piece",
                thing=f"{WHAT} column {name!r}",
                allowed="amounts of the line; prices of one piece in adjustments",
            )

    def _orders(self) -> tuple[RowArray, RowArray]:
        """Return the half-open range of rows of the order of each change."""
        changes, sold = self.changes, self.sold
        low, high = first_and_last(sold["order_id"], changes.order_id)
        self.refuse(
            low == high,
            "are of orders that are not there",
            allowed=f"{sold['order_id'].kind} ids of orders that are known",
            hint="Check the id and its type; an order that is late has to be added before its changes",
        )
        if "known_at" in self.columns and len(changes):
            since = self.columns["known_at"].values[low]
            self.refuse(
                changes.known_at < since,
                "are known before their orders are",
                allowed="known_at from that of the order on",
                hint="State when the change was known",
            )
        return low, high

    def _lines(self, low: RowArray, high: RowArray) -> RowArray:
        """Return the row of the line of each change, the first one of the order where it names none."""
        line = self.changes.line
        row = row_of_line(self.sold["line"], low, high, np.where(line.given, line.values, 0))
        self.refuse(
            line.given & (row < 0),
            "are of lines that their orders do not have",
            allowed="lines of the order",
            hint="Check the line number",
        )
        return np.where(line.given, row, low)

    def _partial(self) -> FlagArray:
        """Return which changes state amounts; the others take back all there is."""
        changes = self.changes
        partial = changes.quantity.given.copy()
        for column in changes.amounts:
            partial |= column.given
        return partial

    def _amounts(
        self, rows: RowArray, owner: RowArray, number: RowArray
    ) -> tuple[dict[str, MinorArray], FlagArray]:
        """Return the net amounts of rows, and which of them are given back altogether.

        Parameters
        ----------
        rows : int64 [m]
            Rows that change.
        owner : int64 [c]
            The place in `rows` of each change that states amounts.
        number : int64 [c]
            The row of each such change.
        """
        part = self.changes.take(number)
        line = _Lines(self, rows, owner, number, part)
        amounts = line.adjusted()
        paid, quantity = amounts.pop(_PAID), amounts.pop(_QUANTITY)
        net, empty = line.refunded(paid, quantity, amounts)
        return {name: values for name, values in net.items() if name in self.columns}, empty


class _Lines:
    """Lines that change, and the changes that state amounts of them."""

    def __init__(
        self, work: _Netting, rows: RowArray, owner: RowArray, number: RowArray, part: Changes
    ) -> None:
        self.work = work
        self.rows = rows
        self.owner = owner
        self.number = number
        self.part = part
        self.refund: FlagArray = part.kind == REFUND
        self.prices = work.sold["layout"].unit_prices

    def adjusted(self) -> dict[str, MinorArray]:
        """Return the lines as they were sold, or as their latest adjustments state them.

        What an adjustment does not state follows what was paid: floor(x * adjusted paid / paid); pieces and
        prices of one piece stay.
        """
        sold = {name: values[self.rows] for name, values in self.work.sold_amounts.items()}
        sold.setdefault(_PAID, np.zeros(len(self.rows), dtype=MINOR))
        pieces = self.work.columns.get(_QUANTITY)
        one_each = np.ones(len(self.rows), dtype=MINOR)
        sold[_QUANTITY] = pieces.values[self.rows] if isinstance(pieces, Numbers) else one_each
        last = self._latest()
        line = self.owner[last]
        before = sold[_PAID][line]
        after = self._stated_or(_PAID, last, before)
        result = {}
        for name, values in sold.items():
            fresh = values.copy()
            if name not in {_PAID, _QUANTITY} and name not in self.prices:
                fresh[line] = self._followed(name, values[line], before, after, last)
            fresh[line] = self._stated_or(name, last, fresh[line])
            result[name] = fresh
        return result

    def _latest(self) -> RowArray:
        """Return the adjustment of each line that counts: the one that happened last, then was known last."""
        part = self.part
        found = np.flatnonzero(part.kind == ADJUSTMENT)
        keys = (part.known_at[found], part.at[found], self.owner[found])
        found = found[np.lexsort(keys)]
        line = self.owner[found]
        same = line[1:] == line[:-1]
        tie = same & (part.at[found][1:] == part.at[found][:-1])
        tie &= part.known_at[found][1:] == part.known_at[found][:-1]
        twice = np.concatenate([found[1:][tie], found[:-1][tie]])
        self._refuse(
            _mask(twice, len(part)),
            "adjust a line twice at one time",
            allowed="adjustments of a line with times of their own",
            hint="Keep the one that counts, or state when each was known",
        )
        return found[np.append(~same, True)] if len(found) else found

    def _stated_or(self, name: str, which: RowArray, otherwise: MinorArray) -> MinorArray:
        stated = self.part.stated(name).take(which)
        return np.where(stated.given, stated.values, otherwise)

    def _followed(
        self, name: str, values: MinorArray, before: MinorArray, after: MinorArray, which: RowArray
    ) -> MinorArray:
        """Return amounts in the ratio of what is paid after an adjustment to what was paid before."""
        stated = self.part.stated(name).given[which]
        lost = (before == 0) & (after > 0) & (values != 0) & ~stated
        self._refuse(
            _mask(which[lost], len(self.part)),
            f"adjust what was paid from nothing and leave {name!r} open",
            allowed="adjustments that state it",
            hint="State what the line has from now on",
        )
        still = (before == 0) | stated
        ratio = np.where(still, 1, after), np.where(still, 1, before)
        return self._exactly(name, which, lambda: mul_div_arrays(values, *ratio))

    def refunded(
        self, paid: MinorArray, quantity: MinorArray, amounts: dict[str, MinorArray]
    ) -> tuple[dict[str, MinorArray], FlagArray]:
        """Return what refunds leave of the lines, and which lines they leave nothing of.

        What they state comes off first. Pieces given back without money share what that leaves:
        floor((paid - stated) * pieces left / pieces), and everything else follows what was paid.
        """
        refund, part = self.refund, self.part
        money, pieces = part.stated(_PAID), part.quantity
        priced = refund & money.given
        rest = self._less(paid, money.values, priced, _PAID)
        sharing = self._less(quantity, pieces.values, priced, _QUANTITY)
        left = self._less(sharing, pieces.values, refund & ~priced, _QUANTITY)
        net_paid = mul_div_arrays(rest, left, np.maximum(sharing, 1))
        net_paid = np.where(left == sharing, rest, net_paid)
        counted = self._any(refund & pieces.given)
        by_money = paid > 0
        net_quantity = np.where(
            counted | ~by_money, left, mul_div_arrays(quantity, net_paid, np.maximum(paid, 1))
        )
        net = {_PAID: net_paid, _QUANTITY: net_quantity}
        share = np.where(by_money, net_paid, net_quantity)
        for name, values in amounts.items():
            if name in self.prices:
                net[name] = values
                continue
            stated = refund & part.stated(name).given
            whole = np.where(
                by_money,
                self._less(paid, money.values, stated, _PAID),
                self._less(quantity, pieces.values, stated, _QUANTITY),
            )
            others = self._less(values, part.stated(name).values, stated, name)
            none = whole == 0
            net[name] = mul_div_arrays(others, np.where(none, 1, share), np.where(none, 1, whole))
        return net, self._any(refund) & (net_paid == 0) & (net_quantity == 0)

    def _any(self, which: FlagArray) -> FlagArray:
        """Return for each line whether one of some changes is of it."""
        return _mask(self.owner[which], len(self.rows))

    def _less(self, values: MinorArray, stated: MinorArray, which: FlagArray, name: str) -> MinorArray:
        """Return values less the sum of what some changes of each line state, 0 where they state nothing."""
        owner, stated = self.owner[which], stated[which]
        tally = Tally(len(values))
        tally.add(np.arange(len(values)), values)
        # The opposite of the least integer does not fit, but ~x = -x - 1 always does.
        tally.add(owner, ~stated)
        tally.add(owner, np.ones(len(owner), dtype=MINOR))
        if name in _MAY_BE_NEGATIVE:
            return self._exactly(name, np.flatnonzero(which), lambda: tally.sums(name))
        left = tally.saturated()
        self._refuse(
            (left < 0)[self.owner],
            f"give back more of {name!r} than was sold",
            allowed="in all at most what was sold, or what the latest adjustment states",
            hint="Check the amounts, or whether a change was taken in twice",
        )
        return left

    def _refuse(self, wrong: FlagArray, problem: str, **told: Any) -> None:
        self.work.refuse(_mask(self.number[wrong], len(self.work.changes)), problem, **told)

    def _exactly(self, name: str, which: RowArray, compute: Callable[[], MinorArray]) -> MinorArray:
        """Return what `compute` gives; what does not fit is told by the rows of the changes."""
        try:
            return compute()
        except MoneyOverflowError as error:
            rows = np.sort(self.part.input_row[which])
            raise MoneyOverflowError(
                f"{WHAT}, net {name}", error.problem, rows=rows, allowed=error.allowed, hint=error.hint
            ) from None


def _mask(places: RowArray, length: int) -> FlagArray:
    mask = np.zeros(length, dtype=FLAG)
    mask[places] = True
    return mask
