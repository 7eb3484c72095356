"""Earnings compared, and patched with what a few orders change."""

from __future__ import annotations

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR
from fenxiao._kernels.tally import Tally, exact_add
from fenxiao.earned import Differences, Earned, PolicyPay
from fenxiao.earned.totals import check_kinds


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


def patched(earned: Earned, old: Earned, new: Earned) -> Earned:
    """Return earnings of an order-local plan after some orders changed.

    Parameters
    ----------
    earned : of all orders
    old, new : of the changed orders alone, before and after
    """
    changes = zip(earned.policies, old.policies, new.policies, strict=True)
    policies = [_plus(whole, before, after) for whole, before, after in changes]
    sums = {
        name: getattr(earned, name) + getattr(new, name) - getattr(old, name)
        for name in ("budget", "losses", "order_pay")
    }
    return attrs.evolve(earned, policies=tuple(policies), **sums)


def _plus(whole: PolicyPay, before: PolicyPay, after: PolicyPay) -> PolicyPay:
    """Return a policy's pay plus what some orders changed of it; released pay there is none."""
    labels = np.concatenate([whole.labels, after.labels, before.labels])
    change = np.concatenate([whole.allowed, after.allowed, -before.allowed])
    each, place = np.unique(labels, return_inverse=True)
    tally = Tally(len(each))
    tally.add(place.astype(INDEX), change)
    none = np.zeros(len(each), dtype=MINOR)
    return PolicyPay(policy=whole.policy, labels=each, allowed=tally.sums("pay"), released=none)
