"""Level commission (层级佣金, 二级/三级分销): a rate by level up the sponsors."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, MINOR, MINOR_MAX, FlagArray, IndexArray, MinorArray
from fenxiao._columns import Categories
from fenxiao.errors import PlanError, RateError, Reason
from fenxiao.expressions import Base, Exact, Predicate, Where, fit_minor, predicate_from_data
from fenxiao.money import FLOOR, Rate, Rounding, mul_div, mul_div_arrays, to_minor
from fenxiao.policies.base import DEPTH_MAX, Claims, Hop, OrderBlock, OrderPolicy, Setting
from fenxiao.routes import IF_NOT, SELF_PURCHASE, SponsorRoute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ONE: Final = Fraction(1)


@final
@attrs.frozen
class Fixed:
    """Money per unit of quantity, in place of a rate: ``Fixed("0.88")``. It may be zero.

    Examples
    --------
    >>> Fixed("0.88").amount
    '0.88'
    """

    amount: str = attrs.field()

    @amount.validator
    def _check(self, _: object, value: object) -> None:
        # Which decimals are allowed is the currency's affair; the plan checks it.
        if not isinstance(value, str) or to_minor(value, 12, thing="Fixed") < 0:
            raise PlanError("Fixed", "is not an amount of money", value=value, allowed='0 or more, such as "0.88"')


Cell: TypeAlias = Rate | Fixed
Schedule: TypeAlias = tuple[Cell, ...]


def _cell(value: object) -> Cell:
    if isinstance(value, Fixed):
        return value
    if isinstance(value, dict) and set(value) == {"fixed"}:
        return Fixed(value["fixed"])
    return Rate.of(value)  # type: ignore[arg-type]  # refuses what it cannot read


def _schedule(values: object) -> Schedule:
    if isinstance(values, str | Rate | Fixed | Fraction) or not hasattr(values, "__iter__"):
        raise PlanError("rates", "are not a list", value=values, allowed='a list by level, such as ["10%", "5%"]')
    return tuple(_cell(value) for value in values)


def _schedules(values: object) -> tuple[tuple[Any, Schedule], ...]:
    if isinstance(values, tuple):
        pairs: Any = values
    elif isinstance(values, Mapping):
        pairs = values.items()
    else:
        raise PlanError("rates", "are not a table", value=values, allowed='such as {"gold": ["10%", "5%"]}')
    return tuple((key, _schedule(row)) for key, row in pairs)


def _by_length(values: object) -> tuple[tuple[int, Schedule], ...]:
    # Plain data has text as keys.
    pairs = [(int(key) if isinstance(key, str) and key.isdecimal() else key, row) for key, row in _schedules(values)]
    if any(isinstance(key, bool) or not isinstance(key, int) for key, _ in pairs):
        raise PlanError("by_length", "has a key that is no length", value=[key for key, _ in pairs], allowed="1, 2, 3, ...")
    return tuple(sorted(pairs, key=lambda pair: pair[0]))


def _rounding(value: Any) -> Rounding:
    return Rounding(**value) if isinstance(value, dict) else Rounding.of(value)


def _choice(allowed: Sequence[str], missing: str) -> Any:
    def check(instance: LevelCommission, attribute: attrs.Attribute[Any], value: object) -> None:
        if value not in allowed:
            raise PlanError(
                f"policy {instance.name!r}, {attribute.name}",
                "is not one of the choices",
                value=value,
                allowed=", ".join(allowed),
                hint=missing,
            )

    return check


@final
@attrs.frozen(kw_only=True)
class LevelCommission(OrderPolicy):
    """A rate (or fixed money) for each level above the credited member of an order line.

    Level 0 is the credited member, level 1 his sponsor. Each line pays
    ``round(base * rate)`` at each level, rounded once, `floor` unless the plan says otherwise.

    Parameters
    ----------
    name : str
        Unique in the plan.
    base : str or Base
        What the rates are rates of: ``"paid"``, ``Base("cv") * "40%"``.
    rates : list
        A rate, or `Fixed` money per unit of quantity, by level.
    by_rank : mapping
        In place of `rates`: a list by the payee's rank; beyond its end he is not entitled. Every rank that
        occurs needs a row, an empty one if it earns nothing.
    by_length : mapping
        In place of `rates`: a list by the number of levels that have a payee; keys 1, 2, ... without a gap.
    by_product, by_category : mapping
        Beside `rates`: a list that replaces it for lines of that product, else of that category.
    rank_column : str
        The members' column that `by_rank` reads.
    start_level : int
        Level of the first rate: 1 the sponsor (default), 0 the credited member himself.
    if_not : {"company", "roll_up", "stop", "last_payee"}
        What happens where nobody stands at a level, or somebody who does not qualify. Always written.
    eligible : Predicate
        Who qualifies; everybody if left out.
    self_purchase : {"pay", "skip", "stop"}
        What happens where the payee is the buyer.
    where : Where
        Which order lines count; all if left out.
    rounding : Rounding or str
        ``floor`` (default), ``half_up``, ``half_even``, ``ceiling``.
    above_100 : bool
        Allow rates above 100 %.

    Raises
    ------
    PlanError
        Missing or contradictory parameters, more than 64 levels.
    RateError
        A float, a negative rate, a rate above 100 % without `above_100`.

    Examples
    --------
    >>> LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company").depth
    2
    """

    kind: ClassVar[str] = "level_commission"

    base: Base = attrs.field(converter=Base.from_data)
    rates: Schedule = attrs.field(default=(), converter=_schedule)
    by_rank: tuple[tuple[str, Schedule], ...] = attrs.field(default=(), converter=_schedules)
    by_length: tuple[tuple[int, Schedule], ...] = attrs.field(default=(), converter=_by_length)
    by_product: tuple[tuple[Any, Schedule], ...] = attrs.field(default=(), converter=_schedules)
    by_category: tuple[tuple[Any, Schedule], ...] = attrs.field(default=(), converter=_schedules)
    rank_column: str = "rank"
    start_level: int = 1
    if_not: str = attrs.field(
        default="", validator=_choice(IF_NOT, 'Write if_not="company" to leave the money with the company')
    )
    eligible: Predicate | None = attrs.field(default=None, converter=attrs.converters.optional(predicate_from_data))
    self_purchase: str = attrs.field(default="pay", validator=_choice(SELF_PURCHASE, ""))
    where: Where | None = attrs.field(default=None, converter=attrs.converters.optional(Where.from_data))
    rounding: Rounding = attrs.field(default=FLOOR, converter=_rounding)
    above_100: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))

    def __attrs_post_init__(self) -> None:
        given = [name for name in ("rates", "by_rank", "by_length") if getattr(self, name)]
        if len(given) != 1:
            raise self._error("needs exactly one table", value=given, allowed="rates, by_rank or by_length")
        if (self.by_product or self.by_category) and not self.rates:
            raise self._error(
                "combines products with ranks or lengths", hint="Write one policy a product with where=Where(product=...)"
            )
        for table in ("by_rank", "by_product", "by_category"):
            keys = [str(key) for key, _ in getattr(self, table)]
            if len(set(keys)) < len(keys):
                raise self._error(f"has two rows for one key in {table}", value=keys)
        lengths = sorted(key for key, _ in self.by_length)
        if lengths != list(range(1, len(lengths) + 1)):
            raise self._error("has gaps in by_length", value=lengths, allowed="1, 2, 3, ... up to the greatest")
        if not isinstance(self.start_level, int) or isinstance(self.start_level, bool) or self.start_level < 0:
            raise self._error("has a start_level that is no level", value=self.start_level, allowed="0, 1, 2, ...")
        if not 1 <= self.depth + self.start_level - 1 <= DEPTH_MAX:
            raise self._error("reaches too far", value=self.depth + self.start_level - 1, allowed="levels up to 64")
        self._check_rates()

    def _error(self, problem: str, **more: Any) -> PlanError:
        return PlanError(f"policy {self.name!r}", problem, **more)

    def _check_rates(self) -> None:
        for schedule in self.schedules:
            for cell in schedule:
                if isinstance(cell, Rate) and cell.fraction > _ONE and not self.above_100:
                    raise RateError(
                        f"policy {self.name!r}, rates",
                        "hold one above 100 %",
                        value=str(cell),
                        allowed="0 to 100 %",
                        hint="Pass above_100=True if the plan means it",
                    )

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """Return every list of rates, the default one first."""
        tables = (*self.by_product, *self.by_category, *self.by_rank, *self.by_length)
        return ((self.rates,) if self.rates else ()) + tuple(row for _, row in tables)

    @property
    def depth(self) -> int:
        """Return the number of levels."""
        return max(map(len, self.schedules))

    def not_local(self) -> tuple[str, ...]:
        """Return why an order's claims need more than that order."""
        reasons = []
        if self.eligible is not None and self.eligible.measures():
            reasons.append(f"policy {self.name!r}: eligible reads own {', '.join(self.eligible.measures())}")
        if self.where is not None and self.where.first_order:
            reasons.append(f"policy {self.name!r}: where asks for the buyer's first order")
        return tuple(reasons)

    def prepare(self, setting: Setting) -> PreparedLevels:
        """Return the policy made ready for one setting: masks, pointers and tables."""
        if self.self_purchase != "pay" and setting.facts.buyer_index is None and len(setting.facts.orders):
            raise self._error(
                f"has self_purchase={self.self_purchase!r} and the orders name no buyers",
                hint="Add a column 'buyer' to the orders, or write self_purchase=\"pay\"",
            )
        return PreparedLevels.of(self, setting)


@final
@attrs.frozen(eq=False, kw_only=True)
class _Table:
    """Schedules as integers: cell = rates[schedule, level] / denominator of the base, or fixed money."""

    rates: MinorArray
    denominator: int
    fixed: MinorArray
    is_fixed: FlagArray
    exists: FlagArray

    @classmethod
    def of(cls, schedules: Sequence[Schedule], depth: int, decimals: int, thing: str) -> _Table:
        cells = [cell for schedule in schedules for cell in schedule]
        denominator = lcm(*(cell.denominator for cell in cells if isinstance(cell, Rate)), 1)
        shape = (len(schedules), depth)
        rates = np.zeros(shape, dtype=object)
        fixed, is_fixed, exists = np.zeros(shape, dtype=MINOR), np.zeros(shape, dtype=FLAG), np.zeros(shape, dtype=FLAG)
        for row, schedule in enumerate(schedules):
            for level, cell in enumerate(schedule):
                exists[row, level] = True
                if isinstance(cell, Fixed):
                    is_fixed[row, level] = True
                    fixed[row, level] = to_minor(cell.amount, decimals, thing=f"{thing}, Fixed")
                else:
                    rates[row, level] = int(cell.fraction * denominator)
        if rates.size and max(rates.flat) > MINOR_MAX:
            raise RateError(thing, "has rates whose common denominator is beyond 64 bits", hint="Use fewer digits")
        return cls(rates=rates.astype(MINOR), denominator=denominator, fixed=fixed, is_fixed=is_fixed, exists=exists)


@final
@attrs.frozen(eq=False, kw_only=True)
class PreparedLevels:
    """A `LevelCommission` made ready for one setting."""

    policy: LevelCommission
    setting: Setting
    route: SponsorRoute
    table: _Table
    eligible: FlagArray | None
    rank_row: IndexArray | None
    """int32 [members + 1]: the schedule of each member's rank; only with ``by_rank``."""
    most: tuple[Fraction, int]
    """The greatest rate and the greatest fixed amount."""

    @classmethod
    def of(cls, policy: LevelCommission, setting: Setting) -> PreparedLevels:
        """Evaluate predicates and ranks, and build pointers and tables."""
        depth = policy.depth
        eligible = None if policy.eligible is None else policy.eligible.mask(setting)
        masks: list[FlagArray | None] = [eligible] * depth
        rank_row = None
        schedules = list(policy.schedules)
        if policy.by_rank:
            rank_row = _rank_rows(policy, setting)
            masks = _rank_masks(policy, rank_row[:-1], eligible)
        if policy.by_length:
            # Nobody in the chain: row 0 is empty.
            schedules = [(), *(row for _, row in sorted(policy.by_length, key=lambda pair: pair[0]))]
        table = _Table.of(schedules, depth, setting.decimals, f"policy {policy.name!r}")
        route = SponsorRoute.prepare(
            setting.facts.tree,
            masks,
            start_level=policy.start_level,
            if_not=policy.if_not,  # type: ignore[arg-type]  # the validator has checked it
            self_purchase=policy.self_purchase,  # type: ignore[arg-type]  # the validator has checked it
        )
        most = Fraction(int(table.rates.max(initial=0)), table.denominator), int(table.fixed.max(initial=0))
        return cls(
            policy=policy, setting=setting, route=route, table=table, eligible=eligible, rank_row=rank_row, most=most
        )

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a level."""
        payees = self.route.walk(block.member, block.buyer())
        nobody = self.setting.size
        selected = None if self.policy.where is None else self.policy.where.mask(block)
        rows = self._rows_of_lines(block, payees)
        exact = self.policy.base.value(block)
        amount = np.empty((len(payees), len(block)), dtype=MINOR)
        payee = np.empty((len(payees), len(block)), dtype=INDEX)
        breakage = 0
        guests = block.member == nobody
        for level, who in enumerate(payees):
            row = rows if self.rank_row is None else np.take(self.rank_row, who, mode="clip")
            claimed = self._amounts(level, row, exact, block)
            if selected is not None:
                claimed = np.where(selected, claimed, MINOR(0))
            paid = who != nobody
            np.multiply(claimed, paid, out=amount[level])
            if not paid.all():
                breakage += _planned(claimed, ~paid & ~guests)
            payee[level] = who
        levels = tuple(range(self.policy.start_level, self.policy.start_level + len(payees)))
        return Claims(
            payee=payee,
            amount=amount,
            levels=levels,
            breakage=breakage,
            bound=self._bound(exact, block),
            base_of=lambda: exact.times(_ONE),
            rate_of=self._rate_text(payees, rows),
        )

    def _rows_of_lines(self, block: OrderBlock, payees: list[IndexArray]) -> IndexArray | None:
        """Return the schedule of each line, None where all lines have the first one."""
        if self.policy.by_length:
            return np.add.reduce([payee != self.setting.size for payee in payees], dtype=INDEX)
        if not self.policy.by_product and not self.policy.by_category:
            return None
        rows = np.zeros(len(block), dtype=INDEX)
        first = 1 + len(self.policy.by_product)
        for table, name, offset in ((self.policy.by_category, "category", first), (self.policy.by_product, "product", 1)):
            if table:
                codes, values = block.codes(name)
                row_of = {str(key): offset + place for place, (key, _) in enumerate(table)}
                lookup = np.array([*(row_of.get(str(value), -1) for value in values), -1], dtype=INDEX)[codes]
                rows = np.where(lookup >= 0, lookup, rows)
        return rows

    def _amounts(self, level: int, row: IndexArray | None, exact: Exact, block: OrderBlock) -> MinorArray:
        table, rounding = self.table, self.policy.rounding
        if row is None or len(table.rates) == 1:
            if table.is_fixed[0, level]:
                return self._fixed(np.broadcast_to(table.fixed[0, level], (len(block),)), block)
            return exact.times(Fraction(int(table.rates[0, level]), table.denominator), rounding)
        fixed = np.take(table.is_fixed[:, level], row, mode="clip")
        rates = np.take(table.rates[:, level], row, mode="clip")
        result = self._varying(exact, rates)
        if not fixed.any():
            return result
        return np.where(fixed, self._fixed(np.take(table.fixed[:, level], row, mode="clip"), block), result)

    def _bound(self, exact: Exact, block: OrderBlock) -> int:
        """Return an upper bound of one claim."""
        rate, fixed = self.most
        share = -(-exact.bound * exact.numerator * rate.numerator // (exact.denominator * rate.denominator))
        return max(share, fixed * block.amounts_of("quantity")[2] if fixed else 0) + self.policy.rounding.step

    def _varying(self, exact: Exact, rates: MinorArray) -> MinorArray:
        """Return base times a rate that differs by line, rounded once."""
        denominator = exact.denominator * self.table.denominator
        most = int(self.table.rates.max()) * exact.numerator
        if exact.values.dtype == MINOR and most <= MINOR_MAX:
            return mul_div_arrays(exact.values, rates * exact.numerator, denominator, self.policy.rounding)
        factor = Fraction(exact.numerator, denominator)
        pairs = zip(exact.values.tolist(), rates.tolist(), strict=True)
        return fit_minor((self.policy.rounding.round_fraction(v * r * factor) for v, r in pairs), "a commission")

    def _fixed(self, fixed: MinorArray, block: OrderBlock) -> MinorArray:
        quantity, _, _ = block.amounts_of("quantity")
        return mul_div_arrays(quantity, np.ascontiguousarray(fixed), 1, self.policy.rounding)

    def _cell(self, level: int, payee: int, row: int) -> Cell | None:
        """Return what a payee gets at a level (counted from 0) of a line with schedule `row`; None for nothing."""
        schedules = [(), *self.policy.schedules] if self.policy.by_length else self.policy.schedules
        schedule = schedules[row if self.rank_row is None else int(self.rank_row[payee])]
        return schedule[level] if level < len(schedule) else None

    def _rate_text(self, payees: list[IndexArray], rows: IndexArray | None) -> Callable[[int, int], str]:
        def text(level: int, line: int) -> str:
            cell = self._cell(level, int(payees[level][line]), 0 if rows is None else int(rows[line]))
            return f"{cell.amount} a unit" if isinstance(cell, Fixed) else str(cell or "")

        return text

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:
        """Return why a level that has a payee claims nothing."""
        payees = self.route.walk(block.member, block.buyer())
        rows = self._rows_of_lines(block, payees)
        place = level - self.policy.start_level
        cell = self._cell(place, int(payees[place][line]), 0 if rows is None else int(rows[line]))
        if cell is None:
            return Reason.NOT_ENTITLED
        if isinstance(cell, Fixed):
            worth = Fraction(cell.amount) * int(block.amounts("quantity")[line])
        else:
            worth = cell.fraction * self.policy.base.value(block).fraction(line)
        return Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the walk of one line, also of those who are passed over."""
        member, nobody = int(block.member[line]), self.setting.size
        if member == nobody:
            return [Hop(self.policy.start_level, nobody, nobody, Reason.NO_MEMBER)]
        selected = None if self.policy.where is None else self.policy.where.mask(block)
        if selected is not None and not selected[line]:
            return [Hop(self.policy.start_level, nobody, nobody, Reason.NOT_SELECTED)]
        buyers = block.buyer()
        steps = self.route.trace(member, None if buyers is None else int(buyers[line]))
        return [self._hop(step.level, step.person, step.payee, step.reason) for step in steps]

    def _hop(self, level: int, person: int, payee: int, reason: Reason) -> Hop:
        number, detail = level + self.policy.start_level, ""
        if reason is Reason.NOT_ELIGIBLE:
            if self.eligible is None or self.eligible[person]:
                reason = Reason.NOT_ENTITLED
                detail = f"rank {self.setting.member_column(self.policy.rank_column).value(person)} has no rate at this level"
            elif self.policy.eligible is not None:
                detail = self.policy.eligible.describe(self.setting, person)
        return Hop(number, person, payee, reason, detail)


def _planned(claimed: MinorArray, lost: FlagArray) -> int:
    return sum(claimed[lost].tolist())


def _rank_rows(policy: LevelCommission, setting: Setting) -> IndexArray:
    column = setting.member_column(policy.rank_column)
    if not isinstance(column, Categories):
        raise PlanError(f"members column {policy.rank_column!r}", "is not text", hint="Ranks are names, such as \"gold\"")
    row_of = {str(rank): place for place, (rank, _) in enumerate(policy.by_rank)}
    missing = [value for value in column.values if str(value) not in row_of]
    if missing or (column.codes < 0).any():
        raise PlanError(
            f"policy {policy.name!r}, by_rank",
            "has no row for every rank that occurs",
            value=missing or None,
            allowed=", ".join(row_of),
            hint="Give a rank that earns nothing an empty list",
        )
    lookup = np.array([row_of[str(value)] for value in column.values], dtype=INDEX)
    # Nobody reads the last entry; any row does, since nobody is never paid.
    return np.append(lookup[column.codes], INDEX(0)).astype(INDEX)


def _rank_masks(policy: LevelCommission, rank_row: IndexArray, eligible: FlagArray | None) -> list[FlagArray | None]:
    lengths = np.array([len(row) for _, row in policy.by_rank], dtype=INDEX)[rank_row]
    by_reach: dict[int, FlagArray] = {}
    reaches = [sum(len(row) > level for _, row in policy.by_rank) for level in range(policy.depth)]
    masks: list[FlagArray | None] = []
    for level, reach in enumerate(reaches):
        # As rows only end, never begin, as many rows reaching a level means the same rows.
        if reach not in by_reach:
            mask = lengths > level
            by_reach[reach] = mask if eligible is None else mask & eligible
        masks.append(by_reach[reach])
    return masks
