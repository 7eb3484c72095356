"""The second check of scope 1: margins and caps inside orders, multiplied out and subtracted."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, ROW, AnyArray, FlagArray, MinorArray, RowArray
from fenxiao.audit.arithmetic import ByGroup, fail
from fenxiao.money import to_minor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.expressions import Exact
    from fenxiao.limits import Cap, Margin
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.sheets import Sheet


def check_block(
    block: OrderBlock,
    sheets: Sequence[Sheet],
    margin: Margin,
    caps: Sequence[Cap],
    policies: Sequence[str],
    *,
    line_margins: MinorArray,
    budgets: MinorArray,
) -> None:
    """Verify laws 2 and 3 on one block of order lines.

    Parameters
    ----------
    block : the lines
    sheets : claims and allowed amounts by stage
    margin, caps, policies : of the plan
    line_margins : int64 [lines], what the guard took as margins
    budgets : int64 [orders], what the guard took as budgets

    Raises
    ------
    InvariantError
        An allowed amount is negative or above its claim, a margin is not the floor of its exact value, an
        order pays more than its budget, or a group more than its cap.
    """
    if len(block) == 0:
        return
    for sheet in sheets:
        _check_entries(sheet)
    if margin.of is not None and margin.share is not None:
        _check_floor(line_margins, margin.of.value(block), margin.share.fraction)
    left, taken = _remainders(line_margins, block), _taken_before(block)
    if left is not budgets or taken.any():
        left = np.maximum(left, 0)
        # Added up, not subtracted; where no budget is left, all that there is was taken.
        if np.where(budgets > 0, budgets + taken != left, taken < left).any():
            raise fail("the guard", "took a budget that is not the sum of margins less what was taken of it")
    if int(budgets.min()) < 0:
        raise fail("the guard", "took a negative budget")
    spent = [(sheet, slot) for sheet in sheets for slot in range(sheet.slots)]
    _spend(budgets, block, spent, "the margin of an order")
    if margin.guard == "line":
        _spend(np.maximum(line_margins, 0), block, spent, "the margin of a line", by_line=True)
    for cap in caps:
        if cap.in_order:
            _check_cap(cap, block, sheets, policies)


def _taken_before(block: OrderBlock) -> MinorArray:
    """Return what the state says was taken from each order, by search among sorted ids.

    Returns
    -------
    int64 [orders], or [1] with a 0 for all orders where nothing was taken from any
    """
    taken, ids = block.setting.before.taken, block.facts.orders.order_id.values
    if taken is None:
        return np.zeros(1, dtype=MINOR)
    rows = block.row_numbers if block.starts is None else block.row_numbers[block.starts[:-1]]
    place = np.minimum(np.searchsorted(taken.order_ids, ids[rows]), len(taken) - 1)
    return np.where(taken.order_ids[place] == ids[rows], taken.minor[place], MINOR(0))


def _check_entries(sheet: Sheet) -> None:
    if int(sheet.allowed.min(initial=0)) < 0:
        raise fail("the guard", "allowed a negative amount")
    if sheet.allowed is not sheet.claimed and (sheet.allowed > sheet.claimed).any():
        raise fail("the guard", "allowed more than was claimed")


def _check_floor(floors: MinorArray, exact: Exact, rate: Fraction) -> None:
    """Verify ``floor <= value * rate < floor + 1`` by cross-multiplication, without dividing."""
    numerator, denominator = exact.numerator * rate.numerator, exact.denominator * rate.denominator
    most = max(exact.bound * numerator, (exact.bound * numerator // denominator + 1) * denominator)
    if exact.values.dtype == MINOR and most <= MINOR_MAX:
        rest = exact.values * MINOR(numerator) - floors * MINOR(denominator)
        bad = bool(int(rest.min(initial=0)) < 0 or int(rest.max(initial=0)) >= denominator)
    else:
        pairs = zip(exact.values.tolist(), floors.tolist(), strict=True)
        bad = any(not 0 <= value * numerator - floor * denominator < denominator for value, floor in pairs)
    if bad:
        raise fail("the guard", "took a margin that is not the floor of its exact value")


def _remainders(values: MinorArray, block: OrderBlock) -> MinorArray:
    """Return sums by order as differences of a running sum (wrapping cancels out)."""
    if block.starts is None:
        return values
    running = np.concatenate((np.zeros(1, dtype=MINOR), np.cumsum(values)))
    return running[block.starts[1:]] - running[block.starts[:-1]]


def _spend(
    budget: MinorArray,
    block: OrderBlock,
    entries: Sequence[tuple[Sheet, int]],
    thing: str,
    *,
    by_line: bool = False,
) -> None:
    """Subtract every entry from its budget; no remainder may fall below zero."""
    if by_line or block.starts is None:
        left = budget.copy()
        wraps = sum(sheet.bound for sheet in {id(sheet): sheet for sheet, _ in entries}.values()) > MINOR_MAX
        for number, (sheet, slot) in enumerate(entries, start=1):
            left -= sheet.allowed[slot]
            # Neither term was negative before, so one difference cannot wrap unseen; several might.
            if (wraps or number == len(entries)) and int(left.min()) < 0:
                raise fail(thing, "is exceeded", block.row_numbers[np.flatnonzero(left < 0)])
        return
    order = np.repeat(np.arange(block.n_orders, dtype=ROW), np.diff(block.starts))
    high = low = np.zeros(len(block), dtype=MINOR)
    for sheet, slot in entries:
        high, low = high + (sheet.allowed[slot] >> 31), low + (sheet.allowed[slot] & 0x7FFFFFFF)
    pay = [_remainders(half, block) for half in (high, low)]
    exceeded = _above(pay[0], pay[1], budget)
    if exceeded.any():
        raise fail(thing, "is exceeded", block.row_numbers[np.flatnonzero(exceeded[order])])


def _above(high: MinorArray, low: MinorArray, limit: MinorArray) -> FlagArray:
    high = high + (low >> 31)
    above: FlagArray = (high > limit >> 31) | (
        (high == limit >> 31) & ((low & 0x7FFFFFFF) > (limit & 0x7FFFFFFF))
    )
    return above


def _check_cap(cap: Cap, block: OrderBlock, sheets: Sequence[Sheet], policies: Sequence[str]) -> None:
    """Verify a cap inside an order, stage by stage, multiplied out instead of divided."""
    on = set(policies if cap.on is None else cap.on)
    counting = on if cap.counting is None else set(cap.counting)
    groups = ByGroup(_group_of_lines(cap, block))
    bound = max(sum(sheet.bound for sheet in sheets), 1) * len(block)
    top, denominator = _limits(cap, block, groups, bound)
    for names in [{name} for name in sorted(on)] if cap.scope == "policy_in_order" else [on]:
        also = names if cap.scope == "policy_in_order" else counting
        room = top.copy()
        for sheet in sheets:
            room -= (
                _pay(sheet, groups, {p for p, name in enumerate(policies) if name in also - names}, top.dtype)
                * denominator
            )
            here = (
                _pay(sheet, groups, {p for p, name in enumerate(policies) if name in names}, top.dtype)
                * denominator
            )
            bad = (here > 0) & (here > room)
            if bad.any():
                raise fail(f"cap {cap.name!r}", f"is exceeded in {int(bad.sum())} group(s)")
            room -= here


def _group_of_lines(cap: Cap, block: OrderBlock) -> RowArray:
    order = np.arange(len(block), dtype=ROW)
    if cap.scope != "line" and block.starts is not None:
        order = np.searchsorted(block.starts, order, side="right") - 1
    if cap.scope != "product_in_order":
        return order
    codes, values = block.codes("product")
    return order * (len(values) + 1) + codes


def _pay(sheet: Sheet, groups: ByGroup, places: set[int], dtype: np.dtype[Any]) -> AnyArray:
    total = np.zeros(len(sheet.block), dtype=dtype)
    for slot, place in enumerate(sheet.policy):
        if place in places:
            total = total + sheet.allowed[slot].astype(dtype)
    return groups.sums(total)


def _limits(cap: Cap, block: OrderBlock, groups: ByGroup, bound: int) -> tuple[AnyArray, int]:
    """Return limits as numerators over one denominator; Python integers where 64 bits are too few."""
    if cap.money is not None:
        limit = to_minor(cap.money, block.decimals, thing=f"cap {cap.name!r}")
        return np.full(groups.count, limit, dtype=MINOR if bound <= MINOR_MAX - limit else object), 1
    if cap.column is not None:
        values: AnyArray = block.money(cap.column, f"cap {cap.name!r}")
        numerator, denominator = 1, 1
    else:
        exact = cap.of.value(block)  # type: ignore[union-attr]  # a cap has exactly one kind of limit
        factor = Fraction(exact.numerator, exact.denominator) * cap.rate.fraction  # type: ignore[union-attr]  # as above
        values, numerator, denominator = exact.values, factor.numerator, factor.denominator
    most = max(int(values.max(initial=0)) * max(numerator, 1) * len(block), bound * denominator)
    dtype = MINOR if values.dtype == MINOR and most <= MINOR_MAX // 2 else object
    return groups.sums(values.astype(dtype)) * numerator, denominator
