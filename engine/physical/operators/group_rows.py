"""Keep the first or last rows of each group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..kernels.concat import concat, take, take_batches
from ..kernels.group import group_ids, rows_by_group
from ..stage import TaskContext

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
        held: list[pa.RecordBatch] = []
        rows = left = 0
        most = _BATCHES_HELD * context.batch_rows
        for batch in batches:
            context.check()
            if not batch.num_rows:
                continue
            held.append(batch)
            rows += batch.num_rows
            if rows >= most and rows >= 2 * left:
                whole, schema = concat(held), held[0].schema
                held = [take(whole, np.sort(self._kept(whole, self.ordered)), schema)]
                rows = left = held[0].num_rows
        if held:
            whole = concat(held)
            kept = self._kept(whole, self.ordered and self.partial)
            yield from take_batches(whole, kept, held[0].schema, context.batch_rows)

    def _kept(self, rows: pa.RecordBatch, with_first: bool) -> np.ndarray:
        """Return the rows that are kept, group after group."""
        groups = group_ids([rows.column(name) for name in self.keys], rows.num_rows)
        ordered, starts = rows_by_group(groups)
        own = groups.ids[ordered]
        place = np.arange(len(ordered))
        behind_first, before_last = place - starts[own], starts[own + 1] - 1 - place
        kept = (before_last if self.last else behind_first) < self.count
        return ordered[kept | (behind_first == 0) if with_first else kept]
