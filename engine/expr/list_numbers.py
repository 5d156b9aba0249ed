"""Sums, means and the like of the numbers in each list, all lists at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, TypeMismatch
from .casting import cast
from .coercion import decimal_to_double
from .function import NUMBERS, Example, Function, Parameter, Value
from .list_layout import Lists, lists_of


def without_nulls(value: Value, name: str) -> Lists:
    """Return the lists with only the elements that are not null."""
    lists = lists_of(value, name)
    if lists.values.null_count:
        lists = lists.keep(np.asarray(lists.values.is_valid()))
    return lists


def _sum(value: Value) -> Value:
    lists = without_nulls(value, "list.sum")
    dtype = lists.values.type
    if pa.types.is_null(dtype):
        return lists.each(np.zeros(len(lists), np.int64))
    if pa.types.is_decimal(dtype):
        return lists.each(_decimal_sums(lists))
    numbers = lists.values.to_numpy(zero_copy_only=False)
    if numbers.dtype.kind == "f":
        sums = _by_segment(np.add, numbers, lists, 0.0)
        return lists.each(sums.astype(numbers.dtype))
    if numbers.dtype.kind == "b":
        return lists.each(_by_segment(np.add, numbers.astype(np.int64), lists, 0))
    return lists.each(_integer_sums(numbers, lists))


def _by_segment(operation: np.ufunc, numbers: np.ndarray, lists: Lists, empty: float) -> np.ndarray:
    """Return `operation` over the values of each list; `empty` for a list without any."""
    filled = lists.lengths > 0
    result = np.full(len(lists), empty, dtype=numbers.dtype)
    if filled.any():
        result[filled] = operation.reduceat(numbers, lists.offsets[:-1][filled])
    return result


def _integer_sums(numbers: np.ndarray, lists: Lists) -> np.ndarray:
    """Return sums as ``int64`` (``uint64`` of unsigned), checked for overflow.

    The high and the low halves are summed apart, neither of which can overflow.
    """
    unsigned = numbers.dtype.kind == "u"
    wide = numbers.astype(np.uint64 if unsigned else np.int64)
    half = wide.dtype.type(32)
    low = _by_segment(np.add, wide & wide.dtype.type(0xFFFFFFFF), lists, 0)
    high = _by_segment(np.add, wide >> half, lists, 0) + (low >> half)
    limit = 2**32 if unsigned else 2**31
    if np.any(high >= limit) or (not unsigned and np.any(high < -limit)):
        raise ComputeError(f"overflow: the sum of a list does not fit {wide.dtype}")
    return (high << half) | (low & wide.dtype.type(0xFFFFFFFF))


def _decimal_sums(lists: Lists) -> pa.Array:
    """Return exact sums; one of more than 38 digits raises."""
    dtype = lists.values.type
    wide = lists.values.cast(pa.decimal256(76, dtype.scale))
    limbs = np.frombuffer(wide.buffers()[1] or b"", np.uint32).reshape(-1, 8)
    limbs = limbs[wide.offset : wide.offset + len(wide)]
    total = pa.repeat(pa.scalar(0, pa.decimal256(76, 0)), len(lists))
    # Seven limbs of 32 bits as they are and the last with the sign; 38 digits need four of them.
    for place in range(4):
        limb = limbs[:, place].astype(np.int64)
        if place == 3:
            limb = limbs[:, place].view(np.int32).astype(np.int64)
        sums = pa.array(_by_segment(np.add, limb, lists, 0)).cast(pa.decimal256(30, 0))
        power = pa.scalar(2 ** (32 * place), pa.decimal256(45, 0))
        total = pc.add(
            total.cast(pa.decimal256(75, 0)), pc.multiply(sums, power).cast(pa.decimal256(75, 0))
        )
    unscaled = total.cast(pa.decimal128(38, 0))
    return pa.Array.from_buffers(
        pa.decimal128(38, dtype.scale), len(unscaled), unscaled.buffers(), 0, unscaled.offset
    )


def _doubles(value: Value, name: str) -> tuple[Lists, np.ndarray]:
    """Return the lists without nulls, and their numbers as doubles."""
    lists = without_nulls(value, name)
    values = lists.values
    if pa.types.is_decimal(values.type):
        values = decimal_to_double(values)
    return lists, cast(values, pa.float64()).to_numpy(zero_copy_only=False)


def _floats(lists: Lists, numbers: np.ndarray, least: int) -> pa.Array:
    """Return one number for each list, null where it has less than `least` elements."""
    found = lists.each(numbers, missing=lists.lengths < least)
    return found.cast(pa.float32()) if pa.types.is_float32(lists.values.type) else found


def _mean(value: Value) -> Value:
    lists, numbers = _doubles(value, "list.mean")
    counts = np.maximum(lists.lengths, 1)
    return _floats(lists, _by_segment(np.add, numbers, lists, 0.0) / counts, 1)


def _variances(lists: Lists, numbers: np.ndarray, ddof: int) -> np.ndarray:
    counts = np.maximum(lists.lengths, 1)
    means = _by_segment(np.add, numbers, lists, 0.0) / counts
    with np.errstate(invalid="ignore", over="ignore"):
        squares = (numbers - np.repeat(means, lists.lengths)) ** 2
    return _by_segment(np.add, squares, lists, 0.0) / np.maximum(lists.lengths - ddof, 1)


def _var(value: Value, ddof: int) -> Value:
    lists, numbers = _doubles(value, "list.var")
    return _floats(lists, _variances(lists, numbers, ddof), ddof + 1)


def _std(value: Value, ddof: int) -> Value:
    lists, numbers = _doubles(value, "list.std")
    return _floats(lists, np.sqrt(_variances(lists, numbers, ddof)), ddof + 1)


def _median(value: Value) -> Value:
    lists, numbers = _doubles(value, "list.median")
    order = np.lexsort((numbers, lists.parents))
    ordered = np.append(numbers[order], 0.0)
    starts, counts = lists.offsets[:-1], np.maximum(lists.lengths, 1)
    low = ordered[np.minimum(starts + (counts - 1) // 2, len(numbers))]
    high = ordered[np.minimum(starts + counts // 2, len(numbers))]
    return _floats(lists, (low + high) / 2, 1)


def _diff(value: Value, n: int) -> Value:
    lists = lists_of(value, "list.diff")
    earlier = np.arange(len(lists.values)) - n
    outside = (lists.places < n) | (lists.places - n >= np.repeat(lists.lengths, lists.lengths))
    before = lists.values.take(pa.array(np.where(outside, 0, earlier), mask=outside))
    if pa.types.is_unsigned_integer(lists.values.type):
        raise TypeMismatch(
            f"list.diff of {lists.values.type} would go below zero. Cast to a signed type first:"
            " .list.eval(pt.element().cast(int))."
        )
    return replace(lists, values=pc.subtract_checked(lists.values, before)).array()


def _entry(
    name: str,
    kernel: Callable[..., Value],
    doc: str,
    gives: list[object],
    *parameters: Parameter,
    given: list[object] | None = None,
) -> Function:
    return Function(
        name=f"list.{name}",
        kernel=kernel,
        accepts=(NUMBERS,),
        parameters=parameters,
        doc=doc,
        example=Example(
            code=f"pt.col('a').list.{name}()",
            data={"a": given or [[1, 2, None], [], None]},
            gives=gives,
        ),
    )


_DDOF = Parameter(name="ddof", default=1, types=(int,))

LIST_NUMBERS = (
    _entry(
        "sum",
        _sum,
        """Return the sum of the elements of each list, nulls left out; 0 of none.

        Of integers it is ``int64`` or ``uint64``, and raises where it overflows.""",
        [3, 0, None],
    ),
    _entry("mean", _mean, "Return the mean of the elements, nulls left out.", [1.5, None, None]),
    _entry(
        "median", _median, "Return the median of the elements, nulls left out.", [1.5, None, None]
    ),
    _entry(
        "std",
        _std,
        "Return the standard deviation of the elements; the divisor is their number less `ddof`.",
        [1.0, None, None],
        _DDOF,
        given=[[1, 2, 3], [1], None],
    ),
    _entry(
        "var",
        _var,
        "Return the variance of the elements; the divisor is their number less `ddof`.",
        [1.0, None, None],
        _DDOF,
        given=[[1, 2, 3], [1], None],
    ),
    _entry(
        "diff",
        _diff,
        "Return what each element is more than the one `n` before it; null for the first.",
        [[None, 2, -3], [], None],
        Parameter(name="n", default=1, types=(int,)),
        given=[[1, 3, 0], [], None],
    ),
)
"""The functions of lists of numbers."""
