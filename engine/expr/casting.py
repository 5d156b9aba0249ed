"""Casts: what a value becomes as another type, and what to do with one that does not fit.

Like Polars: a float loses its fraction on the way to an integer, a decimal is rounded to fewer
places, and what has no place in the new type (300 as ``int8``, ``"x"`` as a number) is an error,
or null where the cast is not strict.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import TypeMismatch
from .coercion import decimal_to_double
from .function import Value, is_text

_NUMBER = r"^[ ]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ ]*$"
_INTEGER = r"^[+-]?[0-9]{1,38}$"


def cast(value: Value, dtype: pa.DataType, *, strict: bool = True) -> Value:
    """Return `value` as `dtype`.

    Parameters
    ----------
    value
        An array without dictionary, or a scalar.
    dtype
        The new type.
    strict
        Whether a value that does not fit raises; else it becomes null.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a value does not fit and `strict` is set.
    TypeMismatch
        If there is no cast between the types at all.

    Examples
    --------
    >>> cast(pa.array(["12", "x"]), pa.int64(), strict=False).to_pylist()
    [12, None]
    """
    if value.type == dtype:
        return value
    if isinstance(value, pa.Scalar):
        return cast(pa.repeat(value, 1), dtype, strict=strict)[0]
    try:
        return _strict(value, dtype)
    except pa.ArrowNotImplementedError:
        raise TypeMismatch(f"There is no cast from {value.type} to {dtype}.") from None
    except (pa.ArrowInvalid, OverflowError):
        if strict:
            raise
    return _lenient(value, dtype)


def _strict(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    types = pa.types
    source = array.type
    if types.is_floating(source) and types.is_integer(dtype):
        # Arrow's own truncating cast does not look at the range.
        return pc.cast(pc.trunc(array), dtype)
    if types.is_decimal(source) and types.is_floating(dtype):
        return decimal_to_double(array).cast(dtype)
    if types.is_decimal(source) and types.is_integer(dtype):
        return pc.cast(pc.round(array, 0, "towards_zero"), dtype, safe=True)
    if types.is_decimal(source) and types.is_decimal(dtype) and dtype.scale < source.scale:
        return pc.cast(pc.round(array, dtype.scale, "half_towards_infinity"), dtype)
    if types.is_integer(source) and types.is_decimal(dtype):
        return pc.cast(pc.cast(array, pa.decimal256(76, dtype.scale)), dtype)
    if types.is_integer(source) and types.is_floating(dtype):
        return pc.cast(array, dtype, safe=False)
    if types.is_floating(source) and types.is_floating(dtype):
        return pc.cast(array, dtype, safe=False)
    if types.is_floating(source) and types.is_boolean(dtype):
        return pc.not_equal(array, 0)
    if types.is_floating(source) and is_text(dtype):
        return _float_to_text(array, dtype)
    if types.is_boolean(source) and is_text(dtype):
        return pc.if_else(array, pa.scalar("true", dtype), pa.scalar("false", dtype))
    if is_text(source) and types.is_integer(dtype):
        return _text_to_integer(array, dtype)
    if is_text(source) and types.is_decimal(dtype):
        return _text_to_decimal(array, dtype)
    if _coarser(source, dtype):
        return _floored(array, dtype)
    return pc.cast(array, dtype)


def _float_to_text(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return floats as text that shows they are floats: ``7.0``, not Arrow's ``7``."""
    text = pc.replace_substring_regex(pc.cast(array, dtype), "^(-?[0-9]+)$", r"\1.0")
    return pc.if_else(pc.is_nan(array), pa.scalar("NaN", dtype), text)


def _text_to_integer(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    # Arrow reads a plus before a float and before a decimal, but not before an integer.
    if pc.any(pc.starts_with(array, "+")).as_py():
        array = pc.replace_substring_regex(array, r"^\+([0-9])", r"\1")
    return pc.cast(array, dtype)


def _text_to_decimal(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    # Arrow refuses more places than asked for; a wide type first, then rounding as for decimals.
    wide = pc.cast(array, pa.decimal256(76, min(38, dtype.scale + 18)))
    return pc.cast(pc.round(wide, dtype.scale, "half_towards_infinity"), dtype)


def _coarser(source: pa.DataType, dtype: pa.DataType) -> bool:
    """Return whether a cast between points or lengths of time drops the end of each value."""
    types = pa.types
    return (
        (types.is_timestamp(source) and (types.is_timestamp(dtype) or types.is_date(dtype)))
        or (types.is_timestamp(source) and types.is_time(dtype))
        or (types.is_duration(source) and types.is_duration(dtype))
        or (types.is_time(source) and types.is_time(dtype))
    )


def _floored(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    types = pa.types
    if types.is_timestamp(array.type) and types.is_timestamp(dtype):
        array = pc.floor_temporal(array, unit=_UNITS[dtype.unit])
    if types.is_timestamp(array.type) and array.type.tz and not types.is_timestamp(dtype):
        # The date and time of day on the wall there, not in UTC.
        array = pc.local_timestamp(array)
    if types.is_date(dtype):
        array = pc.floor_temporal(array, unit="day")
    # Lengths of time lose what a coarser unit cannot say, towards zero; too large still raises.
    truncates = types.is_duration(dtype) or types.is_time(dtype)
    return array.cast(options=pc.CastOptions(dtype, allow_time_truncate=truncates))


_UNITS = {"s": "second", "ms": "millisecond", "us": "microsecond", "ns": "nanosecond"}


def _lenient(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return `array` cast, null where a value does not fit.

    What can be told by looking is made null at once; the few values left at fault are found by
    halving, which stays in Arrow and is fast while they are few.
    """
    candidates = pc.if_else(_plausible(array, dtype), array, pa.scalar(None, array.type))
    return pa.concat_arrays(_halved(candidates, dtype))


def _halved(array: pa.Array, dtype: pa.DataType) -> list[pa.Array]:
    try:
        return [_strict(array, dtype)]
    except (pa.ArrowInvalid, OverflowError):
        if len(array) == 1:
            return [pa.nulls(1, dtype)]
    middle = len(array) // 2
    return _halved(array[:middle], dtype) + _halved(array[middle:], dtype)


def _plausible(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return which values may fit; every value that does is among them."""
    types = pa.types
    everything = pa.repeat(pa.scalar(True), len(array))
    if is_text(array.type):
        if types.is_integer(dtype):
            whole = pc.match_substring_regex(array, _INTEGER)
            digits = pc.if_else(whole, array, pa.scalar(None, array.type))
            bare = pc.ascii_ltrim(digits, "+")
            return _within(pc.cast(bare, pa.decimal256(39, 0)), dtype)
        if types.is_decimal(dtype):
            return pc.match_substring_regex(array, _NUMBER)
        if types.is_date(dtype):
            return pc.match_substring_regex(array, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
        if types.is_timestamp(dtype):
            return pc.match_substring_regex(array, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")
        if types.is_floating(dtype):
            return pc.match_substring_regex(array, r"^[ ]*[-+]?([0-9.]|[iI][nN][fF]|[nN][aA][nN])")
    if types.is_integer(dtype) and (types.is_integer(array.type) or types.is_decimal(array.type)):
        return _within(array, dtype)
    if types.is_integer(dtype) and types.is_floating(array.type):
        low, high = _bounds(dtype)
        # As doubles: 2.0**63 itself is one too many for int64, and halving finds it.
        return pc.and_(pc.greater(array, float(low) - 1), pc.less(array, float(high) + 1))
    return everything


def _within(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    low, high = (pa.scalar(bound, pa.decimal256(39, 0)) for bound in _bounds(dtype))
    wide = array
    if pa.types.is_integer(array.type):
        wide = pc.cast(array, pa.decimal256(39, 0))
    elif pa.types.is_decimal(array.type):
        wide = pc.cast(pc.round(array, 0, "towards_zero"), pa.decimal256(76, array.type.scale))
    return pc.and_(pc.greater_equal(wide, low), pc.less_equal(wide, high))


def _bounds(dtype: pa.DataType) -> tuple[int, int]:
    bits = dtype.bit_width
    if pa.types.is_unsigned_integer(dtype):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
