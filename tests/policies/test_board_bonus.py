"""Money for cycles of boards: against the slow twin of boards, over successive periods, and in words."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import MoneyError, MoneyOverflowError, PlacementError, PlanError, UnknownMemberError
from fenxiao.periods import Period
from fenxiao.policies import BoardBonus
from tests.expressions.refusals import refused
from tests.oracles.placing import slow_boards

PAYABLE = fx.column("payable") == True  # noqa: E712  # builds a condition
START = date(2026, 1, 1)


def facts_of(entries, size, *, payable=None, kind="board"):
    """Return facts in which members enter on days: ``[(member, day), ...]``."""
    tree = fx.ReferralTree.from_mapping(dict.fromkeys(range(size)))
    records = [
        {"kind": kind, "member": member, "at": f"{START + timedelta(days=when)}T00:00:00+08:00"}
        for member, when in entries
    ]
    columns = {"member": list(range(size)), "payable": payable or [True] * size}
    return fx.Facts(
        tree=tree,
        members=fx.Members.from_columns(columns) if size else None,
        events=fx.Events.from_records(records),
        funds={"boards": "1000000.00"},
    )


def plan_of(policy):
    """Return a plan that pays what a fund gives."""
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("0%", of="paid"),
        policies=[policy],
        anchor="paid_at",
        zone="Asia/Shanghai",
    )
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    return plan


def span(first, end):
    """Return the period from one day to another."""
    return Period.between(START + timedelta(days=first), START + timedelta(days=end))


def paid(run):
    """Return cents by member, those with nothing left out."""
    totals = run.totals("board")
    pairs = zip(totals.members.tolist(), totals.allowed.tolist(), strict=True)
    return {member: amount for member, amount in pairs if amount}


def board(**more):
    """Return a policy of small boards."""
    return BoardBonus("board", **({"amount": "4.00", "width": 2, "depth": 1} | more))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(0, 2),
    st.none() | st.integers(1, 2),
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.none() | st.tuples(st.integers(0, 9), st.integers(1, 10)),
    st.randoms(use_true_random=False),
)
def test_cycles_are_paid_as_the_twin_says(width, depth, again, most, days, window, random):
    """Entries by day, then label; a period pays the cycles that its entrants fill; not more than the most."""
    entries = list(enumerate(days))
    shuffled = list(entries)
    random.shuffle(shuffled)
    payable = [member % 4 != 3 for member, _ in entries]
    policy = board(width=width, depth=depth, reenter=again, most=most, eligible=PAYABLE)
    period = None if window is None else span(window[0], sum(window))
    run = fx.settle(facts_of(shuffled, len(days), payable=payable), plan_of(policy), period=period)
    queue = sorted(entries, key=lambda entry: (entry[1], entry[0]))
    cycles, _ = slow_boards(width, depth, [member for member, _ in queue], again)
    wanted = {}
    for member, entrant in cycles:
        if window is None or window[0] <= queue[entrant][1] < sum(window):
            wanted[member] = wanted.get(member, 0) + 1
    most = len(cycles) if most is None else most
    assert paid(run) == {member: 400 * min(n, most) for member, n in wanted.items() if payable[member]}
    for member, _ in entries:
        parts = policy.details(run.views[1], run.facts.tree.index(member))
        assert sum(part.amount for part in parts) == paid(run).get(member, 0)
        assert str(run.explain_period(member))


def test_successive_periods_pay_every_cycle_once():
    """Ten days, settled day by day, pay what all of them pay together."""
    facts, plan = facts_of([(member, member // 3) for member in range(30)], 30), plan_of(board(reenter=1))
    total, state = {}, None
    for first in range(10):
        run = fx.settle(facts, plan, period=span(first, first + 1), state=state)
        state = run.state
        for member, cents in paid(run).items():
            total[member] = total.get(member, 0) + cents
    assert total == paid(fx.settle(facts, plan)) != {}


def test_only_events_of_the_kind_are_entries():
    """Events of other kinds fill no board, and no events at all fill none."""
    assert paid(fx.settle(facts_of([(0, 0), (1, 1), (2, 2)], 3, kind="service"), plan_of(board()))) == {}
    assert paid(fx.settle(facts_of([], 3), plan_of(board()))) == {}
    entered = facts_of([(0, 0), (1, 1), (2, 2)], 3, kind="table")
    assert paid(fx.settle(entered, plan_of(board(entry="table")))) == {0: 400}


def test_the_fund_limits_what_boards_pay():
    """Claims beyond margins and funds are cut like any other."""
    run = fx.settle(facts_of([(0, 0), (1, 1), (2, 2)], 3), plan_of(board(amount="2000000.00")))
    assert paid(run) == {0: 1_000_000_00}


def words(member, policy, *, size=7, payable=None, period=None):
    """Return what is told of a member where everybody but the last enters day by day."""
    facts = facts_of([(each, each) for each in range(size - 1)], size, payable=payable)
    return str(fx.settle(facts, plan_of(policy), period=period).explain_period(member))


def test_a_period_is_told():
    """Who is paid, for how many cycles; and why others are not."""
    nothing = "board: nothing: not entitled at this level"
    assert words(0, board()) == "board: 4.00 of 4.00 claimed\n  4.00: 1 cycle of a board, 4.00 each"
    many = board(width=1, depth=1, reenter=9)
    assert words(0, many, size=3) == "board: 40.00 of 40.00 claimed\n  40.00: 10 cycles of a board, 4.00 each"
    few = board(width=1, depth=1, reenter=9, most=2)
    assert words(0, few, size=3) == (
        "board: 8.00 of 8.00 claimed\n  8.00: 2 cycles of a board, 4.00 each; 10 in all, at most 2 are paid"
    )
    assert words(5, board()) == f"{nothing} (did not leave the top of a full board)"
    assert words(6, board()) == f"{nothing} (has entered no board)"
    assert words(0, board(), period=span(9, 11)) == (
        f"{nothing} (did not leave the top of a full board in 2026-01-10/2026-01-12)"
    )
    assert "payable False is not True" in words(0, board(eligible=PAYABLE), payable=[False, *[True] * 6])
    assert words(0, board(amount="0")) == (
        "board: nothing: the rate or the base is zero (1 cycle, and a cycle pays 0)"
    )
    assert "10 cycles, and" in words(0, board(amount="0", width=1, depth=1, reenter=9), size=3)


def test_what_it_reads_is_told():
    """Measures and columns of the condition are named."""
    policy = board(eligible=(fx.own("paid") >= "1") & PAYABLE)
    assert [repr(measure) for measure in policy.measures()] == ["own('paid')"]
    assert policy.member_columns() == ("payable",)
    assert (board().measures(), board().member_columns()) == ((), ())


LARGEST = "92233720368547758.07"
THREE = [(0, 0), (1, 1), (2, 2)]
REFUSED = {
    "a number": (lambda: board(amount=400), PlanError, "amount"),
    "no width": (lambda: board(width=0), PlanError, "policy 'board', width", "1 or more"),
    "no depth": (lambda: board(depth=0), PlanError, "policy 'board', depth", "1 or more"),
    "a text": (lambda: board(width="2"), PlanError, "width"),
    "fewer than none": (lambda: board(reenter=-1), PlanError, "policy 'board', reenter", "0 or more"),
    "never paid": (lambda: board(most=0), PlanError, "policy 'board', most", "1 or more"),
    "no kind": (lambda: board(entry=""), PlanError, "entry"),
    "too wide": (
        lambda: fx.settle(facts_of(THREE, 3), plan_of(board(width=1 << 17))), PlacementError, "width",
    ),
    "too fine": (
        lambda: fx.settle(facts_of(THREE, 3), plan_of(board(amount="0.001"))), MoneyError, "amount",
    ),
    "a stranger": (
        lambda: fx.settle(facts_of([(0, 0), (9, 1)], 3), plan_of(board())),
        UnknownMemberError, "events of kind 'board'", "1",
    ),
    "twice": (
        lambda: fx.settle(facts_of([(1, 3), (0, 0), (1, 2)], 3), plan_of(board())),
        PlacementError, "a second time", "reenter=",
    ),
    "beyond 64 bits": (
        lambda: fx.settle(facts_of(THREE, 3), plan_of(board(amount=LARGEST, width=1, reenter=1))),
        MoneyOverflowError, "policy 'board', cycles",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_paid_is_refused_in_words(name):
    """Every refusal names the thing, what is allowed or the next step."""
    make, kind, *parts = REFUSED[name]
    refused(make, kind, *parts)


def test_refusals_name_the_callers_rows():
    """The row of the later entry, and that of a stranger among events of other kinds."""
    with pytest.raises(PlacementError) as found:
        fx.settle(facts_of([(1, 3), (0, 0), (1, 2)], 3), plan_of(board()))
    assert (found.value.rows, found.value.labels) == ((0,), (1,))
    rows = [("board", 1, 5), ("service", 0, 0), ("board", 8, 1), ("board", 9, 2)]
    records = [
        {"kind": kind, "member": who, "at": f"2026-01-0{1 + when}T00:00:00Z"} for kind, who, when in rows
    ]
    facts = fx.Facts(tree=facts_of([], 3).tree, events=fx.Events.from_records(records))
    with pytest.raises(UnknownMemberError) as strange:
        fx.settle(facts, plan_of(board()))
    assert (strange.value.rows, sorted(strange.value.labels)) == ((2, 3), [8, 9])
