"""Compression and pass-up on every small forest with every mask, settled as one large forest."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

import fenxiao as fx
from fenxiao.policies import PassUp
from fenxiao.qualification import GivenRanks
from tests.oracles.climbs import candidates, first_recruits, pay_by_level
from tests.oracles.engine_rules import all_forests, forest_shapes

RATES = [Fraction(1, 10), Fraction(1, 20), Fraction(1, 30)]
ACTIVE = {"column": "active", "is": True}
RANKS = ("none", "silver", "gold", "jade")
"""By the number in which a member joined."""
PAID = 10_000
"""Minor units of every order: the rates give every level an amount of its own."""


def settle_all(worlds, policies):
    """Settle an order of every member of disjoint worlds; return what each line is paid, by policy."""
    parents, columns, base = {}, {"member": [], "active": [], "joined": [], "rank": []}, 0
    for up, active, joined in worlds:
        for member in up:
            parents[base + member] = None if up[member] is None else base + up[member]
            columns["member"].append(base + member)
            columns["active"].append(active[member])
            columns["joined"].append(joined[member])
            columns["rank"].append(RANKS[joined[member]])
        base += len(up)
    members = list(parents)
    orders = fx.Orders.from_columns(
        {
            "order_id": members,
            "member": members,
            "paid_minor": [PAID] * len(members),
            "margin_minor": [PAID * 10] * len(members),
        }
    )
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=policies,
        qualifications=[GivenRanks("rank", order=list(RANKS))],
    )
    facts = fx.Facts(
        tree=fx.ReferralTree.from_mapping(parents), orders=orders, members=fx.Members.from_columns(columns)
    )
    found = {policy.name: set() for policy in policies}
    for batch in fx.settle(facts, plan).lines():
        table = batch.columns()
        names = ("policy", "order_id", "level", "payee", "allowed_minor")
        for policy, *line in zip(*(list(table[name]) for name in names), strict=True):
            found[policy].add(tuple(int(value) for value in line))
    return found


def level_policy(name, **options):
    """Return three levels of one's own amounts."""
    rates = [f"{rate.numerator}/{rate.denominator}" for rate in RATES]
    return fx.LevelCommission(name, **({"base": "paid", "rates": rates, "if_not": "company"} | options))


def wanted_lines(worlds, start_level, if_not, route, rates_of=None):
    """Return (order, level, payee, amount) of all worlds by the slow twin.

    Parameters
    ----------
    route : for a world and a source, who may stand at the levels, and who may be paid at all
    rates_of : for a world and a source, a rate by level or a function of the payee
    """
    wanted, base = set(), 0
    for world in worlds:
        for source in world[0]:
            people, may = route(world, source)
            cells = RATES if rates_of is None else rates_of(world, source)
            for level, payee, amount in pay_by_level(PAID, people, cells, if_not, may):
                if not amount:
                    continue
                wanted.add((base + source, start_level + level, base + payee, amount))
        base += len(world[0])
    return wanted


@pytest.mark.parametrize("size", range(1, 7))
def test_every_small_forest_with_every_activity_is_compressed_like_a_climb(size):
    """Up to six members: all shapes, all active masks; company and roll_up, from levels 0 and 1.

    Where nobody else is excluded, inactive-only and fully dynamic compression are the same walk.
    """
    worlds = [
        (shape, mask, [0] * size)
        for shape in forest_shapes(size)
        for mask in itertools.product((False, True), repeat=size)
    ]
    policies = [
        level_policy("compressed", compress=ACTIVE),
        level_policy("compressed, rolled up", compress=ACTIVE, if_not="roll_up"),
        level_policy("rolled up", eligible=ACTIVE, if_not="roll_up"),
        level_policy("from the seller", compress=ACTIVE, start_level=0),
    ]
    found = settle_all(worlds, policies)

    def active(world, source, start_level=1):
        on = {member for member in world[0] if world[1][member]}
        return candidates(world[0], source, start_level=start_level, on=on), lambda *_: True

    wanted = wanted_lines(worlds, 1, "company", active)
    assert found["compressed"] == wanted
    assert found["compressed, rolled up"] == wanted
    assert found["rolled up"] == wanted
    assert found["from the seller"] == wanted_lines(
        worlds, 0, "company", lambda world, source: active(world, source, 0)
    )


@pytest.mark.parametrize("size", range(1, 7))
@pytest.mark.parametrize("first", [1, 2])
def test_every_small_forest_passes_recruits_up_like_a_climb(size, first):
    """Up to six members: all shapes, all joining orders of two days; first hops and whole branches.

    Who joined on one day passes on in the order of rows, so that up to four members all forests are tried.
    """
    worlds = [
        (up, [True] * size, joined)
        for up in (all_forests if size <= 4 else forest_shapes)(size)
        for joined in itertools.product((0, 1), repeat=size)
    ]
    policies = [
        level_policy("recruits", pass_up=PassUp(first=first)),
        level_policy("branches", pass_up=PassUp(first=first, whole_branch=True)),
    ]
    found = settle_all(worlds, policies)
    for policy in policies:
        whole = policy.pass_up.whole_branch

        def passing(world, source, whole=whole):
            passed = first_recruits(world[0], first, world[2], lambda _: True)
            return candidates(world[0], source, passed=passed, whole_branch=whole), lambda *_: True

        assert found[policy.name] == wanted_lines(worlds, 1, "company", passing)


@pytest.mark.parametrize("start_level", [0, 1, 2])
@pytest.mark.parametrize("if_not", ["company", "roll_up", "stop", "last_payee"])
def test_every_small_forest_with_pass_up_and_compression(start_level, if_not):
    """Up to four members: pass-up over compressed routes, active recruits counting, with unlocked levels."""
    worlds = [
        (up, mask, joined)
        for size in range(1, 5)
        for up in all_forests(size)
        for mask in itertools.product((False, True), repeat=size)
        for joined in ([0, 1, 2, 3][:size], [3, 2, 1, 0][:size])
    ]
    unlocks = [None, {"column": "joined", "at_least": 1}, {"column": "joined", "at_least": 2}]
    choices = list(itertools.product((False, True), (None, ACTIVE), (None, ACTIVE)))
    policies = [
        level_policy(
            f"{whole} {compress} {qualified}", start_level=start_level, if_not=if_not, compress=compress,
            unlocks=unlocks, pass_up=PassUp(first=1, whole_branch=whole, qualified=qualified),
        )
        for whole, compress, qualified in choices
    ]  # fmt: skip
    found = settle_all(worlds, policies)
    for policy, (whole, compress, qualified) in zip(policies, choices, strict=True):

        def both(world, source, whole=whole, compress=compress, qualified=qualified):
            up, active, joined = world
            passed = first_recruits(up, 1, joined, lambda member: qualified is None or active[member])
            people = candidates(
                up, source, start_level=start_level, passed=passed, whole_branch=whole,
                on=None if compress is None else {member for member in up if active[member]},
            )  # fmt: skip
            return people, lambda person, level: joined[person] >= level

        assert found[policy.name] == wanted_lines(worlds, start_level, if_not, both), policy.name


@pytest.mark.parametrize("start_level", [0, 1])
def test_every_small_forest_with_every_rank_burns_and_pairs_like_a_climb(start_level):
    """Up to four members of three ranks: the lower of two ranks is paid, pairs decide who is."""
    worlds = [
        (up, [True] * size, ranks)
        for size in range(1, 5)
        for up in all_forests(size)
        for ranks in itertools.product((0, 1, 2), repeat=size)
    ]
    table = [[], RATES[2:], [Fraction(1, 4), Fraction(1, 5)], []]
    written = {
        rank: [f"{rate.numerator}/{rate.denominator}" for rate in row]
        for rank, row in zip(RANKS, table, strict=True)
    }
    choices = [
        (if_not, pair)
        for if_not in ("company", "roll_up", "stop", "last_payee")
        for pair in (None, ("rank", "<=", "rank"), ("rank", "above", "rank"))
        if if_not != "roll_up" or pair is None
    ]
    policies = [
        level_policy(
            f"{if_not} {pair}", by_rank=written, rates=(), burn=True, if_not=if_not, only_if=pair,
            start_level=start_level,
        )
        for if_not, pair in choices
    ]  # fmt: skip
    found = settle_all(worlds, policies)
    for policy, (if_not, pair) in zip(policies, choices, strict=True):

        def burnt(world, source):
            def rate_at(level):
                def rate(payee):
                    row = table[min(world[2][payee], world[2][source])]
                    return row[level] if level < len(row) else Fraction(0)

                return rate

            return [rate_at(0), rate_at(1)]

        def paired(world, source, pair=pair):
            def may(person, level):
                one, other = world[2][person], world[2][source]
                holds = pair is None or (one <= other if pair[1] == "<=" else one > other)
                return holds and level < len(table[one])

            return candidates(world[0], source, start_level=start_level), may

        assert found[policy.name] == wanted_lines(worlds, start_level, if_not, paired, burnt), policy.name
