"""Values that no argument may have end in one typed error: no Python complaint, no silent nothing."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import attrs
import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import (
    InputError,
    MoneyError,
    OrdersError,
    PlanError,
    RateError,
    StateError,
    TreeError,
    UnsupportedError,
    class_name,
    is_listing,
    is_one_of,
)
from fenxiao.qualification import Gate, Ladder, Standing
from fenxiao.state import Deferred
from fenxiao.volumes import Record
from tests.errors.world import SELLER, STRANGER, TOP, TREE, facts, orders, plan, policy, refused, settle

CAP = fx.Cap
TWO = np.array([1, 2])
"""An array where a name belongs: nothing is equal to it, and nothing can look it up."""


class Mute:
    """Something that cannot even be shown."""

    def __repr__(self):
        """Fail."""
        raise RuntimeError


# ------------------------------------------------------------ what messages show


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.zeros((2, 2), dtype=np.int64), "got array([[0, 0], [0, 0]])"),
        (Mute(), "got Mute"),
        (int, "got int"),
        ("x" * 500, "got 'xxx"),
    ],
    ids=["array", "mute", "class", "long"],
)
def test_any_value_can_be_shown(value, shown):
    """A message is one line of a readable length, whatever it has to show."""
    error = refused(lambda: fx.Fixed(value), PlanError, shown)
    assert len(str(error)) < 200


def test_every_part_of_a_message_has_a_greatest_length():
    """Long names, long lists and long hints are cut in the text, and are whole on the error."""
    names = ", ".join(f"column_{number:03}" for number in range(400))
    error = InputError("x" * 5000, "y" * 5000, value="z" * 5000, allowed=names, hint="h" * 5000)
    assert len(str(error)) < 1500
    assert "column_011 and 388 more. h" in str(error)
    assert "column_012" not in str(error)
    assert str(error).count("...") == 4
    assert (len(error.thing), error.allowed, len(error.hint)) == (5000, names, 5000)
    one = InputError("x", "is none", allowed="a" * 5000)
    assert str(one).endswith("a...")
    assert len(str(one)) < 230
    short = ", ".join("abcdefghijklmnopqrstuvwxyz")
    assert str(InputError("x", "is none", allowed=short)).endswith(f"allowed: {short}.")


def test_long_names_of_the_caller_are_cut():
    """Names of policies, columns and ranks that are far too long leave the message readable."""
    long = "n" * 100_000
    for call in (
        lambda: fx.LevelCommission(long, base="paid", rates=["101%"], if_not="company"),
        lambda: settle(None, plan(policy(base=long))),
        lambda: settle(orders({f"column{n}" * 30: "x" for n in range(60)}), plan(policy(base="nothere"))),
        lambda: plan(qualifications=[Gate("gate", fx.column(long) == 1.5)]),
        lambda: settle(None, plan(qualifications=[Gate("gate", fx.column("rank") >= long)])),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert len(str(caught.value)) < 1500


def test_half_a_character_can_be_printed():
    """Text that is no Unicode is written with escapes, so that a log can hold the message."""
    error = refused(lambda: plan(currency="\ud800"), MoneyError, r"\ud800")
    assert str(error).encode()


def test_nothing_is_called_none():
    """What is missing is called None and not by the name of its class."""
    assert (class_name(None), class_name([])) == ("None", "list")
    refused(lambda: fx.Orders.from_records(None), OrdersError, "got 'None'")
    refused(lambda: fx.Orders.from_records([None]), OrdersError, "got 'None'", rows=[0])


@pytest.mark.parametrize(
    ("value", "listing", "known"),
    [
        (["a"], True, False),
        (("a",), True, False),
        (TWO, True, False),
        (range(2), True, False),
        ("a", False, True),
        (b"a", False, False),
        ({"a": 1}, False, False),
        ({"a"}, False, False),
        (np.array(3), False, False),
        (np.str_("a"), False, True),
        (None, False, False),
        (list, False, False),
    ],
    ids=repr,
)
def test_lists_and_names(value, listing, known):
    """Only what stands one after another is a list; only text is a name."""
    assert (is_listing(value), is_one_of(value, ("a", "b"))) == (listing, known)


# ------------------------------------------------------------ names and choices


@pytest.mark.parametrize("value", [TWO, np.array(["floor", "x"]), [], {}, None, 3, Decimal("sNaN")], ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda value: CAP(scope=value, money="1.00"),
        lambda value: CAP.per_payee("1.00", rule=value),
        lambda value: CAP.per_payee("1.00", leftover=value),
        lambda value: CAP.per_payee("1.00", cut=value),
        lambda value: CAP.per_payee("1.00", window=value),
        lambda value: CAP.per_product("1.00", within=value),
        lambda value: fx.Margin.rate("1%", of="paid", guard=value),
        lambda value: fx.Margin.rate("1%", of="paid", losses=value),
        lambda value: policy(if_not=value),
        lambda value: policy(self_purchase=value),
        fx.Rounding,
        lambda value: fx.ration([1, 2], 2, value),
        lambda value: fx.ration([1, 2], 2, leftover=value),
        lambda value: fx.ration_exact([1, 2], 2, value),
        lambda value: Ladder("rank", [("silver", fx.own("paid") >= "1")], demotion=value),
        lambda value: orders(unit=value) if value is not None else fx.Rounding(value),
        lambda value: facts().order_column(value),
        lambda value: facts().amounts_of(value),
        lambda value: facts().category(value),
        lambda value: facts().member_column(value),
        lambda value: facts().figure(value),
        lambda value: orders().column(value),
        lambda value: orders().amounts(value),
        lambda value: fx.Members.from_records([{"member": TOP}], id=value),
        lambda value: settle().rank_gap(TOP, ladder=value),
        lambda value: settle().totals(value) if value is not None else facts().figure(value),
    ],
)
def test_what_is_no_name(call, value):
    """Where a name or one of some choices belongs, everything else is refused, comparable or not."""
    with pytest.raises(InputError) as caught:
        call(value)
    refused(lambda: call(value), type(caught.value))


# ------------------------------------------------------------ tables for lists, and lists for tables


@pytest.mark.parametrize("value", [None, 3, "ab", b"ab", {"a": 1}, {1, 2}, np.array(3), int], ids=repr)
@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda value: fx.allocate(10, value), MoneyError),
        (lambda value: fx.ration(value, 10), MoneyError),
        (lambda value: fx.ration_exact(value, 10), MoneyError),
        (lambda value: policy(rates=value), PlanError),
        (lambda value: policy(by_product={"tea": value}), PlanError),
        (fx.ReferralTree.from_parents, TreeError),
        (lambda value: fx.ReferralTree.from_parents([None], ids=value) if value is not None else
            fx.ReferralTree.from_parents(value), TreeError),
        (lambda value: fx.quote(facts(), plan(), value) if not isinstance(value, dict) else
            fx.quote(facts(), plan(), None), OrdersError),
        (lambda value: fx.Orders.from_columns({"order_id": [1], "member": value}), OrdersError),
    ],
    ids=["weights", "claims", "exact claims", "rates", "product", "parents", "ids", "order", "column"],
)  # fmt: skip
def test_what_is_no_list(call, kind, value):
    """A single value, text, a table or a set is no list: its keys or letters are never taken for one."""
    refused(lambda: call(value), kind)


@pytest.mark.parametrize("value", [None, 3, "ab", [1], [("ann", None)], TWO, int], ids=repr)
@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (fx.ReferralTree.from_mapping, TreeError),
        (
            lambda value: fx.Members.from_records([{"member": TOP, "rank": "a"}], fill=value or 0),
            InputError,
        ),
        (
            lambda value: fx.Catalog.from_records([{"product": "tea"}], category_margins=value or 0),
            OrdersError,
        ),
    ],
    ids=["sponsors", "fill", "category margins"],
)
def test_what_is_no_table(call, kind, value):
    """Where a table belongs, a list or nothing at all is refused as such."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    refused(lambda: call(value), kind)


@pytest.mark.parametrize("edges", [None, 3, "ab", {"a": "b"}, [("a",)], [3], np.array(3), TWO], ids=repr)
def test_what_are_no_edges(edges):
    """Edges are pairs of sponsor and member; a set of pairs is as good as a list."""
    refused(lambda: fx.ReferralTree.from_edges(edges), TreeError)
    assert len(fx.ReferralTree.from_edges({("ann", "bo"), ("ann", "cai")})) == 3


def test_records_that_say_nothing():
    """Rows without any column are rows that got lost, not a table without rows."""
    for read in (fx.Orders, fx.Members, fx.Catalog, fx.Events):
        refused(lambda read=read: read.from_records([{}, {}]), OrdersError, "say nothing", rows=[0, 1])
        refused(lambda read=read: read.from_records(np.array(3)), OrdersError, "records")


# ------------------------------------------------------------ objects of the library


@pytest.mark.parametrize("value", [None, 3, "orders", {}, TREE, int], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda value: facts().with_orders(value), InputError),
        (lambda value: fx.Orders.concat(orders(), value), OrdersError),
        (lambda value: fx.Orders.concat(value, orders()), OrdersError),
        (lambda value: orders().shares_keys_with(value), OrdersError),
        (lambda value: orders().shares_orders_with(value), OrdersError),
        (fx.ReferralTree.from_networkx, TreeError),
        (lambda value: fx.Claims.of(value, line=[0], payee=[0], amount_minor=[1]), PlanError),
    ],
    ids=["with_orders", "concat", "concat first", "keys", "orders", "graph", "block"],
)
def test_what_is_no_such_object(call, kind, value):
    """An object of another kind is named with what it is and what belongs there."""
    refused(lambda: call(value), kind)


def test_members_are_aligned_to_a_tree():
    """What members are aligned to is a tree."""
    members = fx.Members.from_records([{"member": TOP, "rank": "gold"}])
    refused(lambda: members.align({TOP: None}), InputError, "ReferralTree")


@pytest.mark.parametrize("value", [None, True, 1.0, "0", -1, 2, 2**70, np.datetime64("2026-01-01")], ids=repr)
def test_numbers_of_members_and_orders(value):
    """A member or an order has a number from 0; a line is found by a whole number."""
    refused(lambda: TREE.label(value), InputError, "0 to 1")
    refused(lambda: orders().order_id_of(value), OrdersError, "0 to 0") if value != 0 else None
    if value is not None:
        refused(lambda: orders().find(f"{orders().order_id_of(0)}", line=value), OrdersError, "line")
    assert TREE.label(np.int64(0)) == TOP
    assert orders().find(orders().order_id_of(np.int64(0)), line=np.int64(0)).tolist() == [0]


@pytest.mark.parametrize("value", ["a", 1.5, None, [[0]]], ids=repr)
def test_indices_that_are_none(value):
    """Indices of members are whole numbers in a list."""
    refused(lambda: TREE.labels([value]), InputError, "allowed")


# ------------------------------------------------------------ rates


@pytest.mark.parametrize("rate", [TWO, np.array([0.5]), np.zeros((2, 2)), int, float, []], ids=repr)
def test_what_is_no_rate(rate):
    """Arrays, classes and containers are no rates, and none of them is called a float."""
    error = refused(lambda: fx.Rate.of(rate), RateError, "is not a rate")
    assert "float" not in error.problem
    refused(lambda: policy(rates=[rate]), RateError)
    refused(lambda: fx.Catalog.from_records([{"product": "tea", "margin_rate": rate}]), RateError)


def test_rates_of_numpy():
    """Whole numbers of numpy are as exact as Python's; its floats are floats."""
    assert fx.Rate.of(np.int8(1)) == fx.Rate.of(np.array(1)) == fx.Rate.of("100%")
    refused(lambda: fx.Rate.of(np.float64(0.5)), RateError, "float")


def test_a_rate_that_is_missing():
    """Frames write a missing rate as NaN; a Decimal that is no number is a mistake."""
    catalog = fx.Catalog.from_records([{"product": "tea", "margin_rate": float("nan")}])
    assert len(catalog) == 1
    for nan in (Decimal("NaN"), Decimal("sNaN")):
        refused(
            lambda nan=nan: fx.Catalog.from_records([{"product": "tea", "margin_rate": nan}]),
            RateError,
            "finite",
        )


def test_which_rate_is_above_100():
    """A rate above 100 % is found in the table where it stands."""
    for table in ({"by_product": {"tea": ["101%"]}}, {"rates": [], "by_rank": {"gold": ["101%"]}}):
        refused(lambda table=table: policy(**table), RateError, f"policy 'referral', {list(table)[-1]}")


# ------------------------------------------------------------ states

LIFETIME = plan(
    caps=[
        CAP.per_payee("9.00", window="lifetime", name="payee"),
        CAP.per_source("9.00", window="lifetime", name="source"),
        CAP.per_policy("9.00", within="period", window="lifetime", name="policy"),
    ]
)


@pytest.mark.parametrize("cap", ["payee", "source"])
@pytest.mark.parametrize("group", [STRANGER, 7, b"zq-", ("zq-",), 1.5], ids=repr)
def test_a_state_of_other_members(cap, group):
    """Usage of somebody who is not in the tree would start his limit anew: it is refused."""
    state = fx.State(usage={(cap, "lifetime"): {TOP: 1, group: 1}})
    error = refused(lambda: settle(None, LIFETIME, state=state), StateError, "not in the tree")
    assert group in error.labels


def test_a_state_read_back_from_json():
    """Labels that became text on the way are noticed, and no limit starts anew."""
    tree = fx.ReferralTree.from_mapping({1: None, 2: 1})
    found = fx.Orders.from_records([{"order_id": 1, "member": 2, "paid": "100.00"}])
    here = fx.Facts(tree=tree, orders=found)
    usage = fx.settle(here, LIFETIME).state.usage[("payee", "lifetime")]
    assert usage == {1: 900}
    state = fx.State(usage={("payee", "lifetime"): json.loads(json.dumps(usage))})
    refused(lambda: fx.settle(here, LIFETIME, state=state), StateError, "keep their kind")


def test_a_state_of_other_policies():
    """Usage of a policy that the plan does not have is refused; orders of nobody have used up a limit."""
    state = fx.State(usage={("policy", "lifetime"): {"gone": 1}})
    refused(lambda: settle(None, LIFETIME, state=state), StateError, "gone", "referral")
    kept = fx.State(usage={("policy", "lifetime"): {"referral": 100}, ("source", "lifetime"): {None: 5}})
    assert settle(None, LIFETIME, state=kept).totals().to_dict() == {TOP: Decimal("8.00")}


@pytest.mark.parametrize("amount", [2**63, 10**400], ids=["2**63", "10**400"])
def test_deferred_pay_beyond_64_bits(amount):
    """What is deferred is an amount, which fits into 64 bits."""
    refused(lambda: Deferred("c", "p", TOP, (), "2026-01", amount), StateError, "64-bit")


@pytest.mark.parametrize("values", [None, 3, "ab", [1.5], ["a"], [None], [[1]], [2**70]], ids=repr)
def test_records_and_standings_hold_integers(values):
    """What earlier periods measured is a column of integers."""
    refused(lambda: Record(measure="m", period="2026-01", labels=[TOP], values=values), StateError)
    for name in ("title", "paid", "missed"):
        columns = {"title": [0], "paid": [0], "missed": [0]} | {name: values}
        refused(
            lambda columns=columns: Standing(ladder="l", names=("a",), labels=[TOP], **columns), StateError
        )


@pytest.mark.parametrize("names", [None, 3, "ab", {"a": 1}, [1], [None]], ids=repr)
def test_standings_name_ranks(names):
    """Ranks have names, in a list."""
    columns = {"labels": [TOP], "title": [0], "paid": [0], "missed": [0]}
    refused(lambda: Standing(ladder="l", names=names, **columns), StateError, "names")
    refused(lambda: Standing(ladder="l", names=[], **columns), StateError, "names of ranks")
    refused(lambda: Standing(ladder="l", names=["a"], **columns | {"paid": []}), StateError, "lengths")


# ------------------------------------------------------------ plans as data


@attrs.frozen(kw_only=True)
class Bonus(fx.OrderPolicy):
    """A policy of a user's own, with validators of several kinds."""

    kind = "bonus"
    share: fx.Rate = attrs.field(converter=fx.Rate.of, default="1%")
    people: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    least: int = attrs.field(default=0, validator=attrs.validators.in_([0, 1]))
    word: str = attrs.field(default="a")

    @word.validator
    def _check(self, attribute, value):
        if value != "a":
            raise UnsupportedError(f"policy {self.name!r}, {attribute.name}", "is no word", allowed="a")

    def __attrs_post_init__(self):
        """Refuse with no word, or with words of its own."""
        if self.people == 13:
            raise ValueError
        if self.people == 14:
            raise ValueError("fourteen are too many.")


def paths(data):
    """Return where mistakes in data of two policies, a cap and qualifications are said to be."""
    return refused(lambda: fx.Plan.from_dict(data, policies=[Bonus]), PlanError).thing


DATA = {
    "version": 1,
    "currency": "CNY",
    "margin": {"rate": "25%", "of": "paid"},
    "policies": [
        {"kind": "bonus", "name": "b"},
        {"kind": "level_commission", "name": "a", "base": "paid", "rates": ["1%"], "if_not": "stop"},
    ],
    "caps": [{"scope": "order", "money": "1.00"}],
    "qualifications": [
        {"kind": "gate", "name": "g", "when": {"own": "paid", "at_least": "1.00"}},
        {"kind": "given_ranks", "name": "grade", "order": ["a", "b"]},
        {"kind": "ladder", "name": "l", "steps": [{"name": "s", "when": {"own": "paid", "at_least": "1"}}]},
    ],
}


@pytest.mark.parametrize(
    ("part", "place", "field", "value", "path"),
    [
        ("policies", 0, "share", "x", "plan.policies[0].share"),
        ("policies", 0, "people", 0, "plan.policies[0].people"),
        ("policies", 0, "word", "b", "plan.policies[0].word"),
        ("policies", 0, "stage", 0, "plan.policies[0].stage"),
        ("policies", 0, "people", 13, "plan.policies[0]"),
        ("policies", 0, "least", -1, "plan.policies[0].least"),
        ("policies", 1, "name", "", "plan.policies[1].name"),
        ("policies", 1, "stage", 65, "plan.policies[1].stage"),
        ("policies", 1, "rates", ["101%"], "plan.policies[1].rates"),
        ("policies", 1, "by_category", {"a": ["101%"]}, "plan.policies[1].by_category"),
        ("policies", 1, "start_level", -1, "plan.policies[1].start_level"),
        ("policies", 1, "if_not", "burn", "plan.policies[1].if_not"),
        ("policies", 1, "self_purchase", "x", "plan.policies[1].self_purchase"),
        ("policies", 1, "rank_column", "", "plan.policies[1].rank_column"),
        ("policies", 1, "rates", [], "plan.policies[1]"),
        ("caps", 0, "scope", "galaxy", "plan.caps[0].scope"),
        ("caps", 0, "rule", "fair", "plan.caps[0].rule"),
        ("caps", 0, "money", "-1.00", "plan.caps[0].money"),
        ("caps", 0, "column", "", "plan.caps[0].column"),
        ("caps", 0, "name", "order margin", "plan.caps[0].name"),
        ("caps", 0, "column", "room", "plan.caps[0]"),
        ("qualifications", 0, "name", "", "plan.qualifications[0].name"),
        ("qualifications", 1, "order", ["a", "a"], "plan.qualifications[1].order"),
        ("qualifications", 1, "kind", "x", "plan.qualifications[1]"),
        ("qualifications", 2, "steps", [3], "plan.qualifications[2].steps"),
        ("qualifications", 2, "steps", [{"name": "", "when": {}}], "plan.qualifications[2]"),
    ],
    ids=repr,
)
def test_what_an_object_refuses_is_found_by_path(part, place, field, value, path):
    """Also what validators refuse, of the library or of a policy's own, is named by the path of its field."""
    data = json.loads(json.dumps(DATA))
    fx.Plan.from_dict(data, policies=[Bonus])
    data[part][place][field] = value
    assert paths(data) == path


def test_words_of_a_policy_of_ones_own():
    """What a policy's own class says of its data is handed on."""
    data = DATA | {"policies": [{"kind": "bonus", "name": "b", "people": 14}]}
    refused(lambda: fx.Plan.from_dict(data, policies=[Bonus]), PlanError, "fourteen are too many. Compare")
    data = DATA | {"policies": [{"kind": "bonus", "name": "b", "people": 0}]}
    refused(lambda: fx.Plan.from_dict(data, policies=[Bonus]), PlanError, "must be >= 1: 0")


def test_the_fields_of_a_margin_have_their_names_in_data():
    """The path names a field as the data does, not as the class does."""
    data = DATA | {"margin": {"column": ""}}
    assert paths(data) == "plan.margin.column"
    assert paths(DATA | {"margin": {"rate": "25%", "of": "paid", "guard": "x"}}) == "plan.margin.guard"
    assert paths(DATA | {"qualifications": [3]}) == "plan.qualifications[0]"


def test_text_of_numpy_goes_through_data():
    """A name that numpy made is text: the plan is read back from its own data."""
    the_plan = plan(policy(), fx.LevelCommission(np.str_("b"), base="paid", rates=["1%"], if_not="stop"))
    assert fx.Plan.from_dict(the_plan.to_dict()) == the_plan
    refused(lambda: plan(qualifications=[Gate("g", fx.own("paid") >= "1"), 3]), PlanError)
    refused(lambda: plan([]), PlanError, "hold a list")
    refused(lambda: plan(policies=[None]), PlanError, "hold None")


def test_dates_and_numbers_that_are_none():
    """Members of any other kind than labels are refused where somebody is looked up."""
    for label in (None, 1.5, dt.date(2026, 1, 1)):
        refused(lambda label=label: settle().statement(label), fx.errors.UnknownMemberError)
    assert settle().statement(SELLER).total_minor == 0
