"""What is being settled, and its order lines as blocks of columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, ROW, IndexArray, MinorArray, RowArray
from fenxiao._columns import Amounts, Categories, Column, Flags, Numbers, Ranks
from fenxiao._kernels.tally import Tally
from fenxiao.errors import OrdersError, PlanError
from fenxiao.money import Rate
from fenxiao.periods import local_days
from fenxiao.qualification import Gate, GivenRanks, Ladder, Tiers, ladder_standing
from fenxiao.qualification.ladders import TITLE
from fenxiao.state import State
from fenxiao.volumes import History, Volumes

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from fenxiao._arrays import AnyArray, FlagArray, InstantArray
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.expressions.downlines import LegShare, Ratio
    from fenxiao.facts import Facts
    from fenxiao.money import Currency
    from fenxiao.periods import Period
    from fenxiao.qualification import Qualification
    from fenxiao.qualification.ranking import LadderRanks
    from fenxiao.tree import ReferralTree


@final
@attrs.frozen(eq=False, kw_only=True)
class Setting:
    """What is being settled: the facts, which of their order lines, in which currency.

    ``rows`` is a slice or ascending row numbers of whole orders.
    """

    facts: Facts
    currency: Currency
    rows: slice | RowArray
    anchor: str | None = None
    zone: str | None = None
    period: Period | None = None
    qualifications: tuple[Qualification, ...] = ()
    before: State = attrs.field(factory=State)
    _kept: dict[Any, Any] = attrs.field(init=False, factory=dict)
    _open: list[str] = attrs.field(init=False, factory=list)

    @property
    def size(self) -> int:
        """Return the number of members."""
        return len(self.facts.tree)

    @property
    def tree(self) -> ReferralTree:
        """Return the tree."""
        return self.facts.tree

    @property
    def decimals(self) -> int:
        """Return the decimals of the currency."""
        return self.currency.decimals

    @property
    def everything(self) -> OrderBlock:
        """Return all lines that are settled as one block."""
        return OrderBlock(self, self.rows)

    @property
    def lines(self) -> OrderBlock:
        """Return all lines that are settled, made once."""
        return self.keep("lines", lambda: self.everything)  # type: ignore[no-any-return]

    @property
    def history(self) -> History:
        """Return what earlier periods measured."""
        return History(self.before.records)

    def most_lines(self) -> int:
        """Return an upper bound of the number of settled lines that credit one member."""
        return self.facts.most_lines()

    def usual_lines(self) -> int:
        """Return a guess of the number of settled lines that credit one member at the most."""
        return self.facts.usual_lines()

    def keep(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` gives, computing it once."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def member_column(self, name: str) -> Column:
        """Return a member column in tree order, or what a gate, ladder or tiers of the plan compute.

        Raises
        ------
        InputError
            There is no such column.
        PlanError
            Qualifications read one another in a circle, or a column is both given and computed.
        """
        for found in self.qualifications:
            if name in (found.name, found.name + TITLE if isinstance(found, Ladder) else found.name):
                return self.keep(("qualified", name), lambda: self._qualified(found, name))  # type: ignore[no-any-return]  # noqa: B023  # called at once
        return self.facts.member_column(name)

    def _qualified(self, found: Qualification, name: str) -> Column:
        given = () if self.facts.members is None else self.facts.members.names
        if name in given and not isinstance(found, GivenRanks):
            raise PlanError(
                f"{found.kind} {found.name!r}",
                "is called like a column of the members' table",
                hint="Rename one of the two",
            )
        if found.name in self._open:
            raise PlanError(
                f"{found.kind} {found.name!r}",
                "depends on itself",
                value=" > ".join([*self._open, found.name]),
                hint="Read columns that do not read this one",
            )
        self._open.append(found.name)
        try:
            if isinstance(found, Gate):
                return Flags(found.when.mask(self))
            if isinstance(found, GivenRanks):
                return _in_order(self.facts.member_column(name), found)
            if isinstance(found, Tiers):
                return _tiers(self.measure(found.on), found)
            ranks = self.standing(found)
            return Ranks(ranks.title if name != found.name else ranks.paid, found.names)
        finally:
            self._open.pop()

    def standing(self, ladder: Ladder) -> LadderRanks:
        """Return where every member stands on a ladder."""
        before = self.before.standing(ladder.name)
        return self.keep(("ladder", ladder.name), lambda: ladder_standing(ladder, self, before))  # type: ignore[no-any-return]

    def told(self, name: str, member: int) -> str:
        """Return why a gate of the plan is closed to a member, nothing where there is no more to say."""
        for found in self.qualifications:
            if isinstance(found, Gate) and found.name == name and not self.mask_of(found.when)[member]:
                return found.when.describe(self, member)
        return ""

    def ranks(self, name: str, purpose: str) -> Ranks:
        """Return a member column of ranks, which have an order.

        Raises
        ------
        PlanError
            The column has no order; `purpose` says what needs one.
        """
        column = self.member_column(name)
        if not isinstance(column, Ranks):
            raise PlanError(
                f"members column {name!r}",
                f"has no order of ranks, as {purpose} needs",
                value=type(column).__name__,
                hint=f"Say it: Plan(qualifications=[GivenRanks({name!r}, order=[lowest, ..., highest])])",
            )
        return column

    @property
    def _volumes(self) -> Volumes:
        return self.keep("volumes", lambda: Volumes(self))  # type: ignore[no-any-return]

    def measure(self, measure: Measure) -> Amounts | Numbers:
        """Return a measure of each member."""
        return self._volumes.column(measure)

    def balanced(self, share: LegShare, required: int) -> MinorArray:
        """Return the volume to which each leg gives at most a share of a requirement, rounded down."""
        return self._volumes.balanced(share, required)

    def ratio_holds(self, ratio: Ratio, operator: str, wanted: Fraction) -> FlagArray:
        """Return whose ratio of two measures compares with a rate as wanted."""
        return self._volumes.ratio_holds(ratio, operator, wanted)

    def mask_of(self, condition: Predicate) -> FlagArray:
        """Return for each member whether a condition holds, computing it once."""
        key = json.dumps(condition.as_data(), sort_keys=True)
        return self.keep(("mask", key), lambda: condition.mask(self))  # type: ignore[no-any-return]


def _in_order(column: Column, given: GivenRanks) -> Ranks:
    """Return a column of names with the order of its ranks."""
    thing = f"members column {given.name!r}"
    if not isinstance(column, Categories):
        raise PlanError(thing, "is not text", hint='Ranks are names, such as "gold"')
    place = {name: code for code, name in enumerate(given.order)}
    strange = [value for value in column.values if value not in place]
    if strange or (column.codes < 0).any():
        raise PlanError(
            thing,
            "has ranks that the order does not name" if strange else "is missing for some members",
            value=strange or None,
            allowed=", ".join(given.order),
            hint="Name every rank in GivenRanks, and give every member one",
        )
    table = np.array([*(place[value] for value in column.values), 0], dtype=INDEX)
    return Ranks(table[column.codes], given.order)


def _tiers(column: Amounts | Numbers, tiers: Tiers) -> Categories:
    """Return each member's rate as a category."""
    decimals = column.decimals if isinstance(column, Amounts) else 0
    steps = tiers.brackets.in_units(decimals, f"tiers {tiers.name!r}")
    rates = sorted({Rate.of(0), *(Rate.of(rate) for rate in steps.rates)})
    place = {rate.fraction: code for code, rate in enumerate(rates)}
    table = np.array([*(place[rate] for rate in steps.rates), place[steps.rate(-1)]], dtype=INDEX)
    return Categories(table[steps.places(column.values)], tuple(rates))


def starts_of(order: RowArray) -> RowArray:
    """Return where each run of equal numbers starts, and at the end how many numbers there are."""
    edges = np.flatnonzero(order[1:] != order[:-1]) + 1
    first = np.zeros(min(len(order), 1), dtype=ROW)
    return np.concatenate((first, edges, [len(order)])).astype(ROW)


@final
class OrderBlock:
    """Consecutive lines of whole orders, as columns.

    Attributes
    ----------
    member : int32 [n]
        Index of the credited member; the number of members for a guest.
    starts : int64 [orders + 1] or None
        Where each order's lines start; None where every order has one line.
    """

    __slots__ = ("_buyer", "member", "rows", "setting", "starts")

    def __init__(self, setting: Setting, rows: slice | RowArray) -> None:
        self.setting = setting
        self.rows = rows
        self.member: IndexArray = self._cut(setting.facts.member_index)
        orders = setting.facts.orders
        self.starts: RowArray | None = None
        if orders.order_of_row is not None:
            self.starts = starts_of(self._cut(orders.order_of_row))

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.member)

    @property
    def n_orders(self) -> int:
        """Return the number of orders."""
        return len(self.member) if self.starts is None else len(self.starts) - 1

    @property
    def decimals(self) -> int:
        """Return the decimals of the currency."""
        return self.setting.currency.decimals

    @property
    def facts(self) -> Facts:
        """Return the facts that the lines are part of."""
        return self.setting.facts

    def _cut(self, values: AnyArray) -> Any:
        return values[self.rows] if isinstance(self.rows, slice) else np.take(values, self.rows)

    @property
    def row_numbers(self) -> RowArray:
        """Return the lines' row numbers among all orders' lines."""
        if isinstance(self.rows, slice):
            return np.arange(*self.rows.indices(len(self.facts.orders)), dtype=ROW)
        return self.rows

    def buyer(self) -> IndexArray | None:
        """Return the buyers' indices, -1 where unknown; None where orders name no buyers."""
        found = self.facts.buyer_index
        return None if found is None else self._cut(found)

    def column(self, name: str) -> Column:
        """Return an order column of these lines."""
        return self.facts.order_column(name).take(self.rows)

    def amounts_of(self, name: str) -> tuple[MinorArray, int, int]:
        """Return a column as integers, its decimals, and a bound of its absolute values."""
        values, decimals, bound = self.facts.amounts_of(name)
        return self._cut(values), decimals, bound

    def amounts(self, name: str) -> MinorArray:
        """Return a money, volume or count column of these lines in its smallest unit."""
        return self.amounts_of(name)[0]

    def money(self, name: str, purpose: str) -> MinorArray:
        """Return a money column of these lines in minor units of the plan's currency.

        Raises
        ------
        OrdersError
            The column is not money, or has other decimals; `purpose` says what needed it.
        """
        column = self.facts.order_column(name)
        if not isinstance(column, Amounts) or column.decimals != self.decimals:
            raise OrdersError(
                f"orders column {name!r}",
                f"is not money of the plan's currency, as {purpose} needs",
                value=type(column).__name__,
                hint=f"Read it as money: Orders.from_records(..., money=({name!r},))",
            )
        values: MinorArray = self._cut(column.values)
        return values

    def codes(self, name: str) -> tuple[IndexArray, tuple[Any, ...]]:
        """Return a category column of these lines: codes (-1 for null) and the values they point to."""
        column = self.facts.category(name)
        return self._cut(column.codes), column.values

    def order_of_line(self) -> RowArray | None:
        """Return for each line the number of its order in the block; None where each order has one line."""
        if self.starts is None:
            return None
        return np.repeat(np.arange(self.n_orders, dtype=ROW), np.diff(self.starts))

    def order_sum(self, values: MinorArray) -> MinorArray:
        """Return for each line the sum of `values` over its order, saturated where 64 bits are too few."""
        if self.starts is None or len(self) == 0:
            return values
        tally = Tally(self.n_orders)
        tally.add(self.order_of_line(), values)  # type: ignore[arg-type]  # orders have several lines here
        return np.repeat(tally.saturated(), np.diff(self.starts))

    def local_days(self, purpose: str) -> InstantArray:
        """Return each line's local date by the plan's anchor, as days since 1970-01-01.

        Raises
        ------
        PlanError
            The plan names no anchor and zone; `purpose` says what needed them.
        """
        anchor, zone = self.setting.anchor, self.setting.zone
        if anchor is None or zone is None:
            raise PlanError(
                purpose,
                "needs to know the time of an order",
                hint='Name it: Plan(anchor="paid_at", zone="Asia/Shanghai")',
            )
        days = self.facts.keep(
            ("days", anchor, zone), lambda: local_days(self.facts.orders.instants(anchor).values, zone)
        )
        return self._cut(days)  # type: ignore[no-any-return]  # what is kept is what was made

    def first_orders(self) -> FlagArray:
        """Return for each line whether its order is its buyer's first among the facts."""
        facts, purpose = self.facts, "Where(first_order=True)"
        who = facts.member_index if facts.buyer_index is None else facts.buyer_index
        before = facts.keep(
            ("orders before, buyers", self.setting.anchor),
            lambda: _orders_before(facts, self.setting.anchor, who, purpose),
        )
        first: FlagArray = self._cut(before) == 0
        return first

    def early_orders(self, first: int, purpose: str) -> FlagArray:
        """Return for each line whether its order is one of its credited member's first so many."""
        facts = self.facts
        before = facts.keep(
            ("orders before, members", self.setting.anchor),
            lambda: _orders_before(facts, self.setting.anchor, facts.member_index, purpose),
        )
        place = self._cut(before)
        early: FlagArray = (place >= 0) & (place < first)
        return early


def _orders_before(facts: Facts, anchor: str | None, who: IndexArray, purpose: str) -> MinorArray:
    """Return for each line how many orders of the same person came before its own; -1 for nobody's lines.

    Orders go by the anchor time, then by order id.
    """
    if anchor is None:
        raise PlanError(purpose, "needs to know the time of an order", hint='Name it: Plan(anchor="paid_at")')
    known = np.flatnonzero((who >= 0) & (who < len(facts.tree)))
    when = facts.orders.instants(anchor).values[known]
    order = facts.orders.order_of_row
    number = known if order is None else order[known]
    # Rows are sorted by order id, so the order's number breaks ties of time.
    ranked = np.lexsort((number, when, who[known]))
    person, its = who[known][ranked], number[ranked]
    new_person = np.diff(person, prepend=-1) != 0
    opened = np.cumsum(new_person | (np.diff(its, prepend=-1) != 0))
    before = np.full(len(who), -1, dtype=MINOR)
    before[known[ranked]] = opened - np.maximum.accumulate(np.where(new_person, opened, 0))
    return before
