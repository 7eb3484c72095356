"""Batches of lines from guarded blocks, with the split of wide cuts to lines."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, final

import attrs
import numpy as np

from fenxiao._arrays import INDEX, MINOR, ROW, IndexArray, MinorArray, RowArray
from fenxiao.cells import CellFinder
from fenxiao.lines.batch import CutBatch, LineBatch, LineTerms
from fenxiao.lines.totals import entry_columns
from fenxiao.money import ration_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fenxiao.cells import Cells
    from fenxiao.lines.blocks import GuardedBlock
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
        """Split the cut cells, of which there is one at least, by the rule of the cap that cut most.

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
        key, amount = np.concatenate(keys), np.concatenate(amounts)
        cell, level = np.concatenate(found), np.concatenate(levels)
        left = _rationed(key, amount, cell, level, allowed, largest_cut, rules)
        order = np.argsort(key, kind="stable")
        return cls(key=key[order], allowed=left[order], largest_cut=largest_cut[cell[order]], width=width)

    def apply(
        self, key: MinorArray, allowed: MinorArray, largest_cut: IndexArray, most: MinorArray
    ) -> tuple[MinorArray, IndexArray]:
        """Return allowed amounts and largest cuts of entries after the wide caps.

        Parameters
        ----------
        key, allowed, largest_cut : of the entries, before the wide caps
        most : what the largest cut so far took from each
        """
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        after = np.where(self.key[place] == key, self.allowed[place], allowed)
        return after, np.where(allowed - after > most, self.largest_cut[place], largest_cut)


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


def batches_of(guarded: GuardedBlock, terms: LineTerms, split: WideSplit | None) -> Iterator[LineBatch]:
    """Yield the lines of a block, one batch a stage, policy and level: claims above zero, by order.

    Parameters
    ----------
    guarded : the block
    terms : what numbers stand for
    split : the split of wide cuts, None where there are none
    """
    rows = guarded.block.row_numbers
    for stage, sheet in enumerate(guarded.sheets):
        for slot in range(sheet.slots):
            batch = _slot_batch(sheet, stage, slot, rows, terms, split)
            if len(batch):
                yield batch


def _slot_batch(
    sheet: Sheet, stage: int, slot: int, rows: RowArray, terms: LineTerms, split: WideSplit | None
) -> LineBatch:
    claimed = sheet.claimed[slot]
    # Most slots claim something on every line: their columns are handed on without a copy.
    keep: RowArray | slice = slice(None) if claimed.all() else np.flatnonzero(claimed)
    claimed, allowed = claimed[keep], sheet.allowed[slot][keep]
    cut_of = partial(_largest_cut, sheet, slot, keep)
    order_row = rows[keep]
    if split is not None:
        key = entry_keys(order_row, stage, np.full(len(order_row), slot, dtype=ROW), split.width)
        allowed, cut = split.apply(key, allowed, *_cut_so_far(sheet, slot, keep))
        cut_of = partial(_given, cut)
    return LineBatch(
        terms=terms,
        order_row=order_row,
        payee_index=sheet.payee[slot][keep],
        policy_place=np.broadcast_to(np.asarray(sheet.policy[slot], dtype=INDEX), (len(claimed),)),
        level=sheet.levels(slot)[keep],
        claimed=claimed,
        allowed=allowed,
        cut_of=cut_of,
        base_of=partial(_base, sheet, slot, keep),
    )


def _given(column: IndexArray) -> IndexArray:
    return column


def _cut_so_far(sheet: Sheet, slot: int, keep: RowArray | slice) -> tuple[IndexArray, MinorArray]:
    place, most = sheet.largest_cut()
    return place[slot][keep], most[slot][keep]


def _largest_cut(sheet: Sheet, slot: int, keep: RowArray | slice) -> IndexArray:
    return _cut_so_far(sheet, slot, keep)[0]


def _base(sheet: Sheet, slot: int, keep: RowArray | slice) -> MinorArray:
    claims, first = next(
        (claims, slots.start) for _, claims, slots in sheet.parts() if slots.start <= slot < slots.stop
    )
    base = np.zeros(len(sheet.block), dtype=MINOR) if claims.base_of is None else claims.base_of()
    # Slots may have bases of their own.
    return (base[slot - first] if base.ndim == 2 else base)[keep]


def cuts_of(guarded: GuardedBlock, terms: LineTerms) -> Iterator[CutBatch]:
    """Yield what each cap inside orders took, slot by slot of a block."""
    rows = guarded.block.row_numbers
    for stage, sheet in enumerate(guarded.sheets):
        for cut in sheet.cuts:
            for slot, taken in zip(cut.slots.tolist(), cut.taken, strict=True):
                lines = np.zeros(len(rows), dtype=MINOR)
                lines[cut.lines] = taken
                batch = _slot_batch(sheet, stage, slot, rows, terms, None)
                amount = lines[np.flatnonzero(sheet.claimed[slot])]
                hit = np.flatnonzero(amount)
                if len(hit):
                    yield CutBatch(
                        lines=batch.take(hit), cap=terms.cap_name(cut.cap, in_order=True), amount=amount[hit]
                    )


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
        cut_of=partial(_given, index),
    )


def joined(batches: Iterator[LineBatch], terms: LineTerms) -> LineBatch:
    """Return several batches as one."""
    parts = list(batches)
    if not parts:
        return empty_batch(terms)
    periods: tuple[str, ...] | None = None
    if any(part.earning_periods is not None for part in parts):
        periods = tuple(period for part in parts for period in part.earning_period)

    names = ("order_row", "payee_index", "policy_place", "level", "claimed", "allowed")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return LineBatch(
        terms=terms,
        base_of=lambda: np.concatenate([part.base for part in parts]),
        cut_of=lambda: np.concatenate([part.largest_cut for part in parts]),
        earning_periods=periods,
        **columns,
    )
