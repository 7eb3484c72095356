"""Claims of agents and their recruiters, and what is said about them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, IndexArray, MinorArray
from fenxiao._kernels.tally import exact_sum
from fenxiao.errors import OrdersError, Reason
from fenxiao.money import Rate
from fenxiao.policies.base import Claims, Hop
from fenxiao.policies.checks import NO_LEVEL
from fenxiao.policies.region_tables import (
    Recruiters,
    Step,
    divide,
    divide_equally,
    recruiters_of,
    steps_of,
    worth,
)
from fenxiao.policies.region_tree import NO_RATE, Agents, few

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.expressions import Exact
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.regions import RegionAgency
    from fenxiao.policies.setting import Setting

_ONE: Final = Fraction(1)
_ZERO: Final = Fraction(0)


@final
@attrs.frozen(eq=False, kw_only=True)
class PreparedAgency:
    """A `RegionAgency` made ready for one setting.

    Attributes
    ----------
    agents : who is agent of which region
    steps : what every tier is paid in each region, from the finest up
    recruiters : what the sponsors of each tier's agents are paid
    """

    policy: RegionAgency
    setting: Setting
    agents: Agents
    steps: tuple[Step, ...]
    recruiters: tuple[Recruiters, ...]

    @classmethod
    def of(cls, policy: RegionAgency, setting: Setting) -> PreparedAgency:
        """Read the members' columns and make the tables."""
        agents = Agents.of(policy, setting)
        steps = steps_of(policy, agents)
        recruiters = recruiters_of(policy, setting, agents, steps)
        return cls(policy=policy, setting=setting, agents=agents, steps=steps, recruiters=recruiters)

    @property
    def _no_region(self) -> int:
        """Return the column of the tables where nothing is paid."""
        return len(self.agents.regions) + 1

    @property
    def levels(self) -> tuple[int, ...]:
        """Return the level of each slot: agents tier by tier, then recruiters tier by tier."""
        beyond = self.agents.tiers + 1
        agents = (step.tier + 1 for step in self.steps for _ in range(step.slots))
        return (*agents, *(found.tier + beyond for found in self.recruiters for _ in found.who))

    def columns_of(self, block: OrderBlock) -> IndexArray:
        """Return for each line the column of the tables that says what it pays (int32 [n]).

        Raises
        ------
        OrdersError
            Regions of selected lines are none of the policy's.
        """
        number, selected = self.agents.regions.number, self.policy.selected(block)
        codes, values = block.codes(self.policy.region)
        elsewhere = len(number)
        table = [number.get(str(value), elsewhere) for value in values]
        found: IndexArray = np.array([*table, self._no_region], dtype=INDEX)[codes]
        if selected is not None:
            found[~selected] = self._no_region
        if self.policy.regions and (found == elsewhere).any():
            raise self._unknown(block.setting.lines)
        return found

    def _unknown(self, block: OrderBlock) -> OrdersError:
        """Return the error about regions that the policy does not have, on all lines that are settled."""
        name, number = self.policy.region, self.agents.regions.number
        codes, values = block.codes(name)
        strange = np.array([*(str(value) not in number for value in values), False], dtype=FLAG)[codes]
        selected = self.policy.selected(block)
        lines = np.flatnonzero(strange if selected is None else strange & selected)
        return OrdersError(
            f"orders column {name!r}",
            f"names regions that {self.policy.thing} does not have on {len(lines)} lines",
            value=few(values[code] for code in np.unique(codes[lines]).tolist()),
            hint="Add them to regions=, with None for a region that lies in no other",
            rows=sorted(block.facts.orders.caller_rows(block.row_numbers[lines])),
        )

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot an agent of a step, then one a recruiter."""
        exact, column, levels = self.policy.base.value(block), self.columns_of(block), self.levels
        amount = np.zeros((len(levels), len(block)), dtype=MINOR)
        payee = np.empty(amount.shape, dtype=INDEX)
        low, breakage = 0, 0
        for step in self.steps:
            slots = slice(low, low + step.slots)
            breakage += self._agents(step, exact, column, amount[slots], payee[slots])
            low += step.slots
        for found in self.recruiters:
            slots = slice(low, low + len(found.who))
            breakage += self._recruiters(found, exact, column, amount[slots], payee[slots])
            low += len(found.who)
        return Claims(
            amount=amount,
            levels=levels,
            payee=payee,
            breakage=breakage,
            bound=self._bound(exact),
            base_of=lambda: exact.times(_ONE),
            rate_of=lambda slot, line: str(Rate.of(self._rate(slot, int(column[line])))),
        )

    def _agents(
        self, step: Step, exact: Exact, column: IndexArray, amount: MinorArray, payee: IndexArray
    ) -> int:
        """Write what the agents of a step are paid, and who they are; return what nobody is paid."""
        nobody, rounding = INDEX(self.setting.size), self.policy.rounding
        values = self.agents.values
        whole = worth(exact, step.upper[column], values, rounding)
        whole -= worth(exact, step.lower[column], values, rounding)
        agent = step.agent[:, column]
        if self.policy.split == "equal":
            divide_equally(step, whole, column, out=amount)
        elif self.policy.divides:
            divide(step, whole, column, out=amount)
        else:
            np.multiply(whole, agent < len(self.agents.who), out=amount)
        payee[...] = np.append(np.where(self.agents.fit, self.agents.who, nobody), nobody)[agent]
        return _taken(amount, payee == nobody) + exact_sum(whole[step.lost[column]])

    def _recruiters(
        self, found: Recruiters, exact: Exact, column: IndexArray, amount: MinorArray, payee: IndexArray
    ) -> int:
        """Write what recruiters are paid, and who they are; return what nobody is paid."""
        payee[...] = found.who[:, column]
        for row, code in zip(amount, found.code, strict=True):
            row[:] = worth(exact, code[column], found.values, self.policy.rounding)
        return _taken(amount, payee == self.setting.size)

    def _bound(self, exact: Exact) -> int:
        """Return an upper bound of one claim."""
        recruiters = (rate for found in self.recruiters for rate in found.values)
        most = max((*self.agents.values, *recruiters), default=_ZERO)
        share = -(-exact.bound * exact.numerator * most.numerator // (exact.denominator * most.denominator))
        return share + self.policy.rounding.step

    def _rate(self, slot: int, at: int) -> Fraction:
        """Return the rate of a slot in a column of the tables, agents' shares included."""
        agents = [(step, row) for step in self.steps for row in range(step.slots)]
        if slot < len(agents):
            step, row = agents[slot]
            return self._step(step, at) * step.share(row, at, divided=self.policy.divides)
        recruiters = [(found, code) for found in self.recruiters for code in found.code]
        found, code = recruiters[slot - len(agents)]
        return found.values[int(code[at])]

    def _value(self, code: int) -> Fraction:
        return _ZERO if code == NO_RATE else self.agents.values[code]

    def _step(self, step: Step, at: int) -> Fraction:
        return self._value(int(step.upper[at])) - self._value(int(step.lower[at]))

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:  # noqa: ARG002  # protocol
        """Return why an agent or recruiter who is there claims nothing."""
        base = self.policy.base.value(block).fraction(line)
        return Reason.ROUNDED_TO_ZERO if base else Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell for every agent, and the recruiters of those who are paid, why he is paid or not."""
        nobody = self.setting.size
        selected = self.policy.selected(block)
        if selected is not None and not selected[line]:
            return [Hop(NO_LEVEL, nobody, nobody, Reason.NOT_SELECTED)]
        at, regions = int(self.columns_of(block)[line]), self.agents.regions
        if at == self._no_region:
            return [Hop(NO_LEVEL, nobody, nobody, Reason.NOT_AGENT, "the order has no region")]
        path = set(regions.path(at)) if at < len(regions) else set()
        codes, values = block.codes(self.policy.region)
        goes = f"the order goes to {values[codes[line]]}"
        hops = []
        for row, region in enumerate(self.agents.region.tolist()):
            person = int(self.agents.who[row])
            if region in path:
                hops.append(self._hop(row, at))
            else:
                words = f"agent of {regions.names[region]}, {goes}"
                hops.append(Hop(NO_LEVEL, person, nobody, Reason.NOT_AGENT, words))
        # The last is about everybody who is not mentioned.
        others = Hop(NO_LEVEL, nobody, nobody, Reason.NOT_AGENT, f"agent of no region, {goes}")
        return [*hops, *self._recruiter_hops(at), others]

    def _hop(self, row: int, at: int) -> Hop:
        """Tell of an agent of the order's region, or of one that it lies in."""
        agents, nobody = self.agents, self.setting.size
        person, tier = int(agents.who[row]), int(agents.tier[row])
        name = f", {self.policy.tiers[tier]}" if self.policy.tiers else ""
        words = f"agent of {agents.regions.names[agents.region[row]]}{name}"
        condition = self.policy.eligible
        if condition is not None and not agents.fit[row]:
            words += f": {condition.describe(self.setting, person)}"
            return Hop(tier + 1, person, nobody, Reason.NOT_ELIGIBLE, words)
        step = next(each for each in self.steps if each.tier == tier and row in each.agent[:, at])
        rate, below = self._value(int(agents.code[row])), self._value(int(step.lower[at]))
        words += f": {Rate.of(rate)}"
        if below:
            words += f" less {Rate.of(below)} paid below"
        if not self._step(step, at):
            reason = Reason.PAID_BELOW if rate else Reason.NOT_ENTITLED
            return Hop(tier + 1, person, nobody, reason, words)
        others = int((step.agent[:, at] < len(agents.who)).sum()) - 1
        if self.policy.divides and others:
            words += f", shared with {others} other{'s' * (others > 1)}"
        return Hop(tier + 1, person, person, Reason.PAID, words)

    def _recruiter_hops(self, at: int) -> Iterator[Hop]:
        """Tell of the sponsors of the agents who are paid, once a tier."""
        sponsors, nobody = self.setting.tree.sponsor_pointer, self.setting.size
        condition = self.policy.recruiter_eligible
        for found in self.recruiters:
            mine = [step for step in self.steps if step.tier == found.tier and self._step(step, at)]
            recruited = dict[int, list[int]]()
            for row in (row for step in mine for row in step.agent[:, at].tolist()):
                if row < len(self.agents.who) and self.agents.fit[row]:
                    recruited.setdefault(int(sponsors[self.agents.who[row]]), []).append(row)
            level = self.agents.tiers + found.tier + 1
            # Roots have no sponsor.
            recruited.pop(nobody, None)
            for person, rows in recruited.items():
                places = dict.fromkeys(self.agents.regions.names[self.agents.region[row]] for row in rows)
                words = f"recruited {len(rows)} agent{'s' * (len(rows) > 1)} of {', '.join(places)}"
                if condition is None or self.setting.mask_of(condition)[person]:
                    yield Hop(level, person, person, Reason.PAID, words)
                else:
                    words += f": {condition.describe(self.setting, person)}"
                    yield Hop(level, person, nobody, Reason.NOT_ELIGIBLE, words)


def _taken(amount: MinorArray, nobody: IndexArray) -> int:
    """Take away what nobody is there to be paid (bool [slots, n]); return the sum."""
    lost = nobody & (amount > 0)
    taken = exact_sum(amount[lost])
    amount[lost] = 0
    return taken
