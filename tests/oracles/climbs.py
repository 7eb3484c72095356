"""Slow twin of level pay over shortened routes, from the plan's words: plain loops, one climb a source."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from tests.oracles.engine_rules import climb, round_to


def first_recruits(parents, first, joined, counts):
    """Return who is one of the first recruits, of those who count, of his sponsor; ties go by label."""
    passed = set()
    for sponsor in parents:
        recruits = [member for member in parents if parents[member] == sponsor and counts(member)]
        passed |= set(sorted(recruits, key=lambda member: (joined[member], member))[:first])
    return passed


def candidates(parents, source, *, start_level=1, on=None, passed=(), whole_branch=False):
    """Return who may stand at the levels ``start_level, start_level + 1, ...`` of a source."""
    chain = climb(parents, source)
    found = [source] if on is None or source in on else []
    above = []
    for below, person in pairwise(chain):
        passes = below in passed and (whole_branch or below == source)
        if not passes and (on is None or person in on):
            above.append(person)
    if start_level == 0:
        return found + above
    return above[start_level - 1 :]


def payees(people, levels, if_not, may):
    """Return the payee of each level, None for nobody.

    Parameters
    ----------
    may : whether a person may be paid at a level, counted from 0
    """
    if if_not == "roll_up":
        found, waiting = [], list(people)
        for level in range(levels):
            while waiting and not may(waiting[0], level):
                waiting.pop(0)
            found.append(waiting.pop(0) if waiting else None)
        return found
    found = [
        people[level] if level < len(people) and may(people[level], level) else None
        for level in range(levels)
    ]
    for level in range(levels):
        if found[level] is None and if_not == "stop":
            return found[:level] + [None] * (levels - level)
        if found[level] is None and if_not == "last_payee":
            before = [person for person in found[:level] if person is not None]
            if before and may(before[-1], level):
                found[level] = before[-1]
    return found


def lower(payee, source, order):
    """Return the lower of two ranks."""
    return payee if order.index(payee) <= order.index(source) else source


def pay_by_level(base, people, rates, if_not, may, rounding="floor"):
    """Return (level from 0, payee, amount) of one source.

    Parameters
    ----------
    rates : a rate by level, or a function of payee and level
    """
    depth = len(rates)
    found = []
    for level, payee in enumerate(payees(people, depth, if_not, may)):
        if payee is not None:
            rate = rates[level](payee) if callable(rates[level]) else rates[level]
            found.append((level, payee, round_to(Fraction(base) * rate, rounding)))
    return found
