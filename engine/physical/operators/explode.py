"""Make a row of each value of a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ..kernels.explode import explode
from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class ExplodeRows:
    """Give a row for each value of the lists in `columns`; see `Explode` for what is empty."""

    columns: tuple[str, ...]
    empty_as_null: bool
    keep_nulls: bool

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"explode {', '.join(self.columns)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows; a batch with long lists is given in several."""
        for batch in batches:
            beside = batch.drop_columns([*self.columns])
            for made in explode(
                batch,
                self.columns,
                empty_as_null=self.empty_as_null,
                keep_nulls=self.keep_nulls,
                batch_rows=context.memory.rows_at_once(context.batch_rows, beside),
            ):
                context.check()
                yield made
