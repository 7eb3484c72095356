"""What a pairing does with the volumes of two legs: matched, carried, flushed and dropped."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR, MINOR_MAX
from fenxiao._kernels.pairing import cycles_of
from fenxiao.errors import PlanError
from fenxiao.money import is_amount

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import FlagArray, MinorArray
    from fenxiao.policies.binary import BinaryPairing

LEFTOVERS: Final = ("carry", "net_off", "flush")
LARGEST: Final = MINOR_MAX // 4
"""The largest volume of a cycle, so that two of them fit into 64 bits together."""
_KEYS: Final = {"strong", "weak", "pay"}


@final
@attrs.frozen
class Cycle:
    """Fixed money for a pair: so much of the stronger leg and so much of the weaker one.

    Parameters
    ----------
    strong, weak : str
        Volumes taken from the stronger and from the weaker leg; the first is not below the second.
    pay : str
        Money for one cycle, in the plan's currency.

    Raises
    ------
    PlanError
        What is no volume or no amount.

    Examples
    --------
    >>> Cycle("200", "100", "14.00").as_data()
    {'strong': '200', 'weak': '100', 'pay': '14.00'}
    """

    strong: str
    weak: str
    pay: str

    def __attrs_post_init__(self) -> None:
        for name in ("strong", "weak", "pay"):
            value = getattr(self, name)
            if not is_amount(value):
                raise PlanError(f"Cycle, {name}", "is no amount", value=value, allowed='such as "200"')
        if not Fraction(self.strong) >= Fraction(self.weak) > 0:
            raise PlanError(
                "Cycle",
                "does not take more than nothing of the weaker leg, and as much or more of the stronger one",
                value=(self.strong, self.weak),
                allowed='such as Cycle("200", "100", "14.00")',
            )

    def as_data(self) -> dict[str, str]:
        """Return the cycle as plain data."""
        return {"strong": self.strong, "weak": self.weak, "pay": self.pay}

    @classmethod
    def from_data(cls, data: object) -> Cycle | None:
        """Read what `as_data` wrote, or three texts in a row."""
        if data is None or isinstance(data, Cycle):
            return data
        if isinstance(data, dict) and set(data) == _KEYS:
            return cls(**data)
        if isinstance(data, list | tuple) and len(data) == len(_KEYS):
            return cls(*data)
        raise PlanError("a cycle", "cannot be read", value=data, allowed='Cycle("200", "100", "14.00")')


@final
@attrs.frozen(eq=False, kw_only=True)
class LegFlows:
    """Where the volume of each position's legs went: int64 [2, members] each, left leg first.

    ``brought`` is what earlier periods carried and this one added, 0 where that is negative; it is matched,
    kept, flushed and dropped without a rest: ``brought = matched + kept + flushed + dropped``. ``pairs`` is
    how many cycles or pairs were made (int64 [members]), the first pair included; ``firsts`` who made his
    first one now, ``paired`` who has made one by the end (bool [members]).
    """

    brought: MinorArray
    matched: MinorArray
    kept: MinorArray
    flushed: MinorArray
    dropped: MinorArray
    pairs: MinorArray
    firsts: FlagArray
    paired: FlagArray


def flows_of(
    policy: BinaryPairing,
    brought: MinorArray,
    paired: FlagArray,
    may: FlagArray,
    keeps: FlagArray | None,
    volume: Callable[[str, str], int],
) -> LegFlows:
    """Return where the volume of two legs goes.

    Parameters
    ----------
    brought : int64 [2, members], 0 or more
    paired : who has made his first pair before
    may : who may pair
    keeps : who may keep what is left; None for everybody
    volume : reads a volume of the plan, named by its field, in the measure's smallest unit
    """
    pairs, firsts = np.zeros(len(may), dtype=MINOR), np.zeros(len(may), dtype=FLAG)
    if policy.cycle is None:
        both = np.minimum(brought[0], brought[1])
        both[~may] = 0
        both = _matched(policy, both, volume)
        matched = np.broadcast_to(both, brought.shape)
        pairs[both > 0] = 1
    else:
        open_ = np.where(may, brought, MINOR(0))
        matched, pairs, firsts = _cycles(policy, policy.cycle, open_, paired, volume)
    kept = brought - matched
    # Zeros that nothing is written to take neither memory nor time, however many members there are.
    flushed, dropped = (np.zeros(brought.shape, dtype=MINOR) for _ in range(2))
    if policy.leftover == "net_off":
        flushed[:] = np.minimum(kept[0], kept[1])
    elif policy.leftover == "flush":
        flushed = kept
    if keeps is not None:
        flushed = np.where(keeps, flushed, kept)
    if policy.leftover != "carry" or keeps is not None:
        kept = kept - flushed
    if policy.carry_cap is not None:
        most = volume("carry_cap", policy.carry_cap)
        np.subtract(kept, most, out=dropped)
        np.maximum(dropped, MINOR(0), out=dropped)
        np.minimum(kept, most, out=kept)
    return LegFlows(
        brought=brought,
        matched=matched,
        kept=kept,
        flushed=flushed,
        dropped=dropped,
        pairs=pairs,
        firsts=firsts,
        paired=paired | firsts,
    )


def _matched(policy: BinaryPairing, both: MinorArray, volume: Callable[[str, str], int]) -> MinorArray:
    """Return what is taken from each leg where money is a rate or comes by tiers."""
    if policy.match_cap is not None:
        both = np.minimum(both, volume("match_cap", policy.match_cap))
    if policy.tiers:
        steps = np.array([0, *(volume("tiers", least) for least, _ in policy.tiers)], dtype=MINOR)
        found: MinorArray = steps[np.searchsorted(steps, both, side="right") - 1]
        return found
    if policy.increment is None:
        return both
    unit = volume("increment", policy.increment)
    return both // unit * unit


def _cycles(
    policy: BinaryPairing,
    cycle: Cycle,
    open_: MinorArray,
    paired: FlagArray,
    volume: Callable[[str, str], int],
) -> tuple[MinorArray, MinorArray, FlagArray]:
    """Return what cycles take from the legs, how many there are, and whose first one it is."""
    left, right = open_
    most = None if policy.cycle_cap is None else np.full(len(left), policy.cycle_cap, dtype=MINOR)
    first = np.zeros(len(left), dtype=MINOR)
    taken = np.zeros_like(open_)
    if policy.first is not None:
        once = np.where(paired, MINOR(0), MINOR(1))
        if most is not None:
            once = np.minimum(once, most)
        strong, weak = volume("first", policy.first.strong), volume("first", policy.first.weak)
        first, *by_leg = cycles_of(left, right, strong, weak, reevaluate=False, most=once)
        taken += np.stack(by_leg)
        # Whoever has not made his first pair makes no other.
        may = paired | (first > 0)
        most = np.where(may, (MINOR_MAX if most is None else most) - first, MINOR(0))
    strong, weak = volume("cycle", cycle.strong), volume("cycle", cycle.weak)
    count, *by_leg = cycles_of(
        left - taken[0], right - taken[1], strong, weak, reevaluate=policy.reevaluate, most=most
    )
    return taken + np.stack(by_leg), count + first, first > 0
