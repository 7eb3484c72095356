"""The engine's twin against numbers worked out by hand, and against the laws of the engine."""

from __future__ import annotations

from fractions import Fraction as F
from math import factorial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.engine import SlowRejectedError, all_forests, climb, ration, settle_slowly
from tests.oracles.engine_facts import LATE_SCOPES, ORDER_SCOPES, PAYEE_SCOPES, TOPIC_SCOPES
from tests.oracles.engine_levels import level_claims
from tests.oracles.engine_rules import base_value, ration_exact, round_to

PAID = [("paid", F(1), 2)]
CHAIN = {"ann": None, "bo": "ann", "cai": "bo", "dee": "cai", "eve": "dee"}
"""eve was referred by dee, dee by cai, cai by bo, bo by ann."""


def order(order_id=1, line=0, member="eve", buyer=None, **columns):
    """Write one order line of 100.00 unless told otherwise."""
    return {"order_id": order_id, "line": line, "member": member, "buyer": buyer, "paid": 10_000} | columns


def level(name="referral", **fields):
    """Write a level commission of 10, 5 and 2 percent of the paid amount unless told otherwise."""
    rates = {} if fields.keys() & {"by_rank", "by_length"} else {"rates": [F(10, 100), F(5, 100), F(2, 100)]}
    return {"kind": "level", "name": name, "base": PAID, "if_not": "company"} | rates | fields


def arbitrary(name, claims, stage=1):
    """Write a policy that claims what it is told to."""
    return {"kind": "arbitrary", "name": name, "stage": stage, "claims": claims}


def plan_of(*policies, margin="margin", **fields):
    """Write a plan whose margin is a column."""
    return {"margin": {"kind": "column", "name": margin}, "policies": list(policies)} | fields


def steps(policy, parents=CHAIN, members=None, **columns):
    """Claims of one order line as {level: (payee, amount)}."""
    members = {label: {} for label in parents} if members is None else members
    claims = level_claims(policy, parents, [order(**columns)], members)
    return {level: (payee, amount) for _, _, payee, level, amount in claims}


def pay(result):
    """Read what each payee was left with inside the orders, by (order, line, policy, level, payee)."""
    names = ("order_id", "line", "policy", "level", "payee")
    return {tuple(line[name] for name in names): line["after_order_scope"] for line in result.lines}


def pay_of(result):
    """Add up what each payee was left with inside the orders, in all."""
    total = {}
    for line in result.lines:
        total[line["payee"]] = total.get(line["payee"], 0) + line["after_order_scope"]
    return total


# ------------------------------------------------------------ forests, rounding, bases


def test_climb_lists_the_member_and_his_upline():
    """Climbing starts with the member himself and ends at his root."""
    assert climb(CHAIN, "cai") == ["cai", "bo", "ann"]
    assert climb(CHAIN, "ann") == ["ann"]


@pytest.mark.parametrize(("parents", "member"), [({1: 2, 2: 1}, 1), ({1: 1}, 1), ({1: 7}, 1), ({1: None}, 2)])
def test_climb_refuses_cycles_and_strangers(parents, member):
    """A cycle or an unknown label is refused instead of climbed for ever."""
    with pytest.raises(ValueError, match=r"cycle|unknown"):
        climb(parents, member)


@pytest.mark.parametrize("n", range(7))
def test_all_forests_yields_every_parent_assignment_once(n):
    """There are n! forests whose parents come first, all different."""
    forests = [tuple(forest.items()) for forest in all_forests(n)]
    assert len(forests) == len(set(forests)) == factorial(n)
    assert all(parent is None or parent < member for forest in forests for member, parent in forest)


@pytest.mark.parametrize(
    ("value", "rounding", "expected"),
    [
        (F(5, 2), "floor", 2),
        (F(5, 2), "ceiling", 3),
        (F(5, 2), "half_up", 3),
        (F(5, 2), "half_even", 2),
        (F(7, 2), "half_even", 4),
        (F(-5, 2), "floor", -3),
        (F(-5, 2), "half_up", -2),
        (F(-5, 2), "half_even", -2),
        (F(249, 100), "half_up", 2),
        (F(251, 100), "half_even", 3),
        (3, "ceiling", 3),
        (F(1249), ("floor", 100), 1200),
        (F(1250), ("half_up", 100), 1300),
        (F(1250), ("half_even", 100), 1200),
        (F(1201), ("ceiling", 100), 1300),
    ],
)
def test_rounding_modes_and_steps(value, rounding, expected):
    """Each mode rounds to a multiple of its step, ties as the mode says."""
    assert round_to(value, rounding) == expected


@pytest.mark.parametrize(
    ("base", "decimals", "expected"),
    [
        ([("paid", 1, 2), ("tax", -1, 2)], 2, 9_000),
        ([("tax", 1, 2), ("paid", -1, 2)], 2, 0),
        ([("pv", F(1), 0)], 2, 700),
        ([("pv", F(40, 100), 3)], 2, F(28, 100)),
        ([("pv", F(1), 0)], 0, 7),
        ([("quantity", F(1, 3), 0)], 2, F(100)),
        ([], 2, 0),
    ],
)
def test_base_is_an_exact_sum_of_columns(base, decimals, expected):
    """A volume unit counts as one currency unit, nothing is rounded, and below zero is zero."""
    assert base_value(base, order(tax=1_000, pv=7, quantity=3), decimals) == expected


# ------------------------------------------------------------ claims rules


@pytest.mark.parametrize(
    ("limit", "rule", "expected"),
    [
        (100, "proportional", [F(50, 3), F(100, 3), 50]),
        (100, "equal_awards", [F(100, 3)] * 3),
        (100, "equal_losses", [0, 0, 100]),
        (100, "talmud", [F(100, 3)] * 3),
        (200, "equal_awards", [F(200, 3)] * 3),
        (200, "equal_losses", [0, 50, 150]),
        (200, "talmud", [50, 75, 75]),
        (300, "proportional", [50, 100, 150]),
        (300, "equal_awards", [100, 100, 100]),
        (300, "equal_losses", [0, 100, 200]),
        (300, "talmud", [50, 100, 150]),
        (400, "proportional", [F(200, 3), F(400, 3), 200]),
        (400, "equal_awards", [100, 150, 150]),
        (400, "equal_losses", [F(100, 3), F(400, 3), F(700, 3)]),
        (400, "talmud", [50, 125, 225]),
        (600, "talmud", [100, 200, 300]),
        (700, "equal_losses", [100, 200, 300]),
        (0, "equal_losses", [0, 0, 0]),
    ],
)
def test_exact_rules_on_one_two_three_hundred(limit, rule, expected):
    """The rules give the textbook awards for claims of 100, 200 and 300."""
    assert ration_exact([100, 200, 300], limit, rule) == expected


def test_priority_serves_whole_classes_first():
    """The class that is cut shares in proportion; the later ones get nothing."""
    assert ration_exact([10, 30, 20, 5], 40, "priority", [0, 1, 1, 2]) == [10, 18, 12, 0]


@pytest.mark.parametrize(
    ("claims", "limit", "rule", "leftover", "expected"),
    [
        ([101, 101, 101], 200, "proportional", "largest_remainder", [67, 67, 66]),
        ([101, 101, 101], 200, "proportional", "floor", [66, 66, 66]),
        ([12_000, 8_000, 5_000], 19_999, "proportional", "largest_remainder", [9_599, 6_400, 4_000]),
        ([50, 60], 200, "proportional", "largest_remainder", [50, 60]),
        ([1, 3, 3], 3, "proportional", "largest_remainder", [1, 1, 1]),
        ([1, 3, 3], 4, "proportional", "largest_remainder", [0, 2, 2]),
        ([5, 5, 5], 7, "equal_awards", "largest_remainder", [3, 2, 2]),
        ([5, 5, 5], 7, "equal_losses", "floor", [2, 2, 2]),
        ([1, 1], 1, "talmud", "largest_remainder", [1, 0]),
        ([0, 0], 0, "talmud", "largest_remainder", [0, 0]),
        ([], 0, "equal_awards", "largest_remainder", []),
    ],
)
def test_whole_units_go_by_largest_remainder(claims, limit, rule, leftover, expected):
    """Floors first, then one unit each by largest remainder, ties to the earlier claim."""
    assert ration(claims, limit, rule, leftover) == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 40), max_size=6),
    st.integers(0, 100),
    st.sampled_from(["proportional", "priority", "equal_awards", "equal_losses", "talmud"]),
)
def test_rules_stay_inside_claims_and_limit(claims, limit, rule):
    """Awards lie between zero and the claim and sum to the limit or to the claims."""
    classes = [position // 2 for position in range(len(claims))]
    awards = ration(claims, limit, rule, "largest_remainder", classes)
    assert all(0 <= award <= claim for award, claim in zip(awards, claims, strict=True))
    assert sum(awards) == min(limit, sum(claims))
    floors = ration(claims, limit, rule, "floor", classes)
    assert all(0 <= award - less <= 1 for award, less in zip(awards, floors, strict=True))


# ------------------------------------------------------------ level commission

NO_CAI = {label: {"active": label != "cai"} for label in CHAIN}
ACTIVE = {"eligible": lambda member: member["active"]}


@pytest.mark.parametrize(
    ("if_not", "expected"),
    [
        ("company", {1: ("dee", 1_000), 3: ("bo", 200)}),
        ("stop", {1: ("dee", 1_000)}),
        ("last_payee", {1: ("dee", 1_000), 2: ("dee", 500), 3: ("bo", 200)}),
        ("roll_up", {1: ("dee", 1_000), 2: ("bo", 500), 3: ("ann", 200)}),
    ],
)
def test_who_is_paid_when_the_second_hop_is_not_qualified(if_not, expected):
    """Company keeps level 2, stop ends there, the last payee takes it, or it rolls up."""
    assert steps(level(if_not=if_not, **ACTIVE), members=NO_CAI) == expected


@pytest.mark.parametrize(
    ("if_not", "expected"),
    [
        ("company", {1: ("ann", 1_000)}),
        ("stop", {1: ("ann", 1_000)}),
        ("last_payee", {1: ("ann", 1_000), 2: ("ann", 500), 3: ("ann", 200)}),
        ("roll_up", {1: ("ann", 1_000)}),
    ],
)
def test_who_is_paid_above_the_root(if_not, expected):
    """Above the root nobody stands in except the last payee."""
    assert steps(level(if_not=if_not), member="bo") == expected


@pytest.mark.parametrize("if_not", ["company", "stop", "last_payee", "roll_up"])
def test_a_root_and_a_guest_pay_nobody(if_not):
    """An order of a root has no upline and a guest's order has no member."""
    assert steps(level(if_not=if_not), member="ann") == {}
    assert steps(level(if_not=if_not), member=None) == {}


@pytest.mark.parametrize(
    ("start", "if_not", "expected"),
    [
        (0, "company", {0: ("eve", 1_000), 1: ("dee", 500), 2: ("cai", 200)}),
        (0, "roll_up", {0: ("eve", 1_000), 1: ("dee", 500), 2: ("cai", 200)}),
        (3, "company", {3: ("bo", 1_000), 4: ("ann", 500)}),
        (3, "roll_up", {3: ("bo", 1_000), 4: ("ann", 500)}),
        (9, "roll_up", {}),
        (9, "last_payee", {}),
    ],
)
def test_levels_count_from_the_start_level(start, if_not, expected):
    """Level 0 is the credited member; the first rate belongs to the start level."""
    assert steps(level(start_level=start, if_not=if_not)) == expected


RANKS = {"eve": "low", "dee": "low", "cai": "mid", "bo": "none", "ann": "top"}
RANKED = {label: {"rank": rank} for label, rank in RANKS.items()}
BY_RANK = {
    "none": [],
    "low": [F(1, 100)],
    "mid": [F(2, 100), F(3, 100)],
    "top": [F(4, 100), F(5, 100), F(6, 100), F(7, 100)],
}


@pytest.mark.parametrize(
    ("if_not", "expected"),
    [
        ("company", {1: ("dee", 100), 2: ("cai", 300), 4: ("ann", 700)}),
        ("stop", {1: ("dee", 100), 2: ("cai", 300)}),
        # Cai stands in at level 3, where his own row has no entry: the company keeps it.
        ("last_payee", {1: ("dee", 100), 2: ("cai", 300), 4: ("ann", 700)}),
        ("roll_up", {1: ("dee", 100), 2: ("cai", 300), 3: ("ann", 600)}),
    ],
)
def test_a_rank_is_qualified_as_far_as_its_row_goes(if_not, expected):
    """Each payee is paid from the row of his own rank, and beyond it he is not entitled."""
    assert steps(level(by_rank=BY_RANK, if_not=if_not), members=RANKED) == expected


def test_roll_up_passes_over_a_rank_whose_row_ends_before_the_step():
    """At step 1 a row of one entry is passed over for the next longer row."""
    members = RANKED | {"cai": {"rank": "low"}, "bo": {"rank": "mid"}}
    policy = level(by_rank=BY_RANK, if_not="roll_up")
    assert steps(policy, members=members) == {1: ("dee", 100), 2: ("bo", 300), 3: ("ann", 600)}


def test_a_rank_absent_from_the_table_is_refused_wherever_it_is():
    """The rank of a member whom no order touches must be in the table as well."""
    members = RANKED | {"eve": {"rank": "unheard of"}}
    with pytest.raises(ValueError, match="absent"):
        steps(level(by_rank=BY_RANK), members=members, member="bo")


BY_LENGTH = {1: [F(17, 100)], 2: [F(10, 100), F(7, 100)], 3: [F(8, 100), F(5, 100), F(4, 100)]}


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("bo", {1: ("ann", 1_700)}),
        ("cai", {1: ("bo", 1_000), 2: ("ann", 700)}),
        ("dee", {1: ("cai", 800), 2: ("bo", 500), 3: ("ann", 400)}),
        ("eve", {1: ("dee", 800), 2: ("cai", 500), 3: ("bo", 400)}),
    ],
)
def test_the_row_of_a_length_is_chosen_by_the_number_of_payees(member, expected):
    """A short chain is paid from its own row."""
    assert steps(level(by_length=BY_LENGTH), member=member) == expected


def test_a_step_beyond_the_row_of_its_length_pays_nothing():
    """Two payees at steps 1 and 3 use the row of length 2, which has no third entry."""
    assert steps(level(by_length=BY_LENGTH, **ACTIVE), members=NO_CAI) == {1: ("dee", 1_000)}


def test_product_stands_over_category_over_default():
    """Exactly one schedule applies, and it may be shorter or longer than the default."""
    policy = level(
        by_product={"tea": [F(1, 100)]}, by_category={"food": [F(2, 100)] * 4, "none": []}, rates=[F(9, 100)]
    )
    assert steps(policy, product="tea", category="food") == {1: ("dee", 100)}
    assert steps(policy, product="jam", category="food") == {
        k: (payee, 200) for k, payee in enumerate(["dee", "cai", "bo", "ann"], start=1)
    }
    assert steps(policy, product="jam", category="toys") == {1: ("dee", 900)}
    assert steps(policy, product=None, category="none") == {}


def test_fixed_money_is_paid_per_unit():
    """Fixed money is multiplied by the quantity, and a missing quantity is one."""
    policy = level(rates=[("fixed", 88), F(5, 100)])
    assert steps(policy, quantity=3) == {1: ("dee", 264), 2: ("cai", 500)}
    assert steps(policy) == {1: ("dee", 88), 2: ("cai", 500)}
    assert steps(policy, quantity=0) == {1: ("dee", 0), 2: ("cai", 500)}


@pytest.mark.parametrize(
    ("if_not", "self_purchase", "expected"),
    [
        ("company", "pay", {1: ("dee", 1_000), 2: ("cai", 500), 3: ("bo", 200)}),
        ("company", "skip", {1: ("dee", 1_000), 3: ("bo", 200)}),
        ("stop", "skip", {1: ("dee", 1_000)}),
        ("last_payee", "skip", {1: ("dee", 1_000), 2: ("dee", 500), 3: ("bo", 200)}),
        ("roll_up", "skip", {1: ("dee", 1_000), 2: ("bo", 500), 3: ("ann", 200)}),
        ("company", "stop", {1: ("dee", 1_000)}),
        ("last_payee", "stop", {1: ("dee", 1_000)}),
        ("roll_up", "stop", {1: ("dee", 1_000)}),
    ],
)
def test_self_purchase_of_the_second_hop(if_not, self_purchase, expected):
    """A buyer who would be paid on level 2 is paid, passed over, or ends the walk."""
    assert steps(level(if_not=if_not, self_purchase=self_purchase), buyer="cai") == expected


def test_a_buyer_who_is_not_qualified_does_not_end_the_walk():
    """Self-purchase stop looks only at who would be the payee."""
    policy = level(if_not="roll_up", self_purchase="stop", **ACTIVE)
    expected = {1: ("dee", 1_000), 2: ("bo", 500), 3: ("ann", 200)}
    assert steps(policy, members=NO_CAI, buyer="cai") == expected


def test_where_selects_lines_and_rounding_is_once_per_line():
    """Only selected lines claim, and each claim is rounded by the policy's mode."""
    policy = level(rates=[F(1, 3)], rounding="half_up", where=lambda line: line["paid"] < 100)
    assert steps(policy, paid=50) == {1: ("dee", 17)}
    assert steps(policy, paid=49) == {1: ("dee", 16)}
    assert steps(policy, paid=100) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"rates": [F(1)], "by_rank": BY_RANK},
        {"by_length": {1: [F(1)], 3: [F(1)] * 3}},
        {"by_length": {1: [F(1)], 2: [F(1)] * 3}},
        {"by_length": {1: [F(1)]}, "by_product": {"tea": [F(1)]}},
        {"if_not": "else"},
    ],
)
def test_level_policies_that_would_be_a_guess_are_refused(fields):
    """Two schedules, gaps in lengths and unknown words are refused."""
    with pytest.raises(ValueError, match=r"exactly|beside|unknown"):
        steps(level(**fields), members=RANKED)


def test_self_purchase_needs_the_buyer_column():
    """Skip and stop cannot be told without buyers."""
    line = order()
    del line["buyer"]
    with pytest.raises(ValueError, match="buyer"):
        level_claims(level(self_purchase="skip"), CHAIN, [line], {})


# ------------------------------------------------------------ the guard inside an order


def test_the_example_of_the_front_page():
    """Ten and five percent of 100.00 fit into a margin of 25 percent; 10.00 is handed over and kept."""
    plan = {
        "margin": {"kind": "rate", "rate": F(1, 4), "of": PAID},
        "policies": [level(rates=[F(10, 100), F(5, 100)])],
    }
    result = settle_slowly({"ann": None, "bo": "ann", "cai": "bo"}, [order(member="cai")], plan)
    assert pay(result) == {(1, 0, "referral", 1, "bo"): 1_000, (1, 0, "referral", 2, "ann"): 500}
    assert result.orders == {1: {"margin": 2_500, "budget": 2_500, "pay": 1_500, "handed": 1_000}}
    assert result.allowed == {("referral", "bo"): 1_000, ("referral", "ann"): 500}
    assert (result.order_pay, result.period_pay, result.handed, result.kept) == (1_500, 0, 1_000, 1_000)
    assert result.cuts == []
    assert (result.put_off, result.waiting, result.released) == ([], [], {})


THREE = arbitrary("a", [(1, 0, "cai", 3, 101), (1, 0, "bo", 2, 101), (1, 0, "ann", 1, 101)])


def test_the_order_margin_cuts_by_largest_remainder_in_tie_order():
    """Three claims of 1.01 share 2.00: the two nearer levels get the odd cents."""
    result = settle_slowly(CHAIN, [order(margin=200)], plan_of(THREE))
    assert pay_of(result) == {"ann": 67, "bo": 67, "cai": 66}
    assert result.cuts == [("order margin", 1, 103)]
    assert [line["cuts"] for line in result.lines] == [
        {"order margin": 34},
        {"order margin": 34},
        {"order margin": 35},
    ]
    assert result.claimed_by_payee == {"ann": 101, "bo": 101, "cai": 101}
    assert result.allowed_by_payee == {"ann": 67, "bo": 67, "cai": 66}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"leftover": "floor"}, {"ann": 66, "bo": 66, "cai": 66}),
        ({"rule": "priority"}, {"ann": 101, "bo": 99, "cai": 0}),
        ({"rule": "equal_losses"}, {"ann": 67, "bo": 67, "cai": 66}),
        ({"rule": "talmud"}, {"ann": 67, "bo": 67, "cai": 66}),
    ],
)
def test_the_order_margin_follows_the_rule_of_the_plan(fields, expected):
    """The plan's rule and leftover decide who gives way."""
    assert pay_of(settle_slowly(CHAIN, [order(margin=200)], plan_of(THREE, **fields))) == expected


def test_ties_go_by_policy_then_level_then_line_then_label():
    """With one cent to share among equals, the first in the documented order gets it."""
    claims = [(1, 1, "ann", 1, 1), (1, 0, "dee", 1, 1), (1, 0, "bo", 1, 1), (1, 0, "ann", 2, 1)]
    lines = [order(line=0, margin=1), order(line=1, margin=0)]
    for first, winner in (("a", (1, 0, "a", 1, "bo")), ("z", (1, 0, "z", 1, "bo"))):
        other = "z" if first == "a" else "a"
        result = settle_slowly(CHAIN, lines, plan_of(arbitrary(first, claims), arbitrary(other, claims)))
        assert [key for key, amount in pay(result).items() if amount] == [winner]


def test_a_loss_making_order_pays_nothing_and_lines_net_inside_an_order():
    """A budget is the sum of the line margins, or nothing."""
    lines = [order(1, 0, margin=500), order(1, 1, margin=-300), order(2, margin=-1)]
    policy = arbitrary("a", [(1, 0, "ann", 1, 900), (2, 0, "ann", 1, 900)])
    result = settle_slowly(CHAIN, lines, plan_of(policy))
    assert pay(result) == {(1, 0, "a", 1, "ann"): 200, (2, 0, "a", 1, "ann"): 0}
    assert result.orders[1] == {"margin": 200, "budget": 200, "pay": 200, "handed": 0}
    assert result.orders[2] == {"margin": -1, "budget": 0, "pay": 0, "handed": 0}


def test_the_line_guard_comes_before_the_order_margin():
    """A line may not pay more than its own margin, and then the order's budget binds."""
    lines = [order(1, 0, margin=500), order(1, 1, margin=-300), order(1, 2, margin=40)]
    claims = [(1, 0, "ann", 1, 200), (1, 1, "bo", 1, 100), (1, 2, "cai", 1, 100)]
    result = settle_slowly(CHAIN, lines, plan_of(arbitrary("a", claims), guard="line"))
    # 200 of 500, 0 of -300, 40 of 40; together 240 in a budget of 240.
    assert pay_of(result) == {"ann": 200, "bo": 0, "cai": 40}
    assert result.cuts == [("line margin", (1, 1), 100), ("line margin", (1, 2), 60)]


def test_the_line_guard_comes_before_product_caps():
    """A line of margin 0 leaves the whole product cap to the other line."""
    lines = [order(1, 0, margin=500, product="tea"), order(1, 1, margin=0, product="tea")]
    policy = arbitrary("a", [(1, 0, "ann", 1, 100), (1, 1, "bo", 1, 100)])
    result = settle_slowly(
        CHAIN, lines, plan_of(policy, guard="line", caps=[cap("order_product", 150, "tea cap")])
    )
    assert pay_of(result) == {"ann": 100, "bo": 0}
    assert result.cuts == [("line margin", (1, 1), 100)]


def test_a_claim_of_nothing_makes_no_line():
    """Zero claims are dropped, in orders and in periods."""
    plan = plan_of(arbitrary("a", [(1, 0, "ann", 1, 0), (1, 0, "bo", 1, 1)]), POOL)
    claims = [{"policy": "pool", "payee": "cai", "amount": 0}]
    result = settle_slowly(CHAIN, [order(margin=9)], plan, period_claims=claims)
    assert list(pay(result)) == [(1, 0, "a", 1, "bo")]
    assert result.allowed == {("a", "bo"): 1}


def test_later_stages_get_what_earlier_ones_left():
    """Stage 1 is served whole; stage 2 shares the rest of the order's budget."""
    plan = plan_of(
        arbitrary("late", [(1, 0, "ann", 1, 60), (1, 0, "bo", 2, 30)], stage=2),
        arbitrary("early", [(1, 0, "cai", 1, 70)], stage=1),
    )
    result = settle_slowly(CHAIN, [order(margin=100)], plan)
    assert pay_of(result) == {"cai": 70, "ann": 20, "bo": 10}
    assert result.cuts == [("order margin", 1, 60)]


def cap(scope, limit, name="cap", **fields):
    """Write one cap; a bare integer is a limit in money."""
    return {
        "name": name,
        "scope": scope,
        "limit": ("money", limit) if isinstance(limit, int) else limit,
    } | fields


TWO_LINES = [
    order(1, 0, paid=1_000, product="tea", margin=9_000, most=50),
    order(1, 1, paid=3_000, product="jam", margin=9_000, most=70),
]
TWO_POLICIES = (
    arbitrary("a", [(1, 0, "ann", 1, 100), (1, 1, "ann", 1, 100)]),
    arbitrary("b", [(1, 0, "bo", 1, 300)]),
)


@pytest.mark.parametrize(
    ("its_cap", "expected", "cuts"),
    [
        # Line 0 claims 100 + 300 and line 1 claims 100.
        (cap("line", 200), (50, 100, 150), [((1, 0), 200)]),
        (cap("line", ("rate", F(1, 20), PAID)), (13, 100, 37), [((1, 0), 350)]),
        (cap("line", ("column", "most")), (13, 70, 37), [((1, 0), 350), ((1, 1), 30)]),
        (cap("order_product", ("rate", F(1, 10), PAID)), (25, 100, 75), [((1, "tea"), 300)]),
        (cap("order_policy", ("rate", F(1, 25), PAID)), (80, 80, 160), [((1, "a"), 40), ((1, "b"), 140)]),
        (cap("order_policy", 150, on=["b"]), (100, 100, 150), [((1, "b"), 150)]),
        (cap("order", ("column", "most")), (24, 24, 72), [(1, 380)]),
        (cap("order", 250, on=["b"]), (100, 100, 250), [(1, 50)]),
        (cap("order", 250, on=["b"], counting=["a", "b"]), (100, 100, 50), [(1, 250)]),
        (cap("order", 150, on=["b"], counting=["a"]), (100, 100, 0), [(1, 300)]),
        (cap("order", 250, rule="priority"), (100, 100, 50), [(1, 250)]),
        (cap("order", 250, rule="equal_awards"), (84, 83, 83), [(1, 250)]),
        (cap("order", 500), (100, 100, 300), []),
        (cap("order", 500, rule="reject"), (100, 100, 300), []),
    ],
)
def test_caps_inside_an_order(its_cap, expected, cuts):
    """Each cap cuts its own groups, within its own limit, and a limit just reached is allowed."""
    result = settle_slowly(CHAIN, TWO_LINES, plan_of(*TWO_POLICIES, caps=[its_cap]))
    got = pay(result)
    assert (got[1, 0, "a", 1, "ann"], got[1, 1, "a", 1, "ann"], got[1, 0, "b", 1, "bo"]) == expected
    assert result.cuts == [("cap", group, amount) for group, amount in cuts]


def test_the_sequence_inside_an_order_does_not_depend_on_the_order_of_the_caps():
    """Line caps come first, then product, policy, order caps and the margin, whatever the plan's order."""
    caps = [
        cap("order", 190, "order"),
        cap("order_policy", 150, "policy"),
        cap("order_product", 300, "product"),
        cap("line", 320, "line"),
    ]
    lines = [line | {"margin": 90} for line in TWO_LINES]
    result = settle_slowly(CHAIN, lines, plan_of(*TWO_POLICIES, caps=caps))
    # Line 0: 100 + 300 to 80 + 240. Tea: 320 to 75 + 225. Policy a: 75 + 100 to 64 + 86; b: 225 to 150.
    # Order: 64 + 86 + 150 = 300 to 190: 40.53, 54.47, 95. Margin 180: 41, 54, 95 to 38.8, 51.2, 90.
    assert [name for name, _, _ in result.cuts] == [
        "line",
        "product",
        "policy",
        "policy",
        "order",
        "order margin",
    ]
    assert list(pay(result).values()) == [39, 51, 90]


def test_a_cap_of_earlier_stages_is_used_up_by_them():
    """What a cap's policies were allowed in stage 1 lowers its room in stage 2."""
    plan = plan_of(
        arbitrary("a", [(1, 0, "ann", 1, 60)], stage=1),
        arbitrary("b", [(1, 0, "bo", 1, 60)], stage=2),
        caps=[cap("order", 100)],
    )
    assert pay_of(settle_slowly(CHAIN, [order(margin=500)], plan)) == {"ann": 60, "bo": 40}


def test_reject_names_the_orders():
    """A rejecting cap raises with every group in which too much was asked."""
    claims = [(key, 0, "ann", 1, amount) for key, amount in ((1, 11), (2, 10), (3, 12))]
    orders = [order(key, margin=99) for key in (1, 2, 3)]
    plan = plan_of(arbitrary("a", claims), caps=[cap("order", 10, rule="reject")])
    with pytest.raises(SlowRejectedError) as caught:
        settle_slowly(CHAIN, orders, plan)
    assert (caught.value.cap, caught.value.groups) == ("cap", [1, 3])


# ------------------------------------------------------------ wide caps

OWNED = {
    "ann": {"owner": "A", "most": 110, "rank": "top"},
    "bo": {"owner": "A", "most": 110, "rank": "low"},
    "cai": {"owner": "C", "most": 30, "rank": "low"},
    "dee": {"owner": "D", "most": 999, "rank": "low"},
    "eve": {"owner": "E", "most": 999, "rank": "low"},
}
WIDE_ORDERS = [
    order(1, member="eve", paid=1_000, product="tea", region="north", margin=9_000),
    order(2, member="dee", paid=3_000, product="jam", region="south", margin=9_000),
    order(3, member="ann", paid=600, product="tea", region=None, margin=9_000),
]
WIDE_POLICIES = (
    arbitrary("a", [(1, 0, "ann", 1, 100), (2, 0, "ann", 2, 50), (2, 0, "cai", 1, 50)]),
    arbitrary("b", [(1, 0, "bo", 1, 200)]),
)


@pytest.mark.parametrize(
    ("its_cap", "expected", "cuts"),
    [
        # Claimed: (a, ann) 150, (a, cai) 50, (b, bo) 200.
        (cap("payee", 120), (120, 50, 120), [("ann", 30), ("bo", 80)]),
        (cap("payee", ("rate", F(1, 5), PAID)), (120, 0, 0), [("ann", 30), ("bo", 200), ("cai", 50)]),
        (cap("payee", ("column", "most")), (110, 30, 110), [("ann", 40), ("bo", 90), ("cai", 20)]),
        (cap("payee", ("by_rank", {"top": 90, "low": 60})), (90, 50, 60), [("ann", 60), ("bo", 140)]),
        (cap("owner", 200), (86, 50, 114), [("A", 150)]),
        (cap("owner", ("column", "most")), (47, 30, 63), [("A", 240), ("C", 20)]),
        (cap("owner", ("rate", F(1, 2), PAID)), (129, 0, 171), [("A", 50), ("C", 50)]),
        # Eve's order pays 100 + 200, dee's 50 + 50; ann has a cell for each source.
        # 99 are shared as 33 and 66, and as 50 and 49.
        (cap("source", 99), (83, 49, 66), [("dee", 1), ("eve", 201)]),
        (cap("source", ("rate", F(1, 10), PAID)), (83, 50, 67), [("eve", 200)]),
        (cap("policy", 100), (75, 25, 100), [("a", 100), ("b", 100)]),
        (cap("policy", ("rate", F(1, 46), PAID), on=["a"]), (75, 25, 200), [("a", 100)]),
        (cap("product", ("rate", F(1, 16), PAID)), (83, 50, 67), [("tea", 200)]),
        (cap("region", 150), (100, 50, 100), [("north", 150)]),
        (cap("region", ("rate", F(3, 20), PAID)), (100, 50, 100), [("north", 150)]),
        (cap("period", 200), (75, 25, 100), [("all", 200)]),
        (cap("company", 200), (75, 25, 100), [("all", 200)]),
        (cap("company", 200, rule="priority"), (150, 50, 0), [("all", 200)]),
        # Level 1 of policy a claims 100 (ann) and 50 (cai), which share 120.
        (cap("company", 120, rule="priority"), (80, 40, 0), [("all", 280)]),
        (cap("company", 200, on=["b"], counting=["a", "b"]), (150, 50, 0), [("all", 200)]),
        (cap("company", 400), (150, 50, 200), []),
    ],
)
def test_wide_caps_cut_totals(its_cap, expected, cuts):
    """Wide caps cut (policy, payee) totals to their limits and leave the orders' own lines alone."""
    plan = plan_of(*WIDE_POLICIES, caps=[its_cap])
    result = settle_slowly(CHAIN, WIDE_ORDERS, plan, members=OWNED)
    assert result.cuts == [("cap", group, amount) for group, amount in cuts]
    got = tuple(result.allowed[key] for key in (("a", "ann"), ("a", "cai"), ("b", "bo")))
    assert got == expected
    assert [line["after_order_scope"] for line in result.lines] == [100, 200, 50, 50]


def test_wide_ties_go_by_policy_and_payee():
    """One cent left over goes to the earlier policy, then to the smaller label."""
    claims = [(1, 0, "cai", 1, 1), (1, 0, "bo", 2, 1)]
    plan = plan_of(arbitrary("z", claims), arbitrary("a", claims), caps=[cap("company", 3)])
    result = settle_slowly(CHAIN, [order(margin=99)], plan)
    assert result.allowed == {("z", "bo"): 1, ("z", "cai"): 1, ("a", "bo"): 1, ("a", "cai"): 0}


def test_usage_of_earlier_runs_lowers_the_room():
    """A yearly cap of 100 of which 70 are used leaves 30; overuse leaves nothing."""
    plan = plan_of(arbitrary("a", [(1, 0, "ann", 1, 50), (1, 0, "bo", 2, 50)]), caps=[cap("payee", 100)])
    usage = {("cap", "ann"): 70, ("cap", "bo"): 130}
    result = settle_slowly(CHAIN, [order(margin=99_999)], plan, usage=usage)
    assert result.allowed == {("a", "ann"): 30, ("a", "bo"): 0}


def test_wide_caps_give_no_money_back_to_later_stages():
    """Stage 2 sees the order's budget less what stage 1 had before the payee cap."""
    plan = plan_of(
        arbitrary("a", [(1, 0, "ann", 1, 80)], stage=1),
        arbitrary("b", [(1, 0, "bo", 1, 80)], stage=2),
        caps=[cap("payee", 10, on=["a"])],
    )
    result = settle_slowly(CHAIN, [order(margin=100)], plan)
    assert result.allowed == {("a", "ann"): 10, ("b", "bo"): 20}
    assert result.orders[1]["pay"] == 100
    assert (result.order_pay, result.handed) == (30, 70)


def test_a_wide_cap_is_used_up_by_earlier_stages():
    """A payee cap of 100 that stage 1 used for 80 leaves 20 to stage 2."""
    plan = plan_of(
        arbitrary("a", [(1, 0, "ann", 1, 80)], stage=1),
        arbitrary("b", [(1, 0, "ann", 1, 80)], stage=2),
        caps=[cap("payee", 100)],
    )
    result = settle_slowly(CHAIN, [order(margin=999)], plan)
    assert result.allowed == {("a", "ann"): 80, ("b", "ann"): 20}


def test_deferred_cuts_are_kept_by_cap_policy_and_payee():
    """What a deferring cap takes is listed; what a forfeiting one takes is not."""
    caps = [cap("payee", 120, "first", cut="defer"), cap("company", 200, "second")]
    result = settle_slowly(CHAIN, WIDE_ORDERS, plan_of(*WIDE_POLICIES, caps=caps, period="now"))
    found = [(entry["cap"], entry["policy"], entry["payee"], entry["amount"]) for entry in result.put_off]
    assert found == [("first", "a", "ann", 30), ("first", "b", "bo", 80)]
    assert result.waiting == [entry | {"earning_period": "now"} for entry in result.put_off]


COMPANY = {"name": "company", "scope": "company", "limit": ("money", 100)}


def waits(amount, period="old", payee="ann", policy="a", cap_name="cap"):
    """Write what an earlier run deferred."""
    return {
        "cap": cap_name,
        "policy": policy,
        "payee": payee,
        "keys": {},
        "amount": amount,
        "earning_period": period,
    }


def test_a_deferring_cap_serves_what_waits_oldest_first():
    """Of 100 the older 70 are served, then 30 of 60 in proportion to 40 and 20, and the new claim waits."""
    waiting = [waits(70), waits(40, "new"), waits(20, "new")]
    plan = plan_of(
        arbitrary("a", [(1, 0, "ann", 1, 50)]), caps=[cap("payee", 100, cut="defer")], period="now"
    )
    result = settle_slowly(CHAIN, [order(margin=999)], plan, waiting=waiting)
    assert result.released == {("a", "ann"): 100}
    assert result.allowed == {("a", "ann"): 0}
    assert [(entry["earning_period"], entry["amount"]) for entry in result.waiting] == [
        ("new", 20),
        ("new", 10),
        ("now", 50),
    ]
    assert (result.order_pay, result.kept) == (0, 999)
    assert result.used == {("cap", "ann"): 100}


def test_a_forfeiting_cap_cuts_what_waits_like_any_claim():
    """Of 100 half goes to each of two equal claims, and what the old one lost goes on waiting."""
    plan = plan_of(arbitrary("a", [(1, 0, "ann", 1, 80)]), caps=[cap("payee", 999, cut="defer"), COMPANY])
    result = settle_slowly(CHAIN, [order(margin=999)], plan, waiting=[waits(80)])
    assert result.released == {("a", "ann"): 50}
    assert result.allowed == {("a", "ann"): 50}
    assert result.waiting == [waits(30)]
    assert result.cuts == [("company", "all", 30)]


def test_what_is_put_off_is_backed_by_what_the_period_keeps():
    """A pool of 90 and 30 against a cap of 0 defers no more than the 40 that the period keeps."""
    plan = plan_of(
        {"kind": "period", "name": "pool"}, caps=[cap("policy", 0, on=["pool"], cut="defer")], period="now"
    )
    claims = [{"policy": "pool", "payee": payee, "amount": n} for payee, n in (("ann", 90), ("bo", 30))]
    result = settle_slowly(CHAIN, [order(margin=40)], plan, period_claims=claims)
    assert [(entry["payee"], entry["amount"]) for entry in result.waiting] == [("ann", 30), ("bo", 10)]


# ------------------------------------------------------------ period policies and conservation

POOL = {"kind": "period", "name": "pool", "stage": 1}
ONE_CLAIM = arbitrary("a", [(1, 0, "ann", 1, 400)])
POOL_CLAIMS = [
    {"policy": "pool", "payee": "bo", "amount": 600},
    {"policy": "pool", "payee": "cai", "amount": 200},
    {"policy": "pool", "payee": "cai", "amount": 100},
]


@pytest.mark.parametrize(
    ("losses", "funds", "limit", "expected"),
    [
        # Budgets 1000 and 0; order pay 400; the second order loses 150.
        ("ignore", 0, 600, (400, 200)),
        ("offset", 0, 450, (300, 150)),
        ("ignore", 90, 690, (460, 230)),
        ("offset", 90, 540, (360, 180)),
        ("ignore", 5_000, 5_600, (600, 300)),
    ],
)
def test_the_period_margin_is_what_orders_hand_over_plus_funds(losses, funds, limit, expected):
    """Period claims share what the orders left, plus funds, less losses when they offset."""
    orders = [order(1, margin=1_000), order(2, margin=-150)]
    plan = plan_of(ONE_CLAIM, POOL, losses=losses)
    result = settle_slowly(CHAIN, orders, plan, funds=funds, period_claims=POOL_CLAIMS)
    assert result.period_limit == limit
    assert (result.allowed["pool", "bo"], result.allowed["pool", "cai"]) == expected
    assert result.allowed["a", "ann"] == 400
    assert (result.handed, result.period_pay) == (600, sum(expected))
    assert result.kept == 600 + funds - sum(expected)


def test_losses_cannot_make_the_period_margin_negative():
    """The period margin is never below zero."""
    orders = [order(1, margin=1_000), order(2, margin=-9_999)]
    plan = plan_of(ONE_CLAIM, POOL, losses="offset")
    result = settle_slowly(CHAIN, orders, plan, period_claims=POOL_CLAIMS)
    assert (result.period_limit, result.period_pay, result.kept) == (0, 0, 600)


def test_period_caps_come_before_the_period_margin_and_company_caps_after_it():
    """A period cap on an order policy hands more over; a company cap then cuts both kinds."""
    caps = [cap("company", 500, "company"), cap("period", 100, "period", on=["a"])]
    result = settle_slowly(
        CHAIN, [order(margin=1_000)], plan_of(ONE_CLAIM, POOL, caps=caps), period_claims=POOL_CLAIMS
    )
    # Period cap: a is 100. Period margin 900 holds all of 900. Company: 100, 600, 300 share 500.
    assert result.period_limit == 900
    assert result.allowed == {("a", "ann"): 50, ("pool", "bo"): 300, ("pool", "cai"): 150}
    assert (result.handed, result.period_pay, result.kept) == (950, 450, 500)
    assert result.cuts == [("period", "all", 300), ("company", "all", 500)]


def test_payee_caps_see_period_claims_of_their_stage():
    """A payee cap cuts order pay and period pay of one stage together."""
    claims = [{"policy": "pool", "payee": "ann", "amount": 200}]
    plan = plan_of(ONE_CLAIM, POOL, caps=[cap("payee", 300)])
    result = settle_slowly(CHAIN, [order(margin=1_000)], plan, period_claims=claims)
    assert result.allowed == {("a", "ann"): 200, ("pool", "ann"): 100}


def test_period_claims_belong_to_the_stage_of_their_policy():
    """A payee cap serves the pool of stage 1 first and leaves the rest to the pool of stage 2."""
    claims = [{"policy": name, "payee": "ann", "amount": 80} for name in ("late", "early")]
    pools = [POOL | {"name": "late", "stage": 2}, POOL | {"name": "early", "stage": 1}]
    plan = plan_of(*pools, caps=[cap("payee", 100)])
    result = settle_slowly(CHAIN, [], plan, funds=500, period_claims=claims)
    assert result.allowed == {("early", "ann"): 80, ("late", "ann"): 20}
    assert (result.handed, result.period_pay, result.kept) == (0, 100, 400)


# ------------------------------------------------------------ laws


def check_laws(result, funds=0):
    """Nothing exceeds its budget, nothing exceeds its claim, and no cent is lost."""
    for line in result.lines:
        assert 0 <= line["after_order_scope"] <= line["claimed"]
        assert line["claimed"] == line["after_order_scope"] + sum(line["cuts"].values())
    for settled in result.orders.values():
        assert 0 <= settled["pay"] <= settled["budget"] == max(settled["margin"], 0)
    for cell in result.cells.values():
        assert 0 <= cell["allowed"] <= cell["after_order_scope"] <= cell["claimed"]
        assert cell["after_order_scope"] == cell["allowed"] + sum(cell["cuts"].values())
    budgets = sum(settled["budget"] for settled in result.orders.values())
    assert budgets == result.order_pay + result.handed
    assert result.handed + funds == result.period_pay + result.kept
    assert result.kept >= 0
    assert sum(result.allowed.values()) == result.order_pay + result.period_pay
    cut = sum(amount for _, _, amount in result.cuts)
    assert sum(result.claimed_by_payee.values()) == sum(result.allowed_by_payee.values()) + cut


claims = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(0, 1), st.sampled_from(sorted(CHAIN)), st.integers(0, 2)),
    st.integers(0, 60),
    max_size=6,
)
rules = st.sampled_from(["proportional", "priority", "equal_awards", "equal_losses", "talmud"])
caps = st.builds(
    cap,
    st.sampled_from([*ORDER_SCOPES, *PAYEE_SCOPES, *TOPIC_SCOPES, *LATE_SCOPES]),
    st.integers(0, 90),
    rule=rules,
    leftover=st.sampled_from(["largest_remainder", "floor"]),
    on=st.sampled_from([None, ["a"], ["b", "pool"]]),
    counting=st.sampled_from([None, ["a"], ["a", "b", "pool"]]),
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(-40, 90), min_size=6, max_size=6),
    claims,
    claims,
    st.lists(caps, max_size=4),
    rules,
    st.sampled_from(["order", "line"]),
    st.sampled_from(["ignore", "offset"]),
    st.integers(0, 50),
    st.lists(st.tuples(st.sampled_from(sorted(CHAIN)), st.integers(0, 70)), max_size=3),
    st.randoms(use_true_random=False),
)
def test_laws_hold_for_arbitrary_claims(
    margins, first, second, its_caps, rule, guard, losses, funds, pool, rng
):
    """Budgets, claims and conservation hold, limits in money hold, and the order of rows never matters."""
    keys = [(order_id, line) for order_id in (1, 2, 3) for line in (0, 1)]
    orders = [
        order(*key, member=member, margin=margin, product=product, region=region)
        for key, margin, member, product, region in zip(
            keys,
            margins,
            ["eve", "dee", None] * 2,
            ["tea", "jam", None] * 2,
            ["north", None] * 3,
            strict=True,
        )
    ]
    policies = [
        arbitrary(name, [(*key, amount) for key, amount in its.items()], stage)
        for name, its, stage in (("a", first, 1), ("b", second, 2))
    ]
    named = [one | {"name": f"cap {position}"} for position, one in enumerate(its_caps)]
    plan = plan_of(*policies, POOL | {"stage": 2}, caps=named, rule=rule, guard=guard, losses=losses)
    pool_claims = [{"policy": "pool", "payee": payee, "amount": amount} for payee, amount in pool]
    result = settle_slowly(CHAIN, orders, plan, OWNED, funds, period_claims=pool_claims)
    check_laws(result, funds)
    for one in named:
        on = one["on"] or ["a", "b", "pool"]
        if one["scope"] == "order":
            for order_id in (1, 2, 3):
                mine = [
                    line for line in result.lines if line["order_id"] == order_id and line["policy"] in on
                ]
                assert sum(line["after_order_scope"] for line in mine) <= one["limit"][1]
        if one["scope"] == "company":
            assert sum(result.allowed[key] for key in result.allowed if key[0] in on) <= one["limit"][1]

    rng.shuffle(orders)
    for policy in policies:
        rng.shuffle(policy["claims"])
    rng.shuffle(pool_claims)
    assert settle_slowly(CHAIN, orders, plan, OWNED, funds, period_claims=pool_claims) == result


@pytest.mark.parametrize("if_not", ["company", "stop", "last_payee", "roll_up"])
def test_laws_hold_for_level_commissions_on_every_small_forest(if_not):
    """On every forest of up to five members, each order pays at most its margin and only its upline."""
    for n in range(1, 6):
        for parents in all_forests(n):
            orders = [order(member, member=member, paid=1_000 + member, margin=140) for member in parents]
            plan = plan_of(level(if_not=if_not, **ACTIVE))
            members = {member: {"active": member % 3 != 1} for member in parents}
            result = settle_slowly(parents, orders, plan, members)
            check_laws(result)
            for line in result.lines:
                assert line["payee"] in climb(parents, line["order_id"])[1:]
                assert members[line["payee"]]["active"]


# ------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"orders": [order(margin=1), order(margin=1)]}, "twice"),
        ({"plan": plan_of(ONE_CLAIM, ONE_CLAIM)}, "policies"),
        ({"plan": plan_of(ONE_CLAIM, caps=[cap("order", 1), cap("order", 2)])}, "caps"),
        ({"plan": plan_of(ONE_CLAIM, caps=[cap("world", 1)])}, "scope"),
        ({"plan": plan_of(ONE_CLAIM, caps=[cap("order", 1, on=["b"])])}, "unknown policy"),
        ({"plan": plan_of(ONE_CLAIM, caps=[cap("company", ("column", "most"))])}, "kind column"),
        ({"plan": plan_of(ONE_CLAIM, caps=[cap("order", ("by_rank", {"top": 1, "low": 1}))])}, "by_rank"),
        ({"plan": plan_of(ONE_CLAIM, caps=[cap("payee", ("by_rank", {"top": 1}))])}, "absent"),
        ({"plan": plan_of(arbitrary("a", [(1, 0, "ann", 1, 5)] * 2))}, "twice"),
        ({"plan": plan_of(arbitrary("a", [(1, 0, "ann", 1, -5)]))}, "negative"),
        ({"plan": plan_of(arbitrary("a", [(1, 0, "zed", 1, 5)]))}, "unknown payee"),
        ({"plan": plan_of(arbitrary("a", [(7, 0, "ann", 1, 5)]))}, "order line"),
        ({"usage": {("cap", "ann"): 5}}, "usage"),
        ({"period_claims": POOL_CLAIMS}, "period policy"),
        (
            {
                "plan": plan_of(ONE_CLAIM, caps=[cap("owner", ("column", "most"))]),
                "members": OWNED | {"bo": {"owner": "A", "most": 1}},
            },
            "different limits",
        ),
        (
            {
                "plan": plan_of(ONE_CLAIM, caps=[cap("owner", 1)]),
                "members": OWNED | {"ann": {"owner": None}},
            },
            "owner",
        ),
    ],
)
def test_input_that_would_be_a_guess_is_refused(change, match):
    """The twin refuses what the rules do not define."""
    given_ = {"orders": [order(margin=100)], "plan": plan_of(ONE_CLAIM), "members": OWNED} | change
    with pytest.raises(ValueError, match=match):
        settle_slowly(CHAIN, **given_)
