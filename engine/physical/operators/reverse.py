"""Turn the rows of a partition round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..spill import SpillFile
from ..stage import TaskContext
from .held import Held, SpilledTo


@dataclass(frozen=True, kw_only=True)
class ReverseRows:
    """Give the rows from the last to the first.

    Rows that may not be held are put aside, turned round, and come back behind later ones.
    """

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return "reverse"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows, once the input is at its end."""
        with Held(context, self, 2, 8) as held, SpilledTo(context, self) as files:
            runs: list[SpillFile] = []
            for batch in batches:
                context.check()
                if not batch.num_rows or held.add(batch):
                    continue
                if held.rows:
                    runs.append(files.run(_turned(held.batches)))
                    held.clear()
                if not held.add(batch):
                    runs.append(files.run(_turned([batch])))
            yield from _turned(held.batches)
            held.clear()
            for run in reversed(runs):
                yield from run.read()


def _turned(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows from the last to the first, and empty the list."""
    while batches:
        batch = batches.pop()
        yield batch.take(pa.array(np.arange(batch.num_rows - 1, -1, -1)))
