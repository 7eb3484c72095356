"""How the kind of a column is inferred from what the caller hands in."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fenxiao._arrays import (
    FLAG,
    INDEX,
    INSTANT,
    MINOR,
    MINOR_MAX,
    MINOR_MIN,
    AnyArray,
    MinorArray,
)
from fenxiao._columns.kinds import Amounts, Categories, Column, Days, Flags, Input, Instants, Numbers
from fenxiao._labels import unmasked
from fenxiao._labels.values import NULL, Kinds, kinds_in, mixed_rows, plain_values
from fenxiao.errors import InputError, TimeError, class_name, is_listing
from fenxiao.money import Rate, column_to_minor

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAY: Final = np.dtype("datetime64[D]")
_MICROSECOND: Final = np.dtype("datetime64[us]")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICK: Final = dt.timedelta(microseconds=1)
_DEFAULT_DECIMALS: Final = 2

# A subclass stands before its base: datetime before date.
_FURTHER: Final[Kinds] = (
    (Decimal, "Decimal"),
    (Fraction, "Fraction"),
    (Rate, "Rate"),
    (dt.datetime, "datetime"),
    (dt.date, "date"),
    (np.datetime64, "datetime64"),
)
_CATEGORY_KINDS: Final = frozenset({"str", "bytes", "UUID", "Decimal", "Fraction", "Rate"})
_ALLOWED: Final = (
    "bool, int, str, bytes, UUID, Decimal, Fraction, Rate, date or an aware datetime, one kind a column"
)


def column_of(
    name: str,
    values: Input,
    *,
    decimals: int | None = None,
    minor: bool = False,
    category: bool = False,
    thing: str = "",
    error: type[InputError] = InputError,
) -> Column:
    """Make a typed column of whatever the caller holds: a list, a numpy array, a data-frame series.

    Parameters
    ----------
    name : the column's name; a name that ends in ``_minor`` holds integers in minor units
    values : n values: a list, a tuple, a numpy array, or a series that numpy can read
    decimals : decimals of the unit; given for money and volumes, which become `Amounts`
    minor : the values are integers in minor units already
    category : integers are names (product numbers), not quantities
    thing : how messages call the column
    error : the class raised for what is wrong with the values' kind

    Returns
    -------
    Column
        bool becomes `Flags`, int `Numbers`, aware datetimes `Instants`, dates `Days`; str, bytes, UUID,
        Decimal, Fraction and Rate become `Categories`, which alone may hold nulls.

    Raises
    ------
    InputError
        Floats, mixed kinds, missing values outside categories, integers beyond 64 bits, more than one
        dimension.
    TimeError
        Naive datetimes.
    MoneyError, MoneyOverflowError
        Amounts that `fenxiao.money.column_to_minor` refuses.

    Examples
    --------
    >>> column_of("rank", ["gold", None, "silver"]).values
    ('gold', 'silver')
    >>> column_of("bonus", ["1.50"], decimals=2).value(0)
    Decimal('1.50')
    """
    thing = thing or f"column {name!r}"
    minor = minor or name.endswith("_minor")
    if minor or decimals is not None:
        decimals = _DEFAULT_DECIMALS if decimals is None else decimals
        data = values if isinstance(values, list | tuple) else _one_dimension(values, thing, error)
        return Amounts(column_to_minor(data, decimals, thing=thing, minor=minor), decimals)
    if isinstance(values, list | tuple):
        return _from_sequence(values, category=category, thing=thing, error=error)
    return _from_array(values, category=category, thing=thing, error=error)


def _one_dimension(values: Input, thing: str, error: type[InputError]) -> Input:
    """Return `values` as something numpy reads as one dimension; lists of scalars stay lists."""
    if isinstance(values, str | bytes) or not hasattr(values, "__array__"):
        if not is_listing(values):
            raise error(thing, f"is a single {class_name(values)}", allowed="a list, an array or a series")
        return list(values)
    array = np.asarray(unmasked(values))
    if array.ndim != 1:
        raise error(thing, "has more than one dimension" if array.ndim else "is a single value",
                    value=array.shape, allowed="one value a row")  # fmt: skip
    return array


def _from_array(values: Input, *, category: bool, thing: str, error: type[InputError]) -> Column:
    array = _one_dimension(values, thing, error)
    if isinstance(array, list):
        return _from_sequence(array, category=category, thing=thing, error=error)
    kind = array.dtype.kind
    if kind == "b":
        return Flags(array)
    if kind in "iu":
        whole = _fit(array, thing, error)
        return _integer_categories(whole) if category else Numbers(whole)
    if kind == "f" and not isinstance(getattr(values, "dtype", None), np.dtype):
        # A frame's integers with nulls reach numpy as floats; one by one they are what they were.
        return _from_sequence(list(values), category=category, thing=thing, error=error)
    if kind == "f":
        raise _float_error(thing, error, rows=())
    if kind == "M":
        dtype = getattr(values, "dtype", None)
        # Time-zone aware series of data frames reach numpy as their UTC instants.
        aware = getattr(dtype, "tz", None) is not None or getattr(dtype, "time_zone", None) is not None
        return _from_datetime64(array, aware=aware, thing=thing, error=error)
    if kind in "OUST":
        return _from_sequence(array.tolist(), category=category, thing=thing, error=error)
    raise error(thing, "is of a kind that no rule can read", value=str(array.dtype), allowed=_ALLOWED)


def _fit(array: AnyArray, thing: str, error: type[InputError]) -> MinorArray:
    if array.dtype.kind == "u" and len(array) and int(array.max()) > MINOR_MAX:
        rows = np.flatnonzero(array > np.array(MINOR_MAX, dtype=array.dtype))
        raise error(thing, "does not fit into 64 bits", allowed=f"at most {MINOR_MAX}", rows=rows)
    return array.astype(MINOR, copy=False)


def _float_error(thing: str, error: type[InputError], rows: Sequence[int]) -> InputError:
    return error(
        thing,
        "holds floats (or integers with missing values, which frames store as floats)",
        allowed=_ALLOWED,
        hint="Fill missing values, convert counts to integers and shares to Decimal, or name it as money",
        rows=rows,
    )


def _from_sequence(values: Sequence[Any], *, category: bool, thing: str, error: type[InputError]) -> Column:
    values, kinds, found = kinds_in(values, _FURTHER)
    if len(found) > 1:
        mixture, rows = f"mixes {' and '.join(found)}", mixed_rows(values, kinds)
        raise error(thing, mixture, allowed=_ALLOWED, rows=rows)
    values = plain_values(values, kinds)
    kind, nulls = found[0] if found else "str", NULL in kinds.values()
    if kind in _CATEGORY_KINDS or (category and kind == "int"):
        return _categories(values, kind, nulls=nulls, thing=thing, error=error)
    if nulls:
        rows = [row for row, value in enumerate(values) if value is None]
        raise error(thing, f"has missing {kind} values", allowed="a value in every row", rows=rows)
    return _plain(values, kind, thing, error)


def _plain(values: Sequence[Any], kind: str, thing: str, error: type[InputError]) -> Column:
    if kind == "bool":
        return Flags(np.array(values, dtype=FLAG))
    if kind == "int":
        try:
            return Numbers(np.array(values, dtype=MINOR))
        except OverflowError:
            rows = [row for row, value in enumerate(values) if not MINOR_MIN <= value <= MINOR_MAX]
            allowed = f"{MINOR_MIN} to {MINOR_MAX}"
            raise error(thing, "does not fit into 64 bits", allowed=allowed, rows=rows) from None
    if kind == "datetime":
        naive = [row for row, value in enumerate(values) if value.utcoffset() is None]
        if naive:
            raise _naive_error(thing, naive)
        ticks = [(value - _EPOCH) // _TICK for value in values]
        return Instants(np.array(ticks, dtype=INSTANT))
    if kind == "date":
        return Days(np.array(values, dtype=_DAY).astype(INSTANT))
    if kind == "datetime64":
        return _from_datetime64(np.array(values), aware=False, thing=thing, error=error)
    if kind == "float":
        raise _float_error(thing, error, range(len(values)))
    raise error(thing, "is of a kind that no rule can read", value=kind, allowed=_ALLOWED)


def _naive_error(thing: str, rows: Sequence[int]) -> TimeError:
    hint = "Attach a time zone, or hand in dates where the day is all that counts"
    return TimeError(thing, "has naive times", allowed="aware datetimes or dates", hint=hint, rows=rows)


def _from_datetime64(array: AnyArray, *, aware: bool, thing: str, error: type[InputError]) -> Column:
    missing = np.flatnonzero(np.isnat(array))
    if len(missing):
        raise error(thing, "has missing datetime values", allowed="a value in every row", rows=missing)
    if aware:
        return Instants(array.astype(_MICROSECOND).astype(INSTANT))
    if array.dtype != _DAY:
        raise _naive_error(thing, range(len(array)))
    return Days(array.astype(INSTANT))


def _categories(
    values: Sequence[Any], kind: str, *, nulls: bool, thing: str, error: type[InputError]
) -> Categories:
    if kind == "Decimal":
        values = _canonical_decimals(values, thing, error)
    seen = set(values)
    seen.discard(None)
    unique = sorted(seen)
    code: dict[Any, int] = dict(zip(unique, range(len(unique)), strict=True))
    if nulls:
        code[None] = -1
    codes = np.fromiter(map(code.__getitem__, values), dtype=INDEX, count=len(values))
    return Categories(codes, tuple(unique))


def _canonical_decimals(
    values: Sequence[Decimal | None], thing: str, error: type[InputError]
) -> list[Decimal | None]:
    """Write equal decimals equally, so that which of ``0.1`` and ``0.10`` came first does not show."""
    bad = [row for row, value in enumerate(values) if value is not None and not value.is_finite()]
    if bad:
        raise error(thing, "has decimals that are not numbers", allowed="finite decimals", rows=bad)
    return [None if value is None else _strip(value) for value in values]


def _strip(value: Decimal) -> Decimal:
    sign, digits, exponent = value.as_tuple()
    shift = int(exponent)
    drop = 0
    while drop < len(digits) - 1 and digits[-1 - drop] == 0 and shift + drop < 0:
        drop += 1
    if shift > 0:
        return Decimal(int(value))
    return Decimal((sign if any(digits) else 0, digits[: len(digits) - drop], shift + drop))


def _integer_categories(whole: MinorArray) -> Categories:
    if len(whole) == 0:
        return Categories(np.zeros(0, dtype=INDEX), ())
    low, high = int(whole.min()), int(whole.max())
    if high - low <= 4 * len(whole):
        # Product numbers are mostly dense: a table of what occurs replaces the sort.
        offset = whole - low
        present = np.zeros(high - low + 1, dtype=FLAG)
        present[offset] = True
        code = np.cumsum(present, dtype=INDEX) - INDEX(1)
        return Categories(code[offset], tuple((np.flatnonzero(present) + low).tolist()))
    unique, codes = np.unique(whole, return_inverse=True)
    return Categories(codes, tuple(unique.tolist()))
