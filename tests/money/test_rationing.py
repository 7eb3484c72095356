"""Claims rules: golden numbers, laws, agreement of all forms with the slow twin."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao._arrays import MINOR, MINOR_MAX, ROW
from fenxiao._kernels.groups import group_sums, hand_out, water_level
from fenxiao._kernels.rationing import priority_columns, ration_columns
from fenxiao.errors import InputError, MoneyError, MoneyOverflowError
from fenxiao.money import RULES, ration, ration_exact, ration_many
from tests.oracles import rationing as twin
from tests.strategies.money import bound_columns, fractions, grouped_problems, problems

SIMPLE = [rule for rule in RULES if rule != "priority"]
LEFTOVERS = ["largest_remainder", "floor"]
F = Fraction

LITERATURE = {
    (100, "proportional"): [F(50, 3), F(100, 3), 50],
    (100, "equal_awards"): [F(100, 3), F(100, 3), F(100, 3)],
    (100, "equal_losses"): [0, 0, 100],
    (100, "talmud"): [F(100, 3), F(100, 3), F(100, 3)],
    (200, "proportional"): [F(100, 3), F(200, 3), 100],
    (200, "equal_awards"): [F(200, 3), F(200, 3), F(200, 3)],
    (200, "equal_losses"): [0, 50, 150],
    (200, "talmud"): [50, 75, 75],
    (300, "proportional"): [50, 100, 150],
    (300, "equal_awards"): [100, 100, 100],
    (300, "equal_losses"): [0, 100, 200],
    (300, "talmud"): [50, 100, 150],
    (400, "proportional"): [F(200, 3), F(400, 3), 200],
    (400, "equal_awards"): [100, 150, 150],
    (400, "equal_losses"): [F(100, 3), F(400, 3), F(700, 3)],
    (400, "talmud"): [50, 125, 225],
}
COMMISSION_CAP = {
    "proportional": [96, 64, 40],
    "equal_awards": [75, 75, 50],
    "equal_losses": [F(310, 3), F(190, 3), F(100, 3)],
    "talmud": [F(310, 3), F(190, 3), F(100, 3)],
}


def classes_for(rule: str, claims: list[int]) -> list[int] | None:
    """Classes that mix claims, for the rule that needs them."""
    return [(3 * row) % 4 - 1 for row in range(len(claims))] if rule == "priority" else None


@pytest.mark.parametrize(("limit", "rule"), LITERATURE)
def test_published_estates(limit: int, rule: str) -> None:
    """Claims of 100, 200 and 300 on four estates are solved as the literature solves them."""
    assert ration_exact([100, 200, 300], limit, rule) == LITERATURE[limit, rule]


@pytest.mark.parametrize("rule", COMMISSION_CAP)
def test_commission_cap(rule: str) -> None:
    """Commissions of 120, 80 and 50 under a budget of 200."""
    assert ration_exact([120, 80, 50], 200, rule) == COMMISSION_CAP[rule]


@pytest.mark.parametrize(
    ("claims", "limit", "paid"),
    [
        ([101, 101, 101], 200, [67, 67, 66]),
        ([12000, 8000, 5000], 19999, [9599, 6400, 4000]),
        ([50, 60], 200, [50, 60]),
    ],
)
def test_commission_cap_in_cents(claims: list[int], limit: int, paid: list[int]) -> None:
    """Proportional cuts in cents give the leftover cents to the largest remainders."""
    assert ration(claims, limit).tolist() == paid
    group = np.zeros(len(claims), dtype=ROW)
    assert ration_many(np.array(claims), group, np.array([limit])).tolist() == paid


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=60, deadline=None)
@given(claims=st.lists(fractions(), min_size=1, max_size=6), part=st.fractions(0, 1, max_denominator=12))
def test_exact_solution_is_the_twin(rule: str, claims: list[Fraction], part: Fraction) -> None:
    """The exact solution of fractional claims is the twin's, sums to the limit, stays within the claims."""
    limit, classes = sum(claims) * part, classes_for(rule, claims)
    awards = ration_exact(claims, limit, rule, classes=classes)
    assert awards == twin.solve(claims, limit, rule, classes)
    assert sum(awards) == limit
    assert all(0 <= award <= claim for award, claim in zip(awards, claims, strict=True))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("leftover", LEFTOVERS)
@settings(max_examples=50, deadline=None)
@given(problem=problems())
def test_one_problem(rule: str, leftover: str, problem: tuple[list[int], int]) -> None:
    """Whole units lie between 0 and the claim, sum to what there is, and are the twin's."""
    claims, limit = problem
    classes = classes_for(rule, claims)
    parts = ration(claims, limit, rule, leftover=leftover, classes=classes).tolist()
    available = min(limit, sum(claims))
    assert all(0 <= part <= claim for part, claim in zip(parts, claims, strict=True))
    assert sum(parts) == available if leftover == "largest_remainder" else sum(parts) <= available
    assert parts == twin.ration(claims, limit, rule, leftover, classes)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("leftover", LEFTOVERS)
@settings(max_examples=50, deadline=None)
@given(problem=grouped_problems())
def test_many_problems_are_each_problem(
    rule: str, leftover: str, problem: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Solving many mixed problems at once gives what solving each alone gives, up to the int64 bound."""
    claims, group, limits = problem
    classes = None if rule != "priority" else np.array(classes_for(rule, claims.tolist()), dtype=ROW)
    parts = ration_many(claims, group, limits, rule, leftover=leftover, classes=classes)
    for number, limit in enumerate(limits.tolist()):
        rows = np.flatnonzero(group == number)
        kinds = None if classes is None else classes[rows].tolist()
        assert parts[rows].tolist() == twin.ration(claims[rows].tolist(), limit, rule, leftover, kinds)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), top=st.sampled_from([2, 1000, 2**40, MINOR_MAX // 200]))
def test_large_problems_agree_with_small_ones(rule: str, seed: int, top: int) -> None:
    """Arrays and Python integers give the same parts for one problem of many claims."""
    draw = np.random.default_rng(seed)
    claims = draw.integers(0, top, 100)
    limit = int(claims.sum()) * int(draw.integers(0, 100)) // 100
    classes = classes_for(rule, claims.tolist())
    assert ration(claims, limit, rule, classes=classes).tolist() == twin.ration(
        claims.tolist(), limit, rule, "largest_remainder", classes
    )


@pytest.mark.parametrize("leftover", LEFTOVERS)
@settings(max_examples=150, deadline=None)
@given(problem=bound_columns())
def test_columns_are_each_problem(leftover: str, problem: tuple[np.ndarray, np.ndarray]) -> None:
    """The columns of a block are rationed as each column alone."""
    claims, limits = problem
    parts = ration_columns(claims, limits, leftover=leftover)
    for column, limit in enumerate(limits.tolist()):
        assert parts[:, column].tolist() == twin.ration(
            claims[:, column].tolist(), limit, "proportional", leftover
        )


def test_small_columns_exhaustively() -> None:
    """Every problem of three claims up to 5 is rationed as the twin does it."""
    cases = [
        (a, b, c, limit) for a in range(6) for b in range(6) for c in range(6) for limit in range(a + b + c)
    ]
    table = np.array(cases, dtype=MINOR).T
    parts = ration_columns(table[:3].copy(), table[3].copy())
    for case, part in zip(cases, parts.T.tolist(), strict=True):
        assert part == twin.ration(list(case[:3]), case[3], "proportional")


def test_columns_across_chunks() -> None:
    """A block longer than the scratch columns, with one extreme problem in it, is rationed throughout."""
    draw = np.random.default_rng(5)
    claims = draw.integers(1, 10**6, (3, 40_000))
    claims[:, 17] = MINOR_MAX
    claims[1, 39_000] = 2**61
    limits = np.minimum(claims.astype(object).sum(axis=0) - 1, MINOR_MAX // 2).astype(MINOR) // 3
    parts = ration_columns(claims, limits)
    assert (parts.sum(axis=0) == limits).all()
    for column in (0, 16, 17, 18, 38_999, 39_000, 39_999):
        assert parts[:, column].tolist() == twin.ration(
            claims[:, column].tolist(), int(limits[column]), "proportional"
        )


def test_no_columns() -> None:
    """A block without problems stays one."""
    assert ration_columns(np.zeros((3, 0), dtype=MINOR), np.zeros(0, dtype=MINOR)).shape == (3, 0)


@settings(max_examples=60, deadline=None)
@given(problem=bound_columns())
def test_priority_columns_fill_from_the_top(problem: tuple[np.ndarray, np.ndarray]) -> None:
    """Each row gets its claim or what the rows above left."""
    claims, limits = problem
    parts = priority_columns(claims, limits)
    for column, limit in enumerate(limits.tolist()):
        kinds = list(range(len(claims)))
        assert parts[:, column].tolist() == twin.ration(
            claims[:, column].tolist(), limit, "priority", "largest_remainder", kinds
        )


@pytest.mark.parametrize("rule", SIMPLE)
@settings(max_examples=60, deadline=None)
@given(problem=problems(high=1000))
def test_larger_claims_get_and_lose_no_less(rule: str, problem: tuple[list[int], int]) -> None:
    """Exact awards and exact losses are both ordered like the claims."""
    claims, limit = sorted(problem[0]), problem[1]
    awards = ration_exact(claims, limit, rule)
    losses = [claim - award for claim, award in zip(claims, awards, strict=True)]
    assert awards == sorted(awards)
    assert losses == sorted(losses)


@pytest.mark.parametrize("rule", SIMPLE)
@settings(max_examples=60, deadline=None)
@given(problem=problems(high=1000))
def test_equal_claims_differ_by_one_unit_at_most(rule: str, problem: tuple[list[int], int]) -> None:
    """Equal claims get the same, except that the earlier may have one unit more."""
    claims, limit = problem
    claims = [*claims, claims[0]]
    parts = ration(claims, limit, rule)
    assert 0 <= parts[0] - parts[-1] <= 1


@pytest.mark.parametrize("rule", SIMPLE)
@settings(max_examples=60, deadline=None)
@given(problem=problems(high=1000), more=st.integers(0, 50))
def test_a_larger_limit_with_floor_lowers_nobody(
    rule: str, problem: tuple[list[int], int], more: int
) -> None:
    """With the leftover kept, raising the limit lowers no part."""
    claims, limit = problem
    before = ration(claims, limit, rule, leftover="floor")
    assert (ration(claims, limit + more, rule, leftover="floor") >= before).all()


@pytest.mark.parametrize("rule", SIMPLE)
@settings(max_examples=60, deadline=None)
@given(problem=problems(high=1000), more=st.integers(0, 50))
def test_a_larger_limit_lowers_a_part_by_one_unit_at_most(
    rule: str, problem: tuple[list[int], int], more: int
) -> None:
    """With exact sums, raising the limit may move a part down by one unit and never by two."""
    claims, limit = problem
    assert (ration(claims, limit + more, rule) >= ration(claims, limit, rule) - 1).all()


@settings(max_examples=60, deadline=None)
@given(problem=problems(high=1000))
def test_talmud_is_its_own_dual(problem: tuple[list[int], int]) -> None:
    """Sharing the limit and sharing the shortfall by the half-claims rule complement each other."""
    claims, limit = problem
    limit = min(limit, sum(claims))
    losses = ration_exact(claims, sum(claims) - limit, "talmud")
    awards = ration_exact(claims, limit, "talmud")
    assert [claim - loss for claim, loss in zip(claims, losses, strict=True)] == awards


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [3, 100])
def test_sums_beyond_64_bits(rule: str, size: int) -> None:
    """Groups whose sum exceeds 64 bits are exact, beside groups that are ordinary."""
    claims = [MINOR_MAX - row for row in range(size)]
    classes = classes_for(rule, [*claims, 5, 6])
    parts = ration_many(
        np.array([*claims, 5, 6]),
        np.array([1] * size + [3, 3]),
        np.array([4, MINOR_MAX - 1, 0, 7]),
        rule,
        classes=None if classes is None else np.array(classes),
    )
    kinds = (None, None) if classes is None else (classes[:size], classes[size:])
    assert parts[:size].tolist() == twin.ration(claims, MINOR_MAX - 1, rule, "largest_remainder", kinds[0])
    assert parts[size:].tolist() == twin.ration([5, 6], 7, rule, "largest_remainder", kinds[1])
    above = ration(claims, 2 * MINOR_MAX, rule, classes=kinds[0]).tolist()
    assert above == twin.ration(claims, 2 * MINOR_MAX, rule, "largest_remainder", kinds[0])


def test_a_limit_above_everything_changes_nothing() -> None:
    """Claims that fit are returned as they are, in a fresh column."""
    claims = np.array([1, 2, 3])
    assert ration(claims, 10**30).tolist() == [1, 2, 3]
    assert ration([], 0).tolist() == []
    many = ration_many(claims, np.array([0, 0, 1]), np.array([3, 3]))
    many[0] = 9
    assert claims.tolist() == [1, 2, 3]


@pytest.mark.parametrize("top", [1, 10**6, 2**40, 2**62])
def test_ties_go_to_earlier_rows(top: int) -> None:
    """Among equal remainders the earlier rows get the units, whatever sort finds them."""
    group = np.array([1, 0] * 40)
    claims = np.full(80, top // 64 + 1)
    limits = np.array([int(claims[0]) * 40 - 30, int(claims[0]) * 40 - 10])
    limits = np.maximum(limits, 0)
    parts = ration_many(claims, group, limits)
    for number in (0, 1):
        rows = group == number
        assert parts[rows].tolist() == sorted(parts[rows].tolist(), reverse=True)
        assert parts[rows].sum() == min(limits[number], claims[rows].sum())


def test_wide_remainders_are_sorted_without_packing() -> None:
    """Remainders too long for a packed key are still handed out in order."""
    parts, rests = np.zeros(4, dtype=MINOR), np.array([2**62, 2**62 + 1, 5, 2**62])
    hand_out(parts, rests, np.array([0, 0, 1, 0]), np.array([2, 1]))
    assert parts.tolist() == [1, 1, 1, 0]


def test_wide_claims_are_levelled_without_packing() -> None:
    """Claims too long for a packed key are still levelled in order."""
    claims = np.array([2**62, 9, 3, 2**61, 1])
    whole, rest, divisor = water_level(claims, np.array([0, 1, 1, 2, 1]), np.array([2**61, 6, 2**61]))
    assert whole.tolist() == [2**61, 2, MINOR_MAX]
    assert (rest.tolist(), divisor.tolist()) == ([0, 1, 0], [1, 2, 1])


@settings(max_examples=60, deadline=None)
@given(problem=grouped_problems())
def test_group_sums(problem: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Group sums are exact, and those that do not fit are named."""
    claims, group, limits = problem
    sums, beyond = group_sums(claims, group, limits.size)
    for number in range(limits.size):
        exact = sum(claims[group == number].tolist())
        assert bool(beyond[number]) == (exact > MINOR_MAX)
        assert beyond[number] or sums[number] == exact


INVALID = [
    (lambda: ration([1], 1, "halves"), InputError, "claims rule"),
    (lambda: ration([1], 1, leftover="mine"), InputError, "leftover"),
    (lambda: ration([1], 1, "priority"), InputError, "are missing"),
    (lambda: ration([1], 1, "talmud", classes=[1]), InputError, "not used by this rule"),
    (lambda: ration([1], 1, "priority", classes=[1, 2]), InputError, "do not match"),
    (lambda: ration([1, 2], 1, "priority", classes=[1.0, 2.0]), InputError, "do not match"),
    (lambda: ration([1, -1], 1), MoneyError, "row 1"),
    (lambda: ration([1], -1), MoneyError, "limit"),
    (lambda: ration([1], True), MoneyError, "limit"),
    (lambda: ration([1], 1.0), MoneyError, "limit"),
    (lambda: ration([1.5], 1), MoneyError, "claims"),
    (lambda: ration([2**63], 1), MoneyOverflowError, "64-bit"),
    (lambda: ration_exact([1, -1], 1), MoneyError, "row 1"),
    (lambda: ration_exact([1], -1), MoneyError, "limit"),
    (lambda: ration_exact([1, 0.5], 1), MoneyError, "not exact"),
    (lambda: ration_exact([1], 0.5), MoneyError, "not exact"),
    (lambda: ration_exact([True], 0), MoneyError, "not exact"),
    (lambda: ration_many(np.array([1]), np.array([0, 0]), np.array([1])), InputError, "does not match"),
    (lambda: ration_many(np.array([1]), np.array([0.0]), np.array([1])), InputError, "float64"),
    (lambda: ration_many(np.array([1, 1]), np.array([0, 1]), np.array([1])), InputError, "row 1"),
    (lambda: ration_many(np.array([1]), np.array([-1]), np.array([1])), InputError, "0 to 0"),
    (lambda: ration_many(np.array([1]), np.array([0]), np.array([], dtype=MINOR)), InputError, "no groups"),
    (lambda: ration_many(np.array([-1]), np.array([0]), np.array([1])), MoneyError, "claims"),
    (lambda: ration_many(np.array([1]), np.array([0]), np.array([-1])), MoneyError, "limits"),
]


@pytest.mark.parametrize(("call", "error", "text"), INVALID)
def test_invalid_problems_are_refused(call: object, error: type[Exception], text: str) -> None:
    """A malformed problem raises the typed error that names what is wrong."""
    with pytest.raises(error, match=text) as caught:
        call()
    assert type(caught.value) is error
    assert caught.value.allowed
    assert caught.value.hint
