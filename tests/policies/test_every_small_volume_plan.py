"""Every forest of up to six members, each member at a threshold, one unit below and one above it.

All forests are settled as one: they do not touch one another.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

import fenxiao as fx
from fenxiao.expressions import Brackets
from fenxiao.policies import LeadershipBonus, StairstepOverride, VolumeCommission, VolumeDifferential
from fenxiao.volumes import group, organisation
from tests.oracles import volume_pay as slow
from tests.oracles.engine_rules import forest_shapes
from tests.strategies.volume_worlds import joined, paid, settled, some

SIZES = [1, 2, 3, 4, 5, 6]
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
LEADER = fx.column("rank") == "gold"
# Two members at 50, or one at 100, reach the second threshold exactly.
ROWS = [(50, Fraction(1, 10)), (100, Fraction(1, 7)), (200, Fraction(1, 4))]
TABLE = {threshold: f"{rate.numerator}/{rate.denominator}" for threshold, rate in ROWS}
WAY = {
    "differential": {"none": Fraction(0), "silver": Fraction(0), "gold": Fraction(1, 10)},
    "minimum": Fraction(1, 50), "generations": {2: Fraction(3, 100)},
}  # fmt: skip


def small_worlds(size):
    """Yield worlds of one size: every forest, every mark, and volumes around the thresholds.

    Up to three members every combination of volumes is tried; of more members the volumes take turns, so that
    each forest sees each volume at each place.
    """
    values = [49, 50, 51, 99, 100, 101]
    turn = itertools.count()
    for parents in forest_shapes(size):
        for marks in itertools.product([False, True], repeat=size):
            chosen = (
                itertools.product([49, 50, 101], repeat=size)
                if size <= 3
                else [[values[(next(turn) * 7 + 5 * place) % 6] for place in range(size)]]
            )
            for points in chosen:
                yield {
                    "parents": parents,
                    "rank": {m: "gold" if mark else "none" for m, mark in enumerate(marks)},
                    "active": {m: not mark for m, mark in enumerate(marks)},
                    "orders": [
                        {"member": m, "pv": Fraction(pv), "bv": Fraction(pv)} for m, pv in enumerate(points)
                    ],
                }


def gross_in(world, volume, mode):
    """Return everybody's gross."""
    return {m: slow.gross_of(volume[m], volume[m], ROWS, mode, Fraction(1), ("floor", 1)) for m in volume}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["whole", "marginal"])
def test_every_small_forest_is_paid_like_its_twin(size, mode):
    """Commissions and differentials, with a gate, with legs that break by rank and by themselves."""
    worlds = list(small_worlds(size))
    table = Brackets(mode, TABLE)
    measures = {
        "organisation": organisation("pv"),
        "ranked": group("pv", breaks=LEADER),
        "deciding": group("pv", breaks_at="100"),
    }
    policies = [
        VolumeCommission("pay", rate_on=organisation("pv"), pay_on=organisation("pv"), brackets=table)
    ]
    for name, measure in measures.items():
        terms = {"rate_on": measure, "pay_on": measure, "brackets": table}
        policies += [
            VolumeDifferential(name, **terms),
            VolumeDifferential(f"{name}, gated", **terms, eligible=ACTIVE),
        ]
    run = settled(joined(worlds), *policies)
    wanted = {policy.name: {} for policy in policies}
    for number, world in enumerate(worlds):
        own = slow.own(world, "pv")
        leaders = {m for m, rank in world["rank"].items() if rank == "gold"}
        active = {m for m, flag in world["active"].items() if flag}
        found = {"pay": gross_in(world, slow.organisation(world, own), mode)}
        for name, broken in {
            "organisation": set(),
            "ranked": leaders,
            "deciding": slow.broken_at(world, own, set(own), 100),
        }.items():
            gross = gross_in(world, slow.group(world, own, broken), mode)
            found[name] = slow.net_of(world, gross, set(own), broken)
            found[f"{name}, gated"] = slow.net_of(world, gross, active, broken)
        for name, amounts in found.items():
            wanted[name] |= {f"{number}:{m}": amount for m, amount in some(amounts).items()}
    for name, amounts in wanted.items():
        assert paid(run, name) == amounts, name


@pytest.mark.parametrize("size", SIZES)
def test_every_small_forest_of_leaders_is_paid_like_its_twin(size):
    """Leadership with a guarantee, and a stairstep override by difference and generation."""
    worlds = list(small_worlds(size))
    on = group("bv", breaks=LEADER)
    fields = {
        "differential": {"none": "0%", "silver": "0%", "gold": "10%"}, "minimum": "2%",
        "generations": {2: "3%"},
    }  # fmt: skip
    run = settled(
        joined(worlds),
        LeadershipBonus("leadership", on=on, rate="4%", leaders=LEADER, guarantee="100"),
        StairstepOverride("override", on=on, leaders=LEADER, **fields),
    )
    leadership, override = {}, {}
    for number, world in enumerate(worlds):
        leaders = {m for m, rank in world["rank"].items() if rank == "gold"}
        volume = slow.group(world, slow.own(world, "bv"), leaders)
        kept, _, _ = slow.leadership(
            world, volume, leaders, Fraction(1, 25), Fraction(1), 100, leaders, ("floor", 1)
        )
        stairs = slow.override(world, volume, leaders, WAY, Fraction(1), ("floor", 1))
        leadership |= {f"{number}:{m}": amount for m, amount in some(kept).items()}
        override |= {f"{number}:{m}": amount for m, amount in some(stairs).items()}
    assert paid(run, "leadership") == leadership
    assert paid(run, "override") == override
