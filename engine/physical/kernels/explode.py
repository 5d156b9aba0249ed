"""Rows made of lists: one for each value, with the other columns repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ...errors import ComputeError
from ...schema import decoded
from .words import validity


def explode(
    batch: pa.RecordBatch,
    columns: Sequence[str],
    *,
    empty_as_null: bool,
    keep_nulls: bool,
    batch_rows: int,
) -> Iterator[pa.RecordBatch]:
    """Yield a row for each value of the lists in `columns`, in batches of at most `batch_rows`.

    Parameters
    ----------
    batch
        The rows.
    columns
        Names of columns of lists; in each row they are equally long.
    empty_as_null, keep_nulls
        Whether an empty list, and a null in place of a list, give one row with null.
    batch_rows
        Most rows of a batch; a list may be longer.

    Raises
    ------
    ComputeError
        If the lists of a row are not equally long.
    """
    lists = {name: decoded(batch.column(name)) for name in columns}
    lengths = {name: _lengths(array) for name, array in lists.items()}
    counts = {
        name: np.where(found < 0, int(keep_nulls), np.where(found == 0, int(empty_as_null), found))
        for name, found in lengths.items()
    }
    first = counts[columns[0]]
    if any((found != first).any() for found in counts.values()):
        raise _of_different_lengths(lengths, counts)
    # Of the rows of one batch alone: 32,768 lists of 10,000 values would take 7 GB of numbers.
    ends = np.cumsum(first)
    made_rows = int(ends[-1]) if len(ends) else 0
    for start in range(0, made_rows, batch_rows):
        stop = min(start + batch_rows, made_rows)
        begin, end = np.searchsorted(ends, [start, stop - 1], side="right")
        touched = np.arange(begin, end + 1)
        starts = ends[touched] - first[touched]
        repeats = np.minimum(ends[touched], stop) - np.maximum(starts, start)
        row = np.repeat(touched, repeats)
        within = np.arange(start, stop) - np.repeat(starts, repeats)
        made = [
            _values(lists[name], lengths[name], row, within)
            if name in lists
            else batch.column(name).take(pa.array(row))
            for name in batch.schema.names
        ]
        yield pa.RecordBatch.from_arrays(made, names=batch.schema.names)


def _lengths(array: pa.Array) -> np.ndarray:
    """Return how many values each list has, int64; -1 for a null."""
    if pa.types.is_fixed_size_list(array.type):
        lengths = np.full(len(array), array.type.list_size, np.int64)
    else:
        lengths = np.diff(np.asarray(array.offsets)).astype(np.int64)
    valid = validity(array)
    return lengths if valid is None else np.where(valid, lengths, -1)


def _starts(array: pa.Array) -> np.ndarray:
    """Return where the values of each list begin in ``array.values``."""
    if pa.types.is_fixed_size_list(array.type):
        return (np.arange(len(array)) + array.offset) * array.type.list_size
    return np.asarray(array.offsets)[:-1].astype(np.int64)


def _values(array: pa.Array, lengths: np.ndarray, row: np.ndarray, within: np.ndarray) -> pa.Array:
    """Return value `within` of the list in each `row`; null for one without values."""
    missing = lengths[row] <= 0
    places = np.where(missing, 0, _starts(array)[row] + within)
    return array.values.take(pa.array(places, mask=missing if missing.any() else None))


def _of_different_lengths(
    lengths: dict[str, np.ndarray], counts: dict[str, np.ndarray]
) -> ComputeError:
    """Return (not raise) the error that shows the first row whose lists do not fit."""
    table = np.stack(list(counts.values()))
    row = int(np.flatnonzero((table != table[0]).any(axis=0))[0])
    found = {name: int(values[row]) for name, values in lengths.items()}
    shown = ", ".join(
        f"{name!r} {'is null' if length < 0 else f'has {length}'}" for name, length in found.items()
    )
    return ComputeError(
        f"explode of several columns needs lists of equal lengths in each row, and in one row"
        f" {shown}. Explode them one by one, or filter such rows first."
    )
