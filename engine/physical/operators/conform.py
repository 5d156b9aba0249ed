"""Bring batches to their logical schema, where they leave the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ...schema import conform
from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class ConformRows:
    """Give batches of exactly `schema`: dictionaries that are not in it are expanded."""

    schema: pa.Schema

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return "conform"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the batches in their logical types."""
        for batch in batches:
            context.check()
            if batch.num_rows:
                yield conform(batch, self.schema)
