"""`LevelCommission` and `Fixed`: what their constructors accept, and what the facts may refuse later."""

from __future__ import annotations

import pytest

import fenxiao as fx
from fenxiao.errors import (
    ExpressionError,
    InputError,
    MoneyError,
    MoneyOverflowError,
    OrdersError,
    PlanError,
    RateError,
)
from fenxiao.money import Rounding
from tests.expressions.refusals import refused
from tests.policies.samples import MEMBERS, facts, levels, plan

Fixed = fx.Fixed
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a predicate

VALID = {
    "one rate": (levels(rates=["10%"]), 1),
    "two rates": (levels(), 2),
    "generator": (levels(rates=(rate for rate in ["1%", "2%"])), 2),
    "rates of all kinds": (levels(rates=["1/3", fx.Rate("5%"), 0, Fixed("1.50"), {"fixed": "0"}]), 5),
    "above 100 %": (levels(rates=["200%"], above_100=True), 1),
    "64 levels": (levels(rates=["1%"] * 64), 64),
    "level 64": (levels(rates=["1%"], start_level=64), 1),
    "by rank": (levels(rates=(), by_rank={"gold": ["2%", "1%"], "plain": []}), 2),
    "by length": (levels(rates=(), by_length={2: ["1%", "2%"], 1: ["3%"]}), 2),
    "by length as text": (levels(rates=(), by_length={"1": ["3%"]}), 1),
    "products": (levels(by_product={"tea": ["1%"] * 3, 7: []}, by_category={"food": [Fixed("1")]}), 3),
    "base": (levels(base=fx.Base("cv") * "40%"), 2),
    "base data": (levels(base={"cv": "40%"}), 2),
    "eligible": (levels(eligible=ACTIVE), 2),
    "eligible data": (levels(eligible={"column": "active", "is": True}), 2),
    "where": (levels(where=fx.Where(kind="retail")), 2),
    "where data": (levels(where={"kind": "retail"}), 2),
    "rounding": (levels(rounding="half_even"), 2),
    "rounding step": (levels(rounding=Rounding("floor", 10)), 2),
    "stage": (levels(stage=64), 2),
    **{
        f"if_not {choice}": (levels(if_not=choice), 2)
        for choice in ("company", "roll_up", "stop", "last_payee")
    },
    **{f"self {choice}": (levels(self_purchase=choice), 2) for choice in ("pay", "skip", "stop")},
}


@pytest.mark.parametrize("name", VALID)
def test_valid_policies_know_their_depth(name):
    """Every parameter is seen to be accepted; the depth is the longest list of rates."""
    policy, depth = VALID[name]
    assert policy.depth == depth
    names = vars(fx) | {"Rounding": Rounding}
    assert eval(repr(policy), names) == policy
    assert hash(eval(repr(policy), names)) == hash(policy)


def test_one_rate_may_start_at_the_member_himself():
    """`start_level=0` with a single rate pays the credited member alone."""
    policy = levels(rates=["10%"], start_level=0)
    assert policy.depth == 1
    assert fx.settle(facts(), plan(policy)).totals().to_dict().keys() == {"cai"}


def make(**options):
    """Return a maker of a level commission."""
    return lambda: levels(**options)


INVALID = {
    "name empty": (lambda: levels(""), PlanError, "name"),
    "name blank": (lambda: levels("  "), PlanError, "name"),
    "name number": (lambda: levels(3), PlanError, "name"),
    "stage zero": (make(stage=0), PlanError, "1 to 64"),
    "stage beyond": (make(stage=65), PlanError, "1 to 64"),
    "stage bool": (make(stage=True), PlanError, "1 to 64"),
    "stage text": (make(stage="1"), PlanError, "1 to 64"),
    "if_not left out": (
        lambda: fx.LevelCommission("referral", base="paid", rates=["1%"]),
        PlanError,
        'if_not="company"',
    ),
    "if_not unknown": (make(if_not="up"), PlanError, "roll_up"),
    "if_not none": (make(if_not=None), PlanError, "roll_up"),
    "self_purchase": (make(self_purchase="never"), PlanError, "skip"),
    "no table": (make(rates=[]), PlanError, "by_rank or by_length"),
    "two tables": (make(by_rank={"gold": ["1%"]}), PlanError, "exactly one"),
    "rates text": (make(rates="10%"), PlanError, '["10%", "5%"]'),
    "rates number": (make(rates=3), PlanError, '["10%", "5%"]'),
    "rates one rate": (make(rates=fx.Rate("1%")), PlanError, '["10%", "5%"]'),
    "rates fixed": (make(rates=Fixed("1")), PlanError, '["10%", "5%"]'),
    "rates mapping": (make(rates={"gold": "1%"}), InputError, "rate"),
    "rate float": (make(rates=[0.1]), RateError, "float"),
    "rate none": (make(rates=[None]), RateError, "not a rate"),
    "rate negative": (make(rates=["-1%"]), RateError, "negative"),
    "rate above": (make(rates=["10%", "101%"]), RateError, "above_100=True"),
    "rate above by rank": (make(rates=(), by_rank={"gold": ["101%"]}), RateError, "above_100=True"),
    "rate above by product": (make(by_product={"tea": ["101%"]}), RateError, "above_100=True"),
    "fixed with more": (make(rates=[{"fixed": "1", "per": "unit"}]), InputError, "per"),
    "fixed number": (make(rates=[{"fixed": 1}]), PlanError, "0.88"),
    "by_rank list": (make(rates=(), by_rank=["gold"]), PlanError, "gold"),
    "by_rank tuple": (make(rates=(), by_rank=("gold",)), PlanError, "gold"),
    "by_rank number": (make(rates=(), by_rank=3), PlanError, "gold"),
    "by_rank row text": (make(rates=(), by_rank={"gold": "10%"}), PlanError, '["10%", "5%"]'),
    "by_rank twice": (make(rates=(), by_rank={1: ["1%"], "1": ["2%"]}), PlanError, "by_rank"),
    "by_rank empty rows": (make(rates=(), by_rank={"gold": [], "plain": []}), PlanError, "level"),
    "by_length gap": (make(rates=(), by_length={1: ["1%"], 3: ["1%", "1%", "1%"]}), PlanError, "1, 2, 3"),
    "by_length zero": (make(rates=(), by_length={0: ["1%"]}), PlanError, "1, 2, 3"),
    "by_length twice": (make(rates=(), by_length={1: ["1%"], "1": ["2%"]}), PlanError, "1, 2, 3"),
    "by_length bool": (make(rates=(), by_length={True: ["1%"]}), PlanError, "1, 2, 3"),
    "by_length word": (make(rates=(), by_length={"one": ["1%"]}), PlanError, "1, 2, 3"),
    "by_length short": (make(rates=(), by_length={1: ["1%", "1%", "1%"]}), PlanError, "by_length"),
    "by_length long": (make(rates=(), by_length={1: ["1%"], 2: ["1%"]}), PlanError, "by_length"),
    "product beside ranks": (
        make(rates=(), by_rank={"a": ["1%"]}, by_product={"t": ["1%"]}),
        PlanError,
        "Where",
    ),
    "category beside lengths": (
        make(rates=(), by_length={1: ["1%"]}, by_category={"t": ["1%"]}),
        PlanError,
        "Where",
    ),
    "product twice": (make(by_product={7: ["1%"], "7": ["2%"]}), PlanError, "by_product"),
    "rank column": (make(rank_column=3), PlanError, "rank_column"),
    "rank column empty": (make(rank_column=""), PlanError, "rank_column"),
    "by_rank bool": (make(rates=(), by_rank={True: ["1%"]}), PlanError, "by_rank"),
    "by_rank empty": (make(rates=(), by_rank={"": ["1%"]}), PlanError, "by_rank"),
    "by_category none": (make(by_category=None), PlanError, "by_category"),
    "start negative": (make(start_level=-1), PlanError, "0, 1, 2"),
    "start bool": (make(start_level=True), PlanError, "0, 1, 2"),
    "start text": (make(start_level="1"), PlanError, "0, 1, 2"),
    "start float": (make(start_level=1.0), PlanError, "0, 1, 2"),
    "too deep": (make(rates=["1%"] * 65), PlanError, "64"),
    "too far": (make(rates=["1%"] * 64, start_level=2), PlanError, "reaches too far, got 65"),
    "too many from level 0": (make(rates=["1%"] * 65, start_level=0), PlanError, "too many levels, got 65"),
    "too high": (make(start_level=64), PlanError, "64"),
    "base number": (make(base=3), ExpressionError, "paid"),
    "base none": (make(base=None), ExpressionError, "paid"),
    "eligible number": (make(eligible=3), ExpressionError, "active"),
    "eligible half": (make(eligible=fx.column("active")), ExpressionError, "active"),
    "where text": (make(where="retail"), ExpressionError, "kind"),
    "rounding unknown": (make(rounding="up"), InputError, "half_even"),
    "rounding data": (make(rounding={"modus": "floor"}), InputError, "mode"),
    "rounding number": (make(rounding=3), InputError, "half_even"),
    "above_100": (make(above_100=1), PlanError, "above_100"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_no_level_commission_is_refused_in_words(name):
    """Every parameter is seen to be refused, with what would have been accepted."""
    maker, kind, part = INVALID[name]
    refused(maker, kind, part)


@pytest.mark.parametrize("amount", ["0", "0.88", "12", " 1 ", "92233.72"])
def test_fixed_money_is_text(amount):
    """Zero and every exact amount are legal, and repr is code."""
    assert Fixed(amount).amount == amount
    assert eval(repr(Fixed(amount)), {"Fixed": Fixed}) == Fixed(amount)


NOT_FIXED = {
    "int": (1, PlanError),
    "float": (0.88, PlanError),
    "none": (None, PlanError),
    "bool": (True, PlanError),
    "negative": ("-0.01", PlanError),
    "words": ("much", InputError),
    "percent": ("10%", InputError),
    "thousands": ("1,000", InputError),
}


@pytest.mark.parametrize("name", NOT_FIXED)
def test_what_is_no_fixed_money_is_refused(name):
    """Numbers, negative amounts and words are refused."""
    amount, kind = NOT_FIXED[name]
    refused(lambda: Fixed(amount), kind, "Fixed")


LATER = {
    "no member columns": (plan(levels(eligible=ACTIVE)), facts(), InputError, "Facts(members="),
    "no such member column": (
        plan(levels(eligible=fx.column("actve").isin(True))),
        facts(members=MEMBERS),
        InputError,
        "active",
    ),
    "no rank column": (
        plan(levels(rates=(), by_rank={"gold": ["1%"]}, rank_column="grade")),
        facts(members=MEMBERS),
        InputError,
        "rank",
    ),
    "rank without a row": (
        plan(levels(rates=(), by_rank={"gold": ["1%"]})),
        facts(members=MEMBERS),
        PlanError,
        "empty list",
    ),
    "rank a number": (
        plan(levels(rates=(), by_rank={"3": ["1%"]}, rank_column="score")),
        facts(members=MEMBERS),
        PlanError,
        "names",
    ),
    "no base column": (plan(levels(base="cv")), facts(), OrdersError, "'cv'"),
    "base of words": (plan(levels(base="product")), facts({"product": "tea"}), OrdersError, "volumes="),
    "own volume unknown": (plan(levels(eligible=fx.own("pv") >= "1")), facts(), OrdersError, "'pv'"),
    "no buyers": (plan(levels(self_purchase="skip")), facts(), PlanError, "column 'buyer'"),
    "no buyers to stop at": (plan(levels(self_purchase="stop")), facts(), PlanError, "column 'buyer'"),
    "no product": (plan(levels(by_product={"tea": ["1%"]})), facts(), OrdersError, "'product'"),
    "product no category": (
        plan(levels(by_product={"tea": ["1%"]})),
        facts({"product": True}),
        InputError,
        "product",
    ),
    "where column": (plan(levels(where=fx.Where(kind="retail"))), facts(), OrdersError, "'kind'"),
    "first order without a time": (
        plan(levels(where=fx.Where(first_order=True))),
        facts(),
        PlanError,
        "anchor=",
    ),
    "fixed too fine": (plan(levels(rates=[Fixed("0.001")])), facts(), MoneyError, "Fixed"),
    "fixed too large": (plan(levels(rates=[Fixed("1" + "0" * 30)])), facts(), MoneyOverflowError, "Fixed"),
    "fine rates": (
        plan(levels(rates=[f"1/{2**61 - 1}", f"1/{2**31 - 1}", "1/7"])),
        facts(),
        RateError,
        "64 bits",
    ),
}


@pytest.mark.parametrize("name", LATER)
def test_facts_that_lack_what_a_policy_reads_are_refused(name):
    """A missing column, rank, buyer or time is a typed error with the next step, never a silent zero."""
    rules, given, kind, part = LATER[name]
    refused(lambda: fx.settle(given, rules), kind, part, absent=("ann", "bo", "cai"))


def test_a_rank_that_is_missing_is_refused():
    """A member without a rank has no row, whatever the table says."""
    table = fx.Members.from_records(
        [{"member": m, "rank": r} for m, r in (("ann", None), ("bo", "gold"), ("cai", "gold"))]
    )
    rules = plan(levels(rates=(), by_rank={"gold": ["1%"]}))
    refused(lambda: fx.settle(facts(members=table), rules), PlanError, "by_rank", absent=("ann",))


def test_products_are_matched_as_the_plan_writes_them():
    """A product numbered 7 is found under 7 and under "7"; others get the default list."""
    for key in (7, "7"):
        rules = plan(levels(rates=["2%"], by_product={key: ["1%"]}))
        run = fx.settle(facts({"product": 7}, {"product": 8}, categories=("product",)), rules)
        assert run.totals().to_dict()["bo"] == 3


def test_lengths_use_their_own_row():
    """One payee above uses the first row, two the second."""
    rules = plan(levels(rates=(), by_length={1: ["7%"], 2: ["3%", "2%"]}))
    run = fx.settle(facts({"member": "bo"}, {"member": "cai"}, {"member": "ann"}), rules)
    paid = {member: str(amount) for member, amount in run.totals().to_dict().items()}
    assert paid == {"ann": "9.00", "bo": "3.00"}
    assert "7 % of 100.00" in str(run.statement("ann"))
    assert "2 % of 100.00" in str(run.statement("ann"))
