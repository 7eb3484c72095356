"""The margin report, and tables for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs

from fenxiao.money import format_minor

if TYPE_CHECKING:
    from fenxiao.money import Currency


@final
@attrs.frozen(kw_only=True, repr=False)
class MarginReport:
    """What a settlement used of the margins; money in minor units.

    For the orders ``margin = order_pay + handed_over``, for the period ``handed_over + funds + carried_in =
    period_pay + kept``: the report's own numbers satisfy both.

    Attributes
    ----------
    orders, lines, guest_lines : counts
    bound_orders : orders whose claims their margin cut
    loss_orders : orders with a negative margin
    above_paid : orders whose margin is above what was paid (legal, worth a look)
    paid : sum of the column ``paid``, None where there is none
    taken_before : what earlier runs of other cadences took from the orders' margins
    budget : sum of the orders' budgets: margins, losses as 0, less what was taken before
    losses : sum of the negative margins, where they lower the period's budget; else 0
    claimed, withheld : of all policies
    order_pay, period_pay : allowed on orders, allowed on the period
    handed_over, funds, kept : of the period; ``deferred`` is the part of ``kept`` that backs later releases,
        ``carried_on`` the part that empty pools carry over to the next run; what they brought they carry on
        whatever losses are set off
    carried_in : what empty pools of earlier periods carried over to this one
    released : paid now, backed by what earlier periods kept
    breakage : planned and found nobody to be paid
    cuts : name of a cap -> what it cut
    """

    currency: Currency
    orders: int
    lines: int
    guest_lines: int
    bound_orders: int
    loss_orders: int
    above_paid: int
    paid: int | None
    taken_before: int
    budget: int
    losses: int
    claimed: int
    withheld: int
    order_pay: int
    period_pay: int
    handed_over: int
    funds: int
    carried_in: int
    kept: int
    deferred: int
    carried_on: int
    released: int
    breakage: int
    cuts: tuple[tuple[str, int], ...]

    @property
    def used(self) -> int:
        """Return what orders and period pay together."""
        return self.order_pay + self.period_pay

    def _rows(self) -> list[tuple[str, str]]:
        def money(minor: int) -> str:
            return format_minor(minor, self.currency.decimals)

        optional = [
            ("taken by earlier runs", self.taken_before),
            ("funds added", self.funds),
            ("carried over from earlier periods", self.carried_in),
            ("losses set off", self.losses),
            ("deferred, backed by what is kept", self.deferred),
            ("carried over to the next, of what is kept", self.carried_on),
            ("released from earlier periods", self.released),
            ("planned without a payee", self.breakage),
            *((f"cut by {name}", amount) for name, amount in self.cuts),
        ]
        counts = [
            ("orders cut to their margin", self.bound_orders),
            ("orders at a loss", self.loss_orders),
            ("orders with a margin above what was paid", self.above_paid),
            ("lines of guests", self.guest_lines),
        ]
        rows = [("orders", f"{self.orders:,}")]
        rows += [(name, money(amount)) for name, amount in optional if amount]
        return rows + [(name, f"{count:,}") for name, count in counts if count]

    def __str__(self) -> str:
        def money(minor: int) -> str:
            return format_minor(minor, self.currency.decimals)

        whole = self.budget - self.losses + self.funds + self.carried_in
        text = f"{money(self.used)} of {money(whole)} used, {money(self.kept)} kept"
        return "\n".join([text, *(f"  {name}: {value}" for name, value in self._rows()[1:])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        decimals = self.currency.decimals
        first = [
            ("used", format_minor(self.used, decimals)),
            ("margin", format_minor(self.budget, decimals)),
            ("kept", format_minor(self.kept, decimals)),
        ]
        return html_table(("", self.currency.code), [*first, *self._rows()])


def html_table(head: tuple[str, ...], rows: list[Any]) -> str:
    """Return a table for notebooks; every text is escaped."""
    from html import escape

    top = "".join(f"<th>{escape(str(name))}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
