"""What a settlement says of claims on the period, of ranks, and of computed columns."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
import pytest

import fenxiao as fx
from fenxiao.errors import InputError, PlanError, Reason, UnknownMemberError, UnsupportedError
from fenxiao.policies import Detail
from fenxiao.policies.base import PeriodView
from fenxiao.qualification import Gate, GivenRanks, Ladder, Tiers
from fenxiao.volumes import legs, organisation, own
from tests.errors.world import refused

TREE = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo", "dan": "ann"})
ORDERS = fx.Orders.from_records(
    [
        {"order_id": 1, "member": "cai", "paid": "100.00", "pv": "100"},
        {"order_id": 2, "member": "dan", "paid": "60.00", "pv": "60"},
    ],
    volumes={"pv": 0},
)
ACTIVE = fx.column("active") == True  # noqa: E712  # builds a condition
LADDER = Ladder(
    "rank",
    [
        ("silver", own("pv") >= "60"),
        ("gold", (legs(fx.column("rank") >= "silver") >= 2) & (organisation("pv") >= "160")),
        ("boss", (own("pv") >= "200") | (legs(fx.column("rank") >= "gold") >= 3) | ACTIVE),
    ],
)


@attrs.frozen(kw_only=True)
class Match(fx.PeriodPolicy):
    """A tenth of what a sponsor's front line was allowed, or claimed, by an earlier policy."""

    kind: ClassVar[str] = "match"

    of: str = "levels"
    counting: str = "allowed"

    def _parts(self, view):
        earned = view.allowed[self.of] if self.counting == "allowed" else view.claimed_of(self.of)
        parent = view.setting.tree.parent
        return [
            (int(parent[m]), m, int(earned[m])) for m in range(len(parent)) if parent[m] >= 0 and earned[m]
        ]

    def claims(self, view):
        """Claim a tenth for every sponsor."""
        parts = self._parts(view)
        return [payee for payee, _, _ in parts], [earned // 10 for _, _, earned in parts]

    def details(self, view, member):
        """Name each member of the front line."""
        return tuple(
            Detail(amount=earned // 10, source=source, level=1, base=earned, rate="10%", note="matched")
            for payee, source, earned in self._parts(view)
            if payee == member
        )

    def why_nothing(self, view, member):
        """Say that the front line earned nothing."""
        return Reason.ZERO_RATE, "the front line earned 0.00"


def plan(*more, margin="25%", policies=None, **options):
    """Return a plan with levels, a match and a ladder."""
    levels = fx.LevelCommission("levels", base="paid", rates=["50%"], if_not="company")
    return fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate(margin, of="paid"),
        policies=[levels, *(policies if policies is not None else [Match("match", stage=2, **options)])],
        qualifications=[Gate("active", own("pv") >= "1000"), LADDER, *more],
    )


def run(**options):
    """Settle the orders."""
    return fx.settle(fx.Facts(tree=TREE, orders=ORDERS), plan(**options))


def test_a_statement_tells_the_parts_of_a_claim_on_the_period():
    """A claim on the period is shown with its sources, rates and bases."""
    found = run(margin="60%")
    # cai's order pays bo 50.00, dan's pays ann 30.00; ann matches a tenth of bo's.
    assert str(found.statement("ann")) == (
        "5.00: match\n"
        "  5.00: level 1, from bo, 10 % of 50.00, matched\n"
        "30.00: levels, level 1 of order 2, 50 % of 60.00\n"
        "35.00 CNY in all"
    )


def test_a_period_is_explained_policy_by_policy():
    """Who is paid sees the parts and what was cut; who is not sees why."""
    found = run(margin="60%")
    assert str(found.explain_period("ann")) == (
        "match: 5.00 of 5.00 claimed\n  5.00: level 1, from bo, 10 % of 50.00, matched"
    )
    assert str(found.explain_period("dan")) == (
        "match: nothing: the rate or the base is zero (the front line earned 0.00)"
    )
    cut = run(margin="51%")
    assert str(cut.explain_period("ann")).startswith(
        "match: 1.60 of 5.00 claimed (what the period's orders leave)"
    )
    refused(lambda: found.explain_period("zoe"), UnknownMemberError, "member")


@pytest.mark.parametrize(("counting", "pay"), [("allowed", 250), ("claimed", 500)])
def test_a_match_is_on_what_was_allowed_or_claimed(counting, pay):
    """Claims that the guard cut inside orders count in full where the policy asks for claims."""
    found = run(margin="25%", counting=counting)
    view = found.views[2]
    assert view.allowed["levels"].tolist() == [1500, 2500, 0, 0]
    assert view.claimed_of("levels").tolist() == [3000, 5000, 0, 0]
    claims = dict(zip(*found.plan.policies[1].claims(view), strict=True))
    assert claims == {0: pay}


def test_claims_of_earlier_period_policies_are_known():
    """A match may be a share of what an earlier claim on the period asked for."""
    second = Match("second", stage=3, of="match", counting="claimed")
    found = run(margin="60%", policies=[Match("match", stage=2), second])
    assert found.views[3].claimed_of("match").tolist() == [500, 0, 0, 0]
    assert found.totals("second").to_dict() == {}


def test_a_view_without_claims_says_so():
    """A hand-made view knows no claims."""
    found = run()
    view = PeriodView(setting=found.run.setting, allowed={})
    refused(lambda: view.claimed_of("levels"), UnsupportedError, "levels")


def test_what_is_missing_for_the_next_rank_is_named_condition_by_condition():
    """A gap has what the member has, what is wanted and what is missing; alternatives are numbered."""
    found = run()
    gap = found.rank_gap("bo")
    assert (gap.rank, gap.next) == ("none", "silver")
    assert [(each.has, each.needs, each.missing) for each in gap.gaps] == [(0, 60, 60)]
    assert str(gap) == "rank: none; for silver:\n  silver: own pv 0 of 60"
    assert str(found.rank_gap("cai")) == (
        "rank: silver; for gold:\n"
        "  gold: legs with (column('rank') >= 'silver') 0 of 2\n"
        "  gold: organisation pv 100 of 160"
    )
    top = found.rank_gap("ann", "rank")
    assert [(each.alternative, each.missing) for each in top.gaps] == [(0, 200), (1, 3), (2, None)]
    assert "active False is not True (own pv 0 of 1000) (alternative 3)" in str(top)


def test_the_highest_rank_has_no_next():
    """At the top there is nothing to say but that."""
    found = fx.settle(
        fx.Facts(tree=TREE, orders=ORDERS),
        fx.Plan(
            currency="CNY",
            margin=fx.Margin.rate("25%", of="paid"),
            qualifications=[
                Ladder("rank", {"seller": own("pv") >= "1"}),
                Ladder("other", {"x": own("pv") >= "1"}),
            ],
        ),
    )
    assert str(found.rank_gap("cai", "rank")) == "rank: seller, the highest rank"
    refused(lambda: found.rank_gap("cai"), PlanError, "rank, other")
    refused(lambda: found.rank_gap("cai", "third"), PlanError, "third")
    refused(lambda: found.rank_gap("zoe", "rank"), UnknownMemberError, "member")


def test_computed_columns_come_as_a_table():
    """Ranks, gates, tiers and measures stand beside the members, volumes in their smallest unit."""
    found = fx.settle(
        fx.Facts(
            tree=TREE,
            orders=ORDERS,
            members=fx.Members.from_columns({"member": ["ann"], "level": ["b"]}, fill={"level": "a"}),
        ),
        plan(Tiers("tier", on=own("pv"), brackets={"100": "5%"}), GivenRanks("level", order=["a", "b"])),
    )
    table = found.members_table("rank", "active", "tier", "level", own("pv"), legs(ACTIVE))
    assert list(table) == [
        "member", "rank", "active", "tier", "level", "own('pv')_minor", "legs((column('active') == True))",
    ]  # fmt: skip
    assert table["rank"] == ["gold", "none", "silver", "silver"]
    assert table["active"].tolist() == [False] * 4
    assert [str(rate) for rate in table["tier"]] == ["0%", "0%", "5%", "0%"]
    assert table["level"] == ["b", "a", "a", "a"]
    assert np.array_equal(table["own('pv')_minor"], [0, 0, 100, 60])
    refused(lambda: found.members_table("grade"), InputError, "grade")
    refused(lambda: found.members_table(3), PlanError, "members_table")
