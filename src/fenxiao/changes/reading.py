"""How a table of changes is read: columns with gaps, and what each kind of change may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import attrs
import numpy as np

from fenxiao._arrays import (
    FLAG,
    INDEX,
    MINOR,
    ROW,
    FlagArray,
    IndexArray,
    InstantArray,
    MinorArray,
    RowArray,
    readonly,
)
from fenxiao._columns import Categories, Input, Numbers, column_of
from fenxiao._labels import LABEL, Labels, read_labels, unmasked
from fenxiao._tables import Layout, stem
from fenxiao.errors import ChangesError, MoneyError
from fenxiao.money import column_to_minor
from fenxiao.periods import to_instants
from fenxiao.periods.instants import is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

WHAT: Final = "changes"
KINDS: Final = ("refund", "cancellation", "chargeback", "adjustment", "reinstatement")
"""What can happen to an order; codes point into this."""
REFUND, ADJUSTMENT, REINSTATEMENT = map(KINDS.index, ("refund", "adjustment", "reinstatement"))
_REQUIRED: Final = ("kind", "order_id", "at")
_OWN: Final = frozenset({*_REQUIRED, "change_id", "line", "known_at", "quantity"})
_MAY_BE_NEGATIVE: Final = frozenset({"margin"})


@attrs.frozen(eq=False)
class Stated:
    """Integers that some rows state and others leave open.

    Attributes
    ----------
    values : int64 [n]
        0 where nothing is stated.
    given : bool [n]
    decimals : int or None
        Decimals of money and volumes, None of pieces.
    """

    values: MinorArray = attrs.field(converter=readonly)
    given: FlagArray = attrs.field(converter=readonly)
    decimals: int | None = None

    def take(self, rows: Any) -> Stated:
        """Return what the given rows state (row numbers, a mask or a slice)."""
        return Stated(self.values[rows], self.given[rows], self.decimals)

    def joined(self, other: Stated) -> Stated:
        """Return these rows followed by those of `other`."""
        values, given = (
            np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("values", "given")
        )
        return Stated(values, given, self.decimals)

    def begins_with(self, other: Stated) -> bool:
        """Return whether the first rows state the same as those of `other`."""
        length = len(other.values)
        same = np.array_equal(self.values[:length], other.values)
        return same and np.array_equal(self.given[:length], other.given)

    @classmethod
    def nothing(cls, length: int, decimals: int | None = None) -> Stated:
        """Return a column in which no row states anything."""
        return cls(np.zeros(length, dtype=MINOR), np.zeros(length, dtype=FLAG), decimals)


class Parts(TypedDict):
    """The fields of a table of changes, checked."""

    kind: IndexArray
    change_id: Labels
    order_id: Labels
    line: Stated
    at: InstantArray
    known_at: InstantArray
    quantity: Stated
    names: tuple[str, ...]
    amounts: tuple[Stated, ...]
    layout: Layout
    input_row: RowArray


def read(raw: Mapping[str, Any], layout: Layout) -> Parts:
    """Read raw columns; rows stay in the order in which they were given."""
    missing = [name for name in _REQUIRED if name not in raw]
    if missing:
        raise ChangesError(
            WHAT, "lack required columns", value=missing, allowed=", ".join(_REQUIRED), hint="Add the columns"
        )
    order_id = read_labels(raw["order_id"], thing=_thing("order_id"), error=ChangesError)
    n = len(order_id)
    at, known_at = _times(raw, layout)
    amounts = _amounts(raw, layout)
    parts = Parts(
        kind=_kinds(raw["kind"]),
        change_id=_ids(raw, n),
        order_id=order_id,
        line=_integers(raw, "line", n, least=None),
        at=at,
        known_at=known_at,
        quantity=_integers(raw, "quantity", n, least=0),
        names=tuple(amounts),
        amounts=tuple(amounts.values()),
        layout=layout,
        input_row=np.arange(n, dtype=ROW),
    )
    _check_kinds(parts)
    return parts


def empty(layout: Layout) -> Parts:
    """Return a table without rows: ``paid`` and every amount that the layout declares."""
    names = tuple(dict.fromkeys(["paid", *sorted({*layout.money, *layout.volumes})]))
    return Parts(
        kind=np.empty(0, dtype=INDEX),
        change_id=_ids({}, 0),
        order_id=read_labels([], thing=WHAT),
        line=Stated.nothing(0),
        at=to_instants([]),
        known_at=to_instants([]),
        quantity=Stated.nothing(0),
        names=names,
        amounts=tuple(Stated.nothing(0, layout.decimals_of(name)) for name in names),
        layout=layout,
        input_row=np.empty(0, dtype=ROW),
    )


def _thing(name: str) -> str:
    return f"{WHAT} column {name!r}"


def _ids(raw: Mapping[str, Any], length: int) -> Labels:
    """Return the caller's names of the changes, null where he gives none."""
    if "change_id" not in raw:
        return Labels(values=np.zeros(length, dtype=LABEL), null=np.ones(length, dtype=FLAG), kind="int")
    return read_labels(raw["change_id"], thing=_thing("change_id"), error=ChangesError, nullable=True)


def _kinds(values: Input) -> IndexArray:
    column = column_of("kind", values, category=True, thing=_thing("kind"), error=ChangesError)
    if not len(column):
        return np.empty(0, dtype=INDEX)
    names = column.values if isinstance(column, Categories) else ()
    # The null code -1 picks the last entry.
    table = np.array([KINDS.index(name) if name in KINDS else -1 for name in (*names, None)], dtype=INDEX)
    codes = table[column.codes] if isinstance(column, Categories) else np.full(len(column), -1, dtype=INDEX)
    strange = np.flatnonzero(codes < 0)
    if len(strange):
        raise ChangesError(
            _thing("kind"),
            "is of no kind",
            value=column.value(int(strange[0])),
            rows=strange,
            allowed=", ".join(KINDS),
            hint="Name what happened to the order",
        )
    return codes


def _times(raw: Mapping[str, Any], layout: Layout) -> tuple[InstantArray, InstantArray]:
    """Return when each change happened and when it was known: at the same time if that is not said."""
    at = to_instants(raw["at"], zone=layout.zone, thing=_thing("at"))
    if "known_at" not in raw:
        return at, at
    known, given = _filled(raw["known_at"], None)
    if not given.all():
        known = [one if said else other for one, said, other in zip(known, given, raw["at"], strict=True)]
    return at, to_instants(known, zone=layout.zone, thing=_thing("known_at"))


def _filled(values: Input, filler: object) -> tuple[Input, FlagArray]:
    """Return a column without gaps, `filler` standing in them, and where a value was given."""
    values = unmasked(values)
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        return values, np.ones(len(values), dtype=FLAG)
    listed = list(values)
    given = np.array([not is_missing(value) for value in listed], dtype=FLAG)
    return [value if said else filler for value, said in zip(listed, given, strict=True)], given


def _integers(raw: Mapping[str, Any], name: str, length: int, *, least: int | None) -> Stated:
    if name not in raw:
        return Stated.nothing(length)
    values, given = _filled(raw[name], 0)
    column = column_of(name, values, thing=_thing(name), error=ChangesError)
    if not len(column):
        return Stated.nothing(0)
    if not isinstance(column, Numbers):
        raise ChangesError(
            _thing(name), "does not hold integers", value=type(column).__name__, allowed="integers or nothing"
        )
    if least is not None:
        _check_least(column.values, name, ChangesError)
    return Stated(column.values, given)


def _check_least(values: MinorArray, name: str, error: type[ChangesError | MoneyError]) -> None:
    if len(values) and values.min() < 0:
        raise error(
            _thing(name),
            "is negative",
            rows=np.flatnonzero(values < 0),
            allowed="0 or more",
            hint="Write what was given back without a sign; more than before is an adjustment",
        )


def _amounts(raw: Mapping[str, Any], layout: Layout) -> dict[str, Stated]:
    """Read the columns of money and volumes, whose cells may be empty."""
    found: dict[str, Stated] = {}
    for given_name, values in raw.items():
        if given_name in _OWN:
            continue
        name = stem(given_name)
        if name in found or name in _OWN:
            raise ChangesError(
                f"{WHAT} columns",
                "name the same thing twice",
                value=given_name,
                allowed="either a column or its twin in minor units",
                hint=f"{name}_minor is read as {name}",
            )
        if given_name == name and layout.class_name(name) not in {"money", "volume"}:
            raise ChangesError(
                _thing(given_name),
                "is not known",
                allowed="kind, change_id, order_id, line, at, known_at, quantity, money and volumes",
                hint=f'Declare it, money=("{name}",) or volumes={{"{name}": 2}}, or leave it out',
            )
        minor = layout.minor or given_name != name
        cells, given = _filled(values, 0 if minor else "0")
        decimals = layout.decimals_of(name)
        column = column_to_minor(cells, decimals, thing=_thing(given_name), minor=minor)
        if name not in _MAY_BE_NEGATIVE:
            _check_least(column, given_name, MoneyError)
        found[name] = Stated(column, given, decimals)
    return found


def _check_kinds(parts: Parts) -> None:
    """Raise `ChangesError` where a change states what its kind does not, or lacks what it needs."""
    paid = parts["amounts"][parts["names"].index("paid")].given if "paid" in parts["names"] else False
    beside = np.zeros(len(parts["kind"]), dtype=FLAG)
    for name, column in zip(parts["names"], parts["amounts"], strict=True):
        if name != "paid":
            beside |= column.given
    anything = beside | parts["quantity"].given | paid
    kind = parts["kind"]
    refund, adjustment = kind == REFUND, kind == ADJUSTMENT
    for wrong, problem, allowed, hint in (
        (
            anything & ~refund & ~adjustment,
            "states amounts of a cancellation, chargeback or reinstatement, which are of all there is",
            "neither quantity nor amounts",
            "State a part that was given back as a refund",
        ),
        (
            adjustment & ~anything,
            "has adjustments that state nothing",
            "paid, quantity, margin or volumes",
            "",
        ),
        (
            refund & beside & ~np.asarray(paid),
            "has refunds that state a margin or a volume without the money",
            "paid beside margin and volumes",
            "State what was paid back too",
        ),
    ):
        if wrong.any():
            raise ChangesError(WHAT, problem, rows=np.flatnonzero(wrong), allowed=allowed, hint=hint)
