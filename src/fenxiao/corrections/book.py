"""`Book`: what settled periods have earned by now, and the states between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs

from fenxiao._stored import Codec, each, fields_of, seal, unseal
from fenxiao.corrections.index import Index
from fenxiao.earned import Earned
from fenxiao.errors import StateError, instance_of, what
from fenxiao.facts import Facts
from fenxiao.settlement import Settlement
from fenxiao.state import State

if TYPE_CHECKING:
    from fenxiao.money import Currency
    from fenxiao.periods import Period

VERSION: Final = 1
"""Version of the plain data that books are written as."""


@final
@attrs.frozen(kw_only=True)
class Entry:
    """One earning period of a book.

    Parameters
    ----------
    earned : Earned
        What it has earned by now, corrections included.
    before : State
        The state that it is settled from.
    facts : Facts, optional
        What it was last settled on, kept in memory alone: with it a correction settles no more than it must.
    index : Index, optional
        For plans that look at single orders: what is kept of the run so that changed orders alone are settled
        again. In memory alone as well.
    """

    earned: Earned = attrs.field(validator=instance_of(Earned, error=StateError))
    before: State = attrs.field(validator=instance_of(State, error=StateError))
    facts: Facts | None = attrs.field(
        default=None, eq=False, repr=False, validator=instance_of(Facts, optional=True, error=StateError)
    )
    index: Index | None = attrs.field(
        default=None, eq=False, repr=False, validator=instance_of(Index, optional=True, error=StateError)
    )


def _entries(values: Any) -> tuple[Entry, ...]:
    listed = isinstance(values, list | tuple)
    if not listed or not values or not all(isinstance(value, Entry) for value in values):
        raise StateError("Book, entries", what(values), allowed="a list of one Entry or more")
    periods = [value.earned.period for value in values]
    if len(set(periods)) < len(periods):
        raise StateError(
            "Book, entries", "have a period twice", value=periods, hint="Correct the one there is"
        )
    if len({value.earned.currency for value in values}) > 1:
        raise StateError("Book, entries", "are in several currencies", allowed="one currency a book")
    return tuple(values)


@final
@attrs.frozen(kw_only=True, repr=False)
class Book:
    """What successive runs have earned by now: what corrections compare with, and lead on.

    Parameters
    ----------
    entries : list of Entry
        One a period, in the order in which they were settled. A book of a run without a period has that one.
    state : State
        What the next period is settled from.

    Raises
    ------
    StateError
        No entries, a period twice, several currencies.

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
    >>> book = Book.of(fx.settle(fx.Facts(tree=tree, orders=orders), plan))
    >>> book, Book.from_dict(book.to_dict()) == book
    (Book(1 run), True)
    """

    entries: tuple[Entry, ...] = attrs.field(converter=_entries)
    state: State = attrs.field(validator=instance_of(State, error=StateError))

    @classmethod
    def of(cls, *runs: Settlement) -> Book:
        """Return the book of successive runs, each settled from the state of the one before.

        Raises
        ------
        StateError
            A run did not start from the state of the one before.
        """
        if not runs:
            raise StateError("Book", "is of no run", hint="Pass what settle returned")
        book = cls(entries=(_entry_of(runs[0]),), state=runs[0].state)
        for run in runs[1:]:
            book = book.then(run)
        return book

    def then(self, run: Settlement) -> Book:
        """Return the book with one more run, settled from `state`.

        Raises
        ------
        StateError
            It was settled from another state, for a period that is there, or without a period.
        """
        entry = _entry_of(run)
        if "" in (entry.earned.period, self.entries[0].earned.period):
            raise StateError(
                "Book",
                "holds one run alone if it has no period",
                hint="Settle periods, or merge runs of disjoint orders",
            )
        if entry.before != self.state:
            raise StateError(
                "Book",
                "is followed by a run that did not start from its state",
                hint="Settle with state=book.state",
            )
        return Book(entries=(*self.entries, entry), state=run.state)

    def since(self, period: str | Period) -> Book:
        """Return the book without the periods before one: they are closed and never change any more.

        Raises
        ------
        StateError
            The book has no such period.
        """
        self.earned(str(period))
        return Book(entries=self.entries[self.periods.index(str(period)) :], state=self.state)

    @property
    def currency(self) -> Currency:
        """Return the currency of all amounts."""
        return self.entries[0].earned.currency

    @property
    def periods(self) -> tuple[str, ...]:
        """Return the keys of the periods, in order; one empty text for a run without a period."""
        return tuple(entry.earned.period for entry in self.entries)

    def earned(self, period: str = "") -> Earned:
        """Return what a period has earned by now.

        Raises
        ------
        StateError
            The book has no such period.
        """
        for entry in self.entries:
            if entry.earned.period == str(period):
                return entry.earned
        allowed = ", ".join(filter(None, self.periods)) or "no period"
        raise StateError("Book, period", "is not in the book", value=str(period), allowed=allowed)

    def to_dict(self) -> dict[str, Any]:
        """Return the book as JSON-safe plain data with its version and a checksum; facts are not in it."""
        body: dict[str, Any] = _STORED.write(self)
        return seal("book", VERSION, body)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Book:
        """Read what `to_dict` wrote. Nothing in the data is ever run.

        Raises
        ------
        StateError
            Another version, another checksum, a missing or unknown key, a value of the wrong kind.
        """
        book: Book = _STORED.read(unseal(data, "book", VERSION), "book")
        return book

    def __repr__(self) -> str:
        count = len(self.entries)
        periods = "" if self.periods[0] == "" else f": {self.periods[0]} to {self.periods[-1]}"
        return f"Book({count} run{'s' * (count != 1)}{periods})"


def _entry_of(run: object) -> Entry:
    if not isinstance(run, Settlement):
        raise StateError("Book, run", what(run), allowed="what settle returned")
    earned = run.earned()
    return Entry(earned=earned, before=run.state_before, facts=run.facts, index=Index.of(run, earned))


_EARNED: Final = Codec(Earned.to_dict, lambda data, _: Earned.from_dict(data))
_STATE: Final = Codec(State.to_dict, lambda data, _: State.from_dict(data))
_STORED: Final = fields_of(Book, entries=each(fields_of(Entry, earned=_EARNED, before=_STATE)), state=_STATE)
"""How a book is stored: its parts as they are stored alone."""
