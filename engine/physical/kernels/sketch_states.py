"""SKETCH_STATES: approximate aggregates, whose states stay small and merge without loss.

Neither sketch depends on the order of the rows or on how they are cut into batches.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import lists as kernels
from .accumulate import doubles
from .counted_lists import count_values, merge_counted
from .group import GroupIds
from .hash import hash_values
from .state import Parts, State
from .words import validity

Options = Mapping[str, Any]


# HyperLogLog: of each value's hash some bits choose a register, which keeps the largest number of
# zeros seen in the others.

_REGISTER_BITS = 14
_REGISTERS = 1 << _REGISTER_BITS
_MOST_ZEROS = 64 - _REGISTER_BITS
_LEVELS = _MOST_ZEROS + 2
"""What a register holds: 0 for nothing, or the zeros at the end of a hash, plus one."""


def _registers(groups: GroupIds, array: pa.Array) -> Parts:
    hashed = hash_values(array)
    register = (hashed >> np.uint64(64 - _REGISTER_BITS)).astype(np.int64)
    # One bit set above all others that count, so that there always is one.
    rest = hashed | (np.uint64(1) << np.uint64(_MOST_ZEROS))
    lowest = rest & (~rest + np.uint64(1))
    # A power of two is exact as a double, and so is its logarithm.
    level = np.log2(lowest.astype(np.float64)).astype(np.int64) + 1
    return (_largest(groups, register, level),)


def _largest(groups: GroupIds, register: np.ndarray, level: np.ndarray) -> pa.Array:
    """Return for each group the list of its registers that hold something, with what they hold."""
    place = groups.ids * _REGISTERS + register
    if groups.count * _REGISTERS <= max(4 * len(place), _REGISTERS):
        held = np.zeros(groups.count * _REGISTERS, np.int64)
        np.maximum.at(held, place, level)
        used = np.flatnonzero(held)
        packed = used * 64 + held[used]
    else:
        packed = np.sort(place * 64 + level)
        last = np.ones(len(packed), np.bool_)
        # Sorted, the last entry of a register holds most.
        last[:-1] = packed[1:] // 64 != packed[:-1] // 64
        packed = packed[last]
    starts = np.searchsorted(packed, np.arange(groups.count + 1) * (_REGISTERS * 64))
    values = (packed % (_REGISTERS * 64)).astype(np.int32)
    return pa.LargeListArray.from_arrays(pa.array(starts.astype(np.int64)), pa.array(values))


def _merge_registers(groups: GroupIds, parts: Parts) -> Parts:
    (lists,) = parts
    inner, _ = kernels.members(lists)
    packed = lists.flatten().to_numpy().astype(np.int64)
    own = GroupIds(ids=groups.ids[inner], first_rows=groups.first_rows, count=groups.count)
    return (_largest(own, packed // 64, packed % 64),)


def _finish_distinct(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    (lists,) = parts
    inner, starts = kernels.members(lists)
    levels = lists.flatten().to_numpy().astype(np.int64) % 64
    counts = np.bincount(inner * _LEVELS + levels, minlength=len(lists) * _LEVELS)
    counts = counts.reshape(len(lists), _LEVELS).astype(np.float64)
    counts[:, 0] = _REGISTERS - np.diff(starts)
    return pc.cast(pa.array(np.rint(_estimated(counts))), dtype)


def _estimated(counts: np.ndarray) -> np.ndarray:
    """Return how many different values there were, from how many registers hold what.

    Ertl, New cardinality estimation algorithms for HyperLogLog sketches (2017), algorithm 6: the
    same formula for few values and for many, without tables of corrections.
    """
    size = float(_REGISTERS)
    total = size * _tau(1 - counts[:, _MOST_ZEROS + 1] / size)
    for level in range(_MOST_ZEROS, 0, -1):
        total = 0.5 * (total + counts[:, level])
    total = total + size * _sigma(counts[:, 0] / size)
    return size**2 / (2 * math.log(2)) / total


def _sigma(share: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        found, factor, power = share.copy(), 1.0, share
        for _ in range(64):
            power = power * power
            found = found + power * factor
            factor *= 2
    # Of no value at all: an infinite sum, and so an estimate of 0.
    return np.where(share == 1.0, np.inf, found)


def _tau(share: np.ndarray) -> np.ndarray:
    found, factor, root = 1 - share, 1.0, share
    for _ in range(64):
        root = np.sqrt(root)
        factor *= 0.5
        found = found - (1 - root) ** 2 * factor
    return np.where((share == 0.0) | (share == 1.0), 0.0, found / 3)


# DDSketch: values are counted in buckets, of which the upper bound is a power of one base.

_LEAST, _MOST = math.log(5e-324), math.log(sys.float_info.max)
_DEFAULT_ACCURACY = 0.01


def _buckets(array: pa.Array, accuracy: float) -> pa.Array:
    """Return the numbers of the buckets of doubles: in their order, those of negative ones below 0.

    Zero is 0, NaN and the infinities have buckets of their own.
    """
    base, shift, infinite = _scale(accuracy)
    values = doubles(array)
    size = np.abs(values)
    plain = (size > 0) & np.isfinite(size)
    power = np.ceil(np.log(np.where(plain, size, 1.0)) / base)
    bucket = np.where(plain, power + shift, 0.0).astype(np.int64)
    bucket = np.where(np.isinf(size), infinite, bucket)
    bucket = np.where(values < 0, -bucket, bucket)
    return pa.array(np.where(np.isnan(values), infinite + 1, bucket))


def _scale(accuracy: float) -> tuple[float, int, int]:
    """Return the logarithm of the base, what is added to a power of it, and infinity's number."""
    base = math.log((1 + accuracy) / (1 - accuracy))
    shift = math.ceil(-_LEAST / base) + 2
    return base, shift, shift + math.ceil(_MOST / base) + 2


def _values_of(buckets: np.ndarray, accuracy: float) -> np.ndarray:
    """Return the value of each bucket that is nearest, in proportion, to all values in it."""
    base, shift, infinite = _scale(accuracy)
    size = np.abs(buckets)
    with np.errstate(over="ignore"):
        # Half way between the bounds in proportion: 2 base^i / (base + 1).
        middle = np.exp((size - shift) * base) * (1 - accuracy)
    found = np.where(size == 0, 0.0, np.where(size >= infinite, np.inf, middle))
    return np.where(buckets == infinite + 1, np.nan, np.where(buckets < 0, -found, found))


def sketching(options: Options) -> State:
    """Return the state of an approximate quantile of some accuracy."""
    accuracy = float(options.get("accuracy", _DEFAULT_ACCURACY))

    def start(groups: GroupIds, array: pa.Array) -> Parts:
        valid = validity(array)
        buckets = _buckets(array, accuracy)
        if valid is not None:
            own = GroupIds(ids=groups.ids[valid], first_rows=groups.first_rows, count=groups.count)
            return count_values(own, buckets.filter(pa.array(valid)))
        return count_values(groups, buckets)

    return State(
        parts=("buckets", "counts"),
        types=lambda dtype: (pa.large_list(pa.int64()), pa.large_list(pa.int64())),
        start=start,
        merge=merge_counted,
        finish=_finish_approximate,
    )


def _finish_approximate(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    buckets, counts = parts
    accuracy = float(options.get("accuracy", _DEFAULT_ACCURACY))
    ids, _ = kernels.members(buckets)
    numbers = buckets.flatten().to_numpy()
    order = np.lexsort([numbers, ids])
    rows = np.bincount(ids, weights=counts.flatten().to_numpy(), minlength=len(buckets))
    rows = rows.astype(np.int64)
    # Where the rows of a group begin, of all rows one after the other.
    first = np.cumsum(rows) - rows
    place = np.floor((rows - 1).clip(0) * float(options.get("quantile", 0.5)) + 0.5)
    ends = np.cumsum(counts.flatten().to_numpy()[order])
    found = np.searchsorted(ends, first + place.astype(np.int64), side="right")
    there = rows > 0
    number = np.append(numbers[order], 0)[np.where(there, found, -1)]
    return pc.cast(pa.array(_values_of(number, accuracy), mask=~there), dtype)


SKETCH_STATES: dict[str, State] = {
    "approx_n_unique": State(
        parts=("registers",),
        types=lambda dtype: (pa.large_list(pa.int32()),),
        start=_registers,
        merge=_merge_registers,
        finish=_finish_distinct,
    ),
    "approx_quantile": sketching({}),
}
