"""VALUE_STATES: aggregates that keep a value or two of a group: products, bits, places of extremes.

A product of integers keeps its value modulo 2**64, its size as a double, and whether it is zero:
a partial product may be too large where the whole is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import ComputeError
from ...expr.node import Column, SortKey
from ...schema import decoded
from . import accumulate as kernels
from .group import GroupIds, rows_by_group
from .sort import sort_positions
from .state import Parts, State, counted, merged_alike
from .words import storage, validity

Options = Mapping[str, Any]

_SURELY_APART = 2.0**62
"""A product that fits differs from its value modulo 2**64 by a rounding, any other by 2**64."""

_BY_VALUE = Column("value")


# Products


def _product_types(dtype: pa.DataType) -> tuple[pa.DataType, ...]:
    exact = pa.uint64() if pa.types.is_unsigned_integer(dtype) else pa.int64()
    return exact, pa.float64(), pa.bool_()


def _product(groups: GroupIds, array: pa.Array) -> Parts:
    valid = validity(array)
    if pa.types.is_floating(array.type):
        values = storage(array).astype(np.float64)
        values = values if valid is None else np.where(valid, values, 1.0)
        size = _multiplied(groups, values)
        return pa.array(np.ones(groups.count, np.int64)), pa.array(size), _falses(groups.count)
    unsigned = pa.types.is_unsigned_integer(array.type)
    values = storage(array).astype(np.uint64 if unsigned else np.int64)
    if valid is not None:
        values = np.where(valid, values, values.dtype.type(1))
    zero = np.bincount(groups.ids[values == 0], minlength=groups.count) > 0
    sizes = np.where(values == 0, 1.0, values.astype(np.float64))
    return (
        pa.array(_multiplied(groups, values)),
        pa.array(_multiplied(groups, sizes)),
        pa.array(zero),
    )


def _falses(count: int) -> pa.Array:
    return pa.array(np.zeros(count, np.bool_))


def _multiplied(groups: GroupIds, values: np.ndarray) -> np.ndarray:
    """Return the product of each group's values, in the order of the rows; integers wrap."""
    total = np.ones(groups.count, values.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        np.multiply.at(total, groups.ids, values)
    return total


def _merge_products(groups: GroupIds, parts: Parts) -> Parts:
    exact, size, zero = parts
    zeros = np.bincount(groups.ids[storage(zero) == 1], minlength=groups.count) > 0
    return (
        pa.array(_multiplied(groups, exact.to_numpy())),
        pa.array(_multiplied(groups, size.to_numpy())),
        pa.array(zeros),
    )


def _finish_product(parts: Parts, dtype: pa.DataType, options: Options) -> pa.Array:
    exact, size = parts[0].to_numpy(), parts[1].to_numpy()
    if pa.types.is_floating(dtype):
        return pc.cast(pa.array(size), dtype)
    zero = storage(parts[2]) == 1
    with np.errstate(invalid="ignore", over="ignore"):
        fits = zero | (np.abs(size - exact.astype(np.float64)) < _SURELY_APART)
    if not fits.all():
        about = size[int(np.argmin(fits))]
        raise ComputeError(
            f"the product, about {about:.6g}, does not fit into {dtype}. Cast to double before"
            " multiplying."
        )
    return pa.array(np.where(zero, exact.dtype.type(0), exact))


# Bits


def _bits(combine: np.ufunc, neutral: int) -> Callable[[GroupIds, pa.Array], Parts]:
    def start(groups: GroupIds, array: pa.Array) -> Parts:
        flags = pa.types.is_boolean(array.type)
        values = storage(array)
        start_with = values.dtype.type(0)
        if neutral:
            start_with = values.dtype.type(1) if flags else ~values.dtype.type(0)
        valid = validity(array)
        ids = groups.ids if valid is None else groups.ids[valid]
        total = np.full(groups.count, start_with, values.dtype)
        combine.at(total, ids, values if valid is None else values[valid])
        absent = np.bincount(ids, minlength=groups.count) == 0
        found = total.astype(np.bool_) if flags else total
        return (pa.array(found, mask=absent, type=array.type),)

    return start


# Rows that are chosen by a value


def least_rows(
    groups: GroupIds, keys: Sequence[pa.Array], by: Sequence[SortKey], last: bool = False
) -> np.ndarray:
    """Return the row of each group that comes first in an order, or last; -1 where it has none.

    Of rows that are equal in it that is the first, or the last.
    """
    order = sort_positions(keys, by)
    if not last:
        order = order[::-1]
    found = np.full(groups.count, -1, np.int64)
    # Of several rows for one place, numpy keeps the one that comes last.
    found[groups.ids[order]] = order
    return found


def _extreme_rows(groups: GroupIds, array: pa.Array, largest: bool) -> np.ndarray:
    """Return the first row with the extreme of each group; -1 where all values are null."""
    plain = decoded(array)
    valid = validity(plain)
    rows = np.arange(len(plain)) if valid is None else np.flatnonzero(valid)
    known = plain if valid is None else plain.filter(pa.array(valid))
    own = GroupIds(ids=groups.ids[rows], first_rows=rows[:0], count=groups.count)
    keys, by = [known], [SortKey(_BY_VALUE, descending=largest)]
    if pa.types.is_floating(known.type):
        # NaN behind all numbers, in either direction.
        keys, by = [pc.is_nan(known), known], [SortKey(_BY_VALUE), *by]
    found = least_rows(own, keys, by)
    return np.where(found < 0, -1, np.append(rows, -1)[found])


def taken(array: pa.Array, rows: np.ndarray) -> pa.Array:
    """Return the values at `rows`, null where that is -1."""
    return array.take(pa.array(rows, mask=rows < 0))


def _extreme_place(largest: bool) -> State:
    def start(groups: GroupIds, array: pa.Array) -> Parts:
        rows = _extreme_rows(groups, array, largest)
        counts = groups.sizes
        place = _places(groups, np.ones(len(groups.ids), np.int64))
        return pa.array(counts), taken(decoded(array), rows), taken(pa.array(place), rows)

    def merge(groups: GroupIds, parts: Parts) -> Parts:
        counts, values, places = parts
        before = _places(groups, counts.to_numpy())
        rows = _extreme_rows(groups, values, largest)
        total = kernels.sum_counts(groups.ids, groups.count, counts.to_numpy())
        return pa.array(total), taken(values, rows), taken(pc.add(places, pa.array(before)), rows)

    return State(
        parts=("rows", "value", "place"),
        types=lambda dtype: (pa.int64(), dtype, pa.int64()),
        start=start,
        merge=merge,
        finish=lambda parts, dtype, options: parts[2],
    )


def _places(groups: GroupIds, counts: np.ndarray) -> np.ndarray:
    """Return how much of its group's `counts` comes before each row."""
    rows, starts = rows_by_group(groups)
    before = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(counts[rows], out=before[1:])
    places = np.empty(len(rows), np.int64)
    places[rows] = before[:-1] - before[starts[groups.ids[rows]]]
    return places


def _by(largest: bool) -> State:
    """Return the state of a value by the extreme of another; it is given a struct of both."""

    def start(groups: GroupIds, array: pa.Array) -> Parts:
        by = array.field(1)
        if array.null_count:
            # A state of no row: what lies under it does not count.
            by = pc.if_else(array.is_valid(), by, pa.scalar(None, by.type))
        return (taken(array, _extreme_rows(groups, by, largest)),)

    return State(
        parts=("row",),
        types=lambda dtype: (dtype,),
        start=start,
        merge=lambda groups, parts: start(groups, parts[0]),
        finish=lambda parts, dtype, options: value_of(parts[0]),
    )


def value_of(rows: pa.StructArray) -> pa.Array:
    """Return the first field of structs, null where the struct is."""
    return pc.struct_field(rows, [0])


def _null_count(groups: GroupIds, array: pa.Array) -> Parts:
    return (pa.array(groups.sizes - kernels.count_valid(groups, array)),)


VALUE_STATES: dict[str, State] = {
    "product": State(
        parts=("product", "size", "zero"),
        types=_product_types,
        start=_product,
        merge=_merge_products,
        finish=_finish_product,
    ),
    "bitwise_and": merged_alike("bits", _bits(np.bitwise_and, 1)),
    "bitwise_or": merged_alike("bits", _bits(np.bitwise_or, 0)),
    "bitwise_xor": merged_alike("bits", _bits(np.bitwise_xor, 0)),
    "arg_min": _extreme_place(largest=False),
    "arg_max": _extreme_place(largest=True),
    "min_by": _by(largest=False),
    "max_by": _by(largest=True),
    "null_count": counted("nulls", _null_count),
}
