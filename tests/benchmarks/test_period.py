"""The period of the benchmark gives what loops over dicts and DuckDB give, and its rows have their form."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks._data import chain_sponsors, facts_of, random_sponsors
from benchmarks.period import PLAN, Size, growth_rows, month, plain_row, settled, volume_row

import fenxiao as fx
from benchmarks import _plain_period

COLUMNS = {"name", "ours_s", "peer", "peer_s", "ratio", "peak_mb"}
TINY = Size(large=300, small=200)


@pytest.mark.parametrize("sponsor", [random_sponsors(700), chain_sponsors(40)], ids=["random", "chain"])
def test_loops_give_the_same_cents(sponsor):
    """Ranks, compression, generations, differences and leadership together agree with plain loops."""
    raw = month(sponsor)
    facts = facts_of(raw)
    run = settled(facts)
    earned = _plain_period.totals(
        dict(zip(raw.label.tolist(), raw.parent.tolist(), strict=True)),
        dict(zip(raw.member.tolist(), raw.paid.tolist(), strict=True)),
    )
    expected = np.zeros(len(facts.tree), dtype=np.int64)
    for label, amount in earned.items():
        expected[facts.tree.index(label)] = amount
    assert run.totals().allowed.tolist() == expected.tolist()


def test_every_policy_pays():
    """Nothing of the plan is idle on a random tree."""
    run = settled(facts_of(month(random_sponsors(700))))
    assert all(run.totals(policy.name).allowed.sum() > 0 for policy in PLAN.policies)


def test_rows_have_their_form():
    """Every row names itself, its peer and the ratio; growth rows are of the smaller size."""
    pytest.importorskip("duckdb", reason="the peer is not installed: pip install duckdb")
    rows = [plain_row(TINY), volume_row(TINY), *growth_rows(TINY)]
    assert all(set(each) == COLUMNS and each["ratio"] > 0 for each in rows)
    assert isinstance(PLAN, fx.Plan)
