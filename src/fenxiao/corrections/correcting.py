"""`correct`: settle the facts now known, and post the difference to what was earned before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

import attrs
import numpy as np

from fenxiao.corrections.book import Book, Entry
from fenxiao.corrections.index import Index
from fenxiao.corrections.outcome import Outcome
from fenxiao.corrections.pairs import PairedBack
from fenxiao.corrections.paying import differences, patched
from fenxiao.corrections.result import Correction
from fenxiao.corrections.touched import of_these, same_frame, touched_in
from fenxiao.errors import (
    CapRejectedError,
    InputError,
    OrdersError,
    StateError,
    UnsupportedError,
    is_listing,
    what,
)
from fenxiao.facts import Facts
from fenxiao.plan import Plan
from fenxiao.policies import BinaryPairing
from fenxiao.refunds import Refunds
from fenxiao.settlement import Settlement
from fenxiao.settlement.few import few_paid
from fenxiao.versions import PlanVersions

if TYPE_CHECKING:
    from fenxiao.earned import Differences
    from fenxiao.periods import Period
    from fenxiao.state import State


def correct(
    previous: Settlement | Book,
    facts: Facts | Mapping[str, Facts] | Mapping[Period, Facts],
    plan: Plan | PlanVersions | Iterable[Plan],
) -> Correction:
    """Return what the facts now known change in what was earned: differences, by the period that earned it.

    What a period has earned is a function of the facts: each period that the facts touch is settled again,
    from the earliest on as long as states differ, and the difference to the book is posted. So any sequence
    of refunds, late orders and corrections that ends in the same facts ends in the same earnings, and
    correcting twice posts nothing. ``plan.refunds`` names departures from that.

    Parameters
    ----------
    previous : Settlement or Book
        What was earned by now: one run, or the book of several.
    facts : Facts, or a mapping of them
        All facts as they are known now; by the period, or its key, where figures, funds, members or trees of
        periods differ.
    plan : Plan, PlanVersions, or a list of plans
        What the periods were settled with.

    Returns
    -------
    Correction
        Differences by earning period, the book after it, and on request lines and what is not recovered.

    Raises
    ------
    StateError
        A period was settled with another plan than those given; members have labels of another kind than in
        the book.
    UnsupportedError
        A horizon without a period, or pairs that give back in proportion through several plans.
    InputError
        As `settle`; facts of a period are missing.

    Examples
    --------
    >>> import fenxiao as fx
    >>> tree = fx.ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    >>> plan = fx.Plan(
    ...     currency="CNY",
    ...     margin=fx.Margin.rate("25%", of="paid"),
    ...     policies=[fx.LevelCommission("referral", base="paid", rates=["10%"], if_not="company")],
    ... )
    >>> orders = fx.Orders.from_records([{"order_id": 1, "member": "bo", "paid": "100.00"}])
    >>> facts = fx.Facts(tree=tree, orders=orders)
    >>> run = fx.settle(facts, plan)
    >>> later = facts.refund(1, paid="40.00", at="2026-10-09T12:00:00Z")
    >>> correction = correct(run, later, plan)
    >>> correction.totals(), correct(correction.book, later, plan).totals()
    ({'ann': Decimal('-4.00')}, {})
    """
    book = Book.of(previous) if isinstance(previous, Settlement) else previous
    if not isinstance(book, Book):
        raise InputError("previous", what(previous), allowed="what settle returned, or a Book of it")
    work = _Work(book, facts, _plans(plan))
    try:
        return work.correction()
    except CapRejectedError as error:
        return work.rejected(error)


def _plans(plan: object) -> dict[str, Plan]:
    """Return plans by their hash."""
    plans = [plan] if isinstance(plan, Plan) else plan
    if isinstance(plan, PlanVersions):
        plans = [each.plan for each in plan.versions]
    if not is_listing(plans):
        raise InputError("plan", what(plan), allowed="a Plan, or a list of them")
    listed = list(plans)
    for each in listed:
        if not isinstance(each, Plan):
            raise InputError("plan", f"holds what {what(each)}", allowed="a Plan, or a list of them")
    return {each.hash: each for each in listed}


def _settling(facts: Facts, plan: Plan, key: str, before: State) -> Callable[[], Outcome]:
    """Return a settlement that is made when it is first asked for."""
    return cache(partial(Outcome.of, facts, plan, key, before))


def _of_pairs(made: Callable[[], PairedBack], number: int) -> Outcome:
    """Return a run of pairs that are followed when they are first asked for."""
    return made().outcome(number)


class _Work:
    """One correction: which periods are settled again, and what that changes."""

    def __init__(self, book: Book, facts: object, plans: dict[str, Plan]) -> None:
        self.book = book
        self.facts = {str(key): its for key, its in facts.items()} if isinstance(facts, Mapping) else facts
        self.plans = plans
        self.plans_of = [self._plan_of(entry) for entry in book.entries]
        self.facts_of = [self._facts_of(entry) for entry in book.entries]
        self.outcomes: dict[str, tuple[Callable[[], Outcome], Callable[[], Outcome]]] = {}
        self.found: dict[str, Differences] = {}

    def _plan_of(self, entry: Entry) -> Plan:
        found = self.plans.get(entry.earned.plan)
        if found is None:
            raise StateError(
                "correct, plan",
                "is not the one that the period was settled with",
                value=entry.earned.period or "the run without a period",
                allowed="the plan, or all plans, of the book: their hashes are in it",
                hint="Compare two plans on the same facts with fenxiao.comparison.compare",
            )
        return found

    def _facts_of(self, entry: Entry) -> Facts:
        period = entry.earned.period
        facts = self.facts
        if isinstance(facts, dict):
            if period not in facts:
                allowed = ", ".join(key or '""' for key in self.book.periods)
                raise InputError("correct, facts", "are missing for a period", value=period, allowed=allowed)
            facts = facts[period]
        if not isinstance(facts, Facts):
            raise InputError(
                "correct, facts", what(facts), allowed="Facts, or a mapping from periods to them"
            )
        return facts

    def correction(self) -> Correction:
        """Settle again what the facts touch."""
        if self._has_pairs():
            return self._in_proportion()
        entries: list[Entry] = []
        state: State | None = None  # of the period before, where that was settled again
        for entry, plan, facts in zip(self.book.entries, self.plans_of, self.facts_of, strict=True):
            before = entry.before if state is None or state == entry.before else state
            settle_again = self._again if before is not entry.before else self._touched
            now, state = settle_again(entry, plan, facts, before)
            entries.append(now)
        book = Book(entries=entries, state=self.book.state if state is None else state)
        return self._posted(book, self.found)

    def _posted(self, book: Book, found: dict[str, Differences]) -> Correction:
        return Correction(
            book=book,
            differences=found,
            outcomes=self.outcomes_of,
            unrecovered=lambda: self.unrecovered(book),
        )

    def _has_pairs(self) -> bool:
        """Return whether pairings give back in proportion.

        Raises
        ------
        UnsupportedError
            They do, and the book is of several plans.
        """
        found = any(
            plan.refunds.rule == "pro_rata" and any(isinstance(each, BinaryPairing) for each in plan.policies)
            for plan in self.plans_of
        )
        if found and len({plan.hash for plan in self.plans_of}) > 1:
            raise UnsupportedError(
                "correct",
                "cannot follow pairs that give back in proportion through several plans",
                hint="Begin a book of its own with each plan",
            )
        return found

    def _in_proportion(self) -> Correction:
        """Settle all periods again, pairs giving back the share of their volume that went back."""
        book, plan = self.book, self.plans_of[0]
        first = book.entries[0].before
        pairs = PairedBack(zip(book.periods, self.facts_of, strict=True), plan, first)
        known = [(entry.earned.period, entry.facts) for entry in book.entries if entry.facts is not None]
        before = cache(lambda: PairedBack(known, plan, first))
        entries, found = [], {}
        for number, (entry, facts) in enumerate(zip(book.entries, self.facts_of, strict=True)):
            key, earned = entry.earned.period, pairs.outcome(number).earned()
            entries.append(Entry(earned=earned, before=pairs.befores[number], facts=facts))
            found[key] = differences(entry.earned, earned)
            if len(known) == len(book.entries):
                self.outcomes[key] = partial(_of_pairs, before, number), partial(pairs.outcome, number)
        return self._posted(Book(entries=entries, state=pairs.state), found)

    def _touched(self, entry: Entry, plan: Plan, facts: Facts, before: State) -> tuple[Entry, State | None]:
        """Return a period whose state before is what it was; and its new state, None if that is as before."""
        then, key = entry.facts, entry.earned.period
        plain = plan.refunds == Refunds()
        if then is None or not same_frame(then, facts) or not (plain or then.orders is facts.orders):
            return self._again(entry, plan, facts, before)
        try:
            others, rows = touched_in(then, facts, plan, key)
        except OrdersError:  # Orders that are read with other columns cannot be told apart line by line.
            return self._again(entry, plan, facts, before)
        if not len(others) and not len(rows):
            return attrs.evolve(entry, facts=facts), None
        index = entry.index
        if index is None or not index.is_of(entry.earned):
            return self._again(entry, plan, facts, before)
        few = of_these(then, facts, others, rows)
        old, new = (few_paid(index.run, each, plan) for each in few)
        earned, index, self.found[key] = patched(entry.earned, index, old, new)
        was, is_ = (_settling(each, plan, key, before) for each in few)
        self.outcomes[key] = was, is_
        return attrs.evolve(entry, earned=earned, facts=facts, index=index), None

    def _again(self, entry: Entry, plan: Plan, facts: Facts, before: State) -> tuple[Entry, State]:
        """Return a period settled again as a whole, and its new state."""
        new = _settling(facts, plan, entry.earned.period, before)
        if entry.facts is not None:
            old = _settling(entry.facts, plan, entry.earned.period, entry.before)
            self.outcomes[entry.earned.period] = old, new
        outcome = new()
        earned = outcome.earned()
        self.found[entry.earned.period] = differences(entry.earned, earned)
        index = Index.of(outcome.run, earned)
        return Entry(earned=earned, before=before, facts=facts, index=index), outcome.run.state

    def outcomes_of(self, period: str) -> tuple[Outcome, Outcome]:
        """Return a period before and after, for its lines."""
        if period not in self.outcomes:
            raise StateError(
                "Correction, lines",
                "of a period that was not settled again, or whose facts before are not at hand",
                value=period,
                allowed=", ".join(key or '""' for key in self.outcomes) or "none",
                hint="Correct the book that was made of the runs themselves",
            )
        old, new = self.outcomes[period]
        return old(), new()

    def rejected(self, error: CapRejectedError) -> Correction:
        """Return that nothing changes, and what a cap rejects."""
        self.outcomes.clear()
        return Correction(
            book=self.book,
            differences={},
            rejected=tuple(error.labels),
            outcomes=self.outcomes_of,
            unrecovered=dict,
        )

    def unrecovered(self, book: Book) -> dict[str, Differences]:
        """Return what is earned above what recomputing everything would give, period by period."""
        found: dict[str, Differences] = {}
        state: State | None = None
        for entry, plan, facts in zip(book.entries, self.plans_of, self.facts_of, strict=True):
            key = entry.earned.period
            before = self.book.entries[0].before if state is None else state
            outcome = Outcome.of(facts, attrs.evolve(plan, refunds=Refunds()), key, before)
            above = differences(outcome.earned(), entry.earned)
            found[key] = above.take(np.flatnonzero(above.difference > 0))
            state = outcome.run.state
        return {key: each for key, each in found.items() if len(each)}
