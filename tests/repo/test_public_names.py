"""The public names: few, sorted, documented; the reasons: closed, pinned, worded."""

from __future__ import annotations

import inspect
import re
import types
from itertools import groupby

import pytest

import fenxiao
from fenxiao import Reason
from fenxiao.errors import USER_REASONS
from fenxiao.statements import REASON_TEXT
from tests.repo.sources import PROJECT

NAMES_MAX = 40
REFERENCE = PROJECT / "docs" / "reference"

CODES = {
    "PAID": 0,
    "NO_MEMBER": 1,
    "NOT_SELECTED": 2,
    "NO_UPLINE": 3,
    "NOT_ELIGIBLE": 4,
    "NOT_ENTITLED": 5,
    "SELF_PURCHASE": 6,
    "STOPPED": 7,
    "BEYOND_DEPTH": 8,
    "ROUNDED_TO_ZERO": 9,
    "ZERO_RATE": 10,
    "NOT_IN_PERIOD": 11,
    "NOT_UPLINE": 12,
    "NO_CLAIM": 13,
    "PAID_BELOW": 14,
    "BLOCKED": 15,
    "COMPRESSED": 16,
    "PASSED_UP": 17,
    "NOT_SOURCE": 18,
    "NOT_FITTING": 19,
    "EMPTY_POOL": 20,
    "BASE_ONLY": 21,
    "NOT_AGENT": 22,
    "CUT_LINE": 100,
    "CUT_PRODUCT_IN_ORDER": 101,
    "CUT_POLICY_IN_ORDER": 102,
    "CUT_ORDER": 103,
    "CUT_MARGIN": 104,
    "CUT_PAYEE": 110,
    "CUT_OWNER": 111,
    "CUT_SOURCE": 112,
    "CUT_POLICY": 120,
    "CUT_PRODUCT": 121,
    "CUT_REGION": 122,
    "CUT_PERIOD": 130,
    "CUT_PERIOD_MARGIN": 131,
    "CUT_COMPANY": 140,
}
"""Reasons never change their number; new ones are added at the end of their block."""


def block_of(code):
    """Return the block of a code: below 100 there is one, above one for every ten."""
    return 0 if code < 100 else code // 10 * 10


def test_all_public_names_are_listed():
    """Names that are loaded late are found by whoever looks around, such as the site of the documentation."""
    assert dir(fenxiao) == sorted(fenxiao.__all__)


def test_all_is_sorted_and_short():
    """The public names are sorted, unique, and at most 40."""
    assert list(fenxiao.__all__) == sorted(set(fenxiao.__all__))
    assert len(fenxiao.__all__) <= NAMES_MAX


def test_nothing_else_is_public():
    """The root binds its public names, its version and its modules, nothing else."""
    bound = {
        name
        for name, value in vars(fenxiao).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    # Corrections load when they are first named.
    assert sorted(bound | {"correct"}) == sorted(fenxiao.__all__)
    assert fenxiao.correct is fenxiao.corrections.correct
    with pytest.raises(AttributeError, match="has no attribute 'incorrect'"):
        fenxiao.incorrect  # noqa: B018  # asking for it is the test


def test_reference_page_names_the_public_names():
    """The reference page documents every public name and no other."""
    text = (REFERENCE / "api.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: fenxiao\.(\w+)\s*$", text, re.MULTILINE)
    assert sorted(named) == sorted(fenxiao.__all__)


@pytest.mark.parametrize("name", fenxiao.__all__)
def test_public_names_have_docstrings(name):
    """Every public name explains itself, and shows an example where it is not an exception or an enum."""
    thing = getattr(fenxiao, name)
    text = inspect.getdoc(thing) or ""
    assert len(text) > 40


def test_codes_are_pinned():
    """Every reason keeps its number for ever."""
    assert {reason.name: reason.value for reason in Reason} == CODES


def test_codes_have_no_gaps():
    """Inside a block the codes follow one another, from the block's first number."""
    for block, codes in groupby(sorted(map(int, Reason)), key=block_of):
        listed = list(codes)
        assert listed == list(range(block, block + len(listed)))


def test_codes_leave_room_for_users():
    """The codes of users' policies are not used by the library."""
    assert not set(map(int, Reason)) & set(USER_REASONS)


def test_every_reason_has_words():
    """Every reason has a text of its own for statements."""
    assert set(REASON_TEXT) == set(Reason)
    assert len(set(REASON_TEXT.values())) == len(Reason)


def test_every_reason_has_a_row_in_the_docs():
    """The page of reasons lists every code with its name, in ascending order, and no other code."""
    text = (REFERENCE / "reasons.md").read_text(encoding="utf-8")
    rows = []
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        codes = [int(cell) for cell in cells if re.fullmatch(r"\d+", cell)]
        names = [
            cell.removeprefix("Reason.") for cell in cells if re.fullmatch(r"(Reason\.)?[A-Z][A-Z_]+", cell)
        ]
        if line.lstrip().startswith("|") and codes and names:
            rows.append((codes[0], names[0]))
    assert rows == [(reason.value, reason.name) for reason in sorted(Reason)]
