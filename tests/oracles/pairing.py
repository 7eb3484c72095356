"""The slow twin of pairing: legs climbed one by one, cycles made one by one, in fractions."""

from __future__ import annotations

from fractions import Fraction

from tests.oracles.engine_rules import round_to


def legs_of(places, volume):
    """Return by member what stands in his left and right leg; places maps to (parent, leg) or None."""
    legs = {member: [Fraction(0), Fraction(0)] for member in volume}
    for member, amount in volume.items():
        at = member
        while places.get(at) is not None and places[at][0] is not None:
            parent, leg = places[at]
            legs[parent][leg] += amount
            at = parent
    return legs


def make_cycles(left, right, strong, weak, most, *, reevaluate):
    """Return how many cycles there are and what is left of both legs."""
    legs, count = [left, right], 0
    first = 0 if legs[0] >= legs[1] else 1
    while count < most:
        if reevaluate:
            first = 0 if legs[0] >= legs[1] else 1
        if legs[first] < strong or legs[1 - first] < weak:
            break
        legs[first] -= strong
        legs[1 - first] -= weak
        count += 1
    return count, legs


def _by_cycles(brought, paired, plan):
    """Return how many cycles a position makes, what they pay, and what is left of its legs."""
    strong, weak, each = plan["cycle"]
    most, now, count, money = plan.get("cycle_cap") or 10**9, list(brought), 0, 0
    if plan.get("first") and not paired:
        *sizes, once = plan["first"]
        count, now = make_cycles(*now, *sizes, min(most, 1), reevaluate=False)
        money = count * once
        if not count:
            return count, money, now
    more, now = make_cycles(*now, strong, weak, most - count, reevaluate=plan.get("reevaluate", True))
    return count + more, money + more * each, now


def _by_volume(brought, plan, rate):
    """Return what a rate or a tier pays, and what it takes from both legs."""
    matched = min(brought)
    if plan.get("match_cap") is not None:
        matched = min(matched, plan["match_cap"])
    if plan.get("tiers"):
        reached = [(pay, least) for least, pay in plan["tiers"].items() if least <= matched]
        return max(reached, default=(0, 0))
    if plan.get("increment"):
        matched = matched // plan["increment"] * plan["increment"]
    exact = matched * 100 * rate * plan.get("factor", 1)
    if plan.get("by_ratio") and matched:
        exact *= Fraction(min(brought)) / max(brought)
    return round_to(exact, plan.get("rounding", "floor")), matched


def pair(brought, paired, plan, *, may, keeps, rate=None):
    """Return one position's money (in cents), what it carries, flushes and drops, and whether it has paired.

    Parameters
    ----------
    brought : left and right volume, 0 or more
    plan : the options, with fractions for volumes and cents for money
    rate : of what is matched, where the plan pays rates
    """
    count, money, now = 0, 0, list(brought)
    if may and plan.get("cycle"):
        count, money, now = _by_cycles(brought, paired, plan)
    elif may:
        money, matched = _by_volume(brought, plan, rate)
        now = [volume - matched for volume in brought]
    if plan.get("pay_cap") is not None:
        money = min(money, plan["pay_cap"])
    flushed = [Fraction(0), Fraction(0)]
    if plan["leftover"] == "net_off":
        flushed = [min(now), min(now)]
    if plan["leftover"] == "flush" or not keeps:
        flushed = list(now)
    kept = [volume - lost for volume, lost in zip(now, flushed, strict=True)]
    cap = plan.get("carry_cap")
    carried = kept if cap is None else [min(volume, cap) for volume in kept]
    dropped = [volume - stays for volume, stays in zip(kept, carried, strict=True)]
    return {
        "money": money, "carried": carried, "flushed": flushed, "dropped": dropped,
        "matched": [had - has for had, has in zip(brought, now, strict=True)],
        "paired": paired or (bool(plan.get("first")) and count > 0),
    }  # fmt: skip
