"""A table in memory as a source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..engine.schema import field_index, schema_of
from ..engine.source import ColumnStatistics, Pushdown, ScanPlan, Statistics
from .batches import rebatched, without_columns
from .column_statistics import LazyColumns

_MANY_CHUNKS = 4096
"""Rows: a table whose chunks are shorter on average is copied into longer ones when it is read."""


_FEW_ROWS = 65_536
"""Of so many rows the values are counted: that takes a millisecond."""


def _has_cheap_bounds(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_date(dtype) or pa.types.is_decimal(dtype)


def _is_countable(dtype: pa.DataType) -> bool:
    return _has_cheap_bounds(dtype) or pa.types.is_string(dtype) or pa.types.is_boolean(dtype)


@dataclass(frozen=True, eq=False)
class MemorySource:
    """A table in memory; two are equal when they hold the very same table object."""

    table_read: pa.Table

    def __post_init__(self) -> None:
        schema_of(self.table_read.schema, "the table")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemorySource) and self.table_read is other.table_read

    def __hash__(self) -> int:
        return hash((MemorySource, id(self.table_read)))

    @cached_property
    def schema(self) -> pa.Schema:
        """The schema of the table, without metadata."""
        return self.table_read.schema.remove_metadata()

    @property
    def label(self) -> str:
        """What to call it in a plan: its shape."""
        return f"memory [{self.table_read.num_rows:,} rows]"

    def statistics(self) -> Statistics:
        """Return the size of the table and, column by column when asked for, nulls and bounds."""
        return self._statistics

    @cached_property
    def _statistics(self) -> Statistics:
        table = self.table_read
        return Statistics(
            rows=table.num_rows,
            bytes=table.nbytes,
            columns=LazyColumns(table.column_names, self._column_statistics),
        )

    def _column_statistics(self, name: str) -> ColumnStatistics:
        column = self.table_read.column(name)
        nulls = column.null_count
        few = len(column) <= _FEW_ROWS and _is_countable(column.type)
        distinct = pc.count_distinct(column).as_py() if few else None
        low = high = None
        if _has_cheap_bounds(column.type):
            try:
                low, high = pc.min_max(column).as_py().values()
            except (OverflowError, ValueError):
                # Days outside of the years 1 to 9999, for which Python has no date.
                low = high = None
        return ColumnStatistics(minimum=low, maximum=high, null_count=nulls, distinct=distinct)

    def plan(self, pushdown: Pushdown, partition_bytes: int) -> ScanPlan:
        """Return slices of equal length; an empty table gives no fragment."""
        table = self.table_read
        columns = tuple(table.column_names) if pushdown.columns is None else pushdown.columns
        needed = [table.column(field_index(table.schema, name)) for name in columns]
        size = sum(column.nbytes for column in needed)
        rows = table.num_rows
        if pushdown.limit is not None and pushdown.predicate is None:
            rows = min(rows, pushdown.limit)
        if rows == 0:
            return ScanPlan(fragments=())
        share = size * rows // table.num_rows
        count = min(rows, max(1, -(-share // partition_bytes)))
        cuts = [rows * part // count for part in range(count + 1)]
        return ScanPlan(
            fragments=tuple(
                MemoryFragment(
                    table_read=table,
                    columns=columns,
                    start=start,
                    stop=stop,
                    size=size * (stop - start) // table.num_rows,
                )
                for start, stop in pairwise(cuts)
            )
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class MemoryFragment:
    """A slice of a table; a pickle of it carries the rows and columns of the slice alone."""

    table_read: pa.Table
    columns: tuple[str, ...]
    start: int
    stop: int
    size: int

    @property
    def label(self) -> str:
        """Which rows of the table it is."""
        return f"rows {self.start:,} to {self.stop:,} of a table in memory"

    @property
    def rows(self) -> int:
        """Rows of the slice."""
        return self.stop - self.start

    @property
    def bytes(self) -> int:
        """Bytes of the columns of the slice."""
        return self.size

    @property
    def stored_bytes(self) -> int:
        """Nothing is read from storage."""
        return 0

    def table(self) -> pa.Table:
        """Return the slice: zero copy but where its chunks are very short."""
        piece = self.table_read.select(list(self.columns)).slice(self.start, self.rows)
        chunks = max((column.num_chunks for column in piece.columns), default=1)
        return piece.combine_chunks() if chunks > 1 + self.rows // _MANY_CHUNKS else piece

    def batches(self, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the slice, zero copy."""
        if not self.columns:
            yield from without_columns(self.rows, batch_rows)
            return
        yield from rebatched(self.table(), batch_rows)

    def __getstate__(self) -> dict[str, Any]:
        # Arrow pickles the whole buffers of a slice; its IPC format cuts them to the slice.
        stream = pa.BufferOutputStream()
        piece = self.table()
        with pa.ipc.new_stream(stream, piece.schema) as writer:
            writer.write_table(piece)
        state = {name: value for name, value in self.__dict__.items() if name != "table_read"}
        return {**state, "stream": stream.getvalue().to_pybytes()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        stream = state.pop("stream")
        table = pa.ipc.open_stream(stream).read_all()
        start, stop = state["start"], state["stop"]
        self.__dict__.update(state, table_read=table, start=0, stop=stop - start)
