"""Sums of several levels packed into one word: against plain sums, at the edge of 63 bits, and in use."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao._arrays import INDEX, MINOR, MINOR_MAX
from fenxiao._kernels.packing import WORD_BITS, PackedTally
from fenxiao.lines import totals as totals_module

EDGES = [(bits, (1 << bits) - 1) for bits in (1, 2, 3, 7, 9, 10, 21, 22, 31, 32, 62, 63)]
"""Bits of a sum, and the greatest sum of so many bits."""


def packed(columns, bound, most, owner, values, size):
    """Add up with a packed tally."""
    tally = PackedTally(size, columns, bound, most)
    tally.add(np.array(owner, dtype=INDEX), np.array(values, dtype=MINOR).reshape(columns, len(owner)))
    return [column.tolist() for column in tally.columns()]


@pytest.mark.parametrize("columns", [1, 2, 3, 6, 7, 8, 64])
@pytest.mark.parametrize(("bits", "top"), EDGES, ids=[f"{bits} bits" for bits, _ in EDGES])
def test_sums_fill_their_bits_and_never_carry(columns, bits, top):
    """A sum of exactly 2**k - 1 in every other column, zero in the rest, comes back as it went in."""
    assert PackedTally.fits(top, 1)
    values = [[top * (column % 2)] for column in range(columns)]
    assert packed(columns, top, 1, [1], values, 3) == [
        [0, top * (column % 2), 0] for column in range(columns)
    ]
    full = [[top]] * columns
    assert packed(columns, top, 1, [0], full, 1) == [[top]] * columns
    # The same bits, reached by as many values of one as the bound allows.
    if bits <= 10:
        ones = [[1] * top for _ in range(columns)]
        assert packed(columns, 1, top, [0] * top, ones, 1) == [[top]] * columns


def test_what_does_not_fit_says_so():
    """A product of bound and count fits up to 63 bits."""
    assert PackedTally.fits(MINOR_MAX, 1)
    assert PackedTally.fits((1 << WORD_BITS) - 1, 1)
    assert not PackedTally.fits(MINOR_MAX, 2)
    assert not PackedTally.fits(1 << 62, 2)
    assert PackedTally.fits((1 << 62) - 1, 2)
    assert PackedTally.fits(0, 10**9)
    assert PackedTally.fits(MINOR_MAX, 0)


def test_no_columns_and_no_values_give_nothing():
    """Nothing to add up gives no columns, or zeros."""
    assert packed(0, 5, 5, [0, 1], [], 2) == []
    assert packed(3, 5, 5, [], [], 2) == [[0, 0]] * 3
    assert packed(2, 0, 0, [0], [[0], [0]], 1) == [[0], [0]]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_packed_sums_are_plain_sums(data):
    """Values up to any bound that fits, in any number of columns and batches, add up as plain sums do."""
    columns, size = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))
    batches = data.draw(st.lists(st.lists(st.integers(0, size - 1), max_size=6), max_size=3))
    everybody = [owner for batch in batches for owner in batch]
    most = max([everybody.count(owner) for owner in range(size)], default=0)
    largest = MINOR_MAX // max(most, 1)
    bound = data.draw(st.sampled_from([1, 3, 255, 2**20, largest]) | st.integers(0, largest))
    tally = PackedTally(size, columns, bound, most)
    plain = [[0] * size for _ in range(columns)]
    for batch in batches:
        amount = st.sampled_from([0, bound]) | st.integers(0, bound)
        row = st.lists(amount, min_size=len(batch), max_size=len(batch))
        values = [data.draw(row) for _ in range(columns)]
        given_ = np.array(values, dtype=MINOR).reshape(columns, len(batch))
        before = given_.copy()
        tally.add(np.array(batch, dtype=INDEX), given_)
        assert (given_ == before).all()
        for column, its in enumerate(values):
            for owner, value in zip(batch, its, strict=True):
                plain[column][owner] += value
    assert [column.tolist() for column in tally.columns()] == plain


# ------------------------------------------------------------ in use

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo", "dee": "cai", "out": None})


class Routed(fx.OrderPolicy):
    """A policy whose payees follow from the credited member, with a bound that is as tight as can be."""

    def claims(self, block):
        """Pay `paid`, and half of it, to the sponsor and to his."""
        parent = np.append(block.facts.tree.parent, -1).astype(INDEX)
        nobody = len(block.facts.tree)
        up = np.where(parent < 0, nobody, parent).astype(INDEX)
        paid = np.where(up[block.member] == nobody, 0, block.amounts("paid"))
        second = np.where(up[up[block.member]] == nobody, 0, block.amounts("paid") // 2)
        amount = np.stack((paid, second))
        return fx.Claims(
            amount=amount,
            levels=(1, 2),
            route=lambda member: np.stack((up[member], up[up[member]])),
            bound=int(amount.max(initial=0)),
        )


def run_of(paid, rows, monkeypatch):
    """Settle orders of some amounts, `rows` lines a block."""
    monkeypatch.setattr("fenxiao.lines.blocks.BLOCK_ROWS", rows)
    people = ["dee", "cai", None, "bo", "out", "ann"]
    records = [
        {"order_id": number, "member": people[number % 6], "paid": amount, "margin": MINOR_MAX}
        for number, amount in enumerate(paid)
    ]
    orders = fx.Orders.from_records(records, unit="minor")
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column(), policies=[Routed("routed")])
    return fx.settle(fx.Facts(tree=TREE, orders=orders), plan)


def slow_totals(paid):
    """Add up by plain loops."""
    upline = [("cai", "bo"), ("bo", "ann"), (), ("ann",), (), ()]
    found = {}
    for number, amount in enumerate(paid):
        for level, payee in enumerate(upline[number % 6]):
            found[payee] = found.get(payee, 0) + (amount // 2 if level else amount)
    return {payee: amount for payee, amount in found.items() if amount}


BLOCKS = {
    "growing": [3**k for k in range(30)],
    "shrinking": [3**k for k in reversed(range(30))],
    "fits, does not fit, fits": [5, 5, 5, 5, 5, 5, MINOR_MAX // 2, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7],
    "does not fit": [2**61] * 6,
    "zeros first": [0] * 6 + [1] * 6 + [0] * 6 + [2**40] * 6,
}


@pytest.mark.parametrize("rows", [1, 2, 3, 6, 100])
@pytest.mark.parametrize("paid", BLOCKS.values(), ids=BLOCKS)
def test_blocks_of_larger_and_larger_bounds_add_up(paid, rows, monkeypatch):
    """Whatever the bounds of the blocks, sums by credited member are handed on to payees exactly once."""
    made = []

    class Spy(PackedTally):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self.bound)

    monkeypatch.setattr(totals_module, "PackedTally", Spy)
    run = run_of(paid, rows, monkeypatch)
    totals = run.totals()
    assert dict(zip(totals.members.tolist(), totals.allowed.tolist(), strict=True)) == {
        label: slow_totals(paid).get(label, 0) for label in totals.members.tolist()
    }
    assert made == sorted(made)
    if paid is BLOCKS["growing"] and rows == 1:
        assert len(made) > 10
    assert sum(int(batch.allowed.sum()) for batch in run.lines()) == sum(slow_totals(paid).values())
