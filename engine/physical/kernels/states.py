"""STATES: how each aggregate is accumulated: started from rows, merged, and finished.

A state is one or more columns with a row for each group. Partial states of one group are merged in
the order in which they are given.

- A mean of integers or decimals keeps their exact sum, one of floats a double.
- The sum of no values is 0, as in Polars (SQL says null); the mean of none is null.
- ``first`` and ``last`` take nulls as they are; ``any`` and ``all`` pass over them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...schema import decoded
from . import accumulate as kernels
from .group import GroupIds, key_values, last_rows
from .list_states import LIST_STATES
from .moment_states import MOMENT_STATES
from .sketch_states import SKETCH_STATES
from .state import Parts, State, counted, merge_counts, merged_alike
from .value_states import VALUE_STATES
from .words import decimal_words, of_integers, storage


def _sum_type(dtype: pa.DataType) -> pa.DataType:
    if pa.types.is_floating(dtype):
        return pa.float64()
    return pa.decimal128(38, dtype.scale if pa.types.is_decimal(dtype) else 0)


def _sum(groups: GroupIds, array: pa.Array) -> pa.Array:
    if pa.types.is_date(array.type):
        # Nobody sums dates; their mean is a time.
        array = array.cast(pa.timestamp("us"))
    if pa.types.is_floating(array.type):
        values = kernels.doubles(array)
        return pa.array(kernels.sum_floats(groups.ids, groups.count, values))
    return kernels.sum_exact(groups.ids, groups.count, array)


def _finish_sum(parts: Parts, dtype: pa.DataType, options: Mapping[str, Any]) -> pa.Array:
    (total,) = parts
    if pa.types.is_integer(dtype) or pa.types.is_duration(dtype):
        return kernels.exact_to_integers(total, dtype)
    return pc.cast(total, dtype)


def _finish_mean(parts: Parts, dtype: pa.DataType, options: Mapping[str, Any]) -> pa.Array:
    total, counts = parts
    rows = counts.to_numpy()
    exact = pa.types.is_decimal(total.type)
    sums = kernels.exact_to_doubles(total) if exact else total.to_numpy()
    mean = sums / np.maximum(rows, 1)
    if pa.types.is_temporal(dtype):
        return of_integers(_exact_mean(total, rows, mean), rows > 0, dtype)
    return pc.cast(pa.array(mean, mask=rows == 0), dtype)


def _exact_mean(total: pa.Array, rows: np.ndarray, about: np.ndarray) -> np.ndarray:
    """Return exact sums over rows, rounded towards zero; a double has too few digits for times."""
    low, _ = decimal_words(total)
    rows = np.maximum(rows, 1)
    mean = np.trunc(about).astype(np.int64)
    # Modulo 2**64, which the difference from a mean that is nearly right is far below.
    rest = (low - (mean * rows).view(np.uint64)).view(np.int64)
    mean, rest = mean + rest // rows, rest % rows
    return mean + ((mean < 0) & (rest > 0))


def _mean_start(groups: GroupIds, array: pa.Array) -> Parts:
    return _sum(groups, array), *_count(groups, array)


def _count(groups: GroupIds, array: pa.Array) -> Parts:
    return (pa.array(kernels.count_valid(groups, array)),)


def _len(groups: GroupIds, array: pa.Array) -> Parts:
    return (pa.array(groups.sizes),)


def _extreme(largest: bool) -> Callable[[GroupIds, pa.Array], Parts]:
    def start(groups: GroupIds, array: pa.Array) -> Parts:
        return (kernels.extremes(groups.ids, groups.count, array, largest=largest),)

    return start


def _first(groups: GroupIds, array: pa.Array) -> Parts:
    return (_at(array, groups.first_rows),)


def _last(groups: GroupIds, array: pa.Array) -> Parts:
    return (_at(array, last_rows(groups)),)


def _at(array: pa.Array, rows: np.ndarray) -> pa.Array:
    """Return the values at `rows`, null for a group that has none."""
    absent = (rows < 0) | (rows >= len(array))
    if absent.any():
        return decoded(array).take(pa.array(rows, mask=absent))
    if isinstance(array, pa.DictionaryArray):
        return key_values(array, rows)
    return array.take(pa.array(rows))


def _spread(groups: GroupIds, array: pa.Array) -> Parts:
    rows, mean, squares = kernels.spread(groups.ids, groups.count, array)
    return pa.array(rows), pa.array(mean), pa.array(squares)


def _merge_spreads(groups: GroupIds, parts: Parts) -> Parts:
    rows, means, squares = (part.to_numpy() for part in parts)
    merged = kernels.merge_spreads(groups.ids, groups.count, rows, means, squares)
    return tuple(pa.array(part) for part in merged)


def _finish_variance(parts: Parts, dtype: pa.DataType, options: Mapping[str, Any]) -> pa.Array:
    rows, _, squares = (part.to_numpy() for part in parts)
    freedom = rows - int(options.get("ddof", 1))
    variance = squares / np.maximum(freedom, 1)
    return pc.cast(pa.array(variance, mask=freedom <= 0), dtype)


def _finish_deviation(parts: Parts, dtype: pa.DataType, options: Mapping[str, Any]) -> pa.Array:
    return pc.cast(pc.sqrt(_finish_variance(parts, pa.float64(), options)), dtype)


def _occurs(value: bool) -> Callable[[GroupIds, pa.Array], np.ndarray]:
    """Return a function that tells for each group whether it has a row with `value`."""

    def occurs(groups: GroupIds, array: pa.Array) -> np.ndarray:
        hits = storage(pc.fill_null(array, not value)) == value
        return np.bincount(groups.ids[hits], minlength=groups.count) > 0

    return occurs


def _any(groups: GroupIds, array: pa.Array) -> Parts:
    return (pa.array(_occurs(True)(groups, array)),)


def _all(groups: GroupIds, array: pa.Array) -> Parts:
    return (pa.array(~_occurs(False)(groups, array)),)


def _lists(groups: GroupIds, array: pa.Array) -> Parts:
    return (kernels.distinct_lists(groups.ids, groups.count, array),)


def _merge_lists(groups: GroupIds, parts: Parts) -> Parts:
    return (kernels.merge_lists(groups.ids, groups.count, parts[0]),)


def _finish_lists(parts: Parts, dtype: pa.DataType, options: Mapping[str, Any]) -> pa.Array:
    return pc.cast(pc.list_value_length(parts[0]), dtype)


def _spreading(finish: Callable[[Parts, pa.DataType, Mapping[str, Any]], pa.Array]) -> State:
    return State(
        parts=("count", "mean", "squares"),
        types=lambda dtype: (pa.int64(), pa.float64(), pa.float64()),
        start=_spread,
        merge=_merge_spreads,
        finish=finish,
        folds=False,
    )


STATES: dict[str, State] = {
    "sum": State(
        parts=("sum",),
        types=lambda dtype: (_sum_type(dtype),),
        start=lambda groups, array: (_sum(groups, array),),
        merge=lambda groups, parts: (_sum(groups, parts[0]),),
        finish=_finish_sum,
    ),
    "mean": State(
        parts=("sum", "count"),
        types=lambda dtype: (_sum_type(dtype), pa.int64()),
        start=_mean_start,
        merge=lambda groups, parts: (
            _sum(groups, parts[0]),
            *merge_counts(groups, parts[1:]),
        ),
        finish=_finish_mean,
    ),
    "min": merged_alike("min", _extreme(largest=False)),
    "max": merged_alike("max", _extreme(largest=True)),
    "count": counted("count", _count),
    "len": counted("len", _len),
    "n_unique": State(
        parts=("values",),
        types=lambda dtype: (pa.large_list(dtype),),
        start=_lists,
        merge=_merge_lists,
        finish=_finish_lists,
    ),
    "first": merged_alike("first", _first),
    "last": merged_alike("last", _last),
    "std": _spreading(_finish_deviation),
    "var": _spreading(_finish_variance),
    "any": merged_alike("any", _any, lambda dtype: (pa.bool_(),)),
    "all": merged_alike("all", _all, lambda dtype: (pa.bool_(),)),
    **VALUE_STATES,
    **MOMENT_STATES,
    **LIST_STATES,
    **SKETCH_STATES,
}
"""Name of an aggregate -> how it is accumulated; the names are those of ``AGGREGATES``."""
