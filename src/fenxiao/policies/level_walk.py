"""`LevelCommission` at work: the walk up the sponsors, and what each level pays."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, INSTANT, MINOR, AnyArray, FlagArray, IndexArray, MinorArray
from fenxiao._columns import Days
from fenxiao._kernels.tally import exact_sum
from fenxiao.errors import PlanError, Reason
from fenxiao.money import mul_div_arrays
from fenxiao.periods import months_after
from fenxiao.policies.base import Claims, Hop
from fenxiao.policies.level_table import LevelTable, filled_of
from fenxiao.policies.schedules import Fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import InstantArray
    from fenxiao.expressions import Exact
    from fenxiao.policies.blocks import OrderBlock
    from fenxiao.policies.levels import LevelCommission
    from fenxiao.policies.schedules import Schedule
    from fenxiao.policies.setting import Setting
    from fenxiao.routes import DatedRoute

_ONE: Final = Fraction(1)
_JOINED: Final = "joined"


class _Then(NamedTuple):
    """The time of each line's order, and the route at such times."""

    times: InstantArray
    route: DatedRoute

    def of(self, line: slice) -> _Then:
        """Return the same of some lines."""
        return _Then(self.times[line], self.route)


class _Way(NamedTuple):
    """How the lines of a block find their payees, and at which levels there is one."""

    filled: AnyArray
    payee: IndexArray | None = None
    route: Callable[[IndexArray], IndexArray] | None = None
    source: IndexArray | None = None
    sources: int = 0


@final
@attrs.frozen(eq=False, kw_only=True)
class PreparedLevels:
    """A `LevelCommission` made ready for one setting."""

    policy: LevelCommission
    setting: Setting
    walk: LevelTable
    most: tuple[Fraction, int]
    """The greatest rate and the greatest fixed amount."""

    @classmethod
    def of(cls, policy: LevelCommission, setting: Setting) -> PreparedLevels:
        """Build route and tables."""
        schedules: list[Schedule] = list(policy.schedules)
        if policy.by_length:
            # Nobody in the chain: row 0 is empty.
            schedules = [(), *(row for _, row in sorted(policy.by_length, key=lambda pair: pair[0]))]
        walk = LevelTable.of(policy, setting, schedules, policy.self_purchase)
        if setting.at_order_time:
            # Facts without a genealogy are refused at once, whether there are orders or not.
            walk.dated(np.zeros(0, dtype=INSTANT))
        table = walk.table
        most = Fraction(int(table.rates.max(initial=0)), table.denominator), int(table.fixed.max(initial=0))
        return cls(policy=policy, setting=setting, walk=walk, most=most)

    def __call__(self, block: OrderBlock) -> Claims:
        """Return the claims on a block: one slot a level."""
        if self.policy.funded_by != "company":
            return Claims.of(block, line=(), payee=(), amount_minor=())
        return self._claims(block)

    def given(self, block: OrderBlock) -> tuple[IndexArray, MinorArray]:
        """Return payees and amounts that the credited members pay themselves, and what these give."""
        claims = self._claims(block)
        givers = np.broadcast_to(block.member, claims.amount.shape).ravel()
        payees, paid = claims.payees(block).ravel(), claims.amount.ravel()
        return np.concatenate((payees, givers)), np.concatenate((paid, -paid))

    def _claims(self, block: OrderBlock) -> Claims:
        buyers, then = self._buyers(block), self._then(block)
        credited = self._credited(block, then)
        sources = self._sources(block, credited, then)
        way = self._way(block, sources, buyers, then)
        payees = way.payee
        if payees is None and self.walk.by_payee:
            payees = self._walked(sources, buyers, then)
        selected = self._selected(block)
        rows = self._rows_of_lines(block, way.filled)
        exact = self.policy.base.value(block)
        levels = self.walk.route.levels
        amount = np.empty((levels, len(block)), dtype=MINOR)
        for level in range(levels):
            if self.walk.by_payee and payees is not None:
                rows = self.walk.rows(payees[level], sources)
            self._amounts(level, rows, exact, block, amount[level])
            if selected is not None:
                amount[level][~selected] = 0
        return Claims(
            amount=amount,
            levels=tuple(range(self.policy.start_level, self.policy.start_level + levels)),
            payee=way.payee,
            route=way.route,
            source=way.source,
            sources=way.sources,
            breakage=self._take_breakage(credited, way.filled, amount),
            bound=self._bound(exact, block),
            base_of=lambda: exact.times(_ONE),
            rate_of=self._rate_text(buyers, sources, then, rows),
        )

    def _then(self, block: OrderBlock) -> _Then | None:
        """Return when the orders were made and how uplines ran then, None at the period's end."""
        times = block.order_times()
        return None if times is None else _Then(times, self.walk.dated(times))

    def _way(
        self, block: OrderBlock, sources: IndexArray, buyers: IndexArray | None, then: _Then | None
    ) -> _Way:
        """Return how lines find their payees: by a route where the source alone decides."""
        if buyers is None and then is None and sources is block.member:
            return _Way(self.walk.filled_of(sources), route=self._payees_of)
        # A sponsor to whom sales pass up may have more lines than any member is credited with.
        alone = buyers is None and self.policy.pass_up is None
        found = self.walk.spells(then.route) if alone and then is not None else None
        if found is not None and then is not None:
            source, filled = found.find(sources, then.times)
            return _Way(filled, route=found.route.payees, source=source, sources=len(found.filled))
        payees = self._walked(sources, buyers, then)
        return _Way(filled_of(payees, self.setting.size), payee=payees)

    def _walked(self, sources: IndexArray, buyers: IndexArray | None, then: _Then | None) -> IndexArray:
        """Return the payees by level: up the sponsors of the tree, or up those of each line's own time."""
        if then is None:
            return self.walk.route.walk(sources, buyers)
        return then.route.walk(sources, buyers, then.times)

    def _payees_of(self, member: IndexArray) -> IndexArray:
        return self.walk.route.walk(member, None)

    def _credited(self, block: OrderBlock, then: _Then | None) -> IndexArray:
        """Return whom each line credits: nobody, if he was not in at the time that counts."""
        if then is None:
            return block.member
        return then.route.path.sponsors.present(block.member, then.times)

    def _sources(self, block: OrderBlock, credited: IndexArray, then: _Then | None) -> IndexArray:
        """Return from whom each line's walk starts: his sponsor where a member's sale passes up."""
        chosen = self.policy.pass_up
        if chosen is None or chosen.of != "sales":
            return credited
        passed = block.early_orders(chosen.first, f"policy {self.policy.name!r}, pass_up")
        if then is None:
            above = self.setting.tree.sponsor_pointer[credited]
        else:
            above = then.route.path.sponsors.above(credited, then.times)
        return np.where(passed, above, credited)

    def _selected(self, block: OrderBlock) -> FlagArray | None:
        """Return which lines the policy pays for, None for all."""
        parts = [] if self.policy.where is None else [self.policy.where.mask(block)]
        if self.walk.source is not None:
            parts.append(self.walk.source[block.member])
        if self.policy.first_days is not None:
            days = self.policy.first_days
            parts.append(self._fresh(block, "first_days", lambda joined: joined + days))
        if self.policy.first_months is not None:
            months = self.policy.first_months
            parts.append(self._fresh(block, "first_months", lambda joined: months_after(joined, months)))
        given = [part for part in parts if part is not None]
        return np.logical_and.reduce(given) if given else None

    def _fresh(
        self, block: OrderBlock, field: str, until: Callable[[InstantArray], InstantArray]
    ) -> FlagArray:
        """Return which orders lie between the date the credited member joined and the end of a span."""
        thing = f"policy {self.policy.name!r}, {field}"
        joined = self.setting.member_column(_JOINED)
        if not isinstance(joined, Days):
            raise PlanError(
                thing,
                "needs the members' column 'joined' as dates",
                value=type(joined).__name__,
                hint="Give dates, such as date(2026, 10, 5)",
            )
        day, guest = block.local_days(thing), np.zeros(1, dtype=joined.values.dtype)
        first, end = (np.append(each, guest)[block.member] for each in (joined.values, until(joined.values)))
        fresh: FlagArray = (day >= first) & (day < end)
        return fresh

    def _take_breakage(self, credited: IndexArray, filled: AnyArray, amount: MinorArray) -> int:
        """Take away what levels without a payee would pay; return the sum, guests' orders left out."""
        gaps = np.flatnonzero(filled != (1 << self.walk.route.levels) - 1)
        breakage = 0
        if len(gaps):
            planned = credited[gaps] != self.setting.size
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
        table = self.walk.table
        if row is None or len(table.rates) == 1:
            if table.is_fixed[0, level]:
                out[:] = self._fixed(np.broadcast_to(table.fixed[0, level], (len(block),)), block)
            else:
                self.walk.uniform(level, exact, out)
            return
        fixed = np.take(table.is_fixed[:, level], row, mode="clip")
        out[:] = self.walk.varying(level, row, exact)
        if fixed.any():
            amounts = self._fixed(np.take(table.fixed[:, level], row, mode="clip"), block)
            np.copyto(out, amounts, where=fixed)

    def _bound(self, exact: Exact, block: OrderBlock) -> int:
        """Return an upper bound of one claim."""
        rate, fixed = self.most
        share = -(-exact.bound * exact.numerator * rate.numerator // (exact.denominator * rate.denominator))
        return max(share, fixed * block.amounts_of("quantity")[2] if fixed else 0) + self.policy.rounding.step

    def _fixed(self, fixed: MinorArray, block: OrderBlock) -> MinorArray:
        quantity, _, _ = block.amounts_of("quantity")
        return mul_div_arrays(quantity, np.ascontiguousarray(fixed), 1, self.policy.rounding)

    def _rate_text(
        self,
        buyers: IndexArray | None,
        sources: IndexArray,
        then: _Then | None,
        rows: IndexArray | None,
    ) -> Callable[[int, int], str]:
        def text(level: int, line: int) -> str:
            who = slice(line, line + 1)
            payees = self._walked(
                sources[who],
                None if buyers is None else buyers[who],
                None if then is None else then.of(who),
            )
            row = 0 if rows is None else int(rows[line])
            cell = self.walk.cell(level, int(payees[level][0]), int(sources[line]), row)
            return f"{cell.amount} a unit" if isinstance(cell, Fixed) else str(cell or "")

        return text

    def why_zero(self, block: OrderBlock, line: int, level: int) -> Reason:
        """Return why a level that has a payee claims nothing."""
        then = self._then(block)
        sources = self._sources(block, self._credited(block, then), then)
        payees = self._walked(sources, self._buyers(block), then)
        rows = self._rows_of_lines(block, filled_of(payees, self.setting.size))
        place = level - self.policy.start_level
        row = 0 if rows is None else int(rows[line])
        cell = self.walk.cell(place, int(payees[place][line]), int(sources[line]), row)
        if cell is None:
            return Reason.NOT_ENTITLED
        if isinstance(cell, Fixed):
            worth = Fraction(cell.amount) * int(block.amounts("quantity")[line])
        else:
            worth = cell.fraction * self.policy.base.value(block).fraction(line)
        return Reason.ROUNDED_TO_ZERO if worth else Reason.ZERO_RATE

    def trace(self, block: OrderBlock, line: int) -> list[Hop]:
        """Tell the walk of one line, also of those who are passed over."""
        member, nobody, start = int(block.member[line]), self.setting.size, self.policy.start_level
        if member == nobody:
            return [Hop(start, nobody, nobody, Reason.NO_MEMBER)]
        condition = self.policy.source
        if condition is not None and not self.setting.mask_of(condition)[member]:
            words = condition.describe(self.setting, member)
            return [Hop(start, nobody, nobody, Reason.NOT_SOURCE, words)]
        selected = self._selected(block)
        if selected is not None and not selected[line]:
            return [Hop(start, nobody, nobody, Reason.NOT_SELECTED)]
        then = self._then(block)
        credited = self._credited(block, then)
        if credited[line] == nobody:
            return [Hop(start, nobody, nobody, Reason.NO_MEMBER, "not in at the time of the order")]
        source, buyers = int(self._sources(block, credited, then)[line]), self._buyers(block)
        hops = [] if source == member else [Hop(0, member, nobody, Reason.PASSED_UP)]
        if source != nobody:
            route = self.walk.route if then is None else self.walk.route_at(int(then.times[line]))
            steps = route.trace(source, None if buyers is None else int(buyers[line]))
            hops += [self.walk.hop(step, source) for step in steps]
        return hops
