"""Price gaps (拿货差价) and retail mark-ups: what is earned by buying cheaper than one sells."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, ROW, IndexArray, MinorArray, RowArray
from fenxiao.errors import OrdersError, PlanError, Reason, instance_of
from fenxiao.expressions import Base, pairs_of
from fenxiao.money import FLOOR, Rate, Rounding, format_minor, is_amount, mul_div_arrays, to_minor
from fenxiao.policies.base import DEPTH_MAX, Claims, Hop, OrderPolicy
from fenxiao.policies.blocks import OrderBlock
from fenxiao.policies.cascade import NO_STEP, Ascent, hop_of, rows_of_column
from fenxiao.policies.fields import base_of, check_rates, rate_of, rounding_of, where_of
from fenxiao.policies.walk_fields import WalkFields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fenxiao.expressions import Where
    from fenxiao.policies.base import PreparedPolicy
    from fenxiao.policies.setting import Setting

_QUANTITY: Final = "quantity"
_ONE: Final = Fraction(1)
Texts = tuple[tuple[str, str], ...]


def _prices(table: object) -> Texts:
    allowed = 'money by rank, such as {"gold": "60.00", "silver": "70.00"}'
    pairs = pairs_of(table, "prices", allowed=allowed)
    strange = [price for _, price in pairs if not is_amount(price)]
    if strange:
        raise PlanError("prices", "are not amounts of money", value=strange, allowed=allowed)
    return pairs


def _columns(table: object) -> Texts:
    allowed = 'order or catalog columns by rank, such as {"gold": "gold_price"}'
    pairs = pairs_of(table, "price_columns", allowed=allowed)
    strange = [name for _, name in pairs if not isinstance(name, str) or not name]
    if strange:
        raise PlanError("price_columns", "are not names of columns", value=strange, allowed=allowed)
    return pairs


@final
@attrs.frozen(kw_only=True)
class PriceGap(WalkFields, OrderPolicy):
    """Pays everybody up the sponsors the gap between the price below him and his own, per unit.

    The credited member sells at what was paid and buys at his rank's price. Going up from him, the next to be
    paid is the nearest whose price is below the lowest so far; he gets the difference times the quantity. The
    lines of an order line thus add up to the credited member's price less the lowest price on the path, times
    the quantity. A line's level is the number of its step.

    What the credited member sells for, less his own price times the quantity, is his customer's money: it is
    shown (`Settlement.shown`), claims nothing and is never guarded. It is negative where he sells for less.

    Parameters
    ----------
    name : str
        Unique in the plan.
    prices : mapping
        Money per unit of quantity, by rank; a price for every rank of the column.
    price_columns : mapping
        In place of `prices`: by rank, a money column of the orders or of the catalog.
    rank_column : str
        The members' column of ranks.
    sold_for : str or Base
        What the customer pays for the line; ``"paid"`` if left out.
    eligible : Predicate
        Who may be paid; everybody if left out. The others are skipped. The credited member buys at his price
        in any case.
    where : Where
        Which order lines count; all if left out.

    Raises
    ------
    PlanError
        Not exactly one of `prices` and `price_columns`, a rank without a price, more than 64 ranks.
    MoneyError
        A price with more decimals than the currency.
    OrdersError
        A price column is no money of the plan's currency, or holds negative prices.

    Examples
    --------
    >>> gap = PriceGap("gap", prices={"shop": "70", "city": "60", "province": "40"})
    >>> gap.prices[0]
    ('shop', '70')
    """

    kind: ClassVar[str] = "price_gap"
    tables: ClassVar[tuple[str, ...]] = ("prices", "price_columns")

    prices: Texts = attrs.field(default=(), converter=_prices)
    price_columns: Texts = attrs.field(default=(), converter=_columns)
    rank_column: str = attrs.field(default="rank", validator=instance_of(str, filled=True, error=PlanError))
    sold_for: Base = attrs.field(factory=lambda: Base("paid"), converter=base_of)

    def __attrs_post_init__(self) -> None:
        if bool(self.prices) == bool(self.price_columns):
            raise self.error("needs prices by rank", allowed="prices or price_columns, one of the two")
        if len(self.ranks) > DEPTH_MAX:
            raise self.error("has too many ranks", value=len(self.ranks), allowed="up to 64")

    @property
    def ranks(self) -> tuple[str, ...]:
        """Return the ranks that have a price."""
        return tuple(rank for rank, _ in self.prices or self.price_columns)

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return (*super().member_columns(), self.rank_column)

    def shown(self, block: OrderBlock) -> tuple[IndexArray, MinorArray] | None:
        """Return the sellers' mark-ups: what they sell for less their own price."""
        return self.prepare(block.setting).markups(block)

    def prepare(self, setting: Setting) -> PreparedGap:
        """Return the policy made ready for one setting: prices, and each member's rank."""
        prepared = setting.keep(("price gap", self.name), lambda: self._prepared(setting))
        if len(setting.facts.orders):
            # What is shown is computed later; that its columns are there is seen now.
            prepared.markups(OrderBlock(setting, slice(0, 0)))
        return prepared

    def _prepared(self, setting: Setting) -> PreparedGap:
        decimals, column = setting.decimals, setting.member_column(self.rank_column)
        thing = f"{self.thing}, {'prices' if self.prices else 'price_columns'}"
        rows = rows_of_column(column, self.rank_column, self.ranks, thing, "Give every rank a price")
        prices = [to_minor(price, decimals, thing=thing) for _, price in self.prices]
        return PreparedGap(
            policy=self,
            setting=setting,
            rank=np.append(rows, INDEX(0)),
            prices=np.array(prices, dtype=MINOR)[:, None],
        )


@final
@attrs.frozen(eq=False, kw_only=True)
class PreparedGap:
    """A `PriceGap` made ready for one setting.

    Attributes
    ----------
    rank : int32 [members + 1], the place of each member's rank among those that have a price
    prices : int64 [ranks, 1], minor units; empty where columns hold them
    """

    policy: PriceGap
    setting: Setting
    rank: IndexArray
    prices: MinorArray

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a step."""
        prices = self._prices(block)
        parts = list(self._parts(prices, len(block)))
        slots = max(ascent.most for _, ascent in parts)
        amount = np.zeros((slots, len(block)), dtype=MINOR)
        payee = np.full(amount.shape, INDEX(self.setting.size))
        for lines, ascent in parts:
            member = block.member[lines]
            cost = self._worth(block, self._price(prices, member, lines), lines)
            for slot, (here, _, _) in enumerate(ascent.steps(member)):
                below = self._worth(block, self._price(prices, here, lines), lines)
                nobody = here == self.setting.size
                amount[slot, lines] = np.where(nobody, MINOR(0), cost - below)
                payee[slot, lines] = here
                cost = np.where(nobody, cost, below)
        selected = self.policy.selected(block)
        if selected is not None:
            amount[:, ~selected] = 0
        route = parts[0][1].takers if self.policy.prices and slots else None
        return Claims(
            amount=amount,
            levels=tuple(range(1, slots + 1)),
            payee=payee if route is None else None,
            route=route,
            bound=int(prices.max(initial=0)) * block.amounts_of(_QUANTITY)[2],
            rate_of=lambda slot, line: self._rate_text(block, slot, line),
        )

    def _prices(self, block: OrderBlock) -> MinorArray:
        """Return the price of each rank on each line (int64 [ranks, lines], or [ranks, 1] for all lines)."""
        if self.policy.prices:
            return self.prices
        purpose = f"{self.policy.thing}, price_columns,"
        columns = [block.money(name, purpose) for _, name in self.policy.price_columns]
        for (_, name), column in zip(self.policy.price_columns, columns, strict=True):
            bad = np.flatnonzero(column < 0)
            if len(bad):
                raise OrdersError(
                    f"orders column {name!r}",
                    "holds negative prices",
                    allowed="0 or more",
                    rows=block.facts.orders.caller_rows(block.row_numbers[bad]),
                )
        return np.stack(columns)

    def _parts(self, prices: MinorArray, lines: int) -> Iterator[tuple[RowArray | slice, Ascent]]:
        """Yield lines on which the ranks stand in one order of price, and who takes which step there."""
        # The lower the price the higher the place: so many ranks have a higher price.
        place = np.stack([(prices > price).sum(axis=0) for price in prices]).astype(INDEX)
        if (place == place[:, :1]).all():
            first = place[:, 0] if place.shape[1] else np.zeros(len(place), dtype=INDEX)
            yield slice(0, lines), self._ascent(first)
            return
        orders, number = np.unique(place, axis=1, return_inverse=True)
        for at, order in enumerate(orders.T):
            yield np.flatnonzero(number.ravel() == at).astype(ROW), self._ascent(order)

    def _ascent(self, place: IndexArray) -> Ascent:
        """Return who takes which step, given the place of each rank."""
        key = ("price gap", self.policy.name, tuple(place.tolist()))
        return self.setting.keep(key, lambda: self._climb(place))

    def _climb(self, place: IndexArray) -> Ascent:
        mine = place[self.rank[:-1]]
        code = mine
        if self.policy.eligible is not None:
            code = np.where(self.setting.mask_of(self.policy.eligible), mine, INDEX(NO_STEP))
        values = [Fraction(number + 1) for number in range(len(place))]
        return Ascent.of(self.setting, values, code, start_level=1, opening=mine)

    def _price(self, prices: MinorArray, member: IndexArray, lines: RowArray | slice) -> MinorArray:
        """Return the price of one member a line (int64 [n])."""
        rank = np.take(self.rank, member, mode="clip")
        line = np.zeros(len(rank), dtype=ROW)
        if self.policy.price_columns:
            line = np.arange(prices.shape[1], dtype=ROW)[lines]
        found: MinorArray = prices[rank, line]
        return found

    def _worth(self, block: OrderBlock, price: MinorArray, lines: RowArray | slice) -> MinorArray:
        """Return prices times quantities, which are whole numbers."""
        return mul_div_arrays(block.amounts(_QUANTITY)[lines], price, 1)

    def markups(self, block: OrderBlock) -> tuple[IndexArray, MinorArray]:
        """Return credited members and what each line leaves them of what they sell it for."""
        counts = block.member != self.setting.size
        selected = self.policy.selected(block)
        rows = np.flatnonzero(counts if selected is None else counts & selected)
        sold = self.policy.sold_for.value(block).times(_ONE, FLOOR)
        whole = slice(0, len(block))
        cost = self._worth(block, self._price(self._prices(block), block.member, whole), whole)
        return block.member[rows], (sold - cost)[rows]

    def _line(self, block: OrderBlock, line: int) -> tuple[MinorArray, Ascent]:
        """Return the prices of one line (int64 [ranks]), and who takes which step there."""
        prices = self._prices(block)
        column = prices[:, min(line, prices.shape[1] - 1)]
        return column, next(self._parts(column[:, None], 1))[1]

    def _money(self, minor: int) -> str:
        return format_minor(minor, self.setting.decimals)

    def _rate_text(self, block: OrderBlock, slot: int, line: int) -> str:
        prices, ascent = self._line(block, line)
        member = int(block.member[line])
        people = [member, *ascent.takers(block.member[line : line + 1])[:, 0].tolist()]
        above, below = (int(prices[self.rank[who]]) for who in people[slot : slot + 2])
        return f"{self._money(above - below)} a unit"

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:  # noqa: ARG002  # protocol
        """Return why a step that somebody takes claims nothing: the quantity is zero."""
        return Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the walk of one line, also of those who are passed over."""
        member, nobody, hops = int(block.member[line]), self.setting.size, list[Hop]()
        if member == nobody:
            return [Hop(1, nobody, nobody, Reason.NO_MEMBER)]
        selected = self.policy.selected(block)
        if selected is not None and not selected[line]:
            return [Hop(1, nobody, nobody, Reason.NOT_SELECTED)]
        prices, ascent = self._line(block, line)
        lowest = int(prices[self.rank[member]])
        for step, person, reason in ascent.walk(self.setting, member, 1):
            price = int(prices[self.rank[person]])
            if reason is Reason.PAID:
                detail = f"{self._money(lowest)} less {self._money(price)} a unit"
                lowest = price
            elif reason is Reason.NOT_ENTITLED and self.policy.eligible is not None:
                reason, detail = Reason.NOT_ELIGIBLE, self.policy.eligible.describe(self.setting, person)
            else:
                detail = f"his price {self._money(price)}, the price below {self._money(lowest)}"
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
        check_rates(self.name, [self.rate], "rate", above_100=self.above_100)

    @property
    def only_shows(self) -> bool:
        """Return that nothing is ever claimed."""
        return True

    def prepare(self, setting: Setting) -> PreparedPolicy:
        """Return the policy made ready for one setting, after seeing that the columns it shows are there."""
        if len(setting.facts.orders):
            self.shown(OrderBlock(setting, slice(0, 0)))
        return OrderPolicy.prepare(self, setting)

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
