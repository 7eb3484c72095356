"""Spells: members during spans of time in which nobody above them changes, to climb once a spell."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, INSTANT, NO_MEMBER, ROW, IndexArray, InstantArray, RowArray
from fenxiao._kernels.genealogy import FOREVER, Dated, last_up_to

if TYPE_CHECKING:
    from fenxiao.genealogy.dated import DatedSponsors


@final
@attrs.frozen(eq=False, kw_only=True)
class Spells:
    """Members of a tree, each split at the times at which somebody in the levels above him changes.

    The first spell of each member, and of nobody, has his own number; those who are split have further ones
    after these.

    Attributes
    ----------
    member : int32 [spells], whose spell each is
    start : int64 [spells], when it starts
    number : each member's spell
    """

    member: IndexArray
    start: InstantArray
    number: Dated

    @classmethod
    def of(cls, sponsors: DatedSponsors, levels: int, limit: int) -> Spells | None:
        """Return the spells of all members, None if there are more than `limit`.

        Parameters
        ----------
        sponsors : who is right above whom at which time
        levels : how many levels above a member count, 1 or more
        limit : more than the number of members
        """
        size = len(sponsors.up)
        split = _split(sponsors, levels)
        owner = here = split
        start = np.full(len(split), sponsors.since, dtype=INSTANT)
        end = np.full(len(split), FOREVER, dtype=INSTANT)
        for _ in range(levels):
            above = np.take(sponsors.up, here, mode="clip")
            todo = np.flatnonzero(above < 0)
            while len(todo):
                above[todo], until = sponsors.spans(here[todo], start[todo])
                cut = np.flatnonzero(until < end[todo])
                rows = todo[cut]
                todo = np.arange(len(owner), len(owner) + len(rows))
                if size - len(split) + len(owner) + len(rows) > limit:
                    return None
                # What is left of a spell after the change is a spell of its own.
                owner, here, above = (np.append(each, each[rows]) for each in (owner, here, above))
                start, end = np.append(start, until[cut]), np.append(end, end[rows])
                end[rows] = until[cut]
            here = above
        further = slice(len(split), None)
        return cls._sorted(sponsors, split, owner[further], start[further])

    @classmethod
    def _sorted(
        cls, sponsors: DatedSponsors, split: IndexArray, owner: IndexArray, start: InstantArray
    ) -> Spells:
        size = len(sponsors.up)
        order = _by_owner(owner, start)
        own = np.arange(size, dtype=INDEX)
        member = np.append(own, owner[order])
        start = np.append(np.full(size, sponsors.since, dtype=INSTANT), start[order])
        # Everybody who is split has one further spell at least.
        low = np.searchsorted(member[size:], split).astype(ROW) + size
        high = np.append(low[1:], len(member))
        pair = np.empty((len(split), 2), dtype=INDEX)
        pair[:, 0] = split
        pair[:, 1] = np.where(high - low == 1, low, NO_MEMBER)
        now = own.copy()
        now[split] = -1 - np.arange(len(split), dtype=INDEX)

        def further(which: IndexArray, times: InstantArray) -> IndexArray:
            return last_up_to(start, low[which], high[which], times).astype(INDEX)

        number = Dated(at_first=now, change=start[low], pair=pair.ravel(), further=further)
        return cls(member=member, start=start, number=number)

    def __len__(self) -> int:
        """Return the number of spells."""
        return len(self.member)

    def find(self, members: IndexArray, times: InstantArray) -> IndexArray:
        """Return the spell of each member (int32 [n]) at each time, none before the first one starts."""
        return self.number.at(members, times)


def _split(sponsors: DatedSponsors, levels: int) -> IndexArray:
    """Return who has more than one spell: above whom, as of `since`, somebody changes."""
    moves = sponsors.up < 0
    up = sponsors.up.copy()
    up[moves] = sponsors.pointers.pair[::2]
    found, here = moves.copy(), up
    for _ in range(levels - 1):
        found |= np.take(moves, here, mode="clip")
        here = np.take(up, here, mode="clip")
    return np.flatnonzero(found).astype(INDEX)


def _by_owner(owner: IndexArray, start: InstantArray) -> RowArray:
    """Return the order of spells by owner, then start."""
    # They were found in a few runs by owner, which a stable sort merges; few owners have several.
    order = np.argsort(owner, kind="stable")
    second = np.flatnonzero(np.diff(owner[order]) == 0) + 1
    several = np.union1d(second - 1, second)
    rows = order[several]
    order[several] = rows[np.lexsort((start[rows], owner[rows]))]
    return order
