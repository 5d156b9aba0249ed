"""What the footer of a Parquet file tells of its columns and of each row group."""

from __future__ import annotations

import functools
import operator
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..engine.errors import SchemaError
from .bounds import NANOSECONDS, ONLY_NULLS, UNKNOWN, Bounds, as_type, type_kind
from .convert import plain_schema, plain_type
from .footer_reading import FooterRefused
from .listing import File

_FALLBACK_BYTES = 4
_DICTIONARY_BYTES = 1 << 20
"""A dictionary page is at most about this large, and its codes take under 4 bytes a row: a text
column chunk of more has pages that are not dictionary-encoded, whatever its encodings list."""

_LARGE_DICTIONARY_BYTES = 1 << 19
"""In a column chunk of no more, looking up the texts of a dictionary stays within the cache."""

_LENGTH_BYTES = 4
"""What stands before each plain text."""


class Chunk(NamedTuple):
    """A column in one row group."""

    stored_bytes: int
    encoded_bytes: int
    """Uncompressed, but still encoded."""

    nulls: int | None
    low: Any
    high: Any
    """As `Bounds` has them; None is not known."""

    is_dictionary: bool
    """Whether it can be read as a dictionary without looking up every value."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How a column is stored, looked up once for all files of one schema."""

    dtype: pa.DataType
    plain: pa.DataType
    """As it is in a plan."""

    kind: str
    """As `Bounds` has it."""

    nested: bool
    floating: bool
    single: bool
    leaves: range
    """The Parquet columns that it is made up of."""

    bound: Callable[[Any], Any]
    """From a bound of the statistics, as the file stores it, to the form that `Bounds` has."""


@dataclass(frozen=True, eq=False)
class Shape:
    """What all files of one schema share."""

    physical: pa.Schema
    """The types as Arrow reads them."""

    schema: pa.Schema
    """The types as they are in a plan."""

    columns: Mapping[str, Stored]
    leaves: int
    """How many Parquet columns there are."""

    decimals: tuple[tuple[int, int], ...]
    """Parquet columns of decimals, and how many digits each has."""


_shapes: deque[Shape] = deque(maxlen=16)
"""Those met last: comparing a schema with them takes a tenth of describing it anew."""


def shape_of(metadata: pq.FileMetaData, path: str) -> Shape:
    """Return the shape of a file, the same object for files of one schema."""
    physical = metadata.schema.to_arrow_schema()
    for known in list(_shapes):
        if known.leaves == metadata.num_columns and known.physical.equals(physical):
            return known
    physical = physical.remove_metadata()
    leaves = _leaf_ranges(physical, metadata, path)
    columns = {
        column.name: Stored(
            dtype=column.type,
            plain=plain_type(column.type),
            kind="null" if pa.types.is_null(column.type) else type_kind(column.type),
            nested=pa.types.is_nested(column.type),
            floating=pa.types.is_floating(column.type),
            single=pa.types.is_float32(column.type),
            leaves=leaves[column.name],
            bound=_bound_of(column.type),
        )
        for column in physical
    }
    decimals = tuple(
        (stored.leaves.start, stored.dtype.precision)
        for stored in columns.values()
        if pa.types.is_decimal(stored.dtype)
    )
    shape = Shape(physical, plain_schema(physical, path), columns, metadata.num_columns, decimals)
    _shapes.appendleft(shape)
    return shape


@dataclass(frozen=True, eq=False)
class Footer:
    """The footer of one file."""

    file: File
    metadata: pq.FileMetaData
    shape: Shape
    rows: tuple[int, ...]
    """Rows of each row group."""

    _chunks: dict[str, tuple[Chunk, ...]] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        """The columns with the types they have in a plan."""
        return self.shape.schema

    @property
    def columns(self) -> Mapping[str, Stored]:
        """The columns of the file."""
        return self.shape.columns

    def chunks(self, column: str) -> tuple[Chunk, ...]:
        """Return a column's chunks, one for each row group; the column is in the file."""
        known = self._chunks.get(column)
        if known is None:
            stored = self.shape.columns[column]
            chunk = _flat_chunk if len(stored.leaves) == 1 and not stored.nested else _nested_chunk
            known = tuple(
                chunk(self.metadata.row_group(group), stored, rows)
                for group, rows in enumerate(self.rows)
            )
            self._chunks[column] = known
        return known

    def bounds(self, column: str, group: int) -> Bounds:
        """Return what the statistics tell of a column in one row group."""
        stored = self.columns.get(column)
        if stored is None or stored.kind == "null":
            return ONLY_NULLS
        chunk = self.chunks(column)[group]
        if chunk.nulls == self.rows[group] and not stored.nested:
            return ONLY_NULLS
        nulls = chunk.nulls != 0
        if not stored.kind:
            return Bounds(nulls=nulls, nan=stored.floating or UNKNOWN.nan)
        return Bounds(
            kind=stored.kind,
            low=chunk.low,
            high=chunk.high,
            nulls=nulls,
            nan=stored.floating,
            single=stored.single,
        )

    def bounds_as(self, column: str, group: int, dtype: pa.DataType) -> Bounds:
        """Return the same of the column as it is read: with the type `dtype`."""
        known = self.bounds(column, group)
        stored = self.columns.get(column)
        if stored is None or stored.plain == dtype:
            return known
        return as_type(known, stored.plain, dtype)


def _flat_chunk(row_group: pq.RowGroupMetaData, stored: Stored, rows: int) -> Chunk:
    part = row_group.column(stored.leaves.start)
    encoded = part.total_uncompressed_size
    nulls = low = high = None
    statistics = part.statistics
    if statistics is not None:
        if statistics.has_null_count:
            nulls = statistics.null_count
        if statistics.has_min_max:
            low, high = stored.bound(statistics.min_raw), stored.bound(statistics.max_raw)
            if low != low or high != high:  # NaN, which some writers put there
                low = high = None
    return Chunk(
        part.total_compressed_size,
        encoded,
        nulls,
        low,
        high,
        part.has_dictionary_page
        and encoded <= _FALLBACK_BYTES * rows + _DICTIONARY_BYTES
        and not _hardly_repeats(encoded, rows, low, high),
    )


def _hardly_repeats(encoded: int, rows: int, low: Any, high: Any) -> bool:
    """Return whether a large dictionary is more than half of what its texts would take plain.

    How long they are is taken from the least and the greatest one. To read 123,000 rows of 71,000
    texts of 12 bytes as a dictionary takes 7.3 ms, which are spent on looking each of them up, as
    plain text 2.7 ms.
    """
    if (
        encoded <= _LARGE_DICTIONARY_BYTES
        or not isinstance(low, bytes)
        or not isinstance(high, bytes)
    ):
        return False
    return 4 * encoded > rows * (len(low) + len(high) + 2 * _LENGTH_BYTES)


_WIDTHS = {"BOOLEAN": 1, "INT64": 8, "DOUBLE": 8, "INT96": 12}
"""Bytes of a value in memory, where it is not 4; of a text, what says where it ends."""


def _nested_chunk(row_group: pq.RowGroupMetaData, stored: Stored, rows: int) -> Chunk:
    parts = [row_group.column(leaf) for leaf in stored.leaves]
    size = sum(part.total_compressed_size for part in parts)
    # There are more values than rows, and many alike take few bytes until they are read.
    encoded = sum(
        max(part.total_uncompressed_size, part.num_values * _WIDTHS.get(part.physical_type, 4))
        for part in parts
    )
    return Chunk(size, encoded, None, None, None, False)


def _bound_of(dtype: pa.DataType) -> Callable[[Any], Any]:
    """Return what brings a bound of the statistics to the form that `Bounds` has."""
    types = pa.types
    if types.is_dictionary(dtype):
        return _bound_of(dtype.value_type)
    if types.is_decimal(dtype):
        return functools.partial(_decimal, dtype.scale)
    if types.is_unsigned_integer(dtype):
        # Stored as signed integers of 32 or 64 bits.
        return functools.partial(_wrapped, 1 << (64 if dtype.bit_width == 64 else 32))
    if types.is_date32(dtype):
        return functools.partial(operator.mul, 86_400 * 10**9)
    if types.is_timestamp(dtype) or types.is_time(dtype):
        return functools.partial(_scaled, NANOSECONDS[dtype.unit])
    kind = type_kind(dtype)
    if kind in ("text", "bytes"):
        return _bytes
    if kind in ("number", "bool"):
        return _number
    return _unknown


# Functions of the module, and no closures: a frame is pickled where a user's pool is given it.


def _wrapped(wrap: int, raw: int) -> int:
    return raw if raw >= 0 else raw + wrap


def _scaled(factor: int, raw: Any) -> int | None:
    return raw * factor if isinstance(raw, int) else None


def _bytes(raw: Any) -> bytes | None:
    return raw if isinstance(raw, bytes) else None


def _number(raw: Any) -> float | None:
    return raw if isinstance(raw, int | float) else None


def _unknown(raw: Any) -> None:
    return None


def _unscaled(raw: Any) -> int:
    """Return the digits of a decimal as a file stores it: an integer, or the bytes of one.

    >>> _unscaled(b"\\xff\\x00")
    -256
    """
    return int.from_bytes(raw, "big", signed=True) if isinstance(raw, bytes) else int(raw)


def _decimal(scale: int, raw: Any) -> Decimal | None:
    raw = _unscaled(raw)
    return Decimal(raw).scaleb(-scale) if abs(raw) < 10**28 else None


def footer_of(file: File, metadata: pq.FileMetaData) -> Footer:
    """Return the footer of `file`, given what Arrow has read of it.

    Raises
    ------
    FooterRefused
        If its decimals have more digits than it tells: they would be cut when they are written.
    """
    rows = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    shape = shape_of(metadata, file.path)
    if shape.decimals:
        _check_digits(metadata, shape)
    return Footer(file, metadata, shape, rows)


def _check_digits(metadata: pq.FileMetaData, shape: Shape) -> None:
    """Check the bounds of decimals, where looking at each would take 1.6 ms for a million."""
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for leaf, digits in shape.decimals:
            statistics = row_group.column(leaf).statistics
            if statistics is None or not statistics.has_min_max:
                continue
            bounds = _unscaled(statistics.min_raw), _unscaled(statistics.max_raw)
            if max(map(abs, bounds)) >= 10**digits:
                name = row_group.column(leaf).path_in_schema
                raise FooterRefused(
                    f"it tells of {digits} digits of column {name!r},"
                    f" and of values from {bounds[0]:,} to {bounds[1]:,}"
                )


def _leaf_ranges(schema: pa.Schema, metadata: pq.FileMetaData, path: str) -> dict[str, range]:
    """Return which Parquet columns make up each Arrow column."""
    ranges = {}
    start = 0
    for column in schema:
        stop = start + _leaf_count(column.type)
        ranges[column.name] = range(start, stop)
        start = stop
    if start != metadata.num_columns:
        raise SchemaError(
            f"{path!r} has {metadata.num_columns} Parquet columns, its schema tells of {start}:"
            " it has a type that is not supported."
        )
    return ranges


def _leaf_count(dtype: pa.DataType) -> int:
    if isinstance(dtype, pa.BaseExtensionType):
        return _leaf_count(dtype.storage_type)
    if not pa.types.is_nested(dtype) or pa.types.is_dictionary(dtype):
        return 1
    return sum(_leaf_count(dtype.field(index).type) for index in range(dtype.num_fields))
