"""Price gaps (拿货差价) and retail mark-ups: what is earned by buying cheaper than one sells."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, FlagArray, IndexArray, MinorArray
from fenxiao._kernels.tally import greatest
from fenxiao.errors import PlanError, Reason, instance_of
from fenxiao.expressions import pairs_of
from fenxiao.money import FLOOR, Rate, Rounding, is_amount, mul_div_arrays, to_minor
from fenxiao.policies.base import Claims, Hop, OrderPolicy
from fenxiao.policies.cascade import Ascent, hop_of, rows_of_column
from fenxiao.policies.fields import base_of, check_rates, condition_of, rate_of, rounding_of, where_of

if TYPE_CHECKING:
    from fenxiao.expressions import Base, Measure, Predicate, Where
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.setting import Setting

_NAME: Final = instance_of(str, filled=True, error=PlanError)
Prices = tuple[tuple[str, str], ...]


def _prices(table: Any) -> Prices:
    pairs = pairs_of(table, "prices", allowed='such as {"agent": "70.00", "city": "60.00"}')
    for rank, price in pairs:
        if not is_amount(price):
            raise PlanError(f"prices, {rank!r}", "is no amount", value=price, allowed='such as "70.00"')
    return pairs


def _columns(table: Any) -> Prices:
    pairs = pairs_of(table, "price_columns", allowed='such as {"agent": "agent_price"}')
    for rank, column in pairs:
        if not isinstance(column, str) or not column:
            raise PlanError(f"price_columns, {rank!r}", "names no column", value=column, allowed="a str")
    return pairs


@final
@attrs.frozen(kw_only=True)
class PriceGap(OrderPolicy):
    """Pays everybody up the sponsors the difference between his price and the lowest price below him.

    The credited member buys at his rank's price and sells at what was paid: that mark-up is his customer's
    money, shown by ``Settlement.shown`` and never guarded. Going up from him, the next of a higher rank
    with a lower price gets the difference, for each unit of quantity.

    Parameters
    ----------
    name : str
        Unique in the plan.
    prices : mapping
        The price of one unit for every rank, from the lowest rank (the highest price) up.
    price_columns : mapping
        In place of `prices`: for every rank a money column of the orders or the catalog.
    rank_column : str
        The members' column of ranks.
    eligible : Predicate
        Who may be paid a difference; everybody if left out. The others are passed over.
    where : Where
        Which order lines count; all if left out.

    Raises
    ------
    PlanError
        Not exactly one table, a rank without a price, prices that do not fall from rank to rank.

    Examples
    --------
    >>> PriceGap("stock", prices={"agent": "70.00", "city": "60.00", "province": "40.00"}).kind
    'price_gap'
    """

    kind: ClassVar[str] = "price_gap"
    tables: ClassVar[tuple[str, ...]] = ("prices", "price_columns")

    prices: Prices = attrs.field(default=(), converter=_prices)
    price_columns: Prices = attrs.field(default=(), converter=_columns)
    rank_column: str = attrs.field(default="rank", validator=_NAME)
    eligible: Predicate | None = attrs.field(default=None, converter=condition_of)
    where: Where | None = attrs.field(default=None, converter=where_of)

    def __attrs_post_init__(self) -> None:
        thing = f"policy {self.name!r}"
        if bool(self.prices) == bool(self.price_columns):
            raise PlanError(thing, "needs exactly one table of prices", allowed="prices or price_columns")
        falling = [Fraction(price) for _, price in self.prices]
        if any(low <= high for low, high in pairwise(falling)):
            raise PlanError(
                thing,
                "has prices that do not fall from rank to rank",
                value=dict(self.prices),
                allowed="the lowest rank first, which pays most",
            )

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order."""
        if not self.measures():
            return ()
        return (f"policy {self.name!r}: reads {', '.join(dict.fromkeys(map(repr, self.measures())))}",)

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return () if self.eligible is None else self.eligible.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        more = () if self.eligible is None else self.eligible.member_columns()
        return (*more, self.rank_column)

    def ranks_of_members(self, setting: Setting) -> IndexArray:
        """Return the place of each member's rank among the prices (int32 [members])."""
        keys = [key for key, _ in (*self.prices, *self.price_columns)]
        thing = f"policy {self.name!r}, prices"
        return rows_of_column(setting.member_column(self.rank_column), self.rank_column, keys, thing)

    def worth(self, block: OrderBlock) -> list[MinorArray]:
        """Return what each rank pays for every line's quantity (int64 [n] each)."""
        quantity, purpose = block.amounts("quantity"), f"policy {self.name!r}"
        if self.prices:
            units = [
                to_minor(price, block.decimals, thing=f"policy {self.name!r}") for _, price in self.prices
            ]
            return [mul_div_arrays(quantity, np.full(len(block), unit, dtype=MINOR), 1) for unit in units]
        purpose = f"policy {self.name!r}"
        return [mul_div_arrays(quantity, block.money(name, purpose), 1) for _, name in self.price_columns]

    def shown(self, block: OrderBlock) -> tuple[IndexArray, MinorArray] | None:
        """Return the sellers' mark-ups: what was paid less their own price."""
        own = np.append(self.ranks_of_members(block.setting), INDEX(0))[block.member]
        paid = block.money("paid", f"policy {self.name!r}")
        worth = np.stack(self.worth(block))[own, np.arange(len(block))]
        counts = block.member != block.setting.size
        selected = None if self.where is None else self.where.mask(block)
        if selected is not None:
            counts &= selected
        rows = np.flatnonzero(counts)
        return block.member[rows], paid[rows] - worth[rows]

    def prepare(self, setting: Setting) -> _PreparedGaps:
        """Return the policy made ready for one setting: who comes next above each price."""
        code, size = self.ranks_of_members(setting), len(self.prices) + len(self.price_columns)
        takers = code
        if self.eligible is not None:
            takers = np.where(setting.mask_of(self.eligible), code, INDEX(-1))
        # The price that counts below the first step is the seller's own, eligible or not.
        ascent = Ascent.of(
            setting, [Fraction(n + 1) for n in range(size)], takers, start_level=1, opening=code
        )
        return _PreparedGaps(policy=self, setting=setting, ascent=ascent)


@final
@attrs.frozen(eq=False, kw_only=True)
class _PreparedGaps:
    """A `PriceGap` made ready for one setting."""

    policy: PriceGap
    setting: Setting
    ascent: Ascent

    def _selected(self, block: OrderBlock) -> FlagArray | None:
        return None if self.policy.where is None else self.policy.where.mask(block)

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a step down in price."""
        worth, lines = np.stack(self.policy.worth(block)), np.arange(len(block))
        amount = np.empty((self.ascent.most, len(block)), dtype=MINOR)
        selected, lowest = self._selected(block), None
        for slot, (taker, before, after) in enumerate(self.ascent.steps(block.member)):
            if lowest is None:
                lowest = worth[before, lines]
            price = np.minimum(lowest, worth[after, lines])
            amount[slot] = np.where(taker == self.setting.size, MINOR(0), lowest - price)
            lowest = price
        if selected is not None:
            amount[:, ~selected] = 0
        return Claims(
            amount=amount,
            levels=tuple(range(1, self.ascent.most + 1)),
            route=self.ascent.payees,
            bound=greatest(worth.ravel()),
        )

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:  # noqa: ARG002  # protocol
        """Return why somebody with a lower price claims nothing."""
        return Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the walk of one line, also of those who are passed over."""
        member, nobody = int(block.member[line]), self.setting.size
        if member == nobody:
            return [Hop(1, nobody, nobody, Reason.NO_MEMBER)]
        selected = self._selected(block)
        if selected is not None and not selected[line]:
            return [Hop(1, nobody, nobody, Reason.NOT_SELECTED)]
        hops, condition = list[Hop](), self.policy.eligible
        for step, person, reason in self.ascent.walk(self.setting, member, 1):
            detail = f"rank {self.setting.member_column(self.policy.rank_column).value(person)}"
            if condition is not None and not self.setting.mask_of(condition)[person]:
                reason, detail = Reason.NOT_ELIGIBLE, condition.describe(self.setting, person)
            hops.append(hop_of(self.setting, step, person, reason, detail, 1))
        return hops or [Hop(1, nobody, nobody, Reason.NO_UPLINE)]


@final
@attrs.frozen(kw_only=True)
class RetailMarkup(OrderPolicy):
    """Shows what sellers earn from their customers: a rate of a base, or a base, of their own orders.

    It claims nothing and is never guarded: the money is the customers'. ``Settlement.shown`` has it.

    Parameters
    ----------
    name : str
        Unique in the plan.
    base : str or Base
        ``Base("retail") - Base("wholesale")``, or what `rate` is a rate of.
    rate : Rate
        100 % if left out.
    where : Where
        Which order lines count; all if left out.
    rounding, above_100
        As in `LevelCommission`.

    Examples
    --------
    >>> RetailMarkup("retail", base="bv", rate="20%").rate
    Rate("20%")
    """

    kind: ClassVar[str] = "retail_markup"

    base: Base = attrs.field(converter=base_of)
    rate: Rate = attrs.field(default=Rate.of("100%"), converter=rate_of)
    where: Where | None = attrs.field(default=None, converter=where_of)
    rounding: Rounding = attrs.field(default=FLOOR, converter=rounding_of)
    above_100: bool = attrs.field(default=False, validator=instance_of(bool, error=PlanError))

    def __attrs_post_init__(self) -> None:
        check_rates(self.name, [self.rate], above_100=self.above_100)

    def claims(self, block: OrderBlock) -> Claims:
        """Claim nothing."""
        return Claims.of(block, line=(), payee=(), amount_minor=())

    def shown(self, block: OrderBlock) -> tuple[IndexArray, MinorArray] | None:
        """Return what each line's credited member earns from his customer."""
        amount = self.base.value(block).times(self.rate.fraction, self.rounding)
        counts = block.member != block.setting.size
        selected = None if self.where is None else self.where.mask(block)
        if selected is not None:
            counts &= selected
        rows = np.flatnonzero(counts)
        return block.member[rows], amount[rows]
