"""Explanations: why a member is or is not paid, on one order or in the period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs

from fenxiao.money import format_minor
from fenxiao.statements.member import REASON_TEXT

if TYPE_CHECKING:
    from fenxiao.errors import Reason
    from fenxiao.money import Currency


@final
@attrs.frozen(kw_only=True)
class Verdict:
    """What one policy did for one member on one order line; money in minor units."""

    policy: str
    line: int
    level: int | None
    claimed: int
    allowed: int
    reason: Reason
    detail: str = ""

    def text(self, decimals: int, *, names_line: bool = False) -> str:
        """Return the verdict as a sentence, with the order's line where an order has several."""
        place = f"{self.policy}{f', line {self.line}' if names_line else ''}: " + (
            f"level {self.level}, " if self.level is not None and self.level >= 0 else ""
        )
        why = REASON_TEXT.get(self.reason, f"reason {int(self.reason)}")
        if self.claimed:
            allowed, claimed = format_minor(self.allowed, decimals), format_minor(self.claimed, decimals)
            text = f"{place}{allowed} of {claimed} claimed" + (f", {self.detail}" if self.detail else "")
            return text if self.claimed == self.allowed else f"{text} ({why})"
        return f"{place}nothing: {why}" + (f" ({self.detail})" if self.detail else "")


@final
@attrs.frozen(kw_only=True, repr=False)
class Explanation:
    """Why a member is or is not paid for an order, policy by policy.

    ``notes`` say what of the order no longer counts, because its source has reached a limit.
    """

    member: Any
    order_id: Any
    currency: Currency
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        several = len({verdict.line for verdict in self.verdicts}) > 1
        verdicts = (verdict.text(self.currency.decimals, names_line=several) for verdict in self.verdicts)
        return "\n".join([*verdicts, *self.notes])

    __repr__ = __str__


@final
@attrs.frozen(kw_only=True)
class PeriodVerdict:
    """What one period policy did for one member; money in minor units.

    ``parts`` says in words what the claim is made of; ``detail`` why there is none.
    """

    policy: str
    claimed: int
    allowed: int
    reason: Reason
    parts: tuple[str, ...] = ()
    detail: str = ""

    def text(self, decimals: int) -> str:
        """Return the verdict as a sentence, and a line for each part of the claim."""
        why = REASON_TEXT.get(self.reason, f"reason {int(self.reason)}")
        if not self.claimed:
            return f"{self.policy}: nothing: {why}" + (f" ({self.detail})" if self.detail else "")
        allowed, claimed = format_minor(self.allowed, decimals), format_minor(self.claimed, decimals)
        text = f"{self.policy}: {allowed} of {claimed} claimed"
        text += "" if self.claimed == self.allowed else f" ({why})"
        return "\n".join([text, *(f"  {part}" for part in self.parts)])


@final
@attrs.frozen(kw_only=True, repr=False)
class PeriodExplanation:
    """Why a member is or is not paid by the policies that claim on the period."""

    member: Any
    period: str
    currency: Currency
    verdicts: tuple[PeriodVerdict, ...]

    def __str__(self) -> str:
        return "\n".join(verdict.text(self.currency.decimals) for verdict in self.verdicts)

    __repr__ = __str__
