"""Named departures from law 6, each with its own law: own lines, bands by age, none, and a horizon."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.corrections import Book, correct
from fenxiao.errors import UnsupportedError
from fenxiao.policies import OrderPolicy
from tests.corrections.worlds import MONTHS, facts_of, pay_of, plan_of, settled_once, shops
from tests.policies.test_catalogue_guard import EVERYTHING, HALF

many = settings(max_examples=25, deadline=None)
ORDER_WISE = [policy for policy in EVERYTHING if isinstance(policy, OrderPolicy)]
GIVE_BACK = ("refund", "cancellation", "chargeback")
LEVELS = fx.LevelCommission("levels", base="paid", rates=[HALF], if_not="company")
CAPS = [[], [fx.Cap.per_payee("3.00")], [fx.Cap.company("4%", of="paid")]]


def sold_of(world):
    """Return the facts as if no money had ever gone back."""
    return facts_of(
        world, world["lines"], [each for each in world["changes"] if each["kind"] == "adjustment"]
    )


def undone(change, changes):
    """Return whether a line that was gone was reinstated later."""
    return change["kind"] in ("cancellation", "chargeback") and any(
        each["kind"] == "reinstatement"
        and (each["order_id"], each["line"]) == (change["order_id"], change["line"])
        and each["at"] > change["at"]
        for each in changes
    )


def given_back(world):
    """Return the changes that give money back and still count, in the order in which they happened."""
    changes = [
        (each["at"], row, each)
        for row, each in enumerate(world["changes"])
        if each["kind"] in GIVE_BACK and not undone(each, world["changes"])
    ]
    return [each for _, _, each in sorted(changes, key=lambda found: found[:2])]


def lines_of(facts, plan):
    """Return minor units by month, order id, line, policy, payee and level, of lines that have an order."""
    found = {}
    for month in MONTHS:
        for batch in fx.settle(facts, plan, period=month).lines():
            columns = batch.columns()
            names = ("order_id", "line", "policy", "payee", "level", "allowed_minor")
            rows = zip(*(list(columns[name]) for name in names), strict=True)
            for *key, amount in rows:
                if key[0] is not None:
                    where = (str(month), *key)
                    found[where] = found.get(where, 0) + int(amount)
    return found


def by_member(lines):
    """Return minor units by month, policy and payee, those with nothing left out."""
    found = {}
    for (month, _, _, policy, payee, _), amount in lines.items():
        key = month, policy, payee
        found[key] = found.get(key, 0) + amount
    return {key: amount for key, amount in found.items() if amount}


def age(line, change, unit):
    """Return how old the order of a line is at a change."""
    start, end = (
        datetime.fromisoformat(each[when]).date() for each, when in ((line, "paid_at"), (change, "at"))
    )
    if unit == "days":
        return (end - start).days
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - (end.day < start.day and (end + timedelta(days=1)).month == end.month)


@many
@given(shops(), st.sampled_from(CAPS), st.sampled_from([None, "1/7", "100%"]))
def test_own_lines_keep_what_they_would_be_allowed(world, caps, rate):
    """A line keeps its share of what caps left, and nobody else's pay changes."""
    plan = plan_of(EVERYTHING, rate=rate, caps=caps, refunds=fx.Refunds("own_lines"))
    sold, now = sold_of(world), facts_of(world, world["lines"], world["changes"])
    free = plan_of(ORDER_WISE, rate=rate)
    before, after, paid = lines_of(sold, free), lines_of(now, free), lines_of(sold, plan)
    once = pay_of(settled_once(sold, plan))
    for key, amount in paid.items():
        a, b = before[key], min(before[key], after.get(key, 0))
        back = amount * (a - b) // a if a else 0
        once[key[0], key[3], key[4]] = once.get((key[0], key[3], key[4]), 0) - back
    book = settled_once(sold, plan)
    correction = correct(book, now, plan)
    assert pay_of(correction.book) == {key: amount for key, amount in once.items() if amount}
    assert not correct(correction.book, now, plan).totals()


@many
@given(
    shops(),
    st.dictionaries(
        st.integers(0, 120), st.sampled_from(["0%", "40%", "1/3", "100%"]), min_size=1, max_size=3
    ),
    st.sampled_from(["days", "months"]),
    st.sampled_from([[], ["chargeback"], ["refund", "cancellation"]]),
)
def test_bands_take_a_share_by_age_of_what_is_left(world, bands, unit, in_full):
    """Change after change of an order, each takes the floor of its share of what the lines have left."""
    if unit == "months":
        bands = {number // 30: share for number, share in bands.items()}
    refunds = fx.Refunds("bands", bands=bands, unit=unit, in_full=in_full)
    policies = ORDER_WISE[:4]
    plan, free = plan_of(policies, refunds=refunds), plan_of(policies)
    sold, now = sold_of(world), facts_of(world, world["lines"], world["changes"])
    adjusted = [each for each in world["changes"] if each["kind"] == "adjustment"]
    left = lines_of(sold, free)
    claimed, known = dict(left), adjusted
    days = {(line["order_id"], line["line"]): line for line in world["lines"]}
    for change in given_back(world):
        known = [*known, change]
        after = lines_of(facts_of(world, world["lines"], known), free)
        share = refunds.share(age(days[change["order_id"], change["line"]], change, unit))
        share = Fraction(1) if change["kind"] in in_full else share
        for key, has in left.items():
            if key[1] != change["order_id"]:
                continue
            a, b = claimed[key], min(claimed[key], after.get(key, 0))
            lost = Fraction(a - b, a) if a else Fraction(0)
            if not a and change["kind"] != "refund" and key[2] == change["line"]:
                lost = Fraction(1)
            left[key] = has - (has * share * lost).__floor__()
            claimed[key] = b
    correction = correct(settled_once(sold, plan), now, plan)
    assert pay_of(correction.book) == by_member(left)


@many
@given(shops(), st.booleans())
def test_none_takes_nothing_back_and_says_what_that_costs(world, stored):
    """Pay is what it would be if no money had gone back; what is more than recomputed is shown."""
    plan = plan_of(EVERYTHING, refunds=fx.Refunds("none"))
    sold, now = sold_of(world), facts_of(world, world["lines"], world["changes"])
    book = settled_once(sold, plan)
    correction = correct(Book.from_dict(book.to_dict()) if stored else book, now, plan)
    assert correction.book == book
    recomputed = pay_of(settled_once(now, plan_of(EVERYTHING)))
    kept = pay_of(book)
    above = {key: amount - recomputed.get(key, 0) for key, amount in kept.items()}
    assert correction.unrecovered_minor == sum(amount for amount in above.values() if amount > 0)


@many
@given(shops(), st.integers(0, 150), st.booleans())
def test_a_closed_period_never_changes(world, days, stored):
    """What becomes known after the horizon does not count, whenever it is taken in."""
    plan = plan_of(EVERYTHING, refunds=fx.Refunds(horizon_days=days))
    now = facts_of(world, world["lines"], world["changes"])
    book = settled_once(facts_of(world, world["lines"], []), plan)
    correction = correct(Book.from_dict(book.to_dict()) if stored else book, now, plan)
    state, wanted = None, {}
    for month in MONTHS:
        closed = datetime.combine(month.end + timedelta(days=days), datetime.min.time())
        known = now.known(f"{(closed - timedelta(microseconds=1)).isoformat()}Z")
        run = fx.settle(known, plan, period=month, state=state)
        state = run.state
        wanted |= pay_of(Book.of(run))
    assert pay_of(correction.book) == wanted
    assert correction.state == state


@many
@given(shops(), st.integers(0, 150))
def test_beyond_the_horizon_own_lines_are_taken_back(world, days):
    """Inside the horizon all is recomputed; what is known later takes back the lines of its orders alone."""
    refunds = fx.Refunds("own_lines", horizon_days=days)
    plan = plan_of(
        [fx.LevelCommission("levels", base="paid", rates=[HALF], if_not="company")], refunds=refunds
    )
    now = facts_of(world, world["lines"], world["changes"])
    back = [each for each in world["changes"] if each["kind"] in GIVE_BACK]
    book = settled_once(facts_of(world, world["lines"], []), plan)
    wanted = {}
    for month in MONTHS:
        closed = f"{month.end + timedelta(days=days)}T00:00:00Z"
        early = [each for each in world["changes"] if each["at"] < closed]
        before = lines_of(facts_of(world, world["lines"], early), plan)
        # Adjustments that are known later do not change a closed period, nor what its lines give back.
        known = [each for each in world["changes"] if each in early or each["kind"] != "adjustment"]
        after = lines_of(facts_of(world, world["lines"], known), plan)
        late = {each["order_id"] for each in back if each["at"] >= closed}
        for key, amount in before.items():
            if key[0] == str(month):
                kept = min(amount, after.get(key, 0)) if key[1] in late else amount
                wanted[key] = kept
    assert pay_of(correct(book, now, plan).book) == by_member(wanted)


def test_a_horizon_needs_a_period():
    """A run without a period has no end from which a horizon counts."""
    plan = plan_of([LEVELS], refunds=fx.Refunds(horizon_days=9))
    members = fx.Members.from_columns({"member": [1], "rank": ["none"]})
    order = {"order_id": 1, "member": 1, "paid": "9.00", "paid_at": "2026-01-01T00:00:00Z"}
    orders = fx.Orders.from_records([order])
    facts = fx.Facts(tree=fx.ReferralTree.from_mapping({1: None}), members=members, orders=orders)
    with pytest.raises(UnsupportedError, match=r"no period.*Settle periods"):
        correct(fx.settle(facts, plan), facts.cancel(1, at="2026-02-01T00:00:00Z"), plan)


CLOSED = "2026-02-10T00:00:00"
"""The first instant at which a horizon of nine days after January takes nothing in any more."""


def january(known="2026-01-05T00:00:00Z"):
    """Return facts of one order of two lines over January, known at an instant."""
    rows = [
        {
            "order_id": 1,
            "line": line,
            "member": 2,
            "paid": "10.00",
            "paid_at": "2026-01-05T00:00:00Z",
            "known_at": known,
        }
        for line in range(2)
    ]
    orders = fx.Orders.from_records(rows, times=["paid_at", "known_at"])
    members = fx.Members.from_columns({"member": [1, 2], "rank": ["none"] * 2})
    return fx.Facts(tree=fx.ReferralTree.from_mapping({1: None, 2: 1}), members=members, orders=orders)


@pytest.mark.parametrize(
    ("refunds", "early", "late"),
    [
        (fx.Refunds(horizon_days=9), -2_50, 0),
        (fx.Refunds("own_lines", horizon_days=9), -2_50, -2_50),
        (fx.Refunds("none"), 0, 0),
        (fx.Refunds("own_lines"), -2_50, -2_50),
    ],
)
def test_the_instant_of_closing(refunds, early, late):
    """The last microsecond before the horizon is taken in, the horizon itself is not."""
    plan, sold = plan_of([LEVELS], rate="100%", refunds=refunds), january()
    book = settled_once(sold, plan, MONTHS[:1])
    last = "2026-02-09T23:59:59.999999Z"
    for when, wanted in ((last, early), (f"{CLOSED}Z", late)):
        assert correct(book, sold.refund(1, 0, paid="5.00", at=when), plan).total_minor == wanted
        known = sold.refund(1, 0, paid="5.00", at="2026-01-06T00:00:00Z", known_at=when)
        assert correct(book, known, plan).total_minor == wanted


@pytest.mark.parametrize("rule", ["recompute", "own_lines"])
def test_orders_known_at_the_instant_of_closing(rule):
    """An order counts if it was known before its period closed; its changes go with it."""
    plan = plan_of([LEVELS], rate="100%", refunds=fx.Refunds(rule, horizon_days=9))
    book = settled_once(january().with_orders(january().orders.take([])), plan, MONTHS[:1])
    assert correct(book, january("2026-02-09T23:59:59.999999Z"), plan).total_minor == 10_00
    late = january(f"{CLOSED}Z")
    assert correct(book, late, plan).total_minor == 0
    assert correct(book, late.cancel(1, at="2026-03-01T00:00:00Z"), plan).total_minor == 0


@pytest.mark.parametrize("rule", ["recompute", "own_lines"])
def test_adjustments_beyond_the_horizon_do_not_count(rule):
    """A closed period gives nothing more, and what goes back goes back of what it was settled on."""
    plan, sold = plan_of([LEVELS], rate="100%", refunds=fx.Refunds(rule, horizon_days=9)), january()
    book = settled_once(sold, plan, MONTHS[:1])
    adjusted = sold.adjust(1, 0, paid="4.00", at="2026-03-01T00:00:00Z")
    assert correct(book, adjusted, plan).total_minor == 0
    back = adjusted.refund(1, 0, paid="4.00", at="2026-03-02T00:00:00Z")
    assert correct(book, back, plan).total_minor == (0 if rule == "recompute" else -2_00)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        # Half of a line in month 1, what is left of it in month 7: 5.00 less 1.75, less 40 % of 3.25.
        ([("refund", "08-20", "5.00"), ("refund", "02-20", "5.00")], 5_00 + 1_95),
        # A refund of nothing after all has gone back takes nothing.
        ([("refund", "08-20", "10.00"), ("refund", "09-20", "0.00")], 5_00 + 3_00),
        # A whole order that is cancelled and cancelled again: 40 % of both lines, and 40 % of what they had.
        ([("cancellation", "08-20", None), ("cancellation", "09-20", None)], 2 * 1_80),
    ],
)
def test_bands_by_hand(changes, left):
    """Two lines of 5.00 each: changes go by their times, each from what is left."""
    refunds = fx.Refunds("bands", bands={0: "70%", 7: "40%"}, unit="months")
    plan, sold = plan_of([LEVELS], rate="100%", refunds=refunds), january()
    records = [
        {"kind": kind, "order_id": 1, "at": f"2026-{day}T00:00:00Z"}
        | ({"line": 0, "paid": paid} if paid else {})
        for kind, day, paid in changes
    ]
    now = sold.after(fx.Changes.from_records(records))
    assert correct(settled_once(sold, plan, MONTHS[:1]), now, plan).book.earned(MONTHS[0]).order_pay == left
