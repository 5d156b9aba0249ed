"""Rows split into slots by a hash of their keys, so that equal keys meet in one slot."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .concat import positions
from .hash import hash_rows
from .hash_loops import choose_slots
from .lookup_loops import list_rows


def partition(batch: pa.RecordBatch, keys: Sequence[str], count: int) -> list[pa.RecordBatch]:
    """Return `count` batches, some of them empty, that hold the rows of `batch` in their order.

    The slot of a row depends on the values of its keys alone, see `hash_rows`; it is the same in
    every process, for every batch and for every way to carry the values.

    Method: a slot for each row, a counting sort of the rows by slot, one take of each column, and
    slices of it. Cost for a million rows of two columns, compiled: 10 ms.

    Examples
    --------
    >>> batch = pa.RecordBatch.from_pydict({"k": [1, 2, 3, 1]})
    >>> [part.to_pydict()["k"] for part in partition(batch, ["k"], 2)]
    [[3], [1, 2, 1]]
    """
    if count == 1:
        return [batch]
    if batch.num_rows == 0:
        return [batch] * count
    hashes = hash_rows([batch.column(name) for name in keys])
    slots = np.empty(batch.num_rows, np.int32)
    choose_slots(hashes, count, slots)
    starts, order = np.empty(count + 1, np.int32), np.empty(batch.num_rows, np.int32)
    list_rows(slots, starts, order)
    places = positions(order, complete=True)
    columns = [pc.take(column, places, boundscheck=False) for column in batch.columns]
    rows = pa.RecordBatch.from_arrays(columns, schema=batch.schema)
    edges = starts.tolist()
    return [rows.slice(start, stop - start) for start, stop in itertools.pairwise(edges)]
