"""What earlier runs took from each order's margin: the argument that cadences share margins by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, AnyArray, MinorArray, readonly
from fenxiao._kernels.labels import ABSENT
from fenxiao._labels import LABEL, label_table, order_of_labels, read_labels
from fenxiao.errors import StateError
from fenxiao.volumes.history import same_array, whole_numbers

if TYPE_CHECKING:
    from fenxiao._labels import Labels

_THING: Final = "State, taken"


def _ids(values: Any) -> AnyArray:
    return read_labels(values, thing=f"{_THING}, order ids", error=StateError).values


def _minor(values: Any) -> MinorArray:
    return whole_numbers(values, f"{_THING}, minor", 1, MINOR_MAX)


@final
@attrs.frozen(kw_only=True)
class Taken:
    """What runs of the cadences before took from the margins of orders, for those that gave anything.

    Parameters
    ----------
    order_ids : labels [n]
        Each order once; they are kept in ascending order, however they are given.
    minor : int64 [n]
        Minor units, above 0.

    Raises
    ------
    StateError
        Amounts that are no whole numbers above 0, or not one an order; an order twice.

    Examples
    --------
    >>> Taken(order_ids=["B2", "A1"], minor=[5, 7]).order_ids.tolist()
    ['A1', 'B2']
    """

    order_ids: AnyArray = attrs.field(converter=_ids, eq=same_array)
    minor: MinorArray = attrs.field(converter=_minor, eq=same_array)

    def __attrs_post_init__(self) -> None:
        """Check the columns against each other, and put them into the order of the ids."""
        if len(self.order_ids) != len(self.minor):
            raise StateError(
                _THING,
                "has other amounts than orders",
                value=len(self.minor),
                allowed=str(len(self.order_ids)),
            )
        twice = label_table(self.order_ids)[1]
        if len(twice):
            raise StateError(
                _THING, "names orders a second time", rows=twice, hint="Keep one entry for each order"
            )
        order = order_of_labels(self.order_ids)
        object.__setattr__(self, "order_ids", readonly(self.order_ids[order]))
        object.__setattr__(self, "minor", readonly(self.minor[order]))

    def __len__(self) -> int:
        """Return the number of orders."""
        return len(self.minor)

    def fingerprint(self) -> str:
        """Return a text that is the same for equal entries, whatever order they were given in."""
        return repr((self.order_ids.tolist(), self.minor.tolist()))

    def of(self, order_id: Labels) -> MinorArray:
        """Return what was taken from the order of each line (int64 [n]), 0 where nothing was.

        Raises
        ------
        StateError
            The orders have ids of another kind.
        """
        found = np.zeros(len(order_id), dtype=MINOR)
        if len(self) == 0 or len(order_id) == 0:
            return found
        kind = "int" if self.order_ids.dtype == LABEL else type(self.order_ids[0]).__name__
        if order_id.kind != kind:
            raise StateError(
                f"{_THING}, order ids",
                "are of another kind than those of the orders",
                value=kind,
                allowed=order_id.kind,
                hint="Read the state and the orders with ids of one kind",
            )
        row = label_table(self.order_ids)[0].find(order_id.values)
        known = np.flatnonzero(row != ABSENT)
        found[known] = self.minor[row[known]]
        return found

    def followed_by(self, order_ids: AnyArray, minor: MinorArray) -> Taken:
        """Return the entries with those of some orders replaced; an order that has 0 leaves them.

        Parameters
        ----------
        order_ids : labels [n], at least one, each order once
        minor : int64 [n], not negative
        """
        others = np.flatnonzero(label_table(order_ids)[0].find(self.order_ids) == ABSENT)
        some = np.flatnonzero(minor)
        return Taken(
            order_ids=np.concatenate((self.order_ids[others], order_ids[some])),
            minor=np.concatenate((self.minor[others], minor[some])),
        )
