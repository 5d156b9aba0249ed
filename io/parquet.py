"""Parquet datasets as a source: one schema over all files, and what a scan can leave out.

Reading itself is in ``parquet_fragment``, what footers tell in ``parquet_footer``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar

import pyarrow as pa

from ..engine.errors import SchemaError
from ..engine.source import ColumnStatistics, Pushdown, ScanPlan, Statistics
from .bounds import Bounds, as_type, of_scalar
from .column_statistics import LazyColumns, combined
from .dataset import FileSource, runs
from .hive import partition_value
from .listing import Listing
from .parquet_footer import Chunk, Footer, read_footers
from .parquet_fragment import ParquetFragment, Part
from .pruning import may_match

_FILE_BYTES = 256 * 1024
"""What opening a file costs, in decoded bytes that could be read meanwhile: it keeps thousands of
tiny files from being one task's work."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ParquetSource(FileSource[Footer]):
    """A Parquet dataset: its files with their footers, and one schema over them."""

    format: ClassVar[str] = "parquet"

    @classmethod
    def described(
        cls, listing: Listing, given: pa.Schema | None, options: None
    ) -> Sequence[Footer]:
        """Return the footers; nothing else is read."""
        footers = read_footers(listing.files, listing.filesystem)
        if given is not None:
            for footer in footers:
                _check_castable(footer, given)
        return footers

    def statistics(self) -> Statistics:
        """Return rows, decoded bytes and, column by column when asked for, what footers tell."""
        return self._statistics

    @cached_property
    def _statistics(self) -> Statistics:
        rows = sum(sum(footer.rows) for footer in self.files)
        size = sum(
            self._decoded_bytes(footer, group, self.schema.names)
            for footer in self.files
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
            for footer in self.files
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
        if name not in footer.columns:
            return footer.rows[group]
        return footer.chunks(name)[group].nulls

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Leave out what the predicate is true for nowhere; cut the rest into fragments."""
        wanted = self.wanted(pushdown)
        pieces = list(self._pieces(pushdown, wanted.names))
        files = len({id(piece.footer) for piece in pieces})
        groups = sum(len(footer.rows) for footer in self.files)
        return self.planned(
            (self._fragment(run, wanted) for run in runs(_sized(pieces), partition_bytes)),
            {"files": (files, len(self.files)), "row groups": (len(pieces), groups)},
        )

    def _pieces(self, pushdown: Pushdown, names: Sequence[str]) -> Iterator[_Piece]:
        predicate = pushdown.predicate
        enough = pushdown.limit if predicate is None else None
        found = 0
        for footer in self.files:
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
        dtype = self._types[name]
        if name in self.keys:
            text = dict(footer.file.partition).get(name)
            return of_scalar(partition_value(text, dtype, repr(footer.file.path)))
        known = footer.bounds(name, group)
        stored = footer.columns.get(name)
        if stored is None or stored.plain == dtype:
            return known
        return as_type(known, stored.plain, dtype)

    @cached_property
    def _types(self) -> Mapping[str, pa.DataType]:
        return {field.name: field.type for field in self.schema}

    @cached_property
    def _widths(self) -> Mapping[str, int | None]:
        return {name: _fixed_width(dtype) for name, dtype in self._types.items()}

    def _decoded_bytes(self, footer: Footer, group: int, names: Sequence[str]) -> int:
        rows = footer.rows[group]
        total = 0
        for name in names:
            if name in self.keys or name not in footer.columns:
                total += 4 * rows
                continue
            width = self._widths[name]
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
            keys=frozenset(self.keys),
            size=sum(piece.size for piece in run),
            stored_size=sum(
                piece.footer.chunks(name)[piece.group].stored_bytes
                for piece in run
                for name in wanted.names
                if name not in self.keys and name in piece.footer.columns
            ),
            store=self.store,
        )

    def _are_codes(self, name: str, run: Sequence[_Piece]) -> bool:
        """Return whether each row group that has the text column has it dictionary-encoded."""
        if name in self.keys:
            return False
        having = [piece for piece in run if name in piece.footer.columns]
        return bool(having) and all(
            piece.footer.columns[name].plain == pa.string()
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


def _sized(pieces: Sequence[_Piece]) -> Iterator[tuple[_Piece, int]]:
    """Yield each piece with its bytes and, for the first of a file, what opening the file costs."""
    before = None
    for piece in pieces:
        yield piece, piece.size + (_FILE_BYTES if piece.footer is not before else 0)
        before = piece.footer


def _check_castable(footer: Footer, given: pa.Schema) -> None:
    """Check that the columns which a file has can be read with the types that the user gave."""
    for field in given:
        index = footer.schema.get_field_index(field.name)
        if index < 0:
            continue
        stored = footer.schema.field(index).type
        try:
            pa.array([], stored).cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise SchemaError(
                f"Column {field.name!r} is {stored} in {footer.file.path!r} and cannot be read as"
                f" {field.type}, which schema= asks for."
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
