"""Where changes stand among the order lines as they were sold, kept so that no order is looked up twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, ROW, readonly
from fenxiao.orders.keys import expanded

if TYPE_CHECKING:
    from fenxiao._arrays import FlagArray, RowArray

_NONE: Final = np.zeros(0, dtype=ROW)


@final
@attrs.frozen(eq=False)
class Places:
    """Where the changes of net orders stand among the lines as they were sold.

    Attributes
    ----------
    low, high : int64 [changes]
        The half-open range of rows of each change's order.
    gone : int64 [k]
        Rows of lines that are not sold any more, sorted.
    """

    low: RowArray = attrs.field(converter=readonly, default=_NONE)
    high: RowArray = attrs.field(converter=readonly, default=_NONE)
    gone: RowArray = attrs.field(converter=readonly, default=_NONE)

    def orders_of(self, changes: slice) -> RowArray:
        """Return the rows of the orders of some changes, sorted and each once."""
        return expanded(self.low[changes], self.high[changes])

    def left(self, rows: RowArray) -> FlagArray:
        """Return which of some lines, by their rows as they were sold, are still there."""
        left = np.ones(len(rows), dtype=FLAG)
        if len(self.gone):
            place = np.searchsorted(self.gone, rows)
            left = self.gone[np.minimum(place, len(self.gone) - 1)] != rows
        return left

    def net(self, rows: RowArray) -> RowArray:
        """Return the rows among the net orders of lines that are still there, by their rows as sold."""
        return rows - np.searchsorted(self.gone, rows) if len(self.gone) else rows
