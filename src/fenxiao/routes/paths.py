"""Paths: who comes next above whom, once those who are passed over have been taken out."""

from __future__ import annotations

from typing import final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, FlagArray, IndexArray
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import Reason


@final
@attrs.frozen(eq=False, kw_only=True)
class Path:
    """Pointers up the sponsors, or up a placement: int32 [members + 1] each, their number for nobody.

    Attributes
    ----------
    own : who stands for a credited member: he himself, or whom his first hop leads to if he is off the path
    first : the first hop from a credited member, ``up`` itself where it is like any other
    up : every later hop
    sponsors : the pointers before anybody is left out, to tell who was
    on : who is on the path at all (bool [members]), None for everybody
    """

    own: IndexArray
    first: IndexArray
    up: IndexArray
    sponsors: IndexArray
    on: FlagArray | None = None

    @classmethod
    def plain(cls, up: IndexArray) -> Path:
        """Return the path of everybody above, of pointers to who stands next above."""
        return cls(own=np.arange(len(up), dtype=INDEX), first=up, up=up, sponsors=up)

    @classmethod
    def of(
        cls,
        up: IndexArray,
        *,
        on: FlagArray | None = None,
        passed: FlagArray | None = None,
        whole_branch: bool = False,
    ) -> Path:
        """Return the path without those who are passed over.

        Parameters
        ----------
        up : int32 [members + 1], who stands next above each member
        on : bool [members], who stays on the path; the others use up no level
        passed : bool [members], whose orders pass his sponsor by
        whole_branch : orders of his whole branch do, not only his own
        """
        plain = cls.plain(up)
        first = up
        if passed is not None:
            first = _past(up, passed) if whole_branch else _one_past(up, passed)
            up = first if whole_branch else up
        own = plain.own
        if on is not None:
            stands = _nearest_or_self(up, on)
            later = stands[up]
            first, up = (later if first is up else stands[first]), later
            # Who stands for a member off the path is found as his orders go: past whom they pass by.
            own = first.copy()
            here = np.flatnonzero(on)
            own[here] = here
        return cls(own=own, first=first, up=up, sponsors=plain.sponsors, on=on)

    def next(self, here: int, *, first: bool) -> int:
        """Return who comes next above somebody."""
        return int((self.first if first else self.up)[here])

    def why_skipped(self, person: int) -> Reason:
        """Return why somebody between two people of the path is not on it."""
        off = self.on is not None and not self.on[person]
        return Reason.COMPRESSED if off else Reason.PASSED_UP


def _nearest_or_self(up: IndexArray, on: FlagArray) -> IndexArray:
    """Return everybody who is on the path himself, for the others the nearest above who is."""
    stands = nearest_marked(up, on)
    here = np.flatnonzero(on)
    stands[here] = here
    return stands


def _one_past(up: IndexArray, passed: FlagArray) -> IndexArray:
    """Return the first hops: past the sponsor, to his sponsor, where an order is passed up."""
    first = up.copy()
    here = np.flatnonzero(passed)
    first[here] = up[up[here]]
    return first


def _past(up: IndexArray, passed: FlagArray) -> IndexArray:
    """Return the hops that skip every sponsor who is reached through a recruit whom he passed up."""
    # Who is reached is the sponsor of the nearest on the way up, oneself included, who was not passed up.
    hops: IndexArray = up[_nearest_or_self(up, ~passed)]
    return hops
