"""The slow twin of differentials, same-rank bonuses, ceilings and price gaps: one order line, one climb.

A world is a dict: ``sponsors`` (label to sponsor or None) and ``members`` (label to a dict of columns). Every
function returns what one order line claims, as a list of ``(payee, minor units)`` in the order of the climb,
nothing left out.
"""

from __future__ import annotations

from fractions import Fraction


def rounded(value, mode):
    """Round an exact amount that is not negative to minor units."""
    whole = value.numerator // value.denominator
    rest = value - whole
    half = Fraction(1, 2)
    if mode == "ceiling":
        return whole + (rest > 0)
    if mode == "half_up":
        return whole + (rest >= half)
    if mode == "half_even":
        return whole + (rest > half or (rest == half and whole % 2 == 1))
    return whole


def climb(world, member, start):
    """Return who stands on the way up, from the credited member (start 0) or his sponsor (start 1)."""
    path = [] if member is None else [member]
    while path and world["sponsors"][path[-1]] is not None:
        path.append(world["sponsors"][path[-1]])
    return path[start:]


def allowed(world, member, condition):
    """Return whether a member meets a condition, which is the name of a column of yes and no, or None."""
    return condition is None or world["members"][member][condition]


def steps(world, member, base, policy):
    """Return the steps of a rank differential: who takes it, what it is worth, whether he is paid."""
    table, ceiling = policy["rates"], policy.get("ceiling")

    def rate(column_or_table, who):
        person = world["members"][who]
        found = (
            person[column_or_table] if isinstance(column_or_table, str) else column_or_table[person["rank"]]
        )
        return found if ceiling is None else min(found, ceiling)

    found = []
    if member is None:
        return found
    running = rate(policy["seller"], member) if policy.get("seller") else Fraction(0)
    for who in climb(world, member, policy["start"]):
        fit = allowed(world, who, policy.get("eligible"))
        if not fit and not policy.get("blocks"):
            continue
        mine = rate(table, who)
        if mine > running:
            worth = rounded(mine * base, policy["rounding"]) - rounded(running * base, policy["rounding"])
            found.append((who, worth, fit))
            running = mine
    return found


def differential(world, member, base, policy):
    """Return what a rank differential pays."""
    return [(who, worth) for who, worth, fit in steps(world, member, base, policy) if fit]


def blocked(world, member, base, policy):
    """Return what the steps of those are worth who take them unpaid."""
    return sum(worth for _, worth, fit in steps(world, member, base, policy) if not fit)


def same_rank(world, member, step_base, base, policy, order):
    """Return what the next of each step's own rank get; `base` is None for a share of the step."""
    found, of = [], policy["of"]
    for taker, worth, fit in steps(world, member, step_base, of):
        rank = world["members"][taker]["rank"]
        rates = list(policy["rates"][rank] if isinstance(policy["rates"], dict) else policy["rates"])
        if not fit or not worth:
            continue
        for who in climb(world, taker, 1):
            if not of.get("blocks") and not allowed(world, who, of.get("eligible")):
                continue
            his = world["members"][who]["rank"]
            if order.index(his) > order.index(rank) or not rates:
                break
            if his == rank and allowed(world, who, policy.get("eligible")):
                share = Fraction(worth) if base is None else base
                found.append((who, rounded(share * rates.pop(0), policy["rounding"])))
    return found


def cascade(world, member, base, policy):
    """Return what ceilings and user rates pay; people without a ceiling are users."""
    found, running = [], Fraction(0)
    top = max(*policy["ceilings"].values(), sum(policy["users"], Fraction(0)))
    for level, who in enumerate(climb(world, member, policy["start"])):
        if not allowed(world, who, policy.get("eligible")):
            continue
        role = world["members"][who]["role"]
        if role in policy["ceilings"]:
            total = max(running, policy["ceilings"][role])
        else:
            total = running + (policy["users"][level] if level < len(policy["users"]) else 0)
            total = min(total, top)
        if total > running:
            worth = rounded(total * base, policy["rounding"]) - rounded(running * base, policy["rounding"])
            found.append((who, worth))
            running = total
    return found


def price_gap(world, member, quantity, prices, policy):
    """Return what the falling prices up the sponsors pay."""
    if member is None:
        return []
    found, lowest = [], prices[world["members"][member]["rank"]]
    for who in climb(world, member, 1):
        price = prices[world["members"][who]["rank"]]
        if allowed(world, who, policy.get("eligible")) and price < lowest:
            found.append((who, (lowest - price) * quantity))
            lowest = price
    return found


def markup(world, line, prices):
    """Return what the credited member keeps of what a line was sold for."""
    return line["paid"] - prices[world["members"][line["member"]]["rank"]] * line["quantity"]
