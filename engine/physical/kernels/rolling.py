"""Window kernels of neighbouring rows: sums, means, extremes, spreads and quantiles of each window.

A window is put together from blocks of 1, 2, 4, ... rows, by the digits of its length. Nothing is
ever taken out of a sum again, so a large value leaves no trace in the windows behind it, and each
result depends on the rows of its window alone: the same bits wherever a partition begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr.rolling import window_bounds
from .accumulate import doubles, exact_to_integers, order_ranks
from .limbs import from_limbs, two_words
from .running import limbs_of, of_ranks
from .segments import Segments
from .words import storage, validity

Columns = tuple[np.ndarray, ...]
"""What is combined: one array, or several that make a state together."""

Combine = Callable[[Columns, Columns], Columns]
"""Combines the states of earlier rows with those of later ones."""

_SAFE = 2**62
Options = Mapping[str, Any]
Interpolation = Literal["nearest", "higher", "lower", "midpoint", "linear"]


class Windows:
    """The rows that belong to the window of each row."""

    def __init__(self, segments: Segments, options: Options) -> None:
        before, after = window_bounds(options)
        rows = np.arange(segments.rows)
        self.starts = np.maximum(rows - before, segments.first)
        self.ends = np.minimum(rows + after, segments.last)
        least = options["min_samples"]
        self.least = int(options["window_size"] if least is None else least)
        self.widths = self.ends - self.starts + 1

    def combined(self, values: Columns, combine: Combine) -> Columns:
        """Return the values of each window put together.

        Windows of the full length are all put together at once, by moving whole columns against
        each other; the shorter ones, at the edges of segments, one digit at a time. The blocks of
        a window and their order depend on its length alone. Cost: one pass over the rows for each
        binary digit of the longest window, two where the digit is set; 25 ms for the sums of a
        million windows of a hundred rows.
        """
        rows = len(self.widths)
        most = int(self.widths.max(initial=0))
        whole = self.widths == most
        edges = _Edges(np.flatnonzero(~whole), self.widths, self.ends, values)
        fixed: Columns | None = None
        # A block is known by its first row, and there are fewer of them the longer they are.
        block, size, behind = values, 1, 0
        while size <= most:
            if most & size:
                behind += size
                part = tuple(column[most - behind : rows - behind + 1] for column in block)
                fixed = part if fixed is None else combine(part, fixed)
            edges.take(block, size, combine)
            if 2 * size <= most:
                block = combine(
                    tuple(column[:-size] for column in block),
                    tuple(column[size:] for column in block),
                )
            size *= 2
        if fixed is None:
            return values
        places = self.ends[whole] - (most - 1)
        result = tuple(np.empty(rows, column.dtype) for column in fixed)
        for made, column, own in zip(result, fixed, edges.result, strict=True):
            made[whole] = column[places]
            made[edges.rows] = own
        return result

    def counts(self, flags: np.ndarray) -> np.ndarray:
        """Return how many flags are set in each window."""
        summed = np.append(0, np.cumsum(flags.astype(np.int64)))
        return summed[self.ends + 1] - summed[self.starts]

    def valid(self, array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return how many values of each window are not null, and whether these are enough."""
        counts = self.counts(np.asarray(pc.is_valid(array)))
        return counts, counts >= self.least


class _Edges:
    """The windows that are shorter than the longest, put together digit by digit."""

    def __init__(
        self, rows: np.ndarray, widths: np.ndarray, ends: np.ndarray, values: Columns
    ) -> None:
        self.rows = rows
        self.result = tuple(np.zeros(len(rows), column.dtype) for column in values)
        self._widths = widths[rows]
        self._places = ends[rows] + 1
        self._filled = np.zeros(len(rows), np.bool_)

    def take(self, block: Columns, size: int, combine: Combine) -> None:
        """Put a block of `size` rows before what the windows with that digit have already."""
        taking = np.flatnonzero(self._widths & size)
        if len(taking) == 0:
            return
        self._places[taking] -= size
        part = tuple(column[self._places[taking]] for column in block)
        both = combine(part, tuple(column[taking] for column in self.result))
        fresh = ~self._filled[taking]
        for made, own, new in zip(self.result, part, both, strict=True):
            made[taking] = np.where(fresh, own, new)
        self._filled[taking] = True


def _added(earlier: Columns, later: Columns) -> Columns:
    return tuple(one + other for one, other in zip(earlier, later, strict=True))


def rolling_sum(
    segments: Segments, array: pa.Array, dtype: pa.DataType, options: Options
) -> pa.Array:
    """Return the sum of each window, exact of all but floats.

    Raises
    ------
    ComputeError
        If one does not fit into `dtype`.
    """
    windows = Windows(segments, options)
    _, enough = windows.valid(array)
    if pa.types.is_floating(array.type):
        return pc.cast(pa.array(_float_sums(windows, array), mask=~enough), dtype)
    total = _exact_sums(windows, array, enough)
    made = total if pa.types.is_decimal(dtype) else exact_to_integers(total, dtype)
    return pc.if_else(pa.array(enough), made, pa.scalar(None, dtype))


def _float_sums(windows: Windows, array: pa.Array) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        return windows.combined((doubles(array),), _added)[0]


def _exact_sums(windows: Windows, array: pa.Array, wanted: np.ndarray) -> pa.Array:
    """Return the sums as decimals with the scale of the values, 0 where they are not wanted."""
    low, high = two_words(array)
    peak = 0
    if high is None and len(low):
        narrow = low.view(np.int64)
        peak = max(abs(int(narrow.min())), abs(int(narrow.max())))
    widest = int(windows.widths.max(initial=0))
    if high is None and peak * widest < _SAFE:
        (sums,) = windows.combined((low.view(np.int64),), _added)
        limbs = limbs_of(sums.view(np.uint64), None)
    else:
        limbs = list(windows.combined(tuple(limbs_of(low, high)), _added))
    scale = array.type.scale if pa.types.is_decimal(array.type) else 0
    return from_limbs([np.where(wanted, limb, 0) for limb in limbs], pa.decimal128(38, scale))


def rolling_mean(
    segments: Segments, array: pa.Array, dtype: pa.DataType, options: Options
) -> pa.Array:
    """Return the mean of each window."""
    windows = Windows(segments, options)
    counts, enough = windows.valid(array)
    if pa.types.is_floating(array.type):
        sums = _float_sums(windows, array)
    else:
        low, high = two_words(array)
        limbs = limbs_of(low, high)
        parts = windows.combined(tuple(limbs), _added)
        sums = np.zeros(len(counts))
        for at, part in enumerate(parts):
            sums += part.astype(np.float64) * 2.0 ** (32 * at)
        sums /= 10.0 ** (array.type.scale if pa.types.is_decimal(array.type) else 0)
    mean = sums / np.maximum(counts, 1)
    return pc.cast(pa.array(mean, mask=~enough | (counts == 0)), dtype)


def rolling_extreme(
    segments: Segments, array: pa.Array, dtype: pa.DataType, options: Options, *, largest: bool
) -> pa.Array:
    """Return the least or greatest of each window; NaN where there is nothing else."""
    windows = Windows(segments, options)
    counts, enough = windows.valid(array)
    has = enough & (counts > 0)
    valid = validity(array)
    if pa.types.is_floating(array.type):
        # Plus zero: -0.0 becomes 0.0, else the order of two equal zeros would show.
        values = storage(array) + storage(array).dtype.type(0)
        if valid is not None:
            values = np.where(valid, values, values.dtype.type(np.nan))
        better: np.ufunc = np.fmax if largest else np.fmin
        (found,) = windows.combined((values,), lambda one, other: (better(one[0], other[0]),))
        return pa.array(found, mask=~has)
    ranks, distinct = order_ranks(array)
    limits = np.iinfo(np.int64)
    present = np.asarray(pc.is_valid(array))
    ranks = np.where(present, ranks, limits.min if largest else limits.max)
    better = np.maximum if largest else np.minimum
    (found,) = windows.combined((ranks,), lambda one, other: (better(one[0], other[0]),))
    return of_ranks(found, has, distinct, dtype)


def _merged_spreads(earlier: Columns, later: Columns) -> Columns:
    """Return count, mean and squares of both together (Chan, Golub, LeVeque, 1983)."""
    counts, means, squares = earlier
    more, other_means, other_squares = later
    total = counts + more
    share = more / np.maximum(total, 1)
    apart = np.where((counts > 0) & (more > 0), other_means - means, 0.0)
    mean = np.where(counts > 0, means + apart * share, other_means)
    return total, mean, squares + other_squares + apart * apart * counts * share


def rolling_variance(
    segments: Segments,
    array: pa.Array,
    dtype: pa.DataType,
    options: Options,
    *,
    root: bool,
) -> pa.Array:
    """Return the variance of each window, or its root; null where it has no degree of freedom."""
    windows = Windows(segments, options)
    counts, enough = windows.valid(array)
    valid = np.asarray(pc.is_valid(array))
    state = (valid.astype(np.float64), doubles(array), np.zeros(len(array)))
    with np.errstate(invalid="ignore", over="ignore"):
        _, _, squares = windows.combined(state, _merged_spreads)
        freedom = counts - int(options["ddof"])
        variance = squares / np.maximum(freedom, 1)
        if root:
            variance = np.sqrt(variance)
    return pc.cast(pa.array(variance, mask=~enough | (freedom <= 0)), dtype)


def rolling_quantile(
    segments: Segments,
    array: pa.Array,
    dtype: pa.DataType,
    options: Options,
    quantile: float,
    interpolation: Interpolation,
) -> pa.Array:
    """Return a quantile of each window; NaN where the window has one.

    Method: the windows' sorted values are kept in a skip list, row by row, by pandas.
    """
    # Late: pandas takes a quarter of a second to import, and only this needs it here.
    import pandas as pd
    from pandas.api.indexers import BaseIndexer

    windows = Windows(segments, options)
    counts, enough = windows.valid(array)

    class Given(BaseIndexer):
        """The bounds that are known already."""

        def get_window_bounds(
            self,
            num_values: int = 0,
            min_periods: int | None = None,
            center: bool | None = None,
            closed: str | None = None,
            step: int | None = None,
        ) -> tuple[np.ndarray, np.ndarray]:
            return windows.starts, windows.ends + 1

    valid = validity(array)
    values = doubles(array)
    missing = np.isnan(values)
    if valid is not None:
        values = np.where(valid, values, np.nan)
    rolling = pd.Series(values).rolling(Given(window_size=1), min_periods=1)
    if len(values) == 0:
        found = values
    elif interpolation == "linear" and quantile == 0.5:
        found = rolling.median().to_numpy()
    else:
        found = rolling.quantile(quantile, interpolation=interpolation).to_numpy()
    if missing.any():
        found = np.where(windows.counts(missing) > 0, np.nan, found)
    return pc.cast(pa.array(found, mask=~enough | (counts == 0)), dtype)
