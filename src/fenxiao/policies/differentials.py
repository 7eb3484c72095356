"""Rank differential (级差, 极差): everybody's rate less what is paid below him."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, FlagArray, IndexArray, MinorArray
from fenxiao._columns import Categories
from fenxiao._kernels.tally import exact_sum
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.expressions import pairs_of
from fenxiao.money import FLOOR, Rate, Rounding
from fenxiao.policies.base import Claims, Hop, OrderPolicy
from fenxiao.policies.cascade import NO_STEP, Ascent, hop_of, rated_codes, rows_of_column
from fenxiao.policies.fields import (
    base_of,
    check_rates,
    optional_rate,
    rates_of,
    rounding_of,
)
from fenxiao.policies.walk_fields import WalkFields

if TYPE_CHECKING:
    from fenxiao.expressions import Base, Exact
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting

_ONE: Final = Fraction(1)
_ZERO: Final = Fraction(0)
_NAME: Final = instance_of(str, filled=True, error=PlanError)
_OPTIONAL_NAME: Final = instance_of(str, optional=True, filled=True, error=PlanError)
RateRows = tuple[tuple[str, Rate], ...]


def _by_product(table: object) -> tuple[tuple[str, RateRows], ...]:
    allowed = 'such as {"term life": {"junior": "70%", "senior": "90%"}}'
    tables = tuple((key, rates_of(row)) for key, row in pairs_of(table, "by_product", allowed=allowed))
    empty = [key for key, rows in tables if not rows]
    if empty:
        raise PlanError("by_product", "has tables without a rate", value=empty, allowed=allowed)
    return tables


@final
@attrs.frozen(kw_only=True)
class RankDifferential(WalkFields, OrderPolicy):
    """Pays everybody up the sponsors his rate less what is paid below him.

    Going up from the credited member, the next to be paid is the nearest whose rate is above the highest
    one so far; he gets ``round(rate * base) - round(highest so far * base)``. The lines of an order line
    thus add up to the highest rate on the path, rounded once.

    Parameters
    ----------
    name : str
        Unique in the plan.
    base : str or Base
        What the rates are rates of.
    rates : mapping
        A rate for every rank; ``"0%"`` for a rank that earns nothing.
    rate_column : str
        In place of `rates`: a members' column of rates, such as contract rates, or `Tiers`.
    rank_column : str
        The members' column that `rates` and `by_product` read.
    by_product : mapping
        Beside `rates`: product -> a whole table of rates that replaces it (a contract grid).
    seller_rates, seller_rate_column
        What counts as paid to the credited member before the walk, by his rank, or from a column: the walk
        then pays what is left above it (a residual differential). Nothing if left out.
    ceiling : Rate
        No rate counts above it.
    start_level : int
        1: the walk starts at the sponsor (default); 0: the credited member takes the first step himself.
    eligible : Predicate
        Who may be paid; everybody if left out.
    blocks : bool
        Whether members who are not eligible take their step all the same, unpaid (the company keeps it);
        usually they are skipped.
    where : Where
        Which order lines count; all if left out.
    rounding, above_100
        As in `LevelCommission`.

    Raises
    ------
    PlanError
        Not exactly one source of rates, a rank without a rate, more than 64 different rates.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> RankDifferential("career", base="paid", rates={"silver": "10%", "gold": "15%"}).start_level
    1
    """

    kind: ClassVar[str] = "rank_differential"
    tables: ClassVar[tuple[str, ...]] = ("rates", "seller_rates", "by_product")

    base: Base = attrs.field(converter=base_of)
    rates: RateRows = attrs.field(default=(), converter=rates_of)
    rate_column: str | None = attrs.field(default=None, validator=_OPTIONAL_NAME)
    rank_column: str = attrs.field(default="rank", validator=_NAME)
    by_product: tuple[tuple[str, RateRows], ...] = attrs.field(default=(), converter=_by_product)
    seller_rates: RateRows = attrs.field(default=(), converter=rates_of)
    seller_rate_column: str | None = attrs.field(default=None, validator=_OPTIONAL_NAME)
    ceiling: Rate | None = attrs.field(default=None, converter=optional_rate)
    start_level: int = 1
    blocks: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        thing = f"policy {self.name!r}"
        if bool(self.rates) == (self.rate_column is not None):
            raise PlanError(thing, "needs rates by rank or a column of rates", allowed="rates or rate_column")
        if self.by_product and not self.rates:
            raise PlanError(
                thing, "has rates by product beside a column of rates", allowed="rates, by_product"
            )
        if self.seller_rates and self.seller_rate_column is not None:
            raise PlanError(
                thing, "names the seller's rate twice", allowed="seller_rates or seller_rate_column"
            )
        self.check_start(self.start_level)
        products = [row for _, table in self.by_product for row in table]
        for field, rows in (
            ("rates", self.rates),
            ("seller_rates", self.seller_rates),
            ("by_product", products),
        ):
            check_rates(self.name, (rate for _, rate in rows), field, above_100=self.above_100)

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        names = [*WalkFields.member_columns(self)]
        names += [self.rank_column] if self.rates or self.seller_rates else []
        return (*names, *(name for name in (self.rate_column, self.seller_rate_column) if name is not None))

    def prepare(self, setting: Setting) -> PreparedDifferential:
        """Return the policy made ready for one setting: pointers to the next higher rate."""
        # A same-rank bonus looks at it too.
        return setting.keep(("differential", self.name), lambda: PreparedDifferential.of(self, setting))

    def rates_of_members(
        self, setting: Setting, field: str, table: RateRows, column: str | None
    ) -> tuple[list[Fraction], IndexArray]:
        """Return the rates of a field's table or of a column, and for each member the place of his."""
        if column is None:
            keys = [key for key, _ in table]
            thing = f"policy {self.name!r}, {field}"
            rows = rows_of_column(setting.member_column(self.rank_column), self.rank_column, keys, thing)
            return [rate.fraction for _, rate in table], rows
        return rate_rows(setting.member_column(column), column, self.name, above_100=self.above_100)


def rate_rows(
    column: Any, name: str, policy: str, *, above_100: bool, whom: str = "member"
) -> tuple[list[Fraction], IndexArray]:
    """Return the rates of a column of rates, and for each member the place of his among them.

    `whom` says in a message who needs a rate.

    Raises
    ------
    PlanError
        The column holds no rates, or misses some.
    RateError
        A rate is negative, or above 100 % without `above_100`.
    """
    rates = isinstance(column, Categories) and all(
        isinstance(value, Rate | Fraction | Decimal) for value in column.values
    )
    if not rates or (column.codes < 0).any():
        raise PlanError(
            f"members column {name!r}",
            f"does not hold a rate for every {whom}",
            value=type(column).__name__,
            allowed="Rate, Fraction or Decimal",
            hint='Write Rate("12.5%") into the members\' table',
        )
    exact = [Rate.of(value) for value in column.values]
    check_rates(policy, exact, f"members column {name!r}", above_100=above_100)
    return [rate.fraction for rate in exact], column.codes


@final
@attrs.frozen(eq=False, kw_only=True)
class PreparedDifferential:
    """A `RankDifferential` made ready for one setting: one ascent a table of rates."""

    policy: RankDifferential
    setting: Setting
    ascents: tuple[Ascent, ...]
    texts: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, policy: RankDifferential, setting: Setting) -> PreparedDifferential:
        """Build the ascents."""
        tables = [("rates", policy.rates)]
        tables += [(f"by_product {product!r}", table) for product, table in policy.by_product]
        ascents = tuple(_ascent(policy, setting, field, table) for field, table in tables)
        texts = tuple(tuple(str(Rate.of(value)) for value in ascent.values) for ascent in ascents)
        return cls(policy=policy, setting=setting, ascents=ascents, texts=texts)

    def rows_of_lines(self, block: OrderBlock) -> IndexArray | None:
        """Return the number of each line's ascent, None where all have the first."""
        if not self.policy.by_product:
            return None
        codes, values = block.codes("product")
        row_of = {key: number for number, (key, _) in enumerate(self.policy.by_product, start=1)}
        return np.array([*(row_of.get(str(value), 0) for value in values), 0], dtype=INDEX)[codes]

    def ascent_of(self, block: OrderBlock, line: int) -> Ascent:
        """Return the ascent of one line."""
        rows = self.rows_of_lines(block)
        return self.ascents[0 if rows is None else int(rows[line])]

    @property
    def slots(self) -> int:
        """Return how many steps there are at the most."""
        return max(ascent.most for ascent in self.ascents)

    def takers_and_worth(self, block: OrderBlock) -> tuple[IndexArray, MinorArray]:
        """Return who takes each step, and what it is worth, paid or not (int32 and int64 [steps, n])."""
        exact, rows = self.policy.base.value(block), self.rows_of_lines(block)
        takers = np.full((self.slots, len(block)), INDEX(self.setting.size))
        worth = np.zeros(takers.shape, dtype=MINOR)
        for number, ascent in enumerate(self.ascents):
            lines = slice(None) if rows is None else np.flatnonzero(rows == number)
            part = exact if rows is None else attrs.evolve(exact, values=exact.values[lines])
            for slot, (taker, step) in enumerate(self.steps(ascent, block.member[lines], part)):
                takers[slot, lines], worth[slot, lines] = taker, step
        selected = self.selected(block)
        if selected is not None:
            worth[:, ~selected] = 0
        return takers, worth

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a step."""
        exact, slots = self.policy.base.value(block), self.slots
        takers, amount = self.takers_and_worth(block)
        breakage = 0
        # Who takes his step unpaid is the same whatever the table of rates.
        if self.policy.blocks:
            blocked = np.take(self.ascents[0].unpaid, takers, mode="clip")
            breakage = exact_sum(amount[blocked])
            amount[blocked] = 0
        payee = self.ascents[0].paid(takers) if self.policy.by_product or not slots else None
        most = max((ascent.values[-1] for ascent in self.ascents if ascent.values), default=_ZERO)
        share = -(-exact.bound * exact.numerator * most.numerator // (exact.denominator * most.denominator))
        start = self.policy.start_level
        return Claims(
            amount=amount,
            levels=tuple(range(start, start + slots)),
            payee=payee,
            route=self.ascents[0].payees if payee is None else None,
            breakage=breakage,
            bound=share + self.policy.rounding.step,
            base_of=lambda: exact.times(_ONE),
            rate_of=lambda slot, line: self._rate_text(block, slot, line),
        )

    def steps(self, ascent: Ascent, member: IndexArray, exact: Exact) -> list[tuple[IndexArray, MinorArray]]:
        """Return for each step who takes it and what it is worth (int64 [n]), rounded cumulatively."""
        rounded = np.zeros((len(ascent.values) + 1, len(member)), dtype=MINOR)
        for place, value in enumerate(ascent.values):
            exact.times(value, self.policy.rounding, out=rounded[place])
        # The last row, where NO_STEP points, is nothing.
        lines = np.arange(len(member))
        return [
            (taker, rounded[after, lines] - rounded[before, lines])
            for taker, before, after in ascent.steps(member)
        ]

    def selected(self, block: OrderBlock) -> FlagArray | None:
        """Return which lines count (bool [n]), None for all."""
        return None if self.policy.where is None else self.policy.where.mask(block)

    def _rate_text(self, block: OrderBlock, slot: int, line: int) -> str:
        rows = self.rows_of_lines(block)
        number = 0 if rows is None else int(rows[line])
        places = list(self.ascents[number].steps(block.member[line : line + 1]))[slot]
        before, after = int(places[1][0]), int(places[2][0])
        return self.told(number, before, after)

    def told(self, number: int, before: int, after: int) -> str:
        """Return a step as a rate: ``5%``."""
        values = self.ascents[number].values
        low = _ZERO if before == NO_STEP else values[before]
        return str(Rate.of(values[after] - low))

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:  # noqa: ARG002  # protocol
        """Return why a step that somebody takes claims nothing."""
        worth = self.policy.base.value(block).fraction(line)
        return Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the walk of one line, also of those who are passed over."""
        member, nobody, start = int(block.member[line]), self.setting.size, self.policy.start_level
        if member == nobody:
            return [Hop(start, nobody, nobody, Reason.NO_MEMBER)]
        selected = self.selected(block)
        if selected is not None and not selected[line]:
            return [Hop(start, nobody, nobody, Reason.NOT_SELECTED)]
        rows = self.rows_of_lines(block)
        number = 0 if rows is None else int(rows[line])
        ascent, hops = self.ascents[number], list[Hop]()
        before = int(ascent.opening[member])
        for step, person, reason in ascent.walk(self.setting, member, start):
            if reason in (Reason.PAID, Reason.BLOCKED):
                after = int(ascent.code[person])
                low = "0%" if before == NO_STEP else self.texts[number][before]
                detail, before = f"{self.texts[number][after]} less {low} paid below", after
                if reason is Reason.BLOCKED:
                    detail += f"; {self._condition(person)}"
            else:
                reason, detail = self._why_passed(number, person, before)
            hops.append(hop_of(self.setting, step, person, reason, detail, start))
        return hops or [Hop(start, nobody, nobody, Reason.NO_UPLINE)]

    def _condition(self, person: int) -> str:
        condition = self.policy.eligible
        return "" if condition is None else condition.describe(self.setting, person)

    def _why_passed(self, number: int, person: int, before: int) -> tuple[Reason, str]:
        condition, ascent = self.policy.eligible, self.ascents[number]
        if condition is not None and not self.setting.mask_of(condition)[person]:
            return Reason.NOT_ELIGIBLE, self._condition(person)
        code = int(ascent.code[person])
        if code == NO_STEP:
            return Reason.NOT_ENTITLED, "his rate is 0%"
        return (
            Reason.PAID_BELOW,
            f"his rate {self.texts[number][code]}, paid below {self.texts[number][before]}",
        )


def _ascent(policy: RankDifferential, setting: Setting, field: str, table: RateRows) -> Ascent:
    thing = f"policy {policy.name!r}"
    ceiling = None if policy.ceiling is None else policy.ceiling.fraction
    # Tables by product stand beside rates by rank alone, never beside a column of rates.
    rates, rows = policy.rates_of_members(setting, field, table, policy.rate_column)
    sellers: tuple[list[Fraction], IndexArray] | None = None
    if policy.seller_rates or policy.seller_rate_column is not None:
        sellers = policy.rates_of_members(
            setting, "seller_rates", policy.seller_rates, policy.seller_rate_column
        )
    together = [*rates, *(sellers[0] if sellers else [])]
    values, _ = rated_codes(thing, together, np.zeros(0, dtype=INDEX), ceiling)
    place = {value: number for number, value in enumerate(values)}

    def codes(found: list[Fraction], at: IndexArray) -> IndexArray:
        capped = [rate if ceiling is None else min(rate, ceiling) for rate in found]
        return np.array([place.get(rate, NO_STEP) for rate in capped], dtype=INDEX)[at]

    code, unpaid = codes(rates, rows), None
    if policy.eligible is not None:
        eligible = setting.mask_of(policy.eligible)
        if policy.blocks:
            unpaid = ~eligible
        else:
            code = np.where(eligible, code, INDEX(NO_STEP))
    opening = None if sellers is None else codes(*sellers)
    return Ascent.of(setting, values, code, start_level=policy.start_level, opening=opening, unpaid=unpaid)
