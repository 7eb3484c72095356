"""`Margin` and `Cap`: what their constructors accept, and what they refuse in words."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

import fenxiao as fx
from fenxiao.errors import (
    ExpressionError,
    InputError,
    PlanError,
    RateError,
    Reason,
    UnsupportedError,
)
from fenxiao.limits import IN_ORDER, LEFTOVERS, REASON_OF_SCOPE, RULES, SCOPES, WIDE, WINDOWS
from tests.expressions.refusals import refused

Margin, Cap = fx.Margin, fx.Cap

MARGINS = [
    Margin.rate("25%", of="paid"),
    Margin.rate(1, of="paid"),
    Margin.rate("0%", of="paid"),
    Margin.rate(Fraction(1, 3), of=fx.Base("paid") - fx.Base("tax")),
    Margin.rate(Decimal("0.25"), of={"cv": "40%"}),
    Margin.column(),
    Margin.column("room", guard="line"),
    Margin.catalog(),
    Margin.catalog(losses="offset", leftover="floor"),
    *(Margin.column(rule=rule) for rule in RULES),
]


@pytest.mark.parametrize("margin", MARGINS, ids=repr)
def test_margins_say_how_they_are_built(margin):
    """Repr is code that builds an equal margin, and equal margins hash alike."""
    again = eval(repr(margin), vars(fx))
    assert again == margin
    assert hash(again) == hash(margin)


NOT_MARGINS = {
    "nothing": (Margin, PlanError, "exactly one"),
    "two sources": (lambda: Margin(share="1%", of="paid", from_catalog=True), PlanError, "exactly one"),
    "rate without base": (lambda: Margin(share="1%", from_catalog=True), PlanError, "exactly one"),
    "base without rate": (lambda: Margin(of="paid"), PlanError, "exactly one"),
    "no rate": (lambda: Margin.rate(None, of="paid"), PlanError, "exactly one"),
    "no base": (lambda: Margin.rate("25%", of=None), PlanError, "exactly one"),
    "float": (lambda: Margin.rate(0.25, of="paid"), RateError, "float"),
    "negative": (lambda: Margin.rate("-1%", of="paid"), RateError, "negative"),
    "above 100 %": (lambda: Margin.rate("101%", of="paid"), PlanError, "above the whole"),
    "above 100 % by hand": (lambda: Margin(share="101%", of="paid"), PlanError, "above the whole"),
    "base number": (lambda: Margin.rate("25%", of=3), ExpressionError, "cannot be read"),
    "column empty": (lambda: Margin.column(""), PlanError, "column"),
    "column number": (lambda: Margin.column(3), PlanError, "column"),
    "guard": (lambda: Margin.column(guard="both"), PlanError, "order, line"),
    "losses": (lambda: Margin.column(losses="forget"), PlanError, "ignore, offset"),
    "rule": (lambda: Margin.column(rule="fair"), PlanError, "proportional"),
    "leftover": (lambda: Margin.column(leftover="ceil"), PlanError, "floor"),
    "catalog flag": (lambda: Margin(from_catalog=1), PlanError, "from_catalog"),
}


@pytest.mark.parametrize("name", NOT_MARGINS)
def test_what_is_no_margin_is_refused_in_words(name):
    """No source, two, a rate that is not exact or above the whole: each has its message."""
    make, kind, part = NOT_MARGINS[name]
    refused(make, kind, part)


CAPS = [
    (Cap.per_line("1.00"), "line"),
    (Cap.per_order("30%", of="paid"), "order"),
    (Cap.per_order("200%", of="paid"), "order"),
    (Cap.per_order(column="room"), "order"),
    (Cap.per_product("5", within="order"), "product_in_order"),
    (Cap.per_product("5", within="period"), "product"),
    (Cap.per_policy("1/3", of="cv", within="order"), "policy_in_order"),
    (Cap.per_policy("5", within="period"), "policy"),
    (Cap.per_payee("500.00", window="lifetime", cut="defer"), "payee"),
    (Cap.per_payee(by_rank={"gold": "9", "plain": "0"}, rank_column="grade", window="year"), "payee"),
    (Cap.per_payee(column="wallet"), "payee"),
    (Cap.per_owner("500.00", window="year"), "owner"),
    (Cap.per_owner(column="wallet"), "owner"),
    (Cap.per_source("0"), "source"),
    (Cap.per_source("1", window="anniversary"), "source"),
    (Cap.per_region("10%", of=fx.Base("paid") - fx.Base("tax")), "region"),
    (Cap.per_period("500.00", on="a", counting=["a", "b"]), "period"),
    (Cap.company("500.00", rule="reject"), "company"),
    *((Cap.per_payee("1", rule=rule, leftover=left), "payee") for rule in RULES for left in LEFTOVERS),
]


@pytest.mark.parametrize(("cap", "scope"), CAPS, ids=[repr(cap) for cap, _ in CAPS])
def test_caps_know_their_scope_and_how_they_are_built(cap, scope):
    """Every class method names its scope; repr is code that builds an equal cap."""
    assert cap.scope == scope
    assert cap.in_order == (scope in IN_ORDER)
    assert cap.reason is REASON_OF_SCOPE[scope]
    again = eval(repr(cap), vars(fx))
    assert again == cap
    assert hash(again) == hash(cap)


def test_a_single_policy_may_be_named_without_a_list():
    """`on` and `counting` take a name or several."""
    cap = Cap.per_payee("1", on="a", counting=["a", "b"])
    assert (cap.on, cap.counting) == (("a",), ("a", "b"))
    assert Cap.per_payee("1").on is None


def test_scopes_are_listed_once_and_have_their_own_reason():
    """Scopes inside an order and wide scopes together are all scopes, each with a reason of its own."""
    assert sorted((*IN_ORDER, *(scope for scopes in WIDE for scope in scopes))) == sorted(SCOPES)
    assert sorted(REASON_OF_SCOPE) == sorted(SCOPES)
    assert len(set(REASON_OF_SCOPE.values())) == len(SCOPES)
    assert Reason.CUT_MARGIN not in REASON_OF_SCOPE.values()


NOT_CAPS = {
    "scope": (lambda: Cap(scope="galaxy", money="1"), PlanError, "payee, owner"),
    "no limit": (Cap.per_order, PlanError, "exactly one limit"),
    "two limits": (lambda: Cap.per_order("1", column="room"), PlanError, "exactly one limit"),
    "rate without base": (lambda: Cap(scope="order", rate="3%"), PlanError, "exactly one limit"),
    "base without rate": (lambda: Cap.per_order(of="paid"), PlanError, "exactly one limit"),
    "base and money": (lambda: Cap(scope="order", money="3", of="paid"), PlanError, "exactly one limit"),
    "money int": (lambda: Cap.per_order(5), PlanError, "500.00"),
    "money float": (lambda: Cap.per_order(5.0), PlanError, "500.00"),
    "money decimal": (lambda: Cap.per_order(Decimal(5)), PlanError, "500.00"),
    "money negative": (lambda: Cap.per_order("-1"), PlanError, "0 or more"),
    "money words": (lambda: Cap.per_order("much"), InputError, "'much'"),
    "rate as money": (lambda: Cap.per_order("30%"), InputError, "'30%'"),
    "rate float": (lambda: Cap.per_order(0.3, of="paid"), RateError, "float"),
    "rate negative": (lambda: Cap.per_order("-3%", of="paid"), RateError, "negative"),
    "base number": (lambda: Cap.per_order("3%", of=7), ExpressionError, "cannot be read"),
    "column empty": (lambda: Cap.per_order(column=""), PlanError, "column"),
    "column number": (lambda: Cap.per_order(column=3), PlanError, "column"),
    "column region": (lambda: Cap.per_region(column="x"), UnsupportedError, "payee, owner"),
    "by rank order": (lambda: Cap.per_order(by_rank={"a": "1"}), UnsupportedError, "payee"),
    "by rank number": (lambda: Cap.per_payee(by_rank={"a": 1}), PlanError, "500.00"),
    "by rank negative": (lambda: Cap.per_payee(by_rank={"a": "-1"}), PlanError, "500.00"),
    "by rank words": (lambda: Cap.per_payee(by_rank={"a": "x"}), InputError, "'x'"),
    "by rank empty": (lambda: Cap.per_payee(by_rank={}), PlanError, "exactly one limit"),
    "by rank list": (lambda: Cap.per_payee(by_rank=["a"]), PlanError, "by_rank"),
    "by rank none": (lambda: Cap.per_payee(by_rank=None), PlanError, "by_rank"),
    "rank column": (lambda: Cap.per_payee(by_rank={"a": "1"}, rank_column=3), PlanError, "rank_column"),
    "defer in order": (lambda: Cap.per_order("1", cut="defer"), UnsupportedError, "per_payee"),
    "window in order": (lambda: Cap.per_line("1", window="year"), UnsupportedError, "per_payee"),
    "rate over a year": (
        lambda: Cap.per_payee("1%", of="paid", window="year"),
        UnsupportedError,
        "money, column",
    ),
    "anniversary of an owner": (
        lambda: Cap.per_owner("1", window="anniversary"),
        UnsupportedError,
        "payee and source",
    ),
    "rate over an anniversary year": (
        lambda: Cap.per_source("1%", of="paid", window="anniversary"),
        UnsupportedError,
        "money, column",
    ),
    "reject and defer": (
        lambda: Cap.per_payee("1", cut="defer", rule="reject"),
        UnsupportedError,
        "one of them",
    ),
    "rule": (lambda: Cap.per_payee("1", rule="fair"), PlanError, "talmud"),
    "leftover": (lambda: Cap.per_payee("1", leftover="ceil"), PlanError, "floor"),
    "cut": (lambda: Cap.per_payee("1", cut="burn"), PlanError, "forfeit, defer"),
    "window": (lambda: Cap.per_payee("1", window="week"), PlanError, "period, year"),
    "within product": (lambda: Cap.per_product("1", within="year"), PlanError, "order, period"),
    "within policy": (lambda: Cap.per_policy("1", within="line"), PlanError, "order, period"),
    "on number": (lambda: Cap.per_payee("1", on=3), PlanError, "on"),
    "on numbers": (lambda: Cap.per_payee("1", on=[3]), PlanError, "on"),
    "on nothing": (lambda: Cap.per_payee("1", on=[]), PlanError, "on"),
    "counting number": (lambda: Cap.per_payee("1", counting=3), PlanError, "counting"),
    "counting nothing": (lambda: Cap.per_payee("1", counting=[]), PlanError, "counting"),
    "rank number": (lambda: Cap.per_payee(by_rank={3: "1"}), PlanError, "by_rank"),
    "rank twice": (lambda: Cap.per_payee(by_rank=(("a", "1"), ("a", "2"))), PlanError, "by_rank"),
    "rank no pairs": (lambda: Cap.per_payee(by_rank=("gold",)), PlanError, "by_rank"),
    "name": (lambda: Cap.per_payee("1", name=3), PlanError, "name"),
    "name of a margin": (lambda: Cap.per_payee("1", name="order margin"), PlanError, "name"),
}


@pytest.mark.parametrize("name", NOT_CAPS)
def test_what_is_no_cap_is_refused_in_words(name):
    """Every constructor argument is seen to be refused, with what would have been accepted."""
    make, kind, part = NOT_CAPS[name]
    refused(make, kind, part)


def test_unknown_arguments_are_python_errors():
    """A misspelt argument is caught by the language."""
    for make in (
        lambda: Cap.per_payee("1", rul="x"),
        lambda: Margin.column(gard="x"),
        lambda: Cap.per_product("1"),
    ):
        with pytest.raises(TypeError):
            make()
    assert issubclass(PlanError, InputError)
    assert WINDOWS == ("period", "year", "anniversary", "lifetime")
