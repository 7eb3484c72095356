"""What happens to the orders of facts: each method gives new facts and leaves the old ones alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from fenxiao.errors import ChangesError, what
from fenxiao.orders import Orders

if TYPE_CHECKING:
    from fenxiao._labels import Label
    from fenxiao.changes import Changes
    from fenxiao.events import Events


class Changing:
    """Refunds, cancellations, chargebacks, reinstatements, adjustments and late orders, as new facts."""

    __slots__ = ()

    orders: Orders
    events: Events

    @abstractmethod
    def with_orders(self, orders: Orders, *, events: Events | None = None) -> Self:
        """Return the same facts with other orders, and other events if given."""

    def refund(
        self,
        order_id: Label,
        line: int | None = None,
        *,
        at: object,
        quantity: int | None = None,
        paid: object = None,
        margin: object = None,
        volumes: Mapping[str, object] | None = None,
        known_at: object = None,
        change_id: Label = None,
    ) -> Self:
        """Return the facts after a refund: of pieces, of money, or of all there is where nothing is stated.

        Parameters
        ----------
        order_id
        line : the line; the whole order where it is left out, which then has one line if anything is stated
        at : when it happened: an aware datetime or ISO text with an offset; naive if the orders have a zone
        quantity : pieces given back
        paid : money given back
        margin, volumes : what goes with that money; it follows what is paid where it is left out
        known_at : when it was known; `at` if left out
        change_id : what you call it, such as the id of a payment's event; told again, it counts once

        Raises
        ------
        ChangesError, MoneyError, TimeError
            As `Orders.after`; amounts are none, the time is none.

        Examples
        --------
        >>> import fenxiao as fx
        >>> orders = fx.Orders.from_records(
        ...     [{"order_id": "A17", "member": "bo", "paid": "90.00", "quantity": 3}]
        ... )
        >>> facts = fx.Facts(tree=fx.ReferralTree.from_mapping({"bo": None}), orders=orders)
        >>> later = facts.refund("A17", line=0, quantity=1, at="2026-10-09T12:00:00+08:00")
        >>> later.orders.amounts("paid").value(0), facts.orders.amounts("paid").value(0)
        (Decimal('60.00'), Decimal('90.00'))
        """
        stated = {"quantity": quantity, "paid": paid, "margin": margin}
        return self._changed("refund", order_id, line, at, known_at, stated, volumes, change_id)

    def cancel(
        self,
        order_id: Label,
        line: int | None = None,
        *,
        at: object,
        known_at: object = None,
        change_id: Label = None,
    ) -> Self:
        """Return the facts without an order, or without a line of it: it counts as never sold.

        Raises
        ------
        ChangesError, TimeError
            There is no such order or line; the time is none.

        Examples
        --------
        >>> import fenxiao as fx
        >>> orders = fx.Orders.from_records([{"order_id": "A17", "member": "bo", "paid": "90.00"}])
        >>> facts = fx.Facts(tree=fx.ReferralTree.from_mapping({"bo": None}), orders=orders)
        >>> facts.cancel("A17", at="2026-10-09T12:00:00+08:00")
        Facts(1 member; 0 lines of 0 orders)
        """
        return self._changed("cancellation", order_id, line, at, known_at, {}, None, change_id)

    def charge_back(
        self,
        order_id: Label,
        line: int | None = None,
        *,
        at: object,
        known_at: object = None,
        change_id: Label = None,
    ) -> Self:
        """Return the facts after the payment of an order, or of a line of it, was taken back: as `cancel`.

        Raises
        ------
        ChangesError, TimeError
            As `cancel`.
        """
        return self._changed("chargeback", order_id, line, at, known_at, {}, None, change_id)

    def reinstate(
        self,
        order_id: Label,
        line: int | None = None,
        *,
        at: object,
        known_at: object = None,
        change_id: Label = None,
    ) -> Self:
        """Return the facts in which an order, or a line of it, counts again, as after a dispute that was won.

        Cancellations, chargebacks and refunds without amounts, from before `at`, no longer count; refunds
        that state amounts still do. Where there are none it changes nothing.

        Raises
        ------
        ChangesError, TimeError
            There is no such order or line; the time is none.

        Examples
        --------
        >>> import fenxiao as fx
        >>> orders = fx.Orders.from_records([{"order_id": "A17", "member": "bo", "paid": "90.00"}])
        >>> facts = fx.Facts(tree=fx.ReferralTree.from_mapping({"bo": None}), orders=orders)
        >>> lost = facts.charge_back("A17", at="2026-10-09T12:00:00+08:00")
        >>> lost.reinstate("A17", at="2026-11-20T12:00:00+08:00")
        Facts(1 member; 1 line of 1 order)
        """
        return self._changed("reinstatement", order_id, line, at, known_at, {}, None, change_id)

    def adjust(
        self,
        order_id: Label,
        line: int | None = None,
        *,
        at: object,
        paid: object = None,
        quantity: int | None = None,
        margin: object = None,
        volumes: Mapping[str, object] | None = None,
        known_at: object = None,
        change_id: Label = None,
    ) -> Self:
        """Return the facts with a line that was sold for something else than was recorded.

        What is stated takes the place of what was sold; margin and volumes that are left open follow what is
        paid. Refunds, earlier ones too, count from the adjusted line. The adjustment with the latest `at`
        counts.

        Raises
        ------
        ChangesError, MoneyError, TimeError
            As `refund`; nothing is stated; what refunds give back is more than the line now has.

        Examples
        --------
        >>> import fenxiao as fx
        >>> orders = fx.Orders.from_records([{"order_id": "A17", "member": "bo", "paid": "90.00"}])
        >>> facts = fx.Facts(tree=fx.ReferralTree.from_mapping({"bo": None}), orders=orders)
        >>> later = facts.adjust("A17", paid="80.00", at="2026-10-09T12:00:00+08:00")
        >>> later.orders.amounts("paid").value(0)
        Decimal('80.00')
        """
        stated = {"quantity": quantity, "paid": paid, "margin": margin}
        return self._changed("adjustment", order_id, line, at, known_at, stated, volumes, change_id)

    def after(self, changes: Changes) -> Self:
        """Return the facts after a table of changes; see `Orders.after`.

        Raises
        ------
        ChangesError, MoneyOverflowError
            As `Orders.after`.
        """
        return self.with_orders(self.orders.after(changes))

    def added(self, orders: Orders) -> Self:
        """Return the facts with further orders, such as late ones; what happened to the others stays.

        Raises
        ------
        OrdersError
            An order line is there already, or columns differ; facts without orders take any.
        UnknownMemberError
            An order of somebody who is not in the tree.
        """
        if not isinstance(orders, Orders):
            raise ChangesError("orders to add", what(orders), allowed="Orders")
        return self.with_orders(Orders.concat(self.orders, orders) if len(self.orders.sold) else orders)

    def known(self, at: object, *, by: str | None = "known_at") -> Self:
        """Return the facts with the orders, changes and events that were known at an instant.

        See `Orders.known` and `Events.known`. Tree, members, figures and everything else stay what they are.

        Raises
        ------
        OrdersError, TimeError
            As `Orders.known` and `Events.known`.

        Examples
        --------
        >>> import fenxiao as fx
        >>> orders = fx.Orders.from_records([{"order_id": "A17", "member": "bo", "paid": "90.00"}])
        >>> facts = fx.Facts(tree=fx.ReferralTree.from_mapping({"bo": None}), orders=orders)
        >>> later = facts.cancel("A17", at="2026-10-09T12:00:00+08:00")
        >>> later.known("2026-10-09T11:59:00+08:00", by=None)
        Facts(1 member; 1 line of 1 order)
        """
        orders = self.orders.known(at, by=by)
        return self.with_orders(orders, events=self.events.known(at, zone=orders.layout.zone))

    def _changed(
        self,
        kind: str,
        order_id: Label,
        line: int | None,
        at: object,
        known_at: object,
        stated: dict[str, Any],
        volumes: Mapping[str, object] | None,
        change_id: Label,
    ) -> Self:
        record = {"kind": kind, "change_id": change_id, "order_id": order_id, "line": line} | stated
        record |= {"at": at, "known_at": known_at}
        if volumes is not None:
            if not isinstance(volumes, Mapping):
                raise ChangesError("volumes", what(volumes), allowed='such as {"pv": "3.00"}')
            twice = [name for name in volumes if name in record]
            if twice:
                raise ChangesError("volumes", "have an argument of their own", value=twice, allowed="volumes")
            record |= volumes
        said = {
            name: value for name, value in record.items() if value is not None or name in {"order_id", "at"}
        }
        return self.after(self.orders.read_changes([said]))
