"""What earlier periods measured, as columns: the argument that windows look back into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import MINOR, MINOR_MAX, MINOR_MIN, AnyArray, MinorArray, readonly
from fenxiao._labels import ascending, label_table, read_labels
from fenxiao.errors import PlanError, StateError, TimeError, UnknownMemberError, instance_of
from fenxiao.expressions.measures import WINDOW_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fenxiao.periods import Period
    from fenxiao.tree import ReferralTree

_TEXT: Final = instance_of(str, error=StateError)


def member_labels(values: Any) -> AnyArray:
    """Return the labels of members whom a state knows, each of them once."""
    labels = read_labels(values, thing="State, labels", error=StateError).values
    twice = () if ascending(labels) else label_table(labels)[1]
    if len(twice):
        raise StateError(
            "State, labels", "name members a second time", rows=twice, hint="Keep one entry for each member"
        )
    return readonly(labels)  # type: ignore[no-any-return]  # readonly keeps the kind


def whole_numbers(values: Any, thing: str, low: int, high: int) -> MinorArray:
    """Return integers of a range as int64 [n], or raise where they are none."""
    try:
        column = np.asarray(values)
    except ValueError:  # rows of different lengths
        column = np.zeros((1, 1))
    if column.ndim != 1 or (column.size and column.dtype.kind not in "iu"):
        raise StateError(thing, "are not integers in one dimension", allowed=f"integers, {low} to {high}")
    if column.size and not low <= int(column.min()) <= int(column.max()) <= high:
        raise StateError(thing, "are out of range", allowed=f"{low} to {high}")
    return column.astype(MINOR)


def _values(values: Any) -> MinorArray:
    return readonly(whole_numbers(values, "State, recorded values", MINOR_MIN, MINOR_MAX))  # type: ignore[no-any-return]  # readonly keeps the kind


def same_array(value: AnyArray) -> tuple[Any, ...]:
    """Return what equal columns have in common, for comparing records by value."""
    return tuple(value.tolist())


@final
@attrs.frozen(kw_only=True)
class Record:
    """One measure of one period, for the members who had any of it.

    Parameters
    ----------
    measure : str
        The measure's plain data as JSON.
    period : str
        The period's key.
    labels : labels [n]
        Each member once.
    values : int64 [n]
        In the measure's smallest unit.
    decimals : int or None
        Of that unit; None for counts.

    Raises
    ------
    StateError
        Values that are no integers, or not one a label; a member twice.
    """

    measure: str = attrs.field(validator=_TEXT)
    period: str = attrs.field(validator=_TEXT)
    labels: AnyArray = attrs.field(converter=member_labels, eq=same_array)
    values: MinorArray = attrs.field(converter=_values, eq=same_array)
    decimals: int | None = attrs.field(
        default=None, validator=instance_of(int, optional=True, error=StateError)
    )

    def __attrs_post_init__(self) -> None:
        if len(self.labels) != len(self.values):
            raise StateError(
                "State, record",
                "has other values than labels",
                value=len(self.values),
                allowed=str(len(self.labels)),
            )

    def fingerprint(self) -> str:
        """Return a text that is the same for equal records, whatever the order of their members."""
        pairs = sorted(zip(map(repr, self.labels.tolist()), self.values.tolist(), strict=True))
        return repr((self.measure, self.period, self.decimals, pairs))


@final
@attrs.frozen
class History:
    """Records of earlier periods, to look up by measure and period."""

    records: tuple[Record, ...] = ()

    def earlier(
        self, measure: str, period: Period | None, periods: int, tree: ReferralTree, decimals: int | None
    ) -> list[MinorArray]:
        """Return a measure's values (int64 [members]) of the `periods - 1` periods before one.

        Parameters
        ----------
        decimals : of the measure in the period, None for counts

        Raises
        ------
        PlanError
            No period is settled, or one without calendar neighbours.
        StateError
            The records know members who are not in the tree, or were made with other decimals.
        """
        found: list[MinorArray] = []
        by_period = {record.period: record for record in self.records if record.measure == measure}
        for _ in range(periods - 1):
            period = _before(period)
            record = by_period.get(str(period))
            column = np.zeros(len(tree), dtype=MINOR)
            if record is not None:
                if record.decimals != decimals:
                    raise StateError(
                        f"State, record of {record.period}",
                        "has other decimals than the orders",
                        value=record.decimals,
                        allowed=str(decimals),
                        hint="Read the orders with the decimals of earlier periods",
                    )
                column[_indices(tree, record)] = record.values
            found.append(column)
        return found

    def followed_by(self, fresh: Iterable[Record]) -> tuple[Record, ...]:
        """Return the records of which the next period may need something: the newest of every measure."""
        records = (*self.records, *fresh)
        kept: list[Record] = []
        count: dict[str, int] = {}
        for record in reversed(records):
            count[record.measure] = count.get(record.measure, 0) + 1
            if count[record.measure] < WINDOW_MAX:
                kept.append(record)
        return tuple(reversed(kept))


def _before(period: Period | None) -> Period:
    if period is None:
        raise PlanError(
            "a window of periods",
            "needs to know which period is settled",
            hint="Pass settle(..., period=month(2026, 10))",
        )
    try:
        return period.previous()
    except TimeError as error:
        raise PlanError(
            "a window of periods",
            "needs calendar periods",
            value=str(period),
            allowed="day, week, month, year",
        ) from error


def _indices(tree: ReferralTree, record: Record) -> AnyArray:
    try:
        return tree.indices(record.labels)
    except UnknownMemberError as error:
        raise StateError(
            "State",
            "has a record of members who are not in the tree",
            hint="Keep members who leave in the tree, or settle with the tree that the state comes from",
            labels=error.labels,
        ) from None
