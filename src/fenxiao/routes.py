"""Routes: for a source, who is hop 1, 2, 3 ... up the sponsors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final, get_args

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, FlagArray, IndexArray
from fenxiao.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.tree import ReferralTree

IfNot: TypeAlias = Literal["company", "roll_up", "stop", "last_payee"]
"""What happens where nobody stands at a level, or somebody who does not qualify.

``company``: the company keeps the level's money, the level number is used up. ``roll_up``: the next qualified
member above takes the level. ``stop``: the walk ends. ``last_payee``: who was paid last takes it.
"""
IF_NOT: tuple[str, ...] = get_args(IfNot)

SelfPurchase: TypeAlias = Literal["pay", "skip", "stop"]
"""What happens where the payee is the buyer: pay; treat as not qualified; end the walk before him."""
SELF_PURCHASE: tuple[str, ...] = get_args(SelfPurchase)


@final
@attrs.frozen(eq=False, kw_only=True)
class SponsorRoute:
    """The sponsor route for levels ``start_level, start_level + 1, ...``, as pointer arrays.

    ``up`` is int32 [members + 1]: the sponsor, or the number of members for nobody. ``qualified`` holds one
    mask (bool [members + 1], False for nobody) a level, or None where everybody qualifies; levels that share
    a condition share the array. ``nearest`` is, for ``roll_up``, the nearest qualified strict ancestor by
    level.
    """

    levels: int
    start_level: int
    if_not: IfNot
    self_purchase: SelfPurchase
    up: IndexArray
    qualified: tuple[FlagArray | None, ...]
    nearest: tuple[IndexArray, ...] = ()

    @classmethod
    def prepare(
        cls,
        tree: ReferralTree,
        masks: Sequence[FlagArray | None],
        *,
        start_level: int,
        if_not: IfNot,
        self_purchase: SelfPurchase,
    ) -> SponsorRoute:
        """Return the route for masks (bool [members]) by level."""
        up = tree.sponsor_pointer
        made: dict[int, FlagArray] = {}
        near: dict[int, IndexArray] = {}
        for mask in masks:
            if mask is not None and id(mask) not in made:
                made[id(mask)] = np.append(mask, np.zeros(1, dtype=FLAG))
            if if_not == "roll_up" and id(mask) not in near:
                near[id(mask)] = up if mask is None else tree.nearest_ancestor(mask)
        return cls(
            levels=len(masks),
            start_level=start_level,
            if_not=if_not,
            self_purchase=self_purchase,
            up=up,
            qualified=tuple(None if mask is None else made[id(mask)] for mask in masks),
            nearest=tuple(near[id(mask)] for mask in masks) if if_not == "roll_up" else (),
        )

    def walk(self, member: IndexArray, buyer: IndexArray | None) -> IndexArray:
        """Return the payees of every level (int32 [levels, n]), the number of members for nobody.

        Parameters
        ----------
        member : int32 [n], credited members, the number of members for guests
        buyer : int32 [n] or None, needed where self-purchases are not simply paid
        """
        payees = np.empty((self.levels, len(member)), dtype=INDEX)
        skipped = buyer if self.self_purchase == "skip" else None
        if self.if_not == "roll_up":
            self._roll_up(member, skipped, payees)
        else:
            self._fixed_levels(member, skipped, payees)
        if self.if_not == "last_payee":
            self._last_payee(payees)
        if buyer is not None and self.self_purchase == "stop":
            self._end_where(payees == buyer, payees)
        if self.if_not == "stop":
            self._end_where(payees == self._nobody(), payees)
        return payees

    def _nobody(self) -> np.integer[Any]:
        return INDEX(len(self.up) - 1)

    def _climbed(self, member: IndexArray, levels: int) -> IndexArray:
        for _ in range(levels):
            member = np.take(self.up, member, mode="clip")
        return member

    def _fixed_levels(self, member: IndexArray, skipped: IndexArray | None, payees: IndexArray) -> None:
        """Fill in who stands at each level, nobody where he does not qualify."""
        here = self._climbed(member, self.start_level - 1)
        plain = skipped is None and all(mask is None for mask in self.qualified)
        for level, mask in enumerate(self.qualified):
            # Where everybody qualifies, who stands at a level is its payee: no second array is needed.
            there = payees[level] if plain else np.empty_like(payees[level])
            if level == self.start_level == 0:
                there[:] = here
            else:
                np.take(self.up, here, out=there, mode="clip")
            here = there
            if plain:
                continue
            payees[level] = here
            if mask is not None:
                payees[level][~np.take(mask, here, mode="clip")] = self._nobody()
            if skipped is not None:
                payees[level][here == skipped] = self._nobody()

    def _roll_up(self, member: IndexArray, skipped: IndexArray | None, payees: IndexArray) -> None:
        """Fill in the nearest qualified member above the one before."""
        here = self._climbed(member, self.start_level - 1)
        for level, nearest in enumerate(self.nearest):
            above = payees[level]
            np.take(nearest, here, out=above, mode="clip")
            if level == self.start_level == 0:
                mask = self.qualified[0]
                stays = np.ones(len(here), dtype=FLAG) if mask is None else np.take(mask, here, mode="clip")
                above[stays] = here[stays]
            if skipped is not None:
                # The buyer stands in an upline once at most, so one step beyond him is enough.
                own = above == skipped
                above[own] = nearest[above[own]]
            here = above

    def _end_where(self, ends: FlagArray, payees: IndexArray) -> None:
        """Leave nobody from the first level on at which a walk ends."""
        payees[np.logical_or.accumulate(ends, axis=0)] = self._nobody()

    def _last_payee(self, payees: IndexArray) -> None:
        last = np.full_like(payees[0], self._nobody())
        for payee, mask in zip(payees, self.qualified, strict=True):
            taker = last
            if mask is not None:
                taker = np.where(np.take(mask, last, mode="clip"), last, self._nobody())
            payee[:] = np.where(payee == self._nobody(), taker, payee)
            last = np.where(payee == self._nobody(), last, payee)

    def trace(self, member: int, buyer: int | None) -> list[Step]:
        """Tell the walk of one source step by step, also of those who are passed over."""
        nobody = int(self._nobody())
        here = member
        for _ in range(self.start_level - 1):
            here = int(self.up[here])
        steps: list[Step] = []
        last = nobody
        for level in range(self.levels):
            person = here if level == self.start_level == 0 else int(self.up[here])
            reason = self._standing(person, level, buyer)
            while self.if_not == "roll_up" and reason not in (Reason.PAID, Reason.NO_UPLINE):
                if reason is Reason.SELF_PURCHASE and self.self_purchase == "stop":
                    break
                steps.append(Step(level, person, nobody, reason))
                person = int(self.up[person])
                reason = self._standing(person, level, buyer)
            payee = person if reason is Reason.PAID else nobody
            ends = reason is Reason.SELF_PURCHASE and self.self_purchase == "stop"
            if payee == nobody and self.if_not == "last_payee" and not ends and self._passes(last, level):
                payee = last
            steps.append(Step(level, person, payee, reason))
            if ends or (self.if_not == "stop" and payee == nobody):
                if level + 1 < self.levels:
                    steps.append(Step(level + 1, nobody, nobody, Reason.STOPPED))
                break
            last = last if payee == nobody else payee
            here = person
        return steps

    def _passes(self, person: int, level: int) -> bool:
        mask = self.qualified[level]
        return person < len(self.up) - 1 and (mask is None or bool(mask[person]))

    def _standing(self, person: int, level: int, buyer: int | None) -> Reason:
        if person == len(self.up) - 1:
            return Reason.NO_UPLINE
        if not self._passes(person, level):
            return Reason.NOT_ELIGIBLE
        return Reason.SELF_PURCHASE if self.self_purchase != "pay" and person == buyer else Reason.PAID


@final
@attrs.frozen
class Step:
    """One person met on a walk: who stands there, who is paid for the level, and why.

    ``level`` counts from 0 whatever the start level; ``person`` and ``payee`` are member indices, the number
    of members for nobody. `Reason.NOT_ELIGIBLE` stands for every unmet condition of the level.
    """

    level: int
    person: int
    payee: int
    reason: Reason
