"""Sponsors at the time of each order: plain pointers, and a second look for the few who were moved."""

from __future__ import annotations

from functools import cached_property
from typing import Final, final

import attrs
import numpy as np

from fenxiao._arrays import (
    FLAG,
    INDEX,
    INSTANT,
    NO_MEMBER,
    ROW,
    FlagArray,
    IndexArray,
    InstantArray,
    RowArray,
)
from fenxiao._kernels.genealogy import FOREVER, Timeline

SPANS: Final = 4
"""Into so many spans of time the changes are divided; each costs a copy of the pointers."""


@final
@attrs.frozen(eq=False, kw_only=True)
class DatedSponsors:
    """The sponsors of a tree's members at any time from `since` on.

    Attributes
    ----------
    since : int, microseconds since 1970-01-01T00:00Z
    up : int32 [members + 1]
        The sponsor's index, the number of members for nobody and at nobody; ``-1 - k`` for the member who is
        the k-th of those whose sponsor changes after `since`.
    change : int64 [moved], when the sponsor of each of them first changes
    pair : int32 [2 * moved]
        The sponsors of each before that and from then on, `NO_MEMBER` where more changes follow.
    unsteady : bool [members + 1] or None
        Who is not in all the time from `since` on; None where everybody is.
    place : int32 [members], their places in the timeline
    index : int32 [everybody + 1], the index of each place, the number of members for those outside the tree
    absent : int or None
        When the first of those joined who are in the genealogy and not in the tree; None if nobody did.
    """

    timeline: Timeline
    since: int
    up: IndexArray
    change: InstantArray
    pair: IndexArray
    unsteady: FlagArray | None
    place: IndexArray
    index: IndexArray
    absent: int | None
    _spans: dict[int, DatedSponsors] = attrs.field(init=False, factory=dict)

    @classmethod
    def of(cls, timeline: Timeline, place: IndexArray, since: int) -> DatedSponsors:
        """Return the sponsors of members, given by their places in a timeline."""
        n, everybody = len(place), len(timeline.first) - 1
        index = np.full(everybody + 1, n, dtype=INDEX)
        index[place] = np.arange(n, dtype=INDEX)
        now = timeline.standing(place, np.full(n, since, dtype=INSTANT))
        up = np.append(index[timeline.holder[now.post]], INDEX(n))
        moved = np.flatnonzero(now.until != FOREVER)
        change = now.until[moved]
        then = timeline.standing(place[moved], change)
        pair = np.empty((len(moved), 2), dtype=INDEX)
        pair[:, 0] = up[moved]
        pair[:, 1] = np.where(then.until == FOREVER, index[timeline.holder[then.post]], NO_MEMBER)
        up[moved] = -1 - np.arange(len(moved), dtype=INDEX)
        outside = timeline.at[timeline.first[np.flatnonzero(index[:-1] == n)]]
        return cls(
            timeline=timeline,
            since=since,
            up=up,
            change=change,
            pair=pair.ravel(),
            unsteady=_unsteady(timeline, place, since, now.entry),
            place=place,
            index=index,
            absent=int(outside.min()) if len(outside) else None,
        )

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
        found: IndexArray = np.take(self.up, members, out=out, mode="clip")
        rows = np.flatnonzero(found < 0)
        if len(rows):
            side = ~np.take(found, rows)
            late = np.take(times, rows) >= np.take(self.change, side)
            sponsor = np.take(self.pair, 2 * side.astype(ROW) + late)
            again = np.flatnonzero(sponsor < 0)
            if len(again):
                whose = rows[again]
                sponsors = self.timeline.sponsors(self.place[members[whose]], times[whose])
                sponsor[again] = self.index[sponsors]
            found[rows] = sponsor
        return found

    def during(self, times: InstantArray) -> DatedSponsors:
        """Return the same sponsors for times like these, with fewer who need a second look.

        Orders stand by their ids, which mostly ascend with time. A block of them then lies in one span of a
        few into which all changes are divided, and whoever changes before or after it does not move in it.
        """
        if not len(times):
            return self
        edges = self._edges
        span = int(np.searchsorted(edges, times.min(), side="right"))
        if span != int(np.searchsorted(edges, times.max(), side="right")):
            return self
        if span not in self._spans:
            self._spans.clear()
            self._spans[span] = self._within(span)
        return self._spans[span]

    @cached_property
    def _edges(self) -> InstantArray:
        """Return when one span ends and the next one starts, about as many changes in each."""
        places = np.arange(1, SPANS) * len(self.change) // SPANS
        return np.sort(self.change)[places] if len(self.change) else self.change

    @cached_property
    def _moves(self) -> tuple[IndexArray, RowArray]:
        """Return who moves, and in which span first."""
        moved = np.flatnonzero(self.up < 0).astype(INDEX)
        return moved, np.searchsorted(self._edges, self.change, side="right").astype(ROW)

    def _within(self, span: int) -> DatedSponsors:
        """Return the sponsors of a span: whoever changes once, and in another span, has a plain pointer."""
        up = self.up.copy()
        moved, changes = self._moves
        before, after = self.pair[::2], self.pair[1::2]
        done = (changes < span) & (after != NO_MEMBER)
        up[moved[done]] = after[done]
        later = changes > span
        up[moved[later]] = before[later]
        return attrs.evolve(self, up=up)

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


def _unsteady(timeline: Timeline, place: IndexArray, since: int, entry: RowArray) -> FlagArray | None:
    """Return who is not in all the time from an instant on, with a flag for nobody at the end.

    Parameters
    ----------
    entry : int64 [members], what is in force for each at that instant, -1 for nothing
    """
    flags = np.zeros(len(place) + 1, dtype=FLAG)
    flags[:-1] = (entry < 0) | ~timeline.inside[entry]
    leaves = np.flatnonzero((timeline.at > since) & ~timeline.inside)
    gone = np.zeros(len(timeline.first), dtype=FLAG)
    gone[np.searchsorted(timeline.first, leaves, side="right") - 1] = True
    flags[:-1] |= gone[place]
    return flags if flags.any() else None
