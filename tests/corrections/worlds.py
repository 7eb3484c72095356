"""Shops that live on: orders over three months, what happens to them later, and who learns of it when."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.corrections import Book
from fenxiao.placement import Placement
from fenxiao.qualification import GivenRanks
from tests.oracles.walks import RANKS
from tests.strategies.networks import PLACES, worlds

MONTHS = [fx.month(2026, number) for number in (1, 2, 3)]
KINDS = ("refund", "refund", "cancellation", "chargeback", "adjustment", "reinstatement")


@st.composite
def shops(draw, *, orders=8):
    """Draw members, orders of one or two lines over three months, and changes of some of them."""
    world = draw(worlds(least=2, orders=0))
    members = sorted(world["parents"])
    lines = []
    for number in range(draw(st.integers(1, orders))):
        month, day = draw(st.integers(1, 3)), draw(st.integers(1, 28))
        lines += [
            {
                "order_id": number,
                "line": line,
                "member": draw(st.sampled_from([*members, *members, None])),
                "paid_minor": draw(st.sampled_from([100, 101, 99, 1, 0]) | st.integers(0, 5000)),
                "quantity": draw(st.integers(1, 3)),
                "region": PLACES[(number + line) % len(PLACES)],
                "paid_at": f"2026-0{month}-{day:02d}T12:00:00Z",
                "known_at": f"2026-0{month}-{day:02d}T12:00:00Z",
            }
            for line in range(draw(st.sampled_from([1, 1, 1, 2])))
        ]
    changes = [change for line in lines for change in draw(changes_of(line))]
    return world | {"lines": lines, "changes": changes}


@st.composite
def changes_of(draw, line):
    """Draw up to three changes of a line, none of which gives back more than there is."""
    left, found = line["paid_minor"], []
    if draw(st.booleans()):
        return found
    for turn in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(KINDS))
        when = f"2026-0{draw(st.integers(4, 6))}-{10 + turn}T0{draw(st.integers(0, 9))}:00:00Z"
        change = {"kind": kind, "order_id": line["order_id"], "line": line["line"], "at": when}
        if kind == "refund":
            back = draw(st.integers(0, left))
            left -= back
            change["paid_minor"] = back
        if kind == "adjustment":
            if any(each["kind"] == "adjustment" for each in found):
                continue
            change["paid_minor"] = line["paid_minor"] + draw(st.integers(0, 500))
            change["quantity"] = line["quantity"]
            change["margin_minor"] = change["paid_minor"] // 4
        found.append(change)
    return found


def orders_of(lines):
    """Return lines as a table of orders, with a quarter of what is paid as their margin."""
    options = {"times": ["paid_at", "known_at"]}
    if not lines:
        return fx.Orders.empty(**options)
    records = [line | {"margin_minor": line["paid_minor"] // 4} for line in lines]
    return fx.Orders.from_records(records, **options)


def changed(orders, changes):
    """Return the orders after changes that the shop has learnt of."""
    return orders.after(fx.Changes.from_records(changes)) if changes else orders


def facts_of(world, lines, changes):
    """Return all that is known: the same members always, these lines, these changes."""
    return frame_of(world).with_orders(changed(orders_of(lines), changes))


def frame_of(world):
    """Return the facts of a shop that has sold nothing yet."""
    parents = world["parents"]
    tree = fx.ReferralTree.from_mapping(parents)
    columns = {
        "member": list(parents),
        "agent_region": [PLACES[(member + world["joined"][member]) % len(PLACES)] for member in parents],
        "joined": [date(2026, 1 + world["joined"][member] % 3, 1) for member in parents],
        **{name: [world[name][member] for member in parents] for name in ("rank", "active", "role")},
    }
    entries = {
        "kind": ["board"] * len(parents),
        "member": list(parents),
        "at": [f"2026-0{1 + member % 3}-02T00:00:00Z" for member in parents],
    }
    return fx.Facts(
        tree=tree,
        placements={"binary": Placement.auto(tree, tree.ids, width=2, rule="breadth")},
        members=fx.Members.from_columns(columns),
        orders=orders_of([]),
        events=fx.Events.from_columns(entries),
    )


def plan_of(policies, *, rate="1/7", of="paid", refunds=None, caps=(), qualifications=(), **options):
    """Return a plan over these shops."""
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin") if rate is None else fx.Margin.rate(rate, of=of, **options),
        policies=list(policies),
        caps=list(caps),
        qualifications=[GivenRanks("rank", order=list(RANKS)), *qualifications],
        anchor="paid_at",
        zone="UTC",
        refunds=refunds or fx.Refunds(),
    )


def settled_once(facts, plan, months=MONTHS):
    """Return the book of settling final facts, month by month."""
    book = None
    for month in months:
        run = fx.settle(facts, plan, period=month, state=None if book is None else book.state)
        book = Book.of(run) if book is None else book.then(run)
    return book


def pay_of(book):
    """Return minor units by period, policy and member, those with nothing left out."""
    return {
        (period, each.policy, label): allowed + released
        for period in book.periods
        for each in book.earned(period).policies
        for label, allowed, released in zip(
            each.labels.tolist(), each.allowed.tolist(), each.released.tolist(), strict=True
        )
    }
