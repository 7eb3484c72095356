"""Corners of policies and caps that a plan reaches rarely."""

from __future__ import annotations

import json

import attrs
import numpy as np
import pytest

import fenxiao as fx

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})


@attrs.frozen(kw_only=True)
class Silent(fx.OrderPolicy):
    """Claims nothing at all, not even a slot."""

    def claims(self, block):
        return fx.Claims.of(block, line=[], payee=[], amount_minor=[])


def facts(paid="100.00"):
    """Return one order that credits bo."""
    return fx.Facts(tree=TREE, orders=fx.Orders.from_records([{"order_id": 1, "member": "bo", "paid": paid}]))


def plan(**more):
    """Return a plan that pays the sponsor a tenth."""
    level = fx.LevelCommission("level", base="paid", rates=["10%"], if_not="company", stage=2)
    options = {
        "currency": "CNY",
        "margin": fx.Margin.rate("50%", of="paid"),
        "policies": [Silent("silent"), level],
    }
    return fx.Plan(**(options | more))


def test_wide_cuts_split_to_lines_past_a_policy_without_claims():
    """A stage in which nobody claims leaves no trace in the split of wide cuts."""
    run = fx.settle(facts(), plan(caps=[fx.Cap.per_payee("4.00")]))
    assert [batch.allowed.tolist() for batch in run.lines()] == [[400]]


def test_a_cut_of_waiting_pay_alone_is_no_entry_of_the_cuts_table():
    """What goes on waiting was no claim of this run, so no cap cut it."""
    capped = plan(caps=[fx.Cap.per_payee("4.00", cut="defer")])
    first = fx.settle(facts(), capped)
    second = fx.settle(facts("0.00"), capped, state=first.state)
    assert second.payout("ann") == 4
    assert list(second.cuts()) == []


@pytest.mark.parametrize("name", ["order margin", "period margin"])
def test_no_cap_is_called_like_a_margin(name):
    """The cuts table could not tell them apart."""
    with pytest.raises(fx.FenxiaoError, match="is one that margins have"):
        fx.Cap.per_order("1.00", name=name)


def test_a_name_is_not_compared_with_a_bool():
    """A column of names holds no yes or no."""
    members = fx.Members.from_records([{"member": "ann", "rank": "gold"}, {"member": "bo", "rank": "gold"}])
    level = fx.LevelCommission(
        "level",
        base="paid",
        rates=["10%"],
        if_not="company",
        eligible=fx.column("rank") == True,  # noqa: E712  # builds a predicate
    )
    with pytest.raises(fx.FenxiaoError, match="compares a name with a bool"):
        fx.settle(_with(members), plan(policies=[level]))


def _with(members):
    return fx.Facts(tree=TREE, orders=facts().orders, members=members)


def test_a_currency_of_ones_own_survives_plain_data():
    """A currency that no list knows is written with its decimals."""
    own = plan(currency=fx.Currency("XPT", 2), policies=[])
    data = json.loads(json.dumps(own.to_dict()))
    assert data["currency"] == {"code": "XPT", "decimals": 2}
    assert fx.Plan.from_dict(data) == own


@attrs.frozen(kw_only=True)
class Ragged(fx.OrderPolicy):
    """Claims in columns that are none."""

    def claims(self, block):
        return fx.Claims.of(block, line=[[0], [0, 1]], payee=[0], amount_minor=[1])


def test_columns_that_are_none_are_refused():
    """Nested lists of different lengths are no column."""
    with pytest.raises(fx.FenxiaoError, match="line"):
        fx.settle(facts(), plan(policies=[Ragged("ragged")]))


def test_brackets_hold_their_lower_end():
    """A value equal to a threshold is in its bracket; below the first one there is none."""
    from fenxiao._arrays import MINOR, bracket_index

    thresholds = np.array([100, 200], dtype=MINOR)
    values = np.array([99, 100, 199, 200], dtype=MINOR)
    assert bracket_index(thresholds, values).tolist() == [-1, 0, 0, 1]


def test_numbered_owners_share_a_limit_of_their_own():
    """Positions of one owner are cut together, to the limit that a column gives them."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "ann2": "ann", "bo": "ann2"})
    records = [
        {"member": "ann", "owner": 7, "limit": "6.00"},
        {"member": "ann2", "owner": 7, "limit": "6.00"},
        {"member": "bo", "owner": 9, "limit": "1.00"},
    ]
    members = fx.Members.from_records(records, money=("limit",))
    level = fx.LevelCommission("level", base="paid", rates=["10%", "5%"], if_not="company")
    capped = plan(policies=[level], caps=[fx.Cap(scope="owner", column="limit")])
    run = fx.settle(fx.Facts(tree=tree, orders=facts().orders, members=members), capped)
    assert run.totals().to_dict() == {"ann": 2, "ann2": 4}


def test_threads_hand_on_blocks_in_their_order(monkeypatch):
    """However many threads prepare blocks, the lines come in the order of the orders."""
    monkeypatch.setattr("fenxiao.lines.blocks.BLOCK_ROWS", 1)
    records = [{"order_id": number, "member": "bo", "paid": "10.00"} for number in range(12)]
    run = fx.settle(fx.Facts(tree=TREE, orders=fx.Orders.from_records(records)), plan())
    rows = [row for batch in run.lines(workers=2) for row in batch.order_row.tolist()]
    assert rows == list(range(12))
