"""Batches as tensors of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import InvalidExpression, MissingDependency, TypeMismatch, listed
from ..physical.kernels.concat import concat

Batches = Callable[[], Iterator[pa.RecordBatch]]


def torch_dataset(batches: Batches, schema: pa.Schema, batch_size: int | None) -> Any:
    """Return a ``torch.utils.data.IterableDataset`` of dicts of tensors.

    Parameters
    ----------
    batches
        Called anew for each pass over the rows.
    schema
        Of the batches.
    batch_size
        Rows of each dict but the last; None takes batches as they come.

    Raises
    ------
    MissingDependency
        If torch is not installed.
    TypeMismatch
        If a column is neither numbers nor booleans.
    """
    if batch_size is not None and (isinstance(batch_size, bool) or batch_size < 1):
        raise InvalidExpression(f"to_torch(batch_size={batch_size!r}): it is at least 1.")
    others = [field.name for field in schema if not _is_numeric(field.type)]
    if others:
        raise TypeMismatch(
            f"to_torch makes tensors of numbers and booleans, and {listed(others)} are neither."
            " Select other columns, or cast them."
        )
    try:
        # Late: optional, and heavy.
        import torch
        from torch.utils.data import IterableDataset, get_worker_info
    except ImportError:
        raise MissingDependency(
            "to_torch() needs PyTorch, which is not installed: pip install torch."
        ) from None

    class FrameDataset(IterableDataset):
        """The rows of a frame, which is run for each pass."""

        def __iter__(self) -> Iterator[dict[str, Any]]:
            worker = get_worker_info()
            if worker is not None and worker.id > 0:
                # Every loader process would give all rows; the frame runs on all cores by itself.
                return
            for arrays in numpy_batches(batches(), batch_size):
                yield {name: torch.from_numpy(values) for name, values in arrays.items()}

    return FrameDataset()


def _is_numeric(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_boolean(dtype)


def numpy_batches(
    batches: Iterator[pa.RecordBatch], batch_size: int | None
) -> Iterator[dict[str, np.ndarray]]:
    """Yield dicts of arrays that may be written to, of `batch_size` rows each but the last.

    Raises
    ------
    TypeMismatch
        If a column that is not floating has nulls; in one that is they are NaN.
    """
    for batch in batches if batch_size is None else _of_size(batches, batch_size):
        yield {
            name: _writable(column, name)
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }


def _of_size(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        start = 0
        while batch.num_rows - start >= size - rows:
            held.append(batch.slice(start, size - rows))
            start += size - rows
            yield concat(held)
            held, rows = [], 0
        if start < batch.num_rows:
            held.append(batch.slice(start))
            rows += batch.num_rows - start
    if held:
        yield concat(held)


def _writable(column: pa.Array, name: str) -> np.ndarray:
    if column.null_count and not pa.types.is_floating(column.type):
        raise TypeMismatch(
            f"Column {name!r} is {column.type} and has nulls, which no tensor can hold. Use"
            " .fill_null(value) or .drop_nulls() first, or cast it to float, where they are NaN."
        )
    # A copy: tensors may be written to, and Arrow's memory may not.
    return np.array(column.to_numpy(zero_copy_only=False))
