"""Pairing of two legs: against the slow twin, over several periods, and what it promises."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._kernels.pairing import cycles_of
from fenxiao.errors import MoneyOverflowError, PlanError, RateError, Reason, StateError
from fenxiao.placement import Placement
from fenxiao.policies import BinaryPairing, Cycle
from fenxiao.qualification import Tiers
from fenxiao.volumes import Carry, own
from tests.expressions.refusals import refused
from tests.oracles import pairing as slow

ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
KEEPS = fx.column("keeps") == True  # noqa: E712  # builds a condition
VOLUMES = [100, 200, 50, 250, 400, 99, 101, 1, 0, 2000, 999]
many = settings(max_examples=60, deadline=None)


@st.composite
def binary_worlds(draw, *, most=9, periods=3):
    """Draw positions with places and flags, and what everybody turns over in each period."""
    size = draw(st.integers(1, most))
    free, places = [], {}
    for member in range(size):
        choice = draw(st.integers(0, 2 * len(free)))
        if member and choice < 2 * len(free) and free:
            places[member] = free.pop(choice // 2)
        else:
            places[member] = (None, None) if draw(st.integers(0, 5)) else None
        if places[member] is not None:
            free += [(member, 0), (member, 1)]
    flags = {member: draw(st.booleans()) or draw(st.booleans()) for member in places}
    volume = st.sampled_from(VOLUMES) | st.integers(0, 3000)
    return {
        "places": places,
        "active": flags,
        "keeps": {member: bool(draw(st.integers(0, 3))) for member in places},
        "periods": [
            {member: Fraction(draw(volume)) for member in places}
            for _ in range(draw(st.integers(1, periods)))
        ],
    }


@st.composite
def pairings(draw):
    """Draw the options of a pairing: as the twin reads them, and as the library does."""
    form = draw(st.sampled_from(["rate", "cycle", "tiers"]))
    twin = {"leftover": draw(st.sampled_from(["carry", "net_off", "flush"]))}
    if form == "rate":
        twin["rate"] = draw(
            st.sampled_from([Fraction(1, 10), Fraction(1, 5), Fraction(1, 3), Fraction(2, 25)])
        )
        twin["factor"] = draw(st.sampled_from([Fraction(1), Fraction(2, 5)]))
        twin["increment"] = draw(st.sampled_from([None, 1, 50, 200]))
        twin["by_ratio"] = draw(st.booleans())
        twin["rounding"] = draw(st.sampled_from(["floor", "half_up", "half_even", "ceiling"]))
    if form in ("rate", "tiers"):
        twin["match_cap"] = draw(st.sampled_from([None, 100, 250, 5000]))
    if form == "tiers":
        twin["tiers"] = {250: 40_00, 100: 15_00, 2000: 400_00}
    if form == "cycle":
        weak = draw(st.sampled_from([1, 50, 100, 150]))
        twin["cycle"] = (weak + draw(st.sampled_from([0, 1, 50, 100])), weak, 14_00)
        twin["first"] = draw(st.sampled_from([None, (200, 100, 30_00), (2, 1, 300_00)]))
        twin["cycle_cap"] = draw(st.sampled_from([None, 1, 2, 7]))
        twin["reevaluate"] = draw(st.booleans())
    twin["carry_cap"] = draw(st.sampled_from([None, 0, 100, 500]))
    twin["pay_cap"] = draw(st.sampled_from([None, 10_00, 25_00]))
    return twin


def money(cents):
    """Return cents as plans write money."""
    return f"{cents // 100}.{cents % 100:02d}"


WRITTEN = {
    "rate": lambda rate: f"{rate.numerator}/{rate.denominator}",
    "factor": lambda rate: f"{rate.numerator}/{rate.denominator}",
    "increment": str, "match_cap": str, "carry_cap": str, "pay_cap": money,
    "cycle": lambda cycle: Cycle(str(cycle[0]), str(cycle[1]), money(cycle[2])),
    "first": lambda cycle: Cycle(str(cycle[0]), str(cycle[1]), money(cycle[2])),
    "tiers": lambda tiers: {str(least): money(pay) for least, pay in tiers.items()},
}  # fmt: skip
"""How the library writes the twin's options, where it does so differently."""


def built(twin, **more):
    """Return the library's policy of the twin's options."""
    given_options = {name: value for name, value in twin.items() if value is not None}
    fields = {name: WRITTEN.get(name, lambda same: same)(value) for name, value in given_options.items()}
    return BinaryPairing("team", **({"on": own("pv")} | fields | more))


def facts_of(world, period, *, tree=None):
    """Return the facts of one period of a world."""
    places = world["places"]
    # Everybody is sponsored by the first one: legs have nothing to do with sponsors.
    tree = tree or fx.ReferralTree.from_mapping({member: 0 if member else None for member in places})
    rows = [
        {"member": member, "parent": place[0], "leg": place[1]}
        for member, place in places.items()
        if place is not None
    ]
    orders = [
        {"order_id": member, "member": member, "paid": "0.00", "margin": "100000.00", "pv": str(volume)}
        for member, volume in world["periods"][period].items()
    ]
    columns = {
        "member": list(places),
        "active": [world["active"][member] for member in places],
        "keeps": [world["keeps"][member] for member in places],
    }
    return fx.Facts(
        tree=tree,
        orders=fx.Orders.from_records(orders, volumes={"pv": 0}),
        members=fx.Members.from_columns(columns),
        placements={"binary": Placement.from_records(tree, rows)},
    )


def plan_of(*policies, **more):
    """Return a plan with margins that cut nothing."""
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column("margin"), policies=list(policies), **more)
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    return plan


def paid(run, policy="team"):
    """Return cents by member, those with nothing left out."""
    totals = run.totals(policy)
    pairs = zip(totals.members.tolist(), totals.allowed.tolist(), strict=True)
    return {member: amount for member, amount in pairs if amount}


def check_words(run):
    """Check that claims are made of their parts, and that whoever has none is told why."""
    policy, view = run.plan.policies[0], run.views[1]
    claims = paid(run)
    for member in run.facts.tree.ids.tolist():
        index = run.facts.tree.index(member)
        assert sum(part.amount for part in policy.details(view, index)) == claims.get(member, 0)
        if member not in claims:
            assert policy.why_nothing(view, index)[0] > Reason.PAID
        assert str(run.explain_period(member))


@many
@given(binary_worlds(), pairings(), st.booleans(), st.booleans())
def test_pairing_agrees_with_the_twin_over_periods(world, twin, gated, picky):
    """Money, carries, flushed and dropped volume of every position, with the state handed on."""
    policy = built(twin, eligible=ACTIVE if gated else None, keep_if=KEEPS if picky else None)
    plan, state = plan_of(policy), None
    carried = {member: [Fraction(0), Fraction(0)] for member in world["places"]}
    paired = dict.fromkeys(world["places"], False)
    for period in range(len(world["periods"])):
        facts = facts_of(world, period)
        run = fx.settle(facts, plan, state=state)
        legs = slow.legs_of(world["places"], world["periods"][period])
        wanted = {}
        flows = policy.flows(run.views[1])
        for member in world["places"]:
            brought = [new + old for new, old in zip(legs[member], carried[member], strict=True)]
            may = world["places"][member] is not None and (not gated or world["active"][member])
            found = slow.pair(
                brought, paired[member], twin, may=may, keeps=not picky or world["keeps"][member],
                rate=twin.get("rate"),
            )  # fmt: skip
            wanted[member] = found["money"]
            carried[member], paired[member] = found["carried"], found["paired"]
            at = facts.tree.index(member)
            for name, column in (
                ("carried", flows.kept), ("flushed", flows.flushed), ("dropped", flows.dropped),
                ("matched", flows.matched),
            ):  # fmt: skip
                assert column[:, at].tolist() == found[name], (name, member)
        assert paid(run) == {member: amount for member, amount in wanted.items() if amount}
        spent = flows.matched + flows.kept + flows.flushed + flows.dropped
        assert (flows.brought == spent).all()
        check_words(run)
        state = run.state
        again = state.carry("team")
        held = {label: [left, right] for label, left, right in zip(
            again.labels.tolist(), again.left.tolist(), again.right.tolist(), strict=True)}  # fmt: skip
        assert held == {m: legs for m, legs in carried.items() if any(legs) or paired[m]}


@many
@given(binary_worlds(periods=1), pairings(), st.randoms(use_true_random=False))
def test_rows_and_labels_do_not_matter(world, twin, random):
    """Members and orders in another order, under the same labels, are paid the same."""
    run = fx.settle(facts_of(world, 0), plan_of(built(twin)))
    mixed = list(world["places"])
    random.shuffle(mixed)
    other = world | {
        "places": {member: world["places"][member] for member in mixed},
        "periods": [{member: world["periods"][0][member] for member in mixed}],
    }
    tree = fx.ReferralTree.from_mapping({member: 0 if member else None for member in mixed})
    assert paid(fx.settle(facts_of(other, 0, tree=tree), plan_of(built(twin)))) == paid(run)


@many
@given(binary_worlds(), pairings())
def test_two_periods_match_no_more_than_was_brought(world, twin):
    """Over all periods no leg gives more than what was turned over below it."""
    policy, state = built(twin), None
    given_, matched = None, None
    for period in range(len(world["periods"])):
        run = fx.settle(facts_of(world, period), plan_of(policy), state=state)
        flows, facts = policy.flows(run.views[1]), run.facts
        new = facts.placement("binary").leg_sums(run.run.setting.measure(own("pv")).values)
        given_ = new if given_ is None else given_ + new
        matched = flows.matched if matched is None else matched + flows.matched
        assert (matched + flows.kept <= given_).all()
        state = run.state


def two_legs(left, right, **more):
    """Settle a position with two legs of these volumes."""
    world = {
        "places": {0: (None, None), 1: (0, 0), 2: (0, 1)},
        "active": dict.fromkeys(range(3), True), "keeps": dict.fromkeys(range(3), True),
        "periods": [{0: Fraction(7), 1: Fraction(left), 2: Fraction(right)}],
    }  # fmt: skip
    state = more.pop("state", None)
    policy = BinaryPairing("team", **({"on": own("pv"), "leftover": "carry"} | more))
    run = fx.settle(facts_of(world, 0), plan_of(policy), state=state)
    carry = run.state.carry("team")
    legs = [carry.left.tolist(), carry.right.tolist()] if len(carry.labels) else [[0], [0]]
    return paid(run).get(0, 0), legs[0][0], legs[1][0]


@pytest.mark.parametrize(
    ("legs", "options", "wanted"),
    [
        # https://mylistbuilders.com/binary-mlm-software-binary-mlm-plan-calculation-how-it-works/
        ((500, 1000), {"rate": "10%"}, (50_00, 0, 500)),
        ((100, 200), {"rate": "10%"}, (10_00, 0, 100)),
        # http://simonlingusana.blogspot.com/2014/12/calculating-commissions.html
        ((2000, 2000), {"tiers": {"250": "40", "2000": "400"}}, (400_00, 0, 0)),
        ((3500, 2500), {"tiers": {"250": "40", "2000": "400"}}, (400_00, 1500, 500)),
        ((400, 600), {"tiers": {"250": "40", "2000": "400"}}, (40_00, 150, 350)),
        # https://zdanisusanapowerteam.blogspot.com/2013/09/usana-commissions-are-getting.html
        ((400, 600), {"rate": "20%", "match_cap": "5000", "carry_cap": "5000"}, (80_00, 0, 200)),
        ((6000, 7000), {"rate": "20%", "match_cap": "5000", "carry_cap": "5000"}, (1000_00, 1000, 2000)),
        # http://ruthiegage.com/cycle-bonus-training
        ((500, 400), {"cycle": ("200", "100", "14")}, (42_00, 0, 0)),
        ((500, 400), {"cycle": ("200", "100", "14"), "reevaluate": False}, (28_00, 100, 200)),
        # https://hbn.zendesk.com/hc/en-us/articles/360022275091
        ((200, 200), {"rate": "8%", "increment": "200"}, (16_00, 0, 0)),
        ((399, 250), {"rate": "8%", "increment": "200"}, (16_00, 199, 50)),
        # https://thzwater.blogspot.com/p/calculation.html, before the deduction for the product wallet
        ((8000, 50), {"rate": "12%", "factor": "450%", "above_100": True}, (27_00, 7950, 0)),
        # https://dokumen.tips/documents/mlm-software-binary-plan.html, before tax and fees
        ((4, 3), {"cycle": ("1", "1", "200"), "first": ("2", "1", "300")}, (700_00, 0, 0)),
        ((1, 1), {"cycle": ("1", "1", "200"), "first": ("2", "1", "300")}, (0, 1, 1)),
        # chocoalano/mlm-engine, BinaryPairingStrategyTest
        ((300, 100), {"cycle": ("100", "100", "10")}, (10_00, 200, 0)),
        ((350, 270), {"cycle": ("100", "100", "10")}, (20_00, 150, 70)),
        ((350, 270), {"cycle": ("100", "100", "10"), "leftover": "net_off"}, (20_00, 80, 0)),
        # mheuss/mlmforge, commission/binary.rs
        ((500, 500), {"rate": "10%", "leftover": "flush"}, (50_00, 0, 0)),
        ((1000, 200), {"rate": "10%", "carry_cap": "200"}, (20_00, 200, 0)),
        ((500, 500), {"rate": "10%", "leftover": "flush", "pay_cap": "25"}, (25_00, 0, 0)),
        ((500, 500), {"rate": "10%", "leftover": "flush", "pay_cap": "50"}, (50_00, 0, 0)),
    ],
)  # fmt: skip
def test_published_numbers(legs, options, wanted):
    """What sources print of pairing, to the cent and to the unit."""
    assert two_legs(*legs, **options) == wanted


def test_what_was_carried_counts_in_the_next_period():
    """An opening carry of 300 and 400 with 200 and 100 new makes 500 and 500 (mlmforge, binary.rs)."""
    before = fx.State(
        carries=[Carry(policy="team", labels=[0], left=[300], right=[400], paired=[False], decimals=0)]
    )
    assert two_legs(200, 100, rate="10%", leftover="flush", state=before) == (50_00, 0, 0)


def test_the_first_pair_is_made_once_in_a_lifetime():
    """Whoever has paired before needs no other first pair."""
    before = fx.State(
        carries=[Carry(policy="team", labels=[0], left=[0], right=[0], paired=[True], decimals=0)]
    )
    options = {"cycle": ("1", "1", "200"), "first": ("2", "1", "300")}
    assert two_legs(1, 1, state=before, **options)[0] == 200_00


def test_positions_of_one_owner_carry_for_themselves_and_are_capped_together():
    """P2 of 1000 and 500, P3 of 200 and 800: carries stay apart; the owner's cap is shared pro rata."""
    places = {"p1": (None, None), "p2": ("p1", 0), "p3": ("p1", 1)}
    places |= {"a": ("p2", 0), "b": ("p2", 1), "c": ("p3", 0), "d": ("p3", 1)}
    tree = fx.ReferralTree.from_mapping({name: None if name == "p1" else "p1" for name in places})
    volume = {"a": "1000", "b": "500", "c": "200", "d": "800"}
    orders = [
        {"order_id": name, "member": name, "paid": "0.00", "margin": "1000.00", "pv": pv}
        for name, pv in volume.items()
    ]
    columns = {"member": list(places), "owner": ["o" if name in ("p2", "p3") else name for name in places]}
    rows = [{"member": name, "parent": up, "leg": leg} for name, (up, leg) in places.items()]
    facts = fx.Facts(
        tree=tree, orders=fx.Orders.from_records(orders, volumes={"pv": 0}),
        members=fx.Members.from_columns(columns), placements={"binary": Placement.from_records(tree, rows)},
    )  # fmt: skip
    policy = BinaryPairing("team", on=own("pv"), rate="10%", leftover="carry")
    run = fx.settle(facts, plan_of(policy))
    carry = run.state.carry("team")
    held = dict(
        zip(carry.labels.tolist(), zip(carry.left.tolist(), carry.right.tolist(), strict=True), strict=True)
    )
    assert held == {"p1": (500, 0), "p2": (500, 0), "p3": (0, 600)}
    assert paid(run) == {"p1": 100_00, "p2": 50_00, "p3": 20_00}
    capped = fx.settle(facts, plan_of(policy, caps=[fx.Cap.per_owner("35.00")]))
    assert paid(capped) == {"p1": 35_00, "p2": 25_00, "p3": 10_00}


def test_rates_by_own_volume():
    """The rate of a pairing may hang on what one turned over oneself (HBN: 8 % from 50 CV on)."""
    tiers = Tiers("pairing rate", on=own("pv"), brackets={"0": "0%", "50": "8%", "200": "10%"})
    world = {
        "places": {0: (None, None), 1: (0, 0), 2: (0, 1)},
        "active": dict.fromkeys(range(3), True), "keeps": dict.fromkeys(range(3), True),
        "periods": [{0: Fraction(50), 1: Fraction(200), 2: Fraction(200)}],
    }  # fmt: skip
    policy = BinaryPairing(
        "team", on=own("pv"), by_rank={"0%": "0%", "8%": "8%", "10%": "10%"}, rank_column="pairing rate",
        leftover="carry",
    )  # fmt: skip
    assert paid(fx.settle(facts_of(world, 0), plan_of(policy, qualifications=[tiers]))) == {0: 16_00}


def test_a_period_is_told_leg_by_leg():
    """Statements name what was matched and what is carried; whoever gets nothing reads why."""
    world = {
        "places": {0: (None, None), 1: (0, 0), 2: (0, 1), 3: None},
        "active": {0: True, 1: False, 2: True, 3: True}, "keeps": dict.fromkeys(range(4), True),
        "periods": [{0: Fraction(0), 1: Fraction(500), 2: Fraction(1000), 3: Fraction(5)}],
    }  # fmt: skip
    policy = BinaryPairing("team", on=own("pv"), rate="10%", leftover="carry", eligible=ACTIVE)
    run = fx.settle(facts_of(world, 0), plan_of(policy))
    assert str(run.explain_period(0)) == (
        "team: 50.00 of 50.00 claimed\n"
        "  50.00: 10 % of 500.00, matched 500 and 500 of legs of 500 and 1000; carried 0 and 500"
    )
    assert "has no place in 'binary'" in str(run.explain_period(3))
    assert "active False is not True" in str(run.explain_period(1))
    assert "legs of 0 and 0 do not match" in str(run.explain_period(2))
    capped = BinaryPairing("team", on=own("pv"), cycle=("200", "100", "14"), pay_cap="20", leftover="carry")
    told = str(fx.settle(facts_of(world, 0), plan_of(capped)).explain_period(0))
    assert "3 pairs; matched 400 and 500" in told or "pairs; matched" in told
    assert "at most 20" in told


TWO = fx.ReferralTree.from_mapping({0: None, 1: 0})
PLACES = [{"member": 0, "parent": None, "leg": None}, {"member": 1, "parent": 0, "leg": 2}]
GOOD = {"on": own("pv"), "rate": "10%", "leftover": "carry"}


def pairing(**more):
    """Return a pairing with other fields."""
    return BinaryPairing("team", **(GOOD | more))


REFUSED = {
    "no form": (lambda: pairing(rate=None), PlanError, "exactly one form"),
    "two forms": (lambda: pairing(tiers={"250": "40"}), PlanError, "exactly one form"),
    "float rate": (lambda: pairing(rate=0.1), RateError, "float"),
    "rate above 100 %": (lambda: pairing(rate="110%"), RateError, "above_100=True"),
    "factor above 100 %": (lambda: pairing(factor="450%"), RateError, "above_100=True"),
    "leftover left out": (lambda: pairing(leftover=""), PlanError, 'leftover="carry"'),
    "leftover": (lambda: pairing(leftover="keep"), PlanError, "net_off"),
    "first without cycles": (lambda: pairing(first=("2", "1", "3")), PlanError, "first with cycle"),
    "cycle cap of a rate": (lambda: pairing(cycle_cap=3), PlanError, "cycle_cap with cycle"),
    "frozen leg of a rate": (lambda: pairing(reevaluate=False), PlanError, "reevaluate"),
    "ratio of tiers": (
        lambda: pairing(rate=None, tiers={"1": "1"}, by_ratio=True), PlanError, "by_ratio with rate",
    ),
    "cycle cap": (
        lambda: pairing(rate=None, cycle=("1", "1", "1"), cycle_cap=True), PlanError, "1, 2, 3",
    ),
    "cycle of nothing": (lambda: Cycle("1", "0", "1"), PlanError, "more than nothing"),
    "cycle upside down": (lambda: Cycle("1", "2", "1"), PlanError, "as much or more"),
    "cycle of a number": (lambda: Cycle(200, "100", "1"), PlanError, "no amount"),
    "cycle of two": (lambda: pairing(rate=None, cycle=("1", "1")), PlanError, "cannot be read"),
    "increment": (lambda: pairing(increment=200), PlanError, 'such as "5000"'),
    "negative cap": (lambda: pairing(carry_cap="-1"), PlanError, 'such as "5000"'),
    "tiers": (lambda: pairing(rate=None, tiers={"250": 40}), PlanError, "no volume and amount"),
    "no placement": (
        lambda: fx.settle(
            fx.Facts(tree=fx.ReferralTree.from_mapping({1: None})), plan_of(pairing(on=own("orders")))
        ),
        fx.errors.InputError, "binary",
    ),
    "three legs": (
        lambda: fx.settle(
            fx.Facts(tree=TWO, placements={"binary": Placement.from_records(TWO, PLACES, width=3)}),
            plan_of(pairing(on=own("orders"))),
        ),
        PlanError, "width 2",
    ),
    "increment of nothing": (lambda: two_legs(1, 1, rate="1%", increment="0"), PlanError, "can be matched"),
    "finer than the volume": (
        lambda: two_legs(1, 1, rate="1%", increment="0.5"), fx.FenxiaoError, "increment",
    ),
    "too much": (
        lambda: two_legs(1, 1, cycle=("4611686018427387904", "1", "1")), PlanError, "can be matched",
    ),
    "state of another unit": (
        lambda: two_legs(1, 1, rate="1%", state=fx.State(carries=[
            Carry(policy="team", labels=[0], left=[1], right=[1], paired=[False], decimals=2)])),
        StateError, "another unit",
    ),
    "state of strangers": (
        lambda: two_legs(1, 1, rate="1%", state=fx.State(carries=[
            Carry(policy="team", labels=[99], left=[1], right=[1], paired=[False], decimals=0)])),
        StateError, "not in the tree",
    ),
    "state of another policy": (
        lambda: two_legs(1, 1, rate="1%", state=fx.State(carries=[
            Carry(policy="old", labels=[0], left=[1], right=[1], paired=[False], decimals=0)])),
        StateError, "does not have",
    ),
    "carried too much": (
        lambda: two_legs(1, 1, rate="1%", state=fx.State(carries=[
            Carry(policy="team", labels=[0], left=[2**63 - 1], right=[1], paired=[False], decimals=0)])),
        MoneyOverflowError, "carry_cap",
    ),
    "pay beyond 64 bits": (
        lambda: two_legs(2**40, 2**40, cycle=("1", "1", "1000000000000")), MoneyOverflowError, "cycle_cap",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_paired_is_refused_in_words(name):
    """Every refusal names the thing, what is allowed or the next step."""
    make, kind, part = REFUSED[name]
    refused(make, kind, part)


CARRIES = {
    "float": {"left": [1.5]}, "negative": {"left": [-1]}, "lengths": {"left": [1, 2]},
    "no flags": {"paired": [1]},
    "twice": {"labels": [0, 0], "left": [1, 1], "right": [1, 1], "paired": [True, True]},
}  # fmt: skip


@pytest.mark.parametrize("name", CARRIES)
def test_what_is_no_carry_is_refused(name):
    """Volumes that are no whole numbers, columns of different lengths, positions twice."""
    fields = {"policy": "team", "labels": [0], "left": [1], "right": [1], "paired": [False], "decimals": 0}
    refused(lambda: Carry(**(fields | CARRIES[name])), StateError, "State, ")


def test_one_carry_a_policy():
    """A state with two carries of one policy is none."""
    carry = Carry(policy="team", labels=[0], left=[1], right=[1], paired=[False], decimals=0)
    refused(lambda: fx.State(carries=[carry, carry]), StateError, "one policy")
    assert np.array_equal(carry.on(fx.ReferralTree.from_mapping({0: None}), 0)[0], [1])


def test_what_a_pairing_reads_is_told():
    """Measures and columns of every field are named."""
    policy = pairing(eligible=own("paid") >= "1", keep_if=ACTIVE, rate=None, by_rank={"none": "1%"})
    assert [repr(measure) for measure in policy.measures()] == ["own('pv')", "own('paid')"]
    assert policy.member_columns() == ("active", "rank")
    assert pairing().member_columns() == ()


def test_what_rounds_to_nothing_is_told():
    """One of ten thousand of a matched 7 is no cent; of a tier of nothing there is none either."""
    world = {
        "places": {0: (None, None), 1: (0, 0), 2: (0, 1)},
        "active": dict.fromkeys(range(3), True), "keeps": dict.fromkeys(range(3), True),
        "periods": [{0: Fraction(0), 1: Fraction(7), 2: Fraction(7)}],
    }  # fmt: skip
    for options, reason in (
        ({"rate": "1/10000"}, Reason.ROUNDED_TO_ZERO),
        ({"rate": "0%"}, Reason.ZERO_RATE),
        ({"rate": None, "tiers": {"5": "0"}}, Reason.ZERO_RATE),
    ):
        run = fx.settle(facts_of(world, 0), plan_of(pairing(**options)))
        found = run.plan.policies[0].why_nothing(run.views[1], 0)
        assert found == (reason, "legs of 7 and 7")


def test_what_is_carried_is_part_of_the_fingerprint():
    """The same carries in another order are the same; other volumes are not."""
    one = Carry(policy="team", labels=[1, 2], left=[5, 6], right=[0, 0], paired=[True, False], decimals=0)
    two = Carry(policy="team", labels=[2, 1], left=[6, 5], right=[0, 0], paired=[False, True], decimals=0)
    three = Carry(policy="team", labels=[1, 2], left=[5, 7], right=[0, 0], paired=[True, False], decimals=0)
    assert one.fingerprint() == two.fingerprint() != three.fingerprint()
    world = {
        "places": {0: (None, None), 1: (0, 0), 2: (0, 1)},
        "active": dict.fromkeys(range(3), True), "keeps": dict.fromkeys(range(3), True),
        "periods": [{0: Fraction(0), 1: Fraction(7), 2: Fraction(9)}],
    }  # fmt: skip
    runs = [
        fx.settle(facts_of(world, 0), plan_of(pairing()), state=state)
        for state in (None, fx.State(carries=[Carry(
            policy="team", labels=[1], left=[3], right=[0], paired=[False], decimals=0)]))
    ]  # fmt: skip
    assert paid(runs[0]) == paid(runs[1])
    assert runs[0].fingerprint() != runs[1].fingerprint()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 12), st.integers(0, 12), st.booleans(), st.booleans(),
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 400) | st.none(), st.integers(0, 20)),
        min_size=1, max_size=40,
    ),
)  # fmt: skip
def test_cycles_in_closed_form_are_cycles_one_by_one(weak, more, reevaluate, limited, rows):
    """However the legs take turns, and whatever limits them, counting at once is counting one by one."""
    strong = weak + more
    # Where the right leg is None both are equal: of equal legs the left one is the stronger.
    left, right, most = (np.array(column) for column in zip(
        *((a, a if b is None else b, limit) for a, b, limit in rows), strict=True))  # fmt: skip
    found = cycles_of(left, right, strong, weak, reevaluate=reevaluate, most=most if limited else None)
    for place, row in enumerate(zip(left.tolist(), right.tolist(), most.tolist(), strict=True)):
        one, other, limit = row
        count, legs = slow.make_cycles(
            one, other, strong, weak, limit if limited else 10**9, reevaluate=reevaluate
        )
        wanted = (count, one - legs[0], other - legs[1])
        assert tuple(int(column[place]) for column in found) == wanted


def test_a_leg_that_lost_more_than_it_made_counts_as_nothing():
    """Losses below are no volume to pair, nor to carry; what was carried makes up for them first."""
    tree = fx.ReferralTree.from_mapping({"P": None, "L": "P", "R": "P"})
    rows = [
        {"member": "P"},
        {"member": "L", "parent": "P", "leg": 0},
        {"member": "R", "parent": "P", "leg": 1},
    ]
    orders = [
        {"order_id": member, "member": member, "paid": "1000.00", "margin": margin}
        for member, margin in (("P", "900.00"), ("L", "-50.00"), ("R", "80.00"))
    ]
    facts = fx.Facts(
        tree=tree,
        orders=fx.Orders.from_records(orders),
        placements={"binary": Placement.from_records(tree, rows)},
    )
    plan = plan_of(pairing(on=own("margin")))
    run = fx.settle(facts, plan)
    assert paid(run) == {}
    assert run.plan.policies[0].flows(run.views[1]).brought[:, 0].tolist() == [0, 80_00]
    before = fx.State(
        carries=[Carry(policy="team", labels=["P"], left=[70_00], right=[0], paired=[False], decimals=2)]
    )
    assert paid(fx.settle(facts, plan, state=before)) == {"P": 2_00}
