"""Keep the first or last rows of each group."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from ..kernels.concat import concat, take, take_batches
from ..kernels.group import group_ids, rows_by_group
from ..stage import TaskContext
from .held import PLACE, Held
from .parts import InParts

_BATCHES_HELD = 4
"""Rows are gone through again when they reach this many batches, and twice what was left."""


@dataclass(frozen=True, kw_only=True)
class RowsOfGroups:
    """Give the first `count` rows of each group, or the last, group after group.

    Groups come by their first appearance, the rows of one in their order. So the rows of a part
    can be given to it again with those of other parts.
    """

    keys: tuple[str, ...]
    count: int
    last: bool = False

    ordered: bool = False
    """Whether the first row of each group is needed as well, by which groups are ordered."""

    partial: bool = False
    """Whether what it gives is brought together with the rows of other parts."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"{'last' if self.last else 'first'} {self.count} by {', '.join(self.keys)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows that are kept, once the input is at its end."""
        parts = InParts(
            context=context,
            of=self,
            keys=lambda batch: [batch.column(name) for name in self.keys],
            make=partial(self._made, context),
            what=f"{self.label[0].upper()}{self.label[1:]}",
            advice="Raise memory_limit, take fewer workers, or ask for fewer rows of a group.",
            fewer=self._fewer,
        )
        left = 0
        most = _BATCHES_HELD * context.batch_rows
        with Held(context, self, parts.copies, parts.row_bytes) as held:
            for batch in batches:
                context.check()
                if not batch.num_rows:
                    continue
                if not held.add(batch) and not (parts.reduced(held) and held.add(batch)):
                    rest = itertools.chain(held.batches, [batch], batches)
                    yield from parts.spilled(rest, held)
                    return
                if held.rows >= most and held.rows >= 2 * left:
                    parts.reduced(held)
                    left = held.rows
            if held.rows:
                yield from self._made(context, held.batches, placed=False)

    def _fewer(self, held: list[pa.RecordBatch]) -> pa.RecordBatch:
        """Return the rows that may be given yet, and the first of each group, which orders them."""
        whole = concat(held)
        kept = np.sort(self._kept(whole, self.ordered or self.last))
        return take(whole, kept, held[0].schema)

    def _made(
        self, context: TaskContext, held: list[pa.RecordBatch], /, *, placed: bool
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows that are kept; as their places, those of the first rows of groups."""
        whole = concat(held)
        schema = held[0].schema
        if placed:
            groups = group_ids([whole.column(name) for name in self.keys], whole.num_rows)
            firsts = whole.column(PLACE).to_numpy()[groups.first_rows[groups.ids]]
            columns = [*whole.columns[:-1], pa.array(firsts)]
            whole = pa.RecordBatch.from_arrays(columns, names=whole.schema.names)
        kept = self._kept(whole, self.ordered and self.partial)
        yield from take_batches(whole, kept, schema, context.batch_rows)

    def _kept(self, rows: pa.RecordBatch, with_first: bool) -> np.ndarray:
        """Return the rows that are kept, group after group."""
        groups = group_ids([rows.column(name) for name in self.keys], rows.num_rows)
        ordered, starts = rows_by_group(groups)
        own = groups.ids[ordered]
        place = np.arange(len(ordered))
        behind_first, before_last = place - starts[own], starts[own + 1] - 1 - place
        kept = (before_last if self.last else behind_first) < self.count
        return ordered[kept | (behind_first == 0) if with_first else kept]
