"""LIST_STATES: aggregates that keep values of a group: medians, quantiles, modes, lists.

Their states are lists of values, or of values and how often each occurs. They are exchanged like
any other state, so the values of one group meet where its hash sends them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import lists as kernels
from .accumulate import distinct_lists, merge_lists
from .counted_lists import count_values, merge_counted
from .group import GroupIds
from .state import Parts, State
from .words import of_integers, storage, validity

Options = Mapping[str, Any]


def _list_type(dtype: pa.DataType) -> tuple[pa.DataType, ...]:
    return (pa.large_list(kernels.wide(dtype)),)


def _implode(groups: GroupIds, array: pa.Array) -> Parts:
    return (kernels.lists_of(groups, array),)


def _concatenate(groups: GroupIds, parts: Parts) -> Parts:
    return (kernels.concatenated(groups, parts[0]),)


def _finish_lists(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    return kernels.as_lists(parts[0], dtype)


_ALL_VALUES = State(
    parts=("values",),
    types=_list_type,
    start=_implode,
    merge=_concatenate,
    finish=_finish_lists,
)


def _pruned(cut: Callable[[pa.LargeListArray, Options], pa.LargeListArray], default: int) -> State:
    """Return the state of a list that is cut when it is finished."""

    def finish(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
        return kernels.as_lists(cut(parts[0], {"k": default, "n": default, **options}), dtype)

    return replace(_ALL_VALUES, finish=finish)


def _head(lists: pa.LargeListArray, options: Options) -> pa.LargeListArray:
    return kernels.heads(lists, options["n"])


def _tail(lists: pa.LargeListArray, options: Options) -> pa.LargeListArray:
    return kernels.heads(lists, options["n"], last=True)


def _top(lists: pa.LargeListArray, options: Options) -> pa.LargeListArray:
    return kernels.heads(kernels.sorted_lists(lists, descending=True), options["k"])


def _bottom(lists: pa.LargeListArray, options: Options) -> pa.LargeListArray:
    # Nulls come last here too, where `sorted_lists` has them first.
    ids, _ = kernels.members(lists)
    valid = validity(lists.flatten())
    if valid is None:
        return kernels.heads(kernels.sorted_lists(lists), options["k"])
    known = kernels.sorted_lists(kernels.chosen(lists, valid))
    nulls = kernels.chosen(lists, ~valid)
    twice = GroupIds(ids=np.tile(np.arange(len(lists)), 2), first_rows=ids[:0], count=len(lists))
    both = kernels.concatenated(twice, pa.concat_arrays([known, nulls]))
    return kernels.heads(both, options["k"])


_CUTS: dict[str, tuple[Callable[[pa.LargeListArray, Options], pa.LargeListArray], int]] = {
    "head": (_head, 10),
    "tail": (_tail, 10),
    "top_k": (_top, 5),
    "bottom_k": (_bottom, 5),
}
"""How a list is cut, and to how many values by default."""


def cutting(name: str, options: Options) -> State:
    """Return the state of one of `_CUTS` that drops early what its settings leave out."""
    cut, default = _CUTS[name]
    settings = {"k": default, "n": default, **options}
    most = settings["k" if name.endswith("_k") else "n"]

    def short(lists: pa.LargeListArray) -> pa.LargeListArray:
        # Short lists are left for later: to look through them would cost more than it saves.
        worthwhile = len(lists.flatten()) > 2 * most * len(lists)
        return cut(lists, settings) if worthwhile else lists

    return replace(
        STATES_OF_CUTS[name],
        start=lambda groups, array: (short(kernels.lists_of(groups, array)),),
        merge=lambda groups, parts: (short(kernels.concatenated(groups, parts[0])),),
    )


STATES_OF_CUTS = {name: _pruned(cut, default) for name, (cut, default) in _CUTS.items()}


# Distinct values


def _distinct(groups: GroupIds, array: pa.Array) -> Parts:
    return (distinct_lists(groups.ids, groups.count, kernels.widened(array)),)


def _merge_distinct(groups: GroupIds, parts: Parts) -> Parts:
    return (merge_lists(groups.ids, groups.count, parts[0]),)


# Most frequent values


def _finish_mode(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    values, counts = parts
    ids, _ = kernels.members(counts)
    each = counts.flatten().to_numpy()
    most = np.zeros(len(counts), np.int64)
    np.maximum.at(most, ids, each)
    modes = kernels.chosen(values, each == most[ids])
    return kernels.as_lists(kernels.sorted_lists(modes), dtype)


# Quantiles


def _comparable(array: pa.Array) -> pa.Array:
    """Return values without nulls as what their quantile is computed of."""
    if pa.types.is_date(array.type):
        return array.cast(pa.timestamp("us"))
    if pa.types.is_decimal(array.type):
        return array.cast(pa.float64())
    return array


def _known(groups: GroupIds, array: pa.Array) -> Parts:
    valid = validity(array)
    if valid is not None:
        ids = groups.ids[valid]
        groups = GroupIds(ids=ids, first_rows=groups.first_rows, count=groups.count)
        array = array.filter(pa.array(valid))
    return (kernels.lists_of(groups, _comparable(array)),)


def _known_type(dtype: pa.DataType) -> tuple[pa.DataType, ...]:
    return (pa.large_list(_comparable(pa.array([], dtype)).type),)


def _finish_quantile(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    (lists,) = parts
    share = float(options.get("quantile", 0.5))
    interpolation = options.get("interpolation", "nearest")
    values = _sorted_values(lists)
    starts = kernels.starts_of(lists)
    sizes = np.diff(starts)
    below, above, way = _places(sizes, share, interpolation)
    there = sizes > 0
    # What is read for a group without values is never looked at.
    values = np.append(values, values.dtype.type(0))
    low = values[np.where(there, starts[:-1] + below, -1)]
    high = values[np.where(there, starts[:-1] + above, -1)]
    if low.dtype.kind == "i" and pa.types.is_temporal(dtype):
        distance = (high - low) * way
        # A share of the way is seldom exact as a double; half of it always is.
        whole = np.trunc(distance) if interpolation == "midpoint" else np.rint(distance)
        moved = low + whole.astype(np.int64)
        return of_integers(moved, there, dtype)
    low, high = low.astype(np.float64), high.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        between = low + (high - low) * way
        # The difference of two large values may be infinite where what is between them is not.
        between = np.where(np.isfinite(between), between, low * (1 - way) + high * way)
    found = np.where((way == 0) | (low == high), low, between)
    return pc.cast(pa.array(found, mask=~there), dtype)


def _sorted_values(lists: pa.LargeListArray) -> np.ndarray:
    """Return the values list after list, ascending in each: floats, or int64 of other types."""
    words = kernels.sorted_numbers(lists)
    dtype = lists.type.value_type
    if pa.types.is_floating(dtype):
        # The words are the bits, but that negative ones are turned round to be in order.
        bits = np.where(words < 0, words ^ np.int64(np.iinfo(np.int64).max), words)
        return bits.view(np.float64)
    if dtype == pa.uint64():
        return storage(of_integers(words, None, dtype))
    return words


def _places(
    sizes: np.ndarray, share: float, interpolation: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places of two values among `sizes` sorted ones, and how far between these."""
    exact = (sizes - 1).clip(0) * share
    low, high = np.floor(exact).astype(np.int64), np.ceil(exact).astype(np.int64)
    none = np.zeros(len(sizes))
    if interpolation == "linear":
        return low, high, exact - low
    if interpolation == "midpoint":
        return low, high, np.where(low == high, 0.0, 0.5)
    if interpolation == "lower":
        return low, low, none
    if interpolation == "higher":
        return high, high, none
    if interpolation == "equiprobable":
        place = np.maximum(np.ceil(sizes * share).astype(np.int64) - 1, 0)
        return place, place, none
    place = np.floor(exact + 0.5).astype(np.int64)
    return place, place, none


def _finish_median(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    return _finish_quantile(parts, dtype, {"quantile": 0.5, "interpolation": "midpoint"})


def _quantiles(finish: Callable[[Parts, pa.DataType, Options], pa.Array]) -> State:
    return replace(_ALL_VALUES, types=_known_type, start=_known, finish=finish)


LIST_STATES: dict[str, State] = {
    "implode": _ALL_VALUES,
    **STATES_OF_CUTS,
    "unique": State(
        parts=("values",),
        types=_list_type,
        start=_distinct,
        merge=_merge_distinct,
        finish=_finish_lists,
    ),
    "mode": State(
        parts=("values", "counts"),
        types=lambda dtype: (*_list_type(dtype), pa.large_list(pa.int64())),
        start=lambda groups, array: count_values(groups, kernels.widened(array)),
        merge=merge_counted,
        finish=_finish_mode,
    ),
    "quantile": _quantiles(_finish_quantile),
    "median": _quantiles(_finish_median),
}
