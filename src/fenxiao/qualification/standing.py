"""Where members stand on a ladder after a period: what the next period's ranks may depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, AnyArray, IndexArray, readonly
from fenxiao._labels import read_labels
from fenxiao.errors import StateError, UnknownMemberError, instance_of, is_listing
from fenxiao.volumes.history import integers_of, same_array

if TYPE_CHECKING:
    from fenxiao.tree import ReferralTree

_TEXT: Final = instance_of(str, error=StateError)


def _labels(values: Any) -> AnyArray:
    labels: AnyArray = readonly(read_labels(values, thing="State, labels", error=StateError).values)
    return labels


def _names(values: Any) -> tuple[str, ...]:
    if not is_listing(values) or not all(isinstance(name, str) for name in values):
        raise StateError("State, standing", "has names of ranks that are none", allowed="a list of text")
    return tuple(values)


def _codes(values: Any) -> IndexArray:
    return integers_of(values, INDEX, "State, standing")


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
    """

    ladder: str = attrs.field(validator=_TEXT)
    names: tuple[str, ...] = attrs.field(converter=_names)
    labels: AnyArray = attrs.field(converter=_labels, eq=same_array)
    title: IndexArray = attrs.field(converter=_codes, eq=same_array)
    paid: IndexArray = attrs.field(converter=_codes, eq=same_array)
    missed: IndexArray = attrs.field(converter=_codes, eq=same_array)

    def __attrs_post_init__(self) -> None:
        lengths = {len(self.labels), len(self.title), len(self.paid), len(self.missed)}
        if len(lengths) > 1:
            raise StateError("State, standing", "has columns of different lengths", value=sorted(lengths),
                             allowed="one entry a member")  # fmt: skip
        codes = np.concatenate((self.title, self.paid))
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < len(self.names):
            raise StateError(
                "State, standing",
                "has ranks that have no name",
                allowed=", ".join(self.names) or "names of ranks",
            )

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
