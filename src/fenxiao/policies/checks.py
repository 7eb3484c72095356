"""Checks of what users' policies claim: columns and matrices of integers within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, AnyArray, MinorArray
from fenxiao.errors import PlanError, class_name, what

if TYPE_CHECKING:
    from fenxiao.policies.base import Claims
    from fenxiao.policies.blocks import OrderBlock

NO_LEVEL: Final = -1
"""The level of a claim that has none."""
LEVEL_MAX: Final = int(np.iinfo(INDEX).max)
_INTEGERS: Final = "iu"


def integers(values: Any, thing: str) -> MinorArray:
    """Return a column of integers of any kind as int64, or raise where it is none."""
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty((0, 0), dtype=object)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in _INTEGERS):
        found = str(array.dtype) if array.ndim == 1 else what(values)
        raise PlanError(thing, "is not a column of integers", value=found, allowed="integers, one a claim")
    if len(array) and int(array.max()) > MINOR_MAX:
        raise PlanError(thing, "is beyond 64 bits", value=int(array.max()), allowed=f"at most {MINOR_MAX}")
    return array.astype(MINOR, copy=False)


def levels_of(level: Any, count: int, thing: str) -> MinorArray:
    """Return a level for each of `count` claims, of one for all or of one a claim."""
    single = isinstance(level, int | np.integer) and not isinstance(level, bool)
    levels = integers([level] * count if single else level, thing)
    within(levels, NO_LEVEL, LEVEL_MAX, thing)
    return levels


def same_length(thing: str, *columns: AnyArray) -> None:
    """Raise where columns differ in length."""
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise PlanError(
            thing, "have columns of different lengths", value=lengths, allowed="one entry a claim in each"
        )


def within(values: AnyArray, least: int, most: int, thing: str) -> None:
    """Raise where a value lies outside ``least .. most``."""
    if values.size and not least <= int(values.min()) <= int(values.max()) <= most:
        bad = np.flatnonzero((values < least) | (values > most))
        raise PlanError(
            thing,
            "is out of range",
            value=int(values.flat[bad[0]]),
            allowed=f"{least} to {most}",
            rows=bad if values.ndim == 1 else (),
        )


def _matrix(values: Any, shape: tuple[int, int], dtype: type[Any], thing: str) -> AnyArray:
    if not isinstance(values, np.ndarray) or values.dtype != dtype or values.shape != shape:
        array = isinstance(values, np.ndarray)
        found = f"{values.dtype} {list(values.shape)}" if array else class_name(values)
        raise PlanError(
            thing,
            "is of another kind or shape than the block",
            value=found,
            allowed=f"{np.dtype(dtype)} {list(shape)}: slots and lines",
            hint="Claims.of(block, ...) builds claims from one entry a claim",
        )
    return values


def checked(claims: Claims, block: OrderBlock, thing: str) -> Claims:
    """Return claims that somebody built by hand, with a bound that holds, after checking that they fit.

    Raises
    ------
    PlanError
        Columns do not fit the block; a payee is no member, a level no level, an amount negative; nobody is
        paid.
    """
    nobody = block.setting.size
    slots = len(claims.amount) if isinstance(claims.amount, np.ndarray) and claims.amount.ndim else 0
    shape = (slots, len(block))
    amount = _matrix(claims.amount, shape, MINOR, f"{thing}, amount")
    within(amount, 0, MINOR_MAX, f"{thing}, amount")
    payees = _matrix(claims.payees(block), shape, INDEX, f"{thing}, payee")
    within(payees, 0, nobody, f"{thing}, payee")
    if amount[payees == nobody].any():
        raise PlanError(f"{thing}, amount", "pays nobody", allowed="0 where the payee is nobody")
    if isinstance(claims.levels, tuple):
        levels = integers(claims.levels, f"{thing}, levels")
        same_length(f"{thing}, levels and slots", levels, amount)
    else:
        levels = _matrix(claims.levels, shape, INDEX, f"{thing}, levels")
    within(levels, NO_LEVEL, LEVEL_MAX, f"{thing}, levels")
    within(integers([claims.breakage], f"{thing}, breakage"), 0, MINOR_MAX, f"{thing}, breakage")
    return attrs.evolve(claims, bound=max(int(amount.max(initial=0)), 1))
