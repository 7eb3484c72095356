"""What is being settled: facts, which of their orders, and what the plan computes of members."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MinorArray, RowArray
from fenxiao._columns import Amounts, Categories, Column, Days, Flags, Numbers, Ranks
from fenxiao.errors import InputError, PlanError
from fenxiao.money import Rate
from fenxiao.policies.attribution import ORDER_TIME, PERIOD_END
from fenxiao.policies.blocks import OrderBlock
from fenxiao.policies.counting import Counted, counted
from fenxiao.qualification import Gate, GivenRanks, Ladder, Tiers, ladder_standing
from fenxiao.qualification.ladders import TITLE
from fenxiao.qualification.ranking import RankView
from fenxiao.state import State
from fenxiao.volumes import History, Volumes

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from fenxiao._arrays import FlagArray, InstantArray
    from fenxiao.expressions import Measure, Predicate
    from fenxiao.expressions.downlines import LegShare, Ratio
    from fenxiao.facts import Facts
    from fenxiao.genealogy import DatedSponsors
    from fenxiao.limits import SourceLimit
    from fenxiao.money import Currency
    from fenxiao.periods import Period
    from fenxiao.qualification import Qualification
    from fenxiao.qualification.ranking import LadderRanks
    from fenxiao.tree import ReferralTree


_JOINED: Final = "joined"

Policy = TypeVar("Policy")


T = TypeVar("T")


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
    policies: tuple[Any, ...] = ()
    attribution: str = PERIOD_END
    source_limits: tuple[SourceLimit, ...] = ()
    before: State = attrs.field(factory=State)
    _kept: dict[Any, Any] = attrs.field(init=False, factory=dict)
    _counted: dict[str, Counted] = attrs.field(init=False, factory=dict)

    def with_amounts_of(self, facts: Facts) -> Setting:
        """Return the setting with other amounts on the same order lines; members stay as computed here."""
        fresh = attrs.evolve(self, facts=facts)
        object.__setattr__(fresh, "_kept", self._kept)
        return fresh

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
        return self.keep("lines", lambda: self.everything)

    @property
    def at_order_time(self) -> bool:
        """Return whether orders are attributed to the upline of their own time."""
        return self.attribution == ORDER_TIME

    def dated_sponsors(self, since: int) -> DatedSponsors:
        """Return the sponsors at any time from an instant on.

        Raises
        ------
        InputError
            The facts have no genealogy.
        """
        genealogy = self.facts.genealogy
        if genealogy is None:
            raise InputError(
                "facts",
                "have no genealogy, as attribution at the order's time needs",
                hint="Pass Facts(tree=genealogy.at_end_of(period, zone), genealogy=genealogy)",
            )
        return self.facts.keep(("sponsors", since), lambda: genealogy.dated_sponsors(self.tree, since))

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

    def keep(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` gives, computing it once."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def order_column(self, name: str) -> Column:
        """Return a column of the orders, by their rows, or what a source limit of the plan computes.

        Raises
        ------
        OrdersError
            There is no such column.
        PlanError
            A column is both given and computed.
        """
        limit = self._limit(name)
        return self.facts.order_column(name) if limit is None else self.counted(limit).column

    def amounts_of(self, name: str) -> tuple[MinorArray, int, int]:
        """Return an order column as integers, its decimals and a bound of its absolute values.

        Raises
        ------
        OrdersError
            The column is missing or is neither money, volume nor a count.
        """
        limit = self._limit(name)
        if limit is None:
            return self.facts.amounts_of(name)
        found = self.counted(limit)
        return found.column.values, found.column.decimals, found.bound

    def _limit(self, name: str) -> SourceLimit | None:
        return next((limit for limit in self.source_limits if limit.name == name), None)

    def counted(self, limit: SourceLimit) -> Counted:
        """Return what counts until a limit of the plan is reached, computing it once.

        It is not among what other amounts on the same lines keep, as it is made of amounts.
        """
        if limit.name not in self._counted:
            self._counted[limit.name] = counted(limit, self)
        return self._counted[limit.name]

    def member_money(self, name: str, purpose: str) -> MinorArray:
        """Return a money column of the members, from 0, in minor units of the plan's currency.

        Raises
        ------
        InputError
            There is no such column.
        PlanError
            It is not such money; `purpose` says what needs it.
        """
        column = self.member_column(name)
        if isinstance(column, Amounts) and column.decimals == self.decimals and (column.values >= 0).all():
            return column.values
        raise PlanError(
            f"members column {name!r}",
            f"is not money from 0 in the plan's currency, as {purpose} needs",
            hint=f"Read it as money: Members.from_records(..., money=({name!r},))",
        )

    def joined(self, purpose: str) -> InstantArray:
        """Return when each member joined, as days since 1970-01-01.

        Raises
        ------
        InputError
            The members have no column ``joined``.
        PlanError
            It is not one of dates; `purpose` says what needs it.
        """
        column = self.member_column(_JOINED)
        if not isinstance(column, Days):
            raise PlanError(
                purpose,
                "needs the members' column 'joined' as dates",
                value=type(column).__name__,
                hint="Give dates, such as date(2026, 10, 5)",
            )
        return column.values

    def member_column(self, name: str) -> Column:
        """Return a member column in tree order, or what a gate, ladder or tiers of the plan compute.

        Raises
        ------
        InputError
            There is no such column.
        PlanError
            A column is both given and computed.
        """
        for found in self.qualifications:
            if name in (found.name, found.name + TITLE if isinstance(found, Ladder) else found.name):
                return self.keep(("qualified", name), lambda: self._qualified(found, name))  # noqa: B023  # called at once
        return self.facts.member_column(name)

    def _qualified(self, found: Qualification, name: str) -> Column:
        given = () if self.facts.members is None else self.facts.members.names
        if name in given and not isinstance(found, GivenRanks):
            raise PlanError(
                f"{found.kind} {found.name!r}",
                "is called like a column of the members' table",
                hint="Rename one of the two",
            )
        if isinstance(found, Gate):
            return Flags(found.when.mask(self))
        if isinstance(found, GivenRanks):
            return _in_order(self.facts.member_column(name), found)
        if isinstance(found, Tiers):
            return _tiers(self.measure(found.on), found)
        ranks = self.standing(found)
        return Ranks(ranks.title if name != found.name else ranks.paid, found.names)

    def check_computed(self) -> None:
        """Compute the columns of the plan's qualifications and source limits.

        So mistakes show also where nothing reads them, and threads find them made. Each is computed once.

        Raises
        ------
        InputError
            The facts lack what one of them reads, or it does not fit.
        """
        for limit in self.source_limits:
            self.counted(limit)
        for found in self.qualifications:
            self.member_column(found.name)
            if isinstance(found, Ladder):
                self.member_column(found.name + TITLE)

    def standing(self, ladder: Ladder) -> LadderRanks:
        """Return where every member stands on a ladder."""
        before = self.before.standing(ladder.name)
        return self.keep(("ladder", ladder.name), lambda: ladder_standing(ladder, self, before))

    def ranked(self, ladder: Ladder) -> RankView:
        """Return the members as a ladder's own conditions see them, with the ranks of the period."""

        def view() -> RankView:
            ranks = self.standing(ladder)
            return RankView(self, ladder, ranks.paid, Ranks(ranks.held, ladder.names))

        return self.keep(("ranked", ladder.name), view)

    def policy(self, name: str, kind: type[Policy], purpose: str) -> Policy:
        """Return another policy of the plan.

        Raises
        ------
        PlanError
            There is no policy of that name and kind; `purpose` says who asks.
        """
        found = next((each for each in self.policies if each.name == name), None)
        if isinstance(found, kind):
            return found
        names = [str(each.name) for each in self.policies if issubclass(type(each), kind)]
        raise PlanError(
            purpose,
            f"names a policy that is no {kind.__name__} of the plan",
            value=name,
            allowed=", ".join(names) or "none",
        )

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
    def volumes(self) -> Volumes:
        """Return the measures of the settlement."""
        return self.keep("volumes", lambda: Volumes(self))

    def measure(self, measure: Measure) -> Amounts | Numbers:
        """Return a measure of each member."""
        return self.volumes.column(measure)

    def balanced(self, share: LegShare, required: int) -> MinorArray:
        """Return the volume to which each leg gives at most a share of a requirement, rounded down."""
        return self.volumes.balanced(share, required)

    def ratio_holds(self, ratio: Ratio, operator: str, wanted: Fraction) -> FlagArray:
        """Return whose ratio of two measures compares with a rate as wanted."""
        return self.volumes.ratio_holds(ratio, operator, wanted)

    def mask_of(self, condition: Predicate) -> FlagArray:
        """Return for each member whether a condition holds, computing it once."""
        key = json.dumps(condition.as_data(), sort_keys=True)
        return self.keep(("mask", key), lambda: condition.mask(self))


def _in_order(column: Column, given: GivenRanks) -> Ranks:
    """Return a column of names with the order of its ranks."""
    thing = f"members column {given.name!r}"
    if not isinstance(column, Categories):
        raise PlanError(thing, "is not text", hint='Ranks are names, such as "gold"')
    place = {name: code for code, name in enumerate(given.order)}
    used = np.zeros(len(column.values) + 1, dtype=FLAG)
    used[column.codes] = True
    strange = [value for code, value in enumerate(column.values) if used[code] and value not in place]
    if strange or (column.codes < 0).any():
        raise PlanError(
            thing,
            "has ranks that the order does not name" if strange else "is missing for some members",
            value=strange or None,
            allowed=", ".join(given.order),
            hint="Name every rank in GivenRanks, and give every member one",
        )
    table = np.array([*(place.get(value, 0) for value in column.values), 0], dtype=INDEX)
    return Ranks(table[column.codes], given.order)


def _tiers(column: Amounts | Numbers, tiers: Tiers) -> Categories:
    """Return each member's rate as a category."""
    decimals = column.decimals if isinstance(column, Amounts) else 0
    steps = tiers.brackets.in_units(decimals, f"tiers {tiers.name!r}")
    rates = sorted({Rate.of(0), *(Rate.of(rate) for rate in steps.rates)})
    place = {rate.fraction: code for code, rate in enumerate(rates)}
    table = np.array([*(place[rate] for rate in steps.rates), place[steps.rate(-1)]], dtype=INDEX)
    return Categories(table[steps.places(column.values)], tuple(rates))
