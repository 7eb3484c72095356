"""Money for whoever leaves the top of a full board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, MINOR_MAX, ROW, IndexArray, MinorArray
from fenxiao.errors import (
    MoneyOverflowError,
    PlacementError,
    PlanError,
    Reason,
    UnknownMemberError,
    instance_of,
)
from fenxiao.money import is_amount, to_minor
from fenxiao.placement import split_boards
from fenxiao.policies.base import Detail, PeriodPolicy, PeriodView
from fenxiao.policies.fields import condition_of

if TYPE_CHECKING:
    from fenxiao._arrays import InstantArray
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.policies.setting import Setting

_TEXT: Final = instance_of(str, filled=True, error=PlanError)
_COUNT: Final = instance_of(int, error=PlanError)


def _amount(_: object, __: object, value: Any) -> None:
    if not is_amount(value):
        raise PlanError("amount", "is no amount of money", value=value, allowed='such as "400.00"')


@final
@attrs.frozen(kw_only=True)
class BoardBonus(PeriodPolicy):
    """Pays fixed money to whoever leaves the top of a full board (出局奖), for each cycle.

    Events of one kind say who enters, in the order of their times, ties by member label. Boards fill and
    split as in `fenxiao.placement.split_boards`. The facts hold all entries since the first, so that nothing
    has to be remembered between periods: a period pays the cycles whose last entrant came in it, a
    settlement without a period pays all of them.

    Parameters
    ----------
    name : str
        Unique in the plan.
    amount : str
        Money for a cycle, in the plan's currency; nothing is rounded.
    width, depth : int
        A board has ``1 + width + ... + width**depth`` places.
    entry : str
        The kind of the events that are entries.
    reenter : int
        How many times each member re-enters right after he has cycled: he cycles once more than that at most.
    most : int, optional
        The most cycles that a member is paid in one settlement; what is above is lost.
    eligible : Predicate, optional
        Who is paid; everybody if left out. Cycles of others are lost.

    Raises
    ------
    PlanError
        An amount that is none, numbers below their least value.
    PlacementError
        When it is settled: no such board, or a member who enters a second time.
    UnknownMemberError
        When it is settled: somebody enters who is not in the tree.

    Examples
    --------
    >>> BoardBonus("board", amount="400.00", width=2, depth=2).entry
    'board'
    """

    kind: ClassVar[str] = "board_bonus"

    amount: str = attrs.field(validator=_amount)
    width: int = attrs.field(validator=_COUNT)
    depth: int = attrs.field(validator=_COUNT)
    entry: str = attrs.field(default="board", validator=_TEXT)
    reenter: int = attrs.field(default=0, validator=_COUNT)
    most: int | None = attrs.field(default=None, validator=instance_of(int, optional=True, error=PlanError))
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)

    def __attrs_post_init__(self) -> None:
        for field, least in (("width", 1), ("depth", 1), ("reenter", 0), ("most", 1)):
            number = getattr(self, field)
            if number is not None and number < least:
                thing, allowed = f"policy {self.name!r}, {field}", f"{least} or more"
                raise PlanError(thing, "is too small", value=number, allowed=allowed)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.eligible is None else self.eligible.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return () if self.eligible is None else self.eligible.member_columns()

    def _entries(self, setting: Setting) -> tuple[IndexArray, InstantArray]:
        """Return who enters, in order (int32 [n]), and when (int64 [n], microseconds UTC).

        Raises
        ------
        UnknownMemberError
            Somebody is not in the tree.
        PlacementError
            Somebody enters a second time.
        """
        events, thing = setting.facts.events, f"events of kind {self.entry!r}"
        kinds = events.kind.values
        rows = np.flatnonzero(events.kind.codes == (kinds.index(self.entry) if self.entry in kinds else -1))
        labels = events.member.take(rows)
        numbers = rows if events.input_row is None else events.input_row[rows]
        try:
            members = setting.tree.indices(labels.values, thing=thing)
        except UnknownMemberError as error:
            # The caller knows the rows of all his events, in his own order.
            its = sorted(numbers[np.array(error.rows, dtype=ROW)].tolist())
            raise UnknownMemberError(
                thing, error.problem, allowed=error.allowed, hint=error.hint, rows=its, labels=error.labels
            ) from None
        again = np.ones(len(members), dtype=FLAG)
        again[np.unique(members, return_index=True)[1]] = False
        if again.any():
            hint = "Let one member enter once and re-enter with reenter=; other positions are other members"
            its = sorted(numbers[again].tolist())
            raise PlacementError(
                thing,
                "let members enter a second time",
                hint=hint,
                rows=its,
                labels=labels.pick(np.flatnonzero(again)),
            )
        return members, events.at.values[rows]

    def _cycles(self, setting: Setting) -> MinorArray:
        """Return how many times each member cycles in what is settled (int64 [members])."""
        return setting.keep(("cycles", self.name), lambda: self._counted(setting))

    def _counted(self, setting: Setting) -> MinorArray:
        members, times = self._entries(setting)
        found = split_boards(self.width, self.depth, members, reenter=self.reenter).cycles
        who = np.array([cycle.member for cycle in found], dtype=INDEX)
        if setting.period is not None and setting.zone is not None:
            filled = times[np.array([cycle.entrant for cycle in found], dtype=ROW)]
            who = who[setting.period.contains(filled, setting.zone)]
        return np.bincount(who, minlength=setting.size).astype(MINOR)

    def _paid(self, setting: Setting) -> MinorArray:
        """Return for how many cycles each member is paid (int64 [members])."""
        cycles = self._cycles(setting)
        if self.most is not None:
            cycles = np.minimum(cycles, MINOR(min(self.most, MINOR_MAX)))
        return cycles if self.eligible is None else np.where(setting.mask_of(self.eligible), cycles, MINOR(0))

    def _price(self, setting: Setting) -> int:
        return to_minor(self.amount, setting.decimals, thing=f"policy {self.name!r}, amount")

    def claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Claim the amount for every cycle."""
        setting = view.setting
        cycles, price = self._paid(setting), self._price(setting)
        if price * int(cycles.max(initial=0)) > MINOR_MAX:
            hint = "Name a smaller amount, or fewer cycles with most="
            thing = f"policy {self.name!r}, cycles"
            raise MoneyOverflowError(thing, "pay a member more than 64 bits hold", hint=hint)
        payees = np.flatnonzero(cycles if price else np.zeros(0)).astype(INDEX)
        return payees, cycles[payees] * MINOR(price)

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:
        """Return the cycles that are paid, and how many there were."""
        setting = view.setting
        paid, cycles = (int(counts[member]) for counts in (self._paid(setting), self._cycles(setting)))
        price = self._price(setting)
        if not paid or not price:
            return ()
        note = f"{paid} cycle{'s' * (paid != 1)} of a board, {self.amount} each"
        note += "" if paid == cycles else f"; {cycles} in all, at most {self.most} are paid"
        return (Detail(amount=paid * price, note=note),)

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:
        """Return that a member did not cycle, is not eligible, or that a cycle pays nothing."""
        setting = view.setting
        cycles = int(self._cycles(setting)[member])
        if not cycles:
            entered = bool(np.any(self._entries(setting)[0] == member))
            when = "" if setting.period is None else f" in {setting.period}"
            words = f"did not leave the top of a full board{when}" if entered else "has entered no board"
            return Reason.NOT_ENTITLED, words
        if self.eligible is not None and not setting.mask_of(self.eligible)[member]:
            return Reason.NOT_ELIGIBLE, self.eligible.describe(setting, member)
        return Reason.ZERO_RATE, f"{cycles} cycle{'s' * (cycles != 1)}, and a cycle pays 0"
