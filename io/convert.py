"""What is in memory already, as one Arrow table: pandas frames, dicts, Arrow objects.

The types are made few on the way in: large and view variants of text and binary become the plain
ones, run-end encoding is expanded, metadata of other libraries is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.errors import SchemaError
from ..engine.expr.python_values import exact_table, found_array
from ..engine.schema import schema_of

if TYPE_CHECKING:
    import pandas as pd

_PLAIN = {
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
}


def plain_type(dtype: pa.DataType) -> pa.DataType:
    """Return the type that columns of `dtype` have in a plan.

    >>> plain_type(pa.string_view())
    DataType(string)
    """
    if pa.types.is_run_end_encoded(dtype):
        return plain_type(dtype.value_type)
    if pa.types.is_dictionary(dtype):
        return pa.dictionary(dtype.index_type, plain_type(dtype.value_type), dtype.ordered)
    return _PLAIN.get(dtype, dtype)


def plain_schema(schema: pa.Schema, where: str) -> pa.Schema:
    """Return `schema` with plain types and without metadata.

    Raises
    ------
    DuplicateColumn
        If two columns have the same name; the message names `where`.
    """
    return schema_of((pa.field(field.name, plain_type(field.type)) for field in schema), where)


def plain_array(array: pa.Array) -> list[pa.Array]:
    """Return the chunks of `array` in its plain type.

    There is more than one where the values are too many bytes for 32-bit offsets.
    """
    target = plain_type(array.type)
    if array.type == target:
        return [array]
    if pa.types.is_run_end_encoded(array.type):
        return plain_array(pc.run_end_decode(array))
    try:
        return [array.cast(target)]
    except (pa.ArrowInvalid, pa.ArrowCapacityError):
        if len(array) < 2:
            raise
        middle = len(array) // 2
        return plain_array(array.slice(0, middle)) + plain_array(array.slice(middle))


def table_from_arrow(data: Any) -> pa.Table:
    """Return a table of anything that Arrow can read: zero copy where the types are plain.

    Parameters
    ----------
    data
        A ``Table``, a ``RecordBatch``, a ``RecordBatchReader``, an iterable of batches of one
        schema, or any object with ``__arrow_c_stream__`` or ``__arrow_c_array__``.

    Raises
    ------
    SchemaError
        If `data` is none of these, or its batches differ in schema.
    DuplicateColumn
        If two columns have the same name.
    """
    table = _as_table(data)
    schema = plain_schema(table.schema, "the data")
    columns = [
        pa.chunked_array([part for chunk in column.chunks for part in plain_array(chunk)], dtype)
        for column, dtype in zip(table.columns, schema.types, strict=True)
    ]
    if not columns:
        return table.replace_schema_metadata(None)
    return pa.Table.from_arrays(columns, schema=schema)


def _as_table(data: Any) -> pa.Table:
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return pa.table(data)
    if isinstance(data, Iterable) and not isinstance(data, str | bytes | Mapping):
        batches = list(data)
        if batches and all(isinstance(batch, pa.RecordBatch) for batch in batches):
            try:
                return pa.Table.from_batches(batches)
            except pa.ArrowInvalid as error:
                raise SchemaError(f"The record batches differ in schema: {error}") from None
    raise SchemaError(
        f"A {type(data).__name__} is not Arrow data. Give a pyarrow Table, RecordBatch or reader,"
        " a non-empty list of record batches, or an object with __arrow_c_stream__; rows go into"
        " pt.from_items(...)."
    )


def table_from_pandas(frame: pd.DataFrame) -> pa.Table:
    """Return a table of the columns of a pandas frame; the index is left out.

    Raises
    ------
    SchemaError
        If a column holds values of mixed types, or names are not unique.
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        schema_of(
            (pa.field(name, pa.null()) for name in names),
            "the pandas frame",
            "Give its columns other names: frame.columns = [...].",
        )
    # Names that are not strings (0, 1, 2, tuples) become text, for a column has a name here.
    frame = frame.set_axis(names, axis="columns")
    objects = {
        name
        for name, dtype in zip(names, frame.dtypes, strict=True)
        if isinstance(dtype, np.dtype) and dtype.kind == "O"
    }
    try:
        typed = pa.Table.from_pandas(frame.drop(columns=list(objects)), preserve_index=False)
        columns = [
            _found(name, frame[name]) if name in objects else typed.column(name) for name in names
        ]
        # Of no columns there is nothing but the number of rows.
        table = pa.Table.from_arrays(columns, names) if columns else typed
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise SchemaError(
            f"A pandas column has no Arrow type: {error}. Convert it with .astype() first."
        ) from None
    return table_from_arrow(table)


def _found(name: Any, values: Any) -> pa.Array | pa.ChunkedArray:
    """Return the values of a column whose type nobody has said."""
    try:
        return found_array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise pa.ArrowInvalid(f"column {name!r}: {error}") from error


def table_from_items(
    items: Iterable[Any], names: Sequence[str] | None = None, schema: pa.Schema | None = None
) -> pa.Table:
    """Return a table of rows: dicts, tuples, or values.

    Parameters
    ----------
    items
        All of one kind.
    names
        Of the columns, where there is no `schema`.
    schema
        Names and types of the columns.

    Raises
    ------
    SchemaError
        If they are of several kinds, or values of one column of several types.
    """
    rows = list(items)
    wanted = list(schema.names) if schema is not None else names
    if not rows and wanted is None:
        raise SchemaError("Of no rows the columns are not known: say them with schema=.")
    if all(isinstance(row, Mapping) for row in rows):
        found = dict.fromkeys(key for row in rows for key in row)
        unknown = [key for key in found if wanted is not None and key not in wanted]
        if unknown:
            raise SchemaError(f"The rows have {unknown}, which schema= does not name.")
        columns = {str(name): [row.get(name) for row in rows] for name in wanted or found}
    elif any(isinstance(row, Mapping) for row in rows):
        raise SchemaError("Some of the rows are dicts and some are not.")
    elif all(isinstance(row, tuple | list) for row in rows):
        widths = {len(row) for row in rows} or {len(wanted or ())}
        if len(widths) > 1 or (wanted is not None and widths != {len(wanted)}):
            said = "" if wanted is None else f", and the names are {wanted}"
            raise SchemaError(f"The rows have {sorted(widths)} values{said}.")
        known = wanted or [f"column_{place}" for place in range(widths.pop())]
        columns = dict(zip(known, map(list, zip(*rows, strict=True)), strict=True))
    else:
        if wanted is not None and len(wanted) != 1:
            raise SchemaError(f"Single values make one column, and the names are {wanted}.")
        columns = {(wanted or ["item"])[0]: rows}
    return table_from_pydict(columns, schema)


def table_from_pydict(columns: Mapping[str, Any], schema: pa.Schema | None = None) -> pa.Table:
    """Return a table of a dict of column name to values (lists, numpy or Arrow arrays).

    Raises
    ------
    SchemaError
        If columns differ in length, or values of one column in type.
    """
    try:
        if schema is None:
            table = pa.Table.from_pydict(
                {name: _found(name, values) for name, values in columns.items()}
            )
        else:
            table = exact_table(columns, schema)
    except KeyError as error:
        raise SchemaError(f"The schema names {error}, which is not among the columns.") from None
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise SchemaError(f"The columns do not make a table: {error}") from None
    return table_from_arrow(table)
