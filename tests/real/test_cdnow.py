"""A year and a half of real purchases, settled month by month against slow loops over dicts.

The purchases are those of the CDNOW data set (customer, day, pieces, dollars). It does not come with the
project: the checks are skipped where the file is absent. The data names no sponsors and no margins; both are
made up by plain rules below, so that everybody who has the file gets the same case.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import fenxiao as fx

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "cdnow_master.txt"
ZONE = "America/New_York"
MONTHS = [(1997, month) for month in range(1, 13)] + [(1998, month) for month in range(1, 7)]
PERCENT = (10, 5, 2)
MONTHLY_LIMIT = 2_000
"""What one member gets in a month at most, in cents: a few hundred members reach it."""

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the purchases are not beside the project")


class Purchase(NamedTuple):
    """One row of the file; money in cents."""

    number: int
    customer: int
    day: str
    pieces: int
    paid: int
    margin: int


def sponsor_of(customer):
    """Return a sponsor with a lower number, None for one customer in five hundred."""
    if customer % 500 == 1:
        return None
    return 1 + customer * 48_271 % 2_147_483_647 % (customer - 1)


def is_active(customer):
    """Say whether a customer may be paid: six of seven are."""
    return customer % 7 != 0


def margin_of(paid):
    """Return a quarter of what was paid, less 1.50 for handling; small orders make a loss."""
    return paid // 4 - 150


@pytest.fixture(scope="module")
def purchases():
    """Read the file without the library."""
    found = []
    for line in FILE.read_text(encoding="ascii").splitlines()[1:]:
        customer, day, pieces, dollars = line.split()
        whole, cents = dollars.split(".")
        paid = int(whole) * 100 + int(cents)
        found.append(Purchase(len(found), int(customer), day, int(pieces), paid, margin_of(paid)))
    return found


@pytest.fixture(scope="module")
def facts(purchases):
    """Read the file through the library."""
    customers = sorted({purchase.customer for purchase in purchases})
    tree = fx.ReferralTree.from_mapping({customer: sponsor_of(customer) for customer in customers})
    members = fx.Members.from_columns(
        {"member": customers, "active": [is_active(each) for each in customers]}
    )
    rows = [line.split() for line in FILE.read_text(encoding="ascii").splitlines()[1:]]
    days = [f"{day[:4]}-{day[4:6]}-{day[6:]}" for _, day, _, _ in rows]
    orders = fx.Orders.from_columns(
        {
            "order_id": np.arange(len(rows)),
            "member": [int(customer) for customer, _, _, _ in rows],
            "paid": [dollars for _, _, _, dollars in rows],
            "margin_minor": [purchase.margin for purchase in purchases],
            "quantity": [int(pieces) for _, _, pieces, _ in rows],
            # Midnight in New York: the first instant of a month belongs to it.
            "paid_at": np.array(days, dtype="datetime64[D]"),
        },
        currency="USD",
        zone=ZONE,
    )
    return fx.Facts(tree=tree, orders=orders, members=members)


def plan_with(*caps):
    """Return three levels over active sponsors, within the margin of each order."""
    return fx.Plan(
        currency="USD",
        margin=fx.Margin.column("margin"),
        policies=[
            fx.LevelCommission(
                "referral",
                base="paid",
                rates=[f"{percent}%" for percent in PERCENT],
                if_not="roll_up",
                eligible=fx.column("active") == True,  # noqa: E712  # builds a predicate
                rounding="half_up",
            )
        ],
        caps=caps,
        anchor="paid_at",
        zone=ZONE,
    )


class SlowMonth:
    """What a month pays, by plain loops."""

    def __init__(self, purchases):
        self.lines = {}
        self.paid = defaultdict(int)
        self.claimed = self.budget = self.bound = self.losses = 0
        for purchase in purchases:
            self.add(purchase)
        self.used = sum(self.paid.values())

    def add(self, purchase):
        """Settle one purchase."""
        claims = []
        here = purchase.customer
        for percent in PERCENT:
            here = sponsor_of(here)
            while here is not None and not is_active(here):
                here = sponsor_of(here)
            if here is None:
                break
            claims.append((here, (2 * purchase.paid * percent + 100) // 200))
        budget = max(purchase.margin, 0)
        total = sum(claim for _, claim in claims)
        self.claimed += total
        self.budget += budget
        self.losses += purchase.margin < 0
        self.bound += total > budget
        amounts = [claim for _, claim in claims]
        if total > budget:
            amounts = [claim * budget // total for claim in amounts]
            rests = [claim * budget % total for _, claim in claims]
            # Sorting is stable, so that equal remainders go to the nearer level.
            for place in sorted(range(len(claims)), key=lambda k: -rests[k])[: budget - sum(amounts)]:
                amounts[place] += 1
        for level, ((payee, claim), amount) in enumerate(zip(claims, amounts, strict=True), start=1):
            if claim:
                self.lines[purchase.number, level] = (payee, claim, amount)
                self.paid[payee] += amount


@pytest.fixture(scope="module")
def slow(purchases):
    """Settle every month by plain loops."""
    by_month = defaultdict(list)
    for purchase in purchases:
        by_month[int(purchase.day[:4]), int(purchase.day[4:6])].append(purchase)
    return {month: SlowMonth(found) for month, found in by_month.items()}


@pytest.fixture(scope="module")
def fast(facts):
    """Settle every month with the library."""
    plan = plan_with()
    return {month: fx.settle(facts, plan, period=fx.month(*month)) for month in MONTHS}


def payable(run):
    """Return what everybody gets, in cents."""
    return {member: int(amount * 100) for member, amount in run.totals().to_dict().items()}


def test_file_is_the_one_meant(purchases, facts):
    """The file has the customers and purchases of the literature, and the library reads all of them."""
    assert len(purchases) == len(facts.orders) == 69_659
    assert len(facts.tree) == 23_570
    assert facts.orders.amounts("paid").values.tolist() == [purchase.paid for purchase in purchases]


def test_months_cover_the_data(slow):
    """Every purchase lies in one of the eighteen months."""
    assert sorted(slow) == MONTHS


@pytest.mark.parametrize("month", MONTHS, ids=lambda month: f"{month[0]}-{month[1]:02d}")
def test_month_pays_what_slow_loops_pay(fast, slow, month):
    """A month pays everybody what plain loops pay him, and its report counts what they count."""
    run, twin = fast[month], slow[month]
    assert payable(run) == {member: amount for member, amount in twin.paid.items() if amount}
    report = run.margin_report()
    assert report.claimed == twin.claimed
    assert report.used == twin.used
    assert report.budget == twin.budget
    assert report.kept == twin.budget - twin.used
    assert report.bound_orders == twin.bound
    assert report.loss_orders == twin.losses


@pytest.mark.parametrize("month", [(1997, 1), (1998, 6)], ids=lambda month: f"{month[0]}-{month[1]:02d}")
def test_every_line_of_a_month(fast, slow, month):
    """Order by order and level by level a month has the lines that plain loops give."""
    found = {}
    for batch in fast[month].lines():
        columns = (batch.order_id, batch.level.tolist(), batch.payee.tolist(), batch.claimed.tolist())
        for order, level, payee, claim, amount in zip(*columns, batch.allowed.tolist(), strict=True):
            found[order, level] = (payee, claim, amount)
    assert found == slow[month].lines


def test_margin_binds_on_a_part(fast):
    """The margin cuts some of the orders and leaves others alone, so that both ways are checked."""
    bound = sum(run.margin_report().bound_orders for run in fast.values())
    assert 0.1 < bound / 69_659 < 0.9


def test_months_sum_to_the_whole(facts, fast):
    """The plan is order-local: all months together pay what one settlement of everything pays."""
    whole = fx.settle(facts, plan_with())
    months = defaultdict(int)
    for run in fast.values():
        for member, amount in payable(run).items():
            months[member] += amount
    assert payable(whole) == dict(months)


def test_monthly_limit(facts, slow):
    """With a limit by payee and month everybody gets the lesser of the limit and what he earned."""
    plan = plan_with(fx.Cap.per_payee(f"{MONTHLY_LIMIT // 100}.00", name="limit"))
    state, reached = None, 0
    for month in MONTHS:
        run = fx.settle(facts, plan, period=fx.month(*month), state=state)
        state = run.state
        expected = {
            member: min(amount, MONTHLY_LIMIT) for member, amount in slow[month].paid.items() if amount
        }
        reached += sum(amount > MONTHLY_LIMIT for amount in slow[month].paid.values())
        assert payable(run) == expected
        assert dict(run.margin_report().cuts).get("cap 'limit'", 0) == slow[month].used - sum(
            expected.values()
        )
    assert reached > 50
