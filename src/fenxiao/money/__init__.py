"""Money: currencies, exact rates, rounding, exact products, claims rules and allocation."""

from __future__ import annotations

from fenxiao._kernels.rationing import Leftover
from fenxiao.money.allocation import allocate, allocate_many, cumulative_split
from fenxiao.money.amounts import (
    column_to_minor,
    format_minor,
    is_amount,
    minor_from_float,
    to_decimal,
    to_minor,
)
from fenxiao.money.currency import Currency
from fenxiao.money.products import mul_div, mul_div_arrays
from fenxiao.money.rates import Rate, RateLike
from fenxiao.money.rationing import RULES, Rule, ration, ration_exact, ration_many
from fenxiao.money.rounding import CEILING, FLOOR, HALF_EVEN, HALF_UP, Rounding, RoundingLike

__all__ = [
    "CEILING",
    "FLOOR",
    "HALF_EVEN",
    "HALF_UP",
    "RULES",
    "Currency",
    "Leftover",
    "Rate",
    "RateLike",
    "Rounding",
    "RoundingLike",
    "Rule",
    "allocate",
    "allocate_many",
    "column_to_minor",
    "cumulative_split",
    "format_minor",
    "is_amount",
    "minor_from_float",
    "mul_div",
    "mul_div_arrays",
    "ration",
    "ration_exact",
    "ration_many",
    "to_decimal",
    "to_minor",
]
