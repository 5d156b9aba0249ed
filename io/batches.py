"""Cut tables into record batches of a wanted length."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa


def without_columns(rows: int, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield batches that have `rows` rows in all and no column.

    >>> [batch.num_rows for batch in without_columns(5, 3)]
    [3, 2]
    """
    for start in range(0, rows, batch_rows):
        length = min(batch_rows, rows - start)
        # A batch of no arrays has no length of its own; one made of a struct keeps it.
        empty = pa.StructArray.from_buffers(pa.struct([]), length, [None])
        yield pa.RecordBatch.from_struct_array(empty)


def rebatched(table: pa.Table, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of `table` in batches of at most `batch_rows`, zero copy, none empty."""
    for batch in table.to_batches(max_chunksize=batch_rows):
        if batch.num_rows:
            yield batch
