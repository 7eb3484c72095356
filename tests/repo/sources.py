"""Reads the library's own source: its modules, their syntax trees and what they import."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "src" / "fenxiao"


@cache
def modules():
    """Return every module of the library: dotted name -> path."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def short(path):
    """Return a module's path inside the library."""
    return path.relative_to(SOURCE).as_posix()


@cache
def syntax(path):
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def unit_of(name):
    """Return the module or package right under the root that a module belongs to."""
    return name.split(".")[1] if "." in name else name


def _is_for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@cache
def imports(name, *, types=True):
    """Return the library's modules that a module imports, also inside functions, with or without types."""
    tree = syntax(modules()[name])
    typed = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in typed and not types:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import, line {node.lineno}"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules() else node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return sorted(each for each in found if each.split(".")[0] == "fenxiao")


def functions(path):
    """Yield every function of a module with its dotted name."""

    def walk(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                dotted = f"{prefix}{child.name}"
                if not isinstance(child, ast.ClassDef):
                    yield dotted, child
                yield from walk(child, f"{dotted}.")
            else:
                yield from walk(child, prefix)

    yield from walk(syntax(path), "")
