"""What pools have in common: where the money comes from, and who is told what of it."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, IndexArray, MinorArray
from fenxiao._kernels.tally import exact_sum
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.expressions import Base, Where, fit_minor
from fenxiao.money import Rate, format_minor, is_amount, to_minor
from fenxiao.policies.base import PeriodPolicy, PeriodView
from fenxiao.policies.dividing import sum_of
from fenxiao.policies.fields import base_of, check_rates, choice, condition_of, optional_rate, where_of
from fenxiao.policies.level_bonus import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao._arrays import AnyArray
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.policies.setting import Setting

_SOURCES: Final = ("base", "figure", "of", "amount", "inside")
_TEXT: Final = instance_of(str, optional=True, filled=True, error=PlanError)


def _base(value: object) -> Base | None:
    return None if value is None else base_of(value)


def _names(values: object) -> tuple[str, ...]:
    return () if isinstance(values, list | tuple) and not values else names_of(values)


def _money(instance: Any, attribute: Any, value: object) -> None:
    """Check that a field holds an amount, or nothing."""
    if value is not None and not is_amount(value):
        raise PlanError(
            f"policy {instance.name!r}, {attribute.name}",
            "is no amount of money",
            value=value,
            allowed='such as "500.00"',
        )


@attrs.frozen(kw_only=True)
class PotFields(PeriodPolicy):
    """Where the money of a pool comes from; see `Pool`."""

    base: Base | None = attrs.field(default=None, converter=_base)
    where: Where | None = attrs.field(default=None, converter=where_of)
    figure: str | None = attrs.field(default=None, validator=_TEXT)
    of: tuple[str, ...] = attrs.field(default=(), converter=_names)
    counting: str = attrs.field(default="allowed", validator=choice(("allowed", "claimed")))
    amount: str | None = attrs.field(default=None, validator=_money)
    inside: str | None = attrs.field(default=None, validator=_TEXT)
    rate: Rate | None = attrs.field(default=None, converter=optional_rate)
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    split: str = attrs.field(default="largest_remainder", validator=choice(("largest_remainder", "floor")))
    paid: bool = attrs.field(default=True, validator=instance_of(bool, error=PlanError))

    def error(self, problem: str, field: str = "", **more: Any) -> PlanError:
        """Return an error that names the policy and, where it is about one, the field."""
        whose = f"policy {self.name!r}"
        return PlanError(f"{whose}, {field}" if field else whose, problem, **more)

    def check_pot(self) -> None:
        """Check what the fields of the pot say together.

        Raises
        ------
        PlanError
            Not exactly one source of money, a rate missing or without use, a field of another source.
        RateError
            A rate above 100 %.
        """
        given = [name for name in _SOURCES if getattr(self, name) not in (None, ())]
        if len(given) != 1:
            raise self.error("needs exactly one source of its pot", value=given, allowed=", ".join(_SOURCES))
        if (self.rate is None) != (self.amount is not None):
            raise self.error(
                "needs a rate of its source, and none beside an amount",
                "rate",
                value=None if self.rate is None else str(self.rate),
                allowed='rate="2%" beside base, figure, of and inside',
            )
        if self.where is not None and self.base is None:
            raise self.error("selects orders for no base", "where", allowed="beside base only")
        if self.counting != "allowed" and not self.of:
            raise self.error("counts the pay of no policy", "counting", allowed="beside of only")
        if self.rate is not None:
            check_rates(self.name, [self.rate], "rate", above_100=False)

    # ------------------------------------------------------------------------------- among others

    def matched(self) -> tuple[str, ...]:
        """Return the policies whose pay is read."""
        return self.of

    def credits_only(self) -> bool:
        """Return whether the shares are only what later stages take shares of."""
        return not self.paid

    def check_plan(self, policies: Sequence[Any]) -> None:
        """Check the pools that this one lies in, and those that lie in it.

        Raises
        ------
        PlanError
            `inside` names no pool of the plan or one of a later stage, pools lie in one another, or together
            those inside take more than everything.
        """
        pools = {each.name: each for each in policies if isinstance(each, PotFields)}
        taken = sum((each.share for each in self._inner(policies)), Fraction(0))
        if taken > 1:
            raise self.error(
                "is taken more than whole by the pools inside it", value=str(Rate.of(taken)), allowed="100%"
            )
        way: list[str] = [self.name]
        while (outer := pools[way[-1]].inside) is not None:
            if outer not in pools or pools[outer].stage > pools[way[-1]].stage:
                raise pools[way[-1]].error(
                    "is no pool of the same or an earlier stage",
                    "inside",
                    value=outer,
                    allowed=", ".join(name for name, pool in pools.items() if pool.stage <= self.stage),
                )
            if outer in way:
                raise self.error("lies in itself", "inside", value=" > ".join([*way, outer]))
            way.append(outer)

    def _inner(self, policies: Sequence[Any]) -> list[PotFields]:
        """Return the pools that lie in this one."""
        return [each for each in policies if isinstance(each, PotFields) and each.inside == self.name]

    @property
    def share(self) -> Fraction:
        """Return the rate, which stands beside everything but an amount."""
        return self.rate.fraction  # type: ignore[union-attr]  # checked in check_pot

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.eligible is None else self.eligible.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return () if self.eligible is None else self.eligible.member_columns()

    # ------------------------------------------------------------------------------------ the pot

    def pot(self, view: PeriodView) -> int:
        """Return what is divided, in minor units: the pot without the pools inside it."""
        inner = self._inner(view.setting.policies)
        return self.whole(view) - sum(pool.whole(view) for pool in inner)

    def whole(self, view: PeriodView) -> int:
        """Return the pot in minor units, rounded down once.

        Raises
        ------
        MoneyOverflowError
            The pot does not fit into 64 bits.
        """
        return view.setting.keep(("pot", self.name), lambda: self._whole(view))

    def _whole(self, view: PeriodView) -> int:
        setting, thing = view.setting, f"policy {self.name!r}, pot"
        if self.amount is not None:
            return to_minor(self.amount, setting.decimals, thing=thing)
        if self.base is not None:
            exact = self._turnover(setting, self.base)
        elif self.figure is not None:
            exact = Fraction(max(setting.facts.figure(self.figure), 0))
        elif self.inside is not None:
            exact = Fraction(setting.policy(self.inside, PotFields, thing).whole(view))  # type: ignore[type-abstract]  # asked whether it is one
        else:
            column = view.allowed.__getitem__ if self.counting == "allowed" else view.claimed_of
            exact = Fraction(sum(exact_sum(column(name)) for name in self.of))
        exact *= self.share
        return int(fit_minor([exact.numerator // exact.denominator], thing)[0])

    def _turnover(self, setting: Setting, base: Base) -> Fraction:
        """Return the exact sum of the base over the settled lines that count."""
        exact = base.value(setting.lines)
        mask = None if self.where is None else self.where.mask(setting.lines)
        values = exact.values if mask is None else exact.values[mask]
        return Fraction(sum_of(values) * exact.numerator, exact.denominator)

    # ------------------------------------------------------------------------------- the division

    @abstractmethod
    def weights(self, setting: Setting) -> AnyArray:
        """Return what each member holds (int64, or Python integers in an object array), not negative."""
        ...

    @abstractmethod
    def parts(self, view: PeriodView, weights: AnyArray) -> MinorArray:
        """Return what those get who hold anything, given in the order in which ties are broken."""
        ...

    def held(self, setting: Setting) -> AnyArray:
        """Return what each member holds who is eligible, 0 for the others."""

        def make() -> AnyArray:
            held = self.weights(setting)
            return held if self.eligible is None else np.where(setting.mask_of(self.eligible), held, 0)

        return setting.keep(("held", self.name), make)

    def amounts(self, view: PeriodView) -> MinorArray:
        """Return what each member gets in minor units (int64 [members])."""
        return view.setting.keep(("pool", self.name), lambda: self._amounts(view))

    def _amounts(self, view: PeriodView) -> MinorArray:
        setting = view.setting
        held = self.held(setting)
        holders = np.flatnonzero(held)
        # Ties go by label, whatever the order of the members in the tree.
        holders = holders[np.argsort(setting.tree.label_rank[holders])]
        found = np.zeros(setting.size, dtype=MINOR)
        found[holders] = self.parts(view, held[holders])
        return found

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim every holder's part."""
        amounts = self.amounts(view)
        payees = np.flatnonzero(amounts).astype(INDEX)
        return payees, amounts[payees]

    # --------------------------------------------------------------------------------------- words

    def what_becomes_of_it(self) -> str:
        """Return in words what becomes of a pot of which nobody has a share."""
        return "stay with the company"

    @abstractmethod
    def holding(self, view: PeriodView, member: int) -> str:
        """Return in words what a member holds of which pot."""
        ...

    @abstractmethod
    def no_holding(self, setting: Setting, member: int) -> str:
        """Return in words why a member who is eligible holds nothing."""
        ...

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that a member is not eligible, holds nothing, or what the pot has for his share."""
        setting = view.setting
        held, pot = self.held(setting), self.pot(view)
        if not held[member]:
            if self.eligible is not None and not setting.mask_of(self.eligible)[member]:
                reason, words = Reason.NOT_ELIGIBLE, self.eligible.describe(setting, member)
            else:
                reason, words = Reason.NOT_ENTITLED, self.no_holding(setting, member)
            if held.any():
                return reason, words
            money = format_minor(pot, setting.decimals)
            return (
                Reason.EMPTY_POOL,
                f"nobody has a share, so that {money} {self.what_becomes_of_it()}; {words}",
            )
        part = int(self.amounts(view)[member])
        if part:
            # Of those who have a part, only the unpaid are asked about.
            return (
                Reason.BASE_ONLY,
                f"{format_minor(part, setting.decimals)}: {self.holding(view, member)}",
            )
        return (Reason.ROUNDED_TO_ZERO if pot else Reason.ZERO_RATE), self.holding(view, member)
