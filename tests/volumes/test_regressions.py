"""What was once wrong about volumes and ladders, each under the name of the mistake."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.expressions import predicate_from_data
from fenxiao.periods import local_days, month
from fenxiao.qualification import Ladder
from fenxiao.volumes import balanced, frontline, group, organisation, own
from tests.volumes.bridge import plan_of
from tests.volumes.test_laws import run_of, values

RANK = fx.column("rank")
CHAIN = {0: None, 1: 0, 2: 1}


def ordered(*rows, members=None, sponsors=CHAIN, qualifications=(), period=None, state=None):
    """Settle order lines."""
    orders = fx.Orders.from_records(
        [{"paid": "1.00", "margin_minor": 0, "paid_at": "2026-01-05T12:00:00+08:00"} | row for row in rows],
        times=["paid_at"],
    )
    table = None if members is None else fx.Members.from_records(members)
    facts = fx.Facts(tree=fx.ReferralTree.from_mapping(sponsors), orders=orders, members=table)
    return fx.settle(facts, plan_of(qualifications), period=period, state=state)


def test_an_order_of_two_members_counts_for_both():
    """The second member's line, or one after a guest's, was not counted as an order of his."""
    run = ordered(
        {"order_id": 1, "line": 0, "member": None},
        {"order_id": 1, "line": 1, "member": 1},
        {"order_id": 1, "line": 2, "member": 2},
        {"order_id": 1, "line": 3, "member": 2},
    )
    assert values(run, own("orders")) == {0: 0, 1: 1, 2: 1}
    assert values(run, own("orders", where=fx.Where(minimum={"paid": "5.00"}))) == {0: 0, 1: 0, 2: 0}


def test_guests_do_not_overflow_members():
    """What guests bought beyond 64 bits was an error, though it counts for nobody."""
    rows = [{"order_id": n, "member": None, "quantity": 2**62} for n in range(3)]
    run = ordered(*rows, {"order_id": 9, "member": 1, "quantity": 2**62})
    assert values(run, own("quantity")) == {0: 0, 1: 2**62, 2: 0}


def test_a_leg_breaks_at_its_group_volume_losses_included():
    """A group of 100 and a loss of 30 below is 70 and does not reach 100."""
    run = run_of(CHAIN, {0: 1, 1: 100, 2: -30})
    assert values(run, group("n", breaks_at=100)) == {0: 71, 1: 70, 2: -30}
    assert values(run_of(CHAIN, {0: 1, 1: 130, 2: -30}), group("n", breaks_at=100)) == {0: 1, 1: 100, 2: -30}


def test_a_balanced_condition_survives_plain_data():
    """The share of a leg was taken for an operator."""
    condition = balanced("pv", per_leg="50%") >= "6000"
    assert predicate_from_data(condition.as_data()) == condition


def test_a_ladder_may_read_its_own_title():
    """The hint of the refusal was refused; within the ladder the title is that of earlier periods."""
    ladder = Ladder("rank", [("a", own("paid") >= "1.00"), ("b", fx.column("rank_title") >= "a")])
    first = ordered({"order_id": 1, "member": 1}, qualifications=[ladder], period=month(2026, 1))
    assert first.members_table("rank")["rank"] == ["none", "a", "none"]
    assert "rank_title none of a" in str(first.rank_gap(1))
    row = {"order_id": 2, "member": 2, "paid_at": "2026-02-05T12:00:00+08:00"}
    second = ordered(row, qualifications=[ladder], period=month(2026, 2), state=first.state)
    assert second.members_table("rank", "rank_title")["rank"] == ["none", "b", "a"]


def test_titles_are_kept_though_no_condition_reads_them():
    """The title of a plain ladder was forgotten after each period."""
    ladder = Ladder("rank", [("a", own("paid") >= "1.00")])
    first = ordered({"order_id": 1, "member": 1}, qualifications=[ladder], period=month(2026, 1))
    row = {"order_id": 2, "member": 2, "paid_at": "2026-02-05T12:00:00+08:00"}
    second = ordered(row, qualifications=[ladder], period=month(2026, 2), state=first.state)
    assert second.rank_gap(1).title == "a"
    assert second.rank_gap(1).rank == "none"


def test_several_choices_are_told_apart_in_gaps():
    """Two choices of one rank shared their numbers, so that one alternative was not enough."""
    when = (
        (own("paid") >= "1.00")
        & ((own("n") >= 1) | (frontline() >= 9) | (organisation("n") >= 9))
        & ((own("n") >= 3) | ((frontline() >= 8) & ((own("n") >= 4) | (frontline() >= 7))))
    )
    run = run_of({0: None}, {0: 0}, [Ladder("rank", [("a", when)])])
    found = [(gap.choice, gap.alternative, gap.needs) for gap in run.rank_gap(0).gaps]
    assert found[1:4] == [(0, 0, 1), (0, 1, 9), (0, 2, 9)]
    assert found[4:] == [(1, 0, 3), (1, 1, 8), (1, 1, 4), (1, 2, 8), (1, 2, 7)]
    assert found[0][:2] == (None, None)
    assert "(choice 2, alternative 3)" in repr(run.rank_gap(0).gaps[-1])
    assert "(alternative 1)" in repr(run.rank_gap(0).gaps[1])


def test_local_days_reach_from_the_first_date_to_the_last():
    """Days around the ends of the calendar raised, and years apart took as long as they lasted."""
    ends = [dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, 23, 59, tzinfo=dt.UTC)]
    instants = np.array(
        [(end - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) for end in ends]
    )
    assert local_days(instants, "UTC").tolist() == [-719162, 2932896]
    assert local_days(instants, "America/New_York").tolist() == [-719163, 2932896]
    assert local_days(instants, "Asia/Shanghai").tolist() == [-719162, 2932896]
    assert local_days(instants[:0], "UTC").tolist() == []


@pytest.mark.parametrize("size", [70, 3000])
def test_ranks_that_alternate_up_a_chain_are_found(size):
    """Each rank hangs on the one below: such ladders were given up, or took a round a level."""
    sponsors = {member: member - 1 if member else None for member in range(size)}
    ladder = Ladder("rank", [("a", frontline(RANK == "a") == 0)])
    ranks = run_of(sponsors, dict.fromkeys(sponsors, 0), [ladder]).members_table("rank")["rank"]
    assert ranks == ["a" if (size - 1 - place) % 2 == 0 else "none" for place in range(size)]


def test_an_order_is_as_old_as_its_oldest_line():
    """Lines of one order at different times made several orders of it."""
    late = "2026-01-09T12:00:00+08:00"
    run = ordered(
        {"order_id": 1, "line": 0, "member": 1},
        {"order_id": 2, "line": 0, "member": 1, "paid_at": "2026-01-07T12:00:00+08:00"},
        {"order_id": 1, "line": 1, "member": 1, "paid_at": late},
    )
    assert values(run, own("paid", where=fx.Where(first_order=True))) == {0: 0, 1: 200, 2: 0}


def test_a_state_keeps_no_more_periods_than_a_window_may_look_back_at():
    """The longest window has twelve periods, so that eleven are kept, and the oldest falls out."""
    year, state, seen = organisation("paid").over(12), None, []
    for number in range(14):
        at = month(2026 + number // 12, number % 12 + 1)
        run = ordered(
            {"order_id": number, "member": 1, "paid": "1.00", "paid_at": f"{at.key}-05T12:00:00+08:00"},
            qualifications=[Ladder("rank", {"silver": year >= "1.00"})],
            period=at,
            state=state,
        )
        state = run.state
        seen.append((values(run, year)[0], len(state.records)))
    assert seen == [(100 * min(number, 12), min(number, 11)) for number in range(1, 15)]
