"""Number the rows of all partitions in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..stage import TaskContext

ROW_BITS = 40
"""A number is the partition's and, in so many bits, the row's within it."""


@dataclass(frozen=True, kw_only=True)
class NumberRows:
    """Put a column of numbers behind the others that grow along the rows of all partitions.

    They are not consecutive: a partition need not know how many rows those before it have.
    """

    name: str

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return "number rows"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the batches with their numbers."""
        start = context.partition << ROW_BITS
        for batch in batches:
            stop = start + batch.num_rows
            numbers = pa.array(np.arange(start, stop))
            start = stop
            yield pa.RecordBatch.from_arrays(
                [*batch.columns, numbers], names=[*batch.schema.names, self.name]
            )
