"""Two plans on the same facts: the difference of two settlements, and nothing else."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.comparison import Change, compare
from fenxiao.errors import InputError, PlanError
from tests.expressions.refusals import refused
from tests.policies.samples import facts, levels, plan
from tests.policies.test_catalogue_guard import EVERYTHING
from tests.strategies.networks import ORDER, facts_of, worlds

DAYS = [fx.day(2026, 1, number) for number in (1, 2, 3)]
NAMES = [policy.name for policy in EVERYTHING if policy.stage < 3 and policy.name != "peers"]
NOW, THEN = plan(name="autumn"), plan(levels(rates=["8%", "8%"]), levels("launch", rates=["1%"]))


def plan_of(names, rate, defer):
    """Return a plan of the whole catalogue's policies of these names."""
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate(rate, of="paid"),
        policies=[policy for policy in EVERYTHING if policy.name in names],
        caps=[fx.Cap.per_payee("3.00", cut="defer")] if defer else [],
        qualifications=[ORDER],
        anchor="paid_at",
        zone="UTC",
    )


def paid_by(runs, policy):
    """Return what runs earn each member, added up one by one; nothing where the plan has no such policy."""
    paid = {}
    for run in runs:
        if policy is None or policy in [each.name for each in run.plan.policies]:
            totals = run.totals(policy)
            for who, amount in zip(totals.members.tolist(), totals.allowed.tolist(), strict=True):
                paid[who] = paid.get(who, 0) + amount
    return paid


chosen = st.sets(st.sampled_from(NAMES), min_size=1)
margins = st.sampled_from(["1/7", "30%", "100%"])


@settings(max_examples=60, deadline=None)
@given(worlds(fewest=1), chosen, chosen, margins, margins, st.booleans(), st.booleans(), st.integers(0, 3))
def test_a_comparison_is_the_difference_of_two_settlements(world, one, two, rate, other, defer, late, days):
    """Per policy and member, over no period or several with a state each, subtraction by hand."""
    given = facts_of(world)
    plans = plan_of(one, rate, defer), plan_of(two, other, late)
    periods = DAYS[:days]
    runs = []
    for each in plans:
        own, state = [], None
        for period in periods or [None]:
            own.append(fx.settle(given, each, period=period, state=state))
            state = own[-1].state
        runs.append(own)
    found = compare(*plans, given, period=periods or None)
    assert [run.fingerprint() for run in (*found.first, *found.second)] == [
        run.fingerprint() for own in runs for run in own
    ]
    for policy in (None, *found.policies):
        first, second = (paid_by(own, policy) for own in runs)
        labels = given.tree.ids.tolist()
        expected = [second.get(who, 0) - first.get(who, 0) for who in labels]
        assert found.difference(policy).tolist() == expected
        assert found.totals(policy) == (sum(first.values()), sum(second.values()))
        columns = found.columns(policy)
        assert columns["member"].tolist() == labels
        assert columns["first_minor"].tolist() == [first.get(who, 0) for who in labels]
        assert columns["second_minor"].tolist() == [second.get(who, 0) for who in labels]
        assert columns["difference_minor"].tolist() == expected
        order = sorted(zip(expected, labels, strict=True), key=lambda pair: (-pair[0], pair[1]))
        gains = [Change(member=who, first=first.get(who, 0), second=second.get(who, 0))
                 for more, who in order if more > 0]  # fmt: skip
        assert found.gains(100, policy) == gains
        assert found.gains(2, policy) == gains[:2]
        order = sorted(zip(expected, labels, strict=True))
        assert [(each.difference, each.member) for each in found.losses(100, policy)] == [
            pair for pair in order if pair[0] < 0
        ]
    table = found.policy_columns()
    assert table["policy"] == list(dict.fromkeys(each.name for own in plans for each in own.policies))
    assert table["first_minor"] == [sum(paid_by(runs[0], name).values()) for name in table["policy"]]
    assert table["second_minor"] == [sum(paid_by(runs[1], name).values()) for name in table["policy"]]
    assert sum(table["difference_minor"]) == sum(found.difference().tolist())
    report = found.margin_columns()
    for words, name in (("kept", "kept"), ("margin of orders", "budget"), ("paid on orders", "order_pay"),
                        ("paid on the period", "period_pay"), ("claimed", "claimed"),
                        ("withheld", "withheld"), ("planned without a payee", "breakage")):  # fmt: skip
        row = report["figure"].index(words)
        sums = [sum(getattr(run.margin_report(), name) for run in own) for own in runs]
        assert [report["first_minor"][row], report["second_minor"][row]] == sums
        assert report["difference_minor"][row] == sums[1] - sums[0]


def test_a_plan_against_itself_differs_nowhere():
    """Nobody gains, nobody loses."""
    found = compare(NOW, NOW, facts())
    assert not found.difference().any()
    assert found.gains() == found.losses() == []
    assert found.difference("referral").dtype == np.int64
    assert not found.columns()["first_minor"].flags.writeable
    assert str(found).splitlines()[-1] == "members who gain: 0, who lose: 0"


def test_equal_changes_stand_by_label():
    """Of members who gain the same the first label stands first, whatever their rows."""
    tree = fx.ReferralTree.from_mapping({"top": None, "b": "top", "a": "top", "x": "a", "y": "b"})
    sold = fx.Orders.from_records(
        [{"order_id": row, "member": who, "paid": "10.00"} for row, who in enumerate("yx")]
    )
    found = compare(plan(levels(rates=["1%"])), plan(levels(rates=["2%"])), fx.Facts(tree=tree, orders=sold))
    assert [each.member for each in found.gains()] == ["a", "b"]
    assert [each.member for each in found.gains(1)] == ["a"]
    assert found.gains(0) == []
    back = compare(plan(levels(rates=["2%"])), plan(levels(rates=["1%"])), fx.Facts(tree=tree, orders=sold))
    assert [(each.member, each.difference) for each in back.losses()] == [("a", -10), ("b", -10)]


def test_the_table_shows_policies_margins_and_members():
    """Printed, a comparison is a table; its repr is one line."""
    found = compare(NOW, THEN, facts())
    assert repr(found) == "Comparison(15.00 and 17.00 CNY, difference 2.00)"
    assert (
        str(found)
        == """\
Comparison(15.00 and 17.00 CNY, difference 2.00)
                         autumn  second  difference
referral                  15.00   16.00        1.00
launch                     0.00    1.00        1.00
margin of orders          25.00   25.00        0.00
claimed                   15.00   17.00        2.00
withheld                   0.00    0.00        0.00
paid on orders            15.00   17.00        2.00
paid on the period         0.00    0.00        0.00
kept                      10.00    8.00       -2.00
planned without a payee    0.00    0.00        0.00
members who gain: 1, who lose: 1"""
    )
    assert found.gains() == [Change(member="ann", first=500, second=800)]
    assert found.losses(policy="referral") == [Change(member="bo", first=1000, second=800)]


def test_one_period_is_as_good_as_a_list_of_one():
    """A period by itself is taken too, and both plans start from the same state."""
    dated = [attrs.evolve(each, anchor="paid_at", zone="UTC") for each in (NOW, THEN)]
    given = facts({"paid_at": "2026-10-05T00:00:00Z"}, {"paid_at": "2026-11-05T00:00:00Z"}, times=["paid_at"])
    october = compare(*dated, given, period=fx.month(2026, 10), workers=2)
    assert october.totals() == compare(*dated, given, period=[fx.month(2026, 10)]).totals() == (1500, 1700)
    whole = compare(*dated, given, period=(fx.month(2026, 10), fx.month(2026, 11)))
    assert whole.totals() == (3000, 3400)
    state = fx.State(settled=["2026-09"])
    found = compare(*dated, given, period=fx.month(2026, 10), state=state)
    assert [run.state.settled for run in (*found.first, *found.second)] == [("2026-09", "2026-10")] * 2


INVALID = {
    "first": (lambda: compare("x", THEN, facts()), InputError, "first", "Plan"),
    "second": (lambda: compare(NOW, THEN.to_dict(), facts()), InputError, "second", "Plan.from_dict"),
    "facts": (lambda: compare(NOW, THEN, 5), InputError, "facts"),
    "currency": (
        lambda: compare(NOW, attrs.evolve(THEN, currency="USD"), facts()),
        PlanError,
        "plans",
        "USD",
        "CNY",
    ),
    "periods": (lambda: compare(NOW, THEN, facts(), period=[]), InputError, "period", "empty"),
    "period": (lambda: compare(NOW, THEN, facts(), period="2026-10"), InputError, "period", "Period"),
    "state": (lambda: compare(NOW, THEN, facts(), state={}), InputError, "state", "run.state"),
    "policy": (
        lambda: compare(NOW, THEN, facts()).difference("pool"),
        PlanError,
        "'pool'",
        "referral, launch",
    ),
    "no policy": (lambda: compare(NOW, THEN, facts()).columns(5), PlanError, "policy"),
    "n": (lambda: compare(NOW, THEN, facts()).gains("5"), InputError, "n:"),
    "n below zero": (lambda: compare(NOW, THEN, facts()).losses(-1), InputError, "n:"),
    "n is a flag": (lambda: compare(NOW, THEN, facts()).losses(True), InputError, "n:"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_cannot_be_compared_is_refused(name):
    """Every wrong argument is named."""
    make, kind, *parts = INVALID[name]
    refused(make, kind, *parts)


def test_a_plan_without_policies_pays_nothing():
    """Nothing against something is everything."""
    found = compare(attrs.evolve(NOW, policies=[]), NOW, facts())
    assert found.totals() == (0, 1500)
    assert [each.member for each in found.gains()] == ["bo", "ann"]
