"""Types as users write them: an Arrow type, its name, or a Python type."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pyarrow as pa

from ..errors import InvalidExpression

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


def data_type(dtype: Any) -> pa.DataType:
    """Return the Arrow type that `dtype` stands for.

    Parameters
    ----------
    dtype
        An Arrow type, a Python type (``int``, ``datetime.date``), or a name (``"int64"``,
        ``"date"``, ``"timestamp[us]"``).

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
        by_name = {python.__name__: arrow for python, arrow in _PYTHON_TYPES.items()}
        try:
            return by_name[dtype] if dtype in by_name else pa.type_for_alias(dtype)
        except ValueError:
            pass  # Said below, in the same words as for everything that is no type.
    raise InvalidExpression(
        f"{dtype!r} is no type. Give a pyarrow type such as pyarrow.int64(), its name such as"
        ' "int64", or one of int, float, str, bool, bytes, date, datetime, time, timedelta,'
        " Decimal."
    )
