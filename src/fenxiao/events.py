"""Events: facts that are not orders, such as a join, a service given, a task done, an instalment due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Unpack, cast

import attrs
import numpy as np

from fenxiao._columns import Amounts, Categories, Column, Input, Instants
from fenxiao._labels import Labels, read_labels, readonly_or_none
from fenxiao._tables import (
    Layout,
    TableOptions,
    columns_of_frame,
    columns_of_records,
    empty_column,
    key_order,
    layout_of,
    ranks,
    read_columns,
    stem,
)
from fenxiao.errors import OrdersError
from fenxiao.periods import to_instants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fenxiao._arrays import AnyArray, RowArray

_WHAT: Final = "events"
_KIND: Final = "kind"
_REQUIRED: Final = ("kind", "member", "at")
_LABELS: Final = frozenset({"member", "counterparty", "event_id"})


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Events:
    """A table of events, checked once and then read-only.

    Rows stand in the order of (time, kind, member, counterparty, the other columns by name), so that row
    order never matters. Make one with `from_records`, `from_columns` or `empty`.

    Attributes
    ----------
    member : Labels [n]
    counterparty : Labels [n] or None
        The other side, null where there is none.
    event_id : Labels [n] or None
        If given, no two events may share it; without it equal events count twice.
    names : tuple of str
        The other columns: ``kind``, ``at`` and whatever else was given.
    input_row : int64 [n] or None
        The caller's row of each row, None where rows stand as they were given.

    Examples
    --------
    >>> events = Events.from_records(
    ...     [{"kind": "service", "member": "bo", "at": "2026-10-05T12:00:00+08:00", "value": "30.00"}]
    ... )
    >>> events
    Events(1 event; kind, at, value)
    >>> events.value.value(0)
    Decimal('30.00')
    """

    member: Labels
    counterparty: Labels | None
    event_id: Labels | None
    names: tuple[str, ...]
    _columns: tuple[Column, ...]
    input_row: RowArray | None = attrs.field(converter=readonly_or_none)

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        **options: Unpack[TableOptions],
    ) -> Events:
        """Read events from records, one an event; see `from_columns`. No records make an empty table."""
        raw = columns_of_records(records, what=_WHAT)
        layout = layout_of(_WHAT, options)
        return _read(raw, layout) if raw else _empty(layout)

    @classmethod
    def from_columns(
        cls,
        columns: Input,
        **options: Unpack[TableOptions],
    ) -> Events:
        """Read events from a mapping of columns or a data frame.

        Parameters
        ----------
        columns
            ``kind``, ``member`` and ``at`` are required, ``counterparty``, ``event_id`` and ``value``
            (money) are known, every other column is typed as for orders.
        options
            See `TableOptions`.

        Raises
        ------
        OrdersError
            A required column is missing, has missing cells, or is of no kind; an event_id comes twice.
        MoneyError, MoneyOverflowError
            Amounts that are floats, plain integers, negative or beyond 64 bits.
        TimeError
            Times that are missing, naive without a zone, ambiguous or skipped.
        """
        return _read(columns_of_frame(columns, what=_WHAT), layout_of(_WHAT, options))

    @classmethod
    def empty(cls, **options: Unpack[TableOptions]) -> Events:
        """Return a table without events that has the columns which the options declare.

        Examples
        --------
        >>> Events.empty()
        Events(0 events; at, kind, value)
        """
        return _empty(layout_of(_WHAT, options))

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.member)

    def __repr__(self) -> str:
        """Return the number of events and the columns."""
        return f"Events({len(self):,} event{'' if len(self) == 1 else 's'}; {', '.join(self.names)})"

    def known(self, at: object, *, zone: str | None = None) -> Events:
        """Return the events that were known at an instant: those with ``known_at`` then or before.

        Events without such a column are known from the first. `at` is an aware datetime or ISO text with an
        offset; naive times are read on the clock of `zone`.

        Raises
        ------
        OrdersError, TimeError
            ``known_at`` is no column of times; `at` is no instant.

        Examples
        --------
        >>> event = {"kind": "join", "member": "bo", "at": "2026-10-05", "known_at": "2026-10-07"}
        >>> events = Events.from_records([event], zone="Asia/Shanghai")
        >>> len(events.known("2026-10-06", zone="Asia/Shanghai"))
        0
        """
        instant = to_instants([at], zone=zone, thing="known at")[0]
        if "known_at" not in self.names:
            return self
        seen = np.flatnonzero(self.instants("known_at").values <= instant)
        return Events(
            member=self.member.take(seen),
            counterparty=None if self.counterparty is None else self.counterparty.take(seen),
            event_id=None if self.event_id is None else self.event_id.take(seen),
            names=self.names,
            columns=tuple(column.take(seen) for column in self._columns),
            input_row=seen if self.input_row is None else self.input_row[seen],
        )

    @property
    def kind(self) -> Categories:
        """What happened."""
        return cast("Categories", self.column(_KIND))

    @property
    def at(self) -> Instants:
        """When it happened."""
        return self.instants("at")

    @property
    def value(self) -> Amounts | None:
        """The money of each event, None where the table does not say."""
        return self.amounts("value") if "value" in self.names else None

    def column(self, name: str) -> Column:
        """Return a column by name, typed.

        Raises
        ------
        OrdersError
            There is no such column; the message lists the ones there are.
        """
        if name in self.names:
            return self._columns[self.names.index(name)]
        raise OrdersError(
            _WHAT,
            "have no such column",
            value=name,
            allowed=", ".join(sorted(self.names)),
            hint="Add the column to the events or correct the name",
        )

    def amounts(self, name: str) -> Amounts:
        """Return a column of money or volume; raise `OrdersError` if it is another kind."""
        column = self.column(name)
        if not isinstance(column, Amounts):
            raise _wrong_kind(name, column, "an amount")
        return column

    def instants(self, name: str) -> Instants:
        """Return a column of times; raise `OrdersError` if it is another kind."""
        column = self.column(name)
        if not isinstance(column, Instants):
            raise _wrong_kind(name, column, "a time")
        return column


def _wrong_kind(name: str, column: Column, wanted: str) -> OrdersError:
    return OrdersError(
        f"{_WHAT} column {name!r}",
        f"is not {wanted}",
        value=type(column).__name__,
        allowed=wanted,
        hint="Say so in the options when the events are read",
    )


def _declared(layout: Layout, names: Iterable[str]) -> Layout:
    """Return the layout with the events' own columns: ``at`` is a time, ``value`` is money."""
    has_value = "value" in names and "value" not in layout.volumes
    return attrs.evolve(
        layout, times=layout.times | {"at"}, money=layout.money | ({"value"} if has_value else set())
    )


def _empty(layout: Layout) -> Events:
    names = dict.fromkeys(["at", "kind", "value", *layout.declared])
    layout = _declared(layout, names)
    void = read_labels([], thing=_WHAT)
    columns = {name: empty_column(name, layout) for name in names}
    return Events(
        member=void,
        counterparty=None,
        event_id=None,
        names=tuple(names),
        columns=tuple(column for column in columns.values() if column is not None),
        input_row=None,
    )


def _read(raw: Mapping[str, Any], layout: Layout) -> Events:
    missing = [name for name in _REQUIRED if name not in raw]
    if missing:
        raise OrdersError(
            _WHAT,
            "lack required columns",
            value=missing,
            allowed=", ".join(_REQUIRED),
            hint="Add the columns",
        )
    columns = read_columns(raw, _declared(layout, map(stem, raw)), reserved=_LABELS)
    _check_kind(columns["kind"])
    labels = {
        name: read_labels(
            raw[name],
            thing=f"{_WHAT} column {name!r}",
            error=OrdersError,
            nullable=name == "counterparty",
        )
        for name in ("member", "counterparty", "event_id")
        if name in raw
    }
    if "event_id" in labels:
        key_order(
            labels["event_id"], None, None, thing=_WHAT, key="event_id", hint="Drop the repeated events"
        )
    order = _order(labels, columns)
    if order is not None:
        labels = {name: column.take(order) for name, column in labels.items()}
        columns = {name: column.take(order) for name, column in columns.items()}
    return Events(
        member=labels["member"],
        counterparty=labels.get("counterparty"),
        event_id=labels.get("event_id"),
        names=tuple(columns),
        columns=tuple(columns.values()),
        input_row=order,
    )


def _check_kind(column: Column) -> None:
    thing = f"{_WHAT} column 'kind'"
    if not isinstance(column, Categories):
        raise _wrong_kind(_KIND, column, "a category")
    null = np.flatnonzero(column.codes < 0)
    if len(null):
        raise OrdersError(
            thing, "has missing values", rows=null, allowed="a kind in every row", hint="Name what happened"
        )


def _order(labels: Mapping[str, Labels], columns: Mapping[str, Column]) -> RowArray | None:
    """Return the rows in canonical order, or None where they stand in it already."""
    others = sorted(set(columns) - {"at", "kind"})
    keys: list[AnyArray] = [
        _sort_key(columns["at"]),
        _sort_key(columns["kind"]),
        *(_label_key(labels[name]) for name in ("member", "counterparty", "event_id") if name in labels),
        *(_sort_key(columns[name]) for name in others),
    ]
    order = np.lexsort(keys[::-1])
    return None if bool((order[1:] > order[:-1]).all()) else order


def _sort_key(column: Column) -> AnyArray:
    # Categories are sorted, so their codes order like their values; the null code comes first.
    return column.codes if isinstance(column, Categories) else column.values


def _label_key(labels: Labels) -> AnyArray:
    """Return integers that order like the labels, nulls first."""
    _, rank = np.unique(ranks(labels), return_inverse=True)
    return rank if labels.null is None else np.where(labels.null, -1, rank)
