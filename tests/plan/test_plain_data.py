"""Plans as plain data: there and back through JSON, strict about every key, and hashed."""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import subprocess
import sys
from typing import ClassVar

import attrs
import pytest

import fenxiao as fx
from fenxiao.errors import FenxiaoError, PlanError, UnsupportedError
from fenxiao.expressions import Predicate
from fenxiao.money import Rounding
from tests.expressions.refusals import refused
from tests.policies.samples import Prize, Share, levels, plan

Cap, Margin, Fixed = fx.Cap, fx.Margin, fx.Fixed
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a predicate

FULL = plan(
    levels(
        rates=["10%", "1/3", Fixed("0.88")],
        by_product={"tea": ["1%"], "pen": [Fixed("0")]},
        by_category={"food": []},
        base=fx.Base("cv") * "40%" - fx.Base("tax"),
        if_not="last_payee",
        eligible=(ACTIVE | ~fx.column("rank", order=["silver", "gold"]).isin("gold"))
        & (fx.own("paid") >= "100.00"),
        self_purchase="stop",
        where=fx.Where(
            kind="retail", other={"channel": ("app", 3, True)}, minimum={"paid": "9"}, first_order=True
        ),
        rounding=Rounding("half_even", 5),
        start_level=2,
    ),
    levels("by rank", rates=(), by_rank={"gold": ["200%"], "plain": []}, rank_column="grade", above_100=True),
    levels(
        "by length",
        rates=(),
        by_length={1: ["5%"], 2: ["3%", "2%"]},
        rounding="ceiling",
        if_not="stop",
        stage=2,
    ),
    currency=fx.Currency("POINTS", 4),
    margin=Margin.rate(
        "1/3",
        of=fx.Base("paid") - fx.Base("tax"),
        guard="line",
        losses="offset",
        rule="priority",
        leftover="floor",
    ),
    caps=[
        Cap.per_order(
            "30%", of="paid", on="referral", counting=["referral", "by rank"], rule="talmud", leftover="floor"
        ),
        Cap.per_payee(
            by_rank={"gold": "9.00", "plain": "0"},
            rank_column="grade",
            cut="defer",
            window="year",
            name="ours",
        ),
        Cap.per_line(column="room"),
        Cap.company("1000000"),
    ],
    anchor="paid_at",
    zone="Asia/Shanghai",
    name="everything",
)

PLANS = {
    "least": fx.Plan(currency="CNY", margin=Margin.column()),
    "plain": plan(),
    "named": plan(name="autumn"),
    "yen": plan(currency="JPY"),
    "own currency": plan(currency=fx.Currency("CNY", 4)),
    "column margin": plan(margin=Margin.column("room")),
    "catalog margin": plan(margin=Margin.catalog(losses="offset")),
    "product numbers": plan(levels(by_product={7: ["1%"]})),
    "dates": plan(levels(eligible=fx.column("joined") >= dt.date(2026, 1, 1))),
    "no condition": plan(levels(where=fx.Where())),
    "everything": FULL,
}


@pytest.mark.parametrize("name", PLANS)
def test_plans_survive_json(name):
    """to_dict is JSON, from_dict gives an equal plan with an equal hash, and data again equal."""
    original = PLANS[name]
    data = original.to_dict()
    text = json.dumps(data, allow_nan=False)
    again = fx.Plan.from_dict(json.loads(text))
    assert again == original
    assert again.name == original.name
    assert again.hash == original.hash
    assert again.to_dict() == data
    assert json.dumps(again.to_dict()) == text


def test_plain_data_is_short_and_readable():
    """Defaults are left out, rates and bases are written as people write them."""
    assert plan(caps=[Cap.per_order("30%", of="paid")]).to_dict() == {
        "version": 1,
        "currency": "CNY",
        "margin": {"rate": "25%", "of": "paid"},
        "policies": [
            {
                "kind": "level_commission",
                "name": "referral",
                "base": "paid",
                "rates": ["10%", "5%"],
                "if_not": "company",
            }
        ],
        "caps": [{"scope": "order", "rate": "30%", "of": "paid", "name": "order 1"}],
    }
    policies = FULL.to_dict()["policies"]
    assert policies[0]["rates"] == ["10%", "1/3", {"fixed": "0.88"}]
    assert policies[0]["rounding"] == {"mode": "half_even", "step": 5}
    assert policies[1]["by_rank"] == {"gold": ["200%"], "plain": []}
    assert policies[2]["by_length"] == {"1": ["5%"], "2": ["3%", "2%"]}


HASH = "41e3c8587e476f98636b830ad128abd2ac0488e31062d9571f466c8bbd8dc444"
FULL_HASH = "6c560a256c255c9e7894eb1274e6d3b2c4d69ab2aea89e9fc4ae183998c01e8d"


def test_the_hash_is_pinned():
    """The hash of a plan never changes within a version of the data: stored settlements refer to it."""
    assert plan().hash == HASH
    assert FULL.hash == FULL_HASH


def test_the_hash_is_the_same_in_other_processes():
    """Two processes with other hash seeds compute the same hash from the same data."""
    code = "import json,sys,fenxiao as fx; print(fx.Plan.from_dict(json.loads(sys.argv[1])).hash)"
    found = {
        subprocess.run(
            [sys.executable, "-c", code, json.dumps(FULL.to_dict())],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {FULL.hash}


def test_anything_that_may_change_a_payout_changes_the_hash():
    """Every field but the name is part of the hash."""
    variants = [
        plan(),
        plan(currency="USD"),
        plan(margin=Margin.rate("26%", of="paid")),
        plan(levels(rates=["10%"])),
        plan(levels(if_not="stop")),
        plan(levels("other")),
        plan(caps=[Cap.per_order("1")]),
        plan(anchor="paid_at", zone="UTC"),
        plan(levels(), Share("mine")),
        plan(Share("mine"), levels()),
    ]
    assert len({variant.hash for variant in variants}) == len(variants)


# ------------------------------------------------------------------------------------ policies of one's own


def test_policies_of_ones_own_survive_plain_data():
    """Classes with a kind are written with their fields and read where they are passed."""
    own = plan(
        Share("mine", base=fx.Base("cv") * 2, rate="1/3", times=4, loud=True, title="t", names=("a", "b")),
        levels(),
        Prize("prize", winner="bo", stage=2),
    )
    data = json.loads(json.dumps(own.to_dict()))
    assert fx.Plan.from_dict(data, policies=[Share, Prize]) == own
    assert data["policies"][0] == {
        "kind": "share",
        "name": "mine",
        "base": {"cv": "200%"},
        "rate": "1/3",
        "times": 4,
        "loud": True,
        "title": "t",
        "names": ["a", "b"],
    }
    assert data["policies"][2] == {"kind": "prize", "name": "prize", "stage": 2, "winner": "bo"}
    refused(lambda: fx.Plan.from_dict(data), PlanError, "policies[0]", "'share'", "policies=[...]")


KINDS = [
    (fx.Base, fx.Base("cv") * "40%"),
    (fx.Base | None, fx.Base("cv")),
    (fx.Rate, fx.Rate("1/3")),
    (Fixed, Fixed("0.88")),
    (Fixed | None, Fixed("0.88")),
    (fx.Where, fx.Where(kind="retail")),
    (Predicate | None, ACTIVE & ACTIVE),
    (Rounding, Rounding("half_up")),
    (Rounding, Rounding("floor", 5)),
    (tuple[fx.Rate, ...], (fx.Rate("1%"), fx.Rate("2%"))),
    (dict[str, fx.Rate], {"gold": fx.Rate("1%")}),
]


@pytest.mark.parametrize(("kind", "value"), KINDS, ids=[str(kind) for kind, _ in KINDS])
def test_fields_of_the_librarys_own_kinds_need_no_converter(kind, value):
    """What to_dict writes by its kind from_dict reads by the field's annotation."""
    own = attrs.make_class(
        "Made",
        {"value": attrs.field(type=kind, default=None)},
        bases=(fx.OrderPolicy,),
        frozen=True,
        kw_only=True,
    )
    own.kind = "made"
    original = plan(own(name="mine", value=value))
    again = fx.Plan.from_dict(json.loads(json.dumps(original.to_dict())), policies=[own])
    assert again == original


TABLES = [
    ("by_rank", dict[str, int], {"gold": 1}),
    ("by_rank", tuple[int, ...], (1, 2)),
    ("by_product", dict[str, tuple[int, ...]], {"tea": (1, 2)}),
    ("rates", tuple[int, ...], (1, 2)),
]


@pytest.mark.parametrize(
    ("field", "kind", "value"), TABLES, ids=[f"{name} {kind}" for name, kind, _ in TABLES]
)
def test_fields_may_be_called_like_those_of_built_in_policies(field, kind, value):
    """A class of one's own may name its fields as it likes."""
    own = attrs.make_class(
        "Made",
        {field: attrs.field(type=kind, default=None)},
        bases=(fx.OrderPolicy,),
        frozen=True,
        kw_only=True,
    )
    own.kind = "made"
    original = plan(own(name="mine", **{field: value}))
    assert fx.Plan.from_dict(json.loads(json.dumps(original.to_dict())), policies=[own]) == original


def test_a_class_without_a_kind_is_not_written():
    """A policy of one's own needs a tag to be written or hashed, not to be settled."""

    @attrs.frozen(kw_only=True)
    class Nameless(fx.OrderPolicy):
        pass

    nameless = plan(Nameless("mine"))
    for use in (nameless.to_dict, lambda: nameless.hash):
        refused(use, UnsupportedError, "Nameless", "kind")


def test_two_classes_of_one_kind_are_refused():
    """A kind stands for one class, whether it is built in or one's own."""

    @attrs.frozen(kw_only=True)
    class Clash(fx.OrderPolicy):
        kind: ClassVar[str] = "level_commission"

    @attrs.frozen(kw_only=True)
    class Heir(Share):
        pass

    refused(lambda: plan(Clash("mine"), levels()).to_dict(), PlanError, "level_commission")
    refused(lambda: plan(Share("mine"), Heir("heir")).to_dict(), PlanError, "share")
    refused(lambda: fx.Plan.from_dict(plan().to_dict(), policies=[Clash]), PlanError, "level_commission")
    assert fx.Plan.from_dict(plan(Heir("heir")).to_dict(), policies=[Heir]) == plan(Heir("heir"))


@pytest.mark.parametrize("policies", [[3], "share", [fx.Plan], [Share("mine")], 3], ids=repr)
def test_only_policy_classes_may_be_passed(policies):
    """Something else than classes of policies is refused."""
    refused(lambda: fx.Plan.from_dict(plan().to_dict(), policies=policies), PlanError, "policies")


# ------------------------------------------------------------------------------------------ what is refused

DATA = json.loads(json.dumps(FULL.to_dict()))


def changed(path, value):
    """Return the data of the full plan with another value at a path."""
    data = copy.deepcopy(DATA)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data


def without(*path):
    """Return the data of the full plan without a key."""
    data = copy.deepcopy(DATA)
    place = data
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return data


UNKNOWN = {
    "plan": (("surprise",), 1),
    "plan.margin": (("margin", "surprise"), 1),
    "plan.policies[0]": (("policies", 0, "surprise"), 1),
    "plan.policies[2]": (("policies", 2, "surprise"), 1),
    "plan.caps[1]": (("caps", 1, "surprise"), 1),
    "plan.currency": (("currency", "surprise"), 1),
    "plan.policies[0].where": (("policies", 0, "where", "surprise"), 1),
    "plan.policies[0].rounding": (("policies", 0, "rounding", "surprise"), 1),
    "plan.policies[0].eligible": (("policies", 0, "eligible", "surprise"), 1),
    "plan.policies[0].rates": (("policies", 0, "rates", 2, "surprise"), 1),
}


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_keys_are_refused_by_path_at_every_depth(path):
    """A key that nobody reads is a mistake; the message says where it stands and what it is called."""
    place, value = UNKNOWN[path]
    refused(lambda: fx.Plan.from_dict(changed(place, value)), PlanError, path, "surprise")


BAD = {
    "none": (lambda: None, "version"),
    "list": (list, "version"),
    "text": (lambda: "plan", "version"),
    "empty": (dict, "version"),
    "other version": (lambda: changed(["version"], 2), "version"),
    "version text": (lambda: changed(["version"], "1"), "version"),
    "version bool": (lambda: changed(["version"], True), "version"),
    "version float": (lambda: changed(["version"], 1.0), "version"),
    "only a version": (lambda: {"version": 1}, "currency"),
    "no margin": (lambda: without("margin"), "plan.margin"),
    "no base": (lambda: without("policies", 0, "base"), "plan.policies[0].base"),
    "no if_not": (lambda: without("policies", 0, "if_not"), "plan.policies[0]"),
    "no scope": (lambda: without("caps", 0, "scope"), "plan.caps[0].scope"),
    "no kind": (lambda: without("policies", 1, "kind"), "plan.policies[1]"),
    "kind unknown": (lambda: changed(["policies", 0, "kind"], "pyramid"), "plan.policies[0]"),
    "kind list": (lambda: changed(["policies", 0, "kind"], ["a"]), "plan.policies[0]"),
    "policy text": (lambda: changed(["policies", 0], "x"), "plan.policies[0]"),
    "policies text": (lambda: changed(["policies"], "xy"), "plan.policies"),
    "policies none": (lambda: changed(["policies"], None), "plan.policies"),
    "caps none": (lambda: changed(["caps"], None), "plan.caps"),
    "caps number": (lambda: changed(["caps"], [3]), "plan.caps[0]"),
    "caps text": (lambda: changed(["caps"], "ab"), "plan.caps"),
    "margin none": (lambda: changed(["margin"], None), "plan.margin"),
    "margin text": (lambda: changed(["margin"], "25%"), "plan.margin"),
    "margin list": (lambda: changed(["margin"], []), "plan.margin"),
    "margin float": (lambda: changed(["margin", "rate"], 0.25), "plan.margin"),
    "margin above 100 %": (lambda: changed(["margin", "rate"], "101%"), "plan.margin"),
    "currency number": (lambda: changed(["currency"], 3), "plan"),
    "currency short": (lambda: changed(["currency"], {"code": "X"}), "plan"),
    "anchor number": (lambda: changed(["anchor"], 3), "plan.anchor"),
    "zone unknown": (lambda: changed(["zone"], "Mars/Base"), "plan"),
    "name number": (lambda: changed(["name"], 3), "plan.name"),
    "stage text": (lambda: changed(["policies", 2, "stage"], "2"), "plan.policies[2].stage"),
    "stage bool": (lambda: changed(["policies", 2, "stage"], True), "plan.policies[2].stage"),
    "start float": (lambda: changed(["policies", 0, "start_level"], 2.0), "plan.policies[0].start_level"),
    "flag text": (lambda: changed(["policies", 1, "above_100"], "yes"), "plan.policies[1].above_100"),
    "policy name number": (lambda: changed(["policies", 0, "name"], 3), "plan.policies[0].name"),
    "rates none": (lambda: changed(["policies", 0, "rates"], None), "plan.policies[0]"),
    "rates float": (lambda: changed(["policies", 0, "rates"], [0.1]), "plan.policies[0]"),
    "table list": (lambda: changed(["policies", 1, "by_rank"], ["gold"]), "plan.policies[1]"),
    "length word": (lambda: changed(["policies", 2, "by_length"], {"one": ["1%"]}), "plan.policies[2]"),
    "rounding none": (lambda: changed(["policies", 0, "rounding"], None), "plan.policies[0]"),
    "rounding list": (lambda: changed(["policies", 0, "rounding"], []), "plan.policies[0]"),
    "base none": (lambda: changed(["policies", 0, "base"], None), "plan.policies[0]"),
    "where text": (lambda: changed(["policies", 0, "where"], "retail"), "plan.policies[0]"),
    "eligible text": (lambda: changed(["policies", 0, "eligible"], "active"), "plan.policies[0]"),
    "money number": (lambda: changed(["caps", 3, "money"], 5), "plan.caps[3].money"),
    "rank money number": (lambda: changed(["caps", 1, "by_rank"], {"gold": 5}), "plan.caps[1]"),
    "on number": (lambda: changed(["caps", 0, "on"], 3), "plan.caps[0]"),
    "on nobody": (lambda: changed(["caps", 0, "on"], ["nobody"]), "nobody"),
    "names twice": (lambda: changed(["policies", 1, "name"], "referral"), "referral"),
    "number key": (lambda: DATA | {3: 4}, "3"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_refused_by_path(name):
    """A missing key, a value of another kind, an unknown choice: a typed error that says where."""
    make, part = BAD[name]
    data = make()
    before = copy.deepcopy(data)
    error = refused(lambda: fx.Plan.from_dict(data), FenxiaoError, part)
    assert "__init__" not in str(error)
    assert "object is not" not in str(error)
    assert "has no attribute" not in str(error)
    assert data == before


CODE = "__import__('os').abort()"


def test_text_that_looks_like_code_stays_text():
    """Nothing in plain data is ever evaluated: names, columns, values and rates are compared or parsed."""
    data = plan(
        levels(
            CODE, base=CODE, eligible=fx.column(CODE) == CODE, where=fx.Where(kind=CODE, other={CODE: CODE})
        )
    ).to_dict()
    again = fx.Plan.from_dict(json.loads(json.dumps(data)))
    policy = again.policies[0]
    assert (policy.name, policy.base.columns, policy.where.kind) == (CODE, (CODE,), (CODE,))
    assert policy.eligible.as_data() == {"column": CODE, "is": CODE}
    for path in (
        ["policies", 0, "rates"],
        ["policies", 0, "rounding"],
        ["margin", "rate"],
        ["caps", 3, "money"],
        ["zone"],
    ):
        value = [CODE] if path[-1] == "rates" else CODE
        refused(lambda path=path, value=value: fx.Plan.from_dict(changed(path, value)), FenxiaoError)


def test_reading_leaves_no_trace():
    """Plans read with one's own classes do not teach other plans these classes."""
    own = plan(Share("mine")).to_dict()
    fx.Plan.from_dict(own, policies=[Share])
    refused(lambda: fx.Plan.from_dict(own), PlanError, "'share'")
