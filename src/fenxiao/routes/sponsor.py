"""The level walk: for a source, who is paid at hop 1, 2, 3 ... of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final, get_args

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, FlagArray, IndexArray
from fenxiao._kernels.trees import nearest_marked
from fenxiao.errors import Reason
from fenxiao.routes.paths import Path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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

    ``path`` says who is next to whom; ``up`` is its array of later hops, int32 [members + 1], the number of
    members for nobody. ``qualified`` holds one mask (bool [members + 1], False for nobody) a level, or None
    where everybody qualifies; levels that share a condition share the array. ``nearest`` is, for
    ``roll_up``, the nearest qualified strict ancestor by level. ``fits`` says between whom a payment may
    be made at all.
    """

    levels: int
    start_level: int
    if_not: IfNot
    self_purchase: SelfPurchase
    path: Path
    up: IndexArray
    qualified: tuple[FlagArray | None, ...]
    nearest: tuple[IndexArray, ...] = ()
    fits: Callable[[IndexArray, IndexArray], FlagArray] | None = None

    @classmethod
    def prepare(
        cls,
        tree: ReferralTree,
        masks: Sequence[FlagArray | None],
        *,
        start_level: int,
        if_not: IfNot,
        self_purchase: SelfPurchase,
        path: Path | None = None,
        fits: Callable[[IndexArray, IndexArray], FlagArray] | None = None,
    ) -> SponsorRoute:
        """Return the route for masks (bool [members]) by level.

        Parameters
        ----------
        path : who is next to whom; plainly the sponsors if left out
        fits : for payees and credited members (int32 [n] each), whether the one may be paid for the other
        """
        path = Path.plain(tree.sponsor_pointer) if path is None else path
        up = path.up
        made: dict[int, FlagArray] = {}
        near: dict[int, IndexArray] = {}
        for mask in masks:
            if mask is not None and id(mask) not in made:
                made[id(mask)] = np.append(mask, np.zeros(1, dtype=FLAG))
            if if_not == "roll_up" and id(mask) not in near:
                near[id(mask)] = up if mask is None else nearest_marked(up, mask)
        return cls(
            levels=len(masks),
            start_level=start_level,
            if_not=if_not,
            self_purchase=self_purchase,
            path=path,
            up=up,
            fits=fits,
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
        return self.finished(payees, buyer)

    def finished(self, payees: IndexArray, buyer: IndexArray | None) -> IndexArray:
        """Return payees once it is settled who takes what is left, and where walks end."""
        if self.if_not == "last_payee":
            self._last_payee(payees)
        if buyer is not None and self.self_purchase == "stop":
            self._end_where(payees == buyer, payees)
        if self.if_not == "stop":
            self._end_where(payees == self._nobody(), payees)
        return payees

    @property
    def everybody(self) -> bool:
        """Return whether everybody qualifies at every level, whoever bought."""
        return self.fits is None and all(mask is None for mask in self.qualified)

    def _nobody(self) -> np.integer[Any]:
        return INDEX(len(self.up) - 1)

    def _before(self, member: IndexArray) -> IndexArray:
        """Return who stands right before the first level; the credited member where that is level 0 or 1."""
        if self.start_level > 1:
            member = np.take(self.path.first, member, mode="clip")
        for _ in range(self.start_level - 2):
            member = np.take(self.up, member, mode="clip")
        return member

    def _opening(self, level: int) -> IndexArray | None:
        """Return the pointers to the payee of the first level, None where they are those of later hops."""
        if level == 0 and self.start_level == 0:
            return self.path.own
        return self.path.first if self._is_first(level) and self.path.first is not self.up else None

    def _is_first(self, level: int) -> bool:
        """Return whether a level is reached by the first hop from the credited member."""
        return self.start_level <= 1 and level == 1 - self.start_level

    def _fixed_levels(self, member: IndexArray, skipped: IndexArray | None, payees: IndexArray) -> None:
        """Fill in who stands at each level, nobody where he does not qualify."""
        here = self._before(member)
        plain = skipped is None and self.everybody
        for level in range(self.levels):
            # Where everybody qualifies, who stands at a level is its payee: no second array is needed.
            there = payees[level] if plain else np.empty_like(payees[level])
            pointers = self._opening(level)
            if pointers is None:
                pointers = self.up
            elif level and self.start_level == 0:
                # Whom the first level found in place of the credited member goes on from himself.
                pointers = np.where(here == member, pointers[here], self.up[here])
                here = np.arange(len(here), dtype=INDEX)
            np.take(pointers, here, out=there, mode="clip")
            here = there
            if plain:
                continue
            self.place(level, here, member, skipped, payees[level])

    def place(
        self,
        level: int,
        here: IndexArray,
        member: IndexArray,
        skipped: IndexArray | None,
        payees: IndexArray,
    ) -> None:
        """Write who stands at a level to `payees`, nobody where he does not qualify."""
        mask = self.qualified[level]
        payees[:] = here
        if mask is not None:
            payees[~np.take(mask, here, mode="clip")] = self._nobody()
        if skipped is not None:
            payees[here == skipped] = self._nobody()
        if self.fits is not None:
            payees[~self.fits(here, member)] = self._nobody()

    def _roll_up(self, member: IndexArray, skipped: IndexArray | None, payees: IndexArray) -> None:
        """Fill in the nearest qualified member above the one before."""
        here = self._before(member)
        for level, nearest in enumerate(self.nearest):
            above = payees[level]
            opening = self._opening(level)
            if opening is None:
                np.take(nearest, here, out=above, mode="clip")
            else:
                start = np.take(opening, here, mode="clip")
                if level and self.start_level == 0:
                    start = np.where(here == member, start, self.up[here])
                mask = self.qualified[level]
                stays = start != self._nobody()
                if mask is not None:
                    stays &= np.take(mask, start, mode="clip")
                above[:] = np.where(stays, start, nearest[start])
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

    def along(self, path: Path) -> SponsorRoute:
        """Return the route over another path of the same members, with the same conditions."""
        near = {
            id(mask): path.up if mask is None else nearest_marked(path.up, mask[:-1])
            for mask in (self.qualified if self.nearest else ())
        }
        return attrs.evolve(
            self, path=path, up=path.up, nearest=tuple(near[id(mask)] for mask in self.qualified if near)
        )

    def trace(self, member: int, buyer: int | None) -> list[Step]:
        """Tell the walk of one source step by step, also of those who are passed over."""
        nobody = int(self._nobody())
        here, steps, last = member, list[Step](), nobody
        for hop in range(self.start_level - 1):
            here = self.path.next(here, first=hop == 0)
        for level in range(self.levels):
            if level == self.start_level == 0:
                person = int(self.path.own[here])
            else:
                person = self.path.next(here, first=here == member and self._is_first(level))
            steps += self._skipped(here, person, level, own=level == self.start_level == 0)
            reason = self._standing(person, level, buyer, member)
            while self.if_not == "roll_up" and reason not in (Reason.PAID, Reason.NO_UPLINE):
                if reason is Reason.SELF_PURCHASE and self.self_purchase == "stop":
                    break
                steps.append(Step(level, person, nobody, reason))
                above = int(self.up[person])
                steps += self._skipped(person, above, level)
                person = above
                reason = self._standing(person, level, buyer, member)
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

    def _skipped(self, here: int, person: int, level: int, *, own: bool = False) -> list[Step]:
        """Return those between two people of the walk whom the path left out."""
        nobody, steps = int(self._nobody()), list[Step]()
        at = here if own else int(self.path.sponsors[here])
        while at not in (person, nobody):
            steps.append(Step(level, at, nobody, self.path.why_skipped(at)))
            at = int(self.path.sponsors[at])
        return steps

    def _passes(self, person: int, level: int) -> bool:
        mask = self.qualified[level]
        return person < len(self.up) - 1 and (mask is None or bool(mask[person]))

    def _fits(self, person: int, member: int) -> bool:
        pair = np.array([person], dtype=INDEX), np.array([member], dtype=INDEX)
        return self.fits is None or bool(self.fits(*pair)[0])

    def _standing(self, person: int, level: int, buyer: int | None, member: int) -> Reason:
        if person == len(self.up) - 1:
            return Reason.NO_UPLINE
        if not self._passes(person, level):
            return Reason.NOT_ELIGIBLE
        if self.fits is not None and not self._fits(person, member):
            return Reason.NOT_FITTING
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
