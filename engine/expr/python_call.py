"""A function of the user over columns, as a node of an expression.

It is called in the workers, once for each batch. Nothing is known of it, so the optimizer neither
moves it past what removes rows nor computes it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import SchemaError
from ..schema import carries, decoded
from .node import Expr
from .user_code import name_of, user_failure

FORMS = ("arrow", "numpy", "pandas", "values")
"""What a function of columns may be given: whole arrays, or one value of each at a time."""


@dataclass(frozen=True, eq=False)
class PythonCall(Expr):
    """`function` of the values of `args`, which gives as many values of type `dtype`."""

    function: Callable[..., Any]
    args: tuple[Expr, ...]
    dtype: pa.DataType
    takes: str = "arrow"
    skip_nulls: bool = False
    """With ``values``: whether a row with a null among its arguments is null without a call."""

    @property
    def name(self) -> str:
        """What to call it."""
        return name_of(self.function)

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.args

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return replace(self, args=children)

    # By the identity of the function: one that compares or hashes in its own way is no hindrance.

    def _key(self) -> tuple[Any, ...]:
        return id(self.function), self.args, self.dtype, self.takes, self.skip_nulls

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PythonCall) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def has_python_call(expr: Expr) -> bool:
    """Return whether a function of the user is called anywhere in `expr`."""
    return any(isinstance(node, PythonCall) for node in expr.walk())


def called(expr: PythonCall, values: Sequence[pa.Array], rows: int) -> pa.Array:
    """Return what the function makes of arrays of `rows` values.

    Raises
    ------
    UserFunctionError
        If it raises; its line and its traceback are told.
    SchemaError
        If it returns another number of values, or values that are not of its type.
    """
    plain = [decoded(value) for value in values]
    if expr.takes == "values":
        return _checked(expr, _one_by_one(expr, plain, rows), rows)
    given = [_FORMS[expr.takes](value) for value in plain]
    try:
        result = expr.function(*given)
    except Exception as error:
        raise user_failure(expr.function, error, "") from error
    return _checked(expr, result, rows)


_FORMS: dict[str, Callable[[pa.Array], Any]] = {
    "arrow": lambda array: array,
    "numpy": lambda array: array.to_numpy(zero_copy_only=False),
    # pandas is imported by this, where somebody asks for it.
    "pandas": lambda array: array.to_pandas(),
}


def _one_by_one(expr: PythonCall, arrays: Sequence[pa.Array], rows: int) -> list[Any]:
    """Return the value of the function for each row: slow, as Python is."""
    columns = [array.to_pylist() for array in arrays]
    made: list[Any] = []
    # A function of nothing is called for each row as well.
    for row in zip(*columns, strict=True) if columns else [()] * rows:
        if expr.skip_nulls and None in row:
            made.append(None)
            continue
        try:
            made.append(expr.function(*row))
        except Exception as error:
            shown = ", ".join(repr(value)[:60] for value in row)
            raise user_failure(expr.function, error, f", of the values ({shown})") from error
    return made


def _checked(expr: PythonCall, result: Any, rows: int) -> pa.Array:
    try:
        array = _as_array(result, expr.dtype)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise SchemaError(
            f"{expr.name} was declared to return {expr.dtype}, and what it returned"
            f" ({type(result).__name__}) cannot be read as that: {error}. Correct the type, or"
            " convert in the function."
        ) from error
    if not carries(array.type, expr.dtype):
        raise SchemaError(
            f"{expr.name} was declared to return {expr.dtype}, and returned {array.type}. Correct"
            " the type, or cast in the function."
        )
    if len(array) != rows:
        raise SchemaError(
            f"{expr.name} was given {rows:,} rows and returned {len(array):,} values: a function of"
            " columns gives one value for each row. For other numbers of rows use df.map_batches."
        )
    return array


def _as_array(result: Any, dtype: pa.DataType) -> pa.Array:
    """Return arrays as they are; lists, numpy arrays and series take the declared type."""
    if isinstance(result, pa.ChunkedArray):
        result = result.combine_chunks()
    if isinstance(result, pa.Array):
        # A null type is that of nothing but nulls.
        return result.cast(dtype) if pa.types.is_null(result.type) else result
    if isinstance(result, str | bytes) or not hasattr(result, "__len__"):
        raise TypeError("it is one value and not an array of them")
    if isinstance(result, np.ndarray):
        return pa.array(result, type=dtype, from_pandas=False)
    found = pa.array(result, type=dtype)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
