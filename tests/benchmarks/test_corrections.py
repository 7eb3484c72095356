"""The benchmark of corrections compares with fresh settlements that end in the same earnings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from benchmarks.corrections import FEW, MANY, NAMES, PLANS, Size, checked, rows_of, settled
from benchmarks.settle import MismatchError

import fenxiao as fx

ROOT = Path(__file__).parents[2]
COLUMNS = {"name", "ours_s", "peer", "peer_s", "ratio", "peak_mb"}
TINY = Size(orders=2_000, members=300)


@pytest.mark.parametrize("which", PLANS)
def test_corrections_end_where_fresh_settlements_do(which):
    """Earnings and differences are those of settling the net facts afresh, and something differs."""
    its = settled(TINY, which)
    correction = fx.correct(its.book, its.later, its.plan)
    checked(correction, its)
    assert len(its.refunds) == TINY.orders // MANY
    assert correction.total_minor < 0


def test_one_plan_is_order_local_and_the_other_is_not():
    """The rows stand for what they say."""
    assert [PLANS[which].is_order_local for which in NAMES] == [True, False]


def test_every_policy_pays_and_the_cap_cuts():
    """Nothing of the wide plan is idle."""
    its = settled(Size(orders=20_000, members=300), "wide")
    assert all(its.run.totals(policy.name).allowed.sum() > 0 for policy in its.plan.policies)
    uncapped = fx.settle(its.run.facts, attrs.evolve(its.plan, caps=()))
    assert uncapped.totals().allowed.sum() > its.run.totals().allowed.sum()


def test_another_end_is_noticed():
    """A correction to other facts ends the benchmark."""
    its = settled(TINY, "local")
    other = its.later.cancel(int(its.refunds.order_id.value(0)), at="2026-11-10T12:00:00Z")
    with pytest.raises(MismatchError, match="other earnings"):
        checked(fx.correct(its.book, other, its.plan), its)


def test_rows_have_their_form():
    """Every row names itself, its peer and the ratio."""
    rows = [*rows_of(TINY, "local", FEW), *rows_of(TINY, "wide", MANY), *rows_of(TINY, "local", MANY)]
    assert len(rows) == 8
    assert all(set(each) == COLUMNS and each["ratio"] > 0 for each in rows)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs the process files of Linux")
def test_peak_runs_as_a_module():
    """The process that measures memory prints a number."""
    command = [sys.executable, "-m", "benchmarks.corrections", "--peak", "local,1000,100"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert float(done.stdout) >= 0
