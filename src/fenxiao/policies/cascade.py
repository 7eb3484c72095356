"""Running totals up the sponsors: who takes the next step above what is paid below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, FlagArray, IndexArray
from fenxiao._columns import Categories
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import PlanError, Reason
from fenxiao.policies.base import DEPTH_MAX, Hop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from fenxiao.policies.setting import Setting

NO_STEP = -1
"""The code of somebody who has no step to take."""


@final
@attrs.frozen(eq=False, kw_only=True)
class Ascent:
    """Members by what they may have in all, and for each the next above who may have more.

    Attributes
    ----------
    values : what may be had in all (rates, or money), strictly rising
    code : int32 [members + 1], the place of each member's value, `NO_STEP` for none and for nobody
    entry : int32 [members + 1], who takes the first step for each credited member
    after : int32 [members + 1], who takes the next step after a member has taken his
    opening : int32 [members + 1], the place of what counts as paid before the first step, or `NO_STEP`
    unpaid : bool [members + 1], who takes his step without being paid
    most : the greatest number of steps on any path
    """

    values: tuple[Fraction, ...]
    code: IndexArray
    entry: IndexArray
    after: IndexArray
    opening: IndexArray
    unpaid: FlagArray
    most: int

    @classmethod
    def of(
        cls,
        setting: Setting,
        values: Sequence[Fraction],
        code: IndexArray,
        *,
        start_level: int,
        opening: IndexArray | None = None,
        unpaid: FlagArray | None = None,
    ) -> Ascent:
        """Build the pointers.

        Parameters
        ----------
        values : what may be had in all, strictly rising
        code : int32 [members]
        start_level : 0 where the credited member takes the first step himself
        opening : int32 [members], for each credited member what counts as paid before the first step
        unpaid : bool [members]
        """
        up, size = setting.tree.sponsor_pointer, setting.size
        codes = np.append(code, INDEX(NO_STEP)).astype(INDEX)
        first = np.full(size + 1, NO_STEP, dtype=INDEX)
        if opening is not None:
            first[:size] = opening
        entry, after = (np.full(size + 1, size, dtype=INDEX) for _ in range(2))
        steps = np.zeros(size + 1, dtype=INDEX)
        # From the top down: whoever follows has a higher place, so how many follow on him is known.
        for place in range(len(values) - 1, NO_STEP - 1, -1):
            begins, follows = np.flatnonzero(first == place), np.flatnonzero(codes == place)
            if len(begins) or len(follows):
                above = nearest_marked(up, code > place)
                entry[begins] = above[begins]
                after[follows] = above[follows]
                if place != NO_STEP:
                    steps[follows] = steps[after[follows]] + 1
        if start_level == 0:
            himself = np.flatnonzero(codes > first)
            entry[himself] = himself
        return cls(
            values=tuple(values),
            code=codes,
            entry=entry,
            after=after,
            opening=first,
            unpaid=np.append(np.zeros(size, dtype=FLAG) if unpaid is None else unpaid, [False]),
            most=int(steps[entry].max(initial=0)),
        )

    def steps(self, member: IndexArray) -> Iterator[tuple[IndexArray, IndexArray, IndexArray]]:
        """Yield for each step who takes it, and the places of what was paid before and is paid after it.

        Parameters
        ----------
        member : int32 [n], credited members, the number of members for guests
        """
        here, before = np.take(self.entry, member, mode="clip"), np.take(self.opening, member, mode="clip")
        for _ in range(self.most):
            after = np.maximum(np.take(self.code, here, mode="clip"), before)
            yield here, before, after
            here, before = np.take(self.after, here, mode="clip"), after

    def takers(self, member: IndexArray) -> IndexArray:
        """Return who takes each step (int32 [steps, n]), the number of members for nobody."""
        takers = [here for here, _, _ in self.steps(member)]
        return np.array(takers, dtype=INDEX).reshape(self.most, len(member))

    def payees(self, member: IndexArray) -> IndexArray:
        """Return who is paid for each step (int32 [steps, n]), the number of members for nobody."""
        return self.paid(self.takers(member))

    def paid(self, takers: IndexArray) -> IndexArray:
        """Return who is paid among those who take a step (int32 of any shape)."""
        return np.where(np.take(self.unpaid, takers, mode="clip"), INDEX(len(self.code) - 1), takers)

    def walk(self, setting: Setting, member: int, start_level: int) -> Iterator[tuple[int, int, Reason]]:
        """Yield step, person and reason of everybody whom a walk up the sponsors meets."""
        sponsors, nobody = setting.tree.sponsor_pointer, setting.size
        at = member if start_level == 0 else int(sponsors[member])
        taker, step = int(self.entry[member]), 0
        while at != nobody:
            if at == taker:
                yield step, at, Reason.BLOCKED if self.unpaid[at] else Reason.PAID
                taker, step = int(self.after[at]), step + 1
            else:
                yield step, at, Reason.NOT_ENTITLED if self.code[at] == NO_STEP else Reason.PAID_BELOW
            at = int(sponsors[at])


def rated_codes(
    name: str, rates: Sequence[Fraction], rows: IndexArray, ceiling: Fraction | None
) -> tuple[list[Fraction], IndexArray]:
    """Return the different rates above zero in rising order, and each member's place among them.

    Parameters
    ----------
    name : how messages call the policy
    rates : the rate of each row
    rows : int32 [members], each member's row
    ceiling : what no rate counts above

    Raises
    ------
    PlanError
        More than 64 different rates.
    """
    capped = [rate if ceiling is None else min(rate, ceiling) for rate in rates]
    values = sorted({rate for rate in capped if rate > 0})
    if len(values) > DEPTH_MAX:
        raise PlanError(
            name, "has too many different rates for one differential", value=len(values), allowed="up to 64"
        )
    place = {rate: number for number, rate in enumerate(values)}
    table = np.array([place.get(rate, NO_STEP) for rate in capped], dtype=INDEX)
    return values, table[rows]


def rows_of_column(
    column: Any, name: str, keys: Sequence[str], thing: str, hint: str = 'Give a rank that earns nothing "0%"'
) -> IndexArray:
    """Return for each member the place of his category among some keys.

    Parameters
    ----------
    column, name : the column, and what it is called
    keys : what the table has rows for
    thing : how messages call the table
    hint : how a row that is missing is written

    Raises
    ------
    PlanError
        The column is not text, or a category that occurs is not among the keys, or is missing.
    """
    if not isinstance(column, Categories):
        raise PlanError(f"members column {name!r}", "is not text", hint='Ranks are names, such as "gold"')
    place = {key: number for number, key in enumerate(keys)}
    missing = [value for value in column.values if str(value) not in place]
    if missing or (column.codes < 0).any():
        raise PlanError(
            thing,
            "has no row for every rank that occurs" if missing else "meets members without a rank",
            value=missing or None,
            allowed=", ".join(keys),
            hint=f"{hint}, and every member a rank",
        )
    return np.array([place[str(value)] for value in column.values], dtype=INDEX)[column.codes]


def hop_of(setting: Setting, step: int, person: int, reason: Reason, detail: str, start_level: int) -> Hop:
    """Return a step of a walk as explanations tell it."""
    payee = person if reason is Reason.PAID else setting.size
    return Hop(step + start_level, person, payee, reason, detail)
