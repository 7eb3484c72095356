"""Whoever exempts a line from a checker says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.repo.sources import PROJECT

EXEMPTION = re.compile(
    r"# (?:type: ignore|(?:ruff: )?noqa|pragma: no cover|fmt: (?:skip|off))\b[^#]*(?P<why># .+)?$"
)
"""An exemption up to the end of its line, and its reason. Formatting alone needs none."""


def unreasoned(text):
    """List the numbers of the lines that exempt something without a reason."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = EXEMPTION.search(line)
        if match and "fmt:" not in match[0] and (match["why"] is None or match["why"] == "# fmt: skip"):
            found.append(number)
    return found


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples"])
def test_exemptions_say_why(folder):
    """Every exemption from the type checker, the linter or coverage ends with a reason."""
    # The examples below are no exemptions.
    files = sorted(set((PROJECT / folder).rglob("*.py")) - {Path(__file__)})
    wrong = {
        f"{file.relative_to(PROJECT)}:{number}"
        for file in files
        for number in unreasoned(file.read_text(encoding="utf-8"))
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("x = f()  # type: ignore[arg-type]", [1]),
        ("x = f()  # noqa: E712", [1]),
        ("x = f()  # pragma: no cover", [1]),
        ("x = f()  # type: ignore[arg-type]  # validated before", []),
        ("x = f()  # type: ignore[no-any-return]  # noqa: B023  # called at once", []),
        ("x = f()  # fmt: skip", []),
    ],
)
def test_check_fires(line, wrong):
    """The check finds an exemption without a reason, and no other."""
    assert unreasoned(line) == wrong
