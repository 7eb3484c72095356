"""`Plan`: margin, policies and caps as one frozen object that goes to plain data and back."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, final

import attrs

from fenxiao.errors import PlanError, UnsupportedError, instance_of, what
from fenxiao.expressions import identity
from fenxiao.expressions.measures import Window
from fenxiao.limits import Cap, Margin, SourceLimit
from fenxiao.money import Currency
from fenxiao.plan.cadences import check_cadences, part_of
from fenxiao.plan.checks import (
    check_circles,
    check_matches,
    check_names,
    check_source_limits,
    check_times,
    check_unpaid,
)
from fenxiao.policies import PeriodPolicy, Policy, built_in
from fenxiao.policies.attribution import PERIOD_END, check_attribution
from fenxiao.policies.base import CADENCES
from fenxiao.qualification import Gate, GivenRanks, Ladder, Qualification, Tiers, qualification_from_data
from fenxiao.qualification.ladders import TITLE
from fenxiao.refunds import Refunds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.expressions import Measure

VERSION: Final = 1
"""Version of the plain data that plans are written as."""


def _currency(value: Any) -> Currency:
    if isinstance(value, dict):
        if set(value) != {"code", "decimals"}:
            raise PlanError(
                "a currency", "has other keys", value=sorted(map(str, value)), allowed="code, decimals"
            )
        return Currency(value["code"], value["decimals"])
    return Currency.of(value)


def _tuple_of(kind: Any, thing: str, values: Any, example: str) -> tuple[Any, ...]:
    listed = (values,) if isinstance(values, kind) else values
    strange = (
        [value for value in listed if not isinstance(value, kind)]
        if isinstance(listed, list | tuple)
        else [values]
    )
    if strange:
        raise PlanError(
            f"Plan, {thing}",
            "hold " + what(strange[0]).removeprefix("is "),
            allowed=f"a list such as [{example}]",
        )
    return tuple(listed)


def _policies(policies: Any) -> tuple[Policy, ...]:
    return _tuple_of(Policy, "policies", policies, "LevelCommission(...)")


def _named_caps(caps: Any) -> tuple[Cap, ...]:
    """Give caps without a name one: the scope and its count, which does not depend on other scopes."""
    listed = _tuple_of(Cap, "caps", caps, "Cap.per_order(...)")
    named, seen = [], dict[str, int]()
    for cap in listed:
        seen[cap.scope] = seen.get(cap.scope, 0) + 1
        named.append(cap if cap.name else attrs.evolve(cap, name=f"{cap.scope} {seen[cap.scope]}"))
    return tuple(named)


def _source_limits(values: Any) -> tuple[SourceLimit, ...]:
    return _tuple_of(SourceLimit, "source_limits", values, 'SourceLimit("company_money", ...)')


def _qualifications(values: Any) -> tuple[Qualification, ...]:
    one = isinstance(values, Gate | Ladder | GivenRanks | Tiers)
    if not one and not isinstance(values, list | tuple):
        raise PlanError(
            "Plan, qualifications", what(values), allowed="a list such as [Gate(...), Ladder(...)]"
        )
    return tuple(qualification_from_data(value) for value in ((values,) if one else values))


@final
@attrs.frozen(kw_only=True)
class Plan:
    """A commission plan: what is paid, and what limits it.

    Parameters
    ----------
    currency : str or Currency
        ``"CNY"``, or ``Currency("XYZ", decimals=3)``. One for all amounts.
    margin : Margin
        What orders may pay at most.
    policies : list of policies
        Plan order: it breaks ties and ranks policies where a cap works by priority.
    caps : list of Cap
        Further limits; plan order inside a scope.
    qualifications : list of Gate, Ladder, GivenRanks, Tiers
        Member columns that the plan computes: activity, ranks, rates by volume. Conditions, policies and
        caps read them by name like given columns.
    source_limits : list of SourceLimit
        Order columns that the plan computes: bases that count until a yearly limit of the credited member.
        Bases, the margin, volumes and caps read them by name like given columns.
    anchor : str
        The orders' time column that says in which period an order falls (``"paid_at"``).
    zone : str
        IANA zone of periods (``"Asia/Shanghai"``); given with `anchor`.
    refunds : Refunds
        What `fenxiao.correct` does about money that goes back; left out, pay is recomputed.
    attribution : {"period_end", "order_time"}
        Whose upline an order pays: that of the facts' tree (default), or that of the order's own time by
        `anchor`, which the facts' genealogy knows.
    name : str
        For people; it does not change the plan's hash.

    Raises
    ------
    PlanError
        Two policies or caps of one name, a cap on a policy that is not there, qualifications that read one
        another in a circle, a match of pay that is not there, an unknown zone, attribution at the order's
        time or source limits without an anchor, cadences that do not go together, or with source limits.
    UnsupportedError
        Policies that cannot be attributed at the order's time.

    Examples
    --------
    >>> from fenxiao.policies import LevelCommission
    >>> plan = Plan(
    ...     currency="CNY",
    ...     margin=Margin.rate("25%", of="paid"),
    ...     policies=[LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company")],
    ... )
    >>> plan.is_order_local
    True
    >>> Plan.from_dict(plan.to_dict()) == plan
    True
    """

    currency: Currency = attrs.field(converter=_currency)
    margin: Margin = attrs.field(validator=instance_of(Margin, error=PlanError))
    policies: tuple[Policy, ...] = attrs.field(default=(), converter=_policies)
    caps: tuple[Cap, ...] = attrs.field(default=(), converter=_named_caps)
    qualifications: tuple[Qualification, ...] = attrs.field(default=(), converter=_qualifications)
    source_limits: tuple[SourceLimit, ...] = attrs.field(default=(), converter=_source_limits)
    anchor: str | None = attrs.field(
        default=None, validator=instance_of(str, optional=True, filled=True, error=PlanError)
    )
    zone: str | None = attrs.field(
        default=None, validator=instance_of(str, optional=True, filled=True, error=PlanError)
    )
    refunds: Refunds = attrs.field(factory=Refunds, validator=instance_of(Refunds, error=PlanError))
    attribution: str = PERIOD_END
    name: str = attrs.field(default="", eq=False, validator=instance_of(str, error=PlanError))

    def __attrs_post_init__(self) -> None:
        check_names(self)
        check_matches(self)
        check_unpaid(self)
        for policy in self.policies:
            if isinstance(policy, PeriodPolicy):
                policy.check_plan(self.policies)
        check_circles(self)
        check_attribution(self.attribution, self.anchor, self.policies)
        check_times(self)
        check_cadences(self)
        check_source_limits(self)

    @property
    def cadences(self) -> tuple[str, ...]:
        """Return when the plan's policies are due: of order, day, week, month; nothing where it says not."""
        due = {policy.due for policy in self.policies}
        return tuple(cadence for cadence in CADENCES if cadence in due)

    def due_in(self, kind: str) -> Plan:
        """Return the part of the plan that a run settles: its policies, their caps and what they read.

        Parameters
        ----------
        kind : the kind of the run's period, or ``"order"`` for a run without one

        Returns
        -------
        Plan
            The plan itself where it has no cadences, or this one only.

        Raises
        ------
        PlanError
            Nothing is due in such a run.

        Examples
        --------
        >>> from fenxiao.policies import LevelCommission, QualifiedBonus
        >>> from fenxiao.volumes import own
        >>> plan = Plan(
        ...     currency="CNY",
        ...     margin=Margin.rate("25%", of="paid"),
        ...     policies=[
        ...         LevelCommission("referral", base="paid", rates=["10%"], if_not="company", due="day"),
        ...         QualifiedBonus("star", amount="50.00", when=own("paid") >= "900", due="month"),
        ...     ],
        ...     anchor="paid_at",
        ...     zone="Asia/Shanghai",
        ... )
        >>> plan.cadences, [policy.name for policy in plan.due_in("month").policies]
        (('day', 'month'), ['star'])
        """
        return part_of(self, kind)

    @property
    def not_local(self) -> tuple[str, ...]:
        """Return why settling batches apart differs from settling them together; empty if it does not."""
        reasons = [
            f"policy {policy.name!r}: claims on the period"
            for policy in self.policies
            if isinstance(policy, PeriodPolicy)
        ]
        reasons += self.order_claims_not_local
        reasons += [
            f"cap {cap.name!r}: is wider than an order ({cap.scope})" for cap in self.caps if not cap.in_order
        ]
        if len(self.cadences) > 1:
            cadences = ", ".join(self.cadences)
            reasons.append(f"policies are due per {cadences}: their runs share the margin of each order")
        return tuple(reasons)

    @property
    def order_claims_not_local(self) -> tuple[str, ...]:
        """Return why claims on an order need more than that order; empty if they do not."""
        reasons = [
            f"source limit {limit.name!r}: counts a member's orders in turn, up to a limit"
            for limit in self.source_limits
        ]
        for policy in self.policies:
            if not isinstance(policy, PeriodPolicy):
                reasons.extend(policy.not_local())
                read = sorted(set(policy.member_columns()) & self._computed)
                reasons += [
                    f"policy {policy.name!r}: reads {name!r}, which the plan computes" for name in read
                ]
        return tuple(reasons)

    @property
    def _computed(self) -> set[str]:
        """Return the columns that depend on the period's orders or on earlier periods."""
        computed = [each for each in self.qualifications if not isinstance(each, GivenRanks)]
        titles = {each.name + TITLE for each in computed if isinstance(each, Ladder)}
        return {each.name for each in computed} | titles

    @property
    def recorded_measures(self) -> tuple[Measure, ...]:
        """Return what a run has to record, because windows of later runs look back at it."""
        found: dict[str, Measure] = {}
        for part in (*self.policies, *self.qualifications):
            for measure in part.measures():
                if isinstance(measure, Window):
                    found[identity(measure.of)] = measure.of
        return tuple(found[key] for key in sorted(found))

    @property
    def is_order_local(self) -> bool:
        """Return whether each order settles by itself: batches merge exactly, no period is needed."""
        return not self.not_local

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-safe plain data.

        Raises
        ------
        UnsupportedError
            A policy of your own has no ``kind``.
        """
        from fenxiao.plan.data import as_data

        return {"version": VERSION, **as_data(self, self._own_kinds(), _currency)}

    @classmethod
    def from_dict(cls, data: dict[str, Any], *, policies: Sequence[type[Policy]] = ()) -> Plan:
        """Read what `to_dict` wrote. Nothing in the data is ever run.

        Parameters
        ----------
        data : dict
        policies : classes of your own that may occur, by their ``kind``

        Raises
        ------
        PlanError
            A missing or unknown key, a value of the wrong kind; the message names the path.
        """
        version = data.get("version") if isinstance(data, dict) else None
        if type(version) is not int or version != VERSION:
            raise PlanError(
                "plan, key 'version'",
                "is not one that this release reads",
                value=version,
                allowed=str(VERSION),
            )
        body = {key: value for key, value in data.items() if key != "version"}
        from fenxiao.plan.data import from_data

        return from_data(cls, body, policies, _currency)

    def _own_kinds(self) -> tuple[type[Policy], ...]:
        classes = dict.fromkeys(type(policy) for policy in self.policies)
        kinds = [kind for kind in classes if built_in(kind.kind) is not kind]
        for kind in kinds:
            if not kind.kind:
                raise UnsupportedError(
                    f"policy class {kind.__name__}",
                    "has no tag for plain data",
                    hint='Write kind: ClassVar[str] = "..."',
                )
        return tuple(kinds)

    @cached_property
    def hash(self) -> str:
        """Return a SHA-256 of the plan's data without its name: stable across runs and machines."""
        import hashlib

        data = {key: value for key, value in self.to_dict().items() if key != "name"}
        text = json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
