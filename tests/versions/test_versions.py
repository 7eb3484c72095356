"""Plan versions: picked by time against a linear search, settled in parts, strict about contradictions."""

from __future__ import annotations

import datetime as dt
import json

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import FenxiaoError, OrdersError, PlanError, StateError, TimeError, UnsupportedError
from fenxiao.qualification import Gate, Ladder
from fenxiao.versions import PlanVersion, PlanVersions
from tests.expressions.refusals import refused
from tests.oracles.versions import parts_of, place_at
from tests.policies.samples import MEMBERS, Prize, Share, facts, levels, orders, plan
from tests.state.damage import DROP, STRANGE, changed, places

ZONES = ("Asia/Shanghai", "America/New_York", "UTC", "Pacific/Auckland")
FIRST = dt.date(2026, 1, 1)
DAY = dt.timedelta(days=1)


def rules(rate="10%", zone="Asia/Shanghai", **options):
    """Return a plan that pays one level, told by its rate."""
    return plan(levels(rates=[rate]), **({"anchor": "paid_at", "zone": zone} | options))


OLD, NEW, NEXT = rules("10%"), rules("12%"), rules("15%")
OCTOBER, DECEMBER = dt.date(2026, 10, 15), dt.date(2026, 12, 1)
VERSIONS = PlanVersions(
    [
        PlanVersion(OLD, FIRST, "retired"),
        PlanVersion(NEW, OCTOBER),
        PlanVersion(NEXT, DECEMBER),
        PlanVersion(rules("20%"), status="draft"),
    ]
)


def at(*times, **options):
    """Return facts with an order of 100.00 of cai at each local time of Shanghai."""
    return facts(*({"paid_at": f"{time}+08:00"} for time in times), times=["paid_at"], **options)


# ---------------------------------------------------------------------------------------------- which version


@st.composite
def histories(draw):
    """Draw starts, an end, a zone, and instants around the starts and elsewhere."""
    days = draw(st.lists(st.integers(0, 400), min_size=1, max_size=5, unique=True))
    starts = sorted(FIRST + number * DAY for number in days)
    end = draw(st.none() | st.integers(1, 60).map(lambda number: starts[-1] + number * DAY))
    zone = draw(st.sampled_from(ZONES))
    midnight = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    edges = [
        (dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC) - midnight)
        // dt.timedelta(microseconds=1)
        for date in (*starts, *([end] if end else []))
    ]
    hours = st.integers(-24, 24).map(lambda number: number * 3_600_000_000)
    near = st.builds(lambda edge, hour, more: edge + hour + more, st.sampled_from(edges), hours,
                     st.sampled_from([-1, 0, 1]))  # fmt: skip
    anywhere = st.integers(edges[0] - 10**13, edges[-1] + 10**13)
    return starts, end, zone, draw(st.lists(near | anywhere, max_size=8))


def built(starts, end, zone):
    """Return versions of these starts in a mixed order, retired as far as they may be."""
    listed = [
        PlanVersion(rules(f"{place}%", zone), start, "retired" if place < len(starts) - 1 else "active")
        for place, start in enumerate(starts)
    ]
    return PlanVersions(listed[::-1], end)


@settings(max_examples=80, deadline=None)
@given(histories())
def test_the_orders_time_picks_the_version(history):
    """Order by order and time by time, the version is that of a linear search over local dates."""
    starts, end, zone, instants = history
    versions = built(starts, end, zone)
    expected = [place_at(starts, end, zone, instant) for instant in instants]
    inside = [row for row, place in enumerate(expected) if place is not None]
    times = np.array(instants, dtype="int64").view("datetime64[us]")
    for row, place in enumerate(expected):
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=instants[row])
        if place is None:
            refused(lambda moment=moment: versions.at(moment), TimeError, "outside the versions")
        else:
            assert versions.at(moment) is versions.in_force[place].plan
    table = {"order_id": list(range(len(times))), "member": ["cai"] * len(times), "paid_at": times}
    sold = fx.Orders.from_columns(table, times=["paid_at"], zone="UTC")
    if len(inside) < len(times):
        error = refused(lambda: versions.for_orders(sold), TimeError, "paid_at")
        assert list(error.rows) == [row for row, place in enumerate(expected) if place is None]
    kept = sold.take(np.array(inside, dtype="int64"))
    found = versions.for_orders(kept)
    assert found.dtype == np.int32
    assert found.tolist() == [expected[row] for row in inside]


@settings(max_examples=80, deadline=None)
@given(histories(), st.integers(-10, 450), st.integers(1, 100))
def test_periods_are_cut_at_the_starts(history, first, days):
    """Day by day, the parts of a period are those of a linear search; what is not covered is refused."""
    starts, end, zone, _ = history
    versions = built(starts, end, zone)
    period = fx.Period(FIRST + first * DAY, FIRST + (first + days) * DAY)
    if period.start < starts[0] or (end is not None and period.end > end):
        refused(lambda: versions.periods(period), TimeError, "outside the versions", str(starts[0]))
        return
    expected = parts_of(starts, end, period.start, period.end)
    assert [
        (versions.in_force.index(version), part.start, part.end) for version, part in versions.periods(period)
    ] == expected


def test_times_of_any_kind_pick_a_version():
    """Aware times, local times, dates and texts; the start itself is inside, a moment before is not."""
    assert VERSIONS.at(dt.date(2026, 10, 14)) is OLD
    assert VERSIONS.at(dt.date(2026, 10, 15)) is NEW
    assert VERSIONS.at(dt.datetime(2026, 10, 14, 16, tzinfo=dt.UTC)) is NEW
    assert VERSIONS.at(dt.datetime(2026, 10, 14, 15, 59, 59, 999_999, tzinfo=dt.UTC)) is OLD
    assert VERSIONS.at("2026-10-14T23:59:59") is OLD
    assert VERSIONS.at("2027-05-05") is NEXT
    assert VERSIONS.for_orders(at("2026-12-01T00:00:00", "2026-01-01T00:00:00").orders).tolist() == [2, 0]
    assert VERSIONS.for_orders(fx.Orders.empty()).tolist() == []
    ended = attrs.evolve(VERSIONS, end=dt.date(2027, 1, 1))
    assert ended.at("2026-12-31T23:59:59.999999") is NEXT
    refused(lambda: ended.at("2027-01-01"), TimeError, "2026-01-01 up to 2027-01-01")
    refused(lambda: VERSIONS.at("2025-12-31T23:59:59"), TimeError, "from 2026-01-01")
    assert len(ended.periods(fx.Period.parse("2026"))) == 3
    refused(lambda: ended.periods(fx.Period(FIRST, dt.date(2027, 1, 2))), TimeError, "up to 2027-01-01")


def test_drafts_pay_nothing():
    """A draft is kept and never picked, dated or not."""
    draft = PlanVersion(NEXT, OCTOBER, "draft")
    versions = PlanVersions([draft, PlanVersion(OLD, FIRST)])
    assert versions.at(OCTOBER) is OLD
    assert versions.versions == (PlanVersion(OLD, FIRST), draft)
    assert versions.in_force == (PlanVersion(OLD, FIRST),)
    assert repr(versions) == "PlanVersions(2026-01-01 active, 1 draft)"
    assert repr(VERSIONS) == (
        "PlanVersions(2026-01-01 retired, 2026-10-15 active, 2026-12-01 active, 1 draft)"
    )
    assert repr(PlanVersions([draft, draft, PlanVersion(OLD, FIRST)])).endswith("2 drafts)")
    assert repr(PlanVersions(PlanVersion(OLD, FIRST))) == "PlanVersions(2026-01-01 active)"


def test_a_run_keeps_the_hash_of_its_plan():
    """The plan that paid a run is found again by its hash."""
    run = VERSIONS.settle(at("2026-11-01T00:00:00"), period=fx.month(2026, 11))
    (paid,) = run.earned()
    assert paid.plan == NEW.hash
    assert VERSIONS.plan_of(paid.plan) is NEW
    refused(lambda: VERSIONS.plan_of("f" * 64), PlanError, "hash", OLD.hash[:12])


# --------------------------------------------------------------------------------------------------- settling


def test_a_period_of_one_version_is_settled_by_it():
    """Nothing is added: the run, its state and its totals are those of settle."""
    stateful = rules("12%", caps=[fx.Cap.per_payee("15.00", cut="defer")])
    versions = PlanVersions([PlanVersion(OLD, FIRST), PlanVersion(stateful, DECEMBER)])
    given = at("2026-12-05T00:00:00", "2027-01-05T00:00:00", "2026-12-06T00:00:00")
    first = versions.settle(given, period=fx.month(2026, 12))
    plain = fx.settle(given, stateful, period=fx.month(2026, 12))
    (run,) = first.runs
    assert run.fingerprint() == plain.fingerprint()
    assert first.state == plain.state
    assert first.state.deferred
    second = versions.settle(given, period=fx.month(2027, 1), state=first.state, workers=2)
    assert second.state == fx.settle(given, stateful, period=fx.month(2027, 1), state=plain.state).state
    assert second.totals().columns()["released_minor"].sum() == 900
    assert repr(first) == "VersionedRun(2026-12 by 1 version: 15.00 CNY paid, see runs)"


def test_a_period_of_two_versions_is_settled_in_parts():
    """Each order is paid by the version of its time; totals are joined, and the period counts as settled."""
    extra = attrs.evolve(NEW, policies=[*NEW.policies, levels("launch", rates=["1%", "1%"])])
    versions = PlanVersions([PlanVersion(OLD, FIRST, "retired"), PlanVersion(extra, OCTOBER)])
    given = at("2026-10-14T23:59:59", "2026-10-15T00:00:00", "2026-09-30T12:00:00", "2026-11-01T00:00:00")
    run = versions.settle(given, period=fx.month(2026, 10))
    assert [(each.plan, str(each.period)) for each in run.runs] == [
        (OLD, "2026-10-01/2026-10-15"),
        (extra, "2026-10-15/2026-11-01"),
    ]
    assert {who: int(amount * 100) for who, amount in run.totals().to_dict().items()} == {
        "ann": 100,
        "bo": 1000 + 1200 + 100,
    }
    assert {who: int(amount * 100) for who, amount in run.totals("launch").to_dict().items()} == {
        "ann": 100,
        "bo": 100,
    }
    assert run.totals("referral").allowed.sum() == 2200
    assert run.totals().withheld.sum() == 0
    assert run.totals().claimed.sum() == 2400
    assert [paid.plan for paid in run.earned()] == [OLD.hash, extra.hash]
    assert run.state == fx.State(settled=["2026-10"])
    assert repr(run) == "VersionedRun(2026-10 by 2 versions: 24.00 CNY paid, see runs)"
    refused(lambda: run.totals("pool"), PlanError, "'pool'", "referral, launch")
    refused(lambda: versions.settle(given, period=fx.month(2026, 10), state=run.state), StateError, "2026-10")
    before = fx.State(settled=["2026-09"])
    assert versions.settle(given, period=fx.month(2026, 10), state=before).state.settled == (
        "2026-09",
        "2026-10",
    )
    after = versions.settle(given, period=fx.month(2026, 11), state=run.state)
    assert after.state.settled == ("2026-10", "2026-11")


CROSSING = {
    "period claims": (lambda: [rules(), Prize("prize", winner="bo")], "policy 'prize': claims on the period"),
    "wide cap": (lambda: [rules(), fx.Cap.per_payee("5.00")], "wider than an order"),
    "ranks": (
        lambda: [rules(), Ladder("title", steps={"gold": fx.own("paid") >= "1.00"})],
        "ladder 'title'",
    ),
    "a window": (
        lambda: [rules(), Gate("steady", when=fx.own("paid").over(3) >= "1.00")],
        "a window looks back",
    ),
}


@pytest.mark.parametrize("name", CROSSING)
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_plan_that_sees_the_period_needs_all_of_it(name, first):
    """What looks at more than single orders is refused over a boundary, with the next step."""
    make, reason = CROSSING[name]
    base, part = make()
    field = {Prize: "policies", fx.Cap: "caps"}.get(type(part), "qualifications")
    wide = attrs.evolve(base, **{field: [*getattr(base, field), part]})
    plans = [wide, NEW] if first else [NEW, wide]
    versions = PlanVersions(
        [PlanVersion(each, start) for each, start in zip(plans, (FIRST, OCTOBER), strict=True)]
    )
    given = at("2026-10-14T00:00:00")
    refused(
        lambda: versions.settle(given, period=fx.month(2026, 10)),
        UnsupportedError,
        "period 2026-10",
        "2026-10-15",
        reason,
        "2026-10-01/2026-10-15 and 2026-10-15/2026-11-01",
    )
    assert [len(versions.settle(given, period=fx.month(2026, number)).runs) for number in (9, 11)] == [1, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 91), st.integers(0, 10_000), st.sampled_from(["ann", "bo", "cai"])),
        max_size=8,
    ),
    st.lists(st.integers(1, 89), unique=True, max_size=3),
)
def test_parts_pay_what_each_order_is_paid_alone(sold, cuts):
    """The sum over orders, each quoted alone by the plan of its time, is what the period pays."""
    rates = ["10%", "7%", "1/3", "12%"]
    starts = [FIRST, *(FIRST + number * DAY for number in sorted(cuts))]
    versions = PlanVersions(
        [PlanVersion(rules(rate), start) for rate, start in zip(rates, starts, strict=False)]
    )
    records = [
        {"order_id": number, "member": member, "paid": f"{paid / 100:.2f}",
         "paid_at": f"{FIRST + day * DAY}T23:59:59+08:00"}
        for number, (day, paid, member) in enumerate(sold)
    ]  # fmt: skip
    table = fx.Orders.from_records(records, times=["paid_at"]) if records else fx.Orders.empty()
    given = facts().with_orders(table)
    expected = {}
    for record in records:
        if record["paid_at"] < "2026-04-01":
            for who, amount in fx.quote(given, versions.at(record["paid_at"]), record).payouts().items():
                expected[who] = expected.get(who, 0) + amount
    period = fx.Period(FIRST, dt.date(2026, 4, 1))
    run = versions.settle(given, period=period)
    assert run.totals().to_dict() == expected
    assert len(run.runs) == len(starts)


def test_members_and_other_facts_go_with_every_part():
    """Parts see the same members."""
    silver = levels(rates=["10%"], eligible=fx.column("rank") == "silver")
    versions = PlanVersions(
        [PlanVersion(attrs.evolve(OLD, policies=[silver]), FIRST), PlanVersion(NEW, OCTOBER)]
    )
    run = versions.settle(
        at("2026-10-14T00:00:00", "2026-10-16T00:00:00", members=MEMBERS), period=fx.month(2026, 10)
    )
    assert int(run.totals().to_dict()["bo"] * 100) == 2200


# --------------------------------------------------------------------------------------------------- refusals


def of(*parts, end=None):
    """Return versions of (start, status) pairs."""
    return PlanVersions([PlanVersion(OLD, start, status) for start, status in parts], end)


INVALID = {
    "no plan": (lambda: PlanVersion("x", FIRST), PlanError, "PlanVersion, plan"),
    "no date": (lambda: PlanVersion(OLD, "2026-01-01"), PlanError, "PlanVersion, start", "datetime.date"),
    "a time": (lambda: PlanVersion(OLD, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)), PlanError, "Drop the time"),
    "no start": (lambda: PlanVersion(OLD), PlanError, "PlanVersion, start", "active", "draft"),
    "retired without start": (lambda: PlanVersion(OLD, None, "retired"), PlanError, "retired"),
    "status": (lambda: PlanVersion(OLD, FIRST, "old"), PlanError, "draft, active, retired"),
    "status list": (lambda: PlanVersion(OLD, FIRST, ["draft"]), PlanError, "draft, active, retired"),
    "versions": (lambda: PlanVersions(5), PlanError, "is a int"),
    "plans": (lambda: PlanVersions([OLD]), PlanError, "PlanVersion"),
    "none": (lambda: PlanVersions([]), PlanError, "no version that pays"),
    "drafts": (lambda: of((FIRST, "draft")), PlanError, "no version that pays"),
    "one start": (lambda: of((FIRST, "retired"), (FIRST, "active")), PlanError, "one start", "2026-01-01"),
    "retired after active": (
        lambda: of((FIRST, "active"), (OCTOBER, "retired"), (DECEMBER, "active")),
        PlanError,
        "retired version after an active one",
        "2026-10-15",
    ),
    "retired last": (lambda: of((FIRST, "retired")), PlanError, "go on with a retired", "end=date"),
    "end": (lambda: of((FIRST, "active"), end=FIRST), PlanError, "PlanVersions, end", "after 2026-01-01"),
    "end text": (lambda: of((FIRST, "active"), end="2027"), PlanError, "PlanVersions, end"),
    "currency": (
        lambda: PlanVersions([PlanVersion(OLD, FIRST), PlanVersion(rules(currency="USD"), OCTOBER)]),
        PlanError,
        "PlanVersions, currency",
        "differs",
    ),
    "zone of a draft": (
        lambda: PlanVersions([PlanVersion(OLD, FIRST), PlanVersion(rules(zone="UTC"), status="draft")]),
        PlanError,
        "PlanVersions, zone",
        "UTC",
    ),
    "anchor": (
        lambda: PlanVersions([PlanVersion(OLD, FIRST), PlanVersion(rules(anchor="sent_at"), OCTOBER)]),
        PlanError,
        "PlanVersions, anchor",
        "sent_at",
    ),
    "no anchor": (lambda: PlanVersions([PlanVersion(plan(), FIRST)]), PlanError, "anchor=", "zone="),
    "time": (lambda: VERSIONS.at(5), TimeError, "time"),
    "no orders": (lambda: VERSIONS.for_orders([]), OrdersError, "facts.orders"),
    "no times": (lambda: VERSIONS.for_orders(orders({})), OrdersError, "paid_at"),
    "no period": (lambda: VERSIONS.periods("2026-10"), TimeError, "month(2026, 10)"),
    "nothing": (
        lambda: VERSIONS.settle(at("2026-10-14T00:00:00"), period=None),
        TimeError,
        "month(2026, 10)",
    ),
    "one order in two versions": (
        lambda: VERSIONS.settle(
            facts(
                {"paid_at": "2026-10-14T00:00:00+08:00", "line": 0},
                {"paid_at": "2026-10-15T00:00:00+08:00", "line": 1, "order_id": 1},
                times=["paid_at"],
            ),
            period=fx.month(2026, 10),
        ),
        TimeError,
        "different periods",
    ),
    "state": (
        lambda: VERSIONS.settle(at("2026-10-14T00:00:00"), period=fx.month(2026, 10), state={}),
        FenxiaoError,
        "run.state",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_contradictions_are_refused(name):
    """Gaps, overlaps and contradictory states of versions cannot be built."""
    make, kind, *parts = INVALID[name]
    refused(make, kind, *parts)


def test_a_retired_version_may_be_the_last_that_ever_was():
    """With an end, everything may be over."""
    over = of((FIRST, "retired"), (OCTOBER, "retired"), end=DECEMBER)
    assert over.at("2026-11-30") == OLD
    refused(lambda: over.at("2026-12-01"), TimeError, "up to 2026-12-01")


# ------------------------------------------------------------------------------------------------- plain data

DATA = attrs.evolve(VERSIONS, end=dt.date(2030, 1, 1)).to_dict()


def test_versions_survive_json():
    """What is read back is equal; the data is short enough to be written by hand, in any order."""
    ended = PlanVersions.from_dict(json.loads(json.dumps(DATA, allow_nan=False)))
    assert ended == attrs.evolve(VERSIONS, end=dt.date(2030, 1, 1))
    assert ended.to_dict() == DATA
    assert PlanVersions.from_dict(VERSIONS.to_dict()) == VERSIONS
    assert PlanVersions.from_dict(DATA | {"versions": DATA["versions"][::-1]}) == ended
    assert [{k: v for k, v in each.items() if k != "plan"} for each in DATA["versions"]] == [
        {"start": "2026-01-01", "status": "retired"},
        {"start": "2026-10-15", "status": "active"},
        {"start": "2026-12-01", "status": "active"},
        {"start": None, "status": "draft"},
    ]
    assert (DATA["version"], DATA["end"]) == (1, "2030-01-01")


def test_policies_of_ones_own_are_named():
    """Classes of your own are passed as to a plan."""
    own = attrs.evolve(OLD, policies=[Share("mine")])
    versions = PlanVersions([PlanVersion(own, FIRST)])
    assert PlanVersions.from_dict(versions.to_dict(), policies=[Share]) == versions
    refused(
        lambda: PlanVersions.from_dict(versions.to_dict()), PlanError, "versions.versions[0].plan.policies[0]"
    )


@pytest.mark.parametrize("kind", STRANGE)
def test_damage_is_read_or_a_clear_error(kind):
    """Each value in turn, changed for a strange one, gives versions or an error about the plan."""
    data = PlanVersions(
        [PlanVersion(OLD, FIRST, "retired"), PlanVersion(NEW, status="draft")], OCTOBER
    ).to_dict()
    for path in places(data):
        try:
            found = PlanVersions.from_dict(changed(data, path, STRANGE[kind]))
        except PlanError as error:
            found = error
        assert isinstance(found, PlanVersions) or str(found)


DAMAGE = {
    "version": (("version",), 2, "versions.version", "allowed: 1"),
    "no version": (("version",), DROP, "versions.version"),
    "versions": (("versions",), {}, "versions.versions: is a dict"),
    "missing": (("versions", 1, "start"), DROP, "versions.versions[1].start: is missing"),
    "unknown": (("versions", 1, "until"), "x", "versions.versions[1]: has 1 key"),
    "date": (("versions", 1, "start"), "20261015", "versions.versions[1].start", "2026-10-01"),
    "no date": (("versions", 1, "start"), "soon", "versions.versions[1].start: is not a date"),
    "status": (("versions", 1, "status"), "old", "versions.versions[1]", "draft, active, retired"),
    "plan": (
        ("versions", 1, "plan", "margin", "rate"),
        0.5,
        "versions.versions[1].plan.margin.rate",
        "float",
    ),
    "gone": (("versions", 2, "start"), "2026-10-15", "versions", "two versions of one start"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_mistakes_are_named_with_their_path(name):
    """Every mistake in the data is an error about the plan that names the path."""
    path, to, *parts = DAMAGE[name]
    refused(lambda: PlanVersions.from_dict(changed(DATA, path, to)), PlanError, *parts)


@pytest.mark.parametrize("data", [None, [], "x", VERSIONS], ids=lambda data: type(data).__name__)
def test_what_is_no_data_is_refused(data):
    """Only a dict is read."""
    refused(lambda: PlanVersions.from_dict(data), PlanError, "versions", "dict")
