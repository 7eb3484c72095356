"""Laws of volumes: what adds up, what partitions, what stays exact near the ends of 64 bits."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import MoneyOverflowError
from fenxiao.expressions import measure_from_data
from fenxiao.qualification import Gate, Ladder
from fenxiao.volumes import (
    balanced,
    downline,
    frontline,
    group,
    leg,
    legs,
    organisation,
    other_legs,
    own,
    ratio,
    rolled_up,
)
from tests.oracles.volumes import SlowPeriod
from tests.strategies.facts import forests
from tests.volumes.bridge import plan_of

BOUND = 2**63 - 1
BIG = st.sampled_from([BOUND, BOUND - 1, BOUND // 2, BOUND // 2 + 1, 2**62, 2**32, 2**31, 1, 0])
SIGNED = BIG | BIG.map(lambda value: -value) | st.integers(-9, 9)


def run_of(sponsors, volumes, qualifications=(), name="n"):
    """Settle one order a member; the column is a count, so that it may be anything of 64 bits."""
    rows = [
        {"order_id": number, "member": member, "paid_minor": 0, "margin_minor": 0, name: volumes[member]}
        for number, member in enumerate(sponsors)
    ]
    facts = fx.Facts(tree=fx.ReferralTree.from_mapping(sponsors), orders=fx.Orders.from_records(rows))
    return fx.settle(facts, plan_of(qualifications, anchor=None, zone=None))


def values(run, measure):
    """Return a measure by member."""
    found = run.members_table(measure)
    members = found.pop("member")
    [column] = found.values()
    return dict(zip(list(members), [int(value) for value in column], strict=True))


def twin_of(sponsors, volumes):
    """Return the twin of `run_of`."""
    lines = [{"order_id": number, "member": each, "n": volumes[each]} for number, each in enumerate(sponsors)]
    return SlowPeriod(sponsors, lines, decimals={"n": None})


@st.composite
def worlds(draw, amounts, max_size=9):
    """Draw a forest and a volume of each member."""
    sponsors = draw(forests(max_size=max_size, min_size=1))
    return sponsors, {member: draw(amounts) for member in sponsors}


@settings(deadline=None, max_examples=60)
@given(worlds(st.integers(0, 9)), st.integers(0, 12))
def test_volumes_add_up(world, threshold):
    """Legs and own volume make the organisation; groups of leaders and what has no leader make the total."""
    sponsors, volumes = world
    run = run_of(*world)
    whole = values(run, organisation("n"))
    for member in sponsors:
        below = [each for each, sponsor in sponsors.items() if sponsor == member]
        assert whole[member] == volumes[member] + sum(whole[each] for each in below)
    largest, others = values(run, leg("n")), values(run, other_legs("n"))
    assert {member: largest[member] + others[member] for member in sponsors} == whole
    beneath = values(run, downline("n"))
    assert {member: beneath[member] + volumes[member] for member in sponsors} == whole
    for breaks in ({"breaks_at": threshold}, {"breaks": own("n") >= threshold}):
        groups = values(run, group("n", **breaks))
        broken = {
            member
            for member in sponsors
            if ("breaks_at" in breaks and groups[member] >= threshold)
            or ("breaks" in breaks and volumes[member] >= threshold)
        }
        led = sum(groups[member] for member in broken)
        roots = [member for member, sponsor in sponsors.items() if sponsor is None and member not in broken]
        assert led + sum(groups[member] for member in roots) == sum(volumes.values())


EXTREME = {
    "organisation": {"organisation": "n"},
    "depth": {"organisation": "n", "depth": 1},
    "downline": {"downline": "n"},
    "group by condition": {"group": "n", "breaks": {"own": "n", "above": 5}},
    "group by itself": {"group": "n", "breaks_at": 7},
    "group by a large volume": {"group": "n", "breaks_at": BOUND},
    "rolled up": {"rolled_up": "n", "to": {"own": "n", "below": 2}},
    "leg": {"leg": "n", "k": 2},
    "other legs": {"other_legs": "n"},
    "other legs without own": {"other_legs": "n", "own_leg": False},
}


@pytest.mark.parametrize("data", EXTREME.values(), ids=EXTREME)
@settings(deadline=None, max_examples=40)
@given(world=worlds(SIGNED, 5))
def test_extreme_volumes_are_exact_or_refused(data, world):
    """What is returned is exact; an error is raised only where some sum does not fit into 64 bits."""
    twin = twin_of(*world)
    wanted = {member: twin.value(data, member) for member in world[0]}
    run = run_of(*world)
    try:
        assert values(run, measure_from_data(data)) == wanted
    except MoneyOverflowError:
        sums = [*wanted.values(), *(twin.value({"organisation": "n"}, member) for member in world[0])]
        assert any(not -BOUND - 1 <= each <= BOUND for each in sums)


COMPARED = {
    "balanced": {"balanced": "n", "per_leg": "1/3", "at_least": BOUND},
    "balanced, tiny share": {"balanced": "n", "per_leg": f"1/{10**30}", "at_least": 1},
    "balanced, half": {"balanced": "n", "per_leg": "50%", "at_least": 6},
    "balanced, whole": {"balanced": "n", "per_leg": "100%", "at_least": BOUND},
    "balanced, nothing": {"balanced": "n", "per_leg": "50%", "at_least": 0},
    "balanced, below nothing": {"balanced": "n", "per_leg": "50%", "at_least": -BOUND},
    "ratio": {"ratio": ["n", {"downline": "n"}], "at_least": "1/3"},
    "ratio, fine": {"ratio": ["n", {"downline": "n"}], "above": f"1/{10**30}"},
    "ratio, high": {"ratio": ["n", {"downline": "n"}], "below": f"{10**18}"},
    "ratio, equal": {"ratio": ["n", {"downline": "n"}], "is": "100%"},
    "ratio, nothing": {"ratio": ["n", {"downline": "n"}], "at_most": "0%"},
}


@pytest.mark.parametrize("data", COMPARED.values(), ids=COMPARED)
@settings(deadline=None, max_examples=40)
@given(world=worlds(SIGNED, 5))
def test_extreme_comparisons_are_exact_or_refused(data, world):
    """Shares of requirements and ratios compare exactly, whatever the numbers."""
    twin = twin_of(*world)
    gate = {"kind": "gate", "name": "open", "when": data}
    try:
        found = run_of(*world, [gate]).members_table("open")
    except MoneyOverflowError:
        parts = ({"organisation": "n"}, {"downline": "n"})
        sums = [twin.value(part, member) for part in parts for member in world[0]]
        assert any(not -BOUND - 1 <= each <= BOUND for each in sums)
    else:
        wanted = {member: twin.holds(data, member) for member in world[0]}
        assert dict(zip(list(found["member"]), found["open"].tolist(), strict=True)) == wanted


def every_tree(size):
    """Yield every forest of so many members whose sponsors come first."""
    return itertools.product(*(range(-1, place) for place in range(size)))


def exhaustive(size):
    """Return all forests of a size side by side as one forest, with volumes that differ from tree to tree."""
    sponsors, volumes = {}, {}
    for number, up in enumerate(every_tree(size)):
        for place, parent in enumerate(up):
            sponsors[number * 10 + place] = None if parent < 0 else number * 10 + parent
            volumes[number * 10 + place] = (number * 7 + place * place + place) % 4
    return sponsors, volumes


SMALL = [
    {"organisation": "n", "depth": 2},
    {"downline": "n"},
    {"rolled_up": "n", "to": {"own": "n", "at_least": 2}},
    {"other_legs": "n"},
    {"leg": "n", "k": 2},
    {"legs": {"own": "n", "at_least": 2}},
    {"frontline": {"organisation": "n", "at_least": 3}},
    {"group": "n", "breaks": {"organisation": "n", "at_least": 4}, "breaks_at": 3},
]


@pytest.mark.parametrize("size", range(1, 7))
def test_every_small_tree(size):
    """All forests of up to 6 members: measures, and conditions at a threshold, one below it, one above."""
    sponsors, volumes = exhaustive(size)
    twin = twin_of(sponsors, volumes)
    gates, wanted = [], {}
    for threshold in (3, 4, 5):
        conditions = {
            f"balanced {threshold}": {"balanced": "n", "per_leg": "50%", "at_least": threshold},
            f"group {threshold}": {"group": "n", "breaks_at": threshold, "at_least": threshold},
            f"organisation {threshold}": {"organisation": "n", "above": threshold},
            f"ratio {threshold}": {"ratio": ["n", {"organisation": "n"}], "at_least": f"1/{threshold}"},
        }
        for name, condition in conditions.items():
            gates.append({"kind": "gate", "name": name, "when": condition})
            wanted[name] = [twin.holds(condition, member) for member in sponsors]
    ladder = {
        "kind": "ladder",
        "name": "rank",
        "steps": [
            {"name": "one", "when": {"organisation": "n", "at_least": 3}},
            {"name": "two", "when": {"legs": {"column": "rank", "at_least": "one"}, "at_least": 2}},
            {"name": "three", "when": {"any": [
                {"legs": {"column": "rank", "at_least": "three"}, "at_least": 1},
                {"group": "n", "breaks": {"column": "rank", "is": "two"}, "at_least": 6},
            ]}},
        ],
    }  # fmt: skip
    run = run_of(sponsors, volumes, [*gates, ladder])
    twin.qualifications = {"rank": ladder}
    found = run.members_table(*wanted, "rank")
    at = {member: place for place, member in enumerate(found["member"].tolist())}
    for name, slow in wanted.items():
        assert [bool(found[name][at[member]]) for member in sponsors] == slow
    assert {member: found["rank"][at[member]] for member in sponsors} == {
        member: twin.column("rank", member) for member in sponsors
    }
    for data in SMALL:
        assert values(run, measure_from_data(data)) == {
            member: twin.value(data, member) for member in sponsors
        }


RANK = fx.column("rank")
GROWING = Ladder(
    "rank",
    [
        ("one", (own("n") >= 3) | (organisation("n") >= 8)),
        ("two", (frontline(RANK >= "one") >= 1) & (balanced("n", per_leg="50%") >= 6)),
        ("three", legs(RANK >= "two") >= 2),
    ],
)


@settings(deadline=None, max_examples=100)
@given(worlds(st.integers(0, 9)), st.data())
def test_raising_an_order_lowers_no_rank(world, data):
    """Own and organisation volume, head counts of such ranks, legs clipped at a share of the requirement."""
    sponsors, volumes = world
    raised = dict(volumes)
    raised[data.draw(st.sampled_from(sorted(sponsors)))] += data.draw(st.integers(1, 9))
    before, after = (run_of(sponsors, each, [GROWING]).members_table("rank") for each in (volumes, raised))
    place = GROWING.names.index
    assert all(place(old) <= place(new) for old, new in zip(before["rank"], after["rank"], strict=True))


@settings(deadline=None, max_examples=100)
@given(worlds(st.integers(0, 9)), st.integers(1, 40))
def test_closing_a_numeric_gap_meets_the_condition(world, needed):
    """An own volume raised by exactly what is missing reaches the rank; by one less it does not."""
    sponsors, volumes = world
    member = min(sponsors, key=str)
    ladder = Ladder("rank", {"one": organisation("n") >= needed})
    gap = run_of(sponsors, volumes, [ladder]).rank_gap(member)
    if gap.next is None:
        assert gap.gaps == ()
        return
    [only] = gap.gaps
    assert (only.has, only.needs) == (values(run_of(sponsors, volumes), organisation("n"))[member], needed)
    for short in (0, 1):
        raised = volumes | {member: volumes[member] + only.missing - short}
        assert (run_of(sponsors, raised, [ladder]).rank_gap(member).next is None) == (short == 0)


def test_ratios_are_said_in_thousandths():
    """The floor in words, exactly in comparisons; a share of nothing is 0; large parts are no obstacle."""
    sponsors = {0: None, 1: 0, 2: 1}

    def told(run):
        # Tables do not show ratios; explanations read them by the measure itself, by index.
        return run.run.setting.measure(ratio("n", downline("n"))).values.tolist()

    assert told(run_of(sponsors, {0: 1, 1: 3, 2: 0})) == [333, 0, 0]
    assert told(run_of(sponsors, {0: 2**60, 1: 2**60, 2: 0})) == [1000, 0, 0]
    run = run_of(sponsors, {0: 2**60, 1: 1, 2: 0})
    with pytest.raises(MoneyOverflowError, match="own n / downline n, in thousandths"):
        told(run)
    gate = Gate("open", ratio("n", downline("n")) >= "1/3")
    assert run_of(sponsors, {0: 1, 1: 3, 2: 0}, [gate]).members_table("open")["open"].tolist() == [
        True, False, False,
    ]  # fmt: skip
    assert Fraction(1, 3) > Fraction(333, 1000)
    assert values(run, rolled_up("n", to=own("n") >= 1)) == {0: 2**60, 1: 1, 2: 0}
