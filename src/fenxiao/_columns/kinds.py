"""Kinds of columns that facts carry.

A kind fixes what a column may be used for: money cannot be compared with a count, a date is not an
instant. Only `Categories` can hold nulls; everywhere else a missing value is an error, never a guess.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final, Self, TypeAlias, cast

import attrs
import numpy as np

from fenxiao._arrays import (
    FLAG,
    INDEX,
    MINOR,
    AnyArray,
    FlagArray,
    IndexArray,
    InstantArray,
    MinorArray,
    readonly,
)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICK: Final = dt.timedelta(microseconds=1)


Input: TypeAlias = Any
"""What a caller hands in: any list, array or series; `column_of` finds out."""
Rows: TypeAlias = Any
"""Row numbers, a mask or a slice: whatever selects rows of an array."""


def _typed(values: Input, dtype: type[Any]) -> AnyArray:
    array = np.asarray(values)
    return array if array.dtype == dtype else array.astype(dtype, casting="same_kind")


def _flags(values: Input) -> FlagArray:
    return cast("FlagArray", readonly(_typed(values, FLAG)))


def _codes(values: Input) -> IndexArray:
    return cast("IndexArray", readonly(_typed(values, INDEX)))


def _whole(values: Input) -> MinorArray:
    return cast("MinorArray", readonly(_typed(values, MINOR)))


class _Rows:
    """What the kinds with one array share."""

    __slots__ = ()

    values: AnyArray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def same_as(self, other: object) -> bool:
        """Return whether the other column is of the same kind and holds the same."""
        if not isinstance(other, type(self)) or self.unit != other.unit:
            return False
        return bool(np.array_equal(self.values, other.values))

    @property
    def unit(self) -> int:
        """Return what tells columns of one kind apart: the decimals of amounts, else 0."""
        return 0

    def take(self, rows: Rows) -> Self:
        """Return the column of the given rows (row numbers, a mask or a slice)."""
        return attrs.evolve(self, values=self.values[rows])  # type: ignore[misc]  # a mixin of attrs classes


@attrs.frozen(eq=False)
class Flags(_Rows):
    """Yes or no, one a row.

    >>> Flags([True, False]).value(1)
    False
    """

    values: FlagArray = attrs.field(converter=_flags)

    def value(self, row: int) -> bool:
        """Return the Python value of one row."""
        return bool(self.values[row])


@attrs.frozen(eq=False)
class Numbers(_Rows):
    """Plain integers without a unit: counts, grades, levels.

    >>> Numbers([3, 5]).value(1)
    5
    """

    values: MinorArray = attrs.field(converter=_whole)

    def value(self, row: int) -> int:
        """Return the Python value of one row."""
        return int(self.values[row])


@attrs.frozen(eq=False)
class Amounts(_Rows):
    """Money or volume in minor units, with the decimals that turn it into the major unit.

    >>> Amounts([1250, 5], 2).value(0)
    Decimal('12.50')
    """

    values: MinorArray = attrs.field(converter=_whole)
    decimals: int

    def value(self, row: int) -> Decimal:
        """Return the amount of one row in major units, exactly."""
        return Decimal(f"{self.values[row]}e-{self.decimals}")

    @property
    def unit(self) -> int:
        """Return the decimals: the same integers are other amounts with others."""
        return self.decimals


@attrs.frozen(eq=False)
class Categories:
    """Values out of a set: `codes` point into `values` (sorted, unique); code -1 is null.

    >>> Categories([0, -1], ("north", "south")).value(0)
    'north'
    """

    codes: IndexArray = attrs.field(converter=_codes)
    values: tuple[Any, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.codes)

    def same_as(self, other: object) -> bool:
        """Return whether the other column holds the same values, whatever their codes."""
        if not isinstance(other, Categories) or len(self) != len(other):
            return False
        place = {value: code for code, value in enumerate(other.values)}
        table = np.array([*(place.get(value, -2) for value in self.values), -1], dtype=INDEX)
        return bool(np.array_equal(table[self.codes], other.codes))

    def take(self, rows: Rows) -> Categories:
        """Return the column of the given rows (row numbers, a mask or a slice)."""
        return Categories(self.codes[rows], self.values)

    def value(self, row: int) -> object:
        """Return the Python value of one row, None where it is null."""
        code = int(self.codes[row])
        return None if code < 0 else self.values[code]


@attrs.frozen(eq=False)
class Ranks(Categories):
    """Categories with an order: `values` stand from the lowest to the highest, and nobody is without one.

    >>> Ranks([1, 0], ("none", "gold")).value(0)
    'gold'
    """

    def take(self, rows: Rows) -> Ranks:
        """Return the column of the given rows (row numbers, a mask or a slice)."""
        return Ranks(self.codes[rows], self.values)


@attrs.frozen(eq=False)
class Instants(_Rows):
    """Points in time: microseconds since 1970-01-01T00:00Z.

    >>> Instants([0]).value(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """

    values: InstantArray = attrs.field(converter=_whole)

    def value(self, row: int) -> dt.datetime:
        """Return the instant of one row as an aware datetime in UTC."""
        return _EPOCH + int(self.values[row]) * _TICK


@attrs.frozen(eq=False)
class Days(_Rows):
    """Calendar dates: days since 1970-01-01.

    >>> Days([31]).value(0)
    datetime.date(1970, 2, 1)
    """

    values: InstantArray = attrs.field(converter=_whole)

    def value(self, row: int) -> dt.date:
        """Return the date of one row."""
        return _EPOCH.date() + dt.timedelta(days=int(self.values[row]))


Column: TypeAlias = Flags | Numbers | Amounts | Categories | Instants | Days
