"""The second check of source limits: sums of a member's lines found anew, subtracted from his limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fenxiao._arrays import MINOR_MAX, ROW
from fenxiao._columns import Amounts
from fenxiao.audit.arithmetic import ByGroup, fail
from fenxiao.money import to_minor

if TYPE_CHECKING:
    from fenxiao.limits import SourceLimit
    from fenxiao.policies.setting import Setting


def check_counted(setting: Setting, limit: SourceLimit) -> None:
    """Verify what counts until a source limit: no line more than it is worth, no member more than his limit.

    Raises
    ------
    InvariantError
        A line counts more than there is or less than nothing, sums by window and by member differ, or a
        member's sum of a window exceeds what earlier runs left of his limit.
    """
    found, lines = setting.counted(limit), setting.everything
    thing = f"source limit {limit.name!r}"
    counts = lines.amounts(limit.name)
    if ((counts < 0) | (counts > found.whole)).any():
        raise fail(thing, "counts a line for more than it is, or for less than nothing")
    mine = np.flatnonzero(lines.member < setting.size)
    if not len(mine):
        return
    by_member = ByGroup(lines.member[mine].astype(ROW))
    exact = object if int(found.bound) * len(mine) > MINOR_MAX else counts.dtype
    sums = by_member.sums(counts[mine].astype(exact))
    windows = [column[by_member.number].astype(exact) for column in found.sums.values()]
    if (sum(windows) != sums).any():
        raise fail(thing, "adds up otherwise by window than by member")
    top = _limits(setting, limit)
    for window, column in found.sums.items():
        left = top.copy()
        for label, used in setting.before.used(limit.name, window).items():
            left[setting.tree.index(label)] -= used
        if ((column > 0) & (column > left)).any():
            raise fail(thing, "is exceeded")


def _limits(setting: Setting, limit: SourceLimit) -> np.ndarray:
    """Return each member's limit in Python integers."""
    if limit.money is not None:
        amount = to_minor(limit.money, setting.decimals, thing=f"source limit {limit.name!r}")
        return np.full(setting.size, amount, dtype=object)
    column = setting.member_column(str(limit.column))
    return column.values.astype(object) if isinstance(column, Amounts) else np.zeros(setting.size, object)
