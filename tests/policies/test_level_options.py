"""Options of level pay: what is refused, what is read, and how everybody is told why he is passed over."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

import fenxiao as fx
from fenxiao.errors import ExpressionError, InputError, PlanError, RateError, Reason, UnsupportedError
from fenxiao.policies import LevelBonus, MatchingBonus, Pair, PassUp
from fenxiao.qualification import GivenRanks, Tiers
from fenxiao.volumes import own
from tests.expressions.refusals import refused

ACTIVE = {"column": "active", "is": True}
TREE = fx.ReferralTree.from_mapping({"top": None, "mid": "top", "low": "mid", "seller": "low", "late": "low"})
MEMBERS = fx.Members.from_records(
    [
        {
            "member": "top",
            "rank": "gold",
            "paid_rank": "gold",
            "active": True,
            "joined": dt.date(2026, 1, 1),
            "score": 9,
            "wallet": "9.00",
            "since": "2026-01-01T00:00:00Z",
            "place": "north",
        },
        {
            "member": "mid",
            "rank": "silver",
            "paid_rank": "gold",
            "active": False,
            "joined": dt.date(2026, 1, 2),
            "score": 5,
            "wallet": "5.00",
            "since": "2026-01-02T00:00:00Z",
            "place": "north",
        },
        {
            "member": "low",
            "rank": "gold",
            "paid_rank": "silver",
            "active": True,
            "joined": dt.date(2026, 1, 3),
            "score": 7,
            "wallet": "7.00",
            "since": "2026-01-03T00:00:00Z",
            "place": "south",
        },
        {
            "member": "seller",
            "rank": "silver",
            "paid_rank": "silver",
            "active": True,
            "joined": dt.date(2026, 1, 4),
            "score": 6,
            "wallet": "6.00",
            "since": "2026-01-04T00:00:00Z",
            "place": "south",
        },
        {
            "member": "late",
            "rank": "silver",
            "paid_rank": "silver",
            "active": False,
            "joined": dt.date(2026, 1, 5),
            "score": 0,
            "wallet": "0.00",
            "since": "2026-01-05T00:00:00Z",
            "place": "south",
        },
    ],
    money=("wallet",),
    times=("since",),
)
ORDER = {
    "order_id": 1,
    "member": "seller",
    "paid": "100.00",
    "margin": "100.00",
    "paid_at": "2026-01-06T12:00:00Z",
}


def settled(*policies, orders=(ORDER,), **options):
    """Settle orders with margins that cut nothing."""
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=policies,
        **(
            {
                "qualifications": [
                    GivenRanks("rank", order=["silver", "gold"]),
                    GivenRanks("paid_rank", order=["silver", "gold"]),
                    Tiers("tier", on=own("paid"), brackets={"whole": {"0": "1%", "50": "2%"}}),
                ]
            }
            | options
        ),
    )
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    assert fx.Plan.from_dict(plan.to_dict()).hash == plan.hash
    given = fx.Orders.from_records(list(orders), times=("paid_at",))
    return fx.settle(fx.Facts(tree=TREE, orders=given, members=MEMBERS), plan)


def levels(name="levels", **options):
    """Return levels of 10, 5 and 3 %."""
    return fx.LevelCommission(
        name, **({"base": "paid", "rates": ["10%", "5%", "3%"], "if_not": "company"} | options)
    )


def ranked(name="ranked", **options):
    """Return levels by rank, silver's shorter."""
    table = {"by_rank": {"silver": ["4%"], "gold": ["10%", "5%", "3%"]}, "rates": ()}
    return levels(name, **(table | options))


def bonus(name="bonus", **options):
    """Return a bonus of 10, 5 and 3 % of own paid."""
    return LevelBonus(
        name, **({"on": own("paid"), "rates": ["10%", "5%", "3%"], "if_not": "company"} | options)
    )


def match(name="match", **options):
    """Return a match of 10 % of what levels pay."""
    return MatchingBonus(
        name, **({"of": "levels", "rates": ["10%"], "if_not": "company", "stage": 2} | options)
    )


# ------------------------------------------------------------------------------------- refusals

REFUSED = {
    "unlocks no list": (lambda: levels(unlocks=ACTIVE), PlanError, "by level"),
    "unlocks too few": (lambda: levels(unlocks=[None]), PlanError, "3"),
    "unlocks no condition": (lambda: levels(unlocks=[3, None, None]), ExpressionError, "active"),
    "compress no condition": (lambda: levels(compress=3), ExpressionError, "active"),
    "source no condition": (lambda: levels(source="active"), ExpressionError, "active"),
    "burn without ranks": (lambda: levels(burn=True), PlanError, "by_rank="),
    "burn no choice": (lambda: ranked(burn=1), PlanError, "bool"),
    "pair with roll_up": (
        lambda: levels(only_if=("score", ">=", "score"), if_not="roll_up"),
        UnsupportedError,
        'if_not="company"',
    ),
    "pair no pair": (lambda: levels(only_if=("score", ">=")), PlanError, "Pair("),
    "pair no data": (lambda: levels(only_if={"payee": "score"}), PlanError, "Pair("),
    "pair as a condition": (
        lambda: levels(only_if={"payee": "score", "at_most": "score"}),
        PlanError,
        'or {"payee": "tier", "operator": "<=", "source": "own_tier"}',
    ),
    "pair operator": (lambda: Pair("a", "~", "b"), PlanError, "at_least"),
    "pair operator of another kind": (lambda: Pair("a", [], "b"), PlanError, "at_least"),
    "pair operator number": (lambda: Pair("a", 3, "b"), PlanError, "at_least"),
    "pair without payee": (lambda: Pair("", "<", "b"), PlanError, "payee"),
    "first_days none": (lambda: levels(first_days=0), PlanError, "1, 2, 3"),
    "first_months none": (lambda: levels(first_months=0), PlanError, "1, 2, 3"),
    "first_months without end": (lambda: levels(first_months=10**9), PlanError, "36600"),
    "first_days text": (lambda: levels(first_days="60"), PlanError, "first_days"),
    "funded_by": (lambda: levels(funded_by="bank"), PlanError, "seller"),
    "start level": (lambda: bonus(start_level=-1), PlanError, "0, 1, 2"),
    "too deep": (lambda: bonus(start_level=63), PlanError, "64"),
    "pass_up no pass-up": (lambda: levels(pass_up=2), PlanError, "first"),
    "pass_up data": (lambda: levels(pass_up={"first": 1, "last": 2}), PlanError, "whole_branch"),
    "pass_up data without first": (lambda: levels(pass_up={}), PlanError, "first"),
    "first zero": (lambda: PassUp(first=0), PlanError, "1, 2, ..."),
    "first bool": (lambda: PassUp(first=True), PlanError, "1, 2, ..."),
    "first text": (lambda: PassUp(first="1"), PlanError, "1, 2, ..."),
    "of": (lambda: PassUp(first=1, of="orders"), PlanError, "recruits, sales"),
    "sales of branches": (lambda: PassUp(first=1, of="sales", whole_branch=True), PlanError, "recruits"),
    "sales of some": (lambda: PassUp(first=1, of="sales", qualified=ACTIVE), PlanError, "recruits"),
    "sales by a column": (lambda: PassUp(first=1, of="sales", order_by="score"), PlanError, "recruits"),
    "whole branch": (lambda: PassUp(first=1, whole_branch=1), PlanError, "whole_branch"),
    "order by": (lambda: PassUp(first=1, order_by=""), PlanError, "order_by"),
    "bonus without table": (lambda: bonus(rates=[]), PlanError, "rates or by_rank"),
    "bonus with two": (lambda: bonus(by_rank={"gold": ["1%"]}), PlanError, "rates or by_rank"),
    "bonus of fixed money": (lambda: bonus(rates=[fx.Fixed("1.00")]), PlanError, "LevelCommission"),
    "bonus of sales": (lambda: bonus(pass_up=PassUp(first=1, of="sales")), UnsupportedError, "recruits"),
    "bonus on nothing": (lambda: bonus(on=None), ExpressionError, "own"),
    "bonus factor": (lambda: bonus(factor="150%"), RateError, "above_100=True"),
    "bonus rate": (lambda: bonus(rates=["150%"]), RateError, "above_100=True"),
    "match of nothing": (lambda: match(of=[]), PlanError, "unilevel"),
    "match of numbers": (lambda: match(of=[1]), PlanError, "unilevel"),
    "match counting": (lambda: match(counting="paid"), PlanError, "allowed, claimed"),
    "match of a stranger": (lambda: settled(match(of="levels")), PlanError, "levels"),
    "match of the same stage": (lambda: settled(levels(), match(stage=1)), PlanError, "stage"),
    "recruits in no order": (
        lambda: settled(levels(pass_up=PassUp(first=1, order_by="active"))),
        PlanError,
        "dates",
    ),
    "recruits by no column": (
        lambda: settled(levels(pass_up=PassUp(first=1, order_by="none"))),
        InputError,
        "none",
    ),
    "sales without a time": (
        lambda: settled(levels(pass_up=PassUp(first=1, of="sales"))),
        PlanError,
        "anchor=",
    ),
    "days without a time": (lambda: settled(levels(first_days=3)), PlanError, "anchor="),
    "ranks without an order": (
        lambda: settled(ranked(burn=True), qualifications=[]),
        PlanError,
        "GivenRanks",
    ),
    "rank that there is not": (
        lambda: settled(ranked(by_rank={"silver": [], "gold": ["1%"], "jade": []})),
        PlanError,
        "silver, gold",
    ),
    "no row for a rank": (lambda: settled(ranked(by_rank={"gold": ["1%"]})), PlanError, "row for every rank"),
    "pair of two kinds": (lambda: settled(levels(only_if=("rank", "<=", "score"))), PlanError, "one kind"),
    "pair of two units": (lambda: settled(levels(only_if=("wallet", "<=", "score"))), PlanError, "one kind"),
    "pair of words": (lambda: settled(levels(only_if=("place", "is", "place"))), PlanError, "GivenRanks"),
    "pair of two orders": (
        lambda: settled(
            levels(only_if=("rank", "<=", "paid_rank")),
            qualifications=[
                GivenRanks("rank", order=["silver", "gold"]),
                GivenRanks("paid_rank", order=["gold", "silver"]),
            ],
        ),
        PlanError,
        "one ladder",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_in_words(name):
    """A wrong value, a contradiction, or facts that lack what is read: a typed error with the next step."""
    make, kind, part = REFUSED[name]
    refused(make, kind, part)


def test_first_days_want_dates():
    """A joining number is no date."""
    members = fx.Members.from_records([{"member": label, "joined": 1} for label in TREE.ids.tolist()])
    plan = fx.Plan(
        currency="CNY", margin=fx.Margin.column("margin"), policies=[levels(first_days=3)],
        anchor="paid_at", zone="UTC",
    )  # fmt: skip
    orders = fx.Orders.from_records([ORDER], times=("paid_at",))
    refused(
        lambda: fx.settle(fx.Facts(tree=TREE, orders=orders, members=members), plan),
        PlanError,
        "date(2026, 10, 5)",
    )


# ----------------------------------------------------------------------------------- what is read


def test_everything_that_is_read_is_named():
    """Columns and measures of every field, so that histories are kept and orders of evaluation hold."""
    policy = bonus(
        eligible=own("pv") >= "1", unlocks=[None, ACTIVE, None], only_if=Pair("score", ">=", "score"),
        pass_up=PassUp(first=1, order_by="since", qualified={"column": "place", "is": "north"}),
    )  # fmt: skip
    assert [repr(measure) for measure in policy.measures()] == ["own('pv')", "own('paid')"]
    assert set(policy.member_columns()) == {"active", "place", "score", "since"}
    assert levels(first_days=3).member_columns() == ("joined",)
    assert ranked(rank_column="rank").member_columns() == ("rank",)


def test_why_an_order_is_not_settled_alone_is_said():
    """Measures of the period, the buyer's first order and the seller's first sales look beyond an order."""
    policy = levels(
        eligible=own("paid") >= "1", where=fx.Where(first_order=True), pass_up=PassUp(first=1, of="sales")
    )
    assert len(policy.not_local()) == 3
    assert levels(pass_up=PassUp(first=1), compress=ACTIVE).not_local() == ()


def test_pass_up_and_pairs_are_plain_data():
    """Only what is not usual is written; what was written is read again; texts in a row are a pair."""
    chosen = PassUp(first=2, whole_branch=True, order_by="since", qualified=ACTIVE)
    assert PassUp.from_data(chosen.as_data()) == chosen
    assert PassUp.from_data(chosen) is chosen
    assert levels(only_if=["score", "<=", "score"]).only_if == Pair("score", "at_most", "score")
    assert levels(only_if={"payee": "score", "operator": "<=", "source": "score"}).only_if == Pair(
        "score", "<=", "score"
    )


@pytest.mark.parametrize("column", ["joined", "since", "score", "wallet"])
def test_recruits_are_ordered_by_dates_moments_numbers_and_amounts(column):
    """The seller joined before the late one by all but numbers and money, where the late one has least."""
    run = settled(levels(pass_up=PassUp(first=1, order_by=column)))
    first = "low" if column in ("score", "wallet") else "mid"
    assert run.payout(first) == 10


@pytest.mark.parametrize(
    ("pair", "paid"),
    [
        (("score", "above", "score"), ["low", "top"]),
        (("wallet", "at_least", "wallet"), ["low", "top"]),
        (("joined", "below", "joined"), ["low", "mid", "top"]),
        (("since", "at_most", "since"), ["low", "mid", "top"]),
        (("rank", "above", "paid_rank"), ["low", "top"]),
        (("paid_rank", "is", "rank"), ["low"]),
        (("tier", "<", "tier"), ["low", "mid", "top"]),
    ],
)
def test_pairs_compare_columns_that_are_comparable(pair, paid):
    """Numbers, money, dates, moments, ranks of one order, and rates by their size."""
    assert sorted(settled(levels(only_if=pair)).totals().to_dict()) == paid


# ------------------------------------------------------------------------------------ explanations

SALES = {"anchor": "paid_at", "zone": "UTC"}
TOLD = {
    "compressed": (levels(compress=ACTIVE), "mid", "level 2, nothing: not on the route (active"),
    "compressed at level 0": (
        levels(compress={"column": "rank", "at_least": "gold"}, start_level=0),
        "seller",
        "level 0, nothing: not on the route (rank silver of gold)",
    ),
    "passed up": (levels(pass_up=PassUp(first=1)), "low", "level 1, nothing: the order is passed up"),
    "passed up by a sale": (
        levels(pass_up=PassUp(first=1, of="sales"), start_level=0),
        "seller",
        "nothing: the order is passed up",
    ),
    "locked": (
        levels(unlocks=[None, {"column": "score", "at_least": 6}, None]),
        "mid",
        "level 2, nothing: not entitled at this level (score 5 of 6)",
    ),
    "rolled past a lock": (
        levels(unlocks=[None, {"column": "score", "at_least": 6}, None], if_not="roll_up"),
        "mid",
        "level 2, nothing: not entitled at this level (score 5 of 6)",
    ),
    "eligible first": (
        levels(eligible=ACTIVE, unlocks=[None, {"column": "score", "at_least": 6}, None]),
        "mid",
        "level 2, nothing: not eligible (active",
    ),
    "short rank": (ranked(), "mid", "level 2, nothing: not entitled at this level (rank silver has no rate"),
    "burnt": (
        ranked(burn=True),
        "low",
        "level 1, 4.00 of 4.00 claimed, by rank silver of the source, below gold",
    ),
    "burnt to nothing": (
        ranked(burn=True),
        "top",
        "level 3, nothing: not entitled at this level (by rank silver of the source, below gold)",
    ),
    "pair": (
        levels(only_if=("score", ">=", "score")),
        "mid",
        "level 2, nothing: a condition between payee and source fails (score 5 >= score 6 fails)",
    ),
    "source": (
        levels(source={"column": "rank", "at_least": "gold"}),
        "low",
        "nothing: nothing is paid for this member (rank silver of gold)",
    ),
    "too late": (levels(first_days=2), "low", "nothing: the policy does not select this order"),
    "in time": (levels(first_days=3), "low", "level 1, 10.00 of 10.00 claimed"),
    "stopped": (levels(eligible=ACTIVE, if_not="stop"), "top", "nothing: the walk ended below"),
    "no money": (levels(rates=["10%", "0%"]), "mid", "level 2, nothing: the rate or the base is zero"),
}


@pytest.mark.parametrize("name", TOLD)
def test_everybody_on_the_way_is_told_what_happened(name):
    """Who was compressed away and why, passed-up hops, burns, pairs, locks, sources and days."""
    policy, member, text = TOLD[name]
    assert text in str(settled(policy, **SALES).explain(member, 1))


def test_a_sale_passed_up_from_a_root_pays_nobody():
    """Nobody stands above a root to take his first sales."""
    root = ORDER | {"member": "top"}
    run = settled(levels(pass_up=PassUp(first=1, of="sales"), start_level=0), orders=[root], **SALES)
    assert run.totals().to_dict() == {}
    assert "passed up" in str(run.explain("top", 1))


def test_where_and_source_and_days_select_together():
    """An order counts where every one of them holds."""
    orders = [
        ORDER,
        ORDER | {"order_id": 2, "paid": "10.00"},
        ORDER | {"order_id": 3, "member": "late"},
        ORDER | {"order_id": 4, "paid_at": "2026-01-07T00:00:00Z"},
        ORDER | {"order_id": 5, "paid_at": "2026-01-03T23:59:59Z"},
        ORDER | {"order_id": 6, "member": None},
    ]
    policy = levels(rates=["10%"], where=fx.Where(minimum={"paid": "100.00"}), source=ACTIVE, first_days=3)
    assert settled(policy, orders=orders, **SALES).payout("low") == 10


OPEN = [ORDER, ORDER | {"order_id": 2, "member": "late", "paid": "0.00"}]
UNPAID = {
    "compressed": (bonus(compress=ACTIVE), "mid", Reason.COMPRESSED, "active"),
    "not eligible": (bonus(eligible=ACTIVE), "mid", Reason.NOT_ELIGIBLE, "active"),
    "locked": (
        bonus(unlocks=[None, {"column": "score", "at_least": 6}, None]),
        "mid",
        Reason.NOT_ENTITLED,
        "score 5 of 6",
    ),
    "rank without a row": (
        bonus(rates=(), by_rank={"silver": [], "gold": ["1%"]}),
        "mid",
        Reason.NOT_ENTITLED,
        "rank silver has no rate",
    ),
    "rank whose row ends": (
        bonus(rates=(), by_rank={"silver": ["1%"], "gold": ["1%", "1%"]}),
        "mid",
        Reason.NOT_ENTITLED,
        "silver",
    ),
    "nobody below": (bonus(), "seller", Reason.ZERO_RATE, "nobody below has any"),
    "beyond depth": (bonus(rates=["10%"]), "mid", Reason.BEYOND_DEPTH, ""),
    "stopped": (bonus(eligible=ACTIVE, if_not="stop"), "top", Reason.STOPPED, ""),
    "passed up": (bonus(pass_up=PassUp(first=1)), "low", Reason.PASSED_UP, ""),
    "pair": (bonus(only_if=("score", ">=", "score")), "mid", Reason.NOT_FITTING, "score 5 >= score 6"),
    "source": (
        bonus(source={"column": "rank", "at_least": "gold"}),
        "low",
        Reason.NOT_SOURCE,
        "rank silver of gold",
    ),
    "another source": (bonus(source=ACTIVE, rates=["10%"]), "mid", Reason.BEYOND_DEPTH, ""),
    "rounds to nothing": (bonus(rates=["1/1000000"]), "low", Reason.ROUNDED_TO_ZERO, ""),
    "no rate": (bonus(rates=["0%", "5%"]), "low", Reason.ZERO_RATE, ""),
    "burnt to nothing": (
        bonus(rates=(), by_rank={"silver": ["1%"], "gold": ["1%", "1%", "1%"]}, burn=True),
        "top",
        Reason.NOT_ENTITLED,
        "by rank silver of the source",
    ),
}


@pytest.mark.parametrize("name", UNPAID)
def test_whoever_has_no_bonus_is_told_what_the_nearest_source_has_for_him(name):
    """The first condition he fails himself, else what happens on the walk from the nearest source below."""
    policy, member, reason, words = UNPAID[name]
    run = settled(policy, orders=OPEN)
    assert member not in run.totals("bonus").to_dict()
    found = policy.why_nothing(run.views[1], run.facts.tree.index(member))
    assert found[0] is reason
    assert words in found[1]


def test_a_burnt_part_says_so():
    """A part of a claim on the period names the rank that counted."""
    policy = bonus(rates=(), by_rank={"silver": ["1%"], "gold": ["3%", "2%"]}, burn=True)
    assert "1 % of 100.00, by rank silver of the source, below gold" in str(settled(policy).statement("low"))


@pytest.mark.parametrize(("counting", "pay"), [("allowed", "0.50"), ("claimed", "1.00")])
def test_matches_count_what_was_allowed_or_claimed(counting, pay):
    """A margin that cuts an earlier stage lowers a match of what was allowed, not of what was claimed."""
    rich = ORDER | {"order_id": 2, "member": None}
    run = settled(levels(rates=["10%"]), match(counting=counting), orders=[ORDER | {"margin": "5.00"}, rich])
    assert str(run.totals("match").to_dict()["mid"]) == pay


def test_two_stages_of_matches_read_one_another():
    """A match of a match, both of several policies at once, with a factor."""
    again = match("again", of=["levels", "match"], stage=3, factor="50%")
    run = settled(levels(rates=["10%"]), match(), again)
    # low earns 10.00; mid matches 1.00 of it; again: mid 0.50 of low, top 0.05 of mid.
    assert {m: str(a) for m, a in run.totals("again").to_dict().items()} == {"mid": "0.50", "top": "0.05"}
    assert again.matched() == ("levels", "match")


@pytest.mark.parametrize(
    ("joined", "day", "paid"),
    [
        ("2026-01-31", "2026-01-30", False),
        ("2026-01-31", "2026-01-31", True),
        ("2026-01-31", "2026-02-27", True),
        ("2026-01-31", "2026-02-28", False),
        ("2026-02-28", "2026-03-27", True),
        ("2026-02-28", "2026-03-28", False),
    ],
)
def test_pay_that_recurs_ends_after_so_many_months(joined, day, paid):
    """The first month begins with the joining date and ends before the same date of the next, or its last."""
    members = fx.Members.from_records(
        [{"member": label, "joined": dt.date.fromisoformat(joined)} for label in ("a", "b")]
    )
    plan = fx.Plan(
        currency="CNY", margin=fx.Margin.rate("50%", of="paid"), anchor="paid_at", zone="UTC",
        policies=[levels(rates=["10%"], first_months=1)],
    )  # fmt: skip
    orders = fx.Orders.from_records(
        [{"order_id": 1, "member": "b", "paid": "99.00", "paid_at": f"{day}T12:00:00Z"}], times=("paid_at",)
    )
    tree = fx.ReferralTree.from_mapping({"a": None, "b": "a"})
    run = fx.settle(fx.Facts(tree=tree, orders=orders, members=members), plan)
    assert run.payout("a") == (Decimal("9.90") if paid else 0)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, {"low": 10, "mid": 5, "top": 3}),
        ({"only_if": Pair("score", ">=", "score")}, {"low": 10, "top": 3}),
        ({"only_if": Pair("score", "<", "score")}, {"mid": 5}),
        # An unlock is asked beside `eligible`, not in its place: mid has the rank and is not active.
        ({"eligible": ACTIVE, "unlocks": [None, fx.column("rank") == "silver", None]}, {"low": 10, "top": 3}),
        ({"eligible": ACTIVE, "unlocks": [fx.column("rank") == "silver", None, None]}, {"top": 3}),
    ],
    ids=["plain", "no less", "less", "unlock and eligible", "locked"],
)
def test_conditions_decide_who_is_paid_how_much(options, wanted):
    """Of 100.00 each level pays its rate to whoever meets all that is asked of him."""
    run = settled(levels(rates=["10%", "5%", "3%"], **options))
    assert run.totals().to_dict() == wanted
