"""Policies of one's own: the protocol, `Claims.of`, and how strange claims are met."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._arrays import INDEX, MINOR, MINOR_MAX
from fenxiao.errors import FenxiaoError, PlanError, Reason, UnsupportedError
from fenxiao.policies import PeriodView, Setting
from tests.expressions.refusals import refused
from tests.policies.samples import TREE, Prize, Scripted, ScriptedPeriod, Share, facts, levels, plan

GENEROUS = {"margin": fx.Margin.rate("100%", of="paid")}


def setting(given):
    """Return the setting of all orders of some facts."""
    return Setting(facts=given, currency=fx.Currency.of("CNY"), rows=slice(0, len(given.orders)))


def block():
    """Return a block of three lines of two orders."""
    rows = [
        {"order_id": 1, "line": 0, "member": "cai", "paid": "100.00"},
        {"order_id": 1, "line": 1, "member": "cai", "paid": "100.00"},
        {"order_id": 2, "line": 0, "member": None, "paid": "100.00"},
    ]
    return setting(fx.Facts(tree=TREE, orders=fx.Orders.from_records(rows))).everything


def claims(**columns):
    """Return claims on the block of three lines, one plain claim changed by the columns."""
    return fx.Claims.of(block(), **({"line": [0], "payee": [1], "amount_minor": [5]} | columns))


def cells(found):
    """Return claims as a sorted list of (line, level, payee, amount)."""
    return sorted(
        (line, int(found.levels[slot, line]), int(found.payee[slot, line]), int(found.amount[slot, line]))
        for slot in range(found.amount.shape[0])
        for line in range(found.amount.shape[1])
        if found.amount[slot, line]
    )


VALID = {
    "lists": ({}, [(0, -1, 1, 5)]),
    "tuples": ({"line": (0,), "payee": (1,), "amount_minor": (5,)}, [(0, -1, 1, 5)]),
    "range": ({"line": range(2), "payee": [1, 1], "amount_minor": [5, 6]}, [(0, -1, 1, 5), (1, -1, 1, 6)]),
    "arrays": (
        {"line": np.array([2], dtype=np.int8), "payee": np.array([0], dtype=np.uint32)},
        [(2, -1, 0, 5)],
    ),
    "one level": ({"level": 3}, [(0, 3, 1, 5)]),
    "levels": ({"level": [0]}, [(0, 0, 1, 5)]),
    "level array": ({"level": np.array([2])}, [(0, 2, 1, 5)]),
    "numpy level": ({"level": np.int64(2)}, [(0, 2, 1, 5)]),
    "two of one line": (
        {"line": [0, 0], "payee": [1, 0], "amount_minor": [5, 6], "level": [1, 2]},
        [(0, 1, 1, 5), (0, 2, 0, 6)],
    ),
    "one payee twice": (
        {"line": [0, 0], "payee": [1, 1], "amount_minor": [5, 6]},
        [(0, -1, 1, 5), (0, -1, 1, 6)],
    ),
    "nobody": ({"payee": [3]}, []),
    "zero": ({"amount_minor": [0]}, []),
    "nothing": ({"line": [], "payee": [], "amount_minor": []}, []),
    "largest": ({"amount_minor": [MINOR_MAX]}, [(0, -1, 1, MINOR_MAX)]),
}


@pytest.mark.parametrize("name", VALID)
def test_claims_are_built_from_one_entry_a_claim(name):
    """Lists, ranges and arrays of any integer kind; zero and nobody's claims vanish."""
    columns, wanted = VALID[name]
    found = claims(**columns)
    assert cells(found) == wanted
    assert found.bound == max((amount for *_, amount in wanted), default=0)
    assert (found.payee.dtype, found.amount.dtype, found.levels.dtype) == (INDEX, MINOR, INDEX)
    assert (found.payee[found.amount == 0] == len(TREE)).all()


INVALID = {
    "line negative": {"line": [-1]},
    "line beyond": {"line": [3]},
    "line float": {"line": [0.0]},
    "line bool": {"line": [False]},
    "line text": {"line": ["0"]},
    "line number": {"line": 0},
    "line ragged": {"line": [[0], [0, 1]]},
    "line none": {"line": None},
    "two dimensions": {"line": [[0]], "payee": [[1]], "amount_minor": [[5]]},
    "payee negative": {"payee": [-1]},
    "payee beyond": {"payee": [4]},
    "payee label": {"payee": ["bo"]},
    "payee none": {"payee": [None]},
    "amount negative": {"amount_minor": [-1]},
    "amount float": {"amount_minor": [1.5]},
    "amount decimal": {"amount_minor": [Decimal(1)]},
    "amount text": {"amount_minor": ["1.00"]},
    "amount beyond": {"amount_minor": [2**63]},
    "amount unsigned beyond": {"amount_minor": np.array([2**63], dtype=np.uint64)},
    "amount far beyond": {"amount_minor": [2**70]},
    "lengths": {"payee": [1, 1]},
    "lengths of amounts": {"amount_minor": []},
    "lengths of levels": {"level": [1, 2]},
    "level float": {"level": 1.5},
    "level none": {"level": None},
    "level bool": {"level": True},
    "level text": {"level": "1"},
    "level negative": {"level": [-2]},
    "level beyond": {"level": [2**40]},
}


@pytest.mark.parametrize("name", INVALID)
def test_claims_that_make_no_sense_are_refused(name):
    """Other kinds, other lengths and anything out of range are typed errors without labels."""
    refused(lambda: claims(**INVALID[name]), PlanError, "claims", absent=("ann", "cai"))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 9), st.integers(-1, 3)), max_size=12
    ),
    st.randoms(),
)
def test_the_order_of_claims_does_not_matter(entries, random):
    """Claims are kept whatever their order, and the same matrix comes out of every order."""

    def built(rows):
        line, payee, amount, level = zip(*rows, strict=True) if rows else ((), (), (), ())
        return fx.Claims.of(block(), line=line, payee=payee, amount_minor=amount, level=level)

    found = built(entries)
    assert cells(found) == sorted((li, lv, p, a) for li, p, a, lv in entries if p < 3 and a)
    shuffled = list(entries)
    random.shuffle(shuffled)
    again = built(shuffled)
    assert cells(again) == cells(found)
    distinct = [(li, lv, p) for li, p, a, lv in entries if p < 3 and a]
    if len(set(distinct)) == len(distinct):
        assert (again.payee == found.payee).all()
        assert (again.amount == found.amount).all()


# ---------------------------------------------------------------------------------------------- protocol


def settled(script, **options):
    """Return the settlement of one order by a scripted policy."""
    return fx.settle(facts(), plan(Scripted("mine", script=script), **options))


def raw(payee=0, amount=5, shape=(1, 1), dtype=MINOR, **options):
    """Return a script that returns claims built by hand."""
    return lambda _: fx.Claims(
        payee=np.full(shape, payee, dtype=INDEX),
        amount=np.full(shape, amount, dtype=dtype),
        **({"levels": (1,) * shape[0]} | options),
    )


def test_a_policy_of_ones_own_is_settled_and_guarded():
    """What it claims is paid as far as the margin goes."""
    run = fx.settle(facts({}, {"member": None}), plan(Share("mine", rate="30%")))
    assert run.totals().to_dict() == {"cai": Decimal("25.00")}
    assert run.statement("cai").entries[0].rate == ""
    assert [verdict.reason for verdict in run.explain("cai", 1).verdicts] == [Reason.CUT_MARGIN]
    assert [verdict.reason for verdict in run.explain("bo", 2).verdicts] == [Reason.NO_CLAIM]


def test_members_whom_a_policy_of_ones_own_leaves_out_are_told_the_truth():
    """Only the policy knows whom it pays: nobody is told that he is not in the upline."""
    run = fx.settle(facts(), plan(Share("mine")))
    assert [verdict.reason for verdict in run.explain("cai", 1).verdicts] == [Reason.PAID]
    assert [verdict.reason for verdict in run.explain("bo", 1).verdicts] == [Reason.NO_CLAIM]


BAD_CLAIMS = {
    "none": (lambda _: None, "Claims.of"),
    "list": (lambda _: [(0, 1, 5)], "Claims.of"),
    "payee beyond": (raw(payee=4), "mine"),
    "payee negative": (raw(payee=-1), "mine"),
    "nobody is paid": (raw(payee=3), "mine"),
    "negative": (raw(amount=-5), "mine"),
    "float": (raw(amount=0.5, dtype=float), "mine"),
    "too many lines": (raw(shape=(1, 2)), "mine"),
    "one dimension": (
        lambda _: fx.Claims(payee=np.zeros(1, dtype=INDEX), amount=np.ones(1, dtype=MINOR), levels=(1,)),
        "mine",
    ),
    "levels": (
        lambda _: fx.Claims(
            payee=np.zeros((1, 1), dtype=INDEX), amount=np.ones((1, 1), dtype=MINOR), levels=()
        ),
        "mine",
    ),
    "levels list": (raw(levels=[1]), "mine"),
    "levels beyond": (raw(levels=(2**31,)), "mine"),
    "levels negative": (raw(levels=(-2,)), "mine"),
    "levels text": (raw(levels=("1",)), "mine"),
    "levels of other lines": (raw(levels=np.ones((1, 2), dtype=INDEX)), "mine"),
    "levels of another kind": (raw(levels=np.ones((1, 1), dtype=MINOR)), "mine"),
    "breakage negative": (raw(breakage=-1), "mine"),
    "breakage text": (raw(breakage="1"), "mine"),
    "amount list": (
        lambda _: fx.Claims(payee=np.zeros((1, 1), dtype=INDEX), amount=[[5]], levels=(1,)),
        "mine",
    ),
    "route": (
        lambda _: fx.Claims(amount=np.ones((1, 1), dtype=MINOR), levels=(1,), route=lambda member: member),
        "mine",
    ),
    "not alike": (
        lambda _: fx.Claims(
            payee=np.zeros((2, 1), dtype=INDEX), amount=np.ones((1, 1), dtype=MINOR), levels=(1,)
        ),
        "mine",
    ),
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_claims_built_by_hand_are_checked(name):
    """Wrong shapes, kinds, payees and signs name the policy; none of them settles."""
    script, part = BAD_CLAIMS[name]
    refused(lambda: settled(script), FenxiaoError, part)


def test_claims_built_by_hand_may_have_a_level_a_line_or_no_lines():
    """Levels by slot and line are as good as one a slot, and claims without a slot pay nobody."""
    levelled = raw(levels=np.full((1, 1), 7, dtype=INDEX))
    run = settled(levelled)
    assert [batch.level.tolist() for batch in run.lines()] == [[7]]
    empty = settled(raw(shape=(0, 1)))
    assert sum(empty.totals().allowed.tolist()) == 0


def test_claims_name_payees_or_a_route_to_them():
    """Payees by line or by credited member: exactly one of the two."""
    amount = np.full((1, 1), 5, dtype=MINOR)
    route = fx.Claims(amount=amount, levels=(1,), route=lambda member: member[None])
    assert settled(lambda _: route).totals().to_dict() == {"cai": Decimal("0.05")}
    for options in ({}, {"payee": amount.astype(INDEX), "route": lambda member: member[None]}):
        refused(
            lambda options=options: fx.Claims(amount=amount, levels=(1,), **options), PlanError, "Claims.of"
        )


def test_a_bound_that_is_too_low_does_no_harm():
    """`bound` is a hint for speed; claims above it are guarded and added up exactly all the same."""
    big = 1 << 62
    money = f"{big // 100}.{big % 100:02}"
    given = facts({"paid": money}, {"paid": money}, {"paid": money}, {"paid": money})
    one = Scripted("mine", script=lambda block: fx.Claims(
        payee=np.repeat(np.arange(1, dtype=INDEX), len(block))[None] + np.arange(len(block), dtype=INDEX) % 3,
        amount=np.full((1, len(block)), big, dtype=MINOR), levels=(1,), bound=1,
    ))  # fmt: skip
    with pytest.raises(FenxiaoError):
        fx.settle(given, plan(one, **GENEROUS)).totals()
    fewer = facts({"paid": money}, {"paid": money}, {"paid": money})
    run = fx.settle(fewer, plan(one, **GENEROUS))
    assert sum(run.totals().allowed.tolist()) == 3 * big
    assert run.margin_report().used == 3 * big


def test_what_a_policy_raises_comes_through():
    """An error inside a policy of one's own is not disguised."""
    with pytest.raises(ZeroDivisionError):
        settled(lambda _: 1 // 0)


def test_a_policy_without_claims_says_what_to_write():
    """Both bases name the method that is missing."""
    refused(lambda: fx.settle(facts(), plan(fx.OrderPolicy("mine"))), UnsupportedError, "claims(self, block)")
    refused(lambda: fx.settle(facts(), plan(fx.PeriodPolicy("mine"))), UnsupportedError, "claims(self, view)")
    assert fx.OrderPolicy("mine").not_local() == ()


@pytest.mark.parametrize("base", [fx.OrderPolicy, fx.PeriodPolicy])
@pytest.mark.parametrize(
    "options",
    [
        {"name": ""},
        {"name": " "},
        {"name": 3},
        {"name": "a", "stage": 0},
        {"name": "a", "stage": 65},
        {"name": "a", "stage": True},
    ],
)
def test_names_and_stages_are_checked(base, options):
    """A policy needs a name, and a stage from 1 to 64."""
    refused(lambda: base(**options), PlanError)
    assert (base("a").stage, base("a", stage=64).stage) == (1, 64)


# ----------------------------------------------------------------------------------------- period policies


def period(answer, *policies, **options):
    """Return the settlement of one order by a scripted period policy."""
    return fx.settle(facts(), plan(*policies, ScriptedPeriod("mine", script=lambda _: answer), **options))


def test_period_claims_get_what_orders_leave():
    """Order pay comes first, funds are added, the rest is cut."""
    assert period(([0, 1], [500, 500]), levels()).totals().to_dict() == {
        "ann": Decimal("10.00"),
        "bo": Decimal("15.00"),
    }
    assert period(([0], [99999]), levels()).totals().to_dict()["ann"] == Decimal("15.00")
    assert period(([], []), levels()).totals().to_dict()["ann"] == Decimal("5.00")


BAD_PERIOD = {
    "none": None,
    "one column": ([0],),
    "three columns": ([0], [1], [2]),
    "number": 3,
    "lengths": ([0, 1], [5]),
    "nobody": ([3], [5]),
    "negative payee": ([-1], [5]),
    "label": (["ann"], [5]),
    "negative": ([0], [-5]),
    "float": ([0], [0.5]),
    "beyond": ([0], [2**63]),
}


@pytest.mark.parametrize("name", BAD_PERIOD)
def test_period_claims_that_make_no_sense_are_refused(name):
    """Anything but two columns of payees and amounts is a typed error that names the policy."""
    refused(lambda: period(BAD_PERIOD[name]), PlanError, "mine", absent=("ann",))


def test_a_period_policy_sees_facts_and_what_earlier_stages_earned():
    """The view has the orders of the period and allowed amounts of earlier stages only."""
    seen = []

    def script(view):
        assert isinstance(view, PeriodView)
        seen.append(
            (len(view.orders), view.facts, {name: column.tolist() for name, column in view.allowed.items()})
        )
        return [], []

    given = facts({}, {})
    rules = plan(
        levels(), levels("late", stage=3), ScriptedPeriod("mine", script=script, stage=2), Prize("prize")
    )
    fx.settle(given, rules)
    assert seen == [(2, given, {"referral": [1000, 2000, 0], "prize": [100, 0, 0]})]
