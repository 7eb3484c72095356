"""What policies refuse when they are written, when they meet a plan, and when they meet the facts."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import ExpressionError, FenxiaoError, MoneyError, OrdersError, PlanError, RateError
from fenxiao.expressions import Brackets
from fenxiao.policies import (
    CeilingCascade,
    GenerationMatch,
    GenerationVolumeBonus,
    LeadershipBonus,
    LevelBonus,
    LevelCommission,
    MatchingBonus,
    PassUp,
    PriceGap,
    QualifiedBonus,
    RankDifferential,
    RetailMarkup,
    SameRankBonus,
    StairstepOverride,
    VolumeCommission,
    VolumeDifferential,
)
from fenxiao.qualification import GivenRanks
from fenxiao.volumes import balanced, own, ratio

GOLD = fx.column("rank") == "gold"
TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo", "dan": "cai"})
RANKS = {"ann": "gold", "bo": "silver", "cai": "bronze", "dan": "bronze"}


def settle(*policies, **row):
    """Settle one order of dan, who stands below cai, bo and ann."""
    orders = fx.Orders.from_records(
        [{"order_id": 1, "member": "dan", "paid": "100.00", "bv": "100.00", "kind": "retail"} | row],
        volumes={"bv": 2},
    )
    members = fx.Members.from_records([{"member": name, "rank": rank} for name, rank in RANKS.items()])
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=list(policies),
        qualifications=[GivenRanks("rank", order=["bronze", "silver", "gold"])],
    )
    return fx.settle(fx.Facts(tree=TREE, orders=orders, members=members), plan)


def refused(make, error, *words):
    """Check the kind and the words of an error, which are one line."""
    with pytest.raises(FenxiaoError) as raised:
        make()
    assert type(raised.value) is error, repr(raised.value)
    text = str(raised.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text
    return raised.value


# ------------------------------------------------------- measures that can only be compared

ON_MEASURES = {
    "level bonus": lambda on: LevelBonus("p", on=on, rates=["1%"], if_not="company"),
    "generation match": lambda on: GenerationMatch("p", on=on, rates=["1%"], boundary=GOLD),
    "generation volume": lambda on: GenerationVolumeBonus(
        "p", on=on, rates=["1%"], from_rank="gold", if_not="company"
    ),
    "leadership": lambda on: LeadershipBonus("p", on=on, rate="1%", leaders=GOLD),
    "stairstep": lambda on: StairstepOverride("p", on=on, leaders=GOLD, tiers=["1%"]),
    "commission, paid": lambda on: VolumeCommission("p", pay_on=on, rate_on=own("bv"), brackets={"1": "1%"}),
    "commission, rate": lambda on: VolumeCommission("p", pay_on=own("bv"), rate_on=on, brackets={"1": "1%"}),
    "differential": lambda on: VolumeDifferential("p", pay_on=on, rate_on=own("bv"), brackets={"1": "1%"}),
    "table": lambda on: settle().members_table(on),
}


@pytest.mark.parametrize("on", [ratio("bv", "bv"), balanced("bv", per_leg="50%")], ids=repr)
@pytest.mark.parametrize("make", ON_MEASURES.values(), ids=ON_MEASURES)
def test_what_can_only_be_compared_is_no_volume(make, on):
    """A share of two volumes is no volume that money could be a rate of, and has no unit of its own."""
    refused(lambda: make(on), ExpressionError, "can only be compared", 'own("pv")')


# ------------------------------------------------------- policies that look at others


def matching(of, **more):
    """Return a match of 10 % on what somebody's direct recruits earned."""
    return MatchingBonus("match", of=of, rates=["10%"], if_not="company", stage=2, **more)


def by_generation(of):
    """Return a match of 10 % by generation."""
    return GenerationMatch("match", of=of, rates=["10%"], boundary=GOLD, stage=2)


REFERRAL = LevelCommission("referral", base="paid", rates=["10%"], if_not="company")
SHOWN = {
    "mark-up": RetailMarkup("shown", base="paid", rate="20%"),
    "seller": LevelCommission("shown", base="paid", rates=["10%"], if_not="company", funded_by="seller"),
}


@pytest.mark.parametrize("match", [matching, by_generation])
def test_a_policy_is_matched_once(match):
    """A name that stands twice would pay the match twice."""
    refused(lambda: match(["referral", "referral"]), PlanError, "of: names a policy twice")


@pytest.mark.parametrize("match", [matching, by_generation])
@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_what_claims_nothing_is_not_matched(match, shown):
    """A match of money that others pay would be nothing for ever."""
    refused(
        lambda: settle(shown, REFERRAL, match("shown")), PlanError, "claims nothing", "'shown'", "referral"
    )
    settle(shown, REFERRAL, match("referral"))


# ------------------------------------------------------- rates above 100 %

ABOVE = {
    "level bonus": lambda **more: LevelBonus("p", on="bv", rates=["1%"], if_not="company", **more),
    "matching": lambda **more: matching("referral", **more),
    "generation volume": lambda **more: GenerationVolumeBonus(
        "p", on="bv", rates=["1%"], from_rank="gold", if_not="company", **more
    ),
    "leadership": lambda **more: LeadershipBonus("p", on="bv", rate="1%", leaders=GOLD, **more),
    "stairstep": lambda **more: StairstepOverride("p", on="bv", leaders=GOLD, tiers=["1%"], **more),
    "commission": lambda **more: VolumeCommission(
        "p", pay_on="bv", rate_on="bv", brackets={"1": "1%"}, **more
    ),
    "differential": lambda **more: VolumeDifferential("p", pay_on="bv", by_rank={"gold": "1%"}, **more),
}


@pytest.mark.parametrize("make", ABOVE.values(), ids=ABOVE)
def test_factors_above_100_are_meant_or_refused(make):
    """A factor of 4000 % instead of 40 % is as likely a slip as a rate, and is named as the factor."""
    refused(lambda: make(factor="4000%"), RateError, ", factor: has a rate above 100 %", "above_100=True")
    assert make(factor="4000%", above_100=True).factor == fx.Rate("4000%")


def test_rates_above_100_are_named_by_their_field():
    """The field where the rate stands is named, not one that the policy does not have."""
    fields = {
        "brackets": lambda: VolumeCommission("p", pay_on="bv", rate_on="bv", brackets={"1": "101%"}),
        "by_rank": lambda: VolumeCommission("p", pay_on="bv", by_rank={"gold": "101%"}),
        "rate": lambda: LeadershipBonus("p", on="bv", rate="101%", leaders=GOLD),
        "tiers": lambda: StairstepOverride("p", on="bv", leaders=GOLD, tiers=["101%"]),
        "minimum": lambda: StairstepOverride(
            "p", on="bv", leaders=GOLD, differential={"gold": "1%"}, minimum="101%"
        ),
        "generations": lambda: StairstepOverride(
            "p", on="bv", leaders=GOLD, differential={"gold": "1%"}, generations={2: "101%"}
        ),
    }
    for field, make in fields.items():
        refused(make, RateError, f"policy 'p', {field}: ")
    refused(lambda: RetailMarkup("p", base="paid", rate="101%"), RateError, "policy 'p', rate: ")


# ------------------------------------------------------- columns of what is only shown

PRICES = {"bronze": "80.00", "silver": "70.00", "gold": "60.00"}
UNREAD = {
    "mark-up, base": lambda: RetailMarkup("p", base="nothere"),
    "mark-up, text": lambda: RetailMarkup("p", base="kind"),
    "mark-up, where": lambda: RetailMarkup("p", base="paid", where=fx.Where(region="north")),
    "gap, sold for": lambda: PriceGap("p", prices=PRICES, sold_for="nothere"),
    "gap, where": lambda: PriceGap("p", prices=PRICES, where=fx.Where(region="north")),
    "gap, columns": lambda: PriceGap("p", price_columns=dict.fromkeys(PRICES, "nothere")),
    "seller, base": lambda: LevelCommission(
        "p", base="nothere", rates=["1%"], if_not="company", funded_by="seller"
    ),
    "seller, where": lambda: LevelCommission(
        "p", base="paid", rates=["1%"], if_not="company", funded_by="seller", where=fx.Where(region="north")
    ),
}


@pytest.mark.parametrize("make", UNREAD.values(), ids=UNREAD)
def test_columns_of_what_is_only_shown_are_there_when_it_is_settled(make):
    """What claims nothing is checked like what claims, and not only when somebody looks at it."""
    refused(lambda: settle(make()), OrdersError, "orders")


def test_nothing_has_to_be_there_without_orders():
    """Facts without orders have no columns; plans that show money settle all the same."""
    members = fx.Members.from_records([{"member": name, "rank": rank} for name, rank in RANKS.items()])
    for policy in (make() for make in UNREAD.values()):
        plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("100%", of="paid"), policies=[policy])
        assert fx.settle(fx.Facts(tree=TREE, members=members), plan).totals().to_dict() == {}


# ------------------------------------------------------- values of other kinds


class Unknown:
    """What data frames write for a missing value: comparing it gives no truth, but itself."""

    def __eq__(self, other):
        return self

    __hash__ = object.__hash__

    def __bool__(self):
        """Refuse, as such values do."""
        raise TypeError


STRANGE = [np.array([1, 2]), np.array(["floor", "x"]), Unknown(), None, 7, [], {}]


def differential(**more):
    """Return a differential, but for the changes."""
    return RankDifferential("career", **({"base": "paid", "rates": {"gold": "10%"}} | more))


def cascade(**more):
    """Return a ceiling cascade, but for the changes."""
    return CeilingCascade("mall", base="paid", ceilings={"agent": "40%"}, **more)


@pytest.mark.parametrize("make", [differential, cascade], ids=["differential", "cascade"])
@pytest.mark.parametrize(
    "level",
    [1.0, Decimal(1), Fraction(1), 1 + 0j, np.float64(1), np.bool_(True), True, 2, -1, "1", *STRANGE],
    ids=lambda value: type(value).__name__,
)
def test_a_walk_starts_at_level_0_or_1(make, level):
    """What only equals 0 or 1, or cannot be compared with them, is no level."""
    refused(lambda: make(start_level=level), PlanError, "start_level: starts elsewhere", "allowed: 0 or 1")


CHOICES = {
    "subtract": lambda value: cascade(subtract=value),
    "base of the same rank": lambda value: SameRankBonus("peers", of="career", base=value, rates=["1%"]),
    "mode of brackets": lambda value: Brackets(value, {"1": "1%"}),
    "what is passed up": lambda value: PassUp(first=1, of=value),
    "how a window joins": lambda value: fx.expressions.measures.Window(own("bv"), 2, value),
    "what is shown": lambda value: settle().shown(value) if value is not None else PassUp(first=1, of=value),
}


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("make", CHOICES.values(), ids=CHOICES)
def test_choices_of_other_kinds_are_refused_in_words(make, value):
    """An array, or a value that is missing, is compared with no name."""
    with pytest.raises(PlanError) as raised:
        make(value)
    assert raised.value.allowed or raised.value.hint


@pytest.mark.parametrize("key", [Unknown(), True, 1.5, None, ""], ids=lambda key: type(key).__name__)
def test_keys_of_other_kinds_are_refused_in_words(key):
    """A missing value that became a key is no name of a rank, and no threshold."""
    refused(lambda: differential(rates={key: "10%"}), PlanError, "keys that it may not have")
    refused(lambda: Brackets.whole({key: "10%"}), PlanError, "keys that it may not have")
    refused(lambda: Brackets.whole(((np.array([1, 2]), "10%"),)), PlanError, "keys that it may not have")


# ------------------------------------------------------- tables by rank


def test_a_table_of_a_product_says_something():
    """An empty table by product would not survive plain data, and would pay nothing."""
    refused(lambda: differential(by_product={"tea": {}}), PlanError, "by_product", "'tea'")


SOME = {"gold": "10%"}
MISSING = {
    "rates": (differential, 'nothing "0%"'),
    "by_product 'tea'": (
        lambda: differential(rates=dict.fromkeys(RANKS.values(), "1%"), by_product={"tea": SOME}),
        'nothing "0%"',
    ),
    "seller_rates": (
        lambda: differential(rates=dict.fromkeys(RANKS.values(), "1%"), seller_rates=SOME), 'nothing "0%"',
    ),
    "by_rank": (lambda: VolumeCommission("p", pay_on="bv", by_rank=SOME), 'nothing "0%"'),
    "by_rank of stairs": (
        lambda: StairstepOverride("p", on="bv", leaders=GOLD, by_rank=SOME), 'nothing "0%"',
    ),
    "differential": (
        lambda: StairstepOverride("p", on="bv", leaders=GOLD, differential=SOME), 'nothing "0%"',
    ),
    "by_rank of amounts": (lambda: QualifiedBonus("p", by_rank={"gold": "5.00"}), 'nothing "0",'),
    "prices": (lambda: PriceGap("p", prices={"gold": "60.00"}), "every rank a price"),
    "price_columns": (lambda: PriceGap("p", price_columns={"gold": "bv"}), "every rank a price"),
}  # fmt: skip


@pytest.mark.parametrize("field", MISSING)
def test_a_rank_without_a_row_is_asked_for_in_the_table_where_it_is_missing(field):
    """The field is named as the plan writes it, and the hint says what such a table holds."""
    make, hint = MISSING[field]
    error = refused(lambda: settle(make()), PlanError, "has no row for every rank", hint)
    assert error.thing.endswith(f", {field.partition(' of ')[0]}")


# ------------------------------------------------------- decimals


@pytest.mark.parametrize(
    "make",
    [
        lambda: VolumeCommission("p", pay_on="bv", rate_on="bv", brackets={"0.001": "1%"}),
        lambda: LeadershipBonus("p", on="bv", rate="1%", leaders=GOLD, guarantee="0.001"),
        lambda: QualifiedBonus("p", amount="5.00", when=own("bv") >= "0.001"),
        lambda: QualifiedBonus("p", amount="0.001", when=GOLD),
    ],
    ids=["brackets", "guarantee", "condition", "money"],
)
def test_what_is_too_fine_is_told_the_decimals_of_its_own_unit(make):
    """A volume that has two decimals is not blamed on a currency; the number of decimals is said."""
    error = refused(lambda: settle(make()), MoneyError, "has more decimals than its unit", "up to 2 decimals")
    assert "currency" not in error.problem + error.allowed
