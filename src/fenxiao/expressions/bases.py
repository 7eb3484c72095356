"""Bases: what a rate is a rate of, as exact linear combinations of order columns."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, Final, Protocol, final

import attrs
import numpy as np
import numpy.typing as npt

from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN, AnyArray, MinorArray
from fenxiao.errors import ExpressionError, MoneyOverflowError
from fenxiao.expressions.tables import column_name
from fenxiao.money import FLOOR, Rate, Rounding, mul_div, mul_div_arrays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NEVER_NEGATIVE: Final = "paid"
"""Orders refuse negative payments, so the commonest base needs no look at its values."""


class ColumnSource(Protocol):
    """Rows of orders (or of one order) whose columns a base reads."""

    @property
    def decimals(self) -> int:
        """Return the decimals of the plan's currency."""
        ...

    def amounts_of(self, name: str) -> tuple[MinorArray, int, int]:
        """Return a column's values, its decimals and an upper bound of its absolute values."""
        ...


@attrs.frozen(eq=False)
class Exact:
    """Exact amounts of minor units: ``values * numerator / denominator``, row by row.

    `values` is int64, or an object array of Python integers where 64 bits could overflow; ``bound`` is an
    upper bound of the absolute values.
    """

    values: AnyArray
    numerator: int
    denominator: int
    bound: int

    def times(self, rate: Fraction, rounding: Rounding = FLOOR, out: MinorArray | None = None) -> MinorArray:
        """Return ``values * rate``, rounded once; written to `out` if it is given."""
        numerator = self.numerator * rate.numerator
        denominator = self.denominator * rate.denominator
        if self.values.dtype == MINOR:
            return mul_div(self.values, numerator, denominator, rounding, bound=self.bound, out=out)
        factor = Fraction(numerator, denominator)
        found = fit_minor([rounding.round_fraction(value * factor) for value in self.values], "a base")
        if out is None:
            return found
        out[:] = found
        return out

    def at_rates(self, rates: AnyArray, unit: int, rounding: Rounding) -> MinorArray:
        """Return ``values * rates / unit`` row by row, rounded once; no rate is negative.

        `rates` is int64, or an object array of Python integers where 64 bits do not hold them.
        """
        denominator, most = self.denominator * unit, int(rates.max(initial=0)) * self.numerator
        if self.values.dtype == rates.dtype == MINOR and most <= MINOR_MAX:
            return mul_div_arrays(self.values, rates * self.numerator, denominator, rounding)
        factor = Fraction(self.numerator, denominator)
        pairs = zip(self.values.tolist(), rates.tolist(), strict=True)
        return fit_minor((rounding.round_fraction(v * r * factor) for v, r in pairs), "a commission")

    def limit(self, rate: Fraction) -> MinorArray:
        """Return the floor of ``values * rate`` as a limit: the 64-bit maximum where it does not fit."""
        numerator, denominator = self.numerator * rate.numerator, self.denominator * rate.denominator
        if self.bound * numerator // denominator <= MINOR_MAX:
            return self.times(rate)
        exact = (int(value) * numerator // denominator for value in self.values)
        return fit_minor((min(limit, MINOR_MAX) for limit in exact), "a limit")

    def grouped(self, group: npt.NDArray[np.integer[Any]], count: int) -> Exact:
        """Return the sums by group, exactly.

        Parameters
        ----------
        group : integer [n], each in ``0 .. count - 1``
        count : number of groups
        """
        bound = self.bound * max(len(self.values), 1)
        sums = np.zeros(count, dtype=MINOR if bound <= MINOR_MAX else object)
        np.add.at(sums, group, self.values if bound <= MINOR_MAX else self.values.astype(object))
        return Exact(sums, self.numerator, self.denominator, bound)

    def fraction(self, row: int) -> Fraction:
        """Return one row's exact amount of minor units."""
        return Fraction(int(self.values[row]) * self.numerator, self.denominator)


def fit_minor(numbers: Iterable[int], thing: str) -> MinorArray:
    """Return Python integers as int64, or raise where one does not fit."""
    listed = list(numbers)
    bad = [row for row, number in enumerate(listed) if not MINOR_MIN <= number <= MINOR_MAX]
    if bad:
        raise MoneyOverflowError(
            thing,
            "gives an amount beyond 64-bit minor units",
            rows=bad,
            hint="Settle in a currency with fewer decimals",
        )
    return np.array(listed, dtype=MINOR)


def _coefficient(value: object) -> Fraction:
    return Rate.of(value, allow_negative=True).fraction  # type: ignore[arg-type]  # checked before


def _terms(terms: Mapping[str, Any]) -> tuple[tuple[str, Fraction], ...]:
    return tuple((name, Fraction(value)) for name, value in terms.items() if value)


@final
@attrs.frozen(init=False, repr=False)
class Base:
    """What a rate is a rate of: a sum of order columns with exact coefficients.

    A money column counts in its minor units. A volume (points, CV) or a plain number counts one unit as one
    unit of the plan's currency, so that ``Base("cv") * "0.80"`` pays 0.80 for a point. The value of a line
    is exact and never rounded by itself; a negative one counts as zero.

    Parameters
    ----------
    column
        An order column: ``paid``, ``margin``, ``cv``, ``quantity``, ...

    Examples
    --------
    >>> Base("cv") * "40%" - Base("tax")
    Base('cv') * '40%' - Base('tax')
    >>> Base.from_data((Base("cv") * "1/3").as_data()) == Base("cv") * "1/3"
    True
    """

    terms: tuple[tuple[str, Fraction], ...]

    def __init__(self, column: str) -> None:
        self.__attrs_init__(((column_name(column, "a base", "an order"), Fraction(1)),))

    @classmethod
    def of(cls, value: str | Base) -> Base:
        """Return a base as it is, or the base that a column name stands for."""
        return value if isinstance(value, Base) else cls(value)

    @classmethod
    def _build(cls, terms: dict[str, Fraction]) -> Base:
        made = cls.__new__(cls)
        made.__attrs_init__(_terms(terms))
        if not made.terms:
            raise ExpressionError(
                "a base", "has no column left", hint="Give a column a coefficient that is not 0"
            )
        return made

    def __mul__(self, rate: object) -> Base:
        factor = _coefficient(rate)
        return self._build({name: share * factor for name, share in self.terms})

    __rmul__ = __mul__

    def _plus(self, other: Base, sign: int) -> Base:
        if not isinstance(other, Base):
            raise ExpressionError(
                "a base", "is added to something else", value=other, allowed='Base("column")'
            )
        terms = dict(self.terms)
        for name, share in other.terms:
            terms[name] = terms.get(name, Fraction(0)) + sign * share
        return self._build(terms)

    def __add__(self, other: Base) -> Base:
        return self._plus(other, 1)

    def __sub__(self, other: Base) -> Base:
        return self._plus(other, -1)

    def __repr__(self) -> str:
        parts = []
        for place, (name, share) in enumerate(self.terms):
            sign = ("-" if share < 0 else "") if place == 0 else (" - " if share < 0 else " + ")
            # A leading minus sign would need parentheses in code: the coefficient carries it there.
            factor = share if place == 0 else abs(share)
            sign = "" if place == 0 else sign
            text = f"Base({name!r})"
            parts.append(sign + (text if factor == 1 else f"{text} * {_rate_text(factor)!r}"))
        return "".join(parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the order columns that the base reads."""
        return tuple(name for name, _ in self.terms)

    def as_data(self) -> str | dict[str, str]:
        """Return the base as a column name, or as a mapping of column to coefficient."""
        if len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return {name: _rate_text(share) for name, share in self.terms}

    @classmethod
    def from_data(cls, data: object) -> Base:
        """Read what `as_data` wrote.

        Raises
        ------
        ExpressionError
            The data is neither a column name nor a mapping of columns to coefficients.
        """
        if isinstance(data, Base):
            return data
        if isinstance(data, str):
            return cls(data)
        if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
            raise ExpressionError(
                "a base", "cannot be read", value=data, allowed='"paid" or {"cv": "40%", "tax": "-1"}'
            )
        return cls._build(
            {column_name(name, "a base", "an order"): _coefficient(share) for name, share in data.items()}
        )

    def value(self, source: ColumnSource) -> Exact:
        """Return the exact base of every row of `source`, negative ones as zero."""
        columns = [source.amounts_of(name) for name in self.columns]
        factors = [
            share * Fraction(10) ** (source.decimals - decimals)
            for (_, share), (_, decimals, _) in zip(self.terms, columns, strict=True)
        ]
        if len(columns) == 1 and factors[0] > 0:
            values, _, bound = columns[0]
            if self.columns[0] != _NEVER_NEGATIVE and values.min(initial=0) < 0:
                values = np.maximum(values, 0)
            return Exact(values, factors[0].numerator, factors[0].denominator, bound)
        denominator = lcm(*(factor.denominator for factor in factors))
        weights = [int(factor * denominator) for factor in factors]
        bound = sum(abs(weight) * column[2] for weight, column in zip(weights, columns, strict=True))
        kind = MINOR if bound <= MINOR_MAX else object
        total = np.zeros(len(columns[0][0]), dtype=kind)
        for weight, (values, _, _) in zip(weights, columns, strict=True):
            total += values.astype(kind) * weight
        return Exact(np.maximum(total, 0), 1, denominator, bound)


def _rate_text(share: Fraction) -> str:
    return str(Rate.of(share, allow_negative=True))
