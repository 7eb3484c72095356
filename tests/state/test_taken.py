"""`Taken`: what runs took from the margins of orders."""

from __future__ import annotations

import pickle
from uuid import UUID

import numpy as np
import pytest

import fenxiao as fx
from fenxiao._arrays import MINOR_MAX
from fenxiao.errors import StateError
from fenxiao.taken import Taken
from tests.expressions.refusals import refused

KINDS = {
    "int": [30, -2, 7],
    "str": ["B2", "A1", "C"],
    "bytes": [b"b", b"a", b"c"],
    "UUID": [UUID(int=2**100), UUID(int=1), UUID(int=5)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_entries_are_found_whatever_their_ids(kind):
    """Amounts are found by order id, 0 where nothing was taken; the order of entries never matters."""
    ids = KINDS[kind]
    here = Taken(order_ids=ids, minor=[1, 2, 3])
    assert here.order_ids.tolist() == sorted(ids)
    other = Taken(order_ids=ids[::-1], minor=[3, 2, 1])
    assert (here, here.fingerprint()) == (other, other.fingerprint())
    assert here != Taken(order_ids=ids, minor=[1, 3, 2])
    assert here.fingerprint() != Taken(order_ids=ids, minor=[1, 3, 2]).fingerprint()
    orders = fx.Orders.from_columns({"order_id": [ids[2], ids[0]], "member": [1, 1]})
    found = dict(zip(orders.order_id.values.tolist(), here.of(orders.order_id).tolist(), strict=True))
    assert found == {ids[0]: 1, ids[2]: 3}
    one = Taken(order_ids=ids[:1], minor=[9])
    assert sorted(one.of(orders.order_id).tolist()) == [0, 9]
    assert pickle.loads(pickle.dumps(here)) == here
    after = here.followed_by(np.array(ids[:2], dtype=here.order_ids.dtype), np.array([0, 8]))
    assert after == Taken(order_ids=ids[1:], minor=[8, 3])


def test_nothing_taken_is_nothing_kept():
    """A state with no entries is one without: equal states have equal fields."""
    empty = Taken(order_ids=[], minor=[])
    assert len(empty) == 0
    assert fx.State(taken=empty).taken is None
    assert fx.State(taken=empty) == fx.State()
    orders = fx.Orders.from_columns({"order_id": ["a"], "member": [1]})
    assert empty.of(orders.order_id).tolist() == [0]
    assert Taken(order_ids=["a"], minor=[1]).of(fx.Orders.empty().order_id).tolist() == []


def test_entries_are_read_only():
    """What was checked once does not change, nor do the arguments."""
    minor = np.array([5, 6])
    here = Taken(order_ids=["b", "a"], minor=minor)
    with pytest.raises(ValueError, match="read-only"):
        here.minor[0] = 7
    minor[0] = 7
    assert here.minor.tolist() == [6, 5]


INVALID = {
    "twice": {"order_ids": ["x9", "x9"], "minor": [1, 2]},
    "lengths": {"order_ids": ["x9"], "minor": [1, 2]},
    "zero": {"order_ids": ["x9"], "minor": [0]},
    "negative": {"order_ids": ["x9"], "minor": [-1]},
    "float": {"order_ids": ["x9"], "minor": [1.0]},
    "too large": {"order_ids": ["x9"], "minor": np.array([MINOR_MAX + 1], dtype=np.uint64)},
    "missing id": {"order_ids": ["x9", None], "minor": [1, 2]},
    "mixed ids": {"order_ids": ["x9", 1], "minor": [1, 2]},
    "one text": {"order_ids": "x9", "minor": [1]},
}


@pytest.mark.parametrize("name", INVALID)
def test_what_cannot_be_entries_is_refused(name):
    """A wrong entry would give a margin twice: typed errors, without ids in their text."""
    refused(lambda: Taken(**INVALID[name]), StateError, "taken", absent=("x9",))


@pytest.mark.parametrize("value", [3, {}, [], "x", {"a": 1}], ids=repr)
def test_a_state_takes_nothing_else(value):
    """A mapping is not what it wants, whatever is in it."""
    refused(lambda: fx.State(taken=value), StateError, "taken", "Taken")
