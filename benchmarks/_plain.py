"""Plain Python over dicts: what a shop's own loop does."""

from __future__ import annotations

from benchmarks._data import RATES


def totals(sponsor: dict[int, int], member: list[int], paid: list[int], margin: list[int]) -> dict[int, int]:
    """Return what each member gets, guarded; labels on both sides."""
    earned: dict[int, int] = {}
    for source, amount, room in zip(member, paid, margin, strict=True):
        payees, claims = [], []
        person = source
        for rate in RATES:
            person = sponsor.get(person, -1)
            if person < 0:
                break
            payees.append(person)
            claims.append(amount * rate // 100)
        total = sum(claims)
        if total > room:
            pairs = [divmod(claim * room, total) for claim in claims]
            claims = [part for part, _ in pairs]
            order = sorted(range(len(claims)), key=lambda level: (-pairs[level][1], level))
            for level in order[: room - sum(claims)]:
                claims[level] += 1
        for person, claim in zip(payees, claims, strict=True):
            earned[person] = earned.get(person, 0) + claim
    return earned
