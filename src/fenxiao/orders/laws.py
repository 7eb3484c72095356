"""The law of net lines: what adjustments and refunds leave of each line that they state amounts of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao._arrays import (
    FLAG,
    MINOR,
    MINOR_MAX,
    MINOR_MIN,
    AnyArray,
    FlagArray,
    MinorArray,
    RowArray,
)
from fenxiao._columns import Amounts, Column, Numbers
from fenxiao._kernels.tally import Tally, greatest
from fenxiao.changes import ADJUSTMENT, REFUND, Changes
from fenxiao.errors import MoneyOverflowError
from fenxiao.money import mul_div_arrays

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PAID: Final = "paid"
_QUANTITY: Final = "quantity"
_MAY_BE_NEGATIVE: Final = frozenset({"margin"})


class Lines:
    """Lines of which changes state amounts.

    Attributes
    ----------
    rows : int64 [m]
        Their rows.
    owner : int64 [c]
        The place in `rows` of the line of each change that states amounts.
    goes : bool [m]
        Which lines go in any case, so that their amounts do not matter.
    part : Changes [c]
    refuse
        Raises an error that names those of these changes which are wrong.
    """

    def __init__(
        self,
        *,
        columns: Mapping[str, Column],
        unit_prices: frozenset[str],
        rows: RowArray,
        owner: RowArray,
        part: Changes,
        goes: FlagArray,
        refuse: Callable[..., None],
    ) -> None:
        self.columns = columns
        self.prices = unit_prices
        self.rows = rows
        self.owner = owner
        self.part = part
        self.refund: FlagArray = part.kind == REFUND
        self.goes = goes
        self._refuse = refuse

    def net(self) -> tuple[dict[str, MinorArray], FlagArray]:
        """Return the net amounts of the lines, and which of them are given back altogether."""
        amounts = self.adjusted()
        paid, quantity = amounts.pop(_PAID), amounts.pop(_QUANTITY)
        net, empty = self.refunded(paid, quantity, amounts)
        return {name: values for name, values in net.items() if name in self.columns}, empty

    def adjusted(self) -> dict[str, MinorArray]:
        """Return the lines as they were sold, or as their latest adjustments state them.

        What an adjustment does not state follows what was paid: floor(x * adjusted paid / paid); pieces and
        prices of one piece stay.
        """
        sold = {
            name: column.values[self.rows]
            for name, column in self.columns.items()
            if isinstance(column, Amounts)
        }
        sold.setdefault(_PAID, np.zeros(len(self.rows), dtype=MINOR))
        pieces = self.columns.get(_QUANTITY)
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
            mask_of(twice, len(part)),
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
            mask_of(which[lost], len(self.part)),
            f"adjust what was paid from nothing and leave {name!r} open",
            allowed="adjustments that state it",
            hint="State what the line has from now on",
        )
        still = (before == 0) | stated
        ratio = np.where(still, 1, after), np.where(still, 1, before)
        return self._floor(name, values, *ratio, self.owner[which])

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
        empty = self._any(refund) & (net_paid == 0) & (net_quantity == 0)
        self.goes = self.goes | empty
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
            less = self._less_signed if name in _MAY_BE_NEGATIVE else self._less
            others = less(values, part.stated(name).values, stated, name)
            ratio = np.where(whole == 0, 1, share), np.where(whole == 0, 1, whole)
            net[name] = self._floor(name, others, *ratio, np.arange(len(self.rows)))
        return net, empty

    def _any(self, which: FlagArray) -> FlagArray:
        """Return for each line whether one of some changes is of it."""
        return mask_of(self.owner[which], len(self.rows))

    def _less(self, values: MinorArray, stated: MinorArray, which: FlagArray, name: str) -> MinorArray:
        """Return values less the sum of what some changes of each line state, 0 where they state nothing."""
        owner, stated = self.owner[which], stated[which]
        tally = Tally(len(values))
        tally.add(np.arange(len(values)), values)
        tally.add(owner, -stated)
        left = tally.saturated()
        self._refuse(
            (left < 0)[self.owner],
            f"give back more of {name!r} than was sold",
            allowed="in all at most what was sold, or what the latest adjustment states",
            hint="Check the amounts, or whether a change was taken in twice",
        )
        return left

    def _less_signed(self, values: MinorArray, stated: MinorArray, which: FlagArray, _: str) -> AnyArray:
        """Return the same of amounts of either sign: Python integers where 64 bits may not hold them."""
        owner, stated = self.owner[which], stated[which]
        if greatest(values) + greatest(stated) * len(stated) > MINOR_MAX:
            values, stated = values.astype(object), stated.astype(object)
        left = values.copy()
        np.subtract.at(left, owner, stated)
        return left

    def _floor(
        self,
        name: str,
        values: AnyArray,
        numerators: MinorArray,
        denominators: MinorArray,
        line: RowArray,
    ) -> MinorArray:
        """Return floor(values * numerators / denominators) of some lines, exactly.

        Of a line that goes anyway it is the nearest that 64 bits hold: refunds of it are still checked by it.
        """
        try:
            if values.dtype != object:
                return mul_div_arrays(values, numerators, denominators)
        except MoneyOverflowError:
            pass  # The lines are found below.
        exact = values * numerators.astype(object) // denominators.astype(object)
        wide = (exact > MINOR_MAX) | (exact < MINOR_MIN)
        beyond = mask_of(line[wide & ~self.goes[line]], len(self.rows))
        self._refuse(
            beyond[self.owner],
            f"leave more of {name!r} than 64 bits hold",
            error=MoneyOverflowError,
            allowed=f"{MINOR_MIN} to {MINOR_MAX} minor units",
            hint="Check the amounts",
        )
        fitting: MinorArray = np.clip(exact, MINOR_MIN, MINOR_MAX).astype(MINOR)
        return fitting


def mask_of(places: RowArray, length: int) -> FlagArray:
    """Return flags of which those at some places are set."""
    mask = np.zeros(length, dtype=FLAG)
    mask[places] = True
    return mask
