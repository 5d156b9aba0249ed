"""Give the rows of a partition their numbers, or bits that follow from these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..kernels.text_loops import mix
from ..stage import TaskContext

_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, kw_only=True)
class AddRowIndex:
    """Give the number of each row as the first column `name`; the first row of all is `offset`."""

    name: str
    offset: int

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"number rows as {self.name}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the batches with one more column."""
        assert context.first_row is not None
        first = self.offset + context.first_row
        for batch in batches:
            context.check()
            numbers = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
            first += batch.num_rows
            yield pa.RecordBatch.from_arrays(
                [numbers, *batch.columns], names=[self.name, *batch.schema.names]
            )


@dataclass(frozen=True, kw_only=True)
class AddRandomBits:
    """Give bits that look random as the first column `name`: a hash of `seed` and row number."""

    name: str
    seed: int

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"draw with seed {self.seed}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the batches with one more column."""
        assert context.first_row is not None
        first = context.first_row
        start = mix(np.array([(self.seed * _GOLDEN + _GOLDEN) & _WORD], np.uint64))
        for batch in batches:
            context.check()
            numbers = np.arange(first, first + batch.num_rows, dtype=np.uint64)
            first += batch.num_rows
            # The splitmix64 generator, begun where the seed says; 63 bits: none is negative.
            bits = mix(numbers * np.uint64(_GOLDEN) + start) >> np.uint64(1)
            yield pa.RecordBatch.from_arrays(
                [pa.array(bits.view(np.int64)), *batch.columns],
                names=[self.name, *batch.schema.names],
            )
