"""Pair every row of the streamed side with every row of a side input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..stage import TaskContext
from .build_side import Rows, WholeRead, paired


@dataclass(frozen=True, kw_only=True)
class CrossJoin:
    """Give all pairs of rows, a probe row with each row of the build side before the next.

    The product is never held: it is made in batches of at most `batch_rows`. The side input is
    held by each process, and refused if it is more than may be.
    """

    side: int
    swap: bool
    """Whether the left is the side input and the right streams."""

    output: tuple[tuple[str, str, str], ...]
    """The columns given: ``left`` or ``right``, the name there, the name given."""

    build_schema: pa.Schema
    id: str
    """What the side input is called in the cache: all tasks read the same."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return "cross join"

    @property
    def _build_role(self) -> str:
        return "left" if self.swap else "right"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the pairs of each probe batch."""
        built = self._built(context)
        if not built.count:
            return
        for batch in batches:
            most = context.memory.rows_at_once(context.batch_rows, batch, built.rows)
            for start in range(0, batch.num_rows * built.count, most):
                context.check()
                stop = min(start + most, batch.num_rows * built.count)
                pairs = np.arange(start, stop)
                places = pairs // built.count, pairs % built.count
                yield paired(batch, built, self._build_role, self.output, *places)

    def _built(self, context: TaskContext) -> Rows:
        key = "cross join", self.id, self.swap, self.output
        if key not in context.cache:
            wanted = [name for role, name, _ in self.output if role == self._build_role]
            whole = WholeRead(
                of=self, side=self.side, on=(), types=(), wanted=wanted, logical=self.build_schema
            )
            context.cache[key] = whole.rows(context)
        return context.cache[key]
