"""Measures and conditions of random trees and orders equal what the slow twin says."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao import volumes
from fenxiao.expressions import measure_from_data, predicate_from_data
from tests.strategies.facts import forests
from tests.strategies.volumes import columns, conditions, lines, measures
from tests.volumes.bridge import plan_of, settled, table, twins


@st.composite
def one_month(draw):
    """Draw a tree, its members' columns and a month of orders."""
    sponsors = draw(forests(min_size=1))
    return sponsors, draw(lines(sponsors)), draw(columns(sponsors))


@st.composite
def some_months(draw):
    """Draw up to three months over one tree; one of them may not have been settled."""
    sponsors = draw(forests(min_size=1))
    given_columns = draw(columns(sponsors))
    months = [
        (sponsors, draw(lines(sponsors, month=number)), given_columns)
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]
    if len(months) == 3 and draw(st.integers(0, 3)) == 0:
        months[1] = None
    return months


@settings(deadline=None, max_examples=150)
@given(one_month(), measures(conditions(1, windows=False), windows=False))
def test_a_measure_is_what_the_twin_adds_up(month, data):
    """Every measure of every member, whatever it is made of."""
    [run] = settled([month], plan_of())
    [twin] = twins([month])
    measure = measure_from_data(data)
    [found] = table(run, measure)
    assert found == {member: twin.value(data, member) for member in month[0]}
    assert run.run.setting.measure(measure).__class__.__name__ == (
        "Numbers" if twin.unit(data) is None else "Amounts"
    )


@settings(deadline=None, max_examples=150)
@given(one_month(), conditions(2, windows=False))
def test_a_condition_holds_where_the_twin_says_so(month, data):
    """Comparisons of every kind, joined in every way, as a gate of the plan."""
    gate = {"kind": "gate", "name": "open", "when": data}
    [run] = settled([month], plan_of([gate]))
    [twin] = twins([month], [gate])
    [found] = table(run, "open")
    assert found == {member: twin.holds(data, member) for member in month[0]}


@settings(deadline=None, max_examples=100)
@given(some_months(), conditions(2))
def test_windows_look_back_into_the_state(months, data):
    """Sums over and least of several periods, with the state handed on from run to run."""
    gate = {"kind": "gate", "name": "open", "when": data}
    runs, slow = settled(months, plan_of([gate])), twins(months, [gate])
    [found] = table(runs[-1], "open")
    assert found == {member: slow[-1].holds(data, member) for member in months[-1][0]}


@settings(deadline=None, max_examples=100)
@given(measures(conditions(2)), conditions(2))
def test_measures_and_conditions_survive_text_and_plain_data(measure, condition):
    """Repr is code that builds an equal one; plain data survives JSON."""
    names = {name: getattr(volumes, name) for name in volumes.__all__} | {
        "column": fx.column,
        "Where": fx.Where,
    }
    for read, data in ((measure_from_data, measure), (predicate_from_data, condition)):
        built = read(data)
        plain = built.as_data()
        assert json.loads(json.dumps(plain)) == plain
        assert read(plain).as_data() == plain
        assert flat(eval(repr(built), names).as_data()) == flat(plain)


def flat(data):
    """Return plain data without lists of conditions inside lists of the same kind, or of one condition."""
    if isinstance(data, list):
        return [flat(each) for each in data]
    if not isinstance(data, dict):
        return data
    found = {name: flat(value) for name, value in data.items()}
    for kind in ("all", "any"):
        if kind in found:
            parts = [inner for part in found[kind] for inner in part.get(kind, [part])]
            return parts[0] if len(parts) == 1 else {kind: parts}
    return found
