"""Settle one month of a shop with agents: read two CSV files, print statements and the margin report.

Run it from anywhere: ``python examples/agent_month.py``. The files stand beside it: ``members.csv`` says who
referred whom, ``orders.csv`` has one row an order line, with what was paid and what it may pay out (margin).
"""

from __future__ import annotations

import csv
from pathlib import Path

import fenxiao as fx

HERE = Path(__file__).parent
ZONE = "Asia/Shanghai"

PLAN = fx.Plan(
    name="autumn 2026",
    currency="CNY",
    margin=fx.Margin.column("margin"),
    policies=[
        fx.LevelCommission(
            "referral",
            base="paid",
            rates=["12%", "6%", "2%"],
            if_not="company",  # an inactive agent's share is not passed on
            eligible=fx.column("active") == True,  # noqa: E712  # builds a condition
        ),
        fx.LevelCommission(
            "serum launch",
            base="paid",
            rates=[fx.Fixed("15.00")],  # per bottle, to the agent who sold it
            start_level=0,
            if_not="company",
            where=fx.Where(product="SERUM"),
        ),
    ],
    caps=[fx.Cap.per_payee("600.00")  # a month, each],
    anchor="paid_at",
    zone=ZONE,
)


def rows_of(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file beside this script."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def facts_of_shop() -> fx.Facts:
    """Return tree, member columns and orders as one object; everything is checked here."""
    people = rows_of("members.csv")
    tree = fx.ReferralTree.from_mapping({row["member"]: row["sponsor"] or None for row in people})
    members = fx.Members.from_records(
        [{"member": row["member"], "rank": row["rank"], "active": row["active"] == "yes"} for row in people]
    )
    orders = fx.Orders.from_records(
        [
            # A CSV file has texts only: numbers become int, an empty cell is a guest or an unknown buyer.
            row | {"line": int(row["line"]), "quantity": int(row["quantity"]), "member": row["member"] or None, "buyer": row["buyer"] or None}
            for row in rows_of("orders.csv")
        ],
        currency="CNY",
        zone=ZONE,
    )
    return fx.Facts(tree=tree, members=members, orders=orders)


def main() -> None:
    """Settle October 2026 and print what a shop wants to see."""
    run = fx.settle(facts_of_shop(), PLAN, period=fx.month(2026, 10))
    print(run)

    for agent in ("A07", "A13", "A02"):
        lines = str(run.statement(agent)).splitlines()
        print(f"\nStatement of {agent}", *lines[:6], *(["..."] if len(lines) > 7 else []), *lines[6:][-1:], sep="\n  ")

    cut = [batch.order_id[row] for batch in run.lines() for row in (batch.reason == fx.Reason.CUT_MARGIN).nonzero()[0]]
    print(f"\n{len(set(cut))} orders could not afford what the plan claims. The first of them, {min(cut)}:")
    order = run.facts.orders.find(min(cut))
    agent = run.facts.orders.member.value(order[0])
    for payee in (agent, *run.facts.tree.upline(agent)):
        print(f"  {payee}", *str(run.explain(payee, min(cut))).splitlines(), sep="\n    ")

    print("\nMargin report", run.margin_report(), sep="\n")


if __name__ == "__main__":
    main()
