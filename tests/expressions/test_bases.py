"""`Base`: its constructor, its algebra, its plain data, and its exact values."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN, ROW
from fenxiao.errors import ExpressionError, MoneyOverflowError, RateError
from fenxiao.expressions import Base, Exact, fit_minor
from fenxiao.money import Rounding
from tests.expressions.refusals import refused
from tests.expressions.sources import Columns
from tests.strategies.money import amounts

PAID, TAX = Base("paid"), Base("tax")

VALID = [
    (PAID, (("paid", 1),)),
    (Base.of("paid"), (("paid", 1),)),
    (Base.of(PAID), (("paid", 1),)),
    (PAID * "40%", (("paid", Fraction(2, 5)),)),
    ("40%" * PAID, (("paid", Fraction(2, 5)),)),
    (PAID * 2, (("paid", 2),)),
    (PAID * Fraction(1, 3), (("paid", Fraction(1, 3)),)),
    (PAID * Decimal("0.125"), (("paid", Fraction(1, 8)),)),
    (PAID * -1, (("paid", -1),)),
    (PAID - TAX, (("paid", 1), ("tax", -1))),
    (PAID + TAX - TAX, (("paid", 1),)),
    ((PAID - TAX) * "1/3", (("paid", Fraction(1, 3)), ("tax", Fraction(-1, 3)))),
    (PAID + PAID, (("paid", 2),)),
    (Base.from_data("cv"), (("cv", 1),)),
    (Base.from_data({"cv": "40%", "tax": "-1"}), (("cv", Fraction(2, 5)), ("tax", -1))),
    (Base.from_data({"cv": "40%", "tax": "0"}), (("cv", Fraction(2, 5)),)),
    (Base.from_data(PAID), (("paid", 1),)),
]

INVALID = [
    (lambda: Base(3), ExpressionError, "name of an order column"),
    (lambda: Base(""), ExpressionError, "name of an order column"),
    (lambda: Base(None), ExpressionError, "name of an order column"),
    (lambda: Base.of(3), ExpressionError, "name of an order column"),
    (lambda: PAID * 0.4, RateError, "float"),
    (lambda: PAID * True, RateError, "truth value"),
    (lambda: PAID * "much", RateError, "'much'"),
    (lambda: PAID * PAID, RateError, "not a rate"),
    (lambda: PAID * 0, ExpressionError, "no column left"),
    (lambda: PAID - PAID, ExpressionError, "no column left"),
    (lambda: PAID + "tax", ExpressionError, 'Base("column")'),
    (lambda: PAID - 5, ExpressionError, 'Base("column")'),
    (lambda: Base.from_data(None), ExpressionError, "cannot be read"),
    (lambda: Base.from_data(["paid"]), ExpressionError, "cannot be read"),
    (lambda: Base.from_data({}), ExpressionError, "no column left"),
    (lambda: Base.from_data({3: "1"}), ExpressionError, "cannot be read"),
    (lambda: Base.from_data({"": "1"}), ExpressionError, "column"),
    (lambda: Base.from_data({"cv": 0.4}), RateError, "float"),
    (lambda: Base.from_data({"cv": None}), RateError, "not a rate"),
    (lambda: Base.from_data("")),
]


@pytest.mark.parametrize(("base", "terms"), VALID, ids=[str(number) for number in range(len(VALID))])
def test_bases_are_sums_of_columns_with_exact_coefficients(base, terms):
    """Every way to write a base ends in the same terms, which name each column once."""
    assert base.terms == terms
    assert base.columns == tuple(name for name, _ in terms)


@pytest.mark.parametrize("case", INVALID, ids=[str(number) for number in range(len(INVALID))])
def test_what_is_no_base_is_refused_in_words(case):
    """A float, nothing left, a number in place of a column: each has its own readable message."""
    make, kind, part = case if isinstance(case, tuple) else (case, ExpressionError, "column")
    refused(make, kind, part)


names = st.sampled_from(["paid", "tax", "pv", "cv", "n"])
shares = st.sampled_from(
    [Fraction(1), Fraction(-1), Fraction(2, 5), Fraction(-1, 3), Fraction(7), Fraction(1, 8)]
)
mappings = st.dictionaries(names, shares, min_size=1, max_size=4)


def base_of(terms):
    """Return the base of a mapping of columns to fractions."""
    total = None
    for name, share in terms.items():
        part = Base(name) * share
        total = part if total is None else total + part
    return total


@settings(deadline=None)
@given(mappings)
def test_plain_data_and_repr_lead_back_to_the_base(terms):
    """as_data survives JSON, and repr is code that builds an equal base."""
    base = base_of(terms)
    assert Base.from_data(json.loads(json.dumps(base.as_data()))) == base
    assert eval(repr(base), {"Base": Base}) == base
    assert hash(Base.from_data(base.as_data())) == hash(base)


def test_a_lone_column_is_written_as_its_name():
    """The commonest base is plain text in plain data, everything else a mapping."""
    assert PAID.as_data() == "paid"
    assert (PAID * 2).as_data() == {"paid": "200%"}
    assert repr(PAID - TAX * "1/3") == "Base('paid') - Base('tax') * '1/3'"
    assert repr(PAID * -1 - TAX) == "Base('paid') * '-100%' - Base('tax')"


# ------------------------------------------------------------------------------------------- exact values

KINDS = {
    "paid": ("amounts", 2),
    "tax": ("amounts", 2),
    "pv": ("amounts", 1),
    "cv": ("amounts", 5),
    "n": ("numbers", 0),
}


@st.composite
def tables(draw):
    """Draw columns of a few lines with amounts up to the bounds of 64 bits."""
    size = draw(st.integers(0, 4))
    top = draw(st.sampled_from([100, 10**6, 2**40, MINOR_MAX]))
    table = {}
    for name, (kind, decimals) in KINDS.items():
        low = -top if name == "n" else 0
        values = draw(st.lists(amounts(low, top), min_size=size, max_size=size))
        table[name] = (kind, values, decimals)
    return table


def slow_value(terms, table, line, decimals):
    """Return the base of one line in minor units, as the definition says."""
    total = Fraction(0)
    for name, share in terms.items():
        _, values, own_decimals = table[name]
        total += share * Fraction(values[line], 10**own_decimals) * 10**decimals
    return max(total, Fraction(0))


def slow_round(exact, mode, step):
    """Round a fraction to a multiple of a step by comparing its two neighbours."""
    low = floor(exact / step) * step
    high = ceil(exact / step) * step
    if mode == "floor" or low == high:
        return low
    if mode == "ceiling":
        return high
    if exact - low != high - exact:
        return low if exact - low < high - exact else high
    return high if mode == "half_up" else (low if (low // step) % 2 == 0 else high)


roundings = st.builds(
    Rounding, st.sampled_from(["floor", "ceiling", "half_up", "half_even"]), st.sampled_from([1, 5, 100])
)


@settings(deadline=None)
@given(mappings, tables(), st.sampled_from([0, 2, 3]), st.sampled_from(["1", "1/3", "12.5%", "0"]), roundings)
def test_values_are_exact_and_rounded_once(terms, table, decimals, rate, rounding):
    """A line's base equals the sum of fractions, and base times rate is that product rounded once."""
    rate = fx.Rate.of(rate).fraction
    exact = base_of(terms).value(Columns(table, decimals=decimals))
    size = len(table["paid"][1])
    expected = [slow_value(terms, table, line, decimals) for line in range(size)]
    assert [exact.fraction(line) for line in range(size)] == expected
    assert all(abs(int(value)) <= exact.bound for value in exact.values)
    wanted = [slow_round(value * rate, rounding.mode, rounding.step) for value in expected]
    if any(number > MINOR_MAX for number in wanted):
        with pytest.raises(MoneyOverflowError):
            exact.times(rate, rounding)
    else:
        result = exact.times(rate, rounding)
        assert result.tolist() == wanted
        assert result.dtype == MINOR


@settings(deadline=None)
@given(mappings, tables(), st.data())
def test_group_sums_are_exact(terms, table, data):
    """Sums by group equal sums of fractions, also where 64 bits would overflow, empty groups included."""
    exact = base_of(terms).value(Columns(table))
    size = len(table["paid"][1])
    group = data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    sums = exact.grouped(np.array(group, dtype=ROW), 4)
    expected = [Fraction(0)] * 4
    for line, number in enumerate(group):
        expected[number] += slow_value(terms, table, line, 2)
    assert [sums.fraction(number) for number in range(4)] == expected


def test_a_volume_point_counts_as_one_unit_of_the_currency():
    """1.5 points and 1.50 in money are the same base; a count of 2 is 2.00."""
    source = Columns({"paid": ("amounts", [150], 2), "pv": ("amounts", [15], 1), "n": ("numbers", [2])})
    assert [Base(name).value(source).fraction(0) for name in ("paid", "pv", "n")] == [150, 150, 200]
    assert Base("pv").value(Columns({"pv": ("amounts", [15], 1)}, decimals=0)).fraction(0) == Fraction(3, 2)


@pytest.mark.parametrize("name", ["margin", "n", "anything"])
def test_a_negative_column_counts_as_zero(name):
    """Whatever the column is called, a negative base is 0."""
    source = Columns({name: ("numbers", [-3, 4])})
    assert [Base(name).value(source).fraction(line) for line in (0, 1)] == [0, 400]
    source = Columns({name: ("numbers", [-3, MINOR_MIN, 4])})
    assert Base(name).value(source).times(Fraction(1, 100)).tolist() == [0, 0, 4]


def test_sums_beyond_64_bits_go_through_python_integers():
    """Two columns at the bound give an exact sum; what fits after the rate is returned, the rest raises."""
    source = Columns({"paid": ("amounts", [MINOR_MAX, 1]), "tax": ("amounts", [MINOR_MAX, 2])})
    exact = (PAID + TAX).value(source)
    assert exact.values.dtype == object
    assert exact.times(Fraction(1, 2)).tolist() == [MINOR_MAX, 1]
    error = refused(lambda: exact.times(Fraction(1)), MoneyOverflowError, "64-bit", "row 0")
    assert error.rows == (0,)
    sums = exact.grouped(np.array([0, 0], dtype=ROW), 1)
    assert sums.fraction(0) == 2 * MINOR_MAX + 3
    wide = Exact(np.array([MINOR_MAX, MINOR_MAX], dtype=MINOR), 1, 1, MINOR_MAX).grouped(np.array([0, 0]), 1)
    assert wide.values.tolist() == [2 * MINOR_MAX]


def test_limits_stop_at_the_bound_of_64_bits():
    """A share that is too large to be money is no error as a limit: it limits nothing."""
    large = Exact(np.array([MINOR_MAX, 7], dtype=MINOR), 3, 1, MINOR_MAX)
    assert large.limit(Fraction(1, 2)).tolist() == [MINOR_MAX, 10]
    assert large.limit(Fraction(1, 5)).tolist() == [MINOR_MAX * 3 // 5, 4]


@pytest.mark.parametrize("values", [[5, 7], [MINOR_MAX, 7]], ids=["small", "large"])
def test_products_may_be_written_in_place(values):
    """An array that is handed in receives the result, whether 64 bits suffice on the way or not."""
    source = Columns({"paid": ("amounts", values), "tax": ("amounts", values)})
    exact = (PAID + TAX).value(source)
    out = np.full(2, -1, dtype=MINOR)
    assert exact.times(Fraction(1, 2), out=out) is out
    assert out.tolist() == values


def test_python_integers_are_fitted_or_refused_by_row():
    """The bounds themselves fit, one beyond does not."""
    assert fit_minor([MINOR_MAX, MINOR_MIN, 0], "a sum").tolist() == [MINOR_MAX, MINOR_MIN, 0]
    for beyond in (MINOR_MAX + 1, MINOR_MIN - 1):
        refused(lambda beyond=beyond: fit_minor([0, beyond], "a sum"), MoneyOverflowError, "a sum", "row 1")
