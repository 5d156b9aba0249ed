"""A function of the user over columns, as a node of an expression.

It is called in the workers, once for each batch. Nothing is known of it, so the optimizer neither
moves it past what removes rows nor computes it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import length_hint
from typing import Any

import pyarrow as pa

from ..errors import SchemaError
from ..schema import carries, decoded
from .node import Expr
from .python_values import exact_array
from .user_code import name_of, user_failure

FORMS = ("arrow", "numpy", "pandas", "values")
"""What a function of columns may be given: whole arrays, or one value of each at a time."""

SLICE = 8192
"""Rows of which Python objects are made at a time, so that they stay in the processor's cache.

An object of a row is 24 bytes (a number) to 60 (a short text), and there are two or three for each
row. CPU time of 5 million rows, plain Python functions over lists, with slices of 2,048, 4,096,
8,192, 16,384, 32,768 and 393,216 rows (a batch): two numbers to one 504, 502, 511, 529, 516 and
612 ms; a text to a text 850, 842, 825, 831, 1,055 and 1,159 ms (L2 cache 1 MiB for each core).
"""


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
        return _joined(expr, _slice_by_slice(expr, plain, rows))
    if expr.takes != "arrow" or not plain:
        # What numpy and pandas have begins with a price for each call: all rows at once.
        return _call(expr, plain, rows)[0]
    return _joined(expr, _first_and_rest(expr, plain, rows))


def _first_and_rest(expr: PythonCall, arrays: Sequence[pa.Array], rows: int) -> Iterator[pa.Array]:
    """Yield what the function makes of `SLICE` rows and, unless that was a list, of the rest."""
    first = min(rows, SLICE)
    made, was_list = _call(expr, _slice(arrays, 0, first), first)
    yield made
    if was_list:
        for start, count in _slices(first, rows):
            yield _call(expr, _slice(arrays, start, count), count)[0]
    elif first < rows:
        yield _call(expr, _slice(arrays, first, rows - first), rows - first)[0]


def _call(expr: PythonCall, arrays: Sequence[pa.Array], rows: int) -> tuple[pa.Array, bool]:
    """Return what the function makes of arrays, and whether that was a list."""
    given = [_FORMS[expr.takes](array) for array in arrays]
    try:
        result = expr.function(*given)
    except (Exception, SystemExit) as error:
        raise user_failure(expr.function, error, "") from error
    return _checked(expr, result, rows), isinstance(result, list)


_FORMS: dict[str, Callable[[pa.Array], Any]] = {
    "arrow": lambda array: array,
    "numpy": lambda array: array.to_numpy(zero_copy_only=False),
    # pandas is imported by this, where somebody asks for it.
    "pandas": lambda array: array.to_pandas(),
}


def _slice_by_slice(expr: PythonCall, arrays: Sequence[pa.Array], rows: int) -> Iterator[pa.Array]:
    """Yield the values of the function for `SLICE` rows after the other, called with each row."""
    for start, count in _slices(0, rows):
        yield _checked(expr, _one_by_one(expr, _slice(arrays, start, count), count), count)


def _slices(start: int, rows: int) -> Iterator[tuple[int, int]]:
    """Yield where slices begin and how many rows they have, one without rows if there are none."""
    for begin in range(start, rows, SLICE) if rows else (0,):
        yield begin, min(SLICE, rows - begin)


def _slice(arrays: Sequence[pa.Array], start: int, rows: int) -> list[pa.Array]:
    return [array.slice(start, rows) for array in arrays]


def _one_by_one(expr: PythonCall, arrays: Sequence[pa.Array], rows: int) -> list[Any]:
    """Return the value of the function for each row: slow, as Python is."""
    columns = [array.to_pylist() for array in arrays]
    skips = expr.skip_nulls and any(array.null_count for array in arrays)
    # It knows how far it is: what is around a call costs 26 ns for each row of one column and 43 of
    # two, where a loop that remembers its row and asks each for nulls took 63 and 76.
    first = iter(columns[0] if columns else [None] * rows)
    try:
        return _row_values(expr.function, first, columns[1:] if columns else None, skips)
    except (Exception, SystemExit) as error:
        place = rows - length_hint(first) - 1
        shown = ", ".join(repr(column[place])[:60] for column in columns)
        raise user_failure(expr.function, error, f", of the values ({shown})") from error


def _row_values(
    function: Callable[..., Any], first: Iterator[Any], others: list[list[Any]] | None, skips: bool
) -> list[Any]:
    """Return the values of `function` for the rows of the column `first` and `others` beside it.

    Without `others` it is called with nothing; with `skips` a row with a null is null.
    """
    if others is None:
        # A function of nothing is called for each row as well.
        return [function() for _ in first]
    if not others:
        if skips:
            return [None if value is None else function(value) for value in first]
        return [function(value) for value in first]
    rows = zip(first, *others, strict=True)
    if skips:
        return [None if None in row else function(*row) for row in rows]
    return [function(*row) for row in rows]


def _joined(expr: PythonCall, made: Iterator[pa.Array]) -> pa.Array:
    """Return arrays, at least one, as one: with codes if all of them have codes."""
    parts = list(made)
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, pa.DictionaryArray) for part in parts):
        parts = [_with_wide_codes(part) for part in parts]
    if any(part.type != parts[0].type or _null_is_coded(part) for part in parts):
        parts = [decoded(part) for part in parts]
    try:
        return pa.concat_arrays(parts)
    except pa.ArrowInvalid as error:
        raise SchemaError(
            f"What {expr.name} returned for {sum(map(len, parts)):,} rows is too much for one array"
            f" of {expr.dtype}: {error}. Return less for each row, or set a smaller batch_rows."
        ) from error


def _with_wide_codes(array: pa.DictionaryArray) -> pa.DictionaryArray:
    """Return codes that have room for the values of further dictionaries."""
    return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), array.dictionary)


def _null_is_coded(array: pa.Array) -> bool:
    """Return whether a code stands for null, which Arrow cannot bring together with others."""
    return isinstance(array, pa.DictionaryArray) and array.dictionary.null_count > 0


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
    found = exact_array(result, dtype)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
