"""Rewrites a Parquet file with doubles in place of its decimals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 122_880


def rewrite_with_doubles(source: Path, target: Path) -> None:
    """Copy `source` to `target`, decimals as doubles, zstd, in row groups of `ROW_GROUP_ROWS`.

    Parameters
    ----------
    source
        A Parquet file; its decimals have at most 15 digits, so each one has a nearest double
        that reads back as the same decimal.
    target
        Where the copy is written; strings and the rest keep their values.
    """
    with pq.ParquetFile(source) as file:
        schema = pa.schema([_with_double(field) for field in file.schema_arrow])
        with pq.ParquetWriter(target, schema, compression="zstd", use_dictionary=True) as writer:
            for batch in file.iter_batches(batch_size=ROW_GROUP_ROWS):
                columns = [
                    to_double(column) if pa.types.is_decimal(column.type) else column.cast(to.type)
                    for column, to in zip(batch.columns, schema, strict=True)
                ]
                table = pa.Table.from_arrays(columns, schema=schema)
                writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def to_double(column: pa.Array) -> pa.Array:
    """Return the nearest double of each decimal.

    Arrow's own cast multiplies by a power of ten that has no exact double, and misses the nearest
    one by a bit for many prices; dividing the unscaled integer rounds once, hence correctly.
    """
    factor = 10**column.type.scale
    unscaled = pc.multiply(column, pa.scalar(Decimal(factor))).cast(pa.int64())
    return pc.divide(unscaled.cast(pa.float64()), float(factor))


def _with_double(field: pa.Field) -> pa.Field:
    """Return the field as the copy has it: a double for a decimal, plain strings for views."""
    if pa.types.is_decimal(field.type):
        return pa.field(field.name, pa.float64(), field.nullable)
    if field.type == pa.string_view():
        return pa.field(field.name, pa.string(), field.nullable)
    return pa.field(field.name, field.type, field.nullable)
