"""The second check of wide caps: groups and limits found anew, in Python integers, nothing divided."""

from __future__ import annotations

from calendar import isleap
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fenxiao._arrays import FLAG, ROW, AnyArray, FlagArray, MinorArray, RowArray
from fenxiao._columns import Amounts, Categories, Numbers
from fenxiao.audit.arithmetic import ByGroup, fail
from fenxiao.limits import anniversary
from fenxiao.money import to_minor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.cells import Cells
    from fenxiao.limits import Cap
    from fenxiao.policies.setting import Setting
    from fenxiao.state import State

_EPOCH: Final = date(1970, 1, 1)


def check_wide(
    setting: Setting,
    caps: Sequence[Cap],
    policies: Sequence[str],
    stages: Sequence[int],
    cells: Cells,
    allowed: MinorArray,
    state: State,
) -> None:
    """Verify every wide cap on what the guard finally allowed.

    Raises
    ------
    InvariantError
        A cell pays less than nothing or more than before, or a group more than its cap leaves.
    """
    if not len(cells):
        return
    if int(allowed.min()) < 0 or (allowed > cells.amount).any():
        raise fail("the wide caps", "raised a payout or made it negative")
    for cap in caps:
        if not cap.in_order:
            _check_cap(setting, cap, policies, stages, cells, allowed, state)


def _check_cap(
    setting: Setting,
    cap: Cap,
    policies: Sequence[str],
    stages: Sequence[int],
    cells: Cells,
    allowed: MinorArray,
    state: State,
) -> None:
    number = _group_of_cells(setting, cap, cells)
    mine = number >= 0
    if not mine.any():
        return
    groups = ByGroup(number[mine])
    amounts = allowed[mine].astype(object)
    on = _of(policies if cap.on is None else cap.on, policies, cells)[mine]
    counting = on if cap.counting is None else _of(cap.counting, policies, cells)[mine]
    stage = np.array(stages, dtype=ROW)[cells.policy][mine]
    if cap.scope in ("period", "company"):
        # These look at all stages at once.
        stage = np.zeros_like(stage)
    top, denominator = _limits(setting, cap, groups.number)
    room = top - _used_before(setting, cap, groups.number, state, policies) * denominator
    for now in sorted(set(stage.tolist())):
        this = stage == now
        room = room - groups.sums(np.where(counting & ~on & this, amounts, 0)) * denominator
        here = groups.sums(np.where(on & this, amounts, 0)) * denominator
        if ((here > 0) & (here > room)).any():
            raise fail(f"cap {cap.name!r}", "is exceeded")
        room = room - here


def _of(names: Sequence[str], policies: Sequence[str], cells: Cells) -> FlagArray:
    marks: FlagArray = np.array([name in set(names) for name in policies], dtype=FLAG)[cells.policy]
    return marks


def _owner_numbers(setting: Setting) -> tuple[AnyArray, Sequence[Any]]:
    column = setting.member_column("owner")
    if isinstance(column, Numbers):
        known = sorted(set(column.values.tolist()))
        place = {owner: number for number, owner in enumerate(known)}
        return np.array([place[owner] for owner in column.values.tolist()], dtype=ROW), known
    if isinstance(column, Categories):
        return column.codes.astype(ROW), column.values
    raise fail("members column 'owner'", "does not name owners")


def _group_of_cells(setting: Setting, cap: Cap, cells: Cells) -> RowArray:
    """Return the group number of each cell, -1 for cells that have no group."""
    if cap.scope in ("product", "region", "source"):
        return cells.keys[cap.scope].astype(ROW)
    if cap.scope == "payee":
        return cells.payee.astype(ROW)
    if cap.scope == "owner":
        return _owner_numbers(setting)[0][cells.payee].astype(ROW)
    return cells.policy.astype(ROW) if cap.scope == "policy" else np.zeros(len(cells), dtype=ROW)


def _limits(setting: Setting, cap: Cap, numbers: RowArray) -> tuple[AnyArray, int]:
    """Return limits of groups as numerators (Python integers) over one denominator."""
    name = f"cap {cap.name!r}"
    if cap.money is not None:
        return np.full(len(numbers), to_minor(cap.money, setting.decimals, thing=name), dtype=object), 1
    if cap.by_rank:
        table = {rank: to_minor(money, setting.decimals, thing=name) for rank, money in cap.by_rank}
        ranks = setting.member_column(cap.rank_column)
        return np.array([table[str(ranks.value(number))] for number in numbers.tolist()], dtype=object), 1
    if cap.column is not None:
        column = setting.member_column(cap.column)
        values = column.values.tolist() if isinstance(column, Amounts) else []
        if cap.scope == "owner":
            owners = _owner_numbers(setting)[0].tolist()
            values = dict(zip(owners, values, strict=True))
        return np.array([values[number] for number in numbers.tolist()], dtype=object), 1
    block = setting.everything
    if not len(block):
        return np.zeros(len(numbers), dtype=object), 1
    exact = cap.of.value(block)  # type: ignore[union-attr]  # a cap has exactly one kind of limit
    factor = Fraction(exact.numerator, exact.denominator) * cap.rate.fraction  # type: ignore[union-attr]  # the only kind left
    lines = ByGroup(_group_of_lines(setting, cap))
    return lines.of(
        exact.values.astype(object), _line_group(cap, numbers)
    ) * factor.numerator, factor.denominator


def _group_of_lines(setting: Setting, cap: Cap) -> RowArray:
    block = setting.everything
    if cap.scope in ("payee", "source"):
        return block.member.astype(ROW)
    if cap.scope == "owner":
        return np.append(_owner_numbers(setting)[0], -1)[block.member].astype(ROW)
    if cap.scope in ("product", "region"):
        return block.codes(cap.scope)[0].astype(ROW)
    return np.zeros(len(block), dtype=ROW)


def _line_group(cap: Cap, numbers: RowArray) -> RowArray:
    return np.zeros_like(numbers) if cap.scope == "policy" else numbers


def _label(setting: Setting, cap: Cap, number: int, policies: Sequence[str]) -> Any:
    """Return what `State` calls a group."""
    if cap.scope in ("payee", "source"):
        return setting.facts.tree.label(number)
    if cap.scope in ("period", "company"):
        return ""
    if cap.scope == "policy":
        return policies[number]
    known = _owner_numbers(setting)[1] if cap.scope == "owner" else setting.everything.codes(cap.scope)[1]
    # A group that only deferred pay knows has no code of the orders.
    return known[number] if number < len(known) else None


def _used_before(
    setting: Setting, cap: Cap, numbers: RowArray, state: State, policies: Sequence[str]
) -> AnyArray:
    """Return what earlier runs used up of the cap's window, by group."""
    if cap.window == "period" or all(name != cap.name for name, _ in state.usage):
        return np.zeros(len(numbers), dtype=object)
    return np.array(
        [
            state.used(cap.name, _window(setting, cap, number)).get(_label(setting, cap, number, policies), 0)
            for number in numbers.tolist()
        ],
        dtype=object,
    )


def _window(setting: Setting, cap: Cap, number: int) -> str:
    """Return what `State` calls the window of a group, by comparing dates."""
    if cap.window == "lifetime" or setting.period is None:
        return "lifetime"
    start = setting.period.start
    if cap.window == "year":
        return str(start.year)
    joined = _EPOCH + timedelta(days=int(setting.joined("the second check")[number]))
    # The anniversary of 29 February is the day before 1 March, where there is none.
    day = (joined.month, joined.day - (joined.month == 2 and joined.day == 29 and not isleap(start.year)))
    return anniversary(max(start.year - joined.year - ((start.month, start.day) < day), 0))
