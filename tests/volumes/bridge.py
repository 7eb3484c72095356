"""From the plain data of the strategies to facts, plans and settlements, and to the slow twin."""

from __future__ import annotations

import fenxiao as fx
from fenxiao.expressions import measure_from_data
from fenxiao.periods import month
from tests.oracles.volumes import SlowPeriod
from tests.strategies.volumes import DECIMALS

ZONE = "Asia/Shanghai"


def record(line):
    """Return an order line as the library reads it."""
    whole, tenth = divmod(line["pv"], 10)
    time = "23:59:59" if line.get("late") else "00:00:00"
    return {
        "order_id": line["order_id"],
        "line": line["line"],
        "member": line["member"],
        "buyer": line["buyer"],
        "paid_minor": line["paid"],
        "margin_minor": line["margin"],
        "pv": f"{whole}.{tenth}",
        "quantity": line["quantity"],
        "kind": line["kind"],
        "product": line["product"],
        "customer": line["customer"],
        "paid_at": f"{line['day']}T{time}+08:00",
    }


def facts_of(sponsors, lines, columns=None):
    """Return facts with these members and lines."""
    orders = fx.Orders.from_records(
        [record(line) for line in lines],
        volumes={"pv": 1},
        times=["paid_at"],
        categories=("product", "customer"),
    )
    members = None
    if columns:
        members = fx.Members.from_records([{"member": member} | columns[member] for member in columns])
    return fx.Facts(tree=fx.ReferralTree.from_mapping(sponsors), orders=orders, members=members)


def plan_of(qualifications=(), **options):
    """Return a plan that only computes."""
    given = {"anchor": "paid_at", "zone": ZONE} | options
    return fx.Plan(
        currency="CNY", margin=fx.Margin.column("margin"), qualifications=list(qualifications), **given
    )


def settled(months, plan):
    """Settle one month after the other, each with the state of the one before; None is a month without."""
    runs, state = [], None
    for number, month_of in enumerate(months, start=1):
        if month_of is None:
            runs.append(None)
            continue
        sponsors, lines, columns = month_of
        facts = facts_of(sponsors, lines, columns)
        runs.append(fx.settle(facts, plan, period=month(2026, number), state=state))
        state = runs[-1].state
    return runs


def twins(months, qualifications=()):
    """Return the twins of months, each with those before it."""
    found = []
    for month_of in months:
        if month_of is None:
            found.append(None)
            continue
        sponsors, lines, columns = month_of
        found.append(
            SlowPeriod(
                sponsors,
                lines,
                decimals=DECIMALS,
                columns=columns,
                qualifications=qualifications,
                earlier=tuple(reversed(found)),
            )
        )
    return found


def table(run, *parts):
    """Return measures (plain data) and member columns of a run: {part's place: {member: value}}."""
    wanted = [part if isinstance(part, str) else measure_from_data(part) for part in parts]
    found = run.members_table(*wanted)
    members = list(found.pop("member"))
    return [dict(zip(members, list(values), strict=True)) for values in found.values()]
