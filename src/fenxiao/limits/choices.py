"""What margins and caps may be: rules, scopes, windows, and how their fields are read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from fenxiao.errors import PlanError, Reason, is_one_of
from fenxiao.expressions import Base
from fenxiao.money import Rate, is_amount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import attrs

Rule: TypeAlias = Literal["proportional", "priority", "equal_awards", "equal_losses", "talmud", "reject"]
RULES: Final = get_args(Rule)
Leftover: TypeAlias = Literal["largest_remainder", "floor"]
LEFTOVERS: Final = get_args(Leftover)
Scope: TypeAlias = Literal[
    "line",
    "product_in_order",
    "policy_in_order",
    "order",
    "payee",
    "owner",
    "source",
    "policy",
    "product",
    "region",
    "period",
    "company",
]
SCOPES: Final = get_args(Scope)
ORDER_MARGIN: Final = "order margin"
PERIOD_MARGIN: Final = "period margin"
"""What the cuts table calls the margins; no cap may be called so."""
IN_ORDER: Final = ("line", "product_in_order", "policy_in_order", "order")
"""Scopes that look at one order, in the sequence in which they run."""
WIDE: Final = (("payee", "owner", "source"), ("policy", "product", "region"), ("period",), ("company",))
"""Scopes that look at many orders, in the sequence in which they run; inside a group, plan order."""
Window: TypeAlias = Literal["period", "year", "anniversary", "lifetime"]
WINDOWS: Final = get_args(Window)

REASON_OF_SCOPE: Final[Mapping[str, Reason]] = {
    "line": Reason.CUT_LINE,
    "product_in_order": Reason.CUT_PRODUCT_IN_ORDER,
    "policy_in_order": Reason.CUT_POLICY_IN_ORDER,
    "order": Reason.CUT_ORDER,
    "payee": Reason.CUT_PAYEE,
    "owner": Reason.CUT_OWNER,
    "source": Reason.CUT_SOURCE,
    "policy": Reason.CUT_POLICY,
    "product": Reason.CUT_PRODUCT,
    "region": Reason.CUT_REGION,
    "period": Reason.CUT_PERIOD,
    "company": Reason.CUT_COMPANY,
}


def anniversary(number: int) -> str:
    """Return what `State` calls the year from an anniversary of joining on, 0 for joining itself."""
    return f"anniversary {number}"


def window_of(name: str) -> str | None:
    """Return the kind of window that `State` calls so; None where it calls none so."""
    if name == "lifetime":
        return name
    found = re.fullmatch("(anniversary )?(0|[1-9][0-9]*)", name)
    if found is None:
        return None
    return "anniversary" if found[1] else "year"


def choice(allowed: Sequence[str]) -> Any:
    """Return a validator that takes one of some words."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not is_one_of(value, allowed):
            thing = f"{type(instance).__name__}, {attribute.name}"
            raise PlanError(thing, "is not one of the choices", value=value, allowed=", ".join(allowed))

    return check


def optional_money(instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    """Refuse what is neither an amount nor left out; a validator."""
    if value is not None and not is_amount(value):
        thing = f"{type(instance).__name__}, {attribute.name}"
        raise PlanError(thing, "is not an amount", value=value, allowed='text, 0 or more: "500.00"')


def read_rate(value: object) -> Rate | None:
    """Return a rate that may be left out; a converter."""
    return None if value is None else Rate.of(value)  # type: ignore[arg-type]  # refuses what it cannot read


def read_base(value: object) -> Base | None:
    """Return a base that may be left out; a converter."""
    return None if value is None else Base.from_data(value)
