"""What a limit with ``rule="reject"`` raises: one error for the orders of all blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fenxiao.errors import CapRejectedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao._arrays import RowArray
    from fenxiao.policies.blocks import OrderBlock


def rejected(thing: str, block: OrderBlock, lines: RowArray, step: tuple[int, int]) -> CapRejectedError:
    """Return the error for some lines of a block.

    Parameters
    ----------
    thing : the limit, by name
    block, lines : where it is exceeded
    step : number of the stage, and of the limit in the sequence of the guard
    """
    orders, rows = block.facts.orders, block.row_numbers[lines]
    keys = tuple(zip(orders.order_id.pick(rows), orders.line[rows].tolist(), strict=True))
    return _error(thing, orders.caller_rows(rows).tolist(), keys, step)


def together(errors: Sequence[CapRejectedError]) -> CapRejectedError:
    """Return one error for several blocks: of the limit that comes first in the guard's sequence."""
    step = min(error.step for error in errors)
    parts = [error for error in errors if error.step == step]
    rows = [row for error in parts for row in error.rows]
    return _error(parts[0].thing, rows, tuple(key for error in parts for key in error.keys), step)


def _error(
    thing: str, rows: Sequence[int], keys: tuple[tuple[object, int], ...], step: tuple[int, int]
) -> CapRejectedError:
    error = CapRejectedError(
        thing,
        f"is exceeded on {len(rows)} order line(s) and rejects instead of cutting",
        hint="Nothing was settled; the keys are on the error's attribute 'keys'",
        rows=rows,
        labels=keys,
    )
    error.keys, error.step = keys, step
    return error
