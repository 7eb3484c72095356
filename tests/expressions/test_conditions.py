"""Conditions on members: how they are written, read back, and evaluated."""

from __future__ import annotations

import datetime as dt
import json
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._columns import Ranks
from fenxiao.errors import ExpressionError, MoneyError
from fenxiao.expressions import AllOf, AnyOf, Not, Predicate, Test, own, predicate_from_data, ratio
from fenxiao.expressions.comparisons import Subject
from fenxiao.expressions.measures import Derived, measure_of
from tests.expressions.refusals import refused
from tests.expressions.sources import Columns

ACTIVE = fx.column("active") == True  # noqa: E712  # builds a predicate
DAY = dt.date(2026, 10, 5)

WRITTEN = [
    (ACTIVE, "(column('active') == True)"),
    (fx.column("active") != True, "~((column('active') == True))"),  # noqa: E712  # builds a predicate
    (fx.own("paid") >= "100.00", "(own('paid') >= '100.00')"),
    (fx.own("paid") > "100.00", "(own('paid') > '100.00')"),
    (fx.column("score") <= 3, "(column('score') <= 3)"),
    (fx.column("score") < 3, "(column('score') < 3)"),
    (fx.column("rank").isin("gold", "silver"), "column('rank').isin('gold', 'silver')"),
    (
        fx.column("rank", order=["silver", "gold"]) >= "gold",
        "(column('rank', order=('silver', 'gold')) >= 'gold')",
    ),
    (ACTIVE & ~(fx.own("orders") >= 1), "((column('active') == True) & ~((own('orders') >= 1)))"),
    (
        ACTIVE | ACTIVE & ACTIVE,
        "((column('active') == True) | ((column('active') == True) & (column('active') == True)))",
    ),
    (~(ACTIVE | ACTIVE), "~((column('active') == True) | (column('active') == True))"),
    (~~ACTIVE, "~~((column('active') == True))"),
    (~fx.column("rank").isin("gold"), "~(column('rank').isin('gold'))"),
]


@pytest.mark.parametrize(("condition", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_conditions_are_written_as_the_code_that_builds_them(condition, text):
    """Repr is code, plain data survives JSON, and both lead back to an equal condition."""
    assert repr(condition) == text
    assert eval(text, {"column": fx.column, "own": fx.own}) == condition
    assert predicate_from_data(json.loads(json.dumps(condition.as_data()))) == condition
    assert predicate_from_data(condition) is condition
    assert hash(condition) == hash(predicate_from_data(condition.as_data()))


@pytest.mark.parametrize("value", [DAY, (DAY, dt.date(2026, 1, 1))], ids=["one", "several"])
def test_dates_survive_plain_data(value):
    """A condition on a date is equal to what its plain data is read as."""
    subject = fx.column("joined")
    condition = subject.isin(*value) if isinstance(value, tuple) else subject >= value
    again = predicate_from_data(json.loads(json.dumps(condition.as_data())))
    assert again == condition
    assert eval(repr(condition), {"column": fx.column, "own": fx.own, "datetime": dt}) == condition


def test_what_a_condition_reads_is_known():
    """Own volumes and member columns are collected through every combination."""
    condition = (ACTIVE & (fx.own("paid") >= "1")) | ~(fx.column("rank") == "gold")
    assert repr(condition.measures()) == "(own('paid'),)"
    assert condition.member_columns() == ("active", "rank")
    both = fx.own("pv") >= "1"
    assert {repr(each.measures()) for each in (both & ACTIVE, both | ACTIVE, ~both)} == {"(own('pv'),)"}
    assert (both & ACTIVE).member_columns() == (both | ACTIVE).member_columns() == ("active",)
    assert (~ACTIVE).member_columns() == ("active",)


def test_conditions_of_one_kind_are_flattened():
    """Three conditions joined by & are one list of three, and likewise by |."""
    assert len((ACTIVE & ACTIVE & ACTIVE).parts) == 3
    assert len((ACTIVE | ACTIVE | ACTIVE).parts) == 3
    assert (ACTIVE & ACTIVE & ACTIVE).as_data() == {"all": [ACTIVE.as_data()] * 3}


INVALID = {
    "float": (lambda: fx.column("score") >= 1.5, "text"),
    "none": (lambda: fx.column("score") == None, "bool, int, date"),  # noqa: E711  # builds a predicate
    "moment": (lambda: fx.column("joined") == dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "bool, int, date"),
    "list": (lambda: fx.column("rank") == ["gold"], "rank"),
    "nothing": (lambda: fx.column("rank").isin(), "rank"),
    "list in isin": (lambda: fx.column("rank").isin(["gold"]), "value"),
    "& number": (lambda: ACTIVE & 3, "conditions"),
    "| none": (lambda: ACTIVE | None, "conditions"),
    "no parts": (lambda: AllOf([]), "conditions"),
    "no parts any": (lambda: AnyOf(()), "conditions"),
    "not a condition": (lambda: Not(3), "conditions"),
    "parts number": (lambda: AllOf(3), "conditions"),
    "column number": (lambda: fx.column(3) == True, "column"),  # noqa: E712  # builds a predicate
    "column empty": (lambda: fx.column("") == True, "column"),  # noqa: E712  # builds a predicate
    "own empty": (lambda: fx.own("") >= "1.00", "column"),
    "order text": (lambda: fx.column("rank", order="gold") >= "gold", "order"),
    "order numbers": (lambda: fx.column("rank", order=(1, 2)) >= "a", "order"),
    "order none": (lambda: fx.column("rank", order=None) >= "a", "order"),
    "name of a test": (lambda: Test(fx.column(""), "is", 1), "column"),
    "order twice": (lambda: fx.column("rank", order=("a", "b", "a")) >= "a", "order"),
    "subject as truth": (lambda: bool(fx.column("active")), "== True"),
    "and": (lambda: ACTIVE and ACTIVE, "&"),
    "or": (lambda: ACTIVE or ACTIVE, "&"),
    "chain": (lambda: 1 <= fx.column("score") <= 3, "&"),
    "if": (lambda: bool(ACTIVE & ACTIVE), "&"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_no_condition_is_refused_in_words(name):
    """Floats, nothing to compare with, Python's `and` and chained comparisons: never a silent guess."""
    make, part = INVALID[name]
    refused(make, ExpressionError, part)


def test_what_is_compared_has_no_hash():
    """A subject builds conditions by ==, so it cannot be a key."""
    with pytest.raises(TypeError):
        hash(fx.column("active"))


BAD_DATA = [
    None,
    3,
    "column('active') == True",
    [],
    {},
    {"all": []},
    {"any": 3},
    {"all": [{"column": "a", "is": 1}, 4]},
    {"not": None},
    {"not": {"column": "a", "is": 1}, "all": []},
    {"column": "a"},
    {"column": 3, "is": 1},
    {"column": "a", "own": "b", "is": 1},
    {"column": "a", "is": 1, "in": [1]},
    {"column": "a", "is": 1, "unless": 2},
    {"column": "a", "is": None},
    {"column": "a", "is": ["x"]},
    {"column": "a", "in": "x"},
    {"column": "a", "in": [1.5]},
    {"column": "a", "is": "x", "order": 5},
    {"column": "a", "is": "x", "order": "abc"},
    {"column": "a", "is": "x", "order": [1, 2]},
    {"column": "", "is": "x"},
    {"own": "paid", "at_least": 1.5},
]


@pytest.mark.parametrize("data", BAD_DATA, ids=[repr(data) for data in BAD_DATA])
def test_plain_data_that_is_no_condition_is_refused(data):
    """Unknown keys, two operators, nothing to compare with: each is refused with the forms that exist."""
    refused(lambda: predicate_from_data(data), ExpressionError)


# --------------------------------------------------------------------------------------------- evaluation

RANKS = ("bronze", "silver", "gold")
COMPARE = {
    "at_least": operator.ge,
    "above": operator.gt,
    "at_most": operator.le,
    "below": operator.lt,
    "is": operator.eq,
}


@st.composite
def members(draw):
    """Draw members with one value of each kind."""
    return draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "active": st.booleans(),
                    "score": st.integers(-2, 4) | st.sampled_from([2**63 - 1, -(2**63)]),
                    "wallet": st.integers(0, 300) | st.just(2**63 - 1),
                    "rank": st.none() | st.sampled_from(RANKS),
                    "joined": st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5)),
                    "own": st.integers(0, 300),
                }
            ),
            max_size=5,
        )
    )


def source_of(people):
    """Return the members as columns."""
    kinds = {
        "active": "flags",
        "score": "numbers",
        "wallet": "amounts",
        "rank": "categories",
        "joined": "days",
    }
    table = {name: (kind, [person[name] for person in people]) for name, kind in kinds.items()}
    return Columns(table, own={"paid": ("amounts", [person["own"] for person in people])})


def money(minor):
    """Return minor units as text with two decimals."""
    return f"{minor // 100}.{minor % 100:02}"


@st.composite
def comparisons(draw):
    """Draw one comparison: the condition, and what it says of a member, in plain Python."""
    name = draw(st.sampled_from(["active", "score", "wallet", "rank", "joined", "own"]))
    if name == "active":
        value = draw(st.booleans())
        return fx.column(name) == value, lambda person: person[name] == value
    sign = draw(st.sampled_from([*COMPARE, "in"]))
    values = {
        "score": st.integers(-2, 4),
        "wallet": st.integers(0, 300),
        "own": st.integers(0, 300),
        "rank": st.sampled_from(RANKS),
        "joined": st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5)),
    }[name]
    chosen = draw(st.lists(values, min_size=1, max_size=3)) if sign == "in" else [draw(values)]
    written = [money(value) if name in ("wallet", "own") else value for value in chosen]
    if name == "joined" and draw(st.booleans()):
        written = [value.isoformat() for value in chosen]
    subject = fx.own("paid") if name == "own" else fx.column(name, order=RANKS if name == "rank" else ())
    condition = subject.isin(*written) if sign == "in" else Test(subject, sign, written[0])

    def holds(person):
        value = person[name]
        if value is None:
            return False
        if sign == "in":
            return value in chosen
        left, right = (RANKS.index(value), RANKS.index(chosen[0])) if name == "rank" else (value, chosen[0])
        return COMPARE[sign](left, right)

    return condition, holds


def joined(parts):
    """Return strategies of combined conditions with what they mean."""

    def both(pair):
        (one, first), (two, second) = pair
        return one & two, lambda person: first(person) and second(person)

    def either(pair):
        (one, first), (two, second) = pair
        return one | two, lambda person: first(person) or second(person)

    def inverted(part):
        condition, holds = part
        return ~condition, lambda person: not holds(person)

    return st.tuples(parts, parts).map(both) | st.tuples(parts, parts).map(either) | parts.map(inverted)


@settings(deadline=None)
@given(members(), st.recursive(comparisons(), joined, max_leaves=5))
def test_masks_say_what_plain_python_says(people, drawn):
    """Every member satisfies a condition exactly if the naive reading does; nulls satisfy nothing."""
    condition, holds = drawn
    source = source_of(people)
    assert condition.mask(source).tolist() == [holds(person) for person in people]
    for member in range(len(people)):
        assert isinstance(condition.describe(source, member), str)
    assert (
        predicate_from_data(json.loads(json.dumps(condition.as_data()))).mask(source).tolist()
        == condition.mask(source).tolist()
    )


ONE = Columns(
    {
        "active": ("flags", [False]),
        "score": ("numbers", [2]),
        "wallet": ("amounts", [8000]),
        "rank": ("categories", ["silver"]),
        "joined": ("days", [DAY]),
        "nobody": ("categories", [None]),
    },
    own={"pv": ("amounts", [8000])},
)

DESCRIBED = [
    (ACTIVE, "active False is not True"),
    (fx.column("rank") == "gold", "rank silver is not gold"),
    (fx.column("rank").isin("gold", "platinum"), "rank silver is none of gold, platinum"),
    (fx.own("pv") >= "100.00", "own pv 80.00 of 100.00"),
    (fx.column("score") > 5, "score 2 of 5"),
    (fx.column("joined") >= dt.date(2026, 10, 6), "joined 2026-10-05 of 2026-10-06"),
    (ACTIVE & (fx.column("score") >= 2), "active False is not True"),
    (ACTIVE & (fx.column("score") >= 3), "active False is not True and score 2 of 3"),
    ((fx.column("score") >= 1) & (fx.column("score") >= 2), "every condition holds"),
    (ACTIVE | (fx.own("pv") >= "90.00"), "active False is not True or own pv 80.00 of 90.00"),
    (~(fx.column("rank") == "silver"), "not (rank silver"),
    (fx.column("nobody") == "gold", "nobody None is not gold"),
]


@pytest.mark.parametrize(("condition", "text"), DESCRIBED, ids=[text for _, text in DESCRIBED])
def test_a_condition_says_what_a_member_has_and_what_was_wanted(condition, text):
    """The words of an explanation name the column, the value and the threshold."""
    assert condition.describe(ONE, 0).startswith(text)


MISFITS = {
    "order of flags": (fx.column("active") >= True, "no order"),
    "flags as int": (fx.column("active") == 1, "yes-or-no"),
    "count as text": (fx.column("score") == "2", "an int"),
    "count as bool": (fx.column("score") == True, "bool"),  # noqa: E712  # builds a predicate
    "count beyond 64 bits": (fx.column("score") == 2**70, "score"),
    "counts beyond 64 bits": (fx.column("score").isin(1, 2**70), "score"),
    "money as bool": (fx.column("wallet") == True, "bool"),  # noqa: E712  # builds a predicate
    "date as word": (fx.column("joined") >= "soon", "2026-10-05"),
    "date as number": (fx.column("joined") >= 20261005, "date"),
    "date as bool": (fx.column("joined") == True, "bool"),  # noqa: E712  # builds a predicate
    "date without hyphens": (fx.column("joined").isin(20261005), "date"),
    "rank as bool": (fx.column("rank") == True, "bool"),  # noqa: E712  # builds a predicate
    "rank without order": (fx.column("rank") >= "gold", "order="),
    "rank outside the order": (fx.column("rank", order=("gold", "platinum")) >= "gold", "order="),
    "rank value outside": (fx.column("rank", order=("silver",)) >= "gold", "order="),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_value_of_another_kind_is_refused(name):
    """A comparison that the column's kind does not know is refused, with the condition in the message."""
    condition, part = MISFITS[name]
    error = refused(lambda: condition.mask(ONE), ExpressionError, part)
    assert repr(condition) in str(error)


@pytest.mark.parametrize("value", [1, "1.001", "many"])
def test_money_is_compared_with_exact_money(value):
    """Bare integers, too fine amounts and words are refused as everywhere."""
    refused(lambda: (fx.column("wallet") >= value).mask(ONE), MoneyError, "wallet")


def test_moments_are_not_compared_with_dates():
    """A column of moments needs a zone to become dates, so it is refused."""
    from fenxiao._columns import Instants

    ONE.columns["seen"] = Instants([0])
    for value in (DAY, "2026-10-05"):
        refused(lambda value=value: (fx.column("seen") >= value).mask(ONE), ExpressionError, "moment")


def test_own_conditions_need_the_five_methods():
    """A condition of one's own that lacks a method says so by itself."""

    class Mine(Predicate):
        pass

    mine = Mine()
    calls = [
        lambda: mine.mask(ONE),
        mine.subjects,
        mine.as_data,
        lambda: mine.describe(ONE, 0),
    ]
    for call in calls:
        with pytest.raises(NotImplementedError):
            call()


def test_a_subject_must_say_what_it_is():
    """A subject of one's own that leaves out what every subject has, says so when it is used."""
    subject = Subject()
    for call in (subject.as_data, subject.text, lambda: subject.read(ONE)):
        with pytest.raises(NotImplementedError):
            call()
    assert subject.member_columns() == ()


def test_measures_say_what_they_are_called():
    """What is measured of what, in words and as options."""
    assert ratio("pv", "bv").text() == "own pv / own bv, in thousandths"
    assert Derived(own("pv")).options() == {}
    with pytest.raises(ExpressionError, match="measure"):
        measure_of(3, "policy 'x', on")


def test_ranks_keep_their_order_when_rows_are_taken():
    """Rows of a column of ranks are ranks in the same order."""
    some = Ranks(np.array([2, 0], dtype=np.int32), ("none", "silver", "gold")).take(slice(0, 1))
    assert isinstance(some, Ranks)
    assert (some.value(0), some.values) == ("gold", ("none", "silver", "gold"))
