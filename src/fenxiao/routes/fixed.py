"""A fixed number of hops up sponsors who change, with one look at the time of each order."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR_MAX, MINOR_MIN, NO_MEMBER, IndexArray, InstantArray
from fenxiao.genealogy import Spells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.genealogy import DatedSponsors

_SOME: Final = 256
"""Of so many orders one tells whether their times are spread over most of the changes: then all are near."""
PLACES_MOST: Final = 8
"""With more places above those who change, a member on the mean, every hop looks at the time instead."""


@final
@attrs.frozen(eq=False, kw_only=True)
class FixedHops:
    """Plain pointers up to the first whose sponsor changes, and from there on a table by spells.

    A hop from somebody whose sponsor changes leads to the first of his marks, and every further hop to the
    next one. The last hop thus tells who was met and how many hops ago, and his spell who stands above him.

    Attributes
    ----------
    hops : how many
    pointers : int32 [members + 1 + marks], as `of` says; marks are greater than the number of members
    spells : of everybody whose sponsor changes, in as many levels as there are hops
    above : int32 [spells * (hops + 1)], each himself, and who stands one, two, ... hops above in each spell
    moves : when sponsors first change
    """

    hops: int
    pointers: IndexArray
    spells: Spells
    above: IndexArray
    moves: Moves
    _idle: list[Window] = attrs.field(init=False, factory=list)

    @classmethod
    def of(cls, sponsors: DatedSponsors, hops: int) -> FixedHops | None:
        """Return the hops, 1 or more; None where the table would be too large."""
        size = len(sponsors.up)
        changing = np.flatnonzero(sponsors.up < 0).astype(INDEX)
        spells = Spells.of(sponsors, changing, hops, PLACES_MOST * size // hops)
        if spells is None:
            return None
        who, above = spells.who, np.empty((len(spells), hops + 1), dtype=INDEX)
        above[:, 0] = here = spells.member
        for hop in range(hops):
            above[:, hop + 1] = here = sponsors.above(here, spells.start)
        marks = size + hops * np.arange(len(who), dtype=INDEX)
        moves = Moves.of(sponsors, who, marks)
        # Nobody has so many hops left that he comes from his last mark to the next one's first.
        following = np.arange(size + 1, size + 1 + hops * len(who), dtype=INDEX)
        pointers = np.concatenate((sponsors.up, following))
        pointers[who] = marks
        return cls(hops=hops, pointers=pointers, spells=spells, above=above.ravel(), moves=moves)

    def walk(self, members: IndexArray, times: InstantArray, standing: IndexArray) -> None:
        """Write who stands one, two, ... hops above each member at each time.

        Parameters
        ----------
        members : int32 [n], the number of members for nobody
        times : int64 [n], none before the sponsors' `since`
        standing : int32 [hops, n], where to write
        """
        here = members
        with self._near(times) as pointers:
            for there in standing:
                here = np.take(pointers, here, out=there, mode="clip")
        first = INDEX(len(pointers) - self.hops * len(self.spells.change))
        rows = np.flatnonzero(here >= first)
        mark = np.take(here, rows, mode="clip") - first
        which = mark // INDEX(self.hops)
        ago = mark - which * INDEX(self.hops)
        place = self.spells.find(which, np.take(times, rows, mode="clip"))
        place *= INDEX(self.hops + 1)
        place += ago
        place += INDEX(1)
        for back, there in enumerate(standing[::-1]):
            if back > 1:
                # Further down than the one whose sponsor changes pointers were plain.
                on = np.flatnonzero(ago >= back - 1)
                rows, place, ago = (np.take(each, on, mode="clip") for each in (rows, place, ago))
            there[rows] = np.take(self.above, place, mode="clip")
            place -= INDEX(1)

    @contextmanager
    def _near(self, times: InstantArray) -> Iterator[IndexArray]:
        """Lend pointers for times like these, with as few marks as they need.

        Orders stand by their ids, which mostly ascend with time. Whoever changes before or after all times of
        a block of them does not move in it. Each who asks, in whatever thread, has pointers of his own.
        """
        try:
            window = self._idle.pop()
        except IndexError:
            window = Window(self.pointers.copy(), self.moves, 0, len(self.moves.change))
        window.move(times)
        yield window.pointers
        self._idle.append(window)


@final
@attrs.frozen(eq=False, kw_only=True)
class Moves:
    """Everybody whose sponsor changes, by when he first does.

    Attributes
    ----------
    who, change : int32 and int64 [moves], who it is, and when, ascending
    before, near, after : int32 [moves], his pointers before that, at times near to it, and after it
    """

    who: IndexArray
    change: InstantArray
    before: IndexArray
    near: IndexArray
    after: IndexArray

    @classmethod
    def of(cls, sponsors: DatedSponsors, who: IndexArray, marks: IndexArray) -> Moves:
        """Return the moves of members (int32 [moves]) to whom marks belong (int32 [moves])."""
        which = ~sponsors.up[who]
        order = np.argsort(sponsors.pointers.change[which], kind="stable")
        which, near = which[order], marks[order]
        pair = sponsors.pointers.pair.reshape(-1, 2)[which]
        return cls(
            who=who[order],
            change=sponsors.pointers.change[which],
            before=pair[:, 0],
            near=near,
            after=np.where(pair[:, 1] == NO_MEMBER, near, pair[:, 1]),
        )


@final
@attrs.define(eq=False)
class Window:
    """Pointers for a span of time, rewritten where the next span differs.

    ``low`` and ``high`` are the first change that is near to it and the first after those.
    """

    pointers: IndexArray
    moves: Moves
    low: int
    high: int

    def move(self, times: InstantArray) -> None:
        """Make the changes between the earliest and the latest time (of int64 [n]) the near ones."""
        low, high = self._between(times[::_SOME])
        if high - low < len(self.moves.change) // 2:
            low, high = self._between(times)
        else:
            low, high = 0, len(self.moves.change)
        ends = sorted((low, self.low)), sorted((high, self.high))
        self.low, self.high = low, high
        for start, stop in ends:
            self._write(self.moves.after, start, min(stop, low))
            self._write(self.moves.near, max(start, low), min(stop, high))
            self._write(self.moves.before, max(start, high), stop)

    def _between(self, times: InstantArray) -> tuple[int, int]:
        span = (times.min(initial=MINOR_MAX), times.max(initial=MINOR_MIN))
        low, high = np.searchsorted(self.moves.change, span, side="right").tolist()
        return min(low, high), high

    def _write(self, pointers: IndexArray, start: int, stop: int) -> None:
        # A part that ends before it starts is empty.
        self.pointers[self.moves.who[start:stop]] = pointers[start:stop]
