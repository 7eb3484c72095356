"""Schedules: what a level pays, as a rate or as fixed money, and as tables of integers."""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, Any, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR, MINOR_MAX, FlagArray, MinorArray
from fenxiao.errors import PlanError, RateError
from fenxiao.money import Rate, is_amount, to_minor

if TYPE_CHECKING:
    from collections.abc import Sequence


@final
@attrs.frozen
class Fixed:
    """Money per unit of quantity, in place of a rate: ``Fixed("0.88")``. It may be zero.

    Examples
    --------
    >>> Fixed("0.88").amount
    '0.88'
    """

    amount: str = attrs.field()

    @amount.validator
    def _check(self, _: object, value: object) -> None:
        # Which decimals are allowed is the currency's affair; the plan checks it.
        if not is_amount(value):
            raise PlanError(
                "Fixed", "is not an amount of money", value=value, allowed='0 or more, such as "0.88"'
            )


def fixed_of(value: Any) -> Fixed:
    """Return fixed money, of itself or of plain data such as ``{"fixed": "0.88"}``."""
    if isinstance(value, dict) and set(value) == {"fixed"}:
        return Fixed(value["fixed"])
    if not isinstance(value, Fixed):
        raise PlanError(
            "fixed money", "cannot be read", value=value, allowed='Fixed("0.88") or {"fixed": "0.88"}'
        )
    return value


Cell: TypeAlias = Rate | Fixed
Schedule: TypeAlias = tuple[Cell, ...]


@final
@attrs.frozen(eq=False, kw_only=True)
class RateTable:
    """Schedules as integers: cell = rates[schedule, level] / denominator of the base, or fixed money."""

    rates: MinorArray
    denominator: int
    fixed: MinorArray
    is_fixed: FlagArray
    exists: FlagArray

    @classmethod
    def of(cls, schedules: Sequence[Schedule], depth: int, decimals: int, thing: str) -> RateTable:
        """Return the table of some schedules; rows shorter than `depth` end early."""
        cells = [cell for schedule in schedules for cell in schedule]
        denominator = lcm(*(cell.denominator for cell in cells if isinstance(cell, Rate)), 1)
        shape = (len(schedules), depth)
        rates = np.zeros(shape, dtype=object)
        fixed, is_fixed, exists = (
            np.zeros(shape, dtype=MINOR),
            np.zeros(shape, dtype=FLAG),
            np.zeros(shape, dtype=FLAG),
        )
        for row, schedule in enumerate(schedules):
            for level, cell in enumerate(schedule):
                exists[row, level] = True
                if isinstance(cell, Fixed):
                    is_fixed[row, level] = True
                    fixed[row, level] = to_minor(cell.amount, decimals, thing=f"{thing}, Fixed")
                else:
                    rates[row, level] = int(cell.fraction * denominator)
        if rates.size and max(rates.flat) > MINOR_MAX:
            raise RateError(
                thing, "has rates whose common denominator is beyond 64 bits", hint="Use fewer digits"
            )
        return cls(
            rates=rates.astype(MINOR), denominator=denominator, fixed=fixed, is_fixed=is_fixed, exists=exists
        )
