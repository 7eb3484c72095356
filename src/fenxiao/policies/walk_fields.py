"""What policies that walk up the sponsors of an order have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from fenxiao.errors import PlanError
from fenxiao.policies.fields import beyond_an_order, condition_of, where_of

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray
    from fenxiao.expressions import Measure, Predicate, Where
    from fenxiao.policies.blocks import OrderBlock


@attrs.frozen(kw_only=True, slots=False)  # two bases cannot both have slots
class WalkFields:
    """Who may be paid, and for which order lines."""

    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    where: Where | None = attrs.field(default=None, converter=where_of)

    @property
    def thing(self) -> str:
        """Return how messages call the policy."""
        return f"policy {self.name!r}"  # type: ignore[attr-defined]  # policies have a name

    def error(self, problem: str, **more: Any) -> PlanError:
        """Return an error that names the policy."""
        return PlanError(self.thing, problem, **more)

    def check_start(self, value: object) -> None:
        """Refuse a start level that is neither the credited member nor his sponsor."""
        # Other kinds of number may be equal to 0 or 1, and arrays may not even say.
        if not isinstance(value, int) or isinstance(value, bool) or value not in (0, 1):
            raise PlanError(f"{self.thing}, start_level", "starts elsewhere", value=value, allowed="0 or 1")

    def selected(self, block: OrderBlock) -> FlagArray | None:
        """Return which lines count (bool [n]), None for all."""
        return None if self.where is None else self.where.mask(block)

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order."""
        return beyond_an_order(self.name, self.measures(), self.where)  # type: ignore[attr-defined]  # as above

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.eligible is None else self.eligible.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return () if self.eligible is None else tuple(self.eligible.member_columns())
