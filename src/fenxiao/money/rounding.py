"""Rounding: how an exact amount becomes a whole number of minor units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from attrs import field, frozen

from fenxiao._arrays import MINOR_MAX
from fenxiao.errors import InputError, is_one_of

if TYPE_CHECKING:
    from fractions import Fraction

RoundingMode: TypeAlias = Literal["floor", "half_up", "half_even", "ceiling"]
_MODE: Final = "rounding mode"
_STEP: Final = "rounding step"
_MODES: Final = get_args(RoundingMode)


@frozen
class Rounding:
    """How an exact amount becomes a whole number of minor units.

    Parameters
    ----------
    mode
        ``"floor"``: toward minus infinity. ``"ceiling"``: toward plus infinity. ``"half_up"``: to the
        nearest, ties toward plus infinity (so 0.5 becomes 1 and -0.5 becomes 0). ``"half_even"``: to the
        nearest, ties to the even multiple. Amounts below zero arise in corrections only.
    step
        Round to multiples of this many minor units, 1 by default.

    Raises
    ------
    InputError
        If the mode is unknown or the step is not a positive integer.

    Examples
    --------
    >>> from fractions import Fraction
    >>> Rounding("half_up").round_fraction(Fraction(5, 2))
    3
    >>> Rounding("floor", step=10).round_fraction(Fraction(57, 2))
    20
    """

    mode: RoundingMode = field()
    step: int = 1

    @mode.validator
    def _check_mode(self, _attribute: object, mode: object) -> None:
        if not is_one_of(mode, _MODES):
            raise InputError(_MODE, "is unknown", value=mode, allowed=", ".join(_MODES), hint='Write "floor"')

    def __attrs_post_init__(self) -> None:
        """Check the step."""
        if isinstance(self.step, bool) or not isinstance(self.step, int) or not 1 <= self.step <= MINOR_MAX:
            raise InputError(
                _STEP,
                "is not a positive number of minor units",
                value=self.step,
                allowed=f"an integer from 1 to {MINOR_MAX}",
                hint="Leave it out to round to one minor unit",
            )

    @classmethod
    def of(cls, rounding: RoundingLike) -> Rounding:
        """Return the rounding of a mode's name; a `Rounding` is returned as it is."""
        return rounding if isinstance(rounding, Rounding) else cls(rounding)

    def round_fraction(self, exact: Fraction | int) -> int:
        """Return `exact` minor units rounded to a multiple of the step, as a Python integer of any size."""
        return self.step * round_ratio(exact.numerator, exact.denominator * self.step, self.mode)


RoundingLike: TypeAlias = Rounding | RoundingMode
"""What `Rounding.of` accepts."""

FLOOR: Final = Rounding("floor")
CEILING: Final = Rounding("ceiling")
HALF_UP: Final = Rounding("half_up")
HALF_EVEN: Final = Rounding("half_even")


def round_ratio(numerator: int, denominator: int, mode: RoundingMode) -> int:
    """Round a ratio of Python integers, the denominator positive."""
    quotient, rest = divmod(numerator, denominator)
    if mode == "floor":
        return quotient
    if mode == "ceiling":
        return quotient + (rest > 0)
    up = 2 * rest >= denominator if mode == "half_up" else 2 * rest > denominator - (quotient & 1)
    return quotient + up
