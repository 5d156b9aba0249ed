"""Take rows by their place: from the beginning, or from the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class LimitRows:
    """Give `length` rows from row `offset` (counted from 0); all that follow if it is None."""

    offset: int
    length: int | None

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        rows = "all" if self.length is None else str(self.length)
        return f"limit {rows}" + (f" from {self.offset}" if self.offset else "")

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows; nothing more is read once there are enough."""
        skip, left = self.offset, self.length
        if left == 0:
            return
        for batch in batches:
            context.check()
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            piece = batch.slice(skip, left)
            skip = 0
            yield piece
            if left is not None:
                left -= piece.num_rows
                if left == 0:
                    return


@dataclass(frozen=True, kw_only=True)
class TailRows:
    """Give the last `count` rows; holds them and no more than one batch besides."""

    count: int

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"tail {self.count}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows, once the input is at its end."""
        held: deque[pa.RecordBatch] = deque()
        rows = 0
        for batch in batches:
            context.check()
            held.append(batch)
            rows += batch.num_rows
            while rows - held[0].num_rows >= self.count and len(held) > 1:
                rows -= held.popleft().num_rows
        surplus = max(rows - self.count, 0)
        for batch in held:
            piece = batch.slice(min(surplus, batch.num_rows))
            surplus -= min(surplus, batch.num_rows)
            if piece.num_rows:
                yield piece
