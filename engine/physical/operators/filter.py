"""Keep the rows that a predicate holds for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ...expr.evaluate import evaluate
from ...expr.node import Expr
from ...expr.text import text_of
from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class FilterRows:
    """Keep the rows for which `predicate` is true: not those where it is false or null."""

    predicate: Expr

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"filter ({text_of(self.predicate)})"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream what is kept of each batch; a batch of which all is kept passes uncopied."""
        for batch in batches:
            context.check()
            mask = evaluate(self.predicate, batch)
            if not pa.types.is_boolean(mask.type):
                mask = pc.cast(mask, pa.bool_())
            kept = mask.true_count
            if kept == batch.num_rows:
                if kept:
                    yield batch
            elif kept:
                yield batch.filter(mask)
