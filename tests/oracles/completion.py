"""The slow twin of full levels: everybody's upline climbed step by step, places counted one by one."""

from __future__ import annotations


def above(parents, member, steps):
    """Return who stands so many places above a member, None where nobody does."""
    at = member
    for _ in range(steps):
        if at is None:
            return None
        at = parents[at]
    return at


def standing(parents, counts, member, level):
    """Return who fills a place exactly so many levels below a member.

    Parameters
    ----------
    parents : the member right above each placed member, None for roots; the unplaced are left out
    counts : who fills a place
    """
    return [each for each in parents if counts[each] and above(parents, each, level) == member]


def completed(parents, width, amounts, *, per_level, counts, eligible, joined=None, period=None):
    """Return the cents that each placed member gets for each level: ``{member: {level: cents}}``.

    Parameters
    ----------
    amounts : cents for level 1, 2, ...
    joined : a date for each member, where there is a period
    period : first date inside and first date outside, None to pay every full level
    """
    found = {}
    for member in parents:
        for level, cents in enumerate(amounts, 1):
            those = standing(parents, counts, member, level)
            if not eligible[member] or len(those) != width**level:
                continue
            if period is None or period[0] <= max(joined[each] for each in those) < period[1]:
                pay = cents if per_level else sum(cents for _ in those)
                found.setdefault(member, {})[level] = pay
    return found
