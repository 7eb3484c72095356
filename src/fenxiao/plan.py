"""`Plan`: margin, policies and caps as one frozen object that goes to plain data and back."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, final

import attrs
import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from fenxiao.errors import FenxiaoError, PlanError, UnsupportedError, instance_of
from fenxiao.expressions import Base, Predicate, Where
from fenxiao.limits import Cap, Margin
from fenxiao.money import Currency, Rate, Rounding
from fenxiao.periods import zone_of
from fenxiao.policies import Fixed, LevelCommission, OrderPolicy, PeriodPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

VERSION: Final = 1
"""Version of the plain data that plans are written as."""

Policy = OrderPolicy | PeriodPolicy
_BUILT_IN: Final[tuple[type[Policy], ...]] = (LevelCommission,)


def _currency(value: Any) -> Currency:
    if isinstance(value, dict):
        if set(value) != {"code", "decimals"}:
            raise PlanError(
                "a currency", "has other keys", value=sorted(map(str, value)), allowed="code, decimals"
            )
        return Currency(value["code"], value["decimals"])
    return Currency.of(value)


def _tuple_of(kind: Any, thing: str, values: Any, example: str) -> tuple[Any, ...]:
    listed = (values,) if isinstance(values, kind) else values
    strange = (
        [value for value in listed if not isinstance(value, kind)]
        if isinstance(listed, list | tuple)
        else [values]
    )
    if strange:
        raise PlanError(
            f"Plan, {thing}", f"hold a {type(strange[0]).__name__}", allowed=f"a list such as [{example}]"
        )
    return tuple(listed)


def _policies(policies: Any) -> tuple[Policy, ...]:
    return _tuple_of(Policy, "policies", policies, "LevelCommission(...)")


def _named_caps(caps: Any) -> tuple[Cap, ...]:
    """Give caps without a name one: the scope and its count, which does not depend on other scopes."""
    listed = _tuple_of(Cap, "caps", caps, "Cap.per_order(...)")
    named, seen = [], dict[str, int]()
    for cap in listed:
        seen[cap.scope] = seen.get(cap.scope, 0) + 1
        named.append(cap if cap.name else attrs.evolve(cap, name=f"{cap.scope} {seen[cap.scope]}"))
    return tuple(named)


@final
@attrs.frozen(kw_only=True)
class Plan:
    """A commission plan: what is paid, and what limits it.

    Parameters
    ----------
    currency : str or Currency
        ``"CNY"``, or ``Currency("XYZ", decimals=3)``. One for all amounts.
    margin : Margin
        What orders may pay at most.
    policies : list of policies
        Plan order: it breaks ties and ranks policies where a cap works by priority.
    caps : list of Cap
        Further limits; plan order inside a scope.
    anchor : str
        The orders' time column that says in which period an order falls (``"paid_at"``).
    zone : str
        IANA zone of periods (``"Asia/Shanghai"``); given with `anchor`.
    name : str
        For people; it does not change the plan's hash.

    Raises
    ------
    PlanError
        Two policies or caps of one name, a cap on a policy that is not there, an unknown zone.

    Examples
    --------
    >>> plan = Plan(
    ...     currency="CNY",
    ...     margin=Margin.rate("25%", of="paid"),
    ...     policies=[LevelCommission("referral", base="paid", rates=["10%", "5%"], if_not="company")],
    ... )
    >>> plan.is_order_local
    True
    >>> Plan.from_dict(plan.to_dict()) == plan
    True
    """

    currency: Currency = attrs.field(converter=_currency)
    margin: Margin = attrs.field(validator=instance_of(Margin, error=PlanError))
    policies: tuple[Policy, ...] = attrs.field(default=(), converter=_policies)
    caps: tuple[Cap, ...] = attrs.field(default=(), converter=_named_caps)
    anchor: str | None = None
    zone: str | None = None
    name: str = attrs.field(default="", eq=False)

    def __attrs_post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        for what, found in (("policies", names), ("caps", [cap.name for cap in self.caps])):
            if len(set(found)) < len(found):
                raise PlanError(f"Plan, {what}", "share a name", value=found, hint="Give each its own")
        for cap in self.caps:
            unknown = sorted({*(cap.on or ()), *(cap.counting or ())} - set(names))
            if unknown:
                raise PlanError(
                    f"cap {cap.name!r}",
                    "names a policy that is not there",
                    value=unknown,
                    allowed=", ".join(names),
                )
        if (self.anchor is None) != (self.zone is None):
            raise PlanError(
                "Plan",
                "needs anchor and zone together",
                allowed='anchor="paid_at", zone="Asia/Shanghai", or neither',
            )
        if self.zone is not None:
            zone_of(self.zone)

    @property
    def not_local(self) -> tuple[str, ...]:
        """Return why settling batches apart differs from settling them together; empty if it does not."""
        reasons: list[str] = []
        for policy in self.policies:
            if isinstance(policy, PeriodPolicy):
                reasons.append(f"policy {policy.name!r}: claims on the period")
            else:
                reasons.extend(policy.not_local())
        reasons += [
            f"cap {cap.name!r}: is wider than an order ({cap.scope})" for cap in self.caps if not cap.in_order
        ]
        return tuple(reasons)

    @property
    def is_order_local(self) -> bool:
        """Return whether each order settles by itself: batches merge exactly, no period is needed."""
        return not self.not_local

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-safe plain data.

        Raises
        ------
        UnsupportedError
            A policy of your own has no ``kind``.
        """
        return {"version": VERSION, **_converter(self._own_kinds()).unstructure(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any], *, policies: Sequence[type[Policy]] = ()) -> Plan:
        """Read what `to_dict` wrote. Nothing in the data is ever run.

        Parameters
        ----------
        data : dict
        policies : classes of your own that may occur, by their ``kind``

        Raises
        ------
        PlanError
            A missing or unknown key, a value of the wrong kind; the message names the path.
        """
        version = data.get("version") if isinstance(data, dict) else None
        if type(version) is not int or version != VERSION:
            raise PlanError(
                "plan, key 'version'",
                "is not one that this release reads",
                value=version,
                allowed=str(VERSION),
            )
        body = {key: value for key, value in data.items() if key != "version"}
        try:
            return _converter(tuple(policies)).structure(body, cls)
        except (ClassValidationError, ForbiddenExtraKeysError) as error:
            path, cause = next(_causes(error, "plan"))
            raise PlanError(path, cause, hint="Compare with Plan.to_dict()") from None

    def _own_kinds(self) -> tuple[type[Policy], ...]:
        kinds = {type(policy) for policy in self.policies} - set(_BUILT_IN)
        for kind in kinds:
            if not kind.kind:
                raise UnsupportedError(
                    f"policy class {kind.__name__}",
                    "has no tag for plain data",
                    hint='Write kind: ClassVar[str] = "..."',
                )
        return tuple(kinds)

    @property
    def hash(self) -> str:
        """Return a SHA-256 of the plan's data without its name: stable across runs and machines."""
        data = {key: value for key, value in self.to_dict().items() if key != "name"}
        text = json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _causes(error: BaseException, path: str) -> Iterator[tuple[str, str]]:
    """Yield the leaves of a structuring error: where, and what is wrong."""
    if isinstance(error, ForbiddenExtraKeysError):
        yield path, f"has unknown keys {sorted(map(str, error.extra_fields))}"
    elif isinstance(error, ClassValidationError | IterableValidationError):
        for inner in error.exceptions:
            notes = getattr(inner, "__notes__", ())
            step = "".join(_step(note) for note in notes[:1])
            yield from _causes(inner, path + step)
    elif isinstance(error, FenxiaoError):
        yield path, str(error).removesuffix(".")
    elif isinstance(error, KeyError):
        yield path, "is missing"
    else:
        yield path, "is of a kind that cannot be read"


def _step(note: Any) -> str:
    """Return the part of a path that a structuring note stands for."""
    if isinstance(note, IterableValidationNote):
        return f"[{note.index}]"
    if isinstance(note, AttributeValidationNote):
        return f".{_RENAMED[Margin].get(note.name, note.name)}"
    return ""


def _tables(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    return {str(key): [_plain(cell) for cell in row] if isinstance(row, tuple) else row for key, row in pairs}


def _plain(value: Any) -> Any:
    """Return one value of a plan as plain data."""
    if isinstance(value, Rate):
        return str(value)
    if isinstance(value, Fixed):
        return {"fixed": value.amount}
    if isinstance(value, Base | Where | Predicate):
        return value.as_data()
    if isinstance(value, Rounding):
        return value.mode if value.step == 1 else {"mode": value.mode, "step": value.step}
    if isinstance(value, Currency):
        return (
            value.code if value == _listed(value.code) else {"code": value.code, "decimals": value.decimals}
        )
    return value


def _listed(code: str) -> Currency | None:
    try:
        return Currency.of(code)
    except FenxiaoError:
        return None


def _strict(kind: type[Any]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise PlanError("a value", f"is not {kind.__name__}", value=value)
        return value

    return structure


def _reader(convert: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _: convert(value)


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list | tuple):
        raise PlanError("a list", f"is a {type(data).__name__}", allowed="[...]")
    return list(data)


def _of_dict(kind: type[Any], read: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def structure(data: Any, wanted: Any) -> Any:
        if not isinstance(data, dict):
            raise PlanError(
                f"a {kind.__name__}", f"is a {type(data).__name__}", allowed="a mapping of its fields"
            )
        return read(data, wanted)

    return structure


_TABLES: Final = frozenset({"by_rank", "by_length", "by_product", "by_category"})
_RENAMED: Final = {Margin: {"share": "rate", "name_of_column": "column", "from_catalog": "catalog"}}
"""Fields whose plain data has another name, because the class has a method of that name."""


def _converter(own: Iterable[type[Policy]]) -> cattrs.Converter:
    """Return a converter for plans; it knows the built-in policies and the given classes."""
    # The classes' own converters read plain data as well as objects, so that both go through one door.
    converter = cattrs.Converter(forbid_extra_keys=True, omit_if_default=True, prefer_attrib_converters=True)
    kinds = {kind.kind: kind for kind in (*_BUILT_IN, *own)}
    for leaf in (Rate, Fixed, Base, Where, Rounding, Currency):
        converter.register_unstructure_hook(leaf, _plain)
    converter.register_unstructure_hook_func(
        lambda kind: isinstance(kind, type) and issubclass(kind, Predicate), _plain
    )
    for simple in (str, int, bool):
        converter.register_structure_hook(simple, _strict(simple))

    def overrides(kind: type[Any], *, reads: bool) -> dict[str, Any]:
        """Return how each field is written, or read: by its own converter, so that errors name the field."""
        found = {}
        for field in attrs.fields(kind):
            convert = field.converter
            found[field.name] = override(
                rename=_RENAMED.get(kind, {}).get(field.name),
                omit=not field.init,
                unstruct_hook=_tables if field.name in _TABLES and not reads else None,
                struct_hook=_reader(convert) if reads and callable(convert) else None,
            )
        return found

    def write(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
        made: Any = make_dict_unstructure_fn(
            kind, converter, _cattrs_omit_if_default=True, **overrides(kind, reads=False)
        )
        return made  # type: ignore[no-any-return]

    for kind in (*kinds.values(), Cap, Margin):
        read: Any = make_dict_structure_fn(
            kind, converter, _cattrs_forbid_extra_keys=True, **overrides(kind, reads=True)
        )
        converter.register_structure_hook(kind, _of_dict(kind, read))

    writers = {kind: write(kind) for kind in (*kinds.values(), Cap, Margin)}

    def write_policy(policy: Policy) -> dict[str, Any]:
        return {"kind": policy.kind, **writers[type(policy)](policy)}

    def read_policy(data: Any, _: Any = None) -> Policy:
        if isinstance(data, dict) and data.get("kind") in kinds:
            body = {key: value for key, value in data.items() if key != "kind"}
            return converter.structure(body, kinds[data["kind"]])
        found = data.get("kind") if isinstance(data, dict) else data
        raise PlanError(
            "a policy's kind", "is unknown", value=found, allowed=", ".join(kinds),
            hint="Pass classes of your own: Plan.from_dict(data, policies=[...])",
        )  # fmt: skip

    converter.register_unstructure_hook(Cap, writers[Cap])
    converter.register_unstructure_hook(Margin, writers[Margin])
    converter.register_structure_hook(Policy, read_policy)
    converter.register_unstructure_hook(
        Plan,
        make_dict_unstructure_fn(
            Plan,
            converter,
            _cattrs_omit_if_default=True,
            policies=override(unstruct_hook=lambda policies: [write_policy(policy) for policy in policies]),
            caps=override(unstruct_hook=lambda caps: [writers[Cap](cap) for cap in caps]),
        ),
    )
    converter.register_structure_hook(
        Plan,
        make_dict_structure_fn(
            Plan,
            converter,
            _cattrs_forbid_extra_keys=True,
            currency=override(struct_hook=_reader(_currency)),
            policies=override(
                struct_hook=lambda data, _: converter.structure(_list(data), tuple[Policy, ...])
            ),
            caps=override(struct_hook=lambda data, _: converter.structure(_list(data), tuple[Cap, ...])),
            margin=override(struct_hook=lambda data, _: converter.structure(data, Margin)),
        ),
    )
    return converter
