"""Block by block: however the lines are cut into blocks, the settlement is the same."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from math import floor

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import OrdersError
from fenxiao.lines import blocks as blocks_module
from fenxiao.lines import joined
from fenxiao.policies import Setting
from fenxiao.state import Deferred
from tests.expressions.refusals import refused
from tests.policies.samples import MEMBERS, TREE, Prize, Scripted, Share, facts, levels, plan

Cap, Margin = fx.Cap, fx.Margin
ALL = [
    Cap.per_payee("30.00"),
    Cap.per_product("25.00", within="period", rule="priority"),
    Cap.per_source("60.00"),
]
RULES = plan(
    levels(self_purchase="skip", rates=["20%", "10%"]),
    Share("mine", rate="7%", stage=2),
    Prize("prize"),
    caps=[*ALL, Cap.per_order("50.00"), Cap.per_product("9.00", within="order")],
    margin=Margin.column("margin"),
)


def facts_of(lines):
    """Return facts of lines (order, member, paid, margin, product)."""
    seen, rows = {}, []
    for order, member, paid, margin, product in lines:
        seen[order] = seen.get(order, -1) + 1
        rows.append(
            {
                "order_id": order,
                "line": seen[order],
                "member": member,
                "buyer": "bo",
                "paid_minor": paid,
                "margin_minor": margin,
                "product": product,
            }
        )
    return fx.Facts(tree=TREE, orders=fx.Orders.from_records(rows, money=("margin",)), members=MEMBERS)


lines_of_shops = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.none() | st.sampled_from(["ann", "bo", "cai"]),
        st.integers(0, 20000),
        st.integers(-2000, 9000),
        st.sampled_from(["tea", "pen"]),
    ),
    min_size=1,
    max_size=12,
)


def answers(given):
    """Return everything that a settlement answers, as comparable data."""
    run = fx.settle(given, RULES)
    columns = joined(run.lines(), run.terms).columns()
    table = sorted(
        zip(
            *(
                map(str, columns[name])
                for name in ("order_id", "line", "payee", "policy", "level", "allowed_minor", "reason")
            ),
            strict=True,
        )
    )
    statements = [str(run.statement(member)) for member in ("ann", "bo", "cai")]
    return (
        run.totals().columns()["allowed_minor"].tolist(),
        str(run.margin_report()),
        table,
        statements,
        run.fingerprint(),
    )


@settings(max_examples=15, deadline=None)
@given(lines_of_shops, st.integers(1, 3))
def test_the_size_of_blocks_does_not_matter(lines, size):
    """Blocks of one, two or three lines, orders longer than a block among them, give the same answers."""
    given = facts_of(lines)
    whole = answers(given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "BLOCK_ROWS", size)
        assert answers(given) == whole


@pytest.mark.parametrize("several", [False, True])
def test_many_small_blocks_are_added_up_as_one(monkeypatch, several):
    """Beyond what is kept at a time, parts of wide caps are joined on the way."""
    lines = [(number // (1 + several), "cai", 1000, 500, "tea") for number in range(80)]
    given = facts_of(lines)
    whole = answers(given)
    monkeypatch.setattr(blocks_module, "BLOCK_ROWS", 2)
    assert answers(given) == whole


TIMES = [dt.datetime(2026, 10, day, 12, tzinfo=dt.UTC) for day in range(1, 31)]


def test_rows_of_a_period_are_cut_into_blocks_as_well(monkeypatch):
    """Where a period picks some orders, blocks hold whole orders of these."""
    rows = [
        {"order_id": number, "line": line, "member": "cai", "paid": "10.00", "paid_at": TIMES[number % 20]}
        for number in range(20)
        for line in range(1 + number % 3)
    ]
    given = fx.Facts(tree=TREE, orders=fx.Orders.from_records(rows))
    rules = plan(anchor="paid_at", zone="UTC", caps=[Cap.per_payee("7.00")])
    whole = fx.settle(given, rules, period=fx.week(2026, 41))
    assert 0 < whole.margin_report().orders < 20
    monkeypatch.setattr(blocks_module, "BLOCK_ROWS", 2)
    again = fx.settle(given, rules, period=fx.week(2026, 41))
    assert again.fingerprint() == whole.fingerprint()
    assert sum(len(batch) for batch in again.lines()) == sum(len(batch) for batch in whole.lines())
    single = given.with_orders(fx.Orders.from_records([row for row in rows if row["line"] == 0]))
    assert (
        fx.settle(single, rules, period=fx.week(2026, 41)).margin_report().orders
        == whole.margin_report().orders
    )
    nothing = fx.settle(given.with_orders(fx.Orders.empty()), rules, period=fx.week(2026, 41))
    assert nothing.margin_report().orders == 0


def test_a_base_beyond_64_bits_is_settled_exactly():
    """A base that overflows on the way pays exactly what its rate gives, by level, product and rank."""
    top = 2**63 - 1
    money = f"{top // 100}.{top % 100:02}"
    given = facts({"paid": money, "tax": money, "product": "tea"}, members=MEMBERS, money=("tax",))
    base = fx.Base("paid") + fx.Base("tax")
    whole = plan(
        levels(base=base, rates=["1/4", "1/8"]),
        margin=Margin.rate("100%", of="paid"),
    )
    wanted = {"bo": 2 * top // 4, "ann": 2 * top // 8}
    by_product = plan(
        levels(base=base, rates=["1%"], by_product={"tea": ["1/4", "1/8"]}),
        margin=Margin.rate("100%", of="paid"),
    )
    for rules in (whole, by_product):
        totals = fx.settle(given, rules).totals()
        assert {name: int(totals.allowed[TREE.index(name)]) for name in wanted} == wanted
    near = Fraction(2**30, 2**30 + 3)
    fine = plan(
        levels(
            base=fx.Base("paid") * near, rates=["1%"], by_product={"tea": [f"{2**40}/{2**40 + 1}", "1/2"]}
        ),
        margin=Margin.rate("100%", of="paid"),
    )
    totals = fx.settle(given, fine).totals()
    wanted = {"bo": floor(top * near * Fraction(2**40, 2**40 + 1)), "ann": floor(top * near / 2)}
    claimed = {name: int(totals.claimed[TREE.index(name)]) for name in wanted}
    assert claimed == wanted


def test_wide_caps_that_cut_period_claims_alone_split_nothing():
    """Where no order policy claims anything, a cut of a period claim is on its own line."""
    run = fx.settle(facts(), plan(Prize("prize", amount_minor=500), caps=[Cap.company("1.00")]))
    batch = joined(run.lines(), run.terms)
    assert (batch.allowed.tolist(), batch.withheld.tolist()) == ([100], [400])
    silent = Scripted("mine", script=lambda block: fx.Claims.of(block, line=[], payee=[], amount_minor=[]))
    run = fx.settle(facts(), plan(silent, Prize("prize", amount_minor=500), caps=[Cap.company("1.00")]))
    assert joined(run.lines(), run.terms).allowed.tolist() == [100]


def test_pay_that_was_put_off_is_a_line_of_its_earning_period():
    """Released pay stands beside new lines, with the period that earned it."""
    rules = plan(anchor="paid_at", zone="UTC", caps=[Cap.per_payee("12.00", cut="defer", name="c")])
    waiting = [
        Deferred("c", "referral", "bo", (), "2026-08", 150),
        Deferred("c", "referral", "bo", (), "2026-09", 900),
        Deferred("c", "referral", "ann", (), "2026-09", 100),
    ]
    given = facts({"paid_at": TIMES[0]})
    run = fx.settle(given, rules, period=fx.month(2026, 10), state=fx.State(deferred=waiting))
    batch = joined(run.lines(), run.terms)
    found = {
        (payee, period, order): amount
        for payee, period, order, amount in zip(
            batch.payee.tolist(), batch.earning_period, batch.order_id, batch.allowed.tolist(), strict=True
        )
    }
    assert {key: amount for key, amount in found.items() if key[2] is None} == {
        ("bo", "2026-08", None): 150,
        ("bo", "2026-09", None): 900,
        ("ann", "2026-09", None): 100,
    }
    assert found[("bo", "2026-10", 1)] == 150
    assert run.totals().released.tolist() == [100, 1050, 0]
    assert run.totals("referral").released.tolist() == [100, 1050, 0]
    both = plan(
        levels(),
        Share("mine"),
        anchor="paid_at",
        zone="UTC",
        caps=[Cap.per_payee("12.00", cut="defer", name="c")],
    )
    run = fx.settle(given, both, period=fx.month(2026, 10), state=fx.State(deferred=waiting))
    assert run.totals("mine").released.tolist() == [0, 0, 0]
    assert run.payout("bo") * 100 == 1200


# ---------------------------------------------------------------- settings, own volumes, first orders


def setting_of(*records, members=None, **options):
    """Return the setting of all lines of some facts."""
    given = facts(*records, members=members, **options)
    return Setting(facts=given, currency=fx.Currency.of("CNY"), rows=slice(0, len(given.orders)))


def test_own_volumes_are_sums_over_own_orders():
    """Money, volumes, counts and the number of orders, guests left out; a quantity not given is 1 a line."""
    rows = [
        {"order_id": 1, "line": 0, "member": "bo", "pv": "1.5", "n": 2},
        {"order_id": 1, "line": 1, "member": "bo", "pv": "0.5", "n": 3},
        {"order_id": 2, "line": 0, "member": None, "pv": "9.0", "n": 9},
        {"order_id": 3, "line": 0, "member": "ann", "pv": "1.0", "n": 1},
    ]
    setting = setting_of(*rows, volumes={"pv": 1})
    found = {name: setting.measure(fx.own(name)) for name in ("paid", "pv", "n", "orders")}
    assert {name: [column.value(member) for member in range(3)] for name, column in found.items()} == {
        "paid": [100, 200, 0],
        "pv": [1, 2, 0],
        "n": [1, 5, 0],
        "orders": [1, 1, 0],
    }
    assert setting.measure(fx.own("pv")) is found["pv"]
    single = setting_of({"member": "bo"}, {"member": "bo"})
    assert [single.measure(fx.own("orders")).value(member) for member in range(3)] == [0, 2, 0]
    refused(lambda: single.measure(fx.own("cv")), OrdersError, "'cv'")


def test_a_quantity_that_is_not_given_is_one_a_line():
    """Own quantities count lines where the orders say no quantity, as fixed money does."""
    setting = setting_of({"member": "bo"}, {"member": "bo"}, {"member": "ann"})
    assert [setting.measure(fx.own("quantity")).value(member) for member in range(3)] == [1, 2, 0]


def test_first_orders_are_those_of_the_buyer_by_time_then_by_id():
    """The buyer's earliest order is his first with all its lines; without buyers the member's."""
    rows = [
        {"order_id": 5, "line": 0, "buyer": "bo", "paid_at": TIMES[0]},
        {"order_id": 5, "line": 1, "buyer": "bo", "paid_at": TIMES[0]},
        {"order_id": 3, "line": 0, "buyer": "bo", "paid_at": TIMES[1]},
        {"order_id": 4, "line": 0, "buyer": None, "paid_at": TIMES[0]},
        {"order_id": 7, "line": 0, "buyer": "ann", "paid_at": TIMES[2]},
        {"order_id": 6, "line": 0, "buyer": "ann", "paid_at": TIMES[2]},
    ]
    rules = plan(
        levels(rates=["10%"], where=fx.Where(first_order=True)),
        anchor="paid_at",
        zone="UTC",
        margin=Margin.rate("100%", of="paid"),
    )

    def firsts(records):
        run = fx.settle(facts(*records), rules)
        batch = joined(run.lines(), run.terms)
        return sorted(zip(batch.order_id, batch.line.tolist(), strict=True))

    assert firsts(rows) == [(5, 0), (5, 1), (6, 0)]
    assert firsts([row for row in rows if row["line"] == 0]) == [(5, 0), (6, 0)]
    unknown = [{key: value for key, value in row.items() if key != "buyer"} for row in rows]
    assert firsts(unknown) == [(4, 0)]


def test_sums_by_order_are_by_line_again():
    """Each line gets the sum over its order's lines."""
    block = setting_of(
        {"order_id": 1, "line": 0}, {"order_id": 1, "line": 1}, {"order_id": 2, "line": 0}
    ).everything
    assert block.order_sum(np.array([1, 2, 5])).tolist() == [3, 3, 5]
    assert (block.n_orders, block.order_of_line().tolist()) == (2, [0, 0, 1])
    single = setting_of({}, {}).everything
    assert single.order_sum(np.array([1, 2])).tolist() == [1, 2]
    assert (single.n_orders, single.order_of_line()) == (2, None)
    empty = attrs.evolve(block.setting, rows=slice(0, 0)).everything
    assert (len(empty), empty.n_orders, empty.order_sum(np.zeros(0, dtype=np.int64)).tolist()) == (0, 0, [])


# ------------------------------------------------------------------------------------------------ merging


def merged_and_whole(rules, first, second, **options):
    """Return the merger of two batches and the settlement of their union."""
    union = fx.settle(facts(*first, *second, **options), rules)
    numbered = [record | {"order_id": len(first) + number} for number, record in enumerate(second, 1)]
    halves = [fx.settle(facts(*records, **options), rules) for records in (first, numbered)]
    return fx.merge(*halves), union


MERGED = {
    "products of one batch only": (
        plan(
            caps=[
                Cap.per_product("8.00", within="period"),
                Cap.per_source("9.00"),
                Cap.per_region("20.00", rule="priority"),
            ]
        ),
        [{"product": "tea", "region": "south"}],
        [{"product": "pen", "region": "north", "member": "bo"}, {"product": "tea", "region": "south"}],
    ),
}


@pytest.mark.parametrize("name", MERGED)
def test_batches_that_number_things_differently_merge(name):
    """Codes of products and regions of each batch are matched by name."""
    rules, first, second = MERGED[name]
    merged, whole = merged_and_whole(rules, first, second)
    assert merged.totals().to_dict() == whole.totals().to_dict()
    assert str(merged.margin_report()) == str(whole.margin_report())
    assert merged.fingerprint() == whole.fingerprint()


def without_paid(number, margin):
    """Return facts of one order that says nothing of what was paid."""
    records = [{"order_id": number, "member": "cai", "margin": margin}]
    return fx.Facts(tree=TREE, orders=fx.Orders.from_records(records))


def test_orders_that_do_not_say_what_was_paid_merge():
    """The report of orders without a column paid leaves it out, merged or not."""
    rules = plan(levels(base="margin"), margin=Margin.column("margin"))
    run = fx.merge(fx.settle(without_paid(1, "7.00"), rules), fx.settle(without_paid(2, "8.00"), rules))
    assert run.margin_report().paid is None
    assert run.margin_report().used == 225


def test_tables_of_members_are_compared_by_what_they_hold():
    """Batches merge where both tables say the same, whatever the order of rows; other values are refused."""
    table = [
        {"member": name, "rank": rank} for name, rank in (("ann", "gold"), ("bo", "plain"), ("cai", "plain"))
    ]
    rules = plan(levels(rates=(), by_rank={"gold": ["5%", "5%"], "plain": ["1%"]}))

    def run(number, rows):
        return fx.settle(facts({"order_id": number}, members=fx.Members.from_records(rows)), rules)

    assert fx.merge(run(1, table), run(2, table[::-1])).totals().to_dict().keys() == {"ann", "bo"}
    other = [row | {"rank": "gold"} for row in table]
    more = [row | {"grade": 1} for row in table]
    for rows in (other, more):
        refused(lambda rows=rows: fx.merge(run(1, table), run(2, rows)), fx.FenxiaoError, "members")
