"""Earnings compared, and patched with what a few orders change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np

from fenxiao._arrays import MINOR
from fenxiao._kernels.tally import exact_add, exact_minus, nonzero_sums
from fenxiao.earned import Differences, Earned, PolicyPay
from fenxiao.earned.totals import check_kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import AnyArray, IndexArray, MinorArray, RowArray
    from fenxiao.corrections.index import Index
    from fenxiao.settlement.few import Claimed, FewPaid


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


def patched(earned: Earned, index: Index, old: FewPaid, new: FewPaid) -> tuple[Earned, Index, Differences]:
    """Return earnings of an order-local plan after some orders changed, their index, and what that changes.

    Parameters
    ----------
    earned, index : of all orders
    old, new : what the changed orders pay alone, before and after
    """
    policies, rows = [], []
    before, after = {}, {}
    for whole, where, *claims in zip(
        earned.policies, index.policies, old.policies, new.policies, strict=True
    ):
        rank, change = _changes(index.rank, *claims)
        row = where.of_rank[rank]
        labels, had = _had(whole, row, partial(index.labels, rank))
        has = exact_minus(had, -change, "pay")
        pay = _plus(whole, row, labels, has)
        policies.append(pay)
        rows.append(where.with_pay(pay, rank, has > 0))
        before[whole.policy], after[whole.policy] = (labels, had), (labels, has)
    sums = {
        name: getattr(earned, name) + getattr(new, name) - getattr(old, name)
        for name in ("budget", "losses", "order_pay")
    }
    now = attrs.evolve(earned, policies=tuple(policies), **sums)
    found = Differences.between(before, after, currency=earned.currency)
    return now, attrs.evolve(index, policies=tuple(rows)), found


def _changes(rank: IndexArray, old: Claimed, new: Claimed) -> tuple[RowArray, MinorArray]:
    """Return whom a policy pays another amount, by the rank of the label, ascending, and how much more.

    Parameters
    ----------
    rank : int32 [members + 1], the rank of each member's label; nobody ranks last, and his amounts are 0
    """
    if np.array_equal(old.payee, new.payee):
        payee, amount = new.payee, new.amount - old.amount
    else:
        payee = np.concatenate([new.payee, old.payee])
        amount = np.concatenate([new.amount, -old.amount])
    return nonzero_sums(np.take(rank, payee, mode="clip"), amount, len(rank), "pay")


def _had(
    whole: PolicyPay, row: IndexArray, their_labels: Callable[[], AnyArray]
) -> tuple[AnyArray, MinorArray]:
    """Return the labels of some members and what a policy paid them, by their rows; -1 for nothing."""
    known = row >= 0
    if known.all():
        return whole.labels[row], whole.allowed[row]
    had = np.zeros(len(row), dtype=MINOR)
    had[known] = whole.allowed[row[known]]
    return their_labels(), had


def _plus(whole: PolicyPay, row: IndexArray, labels: AnyArray, has: MinorArray) -> PolicyPay:
    """Return a policy's pay in which some members have other amounts; released pay there is none.

    Parameters
    ----------
    row : int32 [k], their rows, -1 for who is not there yet
    labels, has : their labels, ascending, and what they have now
    """
    known = row >= 0
    if known.all() and (has > 0).all():
        return whole.with_allowed(row, has)
    allowed = whole.allowed.copy()
    allowed[row[known]] = has[known]
    everybody = whole.labels if len(whole.labels) else labels[:0]
    place = np.searchsorted(everybody, labels[~known])
    everybody, allowed = (
        np.insert(column, place, fresh[~known]) for column, fresh in ((everybody, labels), (allowed, has))
    )
    none = np.zeros(len(allowed), dtype=MINOR)
    return PolicyPay(policy=whole.policy, labels=everybody, allowed=allowed, released=none)
