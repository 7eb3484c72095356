"""What a settlement and a quote answer, and what they refuse to be asked."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import (
    CapRejectedError,
    FenxiaoError,
    InputError,
    MergeError,
    MoneyError,
    OrdersError,
    PlanError,
    Reason,
    TimeError,
    UnknownMemberError,
    UnsupportedError,
)
from fenxiao.placement import Placement
from tests.expressions.refusals import refused
from tests.policies.samples import MEMBERS, TREE, Prize, ScriptedPeriod, Share, facts, levels, plan

Cap, Margin = fx.Cap, fx.Margin
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a predicate
ORDER = {"order_id": 1, "member": "cai", "paid": "100.00"}
RUN = fx.settle(facts({}, {"member": None}), plan(levels(), Prize("prize")))


def test_totals_are_columns_and_a_mapping():
    """Of one policy or of all, in tree order and by label."""
    totals = RUN.totals()
    assert totals.members.tolist() == ["ann", "bo", "cai"]
    assert totals.payable.tolist() == [600, 1000, 0]
    assert totals.to_dict() == {"ann": Decimal("6.00"), "bo": Decimal("10.00")}
    assert set(totals.columns()) == {
        "member",
        "claimed_minor",
        "allowed_minor",
        "withheld_minor",
        "released_minor",
    }
    assert RUN.totals("prize").to_dict() == {"ann": Decimal("1.00")}
    assert RUN.totals() is totals
    assert repr(totals) == "MemberTotals(16.00 CNY to 2 of 3 members)"
    assert RUN.payout("cai") == Decimal("0.00")
    assert repr(RUN) == "Settlement(2 orders: 16.00 CNY paid, see margin_report())"


def test_statements_have_words_columns_and_a_total():
    """A member's lines by order, with the sum where there are several."""
    statement = RUN.statement("ann")
    assert (
        str(statement)
        == repr(statement)
        == "1.00: prize\n5.00: referral, level 2 of order 1, 5 % of 100.00\n6.00 CNY in all"
    )
    assert (statement.total, statement.total_minor, len(statement.lines)) == (Decimal("6.00"), 600, 2)
    assert str(RUN.statement("bo")) == "10.00: level 1 of order 1, 10 % of 100.00"
    assert str(RUN.statement("cai")) == "0.00: nothing was claimed"
    assert RUN.statement("cai")._repr_html_().count("<tr>") == 1
    assert RUN.statement("ann")._repr_html_().count("<td></td>") == 5


ASKED = {
    "totals of no policy": (lambda: RUN.totals("referal"), PlanError, "referral"),
    "payout of a stranger": (lambda: RUN.payout("zoe"), UnknownMemberError, "tree"),
    "statement of a stranger": (lambda: RUN.statement("zoe"), UnknownMemberError, "tree"),
    "lines of a stranger": (lambda: RUN.lines_of(77), UnknownMemberError, "tree"),
    "explain a stranger": (lambda: RUN.explain("zoe", 1), UnknownMemberError, "tree"),
    "explain no order": (lambda: RUN.explain("bo", 77), OrdersError, "id"),
    "facts": (lambda: fx.settle(3, plan()), InputError, "Facts(tree="),
    "plan": (lambda: fx.settle(facts(), plan().to_dict()), InputError, "Plan.from_dict"),
    "state": (lambda: fx.settle(facts(), plan(), state={}), InputError, "run.state"),
    "period": (
        lambda: fx.settle(
            facts({"paid_at": dt.datetime(2026, 10, 1, tzinfo=dt.UTC)}),
            plan(anchor="paid_at", zone="UTC"),
            period="2026-10",
        ),
        InputError,
        "month(2026, 10)",
    ),
    "period without an anchor": (
        lambda: fx.settle(facts(), plan(), period=fx.month(2026, 10)),
        PlanError,
        "anchor=",
    ),
    "anchor without a column": (
        lambda: fx.settle(facts(), plan(anchor="paid_at", zone="UTC"), period=fx.month(2026, 10)),
        OrdersError,
        "'paid_at'",
    ),
    "currency": (
        lambda: fx.settle(
            fx.Facts(tree=TREE, orders=fx.Orders.from_records([ORDER | {"paid": "5"}], currency="JPY")),
            plan(),
        ),
        OrdersError,
        "CNY",
    ),
    "decimals": (lambda: fx.settle(facts(), plan(currency="JPY")), OrdersError, "JPY"),
    "reject": (
        lambda: fx.settle(facts(), plan(caps=[Cap.per_order("1.00", rule="reject")])),
        CapRejectedError,
        "keys",
    ),
    "reject wide": (
        lambda: fx.settle(facts(), plan(caps=[Cap.per_payee("1.00", rule="reject")])),
        CapRejectedError,
        "labels",
    ),
    "reject margin": (
        lambda: fx.settle(facts(), plan(margin=Margin.rate("1%", of="paid", rule="reject"))),
        CapRejectedError,
        "keys",
    ),
    "cap fine": (lambda: fx.settle(facts(), plan(caps=[Cap.per_order("0.001")])), MoneyError, "order 1"),
    "cap column": (
        lambda: fx.settle(facts(), plan(caps=[Cap.per_order(column="room")])),
        OrdersError,
        "'room'",
    ),
    "cap column words": (
        lambda: fx.settle(facts({"product": "a"}), plan(caps=[Cap.per_order(column="product")])),
        OrdersError,
        "money",
    ),
    "cap product": (
        lambda: fx.settle(facts(), plan(caps=[Cap.per_product("1", within="order")])),
        OrdersError,
        "'product'",
    ),
    "cap product null": (
        lambda: fx.settle(
            facts({"product": None}, {"product": "a"}), plan(caps=[Cap.per_product("1", within="order")])
        ),
        OrdersError,
        "Fill it",
    ),
    "cap region null": (
        lambda: fx.settle(facts({"region": None}, {"region": "a"}), plan(caps=[Cap.per_region("1")])),
        OrdersError,
        "Fill it",
    ),
    "cap region flag": (
        lambda: fx.settle(facts({"region": True}), plan(caps=[Cap.per_region("1")])),
        FenxiaoError,
        "categories=",
    ),
    "cap wallet": (
        lambda: fx.settle(facts(members=MEMBERS), plan(caps=[Cap.per_payee(column="score")])),
        PlanError,
        "money=",
    ),
    "cap owner": (lambda: fx.settle(facts(), plan(caps=[Cap.per_owner("1")])), InputError, "members="),
    "cap owner flag": (
        lambda: fx.settle(
            facts(
                members=fx.Members.from_records([{"member": m, "owner": True} for m in ("ann", "bo", "cai")])
            ),
            plan(caps=[Cap.per_owner("1")]),
        ),
        InputError,
        "integers",
    ),
    "cap owner differs": (
        lambda: fx.settle(facts(members=MEMBERS), plan(caps=[Cap.per_owner(column="wallet")])),
        PlanError,
        "one limit an owner",
    ),
    "cap rank": (
        lambda: fx.settle(facts(members=MEMBERS), plan(caps=[Cap.per_payee(by_rank={"gold": "1"})])),
        PlanError,
        "gold",
    ),
    "cap rank number": (
        lambda: fx.settle(
            facts(members=MEMBERS), plan(caps=[Cap.per_payee(by_rank={"gold": "1"}, rank_column="score")])
        ),
        PlanError,
        "names",
    ),
    "cap year": (
        lambda: fx.settle(facts(), plan(caps=[Cap.per_payee("1", window="year")])),
        PlanError,
        "period=",
    ),
    "cap region of a period policy": (
        lambda: fx.settle(
            facts({"region": "a"}), plan(levels(), Prize("prize"), caps=[Cap.per_region("1", on="prize")])
        ),
        UnsupportedError,
        "'prize'",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_cannot_be_answered_is_refused_in_words(name):
    """Strangers, other currencies, missing columns: a typed error without labels, and nothing half-done."""
    make, kind, part = ASKED[name]
    refused(make, kind, part, absent=("zoe", "ann", "cai"))


def test_rejected_orders_are_on_the_error():
    """A cap that rejects lists the order keys, or the groups of a wide cap."""
    error = refused(
        lambda: fx.settle(facts({}, {"paid": "1.00"}), plan(caps=[Cap.per_order("1.00", rule="reject")])),
        CapRejectedError,
    )
    assert error.keys == ((1, 0),)
    error = refused(
        lambda: fx.settle(facts(), plan(caps=[Cap.per_payee("6.00", rule="reject")])), CapRejectedError
    )
    assert error.labels == ("bo",)


TIME = dt.datetime(2026, 10, 31, 16, tzinfo=dt.UTC)


def test_an_order_whose_lines_lie_in_two_periods_is_refused():
    """All lines of an order belong to one period."""
    rows = [
        ORDER | {"line": 0, "paid_at": TIME},
        ORDER | {"line": 1, "paid_at": TIME - dt.timedelta(hours=1)},
    ]
    given = fx.Facts(tree=TREE, orders=fx.Orders.from_records(rows))
    rules = plan(anchor="paid_at", zone="Asia/Shanghai")
    refused(lambda: fx.settle(given, rules, period=fx.month(2026, 10)), TimeError, "one time")
    run = fx.settle(given.with_orders(fx.Orders.from_records(rows[1:])), rules, period=fx.month(2026, 10))
    assert run.state.settled == ("2026-10",)
    refused(
        lambda: fx.settle(given, rules, period=fx.month(2026, 10), state=run.state), FenxiaoError, "2026-10"
    )
    assert "2026-10" in repr(run)


EXPLAINED = {
    "paid": ("bo", {}, {}, "referral: level 1, 10.00 of 10.00 claimed"),
    "not upline": ("cai", {"member": "bo"}, {}, "referral: nothing: not in the upline of this order"),
    "guest": ("bo", {"member": None}, {}, "referral: nothing: the order credits no member"),
    "not selected": (
        "bo",
        {"kind": "gift"},
        {"where": fx.Where(kind="retail")},
        "referral: nothing: the policy does not select this order",
    ),
    "not eligible": (
        "bo",
        {},
        {"eligible": ACTIVE},
        "referral: level 1, nothing: not eligible (active False is not True)",
    ),
    "beyond": ("ann", {}, {"rates": ["10%"]}, "referral: level 2, nothing: the plan does not pay this level"),
    "stopped": (
        "ann",
        {},
        {"eligible": ACTIVE, "if_not": "stop"},
        "referral: level 2, nothing: the walk ended below",
    ),
    "own purchase": (
        "bo",
        {"buyer": "bo"},
        {"self_purchase": "skip"},
        "referral: level 1, nothing: own purchase",
    ),
    "no rate for the rank": (
        "bo",
        {},
        {"rates": (), "by_rank": {"gold": ["5%", "5%"], "silver": []}},
        "referral: level 1, nothing: not entitled at this level (rank silver has no rate at this level)",
    ),
    "beyond the product's list": (
        "ann",
        {"product": "tea"},
        {"by_product": {"tea": ["5%"]}},
        "referral: level 2, nothing: not entitled at this level",
    ),
    "rounds to nothing": ("bo", {"paid": "0.05"}, {}, "referral: level 1, nothing: rounds to nothing"),
    "zero rate": ("bo", {}, {"rates": ["0%"]}, "referral: level 1, nothing: the rate or the base is zero"),
    "zero base": ("bo", {"paid": "0.00"}, {}, "referral: level 1, nothing: the rate or the base is zero"),
    "zero fixed": (
        "bo",
        {},
        {"rates": [fx.Fixed("0")]},
        "referral: level 1, nothing: the rate or the base is zero",
    ),
    "zero quantity": (
        "bo",
        {"quantity": 0},
        {"rates": [fx.Fixed("1")]},
        "referral: level 1, nothing: the rate or the base is zero",
    ),
    "fixed rounds to nothing": (
        "bo",
        {"quantity": 1},
        {"rates": [fx.Fixed("0.01")], "rounding": fx.Rounding("floor", 10)},
        "referral: level 1, nothing: rounds to nothing",
    ),
    "by length": (
        "bo",
        {"paid": "0.01"},
        {"rates": (), "by_length": {1: ["1%"], 2: ["1%", "1%"]}},
        "referral: level 1, nothing: rounds to nothing",
    ),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_everybody_can_be_told_why(name):
    """Paid or passed over, each member of a line's upline and everybody else gets a true sentence."""
    member, order, options, text = EXPLAINED[name]
    run = fx.settle(facts(order, members=MEMBERS), plan(levels(**options)))
    assert str(run.explain(member, 1)) == text


def test_orders_outside_the_period_are_explained():
    """An order that was not settled says so."""
    given = facts({"paid_at": TIME}, {"paid_at": TIME + dt.timedelta(days=40)})
    run = fx.settle(given, plan(anchor="paid_at", zone="UTC"), period=fx.month(2026, 10))
    assert str(run.explain("bo", 2)) == "settlement: nothing: the order lies outside the period"
    assert run.explain("bo", 1).verdicts[0].reason is Reason.PAID
    assert run.lines_of("bo").earning_period == ("2026-10",)


# ------------------------------------------------------------------------------------------------- quotes


QUOTED = [
    (ORDER, plan(), "Quote(15.00 of 25.00 CNY to 2 payee(s))"),
    ([ORDER], plan(), "Quote(15.00 of 25.00 CNY to 2 payee(s))"),
    ([ORDER | {"line": 0}, ORDER | {"line": 1}], plan(), "Quote(30.00 of 50.00 CNY to 2 payee(s))"),
    (ORDER | {"member": None}, plan(), "Quote(0.00 of 25.00 CNY to 0 payee(s))"),
    (ORDER, plan(levels(rates=["30%", "20%"])), "Quote(25.00 of 25.00 CNY to 2 payee(s))"),
    (ORDER | {"paid": "0.00"}, plan(), "Quote(0.00 of 0.00 CNY to 0 payee(s))"),
]


@pytest.mark.parametrize(
    ("order", "rules", "text"), QUOTED, ids=[str(number) for number in range(len(QUOTED))]
)
def test_a_quote_is_what_the_order_would_pay(order, rules, text):
    """One line, several lines, guests, cut and free orders; lines add up to what is used."""
    for given in (facts({"paid": "7.00"}), fx.Facts(tree=TREE)):
        found = fx.quote(given, rules, order)
        assert repr(found) == text
        assert sum(found.payouts().values()) * 100 == found.used_minor == sum(found.lines.allowed.tolist())
        assert found.budget_minor >= found.used_minor
        assert found.notes == ()
        assert len(given.orders) in (0, 1)


def test_quotes_name_what_they_cannot_know():
    """Wide caps and period policies are in the notes."""
    found = fx.quote(facts(), plan(levels(), Prize("prize"), caps=[Cap.per_payee("1.00")]), ORDER)
    assert found.notes == (
        "policy 'prize': claims on the period",
        "cap 'payee 1': is wider than an order (payee)",
    )
    assert found.used_minor == 1500


def test_two_plans_may_be_quoted_in_turn():
    """The plan prepared last is kept, and another one is prepared when it comes."""
    given = facts()
    one, two = plan(), plan(levels(rates=["1%"]))
    used = [fx.quote(given, rules, ORDER).used_minor for rules in (one, one, two, one, two)]
    assert used == [1500, 1500, 100, 1500, 100]


NOT_QUOTED = {
    "facts": (lambda: fx.quote(3, plan(), ORDER), InputError, "Facts"),
    "plan": (lambda: fx.quote(facts(), 3, ORDER), InputError, "Plan"),
    "no lines": (lambda: fx.quote(facts(), plan(), []), OrdersError, "1 order"),
    "two orders": (
        lambda: fx.quote(facts(), plan(), [ORDER, ORDER | {"order_id": 2}]),
        OrdersError,
        "1 order",
    ),
    "number": (lambda: fx.quote(facts(), plan(), 3), OrdersError, "mapping"),
    "numbers": (lambda: fx.quote(facts(), plan(), [3]), OrdersError, "records"),
    "text": (lambda: fx.quote(facts(), plan(), "A1"), OrdersError, "mapping"),
    "stranger": (lambda: fx.quote(facts(), plan(), ORDER | {"member": "zoe"}), UnknownMemberError, "tree"),
    "float": (lambda: fx.quote(facts(), plan(), ORDER | {"paid": 1.5}), MoneyError, "'paid'"),
    "no amount": (lambda: fx.quote(facts(), plan(), {"order_id": 1, "member": "cai"}), OrdersError, "'paid'"),
    "reject": (
        lambda: fx.quote(facts(), plan(caps=[Cap.per_order("1.00", rule="reject")]), ORDER),
        CapRejectedError,
        "keys",
    ),
}


@pytest.mark.parametrize("name", NOT_QUOTED)
def test_what_is_no_order_is_not_quoted(name):
    """Exactly one order's lines, read by the rules of the facts' orders."""
    make, kind, part = NOT_QUOTED[name]
    refused(make, kind, part, absent=("zoe",))


# ------------------------------------------------------------------------------------------------- merging

A, B = facts({}), facts({"order_id": 2})


def run_of(given=A, rules=None, **options):
    """Return a settlement of some facts."""
    return fx.settle(given, plan() if rules is None else rules, **options)


OTHER_TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "ann"})
PERIODIC = plan(anchor="paid_at", zone="UTC")
OWN = plan(levels(eligible=fx.own("paid") >= "1"))


def places(*order):
    """Return a placement of some members."""
    return Placement.auto(TREE, order, rule="global")


NOT_MERGED = {
    "plans": (lambda: fx.merge(run_of(), run_of(B, plan(levels(rates=["1%"])))), MergeError, "one plan"),
    "trees": (
        lambda: fx.merge(run_of(), run_of(facts({"order_id": 2}, tree=OTHER_TREE))),
        MergeError,
        "one tree",
    ),
    "members": (
        lambda: fx.merge(run_of(), run_of(facts({"order_id": 2}, members=MEMBERS))),
        MergeError,
        "members",
    ),
    "orders": (lambda: fx.merge(run_of(), run_of(facts({"paid": "1.00"}))), MergeError, "Split"),
    "state": (
        lambda: fx.merge(run_of(), run_of(B, state=fx.State(settled=("2026-01",)))),
        MergeError,
        "one state",
    ),
    "funds": (
        lambda: fx.merge(run_of(), run_of(facts({"order_id": 2}, funds={"a": "1.00"}))),
        MergeError,
        "same",
    ),
    "placements": (
        lambda: fx.merge(run_of(), run_of(facts({"order_id": 2}, placements={"binary": places("ann")}))),
        MergeError,
        "placements",
    ),
    "placement names": (
        lambda: fx.merge(
            run_of(facts({}, placements={"binary": places("ann")})),
            run_of(facts({"order_id": 2}, placements={"matrix": places("ann")})),
        ),
        MergeError,
        "placements",
    ),
    "places": (
        lambda: fx.merge(
            run_of(facts({}, placements={"binary": places("ann")})),
            run_of(facts({"order_id": 2}, placements={"binary": places("ann", "bo")})),
        ),
        MergeError,
        "placements",
    ),
    "own volume": (lambda: fx.merge(run_of(A, OWN), run_of(B, OWN)), UnsupportedError, "one run"),
}


@pytest.mark.parametrize("name", NOT_MERGED)
def test_what_does_not_belong_together_is_not_merged(name):
    """Other plans, trees, members, states, funds, shared orders, claims that read other orders."""
    make, kind, part = NOT_MERGED[name]
    refused(make, kind, part, absent=("'cai'",))


def test_batches_with_equal_placements_are_merged():
    """Placements of the same places are the same, also over a tree whose rows came in another order."""
    twin = fx.ReferralTree.from_parents(["bo", "ann", None], ids=["cai", "bo", "ann"])
    there = Placement.auto(twin, ["ann", "bo"], rule="breadth")
    first = run_of(facts({}, placements={"binary": places("ann", "bo")}))
    for tree in (TREE, twin):
        second = run_of(facts({"order_id": 2}, tree=tree, placements={"binary": there}))
        merged = fx.merge(first, second)
        assert merged.facts.placement("binary").upline("bo") == ["ann"]
        assert merged.payout("bo") == Decimal("20.00")


@pytest.mark.parametrize(
    "rules",
    [
        plan(),
        plan(levels(), Share("mine")),
        plan(levels(), Prize("prize", amount_minor=9999)),
        plan(caps=[Cap.per_payee("12.00"), Cap.per_source("20.00", rule="priority")]),
    ],
    ids=["local", "own", "period", "wide"],
)
def test_merging_two_batches_equals_settling_their_union(rules):
    """Totals, report, state and fingerprint are those of one run over all orders."""
    whole = fx.settle(facts({}, {}), rules)
    period = [policy for policy in rules.policies if isinstance(policy, Prize | ScriptedPeriod)]
    merged = fx.merge(fx.settle(A, rules), fx.settle(B, rules))
    assert merged.totals().to_dict() == whole.totals().to_dict()
    assert str(merged.margin_report()) == str(whole.margin_report())
    assert merged.fingerprint() == whole.fingerprint()
    assert merged.state == whole.state
    assert bool(period) == (not rules.is_order_local and not rules.caps)
    assert (
        np.concatenate([batch.allowed for batch in merged.lines()]).tolist()
        == np.concatenate([batch.allowed for batch in whole.lines()]).tolist()
    )
