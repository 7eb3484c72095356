"""A small world whose every label is easy to find in a text, and what any error must be like."""

from __future__ import annotations

import pickle
import re

import pytest

import fenxiao as fx

MARK = "zq-"
"""Part of every label and order id of this world: no message may contain it."""
TOP, SELLER, STRANGER = "zq-Odon", "zq-Vera", "zq-nobody"
ORDER = "zq-order-91"
NAMELESS = "nothere"
"""A column that no table has."""

TREE = fx.ReferralTree.from_mapping({TOP: None, SELLER: TOP})
MEMBERS = fx.Members.from_records(
    [
        {"member": TOP, "rank": "gold", "owner": "zq-owner", "active": True},
        {"member": SELLER, "rank": "silver", "owner": "zq-owner", "active": True},
    ]
)


def orders(*records, **options):
    """Return orders of the seller, one line each unless a record says otherwise."""
    filled = [
        {"order_id": f"{ORDER}-{number}", "member": SELLER, "paid": "100.00"} | record
        for number, record in enumerate(records or ({},))
    ]
    return fx.Orders.from_records(filled, **options)


def policy(**changes):
    """Return 10 % for the sponsor, but for the changes."""
    return fx.LevelCommission(
        "referral", **({"base": "paid", "rates": ["10%"], "if_not": "company"} | changes)
    )


def plan(*policies, **changes):
    """Return a plan with half of what was paid as margin, but for the changes."""
    usual = {
        "currency": "CNY",
        "margin": fx.Margin.rate("50%", of="paid"),
        "policies": policies or [policy()],
    }
    return fx.Plan(**(usual | changes))


def facts(found=None, **changes):
    """Return the facts of this world with the given orders."""
    return fx.Facts(
        **({"tree": TREE, "orders": orders() if found is None else found, "members": MEMBERS} | changes)
    )


def settle(found=None, the_plan=None, **options):
    """Settle orders of this world."""
    return fx.settle(facts(found), the_plan or plan(), **options)


def refused(call, kind, *words, labels=None, rows=None, fold=False):
    """Check that a call raises a readable error of one kind; return the error.

    Readable: the thing, the problem and a next step (what is allowed, or a hint), in one line that ends like
    a sentence, names no label, holds the given words, and survives pickling.
    """
    with pytest.raises(fx.FenxiaoError) as caught:
        call()
    error = caught.value
    text = str(error)
    assert type(error) is kind, f"{type(error).__name__}: {text}"
    assert MARK not in text
    assert text.startswith(f"{error.thing}: {error.problem}")
    assert error.allowed or error.hint, text
    assert text.endswith((".", "?"))
    assert "\n" not in text
    assert len(text) < 600
    # Traces of Python's own complaints are no messages for people.
    assert not re.search(r"__init__|NoneType|object (is|has)|Attribute\(|<class", text), text
    for word in words:
        assert word in (text.casefold() if fold else text), text
    if labels is not None:
        assert set(error.labels) == set(labels)
    if rows is not None:
        assert error.rows == tuple(rows)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.labels, again.rows) == (text, error.labels, error.rows)
    return error
