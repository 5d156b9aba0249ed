"""Keep the rows that a predicate holds for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...expr.condition import truth_of
from ...expr.node import Expr
from ...expr.text import text_of
from ...schema import field_index
from ..kernels.kept import kept_rows
from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class FilterRows:
    """Keep the rows for which `predicate` is true: not those where it is false or null."""

    predicate: Expr

    columns: tuple[str, ...] | None = None
    """The columns that are given, None for all: what only the predicate reads is not copied."""

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"filter ({text_of(self.predicate)})"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream what is kept of each batch; a batch of which all is kept passes uncopied."""
        schema = None
        for batch in batches:
            context.check()
            if not batch.num_rows:
                continue
            if schema is None or not batch.schema.equals(schema):
                # Text is a dictionary in some batches and plain in others.
                schema = batch.schema
                test = truth_of(self.predicate, schema)
                names = schema.names if self.columns is None else self.columns
                places = [field_index(schema, name) for name in names]
            mask = test(batch)
            kept = int(np.count_nonzero(mask))
            if kept == batch.num_rows and self.columns is None:
                yield batch
            elif kept:
                yield kept_rows(batch, mask, kept, places)
