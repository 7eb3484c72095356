"""What a block's lines and orders may pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, MinorArray, RowArray
from fenxiao._columns import Categories
from fenxiao.errors import OrdersError
from fenxiao.money import mul_div, mul_div_arrays

if TYPE_CHECKING:
    from fenxiao.limits import Margin
    from fenxiao.policies.blocks import OrderBlock


@final
@attrs.frozen(eq=False)
class Budget:
    """Margins of a block: by line as given (negative for a loss), and the budget by order.

    A budget is what earlier runs of other cadences left of the order's margin.
    """

    by_line: MinorArray
    by_order: MinorArray
    net_by_order: MinorArray
    """The orders' sums before they are raised to 0."""


def line_margins(margin: Margin, block: OrderBlock) -> MinorArray:
    """Return the margin of each line in minor units; negative for a loss.

    Raises
    ------
    OrdersError
        The column is not money; the catalog has neither a margin share nor a cost for a product.
    """
    if margin.of is not None:
        return margin.of.value(block).times(margin.share.fraction)  # type: ignore[union-attr]  # validated pair
    if margin.name_of_column is not None:
        return block.money(margin.name_of_column, "the plan's margin")
    return _catalog_margins(block)


def _catalog_margins(block: OrderBlock) -> MinorArray:
    """Return floor(paid * share) where product, category or default name one, else paid - cost * quantity."""
    catalog, product = block.facts.catalog, block.column("product")
    if catalog is None or not isinstance(product, Categories):
        raise OrdersError(
            "Margin.catalog()",
            "needs a catalog and a column 'product'",
            hint="Pass Facts(catalog=Catalog...)",
        )
    row = catalog.lookup(product)
    paid = block.money("paid", "Margin.catalog()")
    shares = catalog.margin_rates
    kinds = sorted({share for share in shares if share is not None})
    margin = np.zeros(len(block), dtype=MINOR)
    place = {share: number for number, share in enumerate(kinds)}
    share_of = np.array([-1 if share is None else place[share] for share in shares], dtype=INDEX)[row]
    for number, share in enumerate(kinds):
        lines = np.flatnonzero(share_of == number)
        margin[lines] = mul_div(paid[lines], share.numerator, share.denominator)
    rest = np.flatnonzero(share_of < 0)
    if len(rest):
        margin[rest] = paid[rest] - _costs(block, rest)
    return margin


def _costs(block: OrderBlock, lines: RowArray) -> MinorArray:
    """Return cost * quantity of some lines."""
    catalog = block.facts.catalog
    if catalog is None or "cost" not in catalog.names:
        raise OrdersError(
            "Margin.catalog()",
            "finds neither a margin share nor a cost for some products",
            hint="Give the catalog a column 'cost' or 'margin_rate', category_margins or default_margin",
            rows=block.facts.orders.caller_rows(block.row_numbers[lines]),
        )
    cost = block.money("cost", "Margin.catalog()")
    return mul_div_arrays(block.amounts("quantity")[lines], cost[lines], 1)
