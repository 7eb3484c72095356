"""Slow twins of what is paid along the sponsors: plain loops over parents, exact fractions, no arrays.

A world is a dict: ``parents`` (member -> sponsor or None, sponsors first), ``orders`` (list of dicts with
``id``, ``member``, ``paid`` in minor units), ``rank`` and ``active`` (by member). Amounts are minor units.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

RANKS = ("none", "silver", "gold", "jade")


def upline(parents, member):
    """Return the sponsors of a member, the nearest first."""
    found = []
    while parents[member] is not None:
        member = parents[member]
        found.append(member)
    return found


def share(amount, rate):
    """Return a rate of an amount, rounded down once."""
    return floor(amount * rate)


# ------------------------------------------------------------------------------------------ levels


def path_of(world, member, *, on=None, passed=(), whole_branch=False):
    """Return who may stand at levels 1, 2, ... above a member, before anybody is asked if he qualifies."""
    path, below = [], member
    for above in upline(world["parents"], member):
        skipped = below in passed and (whole_branch or below == member)
        if not skipped and (on is None or above in on):
            path.append(above)
        below = above
    return path


def recruits_passed(world, first, joined):
    """Return who is one of the first recruits of his sponsor."""
    passed = set()
    for sponsor in world["parents"]:
        its = [member for member, parent in world["parents"].items() if parent == sponsor]
        passed.update(sorted(its, key=lambda member: (joined[member], member))[:first])
    return passed


def level_walk(path, levels, if_not, qualifies):
    """Return the payee of every level, None for nobody.

    Parameters
    ----------
    qualifies : whether a person may be paid at a level (counted from 0)
    """
    payees, at, last = [], 0, None
    for level in range(levels):
        payee = None
        if if_not == "roll_up":
            while at < len(path) and payee is None:
                payee = path[at] if qualifies(path[at], level) else None
                at += 1
        elif level < len(path) and qualifies(path[level], level):
            payee = path[level]
        if payee is None and if_not == "last_payee" and last is not None and qualifies(last, level):
            payee = last
        if payee is None and if_not == "stop":
            break
        payees.append(payee)
        last = last if payee is None else payee
    return payees + [None] * (levels - len(payees))


# ------------------------------------------------------------------------------------ differentials


def differential(chain, rate_of, amount, *, opening=Fraction(0), may=lambda _: True, blocks=False):
    """Return what each person of a chain (the nearest first) gets above the highest rate so far."""
    paid, highest = {}, opening
    for person in chain:
        if rate_of(person) <= highest or (not may(person) and not blocks):
            continue
        step = share(amount, rate_of(person)) - share(amount, highest)
        highest = rate_of(person)
        if may(person):
            paid[person] = paid.get(person, 0) + step
    return paid


def steps_of(chain, rate_of, amount):
    """Return who takes a step of a differential, and what it is worth."""
    found, highest = [], Fraction(0)
    for person in chain:
        if rate_of(person) > highest:
            found.append((person, share(amount, rate_of(person)) - share(amount, highest)))
            highest = rate_of(person)
    return found


def peers(world, taker, people, may):
    """Return the next of the same rank above a taker, before anybody of a higher rank."""
    found, rank = [], RANKS.index(world["rank"][taker])
    for above in upline(world["parents"], taker):
        theirs = RANKS.index(world["rank"][above])
        if theirs > rank or len(found) == people:
            break
        if theirs == rank and may(above):
            found.append(above)
    return found


def cascade(chain, role_of, ceilings, user_rates, amount, may=lambda _: True):
    """Return what each person of a chain gets: users by level, roles up to their ceiling."""
    paid, total = {}, Fraction(0)
    top = max(*ceilings.values(), sum(user_rates, Fraction(0)))
    for level, person in enumerate(chain):
        if not may(person):
            continue
        role = role_of(person)
        after = total
        if role is None:
            after = min(total + (user_rates[level] if level < len(user_rates) else 0), top)
        elif ceilings[role] > total:
            after = ceilings[role]
        if after > total:
            paid[person] = share(amount, after) - share(amount, total)
        total = after
    return paid


def price_gaps(world, member, prices, quantity, may=lambda _: True):
    """Return what each person above a seller gets by buying cheaper."""
    paid, lowest = {}, prices[world["rank"][member]]
    for person in upline(world["parents"], member):
        price = prices[world["rank"][person]]
        if price < lowest and may(person):
            paid[person] = (lowest - price) * quantity
            lowest = price
    return paid


# -------------------------------------------------------------------------------------- generations


def generation_payees(world, member, generations, least, boundary, may, if_not):
    """Return (generation, payee) pairs for what a member sold."""
    found = []
    starts = [least] if boundary == "any" else range(least, len(RANKS))
    for rank in starts:
        count = 0
        for person in upline(world["parents"], member):
            theirs = RANKS.index(world["rank"][person])
            if theirs < rank or (if_not == "roll_up" and not may(person)):
                continue
            count += 1
            if count > generations:
                break
            if may(person) and (boundary == "any" or theirs == rank):
                found.append((count, person))
    return found


def generation_of(world, payee, source, closes):
    """Return in which generation of a member somebody below him stands."""
    number = 1
    for between in upline(world["parents"], source):
        if between == payee:
            return number
        number += closes(between)
    return None


# ------------------------------------------------------------------------------------------ volumes


def own_volume(world):
    """Return what everybody sold himself."""
    volume = dict.fromkeys(world["parents"], 0)
    for order in world["orders"]:
        if order["member"] is not None:
            volume[order["member"]] += order["paid"]
    return volume
