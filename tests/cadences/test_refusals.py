"""Plans whose cadences do not go together are refused when they are made, with the next step."""

from __future__ import annotations

import attrs
import pytest

import fenxiao as fx
from fenxiao.errors import PlanError
from fenxiao.policies import MatchingBonus, Pool, RankDifferential, SameRankBonus
from fenxiao.qualification import Gate, GivenRanks, Ladder
from fenxiao.volumes import own
from tests.cadences.shop import AT_ONCE, DAILY, MONTHLY, WEEKLY, plan
from tests.expressions.refusals import refused

RANK = Ladder("rank", steps=[("star", own("paid") >= "100")])
HAS_RANK = fx.column("rank") == "star"
TITLE = fx.column("rank_title") == "star"
WINDOW = own("paid").over(3) >= "100"
CAREER = RankDifferential("career", base="paid", rates={"low": "1%", "high": "2%"}, due="day")


def due(policy, cadence, **options):
    """Return a policy with another cadence."""
    return attrs.evolve(policy, due=cadence, **options)


REFUSED = {
    "some are not due": (lambda: plan(DAILY, due(MONTHLY, None)), ("'star'", "for all of them")),
    "no time": (lambda: plan(DAILY, anchor=None, zone=None), ("anchor=", "day")),
    "no time beside orders": (
        lambda: plan(DAILY, AT_ONCE, anchor=None, zone=None), ("anchor=", "order, day")),
    "margin by line": (
        lambda: plan(DAILY, MONTHLY, margin=fx.Margin.rate("25%", of="paid", guard="line")), ("guard",)),
    "cap on all": (lambda: plan(caps=[fx.Cap.per_payee("5.00")]), ("day, week, month", "on=")),
    "cap inside orders": (
        lambda: plan(AT_ONCE, DAILY, MONTHLY, caps=[fx.Cap.per_order("5.00")]), ("order, day", "on=")),
    "cap on two": (
        lambda: plan(caps=[fx.Cap.per_period("5.00", on=["referral", "star"])]), ("day, month", "on=")),
    "cap that counts others": (
        lambda: plan(caps=[fx.Cap.per_payee("5.00", on=["star"], counting=["referral"])]), ("day, month",)),
    "cap for life that counts others": (
        lambda: plan(
            caps=[fx.Cap.per_payee("5.00", on=["star"], counting=["referral"], window="lifetime")]
        ), ("counts policies", "day", "month")),
    "cap of a year without a date": (
        lambda: plan(AT_ONCE, DAILY, caps=[fx.Cap.per_payee("5.00", window="year")]), ("year", "lifetime")),
    "cap of a year, one cadence": (
        lambda: plan(AT_ONCE, caps=[fx.Cap.per_payee("5.00", window="year")]), ("year", "lifetime")),
    "cap of an anniversary without a date": (
        lambda: plan(AT_ONCE, caps=[fx.Cap.per_payee("5.00", window="anniversary")]), ("year", "lifetime")),
    "a match": (
        lambda: plan(
            DAILY,
            MatchingBonus("match", of="referral", rates=["50%"], if_not="company", stage=2, due="month"),
        ), ("'match'", "referral, due per day")),
    "peers": (
        lambda: plan(
            CAREER, SameRankBonus("peers", of="career", base="paid", rates=["1%"], due="week"),
            qualifications=[GivenRanks("rank", order=["low", "high"])],
        ), ("'peers'", "career, due per day")),
    "a pool in a pool": (
        lambda: plan(WEEKLY, Pool("inner", inside="team", rate="50%", equal=True, due="month"), DAILY),
        ("'inner'", "team, due per week")),
    "a ladder of two": (
        lambda: plan(due(DAILY, "day", eligible=HAS_RANK), due(MONTHLY, "month", when=HAS_RANK),
                     qualifications=[RANK]), ("ladder 'rank'", "day, month", "column of the members")),
    "a title of two": (
        lambda: plan(due(DAILY, "day", eligible=TITLE), due(MONTHLY, "month", when=HAS_RANK),
                     qualifications=[RANK]), ("ladder 'rank'", "day, month")),
    "a ladder through a gate": (
        lambda: plan(
            due(DAILY, "day", eligible=fx.column("open") == True),  # noqa: E712  # builds a condition
            due(MONTHLY, "month", when=HAS_RANK), qualifications=[RANK, Gate("open", when=HAS_RANK)],
        ), ("ladder 'rank'", "day, month")),
    "a ladder per order": (
        lambda: plan(due(AT_ONCE, "order", eligible=HAS_RANK), DAILY, qualifications=[RANK]),
        ("ladder 'rank'", "order")),
    "a ladder, only per order": (
        lambda: plan(due(AT_ONCE, "order", eligible=HAS_RANK), qualifications=[RANK]),
        ("ladder 'rank'", "order")),
    "a ladder of a cap": (
        lambda: plan(
            DAILY, due(MONTHLY, "month", when=HAS_RANK), qualifications=[RANK],
            caps=[fx.Cap.per_payee(by_rank={"none": "1.00", "star": "2.00"}, on=["referral"])],
        ), ("ladder 'rank'", "day, month")),
    "a window of two": (
        lambda: plan(due(DAILY, "day", eligible=WINDOW), due(MONTHLY, "month", when=WINDOW)),
        ("windows of own('paid')", "day, month")),
    "a window per order": (lambda: plan(due(AT_ONCE, "order", eligible=WINDOW)), ("windows of", "order")),
    "a ladder of nobody": (lambda: plan(qualifications=[RANK]), ("ladder 'rank'", "member_columns")),
    "a gate of nobody": (
        lambda: plan(qualifications=[Gate("open", when=own("paid") >= "1")]), ("gate 'open'",)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_go_together_is_refused(name):
    """The message names what it is, the cadences, and what to write instead."""
    make, words = REFUSED[name]
    refused(make, PlanError, *words)


@pytest.mark.parametrize("value", ["year", "span", "", "DAY", 1, True, ["day"], ("day",), b"day"], ids=repr)
def test_a_cadence_is_one_of_four(value):
    """Anything else is refused, whatever it is."""
    refused(lambda: attrs.evolve(DAILY, due=value), PlanError, "due", "order, day, week, month")


def test_what_claims_on_a_period_is_not_due_per_order():
    """A run of single orders has no period."""
    refused(lambda: attrs.evolve(MONTHLY, due="order"), PlanError, "'star'", "day, week, month")


def test_cadences_are_plain_data():
    """They are written and read back, and refused with the path of the field."""
    data = plan(AT_ONCE, DAILY, MONTHLY).to_dict()
    assert [policy["due"] for policy in data["policies"]] == ["order", "day", "month"]
    assert fx.Plan.from_dict(data) == plan(AT_ONCE, DAILY, MONTHLY)
    data["policies"][1]["due"] = "yearly"
    refused(lambda: fx.Plan.from_dict(data), PlanError, "plan.policies[1]", "due")
