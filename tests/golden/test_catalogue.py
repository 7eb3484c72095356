"""Every case of the families of this release is covered, or stands in the table of later ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.golden.runner import HERE, cases, load

CASES = Path(__file__).parents[2].parent / "shared" / "cases"
SOURCES = ("plans.yaml", "peers.yaml", "literature.yaml", "seed.yaml")
LATER = load("later.toml")


def covered():
    """Return the ids that golden data names."""
    sharing = [entry for part in load("sharing.toml").values() for entry in part]
    return {found for entry in [*cases(), *sharing] for found in entry["covers"]}


def wanted():
    """Return the ids of the families, from the shared cases."""
    if not CASES.is_dir():
        pytest.skip("the folder of shared cases is not beside the project")
    ids = [
        found
        for name in SOURCES
        for found in re.findall(
            r"^\s*-?\s*id:\s*['\"]?([\w-]+)", (CASES / name).read_text("utf-8"), re.MULTILINE
        )
    ]
    return {found for found in ids if found.startswith(tuple(LATER["families"]))}


def test_every_case_is_covered_or_listed():
    """No case of the families is forgotten."""
    assert sorted(wanted() - covered() - {entry["id"] for entry in LATER["later"]}) == []


def test_nothing_is_invented():
    """Golden data and the table of later cases name only cases that exist."""
    listed = {entry["id"] for part in ("later", "partly") for entry in LATER[part]}
    assert sorted((covered() | listed) - wanted()) == []


def test_later_table_is_honest():
    """A case in the table of later ones is not covered, a partly covered one is, and each has a reason."""
    assert {entry["id"] for entry in LATER["later"]} & covered() == set()
    assert {entry["id"] for entry in LATER["partly"]} <= covered()
    assert all(entry["reason"] for part in ("later", "partly") for entry in LATER[part])


def test_only_this_check_reads_beside_the_project():
    """Golden data is complete in itself: the runner and its tables name no path beside the project."""
    others = [path for path in HERE.iterdir() if path.is_file() and path.name != Path(__file__).name]
    assert [path.name for path in others if "shared/" in path.read_text("utf-8")] == []
