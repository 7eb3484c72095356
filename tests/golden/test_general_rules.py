"""The golden cases are samples: here is the rule behind each family of them, on generated numbers."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx

AMOUNTS = st.integers(0, 10**6)
TENTHS = st.integers(0, 300)


def rate(tenths):
    """Write tenths of a percent as a rate."""
    return fx.Rate.of(Fraction(tenths, 1000))


def chain(length):
    """Return a chain of members 0 (the root) to `length` - 1."""
    return fx.ReferralTree.from_mapping({0: None} | {k: k - 1 for k in range(1, length)})


def cents(run, member):
    """Return what a member gets, in cents."""
    return int(run.payout(member) * 100)


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 6),
    paid=AMOUNTS,
    share=st.integers(1, 1000),
    rates=st.lists(TENTHS, min_size=1, max_size=3),
    start=st.sampled_from([0, 1, 2]),
)
def test_level_rates_of_a_share_of_the_order(length, paid, share, rates, start):
    """Level k of a chain pays the floor of paid x share x rate; a missing level stays with the company."""
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=[
            fx.LevelCommission(
                "pool",
                base=fx.Base("paid") * rate(share),
                rates=[rate(each) for each in rates],
                start_level=start,
                if_not="company",
            )
        ],
    )
    orders = fx.Orders.from_records([{"order_id": 1, "member": length - 1, "paid_minor": paid}])
    run = fx.settle(fx.Facts(tree=chain(length), orders=orders), plan)
    due = [Fraction(paid * share * each, 10**6).__floor__() for each in rates]
    for k, amount in enumerate(due):
        place = length - 1 - start - k
        assert place < 0 or cents(run, place) == amount
    report = run.margin_report()
    assert report.breakage == sum(amount for k, amount in enumerate(due) if length - 1 - start - k < 0)
    assert report.used + report.kept == report.budget == paid


@settings(max_examples=40, deadline=None)
@given(
    ranks=st.lists(st.sampled_from(["plain", "silver", "gold"]), min_size=2, max_size=5),
    table=st.fixed_dictionaries(
        {name: st.lists(TENTHS, min_size=1, max_size=3) for name in ("plain", "silver", "gold")}
    ),
    paid=AMOUNTS,
)
def test_rank_by_level_table(ranks, table, paid):
    """The rate is the cell of the payee's own rank at his level; beyond the end of his row: nothing."""
    members = [{"member": k, "rank": rank} for k, rank in enumerate(ranks)]
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=[
            fx.LevelCommission(
                "table",
                base="paid",
                by_rank={name: [rate(each) for each in row] for name, row in table.items()},
                if_not="company",
            )
        ],
    )
    last = len(ranks) - 1
    orders = fx.Orders.from_records([{"order_id": 1, "member": last, "paid_minor": paid}])
    facts = fx.Facts(tree=chain(len(ranks)), orders=orders, members=fx.Members.from_records(members))
    run = fx.settle(facts, plan)
    for place in range(last):
        row, k = table[ranks[place]], last - 1 - place
        assert cents(run, place) == (paid * row[k] // 1000 if k < len(row) else 0)


@settings(max_examples=60, deadline=None)
@given(cv=st.integers(0, 400), thresholds=st.just({100: 100, 200: 20, 300: 30}))
def test_brackets_as_steps(cv, thresholds):
    """Rates with a minimum order add up to the bracket of the whole order, the threshold itself inside."""
    plan = fx.Plan(
        currency="USD",
        margin=fx.Margin.rate("100%", of="cv"),
        policies=[
            fx.LevelCommission(
                f"from {least}",
                base="cv",
                start_level=1,
                rates=[rate(step)],
                if_not="company",
                where=fx.Where(minimum={"cv": str(least)}),
            )
            for least, step in thresholds.items()
        ],
    )
    orders = fx.Orders.from_records([{"order_id": 1, "member": 1, "cv": str(cv)}], volumes={"cv": 0})
    run = fx.settle(fx.Facts(tree=chain(2), orders=orders), plan)
    whole = sum(step for least, step in thresholds.items() if cv >= least)
    assert cents(run, 0) == cv * 100 * whole // 1000


@settings(max_examples=40, deadline=None)
@given(
    amounts=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    limit=st.integers(0, 12000),
    cut=st.sampled_from(["forfeit", "defer"]),
)
def test_cumulative_cap(amounts, limit, cut):
    """Month after month a lifetime cap pays what is left of it; the rest is forfeited or put off."""
    cap = fx.Cap.per_payee(f"{limit // 100}.{limit % 100:02d}", window="lifetime", cut=cut)
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.rate("100%", of="paid"),
        policies=[fx.LevelCommission("all", base="paid", rates=["100%"], if_not="company")],
        caps=[cap],
        anchor="paid_at",
        zone="Asia/Shanghai",
    )
    state, left, put_off = None, limit, 0
    for number, amount in enumerate(amounts):
        record = {
            "order_id": 1,
            "member": 1,
            "paid_minor": amount,
            "paid_at": f"2026-{number + 1:02d}-15T12:00:00",
        }
        orders = fx.Orders.from_records([record], zone="Asia/Shanghai")
        run = fx.settle(
            fx.Facts(tree=chain(2), orders=orders), plan, period=fx.month(2026, number + 1), state=state
        )
        state = run.state
        expected = min(amount, left)
        left, put_off = left - expected, put_off + amount - expected
        assert cents(run, 0) == expected
        assert sum(entry.amount for entry in state.deferred) == (put_off if cut == "defer" else 0)


@settings(max_examples=40, deadline=None)
@given(
    due=st.lists(st.integers(0, 10**5), min_size=1, max_size=5),
    share=st.integers(0, 1000),
    volume=st.integers(0, 10**4),
)
def test_company_cap_in_proportion(due, share, volume):
    """A company cap of a share of volume leaves each payee his part of it, by largest remainders."""
    tree = fx.ReferralTree.from_mapping(
        dict.fromkeys(range(2 * len(due))) | {2 * k + 1: 2 * k for k in range(len(due))}
    )
    records = [
        {
            "order_id": k,
            "member": 2 * k + 1,
            "due_minor": amount,
            "volume": "0" if k else str(volume),
            "margin_minor": amount,
        }
        for k, amount in enumerate(due)
    ]
    plan = fx.Plan(
        currency="USD",
        margin=fx.Margin.column("margin"),
        policies=[fx.LevelCommission("due", base="due", rates=["100%"], if_not="company")],
        caps=[fx.Cap.company(rate(share), of="volume")],
    )
    orders = fx.Orders.from_records(records, volumes={"volume": 0})
    run = fx.settle(fx.Facts(tree=tree, orders=orders), plan)
    cap = volume * 100 * share // 1000
    assert [cents(run, 2 * k) for k in range(len(due))] == fx.ration(due, cap).tolist()
