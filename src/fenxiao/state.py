"""`State`: what outlives a run and is an argument of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs

from fenxiao.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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

    cap: str
    policy: str
    payee: Any
    keys: tuple[tuple[str, Any], ...]
    earning_period: str
    amount: int

    def __attrs_post_init__(self) -> None:
        if isinstance(self.amount, bool) or not isinstance(self.amount, int) or self.amount <= 0:
            raise StateError("State, deferred amount", "is not positive minor units", value=self.amount)


def _usage(usage: Mapping[tuple[str, str], Mapping[Any, int]]) -> dict[tuple[str, str], dict[Any, int]]:
    return {key: dict(groups) for key, groups in usage.items()}


def _deferred(entries: Iterable[Deferred]) -> tuple[Deferred, ...]:
    return tuple(entries)


def _keys(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(keys)


@final
@attrs.frozen(kw_only=True)
class State:
    """What the next run needs of earlier ones: how far caps are used up, and what they deferred.

    Attributes
    ----------
    usage : mapping
        ``(cap, window) -> {group: minor units}``, where window is ``"lifetime"`` or a calendar year.
    deferred : tuple of `Deferred`
        Oldest first.
    settled : tuple of str
        Keys of the periods that led here, so that none is settled twice.

    Examples
    --------
    >>> State().deferred
    ()
    """

    usage: dict[tuple[str, str], dict[Any, int]] = attrs.field(factory=dict, converter=_usage)
    deferred: tuple[Deferred, ...] = attrs.field(default=(), converter=_deferred)
    settled: tuple[str, ...] = attrs.field(default=(), converter=_keys)

    def used(self, cap: str, window: str) -> dict[Any, int]:
        """Return what a cap has used up by group."""
        return self.usage.get((cap, window), {})
