"""How far apart two rows of an as-of join may be, in the units of its order."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ..errors import SchemaError, TypeMismatch

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}
_PART = re.compile(r"(\d+)(ns|us|ms|s|m|h|d|w)(?![a-z])")


def tolerance_of(value: Any, dtype: pa.DataType) -> int | float | None:
    """Return a tolerance as a number of the units in which values of `dtype` are stored.

    Parameters
    ----------
    value
        None, a number, a `datetime.timedelta`, or text such as ``"2h"`` or ``"1d12h"``.
    dtype
        The type of the order: what is between two units is rounded down, which changes nothing.

    Examples
    --------
    >>> tolerance_of("2h", pa.timestamp("s")), tolerance_of("36h", pa.date32())
    (7200, 1)
    """
    if value is None:
        return None
    if pa.types.is_temporal(dtype):
        amount: int | float = _nanoseconds(value, dtype) // _unit(dtype)
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeMismatch(
            f"join_asof(tolerance={value!r}): a number is wanted for an order of {dtype}."
        )
    elif pa.types.is_floating(dtype):
        amount = float(value)
    else:
        scale = dtype.scale if pa.types.is_decimal(dtype) else 0
        exact = Decimal(value) if math.isfinite(value) else Decimal(2**63)
        amount = min(math.floor(exact.scaleb(scale)), 2**64 - 1)
    if not amount >= 0:
        raise SchemaError(f"join_asof(tolerance={value!r}): it cannot be negative.")
    return amount


def _nanoseconds(value: Any, dtype: pa.DataType) -> int:
    if isinstance(value, datetime.timedelta):
        microseconds = value // datetime.timedelta(microseconds=1)
        # The timedelta of pandas has nanoseconds beside it.
        return microseconds * 1000 + getattr(value, "nanoseconds", 0)
    if isinstance(value, str):
        parts = _PART.findall(value)
        if parts and "".join(map("".join, parts)) == value:
            return sum(int(number) * _NANOSECONDS[unit] for number, unit in parts)
        raise SchemaError(
            f"join_asof(tolerance={value!r}): a duration is written as '2h', '90m' or '1d12h', with"
            " the units w, d, h, m, s, ms, us, ns. Months and years are of no fixed length."
        )
    raise TypeMismatch(
        f"join_asof(tolerance={value!r}): for an order of {dtype} it is a datetime.timedelta or"
        " text such as '2h'."
    )


def _unit(dtype: pa.DataType) -> int:
    if pa.types.is_date(dtype):
        return _NANOSECONDS["d" if dtype == pa.date32() else "ms"]
    return _NANOSECONDS[dtype.unit]
