"""Dividends by rates of the pot, all scaled down where they come to more than the whole of it (股东分红)."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, IndexArray, MinorArray
from fenxiao.errors import PlanError, instance_of
from fenxiao.money import Rate, format_minor
from fenxiao.policies.base import Detail, PeriodView
from fenxiao.policies.cascade import rows_of_column
from fenxiao.policies.dividing import divided, sum_of
from fenxiao.policies.fields import check_rates, rates_of
from fenxiao.policies.pot_fields import PotFields

if TYPE_CHECKING:
    from fenxiao._arrays import AnyArray
    from fenxiao.policies.setting import Setting

_DECIMALS_MAX: Final = 18


@final
@attrs.frozen(kw_only=True)
class RatedPool(PotFields):
    """Pays everybody who has a rank a rate of a pot; rates above 100 % together are scaled down.

    A member's part is ``pot * his rate * factor``, in whole minor units. The factor is 1 where the rates of
    all holders come to at most 100 %, and 100 % / their sum otherwise. Nothing above the pot is ever paid;
    what the rates do not reach stays with the company.

    Parameters
    ----------
    name, base, where, figure, of, counting, inside, amount, rate
        As in `Pool`.
    rates : mapping
        What each holder has of the pot, for every rank: ``{"none": "0%", "junior": "10%", "middle": "20%"}``.
    rank_column : str
        The members' column that `rates` reads.
    scale_decimals : int
        The factor is cut to so many decimals, 1 to 18; exact if left out. What that leaves stays with the
        company.
    eligible, split, paid
        As in `Pool`; leftover cents are those of the exact sum of all parts, rounded down.

    Raises
    ------
    PlanError
        As in `Pool`; no rates.
    RateError
        A float, a negative rate, a rate above 100 %.

    Examples
    --------
    >>> RatedPool("dividend", figure="profit", rate="10%", rates={"junior": "10%"}).rates
    (('junior', Rate("10%")),)
    """

    kind: ClassVar[str] = "rated_pool"
    tables: ClassVar[tuple[str, ...]] = ("rates",)

    rates: tuple[tuple[str, Rate], ...] = attrs.field(converter=rates_of)
    rank_column: str = attrs.field(default="rank", validator=instance_of(str, filled=True, error=PlanError))
    scale_decimals: int | None = attrs.field(
        default=None, validator=instance_of(int, optional=True, error=PlanError)
    )

    def __attrs_post_init__(self) -> None:
        self.check_pot()
        if not self.rates:
            raise self.error("are empty", "rates", allowed='such as {"junior": "10%"}')
        check_rates(self.name, [rate for _, rate in self.rates], above_100=False)
        if self.scale_decimals is not None and not 1 <= self.scale_decimals <= _DECIMALS_MAX:
            raise self.error(
                "is out of range",
                "scale_decimals",
                value=self.scale_decimals,
                allowed=f"1 to {_DECIMALS_MAX}",
            )

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return (*PotFields.member_columns(self), self.rank_column)

    # -------------------------------------------------------------------------------------- rates

    @property
    def _unit(self) -> int:
        """Return the common denominator of the rates."""
        return lcm(*(rate.denominator for _, rate in self.rates))

    def _rows(self, setting: Setting) -> IndexArray:
        keys, thing = [key for key, _ in self.rates], f"policy {self.name!r}, rates"
        return rows_of_column(setting.member_column(self.rank_column), self.rank_column, keys, thing)

    def weights(self, setting: Setting) -> AnyArray:
        """Return every member's rate, eligible or not, over the common denominator."""
        unit = self._unit
        table = [rate.numerator * (unit // rate.denominator) for _, rate in self.rates]
        kind = MINOR if max(table) <= MINOR_MAX else object
        return np.array(table, dtype=kind)[self._rows(setting)]

    def factor(self, setting: Setting) -> Fraction:
        """Return what all rates are scaled by."""
        together = Fraction(sum_of(self.held(setting)), self._unit)
        if together <= 1:
            return Fraction(1)
        if self.scale_decimals is None:
            return Fraction(together.denominator, together.numerator)
        unit: int = 10**self.scale_decimals
        return Fraction(unit * together.denominator // together.numerator, unit)

    def parts(self, view: PeriodView, weights: AnyArray) -> MinorArray:
        """Return what those get who have a rate, ties to the earlier row."""
        value = Fraction(self.pot(view), self._unit) * self.factor(view.setting)
        return divided(weights, value, leftover=self.split == "largest_remainder")

    # ---------------------------------------------------------------------------------------- words

    def _scaled(self, setting: Setting) -> str:
        factor = self.factor(setting)
        return f"all rates scaled by {Rate.of(factor)}" if factor < 1 else ""

    def _rate(self, setting: Setting, member: int) -> Rate:
        return self.rates[int(self._rows(setting)[member])][1]

    def holding(self, view: PeriodView, member: int) -> str:
        """Return in words a member's rate, the pot, and what all rates are scaled by."""
        setting = view.setting
        text = f"{self._rate(setting, member)} of {format_minor(self.pot(view), setting.decimals)}"
        scaled = self._scaled(setting)
        return f"{text}, {scaled}" if scaled else text

    def no_holding(self, setting: Setting, member: int) -> str:
        """Return in words that a member's rank has no rate."""
        return f"rank {setting.member_column(self.rank_column).value(member)} has no share"

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return the part, with the rate and what all rates are scaled by."""
        part, setting = int(self.amounts(view)[member]), view.setting
        if not part:
            return ()
        rate = str(self._rate(setting, member))
        return (Detail(amount=part, base=self.pot(view), rate=rate, note=self._scaled(setting)),)
