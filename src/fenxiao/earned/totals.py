"""`Earned`: what one run paid, by policy and member, as plain data that outlives it."""

from __future__ import annotations

from typing import Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, AnyArray, MinorArray, readonly
from fenxiao._kernels.tally import exact_sum
from fenxiao._labels import LABEL, ascending, order_of_labels
from fenxiao._stored import LABELS, TEXT, Codec, each, fields_of, seal, unseal, whole, wholes
from fenxiao.earned.differences import Differences
from fenxiao.errors import StateError, instance_of, is_one_of, what
from fenxiao.money import Currency, format_minor
from fenxiao.volumes.history import member_labels, same_array, whole_numbers

VERSION: Final = 1
"""Version of the plain data that earnings are written as."""

_TEXT: Final = instance_of(str, error=StateError)


def _amounts(values: Any) -> MinorArray:
    return readonly(whole_numbers(values, "Earned, amounts", 0, MINOR_MAX))  # type: ignore[no-any-return]  # readonly keeps the kind


@final
@attrs.frozen(kw_only=True)
class PolicyPay:
    """What one policy paid, for the members who got anything, in the order of their labels.

    Parameters
    ----------
    policy : str
    labels : labels [n]
        Each member once, in any order; members without any amount are left out.
    allowed : int64 [n]
        Minor units that the run earned them.
    released : int64 [n]
        Minor units that it paid them besides, because earlier runs deferred it.

    Raises
    ------
    StateError
        Columns of different lengths, a member twice, amounts that are negative or no integers.
    """

    policy: str = attrs.field(validator=_TEXT)
    labels: AnyArray = attrs.field(converter=member_labels, eq=same_array)
    allowed: MinorArray = attrs.field(converter=_amounts, eq=same_array)
    released: MinorArray = attrs.field(converter=_amounts, eq=same_array)

    def __attrs_post_init__(self) -> None:
        lengths = {len(self.labels), len(self.allowed), len(self.released)}
        if len(lengths) > 1:
            raise StateError(
                "Earned, a policy's pay",
                "has columns of different lengths",
                value=sorted(lengths),
                allowed="one allowed and released a label",
            )
        some, sorted_ = (self.allowed > 0) | (self.released > 0), ascending(self.labels)
        if sorted_ and some.all():
            return
        kept = np.flatnonzero(some)
        if not sorted_:
            kept = kept[order_of_labels(self.labels[kept])]
        for name in ("labels", "allowed", "released"):
            object.__setattr__(self, name, readonly(getattr(self, name)[kept]))

    def with_allowed(self, rows: AnyArray, amounts: MinorArray) -> PolicyPay:
        """Return the pay with other amounts in some rows, all above 0; whom it names and the rest is shared.

        Parameters
        ----------
        rows : integer [k]
        amounts : int64 [k]
        """
        allowed = self.allowed.copy()
        allowed[rows] = amounts
        fresh = object.__new__(PolicyPay)
        for field in attrs.fields(PolicyPay):
            object.__setattr__(fresh, field.name, getattr(self, field.name))
        object.__setattr__(fresh, "allowed", readonly(allowed))
        return fresh


def _policies(entries: Any) -> tuple[PolicyPay, ...]:
    if not isinstance(entries, list | tuple):
        raise StateError("Earned, policies", what(entries), allowed="a list of PolicyPay")
    for entry in entries:
        if not isinstance(entry, PolicyPay):
            raise StateError("Earned, policies", f"hold what {what(entry)}", allowed="PolicyPay")
    names = [entry.policy for entry in entries]
    if len(set(names)) < len(names):
        raise StateError(
            "Earned, policies", "hold two entries of one policy", value=names, allowed="one each"
        )
    check_kinds("Earned, policies", entries)
    return tuple(entries)


def check_kinds(thing: str, entries: Any) -> None:
    """Refuse labels of several kinds, which cannot be of one tree."""
    kinds = {
        "int" if entry.labels.dtype == LABEL else type(entry.labels[0]).__name__
        for entry in entries
        if len(entry.labels)
    }
    if len(kinds) > 1:
        raise StateError(thing, "mix kinds of labels", value=sorted(kinds), allowed="one kind")


def _minor(_: object, attribute: Any, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise StateError(
            f"Earned, {attribute.name}", "is not minor units", value=value, allowed="an int, 0 or more"
        )


@final
@attrs.frozen(kw_only=True, repr=False)
class Earned:
    """What one run paid and what of its margins it used: a settlement's totals, without the facts.

    ``run.earned()`` makes it. Two are equal when they say the same of everybody, whatever the order of
    members in their trees.

    Parameters
    ----------
    period : str
        The period's key; empty if no period was settled.
    plan : str
        Hash of the plan that paid.
    currency : Currency
    policies : tuple of `PolicyPay`
        In plan order, policies that paid nothing included.
    budget, losses, funds : int
        Minor units: the orders' budgets, losses set off against them, declared funds.
    order_pay, period_pay : int
        Minor units: allowed on orders and on the period; together all that policies were allowed.
    released : int
        Minor units paid besides, backed by what earlier periods kept.
    deferred : int
        Minor units of what was kept that back later releases.
    carried_in, carried_on : int
        Minor units that empty pools of earlier periods carried over to this one, and that those of this one
        carry over to the next, of what was kept.

    Raises
    ------
    StateError
        Amounts that are negative or do not add up, a policy twice, labels of several kinds.

    Examples
    --------
    >>> import fenxiao as fx
    >>> tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    >>> plan = fx.Plan(
    ...     currency="CNY",
    ...     margin=fx.Margin.rate("25%", of="paid"),
    ...     policies=[fx.LevelCommission("referral", base="paid", rates=["10%"], if_not="company")],
    ... )
    >>> facts = fx.Facts(
    ...     tree=tree,
    ...     orders=fx.Orders.from_records([{"order_id": 1, "member": "bo", "paid": "100.00"}]),
    ... )
    >>> earned = fx.settle(facts, plan).earned()
    >>> earned
    Earned(10.00 CNY of 25.00)
    >>> Earned.from_dict(earned.to_dict()) == earned
    True
    """

    period: str = attrs.field(validator=_TEXT)
    plan: str = attrs.field(validator=_TEXT)
    currency: Currency = attrs.field(validator=instance_of(Currency, error=StateError))
    policies: tuple[PolicyPay, ...] = attrs.field(converter=_policies)
    budget: int = attrs.field(validator=_minor)
    losses: int = attrs.field(validator=_minor)
    funds: int = attrs.field(validator=_minor)
    order_pay: int = attrs.field(validator=_minor)
    period_pay: int = attrs.field(validator=_minor)
    released: int = attrs.field(validator=_minor)
    deferred: int = attrs.field(validator=_minor)
    carried_in: int = attrs.field(default=0, validator=_minor)
    carried_on: int = attrs.field(default=0, validator=_minor)

    def __attrs_post_init__(self) -> None:
        sums = {
            "order_pay + period_pay": (self.order_pay + self.period_pay, "allowed"),
            "released": (self.released, "released"),
        }
        for thing, (stated, column) in sums.items():
            found = sum(exact_sum(getattr(each, column)) for each in self.policies)
            if found != stated:
                raise StateError(
                    f"Earned, {thing}",
                    f"is not what the policies' {column} amounts add up to",
                    value=stated,
                    allowed=str(found),
                )

    def minus(self, before: Earned, of: str = "allowed") -> Differences:
        """Return what this run pays differently from an earlier one of the same period.

        Parameters
        ----------
        before : Earned
            The plan may be another one: policies are told by their names.
        of : {"allowed", "released"}
            Which amounts to compare: what the period earned, or what earlier ones had deferred.

        Raises
        ------
        StateError
            The periods, the currencies or the kinds of labels differ.
        """
        if not isinstance(before, Earned):
            raise StateError("minus", what(before), allowed="Earned", hint="Pass run.earned()")
        if not is_one_of(of, ("allowed", "released")):
            raise StateError("minus, of", "is not one of the amounts", value=of, allowed="allowed, released")
        for name in ("period", "currency"):
            here, there = getattr(self, name), getattr(before, name)
            if here != there:
                raise StateError(
                    f"minus, {name}",
                    "is not that of the earlier run",
                    value=there,
                    allowed=str(here),
                    hint="Compare two runs of one period in one currency",
                )
        check_kinds("minus, members", (*self.policies, *before.policies))
        columns = [
            {each.policy: (each.labels, getattr(each, of)) for each in earned.policies}
            for earned in (before, self)
        ]
        return Differences.between(*columns, currency=self.currency)

    def columns(self) -> dict[str, Any]:
        """Return a row for each policy and member who got anything, ready for a data frame."""
        nothing = np.zeros(0, dtype=MINOR)
        everybody = [label for each in self.policies for label in each.labels.tolist()]
        return {
            "policy": [each.policy for each in self.policies for _ in range(len(each.labels))],
            "member": everybody,
            "allowed_minor": np.concatenate([nothing, *(each.allowed for each in self.policies)]),
            "released_minor": np.concatenate([nothing, *(each.released for each in self.policies)]),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the totals as JSON-safe plain data with their version and a checksum."""
        body: dict[str, Any] = _STORED.write(self)
        return seal("earned", VERSION, body)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Earned:
        """Read what `to_dict` wrote. Nothing in the data is ever run.

        Raises
        ------
        StateError
            Another version, another checksum, a missing or unknown key, a value of the wrong kind; the
            message names the path. Member labels are not in it.
        """
        earned: Earned = _STORED.read(unseal(data, "earned", VERSION), "earned")
        return earned

    def __repr__(self) -> str:
        there_is = self.budget - self.losses + self.funds + self.carried_in
        used, whole_ = (
            format_minor(each, self.currency.decimals)
            for each in (self.order_pay + self.period_pay, there_is)
        )
        period = f" in {self.period}" if self.period else ""
        return f"Earned({used} {self.currency.code} of {whole_}{period})"


_AMOUNT: Final = whole(0)
_CURRENCY: Final = fields_of(Currency, code=TEXT, decimals=whole(0))
_PAY: Final = fields_of(PolicyPay, policy=TEXT, labels=LABELS, allowed=wholes(0), released=wholes(0))
_STORED: Final[Codec] = fields_of(
    Earned,
    period=TEXT,
    plan=TEXT,
    currency=_CURRENCY,
    policies=each(_PAY),
    budget=_AMOUNT,
    losses=_AMOUNT,
    funds=_AMOUNT,
    order_pay=_AMOUNT,
    period_pay=_AMOUNT,
    released=_AMOUNT,
    deferred=_AMOUNT,
    carried_in=_AMOUNT,
    carried_on=_AMOUNT,
)
