"""What a member lacks for the next rank, condition by condition."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final, final

import attrs

from fenxiao._columns import Amounts, Numbers
from fenxiao.expressions.comparisons import Test, in_units
from fenxiao.expressions.downlines import Ratio
from fenxiao.expressions.predicates import AllOf, AnyOf
from fenxiao.money import to_decimal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.expressions import Predicate
    from fenxiao.qualification.ranking import RankView


_ALTERNATIVES_MAX: Final = 64
"""So many ways to meet one choice are listed; each of them is enough by itself."""


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
    choice, alternative : int or None
        None for what is needed in any case. Elsewhere the rank leaves a choice, and all gaps of *one*
        alternative of each choice have to be closed. Both count from 0.
    """

    rank: str
    condition: str
    text: str
    has: Any = None
    needs: Any = None
    missing: Any = None
    choice: int | None = None
    alternative: int | None = None

    def __repr__(self) -> str:
        if self.choice is None or self.alternative is None:
            return f"{self.rank}: {self.text}"
        choice = f"choice {self.choice + 1}, " if self.choice else ""
        return f"{self.rank}: {self.text} ({choice}alternative {self.alternative + 1})"


def gaps_of(view: RankView, place: int, member: int) -> tuple[Gap, ...]:
    """Return what a member lacks for the rank at a place of the ladder's names; nothing if he meets it.

    Parameters
    ----------
    view : the members as the ladder sees them, with the ranks of the period
    place : 1 or more
    member : index
    """
    step = view.ladder.steps[place - 1]
    found: list[Gap] = []
    choices = 0
    for condition in _unmet(step.when, view, member):
        if not isinstance(condition, AnyOf):
            found.append(_gap(condition, step.name, view, member))
            continue
        for number, parts in enumerate(islice(_ways(condition, view, member), _ALTERNATIVES_MAX)):
            found += [
                attrs.evolve(_gap(part, step.name, view, member), choice=choices, alternative=number)
                for part in parts
            ]
        choices += 1
    return tuple(found)


def _unmet(condition: Predicate, view: RankView, member: int) -> Iterator[Predicate]:
    """Yield the conditions that a member fails and that all have to hold."""
    if bool(view.mask_of(condition)[member]):
        return
    if isinstance(condition, AllOf):
        for part in condition.parts:
            yield from _unmet(part, view, member)
    else:
        yield condition


def _ways(condition: Predicate, view: RankView, member: int) -> Iterator[tuple[Predicate, ...]]:
    """Yield the ways to meet a condition, each as the failed comparisons that have to hold."""
    if isinstance(condition, AnyOf):
        for part in condition.parts:
            yield from _ways(part, view, member)
        return
    parts = list(_unmet(condition, view, member))
    if parts == [condition]:
        yield (condition,)
        return
    for together in product(*(islice(_ways(part, view, member), _ALTERNATIVES_MAX) for part in parts)):
        yield tuple(each for way in together for each in way)


def _gap(condition: Predicate, rank: str, view: RankView, member: int) -> Gap:
    numbers = _numbers(condition, view, member) if isinstance(condition, Test) else {}
    return Gap(rank=rank, condition=repr(condition), text=condition.describe(view, member), **numbers)


def _numbers(test: Test, source: RankView, member: int) -> dict[str, Any]:
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
