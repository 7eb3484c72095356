"""What policies read and say by default, and what generation matches and pairs look at."""

from __future__ import annotations

import pytest

import fenxiao as fx
from fenxiao import policies
from fenxiao.errors import PlanError, Reason
from fenxiao.policies import GenerationMatch
from fenxiao.volumes import Measure, own
from tests.policies.test_catalogue_guard import EVERYTHING


class Nothing(fx.PeriodPolicy):
    """Claims nothing."""

    kind = "nothing"

    def claims(self, view):
        """Return nobody."""
        return [], []


def test_a_policy_of_your_own_reads_nothing_by_default():
    """What a policy does not say it reads, it does not read."""
    mine = Nothing("mine")
    assert (mine.member_columns(), mine.measures(), mine.matched()) == ((), (), ())


def test_a_policy_of_your_own_need_not_say_why_it_pays_nothing():
    """A claim on the period that is not made is explained as just that."""
    tree = fx.ReferralTree.from_mapping({"ann": None})
    orders = fx.Orders.from_records([{"order_id": 1, "member": "ann", "paid": "100.00"}])
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("50%", of="paid"), policies=[Nothing("mine")])
    run = fx.settle(fx.Facts(tree=tree, orders=orders), plan)
    verdict = run.explain_period("ann").verdicts[0]
    assert (verdict.reason, verdict.detail, verdict.claimed) == (Reason.NO_CLAIM, "", 0)


def test_a_match_reads_what_its_conditions_and_its_volume_read():
    """Columns of the boundary, of who is paid, and of what the volume is filtered by."""
    match = GenerationMatch(
        "match",
        on=own("bv"),
        rates=["5%"],
        boundary=fx.column("rank") >= "gold",
        eligible=fx.column("active") == True,  # noqa: E712  # builds a condition
    )
    assert match.member_columns() == ("rank", "active")
    assert [repr(measure) for measure in match.measures()] == ["own('bv')"]


def test_pairs_need_a_rank_of_everybody():
    """Who has no rate cannot be compared with a source."""
    tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    ten = fx.Rate.of("10%")
    members = fx.Members.from_columns({"member": ["ann", "bo"], "mine": [ten, None], "his": [ten, ten]})
    policy = fx.LevelCommission(
        "levels", base="paid", rates=["10%"], if_not="company", only_if=("mine", ">=", "his")
    )
    orders = fx.Orders.from_records([{"order_id": 1, "member": "bo", "paid": "100.00"}])
    plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("50%", of="paid"), policies=[policy])
    with pytest.raises(PlanError, match="missing for some"):
        fx.settle(fx.Facts(tree=tree, members=members, orders=orders), plan)


@pytest.mark.parametrize("policy", EVERYTHING, ids=lambda policy: policy.name)
def test_policies_name_only_columns_and_measures_once_known(policy):
    """Whatever a built-in policy reads is told as column names and measures."""
    assert all(isinstance(name, str) and name for name in policy.member_columns())
    assert all(isinstance(measure, Measure) for measure in policy.measures())


def test_policies_load_when_they_are_named():
    """The module lists every policy before its family is loaded, and knows no others."""
    assert set(policies.__all__) <= set(dir(policies))
    assert {name for _, name in policies.BUILT_IN.values()} <= set(policies.__all__)
    assert policies.built_in("lottery") is None
    for kind in policies.BUILT_IN:
        assert policies.built_in(kind).kind == kind
    with pytest.raises(AttributeError, match="Lottery"):
        _ = policies.Lottery
