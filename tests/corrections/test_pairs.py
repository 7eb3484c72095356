"""Pairs give back in proportion: against the slow twin over three months and refunds that come later."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.corrections import Book, correct
from fenxiao.errors import StateError, UnsupportedError
from fenxiao.placement import Placement
from fenxiao.policies import BinaryPairing
from fenxiao.volumes import Carry, organisation
from tests.corrections.worlds import MONTHS, pay_of
from tests.expressions.refusals import refused
from tests.oracles import paired_back as slow
from tests.policies.test_binary import built, pairings

many = settings(max_examples=25, deadline=None)
VOLUMES = st.sampled_from([100, 100, 200, 50, 30, 70, 1, 250, 1000]) | st.integers(1, 1000)


@st.composite
def teams(draw, *, most=6):
    """Draw positions, orders over three months, and what goes back of them until June."""
    places, free = {0: (None, None)}, [(0, 0), (0, 1)]
    for member in range(1, draw(st.integers(3, most))):
        if member > 2 and not draw(st.integers(0, 5)):
            places[member] = None  # sells, and stands in no leg
            continue
        places[member] = free.pop(draw(st.integers(0, len(free) - 1)))
        free += [(member, 0), (member, 1)]
    orders, refunds = [], []
    for number in range(draw(st.integers(2, 7))):
        month, left = draw(st.integers(1, 3)), draw(VOLUMES)
        when = f"2026-0{month}-{draw(st.integers(1, 9)):02d}T00:00:00Z"
        orders.append((number, draw(st.sampled_from(sorted(places))), left, when))
        for turn in range(draw(st.integers(0, 2))):
            back = left if draw(st.booleans()) else draw(st.integers(0, left))
            left -= back
            known = draw(st.integers(month, 6))
            refunds.append((number, back, f"2026-0{known}-{10 + turn}T00:00:00Z"))
    return {"places": places, "orders": orders, "refunds": refunds}


def facts_of(team, until="2027"):
    """Return the facts that were known before an instant."""
    places = team["places"]
    tree = fx.ReferralTree.from_mapping({member: 0 if member else None for member in places})
    rows = [
        {"member": member, "parent": place[0], "leg": place[1]} for member, place in places.items() if place
    ]
    records = [
        {"order_id": number, "member": member, "paid_minor": pv, "margin_minor": 10**9, "pv": str(pv),
         "paid_at": when}
        for number, member, pv, when in team["orders"]
        if when < until
    ]  # fmt: skip
    options = {"volumes": {"pv": 0}, "times": ["paid_at"]}
    orders = fx.Orders.from_records(records, **options) if records else fx.Orders.empty(**options)
    changes = [
        {"kind": "refund", "order_id": number, "paid_minor": back, "at": when}
        for number, back, when in team["refunds"]
        if when < until
    ]
    # A month without orders has no margins, and pairs of what was given back are paid all the same.
    funds = {"pot": "10000000.00"}
    placement = Placement.from_records(tree, rows)
    facts = fx.Facts(tree=tree, orders=orders, placements={"binary": placement}, funds=funds)
    return facts.after(facts.orders.read_changes(changes)) if changes else facts


def plan_of(policy):
    """Return a plan whose margins cut nothing."""
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=[policy],
        anchor="paid_at",
        zone="UTC",
        refunds=fx.Refunds("pro_rata"),
    )


def lived(team, plan, *, each, stored=False):
    """Return the book of three months settled in a row, corrected before each or at the end only."""
    book = None
    for month in MONTHS:
        facts = facts_of(team, f"{month.end}")
        if book is not None and each:
            book = correct(book, facts, plan).book
            book = Book.from_dict(book.to_dict()) if stored else book
        run = fx.settle(facts, plan, period=month, state=None if book is None else book.state)
        book = Book.of(run) if book is None else book.then(run)
    return correct(book, facts_of(team), plan).book


def twin_of(team, options):
    """Return the positions of the slow twin."""
    sold = {number: [pv, member, when] for number, member, pv, when in team["orders"]}
    batches = [[] for _ in range(4)]
    for number, back, when in team["refunds"]:
        month = int(when[6])
        if sold[number][2][:7] == when[:7]:
            sold[number][0] -= back  # known before its month was settled: it never counted
        else:
            batches[min(month, 4) - 1].append(((sold[number][2], number), back))
    months = [
        [((when, number), who, pv) for number, (pv, who, when) in sold.items() if when[:7] == str(month)]
        for month in MONTHS
    ]
    return slow.followed(team["places"], months, batches, options)


def carries_of(book):
    """Return what each position carries, those with nothing left out."""
    carry = book.state.carry("team")
    rows = zip(carry.labels.tolist(), carry.left.tolist(), carry.right.tolist(), strict=True)
    return {label: [left, right] for label, left, right in rows if left or right}


@many
@given(teams(), pairings(), st.booleans(), st.booleans())
def test_pairs_agree_with_the_twin(team, options, each, stored):
    """Pay by month and position is what the runs' pairs keep, and the legs carry what the twin's do."""
    book = lived(team, plan_of(built(options)), each=each, stored=stored)
    wanted = twin_of(team, options)
    assert pay_of(book) == {
        (str(month), "team", member): kept
        for member, position in wanted.items()
        for month, run in zip(MONTHS, position.runs, strict=True)
        if (kept := run.pay - int(run.pay * run.back() // 1))
    }
    assert carries_of(book) == {m: p.carries() for m, p in wanted.items() if any(p.carries())}


@many
@given(teams(), pairings())
def test_the_twin_loses_no_volume(team, options):
    """What a leg brought still stands in pairs, or was given back, carried, flushed or dropped."""
    for position in twin_of(team, options).values():
        for leg in (0, 1):
            drawn = sum(volume for run in position.runs for _, volume in run.drawn[leg])
            rest = position.carries()[leg] + position.flushed[leg] + position.dropped[leg]
            assert position.brought[leg] == drawn + position.lost[leg] + rest


@many
@given(teams(), pairings(), st.booleans())
def test_correcting_twice_posts_nothing(team, options, each):
    """What is posted once is not posted again, and the book stays what it is."""
    plan = plan_of(built(options))
    book = lived(team, plan, each=each)
    again = correct(book, facts_of(team), plan)
    assert not again.totals()
    assert again.book == book


@many
@given(teams(), pairings())
def test_when_it_is_corrected_does_not_matter(team, options):
    """Corrected before each month, or once at the end: the same earnings, the same state."""
    plan = plan_of(built(options))
    assert lived(team, plan, each=True) == lived(team, plan, each=False)


@many
@given(teams(), pairings())
def test_the_parts_sum_to_the_whole(team, options):
    """Where everything went back in the end, nothing is earned and nothing is carried."""
    left = {number: pv for number, _, pv, _ in team["orders"]}
    for number, back, _ in team["refunds"]:
        left[number] -= back
    rest = [(number, back, "2026-06-20T00:00:00Z") for number, back in left.items()]
    book = lived(team | {"refunds": [*team["refunds"], *rest]}, plan_of(built(options)), each=False)
    assert pay_of(book) == {}
    assert carries_of(book) == {}


SIDES = {0: (None, None), 1: (0, 0), 2: (0, 1)}
RATE = {"leftover": "carry", "rate": Fraction(1, 10), "rounding": "floor"}


def team_of(orders, refunds, places=SIDES):
    """Return a team by orders (member, volume, date) that are numbered, and refunds (order, volume, date)."""
    return {
        "places": places,
        "orders": [(number, *of, f"2026-{day}T00:00:00Z") for number, (*of, day) in enumerate(orders)],
        "refunds": [(number, pv, f"2026-{day}T00:00:00Z") for number, pv, day in refunds],
    }  # fmt: skip


def settled_and_corrected(team, options):
    """Return pay by month of the one position that is paid, and its carry, after a check with the twin."""
    book = lived(team, plan_of(built(options)), each=True)
    position = twin_of(team, options)[0]
    kept = [run.pay - int(run.pay * run.back() // 1) for run in position.runs]
    paid = pay_of(book)
    assert [paid.get((str(month), "team", 0), 0) for month in MONTHS] == kept
    assert carries_of(book).get(0, [0, 0]) == position.carries()
    return kept, position.carries()


def test_a_leg_that_got_volume_back_and_loses_the_rest():
    """Half of the left goes back, so half of the right returns and pairs again; then the right loses more.

    The pairs of January stand on 20 of the right by then, not on 50: 50 + 70 of volume pay for 70.
    """
    team = team_of(
        [(1, 50, "01-01"), (1, 50, "01-02"), (2, 50, "01-03"), (2, 50, "01-04"), (1, 50, "02-01")],
        [(0, 50, "02-10"), (2, 30, "03-10")],
    )
    assert settled_and_corrected(team, RATE) == ([2_00, 5_00, 0], [30, 0])


CYCLES = {"leftover": "carry", "cycle": (100, 100, 10_00)}


@pytest.mark.parametrize(
    ("orders", "refunds", "options", "wanted"),
    [
        # One of two orders of a pair goes back: the pair keeps 40 of 100, the other side its newest 60.
        (
            [(1, 40, "01-01"), (1, 60, "01-02"), (2, 30, "01-03"), (2, 50, "01-04"), (2, 20, "01-05")],
            [(1, 60, "02-10")], CYCLES, ([4_00, 0, 0], [0, 60]),
        ),
        # What the other side got back pairs again, and goes back again.
        (
            [(1, 100, "01-01"), (2, 100, "01-01"), (1, 100, "02-01")],
            [(0, 100, "02-10")], CYCLES, ([0, 10_00, 0], [0, 0]),
        ),
        (
            [(1, 100, "01-01"), (2, 100, "01-01"), (1, 100, "02-01")],
            [(0, 100, "02-10"), (2, 100, "03-10")], CYCLES, ([0, 0, 0], [0, 100]),
        ),
        # Flushed legs get nothing back.
        (
            [(1, 100, "01-01"), (2, 100, "01-01")], [(0, 40, "02-10")], CYCLES | {"leftover": "flush"},
            ([6_00, 0, 0], [0, 0]),
        ),
        # The carry goes first: 30 of the order stand in no pair.
        ([(1, 130, "01-01"), (2, 100, "01-01")], [(0, 50, "02-10")], CYCLES, ([8_00, 0, 0], [0, 20])),
        # An order that came back to the carry in two parts gives what was refunded of it, not both parts.
        (
            [(1, 150, "01-01"), (2, 100, "01-01"), (2, 100, "02-01")],
            [(1, 50, "02-10"), (0, 60, "03-10")], CYCLES, ([5_00, 4_00, 0], [0, 60]),
        ),
        # What left the carry is not drawn on later.
        (
            [(1, 130, "01-01"), (2, 100, "01-01"), (2, 30, "02-01"), (1, 30, "03-01")],
            [(0, 30, "02-10"), (3, 30, "04-10")], RATE, ([10_00, 0, 0], [0, 30]),
        ),
        # The latest run gives back first, and the one before it what is more.
        ([(1, 200, "01-01"), (2, 100, "01-01"), (2, 100, "02-01")], [(0, 50, "03-10")], RATE,
         ([10_00, 5_00, 0], [0, 50])),
        ([(1, 200, "01-01"), (2, 100, "01-01"), (2, 100, "02-01")], [(0, 150, "03-10")], RATE,
         ([5_00, 0, 0], [0, 150])),
        # Flushed legs have nothing that pairs again, and what was flushed is not drawn on.
        ([(1, 100, "01-01"), (2, 100, "01-01"), (1, 40, "02-01")], [(0, 40, "02-10")],
         RATE | {"leftover": "flush"}, ([6_00, 0, 0], [0, 0])),
        ([(1, 150, "01-01"), (2, 100, "01-01"), (1, 100, "02-01"), (2, 100, "02-01")], [(2, 100, "03-10")],
         RATE | {"leftover": "flush"}, ([10_00, 0, 0], [0, 0])),
        # What came back is older than what was carried, and is drawn on before it.
        (
            [(1, 100, "01-01"), (2, 50, "01-02"), (2, 50, "01-03"), (2, 40, "01-04"), (1, 40, "02-01")],
            [(0, 60, "02-10"), (3, 40, "03-10")], RATE, ([4_00, 4_00, 0], [0, 20]),
        ),
        # A cap drops the newest: 20 of the second order are not there any more when it goes back.
        ([(1, 60, "01-01"), (1, 60, "01-02"), (2, 50, "01-01")], [(1, 60, "02-10")],
         RATE | {"carry_cap": 50}, ([5_00, 0, 0], [10, 0])),
        # Thirds: each month gives back the floor of what is gone by now, in all no more than there was.
        (
            [(1, 3, "01-01"), (2, 3, "01-01")],
            [(0, 1, "02-10"), (0, 1, "03-10"), (0, 1, "04-10")],
            RATE | {"rate": Fraction(1, 3)}, ([0, 0, 0], [0, 3]),
        ),
        (
            [(1, 3, "01-01"), (2, 3, "01-01")], [(0, 1, "02-10")], RATE | {"rate": Fraction(1, 30)},
            ([7, 0, 0], [0, 1]),
        ),
    ],
)  # fmt: skip
def test_by_hand(orders, refunds, options, wanted):
    """Numbers that can be counted on fingers, for the one position with two legs."""
    assert settled_and_corrected(team_of(orders, refunds), options) == wanted


PAIR = [(1, 100, "01-01"), (2, 100, "01-01")]
"""One hundred in each leg."""


def test_volume_from_before_the_book_is_nobodys():
    """A book may begin with a carry whose orders no run knows: it pairs first, and no refund takes it."""
    before = Carry(policy="team", labels=[0], left=[70], right=[0], paired=[False], decimals=0)
    team, plan = team_of(PAIR, [(0, 100, "02-10"), (1, 50, "03-10")]), plan_of(built(RATE))
    run = fx.settle(facts_of(team, "2026-02"), plan, period=MONTHS[0], state=fx.State(carries=[before]))
    book = correct(run, facts_of(team), plan).book
    # Of 70 that were brought and 30 of the order, 70 would stand; of the other leg 50 do.
    assert (pay_of(book), carries_of(book)) == ({("2026-01", "team", 0): 5_00}, {0: [20, 0]})


def test_late_orders_count_in_their_month():
    """An order that is known after its month ended is no refund: it brings its volume all the same."""
    team, plan = team_of(PAIR, [(0, 40, "02-10")]), plan_of(built(CYCLES))
    facts = facts_of(team)
    late = fx.Orders.from_records(
        [{"order_id": n, "member": n + 1, "paid_minor": 100, "margin_minor": 10**9, "pv": "100",
          "paid_at": "2026-01-01T00:00:00Z", "known_at": f"2026-02-0{1 + n}T00:00:00Z"} for n in (0, 1)],
        volumes={"pv": 0}, times=["paid_at", "known_at"],
    )  # fmt: skip
    facts = facts.with_orders(late).after(facts.orders.changes)
    run = fx.settle(facts.with_orders(late), plan, period=MONTHS[0])
    assert correct(run, facts.with_orders(late), plan).totals() == {}
    assert correct(run, facts, plan).totals() == {0: Decimal("-4.00")}


def test_facts_by_period_each_know_their_own_refunds():
    """The facts of a period may hold the orders of that period alone, and their changes."""
    team, plan = team_of([*PAIR, (1, 10, "02-01")], [(0, 40, "02-10")]), plan_of(built(CYCLES))
    runs = [fx.settle(facts_of(team, "2026-02"), plan, period=MONTHS[0])]
    whole = facts_of(team)
    own = whole.with_orders(whole.orders.sold.take(np.arange(2))).after(whole.orders.changes)
    others = whole.with_orders(whole.orders.sold.take(np.array([2])))
    runs.append(fx.settle(others, plan, period=MONTHS[1], state=runs[0].state))
    together = correct(Book.of(*runs), whole, plan)
    apart = correct(Book.of(*runs), {"2026-01": own, "2026-02": others}, plan)
    assert apart.totals() == together.totals() == {0: Decimal("-4.00")}
    assert apart.book == together.book


def test_a_position_that_carries_nothing_is_in_no_state():
    """What goes back and what returns leave the state that settling would: nobody is in it with nothing."""
    team, plan = team_of([*PAIR, (1, 30, "01-02")], [(2, 30, "02-10")]), plan_of(built(CYCLES))
    run = fx.settle(facts_of(team, "2026-02"), plan, period=MONTHS[0])
    assert run.state.carry("team").labels.tolist() == [0]
    assert correct(run, facts_of(team), plan).state.carry("team").labels.tolist() == []
    returned = lived(team_of(PAIR, [(0, 30, "02-10")]), plan, each=True).state.carry("team")
    assert (returned.labels.tolist(), returned.paired.tolist()) == ([0], [False])


def test_the_first_pair_stays_made():
    """A position whose first pair went back has made it all the same: the next one is not its first again."""
    first = CYCLES | {"first": (200, 100, 30_00)}
    team = team_of(
        [(1, 200, "01-01"), (2, 100, "01-01"), (1, 100, "03-01")], [(0, 200, "02-10")]
    )  # the right gets its 100 back
    assert settled_and_corrected(team, first) == ([0, 0, 10_00], [0, 0])


def test_pairs_of_other_measures_cannot_be_followed():
    """Only volume of single lines can be found again."""
    team = team_of(PAIR, [(0, 40, "02-10")])
    plan = plan_of(BinaryPairing("team", on=organisation("pv"), rate="10%", leftover="carry"))
    run = fx.settle(facts_of(team, "2026-02"), plan, period=MONTHS[0])
    refused(lambda: correct(run, facts_of(team), plan), UnsupportedError, "own(...)")


def test_pairs_through_several_plans_are_refused():
    """A book of two plans cannot be followed from one to the other."""
    team = team_of(PAIR, [(0, 40, "02-10")])
    plans = [plan_of(built(options)) for options in (CYCLES, RATE)]
    one = fx.settle(facts_of(team, "2026-02"), plans[0], period=MONTHS[0])
    other = fx.settle(facts_of(team, "2026-03"), plans[1], period=MONTHS[1], state=one.state)
    refused(
        lambda: correct(Book.of(one, other), facts_of(team), plans), UnsupportedError, "several plans", "book"
    )


def test_a_run_without_a_period_gives_back_too():
    """Without a period all that goes back does so later."""
    team = team_of(PAIR, [(0, 40, "01-10")])
    policy = built(CYCLES)
    plan = fx.Plan(
        currency="CNY", margin=fx.Margin.column("margin"), policies=[policy], refunds=fx.Refunds("pro_rata")
    )
    facts = facts_of(team)
    run = fx.settle(facts.with_orders(facts.orders.sold), plan)
    correction = correct(run, facts, plan)
    assert correction.totals() == {0: Decimal("-4.00")}
    assert carries_of(correction.book) == {0: [0, 40]}


def test_lines_of_pairs():
    """What pairs give back stands in a member's lines, as pay on the period, while the facts are known."""
    team = team_of([*PAIR, (1, 10, "02-01")], [(0, 40, "02-10"), (0, 30, "03-10")])
    plan = plan_of(built(CYCLES))
    runs = [fx.settle(facts_of(team, "2026-02"), plan, period=MONTHS[0])]
    runs.append(fx.settle(facts_of(team, "2026-02-05"), plan, period=MONTHS[1], state=runs[0].state))
    first = correct(Book.of(*runs), facts_of(team, "2026-03"), plan)
    second = correct(first.book, facts_of(team), plan)
    for correction, before, after in ((first, 10_00, 6_00), (second, 6_00, 3_00)):
        line = {"order_id": None, "line": 0, "policy": "team", "level": -1}
        money = {"before_minor": before, "after_minor": after, "difference_minor": after - before}
        assert correction.lines_of(0, MONTHS[0]) == [line | money]
        assert correction.lines_of(0, MONTHS[1]) == correction.lines_of(1, MONTHS[0]) == []
    stored = correct(Book.from_dict(first.book.to_dict()), facts_of(team), plan)
    refused(lambda: stored.lines_of(0, MONTHS[0]), StateError, "facts before are not at hand")


@pytest.mark.parametrize(
    ("when", "wanted"),
    [("2026-01-31T23:59:59.999999Z", {}), ("2026-02-01T00:00:00Z", {("2026-01", "team", 0): 6_00})],
)
def test_what_goes_back_before_the_month_ends_made_no_pair(when, wanted):
    """A refund of January is net: 60 and 100 make no cycle of 100. One of February takes its share of it."""
    team, plan = team_of(PAIR, []), plan_of(built(CYCLES))
    facts = facts_of(team)
    run = fx.settle(facts, plan, period=MONTHS[0])
    assert pay_of(correct(run, facts.refund(0, paid="0.40", at=when), plan).book) == wanted


def test_what_is_known_when_the_next_month_ends_is_out_of_it():
    """A refund at the first instant of March is not yet known in February: what stands pairs there again."""
    team = team_of([*PAIR, (1, 100, "02-01")], [(0, 100, "03-01")])
    # Known in February, the 100 that the right got back would have paired then.
    assert settled_and_corrected(team, CYCLES) == ([0, 0, 10_00], [0, 0])


def test_the_first_pair_stays_made_where_nothing_is_carried():
    """Both legs are empty after the refunds, and the position is remembered all the same."""
    first = CYCLES | {"first": (200, 100, 30_00)}
    team = team_of(
        [(1, 250, "01-01"), (2, 100, "01-01"), (1, 100, "03-01"), (2, 100, "03-01")],
        [(0, 250, "02-10"), (1, 100, "02-10")],
    )
    assert settled_and_corrected(team, first) == ([0, 0, 10_00], [0, 0])


def test_position_that_joins_later():
    """Whoever joins after a run has no legs in it; those above him do."""
    team, plan = team_of([(1, 100, "02-01"), (2, 100, "02-01")], [(0, 40, "03-10")]), plan_of(built(CYCLES))
    tree = fx.ReferralTree.from_mapping({9: None})
    placement = Placement.from_records(tree, [{"member": 9, "parent": None, "leg": None}])
    whole = facts_of(team)
    alone = fx.Facts(
        tree=tree,
        orders=whole.orders.sold.take(np.zeros(0, dtype=np.int64)),
        placements={"binary": placement},
    )
    first = fx.settle(alone, plan, period=MONTHS[0])
    second = fx.settle(facts_of(team, "2026-03"), plan, period=MONTHS[1], state=first.state)
    correction = correct(Book.of(first, second), {"2026-01": alone, "2026-02": whole}, plan)
    assert correction.totals() == {0: Decimal("-4.00")}


def test_pairs_of_a_week_and_levels_of_a_month():
    """Each run gives back what it paid: the pair of the week it was made in, the lines of the month."""
    records = [
        {
            "order_id": key,
            "member": who,
            "paid": "100.00",
            "margin": "100.00",
            "pv": "100",
            "paid_at": f"{on}T00:00:00Z",
        }
        for key, who, on in [("left", 1, "2026-01-05"), ("right", 2, "2026-01-06")]
    ]
    tree = fx.ReferralTree.from_mapping({0: None, 1: 0, 2: 0})
    places = [{"member": each, "parent": place[0], "leg": place[1]} for each, place in SIDES.items()]
    facts = fx.Facts(
        tree=tree,
        orders=fx.Orders.from_records(records, volumes={"pv": 0}, times=["paid_at"]),
        placements={"binary": Placement.from_records(tree, places)},
    )
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=[
            BinaryPairing("team", on=fx.own("pv"), rate="10%", leftover="carry", due="week"),
            fx.LevelCommission("levels", base="paid", rates=["5%"], if_not="company", due="month"),
        ],
        anchor="paid_at",
        zone="UTC",
        refunds=fx.Refunds("pro_rata"),
    )
    week, month = fx.week(2026, 2), fx.month(2026, 1)
    first = fx.settle(facts, plan, period=week)
    book = Book.of(first, fx.settle(facts, plan, period=month, state=first.state))
    later = facts.refund("left", paid="50.00", volumes={"pv": "50"}, at="2026-02-03T00:00:00Z")
    correction = correct(book, later, plan)
    assert pay_of(book) == {("2026-W02", "team", 0): 10_00, ("2026-01", "levels", 0): 10_00}
    assert pay_of(correction.book) == {("2026-W02", "team", 0): 5_00, ("2026-01", "levels", 0): 7_50}
    assert carries_of(correction.book) == {0: [0, 50]}
    assert not correct(correction.book, later, plan).totals()
