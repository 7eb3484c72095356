"""The slow twin of margins that several cadences share: dicts, dates and exact fractions."""

from __future__ import annotations

from fractions import Fraction


def keys_of(on):
    """Return the keys of the day, week and month that a date lies in, by cadence."""
    year, week, _ = on.isocalendar()
    return {"day": on.isoformat(), "week": f"{year}-W{week:02d}", "month": on.isoformat()[:7]}


def largest_remainders(total, weights):
    """Divide a total by weights: whole parts, then one each to the largest rests, earlier keys first."""
    whole = sum(weights.values())
    if whole == 0:
        return dict.fromkeys(weights, 0)
    exact = {key: Fraction(total * weight, whole) for key, weight in weights.items()}
    parts = {key: int(share) for key, share in exact.items()}
    by_rest = sorted(weights, key=lambda key: (parts[key] - exact[key], key))
    for key in by_rest[: total - sum(parts.values())]:
        parts[key] += 1
    return parts


class SlowMargins:
    """What runs took from the margin of each order, and of which orders the next ones have to know.

    Parameters
    ----------
    margins : order id -> minor units, negative for a loss
    dates : order id -> local date
    cadences : those of the plan
    """

    def __init__(self, margins, dates, cadences):
        self.margins, self.dates, self.cadences = margins, dates, cadences
        self.taken = dict.fromkeys(margins, 0)
        self.settled = set()
        self.open = {}

    def inside(self, key):
        """Return the orders of a period, all of them where there is none."""
        return [order for order, on in self.dates.items() if key is None or key in keys_of(on).values()]

    def budget(self, order):
        """Return what is left of an order's margin."""
        return max(max(self.margins[order], 0) - self.taken[order], 0)

    def closed(self, order):
        """Return whether no run can come for an order but one of what is due per order."""
        keys = keys_of(self.dates[order])
        return all(keys[kind] in self.settled for kind in self.cadences if kind != "order")

    def losses(self, key):
        """Return the losses of a run's orders."""
        return -sum(min(self.margins[order], 0) for order in self.inside(key))

    def run(self, key, pay, beside, funds):
        """Take what a run pays from the margins of its orders.

        Parameters
        ----------
        key : of the period, None for a run of what is due per order
        pay : order id -> what its lines are paid
        beside : what claims on the period are paid and caps defer
        """
        mine = self.inside(key)
        handed = {order: self.budget(order) - pay.get(order, 0) for order in mine}
        parts = largest_remainders(max(beside - funds, 0), handed)
        for order in mine:
            self.taken[order] += pay.get(order, 0) + parts[order]
        if key is not None:
            self.settled.add(key)
        self.open |= {order: self.taken[order] for order in mine}
        self.open = {
            order: minor
            for order, minor in self.open.items()
            if minor and not (order in mine and self.closed(order))
        }
