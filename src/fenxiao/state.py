"""`State`: what outlives a run and is an argument of the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR_MAX
from fenxiao._stored import (
    FLAGS,
    GROUPS,
    LABEL,
    LABELS,
    TEXT,
    TEXTS,
    Codec,
    each,
    fields_of,
    listed,
    mapped,
    optional,
    refused,
    seal,
    table_of,
    unseal,
    whole,
    wholes,
)
from fenxiao.errors import StateError, instance_of, what
from fenxiao.qualification import Standing
from fenxiao.taken import Taken
from fenxiao.volumes import Carry, Record

VERSION: Final = 1
"""Version of the plain data that states are written as."""

_TEXT: Final = instance_of(str, error=StateError)


def _pairs(_: object, attribute: Any, value: object) -> None:
    pairs = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
        thing = f"Deferred, {attribute.name}"
        raise StateError(thing, "are no pairs of a name and a label", allowed='(("level", 1),)')


@final
@attrs.frozen
class Deferred:
    """Pay that a cap with ``cut="defer"`` put off: backed by its own earning period's kept margin.

    Parameters
    ----------
    cap, policy : str
    payee : label
    keys : tuple of (name, label)
        What else the cell was told apart by, where the plan's caps need it: product, region, source, level.
    earning_period : str
        Where it was earned; empty if no period was settled.
    amount : int
        Minor units, above 0.
    """

    cap: str = attrs.field(validator=_TEXT)
    policy: str = attrs.field(validator=_TEXT)
    payee: Any
    keys: tuple[tuple[str, Any], ...] = attrs.field(validator=_pairs)
    earning_period: str = attrs.field(validator=_TEXT)
    amount: int

    def __attrs_post_init__(self) -> None:
        _minor(self.amount, "State, deferred amount", least=1)
        if self.amount > MINOR_MAX:
            problem = "does not fit into 64-bit minor units"
            raise StateError(
                "State, deferred amount", problem, value=self.amount, allowed=f"1 to {MINOR_MAX}"
            )


def _minor(value: object, thing: str, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise StateError(thing, "is not minor units", value=value, allowed=f"an int, {least} or more")


def _usage(usage: object) -> dict[tuple[str, str], dict[Any, int]]:
    thing, allowed = "State, usage", '{("cap", "lifetime"): {group: minor units}}'
    if not isinstance(usage, Mapping):
        raise StateError(thing, what(usage), allowed=allowed)
    for key, groups in usage.items():
        named = isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, str) for part in key)
        if not named or not isinstance(groups, Mapping):
            raise StateError(thing, "has an entry that cannot be read", allowed=allowed)
        for used in groups.values():
            _minor(used, thing, least=0)
    return {key: dict(groups) for key, groups in usage.items()}


def _listed(values: object, kind: type[Any], thing: str) -> tuple[Any, ...]:
    if not isinstance(values, list | tuple):
        raise StateError(thing, what(values), allowed=f"a list of {kind.__name__}")
    for value in values:
        if not isinstance(value, kind):
            raise StateError(f"an entry of {thing}", what(value), allowed=kind.__name__)
    return tuple(values)


def _deferred(entries: object) -> tuple[Deferred, ...]:
    return _listed(entries, Deferred, "State, deferred")


def _records(entries: object) -> tuple[Record, ...]:
    records = _listed(entries, Record, "State, records")
    _once([(each.measure, each.period) for each in records], "State, records", "one measure of one period")
    return records


def _standings(entries: object) -> tuple[Standing, ...]:
    standings = _listed(entries, Standing, "State, standings")
    _once([each.ladder for each in standings], "State, standings", "one ladder")
    return standings


def _carries(entries: object) -> tuple[Carry, ...]:
    carries = _listed(entries, Carry, "State, carries")
    _once([each.policy for each in carries], "State, carries", "one policy")
    return carries


def _once(keys: list[Any], thing: str, of_what: str) -> None:
    if len(set(keys)) < len(keys):
        raise StateError(thing, f"hold two entries of {of_what}", hint="Keep the one that is right")


def _keys(keys: object) -> tuple[str, ...]:
    return _listed(keys, str, "State, settled")


def _pots(pots: object) -> dict[str, int]:
    thing, allowed = "State, pots", '{"pool": minor units}'
    if not isinstance(pots, Mapping):
        raise StateError(thing, what(pots), allowed=allowed)
    for name, minor in pots.items():
        if not isinstance(name, str):
            raise StateError(thing, "has an entry that cannot be read", allowed=allowed)
        _minor(minor, thing, least=0)
        if minor > MINOR_MAX:
            problem = "does not fit into 64-bit minor units"
            raise StateError(thing, problem, value=minor, allowed=f"0 to {MINOR_MAX}")
    return {name: minor for name, minor in pots.items() if minor}


def _taken(value: Any) -> Any:
    # Nothing taken is nothing to keep.
    return None if isinstance(value, Taken) and len(value) == 0 else value


@final
@attrs.frozen(kw_only=True)
class State:
    """What the next run needs of earlier ones: how far limits are used up, what caps deferred, and history.

    Attributes
    ----------
    usage : mapping
        ``(cap or source limit, window) -> {group: minor units}``; the window is ``"lifetime"``, a calendar
        year as in ``"2026"``, or ``"anniversary 3"``: the year from the third anniversary of joining on.
    deferred : tuple of `Deferred`
        Oldest first.
    settled : tuple of str
        Keys of the periods that led here, so that none is settled twice.
    records : tuple of `fenxiao.volumes.Record`
        What earlier periods measured, as far as the plan's windows look back; oldest first.
    standings : tuple of `fenxiao.qualification.Standing`
        Titles and paid-as ranks after the period before, one a ladder.
    carries : tuple of `fenxiao.volumes.Carry`
        Volumes that pairings left on the legs, one a policy.
    pots : mapping
        ``policy -> minor units`` of pools that nobody held a share of and that carry over.
    taken : `fenxiao.taken.Taken` or None
        What earlier runs took from the margin of each order, as long as a run of another cadence may come for
        it. Only plans whose policies are due in several cadences keep it.

    Examples
    --------
    >>> State().deferred
    ()
    >>> State.from_dict(State(settled=["2026-10"]).to_dict()).settled
    ('2026-10',)
    """

    usage: dict[tuple[str, str], dict[Any, int]] = attrs.field(factory=dict, converter=_usage)
    deferred: tuple[Deferred, ...] = attrs.field(default=(), converter=_deferred)
    settled: tuple[str, ...] = attrs.field(default=(), converter=_keys)
    records: tuple[Record, ...] = attrs.field(default=(), converter=_records)
    standings: tuple[Standing, ...] = attrs.field(default=(), converter=_standings)
    carries: tuple[Carry, ...] = attrs.field(default=(), converter=_carries)
    pots: dict[str, int] = attrs.field(factory=dict, converter=_pots)
    taken: Taken | None = attrs.field(
        default=None, converter=_taken, validator=instance_of(Taken, optional=True, error=StateError)
    )

    def used(self, cap: str, window: str) -> dict[Any, int]:
        """Return what a cap has used up by group."""
        return self.usage.get((cap, window), {})

    def standing(self, ladder: str) -> Standing | None:
        """Return where members stood on a ladder after the period before, None where none was settled."""
        return next((each for each in self.standings if each.ladder == ladder), None)

    def carry(self, policy: str) -> Carry | None:
        """Return what a policy carries from the period before, None where there was none."""
        return next((each for each in self.carries if each.policy == policy), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-safe plain data with its version and a checksum.

        Labels keep their kind, columns are lists, integers are exact: store the text that `json.dumps` makes
        of it, and let nothing that turns integers into floats rewrite it.

        Raises
        ------
        StateError
            A group of a cap or a key of deferred pay is no label, or groups of one cap mix kinds.
        """
        body: dict[str, Any] = _STORED.write(self)
        return seal("state", VERSION, body)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> State:
        """Read what `to_dict` wrote. Nothing in the data is ever run.

        Raises
        ------
        StateError
            Another version, another checksum, a missing or unknown key, a value of the wrong kind; the
            message names the path. Member labels are not in it.
        """
        state: State = _STORED.read(unseal(data, "state", VERSION), "state")
        return state


def _write_usage(usage: dict[tuple[str, str], dict[Any, int]]) -> list[dict[str, Any]]:
    return [
        {"cap": cap, "window": window, "groups": GROUPS.write(list(groups)), "used": list(groups.values())}
        for (cap, window), groups in usage.items()
    ]


def _read_usage(data: Any, path: str) -> dict[tuple[str, str], dict[Any, int]]:
    usage: dict[tuple[str, str], dict[Any, int]] = {}
    for place, entry in enumerate(listed(data, path)):
        at = f"{path}[{place}]"
        fields = mapped(entry, at, ("cap", "window", "groups", "used"))
        key = TEXT.read(fields["cap"], f"{at}.cap"), TEXT.read(fields["window"], f"{at}.window")
        groups = GROUPS.read(fields["groups"], f"{at}.groups")
        used = wholes(0, None).read(fields["used"], f"{at}.used")
        if key in usage or len(set(groups)) < len(groups) or len(groups) != len(used):
            raise refused(
                at, "does not give each group of a cap one number", "every cap, window and group once"
            )
        usage[key] = dict(zip(groups, used, strict=True))
    return usage


def _write_pots(pots: dict[str, int]) -> list[dict[str, Any]]:
    return [{"policy": name, "minor": minor} for name, minor in pots.items()]


def _read_pots(data: Any, path: str) -> dict[str, int]:
    pots: dict[str, int] = {}
    for place, entry in enumerate(listed(data, path)):
        at = f"{path}[{place}]"
        fields = mapped(entry, at, ("policy", "minor"))
        name = TEXT.read(fields["policy"], f"{at}.policy")
        if name in pots:
            raise refused(at, "names a policy a second time", "each policy once")
        pots[name] = _POT.read(fields["minor"], f"{at}.minor")
    return pots


def _read_key(data: Any, path: str) -> tuple[str, Any]:
    pair = listed(data, path)
    if len(pair) != 2:
        raise refused(path, "is no pair", "a name and a label")
    return TEXT.read(pair[0], f"{path}[0]"), LABEL.read(pair[1], f"{path}[1]")


_KEY: Final = Codec(lambda pair: [pair[0], LABEL.write(pair[1])], _read_key)
_KEYS: Final = each(_KEY)
_POT: Final = whole(1, MINOR_MAX)
_DECIMALS: Final = optional(whole(0))
_CODES: Final = wholes(0, int(np.iinfo(INDEX).max) - 1)
_STORED: Final = fields_of(
    State,
    usage=Codec(_write_usage, _read_usage),
    deferred=table_of(
        Deferred,
        cap=TEXTS,
        policy=TEXTS,
        payee=LABELS,
        keys=each(Codec(_KEYS.write, lambda data, path: tuple(_KEYS.read(data, path)))),
        earning_period=TEXTS,
        amount=wholes(1, None),
    ),
    settled=TEXTS,
    records=each(
        fields_of(Record, measure=TEXT, period=TEXT, labels=LABELS, values=wholes(), decimals=_DECIMALS)
    ),
    standings=each(
        fields_of(Standing, ladder=TEXT, names=TEXTS, labels=LABELS, title=_CODES, paid=_CODES, missed=_CODES)
    ),
    carries=each(
        fields_of(
            Carry,
            policy=TEXT,
            labels=LABELS,
            left=wholes(0),
            right=wholes(0),
            paired=FLAGS,
            decimals=_DECIMALS,
        )
    ),
    pots=Codec(_write_pots, _read_pots),
    taken=optional(fields_of(Taken, order_ids=LABELS, minor=wholes(1))),
)
"""How each field of a state is stored; a field that is not here fails a test."""
