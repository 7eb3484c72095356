"""What counts of a base until its source has reached a limit; see `fenxiao.limits.SourceLimit`."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MINOR_MAX, IndexArray, InstantArray, MinorArray
from fenxiao._columns import Amounts
from fenxiao._kernels.tally import Tally, greatest
from fenxiao.errors import PlanError
from fenxiao.limits import anniversary
from fenxiao.money import ration_many, to_minor
from fenxiao.periods import anniversaries, years_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fenxiao._arrays import RowArray
    from fenxiao.limits import SourceLimit
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting


@final
@attrs.frozen(eq=False, kw_only=True)
class Counted:
    """What a source limit lets count.

    Attributes
    ----------
    column : by rows of the facts' orders; 0 on lines that are not settled
    bound : the greatest value
    whole : int64 [settled lines], what there was before the limit
    sums : by window as `State` calls it, what counts of each member's lines (int64 [members])
    """

    column: Amounts
    bound: int
    whole: MinorArray
    sums: Mapping[str, MinorArray]


def counted(limit: SourceLimit, setting: Setting) -> Counted:
    """Return what counts of the settled lines until their members' limits.

    Raises
    ------
    PlanError
        The orders or the catalog have a column of that name; the members' limits are not money.
    OrdersError
        The base reads a column that is missing.
    InputError
        The members lack a column that the limit needs.
    """
    _check_name(limit, setting)
    lines, limits = setting.everything, _limits(limit, setting)
    if limit.window == "anniversary":
        # A column that is missing is an error whether or not anybody's line counts.
        setting.joined(f"source limit {limit.name!r}")
    whole = limit.of.value(lines).times(Fraction(1)) if len(lines) else np.zeros(0, dtype=MINOR)
    counts, sums = whole.copy(), {}
    for window, rows in _lines_by_window(limit, setting, lines):
        room = np.maximum(limits - _used(limit, window, setting), 0)
        member = lines.member[rows]
        counts[rows] = _oldest_first(whole[rows], member, _times(lines)[rows], room)
        tally = Tally(setting.size)
        tally.add(member, counts[rows])
        # A member's sum is within his limit, which fits.
        sums[window] = tally.sums("what counts until a source's limit")
    values = np.zeros(len(setting.facts.orders), dtype=MINOR)
    values[setting.rows] = counts
    column = Amounts(values, setting.decimals)
    return Counted(column=column, bound=greatest(counts), whole=whole, sums=sums)


def usage_after(limit: SourceLimit, setting: Setting) -> dict[tuple[str, str], dict[Any, int]]:
    """Return what has counted of members' lines by window, those of earlier runs included, for `State`."""
    found: dict[tuple[str, str], dict[Any, int]] = {}
    for window, sums in setting.counted(limit).sums.items():
        after = dict(setting.before.used(limit.name, window))
        some = np.flatnonzero(sums)
        for label, amount in zip(setting.tree.labels(some).tolist(), sums[some].tolist(), strict=True):
            after[label] = after.get(label, 0) + amount
        if after and limit.window != "period":
            found[(limit.name, window)] = after
    return found


def _check_name(limit: SourceLimit, setting: Setting) -> None:
    """Refuse a name that a given column has."""
    catalog = setting.facts.catalog
    if limit.name in setting.facts.orders.names or (catalog is not None and limit.name in catalog.names):
        raise PlanError(
            f"source limit {limit.name!r}",
            "is called like a column of the orders or the catalog",
            hint="Rename one of the two",
        )


def _lines_by_window(
    limit: SourceLimit, setting: Setting, lines: OrderBlock
) -> Iterator[tuple[str, RowArray]]:
    """Yield what `State` calls each window, and the lines of members that fall into it."""
    rows = np.flatnonzero(lines.member < setting.size)
    if limit.window in ("period", "lifetime"):
        yield limit.window, rows
        return
    numbers = _years_of(
        limit, setting, lines.member[rows], lines.local_days(f"source limit {limit.name!r}")[rows]
    )
    for number in np.unique(numbers).tolist():
        name = str(number) if limit.window == "year" else anniversary(number)
        yield name, rows[numbers == number]


def _years_of(limit: SourceLimit, setting: Setting, member: IndexArray, days: InstantArray) -> InstantArray:
    """Return the number of each line's calendar year, or of the last anniversary of its member before it."""

    def number(member: IndexArray, days: InstantArray) -> InstantArray:
        if limit.window == "year":
            return years_of(days)
        return anniversaries(setting.joined(f"source limit {limit.name!r}")[member], days)

    if not len(days):
        return days
    # Most members have no new year between the first line and the last, so that theirs need no look.
    everybody, edges = np.arange(setting.size, dtype=INDEX), (days.min(), days.max())
    low, high = (number(everybody, np.full(setting.size, day)) for day in edges)
    numbers = low[member]
    rows = np.flatnonzero((low != high)[member])
    numbers[rows] = number(member[rows], days[rows])
    return numbers


def _limits(limit: SourceLimit, setting: Setting) -> MinorArray:
    """Return each member's limit (int64 [members])."""
    thing = f"source limit {limit.name!r}"
    if limit.money is not None:
        return np.full(setting.size, to_minor(limit.money, setting.decimals, thing=thing), dtype=MINOR)
    return setting.member_money(str(limit.column), thing)


def _used(limit: SourceLimit, window: str, setting: Setting) -> MinorArray:
    """Return what earlier runs counted of each member's lines (int64 [members])."""
    used = setting.before.used(limit.name, window)
    column = np.zeros(setting.size, dtype=MINOR)
    column[setting.tree.indices(list(used))] = [min(amount, MINOR_MAX) for amount in used.values()]
    return column


def _times(lines: OrderBlock) -> InstantArray:
    """Return the time of each line by the plan's anchor."""
    setting = lines.setting
    times: InstantArray = setting.facts.orders.instants(str(setting.anchor)).values[lines.row_numbers]
    return times


def _oldest_first(amount: MinorArray, member: IndexArray, time: InstantArray, room: MinorArray) -> MinorArray:
    """Return what counts of each line (int64 [n]): rows are in the order of order id and line."""
    tally = Tally(len(room))
    tally.add(member, amount)
    over = np.flatnonzero(tally.exceeds(room)[member])
    if not len(over):
        return amount
    # Only members who reach their limit have lines that need an order.
    age = np.empty(len(over), dtype=INDEX)
    age[np.argsort(time[over], kind="stable")] = np.arange(len(over), dtype=INDEX)
    counts = amount.copy()
    counts[over] = ration_many(amount[over], member[over], room, "priority", classes=age)
    return counts
