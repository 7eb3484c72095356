"""Books: what runs have earned by now, as plain data, and what they refuse."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given, settings

import fenxiao as fx
from fenxiao.corrections import Book, Entry, correct
from fenxiao.errors import StateError
from tests.corrections.shop import LABELS, MONTHS, book_of, facts_of, plan_of
from tests.expressions.refusals import refused
from tests.state.damage import DROP, changed, damaged, sealed_again

CAPPED = plan_of(caps=[fx.Cap.per_payee("6.00", cut="defer"), fx.Cap.per_payee("9.00", window="lifetime")])
BOOK = book_of(facts_of((1, "1", "100.00"), (2, "2", "50.00")), CAPPED)
DATA = BOOK.to_dict()
ENTRY = BOOK.entries[0]
RUN = fx.settle(facts_of((1, "1", "100.00")), CAPPED)


def again(book):
    """Return a book after a stay as text."""
    return Book.from_dict(json.loads(json.dumps(book.to_dict(), allow_nan=False)))


@pytest.mark.parametrize("labels", LABELS, ids=lambda labels: type(labels[0]).__name__)
def test_books_go_to_text_and_back(labels):
    """What is read back is equal, whatever the members are called, and corrects the same."""
    facts = facts_of((1, "1", "100.00"), (2, "2", "50.00"), labels=labels)
    later = facts.refund(1, paid="30.00", at="2026-03-01T00:00:00Z")
    book = book_of(facts, CAPPED)
    assert again(book) == book
    assert again(book).to_dict() == book.to_dict()
    assert all(entry.facts is None for entry in again(book).entries)
    whole, stored = correct(book, later, CAPPED), correct(again(book), later, CAPPED)
    assert whole.totals() == stored.totals() != {}
    assert whole.book == stored.book
    assert {type(label) for label in whole.totals()} == {type(labels[0])}


def test_what_was_settled_is_not_part_of_equality():
    """Facts are kept for speed: books are equal without them, and unequal in anything else."""
    without = attrs.evolve(BOOK, entries=[attrs.evolve(entry, facts=None) for entry in BOOK.entries])
    assert without == BOOK
    assert attrs.evolve(BOOK, entries=BOOK.entries[:1]) != BOOK
    assert attrs.evolve(BOOK, state=fx.State()) != BOOK
    assert "facts" not in json.dumps(BOOK.to_dict())


def check_read_or_refused(data):
    """Check that data is refused, or that the book it makes stores itself again."""
    try:
        found = Book.from_dict(data)
    except StateError:
        refused(lambda: Book.from_dict(data), StateError, absent=LABELS[0])
    else:
        assert again(found) == found


@settings(max_examples=50, deadline=None)
@given(damaged(DATA))
def test_damage_is_seen(data):
    """Whatever value is another one, the checksum does not fit."""
    try:
        same = json.dumps(data, sort_keys=True) == json.dumps(DATA, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        same = False
    if same:
        assert Book.from_dict(data) == BOOK
    else:
        refused(lambda: Book.from_dict(data), StateError, absent=LABELS[0])


@settings(max_examples=50, deadline=None)
@given(damaged(DATA))
def test_damage_under_a_checksum_that_fits(data):
    """What makes no book is refused; what makes one can be stored again."""
    check_read_or_refused(sealed_again(data))


@pytest.mark.parametrize(
    "path",
    [("version",), ("entries",), ("state",), ("entries", 0, "earned"), ("entries", 1, "before")],
    ids=lambda path: path[-1],
)
def test_every_key_is_needed(path):
    """Nothing is made up for a key that is missing, and none is passed over."""
    refused(lambda: Book.from_dict(sealed_again(changed(DATA, path, DROP))), StateError, path[-1])
    more = changed(DATA, (*path[:-1], "more"), 5)
    refused(lambda: Book.from_dict(sealed_again(more)), StateError, "1 key(s) that are not known")


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (Book.of, ["is of no run", "settle"]),
        (lambda: Book.of(3), ["Book, run", "is a int", "settle"]),
        (lambda: BOOK.then(BOOK), ["Book, run", "is a Book"]),
        (lambda: Book(entries=[], state=fx.State()), ["Book, entries", "one Entry or more"]),
        (lambda: Book(entries=ENTRY, state=fx.State()), ["Book, entries", "is a Entry"]),
        (lambda: Book(entries=[ENTRY.earned], state=fx.State()), ["Book, entries", "one Entry or more"]),
        (lambda: Book(entries=[ENTRY, ENTRY], state=fx.State()), ["a period twice", "2026-01"]),
        (lambda: Book(entries=[ENTRY], state={}), ["Book, state", "State"]),
        (lambda: Entry(earned=None, before=fx.State()), ["Entry, earned", "Earned"]),
        (lambda: Entry(earned=ENTRY.earned, before=None), ["Entry, before", "State"]),
        (lambda: Entry(earned=ENTRY.earned, before=fx.State(), facts=3), ["Entry, facts", "Facts or None"]),
        (lambda: Entry(earned=ENTRY.earned, before=fx.State(), index=3), ["Entry, index", "Index or None"]),
        (lambda: BOOK.earned("2027-01"), ["is not in the book", "2027-01", "2026-01, 2026-02"]),
        (BOOK.earned, ["is not in the book", "2026-01, 2026-02"]),
        (lambda: Book.of(RUN).earned("2026-01"), ["is not in the book", "no period"]),
        (lambda: Book.of(RUN).then(RUN), ["one run alone if it has no period", "merge"]),
        (lambda: BOOK.then(RUN), ["one run alone if it has no period"]),
        (lambda: Book.from_dict(None), ["book", "is None"]),
        (lambda: Book.from_dict(RUN.state.to_dict()), ["book"]),
        (lambda: Book.from_dict(DATA | {"version": 2}), ["version", "2"]),
    ],
)
def test_what_is_no_book_is_refused(make, parts):
    """Every refusal names the thing, what is allowed or the next step."""
    refused(make, StateError, *parts)


def test_runs_follow_one_another():
    """A run starts from the state of the book, in a period that the book does not have."""
    facts = facts_of((1, "1", "100.00"))
    apart = [fx.settle(facts, CAPPED, period=month) for month in MONTHS]
    refused(lambda: Book.of(*apart), StateError, "did not start from its state", "book.state")
    period_first = fx.settle(facts, plan_of(), period=MONTHS[0])
    refused(lambda: Book.of(fx.settle(facts, plan_of())).then(period_first), StateError, "no period")


def test_one_currency():
    """Two currencies are two books."""
    facts, state = facts_of((1, "1", "100.00"), currency="USD"), fx.State()
    other = Book.of(fx.settle(facts, plan_of(currency="USD"), period=MONTHS[1])).entries[0]
    refused(
        lambda: Book(entries=[ENTRY, other], state=state), StateError, "several currencies", "one currency"
    )


def test_what_a_book_says():
    """Its periods, its currency, what a period has earned; its repr in one line."""
    assert BOOK.periods == ("2026-01", "2026-02")
    assert BOOK.currency.code == "CNY"
    assert BOOK.earned(MONTHS[1]) == BOOK.earned("2026-02") == BOOK.entries[1].earned
    assert repr(BOOK) == "Book(2 runs: 2026-01 to 2026-02)"
    assert repr(Book.of(RUN)) == "Book(1 run)"
    assert Book.of(RUN).earned() == RUN.earned()
    assert "facts" not in repr(ENTRY)


def test_a_book_forgets_what_is_closed():
    """Without the periods before one, what is left is corrected as before."""
    last = BOOK.periods[-1]
    rest = BOOK.since(last)
    assert (rest.periods, rest.state) == ((last,), BOOK.state)
    assert BOOK.since(BOOK.periods[0]) == BOOK
    with pytest.raises(StateError, match="is not in the book"):
        BOOK.since("2025-12")
