"""The table of changes: an append-only log of what happened to orders after they were sold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import attrs
import numpy as np

from fenxiao._arrays import FLAG, ROW, AnyArray, IndexArray, InstantArray, RowArray, readonly
from fenxiao._labels import order_of_labels
from fenxiao._tables import Layout, TableOptions, columns_of_frame, columns_of_records, layout_of
from fenxiao.changes.reading import ADJUSTMENT, KINDS, REFUND, REINSTATEMENT, WHAT, Stated, empty, read
from fenxiao.errors import ChangesError, what
from fenxiao.periods import to_instants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fenxiao._columns import Input
    from fenxiao._labels import Labels

__all__ = ["ADJUSTMENT", "KINDS", "REFUND", "REINSTATEMENT", "Changes", "Stated"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Changes:
    """What happened to orders after they were sold, checked once and then read-only.

    A log only grows: `concat` puts further changes below, nothing is ever taken away. What the changes make
    of the orders does not depend on the order of rows: see `Orders.after`.

    Attributes
    ----------
    kind : int32 [n]
        Codes into `KINDS`: refund, cancellation, chargeback, adjustment, reinstatement.
    change_id : Labels [n]
        What the caller calls each change, null where he does not. The same change told again is one change.
    order_id : Labels [n]
    line : Stated [n]
        The line of the order; the whole order where none is stated.
    at : int64 [n]
        When it happened, microseconds since 1970-01-01T00:00Z.
    known_at : int64 [n]
        When it was known; `at` unless stated.
    quantity : Stated [n]
        Pieces given back; of an adjustment, pieces sold.
    names : tuple of str
    amounts : tuple of Stated [n]
        Money and volumes given back, ``paid`` and ``margin`` among them, and what they are called; of an
        adjustment, what the line has from now on.
    layout : Layout
        The options that the table was read with.
    input_row : int64 [n]
        The row of each change in the table that it was read from.

    Examples
    --------
    >>> Changes.from_records(
    ...     [
    ...         {"kind": "refund", "order_id": "A17", "line": 0, "quantity": 1, "at": "2026-10-09T12:00:00Z"},
    ...         {"kind": "chargeback", "order_id": "A18", "at": "2026-11-02T09:30:00Z"},
    ...     ]
    ... )
    Changes(2 changes: 1 refund, 1 chargeback)
    """

    kind: IndexArray = attrs.field(converter=readonly)
    change_id: Labels
    order_id: Labels
    line: Stated
    at: InstantArray = attrs.field(converter=readonly)
    known_at: InstantArray = attrs.field(converter=readonly)
    quantity: Stated
    names: tuple[str, ...]
    amounts: tuple[Stated, ...]
    layout: Layout
    input_row: RowArray = attrs.field(converter=readonly)

    @classmethod
    def from_records(cls, records: Iterable[Mapping[str, Any]], **options: Unpack[TableOptions]) -> Changes:
        """Read changes from records, one a change; see `from_columns`. No records make an empty table.

        Examples
        --------
        >>> record = {"kind": "refund", "order_id": 7, "paid": "40.00", "at": "2026-10-09T12:00:00Z"}
        >>> Changes.from_records([record]).stated("paid").values.tolist()
        [4000]
        """
        return changes_like(layout_of(WHAT, options), records)

    @classmethod
    def from_columns(cls, columns: Input, **options: Unpack[TableOptions]) -> Changes:
        """Read changes from a mapping of columns or a data frame.

        Parameters
        ----------
        columns
            ``kind``, ``order_id`` and ``at`` are required; ``change_id``, ``line``, ``known_at``,
            ``quantity``, money and volumes may be there, and all of these may have empty cells. Nothing else
            may. A row whose `change_id` another one has counts once, from the earliest `known_at` on.
        options
            See `TableOptions`; those of the orders fit.

        Raises
        ------
        ChangesError
            A required column is missing or has empty cells, a kind or a column is not known, a quantity is
            negative; a cancellation, chargeback or reinstatement states amounts, an adjustment nothing, a
            refund a margin or volume without the money; one `change_id` tells two changes.
        OrdersError
            Columns are of different lengths, an option is unknown.
        MoneyError, MoneyOverflowError
            Amounts that are floats, plain integers, negative (`margin` may be) or beyond 64 bits.
        TimeError
            Times that are missing, naive without a zone, ambiguous or skipped.
        """
        return told_once(cls(**read(columns_of_frame(columns, what=WHAT), layout_of(WHAT, options))))

    @classmethod
    def empty(cls, **options: Unpack[TableOptions]) -> Changes:
        """Return a table without changes.

        Examples
        --------
        >>> Changes.empty()
        Changes(0 changes)
        """
        return cls(**empty(layout_of(WHAT, options)))

    @classmethod
    def concat(cls, first: Changes, second: Changes) -> Changes:
        """Return the changes of two tables one below the other; columns may differ.

        What both tell by one `change_id` stands once, where the first tells it.

        Raises
        ------
        ChangesError
            The tables, or a column of both, are of another currency or of other decimals; they tell one
            change in two ways.
        OrdersError
            The ids of orders or of changes are of different kinds.

        Examples
        --------
        >>> one, two = (
        ...     Changes.from_records([{"kind": "cancellation", "order_id": i, "at": "2026-10-09T12:00:00Z"}])
        ...     for i in (1, 2)
        ... )
        >>> Changes.concat(one, two).order_id.values.tolist()
        [1, 2]
        """
        first, second = changes_of(first), changes_of(second)
        if not len(first) or not len(second):
            return second if not len(first) else first
        if not same_currency(first.layout, second.layout):
            raise ChangesError(
                WHAT,
                "are of another currency in each of the two tables",
                value=f"{first.layout.currency} and {second.layout.currency}",
                allowed="one currency",
                hint="Convert the amounts before",
            )
        names = tuple(dict.fromkeys([*first.names, *second.names]))
        both = cls(
            kind=np.concatenate([first.kind, second.kind]),
            change_id=first.change_id.joined(second.change_id, thing=f"{WHAT} column 'change_id'"),
            order_id=first.order_id.joined(second.order_id, thing=f"{WHAT} column 'order_id'"),
            line=first.line.joined(second.line),
            at=np.concatenate([first.at, second.at]),
            known_at=np.concatenate([first.known_at, second.known_at]),
            quantity=first.quantity.joined(second.quantity),
            names=names,
            amounts=tuple(_joined(first, second, name) for name in names),
            layout=first.layout,
            input_row=np.concatenate([first.input_row, second.input_row]),
        )
        return told_once(both)

    def __len__(self) -> int:
        """Return the number of changes."""
        return len(self.kind)

    def __repr__(self) -> str:
        """Return how many changes there are of each kind."""
        counts = np.bincount(self.kind, minlength=len(KINDS)).tolist()
        shown = [
            f"{count:,} {kind}{'s' * (count != 1)}"
            for count, kind in zip(counts, KINDS, strict=True)
            if count
        ]
        total = f"{len(self):,} change{'s' * (len(self) != 1)}"
        return f"Changes({': '.join([total, *([', '.join(shown)] if shown else [])])})"

    def stated(self, name: str) -> Stated:
        """Return what the changes state of a column; nothing where the table has no such column."""
        if name == "quantity":
            return self.quantity
        return self.amounts[self.names.index(name)] if name in self.names else Stated.nothing(len(self))

    def take(self, rows: AnyArray) -> Changes:
        """Return the given changes (row numbers or a mask), in the order in which they are named.

        Examples
        --------
        >>> record = {"kind": "cancellation", "order_id": 7, "at": "2026-10-09T12:00:00Z"}
        >>> Changes.from_records([record]).take([])
        Changes(0 changes)
        """
        chosen = np.asarray(rows)
        chosen = chosen if chosen.dtype.kind == "b" else chosen.astype(self.input_row.dtype)
        return Changes(
            kind=self.kind[chosen],
            change_id=self.change_id.take(chosen),
            order_id=self.order_id.take(chosen),
            line=self.line.take(chosen),
            at=self.at[chosen],
            known_at=self.known_at[chosen],
            quantity=self.quantity.take(chosen),
            names=self.names,
            amounts=tuple(column.take(chosen) for column in self.amounts),
            layout=self.layout,
            input_row=self.input_row[chosen],
        )

    def beyond(self, earlier: Changes) -> Changes | None:
        """Return the changes that came after an earlier state of this log, None if it is no beginning of it.

        Examples
        --------
        >>> record = {"kind": "cancellation", "order_id": 7, "at": "2026-10-09T12:00:00Z"}
        >>> log = Changes.from_records([record, record | {"order_id": 8}])
        >>> log.beyond(log.take([0])), log.beyond(log.take([1]))
        (Changes(1 change: 1 cancellation), None)
        """
        return self.take(np.arange(len(earlier), len(self))) if self.begins_with(earlier) else None

    def begins_with(self, earlier: Changes) -> bool:
        """Return whether these changes are those of an earlier state of the log, and what came after them."""
        length = len(earlier)
        names = {*self.names, *earlier.names, "quantity"}
        return (
            (not length or self.order_id.kind == earlier.order_id.kind)
            and all(
                np.array_equal(one[:length], other)
                for one, other in (
                    (self.kind, earlier.kind),
                    (self.order_id.values, earlier.order_id.values),
                    (self.at, earlier.at),
                    (self.known_at, earlier.known_at),
                )
            )
            and self.line.begins_with(earlier.line)
            and all(self.stated(name).begins_with(earlier.stated(name)) for name in names)
        )

    def known(self, at: object) -> Changes:
        """Return the changes that were known at an instant: those with `known_at` then or before.

        Parameters
        ----------
        at : aware datetime or ISO text with an offset; naive times need the table's ``zone=``

        Raises
        ------
        TimeError
            It is no instant.

        Examples
        --------
        >>> record = {"kind": "cancellation", "order_id": 7, "at": "2026-10-09T12:00:00Z"}
        >>> log = Changes.from_records([record])
        >>> len(log.known("2026-10-09T11:59:59Z")), len(log.known("2026-10-09T12:00:00Z"))
        (0, 1)
        """
        instant = to_instants([at], zone=self.layout.zone, thing="known at")[0]
        return self.take(self.known_at <= instant)


def _joined(first: Changes, second: Changes, name: str) -> Stated:
    columns = [each.stated(name) for each in (first, second)]
    decimals = sorted({column.decimals for column in columns if column.decimals is not None})
    if len(decimals) > 1:
        raise ChangesError(
            f"{WHAT} column {name!r}",
            "has other decimals in each of the two tables",
            value=decimals,
            allowed="one unit",
            hint="Read both tables with the same options",
        )
    joined = columns[0].joined(columns[1])
    return Stated(joined.values, joined.given, decimals[0])


def changes_like(layout: Layout, records: Iterable[Mapping[str, Any]]) -> Changes:
    """Read changes from records by options that were checked before."""
    raw = columns_of_records(records, what=WHAT)
    return told_once(Changes(**(read(raw, layout) if raw else empty(layout))))


def told_once(changes: Changes) -> Changes:
    """Return changes of which none is told twice: the first of each id stays, known since the earliest.

    Raises
    ------
    ChangesError
        One id tells two changes.
    """
    later, first = _repeats(changes.change_id)
    if not len(later):
        return changes
    differs = changes.order_id.values[later] != changes.order_id.values[first]
    stated = (changes.line, changes.quantity, *changes.amounts)
    columns = (changes.kind, changes.at, *(part for each in stated for part in (each.values, each.given)))
    for column in columns:
        differs = differs | (column[later] != column[first])
    if differs.any():
        raise ChangesError(
            f"{WHAT} column 'change_id'",
            "tells two changes by one id",
            rows=np.sort(changes.input_row[later[differs]]),
            labels=changes.change_id.pick(later[differs]),
            allowed="the same change again, or an id of its own",
            hint="What corrects a change is another one",
        )
    known_at = changes.known_at.copy()
    np.minimum.at(known_at, first, known_at[later])
    left = np.ones(len(changes), dtype=FLAG)
    left[later] = False
    return attrs.evolve(changes, known_at=known_at).take(left)


def _repeats(ids: Labels) -> tuple[RowArray, RowArray]:
    """Return the rows of labels that an earlier row has, and the first row that has each."""
    rows = np.arange(len(ids), dtype=ROW) if ids.null is None else np.flatnonzero(~ids.null)
    order = order_of_labels(ids.values[rows])
    ordered = ids.values[rows][order]
    fresh = np.ones(len(rows), dtype=FLAG)
    fresh[1:] = ordered[1:] != ordered[:-1]
    if fresh.all():
        return rows[:0], rows[:0]
    first = np.empty_like(rows)
    first[order] = np.minimum.reduceat(rows[order], np.flatnonzero(fresh))[np.cumsum(fresh) - 1]
    again = rows != first
    return rows[again], first[again]


def same_currency(first: Layout, second: Layout) -> bool:
    """Return whether two tables are of one currency, as far as they say."""
    return first.currency is None or second.currency is None or first.currency == second.currency


def changes_of(value: object) -> Changes:
    """Return what is a table of changes; raise `ChangesError` otherwise."""
    if not isinstance(value, Changes):
        raise ChangesError(WHAT, what(value), allowed="Changes", hint="Read them with Changes.from_records")
    return value
