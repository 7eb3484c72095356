"""Region agency in words, and what it refuses."""

from __future__ import annotations

from decimal import Decimal

import pytest

import fenxiao as fx
from fenxiao.errors import InputError, OrdersError, PlanError, RateError, Reason, UnsupportedError
from fenxiao.policies import RegionAgency

TREE = fx.ReferralTree.from_mapping(
    {"boss": None, "dan": "boss", "cai": "boss", "chen": "dan", "pan": None, "shopper": "pan"}
)
PLACES = {"dan": "Nanshan", "cai": "Shenzhen", "chen": "Shenzhen", "pan": "Guangdong"}
REGIONS = {"Nanshan": "Shenzhen", "Futian": "Shenzhen", "Shenzhen": "Guangdong", "Guangdong": None}
TIERS = ["district", "city", "province"]
RATES = {"district": "5%", "city": "10%", "province": "15%"}
READY = fx.column("ready") == True  # noqa: E712  # builds a condition
STEPS = {"differential": True, "if_none": "roll_up"}


def members(places=PLACES, **columns):
    """Return everybody's region, and further columns by member; who is left out has null, True or 0."""
    records = [{"member": who, "agent_region": places.get(who)} for who in TREE.ids.tolist()]
    for name, values in columns.items():
        filler = {bool: True, int: 0}.get(type(next(iter(values.values()))))
        for record in records:
            record[name] = values.get(record["member"], filler)
    return fx.Members.from_records(records)


def agency(**more):
    """Return an agency with three tiers, shared equally, but for the changes; None takes a field away."""
    given = {"base": "paid", "split": "equal", "tiers": TIERS, "rates": RATES, "regions": REGIONS} | more
    return RegionAgency("region", **{name: value for name, value in given.items() if value is not None})


def settle(policy, *records, people=None, margin="100%", **options):
    """Settle orders of a guest for 100.00 that go to Nanshan, changed by the records."""
    rows = [
        {"order_id": number, "member": None, "region": "Nanshan", "paid": "100.00"} | record
        for number, record in enumerate(records or ({},), 1)
    ]
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate(margin, of="paid"), policies=[policy], **options)
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    facts = fx.Facts(tree=TREE, members=people or members(), orders=fx.Orders.from_records(rows))
    return fx.settle(facts, plan)


def told(run, who, order=1):
    """Return what an explanation says of a member."""
    return str(run.explain(who, order)).removeprefix("region: ")


def test_agents_of_a_guests_order():
    """A guest's order pays the agents of its region and of those above; words say how a rate is shared."""
    run = settle(agency(recruiter="1%"), {}, {"region": "Futian"})
    assert run.totals().to_dict() == {
        "boss": Decimal("2.00"), "dan": Decimal("6.00"), "cai": Decimal("10.00"), "chen": Decimal("10.00"),
        "pan": Decimal("30.00"),
    }  # fmt: skip
    assert (
        told(run, "cai") == "level 2, 5.00 of 5.00 claimed, agent of Shenzhen, city: 10%, shared with 1 other"
    )
    assert told(run, "pan") == "level 3, 15.00 of 15.00 claimed, agent of Guangdong, province: 15%"
    assert told(run, "boss").startswith("level 4, 1.00 of 1.00 claimed, recruited 1 agent of Nanshan\n")
    assert told(run, "shopper") == (
        "nothing: not an agent for this order (agent of no region, the order goes to Nanshan)"
    )
    assert told(run, "dan", 2).endswith(
        "region: nothing: not an agent for this order (agent of Nanshan, the order goes to Futian)"
    )
    assert str(run.statement("cai")).startswith("5.00: level 2 of order 1, 5 % of 100.00\n")
    assert "0.50: level 5 of order 1, 0.5 % of 100.00" in str(run.statement("boss"))
    # The province's agent has no sponsor: twice 1 % of 100.00 stays with the company.
    assert run.margin_report().breakage == 200


def test_orders_without_a_region_and_orders_that_do_not_count():
    """An order without a region pays nobody, nor does one that is not selected; both say so."""
    policy = agency(where=fx.Where(kind="retail"))
    run = settle(policy, {"region": None, "kind": "retail"}, {"kind": "points mall"}, {"kind": "retail"})
    assert told(run, "dan", 1) == "nothing: not an agent for this order (the order has no region)"
    assert told(run, "dan", 2) == told(run, "boss", 2) == "nothing: the policy does not select this order"
    assert run.totals().to_dict()["dan"] == Decimal("5.00")


def test_differential_in_words():
    """A tier gets its rate less what is paid below; without an agent it is the company's, or rolls up."""
    run = settle(agency(**STEPS), {}, {"region": "Futian"}, {"region": "Guangdong"})
    assert run.totals().to_dict() == {
        "dan": Decimal("5.00"), "cai": Decimal("7.50"), "chen": Decimal("7.50"), "pan": Decimal("25.00"),
    }  # fmt: skip
    assert told(run, "pan").endswith("agent of Guangdong, province: 15% less 10% paid below")
    assert told(run, "cai", 2).endswith("agent of Shenzhen, city: 10%, shared with 1 other")
    kept = settle(
        agency(differential=True, if_none="company"), {}, {"region": "Futian"}, {"region": "Guangdong"}
    )
    assert kept.totals().to_dict()["pan"] == Decimal("15.00")
    assert kept.margin_report().breakage == 500 + 1000


def test_a_tier_below_may_have_the_higher_rate():
    """Nobody pays back: a rate that is not above those below is nothing, and so is a rate of zero."""
    run = settle(agency(rates=RATES | {"city": "5%", "province": "0%"}, recruiter="1%", **STEPS))
    assert run.totals().to_dict() == {"boss": Decimal("1.00"), "dan": Decimal("5.00")}
    assert told(run, "cai") == (
        "level 2, nothing: paid below already (agent of Shenzhen, city: 5% less 5% paid below)"
    )
    assert told(run, "pan") == (
        "level 3, nothing: not entitled at this level (agent of Guangdong, province: 0% less 5% paid below)"
    )


@pytest.mark.parametrize(("choice", "cai", "breakage"), [("company", "5.00", 500), ("others", "10.00", 0)])
def test_agents_who_may_not_be_paid(choice, cai, breakage):
    """What they would get is the company's, or that of those who share with them; recruiters share alike."""
    people = members(ready={"chen": False})
    run = settle(agency(eligible=READY, unqualified=choice, recruiter="2%"), people=people)
    assert run.totals().to_dict()["cai"] == Decimal(cai)
    assert told(run, "chen") == (
        "level 2, nothing: not eligible (agent of Shenzhen, city: ready False is not True)"
    )
    assert run.totals().to_dict()["boss"] == Decimal("2.00") + Decimal(cai) / 5
    # The recruiter of the province's agent is missing.
    assert run.margin_report().breakage == breakage + 200


def test_recruiters_who_may_not_be_paid():
    """Their part stays with the company and is told."""
    people = members(ready={"boss": False})
    run = settle(agency(recruiter="1%", recruiter_eligible=READY), people=people)
    assert "boss" not in run.totals().to_dict()
    assert told(run, "boss").startswith(
        "level 4, nothing: not eligible (recruited 1 agent of Nanshan: ready False is not True)"
    )
    assert told(run, "dan").endswith("level 5, 0.50 of 0.50 claimed, recruited 1 agent of Shenzhen")
    assert run.margin_report().breakage == 100 + 50 + 100


def test_weights_and_a_recruiter_of_several():
    """Shares of 1 to 3; somebody who recruited both is paid for each, and told each rate."""
    tree = fx.ReferralTree.from_mapping({"boss": None, "a": "boss", "b": "boss"})
    people = fx.Members.from_records(
        [{"member": who, "agent_region": None if who == "boss" else "R", "parts": parts}
         for who, parts in {"boss": 0, "a": 1, "b": 3}.items()]
    )  # fmt: skip
    policy = RegionAgency(
        "region", base="paid", split="weights", weight_column="parts", rate="10%", recruiter="1%"
    )
    orders = fx.Orders.from_records([{"order_id": 1, "member": None, "region": "R", "paid": "100.00"}])
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("20%", of="paid"), policies=[policy])
    run = fx.settle(fx.Facts(tree=tree, members=people, orders=orders), plan)
    assert run.totals().to_dict() == {"boss": Decimal("1.00"), "a": Decimal("2.50"), "b": Decimal("7.50")}
    assert "7.50: level 1 of order 1, 7.5 % of 100.00" in str(run.statement("b"))
    words = str(run.statement("boss"))
    assert "0.25: level 2 of order 1, 0.25 % of 100.00" in words
    assert "0.75: level 2 of order 1, 0.75 % of 100.00" in words
    assert "recruited 2 agents of R" in told(run, "boss")


def test_full_rates_by_contract_and_ties_by_label():
    """In full, everybody gets his own rate; a cent that is left over goes to the first label."""
    people = members(contract={who: fx.Rate(f"{number}%") for number, who in enumerate(PLACES, 1)})
    own = agency(split="full", rates=None, rate_column="contract", tiers=None)
    run = settle(own, people=people)
    assert run.totals().to_dict() == {who: Decimal(f"{number}.00") for number, who in enumerate(PLACES, 1)}
    assert str(run.statement("cai")) == "2.00: level 2 of order 1, 2 % of 100.00"
    ladder = agency(split="exclusive", rates=None, rate_column="contract", tiers=None, **STEPS)
    alone = members(
        {"dan": "Nanshan", "cai": "Shenzhen"}, contract={"dan": fx.Rate("4%"), "cai": fx.Rate("7%")}
    )
    assert settle(ladder, people=alone).totals().to_dict() == {"dan": Decimal("4.00"), "cai": Decimal("3.00")}
    odd = settle(agency(rates=RATES | {"city": "10.01%"}), {"paid": "10.00"})
    assert (odd.payout("cai"), odd.payout("chen")) == (Decimal("0.50"), Decimal("0.50"))
    odd = settle(agency(rates=RATES | {"city": "10.1%"}), {"paid": "10.00"})
    assert (odd.payout("cai"), odd.payout("chen")) == (Decimal("0.51"), Decimal("0.50"))


def test_amounts_that_round_to_nothing_say_so():
    """An agent whose share is nothing is told whether it was rounded, or the base is nothing."""
    run = settle(agency(), {"paid": "0.01"}, {"paid": "0.00"})
    assert "rounds to nothing" in told(run, "dan")
    assert "the rate or the base is zero" in told(run, "dan", 2)


def test_recruiters_give_way_before_agents():
    """Where a margin cuts by priority, recruiters lose first, then the coarser tiers."""
    plan = {"margin": fx.Margin.rate("16%", of="paid", rule="priority")}
    rows = [{"order_id": 1, "member": None, "region": "Nanshan", "paid": "100.00"}]
    facts = fx.Facts(tree=TREE, members=members(), orders=fx.Orders.from_records(rows))
    run = fx.settle(facts, fx.Plan(currency="CNY", policies=[agency(recruiter="1%")], **plan))
    assert run.totals().to_dict() == {
        "dan": Decimal("5.00"), "cai": Decimal("5.00"), "chen": Decimal("5.00"), "pan": Decimal("1.00"),
    }  # fmt: skip


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize(("margin", "paid"), [("0.01", {"a": "0.01"}), ("10.00", {"a": "5.00", "b": "5.00"})])
@pytest.mark.parametrize("by_column", [False, True])
def test_agents_of_one_level_give_way_together(lines, margin, paid, by_column):
    """They share what is left of a margin, and the last cent goes to the first label, wherever it stands."""
    tree = fx.ReferralTree.from_mapping({"b": None, "a": None, "y": "a", "x": "b"})
    people = fx.Members.from_records(
        [{"member": who, "agent_region": place, "level": "agent", "contract": fx.Rate("10%")}
         for who, place in {"b": "city", "a": "up", "x": None, "y": None}.items()]
    )  # fmt: skip
    rate = {"rate_column": "contract"} if by_column else {"rate": "10%"}
    policy = RegionAgency("region", base="paid", split="full", tier="level", tiers=["agent"],
                          regions={"city": "up", "up": None}, **rate)  # fmt: skip
    rows = [
        {"order_id": 1, "line": line, "member": "x", "region": "city", "paid": "0.00" if line else "100.00",
         "margin": "0.00" if line else margin}
        for line in range(lines)
    ]  # fmt: skip
    facts = fx.Facts(tree=tree, members=people, orders=fx.Orders.from_records(rows))
    for rule in ("proportional", "priority"):
        plan = fx.Plan(currency="CNY", margin=fx.Margin.column("margin", rule=rule), policies=[policy])
        run = fx.settle(facts, plan)
        assert run.totals().to_dict() == {who: Decimal(amount) for who, amount in paid.items()}


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("by_column", [False, True])
@pytest.mark.parametrize(
    ("rule", "margin", "paid"), [("priority", "0.03", "abp"), ("proportional", "0.01", "p")]
)
def test_recruiters_of_one_level_give_way_by_label(lines, by_column, rule, margin, paid):
    """The cent that is left over goes to the first recruiter, whichever agent is his."""
    tree = fx.ReferralTree.from_mapping({"p": None, "q": None, "a": "q", "b": "p"})
    people = fx.Members.from_records(
        [{"member": who, "agent_region": "R" if who in "ab" else None, "contract": fx.Rate("1%")}
         for who in "abpq"]
    )  # fmt: skip
    rate = {"rate_column": "contract"} if by_column else {"rate": "1%"}
    policy = RegionAgency("region", base="paid", split="full", recruiter="10%", **rate)
    rows = [{"order_id": 1, "line": line, "member": None, "region": "R", "paid": "0.00" if line else "1.00",
             "margin": "0.00" if line else margin} for line in range(lines)]  # fmt: skip
    facts = fx.Facts(tree=tree, members=people, orders=fx.Orders.from_records(rows))
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column("margin", rule=rule), policies=[policy])
    run = fx.settle(facts, plan)
    assert run.totals().to_dict() == {who: Decimal("0.01") for who in paid}


def test_a_tier_between_without_an_agent_pays_nothing_back():
    """What is paid below is remembered past a tier that has no agent."""
    people = members({"dan": "Nanshan", "pan": "Guangdong"})
    run = settle(agency(**STEPS), people=people)
    assert run.totals().to_dict() == {"dan": Decimal("5.00"), "pan": Decimal("10.00")}


def test_quote_and_regions_that_are_numbers():
    """A checkout may ask for an order; regions of orders and members may be numbers."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    people = fx.Members.from_columns(
        {"member": ["ann", "bo"], "agent_region": [440300, 440305]}, categories=["agent_region"]
    )
    policy = RegionAgency(
        "region", base="paid", split="full", rate="2%", regions={"440305": "440300", "440300": None}
    )
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("20%", of="paid"), policies=[policy])
    orders = fx.Orders.from_records([{"order_id": 1, "member": None, "region": 440300, "paid": "50.00"}])
    facts = fx.Facts(tree=tree, members=people, orders=orders)
    assert fx.settle(facts, plan).totals().to_dict() == {"ann": Decimal("1.00")}
    asked = fx.quote(facts, plan, {"order_id": 2, "member": "bo", "region": 440305, "paid": "100.00"})
    assert asked.payouts() == {"ann": Decimal("2.00"), "bo": Decimal("2.00")}


def test_no_agents_and_no_orders():
    """Without agents nobody is paid; without orders neither."""
    run = settle(agency(recruiter="1%", **STEPS), people=members({}))
    assert run.totals().to_dict() == {}
    assert run.margin_report().breakage == 0
    flat = agency(tiers=None, rates=None, rate="5%", regions=None)
    assert settle(flat, people=members({})).totals().to_dict() == {}
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("20%", of="paid"), policies=[agency()])
    assert fx.settle(fx.Facts(tree=TREE, members=members()), plan).totals().to_dict() == {}


def test_large_bases_stay_exact():
    """A base beyond 64 bits on the way is exact all the same."""
    share = fx.Rate("1000000000000/1000000000001")
    run = settle(agency(base=fx.Base("paid") * share), {"paid": "90000000000000000.00"})
    exact = 9 * 10**18 * 10**12 // ((10**12 + 1) * 20)
    assert run.payout("dan") == Decimal(exact).scaleb(-2)


# -------------------------------------------------------------------------------------------- what is refused

REFUSED = {
    "no rates": ({"rates": None}, PlanError, "rates, rate or rate_column"),
    "two sources": ({"rate": "5%"}, PlanError, "rates, rate or rate_column"),
    "unknown split": ({"split": "half"}, PlanError, "exclusive, equal, weights, full"),
    "rates for other tiers": ({"tiers": ["district", "city"]}, PlanError, "district, city"),
    "rates without tiers": ({"tiers": None}, PlanError, "tiers=["),
    "tiers are no list": ({"tiers": "city"}, PlanError, "a list from the finest up"),
    "a tier twice": ({"tiers": ["city", "city"]}, PlanError, "a list from the finest up"),
    "a tier without a name": ({"tiers": ["city", ""]}, PlanError, "a list from the finest up"),
    "too many tiers": (
        {"tiers": [f"t{n}" for n in range(65)], "rates": None, "rate": "1%"}, PlanError, "up to 64"),
    "column of tiers without order": (
        {"tiers": None, "rates": None, "rate": "5%", "tier": "agent_tier"}, PlanError, "order"),
    "tiers of nothing": ({"regions": None}, PlanError, "tier, or regions"),
    "regions no table": ({"regions": ["Shenzhen"]}, PlanError, "not a table"),
    "region in a number": ({"regions": {"Shenzhen": 44}}, PlanError, "text, or None"),
    "a parent that is not listed": ({"regions": {"Shenzhen": "Guangdong"}}, PlanError, "'Guangdong'"),
    "a circle": ({"regions": {"x": "a", "a": "b", "b": "a"}}, PlanError, "circle, got ['a', 'b']"),
    "in itself": ({"regions": {"a": "a"}}, PlanError, "circle, got ['a']"),
    "too many layers": (
        {"regions": {"0": None} | {str(n): str(n - 1) for n in range(1, 65)}}, PlanError, "64 layers"),
    "differential without a choice": ({"differential": True}, PlanError, "needs if_none"),
    "a choice without a differential": ({"if_none": "company"}, PlanError, "if_none without"),
    "unknown choice": ({"differential": True, "if_none": "stop"}, PlanError, "company, roll_up"),
    "eligible without a choice": ({"eligible": READY}, PlanError, "needs unqualified"),
    "unqualified without eligible": ({"unqualified": "others"}, PlanError, "unqualified without"),
    "weights without a column": ({"split": "weights"}, PlanError, "needs weight_column"),
    "a column without weights": ({"weight_column": "parts"}, PlanError, "weight_column without"),
    "condition without recruiter": ({"recruiter_eligible": READY}, PlanError, "without recruiter"),
    "differences of one rate": ({"rates": None, "rate": "5%", **STEPS}, PlanError, "no difference"),
    "own rates that are shared": ({"rates": None, "rate_column": "c"}, UnsupportedError, "exclusive, full"),
    "differences of several own rates": (
        {"rates": None, "rate_column": "c", "split": "full", **STEPS}, UnsupportedError, "roll_up"),
    "own rates of nobody": (
        {"rates": None, "rate_column": "c", "split": "exclusive", "differential": True, "if_none": "company"},
        UnsupportedError, "roll_up"),
    "float": ({"recruiter": 0.01}, RateError, "as text"),
    "negative": ({"rates": RATES | {"city": "-1%"}}, RateError, "negative"),
    "rate above 100": ({"rates": RATES | {"city": "101%"}}, RateError, "above_100"),
    "recruiter above 100": ({"recruiter": "101%"}, RateError, "above_100"),
    "no name of a column": ({"agent_of": ""}, PlanError, "empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_at_once(name):
    """A policy that cannot be meant is refused when it is written, with what would be accepted."""
    changes, kind, words = REFUSED[name]
    with pytest.raises(fx.FenxiaoError) as caught:
        agency(**changes)
    assert type(caught.value) is kind
    assert words in str(caught.value)


def test_split_and_base_are_always_written():
    """An agency without a split or a base is none."""
    with pytest.raises(TypeError, match="split"):
        RegionAgency("region", base="paid", rate="5%")
    with pytest.raises(TypeError, match="base"):
        RegionAgency("region", split="full", rate="5%")


ALONE = {"split": "exclusive"}
BY_COLUMN = {"tier": "agent_tier", "tiers": TIERS}
OWN = {"rates": None, "tiers": None, "rate_column": "contract", "split": "full"}
CITY = dict.fromkeys(PLACES, "city")
BAD_WEIGHTS = {"split": "weights", "weight_column": "parts"}
UNFIT = {
    "agents of strange regions": (
        {}, members({"dan": "Mars", "cai": "Moon", "pan": "Guangdong"}), PlanError,
        "2 agents of regions that policy 'region' does not have, got ['Mars', 'Moon']", ("cai", "dan")),
    "two where one is meant": (
        ALONE, members(), PlanError, "2 agents who are not alone in their region and tier, got ['Shenzhen']",
        ("cai", "chen")),
    "one tier in nested regions": (
        BY_COLUMN, members({"dan": "Nanshan", "pan": "Guangdong"}, agent_tier=CITY), PlanError,
        "one tier in 1 regions and in regions that these lie in, got ['Nanshan']", ("dan",)),
    "agents below the finest tier": (
        {"tiers": ["city", "province"], "rates": {"city": "5%", "province": "5%"}}, members(), PlanError,
        "1 agents below the finest tier", ("dan",)),
    "agents of a strange tier": (
        BY_COLUMN, members({"dan": "Nanshan"}, agent_tier={"dan": "town"}), PlanError, "['town']", ("dan",)),
    "agents without a tier": (
        BY_COLUMN, members({"dan": "Nanshan"}, agent_tier={"pan": "city"}), PlanError, "without a tier",
        ("dan",)),
    "regions are numbers": ({}, members(dict.fromkeys(TREE.ids.tolist(), 7)), PlanError, "categories=", ()),
    "rates are missing": (
        OWN, members(contract={"dan": fx.Rate("1%")}), PlanError, "a rate for every agent", ()),
    "rates are text": (OWN, members(contract=dict.fromkeys(PLACES, "1%")), PlanError, "for every agent", ()),
    "own rates above 100": (
        OWN, members(contract=dict.fromkeys(PLACES, fx.Rate("101%"))), RateError, "above_100", ()),
    "weights are text": (BAD_WEIGHTS, members(parts=CITY), PlanError, "whole numbers", ()),
    "weights are missing": (
        BAD_WEIGHTS, members(parts={"dan": 1, "cai": 2, "chen": -1}), PlanError,
        "no weight for 2 agents; allowed: 1 to 1000000000", ("chen", "pan")),
    "no such column": ({"agent_of": "place"}, members(), InputError, "'place'", ()),
}  # fmt: skip


@pytest.mark.parametrize("name", UNFIT)
def test_refused_with_the_facts(name):
    """Members that do not fit are refused by their number; who they are is on the error alone."""
    changes, people, kind, words, labels = UNFIT[name]
    with pytest.raises(fx.FenxiaoError) as caught:
        settle(agency(**changes), people=people)
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert caught.value.labels == labels
    assert not any(who in str(caught.value) for who in ("dan", "cai", "chen"))


def test_orders_of_regions_that_there_are_not():
    """Lines and regions are named, whatever the block; lines that do not count are not looked at."""
    records = [{"region": f"X{number % 7}", "kind": "retail"} for number in range(9)]
    records += [{"kind": "retail"}, {"region": "Y", "kind": "other"}]
    with pytest.raises(OrdersError) as caught:
        settle(agency(where=fx.Where(kind="retail")), *records)
    assert str(caught.value).startswith(
        "orders column 'region': names regions that policy 'region' does not have on 9 lines, "
        "got ['X0', 'X1', 'X2', 'X3', 'X4'] (rows 0, 1, 2, 3, 4 and 4 more)"
    )
    assert caught.value.rows == tuple(range(9))
    with pytest.raises(OrdersError, match="on 10 lines"):
        settle(agency(), *records)
    alone = settle(agency(tiers=None, rates=None, rate="5%", regions=None), *records[:1])
    assert alone.totals().to_dict() == {}
    assert told(alone, "dan") == (
        "nothing: not an agent for this order (agent of Nanshan, the order goes to X0)"
    )


def test_orders_without_the_column():
    """Orders that do not say where they go are refused."""
    orders = fx.Orders.from_records([{"order_id": 1, "member": "boss", "paid": "1.00"}])
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("20%", of="paid"), policies=[agency()])
    with pytest.raises(OrdersError, match="region"):
        fx.settle(fx.Facts(tree=TREE, members=members(), orders=orders), plan)


@pytest.mark.parametrize(("count", "fine"), [(64, True), (65, False)])
def test_at_most_64_agents_of_an_order(count, fine):
    """More agents than that are a pool and no agency."""
    names = [f"a{number:02d}" for number in range(count)]
    tree = fx.ReferralTree.from_mapping(dict.fromkeys(names))
    regions = {"up": None, "down": "up", "beside": "up"}
    places = ["up", "down"] * (count // 2) + ["up"] * (count % 2)
    people = fx.Members.from_columns({"member": names, "agent_region": places})
    orders = fx.Orders.from_records([{"order_id": 1, "member": None, "region": "down", "paid": "100.00"}])
    policy = RegionAgency("region", base="paid", split="full", rate="1%", regions=regions)
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("100%", of="paid"), policies=[policy])
    facts = fx.Facts(tree=tree, members=people, orders=orders)
    if fine:
        assert fx.settle(facts, plan).totals().to_dict() == dict.fromkeys(names, Decimal("1.00"))
        return
    with pytest.raises(
        UnsupportedError, match=r"too many agents for one order, got 65; allowed: up to 64\. .*pool"
    ):
        fx.settle(facts, plan)


def test_what_it_reads():
    """Columns and measures are told; measures and first orders make it depend on more than an order."""
    active = fx.own("paid") >= "1.00"
    policy = agency(
        tier="agent_tier", split="weights", weight_column="parts", eligible=READY, unqualified="others",
        recruiter="1%", recruiter_eligible=active, where=fx.Where(first_order=True),
    )  # fmt: skip
    assert policy.member_columns() == ("ready", "agent_region", "agent_tier", "parts")
    assert len(policy.measures()) == 1
    assert [reason.split(": ")[0] for reason in policy.not_local()] == ["policy 'region'"] * 2
    assert agency().not_local() == () == agency().measures()
    assert agency(**OWN).member_columns() == ("agent_region", "contract")


def test_reason_of_everybody_else():
    """Whoever is no agent is told so, also below the buyer."""
    run = settle(agency(), {"member": "shopper"})
    assert [verdict.reason for verdict in run.explain("shopper", 1).verdicts] == [Reason.NOT_AGENT]
    assert [verdict.reason for verdict in run.explain("boss", 1).verdicts] == [Reason.NOT_AGENT]
