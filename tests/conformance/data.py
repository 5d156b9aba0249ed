"""Columns of every type in every shape, and how answers are compared."""

from __future__ import annotations

import datetime
import decimal
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

TYPES: dict[str, pa.DataType] = {
    **{str(dtype): dtype for dtype in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
    **{str(dtype): dtype for dtype in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())},
    "float": pa.float32(),
    "double": pa.float64(),
    "decimal": pa.decimal128(15, 2),
    "wide decimal": pa.decimal128(38, 6),
    "bool": pa.bool_(),
    "string": pa.string(),
    "large_string": pa.large_string(),
    "coded string": pa.dictionary(pa.int32(), pa.string()),
    "binary": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamp of a zone": pa.timestamp("ns", "Europe/Paris"),
    "duration": pa.duration("us"),
    "list": pa.list_(pa.int64()),
    "null": pa.null(),
}
"""Name -> type; what every function, aggregate and window is tried on."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many rows a column has, and how many of them are null."""

    rows: int
    nulls: float


SHAPES: dict[str, Shape] = {
    "some null": Shape(rows=90, nulls=0.25),
    "no null": Shape(rows=60, nulls=0.0),
    "all null": Shape(rows=20, nulls=1.0),
    "one row": Shape(rows=1, nulls=0.0),
    "one null": Shape(rows=1, nulls=1.0),
    "empty": Shape(rows=0, nulls=0.0),
}


def column(dtype: pa.DataType, shape: Shape, seed: int = 1) -> pa.Array:
    """Return a column with repeated, odd and null values; the same for the same seed."""
    random = np.random.default_rng(seed)
    picked = random.integers(0, 12, shape.rows)
    null = random.random(shape.rows) < shape.nulls
    logical = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
    choice = _values(logical)
    values = [
        None if gone else choice[at % len(choice)] for gone, at in zip(null, picked, strict=True)
    ]
    array = pa.array(values, logical)
    return array.dictionary_encode() if pa.types.is_dictionary(dtype) else array


def _values(dtype: pa.DataType) -> list[Any]:
    """Return some values of a type: few, so that they repeat, and its awkward ones."""
    types = pa.types
    if types.is_null(dtype):
        return [None]
    if types.is_boolean(dtype):
        return [True, False, True]
    if types.is_signed_integer(dtype):
        return [0, 1, -1, 2, 3, -5, 7, 11, 100, -100]
    if types.is_integer(dtype):
        return [0, 1, 2, 3, 5, 7, 11, 100, 200]
    if types.is_floating(dtype):
        return [0.0, 1.5, -2.25, 3.0, 1e3, -7.5, 0.5, 2.0, 1.5, math.nan]
    if types.is_decimal(dtype):
        return [decimal.Decimal(text) for text in ("0", "1.5", "-2.25", "99.99", "1000", "-7.5")]
    if types.is_date(dtype):
        first = datetime.date(1969, 12, 30)
        return [first + datetime.timedelta(days=days) for days in (0, 1, 2, 3, 40, 20_000)]
    if types.is_time(dtype):
        return [datetime.time(hour, 7, 13, 123_456) for hour in (0, 1, 9, 12, 23)]
    if types.is_timestamp(dtype):
        first = datetime.datetime(2024, 3, 30, 23, 30, tzinfo=datetime.UTC if dtype.tz else None)
        return [first + datetime.timedelta(hours=hours) for hours in (0, 1, 2, 3, 30, -500_000)]
    if types.is_duration(dtype):
        return [datetime.timedelta(microseconds=us) for us in (0, 1, -1, 5_000_003, 10**12, -7)]
    if types.is_list(dtype):
        return [[1], [], [1, 2], [None, 3]]
    texts = ["", "a", "b", "aa", "é", "ä", "B", "z", "longer text"]
    return [text.encode() for text in texts] if types.is_binary(dtype) else texts


def equal(found: Any, wanted: Any, digits: float = 1e-9) -> bool:
    """Return whether two answers are the same: NaN is NaN, and floats agree in their digits."""
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(
            equal(one, other, digits) for one, other in zip(found, wanted, strict=True)
        )
    numbers = (float, int, decimal.Decimal)
    plain = isinstance(found, numbers) and isinstance(wanted, numbers)
    if not plain or not (isinstance(found, float) or isinstance(wanted, float)):
        return bool(found == wanted)
    if math.isnan(found) or math.isnan(wanted):
        return math.isnan(found) and math.isnan(wanted)
    return math.isclose(found, wanted, rel_tol=digits, abs_tol=1e-12)
