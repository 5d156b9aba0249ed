"""Parquet footers: read once, side by side, kept; and what they tell of each row group.

What a worker needs of a footer it reads itself, once per file: parsing one takes a fraction of a
millisecond, less than sending it.
"""

from __future__ import annotations

import functools
import operator
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from ..engine.errors import SchemaError
from .bounds import NANOSECONDS, ONLY_NULLS, UNKNOWN, Bounds, as_type, type_kind
from .convert import plain_schema, plain_type
from .file_errors import gone, not_readable
from .listing import File

KEPT_BYTES = 32 << 20
"""Serialized bytes of the footers kept in a process; the longest unused goes first."""

_THREADS = 16
"""Footers read at once from a storage far away: reading waits more than it computes."""

_LOCAL_THREADS = 4
_TURN = 32
"""Footers that a thread reads before it takes more, of local files."""

_WHOLE_BYTES = 1 << 16
"""A local file of no more is read whole, whatever is wanted of it."""

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
    shape = Shape(physical, plain_schema(physical, path), columns, metadata.num_columns)
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


def _nested_chunk(row_group: pq.RowGroupMetaData, stored: Stored, rows: int) -> Chunk:
    parts = [row_group.column(leaf) for leaf in stored.leaves]
    size = sum(part.total_compressed_size for part in parts)
    encoded = sum(part.total_uncompressed_size for part in parts)
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
        wrap = 1 << (64 if dtype.bit_width == 64 else 32)
        return lambda raw: raw if raw >= 0 else raw + wrap
    if types.is_date32(dtype):
        return functools.partial(operator.mul, 86_400 * 10**9)
    if types.is_timestamp(dtype) or types.is_time(dtype):
        factor = NANOSECONDS[dtype.unit]
        return lambda raw: raw * factor if isinstance(raw, int) else None
    kind = type_kind(dtype)
    if kind in ("text", "bytes"):
        return lambda raw: raw if isinstance(raw, bytes) else None
    if kind in ("number", "bool"):
        return lambda raw: raw if isinstance(raw, int | float) else None
    return lambda raw: None


def _decimal(scale: int, raw: Any) -> Decimal | None:
    if isinstance(raw, bytes):
        raw = int.from_bytes(raw, "big", signed=True)
    return Decimal(raw).scaleb(-scale) if abs(raw) < 10**28 else None


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
            while self._bytes > KEPT_BYTES and len(self._footers) > 1:
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
    found = [_kept.get(_key(file, store)) if file.modified else None for file in files]
    missing = [place for place, footer in enumerate(found) if footer is None]
    # A few files a turn: handing a file over to a thread takes twice as long as its footer.
    turns = [missing[start : start + _TURN] for start in range(0, len(missing), _TURN)]

    def read(turn: Sequence[int]) -> None:
        for place in turn:
            found[place] = read_footer(files[place], store)

    if len(missing) <= 1:
        read(missing)
    else:
        threads = _THREADS if store is not None else _LOCAL_THREADS
        turns = turns if store is None else [[place] for place in missing]
        with ThreadPoolExecutor(min(threads, len(turns))) as pool:
            list(pool.map(read, turns))
    return [footer for footer in found if footer is not None]


def known_footer(file: File, store: fs.FileSystem | None) -> Footer | None:
    """Return the footer of a file if it has been read before in this process."""
    return _kept.get(_key(file, store)) if file.modified else None


def read_footer(file: File, store: fs.FileSystem | None) -> Footer:
    """Return the footer of one file, from memory where it has been read before."""
    footer = known_footer(file, store)
    if footer is None:
        footer = _read(file, store)
        keep_footer(footer, store)
    return footer


def keep_footer(footer: Footer, store: fs.FileSystem | None) -> None:
    """Keep a footer for `known_footer`."""
    # Files of a storage that tells no time of change are never taken from memory.
    if footer.file.modified:
        _kept.put(_key(footer.file, store), footer)


def _key(file: File, store: fs.FileSystem | None) -> tuple[object, ...]:
    storage = None if store is None else (store.type_name, id(store))
    return (storage, file.path, file.size, file.modified, file.partition)


def open_file(file: File, store: fs.FileSystem | None) -> pa.NativeFile:
    """Return a file to be read at random; a local one is not mapped: see ``parquet_fragment``.

    A small one is read at once: one of 10 kB with its footer and a column takes 71 microseconds
    of processor time, and 86 when it is read piece by piece.
    """
    if store is not None:
        return store.open_input_file(file.path)
    if file.size > _WHOLE_BYTES:
        return pa.OSFile(file.path)
    with open(file.path, "rb", buffering=0) as handle:
        return pa.BufferReader(handle.readall())


def _read(file: File, store: fs.FileSystem | None) -> Footer:
    try:
        with open_file(file, store) as handle:
            return footer_of(file, pq.read_metadata(handle))
    except FileNotFoundError:
        raise gone(file) from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        advice = "if it is, write it again"
        raise not_readable(file, "Parquet", error, "*.parquet", advice) from None


def footer_of(file: File, metadata: pq.FileMetaData) -> Footer:
    """Return the footer of `file`, given what Arrow has read of it."""
    rows = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    return Footer(file, metadata, shape_of(metadata, file.path), rows)


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
