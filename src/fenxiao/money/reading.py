"""Reading one value as an amount: its minor units, or why it is refused."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from fenxiao._arrays import MINOR_MAX, MINOR_MIN

_TEXT: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]+))?")
_DIGITS_MAX: Final = 19
"""A number with more digits is no int64, and converting very long texts is slow."""

_EXPONENT_MAX: Final = 40
"""Decimals with larger exponents are out of range whatever their digits."""


class Refusal(NamedTuple):
    """Why a value is not an amount; rows with the same refusal share one message."""

    problem: str
    allowed: str
    hint: str
    overflow: bool = False


_MAJOR: Final = 'text such as "12.34", a Decimal or an exact Fraction'
_WHOLE: Final = "integers"
_MISSING: Final = Refusal("is missing", "an amount in every row", 'Drop the row or write "0"')
FLOAT: Final = Refusal("is a float", _MAJOR, "Convert explicitly with minor_from_float, or give text")
INTEGER: Final = Refusal(
    "is a bare integer, which could mean whole or minor units",
    _MAJOR,
    'Write "100" for 100.00, or say that it is minor units: a column name ending in _minor or unit="minor"',
)
TRUTH: Final = Refusal("is a truth value", _MAJOR, "Give the amount itself")
_UNREADABLE: Final = Refusal(
    "is not an amount",
    _MAJOR,
    "Write plain digits with a point, without thousands separators, currency signs or exponents",
)
TOO_LARGE: Final = Refusal(
    "does not fit into 64-bit minor units",
    f"{MINOR_MIN} to {MINOR_MAX} minor units",
    "Check the amount, or use a currency with fewer decimals",
    overflow=True,
)
MINOR_FLOAT: Final = Refusal(
    "is a float", _WHOLE, "Convert explicitly, for example with minor_from_float(values, 0)"
)
MINOR_TRUTH: Final = Refusal("is a truth value", _WHOLE, "Give the amount itself")
_MINOR_OTHER: Final = Refusal(
    "is not an integer number of minor units", _WHOLE, 'Convert it, or leave out _minor and unit="minor"'
)


@cache
def _too_fine(decimals: int) -> Refusal:
    """Return the refusal of what is finer than the unit, which is that of a currency or of a volume."""
    return Refusal(
        "has more decimals than its unit",
        f"up to {decimals} decimal{'s' * (decimals != 1)}",
        "Round it yourself, or declare a currency or a volume with more decimals",
    )


def read_value(value: object, decimals: int) -> int | Refusal:
    """Return the minor units of one value, or why there are none."""
    if isinstance(value, str):
        return read_text(value, decimals)
    if isinstance(value, Decimal):
        if not value.is_finite():
            return _MISSING if value.is_nan() else _UNREADABLE
        if value and value.adjusted() > _EXPONENT_MAX:
            return TOO_LARGE
        if value and value.adjusted() < -_EXPONENT_MAX:
            return _too_fine(decimals)
        numerator, denominator = value.as_integer_ratio()
        return _whole(numerator, denominator, decimals)
    if isinstance(value, Fraction):
        return _whole(value.numerator, value.denominator, decimals)
    if isinstance(value, bool | np.bool_):
        return TRUTH
    if isinstance(value, int | np.integer):
        return INTEGER
    return _read_other(value, FLOAT, _UNREADABLE)


def _read_other(value: object, as_float: Refusal, otherwise: Refusal) -> Refusal:
    """Tell a missing value from a float from anything else."""
    if isinstance(value, float | np.floating):
        # Only nan differs from itself.
        return as_float if value == value else _MISSING
    # pandas has null objects of its own; naming their types avoids importing it.
    missing = value is None or type(value).__name__ in {"NAType", "NaTType"}
    return _MISSING if missing else otherwise


def read_text(text: str, decimals: int) -> int | Refusal:
    """Return the minor units of a text, or why there are none."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        return _UNREADABLE
    sign, whole, fraction = match.groups("")
    if not whole and not fraction:
        return _UNREADABLE
    if len(fraction) > decimals:
        if fraction[decimals:].strip("0"):
            return _too_fine(decimals)
        fraction = fraction[:decimals]
    digits = whole + fraction.ljust(decimals, "0")
    if len(digits) > _DIGITS_MAX:
        digits = digits.lstrip("0")
        if len(digits) > _DIGITS_MAX:
            return TOO_LARGE
    minor = int(digits or "0")
    return _in_range(-minor if sign == "-" else minor)


def _whole(numerator: int, denominator: int, decimals: int) -> int | Refusal:
    minor, rest = divmod(numerator * 10**decimals, denominator)
    return _too_fine(decimals) if rest else _in_range(minor)


def _in_range(minor: int) -> int | Refusal:
    return minor if MINOR_MIN <= minor <= MINOR_MAX else TOO_LARGE


def read_integer(value: object) -> int | Refusal:
    """Return a value that counts minor units already, or why it does not."""
    if isinstance(value, bool | np.bool_):
        return MINOR_TRUTH
    if isinstance(value, int | np.integer):
        return _in_range(int(value))
    return _read_other(value, MINOR_FLOAT, _MINOR_OTHER)
