"""`LevelCommission` at work: the walk up the sponsors, and what each level pays."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import BITS, INDEX, MINOR, MINOR_MAX, AnyArray, FlagArray, IndexArray, MinorArray, blocks
from fenxiao._columns import Categories
from fenxiao._kernels.tally import exact_sum
from fenxiao.errors import PlanError, Reason
from fenxiao.expressions import Exact, fit_minor
from fenxiao.money import mul_div_arrays
from fenxiao.policies.base import Claims, Hop
from fenxiao.policies.schedules import Cell, Fixed, RateTable
from fenxiao.routes import SponsorRoute

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao.policies.blocks import OrderBlock, Setting
    from fenxiao.policies.levels import LevelCommission

_ONE: Final = Fraction(1)


@final
@attrs.frozen(eq=False, kw_only=True)
class PreparedLevels:
    """A `LevelCommission` made ready for one setting."""

    policy: LevelCommission
    setting: Setting
    route: SponsorRoute
    table: RateTable
    eligible: FlagArray | None
    rank_row: IndexArray | None
    """int32 [members + 1]: the schedule of each member's rank; only with ``by_rank``."""
    filled: AnyArray
    """Bit ``k`` of a member's entry (unsigned [members + 1]): his orders' level k has a payee."""
    most: tuple[Fraction, int]
    """The greatest rate and the greatest fixed amount."""

    @classmethod
    def of(cls, policy: LevelCommission, setting: Setting) -> PreparedLevels:
        """Evaluate predicates and ranks, and build pointers and tables."""
        depth = policy.depth
        eligible = None if policy.eligible is None else setting.mask_of(policy.eligible)
        masks: list[FlagArray | None] = [eligible] * depth
        rank_row = None
        schedules = list(policy.schedules)
        if policy.by_rank:
            rank_row = _rank_rows(policy, setting)
            masks = _rank_masks(policy, rank_row[:-1], eligible)
        if policy.by_length:
            # Nobody in the chain: row 0 is empty.
            schedules = [(), *(row for _, row in sorted(policy.by_length, key=lambda pair: pair[0]))]
        table = RateTable.of(schedules, depth, setting.decimals, f"policy {policy.name!r}")
        route = SponsorRoute.prepare(
            setting.facts.tree,
            masks,
            start_level=policy.start_level,
            if_not=policy.if_not,  # type: ignore[arg-type]  # the validator has checked it
            self_purchase=policy.self_purchase,  # type: ignore[arg-type]  # the validator has checked it
        )
        most = Fraction(int(table.rates.max(initial=0)), table.denominator), int(table.fixed.max(initial=0))
        return cls(
            policy=policy,
            setting=setting,
            route=route,
            table=table,
            eligible=eligible,
            rank_row=rank_row,
            filled=_filled_levels(route, len(setting.facts.tree)),
            most=most,
        )

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a level."""
        buyers = self._buyers(block)
        payees: IndexArray | None = None
        if buyers is not None:
            payees = self.route.walk(block.member, buyers)
            filled = _filled(payees, self.setting.size)
        else:
            filled = np.take(self.filled, block.member, mode="clip")
            if self.rank_row is not None:
                payees = self.route.walk(block.member, None)
        selected = None if self.policy.where is None else self.policy.where.mask(block)
        rows = self._rows_of_lines(block, filled)
        exact = self.policy.base.value(block)
        amount = np.empty((self.route.levels, len(block)), dtype=MINOR)
        for level in range(self.route.levels):
            if self.rank_row is not None and payees is not None:
                rows = np.take(self.rank_row, payees[level], mode="clip")
            self._amounts(level, rows, exact, block, amount[level])
            if selected is not None:
                amount[level][~selected] = 0
        return Claims(
            amount=amount,
            levels=tuple(range(self.policy.start_level, self.policy.start_level + self.route.levels)),
            payee=None if buyers is None else payees,
            route=self._payees_of if buyers is None else None,
            breakage=self._take_breakage(block, filled, amount),
            bound=self._bound(exact, block),
            base_of=lambda: exact.times(_ONE),
            rate_of=self._rate_text(block, buyers, rows),
        )

    def _payees_of(self, member: IndexArray) -> IndexArray:
        return self.route.walk(member, None)

    def _take_breakage(self, block: OrderBlock, filled: AnyArray, amount: MinorArray) -> int:
        """Take away what levels without a payee would pay; return the sum, guests' orders left out."""
        gaps = np.flatnonzero(filled != _all_levels(self.route.levels))
        breakage = 0
        if len(gaps):
            planned = block.member[gaps] != self.setting.size
            for level, column in enumerate(amount):
                lost = (filled[gaps] >> level) & 1 == 0
                breakage += exact_sum(column[gaps[lost & planned]])
                column[gaps[lost]] = 0
        return breakage

    def _buyers(self, block: OrderBlock) -> IndexArray | None:
        """Return the buyers where the policy needs to know them."""
        if self.policy.self_purchase == "pay":
            return None
        buyers = block.buyer()
        if buyers is None:
            raise PlanError(
                f"policy {self.policy.name!r}",
                "does not simply pay self-purchases and the orders name no buyers",
                value=self.policy.self_purchase,
                hint="Add a column 'buyer' to the orders, or write self_purchase=\"pay\"",
            )
        return buyers

    def _rows_of_lines(self, block: OrderBlock, filled: AnyArray) -> IndexArray | None:
        """Return the schedule of each line, None where all lines have the first one."""
        if self.policy.by_length:
            return np.bitwise_count(filled).astype(INDEX)
        if not self.policy.by_product and not self.policy.by_category:
            return None
        rows = np.zeros(len(block), dtype=INDEX)
        first = 1 + len(self.policy.by_product)
        for table, name, offset in (
            (self.policy.by_category, "category", first),
            (self.policy.by_product, "product", 1),
        ):
            if table:
                codes, values = block.codes(name)
                row_of = {str(key): offset + place for place, (key, _) in enumerate(table)}
                lookup = np.array([*(row_of.get(str(value), -1) for value in values), -1], dtype=INDEX)[codes]
                rows = np.where(lookup >= 0, lookup, rows)
        return rows

    def _amounts(
        self, level: int, row: IndexArray | None, exact: Exact, block: OrderBlock, out: MinorArray
    ) -> None:
        """Write what a level pays on each line to `out`."""
        table, rounding = self.table, self.policy.rounding
        if row is None or len(table.rates) == 1:
            if table.is_fixed[0, level]:
                out[:] = self._fixed(np.broadcast_to(table.fixed[0, level], (len(block),)), block)
            else:
                exact.times(Fraction(int(table.rates[0, level]), table.denominator), rounding, out=out)
            return
        fixed = np.take(table.is_fixed[:, level], row, mode="clip")
        out[:] = self._varying(exact, np.take(table.rates[:, level], row, mode="clip"))
        if fixed.any():
            amounts = self._fixed(np.take(table.fixed[:, level], row, mode="clip"), block)
            np.copyto(out, amounts, where=fixed)

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
        return fit_minor(
            (self.policy.rounding.round_fraction(v * r * factor) for v, r in pairs), "a commission"
        )

    def _fixed(self, fixed: MinorArray, block: OrderBlock) -> MinorArray:
        quantity, _, _ = block.amounts_of("quantity")
        return mul_div_arrays(quantity, np.ascontiguousarray(fixed), 1, self.policy.rounding)

    def _cell(self, level: int, payee: int, row: int) -> Cell | None:
        """Return what a payee gets at a level (counted from 0), on a line with schedule `row`."""
        schedules = [(), *self.policy.schedules] if self.policy.by_length else self.policy.schedules
        schedule = schedules[row if self.rank_row is None else int(self.rank_row[payee])]
        return schedule[level] if level < len(schedule) else None

    def _rate_text(
        self, block: OrderBlock, buyers: IndexArray | None, rows: IndexArray | None
    ) -> Callable[[int, int], str]:
        def text(level: int, line: int) -> str:
            who = slice(line, line + 1)
            payees = self.route.walk(block.member[who], None if buyers is None else buyers[who])
            cell = self._cell(level, int(payees[level][0]), 0 if rows is None else int(rows[line]))
            return f"{cell.amount} a unit" if isinstance(cell, Fixed) else str(cell or "")

        return text

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:
        """Return why a level that has a payee claims nothing."""
        payees = self.route.walk(block.member, self._buyers(block))
        rows = self._rows_of_lines(block, _filled(payees, self.setting.size))
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
        buyers = self._buyers(block)
        steps = self.route.trace(member, None if buyers is None else int(buyers[line]))
        return [self._hop(step.level, step.person, step.payee, step.reason) for step in steps]

    def _hop(self, level: int, person: int, payee: int, reason: Reason) -> Hop:
        number, detail = level + self.policy.start_level, ""
        if reason is Reason.NOT_ELIGIBLE:
            condition = self.policy.eligible
            if condition is None or self.eligible is None or self.eligible[person]:
                reason = Reason.NOT_ENTITLED
                rank = self.setting.member_column(self.policy.rank_column).value(person)
                detail = f"rank {rank} has no rate at this level"
            else:
                detail = condition.describe(self.setting, person)
        return Hop(number, person, payee, reason, detail)


def _all_levels(levels: int) -> int:
    return (1 << levels) - 1


def _filled(payees: IndexArray, nobody: int) -> AnyArray:
    """Return for each column of payees the levels that have one, as bits."""
    bits = np.zeros(payees.shape[1], dtype=BITS[-1])
    for level, payee in enumerate(payees):
        bits |= (payee != nobody).astype(BITS[-1]) << BITS[-1](level)
    return bits


def _filled_levels(route: SponsorRoute, members: int) -> AnyArray:
    """Return the filled levels of every member's own orders, the number of members for a guest's."""
    kind = next(kind for kind in BITS if kind(0).nbytes * 8 >= route.levels)
    filled = np.zeros(members + 1, dtype=kind)
    for low, high in blocks(members):
        payees = route.walk(np.arange(low, high, dtype=INDEX), None)
        filled[low:high] = _filled(payees, members)
    return filled


def _rank_rows(policy: LevelCommission, setting: Setting) -> IndexArray:
    column = setting.member_column(policy.rank_column)
    if not isinstance(column, Categories):
        raise PlanError(
            f"members column {policy.rank_column!r}", "is not text", hint='Ranks are names, such as "gold"'
        )
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


def _rank_masks(
    policy: LevelCommission, rank_row: IndexArray, eligible: FlagArray | None
) -> list[FlagArray | None]:
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
