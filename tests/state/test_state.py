"""`State` and `Deferred`: what outlives a run."""

from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import StateError
from fenxiao.state import Deferred
from tests.expressions.refusals import refused
from tests.policies.samples import facts, levels, plan


def deferred(**options):
    """Return something put off, changed by the options."""
    given = {
        "cap": "c",
        "policy": "referral",
        "payee": "bo",
        "keys": (),
        "earning_period": "2026-10",
        "amount": 5,
    }
    return Deferred(**(given | options))


def test_a_state_is_copied_and_compared_by_value():
    """Later changes of the arguments do not reach the state."""
    usage, waiting, settled = {("c", "lifetime"): {"bo": 5}}, [deferred()], ["2026-10"]
    state = fx.State(usage=usage, deferred=waiting, settled=settled)
    assert state == fx.State(
        usage={("c", "lifetime"): {"bo": 5}}, deferred=(deferred(),), settled=("2026-10",)
    )
    usage[("c", "lifetime")]["bo"] = 7
    waiting.clear()
    settled.clear()
    assert state.used("c", "lifetime") == {"bo": 5}
    assert state.used("c", "2026") == state.used("d", "lifetime") == {}
    assert (state.deferred, state.settled) == ((deferred(),), ("2026-10",))
    assert fx.State() == fx.State(usage={}, deferred=(), settled=())
    assert pickle.loads(pickle.dumps(state)) == state
    assert eval(repr(state), {"State": fx.State, "Deferred": Deferred}) == state


INVALID = {
    "usage list": {"usage": [1]},
    "usage none": {"usage": None},
    "usage key": {"usage": {"c": {"bo": 5}}},
    "usage key numbers": {"usage": {(1, 2): {"bo": 5}}},
    "usage groups": {"usage": {("c", "lifetime"): 5}},
    "usage negative": {"usage": {("c", "lifetime"): {"bo": -5}}},
    "usage float": {"usage": {("c", "lifetime"): {"bo": 1.5}}},
    "usage text": {"usage": {("c", "lifetime"): {"bo": "5"}}},
    "usage bool": {"usage": {("c", "lifetime"): {"bo": True}}},
    "deferred number": {"deferred": 3},
    "deferred others": {"deferred": [3]},
    "usage key of three": {"usage": {("c", "lifetime", "x"): {"bo": 5}}},
    "deferred none": {"deferred": None},
    "settled none": {"settled": None},
    "settled text": {"settled": "2026-10"},
    "settled numbers": {"settled": [2026]},
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_no_state_is_refused(name):
    """A negative usage would raise a cap, a text would be split into letters: typed errors instead."""
    refused(lambda: fx.State(**INVALID[name]), StateError, absent=("'bo'",))


@pytest.mark.parametrize("amount", [0, -1, True, 1.5, "5", None, np.int64(5)], ids=repr)
def test_what_is_put_off_is_positive_minor_units(amount):
    """Zero, negative and other kinds of numbers are refused."""
    refused(lambda: deferred(amount=amount), StateError, "deferred amount")


@pytest.mark.parametrize(
    "options", [{"cap": 3}, {"policy": None}, {"earning_period": 2026}, {"keys": ["level"]}], ids=str
)
def test_what_is_put_off_says_where_it_belongs(options):
    """Cap, policy and earning period are text, and keys a tuple."""
    refused(lambda: deferred(**options), StateError, next(iter(options)))


CAPPED = plan(levels(), caps=[fx.Cap.per_payee("1.00", window="lifetime", name="c")])


def test_a_state_must_belong_to_the_plan():
    """Usage or pay put off of a cap that the plan does not have is refused."""
    for state in (fx.State(usage={("z", "lifetime"): {}}), fx.State(deferred=[deferred(cap="z")])):
        refused(lambda state=state: fx.settle(facts(), CAPPED, state=state), StateError, "'z'", "c")
        refused(lambda state=state: fx.settle(facts(), plan(), state=state), StateError, "'z'")


def test_usage_lowers_the_room():
    """What a cap has used up in its window counts."""
    run = fx.settle(facts(), CAPPED, state=fx.State(usage={("c", "lifetime"): {"bo": 40, "ann": 200}}))
    assert run.totals().to_dict() == {"bo": run.payout("bo")}
    assert run.payout("bo") * 100 == 60
    assert run.state.used("c", "lifetime") == {"bo": 100, "ann": 200}


# --------------------------------------------------------------------------------------------- two months

KEYED = plan(
    levels(rates=["20%", "10%"]),
    anchor="paid_at",
    zone="UTC",
    margin=fx.Margin.rate("100%", of="paid"),
    caps=[
        fx.Cap.per_payee("9.00", cut="defer", name="payee", rule="priority"),
        fx.Cap.per_product("500.00", within="period"),
        fx.Cap.per_region("500.00"),
        fx.Cap.per_source("500.00"),
    ],
)


def month_of(number, *records):
    """Return facts of one month of 2026 with orders of these records."""
    at = dt.datetime(2026, number, 5, tzinfo=dt.UTC)
    return facts(
        *({"order_id": 10 * number + row, "paid_at": at} | record for row, record in enumerate(records))
    )


TEA, PEN = {"product": "tea", "region": "south"}, {"product": "pen", "region": "north"}


@pytest.mark.parametrize(
    "later", [(TEA, PEN), (PEN,), (PEN | {"member": "ann"},)], ids=["same", "other", "nobody"]
)
def test_pay_put_off_keeps_what_caps_tell_apart(later):
    """What is put off knows product, region, source and level, also where later orders have others."""
    first = fx.settle(month_of(9, TEA, PEN | {"member": "bo"}), KEYED, period=fx.month(2026, 9))
    assert sum(entry.amount for entry in first.state.deferred) == 20_00 + 10_00 + 20_00 - 2 * 9_00
    assert {name for entry in first.state.deferred for name, _ in entry.keys} == {
        "level",
        "product",
        "region",
        "source",
    }
    second = fx.settle(month_of(10, *later), KEYED, period=fx.month(2026, 10), state=first.state)
    assert second.payout("ann") * 100 == 900
    assert second.payout("bo") * 100 == 900
    assert second.state.settled == ("2026-09", "2026-10")
    claimed = second.added.sums.pay
    before = sum(entry.amount for entry in first.state.deferred)
    after = sum(entry.amount for entry in second.state.deferred)
    assert before + claimed == after + 18_00
    assert pickle.loads(pickle.dumps(second.state)) == second.state


def test_pay_put_off_for_members_who_are_gone_is_refused():
    """A state belongs to a tree that has its members."""
    first = fx.settle(month_of(9, TEA), KEYED, period=fx.month(2026, 9))
    smaller = fx.ReferralTree.from_mapping({"cai": None})
    given = fx.Facts(tree=smaller, orders=month_of(10, TEA).orders)
    refused(
        lambda: fx.settle(given, KEYED, period=fx.month(2026, 10), state=first.state),
        StateError,
        "tree",
        absent=("'bo'",),
    )
    renamed = fx.State(deferred=[deferred(policy="gone")])
    refused(lambda: fx.settle(facts(), CAPPED, state=renamed), StateError, "'gone'")
