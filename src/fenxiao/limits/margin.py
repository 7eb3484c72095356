"""`Margin`: what an order's payouts may use at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs

from fenxiao.errors import PlanError, instance_of
from fenxiao.limits.choices import LEFTOVERS, RULES, choice, read_base, read_rate

if TYPE_CHECKING:
    from fenxiao.expressions import Base
    from fenxiao.money import Rate


@final
@attrs.frozen(kw_only=True)
class Margin:
    """What an order's payouts may use at most: its budget.

    Build one with `rate`, `column` or `catalog`. The budget of an order is the sum of its lines' margins, or
    0 where that is negative.

    Parameters
    ----------
    guard : {"order", "line"}
        ``"line"``: besides, no line pays more than its own margin.
    losses : {"ignore", "offset"}
        ``"offset"``: negative order margins lower what the period's claims may use.
    rule, leftover
        What gives way where claims exceed the budget; see `Cap`.

    Examples
    --------
    >>> Margin.rate("25%", of="paid").share
    Rate("25%")
    """

    share: Rate | None = attrs.field(default=None, converter=read_rate)
    of: Base | None = attrs.field(default=None, converter=read_base)
    from_catalog: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))
    guard: str = attrs.field(default="order", validator=choice(("order", "line")))
    losses: str = attrs.field(default="ignore", validator=choice(("ignore", "offset")))
    rule: str = attrs.field(default="proportional", validator=choice(RULES))
    leftover: str = attrs.field(default="largest_remainder", validator=choice(LEFTOVERS))
    name_of_column: str | None = attrs.field(
        default=None, validator=instance_of(str, optional=True, filled=True, error=PlanError)
    )

    def __attrs_post_init__(self) -> None:
        ways = [self.of is not None, self.from_catalog, self.name_of_column is not None]
        if sum(ways) != 1 or (self.share is not None) != (self.of is not None):
            raise PlanError(
                "Margin",
                "needs exactly one source",
                allowed='Margin.rate("25%", of="paid"), Margin.column("margin") or Margin.catalog()',
            )
        if self.share is not None and self.share.fraction > 1:
            raise PlanError("Margin, rate", "is above the whole", value=str(self.share), allowed="0 to 100 %")

    @classmethod
    def rate(cls, share: object, *, of: str | Base, **options: str) -> Margin:
        """Return a margin that is a share of a base, floored line by line; above 100 % is refused."""
        return cls(share=share, of=of, **options)  # type: ignore[arg-type]  # converters read them

    @classmethod
    def column(cls, name: str = "margin", **options: str) -> Margin:
        """Return a margin that the orders give line by line; it may be negative (a loss)."""
        return cls(name_of_column=name, **options)  # type: ignore[arg-type]  # converters read them

    @classmethod
    def catalog(cls, **options: str) -> Margin:
        """Return a margin from the catalog: a share of paid by product or category, else price minus cost."""
        return cls(from_catalog=True, **options)
