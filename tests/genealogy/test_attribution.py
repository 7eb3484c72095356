"""Orders attributed at their own time pay whom the tree of that very moment would pay."""

from __future__ import annotations

from fractions import Fraction

import attrs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import GenealogyError, InputError, MergeError, PlanError, Reason, UnsupportedError
from fenxiao.genealogy import Genealogy
from fenxiao.policies import LevelBonus, Pair, PassUp, RankDifferential
from fenxiao.policies.level_table import FilledSpells
from fenxiao.qualification import GivenRanks
from fenxiao.routes import IF_NOT, SELF_PURCHASE
from tests.errors.world import refused
from tests.oracles.climbs import candidates, payees
from tests.oracles.genealogies import is_in, tree_at
from tests.strategies.genealogies import entry, logs, moment, records_of

END = 20
ACTIVE = fx.column("active") == True  # noqa: E712  # a condition
RATES = ["10%", "5%", "3%"]


def plan_of(attribution="order_time", **changes):
    """Return a plan of one level commission, whose margin never binds."""
    usual = {"base": "paid", "rates": RATES, "if_not": "company"}
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=[fx.LevelCommission("referral", **(usual | changes))],
        qualifications=[GivenRanks("rank", order=["none", "gold"])],
        anchor="paid_at",
        zone="UTC",
        attribution=attribution,
    )


def orders_of(orders):
    """Return orders given as (member, buyer, time)."""
    return fx.Orders.from_records(
        [
            {
                "order_id": number,
                "member": member,
                "buyer": buyer,
                "paid": f"{100 + number}.00",
                "paid_at": moment(time),
            }
            for number, (member, buyer, time) in enumerate(orders)
        ]
    )


def members_of(tree):
    """Return columns that depend on the label alone, so that every tree has the same."""
    labels = tree.ids.tolist()
    columns = {
        "member": labels,
        "active": np.array([label % 3 > 0 for label in labels], dtype=bool),
        "grade": np.array([label % 4 for label in labels], dtype=int),
        "rank": [("none", "gold")[label % 2] for label in labels],
    }
    return fx.Members.from_columns(columns)


def settled(entries, orders, plan):
    """Settle all orders at once, each at its own time."""
    genealogy = Genealogy.from_records(records_of(entries))
    tree = genealogy.as_of(moment(END))
    facts = fx.Facts(tree=tree, orders=orders_of(orders), members=members_of(tree), genealogy=genealogy)
    return fx.settle(facts, plan)


def lines_of(run):
    """Return every line as (order, payee, level, claimed)."""
    return {line for batch in run.lines() for line in plain(batch, "order_id")}


def plain(batch, *names):
    """Return the lines of a batch as tuples of plain integers."""
    columns = batch.columns()
    wanted = (*names, "payee", "level", "claimed_minor")
    return set(zip(*(map(int, columns[name]) for name in wanted), strict=True))


def verdicts_of(run, member, order):
    """Return what an explanation says, without its words."""
    return [
        (each.policy, each.line, each.level, each.claimed, each.allowed, each.reason)
        for each in run.explain(member, order).verdicts
    ]


@st.composite
def orders_in(draw, entries, most=6):
    """Draw orders of whoever the log knows: also before he joined and after he left, and of guests."""
    names = sorted({each["member"] for each in entries})
    who = st.sampled_from([None, *names])
    return draw(st.lists(st.tuples(who, who, st.integers(0, 12)), max_size=most))


@st.composite
def options(draw):
    """Draw a level commission with whatever it may ask for along the sponsors."""
    if_not = draw(st.sampled_from(IF_NOT))
    found = {
        "if_not": if_not,
        "self_purchase": draw(st.sampled_from(SELF_PURCHASE)),
        "start_level": draw(st.integers(0, 3)),
        "eligible": draw(st.sampled_from([None, ACTIVE])),
        "compress": draw(st.sampled_from([None, fx.column("grade") >= 1, fx.column("grade") >= 3])),
    }
    table = draw(st.sampled_from(["rates", "by_rank", "unlocks", "by_length", "burn", "only_if"]))
    if table in ("by_rank", "burn"):
        found |= {"rates": [], "by_rank": {"none": ["4%"], "gold": RATES}, "burn": table == "burn"}
    elif table == "unlocks":
        found |= {"unlocks": [None, fx.column("grade") >= 2, fx.column("grade") >= 2]}
    elif table == "by_length":
        found |= {"rates": [], "by_length": {1: ["9%"], 2: ["6%", "4%"]}}
    elif table == "only_if" and if_not != "roll_up":
        found |= {"only_if": Pair("grade", ">=", "grade")}
    return found


@st.composite
def worlds(draw):
    """Draw a log and orders."""
    entries = draw(logs())
    return entries, draw(orders_in(entries))


MOVED = [
    entry("join", 100, None, 0),
    entry("join", 101, 100, 0),
    entry("join", 102, 101, 1),
    entry("join", 103, 102, 2),
    entry("transfer", 102, 100, 4),
    entry("transfer", 102, 101, 6),
    entry("exit", 101, at=8),
]
SOLD = [(103, None, time) for time in range(10)]


@settings(deadline=None)
@given(worlds(), options())
@example((MOVED, SOLD), {"if_not": "roll_up", "compress": fx.column("grade") >= 1, "start_level": 0})
@example((MOVED, SOLD), {"if_not": "company"})
def test_each_order_is_paid_as_by_the_tree_of_its_moment(world, chosen):
    """Lines, breakage and explanations are those of settling each order alone against a rebuilt tree."""
    entries, orders = world
    run = settled(entries, orders, plan_of(**chosen))
    genealogy = Genealogy.from_records(records_of(entries))
    wanted, breakage = set(), 0
    for number, (member, buyer, time) in enumerate(orders):
        tree = genealogy.as_of(moment(time))
        known = member is not None and is_in(entries, member, time)
        alone = orders_of(
            [(None, None, time)] * number
            + [(member if known else None, buyer if buyer in tree else None, time)]
        ).take(np.array([number]))
        facts = fx.Facts(tree=tree, orders=alone, members=members_of(tree))
        single = fx.settle(facts, plan_of("period_end", **chosen))
        wanted |= lines_of(single)
        breakage += single.margin_report().breakage
        for label in tree.ids.tolist():
            assert verdicts_of(run, label, number) == verdicts_of(single, label, number)
    assert lines_of(run) == wanted
    assert run.margin_report().breakage == breakage


@settings(deadline=None)
@given(worlds(), st.sampled_from(IF_NOT), st.integers(0, 2), st.booleans(), st.booleans())
def test_each_order_climbs_the_replayed_upline(world, if_not, start_level, choosy, shortened):
    """Payees are those of a climb over the dict that replaying the log up to the order's moment gives."""
    entries, orders = world
    chosen = {"if_not": if_not, "start_level": start_level}
    chosen |= {"eligible": ACTIVE} if choosy else {}
    chosen |= {"compress": fx.column("grade") >= 1} if shortened else {}
    wanted = set()
    for number, (member, _, time) in enumerate(orders):
        if member is None or not is_in(entries, member, time):
            continue
        parents = tree_at(entries, time)
        on = {label for label in parents if label % 4 >= 1} if shortened else None
        people = candidates(parents, member, start_level=start_level, on=on)
        found = payees(people, 3, if_not, lambda person, _: not choosy or person % 3 > 0)
        for level, payee in enumerate(found):
            if payee is not None:
                amount = int(Fraction(RATES[level].rstrip("%")) * (100 + number))
                wanted.add((number, payee, level + start_level, amount))
    assert lines_of(settled(entries, orders, plan_of(**chosen))) == wanted


# Two above the seller move at one instant, one of them back at the next; the third leaves, and joins again.
RESTLESS = [
    *(entry("join", label, above, 0) for label, above in ((100, None), (101, 100), (102, 101), (103, 102))),
    *(entry("transfer", label, 100, 3) for label in (102, 103)),
    entry("transfer", 103, 102, 4),
    entry("exit", 102, at=6),
    entry("join", 102, 101, 8),
    entry("transfer", 103, 102, 8),
    entry("join", 104, 103, 5),
]


# Whose upline has one member, and two from his transfer on.
LENGTHENED = [
    *(entry("join", label, above, 0) for label, above in ((100, None), (101, 100), (102, 100))),
    entry("transfer", 102, 101, 5),
]


@settings(deadline=None)
@given(
    logs(),
    st.sampled_from(["company", "stop", "last_payee"]),
    st.integers(0, 3),
    st.integers(1, 6),
    st.booleans(),
)
@example(RESTLESS, "company", 1, 3, False)
@example(RESTLESS, "last_payee", 0, 5, True)
def test_of_many_orders_each_climbs_the_replayed_upline(entries, if_not, start_level, levels, choosy):
    """With orders of everybody at every moment, payees and breakage are those of a climb over the replay."""
    names = sorted({each["member"] for each in entries})
    orders = [(name, None, time) for time in range(13) for name in names]
    parents = [tree_at(entries, time) for time in range(13)]
    wanted, breakage = set(), 0
    for number, (member, _, time) in enumerate(orders):
        if not is_in(entries, member, time):
            continue
        people = candidates(parents[time], member, start_level=start_level)
        found = payees(people, levels, if_not, lambda person, _: not choosy or person % 3 > 0)
        for level, payee in enumerate(found):
            amount = (level + 1) * (100 + number)
            if payee is None:
                breakage += amount
            else:
                wanted.add((number, payee, level + start_level, amount))
    chosen = {"rates": [f"{level + 1}%" for level in range(levels)], "if_not": if_not}
    chosen |= {"start_level": start_level, "eligible": ACTIVE if choosy else None}
    run = settled(entries, orders, plan_of(**chosen))
    assert lines_of(run) == wanted
    assert run.margin_report().breakage == breakage
    totals = dict.fromkeys(run.facts.tree.ids.tolist(), 0)
    for _, payee, _, amount in wanted:
        totals[payee] += amount
    assert run.totals().allowed.tolist() == list(totals.values())


@settings(deadline=None)
@given(logs(), options())
@example(LENGTHENED, {"if_not": "company", "rates": [], "by_length": {1: ["9%"], 2: ["6%", "4%"]}})
def test_many_orders_are_paid_as_few_at_a_time(entries, chosen):
    """More orders than members, and batches of fewer, which are climbed from one by one, pay the same."""
    names = sorted({each["member"] for each in entries})
    orders = [(name, names[time % len(names)], time) for time in range(13) for name in names]
    run = settled(entries, orders, plan_of(**chosen))
    few = max(len(names) - 1, 1)
    parts = [np.arange(low, min(low + few, len(orders))) for low in range(0, len(orders), few)]
    batches = [fx.settle(run.facts.with_orders(run.facts.orders.take(part)), run.plan) for part in parts]
    assert lines_of(run) == set().union(*map(lines_of, batches))
    assert run.margin_report().breakage == sum(each.margin_report().breakage for each in batches)
    total = np.zeros(len(run.facts.tree), dtype=int)
    assert (run.totals().allowed == sum((each.totals().allowed for each in batches), total)).all()


@settings(deadline=None)
@given(worlds(), options())
def test_without_changes_both_attributions_agree(world, chosen):
    """Where everybody joined before and nobody moved, both attributions give the same bytes."""
    entries, orders = world
    tree = Genealogy.from_records(records_of(entries)).as_of(moment(END))
    orders = [
        (member if member in tree else None, buyer if buyer in tree else None, t)
        for member, buyer, t in orders
    ]
    genealogy = Genealogy.of(tree, moment(-1))
    facts = fx.Facts(tree=tree, orders=orders_of(orders), members=members_of(tree), genealogy=genealogy)
    one, two = (fx.settle(facts, plan_of(each, **chosen)) for each in ("period_end", "order_time"))
    assert lines_of(one) == lines_of(two)
    assert one.margin_report() == two.margin_report()
    for name in ("allowed", "withheld"):
        assert getattr(one.totals(), name).tobytes() == getattr(two.totals(), name).tobytes()
    assert (
        fx.merge(one, fx.settle(facts.with_orders(fx.Orders.empty()), one.plan)).fingerprint()
        == one.fingerprint()
    )


@settings(deadline=None)
@given(worlds(), options(), st.data())
def test_batches_merge_and_quotes_agree(world, chosen, data):
    """Plans at the order's time are local to orders: batches merge, and a quote is what the order pays."""
    entries, orders = world
    plan = plan_of(**chosen)
    assert plan.is_order_local
    run = settled(entries, orders, plan)
    cut = data.draw(st.integers(0, len(orders)))
    parts = [run.facts.orders.take(np.arange(len(orders))[which]) for which in (slice(cut), slice(cut, None))]
    first, second = (fx.settle(run.facts.with_orders(part), plan) for part in parts)
    assert fx.merge(first, second).fingerprint() == run.fingerprint()
    if orders:
        member, buyer, time = orders[0]
        order = {"order_id": 0, "member": member, "buyer": buyer, "paid": "100.00", "paid_at": moment(time)}
        for facts in (run.facts, run.facts.with_orders(parts[1])):
            told = plain(fx.quote(facts, plan, order).lines)
            assert told == {line[1:] for line in lines_of(run) if line[0] == 0}


def test_a_sale_passes_up_to_the_sponsor_of_its_time():
    """The first sale of a member goes to the sponsor he had when he made it."""
    plan = plan_of(pass_up=PassUp(first=2, of="sales"), rates=["10%"])
    run = settled(MOVED, [(103, None, 3), (103, None, 5), (103, None, 7)], plan)
    assert {line[:2] for line in lines_of(run)} == {(0, 101), (1, 100), (2, 102)}
    assert verdicts_of(run, 103, 1)[0][-1] is Reason.PASSED_UP


def test_a_quote_may_lie_before_every_order():
    """What moved before the facts' first order has moved all the same for a quote of an earlier time."""
    run = settled(MOVED, [(103, None, 7)], plan_of())
    for time, wanted in ((3, [102, 101, 100]), (5, [102, 100]), (9, [102, 100])):
        order = {"order_id": 1, "member": 103, "paid": "100.00", "paid_at": moment(time)}
        assert list(fx.quote(run.facts, plan_of(), order).payouts()) == wanted


@pytest.mark.parametrize(("start", "rates"), [(1, RATES), (2, RATES[:2]), (3, RATES[:1])])
def test_a_change_at_the_last_level_is_seen(start, rates):
    """Of more orders than members, each pays the third level above its member as it was at its time."""
    world = [entry("join", 103 + top, None, 0) for top in (0, 1)]
    world += [entry("join", label, label + 1, 0) for label in (102, 101, 100)]
    world.append(entry("transfer", 102, 104, 5))
    run = settled(
        world, [(100, None, 3 + number % 4) for number in range(8)], plan_of(start_level=start, rates=rates)
    )
    third = {line[:2] for line in lines_of(run) if line[2] == 3}
    assert third == {(number, 103 + (number % 4 > 1)) for number in range(8)}


@pytest.mark.parametrize(
    ("orders", "chosen", "once"),
    [(8, {}, True), (2, {}, False), (8, {"if_not": "roll_up"}, False)],
    ids=["many orders", "fewer orders than members", "people who are passed over"],
)
def test_the_time_of_many_orders_is_looked_at_once(monkeypatch, orders, chosen, once):
    """Spells tell whom each of many orders pays; few orders, and where people are passed over, climb."""
    found = []
    find = FilledSpells.find
    monkeypatch.setattr(
        FilledSpells, "find", lambda spells, *told: (found.append(len(told[0])), find(spells, *told))[1]
    )
    run = settled(MOVED, [(103, None, 3 + number) for number in range(orders)], plan_of(**chosen))
    assert run.totals().allowed.sum() > 0
    assert (sum(found) > 0) is once


def test_who_moves_all_the_time_is_climbed_from_order_by_order():
    """Where there are far more changes than members, each order still pays the sponsor of its time."""
    world = [entry("join", label, None, 0) for label in (100, 101)] + [entry("join", 102, 100, 0)]
    world += [entry("transfer", 102, 100 + time % 2, time) for time in range(1, 15)]
    run = settled(world, [(102, None, time) for time in range(15)], plan_of())
    assert {line[:2] for line in lines_of(run)} == {(time, 100 + time % 2) for time in range(15)}
    assert run.totals().allowed.sum() == sum(1000 + 10 * time for time in range(15))


def test_whoever_is_off_the_path_is_not_rolled_up_to():
    """Who qualifies and is passed over on the path takes no level, neither before nor after a transfer."""
    world = [
        entry("join", 103, None, 0),
        entry("join", 104, 103, 0),
        entry("join", 101, 104, 0),
        entry("join", 106, 104, 0),
        entry("transfer", 101, 106, 5),
    ]
    chosen = {
        "if_not": "roll_up",
        "eligible": ACTIVE,
        "compress": fx.column("grade") >= 1,
    }
    run = settled(world, [(101, None, 4), (101, None, 5), (106, None, 4)], plan_of(**chosen))
    assert {line[:3] for line in lines_of(run)} == {(0, 103, 1), (1, 106, 1), (1, 103, 2), (2, 103, 1)}


@pytest.mark.parametrize("passes", [PassUp(first=1, of="sales"), None])
def test_totals_of_many_sources_add_up(passes):
    """Totals are the sums of the lines, also where the sales of many members start from one sponsor."""
    below = range(200, 260)
    entries = [*MOVED, *(entry("join", label, 103, 3) for label in below), entry("transfer", 103, 101, 5)]
    orders = [(label, None, time) for time in (4, 6) for label in below]
    run = settled(entries, orders, plan_of(pass_up=passes))
    wanted = dict.fromkeys(run.facts.tree.ids.tolist(), 0)
    for _, payee, _, claimed in lines_of(run):
        wanted[payee] += claimed
    assert dict(zip(run.facts.tree.ids.tolist(), run.totals().allowed.tolist(), strict=True)) == wanted
    assert sum(wanted.values()) > 0


def test_sellers_give_to_the_upline_of_the_time():
    """What sellers pay out of their own goes up the same way."""
    plan = plan_of(rates=["10%"], funded_by="seller")
    shown = settled(MOVED, [(102, None, 3), (102, None, 4)], plan).shown().to_dict()
    assert {payee: str(amount) for payee, amount in shown.items()} == {
        100: "10.10", 101: "10.00", 102: "-20.10",
    }  # fmt: skip


def test_orders_before_joining_and_after_leaving_earn_nobody_anything():
    """At a time when he is not in, a member's order is like a guest's, and explanations say so."""
    plan = plan_of(start_level=0, rates=["10%", "5%"])
    run = settled(MOVED, [(102, None, 0), (102, None, 1), (101, None, 8)], plan)
    assert {line[:2] for line in lines_of(run)} == {(1, 102), (1, 101)}
    assert run.margin_report().breakage == 0
    for member, order in ((102, 0), (101, 2), (100, 2)):
        verdict = run.explain(member, order).verdicts[0]
        assert (verdict.reason, verdict.detail) == (Reason.NO_MEMBER, "not in at the time of the order")


def test_explanations_count_levels_up_the_upline_of_the_time():
    """Who stands beyond the last level is told his level at the time of the order."""
    run = settled(MOVED, [(103, None, 3), (103, None, 5)], plan_of(rates=["10%"]))
    beyond = [(100, 0, 3), (100, 1, 2), (101, 0, 2)]
    for member, order, level in beyond:
        verdict = run.explain(member, order).verdicts[0]
        assert (verdict.level, verdict.reason) == (level, Reason.BEYOND_DEPTH)
    assert run.explain(101, 1).verdicts[0].reason is Reason.NOT_UPLINE
    assert "level 1 of order 0, 10 % of" in str(run.statement(102))


def test_lines_of_one_order_share_its_time():
    """An order is as old as its oldest line: all its lines pay one upline."""
    genealogy = Genealogy.from_records(records_of(MOVED))
    tree = genealogy.as_of(moment(END))
    lines = [
        {"order_id": order, "line": line, "member": 102, "paid": "100.00", "paid_at": moment(time)}
        for order, line, time in ((1, 0, 5), (1, 1, 3), (2, 0, 4))
    ]
    facts = fx.Facts(tree=tree, orders=fx.Orders.from_records(lines), genealogy=genealogy)
    run = fx.settle(facts, attrs.evolve(plan_of(rates=["10%"]), qualifications=()))
    assert {line[:2] for line in lines_of(run)} == {(1, 101), (2, 100)}


OTHERS = {
    "differential": lambda: RankDifferential("other", base="paid", rates={"none": "0%", "gold": "5%"}),
    "bonus": lambda: LevelBonus("other", on=fx.own("paid"), rates=["1%"], if_not="company"),
    "placement": lambda: level(along="matrix"),
    "recruits": lambda: level(pass_up=PassUp(first=1)),
}


def level(**changes):
    """Return a level commission named "other"."""
    return fx.LevelCommission("other", base="paid", rates=["1%"], if_not="company", **changes)


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_know_the_time_is_refused(name):
    """Policies that climb otherwise are refused with the plan, by name; at the period's end they are not."""
    options = {"currency": "CNY", "margin": fx.Margin.rate("50%", of="paid")} | {
        "anchor": "paid_at",
        "zone": "UTC",
    }
    policies = [attrs.evolve(level(), name="first"), OTHERS[name]()]
    fx.Plan(policies=policies, **options)
    refused(
        lambda: fx.Plan(policies=policies, attribution="order_time", **options),
        UnsupportedError,
        "['other']",
        "period's end",
    )


def test_plans_name_the_attribution_and_the_time():
    """An unknown attribution, and one at the order's time without a time, are refused; it is plain data."""
    refused(lambda: plan_of("sale"), PlanError, "'period_end', 'order_time'")
    refused(
        lambda: fx.Plan(currency="CNY", margin=fx.Margin.rate("50%", of="paid"), attribution="order_time"),
        PlanError,
        "anchor=",
    )
    plan = plan_of()
    assert plan.to_dict()["attribution"] == "order_time"
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    assert "attribution" not in plan_of("period_end").to_dict()
    assert plan.hash != plan_of("period_end").hash
    refused(
        lambda: fx.Plan.from_dict(plan.to_dict() | {"attribution": "sale"}), PlanError, "plan.attribution"
    )


@pytest.mark.parametrize("sold", [[], SOLD])
def test_facts_without_a_genealogy_are_refused(sold):
    """Attribution at the order's time needs a genealogy, also where there is no order."""
    tree = Genealogy.from_records(records_of(MOVED)).as_of(moment(END))
    facts = fx.Facts(tree=tree, orders=orders_of(sold), members=members_of(tree))
    refused(lambda: fx.settle(facts, plan_of()), InputError, "genealogy=")


def test_no_orders_at_all_pay_nothing():
    """A table without orders, and without the anchor's column, settles, merges and can be quoted against."""
    genealogy = Genealogy.from_records(records_of(MOVED))
    tree = genealogy.as_of(moment(END))
    facts = fx.Facts(tree=tree, members=members_of(tree), genealogy=genealogy)
    run = fx.settle(facts, plan_of())
    assert lines_of(run) == set()
    assert fx.merge(run, settled(MOVED, SOLD, plan_of())).margin_report().orders == len(SOLD)
    order = {"order_id": 1, "member": 102, "paid": "100.00", "paid_at": moment(4)}
    assert [str(pay) for pay in fx.quote(facts, plan_of(), order).payouts().values()] == ["10.00"]


def test_trees_of_others_are_refused():
    """The genealogy knows everybody of the tree, and the tree everybody who had joined by an order's time."""
    genealogy = Genealogy.from_records(records_of(MOVED))
    strange = fx.ReferralTree.from_parents([-1, 0])
    refused(lambda: fx.Facts(tree=strange, genealogy=genealogy), GenealogyError, "2 of the tree's 2")
    refused(lambda: fx.Facts(tree=strange, genealogy="log"), InputError, "Genealogy")
    tree = genealogy.as_of(moment(1))
    for time, late in ((1, False), (2, True)):
        facts = fx.Facts(
            tree=tree, orders=orders_of([(102, None, time)]), members=members_of(tree), genealogy=genealogy
        )
        if late:
            refused(lambda: fx.settle(facts, plan_of()), GenealogyError, "lacks members")  # noqa: B023  # called at once
        else:
            assert len(lines_of(fx.settle(facts, plan_of()))) == 2


def test_batches_of_different_genealogies_do_not_merge():
    """Settlements with other logs do not merge, with equal copies of one they do."""
    tree = Genealogy.from_records(records_of(MOVED)).as_of(moment(END))
    one, copy, other = (
        Genealogy.from_records(records_of(each))
        for each in (MOVED, MOVED[::-1], [*MOVED, entry("exit", 103, at=19)])
    )

    def run(genealogy, *sold):
        numbered = orders_of(SOLD).take(np.array(sold))
        facts = fx.Facts(tree=tree, orders=numbered, members=members_of(tree), genealogy=genealogy)
        return fx.settle(facts, plan_of())

    refused(lambda: fx.merge(run(one, 1), run(other, 2)), MergeError, "genealogy")
    refused(
        lambda: fx.merge(
            run(one, 1), attrs.evolve(run(one, 2), facts=fx.Facts(tree=tree, members=members_of(tree)))
        ),
        MergeError,
        "genealogy",
    )
    assert fx.merge(run(one, 1), run(copy, 2)).margin_report().orders == 2
