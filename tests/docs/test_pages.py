"""Every code block of the pages runs and shows what it prints."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import PAGES, ROOT, Block, fences, run_page

LANGUAGES = {"python", "text", "console", "json", "mermaid"}
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_python_block_runs_and_shows_what_it_prints(page):
    """A page's Python blocks run in order in one namespace, and their output is the one on the page."""
    absent = run_page(page)
    if absent:
        pytest.skip(f"some blocks need {', '.join(absent)}")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_block_escapes_the_tests_by_its_language(page):
    """Every fence names a language of a short list, so that Python cannot hide as `py` or as nothing."""
    text = page.read_text(encoding="utf-8")
    assert {block.language for block in fences(text)} <= LANGUAGES
    assert not re.search(r"^ *~~~", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_pages_speak_of_the_project_alone(page):
    """No page points at files outside the repository."""
    text = page.read_text(encoding="utf-8")
    assert "../shared" not in text


def test_the_pages_have_code():
    """The list of pages is not empty by mistake, and there are many blocks that run."""
    blocks = [block for page in PAGES for block in fences(page.read_text(encoding="utf-8"))]
    assert sum(block.language == "python" for block in blocks) > 40


def test_fences_pairs_code_with_the_output_right_after_it():
    """Only a `text` block with nothing in between is output; `needs` belongs to the block behind it."""
    text = "<!-- needs: a, b -->\n```python\nprint(1)\n```\n\n```text\n1\n```\n\nWords.\n\n```text\n2\n```\n"
    assert fences(text) == [
        Block(language="python", text="print(1)\n", line=3, needs=("a", "b"), output="1\n"),
        Block(language="text", text="2\n", line=13),
    ]


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("```python\nprint(1)\n```\n", "prints and shows nothing"),
        ("```python\nprint(1)\n```\n```text\n2\n```\n", "shows another output"),
        ("```python\n1 + 1  # → 3\n```\n", "shows another value"),
        ("```python\nprint('a')  # → b\n```\n", "shows another line"),
        ("```python\nx = 1  # → 1\n```\n", "shows the value of what has none"),
        ("```python\npass\n```\n```text\n1\n```\n", "shows what is not printed"),
    ],
    ids=lambda value: None if value.startswith("`") else value.replace(" ", "-"),
)
def test_a_page_that_is_wrong_is_noticed(tmp_path, page, what):
    """The check fires: a page whose output differs from its code fails."""
    wrong = tmp_path / "wrong.md"
    wrong.write_text(page, encoding="utf-8")
    with pytest.raises(AssertionError):
        run_page(wrong)


def test_a_block_without_its_package_is_reported_not_run(tmp_path):
    """A block that needs a package that is not there does not run, and the package is named."""
    page = tmp_path / "page.md"
    page.write_text("<!-- needs: no_such_package -->\n```python\n1 / 0\n```\n", encoding="utf-8")
    assert run_page(page) == ["no_such_package"]
