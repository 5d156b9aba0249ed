"""From what a file holds to what a scan gives: types, missing columns, folder columns."""

from __future__ import annotations

import pyarrow as pa

from ..engine.schema import cast_to, decoded
from .convert import plain_array
from .hive import partition_value
from .listing import File

CODES = pa.dictionary(pa.int32(), pa.string())
"""How text flows that comes with a dictionary."""


def conformed(
    table: pa.Table,
    rows: int,
    schema: pa.Schema,
    file: File,
    keys: frozenset[str],
    text_as_codes: frozenset[str] = frozenset(),
) -> pa.Table:
    """Return the columns of `schema`: converted, made from folders, or null where missing.

    Parameters
    ----------
    table
        What was read, any columns in any order.
    rows
        Rows of it, for a table without columns.
    schema
        The logical columns wanted.
    file
        The file it is from: its folders give the columns of `keys`.
    text_as_codes
        Text columns that were read as dictionaries and stay so.

    Raises
    ------
    SchemaError
        If a value does not fit the type wanted.
    """
    columns = []
    # Of a table the names are made anew each time: 10,000 columns would take minutes.
    there = frozenset(table.column_names)
    for field in schema:
        target = CODES if field.name in text_as_codes else field.type
        if field.name in keys:
            columns.append(_folder_column(field, rows, file))
        elif field.name not in there:
            columns.append(pa.nulls(rows, target))
        else:
            where = f"column {field.name!r} of {file.path!r}"
            chunks = table.column(field.name).chunks
            parts = [part for chunk in chunks for part in _as_type(chunk, target, where)]
            columns.append(pa.chunked_array(parts, target))
    return pa.Table.from_arrays(columns, names=schema.names)


def _folder_column(field: pa.Field, rows: int, file: File) -> pa.Array:
    """Return a column of one folder value; text as a dictionary of one."""
    text = dict(file.partition).get(field.name)
    value = partition_value(text, field.type, f"{field.name!r} in {file.path!r}")
    if field.type != pa.string():
        return pa.repeat(value, rows)
    if not value.is_valid:
        return pa.nulls(rows, CODES)
    zeros = pa.repeat(pa.scalar(0, pa.int32()), rows)
    return pa.DictionaryArray.from_arrays(zeros, pa.array([text], pa.string()))


def _as_type(chunk: pa.Array, dtype: pa.DataType, where: str) -> list[pa.Array]:
    if chunk.type == dtype:
        return [chunk]
    if dtype == CODES and pa.types.is_dictionary(chunk.type):
        # A cast would go over the rows; only the values and the width of codes change.
        codes, values = chunk.indices.cast(pa.int32()), chunk.dictionary.cast(pa.string())
        return [pa.DictionaryArray.from_arrays(codes, values)]
    if not pa.types.is_dictionary(dtype):
        chunk = decoded(chunk)
    return [cast_to(part, dtype, where) for part in plain_array(chunk)]
