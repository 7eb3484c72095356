"""`Genealogy`: the sponsors that members had over time, from an append-only log."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, INSTANT, NO_MEMBER, ROW, IndexArray, InstantArray
from fenxiao._columns import Instants
from fenxiao._kernels.labels import ABSENT
from fenxiao._labels import Labels, label_table, read_labels
from fenxiao.errors import GenealogyError, InputError, UnknownMemberError, what
from fenxiao.genealogy.building import Built, built
from fenxiao.genealogy.dated import DatedSponsors
from fenxiao.genealogy.log import JOIN, Log, log_of_columns, log_of_records
from fenxiao.genealogy.moments import instant_of
from fenxiao.periods import Period, to_instants
from fenxiao.tree import ReferralTree
from fenxiao.tree.forest import levels as checked_levels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fenxiao._arrays import AnyArray
    from fenxiao._columns import Input
    from fenxiao._kernels.genealogy import Timeline
    from fenxiao._labels import Labelled, LabelTable
    from fenxiao.periods.instants import TimesLike


@final
@attrs.frozen(eq=False, repr=False)
class Genealogy:
    """Who sponsored whom at which time, from `from_records`, `from_columns` or `of`.

    Three things are written down, each with the time from which on it is in force: a member joins, is
    transferred to another sponsor, or exits. The log is only ever added to (`extended`), and each entry also
    says when it was known, so that `known` gives the genealogy as it was seen at any time.

    Notes
    -----
    Two entries of one member for one instant cannot both hold: the one that was known later corrects the
    other.

    Whoever exits has nobody above or below from then on: his recruits of that moment roll up to the sponsor
    whom he has then. He stays in every later tree, as a root, so that what is known by his label stays
    known. He may join again; his old recruits do not come back.

    What happens at one instant happens in this order, whatever the order of the rows: joins (each may name
    others of the same instant), transfers, exits; transfers and exits in ascending order of the labels.

    Reading costs O(N log N) for N entries. A transfer to somebody who joined later than the member is checked
    for cycles by climbing; it then takes a step for each post above that ever moves.

    Examples
    --------
    >>> log = [
    ...     {"kind": "join", "member": "ann", "at": "2026-01-01T00:00Z"},
    ...     {"kind": "join", "member": "bo", "sponsor": "ann", "at": "2026-01-02T00:00Z"},
    ...     {"kind": "join", "member": "cai", "sponsor": "bo", "at": "2026-01-03T00:00Z"},
    ...     {"kind": "exit", "member": "bo", "at": "2026-02-01T00:00Z"},
    ... ]
    >>> genealogy = Genealogy.from_records(log)
    >>> genealogy.as_of("2026-01-31T00:00Z").upline("cai")
    ['bo', 'ann']
    >>> genealogy.as_of("2026-02-01T00:00Z").upline("cai")
    ['ann']
    """

    log: Log

    def __attrs_post_init__(self) -> None:
        # Whatever contradicts itself is refused at once, not when it is first asked.
        _ = self._built

    @classmethod
    def from_records(cls, records: Iterable[Mapping[str, Any]], *, zone: str | None = None) -> Genealogy:
        """Read one mapping an entry, in any order.

        Parameters
        ----------
        records
            ``kind`` (``"join"``, ``"transfer"`` or ``"exit"``), ``member`` and ``at``, the time from which on
            it is in force; ``sponsor`` of a join or transfer, None for a root; ``known_at``, when it was
            known, which is ``at`` if left out; ``leg`` of a transfer: True (or left out) moves the member
            with his whole downline, False himself alone, while his recruits roll up to the sponsor he had.
        zone
            IANA zone of naive times.

        Raises
        ------
        GenealogyError
            A join of somebody who is in, a transfer or exit of somebody who is not, a sponsor who is not in
            at that time or stands in the member's own downline, two entries of one member for one instant
            that became known at one time, columns or values that there are not.
        TimeError
            Times that are missing, naive without a zone, ambiguous or skipped.

        Examples
        --------
        >>> Genealogy.from_records([{"kind": "join", "member": "ann", "at": "2026-01-01T00:00Z"}])
        Genealogy(1 member; 1 entry)
        """
        return cls(log_of_records(records, zone))

    @classmethod
    def from_columns(cls, columns: Input, *, zone: str | None = None) -> Genealogy:
        """Read a mapping of columns or a data frame; see `from_records`.

        >>> Genealogy.from_columns({"kind": ["join"], "member": [7], "at": ["2026-01-01"]}, zone="UTC")
        Genealogy(1 member; 1 entry)
        """
        return cls(log_of_columns(columns, zone))

    @classmethod
    def of(cls, tree: ReferralTree, at: TimesLike, *, zone: str | None = None) -> Genealogy:
        """Return the genealogy in which everybody of a tree joined at one time.

        >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
        >>> Genealogy.of(tree, "2026-01-01T00:00Z").as_of("2026-01-01T00:00Z").parent_of("bo")
        'ann'
        """
        if not isinstance(tree, ReferralTree):
            raise InputError("Genealogy.of", what(tree), allowed="ReferralTree")
        n = len(tree)
        time = np.full(n, instant_of(at, zone, "at"), dtype=INSTANT)
        # Under the null of a root stands a label that is never looked at.
        above = np.where(tree.parent == NO_MEMBER, np.arange(n), tree.parent)
        root = tree.parent == NO_MEMBER
        log = Log(
            kind=np.full(n, JOIN, dtype=INDEX),
            member=Labels(values=tree.ids, kind=tree.label_kind),
            sponsor=Labels(values=tree.ids[above], null=root if root.any() else None, kind=tree.label_kind),
            at=time,
            known_at=time,
            leg=np.ones(n, dtype=root.dtype),
            row=np.arange(n, dtype=ROW),
        )
        return cls(log)

    def extended(self, records: Iterable[Mapping[str, Any]], *, zone: str | None = None) -> Genealogy:
        """Return the genealogy with further entries; nothing that was known before changes.

        Parameters
        ----------
        records
            As in `from_records`. ``at`` may lie in the past, ``known_at`` may not lie before the last that
            the log has. Rows in messages count on from the log's own.

        Raises
        ------
        GenealogyError, TimeError
            As in `from_records`; an entry that would change what was known in the past.
        """
        return Genealogy(self.log.followed_by(log_of_records(records, zone)))

    def known(self, time: TimesLike, *, zone: str | None = None) -> Genealogy:
        """Return the genealogy as it was known at a time: of the entries known by then.

        Raises
        ------
        GenealogyError
            What was known then contradicts itself: a member's transfer was known before his join.

        Examples
        --------
        >>> log = [{"kind": "join", "member": "ann", "at": "2026-01-01T00:00Z"}]
        >>> Genealogy.from_records(log).known("2025-12-31T00:00Z")
        Genealogy(0 members; 0 entries)
        """
        return Genealogy(self.log.take(self.log.known_at <= instant_of(time, zone, "known")))

    def __len__(self) -> int:
        """Return the number of members who ever joined."""
        return len(self.labels)

    def __repr__(self) -> str:
        n, entries = len(self), len(self.log)
        many = "entry" if entries == 1 else "entries"
        return f"Genealogy({n:,} member{'s' * (n != 1)}; {entries:,} {many})"

    @cached_property
    def _built(self) -> Built:
        return built(self.log)

    @property
    def labels(self) -> AnyArray:
        """The labels of everybody who ever joined, ascending."""
        return self._built.labels

    @property
    def label_kind(self) -> str:
        """``"int"``, ``"str"``, ``"bytes"`` or ``"UUID"``."""
        return self.log.member.kind

    @property
    def timeline(self) -> Timeline:
        """The sponsors over time by the members' places among the labels."""
        return self._built.timeline

    @cached_property
    def _table(self) -> LabelTable:
        return label_table(self.labels)[0]

    def _at(self, time: InstantArray | int) -> InstantArray:
        return np.full(len(self), time, dtype=INSTANT)

    def as_of(self, time: TimesLike, *, zone: str | None = None) -> ReferralTree:
        """Return the tree of everybody who has joined by a time, with the sponsors of that time.

        An entry is in force from its instant on. Siblings stand in the order in which they first joined, and
        by label where that is the same.

        Raises
        ------
        TimeError
            A naive time without a zone, or no time.

        Examples
        --------
        >>> log = [{"kind": "join", "member": "ann", "at": "2026-01-01T00:00Z"}]
        >>> len(Genealogy.from_records(log).as_of("2025-12-31T23:59Z"))
        0
        """
        return self._tree(instant_of(time, zone, "as_of"))

    def at_end_of(self, period: Period, zone: str) -> ReferralTree:
        """Return the tree at the end of a period: with what came into force in it, not with what comes after.

        >>> from fenxiao.periods import month
        >>> log = [{"kind": "join", "member": "ann", "at": "2026-11-01T00:00+08:00"}]
        >>> genealogy = Genealogy.from_records(log)
        >>> [len(genealogy.at_end_of(month(2026, each), "Asia/Shanghai")) for each in (10, 11)]
        [0, 1]
        """
        if not isinstance(period, Period):
            raise InputError("at_end_of, period", what(period), allowed="Period, such as month(2026, 10)")
        return self._tree(period.instants(zone)[1] - 1)

    def _tree(self, time: int) -> ReferralTree:
        timeline, n = self.timeline, len(self)
        joined = timeline.at[timeline.first[:-1]]
        by_time = np.argsort(joined, kind="stable")
        order: IndexArray = by_time[joined[by_time] <= time].astype(INDEX)
        sponsor = timeline.sponsors(order, self._at(time)[: len(order)])
        root = sponsor == n
        above = self.labels[np.where(root, order, sponsor)]
        parents = np.ma.masked_array(above, root)
        return ReferralTree.from_parents(parents, self.labels[order])

    def exited(self, time: TimesLike, *, zone: str | None = None) -> AnyArray:
        """Return the labels of those who have joined and left by a time and are not in again, ascending.

        >>> log = [
        ...     {"kind": "join", "member": "ann", "at": "2026-01-01T00:00Z"},
        ...     {"kind": "exit", "member": "ann", "at": "2026-02-01T00:00Z"},
        ... ]
        >>> Genealogy.from_records(log).exited("2026-02-01T00:00Z").tolist()
        ['ann']
        """
        everybody = np.arange(len(self), dtype=INDEX)
        found = self.timeline.entries(everybody, self._at(instant_of(time, zone, "exited")))
        return self.labels[(found >= 0) & ~self.timeline.inside[found]]

    def uplines(
        self, members: Labelled, times: TimesLike, levels: int, *, zone: str | None = None
    ) -> list[AnyArray]:
        """Return who stood above each member at each time, level by level.

        Parameters
        ----------
        members : n labels; None for guests, above whom nobody stands
        times : n times, or a column of them such as ``orders.instants("paid_at")``
        levels : how many

        Returns
        -------
        list of arrays
            `levels` arrays of n labels: the sponsors, their sponsors and so on, None where there is nobody.

        Raises
        ------
        UnknownMemberError
            A label that never joined.
        InputError
            Another number of times than of members.

        Examples
        --------
        >>> log = [
        ...     {"kind": "join", "member": "ann", "at": "2026-01-01T00:00Z"},
        ...     {"kind": "join", "member": "bo", "sponsor": "ann", "at": "2026-01-02T00:00Z"},
        ... ]
        >>> times = ["2026-01-01T12:00Z", "2026-01-02T00:00Z"]
        >>> [level.tolist() for level in Genealogy.from_records(log).uplines(["bo", "bo"], times, 1)]
        [[None, 'ann']]
        """
        here = self._indices(members)
        when = (
            times.values
            if isinstance(times, Instants)
            else to_instants(times, zone=zone, thing="uplines, times")
        )
        if len(when) != len(here):
            value = f"{len(here)} members and {len(when)} times"
            raise InputError(
                "uplines, times", "are not one a member", value=value, allowed="one time a member"
            )
        nobody, found = len(self), []
        for _ in range(checked_levels(levels)):
            above = np.full(len(here), nobody, dtype=INDEX)
            rows = np.flatnonzero(here != nobody)
            above[rows] = self.timeline.sponsors(here[rows], when[rows])
            column = np.full(len(here), None, dtype=object)
            rows = np.flatnonzero(above != nobody)
            column[rows] = self.labels[above[rows]]
            found.append(column)
            here = above
        return found

    def _indices(self, members: Labelled) -> IndexArray:
        thing = "uplines, members"
        column = read_labels(members, thing=thing, error=UnknownMemberError, nullable=True)
        empty = column.null if column.null is not None else np.zeros(len(column), dtype=FLAG)
        found = np.full(len(column), ABSENT, dtype=INDEX)
        if column.kind == self.label_kind:
            found = self._table.find(column.values)
        unknown = np.flatnonzero((found == ABSENT) & ~empty)
        if len(unknown):
            raise UnknownMemberError(
                thing,
                "never joined",
                allowed=f"{self.label_kind} labels of the {len(self):,} members of the genealogy",
                rows=unknown,
                labels=column.pick(unknown),
            )
        found[empty] = len(self)
        return found

    def dated_sponsors(self, tree: ReferralTree, since: int) -> DatedSponsors:
        """Return the sponsors at any time from an instant on, by the members' places in a tree.

        Parameters
        ----------
        tree : of members of the genealogy
        since : the earliest time asked for, in microseconds since 1970-01-01T00:00Z

        Raises
        ------
        GenealogyError
            Somebody of the tree never joined.
        """
        return DatedSponsors.of(self.timeline, self.places(tree), since)

    def places(self, tree: ReferralTree) -> IndexArray:
        """Return the place of each member of a tree among the labels (int32 [members]).

        Raises
        ------
        GenealogyError
            Somebody of the tree never joined.
        """
        found = np.full(len(tree), ABSENT, dtype=INDEX)
        if tree.label_kind == self.label_kind:
            found = self._table.find(tree.ids)
        strange = np.flatnonzero(found == ABSENT)
        if len(strange):
            raise GenealogyError(
                "genealogy",
                f"does not know {len(strange):,} of the tree's {len(tree):,} members",
                hint="Make the tree from it: tree=genealogy.as_of(time)",
                labels=tree.ids[strange].tolist(),
            )
        return found

    def fingerprint(self) -> str:
        """Return the SHA-256 of what the log says, whatever the order of its rows.

        >>> log = [{"kind": "join", "member": name, "at": "2026-01-01T00:00Z"} for name in ("ann", "bo")]
        >>> first, second = Genealogy.from_records(log), Genealogy.from_records(log[::-1])
        >>> first.fingerprint() == second.fingerprint()
        True
        """
        import hashlib

        return hashlib.sha256(b"fenxiao genealogy 1\n" + self.log.content()).hexdigest()
