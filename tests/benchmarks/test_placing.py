"""The rows of the placing benchmark have their form, and its peer gives our sums."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.placing import RULES, SHAPES, climbed, measure, rule_row, sums_row, text, tree_of

from fenxiao import placement as placing

COLUMNS = {"name", "ours_s", "peer", "peer_s", "ratio", "peak_mb"}


def test_every_rule_has_a_row():
    """All rules are timed, each row says its floor and how many members were placed in a second."""
    assert {rule for rule, _ in RULES} == set(placing.RULES)
    tree = tree_of("random", 300)
    for rule, width in RULES:
        found = rule_row(tree, "random", rule, width, 1)
        assert set(found) == COLUMNS | {"members_per_s"}
        assert found["members_per_s"] > 0
        assert found["name"].endswith("floor_100k_per_s")
    assert set(sums_row(tree, 1)) == COLUMNS


def test_everything_runs_and_is_printed(capsys):
    """A small run prints a row for each shape of tree."""
    rows = measure(2_000, 1)
    assert len(capsys.readouterr().out.splitlines()) == len(rows) == len(RULES) + 5
    assert all(any(f"_{shape}_" in each["name"] for each in rows) for shape in SHAPES)
    assert (text(2_000), text(3_000_000)) == ("2k", "3M")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_peer_gives_our_sums(shape):
    """Climbing level by level adds up to the same legs."""
    tree = tree_of(shape, 200)
    values = np.arange(200)
    for rule, width in (("weaker", 2), ("global", 4)):
        placement = placing.Placement.auto(tree, np.arange(200), rule=rule, width=width)
        assert (climbed(placement, values) == placement.leg_sums(values)).all()
