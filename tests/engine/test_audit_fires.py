"""The second check fires: each alarm of `audit` is set off by breaking the guard on purpose."""

from __future__ import annotations

import ast
from pathlib import Path

import attrs
import numpy as np
import pytest

import fenxiao as fx
from fenxiao import audit
from fenxiao.lines.totals import OrderTotals
from fenxiao.margin import OrderGuard, WideGuard
from fenxiao.sheets import Sheet
from tests.engine.bridge import Scripted, ScriptedPool

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo"})
ONE_LINE = [{"order_id": 1, "line": 0, "member": "cai", "paid": 1001, "margin": 100, "product": "tea"}]
TWO_LINES = [*ONE_LINE, {**ONE_LINE[0], "line": 1, "margin": 30, "product": "pen"}]
CLAIMS = [(1, 0, "ann", 2, 200), (1, 0, "bo", 1, 150)]
COLUMN = fx.Margin.column("margin")


def run(records=ONE_LINE, *, claims=CLAIMS, margin=COLUMN, caps=(), pool=None, quote=False):
    """Settle (or quote) an order that asks for more than it may."""
    policies = [Scripted("script", entries=claims)]
    if pool is not None:
        policies.append(ScriptedPool("pool", entries=pool))
    plan = fx.Plan(currency="CNY", margin=margin, policies=policies, caps=caps)
    orders = fx.Orders.from_records(records, unit="minor")
    facts = fx.Facts(tree=TREE, orders=orders)
    return fx.quote(facts, plan, records) if quote else fx.settle(facts, plan)


def fires(match, *args, **options):
    """Expect the alarm, in a settlement."""
    with pytest.raises(fx.InvariantError, match=match) as caught:
        run(*args, **options)
    assert "ann" not in str(caught.value)
    return caught.value


def broken_apply(change):
    """Return a guard inside orders that does something to what is allowed after the real one has run."""
    real = OrderGuard.apply

    def apply(self, sheet, earlier, budget):
        taken = real(self, sheet, earlier, budget)
        change(sheet)
        return taken

    return apply


def without_cuts(monkeypatch):
    """Let the guard inside orders cut nothing."""
    monkeypatch.setattr(OrderGuard, "_cut_groups", lambda *args: None)


def generous(self, *args):
    """Allow one minor unit more than the rule gave, in the one entry that lost most."""
    amount = REAL_CUT(self, *args)
    cut = self.cuts[-1]
    slot, line = np.unravel_index(cut.taken.argmax(), cut.taken.shape)
    cut.taken[slot, line] -= 1
    self.allowed[cut.slots[slot], cut.lines[line]] += 1
    return amount - 1


REAL_CUT = Sheet.cut


@pytest.mark.parametrize("records", [ONE_LINE, TWO_LINES], ids=["one line", "two lines"])
@pytest.mark.parametrize("quote", [False, True], ids=["settle", "quote"])
def test_an_unguarded_order_is_found(monkeypatch, records, quote):
    """A guard that cuts nothing is found out, for orders of one line and of several, also in quotes."""
    run(records, quote=quote)
    without_cuts(monkeypatch)
    with pytest.raises(fx.InvariantError, match="margin of an order: is exceeded"):
        run(records, quote=quote)


@pytest.mark.parametrize("records", [ONE_LINE, TWO_LINES], ids=["one line", "two lines"])
def test_one_minor_unit_too_much_is_found(monkeypatch, records):
    """An order that pays one minor unit more than its margin is found out."""
    monkeypatch.setattr(Sheet, "cut", generous)
    fires("margin of an order: is exceeded", records)


def test_a_line_above_its_own_margin_is_found(monkeypatch):
    """With guard="line", a line that pays more than its own margin is found although the order has room."""
    claims = [(1, 1, "ann", 1, 60)]
    margin = attrs.evolve(COLUMN, guard="line")
    assert run(TWO_LINES, claims=claims, margin=margin).margin_report().used == 30
    without_cuts(monkeypatch)
    fires("margin of a line: is exceeded", TWO_LINES, claims=claims, margin=margin)


CAPS = {
    "line": fx.Cap.per_line("0.50", name="its"),
    "line by column": fx.Cap(scope="line", column="margin", name="its"),
    "product": fx.Cap.per_product("0.50", within="order", name="its"),
    "policy": fx.Cap.per_policy("0.50", within="order", name="its"),
    "order": fx.Cap.per_order("0.50", name="its"),
    "order by rate": fx.Cap.per_order("10%", of="paid", name="its"),
    "order counting": fx.Cap.per_order("0.50", on="script", counting="script", name="its"),
}


@pytest.mark.parametrize("cap", CAPS.values(), ids=CAPS)
@pytest.mark.parametrize("records", [ONE_LINE, TWO_LINES], ids=["one line", "two lines"])
def test_a_cap_inside_an_order_that_is_exceeded_is_found(monkeypatch, cap, records):
    """Each kind of cap inside an order is verified apart from the margin, to the minor unit."""
    records = [{**record, "margin": 10**6 if cap.column is None else 50} for record in records]
    margin = fx.Margin.rate("100%", of="paid")
    run(records, margin=margin, caps=[cap])
    monkeypatch.setattr(Sheet, "cut", generous)
    fires("cap 'its': is exceeded in 1 group", records, margin=margin, caps=[cap])


def test_what_another_policy_used_up_is_counted_by_the_check(monkeypatch):
    """A cap that another policy uses up is verified with what that one was allowed."""
    policies = [Scripted("first", entries=[(1, 0, "bo", 1, 30)]), Scripted("late", entries=CLAIMS, stage=2)]
    cap = fx.Cap.per_order("0.50", on="late", counting=("first", "late"), name="its")
    plan = fx.Plan(currency="CNY", margin=COLUMN, policies=policies, caps=[cap])
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records(ONE_LINE, unit="minor"))
    assert fx.settle(facts, plan).margin_report().used == 50
    monkeypatch.setattr(Sheet, "cut", generous)
    with pytest.raises(fx.InvariantError, match="cap 'its': is exceeded"):
        fx.settle(facts, plan)


def test_a_negative_amount_is_found(monkeypatch):
    """An allowed amount below zero is found out."""

    def negative(sheet):
        sheet.allowed = sheet.allowed.copy()
        sheet.allowed[0, 0] = -1

    monkeypatch.setattr(OrderGuard, "apply", broken_apply(negative))
    fires("allowed a negative amount")


def test_more_than_claimed_is_found(monkeypatch):
    """An allowed amount above its claim is found out, whatever room there is."""

    def more(sheet):
        sheet.allowed = sheet.claimed + 1

    monkeypatch.setattr(OrderGuard, "apply", broken_apply(more))
    fires("allowed more than was claimed", claims=[(1, 0, "ann", 1, 2)])


@pytest.mark.parametrize("paid", [1001, 2**62], ids=["small", "beyond 64 bits in between"])
@pytest.mark.parametrize("step", [1, -1])
def test_a_margin_that_is_not_the_floor_is_found(monkeypatch, paid, step):
    """A line margin one minor unit beside the floor of rate times base is found out."""
    real = OrderGuard.budget

    def budget(self, block):
        its = real(self, block)
        return attrs.evolve(
            its,
            by_line=its.by_line + step,
            by_order=its.by_order + step,
            net_by_order=its.net_by_order + step,
        )

    margin = fx.Margin.rate("1/3", of=fx.Base("paid"))
    records = [{**ONE_LINE[0], "paid": paid}]
    run(records, margin=margin, claims=[])
    monkeypatch.setattr(OrderGuard, "budget", budget)
    fires("not the floor of its exact value", records, margin=margin, claims=[])


@pytest.mark.parametrize("records", [ONE_LINE, TWO_LINES], ids=["one line", "two lines"])
def test_a_budget_that_is_not_the_sum_is_found(monkeypatch, records):
    """An order's budget that is not the sum of its lines' margins is found out."""
    real = OrderGuard.budget

    def budget(self, block):
        its = real(self, block)
        return attrs.evolve(its, by_order=its.by_order + 1)

    monkeypatch.setattr(OrderGuard, "budget", budget)
    fires("budget that is not the sum", records)


def test_totals_that_differ_from_the_orders_are_found(monkeypatch):
    """A member's total that got one minor unit from nowhere is found out."""
    real = OrderTotals.allowed
    monkeypatch.setattr(OrderTotals, "allowed", lambda self, policy: real(self, policy) + 1)
    fires("totals: by member and by order differ")


def test_totals_above_the_budgets_are_found(monkeypatch):
    """Pay above the sum of all budgets is found out once more on the totals."""
    real = OrderTotals.add

    def add(self, guarded):
        real(self, guarded)
        self.sums.budget -= 1

    monkeypatch.setattr(OrderTotals, "add", add)
    fires("exceed the sum of the budgets")


def test_cuts_that_do_not_add_up_are_found(monkeypatch):
    """A cut that is reported larger than it was breaks claimed = allowed + withheld, and is found out."""
    monkeypatch.setattr(Sheet, "cut", lambda *args: REAL_CUT(*args) + 1)
    fires("claimed = allowed")


WIDE_CAPS = {
    "payee": fx.Cap.per_payee("0.20", name="its"),
    "source": fx.Cap.per_source("0.20", name="its"),
    "policy": fx.Cap.per_policy("0.20", within="period", name="its"),
    "product": fx.Cap.per_product("0.20", within="period", name="its"),
    "period": fx.Cap.per_period("0.20", name="its"),
    "company": fx.Cap.company("2%", of="paid", name="its"),
}


@pytest.mark.parametrize("cap", WIDE_CAPS.values(), ids=WIDE_CAPS)
@pytest.mark.parametrize("extra", [None, 1], ids=["no cut at all", "one minor unit too much"])
def test_a_wide_cap_that_is_exceeded_is_found(monkeypatch, cap, extra):
    """Each wide scope is verified after everything, to the minor unit."""
    run(caps=[cap])
    real = WideGuard._cut_cells

    def cut(self, place, rule, leftover, on, groups, room):
        if extra is not None:
            return real(self, place, rule, leftover, on, groups, room + extra)
        return None

    monkeypatch.setattr(WideGuard, "_cut_cells", cut)
    fires("cap 'its': is exceeded", caps=[cap])


@pytest.mark.parametrize("step", [1000, -1000], ids=["raised", "negative"])
def test_wide_caps_that_raise_a_payout_are_found(monkeypatch, step):
    """Wide caps only lower, and never below zero."""

    def cut(self, *args):
        self.allowed = self.allowed + step

    monkeypatch.setattr(WideGuard, "_cut_cells", cut)
    fires("raised a payout or made it negative", caps=[WIDE_CAPS["payee"]])


def test_a_period_that_pays_more_than_it_has_is_found(monkeypatch):
    """Period claims above what orders hand over and the funds are found out."""
    pool = [("ann", 500)]
    assert run(pool=pool, claims=[(1, 0, "bo", 1, 40)]).margin_report().period_pay == 60
    real = WideGuard.run_period
    monkeypatch.setattr(WideGuard, "run_period", lambda self, room: real(self, room + 1))
    fires("pays more than its orders left", pool=pool, claims=[(1, 0, "bo", 1, 40)])


def test_the_alarm_is_no_assert():
    """The check raises under `python -O` too: it is written without `assert`."""
    tree = ast.parse(Path(audit.__file__).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def test_what_another_policy_used_up_of_a_wide_cap_is_counted_by_the_check(monkeypatch):
    """A wide cap that a policy uses up which it does not cut is verified with what that one was allowed."""
    policies = [Scripted("first", entries=[(1, 0, "bo", 1, 30)]), Scripted("late", entries=CLAIMS, stage=2)]
    cap = fx.Cap.per_payee("0.40", on="late", counting=("first", "late"), name="its")
    plan = fx.Plan(currency="CNY", margin=COLUMN, policies=policies, caps=[cap])
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records(ONE_LINE, unit="minor"))
    assert fx.settle(facts, plan).margin_report().used == 80
    real = WideGuard._used
    monkeypatch.setattr(WideGuard, "_used", lambda *args: real(*args) * 0)
    with pytest.raises(fx.InvariantError, match="cap 'its': is exceeded"):
        fx.settle(facts, plan)


def test_a_negative_budget_is_found(monkeypatch):
    """Losses count as a budget of zero; a guard that hands on a negative one is caught."""
    real = OrderGuard.budget

    def budget(self, block):
        found = real(self, block)
        return attrs.evolve(found, by_order=found.by_line)

    monkeypatch.setattr(OrderGuard, "budget", budget)
    fires("negative budget", [{**ONE_LINE[0], "margin": -5}], claims=[])
