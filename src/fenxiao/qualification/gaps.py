"""What a member lacks for the next rank, condition by condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs

from fenxiao._columns import Amounts, Numbers
from fenxiao.expressions.comparisons import Test, in_units
from fenxiao.expressions.downlines import Ratio
from fenxiao.expressions.predicates import AllOf, AnyOf
from fenxiao.money import to_decimal

if TYPE_CHECKING:
    from fenxiao.expressions import Predicate
    from fenxiao.qualification.ladders import Ladder
    from fenxiao.qualification.ranking import RankSource


@final
@attrs.frozen(kw_only=True, repr=False)
class Gap:
    """One unmet condition of a rank.

    Attributes
    ----------
    rank : str
        The rank that asks for it.
    condition : str
        The condition as the plan writes it.
    has, needs, missing : Decimal, int or None
        Where the condition is a threshold of a volume or count; None elsewhere.
    text : str
        In words.
    alternative : int or None
        Which of several alternatives the condition belongs to; one of them is enough.
    """

    rank: str
    condition: str
    text: str
    has: Any = None
    needs: Any = None
    missing: Any = None
    alternative: int | None = None

    def __repr__(self) -> str:
        either = "" if self.alternative is None else f" (alternative {self.alternative + 1})"
        return f"{self.rank}: {self.text}{either}"


def gaps_of(ladder: Ladder, place: int, source: RankSource, member: int) -> tuple[Gap, ...]:
    """Return what a member lacks for the rank at a place of the ladder's names; nothing if he meets it."""
    step = ladder.steps[place - 1]
    return tuple(_gaps(step.when, step.name, source, member, None))


def _gaps(
    condition: Predicate, rank: str, source: RankSource, member: int, alternative: int | None
) -> list[Gap]:
    if bool(source.mask_of(condition)[member]):
        return []
    if isinstance(condition, AllOf):
        return [gap for part in condition.parts for gap in _gaps(part, rank, source, member, alternative)]
    if isinstance(condition, AnyOf):
        return [
            gap
            for number, part in enumerate(condition.parts)
            for gap in _gaps(part, rank, source, member, number if alternative is None else alternative)
        ]
    numbers: dict[str, Any] = {}
    if isinstance(condition, Test):
        numbers = _numbers(condition, source, member)
    return [
        Gap(
            rank=rank,
            condition=repr(condition),
            text=condition.describe(source, member),
            alternative=alternative,
            **numbers,
        )
    ]


def _numbers(test: Test, source: RankSource, member: int) -> dict[str, Any]:
    """Return has, needs and missing where a threshold of a volume or a count is not reached."""
    if test.operator not in ("at_least", "above") or isinstance(test.subject, Ratio):
        return {}
    column = test.subject.against(test, source)
    if not isinstance(column, Amounts | Numbers) or isinstance(test.value, tuple):
        return {}
    needs = int(in_units(test, column, test.value)) + (test.operator == "above")
    has = int(column.values[member])
    if isinstance(column, Amounts):
        has_, needs_, missing = (to_decimal(each, column.decimals) for each in (has, needs, needs - has))
        return {"has": has_, "needs": needs_, "missing": missing}
    return {"has": has, "needs": needs, "missing": needs - has}
