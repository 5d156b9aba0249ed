"""Types of numpy, and names of SQL, pandas and Polars that Arrow does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

_NAMES: Mapping[str, pa.DataType] = {
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "varchar": pa.string(),
    "text": pa.string(),
    "timestamp": pa.timestamp("us"),
}


def foreign_type(dtype: Any) -> pa.DataType | None:
    """Return the Arrow type that is meant, None where there is none.

    Examples
    --------
    >>> foreign_type("Int64"), foreign_type("BIGINT"), foreign_type(np.float32)
    (DataType(int64), DataType(int64), DataType(float))
    """
    if isinstance(dtype, str):
        name = dtype.lower()
        if name in _NAMES:
            return _NAMES[name]
        if name != dtype:
            # Int64, Float32 and the like of pandas and Polars.
            try:
                return pa.type_for_alias(name)
            except ValueError:
                return None
        if not re.fullmatch(r"(datetime|timedelta)64\[\w+\]", name):
            return None
    elif not (isinstance(dtype, np.dtype) or _is_numpy_scalar(dtype)):
        return None
    try:
        return pa.from_numpy_dtype(np.dtype(dtype))
    except (TypeError, pa.ArrowNotImplementedError):
        return None


def _is_numpy_scalar(dtype: Any) -> bool:
    return isinstance(dtype, type) and issubclass(dtype, np.generic)
