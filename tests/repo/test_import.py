"""Importing the library is cheap and loads nothing that most people do not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fenxiao

OPTIONAL = ("networkx", "scipy", "pandas", "polars", "duckdb", "pyarrow", "matplotlib", "hypothesis", "yaml")
BUDGET_MS = 150
RUNS = 6


def python(code, *, caches=None):
    """Run code in a fresh interpreter that sees the same library; return what it prints."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    environment["PYTHONPATH"] = str(Path(fenxiao.__file__).parents[1])
    if caches is not None:
        environment["PYTHONPYCACHEPREFIX"] = str(caches)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_import_loads_nothing_optional():
    """`import fenxiao` loads neither networkx nor any optional package."""
    loaded = python(
        "import fenxiao, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    ).split()
    assert "fenxiao" in loaded
    assert sorted(set(loaded) & set(OPTIONAL)) == []


def test_settling_loads_nothing_optional():
    """Settling, stating and explaining do not load them either."""
    code = (
        "import fenxiao as fx, sys\n"
        "tree = fx.ReferralTree.from_mapping({'ann': None, 'bo': 'ann'})\n"
        "policy = fx.LevelCommission('referral', base='paid', rates=['10%'], if_not='company')\n"
        "plan = fx.Plan(currency='CNY', margin=fx.Margin.rate('25%', of='paid'), policies=[policy])\n"
        "plan = fx.Plan.from_dict(plan.to_dict())\n"
        "orders = fx.Orders.from_records([{'order_id': 1, 'member': 'bo', 'paid': '100.00'}])\n"
        "run = fx.settle(fx.Facts(tree=tree, orders=orders), plan)\n"
        "str(run.statement('ann')), str(run.explain('ann', 1)), str(run.margin_report()), run.fingerprint()\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    assert sorted(set(python(code).split()) & set(OPTIONAL)) == []


@pytest.fixture(scope="module")
def import_ms(tmp_path_factory):
    """Return what the import costs beyond numpy, attrs and cattrs: CPU time, best of several."""
    code = (
        "import time, numpy, numpy.typing, attrs, cattrs, cattrs.gen, cattrs.errors\n"
        "start = time.process_time()\n"
        "import fenxiao\n"
        "print((time.process_time() - start) * 1000)"
    )
    caches = tmp_path_factory.mktemp("compiled")
    return min(float(python(code, caches=caches)) for _ in range(RUNS))


def test_import_is_cheap(import_ms):
    """`import fenxiao` costs under 150 ms of CPU time beyond numpy, attrs and cattrs."""
    assert import_ms < BUDGET_MS
