"""The slow twin of the genealogy: entries replayed one by one in a dict, and climbs from member to member.

An entry is a dict of ``kind``, ``member``, ``sponsor``, ``at`` and ``leg``; times are plain integers.
"""

from __future__ import annotations

from itertools import groupby

KINDS = ("join", "transfer", "exit")


class Contradiction(Exception):
    """The entries cannot all be true."""


def current(entries):
    """Return the entries that count: of those of one member for one instant, the one that was known last."""
    found = {}
    for entry in sorted(entries, key=lambda entry: entry.get("known_at", entry["at"])):
        before = found.get((entry["member"], entry["at"]))
        if before and before.get("known_at", before["at"]) == entry.get("known_at", entry["at"]):
            raise Contradiction("two of one member at one instant")
        found[entry["member"], entry["at"]] = entry
    return found.values()


def in_turn(entries):
    """Return the entries in the order in which they happen: time, kind, label."""
    return sorted(entries, key=lambda entry: (entry["at"], KINDS.index(entry["kind"]), entry["member"]))


def replay(entries, until=None):
    """Return sponsor by member of those who are in, and who has left, after the entries up to a time."""
    sponsors, out = {}, set()
    entries = [entry for entry in in_turn(current(entries)) if until is None or entry["at"] <= until]
    for _, instant in groupby(entries, key=lambda entry: entry["at"]):
        instant = list(instant)
        _join(sponsors, out, [entry for entry in instant if entry["kind"] == "join"])
        for entry in instant:
            if entry["kind"] == "transfer":
                _transfer(sponsors, entry)
            if entry["kind"] == "exit":
                _exit(sponsors, out, entry["member"])
    return sponsors, out


def _join(sponsors, out, joins):
    for entry in joins:
        if entry["member"] in sponsors:
            raise Contradiction("joins who is in")
        sponsors[entry["member"]] = entry["sponsor"]
        out.discard(entry["member"])
    if any(entry["sponsor"] is not None and entry["sponsor"] not in sponsors for entry in joins):
        raise Contradiction("sponsor is not in")
    for entry in joins:
        climb(sponsors, entry["member"])


def _transfer(sponsors, entry):
    member, sponsor = entry["member"], entry["sponsor"]
    if member not in sponsors or (sponsor is not None and sponsor not in sponsors):
        raise Contradiction("is not in")
    if sponsor == member:
        raise Contradiction("own sponsor")
    if not entry["leg"]:
        _roll_up(sponsors, member)
    sponsors[member] = sponsor
    climb(sponsors, member)


def _exit(sponsors, out, member):
    if member not in sponsors:
        raise Contradiction("is not in")
    _roll_up(sponsors, member)
    del sponsors[member]
    out.add(member)


def _roll_up(sponsors, member):
    for recruit, above in sponsors.items():
        if above == member:
            sponsors[recruit] = sponsors[member]


def climb(sponsors, member):
    """Return the upline of a member, nearest first; nothing for whoever is not in."""
    found = []
    member = sponsors.get(member)
    while member is not None:
        if member in found:
            raise Contradiction("a cycle")
        found.append(member)
        member = sponsors[member]
    return found


def tree_at(entries, time):
    """Return the mapping of a tree at a time: whoever has left is a root."""
    sponsors, out = replay(entries, time)
    return sponsors | dict.fromkeys(out)


def upline_at(entries, member, time):
    """Return who stood above a member at a time, from a replay for this very moment."""
    return climb(replay(entries, time)[0], member)


def is_in(entries, member, time):
    """Return whether a member is in at a time."""
    return member in replay(entries, time)[0]


def possible(entries):
    """Return whether the entries can all be true."""
    try:
        replay(entries)
    except Contradiction:
        return False
    return True
