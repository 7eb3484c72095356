"""Differentials, ceilings and price gaps in words, and what they refuse."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import attrs
import pytest

import fenxiao as fx
from fenxiao.errors import MoneyError, OrdersError, PlanError, RateError, UnsupportedError
from fenxiao.policies import CeilingCascade, PriceGap, RankDifferential, RetailMarkup, SameRankBonus
from fenxiao.qualification import GivenRanks

RATES = {"s": "5%", "g": "10%", "d": "15%"}
CHAIN = ["p0", "p1", "p2", "p3", "p4", "p5"]
"""From the credited member up."""
READY = fx.column("ready") == True  # noqa: E712  # builds a condition
RETAIL = fx.Where(kind="retail")


def chain(values, column="rank", **columns):
    """Return a tree with p0 at the bottom, and members with a column of values from him up."""
    names = CHAIN[: len(values)]
    tree = fx.ReferralTree.from_mapping(dict(zip(names, [*names[1:], None], strict=True)))
    rows = [
        {"member": name, column: value} | {other: found[place] for other, found in columns.items()}
        for place, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    return tree, fx.Members.from_records(rows)


def settle(people, *policies, records=({},), order=("s", "g", "d"), catalog=None):
    """Settle orders of p0 for 100.00."""
    tree, members = people
    rows = [{"order_id": n, "member": "p0", "paid": "100.00"} | more for n, more in enumerate(records, 1)]
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=policies,
        qualifications=[GivenRanks("rank", order=order)] if order else [],
    )
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    orders = fx.Orders.from_records(rows)
    return fx.settle(fx.Facts(tree=tree, orders=orders, members=members, catalog=catalog), plan)


def told(run, member, order=1, policy=0):
    """Return what an explanation says of a member and the policy at a place of the plan."""
    return str(run.explain(member, order)).split("\n")[policy]


def differential(**more):
    """Return a differential that starts at the credited member, but for the changes."""
    return RankDifferential("career", **({"base": "paid", "rates": RATES, "start_level": 0} | more))


def bonus(**more):
    """Return a same-rank bonus of 10 % of the step, but for the changes."""
    return SameRankBonus("peers", **({"of": "career", "base": "step", "rates": ["10%"]} | more))


def cascade(**more):
    """Return the cascade of a mall, but for the changes."""
    usual = {"base": "paid", "ceilings": {"dept": "60%", "agent": "40%"}, "user_rates": ["10%", "5%"]}
    return CeilingCascade("mall", **(usual | {"start_level": 0} | more))


def gap(**more):
    """Return a price gap, but for the changes."""
    return PriceGap("stock", **({"prices": {"s": "70", "g": "60", "d": "40"}} | more))


# ------------------------------------------------------------------------------------------------ in words


def test_differential_in_words():
    """Everybody up the sponsors learns which step he was paid, or what stands in his way."""
    people = chain(["s", "d", "g", "s", "d"], ready=[True, False, True, True, True])
    run = settle(people, differential(eligible=READY))
    assert [told(run, name) for name in CHAIN[:4]] == [
        "career: level 0, 5.00 of 5.00 claimed, 5% less 0% paid below",
        "career: level 1, nothing: not eligible (ready False is not True)",
        "career: level 1, 5.00 of 5.00 claimed, 10% less 5% paid below",
        "career: level 2, nothing: paid below already (his rate 5%, paid below 10%)",
    ]
    assert str(run.statement("p4")) == "5.00: level 2 of order 1, 5 % of 100.00"


def test_blocked_step_in_words():
    """Who takes a step unpaid learns the step and the condition; the company keeps it."""
    run = settle(chain(["s", "g"], ready=[True, False]), differential(eligible=READY, blocks=True))
    words = "10% less 5% paid below; ready False is not True"
    assert told(run, "p1") == f"career: level 1, nothing: takes a step that is not paid ({words})"
    assert run.margin_report().breakage == 500


@pytest.mark.parametrize("base", ["paid", "step"])
def test_no_bonus_above_a_blocked_step(base):
    """Nobody is paid for being of the rank of somebody who took his step unpaid."""
    people = chain(["s", "g", "g"], ready=[True, False, True])
    run = settle(people, differential(eligible=READY, blocks=True), bonus(base=base))
    assert run.totals("peers").to_dict() == {}


def test_rate_of_zero_and_guests_in_words():
    """A rate of 0 % is no step; guests, other products and an empty upline are told apart."""
    career = differential(rates=RATES | {"s": "0%"}, start_level=1, where=fx.Where(product="tea"))
    records = [{"product": "tea"}, {"product": "pen"}, {"product": "tea", "member": None}]
    run = settle(chain(["g", "s"]), career, records=[*records, {"product": "tea", "member": "p1"}])
    assert [told(run, "p1", order) for order in (1, 2, 3, 4)] == [
        "career: level 1, nothing: not entitled at this level (his rate is 0%)",
        "career: nothing: the policy does not select this order",
        "career: nothing: the order credits no member",
        "career: level 0, nothing: the plan does not pay this level",
    ]


def test_steps_that_round_to_nothing():
    """A step below a cent is told from a base of zero."""
    run = settle(chain(["s"]), differential(), records=[{"paid": "0.01"}, {"paid": "0.00"}])
    assert told(run, "p0") == "career: level 0, nothing: rounds to nothing (5% less 0% paid below)"
    assert (
        told(run, "p0", 2) == "career: level 0, nothing: the rate or the base is zero (5% less 0% paid below)"
    )


def test_same_rank_in_words():
    """Each of the same rank learns which person of which step he is, or why he is none."""
    people = chain(["g", "s", "g", "g", "g", "d"], ready=[True, True, False, True, True, True])
    run = settle(people, bonus(eligible=READY), differential())
    nobody = "peers: nothing: not entitled at this level (nobody of his rank takes a paid step below him)"
    assert [told(run, name) for name in CHAIN] == [
        nobody,
        nobody,
        "peers: nothing: not eligible (ready False is not True)",
        "peers: level 1, 1.00 of 1.00 claimed, person 1 of rank g above step 1",
        "peers: nothing: the plan does not pay this level (paid people of his rank: 1)",
        nobody,
    ]
    assert str(run.statement("p3")) == "1.00: level 1 of order 1, 10 % of 10.00"


def test_same_rank_stops_below_a_higher_rank():
    """Of the same rank above a higher one, of a rank without rates, and lines that do not count."""
    peers = bonus(base="paid", rates=(), by_rank={"s": ["1%"], "g": ["1%", "2%"]}, where=RETAIL)
    records = [{"kind": "retail"}, {"kind": "own"}, {"kind": "retail", "member": None}]
    run = settle(chain(["s", "s", "d", "s", "d"]), peers, differential(), records=records)
    assert [told(run, name) for name in ("p1", "p3", "p4")] == [
        "peers: level 1, 1.00 of 1.00 claimed, person 1 of rank s above step 1",
        "peers: nothing: the walk ended below (somebody of a higher rank stands between)",
        "peers: nothing: the plan does not pay this level (paid people of his rank: 0)",
    ]
    assert told(run, "p1", 2) == "peers: nothing: the policy does not select this order"
    assert told(run, "p1", 3) == "peers: nothing: the order credits no member"
    assert run.totals("peers").to_dict() == {"p1": Decimal("1.00")}


def test_same_rank_that_rounds_to_nothing():
    """A person whose share is below a cent is told so, and one whose rate is zero."""
    people = chain(["g", "g", "g"])
    run = settle(people, bonus(rates=["1%", "0%"]), differential(), records=[{"paid": "1.00"}])
    assert told(run, "p1") == "peers: level 1, nothing: rounds to nothing (person 1 of rank g above step 1)"
    assert (
        told(run, "p2")
        == "peers: level 2, nothing: the rate or the base is zero (person 2 of rank g above step 1)"
    )


def test_same_rank_by_product():
    """Where the grid differs by product the people follow the steps of the line's own grid."""
    career = differential(by_product={"tea": {"s": "1%", "g": "2%", "d": "0%"}})
    run = settle(
        chain(["s", "d", "g", "g", "d"]), bonus(), career, records=[{"product": "tea"}, {"product": "pen"}]
    )
    # Tea: steps of p0 and p2, whose peer is p3. Pen: steps of p0 and p1, whose peer is p4.
    assert run.totals("peers").to_dict() == {"p3": Decimal("0.10"), "p4": Decimal("1.00")}


def test_a_differential_without_steps():
    """A differential that pays nobody has no peers, and both explain themselves."""
    run = settle(chain(["g", "g"]), bonus(), differential(rates=dict.fromkeys(RATES, "0%")))
    assert run.totals().to_dict() == {}
    assert "nobody of his rank" in told(run, "p1")
    assert "his rate is 0%" in told(run, "p1", policy=1)


def test_cascade_in_words():
    """Roles, users, and those whose ceiling is reached each learn why."""
    run = settle(chain(["agent", None, "agent", None, "dept", None], "role"), cascade(), order=())
    level = "not entitled at this level (a member without a role has no rate at this level)"
    assert [told(run, name) for name in CHAIN] == [
        "mall: level 0, 40.00 of 40.00 claimed, 40% less 0% paid below",
        "mall: level 1, 5.00 of 5.00 claimed, 5% by level",
        "mall: level 1, nothing: paid below already (ceiling 40%, paid below 45%)",
        f"mall: level 1, nothing: {level}",
        "mall: level 2, 15.00 of 15.00 claimed, 60% less 45% paid below",
        "mall: level 2, nothing: paid below already (paid below 60%, as much as the plan pays)",
    ]
    assert str(run.statement("p4")) == "15.00: level 2 of order 1, 15 % of 100.00"


def test_cascade_stays_below_its_ceiling():
    """A user above the highest ceiling gets nothing: his rate would be more than the plan ever pays."""
    run = settle(chain(["dept", None], "role"), cascade(), order=())
    assert run.totals().to_dict() == {"p0": Decimal("60.00")}


def test_cascade_of_nobody():
    """Guests, other lines, people who are not eligible, an empty upline: each has a reason of its own."""
    policy = cascade(start_level=1, user_role="user", eligible=READY, where=RETAIL)
    records = [{"kind": "retail"}, {"kind": "own"}, {"kind": "retail", "member": None}]
    people = chain(["user", "agent"], "role", ready=[True, False])
    run = settle(people, policy, records=[*records, {"kind": "retail", "member": "p1"}], order=())
    assert [told(run, "p1", n) for n in (1, 2, 3, 4)] == [
        "mall: level 1, nothing: not eligible (ready False is not True)",
        "mall: nothing: the policy does not select this order",
        "mall: nothing: the order credits no member",
        "mall: level 0, nothing: the plan does not pay this level",
    ]
    cents = [{"paid": "0.01"}, {"paid": "0.00"}]
    small = settle(chain(["user"], "role"), cascade(user_role="user"), records=cents, order=())
    assert told(small, "p0") == "mall: level 0, nothing: rounds to nothing (10% by level)"
    assert told(small, "p0", 2) == "mall: level 0, nothing: the rate or the base is zero (10% by level)"


def test_price_gap_in_words():
    """Everybody learns the gap he was paid for a unit, or which price stands below his."""
    policy = gap(eligible=READY, where=RETAIL)
    kinds = [{"kind": "retail", "quantity": 2}, {"kind": "own"}, {"kind": "retail", "member": None}]
    more = [{"kind": "retail", "quantity": 0}, {"kind": "retail", "member": "p4", "quantity": 1}]
    records = [{"quantity": 1} | record for record in (*kinds, *more)]
    people = chain(["s", "s", "d", "g", "d"], ready=[True, True, False, True, True])
    run = settle(people, policy, records=records, order=())
    assert [told(run, name) for name in CHAIN[1:5]] == [
        "stock: level 1, nothing: paid below already (his price 70.00, the price below 70.00)",
        "stock: level 1, nothing: not eligible (ready False is not True)",
        "stock: level 1, 20.00 of 20.00 claimed, 70.00 less 60.00 a unit",
        "stock: level 2, 40.00 of 40.00 claimed, 60.00 less 40.00 a unit",
    ]
    assert str(run.statement("p3")) == "20.00: level 1 of order 1, 10.00 a unit"
    assert [told(run, "p3", order) for order in (2, 3, 4)] == [
        "stock: nothing: the policy does not select this order",
        "stock: nothing: the order credits no member",
        "stock: level 1, nothing: the rate or the base is zero (70.00 less 60.00 a unit)",
    ]
    assert told(run, "p4", 5) == "stock: level 0, nothing: the plan does not pay this level"
    # p0: 100.00 less 140.00 for two units, and 100.00 for none; p4: 100.00 less 40.00.
    assert run.shown().to_dict() == {"p0": Decimal("60.00"), "p4": Decimal("60.00")}


def test_prices_of_the_catalog():
    """Prices by product may order the ranks differently; whoever buys cheaper than below is paid."""
    columns = {"s": "list_price", "g": "price", "d": "cost"}
    tea, pen = {"product": "tea", "list_price": "9.00"}, {"product": "pen", "list_price": "9.00"}
    catalog = fx.Catalog.from_records(
        [
            {"product": "tea", "price": "8.00", "cost": "5.00"},
            {"product": "pen", "price": "3.00", "cost": "4.00"},
        ]
    )
    policy = gap(prices={}, price_columns=columns)
    run = settle(chain(["s", "d", "g", "d"]), policy, records=[tea, pen], catalog=catalog)
    # Tea: 9 to 5 for p1. Pen: 9 to 4 for p1, then 4 to 3 for p2.
    assert run.totals().to_dict() == {"p1": Decimal("9.00"), "p2": Decimal("1.00")}
    assert told(run, "p2", 2) == "stock: level 2, 1.00 of 1.00 claimed, 4.00 less 3.00 a unit"
    assert str(run.statement("p2")) == "1.00: level 2 of order 2, 1.00 a unit"


def test_contract_rates_and_grids():
    """Rates may stand in a column, above 100 % and under a ceiling; a product may have a grid of its own."""
    rates = [fx.Rate("50%"), fx.Rate("110%"), fx.Rate("80%")]
    people = chain(["s", "g", "d"], contract=rates)
    by_column = differential(rates={}, rate_column="contract", above_100=True, ceiling="90%")
    assert settle(people, by_column).totals().to_dict() == {"p0": Decimal("50.00"), "p1": Decimal("40.00")}
    grid = differential(by_product={"tea": {"s": "1%", "g": "2%", "d": "4%"}})
    run = settle(people, grid, records=[{"product": "tea"}, {"product": "pen"}])
    assert run.totals().to_dict() == {"p0": Decimal("6.00"), "p1": Decimal("6.00"), "p2": Decimal("7.00")}
    assert "4% less 2% paid below" in told(run, "p2")
    assert str(run.statement("p2")).startswith("2.00: level 2 of order 1, 2 % of 100.00")


def test_shown_by_policy():
    """What is shown is told by policy, never in totals; an unknown policy is refused."""
    retail = RetailMarkup("retail", base="paid", rate="30%", where=RETAIL)
    run = settle(chain(["s", "g"]), gap(), retail, records=[{"kind": "retail", "paid": "80.00"}])
    assert run.shown("retail").to_dict() == {"p0": Decimal("24.00")}
    assert run.shown("stock").to_dict() == {"p0": Decimal("10.00")}
    assert run.shown().to_dict() == {"p0": Decimal("34.00")}
    assert run.shown().withheld.tolist() == [0, 0]
    assert run.totals("retail").to_dict() == {}
    with pytest.raises(PlanError, match="not one of the plan's"):
        run.shown("none")


def test_no_orders():
    """Without orders nothing is paid or shown, whatever the policies are."""
    tree, members = chain(["s", "g"], role=["dept", None])
    columns = gap(prices={}, price_columns=dict.fromkeys(RATES, "cost"))
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=[differential(), bonus(), cascade(), columns, RetailMarkup("retail", base="paid")],
        qualifications=[GivenRanks("rank", order=["s", "g", "d"])],
    )
    orders = fx.Orders.from_records([{"order_id": 1, "member": "p0", "paid": "1.00", "cost": "1.00",
                                      "at": "2026-01-01T00:00Z"}], times=["at"])  # fmt: skip
    later = attrs.evolve(plan, anchor="at", zone="UTC")
    run = fx.settle(fx.Facts(tree=tree, members=members, orders=orders), later, period=fx.month(2026, 5))
    assert run.totals().to_dict() == run.shown().to_dict() == {}


def test_large_bases_stay_exact():
    """A base beyond 64 bits on the way is exact all the same."""
    big = [{"paid": "90000000000000000.00"}]
    awkward = fx.Base("paid") * Fraction(10**12, 10**12 + 1)
    run = settle(chain(["s", "s"]), differential(base=awkward), bonus(rates=["1/3"]), records=big)
    step = 9 * 10**18 * 10**12 // ((10**12 + 1) * 20)
    assert run.totals("career").allowed.tolist() == [0, step]
    assert run.totals("peers").allowed.tolist() == [step // 3, 0]


# -------------------------------------------------------------------------------------------- what is refused

REFUSED = {
    "no source of rates": (lambda: differential(rates={}), PlanError, "rates or rate_column"),
    "two sources of rates": (lambda: differential(rate_column="c"), PlanError, "rates or rate_column"),
    "grid on a column": (
        lambda: differential(rates={}, rate_column="c", by_product={"tea": RATES}), PlanError, "by product"),
    "seller named twice": (
        lambda: differential(seller_rates=RATES, seller_rate_column="c"), PlanError, "seller"),
    "start elsewhere": (lambda: differential(start_level=2), PlanError, "allowed: 0 or 1"),
    "start is a bool": (lambda: differential(start_level=True), PlanError, "allowed: 0 or 1"),
    "float": (lambda: differential(rates={"s": 0.1}), RateError, "as text"),
    "negative": (lambda: differential(rates={"s": "-1%"}), RateError, "negative"),
    "above 100": (lambda: differential(rates={"s": "101%"}), RateError, "above_100"),
    "no table": (lambda: differential(by_product=["tea"]), PlanError, "not a table"),
    "neighbour": (lambda: cascade(subtract="neighbour"), UnsupportedError, "running_total"),
    "another subtraction": (lambda: cascade(subtract="all"), PlanError, "running_total"),
    "no ceilings": (lambda: cascade(ceilings={}), PlanError, "1 to 64"),
    "ceiling for users": (lambda: cascade(user_role="dept"), PlanError, "ceiling"),
    "fixed for users": (lambda: cascade(user_rates=[fx.Fixed("1.00")]), PlanError, "fixed money"),
    "cascade elsewhere": (lambda: cascade(start_level=3), PlanError, "allowed: 0 or 1"),
    "cascade above 100": (lambda: cascade(user_rates=["120%"]), RateError, "above_100"),
    "no bonus table": (lambda: bonus(rates=()), PlanError, "rates or by_rank"),
    "two bonus tables": (lambda: bonus(by_rank={"s": ["1%"]}), PlanError, "rates or by_rank"),
    "no rates by rank": (lambda: bonus(rates=(), by_rank={"s": []}), PlanError, "1 to 64"),
    "rates no list": (lambda: bonus(rates="1%"), PlanError, "list"),
    "too many people": (lambda: bonus(rates=["1%"] * 65), PlanError, "1 to 64"),
    "bonus above 100": (lambda: bonus(rates=["200%"]), RateError, "above_100"),
    "no prices": (lambda: gap(prices={}), PlanError, "prices or price_columns"),
    "two prices": (lambda: gap(price_columns={"s": "cost"}), PlanError, "prices or price_columns"),
    "price no money": (lambda: gap(prices={"s": "-7"}), PlanError, "money by rank"),
    "price a number": (lambda: gap(prices={"s": 7}), PlanError, "money by rank"),
    "column no name": (lambda: gap(prices={}, price_columns={"s": ""}), PlanError, "columns by rank"),
    "too many ranks": (lambda: gap(prices={f"r{n}": "1" for n in range(65)}), PlanError, "64"),
    "markup above 100": (lambda: RetailMarkup("r", base="paid", rate="130%"), RateError, "above_100"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_at_once(name):
    """A policy that cannot be meant is refused when it is written, with what would be accepted."""
    build, kind, words = REFUSED[name]
    with pytest.raises(fx.FenxiaoError) as caught:
        build()
    assert type(caught.value) is kind
    assert words in str(caught.value)


def test_base_is_always_written():
    """A same-rank bonus without a base is no bonus."""
    with pytest.raises(TypeError, match="base"):
        SameRankBonus("peers", of="career", rates=["1%"])


MANY = {f"r{n}": f"{n}/100" for n in range(1, 66)}
BY_COLUMN = differential(rates={}, rate_column="contract")
AWKWARD = {"ceilings": {"dept": "1/1000000007"}, "user_rates": ["1/998244353", "1/999999937", "99/100"]}
BY_COST = gap(prices={}, price_columns=dict.fromkeys(RATES, "quantity"))
BY_MARGIN = gap(prices={}, price_columns=dict.fromkeys(RATES, "margin"))
UNFIT = {
    "rank without a rate": (chain(["s", "x"]), [differential()], (), PlanError, "'x'"),
    "member without a rank": (chain(["s", None]), [differential()], (), PlanError, "without a rank"),
    "rank is a number": (chain([1, 2]), [differential()], (), PlanError, "not text"),
    "too many rates": (chain(["r1"]), [differential(rates=MANY)], (), PlanError, "up to 64"),
    "column of texts": (chain(["s"], contract=["ten"]), [BY_COLUMN], (), PlanError, "a rate"),
    "column of numbers": (chain(["s"], contract=[10]), [BY_COLUMN], (), PlanError, "a rate"),
    "column with holes": (
        chain(["s", "s"], contract=[fx.Rate("1%"), None]), [BY_COLUMN], (), PlanError, "a rate"),
    "column above 100": (chain(["s"], contract=[fx.Rate("110%")]), [BY_COLUMN], (), RateError, "above_100"),
    "role without a ceiling": (chain(["boss"], "role"), [cascade()], (), PlanError, "'boss'"),
    "role is a number": (chain([1], "role"), [cascade()], (), PlanError, "not text"),
    "awkward denominators": (chain(["dept"], "role"), [cascade(**AWKWARD)], (), PlanError, "denominator"),
    "no such differential": (chain(["s"]), [bonus(of="other"), differential()], "sgd", PlanError, "career"),
    "of another kind": (chain(["s"]), [bonus(of="stock"), gap()], "sgd", PlanError, "RankDifferential"),
    "ranks without order": (chain(["s"]), [bonus(), differential()], (), PlanError, "GivenRanks"),
    "bonus for a strange rank": (
        chain(["s"]), [bonus(rates=(), by_rank={"x": ["1%"]}), differential()], "sgd", PlanError, "'x'"),
    "rank without a price": (chain(["s", "x"]), [gap()], (), PlanError, "'x'"),
    "decimals of a price": (
        chain(["s"]), [gap(prices={"s": "0.001", "g": "0", "d": "0"})], (), MoneyError, "decimals"),
    "price column no money": (chain(["s"]), [BY_COST], (), OrdersError, "not money"),
    "negative price": (chain(["s"]), [BY_MARGIN], (), OrdersError, "negative"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNFIT)
def test_refused_with_the_facts(name):
    """Facts that do not fit a policy are refused by name, whatever would come out without them."""
    people, policies, order, kind, words = UNFIT[name]
    with pytest.raises(fx.FenxiaoError) as caught:
        settle(people, *policies, order=tuple(order), records=[{"margin": "-1.00", "quantity": 1}])
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert "p0" not in str(caught.value)


def test_what_makes_them_not_local():
    """Measures and first orders are why an order's claims need more than the order."""
    active, first = fx.own("paid") >= "1.00", fx.Where(first_order=True)
    for build in (differential, cascade, bonus, gap):
        policy = build(eligible=active, where=first)
        assert [reason.split(": ")[0] for reason in policy.not_local()] == [f"policy {policy.name!r}"] * 2
        assert len(policy.measures()) == 1
        assert build().not_local() == () == build().measures()
    assert differential(eligible=READY).member_columns() == ("ready", "rank")
    assert BY_COLUMN.member_columns() == ("contract",)
    assert gap().member_columns() == ("rank",)
    assert bonus().member_columns() == ()
    assert cascade().member_columns() == ("role",)


def test_a_ceiling_that_is_reached_already_pays_no_second_time():
    """Two staff and an agent: the ceiling of staff is paid out to the first, the agent gets the rest."""
    mall = cascade(ceilings={"staff": "20%", "agent": "40%"}, user_rates=[])
    run = settle(chain(["staff", "staff", "agent"], "role"), mall, order=())
    assert run.totals().to_dict() == {"p0": 20, "p2": 20}


def test_no_bonus_on_a_step_that_is_nothing():
    """A step that rounds to nothing is none, though a share of the whole order would be some cents."""
    run = settle(
        chain(["s", "s"]), differential(), bonus(base="paid", rates=["50%"]), records=[{"paid": "0.09"}]
    )
    assert run.totals("career").to_dict() == {}
    assert run.totals("peers").to_dict() == {}
    larger = settle(chain(["s", "s"]), differential(), bonus(base="paid", rates=["50%"]))
    assert larger.totals("peers").to_dict() == {"p1": 50}
