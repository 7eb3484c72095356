"""Policies that pay along the sponsors, against slow twins on random worlds: who is paid, and how much."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.policies import (
    CeilingCascade,
    GenerationBonus,
    GenerationMatch,
    LevelBonus,
    MatchingBonus,
    Pair,
    PassUp,
    PriceGap,
    RankDifferential,
    SameRankBonus,
)
from fenxiao.volumes import own
from tests.oracles.walks import (
    RANKS,
    cascade,
    differential,
    generation_of,
    generation_payees,
    level_walk,
    own_volume,
    path_of,
    peers,
    price_gaps,
    recruits_passed,
    share,
    steps_of,
    upline,
)
from tests.strategies.networks import RATES, pay, plus, rates, settled, text, worlds

ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
IF_NOT = ("company", "roll_up", "stop", "last_payee")
many = settings(max_examples=40, deadline=None)


@many
@given(st.data())
def test_levels_over_shortened_paths_pay_whom_a_naive_climb_pays(data):
    """Compression, pass-up, unlocked levels, sources and burns together pay as plain loops do."""
    world = data.draw(worlds())
    if_not = data.draw(st.sampled_from(IF_NOT))
    table = data.draw(st.lists(rates, min_size=1, max_size=3))
    compress = data.draw(st.none() | st.sampled_from(RANKS))
    active, first = data.draw(st.booleans()), data.draw(st.none() | st.integers(1, 2))
    whole, source = data.draw(st.booleans()), data.draw(st.none() | st.sampled_from(RANKS))
    locks = data.draw(
        st.none() | st.lists(st.none() | st.sampled_from(RANKS), min_size=len(table), max_size=len(table))
    )
    policy = fx.LevelCommission(
        "levels",
        base="paid",
        rates=[text(rate) for rate in table],
        if_not=if_not,
        compress=None if compress is None else fx.column("rank") >= compress,
        eligible=ACTIVE if active else None,
        pass_up=None if first is None else PassUp(first=first, whole_branch=whole),
        source=None if source is None else fx.column("rank") >= source,
        unlocks=()
        if locks is None
        else [None if lock is None else fx.column("rank") >= lock for lock in locks],
    )

    def at_least(member, rank):
        return rank is None or RANKS.index(world["rank"][member]) >= RANKS.index(rank)

    def qualifies(member, level):
        return (not active or world["active"][member]) and (locks is None or at_least(member, locks[level]))

    on = None if compress is None else {member for member in world["parents"] if at_least(member, compress)}
    passed = set() if first is None else recruits_passed(world, first, world["joined"])
    wanted = {}
    for order in world["orders"]:
        if order["member"] is None or not at_least(order["member"], source):
            continue
        path = path_of(world, order["member"], on=on, passed=passed, whole_branch=whole)
        payees = level_walk(path, len(table), if_not, qualifies)
        for payee, rate in zip(payees, table, strict=True):
            if payee is not None:
                plus(wanted, {payee: 0})
                wanted[payee] = wanted.get(payee, 0) + share(order["paid"], rate)
    run = settled(world, policy)
    assert pay(run, "levels") == {member: amount for member, amount in wanted.items() if amount}
    for member in world["parents"]:
        for order in world["orders"]:
            assert str(run.explain(member, order["id"]))


@many
@given(worlds(), st.integers(1, 2), st.lists(rates, min_size=1, max_size=3))
def test_first_sales_count_as_the_sponsors(world, first, table):
    """A member's first sales start their walk at his sponsor, by time and then by order id."""
    policy = fx.LevelCommission(
        "levels", base="paid", rates=[text(rate) for rate in table], start_level=0, if_not="company",
        pass_up=PassUp(first=first, of="sales"),
    )  # fmt: skip
    wanted, count = {}, dict.fromkeys(world["parents"], 0)
    for order in sorted(world["orders"], key=lambda order: (order["id"] % 3, order["id"])):
        if order["member"] is None:
            continue
        chain = [order["member"], *upline(world["parents"], order["member"])]
        count[order["member"]] += 1
        for payee, rate in zip(chain[count[order["member"]] <= first :], table, strict=False):
            wanted[payee] = wanted.get(payee, 0) + share(order["paid"], rate)
    run = settled(world, policy, anchor="paid_at", zone="UTC")
    assert pay(run, "levels") == {member: amount for member, amount in wanted.items() if amount}


@many
@given(worlds(), st.sampled_from(["company", "stop", "last_payee"]), st.booleans())
def test_burns_and_pairs_look_at_payee_and_source(world, if_not, pair):
    """The lower of two ranks is paid; a condition between payee and source decides who qualifies."""
    table = {"none": [], "silver": ["1/10"], "gold": ["1/5", "1/10"], "jade": ["1/3", "1/5"]}
    policy = fx.LevelCommission(
        "levels", base="paid", by_rank=table, if_not=if_not, burn=True,
        only_if=Pair("joined", ">=", "joined") if pair else None,
    )  # fmt: skip
    exact = {rank: [Fraction(rate) for rate in row] for rank, row in table.items()}
    wanted = {}
    for order in world["orders"]:
        source = order["member"]
        if source is None:
            continue

        def qualifies(member, level, source=source):
            fits = not pair or world["joined"][member] >= world["joined"][source]
            return level < len(exact[world["rank"][member]]) and fits

        payees = level_walk(upline(world["parents"], source), 2, if_not, qualifies)
        for level, payee in enumerate(payees):
            if payee is not None:
                lower = min(world["rank"][payee], world["rank"][source], key=RANKS.index)
                row = exact[lower]
                rate = row[level] if level < len(row) else Fraction(0)
                wanted[payee] = wanted.get(payee, 0) + share(order["paid"], rate)
    run = settled(world, policy)
    assert pay(run, "levels") == {member: amount for member, amount in wanted.items() if amount}


differentials = st.fixed_dictionaries(dict.fromkeys(RANKS, rates))


@many
@given(worlds(), differentials, st.sampled_from([0, 1]), st.booleans(), st.booleans(), st.none() | rates)
def test_a_rank_differential_pays_every_step_above_what_is_paid_below(
    world, table, start, active, blocks, ceiling
):
    """Steps are those of a running maximum; if all are eligible, an order pays its highest rate once."""
    policy = RankDifferential(
        "career", base="paid", rates={rank: text(rate) for rank, rate in table.items()},
        start_level=start, eligible=ACTIVE if active else None, blocks=blocks,
        ceiling=None if ceiling is None else text(ceiling),
    )  # fmt: skip

    def rate_of(member):
        rate = table[world["rank"][member]]
        return rate if ceiling is None else min(rate, ceiling)

    wanted, highest = {}, 0
    for order in world["orders"]:
        if order["member"] is None:
            continue
        chain = ([order["member"]] if start == 0 else []) + upline(world["parents"], order["member"])
        for member, amount in differential(
            chain, rate_of, order["paid"], may=lambda m: not active or world["active"][m], blocks=blocks
        ).items():
            wanted[member] = wanted.get(member, 0) + amount
        highest += share(order["paid"], max(map(rate_of, chain), default=Fraction(0)))
    run = settled(world, policy)
    found = pay(run, "career")
    assert found == {member: amount for member, amount in wanted.items() if amount}
    if not active:
        assert sum(found.values()) == highest
    for member in world["parents"]:
        for order in world["orders"]:
            assert str(run.explain(member, order["id"]))


@many
@given(worlds(), differentials, differentials)
def test_a_residual_differential_pays_what_the_seller_leaves(world, sellers, uplines):
    """What counts as paid to the seller is not paid again, and he is not paid by this policy."""
    policy = RankDifferential(
        "residual", base="paid", rates={rank: text(rate) for rank, rate in uplines.items()},
        seller_rates={rank: text(rate) for rank, rate in sellers.items()},
    )  # fmt: skip
    wanted = {}
    for order in world["orders"]:
        if order["member"] is not None:
            wanted = plus(wanted, differential(
                upline(world["parents"], order["member"]), lambda m: uplines[world["rank"][m]], order["paid"],
                opening=sellers[world["rank"][order["member"]]],
            ))  # fmt: skip
    assert pay(settled(world, policy), "residual") == wanted


@many
@given(worlds(), st.lists(rates, min_size=1, max_size=2), st.booleans(), st.booleans())
def test_peers_are_the_next_of_the_same_rank(world, people, active, of_step):
    """Same-rank bonuses go to the next of the taker's rank before a higher one, besides the differential."""
    table = {"none": Fraction(0), "silver": Fraction(1, 10), "gold": Fraction(1, 5), "jade": Fraction(3, 10)}
    career = RankDifferential("career", base="paid", rates={rank: text(rate) for rank, rate in table.items()})
    bonus = SameRankBonus(
        "peers", of="career", base="step" if of_step else "paid", rates=[text(rate) for rate in people],
        eligible=ACTIVE if active else None,
    )  # fmt: skip
    wanted = {}
    for order in world["orders"]:
        if order["member"] is None:
            continue
        chain = upline(world["parents"], order["member"])
        for taker, worth in steps_of(chain, lambda m: table[world["rank"][m]], order["paid"]):
            found = peers(world, taker, len(people), lambda m: not active or world["active"][m])
            for peer, rate in zip(found if worth else [], people, strict=False):
                amount = share(worth if of_step else order["paid"], rate)
                wanted[peer] = wanted.get(peer, 0) + amount
    alone = pay(settled(world, career), "career")
    run = settled(world, career, bonus)
    assert pay(run, "peers") == {member: amount for member, amount in wanted.items() if amount}
    assert pay(run, "career") == alone


@many
@given(worlds(), st.lists(rates, max_size=2), st.sampled_from([0, 1]), st.booleans())
def test_a_cascade_pays_roles_up_to_their_ceiling(world, user_rates, start, active):
    """Users are paid by level, roles their ceiling less everything below; nothing exceeds the last total."""
    ceilings = {"staff": Fraction(1, 5), "agent": Fraction(2, 5), "dept": Fraction(3, 5)}
    policy = CeilingCascade(
        "mall", base="paid", ceilings={role: text(rate) for role, rate in ceilings.items()},
        user_rates=[text(rate) for rate in user_rates], start_level=start,
        eligible=ACTIVE if active else None,
    )  # fmt: skip
    wanted, most = {}, 0
    for order in world["orders"]:
        if order["member"] is not None:
            chain = ([order["member"]] if start == 0 else []) + upline(world["parents"], order["member"])
            found = cascade(
                chain, world["role"].get, ceilings, user_rates, order["paid"],
                lambda m: not active or world["active"][m],
            )  # fmt: skip
            wanted = plus(wanted, found)
            most += share(order["paid"], max(Fraction(3, 5), sum(user_rates, Fraction(0))))
    run = settled(world, policy)
    assert pay(run, "mall") == wanted
    assert sum(wanted.values()) <= most
    for member in world["parents"]:
        for order in world["orders"]:
            assert str(run.explain(member, order["id"]))


@many
@given(worlds(), st.booleans())
def test_price_gaps_telescope_and_mark_ups_are_only_shown(world, active):
    """The gaps of an order add up to the seller's price less the lowest above him, times the quantity."""
    prices = {"none": 9000, "silver": 7000, "gold": 6000, "jade": 4000}
    policy = PriceGap(
        "stock", prices={rank: f"{price / 100:.2f}" for rank, price in prices.items()},
        eligible=ACTIVE if active else None,
    )  # fmt: skip
    wanted, shown, reach = {}, {}, 0
    for order in world["orders"]:
        if order["member"] is None:
            continue
        seller, quantity = order["member"], order["quantity"]
        wanted = plus(
            wanted, price_gaps(world, seller, prices, quantity, lambda m: not active or world["active"][m])
        )
        shown[seller] = shown.get(seller, 0) + order["paid"] - prices[world["rank"][seller]] * quantity
        chain = [prices[world["rank"][member]] for member in (seller, *upline(world["parents"], seller))]
        reach += (chain[0] - min(chain)) * quantity
    run = settled(world, policy)
    assert pay(run, "stock") == wanted
    if not active:
        assert sum(wanted.values()) == reach
    labels, amounts = run.shown("stock").members.tolist(), run.shown("stock").allowed.tolist()
    assert {m: a for m, a in zip(labels, amounts, strict=True) if a} == {m: a for m, a in shown.items() if a}


@many
@given(
    worlds(), st.lists(rates, min_size=1, max_size=3), st.sampled_from(["any", "own_rank"]),
    st.sampled_from(["company", "roll_up"]), st.sampled_from(RANKS), st.booleans(),
)  # fmt: skip
def test_generations_are_counted_by_leaders(world, table, boundary, if_not, least, active):
    """The k-th leader is paid generation k; by own rank each rank counts for itself, a table a rank."""
    policy = GenerationBonus(
        "generations", base="paid", rates=[text(rate) for rate in table], from_rank=least, boundary=boundary,
        if_not=if_not, eligible=ACTIVE if active else None,
    )  # fmt: skip
    wanted = {}
    for order in world["orders"]:
        if order["member"] is None:
            continue
        pairs = generation_payees(
            world, order["member"], len(table), RANKS.index(least), boundary,
            lambda m: not active or world["active"][m], if_not,
        )  # fmt: skip
        for generation, payee in pairs:
            wanted[payee] = wanted.get(payee, 0) + share(order["paid"], table[generation - 1])
        tables = 1 if boundary == "any" else len(RANKS) - RANKS.index(least)
        claimed = sum(share(order["paid"], table[generation - 1]) for generation, _ in pairs)
        assert claimed <= tables * sum(share(order["paid"], rate) for rate in table)
    run = settled(world, policy)
    assert pay(run, "generations") == {member: amount for member, amount in wanted.items() if amount}
    for member in world["parents"]:
        for order in world["orders"]:
            assert str(run.explain(member, order["id"]))


@many
@given(
    worlds(), st.lists(rates, min_size=1, max_size=3), st.sampled_from(IF_NOT), st.booleans(), st.booleans()
)
def test_level_bonuses_and_matches_walk_from_members(world, table, if_not, active, compressed):
    """A bonus on own volume, and a match of what is paid for it, are rounded once a source and level."""
    options = {
        "rates": [text(rate) for rate in table],
        "if_not": if_not,
        "eligible": ACTIVE if active else None,
        "compress": fx.column("rank") >= "silver" if compressed else None,
    }
    bonus = LevelBonus("bonus", on=own("paid"), **options)
    seller = fx.LevelCommission("seller", base="paid", rates=["1/7"], start_level=0, if_not="company")
    match = MatchingBonus("match", of=["seller"], stage=2, **options)
    earned = dict.fromkeys(world["parents"], 0)
    for order in world["orders"]:
        if order["member"] is not None:
            earned[order["member"]] += share(order["paid"], Fraction(1, 7))
    on = {m for m in world["parents"] if world["rank"][m] != "none"} if compressed else None

    def paid_on(base):
        wanted = {}
        for source in world["parents"]:
            path = path_of(world, source, on=on)
            walk = level_walk(path, len(table), if_not, lambda m, _: not active or world["active"][m])
            for payee, rate in zip(walk, table, strict=True):
                if payee is not None:
                    wanted[payee] = wanted.get(payee, 0) + share(base[source], rate)
        return {member: amount for member, amount in wanted.items() if amount}

    run = settled(world, bonus, seller, match)
    assert pay(run, "bonus") == paid_on(own_volume(world))
    assert pay(run, "match") == paid_on(earned)
    check_words(run, world)


@many
@given(worlds(), st.lists(rates, min_size=1, max_size=3), st.booleans())
def test_a_generation_match_sums_generations(world, table, active):
    """Everybody in the upline matches the sum of each of his generations, rounded once a generation."""
    seller = fx.LevelCommission("seller", base="paid", rates=["1/7"], start_level=0, if_not="company")
    match = GenerationMatch(
        "match", of="seller", rates=[text(rate) for rate in table], boundary=fx.column("rank") >= "gold",
        eligible=ACTIVE if active else None, stage=2,
    )  # fmt: skip
    earned = dict.fromkeys(world["parents"], 0)
    for order in world["orders"]:
        if order["member"] is not None:
            earned[order["member"]] += share(order["paid"], Fraction(1, 7))
    sums = {}
    for source in world["parents"]:
        for payee in upline(world["parents"], source):
            number = generation_of(world, payee, source, lambda m: world["rank"][m] in ("gold", "jade"))
            if number is not None and number <= len(table):
                sums[payee, number] = sums.get((payee, number), 0) + earned[source]
    wanted = {}
    for (payee, number), total in sums.items():
        if not active or world["active"][payee]:
            wanted[payee] = wanted.get(payee, 0) + share(total, table[number - 1])
    run = settled(world, seller, match)
    assert pay(run, "match") == {member: amount for member, amount in wanted.items() if amount}
    check_words(run, world)


def check_words(run, world):
    """Check that every claim on the period is the sum of its parts, and that everybody can be told why."""
    for member in world["parents"]:
        index = run.facts.tree.index(member)
        for place, policy in enumerate(run.plan.policies):
            view = run.views.get(policy.stage)
            if view is None or not isinstance(policy, fx.PeriodPolicy):
                continue
            claims = dict(zip(*(column.tolist() for column in policy.checked_claims(view)), strict=True))
            parts = policy.details(view, index)
            assert sum(part.amount for part in parts) == claims.get(index, 0), (place, member)
            if index not in claims:
                reason, words = policy.why_nothing(view, index)
                assert reason > 0
                assert isinstance(words, str)
        assert str(run.explain_period(member))
        assert str(run.statement(member))


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate])
def test_the_guard_cuts_differentials_to_the_margin(rate):
    """A differential above the margin is cut like any claim."""
    world = {
        "parents": {0: None, 1: 0}, "rank": {0: "gold", 1: "none"}, "active": {0: True, 1: True},
        "joined": {0: 0, 1: 0}, "role": {0: None, 1: None},
        "orders": [{"id": 1, "member": 1, "paid": 1000, "quantity": 1}],
    }  # fmt: skip
    policy = RankDifferential(
        "career", base="paid", rates={"none": "0%", "silver": "0%", "gold": text(rate), "jade": "0%"}
    )
    run = settled(world, policy, margin=fx.Margin.rate("1%", of="paid"))
    assert pay(run, "career") == {0: 10}
    assert run.totals().claimed.tolist()[0] == share(1000, rate)
