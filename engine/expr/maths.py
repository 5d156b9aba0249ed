"""Mathematical functions of one number.

A float32 stays one; integers and decimals become doubles unless it says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidExpression, TypeMismatch
from .coercion import decimal_to_double
from .function import ANY, INTEGER, NUMBER, QUANTITY, Example, Function, Parameter, Value


def _float(kernel: Callable[[Value], Value]) -> Callable[[Value], Value]:
    """Return a kernel of floats for all numbers."""

    def of_number(value: Value) -> Value:
        if pa.types.is_decimal(value.type):
            value = decimal_to_double(value)
        elif pa.types.is_integer(value.type):
            value = pc.cast(value, pa.float64(), safe=False)
        return kernel(value)

    return of_number


def _by_numpy(operation: np.ufunc) -> Callable[[Value], Value]:
    def of_array(value: pa.Array) -> pa.Array:
        mask = np.asarray(value.is_null()) if value.null_count else None
        filled = pc.fill_null(value, 0.0) if value.null_count else value
        # Beyond a function's domain it is NaN or infinite, as the docstrings say.
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return pa.array(operation(filled.to_numpy(zero_copy_only=False)), mask=mask)

    return of_array


def _abs(value: Value) -> Value:
    if pa.types.is_duration(value.type):
        return pc.abs_checked(value.cast(pa.int64())).cast(value.type)
    _refuse_points(value, "abs")
    return pc.abs(value) if pa.types.is_decimal(value.type) else pc.abs_checked(value)


def _sign(value: Value) -> Value:
    _refuse_points(value, "sign")
    if pa.types.is_floating(value.type):
        # Arrow keeps the type; NaN stays NaN.
        return pc.sign(value)
    return pc.sign(value).cast(value.type if pa.types.is_integer(value.type) else pa.int64())


def _refuse_points(value: Value, name: str) -> None:
    if pa.types.is_temporal(value.type) and not pa.types.is_duration(value.type):
        raise TypeMismatch(f"{name} is not defined for {value.type}.")


def _round(value: Value, decimals: int, mode: str) -> Value:
    if pa.types.is_integer(value.type) and decimals >= 0:
        return value
    rounding = {"half_to_even": "half_to_even", "half_away_from_zero": "half_towards_infinity"}
    return pc.round(_roomier(value), ndigits=decimals, round_mode=rounding[mode])


def _floor(value: Value) -> Value:
    return value if pa.types.is_integer(value.type) else pc.floor(_roomier(value))


def _ceil(value: Value) -> Value:
    return value if pa.types.is_integer(value.type) else pc.ceil(_roomier(value))


def _roomier(value: Value) -> Value:
    """Return decimals with room for a digit more: 9.9 rounds to 10."""
    dtype = value.type
    if not pa.types.is_decimal(dtype) or dtype.scale <= 0 or dtype.precision >= 38:
        return value
    return value.cast(pa.decimal128(dtype.precision + 1, dtype.scale))


def _truncate(value: Value, decimals: int) -> Value:
    if pa.types.is_integer(value.type) and decimals >= 0:
        return value
    return pc.round(value, ndigits=decimals, round_mode="towards_zero")


def _round_sig_figs(value: Value, digits: int) -> Value:
    if digits < 1:
        raise InvalidExpression(f"round_sig_figs wants at least one digit, but this is {digits}.")
    numbers = _float(lambda each: each)(value)
    zero = pc.equal(numbers, 0.0)
    size = pc.floor(pc.log10(pc.abs(pc.if_else(zero, pa.scalar(1.0, numbers.type), numbers))))
    factor = pc.power(pa.scalar(10.0), pc.subtract(pa.scalar(digits - 1.0), size))
    rounded = pc.divide(
        pc.round(pc.multiply(numbers, factor), round_mode="half_towards_infinity"), factor
    )
    # A factor that is itself infinite or zero says that there is nothing to round.
    plain = pc.and_(pc.is_finite(rounded), pc.invert(zero))
    result = pc.if_else(plain, rounded, numbers)
    keeps = pa.types.is_floating(value.type) or pa.types.is_integer(value.type)
    return result.cast(value.type, safe=False) if keeps else result


def _cot(value: Value) -> Value:
    return pc.divide(pa.scalar(1.0, value.type), pc.tan(value))


def _reinterpret(value: Value, signed: bool) -> Value:
    width = value.type.bit_width
    return value.view(pa.type_for_alias(f"{'' if signed else 'u'}int{width}"))


def _to_physical(value: Value) -> Value:
    if pa.types.is_temporal(value.type):
        return value.cast(pa.int32() if value.type.bit_width == 32 else pa.int64())
    return value


def _log(value: Value, base: float) -> Value:
    natural = _float(pc.ln)(value)
    if base == math.e:
        return natural
    return pc.divide(natural, pa.scalar(math.log(base), natural.type))


def _times(factor: float) -> Callable[[Value], Value]:
    return _float(lambda value: pc.multiply(value, pa.scalar(factor, value.type)))


def _entry(
    name: str,
    kernel: Callable[..., Value],
    doc: str,
    given: list[Any],
    gives: list[Any],
    *parameters: Parameter,
    call: str = "",
) -> Function:
    """Return an entry for a function of one number."""
    return Function(
        name=name,
        kernel=kernel,
        accepts=(QUANTITY if name in ("abs", "sign") else NUMBER,),
        parameters=parameters,
        doc=doc,
        example=Example(
            code=f"pt.col('a').{name}({call})", data={"a": [*given, None]}, gives=[*gives, None]
        ),
    )


_UNIT = "The angle is in radians."

MATHS = (
    _entry(
        "abs",
        _abs,
        "Return the absolute value, of the same type; the least integer of a type raises.",
        [-3, 2],
        [3, 2],
    ),
    _entry(
        "sign",
        _sign,
        "Return -1, 0 or 1, of the same type (of a decimal or a duration, as ``int64``).",
        [-3, 0, 2],
        [-1, 0, 1],
    ),
    _entry(
        "round",
        _round,
        """Return the number rounded to `decimals` places, of the same type.

        Halves go to the even digit, or away from zero with ``mode="half_away_from_zero"``.
        A decimal gets room for one digit more.""",
        [1.26, 2.5],
        [1.3, 2.5],
        Parameter(name="decimals", default=0, types=(int,)),
        Parameter(
            name="mode",
            default="half_to_even",
            types=(str,),
            choices=("half_to_even", "half_away_from_zero"),
        ),
        call="1",
    ),
    _entry("floor", _floor, "Return the whole number at or below, of the same type.", [1.7], [1.0]),
    _entry("ceil", _ceil, "Return the whole number at or above, of the same type.", [1.2], [2.0]),
    _entry("sqrt", _float(pc.sqrt), "Return the square root; NaN below zero.", [4.0], [2.0]),
    _entry("cbrt", _float(_by_numpy(np.cbrt)), "Return the cube root.", [27.0], [3.0]),
    _entry("exp", _float(pc.exp), "Return e to the power of it.", [0.0], [1.0]),
    _entry(
        "log",
        _log,
        "Return the logarithm to `base`; of zero it is minus infinity, and below NaN.",
        [1.0, 8.0],
        [0.0, 3.0],
        Parameter(name="base", default=math.e, types=(int, float)),
        call="2",
    ),
    _entry("log10", _float(pc.log10), "Return the logarithm to base 10.", [100.0], [2.0]),
    _entry("log1p", _float(pc.log1p), "Return the natural logarithm of one more.", [0.0], [0.0]),
    _entry("sin", _float(pc.sin), f"Return the sine. {_UNIT}", [0.0], [0.0]),
    _entry("cos", _float(pc.cos), f"Return the cosine. {_UNIT}", [0.0], [1.0]),
    _entry("tan", _float(pc.tan), f"Return the tangent. {_UNIT}", [0.0], [0.0]),
    _entry("arcsin", _float(pc.asin), "Return the angle of a sine, in radians.", [0.0], [0.0]),
    _entry("arccos", _float(pc.acos), "Return the angle of a cosine, in radians.", [1.0], [0.0]),
    _entry("arctan", _float(pc.atan), "Return the angle of a tangent, in radians.", [0.0], [0.0]),
    _entry("cot", _float(_cot), f"Return the cotangent. {_UNIT}", [0.0], [math.inf]),
    _entry("arcsinh", _float(_by_numpy(np.arcsinh)), "Return the inverse of sinh.", [0.0], [0.0]),
    _entry(
        "arccosh",
        _float(_by_numpy(np.arccosh)),
        "Return the inverse of cosh; NaN below one.",
        [1.0],
        [0.0],
    ),
    _entry(
        "arctanh",
        _float(_by_numpy(np.arctanh)),
        "Return the inverse of tanh; NaN beyond one.",
        [0.0],
        [0.0],
    ),
    _entry("expm1", _float(pc.expm1), "Return e to the power of it, less one.", [0.0], [0.0]),
    _entry("log2", _float(pc.log2), "Return the logarithm to base 2.", [8.0], [3.0]),
    _entry(
        "truncate",
        _truncate,
        "Return the number cut off behind `decimals` places, of the same type.",
        [1.79, -1.79],
        [1.7, -1.7],
        Parameter(name="decimals", default=0, types=(int,)),
        call="1",
    ),
    _entry(
        "round_sig_figs",
        _round_sig_figs,
        """Return the number rounded to so many significant digits, halves away from zero.

        A decimal becomes a double.""",
        [1234.5, 0.012345],
        [1200.0, 0.012],
        Parameter(name="digits", types=(int,)),
        call="2",
    ),
    Function(
        name="reinterpret",
        kernel=_reinterpret,
        accepts=(INTEGER,),
        parameters=(Parameter(name="signed", default=True, types=(bool,), keyword_only=True),),
        doc="Return the same bits as a signed integer, or as an unsigned one.",
        example=Example(
            code="pt.col('a').reinterpret(signed=False)",
            data={"a": [1, -1, None]},
            gives=[1, 2**64 - 1, None],
        ),
    ),
    Function(
        name="to_physical",
        kernel=_to_physical,
        accepts=(ANY,),
        doc="Return the integers that dates and times are kept as; all else as it is.",
        example=Example(
            code="pt.col('a').to_physical()", data={"a": [date(1970, 1, 3), None]}, gives=[2, None]
        ),
    ),
    _entry("sinh", _float(_by_numpy(np.sinh)), "Return the hyperbolic sine.", [0.0], [0.0]),
    _entry("cosh", _float(_by_numpy(np.cosh)), "Return the hyperbolic cosine.", [0.0], [1.0]),
    _entry("tanh", _float(_by_numpy(np.tanh)), "Return the hyperbolic tangent.", [0.0], [0.0]),
    _entry(
        "degrees", _times(180.0 / math.pi), "Return an angle in radians as degrees.", [0.0], [0.0]
    ),
    _entry(
        "radians", _times(math.pi / 180.0), "Return an angle in degrees as radians.", [0.0], [0.0]
    ),
)
"""The functions of one number."""
