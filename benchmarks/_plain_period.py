"""Plain Python over dicts: what a direct seller's own script does at the end of a month."""

from __future__ import annotations

RANKS = ("none", "bronze", "silver", "gold", "ruby", "diamond")
LEAST = (0, 200_000, 600_000, 2_000_000, 6_000_000, 20_000_000)
"""Organisation volumes that ranks need, in minor units; from silver on also two legs with the rank below."""
LEVELS = (5, 4, 3, 2, 1, 1, 1)
UNLOCKED = (1, 1, 2, 2, 3, 3, 4)
"""The place of the rank that a level needs; whoever has it not is skipped at that level."""
GENERATIONS, LEADER = (3, 2, 1), 3
BRACKETS = ((100_000, 3), (500_000, 6), (2_000_000, 9), (8_000_000, 12))
BREAKS_AT, LEADERSHIP = 1_000_000, 4


def totals(sponsor: dict[int, int], paid: dict[int, int]) -> dict[int, int]:
    """Return what each member gets in the period; sponsors by member, -1 for roots."""
    order = _sponsors_first(sponsor)
    volume = dict(paid)
    below: dict[int, list[int]] = {member: [] for member in order}
    for member in reversed(order):
        above = sponsor[member]
        if above >= 0:
            volume[above] += volume[member]
            below[above].append(member)
    rank = _ranks(order, volume, below)
    earned = dict.fromkeys(order, 0)
    for member, amount in paid.items():
        _levels(sponsor, rank, member, amount, earned)
        _generations(sponsor, rank, member, amount, earned)
    for member in order:
        net = _gross(volume[member]) - sum(_gross(volume[leg]) for leg in below[member])
        earned[member] += max(net, 0)
    _breakaway(order, sponsor, paid, below, earned)
    return earned


def _sponsors_first(sponsor: dict[int, int]) -> list[int]:
    below: dict[int, list[int]] = {}
    for member, above in sponsor.items():
        below.setdefault(above, []).append(member)
    order = list(below.get(-1, []))
    for member in order:
        order.extend(below.get(member, []))
    return order


def _ranks(order: list[int], volume: dict[int, int], below: dict[int, list[int]]) -> dict[int, int]:
    rank, highest = dict[int, int](), dict[int, int]()
    for member in reversed(order):
        found = 0
        for place in range(len(RANKS) - 1, 0, -1):
            legs = sum(highest[leg] >= place - 1 for leg in below[member])
            if volume[member] >= LEAST[place] and (place == 1 or legs >= 2):
                found = place
                break
        rank[member] = found
        highest[member] = max([found, *(highest[leg] for leg in below[member])])
    return rank


def _levels(
    sponsor: dict[int, int], rank: dict[int, int], member: int, amount: int, earned: dict[int, int]
) -> None:
    person = sponsor[member]
    for rate, least in zip(LEVELS, UNLOCKED, strict=True):
        while person >= 0 and rank[person] < least:
            person = sponsor[person]
        if person < 0:
            return
        earned[person] += amount * rate // 100
        person = sponsor[person]


def _generations(
    sponsor: dict[int, int], rank: dict[int, int], member: int, amount: int, earned: dict[int, int]
) -> None:
    person = sponsor[member]
    for rate in GENERATIONS:
        while person >= 0 and rank[person] < LEADER:
            person = sponsor[person]
        if person < 0:
            return
        earned[person] += amount * rate // 100
        person = sponsor[person]


def _gross(volume: int) -> int:
    rate = 0
    for least, percent in BRACKETS:
        if volume >= least:
            rate = percent
    return volume * rate // 100


def _breakaway(
    order: list[int],
    sponsor: dict[int, int],
    paid: dict[int, int],
    below: dict[int, list[int]],
    earned: dict[int, int],
) -> None:
    group, leaders = dict(paid), set[int]()
    for member in reversed(order):
        group[member] += sum(group[leg] for leg in below[member] if leg not in leaders)
        if group[member] >= BREAKS_AT:
            leaders.add(member)
    received = dict.fromkeys(leaders, 0)
    least = BREAKS_AT * LEADERSHIP // 100
    for leader in reversed(order):
        if leader not in leaders:
            continue
        above = sponsor[leader]
        while above >= 0 and above not in leaders:
            above = sponsor[above]
        made, passed = group[leader] * LEADERSHIP // 100, 0
        if above >= 0:
            passed = min(received[leader], max(least - made, 0))
            received[above] += made + passed
        earned[leader] += received[leader] - passed
