"""Corrections after refunds: what `correct` takes, against settling the net facts afresh.

Run ``python -m benchmarks.corrections [--quick] [--json FILE] [--markdown]``. A settled run of ten million
orders gets refunds of half of what was paid on one order in a hundred, or in ten thousand. Columns of a row
are those of ``benchmarks.settle``: the ratio is the fresh settlement's time over ours. README.md says what is
inside the clocks. Orders attributed to the upline of their own time: ``benchmarks.attribution``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

import fenxiao as fx
from benchmarks._clock import Row, markdown, peak_above, race, row, show
from benchmarks._data import RATES, facts_of, plan, random_sponsors, shop
from benchmarks.settle import MismatchError
from fenxiao.changes import Changes
from fenxiao.corrections import Book
from fenxiao.policies import VolumeDifferential
from fenxiao.volumes import organisation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.earned import Differences, Earned

ORDERS, MEMBERS, QUICK = 10_000_000, 1_000_000, 20
MANY, FEW = 100, 10_000
"""One order in so many is refunded."""
REFUNDED_AT = "2026-11-09T12:00:00Z"


@attrs.frozen
class Size:
    """How much to run."""

    orders: int = ORDERS
    members: int = MEMBERS

    @classmethod
    def divided(cls, by: int) -> Size:
        """Return the size divided."""
        return cls(orders=ORDERS // by, members=MEMBERS // by)


def wide_plan() -> fx.Plan:
    """Return a plan that looks at the whole period: volumes of downlines, and a cap on what one may get."""
    turnover = organisation("paid")
    brackets = {"1000.00": "1%", "10000.00": "3%", "100000.00": "5%"}
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=[
            fx.LevelCommission(
                "referral", base="paid", rates=[f"{rate}%" for rate in RATES], if_not="company"
            ),
            VolumeDifferential("differential", rate_on=turnover, pay_on=turnover, brackets=brackets),
        ],
        caps=[fx.Cap.per_payee("5000.00")],
    )


PLANS = {"local": plan(), "wide": wide_plan()}
NAMES = {"local": "order-local", "wide": "volumes and a wide cap"}


@attrs.frozen(eq=False)
class Settled:
    """A plan, a settled run of it, and the facts now known.

    Attributes
    ----------
    refunds : the changes that lead from the facts of the run to the later ones
    """

    plan: fx.Plan
    run: fx.Settlement
    book: Book
    refunds: Changes
    later: fx.Facts


def settled(size: Size, which: str, one_in: int = MANY) -> Settled:
    """Return a run of generated orders, a tenth of which bind, and its facts after refunds."""
    raw = shop(random_sponsors(size.members), size.orders, 0.1)
    facts = facts_of(raw)
    run = fx.settle(facts, PLANS[which])
    refunds = refunds_of(raw.order_id, raw.paid, one_in)
    return Settled(PLANS[which], run, Book.of(run), refunds, facts.after(refunds))


def refunds_of(order_id: np.ndarray, paid: np.ndarray, one_in: int) -> Changes:
    """Return refunds of half of what was paid, of orders at random."""
    count = max(len(order_id) // one_in, 1)
    rows = np.sort(np.random.default_rng(7).choice(len(order_id), count, replace=False))
    columns = {
        "kind": ["refund"] * count,
        "order_id": order_id[rows],
        "paid_minor": paid[rows] // 2,
        "at": [REFUNDED_AT] * count,
    }
    return Changes.from_columns(columns)


def anew(facts: fx.Facts) -> fx.Facts:
    """Return the same facts without what was kept of them."""
    return facts.with_orders(facts.orders)


def _totals(facts: fx.Facts, its_plan: fx.Plan) -> np.ndarray:
    return fx.settle(facts, its_plan).totals().allowed


def _compared(facts: fx.Facts, its: Settled) -> tuple[Earned, Differences]:
    """Return what a fresh settlement earns, and its differences to the run before."""
    after = fx.settle(facts, its.plan).earned()
    return after, after.minus(its.book.earned())


def checked(correction: fx.corrections.Correction, its: Settled) -> None:
    """Raise unless a correction ends where a fresh settlement does, with the same differences."""
    after, differences = _compared(anew(its.later), its)
    found = correction.differences[""]
    same = (
        np.array_equal(getattr(found, name), getattr(differences, name))
        for name in ("policy", "labels", "before", "after")
    )
    if correction.book.earned() != after or not all(same):
        raise MismatchError("the correction ends in other earnings than a fresh settlement")


def rows_of(size: Size, which: str, one_in: int) -> Iterator[Row]:
    """Yield what a correction takes: against totals alone, and against what it gives, differences too."""
    its = settled(size, which, one_in)
    totals, compared = "fresh settlement, totals", "fresh settlement, earnings and differences"

    def check(name: str, result: object) -> None:
        if name == "ours":
            checked(result, its)

    best = race(
        {
            "ours": lambda later: fx.correct(its.book, later, its.plan),
            totals: lambda later: _totals(later, its.plan),
            compared: lambda later: _compared(later, its),
        },
        fresh=dict.fromkeys(("ours", totals, compared), lambda: anew(its.later)),
        check=check,
    )
    for peer in (totals, compared):
        name = f"correct, {NAMES[which]}, 1 in {one_in:,} refunded"
        yield row(name, best["ours"], peer, best[peer])
    if which == "local" and one_in == MANY:
        yield from kept_rows(its, best[totals])


def kept_rows(its: Settled, fresh_s: float) -> Iterator[Row]:
    """Yield what comes before a correction: net facts, and the book of a run."""
    facts = its.run.facts
    best = race(
        {
            "net": lambda given: given.after(its.refunds),
            "book": lambda _: Book.of(its.run),
        },
        fresh={"net": lambda: anew(facts)},
    )
    yield row("net facts, facts.after(changes)", best["net"], "fresh settlement, totals", fresh_s)
    yield row("the book of a run", best["book"], "fresh settlement, totals", fresh_s)


def peak_row(size: Size, which: str) -> Row:
    """Return what a correction needs above the book and the facts, in a process of its own."""
    # A process takes over the peak of the one that started it, so a small one stands between.
    between = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"]
    asked = f"{which},{size.orders},{size.members}"
    command = [*between, sys.executable, "-m", "benchmarks.corrections", "--peak", asked]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603  # this very module
    name = f"memory: correct, {NAMES[which]}"
    return row(name, None, "above book and net facts", None, float(done.stdout))


def print_peak(which: str, orders: int, members: int) -> None:
    """Print what a correction adds to the peak memory, in MB."""
    # Whatever is loaded or kept once, of the library and of numpy, is not the correction's.
    few = settled(Size(orders=1000, members=100), which)
    fx.correct(few.book, few.later, few.plan)
    its = settled(Size(orders=orders, members=members), which)
    print(peak_above(lambda: fx.correct(its.book, its.later, its.plan)))


def measure(size: Size) -> Iterator[Row]:
    """Yield all rows."""
    for which, one_in in (("local", MANY), ("local", FEW), ("wide", MANY)):
        yield from rows_of(size, which, one_in)
    for which in PLANS:
        yield peak_row(size, which)


def main() -> None:
    """Read the options, print the rows and write them where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help=f"sizes {QUICK} times smaller")
    options.add_argument("--json", metavar="FILE", help="write the rows to this file as well")
    options.add_argument("--markdown", action="store_true", help="print a table at the end")
    options.add_argument("--peak", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.peak:
        which, *numbers = given.peak.split(",")
        print_peak(which, *map(int, numbers))
        return
    rows = [show(each) for each in measure(Size.divided(QUICK if given.quick else 1))]
    if given.markdown:
        print(markdown(rows))
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
