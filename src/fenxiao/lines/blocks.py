"""Order lines block by block: claims of every stage, guarded inside each order."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, TypeVar, final

import attrs
import numpy as np

from fenxiao._arrays import BLOCK_ROWS, RowArray, blocks
from fenxiao.errors import CapRejectedError
from fenxiao.margin import OrderGuard, together
from fenxiao.policies.base import OrderPolicy
from fenxiao.policies.blocks import OrderBlock, starts_of
from fenxiao.sheets import Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

    from fenxiao.limits import Cap, Margin
    from fenxiao.margin.budget import Budget
    from fenxiao.policies.base import PeriodPolicy, PreparedPolicy
    from fenxiao.policies.setting import Setting


T = TypeVar("T")


@final
@attrs.frozen(eq=False)
class GuardedBlock:
    """One block after scope 1 of the guard.

    ``taken`` maps the place of a cap to the minor units it cut; ``margin_place``, the number of caps, stands
    for the margin.
    """

    block: OrderBlock
    sheets: tuple[Sheet, ...]
    budget: Budget
    taken: dict[int, int]
    margin_place: int


@final
@attrs.frozen(eq=False, kw_only=True)
class OrderRun:
    """The order policies of a plan, made ready for one setting.

    Parameters
    ----------
    setting : what is settled
    prepared : place in the plan and prepared policy, by stage in ascending order
    guard : scope 1 of the guard
    """

    setting: Setting
    prepared: tuple[tuple[tuple[int, PreparedPolicy], ...], ...]
    guard: OrderGuard

    @classmethod
    def prepare(
        cls,
        setting: Setting,
        policies: tuple[OrderPolicy | PeriodPolicy, ...],
        margin: Margin,
        caps: tuple[Cap, ...],
    ) -> OrderRun:
        """Prepare the order policies of a plan."""
        of_order = [
            (place, policy) for place, policy in enumerate(policies) if isinstance(policy, OrderPolicy)
        ]
        stages = sorted({policy.stage for _, policy in of_order})
        prepared = tuple(
            tuple((place, policy.prepare(setting)) for place, policy in of_order if policy.stage == stage)
            for stage in stages
        )
        names = tuple(policy.name for policy in policies)
        return cls(
            setting=setting, prepared=prepared, guard=OrderGuard(margin=margin, caps=caps, policies=names)
        )

    def at(self, setting: Setting) -> OrderRun:
        """Return the run for other rows of facts that share the tree and the members' columns."""
        return attrs.evolve(self, setting=setting)

    def guarded(self, block: OrderBlock) -> GuardedBlock:
        """Return claims and what scope 1 allows of them."""
        budget = self.guard.budget(block)
        sheets: list[Sheet] = []
        taken: dict[int, int] = {}
        for stage in self.prepared:
            claims = [policy(block) for _, policy in stage]
            sheet = Sheet(block, [place for place, _ in stage], claims)
            for cap, amount in self.guard.apply(sheet, sheets, budget).items():
                taken[cap] = taken.get(cap, 0) + amount
            sheets.append(sheet)
        return GuardedBlock(block, tuple(sheets), budget, taken, self.guard.caps_place)

    def ranges(self) -> Iterator[slice | RowArray]:
        """Yield the rows of each block: whole orders, about as many lines as the cache likes."""
        rows = self.setting.rows
        orders = self.setting.facts.orders
        length = len(range(*rows.indices(len(orders)))) if isinstance(rows, slice) else len(rows)
        order = orders.order_of_row
        starts = None if order is None else starts_of(order[rows])
        for low, high in _edges(length, starts):
            yield slice(low, high) if isinstance(rows, slice) else rows[low:high]

    def each_block(self, work: Callable[[GuardedBlock], Iterable[T]], workers: int) -> Iterator[T]:
        """Yield what `work` makes of every block, in the order of the blocks.

        Parameters
        ----------
        work : called once a block
        workers : threads; at most two blocks a thread wait to be yielded

        Raises
        ------
        CapRejectedError
            After the last block, naming the orders of all of them: what is named does not show the blocks.
        """
        if workers <= 1:
            yield from _accepted(partial(self._work_on, rows, work) for rows in self.ranges())
            return
        # Few need threads, and all would wait for this import.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(workers) as pool:
            yield from _accepted(future.result for future in self._ahead(pool, work, workers))

    def _ahead(
        self, pool: ThreadPoolExecutor, work: Callable[[GuardedBlock], Iterable[T]], workers: int
    ) -> Iterator[Future[Iterable[T]]]:
        waiting: deque[Future[Iterable[T]]] = deque()
        for rows in self.ranges():
            waiting.append(pool.submit(self._work_on, rows, work))
            if len(waiting) > 2 * workers:
                yield waiting.popleft()
        yield from waiting

    def _work_on(self, rows: slice | RowArray, work: Callable[[GuardedBlock], Iterable[T]]) -> Iterable[T]:
        return work(self.guarded(OrderBlock(self.setting, rows)))

    def __iter__(self) -> Iterator[GuardedBlock]:
        """Yield every block, guarded."""
        return self.each_block(lambda guarded: (guarded,), workers=1)


def _accepted(results: Iterable[Callable[[], Iterable[T]]]) -> Iterator[T]:
    """Yield what blocks gave; once a cap rejects, only look which orders of the others it rejects as well."""
    found: list[CapRejectedError] = []
    for result in results:
        try:
            given = result()
        except CapRejectedError as error:
            found.append(error)
        else:
            if not found:
                yield from given
    if found:
        raise together(found)


def _edges(length: int, starts: RowArray | None) -> Iterator[tuple[int, int]]:
    if starts is None:
        yield from blocks(length, BLOCK_ROWS)
        return
    low = 0
    while low < length:
        # An order longer than a block makes a block of its own.
        after = int(np.searchsorted(starts, low + BLOCK_ROWS, side="right")) - 1
        high = int(starts[after])
        if high <= low:
            high = int(starts[int(np.searchsorted(starts, low, side="right"))])
        yield low, high
        low = high
