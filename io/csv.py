"""CSV files: a source that guesses types from the first rows, and a sink."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv as pacsv
from pyarrow import fs

from ..engine.errors import (
    PartitaError,
    SchemaError,
    SinkError,
    SourceCorrupt,
)
from ..engine.schema import schema_of, unify
from ..engine.source import Pushdown, ScanPlan
from .csv_fragment import CsvFragment, CsvOptions, read_header
from .dataset import FileSource, Unreadable, runs
from .lines import Range, can_be_cut, of_first_that_reads, ranges
from .listing import File, Listing
from .partitioned import TableWriter
from .sink import FileSink

_SAMPLE_BYTES = 4 << 20
"""Of the first file, types are guessed from so much; of a few others from a little."""

_SMALLER_SAMPLES = (1 << 16, 1 << 13, 1 << 10, 1 << 7)
_SAMPLED_FILES = 8
_PARSE_COST = 4
"""Parsing a byte of CSV takes as long as decoding about so many of Parquet: ranges are smaller."""


@dataclass(frozen=True, kw_only=True)
class CsvFile:
    """A file and how it is written."""

    file: File
    options: CsvOptions
    store: fs.FileSystem | None

    @cached_property
    def schema(self) -> pa.Schema:
        """What its header tells, read when it is first asked for."""
        return read_header(self.file, self.store, self.options)


@dataclass(frozen=True, eq=False, kw_only=True)
class CsvSource(FileSource[CsvFile]):
    """A dataset of CSV files."""

    format: ClassVar[str] = "csv"

    options: CsvOptions

    @classmethod
    def told(cls, given: pa.Schema | None, options: dict[str, Any]) -> CsvOptions:
        """Return the options, where names are needed with those of the given columns."""
        for name in ("column_names", "null_values"):
            if options.get(name) is not None:
                options[name] = tuple(options[name])
        named = options.get("has_header", True) or options.get("column_names")
        if given is not None and not named:
            options["column_names"] = tuple(given.names)
        try:
            return CsvOptions(**options)
        except TypeError:
            known = CsvOptions.__dataclass_fields__
            unknown = [name for name in options if name not in known]
            raise SchemaError(f"CSV has no option {unknown}; options: {list(known)}.") from None

    @classmethod
    def described(
        cls,
        listing: Listing,
        given: pa.Schema | None,
        options: CsvOptions,
        unreadable: Unreadable,
    ) -> Iterator[CsvFile]:
        """Return the files with what the user says of them: CSV tells little of itself."""
        store = listing.filesystem
        return (CsvFile(file=file, options=options, store=store) for file in listing.files)

    @classmethod
    def unified(cls, files: Sequence[CsvFile], on_error: str) -> pa.Schema:
        """Return one schema for the first rows of the first file and of a few others."""
        step = max(1, len(files) // _SAMPLED_FILES)
        schemas = []
        refused: PartitaError | None = None
        for index, stored in enumerate(files[::step]):
            sample = _SAMPLE_BYTES if index == 0 else _SAMPLE_BYTES // 64
            if stored.file.size:
                # Where bad lines are left out, a few good ones before them tell the columns.
                less = () if on_error == "raise" else _SMALLER_SAMPLES
                try:
                    found = of_first_that_reads(
                        (sample, *less),
                        partial(
                            read_header,
                            stored.file,
                            stored.store,
                            stored.options,
                            skip=on_error == "skip",
                        ),
                    )
                except SourceCorrupt as error:
                    if on_error == "raise":
                        raise
                    # Told by the task that reads it; here it says nothing of the columns.
                    refused = refused or error
                    continue
                schemas.append((stored.file.path, _checked(found, stored, on_error)))
        if not schemas and refused is not None:
            raise refused
        if not schemas:
            raise SchemaError(
                f"{files[0].file.path!r} is empty, so that its columns are not known. Give schema=."
            )
        # A column of nothing but nulls may hold anything later on: text holds it.
        return pa.schema(
            [
                pa.field(field.name, pa.string() if pa.types.is_null(field.type) else field.type)
                for field in unify(schemas)
            ]
        )

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Cut the files into ranges; several small ones make one fragment."""
        wanted = self.wanted(pushdown)
        target = max(1, partition_bytes // _PARSE_COST)
        share = len(wanted) / max(1, len(self.schema))
        stored = [name for name in self.schema.names if name not in self.keys]
        return self.planned(
            CsvFragment(
                parts=tuple(run),
                schema=wanted,
                keys=frozenset(self.keys),
                options=self.options,
                one_column=len(stored) == 1,
                size=int(share * sum(part.size for part in run)),
                store=self.store,
                on_error=self.on_error,
            )
            for run in runs(((part, part.size) for part in self._ranges(target)), target)
        )

    def _ranges(self, target: int) -> Iterator[Range]:
        for file in (stored.file for stored in self.files):
            cut = not self.options.newlines_in_values and can_be_cut(file, self.store)
            yield from ranges(file, target if cut else file.size + 1)


def _checked(found: pa.Schema, stored: CsvFile, on_error: str) -> pa.Schema:
    """Return what a header and the rows behind it tell, or raise what is wrong with it."""
    path, skip = stored.file.path, stored.options.skip_rows
    schema = schema_of(
        found,
        path,
        "Give the columns names of your own: schema={'a': 'int64', ...}, has_header=False,"
        f" skip_rows={skip + 1}.",
    )
    binary = [field.name for field in schema if pa.types.is_binary(field.type)]
    if binary and on_error == "raise":
        raise SourceCorrupt(
            f"{path!r} cannot be read as CSV: its column {binary[0]!r} is not UTF-8. Write it anew,"
            " as with 'iconv -f latin1 -t utf-8', or give all columns with schema= and that one as"
            " 'binary'; on_error='skip' leaves out such lines."
        )
    # Of lines that are left out nothing is kept, so that the others are text.
    return pa.schema(
        [field.with_type(pa.string()) if field.name in binary else field for field in schema]
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
