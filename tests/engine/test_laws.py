"""Laws 4, 5, 7 and 8 of the design: purity, merging, explanations, and nothing raised but typed errors."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._arrays import MINOR_MAX
from fenxiao.errors import FenxiaoError, MergeError, Reason
from tests.engine.bridge import (
    GATES,
    as_label,
    cuts_of_orders,
    cuts_of_totals,
    facts_of,
    lines_of,
    orders_of,
    plan_of,
    replaced,
    settle,
    sums_by_payee,
    totals_by_payee,
)
from tests.engine.test_guard import guard_cases
from tests.engine.test_wide import wide_cases
from tests.oracles.engine import climb
from tests.oracles.engine_levels import schedules_of
from tests.strategies.facts import order_lines
from tests.strategies.plans import level_policies

BIG = MINOR_MAX // 7
TREE_BY_TREE = ("payee", "owner", "source", "product", "region")
"""Scopes whose groups need not span trees."""


def names_of(case):
    """Names of the plan's policies."""
    return [policy["name"] for policy in case.plan["policies"]]


# ------------------------------------------------------------ law 4: pure


@settings(max_examples=100, deadline=None)
@given(st.one_of(guard_cases(), wide_cases()), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(case, rng):
    """Members, their columns and order lines in any order give the same fingerprint, totals and lines."""
    run = settle(case)
    rows, orders = list(case.parents), list(case.orders)
    rng.shuffle(rows)
    rng.shuffle(orders)
    members = {row: case.members[row] for row in sorted(rows, key=str, reverse=True)}
    other = settle(
        replaced(case, parents={row: case.parents[row] for row in rows}, orders=orders, members=members)
    )
    assert other.fingerprint() == run.fingerprint()
    assert totals_by_payee(other, names_of(case)) == totals_by_payee(run, names_of(case))
    assert lines_of(other) == lines_of(run)
    assert other.state == run.state
    assert cuts_of_orders(other) == cuts_of_orders(run)
    assert cuts_of_totals(other) == cuts_of_totals(run)
    assert str(other.margin_report()) == str(run.margin_report())


@settings(max_examples=30, deadline=None)
@given(st.one_of(guard_cases(), wide_cases()))
def test_settling_twice_gives_the_same_bytes(case):
    """A run leaves its inputs as they were: settling the same objects again gives the same result."""
    facts, plan = facts_of(case), plan_of(case)
    first, second = fx.settle(facts, plan), fx.settle(facts, plan)
    assert first.fingerprint() == second.fingerprint()
    assert lines_of(first) == lines_of(first) == lines_of(second)


def relabelled(case, new):
    """Return the case with other member labels."""
    policies = [
        policy | {"claims": [(*claim[:2], new[claim[2]], *claim[3:]) for claim in policy["claims"]]}
        if policy["kind"] == "arbitrary"
        else policy
        for policy in case.plan["policies"]
    ]
    name = lambda label: None if label is None else new[label]  # noqa: E731  # one use
    return replaced(
        case,
        parents={new[member]: name(parent) for member, parent in case.parents.items()},
        orders=[
            order | {"member": name(order["member"]), "buyer": name(order["buyer"])} for order in case.orders
        ],
        members={new[member]: columns for member, columns in case.members.items()},
        plan=case.plan | {"policies": policies},
        period_claims=[claim | {"payee": new[claim["payee"]]} for claim in case.period_claims],
    )


@settings(max_examples=45, deadline=None)
@given(guard_cases(max_caps=0), st.data())
def test_relabelling_members_permutes_the_result(case, data):
    """With one limit an order, other labels move one minor unit at most, between equal claimants."""
    case = replaced(case, plan=case.plan | {"guard": "order"})
    stages = {policy.get("stage", 1) for policy in case.plan["policies"]}
    if len(stages) > 1:
        return
    labels = sorted(case.parents)
    new = dict(zip(labels, data.draw(st.permutations([f"n{label}" for label in labels])), strict=True))
    before = lines_of(settle(case))
    after = lines_of(settle(relabelled(case, new)))
    back = {new[label]: label for label in labels}
    after = {(*key[:4], back[key[4]]): value for key, value in after.items()}
    assert before.keys() == after.keys()
    moved = {}
    for key, (claimed, allowed) in before.items():
        assert after[key][0] == claimed
        assert abs(after[key][1] - allowed) <= 1
        # Only labels differ, so units move between equal claims of one policy, level and line.
        group = (*key[:4], claimed)
        moved[group] = moved.get(group, 0) + after[key][1] - allowed
    assert not any(moved.values())


@settings(max_examples=45, deadline=None)
@given(st.one_of(guard_cases(), wide_cases(scopes=TREE_BY_TREE, pools=False)), st.data())
def test_orders_of_an_unrelated_tree_change_nothing(case, data):
    """Orders, members and pay of another tree leave every line of this one as it was."""
    shift = {label: f"other {label}" for label in case.parents}
    twin = relabelled(case, shift)
    strangers = data.draw(order_lines(twin.parents, guests=True, nulls=False))
    strangers = [
        order
        | {
            "order_id": order["order_id"] + 100,
            "product": f"other {order['product']}",
            "region": f"other {order['region']}",
            "quantity": None if not case.orders or case.orders[0]["quantity"] is None else 1,
        }
        for order in strangers
    ]
    if not case.orders:
        return
    text = {label: str(label) for label in case.parents}
    alone = relabelled(case, text)
    owners = {member: columns | {"owner": "stranger"} for member, columns in twin.members.items()}
    both = replaced(
        alone,
        parents=alone.parents | twin.parents,
        members=alone.members | owners,
        orders=alone.orders + strangers,
    )
    expected = lines_of(settle(alone))
    found = {key: value for key, value in lines_of(settle(both)).items() if key[0] < 100}
    assert found == expected


# ------------------------------------------------------------ law 5: mergeable


@settings(max_examples=100, deadline=None)
@given(st.one_of(guard_cases(), wide_cases(pools=False), wide_cases()), st.data())
def test_merging_disjoint_batches_equals_settling_their_union(case, data):
    """Whatever the plan's caps, settling two batches and merging is settling all orders at once."""
    first_ids = data.draw(st.sets(st.integers(1, 4)))
    facts, plan = facts_of(case), plan_of(case)
    together = fx.settle(facts, plan)
    parts = [
        [order for order in case.orders if (order["order_id"] in first_ids) == side] for side in (True, False)
    ]
    tables = [orders_of(part) if part else facts.orders.take([]) for part in parts]
    runs = [fx.settle(facts.with_orders(table), plan) for table in tables]
    merged = fx.merge(*runs)
    assert totals_by_payee(merged, names_of(case)) == totals_by_payee(together, names_of(case))
    assert lines_of(merged) == lines_of(together)
    assert sums_by_payee(merged) == sums_by_payee(together)
    assert cuts_of_orders(merged) == cuts_of_orders(together)
    assert cuts_of_totals(merged) == cuts_of_totals(together)
    assert str(merged.margin_report()) == str(together.margin_report())
    assert merged.fingerprint() == together.fingerprint()
    assert merged.state == together.state
    assert fx.merge(*reversed(runs)).fingerprint() == merged.fingerprint()


@settings(max_examples=30, deadline=None)
@given(guard_cases())
def test_batches_that_share_an_order_are_refused(case):
    """Two runs that both settled an order cannot be merged, whatever lines of it they have."""
    if not case.orders:
        return
    run = settle(case)
    with pytest.raises(MergeError, match="both batches"):
        fx.merge(run, run)


# ------------------------------------------------------------ law 7: explained


@st.composite
def explained_cases(draw):
    """Draw level policies on any tree with margins and caps that may bind."""
    case = draw(guard_cases(max_caps=2))
    names = ("one", "two")
    policies = [draw(level_policies(name)) for name in names[: draw(st.integers(1, 2))]]
    caps = [cap | {"on": None, "counting": None} for cap in case.plan["caps"]]
    return replaced(case, plan=case.plan | {"policies": policies, "caps": caps})


def check_reason(case, name, order, member, verdict):
    """Check that the reason for paying nothing can be true of this member, order and policy."""
    policy = next(policy for policy in case.plan["policies"] if policy["name"] == name)
    chain, reason = climb(case.parents, order["member"]), verdict.reason
    assert verdict.allowed == 0
    assert 1 <= reason < 100
    if order["member"] is None:
        assert reason is Reason.NO_MEMBER
        return
    if member not in chain:
        assert reason in (Reason.NOT_UPLINE, Reason.NOT_SELECTED)
        return
    assert reason not in (Reason.NOT_UPLINE, Reason.NO_UPLINE, Reason.PAID)
    distance = chain.index(member)
    depth = policy["start_level"] + max(map(len, schedules_of(policy)))
    truth = {
        Reason.NOT_ELIGIBLE: policy["eligible"] and not GATES[policy["eligible"]][0](case.members[member]),
        Reason.SELF_PURCHASE: policy["self_purchase"] != "pay" and member == order["buyer"],
        Reason.NOT_SELECTED: policy["where"] is not None,
        Reason.NOT_ENTITLED: policy.get("rates") is None
        or policy.get("by_product")
        or policy.get("by_category"),
        Reason.STOPPED: "stop" in (policy["if_not"], policy["self_purchase"]),
        Reason.BEYOND_DEPTH: policy["if_not"] == "roll_up" or not policy["start_level"] <= distance < depth,
    }
    assert truth.get(reason, reason in (Reason.ZERO_RATE, Reason.ROUNDED_TO_ZERO)), (reason, distance)


@settings(max_examples=45, deadline=None)
@given(explained_cases())
def test_explain_covers_everybody_and_agrees_with_the_lines(case):
    """Each paid hop is told with its amounts; everyone else in the upline is told why nothing came."""
    run = settle(case)
    lines = lines_of(run)
    for order_id in {order["order_id"] for order in case.orders}:
        mine = [order for order in case.orders if order["order_id"] == order_id]
        upline = {person for order in mine for person in climb(case.parents, order["member"])}
        told = {}
        for member in case.parents:
            verdicts = run.explain(member, order_id).verdicts
            for policy in names_of(case):
                for order in mine:
                    its = [v for v in verdicts if (v.policy, v.line) == (policy, order["line"])]
                    assert its, "a policy says nothing about a line"
                    paid = [v for v in its if v.claimed]
                    for verdict in paid:
                        key = (order_id, verdict.line, policy, verdict.level, member)
                        told[key] = (verdict.claimed, verdict.allowed)
                        assert (verdict.reason is Reason.PAID) == (verdict.claimed == verdict.allowed)
                    for verdict in its:
                        if not verdict.claimed:
                            check_reason(case, policy, order, member, verdict)
            text = str(run.explain(member, order_id))
            assert text
        assert told == {key: value for key, value in lines.items() if key[0] == order_id}
        assert {key[4] for key in told} <= upline


@settings(max_examples=45, deadline=None)
@given(st.one_of(explained_cases(), wide_cases()))
def test_statements_add_up_to_the_totals(case):
    """A member's statement has his lines and sums to his total; its text names every amount."""
    run = settle(case)
    totals = run.totals()
    paid = dict(zip(map(as_label, totals.members), totals.allowed.tolist(), strict=True))
    for member in case.parents:
        statement = run.statement(member)
        assert statement.total_minor == paid[member]
        assert [entry.allowed for entry in statement.entries] == statement.lines.allowed.tolist()
        texts = [line for line in str(statement).split("\n") if not line.endswith(" in all")]
        if not statement.entries:
            assert texts == ["0.00: nothing was claimed"]
        for text, entry in zip(texts if statement.entries else [], statement.entries, strict=True):
            assert text in {
                entry.text(2, names_policy=policy, names_line=line)
                for policy in (True, False)
                for line in (True, False)
            }
    assert sum(paid.values()) == run.margin_report().used


@settings(max_examples=45, deadline=None)
@given(guard_cases(max_caps=3))
def test_a_quote_is_the_settlement_of_that_order_alone(case):
    """quote() pays the lines that settle() pays for order-local plans, and books nothing."""
    facts, plan = facts_of(case), plan_of(case)
    before = fx.settle(facts, plan)
    for order_id in {order["order_id"] for order in case.orders}:
        mine = [order for order in case.orders if order["order_id"] == order_id]
        alone = fx.settle(facts.with_orders(orders_of(mine)), plan)
        records = [
            {
                **{
                    name: value for name, value in order.items() if not (name == "quantity" and value is None)
                },
            }
            for order in mine
        ]
        quoted = fx.quote(facts, plan, records)
        batch = quoted.lines
        found = {
            (order_id, line, policy, level, payee): (claimed, allowed)
            for line, policy, level, payee, claimed, allowed in zip(
                batch.line.tolist(),
                batch.policy,
                batch.level.tolist(),
                batch.payee,
                batch.claimed.tolist(),
                batch.allowed.tolist(),
                strict=True,
            )
        }
        assert found == lines_of(alone)
        assert quoted.payouts() == alone.totals().to_dict()
        assert quoted.budget_minor == alone.margin_report().budget
        assert quoted.used_minor == alone.margin_report().used
    assert fx.settle(facts, plan).fingerprint() == before.fingerprint()


# ------------------------------------------------------------ law 8: total


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(guard_cases(high=BIG, most=MINOR_MAX, scopes=("line", "order")), wide_cases(high=BIG, most=BIG))
)
def test_nothing_is_raised_but_typed_errors(case):
    """Whatever the amounts, a run ends in a result whose views all work, or in a typed error."""
    try:
        run = settle(case)
        assert (run.totals().claimed >= run.totals().allowed).all()
    except FenxiaoError:
        return
    for member in case.parents:
        str(run.statement(member))
        for order in case.orders:
            str(run.explain(member, order["order_id"]))
    str(run.margin_report())
    repr(run)
    run._repr_html_()
    run.fingerprint()
    for batch in run.lines():
        assert set(batch.columns()) >= {"payee", "allowed_minor", "reason"}
