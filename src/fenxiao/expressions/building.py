"""Measures as plans write them: ``own("pv")``, ``group("pv", breaks_at="10000")``, ``legs(condition)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fenxiao.expressions.downlines import (
    Downline,
    Group,
    Leg,
    LegShare,
    Organisation,
    OtherLegs,
    Ratio,
    RolledUp,
)
from fenxiao.expressions.measures import Distinct, FrontLine, Legs, Own

if TYPE_CHECKING:
    from fenxiao.expressions.measures import Measure
    from fenxiao.expressions.predicates import Predicate
    from fenxiao.expressions.where import Where


def own(name: str, *, where: Where | None = None, first_days: int | None = None) -> Own:
    """Return a member's own volume: the sum of an order column over the orders credited to the member.

    Parameters
    ----------
    name
        A money, volume or count column of the orders; ``"orders"`` counts the orders themselves.
    where
        Which order lines count; all if left out.
    first_days
        Only orders of the member's first so many days, by the plan's anchor and zone, counted from the
        member's ``joined`` date, which is the first of them.

    Examples
    --------
    >>> own("paid") >= "100.00"
    (own('paid') >= '100.00')
    """
    return Own(name, where=where, first_days=first_days)


def distinct(name: str, *, where: Where | None = None) -> Distinct:
    """Return how many different values an order column has among a member's own orders: his customers.

    ``"buyer"`` counts the buyers who are members.

    >>> distinct("customer") >= 10
    (distinct('customer') >= 10)
    """
    return Distinct(name, where=where)


def organisation(of: str | Measure, *, depth: int | None = None) -> Organisation:
    """Return the volume of a member and his downline; with `depth`, of so many levels of it.

    >>> organisation("pv", depth=3) >= "10000"
    (organisation('pv', depth=3) >= '10000')
    """
    return Organisation(of, depth=depth)


def downline(of: str | Measure, *, depth: int | None = None) -> Downline:
    """Return the volume of a member's downline without his own; with `depth`, of so many levels of it.

    >>> downline("pv") >= "10000"
    (downline('pv') >= '10000')
    """
    return Downline(of, depth=depth)


def group(of: str | Measure, *, breaks: Predicate | None = None, breaks_at: str | int | None = None) -> Group:
    """Return the volume of a member and his downline, down to the next leaders whose legs broke away.

    Parameters
    ----------
    of
        An order column, or the measure that is summed.
    breaks
        Whose legs have broken away from those above.
    breaks_at
        The group volume at which a leg breaks away by itself, the lower end inside. It is decided from the
        bottom up: what has broken away below no longer counts.

    Examples
    --------
    >>> group("pv", breaks_at="10000")
    group('pv', breaks_at='10000')
    """
    return Group(of, breaks=breaks, breaks_at=breaks_at)


def rolled_up(of: str | Measure, *, to: Predicate) -> RolledUp:
    """Return volumes after those of unqualified members have moved to their nearest qualified sponsor.

    >>> rolled_up("pv", to=own("pv") >= "50")
    rolled_up('pv', to=(own('pv') >= '50'))
    """
    return RolledUp(of, to=to)


def leg(of: str | Measure, *, k: int = 1, own_leg: bool = True) -> Leg:
    """Return the volume of the k-th largest leg, 0 where there are fewer legs.

    Parameters
    ----------
    own_leg
        Whether the member's own volume is a leg of its own.

    Examples
    --------
    >>> leg("pv", k=2) >= "2000"
    (leg('pv', k=2) >= '2000')
    """
    return Leg(of, k=k, own_leg=own_leg)


def other_legs(of: str | Measure, *, own_leg: bool = True) -> OtherLegs:
    """Return the organisation volume without the largest leg.

    In comparing legs a negative one counts as 0, and so does the largest where none is above 0. The volume of
    the organisation is what it is: the other legs may come to less than nothing.

    >>> other_legs("pv") >= "2000"
    (other_legs('pv') >= '2000')
    """
    return OtherLegs(of, own_leg=own_leg)


def balanced(of: str | Measure, *, per_leg: Any) -> LegShare:
    """Return the organisation volume to which each leg gives at most a share of the requirement.

    The member's own volume is a leg of its own. A leg below zero counts as 0.

    >>> balanced("pv", per_leg="50%") >= "6000"
    (balanced('pv', per_leg='50%') >= '6000')
    """
    return LegShare(of, per_leg=per_leg)


def ratio(part: str | Measure, whole: str | Measure) -> Ratio:
    """Return one measure as a share of another, to be compared with a rate.

    A share of nothing, or of less than nothing, is 0 %; a part below zero counts as 0.

    >>> ratio("retail_paid", "paid") >= "70%"
    (ratio('retail_paid', 'paid') >= '70%')
    """
    return Ratio(part, whole)


def frontline(condition: Predicate | None = None) -> FrontLine:
    """Return how many members whom one sponsored meet a condition; without one, how many there are.

    >>> frontline(own("pv") >= "100") >= 3
    (frontline((own('pv') >= '100')) >= 3)
    """
    return FrontLine(condition)


def legs(condition: Predicate | None = None) -> Legs:
    """Return how many legs contain somebody who meets a condition, the leg's leader included.

    Without a condition it is how many legs there are.

    >>> from fenxiao.expressions import column
    >>> legs(column("rank") >= "gold") >= 2
    (legs((column('rank') >= 'gold')) >= 2)
    """
    return Legs(condition)
