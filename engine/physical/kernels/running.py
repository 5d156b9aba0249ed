"""Window kernels of all rows up to a row: running sums, products, extremes and counts.

Values are combined one after the other, in the order of the rows, so that a running sum has the
very bits that a loop would give.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import ComputeError
from .accumulate import doubles, exact_to_integers, order_ranks
from .limbs import from_limbs, two_words
from .segments import Segments
from .words import of_integers, storage, validity

_SHORT = 128
"""Segments of at most so many rows are gone through side by side, longer ones one by one."""

_LIMB = np.int64(0xFFFFFFFF)


def accumulated(operation: np.ufunc, values: np.ndarray, segments: Segments) -> np.ndarray:
    """Return each value combined with all before it in its segment.

    Method: a long segment is one call of `operation.accumulate`; the short ones are gone through
    side by side, first all their second rows, then all their third ones. So there are never more
    calls than a small share of the rows. Cost for a million rows: 3 ms in one segment, 5 ms in
    250,000.
    """
    if segments.count <= 1:
        return operation.accumulate(values) if len(values) else values.copy()
    result = values.copy()
    for number in np.flatnonzero(segments.lengths > _SHORT).tolist():
        run = slice(int(segments.starts[number]), int(segments.starts[number + 1]))
        operation.accumulate(values[run], out=result[run])
    short = segments.lengths <= _SHORT
    starts, lengths = segments.starts[:-1][short], segments.lengths[short]
    # The longest first: those that have ended are then the last ones.
    by_length = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[by_length], lengths[by_length]
    ends = np.searchsorted(-lengths, -np.arange(_SHORT + 1), side="left")
    for step in range(1, int(lengths[0]) if len(lengths) else 0):
        rows = starts[: ends[step]] + step
        result[rows] = operation(result[rows - 1], values[rows])
    return result


def turned(
    kernel: Callable[[Segments, pa.Array, pa.DataType], pa.Array],
) -> Callable[[Segments, pa.Array, pa.DataType, bool], pa.Array]:
    """Return `kernel` with a further argument: whether to go from the last row to the first."""

    @functools.wraps(kernel)
    def either_way(
        segments: Segments, array: pa.Array, dtype: pa.DataType, reverse: bool
    ) -> pa.Array:
        if not reverse:
            return kernel(segments, array, dtype)
        backwards = pa.array(np.arange(len(array))[::-1])
        found = kernel(segments.reversed(), array.take(backwards), dtype)
        return found.take(backwards)

    return either_way


@turned
def running_sum(segments: Segments, array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return running sums, exact of all but floats; null for null.

    Raises
    ------
    ComputeError
        If one does not fit into `dtype`.
    """
    valid = validity(array)
    if pa.types.is_floating(array.type):
        with np.errstate(invalid="ignore", over="ignore"):
            # Plus zero, as a sum of rows begins: a part of all -0.0 that is carried on is 0.0.
            sums = accumulated(np.add, doubles(array) + 0.0, segments)
        return pc.cast(pa.array(sums, mask=_mask(valid)), dtype)
    low, high = two_words(array)
    if high is None and not pa.types.is_decimal(dtype) and dtype != pa.uint64():
        values = low.view(np.int64)
        sums = accumulated(np.add, values, segments)
        before = sums - values
        if (((before ^ sums) & (values ^ sums)) < 0).any():
            raise ComputeError(
                f"a running sum does not fit into {dtype}. Cast to a decimal or a double before"
                " summing."
            )
        return of_integers(sums, valid, dtype)
    limbs = limbs_of(low, high)
    scale = dtype.scale if pa.types.is_decimal(dtype) else 0
    total = from_limbs(
        [accumulated(np.add, limb, segments) for limb in limbs], pa.decimal128(38, scale)
    )
    made = total if pa.types.is_decimal(dtype) else exact_to_integers(total, dtype)
    return made if valid is None else pc.if_else(pa.array(valid), made, pa.scalar(None, dtype))


def limbs_of(low: np.ndarray, high: np.ndarray | None) -> list[np.ndarray]:
    """Return 64 or 128 bits as int64 of 32 bits each, the least first; the last has the sign."""
    lower = low.view(np.int64)
    if high is None:
        return [lower & _LIMB, lower >> np.int64(32)]
    upper = (low >> np.uint64(32)).view(np.int64)
    return [lower & _LIMB, upper, high & _LIMB, high >> np.int64(32)]


def _mask(valid: np.ndarray | None) -> np.ndarray | None:
    return None if valid is None else ~valid


@turned
def running_product(segments: Segments, array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return running products; null for null.

    Raises
    ------
    ComputeError
        If one of integers does not fit into `dtype`.
    """
    valid = validity(array)
    floats = doubles(array)
    if valid is not None:
        floats = np.where(valid, floats, 1.0)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        near = accumulated(np.multiply, floats, segments)
    if pa.types.is_floating(dtype):
        return pc.cast(pa.array(near, mask=_mask(valid)), dtype)
    kind = np.uint64 if dtype == pa.uint64() else np.int64
    values = storage(array).astype(kind)
    if valid is not None:
        values = np.where(valid, values, kind(1))
    exact = accumulated(np.multiply, values, segments)
    # What has wrapped around is off by 2**64, far more than the doubles are.
    if not np.allclose(exact.astype(np.float64), near, rtol=1e-6, atol=0.0):
        raise ComputeError(f"a running product does not fit into {dtype}. Cast to a double first.")
    return pa.array(exact, mask=_mask(valid))


def running_extreme(
    segments: Segments, array: pa.Array, dtype: pa.DataType, reverse: bool, *, largest: bool
) -> pa.Array:
    """Return the least or greatest so far; null for null, NaN where there is nothing else."""
    return (_running_max if largest else _running_min)(segments, array, dtype, reverse)


def _extreme(segments: Segments, array: pa.Array, dtype: pa.DataType, *, largest: bool) -> pa.Array:
    valid = validity(array)
    if pa.types.is_floating(array.type):
        # Plus zero: -0.0 becomes 0.0, else the order of two equal zeros would show.
        values = storage(array) + storage(array).dtype.type(0)
        if valid is not None:
            values = np.where(valid, values, values.dtype.type(np.nan))
        found = accumulated(np.fmax if largest else np.fmin, values, segments)
        return pa.array(found, mask=_mask(valid))
    ranks, distinct = order_ranks(array)
    valid = np.asarray(array.is_valid()) if distinct is not None else valid
    if valid is not None:
        limits = np.iinfo(np.int64)
        ranks = np.where(valid, ranks, limits.min if largest else limits.max)
    found = accumulated(np.maximum if largest else np.minimum, ranks, segments)
    return of_ranks(found, valid, distinct, dtype)


def of_ranks(
    ranks: np.ndarray, valid: np.ndarray | None, distinct: pa.Array | None, dtype: pa.DataType
) -> pa.Array:
    """Return the values that `order_ranks` turned into ranks."""
    if valid is not None:
        ranks = np.where(valid, ranks, 0)
    if distinct is None:
        return of_integers(ranks, valid, dtype)
    return distinct.take(pa.array(ranks, mask=_mask(valid)))


@turned
def _running_min(segments: Segments, array: pa.Array, dtype: pa.DataType) -> pa.Array:
    return _extreme(segments, array, dtype, largest=False)


@turned
def _running_max(segments: Segments, array: pa.Array, dtype: pa.DataType) -> pa.Array:
    return _extreme(segments, array, dtype, largest=True)


@turned
def running_count(segments: Segments, array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return how many values so far are not null."""
    counts = np.cumsum(np.asarray(pc.is_valid(array)).astype(np.int64))
    before = np.append(0, counts)[segments.first]
    return pa.array(counts - before)
