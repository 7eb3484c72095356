"""Region agency against its slow twin, line by line, and its laws."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.policies import RegionAgency
from tests.oracles import regions as slow
from tests.oracles.cascades import rounded
from tests.strategies import regions as worlds
from tests.strategies.cascades import BASES
from tests.strategies.networks import REGIONS
from tests.strategies.networks import settled as settled_network
from tests.strategies.networks import worlds as networks

QUICK = settings(max_examples=40, deadline=None)


def plan_of(*policies, **more):
    """Return a plan that survives the way to plain data and back."""
    given = {"currency": "CNY", "margin": fx.Margin.column("margin")} | more
    plan = fx.Plan(policies=policies, **given)
    assert fx.Plan.from_dict(plan.to_dict()) == plan
    return plan


def claimed(run):
    """Return what each line claims for whom: {(order, line, payee, level, minor units): times}."""
    found = Counter()
    for batch in run.lines():
        columns = batch.columns()
        names = ("order_id", "line", "payee", "level", "claimed_minor")
        for key in zip(*(list(columns[name]) for name in names), strict=True):
            found[key] += 1
    return found


def expected(world, policy):
    """Return the same of the twin, and what nobody is paid."""
    found, lost = Counter(), 0
    for line in world["lines"]:
        claims, breakage = slow.claims(world, line, BASES[policy["base"]](line), policy)
        lost += breakage
        for who, level, amount in claims:
            if amount:
                found[line["order_id"], line["line"], who, level, amount] += 1
    return found, lost


@settings(max_examples=150, deadline=None)
@given(setting=worlds.settings_of())
def test_like_the_twin(setting):
    """Every line of agents and recruiters is the slow twin's, and so is what nobody is paid."""
    policy, world = setting
    run = fx.settle(worlds.facts_of(world), plan_of(worlds.built(policy)))
    lines, lost = expected(world, policy)
    assert claimed(run) == lines
    assert run.margin_report().breakage == lost
    for guarded in run.run:
        for _, claims, _ in (part for sheet in guarded.sheets for part in sheet.parts()):
            # Sums are added up as if no claim were above it.
            assert claims.amount.max(initial=0) <= claims.bound


@QUICK
@given(setting=worlds.settings_of(), data=st.data())
def test_everybody_is_told_what_he_gets(setting, data):
    """A statement has each line of a member at a rate that gives its amount; explanations have its sum."""
    policy, world = setting
    run = fx.settle(worlds.facts_of(world), plan_of(worlds.built(policy)))
    lines, _ = expected(world, policy)
    who = data.draw(st.sampled_from(sorted(world["members"])))
    bases = {(line["order_id"], line["line"]): BASES[policy["base"]](line) for line in world["lines"]}
    told = Counter()
    for entry in run.statement(who).entries:
        told[entry.order_id, entry.line, who, entry.level, entry.claimed] += 1
        exact = fx.Rate.of(entry.rate).fraction * bases[entry.order_id, entry.line]
        # Shares are cut to whole units once more, and steps are differences of rounded amounts.
        assert abs(exact - entry.claimed) < 2
    assert told == Counter({key: n for key, n in lines.items() if key[2] == who})
    for order in {line["order_id"] for line in world["lines"]}:
        verdicts = run.explain(who, order).verdicts
        mine = sum(key[-1] * n for key, n in lines.items() if key[0] == order and key[2] == who)
        assert sum(verdict.claimed for verdict in verdicts) == mine
        assert all(verdict.claimed or verdict.reason is not fx.Reason.PAID for verdict in verdicts)
        assert all(verdict.reason is not fx.Reason.NO_MEMBER for verdict in verdicts)


# ------------------------------------------------------------------------------------------------------ laws


def by_tier(run, tiers):
    """Return what the agents of each order line and tier claim: {(order, line, level): minor units}."""
    sums = Counter()
    for (order, line, _, level, amount), n in claimed(run).items():
        if level <= tiers:
            sums[order, line, level] += amount * n
    return sums


@QUICK
@given(setting=worlds.settings_of())
def test_shares_sum_to_the_rounded_whole(setting):
    """However agents share a rate, together they get the region's amount, rounded once."""
    policy, world = setting
    policy |= {"where": None, "eligible": None, "unqualified": None, "differential": False, "if_none": None}
    if policy["rated"] == "contract":
        policy |= {"rated": "rates", "rates": dict.fromkeys(slow.tiers_of(policy), Fraction(1, 3))}
        if not policy["tiers"]:
            policy |= {"rated": "rate"}
    policy |= {"split": "equal" if policy["split"] in ("exclusive", "full") else policy["split"]}
    kept = []
    for who in slow.agents(world):
        if slow.conflict(world, policy, who, kept):
            world["members"][who]["agent_region"] = None
        else:
            kept.append(who)
    tiers = slow.tiers_of(policy)
    sums = by_tier(fx.settle(worlds.facts_of(world), plan_of(worlds.built(policy))), len(tiers))
    for line in world["lines"]:
        base, path = BASES[policy["base"]](line), slow.way_up(policy["regions"], line["region"])
        for level, tier in enumerate(tiers, start=1):
            people = [world["members"][who] for who in kept]
            there = any(
                his["agent_region"] in path and slow.tier_of(his, policy) == tier
                for his in people
                if line["region"] is not None
            )
            whole = rounded(policy["rates"][tier] * base, policy["rounding"]) if there else 0
            assert sums[line["order_id"], line["line"], level] == whole


@QUICK
@given(setting=worlds.settings_of())
def test_differential_pays_the_highest_rate_rounded_once(setting):
    """What the tiers of a line are paid, or the company keeps, is the highest rate, rounded once."""
    policy, world = setting
    policy |= {"differential": True, "if_none": policy["if_none"] or "roll_up", "recruiter": None}
    policy |= {"recruiter_eligible": None, "eligible": None, "unqualified": None, "where": None}
    if policy["rated"] == "rate" or policy["split"] == "full":
        return
    run = fx.settle(worlds.facts_of(world), plan_of(worlds.built(policy)))
    sums, lost, tops = by_tier(run, 99), run.margin_report().breakage, 0
    for line in world["lines"]:
        path = slow.way_up(policy["regions"], line["region"])
        people = [his for his in world["members"].values() if line["region"] and his["agent_region"] in path]
        if policy["rates"] == "contract":
            rates = [his["contract"] for his in people]
        elif policy["if_none"] == "company":
            rates = list(policy["rates"].values()) if line["region"] else []
        else:
            rates = [policy["rates"][slow.tier_of(his, policy)] for his in people]
        base = BASES[policy["base"]](line)
        whole = rounded(max(rates, default=Fraction(0)) * base, policy["rounding"])
        paid = sum(n for key, n in sums.items() if key[:2] == (line["order_id"], line["line"]))
        assert paid <= whole if policy["if_none"] == "company" else paid == whole
        tops += whole
    assert sum(sums.values()) + lost == tops


@QUICK
@given(setting=worlds.settings_of())
def test_bounded_forms_cost_at_most_the_tiers_rates(setting):
    """Unless every agent gets the full rate, an order line costs at most the tiers' amounts together."""
    policy, world = setting
    policy |= {"recruiter": None, "recruiter_eligible": None}
    if policy["split"] == "full" or policy["rated"] == "contract":
        return
    run = fx.settle(worlds.facts_of(world), plan_of(worlds.built(policy)))
    sums = Counter()
    for (order, line, _, _, amount), n in claimed(run).items():
        sums[order, line] += amount * n
    for line in world["lines"]:
        base = BASES[policy["base"]](line)
        most = sum(rounded(rate * base, policy["rounding"]) for rate in policy["rates"].values())
        assert sums[line["order_id"], line["line"]] <= most


@QUICK
@given(setting=worlds.settings_of(), data=st.data())
def test_order_of_rows_does_not_matter(setting, data):
    """Members, orders, sponsors and regions in any order give the same lines."""
    policy, world = setting
    run = fx.settle(worlds.facts_of(world), plan_of(worlds.built(policy)))
    turned = policy | {"regions": dict(data.draw(st.permutations(list(policy["regions"].items()))))}
    facts = worlds.facts_of(world, turn=lambda rows: data.draw(st.permutations(rows)))
    again = fx.settle(facts, plan_of(worlds.built(turned)))
    assert claimed(again) == claimed(run)
    assert again.margin_report().breakage == run.margin_report().breakage


@QUICK
@given(
    setting=worlds.settings_of(),
    margin=st.integers(0, 40),
    rule=st.sampled_from(["proportional", "priority"]),
)
def test_guard_holds(setting, margin, rule):
    """However small the margins, an order pays at most its margin, and claimed is allowed plus withheld."""
    policy, world = setting
    plan = plan_of(worlds.built(policy), margin=fx.Margin.column("margin", rule=rule))
    run = fx.settle(worlds.facts_of(world, margin=margin), plan)
    paid, lines = Counter(), Counter(line["order_id"] for line in world["lines"])
    for batch in run.lines():
        assert (batch.claimed == batch.allowed + batch.withheld).all()
        for order, amount in zip(batch.columns()["order_id"], batch.allowed.tolist(), strict=True):
            paid[order] += amount
    assert all(paid[order] <= margin * lines[order] for order in paid)


@QUICK
@given(
    setting=worlds.settings_of(),
    margin=st.integers(0, 40),
    rule=st.sampled_from(["proportional", "priority"]),
)
def test_a_line_of_nothing_changes_nothing(setting, margin, rule):
    """Cuts inside orders of one line go as in orders with more lines, to the last unit and label."""
    policy, world = setting
    policy |= {"rounding": "floor"}
    lines = {line["order_id"]: line | {"line": 0} for line in world["lines"]}
    nothing = [line | {"line": 1, "paid": 0, "pv": 0} for line in lines.values()]
    plan = plan_of(worlds.built(policy), margin=fx.Margin.rate(f"{margin}/400", of="paid", rule=rule))
    one, two = (
        fx.settle(worlds.facts_of(world | {"lines": rows}), plan)
        for rows in ([*lines.values()], [*lines.values(), *nothing])
    )
    assert one.totals().to_dict() == two.totals().to_dict()


@QUICK
@given(setting=worlds.settings_of())
def test_batches_merge(setting):
    """Settling the orders apart and merging gives the totals of settling them together."""
    policy, world = setting
    plan = plan_of(worlds.built(policy))
    assert plan.is_order_local
    whole = fx.settle(worlds.facts_of(world), plan)
    numbers = sorted({line["order_id"] for line in world["lines"]})
    runs = []
    for number in numbers:
        mine = [line for line in world["lines"] if line["order_id"] == number]
        runs.append(fx.settle(worlds.facts_of(world | {"lines": mine}), plan))
    if len(runs) > 1:
        merged = reduce(fx.merge, runs)
        assert merged.totals().to_dict() == whole.totals().to_dict()
        assert merged.margin_report().breakage == whole.margin_report().breakage


@QUICK
@given(networks(), st.sampled_from(["full", "equal"]), st.sampled_from(["0%", "1/7", "100%"]))
def test_greedy_agents_get_at_most_the_margin(world, split, rate):
    """Agents and recruiters who want everything get what the margin has."""
    greedy = RegionAgency("all", base="paid", split=split, rate="100%", recruiter="100%", regions=REGIONS)
    run = settled_network(world, greedy, margin=fx.Margin.rate(rate, of="paid"))
    budget = sum(int(order["paid"] * fx.Rate.of(rate).fraction) for order in world["orders"])
    assert run.totals().allowed.sum() <= budget
