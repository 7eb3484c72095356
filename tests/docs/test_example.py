"""The example script runs as the README says, and shows the guard at work."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from decimal import Decimal

import pytest

from tests.docs.pages import ROOT

SCRIPT = ROOT / "examples" / "agent_month.py"


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Return what the example prints when it is run from some other directory."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=_environment(),
        cwd=tmp_path_factory.mktemp("elsewhere"),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def _environment():
    # Where the library is not installed, the script finds it the way the tests did.
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8"}


def test_the_guard_is_seen_to_cut(output):
    """Some orders would break their margin: a count, a statement and an explanation say so."""
    bound = re.search(r"^(\d+) orders cannot afford what the plan claims", output, re.MULTILINE)
    assert bound is not None
    assert int(bound[1]) >= 5
    assert re.search(r"= [\d.]+, less [\d.]+ \(margin of the order\)", output)
    assert re.search(r"level \d, [\d.]+ of [\d.]+ claimed \(margin of the order\)", output)
    assert re.search(r"cut by the margin of orders: [\d.]+", output)


def test_somebody_passed_over_is_told_why(output):
    """The explained order has an inactive agent in its upline, and the output says so."""
    assert "nothing: not eligible (active False is not True)" in output


def test_the_report_adds_up(output):
    """Used and kept make up the budget, which is the sum of the orders' margins, losses as 0."""
    used, whole, kept = re.search(r"([\d.]+) of ([\d.]+) used, ([\d.]+) kept", output).groups()
    assert Decimal(used) + Decimal(kept) == Decimal(whole)
    margins: dict[str, Decimal] = {}
    with (SCRIPT.parent / "orders.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["paid_at"].startswith("2026-10"):
                margins[row["order_id"]] = margins.get(row["order_id"], Decimal(0)) + Decimal(row["margin"])
    assert Decimal(whole) == sum(max(margin, Decimal(0)) for margin in margins.values())


def test_the_script_is_short_and_its_data_is_small():
    """The example stays readable: under 90 lines of code, about 30 members and about 120 orders."""
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 90
    assert len((SCRIPT.parent / "members.csv").read_text(encoding="utf-8").splitlines()) == 31
    assert len((SCRIPT.parent / "orders.csv").read_text(encoding="utf-8").splitlines()) < 200
