"""Batches of lines from guarded blocks, with the split of wide cuts to lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, ROW, AnyArray, IndexArray, MinorArray, RowArray
from fenxiao.lines.batch import NO_CUT, LineBatch, LineTerms
from fenxiao.lines.totals import entry_columns
from fenxiao.margin.cells import CellFinder
from fenxiao.money import ration_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fenxiao.lines.blocks import GuardedBlock
    from fenxiao.margin.cells import Cells
    from fenxiao.sheets import Sheet


@final
@attrs.frozen(eq=False, kw_only=True)
class WideSplit:
    """What wide caps leave of single entries: keys (ascending), amounts and the cap that cut most.

    An entry's key numbers it by row of the order line, stage and slot.
    """

    key: MinorArray
    allowed: MinorArray
    largest_cut: IndexArray
    width: int

    @classmethod
    def of(
        cls,
        blocks: Iterable[GuardedBlock],
        cells: Cells,
        allowed: MinorArray,
        largest_cut: IndexArray,
        rules: Sequence[str],
        width: int,
    ) -> WideSplit:
        """Split the cut cells to their entries by the rule of the cap that cut most.

        Parameters
        ----------
        blocks : all blocks of the run
        cells, allowed, largest_cut : before and after the wide caps
        rules : rule of each cap, then of the margin
        width : entries a row may have
        """
        finder, cut = CellFinder(cells), allowed < cells.amount
        keys, amounts, found, levels = [], [], [], []
        for guarded in blocks:
            rows = guarded.block.row_numbers
            for stage, sheet in enumerate(guarded.sheets):
                if sheet.slots == 0:
                    continue
                chosen = sheet.allowed > 0
                cell = finder.find(entry_columns(sheet, tuple(cells.keys), chosen))
                slot, line = np.nonzero(chosen)
                mine = np.flatnonzero(cut[cell])
                level = np.stack([sheet.levels(number) for number in range(sheet.slots)])[
                    slot[mine], line[mine]
                ]
                keys.append(entry_keys(rows[line[mine]], stage, slot[mine], width))
                amounts.append(sheet.allowed[slot[mine], line[mine]])
                found.append(cell[mine])
                levels.append(level)
        if not keys:
            none = np.zeros(0, dtype=MINOR)
            return cls(key=none, allowed=none, largest_cut=none.astype(INDEX), width=width)
        key, amount = np.concatenate(keys), np.concatenate(amounts)
        cell, level = np.concatenate(found), np.concatenate(levels)
        left = _rationed(key, amount, cell, level, allowed, largest_cut, rules)
        order = np.argsort(key, kind="stable")
        return cls(key=key[order], allowed=left[order], largest_cut=largest_cut[cell[order]], width=width)

    def apply(
        self, key: MinorArray, allowed: MinorArray, largest_cut: IndexArray
    ) -> tuple[MinorArray, IndexArray]:
        """Return allowed amounts and largest cuts of entries after the wide caps."""
        if len(self.key) == 0:
            return allowed, largest_cut
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        hit = self.key[place] == key
        after = np.where(hit, self.allowed[place], allowed)
        # A wide cut names the reason only where it took something from this very line.
        return after, np.where(after < allowed, self.largest_cut[place], largest_cut)


def _rationed(
    key: MinorArray,
    amount: MinorArray,
    cell: RowArray,
    level: IndexArray,
    allowed: MinorArray,
    largest_cut: IndexArray,
    rules: Sequence[str],
) -> MinorArray:
    left = np.zeros(len(key), dtype=MINOR)
    rule_of = np.array([rules[place] for place in largest_cut[cell].tolist()])
    for rule in sorted(set(rule_of.tolist())):
        mine = np.flatnonzero(rule_of == rule)
        mine = mine[np.lexsort((key[mine], level[mine]))]
        classes = np.zeros(len(mine), dtype=ROW) if rule == "priority" else None
        left[mine] = ration_many(amount[mine], cell[mine], allowed, rule, classes=classes)
    return left


def entry_keys(row: RowArray, stage: int, slot: RowArray, width: int) -> MinorArray:
    """Return a number for each entry: by row, then stage, then slot."""
    return (row * width + stage) * width + slot


def batch_of(
    guarded: GuardedBlock, terms: LineTerms, split: WideSplit | None, rows: RowArray | None = None
) -> LineBatch:
    """Return the lines of a block: claims above zero, by stage, policy, level, then order.

    Parameters
    ----------
    guarded : the block
    terms : what numbers stand for
    split : the split of wide cuts, None where there are none
    rows : the block's row numbers, if known
    """
    rows = guarded.block.row_numbers if rows is None else rows
    parts = [_part(sheet, stage, rows, split) for stage, sheet in enumerate(guarded.sheets) if sheet.slots]
    if not parts:
        return empty_batch(terms)
    columns = parts[0].columns
    if len(parts) > 1:
        columns = tuple(np.concatenate(same) for same in zip(*(part.columns for part in parts), strict=True))
    order_row, payee, policy, level, claimed, allowed, cut = columns
    return LineBatch(
        terms=terms,
        order_row=order_row,
        payee_index=payee,
        policy_place=policy,
        level=level,
        claimed=claimed,
        allowed=allowed,
        largest_cut=cut,
        base_of=lambda: np.concatenate([_bases(part.sheet, part.flat) for part in parts]),
    )


class _Part(NamedTuple):
    """The lines of one sheet: columns as in `LineBatch`, and which entries they are."""

    columns: tuple[AnyArray, ...]
    sheet: Sheet
    flat: RowArray


def _part(sheet: Sheet, stage: int, rows: RowArray, split: WideSplit | None) -> _Part:
    width = len(sheet.block)
    flat = np.flatnonzero(sheet.claimed.ravel())
    slot, line = np.divmod(flat, width)
    claimed = sheet.claimed.ravel().take(flat)
    allowed = claimed if sheet.allowed is sheet.claimed else sheet.allowed.ravel().take(flat)
    cut = (
        np.full(len(flat), NO_CUT, dtype=INDEX) if not sheet.cuts else sheet.largest_cut().ravel().take(flat)
    )
    policy = np.array(sheet.policy, dtype=INDEX).take(slot)
    order_row, payee = rows.take(line), sheet.payee.ravel().take(flat)
    if split is not None:
        allowed, cut = split.apply(entry_keys(order_row, stage, slot, split.width), allowed, cut)
    return _Part((order_row, payee, policy, _levels(sheet, slot, line), claimed, allowed, cut), sheet, flat)


def _levels(sheet: Sheet, slot: RowArray, line: RowArray) -> IndexArray:
    if sheet.uniform:
        by_slot = [level for _, claims in sheet.claims for level in claims.levels]
        return np.array(by_slot, dtype=INDEX).take(slot)
    return np.stack([sheet.levels(number) for number in range(sheet.slots)])[slot, line].astype(INDEX)


def _bases(sheet: Sheet, flat: RowArray) -> MinorArray:
    width = len(sheet.block)
    slot, line = np.divmod(flat, width)
    bases = np.zeros((len(sheet.claims), width), dtype=MINOR)
    for number, (_, claims) in enumerate(sheet.claims):
        if claims.base_of is not None:
            bases[number] = claims.base_of()
    policies = {place: number for number, (place, _) in enumerate(sheet.claims)}
    return bases[np.array([policies[place] for place in sheet.policy], dtype=ROW)[slot], line]


def empty_batch(terms: LineTerms) -> LineBatch:
    """Return no lines."""
    index, minor = np.zeros(0, dtype=INDEX), np.zeros(0, dtype=MINOR)
    return LineBatch(
        terms=terms,
        order_row=np.zeros(0, dtype=ROW),
        payee_index=index,
        policy_place=index,
        level=index,
        claimed=minor,
        allowed=minor,
        largest_cut=index,
    )


def joined(batches: Iterator[LineBatch], terms: LineTerms) -> LineBatch:
    """Return several batches as one."""
    parts = list(batches)
    if not parts:
        return empty_batch(terms)
    periods: tuple[str, ...] | None = None
    if any(part.earning_periods is not None for part in parts):
        periods = tuple(period for part in parts for period in part.earning_period)

    def column(name: str) -> object:
        return np.concatenate([getattr(part, name) for part in parts])

    names = ("order_row", "payee_index", "policy_place", "level", "claimed", "allowed", "largest_cut")
    columns = {name: column(name) for name in names}
    return LineBatch(
        terms=terms,
        base_of=lambda: np.concatenate([part.base for part in parts]),
        earning_periods=periods,
        **columns,  # type: ignore[arg-type]  # one array a name
    )
