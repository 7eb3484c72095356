"""Commissions and differentials on volumes, against slow twins: who is paid, how much, and what adds up."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.expressions import Brackets
from fenxiao.policies import VolumeCommission, VolumeDifferential
from fenxiao.volumes import downline, group, organisation, own
from tests.oracles import volume_pay as slow
from tests.strategies.volume_worlds import (
    RANKS,
    check_words,
    paid,
    settled,
    some,
    text,
    volume_worlds,
)

many = settings(max_examples=40, deadline=None)
RATES = [Fraction(0), Fraction(1, 20), Fraction(3, 25), Fraction(1, 7), Fraction(1, 3)]
THRESHOLDS = [0, 1, 50, 100, 200, 300, 601]
ROUNDINGS = [("floor", 1), ("half_up", 1), ("half_even", 1), ("ceiling", 1), ("floor", 10), ("half_up", 50)]
MODES = ["whole", "marginal"]
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
GOLD = fx.column("rank") == "gold"
MEASURES = ["own", "organisation", "downline", "group", "self-deciding group", "group of either"]


def measure_of(name, column):
    """Return a measure of the library by its name here."""
    return {
        "own": own(column),
        "organisation": organisation(column),
        "downline": downline(column),
        "group": group(column, breaks=GOLD),
        "self-deciding group": group(column, breaks_at="200"),
        "group of either": group(column, breaks=GOLD, breaks_at="100"),
    }[name]


def broken_of(name, world, column):
    """Return whose legs have broken away in a measure."""
    golden = {member for member, rank in world["rank"].items() if rank == "gold"}
    volume = slow.own(world, column)
    return {
        "group": lambda: golden,
        "self-deciding group": lambda: slow.broken_at(world, volume, set(world["parents"]), 200),
        "group of either": lambda: slow.broken_at(world, volume, golden, 100),
    }.get(name, set)()


def volume_of(name, world, column):
    """Return a measure's twin."""
    volume = slow.own(world, column)
    if "group" in name:
        return slow.group(world, volume, broken_of(name, world, column))
    return {"own": dict, "organisation": slow.organisation, "downline": slow.downline}[name](
        *((volume,) if name == "own" else (world, volume))
    )


@st.composite
def tables(draw, *, rising=False):
    """Draw brackets: pairs of threshold and rate."""
    ends = draw(st.lists(st.sampled_from(THRESHOLDS), min_size=1, max_size=4, unique=True))
    rates = [draw(st.sampled_from(RATES)) for _ in ends]
    ends, rates = sorted(ends), sorted(rates) if rising else rates
    return list(zip(ends, rates, strict=True))


def brackets_of(mode, rows):
    """Return brackets as the library has them."""
    table = {threshold: text(rate) for threshold, rate in rows}
    return getattr(Brackets, mode)(table)


def rounding_of(rounding):
    """Return a rounding as the library has it."""
    return fx.Rounding(rounding[0], step=rounding[1])


def gross_in(world, rate_on, pay_on, rows, mode, factor=Fraction(1), rounding=("floor", 1)):
    """Return everybody's gross by the twin."""
    points, money = volume_of(rate_on, world, "pv"), volume_of(pay_on, world, "bv")
    return {
        member: slow.gross_of(money[member], points[member], rows, mode, factor, rounding)
        for member in world["parents"]
    }


pays = st.tuples(
    st.sampled_from(MEASURES), st.sampled_from(MEASURES), st.sampled_from(MODES),
    st.sampled_from([Fraction(1), Fraction(2, 5), Fraction(1, 3)]), st.sampled_from(ROUNDINGS), st.booleans(),
)  # fmt: skip


@many
@given(volume_worlds(), tables(), pays)
def test_a_rate_is_looked_up_on_points_and_paid_on_money(world, rows, pay):
    """Everybody eligible gets his rate, or his slices, of another measure, rounded once."""
    rate_on, pay_on, mode, factor, rounding, gated = pay
    policy = VolumeCommission(
        "pay", rate_on=measure_of(rate_on, "pv"), pay_on=measure_of(pay_on, "bv"),
        brackets=brackets_of(mode, rows), factor=text(factor), rounding=rounding_of(rounding),
        eligible=ACTIVE if gated else None,
    )  # fmt: skip
    gross = gross_in(world, rate_on, pay_on, rows, mode, factor, rounding)
    run = settled(world, policy)
    assert paid(run, "pay") == some({m: a for m, a in gross.items() if world["active"][m] or not gated})
    check_words(run)


@many
@given(
    volume_worlds(), st.lists(st.sampled_from(RATES), min_size=3, max_size=3), st.sampled_from(MEASURES),
    st.sampled_from(ROUNDINGS), st.booleans(), st.sampled_from([VolumeCommission, VolumeDifferential]),
)  # fmt: skip
def test_rates_by_rank_pay_on_volumes(world, rates, measure, rounding, gated, kind):
    """A rate a rank is paid like one of brackets, also as a differential, where none is below zero."""
    table = dict(zip(RANKS, rates, strict=True))
    policy = kind(
        "pay", pay_on=measure_of(measure, "bv"), by_rank={rank: text(rate) for rank, rate in table.items()},
        rounding=rounding_of(rounding), eligible=ACTIVE if gated else None,
    )  # fmt: skip
    volume = volume_of(measure, world, "bv")
    wanted = {
        member: slow.rounded(volume[member] * table[world["rank"][member]] * 100, *rounding)
        for member in volume
    }
    may = {member for member in volume if world["active"][member] or not gated}
    if kind is VolumeDifferential:
        wanted = slow.net_of(world, wanted, may, broken_of(measure, world, "bv"))
    run = settled(world, policy)
    assert paid(run, "pay") == some({member: wanted[member] for member in may})
    check_words(run)


@many
@given(volume_worlds(), tables(rising=True), pays)
def test_a_differential_is_gross_less_the_gross_of_legs(world, rows, pay):
    """Broken legs are not taken off, nobody who is not eligible takes a step, and nothing is below zero."""
    rate_on, pay_on, mode, factor, rounding, gated = pay
    policy = VolumeDifferential(
        "pay", rate_on=measure_of(rate_on, "pv"), pay_on=measure_of(pay_on, "bv"),
        brackets=brackets_of(mode, rows), factor=text(factor), rounding=rounding_of(rounding),
        eligible=ACTIVE if gated else None,
    )  # fmt: skip
    gross = gross_in(world, rate_on, pay_on, rows, mode, factor, rounding)
    may = {member for member in gross if world["active"][member] or not gated}
    net = slow.net_of(world, gross, may, broken_of(pay_on, world, "bv"))
    run = settled(world, policy)
    assert paid(run, "pay") == some(net)
    check_words(run)
    for member in may:
        if net[member] < 0:
            said = run.explain_period(member).verdicts[0]
            assert said.reason is fx.Reason.PAID_BELOW
            assert "counts as 0" in str(run.explain_period(member))


@many
@given(volume_worlds(), tables(rising=True), st.sampled_from(MODES))
def test_differences_add_up_to_the_gross_of_each_subtree(world, rows, mode):
    """With organisations as volumes, all that a subtree is paid is the gross of its head."""
    policy = VolumeDifferential(
        "pay", rate_on=organisation("pv"), pay_on=organisation("bv"), brackets=brackets_of(mode, rows)
    )
    amounts = paid(settled(world, policy), "pay")
    gross = gross_in(world, "organisation", "organisation", rows, mode)
    for head in world["parents"]:
        below = [member for member in world["parents"] if head in (member, *slow.upline(world, member))]
        assert sum(amounts.get(member, 0) for member in below) == gross[head]
    most = max(rate for _, rate in rows) * sum(slow.own(world, "bv").values()) * 100
    assert sum(amounts.values()) <= most


@many
@given(volume_worlds(), tables(rising=True), st.sampled_from(MODES))
def test_differences_add_up_to_the_topmost_who_are_eligible(world, rows, mode):
    """With a gate, all that is paid is the gross of those above whom nobody is eligible."""
    policy = VolumeDifferential(
        "pay", rate_on=organisation("pv"), pay_on=organisation("bv"), brackets=brackets_of(mode, rows),
        eligible=ACTIVE,
    )  # fmt: skip
    gross = gross_in(world, "organisation", "organisation", rows, mode)
    topmost = [
        member
        for member in world["parents"]
        if world["active"][member] and not any(world["active"][above] for above in slow.upline(world, member))
    ]
    assert sum(paid(settled(world, policy), "pay").values()) == sum(gross[member] for member in topmost)


@many
@given(volume_worlds(), tables(rising=True), st.sampled_from(MODES), st.sampled_from(MEASURES[3:]))
def test_differences_of_groups_add_up_to_the_gross_of_their_heads(world, rows, mode, measure):
    """With broken legs, all that is paid is the gross of roots and of those who have broken away.

    Points and volume break alike here: at the same members, and for whoever decides himself at the same sums.
    """
    world["orders"] = [order | {"bv": order["pv"]} for order in world["orders"]]
    policy = VolumeDifferential(
        "pay", rate_on=measure_of(measure, "pv"), pay_on=measure_of(measure, "bv"),
        brackets=brackets_of(mode, rows),
    )  # fmt: skip
    gross = gross_in(world, measure, measure, rows, mode)
    heads = broken_of(measure, world, "bv") | {m for m, above in world["parents"].items() if above is None}
    assert sum(paid(settled(world, policy), "pay").values()) == sum(gross[head] for head in heads)


@many
@given(volume_worlds(), tables(rising=True), st.sampled_from(MODES), st.data())
def test_a_larger_order_never_lowers_what_a_tree_is_paid(world, rows, mode, data):
    """Points and money that are added to an order raise what all in the tree get together, or leave it."""
    policy = VolumeDifferential(
        "pay", rate_on=organisation("pv"), pay_on=organisation("bv"), brackets=brackets_of(mode, rows)
    )
    before = sum(paid(settled(world, policy), "pay").values())
    more = {
        "pv": Fraction(data.draw(st.integers(0, 60))),
        "bv": Fraction(data.draw(st.integers(0, 60_000)), 1000),
    }
    member = data.draw(st.sampled_from(sorted(world["parents"])))
    world["orders"].append({"member": member} | more)
    assert sum(paid(settled(world, policy), "pay").values()) >= before


@many
@given(volume_worlds(), tables(rising=True), st.integers(0, 3000))
def test_volume_pay_stays_within_what_orders_leave(world, rows, margin):
    """Together, two policies on volumes get at most the margins, and each claim is allowed or withheld."""
    brackets = brackets_of("whole", rows)
    terms = {"rate_on": organisation("pv"), "pay_on": organisation("bv"), "brackets": brackets}
    run = settled(world, VolumeCommission("all", **terms), VolumeDifferential("some", **terms), margin=margin)
    totals = run.totals()
    assert sum(totals.allowed.tolist()) <= margin * len(world["orders"])
    for name in ("all", "some"):
        each = run.totals(name)
        assert (each.claimed == each.allowed + each.withheld).all()


def test_the_first_unit_of_a_slice_counts():
    """One unit of a table that begins at 0 has its rate; nothing has none."""
    world = {
        "parents": {"a": None, "b": None},
        "rank": dict.fromkeys("ab", "none"), "active": dict.fromkeys("ab", True),
        "orders": [{"member": "a", "pv": Fraction(1), "bv": Fraction(100)},
                   {"member": "b", "pv": Fraction(0), "bv": Fraction(100)}],
    }  # fmt: skip
    table = Brackets.marginal({"0": "10%", "5": "20%"})
    run = settled(world, VolumeCommission("pay", rate_on=own("pv"), pay_on=own("bv"), brackets=table))
    assert paid(run, "pay") == {"a": 10_00}
