"""KERNELS: how each function of ``WINDOWS`` is computed over segments of rows.

A kernel is called with the segments, the arguments in the order of the segments, the settings and
the type of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...expr.neighbours import difference
from ...expr.node import Column, SortKey
from ...schema import decoded
from .accumulate import doubles
from .fading import fading_mean
from .group import group_ids
from .rolling import (
    rolling_extreme,
    rolling_mean,
    rolling_quantile,
    rolling_sum,
    rolling_variance,
)
from .running import (
    running_count,
    running_extreme,
    running_product,
    running_sum,
)
from .segments import Segments
from .sort import sort_positions
from .words import is_text, key_words, validity

Options = Mapping[str, Any]
Arguments = Sequence[pa.Array]
Kernel = Callable[[Segments, Arguments, Options, pa.DataType], pa.Array]


def _moved(segments: Segments, array: pa.Array, places: int) -> tuple[pa.Array, np.ndarray]:
    """Return for each row the value `places` rows before it, and whether there is no such row."""
    # Further than all rows is as good as any other place that is out of reach.
    places = max(min(places, segments.rows), -segments.rows)
    rows = np.arange(segments.rows) - places
    outside = (rows < segments.first) | (rows > segments.last)
    positions = pa.array(np.where(outside, 0, rows), mask=outside)
    return array.take(positions), outside


def _shift(segments: Segments, args: Arguments, options: Options, dtype: pa.DataType) -> pa.Array:
    if len(args) == 1:
        return _moved(segments, args[0], int(options["n"]))[0]
    moved, outside = _moved(segments, decoded(args[0]), int(options["n"]))
    return pc.if_else(pa.array(outside), decoded(args[1]), moved)


def _diff(segments: Segments, args: Arguments, options: Options, dtype: pa.DataType) -> pa.Array:
    moved, _ = _moved(segments, args[0], int(options["n"]))
    return difference(args[0], moved)


def _pct_change(
    segments: Segments, args: Arguments, options: Options, dtype: pa.DataType
) -> pa.Array:
    values = pa.array(doubles(args[0]), mask=_mask(args[0]))
    moved, _ = _moved(segments, values, int(options["n"]))
    return pc.cast(pc.subtract(pc.divide(values, moved), 1.0), dtype)


def _mask(array: pa.Array) -> np.ndarray | None:
    valid = validity(array)
    return None if valid is None else ~valid


_BY_SEGMENT = SortKey(Column("segment"))


def _rank(segments: Segments, args: Arguments, options: Options, dtype: pa.DataType) -> pa.Array:
    """Return places among the values that are not null, from the sorted rows of each segment."""
    array, method = args[0], options["method"]
    by = SortKey(Column("value"), descending=options["descending"], nulls_last=True)
    if segments.count <= 1:
        order = sort_positions([array], [by])
    else:
        order = sort_positions([pa.array(segments.ids), array], [_BY_SEGMENT, by])
    # Segments lie in the sorted rows where they lay before.
    place = np.arange(len(order)) - segments.first
    fresh = place == 0
    for values in _comparable(array):
        moved = values[order]
        fresh[1:] |= moved[1:] != moved[:-1]
    if method == "ordinal":
        sorted_ranks = place + 1
    elif method == "dense":
        found = np.cumsum(fresh)
        sorted_ranks = found - found[segments.first] + 1 if len(found) else found
    else:
        sorted_ranks = _tied(place, fresh, method)
    ranks = np.empty(len(order), sorted_ranks.dtype)
    ranks[order] = sorted_ranks
    return pc.cast(pa.array(ranks, mask=~np.asarray(decoded(array).is_valid())), dtype)


def _comparable(array: pa.Array) -> list[np.ndarray]:
    """Return numbers for each row that are all equal exactly where the values are."""
    if isinstance(array, pa.DictionaryArray) or is_text(array.type):
        return [group_ids([array], len(array)).ids]
    valid = validity(array)
    # Under a null lies a 0, which is not the value 0.
    return [*key_words(array), *([] if valid is None else [valid])]


def _tied(place: np.ndarray, fresh: np.ndarray, method: str) -> np.ndarray:
    """Return the rank of each sorted row, the same for all of one value."""
    starts = np.flatnonzero(fresh)
    lengths = np.diff(np.append(starts, len(fresh)))
    least = place[starts] + 1
    greatest = least + lengths - 1
    if method == "average":
        return np.repeat((least + greatest) / 2, lengths)
    return np.repeat(least if method == "min" else greatest, lengths)


def _row_index(
    segments: Segments, args: Arguments, options: Options, dtype: pa.DataType
) -> pa.Array:
    return pa.array(np.arange(segments.rows) - segments.first)


def _alone(segments: Segments, args: Arguments, options: Options, dtype: pa.DataType) -> pa.Array:
    return pa.array(np.repeat(segments.lengths == 1, segments.lengths))


def _not_alone(
    segments: Segments, args: Arguments, options: Options, dtype: pa.DataType
) -> pa.Array:
    return pa.array(np.repeat(segments.lengths > 1, segments.lengths))


def _is_first(
    segments: Segments, args: Arguments, options: Options, dtype: pa.DataType
) -> pa.Array:
    return pa.array(np.arange(segments.rows) == segments.first)


def _is_last(segments: Segments, args: Arguments, options: Options, dtype: pa.DataType) -> pa.Array:
    return pa.array(np.arange(segments.rows) == segments.last)


def _filled_forward(
    segments: Segments, args: Arguments, options: Options, dtype: pa.DataType
) -> pa.Array:
    return _taken_within(args[0], _rows_before(segments, args[0]), options["limit"])


def _filled_backward(
    segments: Segments, args: Arguments, options: Options, dtype: pa.DataType
) -> pa.Array:
    return _taken_within(args[0], _rows_after(segments, args[0]), options["limit"])


def _rows_before(segments: Segments, array: pa.Array) -> np.ndarray:
    """Return the nearest row up to this one that is not null, -1 where there is none."""
    rows = np.arange(segments.rows)
    valid = np.asarray(decoded(array).is_valid())
    found = np.maximum.accumulate(np.where(valid, rows, -1))
    return np.where(found >= segments.first, found, -1)


def _rows_after(segments: Segments, array: pa.Array) -> np.ndarray:
    rows = np.arange(segments.rows)
    valid = np.asarray(decoded(array).is_valid())
    found = np.minimum.accumulate(np.where(valid, rows, segments.rows)[::-1])[::-1]
    return np.where(found <= segments.last, found, -1)


def _taken_within(array: pa.Array, rows: np.ndarray, limit: int | None) -> pa.Array:
    missing = rows < 0
    if limit is not None:
        missing |= np.abs(np.arange(len(rows)) - rows) > limit
    return array.take(pa.array(np.where(missing, 0, rows), mask=missing))


def _interpolate(
    segments: Segments, args: Arguments, options: Options, dtype: pa.DataType
) -> pa.Array:
    before, after = _rows_before(segments, args[0]), _rows_after(segments, args[0])
    values = doubles(args[0])
    share = (np.arange(len(values)) - before) / np.maximum(after - before, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        between = values[before] + (values[after] - values[before]) * share
    found = np.where(before == after, values, between)
    return pc.cast(pa.array(found, mask=(before < 0) | (after < 0)), dtype)


def _reversible(kernel: Callable[..., pa.Array]) -> Kernel:
    return lambda segments, args, options, dtype: kernel(
        segments, args[0], dtype, options["reverse"]
    )


def _rolling(kernel: Callable[..., pa.Array]) -> Kernel:
    return lambda segments, args, options, dtype: kernel(segments, args[0], dtype, options)


def _quantile(
    segments: Segments, args: Arguments, options: Options, dtype: pa.DataType
) -> pa.Array:
    return rolling_quantile(
        *(segments, args[0], dtype, options),
        float(options.get("quantile", 0.5)),
        options.get("interpolation", "linear"),
    )


KERNELS: dict[str, Kernel] = {
    "shift": _shift,
    "diff": _diff,
    "pct_change": _pct_change,
    "rank": _rank,
    "row_index": _row_index,
    "is_unique": _alone,
    "is_duplicated": _not_alone,
    "is_first_distinct": _is_first,
    "is_last_distinct": _is_last,
    "cum_sum": _reversible(running_sum),
    "cum_prod": _reversible(running_product),
    "cum_min": _reversible(partial(running_extreme, largest=False)),
    "cum_max": _reversible(partial(running_extreme, largest=True)),
    "cum_count": _reversible(running_count),
    "rolling_sum": _rolling(rolling_sum),
    "rolling_mean": _rolling(rolling_mean),
    "rolling_min": _rolling(partial(rolling_extreme, largest=False)),
    "rolling_max": _rolling(partial(rolling_extreme, largest=True)),
    "rolling_var": _rolling(partial(rolling_variance, root=False)),
    "rolling_std": _rolling(partial(rolling_variance, root=True)),
    "rolling_median": _quantile,
    "rolling_quantile": _quantile,
    "forward_fill": _filled_forward,
    "backward_fill": _filled_backward,
    "interpolate": _interpolate,
    "ewm_mean": fading_mean,
}
"""Name of a window function -> kernel; the names are those of ``WINDOWS``."""
