"""Level bonuses on members: a rate by level of what a member turned over, or of what he was paid."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, IndexArray, MinorArray, RowArray, blocks
from fenxiao._columns import Amounts, Numbers
from fenxiao._kernels.tally import Tally, exact_add, greatest
from fenxiao.errors import PlanError, Reason, UnsupportedError
from fenxiao.expressions import Exact, Measure, identity
from fenxiao.money import Rate
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.fields import check_rates, choice, measure_field, rate_of
from fenxiao.policies.level_fields import LevelFields
from fenxiao.policies.level_table import LevelTable
from fenxiao.policies.schedules import Fixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.policies.setting import Setting

    Paid: TypeAlias = tuple[int, IndexArray, IndexArray, MinorArray]
    """Level, sources, payees, amounts."""

_WHOLE: Final = Rate.of("100%")
_COUNTING: Final = ("allowed", "claimed")


def money_of(column: Amounts | Numbers, decimals: int, factor: Fraction) -> Exact:
    """Return a measure as money: one whole unit is one unit of the currency, times a factor.

    What is negative counts as 0.
    """
    values = np.maximum(column.values, MINOR(0))
    unit = column.decimals if isinstance(column, Amounts) else 0
    scale = factor * Fraction(10) ** (decimals - unit)
    return Exact(values, scale.numerator, scale.denominator, greatest(values))


def money_at(column: Amounts | Numbers, member: int, decimals: int, factor: Fraction) -> Fraction:
    """Return what `money_of` gives one member, in minor units."""
    unit = column.decimals if isinstance(column, Amounts) else 0
    return max(int(column.values[member]), 0) * factor * Fraction(10) ** (decimals - unit)


@attrs.frozen(kw_only=True)
class _LevelBonus(LevelFields, PeriodPolicy):
    """What the two level bonuses share: the walk from members, and the words for it."""

    factor: Rate = attrs.field(default=_WHOLE, converter=rate_of)

    def __attrs_post_init__(self) -> None:
        given = [name for name in ("rates", "by_rank") if getattr(self, name)]
        if len(given) != 1:
            raise self.error("needs exactly one table", value=given, allowed="rates or by_rank")
        if any(isinstance(cell, Fixed) for schedule in self.schedules for cell in schedule):
            raise self.error("pays fixed money for no quantity", allowed="rates", hint="Use LevelCommission")
        if self.pass_up is not None and self.pass_up.of == "sales":
            raise UnsupportedError(
                f"policy {self.name!r}",
                "passes up sales, and its sources are members",
                hint='Write PassUp(first=..., of="recruits"), or LevelCommission for sales',
            )
        self.check_levels()
        check_rates(self.name, [self.factor], "factor", above_100=self.above_100)

    @abstractmethod
    def _base(self, view: PeriodView) -> Exact:
        """Return what the rates are rates of, by member."""
        ...

    def _table(self, setting: Setting) -> LevelTable:
        return setting.keep(
            ("level bonus", self.name), lambda: LevelTable.of(self, setting, self.schedules, "pay")
        )

    def _paid(self, view: PeriodView, sources: RowArray) -> Iterator[Paid]:
        """Yield level, sources, payees and amounts for some members who cause anything."""
        table, exact = self._table(view.setting), self._base(view)
        causes = exact.values[sources] > 0
        if table.source is not None:
            causes &= table.source[sources]
        causing: IndexArray = sources[causes].astype(INDEX)
        for low, high in blocks(len(causing)):
            some = causing[low:high]
            mine = Exact(exact.values[some], exact.numerator, exact.denominator, exact.bound)
            payees = table.route.walk(some, None)
            for level, payee in enumerate(payees):
                amount = np.empty(len(some), dtype=MINOR)
                if table.by_payee:
                    amount[:] = table.varying(level, table.rows(payee, some), mine)
                else:
                    table.uniform(level, mine, amount)
                amount[payee == view.setting.size] = 0
                yield level + self.start_level, some, payee, amount

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim for every payee the sum of his levels' amounts, each rounded once a source and level."""
        size = view.setting.size
        tally = Tally(size + 1)
        for _, _, payee, amount in self._paid(view, np.arange(size)):
            tally.add(payee, amount)
        sums = tally.sums(f"policy {self.name!r}")[:size]
        payees = np.flatnonzero(sums).astype(INDEX)
        return payees, sums[payees]

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return a part for each source and level that pays the member."""
        tree, table, exact = view.setting.tree, self._table(view.setting), self._base(view)
        below = np.arange(member, member + int(tree.size[member]))
        found = []
        for level, sources, payee, amount in self._paid(view, below):
            for at in np.flatnonzero((payee == member) & (amount > 0)).tolist():
                source = int(sources[at])
                cell = table.cell(level - self.start_level, member, source, 0)
                base = int(exact.fraction(source))
                found.append(
                    Detail(
                        amount=int(amount[at]),
                        source=source,
                        level=level,
                        base=base,
                        rate=str(cell or ""),
                        note=table.burnt(member, source),
                    )
                )
        return tuple(sorted(found, key=lambda part: (part.level, part.source)))

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return the first condition that the member fails, or what the nearest source has for him."""
        setting = view.setting
        for reason, condition in ((Reason.COMPRESSED, self.compress), (Reason.NOT_ELIGIBLE, self.eligible)):
            if condition is not None and not setting.mask_of(condition)[member]:
                return reason, condition.describe(setting, member)
        if self.by_rank:
            rank = setting.member_column(self.rank_column).value(member)
            if not next(row for key, row in self.by_rank if key == str(rank)):
                return Reason.NOT_ENTITLED, f"rank {rank} has no rate"
        tree, values = setting.tree, self._base(view).values
        below = np.arange(member + (self.start_level > 0), member + int(tree.size[member]))
        below = below[values[below] > 0]
        if not len(below):
            return Reason.ZERO_RATE, "nobody below has any"
        nearest = int(below[np.argmin(tree.depth[below])])
        if self.source is not None:
            below = below[setting.mask_of(self.source)[below]]
            if not len(below):
                return Reason.NOT_SOURCE, self.source.describe(setting, nearest)
            nearest = int(below[np.argmin(tree.depth[below])])
        return self._why_unpaid(view, member, nearest)

    def _why_unpaid(self, view: PeriodView, member: int, source: int) -> tuple[Reason, str]:
        """Return what a source that causes something has for a member who gets nothing."""
        table, exact = self._table(view.setting), self._base(view)
        hops = [table.hop(step, source) for step in table.route.trace(source, None)]
        for hop in hops:
            if hop.payee == member:
                cell = table.cell(hop.level - self.start_level, member, source, 0)
                if cell is None:
                    return Reason.NOT_ENTITLED, hop.detail
                # Fixed money is refused where the policy is made.
                worth = cell.fraction * exact.fraction(source)  # type: ignore[union-attr]  # fixed money was looked at above
                reason = Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE
                return reason, f"{cell} at level {hop.level} of what the nearest below has"
            if hop.member == member:
                return hop.reason, hop.detail
        return (
            Reason.STOPPED if hops[-1].reason is Reason.STOPPED else Reason.BEYOND_DEPTH
        ), "the nearest below who has any is too far"


@final
@attrs.frozen(kw_only=True)
class LevelBonus(_LevelBonus):
    """A rate for each level above a member, of what he turned over in the period.

    The same walk and tables as `LevelCommission`, with members as sources instead of orders: level 1 is the
    sponsor of the member whose volume it is. Each amount is ``round(on * factor * rate)``, rounded once a
    source and level.

    Parameters
    ----------
    name : str
        Unique in the plan.
    on : Measure
        What the rates are rates of: ``own("bv")``, ``rolled_up("bv", to=...)``, ``group("bv", breaks=...)``.
        One whole unit counts as one unit of the currency.
    factor : Rate
        A rate of `on` that is paid on, ``"40%"`` where only so much of a volume is commissionable.
    source : Predicate
        Whose volume is paid for; everybody's if left out.
    rates, by_rank, rank_column, start_level, if_not, eligible, compress, unlocks, pass_up, only_if, burn, \
rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        Missing or contradictory parameters, more than 64 levels, fixed money.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> from fenxiao.volumes import own
    >>> LevelBonus("override", on=own("bv"), rates=["5%"], if_not="company").depth
    1
    """

    kind: ClassVar[str] = "level_bonus"

    on: Measure = attrs.field(converter=measure_field, eq=identity)

    def _base(self, view: PeriodView) -> Exact:
        return money_of(view.setting.measure(self.on), view.setting.decimals, self.factor.fraction)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return (*LevelFields.measures(self), *self.on.measures())

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return (*LevelFields.member_columns(self), *self.on.member_columns())


def names_of(values: Any) -> tuple[str, ...]:
    """Return the names of policies, of one name or several."""
    listed = (values,) if isinstance(values, str) else values
    if (
        not isinstance(listed, list | tuple)
        or not listed
        or not all(isinstance(each, str) for each in listed)
    ):
        raise PlanError("of", "is no list of policies' names", value=values, allowed='["unilevel"]')
    if len(set(listed)) < len(listed):
        raise PlanError("of", "names a policy twice", value=values, allowed="each policy once")
    return tuple(listed)


def pay_of(view: PeriodView, names: tuple[str, ...], counting: str) -> MinorArray:
    """Return what earlier policies were allowed, or claimed, together (int64 [members])."""
    columns = [view.allowed[name] if counting == "allowed" else view.claimed_of(name) for name in names]
    return exact_add(columns, view.setting.size, "what is matched")


@final
@attrs.frozen(kw_only=True)
class MatchingBonus(_LevelBonus):
    """A share of what members of the downline earned, by level (管理奖, 领导奖).

    Each amount is ``round(earned * factor * rate)``, rounded once a source and level, on the sum of the
    matched policies.

    Parameters
    ----------
    name : str
        Unique in the plan.
    of : str or list of str
        The policies whose pay is matched; they stand in earlier stages.
    counting : {"allowed", "claimed"}
        What counts: what the guard allowed at the end of the earlier stage (default), or what was claimed.
    factor, source, rates, by_rank, rank_column, start_level, if_not, eligible, compress, unlocks, pass_up, \
only_if, burn, rounding, above_100
        As in `LevelBonus`.

    Raises
    ------
    PlanError
        As `LevelBonus`; a matched policy that is named twice, that claims nothing by its nature, that the
        plan does not have, or that stands in the same or a later stage.

    Examples
    --------
    >>> match = MatchingBonus("match", of="unilevel", rates=["10%", "7%"], if_not="company", stage=2)
    >>> match.of
    ('unilevel',)
    """

    kind: ClassVar[str] = "matching_bonus"

    of: tuple[str, ...] = attrs.field(converter=names_of)
    counting: str = attrs.field(default="allowed", validator=choice(_COUNTING))

    def _base(self, view: PeriodView) -> Exact:
        earned = Amounts(pay_of(view, self.of, self.counting), view.setting.decimals)
        return money_of(earned, view.setting.decimals, self.factor.fraction)

    def matched(self) -> tuple[str, ...]:
        """Return the policies whose pay is read."""
        return self.of
