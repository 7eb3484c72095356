"""Lines in their order, and blocks of any size: nothing that is computed block by block shows the blocks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import MoneyOverflowError
from tests.engine.bridge import (
    cuts_by_cap,
    cuts_of_orders,
    cuts_of_totals,
    facts_of,
    lines_of,
    plan_of,
    sums_by_payee,
    totals_by_payee,
)
from tests.engine.test_guard import guard_cases
from tests.engine.test_levels import level_cases
from tests.engine.test_wide import wide_cases
from tests.oracles.engine import ORDER_MARGIN

ROWS = "fenxiao.lines.blocks.BLOCK_ROWS"


def everything(case):
    """Read every view of a run that is made block by block."""
    run = fx.settle(facts_of(case), plan_of(case))
    names = [policy["name"] for policy in case.plan["policies"]]
    reasons = {
        (order_id, line, policy, level, payee, int(reason), base)
        for batch in run.lines()
        for order_id, line, policy, level, payee, reason, base in zip(
            batch.order_id,
            batch.line.tolist(),
            batch.policy,
            batch.level.tolist(),
            batch.payee.tolist(),
            batch.reason.tolist(),
            batch.base.tolist(),
            strict=True,
        )
    }
    return {
        "lines": lines_of(run),
        "reasons": reasons,
        "sums": sums_by_payee(run),
        "totals": totals_by_payee(run, names),
        "cuts": (cuts_of_orders(run), cuts_of_totals(run)),
        "report": run.margin_report(),
        "fingerprint": run.fingerprint(),
        "state": run.state,
        "statements": [str(run.statement(member)) for member in case.parents],
    }


@settings(max_examples=100, deadline=None)
@given(st.one_of(guard_cases(), wide_cases(), level_cases()), st.integers(1, 3))
def test_blocks_of_one_to_three_lines_change_nothing(case, rows):
    """Orders longer than a block, blocks of one line: every view is that of one block."""
    whole = everything(case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ROWS, rows)
        assert everything(case) == whole


@settings(max_examples=100, deadline=None)
@given(st.one_of(guard_cases(), wide_cases(), level_cases()), st.integers(1, 3), st.integers(1, 3))
def test_lines_come_by_block_stage_policy_level_and_order(case, rows, workers):
    """One batch a block, stage, policy and level, orders ascending, no zero claims, whoever prepares them."""
    by_level = {policy["name"] for policy in case.plan["policies"] if policy["kind"] == "level"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ROWS, rows)
        run = fx.settle(facts_of(case), plan_of(case))
        block_of = {
            row: number for number, each in enumerate(run.run) for row in each.block.row_numbers.tolist()
        }
        before, period = (-1,), False
        for batch in run.lines(workers=workers):
            assert len(batch) > 0
            assert (batch.claimed > 0).all()
            assert ((batch.allowed >= 0) & (batch.allowed <= batch.claimed)).all()
            its = batch.order_row.tolist()
            if its[0] < 0:
                period = True
                continue
            assert not period, "claims on the period come last"
            assert its == sorted(set(its))
            ((block, stage, place),) = {
                (block_of[row], stage, place)
                for row, stage, place in zip(
                    its, batch.stage.tolist(), batch.policy_place.tolist(), strict=True
                )
            }
            now = (block, stage, place)
            if batch.policy[0] in by_level:
                (level,) = set(batch.level.tolist())
                now = (*now, level)
                assert now > before
            assert now >= before[:3]
            before = now


@settings(max_examples=100, deadline=None)
@given(st.one_of(guard_cases(), guard_cases(high=2**62, most=2**63 - 1)))
def test_cuts_inside_orders_add_up_line_by_line(case):
    """For plans without wide caps claimed - allowed of a line is the sum of its cuts, and of the report's."""
    try:
        run = fx.settle(facts_of(case), plan_of(case))
    except MoneyOverflowError:
        return
    lost = {}
    for (*key, _), amount in cuts_of_orders(run).items():
        lost[tuple(key)] = lost.get(tuple(key), 0) + amount
    assert lost == {key: claimed - now for key, (claimed, now) in lines_of(run).items() if claimed > now}
    names = {"the margin of orders": ORDER_MARGIN} | {
        f"cap {cap['name']!r}": cap["name"] for cap in case.plan["caps"]
    }
    assert cuts_by_cap(run) == {names[name]: amount for name, amount in run.margin_report().cuts}
    assert sum(lost.values()) == run.margin_report().withheld
