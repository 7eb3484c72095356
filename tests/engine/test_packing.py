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


def sums_of(tally, size):
    """Return the sums of every column, read in two parts, of the owners who have any."""
    sums = np.zeros((len(tally.columns(np.zeros(0, dtype=INDEX))), size), dtype=MINOR)
    for low, high in ((0, size // 2), (size // 2, size)):
        owners = tally.owners(low, high)
        assert (low <= owners).all()
        assert (owners < high).all()
        sums[:, owners] = tally.columns(owners)
    return sums.tolist()


def packed(columns, bound, most, owner, values, size):
    """Add up with a packed tally."""
    tally = PackedTally(size, columns, bound, most)
    tally.add(np.array(owner, dtype=INDEX), np.array(values, dtype=MINOR).reshape(columns, len(owner)))
    return sums_of(tally, size)


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
    assert sums_of(tally, size) == plain


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_guess_that_is_too_low_shows_in_the_sum(data):
    """Whatever `most` was guessed, the parts add up to what was packed exactly where every sum is right."""
    columns, size = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 3))
    bound = data.draw(st.sampled_from([1, 2, 3, 255, 2**20, 2**31, 2**61]))
    most = data.draw(st.integers(0, 4))
    if not PackedTally.fits(bound, most):
        return
    owner = data.draw(st.lists(st.integers(0, size - 1), max_size=12))
    amount = st.sampled_from([0, bound]) | st.integers(0, bound)
    row = st.lists(amount, min_size=len(owner), max_size=len(owner))
    values = [data.draw(row) for _ in range(columns)]
    plain = [[0] * size for _ in range(columns)]
    for column, its in enumerate(values):
        for who, value in zip(owner, its, strict=True):
            plain[column][who] += value
    found = packed(columns, bound, most, owner, values, size)
    sums = sum(map(sum, values)), sum(map(sum, found))
    assert sums[1] <= sums[0]
    assert (sums[1] == sums[0]) == (found == plain)


def test_more_values_than_are_gathered_at_a_time(monkeypatch):
    """Batches that fill the room, leave some of it, or are larger than all of it, add up alike."""
    monkeypatch.setattr("fenxiao._kernels.packing._GATHERED", 10)
    tally = PackedTally(3, 5, 7, 100)
    for length in (4, 6, 1, 9, 10, 11, 0, 25, 3):
        owner = np.arange(length, dtype=INDEX) % 3
        tally.add(owner, np.full((5, length), 7, dtype=MINOR))
    counts = [sum((length + 2 - who) // 3 for length in (4, 6, 1, 9, 10, 11, 0, 25, 3)) for who in range(3)]
    assert sums_of(tally, 3) == [[7 * count for count in counts]] * 5
    assert sums_of(tally, 3) == [[7 * count for count in counts]] * 5


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


def test_a_shop_with_one_great_seller_is_added_up_again(monkeypatch):
    """Where the guess of lines a member is too low, the orders are gone through once more."""
    asked = []
    monkeypatch.setattr(fx.Facts, "usual_lines", lambda _: asked.append("guess") or 1)
    counted = fx.Facts.most_lines
    monkeypatch.setattr(fx.Facts, "most_lines", lambda facts: asked.append("count") or counted(facts))
    orders = fx.Orders.from_records([{"order_id": n, "member": "dee", "paid": "9.99"} for n in range(50)])
    policy = fx.LevelCommission("levels", base="paid", rates=["10%", "5%", "1%"], if_not="company")
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("30%", of="paid"), policies=[policy])
    run = fx.settle(fx.Facts(tree=TREE, orders=orders), plan)
    assert asked == ["guess", "count"]
    assert {who: str(pay) for who, pay in run.totals().to_dict().items()} == {
        "ann": "4.50", "bo": "24.50", "cai": "49.50",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("shares", "guessed"),
    [({"ann": 1, "bo": 1, "cai": 1}, True), ({"ann": 1000, "bo": 1, "cai": 1}, False)],
    ids=["even", "one great seller"],
)
def test_lines_a_member_are_guessed_only_where_orders_spread(shares, guessed, monkeypatch):
    """A sample tells whether somebody has far more lines than the mean; then they are counted."""
    monkeypatch.setattr("fenxiao.facts._SAMPLED", 64)
    monkeypatch.setattr("fenxiao.facts._SAMPLED_TWICE", 30)
    people = [who for who, share in shares.items() for _ in range(share * 100 // sum(shares.values()) + 1)]
    orders = fx.Orders.from_records(
        [{"order_id": n, "member": people[n * 7 % len(people)], "paid": "1.00"} for n in range(600)]
    )
    facts = fx.Facts(tree=TREE, orders=orders)
    most = facts.most_lines()
    assert facts.usual_lines() == (8 * (600 // 5 + 1) if guessed else most)
    assert facts.usual_lines() >= most


@pytest.mark.parametrize("workers", [0, -1, True, 1.0, "2", None])
def test_workers_are_a_number_of_threads(workers):
    """Anything but a positive whole number of threads is refused."""
    plan = fx.Plan(currency="CNY", margin=fx.Margin.column())
    with pytest.raises(fx.FenxiaoError, match="workers: is no number of threads"):
        fx.settle(fx.Facts(tree=TREE), plan, workers=workers)


@pytest.mark.parametrize("workers", [2, 3])
def test_more_threads_give_the_same_bytes(workers, monkeypatch):
    """Totals, report and fingerprint do not depend on how many threads settle the blocks."""
    monkeypatch.setattr("fenxiao.lines.blocks.BLOCK_ROWS", 7)
    people = ["dee", "cai", None, "bo", "out", "ann"]
    records = [
        {"order_id": n, "member": people[n % 6], "paid_minor": 37 * n + 1, "margin_minor": n % 11}
        for n in range(100)
    ]
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records(records))
    policy = fx.LevelCommission("levels", base="paid", rates=["10%", "5%"], if_not="roll_up")
    plan = fx.Plan(
        currency="CNY", margin=fx.Margin.column(), policies=[policy], caps=[fx.Cap.per_payee("1.00")]
    )
    assert fx.settle(facts, plan, workers=workers).fingerprint() == fx.settle(facts, plan).fingerprint()


def test_an_error_in_a_thread_is_the_error_of_the_run(monkeypatch):
    """What a block raises in a thread is raised as it is, that of the first block first."""
    monkeypatch.setattr("fenxiao.lines.blocks.BLOCK_ROWS", 2)
    records = [{"order_id": n, "member": "dee", "paid": "9.00", "margin": "0.10"} for n in range(9)]
    facts = fx.Facts(tree=TREE, orders=fx.Orders.from_records(records))
    policy = fx.LevelCommission("levels", base="paid", rates=["10%"], if_not="company")
    margin = fx.Margin.column(rule="reject")
    plan = fx.Plan(currency="CNY", margin=margin, policies=[policy])
    with pytest.raises(fx.FenxiaoError) as alone:
        fx.settle(facts, plan)
    with pytest.raises(type(alone.value)) as threads:
        fx.settle(facts, plan, workers=2)
    assert str(threads.value) == str(alone.value)
