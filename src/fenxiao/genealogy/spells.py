"""Spells: members during spans of time in which nobody above them changes, to climb once a spell."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, INSTANT, ROW, AnyArray, IndexArray, InstantArray, RowArray
from fenxiao._kernels.genealogy import FOREVER, last_up_to

if TYPE_CHECKING:
    from fenxiao.genealogy.dated import DatedSponsors


@final
@attrs.frozen(eq=False, kw_only=True)
class Spells:
    """Members of a tree, each split at the times at which somebody in the levels above him changes.

    Attributes
    ----------
    member : int32 [spells], whose spell each is; nobody, with the number of members, has one too
    start : int64 [spells], when it starts; ascending for each member
    only : int32 [members + 1], the spell of whoever has a single one; ``-1 - k`` for the k-th of the others
    low, high : int64 [others], where the spells of each of these are
    """

    member: IndexArray
    start: InstantArray
    only: IndexArray
    low: RowArray
    high: RowArray

    @classmethod
    def of(cls, sponsors: DatedSponsors, levels: int, limit: int) -> Spells | None:
        """Return the spells of all members, None if there are more than `limit`.

        Parameters
        ----------
        sponsors : who is right above whom at which time
        levels : how many levels above a member count, 1 or more
        limit : more than the number of members
        """
        timeline, n = sponsors.timeline, len(sponsors.place)
        owner = here = np.arange(n + 1, dtype=INDEX)
        start = np.full(n + 1, sponsors.since, dtype=INSTANT)
        end = np.full(n + 1, FOREVER, dtype=INSTANT)
        for _ in range(levels):
            above = np.take(sponsors.up, here)
            todo = np.flatnonzero(above < 0)
            while len(todo):
                now = timeline.standing(sponsors.place[here[todo]], start[todo])
                above[todo] = sponsors.index[timeline.holder[now.post]]
                cut = np.flatnonzero(now.until < end[todo])
                rows = todo[cut]
                todo = np.arange(len(owner), len(owner) + len(rows))
                if len(owner) + len(rows) > limit:
                    return None
                # What is left of a spell after the change is a spell of its own.
                owner, here, above = (np.append(each, each[rows]) for each in (owner, here, above))
                start, end = np.append(start, now.until[cut]), np.append(end, end[rows])
                end[rows] = now.until[cut]
            here = above
        return cls._sorted(owner, start, n)

    @classmethod
    def _sorted(cls, owner: IndexArray, start: InstantArray, n: int) -> Spells:
        order: AnyArray = np.lexsort((start, owner))
        bounds = np.searchsorted(owner[order], np.arange(n + 2)).astype(ROW)
        split = np.flatnonzero(np.diff(bounds) > 1)
        only = bounds[:-1].astype(INDEX)
        only[split] = -1 - np.arange(len(split), dtype=INDEX)
        return cls(
            member=owner[order], start=start[order], only=only, low=bounds[split], high=bounds[split + 1]
        )

    def __len__(self) -> int:
        """Return the number of spells."""
        return len(self.member)

    def find(self, members: IndexArray, times: InstantArray) -> IndexArray:
        """Return the spell of each member (int32 [n]) at each time, none before the first one starts."""
        found: IndexArray = np.take(self.only, members, mode="clip")
        rows = np.flatnonzero(found < 0)
        if len(rows):
            which, when = ~found[rows], times[rows]
            low = self.low[which]
            # Most have two; only those who are past the second look further.
            spell = low + (when >= self.start[low + 1])
            more = np.flatnonzero((spell > low) & (self.high[which] - low > 2))
            spell[more] = last_up_to(self.start, spell[more], self.high[which[more]], when[more])
            found[rows] = spell
        return found
