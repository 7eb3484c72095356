"""The reference is complete: its tables match the library, its links lead somewhere."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import attrs
import pytest
import yaml

from fenxiao import Cap, LevelCommission, Margin, Plan, Reason, ReferralTree, State, Where, errors, settle
from fenxiao.facts import Facts
from fenxiao.limits import RULES, SCOPES, WINDOWS, SourceLimit
from fenxiao.orders import Orders
from fenxiao.placement import RULES as RULES_OF_PLACING
from fenxiao.placement import Placement
from fenxiao.policies import BUILT_IN, PassUp, built_in
from fenxiao.refunds import RULES as REFUND_RULES
from fenxiao.refunds import Refunds
from fenxiao.routes import IF_NOT, SELF_PURCHASE
from fenxiao.state import Deferred
from fenxiao.statements import REASON_TEXT
from tests.docs.pages import PAGES, ROOT

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
WRITTEN = {"share": "rate", "name_of_column": "column", "from_catalog": "catalog"}
"""Fields of a margin whose plain data is called after the method that builds it."""
LINK = re.compile(r"\]\((?!https?://)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")


def text_of(path):
    """Return the text of a page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", Path(path).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def rows_of(page, section=None):
    """Return the cells of every table row of a page, or of one section of it."""
    text = text_of(page)
    if section is not None:
        text = re.split(rf"^##+ {re.escape(section)}$", text, flags=re.MULTILINE)[1]
        text = re.split(r"^##+ ", text, flags=re.MULTILINE)[0]
    lines = [line.strip("| ") for line in text.splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in re.split(r" \|(?: |$)", line)] for line in lines if set(line) - set("|-")
    ]


def quoted_of(page, section=None):
    """Return everything in backticks of the first cell of every row."""
    return {name for row in rows_of(page, section) for name in re.findall(r"`([^`]+)`", row[0])}


def test_every_error_class_has_a_row():
    """The page of errors lists exactly the error classes, each with what it is a kind of."""
    classes = {
        name: ", ".join(f"`{base.__name__}`" for base in found.__bases__)
        for name, found in vars(errors).items()
        if inspect.isclass(found) and issubclass(found, errors.FenxiaoError)
    }
    rows = {row[0].strip("`"): row[1] for row in rows_of(REFERENCE / "errors.md") if row[0].startswith("`")}
    assert rows == classes


def test_every_reason_has_its_words():
    """The page of reasons shows for each code the words that statements use."""
    rows = {row[1].strip("`"): row[3] for row in rows_of(REFERENCE / "reasons.md") if row[0].isdigit()}
    assert rows == {reason.name: REASON_TEXT[reason] for reason in Reason}


@pytest.fixture(scope="module")
def run():
    """Return a small settlement, which a cap inside the order and a wide one cut."""
    tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    orders = Orders.from_records([{"order_id": 1, "member": "bo", "paid": "100.00"}])
    policy = LevelCommission("referral", base="paid", rates=["10%"], if_not="company")
    caps = [Cap.per_order("8.00"), Cap.per_payee("5.00")]
    plan = Plan(currency="CNY", margin=Margin.rate("25%", of="paid"), policies=[policy], caps=caps)
    return settle(Facts(tree=tree, orders=orders), plan)


def dtype_of(column):
    """Return a column's dtype as the page writes it."""
    return str(column.dtype) if hasattr(column, "dtype") else type(column[0]).__name__


def test_columns_of_lines_are_documented(run):
    """The data model lists the columns of lines in their order, with their dtypes."""
    columns = run.lines_of("ann").columns()
    rows = [row for row in rows_of(REFERENCE / "data-model.md", "Lines") if row[0].startswith("`")]
    assert [row[0].strip("`") for row in rows] == list(columns)
    for name, dtype, *_ in rows:
        if not dtype.startswith("label"):
            assert dtype == dtype_of(columns[name.strip("`")])


def test_columns_of_cuts_are_documented(run):
    """The data model lists the columns of cuts in their order, with their dtypes, for every kind of cap."""
    rows = [row for row in rows_of(REFERENCE / "data-model.md", "Cuts") if row[0].startswith("`")]
    batches = list(run.cuts())
    assert [batch.cap for batch in batches] == ["order 1", "payee 1"]
    for batch in batches:
        columns = batch.columns()
        assert [row[0].strip("`") for row in rows] == list(columns)
        for name, dtype, *_ in rows:
            if not dtype.startswith("label"):
                assert dtype == dtype_of(columns[name.strip("`")])


def test_results_page_shows_what_settlements_return():
    """The page of results documents every class that is returned and not public by name."""
    text = (REFERENCE / "results.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^::: (fenxiao[\w.]+)$", text, re.MULTILINE))
    for name in named:
        module, _, kind = name.rpartition(".")
        assert inspect.isclass(getattr(importlib.import_module(module), kind))
    assert {"fenxiao.lines.CutBatch", "fenxiao.statements.MemberTotals", "fenxiao.state.Deferred"} <= named


def test_columns_of_totals_are_documented(run):
    """The data model lists the columns of totals in their order, with their dtypes."""
    columns = run.totals().columns()
    rows = [row for row in rows_of(REFERENCE / "data-model.md", "Totals") if row[0].startswith("`")]
    assert [row[0].strip("`") for row in rows] == list(columns)
    assert {row[1] for row in rows[1:]} == {dtype_of(columns["claimed_minor"])}


def test_columns_of_the_tree_are_documented(run):
    """The data model lists the arrays of a tree with their dtypes."""
    rows = {
        row[0].strip("`"): row[1]
        for row in rows_of(REFERENCE / "data-model.md", "Tree")
        if row[0].startswith("`")
    }
    assert rows.keys() == {"parent", "depth", "size", "ids"}
    for name in ("parent", "depth", "size"):
        assert rows[name] == f"{getattr(run.facts.tree, name).dtype} [n]"


def test_columns_of_placements_are_documented(run):
    """The data model lists the arrays of a placement with their dtypes, and the how-to every rule."""
    placement = Placement.auto(run.facts.tree, ["ann"], rule="global")
    rows = {row[0].strip("`"): row[1] for row in rows_of(REFERENCE / "data-model.md", "Placement")}
    arrays = {field.name for field in attrs.fields(Placement)} - {"tree", "width"} | {"up"}
    assert {name for name in rows if hasattr(placement, name)} == arrays
    for name in arrays:
        assert rows[name].split(" [")[0] == str(getattr(placement, name).dtype)
    named = quoted_of(DOCS / "how-to" / "placement.md", "Place members by rule")
    assert {f'"{rule}"' for rule in RULES_OF_PLACING} == named


@pytest.mark.parametrize(("kind", "section"), [(State, "State")], ids=["State"])
def test_fields_of_the_state_are_documented(kind, section):
    """The data model lists the fields of a state and of what it defers."""
    assert {field.name for field in attrs.fields(kind)} <= quoted_of(REFERENCE / "data-model.md", section)
    text = text_of(REFERENCE / "data-model.md")
    assert all(f"`{field.name}`" in text for field in attrs.fields(Deferred))


@pytest.mark.parametrize(
    ("kind", "section", "beyond"),
    [
        (Plan, "The plan", {"version"}),
        (Margin, "Margin", set()),
        (Cap, "Caps", set()),
        (SourceLimit, "Source limits", set()),
        (Refunds, "Refunds", set()),
        *((built_in(kind), kind, set()) for kind in BUILT_IN),
        (PassUp, "Passing up", set()),
        (Where, "Selections", set()),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_keys_of_plans_are_documented(kind, section, beyond):
    """The page of plan data lists exactly the keys that a plan may have, object by object."""
    shared = {"name", "stage", "due"} if section in BUILT_IN else set()
    written = WRITTEN if kind is Margin else {}
    keys = {written.get(field.name, field.name) for field in attrs.fields(kind) if field.init} - shared
    assert quoted_of(REFERENCE / "plan-data.md", section) == keys | beyond


@pytest.mark.parametrize(
    ("margin", "data"),
    [
        (Margin.rate("25%", of="paid"), {"rate": "25%", "of": "paid"}),
        (Margin.column("margin"), {"column": "margin"}),
        (Margin.catalog(), {"catalog": True}),
    ],
    ids=["rate", "column", "catalog"],
)
def test_margins_are_written_as_they_are_built(margin, data):
    """The plain data of a margin names the way in which it was built."""
    assert Plan(currency="CNY", margin=margin).to_dict()["margin"] == data


@pytest.mark.parametrize(
    "choices", [SCOPES, RULES, WINDOWS, IF_NOT, SELF_PURCHASE, REFUND_RULES], ids=lambda found: found[0]
)
def test_choices_of_plans_are_documented(choices):
    """The page of plan data names every choice."""
    text = text_of(REFERENCE / "plan-data.md")
    assert [choice for choice in choices if f"`{choice}`" not in text] == []


def test_the_two_glossaries_name_the_same_words():
    """The English and the Chinese glossary have the same words in the same order."""
    english = [(row[0], row[3:]) for row in rows_of(REFERENCE / "glossary.md")]
    chinese = [(row[1], row[3:]) for row in rows_of(REFERENCE / "glossary.zh-CN.md")]
    words = [word for word, _ in english if word != "word"]
    assert words == [word for word, _ in chinese if word != "英文"]
    assert len(words) > 40


def slug(heading):
    """Return the anchor of a heading, the way the site makes it."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", plain.lower()).strip())


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_links_lead_somewhere(page):
    """Every relative link of a page leads to a file, and its anchor to a heading of that file."""
    broken = []
    for link in LINK.finditer(text_of(page)):
        target = page if not link["path"] else (page.parent / link["path"]).resolve()
        if not target.exists():
            broken.append(link[0])
        elif link["anchor"]:
            headings = re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)
            if link["anchor"] not in map(slug, headings):
                broken.append(link[0])
    assert broken == []


def test_every_page_stands_in_the_navigation():
    """The site's navigation has every page, and every page has a file."""
    # Tags such as !!python of other plug-ins would fail here, as they should: the file is plain data.
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    def pages(entry):
        if isinstance(entry, str):
            return [entry]
        parts = entry if isinstance(entry, list) else entry.values()
        return [page for part in parts for page in pages(part)]

    assert sorted(pages(config["nav"])) == sorted(
        str(p.relative_to(DOCS).as_posix()) for p in DOCS.rglob("*.md")
    )


def test_tests_that_the_style_page_names_exist():
    """Every test file or directory that the style page names is there."""
    named = re.findall(
        r"`(tests/[\w/.]+|\.ci/run|pyproject\.toml)`", (DOCS / "explanation/style.md").read_text("utf-8")
    )
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readmes_have_the_two_set_up_commands(name):
    """Both READMEs show exactly two commands, the same two, each in a block of its own."""
    blocks = re.findall(
        r"^```console\n(.*?)^```$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert blocks == [
        "pip install . && python examples/agent_month.py\n",
        'pip install -e ".[test]" && pytest\n',
    ]
