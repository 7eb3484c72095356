"""`Cap`: a limit on payouts besides the margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, final

import attrs

from fenxiao.errors import PlanError, Reason, UnsupportedError, instance_of, is_one_of
from fenxiao.expressions import Base, pairs_of
from fenxiao.limits.choices import (
    IN_ORDER,
    LEFTOVERS,
    ORDER_MARGIN,
    PERIOD_MARGIN,
    REASON_OF_SCOPE,
    RULES,
    SCOPES,
    WINDOWS,
    choice,
    optional_money,
    read_base,
    read_rate,
)
from fenxiao.money import Rate, is_amount

if TYPE_CHECKING:
    from collections.abc import Iterable


def _names(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = (value,) if isinstance(value, str) else value
    listed = isinstance(names, tuple | list | set | frozenset) and len(names) > 0
    if not listed or not all(isinstance(name, str) for name in names):
        raise PlanError(
            "Cap, on or counting",
            "is not a list of policies' names",
            value=value,
            allowed='["referral"]; left out for all',
        )
    return tuple(sorted(names) if isinstance(names, set | frozenset) else names)


def _money_by_rank(table: Any) -> tuple[tuple[str, str], ...]:
    pairs = pairs_of(table, "Cap, by_rank", allowed='{"gold": "500.00"}')
    for rank, money in pairs:
        if not is_amount(money):
            raise PlanError(
                f"Cap, by_rank {rank!r}", "is not an amount", value=money, allowed='such as "500.00"'
            )
    return pairs


@final
@attrs.frozen(kw_only=True)
class Cap:
    """A limit on payouts besides the margin.

    Build one with `per_line`, `per_order`, `per_product`, `per_policy`, `per_payee`, `per_owner`,
    `per_source`, `per_region`, `per_period` or `company`.

    Parameters
    ----------
    scope
        The group that one limit holds for.
    money, rate and of, column, by_rank
        The limit: an amount; a share of a base summed over the group; a money column (of the orders for
        scopes inside an order, of the members for payee and owner); an amount by the payee's rank.
    on : names of policies
        What the cap cuts; all policies if left out.
    counting : names of policies
        What uses the limit up; the same as `on` if left out.
    rule
        Who gives way: ``proportional``; ``priority`` (later policies, then farther levels first);
        ``equal_awards``; ``equal_losses``; ``talmud``; ``reject`` (raise, settle nothing).
    leftover
        ``largest_remainder`` uses the limit to the last minor unit, ``floor`` leaves what does not divide.
    cut
        ``forfeit``, or ``defer``: kept in `State`, oldest first, for the next run (wide scopes only).
    window
        Over what the limit holds: the ``period``, its calendar ``year``, the year since the payee or source
        ``joined`` or had the last ``anniversary`` of it, or the ``lifetime``. The first date of the period
        decides which year it counts to; usage so far is in `State`.
    name
        Names the cap in reports and in `State`; by default its scope and place.

    Examples
    --------
    >>> Cap.per_order("30%", of="paid").scope
    'order'
    >>> Cap.per_payee("5000.00", window="lifetime").money
    '5000.00'
    """

    tables: ClassVar[tuple[str, ...]] = ("by_rank",)

    scope: str = attrs.field(validator=choice(SCOPES))
    money: str | None = attrs.field(default=None, validator=optional_money)
    rate: Rate | None = attrs.field(default=None, converter=read_rate)
    of: Base | None = attrs.field(default=None, converter=read_base)
    column: str | None = attrs.field(
        default=None, validator=instance_of(str, optional=True, filled=True, error=PlanError)
    )
    by_rank: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_money_by_rank)
    rank_column: str = attrs.field(default="rank", validator=instance_of(str, filled=True, error=PlanError))
    on: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    counting: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    rule: str = attrs.field(default="proportional", validator=choice(RULES))
    leftover: str = attrs.field(default="largest_remainder", validator=choice(LEFTOVERS))
    cut: str = attrs.field(default="forfeit", validator=choice(("forfeit", "defer")))
    window: str = attrs.field(default="period", validator=choice(WINDOWS))
    name: str = attrs.field(default="", validator=instance_of(str, error=PlanError))

    def __attrs_post_init__(self) -> None:
        if self.name in (ORDER_MARGIN, PERIOD_MARGIN):
            raise PlanError(
                f"Cap on {self.scope}, name",
                "is one that margins have",
                value=self.name,
                hint="Call it otherwise",
            )
        ways = [self.money is not None, self.rate is not None, self.column is not None, bool(self.by_rank)]
        if sum(ways) != 1 or (self.rate is not None) != (self.of is not None):
            raise PlanError(
                f"Cap on {self.scope}",
                "needs exactly one limit",
                allowed='an amount "500.00", a rate "30%" with of=, column= or by_rank=',
            )
        if self.by_rank and self.scope != "payee":
            raise UnsupportedError(
                f"Cap on {self.scope}", "has a limit by rank", allowed="by_rank with scope payee"
            )
        if self.column is not None and self.scope not in (*IN_ORDER, "payee", "owner"):
            raise UnsupportedError(
                f"Cap on {self.scope}", "has a column as limit", allowed="scopes in an order, payee, owner"
            )
        if self.in_order and (self.cut != "forfeit" or self.window != "period"):
            raise UnsupportedError(
                f"Cap on {self.scope}",
                "looks at one order and can neither defer nor span periods",
                hint='Use a wide scope, such as Cap.per_payee(..., cut="defer")',
            )
        if self.window == "anniversary" and self.scope not in ("payee", "source"):
            raise UnsupportedError(
                f"Cap on {self.scope}",
                "holds from anniversary to anniversary, which single members have",
                allowed="scopes payee and source",
                hint='Write window="year", or Cap.per_payee(...)',
            )
        if self.window != "period" and self.rate is not None:
            raise UnsupportedError(
                f"Cap on {self.scope}",
                "is a rate of a base over more than the period",
                allowed="money, column or by_rank",
            )
        if self.cut == "defer" and self.rule == "reject":
            raise UnsupportedError(f"Cap on {self.scope}", "both rejects and defers", allowed="one of them")

    @property
    def in_order(self) -> bool:
        """Return whether the cap looks at one order only."""
        return self.scope in IN_ORDER

    @property
    def reason(self) -> Reason:
        """Return the reason of lines whose largest cut is this cap's."""
        return REASON_OF_SCOPE[self.scope]

    @classmethod
    def _limited(cls, scope: str, limit: Any, of: str | Base | None, options: dict[str, Any]) -> Cap:
        if of is not None:
            return cls(scope=scope, rate=limit, of=of, **options)
        return cls(scope=scope, money=limit, **options)

    @classmethod
    def per_line(cls, limit: object = None, *, of: str | Base | None = None, **options: Any) -> Cap:
        """Return a cap on each order line."""
        return cls._limited("line", limit, of, options)

    @classmethod
    def per_order(cls, limit: object = None, *, of: str | Base | None = None, **options: Any) -> Cap:
        """Return a cap on each order."""
        return cls._limited("order", limit, of, options)

    @classmethod
    def per_product(
        cls, limit: object = None, *, within: str, of: str | Base | None = None, **options: Any
    ) -> Cap:
        """Return a cap on each product within an ``"order"`` or the ``"period"``."""
        return cls._limited(_within("product", within), limit, of, options)

    @classmethod
    def per_policy(
        cls, limit: object = None, *, within: str, of: str | Base | None = None, **options: Any
    ) -> Cap:
        """Return a cap on each policy within an ``"order"`` or the ``"period"``."""
        return cls._limited(_within("policy", within), limit, of, options)

    @classmethod
    def per_payee(cls, limit: object = None, *, of: str | Base | None = None, **options: Any) -> Cap:
        """Return a cap on each payee; a rate is one of the base of his own orders."""
        return cls._limited("payee", limit, of, options)

    @classmethod
    def per_owner(cls, limit: object = None, *, of: str | Base | None = None, **options: Any) -> Cap:
        """Return a cap on all positions of one person together (members' column ``owner``)."""
        return cls._limited("owner", limit, of, options)

    @classmethod
    def per_source(cls, limit: object = None, *, of: str | Base | None = None, **options: Any) -> Cap:
        """Return a cap on what one credited member's orders cause to be paid."""
        return cls._limited("source", limit, of, options)

    @classmethod
    def per_region(cls, limit: object = None, *, of: str | Base | None = None, **options: Any) -> Cap:
        """Return a cap on each region over the period."""
        return cls._limited("region", limit, of, options)

    @classmethod
    def per_period(cls, limit: object = None, *, of: str | Base | None = None, **options: Any) -> Cap:
        """Return a cap on everything that the period pays."""
        return cls._limited("period", limit, of, options)

    @classmethod
    def company(cls, limit: object = None, *, of: str | Base | None = None, **options: Any) -> Cap:
        """Return a cap on everything that the company pays, after all other limits."""
        return cls._limited("company", limit, of, options)


def _within(what: str, within: str) -> str:
    if not is_one_of(within, ("order", "period")):
        raise PlanError(
            f"Cap.per_{what}, within", "is not one of the choices", value=within, allowed="order, period"
        )
    return f"{what}_in_order" if within == "order" else what
