"""Sponsors at the time of each order: plain pointers, and a second look for the few who were moved."""

from __future__ import annotations

from typing import final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, INSTANT, FlagArray, IndexArray, InstantArray
from fenxiao._kernels.genealogy import FOREVER, Timeline

MOVED = -1
"""In place of a pointer: ask the timeline."""


@final
@attrs.frozen(eq=False, kw_only=True)
class DatedSponsors:
    """The sponsors of a tree's members at any time from `since` on.

    Attributes
    ----------
    since : int, microseconds since 1970-01-01T00:00Z
    up : int32 [members + 1]
        The sponsor's index, the number of members for nobody and at nobody; `MOVED` where he changes after
        `since`.
    place : int32 [members], their places in the timeline
    index : int32 [everybody + 1], the index of each place, the number of members for those outside the tree
    absent : int or None
        When the first of those joined who are in the genealogy and not in the tree; None if nobody did.
    """

    timeline: Timeline
    since: int
    up: IndexArray
    place: IndexArray
    index: IndexArray
    absent: int | None

    @classmethod
    def of(cls, timeline: Timeline, place: IndexArray, since: int) -> DatedSponsors:
        """Return the sponsors of members, given by their places in a timeline."""
        n, everybody = len(place), len(timeline.first) - 1
        index = np.full(everybody + 1, n, dtype=INDEX)
        index[place] = np.arange(n, dtype=INDEX)
        outside = np.flatnonzero(index[:-1] == n)
        first = timeline.at[timeline.first[outside]]
        found = timeline.entries(place, np.full(n, since, dtype=INSTANT))
        post = np.append(timeline.post, INDEX(len(timeline.holder) - 1))[found]
        post = timeline.held(post, np.full(n, since, dtype=INSTANT))
        last = timeline.first[place + 1] - 1
        moved = (last != found) | (timeline.left[post] != FOREVER)
        up = np.full(n + 1, n, dtype=INDEX)
        up[:-1] = index[timeline.holder[post]]
        up[:-1][moved] = MOVED
        return cls(
            timeline=timeline,
            since=since,
            up=up,
            place=place,
            index=index,
            absent=int(first.min()) if len(first) else None,
        )

    def inside(self, members: IndexArray, times: InstantArray) -> FlagArray:
        """Return who is in at each time (bool [n]); whoever is nobody is not."""
        is_in: FlagArray = members != len(self.place)
        rows = np.flatnonzero(is_in)
        found = self.timeline.entries(self.place[members[rows]], times[rows])
        is_in[rows] = (found >= 0) & self.timeline.inside[found]
        return is_in

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
        rows = np.flatnonzero(found == MOVED)
        if len(rows):
            found[rows] = self.index[self.timeline.sponsors(self.place[members[rows]], times[rows])]
        return found

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
