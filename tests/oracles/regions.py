"""The slow twin of region agency: one order line, one way up its regions.

A world is a dict: ``sponsors`` (label to sponsor or None) and ``members`` (label to a dict of columns, of
which ``agent_region`` is None for who is no agent). A policy is a dict of what the plan says; ``regions``
maps each region to the one that it lies in.
"""

from __future__ import annotations

from fractions import Fraction

from tests.oracles.cascades import rounded


def way_up(regions, region):
    """Return a region and all that it lies in."""
    found = []
    while region is not None:
        found.append(region)
        region = regions.get(region)
    return found


def layers(regions):
    """Return how many regions lie in one another at the most; one where there are none."""
    return max((len(way_up(regions, region)) for region in regions), default=1)


def tiers_of(policy):
    """Return the tiers from the finest up."""
    return policy["tiers"] or list(range(layers(policy["regions"])))


def tier_of(person, policy):
    """Return an agent's tier, None where he has none."""
    tiers = tiers_of(policy)
    if policy["tier"]:
        return person["agent_tier"] if person["agent_tier"] in tiers else None
    place = len(tiers) - len(way_up(policy["regions"], person["agent_region"]))
    return tiers[place] if place >= 0 else None


def agents(world):
    """Return the members who are agents."""
    return sorted(who for who, person in world["members"].items() if person["agent_region"] is not None)


def conflict(world, policy, who, others):
    """Return whether an agent may not be one beside some others."""
    mine = world["members"][who]
    tier = tier_of(mine, policy)
    if tier is None or (policy["regions"] and mine["agent_region"] not in policy["regions"]):
        return True
    for other in others:
        his = world["members"][other]
        if policy["split"] == "full" or tier_of(his, policy) != tier:
            continue
        if his["agent_region"] == mine["agent_region"]:
            if policy["split"] == "exclusive":
                return True
            continue
        paths = [way_up(policy["regions"], each["agent_region"]) for each in (mine, his)]
        if mine["agent_region"] in paths[1] or his["agent_region"] in paths[0]:
            return True
    return False


def shares(amount, weights):
    """Split an amount by largest remainder; ties go to who comes first."""
    whole = sum(weights)
    exact = [Fraction(amount * weight, whole) for weight in weights]
    parts = [share.numerator // share.denominator for share in exact]
    by_rest = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_rest[: amount - sum(parts)]:
        parts[place] += 1
    return parts


def fit(world, who, condition):
    """Return whether a member meets a condition, which is the name of a column of yes and no, or None."""
    return condition is None or world["members"][who][condition]


def recruited(world, who, level, base, policy, part):
    """Return what the sponsor of a paid agent claims, and what nobody is paid."""
    if policy["recruiter"] is None:
        return [], 0
    worth = rounded(policy["recruiter"] * part * base, policy["rounding"])
    sponsor = world["sponsors"][who]
    if sponsor is None or not fit(world, sponsor, policy["recruiter_eligible"]):
        return [], worth
    return [(sponsor, len(tiers_of(policy)) + level, worth)], 0


def groups(world, line, policy):
    """Return level, tier and agents of every tier that counts for a line."""
    path = way_up(policy["regions"], line["region"])
    here = [who for who in agents(world) if world["members"][who]["agent_region"] in path]
    if policy["unqualified"] == "others":
        here = [who for who in here if fit(world, who, policy["eligible"])]
    for level, tier in enumerate(tiers_of(policy), start=1):
        group = [who for who in here if tier_of(world["members"][who], policy) == tier]
        if group or policy["if_none"] == "company":
            yield level, tier, group


def claims(world, line, base, policy):
    """Return what one order line claims, as ``(payee, level, minor units)``, and what nobody is paid."""
    found, lost = [], 0
    if line["region"] is None or (policy["where"] is not None and line["product"] != policy["where"]):
        return found, lost
    below, divided = Fraction(0), policy["split"] in ("equal", "weights")
    for level, tier, group in groups(world, line, policy):
        contracts = [world["members"][who]["contract"] for who in group]
        rates = contracts if policy["rates"] == "contract" else [policy["rates"][tier]] * max(len(group), 1)
        steps = [
            rounded(max(rate, below) * base, policy["rounding"]) - rounded(below * base, policy["rounding"])
            for rate in rates
        ]
        if not group:
            lost += steps[0]
        weights = [world["members"][who]["parts"] if policy["split"] == "weights" else 1 for who in group]
        amounts = shares(steps[0], weights) if divided and group else steps
        for who, amount, weight, rate in zip(group, amounts, weights, rates, strict=False):
            if not fit(world, who, policy["eligible"]):
                lost += amount
                continue
            found.append((who, level, amount))
            if rate > below:
                part = Fraction(weight, sum(weights)) if divided else 1
                more, kept = recruited(world, who, level, base, policy, part)
                found, lost = found + more, lost + kept
        if policy["differential"]:
            below = max(below, *rates)
    return found, lost
