"""The genealogy says at every moment what a replay of its entries says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fenxiao._kernels.genealogy import last_up_to
from fenxiao.errors import GenealogyError
from fenxiao.genealogy import Genealogy, Spells
from fenxiao.tree import ReferralTree
from tests.oracles.genealogies import is_in, possible, replay, tree_at, upline_at
from tests.strategies.genealogies import any_entries, entry, logs, moment, records_of


def times_of(entries):
    """Return every instant at which something changes, and those right before and after."""
    return sorted({each["at"] + step for each in entries for step in (-1, 0, 1)} | {0})


def check(entries):
    """Compare trees, uplines and who has left with the replay, at every moment."""
    genealogy = Genealogy.from_records(records_of(entries))
    names = sorted({each["member"] for each in entries})
    pairs = [(name, time) for time in times_of(entries) for name in names]
    for time in times_of(entries):
        tree = genealogy.as_of(moment(time))
        wanted = tree_at(entries, time)
        assert {label: tree.parent_of(label) for label in tree.ids.tolist()} == wanted
        assert set(genealogy.exited(moment(time)).tolist()) == replay(entries, time)[1]
    levels = genealogy.uplines([name for name, _ in pairs], [moment(time) for _, time in pairs], 4)
    for place, (name, time) in enumerate(pairs):
        wanted = upline_at(entries, name, time)[:4]
        assert [level[place] for level in levels] == wanted + [None] * (4 - len(wanted))
    check_dated(genealogy, entries, names)


def check_dated(genealogy, entries, names):
    """Compare the pointers of the tree of the last moment with the replay, from every earlier moment on."""
    tree = genealogy.as_of(moment(times_of(entries)[-1]))
    for since in times_of(entries)[::3]:
        dated = genealogy.dated_sponsors(tree, since)
        assert dated.absent is None
        later = [time for time in times_of(entries) if time >= since]
        who = np.array([tree.index(name) for name in names for _ in later] + [len(names)], dtype=np.int32)
        when = np.array([time for _ in names for time in later] + [later[0]])
        above, inside = dated.above(who, when), dated.present(who, when) != len(names)
        assert (above[-1], inside[-1]) == (len(names), False)
        for place, (name, time) in enumerate(itertools.product(names, later)):
            upline = upline_at(entries, name, time)
            assert tree.labels([above[place] if upline else -1]).tolist() == [upline[0] if upline else None]
            assert (above[place] == len(names)) == (not upline)
            assert inside[place] == is_in(entries, name, time)
        check_spells(dated, who, when)
        for time in later:
            assert (
                dated.at(time)[:-1]
                == dated.above(np.arange(len(tree), dtype=np.int32), np.full(len(tree), time))
            ).all()


def check_spells(dated, who, when):
    """Compare some levels above each member at each time with those at the start of his spell."""
    for levels in (1, 3, 6):
        spells = Spells.of(dated, levels, 1000)
        several = spells.who
        assert len(set(several.tolist())) == len(several) == len(spells.change)
        assert spells.start[: len(several)].tolist() == [dated.since] * len(several)
        count = np.bincount(spells.member, minlength=len(dated.up))[several]
        assert (np.diff(count > 2) >= 0).all()
        assert count.min(initial=2) >= 2
        which = np.full(len(dated.up), -1)
        which[several] = np.arange(len(several))
        start = np.full(len(who), dated.since)
        rows = np.flatnonzero(which[who] >= 0)
        found = spells.find(which[who[rows]], when[rows])
        start[rows] = spells.start[found]
        assert (spells.member[found] == who[rows]).all()
        assert (start <= when).all()
        here = there = who
        for _ in range(levels):
            here, there = dated.above(here, when), dated.above(there, start)
            assert (here == there).all()
        if len(several):
            assert Spells.of(dated, levels, len(spells) - 1) is None
            assert len(Spells.of(dated, levels, len(spells))) == len(spells)


# A transfer under somebody who joined later, whose sponsor then leaves.
RISING = [
    entry("join", 1, None, 0),
    entry("join", 2, 1, 0),
    entry("join", 3, None, 1),
    entry("transfer", 2, 3, 2),
    entry("exit", 3, at=3),
]
# A leader who moves alone under his own recruit, and comes to be passed over twice.
ALONE = [
    entry("join", 1, None, 0),
    entry("join", 2, 1, 0),
    entry("join", 3, 2, 0),
    entry("transfer", 2, 3, 1, leg=False),
    entry("exit", 1, at=2),
    entry("join", 1, 2, 3),
]


@given(logs())
@example(RISING)
@example(ALONE)
def test_every_moment_is_like_a_replay(entries):
    """Trees, uplines, exits and dated pointers say what replaying the entries up to that moment says."""
    check(entries)


@given(st.lists(st.lists(st.integers(0, 9), max_size=9).map(sorted), max_size=5), st.data())
def test_the_last_key_up_to_a_limit(ranges, data):
    """The last of some ascending keys up to a limit is the one that counting those up to it gives."""
    keys = np.array([key for each in ranges for key in each], dtype=np.int64)
    ends = np.cumsum([0, *map(len, ranges)])
    asked = (
        data.draw(st.lists(st.tuples(st.integers(0, len(ranges) - 1), st.integers(-1, 10)))) if ranges else []
    )
    place = np.array([each for each, _ in asked], dtype=np.int64)
    limit = np.array([each for _, each in asked], dtype=np.int64)
    found = last_up_to(keys, ends[place], ends[place + 1], limit)
    wanted = [ends[each] + sum(key <= most for key in ranges[each]) - 1 for each, most in asked]
    assert found.tolist() == wanted


@given(any_entries())
@example([entry("join", 0, 1, 0), entry("join", 1, 0, 0)])
@example([entry("join", 0, None, 0), entry("join", 1, 0, 0), entry("transfer", 0, 1, 1)])
def test_what_a_replay_refuses_is_refused(entries):
    """A log is taken exactly if its entries can be replayed."""
    if possible(entries):
        check(entries)
    else:
        with pytest.raises(GenealogyError):
            Genealogy.from_records(records_of(entries))


def steps(members, at):
    """Yield everything that can be written down of some members at a time."""
    for member in members:
        yield entry("exit", member, at=at)
        yield entry("join", member, None, at)
        for sponsor in (None, *members):
            for leg in (True, False):
                yield entry("transfer", member, sponsor, at, leg)


SHAPES = ({0: None, 1: 0, 2: 1}, {2: None, 0: 2, 1: 2}, {1: None, 2: 1, 0: None})


@pytest.mark.parametrize("shape", SHAPES, ids=["line", "star", "forest"])
@pytest.mark.parametrize("gap", [0, 1])
def test_every_pair_of_steps_in_small_worlds(shape, gap):
    """All pairs of transfers, exits and joins among three members, at one instant or one after the other."""
    joins = [entry("join", member, sponsor, 0) for member, sponsor in shape.items()]
    taken = 0
    for first in steps(shape, 1):
        for second in steps(shape, 1 + gap):
            entries = [second, first, *joins]
            if possible(entries):
                taken += 1
                sponsors = tree_at(entries, 9)
                tree = Genealogy.from_records(records_of(entries)).as_of(moment(9))
                assert {label: tree.parent_of(label) for label in tree.ids.tolist()} == sponsors, entries
            else:
                with pytest.raises(GenealogyError):
                    Genealogy.from_records(records_of(entries))
    assert taken > 100


@given(logs(), st.integers(-1, 12), st.integers(-1, 12))
def test_what_was_known_is_the_log_cut_short(entries, known, time):
    """`known` keeps the entries known by then, and then says what a log of these alone says."""
    kept = [each for each in entries if each["known_at"] <= known]
    genealogy = Genealogy.from_records(records_of(entries))
    if not possible(kept):
        with pytest.raises(GenealogyError):
            genealogy.known(moment(known))
        return
    then = genealogy.known(moment(known))
    short = Genealogy.from_records(records_of(kept))
    assert then.fingerprint() == short.fingerprint()
    assert then.as_of(moment(time)).fingerprint() == short.as_of(moment(time)).fingerprint()


@given(logs(), st.integers(0, 18))
def test_a_log_grows_without_changing_the_past(entries, cut):
    """Entries that became known later, added to the log, leave every earlier view of it as it was."""
    entries = sorted(entries, key=lambda each: each["known_at"])
    before, after = entries[:cut], entries[cut:]
    if not possible(before):
        return
    old = Genealogy.from_records(records_of(before))
    new = old.extended(records_of(after))
    assert new.fingerprint() == Genealogy.from_records(records_of(entries)).fingerprint()
    if after and before and after[0]["known_at"] > before[-1]["known_at"]:
        assert new.known(moment(before[-1]["known_at"])).fingerprint() == old.fingerprint()


@given(logs(), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(entries, random):
    """A shuffled log gives the same tree, siblings in the same order, and the same fingerprint."""
    mixed = list(entries)
    random.shuffle(mixed)
    one, two = (Genealogy.from_records(records_of(each)) for each in (entries, mixed))
    assert one.fingerprint() == two.fingerprint()
    assert one.as_of(moment(9)).ids.tolist() == two.as_of(moment(9)).ids.tolist()


def test_a_genealogy_of_a_tree_is_that_tree():
    """Everybody joined at one time, below whom he stands in the tree; before that there is nobody."""
    tree = ReferralTree.from_mapping({"ann": None, "bo": "ann", "cai": "bo", "dan": None})
    genealogy = Genealogy.of(tree, moment(5))
    assert genealogy.as_of(moment(5)).fingerprint() == tree.fingerprint()
    assert len(genealogy.as_of(moment(4))) == 0
    assert Genealogy.of(genealogy.as_of(moment(4)), moment(5)).as_of(moment(5)).ids.tolist() == []
    numbers = ReferralTree.from_parents([2, 0, -1])
    assert Genealogy.of(numbers, moment(5)).as_of(moment(5)).fingerprint() == numbers.fingerprint()


def test_minus_one_may_be_a_label():
    """The label -1 names a member and no root."""
    genealogy = Genealogy.from_records(records_of([entry("join", -1, None, 0), entry("join", 7, -1, 0)]))
    assert genealogy.as_of(moment(0)).parent_of(7) == -1


@pytest.mark.parametrize("deep", [True, False])
def test_a_long_line_and_many_exits(deep):
    """A line of many thousands, everybody's exit included, is an ordinary genealogy."""
    n = 20_000
    rows = np.arange(n)
    up = np.where(rows, rows - 1, -1) if deep else np.where(rows, 0, -1)
    genealogy = Genealogy.of(ReferralTree.from_parents(up), moment(0))
    out = genealogy.extended([entry("exit", int(row), at=moment(1)) | {"leg": None} for row in rows[1:-1]])
    tree = out.as_of(moment(1))
    assert tree.parent_of(n - 1) == 0
    assert len(tree.roots) == n - 1
    assert genealogy.as_of(moment(0)).deepest == (n - 1 if deep else 1)
