"""Turn the rows of a partition round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class ReverseRows:
    """Give the rows from the last to the first; holds the whole partition."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return "reverse"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows, once the input is at its end."""
        held: list[pa.RecordBatch] = []
        for batch in batches:
            context.check()
            if batch.num_rows:
                held.append(batch)
        while held:
            context.check()
            batch = held.pop()
            yield batch.take(pa.array(np.arange(batch.num_rows - 1, -1, -1)))
