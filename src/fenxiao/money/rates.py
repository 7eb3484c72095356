"""Rates: exact rationals that are written and shown the way plans write them."""

from __future__ import annotations

import operator
import re
from decimal import Decimal
from fractions import Fraction
from functools import total_ordering
from typing import Final, TypeAlias

from attrs import frozen

from fenxiao.errors import RateError

_TEXT: Final = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<num>[0-9]+)\s*/\s*(?P<den>[0-9]+)|(?P<dec>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(?P<pct>%?))"
)
_LENGTH_MAX: Final = 200
"""Longer texts are a mistake, and parsing them would cost time that grows with their square."""

_THING: Final = "rate"
_ALLOWED: Final = '"12.5%", "1/3", "0.125", a Fraction, a Decimal or an int'


@total_ordering
@frozen(init=False, repr=False, order=False)
class Rate:
    """An exact rate in lowest terms: a commission share, a tax share, a price ratio.

    Parameters
    ----------
    value
        ``"12.5%"``, ``"1/3"``, ``"0.125"``, a `Fraction`, a `Decimal`, an `int` or a `Rate`. A `float` is
        refused, because 0.1 is not one tenth.
    allow_negative
        Accept rates below zero.

    Attributes
    ----------
    numerator, denominator
        In lowest terms, the denominator positive.

    Raises
    ------
    RateError
        If the value is a float, a bool, negative without `allow_negative`, or not a rate at all.

    Examples
    --------
    >>> Rate("12.5%")
    Rate("12.5%")
    >>> Rate.of("1/3").fraction
    Fraction(1, 3)
    >>> str(Rate.of("0.125"))
    '12.5%'
    >>> Rate.of("5%") < Rate.of("1/3")
    True
    """

    numerator: int
    denominator: int

    def __init__(self, value: RateLike, *, allow_negative: bool = False) -> None:
        exact = _exact(value)
        if exact < 0 and not allow_negative:
            raise RateError(_THING, "is negative", value=value, allowed="0 or more", hint="Drop the sign")
        self.__attrs_init__(exact.numerator, exact.denominator)

    @classmethod
    def of(cls, value: RateLike, *, allow_negative: bool = False) -> Rate:
        """Return the rate that `value` means; see the class for what is accepted."""
        return cls(value, allow_negative=allow_negative)

    @property
    def fraction(self) -> Fraction:
        """The rate as a `Fraction`."""
        return Fraction(self.numerator, self.denominator)

    as_fraction = fraction

    def __lt__(self, other: object) -> bool:
        """Compare exactly, by cross-multiplying."""
        if not isinstance(other, Rate):
            return NotImplemented
        return self.numerator * other.denominator < other.numerator * self.denominator

    def __str__(self) -> str:
        """Write a percentage if it ends, else a ratio; `Rate.of` reads either back."""
        percent = _terminating(self.numerator * 100, self.denominator)
        return f"{self.numerator}/{self.denominator}" if percent is None else f"{percent}%"

    def __repr__(self) -> str:
        """Write the constructor call."""
        return f'Rate("{self}")'


RateLike: TypeAlias = Rate | Fraction | Decimal | int | str
"""What `Rate.of` accepts."""


def _exact(value: object) -> Fraction:
    """Return the exact value of a rate-like thing, or raise `RateError`."""
    if isinstance(value, Rate):
        return value.fraction
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, bool):
        raise RateError(
            _THING, "is a truth value", value=value, allowed=_ALLOWED, hint='Write "0%" or "100%"'
        )
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > _LENGTH_MAX:
            raise RateError(
                _THING, "is not a finite rate", value=value, allowed=_ALLOWED, hint='Write "12.5%"'
            )
        return Fraction(value)
    if isinstance(value, int | Fraction):
        return Fraction(value)
    try:
        # numpy integers are integers in every respect but their type.
        return Fraction(operator.index(value))  # type: ignore[arg-type]  # others raise
    except TypeError:
        pass
    if hasattr(value, "__float__") and not isinstance(value, type) and not hasattr(value, "__len__"):
        raise RateError(_THING, "is a float", value=value, allowed=_ALLOWED, hint='Write it as text: "12.5%"')
    raise RateError(_THING, "is not a rate", value=value, allowed=_ALLOWED, hint='Write it as text: "12.5%"')


def _from_text(text: str) -> Fraction:
    match = _TEXT.fullmatch(text.strip()) if len(text) <= _LENGTH_MAX else None
    if match is None:
        raise RateError(
            _THING, "cannot be read", value=text, allowed=_ALLOWED, hint='Write it like "12.5%" or "1/3"'
        )
    if match["num"] is not None:
        if int(match["den"]) == 0:
            raise RateError(
                _THING, "divides by zero", value=text, allowed=_ALLOWED, hint='Write "0%" for none'
            )
        exact = Fraction(int(match["num"]), int(match["den"]))
    else:
        exact = Fraction(match["dec"])
        if match["pct"]:
            exact /= 100
    return -exact if match["sign"] == "-" else exact


def _terminating(numerator: int, denominator: int) -> str | None:
    """Return the plain decimal of a fraction, or None if it does not end."""
    value = Fraction(numerator, denominator)
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    text = digits if places == 0 else f"{digits[:-places]}.{digits[-places:]}"
    return f"-{text}" if value < 0 else text
