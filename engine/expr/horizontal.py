"""Several values of one row as one: sums, means, whether any or all are true."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import TypeMismatch
from .arithmetic import plus
from .coercion import convert, decimal_to_double, unified
from .function import BOOLEAN, NUMBER, Example, Function, Kind, Parameter, Value

_SUMMABLE = Kind(
    name="a number, a boolean or a duration",
    contains=lambda dtype: (
        NUMBER.contains(dtype) or pa.types.is_boolean(dtype) or pa.types.is_duration(dtype)
    ),
    stand_in=pa.int64(),
    samples=(*NUMBER.samples, pa.bool_(), pa.duration("us")),
)
_MEANABLE = Kind(
    name="a number or a boolean",
    contains=lambda dtype: NUMBER.contains(dtype) or pa.types.is_boolean(dtype),
    stand_in=pa.int64(),
    samples=(*NUMBER.samples, pa.bool_()),
)


def _sum_horizontal(*values: Value, ignore_nulls: bool) -> Value:
    terms = [each.cast(pa.int64()) if pa.types.is_boolean(each.type) else each for each in values]
    durations = [pa.types.is_duration(each.type) for each in terms]
    if any(durations) and not all(durations):
        raise TypeMismatch("Durations and numbers have no common sum.")
    if ignore_nulls:
        terms = [pc.fill_null(each, _zero(each.type)) for each in terms]
    return functools.reduce(plus, terms)


def _zero(dtype: pa.DataType) -> pa.Scalar:
    return (
        pa.scalar(0, pa.int64()).cast(dtype)
        if not pa.types.is_decimal(dtype)
        else pa.scalar(0, pa.int64()).cast(pa.decimal256(76, dtype.scale)).cast(dtype)
    )


def _mean_horizontal(*values: Value, ignore_nulls: bool) -> Value:
    single = all(pa.types.is_float32(each.type) for each in values)
    doubles = [_double(each) for each in values]
    if not ignore_nulls:
        total = functools.reduce(pc.add, doubles)
        count: Value = pa.scalar(float(len(doubles)))
    else:
        total = functools.reduce(pc.add, [pc.fill_null(each, 0.0) for each in doubles])
        counts = [pc.is_valid(each).cast(pa.int64()) for each in doubles]
        known = functools.reduce(pc.add, counts)
        count = pc.if_else(pc.equal(known, 0), pa.scalar(None, pa.int64()), known)
    mean = pc.divide(total, convert(count, pa.float64()))
    return mean.cast(pa.float32()) if single else mean


def _double(value: Value) -> Value:
    if pa.types.is_decimal(value.type):
        return decimal_to_double(value)
    if pa.types.is_boolean(value.type):
        value = value.cast(pa.int64())
    return convert(value, pa.float64())


def _combined(kernel: Callable[[Value, Value], Value]) -> Callable[..., Value]:
    return lambda *values: functools.reduce(kernel, unified(*values))


_EXPRS = Parameter(name="exprs", expr=True, names=True, variadic=True)
_IGNORE = Parameter(name="ignore_nulls", default=True, types=(bool,), keyword_only=True)


def _entry(
    name: str,
    kernel: Callable[..., Value],
    kind: Kind,
    doc: str,
    data: dict[str, list[object]],
    gives: list[object],
    *parameters: Parameter,
) -> Function:
    return Function(
        name=name,
        method=False,
        kernel=kernel,
        accepts=(kind,),
        parameters=(_EXPRS, *parameters),
        doc=doc,
        example=Example(code=f"pt.{name}('a', 'b')", data=data, gives=gives),
    )


_NUMBERS: dict[str, list[object]] = {"a": [1, 2, None], "b": [3, None, None]}
_FLAGS: dict[str, list[object]] = {"a": [True, False, None], "b": [None, None, False]}

HORIZONTAL = (
    _entry(
        "sum_horizontal",
        _sum_horizontal,
        _SUMMABLE,
        """Return the sum of several values, nulls left out (0 of nulls alone).

        Types meet as under ``+``, and what overflows raises. Without `ignore_nulls` a null makes
        the sum null.""",
        _NUMBERS,
        [4, 2, 0],
        _IGNORE,
    ),
    _entry(
        "mean_horizontal",
        _mean_horizontal,
        _MEANABLE,
        """Return the mean of several values as a double, nulls left out; null of nulls alone.

        Without `ignore_nulls` a null makes the mean null.""",
        _NUMBERS,
        [2.0, 2.0, None],
        _IGNORE,
    ),
    _entry(
        "any_horizontal",
        _combined(pc.or_kleene),
        BOOLEAN,
        "Return whether one of several values is true; null where that is not known.",
        _FLAGS,
        [True, None, None],
    ),
    _entry(
        "all_horizontal",
        _combined(pc.and_kleene),
        BOOLEAN,
        "Return whether all of several values are true; null where that is not known.",
        _FLAGS,
        [None, False, False],
    ),
)
"""The functions of the values in a row; ``min_horizontal`` and the like are in ``nulls.py``."""
