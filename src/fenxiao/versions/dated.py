"""`PlanVersions`: plans by date, without gaps and overlaps, and which of them a time falls to."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, INSTANT, IndexArray, InstantArray
from fenxiao._stored import TEXT, Codec, each, fields_of, mapped, optional, refused
from fenxiao.errors import OrdersError, PlanError, StateError, TimeError, instance_of, is_one_of, what
from fenxiao.orders import Orders
from fenxiao.periods import Period, day_start, to_instants, zone_of
from fenxiao.plan import Plan
from fenxiao.versions.run import VersionedRun, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.facts import Facts
    from fenxiao.policies import Policy
    from fenxiao.state import State

STATUSES: Final = ("draft", "active", "retired")
VERSION: Final = 1
"""Version of the plain data that plan versions are written as."""

_THING: Final = "PlanVersions"


def _plain_date(instance: object, attribute: Any, value: object) -> None:
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        thing = f"{type(instance).__name__}, {attribute.name}"
        raise PlanError(thing, "is not a date", value=value, allowed="datetime.date", hint="Drop the time")


def _status(_: object, __: object, value: object) -> None:
    if not is_one_of(value, STATUSES):
        raise PlanError(
            "PlanVersion, status", "is not one of the choices", value=value, allowed=", ".join(STATUSES)
        )


@final
@attrs.frozen
class PlanVersion:
    """One version of a plan.

    Parameters
    ----------
    plan : Plan
        With `anchor` and `zone`.
    start : date
        The first local date whose orders it pays; a draft may have none yet.
    status : {"active", "draft", "retired"}
        A draft pays nothing, whatever its date. An active version pays from its date on; a retired one goes
        on paying the orders of its time, which is over.

    Raises
    ------
    PlanError
        A version that is no draft has no start, another status.
    """

    plan: Plan = attrs.field(validator=instance_of(Plan, error=PlanError))
    start: date | None = attrs.field(default=None, validator=_plain_date)
    status: str = attrs.field(default="active", validator=_status)

    def __attrs_post_init__(self) -> None:
        if self.start is None and self.status != "draft":
            raise PlanError(
                "PlanVersion, start",
                f"is missing, and the version is {self.status}",
                allowed="datetime.date",
                hint='Give it the first date that it pays, or status="draft"',
            )


def _versions(values: Any) -> tuple[PlanVersion, ...]:
    listed = (values,) if isinstance(values, PlanVersion) else values
    if not isinstance(listed, list | tuple):
        raise PlanError(_THING, what(values), allowed="a list such as [PlanVersion(plan, date(2026, 1, 1))]")
    for value in listed:
        if not isinstance(value, PlanVersion):
            raise PlanError(_THING, "hold what " + what(value), allowed="PlanVersion")
    dated = sorted((each for each in listed if each.status != "draft"), key=_start)
    return (*dated, *(each for each in listed if each.status == "draft"))


def _start(version: PlanVersion) -> date:
    return version.start or date.min


@final
@attrs.frozen(repr=False)
class PlanVersions:
    """Versions of one plan by date: each pays from its start up to the start of the next.

    So there is neither a gap nor an overlap between them. Dates are local dates of the plans' zone, and an
    order's time is its anchor's, as in periods.

    Parameters
    ----------
    versions : list of PlanVersion
        In any order; they are kept by start, drafts last.
    end : date, optional
        The first date that no version pays any more; the last version is open if left out.

    Raises
    ------
    PlanError
        No version but drafts; two of one start; plans of different currency, anchor or zone, or without
        them; a retired version after an active one, or one that would be the last without an `end`.

    Examples
    --------
    >>> import fenxiao as fx
    >>> from datetime import date
    >>> old, new = (
    ...     fx.Plan(
    ...         currency="CNY",
    ...         margin=fx.Margin.rate("25%", of="paid"),
    ...         policies=[fx.LevelCommission("referral", base="paid", rates=[rate], if_not="company")],
    ...         anchor="paid_at",
    ...         zone="Asia/Shanghai",
    ...     )
    ...     for rate in ("10%", "12%")
    ... )
    >>> versions = PlanVersions(
    ...     [PlanVersion(old, date(2026, 1, 1), "retired"), PlanVersion(new, date(2026, 10, 1))]
    ... )
    >>> versions.at("2026-09-30T23:59:59+08:00") == old, versions.at(date(2026, 10, 1)) == new
    (True, True)
    >>> PlanVersions.from_dict(versions.to_dict()) == versions
    True
    """

    versions: tuple[PlanVersion, ...] = attrs.field(converter=_versions)
    end: date | None = attrs.field(default=None, validator=_plain_date)

    def __attrs_post_init__(self) -> None:
        in_force = self.in_force
        if not in_force:
            raise PlanError(_THING, "have no version that pays", allowed="one that is active or retired")
        for before, after in pairwise(in_force):
            if before.start == after.start:
                raise PlanError(
                    _THING,
                    "have two versions of one start",
                    value=str(after.start),
                    hint='Make one of them a draft: status="draft"',
                )
            if before.status == "active" and after.status == "retired":
                raise PlanError(
                    _THING,
                    "have a retired version after an active one",
                    value=str(after.start),
                    hint="Retire the earlier one first: its time is over before",
                )
        last = in_force[-1]
        if last.status == "retired" and self.end is None:
            raise PlanError(
                _THING,
                "go on with a retired version",
                value=str(last.start),
                hint="Add the version that follows it, or say when it ends: PlanVersions(..., end=date)",
            )
        if self.end is not None and self.end <= _start(last):
            raise PlanError(
                f"{_THING}, end", "is not after the last start", value=self.end, allowed=f"after {last.start}"
            )
        self._check_alike()

    def _check_alike(self) -> None:
        """Refuse plans that read the same order differently."""
        for name in ("anchor", "zone", "currency"):
            found = [getattr(each.plan, name) for each in self.versions]
            if any(value != found[0] for value in found):
                raise PlanError(
                    f"{_THING}, {name}",
                    "differs between the plans",
                    value=list(dict.fromkeys(map(str, found))),
                    allowed="one for all versions",
                )
        if self.versions[0].plan.anchor is None:
            raise PlanError(
                _THING,
                "have plans that name no time of orders",
                hint='Pass Plan(anchor="paid_at", zone="Asia/Shanghai")',
            )

    @property
    def in_force(self) -> tuple[PlanVersion, ...]:
        """Return the versions that pay, active or retired, by start."""
        return tuple(each for each in self.versions if each.status != "draft")

    @property
    def anchor(self) -> str:
        """Return the orders' time column that picks the version."""
        return self.versions[0].plan.anchor or ""

    @property
    def zone(self) -> str:
        """Return the zone of the versions' dates."""
        return self.versions[0].plan.zone or ""

    def at(self, time: Any) -> Plan:
        """Return the plan that pays an order of this time: an aware or local time, or a local date.

        Raises
        ------
        TimeError
            No version pays then, or it is no time.
        """
        place = int(self._places(to_instants([time], zone=self.zone, thing="time"))[0])
        if place < 0:
            raise TimeError("time", "lies outside the versions", value=time, allowed=self._span())
        return self.in_force[place].plan

    def for_orders(self, orders: Orders) -> IndexArray:
        """Return which version pays each order line: its place in `in_force` (int32 [lines]).

        Raises
        ------
        OrdersError
            There is no column of the anchor's name, or it holds no times.
        TimeError
            No version pays some of the orders; the message has their rows.
        """
        if not isinstance(orders, Orders):
            raise OrdersError("orders", what(orders), allowed="Orders", hint="Pass facts.orders")
        if not len(orders):
            return np.zeros(0, dtype=INDEX)
        places = self._places(orders.instants(self.anchor).values)
        outside = np.flatnonzero(places < 0)
        if len(outside):
            raise TimeError(
                f"orders column {self.anchor!r}",
                "lies outside the versions",
                allowed=self._span(),
                hint="Add the version that paid then, or settle by period",
                rows=sorted(orders.caller_rows(outside).tolist()),
            )
        return places

    def plan_of(self, plan_hash: str) -> Plan:
        """Return the plan of a hash, which a run keeps: ``run.earned().plan``.

        Raises
        ------
        PlanError
            No version has that plan.
        """
        for version in self.versions:
            if version.plan.hash == plan_hash:
                return version.plan
        raise PlanError(
            "hash",
            "is that of no version",
            value=plan_hash,
            allowed=", ".join(version.plan.hash[:12] + "…" for version in self.versions),
        )

    def periods(self, period: Period) -> tuple[tuple[PlanVersion, Period], ...]:
        """Return the parts of a period that different versions pay.

        Raises
        ------
        TimeError
            Some of its dates lie outside the versions.
        """
        if not isinstance(period, Period):
            raise TimeError("period", what(period), allowed="Period", hint="Pass month(2026, 10)")
        if period.start < _start(self.in_force[0]) or period.end > self._end:
            raise TimeError("period", "lies outside the versions", value=str(period), allowed=self._span())
        ends = [*(_start(each) for each in self.in_force[1:]), self._end]
        parts = [
            (version, max(_start(version), period.start), min(end, period.end))
            for version, end in zip(self.in_force, ends, strict=True)
        ]
        return tuple((version, Period(start, end)) for version, start, end in parts if start < end)

    def settle(
        self, facts: Facts, *, period: Period, state: State | None = None, workers: int = 1
    ) -> VersionedRun:
        """Settle a period, each order by the version of its time; like `settle` otherwise.

        A period that several versions pay is settled in parts. This needs plans that are order-local and
        leave nothing in the state, as ranks, caps and claims of a period belong to one plan.

        Raises
        ------
        TimeError
            Some of the period's dates lie outside the versions.
        UnsupportedError
            A version starts inside the period and its plan, or that of the one before, looks at more than
            single orders.
        InputError
            As `settle`.
        """
        return settled(
            facts, [(each.plan, part) for each, part in self.periods(period)], period, state, workers
        )

    @property
    def _end(self) -> date:
        return self.end or date.max

    def _span(self) -> str:
        return f"{self.in_force[0].start} up to {self.end}" if self.end else f"from {self.in_force[0].start}"

    def _places(self, instants: InstantArray) -> IndexArray:
        """Return the place of the version that pays at each instant, -1 for none."""
        zone = zone_of(self.zone)
        starts = np.array([day_start(_start(each), zone) for each in self.in_force], dtype=INSTANT)
        places = np.searchsorted(starts, instants, side="right").astype(INDEX) - INDEX(1)
        if self.end is not None:
            places[instants >= day_start(self.end, zone)] = -1
        return places

    def to_dict(self) -> dict[str, Any]:
        """Return the versions as JSON-safe plain data.

        Raises
        ------
        UnsupportedError
            A policy of your own has no ``kind``.
        """
        body: dict[str, Any] = _codec(()).write(self)
        return {"version": VERSION, **body}

    @classmethod
    def from_dict(cls, data: dict[str, Any], *, policies: Sequence[type[Policy]] = ()) -> PlanVersions:
        """Read what `to_dict` wrote. Nothing in the data is ever run.

        Parameters
        ----------
        data : dict
        policies : classes of your own that may occur, by their ``kind``

        Raises
        ------
        PlanError
            Another version of the data, a missing or unknown key, a value of the wrong kind; the message
            names the path.
        """
        try:
            mapping = mapped(data, "versions", None)
            number = mapping.get("version")
            if type(number) is not int or number != VERSION:
                raise refused("versions.version", "is not one that this release reads", str(VERSION))
            body = {key: value for key, value in mapping.items() if key != "version"}
            versions: PlanVersions = _codec(policies).read(body, "versions")
        except StateError as error:
            raise PlanError(error.thing, error.problem, allowed=error.allowed, hint=error.hint) from None
        return versions

    def __repr__(self) -> str:
        parts = [f"{each.start} {each.status}" for each in self.in_force]
        drafts = len(self.versions) - len(self.in_force)
        parts += [f"{drafts} draft{'s' * (drafts != 1)}"] * (drafts > 0)
        return f"PlanVersions({', '.join(parts)})"


def _read_date(data: Any, path: str) -> date:
    text = TEXT.read(data, path)
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise refused(path, "is not a date", 'ISO text: "2026-10-01"')
    return found


_DATE: Final = optional(Codec(date.isoformat, _read_date))


def _read_plan(data: Any, path: str, policies: Sequence[type[Policy]]) -> Plan:
    try:
        return Plan.from_dict(data, policies=policies)
    except PlanError as error:
        raise StateError(
            f"{path.removesuffix('plan')}{error.thing}", error.problem, allowed=error.allowed, hint=error.hint
        ) from None


def _codec(policies: Sequence[type[Policy]]) -> Codec:
    """Return how versions are stored; `policies` are classes of your own that may occur."""
    plan = Codec(Plan.to_dict, partial(_read_plan, policies=policies))
    version = fields_of(PlanVersion, plan=plan, start=_DATE, status=TEXT)
    return fields_of(PlanVersions, versions=each(version), end=_DATE)
