"""CSV files: a source that guesses types from the first rows, and a sink."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv as pacsv
from pyarrow import fs

from ..engine.errors import SchemaError, SinkError
from ..engine.schema import schema_of, select, unify
from ..engine.source import Pushdown, ScanPlan, Statistics
from .convert import plain_schema
from .csv_fragment import CsvFragment, CsvOptions, Range, read_header
from .hive import partition_schema
from .listing import File, Paths, resolve
from .partitioned import TableWriter
from .sink import FileSink

_SAMPLE_BYTES = 4 << 20
"""Of the first file, types are guessed from so much; of a few others from a little."""

_SAMPLED_FILES = 8
_PARSE_COST = 4
"""Parsing a byte of CSV takes as long as decoding about so many of Parquet: ranges are smaller."""

_COMPRESSED = (".gz", ".bz2", ".zst", ".lz4", ".br")


@dataclass(frozen=True, eq=False)
class CsvSource:
    """A dataset of CSV files."""

    asked: str
    files: tuple[File, ...]
    table_schema: pa.Schema
    keys: tuple[str, ...]
    options: CsvOptions
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
        **options: Any,
    ) -> CsvSource:
        """Return the dataset behind `paths`.

        Parameters
        ----------
        paths, filesystem, hive_partitioning
            See `partita.io.listing.resolve`.
        schema
            Names and types of the columns; without it they are guessed from the first rows.
        missing_columns
            ``insert`` reads a column that a file lacks as null, ``raise`` refuses.
        **options
            See `CsvOptions`.

        Raises
        ------
        SourceNotFound
            If there is no file.
        SourceCorrupt
            If a file is not CSV.
        SchemaError
            If files contradict each other, or an option does not exist.
        """
        if missing_columns not in ("insert", "raise"):
            raise SchemaError(f"missing_columns is 'insert' or 'raise', not {missing_columns!r}.")
        listing = resolve(paths, filesystem=filesystem, hive_partitioning=hive_partitioning)
        folders = partition_schema([file.partition for file in listing.files])
        found = _csv_options(options, schema, folders.names)
        store = listing.filesystem
        if schema is None:
            stored = _guessed(listing.files, store, found)
            kept = [field for field in stored if field.name not in folders.names]
            schema = pa.schema([*kept, *folders])
        schema = plain_schema(schema, "schema=")
        if missing_columns == "raise":
            wanted = [name for name in schema.names if name not in folders.names]
            _check_headers(listing.files, store, found, wanted)
        keys = tuple(name for name in folders.names if name in schema.names)
        return cls(listing.asked, listing.files, schema, keys, found, store)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CsvSource) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        columns = tuple((field.name, field.type) for field in self.table_schema)
        storage = None if self.store is None else id(self.store)
        return (self.files, columns, self.keys, self.options, storage)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the files, then those of the folders."""
        return self.table_schema

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        return f"csv {self.asked!r}"

    def statistics(self) -> Statistics:
        """Return the size; nothing else is known of CSV without reading it."""
        return Statistics(bytes=sum(file.size for file in self.files))

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Cut the files into ranges; several small ones make one fragment."""
        names = self.schema.names if pushdown.columns is None else pushdown.columns
        wanted = select(self.schema, names, self.label)
        target = max(1, partition_bytes // _PARSE_COST)
        share = len(wanted) / max(1, len(self.schema))
        fragments = tuple(
            CsvFragment(
                ranges=tuple(run),
                schema=wanted,
                keys=frozenset(self.keys) & frozenset(wanted.names),
                options=self.options,
                size=int(share * sum(part.stop - part.start for part in run)),
                store=self.store,
            )
            for run in self._runs(target)
        )
        total = sum(file.size for file in self.files)
        return ScanPlan(fragments=fragments, stored_bytes=(total, total))

    def _runs(self, target: int) -> Iterator[list[Range]]:
        run: list[Range] = []
        size = 0
        for file in self.files:
            count = max(1, file.size // target) if self._can_be_cut(file) else 1
            cuts = [file.size * part // count for part in range(count + 1)]
            for start, stop in pairwise(cuts):
                if run and size + (stop - start) / 2 > target:
                    yield run
                    run, size = [], 0
                run.append(Range(file=file, start=start, stop=stop))
                size += stop - start
        if run:
            yield run

    def _can_be_cut(self, file: File) -> bool:
        return (
            self.store is None
            and not self.options.newlines_in_values
            and not file.path.endswith(_COMPRESSED)
        )


def _csv_options(
    options: dict[str, Any], schema: pa.Schema | None, keys: Sequence[str]
) -> CsvOptions:
    for name in ("column_names", "null_values"):
        if options.get(name) is not None:
            options[name] = tuple(options[name])
    if (
        schema is not None
        and not options.get("has_header", True)
        and not options.get("column_names")
    ):
        options["column_names"] = tuple(name for name in schema.names if name not in keys)
    try:
        return CsvOptions(**options)
    except TypeError:
        known = CsvOptions.__dataclass_fields__
        unknown = [name for name in options if name not in known]
        raise SchemaError(f"CSV has no option {unknown}; options: {list(known)}.") from None


def _guessed(files: Sequence[File], store: fs.FileSystem | None, options: CsvOptions) -> pa.Schema:
    """Return one schema for the first rows of the first file and of a few others."""
    step = max(1, len(files) // _SAMPLED_FILES)
    schemas = []
    for index, file in enumerate(files[::step]):
        sample = _SAMPLE_BYTES if index == 0 else _SAMPLE_BYTES // 64
        if file.size:
            found = read_header(file, store, options, sample)
            schemas.append((file.path, schema_of(found, file.path)))
    if not schemas:
        raise SchemaError(
            f"{files[0].path!r} is empty, so that its columns are not known. Give schema=."
        )
    unified = unify(schemas)
    # A column of nothing but nulls may hold anything later on: text holds it.
    return pa.schema(
        [
            pa.field(field.name, pa.string() if pa.types.is_null(field.type) else field.type)
            for field in unified
        ]
    )


def _check_headers(
    files: Sequence[File],
    store: fs.FileSystem | None,
    options: CsvOptions,
    wanted: Sequence[str],
) -> None:
    for file in files:
        found = read_header(file, store, options).names
        lacking = [name for name in wanted if name not in found]
        if lacking:
            raise SchemaError(
                f"Column {lacking[0]!r} is not in {file.path!r}. Pass missing_columns='insert' to"
                " read it as null there."
            )


@dataclass(frozen=True, kw_only=True)
class CsvSink(FileSink):
    """A CSV file or a directory of them; null is written as nothing, empty text as ``""``."""

    separator: str = ","
    has_header: bool = True

    format: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv")

    def check_types(self, schema: pa.Schema) -> None:
        """Refuse columns that have no text."""
        for field in schema:
            if pa.types.is_nested(field.type) and not pa.types.is_dictionary(field.type):
                raise SinkError(
                    f"{self.label}: column {field.name!r} is {field.type}, which CSV cannot hold."
                    " Unnest or drop it, or write Parquet."
                )

    def open(self, path: str, schema: pa.Schema) -> TableWriter:
        """Return a writer of one new CSV file."""
        return _CsvWriter(path, schema, self)


class _CsvWriter:
    def __init__(self, path: str, schema: pa.Schema, sink: CsvSink) -> None:
        self._schema = pa.schema(
            [
                pa.field(
                    field.name,
                    field.type.value_type if pa.types.is_dictionary(field.type) else field.type,
                )
                for field in schema
            ]
        )
        options = pacsv.WriteOptions(include_header=sink.has_header, delimiter=sink.separator)
        self._writer = pacsv.CSVWriter(path, self._schema, write_options=options)

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table.cast(self._schema))

    def close(self) -> None:
        self._writer.close()
