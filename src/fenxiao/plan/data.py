"""Plans as plain data: how each part is written, read, and named where it cannot be read."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, get_args

import attrs
import cattrs
from cattrs.errors import (
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from fenxiao.errors import FenxiaoError, PlanError, what
from fenxiao.expressions import Base, Measure, Predicate, Where, identity, predicate_from_data
from fenxiao.expressions.brackets import Brackets
from fenxiao.limits import Cap, Margin, SourceLimit
from fenxiao.money import Currency, Rate, Rounding
from fenxiao.policies import (
    BUILT_IN,
    Cycle,
    Fixed,
    OrderPolicy,
    Pair,
    PassUp,
    PeriodPolicy,
    Policy,
    built_in,
    fixed_of,
    rounding_of,
)
from fenxiao.policies.schedules import Cell, Schedule
from fenxiao.qualification import Qualification, qualification_from_data
from fenxiao.refunds import Refunds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fenxiao.plan.plan import Plan

_NAMES: Final[dict[str, Any]] = {
    kind.__name__: kind
    for kind in (Base, Brackets, Cycle, Fixed, Measure, Pair, PassUp, Predicate, Rate, Rounding, Where)
} | {"Schedule": Schedule, "Cell": Cell}
"""What annotations of policies' fields name, whatever their modules import only for the type checker."""

_QUOTED: Final = re.compile(r"'(\w+)' ")


def _first_cause(error: BaseException, path: str) -> tuple[str, str]:
    """Return the first leaf of a structuring error: where, and what is wrong."""
    if isinstance(error, ForbiddenExtraKeysError):
        return path, f"has unknown keys {sorted(map(str, error.extra_fields))}"
    if isinstance(error, ClassValidationError | IterableValidationError):
        inner = error.exceptions[0]
        notes = getattr(inner, "__notes__", ())
        if notes:
            return _first_cause(inner, path + _step(notes[0], error.cl))
        path += _field_of(inner, error.cl)
        if type(inner) is ValueError and inner.args:
            return path, f"is refused by its class: {inner.args[0]}".removesuffix(".")
        return _first_cause(inner, path)
    if isinstance(error, FenxiaoError):
        return path, str(error).removesuffix(".")
    return path, "is missing" if isinstance(error, KeyError) else "is of a kind that cannot be read"


def _step(note: Any, whole: Any) -> str:
    """Return the part of a path that a note stands for: a place in a list, or a field of a class."""
    if isinstance(note, IterableValidationNote):
        return f"[{note.index}]"
    return f".{_RENAMED.get(whole, {}).get(note.name, note.name)}"


def _field_of(error: BaseException, whole: Any) -> str:
    """Return the part of a path for the field that a class itself refused, as in ``"policy 'a', rates"``."""
    fields = attrs.fields_dict(whole) if attrs.has(whole) else {}
    if isinstance(error, FenxiaoError):
        whose, _, name = error.thing.rpartition(", ")
        if whose.split(" ")[0] not in (whole.__name__, "policy", "a"):
            return ""
    else:
        # Validators of attrs hand on the attribute, or begin with its name.
        quoted = _QUOTED.match(str(error.args[0])) if error.args else None
        name = getattr(error.args[1], "name", "") if len(error.args) > 1 else quoted[1] if quoted else ""
    return f".{_RENAMED.get(whole, {}).get(name, name)}" if name in fields else ""


def _tables(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    return {str(key): _row(row) for key, row in pairs}


def _row(row: Any) -> Any:
    """Return a row of a table: a table of its own, a list, or a single value."""
    if isinstance(row, tuple) and row and all(isinstance(each, tuple) for each in row):
        return _tables(row)
    return [_plain(cell) for cell in row] if isinstance(row, tuple) else _plain(row)


def _plain(value: Any) -> Any:
    """Return one value of a plan as plain data."""
    if isinstance(value, Rate):
        return str(value)
    if isinstance(value, Fixed):
        return {"fixed": value.amount}
    if hasattr(value, "as_data"):
        return value.as_data()
    if isinstance(value, Rounding):
        return value.mode if value.step == 1 else {"mode": value.mode, "step": value.step}
    if not isinstance(value, Currency):
        return value
    return value.code if value == _listed(value.code) else {"code": value.code, "decimals": value.decimals}


def _listed(code: str) -> Currency | None:
    try:
        return Currency.of(code)
    except FenxiaoError:
        return None


def _strict(kind: type[Any]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise PlanError("a value", f"is not {kind.__name__}", value=value)
        return kind(value)

    return structure


def _reader(convert: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _: convert(value)


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list | tuple):
        raise PlanError("a list", what(data), allowed="[...]")
    return list(data)


def _of_dict(kind: type[Any], read: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def structure(data: Any, wanted: Any) -> Any:
        if not isinstance(data, dict):
            raise PlanError(f"a {kind.__name__}", what(data), allowed="a mapping of its fields")
        return read(data, wanted)

    return structure


_RENAMED: Final = {Margin: {"share": "rate", "name_of_column": "column", "from_catalog": "catalog"}}
"""Fields whose plain data has another name, because the class has a method of that name."""


def _overrides(kind: type[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how each field is written, and how it is read: by its own converter, so that errors name it."""
    writes, reads = {}, {}
    attrs.resolve_types(kind, localns=_NAMES)
    for field in attrs.fields(kind):
        name = _RENAMED.get(kind, {}).get(field.name)
        tables = _tables if field.name in getattr(kind, "tables", ()) else None
        convert = field.converter
        # A measure's == builds a condition, so that it cannot be compared with a default.
        always = False if field.eq_key is identity else None
        writes[field.name] = override(
            rename=name, omit=not field.init, unstruct_hook=tables, omit_if_default=always
        )
        reader = _reader(convert) if callable(convert) else None
        reads[field.name] = override(rename=name, omit=not field.init, struct_hook=reader)
    return writes, reads


def _own_kinds(own: Iterable[Any]) -> dict[str, type[Any]]:
    kinds: dict[str, type[Any]] = {}
    if not isinstance(own, list | tuple):
        raise PlanError("policies of your own", what(own), allowed="[MyPolicy]")
    for kind in own:
        if not isinstance(kind, type) or not issubclass(kind, OrderPolicy | PeriodPolicy):
            raise PlanError(
                "policies of your own", "hold what is no policy class", value=kind, allowed="[MyPolicy]"
            )
        if not kind.kind or (built_in(kind.kind) or kinds.get(kind.kind, kind)) is not kind:
            raise PlanError(
                f"policy class {kind.__name__}",
                "needs a tag of its own for plain data",
                value=kind.kind,
                hint='Write kind: ClassVar[str] = "..." that no other class has',
            )
        kinds[kind.kind] = kind
    return kinds


def as_data(plan: Any, own: Iterable[Any], currency: Callable[[Any], Currency]) -> dict[str, Any]:
    """Return a plan as plain data; `own` are the classes of its policies that are not built in."""
    data: dict[str, Any] = _converter_for(type(plan), own, currency).unstructure(plan)
    return data


def from_data(
    plan: type[Plan], data: dict[str, Any], own: Iterable[Any], currency: Callable[[Any], Currency]
) -> Plan:
    """Read a plan from plain data.

    Raises
    ------
    PlanError
        A missing or unknown key, a value of the wrong kind; the message names the path.
    """
    try:
        return _converter_for(plan, own, currency).structure(data, plan)
    except (ClassValidationError, ForbiddenExtraKeysError) as error:
        path, cause = _first_cause(error, "plan")
        raise PlanError(path, cause, hint="Compare with Plan.to_dict()") from None


def _converter_for(
    plan: type[Any], own: Iterable[Any], currency: Callable[[Any], Currency]
) -> cattrs.Converter:
    """Return a converter for plans that knows the built-in policies and the given classes."""
    # The classes' own converters read plain data as well as objects, so that both go through one door.
    converter = cattrs.Converter(forbid_extra_keys=True, omit_if_default=True, prefer_attrib_converters=True)
    kinds = _own_kinds(own)
    _register_leaves(converter, currency)

    # Writing and reading a class is compiled when a plan has one.
    writers: dict[type[Any], Callable[[Any], dict[str, Any]]] = {}

    def writer(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
        if kind not in writers:
            writes, _ = _overrides(kind)
            writers[kind] = make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True, **writes)
        return writers[kind]

    def reader(kind: type[Any]) -> Callable[[Any, Any], Any]:
        _, reads = _overrides(kind)
        read: Any = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **reads)
        return _of_dict(kind, read)

    converter.register_structure_hook_factory(
        _kind_of(OrderPolicy, PeriodPolicy, Cap, Margin, Refunds, SourceLimit), reader
    )

    def write_policy(policy: Any) -> dict[str, Any]:
        written = writer(type(policy))(policy)
        return {"kind": policy.kind} | {name: value for name, value in written.items() if value is not None}

    def read_policy(data: Any) -> Any:
        kind = data.get("kind") if isinstance(data, dict) else data
        found = (
            (kinds.get(kind) or built_in(kind)) if isinstance(data, dict) and isinstance(kind, str) else None
        )
        if found is None:
            raise PlanError(
                "a policy's kind",
                "is unknown",
                value=kind,
                allowed=", ".join((*BUILT_IN, *kinds)),
                hint="Pass classes of your own: Plan.from_dict(data, policies=[...])",
            )
        return converter.structure({key: value for key, value in data.items() if key != "kind"}, found)

    converter.register_structure_hook(Policy, lambda data, _: read_policy(data))
    writes, reads = _overrides(plan)
    writes["policies"] = override(
        unstruct_hook=lambda policies: [write_policy(policy) for policy in policies]
    )
    writes["caps"] = override(unstruct_hook=_each(partial(writer, Cap)))
    writes["source_limits"] = override(unstruct_hook=_each(partial(writer, SourceLimit)))
    for name, kind in (("margin", Margin), ("refunds", Refunds)):
        writes[name] = override(unstruct_hook=writer(kind))
        reads[name] = override(struct_hook=converter.structure)
    writes["qualifications"] = override(unstruct_hook=lambda parts: [part.as_data() for part in parts])
    converter.register_structure_hook(Qualification, lambda data, _: _qualification(data))
    for name in ("policies", "caps", "qualifications", "source_limits"):
        reads[name] = override(struct_hook=lambda data, kind: converter.structure(_list(data), kind))
    converter.register_unstructure_hook(
        plan, make_dict_unstructure_fn(plan, converter, _cattrs_omit_if_default=True, **writes)
    )
    converter.register_structure_hook(
        plan, make_dict_structure_fn(plan, converter, _cattrs_forbid_extra_keys=True, **reads)
    )
    return converter


def _each(writer: Callable[[], Callable[[Any], dict[str, Any]]]) -> Callable[[Any], list[dict[str, Any]]]:
    """Return what writes a list of parts; its writer is made when there is a first one."""
    return lambda parts: [writer()(part) for part in parts]


def _qualification(data: Any) -> Qualification:
    try:
        return qualification_from_data(data)
    except FenxiaoError as error:
        kind = data.get("kind") if isinstance(data, dict) else None
        whose = next((each for each in get_args(Qualification) if each.kind == kind), object)
        raise ClassValidationError("a qualification", [error], whose) from None


def _register_leaves(converter: cattrs.Converter, currency: Callable[[Any], Currency]) -> None:
    """Teach a converter the kinds of values that fields have; nothing is coerced from another kind."""
    readers: dict[type[Any], Callable[[Any], Any]] = {
        Rate: Rate.of,
        Fixed: fixed_of,
        Base: Base.from_data,
        Where: Where.from_data,
        Rounding: rounding_of,
        Currency: currency,
    }
    for leaf, read in readers.items():
        converter.register_unstructure_hook(leaf, _plain)
        converter.register_structure_hook(leaf, _reader(read))
    for plain in (Measure, Brackets):
        converter.register_unstructure_hook_func(_kind_of(plain), _plain)
    converter.register_unstructure_hook_func(_is_predicate, _plain)
    converter.register_structure_hook_func(_is_predicate, _reader(predicate_from_data))
    for simple in (str, int, bool):
        converter.register_structure_hook(simple, _strict(simple))


def _kind_of(*bases: type[Any]) -> Callable[[Any], bool]:
    return lambda kind: isinstance(kind, type) and issubclass(kind, bases)


def _is_predicate(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Predicate)
