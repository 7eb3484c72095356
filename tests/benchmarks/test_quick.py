"""The benchmarks' peers give our totals to the cent on small data, and the rows have their form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks._clock import markdown, peak_above, race, row
from benchmarks._data import chain_sponsors, facts_of, plan, random_sponsors, shop
from benchmarks.settle import MismatchError, Size, consume, our_lines, quote_row, same

import fenxiao as fx
from benchmarks import _plain

ROOT = Path(__file__).parents[2]
SHARES = [0.0, 0.1, 0.9]


@pytest.fixture(params=SHARES, scope="module")
def settled(request):
    """Return raw columns, facts and our settlement, for each share of binding orders."""
    raw = shop(random_sponsors(60), 2_000, request.param)
    facts = facts_of(raw)
    return raw, facts, fx.settle(facts, plan())


def test_duckdb_agrees(settled):
    """Every DuckDB query, on indices and on labels, gives what we allow or claim, and the same lines."""
    pytest.importorskip("duckdb", reason="the peer is not installed: pip install duckdb")
    from benchmarks import _duck

    raw, facts, run = settled
    totals = run.totals()
    for labels in (False, True):
        duck = _duck.Duck(raw, facts, labels=labels)
        for queries, expected in (
            ({**_duck.JOINS, **_duck.MEMBER_FIRST}, totals.allowed),
            ({**_duck.RECURSIVE, "member first": _duck.RECURSIVE_MEMBER_FIRST}, totals.claimed),
        ):
            for name, query in queries.items():
                same(name, _duck.by_index(duck.totals(query), facts, labels=labels), expected)


def test_duckdb_lines_agree(settled):
    """The queries that make lines make as many as we do, with the same sum in every column."""
    pytest.importorskip("duckdb", reason="the peer is not installed: pip install duckdb")
    pytest.importorskip("pyarrow", reason="the peer hands over lines through pyarrow: pip install pyarrow")
    from benchmarks import _duck

    raw, facts, run = settled
    duck = _duck.Duck(raw, facts)
    for name, query in _duck.LINES.items():
        assert consume(duck.line_batches(query)) == consume(our_lines(run)), name


@pytest.mark.parametrize("leftover", ["floor", "largest_remainder"])
def test_polars_agrees(settled, leftover):
    """Both Polars plans give what we allow, with either treatment of leftover cents."""
    pytest.importorskip("polars", reason="the peer is not installed: pip install polars")
    from benchmarks import _polars

    raw, facts, _ = settled
    expected = fx.settle(facts, plan(leftover)).totals().allowed
    tables = _polars.Tables(raw, facts)
    for member_first in (False, True):
        found = tables.totals(floor_only=leftover == "floor", member_first=member_first, engine="in-memory")
        same("polars", tables.by_index(found), expected)


def test_plain_python_agrees(settled):
    """The loop over dicts gives what we allow."""
    raw, facts, run = settled
    sponsor = {
        child: above
        for child, above in zip(raw.label.tolist(), raw.parent.tolist(), strict=True)
        if above >= 0
    }
    earned = _plain.totals(sponsor, raw.member.tolist(), raw.paid.tolist(), raw.margin.tolist())
    totals = np.zeros(len(facts.tree), dtype=np.int64)
    for label, amount in earned.items():
        totals[facts.tree.index(label)] = amount
    same("plain", totals, run.totals().allowed)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.0), (0.1, 0.05, 0.15), (0.9, 0.8, 0.95)])
def test_shops_bind_as_they_say(share, low, high):
    """About the stated share of orders is cut by its margin."""
    run = fx.settle(facts_of(shop(random_sponsors(1_000), 5_000, share)), plan())
    cut = np.unique(np.concatenate([batch.order_row[batch.withheld > 0] for batch in run.lines()]))
    assert low <= len(cut) / 5_000 <= high


def test_a_difference_is_noticed():
    """Totals that differ by one cent end the benchmark."""
    with pytest.raises(MismatchError, match="1 members differ"):
        same("peer", np.array([1, 2]), np.array([1, 3]))


def test_chains_and_quotes_run():
    """A chain settles with one order a member, and quotes are measured."""
    facts = facts_of(shop(chain_sponsors(50), None, 0.5))
    assert int(facts.tree.depth.max()) == 49
    assert len(facts.orders) == 50
    assert quote_row(Size(orders=10, members=20, sample=5, quotes=3))["ours_s"] > 0


def test_race_and_rows():
    """A race prepares, times and checks every runner; rows and table have the stated form."""
    checked = []
    best = race(
        {"a": lambda given: given, "b": lambda given: given},
        fresh={"a": lambda: 7},
        check=lambda name, result: checked.append((name, result)),
    )
    assert checked == [("a", 7), ("b", None)]
    assert set(best) == {"a", "b"}
    made = row("what", 0.5, "peer", 2.0, 12.3)
    assert made == {"name": "what", "ours_s": 0.5, "peer": "peer", "peer_s": 2.0, "ratio": 4.0, "peak_mb": 12}
    assert markdown([made, row("memory", None, "", None)]).splitlines()[2] == (
        "| what | 0.50 s | peer | 2.00 s | 4.00 | 12 MB |"
    )


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs the process files of Linux")
def test_peak_is_seen():
    """Memory that a call needs for a moment is counted."""
    assert 80 < peak_above(lambda: int(np.ones(100 << 20, dtype=np.uint8).sum())) < 150


def test_peak_runs_as_a_module():
    """The process that measures memory prints a number."""
    command = [sys.executable, "-m", "benchmarks.settle", "--peak", "settle,1000,100,10"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert float(done.stdout) >= 0
