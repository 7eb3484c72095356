"""The slow twin of volumes, gates, ladders and tiers: dicts, plain loops and fractions.

It reads the plain data of measures, conditions and qualifications, one member at a time.
"""

from __future__ import annotations

import operator
from fractions import Fraction

from tests.oracles.trees import SlowTree

OPERATORS = {
    "at_least": operator.ge,
    "above": operator.gt,
    "at_most": operator.le,
    "below": operator.lt,
    "is": operator.eq,
    "in": lambda value, wanted: value in wanted,
}
MEASURES = (
    "own", "distinct", "organisation", "downline", "group", "rolled_up", "leg", "other_legs", "balanced",
    "window", "ratio", "frontline", "legs",
)  # fmt: skip
COUNT = None
"""The unit of counts; volumes have their decimals."""


class SlowPeriod:
    """One period: who sponsored whom, what was ordered, and what the plan computes of it.

    Parameters
    ----------
    sponsors : {member: sponsor or None}
    lines : list of dicts with order_id, line, member, day and the columns; amounts in smallest units
    decimals : {column: decimals, None for counts}
    columns : {member: {column: value}}
    qualifications : list of plain data
    earlier : the twins of the periods before, the nearest first, None for a period that was not settled
    """

    def __init__(self, sponsors, lines, *, decimals, columns=None, qualifications=(), earlier=()):
        self.tree = SlowTree(sponsors)
        self.members = list(sponsors)
        self.lines = lines
        self.lines_of = {member: [] for member in (None, *sponsors)}
        for line in lines:
            self.lines_of[line["member"]].append(line)
        self.decimals = decimals
        self.columns = columns or {member: {} for member in sponsors}
        self.qualifications = {each["name"]: each for each in qualifications}
        self.earlier = earlier
        self.standings = {}
        self.inside = []

    # ------------------------------------------------------------------------------------- measures

    def kind(self, measure):
        """Return what a measure is; text stands for an own volume."""
        return next(kind for kind in MEASURES if kind in measure)

    def unit(self, measure):
        """Return a measure's decimals, None for counts."""
        if isinstance(measure, str):
            return COUNT if measure == "orders" else self.decimals[measure]
        kind = self.kind(measure)
        if kind in ("distinct", "frontline", "legs", "ratio"):
            return COUNT
        return self.unit(measure[kind])

    def value(self, measure, member):
        """Return a measure of one member in its smallest unit."""
        if isinstance(measure, str):
            return self.own({"own": measure}, member)
        return getattr(self, self.kind(measure))(measure, member)

    def chosen(self, measure, member):
        """Return the lines that count of those credited to a member."""
        found = list(self.lines_of[member])
        where = measure.get("where", {})
        for name in ("kind", "product"):
            if name in where:
                found = [line for line in found if line[name] in where[name]]
        for name, least in where.get("minimum", {}).items():
            wanted = self.threshold(least, self.decimals[name])
            found = [line for line in found if self.order_sum(line, name) >= wanted]
        if measure.get("first_days") is not None:
            joined = self.columns[member]["joined"]
            found = [line for line in found if 0 <= (line["day"] - joined).days < measure["first_days"]]
        return found

    def order_sum(self, line, name):
        """Return the sum of a column over the order of a line."""
        return sum(each[name] for each in self.lines if each["order_id"] == line["order_id"])

    def own(self, measure, member):
        """Add up a column over a member's lines, or count his orders."""
        lines = self.chosen(measure, member)
        if measure["own"] == "orders":
            return len({line["order_id"] for line in lines})
        return sum(line[measure["own"]] for line in lines)

    def distinct(self, measure, member):
        """Count the values of a column."""
        values = {line[measure["distinct"]] for line in self.chosen(measure, member)}
        return len(values - {None})

    def within(self, member, depth):
        """Return a member and his downline down to a depth, or all of it."""
        return [
            each
            for each in (member, *self.tree.downline(member))
            if depth is None or self.distance(member, each) <= depth
        ]

    def distance(self, above, below):
        """Return how many levels one member stands below another."""
        return [below, *self.tree.upline(below)].index(above)

    def organisation(self, measure, member):
        """Add up a member and his downline."""
        among = self.within(member, measure.get("depth"))
        return sum(self.value(measure["organisation"], each) for each in among)

    def downline(self, measure, member):
        """Add up a downline."""
        among = self.within(member, measure.get("depth"))
        return sum(self.value(measure["downline"], each) for each in among if each != member)

    def group(self, measure, member):
        """Add up a member and those below him who have not broken away."""
        volume = {}
        for each in reversed([member, *self.tree.downline(member)]):
            volume[each] = self.value(measure["group"], each) + sum(
                volume[below] for below in self.tree.below[each] if not self.broken(measure, below, volume)
            )
        return volume[member]

    def broken(self, measure, member, volume):
        """Return whether a leader's leg has broken away."""
        if "breaks" in measure and not self.holds(measure["breaks"], member):
            return False
        if "breaks_at" not in measure:
            return True
        return volume[member] >= self.threshold(measure["breaks_at"], self.unit(measure["group"]))

    def rolled_up(self, measure, member):
        """Add up the volumes that a member takes: his own, and those that found nobody below him."""
        total = 0
        for each in (member, *self.tree.downline(member)):
            taker = each
            while taker != member and not self.holds(measure["to"], taker):
                taker = self.tree.sponsors[taker]
            if taker == member and self.holds(measure["to"], member):
                total += self.value(measure["rolled_up"], each)
        return total

    def leg_volumes(self, volume, member, *, own_leg=True):
        """Return the volumes of all legs, nothing below 0, the largest first."""
        legs = [self.organisation({"organisation": volume}, below) for below in self.tree.below[member]]
        if own_leg:
            legs.append(self.value(volume, member))
        return sorted((max(leg, 0) for leg in legs), reverse=True)

    def leg(self, measure, member):
        """Return the k-th largest leg."""
        legs = self.leg_volumes(measure["leg"], member, own_leg=measure.get("own_leg", True))
        k = measure.get("k", 1)
        return legs[k - 1] if k <= len(legs) else 0

    def other_legs(self, measure, member):
        """Return the organisation without the largest leg."""
        volume = measure["other_legs"]
        legs = self.leg_volumes(volume, member, own_leg=measure.get("own_leg", True))
        return self.organisation({"organisation": volume}, member) - (legs[0] if legs else 0)

    def balanced(self, measure, member, required):
        """Return the organisation with each leg clipped at a share of the requirement, as a fraction."""
        most = fraction(measure["per_leg"]) * max(required, 0)
        return sum(min(Fraction(leg), most) for leg in self.leg_volumes(measure["balanced"], member))

    def ratio(self, measure, member):
        """Return one measure as a share of another, 0 of nothing."""
        part, whole = (self.value(each, member) for each in measure["ratio"])
        return Fraction(max(part, 0), whole) if whole > 0 else Fraction(0)

    def window(self, measure, member):
        """Join a measure with what it was in earlier periods; nothing counts as 0."""
        values = [self.value(measure["window"], member)]
        for period in [*self.earlier, *[None] * 12][: measure["periods"] - 1]:
            known = period is not None and member in period.tree.sponsors
            values.append(period.value(measure["window"], member) if known else 0)
        return sum(values) if measure.get("how", "sum") == "sum" else min(values)

    def frontline(self, measure, member):
        """Count members right below who meet a condition."""
        condition = measure["frontline"]
        return sum(condition is None or self.holds(condition, below) for below in self.tree.below[member])

    def legs(self, measure, member):
        """Count legs with somebody who meets a condition."""
        condition = measure["legs"]
        return sum(
            any(
                condition is None or self.holds(condition, each)
                for each in (below, *self.tree.downline(below))
            )
            for below in self.tree.below[member]
        )

    # ----------------------------------------------------------------------------------- conditions

    def threshold(self, value, decimals):
        """Return a threshold in the smallest unit."""
        return value if decimals is COUNT else int(Fraction(value) * 10**decimals)

    def holds(self, condition, member):
        """Return whether a member meets a condition."""
        if "all" in condition:
            return all(self.holds(part, member) for part in condition["all"])
        if "any" in condition:
            return any(self.holds(part, member) for part in condition["any"])
        if "not" in condition:
            return not self.holds(condition["not"], member)
        sign = next(name for name in OPERATORS if name in condition)
        wanted = condition[sign]
        measure = {name: value for name, value in condition.items() if name != sign}
        if "column" in measure:
            return self.column_holds(measure, sign, wanted, member)
        kind = self.kind(measure)
        if kind == "ratio":
            return OPERATORS[sign](self.ratio(measure, member), fraction(wanted))
        if kind == "balanced":
            required = self.threshold(wanted, self.unit(measure))
            return self.balanced(measure, member, required) >= required
        unit = self.unit(measure)
        scaled = (
            [self.threshold(each, unit) for each in wanted] if sign == "in" else self.threshold(wanted, unit)
        )
        return OPERATORS[sign](self.value(measure, member), scaled)

    def column_holds(self, asked, sign, wanted, member):
        """Return whether a column compares as wanted; ranks compare by their order."""
        name = asked["column"]
        value = self.column(name, member)
        order = asked.get("order") or self.order_of(name)
        if order and sign not in ("is", "in"):
            value, wanted = order.index(value), order.index(wanted)
        return OPERATORS[sign](value, wanted)

    def order_of(self, name):
        """Return the order of a column's ranks, nothing where it has none."""
        found = self.qualifications.get(name.removesuffix("_title"), {"kind": "none"})
        return names_of(found) if found["kind"] == "ladder" else found.get("order", ())

    def column(self, name, member):
        """Return a member's column, given or computed."""
        found = self.qualifications.get(name) or self.qualifications.get(name.removesuffix("_title"))
        if found is None or found["kind"] == "given_ranks":
            return self.columns[member][name]
        if found["kind"] == "gate":
            return self.holds(found["when"], member)
        if found["kind"] == "tiers":
            return self.tier(found, member)
        names = names_of(found)
        standing = self.standing(found)
        if name == found["name"]:
            return names[standing[member]["paid"]]
        return names[standing[member]["held" if found["name"] in self.inside else "title"]]

    def tier(self, tiers, member):
        """Return the rate of the highest threshold that is reached."""
        unit, value = self.unit(tiers["on"]), max(self.value(tiers["on"], member), 0)
        rows = sorted((self.scaled(key, unit), fraction(rate)) for key, rate in tiers["brackets"].items())
        reached = [rate for threshold, rate in rows if threshold <= value]
        return reached[-1] if reached else Fraction(0)

    def scaled(self, key, unit):
        """Return a threshold that is written as text."""
        return int(Fraction(key) * 10 ** (unit or 0))

    # --------------------------------------------------------------------------------------- ladders

    def before(self, ladder, member):
        """Return where a member stood after the period before: title, paid and missed."""
        if self.earlier and self.earlier[0] is not None and member in self.earlier[0].tree.sponsors:
            then = self.earlier[0].standing(ladder)[member]
            return then["title"], then["paid"], then["missed"]
        return 0, 0, 0

    def standing(self, ladder):
        """Return where everybody stands on a ladder, found from the bottom up."""
        if ladder["name"] not in self.standings:
            found = {member: {"held": self.before(ladder, member)[0]} for member in self.members}
            self.standings[ladder["name"]] = found
            self.inside.append(ladder["name"])
            for member in sorted(self.members, key=lambda each: -len(self.tree.upline(each))):
                title, paid, missed = self.before(ladder, member)
                earned = 0
                for place, step in enumerate(ladder["steps"], start=1):
                    if self.holds(step["when"], member):
                        earned = place
                found[member] |= stand(ladder, earned, title, paid, missed)
            self.inside.pop()
        return self.standings[ladder["name"]]


def stand(ladder, earned, title, paid, missed):
    """Return title, paid-as rank and missed periods after a period in which a rank was earned."""
    demotion, grace = ladder.get("demotion", "at_once"), ladder.get("grace", 0)
    if demotion == "never":
        now, count = max(title, earned), 0
    elif earned >= paid:
        now, count = earned, 0
    elif missed + 1 <= grace:
        now, count = paid, missed + 1
    else:
        now, count = (earned if demotion == "at_once" else max(earned, paid - 1)), 0
    return {"earned": earned, "paid": now, "title": max(title, earned, now), "missed": count}


def names_of(ladder):
    """Return the names of a ladder's ranks, the lowest first."""
    return [ladder.get("lowest", "none"), *(step["name"] for step in ladder["steps"])]


def fraction(rate):
    """Return a rate that is written as text."""
    return Fraction(rate[:-1]) / 100 if rate.endswith("%") else Fraction(rate)
