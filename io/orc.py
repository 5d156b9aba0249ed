"""ORC files: a source cut by stripes, and a sink."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pyarrow as pa
from pyarrow import fs, orc

from ..engine import config
from ..engine.errors import SinkError, SourceCorrupt, SourceNotFound
from ..engine.source import Pushdown, ScanPlan, Statistics
from .checking import check_values
from .convert import plain_schema
from .dataset import FileSource, Unreadable, runs
from .file_errors import UNREADABLE, gone, not_readable
from .file_fragment import StreamedFragment
from .listing import File, Listing
from .orc_reading import read_stripe
from .partitioned import TableWriter
from .sink import FileSink

_COMPRESSIONS = ("uncompressed", "zstd", "snappy", "zlib", "lz4")
_MOST_PARTITIONS = 64
"""A stripe, which is read whole, may take as much as so many partitions should have: 2 GiB. A
damaged one of 34 kB has taken 9 GB."""

_COLUMN_BYTES = 1 << 20
"""What decompressing a column takes besides: 10,000 columns of 3 rows 5 GB."""


@dataclass(frozen=True, kw_only=True)
class OrcFile:
    """A file and what its footer tells."""

    file: File
    schema: pa.Schema
    stripes: int
    rows: int


@dataclass(frozen=True, eq=False, kw_only=True)
class OrcSource(FileSource[OrcFile]):
    """A dataset of ORC files."""

    format: ClassVar[str] = "orc"

    @classmethod
    def described(
        cls,
        listing: Listing,
        given: pa.Schema | None,
        options: None,
        unreadable: Unreadable,
    ) -> Iterator[OrcFile]:
        """Read the footer of each file."""
        for file in listing.files:
            try:
                yield _look(file, listing.filesystem)
            except (SourceCorrupt, SourceNotFound) as error:
                unreadable(file, error)

    def statistics(self) -> Statistics:
        """Return rows and bytes, which the footers tell."""
        return Statistics(rows=sum(stored.rows for stored in self.files), bytes=self.stored_bytes)

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Cut the files into runs of stripes; several small files make one fragment."""
        wanted = self.wanted(pushdown)
        most_bytes = _MOST_PARTITIONS * partition_bytes + _COLUMN_BYTES * len(wanted)
        share = len(wanted) / max(1, len(self.schema))
        return self.planned(
            OrcFragment(
                parts=tuple(run),
                schema=wanted,
                keys=frozenset(self.keys),
                size=int(share * sum(part.bytes for part in run)),
                store=self.store,
                on_error=self.on_error,
                most_bytes=min(most_bytes, config.memory_limit(config.get())),
            )
            for run in runs(_parts(self.files, partition_bytes, share), partition_bytes)
        )


@dataclass(frozen=True, kw_only=True)
class OrcPart:
    """A run of stripes of one file."""

    file: File
    start: int
    stop: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.file.path} [stripes {self.start} to {self.stop - 1}]"


def _parts(
    files: Sequence[OrcFile], partition_bytes: int, share: float
) -> Iterator[tuple[OrcPart, float]]:
    """Yield parts of at most about `partition_bytes`, each with its bytes of needed columns."""
    for stored in files:
        if not stored.stripes:
            continue
        needed = stored.file.size * share
        count = max(1, min(stored.stripes, int(needed / partition_bytes)))
        for start, stop in pairwise(stored.stripes * part // count for part in range(count + 1)):
            bytes_ = stored.file.size // count
            yield OrcPart(file=stored.file, start=start, stop=stop, bytes=bytes_), needed / count


@dataclass(frozen=True, kw_only=True)
class OrcFragment(StreamedFragment[OrcPart]):
    """Stripes that one task reads."""

    most_bytes: int
    """What decoding a stripe may take."""

    def stored_batches(self, part: OrcPart) -> Iterator[pa.RecordBatch]:
        """Stream the stripes."""
        try:
            with _open(part.file, self.store) as handle:
                there = dict.fromkeys(orc.ORCFile(handle).schema.names)
                names = [name for name in self.stored_names if name in there]
                # No column at all would lose the rows: the first one tells them as well.
                names = names or list(there)[:1]
                for stripe in range(part.start, part.stop):
                    yield from self._stripe(handle, stripe, names, part.file)
        except UNREADABLE as error:
            raise _damaged(part.file, error) from None

    def _stripe(
        self, handle: pa.NativeFile, stripe: int, names: list[str], file: File
    ) -> Iterator[pa.RecordBatch]:
        try:
            batch = read_stripe(handle, stripe, names, self.most_bytes)
            check_values(batch.columns)
        except UNREADABLE as error:
            self.leave_out(file, f"stripe {stripe}", _damaged(file, error))
        else:
            yield batch


def _open(file: File, store: fs.FileSystem | None) -> pa.NativeFile:
    return pa.OSFile(file.path) if store is None else store.open_input_file(file.path)


def _look(file: File, store: fs.FileSystem | None) -> OrcFile:
    try:
        with _open(file, store) as handle:
            reader = orc.ORCFile(handle)
            return OrcFile(
                file=file,
                schema=plain_schema(reader.schema, file.path),
                stripes=reader.nstripes,
                rows=reader.nrows,
            )
    except FileNotFoundError:
        raise gone(file) from None
    except UNREADABLE as error:
        raise _damaged(file, error) from None


def _damaged(file: File, error: Exception) -> SourceCorrupt:
    return not_readable(file, "ORC", error, "*.orc", "if it is, write it again")


@dataclass(frozen=True, kw_only=True)
class OrcSink(FileSink):
    """An ORC file or a directory of them."""

    compression: str = "zstd"

    format: ClassVar[str] = "orc"
    suffixes: ClassVar[tuple[str, ...]] = (".orc",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.compression not in _COMPRESSIONS:
            raise SinkError(f"compression is one of {_COMPRESSIONS}, not {self.compression!r}.")

    def check_types(self, schema: pa.Schema) -> None:
        """Refuse columns that ORC has no type for."""
        for field in schema:
            if not _has_orc(field.type):
                raise SinkError(
                    f"{self.label}: column {field.name!r} is {field.type}, which ORC cannot hold."
                    " Cast or drop it, or write Parquet."
                )

    def open(self, path: str, schema: pa.Schema) -> TableWriter:
        """Return a writer of one new ORC file."""
        return _OrcWriter(path, schema, self.compression)


def _has_orc(dtype: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(dtype):
        return _has_orc(dtype.value_type)
    if types.is_struct(dtype):
        return all(_has_orc(field.type) for field in dtype)
    if types.is_list(dtype) or types.is_large_list(dtype):
        return _has_orc(dtype.value_type)
    number = types.is_signed_integer(dtype) or types.is_float32(dtype) or types.is_float64(dtype)
    text = types.is_string(dtype) or types.is_binary(dtype)
    moment = types.is_date32(dtype) or types.is_timestamp(dtype)
    return number or text or moment or types.is_boolean(dtype) or types.is_decimal128(dtype)


class _OrcWriter:
    def __init__(self, path: str, schema: pa.Schema, compression: str) -> None:
        self._schema = pa.schema(
            [
                pa.field(
                    field.name,
                    field.type.value_type if pa.types.is_dictionary(field.type) else field.type,
                )
                for field in schema
            ]
        )
        self._writer = orc.ORCWriter(path, compression=compression)
        self._empty = True

    def write(self, table: pa.Table) -> None:
        self._writer.write(table.cast(self._schema))
        self._empty = False

    def close(self) -> None:
        if self._empty:
            # Without a table it would not even have columns.
            self._writer.write(self._schema.empty_table())
        self._writer.close()
