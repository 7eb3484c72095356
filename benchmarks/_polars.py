"""Polars: joins over the same tables, in integer arithmetic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

os.environ.setdefault("POLARS_MAX_THREADS", "2")
import polars as pl  # the number of threads is read at import

if TYPE_CHECKING:
    import fenxiao as fx
    from benchmarks._data import Shop

_C, _P, _F, _R, _A = (tuple(f"{letter}{level}" for level in (1, 2, 3)) for letter in "cpfra")
ENGINES = ("in-memory", "streaming")


class Tables:
    """Orders and tree as data frames, members by their index in the library's tree."""

    def __init__(self, raw: Shop, facts: fx.Facts) -> None:
        """Load the frames."""
        parent = facts.tree.parent
        self.orders = pl.DataFrame({"m": facts.member_index, "paid": raw.paid, "margin": raw.margin})
        people = pl.DataFrame({"m": np.arange(len(parent), dtype=parent.dtype), "p": parent})
        self.tree = people.with_columns(p=pl.when(pl.col("p") >= 0).then("p"))
        self.size = len(parent)

    def ancestors(self) -> pl.LazyFrame:
        """Return the three sponsors above every member."""
        tree = self.tree.lazy()
        return (
            tree.rename({"p": "p1"})
            .join(tree.rename({"m": "p1", "p": "p2"}), on="p1", how="left")
            .join(tree.rename({"m": "p2", "p": "p3"}), on="p2", how="left")
        )

    def _allowed(self, *, floor_only: bool) -> pl.LazyFrame:
        paid, c1, c2, c3 = (pl.col(name) for name in ("paid", *_C))
        frame = (
            self.orders.lazy()
            .join(self.ancestors(), on="m", how="inner")
            .filter(pl.col("p1").is_not_null())
            .with_columns(
                c1=paid * 10 // 100,
                c2=pl.when(pl.col("p2").is_not_null()).then(paid * 5 // 100).otherwise(0),
                c3=pl.when(pl.col("p3").is_not_null()).then(paid * 3 // 100).otherwise(0),
            )
            .with_columns(total=c1 + c2 + c3)
            # An order that does not bind is cut to its own total, which changes nothing.
            .with_columns(room=pl.min_horizontal("margin", "total"))
        )
        room, total = pl.col("room"), pl.col("total")
        frame = frame.with_columns(**{f: pl.col(c) * room // total for f, c in zip(_F, _C, strict=True)})
        if floor_only:
            return frame.rename(dict(zip(_F, _A, strict=True)))
        frame = frame.with_columns(
            units=room - pl.sum_horizontal(_F),
            **{r: pl.col(c) * room - pl.col(f) * total for r, c, f in zip(_R, _C, _F, strict=True)},
        )
        units, r1, r2, r3 = (pl.col(name) for name in ("units", *_R))
        whole = pl.Int64
        return frame.with_columns(
            a1=pl.col("f1") + (units > (r2 > r1).cast(whole) + (r3 > r1).cast(whole)).cast(whole),
            a2=pl.col("f2") + (units > (r1 >= r2).cast(whole) + (r3 > r2).cast(whole)).cast(whole),
            a3=pl.col("f3") + (units > (r1 >= r3).cast(whole) + (r2 >= r3).cast(whole)).cast(whole),
        )

    def totals(self, *, floor_only: bool, member_first: bool, engine: str) -> pl.DataFrame:
        """Return payees ``p`` and what they are allowed ``a``."""
        allowed = self._allowed(floor_only=floor_only)
        if member_first:
            sums = allowed.group_by("m").agg(*(pl.col(a).sum() for a in _A))
            allowed = sums.join(self.ancestors(), on="m", how="inner")
        levels = [
            allowed.select(p=p, a=a).drop_nulls("p").group_by("p").agg(pl.col("a").sum())
            for p, a in zip(_P, _A, strict=True)
        ]
        return pl.concat(levels).group_by("p").agg(pl.col("a").sum()).collect(engine=engine)

    def by_index(self, found: pl.DataFrame) -> np.ndarray:
        """Return totals by index in the library's tree."""
        totals = np.zeros(self.size, dtype=np.int64)
        totals[found["p"].to_numpy()] = found["a"].to_numpy()
        return totals
