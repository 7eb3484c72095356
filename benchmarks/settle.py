"""Settling against DuckDB, Polars and plain Python: same data, same answer to the cent, ratios and memory.

Run ``python -m benchmarks.settle [--quick] [--json FILE] [--markdown]``. README.md says what is inside
the clocks. A row: name, our seconds, the peer and its seconds, the ratio (the peer's time over ours), and the
peak memory above the inputs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

import fenxiao as fx
from benchmarks import _plain
from benchmarks._clock import Row, markdown, peak_above, race, row, show
from benchmarks._data import (
    Shop,
    chain_sponsors,
    facts_of,
    plan,
    random_sponsors,
    shop,
    tree_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ORDERS, MEMBERS, QUICK = 10_000_000, 1_000_000, 20
BINDING = {10: 0.1, 90: 0.9}
PLAN = plan()


@attrs.frozen
class Size:
    """How much to run."""

    orders: int = ORDERS
    members: int = MEMBERS
    sample: int = 50_000
    quotes: int = 2_000

    @classmethod
    def divided(cls, by: int) -> Size:
        """Return the size divided."""
        return cls(orders=ORDERS // by, members=MEMBERS // by, sample=min(50_000, ORDERS // by))


class MismatchError(Exception):
    """A competitor's answer differs from ours."""


def same(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Raise unless all totals agree to the cent."""
    if not np.array_equal(found, expected):
        raise MismatchError(f"{name}: {np.count_nonzero(found != expected):,} members differ")


def _settled(facts: fx.Facts) -> fx.Settlement:
    # Two threads, as the peers use.
    run = fx.settle(facts, PLAN, workers=2)
    run.totals()
    return run


def _against(
    label: str,
    facts: fx.Facts,
    groups: dict[str, dict[str, Callable[[object], np.ndarray]]],
    ours: Callable[[fx.Facts], fx.Settlement],
    expected: Callable[[fx.Settlement], np.ndarray],
    convert: Callable[[str, object], np.ndarray],
) -> Iterator[Row]:
    """Race ours against groups of plans; the fastest plan of each group makes a row."""
    answer = expected(ours(facts))
    runners = {f"{group}, {name}": run for group, runs in groups.items() for name, run in runs.items()}

    def check(name: str, result: object) -> None:
        same(name, expected(result) if name == "ours" else convert(name, result), answer)

    fresh = {"ours": lambda: facts.with_orders(facts.orders)}
    best = race({"ours": ours, **runners}, fresh=fresh, check=check)
    for group, runs in groups.items():
        names = [f"{group}, {name}" for name in runs]
        fastest = min(names, key=best.__getitem__)
        yield row(label, best["ours"], fastest, best[fastest])


def duck_rows(raw: Shop, facts: fx.Facts, percent: int) -> Iterator[Row]:
    """Yield guarded totals, the recursive query, and lines, against DuckDB."""
    from benchmarks import _duck

    duck = _duck.Duck(raw, facts)

    def run(query: str) -> Callable[[object], object]:
        return lambda _: duck.totals(query)

    guarded = {
        "DuckDB joins": {name: run(query) for name, query in _duck.JOINS.items()},
        "DuckDB joins rewritten": {name: run(query) for name, query in _duck.MEMBER_FIRST.items()},
    }
    yield from _against(
        f"guarded totals, {percent} % bind",
        facts,
        guarded,
        _settled,
        lambda settled: settled.totals().allowed,
        lambda _, found: _duck.by_index(found, facts),
    )
    if percent != min(BINDING):
        return
    unguarded = {
        "DuckDB recursive, no guard": {name: run(query) for name, query in _duck.RECURSIVE.items()},
        "DuckDB recursive rewritten, no guard": {"sums by member first": run(_duck.RECURSIVE_MEMBER_FIRST)},
    }
    yield from _against(
        f"totals, ours guarded, {percent} % bind",
        facts,
        unguarded,
        _settled,
        lambda settled: settled.totals().claimed,
        lambda _, found: _duck.by_index(found, facts),
    )
    yield from line_rows(duck, facts, percent)
    yield from label_rows(raw, facts, percent)


def label_rows(raw: Shop, facts: fx.Facts, percent: int) -> Iterator[Row]:
    """Yield guarded totals with the mapping of labels inside both clocks (the peer joins on labels)."""
    from benchmarks import _duck

    duck = _duck.Duck(raw, facts, labels=True)
    queries = {**_duck.JOINS, **_duck.MEMBER_FIRST}
    runs = {name: (lambda _, query=query: duck.totals(query)) for name, query in queries.items()}
    yield from _against(
        f"guarded totals from labels, {percent} % bind",
        facts,
        {"DuckDB joins on labels": runs},
        lambda given: _settled(fx.Facts(tree=given.tree, orders=given.orders)),
        lambda settled: settled.totals().allowed,
        lambda _, found: _duck.by_index(found, facts, labels=True),
    )


def consume(batches: Iterator[tuple[np.ndarray, ...]]) -> tuple[int, ...]:
    """Return the number of lines and the sum of every column."""
    sums = [0] * 6
    for columns in batches:
        sums[0] += len(columns[0])
        for place, column in enumerate(columns, start=1):
            sums[place] += int(column.sum(dtype=np.int64))
    return tuple(sums)


def our_lines(run: fx.Settlement) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield the same columns as the peers' lines: order, payee, level, claimed, allowed."""
    for batch in run.lines(workers=2):
        yield batch.order_row, batch.payee_index, batch.level, batch.claimed, batch.allowed


def line_rows(duck: object, facts: fx.Facts, percent: int) -> Iterator[Row]:
    """Yield every line streamed to a consumer, with and without the settlement before it."""
    if find_spec("pyarrow") is None:
        print(
            "lines: skipped, the peer hands over batches through pyarrow, which is not installed",
            file=sys.stderr,
        )
        return
    from benchmarks import _duck

    run = _settled(facts)
    expected = consume(our_lines(run))

    def check(name: str, result: object) -> None:
        if result != expected:
            raise MismatchError(f"lines, {name}: {result} is not {expected}")

    peers = {
        name: (lambda _, query=query: consume(duck.line_batches(query)))
        for name, query in _duck.LINES.items()
    }
    best = race(
        {
            "lines": lambda _: consume(our_lines(run)),
            "settle and lines": lambda given: consume(our_lines(fx.settle(given, PLAN, workers=2))),
            **peers,
        },
        fresh={"settle and lines": lambda: facts.with_orders(facts.orders)},
        check=check,
    )
    peer = min(peers, key=best.__getitem__)
    for name in ("lines", "settle and lines"):
        yield row(
            f"{name} streamed, {percent} % bind",
            best[name],
            f"DuckDB joins that produce lines, {peer}",
            best[peer],
        )


def polars_rows(raw: Shop, facts: fx.Facts, percent: int) -> Iterator[Row]:
    """Yield guarded totals against Polars: floor-only on both sides, then the same guard."""
    from benchmarks import _polars

    tables = _polars.Tables(raw, facts)
    for leftover, note in (("floor", "floor-only guard"), ("largest_remainder", "same guard")):
        chosen = plan(leftover)

        def run(*, first: bool, engine: str, floor: bool = leftover == "floor") -> Callable[[object], object]:
            return lambda _: tables.totals(floor_only=floor, member_first=first, engine=engine)

        groups = {
            f"Polars joins, {note}": {engine: run(first=False, engine=engine) for engine in _polars.ENGINES},
            f"Polars joins rewritten, {note}": {
                f"sums by member first, {engine}": run(first=True, engine=engine)
                for engine in _polars.ENGINES
            },
        }
        yield from _against(
            f"guarded totals, {percent} % bind, {note}",
            facts,
            groups,
            lambda given, chosen=chosen: fx.settle(given, chosen, workers=2),
            lambda settled: settled.totals().allowed,
            lambda _, found: tables.by_index(found),
        )


def plain_rows(raw: Shop, sample: int, percent: int) -> Iterator[Row]:
    """Yield plain Python over dicts on a sample, scaled to all orders."""
    few = raw.head(sample)
    facts = facts_of(few)
    sponsor = {
        child: parent
        for child, parent in zip(raw.label.tolist(), raw.parent.tolist(), strict=True)
        if parent >= 0
    }
    columns = [column.tolist() for column in (few.member, few.paid, few.margin)]

    def check(_: str, earned: dict[int, int]) -> None:
        totals = np.zeros(len(facts.tree), dtype=np.int64)
        totals[facts.tree.indices(np.array(list(earned)))] = list(earned.values())
        same("plain Python", totals, _settled(facts).totals().allowed)

    best = race({"plain": lambda _: _plain.totals(sponsor, *columns)}, check=check)
    whole = facts_of(raw)
    ours = race({"ours": _settled}, fresh={"ours": lambda: whole.with_orders(whole.orders)})
    scaled = best["plain"] * len(raw.member) / sample
    yield row(
        f"guarded totals, {percent} % bind", ours["ours"], f"plain Python, {sample:,} orders scaled", scaled
    )


def own_rows(size: Size) -> Iterator[Row]:
    """Yield ratios of the library to itself, and quotes."""
    sponsor = random_sponsors(size.members)
    unbound, bound = (facts_of(shop(sponsor, size.orders, share)) for share in (0.0, max(BINDING.values())))
    fresh = {
        "unbound": lambda: unbound.with_orders(unbound.orders),
        "bound": lambda: bound.with_orders(bound.orders),
    }
    best = race({"unbound": _settled, "bound": _settled}, fresh=fresh)
    yield row("guarded totals, 90 % bind", best["bound"], "fenxiao, unbound", best["unbound"])

    chain, random = (shop(links, None, 0.1) for links in (chain_sponsors(size.members), sponsor))
    best = race(
        {"chain": lambda _: _settled(facts_of(chain)), "random": lambda _: _settled(facts_of(random))}
    )
    yield row(
        f"chain of {size.members:,}: build and settle", best["chain"], "fenxiao, random tree", best["random"]
    )

    yield quote_row(size)


def quote_row(size: Size) -> Row:
    """Return the median time of a quote against an existing tree, order by order."""
    raw = shop(random_sponsors(size.members), size.quotes, 0.5)
    facts = fx.Facts(tree=tree_of(raw))
    times = []
    for member, paid, margin in zip(raw.member.tolist(), raw.paid.tolist(), raw.margin.tolist(), strict=True):
        order = {"order_id": 1, "member": member, "paid_minor": paid, "margin_minor": margin}
        start = time.perf_counter()
        fx.quote(facts, PLAN, order)
        times.append(time.perf_counter() - start)
    return row(f"quote, median of {size.quotes:,}", statistics.median(times), "floor of 0.5 ms", 0.0005)


def memory_rows(size: Size) -> Iterator[Row]:
    """Yield peak memory above the inputs, each in a process of its own."""
    for percent in BINDING:
        for what, note in (
            ("settle", "settle, facts built"),
            ("all", "tree, orders, facts and settle"),
            ("numpy", "settle, allocations counted by tracemalloc"),
        ):
            peak = peak_in_process(f"{what},{size.orders},{size.members},{percent}")
            yield row(f"memory: {note}, {percent} % bind", None, "above inputs", None, peak)


def peak_in_process(asked: str) -> float:
    """Return what `print_peak` prints in a process of its own."""
    # A process takes over the peak of the one that started it, so a small one stands between.
    between = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"]
    command = [*between, sys.executable, "-m", "benchmarks.settle", "--peak", asked]
    # Arrays go back to the system as soon as they are freed, so that none hides in what was freed before.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603  # this very module
    return float(done.stdout)


def print_peak(what: str, orders: int, members: int, percent: int) -> None:
    """Print what a run adds to the peak memory, in MB."""
    raw = shop(random_sponsors(members), orders, BINDING[percent])
    # Whatever is loaded or kept once, of the library and of numpy, is not the run's.
    _settled(facts_of(shop(random_sponsors(100), 1000, 0.5)))
    if what == "all":
        print(peak_above(lambda: _settled(facts_of(raw))))
        return
    facts = facts_of(raw)
    if what == "settle":
        print(peak_above(lambda: _settled(facts)))
        return
    tracemalloc.start()
    run = _settled(facts)
    print(tracemalloc.get_traced_memory()[1] / 2**20 if len(run.facts.tree) else 0.0)


def tree_rows(scale: int) -> Iterator[Row]:
    """Yield the rows of ``benchmarks.tree``, with the ratio turned so that more is better."""
    if find_spec("benchmarks.tree") is None:
        return
    from benchmarks import tree

    for each in tree.measure(scale):
        yield row(each["name"], each["ours_s"], each["peer"], each["peer_s"], each["peak_mb"])


def measure(size: Size) -> Iterator[Row]:
    """Yield all rows about settling."""
    sponsor = random_sponsors(size.members)
    for percent, share in BINDING.items():
        raw = shop(sponsor, size.orders, share)
        facts = facts_of(raw)
        for package, rows in (("duckdb", duck_rows), ("polars", polars_rows)):
            if find_spec(package) is None:
                print(f"{package}: skipped, not installed", file=sys.stderr)
                continue
            yield from rows(raw, facts, percent)
        if percent == min(BINDING):
            yield from plain_rows(raw, size.sample, percent)
        del raw, facts
    yield from own_rows(size)
    yield from memory_rows(size)


def main() -> None:
    """Read the options, print the rows and write them where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help=f"sizes {QUICK} times smaller")
    options.add_argument("--json", metavar="FILE", help="write the rows to this file as well")
    options.add_argument("--markdown", action="store_true", help="print a table at the end")
    options.add_argument("--no-tree", action="store_true", help="leave out the rows about building trees")
    options.add_argument("--peak", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.peak:
        what, *numbers = given.peak.split(",")
        print_peak(what, *map(int, numbers))
        return
    scale = QUICK if given.quick else 1
    rows = [show(each) for each in measure(Size.divided(scale))]
    if not given.no_tree:
        rows += [show(each) for each in tree_rows(scale)]
    if given.markdown:
        print(markdown(rows))
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
