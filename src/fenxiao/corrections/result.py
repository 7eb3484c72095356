"""`Correction`: what a correction posts, and the book after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR
from fenxiao.money import format_minor, to_decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from fenxiao.corrections.book import Book
    from fenxiao.corrections.outcome import Outcome
    from fenxiao.earned import Differences
    from fenxiao.state import State


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Correction:
    """What the facts now known change in what was earned; see `fenxiao.correct`.

    Attributes
    ----------
    book : Book
        What has been earned by now. Store it, and correct it the next time; the book before is used up.
    differences : mapping
        Earning period -> `fenxiao.earned.Differences`, for every period that was settled again. Post them in
        the present period.
    rejected : tuple
        What a cap with ``rule="reject"`` refuses: ``(order_id, line)`` of orders, or groups of a wider cap.
        Then nothing has changed, and ``differences`` is empty.
    """

    book: Book
    differences: Mapping[str, Differences]
    rejected: tuple[Any, ...] = ()
    _outcomes: Callable[[str], tuple[Outcome, Outcome]]
    _unrecovered: Callable[[], Mapping[str, Differences]]

    @property
    def state(self) -> State:
        """Return what the next period is settled from."""
        return self.book.state

    @property
    def total_minor(self) -> int:
        """Return the sum of all differences in minor units."""
        return sum(each.total_minor for each in self.differences.values())

    def totals(self) -> dict[Any, Decimal]:
        """Return what each member is due, or owes where it is negative, members with nothing left out."""
        sums: dict[Any, int] = {}
        for found in self.differences.values():
            for label, amount in zip(found.labels.tolist(), found.difference.tolist(), strict=True):
                sums[label] = sums.get(label, 0) + amount
        decimals = self.book.currency.decimals
        return {label: to_decimal(sums[label], decimals) for label in sorted(sums, key=repr) if sums[label]}

    def columns(self) -> dict[str, Any]:
        """Return a row for each period, policy and member who is due another amount, for a data frame."""
        parts = [each.columns() for each in self.differences.values()]
        names = ("before_minor", "after_minor", "difference_minor")
        return {
            "earning_period": [key for key, part in self.differences.items() for _ in range(len(part))],
            "policy": [policy for part in parts for policy in part["policy"]],
            "member": [label for part in parts for label in part["member"].tolist()],
            **{
                name: np.concatenate([np.zeros(0, dtype=MINOR), *(part[name] for part in parts)])
                for name in names
            },
        }

    def lines_of(self, member: Any, period: str = "") -> list[dict[str, Any]]:
        """Return the lines of a member that differ in a period: order id, line, policy, level, amounts.

        The period is settled twice for it. Pay on the period has no order.

        Raises
        ------
        StateError
            The period was not settled again, or the facts that it was settled on before are not at hand:
            books that were read from data do not have them.
        UnknownMemberError
            There is no such member now.
        """
        before, after = (outcome.lines_of(member) for outcome in self._outcomes(str(period)))
        names = ("order_id", "line", "policy", "level")
        return [
            {
                **dict(zip(names, key, strict=True)),
                "before_minor": before.get(key, 0),
                "after_minor": after.get(key, 0),
                "difference_minor": after.get(key, 0) - before.get(key, 0),
            }
            for key in sorted({*before, *after}, key=repr)
            if before.get(key, 0) != after.get(key, 0)
        ]

    def unrecovered(self) -> Mapping[str, Differences]:
        """Return what the plan's refunds leave with payees beyond what recomputing would, by period.

        ``before`` is what settling the facts now known would give, ``after`` what is earned; rows where
        that is less are left out. The periods are settled once more for it.
        """
        return self._unrecovered()

    @property
    def unrecovered_minor(self) -> int:
        """Return the sum of what is left with payees, in minor units."""
        return sum(each.total_minor for each in self.unrecovered().values())

    def __repr__(self) -> str:
        if self.rejected:
            return f"Correction(rejected on {len(self.rejected)} order line(s) or group(s))"
        rows, currency = sum(map(len, self.differences.values())), self.book.currency
        money = format_minor(self.total_minor, currency.decimals)
        return f"Correction({rows:,} difference{'s' * (rows != 1)}: {money} {currency.code})"
