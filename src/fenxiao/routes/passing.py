"""Pass-up (让渡): the first sales, or the first recruits, of a sponsor go to his own sponsor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, NO_MEMBER, FlagArray
from fenxiao._columns import Amounts, Days, Instants, Numbers
from fenxiao.errors import PlanError, instance_of, is_one_of
from fenxiao.expressions import Predicate, predicate_from_data

if TYPE_CHECKING:
    from fenxiao._columns import Column
    from fenxiao.tree import ReferralTree

_OF: Final = ("recruits", "sales")
_JOINED: Final = "joined"


def _condition(value: object) -> Predicate | None:
    return None if value is None else predicate_from_data(value)


@final
@attrs.frozen(kw_only=True)
class PassUp:
    """Which orders pass a sponsor, or their own seller, by.

    Parameters
    ----------
    first : int
        How many recruits of each sponsor, or sales of each member, are passed up.
    of : {"recruits", "sales"}
        ``recruits``: an order of one of the first recruits skips his sponsor, without using up a level.
        ``sales``: the first orders credited to a member, by the plan's anchor and then by order id among the
        facts, count as his sponsor's.
    whole_branch : bool
        Also the orders of everybody in a passed-up recruit's branch skip that sponsor.
    order_by : str
        The members' column that says in which order a sponsor recruited: dates, moments or numbers. Equal
        ones go by label.
    qualified : Predicate
        Only recruits who meet it are counted and passed up; all if left out.

    Raises
    ------
    PlanError
        Numbers or names that are none, options of recruits for sales.

    Examples
    --------
    >>> PassUp(first=2).as_data()
    {'first': 2}
    """

    first: int
    of: str = "recruits"
    whole_branch: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))
    order_by: str = attrs.field(default=_JOINED, validator=instance_of(str, filled=True, error=PlanError))
    qualified: Predicate | None = attrs.field(default=None, converter=_condition)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.first, bool) or not isinstance(self.first, int) or self.first < 1:
            raise PlanError(
                "PassUp, first", "is no number of recruits", value=self.first, allowed="1, 2, ..."
            )
        if not is_one_of(self.of, _OF):
            raise PlanError("PassUp, of", "is not one of the choices", value=self.of, allowed=", ".join(_OF))
        if self.of == "sales" and (
            self.whole_branch or self.qualified is not None or self.order_by != _JOINED
        ):
            raise PlanError(
                "PassUp",
                "passes sales up, which have no branch, no recruits and the plan's anchor as their order",
                allowed='first= alone, or of="recruits"',
            )

    def as_data(self) -> dict[str, Any]:
        """Return the choice as plain data, only what is not usual."""
        data: dict[str, Any] = {"first": self.first}
        for field in attrs.fields(PassUp):
            value = getattr(self, field.name)
            if field.name != "first" and value != field.default:
                data[field.name] = value.as_data() if isinstance(value, Predicate) else value
        return data

    @classmethod
    def from_data(cls, data: object) -> PassUp:
        """Read what `as_data` wrote."""
        if isinstance(data, PassUp):
            return data
        known = [field.name for field in attrs.fields(cls)]
        if not isinstance(data, dict) or "first" not in data or set(data) - set(known):
            raise PlanError("a pass-up", "cannot be read", value=data, allowed=", ".join(known))
        return cls(**data)

    def recruits(self, tree: ReferralTree, column: Column, mask: FlagArray | None) -> FlagArray:
        """Return who is one of the first recruits of his sponsor (bool [members]).

        Parameters
        ----------
        column : the order in which sponsors recruited
        mask : who counts, None for everybody

        Raises
        ------
        PlanError
            The column has no order.
        """
        if not isinstance(column, Days | Instants | Numbers | Amounts):
            raise PlanError(
                f"members column {self.order_by!r}",
                "has no order in which members were recruited",
                value=type(column).__name__,
                allowed="dates, moments or numbers",
            )
        counts = tree.parent != NO_MEMBER
        if mask is not None:
            counts &= mask
        who = np.flatnonzero(counts)
        who = who[np.lexsort((tree.label_rank[who], column.values[who], tree.parent[who]))]
        sponsor = tree.parent[who]
        place = np.arange(len(who)) - np.searchsorted(sponsor, sponsor, side="left")
        passed = np.zeros(len(tree), dtype=FLAG)
        passed[who[place < self.first]] = True
        return passed
