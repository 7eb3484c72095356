"""Reads Markdown pages, runs their Python blocks and compares what they print with what they show.

Conventions of the pages: a ``python`` block runs, in order, in one namespace a page. What a block prints
stands in the ``text`` block right after it, or statement by statement behind ``# → ``. A comment
``<!-- needs: pandas -->`` right before a block says that it runs only where that package is installed.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import attrs

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md")))
SHOWN: Final = "# → "
_FENCE: Final = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[^\n]*)$")
_NEEDS: Final = re.compile(r"<!-- needs: (?P<packages>[\w, ]+) -->")


@attrs.frozen(kw_only=True)
class Block:
    """One fenced block of a page; ``line`` is that of its first line of content, from 1."""

    language: str
    text: str
    line: int
    needs: tuple[str, ...] = ()
    output: str | None = None


def fences(text: str) -> list[Block]:
    """Return every fenced block of a page; a ``text`` block right after a ``python`` block is its output."""
    blocks: list[Block] = []
    lines = text.splitlines()
    last_end, at = -1, 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if opening is None:
            at += 1
            continue
        end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == opening["ticks"])
        indent = len(opening["indent"])
        content = "".join(f"{line[indent:]}\n" for line in lines[at + 1 : end])
        between = [line for line in lines[last_end + 1 : at] if line.strip()]
        language = opening["language"].strip()
        if language == "text" and not between and blocks and blocks[-1].language == "python":
            blocks[-1] = attrs.evolve(blocks[-1], output=content)
        else:
            needs = _NEEDS.search(between[-1]) if between else None
            packages = tuple(name.strip() for name in needs["packages"].split(",")) if needs else ()
            blocks.append(Block(language=language, text=content, line=at + 2, needs=packages))
        last_end, at = end, end + 1
    return blocks


def run_page(page: Path) -> list[str]:
    """Run the Python blocks of a page; return the packages that some of them need and that are not installed.

    Raises
    ------
    AssertionError
        A block prints something else than the page shows, or prints and the page does not show it.
    """
    namespace: dict[str, Any] = {"__name__": "page"}
    absent: set[str] = set()
    for block in fences(page.read_text(encoding="utf-8")):
        if block.language == "python":
            lacking = {name for name in block.needs if find_spec(name) is None}
            absent |= lacking
            if not lacking:
                _run(block, namespace, page)
    return sorted(absent)


def _run(block: Block, namespace: dict[str, Any], page: Path) -> None:
    # Newlines in front give tracebacks the line numbers of the page.
    source = "\n" * (block.line - 1) + block.text
    lines = source.splitlines()
    printed = []
    for statement in ast.parse(source, str(page)).body:
        shown = _shown(lines, statement)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            value = _execute(statement, namespace, page, evaluate=shown is not None)
        if shown is None:
            printed.append(out.getvalue())
            continue
        got = out.getvalue().rstrip("\n") if value is None else repr(value)
        assert got == shown, f"{page.name}:{statement.end_lineno} shows {shown!r}, the code gives {got!r}"
    if block.output is not None or any(printed):
        text = "".join(printed)
        assert text == (block.output or ""), f"{page.name}:{block.line} shows something else than:\n{text}"


def _shown(lines: list[str], statement: ast.stmt) -> str | None:
    _, mark, text = lines[(statement.end_lineno or 1) - 1].partition(SHOWN)
    return text.rstrip() if mark else None


def _execute(statement: ast.stmt, namespace: dict[str, Any], page: Path, *, evaluate: bool) -> Any:
    if evaluate and isinstance(statement, ast.Expr):
        return eval(compile(ast.Expression(statement.value), str(page), "eval", dont_inherit=True), namespace)
    # The page's code must not inherit this module's way with annotations.
    exec(compile(ast.Module([statement], []), str(page), "exec", dont_inherit=True), namespace)
    return None
