"""Ceiling cascade: each role's ceiling less everything that is paid below it."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, IndexArray, MinorArray
from fenxiao._columns import Categories
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import PlanError, Reason, UnsupportedError, instance_of, is_one_of
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import DEPTH_MAX, Claims, Hop, OrderPolicy
from fenxiao.policies.fields import (
    base_of,
    check_rates,
    rates_of,
    rounding_of,
    schedule_of,
)
from fenxiao.policies.schedules import Fixed
from fenxiao.policies.walk_fields import WalkFields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.expressions import Base
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting

_ONE: Final = Fraction(1)
_NAME: Final = instance_of(str, filled=True, error=PlanError)
_USER: Final = -1
_NOBODY: Final = -2
"""Codes of roles: a member without one, and nobody (or a member who may not be paid)."""


def _user_rates(values: Any) -> tuple[Rate, ...]:
    cells = schedule_of(values)
    if any(isinstance(cell, Fixed) for cell in cells):
        raise PlanError("user_rates", "hold fixed money", allowed="rates by level")
    return cells  # type: ignore[return-value]  # checked right above


def _running(instance: Any, _: object, value: object) -> None:
    if is_one_of(value, ("neighbour",)):
        raise UnsupportedError(
            f"policy {instance.name!r}, subtract",
            "takes off the ceiling of the next role below alone",
            value=value,
            allowed='"running_total", all that is paid below',
            hint="Where a role stands twice, the other form pays more than any ceiling",
        )
    if not is_one_of(value, ("running_total",)):
        raise PlanError(
            f"policy {instance.name!r}, subtract", "is unknown", value=value, allowed='"running_total"'
        )


@final
@attrs.frozen(kw_only=True)
class CeilingCascade(WalkFields, OrderPolicy):
    """Pays roles their ceiling less everything paid below, and members without a role by level.

    Going up from the start, a member without a role gets his level's rate while the list of rates lasts; a
    member with a role gets his ceiling less what is paid so far, if that is above nothing. Nobody's step
    takes what is paid above the highest ceiling of the plan, or above the sum of the user rates where that is
    higher. Amounts are rounded cumulatively: the lines of an order line add up to the last running total,
    rounded once.

    Parameters
    ----------
    name : str
        Unique in the plan.
    base : str or Base
        What the rates are rates of.
    ceilings : mapping
        A ceiling for every role.
    user_rates : list
        Rates by level for members without a role; levels count from the start of the walk.
    role_column : str
        The members' column of roles; null, or `user_role`, for members without one.
    user_role : str, optional
        What the column says of members without a role, where it is not null.
    start_level : int
        0: the credited member is the first of the walk (self-purchase); 1: his sponsor is (default).
    eligible : Predicate
        Who may be paid; everybody if left out. The others are as if they were not there, but use up levels.
    subtract : str
        ``"running_total"``, the only form: what is paid below is everything paid below.
    where : Where
        Which order lines count; all if left out.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        No ceilings, a role without one, more than 64 levels and roles.
    UnsupportedError
        A form that takes off the neighbour's ceiling alone.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> CeilingCascade("mall", base="paid", ceilings={"division": "60%", "agent": "40%"}).subtract
    'running_total'
    """

    kind: ClassVar[str] = "ceiling_cascade"
    tables: ClassVar[tuple[str, ...]] = ("ceilings",)

    base: Base = attrs.field(converter=base_of)
    ceilings: tuple[tuple[str, Rate], ...] = attrs.field(converter=rates_of)
    user_rates: tuple[Rate, ...] = attrs.field(default=(), converter=_user_rates)
    role_column: str = attrs.field(default="role", validator=_NAME)
    user_role: str | None = attrs.field(
        default=None, validator=instance_of(str, optional=True, filled=True, error=PlanError)
    )
    start_level: int = 1
    subtract: str = attrs.field(default="running_total", validator=_running)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        thing = f"policy {self.name!r}"
        if not 1 <= len(self.ceilings) <= DEPTH_MAX - len(self.user_rates):
            raise PlanError(
                thing, "has no ceilings, or too many", value=len(self.ceilings), allowed="1 to 64"
            )
        self.check_start(self.start_level)
        if self.user_role is not None and self.user_role in dict(self.ceilings):
            raise PlanError(thing, "gives users a ceiling", value=self.user_role, hint="Leave out user_role")
        check_rates(self.name, (rate for _, rate in self.ceilings), "ceilings", above_100=self.above_100)
        check_rates(self.name, self.user_rates, "user_rates", above_100=self.above_100)

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return (*WalkFields.member_columns(self), self.role_column)

    def prepare(self, setting: Setting) -> PreparedCascade:
        """Return the policy made ready for one setting: roles, and who comes next above each ceiling."""
        return PreparedCascade.of(self, setting)


@final
@attrs.frozen(eq=False, kw_only=True)
class PreparedCascade:
    """A `CeilingCascade` made ready for one setting.

    Attributes
    ----------
    code : int32 [members + 1], the place of each member's role
    limits : int64 [roles], ceilings in units of 1 / denominator
    places : the different ceilings in rising order, int64
    above : for each of them, and for nothing, the nearest above with a higher ceiling (int32 [members + 1])
    user : int64 [levels], rates of members without a role
    top : what is never exceeded: the highest ceiling, or the sum of the user rates
    """

    policy: CeilingCascade
    setting: Setting
    code: IndexArray
    limits: MinorArray
    places: MinorArray
    above: tuple[IndexArray, ...]
    user: MinorArray
    top: int
    denominator: int

    @classmethod
    def of(cls, policy: CeilingCascade, setting: Setting) -> PreparedCascade:
        """Read the roles and build the pointers."""
        rates = [*(rate for _, rate in policy.ceilings), *policy.user_rates]
        denominator = lcm(*(rate.denominator for rate in rates))
        numbers = [rate.numerator * denominator // rate.denominator for rate in rates]
        if max(numbers) * len(rates) > MINOR_MAX:
            raise PlanError(
                f"policy {policy.name!r}",
                "has rates whose common denominator is too large",
                hint="Use fewer digits",
            )
        limits = np.array(numbers[: len(policy.ceilings)], dtype=MINOR)
        code = _roles(policy, setting)
        if policy.eligible is not None:
            code = np.where(setting.mask_of(policy.eligible), code, INDEX(_NOBODY))
        places = np.unique(limits)
        up = setting.tree.sponsor_pointer
        # Users read the last entry, which is below every ceiling.
        ceiling = np.append(limits, [-1, -1])[code]
        above = tuple(nearest_marked(up, ceiling > place) for place in (0, *places.tolist()))
        return cls(
            policy=policy,
            setting=setting,
            code=np.append(code, INDEX(_NOBODY)).astype(INDEX),
            limits=limits,
            places=places,
            above=above,
            user=np.array(numbers[len(policy.ceilings) :], dtype=MINOR),
            top=max(*numbers, sum(numbers[len(policy.ceilings) :])),
            denominator=denominator,
        )

    def _limit(self, person: IndexArray) -> MinorArray:
        """Return ceilings of people, below nothing for who has none."""
        return np.append(self.limits, [-1, -1])[np.take(self.code, person, mode="clip")]

    def steps(self, member: IndexArray) -> Iterator[tuple[IndexArray, MinorArray, MinorArray]]:
        """Yield for each step who stands there, and the running totals before and after (int64 [n])."""
        up, nobody = self.setting.tree.sponsor_pointer, self.setting.size
        here = member if self.policy.start_level == 0 else np.take(up, member, mode="clip")
        total = np.zeros(len(member), dtype=MINOR)
        last = here
        for rate in self.user.tolist():
            after = np.maximum(total, self._limit(here))
            user = np.take(self.code, here, mode="clip") == _USER
            after[user] = np.minimum(total[user] + rate, MINOR(self.top))
            yield here, total, after
            total, last, here = after, here, np.take(up, here, mode="clip")
        if not len(self.user):
            # The first of the walk may take the first step himself.
            here = np.where(self._limit(last) > 0, last, self._next(last, total))
        else:
            here = self._next(last, total)
        for _ in range(len(self.places)):
            after = np.where(here == nobody, total, np.maximum(total, self._limit(here)))
            yield here, total, after
            total, here = after, self._next(here, after)

    def _next(self, here: IndexArray, total: MinorArray) -> IndexArray:
        """Return the nearest above each person whose ceiling is above a running total."""
        # Between two ceilings the lower one decides who is above.
        place = np.searchsorted(self.places, total, side="right")
        found = np.empty_like(here)
        for number, pointers in enumerate(self.above):
            rows = place == number
            found[rows] = pointers[here[rows]]
        return found

    def payees(self, member: IndexArray) -> IndexArray:
        """Return who is paid at each step (int32 [steps, n]), the number of members for nobody."""
        nobody = INDEX(self.setting.size)
        return np.stack(
            [np.where(after > before, here, nobody) for here, before, after in self.steps(member)]
        )

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a step."""
        exact = self.policy.base.value(block)
        selected = None if self.policy.where is None else self.policy.where.mask(block)
        slots = len(self.user) + len(self.places)
        amount = np.empty((slots, len(block)), dtype=MINOR)
        most, lower = 0, np.zeros(len(block), dtype=MINOR)
        for slot, (_, _, after) in enumerate(self.steps(block.member)):
            upper = exact.at_rates(after, self.denominator, self.policy.rounding)
            np.subtract(upper, lower, out=amount[slot])
            lower, most = upper, max(most, int(after.max(initial=0)))
        amount[:, block.member == self.setting.size] = 0
        if selected is not None:
            amount[:, ~selected] = 0
        share = -(-exact.bound * exact.numerator * most // (exact.denominator * self.denominator))
        start = self.policy.start_level
        return Claims(
            amount=amount,
            levels=tuple(range(start, start + slots)),
            route=self.payees,
            bound=share + self.policy.rounding.step,
            base_of=lambda: exact.times(_ONE),
            rate_of=lambda slot, line: self._rate_text(block, slot, line),
        )

    def _rate_text(self, block: OrderBlock, slot: int, line: int) -> str:
        _, before, after = list(self.steps(block.member[line : line + 1]))[slot]
        return self._text(int(after[0] - before[0]))

    def _text(self, units: int) -> str:
        return str(Rate.of(Fraction(units, self.denominator)))

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:  # noqa: ARG002  # protocol
        """Return why a step that somebody takes claims nothing."""
        worth = self.policy.base.value(block).fraction(line)
        return Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the walk of one line, also of those who are passed over."""
        member, nobody, start = int(block.member[line]), self.setting.size, self.policy.start_level
        if member == nobody:
            return [Hop(start, nobody, nobody, Reason.NO_MEMBER)]
        selected = None if self.policy.where is None else self.policy.where.mask(block)
        if selected is not None and not selected[line]:
            return [Hop(start, nobody, nobody, Reason.NOT_SELECTED)]
        found = list(self.steps(block.member[line : line + 1]))
        totals = {int(here[0]): (int(a[0]), int(b[0]), slot) for slot, (here, a, b) in enumerate(found)}
        sponsors, hops = self.setting.tree.sponsor_pointer, list[Hop]()
        at, paid, slot = member if start == 0 else int(sponsors[member]), 0, 0
        while at != nobody:
            before, after, slot = totals.get(at, (paid, paid, slot))
            if after > before:
                detail = f"{self._text(after)} less {self._text(before)} paid below"
                if self.code[at] == _USER:
                    detail = f"{self._text(after - before)} by level"
                hops.append(Hop(slot + start, at, at, Reason.PAID, detail))
            else:
                hops.append(Hop(slot + start, at, nobody, *self._why_not(at, before)))
            paid, at = after, int(sponsors[at])
        return hops or [Hop(start, nobody, nobody, Reason.NO_UPLINE)]

    def _why_not(self, person: int, paid: int) -> tuple[Reason, str]:
        condition = self.policy.eligible
        if condition is not None and not self.setting.mask_of(condition)[person]:
            return Reason.NOT_ELIGIBLE, condition.describe(self.setting, person)
        code = int(self.code[person])
        if code == _USER and paid < self.top:
            return Reason.NOT_ENTITLED, "a member without a role has no rate at this level"
        if code == _USER:
            return Reason.PAID_BELOW, f"paid below {self._text(paid)}, as much as the plan pays"
        return (
            Reason.PAID_BELOW,
            f"ceiling {self._text(int(self.limits[code]))}, paid below {self._text(paid)}",
        )


def _roles(policy: CeilingCascade, setting: Setting) -> IndexArray:
    """Return the place of each member's role (int32 [members]), `_USER` for none."""
    column = setting.member_column(policy.role_column)
    if not isinstance(column, Categories):
        raise PlanError(
            f"members column {policy.role_column!r}", "is not text", hint='Roles are names, such as "agent"'
        )
    place = {role: number for number, (role, _) in enumerate(policy.ceilings)}
    strange = [value for value in column.values if str(value) not in place and value != policy.user_role]
    if strange:
        raise PlanError(
            f"policy {policy.name!r}, ceilings",
            "have no row for every role that occurs",
            value=strange,
            allowed=", ".join(place),
            hint="Leave the role of ordinary members empty, or name it with user_role=",
        )
    table: list[int] = [place.get(str(value), _USER) for value in column.values]
    return np.array([*table, _USER], dtype=INDEX)[column.codes]
