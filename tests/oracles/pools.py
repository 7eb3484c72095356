"""Slow twins of pools: one holder at a time, exact fractions, no arrays.

Shares and rates are fractions by member; pots and parts are whole minor units, of which a currency unit has
100. Ties go to the member whose label comes first.
"""

from __future__ import annotations

import math
from fractions import Fraction


def pot_of(exact, rate):
    """Return a rate of an exact amount of minor units, rounded down once; of less than nothing, nothing."""
    return math.floor(max(exact, Fraction(0)) * rate)


def in_units(exact, split):
    """Return exact amounts by member in whole units: rounded down, or with leftovers to the largest rests."""
    found = {member: math.floor(amount) for member, amount in exact.items()}
    if split == "largest_remainder":
        left = math.floor(sum(exact.values(), Fraction(0))) - sum(found.values())
        rests = sorted(exact, key=lambda member: (found[member] - exact[member], member))
        for member in rests[:left]:
            found[member] += 1
    return found


def filled(exact, shares, most):
    """Cut everybody at a cap; the others share what is above it by their shares, round after round."""
    found = dict(exact)
    while True:
        above = {member for member in found if found[member] > most}
        if not above:
            return found
        rest = sum((found[member] - most for member in above), Fraction(0))
        found |= dict.fromkeys(above, Fraction(most))
        open_to = [member for member in found if found[member] < most]
        whole = sum((shares[member] for member in open_to), Fraction(0))
        for member in open_to:
            found[member] += rest * shares[member] / whole


def parts(pot, shares, *, total=None, split="largest_remainder", step=None, most=None, excess="keep"):
    """Return what holders get of a pot.

    Parameters
    ----------
    shares : what each holds, less than nothing counting as nothing
    total : how many shares there are, as many as are held if left out
    step : the value of one share is rounded down to so many minor units first
    most, excess : the cap, and whether what is above is shared
    """
    held = {member: Fraction(number) for member, number in shares.items() if number > 0}
    if not held:
        return {}
    value = Fraction(pot) / (sum(held.values()) if total is None else total)
    if step is not None:
        value, split = Fraction(math.floor(value / step) * step), "floor"
    exact = {member: number * value for member, number in held.items()}
    if most is not None and excess == "share":
        return in_units(filled(exact, held, most), split)
    found = in_units(exact, split)
    return found if most is None else {member: min(part, most) for member, part in found.items()}


def factor_of(rates, decimals=None):
    """Return what all rates are scaled by: 100 % over their sum where that is more, cut to some decimals."""
    together = sum(rates.values(), Fraction(0))
    if together <= 1:
        return Fraction(1)
    factor = 1 / together
    return factor if decimals is None else Fraction(math.floor(factor * 10**decimals), 10**decimals)


def rated(pot, rates, *, decimals=None, split="largest_remainder"):
    """Return what everybody gets who has a rate of a pot."""
    factor = factor_of(rates, decimals)
    return in_units({member: pot * rate * factor for member, rate in rates.items() if rate}, split)
