"""Columns of the members: rank, activity, region, owner and whatever else a plan reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self, Unpack, final

import attrs
import numpy as np

from fenxiao._arrays import NO_MEMBER, ROW, AnyArray
from fenxiao._labels import label_table, read_labels
from fenxiao._tables import (
    Layout,
    TableOptions,
    columns_of_frame,
    columns_of_records,
    join_columns,
    layout_of,
    read_columns,
    stem,
)
from fenxiao.errors import InputError, is_one_of, what
from fenxiao.tree import ReferralTree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fenxiao._columns import Column, Input

_WHAT: Final = "members"
_FILL: Final = "members fill"


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Members:
    """Named columns with one row a member, from `from_records` or `from_columns`.

    `align` puts the rows into the order of a tree; `fenxiao.Facts` does so by itself.

    Attributes
    ----------
    labels : the members' labels by row: int64 [n] or objects
    names : the columns' names, as given but without the suffix ``_minor``
    tree : the tree whose order the rows have, None before `align`

    Examples
    --------
    >>> from fenxiao.tree import ReferralTree
    >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    >>> table = [{"member": "bo", "rank": "silver"}, {"member": "ann", "rank": "gold"}]
    >>> members = Members.from_records(table).align(tree)
    >>> members
    Members(2 members; rank)
    >>> members.column("rank").value(tree.index("ann"))
    'gold'
    """

    labels: AnyArray
    names: tuple[str, ...]
    tree: ReferralTree | None = None
    _columns: tuple[Column, ...]
    _filled: bool = False
    """Whether the columns end in one more row, for members whom the table does not mention."""

    @classmethod
    def from_columns(
        cls,
        columns: Input,
        *,
        id: str = "member",  # noqa: A002  # the name that a table's readers expect
        fill: Mapping[str, Any] | None = None,
        **options: Unpack[TableOptions],
    ) -> Self:
        """Read a mapping of columns or a data frame.

        Parameters
        ----------
        columns
            The column named by `id` holds the labels; every other one is typed by what it holds: bool, int,
            str, Decimal, Fraction, dates, aware times. Only text and other categories may have nulls.
        id
            Name of the column of labels.
        fill
            For every column the value of members whom the table does not mention; without it the table
            has to mention every member of the tree.
        **options
            ``money``, ``volumes``, ``times``, ``categories``, ``currency``, ``unit`` and ``zone`` as for
            orders.

        Raises
        ------
        InputError
            No column of labels, a member twice, a missing label, columns of different lengths, floats,
            mixed kinds, an unknown option, a column without a value in `fill`.
        MoneyError, MoneyOverflowError
            Money that is not exact, negative or beyond 64 bits.
        TimeError
            Naive times without ``zone``.

        Examples
        --------
        >>> table = {"member": [7, 8], "active": [True, False]}
        >>> Members.from_columns(table).column("active").values.tolist()
        [True, False]
        """
        return cls._read(columns_of_frame(columns, what=_WHAT), id, fill, layout_of(_WHAT, options))

    @classmethod
    def from_records(
        cls,
        records: Iterable[Mapping[str, Any]],
        *,
        id: str = "member",  # noqa: A002  # the name that a table's readers expect
        fill: Mapping[str, Any] | None = None,
        **options: Unpack[TableOptions],
    ) -> Self:
        """Read one mapping a member; see `from_columns`. What a record lacks is a null there.

        >>> Members.from_records([{"member": 7, "bonus": "1.50"}], money=["bonus"]).column("bonus").value(0)
        Decimal('1.50')
        """
        raw = columns_of_records(records, what=_WHAT) or {id: []}
        return cls._read(raw, id, fill, layout_of(_WHAT, options))

    @classmethod
    def _read(cls, raw: dict[str, Any], id_name: str, fill: Mapping[str, Any] | None, layout: Layout) -> Self:
        if not is_one_of(id_name, raw):
            hint = "Name the column of the members' labels with id="
            raise InputError(
                _WHAT, "lack the column of labels", value=id_name, allowed=", ".join(raw), hint=hint
            )
        thing = f"members column {id_name!r}"
        labels = read_labels(raw[id_name], thing=thing)
        twice = label_table(labels.values)[1]
        if len(twice):
            hint = "Keep one row for each member"
            raise InputError(
                thing, "names members a second time", hint=hint, rows=twice, labels=labels.pick(twice)
            )
        columns = read_columns(raw, layout, reserved={id_name})
        if fill is not None:
            columns = _with_fill(columns, [name for name in raw if name != id_name], fill, layout)
        return cls(
            labels=labels.values,
            names=tuple(columns),
            columns=tuple(columns.values()),
            filled=fill is not None,
        )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.labels)

    def __repr__(self) -> str:
        """Return the count and the names of the columns."""
        n = len(self)
        return f"Members({n:,} member{'s' * (n != 1)}; {', '.join(self.names) or 'no columns'})"

    def column(self, name: str) -> Column:
        """Return a column by name, one value a row.

        Raises
        ------
        InputError
            There is no such column; the message names those there are.

        Examples
        --------
        >>> Members.from_columns({"member": [7, 8], "grade": [3, 5]}).column("grade").value(1)
        5
        """
        if not is_one_of(name, self.names):
            allowed = ", ".join(self.names) or "none, the table has labels only"
            hint = "Add the column to the members' table or correct the name"
            raise InputError(f"members column {name!r}", "is not in the table", allowed=allowed, hint=hint)
        column = self._columns[self.names.index(name)]
        return column.take(slice(0, len(self))) if self._filled else column

    def align(self, tree: ReferralTree) -> Members:
        """Return the same columns with one row for each member of the tree, in the tree's order.

        Raises
        ------
        UnknownMemberError
            The table mentions somebody who is not in the tree.
        InputError
            The table does not mention everybody in the tree and has no `fill`.

        Examples
        --------
        >>> from fenxiao.tree import ReferralTree
        >>> table = Members.from_columns({"member": ["bo"], "active": [True]}, fill={"active": False})
        >>> table.align(ReferralTree.from_mapping({"ann": None, "bo": "ann"})).column("active").values
        array([False,  True])
        """
        if not isinstance(tree, ReferralTree):
            raise InputError("members, tree", what(tree), allowed="ReferralTree")
        if self.tree is tree:
            return self
        found = tree.indices(self.labels, thing="members table")
        row = np.full(len(tree), NO_MEMBER, dtype=ROW)
        row[found] = np.arange(len(found), dtype=ROW)
        absent = np.flatnonzero(row == NO_MEMBER)
        if len(absent) and self.names and not self._filled:
            raise InputError(
                _WHAT,
                f"{len(absent):,} of the tree's {len(tree):,} members are not in the table",
                allowed="a row for every member, or fill= with a value for every column",
                hint=f"Add the rows, or pass fill={{{', '.join(f'{name!r}: …' for name in self.names)}}}",
                labels=tree.ids[absent].tolist(),
            )
        # The row of fill values stands last, which is where -1 points.
        columns = tuple(column.take(row) for column in self._columns)
        return Members(labels=tree.ids, names=self.names, tree=tree, columns=columns)


def _with_fill(
    columns: dict[str, Column], given: list[str], fill: Mapping[str, Any], layout: Layout
) -> dict[str, Column]:
    """Return the columns with the fill values as one more row, read by the same rules as the table."""
    if not isinstance(fill, Mapping):
        raise InputError(_FILL, what(fill), allowed='a value for each column, such as {"rank": "none"}')
    values = {name: fill[key] for name in given for key in (name, stem(name)) if key in fill}
    lacking = [name for name in given if name not in values]
    beyond = [key for key in fill if key not in given and key not in columns]
    if lacking or beyond:
        problem = "has no value for columns" if lacking else "names columns that are not in the table"
        hint = "Name one value for each column of the table"
        raise InputError(_FILL, problem, value=lacking or beyond, allowed=", ".join(given), hint=hint)
    last = read_columns({name: [value] for name, value in values.items()}, layout, reserved=())
    return {
        name: join_columns(column, last[name], thing=f"members fill {name!r}")
        for name, column in columns.items()
    }
