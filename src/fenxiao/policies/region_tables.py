"""What an order in each region pays to whom: tables by region, made once a settlement."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, FlagArray, IndexArray, MinorArray
from fenxiao.errors import UnsupportedError
from fenxiao.money import allocate_many
from fenxiao.policies.base import DEPTH_MAX
from fenxiao.policies.region_tree import NO_RATE, Agents

if TYPE_CHECKING:
    from fenxiao.expressions import Exact
    from fenxiao.money import Rounding
    from fenxiao.policies.regions import RegionAgency
    from fenxiao.policies.setting import Setting

BEYOND: Final = 2
"""Columns of tables after those of the regions: a region that nobody is agent of, and no region at all."""


@final
@attrs.frozen(eq=False, kw_only=True)
class Recruiters:
    """The sponsors of the agents of one tier, in the order of labels.

    Attributes
    ----------
    tier : its place, from the finest up
    who : int32 [slots, regions + 2], the number of members for nobody
    code : int32 [slots, regions + 2], the place of what each is paid among `values`, `NO_RATE` for nothing
    values : rates, scaled by the agents' shares
    """

    tier: int
    who: IndexArray
    code: IndexArray
    values: tuple[Fraction, ...]


@final
@attrs.frozen(eq=False, kw_only=True)
class Step:
    """What one tier is paid in each region, or one of its agents where they have rates of their own.

    Attributes
    ----------
    tier : its place, from the finest up
    upper, lower : int32 [regions + 2], places of rates: the step is what lies between them
    agent : int32 [slots, regions + 2], rows of `Agents` in the order of labels; their number for nobody
    weight, total : int64 [slots, regions + 2] and [regions + 2], the shares where the agents divide a step
    lost : bool [regions + 2], where the step is planned and nobody is there
    """

    tier: int
    upper: IndexArray
    lower: IndexArray
    agent: IndexArray
    weight: MinorArray
    total: MinorArray
    lost: FlagArray

    @property
    def slots(self) -> int:
        """Return how many agents it pays at the most."""
        return len(self.agent)

    def share(self, slot: int, region: int, *, divided: bool) -> Fraction:
        """Return the part of the step that an agent gets."""
        if not divided:
            return Fraction(1)
        return Fraction(int(self.weight[slot, region]), int(self.total[region]))


def worth(exact: Exact, code: IndexArray, values: tuple[Fraction, ...], rounding: Rounding) -> MinorArray:
    """Return each line's base at its rate, rounded once (int64 [n]).

    Parameters
    ----------
    code : int32 [n], places among `values`, `NO_RATE` for nothing
    """
    found = np.zeros(len(code), dtype=MINOR)
    for place in np.flatnonzero(np.bincount(code - NO_RATE, minlength=1)[1:]).tolist():
        lines = np.flatnonzero(code == place)
        part = exact if len(lines) == len(code) else attrs.evolve(exact, values=exact.values[lines])
        found[lines] = part.times(values[place], rounding)
    return found


def divide_equally(step: Step, amount: MinorArray, region: IndexArray, out: MinorArray) -> None:
    """Write the same as `divide` where all weights are 1, several times faster."""
    each, left = np.divmod(amount, np.maximum(step.total, 1)[region])
    for place, weight in enumerate(step.weight):
        # All remainders are equal, so that the first agents get what is left over.
        np.multiply(each + (left > place), weight[region], out=out[place])


def divide(step: Step, amount: MinorArray, region: IndexArray, out: MinorArray) -> None:
    """Write each agent's share of each line's amount by largest remainder.

    Parameters
    ----------
    amount : int64 [n], minor units
    region : int32 [n], columns of the tables
    out : int64 [slots, n], zero
    """
    lines = np.flatnonzero((amount > 0) & (step.total[region] > 0))
    weights = step.weight[:, region[lines]]
    group = np.broadcast_to(np.arange(len(lines)), weights.shape)
    # Earlier rows win ties, and the agents of a region stand in the order of their labels.
    shares = allocate_many(amount[lines], weights.ravel(), group.ravel())
    out[:, lines] = shares.reshape(weights.shape)


def steps_of(policy: RegionAgency, agents: Agents) -> tuple[Step, ...]:
    """Return what is paid in every region, from the finest tier up.

    Raises
    ------
    UnsupportedError
        More than 64 agents would be paid for one order.
    """
    stacks = _stacks(policy, agents)
    width = len(agents.regions) + BEYOND
    running = np.full(width, NO_RATE, dtype=INDEX)
    nobody = len(agents.who)
    code_of = np.append(agents.code, INDEX(NO_RATE)).astype(INDEX)
    weight_of = np.append(agents.weight, MINOR(0))
    found = []
    for tier, stack in enumerate(stacks):
        for rows in [stack] if agents.by_tier is not None else stack[:, None]:
            here: FlagArray = np.any(rows < nobody, axis=0)
            counts = here.copy()
            if policy.if_none == "company":
                # A tier without an agent counts all the same, except where there is no region.
                counts[:-1] = True
            if agents.by_tier is not None:
                code = np.where(counts, agents.by_tier[tier], INDEX(NO_RATE))
            else:
                code = code_of[rows[0]]
            upper = np.maximum(code, running)
            weight = weight_of[rows]
            step = Step(
                tier=tier,
                upper=upper,
                lower=running,
                agent=rows,
                weight=weight,
                total=weight.sum(axis=0),
                # Where a tier does not count, its step is nothing.
                lost=~here,
            )
            found.append(step)
            if policy.differential:
                running = upper
    return tuple(found)


def _stacks(policy: RegionAgency, agents: Agents) -> list[IndexArray]:
    """Return for each tier the agents of every region and of those it lies in.

    Each is int32 [slots, regions + 2], rows of `Agents` in the order of labels.
    """
    present = agents.fit | (policy.unqualified != "others")
    counts = agents.count(present)
    sums = np.zeros_like(counts)
    for layer in agents.regions.paths:
        sums += np.where(layer >= 0, counts[:, layer], 0)
    most = int(sums.sum(axis=0).max(initial=0))
    if most > DEPTH_MAX:
        raise UnsupportedError(
            policy.thing,
            "would pay too many agents for one order",
            value=most,
            allowed="up to 64",
            hint="Share what is paid for the region as a pool of the period",
        )
    return [
        _stack(
            agents,
            present & (agents.tier == tier),
            counts[tier],
            int(sums[tier].max(initial=0)),
        )
        for tier in range(agents.tiers)
    ]


def _stack(agents: Agents, chosen: FlagArray, count: MinorArray, slots: int) -> IndexArray:
    regions = len(agents.regions)
    stack = np.full((slots, regions + BEYOND), len(agents.who), dtype=INDEX)
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(agents.region[rows], kind="stable")]
    start = np.cumsum(count) - count
    filled = np.zeros(regions, dtype=MINOR)
    for layer in agents.regions.paths:
        here = np.where(layer >= 0, count[layer], 0)
        for number in range(int(here.max(initial=0))):
            mine = np.flatnonzero(here > number)
            stack[filled[mine] + number, mine] = rows[start[layer[mine]] + number]
        filled += here
    # Agents are numbered in the order of their labels.
    stack.sort(axis=0)
    return stack


def recruiters_of(
    policy: RegionAgency, setting: Setting, agents: Agents, steps: tuple[Step, ...]
) -> tuple[Recruiters, ...]:
    """Return who sponsors the agents that are paid, tier by tier; nothing where sponsors are not paid."""
    if policy.recruiter is None:
        return ()
    tree, nobody, rate = setting.tree, INDEX(setting.size), policy.recruiter.fraction
    sponsor = tree.sponsor_pointer[np.append(agents.who, nobody)]
    if policy.recruiter_eligible is not None:
        fit = np.append(setting.mask_of(policy.recruiter_eligible), [False])
        sponsor = np.where(fit[sponsor], sponsor, nobody)
    rank, found = np.append(tree.label_rank, nobody), []
    for tier in sorted({step.tier for step in steps}):
        mine = [step for step in steps if step.tier == tier]
        paid = np.concatenate([_paid(agents, step) for step in mine])
        who = np.where(paid, sponsor[np.concatenate([step.agent for step in mine])], nobody)
        values: dict[Fraction, int] = {}
        code = np.concatenate([_codes(policy, step, _paid(agents, step), rate, values) for step in mine])
        # Ties of one level go by label, whoever recruited whom.
        order = np.argsort(rank[who], axis=0, kind="stable")
        who, code = (np.take_along_axis(table, order, axis=0) for table in (who, code))
        found.append(Recruiters(tier=tier, who=who, code=code, values=tuple(values)))
    return tuple(found)


def _paid(agents: Agents, step: Step) -> FlagArray:
    """Return which agents of a step are paid (bool [slots, regions + 2])."""
    paid: FlagArray = np.append(agents.fit, [False])[step.agent] & (step.upper > step.lower)
    return paid


def _codes(
    policy: RegionAgency, step: Step, paid: FlagArray, rate: Fraction, values: dict[Fraction, int]
) -> IndexArray:
    """Return the places of what the recruiters of a step's agents are paid; new rates join `values`."""
    code = np.full(paid.shape, NO_RATE, dtype=INDEX)
    for weight, total in sorted(_shares(policy, step, paid)) if rate else ():
        mine = paid if not policy.divides else paid & (step.weight == weight) & (step.total == total)
        code[mine] = values.setdefault(rate * Fraction(weight, total), len(values))
    return code


def _shares(policy: RegionAgency, step: Step, paid: FlagArray) -> set[tuple[int, int]]:
    """Return the different shares of agents who are paid, as weight and sum of weights."""
    if not policy.divides:
        return {(1, 1)}
    total = np.broadcast_to(step.total, paid.shape)[paid]
    return set(zip(step.weight[paid].tolist(), total.tolist(), strict=True))
