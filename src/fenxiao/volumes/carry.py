"""What a pairing leaves on the legs of each position for the next period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, MINOR, MINOR_MAX, AnyArray, FlagArray, MinorArray, readonly
from fenxiao.errors import StateError, UnknownMemberError, instance_of
from fenxiao.volumes.history import member_labels, same_array, whole_numbers

if TYPE_CHECKING:
    from fenxiao.tree import ReferralTree

_TEXT: Final = instance_of(str, error=StateError)


def _carried(values: Any) -> MinorArray:
    return readonly(whole_numbers(values, "State, carried volume", 0, MINOR_MAX))  # type: ignore[no-any-return]  # readonly keeps the kind


def _flags(values: Any) -> FlagArray:
    flags = np.asarray(values)
    if flags.ndim != 1 or (flags.size and flags.dtype != FLAG):
        raise StateError("State, carry, paired", "are not truth values in one dimension", allowed="bools")
    return readonly(flags.astype(FLAG))  # type: ignore[no-any-return]  # readonly keeps the kind


@final
@attrs.frozen(kw_only=True)
class Carry:
    """Volumes that a policy carries to the next period, for the positions that have any.

    Parameters
    ----------
    policy : str
    labels : labels [n]
        Each position once: a position is a member, whoever owns it.
    left, right : int64 [n]
        In the volume's smallest unit, 0 or more.
    paired : bool [n]
        Whether the position has made its first pair.
    decimals : int or None
        Of the volume's unit; None for counts.

    Raises
    ------
    StateError
        Volumes that are no whole numbers, columns of different lengths, a position twice.
    """

    policy: str = attrs.field(validator=_TEXT)
    labels: AnyArray = attrs.field(converter=member_labels, eq=same_array)
    left: MinorArray = attrs.field(converter=_carried, eq=same_array)
    right: MinorArray = attrs.field(converter=_carried, eq=same_array)
    paired: FlagArray = attrs.field(converter=_flags, eq=same_array)
    decimals: int | None = attrs.field(
        default=None, validator=instance_of(int, optional=True, error=StateError)
    )

    def __attrs_post_init__(self) -> None:
        lengths = {len(self.labels), len(self.left), len(self.right), len(self.paired)}
        if len(lengths) > 1:
            raise StateError(
                "State, carry",
                "has columns of different lengths",
                value=sorted(lengths),
                allowed="one left, right and paired a label",
            )

    def fingerprint(self) -> str:
        """Return a text that is the same for equal carries, whatever the order of their positions."""
        columns = (
            map(repr, self.labels.tolist()),
            self.left.tolist(),
            self.right.tolist(),
            self.paired.tolist(),
        )
        return repr((self.policy, self.decimals, sorted(zip(*columns, strict=True))))

    def on(self, tree: ReferralTree, decimals: int | None) -> tuple[MinorArray, MinorArray, FlagArray]:
        """Return left, right and whether paired by member, of a volume of so many decimals.

        Raises
        ------
        StateError
            Positions that are not in the tree, or volumes of another unit.
        """
        if self.decimals != decimals:
            raise StateError(
                f"State, carry of policy {self.policy!r}",
                "is in another unit than the orders' volume",
                value=self.decimals,
                allowed=str(decimals),
                hint="Read the orders with the decimals of earlier periods",
            )
        try:
            at = tree.indices(self.labels)
        except UnknownMemberError as error:
            raise StateError(
                f"State, carry of policy {self.policy!r}",
                "is of positions that are not in the tree",
                hint="Keep members who leave in the tree",
                labels=error.labels,
            ) from None
        left, right = np.zeros(len(tree), dtype=MINOR), np.zeros(len(tree), dtype=MINOR)
        paired = np.zeros(len(tree), dtype=FLAG)
        left[at], right[at], paired[at] = self.left, self.right, self.paired
        return left, right, paired
