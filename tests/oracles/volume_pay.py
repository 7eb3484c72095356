"""Slow twins of what is paid on volumes: one member at a time, exact fractions, no arrays.

A world is a dict: ``parents`` (member -> sponsor or None), ``orders`` (dicts with ``member``, and volumes in
whole units as fractions), and columns by member. Volumes are fractions of whole units; what is paid are
whole minor units, of which a currency unit has 100.
"""

from __future__ import annotations

import math
from fractions import Fraction

CENTS = 100


def upline(world, member):
    """Return the sponsor, the sponsor's sponsor and so on."""
    found = []
    while (member := world["parents"][member]) is not None:
        found.append(member)
    return found


def deepest_first(world, members):
    """Return members so that nobody comes before somebody below him."""
    return sorted(members, key=lambda member: -len(upline(world, member)))


def rounded(exact, mode="floor", step=1):
    """Return an exact amount of minor units as a multiple of a step."""
    steps = exact / step
    low = math.floor(steps)
    rest = steps - low
    up = {
        "floor": False,
        "ceiling": rest > 0,
        "half_up": rest >= Fraction(1, 2),
        "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1),
    }[mode]
    return (low + up) * step


# --------------------------------------------------------------------------------------- measures


def own(world, column):
    """Return what is credited to each member."""
    found = dict.fromkeys(world["parents"], Fraction(0))
    for order in world["orders"]:
        if order["member"] is not None:
            found[order["member"]] += order[column]
    return found


def organisation(world, volume):
    """Return everybody's volume with that of all below."""
    found = dict(volume)
    for member in world["parents"]:
        for above in upline(world, member):
            found[above] += volume[member]
    return found


def downline(world, volume):
    """Return the volume of all below."""
    whole = organisation(world, volume)
    return {member: whole[member] - volume[member] for member in whole}


def group(world, volume, broken):
    """Return everybody's volume with that of those below from whom no broken leg separates him."""
    found = dict(volume)
    for member in world["parents"]:
        leg = member
        for above in upline(world, member):
            if leg in broken:
                break
            found[above] += volume[member]
            leg = above
    return found


def broken_at(world, volume, may, threshold):
    """Return whose own group reaches a threshold, those below first."""
    broken = set()
    for member in deepest_first(world, world["parents"]):
        if member in may and group(world, volume, broken)[member] >= threshold:
            broken.add(member)
    return broken


# ------------------------------------------------------------------------------------ gross and net


def whole_rate(value, rows):
    """Return the rate of the highest threshold reached, None below the first."""
    reached = [rate for threshold, rate in sorted(rows) if value >= threshold]
    return reached[-1] if reached else None


def slices(value, rows):
    """Return what the slices of a value add up to, each at its own rate."""
    total, ordered = Fraction(0), sorted(rows)
    for place, (low, rate) in enumerate(ordered):
        high = ordered[place + 1][0] if place + 1 < len(ordered) else value
        total += max(min(value, high) - low, 0) * rate
    return total


def gross_of(paid_on, looked_up, rows, mode, factor, rounding):
    """Return one member's gross in minor units.

    Parameters
    ----------
    mode : ``"whole"`` or ``"marginal"``
    rounding : mode and step
    """
    paid_on, looked_up = max(paid_on, Fraction(0)), max(looked_up, Fraction(0))
    if mode == "whole":
        share = paid_on * (whole_rate(looked_up, rows) or 0)
    else:
        share = paid_on * slices(looked_up, rows) / looked_up if looked_up else Fraction(0)
    return rounded(share * factor * CENTS, *rounding)


def net_of(world, gross, may, broken=frozenset()):
    """Return the gross of those who may be paid, less that of the nearest below who may; also negative."""
    net = {member: gross[member] for member in world["parents"] if member in may}
    for member in may:
        leg = member
        while leg not in broken and world["parents"][leg] is not None:
            leg = world["parents"][leg]
            if leg in may:
                net[leg] -= gross[member]
                break
    return net


# --------------------------------------------------------------------------------- breakaway families


def next_leader(world, member, leaders):
    """Return the nearest leader above, None where there is none."""
    return next((above for above in upline(world, member) if above in leaders), None)


def leadership(world, volume, leaders, rate, factor, guarantee, keepers, rounding):
    """Return what leaders keep, and what each generates and hands on."""
    minor = rate * factor * CENTS
    made = {leader: rounded(max(volume[leader], 0) * minor, *rounding) for leader in leaders}
    least = rounded(guarantee * minor, *rounding)
    received, handed, kept = dict.fromkeys(leaders, 0), dict.fromkeys(leaders, 0), {}
    for leader in deepest_first(world, leaders):
        above = next_leader(world, leader, leaders)
        if above is not None:
            wanted = received[leader] if leader not in keepers else max(least - made[leader], 0)
            handed[leader] = min(wanted, received[leader])
            received[above] += made[leader] + handed[leader]
        kept[leader] = received[leader] - handed[leader] if leader in keepers else 0
    return kept, made, handed


def override(world, volume, leaders, way, factor, rounding):
    """Return what a stairstep override pays each member.

    Parameters
    ----------
    way : dict with ``by_rank``; or ``differential``, ``minimum`` and ``generations``; or ``tiers`` and \
``gates`` (a set of members a tier)
    """
    paid = dict.fromkeys(world["parents"], 0)

    def pay(payee, source, rate):
        paid[payee] += rounded(max(volume[source], 0) * rate * factor * CENTS, *rounding)

    for source in leaders:
        line = [above for above in upline(world, source) if above in leaders]
        if "by_rank" in way and world["parents"][source] is not None:
            sponsor = world["parents"][source]
            pay(sponsor, source, way["by_rank"][world["rank"][sponsor]])
        if "differential" in way:
            rates = way["differential"]
            for number, above in enumerate(line, start=1):
                if number == 1:
                    gap = rates[world["rank"][above]] - rates[world["rank"][source]]
                    pay(above, source, max(gap, way["minimum"]))
                else:
                    pay(above, source, way["generations"].get(number, Fraction(0)))
        if "tiers" in way:
            for number, (rate, gate) in enumerate(zip(way["tiers"], way["gates"], strict=True)):
                fitting = [above for above in line[number:] if above in gate]
                if fitting:
                    pay(fitting[0], source, rate)
    return paid
