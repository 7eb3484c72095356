"""Conditions between a payee and the member whose order, volume or pay he is paid for."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MinorArray
from fenxiao._columns import Amounts, Categories, Days, Instants, Numbers, Ranks
from fenxiao.errors import PlanError, instance_of, is_one_of
from fenxiao.expressions.comparisons import COMPARE, SIGNS
from fenxiao.money import Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import FlagArray, IndexArray
    from fenxiao._columns import Column
    from fenxiao.policies.setting import Setting

_NAME: Final = instance_of(str, filled=True, error=PlanError)
_SIGN_OF: Final = {sign: name for name, sign in SIGNS.items()}


def _operator(value: Any) -> Any:
    return _SIGN_OF.get(value, value) if isinstance(value, str) else value


@final
@attrs.frozen
class Pair:
    """A comparison of a column of the payee with a column of the source.

    Parameters
    ----------
    payee, source : str
        Member columns, given or computed: ranks of one order, rates (`Tiers`), numbers, amounts, dates.
    operator : str
        ``"at_least"``, ``"above"``, ``"at_most"``, ``"below"``, ``"is"``, or the sign: ``">="``, ``"<="``.

    Examples
    --------
    >>> Pair("team_tier", "<=", "own_tier").as_data()
    {'payee': 'team_tier', 'operator': 'at_most', 'source': 'own_tier'}
    """

    payee: str = attrs.field(validator=_NAME)
    operator: str = attrs.field(converter=_operator)
    source: str = attrs.field(validator=_NAME)

    def __attrs_post_init__(self) -> None:
        if not is_one_of(self.operator, COMPARE):
            raise PlanError("Pair, operator", "is unknown", value=self.operator, allowed=", ".join(COMPARE))

    def as_data(self) -> dict[str, str]:
        """Return the comparison as plain data."""
        return {"payee": self.payee, "operator": self.operator, "source": self.source}

    @classmethod
    def from_data(cls, data: object) -> Pair | None:
        """Read what `as_data` wrote, or three texts in a row."""
        if data is None or isinstance(data, Pair):
            return data
        keys = {"payee", "operator", "source"}
        if isinstance(data, dict) and set(data) == keys:
            return cls(**data)
        if isinstance(data, list | tuple) and len(data) == len(keys):
            return cls(*data)
        allowed = (
            'Pair("tier", "<=", "own_tier"), or {"payee": "tier", "operator": "<=", "source": "own_tier"}'
        )
        raise PlanError("only_if", "cannot be read", value=data, allowed=allowed)

    def test(self, setting: Setting) -> Callable[[IndexArray, IndexArray], FlagArray]:
        """Return the comparison of payees with sources (int32 [n] each, the number of members for nobody).

        Raises
        ------
        PlanError
            The columns cannot be compared.
        """
        columns = setting.member_column(self.payee), setting.member_column(self.source)
        left, right = (np.append(values, MINOR(0)) for values in _comparable(self, *columns))
        compare = COMPARE[self.operator]

        def holds(payee: IndexArray, source: IndexArray) -> FlagArray:
            found: FlagArray = compare(np.take(left, payee, mode="clip"), np.take(right, source, mode="clip"))
            return found

        return holds

    def describe(self, setting: Setting, payee: int, source: int) -> str:
        """Say what both have."""
        has, other = setting.member_column(self.payee), setting.member_column(self.source)
        sign = SIGNS[self.operator]
        return f"{self.payee} {has.value(payee)} {sign} {self.source} {other.value(source)} fails"


def _comparable(pair: Pair, payee: Column, source: Column) -> tuple[MinorArray, MinorArray]:
    """Return both columns as numbers that compare as the columns do."""
    thing = f"only_if, {pair.payee!r} and {pair.source!r}"
    if isinstance(payee, Ranks) and isinstance(source, Ranks):
        if payee.values != source.values:
            raise PlanError(
                thing, "are ranks of different orders", hint="Compare columns of one ladder's ranks"
            )
        return payee.codes.astype(MINOR), source.codes.astype(MINOR)
    if isinstance(payee, Categories) and isinstance(source, Categories):
        return _rates(thing, payee, source)
    kinds = Amounts | Numbers | Days | Instants
    same = type(payee) is type(source)
    if isinstance(payee, kinds) and isinstance(source, kinds) and same and payee.unit == source.unit:
        return payee.values, source.values
    raise PlanError(
        thing,
        "cannot be compared",
        value=f"{type(payee).__name__} and {type(source).__name__}",
        allowed="ranks of one order, rates, or numbers, amounts or dates of one kind",
    )


def _rates(thing: str, payee: Categories, source: Categories) -> tuple[MinorArray, MinorArray]:
    """Return the places of two columns of rates among all their rates."""
    values = {*payee.values, *source.values}
    if any(not isinstance(value, Rate | Fraction | Decimal) for value in values):
        raise PlanError(
            thing,
            "are neither ranks nor rates",
            allowed="ranks of one order, rates, or numbers, amounts or dates of one kind",
            hint="Say the order of ranks with GivenRanks",
        )
    if (payee.codes < 0).any() or (source.codes < 0).any():
        raise PlanError(thing, "are missing for some members", hint="Give every member one")
    exact = {value: Rate.of(value).fraction for value in values}
    place = {rate: number for number, rate in enumerate(sorted(set(exact.values())))}

    def places(column: Categories) -> MinorArray:
        return np.array([place[exact[value]] for value in column.values], dtype=MINOR)[column.codes]

    return places(payee), places(source)
