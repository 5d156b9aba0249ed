"""Columns of every type, the calls of every function over them, and how answers are compared."""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

import partita as pt
from partita.engine.errors import InvalidExpression, TypeMismatch
from partita.engine.expr.evaluate import dtype_of
from partita.engine.expr.function import REQUIRED, Function
from partita.engine.expr.node import Expr

from .function_calls import CALLS

WORDS = ["aab", "", " a.é b ", "-12", "2024-02-30", "2024-02-29 01:02:03", "New york"]


def calls(function: Function) -> list[str]:
    """Return the calls of a function that are tested."""
    if function.name in CALLS:
        return CALLS[function.name]
    if function.symbol and len(function.symbol) < 3 and not function.name.isdigit():
        one = len(function.accepts) == 1
        return [f"{function.symbol}x" if one else f"x {function.symbol} y"]
    wanting = [each.name for each in function.parameters if each.default is REQUIRED]
    assert function.method, f"{function.name} is no method: write a call of it into CALLS"
    assert not wanting, f"{function.name} wants {wanting}: write a call of it into CALLS"
    return [f"x.{function.name}()"]


def column(dtype: pa.DataType, rows: int, seed: int, nulls: float = 0.2) -> pa.Array:
    """Return `rows` values of `dtype`, some of them null and some of them odd."""
    random = np.random.default_rng(seed)
    mask = random.random(rows) < nulls
    types = pa.types
    if types.is_null(dtype):
        return pa.nulls(rows)
    if types.is_fixed_size_list(dtype):
        inner = column(dtype.value_type, rows * dtype.list_size, seed + 7, nulls)
        lists = pa.FixedSizeListArray.from_arrays(inner, dtype.list_size, mask=pa.array(mask))
        return lists.cast(dtype)
    if types.is_nested(dtype):
        return _nested(dtype, rows, seed, mask, nulls)
    small = random.integers(0, 6, rows)
    if types.is_signed_integer(dtype):
        return pa.array(small - 2, mask=mask).cast(dtype)
    if types.is_integer(dtype):
        return pa.array(small, mask=mask).cast(dtype)
    if types.is_floating(dtype):
        odd = np.array([-0.0, 0.0, math.nan, 1.5, -2.25, 7.0])
        return pa.array(odd[small], mask=mask).cast(dtype)
    if types.is_boolean(dtype):
        return pa.array(small % 2 == 0, mask=mask)
    if types.is_decimal(dtype):
        plain = [decimal.Decimal(int(each) - 2) / 4 for each in small]
        return pa.array([None if m else v for m, v in zip(mask, plain, strict=True)], dtype)
    if types.is_string(dtype) or types.is_large_string(dtype) or types.is_string_view(dtype):
        words = [None if m else WORDS[v] for m, v in zip(mask, small, strict=True)]
        return pa.array(words, pa.string()).cast(dtype)
    if types.is_binary(dtype) or types.is_large_binary(dtype):
        words = [None if m else WORDS[v].encode() for m, v in zip(mask, small, strict=True)]
        return pa.array(words, dtype)
    ticks = random.integers(-(10**9), 2 * 10**9, rows)
    if types.is_date(dtype):
        return pa.array(ticks // 86_400, mask=mask).cast(pa.int32()).cast(pa.date32()).cast(dtype)
    if types.is_time(dtype):
        whole = pa.array((ticks % 86_400) * 10**6 + 123_456, mask=mask).cast(pa.time64("us"))
        return whole.cast(dtype, safe=False)
    if types.is_duration(dtype):
        return pa.array(ticks, mask=mask).cast(dtype)
    whole = pa.array(ticks * 10**6 + 123_456, mask=mask).cast(pa.timestamp("us"))
    zoned = whole if dtype.tz is None else whole.cast(pa.timestamp("us", dtype.tz))
    return zoned.cast(dtype, safe=False)


def _nested(dtype: pa.DataType, rows: int, seed: int, mask: np.ndarray, nulls: float) -> pa.Array:
    random = np.random.default_rng(seed + 1)
    if pa.types.is_struct(dtype):
        fields = [
            column(field.type, rows, seed + place, nulls)
            for place, field in enumerate(dtype.fields)
        ]
        names = [field.name for field in dtype.fields]
        return pa.StructArray.from_arrays(fields, names=names, mask=pa.array(mask))
    lengths = np.where(mask, 0, random.integers(0, 4, rows))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    inner = column(dtype.value_type, int(offsets[-1]), seed + 7, nulls)
    large = pa.types.is_large_list(dtype)
    kind = pa.LargeListArray if large else pa.ListArray
    places = pa.array(offsets, pa.int64() if large else pa.int32())
    return kind.from_arrays(places, inner, mask=pa.array(mask)).cast(dtype)


def batch_of(dtype: pa.DataType, rows: int, nulls: float = 0.2) -> pa.RecordBatch:
    """Return the columns that the calls are over."""
    random = np.random.default_rng(9)
    some = random.random(rows) < min(nulls, 0.2)
    texts = np.array(["a", "b", "", "ab", "-"])[random.integers(0, 5, rows)]
    return pa.record_batch(
        {
            "x": column(dtype, rows, 1, nulls),
            "y": column(dtype, rows, 2, nulls),
            "i": pa.array(random.integers(-3, 3, rows), mask=some),
            "s": pa.array(texts, pa.string(), mask=some),
        }
    )


def build(code: str, dtype: pa.DataType | None = None, module: Any = pt) -> Any:
    """Return the expression that `code` says, of our module or of Polars."""
    names = {"p": module, "pt": module, **{name: module.col(name) for name in "xyis"}}
    if dtype is not None:
        names["REPLACED"] = replacements(dtype)
    return eval(code, names)


def replacements(dtype: pa.DataType) -> dict[Any, Any]:
    """Return old and new values of a type for ``replace``."""
    if pa.types.is_nested(dtype) or pa.types.is_null(dtype):
        return {}
    known = [each for each in column(dtype, 20, 1, 0.0).to_pylist() if each == each]
    distinct = [*dict.fromkeys(known)][:2]
    return dict(zip(distinct, reversed(distinct), strict=True)) if len(distinct) > 1 else {}


def planned(code: str, batch: pa.RecordBatch) -> tuple[Expr, pa.DataType] | None:
    """Return a call and its planned type; None where it refuses the type in words of its own."""
    try:
        expr = build(code, batch.schema.field("x").type).node
        return expr, dtype_of(expr, batch.schema)
    except (TypeMismatch, InvalidExpression) as error:
        if len(str(error)) < 30:
            raise
        return None


def same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Return whether values are equal, NaN to NaN, and floats up to their last digits."""
    return len(left) == len(right) and all(map(equal, left, right))


def equal(left: Any, right: Any) -> bool:
    """Return whether two values are equal, NaN to NaN, and floats up to their last digits."""
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return same(left, right)
    if isinstance(left, dict) and isinstance(right, dict):
        return [*left] == [*right] and same([*left.values()], [*right.values()])
    numbers = float | int | decimal.Decimal
    if isinstance(left, float | decimal.Decimal) and isinstance(right, numbers):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-12)
    return bool(left == right)
