"""Claims rules by their definitions, with Fractions and dictionaries."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise


def cut_at_level(claims: list[Fraction], limit: Fraction) -> list[Fraction]:
    """Equal awards: the level is found between two neighbouring claims, where the total is linear."""
    corners = sorted({Fraction(0), *claims})
    for low, high in pairwise(corners):
        used_low = sum(min(claim, low) for claim in claims)
        used_high = sum(min(claim, high) for claim in claims)
        if used_low <= limit <= used_high:
            level = low + (limit - used_low) * (high - low) / (used_high - used_low)
            return [min(claim, level) for claim in claims]
    return claims


def solve(claims: list[int], limit: int, rule: str, classes: list[int] | None = None) -> list[Fraction]:
    """Return the exact solution of one problem."""
    exact = [Fraction(claim) for claim in claims]
    total, limit = sum(exact), Fraction(limit)
    if total <= limit:
        return exact
    if rule == "proportional":
        return [claim * limit / total for claim in exact]
    if rule == "priority":
        awards: dict[int, Fraction] = {}
        for kind in sorted(set(classes)):
            rows = [row for row, other in enumerate(classes) if other == kind]
            wanted = sum(exact[row] for row in rows)
            served = min(wanted, limit)
            for row in rows:
                awards[row] = exact[row] * served / wanted if wanted else Fraction(0)
            limit -= served
        return [awards[row] for row in range(len(exact))]
    if rule == "equal_awards":
        return cut_at_level(exact, limit)
    if rule == "equal_losses":
        losses = cut_at_level(exact, total - limit)
        return [claim - loss for claim, loss in zip(exact, losses, strict=True)]
    halves = [claim / 2 for claim in exact]
    if limit <= total / 2:
        return cut_at_level(halves, limit)
    losses = cut_at_level(halves, total - limit)
    return [claim - loss for claim, loss in zip(exact, losses, strict=True)]


def to_units(exact: list[Fraction], total: int, leftover: str = "largest_remainder") -> list[int]:
    """Round down, then hand units one at a time to the largest remainder, the earlier first."""
    parts = [share.numerator // share.denominator for share in exact]
    waiting = {row: share - part for row, (share, part) in enumerate(zip(exact, parts, strict=True))}
    while leftover == "largest_remainder" and sum(parts) < total:
        best = max(waiting, key=lambda row: (waiting[row], -row))
        parts[best] += 1
        del waiting[best]
    return parts


def ration(
    claims: list[int],
    limit: int,
    rule: str,
    leftover: str = "largest_remainder",
    classes: list[int] | None = None,
) -> list[int]:
    """Return the solution in whole units."""
    return to_units(solve(claims, limit, rule, classes), min(limit, sum(claims)), leftover)


def allocate(total: int, weights: list[int]) -> list[int]:
    """Split a total by weights; a negative total is split like its opposite."""
    if not any(weights):
        return [0] * len(weights)
    parts = to_units([Fraction(abs(total) * weight, sum(weights)) for weight in weights], abs(total))
    return [-part for part in parts] if total < 0 else parts
