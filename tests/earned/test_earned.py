"""What runs earned, as data: sums, round trips, equality by value, and differences against a slow twin."""

from __future__ import annotations

import json

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.earned import Earned, PolicyPay
from fenxiao.errors import StateError, UnsupportedError
from tests.expressions.refusals import refused
from tests.policies.samples import Prize, ScriptedPeriod, facts, levels, plan
from tests.policies.test_catalogue_guard import EVERYTHING
from tests.state.damage import DROP, STRANGE, changed, places, sealed_again
from tests.strategies.networks import settled, worlds
from tests.strategies.trees import LABELS

CNY = fx.Currency.of("CNY")
AMOUNTS = st.sampled_from([0, 0, 1, 2**63 - 1]) | st.integers(0, 5)


def pay(policy="referral", labels=("zoe", "al"), allowed=(5, 2), released=(0, 7)):
    """Return what a policy paid two members, changed by the arguments."""
    return PolicyPay(policy=policy, labels=labels, allowed=allowed, released=released)


def earned(*policies, **options):
    """Return totals that add up, of these policies, changed by the options."""
    policies = policies or (pay(),)
    allowed, released = (
        sum(sum(getattr(each, name).tolist()) for each in policies) for name in ("allowed", "released")
    )
    given = {"period": "2026-10", "plan": "f" * 64, "currency": CNY, "policies": policies, "budget": allowed,
             "losses": 0, "funds": 0, "order_pay": allowed, "period_pay": 0, "released": released,
             "deferred": 0}  # fmt: skip
    return Earned(**(given | options))


DATA = earned(pay(), pay("pool", (), (), ())).to_dict()


def again(totals):
    """Return totals after a stay as text."""
    return Earned.from_dict(json.loads(json.dumps(totals.to_dict(), allow_nan=False)))


# ------------------------------------------------------------------------------------------------- strategies


@st.composite
def policy_pays(draw, labels):
    """Draw what up to three of four policies paid; amounts of 0 are among it."""
    found = {}
    for name in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=3)):
        people = draw(st.lists(labels, unique=True, max_size=5))
        found[name] = {who: (draw(AMOUNTS), draw(AMOUNTS)) for who in people}
    return found


@st.composite
def pairs(draw):
    """Draw what two runs paid to members of one tree, by policy: {policy: {label: (allowed, released)}}."""
    pool = draw(st.lists(draw(st.sampled_from(list(LABELS.values()))), unique=True, min_size=1, max_size=6))
    labels = st.sampled_from(pool)
    return draw(policy_pays(labels)), draw(policy_pays(labels))


def built(policies):
    """Return the totals of drawn amounts."""
    return earned(
        *(
            pay(name, list(people), [a for a, _ in people.values()], [r for _, r in people.values()])
            for name, people in policies.items()
        ),
        *([] if policies else [pay("none", (), (), ())]),
    )


@settings(max_examples=200, deadline=None)
@given(pairs(), st.sampled_from(["allowed", "released"]))
def test_differences_agree_with_the_twin(pair, of):
    """Dict by dict: what is missing counts as 0, equal amounts are left out, labels are in order."""
    before, after = pair
    place = ("allowed", "released").index(of)
    expected = [
        (policy, who, old, new)
        for policy in dict.fromkeys((*after, *before))
        for who in sorted({*before.get(policy, {}), *after.get(policy, {})})
        if (old := before.get(policy, {}).get(who, (0, 0))[place])
        != (new := after.get(policy, {}).get(who, (0, 0))[place])
    ]
    found = built(after).minus(built(before), of)
    columns = found.columns()
    rows = zip(
        columns["policy"], columns["member"].tolist(), columns["before_minor"].tolist(),
        columns["after_minor"].tolist(), strict=True,
    )  # fmt: skip
    assert list(rows) == expected
    assert columns["difference_minor"].tolist() == [new - old for _, _, old, new in expected]
    assert found.total_minor == sum(new - old for _, _, old, new in expected)
    assert len(found) == len(expected)
    back = built(before).minus(built(after), of)
    assert sorted(back.difference.tolist()) == sorted((-found.difference).tolist())


@settings(max_examples=200, deadline=None)
@given(pairs())
def test_totals_survive_json(pair):
    """What is read back is equal and writes the same data; policies without pay stay, labels keep kind."""
    for policies in pair:
        totals = built(policies)
        back = again(totals)
        assert back == totals
        assert back.to_dict() == totals.to_dict()
        kinds = [[type(label) for label in each.labels.tolist()] for each in back.policies]
        assert kinds == [[type(label) for label in each.labels.tolist()] for each in totals.policies]
        assert not len(back.minus(totals))


@settings(max_examples=100, deadline=None)
@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(pair, random):
    """Two totals that say the same of everybody are equal and have the same data."""
    for policies in pair:
        mixed = {}
        for name, people in policies.items():
            rows = list(people.items())
            random.shuffle(rows)
            mixed[name] = {who: amounts for who, amounts in rows if amounts != (0, 0)}
        assert built(mixed) == built(policies)
        assert built(mixed).to_dict() == built(policies).to_dict()


# -------------------------------------------------------------------------------------------------- real runs


@settings(max_examples=25, deadline=None)
@given(worlds(fewest=1), st.sampled_from(["1/7", "100%"]), st.booleans())
def test_runs_of_the_whole_catalogue_say_what_they_earned(world, rate, offset):
    """Policy by policy the amounts are those of the totals, and the sums those of the margin report."""
    run = settled(
        world,
        *EVERYTHING,
        margin=fx.Margin.rate(rate, of="paid", losses="offset" if offset else "ignore"),
        caps=[fx.Cap.per_payee("3.00", cut="defer")],
    )
    totals, report = run.earned(), run.margin_report()
    assert again(totals) == totals
    assert (totals.plan, totals.period, totals.currency) == (run.plan.hash, "", CNY)
    assert [each.policy for each in totals.policies] == [policy.name for policy in EVERYTHING]
    for each in totals.policies:
        columns = run.totals(each.policy).columns()
        paid = zip(columns["member"].tolist(), columns["allowed_minor"].tolist(), strict=True)
        assert dict(zip(each.labels.tolist(), each.allowed.tolist(), strict=True)) == {
            who: amount for who, amount in paid if amount
        }
    for name in ("budget", "losses", "funds", "order_pay", "period_pay", "released", "deferred"):
        assert getattr(totals, name) == getattr(report, name)


def test_what_is_released_is_told_from_what_is_earned():
    """A second month pays what the first put off; its own earnings are apart."""
    deferring = plan(
        levels(rates=["20%"]),
        anchor="paid_at",
        zone="UTC",
        caps=[fx.Cap.per_payee("15.00", cut="defer")],
    )
    given = facts({"paid_at": "2026-09-05T00:00:00Z"}, {"paid_at": "2026-10-05T00:00:00Z", "paid": "1.00"},
                  funds={"extra": "3.00"}, times=["paid_at"])  # fmt: skip
    first = fx.settle(given, deferring, period=fx.month(2026, 9))
    second = fx.settle(given, deferring, period=fx.month(2026, 10), state=first.state).earned()
    assert repr(first.earned()) == "Earned(15.00 CNY of 28.00 in 2026-09)"
    assert first.earned().deferred == 500
    (referral,) = second.policies
    assert (referral.labels.tolist(), referral.allowed.tolist(), referral.released.tolist()) == (
        ["bo"],
        [20],
        [500],
    )
    assert (second.period, second.order_pay, second.released, second.funds) == ("2026-10", 20, 500, 300)
    refused(lambda: second.minus(first.earned()), StateError, "minus, period", "2026-09", "2026-10")
    idle = fx.settle(given, deferring, period=fx.month(2026, 11), state=first.state).earned()
    assert idle.columns()["released_minor"].tolist() == [500]
    assert idle.columns()["allowed_minor"].tolist() == [0]


def test_a_correction_is_the_difference():
    """An order more, settled anew: who gets more, by policy and member, in label order."""
    rules = plan(levels(), levels("launch", rates=["1%"]))
    before, after = (fx.settle(facts(*records), rules).earned() for records in ([{}], [{}, {"member": "bo"}]))
    found = after.minus(before)
    assert found.columns()["policy"] == ["referral", "launch"]
    assert found.columns()["member"].tolist() == ["ann", "ann"]
    assert found.before.tolist() == [500, 0]
    assert found.after.tolist() == [1500, 100]
    assert found.policies == ("referral", "launch")
    assert found.policy.dtype == np.int32
    assert repr(found) == "Differences(2 amounts: 11.00 CNY)"
    assert repr(before.minus(before)) == "Differences(0 amounts: 0.00 CNY)"
    fewer = attrs.evolve(rules, policies=[levels("launch", rates=["1%"])])
    changed_plan = fx.settle(facts(), fewer).earned().minus(before)
    assert changed_plan.columns()["policy"] == ["referral", "referral"]
    assert changed_plan.difference.tolist() == [-500, -1000]
    assert changed_plan.policies == ("launch", "referral")
    more = fx.settle(facts(), plan(levels("launch", rates=["2%"]))).earned()
    less = fx.settle(facts(), fewer).earned()
    assert repr(less.minus(more)) == "Differences(1 amount: -1.00 CNY)"


def test_columns_are_ready_for_a_frame():
    """One row for each policy and member, policies in plan order, members in label order."""
    totals = earned(pay(), pay("pool", ["zoe"], [1], [0]), pay("none", (), (), ()))
    columns = totals.columns()
    assert {name: list(column) for name, column in columns.items()} == {
        "policy": ["referral", "referral", "pool"],
        "member": ["al", "zoe", "zoe"],
        "allowed_minor": [2, 5, 1],
        "released_minor": [7, 0, 0],
    }
    assert columns["allowed_minor"].dtype == np.int64


def test_policies_of_ones_own_need_a_tag():
    """A plan that has no hash cannot be kept with what it paid."""
    run = fx.settle(facts(), plan(ScriptedPeriod("mine", script=lambda _: ([], []))))
    refused(run.earned, UnsupportedError, "kind")
    assert fx.settle(facts(), plan(Prize("prize", winner="bo"))).earned().policies[0].policy == "prize"


# --------------------------------------------------------------------------------------------------- refusals


def test_the_data_names_every_field():
    """A field that is new to totals is stored as well; nothing else is."""
    assert set(DATA) == {field.name for field in attrs.fields(Earned)} | {"format", "version", "sha256"}
    assert set(DATA["policies"][0]) == {field.name for field in attrs.fields(PolicyPay)}


def test_the_data_is_pinned():
    """The text of totals does not change within a version."""
    assert {key: value for key, value in DATA.items() if key != "sha256"} == {
        "format": "fenxiao.earned",
        "version": 1,
        "period": "2026-10",
        "plan": "f" * 64,
        "currency": {"code": "CNY", "decimals": 2},
        "policies": [
            {
                "policy": "referral",
                "labels": {"kind": "str", "values": ["al", "zoe"]},
                "allowed": [2, 5],
                "released": [7, 0],
            },
            {"policy": "pool", "labels": {"kind": "int", "values": []}, "allowed": [], "released": []},
        ],
        "budget": 7,
        "losses": 0,
        "funds": 0,
        "order_pay": 7,
        "period_pay": 0,
        "released": 7,
        "deferred": 0,
        "carried_in": 0,
        "carried_on": 0,
    }


INVALID = {
    "lengths": (lambda: pay(allowed=[1]), "different lengths"),
    "negative": (lambda: pay(allowed=[1, -1]), "out of range"),
    "float": (lambda: pay(released=[1.0, 2.0]), "integers"),
    "twice": (lambda: pay(labels=["zoe", "zoe"]), "second time"),
    "name": (lambda: pay(policy=5), "policy"),
    "period": (lambda: earned(period=None), "Earned, period"),
    "plan": (lambda: earned(plan=None), "Earned, plan"),
    "currency": (lambda: earned(currency="CNY"), "Earned, currency"),
    "policies": (lambda: earned(policies=3), "Earned, policies"),
    "policy": (lambda: earned(policies=["x"]), "Earned, policies"),
    "policy twice": (lambda: earned(pay(), pay()), "two entries"),
    "kinds": (lambda: earned(pay(), pay("pool", [5], [1], [1])), "mix kinds", "int", "str"),
    "bytes": (lambda: earned(pay(), pay("pool", [b"5"], [1], [1])), "mix kinds", "bytes", "str"),
    "budget": (lambda: earned(budget=-1), "Earned, budget", "0 or more"),
    "flag": (lambda: earned(losses=True), "Earned, losses"),
    "text": (lambda: earned(funds="5"), "Earned, funds"),
    "order pay": (lambda: earned(order_pay=6), "order_pay + period_pay", "got 6", "allowed: 7"),
    "period pay": (lambda: earned(period_pay=1), "order_pay + period_pay", "got 8"),
    "released": (lambda: earned(released=6), "Earned, released", "got 6", "allowed: 7"),
    "minus a dict": (lambda: earned().minus(DATA), "run.earned()"),
    "minus of": (lambda: earned().minus(earned(), "claimed"), "allowed, released"),
    "minus of many": (lambda: earned().minus(earned(), ["allowed"]), "allowed, released"),
    "other currency": (lambda: earned().minus(earned(currency=fx.Currency.of("USD"))), "minus, currency"),
    "other kind": (lambda: earned().minus(earned(pay(labels=[1, 2]))), "minus, members", "int", "str"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_does_not_add_up_is_refused(name):
    """Everything that totals may be given wrong is named."""
    make, *parts = INVALID[name]
    refused(make, StateError, *parts, absent=("zoe",))


def check_read_or_refused(data):
    """Check that data is read to totals that are stored again, or is refused without a label."""
    problem = ""
    try:
        totals = Earned.from_dict(data)
        assert again(totals) == totals
    except StateError as error:
        problem = str(error)
    assert "zoe" not in problem


@pytest.mark.parametrize("kind", STRANGE)
def test_damage_is_a_clear_error(kind):
    """Each value in turn, changed for a strange one: the checksum notices it, and so does strict reading."""
    for path in places(DATA):
        data = changed(DATA, path, STRANGE[kind])
        if data != DATA:
            refused(lambda data=data: Earned.from_dict(data), StateError, "earned", absent=("zoe",))
        check_read_or_refused(sealed_again(data))


DAMAGE = {
    "missing": (("plan",), DROP, "earned.plan: is missing"),
    "currency": (("currency", "decimals"), 13, "earned.currency", "0 to 12"),
    "code": (("currency", "code"), "", "earned.currency", "code"),
    "amount": (("policies", 0, "allowed", 0), 2**63, "earned.policies[0].allowed", "row 0"),
    "sum": (("policies", 0, "allowed", 0), 3, "earned", "add up"),
    "twice": (("policies", 0, "labels", "values", 0), "zoe", "earned.policies[0]", "second time"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_mistakes_are_named_with_their_path(name):
    """With a checksum that fits, the path of a wrong value is named."""
    path, to, *parts = DAMAGE[name]
    refused(
        lambda: Earned.from_dict(sealed_again(changed(DATA, path, to))), StateError, *parts, absent=("zoe",)
    )


def test_a_state_is_no_total():
    """Data of another kind is told by its tag."""
    refused(lambda: Earned.from_dict(fx.State().to_dict()), StateError, "key 'format'", "something else")


def test_other_amounts_share_what_stays():
    """Amounts in some rows are other ones; labels and released pay are shared, and the first pay stays."""
    before = pay(allowed=(5, 2), released=(0, 7))
    after = before.with_allowed(np.array([1]), np.array([9]))
    assert after == pay(allowed=(9, 2), released=(0, 7))
    assert (before, after.labels is before.labels) == (pay(), True)
    assert not after.allowed.flags.writeable


def test_columns_that_need_no_work_are_kept_as_they_are():
    """Sorted labels who all got something stand as they were given; who got nothing is left out."""
    labels = np.array([3, 5, 8])
    assert pay(labels=labels, allowed=(1, 0, 2), released=(0, 4, 0)).labels.tolist() == [3, 5, 8]
    assert pay(labels=labels, allowed=(1, 0, 2), released=(0, 0, 0)).labels.tolist() == [3, 8]
    assert pay(labels=labels[::-1], allowed=(1, 2, 3), released=(0, 0, 0)).allowed.tolist() == [3, 2, 1]
