"""A naive climb up one chain, from the words that define the four choices and the three self-purchases."""

from __future__ import annotations

from functools import cache

NOBODY = None


@cache
def climb(marks, buyer, start_level, if_not, self_purchase):  # noqa: C901  # the four choices side by side
    """Return the payee of every level, as a distance from the credited member, or None for nobody.

    Parameters
    ----------
    marks : by level, then by distance (0 is the credited member): whether that person satisfies the level
    buyer : distance of the buyer, None where he stands elsewhere
    """
    height = len(marks[0])

    def exists(distance):
        return distance < height

    def qualified(distance, level):
        if not exists(distance) or (self_purchase == "skip" and distance == buyer):
            return False
        return marks[level][distance]

    payees = []
    position = start_level - 1
    latest = NOBODY
    for level in range(len(marks)):
        payee = NOBODY
        if if_not == "roll_up":
            above = [distance for distance in range(position + 1, height) if qualified(distance, level)]
            if above:
                payee = position = above[0]
        elif qualified(start_level + level, level):
            payee = start_level + level
        if payee is NOBODY and if_not == "last_payee" and latest is not NOBODY and marks[level][latest]:
            payee = latest
        if self_purchase == "stop" and payee is not NOBODY and payee == buyer:
            break
        if payee is NOBODY and if_not in ("stop", "roll_up"):
            break
        payees.append(payee)
        latest = latest if payee is NOBODY else payee
    return tuple(payees) + (NOBODY,) * (len(marks) - len(payees))
