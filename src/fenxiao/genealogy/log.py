"""The log of a genealogy: entries as they were given, read into columns and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import FLAG, INDEX, INSTANT, ROW, FlagArray, IndexArray, InstantArray, RowArray, readonly
from fenxiao._columns import Categories, Flags, column_of
from fenxiao._labels import Labels, label_bytes, read_labels
from fenxiao._tables import columns_of_frame, columns_of_records, ranks
from fenxiao.errors import GenealogyError, OrdersError, is_listing
from fenxiao.periods import to_instants
from fenxiao.periods.instants import is_missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from fenxiao._arrays import AnyArray
    from fenxiao._columns import Input

WHAT: Final = "genealogy"
KINDS: Final = ("join", "transfer", "exit")
JOIN, TRANSFER, EXIT = range(len(KINDS))
"""At one instant joins come first, then transfers, then exits, and within each the labels ascend."""

_REQUIRED: Final = ("kind", "member", "at")
_OPTIONAL: Final = ("sponsor", "known_at", "leg")
_MEMBER, _SPONSOR, _KIND, _LEG = (f"{WHAT} column {name!r}" for name in ("member", "sponsor", "kind", "leg"))


@final
@attrs.frozen(eq=False, kw_only=True)
class Log:
    """Entries in the order in which they were given.

    Attributes
    ----------
    kind : int32 [n], a place in `KINDS`
    member : whom each is about
    sponsor : under whom he stands from then on; null for nobody, and in exits
    at, known_at : int64 [n], when each is in force, and when it was known
    leg : bool [n], whether his downline moves with him
    row : int64 [n], the caller's row of each
    """

    kind: IndexArray = attrs.field(converter=readonly)
    member: Labels
    sponsor: Labels
    at: InstantArray = attrs.field(converter=readonly)
    known_at: InstantArray = attrs.field(converter=readonly)
    leg: FlagArray = attrs.field(converter=readonly)
    row: RowArray = attrs.field(converter=readonly)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.kind)

    @property
    def has_sponsor(self) -> FlagArray:
        """Return which entries name a sponsor."""
        null = self.sponsor.null
        return np.ones(len(self), dtype=FLAG) if null is None else ~null

    def take(self, rows: AnyArray) -> Log:
        """Return some of the entries (row numbers or a mask)."""
        return Log(**{field.name: _picked(getattr(self, field.name), rows) for field in attrs.fields(Log)})

    def followed_by(self, other: Log) -> Log:
        """Return these entries and, after them, those of another log.

        Raises
        ------
        GenealogyError
            Labels of another kind, or an entry that was known before what stands here already.
        """
        early = np.flatnonzero(other.known_at < self.known_at.max()) if len(self) else ()
        if len(early):
            raise GenealogyError(
                f"{WHAT} column 'known_at'",
                "would change what was known in the past",
                allowed="no time before the last that the log knows",
                hint="Say in known_at when the entry became known; at may lie in the past",
                rows=early,
                labels=other.member.pick(np.asarray(early)),
            )
        try:
            labels: dict[str, Any] = {
                name: getattr(self, name).joined(getattr(other, name), thing=f"{WHAT} column {name!r}")
                for name in ("member", "sponsor")
            }
        except OrdersError as error:
            raise _own(error) from None
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("kind", "at", "known_at", "leg")
        }
        return Log(row=np.arange(len(self) + len(other), dtype=ROW), **labels, **columns)

    def content(self) -> bytes:
        """Return bytes that two logs share only if they hold the same entries, in whatever order."""
        order = np.lexsort((self.known_at, self.leg, self.kind, self.at, ranks(self.member)))
        numbers = (self.kind, self.leg, self.has_sponsor, self.at, self.known_at)
        columns = [column[order].astype(INSTANT) for column in numbers]
        names = [label_bytes(each.values[order], each.kind) for each in (self.member, self.sponsor)]
        return b"\n".join([self.member.kind.encode(), *(c.astype("<i8").tobytes() for c in columns), *names])


def _picked(column: Any, rows: AnyArray) -> Any:
    return column.take(rows) if isinstance(column, Labels) else column[rows]


def _own(error: OrdersError) -> GenealogyError:
    shown: dict[str, Any] = {} if error.value is None else {"value": error.value}
    return GenealogyError(
        error.thing, error.problem, allowed=error.allowed, hint=error.hint, rows=error.rows, **shown
    )


def log_of_records(records: Input, zone: str | None) -> Log:
    """Read a log from one mapping an entry; see `Genealogy.from_records`."""
    return _read(_table(columns_of_records, records) or {name: [] for name in _REQUIRED}, zone)


def log_of_columns(columns: Input, zone: str | None) -> Log:
    """Read a log from a mapping of columns or a data frame."""
    return _read(_table(columns_of_frame, columns), zone)


def _table(read: Callable[..., dict[str, Any]], source: Input) -> dict[str, Any]:
    try:
        return read(source, what=WHAT)
    except OrdersError as error:
        raise _own(error) from None


def _read(raw: dict[str, Any], zone: str | None) -> Log:
    allowed = (*_REQUIRED, *_OPTIONAL)
    lacking, strange = [n for n in _REQUIRED if n not in raw], [n for n in raw if n not in allowed]
    if lacking or strange:
        raise GenealogyError(
            WHAT,
            "lacks columns" if lacking else "has columns that it does not know",
            value=lacking or strange,
            allowed=", ".join(allowed),
            hint="Columns of members, such as a rank, are dated by DatedMembers",
        )
    n = len(raw["kind"])
    kind = _kinds(raw["kind"])
    at = to_instants(raw["at"], zone=zone, thing=f"{WHAT} column 'at'")
    log = Log(
        kind=kind,
        member=read_labels(raw["member"], thing=_MEMBER, error=GenealogyError),
        sponsor=read_labels(
            raw.get("sponsor", [None] * n), thing=_SPONSOR, error=GenealogyError, nullable=True
        ),
        at=at,
        known_at=known_times(raw, at, zone, WHAT),
        leg=_legs(raw.get("leg"), kind),
        row=np.arange(n, dtype=ROW),
    )
    return _checked(log)


def _checked(log: Log) -> Log:
    named = np.flatnonzero((log.kind == EXIT) & log.has_sponsor)
    if len(named):
        hint = "His recruits roll up to the sponsor he has then; leave the cell empty"
        raise GenealogyError(_SPONSOR, "is given for exits", allowed="None in exits", hint=hint, rows=named)
    member, sponsor = log.member, log.sponsor
    if sponsor.is_void:
        return attrs.evolve(log, sponsor=sponsor.refilled(member.kind))
    if sponsor.kind != member.kind:
        problem = f"are {sponsor.kind} labels while members are {member.kind}"
        raise GenealogyError(_SPONSOR, problem, hint="Convert one side to the other's kind")
    return log


def _kinds(values: Input) -> IndexArray:
    column = column_of("kind", values, category=True, thing=_KIND, error=GenealogyError)
    names = column.values if isinstance(column, Categories) else ()
    known = isinstance(column, Categories) and set(names) <= set(KINDS) and not (column.codes < 0).any()
    if not known:
        place = {code for code, name in enumerate(names) if name not in KINDS}
        codes = column.codes.tolist() if isinstance(column, Categories) else [-1] * len(column)
        rows = [row for row, code in enumerate(codes) if code < 0 or code in place]
        raise GenealogyError(_KIND, "is none that there is", allowed=", ".join(KINDS), rows=rows)
    table = np.array([KINDS.index(str(name)) for name in names], dtype=INDEX)
    return table[column.codes]  # type: ignore[union-attr]  # it is of categories, see above


def known_times(raw: dict[str, Any], at: InstantArray, zone: str | None, what: str) -> InstantArray:
    """Return when each row was known: as it says, or where it does not say from when on it is in force."""
    if "known_at" not in raw:
        return at
    given, thing = raw["known_at"], f"{what} column 'known_at'"
    if not is_listing(given) or hasattr(given, "dtype"):
        return to_instants(given, zone=zone, thing=thing)
    cells = list(given)
    said = np.array([not is_missing(cell) for cell in cells], dtype=FLAG)
    known = at.copy()
    known[said] = to_instants([cell for cell in cells if not is_missing(cell)], zone=zone, thing=thing)
    return known


def _legs(values: Input | None, kind: IndexArray) -> FlagArray:
    """Return whose downline moves along: everybody's, where a transfer does not say otherwise."""
    if values is None:
        return np.ones(len(kind), dtype=FLAG)
    filled = [True if is_missing(cell) else cell for cell in values]
    column = column_of("leg", filled, thing=_LEG, error=GenealogyError) if filled else Flags([])
    if not isinstance(column, Flags):
        raise GenealogyError(
            _LEG, "is not yes or no", value=type(column).__name__, allowed="True, False, None"
        )
    odd = np.flatnonzero(~column.values & (kind != TRANSFER))
    if len(odd):
        hint = "Whoever joins has no leg yet, and of whoever exits it always rolls up"
        raise GenealogyError(_LEG, "is False for what is no transfer", allowed="None", hint=hint, rows=odd)
    return column.values
