"""Clocks, memory and rows that every benchmark shares."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REPEATS = 6
TURNS_MORE = 4
"""Further turns while somebody had no run without other work on the machine."""
NOISE, NOISE_FLOOR = 0.1, 0.03
"""Other processes' processor seconds that a quiet run may have beside it: share of its time, and seconds."""
_STAT = Path("/proc/stat")
Row = dict[str, Any]


def race(
    runners: Mapping[str, Callable[[Any], Any]],
    *,
    fresh: Mapping[str, Callable[[], Any]] | None = None,
    check: Callable[[str, Any], None] | None = None,
    repeats: int = REPEATS,
) -> dict[str, float]:
    """Run all runners in turns and return the least time of each, in seconds.

    Turns are interleaved, so that what else the machine does hits everybody.

    Parameters
    ----------
    runners : what is timed, by name; each gets what its `fresh` returned, or None
    fresh : what prepares one run, outside the clock
    check : gets every runner's result of the first turn, outside the clock; raises if it is wrong
    """
    times: dict[str, list[tuple[bool, float]]] = {name: [] for name in runners}
    for turn in range(repeats + TURNS_MORE):
        if turn >= repeats and all(any(quiet for quiet, _ in each) for each in times.values()):
            break
        for name, runner in runners.items():
            given = fresh[name]() if fresh is not None and name in fresh else None
            gc.collect()
            others = _cpu_of_others()
            start = time.perf_counter()
            result = runner(given)
            took = time.perf_counter() - start
            times[name].append((_cpu_of_others() - others <= NOISE * took + NOISE_FLOOR, took))
            if check is not None and turn == 0:
                check(name, result)
            del result, given
    noisy = [name for name, each in times.items() if not any(quiet for quiet, _ in each)]
    if noisy:
        print(f"other work on the machine during every run of: {'; '.join(noisy)}", file=sys.stderr)
    # Runs beside other work count only where there are no others: two threads suffer more from it than one.
    return {name: min((not quiet, took) for quiet, took in each)[1] for name, each in times.items()}


def _cpu_of_others() -> float:
    """Return the processor seconds that others have used so far; 0 where the system does not say.

    Others are other processes, and whoever shares the host of a virtual machine.
    """
    if not _STAT.exists():
        return 0.0
    user, nice, system, _, _, irq, softirq, stolen, *_ = map(
        int, _STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    )
    mine = os.times()
    return (
        (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK") - mine.user - mine.system
    )


def row(name: str, ours: float | None, peer: str, theirs: float | None, peak: float | None = None) -> Row:
    """Return one line of the result; `ratio` is the peer's time over ours, so more is better for us."""
    ratio = None if ours is None or theirs is None else theirs / ours
    return {
        "name": name,
        "ours_s": None if ours is None else float(f"{ours:.4g}"),
        "peer": peer,
        "peer_s": None if theirs is None else float(f"{theirs:.4g}"),
        "ratio": None if ratio is None else float(f"{ratio:.3g}"),
        "peak_mb": None if peak is None else round(peak),
    }


def status_mb(field: str) -> float:
    """Return ``VmRSS`` (now) or ``VmHWM`` (peak) of this process in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(field)


def peak_above(call: Callable[[], object]) -> float:
    """Return by how much a call raises resident memory at its peak, in MB (Linux)."""
    gc.collect()
    # 5 resets the peak of this very process to what it uses now.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = status_mb("VmRSS")
    kept = call()
    peak = status_mb("VmHWM")
    del kept
    return peak - before


def seconds(value: float | None) -> str:
    """Return a time in a unit that fits."""
    if value is None:
        return ""
    return (
        f"{value:.2f} s"
        if value >= 0.1
        else f"{value * 1e3:.3g} ms"
        if value >= 1e-3
        else f"{value * 1e6:.0f} µs"
    )


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table."""
    lines = [
        "| what | fenxiao | peer | its time | ratio | peak above inputs |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for each in rows:
        ratio = "" if each["ratio"] is None else f"{each['ratio']:.2f}"
        peak = "" if each["peak_mb"] is None else f"{each['peak_mb']:,} MB"
        cells = (each["name"], seconds(each["ours_s"]), each["peer"], seconds(each["peer_s"]), ratio, peak)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def show(row: Row) -> Row:
    """Print a row at once and return it."""
    print(json.dumps(row), flush=True)
    return row
