"""Failures that were found once, reduced to their smallest cases."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

import fenxiao as fx
from fenxiao._arrays import MINOR_MAX
from fenxiao.errors import CapRejectedError, MoneyOverflowError, StateError
from fenxiao.state import Deferred
from tests.engine.bridge import Scripted, ScriptedPool, lines_of

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})


def order(order_id=1, line=0, **columns):
    """One line of 100.00 with a margin of 50.00, credited to cai."""
    values = {"order_id": order_id, "line": line, "member": "cai", "paid": 10_000, "margin": 5_000}
    return values | {"product": "tea", "region": "north"} | columns


def settled(records, policies, *, margin="margin", guard="order", state=None, workers=1, **options):
    """Settle some order lines."""
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column(margin, guard=guard), policies=policies, **options)
    orders = fx.Orders.from_records(records, unit="minor", money=("room",) if "room" in records[0] else ())
    return fx.settle(fx.Facts(tree=TREE, orders=orders), plan, state=state, workers=workers)


def referral(**fields):
    """Make a level commission of 10 and 5 percent."""
    return fx.LevelCommission(
        "referral", **({"base": "paid", "rates": ["10%", "5%"], "if_not": "company"} | fields)
    )


@pytest.mark.parametrize("table", [{"rates": ["10%"]}, {"rates": (), "by_length": {1: ["10%"]}}])
def test_a_plan_may_pay_the_credited_member_alone(table):
    """One rate from level 0 (the seller is the only tier) is a plan like any other."""
    run = settled([order()], [referral(start_level=0, **table)])
    assert run.totals().to_dict() == {"cai": Decimal("10.00")}


@pytest.mark.parametrize("amount", ["9223372.04", "10000000.00", "92233720368547758.07"])
def test_limits_of_ten_million_and_more_are_legal(amount):
    """Caps, limits by rank and fixed money may be whatever the currency's minor units can hold."""
    assert fx.Cap.company(amount).money == amount
    assert fx.Cap(scope="payee", by_rank={"gold": amount}).by_rank == (("gold", amount),)
    assert fx.Fixed(amount).amount == amount
    run = settled([order()], [referral()], caps=[fx.Cap.per_order(amount), fx.Cap.company(amount)])
    assert run.totals().to_dict() == {"ann": Decimal("5.00"), "bo": Decimal("10.00")}


def test_amounts_of_a_plan_with_too_many_decimals_are_refused_by_its_currency():
    """A cap or fixed money in fractions of a minor unit is refused where the currency is known."""
    for caps, policies in (
        ([fx.Cap.company("1.001")], [referral()]),
        ([], [referral(rates=[fx.Fixed("1.001")])]),
    ):
        with pytest.raises(fx.FenxiaoError, match="decimals"):
            settled([order()], policies, caps=caps)


def test_the_line_guard_comes_right_after_the_line_caps():
    """With guard="line" the line's margin cuts before caps on products, policies and the order do.

    The line's margin leaves ann and bo 20 and 20 of line 0. The product cap of 60 then finds 40 + 30 and cuts
    in proportion; had it come first, it would have found 100 + 30.
    """
    records = [order(line=0, margin=40), order(line=1, margin=100)]
    entries = [(1, 0, "ann", 1, 50), (1, 0, "bo", 1, 50), (1, 1, "ann", 1, 30)]
    cap = fx.Cap.per_product("0.60", within="order")
    run = settled(records, [Scripted("script", entries=entries)], guard="line", caps=[cap])
    allowed = {(key[1], key[4]): value for key, (_, value) in lines_of(run).items()}
    assert allowed == {(0, "ann"): 17, (0, "bo"): 17, (1, "ann"): 26}
    assert run.margin_report().cuts == (("cap 'product_in_order 1'", 10), ("the margin of orders", 60))


def test_the_line_guard_comes_before_a_product_cap_that_rejects():
    """What the line's margin has cut already is not too much for a product cap that rejects."""
    cap = fx.Cap.per_product("0.00", within="order", rule="reject")
    run = settled([order(margin=0)], [Scripted("s", entries=[(1, 0, "ann", 1, 1)])], guard="line", caps=[cap])
    assert run.totals().to_dict() == {}


@pytest.mark.parametrize("scope", ["line", "product_in_order", "policy_in_order", "order"])
@pytest.mark.parametrize("rule", ["proportional", "priority", "equal_awards", "equal_losses", "talmud"])
def test_a_negative_column_as_limit_leaves_nothing(scope, rule):
    """A cap whose column is negative (a loss) leaves nothing, and raises nothing."""
    entries = [(1, 0, "ann", 1, 10), (1, 0, "bo", 1, 7)]
    cap = fx.Cap(scope=scope, column="margin", rule=rule)
    for records in ([order(margin=-5, room=100)], [order(line=line, margin=-5, room=100) for line in (0, 1)]):
        run = settled(records, [Scripted("script", entries=entries)], margin="room", caps=[cap])
        assert run.margin_report().used == 0


def guest_order(caps=()):
    """Let a user's policy pay ann for an order that credits nobody."""
    return settled([order(member=None)], [Scripted("script", entries=[(1, 0, "ann", 1, 10)])], caps=caps)


def test_a_users_policy_may_pay_for_an_order_without_a_member():
    """A line on a guest's order has no source; every view of it works."""
    run = guest_order()
    assert run.totals().to_dict() == {"ann": Decimal("0.10")}
    assert [batch.columns()["source"] for batch in run.lines()] == [[None]]
    assert run.statement("ann").total_minor == 10
    assert "0.10 of 0.10" in str(run.explain("ann", 1))


def test_a_cap_on_sources_leaves_orders_without_a_member_alone():
    """A guest's order belongs to no source, so that a cap by source does not cut it."""
    run = guest_order([fx.Cap.per_source("0.05")])
    assert run.totals().to_dict() == {"ann": Decimal("0.10")}


def test_a_total_that_does_not_fit_is_an_error_and_never_wraps():
    """Claims of one member that add up beyond 64 bits raise where they are asked for; allowed does fit."""
    records = [order(1, margin=MINOR_MAX), order(2, margin=0)]
    entries = [(number, 0, "ann", 1, MINOR_MAX) for number in (1, 2)]
    totals = settled(records, [Scripted("script", entries=entries)]).totals()
    index = TREE.index("ann")
    assert (int(totals.allowed[index]), int(totals.withheld[index])) == (MINOR_MAX, MINOR_MAX)
    with pytest.raises(MoneyOverflowError):
        _ = totals.claimed


@pytest.mark.parametrize("cap", [fx.Cap.per_order("100%", of="paid"), fx.Cap.per_period("100%", of="paid")])
def test_a_limit_beyond_64_bits_limits_nothing(cap):
    """A cap whose limit does not fit is an intermediate: the answer fits and is exact."""
    records = [order(line=line, paid=MINOR_MAX) for line in (0, 1)]
    run = settled(records, [Scripted("script", entries=[(1, 0, "ann", 1, 3)])], caps=[cap])
    assert run.totals().to_dict() == {"ann": Decimal("0.03")}


def test_deferred_pay_of_a_policy_that_is_gone_is_refused():
    """A state that names a policy which the plan does not have is refused like one that names a cap."""
    state = fx.State(deferred=[Deferred("payee 1", "gone", "ann", (), "2026-01", 50)])
    cap = fx.Cap.per_payee("8.00", cut="defer")
    with pytest.raises(StateError):
        settled([order()], [referral()], caps=[cap], state=state)


@pytest.mark.parametrize(
    "caps", [[], [fx.Cap.per_product("1.00", within="period"), fx.Cap.per_region("1.00")]]
)
def test_merging_with_an_empty_batch_changes_nothing(caps):
    """A machine that had no orders at all joins in: its table need not list the others' columns."""
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column(), policies=[referral()], caps=caps)
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records([order()], unit="minor"))
    empty = fx.settle(facts.with_orders(fx.Orders.empty(unit="minor")), plan)
    full = fx.settle(facts, plan)
    assert fx.merge(full, empty).fingerprint() == full.fingerprint()
    assert fx.merge(empty, full).fingerprint() == full.fingerprint()
    assert fx.merge(empty, empty).totals().to_dict() == {}


@pytest.mark.parametrize("column", ["product", "region"])
def test_batches_that_number_their_products_apart_merge_by_name(column):
    """Groups of wide caps are products and regions by name, whatever number a batch gave them."""
    cap = fx.Cap(scope=column, money="12.00")
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column(), policies=[referral()], caps=[cap])
    records = [order(1, **{column: "x"}), order(2, **{column: "y"}), order(3, **{column: "x"})]
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records(records, unit="minor"))
    runs = [
        fx.settle(facts.with_orders(fx.Orders.from_records(part, unit="minor")), plan)
        for part in (records[1:], records[:1])
    ]
    assert fx.merge(*runs).fingerprint() == fx.settle(facts, plan).fingerprint()


def test_trees_that_number_their_members_apart_merge_by_label():
    """Two machines may have read the members in different orders."""
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column(), policies=[referral(start_level=0)])
    runs = [
        fx.settle(
            fx.Facts(
                tree=fx.ReferralTree.from_mapping(rows),
                orders=fx.Orders.from_records([order(number, member=member)], unit="minor"),
            ),
            plan,
        )
        for number, member, rows in (
            (1, "cai", {"ann": None, "bo": "ann", "cai": "ann"}),
            (2, "bo", {"cai": "ann", "bo": "ann", "ann": None}),
        )
    ]
    expected = {"ann": Decimal("10.00"), "bo": Decimal("10.00"), "cai": Decimal("10.00")}
    assert fx.merge(*runs).totals().to_dict() == fx.merge(*reversed(runs)).totals().to_dict() == expected


def shared_by_sources(sources, *, rows=("ann", "bo", "cai"), caps=(), first=None):
    """Pay ann 10 on an order of each source; settle orders from `first` on apart and merge, if given."""
    tree = fx.ReferralTree.from_mapping({row: None if row == "ann" else "ann" for row in rows})
    records = [order(number, member=source) for number, source in enumerate(sources)]
    entries = [(number, 0, "ann", 1, 10) for number in range(len(records))]
    plan = fx.Plan(
        currency="CNY", margin=fx.Margin.column(), policies=[Scripted("s", entries=entries)], caps=caps
    )
    facts = fx.Facts(tree=tree, orders=fx.Orders.from_records(records, unit="minor"))
    if first is None:
        return fx.settle(facts, plan)
    runs = [
        fx.settle(facts.with_orders(fx.Orders.from_records(part, unit="minor")), plan)
        for part in (records[:first], records[first:])
    ]
    return fx.merge(*runs)


@pytest.mark.parametrize("first", [1, 2])
def test_merging_leaves_guests_without_a_source(first):
    """A guest's order belongs to no source after merging either, and uses up nobody's cap."""
    sources, caps = [None, "cai", "bo"], [fx.Cap.per_source("0.15")]
    together = shared_by_sources(sources, caps=caps)
    merged = shared_by_sources(sources, caps=caps, first=first)
    assert together.totals().to_dict() == {"ann": Decimal("0.30")}
    assert merged.totals().to_dict() == together.totals().to_dict()
    assert merged.fingerprint() == together.fingerprint()


def test_a_fingerprint_does_not_depend_on_the_order_of_members():
    """What a cap over a lifetime has used up is the same, and has the same bytes, in any order of rows."""
    runs = []
    for rows in (("ann", "bo", "cai"), ("ann", "cai", "bo")):
        tree = fx.ReferralTree.from_mapping({row: None if row == "ann" else "ann" for row in rows})
        cap = fx.Cap.per_payee("9.00", window="lifetime")
        entries = [(1, 0, "bo", 1, 10), (1, 0, "cai", 1, 20)]
        plan = fx.Plan(
            currency="CNY", margin=fx.Margin.column(), policies=[Scripted("s", entries=entries)], caps=[cap]
        )
        runs.append(
            fx.settle(fx.Facts(tree=tree, orders=fx.Orders.from_records([order()], unit="minor")), plan)
        )
    assert runs[0].state == runs[1].state
    assert runs[0].fingerprint() == runs[1].fingerprint()


def test_ties_between_sources_do_not_depend_on_the_order_of_members():
    """Equal claims of one payee from two sources share 15 alike, wherever members stand in the tree."""
    caps = [fx.Cap.per_payee("0.15"), fx.Cap.per_source("1.00", window="lifetime")]
    one = shared_by_sources(["cai", "bo"], caps=caps)
    other = shared_by_sources(["cai", "bo"], caps=caps, rows=("cai", "ann", "bo"))
    third = shared_by_sources(["cai", "bo"], caps=caps, rows=("ann", "cai", "bo"))
    assert lines_of(one) == lines_of(other) == lines_of(third)
    assert one.state == other.state == third.state
    assert one.fingerprint() == other.fingerprint() == third.fingerprint()


def test_a_minimum_is_compared_with_sums_beyond_64_bits():
    """The sum of an order's lines is an intermediate of the condition: its size is no error."""
    records = [order(line=line, paid=MINOR_MAX, margin=5) for line in (0, 1)]
    policy = referral(base="margin", rates=["100%"], where=fx.Where(minimum={"paid": "5.00"}))
    assert settled(records, [policy]).totals().to_dict() == {"bo": Decimal("0.10")}


def test_a_cap_that_rejects_names_the_orders_of_every_policy():
    """A cap on each policy inside the order names what is too much of all policies, not of the first one."""
    first = fx.LevelCommission(
        "first", base="paid", rates=["10%"], if_not="company", where=fx.Where(product="tea")
    )
    second = attrs.evolve(first, name="second", where=fx.Where(product="jam"))
    records = [order(1, product="jam"), order(2, product="tea"), order(3, product="nuts")]
    caps = [fx.Cap(scope="policy_in_order", money="1.00", rule="reject")]
    with pytest.raises(CapRejectedError) as caught:
        settled(records, [first, second], caps=caps)
    assert [order_id for order_id, _ in caught.value.keys] == [1, 2]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_a_policy_cap_that_rejects_names_the_orders_of_every_policy(monkeypatch, rows, workers):
    """Order 1 is too much for one policy and order 2 for another: both are named, in blocks of any size."""
    monkeypatch.setattr("fenxiao.lines.blocks.BLOCK_ROWS", rows)
    records = [order(2, line=0), order(2, line=1), order(1, line=2, paid=3), order(3)]
    policies = [Scripted("a", entries=[(2, 0, "ann", 0, 1)]), referral(rates=["1/3"])]
    cap = fx.Cap.per_policy("0.00", within="order", rule="reject")
    records = [record if record["paid"] == 3 else record | {"paid": 0} for record in records]
    with pytest.raises(CapRejectedError) as caught:
        settled(records, policies, caps=[cap], workers=workers)
    assert caught.value.keys == caught.value.labels == ((1, 2), (2, 0), (2, 1))
    assert caught.value.rows == (2, 0, 1)


@pytest.mark.parametrize("rows", [1, 1000])
def test_the_first_of_two_caps_that_reject_is_named_whatever_order_comes_first(monkeypatch, rows):
    """The line cap comes before the order cap, though only the last order is too much for it."""
    monkeypatch.setattr("fenxiao.lines.blocks.BLOCK_ROWS", rows)
    entries = [(1, 0, "ann", 1, 20), (1, 1, "ann", 1, 20), (2, 0, "ann", 1, 30), (3, 0, "ann", 1, 5)]
    caps = [fx.Cap.per_order("0.25", rule="reject"), fx.Cap.per_line("0.25", rule="reject")]
    records = [order(1), order(1, line=1), order(2), order(3)]
    with pytest.raises(CapRejectedError, match="cap 'line 1'") as caught:
        settled(records, [Scripted("s", entries=entries)], caps=caps)
    assert caught.value.keys == ((2, 0),)


@pytest.mark.parametrize("scope", ["payee", "product", "period", "company"])
def test_a_share_of_a_month_without_orders_is_nothing(scope):
    """A rate of a column that no order brought, as there are none, leaves period claims nothing."""
    cap = fx.Cap(scope=scope, rate="10%", of="cv", on=None if scope != "product" else ["s"])
    policies = [Scripted("s", entries=[]), ScriptedPool("pool", entries=[("ann", 100)])]
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column(), policies=policies, caps=[cap])
    run = fx.settle(fx.Facts(tree=TREE, orders=fx.Orders.empty(), funds={"extra": "5.00"}), plan)
    assert run.totals().to_dict() == ({"ann": Decimal("1.00")} if scope == "product" else {})
