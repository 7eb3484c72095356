"""Brackets: a rate by how much, on the whole amount or slice by slice."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MinorArray, RowArray, bracket_index
from fenxiao.errors import PlanError, is_one_of
from fenxiao.expressions.tables import pairs_of
from fenxiao.money import Rate, is_amount, to_minor

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALLOWED: Final = 'such as {"100": "3%", "1000": "9%"}, lower ends inside'


def _rows(table: Any) -> tuple[tuple[str, Rate], ...]:
    pairs = pairs_of(table, "Brackets", allowed=_ALLOWED, numbers=True)
    if not pairs:
        raise PlanError("Brackets", "are empty", allowed=_ALLOWED)
    strange = [key for key, _ in pairs if not is_amount(key)]
    if strange:
        raise PlanError(
            "Brackets", "have thresholds that are no number from 0", value=strange, allowed=_ALLOWED
        )
    ends = [Fraction(key) for key, _ in pairs]
    if len(set(ends)) < len(ends):
        raise PlanError("Brackets", "have one threshold twice", value=[key for key, _ in pairs])
    return tuple((key, Rate.of(rate)) for key, rate in pairs)


@final
@attrs.frozen
class Brackets:
    """Rates by threshold; below the first threshold nothing is paid. Lower ends are inside.

    ``whole`` pays one rate on the whole amount, ``marginal`` pays each slice at its own rate. What is below
    zero counts as 0, so that a first threshold of 0 is reached by everybody, losses included.

    Raises
    ------
    PlanError
        No rows, a threshold that is no number from 0, one threshold twice, another mode.
    RateError
        A float, a negative rate.

    Examples
    --------
    >>> Brackets.whole({100: "3%", 300: "6%"})
    Brackets.whole({'100': '3%', '300': '6%'})
    """

    mode: Literal["whole", "marginal"] = attrs.field()
    rows: tuple[tuple[str, Rate], ...] = attrs.field(converter=_rows)

    @mode.validator
    def _check(self, _: object, value: object) -> None:
        if not is_one_of(value, ("whole", "marginal")):
            raise PlanError("Brackets", "are of an unknown mode", value=value, allowed="whole, marginal")

    @classmethod
    def whole(cls, table: Mapping[Any, Any]) -> Brackets:
        """Return brackets whose rate is paid on the whole amount."""
        return cls("whole", table)

    @classmethod
    def marginal(cls, table: Mapping[Any, Any]) -> Brackets:
        """Return brackets of which each slice of the amount is paid at its own rate."""
        return cls("marginal", table)

    def __repr__(self) -> str:
        return f"Brackets.{self.mode}({ {key: str(rate) for key, rate in self.rows} })"

    @property
    def ordered(self) -> tuple[tuple[str, Rate], ...]:
        """Return the rows from the lowest threshold to the highest."""
        return tuple(sorted(self.rows, key=lambda row: Fraction(row[0])))

    @property
    def rising(self) -> bool:
        """Return whether a higher threshold never has a lower rate."""
        rates = [rate for _, rate in self.ordered]
        return rates == sorted(rates)

    def as_data(self) -> dict[str, Any]:
        """Return the brackets as plain data."""
        return {self.mode: {key: str(rate) for key, rate in self.rows}}

    @classmethod
    def from_data(cls, data: object) -> Brackets:
        """Read what `as_data` wrote."""
        if isinstance(data, Brackets):
            return data
        if isinstance(data, dict) and len(data) == 1 and set(data) <= {"whole", "marginal"}:
            mode, table = next(iter(data.items()))
            return cls(mode, table)
        raise PlanError("Brackets", "cannot be read", value=data, allowed='{"whole": {"100": "3%"}}')

    def in_units(self, decimals: int, thing: str) -> Steps:
        """Return the brackets with thresholds in the smallest unit of what they are looked up on.

        Raises
        ------
        MoneyError
            A threshold is finer than the unit, or does not fit into 64 bits.
        """
        ends = [to_minor(key, decimals, thing=f"{thing}, threshold") for key, _ in self.ordered]
        return Steps(self.mode, np.array(ends, dtype=MINOR), tuple(rate.fraction for _, rate in self.ordered))


@final
@attrs.frozen(eq=False)
class Steps:
    """Brackets in the smallest unit of what they are looked up on; row 0 of `rates` is the lowest bracket."""

    mode: Literal["whole", "marginal"]
    thresholds: MinorArray
    rates: tuple[Fraction, ...]

    def places(self, values: MinorArray) -> RowArray:
        """Return the bracket of each value, -1 below the first; what is negative counts as 0."""
        return bracket_index(self.thresholds, np.maximum(values, MINOR(0)))

    def rate(self, place: int) -> Fraction:
        """Return the rate of a bracket, 0 for -1."""
        return Fraction(0) if place < 0 else self.rates[place]

    def sliced(self, value: int) -> Fraction:
        """Return what slices of a value add up to, each at its own rate."""
        total = Fraction(0)
        ends = [*self.thresholds.tolist()[1:], max(value, 0)]
        for low, high, rate in zip(self.thresholds.tolist(), ends, self.rates, strict=True):
            total += max(min(high, value) - low, 0) * rate
        return total
