"""Functions of the user's own over one column: ``map_batches`` and ``map_elements``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..errors import ComputeError
from .function import ANY, Example, Function, Parameter, Value


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__name__)


def _map_batches(value: Value, function: Callable[[Any], Any], return_dtype: Any) -> Value:
    if not len(value) and return_dtype is not None:
        return pa.array([], return_dtype)
    try:
        result = function(value)
    except Exception as error:
        advice = "" if len(value) else " It is called with no values, to know what type it gives:"
        advice += "" if len(value) else " give return_dtype= and it is not."
        raise ComputeError(
            f"map_batches: {_name(function)} raised {type(error).__name__}: {error}.{advice}"
        ) from error
    found = _as_array(result, return_dtype, _name(function))
    if len(found) != len(value):
        raise ComputeError(
            f"map_batches: {_name(function)} was given {len(value)} values and gave {len(found)}."
        )
    return found


def _as_array(result: Any, dtype: Any, name: str) -> pa.Array:
    if isinstance(result, pa.ChunkedArray):
        result = result.combine_chunks()
    try:
        if isinstance(result, pa.Array):
            return result if dtype is None or result.type == dtype else result.cast(dtype)
        found = pa.array(result, type=dtype)
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    except (pa.ArrowException, TypeError) as error:
        wanted = "" if dtype is None else f" of {dtype}"
        raise ComputeError(
            f"map_batches: what {name} gave ({type(result).__name__}) is no column{wanted}: {error}"
        ) from None


def _map_elements(
    value: Value, function: Callable[[Any], Any], return_dtype: Any, skip_nulls: bool
) -> Value:
    plain = value.to_pylist()
    try:
        values = [None if each is None and skip_nulls else function(each) for each in plain]
    except Exception as error:
        raise ComputeError(
            f"map_elements: {_name(function)} raised {type(error).__name__}: {error}."
        ) from error
    return _as_array(values, return_dtype, _name(function))


_FUNCTION = Parameter(name="function")

USER_FUNCTIONS = (
    Function(
        name="map_batches",
        written=True,
        kernel=_map_batches,
        accepts=(ANY,),
        parameters=(_FUNCTION, Parameter(name="return_dtype", default=None)),
        doc="Return what a function makes of the values of a batch, an Arrow array.",
        example=Example(
            code="pt.col('a').map_batches(lambda values: [v.as_py() * 2 for v in values], int)",
            data={"a": [1, 2]},
            gives=[2, 4],
        ),
    ),
    Function(
        name="map_elements",
        written=True,
        kernel=_map_elements,
        accepts=(ANY,),
        parameters=(
            _FUNCTION,
            Parameter(name="return_dtype", default=None),
            Parameter(name="skip_nulls", default=True, keyword_only=True),
        ),
        doc="Return what a function makes of each value, a Python object.",
        example=Example(
            code="pt.col('a').map_elements(lambda value: value.bit_count(), int)",
            data={"a": [5, None]},
            gives=[2, None],
        ),
    ),
)
"""The functions that call the user's."""
