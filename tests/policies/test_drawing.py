"""Which orders pairs drew on: what is drawn is what was matched, oldest first, and the rest is carried."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import fenxiao as fx
from fenxiao.errors import InputError, PlanError, UnknownMemberError, UnsupportedError
from fenxiao.placement import Placement
from fenxiao.policies import BinaryPairing, Draw, drawn
from fenxiao.volumes import organisation, own
from tests.expressions.refusals import refused
from tests.policies.test_binary import ACTIVE, KEEPS, binary_worlds, built, facts_of, pairings, plan_of

many = settings(max_examples=60, deadline=None)


def settled(world, policy):
    """Settle the periods of a world one after another."""
    runs, state = [], None
    for period in range(len(world["periods"])):
        runs.append(fx.settle(facts_of(world, period), plan_of(policy), state=state))
        state = runs[-1].state
    return runs


def rows_of(found, leg):
    """Return what was drawn of a leg as (run, order, volume)."""
    return [(draw.run, draw.order_id, draw.volume) for draw in found if draw.leg == leg]


def replay(run_flows, lots, run):
    """Return the draws of one run of one leg by units: the oldest unit first, dropped ones from the end."""
    matched, flushed, dropped = run_flows
    drawn_units, rest = lots[:matched], lots[matched + flushed :]
    table = {}
    for unit in drawn_units:
        table[unit] = table.get(unit, 0) + 1
    return [(run, order, volume) for (_, order), volume in table.items()], rest[: len(rest) - dropped]


@many
@given(binary_worlds(), pairings())
def test_what_is_drawn_is_what_was_matched(world, twin):
    """Unit by unit the oldest leave first; draws add up to what was matched, lots left to what is carried."""
    policy = built(twin, eligible=ACTIVE, keep_if=KEEPS)
    runs = settled(world, policy)
    legs = {member: ([], []) for member in world["places"]}
    wanted = {member: ([], []) for member in world["places"]}
    for number, (run, volumes) in enumerate(zip(runs, world["periods"], strict=True)):
        flows = policy.flows(run.views[1])
        for member, volume in volumes.items():
            at = member
            while world["places"].get(at) is not None and world["places"][at][0] is not None:
                at, leg = world["places"][at]
                legs[at][leg].extend([(number, member)] * int(volume))
        for member in world["places"]:
            index = run.facts.tree.index(member)
            for leg in (0, 1):
                amounts = [int(each[leg, index]) for each in (flows.matched, flows.flushed, flows.dropped)]
                found, rest = replay(amounts, legs[member][leg], number)
                wanted[member][leg].extend(found)
                legs[member][leg][:] = rest
    for member in world["places"]:
        found = drawn(runs, "team", member)
        carry = runs[-1].state.carry("team")
        legs_held = zip(carry.left.tolist(), carry.right.tolist(), strict=True)
        held = dict(zip(carry.labels.tolist(), legs_held, strict=True))
        for leg in (0, 1):
            assert rows_of(found.draws, leg) == wanted[member][leg]
            for number, run in enumerate(runs):
                matched = int(policy.flows(run.views[1]).matched[leg, run.facts.tree.index(member)])
                assert sum(volume for at, _, volume in rows_of(found.draws, leg) if at == number) == matched
            left = rows_of(found.left, leg)
            assert sum(volume for *_, volume in left) == held.get(member, (0, 0))[leg]
            assert [unit for run, order, volume in left for unit in [(run, order)] * volume] == legs[member][
                leg
            ]


TREE = fx.ReferralTree.from_mapping({"top": None, "left": "top", "right": "top"})
PLACES = Placement.auto(TREE, ["top", "left", "right"], rule="weaker")


def period(*rows, state=None, on=None, tree=TREE, placement=PLACES, anchor=True, **more):
    """Settle orders given as (order, line, member, volume, day of October)."""
    records = [
        {
            "order_id": order, "line": line, "member": member, "paid": "0.00", "margin": "1000.00",
            "pv": str(abs(volume)), "points": volume, "paid_at": f"2026-10-{day:02d}T12:00:00Z",
        }
        for order, line, member, volume, day in rows
    ]  # fmt: skip
    orders = fx.Orders.from_records(records, volumes={"pv": 0}, times=["paid_at"])
    team = BinaryPairing(
        "team", **({"on": own("pv") if on is None else on, "rate": "10%", "leftover": "carry"} | more)
    )
    times = {"anchor": "paid_at", "zone": "UTC"} if anchor else {}
    facts = fx.Facts(tree=tree, orders=orders, placements={"binary": placement})
    return fx.settle(facts, plan_of(team, **times), state=state)


def test_time_comes_before_the_order_id():
    """By the plan's anchor the later order stays, whatever it is called; without one the id decides."""
    rows = [("a", 0, "left", 60, 9), ("b", 0, "left", 50, 3), ("c", 0, "right", 70, 5)]
    by_time, by_id = (
        drawn([period(*rows)], "team", "top"),
        drawn([period(*rows, anchor=False)], "team", "top"),
    )
    assert rows_of(by_time.draws, 0) == [(0, "b", 50), (0, "a", 20)]
    assert rows_of(by_id.draws, 0) == [(0, "a", 60), (0, "b", 10)]
    assert by_time.left == (Draw(run=0, leg=0, order_id="a", line=0, volume=40),)


def test_lines_of_one_order_stand_in_their_order():
    """Of one order the first line is drawn on first; guests and the position itself are in no leg."""
    rows = [
        ("a", 0, "left", 5, 1), ("a", 1, "left", 9, 1), ("b", 0, "right", 7, 2), ("c", 0, None, 99, 1),
        ("d", 0, "top", 99, 1),
    ]  # fmt: skip
    found = drawn([period(*rows)], "team", "top")
    assert [(draw.line, draw.volume) for draw in found.draws] == [(0, 5), (1, 2), (0, 7)]
    assert [(draw.line, draw.volume) for draw in found.left] == [(1, 7)]


def test_what_a_cap_drops_came_last():
    """A carry cap keeps the oldest volume of a leg."""
    rows = [("a", 0, "left", 60, 1), ("b", 0, "left", 50, 2), ("c", 0, "right", 20, 3)]
    found = drawn([period(*rows, carry_cap="45")], "team", "top")
    assert [(draw.order_id, draw.volume) for draw in found.left] == [("a", 40), ("b", 5)]


def test_heads_are_drawn_like_volumes():
    """A pairing of orders counts each order once."""
    rows = [("a", 0, "left", 5, 1), ("b", 0, "left", 5, 2), ("c", 0, "right", 5, 3)]
    found = drawn([period(*rows, on=own("orders"))], "team", "top")
    assert [(draw.order_id, draw.volume) for draw in found.draws] == [("a", 1), ("c", 1)]


def test_who_joins_later_had_no_legs_before():
    """A position that an early tree does not have starts with its first run."""
    small = fx.ReferralTree.from_mapping({"left": None})
    early = period(
        ("a", 0, "left", 5, 1), tree=small, placement=Placement.auto(small, ["left"], rule="weaker")
    )
    late = period(("b", 0, "left", 5, 2), ("c", 0, "right", 5, 2), state=early.state)
    assert {draw.run for draw in drawn([early, late], "team", "top").draws} == {1}
    assert drawn([], "team", "top").draws == ()


ONE = period(("a", 0, "left", 60, 1), ("c", 0, "right", 20, 3))
TWO = period(("b", 0, "right", 10, 9), state=ONE.state)
BACK = period(("a", 0, "left", 60, 1), ("b", 0, "left", -10, 2), on=own("points"))
REFUSED = {
    "no list": (lambda: drawn(ONE, "team", "top"), InputError, "list of settlements"),
    "no settlement": (lambda: drawn([7], "team", "top"), InputError, "what settle() returns"),
    "no pairing": (lambda: drawn([ONE], "pool", "top"), PlanError, "BinaryPairing", "team"),
    "no member": (lambda: drawn([ONE], "team", "somebody"), UnknownMemberError, ""),
    "the first run left out": (lambda: drawn([TWO], "team", "top"), InputError, "from the first one on"),
    "the wrong order": (lambda: drawn([TWO, ONE], "team", "top"), InputError, "number 0"),
    "a run twice": (lambda: drawn([ONE, ONE], "team", "top"), InputError, "number 1"),
    "negative volume": (lambda: drawn([BACK], "team", "top"), UnsupportedError, "negative volume"),
    "no lines": (
        lambda: drawn([period(on=organisation("pv"))], "team", "top"), UnsupportedError, "own(...)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_refused_in_words(name):
    """Every refusal names the thing, what is allowed or the next step."""
    make, kind, *parts = REFUSED[name]
    refused(make, kind, *parts)
