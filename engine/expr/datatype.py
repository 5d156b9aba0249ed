"""Types as users write them: an Arrow type, its name, or a Python type."""

from __future__ import annotations

import datetime
import decimal
import re
from typing import Any

import pyarrow as pa

from ..errors import InvalidExpression
from .foreign_types import foreign_type

_PYTHON_TYPES: dict[type, pa.DataType] = {
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    datetime.date: pa.date32(),
    datetime.datetime: pa.timestamp("us"),
    datetime.time: pa.time64("us"),
    datetime.timedelta: pa.duration("us"),
    decimal.Decimal: pa.decimal128(38, 10),
}


CATEGORICAL = pa.dictionary(pa.int32(), pa.string())
"""Text with few different values, kept as codes."""

_NAMES = {
    **{python.__name__: arrow for python, arrow in _PYTHON_TYPES.items()},
    **dict.fromkeys(("categorical", "category", "dictionary"), CATEGORICAL),
    "object": pa.string(),
    "boolean": pa.bool_(),
}


def _by_name(name: str) -> pa.DataType | None:
    """Return the type of a name, None if there is none."""
    if name in _NAMES:
        return _NAMES[name]
    with_parts = re.fullmatch(r"(\w+)\s*[\[(<](.*)[\])>]", name)
    if with_parts is not None:
        kind, inner = with_parts[1], with_parts[2].strip()
        if kind in ("list", "large_list"):
            items = _by_name(inner)
            make = pa.list_ if kind == "list" else pa.large_list
            return None if items is None else make(items)
        if kind in ("datetime", "timestamp"):
            return _timestamp(inner)
        if kind in ("timedelta", "duration") and inner in _TIME_UNITS:
            return pa.duration(inner)
        if kind in ("decimal", "decimal128") and re.fullmatch(r"\d+\s*(,\s*\d+)?", inner):
            precision, *scale = (int(each) for each in inner.split(","))
            return pa.decimal128(precision, *scale) if 1 <= precision <= 38 else None
    try:
        return pa.type_for_alias(name)
    except ValueError:
        return None


_TIME_UNITS = ("s", "ms", "us", "ns")


def _timestamp(inner: str) -> pa.DataType | None:
    unit, _, zone = (each.strip() for each in inner.partition(","))
    zone = zone.removeprefix("tz=").strip("'\"")
    return pa.timestamp(unit, zone or None) if unit in _TIME_UNITS else None


def data_type(dtype: Any) -> pa.DataType:
    """Return the Arrow type that `dtype` stands for.

    Parameters
    ----------
    dtype
        An Arrow type, a Python type (``int``, ``datetime.date``), a type of numpy, or a name:
        ``"int64"``, ``"date"``, ``"datetime[us, UTC]"``, ``"decimal(15, 2)"``, ``"list[int64]"``,
        ``"categorical"``; also as SQL and pandas have it, ``"bigint"``, ``"Int64"``.

    Raises
    ------
    InvalidExpression
        If it stands for none.

    Examples
    --------
    >>> data_type(float)
    DataType(double)
    """
    if isinstance(dtype, pa.DataType):
        return dtype
    if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    if isinstance(dtype, str):
        found = _by_name(dtype.strip())
        if found is not None:
            return found
    meant = foreign_type(dtype)
    if meant is not None:
        return meant
    raise InvalidExpression(
        f"{dtype!r} is no type. Give a pyarrow type such as pyarrow.int64(), its name such as"
        ' "int64", or one of int, float, str, bool, bytes, date, datetime, time, timedelta,'
        " Decimal."
    )
