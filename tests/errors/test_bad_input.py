"""Bad facts and bad plans end in one clear typed error, through the public names, with nothing half-done."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import (
    CapRejectedError,
    ExpressionError,
    InputError,
    MergeError,
    MoneyError,
    MoneyOverflowError,
    OrdersError,
    PlanError,
    RateError,
    StateError,
    TimeError,
    TreeError,
    UnknownMemberError,
    UnsupportedError,
)
from tests.errors.world import (
    MEMBERS,
    NAMELESS,
    ORDER,
    SELLER,
    STRANGER,
    TOP,
    TREE,
    facts,
    orders,
    plan,
    policy,
    refused,
    settle,
)

# ------------------------------------------------------------ order keys


def test_same_order_key_twice():
    """One key in two rows is refused with both rows and the key, which only the error's labels hold."""
    twice = [{"order_id": ORDER, "member": SELLER, "paid": "1.00"}] * 2
    refused(lambda: fx.Orders.from_records(twice), OrdersError, "order_id, line", rows=[0, 1], labels=[ORDER])


def test_same_line_twice_far_apart():
    """Two rows of one line are found wherever they stand."""
    records = [
        {"order_id": f"zq-{k % 7}", "line": k // 7, "member": SELLER, "paid": "1.00"} for k in range(21)
    ]
    records.append(dict(records[3]))
    refused(lambda: fx.Orders.from_records(records), OrdersError, rows=[3, 21])


def test_same_order_in_two_batches():
    """Settlements of batches that share an order do not merge."""
    run = settle()
    refused(lambda: fx.merge(run, run), MergeError, "both batches")


TEA = {"product": "tea", "cost": "1.00"}
JOINED = {"kind": "joined", "member": SELLER, "at": "2026-01-05T10:00Z"}


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("catalog", fx.Catalog.from_records([TEA]), fx.Catalog.from_records([TEA | {"cost": "2.00"}])),
        ("catalog", fx.Catalog.from_records([TEA]), None),
        ("events", fx.Events.from_records([JOINED]), fx.Events.from_records([JOINED | {"kind": "left"}])),
        ("events", fx.Events.from_records([JOINED]), fx.Facts(tree=TREE).events),
    ],
    ids=["catalog", "no catalog", "events", "no events"],
)
def test_batches_with_different_tables(name, one, other):
    """Settlements with different catalogs or events do not merge, equal copies of them do."""
    rest = orders({"order_id": "zq-other"})
    first, second = (
        fx.settle(facts(found, **{name: table}), plan()) for found, table in ((None, one), (rest, other))
    )
    refused(lambda: fx.merge(first, second), MergeError, name)
    again = fx.settle(facts(rest, **{name: one}), plan())
    assert fx.merge(first, again).margin_report().orders == 2


def test_batch_without_orders():
    """A batch without any order merges with another and changes nothing."""
    run, nothing = settle(), settle(fx.Orders.empty())
    assert fx.merge(run, nothing).fingerprint() == fx.merge(nothing, run).fingerprint() == run.fingerprint()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: facts(tree={"a": None}), "Facts, tree: is a dict; allowed: ReferralTree."),
        (lambda: facts(members=[]), "Facts, members: is a list; allowed: Members or None."),
        (lambda: facts(catalog={}), "Facts, catalog: is a dict; allowed: Catalog or None."),
        (lambda: plan(margin="25%"), "Plan, margin: is a str; allowed: Margin."),
        (lambda: plan(margin=None), "Plan, margin: is None; allowed: Margin."),
    ],
    ids=["tree", "members", "catalog", "margin", "no margin"],
)
def test_objects_of_another_kind(call, text):
    """An object of the wrong kind is named with its place, what it is, and what belongs there."""
    assert str(refused(call, PlanError if "Plan" in text else InputError)) == text


@pytest.mark.parametrize(
    "changes",
    [{"margin": fx.Margin.column("pieces")}, {"caps": [fx.Cap.per_order(column="pieces")]}],
    ids=["margin", "cap"],
)
def test_limits_by_a_column_that_is_no_money(changes):
    """A count is no limit: the column of a margin or a cap is money of the plan's currency."""
    found = orders({"pieces": 3})
    refused(lambda: settle(found, plan(**changes)), OrdersError, "'pieces'", "money")


# ------------------------------------------------------------ labels


@pytest.mark.parametrize("column", ["member", "buyer"])
def test_orders_of_unknown_people(column):
    """Orders of strangers are refused with the caller's rows; who they are is on the error only."""
    found = orders({}, {column: STRANGER}, {}, {column: STRANGER + "2"})
    refused(
        lambda: fx.Facts(tree=TREE, orders=found),
        UnknownMemberError,
        f"orders column {column!r}",
        rows=[1, 3],
        labels=[STRANGER, STRANGER + "2"],
    )


def test_rows_are_those_of_the_caller():
    """The rows of a message are those of the input, not of the sorted table, and five at most are listed."""
    records = [
        {"order_id": f"zq-{20 - k:02d}", "member": STRANGER if k < 7 else SELLER, "paid": "1.00"}
        for k in range(20)
    ]
    error = refused(lambda: facts(fx.Orders.from_records(records)), UnknownMemberError, rows=range(7))
    assert "rows 0, 1, 2, 3, 4 and 2 more" in str(error)


@pytest.mark.parametrize(
    "call",
    [
        lambda: fx.quote(facts(), plan(), {"order_id": ORDER, "member": STRANGER, "paid": "1.00"}),
        lambda: settle().statement(STRANGER),
        lambda: settle().explain(STRANGER, f"{ORDER}-0"),
        lambda: settle().payout(STRANGER),
        lambda: TREE.upline(STRANGER),
    ],
    ids=["quote", "statement", "explain", "payout", "upline"],
)
def test_unknown_people_elsewhere(call):
    """Whoever is asked for has to be a member."""
    refused(call, UnknownMemberError, labels=[STRANGER])


def test_unknown_order():
    """An order that is not there cannot be explained."""
    refused(lambda: settle().explain(SELLER, "zq-other"), OrdersError, labels=["zq-other"])


def test_members_missing_and_too_many():
    """The members' table has a row for every member and for nobody else."""
    one = fx.Members.from_records([{"member": TOP, "rank": "gold"}])
    refused(lambda: fx.Facts(tree=TREE, members=one), InputError, "fill=", labels=[SELLER])
    three = fx.Members.from_records([{"member": who, "rank": "gold"} for who in (TOP, SELLER, STRANGER)])
    refused(lambda: fx.Facts(tree=TREE, members=three), UnknownMemberError, labels=[STRANGER], rows=[2])
    twice = [{"member": TOP, "rank": "gold"}] * 2
    refused(lambda: fx.Members.from_records(twice), InputError, "second time", labels=[TOP], rows=[1])


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: fx.ReferralTree.from_mapping({TOP: None, 7: TOP}), TreeError),
        (lambda: fx.ReferralTree.from_edges([(TOP, 7)]), TreeError),
        (lambda: orders({}, {"order_id": 7}), OrdersError),
        (lambda: orders({}, {"member": 7}), OrdersError),
        (lambda: orders({"buyer": SELLER}, {"buyer": b"zq-"}), OrdersError),
        (lambda: fx.Facts(tree=TREE, orders=orders({"member": 7})), UnknownMemberError),
        (lambda: fx.Members.from_records([{"member": TOP}, {"member": 7}]), InputError),
    ],
    ids=["tree", "edges", "order ids", "members", "buyers", "members of another type", "members' table"],
)
def test_mixed_label_types(call, kind):
    """Labels of a column are of one type, and orders name members by the tree's type."""
    refused(call, kind)


@pytest.mark.parametrize("label", [1.5, True, ("zq-", 1)], ids=["float", "bool", "tuple"])
def test_labels_of_no_type(label):
    """Labels are int, str, bytes or UUID."""
    refused(lambda: fx.ReferralTree.from_mapping({label: None}), TreeError)
    refused(lambda: orders({"order_id": label}), OrdersError)


# ------------------------------------------------------------ the tree


@pytest.mark.parametrize(
    ("call", "labels"),
    [
        (lambda: fx.ReferralTree.from_mapping({TOP: SELLER, SELLER: TOP}), [TOP, SELLER]),
        (lambda: fx.ReferralTree.from_mapping({TOP: TOP}), [TOP]),
        (lambda: fx.ReferralTree.from_mapping({TOP: STRANGER}), [STRANGER]),
        (lambda: fx.ReferralTree.from_edges([(TOP, SELLER), (STRANGER, SELLER)]), [SELLER]),
    ],
    ids=["cycle", "own sponsor", "unknown sponsor", "two sponsors"],
)
def test_no_forest(call, labels):
    """A cycle, a member under himself, an unknown sponsor and a second sponsor are refused."""
    refused(call, TreeError, labels=labels)


def test_long_cycle_below_a_tree():
    """A cycle of many members is found without recursion, and the message only counts."""
    sponsors = {k: (k + 1) % 5_000 for k in range(5_000)} | {k: k - 1 for k in range(5_000, 9_000)}
    error = refused(lambda: fx.ReferralTree.from_mapping(sponsors), TreeError, "cycle of 5000 members")
    assert len(str(error)) < 300


# ------------------------------------------------------------ money


@pytest.mark.parametrize(
    ("value", "kind", "word"),
    [
        (1.5, MoneyError, "float"),
        (np.float64(1.5), MoneyError, "float"),
        (100, MoneyError, "bare integer"),
        (True, MoneyError, "paid"),
        ("1.005", MoneyError, "decimals"),
        (Decimal("1.005"), MoneyError, "decimals"),
        (Fraction(1, 3), MoneyError, "paid"),
        ("1,00", MoneyError, "paid"),
        ("", MoneyError, "paid"),
        ("NaN", MoneyError, "paid"),
        (Decimal("NaN"), MoneyError, "paid"),
        (Decimal("Infinity"), MoneyError, "paid"),
        (None, MoneyError, "missing"),
        ("-0.01", MoneyError, "refund"),
        ("99999999999999999999.00", MoneyOverflowError, "64-bit"),
    ],
    ids=str,
)
def test_amounts_that_are_none(value, kind, word):
    """An amount is exact, not negative, has the currency's decimals and says what its unit is."""
    refused(lambda: orders({}, {"paid": value}), kind, "orders column 'paid'", word, rows=[1])


@pytest.mark.parametrize("column", [np.array([1.0]), np.array([1.5], dtype="f4"), np.array([100])], ids=str)
def test_columns_of_floats_and_bare_integers(column):
    """A whole column of floats or of integers without a unit is refused; the message says how to go on."""
    given = {"order_id": [ORDER], "member": [SELLER], "paid": column}
    error = refused(lambda: fx.Orders.from_columns(given), MoneyError, "orders column 'paid'")
    assert "minor_from_float" in str(error) or "_minor" in str(error)


def test_minor_units_are_said():
    """Integers are amounts where the column's name or the option says that they are minor units."""
    assert orders({"paid": "1.00", "tax_minor": 5}).amounts("tax").values.tolist() == [5]
    given = {"order_id": [ORDER], "member": [SELLER], "paid": [100]}
    assert fx.Orders.from_columns(given, unit="minor").amounts("paid").values.tolist() == [100]


def test_zero_is_an_amount():
    """Zero is legal everywhere and pays nothing."""
    run = settle(orders({"paid": "0.00"}, {"paid": "0"}))
    assert run.totals().to_dict() == {}


@pytest.mark.parametrize("name", ["figures", "funds"])
@pytest.mark.parametrize("value", [1.5, 100, "1.005", "x"], ids=str)
def test_figures_and_funds(name, value):
    """Named money of the period is as exact as orders are."""
    refused(lambda: facts(**{name: {"extra": value}}), MoneyError, "extra")


def test_funds_are_not_negative():
    """A fund adds money."""
    refused(lambda: facts(funds={"extra": "-1.00"}), InputError, "extra")


def test_results_beyond_64_bits():
    """Only a result that does not fit is refused; a large amount as such is fine."""
    huge = {"paid_minor": 2**63 - 1}
    records = [{"order_id": k, "member": SELLER} | huge for k in range(2)]
    whole = plan(policy(rates=["100%"]), margin=fx.Margin.rate("100%", of="paid"))
    one = fx.settle(facts(fx.Orders.from_records(records[:1])), whole)
    assert one.totals().allowed.max() == 2**63 - 1
    refused(lambda: fx.settle(facts(fx.Orders.from_records(records)), whole), MoneyOverflowError)


# ------------------------------------------------------------ margins and rates


def test_margin_above_paid_is_legal_and_said():
    """A margin above what was paid is used as it is; the report counts such orders in words."""
    found = orders({"paid": "10.00", "margin": "10.01"}, {"margin": "100.00"}, {"margin": "-3.00"})
    run = settle(found, plan(policy(rates=["100%"]), margin=fx.Margin.column("margin")))
    report = run.margin_report()
    assert (report.above_paid, report.loss_orders) == (1, 1)
    assert "orders with a margin above what was paid: 1" in str(report)
    assert "orders at a loss: 1" in str(report)
    assert report.used == 1000 + 10000


@pytest.mark.parametrize(
    ("rate", "kind", "word"),
    [
        ("-1%", RateError, "negative"),
        ("101%", RateError, "above 100 %"),
        (Fraction(3, 2), RateError, "above 100 %"),
        (0.1, RateError, "float"),
        (np.float32(0.1), RateError, "float"),
        (True, RateError, "truth value"),
        ("ten", RateError, "cannot be read"),
        ("1/0", RateError, "zero"),
        (None, RateError, "not a rate"),
        (Decimal("NaN"), RateError, "finite"),
    ],
    ids=str,
)
def test_rates_that_are_none(rate, kind, word):
    """A rate is exact and from 0 to 100 %."""
    refused(lambda: policy(rates=[rate]), kind, word)


def test_rates_above_100_where_the_plan_says_so():
    """A rate above 100 % is legal where the policy says so, and the margin still holds."""
    run = settle(None, plan(policy(rates=["250%"], above_100=True)))
    assert run.totals().to_dict() == {TOP: Decimal("50.00")}


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: fx.Margin.rate("101%", of="paid"), PlanError),
        (lambda: fx.Margin.rate("-1%", of="paid"), RateError),
        (lambda: fx.Margin.rate(0.25, of="paid"), RateError),
        (fx.Margin, PlanError),
        (lambda: fx.Margin.column("margin", losses="shared"), PlanError),
        (lambda: fx.Margin.column("margin", guard="none"), PlanError),
        (lambda: fx.Cap.per_order("-1%", of="paid"), RateError),
        (lambda: fx.Cap.per_order(0.3, of="paid"), RateError),
        (lambda: fx.Cap.per_order(3.5), PlanError),
        (lambda: fx.Cap.per_order(3), PlanError),
        (lambda: fx.Cap.per_order("-1.00"), PlanError),
        (lambda: fx.Cap.per_payee(by_rank={"gold": 3}), PlanError),
        (lambda: fx.Fixed(1.5), PlanError),
        (lambda: fx.Fixed(1), PlanError),
        (lambda: fx.Fixed("-1.00"), PlanError),
        (lambda: fx.Base("paid") * 0.5, RateError),
        (lambda: fx.column("pv") >= 1.5, ExpressionError),
        (lambda: fx.Where(minimum={"paid": 1.5}), ExpressionError),
        (lambda: fx.Catalog.from_records([{"product": "tea", "margin_rate": 0.5}]), RateError),
        (lambda: fx.Catalog.from_records([{"product": "tea", "margin_rate": "101%"}]), RateError),
    ],
)
def test_limits_and_shares(call, kind):
    """Margins, caps, fixed amounts, bases and conditions are exact and in range; the guard cannot be off."""
    refused(call, kind)


@pytest.mark.parametrize(
    "the_plan",
    [
        plan(policy(rates=[fx.Fixed("0.005")])),
        plan(caps=[fx.Cap.per_order("0.005")]),
        plan(caps=[fx.Cap.company("0.005")]),
        plan(policy(where=fx.Where(minimum={"paid": "0.005"}))),
    ],
    ids=["fixed", "cap", "company cap", "minimum"],
)
def test_amounts_of_a_plan_fit_its_currency(the_plan):
    """Amounts in a plan have no more decimals than its currency."""
    refused(lambda: settle(None, the_plan), MoneyError, "decimals")


# ------------------------------------------------------------ unknown columns

CAP = fx.Cap
PERIOD = fx.month(2026, 1)
COLUMNS = {
    "base": (plan(policy(base=NAMELESS)), OrdersError, NAMELESS),
    "part of a base": (plan(policy(base=fx.Base("paid") - fx.Base(NAMELESS))), OrdersError, NAMELESS),
    "base of a later policy": (
        plan(policy(), fx.LevelCommission("b", base=NAMELESS, rates=["1%"], if_not="stop", stage=2)),
        OrdersError,
        NAMELESS,
    ),
    "margin, rate of": (plan(margin=fx.Margin.rate("10%", of=NAMELESS)), OrdersError, NAMELESS),
    "margin, column": (plan(margin=fx.Margin.column(NAMELESS)), OrdersError, NAMELESS),
    "margin, catalog": (plan(margin=fx.Margin.catalog()), OrdersError, "product"),
    "cap on the line, rate of": (plan(caps=[CAP.per_line("1%", of=NAMELESS)]), OrdersError, NAMELESS),
    "cap on the order, rate of": (plan(caps=[CAP.per_order("1%", of=NAMELESS)]), OrdersError, NAMELESS),
    "cap on the payee, rate of": (plan(caps=[CAP.per_payee("1%", of=NAMELESS)]), OrdersError, NAMELESS),
    "cap on the source, rate of": (plan(caps=[CAP.per_source("1%", of=NAMELESS)]), OrdersError, NAMELESS),
    "cap on the period, rate of": (plan(caps=[CAP.per_period("1%", of=NAMELESS)]), OrdersError, NAMELESS),
    "cap on the company, rate of": (plan(caps=[CAP.company("1%", of=NAMELESS)]), OrdersError, NAMELESS),
    "cap on the line, column": (plan(caps=[CAP.per_line(column=NAMELESS)]), OrdersError, NAMELESS),
    "cap on the order, column": (plan(caps=[CAP.per_order(column=NAMELESS)]), OrdersError, NAMELESS),
    "cap on the payee, column": (plan(caps=[CAP.per_payee(column=NAMELESS)]), InputError, NAMELESS),
    "cap on the owner, column": (plan(caps=[CAP.per_owner(column=NAMELESS)]), InputError, NAMELESS),
    "cap by rank": (
        plan(caps=[CAP.per_payee(by_rank={"gold": "1.00", "silver": "1.00"}, rank_column=NAMELESS)]),
        InputError,
        NAMELESS,
    ),
    "cap on the product in the order": (
        plan(caps=[CAP.per_product("1.00", within="order")]),
        OrdersError,
        "product",
    ),
    "cap on the product": (plan(caps=[CAP.per_product("1.00", within="period")]), OrdersError, "product"),
    "cap on the region": (plan(caps=[CAP.per_region("1.00")]), OrdersError, "region"),
    "rank of a table": (
        plan(policy(rates=[], by_rank={"gold": ["1%"]}, rank_column=NAMELESS)),
        InputError,
        NAMELESS,
    ),
    "table by product": (plan(policy(by_product={"tea": ["1%"]})), OrdersError, "product"),
    "table by category": (plan(policy(by_category={"food": ["1%"]})), OrdersError, "category"),
    "eligible, column": (plan(policy(eligible=fx.column(NAMELESS) == "x")), InputError, NAMELESS),
    "eligible, own volume": (plan(policy(eligible=fx.own(NAMELESS) >= 1)), OrdersError, NAMELESS),
    "eligible, inside": (
        plan(policy(eligible=(fx.column("rank") == "gold") | ~(fx.column(NAMELESS) == "x"))),
        InputError,
        NAMELESS,
    ),
    "where, kind": (plan(policy(where=fx.Where(kind="retail"))), OrdersError, "kind"),
    "where, other": (plan(policy(where=fx.Where(other={NAMELESS: "x"}))), OrdersError, NAMELESS),
    "where, minimum": (plan(policy(where=fx.Where(minimum={NAMELESS: "1"}))), OrdersError, NAMELESS),
    "anchor": (plan(anchor=NAMELESS, zone="Asia/Shanghai"), OrdersError, NAMELESS),
}
"""Each place where a plan can name a column."""


@pytest.mark.parametrize("place", COLUMNS)
def test_unknown_column(place):
    """A column that a plan names and no table has is refused with its name."""
    the_plan, kind, word = COLUMNS[place]
    refused(lambda: settle(None, the_plan, period=PERIOD if place == "anchor" else None), kind, repr(word))


@pytest.mark.parametrize("place", COLUMNS)
def test_unknown_column_whatever_is_paid(place):
    """It is refused also where nobody happens to be paid, so that no plan works by luck."""
    the_plan, kind, word = COLUMNS[place]
    nobody = orders({"member": TOP})
    refused(lambda: settle(nobody, the_plan, period=PERIOD if place == "anchor" else None), kind, repr(word))


@pytest.mark.parametrize("place", [place for place in COLUMNS if place != "margin, catalog"])
def test_unknown_column_in_a_quote(place):
    """A quote refuses what settling refuses, as far as it looks at the order alone."""
    the_plan, kind, word = COLUMNS[place]
    wide = any(not cap.in_order for cap in the_plan.caps) or place == "anchor"
    if not wide:
        order = {"order_id": ORDER, "member": SELLER, "paid": "1.00"}
        refused(lambda: fx.quote(facts(fx.Orders.empty()), the_plan, order), kind, repr(word))


def test_unknown_anchor_without_a_period():
    """An anchor that the orders do not have is refused even if no period is asked for."""
    refused(lambda: settle(None, plan(anchor=NAMELESS, zone="Asia/Shanghai")), OrdersError, NAMELESS)


@pytest.mark.parametrize(
    ("the_plan", "word"),
    [
        (plan(caps=[CAP.per_owner("1.00")]), "owner"),
        (plan(caps=[CAP.per_payee(column="limit")]), "limit"),
        (plan(policy(rates=[], by_rank={"gold": ["1%"]})), "rank"),
        (plan(policy(eligible=fx.column("active") == True)), "active"),  # noqa: E712  # builds a predicate
    ],
    ids=["owner", "limit", "rank", "active"],
)
@pytest.mark.parametrize("member", [SELLER, TOP], ids=["somebody is paid", "nobody is paid"])
def test_no_members_table(the_plan, word, member):
    """A plan that reads members' columns is refused where the facts have none."""
    found = fx.Facts(tree=TREE, orders=orders({"member": member}))
    refused(lambda: fx.settle(found, the_plan), InputError, repr(word))


@pytest.mark.parametrize("name", ["on", "counting"])
def test_caps_on_unknown_policies(name):
    """A cap names policies of its plan."""
    refused(lambda: plan(caps=[CAP.per_order("1.00", **{name: "other"})]), PlanError, "other", "referral")


@pytest.mark.parametrize(
    ("records", "options", "the_plan", "kind", "word"),
    [
        ([{"product": "tea"}], {}, plan(policy(base="product")), OrdersError, "product"),
        ([{"pv": "1"}], {"volumes": {"pv": 0}}, plan(margin=fx.Margin.column("pv")), OrdersError, "pv"),
        ([{"pv": "1"}], {"volumes": {"pv": 0}}, plan(caps=[CAP.per_order(column="pv")]), OrdersError, "pv"),
        ([{}], {}, plan(policy(where=fx.Where(other={"paid": "x"}))), ExpressionError, "paid"),
        ([{}], {}, plan(policy(eligible=fx.column("rank") >= "gold")), ExpressionError, "rank"),
        ([{}], {}, plan(policy(eligible=fx.column("active") >= True)), ExpressionError, "active"),
        (
            [{}],
            {},
            plan(policy(rates=[], by_rank={"gold": [], "x": ["1%"]}, rank_column="active")),
            PlanError,
            "active",
        ),
    ],
    ids=[
        "text as base",
        "volume as margin",
        "volume as cap",
        "money in a set",
        "order of ranks",
        "flag",
        "flag as rank",
    ],
)
def test_columns_of_the_wrong_kind(records, options, the_plan, kind, word):
    """A column of another kind than its use needs is refused with its name."""
    refused(lambda: settle(orders(*records, **options), the_plan), kind, word)


# ------------------------------------------------------------ time


@pytest.mark.parametrize(
    ("value", "zone", "word"),
    [
        ("2026-01-01T10:00:00", None, "without a zone"),
        (dt.datetime(2026, 1, 1, 10), None, "without a zone"),  # noqa: DTZ001  # naive on purpose
        ("2026-10-25T02:30:00", "Europe/Berlin", "twice"),
        ("2026-03-29T02:30:00", "Europe/Berlin", "never"),
        ("yesterday", "Europe/Berlin", "paid_at"),
        (None, "Europe/Berlin", "missing"),
        (20260101, "Europe/Berlin", "paid_at"),
        ("2026-01-01T10:00:00", "Mars/Olympus", "Mars/Olympus"),
    ],
    ids=str,
)
def test_times_that_are_no_instants(value, zone, word):
    """Naive, ambiguous, skipped and missing times are refused, and zones that nobody knows."""
    refused(lambda: orders({"paid_at": value}, zone=zone), TimeError, word)


@pytest.mark.parametrize("offset", ["+01:00", "+02:00"])
def test_an_offset_settles_what_is_ambiguous(offset):
    """With its offset the hour that clocks show twice is an instant, whatever the zone is."""
    assert len(orders({"paid_at": f"2026-10-25T02:30:00{offset}"}, zone="Europe/Berlin")) == 1


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: fx.month(2026, 13), TimeError),
        (lambda: fx.week(2026, 54), TimeError),
        (lambda: fx.day(2026, 2, 30), TimeError),
        (lambda: plan(anchor="paid_at", zone="Mars/Olympus"), TimeError),
        (lambda: plan(anchor="paid_at"), PlanError),
        (lambda: plan(zone="Asia/Shanghai"), PlanError),
        (lambda: settle(period=PERIOD), PlanError),
        (lambda: settle(None, plan(anchor="paid", zone="Asia/Shanghai"), period=PERIOD), OrdersError),
        (lambda: settle(None, plan(policy(where=fx.Where(first_order=True)))), PlanError),
        (lambda: settle(None, plan(caps=[CAP.per_payee("1.00", window="year")])), PlanError),
    ],
)
def test_periods_and_anchors(call, kind):
    """Periods exist in the calendar, and a plan that needs times says which and in which zone."""
    refused(call, kind)


def test_order_across_a_boundary():
    """The lines of one order lie in one period."""
    lines = [
        {
            "order_id": ORDER,
            "line": k,
            "member": SELLER,
            "paid": "1.00",
            "paid_at": f"2026-0{k + 1}-01T00:00:00Z",
        }
        for k in range(2)
    ]
    the_plan = plan(anchor="paid_at", zone="Asia/Shanghai")
    refused(lambda: settle(fx.Orders.from_records(lines), the_plan, period=PERIOD), TimeError)


def test_period_twice():
    """A period that the state knows is not settled again, nor is a state of other caps accepted."""
    the_plan = plan(anchor="paid_at", zone="UTC")
    found = orders({"paid_at": "2026-01-05T00:00:00Z"})
    state = settle(found, the_plan, period=PERIOD).state
    refused(lambda: settle(found, the_plan, period=PERIOD, state=state), StateError, "2026-01")
    refused(lambda: settle(state=fx.State(usage={("gone", "lifetime"): {}})), StateError, "gone")


# ------------------------------------------------------------ tables and combinations


def test_rank_absent_from_a_table():
    """Every rank that occurs has a row, in tables of rates and of limits; the ranks may be named."""
    refused(
        lambda: settle(None, plan(policy(rates=[], by_rank={"gold": ["1%"]}))), PlanError, "silver", "gold"
    )
    refused(
        lambda: settle(None, plan(caps=[CAP.per_payee(by_rank={"gold": "1.00"})])),
        PlanError,
        "silver",
        "gold",
    )


def test_rank_absent_where_nobody_is_paid():
    """A rank without a limit is refused even if nobody happens to be paid."""
    the_plan = plan(caps=[CAP.per_payee(by_rank={"gold": "1.00"})])
    refused(lambda: settle(orders({"member": TOP}), the_plan), PlanError, "silver")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"if_not": ""}, PlanError),
        ({"if_not": "burn"}, PlanError),
        ({"self_purchase": "maybe"}, PlanError),
        ({"rates": []}, PlanError),
        ({"rates": "10%"}, PlanError),
        ({"by_length": {1: ["1%"]}}, PlanError),
        ({"rates": [], "by_length": {1: ["1%"], 3: ["1%"]}}, PlanError),
        ({"rates": [], "by_length": {"one": ["1%"]}}, PlanError),
        ({"rates": [], "by_rank": {"gold": ["1%"]}, "by_product": {"tea": ["1%"]}}, PlanError),
        ({"by_product": [("tea", ["1%"])]}, PlanError),
        ({"rates": ["1%"] * 65}, PlanError),
        ({"start_level": -1}, PlanError),
        ({"start_level": True}, PlanError),
        ({"start_level": 65}, PlanError),
        ({"stage": 0}, PlanError),
        ({"stage": 65}, PlanError),
        ({"base": ""}, ExpressionError),
        ({"base": 3}, ExpressionError),
        ({"rounding": "up"}, InputError),
        ({"rounding": 3}, InputError),
        ({"where": {"colour": "red"}}, ExpressionError),
        ({"eligible": {"colour": "red"}}, ExpressionError),
    ],
    ids=str,
)
def test_level_commission_refuses(changes, kind):
    """A level commission says what happens to everybody, has one table, and stays within 64 levels."""
    refused(lambda: policy(**changes), kind)


def test_one_rate_for_the_seller_is_legal():
    """A single rate that starts with the credited member is a plan like any other."""
    run = settle(None, plan(policy(start_level=0)))
    assert run.totals().to_dict() == {SELLER: Decimal("10.00")}


@pytest.mark.parametrize(
    "call",
    [
        lambda: CAP.per_order("1.00", cut="defer"),
        lambda: CAP.per_line("1.00", window="lifetime"),
        lambda: CAP.company(by_rank={"gold": "1.00"}),
        lambda: CAP.per_region(column="paid"),
        lambda: CAP.per_payee("10%", of="paid", window="year"),
        lambda: CAP.per_payee("1.00", rule="reject", cut="defer"),
    ],
    ids=[
        "defer in an order",
        "lifetime in an order",
        "rank of the company",
        "column of a region",
        "rate of a year",
        "reject and defer",
    ],
)
def test_unsupported_combinations(call):
    """What is understood and not supported says so and names the alternative."""
    refused(call, UnsupportedError)


@pytest.mark.parametrize(
    "call",
    [
        CAP.per_order,
        lambda: CAP.per_order("1.00", column="paid"),
        lambda: CAP.per_order("1.00", rule="fair"),
        lambda: CAP.per_order("1.00", leftover="mine"),
        lambda: CAP.per_payee("1.00", window="decade"),
        lambda: CAP.per_product("1.00", within="universe"),
        lambda: CAP(scope="galaxy", money="1.00"),
        lambda: plan(policy(), policy()),
        lambda: plan(caps=[CAP.per_order("1.00", name="x"), CAP.per_line("1.00", name="x")]),
        lambda: plan("referral"),
        lambda: plan(caps=["order"]),
        lambda: fx.LevelCommission("", base="paid", rates=["1%"], if_not="company"),
    ],
)
def test_malformed_caps_and_plans(call):
    """A cap has one limit and one of the choices; policies and caps have names of their own."""
    refused(call, PlanError)


def test_self_purchase_without_buyers():
    """Who would treat self-purchases in a special way has to know the buyers."""
    for choice in ("skip", "stop"):
        refused(lambda choice=choice: settle(None, plan(policy(self_purchase=choice))), PlanError, "buyer")


def test_owners_with_different_limits():
    """A limit by owner is the same for all his positions."""
    records = [{"member": who, "owner": "zq-o", "limit": f"{k}.00"} for k, who in enumerate((TOP, SELLER))]
    members = fx.Members.from_records(records, money=["limit"])
    the_plan = plan(policy(start_level=0, rates=["10%", "10%"]), caps=[CAP.per_owner(column="limit")])
    refused(lambda: fx.settle(facts(members=members), the_plan), PlanError, "limit")


def test_currencies_that_differ():
    """Orders and plan are in one currency; nothing is converted in silence."""
    refused(lambda: settle(orders(currency="USD")), OrdersError, "USD", "CNY")
    refused(lambda: settle(None, plan(currency="KWD")), OrdersError, "decimals")
    refused(lambda: plan(currency="ZZZ"), MoneyError, "ZZZ")


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: fx.Orders.from_records([{"order_id": ORDER, "paid": "1.00"}]), OrdersError),
        (lambda: fx.Orders.from_records([{"member": SELLER, "paid": "1.00"}]), OrdersError),
        (lambda: fx.Orders.from_records(["zq-"]), OrdersError),
        (lambda: fx.Orders.from_columns({"order_id": [1, 2], "member": [SELLER]}), OrdersError),
        (lambda: orders(colour="red"), OrdersError),
        (lambda: orders(money=["absent"]), OrdersError),
        (lambda: orders({"paid_minor": 5}), OrdersError),
        (lambda: orders({"quantity": 1.5}), OrdersError),
        (lambda: orders({"score": 1.5}), OrdersError),
        (lambda: orders({"score": 1}, {"score": "high"}), OrdersError),
        (lambda: fx.Catalog.from_records([{"product": "zq-tea"}] * 2), OrdersError),
    ],
)
def test_malformed_tables(call, kind):
    """Tables have their keys, one length, one kind a column, and only options that exist."""
    refused(call, kind)


def test_catalog_gaps():
    """Every product has a margin; products may be labels, so messages have rows."""
    the_plan = plan(margin=fx.Margin.catalog())
    tea = fx.Catalog.from_records([{"product": "tea", "margin_rate": "5%"}])
    found = orders({"product": "tea"}, {"product": "zq-pen"})
    refused(lambda: fx.settle(facts(found, catalog=tea), the_plan), OrdersError, rows=[1], labels=["zq-pen"])
    bare = fx.Catalog.from_records([{"product": "zq-pen"}])
    refused(
        lambda: fx.settle(facts(orders({"product": "zq-pen"}), catalog=bare), the_plan), OrdersError, rows=[0]
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: fx.settle({}, plan()),
        lambda: fx.settle(facts(), plan().to_dict()),
        lambda: settle(state={}),
        lambda: settle(None, plan(anchor="paid_at", zone="UTC"), period="2026-01"),
        lambda: fx.Facts(tree={}),
        lambda: fx.Facts(tree=TREE, orders=[]),
        lambda: fx.Facts(tree=TREE, members={}),
        lambda: plan(margin="25%"),
        lambda: plan(policies=3),
        lambda: policy(above_100="yes"),
        lambda: fx.Where(first_order="yes"),
        lambda: fx.merge(settle(), None),
        lambda: fx.quote(facts(), plan(), None),
        lambda: fx.quote(facts(), plan(), []),
        lambda: fx.quote(facts(), plan(), [{"order_id": k, "member": SELLER} for k in (1, 2)]),
    ],
    ids=[
        "facts", "plan", "state", "period", "tree", "orders", "members", "margin", "policies", "above_100",
        "first_order", "merge", "quote nothing", "quote no line", "quote two orders",
    ],
)  # fmt: skip
def test_arguments_of_another_kind(call):
    """What is no facts, plan, period or state is refused as such, with a typed error."""
    with pytest.raises(InputError) as caught:
        call()
    refused(call, type(caught.value))


# ------------------------------------------------------------ empty everything


def test_empty_everything():
    """No members, no orders and no policies are a settlement of nothing."""
    tree = fx.ReferralTree.from_mapping({})
    empty = fx.Facts(tree=tree, orders=fx.Orders.from_records([]), members=None)
    for the_plan in (
        plan(policies=[]),
        plan(),
        plan(caps=[CAP.company("1.00"), CAP.per_order("1%", of="paid")]),
    ):
        run = fx.settle(empty, the_plan)
        report = run.margin_report()
        assert run.totals().to_dict() == {}
        assert list(run.lines()) == []
        assert (report.orders, report.used, report.kept) == (0, 0, 0)
        assert str(report) == "0.00 of 0.00 used, 0.00 kept"
        assert run.fingerprint() == fx.settle(empty, the_plan).fingerprint()


def test_no_orders():
    """Members without orders get nothing, and their statements say so."""
    run = settle(fx.Orders.empty())
    assert run.statement(TOP).total_minor == 0
    assert run.totals().to_dict() == {}


def test_nobody_but_guests():
    """Orders of guests pay nobody, also where nobody is a member."""
    found = fx.Orders.from_records([{"order_id": ORDER, "member": None, "paid": "100.00"}])
    run = fx.settle(fx.Facts(tree=fx.ReferralTree.from_mapping({}), orders=found), plan())
    report = run.margin_report()
    assert (report.guest_lines, report.used, report.kept) == (1, 0, 5000)


def test_empty_period():
    """A month without orders is settled like any other."""
    the_plan = plan(anchor="paid_at", zone="Asia/Shanghai")
    run = settle(orders({"paid_at": "2026-02-01T00:00:00+08:00"}), the_plan, period=PERIOD)
    assert (run.margin_report().orders, run.totals().to_dict()) == (0, {})


# ------------------------------------------------------------ nothing half-done

TIMED = plan(
    policy(rates=["30%"]),
    caps=[CAP.per_payee("40.00", window="lifetime", cut="defer", name="lifetime")],
    anchor="paid_at",
    zone="UTC",
)


@pytest.mark.parametrize(
    ("cap", "keys"),
    [
        (CAP.per_order("1.00", rule="reject"), [(f"{ORDER}-0", 0)]),
        (CAP.per_line("1.00", rule="reject"), [(f"{ORDER}-0", 0)]),
        (CAP.per_payee("1.00", rule="reject"), None),
        (CAP.company("1.00", rule="reject"), None),
    ],
    ids=["order", "line", "payee", "company"],
)
def test_rejecting_caps_settle_nothing(cap, keys):
    """A cap that rejects raises; the orders or payees concerned are on the error, not in its text."""
    with pytest.raises(CapRejectedError) as caught:
        settle(None, plan(caps=[cap]))
    assert "zq-" not in str(caught.value)
    if keys is not None:
        assert list(caught.value.keys) == keys


@pytest.mark.parametrize(
    "failing",
    [
        lambda f, s: fx.settle(f, plan(policy(base=NAMELESS)), state=s),
        lambda f, s: fx.settle(f, TIMED, period=PERIOD, state=s),
        lambda f, s: fx.settle(f, plan(caps=[CAP.per_payee("1.00", rule="reject")]), state=None),
        lambda f, s: fx.settle(
            f,
            plan(policy(), fx.LevelCommission("b", base=NAMELESS, rates=["1%"], if_not="stop")),
        ),
        lambda f, s: fx.quote(
            f,
            TIMED,
            {"order_id": ORDER, "member": STRANGER, "paid": "1.00", "paid_at": "2026-02-05T00:00:00Z"},
        ),
        lambda f, s: fx.merge(fx.settle(f, plan()), fx.settle(f, plan())),
    ],
    ids=["unknown column", "period twice", "reject", "second policy", "quote", "merge"],
)
def test_a_failure_changes_nothing(failing):
    """After a failure facts, plan and state are as before: the next good run gives the same bytes."""
    times = [{"paid_at": f"2026-0{month}-05T00:00:00Z"} for month in (1, 1, 2)]
    here = facts(orders(*times))
    first = fx.settle(here, TIMED, period=PERIOD)
    assert first.state.deferred
    february = fx.month(2026, 2)
    before = fx.settle(here, TIMED, period=february, state=first.state)
    usage, deferred, settled = dict(first.state.usage), first.state.deferred, first.state.settled
    with pytest.raises(fx.FenxiaoError):
        failing(here, first.state)
    assert (first.state.usage, first.state.deferred, first.state.settled) == (usage, deferred, settled)
    after = fx.settle(here, TIMED, period=february, state=first.state)
    assert after.fingerprint() == before.fingerprint()
    assert (
        fx.settle(facts(orders(*times)), TIMED, period=february, state=first.state).fingerprint()
        == after.fingerprint()
    )


def test_input_is_not_changed():
    """Neither good nor bad calls change what the caller handed in."""
    records = [
        {"order_id": ORDER, "member": SELLER, "paid": "1.00"},
        {"order_id": ORDER + "2", "member": STRANGER, "paid": "2.00"},
    ]
    copy = [dict(record) for record in records]
    found = fx.Orders.from_records(records)
    with pytest.raises(UnknownMemberError):
        facts(found)
    assert records == copy
    data = plan(caps=[CAP.per_order("30%", of="paid")]).to_dict()
    text = repr(data)
    fx.Plan.from_dict(data)
    assert repr(data) == text
    paid = np.array([100, 200])
    given = {"order_id": np.array([2, 1]), "member": [SELLER, TOP], "paid_minor": paid}
    fx.settle(facts(fx.Orders.from_columns(given)), plan())
    assert paid.tolist() == [100, 200]


def test_members_of_this_world_are_used():
    """The world's tables fit its tree, so that the failures above are those that are meant."""
    assert settle().totals().to_dict() == {TOP: Decimal("10.00")}
    assert MEMBERS.align(TREE).column("rank").value(TREE.index(TOP)) == "gold"
