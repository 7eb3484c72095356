"""Where members stand on a ladder after a period: what the next period's ranks may depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, AnyArray, IndexArray, readonly
from fenxiao.errors import StateError, UnknownMemberError, instance_of
from fenxiao.volumes.history import member_labels, same_array, whole_numbers

if TYPE_CHECKING:
    from fenxiao.tree import ReferralTree

_TEXT: Final = instance_of(str, error=StateError)


def _names(values: Any) -> tuple[str, ...]:
    names = tuple(values) if isinstance(values, tuple | list) else ()
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise StateError(
            "State, standing",
            "has no names of ranks",
            value=values,
            allowed='different texts, lowest first: ("none", "silver")',
        )
    return names


def _codes(values: Any) -> IndexArray:
    codes = whole_numbers(values, "State, ranks and missed periods", 0, int(np.iinfo(INDEX).max) - 1)
    return readonly(codes.astype(INDEX))  # type: ignore[no-any-return]  # readonly keeps the kind


@final
@attrs.frozen(kw_only=True)
class Standing:
    """Title, paid-as rank and missed periods of the members who have any, after one period.

    Parameters
    ----------
    ladder : str
    names : tuple of str
        The ranks, lowest first; titles and ranks are places in it.
    labels : labels [n]
    title, paid : int32 [n]
    missed : int32 [n]
        Periods in a row in which the paid-as rank was not earned.

    Raises
    ------
    StateError
        Columns of different lengths, ranks without a name, a member twice.
    """

    ladder: str = attrs.field(validator=_TEXT)
    names: tuple[str, ...] = attrs.field(converter=_names)
    labels: AnyArray = attrs.field(converter=member_labels, eq=same_array)
    title: IndexArray = attrs.field(converter=_codes, eq=same_array)
    paid: IndexArray = attrs.field(converter=_codes, eq=same_array)
    missed: IndexArray = attrs.field(converter=_codes, eq=same_array)

    def __attrs_post_init__(self) -> None:
        lengths = {len(self.labels), len(self.title), len(self.paid), len(self.missed)}
        if len(lengths) > 1:
            raise StateError(
                "State, standing",
                "has columns of different lengths",
                value=sorted(lengths),
                allowed="one title, paid-as rank and number of missed periods a label",
            )
        if int(max(self.title.max(initial=0), self.paid.max(initial=0))) >= len(self.names):
            raise StateError("State, standing", "has ranks that have no name", allowed=", ".join(self.names))

    def fingerprint(self) -> str:
        """Return a text that is the same for equal standings, whatever the order of their members."""
        columns = (
            map(repr, self.labels.tolist()),
            *(each.tolist() for each in (self.title, self.paid, self.missed)),
        )
        return repr((self.ladder, self.names, sorted(zip(*columns, strict=True))))

    def on(self, tree: ReferralTree, names: tuple[str, ...]) -> tuple[IndexArray, IndexArray, IndexArray]:
        """Return title, paid-as rank and missed periods by member, as places in the given names.

        Raises
        ------
        StateError
            A rank that the ladder no longer has, a member who is not in the tree.
        """
        place = {name: code for code, name in enumerate(names)}
        used = {self.names[code] for code in {*self.title.tolist(), *self.paid.tolist()}}
        if used - set(place):
            raise StateError(
                "State",
                f"knows ranks that ladder {self.ladder!r} does not have",
                value=sorted(used - set(place)),
                allowed=", ".join(names),
                hint="Keep a rank as a step of the ladder as long as members hold it",
            )
        try:
            at = tree.indices(self.labels)
        except UnknownMemberError as error:
            raise StateError(
                "State",
                "has the standing of members who are not in the tree",
                hint="Keep members who leave in the tree",
                labels=error.labels,
            ) from None
        table = np.array([place.get(name, 0) for name in self.names], dtype=INDEX)
        columns = []
        for values in (table[self.title], table[self.paid], self.missed):
            column = np.zeros(len(tree), dtype=INDEX)
            column[at] = values
            columns.append(column)
        return columns[0], columns[1], columns[2]
