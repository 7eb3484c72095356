"""Titles, grace and demotion month by month, and the climb member by member, on fixed examples."""

from __future__ import annotations

from unittest.mock import patch

import pytest

import fenxiao as fx
from fenxiao.periods import month
from fenxiao.qualification import Ladder, ranking
from fenxiao.volumes import downline, group, organisation, own, ratio
from tests.volumes.test_laws import run_of
from tests.volumes.test_regressions import ordered

RANK = fx.column("rank")
TWO = {"silver": own("paid") >= "1.00", "gold": own("paid") >= "2.00"}
THREE = {**TWO, "diamond": own("paid") >= "3.00"}


def ranks_of(ladder, *turnover):
    """Return the rank of one member month by month, with the state handed on."""
    state, ranks = None, []
    for number, paid in enumerate(turnover, 1):
        run = ordered(
            {
                "order_id": number,
                "member": 0,
                "paid": paid,
                "paid_at": f"2026-{number:02d}-05T12:00:00+08:00",
            },
            sponsors={0: None},
            qualifications=[ladder],
            period=month(2026, number),
            state=state,
        )
        state = run.state
        ranks += run.members_table("rank")["rank"]
    return ranks


@pytest.mark.parametrize(
    ("steps", "options", "turnover", "ranks"),
    [
        (THREE, {"demotion": "at_once"}, ["3.00", "0.50", "0.50"], ["diamond", "none", "none"]),
        (THREE, {"demotion": "one_step"}, ["3.00", "0.50", "0.50"], ["diamond", "gold", "silver"]),
        (THREE, {"demotion": "never"}, ["3.00", "0.50", "0.50"], ["diamond", "diamond", "diamond"]),
        # A month in which the rank is earned again starts the grace anew.
        (TWO, {"grace": 1}, ["2.00", "0.50", "2.00", "0.50"], ["gold", "gold", "gold", "gold"]),
        # So does a month in which it was lost.
        (TWO, {"grace": 1}, ["2.00", "1.00", "1.00", "0.50"], ["gold", "gold", "silver", "silver"]),
        (
            THREE,
            {"demotion": "one_step", "grace": 1},
            ["3.00", "0.50", "0.50", "0.50", "0.50"],
            ["diamond", "diamond", "gold", "gold", "silver"],
        ),
    ],
    ids=["at once", "one step", "never", "earned again", "lost", "step by step"],
)
def test_ranks_fall_as_the_ladder_says(steps, options, turnover, ranks):
    """Which rank is kept how long, and when it begins to count again."""
    assert ranks_of(Ladder("rank", steps, **options), *turnover) == ranks


BROKEN = group("n", breaks=RANK >= "silver")


@pytest.mark.parametrize("rounds", [0, 64], ids=["member by member", "in rounds"])
@pytest.mark.parametrize(
    ("sponsors", "volumes", "silver", "gold", "ranks"),
    [
        # A leg whose group is just at the threshold breaks away.
        (
            {0: None, 1: 0},
            {0: 30, 1: 100},
            100,
            group("n", breaks=RANK >= "silver", breaks_at=100) >= 130,
            ["none", "silver"],
        ),
        # A third is a third, not 333 thousandths.
        (
            {0: None, 1: 0},
            {0: 100, 1: 200},
            200,
            (ratio(BROKEN, organisation("n")) >= "1/3") & (own("n") < 200),
            ["gold", "silver"],
        ),
        # Two levels down stands nobody with any volume; the third does not count.
        (
            {0: None, 1: 0, 2: 1, 3: 2},
            {0: 0, 1: 0, 2: 0, 3: 100},
            100,
            downline(BROKEN, depth=2) >= 100,
            ["none", "gold", "gold", "silver"],
        ),
    ],
    ids=["break at the threshold", "a third", "two levels"],
)
def test_ranks_that_read_ranks_below(rounds, sponsors, volumes, silver, gold, ranks):
    """Both ways of finding ranks give the same ones, at the threshold."""
    ladder = Ladder("rank", {"silver": own("n") >= silver, "gold": gold})
    with patch.object(ranking, "_ROUNDS", rounds):
        found = run_of(sponsors, volumes, [ladder]).members_table("rank")
    assert found["rank"] == ranks
