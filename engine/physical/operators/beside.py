"""Put the columns of several inputs side by side, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class PasteColumns:
    """Give the rows of all parts side by side; those of the longest come as the task's input.

    The others are side inputs, in their order, each from its place in the task's ``skips`` on. A
    part that ends early is filled up with null.
    """

    schemas: tuple[pa.Schema, ...]
    """The columns of each part."""

    longest: int
    """Which of the parts is the task's input."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"put {len(self.schemas)} side by side"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows, cut wherever a batch of a part ends; nothing is copied."""
        others = [schema for number, schema in enumerate(self.schemas) if number != self.longest]
        sides = [
            _Rows(context.side(number), skip, schema)
            for number, (skip, schema) in enumerate(zip(context.skips, others, strict=True))
        ]
        names = [name for schema in self.schemas for name in schema.names]
        for batch in batches:
            done = 0
            while done < batch.num_rows:
                context.check()
                rows = min(batch.num_rows - done, *(side.ready() for side in sides))
                pieces = [side.take(rows) for side in sides]
                pieces.insert(self.longest, batch.slice(done, rows))
                done += rows
                columns = [column for piece in pieces for column in piece.columns]
                yield pa.RecordBatch.from_arrays(columns, names=names)


class _Rows:
    """The rows of one part, taken piece by piece."""

    def __init__(self, batches: Iterator[pa.RecordBatch], skip: int, schema: pa.Schema) -> None:
        self._batches = batches
        self._skip = skip
        self._schema = schema
        self._held: pa.RecordBatch | None = None

    def ready(self) -> float:
        """Return how many rows can be taken at once; infinitely many nulls behind the end."""
        while self._held is None or self._held.num_rows == 0:
            batch = next(self._batches, None)
            if batch is None:
                return float("inf")
            skipped = min(self._skip, batch.num_rows)
            self._skip -= skipped
            self._held = batch.slice(skipped)
        return self._held.num_rows

    def take(self, rows: int) -> pa.RecordBatch:
        """Return the next `rows`, of which so many are ready."""
        if self._held is None or self._held.num_rows == 0:
            columns = [pa.nulls(rows, dtype) for dtype in self._schema.types]
            return pa.RecordBatch.from_arrays(columns, names=self._schema.names)
        piece = self._held.slice(0, rows)
        self._held = self._held.slice(rows)
        return piece
