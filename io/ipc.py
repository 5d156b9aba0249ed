"""Arrow IPC: files and streams as a source, files as a sink."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import pyarrow as pa
from pyarrow import fs

from ..engine.errors import SchemaError, SinkError, SourceCorrupt
from ..engine.schema import select, unify
from ..engine.source import Pushdown, ScanPlan, Statistics
from .batches import rebatched, without_columns
from .conforming import conformed, unchanged
from .convert import plain_schema
from .hive import partition_schema
from .listing import File, Paths, resolve
from .partitioned import TableWriter
from .sink import FileSink

_MAGIC = b"ARROW1"
_COMPRESSIONS = (None, "lz4", "zstd")


@dataclass(frozen=True, kw_only=True)
class IpcFile:
    """A file and what its first and last bytes tell."""

    file: File
    schema: pa.Schema
    batches: int | None
    """Record batches of the file format; None for a stream, which is read to its end."""


@dataclass(frozen=True, eq=False)
class IpcSource:
    """A dataset of Arrow IPC files or streams."""

    asked: str
    files: tuple[IpcFile, ...]
    table_schema: pa.Schema
    keys: tuple[str, ...] = ()
    store: fs.FileSystem | None = None

    @classmethod
    def open(
        cls,
        paths: Paths,
        *,
        filesystem: Any = None,
        hive_partitioning: bool | None = None,
        schema: pa.Schema | None = None,
        missing_columns: str = "insert",
    ) -> IpcSource:
        """Return the dataset behind `paths`; the parameters are those of `ParquetSource.open`."""
        if missing_columns not in ("insert", "raise"):
            raise SchemaError(f"missing_columns is 'insert' or 'raise', not {missing_columns!r}.")
        listing = resolve(paths, filesystem=filesystem, hive_partitioning=hive_partitioning)
        files = tuple(_look(file, listing.filesystem) for file in listing.files)
        folders = partition_schema([file.partition for file in listing.files])
        if schema is None:
            stored = unify([(file.file.path, file.schema) for file in files])
            kept = [field for field in stored if field.name not in folders.names]
            schema = pa.schema([*kept, *folders])
        schema = plain_schema(schema, "schema=")
        for file in files if missing_columns == "raise" else ():
            for name in schema.names:
                if name not in file.schema.names and name not in folders.names:
                    raise SchemaError(
                        f"Column {name!r} is not in {file.file.path!r}. Pass"
                        " missing_columns='insert' to read it as null there."
                    )
        keys = tuple(name for name in folders.names if name in schema.names)
        return cls(listing.asked, files, schema, keys, listing.filesystem)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IpcSource) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        columns = tuple((field.name, field.type) for field in self.table_schema)
        storage = None if self.store is None else id(self.store)
        return (tuple(file.file for file in self.files), columns, self.keys, storage)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the files, then those of the folders."""
        return self.table_schema

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        return f"ipc {self.asked!r}"

    def statistics(self) -> Statistics:
        """Return the size; rows are only counted by reading."""
        return Statistics(bytes=sum(file.file.size for file in self.files))

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Cut the files into runs of record batches; several small files make one fragment."""
        names = self.schema.names if pushdown.columns is None else pushdown.columns
        wanted = select(self.schema, names, self.label)
        share = len(wanted) / max(1, len(self.schema))
        fragments = tuple(
            IpcFragment(
                parts=tuple(run),
                schema=wanted,
                keys=frozenset(self.keys) & frozenset(wanted.names),
                size=int(share * sum(part.bytes for part in run)),
                store=self.store,
            )
            for run in _runs(self.files, partition_bytes, share)
        )
        total = sum(file.file.size for file in self.files)
        return ScanPlan(
            fragments=fragments,
            stored_bytes=(sum(fragment.stored_bytes for fragment in fragments), total),
        )


@dataclass(frozen=True, kw_only=True)
class IpcPart:
    """A run of record batches of one file; `stop` is None for a stream."""

    file: File
    start: int
    stop: int | None
    bytes: int


def _runs(files: Sequence[IpcFile], partition_bytes: int, share: float) -> Iterator[list[IpcPart]]:
    run: list[IpcPart] = []
    size = 0.0
    for file in files:
        if file.batches == 0:
            continue
        needed = file.file.size * share
        count = 1
        if file.batches is not None:
            count = max(1, min(file.batches, int(needed / partition_bytes)))
        cuts = [(file.batches or 0) * part // count for part in range(count + 1)]
        for start, stop in pairwise(cuts):
            if run and size + needed / count / 2 > partition_bytes:
                yield run
                run, size = [], 0.0
            run.append(
                IpcPart(
                    file=file.file,
                    start=start,
                    stop=None if file.batches is None else stop,
                    bytes=file.file.size // count,
                )
            )
            size += needed / count
    if run:
        yield run


@dataclass(frozen=True, kw_only=True)
class IpcFragment:
    """Record batches that one task reads; local files are mapped, zero copy."""

    parts: tuple[IpcPart, ...]
    schema: pa.Schema
    keys: frozenset[str]
    size: int
    store: fs.FileSystem | None = None

    @property
    def label(self) -> str:
        """The file and batches, or how many files."""
        first = self.parts[0]
        if len(self.parts) > 1:
            return f"{first.file.path} and {len(self.parts) - 1} more files"
        if first.stop is None:
            return first.file.path
        return f"{first.file.path} [batches {first.start} to {first.stop - 1}]"

    @property
    def rows(self) -> None:
        """Rows are only counted by reading."""
        return

    @property
    def bytes(self) -> int:
        """The share of the needed columns in the bytes of the files."""
        return self.size

    @property
    def stored_bytes(self) -> int:
        """The same: only the needed columns are read."""
        return self.size

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the rows."""
        for part in self.parts:
            if self.store is None and not unchanged(part.file):
                raise SourceCorrupt(
                    f"The file {part.file.path!r} has changed since the scan was planned. Scan it"
                    " anew."
                )
            for batch in self._stored(part):
                if not self.schema.names:
                    yield from without_columns(batch.num_rows, batch_rows)
                    continue
                table = pa.Table.from_batches([batch])
                columns = conformed(table, batch.num_rows, self.schema, part.file, self.keys)
                yield from rebatched(columns, batch_rows)

    def _stored(self, part: IpcPart) -> Iterator[pa.RecordBatch]:
        try:
            with _open(part.file, self.store) as handle:
                if part.stop is None:
                    for batch in pa.ipc.open_stream(handle):
                        batch.validate()
                        yield batch
                    return
                options = self._options(pa.ipc.open_file(handle).schema)
                reader = pa.ipc.open_file(handle, options=options)
                for index in range(part.start, part.stop):
                    batch = reader.get_batch(index)
                    # A damaged file must not lead to reads outside of its buffers.
                    batch.validate()
                    yield batch
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(part.file, error) from None

    def _options(self, stored: pa.Schema) -> pa.ipc.IpcReadOptions:
        wanted = [name for name in self.schema.names if name not in self.keys]
        fields = [stored.get_field_index(name) for name in wanted if name in stored.names]
        # No field at all would mean every field: the first one tells the rows as well.
        return pa.ipc.IpcReadOptions(included_fields=sorted(fields) or [0], use_threads=False)


def _open(file: File, store: fs.FileSystem | None) -> pa.NativeFile:
    return pa.memory_map(file.path) if store is None else store.open_input_file(file.path)


def _look(file: File, store: fs.FileSystem | None) -> IpcFile:
    try:
        with _open(file, store) as handle:
            magic = handle.read(len(_MAGIC))
            handle.seek(0)
            if magic == _MAGIC:
                reader = pa.ipc.open_file(handle)
                schema, batches = reader.schema, reader.num_record_batches
            else:
                schema, batches = pa.ipc.open_stream(handle).schema, None
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(file, error) from None
    return IpcFile(file=file, schema=plain_schema(schema, file.path), batches=batches)


def _damaged(file: File, error: Exception) -> SourceCorrupt:
    return SourceCorrupt(
        f"{file.path!r} ({file.size:,} bytes) cannot be read as Arrow IPC: {error}. If it is not"
        " part of the dataset, move it away or scan a glob such as '*.arrow'; if it is, write it"
        " again."
    )


@dataclass(frozen=True, kw_only=True)
class IpcSink(FileSink):
    """An Arrow IPC file or a directory of them; uncompressed it is read back zero copy."""

    compression: str | None = None

    format: ClassVar[str] = "ipc"
    suffixes: ClassVar[tuple[str, ...]] = (".arrow", ".ipc", ".feather")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.compression not in _COMPRESSIONS:
            raise SinkError(f"compression is one of {_COMPRESSIONS}, not {self.compression!r}.")

    def open(self, path: str, schema: pa.Schema) -> TableWriter:
        """Return a writer of one new IPC file."""
        options = pa.ipc.IpcWriteOptions(compression=self.compression)
        if any(pa.types.is_dictionary(dtype) for dtype in schema.types):
            return _DictionaryWriter(path, schema, options)
        return _IpcWriter(path, schema, options)


class _IpcWriter:
    def __init__(self, path: str, schema: pa.Schema, options: pa.ipc.IpcWriteOptions) -> None:
        self._writer = pa.ipc.new_file(path, schema, options=options)

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()


class _DictionaryWriter:
    """Writes a stream first: a file has one dictionary per column, known when all rows are."""

    def __init__(self, path: str, schema: pa.Schema, options: pa.ipc.IpcWriteOptions) -> None:
        self._path = path
        self._options = options
        self._schema = schema
        self._stream_path = f"{path}.stream"
        self._stream = pa.ipc.new_stream(self._stream_path, schema)

    def write(self, table: pa.Table) -> None:
        self._stream.write_table(table)

    def close(self) -> None:
        self._stream.close()
        with pa.memory_map(self._stream_path) as stream:
            table = pa.ipc.open_stream(stream).read_all().unify_dictionaries()
            with pa.ipc.new_file(self._path, self._schema, options=self._options) as writer:
                writer.write_table(table)
            del table
        os.unlink(self._stream_path)
