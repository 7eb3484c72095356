"""Pools and dividends (奖金池, 分红): money of the period among those who hold shares of it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, MinorArray
from fenxiao._columns import Amounts
from fenxiao.errors import PlanError, instance_of
from fenxiao.expressions import Measure, fit_minor, identity, pairs_of
from fenxiao.money import Rounding, format_minor, is_amount, mul_div, to_minor
from fenxiao.policies.base import Detail, PeriodView
from fenxiao.policies.cascade import rows_of_column
from fenxiao.policies.dividing import divided, levelled, sum_of
from fenxiao.policies.fields import choice, measure_field, rounding_of
from fenxiao.policies.pot_fields import PotFields

if TYPE_CHECKING:
    from fenxiao.policies.setting import Setting


def _shares_by_rank(table: Any) -> tuple[tuple[str, int], ...]:
    pairs = pairs_of(table, "by_rank", allowed='such as {"gold": 5, "none": 0}')
    for rank, number in pairs:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MINOR_MAX:
            raise PlanError(
                f"by_rank, {rank!r}", "is no number of shares", value=number, allowed="0, 1, 2, ..."
            )
    return pairs


def _optional_measure(value: object) -> Measure | None:
    return None if value is None else measure_field(value)


def _optional_rounding(value: Any) -> Rounding | None:
    return None if value is None else rounding_of(value)


@final
@attrs.frozen(kw_only=True)
class Pool(PotFields):
    """Divides a pot among those who hold shares of it.

    The pot is rounded down once. A member's part is ``pot * his shares / all shares``, in whole minor units.
    What nobody holds a share of stays with the company.

    Parameters
    ----------
    name : str
        Unique in the plan.
    base : Base
        The pot is `rate` of a base, summed exactly over the settled order lines (of guests, too); or
    figure : str
        of a figure of the facts, such as the profit; a negative one makes an empty pot; or
    of : str or list of str
        of what policies of earlier stages were allowed; or
    inside : str
        of the pot of another pool of the same or an earlier stage, which divides what is left; or
    amount : str
        fixed money, without a rate.
    rate : Rate
        At most 100 %; that of all pools inside one together as well.
    where : Where
        Which order lines count, beside `base`; all if left out.
    counting : {"allowed", "claimed"}
        Beside `of`, as in `MatchingBonus`.
    by_rank : mapping
        Whole shares for every rank, ``{"none": 0, "silver": 1, "gold": 5}``; or
    on : Measure
        as many shares as a measure has units, none where it is negative; or
    equal : bool
        one share each.
    rank_column : str
        The members' column that `by_rank` reads.
    per : str
        One share for so much of `on`, whole shares only: ``"1000"``.
    above : Measure
        What is taken off `on` first, by a measure of the same unit; less than nothing is nothing. Growth over
        the last period is ``on=own("cv"), above=own("cv").each_of(2)``: what is above the lesser of the two.
    eligible : Predicate
        Who may hold shares; everybody if left out.
    total_shares : int
        How many shares there are, whoever holds them; left out, as many as are held.
    split : {"largest_remainder", "floor"}
        Whether cents that are left over go to the largest remainders, ties by label, or stay with the
        company.
    share_value : Rounding
        The value of one share is rounded down first: ``"floor"``, or ``{"mode": "floor", "step": 100}``. What
        that leaves stays with the company, and `split` has nothing to do.
    per_person : str
        What one person gets at most.
    excess : {"keep", "share"}
        What is above `per_person` stays with the company, or goes to those below it by their shares, until
        nothing is left or everybody has reached it.
    if_empty : {"keep", "carry"}
        Where nobody holds a share the pot stays with the company, or is carried over: the next run, which
        gets it with the state, divides it with its own. Only what its period's margin leaves is carried, and
        no other policy may use it; of several pots each carries in proportion.
    paid : bool
        ``False``: nothing is paid; the parts are only what policies of later stages take shares of.

    Raises
    ------
    PlanError
        Not exactly one source of the pot, or not exactly one way to hold shares; options without what they
        are options of; pools that lie in one another; members who hold more shares than there are; a rank
        without a row.
    RateError
        A float, a negative rate, a rate above 100 %.

    Examples
    --------
    >>> Pool("leaders", base="cv", rate="2%", by_rank={"none": 0, "silver": 1, "gold": 5}).by_rank
    (('none', 0), ('silver', 1), ('gold', 5))
    """

    kind: ClassVar[str] = "pool"
    tables: ClassVar[tuple[str, ...]] = ("by_rank",)

    by_rank: tuple[tuple[str, int], ...] = attrs.field(default=(), converter=_shares_by_rank)
    rank_column: str = attrs.field(default="rank", validator=instance_of(str, filled=True, error=PlanError))
    on: Measure | None = attrs.field(default=None, converter=_optional_measure, eq=identity)
    per: str | None = None
    above: Measure | None = attrs.field(default=None, converter=_optional_measure, eq=identity)
    equal: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))
    total_shares: int | None = attrs.field(
        default=None, validator=instance_of(int, optional=True, error=PlanError)
    )
    share_value: Rounding | None = attrs.field(default=None, converter=_optional_rounding)
    per_person: str | None = None
    excess: str = attrs.field(default="keep", validator=choice(("keep", "share")))
    if_empty: str = attrs.field(default="keep", validator=choice(("keep", "carry")))

    def __attrs_post_init__(self) -> None:
        self.check_pot()
        ways = {"by_rank": bool(self.by_rank), "on": self.on is not None, "equal": self.equal}
        if sum(ways.values()) != 1:
            chosen = [name for name, one in ways.items() if one]
            raise self.error("needs exactly one way to hold shares", value=chosen, allowed=", ".join(ways))
        for name in ("per", "above"):
            if getattr(self, name) is not None and self.on is None:
                raise self.error("says more of a measure that is not given", name, allowed="beside on only")
        for name, given in (("per", self.per), ("per_person", self.per_person)):
            if given is not None and (not is_amount(given) or not Fraction(given)):
                raise self.error("is no number above 0", name, value=given, allowed='such as "1000"')
        if self.total_shares is not None and self.total_shares < 1:
            raise self.error(
                "is no number of shares", "total_shares", value=self.total_shares, allowed="1, 2, 3, ..."
            )
        if self.share_value is not None and self.share_value.mode != "floor":
            raise self.error(
                "could pay more than the pot", "share_value", value=self.share_value.mode, allowed="floor"
            )
        if self.if_empty == "carry" and not self.paid:
            raise self.error(
                "carries money over that it does not pay",
                "if_empty",
                value="carry",
                allowed="beside paid=True",
            )
        if self.excess == "share" and (self.per_person is None or self.share_value is not None):
            raise self.error(
                "shares what is above a cap",
                "excess",
                value="share",
                allowed="beside per_person, and not beside share_value",
            )

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        read = [each.measures() for each in (self.on, self.above) if each is not None]
        return (*PotFields.measures(self), *(measure for part in read for measure in part))

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        read = [each.member_columns() for each in (self.on, self.above) if each is not None]
        ranks = (self.rank_column,) if self.by_rank else ()
        return (*PotFields.member_columns(self), *(name for part in read for name in part), *ranks)

    # -------------------------------------------------------------------------------------- shares

    def _decimals(self, setting: Setting) -> int:
        """Return the decimals that shares are counted in."""
        if self.on is None or self.per is not None:
            return 0
        column = setting.measure(self.on)
        return column.decimals if isinstance(column, Amounts) else 0

    def weights(self, setting: Setting) -> MinorArray:
        """Return the shares of every member, eligible or not, in their smallest unit (int64 [members])."""
        if self.equal:
            return np.ones(setting.size, dtype=MINOR)
        if self.on is None:
            keys, thing = [key for key, _ in self.by_rank], f"policy {self.name!r}, by_rank"
            rows = rows_of_column(setting.member_column(self.rank_column), self.rank_column, keys, thing)
            return np.array([number for _, number in self.by_rank], dtype=MINOR)[rows]
        column = setting.measure(self.on)
        values, decimals = np.maximum(column.values, MINOR(0)), getattr(column, "decimals", 0)
        if self.above is not None:
            less = setting.measure(self.above)
            if getattr(less, "decimals", 0) != decimals:
                raise self.error(
                    "is counted in another unit than the measure it is taken off",
                    "above",
                    value=self.above,
                    allowed=f"{decimals} decimals, as {self.on!r}",
                )
            values = np.maximum(values - np.maximum(less.values, MINOR(0)), MINOR(0))
        if self.per is None:
            return values
        step = Fraction(self.per) * 10**decimals
        return mul_div(values, step.denominator, step.numerator, thing=f"policy {self.name!r}, shares")

    def _total(self, setting: Setting) -> int:
        """Return how many shares there are, in their smallest unit."""
        held = sum_of(self.held(setting))
        if self.total_shares is None:
            return held
        unit: int = 10 ** self._decimals(setting)
        total = self.total_shares * unit
        if held > total:
            raise self.error(
                "is less than members hold",
                "total_shares",
                value=self.total_shares,
                allowed=f"{format_minor(held, self._decimals(setting))} or more",
            )
        return total

    # -------------------------------------------------------------------------------------- amounts

    def pot(self, view: PeriodView) -> int:
        """Return what is divided, in minor units: with what earlier periods could give nobody."""
        both = PotFields.pot(self, view) + view.setting.before.pots.get(self.name, 0)
        return int(fit_minor([both], f"policy {self.name!r}, pot")[0])

    def left_over(self, view: PeriodView) -> int:
        """Return the pot where nobody holds a share and it is carried over."""
        return 0 if self.if_empty == "keep" or self.held(view.setting).any() else self.pot(view)

    def what_becomes_of_it(self) -> str:
        """Return in words what becomes of a pot of which nobody has a share."""
        if self.if_empty == "keep":
            return "stay with the company"
        return "wait for the next run, as far as the margin that is left backs them"

    def _share_value(self, view: PeriodView) -> Fraction:
        """Return what the smallest unit of a share is worth, in minor units."""
        pot, total = self.pot(view), self._total(view.setting)
        if self.share_value is None:
            return Fraction(pot, total)
        unit: int = 10 ** self._decimals(view.setting)
        return Fraction(self.share_value.round_fraction(Fraction(pot * unit, total)), unit)

    def _most(self, setting: Setting) -> int | None:
        if self.per_person is None:
            return None
        return to_minor(self.per_person, setting.decimals, thing=f"policy {self.name!r}, per_person")

    def parts(self, view: PeriodView, weights: MinorArray) -> MinorArray:
        """Return what those get who hold shares, ties to the earlier row."""
        most = self._most(view.setting)
        if not len(weights):
            return weights
        value, leftover = self._share_value(view), self.split == "largest_remainder"
        if most is not None and self.excess == "share":
            return levelled(weights, value, most, leftover=leftover)
        parts = divided(weights, value, leftover=leftover and self.share_value is None)
        return parts if most is None else np.minimum(parts, MINOR(most))

    # ----------------------------------------------------------------------------------------- words

    def holding(self, view: PeriodView, member: int) -> str:
        """Return in words a member's shares, the pot, and what a share is worth."""
        setting = view.setting
        unit, money = self._decimals(setting), setting.decimals
        mine = format_minor(int(self.held(setting)[member]), unit)
        total, value = format_minor(self._total(setting), unit), self._share_value(view) * 10**unit
        worth = format_minor(value.numerator // value.denominator, money)
        text = f"{mine} of {total} shares of {format_minor(self.pot(view), money)}, {worth} a share"
        if self.per_person is None:
            return text
        return text + (
            f", at most {self.per_person} each"
            if self.excess == "keep"
            else f", at most {self.per_person} each and what others have above it"
        )

    def no_holding(self, setting: Setting, member: int) -> str:
        """Return in words why a member who is eligible has no share: his rank or his measures."""
        if self.on is None:
            return f"rank {setting.member_column(self.rank_column).value(member)} has no share"
        words = f"{self.on.text()} {setting.measure(self.on).value(member)}"
        if self.above is not None:
            words += f" above {self.above.text()} {setting.measure(self.above).value(member)}"
        return words + (" gives no share" if self.per is None else f"; one share for each {self.per}")

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return the part, with the shares and what one is worth."""
        part = int(self.amounts(view)[member])
        return (Detail(amount=part, base=self.pot(view), note=self.holding(view, member)),) if part else ()
