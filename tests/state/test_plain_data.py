"""States as plain data: there and back through JSON, in the middle of a history, and strict about damage."""

from __future__ import annotations

import json
from uuid import UUID

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fenxiao as fx
from fenxiao.errors import StateError
from fenxiao.policies import QualifiedBonus
from fenxiao.qualification import Ladder, Standing
from fenxiao.state import Deferred
from fenxiao.volumes import Carry, Record, own
from tests.expressions.refusals import refused
from tests.policies.test_catalogue_guard import EVERYTHING, chosen
from tests.state.damage import DROP, STRANGE, changed, damaged, deep, places, sealed_again
from tests.strategies.networks import ORDER, facts_of, worlds
from tests.strategies.states import states

UNKNOWN = UUID("12345678-1234-5678-1234-567812345678")
STATE = fx.State(
    usage={
        ("c", "lifetime"): {"zoe": 40, None: 0},
        ("d", "2026"): {2**60: 2**70},
        ("e", "2026"): {b"\x00a": 1},
    },
    deferred=[
        Deferred("c", "p", UNKNOWN, (("level", 1), ("source", UNKNOWN), ("product", None)), "2026-09", 7),
        Deferred("d", "q", UUID(int=1), (("region", b"s"), ("product", "tea")), "", 2**63 - 1),
    ],
    settled=["2026-08", "2026-09"],
    records=[
        Record(
            measure="pv", period="2026-09", labels=["zoe", "al"], values=[-(2**63), 2**63 - 1], decimals=2
        ),
        Record(measure="n", period="2026-09", labels=[], values=[]),
    ],
    standings=[
        Standing(ladder="rank", names=("none", "gold"), labels=["zoe"], title=[1], paid=[0], missed=[3])
    ],
    carries=[Carry(policy="team", labels=["zoe"], left=[5], right=[0], paired=[True], decimals=0)],
    pots={"stars": 2**63 - 1},
)
DATA = STATE.to_dict()
SECRETS = ("zoe", str(UNKNOWN), str(2**60))


def again(state):
    """Return a state after a stay as text."""
    return fx.State.from_dict(json.loads(json.dumps(state.to_dict(), allow_nan=False)))


def exact(state):
    """Return everything in a state with the class of every value, which == alone does not tell apart."""
    return repr(attrs.asdict(state, value_serializer=lambda _, __, value: _shown(value)))


def _shown(value):
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.tolist())
    return list(value.items()) if isinstance(value, dict) else value


@settings(max_examples=200, deadline=None)
@given(states())
def test_every_state_survives_json(state):
    """What is read back is equal, its labels and numbers of the same classes, and its data the same again."""
    back = again(state)
    assert back == state
    assert exact(back) == exact(state)
    assert back.to_dict() == state.to_dict()


def test_labels_of_every_kind_come_back():
    """Integers beyond what a float holds, texts, bytes, UUIDs and None keep their kind."""
    back = again(STATE)
    assert back == STATE
    assert exact(back) == exact(STATE)
    assert [type(entry.payee) for entry in back.deferred] == [UUID, UUID]
    assert list(back.usage[("d", "2026")]) == [2**60]


def test_the_data_names_every_field():
    """A field that is new to a state, or to a part of it, is stored as well; nothing else is."""
    seal = {"format", "version", "sha256"}
    assert set(DATA) == {field.name for field in attrs.fields(fx.State)} | seal
    assert set(DATA["deferred"]) == {field.name for field in attrs.fields(Deferred)}
    for name, kind in (("records", Record), ("standings", Standing), ("carries", Carry)):
        assert set(DATA[name][0]) == {field.name for field in attrs.fields(kind)}


def test_the_data_is_pinned():
    """What one release writes the next one reads: the text of a state does not change within a version."""
    state = fx.State(
        usage={("c", "2026"): {None: 1, "bo": 2}},
        deferred=[Deferred("c", "p", "bo", (("level", 1),), "2026-09", 7)],
        settled=["2026-09"],
    )
    assert json.dumps(state.to_dict()) == (
        '{"format": "fenxiao.state", "version": 1, "usage": [{"cap": "c", "window": "2026", '
        '"groups": {"kind": "str", "values": [null, "bo"]}, "used": [1, 2]}], "deferred": {"cap": ["c"], '
        '"policy": ["p"], "payee": {"kind": "str", "values": ["bo"]}, "keys": [[["level", 1]]], '
        '"earning_period": ["2026-09"], "amount": [7]}, "settled": ["2026-09"], "records": [], '
        '"standings": [], "carries": [], "pots": [], "taken": null, '
        '"sha256": "ef145bfd81947533ce1bddec5712d45f806d2a5846586b0d3db0a6ea9bdfdaaf"}'
    )


def test_the_order_of_keys_is_free():
    """Stores that sort keys, or drop the order, do no harm."""
    assert fx.State.from_dict(json.loads(json.dumps(DATA, sort_keys=True))) == STATE


# ------------------------------------------------------------------------------------------- stop and resume

DAYS = [fx.day(2026, 1, number) for number in (1, 2, 3)]
LADDER = Ladder(
    "title",
    steps={"silver": own("paid") >= "0.50", "gold": own("paid") >= "20.00"},
    demotion="one_step",
    grace=1,
)
STEADY = QualifiedBonus("steady", amount="1.00", when=own("paid").over(3) >= "1.00", stage=2)
CAPS = [
    fx.Cap.per_payee("9.00", window="lifetime", name="life"),
    fx.Cap.per_payee("2.50", cut="defer", name="day"),
    fx.Cap.per_source("30.00", window="year", name="source"),
    fx.Cap.per_policy("15.00", within="period", window="year", name="policy", on=["levels"]),
]


@settings(max_examples=60, deadline=None)
@given(
    worlds(fewest=2),
    st.sets(st.sampled_from([policy.name for policy in EVERYTHING]), min_size=1),
    st.sets(st.sampled_from([cap.name for cap in CAPS])),
)
def test_a_history_that_stops_anywhere_goes_on_to_the_same_result(world, names, caps):
    """Day by day over the whole catalogue: from the state as text a run gives the same as from the state."""
    names = {policy.name for policy in chosen(names)}
    if "policy" in caps:
        names = names | {"levels"}
    if "source" in caps:
        names = {
            name
            for name in names
            if isinstance(next(p for p in EVERYTHING if p.name == name), fx.OrderPolicy)
        }
        names = names or {"levels"}
    plan = fx.Plan(
        currency="CNY",
        margin=fx.Margin.column("margin"),
        policies=[*(policy for policy in EVERYTHING if policy.name in names)],
        caps=[cap for cap in CAPS if cap.name in caps],
        qualifications=[ORDER, LADDER],
        anchor="paid_at",
        zone="UTC",
    )
    if "source" not in caps:
        plan = attrs.evolve(plan, policies=[*plan.policies, STEADY])
    facts, state = facts_of(world), None
    for day in DAYS:
        run = fx.settle(facts, plan, period=day, state=state)
        if state is not None:
            resumed = fx.settle(facts, plan, period=day, state=again(state))
            assert resumed.fingerprint() == run.fingerprint()
            assert resumed.state == run.state
        assert again(run.state) == run.state
        state = run.state


# --------------------------------------------------------------------------------------------------- damage


def check_read_or_refused(data):
    """Check that data is read to a state that is stored again, or is refused without a label."""
    problem = ""
    try:
        state = fx.State.from_dict(data)
        assert again(state) == state
    except StateError as error:
        problem = str(error)
    assert not any(secret in problem for secret in SECRETS)


@settings(max_examples=300, deadline=None)
@given(damaged(DATA))
def test_damage_is_a_clear_error(data):
    """Whatever is changed, it is noticed: by the checksum, the version, or because it is no plain data."""
    try:
        same = json.dumps(data, sort_keys=True) == json.dumps(DATA, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        same = False
    if same:
        assert fx.State.from_dict(data) == STATE
    else:
        refused(lambda: fx.State.from_dict(data), StateError, absent=SECRETS)


@settings(max_examples=500, deadline=None)
@given(damaged(DATA))
def test_damage_with_a_right_checksum_is_read_or_a_clear_error(data):
    """Hostile data gives a state that can be stored again, or a typed error; no label shows."""
    data = sealed_again(data)
    check_read_or_refused(data)


@pytest.mark.parametrize("kind", STRANGE)
def test_every_value_may_go_bad(kind):
    """Each value of the data in turn, changed for a strange one, with a checksum that fits."""
    for path in places(DATA):
        check_read_or_refused(sealed_again(changed(DATA, path, STRANGE[kind])))


@pytest.mark.parametrize(
    "data", [None, 5, "x", [], [DATA], b"x", {}, {1: 2}, STATE, deep()], ids=lambda data: type(data).__name__
)
def test_what_is_no_state_is_refused(data):
    """Nothing but the data of a state is read."""
    refused(lambda: fx.State.from_dict(data), StateError, "state", absent=SECRETS)


HEAD = {
    "another kind": (("format",), "fenxiao.plan", "key 'format'", "something else", "fenxiao.state"),
    "no kind": (("format",), DROP, "key 'format'", "something else", "fenxiao.state"),
    "later version": (("version",), 2, "key 'version'", "got 2", "allowed: 1", "release that wrote it"),
    "version as text": (("version",), "1", "key 'version'", "got str"),
    "version as flag": (("version",), True, "key 'version'", "got bool"),
    "version as float": (("version",), 1.0, "key 'version'", "got float"),
    "no version": (("version",), DROP, "key 'version'", "got NoneType"),
    "no checksum": (("sha256",), DROP, "key 'sha256'", "backup"),
    "other checksum": (("sha256",), "0" * 64, "key 'sha256'", "backup"),
    "one cent more": (("usage", 0, "used", 0), 41, "key 'sha256'", "backup"),
    "one key more": (("more",), 1, "key 'sha256'", "backup"),
    "no number": (("usage", 0, "used", 0), float("nan"), "no plain data"),
    "nested": (("settled",), deep(), "no plain data", "too deep"),
}


@pytest.mark.parametrize("name", HEAD)
def test_the_seal_is_looked_at_first(name):
    """Kind, version and checksum each have their own words, and each its next step."""
    path, to, *parts = HEAD[name]
    refused(lambda: fx.State.from_dict(changed(DATA, path, to)), StateError, *parts, absent=SECRETS)


BODY = {
    "missing key": (("records",), DROP, "state.records: is missing", "carries"),
    "more keys": (("more",), 1, "state: has 1 key(s) that are not known"),
    "no list": (("settled",), {}, "state.settled: is a dict", "list"),
    "no text": (("settled", 1), 5, "state.settled: has values that are int (row 1)", "str"),
    "no mapping": (("usage", 1), [], "state.usage[1]: is a list", "dict"),
    "cap without name": (("usage", 1, "cap"), None, "state.usage[1].cap: is None", "str"),
    "window missing": (("usage", 1, "window"), DROP, "state.usage[1].window: is missing"),
    "usage below zero": (("usage", 1, "used", 0), -1, "state.usage[1].used: has values out of range (row 0)"),
    "usage as text": (("usage", 0, "used", 1), "5", "state.usage[0].used", "row 1", "int"),
    "usage as flag": (("usage", 0, "used", 1), True, "state.usage[0].used", "are bool"),
    "usage as float": (("usage", 0, "used", 1), 5.0, "state.usage[0].used", "are float"),
    "usage too short": (("usage", 0, "used"), [1], "state.usage[0]", "one number"),
    "group twice": (("usage", 0, "groups", "values", 1), "zoe", "state.usage[0]", "one number"),
    "cap twice": (("usage", 1), DATA["usage"][0], "state.usage[1]", "once"),
    "kind of labels": (("usage", 0, "groups", "kind"), "date", "state.usage[0].groups.kind", "int, str"),
    "kind is a list": (("usage", 0, "groups", "kind"), [], "state.usage[0].groups.kind", "int, str"),
    "labels of another kind": (("usage", 0, "groups", "kind"), "int", "usage[0].groups.values", "row 0"),
    "labels too wide": (("usage", 1, "groups", "values", 0), 2**63, "groups.values", "no int (row 0)"),
    "null where none may be": (("records", 0, "labels", "values", 0), None, "records[0].labels.values"),
    "bytes in capitals": (("usage", 2, "groups", "values", 0), "00AB", "groups.values", "no bytes"),
    "bytes with blanks": (("usage", 2, "groups", "values", 0), "00 61", "groups.values", "no bytes"),
    "no bytes": (("usage", 2, "groups", "values", 0), "xyz", "groups.values", "no bytes"),
    "UUID in braces": (("deferred", "payee", "values", 0), f"{{{UNKNOWN}}}", "deferred.payee", "no UUID"),
    "key without label": (("deferred", "keys", 0, 0), ["level"], "state.deferred.keys[0][0]", "pair"),
    "key without name": (("deferred", "keys", 0, 0, 0), 5, "state.deferred.keys[0][0][0]", "str"),
    "key of a strange kind": (("deferred", "keys", 0, 0, 1), {"date": "x"}, "keys[0][0][1]", "bytes, UUID"),
    "key of two kinds": (("deferred", "keys", 0, 0, 1), {"a": 1, "b": 2}, "keys[0][0][1]", "int"),
    "key as float": (("deferred", "keys", 0, 0, 1), 1.5, "keys[0][0][1]", "int"),
    "lengths": (("deferred", "cap", 0), DROP, "state.deferred", "different lengths"),
    "amount of nothing": (("deferred", "amount", 1), 0, "state.deferred.amount", "row 1", "1 or more"),
    "amount too wide": (("deferred", "amount", 1), 2**63, "state.deferred", "64-bit", "row 1"),
    "member twice": (("records", 0, "labels", "values", 1), "zoe", "state.records[0]", "second time (row 1)"),
    "value too wide": (("records", 0, "values", 1), 2**63, "state.records[0].values", "row 1"),
    "values too few": (("records", 0, "values", 1), DROP, "state.records[0]", "other values than labels"),
    "decimals below zero": (("records", 0, "decimals"), -1, "state.records[0].decimals", "0 or more"),
    "decimals as text": (("records", 0, "decimals"), "2", "state.records[0].decimals", "int"),
    "record twice": (("records", 1), DATA["records"][0], "state", "two entries"),
    "rank without name": (("standings", 0, "title", 0), 2, "state.standings[0]", "no name"),
    "names of ranks": (("standings", 0, "names", 1), "none", "state.standings[0]", "names"),
    "missed too often": (("standings", 0, "missed", 0), 2**31 - 1, "state.standings[0].missed", "row 0"),
    "carry below zero": (("carries", 0, "left", 0), -1, "state.carries[0].left", "row 0"),
    "pot without name": (("pots", 0, "policy"), 5, "state.pots[0].policy", "str"),
    "pot of nothing": (("pots", 0, "minor"), 0, "state.pots[0].minor", "1 to 92"),
    "pot twice": (("pots",), DATA["pots"] * 2, "state.pots[1]", "each policy once"),
    "paired as number": (("carries", 0, "paired", 0), 1, "state.carries[0].paired", "bool"),
}  # fmt: skip


@pytest.mark.parametrize("name", BODY)
def test_mistakes_are_named_with_their_path(name):
    """With a checksum that fits, every value is still read strictly, and the path of a wrong one is named."""
    path, to, *parts = BODY[name]
    data = sealed_again(changed(DATA, path, to))
    refused(lambda: fx.State.from_dict(data), StateError, *parts, absent=SECRETS)


@pytest.mark.parametrize(
    ("state", "part"),
    [
        (fx.State(usage={("c", "2026"): {"zoe": 1, 5: 1}}), "mixes"),
        (fx.State(usage={("c", "2026"): {1.5: 1}}), "float"),
        (fx.State(usage={("c", "2026"): {True: 1}}), "bool"),
        (fx.State(deferred=[Deferred("c", "p", None, (), "", 1)]), "missing"),
        (fx.State(deferred=[Deferred("c", "p", "zoe", (("level", (1,)),), "", 1)]), "tuple"),
    ],
    ids=["mixed", "float", "flag", "nobody", "key"],
)
def test_a_state_with_strange_labels_is_not_written(state, part):
    """What could not be read again is not written either."""
    refused(state.to_dict, StateError, part, absent=SECRETS)


@pytest.mark.parametrize("keys", [(1,), ("level",), (("level",),), ((1, 2),), (("a", 1, 2),)], ids=repr)
def test_keys_of_deferred_pay_are_pairs(keys):
    """A key is a name and a label."""
    refused(lambda: Deferred("c", "p", "zoe", keys, "", 1), StateError, "pairs", absent=SECRETS)
