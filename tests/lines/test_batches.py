"""Batches of lines: their columns, what a frame makes of them, and how they are taken and joined."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import InputError, Reason
from fenxiao.lines import LineBatch, joined
from fenxiao.policies import Hop
from tests.policies.samples import MEMBERS, Prize, Scripted, Share, facts, levels, plan

COLUMNS = {
    "order_id", "line", "payee", "source", "policy", "stage", "level", "base_minor", "claimed_minor",
    "allowed_minor", "withheld_minor", "reason", "unit", "earning_period",
}  # fmt: skip


def run_of(*policies, records=({}, {"member": "bo"}), **options):
    """Return a settlement of two orders."""
    return fx.settle(facts(*records, members=MEMBERS), plan(*policies, **options))


def whole(run):
    """Return all lines of a run in one batch."""
    return joined(run.lines(), run.terms)


FULL = run_of(
    levels(), levels("more", rates=["20%"], stage=2), Prize("prize"), Share("mine", rate="1%"),
    caps=[fx.Cap.per_payee("9.00"), fx.Cap.per_order("14.00")],
)  # fmt: skip


def test_columns_have_one_entry_a_line_and_add_up():
    """Every column is there, claimed is allowed plus withheld, and totals are sums of lines."""
    batch = whole(FULL)
    columns = batch.columns()
    assert set(columns) == COLUMNS
    assert {len(values) for values in columns.values()} == {len(batch)}
    assert (batch.claimed - batch.allowed == batch.withheld).all()
    by_payee = {}
    for payee, allowed in zip(columns["payee"].tolist(), columns["allowed_minor"].tolist(), strict=True):
        by_payee[payee] = by_payee.get(payee, 0) + allowed
    assert {payee: amount for payee, amount in by_payee.items() if amount} == {
        payee: int(amount * 100) for payee, amount in FULL.totals().to_dict().items()
    }
    period = [row for row, order in enumerate(columns["order_id"]) if order is None]
    assert [columns["policy"][row] for row in period] == ["prize"]
    for name, nothing in (("source", None), ("line", 0), ("level", -1), ("base_minor", 0)):
        assert [columns[name][row] for row in period] == [nothing]
    assert set(columns["unit"]) == {"CNY"}
    assert set(columns["earning_period"]) == {""}
    assert sorted(set(columns["stage"].tolist())) == [1, 2]
    assert sorted({columns["source"][row] for row in range(len(batch)) if row not in period}) == ["bo", "cai"]


@pytest.mark.parametrize("frames", ["pandas", "polars"])
def test_a_frame_is_built_from_the_columns(frames):
    """Both data frame libraries take the columns as they are."""
    library = pytest.importorskip(frames)
    batch = whole(FULL)
    frame = library.DataFrame(batch.columns())
    assert set(frame.columns) == COLUMNS
    assert int(frame["claimed_minor"].sum()) == int(batch.claimed.sum())
    assert list(frame["policy"]) == batch.policy
    assert len(library.DataFrame(FULL.totals().columns())) == 3
    assert len(library.DataFrame(whole(run_of(levels(rates=["0%"]))).columns())) == 0


def test_the_reason_of_a_line_is_its_largest_cut():
    """Caps inside the order, wide caps, the order's margin and the period's margin have their own codes."""
    reasons = set(whole(FULL).reason.tolist())
    assert reasons <= {Reason.PAID, Reason.CUT_PAYEE, Reason.CUT_ORDER, Reason.CUT_MARGIN}
    assert {Reason.CUT_PAYEE, Reason.CUT_ORDER} <= reasons
    tight = run_of(levels(rates=["30%"]), Prize("prize", amount_minor=9999))
    found = dict(zip(whole(tight).policy, whole(tight).reason.tolist(), strict=True))
    assert found == {"referral": Reason.CUT_MARGIN, "prize": Reason.CUT_PERIOD_MARGIN}
    assert [tight.terms.reason_of(place, in_order=side) for place in (-1, 0) for side in (True, False)] == [
        Reason.PAID, Reason.PAID, Reason.CUT_MARGIN, Reason.CUT_PERIOD_MARGIN,
    ]  # fmt: skip


def test_cuts_say_which_cap_took_what_from_whom():
    """The cuts of each cap add up to the report's, and all cuts of a payee to what is withheld from him."""
    by_cap, by_payee = {}, {}
    for batch in FULL.cuts():
        columns = batch.columns()
        assert set(columns) == {"order_id", "line", "payee", "policy", "level", "cap", "cut_minor"}
        assert {len(values) for values in columns.values()} == {len(batch)}
        assert (batch.amount > 0).all()
        for cap, payee, amount in zip(
            columns["cap"], columns["payee"].tolist(), batch.amount.tolist(), strict=True
        ):
            by_cap[cap] = by_cap.get(cap, 0) + amount
            by_payee[payee] = by_payee.get(payee, 0) + amount
    assert by_cap == {
        name.removeprefix("cap ").strip("'"): amount for name, amount in FULL.margin_report().cuts
    }
    totals = FULL.totals()
    withheld = dict(zip(totals.members.tolist(), totals.withheld.tolist(), strict=True))
    assert by_payee == {payee: amount for payee, amount in withheld.items() if amount}
    assert list(run_of(levels(rates=["1%"])).cuts()) == []
    some = run_of(levels(rates=["30%", "0%"]))
    assert [batch.amount.tolist() for batch in some.cuts()] == [[500, 500]]
    prize = run_of(Prize("prize", amount_minor=9999))
    found = [(batch.cap, batch.amount.tolist()) for batch in prize.cuts()]
    assert found == [("period margin", [9999 - 5000])]


def test_bases_are_those_of_each_policy():
    """A level commission shows the floor of its base, a policy of one's own that names none shows 0."""
    run = run_of(levels(base=fx.Base("paid") * "1/3"), Share("mine"))
    batch = whole(run)
    assert {(policy, base) for policy, base in zip(batch.policy, batch.base.tolist(), strict=True)} == {
        ("referral", 3333),
        ("mine", 0),
    }


def test_lines_are_taken_by_row_number_and_by_mask():
    """Take keeps all columns of the chosen lines, bases included."""
    batch = whole(FULL)
    chosen = batch.take(np.array([2, 0]))
    assert chosen.columns()["payee"].tolist() == batch.payee[[2, 0]].tolist()
    assert chosen.base.tolist() == batch.base[[2, 0]].tolist()
    mask = batch.allowed < batch.claimed
    assert batch.take(mask).withheld.tolist() == batch.withheld[mask].tolist()
    assert len(batch.take(np.zeros(len(batch), dtype=bool)).base) == 0
    months = tuple(f"2026-{row:02}" for row in range(len(batch)))
    bare = attrs.evolve(batch, base_of=None, earning_periods=months)
    assert bare.take(np.array([1])).earning_period == ("2026-01",)
    assert bare.base.tolist() == [0] * len(batch)


def test_nothing_is_a_batch_of_every_column():
    """Runs without claims, orders or members give no batches, and an empty one when joined."""
    for run in (
        run_of(levels(rates=["0%"])),
        run_of(records=()),
        fx.settle(fx.Facts(tree=fx.ReferralTree.from_mapping({})), plan()),
        fx.settle(facts(), fx.Plan(currency="CNY", margin=fx.Margin.column("paid"))),
    ):
        batch = whole(run)
        assert isinstance(batch, LineBatch)
        assert set(batch.columns()) == COLUMNS
        total = sum(batch.claimed.tolist())
        assert (total > 0) == (len(batch) > 0)
    assert list(run_of(levels(rates=["0%"])).lines()) == []


def test_levels_that_differ_by_line_are_kept():
    """A policy of one's own may claim another level on every line."""

    def script(block):
        count = len(block)
        return fx.Claims.of(
            block, line=range(count), payee=[0] * count, amount_minor=[5] * count, level=range(count)
        )

    batch = whole(run_of(Scripted("mine", script=script), levels()))
    pairs = {
        (policy, order, level)
        for policy, order, level in zip(batch.policy, batch.order_id, batch.level.tolist(), strict=True)
    }
    assert {pair for pair in pairs if pair[0] == "mine"} == {("mine", 1, 0), ("mine", 2, 1)}
    split = whole(
        run_of(Scripted("mine", script=script), levels(), caps=[fx.Cap.company("0.07", rule="priority")])
    )
    assert int(split.allowed.sum()) == 7


def test_hops_are_plain_data():
    """One step of a walk compares by value."""
    assert Hop(1, 2, 2, Reason.PAID) == Hop(1, 2, 2, Reason.PAID, "")


@pytest.mark.parametrize(
    "rows", [[99], [-99], np.array([True]), ["first"], np.array([0.5]), "all", [[0], [0, 1]]]
)
def test_lines_that_there_are_not_are_refused(rows):
    """Numbers beyond the end, masks of another length and what is no number at all are typed errors."""
    with pytest.raises(InputError, match="mask of"):
        whole(FULL).take(rows)
