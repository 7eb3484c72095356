"""DuckDB: the best plans found for the same answer, in exact integer arithmetic.

Several plans for the guarded totals, and the fastest one is what counts: lines grouped by payee (as a union
of levels, or unnested; cut orders apart or in one pass), and `MEMBER_FIRST`, which uses that all orders of a
member have the same upline, so that cut amounts are first summed by credited member and only those sums are
spread to payees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import fenxiao as fx
    from benchmarks._data import Shop

THREADS = 2

_ANCESTORS = """
ancestors AS (
    SELECT t.m, t.p p1, t2.p p2, t3.p p3
    FROM tree t LEFT JOIN tree t2 ON t2.m = t.p LEFT JOIN tree t3 ON t3.m = t2.p
)"""

# {0} is what of an order is wanted besides amounts: every column carried along costs time.
_JOINED = """
claims AS (
    SELECT {0}, margin room,
        paid * 10 // 100 c1,
        CASE WHEN p2 IS NULL THEN 0 ELSE paid * 5 // 100 END c2,
        CASE WHEN p3 IS NULL THEN 0 ELSE paid * 3 // 100 END c3
    FROM orders JOIN ancestors USING (m) WHERE p1 IS NOT NULL
), summed AS (SELECT *, c1 + c2 + c3 total FROM claims)"""

# Only orders that bind pay for divisions; units that rounding down leaves go to the largest remainders,
# ties to the lower level.
_CUT = """
floors AS (
    SELECT {0}, c1, c2, c3, room,
        c1 * room // total f1, c2 * room // total f2, c3 * room // total f3,
        c1 * room % total r1, c2 * room % total r2, c3 * room % total r3
    FROM summed WHERE total > room
), spare AS (SELECT *, room - f1 - f2 - f3 units FROM floors),
allowed AS (
    SELECT {0}, c1, c2, c3,
        f1 + (units > (r2 > r1)::INT + (r3 > r1)::INT)::INT a1,
        f2 + (units > (r1 >= r2)::INT + (r3 > r2)::INT)::INT a2,
        f3 + (units > (r1 >= r3)::INT + (r2 >= r3)::INT)::INT a3
    FROM spare
    UNION ALL SELECT {0}, c1, c2, c3, c1, c2, c3 FROM summed WHERE total <= room
)"""

# The same without a union: one pass over all orders.
_CUT_BY_CASE = """
floors AS (
    SELECT *, total > room b,
        CASE WHEN b THEN c1 * room // total ELSE c1 END f1,
        CASE WHEN b THEN c2 * room // total ELSE c2 END f2,
        CASE WHEN b THEN c3 * room // total ELSE c3 END f3
    FROM summed
), spare AS (
    SELECT *,
        CASE WHEN b THEN c1 * room - f1 * total ELSE 0 END r1,
        CASE WHEN b THEN c2 * room - f2 * total ELSE 0 END r2,
        CASE WHEN b THEN c3 * room - f3 * total ELSE 0 END r3,
        CASE WHEN b THEN room - f1 - f2 - f3 ELSE 0 END units
    FROM floors
),
allowed AS (
    SELECT {0}, c1, c2, c3,
        f1 + (units > (r2 > r1)::INT + (r3 > r1)::INT)::INT a1,
        f2 + (units > (r1 >= r2)::INT + (r3 > r2)::INT)::INT a2,
        f3 + (units > (r1 >= r3)::INT + (r2 >= r3)::INT)::INT a3
    FROM spare
)"""

_BY_LEVEL = """
SELECT p, sum(a)::BIGINT a FROM (
    SELECT p1 p, a1 a FROM {0} UNION ALL SELECT p2, a2 FROM {0} WHERE p2 IS NOT NULL
    UNION ALL SELECT p3, a3 FROM {0} WHERE p3 IS NOT NULL
) GROUP BY p"""


def _head(wanted: str, cut: str) -> str:
    return f"WITH {_ANCESTORS}, {_JOINED.format(wanted)}, {cut.format(wanted)}"


def _kept(head: str) -> str:
    return head.replace("allowed AS (", "allowed AS MATERIALIZED (")


_UNNESTED = """
SELECT p, sum(a)::BIGINT a FROM (SELECT unnest([p1, p2, p3]) p, unnest([a1, a2, a3]) a FROM allowed)
WHERE p IS NOT NULL GROUP BY p"""
_BY_MEMBER = f""", by_member AS MATERIALIZED (
    SELECT m, sum(a1) a1, sum(a2) a2, sum(a3) a3 FROM allowed GROUP BY m
), spread AS (SELECT * FROM by_member JOIN ancestors USING (m)) {_BY_LEVEL.format("spread")}"""
_CUTS = {"union": _CUT, "case": _CUT_BY_CASE}
JOINS = {
    **{
        f"levels, {name}": _kept(_head("p1, p2, p3", cut)) + _BY_LEVEL.format("allowed")
        for name, cut in _CUTS.items()
    },
    **{f"unnest, {name}": _head("p1, p2, p3", cut) + _UNNESTED for name, cut in _CUTS.items()},
}
MEMBER_FIRST = {f"sums by member first, {name}": _head("m", cut) + _BY_MEMBER for name, cut in _CUTS.items()}

_AMOUNT = "CASE k WHEN 1 THEN paid * 10 // 100 WHEN 2 THEN paid * 5 // 100 ELSE paid * 3 // 100 END"
RECURSIVE = {
    "order by order": f"""
        WITH RECURSIVE walk(p, paid, k) AS (
            SELECT t.p, paid, 1 FROM orders JOIN tree t USING (m) WHERE t.p IS NOT NULL
            UNION ALL
            SELECT t.p, paid, k + 1 FROM walk JOIN tree t ON t.m = walk.p WHERE k < 3 AND t.p IS NOT NULL
        ) SELECT p, sum({_AMOUNT})::BIGINT a FROM walk GROUP BY p""",
    "uplines first": f"""
        WITH RECURSIVE walk(m, p, k) AS (
            SELECT m, p, 1 FROM tree WHERE p IS NOT NULL
            UNION ALL
            SELECT walk.m, t.p, k + 1 FROM walk JOIN tree t ON t.m = walk.p WHERE k < 3 AND t.p IS NOT NULL
        ) SELECT p, sum({_AMOUNT})::BIGINT a FROM orders JOIN walk USING (m) GROUP BY p""",
}
RECURSIVE_MEMBER_FIRST = """
    WITH RECURSIVE sums AS (
        SELECT m, sum(paid * 10 // 100)::BIGINT c1, sum(paid * 5 // 100)::BIGINT c2,
            sum(paid * 3 // 100)::BIGINT c3 FROM orders GROUP BY m
    ), walk(p, c1, c2, c3, k) AS (
        SELECT t.p, c1, c2, c3, 1 FROM sums JOIN tree t USING (m) WHERE t.p IS NOT NULL
        UNION ALL
        SELECT t.p, c1, c2, c3, k + 1 FROM walk JOIN tree t ON t.m = walk.p WHERE k < 3 AND t.p IS NOT NULL
    ) SELECT p, sum(CASE k WHEN 1 THEN c1 WHEN 2 THEN c2 ELSE c3 END)::BIGINT a FROM walk GROUP BY p"""
_OF_LINES = "order_id, p1, p2, p3"
LINES = {
    f"levels, {name}": f"""{_kept(_head(_OF_LINES, cut))}
        SELECT order_id, p1 p, 1 k, c1 c, a1 a FROM allowed
        UNION ALL SELECT order_id, p2, 2, c2, a2 FROM allowed WHERE p2 IS NOT NULL
        UNION ALL SELECT order_id, p3, 3, c3, a3 FROM allowed WHERE p3 IS NOT NULL"""
    for name, cut in _CUTS.items()
} | {
    f"unnest, {name}": f"""{_head(_OF_LINES, cut)}
        SELECT * FROM (SELECT order_id, unnest([p1, p2, p3]) p, unnest([1, 2, 3]) k, unnest([c1, c2, c3]) c,
            unnest([a1, a2, a3]) a FROM allowed) WHERE p IS NOT NULL"""
    for name, cut in _CUTS.items()
}

ORGANISATION = """
    WITH RECURSIVE climb(p, a) AS (
        SELECT m, sum(paid)::BIGINT FROM orders GROUP BY m
        UNION ALL
        SELECT t.p, sum(a)::BIGINT FROM climb JOIN tree t ON t.m = climb.p WHERE t.p IS NOT NULL GROUP BY t.p
    ) SELECT p, sum(a)::BIGINT a FROM climb GROUP BY p"""
"""Everybody's orders with his downline's: sums climb one level a turn, added up by payee on the way."""


class Duck:
    """A database in memory with the tables ``orders(order_id, m, paid, margin)`` and ``tree(m, p)``."""

    def __init__(self, raw: Shop, facts: fx.Facts, *, labels: bool = False) -> None:
        """Load the tables, with members' labels or with their indices in the library's tree."""
        tree = facts.tree
        if labels:
            member, parent, name = raw.member, raw.parent, raw.label
        else:
            # Preorder numbers suit the peer as well: neighbours in the tree are neighbours in memory.
            member, parent = facts.member_index, tree.parent
            name = np.arange(len(tree), dtype=parent.dtype)
        self.name, self.size = name, len(tree)
        self.db = duckdb.connect()
        self.db.execute(f"SET threads = {THREADS}; SET preserve_insertion_order = false")
        lines = {"order_id": raw.order_id, "m": member, "paid": raw.paid, "margin": raw.margin}
        people = {"m": name, "p": parent}
        self.db.register("lines", lines)
        self.db.register("people", people)
        self.db.execute("CREATE TABLE orders AS SELECT * FROM lines")
        self.db.execute("CREATE TABLE tree AS SELECT m, CASE WHEN p >= 0 THEN p END p FROM people")
        self.db.unregister("lines")
        self.db.unregister("people")

    def totals(self, query: str) -> dict[str, np.ndarray]:
        """Run a query and return its columns ``p`` (payee) and ``a`` (amount)."""
        return self.db.execute(query).fetchnumpy()

    def line_batches(self, query: str) -> Iterator[tuple[np.ndarray, ...]]:
        """Run a query of lines and yield its columns, Arrow batch by Arrow batch."""
        for batch in self.db.sql(query).to_arrow_reader(1 << 17):
            yield tuple(column.to_numpy() for column in batch.columns)


def by_index(found: dict[str, np.ndarray], facts: fx.Facts, *, labels: bool = False) -> np.ndarray:
    """Return totals by index in the library's tree."""
    totals = np.zeros(len(facts.tree), dtype=np.int64)
    payee = np.asarray(found["p"])
    totals[facts.tree.indices(payee) if labels else payee] = np.asarray(found["a"])
    return totals
