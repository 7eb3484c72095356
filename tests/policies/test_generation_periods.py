"""Generations on the period: leaders on volumes of members, everybody on sums of generations."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import PlanError, RateError, Reason
from fenxiao.policies import GenerationBonus, GenerationMatch, GenerationVolumeBonus
from fenxiao.volumes import own
from tests.expressions.refusals import refused
from tests.oracles.engine_rules import forest_shapes, round_to
from tests.oracles.walks import RANKS, generation_of, generation_payees, own_volume
from tests.strategies.networks import pay, rates, settled, text, worlds

ACTIVE = {"column": "active", "is": True}
GOLD = {"column": "rank", "at_least": "gold"}
many = settings(max_examples=40, deadline=None)


def generations(name="generations", **options):
    """Return a bonus of 10 % and 5 % of own volume for leaders from silver on."""
    return GenerationVolumeBonus(
        name,
        **({"on": own("paid"), "rates": ["10%", "5%"], "from_rank": "silver", "if_not": "company"} | options),
    )


def match(name="match", **options):
    """Return a share of 10 % and 5 % of own volume by generation."""
    return GenerationMatch(name, **({"on": own("paid"), "rates": ["10%", "5%"], "boundary": GOLD} | options))


def check_words(run, world):
    """Check that every claim is the sum of its parts, and that whoever has none is told why."""
    for member in world["parents"]:
        index = run.facts.tree.index(member)
        for policy in run.plan.policies:
            claim = pay(run, policy.name).get(member, 0)
            assert sum(part.amount for part in policy.details(run.views[1], index)) == claim
            if not claim:
                assert policy.why_nothing(run.views[1], index)[0] > Reason.PAID
        assert str(run.explain_period(member))


@many
@given(
    worlds(fewest=1), st.lists(rates, min_size=1, max_size=3), st.sampled_from(["any", "own_rank"]),
    st.sampled_from(["company", "roll_up"]), st.sampled_from(RANKS), st.booleans(), rates.filter(bool),
    st.sampled_from(["floor", "half_up", "ceiling"]),
)  # fmt: skip
def test_leaders_are_paid_on_what_members_turned_over(
    world, table, boundary, if_not, least, active, factor, rounding
):
    """Each amount is rounded once a source and generation; the payees are those of an order of the source."""
    policy = generations(
        rates=[text(rate) for rate in table], from_rank=least, boundary=boundary, if_not=if_not,
        factor=text(factor), eligible=ACTIVE if active else None, rounding=rounding,
    )  # fmt: skip
    wanted = {}
    for source, volume in own_volume(world).items():
        pairs = generation_payees(
            world, source, len(table), RANKS.index(least), boundary,
            lambda member: not active or world["active"][member], if_not,
        )  # fmt: skip
        for generation, payee in pairs:
            amount = round_to(volume * factor * table[generation - 1], rounding)
            wanted[payee] = wanted.get(payee, 0) + amount
    run = settled(world, policy)
    assert pay(run, "generations") == {member: amount for member, amount in wanted.items() if amount}
    check_words(run, world)


@many
@given(worlds(), st.lists(rates, min_size=1, max_size=3), st.booleans())
def test_everybody_is_paid_on_the_sums_of_his_generations(world, table, active):
    """Of a measure as of pay: one amount a payee and generation, rounded once."""
    policy = match(rates=[text(rate) for rate in table], eligible=ACTIVE if active else None)
    run = settled(world, policy)
    assert pay(run, "match") == shares(world, table, lambda member: not active or world["active"][member])
    check_words(run, world)


def shares(world, table, may):
    """Return by the words of the policy what everybody gets."""
    wanted, volume = {}, own_volume(world)
    for payee in world["parents"]:
        for number, rate in enumerate(table, 1):
            below = [
                source
                for source in world["parents"]
                if source != payee
                and generation_of(world, payee, source, lambda m: RANKS.index(world["rank"][m]) >= 2)
                == number
            ]
            amount = round_to(sum(volume[source] for source in below) * rate)
            if amount and may(payee):
                wanted[payee] = wanted.get(payee, 0) + amount
    return wanted


@pytest.mark.parametrize("size", range(1, 7))
def test_every_small_forest_of_leaders(size):
    """All shapes of up to six members, with every choice of leaders, at one unit around a rounding step."""
    table = [Fraction(1, 10), Fraction(1, 20)]
    world = {name: {} for name in ("parents", "rank", "active", "joined", "role")} | {"orders": []}
    for up in forest_shapes(size):
        for leaders in range(2**size):
            base = len(world["parents"])
            for member, sponsor in up.items():
                label = base + member
                world["parents"][label] = None if sponsor is None else base + sponsor
                world["rank"][label] = "gold" if leaders >> member & 1 else "none"
                paid = (99, 100, 101, 199, 0, 201)[member]
                world["orders"].append({"id": label, "member": label, "paid": paid, "quantity": 1})
                world["active"][label], world["joined"][label], world["role"][label] = True, 0, None
    run = settled(world, generations(from_rank="gold"), match())
    # Forests do not touch: each is worked out alone, then all are compared at once.
    wanted_leaders, wanted_everybody = {}, {}
    volume = {order["member"]: order["paid"] for order in world["orders"]}
    for base in range(0, len(world["parents"]), size):
        part = range(base, base + size)
        alone = world | {
            "parents": {member: world["parents"][member] for member in part},
            "orders": [order for order in world["orders"] if order["member"] in part],
        }
        wanted_everybody |= shares(alone, table, lambda _: True)
        for source in part:
            for generation, payee in generation_payees(
                alone, source, 2, RANKS.index("gold"), "any", lambda _: True, "company"
            ):
                amount = round_to(volume[source] * table[generation - 1])
                wanted_leaders[payee] = wanted_leaders.get(payee, 0) + amount
    assert pay(run, "generations") == {member: amount for member, amount in wanted_leaders.items() if amount}
    assert pay(run, "match") == wanted_everybody


CHAIN = {
    "parents": {0: None, 1: 0, 2: 1, 3: 2}, "rank": {0: "jade", 1: "gold", 2: "silver", 3: "none"},
    "active": {0: True, 1: False, 2: True, 3: True}, "joined": dict.fromkeys(range(4), 0),
    "role": dict.fromkeys(range(4)), "orders": [{"id": 1, "member": 3, "paid": 1000, "quantity": 1}],
}  # fmt: skip
WHY = {
    "no volume below": (generations(), 3, Reason.ZERO_RATE, "nobody below has any"),
    "beyond the table": (generations(rates=["10%"]), 0, Reason.BEYOND_DEPTH, ""),
    "no leader": (generations(from_rank="gold"), 2, Reason.COMPRESSED, "rank silver closes no generation"),
    "not eligible": (generations(eligible=ACTIVE), 1, Reason.NOT_ELIGIBLE, "active"),
    "not eligible, rolled up": (
        generations(eligible=ACTIVE, if_not="roll_up"), 1, Reason.NOT_ELIGIBLE, "active",
    ),
    "rounds to nothing": (generations(rates=["1/100000"]), 2, Reason.ROUNDED_TO_ZERO, ""),
    "no rate": (generations(rates=["0%", "5%"]), 2, Reason.ZERO_RATE, ""),
    "match, not eligible": (match(eligible=ACTIVE), 1, Reason.NOT_ELIGIBLE, "active"),
    "match, nothing below": (match(), 3, Reason.ZERO_RATE, "nobody in his generations"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHY)
def test_whoever_gets_nothing_is_told_why(name):
    """The reason is the one that holds for the nearest source below."""
    policy, member, reason, words = WHY[name]
    run = settled(CHAIN, policy)
    assert pay(run, policy.name).get(member) is None
    found = policy.why_nothing(run.views[1], run.facts.tree.index(member))
    assert found[0] is reason
    assert words in found[1]


def test_order_generations_are_explained():
    """An order with nobody to pay, none selected, and leaders counted among their own."""
    world = CHAIN | {
        "orders": [
            {"id": 1, "member": 3, "paid": 1000, "quantity": 1},
            {"id": 2, "member": None, "paid": 1000, "quantity": 1},
        ]
    }

    def bonus(**options):
        given_options = {"base": "paid", "rates": ["10%", "0%"], "from_rank": "silver", "if_not": "company"}
        return GenerationBonus("bonus", **(given_options | options))

    run = settled(world, bonus(boundary="own_rank"))
    assert "counted among its own" in str(run.explain(1, 1))
    assert "10.00" not in str(run.explain(0, 2))
    assert "credits no member" in str(run.explain(0, 2))
    assert "rate or the base is zero" in str(settled(world, bonus()).explain(1, 1))
    tiny = settled(world, bonus(rates=["1/100000"]))
    assert "rounds to nothing" in str(tiny.explain(2, 1))
    picky = settled(world, bonus(where=fx.Where(minimum={"paid": "100.00"})))
    assert "does not select" in str(picky.explain(2, 1))
    local = bonus(eligible=own("paid") >= "1", where=fx.Where(first_order=True))
    assert len(local.not_local()) == 2
    assert bonus().not_local() == ()


REFUSED = {
    "no rates": (lambda: generations(rates=[]), PlanError, "1 to 64"),
    "too many": (lambda: generations(rates=["1%"] * 65), PlanError, "1 to 64"),
    "fixed": (lambda: generations(rates=[fx.Fixed("1.00")]), PlanError, "rates by generation"),
    "above 100 %": (lambda: generations(rates=["101%"]), RateError, "above_100=True"),
    "factor above 100 %": (lambda: generations(factor="101%"), RateError, "above_100=True"),
    "float": (lambda: generations(rates=[0.1]), RateError, "float"),
    "boundary": (lambda: generations(boundary="next"), PlanError, "own_rank"),
    "if_not": (lambda: generations(if_not="stop"), PlanError, "roll_up"),
    "if_not left out": (lambda: generations(if_not=""), PlanError, 'if_not="company"'),
    "from_rank": (lambda: generations(from_rank=""), PlanError, "from_rank"),
    "unknown rank": (lambda: settled(CHAIN, generations(from_rank="boss")), PlanError, "jade"),
    "column without an order": (
        lambda: settled(CHAIN, generations(rank_column="role")), PlanError, "GivenRanks",
    ),
    "both": (lambda: match(of="levels"), PlanError, "of or on"),
    "neither": (lambda: match(on=None), PlanError, "of or on"),
    "no names": (lambda: match(of=[3]), PlanError, "unilevel"),
    "no boundary": (lambda: match(boundary=None), PlanError, "boundary"),
    "no such policy": (lambda: settled(CHAIN, match(on=None, of="x", stage=2)), PlanError, "stage"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_generations_is_refused_in_words(name):
    """Bad numbers, names and choices are typed errors that say what is allowed."""
    make, kind, part = REFUSED[name]
    refused(make, kind, part)


def test_what_generations_read_is_recorded():
    """Measures and columns of every field are named, so that histories and orders of evaluation hold."""
    policy = generations(eligible=own("pv") >= "1")
    assert [repr(measure) for measure in policy.measures()] == ["own('pv')", "own('paid')"]
    assert "rank" in policy.member_columns()
    assert [repr(measure) for measure in match().measures()] == ["own('paid')"]
    assert match(on=None, of="levels").matched() == ("levels",)
    assert match(on=None, of="levels") != match()


def test_what_makes_a_leaders_claim_is_told_source_by_source():
    """A part for each member below who turned something over, with generation, base and rate."""
    run = settled(CHAIN, generations(), match())
    parts = run.plan.policies[0].details(run.views[1], run.facts.tree.index(2))
    source = run.facts.tree.index(3)
    assert [(part.amount, part.source, part.level, part.base, part.rate) for part in parts] == [
        (100, source, 1, 1000, "10%")
    ]
    assert "1.00: level 1, from 3, 10 % of 10.00" in str(run.explain_period(2))
    check_words(run, CHAIN)
