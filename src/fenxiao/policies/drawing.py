"""Which orders a pairing drew on, oldest first: worked out of settlements on request, never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX
from fenxiao.errors import InputError, UnsupportedError, is_listing, what
from fenxiao.expressions.measures import Own
from fenxiao.policies.binary import BinaryPairing
from fenxiao.volumes.orders import line_volumes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fenxiao._arrays import IndexArray
    from fenxiao.placement import Placement
    from fenxiao.policies.setting import Setting

_NOT_BELOW: Final = -1


@final
@attrs.frozen(kw_only=True)
class Draw:
    """Volume of one order line in one leg of a position.

    Parameters
    ----------
    run : number of a run, from 0: the one that matched the volume; of what is left, the one that brought it
    leg : 0 for the left leg, 1 for the right one
    order_id, line : the order line
    volume : in the smallest unit of the pairing's measure, more than 0
    """

    run: int
    leg: int
    order_id: Any
    line: int
    volume: int


@final
@attrs.frozen(kw_only=True)
class Drawn:
    """What a position's pairs drew on, run by run, and what is left in its legs at the end, oldest first."""

    draws: tuple[Draw, ...]
    left: tuple[Draw, ...]


def drawn(runs: Iterable[Any], policy: str, member: Any) -> Drawn:
    """Return which orders the pairs of a position drew on, oldest first.

    In each run a leg gives its oldest volume to what was matched: by the plan's anchor time and order id, or
    without an anchor by run and order id. What was carried from earlier runs stands in the same row. Volume
    that is flushed leaves from the oldest on, what a carry cap drops from the newest on; neither is a draw.

    Parameters
    ----------
    runs
        Settlements of successive periods, from the first one on.
    policy
        Name of a `BinaryPairing` of their plans, on a volume of single order lines: ``own(...)``.
    member
        Label of the position.

    Raises
    ------
    UnknownMemberError
        The member is not in the last run's tree.
    PlanError
        A plan has no such pairing.
    UnsupportedError
        The pairing is on another measure, or a line in a leg has a negative volume.
    InputError
        What is no list of settlements; a leg that carried what none of the runs brought, or lost some of it.

    Examples
    --------
    >>> import fenxiao as fx
    >>> from fenxiao.placement import Placement
    >>> from fenxiao.volumes import own
    >>> tree = fx.ReferralTree.from_mapping({"top": None, "left": "top", "right": "top"})
    >>> rows = [("a", "left", 60), ("b", "left", 50), ("c", "right", 70)]
    >>> facts = fx.Facts(
    ...     tree=tree,
    ...     orders=fx.Orders.from_records(
    ...         [{"order_id": key, "member": who, "paid": "0.00", "pv": str(pv)} for key, who, pv in rows],
    ...         volumes={"pv": 0},
    ...     ),
    ...     placements={"binary": Placement.auto(tree, ["top", "left", "right"], rule="weaker")},
    ... )
    >>> team = BinaryPairing("team", on=own("pv"), rate="10%", leftover="carry")
    >>> plan = fx.Plan(currency="CNY", margin=fx.Margin.rate("0%", of="paid"), policies=[team])
    >>> found = drawn([fx.settle(facts, plan)], "team", "top")
    >>> [(draw.order_id, draw.volume) for draw in found.draws], found.left[0].volume
    ([('a', 60), ('b', 10), ('c', 70)], 40)
    """
    listed = _listed(runs)
    if listed:
        listed[-1].facts.tree.index(member)
    draws: list[Draw] = []
    legs: tuple[list[Lot], list[Lot]] = ([], [])
    for number, each in enumerate(listed):
        # Who joins later had no legs before.
        if member in each.facts.tree:
            draws += _of_run(each, legs, policy, member, number)
    left = [lot.drawn(lot.run, leg, lot.volume) for leg, lots in enumerate(legs) for lot in lots]
    return Drawn(draws=tuple(draws), left=tuple(left))


def _listed(runs: Any) -> list[Any]:
    if not is_listing(runs):
        raise InputError("runs", what(runs), allowed="a list of settlements")
    listed = list(runs)
    for each in listed:
        if not hasattr(each, "views") or not hasattr(each, "run"):
            raise InputError(
                "runs", "hold what is no settlement", value=each, allowed="what settle() returns"
            )
    return listed


def _of_run(run: Any, legs: tuple[list[Lot], list[Lot]], policy: str, member: Any, number: int) -> list[Draw]:
    """Move the lots of both legs on by one run; return what was drawn."""
    setting: Setting = run.run.setting
    pairing = setting.policy(policy, BinaryPairing, "drawn, policy")
    at, draws = setting.tree.index(member), []
    bring(legs, pairing, setting, at, number)
    flows = pairing.flows(run.views[pairing.stage])
    for leg, lots in enumerate(legs):
        held, brought = sum(lot.volume for lot in lots), int(flows.brought[leg, at])
        if held != brought:
            raise InputError(
                f"runs, number {number}",
                "has a leg that does not hold what the runs before left and this one brought",
                value=brought,
                allowed=str(held),
                hint="Give the runs of all successive periods in order, from the first one on",
            )
        taken = take_from(lots, int(flows.matched[leg, at]))
        draws += [lot.drawn(number, leg, volume) for lot, volume in taken]
        take_from(lots, int(flows.flushed[leg, at]))
        take_from(lots, int(flows.dropped[leg, at]), newest=True)
    return draws


@attrs.define(kw_only=True)
class Lot:
    """What is left of a line in a leg; `age` puts the oldest first."""

    age: tuple[Any, ...]
    run: int
    order_id: Any
    line: int
    volume: int

    def drawn(self, run: int, leg: int, volume: int) -> Draw:
        """Return a part of the lot as callers see it."""
        return Draw(run=run, leg=leg, order_id=self.order_id, line=self.line, volume=volume)


def take_from(lots: list[Lot], volume: int, *, newest: bool = False) -> list[tuple[Lot, int]]:
    """Take a volume, which there is, out of lots from one end; return how much of which lot."""
    taken = []
    while volume:
        lot = lots[-1 if newest else 0]
        part = min(lot.volume, volume)
        taken.append((lot, part))
        lot.volume -= part
        volume -= part
        if not lot.volume:
            lots.pop(-1 if newest else 0)
    return taken


def bring(
    legs: tuple[list[Lot], list[Lot]], pairing: BinaryPairing, setting: Setting, at: int, number: int
) -> None:
    """Add the lines of a run to the lots of the legs, and put the oldest first."""
    thing = f"policy {pairing.name!r}"
    if not isinstance(pairing.on, Own):
        raise UnsupportedError(
            thing, "pairs what is no volume of single lines", value=repr(pairing.on), allowed="own(...)"
        )
    lines, orders = setting.lines, setting.facts.orders
    values, _ = line_volumes(lines, pairing.on, setting.size, setting.member_column)
    side = sides_of(setting.facts.placement(pairing.placement), at)[lines.member]
    rows = lines.row_numbers
    times = None if setting.anchor is None or not len(orders) else orders.instants(setting.anchor).values
    for place in np.flatnonzero((side != _NOT_BELOW) & (values != 0)).tolist():
        row, volume = int(rows[place]), int(values[place])
        if volume < 0:
            raise UnsupportedError(
                thing,
                "has lines of negative volume in a leg, and which lots they take is not written",
                value=volume,
                allowed="0 or more",
                hint="Take refunds out of the orders that they refund",
            )
        order_id, line = orders.order_id.value(row), int(orders.line[row])
        age = (number if times is None else int(times[row]), order_id, line)
        legs[side[place]].append(Lot(age=age, run=number, order_id=order_id, line=line, volume=volume))
    for lots in legs:
        lots.sort(key=age_of)


def age_of(lot: Lot) -> tuple[Any, ...]:
    """Return what puts the oldest lot first."""
    return lot.age


def sides_of(placement: Placement, at: int) -> IndexArray:
    """Return for each member, and for nobody at the end, the leg of a position that he stands in, or -1."""
    side = np.full(len(placement.parent) + 1, _NOT_BELOW, dtype=INDEX)
    for child in np.flatnonzero(placement.parent == at).tolist():
        start = int(np.flatnonzero(placement.order == child)[0])
        side[placement.order[start : start + int(placement.size[child])]] = placement.leg[child]
    return side
