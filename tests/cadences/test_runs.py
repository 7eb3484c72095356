"""Runs of several cadences one after the other, worked out by hand."""

from __future__ import annotations

import pickle
from uuid import UUID

import attrs
import pytest

import fenxiao as fx
from fenxiao.errors import PlanError, StateError
from fenxiao.policies import BinaryPairing, Pool, VolumeCommission
from fenxiao.qualification import Gate, GivenRanks, Ladder, Tiers
from fenxiao.taken import Taken
from fenxiao.volumes import organisation, own
from tests.cadences.shop import (
    AT_ONCE,
    DAILY,
    MONTHLY,
    OCT1,
    OCT2,
    OCTOBER,
    ORDERS,
    SEP30,
    SEPTEMBER,
    TREE,
    W40,
    WEEKLY,
    facts,
    order,
    paid,
    plan,
    settled,
    taken,
)
from tests.expressions.refusals import refused


def test_days_a_week_across_months_and_months_share_each_margin():
    """Orders of 100, 60 and 30 have 25.00, 15.00 and 7.50; each run finds what the ones before left."""
    runs = settled(plan(), OCT1, OCT2, W40, SEP30, OCTOBER, SEPTEMBER)
    assert list(map(paid, runs)) == [
        {"ann": "5.00", "bo": "10.00"},
        {"ann": "6.00"},
        # 5 % of 190.00 in three; what gave up 10.00, 9.00 and 7.50 pays 3.58, 3.23 and 2.69.
        {"ann": "3.17", "bo": "3.17", "cai": "3.16"},
        # 4.81 are left of 7.50, and 10 % and 5 % of 30.00 are less.
        {"ann": "1.50", "bo": "3.00"},
        # 25.00 - 18.58 and 15.00 - 9.23 are left of two orders, and no more.
        {"cai": "12.19"},
        {},
    ]
    assert [{key: str(amount) for key, amount in taken(run).items()} for run in runs] == [
        {"A1": "15"},
        {"A1": "15", "A2": "6"},
        {"A1": "18.58", "A2": "9.23", "A3": "2.69"},
        {"A1": "18.58", "A2": "9.23", "A3": "7.19"},
        # All periods of the first two have been settled: nobody will ask for them again.
        {"A3": "7.19"},
        {},
    ]
    report = runs[4].margin_report()
    assert (report.taken_before, report.budget, report.kept) == (2781, 1219, 0)
    assert "taken by earlier runs: 27.81" in str(report)


def test_what_is_taken_first_is_gone():
    """The month before the days takes all of its orders, and the days find nothing."""
    month, day = settled(plan(), OCTOBER, OCT1)
    assert paid(month) == {"cai": "40.00"}
    assert paid(day) == {}
    assert day.lines_of("bo").allowed.tolist() == [0]
    assert str(day.statement("bo").entries[0].reason) == str(fx.Reason.CUT_MARGIN)


def test_funds_pay_first():
    """What a fund pays is taken from no order; what it does not pay is."""
    with_funds = facts(funds={"bonus": "30.00"})
    run = fx.settle(with_funds, plan(), period=OCTOBER)
    assert paid(run) == {"cai": "50.00"}
    # 20.00 of 50.00, by 25.00 and 15.00.
    assert taken(run) == {"A1": 12.5, "A2": 7.5}
    assert taken(fx.settle(facts(funds={"bonus": "50.00"}), plan(), period=OCTOBER)) == {}


def test_what_is_due_per_order_needs_no_period():
    """An order pays at once, and the day finds the rest."""
    whole = plan(AT_ONCE, DAILY, margin=fx.Margin.rate("10%", of="paid"))
    now, day = settled(whole, None, OCT1, given=facts(ORDERS[0]))
    assert paid(now) == {"cai": "2.00"}
    assert (now.state.settled, taken(now)) == ((), {"A1": 2})
    # 8.00 of 10.00 are left for 10.00 and 5.00.
    assert paid(day) == {"ann": "2.67", "bo": "5.33"}
    assert day.state.taken is None


def test_orders_whose_periods_are_settled_are_closed():
    """What is due per order comes before the last period of an order: later nobody knows what was taken."""
    whole = plan(AT_ONCE, DAILY)
    state = settled(whole, OCT1)[-1].state
    error = refused(
        lambda: fx.settle(facts(), whole, state=state), StateError, "due per order", absent=("A1",)
    )
    assert error.rows == (0,)
    assert paid(fx.settle(facts(*ORDERS[1:]), whole, state=state)) == {"bo": "1.20", "cai": "0.60"}
    assert fx.settle(facts(*ORDERS[1:]).with_orders(fx.Orders.empty()), whole, state=state).state == state


def test_orders_of_several_lines_count_once():
    """An order's lines share its margin in every run, and what was taken is found by order."""
    lines = [order("A1", "cai", "100.00", "2026-10-01", line=n) for n in (0, 1)]
    runs = settled(plan(DAILY, MONTHLY), OCT1, OCTOBER, given=facts(*lines))
    assert paid(runs[0]) == {"ann": "10.00", "bo": "20.00"}
    assert taken(runs[0]) == {"A1": 30}
    assert paid(runs[1]) == {"cai": "20.00"}
    assert runs[1].margin_report().taken_before == 3000


def test_an_order_is_open_as_long_as_one_of_its_lines_is():
    """Lines in two months of one week: September is over, October may still come."""
    lines = [order("A1", "cai", "50.00", f"2026-{on}", line=n) for n, on in enumerate(("09-30", "10-01"))]
    state = fx.State(settled=("2026-09",))
    for given in (lines, [each | {"line": 1 - each["line"]} for each in lines]):
        run = fx.settle(facts(*given), plan(WEEKLY, MONTHLY), period=W40, state=state)
        assert taken(run) == {"A1": 5}
    state = fx.State(settled=("2026-09", "2026-10"))
    assert fx.settle(facts(*lines), plan(WEEKLY, MONTHLY), period=W40, state=state).state.taken is None


def test_losses_lower_what_each_run_may_use():
    """A loss of 20.00 in the month leaves 30.00 of its 50.00 to the bonus, and does not touch the day."""
    whole = plan(DAILY, MONTHLY, margin=fx.Margin.column("margin", losses="offset"))
    given = facts(
        order("A1", "cai", "100.00", "2026-10-01", margin="65.00"),
        order("A2", "cai", "0.00", "2026-10-02", margin="-20.00"),
    )
    day, month = settled(whole, OCT1, OCTOBER, given=given)
    assert taken(day) == {"A1": 15}
    report = month.margin_report()
    assert (report.budget, report.losses, report.period_pay, report.loss_orders) == (5000, 2000, 3000, 1)


def test_what_a_cap_defers_is_backed_by_its_orders():
    """The margin that backs deferred pay is taken when it is put off, so that no other run spends it."""
    cap = fx.Cap.per_payee("4.00", on=["referral"], cut="defer", name="slow")
    whole = plan(DAILY, MONTHLY, caps=[cap])
    day, month, later = settled(whole, OCT1, OCTOBER, OCT2)
    assert paid(day) == {"ann": "4.00", "bo": "4.00"}
    assert taken(day) == {"A1": 15}
    assert [entry.amount for entry in day.state.deferred] == [100, 600]
    # The month neither releases nor drops what belongs to the day's policy.
    assert month.state.deferred == day.state.deferred
    assert paid(month) == {"cai": "25.00"}
    assert month.margin_report().deferred == month.margin_report().released == 0
    assert later.margin_report().released == 500


def test_caps_for_life_see_all_cadences():
    """25.00 for life: the days use 21.00 of them up, the week gets the rest, and the month nothing."""
    cap = fx.Cap.per_payee("12.00", window="lifetime", name="life")
    runs = settled(plan(caps=[cap]), OCT1, OCT2, W40, OCTOBER)
    assert list(map(paid, runs)) == [
        {"ann": "5.00", "bo": "10.00"},
        {"ann": "6.00"},
        {"ann": "1.00", "bo": "2.00", "cai": "3.16"},
        {"cai": "8.84"},
    ]
    assert runs[-1].state.used("life", "lifetime") == {"ann": 1200, "bo": 1200, "cai": 1200}


def test_caps_of_a_year_see_all_cadences():
    """Days and months of one year share a limit, and the next year starts anew."""
    cap = fx.Cap.per_payee("12.00", window="year", name="year")
    days = (order("A1", "cai", "100.00", "2026-12-31"), order("A2", "cai", "100.00", "2027-01-01"))
    whole = plan(DAILY, MONTHLY, caps=[cap])
    periods = (fx.day(2026, 12, 31), fx.month(2026, 12), fx.month(2027, 1), fx.day(2027, 1, 1))
    runs = settled(whole, *periods, given=facts(*days))
    assert list(map(paid, runs)) == [
        {"ann": "5.00", "bo": "10.00"},
        {"cai": "10.00"},
        {"cai": "12.00"},
        {"ann": "4.33", "bo": "8.67"},
    ]
    assert runs[-1].state.used("year", "2026") == {"ann": 500, "bo": 1000, "cai": 1000}
    assert runs[-1].state.used("year", "2027") == {"ann": 433, "bo": 867, "cai": 1200}


@pytest.mark.parametrize("workers", [1, 2])
def test_blocks_and_threads_do_not_show(monkeypatch, workers):
    """What was taken is found block by block as it is in one block."""
    orders = [
        order(f"A{n}", "cai", f"{10 + n}.00", f"2026-10-{1 + n // 9:02d}", line=line)
        for n in range(18)
        for line in range(1 + n % 3)
    ]
    cap = fx.Cap.per_payee("9.00", on=["referral"])
    whole, given = plan(DAILY, WEEKLY, MONTHLY, caps=[cap]), facts(*orders)
    one = settled(whole, OCT1, W40, OCT2, OCTOBER, given=given)
    monkeypatch.setattr("fenxiao.lines.blocks.BLOCK_ROWS", 4)
    state = None
    for run in one:
        again = fx.settle(given, whole, period=run.period, state=state, workers=workers)
        assert again.fingerprint() == run.fingerprint()
        state = again.state
    assert len(one[2].state.taken) == 18


def test_a_cap_that_counts_more_than_it_cuts_is_narrowed_run_by_run():
    """Each run counts its own policies besides those that it cuts."""
    other = attrs.evolve(DAILY, name="other", rates=["1%", "1%"])
    cap = fx.Cap.per_payee(
        "6.00", on=["referral", "star"], counting=["other"], window="lifetime", name="life"
    )
    whole = plan(DAILY, other, MONTHLY, caps=[cap])
    assert whole.due_in("day").caps[0].on == ("referral",)
    assert whole.due_in("day").caps[0].counting == ("other",)
    assert whole.due_in("month").caps[0].counting is None
    day, month = settled(whole, OCT1, OCTOBER)
    assert paid(day) == {"ann": "6.00", "bo": "6.00"}
    assert paid(month) == {"cai": "6.00"}


def test_ranks_and_windows_move_in_their_own_runs():
    """The days neither move the month's ranks and records nor lose them, nor does the month see days."""
    ladder = Ladder("rank", steps=[("star", own("paid").over(2) >= "130")])
    monthly = attrs.evolve(MONTHLY, when=fx.column("rank") == "star")
    pairs = VolumeCommission(
        "volume", rate_on=own("paid"), pay_on=organisation("paid"), brackets={"0": "1%"}, due="week"
    )
    whole = plan(DAILY, pairs, monthly, qualifications=[ladder])
    alone = plan(monthly, qualifications=[ladder])
    september, day, october = settled(whole, SEPTEMBER, OCT1, OCTOBER)
    assert day.state.records == september.state.records
    assert day.state.standings == september.state.standings
    expected = settled(alone, SEPTEMBER, OCTOBER)[-1].state
    assert (october.state.records, october.state.standings) == (expected.records, expected.standings)
    assert october.rank_gap("cai").rank == "star"
    refused(lambda: day.rank_gap("cai"), PlanError, "no Ladder")


def test_the_order_of_runs_does_not_show_in_ranks():
    """Standings are kept in the order of the plan's ladders."""
    ladders = [Ladder(name, {"star": own("paid") >= "30"}) for name in ("of week", "of month")]
    weekly, monthly = (
        attrs.evolve(MONTHLY, name=name, when=fx.column(name) == "star", due=due)
        for name, due in (("of week", "week"), ("of month", "month"))
    )
    whole = plan(weekly, monthly, qualifications=ladders)
    given = facts(*(each | {"paid": "100.00"} for each in ORDERS))
    for periods in ((W40, OCTOBER), (OCTOBER, W40)):
        state = settled(whole, *periods, given=given)[-1].state
        assert [standing.ladder for standing in state.standings] == ["of week", "of month"]


def test_carried_volumes_wait_for_their_own_run():
    """Legs that the week leaves are untouched by a day, and two pairings keep their order in the state."""
    from fenxiao.placement import Placement

    members = {"ann": None, "bo": "ann", "cai": "ann"}
    tree = fx.ReferralTree.from_mapping(members)
    given = attrs.evolve(
        facts(tree=tree), placements={"binary": Placement.auto(tree, tree.ids, width=2, rule="breadth")}
    )
    weekly, monthly = (
        BinaryPairing(name, on=own("paid"), rate="10%", leftover="carry", due=due)
        for name, due in (("quick", "week"), ("slow", "month"))
    )
    whole = plan(monthly, weekly, DAILY)
    week, day, month = settled(whole, W40, OCT1, OCTOBER, given=given)
    assert [carry.policy for carry in week.state.carries] == ["quick"]
    assert day.state.carries == week.state.carries
    assert [carry.policy for carry in month.state.carries] == ["slow", "quick"]
    assert month.state.carries[1] == week.state.carries[0]


def test_a_run_computes_what_its_policies_read():
    """Gates and tiers are those of the policies that are due; given ranks are everybody's."""
    gates = [
        Gate("busy", when=own("paid") >= "50"),
        Gate("rich", when=own("paid") >= "100"),
        Tiers("share", on=own("paid"), brackets={"0": "1%"}),
        GivenRanks("grade", order=["low", "high"]),
    ]
    daily = attrs.evolve(DAILY, eligible=fx.column("busy") == True)  # noqa: E712  # builds a condition
    monthly = attrs.evolve(MONTHLY, when=fx.column("rich") == True)  # noqa: E712  # builds a condition
    limit = fx.Cap.per_payee(by_rank={"high": "1.00", "low": "1.00"}, rank_column="grade", on=["star"])
    weekly = attrs.evolve(WEEKLY, eligible=fx.column("share") == "1%")
    whole = plan(daily, weekly, monthly, qualifications=gates, caps=[limit])
    names = {kind: [each.name for each in whole.due_in(kind).qualifications] for kind in whole.cadences}
    assert names == {"day": ["busy", "grade"], "week": ["share", "grade"], "month": ["rich", "grade"]}
    assert whole.due_in("day").caps == ()


def test_caps_read_columns_as_policies_do():
    """What a cap reads is computed in its run: its ranks, its limits by member, and owners."""
    ranks = Ladder("rank", steps=[("star", own("paid") >= "100")])
    caps = [
        fx.Cap.per_payee(by_rank={"none": "1.00", "star": "9.00"}, on=["star"]),
        fx.Cap.per_payee(column="wallet", on=["referral"]),
        fx.Cap.per_owner("7.00", on=["referral"]),
    ]
    members = fx.Members.from_records(
        [
            {"member": name, "wallet": f"{place}.00", "owner": "one"}
            for place, name in enumerate(("ann", "bo", "cai"), 3)
        ],
        money=("wallet",),
    )
    whole = plan(qualifications=[ranks], caps=caps)
    assert whole.due_in("day").qualifications == ()
    day, month = settled(whole, OCT1, OCTOBER, given=facts(members=members))
    assert paid(day) == {"ann": "3.00", "bo": "4.00"}
    assert paid(month) == {"cai": "9.00"}


@pytest.mark.parametrize(
    "cap", [fx.Cap.per_order("6.00"), fx.Cap.per_source("6.00"), fx.Cap.per_product("6.00", within="order")]
)
def test_caps_on_orders_are_on_policies_on_orders(cap):
    """A limit on orders need not name the only cadence that pays on them; claims on periods have no order."""
    whole = plan(caps=[cap])
    assert [len(whole.due_in(kind).caps) for kind in whole.cadences] == [1, 0, 0]
    given = facts(ORDERS[0] | {"product": "tea"})
    assert paid(settled(whole, OCT1, given=given)[-1]) == {"ann": "2.00", "bo": "4.00"}


def test_one_cadence_is_a_plan_like_any_other():
    """Where all policies are due by month, nothing but the plan's data differs from one without."""
    with_due, without = plan(MONTHLY), plan(attrs.evolve(MONTHLY, due=None))
    assert with_due.due_in("month") is with_due
    assert with_due.not_local == without.not_local
    runs = [fx.settle(facts(), each, period=OCTOBER) for each in (with_due, without)]
    assert runs[0].state == runs[1].state
    assert runs[0].state.taken is None
    assert without.hash != with_due.hash
    assert "due" not in str(without.to_dict())
    assert without.cadences == ()
    assert without.due_in("year") is without


def test_what_is_due_per_order_alone_needs_no_time():
    """A plan of one cadence without periods needs neither anchor nor zone, and may limit members for life."""
    cap = fx.Cap.per_payee("3.00", window="lifetime", name="life")
    whole = plan(AT_ONCE, anchor=None, zone=None, caps=[cap])
    run = fx.settle(facts(), whole)
    assert paid(run) == {"bo": "1.20", "cai": "2.60"}
    assert paid(fx.settle(facts(), whole, state=run.state)) == {"bo": "1.20", "cai": "0.40"}


def test_the_same_period_is_settled_once():
    """A day is refused a second time, also after runs of other cadences."""
    state = settled(plan(), OCT1, OCTOBER)[-1].state
    refused(lambda: fx.settle(facts(), plan(), period=OCT1, state=state), StateError, "settled this period")


def test_a_run_of_what_is_not_due_is_refused():
    """A plan of days and months has no year, and nothing without a period."""
    refused(lambda: fx.settle(facts(), plan()), PlanError, "'order'", "day, week, month")
    year = fx.Period.parse("2026")
    refused(lambda: fx.settle(facts(), plan(), period=year), PlanError, "'year'", "day, week, month")


def test_batches_of_a_run_merge():
    """Two batches of a day settle to what they settle together, what was taken included."""
    # The week's policy reads all orders of the week; that does not keep batches of a day from merging.
    late = attrs.evolve(DAILY, name="late", eligible=own("paid") >= "1", due="week")
    whole = plan(DAILY, AT_ONCE, late)
    before = fx.settle(facts(), whole).state
    more = order("A0", "cai", "10.00", "2026-10-01")
    parts = [fx.settle(facts(each), whole, period=OCT1, state=before) for each in (ORDERS[0], more)]
    both = fx.settle(facts(ORDERS[0], more), whole, period=OCT1, state=before)
    assert fx.merge(*parts).fingerprint() == both.fingerprint()
    assert fx.merge(*parts).state == both.state
    assert (parts[0].plan, parts[0].due) == (whole, whole.due_in("day"))
    assert not whole.is_order_local
    assert fx.merge(*parts).totals("referral").allowed.sum() == 1650
    refused(lambda: parts[0].totals("thanks"), PlanError, "'thanks'")


def test_a_quote_is_of_the_whole_margin():
    """Policies on orders of all cadences are quoted together, and the notes say that their runs share."""
    found = fx.quote(facts(), plan(AT_ONCE, DAILY), order("N", "cai", "100.00", "2026-10-03"))
    assert {member: str(amount) for member, amount in found.payouts().items()} == {
        "ann": "5.00", "bo": "10.00", "cai": "2.00",
    }  # fmt: skip
    assert found.notes == ("policies are due per order, day: their runs share the margin of each order",)


def test_fingerprints_tell_what_was_taken():
    """Two runs with the same payouts differ where the orders that give them do."""
    monthly = Pool("pot", amount="6.00", equal=True, due="month")
    whole = plan(DAILY, monthly)
    orders = [order(key, None, "40.00", "2026-10-01") for key in ("A1", "A2")]
    one, two = (
        fx.settle(facts(*orders), whole, period=OCTOBER, state=fx.State(taken=each))
        for each in (
            Taken(order_ids=["A1", "A2"], minor=[100, 300]),
            Taken(order_ids=["A1", "A2"], minor=[300, 100]),
        )
    )
    assert paid(one) == paid(two)
    assert one.fingerprint() != two.fingerprint()
    assert pickle.loads(pickle.dumps(one.state)) == one.state != two.state


@pytest.mark.parametrize(
    "ids",
    [[30, -2, 7], [b"b", b"a", b"c"], [UUID(int=2**100), UUID(int=1), UUID(int=5)]],
    ids=["int", "bytes", "UUID"],
)
def test_orders_are_found_whatever_their_ids(ids):
    """Numbers, bytes and UUIDs are found in the state as texts are."""
    renamed = facts(*(each | {"order_id": key} for each, key in zip(ORDERS, ids, strict=True)))
    runs = settled(plan(), OCT1, OCT2, W40, OCTOBER, given=renamed)
    assert [paid(run) for run in runs] == [paid(run) for run in settled(plan(), OCT1, OCT2, W40, OCTOBER)]
    assert [sorted(map(str, taken(run).values())) for run in runs] == [
        ["15"],
        ["15", "6"],
        ["18.58", "2.69", "9.23"],
        ["2.69"],
    ]
    assert taken(runs[0]) == {ids[0]: 15}


def test_a_margin_that_has_fallen_since_pays_nothing():
    """Where more was taken than there is now, nothing is left, and nothing is given back."""
    whole = plan(DAILY, MONTHLY)
    state = fx.State(taken=Taken(order_ids=["A1"], minor=[9000]))
    run = fx.settle(facts(), whole, period=OCT1, state=state)
    assert paid(run) == {}
    assert taken(run) == {"A1": 90}


def test_a_state_belongs_to_a_plan_of_several_cadences():
    """Another plan would forget what was taken."""
    state = settled(plan(), OCT1)[-1].state
    for other in (plan(MONTHLY), plan(attrs.evolve(MONTHLY, due=None))):
        refused(
            lambda other=other: fx.settle(facts(), other, period=OCTOBER, state=state), StateError, "took"
        )


def test_unknown_policies_and_ladders_are_still_found():
    """What a state knows of policies that no cadence has is refused, not put aside."""
    state = settled(plan(caps=[fx.Cap.per_payee("4.00", on=["referral"], cut="defer")]), OCT1)[-1].state
    other = plan(attrs.evolve(DAILY, name="new"), MONTHLY, caps=[fx.Cap.per_payee("4.00", on=["new"])])
    refused(
        lambda: fx.settle(facts(), other, period=OCT2, state=state), StateError, "deferred pay", "referral"
    )


@pytest.mark.parametrize("ids", [[1, 2], [b"A1"]], ids=["int", "bytes"])
def test_ids_of_another_kind_are_refused(ids):
    """A state that was read back with numbers would find no order, and pay margins twice."""
    state = fx.State(taken=Taken(order_ids=ids, minor=[5] * len(ids)))
    refused(
        lambda: fx.settle(facts(), plan(), period=OCT1, state=state), StateError, "of another kind", "str"
    )
    assert fx.settle(facts(tree=TREE), plan(), period=OCT1).state.taken is not None
