"""Orders attributed at their own time pay whom the tree of that very moment would pay."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.genealogy import Genealogy
from fenxiao.routes import IF_NOT, SELF_PURCHASE
from tests.oracles.climbs import candidates, payees
from tests.oracles.genealogies import is_in, tree_at
from tests.strategies.genealogies import entry, logs, moment, records_of

END = 20
RATES = ["10%", "5%", "3%"]


def plan_of(attribution="order_time", **changes):
    """Return a plan of one level commission, whose margin never binds."""
    usual = {"base": "paid", "rates": RATES, "if_not": "company"}
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=[fx.LevelCommission("referral", **(usual | changes))],
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
        "eligible": draw(st.sampled_from([None, fx.column("active") == True])),  # noqa: E712  # a condition
        "compress": draw(st.sampled_from([None, fx.column("grade") >= 1, fx.column("grade") >= 3])),
    }
    if draw(st.booleans()):
        found |= {"rates": [], "by_rank": {"none": ["4%"], "gold": RATES}, "burn": draw(st.booleans())}
        found["burn"] = False
    elif draw(st.booleans()):
        found |= {"unlocks": [None, fx.column("grade") >= 2, fx.column("grade") >= 2]}
    elif draw(st.booleans()):
        found |= {"rates": [], "by_length": {1: ["9%"], 2: ["6%", "4%"]}}
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
    chosen |= {"eligible": fx.column("active") == True} if choosy else {}  # noqa: E712  # a condition
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
