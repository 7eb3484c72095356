"""The words and tables of statements, explanations and reports, from hand-made entries."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import attrs
import pytest

import fenxiao as fx
from fenxiao.errors import Reason
from fenxiao.money import Currency
from fenxiao.statements import (
    REASON_TEXT,
    Explanation,
    MarginReport,
    StatementLine,
    Verdict,
    html_table,
    percent,
)
from tests.policies.samples import facts, levels, plan

CNY = Currency.of("CNY")


def test_every_reason_has_its_words():
    """No reason is without words, and no two share them."""
    assert set(REASON_TEXT) == set(Reason)
    assert len(set(REASON_TEXT.values())) == len(Reason)
    for text in REASON_TEXT.values():
        assert text
        assert text == text.strip().rstrip(".")


@pytest.mark.parametrize(
    ("rate", "text"), [("10%", "10 %"), ("1/3", "1/3"), ("0.88 a unit", "0.88 a unit"), ("", "")]
)
def test_rates_are_written_with_a_space(rate, text):
    """A per cent sign stands apart, other rates stay as they are."""
    assert percent(rate) == text


def entry(**options):
    """Return a statement line, changed by the options."""
    given = {
        "order_id": "A1", "line": 0, "policy": "referral", "level": 1, "rate": "10%", "base": 10000,
        "claimed": 1000, "allowed": 1000, "reason": Reason.PAID,
        "earning_period": "2026-10", "released": False,
    }  # fmt: skip
    return StatementLine(**(given | options))


LINES = [
    (entry(), "10.00: level 1 of order A1, 10 % of 100.00"),
    (
        entry(rate="1/3", allowed=1),
        "0.01: level 1 of order A1, 1/3 of 100.00 = 10.00, less 9.99 (paid in full)",
    ),
    (entry(rate="0.88 a unit", claimed=88, allowed=88), "0.88: level 1 of order A1, 0.88 a unit"),
    (entry(rate="", level=-1), "10.00: order A1"),
    (entry(rate="", level=0), "10.00: level 0 of order A1"),
    (entry(order_id=None, rate="", level=-1), "10.00: referral"),
    (entry(order_id=None, rate="", level=-1, released=True), "10.00: referral, earned in 2026-10"),
    (
        entry(order_id=None, rate="", level=-1, released=True, earning_period=""),
        "10.00: referral, earned in an earlier run",
    ),
    (entry(order_id=0), "10.00: level 1 of order 0, 10 % of 100.00"),
    (
        entry(allowed=400, reason=Reason.CUT_MARGIN),
        "4.00: level 1 of order A1, 10 % of 100.00 = 10.00, less 6.00 (margin of the order)",
    ),
]


@pytest.mark.parametrize(("line", "text"), LINES, ids=[text for _, text in LINES])
def test_a_line_says_what_how_much_and_why_less(line, text):
    """Level, order, rate, base, claim and the largest cut, as far as each is known."""
    assert line.text(2) == text


def test_lines_follow_the_currency_s_decimals():
    """Yen have none, dinars three."""
    assert entry().text(0) == "1000: level 1 of order A1, 10 % of 10000"
    assert entry().text(3) == "1.000: level 1 of order A1, 10 % of 10.000"


def test_lines_are_told_apart_where_they_need_to_be():
    """Where a statement has several policies or orders several lines, both are named."""
    assert entry(line=2).text(2, names_policy=True, names_line=True) == (
        "10.00: referral, level 1 of order A1 line 2, 10 % of 100.00"
    )
    assert (
        entry(order_id=None, rate="", level=-1).text(2, names_policy=True, names_line=True)
        == "10.00: referral"
    )
    assert verdict(line=2).text(2, names_line=True) == (
        "referral, line 2: level 2, nothing: nobody stands at this level"
    )


def verdict(**options):
    """Return a verdict, changed by the options."""
    given = {
        "policy": "referral",
        "line": 0,
        "level": 2,
        "claimed": 0,
        "allowed": 0,
        "reason": Reason.NO_UPLINE,
    }
    return Verdict(**(given | options))


VERDICTS = [
    (verdict(claimed=500, allowed=500, reason=Reason.PAID), "referral: level 2, 5.00 of 5.00 claimed"),
    (
        verdict(claimed=500, allowed=100, reason=Reason.CUT_ORDER),
        "referral: level 2, 1.00 of 5.00 claimed (cap on the order)",
    ),
    (verdict(), "referral: level 2, nothing: nobody stands at this level"),
    (verdict(level=None), "referral: nothing: nobody stands at this level"),
    (verdict(level=-1, claimed=1, allowed=1), "referral: 0.01 of 0.01 claimed"),
    (verdict(level=0), "referral: level 0, nothing: nobody stands at this level"),
    (
        verdict(reason=Reason.NOT_ELIGIBLE, detail="own pv 80 of 100"),
        "referral: level 2, nothing: not eligible (own pv 80 of 100)",
    ),
]


@pytest.mark.parametrize(("found", "text"), VERDICTS, ids=[text for _, text in VERDICTS])
def test_a_verdict_says_what_a_policy_did_for_a_member(found, text):
    """What was claimed and allowed, or why nothing was."""
    assert found.text(2) == text
    both = Explanation(member="bo", order_id="A1", currency=CNY, verdicts=(found, found))
    assert str(both) == repr(both) == f"{text}\n{text}"


def report(**options):
    """Return a margin report with all counts at zero, changed by the options."""
    names = [field.name for field in attrs.fields(MarginReport)]
    given = dict.fromkeys(names, 0) | {"currency": CNY, "cuts": (), "paid": None}
    return MarginReport(**(given | options))


def test_a_report_is_short_where_nothing_happened():
    """One line says what was used and kept."""
    found = report(orders=1, budget=2500, order_pay=1500, kept=1000)
    assert str(found) == repr(found) == "15.00 of 25.00 used, 10.00 kept"
    assert found.used == 1500


def test_a_report_names_everything_that_happened():
    """Funds, losses, deferrals, cuts and counts each have a line, in one order."""
    full = report(
        orders=1234, lines=2000, guest_lines=5, bound_orders=6, loss_orders=7, above_paid=8,
        budget=10000, losses=1000, funds=500, order_pay=4000, period_pay=1000, kept=4520,
        carried_in=20, carried_on=30, deferred=100, released=200, breakage=300,
        cuts=(("cap 'a'", 42), ("the margin of orders", 7)),
    )  # fmt: skip
    assert str(full).splitlines() == [
        "50.00 of 95.20 used, 45.20 kept",
        "  funds added: 5.00",
        "  carried over from earlier periods: 0.20",
        "  losses set off: 10.00",
        "  deferred, backed by what is kept: 1.00",
        "  carried over to the next, of what is kept: 0.30",
        "  released from earlier periods: 2.00",
        "  planned without a payee: 3.00",
        "  cut by cap 'a': 0.42",
        "  cut by the margin of orders: 0.07",
        "  orders cut to their margin: 6",
        "  orders at a loss: 7",
        "  orders with a margin above what was paid: 8",
        "  lines of guests: 5",
    ]


class Cells(HTMLParser):
    """Collects the texts of table cells and every tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = set(), []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add((tag, tuple(attrs)))
        if tag in ("td", "th"):
            self.texts.append("")

    def handle_data(self, data):
        self.texts[-1] += data


TABLE = {(tag, ()) for tag in ("table", "thead", "tbody", "tr", "th", "td")}
NASTY = "<script>alert('&\"x')</script>"


def test_tables_escape_every_text():
    """Whatever stands in a cell comes out as the same text, never as markup."""
    found = Cells(html_table((NASTY, "b"), [(NASTY, 5), (None, "&amp;")]))
    assert found.tags == TABLE
    assert found.texts == [NASTY, "b", NASTY, "5", "None", "&amp;"]


def nasty_run():
    """Return a settlement whose labels, order ids, policies and caps all look like markup."""
    tree = fx.ReferralTree.from_mapping({NASTY: None, "b": NASTY})
    orders = fx.Orders.from_records(
        [
            {"order_id": NASTY, "member": "b", "paid": "5.00"},
            {"order_id": "x", "member": None, "paid": "5.00"},
        ]
    )
    rules = plan(levels(NASTY, rates=["60%"]), caps=[fx.Cap.per_order("1.00", name=NASTY)])
    return fx.settle(fx.Facts(tree=tree, orders=orders), rules)


def test_notebook_views_escape_labels_orders_and_names():
    """Statement, report and settlement are plain tables, with every label as text."""
    run = nasty_run()
    views = {
        "statement": run.statement(NASTY)._repr_html_(),
        "report": run.margin_report()._repr_html_(),
        "settlement": run._repr_html_(),
    }
    for name, text in views.items():
        found = Cells(text)
        assert found.tags == TABLE
        assert any("<script>alert(" in cell for cell in found.texts), name
        assert "<script" not in text


def test_the_table_of_a_statement_has_the_columns_of_its_lines():
    """Order, policy, level, rate, base, claimed, allowed and why less."""
    run = fx.settle(facts(), plan(levels(rates=["30%"])))
    texts = Cells(run.statement("bo")._repr_html_()).texts
    assert texts == [
        "order", "policy", "level", "rate", "base", "claimed", "allowed", "why less",
        "1", "referral", "1", "30%", "100.00", "30.00", "25.00", "margin of the order",
    ]  # fmt: skip


def test_no_text_shows_a_memory_address():
    """Every view's repr is for people."""
    run = nasty_run()
    for view in (
        run,
        run.totals(),
        run.margin_report(),
        run.statement("b"),
        run.explain("b", "x"),
        run.facts,
    ):
        assert not re.search(r"object at 0x|\barray\(", repr(view))
