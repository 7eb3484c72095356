"""`State`: what outlives a run and is an argument of the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

import attrs

from fenxiao._arrays import MINOR_MAX
from fenxiao.errors import StateError, instance_of, what
from fenxiao.qualification import Standing
from fenxiao.taken import Taken
from fenxiao.volumes import Carry, Record

_TEXT: Final = instance_of(str, error=StateError)


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
    keys: tuple[tuple[str, Any], ...] = attrs.field(validator=instance_of(tuple, error=StateError))
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


def _taken(value: Any) -> Any:
    # Nothing taken is nothing to keep.
    return None if isinstance(value, Taken) and len(value) == 0 else value


@final
@attrs.frozen(kw_only=True)
class State:
    """What the next run needs of earlier ones: how far caps are used up, what they deferred, and history.

    Attributes
    ----------
    usage : mapping
        ``(cap, window) -> {group: minor units}``, where window is ``"lifetime"`` or a calendar year.
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
    taken : `fenxiao.taken.Taken` or None
        What earlier runs took from the margin of each order, as long as a run of another cadence may come for
        it. Only plans whose policies are due in several cadences keep it.

    Examples
    --------
    >>> State().deferred
    ()
    """

    usage: dict[tuple[str, str], dict[Any, int]] = attrs.field(factory=dict, converter=_usage)
    deferred: tuple[Deferred, ...] = attrs.field(default=(), converter=_deferred)
    settled: tuple[str, ...] = attrs.field(default=(), converter=_keys)
    records: tuple[Record, ...] = attrs.field(default=(), converter=_records)
    standings: tuple[Standing, ...] = attrs.field(default=(), converter=_standings)
    carries: tuple[Carry, ...] = attrs.field(default=(), converter=_carries)
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
