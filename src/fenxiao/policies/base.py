"""The protocol of policies: what a policy is given, and the claims it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, IndexArray, MinorArray, RowArray
from fenxiao._kernels.tally import greatest
from fenxiao.errors import PlanError, Reason, UnsupportedError, is_one_of, what
from fenxiao.policies.checks import NO_LEVEL, checked, integers, levels_of, same_length, within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fenxiao.expressions import Measure
    from fenxiao.facts import Facts
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting
    from fenxiao.volumes import Carry

DEPTH_MAX: Final = 64
"""The greatest depth an order-local policy may name."""

CADENCES: Final = ("order", "day", "week", "month")
"""When policies may be due: with each order, or once a day, week or month."""


@final
@attrs.frozen(eq=False, kw_only=True)
class Claims:
    """What one policy claims on one block of order lines.

    Claims stand in slots: slot ``s`` holds at most one claim for each line. Nobody's claims (payee = number
    of members) are zero. Payees are given, or follow by a route from the credited members alone, or from
    other sources.

    Parameters
    ----------
    amount : int64 [slots, lines], minor units, not negative
    levels : a level for each slot, or int32 [slots, lines] where they differ by line
    payee : int32 [slots, lines], or None where `route` is given
    route : gives the payees (int32 [slots, n]) of credited members, or of sources (int32 [n])
    source : int32 [lines], the sources that the route starts from; the credited members if left out
    sources : how many sources there are
    breakage : minor units that were planned and found nobody to be paid
    bound : an upper bound of one claim, in minor units
    base_of : gives the floor of each line's base (int64 [lines], or [slots, lines]), for explanations
    rate_of : gives the text of the rate of ``(slot, line)``, for explanations
    """

    amount: MinorArray
    levels: tuple[int, ...] | IndexArray
    payee: IndexArray | None = None
    route: Callable[[IndexArray], IndexArray] | None = None
    source: IndexArray | None = None
    sources: int = 0
    breakage: int = 0
    bound: int = MINOR_MAX
    base_of: Callable[[], MinorArray] | None = None
    rate_of: Callable[[int, int], str] | None = None

    def __attrs_post_init__(self) -> None:
        if (self.payee is None) == (self.route is None):
            raise PlanError(
                "claims", "need payees or a route to them, one of the two", hint="Use Claims.of(block, ...)"
            )

    def payees(self, block: OrderBlock) -> IndexArray:
        """Return the payees of every slot and line."""
        if self.route is not None:
            return self.route(block.member if self.source is None else self.source)
        return self.payee  # type: ignore[return-value]  # one of the two is given

    @classmethod
    def of(
        cls,
        block: OrderBlock,
        *,
        line: Sequence[int] | RowArray,
        payee: Sequence[int] | IndexArray,
        amount_minor: Sequence[int] | MinorArray,
        level: int | Sequence[int] | IndexArray = NO_LEVEL,
    ) -> Claims:
        """Build claims from one entry a claim.

        Parameters
        ----------
        block : the block the policy was given
        line : line numbers within the block
        payee : member indices, ``block.facts.tree.index(label)``
        amount_minor : minor units, not negative
        level : one level for all, or one a claim

        Raises
        ------
        PlanError
            Lengths differ, an index is out of range, an amount is negative or not an integer.

        Examples
        --------
        Five minor units for the credited member of every line::

            Claims.of(block, line=range(len(block)), payee=block.member, amount_minor=[5] * len(block))
        """
        if not hasattr(block, "setting"):
            raise PlanError("claims, block", what(block), allowed="the block that claims(block) was given")
        lines, people = integers(line, "claims, line"), integers(payee, "claims, payee")
        amounts = integers(amount_minor, "claims, amount_minor")
        levels = levels_of(level, len(lines), "claims, level")
        same_length("claims", lines, people, amounts, levels)
        nobody = block.setting.size
        within(lines, 0, len(block) - 1, "claims, line")
        within(people, 0, nobody, "claims, payee")
        within(amounts, 0, MINOR_MAX, "claims, amount_minor")
        keep = np.flatnonzero((people < nobody) & (amounts > 0))
        label_rank = block.facts.tree.label_rank
        keep = keep[np.lexsort((label_rank[people[keep]], levels[keep], lines[keep]))]
        lines, people, amounts, levels = lines[keep], people[keep], amounts[keep], levels[keep]
        first = np.searchsorted(lines, lines, side="left")
        slot = np.arange(len(lines)) - first
        slots = int(slot.max()) + 1 if len(slot) else 0
        shape = (slots, len(block))
        payees = np.full(shape, nobody, dtype=INDEX)
        claimed = np.zeros(shape, dtype=MINOR)
        at_level = np.full(shape, NO_LEVEL, dtype=INDEX)
        payees[slot, lines], claimed[slot, lines], at_level[slot, lines] = people, amounts, levels
        return cls(payee=payees, amount=claimed, levels=at_level, bound=greatest(amounts))


@attrs.frozen
class Hop:
    """One step of a walk, as explanations tell it.

    ``member`` is who stands there (the number of members for nobody), ``payee`` who is paid.
    """

    level: int
    member: int
    payee: int
    reason: Reason
    detail: str = ""


class PreparedPolicy(Protocol):
    """A policy made ready for one setting."""

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block."""
        ...

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the walk of one line, also of those who are not paid; nothing where it is not known."""
        ...

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:
        """Return why a level that has a payee claims nothing."""
        ...


@attrs.frozen(eq=False)
class _Plain:
    """A user's policy as it is: its claims are checked, its walk is not known."""

    policy: OrderPolicy

    def __call__(self, block: OrderBlock) -> Claims:
        claims = self.policy.claims(block)
        if not isinstance(claims, Claims):
            raise PlanError(
                f"policy {self.policy.name!r}, claims", what(claims), allowed="Claims.of(block, ...)"
            )
        return checked(claims, block, f"policy {self.policy.name!r}, claims")

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:  # noqa: ARG002  # protocol
        return []

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:  # noqa: ARG002  # protocol
        # Never asked: without a walk there is no hop to ask about.
        return Reason.ZERO_RATE  # pragma: no cover  # the protocol wants a method


def _name(_: object, __: object, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise PlanError("a policy, name", "is empty or not text", value=value, allowed="a str of your choice")


def _stage(instance: OrderPolicy | PeriodPolicy, _: object, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= DEPTH_MAX:
        raise PlanError(f"policy {instance.name!r}, stage", "is not a stage", value=value, allowed="1 to 64")


def _due(instance: OrderPolicy | PeriodPolicy, _: object, value: Any) -> None:
    # What claims on a period has nothing to look at where there is none.
    allowed = CADENCES if isinstance(instance, OrderPolicy) else CADENCES[1:]
    if value is not None and not is_one_of(value, allowed):
        raise PlanError(
            f"policy {instance.name!r}, due",
            "is no cadence that it can have",
            value=value,
            allowed=f"{', '.join(allowed)}; left out where the plan has no cadences",
        )


@attrs.frozen(kw_only=True)
class OrderPolicy:
    """Base of policies that claim on order lines. Subclass it to write your own.

    A subclass is an ``@attrs.frozen(kw_only=True)`` class with fields of its own and a method
    ``claims(block)`` that returns `Claims`. The guard treats it like the built-in ones: whatever it claims,
    payouts never exceed the margins and caps of the plan.

    Parameters
    ----------
    name
        Unique in the plan.
    stage
        Stages run in ascending order and share the order's budget.
    due
        ``"order"``, ``"day"``, ``"week"`` or ``"month"``: which runs settle it. A plan names it for all
        policies or for none.
    """

    kind: ClassVar[str] = ""
    """Tag in plain data; a policy of your own needs one to be written to and read from data."""
    tables: ClassVar[tuple[str, ...]] = ()
    """Fields that hold pairs of key and row, which plain data writes as tables."""

    name: str = attrs.field(kw_only=False, validator=_name)
    stage: int = attrs.field(default=1, validator=_stage)
    due: str | None = attrs.field(default=None, validator=_due)

    def prepare(self, setting: Setting) -> PreparedPolicy:  # noqa: ARG002  # subclasses use it
        """Return the policy made ready for any orders of a setting's members; override it to compute once."""
        return _Plain(self)

    def shown(self, block: OrderBlock) -> tuple[IndexArray, MinorArray] | None:  # noqa: ARG002  # subclasses use it
        """Return payees and amounts of money that is not the company's, or None.

        Such money (a retail mark-up, what a seller hands on) is shown beside a settlement. It never enters
        the guard, and nothing of it is claimed. Amounts may be negative.
        """
        return None

    def claims(self, block: OrderBlock) -> Claims:  # noqa: ARG002  # subclasses use it
        """Return the claims on a block of order lines."""
        raise UnsupportedError(
            f"policy {self.name!r}", "has no claims", hint=f"Define {type(self).__name__}.claims(self, block)"
        )

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order; nothing where they do not."""
        return ()

    def climbs_at_order_time(self) -> bool:
        """Return whether orders may be attributed to the upline of their own time."""
        return False

    @property
    def only_shows(self) -> bool:
        """Return whether nothing is ever claimed: all that it tells of is money of others."""
        return False

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read, so that a run records what their windows look back at."""
        return ()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return ()


def _nothing_claimed(name: str) -> MinorArray:
    raise UnsupportedError(
        f"policy {name!r}", "has claims that this view does not know", hint="Settle with fenxiao.settle"
    )


@final
@attrs.frozen(kw_only=True)
class Detail:
    """One part of what a period policy claims for a member, as statements tell it.

    Parameters
    ----------
    amount : minor units; the parts of a member add up to his claim
    source : index of the member whose volume or pay it comes from, None for nobody in particular
    level : level or generation, -1 for none
    base : what the rate is a rate of, minor units; 0 where there is none
    rate : as the plan writes it: ``"5%"``
    note : what else there is to say: ``"rank gold, 21% less 12% below"``
    """

    amount: int
    source: int | None = None
    level: int = NO_LEVEL
    base: int = 0
    rate: str = ""
    note: str = ""


@final
@attrs.frozen(eq=False, kw_only=True)
class PeriodView:
    """What a period policy sees: the facts and what earlier stages were allowed.

    ``allowed`` maps a policy's name to int64 [members], minor units; ``claimed_of`` gives what it claimed.
    """

    setting: Setting
    allowed: Mapping[str, MinorArray]
    claimed_of: Callable[[str], MinorArray] = _nothing_claimed

    @property
    def facts(self) -> Facts:
        """Return the facts."""
        return self.setting.facts

    @property
    def orders(self) -> OrderBlock:
        """Return all order lines of the period as one block."""
        return self.setting.everything


@attrs.frozen(kw_only=True)
class PeriodPolicy:
    """Base of policies that claim on the period as a whole. Subclass it to write your own.

    The claims of all period policies together get at most what the period's orders left of their budgets,
    plus the declared funds. Names, stages and cadences are those of `OrderPolicy`, but that no claim on a
    period is due per order.
    """

    kind: ClassVar[str] = ""
    tables: ClassVar[tuple[str, ...]] = ()
    name: str = attrs.field(kw_only=False, validator=_name)
    stage: int = attrs.field(default=1, validator=_stage)
    due: str | None = attrs.field(default=None, validator=_due)

    def claims(
        self,
        view: PeriodView,  # noqa: ARG002  # subclasses use it
    ) -> tuple[Sequence[int] | IndexArray, Sequence[int] | MinorArray]:
        """Return payees (member indices) and amounts (minor units), one a claim."""
        raise UnsupportedError(
            f"policy {self.name!r}", "has no claims", hint=f"Define {type(self).__name__}.claims(self, view)"
        )

    def details(self, view: PeriodView, member: int) -> tuple[Detail, ...]:  # noqa: ARG002  # subclasses use it
        """Return what a member's claim is made of; nothing where the policy does not say."""
        return ()

    def carried(self, view: PeriodView) -> Carry | None:  # noqa: ARG002  # subclasses use it
        """Return the volumes that are left for the next period; None where the policy carries nothing."""
        return None

    def left_over(self, view: PeriodView) -> int:  # noqa: ARG002  # subclasses use it
        """Return minor units that nobody could be paid; the next run has what this one's margin backs."""
        return 0

    def why_nothing(self, view: PeriodView, member: int) -> tuple[Reason, str]:  # noqa: ARG002  # subclasses use it
        """Return why a member has no claim, and in words what he has and what was wanted."""
        return Reason.NO_CLAIM, ""

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read, so that a run records what their windows look back at."""
        return ()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return ()

    def matched(self) -> tuple[str, ...]:
        """Return the policies of earlier stages whose pay is read."""
        return ()

    def credits_only(self) -> bool:
        """Return whether claims are only what later stages take shares of, and are not paid."""
        return False

    def check_plan(self, policies: Sequence[OrderPolicy | PeriodPolicy]) -> None:
        """Check what the policy says of `policies`, all of a plan in plan order; override to refuse it."""

    def checked_claims(self, view: PeriodView) -> tuple[IndexArray, MinorArray]:
        """Return the claims after checking that payees are members and amounts are not negative."""
        columns, thing = self.claims(view), f"policy {self.name!r}, claims"
        if not isinstance(columns, tuple | list) or len(columns) != 2:
            raise PlanError(thing, "are not two columns", value=what(columns), allowed="payees, amounts")
        people, minor = (
            integers(column, f"{thing}, {name}")
            for column, name in zip(columns, ("payee", "amount_minor"), strict=True)
        )
        same_length(thing, people, minor)
        within(people, 0, view.setting.size - 1, f"{thing}, payee")
        within(minor, 0, MINOR_MAX, f"{thing}, amount_minor")
        return people.astype(INDEX, copy=False), minor
