"""Parquet datasets as a source: one schema over all files, and what a scan can leave out.

Reading itself is in ``parquet_fragment``, what footers tell in ``parquet_footer``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import pyarrow as pa
from pyarrow import fs

from ..engine.errors import SchemaError
from ..engine.schema import field_index, select, unify
from ..engine.source import ColumnStatistics, Pushdown, ScanPlan, Statistics
from .bounds import Bounds, as_type, of_scalar
from .column_statistics import LazyColumns, combined
from .convert import plain_schema, plain_type
from .hive import partition_schema, partition_value
from .listing import File, Paths, resolve
from .parquet_footer import Chunk, Footer, read_footers
from .parquet_fragment import ParquetFragment, Part
from .pruning import may_match

_FILE_BYTES = 256 * 1024
"""What opening a file costs, in decoded bytes that could be read meanwhile: it keeps thousands of
tiny files from being one task's work."""


@dataclass(frozen=True, eq=False)
class ParquetSource:
    """A Parquet dataset: its files with their footers, and one schema over them."""

    asked: str
    footers: tuple[Footer, ...]
    table_schema: pa.Schema
    keys: tuple[str, ...] = ()
    """Columns that come from folder names."""

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
    ) -> ParquetSource:
        """Return the dataset behind `paths`; all footers are read, and nothing else.

        Parameters
        ----------
        paths, filesystem, hive_partitioning
            See `partita.io.listing.resolve`.
        schema
            The columns and types to read instead of what the files tell together.
        missing_columns
            ``insert`` reads a column that a file lacks as null, ``raise`` refuses.

        Raises
        ------
        SourceNotFound
            If there is no file.
        SourceCorrupt
            If a file is not Parquet.
        SchemaError
            If the files' schemas contradict each other.
        """
        if missing_columns not in ("insert", "raise"):
            raise SchemaError(f"missing_columns is 'insert' or 'raise', not {missing_columns!r}.")
        listing = resolve(paths, filesystem=filesystem, hive_partitioning=hive_partitioning)
        footers = tuple(read_footers(listing.files, listing.filesystem))
        folders = partition_schema([file.partition for file in listing.files])
        if schema is None:
            stored = _unified(footers)
            kept = [field for field in stored if field.name not in folders.names]
            unified = pa.schema([*kept, *folders])
        else:
            unified = plain_schema(schema, "schema=")
        _check_columns(footers, unified, folders.names, missing_columns, schema is not None)
        keys = tuple(name for name in folders.names if name in unified.names)
        return cls(listing.asked, footers, unified, keys, listing.filesystem)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParquetSource) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        columns = tuple((field.name, field.type) for field in self.table_schema)
        storage = None if self.store is None else id(self.store)
        return (tuple(footer.file for footer in self.footers), columns, self.keys, storage)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the files, then those of the folders."""
        return self.table_schema

    @property
    def label(self) -> str:
        """What to call it in a plan."""
        return f"parquet {self.asked!r}"

    def statistics(self) -> Statistics:
        """Return rows, decoded bytes and, column by column when asked for, what footers tell."""
        return self._statistics

    @cached_property
    def _statistics(self) -> Statistics:
        rows = sum(sum(footer.rows) for footer in self.footers)
        size = sum(
            self._decoded_bytes(footer, group, self.table_schema.names)
            for footer in self.footers
            for group in range(len(footer.rows))
        )
        return Statistics(
            rows=rows,
            bytes=size,
            columns=LazyColumns(self.schema.names, self._column_statistics),
        )

    def _column_statistics(self, name: str) -> ColumnStatistics:
        groups = [
            (footer, group)
            for footer in self.footers
            for group, rows in enumerate(footer.rows)
            if rows
        ]
        distinct = None
        if name in self.keys:
            distinct = len({dict(footer.file.partition).get(name) for footer, _ in groups})
        return combined(
            [self._bounds(name, footer, group) for footer, group in groups],
            [self._null_count(name, footer, group) for footer, group in groups],
            self.schema.field(name).type,
            distinct,
        )

    def _null_count(self, name: str, footer: Footer, group: int) -> int | None:
        if name in self.keys:
            value = dict(footer.file.partition).get(name)
            return footer.rows[group] if value is None else 0
        if name not in footer.physical.names:
            return footer.rows[group]
        return footer.chunks(name)[group].nulls

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Leave out what the predicate is true for nowhere; cut the rest into fragments."""
        names = self.schema.names if pushdown.columns is None else pushdown.columns
        wanted = select(self.schema, names, self.label)
        pieces = list(self._pieces(pushdown, wanted.names))
        fragments = tuple(self._fragment(run, wanted) for run in _cut(pieces, partition_bytes))
        files = len({id(piece.footer) for piece in pieces})
        groups = sum(len(footer.rows) for footer in self.footers)
        return ScanPlan(
            fragments=fragments,
            pruned={
                "files": (files, len(self.footers)),
                "row groups": (len(pieces), groups),
            },
            stored_bytes=(
                sum(fragment.stored_bytes for fragment in fragments),
                sum(footer.file.size for footer in self.footers),
            ),
        )

    def _pieces(self, pushdown: Pushdown, names: Sequence[str]) -> Iterator[_Piece]:
        predicate = pushdown.predicate
        enough = pushdown.limit if predicate is None else None
        found = 0
        for footer in self.footers:
            for group, rows in enumerate(footer.rows):
                if enough is not None and found >= enough:
                    return
                if not rows:
                    continue
                known = partial(self._bounds, footer=footer, group=group)
                if predicate is not None and not may_match(predicate, known):
                    continue
                found += rows
                yield _Piece(footer, group, rows, self._decoded_bytes(footer, group, names))

    def _bounds(self, name: str, footer: Footer, group: int) -> Bounds:
        dtype = self.schema.field(field_index(self.schema, name)).type
        if name in self.keys:
            text = dict(footer.file.partition).get(name)
            return of_scalar(partition_value(text, dtype, repr(footer.file.path)))
        known = footer.bounds(name, group)
        if name not in footer.physical.names:
            return known
        return as_type(known, plain_type(footer.physical.field(name).type), dtype)

    def _decoded_bytes(self, footer: Footer, group: int, names: Sequence[str]) -> int:
        rows = footer.rows[group]
        total = 0
        for name in names:
            if name in self.keys or name not in footer.physical.names:
                total += 4 * rows
                continue
            width = _fixed_width(self.schema.field(name).type)
            if width is not None:
                total += rows * width // 8
            else:
                total += _variable_bytes(footer.chunks(name)[group], rows)
        return total

    def _fragment(self, run: Sequence[_Piece], wanted: pa.Schema) -> ParquetFragment:
        parts: list[Part] = []
        groups: dict[int, list[_Piece]] = {}
        for piece in run:
            groups.setdefault(id(piece.footer), []).append(piece)
        for pieces in groups.values():
            parts.append(
                Part(
                    file=pieces[0].footer.file,
                    groups=tuple(piece.group for piece in pieces),
                    group_rows=tuple(piece.rows for piece in pieces),
                )
            )
        return ParquetFragment(
            parts=tuple(parts),
            schema=wanted,
            text_as_codes=frozenset(
                field.name
                for field in wanted
                if field.type == pa.string() and self._are_codes(field.name, run)
            ),
            keys=frozenset(self.keys) & frozenset(wanted.names),
            size=sum(piece.size for piece in run),
            stored_size=sum(
                piece.footer.chunks(name)[piece.group].stored_bytes
                for piece in run
                for name in wanted.names
                if name not in self.keys and name in piece.footer.physical.names
            ),
            store=self.store,
        )

    def _are_codes(self, name: str, run: Sequence[_Piece]) -> bool:
        """Return whether each row group that has the text column has it dictionary-encoded."""
        if name in self.keys:
            return False
        having = [piece for piece in run if name in piece.footer.physical.names]
        return bool(having) and all(
            plain_type(piece.footer.physical.field(name).type) == pa.string()
            and piece.footer.chunks(name)[piece.group].is_dictionary
            for piece in having
        )


@dataclass(frozen=True)
class _Piece:
    """A row group to be read."""

    footer: Footer
    group: int
    rows: int
    size: int


def _cut(pieces: Sequence[_Piece], partition_bytes: int) -> Iterator[list[_Piece]]:
    """Yield runs of about `partition_bytes`; at least one row group each."""
    run: list[_Piece] = []
    size = 0
    for piece in pieces:
        own = piece.size
        if not run or run[-1].footer is not piece.footer:
            own += _FILE_BYTES
        # A cut falls where it comes nearest to the wanted size.
        if run and size + own / 2 > partition_bytes:
            yield run
            run, size = [], 0
        run.append(piece)
        size += own
    if run:
        yield run


def _unified(footers: Sequence[Footer]) -> pa.Schema:
    first = footers[0].schema
    if all(footer.schema.equals(first) for footer in footers[1:]):
        return pa.schema([pa.field(field.name, field.type) for field in first])
    distinct: dict[pa.Schema, str] = {}
    for footer in footers:
        distinct.setdefault(footer.schema, footer.file.path)
    return unify([(path, schema) for schema, path in distinct.items()])


def _check_columns(
    footers: Sequence[Footer],
    schema: pa.Schema,
    keys: Sequence[str],
    missing_columns: str,
    given: bool,
) -> None:
    """Check what each file has against the schema of all."""
    for footer in footers:
        for field in schema:
            if field.name in keys:
                continue
            index = footer.schema.get_field_index(field.name)
            if index < 0 and missing_columns == "raise":
                raise SchemaError(
                    f"Column {field.name!r} is not in {footer.file.path!r}. Pass"
                    " missing_columns='insert' to read it as null there."
                )
            if given and index >= 0:
                _check_castable(footer.schema.field(index), field.type, footer.file)


def _check_castable(stored: pa.Field, dtype: pa.DataType, file: File) -> None:
    if stored.type == dtype:
        return
    try:
        pa.array([], stored.type).cast(dtype)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise SchemaError(
            f"Column {stored.name!r} is {stored.type} in {file.path!r} and cannot be read as"
            f" {dtype}, which schema= asks for."
        ) from None


def _fixed_width(dtype: pa.DataType) -> int | None:
    """Return the bits of a value, None for a type without a fixed number."""
    if pa.types.is_null(dtype):
        return 0
    if pa.types.is_dictionary(dtype):
        return 32
    if not pa.types.is_primitive(dtype) and not pa.types.is_decimal(dtype):
        return None
    return dtype.bit_width


def _variable_bytes(chunk: Chunk, rows: int) -> int:
    """Return about how many bytes values without a fixed width take when decoded."""
    if chunk.is_dictionary:
        return 4 * rows + min(chunk.encoded_bytes, 1 << 20)
    return chunk.encoded_bytes + rows
