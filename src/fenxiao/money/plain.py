"""A fast reader for columns of plain amounts such as "12.34"; everything else is left to the careful one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from fenxiao._arrays import FLAG, MINOR, blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao._arrays import AnyArray, FlagArray, MinorArray

_WIDTH_MAX: Final = 24
"""A block with a longer text is not plain; it would blow up the matrix of characters."""

_DIGITS_SAFE: Final = 18
"""So many digits always fit into an int64."""

_BYTE: Final = np.uint8
_MINUS, _DOT, _ZERO = (_BYTE(ord(character)) for character in "-.0")


def parse_plain(texts: Sequence[str], decimals: int) -> tuple[MinorArray, FlagArray]:
    """Read the plain texts among `texts`; tell which ones those are.

    Plain is an optional minus, digits, and optionally a point with 1 to `decimals` digits, 18 digits in all
    at most. The other rows of the result are zero.

    Parameters
    ----------
    texts
        Texts only, of any content.
    decimals
        Decimals of the minor unit.

    Returns
    -------
    int64 [n], bool [n]
        Minor units, and whether the row was plain.

    Examples
    --------
    >>> values, plain = parse_plain(["12.30", " 1", "-7"], 2)
    >>> values.tolist(), plain.tolist()
    ([1230, 0, -700], [True, False, True])
    """
    values = np.zeros(len(texts), dtype=MINOR)
    plain = np.zeros(len(texts), dtype=FLAG)
    for low, high in blocks(len(texts)):
        columns = _characters(texts[low:high])
        if columns is not None:
            _read_block(columns, decimals, values[low:high], plain[low:high])
    return values, plain


def _characters(texts: Sequence[str]) -> AnyArray | None:
    """Return the matrix [width, n] of character codes, 0 beyond a text's end; None if it cannot be had."""
    if not 0 < max(map(len, texts)) <= _WIDTH_MAX:
        return None
    try:
        packed = np.array(texts, dtype="S")
    except UnicodeEncodeError:
        return None
    columns = packed.view(_BYTE).reshape(len(texts), -1).T.copy()
    # numpy drops trailing NUL characters; with one of them the text would look plainer than it is.
    return columns if np.count_nonzero(columns) == sum(map(len, texts)) else None


def _read_block(columns: AnyArray, decimals: int, values: MinorArray, plain: FlagArray) -> None:
    codes = columns - _ZERO
    # The codes of other characters wrap round to more than 9.
    is_digit = codes <= 9
    is_dot = columns == _DOT
    negative = columns[0] == _MINUS
    length = np.count_nonzero(columns, axis=0)
    digits = np.count_nonzero(is_digit, axis=0)
    dots = np.count_nonzero(is_dot, axis=0)
    dot_at = is_dot.argmax(axis=0)
    fraction = np.where(dots == 1, length - 1 - dot_at, 0)
    np.equal(digits + dots + negative, length, out=plain)
    plain &= (dots == 0) | ((dots == 1) & (fraction >= 1) & (dot_at > negative))
    plain &= (digits >= 1) & (fraction <= decimals)
    missing = np.where(plain, decimals - fraction, 0)
    plain &= digits + missing <= _DIGITS_SAFE
    for code, flag in zip(codes, is_digit, strict=True):
        np.multiply(values, 10, out=values, where=flag)
        np.add(values, code, out=values, where=flag)
    values *= (10 ** np.arange(decimals + 1, dtype=MINOR))[missing]
    np.negative(values, out=values, where=negative)
    values[~plain] = 0
