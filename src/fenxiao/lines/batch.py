"""Lines: who is paid what for which order line, as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, REASON, ROW, AnyArray, IndexArray, MinorArray, ReasonArray, RowArray
from fenxiao.errors import InputError, Reason
from fenxiao.limits import ORDER_MARGIN, PERIOD_MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao.facts import Facts
    from fenxiao.limits import Cap
    from fenxiao.money import Currency

NO_ORDER: Final = -1
"""The order row of a line that belongs to no order: a period claim, or what an earlier run deferred."""
NO_CUT: Final = -1


@final
@attrs.frozen(eq=False, kw_only=True)
class LineTerms:
    """What the numbers in lines stand for, the same for all batches of a settlement."""

    facts: Facts
    currency: Currency
    policies: tuple[str, ...]
    stages: tuple[int, ...]
    caps: tuple[Cap, ...]
    earning_period: str

    def cap_name(self, place: int, *, in_order: bool) -> str:
        """Return the name of the cap at a place; the number of caps is a margin."""
        if place < len(self.caps):
            return self.caps[place].name
        return ORDER_MARGIN if in_order else PERIOD_MARGIN

    def reason_of(self, place: int, *, in_order: bool) -> Reason:
        """Return the reason that stands for the cap at a place; the number of caps is a margin."""
        if place == NO_CUT:
            return Reason.PAID
        if place < len(self.caps):
            return self.caps[place].reason
        return Reason.CUT_MARGIN if in_order else Reason.CUT_PERIOD_MARGIN


@final
@attrs.frozen(eq=False, kw_only=True)
class CutBatch:
    """What one cap took from some lines, one entry a line; a line may occur under several caps.

    Attributes
    ----------
    lines : LineBatch
        The lines, as in `LineBatch`. Wide caps cut totals: their lines stand for no single order.
    cap : str
        The cap's name, ``"order margin"``, or ``"period margin"`` for what the period's orders leave.
    amount : int64 [n]
        Minor units taken.
    """

    lines: LineBatch
    cap: str
    amount: MinorArray

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.amount)

    def columns(self) -> dict[str, Any]:
        """Return every column by name, ready for a data frame; money in minor units."""
        wanted = ("order_id", "line", "payee", "policy", "level")
        lines = self.lines.columns()
        return {name: lines[name] for name in wanted} | {
            "cap": [self.cap] * len(self),
            "cut_minor": self.amount,
        }


@final
@attrs.frozen(eq=False, kw_only=True)
class LineBatch:
    """Some lines of a settlement, one entry a line in every column.

    Attributes
    ----------
    order_row : int64 [n]
        Row of the order line in ``facts.orders``, -1 for none.
    payee_index : int32 [n]
        The payee's index in the tree.
    policy_place : int32 [n]
        Place of the policy in the plan.
    level : int32 [n]
        Level above the credited member, -1 for none.
    claimed, allowed : int64 [n]
        Minor units.
    earning_periods : tuple of str or None
        One a line where they differ from the settled period.
    """

    terms: LineTerms
    order_row: RowArray
    payee_index: IndexArray
    policy_place: IndexArray
    level: IndexArray
    claimed: MinorArray
    allowed: MinorArray
    cut_of: Callable[[], IndexArray]
    base_of: Callable[[], MinorArray] | None = None
    earning_periods: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.claimed)

    @property
    def withheld(self) -> MinorArray:
        """Return what is withheld of each claim, in minor units."""
        return self.claimed - self.allowed

    @property
    def largest_cut(self) -> IndexArray:
        """Return the place in the plan of the cap that cut most (int32 [n]), -1 for none."""
        return self.cut_of()

    @property
    def base(self) -> MinorArray:
        """Return the floor of each line's base in minor units; 0 where a policy names none."""
        return np.zeros(len(self), dtype=MINOR) if self.base_of is None else self.base_of()

    @property
    def reason(self) -> ReasonArray:
        """Return a `Reason` code a line: that of its largest cut, `Reason.PAID` for none."""
        places = range(NO_CUT, len(self.terms.caps) + 1)
        table = [[self.terms.reason_of(place, in_order=side) for place in places] for side in (False, True)]
        codes = np.array(table, dtype=REASON)
        found: ReasonArray = codes[(self.order_row != NO_ORDER).astype(INDEX), self.largest_cut + 1]
        return found

    @property
    def payee(self) -> AnyArray:
        """Return the payees' labels."""
        return self.terms.facts.tree.labels(self.payee_index)

    @property
    def policy(self) -> list[str]:
        """Return the policies' names."""
        return [self.terms.policies[place] for place in self.policy_place.tolist()]

    @property
    def stage(self) -> IndexArray:
        """Return the policies' stages."""
        return np.array(self.terms.stages, dtype=INDEX)[self.policy_place]

    @property
    def order_id(self) -> list[Any]:
        """Return the order ids, None for lines without an order."""
        ids = self.terms.facts.orders.order_id
        return [None if row == NO_ORDER else ids.value(row) for row in self.order_row.tolist()]

    @property
    def line(self) -> RowArray:
        """Return the orders' line numbers, 0 for lines without an order."""
        return self._by_order(self.terms.facts.orders.line)

    @property
    def source(self) -> list[Any]:
        """Return the labels of the credited members, None for guests and for lines without an order."""
        members = self._by_order(self.terms.facts.member_index).tolist()
        tree = self.terms.facts.tree
        rows = self.order_row.tolist()
        nobody = len(tree)
        return [
            None if row == NO_ORDER or m == nobody else tree.label(m)
            for m, row in zip(members, rows, strict=True)
        ]

    def _by_order(self, values: AnyArray) -> AnyArray:
        if len(values) == 0:
            return np.zeros(len(self), dtype=values.dtype)
        return np.where(self.order_row == NO_ORDER, values.dtype.type(0), values[self.order_row])

    @property
    def earning_period(self) -> tuple[str, ...]:
        """Return the period in which each line was earned."""
        return self.earning_periods or (self.terms.earning_period,) * len(self)

    def columns(self) -> dict[str, Any]:
        """Return every column by name, ready for a data frame; money in minor units."""
        return {
            "order_id": self.order_id,
            "line": self.line,
            "payee": self.payee,
            "source": self.source,
            "policy": self.policy,
            "stage": self.stage,
            "level": self.level,
            "base_minor": self.base,
            "claimed_minor": self.claimed,
            "allowed_minor": self.allowed,
            "withheld_minor": self.withheld,
            "reason": self.reason,
            "unit": [self.terms.currency.code] * len(self),
            "earning_period": list(self.earning_period),
        }

    def take(self, rows: AnyArray) -> LineBatch:
        """Return some lines (row numbers or a mask).

        Raises
        ------
        InputError
            There are no such lines.
        """
        try:
            chosen = np.arange(len(self), dtype=ROW)[rows].tolist()
        except (IndexError, TypeError, ValueError):
            raise InputError(
                "LineBatch.take, rows",
                "are not lines of the batch",
                value=rows,
                allowed=f"numbers from 0 to {len(self) - 1}, a mask of {len(self)}, or a slice",
            ) from None
        base, base_of = self.base_of, None
        if base is not None:

            def base_of() -> MinorArray:
                return base()[rows]

        periods = self.earning_periods
        return attrs.evolve(
            self,
            order_row=self.order_row[rows],
            payee_index=self.payee_index[rows],
            policy_place=self.policy_place[rows],
            level=self.level[rows],
            claimed=self.claimed[rows],
            allowed=self.allowed[rows],
            cut_of=lambda: self.largest_cut[rows],
            base_of=base_of,
            earning_periods=None if periods is None else tuple(periods[row] for row in chosen),
        )
