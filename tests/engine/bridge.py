"""One case for both engines: plain data of the slow twin, and the library's objects made from it.

A case is what `tests.oracles.engine.settle_slowly` takes, with two differences: a level policy's `eligible`
and `where` are names of `GATES` and `SELECTIONS`, and a cap may have a `window`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any, ClassVar

import attrs
import numpy as np
import pytest

import fenxiao as fx
from fenxiao._arrays import MINOR_MAX
from fenxiao.errors import CapRejectedError, MoneyOverflowError, Reason
from tests.oracles.engine import LINE_MARGIN, ORDER_MARGIN, PERIOD_MARGIN, SlowRejectedError, settle_slowly
from tests.strategies.facts import MONEY, VOLUMES

GATES: dict[str, tuple[Any, Any]] = {
    "active": (lambda member: member["active"], fx.column("active") == True),  # noqa: E712  # builds a condition
    "ranked": (lambda member: member["rank"] in ("gold", "silver"), fx.column("rank").isin("gold", "silver")),
    "score": (
        lambda member: member["score"] >= 2 or not member["active"],
        (fx.column("score") >= 2) | ~(fx.column("active") == True),  # noqa: E712  # builds a condition
    ),
}
SELECTIONS: dict[str, tuple[Any, Any]] = {
    "tea": (lambda order: order["product"] == "tea", fx.Where(product="tea")),
    "retail": (lambda order: order["kind"] in ("retail", "gift"), fx.Where(kind=("retail", "gift"))),
    "drinks in the north": (
        lambda order: order["category"] == "drinks" and order["region"] == "north",
        fx.Where(category="drinks", region="north"),
    ),
    "from 5.00": (lambda order: order["paid_of_order"] >= 500, fx.Where(minimum={"paid": "5.00"})),
}

SCOPES = {"order_product": "product_in_order", "order_policy": "policy_in_order"}
"""The library's names of scopes that the twin calls otherwise."""

FILL = {"rank": "plain", "active": False, "score": 0, "owner": "wang", "wallet": 0}
"""Columns of an empty members' table."""

JOINED = date(2020, 1, 1)
"""The same for a date of joining, which some tests give."""

LEVEL_FIELDS = ("rank_column", "start_level", "if_not", "self_purchase", "stage", "above_100")
CAP_FIELDS = ("name", "on", "counting", "rule", "leftover", "cut", "rank_column", "window")


@attrs.frozen(kw_only=True)
class Scripted(fx.OrderPolicy):
    """A user's policy that claims what it is told to: (order_id, line, payee, level, amount)."""

    kind: ClassVar[str] = "scripted"
    entries: tuple[Any, ...] = attrs.field(default=(), converter=tuple)

    def claims(self, block):
        """Return the entries whose lines are in the block."""
        orders, tree = block.facts.orders, block.facts.tree
        place = {row: number for number, row in enumerate(block.row_numbers.tolist())}
        mine = []
        for order_id, line, payee, level, amount in self.entries:
            if order_id in orders:
                rows = orders.find(order_id)
                row = next((row for row in rows.tolist() if int(orders.line[row]) == line), None)
                if row in place:
                    mine.append((place[row], tree.index(payee), level, amount))
        return fx.Claims.of(
            block,
            line=[entry[0] for entry in mine],
            payee=[entry[1] for entry in mine],
            level=[entry[2] for entry in mine],
            amount_minor=[entry[3] for entry in mine],
        )


@attrs.frozen(kw_only=True)
class ScriptedPool(fx.PeriodPolicy):
    """A user's period policy that claims what it is told to: (payee, amount)."""

    kind: ClassVar[str] = "scripted_pool"
    entries: tuple[Any, ...] = attrs.field(default=(), converter=tuple)

    def claims(self, view):
        """Return the entries."""
        tree = view.facts.tree
        return [tree.index(payee) for payee, _ in self.entries], [amount for _, amount in self.entries]


@dataclass(frozen=True)
class Case:
    """What is settled, as plain data."""

    parents: dict
    orders: list
    plan: dict
    members: dict | None = None
    funds: int = 0
    period_claims: list = field(default_factory=list)


def money(minor):
    """Write minor units of a currency with two decimals as text."""
    return f"{minor // 100}.{minor % 100:02d}"


# ------------------------------------------------------------ the twin


def twin_plan(plan):
    """Replace names of gates and selections by what the twin calls."""
    policies = []
    for policy in plan["policies"]:
        changed = dict(policy)
        if policy.get("eligible") is not None:
            changed["eligible"] = GATES[policy["eligible"]][0]
        if policy.get("where") is not None:
            changed["where"] = SELECTIONS[policy["where"]][0]
        policies.append(changed)
    return plan | {"policies": policies}


def twin_orders(orders):
    """Add the sum of `paid` over the whole order to each line, and the quantity 1 where there is none."""
    sums = {}
    for order in orders:
        sums[order["order_id"]] = sums.get(order["order_id"], 0) + order["paid"]
    return [
        order
        | {
            "paid_of_order": sums[order["order_id"]],
            "quantity": 1 if order["quantity"] is None else order["quantity"],
        }
        for order in orders
    ]


def slow(case, usage=None, waiting=()):
    """Settle a case with the twin."""
    return settle_slowly(
        case.parents,
        twin_orders(case.orders),
        twin_plan(case.plan),
        case.members,
        case.funds,
        usage=usage,
        period_claims=case.period_claims,
        waiting=waiting,
    )


# ------------------------------------------------------------ the library


def base_of(terms):
    """Make a base of (column, coefficient, decimals) terms."""
    total = None
    for column, coefficient, _ in terms:
        term = fx.Base(column) * str(Fraction(coefficient))
        total = term if total is None else total + term
    return total


def cells_of(schedule):
    """Make cells of exact rates and ("fixed", minor)."""
    return [fx.Fixed(money(cell[1])) if isinstance(cell, tuple) else Fraction(cell) for cell in schedule]


def level_policy(policy):
    """Make a level commission."""
    fields = {name: policy[name] for name in LEVEL_FIELDS if name in policy}
    if policy.get("rates") is not None:
        fields["rates"] = cells_of(policy["rates"])
    for table in ("by_rank", "by_length", "by_product", "by_category"):
        if policy.get(table):
            fields[table] = {key: cells_of(row) for key, row in policy[table].items()}
    if policy.get("eligible") is not None:
        fields["eligible"] = GATES[policy["eligible"]][1]
    if policy.get("where") is not None:
        fields["where"] = SELECTIONS[policy["where"]][1]
    rounding = policy.get("rounding", "floor")
    fields["rounding"] = fx.Rounding(*rounding) if isinstance(rounding, tuple) else rounding
    return fx.LevelCommission(policy["name"], base=base_of(policy["base"]), **fields)


def policy_of(policy, period_claims):
    """Make any policy."""
    if policy["kind"] == "level":
        return level_policy(policy)
    if policy["kind"] == "arbitrary":
        return Scripted(policy["name"], stage=policy.get("stage", 1), entries=policy["claims"])
    mine = [(claim["payee"], claim["amount"]) for claim in period_claims if claim["policy"] == policy["name"]]
    return ScriptedPool(policy["name"], stage=policy.get("stage", 1), entries=mine)


def cap_of(cap):
    """Make a cap."""
    kind, what, *more = cap["limit"]
    limit = {
        "money": lambda: {"money": money(what)},
        "rate": lambda: {"rate": Fraction(what), "of": base_of(more[0])},
        "column": lambda: {"column": what},
        "by_rank": lambda: {"by_rank": {rank: money(minor) for rank, minor in what.items()}},
    }[kind]()
    fields = {name: cap[name] for name in CAP_FIELDS if cap.get(name) is not None}
    return fx.Cap(scope=SCOPES.get(cap["scope"], cap["scope"]), **limit, **fields)


def plan_of(case):
    """Make the plan of a case."""
    plan = case.plan
    options = {name: plan[name] for name in ("guard", "losses", "rule", "leftover") if name in plan}
    margin = plan["margin"]
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.column(margin["name"], **options)
        if margin["kind"] == "column"
        else fx.Margin.rate(Fraction(margin["rate"]), of=base_of(margin["of"]), **options),
        policies=[policy_of(policy, case.period_claims) for policy in plan["policies"]],
        caps=[cap_of(cap) for cap in plan.get("caps", [])],
        anchor=plan.get("anchor"),
        zone="UTC" if "anchor" in plan else None,
    )


def tree_of(parents):
    """Make the tree."""
    return fx.ReferralTree.from_mapping(parents)


def orders_of(orders):
    """Make the order table; `quantity` None means that the orders do not say."""
    if not orders:
        return fx.Orders.empty(unit="minor", money=MONEY, volumes=VOLUMES)
    records = [
        {name: value for name, value in order.items() if not (name == "quantity" and value is None)}
        for order in orders
    ]
    return fx.Orders.from_records(records, unit="minor", money=MONEY, volumes=VOLUMES)


def members_of(members):
    """Make the members' columns."""
    if members is None:
        return None
    columns = {
        name: np.array([its[name] for its in members.values()], dtype=type(FILL[name])) for name in FILL
    }
    fill = FILL
    if any("joined" in its for its in members.values()):
        columns["joined"], fill = [its["joined"] for its in members.values()], FILL | {"joined": JOINED}
    return fx.Members.from_columns(
        {"member": list(members), **columns}, fill=fill, unit="minor", money=("wallet",)
    )


def facts_of(case):
    """Make the facts of a case."""
    return fx.Facts(
        tree=tree_of(case.parents),
        orders=orders_of(case.orders),
        members=members_of(case.members),
        funds={"extra": money(case.funds)} if case.funds else {},
    )


def settle(case, **options):
    """Settle a case with the library."""
    return fx.settle(facts_of(case), plan_of(case), **options)


# ------------------------------------------------------------ reading and comparing


def lines_of(run):
    """Read the lines of orders: (order, line, policy, level, payee) -> (claimed, allowed)."""
    found = {}
    for batch in run.lines():
        columns = zip(
            batch.order_id,
            batch.line.tolist(),
            batch.policy,
            batch.level.tolist(),
            batch.payee,
            batch.claimed.tolist(),
            batch.allowed.tolist(),
            strict=True,
        )
        for order_id, *key, payee, claimed, allowed in columns:
            if order_id is not None:
                whole = (order_id, *key, payee)
                assert whole not in found
                found[whole] = (claimed, allowed)
    return found


def sums_by_payee(run):
    """Add up all lines but releases: (policy, payee) -> (claimed, allowed), zeros left out."""
    found = {}
    for batch in run.lines():
        released = batch.earning_periods is not None
        columns = zip(batch.policy, batch.payee, batch.claimed.tolist(), batch.allowed.tolist(), strict=True)
        for policy, payee, claimed, allowed in columns:
            if not released:
                before = found.get((policy, payee), (0, 0))
                found[policy, payee] = (before[0] + claimed, before[1] + allowed)
    return found


def released_by_payee(run):
    """Add up the lines of what earlier runs deferred: (policy, payee) -> paid now."""
    found = {}
    for batch in run.lines():
        if batch.earning_periods is not None:
            assert batch.order_id == [None] * len(batch)
            assert (batch.claimed >= batch.allowed).all()
            for policy, payee, allowed in zip(batch.policy, batch.payee, batch.allowed.tolist(), strict=True):
                assert allowed > 0
                found[policy, payee] = found.get((policy, payee), 0) + allowed
    return found


def cuts_of_orders(run):
    """Read the cuts inside orders: (order, line, policy, level, payee, cap) -> amount."""
    found = {}
    for batch in run.cuts():
        names = ("order_id", "line", "policy", "level", "payee", "cap", "cut_minor")
        columns = batch.columns()
        assert len(batch) > 0
        assert min(columns["cut_minor"]) > 0
        for *key, amount in zip(*(list(columns[name]) for name in names), strict=True):
            if key[0] is not None:
                whole = tuple(map(as_label, key))
                found[whole] = found.get(whole, 0) + int(amount)
    return found


def cuts_of_totals(run):
    """Read the cuts of wide caps: (policy, payee, cap) -> amount."""
    found = {}
    for batch in run.cuts():
        lines = batch.lines
        columns = zip(lines.order_id, lines.policy, lines.payee, batch.amount.tolist(), strict=True)
        for order_id, policy, payee, amount in columns:
            if order_id is None:
                key = (policy, as_label(payee), batch.cap)
                found[key] = found.get(key, 0) + amount
    return found


def cuts_by_cap(run):
    """Add up all cuts by name of the cap or margin."""
    found = {}
    for batch in run.cuts():
        found[batch.cap] = found.get(batch.cap, 0) + sum(batch.amount.tolist())
    return found


def totals_by_payee(run, policies):
    """Read totals: (policy, payee) -> (claimed, allowed), zeros left out."""
    found = {}
    for policy in policies:
        totals = run.totals(policy)
        withheld = (totals.claimed - totals.allowed).tolist()
        assert withheld == totals.withheld.tolist()
        rows = zip(totals.members, totals.claimed.tolist(), totals.allowed.tolist(), strict=True)
        found |= {(policy, as_label(who)): (claimed, allowed) for who, claimed, allowed in rows if claimed}
    return found


def as_label(value):
    """Return a label as Python writes it."""
    return value.item() if hasattr(value, "item") else value


def twin_lines(result):
    """Read the twin's lines after the scopes inside orders."""
    names = ("order_id", "line", "policy", "level", "payee")
    return {
        tuple(line[name] for name in names): (line["claimed"], line["after_order_scope"])
        for line in result.lines
    }


def twin_totals(result):
    """Read the twin's totals: (policy, payee) -> (claimed, allowed)."""
    found = {}
    for (policy, payee, *_), cell in result.cells.items():
        before = found.get((policy, payee), (0, 0))
        found[policy, payee] = (before[0] + cell["claimed"], before[1] + cell["allowed"])
    return found


def by_name(cuts):
    """Add up the twin's cuts by cap."""
    found = {}
    for name, _, amount in cuts:
        found[name] = found.get(name, 0) + amount
    return {name: amount for name, amount in found.items() if amount}


def reported(name):
    """Return how the report calls a cap of the twin."""
    if name in (LINE_MARGIN, ORDER_MARGIN):
        return "the margin of orders"
    return "what the period's orders leave" if name == PERIOD_MARGIN else f"cap {name!r}"


def tabled(name):
    """Return how the table of cuts calls a cap of the twin."""
    return ORDER_MARGIN if name == LINE_MARGIN else name


def summed(pairs):
    """Add up amounts by key, zeros left out."""
    found = {}
    for key, amount in pairs:
        found[key] = found.get(key, 0) + amount
    return {key: amount for key, amount in found.items() if amount}


def what_may_not_fit(case, result):
    """List every number of the answer, to know whether one is beyond 64 bits."""
    totals = twin_totals(result).values()
    numbers = [claimed for line in result.lines for claimed in (line["claimed"],)]
    numbers += [settled["margin"] for settled in result.orders.values()]
    numbers += [claimed for claimed, _ in totals]
    numbers += [*result.claimed_by_payee.values(), *result.allowed_by_payee.values()]
    return numbers


def fits(numbers):
    """Say whether all numbers are 64-bit minor units."""
    return all(-MINOR_MAX - 1 <= number <= MINOR_MAX for number in numbers)


def agree(case, *, wide=False, usage=None, waiting=(), **options):
    """Settle with both engines and compare everything; return both results (None where the library refuses).

    A refusal is right only where the twin rejects too, or where a number of the answer does not fit.
    """
    try:
        expected = slow(case, usage, waiting)
    except SlowRejectedError as rejected:
        with pytest.raises(CapRejectedError) as caught:
            settle(case, **options)
        assert caught.value.labels
        return rejected, None
    fitting = fits(what_may_not_fit(case, expected))
    try:
        run = settle(case, **options)
        for policy in (None, *(policy["name"] for policy in case.plan["policies"])):
            totals = run.totals(policy)
            assert totals.claimed.tolist() == (totals.allowed + totals.withheld).tolist()
    except MoneyOverflowError:
        assert not fitting
        return expected, None
    compare(case, expected, run, wide=wide)
    return expected, run


def compare(case, expected, run, *, wide):
    """Hold the library's result against the twin's."""
    names = [policy["name"] for policy in case.plan["policies"]]
    lines = lines_of(run)
    if wide:
        assert {key: claimed for key, (claimed, _) in lines.items()} == {
            key: claimed for key, (claimed, _) in twin_lines(expected).items()
        }
        assert all(0 <= allowed <= twin_lines(expected)[key][1] for key, (_, allowed) in lines.items())
    else:
        assert lines == twin_lines(expected)
    assert totals_by_payee(run, names) == twin_totals(expected)
    assert sums_by_payee(run) == twin_totals(expected)
    assert released_by_payee(run) == expected.released
    check_cuts(expected, run)
    check_reasons(case, expected, run)
    check_report(case, expected, run)


def check_cuts(expected, run):
    """Compare the table of cuts, cut by cut inside orders and total by total outside."""
    names = ("order_id", "line", "policy", "level", "payee")
    inside = [
        ((*(line[name] for name in names), tabled(cap)), amount)
        for line in expected.lines
        for cap, amount in line["cuts"].items()
    ]
    assert cuts_of_orders(run) == summed(inside)
    outside = [
        ((policy, payee, tabled(cap)), amount)
        for (policy, payee, *_), cell in expected.cells.items()
        for cap, amount in cell["cuts"].items()
    ]
    assert cuts_of_totals(run) == summed(outside)
    assert cuts_by_cap(run) == summed((tabled(name), amount) for name, _, amount in expected.cuts)


REASONS = {
    "line": Reason.CUT_LINE,
    "order_product": Reason.CUT_PRODUCT_IN_ORDER,
    "order_policy": Reason.CUT_POLICY_IN_ORDER,
    "order": Reason.CUT_ORDER,
    "payee": Reason.CUT_PAYEE,
    "owner": Reason.CUT_OWNER,
    "source": Reason.CUT_SOURCE,
    "policy": Reason.CUT_POLICY,
    "product": Reason.CUT_PRODUCT,
    "region": Reason.CUT_REGION,
    "period": Reason.CUT_PERIOD,
    "company": Reason.CUT_COMPANY,
}


def largest(cuts):
    """Return the cap that cut most and what it cut; the first of equals, (None, 0) for none."""
    name = max(cuts, key=lambda name: cuts[name], default=None)
    return name, cuts.get(name, 0)


def check_reasons(case, expected, run):
    """Check that every line's reason is its largest cut, inside the order or wide."""
    reason_of = {cap["name"]: REASONS[cap["scope"]] for cap in case.plan.get("caps", [])}
    reason_of |= {LINE_MARGIN: Reason.CUT_MARGIN, ORDER_MARGIN: Reason.CUT_MARGIN}
    reason_of |= {PERIOD_MARGIN: Reason.CUT_PERIOD_MARGIN, None: Reason.PAID}
    names = ("order_id", "line", "policy", "level", "payee")
    lines = {tuple(line[name] for name in names): line for line in expected.lines}
    wide = {}
    for (policy, payee, *_), cell in expected.cells.items():
        wide.setdefault((policy, payee), set()).add(reason_of[largest(cell["cuts"])[0]])
    for batch in run.lines():
        columns = (batch.order_id, batch.line.tolist(), batch.policy, batch.level.tolist(), batch.payee)
        rows = zip(
            *columns, batch.claimed.tolist(), batch.allowed.tolist(), batch.reason.tolist(), strict=True
        )
        for *key, payee, claimed, allowed, reason in rows:
            assert claimed > 0
            assert (reason == Reason.PAID) == (claimed == allowed)
            if batch.earning_periods is not None:
                continue
            if key[0] is None:
                assert reason in wide[key[2], payee]
                continue
            line = lines[*key, payee]
            cap, most = largest(line["cuts"])
            if line["after_order_scope"] - allowed > most:
                assert reason in wide[key[2], payee]
            else:
                assert reason == reason_of[cap]


def check_report(case, expected, run):
    """Compare the margin report, and check the conservation that it promises."""
    report = run.margin_report()
    assert report.orders == len(expected.orders)
    assert report.lines == len(case.orders)
    assert report.budget == sum(settled["budget"] for settled in expected.orders.values())
    assert (report.order_pay, report.period_pay) == (expected.order_pay, expected.period_pay)
    assert report.handed_over + report.losses == expected.handed
    assert report.budget - report.losses == report.order_pay + report.handed_over
    assert report.handed_over + report.funds == report.period_pay + report.kept
    assert report.funds == case.funds
    assert report.claimed == sum(expected.claimed_by_payee.values())
    assert report.withheld == report.claimed - expected.order_pay - expected.period_pay
    assert report.withheld == sum(amount for _, amount in report.cuts)
    assert sum(amount for _, amount in report.cuts) == sum(by_name(expected.cuts).values())
    assert len({name for name, _ in report.cuts}) == len(report.cuts)
    assert dict(report.cuts) == summed((reported(name), amount) for name, _, amount in expected.cuts)
    assert report.released == sum(expected.released.values())
    assert report.loss_orders == sum(settled["margin"] < 0 for settled in expected.orders.values())


def replaced(case, **changes):
    """Return the case with other fields."""
    return replace(case, **changes)
