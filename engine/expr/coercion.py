"""How the arguments of a function are brought to types that go together.

A literal written as a bare Python value gives way to the columns beside it; columns of different
types meet in the least type that holds both (``schema.promote``).
"""

from __future__ import annotations

import decimal
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, TypeMismatch
from ..schema import promote
from .function import Value, is_text
from .node import Literal

_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint64())


@dataclass(frozen=True)
class Operand:
    """An argument of a function: its value, and whether it was written as a bare literal."""

    value: Value
    untyped: bool = False

    literal: Literal | None = None
    """The node of an untyped literal, by which what it becomes is remembered."""


def adapted(operands: Sequence[Operand], exact_floats: bool) -> list[Value]:
    """Return the values of `operands`, untyped literals as the type of those beside them.

    A literal that does not fit keeps the least type of its own: ``int8`` beside 300 is left to
    meet an ``int16``.

    Parameters
    ----------
    operands
        The arguments of one call.
    exact_floats
        Whether a float beside a decimal becomes the decimal it is written as.
    """
    typed = [operand.value.type for operand in operands if not operand.untyped]
    common = common_type(typed)
    return [
        operand.value
        if not operand.untyped
        else _fitted(operand.value, common, exact_floats)
        if operand.literal is None
        else _fitted_literal(operand.literal, common, exact_floats)
        for operand in operands
    ]


@functools.lru_cache(maxsize=1024)
def _fitted_literal(literal: Literal, dtype: pa.DataType | None, exact_floats: bool) -> pa.Scalar:
    """Return what a literal becomes beside `dtype`: the same for each of many batches."""
    return _fitted(literal.value, dtype, exact_floats)


def common_type(types: Sequence[pa.DataType]) -> pa.DataType | None:
    """Return the least type that holds all of `types`, None where there is none."""
    common = pa.null()
    for dtype in types:
        try:
            common = promote(common, dtype)
        except TypeMismatch:
            return None
    return common


def unified(*values: Value) -> tuple[Value, ...]:
    """Return `values` converted to their common type.

    Raises
    ------
    TypeMismatch
        If they have none; the message says how to write what was probably meant.
    """
    first = values[0].type
    if all(value.type == first for value in values[1:]):
        return values
    common = first
    for value in values[1:]:
        common = _promote(common, value.type)
    return tuple(convert(value, common) for value in values)


def _promote(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(left) and pa.types.is_decimal(right):
        scale = max(left.scale, right.scale)
        whole = max(left.precision - left.scale, right.precision - right.scale)
        if whole + scale > 38:
            # No value is lost in a comparison; the wider type is slower, and rare.
            return pa.decimal256(min(whole + scale, 76), scale)
    try:
        return promote(left, right)
    except TypeMismatch:
        raise TypeMismatch(
            f"There is no common type for {left} and {right}.{mixing_advice(left, right)}"
        ) from None


def mixing_advice(left: pa.DataType, right: pa.DataType) -> str:
    """Return, with a leading space, how to write what mixes `left` and `right`."""
    for text, other in ((left, right), (right, left)):
        if not is_text(text):
            continue
        if pa.types.is_date(other):
            return (
                " Write the text as a date, pt.lit(datetime.date(2024, 1, 31)), or parse the"
                " column with .str.to_date()."
            )
        if pa.types.is_timestamp(other):
            return (
                " Write the text as a timestamp, pt.lit(datetime.datetime(2024, 1, 31, 12)), or"
                " parse the column with .str.to_datetime()."
            )
        return (
            f" Write both as one type, or cast one: the text with .cast({str(other)!r}), or the"
            " other with .cast('string')."
        )
    if pa.types.is_timestamp(left) and pa.types.is_timestamp(right):
        return (
            " Bring both into one time zone with .dt.convert_time_zone() or"
            " .dt.replace_time_zone()."
        )
    return " Cast one of them with .cast()."


def convert(value: Value, dtype: pa.DataType) -> Value:
    """Return `value` as the promoted type `dtype`.

    Raises
    ------
    ComputeError
        If a value does not fit, as an ``uint64`` above 2**63 beside an ``int64``.
    """
    source = value.type
    if source == dtype:
        return value
    if pa.types.is_decimal(source) and pa.types.is_floating(dtype):
        return decimal_to_double(value).cast(dtype)
    try:
        if pa.types.is_integer(source) and pa.types.is_decimal(dtype):
            # Arrow asks for room for the widest integer; the values may need much less.
            wide = pa.decimal256(76, dtype.scale) if dtype.precision < 38 else dtype
            return value.cast(wide).cast(dtype)
        # An integer above 2**53 is rounded by a double, as everywhere; that is no error.
        return pc.cast(value, dtype, safe=not pa.types.is_floating(dtype))
    except pa.ArrowInvalid as error:
        raise ComputeError(f"A value does not fit {dtype}: {error}") from None


def decimal_to_double(value: Value) -> Value:
    """Return decimals as the nearest doubles.

    Arrow multiplies by an inexact power of ten (1.15 becomes 1.1500000000000001); the digits as an
    integer, divided by the exact power, round once.
    """
    if isinstance(value, pa.Scalar):
        return pa.scalar(None if not value.is_valid else float(value.as_py()), pa.float64())
    scale = value.type.scale
    digits = as_unscaled(value, 0).cast(pa.float64())
    return pc.divide(digits, 10.0**scale) if scale else digits


def as_unscaled(array: pa.Array, scale: int) -> pa.Array:
    """Return decimals with the same digits read at another `scale`, without a copy."""
    dtype = array.type
    other = (pa.decimal256 if dtype.bit_width == 256 else pa.decimal128)(dtype.precision, scale)
    return pa.Array.from_buffers(other, len(array), array.buffers(), array.null_count, array.offset)


def _fitted(value: pa.Scalar, dtype: pa.DataType | None, exact_floats: bool) -> pa.Scalar:
    """Return an untyped literal as `dtype` where it fits, else as the least type of its own."""
    if dtype is None or pa.types.is_null(dtype):
        return value
    if not value.is_valid:
        return pa.scalar(None, dtype) if pa.types.is_null(value.type) else value
    if pa.types.is_integer(value.type):
        return _fitted_integer(value.as_py(), value, dtype)
    if pa.types.is_list(value.type):
        return _fitted_list(value, dtype, exact_floats)
    plain = value.as_py()
    if isinstance(plain, float):
        if pa.types.is_floating(dtype):
            return pa.scalar(plain, dtype)
        if pa.types.is_decimal(dtype) and exact_floats:
            return _float_as_decimal(plain) or value
        return value
    if isinstance(plain, decimal.Decimal):
        return pa.scalar(float(plain), dtype) if pa.types.is_floating(dtype) else value
    if pa.types.is_duration(value.type) and pa.types.is_timestamp(dtype):
        # To be added to it: in the same unit, so that the sum is of the column's type.
        dtype = pa.duration(dtype.unit)
    if value.type == dtype or not _lossless(value.type, dtype):
        return value
    try:
        return value.cast(dtype)
    except pa.ArrowInvalid:
        # A finer unit than the column's: the literal keeps its own, and the column is widened.
        return value


def _lossless(source: pa.DataType, target: pa.DataType) -> bool:
    """Return whether a literal of `source` may be read as `target` beside a column of it."""
    types = pa.types
    if types.is_timestamp(source) and types.is_timestamp(target):
        return (source.tz is None) == (target.tz is None)
    return (
        (is_text(source) and is_text(target))
        or (types.is_binary(source) and types.is_large_binary(target))
        or (types.is_date(source) and types.is_date(target))
        or (types.is_date(source) and types.is_timestamp(target) and target.tz is None)
        or (types.is_duration(source) and types.is_duration(target))
        or (types.is_time(source) and types.is_time(target))
    )


def _fitted_integer(plain: int, value: pa.Scalar, dtype: pa.DataType) -> pa.Scalar:
    if pa.types.is_floating(dtype):
        return pa.scalar(float(plain), dtype)
    if pa.types.is_decimal(dtype):
        # The fewest digits: a product's precision is the sum of its factors'.
        digits = decimal.Decimal(plain)
        return pa.scalar(digits, pa.decimal128(max(1, len(str(abs(plain)))), 0))
    if not pa.types.is_integer(dtype):
        return value
    for candidate in (dtype, *_INTEGERS):
        try:
            return pa.scalar(plain, candidate)
        except (pa.ArrowInvalid, OverflowError):
            # Not this one; the widest holds every literal that Arrow could make.
            continue
    return value


def _float_as_decimal(plain: float) -> pa.Scalar | None:
    """Return a float such as 0.05 as the decimal it shows; None for one with all its digits."""
    if not math.isfinite(plain):
        return None
    shown = decimal.Decimal(repr(plain)).normalize()
    _, digits, exponent = shown.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    whole = max(1, len(digits) + exponent)
    if len(digits) > 15 or whole + scale > 38:
        return None
    return pa.scalar(shown, pa.decimal128(max(whole + scale, 1), scale))


def _fitted_list(value: pa.Scalar, dtype: pa.DataType, exact_floats: bool) -> pa.Scalar:
    """Return a list literal with its items as the type that they and `dtype` have in common."""
    items = [_fitted(item, dtype, exact_floats) for item in value.values]
    common = common_type([dtype, *(item.type for item in items)])
    if common is None:
        return value
    plain = [item.cast(common) if item.is_valid else None for item in items]
    return pa.scalar([None if item is None else item.as_py() for item in plain], pa.list_(common))
