"""Who sponsored whom at which time, as arrays: the last entry by a time, and recruits who rolled up.

A member's *post* is what his recruits stand under. When he leaves it, because he exits or moves alone, the
post stays where it is, empty, and they stand under whoever is above it: nobody has to be moved. A sponsor is
thus the holder of the first post on the way up that is still held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import attrs
import numpy as np

from fenxiao._arrays import INDEX, INSTANT, MINOR_MAX, ROW, FlagArray, IndexArray, InstantArray, RowArray

if TYPE_CHECKING:
    from collections.abc import Callable

FOREVER: Final = MINOR_MAX
"""The end of what has none."""


def last_up_to(keys: InstantArray, low: RowArray, high: RowArray, limit: InstantArray) -> RowArray:
    """Return for each row the last place in ``low .. high - 1`` whose key is at most `limit`.

    Parameters
    ----------
    keys : int64 [m], ascending within each range
    low, high : int64 [n], the ranges
    limit : int64 [n]

    Returns
    -------
    int64 [n], ``low - 1`` where every key is greater

    Examples
    --------
    >>> keys = np.array([10, 20, 5])
    >>> last_up_to(keys, np.array([0, 0, 2]), np.array([2, 2, 3]), np.array([15, 9, 5])).tolist()
    [0, -1, 2]
    """
    found, length = low - 1, high - low
    step = 1 << int(length.max(initial=0)).bit_length()
    while step := step >> 1:
        # Few ranges are long: the others have no such step to take.
        rows = np.flatnonzero(length >= step)
        there = found[rows] + step
        on = there < high[rows]
        on &= np.take(keys, there, mode="clip") <= limit[rows]
        found[rows[on]] = there[on]
    return found


@attrs.frozen(eq=False)
class Stride:
    """A way up empty posts, a power of two of them at a time: where it leads, and when the last was left."""

    above: IndexArray
    left: InstantArray


def strides(above: IndexArray, left: InstantArray) -> tuple[Stride, ...]:
    """Return the ways up empty posts: by one, by two, by four and so on, as far as any goes.

    Parameters
    ----------
    above : int32 [posts + 1], the post above; the last one stands for nobody and is never left. Whoever goes
        up does not come back.
    left : int64 [posts + 1], when each was left, `FOREVER` for those that are held

    Examples
    --------
    >>> one, two = strides(np.array([1, 2, 2]), np.array([7, 9, FOREVER]))
    >>> two.above.tolist(), int(two.left[0])
    ([2, 2, 2], 9)
    """
    found: list[Stride] = []
    while (left != FOREVER).any():
        found.append(Stride(above, left))
        above, left = above[above], np.maximum(left, left[above])
    return tuple(found)


class Standing(NamedTuple):
    """Where members stand at some times.

    ``entry`` (int64 [n]) is the entry in force, -1 before the first; ``post`` (int32 [n]) the held post that
    each stands under, the number of posts for none; ``until`` (int64 [n]) when that changes, or `FOREVER`.
    """

    entry: RowArray
    post: IndexArray
    until: InstantArray


@attrs.frozen(eq=False, kw_only=True)
class Timeline:
    """Entries by member and time, and the posts that they lead to.

    Attributes
    ----------
    first : int64 [members + 1], where each member's entries start; the last is their number
    at : int64 [entries], when each comes into force, ascending for each member
    post : int32 [entries], the post that the member stands under from then on, the number of posts for none
    inside : bool [entries], whether he is in from then on
    holder : int32 [posts + 1], whose post it is; the number of members for no post
    left : int64 [posts + 1], when he left it, `FOREVER` if he did not
    up : the ways up empty posts
    """

    first: RowArray
    at: InstantArray
    post: IndexArray
    inside: FlagArray
    holder: IndexArray
    left: InstantArray
    up: tuple[Stride, ...]

    def entries(self, members: IndexArray, times: InstantArray) -> RowArray:
        """Return the entry in force for each member at each time, -1 before his first."""
        low, high = self.first[members], self.first[members + 1]
        # Most have one entry, and nobody has none.
        found = np.where(self.at[low] <= times, low, ROW(-1))
        more = np.flatnonzero((high - low > 1) & (found >= 0))
        found[more] = last_up_to(self.at, low[more], high[more], times[more])
        return found

    def sponsors(self, members: IndexArray, times: InstantArray) -> IndexArray:
        """Return who stands right above each member at each time.

        Parameters
        ----------
        members : int32 [n]
        times : int64 [n]

        Returns
        -------
        int32 [n], the number of members for nobody
        """
        return self.holder[self.standing(members, times).post]

    def standing(self, members: IndexArray, times: InstantArray) -> Standing:
        """Return where each member stands at each time, and until when."""
        entry = self.entries(members, times)
        following = np.where(entry < 0, self.first[members], entry + 1)
        until = np.full(len(entry), FOREVER, dtype=INSTANT)
        more = np.flatnonzero(following < self.first[members + 1])
        until[more] = self.at[following[more]]
        return self._standing(entry, until, times)

    def everybody(self, time: int) -> Standing:
        """Return where every member stands at one time, and until when."""
        # Few have an entry that is still to come.
        entry = self.first[1:] - 1
        until = np.full(len(entry), FOREVER, dtype=INSTANT)
        few = np.flatnonzero(np.take(self.at, entry, mode="clip") > time).astype(INDEX)
        entry[few], _, until[few] = self.standing(few, np.full(len(few), time, dtype=INSTANT))
        return self._standing(entry, until, time)

    def _standing(self, entry: RowArray, until: InstantArray, times: InstantArray | int) -> Standing:
        """Return where entries lead to; `until` is when the next of each member follows."""
        post: IndexArray = np.take(self.post, entry, mode="clip")
        post[entry < 0] = len(self.holder) - 1
        if self.up:
            post = self.held(post, times)
            until = np.minimum(until, self.left[post])
        return Standing(entry, post, until)

    def held(self, post: IndexArray, times: InstantArray | int) -> IndexArray:
        """Return the first post on the way up, itself included, that is held at each time."""
        for stride in reversed(self.up):
            post = np.where(stride.left[post] <= times, stride.above[post], post)
        return post


@attrs.frozen(eq=False, kw_only=True)
class Dated:
    """A number for each member that for most does not change over time, and for most others once.

    Attributes
    ----------
    at_first : int32 [members + 1], the number; ``-1 - k`` for the k-th of those for whom it changes
    change : int64 [changing], when it first changes for each of these
    pair : int32 [2 * changing]
        The numbers of each before that and from then on, negative where more changes follow.
    further : gives such numbers, by their place among these and times
    """

    at_first: IndexArray
    change: InstantArray
    pair: IndexArray
    further: Callable[[IndexArray, InstantArray], IndexArray]

    def at(self, members: IndexArray, times: InstantArray, out: IndexArray | None = None) -> IndexArray:
        """Return the number of each member at each time.

        Parameters
        ----------
        members : int32 [n]
        times : int64 [n]
        out : where to write, not `members` itself
        """
        found: IndexArray = np.take(self.at_first, members, out=out, mode="clip")
        rows = np.flatnonzero(found < 0)
        if len(rows):
            found[rows] = self.changing(~found[rows], times[rows])
        return found

    def changing(self, which: IndexArray, times: InstantArray) -> IndexArray:
        """Return numbers that change, by their place among these, at each time."""
        number, _ = self.first_two(which, times)
        more = np.flatnonzero(number < 0)
        if len(more):
            number[more] = self.further(which[more], times[more])
        return number

    def first_two(self, which: IndexArray, times: InstantArray) -> tuple[IndexArray, FlagArray]:
        """Return numbers before or after their first change, and whether it has come by then.

        Returns
        -------
        int32 [n], negative where more changes follow, and bool [n]
        """
        late = times >= np.take(self.change, which, mode="clip")
        number: IndexArray = np.take(self.pair, 2 * which.astype(ROW) + late, mode="clip")
        return number, late
