"""What the newest entry of the changelog names exists."""

from __future__ import annotations

import builtins
import importlib
import re

import pytest

import fenxiao
from tests.repo.sources import PROJECT

DOTTED = re.compile(r"(?:fenxiao|fx)(?:\.\w+)+")
PLAIN = re.compile(r"[A-Z]\w*(?:\.\w+)*")
CALLED = re.compile(r"(\w+(?:\.\w+)*)\(.*\)", re.DOTALL)
SHOUTED = re.compile(r"[A-Z]{2,}[A-Z_0-9]*")


def newest():
    """Return the newest entry: from the first heading of a release to the next one."""
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    assert len(parts) > 1, "the changelog has no entry"
    return parts[1]


def names():
    """Return the names that the newest entry quotes and that have to exist."""
    quoted = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", newest())
    found = set()
    for text in quoted:
        called = CALLED.fullmatch(text)
        bare = called[1] if called else text
        if (
            DOTTED.fullmatch(bare)
            or (PLAIN.fullmatch(bare) and not SHOUTED.fullmatch(bare))
            or (called and not hasattr(builtins, bare.split(".")[0]))
        ):
            found.add(bare)
    return sorted(found)


def resolve(name):
    """Return what a name of the library stands for, or raise."""
    parts = name.split(".")
    if parts[0] in {"fenxiao", "fx"}:
        parts = parts[1:]
    thing = fenxiao
    for part in parts:
        if not hasattr(thing, part) and hasattr(thing, "__path__"):
            importlib.import_module(f"{thing.__name__}.{part}")
        fields = {field.name for field in getattr(thing, "__attrs_attrs__", ())}
        if part in fields:
            return None
        thing = getattr(thing, part)
    return thing


def test_newest_entry_is_of_this_version():
    """The newest entry is headed by the version of the package, or says that it is unreleased."""
    heading = newest().splitlines()[0]
    assert fenxiao.__version__ in heading or "nreleased" in heading


@pytest.mark.parametrize("section", ["Amounts", "Breaking", "Added", "Fixed"])
def test_sections_have_their_names(section):
    """An entry's sections are called Amounts, Breaking, Added and Fixed; no other heading occurs."""
    found = re.findall(r"^### (.+?)\s*$", newest(), re.MULTILINE)
    assert set(found) <= {"Amounts", "Breaking", "Added", "Fixed"}
    assert found.count(section) <= 1


def test_quoted_names_exist():
    """Every public name that the newest entry quotes exists."""
    missing = []
    for name in names():
        try:
            resolve(name)
        except (AttributeError, ModuleNotFoundError):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize(
    "name", ["fenxiao.settle", "fx.Plan.to_dict", "Cap.per_order", "fenxiao.money.mul_div", "Cap.rule"]
)
def test_check_finds_what_exists(name):
    """The check knows functions, methods, fields and modules."""
    resolve(name)


@pytest.mark.parametrize("name", ["fenxiao.setle", "Plan.too_dict", "fenxiao.moneys.mul_div"])
def test_check_finds_what_is_missing(name):
    """The check fires on a name that does not exist."""
    with pytest.raises((AttributeError, ModuleNotFoundError)):
        resolve(name)
