"""Plain pieces of the engine's twin: forests, rounding, bases and claims rules, on exact fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import floor


def refuse(condition, text):
    """Raise where a condition holds: the twin refuses what would be a guess."""
    if condition:
        raise ValueError(text)


# ------------------------------------------------------------ forests


def climb(parents, member):
    """List the member himself, his sponsor, his sponsor's sponsor and so on up to the root."""
    chain = []
    while member is not None:
        refuse(member not in parents, f"unknown member {member!r}")
        refuse(len(chain) > len(parents), "the parents form a cycle")
        chain.append(member)
        member = parents[member]
    return chain


def all_forests(n):
    """Yield every forest of members 0..n-1 whose parents come first: n! dicts {member: parent or None}."""
    choices = [[None, *range(member)] for member in range(n)]
    for assignment in product(*choices):
        yield dict(enumerate(assignment))


def forest_shapes(n):
    """Yield one forest of members 0..n-1 for every unlabelled one; all marks on it mark every labelled one.

    1, 2, 4, 9, 20, 48 forests of 1 to 6 members (https://oeis.org/A000081, from its third term on).
    """
    seen = set()
    for parents in all_forests(n):
        below = {member: [] for member in (None, *parents)}
        for member, sponsor in parents.items():
            below[sponsor].append(member)

        def shape(member, below=below):
            return tuple(sorted(shape(each) for each in below[member]))

        if shape(None) not in seen:
            seen.add(shape(None))
            yield parents


# ------------------------------------------------------------ rounding and bases


def round_to(value, rounding="floor"):
    """Round an exact value to an integer, or with `(mode, step)` to a multiple of step; half_up goes up."""
    mode, step = rounding if isinstance(rounding, tuple) else (rounding, 1)
    steps = Fraction(value) / step
    below = floor(steps)
    rest = steps - below
    half = Fraction(1, 2)
    up = {
        "floor": False,
        "ceiling": rest > 0,
        "half_up": rest >= half,
        "half_even": rest > half or (rest == half and below % 2 == 1),
    }[mode]
    return step * (below + 1 if up else below)


def base_value(base, order, currency_decimals):
    """Value of one order line in exact minor units: the sum of coefficient x column, at least 0."""
    total = Fraction(0)
    for column, coefficient, decimals in base:
        total += order[column] * Fraction(coefficient) * Fraction(10**currency_decimals, 10**decimals)
    return max(total, Fraction(0))


# ------------------------------------------------------------ claims rules


def proportional(claims, limit):
    """Everyone gets the same share of his claim."""
    total = sum(claims)
    if limit >= total:
        return [Fraction(claim) for claim in claims]
    return [Fraction(claim) * limit / total for claim in claims]


def equal_awards(claims, limit):
    """Everyone gets the same amount, but nobody more than his claim: serve the smallest claims first."""
    awards = [Fraction(0)] * len(claims)
    left, waiting = Fraction(limit), len(claims)
    for position in sorted(range(len(claims)), key=lambda position: claims[position]):
        awards[position] = min(Fraction(claims[position]), left / waiting)
        left -= awards[position]
        waiting -= 1
    return awards


def equal_losses(claims, limit):
    """Everyone loses the same amount, but nobody more than his claim."""
    losses = equal_awards(claims, sum(claims) - min(limit, sum(claims)))
    return [claim - loss for claim, loss in zip(claims, losses, strict=True)]


def talmud(claims, limit):
    """Share half the claims by equal awards; what lies beyond half the total, by equal losses."""
    halves = [Fraction(claim, 2) for claim in claims]
    if limit <= sum(halves):
        return equal_awards(halves, limit)
    beyond = equal_losses(halves, limit - sum(halves))
    return [half + more for half, more in zip(halves, beyond, strict=True)]


def priority(claims, limit, classes):
    """Serve the classes in ascending order, each as far as the money goes, proportionally inside a class."""
    awards = [Fraction(0)] * len(claims)
    left = Fraction(limit)
    for served in sorted(set(classes)):
        positions = [position for position, its in enumerate(classes) if its == served]
        inside = proportional([claims[position] for position in positions], left)
        for position, award in zip(positions, inside, strict=True):
            awards[position] = award
        left -= sum(inside)
    return awards


def ration_exact(claims, limit, rule, classes=None):
    """Exact awards under a rule: the claims themselves where the limit suffices."""
    if limit >= sum(claims):
        return [Fraction(claim) for claim in claims]
    if rule == "priority":
        return priority(claims, limit, classes)
    rules = {
        "proportional": proportional,
        "equal_awards": equal_awards,
        "equal_losses": equal_losses,
        "talmud": talmud,
    }
    return rules[rule](claims, limit)


def ration(claims, limit, rule, leftover="largest_remainder", classes=None):
    """Whole units: floors of the exact awards, then one each by largest remainder, earlier claims first."""
    exact = ration_exact(claims, limit, rule, classes)
    awards = [floor(award) for award in exact]
    if leftover == "floor":
        return awards
    refuse(leftover != "largest_remainder", f"unknown leftover {leftover!r}")
    spare = min(limit, sum(claims)) - sum(awards)
    by_remainder = sorted(
        range(len(claims)), key=lambda position: (awards[position] - exact[position], position)
    )
    for position in by_remainder[:spare]:
        awards[position] += 1
    return awards
