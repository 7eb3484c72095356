"""The guard inside orders, on arbitrary claims of a user's policies: against the twin, and its laws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._arrays import MINOR_MAX
from fenxiao.errors import CapRejectedError, MoneyOverflowError
from tests.engine.bridge import Case, agree, lines_of, settle
from tests.oracles.engine import LINE_MARGIN, ORDER_MARGIN, SlowRejectedError
from tests.strategies.facts import forests, member_columns, order_lines
from tests.strategies.plans import IN_ORDER, RULES, caps, level_policies, margins, scripted_policies


@st.composite
def guard_cases(draw, *, high=3000, most=400, rules=RULES, scopes=IN_ORDER, max_caps=4):
    """Draw up to three policies in up to two stages on any orders, with any caps inside orders."""
    parents = draw(forests(max_size=6, min_size=1))
    orders = draw(order_lines(parents, high=high))
    stages = draw(st.sampled_from([(1,), (1, 1), (1, 2), (2, 1), (1, 1, 2), (2, 1, 2)]))
    names = ["z", "a", "m"][: len(stages)]
    policies = [
        draw(scripted_policies(parents, orders, name=name, stage=stage, high=most))
        for name, stage in zip(names, stages, strict=True)
    ]
    if draw(st.booleans()):
        names.append("levels")
        policies.append(draw(level_policies("levels", stage=draw(st.sampled_from([1, 2])))))
    number = draw(st.integers(0, max_caps))
    its = [
        draw(caps(names, name=f"cap {place}", scopes=scopes, rules=rules, high=high))
        for place in range(number)
    ]
    if any(cap["scope"] == "order_product" for cap in its):
        orders = [order | {"product": order["product"] or "none"} for order in orders]
    plan = draw(margins(rules)) | {"policies": policies, "caps": its}
    return Case(parents, orders, plan, draw(member_columns(parents)))


@settings(max_examples=110, deadline=None)
@given(guard_cases())
def test_the_guard_agrees_with_the_twin(case):
    """Arbitrary claims under arbitrary caps are cut to the same minor unit on every line."""
    agree(case)


@settings(max_examples=100, deadline=None)
@given(guard_cases(high=MINOR_MAX // 3, most=MINOR_MAX))
def test_the_guard_is_exact_up_to_the_bound(case):
    """Claims near 64 bits are cut exactly, or a typed error says that a number does not fit."""
    agree(case)


@settings(max_examples=60, deadline=None)
@given(guard_cases(rules=("reject", *RULES)), st.integers(1, 4))
def test_a_cap_that_rejects_settles_nothing(case, rows):
    """A cap with rule "reject" raises exactly where the twin's does, and names all orders that are too much.

    How many rows a block has does not matter.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fenxiao.lines.blocks.BLOCK_ROWS", rows)
        names_the_twins_orders(case)
    names_the_twins_orders(case)


def names_the_twins_orders(case):
    """Settle a case, and where it is rejected, compare the cap and the orders with the twin's."""
    rejected, run = agree(case)
    if isinstance(rejected, SlowRejectedError):
        assert run is None
        is_margin = rejected.cap in (LINE_MARGIN, ORDER_MARGIN)
        with pytest.raises(CapRejectedError) as caught:
            settle(case)
        assert caught.value.thing == ("the order margin" if is_margin else f"cap {rejected.cap!r}")
        orders = {group[0] if isinstance(group, tuple) else group for group in rejected.groups}
        assert {order_id for order_id, _ in caught.value.keys} == orders


# ------------------------------------------------------------ the laws, without the twin


def pay_by(lines, key):
    """Add up allowed amounts of lines by a key of (order, line, policy)."""
    found = {}
    for (order_id, line, policy, _, _), (_, allowed) in lines.items():
        group = key(order_id, line, policy)
        found[group] = found.get(group, 0) + allowed
    return found


@settings(max_examples=100, deadline=None)
@given(st.one_of(guard_cases(), guard_cases(high=MINOR_MAX // 3, most=MINOR_MAX)))
def test_no_order_and_no_group_pays_more_than_its_limit(case):
    """Order pay <= max(margin, 0); pay of a money cap's policies <= its limit; 0 <= allowed <= claimed."""
    try:
        run = settle(case)
    except MoneyOverflowError:
        return
    lines = lines_of(run)
    assert all(0 <= allowed <= claimed for claimed, allowed in lines.values())
    margin = {}
    if case.plan["margin"]["kind"] == "column":
        for order in case.orders:
            key = order["order_id"]
            margin[key] = margin.get(key, 0) + order[case.plan["margin"]["name"]]
        pay = pay_by(lines, lambda order_id, line, policy: order_id)
        assert all(amount <= max(margin[key], 0) for key, amount in pay.items())
    products = {(order["order_id"], order["line"]): order["product"] for order in case.orders}
    keys = {
        "line": lambda order_id, line, policy: (order_id, line),
        "order_product": lambda order_id, line, policy: (order_id, products[order_id, line]),
        "order_policy": lambda order_id, line, policy: (order_id, policy),
        "order": lambda order_id, line, policy: order_id,
    }
    for cap in case.plan["caps"]:
        if cap["limit"][0] == "money":
            its = {key: value for key, value in lines.items() if cap["on"] is None or key[2] in cap["on"]}
            assert all(amount <= cap["limit"][1] for amount in pay_by(its, keys[cap["scope"]]).values())
    report = run.margin_report()
    allowed = sum(allowed for _, allowed in lines.values())
    assert report.claimed == sum(claimed for claimed, _ in lines.values())
    assert report.withheld == report.claimed - allowed == sum(amount for _, amount in report.cuts)
    assert report.budget == allowed + report.handed_over + report.losses
    assert report.handed_over == report.kept
