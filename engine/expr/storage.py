"""Types that are another type stored differently, and brought to that one before a function.

Files and other libraries give text as views, small decimals in 32 or 64 bits, half floats and
run-length encoded columns. Few of Arrow's functions know them; each has a type of the same values
that all know.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from .function import Value


def plain_type(dtype: pa.DataType) -> pa.DataType:
    """Return the type that all functions know for the values of `dtype`.

    >>> plain_type(pa.string_view())
    DataType(string)
    >>> plain_type(pa.decimal32(5, 2))
    Decimal128Type(decimal128(5, 2))
    """
    types = pa.types
    if types.is_string_view(dtype):
        return pa.string()
    if types.is_binary_view(dtype) or types.is_fixed_size_binary(dtype):
        return pa.binary()
    if types.is_float16(dtype):
        return pa.float32()
    if types.is_decimal32(dtype) or types.is_decimal64(dtype):
        return pa.decimal128(dtype.precision, dtype.scale)
    if types.is_run_end_encoded(dtype):
        return plain_type(dtype.value_type)
    return dtype


_STORED = frozenset(
    dtype.id
    for dtype in (
        *(pa.string_view(), pa.binary_view(), pa.binary(1), pa.float16()),
        *(pa.decimal32(1), pa.decimal64(1), pa.run_end_encoded(pa.int32(), pa.int32())),
    )
)


def plain_storage(value: Value) -> Value:
    """Return `value` as the type that all functions know for its values."""
    if value.type.id not in _STORED:
        return value
    plain = plain_type(value.type)
    if plain == value.type:
        return value
    if isinstance(value, pa.Scalar):
        return pa.scalar(value.as_py(), plain)
    if pa.types.is_run_end_encoded(value.type):
        return plain_storage(pc.run_end_decode(value))
    return value.cast(plain)
