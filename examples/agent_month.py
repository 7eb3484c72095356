"""Settle one month of a shop with agents: CSV files in, statements and a margin report out.

Beside this script stand ``members.csv`` (who referred whom) and ``orders.csv`` (one row an order line: what
was paid, and the margin that payouts may use).
"""

from __future__ import annotations

import csv
from pathlib import Path

import fenxiao as fx

HERE = Path(__file__).parent
PLAN = fx.Plan(
    name="autumn 2026",
    currency="CNY",
    margin=fx.Margin.column("margin"),
    policies=[
        # The share of an inactive agent stays with the company; `==` builds a condition.
        fx.LevelCommission(
            "referral",
            base="paid",
            rates=["12%", "6%", "2%"],
            if_not="company",
            eligible=fx.column("active") == True,  # noqa: E712  # builds a predicate
        ),
        # 15.00 a bottle for the agent who sold it.
        fx.LevelCommission(
            "serum launch",
            base="paid",
            rates=[fx.Fixed("15.00")],
            start_level=0,
            if_not="company",
            where=fx.Where(product="SERUM"),
        ),
    ],
    caps=[fx.Cap.per_payee("800.00", name="the monthly limit of an agent")],
    anchor="paid_at",
    zone="Asia/Shanghai",
)


def read(name: str, **kinds: type) -> list[dict[str, object]]:
    """Return the rows of a CSV file; cells are text unless `kinds` says otherwise, empty ones None."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return [
            {key: kinds.get(key, str)(cell) if cell else None for key, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def facts_of_shop() -> fx.Facts:
    """Return everything that a settlement looks at, checked and joined."""
    people = read("members.csv")
    return fx.Facts(
        tree=fx.ReferralTree.from_mapping({row["member"]: row.pop("sponsor") for row in people}),
        members=fx.Members.from_records([row | {"active": row["active"] == "yes"} for row in people]),
        orders=fx.Orders.from_records(
            read("orders.csv", line=int, quantity=int), currency="CNY", zone="Asia/Shanghai"
        ),
    )


def main() -> None:
    """Settle October 2026."""
    facts = facts_of_shop()
    run = fx.settle(facts, PLAN, period=fx.month(2026, 10))
    print(run)
    for agent in ("A06", "A08", "A29"):
        print(f"\nStatement of {agent}", *str(run.statement(agent)).splitlines(), sep="\n  ")

    report, order = run.margin_report(), "1006-1018"
    print(f"\n{report.bound_orders} orders cannot afford what the plan claims. One of them, {order}:")
    seller = facts.orders.member.value(facts.orders.find(order)[0])
    for payee in (seller, *facts.tree.upline(seller)):
        print(f"  {payee}", *str(run.explain(payee, order)).splitlines(), sep="\n    ")

    print(f"\nMargin report\n{report}")


if __name__ == "__main__":
    main()
