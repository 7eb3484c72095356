"""The slow twin of pairs that give back in proportion: every position alone, every lot by its order.

The law: a pair stands on volume of both legs. Volume that goes back leaves a leg's carry first, then the
pairs that drew on it, the latest first. The pairs of a run stand on the leg that has the smaller share left
of what they drew; that share of their pay they keep, the floor of the rest goes back. The other leg gets back
what the pairs do not stand on any more, the newest order first, and carries it; where leftovers are flushed
it does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from tests.oracles import pairing


@dataclass
class Run:
    """What the pairs of one run were paid and drew: lots of (order, volume), oldest first."""

    pay: int
    drawn: tuple[list, list]
    matched: tuple[int, int]
    lost: list = field(default_factory=lambda: [0, 0])

    def back(self):
        """Return the share of the pairs that is gone."""
        left = [
            Fraction(sum(volume for _, volume in lots), whole)
            for lots, whole in zip(self.drawn, self.matched, strict=True)
            if whole
        ]
        return 1 - min(left, default=Fraction(1))


class Position:
    """The legs of one position: lots of (order, volume) with the oldest first, and what became of them."""

    def __init__(self):
        self.legs = ([], [])
        self.runs = []
        self.paired = False
        self.brought, self.lost, self.flushed, self.dropped = ([0, 0] for _ in range(4))

    def refund(self, order, volume):
        """Take volume of an order out."""
        for leg in (0, 1):
            places = [self.legs[leg], *(run.drawn[leg] for run in reversed(self.runs))]
            for number, lots in enumerate(places):
                for place, (name, has) in enumerate(lots):
                    taken = min(has, volume) if name == order else 0
                    lots[place] = name, has - taken
                    volume -= taken
                    self.lost[leg] += taken
                    if number:
                        self.runs[-number].lost[leg] += taken

    def return_what_does_not_stand(self):
        """Give each leg back what the pairs do not stand on any more."""
        for run in self.runs:
            gone = run.back()
            for leg in (0, 1):
                still = sum(volume for _, volume in run.drawn[leg])
                more = floor(run.matched[leg] * gone) - (run.matched[leg] - still)
                for place in reversed(range(len(run.drawn[leg]))):
                    order, has = run.drawn[leg][place]
                    part = min(has, max(more, 0))
                    more -= part
                    run.drawn[leg][place] = order, has - part
                    self.legs[leg].append((order, part))

    def settle(self, sold, options, *, keeps):
        """Bring orders by leg, and pair; orders compare by age."""
        for leg in (0, 1):
            self.legs[leg].extend(sold[leg])
            self.legs[leg][:] = sorted(lot for lot in self.legs[leg] if lot[1])
            self.brought[leg] += sum(volume for _, volume in sold[leg])
        brought = [Fraction(sum(volume for _, volume in lots)) for lots in self.legs]
        found = pairing.pair(brought, self.paired, options, may=True, keeps=keeps, rate=options.get("rate"))
        self.paired = found["paired"]
        matched = tuple(int(volume) for volume in found["matched"])
        drawn = tuple(take(self.legs[leg], matched[leg]) for leg in (0, 1))
        self.runs.append(Run(found["money"], drawn, matched))
        for leg in (0, 1):
            take(self.legs[leg], int(found["flushed"][leg]))
            self.legs[leg].reverse()
            take(self.legs[leg], int(found["dropped"][leg]))
            self.legs[leg].reverse()
            self.flushed[leg] += int(found["flushed"][leg])
            self.dropped[leg] += int(found["dropped"][leg])

    def carries(self):
        """Return what both legs carry."""
        return [sum(volume for _, volume in lots) for lots in self.legs]


def take(lots, volume):
    """Take a volume from the first lots on; return what was taken."""
    taken = []
    while volume:
        order, has = lots.pop(0)
        part = min(has, volume)
        taken.append((order, part))
        volume -= part
        if has > part:
            lots.insert(0, (order, has - part))
    return taken


def followed(places, months, batches, options):
    """Return every position after some months.

    Parameters
    ----------
    places : member -> (parent, leg), None for who has no place
    months : lists of (order, member, volume) as they were settled, one a month; orders compare by age
    batches : lists of (order, volume) that were known to be given back before each month was settled, and one
        more of what was known after the last one
    options : of the pairing, as `tests.oracles.pairing.pair` takes them
    """
    positions = {member: Position() for member, place in places.items() if place is not None}
    for number, batch in enumerate(batches):
        for position in positions.values():
            for order, volume in batch:
                position.refund(order, volume)
            if options["leftover"] != "flush":
                position.return_what_does_not_stand()
        if number == len(months):
            break
        for member, position in positions.items():
            sold = ([], [])
            for order, seller, volume in months[number]:
                leg = leg_of(places, member, seller)
                if leg is not None:
                    sold[leg].append((order, volume))
            position.settle(sold, options, keeps=True)
    return positions


def leg_of(places, member, seller):
    """Return the leg of a member in which a seller stands, None where he stands in none."""
    at = places[seller] or (None, None)
    while at[0] not in (None, member):
        at = places[at[0]]
    return at[1]
