"""From a log to a timeline: who is who, which post each entry leads to, and whether all of it can be true."""

from __future__ import annotations

from typing import Final, NamedTuple

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, NO_MEMBER, ROW, AnyArray, FlagArray, IndexArray, RowArray
from fenxiao._kernels.genealogy import FOREVER, Timeline, last_up_to, strides
from fenxiao._kernels.labels import ABSENT
from fenxiao._kernels.trees import cycle_rows, nearest_marked, preorder
from fenxiao._labels import label_table
from fenxiao._tables import ranks
from fenxiao.errors import GenealogyError
from fenxiao.genealogy.log import EXIT, JOIN, KINDS, TRANSFER, WHAT, Log

_SPONSOR: Final = f"{WHAT} column 'sponsor'"


class Built(NamedTuple):
    """Everybody who ever joined, by label, and what the log says of them."""

    labels: AnyArray
    timeline: Timeline


def built(log: Log) -> Built:
    """Check a log and return its timeline.

    Raises
    ------
    GenealogyError
        See `fenxiao.genealogy.Genealogy.from_records`.
    """
    entries, labels = _entries(_current(log))
    _check_turns(entries)
    posts = _Posts.of(entries)
    under = _posts_above(entries, posts)
    _check_transfers(entries, posts, under, _seniority(entries, posts, under))
    count = len(posts.opened)
    ended = posts.ended < len(entries.at)
    left = np.full(count + 1, FOREVER, dtype=entries.at.dtype)
    left[:-1][ended] = entries.at[posts.ended[ended]]
    above = np.full(count + 1, count, dtype=INDEX)
    above[:-1][ended] = under[posts.ended[ended] - 1]
    timeline = Timeline(
        first=entries.first,
        at=entries.at,
        post=under,
        inside=entries.kind != EXIT,
        holder=np.append(entries.member[posts.opened], INDEX(len(labels))),
        left=left,
        up=strides(above, left),
    )
    return Built(labels, timeline)


def _current(log: Log) -> Log:
    """Return the entries that count: of those of one member for one instant, the one that was known last."""
    who = ranks(log.member)
    order = np.lexsort((log.known_at, log.at, who))
    together = (np.diff(who[order]) == 0) & (np.diff(log.at[order]) == 0)
    undecided = np.flatnonzero(together & (np.diff(log.known_at[order]) == 0))
    if len(undecided):
        rows = np.union1d(order[undecided], order[undecided + 1])
        raise GenealogyError(
            WHAT,
            "says two things of one member at one instant",
            hint="Keep the one that counts, give them different times, or say in known_at which corrects",
            rows=log.row[rows],
            labels=log.member.pick(rows),
        )
    if not together.any():
        return log
    return log.take(np.sort(order[np.append(~together, True)]))


@attrs.frozen(eq=False, kw_only=True)
class _Entries:
    """The log's entries by member and time.

    ``place`` is where each stands in the order of all: time, kind, label. ``before`` is up to which place
    those count that it may build on: before it, and for joins all other joins of the instant as well.
    """

    log: Log
    row: RowArray
    member: IndexArray
    sponsor: IndexArray
    kind: IndexArray
    leg: FlagArray
    at: AnyArray
    place: RowArray
    before: RowArray
    first: RowArray

    def error(
        self, thing: str, problem: str, which: AnyArray, *, hint: str, allowed: str = ""
    ) -> GenealogyError:
        """Return an error about some entries, which names the caller's rows."""
        mine = np.sort(self.row[which])
        return GenealogyError(
            thing,
            problem,
            allowed=allowed,
            hint=hint,
            rows=self.log.row[mine],
            labels=self.log.member.pick(mine),
        )


def _entries(log: Log) -> tuple[_Entries, AnyArray]:
    """Return the entries by member and time, and the members' labels in ascending order."""
    _, row_of, member = np.unique(ranks(log.member), return_index=True, return_inverse=True)
    labels = log.member.values[row_of]
    sponsor = np.where(log.has_sponsor, label_table(labels)[0].find(log.sponsor.values), NO_MEMBER)
    unknown = np.flatnonzero((sponsor == ABSENT) & log.has_sponsor)
    if len(unknown):
        raise GenealogyError(
            _SPONSOR,
            "is nobody whom the log knows",
            hint="Add the entry with which the sponsor joined, or leave the cell empty",
            rows=log.row[unknown],
            labels=log.sponsor.pick(unknown),
        )
    all_order = np.lexsort((member, log.kind, log.at))
    place = np.empty(len(log), dtype=ROW)
    place[all_order] = np.arange(len(log), dtype=ROW)
    row = np.lexsort((log.at, member))
    first = np.searchsorted(member[row], np.arange(len(labels) + 1)).astype(ROW)
    entries = _Entries(
        log=log,
        row=row,
        member=member[row].astype(INDEX),
        sponsor=sponsor[row].astype(INDEX),
        kind=log.kind[row],
        leg=log.leg[row],
        at=log.at[row],
        place=place[row],
        before=_last_to_build_on(log, all_order, place)[row],
        first=first,
    )
    return entries, labels


def _last_to_build_on(log: Log, order: RowArray, place: RowArray) -> RowArray:
    at, kind = log.at[order], log.kind[order]
    opens = (
        np.append((np.diff(at) != 0) | (np.diff(kind) != 0), True) if len(order) else np.zeros(0, dtype=FLAG)
    )
    ends = np.flatnonzero(opens)
    joins = ends[np.searchsorted(ends, place)] if len(ends) else place
    return np.where(log.kind == JOIN, joins, place - 1)


def _check_turns(entries: _Entries) -> None:
    """Check that everybody joins before he moves or leaves, and once at a time."""
    n = len(entries.at)
    follows = np.ones(n, dtype=FLAG)
    follows[entries.first[:-1]] = False
    earlier = np.arange(n) - 1
    is_in = follows & (entries.kind[earlier] != EXIT)
    first, other = "Add the entry with which each joined", "Write a transfer to another sponsor"
    for kind, wrong, problem, hint in (
        (TRANSFER, ~is_in, "moves members who are not in at that time", first),
        (EXIT, ~is_in, "lets members leave who are not in at that time", first),
        (JOIN, is_in, "lets members join who are in", other),
    ):
        found = np.flatnonzero(wrong & (entries.kind == kind))
        if len(found):
            allowed = f"entries in turn: {', '.join(KINDS)}"
            raise entries.error(WHAT, problem, found, hint=hint, allowed=allowed)


class _Posts(NamedTuple):
    """Where each post starts and ends among the entries, and which one each entry leaves its member in."""

    opened: RowArray
    ended: RowArray
    """The entry with which it was left; the number of entries if it is held."""
    of_entry: RowArray

    @classmethod
    def of(cls, entries: _Entries) -> _Posts:
        n = len(entries.at)
        opens = (entries.kind == JOIN) | ((entries.kind == TRANSFER) & ~entries.leg)
        opened = np.flatnonzero(opens)
        turns = np.flatnonzero(opens | (entries.kind == EXIT))
        after = np.append(turns, n)[np.searchsorted(turns, opened, side="right")]
        same = np.append(entries.member, INDEX(NO_MEMBER))[after] == entries.member[opened]
        return cls(opened, np.where(same, after, n), np.cumsum(opens) - 1)

    def last(self, entries: _Entries) -> RowArray:
        """Return the last entry that says where each post stands."""
        of_member = entries.first[entries.member[self.opened] + 1]
        return np.minimum(self.ended, of_member) - 1


def _posts_above(entries: _Entries, posts: _Posts) -> IndexArray:
    """Return the post that each entry puts its member under, the number of posts for none."""
    under = np.full(len(entries.at), len(posts.opened), dtype=INDEX)
    named = np.flatnonzero(entries.sponsor != NO_MEMBER)
    own = named[entries.sponsor[named] == entries.member[named]]
    if len(own):
        raise entries.error(_SPONSOR, "is the member himself", own, hint="Leave the cell empty for a root")
    sponsor = entries.sponsor[named]
    low = entries.first[sponsor]
    found = last_up_to(entries.place, low, entries.first[sponsor + 1], entries.before[named])
    out = (found < low) | (entries.kind[found] == EXIT)
    if out.any():
        hint = "Name a sponsor who has joined by then and not left, or correct the times"
        raise entries.error(_SPONSOR, "is not in at that time", named[out], hint=hint)
    under[named] = posts.of_entry[found]
    return under


def _seniority(entries: _Entries, posts: _Posts, under: IndexArray) -> RowArray:
    """Return numbers of the posts, -1 for none, so that each was first put under one with a smaller number.

    Raises
    ------
    GenealogyError
        Of those who join at one instant somebody stands above himself.
    """
    opened, count = posts.opened, len(posts.opened)
    place = np.append(entries.place[opened], ROW(-1))
    if not (place[under[opened]] > place[:-1]).any():
        return place
    instant = np.append(entries.before[opened], ROW(-1))
    above = under[opened]
    up = np.where((above < count) & (instant[above] == instant[:-1]), above, NO_MEMBER).astype(INDEX)
    reached = preorder(up).order
    if len(reached) < count:
        hint = "One of them needs another sponsor or none, or has to join before"
        raise _cycle(entries, opened[cycle_rows(up, reached)], hint)
    turn = np.empty(count, dtype=ROW)
    turn[reached] = np.arange(count, dtype=ROW)
    senior = np.full(count + 1, -1, dtype=ROW)
    senior[np.lexsort((turn, instant[:-1]))] = np.arange(count, dtype=ROW)
    return senior


def _cycle(entries: _Entries, which: AnyArray, hint: str) -> GenealogyError:
    return entries.error(_SPONSOR, "stands in the member's own downline at that time", which, hint=hint)


def _check_transfers(entries: _Entries, posts: _Posts, under: IndexArray, senior: RowArray) -> None:
    """Check that no leg moves under somebody of its own.

    While every post stands under a senior one there is no cycle. From the first transfer on that breaks
    this, each is climbed from; only posts that ever move are stepped on, so that it costs at most their
    number above a transfer, whatever the depth.
    """
    count = len(posts.opened)
    moves = np.flatnonzero((entries.kind == TRANSFER) & entries.leg)
    moved = posts.of_entry[moves]
    rising = senior[under[moves]] > senior[moved]
    if not rising.any():
        return
    moves = moves[entries.place[moves] >= entries.place[moves[rising]].min()]
    last = posts.last(entries)
    restless = last > posts.opened
    still = np.append(under[posts.opened], INDEX(count))
    landing = nearest_marked(still, restless)
    landing[:-1][restless] = np.flatnonzero(restless)
    going, here, bad = moves, landing[under[moves]], len(entries.at)
    while len(going):
        closed = here == posts.of_entry[going]
        if closed.any():
            hit = going[closed]
            bad = int(hit[np.argmin(entries.place[hit])])
            earlier = entries.place[going] < entries.place[bad]
            going, here = going[earlier], here[earlier]
        up = here < count
        going, here = going[up], here[up]
        step = last_up_to(entries.place, posts.opened[here], last[here] + 1, entries.place[going] - 1)
        here = landing[under[step]]
    if bad < len(entries.at):
        hint = "A leg cannot move under itself; with leg=False its leader moves alone"
        raise _cycle(entries, np.array([bad]), hint)
