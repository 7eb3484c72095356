"""The level walk at the time of each order: the same climb over sponsors who change."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, FlagArray, IndexArray, InstantArray, blocks
from fenxiao._kernels.trees import nearest_marked
from fenxiao.routes.paths import Path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.genealogy import DatedSponsors, Spells
    from fenxiao.routes.sponsor import SponsorRoute

_MOVED = -1


@final
@attrs.frozen(eq=False, kw_only=True)
class DatedHops:
    """Hops to the next above who stays, while those who do not are passed over.

    Attributes
    ----------
    sponsors : who is right above whom at which time
    on : who stays (bool [members + 1], nobody stays); None for everybody
    up : where a hop leads, int32 [members + 1]; `_MOVED` where it passes a sponsor who changes
    landing : a person himself if he stays or his sponsor changes, else the next above of whom this holds
    """

    sponsors: DatedSponsors
    on: FlagArray | None
    up: IndexArray
    landing: IndexArray

    @classmethod
    def of(cls, sponsors: DatedSponsors, on: FlagArray | None) -> DatedHops:
        """Return the hops for those who stay (bool [members + 1], True for nobody)."""
        up = sponsors.up
        if on is None:
            return cls(sponsors=sponsors, on=None, up=up, landing=up)
        n = len(up) - 1
        moved = up < 0
        stops = on | moved
        above = nearest_marked(np.where(moved, INDEX(n), up), stops[:-1])
        here = np.arange(n + 1, dtype=INDEX)
        plain = np.where(moved | ~on[above], INDEX(_MOVED), above)
        return cls(sponsors=sponsors, on=on, up=plain, landing=np.where(stops, here, above))

    @contextmanager
    def during(self, times: InstantArray) -> Iterator[DatedHops]:
        """Lend the same hops for times like these, with fewer that need a second look."""
        if self.on is not None:
            yield self
        else:
            with self.sponsors.during(times) as sponsors:
                yield DatedHops.of(sponsors, None)

    def next(self, here: IndexArray, times: InstantArray, out: IndexArray | None = None) -> IndexArray:
        """Return whom each hop from `here` (int32 [n]) leads to at each time (int64 [n])."""
        if self.on is None:
            return self.sponsors.above(here, times, out)
        found: IndexArray = np.take(self.up, here, out=out, mode="clip")
        todo = np.flatnonzero(found < 0)
        at, when = here[todo], times[todo]
        while len(todo):
            at = self.landing[self.sponsors.above(at, when)]
            stays = self.on[at]
            found[todo[stays]] = at[stays]
            at, when, todo = at[~stays], when[~stays], todo[~stays]
        return found

    def own(self, member: IndexArray, times: InstantArray) -> IndexArray:
        """Return who stands for each member: he himself if he stays, else whom a hop leads to."""
        if self.on is None:
            return member
        return np.where(self.on[member], member, self.next(member, times))


@final
@attrs.frozen(eq=False, kw_only=True)
class DatedRoute:
    """A `SponsorRoute` whose walks climb the sponsors that people had at the time of each order.

    Who qualifies, and who is on the path at all, does not depend on the time.
    """

    plain: SponsorRoute
    path: DatedHops
    nearest: tuple[DatedHops, ...]

    @classmethod
    def of(cls, plain: SponsorRoute, sponsors: DatedSponsors) -> DatedRoute:
        """Return the dated form of a route without people who are passed up."""
        on = None if plain.path.on is None else _stays(plain.path.on)
        made: dict[int, DatedHops] = {id(None): DatedHops.of(sponsors, on)}
        if plain.if_not == "roll_up":
            for mask in plain.qualified:
                if id(mask) not in made and mask is not None:
                    stays = _stays(mask[:-1])
                    made[id(mask)] = DatedHops.of(sponsors, stays if on is None else stays & on)
        nearest = tuple(made.get(id(mask), made[id(None)]) for mask in plain.qualified)
        return cls(plain=plain, path=made[id(None)], nearest=nearest)

    def walk(self, member: IndexArray, buyer: IndexArray | None, times: InstantArray) -> IndexArray:
        """Return the payees of every level (int32 [levels, n]), the number of members for nobody.

        Parameters
        ----------
        member : int32 [n], credited members, the number of members for guests
        buyer : int32 [n] or None, needed where self-purchases are not simply paid
        times : int64 [n], the time of each order
        """
        payees = np.empty((self.plain.levels, len(member)), dtype=INDEX)
        skipped = buyer if self.plain.self_purchase == "skip" else None
        with self.path.during(times) as path:
            self._climb(path, member, skipped, times, payees)
        return self.plain.finished(payees, buyer)

    def _climb(
        self,
        path: DatedHops,
        member: IndexArray,
        skipped: IndexArray | None,
        times: InstantArray,
        payees: IndexArray,
    ) -> None:
        """Fill in who stands at each level, or for ``roll_up`` who takes it."""
        plain, here = self.plain, member
        for _ in range(plain.start_level - 1):
            here = path.next(here, times)
        for level in range(plain.levels):
            first = level == plain.start_level == 0
            if plain.if_not == "roll_up":
                hops = path if self.nearest[level] is self.path else self.nearest[level]
                start = path.own(here, times) if first else None
                here = _rolled(hops, here, start, skipped, times, payees[level])
            elif first:
                here = path.own(here, times)
                plain.place(level, here, member, skipped, payees[level])
            elif plain.everybody and skipped is None:
                here = path.next(here, times, payees[level])
            else:
                here = path.next(here, times)
                plain.place(level, here, member, skipped, payees[level])


@final
@attrs.frozen(eq=False, kw_only=True)
class SpellRoute:
    """Whom members pay, and whom those above whom somebody changes pay later: a dated walk once a spell.

    Sources are all members and nobody, each in the first spell, and then the later spells of those who have
    several. ``payee`` is int32 [levels, sources], the number of members for nobody.
    """

    spells: Spells
    payee: IndexArray

    @classmethod
    def of(cls, route: DatedRoute, spells: Spells) -> SpellRoute:
        """Return the payees of all sources.

        Parameters
        ----------
        route : of a fixed number of levels, on which nobody is passed over
        spells : of everybody above whom somebody changes, in as many levels
        """
        first = route.plain.along(Path.plain(route.path.sponsors.first))
        later = slice(len(spells.change), None)
        size, member, start = len(first.up), spells.member[later], spells.start[later]
        payee = np.empty((route.plain.levels, size + len(member)), dtype=INDEX)
        everybody = np.arange(size, dtype=INDEX)
        for low, high in blocks(size):
            payee[:, low:high] = first.walk(everybody[low:high], None)
        for low, high in blocks(len(member)):
            # Spells of whoever is not in are never asked for: his orders are nobody's.
            payee[:, size + low : size + high] = route.walk(member[low:high], None, start[low:high])
        return cls(spells=spells, payee=payee)

    def payees(self, source: IndexArray) -> IndexArray:
        """Return the payees of sources (int32 [n]) by level: int32 [levels, n]."""
        payees = np.empty((len(self.payee), len(source)), dtype=INDEX)
        for level, payee in enumerate(self.payee):
            np.take(payee, source, out=payees[level], mode="clip")
        return payees


def _rolled(
    hops: DatedHops,
    here: IndexArray,
    start: IndexArray | None,
    skipped: IndexArray | None,
    times: InstantArray,
    payees: IndexArray,
) -> IndexArray:
    """Write the nearest qualified above to `payees`, or from `start` on where that is given; return them."""
    if start is not None:
        payees[:] = hops.own(start, times)
    else:
        hops.next(here, times, payees)
    if skipped is not None:
        # The buyer stands in an upline once at most, so one step beyond him is enough.
        rows = np.flatnonzero(payees == skipped)
        payees[rows] = hops.next(payees[rows], times[rows])
    return payees


def _stays(mask: FlagArray) -> FlagArray:
    """Return a mask of the members with nobody added, with whom every climb ends."""
    return np.append(mask, np.ones(1, dtype=FLAG))
