"""Reasons in words, totals, and one member's statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._kernels.tally import exact_add
from fenxiao.errors import Reason
from fenxiao.money import format_minor, to_decimal
from fenxiao.statements.report import html_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from fenxiao._arrays import MinorArray
    from fenxiao.lines import LineBatch
    from fenxiao.money import Currency
    from fenxiao.tree import ReferralTree

REASON_TEXT: Final[Mapping[Reason, str]] = {
    Reason.PAID: "paid in full",
    Reason.NO_MEMBER: "the order credits no member",
    Reason.NOT_SELECTED: "the policy does not select this order",
    Reason.NO_UPLINE: "nobody stands at this level",
    Reason.NOT_ELIGIBLE: "not eligible",
    Reason.NOT_ENTITLED: "not entitled at this level",
    Reason.SELF_PURCHASE: "own purchase",
    Reason.STOPPED: "the walk ended below",
    Reason.BEYOND_DEPTH: "the plan does not pay this level",
    Reason.ROUNDED_TO_ZERO: "rounds to nothing",
    Reason.ZERO_RATE: "the rate or the base is zero",
    Reason.NOT_IN_PERIOD: "the order lies outside the period",
    Reason.NOT_UPLINE: "not in the upline of this order",
    Reason.NO_CLAIM: "the policy claims nothing here",
    Reason.PAID_BELOW: "paid below already",
    Reason.BLOCKED: "takes a step that is not paid",
    Reason.COMPRESSED: "not on the route",
    Reason.PASSED_UP: "the order is passed up",
    Reason.NOT_SOURCE: "nothing is paid for this member",
    Reason.NOT_FITTING: "a condition between payee and source fails",
    Reason.EMPTY_POOL: "nobody has a share of the pool",
    Reason.BASE_ONLY: "not paid, but a base for others",
    Reason.NOT_AGENT: "not an agent for this order",
    Reason.CUT_LINE: "cap on the line",
    Reason.CUT_PRODUCT_IN_ORDER: "cap on the product in the order",
    Reason.CUT_POLICY_IN_ORDER: "cap on the policy in the order",
    Reason.CUT_ORDER: "cap on the order",
    Reason.CUT_MARGIN: "margin of the order",
    Reason.CUT_PAYEE: "cap on the payee",
    Reason.CUT_OWNER: "cap on the owner",
    Reason.CUT_SOURCE: "cap on the source",
    Reason.CUT_POLICY: "cap on the policy",
    Reason.CUT_PRODUCT: "cap on the product",
    Reason.CUT_REGION: "cap on the region",
    Reason.CUT_PERIOD: "cap on the period",
    Reason.CUT_PERIOD_MARGIN: "what the period's orders leave",
    Reason.CUT_COMPANY: "cap on the company",
}
"""What each reason says in a statement."""


def percent(text: str) -> str:
    """Return a rate as statements write it: ``10%`` becomes ``10 %``."""
    return f"{text[:-1]} %" if text.endswith("%") else text


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class MemberTotals:
    """What every member of the tree gets, as columns in tree order.

    Attributes
    ----------
    allowed, released : int64 [members]
        Minor units. ``allowed`` is what this run earned; ``released`` what it pays besides, because earlier
        runs deferred it. ``claimed`` and ``withheld`` are found when they are first asked for.
    """

    tree: ReferralTree
    currency: Currency
    allowed: MinorArray
    released: MinorArray
    withheld_of: Callable[[], MinorArray]

    @property
    def withheld(self) -> MinorArray:
        """Return what caps and margins withheld."""
        return self.withheld_of()

    @property
    def claimed(self) -> MinorArray:
        """Return ``allowed + withheld``."""
        return exact_add((self.allowed, self.withheld), len(self.tree), "a member's claims")

    @property
    def members(self) -> Any:
        """Return the members' labels in tree order."""
        return self.tree.ids

    @property
    def payable(self) -> MinorArray:
        """Return ``allowed + released`` in minor units."""
        return exact_add((self.allowed, self.released), len(self.tree), "what is payable")

    def to_dict(self) -> dict[Any, Decimal]:
        """Return what is payable to whom, members with nothing left out, by label in label order."""
        payable = self.payable
        paid = np.flatnonzero(payable)
        paid = paid[np.argsort(self.tree.label_rank[paid])]
        decimals = self.currency.decimals
        return {self.tree.label(i): to_decimal(int(payable[i]), decimals) for i in paid.tolist()}

    def columns(self) -> dict[str, Any]:
        """Return every column by name, ready for a data frame; money in minor units."""
        return {
            "member": self.members,
            "claimed_minor": self.claimed,
            "allowed_minor": self.allowed,
            "withheld_minor": self.withheld,
            "released_minor": self.released,
        }

    def __repr__(self) -> str:
        paid = int(np.count_nonzero(self.payable))
        total = format_minor(sum(self.payable.tolist()), self.currency.decimals)
        return f"MemberTotals({total} {self.currency.code} to {paid:,} of {len(self.tree):,} members)"


@final
@attrs.frozen(eq=False, kw_only=True)
class StatementLine:
    """One line in words; money in minor units."""

    order_id: Any
    line: int
    policy: str
    level: int
    rate: str
    base: int
    claimed: int
    allowed: int
    reason: Reason
    earning_period: str
    released: bool = False
    parts: tuple[str, ...] = ()
    """What a claim on the period is made of, in words."""

    def text(self, decimals: int, *, names_policy: bool = False, names_line: bool = False) -> str:
        """Return the line as a sentence, with the policy and the order's line where they tell lines apart."""
        text = f"{format_minor(self.allowed, decimals)}: "
        text += f"{self.policy}, " if names_policy and self.order_id is not None else ""
        text += f"level {self.level} of " if self.level >= 0 else ""
        text += f"order {self.order_id}" if self.order_id is not None else self.policy
        text += f" line {self.line}" if names_line and self.order_id is not None else ""
        if self.released:
            text += f", earned in {self.earning_period or 'an earlier run'}"
        if self.rate:
            of_base = self.rate.endswith("%") or "/" in self.rate
            text += f", {percent(self.rate)}" + (
                f" of {format_minor(self.base, decimals)}" if of_base else ""
            )
        if self.allowed != self.claimed:
            claimed, less = (format_minor(n, decimals) for n in (self.claimed, self.claimed - self.allowed))
            text += f" = {claimed}, less {less} ({REASON_TEXT[self.reason]})"
        return "\n".join([text, *(f"  {part}" for part in self.parts)])


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Statement:
    """One member's view of a settlement (对账单).

    ``print`` gives it in words; ``lines`` has the columns.
    """

    member: Any
    currency: Currency
    entries: tuple[StatementLine, ...]
    lines: LineBatch

    @property
    def total_minor(self) -> int:
        """Return the sum of the allowed amounts in minor units."""
        return sum(entry.allowed for entry in self.entries)

    @property
    def total(self) -> Decimal:
        """Return the sum of the allowed amounts."""
        return to_decimal(self.total_minor, self.currency.decimals)

    def __str__(self) -> str:
        decimals = self.currency.decimals
        if not self.entries:
            return f"{format_minor(0, decimals)}: nothing was claimed"
        several_policies = len({entry.policy for entry in self.entries}) > 1
        orders = {entry.order_id for entry in self.entries}
        several_lines = len({(entry.order_id, entry.line) for entry in self.entries}) > len(orders)
        texts = [
            entry.text(decimals, names_policy=several_policies, names_line=several_lines)
            for entry in self.entries
        ]
        if len(texts) > 1:
            texts.append(f"{format_minor(self.total_minor, decimals)} {self.currency.code} in all")
        return "\n".join(texts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = ("order", "policy", "level", "rate", "base", "claimed", "allowed", "why less")
        decimals = self.currency.decimals
        rows = [
            (
                "" if entry.order_id is None else entry.order_id,
                entry.policy,
                entry.level if entry.level >= 0 else "",
                entry.rate,
                format_minor(entry.base, decimals),
                format_minor(entry.claimed, decimals),
                format_minor(entry.allowed, decimals),
                "" if entry.allowed == entry.claimed else REASON_TEXT[entry.reason],
            )
            for entry in self.entries
        ]
        return html_table(head, rows)
