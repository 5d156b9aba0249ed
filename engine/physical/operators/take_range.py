"""Take a range of keys out of sorted runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ...expr.node import SortKey
from ..kernels.concat import copied
from ..kernels.mapped_rows import will_be_read
from ..kernels.sort import cut
from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class TakeRange:
    """Give the rows of each batch, sorted by `by`, that lie in the task's range of keys.

    A run is sorted, so the rows are neighbours: two binary searches and a slice without a copy.
    """

    by: tuple[SortKey, ...]

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return "take range"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the parts of the batches, in their order."""
        wanted = context.key_range
        assert wanted is not None
        for batch in batches:
            context.check()
            start, stop = 0, batch.num_rows
            if wanted.low is not None:
                (start,) = cut(batch, self.by, [wanted.low], wanted.without_low)
            if wanted.high is not None:
                (stop,) = cut(batch, self.by, [wanted.high], wanted.with_high)
            if stop > start:
                piece = batch.slice(start, stop - start)
                if context.copies:
                    will_be_read(piece)
                    piece = copied(piece)
                yield piece
