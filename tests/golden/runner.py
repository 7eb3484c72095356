"""Reads the golden cases and settles them through the public API; it knows no case by name.

A case is one settlement, or several in a row that hand their state on (``runs``). Its data:

``tree``
    Chains of sponsors, each ``"sponsor > member > member"``; or ``{width = 5, depth = 5}`` for a full tree
    whose members are called by their paths (``"r"``, ``"r.1"``, ``"r.1.5"``).
``places``
    Records of a binary placement: member, parent, leg.
``matrix``
    Width, rule and order in which members are placed one after the other; that of the tree if left out.
``opening``
    What a policy carries into the first run: policy, member, left, right.
``members``, ``orders``, ``catalog``
    Records as the constructors take them; the tables ``member_options`` and ``order_options`` go with them.
    ``orders_each`` gives every member but the roots one order.
``changes``
    Records of what happened to the orders.
``later``
    Records of what became known after the run before. They stand instead of a run: those so far are
    corrected. What is expected of it may name `CHECKS_OF_CORRECTIONS`.
``figures``
    Named money of the period.
``plan``
    What ``Plan.from_dict`` reads.
``period``
    Year and month of a run.
``expected``
    What must come out: see `CHECKS`. ``payouts`` names everybody who gets anything.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import fenxiao as fx
from fenxiao.corrections import Book
from fenxiao.placement import Placement
from fenxiao.policies import drawn
from fenxiao.volumes import Carry

HERE = Path(__file__).parent


def load(name):
    """Read one file of golden data."""
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


def files():
    """Name the files that hold settlement cases."""
    return sorted(path.name for path in HERE.glob("*.toml") if "case" in load(path.name))


def cases():
    """Return every settlement case."""
    return [case for name in files() for case in load(name)["case"]]


def tree_of(data):
    """Return the referral tree that a case describes."""
    if isinstance(data, dict):
        return fx.ReferralTree.from_mapping(_full_tree(data["width"], data["depth"]))
    sponsors = {}
    for chain in data:
        names = chain.split(" > ")
        for sponsor, member in zip([None, *names], names, strict=False):
            if sponsor is None and member in sponsors:
                continue  # a further branch of somebody who was introduced before
            if sponsors.setdefault(member, sponsor) != sponsor:
                msg = f"{member} has two sponsors"
                raise ValueError(msg)
    return fx.ReferralTree.from_mapping(sponsors)


def _full_tree(width, depth):
    sponsors, last = {"r": None}, ["r"]
    for _ in range(depth):
        fresh = {f"{sponsor}.{place + 1}": sponsor for sponsor in last for place in range(width)}
        sponsors |= fresh
        last = list(fresh)
    return sponsors


def facts_of(case, run):
    """Return the facts of one run of a case."""
    tree = tree_of(case["tree"])
    records = list(run.get("orders", []))
    if "orders_each" in run:
        buyers = [label for label in tree.ids.tolist() if tree.parent_of(label) is not None]
        records += [{"order_id": label, "member": label} | run["orders_each"] for label in buyers]
    options = dict(case.get("order_options", {}))
    currency = case["plan"]["currency"]
    options.setdefault("currency", fx.Currency(**currency) if isinstance(currency, dict) else currency)
    members = case.get("members")
    facts = fx.Facts(
        tree=tree,
        orders=fx.Orders.from_records(records, **options),
        members=None
        if members is None
        else fx.Members.from_records(members, **case.get("member_options", {})),
        catalog=fx.Catalog.from_records(case["catalog"]) if "catalog" in case else None,
        placements=_placements(case, tree),
        figures=case.get("figures", {}),
    )
    return facts.after(facts.orders.read_changes(run.get("changes", [])))


def _placements(case, tree):
    """Return the placements that a case describes."""
    found = {}
    if "places" in case:
        found["binary"] = Placement.from_records(tree, case["places"])
    if "matrix" in case:
        matrix = dict(case["matrix"])
        found["matrix"] = Placement.auto(tree, matrix.pop("order", tree.ids), **matrix)
    return found


def _opening(entry):
    """Return the state that a case starts from."""
    volumes = {"left": [entry["left"]], "right": [entry["right"]]}
    carry = Carry(policy=entry["policy"], labels=[entry["member"]], paired=[False], decimals=0, **volumes)
    return fx.State(carries=[carry])


def settle_case(case):
    """Settle the runs of a case one after another; yield each settlement with what is expected of it.

    A run of what became known ``later`` yields a correction of all that was settled.
    """
    plan = fx.Plan.from_dict({"version": 1} | case["plan"])
    state = _opening(case["opening"]) if "opening" in case else None
    facts = book = None
    for run in case.get("runs", [case]):
        if "later" in run:
            facts = facts.after(facts.orders.read_changes(run["later"]))
            made = fx.correct(book, facts, plan)
            book = made.book
        else:
            period = fx.month(*run["period"]) if "period" in run else None
            new = facts_of(case, run)
            # A run brings its own orders; what is corrected has those of all runs.
            facts = new if book is None else facts.added(new.orders)
            made = fx.settle(facts if _corrects(case) else new, plan, period=period, state=state)
            if _corrects(case):
                book = Book.of(made) if book is None else book.then(made)
        state = made.state
        yield made, run["expected"]


def _corrects(case):
    return any("later" in run for run in case.get("runs", []))


def money(table):
    """Return a table of texts as exact amounts."""
    return {key: Decimal(text) for key, text in table.items()}


def amount(run, minor):
    """Return minor units as an exact amount of the plan's currency."""
    return Decimal(minor).scaleb(-run.plan.currency.decimals)


def lines_of(run):
    """Return all lines as records with exact amounts."""
    records = []
    for batch in run.lines():
        columns = batch.columns()
        names = ("order_id", "line", "policy", "level", "payee", "allowed_minor")
        for values in zip(*(list(columns[name]) for name in names), strict=True):
            record = dict(zip(names, values, strict=True))
            record["amount"] = amount(run, int(record.pop("allowed_minor")))
            records.append(record)
    return records


def _sums(run, name):
    sums = Counter()
    for record in lines_of(run):
        sums[record[name]] += record["amount"]
    return dict(sums)


def check_payouts(run, expected):
    """Check everybody who is paid anything, and what."""
    assert run.totals().to_dict() == {k: v for k, v in money(expected).items() if v}
    for member, pay in money(expected).items():
        assert run.payout(member) == pay


def check_carry(run, expected):
    """Check what every position carries: left and right, those with nothing left out."""
    found = {}
    for carry in run.state.carries:
        columns = (carry.labels.tolist(), carry.left.tolist(), carry.right.tolist())
        found |= {label: [left, right] for label, left, right in zip(*columns, strict=True) if left or right}
    assert found == expected


def check_payouts_of(run, expected):
    """Check what the named members are paid, whatever the others get."""
    assert {member: run.payout(member) for member in expected} == money(expected)


def check_by_policy(run, expected):
    """Check what each named policy pays in all."""
    found = {name: amount(run, sum(run.totals(name).allowed.tolist())) for name in expected}
    assert found == money(expected)


def check_by_order(run, expected):
    """Check what each named order pays in all."""
    sums = _sums(run, "order_id")
    assert {order: sums.get(order, 0) for order in expected} == money(expected)


def check_by_level(run, expected):
    """Check what each named member gets from each level."""
    for member, table in expected.items():
        sums = Counter()
        for record in lines_of(run):
            if record["payee"] == member:
                sums[str(record["level"])] += record["amount"]
        assert dict(sums) == money(table)


def check_lines(run, expected):
    """Check every line, as far as the case describes lines."""
    names = list(expected[0])
    found = Counter(tuple(str(record[name]) for name in names) for record in lines_of(run))
    assert found == Counter(tuple(str(line[name]) for name in names) for line in expected)


def check_line_count(run, expected):
    """Check how many lines each named policy emits."""
    found = Counter(record["policy"] for record in lines_of(run))
    assert {policy: found[policy] for policy in expected} == expected


def check_report(run, expected):
    """Check entries of the margin report."""
    report = run.margin_report()
    assert {name: amount(run, getattr(report, name)) for name in expected} == money(expected)


def check_cuts(run, expected):
    """Check what each cap or margin cut in all; every one that cut anything is named."""
    found = {name: amount(run, minor) for name, minor in run.margin_report().cuts}
    assert found == money(expected)


def check_deferred(run, expected):
    """Check what is put off for each payee."""
    found = Counter()
    for entry in run.state.deferred:
        found[entry.payee] += amount(run, entry.amount)
    assert found == money(expected)


def check_parts(run, expected):
    """Check what the named members' claims on the period are made of, in words."""
    for member, parts in expected.items():
        verdicts = run.explain_period(member).verdicts
        assert [part for verdict in verdicts for part in verdict.parts] == parts


def check_parts_of(run, expected):
    """Check what each named policy pays each member, and that it pays nobody else."""
    for policy, table in expected.items():
        assert run.totals(policy).to_dict() == money(table)


def check_shown(run, expected):
    """Check all money that others pay."""
    assert run.shown().to_dict() == money(expected)


def check_shown_of(run, expected):
    """Check money that others pay to the named members."""
    shown = run.shown().to_dict()
    assert {member: shown.get(member, Decimal(0)) for member in expected} == money(expected)


def check_drawn(runs, expected):
    """Check which orders the last of some runs drew on, and what is left in both legs."""
    found = drawn(runs, expected["policy"], expected["member"])
    last = [draw for draw in found.draws if draw.run == len(runs) - 1]
    assert {draw.order_id: draw.volume for draw in last} == expected["draws"]
    assert {draw.order_id: draw.volume for draw in found.left} == expected["left"]


def check_posted(correction, expected):
    """Check everybody to whom the correction posts anything, and what."""
    assert correction.totals() == money(expected)


def check_earned(correction, expected):
    """Check what everybody has earned by now in all periods, those with nothing left out."""
    found = Counter()
    for key in correction.book.periods:
        for each in correction.book.earned(key).policies:
            for label, minor in zip(each.labels.tolist(), each.allowed.tolist(), strict=True):
                found[label] += Decimal(minor).scaleb(-correction.book.currency.decimals)
    assert dict(found) == money(expected)


def check_unrecovered(correction, expected):
    """Check what is left with payees beyond what recomputing would."""
    assert Decimal(correction.unrecovered_minor).scaleb(-correction.book.currency.decimals) == Decimal(
        expected
    )


CHECKS = {
    "carry": check_carry,
    "payouts": check_payouts,
    "payouts_of": check_payouts_of,
    "by_policy": check_by_policy,
    "by_order": check_by_order,
    "by_level": check_by_level,
    "lines": check_lines,
    "line_count": check_line_count,
    "report": check_report,
    "cuts": check_cuts,
    "deferred": check_deferred,
    "parts": check_parts,
    "parts_of": check_parts_of,
    "shown": check_shown,
    "shown_of": check_shown_of,
}
"""What ``expected`` may name."""
CHECKS_OF_RUNS = {"drawn": check_drawn}
"""What else it may name, which is checked with all runs so far."""
CHECKS_OF_CORRECTIONS = {
    "posted": check_posted,
    "earned": check_earned,
    "carry": check_carry,
    "unrecovered": check_unrecovered,
}
"""What ``expected`` may name of a correction."""
