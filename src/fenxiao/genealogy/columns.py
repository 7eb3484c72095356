"""`DatedMembers`: columns of members whose values change, and what was known of them when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, Unpack, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, ROW, AnyArray, InstantArray, RowArray
from fenxiao._labels import Labels, read_labels, unmasked
from fenxiao._tables import (
    Layout,
    TableOptions,
    columns_of_frame,
    columns_of_records,
    join_columns,
    layout_of,
    ranks,
    read_columns,
    stem,
)
from fenxiao.errors import FenxiaoError, InputError, what
from fenxiao.genealogy.log import known_times
from fenxiao.genealogy.moments import instant_of
from fenxiao.members import Members
from fenxiao.periods import to_instants
from fenxiao.periods.instants import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fenxiao._columns import Column, Input
    from fenxiao.periods.instants import TimesLike

_WHAT: Final = "members"
_RESERVED: Final = ("member", "at", "known_at")


class _Values(NamedTuple):
    """The values of one column, in the order of member, time and when they were known."""

    row: RowArray
    column: Column
    default: Column | None


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class DatedMembers:
    """Columns of members with the time from which on each value is in force.

    `as_of` gives the `Members` of a time: of every column the latest value that is in force. Where two values
    are of one instant, the one that was known later counts: it corrects the other. `known` gives the table
    as it was known at a time.

    Examples
    --------
    >>> table = DatedMembers.from_records(
    ...     [
    ...         {"member": "bo", "at": "2026-01-01T00:00Z", "rank": "silver", "active": True},
    ...         {"member": "bo", "at": "2026-02-01T00:00Z", "rank": "gold"},
    ...     ]
    ... )
    >>> table
    DatedMembers(2 records; rank, active)
    >>> february = table.as_of("2026-02-01T00:00Z")
    >>> february.column("rank").value(0), february.column("active").value(0)
    ('gold', True)
    """

    member: Labels
    at: InstantArray
    known_at: InstantArray
    _columns: Mapping[str, _Values]

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        *,
        fill: Mapping[str, Any] | None = None,
        **options: Unpack[TableOptions],
    ) -> Self:
        """Read one mapping a change, in any order.

        Parameters
        ----------
        records
            ``member``, ``at`` and, if it differs from ``at``, ``known_at``; every other key is a column as in
            `Members`. A column that a record lacks, or that is None there, stays as it is.
        fill
            For every column the value of members who have none by the time asked for.
        **options
            As for `Members`; ``zone`` is that of naive times.

        Raises
        ------
        InputError
            A missing column, a column without any value, two values of one member for one instant that became
            known at one time, a column without a value in `fill`; whatever `Members` refuses.
        TimeError
            Times that are missing, naive without a zone, ambiguous or skipped.
        """
        raw = columns_of_records(records, what=_WHAT) or {"member": [], "at": []}
        return cls._read(raw, fill, layout_of(_WHAT, options))

    @classmethod
    def from_columns(
        cls, columns: Input, *, fill: Mapping[str, Any] | None = None, **options: Unpack[TableOptions]
    ) -> Self:
        """Read a mapping of columns or a data frame; see `from_records`.

        >>> DatedMembers.from_columns({"member": [7], "at": ["2026-01-01"], "grade": [3]}, zone="UTC")
        DatedMembers(1 record; grade)
        """
        return cls._read(columns_of_frame(columns, what=_WHAT), fill, layout_of(_WHAT, options))

    @classmethod
    def _read(cls, raw: dict[str, Any], fill: Mapping[str, Any] | None, layout: Layout) -> Self:
        lacking = [name for name in _RESERVED[:2] if name not in raw]
        if lacking:
            hint = "Say whom each row is about and from when on it is in force"
            raise InputError(
                f"dated {_WHAT}", "lack columns", value=lacking, allowed="member, at, known_at", hint=hint
            )
        member = read_labels(raw["member"], thing=f"{_WHAT} column 'member'")
        at = to_instants(raw["at"], zone=layout.zone, thing=f"{_WHAT} column 'at'")
        known = known_times(raw, at, layout.zone, _WHAT)
        given = {name: values for name, values in raw.items() if name not in _RESERVED}
        _check_names(given, fill, layout)
        order = np.lexsort((known, at, ranks(member)))
        columns = {
            stem(name): _values(name, values, order, None if fill is None else fill[name], layout)
            for name, values in given.items()
        }
        table = cls(member=member, at=at, known_at=known, columns=columns)
        for name, values in table._columns.items():
            table._check_once(name, values.row)
        return table

    def _check_once(self, name: str, row: RowArray) -> None:
        """Check that nobody has two values of a column between which nothing decides."""
        keys = (ranks(self.member)[row], self.at[row], self.known_at[row])
        same = np.flatnonzero(np.logical_and.reduce([key[1:] == key[:-1] for key in keys]))
        if len(same):
            rows = np.union1d(row[same], row[same + 1])
            raise InputError(
                f"{_WHAT} column {name!r}",
                "has two values of one member for one instant",
                hint="Keep one of them, or say in known_at which is the correction",
                rows=rows,
                labels=self.member.pick(rows),
            )

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.at)

    def __repr__(self) -> str:
        n = len(self)
        return f"DatedMembers({n:,} record{'s' * (n != 1)}; {', '.join(self.names) or 'no columns'})"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, without the suffix ``_minor``."""
        return tuple(self._columns)

    def known(self, time: TimesLike, *, zone: str | None = None) -> DatedMembers:
        """Return the table as it was known at a time: of the records known by then.

        >>> late = {"member": 7, "at": "2026-01-01T00:00Z", "known_at": "2026-03-01T00:00Z", "grade": 3}
        >>> len(DatedMembers.from_records([late]).known("2026-02-01T00:00Z"))
        0
        """
        kept = self.known_at <= instant_of(time, zone, "known")
        place = np.cumsum(kept) - 1
        columns = {}
        for name, (row, column, default) in self._columns.items():
            mine = kept[row]
            columns[name] = _Values(place[row[mine]], column.take(mine), default)
        return DatedMembers(
            member=self.member.take(kept), at=self.at[kept], known_at=self.known_at[kept], columns=columns
        )

    def as_of(self, time: TimesLike, *, zone: str | None = None) -> Members:
        """Return the members of a time: everybody named by then, with the latest value of each column.

        Raises
        ------
        InputError
            Somebody has no value of a column by then, and there is no `fill`.

        Examples
        --------
        >>> change = {"member": 7, "at": "2026-01-01T00:00Z", "grade": 3}
        >>> len(DatedMembers.from_records([change]).as_of("2025-12-31T00:00Z"))
        0
        """
        limit = instant_of(time, zone, "as_of")
        _, row_of, person = np.unique(ranks(self.member), return_index=True, return_inverse=True)
        named = np.zeros(len(row_of), dtype=FLAG)
        named[person[self.at <= limit]] = True
        labels = self.member.values[row_of[named]]
        place = np.cumsum(named) - 1
        columns = []
        for name, values in self._columns.items():
            in_force = np.flatnonzero(self.at[values.row] <= limit)
            latest = np.full(len(labels), -1, dtype=ROW)
            # Of several values the last one stays, which is the latest.
            latest[place[person[values.row[in_force]]]] = in_force
            columns.append(_latest(name, values, latest, labels))
        filled = any(values.default is not None for values in self._columns.values())
        return Members(labels=labels, names=self.names, columns=tuple(columns), filled=filled)


def _check_names(given: Mapping[str, Any], fill: Mapping[str, Any] | None, layout: Layout) -> None:
    names = {stem(name) for name in given}
    absent = [name for name in layout.declared if name not in names]
    if absent or len(names) < len(given):
        problem = "options name columns that are not there" if absent else "columns name the same thing twice"
        raise InputError(f"dated {_WHAT}", problem, value=absent or sorted(given), allowed=", ".join(given))
    if fill is None:
        return
    if not isinstance(fill, Mapping):
        raise InputError(
            "dated members fill", what(fill), allowed='a value for each column: {"rank": "none"}'
        )
    if set(fill) != set(given):
        raise InputError(
            "dated members fill",
            "does not name exactly the columns of the table",
            value=sorted(map(str, fill)),
            allowed=", ".join(given) or "nothing",
            hint="Name one value for each column of the table",
        )


def _values(name: str, values: Input, order: RowArray, default: Any, layout: Layout) -> _Values:
    """Return the typed values of a column, missing ones left out, and its default if it has one."""
    mine, cells = layout.limited_to({stem(name)}), unmasked(values)
    said = np.array([not is_missing(cell) for cell in cells], dtype=FLAG)
    rows = np.flatnonzero(said)
    if not len(rows) and default is None:
        hint = "Leave the column out, or pass fill="
        raise InputError(f"{_WHAT} column {name!r}", "has no value in any row", allowed="values", hint=hint)
    given = values if len(rows) == len(said) else [cell for cell in cells if not is_missing(cell)]
    last = None if default is None else read_columns({name: [default]}, mine, reserved=())[stem(name)]
    if not len(rows) and last is not None:
        return _Values(rows, last.take(rows), last)
    try:
        column = read_columns({name: given}, mine, reserved=())[stem(name)]
    except FenxiaoError as error:
        raise _of_rows(error, rows) from None
    row = order[said[order]]
    column = column.take(np.searchsorted(rows, row))
    if last is not None:
        join_columns(column, last, thing=f"dated members fill {name!r}")
    return _Values(row, column, last)


def _of_rows(error: FenxiaoError, rows: RowArray) -> FenxiaoError:
    """Return an error about some of the rows with the numbers that the caller knows."""
    shown: dict[str, Any] = {} if error.value is None else {"value": error.value}
    mine = rows[list(error.rows)].tolist()
    return type(error)(
        error.thing,
        error.problem,
        allowed=error.allowed,
        hint=error.hint,
        rows=mine,
        labels=error.labels,
        **shown,
    )


def _latest(name: str, values: _Values, latest: RowArray, labels: AnyArray) -> Column:
    if values.default is None:
        lacking = np.flatnonzero(latest < 0)
        if len(lacking):
            raise InputError(
                f"{_WHAT} column {name!r}",
                f"has no value by that time for {len(lacking):,} of {len(labels):,} members",
                allowed="a value for everybody who is named by then, or fill=",
                hint="Add the values that they start with",
                labels=labels[lacking].tolist(),
            )
        return values.column.take(latest)
    whole = join_columns(values.column, values.default, thing=f"dated members fill {name!r}")
    # The default stands last, which is where -1 points; `Members` keeps it there for everybody else.
    return whole.take(np.append(latest, ROW(-1)))
