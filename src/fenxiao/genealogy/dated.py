"""Sponsors at the time of each order: plain pointers, and a second look for the few who were moved."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import (
    FLAG,
    INDEX,
    INSTANT,
    NO_MEMBER,
    FlagArray,
    IndexArray,
    InstantArray,
    RowArray,
)
from fenxiao._kernels.genealogy import FOREVER, Dated, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator


@final
@attrs.frozen(eq=False, kw_only=True)
class DatedSponsors:
    """The sponsors of a tree's members at any time from `since` on.

    Attributes
    ----------
    since : int, microseconds since 1970-01-01T00:00Z
    pointers : each member's sponsor, the number of members for nobody and of nobody
    unsteady : bool [members + 1] or None
        Who is not in all the time from `since` on; None where everybody is.
    place : int32 [members], their places in the timeline
    index : int32 [everybody + 1], the index of each place, the number of members for those outside the tree
    absent : int or None
        When the first of those joined who are in the genealogy and not in the tree; None if nobody did.
    """

    timeline: Timeline
    since: int
    pointers: Dated
    unsteady: FlagArray | None
    place: IndexArray
    index: IndexArray
    absent: int | None
    _idle: list[_Window] = attrs.field(init=False, factory=list)

    @classmethod
    def of(cls, timeline: Timeline, place: IndexArray, since: int) -> DatedSponsors:
        """Return the sponsors of members, given by their places in a timeline."""
        n, everybody = len(place), len(timeline.first) - 1
        index = np.full(everybody + 1, n, dtype=INDEX)
        index[place] = np.arange(n, dtype=INDEX)

        def sponsor(post: IndexArray) -> IndexArray:
            return np.take(index, np.take(timeline.holder, post, mode="clip"), mode="clip")

        now = timeline.everybody(since)
        up = np.append(sponsor(np.take(now.post, place, mode="clip")), INDEX(n))
        moved = np.sort(index[np.flatnonzero(now.until != FOREVER)])
        moved = moved[: np.searchsorted(moved, n)]
        change = now.until[place[moved]]
        then = timeline.standing(place[moved], change)
        pair = np.empty((len(moved), 2), dtype=INDEX)
        pair[:, 0] = up[moved]
        pair[:, 1] = np.where(then.until == FOREVER, sponsor(then.post), NO_MEMBER)
        up[moved] = -1 - np.arange(len(moved), dtype=INDEX)

        def further(which: IndexArray, times: InstantArray) -> IndexArray:
            return sponsor(timeline.standing(place[moved[which]], times).post)

        outside = timeline.at[timeline.first[np.flatnonzero(index[:-1] == n)]]
        return cls(
            timeline=timeline,
            since=since,
            pointers=Dated(at_first=up, change=change, pair=pair.ravel(), further=further),
            unsteady=_unsteady(timeline, place, since, now.entry),
            place=place,
            index=index,
            absent=int(outside.min()) if len(outside) else None,
        )

    @property
    def up(self) -> IndexArray:
        """Return the sponsors of those who keep theirs from `since` on, negative for the others."""
        return self.pointers.at_first

    @property
    def first(self) -> IndexArray:
        """Return everybody's sponsor at `since` (int32 [members + 1]), the number of members for nobody."""
        up = self.up.copy()
        up[up < 0] = self.pointers.pair[::2]
        return up

    def above(self, members: IndexArray, times: InstantArray, out: IndexArray | None = None) -> IndexArray:
        """Return the sponsor of each member at each time.

        Parameters
        ----------
        members : int32 [n], the number of members for nobody
        times : int64 [n], none before `since`
        out : where to write, not `members` itself

        Returns
        -------
        int32 [n], the number of members for nobody
        """
        return self.pointers.at(members, times, out)

    def spans(self, members: IndexArray, times: InstantArray) -> tuple[IndexArray, InstantArray]:
        """Return the sponsor of members of whom each changes his at some time, and until when he stays.

        Parameters
        ----------
        members : int32 [n], whose pointers are negative
        times : int64 [n], none before `since`

        Returns
        -------
        int32 [n], the number of members for nobody, and int64 [n], `FOREVER` where no change follows
        """
        which = ~self.up[members]
        sponsor, late = self.pointers.first_two(which, times)
        until = np.where(late, FOREVER, self.pointers.change[which])
        more = np.flatnonzero(sponsor < 0)
        now = self.timeline.standing(self.place[members[more]], times[more])
        sponsor[more], until[more] = self.index[self.timeline.holder[now.post]], now.until
        return sponsor, until

    @contextmanager
    def during(self, times: InstantArray) -> Iterator[DatedSponsors]:
        """Lend the same sponsors for times like these, with fewer who need a second look.

        Orders stand by their ids, which mostly ascend with time. Whoever changes before or after all times of
        a block of them does not move in it. Each who asks, in whatever thread, has pointers of his own.
        """
        try:
            window = self._idle.pop()
        except IndexError:
            window = _Window.of(self)
        if len(times):
            window.move(*np.searchsorted(window.change, (times.min(), times.max()), side="right").tolist())
        yield window.sponsors
        self._idle.append(window)

    def at(self, time: int) -> IndexArray:
        """Return the sponsors of everybody at one time (int32 [members + 1]).

        >>> from fenxiao.genealogy import Genealogy
        >>> from fenxiao.tree import ReferralTree
        >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
        >>> genealogy = Genealogy.of(tree, "1970-01-01T00:00:01Z")
        >>> sponsors = genealogy.dated_sponsors(tree, since=0)
        >>> sponsors.at(999_999).tolist(), sponsors.at(1_000_000).tolist()
        ([2, 2, 2], [2, 0, 2])
        """
        everybody = np.arange(len(self.up), dtype=INDEX)
        return self.above(everybody, np.full(len(everybody), time, dtype=INSTANT))

    def present(self, members: IndexArray, times: InstantArray) -> IndexArray:
        """Return each member who is in at his time, the number of members for the others.

        Returns
        -------
        int32 [n], `members` itself where everybody is in
        """
        if self.unsteady is None:
            return members
        rows = np.flatnonzero(np.take(self.unsteady, members, mode="clip"))
        found = self.timeline.entries(self.place[members[rows]], times[rows])
        out = rows[(found < 0) | ~self.timeline.inside[found]]
        if not len(out):
            return members
        here = members.copy()
        here[out] = len(self.place)
        return here


@final
@attrs.define(eq=False, kw_only=True)
class _Window:
    """Sponsors for a span of time, whose pointers are rewritten where the next span differs.

    Attributes
    ----------
    sponsors : with pointers of their own
    who, change : int32 and int64 [moved], whose sponsor changes, and when first, ascending
    before, moving, after : int32 [moved], their pointers before the change, while it is near, and after it
    low, high : the changes that are near
    """

    sponsors: DatedSponsors
    who: IndexArray
    change: InstantArray
    before: IndexArray
    moving: IndexArray
    after: IndexArray
    low: int
    high: int

    @classmethod
    def of(cls, sponsors: DatedSponsors) -> _Window:
        pointers = sponsors.pointers
        order = np.argsort(pointers.change)
        who, pair = np.flatnonzero(sponsors.up < 0)[order].astype(INDEX), pointers.pair
        moving, after = sponsors.up[who], pair[1::2][order]
        return cls(
            sponsors=attrs.evolve(sponsors, pointers=attrs.evolve(pointers, at_first=sponsors.up.copy())),
            who=who,
            change=pointers.change[order],
            before=pair[::2][order],
            moving=moving,
            after=np.where(after == NO_MEMBER, moving, after),
            low=0,
            high=len(order),
        )

    def move(self, low: int, high: int) -> None:
        """Make other changes the near ones: from `low` on, before `high`."""
        ends = sorted((low, self.low)), sorted((high, self.high))
        self.low, self.high = low, high
        for start, stop in ends:
            self._write(self.after, start, min(stop, low))
            self._write(self.moving, max(start, low), min(stop, high))
            self._write(self.before, max(start, high), stop)

    def _write(self, pointers: IndexArray, start: int, stop: int) -> None:
        # A part that ends before it starts is empty.
        self.sponsors.up[self.who[start:stop]] = pointers[start:stop]


def _unsteady(timeline: Timeline, place: IndexArray, since: int, entry: RowArray) -> FlagArray | None:
    """Return who is not in all the time from an instant on, with a flag for nobody at the end.

    Parameters
    ----------
    entry : int64 [everybody], what is in force for each at that instant, -1 for nothing
    """
    out = entry < 0
    if not timeline.inside.all():
        out |= ~np.take(timeline.inside, entry, mode="clip")
        leaves = np.flatnonzero((timeline.at > since) & ~timeline.inside)
        out[np.searchsorted(timeline.first, leaves, side="right") - 1] = True
    flags = np.append(out[place], np.zeros(1, dtype=FLAG)) if out.any() else out
    return flags if flags.any() else None
