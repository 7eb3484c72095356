"""Every golden case comes out to the last minor unit, through the public API."""

from __future__ import annotations

from fractions import Fraction

import pytest

import fenxiao as fx
from fenxiao.corrections import Correction
from fenxiao.money import cumulative_split
from tests.golden.runner import CHECKS, CHECKS_OF_CORRECTIONS, CHECKS_OF_RUNS, cases, load, settle_case

SHARING = load("sharing.toml")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_case(case):
    """A case pays what its source pays, and its report adds up; corrections post what they are to post."""
    runs = []
    for run, expected in settle_case(case):
        if isinstance(run, Correction):
            for name, value in expected.items():
                CHECKS_OF_CORRECTIONS[name](run, value)
            continue
        runs.append(run)
        for name, value in expected.items():
            if name in CHECKS_OF_RUNS:
                CHECKS_OF_RUNS[name](runs, value)
            else:
                CHECKS[name](run, value)
        report = run.margin_report()
        assert report.budget - report.losses == report.order_pay + report.handed_over
        assert report.handed_over + report.funds == report.period_pay + report.kept
        assert report.claimed == report.used + report.withheld


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_plan_of_a_case_is_plain_data(case):
    """The plan of a case survives the way to plain data and back."""
    plan = fx.Plan.from_dict({"version": 1} | case["plan"])
    again = fx.Plan.from_dict(plan.to_dict())
    assert again == plan
    assert again.hash == plan.hash


def test_case_names_are_unique():
    """No two cases share a name."""
    names = [case["id"] for case in cases()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("entry", "limit", "rule"),
    [
        (entry, int(limit), rule)
        for entry in SHARING["ration"]
        for limit, rules in entry["awards"].items()
        for rule in rules
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else str(value),
)
def test_claims_rules_exactly(entry, limit, rule):
    """A claims rule gives the exact fractions of the literature."""
    expected = [Fraction(award) for award in entry["awards"][str(limit)][rule]]
    assert fx.ration_exact(entry["claims"], limit, rule) == expected


@pytest.mark.parametrize("entry", SHARING["ration_units"], ids=lambda entry: str(entry["claims"]))
def test_claims_in_units(entry):
    """A cap in whole cents is used up to the last one by largest remainders."""
    assert fx.ration(entry["claims"], entry["limit"]).tolist() == entry["awards"]


@pytest.mark.parametrize(
    "entry", SHARING["allocate"], ids=lambda entry: f"{entry['total']} {entry['weights']}"
)
def test_allocation(entry):
    """Largest remainders give the seats of the textbook, the paradox of Alabama included."""
    assert fx.allocate(entry["total"], entry["weights"]).tolist() == entry["parts"]


@pytest.mark.parametrize("entry", SHARING["cumulative"], ids=lambda entry: str(entry["weights"]))
def test_cumulative_split(entry):
    """Rounding running sums gives the parts of the textbook."""
    assert cumulative_split(entry["total"], entry["weights"], entry["rounding"]).tolist() == entry["parts"]
