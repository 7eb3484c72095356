"""`Facts`: what is joined, what is refused, and what is looked up later."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import InputError, MoneyError, OrdersError, PlacementError, UnknownMemberError
from fenxiao.placement import Placement
from tests.expressions.refusals import refused
from tests.policies.samples import MEMBERS, TREE, facts, orders

PLACED = Placement.auto(TREE, ["ann", "bo"], rule="weaker")
CATALOG = fx.Catalog.from_records(
    [
        {"product": "pen", "cost": "1.00", "category": "office"},
        {"product": "tea", "cost": "4.00", "category": "food"},
    ]
)


def test_facts_need_a_tree_only():
    """Orders, members, catalog, events, figures and funds may be left out."""
    given = fx.Facts(tree=TREE)
    assert (len(given.orders), given.members, given.catalog, given.figures, given.funds) == (
        0,
        None,
        None,
        (),
        (),
    )
    assert len(given.events) == 0
    assert given.buyer_index is None
    assert given.fund_total() == 0


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (fx.Facts(tree=TREE), "Facts(3 members; 0 lines of 0 orders)"),
        (facts(), "Facts(3 members; 1 line of 1 order)"),
        (facts({"line": 0}, {"order_id": 1, "line": 1}), "Facts(3 members; 2 lines of 1 order)"),
        (fx.Facts(tree=fx.ReferralTree.from_mapping({7: None})), "Facts(1 member; 0 lines of 0 orders)"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_facts_say_how_large_they_are(given, text):
    """Repr counts members, lines and orders, and shows no labels."""
    assert repr(given) == text


def test_members_and_guests_become_indices():
    """A credited member is his index, a guest the number of members, an unknown buyer -1."""
    given = facts({"member": "bo", "buyer": "cai"}, {"member": None, "buyer": None})
    assert given.member_index.tolist() == [TREE.index("bo"), 3]
    assert given.buyer_index.tolist() == [TREE.index("cai"), -1]
    assert not given.member_index.flags.writeable
    assert facts({"member": None}).member_index.tolist() == [3]


@pytest.mark.parametrize("column", ["member", "buyer"])
def test_strangers_are_refused_with_the_callers_rows(column):
    """The rows are those of the input, the labels are on the error and not in its text."""
    rows = [{"order_id": 9}, {"order_id": 5, column: "zoe"}, {"order_id": 7}, {"order_id": 1, column: "yan"}]
    rows = [{"buyer": "ann"} | row for row in rows]
    error = refused(
        lambda: facts(*rows), UnknownMemberError, f"orders column {column!r}", absent=("zoe", "yan")
    )
    assert error.rows == (1, 3)
    assert set(error.labels) == {"zoe", "yan"}
    refused(lambda: facts({column: 7}), UnknownMemberError, column)


INVALID = {
    "tree number": (lambda: fx.Facts(tree=3), InputError, "ReferralTree"),
    "tree mapping": (lambda: fx.Facts(tree={"ann": None}), InputError, "ReferralTree"),
    "orders list": (lambda: fx.Facts(tree=TREE, orders=[]), InputError, "Orders"),
    "orders none": (lambda: fx.Facts(tree=TREE, orders=None), InputError, "Orders"),
    "members mapping": (lambda: fx.Facts(tree=TREE, members={}), InputError, "Members"),
    "catalog list": (lambda: fx.Facts(tree=TREE, catalog=[]), InputError, "Catalog"),
    "events list": (lambda: fx.Facts(tree=TREE, events=[]), InputError, "Events"),
    "members of others": (
        lambda: fx.Facts(tree=TREE, members=fx.Members.from_records([{"member": "zoe", "rank": "x"}])),
        UnknownMemberError,
        "members",
    ),
    "members missing": (
        lambda: fx.Facts(tree=TREE, members=fx.Members.from_records([{"member": "ann", "rank": "x"}])),
        InputError,
        "fill",
    ),
    "figure float": (lambda: fx.Facts(tree=TREE, figures={"profit": 1.5}), MoneyError, "'profit'"),
    "figure int": (lambda: fx.Facts(tree=TREE, figures={"profit": 1}), MoneyError, "'profit'"),
    "figure fine": (lambda: fx.Facts(tree=TREE, figures={"profit": "0.001"}), MoneyError, "'profit'"),
    "figures list": (lambda: fx.Facts(tree=TREE, figures=["profit"]), InputError, "figures"),
    "figures tuple": (lambda: fx.Facts(tree=TREE, figures=("profit",)), InputError, "figures"),
    "figures none": (lambda: fx.Facts(tree=TREE, figures=None), InputError, "figures"),
    "figures names": (lambda: fx.Facts(tree=TREE, figures={3: "1", "a": "2"}), InputError, "figures"),
    "fund negative": (lambda: fx.Facts(tree=TREE, funds={"extra": "-0.01"}), InputError, "'extra'"),
    "fund words": (lambda: fx.Facts(tree=TREE, funds={"extra": "much"}), MoneyError, "'extra'"),
    "placements list": (lambda: fx.Facts(tree=TREE, placements=["x"]), InputError, "placements"),
    "placements none": (lambda: fx.Facts(tree=TREE, placements=None), InputError, "placements"),
    "placements names": (lambda: fx.Facts(tree=TREE, placements={3: PLACED}), InputError, "no text"),
    "placement mapping": (lambda: fx.Facts(tree=TREE, placements={"x": {}}), InputError, "'x'"),
    "placement alone": (lambda: fx.Facts(tree=TREE, placements=PLACED), InputError, "is a Placement"),
    "placement of others": (
        lambda: fx.Facts(tree=fx.ReferralTree.from_mapping({"zoe": None}), placements={"x": PLACED}),
        PlacementError,
        "another referral tree",
    ),
    "funds list": (lambda: fx.Facts(tree=TREE, funds=[3]), InputError, "funds"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_are_no_facts_is_refused_in_words(name):
    """Every argument is seen to be refused with a typed error free of labels."""
    make, kind, part = INVALID[name]
    refused(make, kind, part, absent=("zoe", "ann", "cai"))


def test_figures_and_funds_are_exact_money():
    """Text, Decimal and exact Fraction are amounts; figures may be negative, funds add up beyond 64 bits."""
    given = fx.Facts(
        tree=TREE,
        figures={"loss": "-5.00", "profit": Decimal("7.10"), "share": Fraction(1, 4)},
        funds={"b": "92233720368547758.07", "a": "92233720368547758.07"},
    )
    assert (given.figure("loss"), given.figure("profit"), given.figure("share")) == (-500, 710, 25)
    assert given.fund_total() == 2 * (2**63 - 1)
    refused(lambda: given.figure("volume"), InputError, "'volume'", "profit")
    refused(lambda: facts().figure("volume"), InputError, "no figures given")


def test_a_figure_and_a_fund_may_share_a_name():
    """A negative figure is legal, whatever a fund is called."""
    given = fx.Facts(tree=TREE, figures={"extra": "-1.00"}, funds={"extra": "1.00"})
    assert (given.figure("extra"), given.fund_total()) == (-100, 100)


def test_order_columns_come_from_orders_first_then_from_the_catalog():
    """A column that the orders lack is looked up by product."""
    given = facts({"product": "tea"}, {"product": "pen"}, {"product": "tea"}, catalog=CATALOG)
    assert [given.order_column("category").value(row) for row in range(3)] == ["food", "office", "food"]
    assert given.amounts_of("cost")[0].tolist() == [400, 100, 400]
    assert given.order_column("category") is given.order_column("category")
    own = facts({"product": "tea", "category": "mine"}, catalog=CATALOG)
    assert own.order_column("category").value(0) == "mine"


MISSING = {
    "no such column": (lambda: facts().order_column("cv"), OrdersError, "'cv'"),
    "nor in the catalog": (
        lambda: facts({"product": "tea"}, catalog=CATALOG).order_column("cv"),
        OrdersError,
        "'cv'",
    ),
    "catalog without products": (
        lambda: facts(catalog=CATALOG).order_column("cost"),
        OrdersError,
        "'product'",
    ),
    "products as numbers": (
        lambda: facts({"product": True}, catalog=CATALOG).order_column("cost"),
        OrdersError,
        "'product'",
    ),
    "product not in the catalog": (
        lambda: facts({"product": "cup"}, catalog=CATALOG).order_column("cost"),
        OrdersError,
        "catalog",
    ),
    "text as an amount": (lambda: facts({"product": "tea"}).amounts_of("product"), OrdersError, "volumes="),
    "flags as an amount": (lambda: facts({"gift": True}).amounts_of("gift"), OrdersError, "'gift'"),
    "no members": (lambda: facts().member_column("rank"), InputError, "Facts(members="),
    "no such member column": (lambda: facts(members=MEMBERS).member_column("grade"), InputError, "rank"),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_facts_do_not_have_is_refused(name):
    """A column that is missing or of another kind is an error that names it."""
    make, kind, part = MISSING[name]
    refused(make, kind, part)


def test_amounts_have_decimals_and_a_bound():
    """Money, volumes and counts are integers; a quantity that is not given is 1."""
    given = facts(
        {"pv": "2.5", "n": -7, "quantity": 3}, {"pv": "0", "n": 4, "quantity": 1}, volumes={"pv": 1}
    )
    assert [
        (values.tolist(), decimals, bound)
        for values, decimals, bound in map(given.amounts_of, ("paid", "pv", "n", "quantity"))
    ] == [
        ([10000, 10000], 2, 10000),
        ([25, 0], 1, 25),
        ([-7, 4], 0, 7),
        ([3, 1], 0, 3),
    ]
    values, decimals, bound = facts({}, {}).amounts_of("quantity")
    assert (values.tolist(), decimals, bound, values.flags.writeable) == ([1, 1], 0, 1, False)


def test_a_quantity_that_is_not_given_is_one_in_every_use():
    """As a column, as an amount and in a selection, every line counts one; a catalog does not change that."""
    catalog = fx.Catalog.from_records([{"product": "tea", "quantity": 12}])
    given = facts({"product": "tea"}, {"product": "tea"}, catalog=catalog)
    assert [given.order_column("quantity").value(row) for row in range(2)] == [1, 1]
    assert given.order_column("quantity") is given.order_column("quantity")
    assert given.with_orders(orders({})).order_column("quantity").values.tolist() == [1]
    assert facts({"quantity": 3}).order_column("quantity").values.tolist() == [3]


def test_what_is_computed_once_is_kept():
    """`keep` computes a value a single time, since facts never change."""
    given = facts()
    calls = []
    assert given.keep("key", lambda: calls.append(1) or 7) == 7
    assert given.keep("key", lambda: calls.append(1) or 8) == 7
    assert calls == [1]


def test_other_orders_leave_the_rest_as_it_is():
    """with_orders joins new orders to the same tree and members; nothing that depends on orders is shared."""
    given = facts({"buyer": "ann"}, members=MEMBERS, figures={"profit": "1.00"}, funds={"extra": "2.00"})
    given.amounts_of("paid")
    more = given.with_orders(orders({"paid": "5.00"}, {"paid": "6.00"}))
    assert more.amounts_of("paid")[0].tolist() == [500, 600]
    assert given.amounts_of("paid")[0].tolist() == [10000]
    assert (more.tree, more.members, more.figures, more.funds) == (
        given.tree,
        given.members,
        given.figures,
        given.funds,
    )
    assert more.buyer_index is None
    assert len(more.member_index) == 2
    refused(
        lambda: given.with_orders(orders({"member": "zoe"})), UnknownMemberError, "member", absent=("zoe",)
    )


def test_placements_are_found_by_name():
    """Placements are pairs by name, over the facts' own tree, whatever the order of its rows."""
    twin = fx.ReferralTree.from_mapping(dict(reversed(list({"ann": None, "bo": "ann", "cai": "bo"}.items()))))
    matrix = Placement.auto(twin, ["ann", "bo", "cai"], rule="breadth", width=3)
    given = fx.Facts(tree=TREE, placements={"matrix": matrix, "binary": PLACED})
    assert [name for name, _ in given.placements] == ["binary", "matrix"]
    assert given.placement("binary") is PLACED
    assert given.placement("matrix").tree is TREE
    assert given.placement("matrix").fingerprint() == matrix.fingerprint()
    assert fx.Facts(tree=TREE, placements=given.placements).placements == given.placements
    assert given.with_orders(orders({})).placements == given.placements


def test_a_placement_that_is_not_there_is_named():
    """The message says which placements there are."""
    given = fx.Facts(tree=TREE, placements={"matrix": PLACED, "binary": PLACED})
    refused(lambda: given.placement("left"), InputError, "allowed: binary, matrix")
    refused(lambda: given.placement(PLACED), InputError, "is missing")
    refused(lambda: facts().placement("binary"), InputError, "no placements given")


def test_facts_are_frozen():
    """No attribute can be set and no index changed."""
    given = facts()
    with pytest.raises(AttributeError):
        given.tree = TREE
    with pytest.raises(ValueError, match="read-only"):
        given.member_index[0] = 0
    assert isinstance(given.member_index, np.ndarray)
