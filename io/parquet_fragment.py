"""One task's share of a Parquet dataset: runs of row groups of one file, or of several small ones.

Each row group is read whole, by one thread: the parallelism of a query is its tasks. Measured on
3 M rows of lineitem (27 row groups), 2 columns of 16, one thread, warm cache: two numeric columns
take 0.040 s, two dictionary-encoded text columns 0.007 s, and `read_row_group` and `iter_batches`,
mapped or not, buffered before or not, are within 5 % of each other. So local files are simply
read: a mapped file would count as memory, and crash the reader if it were truncated meanwhile.
Storage that is far away is read ahead (`pre_buffer`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial

import pyarrow as pa
import pyarrow.parquet as pq

from ..engine.errors import MemoryLimitExceeded, SourceCorrupt, SourceNotFound
from ..engine.schema import select
from ..engine.source import RowFilters
from .batches import rebatched, without_columns
from .bounds import Bounds, of_scalar
from .checking import check_values
from .conforming import CODES, conformed
from .file_errors import UNREADABLE, blame, reason
from .file_fragment import FileFragment
from .hive import partition_value
from .listing import File
from .parquet_footer import Footer, footer_of
from .parquet_footers import keep_footer, known_footer, open_file
from .parquet_pages import bytes_at_once
from .row_group_filter import RowGroupFilter
from .watching import changed, watched

_PART_BYTES = 16 << 20
"""A row group that is not held whole comes in parts of so many bytes, or one row."""

_READ_BYTES = 16 << 20
"""So much of its columns is then read at once, all together: else each is read whole."""

_LEAST_READ, _MOST_READ = 4 << 10, 1 << 20
"""Of one column."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some row groups of one file."""

    file: File
    groups: tuple[int, ...]
    group_rows: tuple[int, ...]
    """Rows of each, as the footer told when the scan was planned."""

    absent: frozenset[str] = frozenset()
    """Columns to give that the file lacks."""

    def is_of(self, rows: Sequence[int]) -> bool:
        """Return whether a file whose row groups have `rows` is the one that was planned."""
        if len(rows) == len(self.groups):
            return tuple(rows) == self.group_rows
        count = len(rows)
        return all(
            group < count and rows[group] == planned
            for group, planned in zip(self.groups, self.group_rows, strict=True)
        )

    def __str__(self) -> str:
        name = "row group" if len(self.groups) == 1 else "row groups"
        return f"{self.file.path} [{name} {_runs(self.groups)}]"


@dataclass(frozen=True, kw_only=True)
class ParquetFragment(FileFragment[Part]):
    """Row groups that one task reads."""

    text_as_codes: frozenset[str]
    """Text columns that flow as dictionaries: all row groups of all parts hold them so."""

    stored_size: int

    @property
    def rows(self) -> int | None:
        """Rows of the row groups; not known where some may be left out."""
        return self._told_rows if self.on_error == "raise" else None

    @cached_property
    def _told(self) -> list[int]:
        return [rows for part in self.parts for rows in part.group_rows]

    @cached_property
    def _told_rows(self) -> int:
        return sum(self._told)

    @property
    def stored_bytes(self) -> int:
        """Compressed bytes of the column chunks."""
        return self.stored_size

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the rows; short row groups and files are put together into one batch."""
        return self.filtered_batches(batch_rows, RowFilters())

    def filtered_batches(self, batch_rows: int, filters: RowFilters) -> Iterator[pa.RecordBatch]:
        """Stream the rows, but for row groups of which nothing would pass."""
        if not self.schema.names:
            yield from without_columns(self._told_rows, batch_rows)
            return
        filtering = RowGroupFilter(filters)
        waiting: list[pa.Table] = []
        rows = 0
        for part in self.parts:
            for table in self._readable(part, batch_rows, filtering):
                # What is streamed comes in parts that are no longer than they may be.
                if waiting and (self._streams(filtering) or rows + table.num_rows > batch_rows):
                    yield from _given(waiting, batch_rows, filtering)
                    waiting, rows = [], 0
                waiting.append(table)
                rows += table.num_rows
        if waiting:
            yield from _given(waiting, batch_rows, filtering)

    def _streams(self, filtering: RowGroupFilter) -> bool:
        """Return whether it is one row group that may not be held whole."""
        return self.size > filtering.most_bytes and len(self._told) == 1

    def _readable(
        self, part: Part, batch_rows: int, filtering: RowGroupFilter
    ) -> Iterator[pa.Table]:
        """Yield what `_tables` does; a file that cannot be opened may be left out."""
        try:
            with watched(part.file) if self.store is None else nullcontext():
                yield from self._tables(part, batch_rows, filtering)
        except (SourceCorrupt, SourceNotFound) as error:
            self.leave_out(part.file, f"row groups {_runs(part.groups)}", error)

    def _tables(self, part: Part, batch_rows: int, filtering: RowGroupFilter) -> Iterator[pa.Table]:
        """Yield tables of about `batch_rows` rows, or of one row group where that is longer."""
        file = part.file
        of_folders = [each for each in filtering.ranges if each[0] in self.keys]
        if of_folders and not filtering.may_hold(of_folders, partial(self._folder_bounds, file)):
            filtering.skip(len(part.groups))
            return
        stored = self.stored_names
        if part.absent:
            stored = [name for name in stored if name not in part.absent]
        with open_file(file, self.store) as handle:
            streams = self._streams(filtering)
            at_once = max(_LEAST_READ, min(_READ_BYTES // max(len(stored), 1), _MOST_READ))
            footer, reader = self._reader(part, handle, stored, at_once if streams else 0)
            groups = self._needed(part, footer, filtering)
            if not stored:
                yield self._conformed(pa.table({}), sum(rows for _, rows in groups), file)
                return
            if streams:
                for group, _ in groups:
                    self._check_fits(handle, footer, group, stored, filtering.share)
                yield from self._streamed(reader, groups, stored, file, batch_rows)
                return
            for run in _reads(groups, batch_rows):
                # Each row group for itself where any of them may fall away.
                parts = [[group] for group in run] if filtering.first_columns(stored) else [run]
                for groups_at_once in parts:
                    yield from self._run(reader, groups_at_once, stored, file, filtering)

    def _run(
        self,
        reader: pq.ParquetFile,
        run: Sequence[tuple[int, int]],
        stored: list[str],
        file: File,
        filtering: RowGroupFilter,
    ) -> Iterator[pa.Table]:
        """Yield the rows of some row groups; each that cannot be read may be left out."""
        try:
            table = self._table(reader, run, stored, file, filtering)
        except SourceCorrupt as error:
            if len(run) == 1 or self.tell is None:
                self.leave_out(file, f"row group {run[0][0]}", error)
                return
            for group in run:
                yield from self._run(reader, [group], stored, file, filtering)
        else:
            if table is not None:
                yield table

    def _table(
        self,
        reader: pq.ParquetFile,
        run: Sequence[tuple[int, int]],
        stored: list[str],
        file: File,
        filtering: RowGroupFilter,
    ) -> pa.Table | None:
        """Return the rows of some row groups, None where nothing of them would pass."""
        numbers = [group for group, _ in run]
        rows = sum(rows for _, rows in run)
        first = filtering.first_columns(stored)
        if not first:
            return self._conformed(_read(reader, numbers, rows, stored, file), rows, file)
        tested = _read(reader, numbers, rows, first, file)
        if not filtering.leaves_something(self._conformed(tested, rows, file, first)):
            return None
        rest = [name for name in stored if name not in first]
        whole = _side_by_side(tested, _read(reader, numbers, rows, rest, file), stored)
        return self._conformed(whole, rows, file)

    def _streamed(
        self,
        reader: pq.ParquetFile,
        groups: Sequence[tuple[int, int]],
        stored: list[str],
        file: File,
        batch_rows: int,
    ) -> Iterator[pa.Table]:
        """Yield a row group that is large when decoded as it is decoded.

        A file of 4 kB can hold 2 GB: the same value over and over.
        """
        for group, rows in groups:
            given = 0
            at_once = max(1, min(batch_rows, rows * _PART_BYTES // self.size))
            try:
                for batch in reader.iter_batches(
                    at_once, row_groups=[group], columns=stored, use_threads=False
                ):
                    check_values(batch.columns)
                    given += batch.num_rows
                    table = pa.Table.from_batches([batch])
                    yield self._conformed(table, batch.num_rows, file)
                if given != rows:
                    raise _damaged(file, [group], _other_rows(given, rows))
            except (SourceCorrupt, *UNREADABLE) as error:
                if not isinstance(error, SourceCorrupt):
                    error = _damaged(file, [group], f"cannot be read: {reason(error)}.")
                behind = f", all behind its row {given:,}" if given else ""
                self.leave_out(file, f"row group {group}{behind}", error)

    def _check_fits(
        self, handle: pa.NativeFile, footer: Footer, group: int, stored: list[str], share: int
    ) -> None:
        """Check that a row group can be read in parts that may be held."""
        leaves = [leaf for name in stored for leaf in footer.columns[name].leaves]
        needed = bytes_at_once(handle, footer.metadata.row_group(group), leaves)
        if needed > share:
            raise MemoryLimitExceeded(
                f"Row group {group} of {footer.file.path!r} needs {needed:,} bytes at once, for a"
                f" page and the dictionary of each of {len(leaves):,} columns, and a task may take"
                f" {share:,} of memory_limit. Raise memory_limit, take fewer workers, read fewer"
                " columns, or write the file with smaller pages and dictionaries."
            )

    def _needed(
        self, part: Part, footer: Footer, filtering: RowGroupFilter
    ) -> Sequence[tuple[int, int]]:
        """Return the row groups that may hold what passes, with their rows."""
        groups = list(zip(part.groups, part.group_rows, strict=True))
        if not filtering.ranges:
            return groups
        kept = [
            (group, rows)
            for group, rows in groups
            if filtering.may_hold(filtering.ranges, partial(self._bounds, footer, group))
        ]
        if len(kept) < len(groups):
            filtering.skip(len(groups) - len(kept))
        return kept

    def _bounds(self, footer: Footer, group: int, name: str) -> Bounds:
        if name in self.keys:
            return self._folder_bounds(footer.file, name)
        return footer.bounds_as(name, group, self.schema.field(name).type)

    def _folder_bounds(self, file: File, name: str) -> Bounds:
        dtype = self.schema.field(name).type
        text = dict(file.partition).get(name)
        return of_scalar(partition_value(text, dtype, repr(file.path)))

    def _reader(
        self, part: Part, handle: pa.NativeFile, stored: list[str], at_once: int
    ) -> tuple[Footer, pq.ParquetFile]:
        """Return a file's footer and a reader of it, checked to be what they were when planned.

        The footer is parsed with it, unless this process knows it: then it is kept for the tasks
        that read other row groups. Of a column `at_once` bytes are read, all of it if that is 0.
        """
        known = known_footer(part.file, self.store)
        codes = self.text_as_codes
        try:
            reader = pq.ParquetFile(
                handle,
                metadata=None if known is None else known.metadata,
                read_dictionary=[name for name in stored if name in codes] if codes else None,
                buffer_size=at_once,
                pre_buffer=self.store is not None and not at_once,
            )
        except (*UNREADABLE, KeyError) as error:
            blame(error)
            raise changed(part.file) from None
        footer = known
        if footer is None:
            footer = footer_of(part.file, reader.metadata)
            keep_footer(footer, self.store)
        if not part.is_of(footer.rows) or not footer.columns.keys() >= set(stored):
            raise changed(part.file)
        return footer, reader

    def _conformed(
        self, table: pa.Table, rows: int, file: File, names: Sequence[str] | None = None
    ) -> pa.Table:
        """Return what was read with the columns of the fragment, or with `names` of them."""
        if names is None and table.num_columns == len(self.schema.names):
            # In another order in the file, and perhaps said to be without nulls.
            found = table.select(self.schema.names)
            if found.schema.types == self._as_read.types:
                return pa.Table.from_arrays(found.columns, schema=self._as_read)
        schema = self.schema if names is None else select(self.schema, names)
        return conformed(table, rows, schema, file, self.keys, self.text_as_codes)

    @cached_property
    def _as_read(self) -> pa.Schema:
        """The columns as they are given; what is read like that needs nothing done to it."""
        return pa.schema(
            [
                pa.field(field.name, CODES if field.name in self.text_as_codes else field.type)
                for field in self.schema
            ]
        )


def _damaged(file: File, run: list[int], found: str) -> SourceCorrupt:
    return SourceCorrupt(
        f"Row groups {_runs(run)} of {file.path!r} {found}"
        " The file is damaged; write it again or leave it out."
    )


def _read(
    reader: pq.ParquetFile, run: list[int], rows: int, names: list[str], file: File
) -> pa.Table:
    try:
        table = reader.read_row_groups(run, columns=names, use_threads=False)
        check_values(table.columns)
    except UNREADABLE as error:
        raise _damaged(file, run, f"cannot be read: {reason(error)}.") from None
    if table.num_rows != rows:
        raise _damaged(file, run, _other_rows(table.num_rows, rows))
    return table


def _other_rows(found: int, told: int) -> str:
    return f"hold {found:,} rows, the footer tells of {told:,}:"


def _side_by_side(left: pa.Table, right: pa.Table, names: list[str]) -> pa.Table:
    there = dict(zip(left.column_names, left.columns, strict=True))
    there.update(zip(right.column_names, right.columns, strict=True))
    return pa.table({name: there[name] for name in names})


def _given(
    tables: list[pa.Table], batch_rows: int, filtering: RowGroupFilter
) -> Iterator[pa.RecordBatch]:
    filtering.giving()
    yield from rebatched(_joined(tables), batch_rows)
    filtering.given()


def _joined(tables: list[pa.Table]) -> pa.Table:
    if len(tables) == 1 and all(column.num_chunks < 2 for column in tables[0].columns):
        return tables[0]
    # Dictionaries of several row groups become one here.
    return pa.concat_tables(tables).combine_chunks()


def _reads(groups: Sequence[tuple[int, int]], batch_rows: int) -> Iterator[list[tuple[int, int]]]:
    """Yield row groups to read at once, with their rows: several while they fill no batch."""
    run: list[tuple[int, int]] = []
    rows = 0
    for group, count in groups:
        if run and rows + count > batch_rows:
            yield run
            run, rows = [], 0
        run.append((group, count))
        rows += count
    if run:
        yield run


def _runs(groups: tuple[int, ...] | list[int]) -> str:
    """Return row groups as text: ``0 to 4``, or a list where they have gaps."""
    if groups[-1] - groups[0] == len(groups) - 1:
        return str(groups[0]) if len(groups) == 1 else f"{groups[0]} to {groups[-1]}"
    return ", ".join(map(str, groups))
