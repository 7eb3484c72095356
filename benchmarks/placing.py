"""Placing members in legs by rule, against the floor of 100,000 members a second, and sums of legs.

Run ``python -m benchmarks.placing [--quick] [--json FILE]``. Each row: name, our seconds, the floor or the
peer and its seconds, and the ratio, which is the peer's time over ours. Rows of rules also have the members
placed in a second.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks._clock import Row, race, row, show
from fenxiao.placement import Placement
from fenxiao.tree import ReferralTree

MEMBERS = 1_000_000
FLOOR = 100_000
"""Members that every rule places in a second."""
RULES = (("weaker", 2), ("left_right", 2), ("outer", 2), ("breadth", 2), ("breadth", 3), ("global", 3))
SHAPES = ("random", "chain", "star")


def tree_of(shape: str, size: int) -> ReferralTree:
    """Return a referral tree whose members join in the order of their labels, sponsors first."""
    joined = np.arange(size)
    random = (np.random.default_rng(1).random(size) * joined).astype(np.int64)
    sponsor = {"random": random, "chain": joined - 1, "star": np.zeros(size, dtype=np.int64)}[shape]
    sponsor[:1] = -1
    return ReferralTree.from_parents(sponsor)


def rule_row(tree: ReferralTree, shape: str, rule: str, width: int, repeats: int) -> Row:
    """Return the time in which a rule places everybody, against that of the floor."""
    size = len(tree)
    order = np.arange(size)
    legs = np.random.default_rng(2).integers(0, 2, size) if rule == "outer" else None
    name = f"placing_{rule}_{width}_wide_{shape}_{text(size)}_floor_100k_per_s"
    times = race(
        {name: lambda _: Placement.auto(tree, order, rule=rule, width=width, legs=legs)}, repeats=repeats
    )
    found = row(name, times[name], f"{FLOOR:,} members a second", size / FLOOR)
    return found | {"members_per_s": round(size / times[name])}


def sums_row(tree: ReferralTree, repeats: int) -> Row:
    """Return the time of one pass over all legs, against adding each member to everybody above him."""
    size = len(tree)
    placement = Placement.auto(tree, np.arange(size), rule="breadth", width=2)
    values = np.random.default_rng(3).integers(0, 10_000, size)
    expected = climbed(placement, values)

    def check(_: str, found: np.ndarray) -> None:
        if not (found == expected).all():
            raise ValueError("leg sums")

    name, peer = f"leg_sums_{text(size)}", "np.add.at level by level"
    times = race(
        {name: lambda _: placement.leg_sums(values), peer: lambda _: climbed(placement, values)},
        check=check,
        repeats=repeats,
    )
    return row(name, times[name], peer, times[peer])


def climbed(placement: Placement, values: np.ndarray) -> np.ndarray:
    """Return sums of legs by letting everybody climb to the top, all at once, one level a step."""
    n = len(values)
    sums = np.zeros((placement.width, n + 1), dtype=np.int64)
    below, value = np.flatnonzero(placement.parent >= 0), values
    at = below
    while len(at):
        np.add.at(sums, (placement.leg[at], placement.parent[at]), value[below])
        at = placement.parent[at]
        going = placement.parent[at] >= 0
        at, below = at[going], below[going]
    return sums[:, :n]


def measure(size: int, repeats: int) -> list[Row]:
    """Run everything, printing each row at once."""
    rows = []
    for shape in SHAPES:
        tree = tree_of(shape, size)
        rules = RULES if shape == "random" else RULES[:1] + RULES[3:4]
        rows += [show(rule_row(tree, shape, rule, width, repeats)) for rule, width in rules]
    rows.append(show(sums_row(tree_of("random", size), repeats)))
    return rows


def text(size: int) -> str:
    """Return 1M for a million and 100k for a hundred thousand."""
    return f"{size // 1_000_000}M" if size >= 1_000_000 else f"{size // 1000}k"


def main() -> None:
    """Read the options, print the rows and write them where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="ten times smaller, fewer turns")
    options.add_argument("--json", metavar="FILE", help="write the rows to this file as well")
    given = options.parse_args()
    rows = measure(MEMBERS // 10, 2) if given.quick else measure(MEMBERS, 3)
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
