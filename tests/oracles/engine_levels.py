"""Level commission for the engine's twin: who is paid at which step of one order line, and how much."""

from __future__ import annotations

from fractions import Fraction

from tests.oracles.engine_rules import base_value, climb, refuse, round_to


def schedules_of(policy):
    """Every schedule of a level policy, to find the longest and to check that it has exactly one source."""
    sources = [kind for kind in ("rates", "by_rank", "by_length") if policy.get(kind) is not None]
    refuse(len(sources) != 1, "give exactly one of rates, by_rank and by_length")
    special = [*(policy.get("by_product") or {}).values(), *(policy.get("by_category") or {}).values()]
    if sources == ["rates"]:
        return [policy["rates"], *special]
    refuse(special, "by_product and by_category stand only beside rates")
    return list(policy[sources[0]].values())


def depth_of(policy):
    """K, the length of the longest schedule."""
    depth = max(len(schedule) for schedule in schedules_of(policy))
    refuse(
        policy.get("by_length") is not None and sorted(policy["by_length"]) != list(range(1, depth + 1)),
        "by_length needs exactly the keys 1 to the longest row",
    )
    return depth


def is_qualified(policy, person, k, order, members):
    """Tell whether a person may be the payee of step k on this order line."""
    if policy.get("self_purchase", "pay") == "skip" and person == order["buyer"]:
        return False
    eligible = policy.get("eligible")
    if eligible is not None and not eligible(members[person]):
        return False
    if policy.get("by_rank") is None:
        return True
    return len(policy["by_rank"][members[person][policy.get("rank_column", "rank")]]) > k


def candidates_by_roll_up(policy, chain, depth, order, members):
    """Yield for each k the nearest qualified person above the one before; end where there is none."""
    position = policy.get("start_level", 1) - 1
    for k in range(depth):
        position += 1
        while position < len(chain) and not is_qualified(policy, chain[position], k, order, members):
            position += 1
        if position >= len(chain):
            return
        yield chain[position]


def candidates_by_distance(policy, chain, depth, order, members):
    """Yield for each k the person at his fixed distance, his stand-in, or None for the company."""
    last_payee = None
    for k in range(depth):
        distance = policy.get("start_level", 1) + k
        person = chain[distance] if distance < len(chain) else None
        if person is not None and is_qualified(policy, person, k, order, members):
            last_payee = person
            yield person
        elif policy["if_not"] == "stop":
            return
        elif policy["if_not"] == "last_payee":
            yield last_payee
        else:
            yield None


def payees_of(policy, parents, order, members):
    """Payee of each step k = 0..K-1 on one order line; None where the company keeps the step."""
    refuse(
        policy["if_not"] not in ("company", "roll_up", "stop", "last_payee"),
        f"unknown if_not {policy['if_not']!r}",
    )
    depth = depth_of(policy)
    chain = climb(parents, order["member"])
    walk = candidates_by_roll_up if policy["if_not"] == "roll_up" else candidates_by_distance
    payees = []
    for payee in walk(policy, chain, depth, order, members):
        if policy.get("self_purchase", "pay") == "stop" and payee is not None and payee == order["buyer"]:
            break
        payees.append(payee)
    return payees + [None] * (depth - len(payees))


def schedule_for(policy, order, payee, length, members):
    """Choose the one schedule that applies to this payee on this order line."""
    if policy.get("by_rank") is not None:
        return policy["by_rank"][members[payee][policy.get("rank_column", "rank")]]
    if policy.get("by_length") is not None:
        return policy["by_length"][length]
    for table, column in ((policy.get("by_product"), "product"), (policy.get("by_category"), "category")):
        if table and order[column] in table:
            return table[order[column]]
    return policy["rates"]


def amount_of(cell, policy, order, currency_decimals):
    """Claimed minor units of one cell of a schedule: a share of the base, or ("fixed", minor) per unit."""
    rounding = policy.get("rounding", "floor")
    if isinstance(cell, tuple):
        _, minor = cell
        quantity = order.get("quantity")
        return round_to(Fraction(minor) * (1 if quantity is None else quantity), rounding)
    return round_to(base_value(policy["base"], order, currency_decimals) * Fraction(cell), rounding)


def check_ranks(table, column, members):
    """Refuse a rank that the table does not know, whoever holds it."""
    for member in members.values():
        refuse(member[column] not in table, f"rank {member[column]!r} is absent from the table")


def level_claims(policy, parents, orders, members, currency_decimals=2):
    """Claims (order_id, line, payee, level, amount) of one level commission; zeros included."""
    if policy.get("by_rank") is not None:
        check_ranks(policy["by_rank"], policy.get("rank_column", "rank"), members)
    refuse(
        policy.get("self_purchase", "pay") != "pay" and any("buyer" not in order for order in orders),
        "self_purchase skip and stop need the buyer column",
    )
    claims = []
    for order in orders:
        where = policy.get("where")
        if order["member"] is None or (where is not None and not where(order)):
            continue
        payees = payees_of(policy, parents, order, members)
        length = len([payee for payee in payees if payee is not None])
        for k, payee in enumerate(payees):
            if payee is None:
                continue
            schedule = schedule_for(policy, order, payee, length, members)
            if k < len(schedule):
                amount = amount_of(schedule[k], policy, order, currency_decimals)
                claims.append(
                    (order["order_id"], order["line"], payee, policy.get("start_level", 1) + k, amount)
                )
    return claims
