"""Typed errors and the closed list of reasons.

Every error names the thing, its value, what is allowed and the next step. Member labels can be personal
data, so they travel on the exception's ``labels`` attribute and never in its text; the text carries row
numbers and counts, five at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Any, Final, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS_SHOWN: Final = 5
"""How many row numbers a message lists before it only counts."""

_PART_MAX: Final = 200
"""How many characters of a name, of what is allowed and of a hint a message shows."""
_NESTED_MAX: Final = 600
"""The same of a problem, which may be another message."""
_NAMES_SHOWN: Final = 12
"""How many names a long list shows before the message only counts."""

_MISSING: Final = object()


def _rows_text(rows: Sequence[int]) -> str:
    shown = ", ".join(str(row) for row in rows[:ROWS_SHOWN])
    more = len(rows) - ROWS_SHOWN
    noun = "row" if len(rows) == 1 else "rows"
    return f"{noun} {shown}" + (f" and {more} more" if more > 0 else "")


class FenxiaoError(Exception):
    """Base of every error the library raises on purpose.

    Parameters
    ----------
    thing
        What is wrong: a column, an argument, a policy, by its name.
    problem
        What is wrong with it, as a short clause.
    value
        The offending value, shown by ``repr``. Never a member label: pass those as `labels`.
    allowed
        What would have been accepted. Like all other parts, a long one is whole on the exception and cut in
        its text.
    hint
        The next step for the reader.
    rows
        Row numbers of the caller's input, starting at 0. The message shows five at most.
    labels
        Member labels or order ids concerned; kept on the exception, never in its text.
    """

    def __init__(
        self,
        thing: str,
        problem: str,
        *,
        value: object = _MISSING,
        allowed: str = "",
        hint: str = "",
        rows: Iterable[int] = (),
        labels: Iterable[Any] = (),
    ) -> None:
        self.thing = thing
        self.problem = problem
        self.value = None if value is _MISSING else value
        self.allowed = allowed
        self.hint = hint
        self.rows = tuple(int(row) for row in rows)
        self.labels = tuple(labels)
        text = f"{_cut(thing)}: {_cut(problem, _NESTED_MAX)}"
        if value is not _MISSING:
            text += f", got {_short(value)}"
        if self.rows:
            text += f" ({_rows_text(self.rows)})"
        if allowed:
            text += f"; allowed: {_cut_list(allowed)}"
        if hint:
            text += f". {_cut(hint)}"
        # Arrays write themselves over several lines; halves of characters cannot be printed.
        text = " ".join(text.split()) if "\n" in text else text
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        super().__init__(text if text.endswith((".", "?")) else text + ".")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self.__dict__), self.args)


def _cut(text: str, limit: int = _PART_MAX) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _cut_list(text: str) -> str:
    """Cut what is allowed: a long list of names after some of them, with the number of the others."""
    names = text.split(", ")
    if len(text) > _PART_MAX and len(names) > _NAMES_SHOWN:
        return f"{_cut(', '.join(names[:_NAMES_SHOWN]))} and {len(names) - _NAMES_SHOWN} more"
    return _cut(text)


def _rebuild(kind: type[FenxiaoError], state: dict[str, Any], args: tuple[Any, ...]) -> FenxiaoError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


def _short(value: object, limit: int = 80) -> str:
    try:
        text = value.__name__ if isinstance(value, type) else repr(value)
    except Exception:  # noqa: BLE001  # somebody else's repr may raise anything
        text = class_name(value)
    return _cut(text, limit)


class InputError(FenxiaoError, ValueError):
    """The facts, the plan or an argument are not what the library accepts."""


def what(value: object) -> str:
    """Return what a value of the wrong kind is, as a problem: ``is a dict``, ``is None``."""
    return "is None" if value is None else f"is a {type(value).__name__}"


def class_name(value: object) -> str:
    """Return the name of a value's class, for messages: ``dict``, ``None``."""
    return "None" if value is None else type(value).__name__


def is_one_of(value: object, names: Iterable[str]) -> bool:
    """Return whether a value is one of some names; what is no text is none, comparable or not."""
    return isinstance(value, str) and value in names


def is_listing(values: object) -> TypeGuard[Iterable[Any]]:
    """Return whether values stand one after another: no text, table or set, and no single value of numpy."""
    single = isinstance(values, str | bytes | bytearray | memoryview | type | Mapping | AbstractSet)
    return not single and hasattr(values, "__iter__") and getattr(values, "ndim", 1) != 0


def instance_of(
    *kinds: type[Any], optional: bool = False, filled: bool = False, error: type[InputError] = InputError
) -> Any:
    """Return an attrs validator that wants one of `kinds` and raises a typed error otherwise.

    ``bool`` is no ``int`` here. With `filled`, what is empty is refused as well.
    """
    names = " or ".join(kind.__name__ for kind in kinds) + (" or None" if optional else "")

    def check(instance: object, attribute: Any, value: object) -> None:
        if optional and value is None:
            return
        thing = f"{type(instance).__name__}, {attribute.name}"
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise error(thing, what(value), allowed=names)
        if filled and not value:
            raise error(thing, "is empty", allowed=f"{names} that is not empty")

    return check


class MoneyError(InputError):
    """An amount is a float, a bare integer, has too many decimals, or is negative where it may not be."""


class RateError(InputError):
    """A rate is not exact, negative, or above what its policy allows."""


class MoneyOverflowError(FenxiaoError, OverflowError):
    """A *result* does not fit into signed 64-bit minor units; intermediates never raise this."""


class TreeError(InputError):
    """The referral tree is not a forest: a cycle, a member twice, mixed label types."""


class PlacementError(InputError):
    """Places in legs do not fit: one taken twice, a cycle, a sponsor not placed, a leg beyond the width."""


class GenealogyError(InputError):
    """A log of who joined, moved and left contradicts itself: a join twice, a sponsor not in, a cycle."""


class UnknownMemberError(InputError):
    """A label that is not a member of the tree."""


class OrdersError(InputError):
    """Orders or events are malformed: a key twice, a column missing or of the wrong kind."""


class ChangesError(OrdersError):
    """A refund or another change is malformed, or does not fit the orders: more given back than was sold."""


class TimeError(InputError):
    """A time is naive, ambiguous, non-existent, or a period is not one."""


class PlanError(InputError):
    """A plan, policy or cap is malformed or names something the facts do not have."""


class ExpressionError(PlanError):
    """A base, a predicate or a ``Where`` cannot be understood or applied to these facts."""


class UnsupportedError(PlanError):
    """A combination that is understood and not supported; the message names the alternative."""


class CapRejectedError(FenxiaoError):
    """A cap with ``rule="reject"`` is exceeded; nothing was settled.

    For caps inside orders ``keys`` lists ``(order_id, line)`` of every order concerned; for wider caps
    ``labels`` lists the groups. Where several caps reject, it is about the one that comes first in the
    guard's sequence, which ``step`` numbers: stage, then limit.
    """

    keys: tuple[Any, ...] = ()
    step: tuple[int, int] = (0, 0)


class MergeError(InputError):
    """Two settlements cannot be merged: other plan, other tree, overlapping orders."""


class StateError(InputError):
    """A ``State`` does not belong to this plan or these facts, or is malformed."""


class InvariantError(FenxiaoError):
    """The second check contradicts the first: a defect in the library or in a policy. Nothing was settled."""


@unique
class Reason(IntEnum):
    """Why a line pays what it pays, or why somebody was passed over.

    Codes are closed and never renumbered. 0 means paid in full; 1 to 99 say why a claim did not arise; 100
    to 199 name the cap that cut most. 1000 to 1999 are reserved for users' policies and never used here.
    """

    PAID = 0
    """Allowed in full."""
    NO_MEMBER = 1
    """The order credits no member (a guest order): it earns nobody anything."""
    NOT_SELECTED = 2
    """The policy's ``where`` does not select this order."""
    NO_UPLINE = 3
    """Nobody stands at this level; the plan's written choice applies."""
    NOT_ELIGIBLE = 4
    """The policy's ``eligible`` predicate is false for this member."""
    NOT_ENTITLED = 5
    """The member's rank has no rate at this level."""
    SELF_PURCHASE = 6
    """The payee is the buyer and the plan does not pay self-purchases."""
    STOPPED = 7
    """The walk ended before this level."""
    BEYOND_DEPTH = 8
    """The plan does not reach this level."""
    ROUNDED_TO_ZERO = 9
    """The exact amount rounds to nothing; zero lines are not emitted."""
    ZERO_RATE = 10
    """The rate, the fixed amount, the base or the quantity is zero."""
    NOT_IN_PERIOD = 11
    """The order's anchor time lies outside the period that was settled."""
    NOT_UPLINE = 12
    """The member is not in the upline of this order."""

    NO_CLAIM = 13
    """A policy of the user's own claims nothing here for the member; only the policy knows why."""

    PAID_BELOW = 14
    """Everything up to the member's rate, ceiling or price is paid below him."""
    BLOCKED = 15
    """The member takes a step of a differential without being paid for it."""
    COMPRESSED = 16
    """The member is not on the policy's route, so that he uses up no level."""
    PASSED_UP = 17
    """The order passes this sponsor by: it is one of those that go to his own sponsor."""
    NOT_SOURCE = 18
    """The policy does not pay for orders, volumes or pay of this member."""
    NOT_FITTING = 19
    """The payee may not be paid for this member: a condition between the two does not hold."""
    EMPTY_POOL = 20
    """Nobody holds a share of the pool, which stays with the company."""
    BASE_ONLY = 21
    """The amount is what later policies take shares of; it is not paid itself."""
    NOT_AGENT = 22
    """The member is agent of no region that the order counts for."""

    CUT_LINE = 100
    """A cap on the order line."""
    CUT_PRODUCT_IN_ORDER = 101
    """A cap on a product inside the order."""
    CUT_POLICY_IN_ORDER = 102
    """A cap on a policy inside the order."""
    CUT_ORDER = 103
    """A cap on the order."""
    CUT_MARGIN = 104
    """The order's margin."""
    CUT_PAYEE = 110
    """A cap on the payee."""
    CUT_OWNER = 111
    """A cap on the person who owns several positions."""
    CUT_SOURCE = 112
    """A cap on what one source may cause to be paid."""
    CUT_POLICY = 120
    """A cap on the policy over the period."""
    CUT_PRODUCT = 121
    """A cap on the product over the period."""
    CUT_REGION = 122
    """A cap on the region over the period."""
    CUT_PERIOD = 130
    """A cap on the period."""
    CUT_PERIOD_MARGIN = 131
    """What the period's orders and funds leave for period claims."""
    CUT_COMPANY = 140
    """A cap on the company as a whole."""


USER_REASONS: Final = range(1000, 2000)
"""Codes that users' policies may use for their own reasons."""
