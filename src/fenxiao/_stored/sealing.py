"""The seal around stored data: what it is, its version, and a checksum that shows corruption."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from fenxiao._stored.codecs import mapped
from fenxiao.errors import StateError

_FORMAT: Final = "format"
_VERSION: Final = "version"
_DIGEST: Final = "sha256"


def seal(kind: str, version: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return plain data with the name of its kind, its version and its checksum.

    >>> sorted(seal("state", 1, {"settled": []}))
    ['format', 'settled', 'sha256', 'version']
    """
    data = {_FORMAT: _tag(kind), _VERSION: version, **body}
    return data | {_DIGEST: _digest(data)}


def unseal(data: object, kind: str, version: int) -> dict[str, Any]:
    """Return what `seal` was given; nothing is read before the checksum holds, and nothing is ever run.

    Raises
    ------
    StateError
        Another kind of data, another version, what JSON cannot hold, or another checksum.
    """
    mapping = mapped(data, kind, None)
    if mapping.get(_FORMAT) != _tag(kind):
        raise StateError(
            f"{kind}, key {_FORMAT!r}",
            "says that this is something else",
            allowed=_tag(kind),
            hint="Pass what to_dict returned",
        )
    found = mapping.get(_VERSION)
    if type(found) is not int or found != version:
        raise StateError(
            f"{kind}, key {_VERSION!r}",
            "is not one that this release reads",
            value=found if type(found) is int else type(found),
            allowed=str(version),
            hint="Read it with the release that wrote it",
        )
    body = {key: value for key, value in mapping.items() if key != _DIGEST}
    try:
        digest = _digest(body)
    except (TypeError, ValueError, RecursionError):
        raise StateError(
            kind,
            "holds what is no plain data, or is nested too deep",
            allowed="dicts with texts as keys, lists, texts, integers, booleans and None",
            hint="Pass what json.loads returns for the text that was stored",
        ) from None
    if mapping.get(_DIGEST) != digest:
        raise StateError(
            f"{kind}, key {_DIGEST!r}",
            "is not the checksum of the data: it was changed after it was written",
            hint="Read it again from where it is stored, or from a backup",
        )
    return {key: value for key, value in body.items() if key not in (_FORMAT, _VERSION)}


def _tag(kind: str) -> str:
    return f"fenxiao.{kind}"


def _digest(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
