"""Products of 128 bits and their division, on columns of unsigned 64-bit words.

A product of two amounts needs up to 126 bits; it is kept as two words, multiplied and divided in half-words
the way one does by hand. Nothing here rounds: a quotient comes with its remainder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from fenxiao._arrays import MinorArray

WIDE: Final = np.uint64
"""One word of a two-word product."""

WideArray: TypeAlias = npt.NDArray[np.uint64]

_HALF: Final = WIDE(32)
_LOW: Final = WIDE(0xFFFFFFFF)
_BASE: Final = WIDE(1 << 32)
_ONE: Final = WIDE(1)


def magnitude(values: MinorArray) -> WideArray:
    """Return absolute values as words; the most negative int64 has its true magnitude 2**63."""
    return np.abs(values).view(WIDE)


def mul_wide(a: WideArray, b: WideArray) -> tuple[WideArray, WideArray]:
    """Return the words ``(high, low)`` of the exact products ``a * b``."""
    a_low, a_high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    low = a_low * b_low
    # Each sum below stays under 2**64: a product of half-words is at most (2**32 - 1)**2.
    middle = a_high * b_low + (low >> _HALF)
    cross = a_low * b_high + (middle & _LOW)
    high = a_high * b_high + (middle >> _HALF) + (cross >> _HALF)
    return high, (cross << _HALF) | (low & _LOW)


def leading_zeros(words: WideArray) -> WideArray:
    """Return how many leading bits of each word are zero; the words are not zero."""
    count = np.zeros_like(words)
    rest = words.copy()
    for bits in (32, 16, 8, 4, 2, 1):
        short = rest < WIDE(1 << (64 - bits))
        step = short.astype(WIDE) * WIDE(bits)
        count += step
        rest <<= step
    return count


def div_wide(high: WideArray, low: WideArray, divisor: WideArray) -> tuple[WideArray, WideArray]:
    """Return quotient and remainder of two-word dividends by one-word divisors.

    Parameters
    ----------
    high, low : uint64 [n]
        The dividend's words, ``high < divisor`` so that the quotient fits one word.
    divisor : uint64 [n] or scalar array
        From 1 to ``2**63 - 1``.
    """
    shift = leading_zeros(np.asarray(divisor))
    # The divisor has a leading zero, so `shift` is at least 1 and the complement below is a legal shift.
    scaled = divisor << shift
    top, bottom = scaled >> _HALF, scaled & _LOW
    rest = (high << shift) | (low >> (WIDE(64) - shift))
    low = low << shift
    first, rest = _digit(rest, low >> _HALF, scaled, top, bottom)
    second, rest = _digit(rest, low & _LOW, scaled, top, bottom)
    return (first << _HALF) | second, rest >> shift


def _digit(
    rest: WideArray, following: WideArray, scaled: WideArray, top: WideArray, bottom: WideArray
) -> tuple[WideArray, WideArray]:
    """Return the next half-word of the quotient and what is left to divide."""
    digit = rest // top
    over = rest - digit * top
    # The estimate from the leading half-word is at most two too large.
    for _ in range(2):
        excess = (over < _BASE) & ((digit >= _BASE) | (digit * bottom > ((over << _HALF) | following)))
        digit -= excess
        over += excess * top
    # The true remainder fits one word, so wrapping on the way to it does no harm.
    return digit, (rest << _HALF) + following - digit * scaled


def mul_div_wide(a: WideArray, b: WideArray, divisor: WideArray) -> tuple[WideArray, WideArray]:
    """Return quotient and remainder of ``a * b`` by `divisor`; the quotient must fit one word."""
    high, low = mul_wide(a, b)
    return div_wide(high, low, divisor)
