"""Amounts: from what people write to int64 minor units, and back."""

from __future__ import annotations

import operator
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX
from fenxiao.errors import MoneyError, MoneyOverflowError
from fenxiao.money.currency import Currency, check_decimals
from fenxiao.money.plain import parse_plain
from fenxiao.money.reading import (
    FLOAT,
    INTEGER,
    MINOR_FLOAT,
    MINOR_TRUTH,
    TOO_LARGE,
    TRUTH,
    Refusal,
    read_integer,
    read_text,
    read_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fenxiao._arrays import AnyArray, FlagArray, MinorArray

_FEW: Final = 64
"""Below this many rows the vectorised reader costs more than it saves."""

_FLOAT_EXACT: Final = 2**53
_FLOAT_SLACK: Final = 1e-6
_FLOAT_COARSE: Final = 2**32
"""Beyond so many minor units the gaps between floats come near the slack."""


def to_minor(value: object, decimals: int, *, thing: str = "amount", rows: Iterable[int] = ()) -> int:
    """Return an amount in minor units.

    Parameters
    ----------
    value
        A `Decimal`, a text like ``"12.34"`` (a sign and surrounding blanks may be there), or a `Fraction`
        that is a whole number of minor units.
    decimals
        Decimals of the minor unit, 0 to 12. Zeros beyond them are accepted, other digits are not.
    thing
        What an error calls the value.
    rows
        Row numbers that an error shows.

    Returns
    -------
    int
        Minor units; nothing is rounded.

    Raises
    ------
    MoneyError
        If the value is missing, a float, a bare integer or a bool, cannot be read, or is too fine.
    MoneyOverflowError
        If it does not fit into 64 bits.

    Examples
    --------
    >>> to_minor("12.340", 2)
    1234
    >>> to_minor(Decimal("-0.05"), 2)
    -5
    """
    check_decimals(decimals)
    result = read_value(value, decimals)
    if isinstance(result, Refusal):
        _refuse(result, thing, value, rows)
    return result


def column_to_minor(
    values: object, decimals: int, *, thing: str = "amount", minor: bool = False
) -> MinorArray:
    """Return a whole column in minor units.

    Parameters
    ----------
    values : [n]
        A list, a tuple, an array, a pandas or polars series. Texts and Decimals, as `to_minor` reads them;
        with `minor` integers only.
    decimals
        Decimals of the minor unit, 0 to 12.
    thing
        What an error calls the column.
    minor
        The values are integers that count minor units already.

    Returns
    -------
    int64 [n]
        Minor units, a fresh array; nothing is rounded.

    Raises
    ------
    MoneyError
        If a row is missing or is not accepted; names every row with the first mistake found.
    MoneyOverflowError
        If a row does not fit into 64 bits.

    Examples
    --------
    >>> column_to_minor(["12.34", "5"], 2).tolist()
    [1234, 500]
    >>> column_to_minor([1234, 500], 2, minor=True).tolist()
    [1234, 500]
    """
    check_decimals(decimals)
    read = _read_integers if minor else _read_texts
    if type(values) is list or type(values) is tuple:
        return read(values, decimals, thing)
    if isinstance(values, np.ma.MaskedArray):
        # Taking the plain array would bring the masked values back.
        return read(values.tolist(), decimals, thing)
    column = np.asarray(values)
    if column.ndim != 1:
        raise MoneyError(
            thing,
            "is not one column",
            value=type(values),
            allowed="one dimension",
            hint="Give a list or an array",
        )
    kind = column.dtype.kind
    if kind in "iu" and minor:
        return _narrow(column, thing)
    if kind == "f" and hasattr(values, "to_list"):
        # Some frames turn exact columns with gaps or decimals into floats; their own list keeps the kind.
        return read(values.to_list(), decimals, thing)
    if kind not in "iufb":
        return read(column.tolist(), decimals, thing)
    if column.size:
        major = {"f": FLOAT, "b": TRUTH}.get(kind, INTEGER)
        _refuse((MINOR_FLOAT if kind == "f" else MINOR_TRUTH) if minor else major, thing, column[0].item())
    return np.zeros(0, dtype=MINOR)


def minor_from_float(
    values: object, currency_or_decimals: Currency | str | int, *, thing: str = "amount"
) -> MinorArray:
    """Convert a float column explicitly, refusing what is not an amount.

    Parameters
    ----------
    values : float [n]
        Amounts in whole units, such as 12.34.
    currency_or_decimals
        A `Currency`, its code, or the decimals of the minor unit.
    thing
        What an error calls the column.

    Returns
    -------
    int64 [n]
        The nearest minor units. A row is accepted if it lies within 1e-6 minor units of one. Beyond 2**32
        minor units, where floats are that coarse, it must be the float nearest to one amount and no other.

    Raises
    ------
    MoneyError
        If a row is nan or infinite, between two minor units, or beyond 2**53 minor units, where floats have
        gaps; if the column is not made of floats.

    Examples
    --------
    >>> minor_from_float([12.34, 0.1 + 0.2], "CNY").tolist()
    [1234, 30]
    """
    if isinstance(currency_or_decimals, Currency | str):
        decimals = Currency.of(currency_or_decimals).decimals
    else:
        decimals = check_decimals(currency_or_decimals)
    exact = _float_column(values, thing)
    unit = 10**decimals
    with np.errstate(over="ignore"):
        scaled = exact * unit
    _refuse_rows(
        np.abs(scaled) > _FLOAT_EXACT,
        thing,
        "is beyond 2**53 minor units, where floats have gaps",
        f"up to {_FLOAT_EXACT} minor units",
        "Read the column as text",
    )
    nearest = np.rint(scaled)
    fits = np.abs(scaled - nearest) <= _FLOAT_SLACK
    coarse = np.flatnonzero(np.abs(scaled) > _FLOAT_COARSE)
    if coarse.size:
        nearest[coarse], fits[coarse] = _only_amount(exact[coarse], nearest[coarse], unit)
    _refuse_rows(
        ~fits,
        thing,
        "is not a whole number of minor units",
        "within 1e-6 of one",
        "Round it yourself, or read text",
    )
    minor: MinorArray = nearest.astype(MINOR)
    return minor


def _float_column(values: object, thing: str) -> AnyArray:
    """Return the values as finite floats, or raise `MoneyError`."""
    column = np.asarray(values)
    if column.ndim != 1 or (column.size and column.dtype.kind != "f"):
        raise MoneyError(
            thing,
            "is not a column of floats",
            value=column.dtype.name,
            allowed="one dimension of floats",
            hint="Other kinds need no conversion",
        )
    exact: AnyArray = column.astype(float)
    _refuse_rows(
        ~np.isfinite(exact), thing, "is missing or infinite", "finite floats", "Drop or fill these rows"
    )
    return exact


def _only_amount(exact: AnyArray, nearest: AnyArray, unit: int) -> tuple[AnyArray, FlagArray]:
    """Return the amounts whose nearest floats are `exact`, and where there is just one such amount.

    Large floats lie further than the slack from the amounts they were written as, and the product that led to
    `nearest` may be off by one; but dividing whole numbers below 2**53 gives the float nearest to the amount.
    """
    guesses = nearest + np.array([[-1], [0], [1]])
    hits = guesses / unit == exact
    return guesses[hits.argmax(axis=0), np.arange(nearest.size)], np.count_nonzero(hits, axis=0) == 1


def to_decimal(minor: int, decimals: int) -> Decimal:
    """Return minor units as an exact `Decimal` of whole units.

    Raises
    ------
    MoneyError
        If `decimals` is not an integer from 0 to 12.

    Examples
    --------
    >>> to_decimal(1000, 2)
    Decimal('10.00')
    """
    return Decimal(format_minor(minor, decimals))


def format_minor(minor: int, decimals: int) -> str:
    """Return minor units as text in whole units, with all decimals of the currency.

    Raises
    ------
    MoneyError
        If `decimals` is not an integer from 0 to 12.

    Examples
    --------
    >>> format_minor(1000, 2), format_minor(-5, 2), format_minor(10, 0)
    ('10.00', '-0.05', '10')
    """
    check_decimals(decimals)
    minor = operator.index(minor)
    digits = str(abs(minor)).rjust(decimals + 1, "0")
    text = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return f"-{text}" if minor < 0 else text


def _read_texts(values: Sequence[Any], decimals: int, thing: str) -> MinorArray:
    """Read a column of texts and Decimals: the plain texts at once, the other rows with care."""
    if len(values) < _FEW or set(map(type, values)) != {str}:
        read = [read_value(value, decimals) for value in values]
        return _collect(read, range(len(values)), values, thing, np.empty(len(values), dtype=MINOR))
    result, plain = parse_plain(values, decimals)
    rows = np.flatnonzero(~plain).tolist()
    return _collect([read_text(values[row], decimals) for row in rows], rows, values, thing, result)


def _read_integers(values: Sequence[Any], _decimals: int, thing: str) -> MinorArray:
    if set(map(type, values)) <= {int}:
        try:
            return np.array(values, dtype=MINOR)
        except OverflowError:
            pass  # The loop below finds the rows.
    read = [read_integer(value) for value in values]
    return _collect(read, range(len(values)), values, thing, np.empty(len(values), dtype=MINOR))


def _collect(
    read: list[int | Refusal], rows: Sequence[int], values: Sequence[Any], thing: str, result: MinorArray
) -> MinorArray:
    """Store what was read at `rows` of `result`; raise for the first mistake, with all rows that share it."""
    if Refusal in set(map(type, read)):
        wrong = [(row, item) for row, item in zip(rows, read, strict=True) if isinstance(item, Refusal)]
        first_row, first = wrong[0]
        same = [row for row, item in wrong if item is first]
        _refuse(first, thing, values[first_row], same, others=len(wrong) - len(same))
    if len(read) == len(result):
        return np.array(read, dtype=MINOR)
    result[list(rows)] = read
    return result


def _narrow(column: AnyArray, thing: str) -> MinorArray:
    """Return an integer column as int64, refusing unsigned values beyond it."""
    if column.dtype.kind == "u" and column.size and int(column.max()) > MINOR_MAX:
        rows = np.flatnonzero(column > MINOR_MAX)
        _refuse(TOO_LARGE, thing, int(column[rows[0]]), rows)
    narrow: MinorArray = column.astype(MINOR)
    return narrow


def _refuse(
    refusal: Refusal, thing: str, value: object, rows: Iterable[int] = (), *, others: int = 0
) -> NoReturn:
    error = MoneyOverflowError if refusal.overflow else MoneyError
    hint = refusal.hint + (f"; {others} more rows have other mistakes" if others else "")
    raise error(thing, refusal.problem, value=value, rows=rows, allowed=refusal.allowed, hint=hint)


def _refuse_rows(wrong: FlagArray, thing: str, problem: str, allowed: str, hint: str) -> None:
    if wrong.any():
        raise MoneyError(thing, problem, rows=np.flatnonzero(wrong), allowed=allowed, hint=hint)


_AMOUNT: Final = re.compile(r"\s*\d*\.?\d+\s*", re.ASCII)


def is_amount(value: object) -> bool:
    """Return whether `value` is text that writes an amount of money from 0, in whatever currency.

    Examples
    --------
    >>> is_amount("12.50"), is_amount("-1"), is_amount(12.5)
    (True, False, False)
    """
    return isinstance(value, str) and _AMOUNT.fullmatch(value) is not None
