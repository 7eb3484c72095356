"""What a plan does about money that goes back: as data, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

import fenxiao as fx
from fenxiao.errors import PlanError, RateError
from fenxiao.refunds import Refunds
from tests.expressions.refusals import refused

BANDS = {13: "0%", 0: "70%", 7: "40%"}


def plan_of(refunds, **more):
    """Return a plan with these refunds."""
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("25%", of="paid"),
        refunds=refunds,
        **({"anchor": "paid_at", "zone": "UTC"} | more),
    )


@pytest.mark.parametrize(
    ("age", "share"), [(0, "7/10"), (6, "7/10"), (7, "2/5"), (12, "2/5"), (13, "0"), (99, "0")]
)
def test_a_band_begins_at_its_age(age, share):
    """The lower end is inside."""
    assert Refunds("bands", bands=BANDS, unit="months").share(age) == Fraction(share)


def test_before_the_first_band_all_is_taken_back():
    """Ages below the first band are none of them."""
    assert Refunds("bands", bands={3: "50%"}).share(2) == 1


@pytest.mark.parametrize(
    "refunds",
    [
        Refunds(),
        Refunds("none"),
        Refunds("pro_rata"),
        Refunds(horizon_days=90),
        Refunds("own_lines", horizon_days=0),
        Refunds("bands", bands=BANDS, unit="months", in_full=["refund", "chargeback", "refund"]),
    ],
)
def test_refunds_go_to_plain_data_and_back(refunds):
    """Equal plans have equal data and hashes; a plan that says nothing writes nothing."""
    plan = plan_of(refunds)
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    assert ("refunds" in plan.to_dict()) == (refunds != Refunds())
    assert (plan.hash == plan_of(Refunds()).hash) == (refunds == Refunds())


REFUSED = {
    "no rule": (lambda: Refunds("sometimes"), PlanError, "rule", "recompute, own_lines"),
    "no unit": (lambda: Refunds("bands", bands=BANDS, unit="years"), PlanError, "unit", "days, months"),
    "no table": (lambda: Refunds("bands", bands=5), PlanError, "bands", "ages from 0 on"),
    "no pairs": (lambda: Refunds("bands", bands=[1, 2]), PlanError, "bands", "ages from 0 on"),
    "a word": (lambda: Refunds("bands", bands={"soon": "1%"}), PlanError, "an age that is none", "'soon'"),
    "before the order": (lambda: Refunds("bands", bands={-1: "1%"}), PlanError, "an age that is none"),
    "a truth": (lambda: Refunds("bands", bands={True: "1%"}), PlanError, "an age that is none"),
    "too old": (lambda: Refunds("bands", bands={36_601: "1%"}), PlanError, "an age that is none"),
    "twice": (lambda: Refunds("bands", bands={"1": "1%", 1: "2%"}), PlanError, "an age twice"),
    "a float": (lambda: Refunds("bands", bands={0: 0.5}), RateError, "float"),
    "more than all": (lambda: Refunds("bands", bands={0: "101%"}), PlanError, "0% to 100%"),
    "kinds": (lambda: Refunds("bands", bands=BANDS, in_full=["lapse"]), PlanError, "in_full", "chargeback"),
    "a number": (lambda: Refunds("bands", bands=BANDS, in_full=5), PlanError, "in_full"),
    "text of days": (lambda: Refunds(horizon_days="90"), PlanError, "horizon_days"),
    "a truth of days": (lambda: Refunds(horizon_days=True), PlanError, "horizon_days"),
    "a past horizon": (lambda: Refunds(horizon_days=-1), PlanError, "horizon_days", "0 to 36600"),
    "nothing to close": (lambda: Refunds("none", horizon_days=9), PlanError, "beside recompute or own_lines"),
    "bands alone": (lambda: Refunds(bands=BANDS), PlanError, "go with the rule 'bands' alone"),
    "without bands": (lambda: Refunds("bands"), PlanError, "go with the rule 'bands' alone"),
    "units alone": (lambda: Refunds(unit="months"), PlanError, "not given"),
    "kinds alone": (lambda: Refunds(in_full="refund"), PlanError, "not given"),
    "no refunds": (lambda: plan_of("recompute"), PlanError, "refunds"),
    "no time": (
        lambda: plan_of(Refunds(horizon_days=9), anchor=None, zone=None), PlanError, "time of an order",
    ),
    "no age": (
        lambda: plan_of(Refunds("bands", bands=BANDS), anchor=None, zone=None), PlanError, "time of an order",
    ),
    "of data": (
        lambda: fx.Plan.from_dict(plan_of(Refunds()).to_dict() | {"refunds": {"rule": "x"}}),
        PlanError, "plan.refunds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused(name):
    """Every refusal names the thing, what is allowed or the next step."""
    make, kind, *parts = REFUSED[name]
    refused(make, kind, *parts)
