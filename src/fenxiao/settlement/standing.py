"""Where members stand: computed columns, measures, and what is missing for the next rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs

from fenxiao._columns import Amounts, Categories
from fenxiao.errors import PlanError, is_one_of, what
from fenxiao.expressions import Measure
from fenxiao.expressions.measures import as_measure
from fenxiao.qualification import Ladder, gaps_of

if TYPE_CHECKING:
    from fenxiao._columns import Column
    from fenxiao.plan import Plan
    from fenxiao.policies.setting import Setting
    from fenxiao.qualification import Gap


@final
@attrs.frozen(kw_only=True, repr=False)
class RankGap:
    """Where a member stands on a ladder, and what is missing for the next rank.

    Attributes
    ----------
    ladder, rank, title : str
        The paid-as rank of the period, and the highest one ever reached.
    next : str or None
        The rank above the earned one, None at the top.
    gaps : tuple of `fenxiao.qualification.Gap`
        One entry for each unmet condition of the next rank. Where the rank leaves a choice, they carry its
        number and that of the alternative; of each choice one alternative is enough.
    """

    member: Any
    ladder: str
    rank: str
    title: str
    next: str | None
    gaps: tuple[Gap, ...]

    def __str__(self) -> str:
        text = f"{self.ladder}: {self.rank}"
        text += f", title {self.title}" if self.title != self.rank else ""
        if self.next is None:
            return f"{text}, the highest rank"
        return "\n".join([f"{text}; for {self.next}:", *(f"  {gap!r}" for gap in self.gaps)])

    __repr__ = __str__


def rank_gap_of(setting: Setting, plan: Plan, member: Any, name: str | None) -> RankGap:
    """Return what a member lacks for the rank above the one that he earned.

    Raises
    ------
    PlanError
        The plan has no ladder of that name, or several and none is named.
    UnknownMemberError
        There is no such member.
    """
    ladders = {each.name: each for each in plan.qualifications if isinstance(each, Ladder)}
    if name is None and len(ladders) == 1:
        name = next(iter(ladders))
    if name is None or not is_one_of(name, ladders):
        raise PlanError(
            "rank_gap, ladder",
            "is not one of the plan's",
            value=name,
            allowed=", ".join(ladders) or "none: the plan has no Ladder in qualifications",
        )
    index, ladder = setting.tree.index(member), ladders[name]
    ranks = setting.standing(ladder)
    place = int(ranks.earned[index]) + 1
    top = place >= len(ladder.names)
    return RankGap(
        member=member,
        ladder=name,
        rank=ladder.names[int(ranks.paid[index])],
        title=ladder.names[int(ranks.title[index])],
        next=None if top else ladder.names[place],
        gaps=() if top else gaps_of(setting.ranked(ladder), place, index),
    )


def columns_of(setting: Setting, parts: tuple[str | Measure, ...]) -> dict[str, Any]:
    """Return member columns and measures by name, in tree order, ready for a data frame.

    Volumes are integers in their smallest unit under a name that ends in ``_minor``.

    Raises
    ------
    InputError
        There is no such column.
    PlanError
        A part is neither the name of a column nor a measure, or a measure that can only be compared.
    """
    columns: dict[str, Any] = {"member": setting.tree.ids}
    for part in parts:
        if isinstance(part, str):
            name, column = part, setting.member_column(part)
        elif isinstance(part, Measure):
            name, column = repr(part), setting.measure(as_measure(part, "members_table"))
        else:
            raise PlanError("members_table", what(part), allowed='names of columns, or measures: own("pv")')
        columns[f"{name}_minor" if isinstance(column, Amounts) else name] = _plain(column)
    return columns


def _plain(column: Column) -> Any:
    if isinstance(column, Categories):
        return [column.value(row) for row in range(len(column))]
    return column.values
