"""What is kept of a settled period, so that a correction looks at changed orders alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX
from fenxiao.refunds import Refunds

if TYPE_CHECKING:
    from fenxiao._arrays import AnyArray, FlagArray, IndexArray, RowArray
    from fenxiao.earned import Earned, PolicyPay
    from fenxiao.lines import OrderRun
    from fenxiao.settlement import Settlement


@final
@attrs.frozen(eq=False)
class Rows:
    """Where members stand in what a policy pays.

    Attributes
    ----------
    labels : labels [n]
        Those of the pay.
    of_rank : int32 [members]
        By the rank of a member's label in the tree: his row, -1 where he got nothing.
    """

    labels: AnyArray
    of_rank: IndexArray

    @classmethod
    def of(cls, pay: PolicyPay, has_some: FlagArray) -> Rows:
        """Return the rows of the members who got something (bool [members], by the rank of the label)."""
        row = np.full(len(has_some), -1, dtype=INDEX)
        row[np.flatnonzero(has_some)] = np.arange(len(pay.labels), dtype=INDEX)
        return cls(pay.labels, row)

    def with_pay(self, pay: PolicyPay, rank: RowArray, has_some: FlagArray) -> Rows:
        """Return the rows after the pay of some members, by rank, changed to something or to nothing."""
        if pay.labels is self.labels:
            return self
        has = self.of_rank >= 0
        has[rank] = has_some
        return Rows.of(pay, has)


@final
@attrs.frozen(eq=False)
class Index:
    """What is kept of a settled period.

    Attributes
    ----------
    run : OrderRun
        The plan's policies made ready: their conditions and routes over all members. It is of the facts that
        were settled first, whose columns later facts mostly share.
    policies : tuple of Rows
        In plan order.
    rank : int32 [members + 1]
        The rank of each member's label; nobody ranks last.
    """

    run: OrderRun
    policies: tuple[Rows, ...]
    rank: IndexArray

    @classmethod
    def of(cls, run: Settlement, earned: Earned) -> Index | None:
        """Return the index of a run, None where the plan has to look at more than single orders."""
        plan, tree = run.plan, run.facts.tree
        if not plan.is_order_local or plan.refunds != Refunds():
            return None
        rows = []
        for pay in earned.policies:
            totals = run.totals(pay.policy)
            rows.append(Rows.of(pay, ((totals.allowed | totals.released) != 0)[tree.by_label]))
        return cls(run.run, tuple(rows), np.append(tree.label_rank, INDEX(len(tree))))

    def labels(self, rank: RowArray) -> AnyArray:
        """Return the labels of some ranks."""
        tree = self.run.setting.tree
        return tree.ids[tree.by_label[rank]]

    def is_of(self, earned: Earned) -> bool:
        """Return whether the rows are those of these earnings."""
        pairs = zip(self.policies, earned.policies, strict=True)
        return all(rows.labels is pay.labels for rows, pay in pairs)
