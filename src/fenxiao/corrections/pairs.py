"""What pairs give back in proportion, and what their other leg gets back: position by position.

A pair stands on volume of both legs. Where volume of one leg goes back, the pairs that drew on it give back
that share of their pay, and the other leg gets the same share of its volume back, from the newest order on.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, NO_MEMBER, ROW
from fenxiao.corrections.own_lines import GivenBack, beside, changed_rows
from fenxiao.policies.blocks import OrderBlock
from fenxiao.policies.drawing import Lot, age_of, bring, take_from
from fenxiao.volumes.orders import line_volumes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fenxiao.changes import Changes
    from fenxiao.corrections.outcome import Outcome
    from fenxiao.facts import Facts
    from fenxiao.policies import BinaryPairing
    from fenxiao.settlement import Settlement
    from fenxiao.state import State
    from fenxiao.volumes import Carry

_Line: TypeAlias = "tuple[Any, int]"
"""Order id and number of a line."""
_LEGS: Final = (0, 1)


@attrs.define(eq=False)
class _Pairs:
    """What one run matched of a position's legs: lots and how much was drawn of each, oldest first."""

    drawn: tuple[list[tuple[Lot, int]], list[tuple[Lot, int]]]
    gone: list[int] = attrs.field(factory=lambda: [0, 0])
    returned: list[int] = attrs.field(factory=lambda: [0, 0])

    def matched(self, leg: int) -> int:
        """Return what was matched of a leg before anything went back."""
        return sum(volume for _, volume in self.drawn[leg]) + self.gone[leg] + self.returned[leg]

    def share(self) -> Fraction:
        """Return the share of the pairs that has gone back: that of the leg that lost more."""
        shares = [Fraction(self.gone[leg], self.matched(leg)) for leg in _LEGS if self.matched(leg)]
        return max(shares, default=Fraction(0))

    def lose(self, line: _Line, volume: int) -> int:
        """Take volume of a line out of what was drawn; return how much there was."""
        for leg in _LEGS:
            for place, (lot, drawn) in enumerate(self.drawn[leg]):
                if (lot.order_id, lot.line) == line:
                    taken = min(drawn, volume)
                    self.drawn[leg][place] = (lot, drawn - taken)
                    self.gone[leg] += taken
                    return taken
        return 0

    def give(self, leg: int) -> list[Lot]:
        """Return what a leg gets back because the other one lost more, newest order first."""
        more = floor(self.matched(leg) * self.share()) - self.gone[leg] - self.returned[leg]
        lots = []
        for place in reversed(range(len(self.drawn[leg]))):
            lot, drawn = self.drawn[leg][place]
            taken = min(drawn, max(more, 0))
            if taken:
                lots.append(attrs.evolve(lot, volume=taken))
                self.drawn[leg][place] = (lot, drawn - taken)
                self.returned[leg] += taken
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
            self.runs.append(_Pairs(([], [])))
            return
        at = setting.tree.index(self.label)
        bring(self.legs, pairing, setting, at, number)
        flows = pairing.flows(run.views[pairing.stage])
        drawn = tuple(take_from(self.legs[leg], int(flows.matched[leg, at])) for leg in _LEGS)
        self.runs.append(_Pairs((drawn[0], drawn[1])))
        for leg in _LEGS:
            take_from(self.legs[leg], int(flows.flushed[leg, at]))
            take_from(self.legs[leg], int(flows.dropped[leg, at]), newest=True)


class PairedBack:
    """Pairings over successive runs: what their pairs give back, and what states carry instead.

    Parameters
    ----------
    facts : those known now
    later : all changes that some run does not know
    pairings : of the plan
    """

    def __init__(self, facts: Facts, later: Changes, pairings: Iterable[BinaryPairing]) -> None:
        self.pairings = tuple(pairings)
        self.outcomes: list[Outcome] = []
        self.lost: list[dict[str, dict[_Line, int]]] = []
        self.positions = {
            pairing.name: [Position(label) for label in _above(facts, later, pairing)]
            for pairing in self.pairings
        }

    def before(self, state: State, until: int | None) -> State:
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

    def follow(self, outcome: Outcome) -> None:
        """Go on with the next run."""
        for pairing in self.pairings:
            for position in self.positions[pairing.name]:
                position.follow(outcome.run, pairing, len(self.outcomes))
        self.outcomes.append(outcome)
        self.lost.append({})

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


def _above(facts: Facts, later: Changes, pairing: BinaryPairing) -> list[Any]:
    """Return the labels of all positions that stand above members whose orders changed."""
    placement, sold = facts.placement(pairing.placement), facts.with_orders(facts.orders.sold)
    rows = changed_rows(sold.orders, later)
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
    """Return a carry with other volumes of some positions."""
    labels = carry.labels.tolist()
    rows = {label: row for row, label in enumerate(labels)}
    strange = [label for label in changes if label not in rows]
    legs = [np.append(leg, np.zeros(len(strange), dtype=MINOR)) for leg in (carry.left, carry.right)]
    paired = np.append(carry.paired, np.ones(len(strange), dtype=FLAG))
    rows |= {label: len(labels) + place for place, label in enumerate(strange)}
    for label, change in changes.items():
        for leg in _LEGS:
            legs[leg][rows[label]] += change[leg]
    return attrs.evolve(carry, labels=[*labels, *strange], left=legs[0], right=legs[1], paired=paired)
