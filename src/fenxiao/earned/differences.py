"""What two runs pay differently, policy by policy and member by member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, AnyArray, IndexArray, MinorArray
from fenxiao._kernels.tally import exact_sum
from fenxiao._labels import LABEL, ascending, label_table, order_of_labels
from fenxiao.money import format_minor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fenxiao.money import Currency

_NOTHING: Final = (np.zeros(0, dtype=LABEL), np.zeros(0, dtype=MINOR))
"""No labels and no amounts."""


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Differences:
    """What two runs pay differently, one row for each policy and member whose amounts differ.

    Rows stand by policy, then by label.

    Attributes
    ----------
    currency : Currency
    policies : tuple of str
        The policies of both runs: those of the later one in their order, then those it no longer has.
    policy : int32 [n]
        Place in ``policies``.
    labels : labels [n]
    before, after : int64 [n]
        Minor units; 0 where a run has no such policy or member.
    """

    currency: Currency
    policies: tuple[str, ...]
    policy: IndexArray
    labels: AnyArray
    before: MinorArray
    after: MinorArray

    @classmethod
    def between(
        cls,
        before: Mapping[str, tuple[AnyArray, MinorArray]],
        after: Mapping[str, tuple[AnyArray, MinorArray]],
        *,
        currency: Currency,
    ) -> Differences:
        """Return the differences between labels and amounts by policy, each label once a policy.

        Parameters
        ----------
        before, after : policy -> (labels [n], int64 [n]), amounts from 0; all labels of one kind
        """
        policies = tuple(dict.fromkeys((*after, *before)))
        rows = [_changes(before.get(name, _NOTHING), after.get(name, _NOTHING)) for name in policies]
        labels, old, new = (
            np.concatenate(part) for part in zip((*_NOTHING, _NOTHING[1]), *rows, strict=True)
        )
        places = np.arange(len(policies), dtype=INDEX)
        return cls(
            currency=currency,
            policies=policies,
            policy=np.repeat(places, [len(changed) for changed, *_ in rows]),
            labels=labels,
            before=old,
            after=new,
        )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.policy)

    def take(self, rows: AnyArray) -> Differences:
        """Return some rows (row numbers or a mask)."""
        columns = {name: getattr(self, name)[rows] for name in ("policy", "labels", "before", "after")}
        return attrs.evolve(self, **columns)

    @property
    def difference(self) -> MinorArray:
        """Return ``after - before`` in minor units (int64 [n]), never 0; both are from 0, so that it fits."""
        return self.after - self.before

    @property
    def total_minor(self) -> int:
        """Return the sum of all differences in minor units."""
        return exact_sum(self.difference)

    def columns(self) -> dict[str, Any]:
        """Return every column by name, ready for a data frame; money in minor units."""
        return {
            "policy": [self.policies[place] for place in self.policy.tolist()],
            "member": self.labels,
            "before_minor": self.before,
            "after_minor": self.after,
            "difference_minor": self.difference,
        }

    def __repr__(self) -> str:
        total = format_minor(self.total_minor, self.currency.decimals)
        return f"Differences({len(self):,} amount{'s' * (len(self) != 1)}: {total} {self.currency.code})"


def _changes(
    before: tuple[AnyArray, MinorArray], after: tuple[AnyArray, MinorArray]
) -> tuple[AnyArray, MinorArray, MinorArray]:
    """Return label, earlier and later amount of the members whose amounts differ, in label order."""
    if before[0] is after[0]:
        changed = np.flatnonzero(before[1] != after[1])
        return _by_label(before[0][changed], before[1][changed], after[1][changed])
    row = np.full(len(after[0]), -1, dtype=INDEX)
    if len(before[0]):
        row = label_table(before[0])[0].find(after[0])
    known = row >= 0
    labels = after[0] if not len(before[0]) else np.concatenate([before[0], after[0][~known]])
    old = np.concatenate([before[1], np.zeros(len(labels) - len(before[1]), dtype=MINOR)])
    new = np.zeros(len(labels), dtype=MINOR)
    new[row[known]] = after[1][known]
    new[len(before[0]) :] = after[1][~known]
    changed = np.flatnonzero(old != new)
    return _by_label(labels[changed], old[changed], new[changed])


def _by_label(labels: AnyArray, old: MinorArray, new: MinorArray) -> tuple[AnyArray, MinorArray, MinorArray]:
    if ascending(labels):
        return labels, old, new
    order = order_of_labels(labels)
    return labels[order], old[order], new[order]
