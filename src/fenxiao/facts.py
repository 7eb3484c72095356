"""`Facts`: everything a settlement looks at, joined once and then read-only."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, NO_MEMBER, ROW, IndexArray, MinorArray, blocks, readonly
from fenxiao._columns import Amounts, Categories, Column, Numbers
from fenxiao._kernels.tally import greatest
from fenxiao._labels import readonly_or_none
from fenxiao.catalog import Catalog
from fenxiao.changing import Changing
from fenxiao.errors import (
    InputError,
    OrdersError,
    PlanError,
    UnknownMemberError,
    instance_of,
    is_one_of,
    what,
)
from fenxiao.events import Events
from fenxiao.genealogy import Genealogy
from fenxiao.members import Members
from fenxiao.money import to_minor
from fenxiao.orders import Orders
from fenxiao.orders.assembly import kept, kept_beside, same_people
from fenxiao.placement import Placement
from fenxiao.tree import ReferralTree

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import RowArray
    from fenxiao.orders import Labels

_QUANTITY: Final = "quantity"
_PLACEMENTS: Final = "Facts, placements"
_SAMPLED: Final = 1 << 15
"""Lines that are looked at before their number by member is guessed."""
_SAMPLED_TWICE: Final = 8
"""Who stands in a sample more often than that has far more lines than the mean."""
_TIMES_THE_MEAN: Final = 8
_COUNTED: Final = 1 << 22
"""Rows counted at a time: counting needs a wider copy of them."""


def _named_money(values: Any) -> tuple[tuple[str, str], ...]:
    """Return named money, or the pairs that it was read into, as pairs."""
    return _named("Facts, figures or funds", values, 'such as {"profit": "120000.00"}')


def _named_placements(values: Any) -> tuple[tuple[str, Placement], ...]:
    """Return named placements, or the pairs that they were read into, as pairs."""
    pairs = _named(_PLACEMENTS, values, 'such as {"binary": Placement}')
    for name, placement in pairs:
        if not isinstance(placement, Placement):
            raise InputError(f"{_PLACEMENTS}, {name!r}", what(placement), allowed="Placement")
    return pairs


def _named(thing: str, values: Any, allowed: str) -> tuple[tuple[str, Any], ...]:
    pairs = isinstance(values, tuple) and all(isinstance(v, tuple) and len(v) == 2 for v in values)
    table = dict(values) if pairs else values
    if not isinstance(table, Mapping):
        raise InputError(thing, what(values), allowed=allowed)
    strange = [name for name in table if not isinstance(name, str)]
    if strange:
        raise InputError(thing, "have names that are no text", value=strange, allowed="str")
    return tuple(sorted(table.items(), key=itemgetter(0)))


T = TypeVar("T")


@final
@attrs.frozen(eq=False, kw_only=True, repr=False)
class Facts(Changing):
    """The referral tree, orders and whatever else a plan reads, joined and checked once.

    Parameters
    ----------
    tree
        Who referred whom.
    orders
        What was sold. Members and buyers must be in the tree; guests are None.
    members
        Columns of the members (rank, active, ...); every member of the tree has a value.
    catalog
        Category, price, cost and margin share of products.
    events
        Facts that are not orders.
    figures
        Named money of the period, such as ``{"profit": "120000.00"}``, in the orders' currency.
    funds
        Named money on top of the orders' margins that period claims may use.
    placements
        Named placements of the tree's members in ordered legs, such as ``{"binary": placement}``. Each is
        of this tree, or of one that is equal but for the order of its rows.
    genealogy
        The sponsors that the tree's members had over time, for plans that attribute orders at their own time.
        The tree is usually made from it: ``tree=genealogy.at_end_of(period, zone)``.

    Raises
    ------
    UnknownMemberError
        Orders of people who are not in the tree; the message has row numbers, the error the labels.
    InputError
        Members without a value, figures that are not exact amounts.
    PlacementError
        A placement of another tree.
    GenealogyError
        A genealogy that does not know somebody of the tree.

    Examples
    --------
    >>> tree = ReferralTree.from_mapping({"ann": None, "bo": "ann"})
    >>> orders = Orders.from_records([{"order_id": 1, "member": "bo", "paid": "100.00"}])
    >>> Facts(tree=tree, orders=orders)
    Facts(2 members; 1 line of 1 order)
    """

    tree: ReferralTree = attrs.field(validator=instance_of(ReferralTree))
    orders: Orders = attrs.field(factory=Orders.empty, validator=instance_of(Orders))
    members: Members | None = attrs.field(default=None, validator=instance_of(Members, optional=True))
    catalog: Catalog | None = attrs.field(default=None, validator=instance_of(Catalog, optional=True))
    events: Events = attrs.field(factory=Events.empty, validator=instance_of(Events))
    figures: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_named_money)
    funds: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_named_money)
    placements: tuple[tuple[str, Placement], ...] = attrs.field(default=(), converter=_named_placements)
    genealogy: Genealogy | None = attrs.field(default=None, validator=instance_of(Genealogy, optional=True))

    member_index: IndexArray = attrs.field(init=False)
    """int32 [lines]: the credited member's index; the number of members for a guest."""
    buyer_index: IndexArray | None = attrs.field(init=False)
    """int32 [lines]: the buyer's index, -1 where unknown; None where the orders name no buyers."""
    _kept: dict[Any, Any] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        set_field = object.__setattr__
        if self.members is not None:
            set_field(self, "members", self.members.align(self.tree))
        aligned = tuple((name, each.align(self.tree)) for name, each in self.placements)
        set_field(self, "placements", aligned)
        if self.genealogy is not None:
            self.genealogy.places(self.tree)
        for name, _ in self.figures:
            self.figure(name)
        for name, money in self.funds:
            if to_minor(money, self.orders.decimals, thing=f"fund {name!r}") < 0:
                raise InputError(f"fund {name!r}", "is negative", value=money, allowed="0 or more")
        orders = self.orders
        member = self._indices(orders, orders.member, guest=len(self.tree), thing="member")
        set_field(self, "member_index", member)
        set_field(self, "buyer_index", self._buyers(orders))

    def _buyers(self, orders: Orders) -> IndexArray | None:
        if orders.buyer is None:
            return None
        return self._indices(orders, orders.buyer, guest=NO_MEMBER, thing="buyer")

    def _indices(self, orders: Orders, labels: Labels, *, guest: int, thing: str) -> IndexArray:
        try:
            found = self.tree.indices(labels.values, thing=f"orders column {thing!r}", null=labels.null)
        except UnknownMemberError as error:
            # The caller knows his own rows, not those of the canonical order.
            rows = orders.caller_rows(np.array(error.rows, dtype=ROW))
            raise UnknownMemberError(
                error.thing,
                error.problem,
                allowed=error.allowed,
                hint=error.hint,
                rows=sorted(rows),
                labels=error.labels,
            ) from None
        if labels.null is not None and guest != NO_MEMBER:
            found = np.where(labels.null, INDEX(guest), found)
        return readonly(found)  # type: ignore[no-any-return]  # what is kept is what was made

    def __repr__(self) -> str:
        lines, orders = len(self.orders), self.orders.n_orders
        return (
            f"Facts({len(self.tree):,} member{'s' * (len(self.tree) != 1)}; "
            f"{lines:,} line{'s' * (lines != 1)} of {orders:,} order{'s' * (orders != 1)})"
        )

    def keep(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` gives, computing it once: facts never change, so neither does it."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def with_orders(self, orders: Orders, *, events: Events | None = None) -> Facts:
        """Return the same facts with other orders, and events if given; members are not aligned again."""
        if not isinstance(orders, Orders):
            raise InputError("Facts, orders", what(orders), allowed="Orders")
        # Nobody is looked up again where the very same column is read.
        before = self.orders
        member, buyer = self.member_index, self.buyer_index
        if orders.member is not before.member:
            member = self._indices(orders, orders.member, guest=len(self.tree), thing="member")
        if orders.buyer is not before.buyer:
            buyer = self._buyers(orders)
        return self._joined(orders, self.events if events is None else events, member, buyer)

    def of_rows(self, rows: RowArray, *, beside: tuple[Facts, Facts] | None = None) -> Facts:
        """Return the same facts with some order lines alone, as if they had been sold so.

        Parameters
        ----------
        rows : int64 [n], ascending, all lines of the orders that are meant
        beside : other facts, and what this made of the same rows of them: what both share is not copied again
        """
        parts = self.orders.parts()
        if beside is not None and same_people(parts, beside[0].orders.parts()):
            other, taken = beside
            orders = Orders(**kept_beside(parts, rows, other.orders.parts(), taken.orders.parts()))
            return self._joined(orders, self.events, taken.member_index, taken.buyer_index)
        buyer = self.buyer_index
        member, buyer = self.member_index[rows], None if buyer is None else buyer[rows]
        return self._joined(Orders(**kept(parts, rows, {})), self.events, member, buyer)

    def _joined(self, orders: Orders, events: Events, member: IndexArray, buyer: IndexArray | None) -> Facts:
        fresh = object.__new__(Facts)
        for field in attrs.fields(Facts):
            object.__setattr__(fresh, field.name, getattr(self, field.name))
        columns = {"member_index": readonly(member), "buyer_index": readonly_or_none(buyer)}
        for name, value in {"orders": orders, "events": events, "_kept": {}, **columns}.items():
            object.__setattr__(fresh, name, value)
        return fresh

    def order_column(self, name: str) -> Column:
        """Return a column of the orders, or of the catalog by the orders' products.

        A quantity that the orders do not give is 1 a line.

        Raises
        ------
        OrdersError
            Neither has a column of that name.
        """
        if not isinstance(name, str):
            raise OrdersError("orders column", what(name), allowed="the name of a column, such as 'paid'")
        if name == _QUANTITY and name not in self.orders.names:
            return self.keep(name, lambda: Numbers(np.ones(len(self.orders), dtype=MINOR)))
        if name in self.orders.names or self.catalog is None or name not in self.catalog.names:
            return self.orders.column(name)
        return self.keep(("catalog", name), lambda: self._from_catalog(name))

    def category(self, name: str) -> Categories:
        """Return a category column of the orders, or of the catalog by the orders' products.

        Raises
        ------
        PlanError
            The column is not one of categories.
        """
        column = self.order_column(name)
        if not isinstance(column, Categories):
            raise PlanError(
                f"orders column {name!r}",
                "is not a category",
                hint=f"Declare it: Orders.from_records(..., categories=({name!r},))",
            )
        return column

    def _from_catalog(self, name: str) -> Column:
        product = self.orders.column("product")
        if self.catalog is None or not isinstance(product, Categories):
            raise OrdersError(
                "orders column 'product'",
                "is not a column of product names or numbers",
                allowed="text or integers",
                hint="Look products up in the catalog by the name or number that it has",
            )
        return self.catalog.column(name).take(self.catalog.lookup(product))

    def amounts_of(self, name: str) -> tuple[MinorArray, int, int]:
        """Return an order column as integers, its decimals and a bound of its absolute values.

        Raises
        ------
        OrdersError
            The column is missing or is neither money, volume nor a count.
        """
        self.order_column(name)
        return self.keep(("amounts", name), lambda: self._amounts_of(name))

    def _amounts_of(self, name: str) -> tuple[MinorArray, int, int]:
        column = self.order_column(name)
        if not isinstance(column, Amounts | Numbers):
            raise OrdersError(
                f"orders column {name!r}",
                "is not money, a volume or a count",
                value=type(column).__name__,
                hint=f"Name it as money or volume: Orders.from_records(..., volumes={{{name!r}: 2}})",
            )
        decimals = column.decimals if isinstance(column, Amounts) else 0
        return column.values, decimals, greatest(column.values)

    def member_column(self, name: str) -> Column:
        """Return a member column in tree order.

        Raises
        ------
        InputError
            There are no member columns, or none of that name.
        """
        if self.members is None:
            raise InputError(
                f"members column {name!r}", "is needed by the plan", hint="Pass Facts(members=Members...)"
            )
        return self.members.column(name)

    def usual_lines(self) -> int:
        """Return a guess of `most_lines` that costs nothing: so many times the mean.

        Of orders spread at random over the members nobody has more; a shop with a few great sellers has.
        Where that shows already in a sample of its lines, they are counted.
        """
        return self.keep("usual lines", self._usual_lines)

    def _usual_lines(self) -> int:
        lines = len(self.member_index)
        if lines <= _SAMPLED:
            return self.most_lines()
        sample = np.sort(self.member_index[:: lines // _SAMPLED])
        times = np.diff(np.flatnonzero(np.diff(sample, prepend=-1, append=len(self.tree) + 1)))
        if int(times.max()) > _SAMPLED_TWICE:
            return self.most_lines()
        return _TIMES_THE_MEAN * (lines // max(len(self.tree), 1) + 1)

    def most_lines(self) -> int:
        """Return the greatest number of order lines that credit one member."""
        return self.keep("most lines", self._most_lines)

    def _most_lines(self) -> int:
        counts = np.zeros(len(self.tree) + 1, dtype=MINOR)
        for low, high in blocks(len(self.member_index), _COUNTED):
            counts += np.bincount(self.member_index[low:high], minlength=len(counts))
        return int(counts[:-1].max(initial=0))

    def fund_total(self) -> int:
        """Return the sum of the declared funds in minor units."""
        return sum(
            to_minor(money, self.orders.decimals, thing=f"fund {name!r}") for name, money in self.funds
        )

    def figure(self, name: str) -> int:
        """Return a named figure in minor units.

        Raises
        ------
        InputError
            No figure of that name was given.
        """
        figures = dict(self.figures)
        if not is_one_of(name, figures):
            raise InputError(
                f"figure {name!r}", "is missing", allowed=", ".join(figures) or "no figures given"
            )
        return to_minor(figures[name], self.orders.decimals, thing=f"figure {name!r}")

    def placement(self, name: str) -> Placement:
        """Return a named placement.

        Raises
        ------
        InputError
            No placement of that name was given; the message names those there are.
        """
        placements = dict(self.placements)
        if not is_one_of(name, placements):
            hint = 'Pass Facts(placements={"binary": Placement.auto(tree, order, rule="weaker")})'
            allowed = ", ".join(placements) or "no placements given"
            raise InputError(f"placement {name!r}", "is missing", allowed=allowed, hint=hint)
        return placements[name]
