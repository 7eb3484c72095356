"""The plan of the house: who may import whom, and what no module does."""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.repo.sources import SOURCE, functions, imports, modules, short, syntax, unit_of

RANKS = (
    ("errors",),
    ("_arrays",),
    ("_kernels",),
    ("money", "periods"),
    ("_labels",),
    ("_columns", "_stored", "tree"),
    ("_tables",),
    ("changes",),
    ("members", "orders", "events", "catalog", "placement"),
    ("genealogy",),
    ("changing",),
    ("facts",),
    ("expressions",),
    ("volumes",),
    ("qualification", "taken"),
    ("routes", "limits", "refunds", "state", "earned"),
    ("policies",),
    ("sheets", "cells"),
    ("margin", "audit"),
    ("lines",),
    ("statements", "plan"),
    ("settlement",),
    ("comparison", "versions"),
    ("corrections",),
    ("fenxiao",),
)
"""A module imports only from rows above its own, so `audit` never sees `margin`."""

RANK = {unit: rank for rank, units in enumerate(RANKS) for unit in units}

PROTOCOL = {"fenxiao.policies.base", "fenxiao.policies.blocks", "fenxiao.policies.setting"}
"""What those who guard and count know of policies: the protocol, no single policy."""

BLIND_TO_POLICIES = {"margin", "audit", "sheets", "lines"}

DRAWERS = {"utils", "util", "common", "core", "types", "helpers", "tools", "misc"}

RUNTIME = {"fenxiao", "numpy", "attrs", "attr", "cattrs"}


def test_every_module_has_a_rank():
    """The table of ranks names exactly the modules and packages that there are."""
    assert sorted(RANK) == sorted({unit_of(name) for name in modules()})


def test_table_says_what_matters():
    """Kernels stand below money, the second check beside the guard, and the root above everything."""
    assert RANK["_kernels"] < RANK["money"]
    assert RANK["audit"] == RANK["margin"]
    assert RANK["fenxiao"] == len(RANKS) - 1
    assert len(RANK) == sum(map(len, RANKS))


@pytest.mark.parametrize("name", modules())
def test_imports_go_down(name):
    """A module imports only from lower ranks."""
    unit = unit_of(name)
    wrong = [
        other for other in imports(name) if unit_of(other) != unit and RANK[unit_of(other)] >= RANK[unit]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", sorted({unit_of(name) for name in modules() if name.count(".") > 1}))
def test_packages_are_acyclic_inside(package):
    """Inside a package no modules load one another in a circle, its `__init__` included.

    Imports for types alone load nothing and may look back; across packages even they may not.
    """
    inside = [name for name in modules() if unit_of(name) == package]
    graph = {
        name: [other for other in imports(name, types=False) if unit_of(other) == package] for name in inside
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"{package}: {error.args[1]}")


@pytest.mark.parametrize("name", [name for name in modules() if unit_of(name) in BLIND_TO_POLICIES])
def test_guard_knows_no_policy(name):
    """The guard, its second check and the lines know the protocol of policies, never a policy."""
    known = {other for other in imports(name) if unit_of(other) == "policies"}
    assert known - PROTOCOL == set()


@pytest.mark.parametrize("name", modules())
def test_imports_at_the_top_are_light(name):
    """What is imported on import is the standard library, numpy, attrs and cattrs; the rest loads lazily."""
    allowed = RUNTIME | set(sys.stdlib_module_names)
    found = set()
    for node in syntax(modules()[name]).body:
        if isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
    assert sorted(found - allowed) == []


def test_no_helper_drawers():
    """No module is called after nothing: a helper lives with its concept."""
    assert [name for name in modules() if name.rsplit(".", 1)[-1] in DRAWERS] == []


@pytest.mark.parametrize("path", modules().values(), ids=short)
def test_no_assert_in_source(path):
    """Checks of the library survive `python -O`: none of them is an `assert`."""
    assert [node.lineno for node in ast.walk(syntax(path)) if isinstance(node, ast.Assert)] == []


@pytest.mark.parametrize("path", modules().values(), ids=short)
def test_no_process_wide_switches(path):
    """No module reads the environment, the clock or chance, and none declares a global to change."""
    forbidden = {"os", "time", "random", "secrets", "warnings", "logging", "threading"}
    wrong = []
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Global):
            wrong.append(f"global, line {node.lineno}")
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        wrong += [f"{name}, line {node.lineno}" for name in names if name.split(".")[0] in forbidden]
        if isinstance(node, ast.Attribute) and node.attr in {"now", "today", "utcnow", "random", "getenv"}:
            wrong.append(f".{node.attr}, line {node.lineno}")
    assert wrong == []


FUNCTION_LINES, MODULE_LINES = 70, 400
TOO_LONG: dict[str, tuple[int, str]] = {}
"""What may be longer: ``"orders/table.py"`` or ``"orders/table.py: Orders.read"`` -> (lines, reason)."""


def lengths():
    """Yield every module and function with its length and the length that it may have."""
    for path in modules().values():
        yield short(path), len(path.read_text(encoding="utf-8").splitlines()), MODULE_LINES
        for name, node in functions(path):
            yield f"{short(path)}: {name}", node.end_lineno - node.lineno + 1, FUNCTION_LINES


def test_functions_and_modules_are_short():
    """Functions have at most 70 lines and modules 400, but for a list of reasoned exceptions."""
    long = {name: lines for name, lines, limit in lengths() if lines > TOO_LONG.get(name, (limit,))[0]}
    assert long == {}


def test_exceptions_of_length_shrink():
    """An exception that is no longer needed leaves the list, and each has a reason."""
    needed = {name for name, lines, limit in lengths() if lines > limit}
    assert set(TOO_LONG) - needed == set()
    assert all(reason for _, reason in TOO_LONG.values())


def test_source_is_where_it_is_expected():
    """The checks above look at something."""
    assert len(modules()) > 30
    assert (SOURCE / "py.typed").exists()
