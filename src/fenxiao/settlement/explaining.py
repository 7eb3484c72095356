"""Statements and explanations, from the lines and walks of a run."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fenxiao._arrays import FLAG, MINOR_MIN
from fenxiao.errors import Reason
from fenxiao.lines import NO_ORDER
from fenxiao.money import format_minor
from fenxiao.policies.base import PeriodPolicy
from fenxiao.policies.blocks import OrderBlock
from fenxiao.statements import (
    Explanation,
    PeriodExplanation,
    PeriodVerdict,
    Statement,
    StatementLine,
    Verdict,
    percent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fenxiao.lines import GuardedBlock, LineBatch, OrderRun
    from fenxiao.plan import Plan
    from fenxiao.policies.base import Detail, Hop, PeriodView, PreparedPolicy
    from fenxiao.policies.setting import Setting


def statement_of(
    batch: LineBatch, run: OrderRun, member: Any, plan: Plan, views: Mapping[int, PeriodView]
) -> Statement:
    """Return the lines of one member in words."""
    currency, index = plan.currency, run.setting.tree.index(member)
    rates = _rates(batch, run, index)
    orders = batch.terms.facts.orders
    names = batch.terms.policies
    on_period = {place: each for place, each in enumerate(plan.policies) if isinstance(each, PeriodPolicy)}

    def entry(
        row: int,
        place: int,
        level: int,
        rate: str,
        base: int,
        claimed: int,
        allowed: int,
        reason: int,
        period: str,
    ) -> StatementLine:
        # A claim that has no order was made on this period, or put off by an earlier run.
        mine = on_period.get(place) if row == NO_ORDER and period == batch.terms.earning_period else None
        return StatementLine(
            order_id=None if row == NO_ORDER else orders.order_id.value(row),
            line=0 if row == NO_ORDER else int(orders.line[row]),
            policy=names[place],
            level=level,
            rate=rate,
            base=base,
            claimed=claimed,
            allowed=allowed,
            reason=Reason(reason),
            earning_period=period,
            released=row == NO_ORDER and mine is None,
            parts=() if mine is None else parts_of(mine, views[mine.stage], currency.decimals, index),
        )

    entries = tuple(
        map(
            entry,
            batch.order_row.tolist(),
            batch.policy_place.tolist(),
            batch.level.tolist(),
            rates,
            batch.base.tolist(),
            batch.claimed.tolist(),
            batch.allowed.tolist(),
            batch.reason.tolist(),
            batch.earning_period,
        )
    )
    return Statement(member=member, currency=currency, entries=entries, lines=batch)


def parts_of(policy: PeriodPolicy, view: PeriodView, decimals: int, member: int) -> tuple[str, ...]:
    """Return in words what a period policy's claim for a member is made of."""
    return tuple(_part(detail, view.setting, decimals) for detail in policy.details(view, member))


def _part(detail: Detail, setting: Setting, decimals: int) -> str:
    text = f"{format_minor(detail.amount, decimals)}: "
    words = [f"level {detail.level}"] if detail.level >= 0 else []
    if detail.source is not None:
        words.append(f"from {setting.tree.label(detail.source)}")
    if detail.rate:
        words.append(f"{percent(detail.rate)} of {format_minor(detail.base, decimals)}")
    return text + ", ".join([*words, *([detail.note] if detail.note else [])])


def explain_period_of(
    plan: Plan, views: Mapping[int, PeriodView], batch: LineBatch, member: Any, setting: Setting
) -> PeriodExplanation:
    """Say what every period policy did for a member.

    Parameters
    ----------
    batch : the member's lines
    """
    index = setting.tree.index(member)
    verdicts = []
    new = np.array([period == batch.terms.earning_period for period in batch.earning_period], dtype=FLAG)
    for place, policy in enumerate(plan.policies):
        if not isinstance(policy, PeriodPolicy):
            continue
        mine = np.flatnonzero((batch.policy_place == place) & (batch.order_row == NO_ORDER) & new)
        if len(mine):
            at = int(mine[0])
            verdicts.append(
                PeriodVerdict(
                    policy=policy.name,
                    claimed=int(batch.claimed[at]),
                    allowed=int(batch.allowed[at]),
                    reason=Reason(int(batch.reason[at])),
                    parts=parts_of(policy, views[policy.stage], plan.currency.decimals, index),
                )
            )
            continue
        reason, words = policy.why_nothing(views[policy.stage], index)
        verdicts.append(PeriodVerdict(policy=policy.name, claimed=0, allowed=0, reason=reason, detail=words))
    return PeriodExplanation(
        member=member,
        period=batch.terms.earning_period,
        currency=plan.currency,
        verdicts=tuple(verdicts),
    )


def _rates(batch: LineBatch, run: OrderRun, member: int) -> list[str]:
    """Return the text of the rate of each line of a member, empty where a policy names none."""
    rows = np.unique(batch.order_row[batch.order_row != NO_ORDER])
    texts: dict[tuple[int, int, int], list[str]] = {}
    if len(rows):
        block = OrderBlock(run.setting, rows)
        for stage in run.prepared:
            for place, policy in stage:
                claims = policy(block)
                if claims.rate_of is not None and isinstance(claims.levels, tuple):
                    mine = (claims.payees(block) == member) & (claims.amount > 0)
                    for slot, level in enumerate(claims.levels):
                        for line in np.flatnonzero(mine[slot]).tolist():
                            key = (int(rows[line]), place, level)
                            texts.setdefault(key, []).append(claims.rate_of(slot, line))
    # Lines of one level stand in the order of their slots, as the texts do.
    unread = {key: iter(found) for key, found in texts.items()}
    keys = zip(batch.order_row.tolist(), batch.policy_place.tolist(), batch.level.tolist(), strict=True)
    return [next(unread[key], "") if key in unread else "" for key in keys]


def explain_order(
    run: OrderRun,
    guarded: GuardedBlock | None,
    batch: LineBatch | None,
    member: Any,
    order_id: Any,
    plan: Plan,
) -> Explanation:
    """Say what every policy did for a member on an order.

    Parameters
    ----------
    guarded, batch : the order's lines that were settled, None where none was
    """
    index = run.setting.facts.tree.index(member)
    verdicts: list[Verdict] = []
    notes: tuple[str, ...] = ()
    if guarded is None or batch is None:
        verdicts.append(
            Verdict(
                policy="settlement", line=0, level=None, claimed=0, allowed=0, reason=Reason.NOT_IN_PERIOD
            )
        )
    else:
        notes = _not_counted(guarded.block)
        lines = run.setting.facts.orders.line
        for stage in run.prepared:
            for place, policy in stage:
                for number, row in enumerate(guarded.block.row_numbers.tolist()):
                    name = plan.policies[place].name
                    verdicts += _verdicts(
                        policy, guarded.block, number, place, name, int(lines[row]), index, batch, row
                    )
    return Explanation(
        member=member, order_id=order_id, currency=plan.currency, verdicts=tuple(verdicts), notes=notes
    )


def _not_counted(block: OrderBlock) -> tuple[str, ...]:
    """Return in words which lines source limits let count less than they are."""
    notes: list[str] = []
    lines, decimals = block.facts.orders.line[block.row_numbers], block.decimals
    for limit in block.setting.source_limits:
        counts, whole = block.amounts(limit.name), limit.of.value(block).times(Fraction(1))
        for row in np.flatnonzero(counts < whole).tolist():
            of_line = f", line {int(lines[row])}" if len(block) > 1 else ""
            counted, there = (format_minor(int(each[row]), decimals) for each in (counts, whole))
            notes.append(f"{limit.name}{of_line}: {counted} of {there} counts, the source's limit is reached")
    return tuple(notes)


def _verdicts(
    policy: PreparedPolicy,
    block: OrderBlock,
    number: int,
    place: int,
    name: str,
    line: int,
    index: int,
    batch: LineBatch,
    row: int,
) -> list[Verdict]:
    mine = (batch.order_row == row) & (batch.policy_place == place) & (batch.payee_index == index)
    found: list[Verdict] = []
    paid = set()
    reasons = batch.reason
    hops = policy.trace(block, number)
    told = {hop.level: hop.detail for hop in hops if hop.payee == index}
    for at in np.flatnonzero(mine).tolist():
        level = int(batch.level[at])
        paid.add(level)
        claimed, allowed, reason = int(batch.claimed[at]), int(batch.allowed[at]), Reason(int(reasons[at]))
        found.append(
            Verdict(
                policy=name,
                line=line,
                level=level,
                claimed=claimed,
                allowed=allowed,
                reason=reason,
                detail=told.get(level, ""),
            )
        )
    for hop in hops:
        if index in (hop.member, hop.payee) and hop.level not in paid:
            reason, detail = _why_nothing(policy, block, number, hop, index)
            found.append(
                Verdict(
                    policy=name,
                    line=line,
                    level=hop.level,
                    claimed=0,
                    allowed=0,
                    reason=reason,
                    detail=detail,
                )
            )
    if not found:
        found.append(_absent(block, number, hops, name, line, index))
    return found


def _why_nothing(
    policy: PreparedPolicy, block: OrderBlock, number: int, hop: Hop, index: int
) -> tuple[Reason, str]:
    """Return why a hop that the walk knows has no line."""
    if hop.payee != index:
        return hop.reason, hop.detail
    return policy.why_zero(block, number, hop.level), hop.detail if hop.reason is Reason.PAID else ""


def _absent(block: OrderBlock, number: int, hops: list[Hop], name: str, line: int, index: int) -> Verdict:
    source = int(block.member[number])
    level: int | None = None
    reason, detail = Reason.NOT_UPLINE, ""
    if not hops:
        # Only the policy knows whom it pays.
        reason = Reason.NO_CLAIM
    elif hops[-1].reason is Reason.NOT_AGENT:
        # Regions are for everybody, whoever bought.
        reason, detail = hops[-1].reason, hops[-1].detail
    elif hops[0].reason in (Reason.NOT_SELECTED, Reason.NOT_SOURCE):
        reason, detail = hops[0].reason, hops[0].detail
    elif source == block.setting.size or hops[0].reason is Reason.NO_MEMBER:
        # Whoever was not in at the time of the order is credited with nothing either.
        reason = Reason.NO_MEMBER
        detail = hops[0].detail if hops[0].reason is reason else ""
    elif (level := _level_of(index, block, number)) is not None:
        reason = Reason.STOPPED if hops[-1].reason is Reason.STOPPED else Reason.BEYOND_DEPTH
    return Verdict(policy=name, line=line, level=level, claimed=0, allowed=0, reason=reason, detail=detail)


def _level_of(index: int, block: OrderBlock, number: int) -> int | None:
    """Return how many levels a member stands above the one whom an order line credits, None if not above."""
    tree, times, at = block.facts.tree, block.order_times(), int(block.member[number])
    if times is None:
        above = index <= at < index + int(tree.size[index])
        return int(tree.depth[at]) - int(tree.depth[index]) if above else None
    # One set of pointers serves every time; it is slower than one that starts where the orders do.
    up, level = block.setting.dated_sponsors(MINOR_MIN).at(int(times[number])), 0
    while at not in (index, block.setting.size):
        at, level = int(up[at]), level + 1
    return level if at == index else None
