"""Rows kept of a batch by a mask of numpy's, and of the columns that are needed only.

Of 123,000 doubles of which half is kept, Arrow's filter copies in 190 us, its take by row numbers
in 40 and numpy's in 22, and finding the row numbers takes 40 once for all columns. Where nearly all
rows are kept, Arrow's filter copies runs and is the fastest (17 to 45 us).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...expr.flat import boolean_array, fixed_values, with_values

NEARLY_ALL = 0.85
"""From this share of rows on, runs of kept rows are copied."""


def kept_rows(
    batch: pa.RecordBatch, mask: np.ndarray, kept: int, columns: Sequence[int]
) -> pa.RecordBatch:
    """Return the rows of `batch` for which `mask` is true, `kept` in number, of some columns."""
    few = batch.select(list(columns))
    if kept == batch.num_rows:
        return few
    if kept >= NEARLY_ALL * batch.num_rows:
        return few.filter(boolean_array(mask))
    return rows_at(few, np.flatnonzero(mask))


def rows_at(batch: pa.RecordBatch, places: np.ndarray) -> pa.RecordBatch:
    """Return the rows at `places`, which are within `batch`."""
    positions = pa.array(places)
    if not batch.num_columns:
        # A batch made of no columns would forget how many rows it has.
        return pa.RecordBatch.from_arrays([positions], names=[""]).select([])
    columns = []
    for column in batch.columns:
        values = fixed_values(column)
        columns.append(
            column.take(positions) if values is None else with_values(column, values.take(places))
        )
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
