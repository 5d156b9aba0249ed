"""JSON files, one object to a line: a source that guesses types from the first rows, and a sink."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson
from pyarrow import fs

from ..engine.errors import (
    PartitaError,
    SchemaError,
    SinkError,
    SourceCorrupt,
)
from ..engine.schema import schema_of, unify
from ..engine.source import Pushdown, ScanPlan
from .checking import check_values
from .conforming import conformed
from .convert import plain_schema
from .dataset import FileSource, Unreadable, runs
from .file_errors import UNREADABLE, not_readable, reason
from .file_fragment import StreamedFragment
from .json_depth import check_depth
from .json_text import has_json, json_lines
from .lines import (
    MOST_BAD_LINES,
    Range,
    blocks,
    can_be_cut,
    first_lines,
    lines_before,
    lines_of,
    open_stream,
    ranges,
    readable_lines,
    stream_blocks,
)
from .listing import File, Listing
from .partitioned import TableWriter
from .sink import FileSink

_SAMPLE_BYTES = 4 << 20
"""Of the first file, types are guessed from so much; of a few others from a little."""

_LINES_SAMPLE = 1 << 16
"""Of a file with bad lines, types are guessed from the others of so much."""

_SAMPLED_FILES = 8
_PARSE_COST = 4
"""Parsing a byte of JSON takes as long as decoding about so many of Parquet: ranges are smaller."""

_BLOCK_BYTES = 16 << 20
"""An object may be so long."""

_NO_COLUMN = pa.schema([pa.field("\0", pa.string())])


@dataclass(frozen=True, kw_only=True)
class JsonFile:
    """A file; what is in it is known when some of it is read."""

    file: File
    store: fs.FileSystem | None

    @cached_property
    def schema(self) -> pa.Schema:
        """What its first objects tell, read when it is first asked for."""
        return read_first_objects(self.file, self.store, _SAMPLE_BYTES // 64)


@dataclass(frozen=True, eq=False, kw_only=True)
class JsonSource(FileSource[JsonFile]):
    """A dataset of files with one JSON object to a line (NDJSON, JSON lines)."""

    format: ClassVar[str] = "json"
    tells_columns: ClassVar[bool] = False

    @classmethod
    def described(
        cls,
        listing: Listing,
        given: pa.Schema | None,
        options: None,
        unreadable: Unreadable,
    ) -> Iterator[JsonFile]:
        """Return the files: JSON tells nothing of itself without being read."""
        return (JsonFile(file=file, store=listing.filesystem) for file in listing.files)

    @classmethod
    def unified(cls, files: Sequence[JsonFile], on_error: str) -> pa.Schema:
        """Return one schema for the first objects of the first file and of a few others."""
        step = max(1, len(files) // _SAMPLED_FILES)
        schemas = []
        refused: PartitaError | None = None
        for index, stored in enumerate(files[::step]):
            sample = _SAMPLE_BYTES if index == 0 else _SAMPLE_BYTES // 64
            if stored.file.size:
                try:
                    found = read_first_objects(
                        stored.file, stored.store, sample, skip=on_error == "skip"
                    )
                except SourceCorrupt as error:
                    if on_error == "raise":
                        raise
                    # Told by the task that reads it; here it says nothing of the columns.
                    refused = refused or error
                    continue
                schemas.append((stored.file.path, schema_of(found, stored.file.path)))
        if not schemas and refused is not None:
            raise refused
        if not schemas:
            raise SchemaError(
                f"{files[0].file.path!r} is empty, so that its columns are not known. Give schema=."
            )
        return pa.schema([pa.field(each.name, _known(each.type)) for each in unify(schemas)])

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Cut the files into ranges; several small ones make one fragment."""
        wanted = self.wanted(pushdown)
        target = max(1, partition_bytes // _PARSE_COST)
        share = len(wanted) / max(1, len(self.schema))
        parts = (
            (part, part.size)
            for stored in self.files
            for part in ranges(
                stored.file,
                target if can_be_cut(stored.file, self.store) else stored.file.size + 1,
            )
        )
        return self.planned(
            JsonFragment(
                parts=tuple(run),
                schema=wanted,
                keys=frozenset(self.keys),
                size=int(share * sum(part.size for part in run)),
                store=self.store,
                on_error=self.on_error,
            )
            for run in runs(parts, target)
        )


def _known(dtype: pa.DataType) -> pa.DataType:
    """Return a type with text in the place of what has been null so far: it may hold anything."""
    if pa.types.is_null(dtype):
        return pa.string()
    if pa.types.is_list(dtype):
        return pa.list_(_known(dtype.value_type))
    if pa.types.is_struct(dtype):
        return pa.struct([pa.field(each.name, _known(each.type)) for each in dtype])
    return dtype


def _read_as(dtype: pa.DataType) -> pa.DataType:
    """Return the type that Arrow's reader has for what becomes a `dtype`.

    It takes dates and times for numbers, and knows no lists of a fixed size.
    """
    types = pa.types
    if types.is_date(dtype) or types.is_time(dtype):
        return pa.string()
    if types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype):
        return pa.list_(_read_as(dtype.value_type))
    if types.is_struct(dtype):
        return pa.struct([field.with_type(_read_as(field.type)) for field in dtype])
    if types.is_dictionary(dtype):
        return _read_as(dtype.value_type)
    return dtype


@dataclass(frozen=True, kw_only=True)
class JsonFragment(StreamedFragment[Range]):
    """Ranges that one task reads."""

    @property
    def stored_bytes(self) -> int:
        """All bytes of the ranges: a line cannot be read in part."""
        return sum(part.size for part in self.parts)

    def stored_batches(self, part: Range) -> Iterator[pa.RecordBatch]:
        """Stream the objects, block by block."""
        fields = [self.schema.field(name) for name in self.stored_names]
        stored = pa.schema([field.with_type(_read_as(field.type)) for field in fields])
        parse = pajson.ParseOptions(
            # No column at all would mean every one; one that no file has is null and tells rows.
            explicit_schema=stored if stored.names else _NO_COLUMN,
            unexpected_field_behavior="ignore",
        )
        if self.tell is not None and can_be_cut(part.file, self.store):
            yield from self._readable(part, parse)
            return
        try:
            if can_be_cut(part.file, self.store):
                source = pa.BufferReader(_text(lines_of(part)))
                read = pajson.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
                for batch in pajson.open_json(source, read_options=read, parse_options=parse):
                    # Arrow's reader takes any bytes for text.
                    check_values(batch.columns)
                    yield batch
            else:
                yield from self._streamed(part, parse)
        except pa.ArrowNotImplementedError as error:
            raise SchemaError(
                f"{part.file.path!r} cannot be read with the types of schema=: {reason(error)}."
                " Read the column as text and cast it."
            ) from None
        except UNREADABLE as error:
            if "Empty JSON" in str(error):
                return
            raise _damaged(str(part), error) from None

    def _streamed(self, part: Range, parse: pajson.ParseOptions) -> Iterator[pa.RecordBatch]:
        """Stream the objects of a file that is decompressed or far away.

        Arrow reads such a one ahead: 700 MB of one of 5 MB.
        """
        with open_stream(part.file, self.store) as stream:
            for lines in stream_blocks(stream, _BLOCK_BYTES):
                if lines.strip():
                    yield from _parsed(lines, parse).to_batches()

    def _readable(self, part: Range, parse: pajson.ParseOptions) -> Iterator[pa.RecordBatch]:
        """Stream the objects but for those that cannot be read."""
        wanted = pa.schema([self.schema.field(name) for name in self.stored_names])

        def read(lines: bytes) -> list[pa.RecordBatch]:
            if not lines.strip():
                return []
            table = _parsed(lines, parse)
            if wanted.names:
                try:
                    table = conformed(table, table.num_rows, wanted, part.file, self.keys)
                except SchemaError as error:
                    # A text that is no date: the line that has it is bad, and not the types.
                    raise pa.ArrowInvalid(str(error)) from None
            return table.to_batches()

        bad = itertools.count(1)

        def refused(number: int, error: Exception) -> None:
            if next(bad) > MOST_BAD_LINES:
                raise SourceCorrupt(f"{part} has more than {MOST_BAD_LINES:,} lines of that kind.")
            found = _damaged(f"{part.file.path}, line {number:,},", error)
            self.leave_out(part.file, f"line {number:,}", found)

        line = 1 + (0 if part.start == 0 else lines_before(part))
        for block in blocks(lines_of(part)):
            yield from readable_lines(block, line, read, refused)
            line += block.count(b"\n")


def _parsed(lines: bytes, parse: pajson.ParseOptions) -> pa.Table:
    """Return the objects of some lines, whose text and values have been looked at."""
    options = pajson.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    table = pajson.read_json(
        pa.BufferReader(_text(lines)), read_options=options, parse_options=parse
    )
    check_values(table.columns)
    return table


def _text(lines: bytes) -> bytes:
    """Return `lines`, or raise `pa.ArrowInvalid` if they are no text.

    Arrow looks at no bytes. A name that is no text would be one of a column that nobody wants, and
    the value of the column that it was would be null. 16 MB take 1 ms.
    """
    ends = pa.py_buffer(struct.pack("=qq", 0, len(lines)))
    pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(lines)]).validate(
        full=True
    )
    return lines


def _damaged(where: str, error: Exception) -> SourceCorrupt:
    return SourceCorrupt(
        f"{where} cannot be read as JSON lines: {reason(error)}. If a column's type was"
        " guessed wrongly from the first objects, give all columns with schema=."
    )


def read_first_objects(
    file: File, store: fs.FileSystem | None, sample_bytes: int, *, skip: bool = False
) -> pa.Schema:
    """Return the names and types that the first objects of a file have.

    With `skip` lines that cannot be read, or contradict those before them, tell nothing, unless
    there are no others.

    Raises
    ------
    SourceCorrupt
        If the file is empty or not one object to a line.
    """
    try:
        sample = first_lines(file, store, sample_bytes)
        if sample.lstrip().startswith(b"["):
            raise SourceCorrupt(
                f"{file.path!r} is one JSON array; objects are read one to a line. Write it so, as"
                " with pandas' to_json(orient='records', lines=True), or read it whole with"
                " pt.from_items(json.load(file))."
            )
        return _guessed(sample, file.path)
    except UNREADABLE as error:
        found = _of_good_lines(file, store) if skip else None
        if found is not None:
            return found
        advice = "objects are read one to a line"
        raise not_readable(file, "JSON", error, "*.json", advice, by_line=True) from None


def _guessed(sample: bytes, path: str) -> pa.Schema:
    check_depth(sample)
    return plain_schema(_with_dates(_read_sample(sample, None).schema, sample), path)


def _of_good_lines(file: File, store: fs.FileSystem | None) -> pa.Schema | None:
    """Return the names and types of the first lines that can be read; None if there are none."""
    schema: pa.Schema | None = None

    def read(lines: bytes) -> list[pa.RecordBatch]:
        nonlocal schema
        if lines.strip():
            own = _guessed(lines, file.path)
            try:
                schema = own if schema is None else unify([("", schema), ("", own)])
            except SchemaError:
                # Of several lines some may fit; one by itself is left out when it is read.
                raise pa.ArrowInvalid("The types of a column contradict each other") from None
        return []

    bad = itertools.count(1)

    def refused(number: int, error: Exception) -> None:
        if next(bad) > MOST_BAD_LINES:
            raise not_readable(file, "JSON", error, "*.json", "hardly a line is JSON")

    for _ in readable_lines(first_lines(file, store, _LINES_SAMPLE), 1, read, refused):
        pass
    return schema


def _read_sample(sample: bytes, schema: pa.Schema | None) -> pa.Table:
    read = pajson.ReadOptions(use_threads=False, block_size=max(len(sample), 1))
    parse = None
    if schema is not None:
        parse = pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    return pajson.read_json(pa.BufferReader(sample), read_options=read, parse_options=parse)


def _with_dates(guessed: pa.Schema, sample: bytes) -> pa.Schema:
    """Return `guessed` with columns of days as dates, which Arrow takes for midnights."""
    moments = [field.name for field in guessed if pa.types.is_timestamp(field.type)]
    if not moments:
        return guessed
    texts = _read_sample(sample, pa.schema([(name, pa.string()) for name in moments]))
    days = {
        name
        for name in moments
        if pc.all(pc.match_substring_regex(texts[name], r"^\d{4}-\d\d-\d\d$")).as_py()
    }
    return pa.schema(
        [field.with_type(pa.date32()) if field.name in days else field for field in guessed]
    )


@dataclass(frozen=True, kw_only=True)
class JsonSink(FileSink):
    """A file of JSON objects, one to a line, or a directory of them; NaN is written as null."""

    format: ClassVar[str] = "json"
    suffixes: ClassVar[tuple[str, ...]] = (".json", ".jsonl", ".ndjson")

    def check_types(self, schema: pa.Schema) -> None:
        """Refuse columns that have no JSON."""
        for field in schema:
            if not has_json(field.type):
                raise SinkError(
                    f"{self.label}: column {field.name!r} is {field.type}, which JSON cannot hold."
                    " Cast or drop it, or write Parquet."
                )

    def open(self, path: str, schema: pa.Schema) -> TableWriter:
        """Return a writer of one new file."""
        return _JsonWriter(path)


class _JsonWriter:
    def __init__(self, path: str) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - closed by close()

    def write(self, table: pa.Table) -> None:
        for lines in json_lines(table):
            self._file.write(_bytes_of(lines))

    def close(self) -> None:
        self._file.close()


def _bytes_of(lines: pa.Array) -> pa.Buffer:
    """Return the bytes of all lines one behind another, without a copy."""
    if not len(lines):
        return pa.py_buffer(b"")
    _, offsets, data = lines.buffers()
    places = memoryview(offsets).cast("i")
    start, stop = places[lines.offset], places[lines.offset + len(lines)]
    return data.slice(start, stop - start)
