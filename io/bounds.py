"""What is known of a value without reading it: a kind, bounds, and whether it may be null or NaN.

It is what file statistics, folder names and constants are brought to, so that a predicate can be
weighed against them (``pruning``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DAY = 86_400 * 10**9


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What is known of a value: a kind, bounds, and whether it may be null or NaN."""

    kind: str = ""
    """What it can be compared with: ``number``, ``text``, ``bytes``, ``bool``, ``time``,
    ``instant`` followed by the time zone's presence; empty is not known."""

    low: Any = None
    high: Any = None
    """Inclusive; None is unbounded. Numbers as int, float or Decimal, times as nanoseconds."""

    some: bool = True
    """Whether there may be a value that is neither null nor NaN."""

    nulls: bool = True
    nan: bool = False

    single: bool = False
    """Whether it is a 32-bit float."""

    bare: bool = False
    """Whether it is an untyped constant, which is rounded to the type of a column beside it."""


UNKNOWN = Bounds(nan=True)
ONLY_NULLS = Bounds(some=False)


def type_kind(dtype: pa.DataType) -> str:
    """Return the kind of values of a type, empty where bounds of it are not used."""
    types = pa.types
    if types.is_dictionary(dtype):
        return type_kind(dtype.value_type)
    if types.is_integer(dtype) or types.is_decimal(dtype):
        return "number"
    if types.is_float32(dtype) or types.is_float64(dtype):
        return "number"
    if types.is_boolean(dtype):
        return "bool"
    if types.is_string(dtype) or types.is_large_string(dtype) or types.is_string_view(dtype):
        return "text"
    if types.is_binary(dtype) or types.is_large_binary(dtype) or types.is_binary_view(dtype):
        return "bytes"
    if types.is_timestamp(dtype):
        return "instant with zone" if dtype.tz else "instant"
    if types.is_date(dtype):
        return "instant"
    return "time" if types.is_time(dtype) else ""


def of_scalar(value: pa.Scalar, untyped: bool = False) -> Bounds:
    """Return what is known of a constant."""
    if not value.is_valid:
        return ONLY_NULLS
    dtype = value.type
    kind = type_kind(dtype)
    if not kind:
        return replace(UNKNOWN, nulls=False)
    plain = _plain(value)
    if isinstance(plain, float) and math.isnan(plain):
        return Bounds(kind=kind, some=False, nulls=False, nan=True)
    single = pa.types.is_float32(dtype)
    return Bounds(kind=kind, low=plain, high=plain, nulls=False, single=single, bare=untyped)


def _plain(value: pa.Scalar) -> Any:
    """Return a valid scalar as what bounds are made of."""
    dtype = value.type
    if pa.types.is_dictionary(dtype):
        return _plain(value.value)
    if type_kind(dtype) in ("text", "bytes"):
        return value.as_buffer().to_pybytes()
    if pa.types.is_date(dtype):
        return value.value * (_DAY if pa.types.is_date32(dtype) else 10**6)
    if pa.types.is_timestamp(dtype) or pa.types.is_time(dtype):
        return value.value * NANOSECONDS[dtype.unit]
    return value.as_py()


def as_type(known: Bounds, source: pa.DataType, target: pa.DataType) -> Bounds:
    """Return what is known of a value after a cast that loses nothing; else nothing is known."""
    types = pa.types
    if types.is_dictionary(source) or types.is_dictionary(target):
        inner = [
            each.value_type if types.is_dictionary(each) else each for each in (source, target)
        ]
        return as_type(known, *inner)
    if source == target or not known.some:
        return known
    if types.is_integer(source) and types.is_integer(target):
        return known
    if types.is_integer(source) and types.is_decimal(target):
        return known
    if types.is_decimal(source) and types.is_decimal(target) and target.scale >= source.scale:
        return known
    if types.is_float32(source) and types.is_float64(target):
        return replace(known, single=False)
    if types.is_integer(source) and types.is_float64(target):
        # Rounding keeps the order, so that bounds stay bounds.
        low, high = (None if bound is None else float(bound) for bound in (known.low, known.high))
        return replace(known, low=low, high=high)
    if type_kind(source) == type_kind(target) and type_kind(source) in ("text", "instant"):
        return known if _keeps_time(source, target) else replace(UNKNOWN, nulls=True)
    return UNKNOWN


def _keeps_time(source: pa.DataType, target: pa.DataType) -> bool:
    """Return whether a cast between types of one kind leaves the nanoseconds as they are."""
    if pa.types.is_date32(source) or type_kind(source) == "text":
        return True
    if pa.types.is_timestamp(source) and pa.types.is_timestamp(target):
        return NANOSECONDS[target.unit] <= NANOSECONDS[source.unit]
    return False
