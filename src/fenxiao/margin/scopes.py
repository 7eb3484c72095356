"""Groups and limits of wide caps: by payee, owner, source, policy, product, region, or all in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, INSTANT, MINOR, ROW, IndexArray, MinorArray, RowArray
from fenxiao._columns import Categories, Numbers
from fenxiao.cells import NONE
from fenxiao.errors import InputError, PlanError
from fenxiao.limits import anniversary
from fenxiao.money import to_minor
from fenxiao.periods import EPOCH_DAY, anniversaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fenxiao.cells import Cells
    from fenxiao.limits import Cap
    from fenxiao.policies.setting import Setting
    from fenxiao.state import Deferred


@final
@attrs.frozen(eq=False)
class ScopeGroups:
    """Which group each cell belongs to.

    Attributes
    ----------
    of_cell : int64 [cells]
        Number of the group.
    names : tuple
        What `State` calls the groups: a member's label, an owner, a policy's name, a product, ...
    code : int64 [groups]
        The member's index, the owner's, product's or region's code; 0 where there is one group.
    """

    of_cell: RowArray
    names: tuple[Any, ...]
    code: RowArray


@final
class KeyLabels:
    """What the codes of cells' keys stand for: values of the orders, then those that only deferred pay knows.

    Parameters
    ----------
    setting : what is settled
    deferred : what earlier runs deferred
    """

    __slots__ = ("_setting", "_values")

    def __init__(self, setting: Setting, keys: Sequence[str], deferred: Sequence[Deferred]) -> None:
        self._setting = setting
        self._values: dict[str, list[Any]] = {}
        for name in keys:
            if name in ("product", "region"):
                values = list(setting.everything.codes(name)[1]) if len(setting.facts.orders) else []
                extra = [label for entry in deferred for key, label in entry.keys if key == name]
                self._values[name] = values + [
                    label for label in dict.fromkeys(extra) if label not in set(values)
                ]

    def values(self, name: str) -> list[Any]:
        """Return the labels of a product's or region's codes."""
        return self._values[name]

    def code(self, name: str, label: Any) -> int:
        """Return the code of a label."""
        if name == "level":
            return int(label)
        return self._setting.facts.tree.index(label) if name == "source" else self._values[name].index(label)

    def label(self, name: str, code: int) -> Any:
        """Return the label of a code."""
        if name == "level":
            return code
        return self._setting.facts.tree.label(code) if name == "source" else self._values[name][code]


def groups_of_cells(
    cap: Cap, cells: Cells, setting: Setting, policies: Sequence[str], labels: KeyLabels
) -> ScopeGroups:
    """Return the groups of a wide cap."""
    tree = setting.facts.tree
    if cap.scope == "payee":
        code, of_cell = np.unique(cells.payee, return_inverse=True)
        names = tuple(tree.labels(code).tolist())
    elif cap.scope == "source":
        code, of_cell = np.unique(cells.keys["source"], return_inverse=True)
        names = tuple(None if index == NONE else tree.label(int(index)) for index in code)
    elif cap.scope == "owner":
        by_member, values = owners(setting)
        code, of_cell = np.unique(by_member[cells.payee], return_inverse=True)
        names = tuple(values[int(owner)] for owner in code)
    elif cap.scope == "policy":
        code, of_cell = np.unique(cells.policy, return_inverse=True)
        names = tuple(policies[int(place)] for place in code)
    elif cap.scope in ("product", "region"):
        known = labels.values(cap.scope)
        code, of_cell = np.unique(cells.keys[cap.scope], return_inverse=True)
        names = tuple(None if value == NONE else known[int(value)] for value in code)
    else:
        return ScopeGroups(np.zeros(len(cells), dtype=ROW), ("",), np.zeros(1, dtype=ROW))
    return ScopeGroups(of_cell.astype(ROW).ravel(), names, code.astype(ROW))


def owners(setting: Setting) -> tuple[IndexArray, tuple[Any, ...]]:
    """Return the code of each member's owner and what the codes stand for."""
    column = setting.member_column("owner")
    if isinstance(column, Numbers):
        values, codes = np.unique(column.values, return_inverse=True)
        return codes.astype(INDEX).ravel(), tuple(values.tolist())
    if not isinstance(column, Categories) or (column.codes < 0).any():
        raise InputError(
            "members column 'owner'", "does not name everybody's owner", allowed="text or integers, no nulls"
        )
    return column.codes, column.values


def limits_of_groups(cap: Cap, groups: ScopeGroups, setting: Setting, labels: KeyLabels) -> MinorArray:
    """Return the limit of each group in minor units."""
    if cap.money is not None:
        limit = to_minor(cap.money, setting.decimals, thing=f"cap {cap.name!r}")
        return np.full(len(groups.names), limit, dtype=MINOR)
    if cap.by_rank:
        return _by_rank(cap, groups, setting)
    if cap.column is not None:
        return _by_column(cap, groups, setting)
    block = setting.everything
    if not len(setting.facts.orders):
        return np.zeros(len(groups.names), dtype=MINOR)
    group, count, place = _lines_by_group(cap, groups, setting, labels)
    summed = cap.of.value(block).grouped(group, count)  # type: ignore[union-attr]  # the only kind left
    return summed.limit(cap.rate.fraction)[place]  # type: ignore[union-attr]  # the only kind left here


def _lines_by_group(
    cap: Cap, groups: ScopeGroups, setting: Setting, labels: KeyLabels
) -> tuple[Any, int, RowArray]:
    """Return each line's group, the number of such groups, and where each cap group stands among them."""
    block = setting.everything
    if cap.scope in ("payee", "source"):
        return block.member, setting.size + 1, groups.code
    if cap.scope == "owner":
        by_member, values = owners(setting)
        # Guests belong to nobody; their number comes last.
        of_member = np.append(by_member, INDEX(len(values)))
        return of_member[block.member], len(values) + 1, groups.code
    if cap.scope in ("product", "region"):
        codes, count = block.codes(cap.scope)[0], len(labels.values(cap.scope))
        return np.where(codes < 0, INDEX(count), codes), count + 1, groups.code
    return np.zeros(len(block), dtype=ROW), 1, np.zeros(len(groups.names), dtype=ROW)


def _by_rank(cap: Cap, groups: ScopeGroups, setting: Setting) -> MinorArray:
    column = setting.member_column(cap.rank_column)
    table = {
        rank: to_minor(money, setting.decimals, thing=f"cap {cap.name!r}") for rank, money in cap.by_rank
    }
    if not isinstance(column, Categories):
        raise PlanError(
            f"members column {cap.rank_column!r}", "is not text", hint='Ranks are names, such as "gold"'
        )
    missing = [value for value in column.values if str(value) not in table]
    if missing or (column.codes < 0).any():
        raise PlanError(
            f"cap {cap.name!r}, by_rank",
            "has no limit for every rank that occurs",
            value=missing,
            allowed=", ".join(table),
        )
    limits = np.array([table[str(value)] for value in column.values], dtype=MINOR)
    return limits[column.codes[groups.code]]


def _by_column(cap: Cap, groups: ScopeGroups, setting: Setting) -> MinorArray:
    name = cap.column or ""
    money = setting.member_money(name, f"cap {cap.name!r}")
    if cap.scope == "payee":
        return money[groups.code]
    by_member, values = owners(setting)
    limits = np.full(len(values), NONE, dtype=MINOR)
    limits[by_member] = money
    if (limits[by_member] != money).any():
        raise PlanError(
            f"cap {cap.name!r}",
            f"reads column {name!r}, which differs between positions of one owner",
            allowed="one limit an owner",
        )
    return limits[groups.code]


def windows_of_groups(cap: Cap, groups: ScopeGroups, setting: Setting) -> tuple[tuple[str, ...], IndexArray]:
    """Return what `State` calls the windows of a cap over more than a period, and the one of each group.

    Raises
    ------
    PlanError
        The cap holds for years and no period is given, or the members have no dates of joining.
    """
    every = np.zeros(len(groups.names), dtype=INDEX)
    if cap.window == "lifetime":
        return ("lifetime",), every
    if setting.period is None:
        raise PlanError(
            f"cap {cap.name!r}",
            "holds for a year and no period is given",
            hint="Pass settle(..., period=month(2026, 10))",
        )
    start = setting.period.start
    if cap.window == "year":
        return (str(start.year),), every
    # Pay that no order caused has no source, and so no year but the first.
    day = np.array([start.toordinal() - EPOCH_DAY], dtype=INSTANT)
    joined = np.append(setting.joined(f"cap {cap.name!r}"), day)[groups.code]
    numbers, place = np.unique(anniversaries(joined, day), return_inverse=True)
    return tuple(map(anniversary, numbers.tolist())), place.astype(INDEX).ravel()
