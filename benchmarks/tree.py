"""Building referral trees against one stable argsort of the same column, growth, depth, and label lookup.

Run ``python -m benchmarks.tree [--quick] [--json FILE]``. Each row: name, our seconds, the peer and its
seconds, the ratio, and the peak memory above the inputs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fenxiao.tree import ReferralTree

REPEATS = 3


def random_parents(size: int) -> np.ndarray:
    """Return the parent rows of a random recursive tree in shuffled order."""
    rng = np.random.default_rng(1)
    above = (rng.random(size) * np.arange(size)).astype(np.int64)
    places = rng.permutation(size)
    parents = np.full(size, -1, dtype=np.int64)
    parents[places[1:]] = places[above[1:]]
    return parents


def chain_parents(size: int) -> np.ndarray:
    """Return the parent rows of a chain in shuffled order."""
    places = np.random.default_rng(1).permutation(size)
    parents = np.full(size, -1, dtype=np.int64)
    parents[places[1:]] = places[:-1]
    return parents


def sparse_labels(size: int) -> np.ndarray:
    """Return distinct labels spread over 60 bits, in no order."""
    rng = np.random.default_rng(2)
    labels = np.unique(rng.integers(0, 1 << 60, size + size // 1000 + 10))
    return rng.permutation(labels)[:size]


def best(call) -> float:
    """Return the least of a few times, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_mb(parents: np.ndarray) -> float:
    """Return the memory that a fresh process needs to build, above its inputs, in megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "parents.npy")
        np.save(file, parents)
        # A process takes over the peak of the one that started it, so a small one stands between.
        between = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"]
        run = [*between, sys.executable, "-m", "benchmarks.tree", "--peak", str(file)]
        done = subprocess.run(run, check=True, capture_output=True, text=True)  # noqa: S603  # this very module
    return float(done.stdout)


def print_peak(file: str) -> None:
    """Print what one build adds to the peak resident memory."""
    parents = np.load(file)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tree = ReferralTree.from_parents(parents)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print((after - before) / 1024 if len(tree) else 0.0)


def row(name: str, ours: float, peer: str, theirs: float, peak: float | None = None) -> dict[str, object]:
    """Return one line of the result."""
    return {
        "name": name,
        "ours_s": round(ours, 4),
        "peer": peer,
        "peer_s": round(theirs, 4),
        "ratio": round(ours / theirs, 3),
        "peak_mb": None if peak is None else round(peak),
    }


def measure(scale: int) -> list[dict[str, object]]:
    """Run everything, at sizes divided by `scale`."""
    large, small = 10_000_000 // scale, 1_000_000 // scale
    rows = []
    parents = random_parents(large)
    ours = best(lambda: ReferralTree.from_parents(parents))
    sort = best(lambda: np.argsort(parents, kind="stable"))
    rows.append(row(f"tree_{text(large)}", ours, "np.argsort stable", sort, peak_mb(parents)))
    few = random_parents(small)
    base = best(lambda: ReferralTree.from_parents(few))
    rows.append(row(f"tree_growth_per_member_{text(large)}", ours * small / large, text(small), base))
    chain = chain_parents(small)
    deep = best(lambda: ReferralTree.from_parents(chain))
    rows.append(row(f"chain_{text(small)}", deep, f"random_{text(small)}", base, peak_mb(chain)))
    labels = sparse_labels(small)
    above = np.where(few < 0, -1, labels[few])
    tree = ReferralTree.from_parents(above, labels)
    rows.append(
        row(
            f"sparse_labels_{text(small)}",
            best(lambda: ReferralTree.from_parents(above, labels)),
            "row numbers",
            base,
        )
    )
    asked = labels[np.random.default_rng(3).integers(0, small, large)]
    ordered = np.sort(labels)
    tree.index(int(labels[0]))
    find = best(lambda: tree.indices(asked))
    search = best(lambda: np.searchsorted(ordered, asked))
    rows.append(row(f"indices_{text(large)}_of_{text(small)}", find, "np.searchsorted", search))
    return rows


def text(size: int) -> str:
    """Return 10M for ten million and 100k for a hundred thousand."""
    return f"{size // 1_000_000}M" if size >= 1_000_000 else f"{size // 1000}k"


def main() -> None:
    """Read the options, print the rows and write them where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="sizes ten times smaller")
    options.add_argument("--json", metavar="FILE", help="write the rows to this file as well")
    options.add_argument("--peak", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.peak:
        print_peak(given.peak)
        return
    rows = measure(10 if given.quick else 1)
    for line in rows:
        print(json.dumps(line))
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
