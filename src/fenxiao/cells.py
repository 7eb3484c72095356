"""`Cells`: what wide caps cut, totals by policy and payee (and by whatever else a cap groups by)."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, ROW, AnyArray, IndexArray, MinorArray, RowArray
from fenxiao._kernels.tally import Tally
from fenxiao.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fenxiao.limits import Cap

KEYS: Final = ("level", "product", "region", "source")
"""What a cell may be told apart by besides policy and payee, in this order."""

NONE: Final = -1


def keys_needed(caps: Sequence[Cap]) -> tuple[str, ...]:
    """Return which keys the plan's wide caps need."""
    wide = [cap for cap in caps if not cap.in_order]
    needed = {cap.scope for cap in wide} | (
        {"level"} if any(cap.rule == "priority" for cap in wide) else set()
    )
    return tuple(key for key in KEYS if key in needed)


@final
@attrs.frozen(eq=False, kw_only=True)
class Cells:
    """Totals by (policy, payee, keys), in minor units, sorted by them.

    Parameters
    ----------
    policy : int32 [n], place in the plan
    payee : int32 [n]
    keys : name -> int32 [n]
    amount : int64 [n], what scope 1 allowed
    """

    policy: IndexArray
    payee: IndexArray
    keys: Mapping[str, IndexArray]
    amount: MinorArray

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.amount)

    def take(self, rows: AnyArray) -> Cells:
        """Return some cells."""
        keys = {name: column[rows] for name, column in self.keys.items()}
        return Cells(policy=self.policy[rows], payee=self.payee[rows], keys=keys, amount=self.amount[rows])

    def followed_by(self, more: Cells) -> Cells:
        """Return these cells and then others, as they stand."""
        keys = {name: np.concatenate((column, more.keys[name])) for name, column in self.keys.items()}
        return Cells(
            policy=np.concatenate((self.policy, more.policy)),
            payee=np.concatenate((self.payee, more.payee)),
            keys=keys,
            amount=np.concatenate((self.amount, more.amount)),
        )

    @classmethod
    def empty(cls, keys: Sequence[str]) -> Cells:
        """Return no cells."""
        none = np.zeros(0, dtype=INDEX)
        return cls(policy=none, payee=none, keys=dict.fromkeys(keys, none), amount=np.zeros(0, dtype=MINOR))

    @classmethod
    def joined(cls, parts: Sequence[Cells]) -> Cells:
        """Return several tables as one; entries of one cell are added."""
        names = tuple(parts[0].keys)
        columns = [
            np.concatenate([part.policy for part in parts]),
            np.concatenate([part.payee for part in parts]),
        ]
        columns += [np.concatenate([part.keys[name] for part in parts]) for name in names]
        amount = np.concatenate([part.amount for part in parts])
        packed = pack(columns, radices(columns))
        if (packed[1:] > packed[:-1]).all():
            # Claims mostly come sorted, each payee once; then there is nothing to add up.
            policy, payee, *keys = columns
            return cls(policy=policy, payee=payee, keys=dict(zip(names, keys, strict=True)), amount=amount)
        cell, first = _groups_of(packed)
        tally = Tally(len(first))
        tally.add(cell, amount)
        policy, payee, *keys = (column[first] for column in columns)
        return cls(
            policy=policy,
            payee=payee,
            keys=dict(zip(names, keys, strict=True)),
            amount=tally.sums("a payee's total"),
        )


def group_rows(columns: Sequence[IndexArray]) -> tuple[RowArray, RowArray]:
    """Return numbers of the distinct rows of several columns in ascending order.

    Returns
    -------
    group : int64 [n], the number of each row's group
    first : int64 [groups], a row of each group
    """
    return _groups_of(pack(columns, radices(columns)))


def _groups_of(packed: MinorArray) -> tuple[RowArray, RowArray]:
    _, first, group = np.unique(packed, return_index=True, return_inverse=True)
    return group.astype(ROW).ravel(), first.astype(ROW)


def radices(columns: Sequence[IndexArray]) -> list[int]:
    """Return how many values each column may take, -1 included.

    Raises
    ------
    UnsupportedError
        There are more combinations than 64 bits can number.
    """
    found = [int(column.max(initial=NONE)) + 2 for column in columns]
    if prod(found) > MINOR_MAX:
        raise UnsupportedError(
            "wide caps",
            "group by more combinations than 64 bits can number",
            hint="Use fewer scopes in one plan",
        )
    return found


def pack(columns: Sequence[IndexArray], sizes: Sequence[int]) -> MinorArray:
    """Return one integer a row that orders rows as the columns do, first column first; -1 is legal."""
    packed = np.zeros(len(columns[0]), dtype=MINOR)
    for column, size in zip(columns, sizes, strict=True):
        packed = packed * size + (column.astype(MINOR) + 1)
    return packed


@final
class CellFinder:
    """Finds the cell that an entry belongs to."""

    __slots__ = ("_order", "_packed", "_sizes")

    def __init__(self, cells: Cells) -> None:
        columns = (cells.policy, cells.payee, *cells.keys.values())
        self._sizes = radices(columns)
        packed = pack(columns, self._sizes)
        self._order = np.argsort(packed, kind="stable")
        self._packed = packed[self._order]

    def find(self, columns: Sequence[IndexArray]) -> RowArray:
        """Return the numbers of cells by (policy, payee, keys); every entry has one."""
        return self._order[np.searchsorted(self._packed, pack(columns, self._sizes))].astype(ROW)
