"""`Refunds`: what a plan does about money that goes back after an order was settled, as data."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs

from fenxiao.errors import PlanError, instance_of, is_listing, is_one_of, what
from fenxiao.money import Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

RULES: Final = ("recompute", "own_lines", "pro_rata", "bands", "none")
UNITS: Final = ("days", "months")
KINDS: Final = ("refund", "cancellation", "chargeback")
"""Kinds of changes that give money back."""
SPAN_MAX: Final = 36_600
"""The longest horizon or age, in days or months: no date lies further from another."""
_ALLOWED: Final = 'ages from 0 on with the share that is taken back: {0: "70%", 7: "40%", 13: "0%"}'


def _one_of(allowed: Sequence[str]) -> Any:
    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not is_one_of(value, allowed):
            thing = f"Refunds, {attribute.name}"
            raise PlanError(thing, "is not one of the choices", value=value, allowed=", ".join(allowed))

    return check


def _age(value: Any) -> int:
    """Return an age, which plain data writes as text."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= SPAN_MAX:
        raise PlanError("Refunds, bands", "have an age that is none", value=value, allowed=_ALLOWED)
    return number


def _bands(table: Any) -> tuple[tuple[int, Rate], ...]:
    pairs = list(table.items()) if isinstance(table, Mapping) else table
    if not is_listing(pairs) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise PlanError("Refunds, bands", what(table), allowed=_ALLOWED)
    bands = sorted(((_age(age), Rate.of(rate)) for age, rate in pairs), key=lambda band: band[0])
    ages = [age for age, _ in bands]
    if len(set(ages)) < len(ages):
        raise PlanError("Refunds, bands", "have an age twice", value=ages, allowed=_ALLOWED)
    above = [str(rate) for _, rate in bands if rate.fraction > 1]
    if above:
        raise PlanError("Refunds, bands", "take back more than there was", value=above, allowed="0% to 100%")
    return tuple(bands)


def _kinds(values: Any) -> tuple[str, ...]:
    kinds = (values,) if isinstance(values, str) else values
    if not is_listing(kinds) or not all(is_one_of(kind, KINDS) for kind in kinds):
        raise PlanError("Refunds, in_full", "are no kinds", value=values, allowed=", ".join(KINDS))
    return tuple(sorted(set(kinds)))


@final
@attrs.frozen(kw_only=True)
class Refunds:
    """What becomes of pay when money goes back after its period was settled; see `fenxiao.correct`.

    `settle` takes orders net of all changes that its facts know. `correct` applies the rule to all changes,
    also to those that the first settlement knew: what a period has earned depends on the facts alone. Settle
    a period, then, on the facts as they were known at its end, or correct it right away.

    Parameters
    ----------
    rule : {"recompute", "own_lines", "pro_rata", "bands", "none"}
        ``recompute`` (default): pay is what settling the facts now known would give. ``own_lines``: only the
        changed order's own lines are taken back, in proportion to what they would be without the money that
        went back; ranks, volumes and pay on the period stay. ``pro_rata``: the same of what goes
        back after a period has ended, and pairs of a `BinaryPairing` give back the floor of the share of
        their matched volume that they no longer stand on. ``bands``:
        own lines, of which a share by the age of the order is taken back. ``none``: nothing is taken back.
    horizon_days : int
        So many days after its end a period is closed: what becomes known later does not change it, or, with
        ``own_lines``, takes back own lines only. Without it ``recompute`` has no end, and ``own_lines``
        begins at once.
    bands : mapping
        The share that is taken back by the age of the order when the money went back, from each age on; ages
        below the first are taken back in full.
    unit : {"days", "months"}
        Of the ages: whole days, or whole calendar months, between the local dates.
    in_full : list of {"refund", "cancellation", "chargeback"}
        Kinds that are taken back in full at any age.

    Raises
    ------
    PlanError
        Options without the rule that they are options of, ages or shares that are none.

    Examples
    --------
    >>> Refunds("bands", bands={0: "70%", 7: "40%", 13: "0%"}, unit="months").share(8)
    Fraction(2, 5)
    """

    tables: ClassVar[tuple[str, ...]] = ("bands",)

    rule: str = attrs.field(default="recompute", kw_only=False, validator=_one_of(RULES))
    horizon_days: int | None = attrs.field(
        default=None, validator=instance_of(int, optional=True, error=PlanError)
    )
    bands: tuple[tuple[int, Rate], ...] = attrs.field(default=(), converter=_bands)
    unit: str = attrs.field(default="days", validator=_one_of(UNITS))
    in_full: tuple[str, ...] = attrs.field(default=(), converter=_kinds)

    def __attrs_post_init__(self) -> None:
        days = self.horizon_days
        if days is not None and (isinstance(days, bool) or not 0 <= days <= SPAN_MAX):
            allowed = f"0 to {SPAN_MAX}"
            raise PlanError("Refunds, horizon_days", "is no number of days", value=days, allowed=allowed)
        if days is not None and self.rule not in ("recompute", "own_lines"):
            raise PlanError(
                "Refunds, horizon_days",
                "closes no period under this rule",
                value=self.rule,
                allowed="beside recompute or own_lines",
            )
        if (self.rule == "bands") != bool(self.bands):
            raise PlanError("Refunds, bands", "go with the rule 'bands' alone", allowed=_ALLOWED)
        if (self.unit, self.in_full) != ("days", ()) and not self.bands:
            hint = "Give bands, or leave them out"
            raise PlanError("Refunds, unit and in_full", "say more of bands that are not given", hint=hint)

    def share(self, age: int) -> Fraction:
        """Return the share that is taken back of an order of an age, 0 or more."""
        found = [rate.fraction for start, rate in self.bands if start <= age]
        return found[-1] if found else Fraction(1)
