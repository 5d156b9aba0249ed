"""Exact arithmetic of decimals, also where the result's type is wider than Arrow has one for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, TypeMismatch
from ..schema import decimal_digits
from .coercion import as_unscaled
from .division import as_array, integer_division
from .function import Value

WIDEST = 38
"""Digits of a decimal128."""


def add_decimals(left: Value, right: Value, operation: Callable[..., Value]) -> Value:
    """Return the exact sum or difference (as `operation` has it) of decimals and integers."""
    left, right = as_decimals(left, right)
    scale = max(left.type.scale, right.type.scale)
    whole = max(left.type.precision - left.type.scale, right.type.precision - right.type.scale)
    if whole + scale + 1 <= WIDEST:
        return operation(left, right)
    least = WIDEST - 1 - scale
    precisions = (least + left.type.scale, least + right.type.scale)
    return _narrowed(left, right, precisions, operation, pa.decimal128(WIDEST, scale))


def multiply_decimals(left: Value, right: Value) -> Value:
    """Return the exact product, as ``decimal128(min(38, p1 + p2 + 1), s1 + s2)``."""
    left, right = as_decimals(left, right)
    scale = left.type.scale + right.type.scale
    if scale > WIDEST:
        raise TypeMismatch(
            f"{left.type} * {right.type} has {scale} decimal places, more than the {WIDEST} there"
            " can be. Cast one of them to fewer places, or to float."
        )
    if left.type.precision + right.type.precision + 1 <= WIDEST:
        return pc.multiply(left, right)
    # The narrower one keeps its digits: it is a rate or a quantity, the wider one a product
    # whose type has grown faster than its values.
    room = WIDEST - 1
    narrow = min(left.type.precision, right.type.precision, room // 2)
    precisions = (
        (room - narrow, narrow)
        if left.type.precision >= right.type.precision
        else (narrow, room - narrow)
    )
    return _narrowed(left, right, precisions, pc.multiply, pa.decimal128(WIDEST, scale))


def _narrowed(
    left: Value,
    right: Value,
    precisions: tuple[int, int],
    operation: Callable[..., Value],
    result: pa.DataType,
) -> Value:
    """Return an operation over decimals whose types are too wide for Arrow to give a type to it.

    The values are mostly far smaller than their type: where both fit fewer digits, which a checked
    cast tells (as cheap as the operation), the result is a decimal128. Else it is computed over
    256 bits, thirteen times slower, and must fit in the end.
    """
    try:
        narrow = [
            value
            if value.type.precision <= precision
            else value.cast(pa.decimal128(max(precision, value.type.scale, 1), value.type.scale))
            for value, precision in zip((left, right), precisions, strict=True)
        ]
        return operation(*narrow).cast(result)
    except pa.ArrowInvalid:
        wide = [
            value.cast(pa.decimal256(value.type.precision, value.type.scale))
            for value in (left, right)
        ]
    try:
        if operation is pc.multiply and sum(value.type.precision for value in wide) + 1 > 76:
            # 38 digits each: one digit too many for Arrow, but not for the result to fit.
            wide[0] = wide[0].cast(pa.decimal256(75 - wide[1].type.precision, wide[0].type.scale))
        return operation(*wide).cast(result)
    except pa.ArrowInvalid as error:
        raise ComputeError(f"a result does not fit {result}: {error}") from None


def divide_decimals(
    left: Value, right: Value, operation: Callable[..., np.ndarray], *, remainder: bool
) -> Value:
    """Return ``//`` or ``%`` of decimals, over their digits as 64-bit integers."""
    left, right = as_decimals(left, right)
    scale = max(left.type.scale, right.type.scale)
    try:
        digits = [
            as_unscaled(as_array(value).cast(pa.decimal128(18, scale)), 0).cast(pa.int64())
            for value in (left, right)
        ]
    except pa.ArrowInvalid:
        raise ComputeError(
            f"// and % of decimals hold 18 digits with {scale} places, which a value of"
            f" {left.type} or {right.type} exceeds. Cast both to fewer places."
        ) from None
    # A scalar has become one row, which numpy stretches over the rows of the other.
    dividend, divisor = (
        each[0] if isinstance(value, pa.Scalar) else each
        for value, each in zip((left, right), digits, strict=True)
    )
    whole = integer_division(dividend, divisor, operation)
    unscaled = whole.cast(pa.decimal128(19, 0)).cast(pa.decimal128(18, 0))
    if remainder:
        return as_unscaled(unscaled, scale)
    return unscaled


def both_decimal(left: pa.DataType, right: pa.DataType) -> bool:
    """Return whether this is arithmetic of decimals; beside a float it is that of doubles."""
    types = pa.types
    floating = types.is_floating(left) or types.is_floating(right)
    return not floating and (types.is_decimal(left) or types.is_decimal(right))


def as_decimals(left: Value, right: Value) -> tuple[Value, Value]:
    first, second = (_as_decimal(value) for value in (left, right))
    return first, second


def _as_decimal(value: Value) -> Value:
    if pa.types.is_decimal(value.type):
        return value
    return value.cast(pa.decimal128(decimal_digits(value.type), 0))
