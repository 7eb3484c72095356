"""`Where`: which order lines it selects."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import ExpressionError, MoneyError
from tests.expressions.refusals import refused
from tests.expressions.sources import Columns

VALID = [
    (fx.Where(), {}),
    (fx.Where(kind="retail"), {"kind": ["retail"]}),
    (fx.Where(kind=("retail", "own")), {"kind": ["retail", "own"]}),
    (fx.Where(product=7), {"product": [7]}),
    (fx.Where(category=["a", 1]), {"category": ["a", 1]}),
    (fx.Where(region="north", first_order=True), {"region": ["north"], "first_order": True}),
    (
        fx.Where(other={"channel": ("app", "web"), "gift": True}),
        {"other": {"channel": ["app", "web"], "gift": [True]}},
    ),
    (fx.Where(minimum={"paid": "100.00"}), {"minimum": {"paid": "100.00"}}),
]


@pytest.mark.parametrize(("where", "data"), VALID, ids=[str(data) for _, data in VALID])
def test_selections_go_to_plain_data_and_back(where, data):
    """Plain data has only what is asked, survives JSON, and repr is code."""
    assert where.as_data() == data
    assert fx.Where.from_data(json.loads(json.dumps(data))) == where
    assert fx.Where.from_data(where) is where
    assert eval(repr(where), {"Where": fx.Where}) == where
    assert hash(where) == hash(fx.Where.from_data(data))


def test_the_columns_that_are_read_are_known():
    """Named, further and minimum columns, in this order."""
    where = fx.Where(region="x", kind="y", other={"z": 1}, minimum={"paid": "1"})
    assert where.columns == ("kind", "region", "z", "paid")


INVALID = {
    "nothing": lambda: fx.Where(kind=[]),
    "float": lambda: fx.Where(kind=1.5),
    "set": lambda: fx.Where(kind={"a", "b"}),
    "nothing among others": lambda: fx.Where(other={"channel": []}),
    "other without a name": lambda: fx.Where(other={"": "x"}),
    "other pairs": lambda: fx.Where(other=(("channel", "app", "web"),)),
    "minimum twice": lambda: fx.Where(minimum=(("paid", "1"), ("paid", "2"))),
    "data nothing": lambda: fx.Where.from_data({"kind": []}),
    "floats": lambda: fx.Where(kind=[1.5]),
    "null among": lambda: fx.Where(kind=["a", None]),
    "bytes": lambda: fx.Where(kind=b"ab"),
    "mapping": lambda: fx.Where(kind={"a": 1}),
    "other without a value": lambda: fx.Where(other={"channel": None}),
    "other list": lambda: fx.Where(other=["a"]),
    "other none": lambda: fx.Where(other=None),
    "other named twice": lambda: fx.Where(other={3: "x"}),
    "minimum int": lambda: fx.Where(minimum={"paid": 100}),
    "minimum list": lambda: fx.Where(minimum=["paid"]),
    "minimum none": lambda: fx.Where(minimum=None),
    "first order": lambda: fx.Where(first_order=1),
    "data list": lambda: fx.Where.from_data([]),
    "data text": lambda: fx.Where.from_data("retail"),
    "data key": lambda: fx.Where.from_data({"knd": "retail"}),
    "data number key": lambda: fx.Where.from_data({3: "retail"}),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_selects_nothing_sensible_is_refused(name):
    """Values of other kinds, nothing at all, unknown keys: a typed error each."""
    refused(INVALID[name], ExpressionError)


# --------------------------------------------------------------------------------------------- evaluation


@st.composite
def lines(draw):
    """Draw order lines with the order they belong to."""
    record = st.fixed_dictionaries(
        {
            "order": st.integers(0, 2),
            "kind": st.none() | st.sampled_from(["retail", "own"]),
            "product": st.none() | st.sampled_from(["tea", "pen"]),
            "channel": st.integers(0, 2),
            "gift": st.booleans(),
            "paid": st.integers(0, 300),
            "tax": st.integers(0, 30),
        }
    )
    firsts = draw(st.lists(st.booleans(), min_size=3, max_size=3))
    return [line | {"first": firsts[line["order"]]} for line in draw(st.lists(record, max_size=6))]


@st.composite
def selections(draw):
    """Draw the parameters of a selection."""
    asked = {}
    if draw(st.booleans()):
        asked["kind"] = draw(st.lists(st.sampled_from(["retail", "own", "gift"]), min_size=1, max_size=2))
    if draw(st.booleans()):
        asked["product"] = [draw(st.sampled_from(["tea", "cup"]))]
    other = {}
    if draw(st.booleans()):
        other["channel"] = draw(st.lists(st.integers(0, 3), min_size=1, max_size=2))
    if draw(st.booleans()):
        other["gift"] = [draw(st.booleans())]
    least = {}
    if draw(st.booleans()):
        least["paid"] = draw(st.integers(0, 500))
    if draw(st.booleans()):
        least["tax"] = draw(st.integers(0, 40))
    return asked, other, least, draw(st.booleans())


@settings(deadline=None)
@given(lines(), selections())
def test_masks_say_what_plain_python_says(table, drawn):
    """A line is selected exactly if every named condition holds; thresholds are inside, nulls never match."""
    asked, other, least, first = drawn
    where = fx.Where(
        **asked,
        other=other,
        minimum={name: f"{minor // 100}.{minor % 100:02}" for name, minor in least.items()},
        first_order=first,
    )
    kinds = {
        "kind": "categories",
        "product": "categories",
        "channel": "numbers",
        "gift": "flags",
        "paid": "amounts",
        "tax": "amounts",
    }
    source = Columns(
        {name: (kind, [line[name] for line in table]) for name, kind in kinds.items()},
        orders=[line["order"] for line in table],
        firsts=[line["first"] for line in table],
    )

    def selected(line):
        whole = [each for each in table if each["order"] == line["order"]]
        return (
            all(line[name] in wanted for name, wanted in (asked | other).items())
            and all(sum(each[name] for each in whole) >= minor for name, minor in least.items())
            and (line["first"] or not first)
        )

    mask = where.mask(source)
    if not (asked or other or least or first):
        assert mask is None
    else:
        assert mask.tolist() == [selected(line) for line in table]


SOURCE = Columns(
    {
        "gift": ("flags", [True, False]),
        "n": ("numbers", [1, 5]),
        "paid": ("amounts", [100, 200]),
        "product": ("categories", [1, 5]),
        "kind": ("categories", ["a", "b"]),
    },
    orders=[0, 1],
)

MISFITS = {
    "money": {"paid": "1.00"},
    "flag as text": {"gift": "x"},
    "flag as count": {"gift": 5},
    "count as word": {"n": "x"},
    "count as digits": {"n": "5"},
    "count as bool": {"n": True},
    "count beyond 64 bits": {"n": 2**70},
    "number label as bool": {"product": True},
    "text label as number": {"kind": 1},
}


@pytest.mark.parametrize("name", MISFITS)
def test_values_of_another_kind_than_the_column_are_refused(name):
    """Comparing a count with text, a flag with a number and the like is a mistake and never a guess."""
    refused(lambda: fx.Where(other=MISFITS[name]).mask(SOURCE), ExpressionError, next(iter(MISFITS[name])))


def test_a_column_without_values_has_nothing_to_contradict():
    """Where every label is missing nothing is selected, whatever is asked for."""
    source = Columns({"kind": ("categories", [None, None])})
    for wanted in ("retail", 7, True):
        assert fx.Where(kind=wanted).mask(source).tolist() == [False, False]


def test_a_selection_can_be_changed():
    """A copy with another value keeps the rest."""
    assert attrs.evolve(fx.Where(kind="a", minimum={"paid": "1"}), product=7) == fx.Where(
        kind="a", product=7, minimum={"paid": "1"}
    )


@pytest.mark.parametrize("value", ["0.001", "x", "30%"])
def test_minimum_is_exact_money(value):
    """An amount that is too fine or not one is refused."""
    refused(lambda: fx.Where(minimum={"paid": value}).mask(SOURCE), MoneyError, "minimum 'paid'")
