"""What one earning period comes to on the facts now known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._kernels.tally import exact_sum
from fenxiao.corrections.knowledge import Knowledge
from fenxiao.corrections.own_lines import GivenBack, given_back
from fenxiao.periods import Period
from fenxiao.settlement import Settlement, settle

if TYPE_CHECKING:
    from fenxiao.changes import Changes
    from fenxiao.earned import Earned
    from fenxiao.facts import Facts
    from fenxiao.plan import Plan
    from fenxiao.state import State


@final
@attrs.frozen(eq=False)
class Outcome:
    """The settlement of a period on what counts for everything, and what is given back besides.

    ``later`` are the changes that the settlement does not know and that take something back.
    """

    run: Settlement
    later: Changes
    back: GivenBack

    @classmethod
    def of(cls, facts: Facts, plan: Plan, key: str, before: State) -> Outcome:
        """Settle a period, by its key, from the state before it, as the plan's refunds say."""
        period = Period.parse(key) if key else None
        known = Knowledge.of(facts, plan, period)
        run = settle(known.facts, plan, period=period, state=before)
        return cls(run, known.later, given_back(run, known.later))

    def earned(self) -> Earned:
        """Return what the period has earned, without what is given back."""
        earned, back = self.run.earned(), self.back
        if not len(back.amount):
            return earned
        tree, policies = self.run.facts.tree, []
        for place, each in enumerate(earned.policies):
            less = back.by_member(place, len(tree))[tree.indices(each.labels)]
            policies.append(attrs.evolve(each, allowed=each.allowed - less))
        of_orders = back.order_row >= 0
        return attrs.evolve(
            earned,
            policies=tuple(policies),
            order_pay=earned.order_pay - exact_sum(back.amount[of_orders]),
            period_pay=earned.period_pay - exact_sum(back.amount[~of_orders]),
        )

    def lines_of(self, member: Any) -> dict[tuple[Any, int, str, int], int]:
        """Return a member's minor units by order id, line, policy and level; no order id for period pay."""
        batch, index = self.run.lines_of(member), self.run.facts.tree.index(member)
        found: dict[tuple[Any, int, str, int], int] = {}
        keys = zip(batch.order_id, batch.line.tolist(), batch.policy, batch.level.tolist(), strict=True)
        for key, amount in zip(keys, batch.allowed.tolist(), strict=True):
            found[key] = found.get(key, 0) + amount
        orders, back, names = self.run.facts.orders, self.back, self.run.terms.policies
        for row in np.flatnonzero(back.payee_index == index).tolist():
            at = int(back.order_row[row])
            order = (orders.order_id.value(at), int(orders.line[at])) if at >= 0 else (None, 0)
            found[*order, names[int(back.policy_place[row])], int(back.level[row])] -= int(back.amount[row])
        return found
