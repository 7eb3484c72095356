"""Plans as plain data: every mistake is refused with the path to it, and nothing in the data is run."""

from __future__ import annotations

import copy
import json

import pytest

import fenxiao as fx
from fenxiao.errors import PlanError
from tests.errors.world import plan, refused

GOOD = plan(
    fx.LevelCommission(
        "referral",
        base=fx.Base("paid") * "50%",
        rates=["10%", fx.Fixed("1.00")],
        if_not="company",
        where=fx.Where(kind="retail", minimum={"paid": "10.00"}),
        eligible=(fx.column("active") == True) & (fx.own("paid") >= "1.00"),  # noqa: E712  # builds a predicate
        rounding=fx.Rounding("floor", step=10),
    ),
    caps=[fx.Cap.per_order("30%", of="paid"), fx.Cap.per_payee(by_rank={"gold": "5.00"})],
    currency=fx.Currency("XPT3", decimals=3),
    anchor="paid_at",
    zone="Asia/Shanghai",
).to_dict()

DROP = object()


def changed(*path, to=DROP):
    """Return the good data with one entry changed or dropped."""
    data = copy.deepcopy(GOOD)
    here = data
    for step in path[:-1]:
        here = here[step]
    if to is DROP:
        del here[path[-1]]
    else:
        here[path[-1]] = to
    return data


def named(path):
    """Write a path as messages do."""
    return "plan" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


POLICY, CAP = ("policies", 0), ("caps", 0)


def test_good_data_is_read():
    """The data that the mistakes below are made in is good, and is JSON."""
    assert fx.Plan.from_dict(GOOD).to_dict() == GOOD
    assert json.loads(json.dumps(GOOD)) == GOOD


@pytest.mark.parametrize(
    "path",
    [
        (),
        POLICY,
        CAP,
        ("caps", 1),
        ("margin",),
        ("currency",),
        (*POLICY, "where"),
        (*POLICY, "rounding"),
        (*POLICY, "eligible"),
        (*POLICY, "eligible", "all", 0),
        (*POLICY, "rates", 1),
    ],
    ids=named,
)
def test_unknown_keys(path):
    """A key that nothing reads is refused wherever it stands; the message names it and its object."""
    object_path = (
        path[:2] if path[:1] in (("policies",), ("caps",)) else path[:1] if path != ("currency",) else ()
    )
    refused(
        lambda: fx.Plan.from_dict(changed(*path, "colour", to="red")), PlanError, "colour", named(object_path)
    )


@pytest.mark.parametrize(
    "path", [("margin",), ("currency",), (*POLICY, "name"), (*POLICY, "base"), (*CAP, "scope")], ids=named
)
def test_missing_keys(path):
    """A required key that is missing is named with its place."""
    refused(lambda: fx.Plan.from_dict(changed(*path)), PlanError, named(path[:-1]), path[-1])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*POLICY, "rates", 0), 0.1),
        ((*POLICY, "rates", 0), "-1%"),
        ((*POLICY, "rates", 0), "150%"),
        ((*POLICY, "rates", 0), None),
        ((*POLICY, "rates", 1), {"fixed": 1.5}),
        ((*POLICY, "rates", 1), {"fixed": 1}),
        ((*POLICY, "rates"), "10%"),
        ((*POLICY, "rates"), None),
        ((*POLICY, "base"), {"paid": 0.5}),
        ((*POLICY, "base"), ["paid"]),
        ((*POLICY, "base"), None),
        ((*POLICY, "base"), {}),
        ((*POLICY, "by_rank"), ["1%"]),
        ((*POLICY, "kind"), "pyramid"),
        ((*POLICY, "kind"), DROP),
        ((*POLICY, "name"), 1),
        ((*POLICY, "stage"), "1"),
        ((*POLICY, "stage"), 1.0),
        ((*POLICY, "start_level"), True),
        ((*POLICY, "above_100"), 1),
        ((*POLICY, "if_not"), "burn"),
        ((*POLICY, "if_not"), DROP),
        ((*POLICY, "rounding"), "up"),
        ((*POLICY, "rounding"), 3),
        ((*POLICY, "where"), [1]),
        ((*POLICY, "where"), {"first_order": "yes"}),
        ((*POLICY, "where", "minimum", "paid"), 1.5),
        ((*POLICY, "eligible", "all"), []),
        ((*POLICY, "eligible", "all", 1, "at_least"), 1.5),
        ((*CAP, "rate"), 0.3),
        ((*CAP, "rate"), DROP),
        ((*CAP, "scope"), "galaxy"),
        ((*CAP, "on"), 3),
        ((*CAP, "money"), 1.5),
        ((*CAP, "name"), 3),
        (("caps", 1, "by_rank"), {"gold": 1}),
        (("caps", 1, "by_rank"), [1]),
        (("caps", 0), None),
        (("margin", "rate"), 0.3),
        (("margin", "rate"), "-1%"),
        (("margin",), "25%"),
        (("margin",), None),
        (("currency",), 2),
        (("currency",), {"code": "XPT3"}),
        (("currency",), {"code": "XPT3", "decimals": 2.0}),
        (("policies",), None),
        (("policies",), {}),
        (("policies",), "referral"),
        (("caps",), None),
        (("anchor",), 1),
        (("zone",), "Mars/Olympus"),
        (("zone",), DROP),
        (("name",), 1),
        (("version",), 2),
        (("version",), DROP),
        (("version",), True),
        (("version",), 1.0),
    ],
    ids=lambda value: (
        named(value) if isinstance(value, tuple) else "missing" if value is DROP else repr(value)
    ),
)
def test_wrong_values(path, value):
    """A value of the wrong kind or out of range is refused in people's words, with object and field."""
    length = 2 if path[:1] in (("policies",), ("caps",)) else 1 if path[0] == "margin" else 0
    field = path[length] if len(path) > length else ""
    refused(lambda: fx.Plan.from_dict(changed(*path, to=value)), PlanError, named(path[:length]), field)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*POLICY, "rates"), "10%"),
        ((*POLICY, "rates"), 5),
        ((*POLICY, "rates"), [0.1]),
        ((*POLICY, "base"), ["paid"]),
        ((*POLICY, "name"), 1),
        ((*POLICY, "stage"), "1"),
        ((*POLICY, "above_100"), 1),
        ((*POLICY, "rounding"), 3),
        ((*POLICY, "where"), [1]),
        ((*POLICY, "eligible"), "active"),
        ((*CAP, "rate"), 0.3),
        ((*CAP, "money"), 1.5),
        ((*CAP, "name"), 3),
        ((*CAP, "on"), 3),
        (("caps", 1, "by_rank"), [1]),
        (("margin", "rate"), 0.3),
        (("margin", "of"), 3),
        (("margin", "column"), 3),
        (("margin", "catalog"), 1),
        (("currency",), 2),
        (("policies",), {}),
        (("caps",), None),
        (("anchor",), 1),
        (("name",), 1),
    ],
    ids=lambda value: named(value) if isinstance(value, tuple) else repr(value),
)
def test_values_of_another_kind_are_found_by_path(path, value):
    """The thing that a message starts with is the whole path of the field."""
    error = refused(lambda: fx.Plan.from_dict(changed(*path, to=value)), PlanError)
    assert error.thing == named(path)


@pytest.mark.parametrize(
    "path",
    [
        (*POLICY, "rates", 0),
        (*POLICY, "base", "paid"),
        (*POLICY, "where", "minimum", "paid"),
        (*CAP, "rate"),
        ("margin", "rate"),
    ],
    ids=named,
)
def test_floats_are_found_by_field(path):
    """A float says in which field of the plan it stands."""
    field = next(step for step in path[2 if path[0] != "margin" else 1 :] if isinstance(step, str))
    refused(lambda: fx.Plan.from_dict(changed(*path, to=0.5)), PlanError, field.casefold(), fold=True)


@pytest.mark.parametrize("data", [None, [], "plan", 3, {}], ids=repr)
def test_no_plan_at_all(data):
    """What is no plan is refused by its version."""
    refused(lambda: fx.Plan.from_dict(data), PlanError, "version")


def test_data_is_never_run():
    """Texts that look like code are column names or nothing."""
    text = "__import__('os').system('false')"
    read = fx.Plan.from_dict(changed(*POLICY, "base", to=text))
    assert read.policies[0].base == fx.Base(text)
    refused(lambda: fx.Plan.from_dict(changed(*POLICY, "rates", 0, to=text)), PlanError)
