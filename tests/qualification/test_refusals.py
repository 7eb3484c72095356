"""What measures, conditions, qualifications and states refuse, and how they say it."""

from __future__ import annotations

from itertools import pairwise

import pytest

import fenxiao as fx
from fenxiao.errors import (
    ExpressionError,
    FenxiaoError,
    InputError,
    PlanError,
    RateError,
    StateError,
    UnsupportedError,
)
from fenxiao.expressions import Brackets, measure_from_data, predicate_from_data
from fenxiao.periods import Period, month
from fenxiao.qualification import Gate, GivenRanks, Ladder, Standing, Step, Tiers, qualification_from_data
from fenxiao.state import State
from fenxiao.volumes import Record, balanced, distinct, frontline, group, leg, legs, organisation, own, ratio

RANK = fx.column("rank")
MANY = own("paid") >= "1.00"
TREE = fx.ReferralTree.from_mapping({"anna": None, "boris": "anna", "clara": "boris"})
LABELS = ("anna", "boris", "clara")


def settle(*qualifications, members=None, show=(), period=None, state=None, rows=({},)):
    """Settle one order of clara and show columns and measures."""
    orders = fx.Orders.from_records(
        [
            {"order_id": number, "member": "clara", "paid": "9.00", "pv": "7", "kind": "retail",
             "paid_at": "2026-10-05T12:00:00+08:00"} | row
            for number, row in enumerate(rows, 1)
        ],
        volumes={"pv": 0},
        times=["paid_at"],
    )  # fmt: skip
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("10%", of="paid"),
        qualifications=list(qualifications),
        anchor="paid_at",
        zone="Asia/Shanghai",
    )
    table = None if members is None else fx.Members.from_records(members)
    facts = fx.Facts(tree=TREE, orders=orders, members=table)
    run = fx.settle(facts, plan, period=period, state=state)
    run.members_table(*show)
    return run


def ranks(*values):
    """Return members with these ranks."""
    return [{"member": member, "rank": rank} for member, rank in zip(LABELS, values, strict=True)]


MEASURES = {
    "number": (3, ExpressionError, "a measure"),
    "list": ([], ExpressionError, "a measure"),
    "none": (None, ExpressionError, "a measure"),
    "empty": ({}, ExpressionError, "a measure"),
    "two kinds": ({"own": "pv", "leg": "pv"}, ExpressionError, "a measure"),
    "unknown kind": ({"volume": "pv"}, ExpressionError, "organisation"),
    "unknown key": ({"own": "pv", "deep": 3}, ExpressionError, "unknown keys"),
    "unknown key of heads": ({"legs": None, "deep": 3}, ExpressionError, "none"),
    "key that is no text": ({"own": "pv", 3: 3}, ExpressionError, "unknown keys"),
    "no column": ({"own": None}, ExpressionError, "own"),
    "empty column": ("", ExpressionError, "own"),
    "distinct of nothing": ({"distinct": 3}, ExpressionError, "distinct"),
    "where": ({"own": "pv", "where": {"colour": "red"}}, ExpressionError, "Where"),
    "days": ({"own": "pv", "first_days": 0}, ExpressionError, "1 to 36600"),
    "days bool": ({"own": "pv", "first_days": True}, ExpressionError, "first_days"),
    "depth": ({"organisation": "pv", "depth": -1}, ExpressionError, "0 to 64"),
    "depth text": ({"organisation": "pv", "depth": "2"}, ExpressionError, "0 to 64"),
    "depth of downline": ({"downline": "pv", "depth": 0}, ExpressionError, "1 to 64"),
    "group of no breaks": ({"group": "pv"}, ExpressionError, "breaks_at"),
    "breaks_at below 0": ({"group": "pv", "breaks_at": "-5"}, ExpressionError, "group, breaks_at"),
    "breaks_at count below 0": ({"group": "orders", "breaks_at": -5}, ExpressionError, "from 0"),
    "breaks_at word": ({"group": "pv", "breaks_at": "much"}, ExpressionError, "from 0"),
    "breaks_at float": ({"group": "pv", "breaks_at": 1.5}, ExpressionError, "breaks_at"),
    "breaks": ({"group": "pv", "breaks": 3}, ExpressionError, "a condition"),
    "k": ({"leg": "pv", "k": 0}, ExpressionError, "1 to 1000"),
    "own_leg": ({"leg": "pv", "own_leg": 1}, ExpressionError, "own_leg"),
    "own_leg of others": ({"other_legs": "pv", "own_leg": None}, ExpressionError, "own_leg"),
    "rolled up to nobody": ({"rolled_up": "pv"}, ExpressionError, "lacks keys"),
    "balanced by nothing": ({"balanced": "pv"}, ExpressionError, "lacks keys"),
    "balanced at 0": ({"balanced": "pv", "per_leg": "0%"}, ExpressionError, "above 0 to 100%"),
    "balanced above 1": ({"balanced": "pv", "per_leg": "101%"}, ExpressionError, "above 0 to 100%"),
    "balanced float": ({"balanced": "pv", "per_leg": 0.5}, RateError, "rate"),
    "window of no length": ({"window": "pv"}, ExpressionError, "lacks keys"),
    "window too long": ({"window": "pv", "periods": 13}, ExpressionError, "1 to 12"),
    "window how": ({"window": "pv", "periods": 2, "how": "mean"}, ExpressionError, "sum, least"),
    "window of a window": (
        {"window": {"window": "pv", "periods": 2}, "periods": 2}, ExpressionError, "one window",
    ),
    "ratio of one": ({"ratio": ["pv"]}, ExpressionError, "[a, b]"),
    "sum of ratios": ({"organisation": {"ratio": ["pv", "pv"]}}, ExpressionError, "compared"),
    "sum of balanced": (
        {"organisation": {"balanced": "pv", "per_leg": "50%"}}, ExpressionError, "compared",
    ),
    "window of balanced": (
        {"window": {"balanced": "pv", "per_leg": "50%"}, "periods": 2}, ExpressionError, "compared",
    ),
    "sponsor": ({"sponsor": "rank"}, UnsupportedError, "people above"),
    "upline": ({"upline": "pv"}, UnsupportedError, "people above"),
    "pool": ({"pool": "gold"}, UnsupportedError, "pay"),
    "pay": ({"pay": "referral"}, UnsupportedError, "pay"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "part"), MEASURES.values(), ids=MEASURES)
def test_measures_that_mean_nothing_are_refused(data, kind, part):
    """Each says what is wrong; nothing is guessed, nothing comes out as a raw error."""
    refused_loosely(lambda: measure_from_data(data), kind, part)


def refused_loosely(make, kind, part):
    """Check the error's kind and that its text is one readable line without labels."""
    with pytest.raises(FenxiaoError) as caught:
        make()
    assert isinstance(caught.value, kind), repr(caught.value)
    text = str(caught.value)
    assert part in text, text
    assert "\n" not in text
    for label in LABELS:
        assert label not in text
    return caught.value


CONDITIONS = {
    "number": (3, ExpressionError, "a condition"),
    "empty": ({}, ExpressionError, "a condition"),
    "no operator": ({"own": "pv"}, ExpressionError, "a condition"),
    "two operators": ({"own": "pv", "above": "1", "below": "2"}, ExpressionError, "a condition"),
    "unknown key": ({"own": "pv", "at_least": "1", "colour": 3}, ExpressionError, "unknown keys"),
    "key that is no text": ({3: 3}, ExpressionError, "unknown keys"),
    "all of a text": ({"all": "pv"}, ExpressionError, "a condition"),
    "all of nothing": ({"all": []}, ExpressionError, "conditions"),
    "not of nothing": ({"not": None}, ExpressionError, "a condition"),
    "column number": ({"column": 3, "is": 3}, ExpressionError, "a condition"),
    "order": ({"column": "rank", "order": "gold", "at_least": "gold"}, ExpressionError, "order"),
    "in of nothing": ({"own": "pv", "in": []}, ExpressionError, "number of values"),
    "is of a list": ({"own": "pv", "is": ["1"]}, ExpressionError, "number of values"),
    "float": ({"own": "pv", "at_least": 1.5}, ExpressionError, "text"),
    "balanced below": (
        {"balanced": "pv", "per_leg": "50%", "below": "3"}, ExpressionError, "requirement",
    ),
    "balanced in": ({"balanced": "pv", "per_leg": "50%", "in": ["3"]}, ExpressionError, "requirement"),
    "ratio in": ({"ratio": ["pv", "pv"], "in": ["3%"]}, ExpressionError, "70%"),
    "ratio of a bool": ({"ratio": ["pv", "pv"], "above": True}, ExpressionError, "70%"),
    "ratio of a word": ({"ratio": ["pv", "pv"], "above": "much"}, RateError, "rate"),
    "upline": ({"upline": "rank", "is": "gold"}, UnsupportedError, "people above"),
    "earned": ({"earned": "referral", "above": "1"}, UnsupportedError, "pay"),
    "inside": ({"legs": {"sponsor": "rank", "is": "gold"}, "at_least": 1}, UnsupportedError, "above"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "part"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions_that_mean_nothing_are_refused(data, kind, part):
    """Each says what is wrong; what depends on people above or on pay is unsupported."""
    refused_loosely(lambda: predicate_from_data(data), kind, part)


LADDER = {"kind": "ladder", "name": "rank", "steps": [{"name": "a", "when": MANY.as_data()}]}
QUALIFICATIONS = {
    "nothing": (lambda: qualification_from_data(None), "kind"),
    "unknown kind": (lambda: qualification_from_data({"kind": "door"}), "gate"),
    "kind that is no text": (lambda: qualification_from_data({"kind": []}), "gate"),
    "missing key": (lambda: qualification_from_data({"kind": "gate", "name": "x"}), "lacks keys"),
    "unknown key": (lambda: qualification_from_data(LADDER | {"colour": 3}), "unknown keys"),
    "nameless gate": (lambda: Gate(" ", MANY), "name"),
    "gate named by a number": (lambda: Gate(3, MANY), "name"),
    "gate of nothing": (lambda: Gate("x", None), "a condition"),
    "step of nothing": (lambda: Step("x", None), "a condition"),
    "no steps": (lambda: Ladder("rank", []), "1 to 64 steps"),
    "65 steps": (lambda: Ladder("rank", [(f"s{n}", MANY) for n in range(65)]), "1 to 64 steps"),
    "steps text": (lambda: Ladder("rank", "ab"), "steps"),
    "steps of one": (lambda: Ladder("rank", [("a",)]), "tuple"),
    "steps of texts": (lambda: Ladder("rank", ["ab"]), "str"),
    "step twice": (lambda: Ladder("rank", [("a", MANY), ("a", MANY)]), "different names"),
    "lowest twice": (lambda: Ladder("rank", [("none", MANY)]), "lowest="),
    "lowest empty": (lambda: Ladder("rank", [("a", MANY)], lowest=""), "lowest"),
    "demotion": (lambda: Ladder("rank", [("a", MANY)], demotion="slowly"), "at_once"),
    "grace": (lambda: Ladder("rank", [("a", MANY)], grace=-1), "0 to 120"),
    "grace bool": (lambda: Ladder("rank", [("a", MANY)], grace=True), "0 to 120"),
    "own rank": (lambda: Ladder("rank", [("a", MANY), ("b", RANK >= "a")]), "own rank"),
    "own rank in not": (lambda: Ladder("rank", [("a", ~(MANY & (RANK == "a")))]), "own rank"),
    "own rank in a roll-up": (
        lambda: Ladder("rank", [("a", fx.volumes.rolled_up("pv", to=RANK == "a") >= "1")]), "own rank",
    ),
    "own rank in a group's volume": (
        lambda: Ladder(
            "rank",
            [("a", group(fx.volumes.rolled_up("pv", to=RANK == "a"), breaks=MANY) >= "1")],
        ),
        "own rank",
    ),
    "tiers marginal": (lambda: Tiers("t", on="pv", brackets=Brackets.marginal({"1": "1%"})), "whole"),
    "tiers on a ratio": (lambda: Tiers("t", on=ratio("pv", "paid"), brackets={"1": "1%"}), "compared"),
    "tiers of nothing": (lambda: Tiers("t", on="pv", brackets={}), "empty"),
    "tiers of a number": (lambda: Tiers("t", on="pv", brackets=3), "Brackets"),
    "order of nothing": (lambda: GivenRanks("rank", []), "lowest first"),
    "order text": (lambda: GivenRanks("rank", "ab"), "lowest first"),
    "order twice": (lambda: GivenRanks("rank", ["a", "a"]), "twice"),
    "order too long": (lambda: GivenRanks("rank", [f"r{n}" for n in range(66)]), "65"),
    "brackets mode": (lambda: Brackets("steep", {"1": "1%"}), "whole, marginal"),
    "brackets data": (lambda: Brackets.from_data({"steep": {}}), "Brackets"),
    "brackets list": (lambda: Brackets.whole([1]), "Brackets"),
    "brackets key": (lambda: Brackets.whole({1.5: "1%"}), "keys"),
    "brackets key twice": (lambda: Brackets.whole({1: "1%", "1": "2%"}), "two rows"),
    "brackets rate": (lambda: Brackets.whole({1: 0.5}), "float"),
    "plan of a number": (lambda: settle_plan(3), "qualifications"),
    "plan of numbers": (lambda: settle_plan([3]), "kind"),
    "one name twice": (lambda: settle_plan([Gate("x", MANY), Gate("x", MANY)]), "share a name"),
    "a title's name": (
        lambda: settle_plan([Ladder("x", [("a", MANY)]), Gate("x_title", MANY)]), "share a name",
    ),
}  # fmt: skip


def settle_plan(qualifications):
    """Return a plan with these qualifications."""
    return fx.Plan(currency="CNY", margin=fx.Margin.column("m"), qualifications=qualifications)


@pytest.mark.parametrize(("make", "part"), QUALIFICATIONS.values(), ids=QUALIFICATIONS)
def test_qualifications_that_mean_nothing_are_refused(make, part):
    """Gates, ladders, tiers, given ranks, brackets and lists of them."""
    refused_loosely(make, InputError, part)


def test_one_qualification_needs_no_list():
    """A single gate is as good as a list of it, and brackets may be brackets."""
    assert settle_plan(Gate("x", MANY)) == settle_plan([Gate("x", MANY)])
    table = Brackets.whole({"1": "5%"})
    assert Tiers("t", on="pv", brackets=table) == Tiers("t", on="pv", brackets=table.as_data())
    assert Ladder("rank", {"a": MANY}) == qualification_from_data(LADDER)
    assert Ladder("rank", [Step("a", MANY)]).as_data() == LADDER
    assert Brackets.from_data(table) is table


SETTLED = {
    "circle": (
        lambda: settle(
            Gate("x", fx.column("y") == True), Gate("y", frontline(fx.column("x") == True) >= 1)  # noqa: E712  # builds a condition
        ),
        PlanError, "depends on itself",
    ),
    "circle through a ladder": (
        lambda: settle(
            Gate("x", legs(RANK == "a") >= 1), Ladder("rank", [("a", fx.column("x") == True)])  # noqa: E712  # builds a condition
        ),
        PlanError, "depends on itself",
    ),
    "given and computed": (
        lambda: settle(Gate("rank", MANY), members=ranks("a", "a", "a")), PlanError, "Rename",
    ),
    "unknown column": (lambda: settle(Gate("x", fx.column("y") == 3)), InputError, "'y'"),
    "unknown order column": (lambda: settle(Gate("x", own("bv") >= "1")), InputError, "'bv'"),
    "text is no volume": (lambda: settle(Gate("x", own("kind") >= "1")), InputError, "'kind'"),
    "rank that there is not": (
        lambda: settle(Ladder("rank", [("a", MANY)]), Gate("x", RANK >= "b")), ExpressionError, "none, a",
    ),
    "rank that there is not, equal": (
        lambda: settle(Ladder("rank", [("a", MANY)]), Gate("x", RANK == "b")), ExpressionError, "none, a",
    ),
    "order lacks a rank": (
        lambda: settle(GivenRanks("rank", ["a", "b"]), members=ranks("a", "b", "c")), PlanError, "c",
    ),
    "rank missing": (
        lambda: settle(GivenRanks("rank", ["a", "b"]), members=ranks("a", None, "b")), PlanError, "missing",
    ),
    "ranks are numbers": (
        lambda: settle(GivenRanks("rank", ["a", "b"]), members=ranks(1, 2, 3)), PlanError, "not text",
    ),
    "count against text": (lambda: settle(Gate("x", frontline() >= "3")), ExpressionError, "int"),
    "volume against a number": (lambda: settle(Gate("x", own("pv") >= 3)), InputError, "integer"),
    "volume too fine": (
        lambda: settle(Gate("x", own("pv") >= "0.5")), InputError, "up to 0 decimals",
    ),
    "break too fine": (
        lambda: settle(Gate("x", group("pv", breaks_at="0.5") >= "1")), InputError, "up to 0 decimals",
    ),
    "break of a count": (
        lambda: settle(Gate("x", group("orders", breaks_at="3") >= 1)), ExpressionError, "int",
    ),
    "units of a ratio": (
        lambda: settle(Gate("x", ratio("orders", "paid") >= "1%")), ExpressionError, "different units",
    ),
    "tiers twice one threshold": (
        lambda: settle(Tiers("t", on="pv", brackets={"1": "1%", "1.0": "2%"})), PlanError, "twice",
    ),
    "tiers below nothing": (
        lambda: settle(Tiers("t", on="pv", brackets={"-1": "1%"})), PlanError, "no number from 0",
    ),
    "balanced by itself": (
        lambda: settle().run.setting.measure(balanced("pv", per_leg="50%")), ExpressionError, "requirement",
    ),
    "balanced in a table": (
        lambda: settle(show=[balanced("pv", per_leg="50%")]), ExpressionError, "compared",
    ),
    "distinct numbers": (lambda: settle(show=[distinct("pv")]), ExpressionError, "categories"),
    "distinct buyers": (lambda: settle(show=[distinct("buyer")]), ExpressionError, "buyer"),
    "window without a period": (
        lambda: settle(show=[own("pv").over(2)]), PlanError, "month(2026, 10)",
    ),
    "window of a span": (
        lambda: settle(show=[own("pv").over(2)], period=Period.parse("2026-10-01/2026-10-09")),
        PlanError, "calendar periods",
    ),
    "first days without joining": (
        lambda: settle(show=[own("pv", first_days=3)]), InputError, "joined",
    ),
    "joined in words": (
        lambda: settle(
            show=[own("pv", first_days=3)],
            members=[{"member": each, "joined": "long ago"} for each in LABELS],
        ),
        ExpressionError, "dates",
    ),
    "gap of no ladder": (lambda: settle().rank_gap("anna"), PlanError, "no Ladder"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "part"), SETTLED.values(), ids=SETTLED)
def test_plans_that_do_not_fit_the_facts_are_refused(make, kind, part):
    """What only facts can tell is refused when it is read."""
    refused_loosely(make, kind, part)


UNREAD = {
    "window without a period": (
        lambda: settle(Gate("x", own("pv").over(2) >= "1")), PlanError, "month(2026, 10)",
    ),
    "window of a ladder": (
        lambda: settle(Ladder("rank", [("a", own("pv").over(2) >= "1")])), PlanError, "month(2026, 10)",
    ),
    "tiers on an unknown column": (
        lambda: settle(Tiers("t", on="bv", brackets={"1": "1%"})), InputError, "'bv'",
    ),
    "tiers too fine": (lambda: settle(Tiers("t", on="pv", brackets={"0.5": "1%"})), InputError, "tiers 't'"),
    "given ranks without members": (lambda: settle(GivenRanks("rank", ["a"])), InputError, "members"),
    "given ranks of no column": (
        lambda: settle(GivenRanks("grade", ["a"]), members=ranks("a", "a", "a")), InputError, "grade",
    ),
    "a title that is given": (
        lambda: settle(
            Ladder("level", [("a", MANY)]),
            members=[{"member": each, "level_title": "a"} for each in LABELS],
        ),
        PlanError, "Rename",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "part"), UNREAD.values(), ids=UNREAD)
def test_what_nothing_reads_is_checked_all_the_same(make, kind, part):
    """A mistake in a gate, a ladder, tiers or given ranks shows when it is settled, read or not."""
    refused_loosely(make, kind, part)


X, Y, Z = (fx.column(name) == True for name in "xyz")  # noqa: E712  # builds a condition
CIRCLES = {
    "itself": ([Gate("x", X)], "x > x"),
    "two gates": ([Gate("x", Y), Gate("y", frontline(X) >= 1)], "y > x > y"),
    "a gate and a ladder": (
        [Gate("x", legs(RANK == "a") >= 1), Ladder("rank", [("a", X)])], "rank > x > rank",
    ),
    "by the title": (
        [Gate("x", fx.column("rank_title") == "a"), Ladder("rank", [("a", X)])], "rank > x > rank",
    ),
    "tiers": ([Tiers("x", on=group("pv", breaks=Y), brackets={"1": "1%"}), Gate("y", X)], "y > x > y"),
    "of three": ([Gate("w", X), Gate("x", Y), Gate("y", Z), Gate("z", X)], "z > x > y > z"),
}  # fmt: skip


@pytest.mark.parametrize(("qualifications", "circle"), CIRCLES.values(), ids=CIRCLES)
def test_qualifications_in_a_circle_are_no_plan(qualifications, circle):
    """What depends on itself is refused when the plan is written, with the way round."""
    error = refused_loosely(lambda: settle_plan(qualifications), PlanError, "depends on itself")
    steps, wanted = error.value.split(" > "), circle.split(" > ")
    assert steps[0] == steps[-1]
    assert set(steps) == set(wanted)
    reads = {each.name: each.member_columns() for each in qualifications}
    for one, other in pairwise(steps):
        assert any(name.removesuffix("_title") == other for name in reads[one])


def test_reading_one_another_is_no_circle():
    """Two that read a third, and a ladder that reads its own ranks and titles, are no circle."""
    ladder = Ladder("rank", [("a", MANY), ("b", (legs(RANK == "a") >= 1) | (fx.column("rank_title") == "b"))])
    settle(Gate("z", MANY), Gate("x", Z), Gate("y", X & Z), ladder, Gate("w", RANK >= "a"))


WINDOW = '{"own": "pv"}'


def record(labels=("anna",), values=(3,), measure=WINDOW, period="2026-09", decimals=0):
    """Return a record of September."""
    return Record(measure=measure, period=period, labels=labels, values=values, decimals=decimals)


def standing(**changed):
    """Return a standing of anna."""
    given = {
        "ladder": "rank",
        "names": ("none", "a"),
        "labels": ["anna"],
        "title": [1],
        "paid": [1],
        "missed": [0],
    }
    return Standing(**(given | changed))


STATES = {
    "records number": lambda: State(records=3),
    "records of texts": lambda: State(records=["x"]),
    "one record twice": lambda: State(records=[record(), record()]),
    "standings of texts": lambda: State(standings=["x"]),
    "one ladder twice": lambda: State(standings=[standing(), standing()]),
    "values too few": lambda: record(values=()),
    "values floats": lambda: record(values=[1.5]),
    "values texts": lambda: record(values=["x"]),
    "values ragged": lambda: record(values=[[1], [1, 2]]),
    "values in two dimensions": lambda: record(values=[[1]]),
    "values beyond 64 bits": lambda: record(values=[2**63]),
    "member twice": lambda: record(labels=("anna", "anna"), values=(1, 2)),
    "measure number": lambda: record(measure=3),
    "decimals text": lambda: record(decimals="2"),
    "names text": lambda: standing(names="ab"),
    "names none": lambda: standing(names=()),
    "names twice": lambda: standing(names=("a", "a")),
    "names numbers": lambda: standing(names=(1, 2)),
    "title without a name": lambda: standing(title=[2]),
    "paid below 0": lambda: standing(paid=[-1]),
    "missed float": lambda: standing(missed=[0.5]),
    "lengths": lambda: standing(title=[1, 1]),
    "standing of anna twice": lambda: standing(
        labels=["anna"] * 2, title=[0] * 2, paid=[0] * 2, missed=[0] * 2
    ),
}


@pytest.mark.parametrize("make", STATES.values(), ids=STATES)
def test_states_of_the_wrong_shape_are_refused(make):
    """Records and standings are checked when they are made."""
    refused_loosely(make, StateError, "")


PASSED_ON = {
    "record of strangers": (State(records=[record(labels=("zoe",))]), "not in the tree"),
    "record of other decimals": (State(records=[record(decimals=1)]), "other decimals"),
    "standing of strangers": (State(standings=[standing(labels=["zoe"])]), "not in the tree"),
    "unknown rank": (State(standings=[standing(names=("none", "b"))]), "ranks"),
    "unknown ladder": (State(standings=[standing(ladder="old")]), "ladders"),
}


@pytest.mark.parametrize(("state", "part"), PASSED_ON.values(), ids=PASSED_ON)
def test_states_that_do_not_fit_are_refused(state, part):
    """Members and ranks that a state knows have to be there; labels stay out of the text."""
    error = refused_loosely(
        lambda: settle(
            Ladder("rank", [("a", MANY)], grace=1),
            show=[own("pv").over(2)],
            period=month(2026, 10),
            state=state,
        ),
        StateError,
        part,
    )
    assert "zoe" not in str(error)


def test_ranks_that_nobody_holds_need_no_order_and_no_name():
    """Only what members hold is looked up: unused fill values and names of earlier ladders are no errors."""
    members = fx.Members.from_records(
        [{"member": each, "rank": "a"} for each in LABELS], fill={"rank": "nobody's"}
    )
    plan = settle_plan([GivenRanks("rank", ["a", "b"])])
    orders = fx.Orders.from_records(
        [{"order_id": 1, "member": "anna", "paid": "1.00", "m": "0"}], money=["m"]
    )
    run = fx.settle(fx.Facts(tree=TREE, members=members, orders=orders), plan)
    assert run.members_table("rank")["rank"] == ["a"] * 3
    state = State(standings=[standing(names=("none", "a", "old"))])
    assert settle(Ladder("rank", [("a", MANY)]), period=month(2026, 10), state=state).state.standing(
        "rank"
    ).labels.tolist() == ["anna", "clara"]


def test_state_with_records_compares_by_value():
    """Records and standings are equal by what they hold; fingerprints ignore the order of members."""
    assert State(records=[record()]) == State(records=[record()])
    assert State(records=[record()]) != State(records=[record(values=(4,))])
    assert State(standings=[standing()]) == State(standings=[standing()])
    one, two = record(("anna", "boris"), (1, 2)), record(("boris", "anna"), (2, 1))
    assert one.fingerprint() == two.fingerprint()
    assert standing().fingerprint() != standing(missed=[1]).fingerprint()
    assert not record().values.flags.writeable
    assert leg("pv").k == 1
    assert organisation("pv").depth is None


def test_a_ladder_of_dates_is_none():
    """A ladder that stands where members' joining dates belong is refused, not read as dates."""
    ladder = Ladder("joined", [Step("fresh", own("pv", first_days=30) >= "1")])
    refused_loosely(lambda: settle(ladder, period=month(2026, 10)), ExpressionError, "joined")


def test_a_step_reads_as_it_is_written():
    """What a ladder shows of a step is what makes the step again."""
    step = Step("silver", MANY)
    assert repr(step) == "Step('silver', (own('paid') >= '1.00'))"
