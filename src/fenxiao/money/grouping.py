"""What claims rules and allocation ask of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from fenxiao._arrays import ROW
from fenxiao.errors import InputError, MoneyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from fenxiao._arrays import FlagArray, MinorArray, RowArray
_GROUP: Final = "group column"


def rows_of(owner: RowArray, wanted: FlagArray) -> list[RowArray]:
    """Return the rows of each wanted group that has any, in their order."""
    rows = np.flatnonzero(np.take(wanted, owner))
    place = np.take(owner, rows)
    order = np.argsort(place, kind="stable")
    rows, place = rows[order], place[order]
    return [part for part in np.split(rows, np.flatnonzero(place[1:] != place[:-1]) + 1) if part.size]


def group_column(group: npt.NDArray[np.integer[Any]], rows: int, count: int) -> RowArray:
    """Return group numbers as row numbers of the groups, or raise `InputError`."""
    owner = np.asarray(group)
    if owner.shape != (rows,) or (rows and owner.dtype.kind not in "iu"):
        raise InputError(
            _GROUP,
            "does not match the rows",
            value=(owner.dtype.name, owner.shape),
            allowed=f"{rows} integers",
            hint="Give one group number per row",
        )
    wrong = (owner < 0) | (owner >= count)
    if wrong.any():
        raise InputError(
            _GROUP,
            "names a group that does not exist",
            rows=np.flatnonzero(wrong),
            allowed=f"0 to {count - 1}" if count else "nothing, as there are no groups",
            hint="Give a limit or a total for every group",
        )
    return owner.astype(ROW, copy=False)


def check_not_negative(column: MinorArray, thing: str) -> None:
    """Raise `MoneyError` with the rows that are below zero."""
    if column.size and int(column.min()) < 0:
        refuse_negative(thing, np.flatnonzero(column < 0))


def refuse_negative(thing: str, rows: Iterable[int] = ()) -> NoReturn:
    """Raise `MoneyError` for what is below zero."""
    raise MoneyError(
        thing,
        "below zero cannot be divided",
        rows=rows,
        allowed="0 or more",
        hint="Check the signs of the input",
    )
