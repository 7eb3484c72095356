"""Spells: members during spans of time in which nobody above them changes, to climb once a spell."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, INSTANT, ROW, IndexArray, InstantArray, RowArray
from fenxiao._kernels.genealogy import FOREVER, last_up_to

if TYPE_CHECKING:
    from fenxiao.genealogy.dated import DatedSponsors


@final
@attrs.frozen(eq=False, kw_only=True)
class Spells:
    """Members above whom somebody changes in some levels, each split at the times of these changes.

    The first spells come first, one for each of these members, then the second ones of those who have two,
    then all further ones of the others, by member and time. Among members those who have two come first.

    Attributes
    ----------
    member : int32 [spells], whose spell each is
    start : int64 [spells], when it starts
    change : int64 [split], when each member's second spell starts
    further : int64 [split - two + 1], where the further spells of those with more than two start
    """

    member: IndexArray
    start: InstantArray
    change: InstantArray
    further: RowArray

    @classmethod
    def of(cls, sponsors: DatedSponsors, levels: int, limit: int) -> Spells | None:
        """Return the spells of all who have two or more, None if these are more than `limit`.

        Parameters
        ----------
        sponsors : who is right above whom at which time
        levels : how many levels above a member count, 1 or more
        limit : how many spells there may be
        """
        owner = here = who = _split(sponsors, levels)
        start = np.full(len(who), sponsors.since, dtype=INSTANT)
        end = np.full(len(who), FOREVER, dtype=INSTANT)
        for _ in range(levels):
            above = np.take(sponsors.up, here, mode="clip")
            todo = np.flatnonzero(above < 0)
            while len(todo):
                above[todo], until = sponsors.spans(here[todo], start[todo])
                cut = np.flatnonzero(until < end[todo])
                rows = todo[cut]
                todo = np.arange(len(owner), len(owner) + len(rows))
                if len(owner) + len(rows) > limit:
                    return None
                # What is left of a spell after the change is a spell of its own.
                owner, here, above = (np.append(each, each[rows]) for each in (owner, here, above))
                start, end = np.append(start, until[cut]), np.append(end, end[rows])
                end[rows] = until[cut]
            here = above
        return cls._sorted(sponsors, who, owner[len(who) :], start[len(who) :])

    @classmethod
    def _sorted(
        cls, sponsors: DatedSponsors, who: IndexArray, owner: IndexArray, start: InstantArray
    ) -> Spells:
        order = _by_owner(owner, start)
        owner, start = owner[order], start[order]
        low = np.searchsorted(owner, who).astype(ROW)
        two = np.diff(np.append(low, len(owner))) == 1
        second = low[two]
        others = np.ones(len(owner), dtype=FLAG)
        others[second] = False
        rows = np.concatenate((second, np.flatnonzero(others)))
        first = np.full(len(who), sponsors.since, dtype=INSTANT)
        member = np.concatenate((who[two], who[~two], owner[rows]))
        further = np.searchsorted(owner[rows[len(second) :]], who[~two]) + len(who) + len(second)
        return cls(
            member=member,
            start=np.append(first, start[rows]),
            change=np.append(start[second], start[low[~two]]),
            further=np.append(further, len(member)).astype(ROW),
        )

    def __len__(self) -> int:
        """Return the number of spells."""
        return len(self.member)

    @property
    def who(self) -> IndexArray:
        """Return the members who are split (int32 [split]), in the order of their first spells."""
        return self.member[: len(self.change)]

    def find(self, which: IndexArray, times: InstantArray) -> IndexArray:
        """Return the spells of members, by their places in `who`, at each time.

        Parameters
        ----------
        which : int32 [n]
        times : int64 [n], none before the first spells start

        Returns
        -------
        int32 [n]
        """
        split = len(self.change)
        two = split + 1 - len(self.further)
        # Most have two spells, so that one comparison finds theirs; the others' later ones are looked for.
        late = times >= np.take(self.change, which, mode="clip")
        found: IndexArray = late * INDEX(split)
        found += which
        late &= which >= two
        more = np.flatnonzero(late)
        if len(more):
            place = np.take(which, more, mode="clip") - INDEX(two)
            low, high = (np.take(each, place, mode="clip") for each in (self.further, self.further[1:]))
            found[more] = last_up_to(self.start, low, high, np.take(times, more, mode="clip"))
        return found


def _split(sponsors: DatedSponsors, levels: int) -> IndexArray:
    """Return who has more than one spell: above whom, as of `since`, somebody changes (int32 [split])."""
    size = len(sponsors.up)
    # Whoever changes leads to a place behind all members, and that to itself.
    up = np.append(np.where(sponsors.up < 0, INDEX(size), sponsors.up), INDEX(size))
    here = up
    for _ in range(levels - 1):
        here = np.take(up, here, mode="clip")
    return np.flatnonzero(here[:-1] == size).astype(INDEX)


def _by_owner(owner: IndexArray, start: InstantArray) -> RowArray:
    """Return the order of spells by owner, then start."""
    # They were found in a few runs by owner, which a stable sort merges; few owners have several.
    order = np.argsort(owner, kind="stable")
    same = np.zeros(len(owner) + 1, dtype=FLAG)
    same[1:-1] = np.diff(owner[order]) == 0
    several = np.flatnonzero(same[1:] | same[:-1])
    rows = order[several]
    order[several] = rows[np.lexsort((start[rows], owner[rows]))]
    return order
