"""Division of integers that rounds down, over numpy: Arrow's own rounds towards zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError
from .function import Value


def integer_division(left: Value, right: Value, operation: Callable[..., np.ndarray]) -> Value:
    """Return a division of integers; by zero it is null."""
    nonzero = pc.if_else(pc.equal(right, 0), pa.scalar(None, right.type), right)
    dividend, divisor = numpy_values(left), numpy_values(nonzero, filling=1)
    if operation is np.floor_divide and np.issubdtype(dividend.dtype, np.signedinteger):
        least = np.iinfo(dividend.dtype).min
        if np.any((dividend == least) & (divisor == -1)):
            raise ComputeError(f"overflow: {least} // -1 does not fit {left.type}")
    return with_nulls_of(operation(dividend, divisor).astype(dividend.dtype), left, nonzero)


def numpy_values(value: Value, filling: int | None = None) -> np.ndarray:
    """Return the values as numpy's; rows that are null hold `filling` (or anything)."""
    array = as_array(value)
    if array.null_count:
        array = pc.fill_null(array, pa.scalar(filling or 0, array.type))
    return array.to_numpy(zero_copy_only=False)


def as_array(value: Value) -> pa.Array:
    return pa.repeat(value, 1) if isinstance(value, pa.Scalar) else value


def with_nulls_of(values: np.ndarray, left: Value, right: Value) -> pa.Array:
    """Return numpy values as an array that is null where `left` or `right` is."""
    masks = [
        np.broadcast_to(np.asarray(as_array(each).is_null()), values.shape)
        for each in (left, right)
        if not isinstance(each, pa.Array) or each.null_count
    ]
    mask = np.logical_or.reduce(masks) if masks else None
    return pa.array(values, mask=mask)
