"""Gates, ladders and tiers: member columns that a plan computes, as data."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal, TypeAlias, final, get_args

import attrs

from fenxiao.errors import PlanError, is_one_of, what
from fenxiao.expressions import (
    Measure,
    Predicate,
    identity,
    measure_from_data,
    predicate_from_data,
)
from fenxiao.expressions.brackets import Brackets
from fenxiao.expressions.comparisons import MemberColumn, Subject
from fenxiao.expressions.downlines import Group
from fenxiao.expressions.measures import Heads, as_measure

Demotion: TypeAlias = Literal["at_once", "one_step", "never"]
DEMOTIONS: Final = get_args(Demotion)
RANKS_MAX: Final = 64
TITLE: Final = "_title"
"""What is added to a ladder's name for the column of titles."""


def _named(instance: Any, attribute: Any, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        thing = f"{type(instance).__name__}, {attribute.name}"
        raise PlanError(thing, "is empty or not text", value=value, allowed="a str of your choice")


def _predicate(value: object) -> Predicate:
    return predicate_from_data(value)


@final
@attrs.frozen
class Gate:
    """A yes-or-no column of the members: who meets a condition in the period.

    Parameters
    ----------
    name
        The column's name: ``column("active") == True`` reads a gate called ``active``.
    when
        The condition.

    Examples
    --------
    >>> from fenxiao.volumes import own
    >>> Gate("active", own("pv") >= "100")
    Gate('active', (own('pv') >= '100'))
    """

    kind: ClassVar[str] = "gate"

    name: str = attrs.field(validator=_named)
    when: Predicate = attrs.field(converter=_predicate)

    def __repr__(self) -> str:
        return f"Gate({self.name!r}, {self.when!r})"

    def as_data(self) -> dict[str, Any]:
        """Return the gate as plain data."""
        return {"kind": self.kind, "name": self.name, "when": self.when.as_data()}

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return self.when.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return self.when.member_columns()


@final
@attrs.frozen
class Step:
    """One rank of a ladder and what it takes."""

    name: str = attrs.field(validator=_named)
    when: Predicate = attrs.field(converter=_predicate)

    def __repr__(self) -> str:
        return f"Step({self.name!r}, {self.when!r})"


def _steps(value: Any) -> tuple[Step, ...]:
    listed = value.items() if isinstance(value, dict) else value
    if not isinstance(value, dict | list | tuple):
        raise PlanError(
            "Ladder, steps", what(value), allowed='[Step("silver", condition), ...], lowest first'
        )
    steps = []
    for each in listed:
        pair = (
            (each["name"], each["when"]) if isinstance(each, dict) and set(each) == {"name", "when"} else each
        )
        if isinstance(pair, Step):
            steps.append(pair)
        elif isinstance(pair, tuple | list) and len(pair) == 2:
            steps.append(Step(*pair))
        else:
            raise PlanError(
                "Ladder, steps", "hold " + what(each).removeprefix("is "), allowed='Step("silver", condition)'
            )
    return tuple(steps)


@final
@attrs.frozen
class Ladder:
    """Ranks that members earn in the period: the highest step whose condition they meet.

    The *paid-as rank* of the period is the column called like the ladder; the *title*, the highest paid-as
    rank ever reached, is the column ``<name>_title``. Steps may count legs and front-line members by ranks
    of this same ladder (of the same period), also by the step's own rank: ranks of a downline do not depend
    on those above. Of the member himself a step may read the title: within the ladder's own steps it is
    the highest paid-as rank of *earlier* periods.

    Parameters
    ----------
    name
        The column's name: ``column("rank") >= "gold"`` reads a ladder called ``rank``.
    steps : list of Step, or mapping of name to condition
        The ranks, lowest first.
    lowest
        The name of having none of them.
    demotion : {"at_once", "one_step", "never"}
        What becomes of a paid-as rank that is no longer earned: it falls to what is earned, falls by one
        step, or stays for ever (the title counts).
    grace
        For how many periods in a row a rank that is not earned is kept before it falls.

    Raises
    ------
    PlanError
        No steps or two of one name, a condition on the member's own rank of this ladder, more than 64 steps.

    Examples
    --------
    >>> from fenxiao.expressions import column
    >>> from fenxiao.volumes import legs, own
    >>> ladder = Ladder(
    ...     "rank",
    ...     [("silver", own("pv") >= "100"), ("gold", legs(column("rank") >= "silver") >= 2)],
    ... )
    >>> ladder.names
    ('none', 'silver', 'gold')
    """

    kind: ClassVar[str] = "ladder"

    name: str = attrs.field(validator=_named)
    steps: tuple[Step, ...] = attrs.field(converter=_steps)
    lowest: str = attrs.field(default="none", kw_only=True, validator=_named)
    demotion: Demotion = attrs.field(default="at_once", kw_only=True)
    grace: int = attrs.field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        names = self.names
        if len(set(names)) < len(names) or not 2 <= len(names) <= RANKS_MAX + 1:
            raise self.error(
                "needs 1 to 64 steps of different names",
                value=names,
                hint="Name the lowest rank with lowest=",
            )
        if not is_one_of(self.demotion, DEMOTIONS):
            raise self.error("has an unknown demotion", value=self.demotion, allowed=", ".join(DEMOTIONS))
        if isinstance(self.grace, bool) or not isinstance(self.grace, int) or not 0 <= self.grace <= 120:
            raise self.error("has a grace that is no number of periods", value=self.grace, allowed="0 to 120")
        for step in self.steps:
            if any(self._reads_own_rank(subject) for subject in step.when.subjects()):
                raise self.error(
                    f"asks for the member's own rank in step {step.name!r}",
                    value=repr(step.when),
                    allowed="conditions on ranks of the downline: legs(...), frontline(...), breaks=...",
                    hint=f"Write column({self.name + TITLE!r}) for the highest rank of earlier periods",
                )

    def error(self, problem: str, **more: Any) -> PlanError:
        """Return an error that names the ladder."""
        return PlanError(f"ladder {self.name!r}", problem, **more)

    def _reads_own_rank(self, subject: Subject) -> bool:
        """Return whether a subject reads this ladder for the member himself, not for his downline."""
        if not isinstance(subject, Measure):
            return isinstance(subject, MemberColumn) and subject.name == self.name
        # What counts of heads and groups ask of members they ask of those below.
        conditions = () if isinstance(subject, Heads | Group) else subject.conditions()
        asked = [found for condition in conditions for found in condition.subjects()]
        return any(self._reads_own_rank(inner) for inner in (*asked, *subject.inner()))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the ranks, the lowest first."""
        return (self.lowest, *(step.name for step in self.steps))

    def as_data(self) -> dict[str, Any]:
        """Return the ladder as plain data."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "name": self.name,
            "steps": [{"name": step.name, "when": step.when.as_data()} for step in self.steps],
        }
        given = {"lowest": self.lowest, "demotion": self.demotion, "grace": self.grace}
        defaults = {"lowest": "none", "demotion": "at_once", "grace": 0}
        return data | {name: value for name, value in given.items() if value != defaults[name]}

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return tuple(found for step in self.steps for found in step.when.measures())

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read besides the ladder's own."""
        names = (name for step in self.steps for name in step.when.member_columns())
        return tuple(name for name in names if name not in (self.name, self.name + TITLE))


def _brackets(value: Any) -> Brackets:
    plain = isinstance(value, dict) and not set(value) & {"whole", "marginal"}
    return Brackets.whole(value) if plain else Brackets.from_data(value)


def _volume(value: Any) -> Measure:
    return as_measure(measure_from_data(value), "tiers, on")


def _texts(values: Any) -> tuple[str, ...]:
    listed = tuple(values) if isinstance(values, list | tuple) else ()
    if not listed or not all(isinstance(value, str) and value for value in listed):
        raise PlanError("GivenRanks, order", "is no list of names", value=values, allowed="lowest first")
    if len(set(listed)) < len(listed) or len(listed) > RANKS_MAX + 1:
        raise PlanError(
            "GivenRanks, order", "has a name twice, or too many", value=values, allowed="up to 65"
        )
    return listed


@final
@attrs.frozen
class GivenRanks:
    """The order of the ranks in a column of the members' table, so that policies can compare them.

    Examples
    --------
    >>> GivenRanks("rank", order=["associate", "silver", "gold"]).names
    ('associate', 'silver', 'gold')
    """

    kind: ClassVar[str] = "given_ranks"

    name: str = attrs.field(validator=_named)
    order: tuple[str, ...] = attrs.field(converter=_texts)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the ranks, the lowest first."""
        return self.order

    def as_data(self) -> dict[str, Any]:
        """Return the order as plain data."""
        return {"kind": self.kind, "name": self.name, "order": list(self.order)}

    def measures(self) -> tuple[Measure, ...]:
        """Return nothing: ranks that are given read no measure."""
        return ()

    def member_columns(self) -> tuple[str, ...]:
        """Return nothing: the column that is given an order is not one that the plan computes."""
        return ()


@final
@attrs.frozen
class Tiers:
    """A rate for each member, by how much a measure of his is; below the first threshold 0 %.

    A measure below zero counts as 0, so that a first threshold of 0 is reached by everybody, losses included.

    Parameters
    ----------
    name
        The column's name, for policies that read a rate from a column and for conditions, which compare it
        with rates: ``column("tier") >= "5%"``.
    on : Measure
        What the rate is looked up on.
    brackets : Brackets or mapping
        ``Brackets.whole({"50": "5%", "100": "10%"})``.

    Examples
    --------
    >>> from fenxiao.volumes import own
    >>> Tiers("tier", on=own("pv"), brackets={"50": "5%", "100": "10%"}).kind
    'tiers'
    """

    kind: ClassVar[str] = "tiers"

    name: str = attrs.field(validator=_named)
    on: Measure = attrs.field(converter=_volume, eq=identity, kw_only=True)
    brackets: Brackets = attrs.field(converter=_brackets, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.brackets.mode != "whole":
            raise PlanError(f"tiers {self.name!r}", "are marginal", allowed="Brackets.whole(...)")

    def as_data(self) -> dict[str, Any]:
        """Return the tiers as plain data."""
        rows = self.brackets.as_data()
        return {"kind": self.kind, "name": self.name, "on": self.on.as_data(), "brackets": rows}

    def measures(self) -> tuple[Measure, ...]:
        """Return the measures that are read."""
        return self.on.measures()

    def member_columns(self) -> tuple[str, ...]:
        """Return the member columns that are read."""
        return self.on.member_columns()


Qualification: TypeAlias = Gate | Ladder | GivenRanks | Tiers
_KINDS: Final[dict[str, type[Any]]] = {kind.kind: kind for kind in (Gate, Ladder, GivenRanks, Tiers)}


def qualification_from_data(data: object) -> Qualification:
    """Read what a qualification's ``as_data`` wrote.

    Raises
    ------
    PlanError
        An unknown kind, a missing or unknown key.
    """
    if isinstance(data, Gate | Ladder | GivenRanks | Tiers):
        return data
    kind = _KINDS.get(data["kind"]) if isinstance(data, dict) and isinstance(data.get("kind"), str) else None
    if kind is None or not isinstance(data, dict):
        value = data.get("kind") if isinstance(data, dict) else data
        raise PlanError("a qualification's kind", "is unknown", value=value, allowed=", ".join(_KINDS))
    body = {name: value for name, value in data.items() if name != "kind"}
    fields = {field.name: field.default is attrs.NOTHING for field in attrs.fields(kind)}
    strange = sorted(map(str, set(body) - set(fields)))
    missing = sorted(name for name, needed in fields.items() if needed and name not in body)
    if strange or missing:
        problem = "has unknown keys" if strange else "lacks keys"
        raise PlanError(f"a {data['kind']}", problem, value=strange or missing, allowed=", ".join(fields))
    return kind(**body)  # type: ignore[no-any-return]  # one of the kinds
