"""One period of a plan that needs the whole tree: volumes, ranks, compression, differential, breakaway.

Run ``python -m benchmarks.period [--quick] [--json FILE] [--markdown]``. One plan settles organisation
volumes, a ladder of five ranks with legs, seven levels with fully dynamic compression, a volume differential,
three generations, and breakaway legs that decide by their own volume, guard on, totals; every member has one
order. Two periods of pairing follow, with what is carried between them. Columns of a row are those of
``benchmarks.settle``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

import fenxiao as fx
from benchmarks import _plain_period
from benchmarks._clock import Row, markdown, peak_above, race, row, show
from benchmarks._data import Shop, chain_sponsors, facts_of, orders_of, random_sponsors, shop, tree_of
from benchmarks.settle import same
from benchmarks.tree import text
from fenxiao.placement import Placement
from fenxiao.policies import BinaryPairing, GenerationBonus, LeadershipBonus, VolumeDifferential
from fenxiao.qualification import Ladder, Step
from fenxiao.volumes import group, legs, organisation, own

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE, SMALL, QUICK = 10_000_000, 1_000_000, 50
PROTOTYPE_S, PROTOTYPE_TREE_S = 5.4, 2.2
"""The design's prototype at ten million: the period with its tree, and the tree; what a machine is like shows
in the time of the tree."""


@attrs.frozen
class Size:
    """How many members to run."""

    large: int = LARGE
    small: int = SMALL

    @classmethod
    def divided(cls, by: int) -> Size:
        """Return the size divided."""
        return cls(large=LARGE // by, small=SMALL // by)


def plan() -> fx.Plan:
    """Return the plan; `_plain_period` says the same in loops."""
    turnover = organisation("paid")
    ranks = _plain_period.RANKS
    steps = [Step(ranks[1], when=turnover >= _money(_plain_period.LEAST[1]))]
    for place in range(2, len(ranks)):
        least = turnover >= _money(_plain_period.LEAST[place])
        steps.append(Step(ranks[place], when=least & (legs(fx.column("rank") >= ranks[place - 1]) >= 2)))
    breaks = group("paid", breaks_at=_money(_plain_period.BREAKS_AT))
    unlocks = [fx.column("rank") >= ranks[place] for place in _plain_period.UNLOCKED]
    rows = {_money(volume): f"{rate}%" for volume, rate in _plain_period.BRACKETS}
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        qualifications=[Ladder("rank", steps=steps)],
        policies=[
            fx.LevelCommission(
                "levels",
                base="paid",
                rates=[f"{rate}%" for rate in _plain_period.LEVELS],
                unlocks=unlocks,
                if_not="roll_up",
            ),
            GenerationBonus(
                "generations",
                base="paid",
                rates=[f"{rate}%" for rate in _plain_period.GENERATIONS],
                from_rank=ranks[_plain_period.LEADER],
                if_not="company",
            ),
            VolumeDifferential("differential", rate_on=turnover, pay_on=turnover, brackets=rows),
            LeadershipBonus(
                "breakaway",
                on=breaks,
                rate=f"{_plain_period.LEADERSHIP}%",
                leaders=breaks >= _money(_plain_period.BREAKS_AT),
                guarantee=_money(_plain_period.BREAKS_AT),
            ),
        ],
    )


def _money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def month(sponsor: np.ndarray) -> Shop:
    """Return one order a member, with margins that cover all that the plan may claim."""
    raw = shop(sponsor, None, 0.0)
    return attrs.evolve(raw, margin=raw.paid)


PLAN = plan()


def settled(facts: fx.Facts) -> fx.Settlement:
    """Settle the period and add up."""
    run = fx.settle(facts, PLAN, workers=2)
    run.totals()
    return run


def _whole(raw: Shop) -> fx.Settlement:
    return settled(facts_of(raw))


def growth_rows(size: Size) -> Iterator[Row]:
    """Yield time a member at two sizes, tree included, against the prototype and between the sizes."""
    large, small = month(random_sponsors(size.large)), month(random_sponsors(size.small))
    names = text(size.large), text(size.small)
    best = race(
        {
            names[0]: lambda _: _whole(large),
            names[1]: lambda _: _whole(small),
            "tree": lambda _: fx.ReferralTree.from_parents(large.parent, large.label),
        }
    )
    per_member = best[names[0]] * size.small / size.large
    yield row(f"period of {names[0]}, for each {names[1]} of them", per_member, names[1], best[names[1]])
    scaled = PROTOTYPE_S * best["tree"] / (PROTOTYPE_TREE_S * size.large / LARGE) * size.large / LARGE
    yield row(f"period of {names[0]}", best[names[0]], "prototype, scaled by the tree's time", scaled)
    chain = month(chain_sponsors(size.small))
    deep = race({"chain": lambda _: _whole(chain), "random": lambda _: _whole(small)})
    yield row(f"period of a chain of {names[1]}", deep["chain"], "random tree", deep["random"])


def plain_row(size: Size) -> Row:
    """Return the period against loops over dicts, which give the same cents.

    The loops run over all members: a sample's dicts would fit into the cache, and its tree be less deep.
    """
    raw = month(random_sponsors(size.small))
    facts = facts_of(raw)
    answer = settled(facts).totals().allowed

    def check(name: str, result: object) -> None:
        if name != "plain":
            return
        found = np.zeros(len(facts.tree), dtype=np.int64)
        found[facts.tree.indices(list(result))] = list(result.values())
        same("plain Python", found, answer)

    sponsor = dict(zip(raw.label.tolist(), raw.parent.tolist(), strict=True))
    paid = dict(zip(raw.member.tolist(), raw.paid.tolist(), strict=True))
    runners = {"ours": lambda _: _whole(raw), "plain": lambda _: _plain_period.totals(sponsor, paid)}
    best = race(runners, check=check, repeats=2)
    return row(f"period of {text(size.small)}", best["ours"], "loops over dicts", best["plain"])


def volume_row(size: Size) -> Row:
    """Return organisation volumes against DuckDB's recursive query, the tree at hand on both sides."""
    from benchmarks import _duck

    raw = month(random_sponsors(size.small))
    facts = facts_of(raw)
    duck = _duck.Duck(raw, facts)

    def ours(_: object) -> np.ndarray:
        own = np.zeros(len(facts.tree), dtype=np.int64)
        np.add.at(own, facts.member_index, facts.orders.amounts("paid").values)
        return facts.tree.subtree_sum(own)

    def check(name: str, result: object) -> None:
        if name != "ours":
            same(name, _duck.by_index(result, facts), ours(None))

    best = race({"ours": ours, "duck": lambda _: duck.totals(_duck.ORGANISATION)}, check=check)
    return row(f"organisation volumes of {text(size.small)}", best["ours"], "DuckDB recursive", best["duck"])


TEAM = fx.Plan(
    currency="CNY",
    margin=fx.Margin.column("margin"),
    policies=[
        BinaryPairing(
            "team",
            on=own("paid"),
            rate="10%",
            leftover="carry",
            match_cap="5000.00",
            carry_cap="5000.00",
            pay_cap="400.00",
        )
    ],
)


def binary_inputs(members: int) -> tuple[Shop, dict[str, np.ndarray]]:
    """Return one order of each of so many members, who stand in a full binary placement in any order."""
    raw = month(random_sponsors(members))
    # The place of a member in the heap has nothing to do with who sponsored him.
    heap = np.random.default_rng(5).permutation(raw.label)
    above = np.arange(-1, members - 1)
    rows = {"member": heap, "parent": np.where(above < 0, -1, heap[above // 2]), "leg": above % 2}
    rows["leg"][0] = -1
    return raw, rows


def binary_facts(raw: Shop, rows: dict[str, np.ndarray]) -> fx.Facts:
    """Return the library's facts."""
    tree = tree_of(raw)
    placed = Placement.from_columns(tree, rows, width=2)
    return fx.Facts(tree=tree, orders=orders_of(raw), placements={"binary": placed})


def two_periods(facts: fx.Facts) -> fx.Settlement:
    """Settle a period of legs, and another one with what the first one carries."""
    state = fx.settle(facts, TEAM, workers=2).state
    second = fx.settle(facts, TEAM, state=state, workers=2)
    second.totals()
    return second


def binary_row(size: Size) -> Row:
    """Return two periods of pairing, time a member at two sizes; facts and placement are at hand."""
    large, small = (binary_facts(*binary_inputs(members)) for members in (size.large, size.small))
    names = text(size.large), text(size.small)
    fresh = {
        name: lambda facts=facts: facts.with_orders(facts.orders)
        for name, facts in zip(names, (large, small), strict=True)
    }
    best = race(dict.fromkeys(names, two_periods), fresh=fresh)
    per_member = best[names[0]] * size.small / size.large
    return row(
        f"two periods of binary legs of {names[0]}, for each {names[1]}", per_member, names[1], best[names[1]]
    )


def peak_row(size: Size, option: str, what: str) -> Row:
    """Return what tree, facts and period need above the inputs, in a process of its own."""
    # A process takes over the peak of the one that started it, so a small one stands between.
    between = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"]
    command = [*between, sys.executable, "-m", "benchmarks.period", option, str(size.large)]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603  # this very module
    name = f"memory: {what} of {text(size.large)}"
    return row(name, None, "above inputs", None, float(done.stdout))


def print_peak(members: int) -> None:
    """Print what a period of a whole tree adds to the peak memory, in MB."""
    raw = month(random_sponsors(members))
    # Whatever is loaded or kept once, of the library and of numpy, is not the period's.
    _whole(month(random_sponsors(100)))
    print(peak_above(lambda: _whole(raw)))


def print_binary_peak(members: int) -> None:
    """Print what two periods of binary legs add to the peak memory, with facts and placement, in MB."""
    two_periods(binary_facts(*binary_inputs(100)))
    inputs = binary_inputs(members)
    print(peak_above(lambda: two_periods(binary_facts(*inputs))))


def measure(size: Size) -> Iterator[Row]:
    """Yield all rows."""
    yield plain_row(size)
    if find_spec("duckdb") is None:
        print("duckdb: skipped, not installed", file=sys.stderr)
    else:
        yield volume_row(size)
    yield from growth_rows(size)
    yield peak_row(size, "--peak", "tree, orders and period")
    yield binary_row(size)
    yield peak_row(size, "--binary-peak", "tree, orders, placement and two periods of binary legs")


def main() -> None:
    """Read the options, print the rows and write them where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help=f"sizes {QUICK} times smaller")
    options.add_argument("--json", metavar="FILE", help="write the rows to this file as well")
    options.add_argument("--markdown", action="store_true", help="print a table at the end")
    options.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    options.add_argument("--binary-peak", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.peak or given.binary_peak:
        print_peak(given.peak) if given.peak else print_binary_peak(given.binary_peak)
        return
    rows = [show(each) for each in measure(Size.divided(QUICK if given.quick else 1))]
    if given.markdown:
        print(markdown(rows))
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
