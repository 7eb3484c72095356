"""Orders: what was sold, credited to whom, in typed columns and one canonical row order."""

from __future__ import annotations

from fenxiao._labels import Labels
from fenxiao._tables import TableOptions
from fenxiao.orders.table import Orders

__all__ = ["Labels", "Orders", "TableOptions"]
