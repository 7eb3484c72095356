"""Ladders, tiers and gates of random months equal what the slow twin says, period after period."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.qualification import qualification_from_data, ranking
from tests.oracles.volumes import names_of
from tests.strategies.facts import forests
from tests.strategies.volumes import (
    GRADES,
    columns,
    conditions,
    joined,
    ladders,
    lines,
    measures,
)
from tests.volumes.bridge import plan_of, settled, table, twins


@st.composite
def plans(draw):
    """Draw qualifications that read one another: a gate, a ladder, tiers, ranks that are given."""
    gate = {"kind": "gate", "name": "active", "when": draw(conditions(0))}
    ladder = draw(ladders())
    if draw(st.booleans()):
        step = ladder["steps"][0]
        step["when"] = {"all": [{"column": "active", "is": True}, step["when"]]}
    on = draw(measures(conditions(0), 1))
    rows = draw(st.lists(st.integers(0, 8), min_size=1, max_size=3, unique=True))
    brackets = {str(row): rate for row, rate in zip(rows, ("5%", "10%", "1/3"), strict=False)}
    tiers = {"kind": "tiers", "name": "tier", "on": on, "brackets": brackets}
    grade = {"kind": "given_ranks", "name": "grade", "order": list(GRADES)}
    lead = {
        "kind": "gate",
        "name": "lead",
        "when": draw(joined(st.sampled_from([
            {"column": "rank", "at_least": "silver"},
            {"column": "rank_title", "above": "silver"},
            {"legs": {"column": "rank", "at_least": "gold"}, "at_least": 1},
            {"group": "pv", "breaks": {"column": "rank", "above": "none"}, "at_least": "0.5"},
            {"column": "grade", "at_least": "b"},
        ]))),
    }  # fmt: skip
    return draw(st.permutations([gate, ladder, tiers, grade, lead]))


@st.composite
def some_months(draw, most=3):
    """Draw months over one tree, one of them perhaps not settled."""
    sponsors = draw(forests(min_size=1))
    given_columns = draw(columns(sponsors))
    return [
        (sponsors, draw(lines(sponsors, month=number)), given_columns)
        for number in range(1, draw(st.integers(1, most)) + 1)
    ]


def check_ladder(run, twin, ladder):
    """Compare the standing of everybody on a ladder."""
    names = names_of(ladder)
    [ranks, titles] = table(run, ladder["name"], ladder["name"] + "_title")
    slow = twin.standing(ladder)
    assert ranks == {member: names[slow[member]["paid"]] for member in slow}
    assert titles == {member: names[slow[member]["title"]] for member in slow}


@settings(deadline=None, max_examples=80)
@given(some_months(), plans())
def test_qualifications_are_what_the_twin_says(months, plan):
    """Ranks, titles, gates and tiers after each of several periods with the state handed on."""
    runs, slow = settled(months, plan_of(plan)), twins(months, plan)
    by_name = {each["name"]: each for each in plan}
    for run, twin in zip(runs, slow, strict=True):
        check_ladder(run, twin, by_name["rank"])
        active, lead, tier = table(run, "active", "lead", "tier")
        for member in twin.members:
            assert active[member] == twin.column("active", member)
            assert lead[member] == twin.column("lead", member)
            assert tier[member].fraction == twin.column("tier", member)


@settings(deadline=None, max_examples=80)
@given(some_months(2), ladders())
def test_climbing_member_by_member_finds_the_same_ranks(months, ladder):
    """The walk from the bottom up, taken where rounds over all members would be too many."""
    slow = twins(months, [ladder])
    with patch.object(ranking, "_ROUNDS", 0):
        for run, twin in zip(settled(months, plan_of([ladder])), slow, strict=True):
            check_ladder(run, twin, ladder)


@settings(deadline=None, max_examples=80)
@given(some_months(2), ladders())
def test_gaps_are_empty_exactly_where_the_rank_is_met(months, ladder):
    """Gaps of the rank above the earned one are the unmet conditions, with numbers that say how far."""
    plan = plan_of([ladder])
    run, twin = settled(months, plan)[-1], twins(months, [ladder])[-1]
    names, slow = names_of(ladder), twin.standing(ladder)
    for member in twin.members:
        gap = run.rank_gap(member)
        stands = slow[member]
        assert (gap.rank, gap.title) == (names[stands["paid"]], names[stands["title"]])
        above = stands["earned"] + 1
        assert gap.next == (names[above] if above < len(names) else None)
        # The highest step holds or there is none, so that the next one is not met.
        assert bool(gap.gaps) == (above < len(names))
        ways = {}
        for each in gap.gaps:
            assert each.rank == gap.next
            assert (each.choice is None) == (each.alternative is None)
            if each.choice is not None:
                ways.setdefault(each.choice, set()).add(each.alternative)
            if each.missing is not None:
                assert each.missing == each.needs - each.has > 0
        for alternatives in ways.values():
            assert alternatives == set(range(len(alternatives)))


@settings(deadline=None, max_examples=30)
@given(some_months(3), plans(), st.randoms())
def test_order_of_rows_and_of_labels_does_not_matter(months, plan, random):
    """Shuffled order lines give the same states; renamed members give the same ranks under new names."""
    runs = settled(months, plan_of(plan))
    shuffled = [(sponsors, random.sample(rows, len(rows)), given) for sponsors, rows, given in months]
    for run, again in zip(runs, settled(shuffled, plan_of(plan)), strict=True):
        assert run.state == again.state
        assert run.fingerprint() == again.fingerprint()
    members = list(months[0][0])
    new = dict(zip(members, random.sample(range(100, 200), len(members)), strict=True)) | {None: None}
    renamed = [
        (
            {new[member]: new[sponsor] for member, sponsor in sponsors.items()},
            [line | {"member": new[line["member"]], "buyer": new[line["buyer"]]} for line in rows],
            {new[member]: given[member] for member in given},
        )
        for sponsors, rows, given in months
    ]
    parts = ("rank", "rank_title", "active", "lead", "tier")
    for run, again in zip(runs, settled(renamed, plan_of(plan)), strict=True):
        for here, there in zip(table(run, *parts), table(again, *parts), strict=True):
            assert {new[member]: value for member, value in here.items()} == there


@settings(deadline=None, max_examples=30)
@given(plans())
def test_qualifications_survive_plain_data(plan):
    """Plans with qualifications go to plain data and back, with one hash."""
    built = plan_of(plan)
    again = fx.Plan.from_dict(built.to_dict())
    assert again == built
    assert again.hash == built.hash
    for part in built.qualifications:
        assert qualification_from_data(part.as_data()) == part
        assert qualification_from_data(part) is part


SILVER = {"column": "rank", "at_least": "silver"}
LEGS = {"legs": SILVER}
HANGING = {
    "front line": {"frontline": SILVER, "in": [1, 3]},
    "front line of both": {"frontline": {"all": [SILVER, {"own": "pv", "at_least": "1.0"}]}, "at_least": 1},
    "front line of either": {
        "frontline": {"any": [{"not": SILVER}, {"own": "pv", "at_least": "2.0"}]}, "below": 2,
    },
    "legs": {**LEGS, "at_most": 1},
    "organisation": {"organisation": LEGS, "at_least": 2},
    "organisation, depth": {"organisation": LEGS, "depth": 1, "at_least": 2},
    "downline": {"downline": LEGS, "at_least": 1},
    "downline, depth": {"downline": LEGS, "depth": 2, "at_least": 1},
    "group of volumes": {"group": "pv", "breaks": SILVER, "at_least": "1.5"},
    "group of legs": {"group": LEGS, "breaks_at": 2, "at_least": 1},
    "group by both": {"group": "pv", "breaks": SILVER, "breaks_at": "1.0", "above": "1.0"},
    "roll-up": {"rolled_up": LEGS, "to": {"own": "pv", "at_least": "1.0"}, "at_least": 1},
    "roll-up to ranks": {"legs": {"rolled_up": "pv", "to": SILVER, "at_least": "1.0"}, "at_least": 1},
    "leg": {"leg": LEGS, "k": 2, "at_least": 1},
    "leg without own": {"leg": LEGS, "own_leg": False, "is": 1},
    "other legs": {"other_legs": LEGS, "at_least": 1},
    "balanced": {"balanced": LEGS, "per_leg": "50%", "at_least": 2},
    "ratio": {"ratio": [LEGS, {"frontline": None}], "at_least": "1/2"},
    "sum over periods": {"window": LEGS, "periods": 2, "how": "sum", "at_least": 2},
    "least of periods": {"window": LEGS, "periods": 2, "how": "least", "at_least": 1},
}  # fmt: skip


@pytest.mark.parametrize("rounds", [0, 64], ids=["member by member", "all at once"])
@pytest.mark.parametrize("condition", HANGING.values(), ids=HANGING)
@settings(deadline=None, max_examples=10)
@given(months=some_months(2), negated=st.booleans())
def test_every_measure_of_ranks_below_is_found_both_ways(months, rounds, condition, negated):
    """Whatever a step makes of the ladder's own ranks below, both ways find what the twin finds."""
    hanging = {"not": condition} if negated else condition
    steps = [
        {"name": "silver", "when": {"any": [{"own": "pv", "at_least": "2.5"}, hanging]}},
        {
            "name": "gold",
            "when": {"all": [hanging, {"frontline": {"column": "rank", "is": "gold"}, "is": 0}]},
        },
    ]
    ladder = {"kind": "ladder", "name": "rank", "steps": steps}
    slow = twins(months, [ladder])
    with patch.object(ranking, "_ROUNDS", rounds):
        for run, twin in zip(settled(months, plan_of([ladder])), slow, strict=True):
            check_ladder(run, twin, ladder)
