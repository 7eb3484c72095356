"""Source limits: bases and margins that count until a yearly limit of the credited member."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import (
    ExpressionError,
    InputError,
    InvariantError,
    PlanError,
    RateError,
    StateError,
    UnsupportedError,
)
from fenxiao.limits import WINDOWS, SourceLimit
from fenxiao.policies import counting
from fenxiao.state import State
from fenxiao.volumes import own
from tests.corrections.worlds import MONTHS, frame_of, orders_of, plan_of, shops
from tests.expressions.refusals import refused
from tests.oracles.source_limits import counted_slowly
from tests.policies.samples import MEMBERS, TREE, levels
from tests.policies.test_catalogue_guard import EVERYTHING, chosen

YEAR = SourceLimit("counts", of="paid", money="150.00", window="year")


def reading_counts(plan, limits=()):
    """Return the same plan with the column `counts` read where it reads `paid`, and source limits."""
    data = json.loads(json.dumps(plan.to_dict()).replace('"paid"', '"counts"'))
    return attrs.evolve(fx.Plan.from_dict(data), source_limits=limits)


def dated(line):
    """Return a drawn line as the twin reads it."""
    at = datetime.fromisoformat(line["paid_at"])
    return {name: line[name] for name in ("order_id", "line", "member")} | {
        "paid": line["paid_minor"],
        "at": at,
    }


JOINED = st.sampled_from([date(2024, 2, 29), date(2025, 2, 10), date(2023, 1, 31), date(2026, 2, 15)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    shops(),
    st.sets(st.sampled_from([policy.name for policy in EVERYTHING]), min_size=1).map(chosen),
    st.sampled_from(["1/7", "100%"]),
    st.sampled_from(WINDOWS),
    st.sampled_from(["100%", "1/3"]),
    st.booleans(),
    st.data(),
)
def test_limited_columns_are_what_the_twin_counts(world, policies, rate, window, share, of_column, data):
    """Month by month pay is that of a given column which the twin has counted, and so is what is used up."""
    parents = world["parents"]
    joined = {member: data.draw(JOINED) for member in parents}
    most = {member: data.draw(st.sampled_from([0, 1, 150, 5000])) if of_column else 700 for member in parents}
    limit = SourceLimit(
        "counts",
        of=fx.Base("paid") * share,
        window=window,
        **({"column": "most"} if of_column else {"money": "7.00"}),
    )
    given_plan = reading_counts(plan_of(policies, rate=rate))
    plan = attrs.evolve(given_plan, source_limits=[limit])
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    assert not plan.is_order_local
    frame = frame_of(world)
    frame = attrs.evolve(frame, members=with_columns(frame, world, joined, most))
    state, other, used = None, None, {}
    for month in MONTHS:
        lines = [line for line in world["lines"] if line["paid_at"].startswith(str(month))]
        counts = counted_slowly(map(dated, lines), fx.Rate.of(share).fraction, most, window, joined, used)
        known = [line | {"counts_minor": counts[line["order_id"], line["line"]]} for line in lines]
        run = fx.settle(frame.with_orders(orders_of(lines)), plan, period=month, state=state)
        same = fx.settle(frame.with_orders(counted_orders(known)), given_plan, period=month, state=other)
        assert run.totals().to_dict() == same.totals().to_dict()
        assert str(run.margin_report()) == str(same.margin_report())
        state, other = State.from_dict(run.state.to_dict()), same.state
        found = {
            (name, member): amount
            for (_, name), members in state.usage.items()
            for member, amount in members.items()
        }
        assert found == {key: amount for key, amount in used.items() if amount}
    whole = fx.settle(frame.with_orders(orders_of(world["lines"])), plan)
    if window != "period":
        assert whole.state.usage == state.usage


def with_columns(frame, world, joined, most):
    """Return the members of a shop with other dates of joining, and a limit of each."""
    parents = world["parents"]
    columns = {name: [world[name][member] for member in parents] for name in ("rank", "active", "role")}
    columns |= {"joined": [joined[member] for member in parents]}
    columns |= {"most_minor": [most[member] for member in parents], "member": list(parents)}
    columns |= {
        "agent_region": [
            frame.members.column("agent_region").value(frame.tree.index(member)) for member in parents
        ]
    }
    return fx.Members.from_columns(columns)


def counted_orders(lines):
    """Return orders that give the column `counts`."""
    options = {"times": ["paid_at", "known_at"], "money": ["counts"]}
    if not lines:
        return fx.Orders.empty(**options)
    return fx.Orders.from_records(
        [line | {"margin_minor": line["paid_minor"] // 4} for line in lines], **options
    )


def sold(*lines, **columns):
    """Return orders of cai: amounts and dates, one line each."""
    records = [
        {"order_id": number, "member": "cai", "paid": paid, "paid_at": f"{day}T12:00:00Z"} | columns
        for number, (paid, day) in enumerate(lines, 1)
    ]
    return fx.Orders.from_records(records, times=["paid_at"])


def plan_until(limit=YEAR, **options):
    """Return a plan of 10 % of what counts, with half of what counts as margin."""
    fields = {"margin": fx.Margin.rate("50%", of="counts"), "anchor": "paid_at", "zone": "UTC"} | options
    return fx.Plan(currency="CNY", policies=[levels(base="counts")], source_limits=[limit], **fields)


def facts_until(*lines, members=MEMBERS):
    """Return the facts of some orders."""
    return fx.Facts(tree=TREE, members=members, orders=sold(*lines))


def test_base_and_margin_end_at_the_limit():
    """150.00 of two orders of 100.00 count: bo gets 10 %, and what does not count is no margin either."""
    run = fx.settle(facts_until(("100.00", "2026-03-01"), ("100.00", "2026-03-02")), plan_until())
    assert (str(run.payout("bo")), str(run.payout("ann"))) == ("15.00", "7.50")
    assert str(run.margin_report()) == "22.50 of 75.00 used, 52.50 kept"


def test_lines_count_by_their_time_and_the_rest_is_explained():
    """The second row came first, so that it counts in full; of the others it is said what counts."""
    facts = facts_until(("100.00", "2026-03-02"), ("100.00", "2026-03-01"), ("9.00", "2026-03-03"))
    run = fx.settle(facts, plan_until())
    assert str(run.statement("bo")).splitlines()[:2] == [
        "5.00: level 1 of order 1, 10 % of 50.00",
        "10.00: level 1 of order 2, 10 % of 100.00",
    ]
    assert str(run.explain("bo", 2)) == "referral: level 1, 10.00 of 10.00 claimed"
    assert str(run.explain("bo", 1)).splitlines()[1:] == [
        "counts: 50.00 of 100.00 counts, the source's limit is reached"
    ]
    assert str(run.explain("bo", 3)).splitlines() == [
        "referral: level 1, nothing: the rate or the base is zero",
        "counts: 0.00 of 9.00 counts, the source's limit is reached",
    ]


def test_lines_of_one_order_are_told_apart():
    """The first line of an order uses up the limit before the second."""
    records = [
        {"order_id": 1, "line": line, "member": "cai", "paid": "100.00", "paid_at": "2026-03-01T12:00:00Z"}
        for line in (2, 1)
    ]
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records(records, times=["paid_at"]))
    run = fx.settle(facts, plan_until())
    assert str(run.explain("bo", 1)).splitlines()[-1] == (
        "counts, line 2: 50.00 of 100.00 counts, the source's limit is reached"
    )


def test_agents_pay_a_brokerage_until_their_anniversary():
    """eXp: 3.5 % of a first-tier agent's commission, at most 2,800.00 until he has paid 16,000.00.

    The company keeps 20 % until then, of which half may be shared; a new year begins on his anniversary.
    Source: https://rimasresources.com/exp-info.
    """
    limit = SourceLimit("counts", of=fx.Base("paid") * "20%", money="16000.00", window="anniversary")
    policy = fx.LevelCommission("share", base="counts", rates=["17.5%"], if_not="company")
    plan = attrs.evolve(plan_until(limit), policies=[policy], currency="USD")
    lines = (("60000.00", "2026-01-05"), ("40000.00", "2026-02-27"), ("10000.00", "2026-02-28"))
    # Who joined on a leap day has his anniversary on 28 February 2026.
    members = fx.Members.from_records(
        [{"member": who, "joined": date(2024, 2, 29)} for who in ("ann", "bo", "cai")]
    )
    state, paid = None, []
    for number in (1, 2):
        facts = facts_until(*lines, members=members)
        run = fx.settle(facts, plan, period=fx.month(2026, number), state=state)
        state = run.state
        paid.append((str(run.payout("bo")), str(run.margin_report())))
    assert paid == [
        ("2100.00", "2100.00 of 6000.00 used, 3900.00 kept"),
        ("1050.00", "1050.00 of 3000.00 used, 1950.00 kept"),
    ]
    assert state.usage == {
        ("counts", "anniversary 1"): {"cai": 1_600_000},
        ("counts", "anniversary 2"): {"cai": 200_000},
    }


def test_guests_have_no_limit():
    """What guests buy counts in full, as margin for instance."""
    facts = fx.Facts(tree=TREE, orders=sold(("100.00", "2026-03-01"), ("100.00", "2026-03-02"), member=None))
    run = fx.settle(facts, plan_until())
    assert str(run.margin_report()).splitlines()[0] == "0.00 of 100.00 used, 100.00 kept"
    assert run.state.usage == {}


def test_volumes_caps_and_selections_read_the_column():
    """A volume bonus, a cap by rate, a cap by column and a minimum see what counts."""
    plan = attrs.evolve(
        plan_until(margin=fx.Margin.column("counts")),
        policies=[
            fx.LevelCommission(
                "referral",
                base="paid",
                rates=["100%"],
                if_not="company",
                where=fx.Where(minimum={"counts": "40.00"}),
            ),
            fx.policies.VolumeCommission(
                "volume", rate_on=own("counts"), pay_on=own("counts"), brackets={"0": "10%"}, stage=2
            ),
        ],
        caps=[fx.Cap.per_order("50%", of="counts"), fx.Cap.per_line(column="counts")],
    )
    lines = (("100.00", "2026-03-01"), ("100.00", "2026-03-02"), ("100.00", "2026-03-03"))
    run = fx.settle(facts_until(*lines), plan)
    assert {who: str(amount) for who, amount in run.totals().to_dict().items()} == {
        "bo": "75.00",
        "cai": "15.00",
    }


def test_a_refund_makes_room_for_later_orders():
    """Half of the first order goes back, so that the second counts in full: both months change."""
    facts = facts_until(("100.00", "2026-01-01"), ("100.00", "2026-02-01"))
    book = None
    for number in (1, 2):
        run = fx.settle(
            facts, plan_until(), period=fx.month(2026, number), state=None if book is None else book.state
        )
        book = fx.corrections.Book.of(run) if book is None else book.then(run)
    later = facts.refund(1, paid="50.00", at="2026-02-09T12:00:00Z")
    correction = fx.correct(book, later, plan_until())
    assert correction.book.state.usage == {("counts", "2026"): {"cai": 15_000}}
    found = {
        (period, label): amount
        for period, differences in correction.differences.items()
        for label, amount in zip(differences.labels.tolist(), differences.difference.tolist(), strict=True)
    }
    assert found == {
        ("2026-01", "bo"): -500,
        ("2026-01", "ann"): -250,
        ("2026-02", "bo"): 500,
        ("2026-02", "ann"): 250,
    }


def test_own_lines_give_back_what_no_longer_counts():
    """With `own_lines` the refunded order counts anew behind the same orders, and later ones stay.

    Of 150.00 the first order counts 100.00 and the second 50.00; after 60.00 of the second have gone back
    40.00 of it are left, and they still count: bo gives back a tenth of 10.00.
    """
    plan = plan_until(refunds=fx.Refunds("own_lines"))
    facts = facts_until(("100.00", "2026-01-01"), ("100.00", "2026-01-02"), ("100.00", "2026-01-03"))
    run = fx.settle(facts, plan, period=fx.month(2026, 1))
    correction = fx.correct(run, facts.refund(2, paid="60.00", at="2026-02-09T12:00:00Z"), plan)
    found = {who: str(amount) for who, amount in correction.totals().items()}
    assert found == {
        "ann": "-0.50",
        "bo": "-1.00",
    }


def test_quotes_say_that_a_limit_is_not_looked_at():
    """A quote counts an order as the only one of its member."""
    order = {"order_id": 9, "member": "cai", "paid": "300.00", "paid_at": "2026-03-02T12:00:00Z"}
    quote = fx.quote(facts_until(("100.00", "2026-03-01")), plan_until(), order)
    assert repr(quote) == "Quote(22.50 of 75.00 CNY to 2 payee(s))"
    assert quote.notes == ("source limit 'counts': counts a member's orders in turn, up to a limit",)


def test_threads_give_the_same():
    """The column is there before blocks are settled in several threads."""
    facts = facts_until(("100.00", "2026-03-01"), ("100.00", "2026-03-02"))
    one, two = (fx.settle(facts, plan_until(), workers=workers) for workers in (1, 2))
    assert one.fingerprint() == two.fingerprint()


NOT_LIMITS = {
    "no name": (lambda: SourceLimit("", of="paid", money="1", window="year"), PlanError, "name"),
    "taken name": (
        lambda: SourceLimit("quantity", of="paid", money="1", window="year"),
        PlanError,
        "'quantity'",
        "column that orders",
    ),
    "no base": (lambda: SourceLimit("a", of=None, money="1", window="year"), ExpressionError, "a base"),
    "float": (lambda: SourceLimit("a", of={"paid": 0.2}, money="1", window="year"), RateError, "float"),
    "no limit": (lambda: SourceLimit("a", of="paid", window="year"), PlanError, "exactly one"),
    "two limits": (
        lambda: SourceLimit("a", of="paid", money="1", column="b", window="year"),
        PlanError,
        "exactly one",
    ),
    "no amount": (lambda: SourceLimit("a", of="paid", money="much", window="year"), PlanError, "money"),
    "number": (lambda: SourceLimit("a", of="paid", money=16000, window="year"), PlanError, "money"),
    "empty column": (lambda: SourceLimit("a", of="paid", column="", window="year"), PlanError, "column"),
    "window": (
        lambda: SourceLimit("a", of="paid", money="1", window="month"),
        PlanError,
        "period, year, anniversary, lifetime",
    ),
    "not a limit": (lambda: plan_until("counts"), PlanError, "source_limits", "SourceLimit"),
    "twice": (
        lambda: attrs.evolve(plan_until(), source_limits=[YEAR, YEAR]),
        PlanError,
        "source limits",
        "share a name",
    ),
    "called like a cap": (
        lambda: plan_until(caps=[fx.Cap.per_payee("1.00", name="counts")]),
        PlanError,
        "called like caps",
    ),
    "no time": (lambda: plan_until(anchor=None, zone=None), PlanError, "source limit 'counts'", "anchor="),
    "one reads another": (
        lambda: attrs.evolve(
            plan_until(), source_limits=[YEAR, SourceLimit("more", of="counts", money="1", window="year")]
        ),
        PlanError,
        "source limit 'more'",
        "'counts'",
    ),
    "several cadences": (
        lambda: attrs.evolve(
            plan_until(), policies=[levels("a", base="counts", due="day"), levels("b", due="month")]
        ),
        PlanError,
        "source limit 'counts'",
        "day, month",
    ),
    "plain data": (
        lambda: fx.Plan.from_dict(plan_until().to_dict() | {"source_limits": [{"name": "counts"}]}),
        PlanError,
        "plan.source_limits[0].of",
    ),
    "plain data, window": (
        lambda: fx.Plan.from_dict(
            plan_until().to_dict()
            | {"source_limits": [{"name": "a", "of": "paid", "money": "1", "window": "week"}]}
        ),
        PlanError,
        "plan.source_limits[0].window",
    ),
}


@pytest.mark.parametrize("name", NOT_LIMITS)
def test_what_is_no_source_limit_is_refused_in_words(name):
    """No limit or two, names that are taken, no time, several cadences: each has its message."""
    make, kind, *parts = NOT_LIMITS[name]
    refused(make, kind, *parts)


ONE_ORDER = (("100.00", "2026-03-01"),)
ANNIVERSARY = attrs.evolve(YEAR, window="anniversary")
OF_COLUMN = SourceLimit("counts", of="paid", column="wallet", window="year")
NOT_SETTLED = {
    "given column": (
        lambda: fx.settle(fx.Facts(tree=TREE, orders=sold(*ONE_ORDER, counts=3)), plan_until()),
        PlanError,
        "called like a column",
    ),
    "no joined": (
        lambda: fx.settle(facts_until(*ONE_ORDER, members=None), plan_until(ANNIVERSARY)),
        InputError,
        "'joined'",
    ),
    "joined is no date": (
        lambda: fx.settle(
            facts_until(
                *ONE_ORDER,
                members=fx.Members.from_records([{"member": m, "joined": 3} for m in ("ann", "bo", "cai")]),
            ),
            plan_until(ANNIVERSARY),
        ),
        PlanError,
        "source limit 'counts'",
        "as dates",
    ),
    "limit is no money": (
        lambda: fx.settle(facts_until(*ONE_ORDER), plan_until(attrs.evolve(OF_COLUMN, column="score"))),
        PlanError,
        "'score'",
        "source limit 'counts'",
    ),
    "no such base": (
        lambda: fx.settle(facts_until(*ONE_ORDER), plan_until(attrs.evolve(YEAR, of="cv"))),
        fx.errors.OrdersError,
        "'cv'",
    ),
    "strangers in the state": (
        lambda: fx.settle(
            facts_until(*ONE_ORDER), plan_until(), state=State(usage={("counts", "2026"): {"eve": 1}})
        ),
        StateError,
        "usage of source limit 'counts'",
    ),
    "unknown limit in the state": (
        lambda: fx.settle(
            facts_until(*ONE_ORDER), plan_until(), state=State(usage={("other", "2026"): {"cai": 1}})
        ),
        StateError,
        "source limits that the plan does not have",
    ),
    **{
        f"window {window!r}": (
            lambda window=window: fx.settle(
                facts_until(*ONE_ORDER), plan_until(), state=State(usage={("counts", window): {"cai": 1}})
            ),
            StateError,
            "State, usage",
            repr(window),
            "another name",
        )
        for window in ("lifetime", "anniversary 1", "anniversary 01", "026", "-1", "x", "", "2026 ", "٢٠٢٦")
    },
    "no joined for anybody's order": (
        lambda: fx.settle(
            fx.Facts(tree=TREE, orders=sold(("1.00", "2026-03-01"), member=None)), plan_until(ANNIVERSARY)
        ),
        InputError,
        "'joined'",
    ),
    "merge": (
        lambda: fx.merge(
            fx.settle(facts_until(*ONE_ORDER), plan_until()),
            fx.settle(fx.Facts(tree=TREE, members=MEMBERS, orders=sold()), plan_until()),
        ),
        UnsupportedError,
        "source limit 'counts'",
    ),
}


@pytest.mark.parametrize("name", NOT_SETTLED)
def test_facts_that_do_not_fit_are_refused_in_words(name):
    """Columns that are missing, of another kind or already there; states of others; batches."""
    make, kind, *parts = NOT_SETTLED[name]
    refused(make, kind, *parts)


def test_limits_by_member_come_from_a_money_column():
    """Cai has 3.00 in his wallet, of which bo gets a tenth."""
    run = fx.settle(facts_until(*ONE_ORDER), plan_until(OF_COLUMN))
    assert str(run.payout("bo")) == "0.30"


def test_usage_beyond_64_bits_leaves_nothing():
    """A state may know more than an amount can be: nothing counts any more."""
    state = State(usage={("counts", "2026"): {"cai": 1 << 70}})
    run = fx.settle(facts_until(*ONE_ORDER), plan_until(), state=state)
    assert run.totals().to_dict() == {}
    assert run.state.usage == state.usage


def test_sums_beyond_64_bits_count_up_to_the_limit():
    """Two orders that no 64 bits hold together count until the limit, to the cent."""
    huge = "90000000000000000.00"
    run = fx.settle(facts_until((huge, "2026-03-01"), (huge, "2026-03-02")), plan_until())
    assert run.state.usage == {("counts", "2026"): {"cai": 15_000}}
    assert str(run.payout("bo")) == "15.00"


def test_extreme_limits_are_checked_exactly():
    """Sums over members may exceed 64 bits, though no member's does."""
    huge = "90000000000000000.00"
    limit = attrs.evolve(YEAR, money=huge)
    records = [
        {"order_id": number, "member": who, "paid": huge, "paid_at": "2026-03-01T12:00:00Z"}
        for number, who in enumerate(("ann", "bo"))
    ]
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records(records, times=["paid_at"]))
    plan = plan_until(limit, margin=fx.Margin.rate("1%", of="paid"))
    run = fx.settle(facts, plan)
    assert set(run.state.usage["counts", "2026"].values()) == {9 * 10**18}


BREAKS = {
    "limits": ("is exceeded", lambda amount, member, time, room: amount),
    "below nothing": ("less than nothing", lambda amount, member, time, room: amount * 0 - 1),
    "above all": ("more than it is", lambda amount, member, time, room: amount + 1),
}


@pytest.mark.parametrize("name", BREAKS)
def test_second_check_finds_what_is_counted_wrongly(monkeypatch, name):
    """A kernel that ignores limits, counts too much or less than nothing: nothing is settled."""
    problem, broken = BREAKS[name]
    monkeypatch.setattr(counting, "_oldest_first", broken)
    with pytest.raises(InvariantError, match=problem):
        fx.settle(facts_until(("100.00", "2026-03-01"), ("100.00", "2026-03-02")), plan_until())


def test_second_check_finds_sums_that_differ(monkeypatch):
    """Sums by window that are not those of the lines are a defect, too."""
    whole = counting.counted

    def wrong(limit, setting):
        found = whole(limit, setting)
        return attrs.evolve(found, sums={name: np.zeros_like(column) for name, column in found.sums.items()})

    monkeypatch.setattr("fenxiao.policies.setting.counted", wrong)
    with pytest.raises(InvariantError, match="otherwise by window"):
        fx.settle(facts_until(*ONE_ORDER), plan_until())


def test_times_are_local():
    """Eight o'clock in the evening of 31 December in London is the new year in Shanghai."""
    at = datetime(2025, 12, 31, 20, tzinfo=UTC)
    record = {"order_id": 1, "member": "cai", "paid": "1.00", "paid_at": at}
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records([record], times=["paid_at"]))
    run = fx.settle(facts, plan_until(zone="Asia/Shanghai"))
    assert run.state.usage == {("counts", "2026"): {"cai": 100}}
