"""Facts and limits for the engine's twin: margins of lines, groups of order lines, limits of caps."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from tests.oracles.engine_levels import check_ranks
from tests.oracles.engine_rules import base_value, refuse

ORDER_SCOPES = ("line", "order_product", "order_policy", "order")
PAYEE_SCOPES = ("payee", "owner", "source")
TOPIC_SCOPES = ("policy", "product", "region")
LATE_SCOPES = ("period", "company")


class SlowFacts:
    """The facts and the plan of one settlement, checked, with every margin and limit."""

    def __init__(self, parents, orders, plan, members, usage):
        self.parents = parents
        self.orders = sorted(orders, key=lambda order: (order["order_id"], order["line"]))
        self.plan = plan
        self.members = {member: {} for member in parents} if members is None else members
        self.usage = usage or {}
        self.decimals = plan.get("currency_decimals", 2)
        self.names = [policy["name"] for policy in plan["policies"]]
        self.caps = plan.get("caps", [])
        self.order_at = {(order["order_id"], order["line"]): order for order in self.orders}
        self.check()
        self.line_margin = {key: self.margin_of(order) for key, order in self.order_at.items()}
        self.margin = {}
        for (order_id, _), margin in self.line_margin.items():
            self.margin[order_id] = self.margin.get(order_id, 0) + margin
        self.budget = {order_id: max(margin, 0) for order_id, margin in self.margin.items()}

    def check(self):
        """Refuse input whose meaning would be a guess."""
        refuse(len(self.order_at) != len(self.orders), "the same order line is given twice")
        refuse(len(set(self.names)) != len(self.names), "two policies have the same name")
        refuse(len({cap["name"] for cap in self.caps}) != len(self.caps), "two caps have the same name")
        for cap in self.caps:
            refuse(
                cap["scope"] not in ORDER_SCOPES + PAYEE_SCOPES + TOPIC_SCOPES + LATE_SCOPES,
                f"unknown scope {cap['scope']!r}",
            )
            refuse(
                not {*(cap.get("on") or ()), *(cap.get("counting") or ())} <= set(self.names),
                f"cap {cap['name']} names an unknown policy",
            )
            if cap["limit"][0] == "by_rank":
                check_ranks(cap["limit"][1], cap.get("rank_column", "rank"), self.members)
        wide = {cap["name"] for cap in self.caps if cap["scope"] not in ORDER_SCOPES}
        refuse(not {cap for cap, _ in self.usage} <= wide, "usage names something that is no wide cap")

    def margin_of(self, order):
        """Money of one line that payouts may use; a column may be negative."""
        margin = self.plan["margin"]
        if margin["kind"] == "column":
            return order[margin["name"]]
        return floor(base_value(margin["of"], order, self.decimals) * Fraction(margin["rate"]))

    def owner_of(self, member):
        """Owner of a member; a missing owner would be a guess."""
        owner = self.members[member]["owner"]
        refuse(owner is None, "an owner cap needs an owner for every member")
        return owner

    def orders_of(self, scope, group):
        """Order lines whose base counts towards the limit of a group."""
        belongs = {
            "line": lambda order: (order["order_id"], order["line"]) == group,
            "order_product": lambda order: (order["order_id"], order["product"]) == group,
            "order_policy": lambda order: order["order_id"] == group[0],
            "order": lambda order: order["order_id"] == group,
            "payee": lambda order: order["member"] == group,
            "source": lambda order: order["member"] == group,
            "owner": lambda order: order["member"] is not None and self.owner_of(order["member"]) == group,
            "product": lambda order: order["product"] == group,
            "region": lambda order: order["region"] == group,
            "policy": lambda order: True,
            "period": lambda order: True,
            "company": lambda order: True,
        }[scope]
        return [order for order in self.orders if belongs(order)]

    def limit_of(self, cap, group):
        """Limit of one group of a cap, before anything was used."""
        kind, what, *more = cap["limit"]
        scope = cap["scope"]
        if kind == "money":
            return what
        if kind == "rate":
            bases = [base_value(more[0], order, self.decimals) for order in self.orders_of(scope, group)]
            return floor(Fraction(what) * sum(bases))
        if kind == "column" and scope in ORDER_SCOPES:
            return sum(order[what] for order in self.orders_of(scope, group))
        if kind == "column" and scope == "payee":
            return self.members[group][what]
        if kind == "column" and scope == "owner":
            limits = {self.members[member][what] for member in self.parents if self.owner_of(member) == group}
            refuse(len(limits) != 1, "the positions of an owner state different limits")
            return limits.pop()
        if kind == "by_rank" and scope == "payee":
            return what[self.members[group][cap.get("rank_column", "rank")]]
        msg = f"a {scope} cap cannot have a limit of kind {kind}"
        raise ValueError(msg)
