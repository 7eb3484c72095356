"""`SourceLimit`: what counts of a base until its source has reached a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

import attrs

from fenxiao.errors import PlanError, instance_of
from fenxiao.expressions import Base
from fenxiao.limits.choices import WINDOWS, choice, optional_money

if TYPE_CHECKING:
    from typing import Any


RESERVED: Final = frozenset(
    (
        *("order_id", "line", "member", "buyer", "known_at", "currency"),
        *("quantity", "paid", "margin", "cost"),
        *("kind", "product", "category", "region"),
    )
)
"""Columns of orders and of the catalog that have a meaning of their own."""


def _column_name(_: object, __: object, value: str) -> None:
    if value in RESERVED:
        raise PlanError(
            f"source limit {value!r}",
            "is called like a column that orders or catalogs may have",
            hint='Call it otherwise: "company_money"',
        )


def _required_base(value: Any) -> Base:
    return Base.from_data(value)


@final
@attrs.frozen
class SourceLimit:
    """An order column that the plan computes: a base, as far as it counts until its source's limit.

    Of each line the base counts, rounded down to minor units, until what counted of the lines of its credited
    member reaches his limit; from then on nothing counts. Lines count one after the other by their time (the
    plan's anchor), then by order id and line. Bases, volumes, caps, selections and the margin read the column
    by its name. Guests have no limit: their lines count in full.

    What has counted is in `State`, so that any cut into periods gives the same, as long as they are settled
    in the order of time; refunds of earlier lines make room for later ones, and `fenxiao.correct` settles
    these again. As in every base, what is negative counts as zero: losses of lines are not set off.

    Parameters
    ----------
    name : str
        Of the column; neither the orders nor the catalog have one of that name.
    of : str or Base
        What counts, of columns that are given: ``Base("paid") * "20%"``.
    money : str
        The limit, the same for everybody; or
    column : str
        The members' money column that holds each one's limit.
    window : {"period", "year", "anniversary", "lifetime"}
        Over what it holds: what a run settles, the calendar year of a line's local date, the year since the
        credited member's ``joined`` date or its last anniversary, or always. An anniversary of 29 February
        is 28 February where there is none; what comes before ``joined`` belongs to the first year.

    Examples
    --------
    >>> SourceLimit("company_money", of=Base("paid") * "20%", money="16000.00", window="anniversary").of
    Base('paid') * '20%'
    """

    name: str = attrs.field(validator=[instance_of(str, filled=True, error=PlanError), _column_name])
    of: Base = attrs.field(converter=_required_base, kw_only=True)
    money: str | None = attrs.field(default=None, validator=optional_money, kw_only=True)
    column: str | None = attrs.field(
        default=None, validator=instance_of(str, optional=True, filled=True, error=PlanError), kw_only=True
    )
    window: str = attrs.field(validator=choice(WINDOWS), kw_only=True)

    def __attrs_post_init__(self) -> None:
        if (self.money is None) == (self.column is None):
            raise PlanError(
                f"source limit {self.name!r}",
                "needs exactly one limit",
                allowed='money="16000.00", or column= with a money column of the members',
            )
