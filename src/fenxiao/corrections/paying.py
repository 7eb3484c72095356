"""Earnings compared, and patched with what a few orders change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR, AnyArray, MinorArray
from fenxiao._kernels.tally import exact_add
from fenxiao._labels import order_of_labels
from fenxiao.earned import Differences, Earned, PolicyPay
from fenxiao.earned.totals import check_kinds

if TYPE_CHECKING:
    from fenxiao.settlement import Settlement


def differences(before: Earned, after: Earned) -> Differences:
    """Return what runs of one period pay differently: what they earned, and what they released besides.

    Raises
    ------
    StateError
        Members have labels of several kinds.
    """
    check_kinds("correct, members", (*before.policies, *after.policies))
    columns = [
        {
            each.policy: (each.labels, exact_add((each.allowed, each.released), len(each.labels), "pay"))
            for each in earned.policies
        }
        for earned in (before, after)
    ]
    return Differences.between(*columns, currency=after.currency)


def patched(earned: Earned, old: Settlement, new: Settlement) -> tuple[Earned, Differences]:
    """Return earnings of an order-local plan after some orders changed, and what that changes.

    Parameters
    ----------
    earned : of all orders
    old, new : the changed orders alone, before and after, settled over the same tree
    """
    tree, policies = new.facts.tree, []
    before, after = {}, {}
    for whole in earned.policies:
        name = whole.policy
        change = new.totals(name).allowed - old.totals(name).allowed
        index = np.flatnonzero(change)
        index = index[order_of_labels(tree.ids[index])]
        labels = tree.ids[index]
        pay, had, has = _plus(whole, labels, change[index])
        policies.append(pay)
        before[name], after[name] = (labels, had), (labels, has)
    less, more = old.margin_report(), new.margin_report()
    sums = {
        name: getattr(earned, name) + getattr(more, name) - getattr(less, name)
        for name in ("budget", "losses", "order_pay")
    }
    found = Differences.between(before, after, currency=earned.currency)
    return attrs.evolve(earned, policies=tuple(policies), **sums), found


def _plus(whole: PolicyPay, labels: AnyArray, change: MinorArray) -> tuple[PolicyPay, MinorArray, MinorArray]:
    """Return a policy's pay after changes, and of those who change what they had and have.

    Released pay there is none; labels are sorted, and each there once.
    """
    place = np.searchsorted(whole.labels, labels)
    known = np.zeros(len(labels), dtype=FLAG)
    inside = np.flatnonzero(place < len(whole.labels))
    known[inside] = whole.labels[place[inside]] == labels[inside]
    had = np.zeros(len(labels), dtype=MINOR)
    had[known] = whole.allowed[place[known]]
    has = exact_add((had, change), len(labels), "pay")
    allowed = whole.allowed.copy()
    allowed[place[known]] = has[known]
    everybody = whole.labels if len(whole.labels) else labels[:0]
    everybody, allowed = (
        np.insert(column, place[~known], fresh[~known])
        for column, fresh in ((everybody, labels), (allowed, has))
    )
    none = np.zeros(len(allowed), dtype=MINOR)
    return PolicyPay(policy=whole.policy, labels=everybody, allowed=allowed, released=none), had, has
