"""What pairs give back in proportion, and what their other leg gets back: position by position.

A pair stands on volume of both legs. Where volume of one leg goes back, the pairs that drew on it give back
that share of their pay, and the other leg gets the same share of its volume back, from the newest order on.
What goes back leaves a leg's carry first, then the pairs that drew on it, those of the latest run first. What
the other leg gets back it carries; where leftovers are flushed it gets nothing.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import chain
from math import floor
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, MINOR_MIN, NO_MEMBER, ROW
from fenxiao.corrections.outcome import Outcome
from fenxiao.corrections.own_lines import GivenBack, beside, changed_rows
from fenxiao.periods import Period
from fenxiao.policies import BinaryPairing
from fenxiao.policies.blocks import OrderBlock
from fenxiao.policies.drawing import Lot, age_of, bring, take_from
from fenxiao.volumes.orders import line_volumes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fenxiao.facts import Facts
    from fenxiao.plan import Plan
    from fenxiao.settlement import Settlement
    from fenxiao.state import State
    from fenxiao.volumes import Carry

_Line: TypeAlias = "tuple[Any, int]"
"""Order id and number of a line."""
_LEGS: Final = (0, 1)


@attrs.define(eq=False)
class _Pairs:
    """What one run matched of a position's legs, and the lots that still stand in it, oldest first."""

    matched: tuple[int, int] = (0, 0)
    drawn: tuple[list[tuple[Lot, int]], list[tuple[Lot, int]]] = attrs.field(factory=lambda: ([], []))

    def left(self, leg: int) -> int:
        """Return what a leg has taken out: what went back of it, and what it got back."""
        return self.matched[leg] - sum(volume for _, volume in self.drawn[leg])

    def share(self) -> Fraction:
        """Return the share of the pairs that has gone back: that of the leg on which less of them stands."""
        shares = [Fraction(self.left(leg), self.matched[leg]) for leg in _LEGS if self.matched[leg]]
        return max(shares, default=Fraction(0))

    def lose(self, line: _Line, volume: int) -> int:
        """Take volume of a line out of what was drawn; return how much there was."""
        gone = 0
        for leg in _LEGS:
            for place, (lot, drawn) in enumerate(self.drawn[leg]):
                if (lot.order_id, lot.line) == line:
                    taken = min(drawn, volume - gone)
                    self.drawn[leg][place] = (lot, drawn - taken)
                    gone += taken
        return gone

    def give(self, leg: int) -> list[Lot]:
        """Return what a leg gets back because less stands on the other one, newest order first."""
        more = floor(self.matched[leg] * self.share()) - self.left(leg)
        lots = []
        for place in reversed(range(len(self.drawn[leg]))):
            lot, drawn = self.drawn[leg][place]
            taken = min(drawn, more)
            if taken > 0:
                lots.append(attrs.evolve(lot, volume=taken))
                self.drawn[leg][place] = (lot, drawn - taken)
                more -= taken
        return lots


@final
@attrs.define(eq=False)
class Position:
    """The legs of one position, run after run."""

    label: Any
    legs: tuple[list[Lot], list[Lot]] = attrs.field(factory=lambda: ([], []))
    runs: list[_Pairs] = attrs.field(factory=list)

    def lose(self, lost: Iterable[tuple[_Line, int]], *, returns: bool) -> tuple[int, int]:
        """Take volume of lines out of the legs, what is carried first; return how the carry changes.

        Parameters
        ----------
        lost : lines and the volume that went back of each
        returns : whether the other leg gets volume back
        """
        change = [0, 0]
        for line, volume in lost:
            rest = volume
            for leg in _LEGS:
                for lot in self.legs[leg]:
                    if (lot.order_id, lot.line) == line:
                        taken = min(lot.volume, rest)
                        lot.volume -= taken
                        rest -= taken
                        change[leg] -= taken
            for pairs in reversed(self.runs):
                rest -= pairs.lose(line, rest)
        for pairs in self.runs:
            for leg in _LEGS if returns else ():
                lots = pairs.give(leg)
                self.legs[leg].extend(lots)
                change[leg] += sum(lot.volume for lot in lots)
        for leg in _LEGS:
            self.legs[leg][:] = sorted((lot for lot in self.legs[leg] if lot.volume), key=age_of)
        return change[0], change[1]

    def follow(self, run: Settlement, pairing: BinaryPairing, number: int) -> None:
        """Bring the volume of a run, and draw what it matched."""
        setting = run.run.setting
        if pairing not in run.due.policies or self.label not in setting.tree:
            self.runs.append(_Pairs())
            return
        at = setting.tree.index(self.label)
        bring(self.legs, pairing, setting, at, number)
        flows = pairing.flows(run.views[pairing.stage])
        for leg in () if self.runs else _LEGS:
            _open(self.legs[leg], int(flows.brought[leg, at]), number)
        left, right = (int(volume) for volume in flows.matched[:, at])
        self.runs.append(
            _Pairs((left, right), (take_from(self.legs[0], left), take_from(self.legs[1], right)))
        )
        for leg in _LEGS:
            take_from(self.legs[leg], int(flows.flushed[leg, at]))
            take_from(self.legs[leg], int(flows.dropped[leg, at]), newest=True)


class PairedBack:
    """Pairings over successive runs: what their pairs give back, and what states carry instead.

    Parameters
    ----------
    runs : keys of the periods, and what is known now of each
    plan : of all runs
    state : the state before the first run

    Attributes
    ----------
    befores : the state before each run
    state : the state after all of them
    """

    def __init__(self, runs: Iterable[tuple[str, Facts]], plan: Plan, state: State) -> None:
        listed = list(runs)
        self.pairings = [policy for policy in plan.policies if isinstance(policy, BinaryPairing)]
        self.outcomes: list[Outcome] = []
        self.befores: list[State] = []
        self.lost: list[dict[str, dict[_Line, int]]] = []
        every = {id(facts): facts for _, facts in listed}.values()
        self.positions = {
            pairing.name: [
                Position(label) for label in dict.fromkeys(chain(*(_above(each, pairing) for each in every)))
            ]
            for pairing in self.pairings
        }
        for key, facts in listed:
            until = Period.parse(key).instants(str(plan.zone))[1] if key else None
            self.befores.append(self._before(state, until))
            state = self._follow(Outcome.of(facts, plan, key, self.befores[-1]))
        self.state = self._before(state, None)

    def _before(self, state: State, until: int | None) -> State:
        """Return a state with what went back and was known before an instant taken out of its carries."""
        carries = {carry.policy: carry for carry in state.carries}
        for pairing in self.pairings:
            lost = self._newly_lost(pairing, until)
            returns = pairing.leftover != "flush"
            changes = {}
            for position in self.positions[pairing.name]:
                change = position.lose(lost.items(), returns=returns)
                if any(change):
                    changes[position.label] = change
            if changes:
                carries[pairing.name] = _moved(carries[pairing.name], changes)
        return attrs.evolve(state, carries=tuple(carries.values()))

    def _newly_lost(self, pairing: BinaryPairing, until: int | None) -> dict[_Line, int]:
        """Return volume by line that runs brought and that has gone back since this was asked last."""
        found: dict[_Line, int] = {}
        for outcome, known in zip(self.outcomes, self.lost, strict=True):
            if pairing not in outcome.run.due.policies:
                continue
            before = known.setdefault(pairing.name, {})
            for line, volume in _lost(outcome, pairing, until).items():
                if volume > before.get(line, 0):
                    found[line] = found.get(line, 0) + volume - before.get(line, 0)
                    before[line] = volume
        return found

    def _follow(self, outcome: Outcome) -> State:
        """Go on with the next run; return the state after it."""
        for pairing in self.pairings:
            for position in self.positions[pairing.name]:
                position.follow(outcome.run, pairing, len(self.outcomes))
        self.outcomes.append(outcome)
        self.lost.append({})
        return outcome.run.state

    def outcome(self, number: int) -> Outcome:
        """Return what a run comes to; of a position's pay its pairs give back the floor of their share."""
        outcome = self.outcomes[number]
        return attrs.evolve(outcome, back=outcome.back.plus(self._back(number)))

    def _back(self, number: int) -> GivenBack:
        run = self.outcomes[number].run
        names, rows = run.terms.policies, []
        for pairing in filter(run.due.policies.__contains__, self.pairings):
            paid = run.totals(pairing.name).allowed
            for position in self.positions[pairing.name]:
                share = position.runs[number].share()
                if share:
                    at = run.facts.tree.index(position.label)
                    rows.append((names.index(pairing.name), at, floor(int(paid[at]) * share)))
        place, payee, amount = np.array(rows, dtype=MINOR).reshape(-1, 3).T
        none = np.full(len(rows), NO_MEMBER)
        return GivenBack(
            none.astype(ROW), place.astype(INDEX), payee.astype(INDEX), none.astype(INDEX), amount
        )


def _open(lots: list[Lot], brought: int, number: int) -> None:
    """Put what was carried into the first run, of which no run knows the orders, before all others."""
    carried = brought - sum(lot.volume for lot in lots)
    if carried:
        lots.insert(0, Lot(age=(MINOR_MIN,), run=number, order_id=None, line=0, volume=carried))


def _above(facts: Facts, pairing: BinaryPairing) -> list[Any]:
    """Return the labels of all positions that stand above members whose orders changed."""
    placement, sold = facts.placement(pairing.placement), facts.with_orders(facts.orders.sold)
    rows = changed_rows(sold.orders, facts.orders.changes)
    seen = np.zeros(len(facts.tree) + 1, dtype=FLAG)
    here = np.unique(sold.member_index[rows])
    while len(here := here[here < len(facts.tree)]):
        here = np.unique(placement.up[here])
        here = here[~seen[here]]
        seen[here] = True
    return [facts.tree.label(at) for at in np.flatnonzero(seen[:-1]).tolist()]


def _lost(outcome: Outcome, pairing: BinaryPairing, until: int | None) -> dict[_Line, int]:
    """Return the volume of a run's lines that has gone back and was known before an instant."""
    run, later = outcome.run, outcome.later
    known = later if until is None else later.take(later.known_at < until)
    orders, setting = run.facts.orders, run.run.setting
    rows = changed_rows(orders, known, setting.rows)
    if not len(rows):
        return {}
    net = setting.with_amounts_of(run.facts.with_orders(beside(orders, orders.after(known), rows)))
    volumes = [
        line_volumes(OrderBlock(its, rows), pairing.on, its.size, setting.member_column)[0]  # type: ignore[arg-type]  # checked where lots are brought
        for its in (setting, net)
    ]
    return {
        (orders.order_id.value(row), int(orders.line[row])): had - has
        for row, had, has in zip(rows.tolist(), *(each.tolist() for each in volumes), strict=True)
        if had > has
    }


def _moved(carry: Carry, changes: Mapping[Any, tuple[int, int]]) -> Carry:
    """Return a carry with other volumes of some positions; those that carry nothing any more are left out."""
    rows = {label: row for row, label in enumerate(carry.labels.tolist())}
    # Who carried nothing was not in it, unless he has made his first pair.
    strange = [label for label in changes if label not in rows]
    rows |= {label: len(rows) + place for place, label in enumerate(strange)}
    legs = [np.append(leg, np.zeros(len(strange), dtype=MINOR)) for leg in (carry.left, carry.right)]
    paired = np.append(carry.paired, np.zeros(len(strange), dtype=FLAG))
    for label, change in changes.items():
        for leg in _LEGS:
            legs[leg][rows[label]] += change[leg]
    had = np.flatnonzero((legs[0] > 0) | (legs[1] > 0) | paired)
    labels = list(rows)
    return attrs.evolve(
        carry,
        labels=[labels[row] for row in had.tolist()],
        left=legs[0][had],
        right=legs[1][had],
        paired=paired[had],
    )
