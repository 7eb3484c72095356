"""Bonuses for meeting a condition: fixed money in a period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, IndexArray, MinorArray
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.expressions import Predicate, pairs_of
from fenxiao.money import is_amount, to_minor
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.cascade import rows_of_column
from fenxiao.policies.fields import condition_of

if TYPE_CHECKING:
    from fenxiao.expressions import Measure
    from fenxiao.policies.setting import Setting

_NAME: Final = instance_of(str, filled=True, error=PlanError)


def _amount(_: object, __: object, value: Any) -> None:
    if value is not None and not is_amount(value):
        raise PlanError("amount", "is no amount of money", value=value, allowed='such as "50.00"')


def _by_rank(table: Any) -> tuple[tuple[str, str], ...]:
    pairs = pairs_of(table, "by_rank", allowed='such as {"gold": "100.00", "none": "0"}')
    for rank, money in pairs:
        if not is_amount(money):
            raise PlanError(f"by_rank, {rank!r}", "is no amount", value=money, allowed='such as "100.00"')
    return pairs


@final
@attrs.frozen(kw_only=True)
class QualifiedBonus(PeriodPolicy):
    """Pays fixed money to everybody who meets a condition in the period.

    Parameters
    ----------
    name : str
        Unique in the plan.
    amount : str
        What everybody gets; or
    by_rank : mapping
        an amount for every rank.
    when : Predicate
        Who gets it; everybody whose rank has an amount if left out.
    rank_column : str
        The members' column of ranks.

    Raises
    ------
    PlanError
        Not exactly one of `amount` and `by_rank`; an amount for everybody without a condition.

    Examples
    --------
    >>> from fenxiao.volumes import balanced
    >>> QualifiedBonus("structure", amount="50.00", when=balanced("pv", per_leg="50%") >= "600").amount
    '50.00'
    """

    kind: ClassVar[str] = "qualified_bonus"
    tables: ClassVar[tuple[str, ...]] = ("by_rank",)

    amount: str | None = attrs.field(default=None, validator=_amount)
    by_rank: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_by_rank)
    when: Predicate | None = attrs.field(default=None, converter=condition_of)
    rank_column: str = attrs.field(default="rank", validator=_NAME)

    def __attrs_post_init__(self) -> None:
        thing = f"policy {self.name!r}"
        if (self.amount is None) == (not self.by_rank):
            raise PlanError(thing, "needs one amount or a table", allowed="amount or by_rank")
        if self.amount is not None and self.when is None:
            raise PlanError(thing, "pays everybody", allowed="when=condition", hint="Say who gets the amount")

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.when is None else self.when.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        more = () if self.when is None else self.when.member_columns()
        return (*more, *((self.rank_column,) if self.by_rank else ()))

    def _amounts(self, setting: Setting) -> MinorArray:
        thing = f"policy {self.name!r}"
        if self.amount is not None:
            found = np.full(setting.size, to_minor(self.amount, setting.decimals, thing=thing), dtype=MINOR)
        else:
            keys = [key for key, _ in self.by_rank]
            column = setting.member_column(self.rank_column)
            hint = 'Give a rank that gets nothing "0"'
            rows = rows_of_column(column, self.rank_column, keys, f"{thing}, by_rank", hint)
            table = [to_minor(money, setting.decimals, thing=thing) for _, money in self.by_rank]
            found = np.array(table, dtype=MINOR)[rows]
        return found if self.when is None else np.where(setting.mask_of(self.when), found, MINOR(0))

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim the amount for everybody who meets the condition."""
        amounts = self._amounts(view.setting)
        payees = np.flatnonzero(amounts).astype(INDEX)
        return payees, amounts[payees]

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return the amount, with the condition that is met."""
        paid = int(self._amounts(view.setting)[member])
        note = f"meets {self.when!r}" if self.when is not None else "by rank"
        return (Detail(amount=paid, note=note),) if paid else ()

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return how the condition stands."""
        setting = view.setting
        if self.when is not None and not setting.mask_of(self.when)[member]:
            return Reason.NOT_ELIGIBLE, self.when.describe(setting, member)
        rank = setting.member_column(self.rank_column).value(member) if self.by_rank else None
        return Reason.ZERO_RATE, "the amount is 0" if rank is None else f"rank {rank} has no amount"
