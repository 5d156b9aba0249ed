"""Make columns of the fields of structs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ..stage import TaskContext


@dataclass(frozen=True, kw_only=True)
class UnnestStructs:
    """Give the fields of `columns` in their place; `names` are those of all columns afterwards."""

    columns: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """What to call it in a profile."""
        return f"unnest {', '.join(self.columns)}"

    def execute(
        self, batches: Iterator[pa.RecordBatch], context: TaskContext
    ) -> Iterator[pa.RecordBatch]:
        """Stream the batches; nothing is copied where no struct is null."""
        for batch in batches:
            context.check()
            made: list[pa.Array] = []
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                # `flatten` puts the nulls of the structs into their fields.
                made += column.flatten() if name in self.columns else [column]
            yield pa.RecordBatch.from_arrays(made, names=list(self.names))
