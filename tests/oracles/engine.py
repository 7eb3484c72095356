"""The slow, obvious twin of the settlement engine: dicts, loops and exact fractions.

It is written from the rules alone and shares no line with the library, so an agreement of the two means
something. Input is plain data (see `settle_slowly`); clarity comes before speed everywhere.

Two kinds of rows are cut. *Lines* are (order, line, policy, level, payee) and live inside one order; *cells*
are totals per (policy, payee) over the whole period, split further only by what some wide cap of the plan
asks for. Both are dicts with the keys `policy`, `stage`, `allowed`, `cuts`, `tie` and `class`, so that one
function cuts both. What earlier runs deferred is a row like a cell, in `waiting`: every wide cap counts it
and may cut it, and only a cap that defers serves it first.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracles.engine_facts import LATE_SCOPES, ORDER_SCOPES, PAYEE_SCOPES, TOPIC_SCOPES, SlowFacts
from tests.oracles.engine_levels import level_claims
from tests.oracles.engine_rules import all_forests, climb, ration, refuse

__all__ = ["SlowRejectedError", "SlowResult", "all_forests", "climb", "ration", "settle_slowly"]

EVERYTHING = "all"
"""The one group of a period cap, a company cap and the period margin."""

LINE_MARGIN, ORDER_MARGIN, PERIOD_MARGIN = "line margin", "order margin", "period margin"


class SlowRejectedError(Exception):
    """A cap with the rule `reject` found too much in these groups."""

    def __init__(self, cap, groups):
        super().__init__(f"{cap} rejects {groups}")
        self.cap = cap
        self.groups = groups


@dataclass(frozen=True)
class SlowResult:
    """What `settle_slowly` returns; money in minor units."""

    lines: list
    """Dicts: order_id, line, policy, level, payee, claimed, after_order_scope, cuts {cap: amount}."""
    cells: dict
    """(policy, payee, level, product, region, source) -> claimed, after_order_scope, allowed, cuts."""
    allowed: dict  # (policy, payee) -> after every cap
    claimed_by_payee: dict
    allowed_by_payee: dict
    orders: dict  # order_id -> margin, budget, pay (after scope 1), handed (budget - pay)
    cuts: list  # (cap, group, amount) in the order in which they were made
    put_off: list  # dicts: cap, policy, payee, keys, amount; what caps with cut="defer" took from new claims
    waiting: list  # the same with earning_period: what goes on waiting, the oldest first
    released: dict  # (policy, payee) -> paid now of what earlier runs deferred
    used: dict  # (wide cap, group) -> what its policies and those that only count are allowed
    period_limit: int  # the period margin
    period_pay: int  # of the period policies, after every cap
    order_pay: int  # of the order policies, after every cap
    handed: int  # the budgets less order_pay
    kept: int  # handed + funds - period_pay


def null_first(value):
    """Sort key under which None comes before everything else."""
    return (value is not None, value)


class SlowSettlement(SlowFacts):
    """One settlement under way: the lines and cells so far and the cuts made."""

    def __init__(self, parents, orders, plan, members, usage, waiting=()):
        super().__init__(parents, orders, plan, members, usage)
        self.lines = []
        self.cells = {}
        self.cuts = []
        self.put_off = []
        self.topics = {
            part: sorted({order[part] for order in orders if order.get(part) is not None})
            for part in ("product", "region")
        }
        for part, known in self.topics.items():
            known += [
                label
                for label in dict.fromkeys(entry["keys"].get(part) for entry in waiting)
                if label is not None and label not in known
            ]
        self.ages = list(dict.fromkeys(entry["earning_period"] for entry in waiting))
        self.waiting = [self.waiting_row(entry, number) for number, entry in enumerate(waiting)]

    def waiting_row(self, entry, number):
        """Shape what an earlier run deferred like a cell; equal cells of this run's orders come before it."""
        keys = entry["keys"]
        stage = next(
            policy.get("stage", 1) for policy in self.plan["policies"] if policy["name"] == entry["policy"]
        )
        row = {
            "policy": entry["policy"],
            "stage": stage,
            "payee": entry["payee"],
            **{part: keys.get(part) for part in ("product", "region", "source")},
            "allowed": entry["amount"],
            "cuts": {},
            "entry": entry,
            "age": self.ages.index(entry["earning_period"]),
        }
        return row | self.precedence(row, keys.get("level"), (1, number))

    def precedence(self, row, level, last):
        """Return the tie order and the class of a cell."""
        position = self.names.index(row["policy"])
        parts = [
            null_first(None if row[part] is None else self.topics[part].index(row[part]))
            for part in ("product", "region")
        ]
        tie = (position, null_first(level), row["payee"], *parts, null_first(row["source"]), last)
        return {"tie": tie, "class": (position, null_first(level))}

    # ------------------------------------------------------------ cutting

    def group_of(self, scope, row):
        """Group of a line or cell under a scope, None where it belongs to no group."""
        if scope == "order_product":
            return None if row["product"] is None else (row["order_id"], row["product"])
        if scope == "line":
            return (row["order_id"], row["line"])
        if scope == "order_policy":
            return (row["order_id"], row["policy"])
        if scope == "order":
            return row["order_id"]
        if scope == "owner":
            return self.owner_of(row["payee"])
        if scope in LATE_SCOPES:
            return EVERYTHING
        return row[scope]

    def asking_and_used(self, cap, rows, stage):
        """Sort rows by group: those that a cap may cut now, and what others have used up of it."""
        on = self.names if cap.get("on") is None else cap["on"]
        counting = on if cap.get("counting") is None else cap["counting"]
        asking, used = {}, {}
        for row in rows:
            group = self.group_of(cap["scope"], row)
            # What waits takes part when its policy's stage comes, and not before.
            if group is None or (stage is not None and row["stage"] > stage):
                continue
            if row["policy"] in on and stage in (None, row["stage"]):
                asking.setdefault(group, []).append(row)
            elif row["policy"] in on or row["policy"] in counting:
                used[group] = used.get(group, 0) + row["allowed"]
        return asking, used

    def apply(self, cap, rows, stage, limit_of):
        """Cut every group of a cap in which the policies of this stage (None: of all stages) ask too much."""
        asking, used = self.asking_and_used(cap, rows, stage)
        defers = cap.get("cut", "forfeit") == "defer"
        tight, losers = [], []
        for group, claimants in sorted(asking.items(), key=lambda item: item[0]):
            spent = used.get(group, 0) + self.usage.get((cap["name"], group), 0)
            room = max(limit_of(cap, group) - spent, 0)
            if defers:
                room -= self.release([row for row in claimants if "entry" in row], room, cap)
                claimants = [row for row in claimants if "entry" not in row]
            if sum(row["allowed"] for row in claimants) > room:
                tight.append((group, claimants, room))
        if tight and cap.get("rule", "proportional") == "reject":
            raise SlowRejectedError(cap["name"], [group for group, _, _ in tight])
        for group, claimants, room in tight:
            losers += self.cut(cap, group, claimants, room)
        for row, lost in sorted(losers, key=lambda pair: pair[0]["tie"]) if defers else []:
            self.put_off.append(self.deferred_of(cap, row, lost))

    def release(self, rows, room, cap):
        """Serve what waits, the oldest earning periods first; return what it gets."""
        rows = sorted(rows, key=lambda row: row["tie"])
        asked, ages = [row["allowed"] for row in rows], [row["age"] for row in rows]
        awards = ration(asked, room, "priority", cap.get("leftover", "largest_remainder"), ages)
        for row, award in zip(rows, awards, strict=True):
            self.lower(row, award, cap["name"])
        return sum(awards)

    def lower(self, row, award, name):
        """Leave a row its award; return what it lost."""
        lost = row["allowed"] - award
        if lost:
            row["allowed"] = award
            row["cuts"][name] = row["cuts"].get(name, 0) + lost
        return lost

    def cut(self, cap, group, claimants, room):
        """Leave the claimants of one group what fits into the room; return who lost how much."""
        claimants = sorted(claimants, key=lambda row: row["tie"])
        asked = [row["allowed"] for row in claimants]
        classes = [row["class"] for row in claimants]
        rule, leftover = cap.get("rule", "proportional"), cap.get("leftover", "largest_remainder")
        awards = ration(asked, room, rule, leftover, classes)
        losses = [
            (row, self.lower(row, award, cap["name"])) for row, award in zip(claimants, awards, strict=True)
        ]
        # What goes on waiting is no cut of this run.
        losses = [(row, lost) for row, lost in losses if lost and "entry" not in row]
        self.cuts.append((cap["name"], group, sum(lost for _, lost in losses)))
        return losses

    def deferred_of(self, cap, row, lost):
        """Write down what a cell will get later."""
        keys = {"level": row["level"], **{part: row[part] for part in ("product", "region", "source")}}
        return {
            "cap": cap["name"],
            "policy": row["policy"],
            "payee": row["payee"],
            "keys": {name: value for name, value in keys.items() if value is not None},
            "amount": lost,
        }

    # ------------------------------------------------------------ lines and cells

    def claims_of(self, policy):
        """Claims of one order policy, checked and without zeros."""
        if policy["kind"] == "level":
            claims = level_claims(policy, self.parents, self.orders, self.members, self.decimals)
        else:
            claims = policy["claims"]
        keys = {claim[:4] for claim in claims}
        refuse(len(keys) != len(claims), "a policy claims the same (order, line, payee, level) twice")
        for order_id, line, payee, _, amount in claims:
            refuse(
                amount < 0 or payee not in self.parents or (order_id, line) not in self.order_at,
                "a claim is negative or names an unknown payee or order line",
            )
        return [claim for claim in claims if claim[4] > 0]

    def add_lines(self, policy):
        """Enter the claims of one order policy as lines."""
        position = self.names.index(policy["name"])
        for order_id, line, payee, level, amount in self.claims_of(policy):
            order = self.order_at[order_id, line]
            self.lines.append(
                {
                    "order_id": order_id,
                    "line": line,
                    "policy": policy["name"],
                    "stage": policy.get("stage", 1),
                    "level": level,
                    "payee": payee,
                    "product": order.get("product"),
                    "region": order.get("region"),
                    "source": order["member"],
                    "claimed": amount,
                    "allowed": amount,
                    "cuts": {},
                    "tie": (position, level, line, payee),
                    "class": (position, level),
                }
            )

    def add_to_cell(self, row):
        """Add a line, after its order scopes, or a period claim to its cell.

        Cells are per policy and payee; product, region, source and level are told apart only where some
        wide cap of the plan groups by them or, for the level, serves by priority.
        """
        wide = [cap for cap in self.caps if cap["scope"] not in ORDER_SCOPES]
        scopes = {cap["scope"] for cap in wide}
        level = row["level"] if any(cap.get("rule") == "priority" for cap in wide) else None
        parts = [row[part] if part in scopes else None for part in ("product", "region", "source")]
        key = (row["policy"], row["payee"], level, *parts)
        if key not in self.cells:
            cell = {
                "policy": row["policy"],
                "stage": row["stage"],
                "payee": row["payee"],
                "level": level,
                "product": parts[0],
                "region": parts[1],
                "source": parts[2],
                "claimed": 0,
                "after_order_scope": 0,
                "allowed": 0,
                "cuts": {},
            }
            last = (2 if row.get("order_id") is None else 0, 0)
            self.cells[key] = cell | self.precedence(cell, level, last)
        cell = self.cells[key]
        cell["claimed"] += row["claimed"]
        cell["after_order_scope"] += row["allowed"]
        cell["allowed"] += row["allowed"]

    # ------------------------------------------------------------ the sequence

    def margin_cap(self, name, scope, on=None):
        """Shape a margin as a cap under the plan's own rule; `on` None means every policy."""
        rule, leftover = self.plan.get("rule", "proportional"), self.plan.get("leftover", "largest_remainder")
        return {"name": name, "scope": scope, "on": on, "rule": rule, "leftover": leftover}

    def guard_orders(self, stage):
        """Scope 1: line, product, policy and order caps, then the order margin."""
        for scope in ORDER_SCOPES:
            for cap in self.caps:
                if cap["scope"] == scope:
                    self.apply(cap, self.lines, stage, self.limit_of)
            if scope == "line" and self.plan.get("guard", "order") == "line":
                own = self.margin_cap(LINE_MARGIN, "line")
                self.apply(own, self.lines, stage, lambda _, key: max(self.line_margin[key], 0))
        budget = self.margin_cap(ORDER_MARGIN, "order")
        self.apply(budget, self.lines, stage, lambda _, order_id: self.budget[order_id])

    def guard_totals(self, scopes, stage):
        """Apply the wide caps of some scopes in plan order."""
        for cap in self.caps:
            if cap["scope"] in scopes:
                self.apply(cap, [*self.cells.values(), *self.waiting], stage, self.limit_of)

    def total(self, names):
        """Add up what the cells of the named policies are allowed."""
        return sum(cell["allowed"] for cell in self.cells.values() if cell["policy"] in names)

    def run_stage(self, stage, period_claims):
        """Claims of one stage, its order scopes, then its payee and its topic scopes."""
        now = [policy for policy in self.plan["policies"] if policy.get("stage", 1) == stage]
        for policy in now:
            if policy["kind"] != "period":
                self.add_lines(policy)
        self.guard_orders(stage)
        for line in self.lines:
            if line["stage"] == stage:
                self.add_to_cell(line)
        for policy in now:
            for claim in period_claims:
                if claim["policy"] == policy["name"] and claim["amount"] > 0:
                    self.add_to_cell(period_row(claim, stage))
        self.guard_totals(PAYEE_SCOPES, stage)
        self.guard_totals(TOPIC_SCOPES, stage)

    def run(self, period_claims, funds):
        """Settle stage by stage, then the period, then the company."""
        policies = self.plan["policies"]
        period_names = [policy["name"] for policy in policies if policy["kind"] == "period"]
        order_names = [name for name in self.names if name not in period_names]
        for claim in period_claims:
            refuse(claim["policy"] not in period_names, "a period claim names no period policy")
            refuse(claim["payee"] not in self.parents, "a period claim names an unknown payee")
            refuse(claim["amount"] < 0, "a period claim is negative")
        for stage in sorted({policy.get("stage", 1) for policy in policies}):
            self.run_stage(stage, period_claims)
        self.guard_totals(("period",), None)
        period_limit = self.period_limit(order_names, funds)
        pot = self.margin_cap(PERIOD_MARGIN, "period", on=period_names)
        self.apply(pot, list(self.cells.values()), None, lambda _, group: period_limit)
        self.guard_totals(("company",), None)
        return self.result(period_limit, self.total(period_names), self.total(order_names), funds)

    def released(self):
        """Add up what is paid now of what earlier runs deferred."""
        found = {}
        for row in self.waiting:
            key = (row["policy"], row["payee"])
            found[key] = found.get(key, 0) + row["allowed"]
        return {key: amount for key, amount in found.items() if amount}

    def still_waiting(self, kept, period):
        """Return what goes on waiting: old entries less what they got, then what is put off now.

        What is put off is limited to what the period keeps, which backs it.
        """
        left = [(row["entry"], row["entry"]["amount"] - row["allowed"]) for row in self.waiting]
        old = [entry | {"amount": amount} for entry, amount in left if amount]
        backed = ration([entry["amount"] for entry in self.put_off], max(kept, 0), "proportional")
        new = [
            entry | {"amount": amount, "earning_period": period}
            for entry, amount in zip(self.put_off, backed, strict=True)
            if amount
        ]
        return old + new

    def used_by_group(self):
        """Add up by wide cap and group what counts towards its limit."""
        used = {}
        for cap in self.caps:
            if cap["scope"] in ORDER_SCOPES:
                continue
            on = self.names if cap.get("on") is None else cap["on"]
            names = {*on, *(on if cap.get("counting") is None else cap["counting"])}
            for row in [*self.cells.values(), *self.waiting]:
                group = self.group_of(cap["scope"], row)
                if row["policy"] in names and group is not None and row["allowed"]:
                    key = (cap["name"], group)
                    used[key] = used.get(key, 0) + row["allowed"]
        return used

    def period_limit(self, order_names, funds):
        """Money for the period policies: what the orders hand over, plus funds, less losses on request."""
        return max(sum(self.budget.values()) - self.total(order_names) + funds - self.losses(), 0)

    def losses(self):
        """Add up the losses that lower the period's budget."""
        if self.plan.get("losses", "ignore") != "offset":
            return 0
        return -sum(margin for margin in self.margin.values() if margin < 0)

    def result(self, period_limit, period_pay, order_pay, funds):
        """Put the answer together."""
        pay = dict.fromkeys(self.budget, 0)
        for line in self.lines:
            pay[line["order_id"]] += line["allowed"]
        allowed, claimed_by_payee, allowed_by_payee = {}, {}, {}
        for cell in self.cells.values():
            payee, key = cell["payee"], (cell["policy"], cell["payee"])
            allowed[key] = allowed.get(key, 0) + cell["allowed"]
            claimed_by_payee[payee] = claimed_by_payee.get(payee, 0) + cell["claimed"]
            allowed_by_payee[payee] = allowed_by_payee.get(payee, 0) + cell["allowed"]
        handed = sum(self.budget.values()) - order_pay
        shown = ("order_id", "line", "policy", "level", "payee", "claimed", "allowed", "cuts")
        totals = ("claimed", "after_order_scope", "allowed", "cuts")
        by_order = sorted(self.lines, key=lambda line: (line["order_id"], line["tie"]))
        return SlowResult(
            lines=[
                {("after_order_scope" if name == "allowed" else name): line[name] for name in shown}
                for line in by_order
            ],
            cells={key: {name: cell[name] for name in totals} for key, cell in self.cells.items()},
            allowed=allowed,
            claimed_by_payee=claimed_by_payee,
            allowed_by_payee=allowed_by_payee,
            orders={
                order_id: {
                    "margin": self.margin[order_id],
                    "budget": budget,
                    "pay": pay[order_id],
                    "handed": budget - pay[order_id],
                }
                for order_id, budget in self.budget.items()
            },
            cuts=self.cuts,
            put_off=self.put_off,
            waiting=self.still_waiting(
                handed + funds - period_pay - self.losses(), self.plan.get("period", "")
            ),
            released=self.released(),
            used=self.used_by_group(),
            period_limit=period_limit,
            period_pay=period_pay,
            order_pay=order_pay,
            handed=handed,
            kept=handed + funds - period_pay,
        )


def period_row(claim, stage):
    """Shape a period claim like a line: it has no order, product, region, source or level."""
    return {
        "policy": claim["policy"],
        "stage": stage,
        "payee": claim["payee"],
        "level": None,
        "product": None,
        "region": None,
        "source": None,
        "claimed": claim["amount"],
        "allowed": claim["amount"],
    }


def settle_slowly(parents, orders, plan, members=None, funds=0, usage=None, period_claims=None, waiting=()):
    """Settle plain data by the rules of the engine.

    Parameters
    ----------
    parents
        {label: sponsor's label or None}.
    orders
        Dicts with `order_id`, `line`, `member` (None for a guest), `buyer` (None if unknown), optionally
        `quantity`, `product`, `category`, `region`, and int columns in their smallest unit.
    plan
        `margin` {"kind": "rate", "rate", "of"} or {"kind": "column", "name"}; `guard` "order" or "line";
        `rule`, `leftover`, `losses`; `currency_decimals`; `period`, the earning period of what is deferred
        now; `policies`, a list of dicts with `name`, `stage`
        and `kind`: "level" (fields of a level commission), "arbitrary" (with `claims`, tuples order_id,
        line, payee, level, amount) or "period" (its claims are in `period_claims`); `caps`.
        A base is a list of (column, coefficient, decimals of the column).
        A cap has `name`; `scope`, one of "line", "order_product", "order_policy", "order", "payee", "owner",
        "source", "policy", "product", "region", "period", "company"; `limit`, one of ("money", minor),
        ("rate", rate, base), ("column", name), ("by_rank", {rank: minor}); and optionally `on`, `counting`,
        `rule`, `leftover`, `cut`, `rank_column`.
    members
        {label: {column: value}}.
    funds
        Extra money of the period.
    usage
        {(cap name, group): what earlier runs used}, wide caps only.
    period_claims
        Dicts `policy`, `payee`, `amount`.
    waiting
        What earlier runs deferred, the oldest first: dicts like those of `SlowResult.waiting`.
    """
    settlement = SlowSettlement(parents, orders, plan, members, usage, waiting)
    return settlement.run(period_claims or [], funds)
