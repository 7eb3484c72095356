"""Plans as the plain data that both engines read: level policies, scripted claims, caps."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from tests.strategies.facts import CATEGORIES, PRODUCTS, RANKS
from tests.strategies.money import amounts

IF_NOT = ("company", "roll_up", "stop", "last_payee")
SELF_PURCHASE = ("pay", "skip", "stop")
ROUNDINGS = ("floor", "half_up", "half_even", "ceiling", ("floor", 10), ("half_even", 5), ("ceiling", 100))
RULES = ("proportional", "priority", "equal_awards", "equal_losses", "talmud")
LEFTOVERS = ("largest_remainder", "floor")
IN_ORDER = ("line", "order_product", "order_policy", "order")
WIDE = ("payee", "owner", "source", "policy", "product", "region", "period", "company")

rates = st.sampled_from(
    [Fraction(0), Fraction(1, 3), Fraction(1, 10), Fraction(1, 2), Fraction(7, 1000), Fraction(1)]
)
cells = st.one_of(rates, st.integers(0, 300).map(lambda minor: ("fixed", minor)))
bases = st.sampled_from(
    [
        [("paid", 1, 2)],
        [("margin", 1, 2)],
        [("pv", 1, 1)],
        [("pv", Fraction(2, 5), 1)],
        [("quantity", Fraction(1, 2), 0)],
        [("paid", 1, 2), ("tax", -1, 2)],
        [("margin", Fraction(1, 3), 2), ("pv", Fraction(1, 7), 1), ("tax", Fraction(-1, 2), 2)],
    ]
)


def schedules(min_size=0, max_size=4):
    """Draw lists of cells by level."""
    return st.lists(cells, min_size=min_size, max_size=max_size)


@st.composite
def level_policies(draw, name="referral", stage=1, base=bases):
    """Draw a level commission with any combination of its options."""
    policy = {
        "kind": "level",
        "name": name,
        "stage": stage,
        "base": draw(base),
        "if_not": draw(st.sampled_from(IF_NOT)),
        "start_level": draw(st.sampled_from([1, 0, 2, 3])),
        "self_purchase": draw(st.sampled_from(SELF_PURCHASE)),
        "eligible": draw(st.sampled_from([None, "active", "ranked", "score"])),
        "where": draw(st.sampled_from([None, None, "tea", "retail", "drinks in the north", "from 5.00"])),
        "rounding": draw(st.sampled_from(ROUNDINGS)),
    }
    table = draw(st.sampled_from(["rates", "products", "by_rank", "by_length"]))
    if table == "by_rank":
        rows = {rank: draw(schedules()) for rank in RANKS}
        rows["gold"] = draw(schedules(min_size=1))
        return policy | {"by_rank": rows}
    if table == "by_length":
        depth = draw(st.integers(1, 4))
        rows = {length: draw(schedules(max_size=depth)) for length in range(1, depth)}
        return policy | {"by_length": rows | {depth: draw(schedules(min_size=depth, max_size=depth))}}
    policy["rates"] = draw(schedules(min_size=1))
    if table == "products":
        policy["by_product"] = {
            product: draw(schedules()) for product in draw(st.sets(st.sampled_from(PRODUCTS)))
        }
        policy["by_category"] = {
            category: draw(schedules()) for category in draw(st.sets(st.sampled_from(CATEGORIES)))
        }
    return policy


@st.composite
def scripted_policies(draw, parents, orders, *, name="script", stage=1, high=400, max_size=6):
    """Draw a policy that claims arbitrary amounts on arbitrary lines for arbitrary payees."""
    keys = [(order["order_id"], order["line"]) for order in orders]
    claims = {}
    if keys and parents:
        entry = st.tuples(st.sampled_from(keys), st.sampled_from(sorted(parents)), st.integers(0, 3))
        tie = draw(st.booleans())
        amount = st.just(draw(amounts(0, high))) if tie else amounts(0, high)
        claims = draw(st.dictionaries(entry, amount, max_size=max_size))
    return {
        "kind": "arbitrary",
        "name": name,
        "stage": stage,
        "claims": [(*key, payee, level, amount) for (key, payee, level), amount in claims.items()],
    }


@st.composite
def caps(draw, names, *, name, scopes, high=500, rules=RULES, order_columns=("room", "margin")):
    """Draw a cap of one of some scopes, with any limit that the scope may have."""
    scope = draw(st.sampled_from(scopes))
    kinds = ["money", "money", "rate"]
    if scope in IN_ORDER or scope == "payee":
        kinds.append("column")
    if scope == "payee":
        kinds.append("by_rank")
    kind = draw(st.sampled_from(kinds))
    limit = {
        "money": lambda: ("money", draw(amounts(0, high))),
        "rate": lambda: (
            "rate",
            draw(st.sampled_from([Fraction(0), Fraction(1, 7), Fraction(3, 10), Fraction(1)])),
            draw(bases),
        ),
        "column": lambda: ("column", draw(st.sampled_from(order_columns)) if scope in IN_ORDER else "wallet"),
        "by_rank": lambda: ("by_rank", {rank: draw(st.integers(0, 200)) for rank in RANKS}),
    }[kind]()
    some = st.none() | st.lists(st.sampled_from(names), min_size=1, unique=True)
    return {
        "name": name,
        "scope": scope,
        "limit": limit,
        "on": draw(some),
        "counting": draw(some),
        "rule": draw(st.sampled_from(rules)),
        "leftover": draw(st.sampled_from(LEFTOVERS)),
    }


@st.composite
def margins(draw, rules=RULES):
    """Draw where margins come from and how they are shared."""
    source = draw(
        st.sampled_from(
            [
                {"kind": "column", "name": "margin"},
                {"kind": "column", "name": "room"},
                {"kind": "rate", "rate": Fraction(1, 3), "of": [("paid", 1, 2)]},
                {"kind": "rate", "rate": Fraction(1, 4), "of": [("paid", 1, 2), ("tax", -1, 2)]},
            ]
        )
    )
    return {
        "margin": source,
        "guard": draw(st.sampled_from(["order", "line"])),
        "losses": draw(st.sampled_from(["ignore", "offset"])),
        "rule": draw(st.sampled_from(rules)),
        "leftover": draw(st.sampled_from(LEFTOVERS)),
    }
