"""Parquet footers: read once, side by side, kept; and what they tell of each row group.

What a worker needs of a footer it reads itself, once per file: parsing one takes a fraction of a
millisecond, less than sending it.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from ..engine.errors import SchemaError
from .bounds import NANOSECONDS, ONLY_NULLS, UNKNOWN, Bounds, type_kind
from .convert import plain_schema, plain_type
from .file_errors import gone, not_readable
from .listing import File

_KEPT_BYTES = 32 << 20
"""Serialized bytes of the footers kept in a process; the longest unused goes first."""

_THREADS = 16
"""Footers read at once; reading waits for storage more than it computes."""

_FALLBACK_BYTES = 4
_DICTIONARY_BYTES = 1 << 20
"""A dictionary page is at most about this large, and its codes take under 4 bytes a row: a text
column chunk of more has pages that are not dictionary-encoded, whatever its encodings list."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
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


@functools.lru_cache(maxsize=256)
def _stored(physical: pa.Schema) -> Mapping[str, Stored]:
    return {
        column.name: Stored(
            dtype=column.type,
            plain=plain_type(column.type),
            kind="null" if pa.types.is_null(column.type) else type_kind(column.type),
            nested=pa.types.is_nested(column.type),
            floating=pa.types.is_floating(column.type),
            single=pa.types.is_float32(column.type),
        )
        for column in physical
    }


@dataclass(frozen=True, eq=False)
class Footer:
    """The footer of one file."""

    file: File
    metadata: pq.FileMetaData
    physical: pa.Schema
    """The types as Arrow reads them."""

    schema: pa.Schema
    """The types as they are in a plan."""

    rows: tuple[int, ...]
    """Rows of each row group."""

    _leaves: dict[str, range]
    _chunks: dict[str, tuple[Chunk, ...]] = field(default_factory=dict)

    @functools.cached_property
    def columns(self) -> Mapping[str, Stored]:
        """The columns of the file."""
        return _stored(self.physical)

    def chunks(self, column: str) -> tuple[Chunk, ...]:
        """Return a column's chunks, one for each row group; the column is in the file."""
        known = self._chunks.get(column)
        if known is None:
            dtype = self.columns[column].dtype
            groups = range(len(self.rows))
            known = tuple(self._chunk(group, self._leaves[column], dtype) for group in groups)
            self._chunks[column] = known
        return known

    def _chunk(self, group: int, leaves: range, dtype: pa.DataType) -> Chunk:
        row_group = self.metadata.row_group(group)
        parts = [row_group.column(leaf) for leaf in leaves]
        encoded = sum(part.total_uncompressed_size for part in parts)
        nulls = low = high = None
        is_dictionary = False
        if len(parts) == 1 and not pa.types.is_nested(dtype):
            statistics = parts[0].statistics
            if statistics is not None:
                nulls = statistics.null_count if statistics.has_null_count else None
                if statistics.has_min_max:
                    low = _bound(statistics.min_raw, dtype)
                    high = _bound(statistics.max_raw, dtype)
            limit = _FALLBACK_BYTES * self.rows[group] + _DICTIONARY_BYTES
            is_dictionary = parts[0].has_dictionary_page and encoded <= limit
        if low != low or high != high:  # NaN, which some writers put there
            low = high = None
        return Chunk(
            stored_bytes=sum(part.total_compressed_size for part in parts),
            encoded_bytes=encoded,
            nulls=nulls,
            low=low,
            high=high,
            is_dictionary=is_dictionary,
        )

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


def _bound(raw: Any, dtype: pa.DataType) -> Any:
    """Return a bound of the statistics, as the file stores it, in the form that `Bounds` has."""
    types = pa.types
    if types.is_dictionary(dtype):
        return _bound(raw, dtype.value_type)
    if types.is_decimal(dtype):
        if isinstance(raw, bytes):
            raw = int.from_bytes(raw, "big", signed=True)
        return Decimal(raw).scaleb(-dtype.scale) if abs(raw) < 10**28 else None
    if types.is_unsigned_integer(dtype):
        # Stored as signed integers of 32 or 64 bits.
        return raw if raw >= 0 else raw + (1 << (64 if dtype.bit_width == 64 else 32))
    if types.is_date32(dtype):
        return raw * 86_400 * 10**9
    if (types.is_timestamp(dtype) or types.is_time(dtype)) and isinstance(raw, int):
        return raw * NANOSECONDS[dtype.unit]
    kind = type_kind(dtype)
    if kind in ("text", "bytes"):
        return raw if isinstance(raw, bytes) else None
    return raw if kind in ("number", "bool") and isinstance(raw, int | float) else None


class _Kept:
    """The footers of this process, by path, size and time of change."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._footers: OrderedDict[tuple[object, ...], Footer] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[object, ...]) -> Footer | None:
        with self._lock:
            footer = self._footers.get(key)
            if footer is not None:
                self._footers.move_to_end(key)
            return footer

    def put(self, key: tuple[object, ...], footer: Footer) -> None:
        with self._lock:
            if key in self._footers:
                return
            self._footers[key] = footer
            self._bytes += footer.metadata.serialized_size
            while self._bytes > _KEPT_BYTES and len(self._footers) > 1:
                _, oldest = self._footers.popitem(last=False)
                self._bytes -= oldest.metadata.serialized_size


_kept = _Kept()


def read_footers(files: Sequence[File], store: fs.FileSystem | None) -> list[Footer]:
    """Return the footers of files, in order; several are read at once.

    Raises
    ------
    SourceCorrupt
        If a file is not Parquet or is truncated.
    SourceNotFound
        If a file is gone.
    """
    if len(files) == 1:
        return [read_footer(files[0], store)]
    with ThreadPoolExecutor(min(_THREADS, len(files)) or 1) as threads:
        return list(threads.map(lambda file: read_footer(file, store), files))


def read_footer(file: File, store: fs.FileSystem | None) -> Footer:
    """Return the footer of one file, from memory where it has been read before."""
    # Files of a storage that tells no time of change are never taken from memory.
    storage = None if store is None else (store.type_name, id(store))
    key = (storage, file.path, file.size, file.modified, file.partition)
    footer = _kept.get(key) if file.modified else None
    if footer is None:
        footer = _read(file, store)
        if file.modified:
            _kept.put(key, footer)
    return footer


def open_file(file: File, store: fs.FileSystem | None) -> pa.NativeFile:
    """Return a file to be read at random; a local one is not mapped: see ``parquet_fragment``."""
    return pa.OSFile(file.path) if store is None else store.open_input_file(file.path)


def _read(file: File, store: fs.FileSystem | None) -> Footer:
    try:
        with open_file(file, store) as handle:
            metadata = pq.read_metadata(handle)
        physical = metadata.schema.to_arrow_schema().remove_metadata()
    except FileNotFoundError:
        raise gone(file) from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        advice = "if it is, write it again"
        raise not_readable(file, "Parquet", error, "*.parquet", advice) from None
    return Footer(
        file,
        metadata,
        physical,
        plain_schema(physical, file.path),
        tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)),
        _leaf_ranges(physical, metadata, file.path),
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
