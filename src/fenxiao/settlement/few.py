"""What an order-local plan pays on some orders: claim by claim, without a column of all members."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

import attrs
import numpy as np

from fenxiao import audit
from fenxiao._arrays import INDEX, MINOR
from fenxiao._kernels.tally import exact_sum
from fenxiao.lines import Sums
from fenxiao.settlement.steps import losses_of, setting_of, verify
from fenxiao.sheets import exact_total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao._arrays import IndexArray, MinorArray
    from fenxiao.facts import Facts
    from fenxiao.lines import GuardedBlock, OrderRun
    from fenxiao.plan import Plan


class Claimed(NamedTuple):
    """What one policy pays, claim by claim: who (the number of members for nobody), and minor units."""

    payee: IndexArray
    amount: MinorArray


@final
@attrs.frozen(eq=False)
class FewPaid:
    """What some orders pay.

    Attributes
    ----------
    policies : tuple of Claimed
        In plan order. As many entries as lines and levels; nobody's are 0.
    budget, losses, order_pay : int
        Minor units.
    """

    policies: tuple[Claimed, ...]
    budget: int
    losses: int
    order_pay: int


def few_paid(run: OrderRun, facts: Facts, plan: Plan) -> FewPaid:
    """Return what an order-local plan pays on the orders of some facts, as far as they are settled.

    Parameters
    ----------
    run : the plan made ready for the period, on facts that share everything but orders with these

    Raises
    ------
    InputError
        As `settle`.
    CapRejectedError
        A cap with ``rule="reject"`` is exceeded.
    InvariantError
        The second check found the guard wrong.
    """
    setting = setting_of(facts, plan, run.setting.period, run.setting.before)
    sums, parts = Sums(), [[_NOBODY] for _ in plan.policies]

    def verified(guarded: GuardedBlock) -> tuple[GuardedBlock]:
        verify(guarded, plan)
        return (guarded,)

    for guarded in run.at(setting).each_block(verified, workers=1):
        sums.count(guarded, compare=False)
        for place, claimed in _claims_of(guarded, sums):
            parts[place].append(claimed)
    policies = tuple(Claimed(*map(np.concatenate, zip(*part, strict=True))) for part in parts)
    by_claim = sum(exact_sum(each.amount) for each in policies)
    audit.check_totals(by_claim, sums.pay, sums.budget, sums.claimed, sum(sums.taken.values()))
    return FewPaid(policies, sums.budget, losses_of(plan, sums), sums.pay)


_NOBODY = Claimed(np.zeros(0, dtype=INDEX), np.zeros(0, dtype=MINOR))


def _claims_of(guarded: GuardedBlock, sums: Sums) -> Iterator[tuple[int, Claimed]]:
    """Yield what each policy pays on a block, by its place in the plan, and add up claims and pay."""
    for sheet in guarded.sheets:
        sums.pay += exact_total(sheet.allowed, sheet.bound)
        sums.claimed += exact_total(sheet.claimed, sheet.bound)
        for place, claims, slots in sheet.parts():
            yield place, Claimed(claims.payees(sheet.block).ravel(), sheet.allowed[slots].ravel())
